use super::super::{
    facts::{Certification, Standing},
    template::tests::shipped,
};
use super::*;
use kernel::identity_number::NationalId;
use time::macros::{date, datetime};

fn student(id: i64) -> Student {
    Student {
        id: id.into(),
        number: format!("11500{id}"),
        name: "林小安".to_owned(),
        class: None,
        class_name: "101".to_owned(),
        seat: Some(1),
        national_id: Some(NationalId::nth(7)),
        birth_date: date!(2010 - 03 - 05),
        standing: Standing::Here,
    }
}

fn pdf(byte: u8) -> File {
    File { sha256: vec![byte; 32], media_type: "application/pdf".to_owned(), size: 9 }
}

fn outcome(id: i64, values: &[(&str, &str)]) -> Item {
    let values = values.iter().map(|(source, text)| ((*source).to_owned(), Value::Text((*text).to_owned()))).collect();
    Item {
        reference: ItemRef::Outcome(id.into()),
        student: 1.into(),
        kind: 1,
        label: "國語文".to_owned(),
        values,
        document: Some(pdf(0xAB)),
        media: None,
        is_withdrawn: false,
        certification: Some(Certification { stands: true, document_sha256: Some(vec![0xAB; 32]), media_sha256: None }),
    }
}

const COURSE: [(&str, &str); 6] = [
    ("course.term", "1"),
    ("course.course_code", "115353302H1110101010001"),
    ("course.subject_name", "國語文"),
    ("course.grade", "1"),
    ("course.credits", "4"),
    ("item.summary", "讀《紅樓夢》"),
];

fn drafted(code: i16, items: Vec<Item>) -> Draft {
    let keys = Keys::derive(&[7; 32]).unwrap();
    let links = Links {
        keys: &keys,
        school: "353302".parse().unwrap(),
        origin: "https://files.example.tw",
        expires_at: datetime!(2026-11-29 0:00 UTC),
    };
    let roster = super::super::RosterCode::new(code).unwrap().roster;
    let facts = Facts { students: [(1.into(), student(1))].into(), items };
    draft(roster, AcademicYear::new(115).unwrap(), &shipped(code), &facts, &links)
}

fn troubles(draft: &Draft) -> Vec<&'static str> {
    draft.findings.iter().map(|finding| finding.trouble.code()).collect()
}

/// Domain §5: "Dates inside rosters are ROC 7 digits"; §5.6: the order of the sheet 學期課程學習成果.
#[test]
fn an_outcome_becomes_a_row_of_its_sheet() {
    let draft = drafted(26, vec![outcome(12, &COURSE)]);
    assert_eq!(troubles(&draft), [""; 0]);
    let row = &draft.rows[0];
    assert_eq!(row.row_no, 2, "row 1 holds the headings");
    assert_eq!(row.cells[0], NationalId::nth(7).expose());
    assert_eq!(row.cells[1..7], ["0990305", "1", "115353302H1110101010001", "國語文", "1", "4"]);
    assert!(
        row.cells[7].starts_with("https://files.example.tw/f/")
            && row.cells[7].ends_with(&format!("/{}.pdf", "ab".repeat(32)))
    );
    assert!(row.cells[7].len() <= 500, "links ≤500, this one has {}", row.cells[7].len());
    assert_eq!(row.cells[8..], ["", "讀《紅樓夢》"]);
}

/// Domain §5.6: 原修課… columns; what the school's roster doesn't tell is the course itself.
#[test]
fn a_retake_names_the_original_course() {
    let values = [&COURSE[..], &[("orig.year", "114"), ("orig.term", "2"), ("orig.retake_mode", "3")]].concat();
    let mut retake = outcome(12, &values);
    retake.kind = 2;
    let draft = drafted(26, vec![retake]);
    assert_eq!(troubles(&draft), [""; 0]);
    assert_eq!(draft.rows[0].cells[2..10], ["114", "2", "1", "115353302H1110101010001", "國語文", "1", "4", "3"]);
}

/// Domain §5.6: roster 28 has 學期, 轉學轉科, 借讀 and no sheet for a retake.
#[test]
fn the_evening_roster_takes_no_retake() {
    let mut retake = outcome(12, &COURSE);
    retake.kind = 2;
    assert_eq!(troubles(&drafted(28, vec![retake])), ["no_sheet"]);
}

#[test]
fn what_the_field_table_forbids_is_named() {
    let mut values = COURSE;
    values[1].1 = "115353302H111010101000";
    values[2].1 = "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一";
    let mut item = outcome(12, &values);
    item.document = None;
    item.certification = None;
    let draft = drafted(26, vec![item]);
    assert_eq!(troubles(&draft), ["course_code", "too_long", "file_missing"]);
}

/// Domain §4.4, A-30: a certification is bound to the files' hashes; one taken back holds nothing.
#[test]
fn a_changed_file_and_a_revoked_decision_are_named() {
    let mut changed = outcome(1, &COURSE);
    changed.document = Some(pdf(0xCD));
    let mut revoked = outcome(2, &COURSE);
    revoked.certification = Some(Certification { stands: false, document_sha256: None, media_sha256: None });
    let mut added = outcome(3, &COURSE);
    added.media = Some(File { sha256: vec![1; 32], media_type: "video/mp4".to_owned(), size: 9 });
    revoked.values.insert("item.summary".to_owned(), Value::Text("另一件".to_owned()));
    let draft = drafted(26, vec![changed, revoked, added]);
    assert_eq!(troubles(&draft), ["file_not_certified", "certification_revoked", "file_not_certified"]);
}

