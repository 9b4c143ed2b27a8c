//! The sorts of files that an office hands in, in one table: told apart by their headings and sheets, never by the
//! file's name or by a choice of the person.

use super::source::{Source, Unreadable};
use kernel::text::half_width;
use std::collections::HashMap;

/// What a file is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 教職員 (domain §5.13 `staff`).
    Staff,
    /// 班級 (domain §5.13 `class`).
    Classes,
    /// 學生資料名冊 (domain §5.1) or the `student` feed.
    Students,
    /// 修課資料 (domain §5.13 `enrolment`).
    Enrolments,
    /// 學生成績名冊 (domain §5.2, 5.3).
    Scores,
    /// 校內幹部經歷 (domain §5.7.1).
    Cadres,
    /// 課程代碼檔 (domain §5.8.1).
    CourseCodes,
    /// 課程諮詢教師分派 (F-111).
    CounsellorAssignments,
}

impl Kind {
    /// In the order in which a school needs them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Staff,
        Self::Classes,
        Self::Students,
        Self::CourseCodes,
        Self::Enrolments,
        Self::Scores,
        Self::Cadres,
        Self::CounsellorAssignments,
    ];

    /// The word that rows carry.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Classes => "classes",
            Self::Students => "students",
            Self::Enrolments => "enrolments",
            Self::Scores => "scores",
            Self::Cadres => "cadres",
            Self::CourseCodes => "course_codes",
            Self::CounsellorAssignments => "counsellor_assignments",
        }
    }

    /// The name that people read.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Staff => "教職員",
            Self::Classes => "班級",
            Self::Students => "學生資料名冊",
            Self::Enrolments => "修課資料",
            Self::Scores => "學生成績名冊",
            Self::Cadres => "校內幹部經歷",
            Self::CourseCodes => "課程代碼檔",
            Self::CounsellorAssignments => "課程諮詢教師分派",
        }
    }

    /// The kind of a row.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// One column that a reader understands.
#[derive(Debug)]
pub(crate) struct Field {
    /// By which readers ask for it; also a heading of CSV files.
    pub(crate) id: &'static str,
    /// The other headings under which it comes.
    pub(crate) names: &'static [&'static str],
    /// Without it the file can't be this.
    pub(crate) needed: bool,
}

/// One table of one file.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) kind: Kind,
    /// What tells the sheets of one kind apart: the code of `kernel::codes::EnrolmentKind`; 0 where there is one.
    pub(crate) part: i16,
    /// The sheet's names, without 封面 and the like; decides between layouts with the same headings.
    pub(crate) sheets: &'static [&'static str],
    pub(crate) fields: &'static [Field],
}

/// Declares fields: `+` needed, `?` optional.
macro_rules! fields {
    ($($need:tt $id:literal $([$($name:literal),*])?),+ $(,)?) => {
        &[$(Field { id: $id, names: &[$($($name),*)?], needed: fields!(@ $need) }),+]
    };
    (@ +) => { true };
    (@ ?) => { false };
}

