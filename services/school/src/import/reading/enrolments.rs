//! Who takes what with whom: the SIS's feed of course enrolments (domain §5.13), which outcomes hang on (F-027).

use super::{Frame, LeftOut, Reader, Reading, Row, scores::Courses};
use crate::import::{
    entity,
    findings::Severity,
    kind::Table,
    plan::{Cell, Group, Scope, Use, Vanish, flat_json},
};
use kernel::codes::EnrolmentKind;
use std::collections::{HashMap, HashSet};

/// The kinds that the feed knows; the others come with the scores.
const KINDS: [EnrolmentKind; 3] = [EnrolmentKind::Regular, EnrolmentKind::Retake, EnrolmentKind::Makeup];

/// `orig` of a course record and the fields that fill it.
const ORIG: [(&str, &str); 6] = [
    ("year", "orig_year"),
    ("term", "orig_term"),
    ("grade", "orig_grade"),
    ("course_code", "orig_course_code"),
    ("subject_name", "orig_subject_name"),
    ("credits", "orig_credits"),
];

pub(super) struct Enrolments<'a> {
    frame: &'a Frame<'a>,
    courses: Courses<'a>,
    with_teachers: bool,
    preselected: usize,
    section_refs: HashMap<(String, String), i64>,
    teachers_of: HashMap<i64, HashSet<i64>>,
    sections: Group,
    teachers: Group,
    records: Group,
}

impl<'a> Enrolments<'a> {
    pub(super) fn new(frame: &'a Frame<'a>) -> Self {
        let compare = |names: &[&'static str]| names.iter().map(|name| (*name, Use::Compare)).collect::<Vec<_>>();
        let sections = compare(&["academic_year", "term", "section_no", "course_code", "name", "subject_name"]);
        // who certifies a co-taught course is the school's appointment (F-094), the file only proposes it
        let teachers = [("section_id", Use::Compare), ("staff_id", Use::Compare), ("certifies", Use::Create)];
        let records = compare(&[
            "student_id",
            "academic_year",
            "term",
            "course_code",
            "kind",
            "subject_name",
            "grade",
            "credits",
            "credit_counted",
            "section_id",
            "orig",
            "withdrawn_at",
        ]);
        let term = Scope::Term(frame.year, frame.term);
        let kinds = KINDS.iter().map(|kind| kind.code()).collect();
        let of_term = Scope::Records { year: frame.year, term: frame.term, kinds };
        Self {
            frame,
            courses: Courses::new(frame),
            with_teachers: false,
            preselected: 0,
            section_refs: HashMap::new(),
            teachers_of: HashMap::new(),
            sections: Group::new(&entity::SECTION, &sections, term, Vanish::Keep).accompanying(),
            teachers: Group::new(
                &entity::SECTION_TEACHER,
                &teachers,
                Scope::Whole,
                Vanish::RemoveOf { owner: "section_id" },
            )
            .accompanying(),
            records: Group::new(&entity::COURSE_RECORD, &records, of_term, Vanish::Mark("withdrawn_at")),
        }
    }

    /// The section of a row, made when it is first met.
    fn section(&mut self, row: &Row<'_>, code: &str, subject: &str, reading: &mut Reading) -> Result<i64, LeftOut> {
        let (number, name) = (row.get("section_no"), row.get("section_name"));
        let number = if number.is_empty() { name } else { number };
        if number.is_empty() {
            return reading.error(row, "section_no", "缺少開課班級", "補上開課班級代碼或名稱");
        }
        let group = row.get("section_group");
        let number = if matches!(group, "" | "無") { number.to_owned() } else { format!("{number}-{group}") };
        let key = (number, code.to_owned());
        if let Some(reference) = self.section_refs.get(&key) {
            return Ok(*reference);
        }
        let pool = &mut reading.plan.pool;
        let cells = vec![
            pool.number(self.frame.year),
            pool.number(self.frame.term),
            pool.text(&key.0),
            pool.text(code),
            pool.text(if name.is_empty() { &key.0 } else { name }),
            pool.text(subject),
        ];
        let reference = reading.push(&mut self.sections, row, None, cells)?;
        self.section_refs.insert(key, reference);
        Ok(reference)
    }

    /// The teachers of a row's section. The first one named certifies until the school appoints another.
    fn teach(&mut self, row: &Row<'_>, section: i64, reading: &mut Reading) {
        let known = self.frame.known;
        let listed = |field: &'static str| {
            row.get(field).split([',', '，', '、', ';']).map(str::trim).filter(|part| !part.is_empty())
        };
        let by_account = || listed("teacher_code").map(|code| (code, known.staff_by_account(code)));
        let by_name = || listed("teacher_name").map(|name| (name, known.staff_by_name(name)));
        let named: Vec<_> = if by_account().any(|(_, staff)| staff.is_some()) || listed("teacher_name").count() == 0 {
            by_account().collect()
        } else {
            by_name().collect()
        };
        for (text, staff) in named {
            let Some(staff) = staff else {
                let what = format!("教職員中沒有授課教師「{text}」");
                reading.warn(row, "teacher_code", what, "先匯入教職員，或更正授課教師代碼；這門課先沒有這位教師");
                continue;
            };
            let teachers = self.teachers_of.entry(section).or_default();
            if !teachers.insert(staff.id) {
                continue;
            }
            let first = teachers.len() == 1;
            if teachers.len() == 2 {
                let what = "合開課程：認證教師先設為第一位授課教師";
                reading.warn(row, "teacher_code", what, "若由另一位認證，請到「合開課程認證教師」指定");
            }
            let pool = &mut reading.plan.pool;
            let cells = vec![pool.number(section), pool.number(staff.id), pool.truth(Some(first))];
            let pushed = self.teachers.push(pool, row.number, None, cells);
            debug_assert!(pushed.is_ok(), "a teacher is added to a section once");
        }
    }
}