/// Domain §4.1: "6 per year, hard".
#[test]
fn a_seventh_outcome_is_named() {
    let items = (1..=7).map(|id| {
        let mut item = outcome(id, &COURSE);
        item.values.insert("item.summary".to_owned(), Value::Text(format!("第 {id} 件")));
        item
    });
    assert_eq!(troubles(&drafted(26, items.collect())), ["too_many"]);
}

/// Domain §5.6: the roster's rows are told apart by what they say; the central database refuses the second of two that
/// are the same (`duplicate_row`). Another file makes another row.
#[test]
fn a_row_that_says_the_same_is_named() {
    let other_file = || {
        let mut item = outcome(3, &COURSE);
        item.document = Some(pdf(0xCD));
        item.certification.as_mut().unwrap().document_sha256 = Some(vec![0xCD; 32]);
        item
    };
    assert_eq!(troubles(&drafted(26, vec![outcome(1, &COURSE), other_file()])), [""; 0]);
    let draft = drafted(26, vec![outcome(1, &COURSE), other_file(), outcome(2, &COURSE)]);
    assert_eq!(troubles(&draft), ["duplicate_row"]);
    assert_eq!(draft.findings[0].item, Some(ItemRef::Outcome(2.into())), "the later one is named");
}

/// Domain §4.4: "Only courses with credit in the student's course record may carry outcomes".
#[test]
fn an_outcome_whose_course_record_is_gone_is_named() {
    let draft = drafted(26, vec![Item { is_withdrawn: true, ..outcome(1, &COURSE) }]);
    assert_eq!(troubles(&draft), ["course_withdrawn"]);
    assert!(!draft.findings[0].trouble.is_warning());
}

/// Domain §5.0: "1/2 for term rosters", §5.6 and appendix A: 開課年級 is of the three years.
#[test]
fn a_fourth_grade_and_a_third_term_are_named() {
    for (source, text) in [("course.term", "3"), ("course.grade", "4")] {
        let values: Vec<_> = COURSE.into_iter().filter(|(name, _)| *name != source).chain([(source, text)]).collect();
        assert_eq!(troubles(&drafted(26, vec![outcome(1, &values)])), ["value"], "{source}");
    }
}

/// Domain §5.7.2: the order of 競賽參與紀錄; §5.7.3: 競賽等級 1–4.
#[test]
fn a_competition_becomes_a_row() {
    let values = [
        ("fields.name", "全國科學展覽"),
        ("fields.event", "物理"),
        ("fields.level", "3"),
        ("fields.award", "佳作"),
        ("fields.announced_on", "2026-10-05"),
        ("fields.participation", "2"),
        ("item.summary", "研究擺的週期"),
    ];
    let mut competition = outcome(5, &values);
    (competition.kind, competition.certification) = (2, None);
    let draft = drafted(25, vec![competition]);
    assert_eq!(troubles(&draft), [""; 0]);
    assert_eq!(draft.rows[0].cells[2..9], ["全國科學展覽", "物理", "3", "佳作", "1151005", "研究擺的週期", "2"]);
}

/// Domain §4.5: end ≥ start, equal days are fine; F-079: a link needs a media file.
#[test]
fn a_cadre_that_ends_before_it_begins_is_named() {
    let values = |end: &'static str| {
        [
            ("fields.unit_name", "學生會"),
            ("fields.started_on", "2026-09-01"),
            ("fields.ended_on", end),
            ("fields.title", "會長"),
            ("fields.level", "1"),
            ("item.external_url", "https://video.example.tw/1"),
        ]
    };
    let cadre = |end| Item { certification: None, ..outcome(5, &values(end)) };
    let with_media = |item: Item| Item { media: Some(pdf(2)), ..item };
    assert_eq!(troubles(&drafted(25, vec![with_media(cadre("2026-09-01"))])), [""; 0]);
    assert_eq!(troubles(&drafted(25, vec![cadre("2026-08-31")])), ["date_order", "external_without_media"]);
}

#[test]
fn a_missing_national_id_and_a_line_break_are_dealt_with() {
    let mut values = COURSE;
    values[5].1 = "第一行\n第二行";
    let keys = Keys::derive(&[7; 32]).unwrap();
    let school = "353302".parse().unwrap();
    let links = Links { keys: &keys, school, origin: "https://f.tw", expires_at: datetime!(2026-11-29 0:00 UTC) };
    let facts = Facts {
        students: [(1.into(), Student { national_id: None, ..student(1) })].into(),
        items: vec![outcome(1, &values)],
    };
    let draft = draft(Roster::Outcomes, AcademicYear::new(115).unwrap(), &shipped(26), &facts, &links);
    assert_eq!(troubles(&draft), ["required"]);
    assert_eq!(draft.rows[0].cells[9], "第一行 第二行");
}

/// A confirmation survives a re-import "only if that student's rows are unchanged" (domain §5.10): a fresh link to the
/// same file is no change, another file is.
#[test]
fn a_hash_sees_content_and_not_links() {
    let hash = |link: &str| content_hash("學期", [("文件檔連結", link), ("影音檔連結", "")].into_iter());
    let (old, new) = ("ab".repeat(32), "cd".repeat(32));
    assert_eq!(hash(&format!("https://f.tw/f/one/{old}.pdf")), hash(&format!("https://f.tw/f/two/{old}.pdf")));
    assert_ne!(hash(&format!("https://f.tw/f/one/{old}.pdf")), hash(&format!("https://f.tw/f/one/{new}.pdf")));
    let pairs = |cells: &[(&'static str, &'static str)]| content_hash("a", cells.iter().copied());
    assert_ne!(pairs(&[("x", "1")]), pairs(&[("y", "1")]));
    assert_eq!(pairs(&[("x", "1"), ("y", "2")]), pairs(&[("y", "2"), ("x", "1")]), "an object of JSON has no order");
}