/// Every layout. Headings are compared without spaces, slashes, brackets and case.
pub(crate) static LAYOUTS: &[Layout] = &[
    Layout {
        kind: Kind::Staff,
        part: 0,
        sheets: &["教職員"],
        fields: fields! {
            + "account" ["帳號", "教師帳號", "授課教師代碼"], + "name" ["姓名", "教師姓名"],
            ? "email" ["電子郵件", "e-mail", "信箱", "電子信箱"], ? "roles" ["角色", "身分", "role"],
            ? "national_id" ["身分證號", "身分證字號", "身份證字號", "身分證統一編號"],
        },
    },
    Layout {
        kind: Kind::Classes,
        part: 0,
        sheets: &["班級"],
        fields: fields! {
            ? "year" ["學年度", "academic_year"], + "code" ["班級代碼", "class_code"],
            + "class_name" ["班級名稱", "name"], + "grade" ["年級"],
            ? "department_code" ["科班學程別代碼", "科別代碼", "科別", "department"],
            ? "homeroom" ["導師帳號", "導師", "homeroom_account"],
            ? "guidance" ["輔導教師帳號", "輔導老師帳號", "輔導教師", "guidance_account"],
        },
    },
    Layout {
        kind: Kind::Students,
        part: 0,
        sheets: &["學生資料", "學生資料名冊"],
        fields: fields! {
            + "national_id" ["身分證號", "身分證字號", "身份證字號", "身分證統一編號"],
            + "birth_date" ["出生日期", "生日", "出生年月日"],
            ? "student_no" ["學號", "備註(資料當學期學號)", "當學期學號"],
            ? "name" ["姓名", "學生姓名", "備註(學生姓名)", "備註學生姓名"],
            ? "sex" ["性別代碼", "性別"],
            ? "entry_year" ["入學學年度", "入學年度", "入學年"], ? "entry_term" ["入學學期"],
            ? "grade" ["年級"], ? "class_code" ["班級代碼", "class"],
            ? "class_name" ["班級名稱", "班級", "備註(資料當學期班級)", "當學期班級"],
            ? "seat_no" ["座號", "備註(資料當學期座號)", "當學期座號", "seat"], ? "class_seat" ["班級座號代碼"],
            ? "department_code" ["科班學程別代碼", "科別代碼", "科別", "department"],
            ? "group_code" ["群別代碼", "群別", "group"], ? "division" ["部別代碼", "部別"], ? "class_type" ["班別"],
            ? "status_code" ["學籍異動代碼", "學籍狀態", "異動代碼", "status"],
            ? "status_date" ["學籍異動日期", "異動日期"],
            ? "email" ["電子郵件", "e-mail", "信箱", "電子信箱"], ? "account" ["帳號"],
            ? "phone" ["電話", "手機"], ? "identities" ["特殊身分別", "identity_list"],
            ? "indigenous_people" ["原住民族別"], ? "indigenous_status" ["原住民身分別"],
            ? "language_exam" ["族語認證報考方言"], ? "language_exam_year" ["報考年度"],
            ? "language_exam_valid" ["族語認證有效日期"], ? "experimental_class" ["實驗班名稱"],
            ? "admission" ["入學方式"], ? "home_school" ["所屬學校代碼"],
        },
    },
    Layout {
        kind: Kind::Enrolments,
        part: 0,
        sheets: &["修課資料"],
        fields: fields! {
            ? "national_id" ["身份證字號", "身分證字號", "身分證號", "身分證統一編號"], + "student_no" ["學號"],
            ? "grade" ["學生年級", "年級"], ? "section_uid" ["開課班級內碼"], ? "section_no" ["開課班級代碼"],
            + "section_name" ["開課班級名稱"], ? "section_group" ["開課班級內分組"],
            ? "sis_subject_id" ["科目內碼"], + "course_code" ["課程代碼", "課程代碼(課程計畫平臺核發)"],
            + "subject_name" ["科目名稱"], + "credit_or_periods" ["學分/時數", "學分", "時數", "節數", "credits"],
            ? "enrolment_kind" ["修課類別"], ? "credit_counted" ["是否採計學分"],
            ? "orig_year" ["原(應)修課學年度", "原修課學年度", "應修課學年度"],
            ? "orig_term" ["原(應)修課學期", "原修課學期", "應修課學期"],
            ? "orig_grade" ["原(應)修課開課年級", "原(應)開課年級", "原修課開課年級"],
            ? "orig_section_no" ["原(應)開課班級代碼"], ? "orig_section_name" ["原(應)開課班級名稱"],
            ? "orig_section_group" ["原(應)開課班級內分組"], ? "orig_subject_id" ["原(應)修科目內碼"],
            ? "orig_course_code" ["原(應)修課程代碼", "原(應)修課課程代碼", "原修課課程代碼"],
            ? "orig_subject_name" ["原(應)修科目名稱", "原(應)修課科目名稱", "原修課科目名稱"],
            ? "orig_credits" ["原(應)修學分", "原(應)修課學分", "原修課修課學分", "orig_credit"],
            ? "makeup_mode" ["補修方式"], ? "retake_mode" ["重修方式"], ? "is_preselected" ["是否為預選課程"],
            ? "teacher_uid" ["授課教師內碼"], ? "teacher_code" ["授課教師代碼", "teacher_account", "授課教師帳號"],
            ? "teacher_name" ["授課教師姓名", "授課教師"],
        },
    },
    Layout {
        kind: Kind::Scores,
        part: 1,
        sheets: &["學期成績"],
        fields: fields! {
            + "national_id" ["身分證號"], ? "birth_date" ["出生日期"], + "course_code" ["課程代碼"],
            + "subject_name" ["科目名稱"], + "grade" ["開課年級"], + "credits" ["修課學分", "修課節數"],
            + "score" ["學期學業成績"], + "passed" ["成績及格"], ? "makeup_score" ["補考成績"],
            ? "makeup_passed" ["補考及格"], ? "year_score" ["學年學業成績"], ? "year_passed" ["學年及格"],
            ? "credit_counted" ["是否採計學分", "是否採計學時"], ? "text" ["質性文字描述"],
            ? "student_no" ["備註(資料當學期學號)"], ? "student_name" ["備註(學生姓名)"],
        },
    },
    Layout {
        kind: Kind::Scores,
        part: 3,
        sheets: &["補修成績"],
        fields: fields! {
            + "national_id" ["身分證號"], ? "birth_date" ["出生日期"], + "orig_year" ["應修課學年度"],
            + "orig_term" ["應修課學期"], + "course_code" ["課程代碼"], + "subject_name" ["科目名稱"],
            + "grade" ["開課年級"], + "credits" ["修課學分", "修課節數"], + "score" ["補修成績"],
            + "passed" ["補修及格"], ? "makeup_score" ["補考成績"], ? "makeup_passed" ["補考及格"],
            ? "mode" ["補修方式"], ? "credit_counted" ["是否採計學分", "是否採計學時"], ? "text" ["質性文字描述"],
            ? "student_no" ["備註(資料當學期學號)"], ? "student_name" ["備註(學生姓名)"],
        },
    },
    Layout {
        kind: Kind::Scores,
        part: 2,
        sheets: &["重修成績"],
        fields: fields! {
            + "national_id" ["身分證號"], ? "birth_date" ["出生日期"], + "orig_year" ["原修課學年度"],
            + "orig_term" ["原修課學期"], + "course_code" ["原修課課程代碼"], + "subject_name" ["原修課科目名稱"],
            + "grade" ["原修課開課年級"], + "credits" ["原修課修課學分", "原修課修課節數"], ? "mode" ["重修方式"],
            + "score" ["重修成績"], + "passed" ["重修及格"], ? "text" ["質性文字描述"],
            ? "student_no" ["備註(資料當學期學號)"], ? "student_name" ["備註(學生姓名)"],
        },
    },
    Layout {
        kind: Kind::Scores,
        part: 4,
        sheets: &["重讀成績"],
        fields: fields! {
            + "national_id" ["身分證號"], ? "birth_date" ["出生日期"], + "course_code" ["課程代碼"],
            + "subject_name" ["科目名稱"], + "grade" ["開課年級"], + "credits" ["修課學分", "修課節數"],
            + "score" ["重讀成績"], + "passed" ["成績及格"], ? "makeup_score" ["補考成績"],
            ? "makeup_passed" ["補考及格"], ? "again_score" ["再次修習成績"], ? "again_passed" ["再次修習成績及格"],
            + "repeat_mark" ["重讀註記"], ? "credit_counted" ["是否採計學分", "是否採計學時"],
            ? "text" ["質性文字描述"], ? "student_no" ["備註(資料當學期學號)"], ? "student_name" ["備註(學生姓名)"],
        },
    },
    Layout {
        kind: Kind::Scores,
        part: 5,
        sheets: &["轉學轉科成績"],
        fields: fields! {
            + "national_id" ["身分證號"], ? "birth_date" ["出生日期"], + "orig_year" ["對應學年度"],
            + "orig_term" ["對應學期"], + "course_code" ["課程代碼"], + "subject_name" ["科目名稱"],
            + "grade" ["對應年級"], + "credits" ["修課學分", "修課節數"], ? "identity" ["身分別"],
            + "score" ["抵免後成績"], + "passed" ["成績及格"],
            ? "credit_counted" ["是否採計學分", "是否採計學時"], ? "text" ["質性文字描述"],
            ? "student_no" ["備註(資料當學期學號)"], ? "student_name" ["備註(學生姓名)"],
        },
    },
    Layout {
        kind: Kind::Cadres,
        part: 0,
        sheets: &["幹部經歷紀錄", "校內幹部經歷"],
        fields: fields! {
            ? "national_id" ["身分證號", "身分證字號", "身份證字號"], ? "birth_date" ["出生日期"],
            ? "student_no" ["學號", "備註(資料當學期學號)"], + "unit_name" ["單位名稱"], + "started_on" ["開始日期"],
            + "ended_on" ["結束日期"], + "title" ["擔任職務", "擔任職務名稱"], + "level" ["幹部等級", "幹部等級代碼"],
        },
    },
    Layout {
        kind: Kind::CourseCodes,
        part: 0,
        sheets: &["課程代碼"],
        fields: fields! {
            + "course_code" ["課程代碼"], + "subject_name" ["科目名稱"],
            + "credits" ["授課學期學分/節數", "授課學期學分節數", "學分"],
            ? "orig_course_code" ["原課程代碼"], ? "orig_subject_name" ["原科目名稱"],
            ? "year" ["實施學年度", "入學年"], ? "programme_type" ["課程類型"], ? "group" ["群別"],
            ? "modes" ["授課學期開課方式", "授課開課方式"], ? "attributes" ["課程屬性"], ? "cluster" ["班群"],
            ? "programme_key" ["群組代碼"], ? "required_by" ["部定校訂"], ? "is_required" ["必修選修"],
            ? "department" ["科別"],
        },
    },
    Layout {
        kind: Kind::CounsellorAssignments,
        part: 0,
        sheets: &["課程諮詢教師"],
        fields: fields! {
            + "counsellor" ["課程諮詢教師帳號", "課程諮詢教師", "諮詢教師帳號", "counsellor_account", "account"],
            ? "class_code" ["班級代碼", "class"], ? "class_name" ["班級名稱", "班級"], ? "student_no" ["學號"],
        },
    },
];