impl Reader for Enrolments<'_> {
    fn begin(&mut self, table: &Table, _: &mut Reading) {
        self.with_teachers = table.has("teacher_code") || table.has("teacher_name");
    }

    fn row(&mut self, row: &Row<'_>, reading: &mut Reading) -> Result<(), LeftOut> {
        if row.get("is_preselected") == "1" {
            self.preselected += 1;
            return Ok(());
        }
        let student = reading.student(row, self.frame)?;
        let code = match row.get("course_code") {
            "" => return reading.unknown_owner(row, "course_code", "缺少課程代碼", "補上課程計畫平臺核發的課程代碼"),
            code => code,
        };
        let kind = match row.get("enrolment_kind") {
            "" => EnrolmentKind::Regular,
            text => match EnrolmentKind::from_sis(text) {
                Ok(kind) if KINDS.contains(&kind) => kind,
                _ => {
                    return reading.unknown_owner(
                        row,
                        "enrolment_kind",
                        "修課類別應為 1 新修、2 重修、3 補修",
                        "更正修課類別",
                    );
                }
            },
        };
        let pool = &mut reading.plan.pool;
        let key = [
            pool.number(student.id),
            pool.number(self.frame.year),
            pool.number(self.frame.term),
            pool.text(code),
            pool.number(kind.code()),
        ];
        self.records.spare(&reading.plan.pool, &key);
        let subject = reading.required(row, "subject_name", "科目名稱")?;
        let grade = reading.number(row, "grade", 1..=6)?.unwrap_or(student.grade);
        let credits = reading.needed_number(row, "credit_or_periods", "學分（節數）", 0..=40)?;
        self.courses.check(row, "course_code", grade, credits, reading)?;
        let counted = counted(row, reading)?;
        let section = self.section(row, code, subject, reading)?;
        if self.with_teachers {
            self.teach(row, section, reading);
        }
        let mode = if kind == EnrolmentKind::Makeup { "makeup_mode" } else { "retake_mode" };
        let mut orig: Vec<_> = ORIG.iter().map(|(key, field)| (*key, row.get(field))).collect();
        orig.push(("mode", row.get(mode)));
        if kind == EnrolmentKind::Regular {
            orig.clear();
        }
        let pool = &mut reading.plan.pool;
        let mut cells = key.to_vec();
        cells.extend([
            pool.text(subject),
            pool.number(grade),
            pool.number(credits),
            counted,
            pool.number(section),
            pool.text(&flat_json(&orig)),
            Cell::NULL,
        ]);
        reading.push(&mut self.records, row, None, cells).map(drop)
    }

    fn finish(self: Box<Self>, reading: &mut Reading) -> Vec<Group> {
        if self.preselected > 0 {
            let what = format!("{} 列是預選課程，不是修課紀錄，未匯入", self.preselected);
            reading.findings.add(Severity::Warning, &Default::default(), what, "不需要處理");
        }
        let mut groups = vec![self.sections];
        groups.extend(self.with_teachers.then_some(self.teachers));
        groups.push(self.records);
        groups
    }
}

/// 是否採計學分: the SIS writes 1 or 0, the rosters 1, 2, 3 (domain §5.4, §5.13).
pub(super) fn counted(row: &Row<'_>, reading: &mut Reading) -> Result<Cell, LeftOut> {
    Ok(match reading.number(row, "credit_counted", 0..=3)? {
        Some(0) => reading.plan.pool.number(2),
        other => reading.plan.pool.optional_number(other),
    })
}