/// A sheet and what its columns are.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) sheet: String,
    pub(crate) layout: &'static Layout,
    /// Field → place of the column.
    pub(crate) columns: HashMap<&'static str, usize>,
    /// The headings as they stand.
    pub(crate) headings: Vec<String>,
    /// The row of the headings; 0 where a file has none.
    pub(crate) head_row: u32,
}

impl Table {
    /// Whether the file has the column.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.columns.contains_key(field)
    }

    /// The headings that nobody reads. Remarks (備註) are part of the rosters and nobody's business but the school's
    /// (domain §5: "optional remark columns after the data … MOE ignores them").
    pub(crate) fn ignored(&self) -> impl Iterator<Item = &str> {
        let used = |place: usize| self.columns.values().any(|column| *column == place);
        let named = self.headings.iter().enumerate().filter(|(_, heading)| !heading.is_empty());
        let unread = named.filter(move |(place, heading)| !used(*place) && !heading.starts_with("備註"));
        unread.map(|(_, heading)| heading.as_str())
    }
}

/// The roster's cover (domain §5.0), as far as it is filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cover {
    pub(crate) school: Option<String>,
    pub(crate) year: Option<i16>,
    pub(crate) term: Option<i16>,
}

/// What a file turned out to be.
#[derive(Debug)]
pub(crate) struct Recognised {
    pub(crate) kind: Kind,
    pub(crate) tables: Vec<Table>,
    pub(crate) cover: Cover,
    /// Sheets with rows that nobody reads.
    pub(crate) ignored_sheets: Vec<String>,
}

/// Why a file is of no kind that is known.
#[derive(Debug, thiserror::Error)]
pub enum NotRecognised {
    /// It can't be read at all.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// No sheet has the headings of a known table.
    #[error("看不出這是哪一種名冊。讀到的欄位是：{headings}。請確認第一列是欄位名稱，並對照下方的欄位說明")]
    Unknown {
        /// What was found in the first row.
        headings: String,
    },
    /// A roster that is known but not kept here.
    #[error("「{0}」不是本系統匯入的名冊，不必上傳")]
    NotKept(&'static str),
    /// Sheets of different kinds.
    #[error("一個檔案裡同時有「{}」和「{}」的工作表，請分開上傳", .0.label(), .1.label())]
    Mixed(Kind, Kind),
}

/// Rosters of the Ministry that an office may hand in by mistake.
const NOT_KEPT: [(&str, &str); 2] = [("缺勤種類代碼", "缺勤紀錄名冊"), ("修課別", "科目名冊")];

/// Tells what a file is.
pub(crate) fn recognise(source: &mut Source) -> Result<Recognised, NotRecognised> {
    let (mut tables, mut ignored_sheets) = (Vec::<Table>::new(), Vec::new());
    let (mut cover, mut seen) = (Cover::default(), Vec::new());
    for sheet in source.sheets() {
        let head = source.head(&sheet, 2)?;
        let Some((row, headings)) = head.first() else { continue };
        if sheet.contains("封面") {
            cover = read_cover(&head);
            continue;
        }
        let known = NOT_KEPT.iter().find(|(heading, _)| headings.iter().any(|found| plain(found) == *heading));
        if let Some((_, roster)) = known {
            seen.push(Some(*roster));
            continue;
        }
        match table(&sheet, *row, headings) {
            // a vendor's list of rows that lack something: 學期成績(缺)
            Some(_) if half_width(&sheet).contains("(缺)") => {
                if head.len() > 1 {
                    ignored_sheets.push(sheet);
                }
            }
            Some(table) => tables.push(table),
            None => {
                seen.push(None);
                // a sheet with headings alone needs no word
                if head.len() > 1 {
                    ignored_sheets.push(sheet);
                }
            }
        }
    }
    let Some(kind) = tables.first().map(|table| table.layout.kind) else {
        return Err(unknown(source, &seen));
    };
    match tables.iter().find(|table| table.layout.kind != kind) {
        Some(other) => Err(NotRecognised::Mixed(kind, other.layout.kind)),
        None => Ok(Recognised { kind, tables, cover, ignored_sheets }),
    }
}

fn unknown(source: &mut Source, seen: &[Option<&'static str>]) -> NotRecognised {
    if let Some(roster) = seen.iter().flatten().next() {
        return NotRecognised::NotKept(roster);
    }
    let first = source.sheets().into_iter().find(|sheet| !sheet.contains("封面")).unwrap_or_default();
    match source.head(&first, 1) {
        Err(error) => NotRecognised::Unreadable(error),
        Ok(head) if head.is_empty() => NotRecognised::Unreadable(Unreadable::Empty),
        Ok(head) => {
            let headings: Vec<_> =
                head[0].1.iter().filter(|cell| !cell.is_empty()).take(12).map(|cell| shortened(cell)).collect();
            NotRecognised::Unknown { headings: headings.join("、") }
        }
    }
}

/// A heading is short; anything longer, or with digits, may be a row of data, and is not repeated on a page.
fn shortened(cell: &str) -> String {
    let digits = cell.chars().filter(char::is_ascii_digit).count();
    if digits > 4 { "（數字）".to_owned() } else { cell.chars().take(12).collect() }
}

/// The layout that fits a row of headings best.
fn table(sheet: &str, row: u32, headings: &[String]) -> Option<Table> {
    if let Some(table) = headless_course_codes(sheet, row, headings) {
        return Some(table);
    }
    let plain_headings: Vec<String> = headings.iter().map(|heading| plain(heading)).collect();
    let filled = plain_headings.iter().filter(|heading| !heading.is_empty()).count();
    let fitting = LAYOUTS.iter().filter_map(|layout| {
        let columns = columns(layout, &plain_headings);
        let complete = layout.fields.iter().all(|field| !field.needed || columns.contains_key(field.id));
        // half of the columns at least: a table of something else may have an id and a birth date too
        let named = layout.sheets.iter().any(|name| plain(sheet).contains(&plain(name)));
        (complete && columns.len() * 2 >= filled.min(20)).then_some((
            columns.len() + usize::from(named),
            layout,
            columns,
        ))
    });
    // the first of equals: the table lists the stricter ones first
    let (_, layout, columns) = fitting.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
    Some(Table { sheet: sheet.to_owned(), layout, columns, headings: headings.to_vec(), head_row: row })
}

/// The platform's text export of course codes has no headings: three or five columns (domain §5.8.1).
fn headless_course_codes(sheet: &str, row: u32, cells: &[String]) -> Option<Table> {
    let is_code = |cell: &String| {
        cell.len() == 23
            && cell.bytes().take(3).all(|b| b.is_ascii_digit())
            && cell.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
    };
    let changed = cells.get(3).is_some_and(is_code);
    if !(cells.first().is_some_and(is_code) || changed) || !(3..=5).contains(&cells.len()) {
        return None;
    }
    let layout = LAYOUTS.iter().find(|layout| layout.kind == Kind::CourseCodes)?;
    let order = ["course_code", "subject_name", "credits", "orig_course_code", "orig_subject_name"];
    let columns = order.iter().copied().zip(0..cells.len()).collect();
    let headings = vec!["課程代碼", "科目名稱", "學分", "原課程代碼", "原科目名稱"];
    let headings = headings.into_iter().take(cells.len()).map(str::to_owned).collect();
    Some(Table { sheet: sheet.to_owned(), layout, columns, headings, head_row: row - 1 })
}

/// Where the fields of a layout stand; of several columns for a field the one with the earlier name in its list.
fn columns(layout: &Layout, headings: &[String]) -> HashMap<&'static str, usize> {
    let mut columns = HashMap::new();
    for field in layout.fields {
        let mut names = std::iter::once(&field.id).chain(field.names).map(|name| plain(name));
        if let Some(place) = names.find_map(|name| headings.iter().position(|heading| *heading == name)) {
            columns.insert(field.id, place);
        }
    }
    columns
}

/// A heading without what people write differently.
fn plain(heading: &str) -> String {
    let dropped = |c: &char| c.is_whitespace() || matches!(c, '/' | '(' | ')' | '_' | '-' | '*' | '\u{feff}' | '、');
    half_width(heading).chars().filter(|c| !dropped(c)).collect::<String>().to_lowercase()
}

fn read_cover(head: &[(u32, Vec<String>)]) -> Cover {
    let [(_, headings), (_, values)] = head else { return Cover::default() };
    let value = |name: &str| {
        let place = headings.iter().position(|heading| plain(heading) == name)?;
        values.get(place).filter(|value| !value.is_empty()).cloned()
    };
    let number = |name: &str| value(name).and_then(|value| half_width(&value).parse().ok());
    Cover { school: value("學校代碼"), year: number("學年度"), term: number("學期") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn csv(text: &str) -> Result<Recognised, NotRecognised> {
        recognise(&mut Source::open(Bytes::copy_from_slice(text.as_bytes())).unwrap())
    }

    fn kind(text: &str) -> Kind {
        csv(text).unwrap().kind
    }

    /// Issue 2 §3.1: files of §5.13 with "Chinese comment headers or identifiers as header names".
    #[test]
    fn a_file_is_told_by_its_headings() {
        assert_eq!(kind("account,name,email,roles\n"), Kind::Staff);
        assert_eq!(kind("帳號,姓名,電子郵件,角色\n"), Kind::Staff);
        assert_eq!(kind("學年度,班級代碼,班級名稱,年級,科別,導師帳號,輔導教師帳號\n"), Kind::Classes);
        assert_eq!(kind("student_no,name,national_id,birth_date,account,email\n"), Kind::Students);
        assert_eq!(kind("身分證號,出生日期,所屬學校代碼,科/班/學程別代碼,部別,班別,班級座號代碼\n"), Kind::Students);
        let enrolments =
            "身份證字號,學號,學生年級,開課班級代碼,開課班級名稱,課程代碼,科目名稱,學分/時數,修課類別,授課教師代碼\n";
        assert_eq!(kind(enrolments), Kind::Enrolments);
        assert_eq!(
            kind("student_no,section_no,section_name,course_code,subject_name,credit_or_periods\n"),
            Kind::Enrolments
        );
        assert_eq!(kind("身分證號,出生日期,單位名稱,開始日期,結束日期,擔任職務,幹部等級\n"), Kind::Cadres);
        assert_eq!(kind("課程諮詢教師帳號,班級代碼\n"), Kind::CounsellorAssignments);
        assert_eq!(kind("課程代碼,科目名稱,學分,原課程代碼,原科目名稱\n"), Kind::CourseCodes);
    }

    /// Domain §5.8.1: "Old files have only three columns"; the platform's text has no headings.
    #[test]
    fn a_course_code_file_may_lack_headings() {
        let file = csv("108011302H11101A1010101,國語文,444440\n").unwrap();
        assert_eq!((file.kind, file.tables[0].head_row), (Kind::CourseCodes, 0));
    }

    #[test]
    fn the_order_of_columns_does_not_matter() {
        let file = csv("角色, Name ,Ｅ－ｍａｉｌ,account\n").unwrap();
        let columns = &file.tables[0].columns;
        assert_eq!((columns["roles"], columns["name"], columns["email"], columns["account"]), (0, 1, 2, 3));
    }

    #[test]
    fn what_is_not_kept_is_named_and_nonsense_is_shown() {
        let absences = "身分證號,出生日期,缺勤種類代碼,缺勤節數,缺勤起始日期,缺勤結束日期\n";
        assert!(matches!(csv(absences), Err(NotRecognised::NotKept("缺勤紀錄名冊"))));
        let error = csv("A123456789,王小明,某欄\n").unwrap_err().to_string();
        assert!(error.contains("某欄") && !error.contains("123456"), "{error}");
    }

    /// Domain §5.2: the sheets 學期成績, 補修成績, 轉學轉科成績 behind a cover (§5.0).
    #[test]
    fn the_agencys_workbook_is_read_with_its_cover() {
        let mut book = rust_xlsxwriter::Workbook::new();
        let cover = book.add_worksheet().set_name("封面").unwrap();
        cover.write_row(0, 0, ["學校代碼", "學年度", "學期", "名冊別"]).unwrap();
        cover.write_row(1, 0, ["403303", "115", "1", ""]).unwrap();
        let ordinary = "身分證號,出生日期,課程代碼,科目名稱,開課年級,修課學分,學期學業成績,成績及格,補考成績,補考及格,是否採計學分,質性文字描述";
        let makeup = "身分證號,出生日期,應修課學年度,應修課學期,課程代碼,科目名稱,開課年級,修課學分,補修成績,補修及格,補考成績,補考及格,補修方式,是否採計學分,質性文字描述";
        for (name, headings) in [("學期成績", ordinary), ("補修成績", makeup), ("學期成績(缺)", ordinary)]
        {
            let sheet = book.add_worksheet().set_name(name).unwrap();
            sheet.write_row(0, 0, headings.split(',')).unwrap();
        }
        let bytes = Bytes::from(book.save_to_buffer().unwrap());
        let file = recognise(&mut Source::open(bytes).unwrap()).unwrap();
        let parts: Vec<_> = file.tables.iter().map(|table| (table.sheet.as_str(), table.layout.part)).collect();
        assert_eq!((file.kind, parts), (Kind::Scores, vec![("學期成績", 1), ("補修成績", 3)]));
        let cover = Cover { school: Some("403303".to_owned()), year: Some(115), term: Some(1) };
        assert_eq!(file.cover, cover);
        assert!(file.ignored_sheets.is_empty());
    }
}
