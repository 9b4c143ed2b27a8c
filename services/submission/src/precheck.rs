//! The precheck (預檢, F-121): everything that would make the central database send a roster back, found before it goes.

pub(crate) mod files;
pub(crate) mod pages;

use crate::{
    central::RowError,
    roster::{
        RosterCode,
        facts::{Facts, Item, ItemRef, Standing, Student},
        template::{Column, Sheet},
    },
};
use kernel::{
    calendar::{AcademicYear, roc_date, roc_date_time},
    ids::StudentId,
    role::Role,
    rules::{Action, Refusal, Ruleset, Windows, may},
};
use time::OffsetDateTime;

/// Something found, and where.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) trouble: Trouble,
    pub(crate) student: Option<StudentId>,
    pub(crate) item: Option<ItemRef>,
    /// Subject or title of the item.
    pub(crate) label: String,
    /// Sheet and column.
    pub(crate) place: String,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Students may still change what is selected.
    SelectionOpen {
        closes_at: OffsetDateTime,
    },
    /// The selection has not begun.
    SelectionAhead {
        opens_at: OffsetDateTime,
    },
    /// Domain §6.3.
    Suspended {
        since: time::Date,
    },
    /// Domain §6.4.
    Left {
        since: time::Date,
    },
    CertificationRevoked,
    /// The school took the course record away (domain §4.4: only courses in the record carry outcomes).
    CourseWithdrawn,
    FileNotCertified,
    NoFile,
    /// Another row of the student says the same.
    Duplicate,
    /// The storage holds no copy, or another size than was stored.
    FileLost,
    Required,
    NationalId,
    Date,
    EndBeforeStart,
    CourseCode {
        found: usize,
    },
    TooLong {
        most: usize,
        found: usize,
    },
    CodeTable,
    Value,
    LinkWithoutMedia,
    TooMany,
    NoSheet,
}

impl Trouble {
    /// A stable word for programs and tests; the same word as the central database's where both know the matter.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::SelectionOpen { .. } => "selection_open",
            Self::SelectionAhead { .. } => "selection_ahead",
            Self::Suspended { .. } => "suspended",
            Self::Left { .. } => "left",
            Self::CertificationRevoked => "certification_revoked",
            Self::CourseWithdrawn => "course_withdrawn",
            Self::FileNotCertified => "file_not_certified",
            Self::Duplicate => "duplicate_row",
            Self::NoFile => "file_missing",
            Self::FileLost => "file_lost",
            Self::Required => "required",
            Self::NationalId => "national_id",
            Self::Date => "date",
            Self::EndBeforeStart => "date_order",
            Self::CourseCode { .. } => "course_code",
            Self::TooLong { .. } => "too_long",
            Self::CodeTable => "code_table",
            Self::Value => "value",
            Self::LinkWithoutMedia => "external_without_media",
            Self::TooMany => "too_many",
            Self::NoSheet => "no_sheet",
        }
    }

    /// Whether it only has to be known, not mended.
    pub(crate) fn is_warning(self) -> bool {
        matches!(
            self,
            Self::SelectionOpen { .. } | Self::SelectionAhead { .. } | Self::Suspended { .. } | Self::Left { .. }
        )
    }

    /// What is wrong, for people.
    pub(crate) fn message(self) -> String {
        match self {
            Self::SelectionOpen { closes_at } => {
                format!("勾選期間到 {} 才結束，學生還可能改變勾選", roc_date_time(closes_at))
            }
            Self::SelectionAhead { opens_at } => format!("勾選期間 {} 才開始", roc_date_time(opens_at)),
            Self::Suspended { since } => format!("{} 起休學，本學年的勾選保留到復學後再提交", roc_date(since)),
            Self::Left { since } => format!("{} 已離校，由新學校提交", roc_date(since)),
            Self::CertificationRevoked => "勾選之後，認證已被撤回或不再通過".to_owned(),
            Self::CourseWithdrawn => "學校已移除這門課的修課紀錄".to_owned(),
            Self::FileNotCertified => "檔案和老師認證時看到的不同".to_owned(),
            Self::Duplicate => "和這位學生的另一件內容完全相同".to_owned(),
            Self::NoFile => "沒有文件也沒有影音檔案".to_owned(),
            Self::FileLost => "儲存空間裡找不到這個檔案，或檔案內容已經改變".to_owned(),
            Self::Required => "必填，但沒有資料".to_owned(),
            Self::NationalId => "身分證號或居留證號的格式或檢查碼不對".to_owned(),
            Self::Date => "不是有效的日期".to_owned(),
            Self::EndBeforeStart => "結束日期早於開始日期".to_owned(),
            Self::CourseCode { found } => format!("課程代碼應為 23 碼數字或大寫字母，這裡有 {found} 碼"),
            Self::TooLong { most, found } => format!("最多 {most} 個字，這裡有 {found} 個字"),
            Self::CodeTable => "不是代碼表裡的值".to_owned(),
            Self::Value => "不是這一欄能接受的值".to_owned(),
            Self::LinkWithoutMedia => "有影音檔案才能附外部影音連結".to_owned(),
            Self::TooMany => "超過全學年可提交的件數".to_owned(),
            Self::NoSheet => "這份名冊沒有這種修課方式的工作表".to_owned(),
        }
    }

    /// What to do about it.
    pub(crate) fn remedy(self) -> &'static str {
        remedy(self.code())
    }
}

/// What to do about a matter, by its word; the central database's words are answered here as well.
pub(crate) fn remedy(code: &str) -> &'static str {
    match code {
        "selection_open" => "若要等學生勾選完成，請在勾選期間結束後再提交；現在提交時需要再次確認。",
        "selection_ahead" => "請等勾選期間結束後再提交，或請校管理者調整作業時間。",
        "suspended" | "left" => "不需處理，這位學生的項目不會列入名冊。",
        "certification_revoked" => "請學生取消勾選這一件，或請授課教師重新認證。",
        "course_withdrawn" => "請學生取消勾選這一件；若是誤刪，請教務處重新匯入修課名冊。",
        "file_not_certified" | "file_missing" => "請學生取消勾選這一件；補上檔案並重新認證之後再勾選。",
        "file_lost" | "file_hash" => "請把學生與項目告知平臺維運人員，由第二份副本復原後再提交。",
        "required" | "national_id" | "date" | "school_code" => {
            "請教務處在校務行政系統更正後重新匯入名冊；自填的多元表現請學生更正。"
        }
        "date_order" | "external_without_media" | "external_link" => "請學生更正這一筆多元表現。",
        "course_code" => "請教務處核對課程計畫平臺核發的 23 碼課程代碼，重新匯入修課名冊。",
        "too_long" | "summary_length" => "請學生縮短自填的文字；科目名稱請教務處更正。",
        "code_table" | "value" | "number" => "請資料的填寫者（學生或教務處）更正這一欄。",
        "too_many" | "too_many_outcomes" | "too_many_activities" => "請學生減少勾選的件數。",
        "duplicate_row" => "請學生取消勾選重複的一件。",
        "no_sheet" => "進修部名冊只有學期、轉學轉科、借讀三種，請和國教署窗口確認如何提交。",
        "file_download" | "workbook_download" => "中央資料庫沒有取得檔案；確認平臺對外連線正常後，按「再次通知」。",
        "notice_refused" | "inquiry_refused" => "請平臺維運人員核對與中央資料庫的介接設定，之後按「再次通知」。",
        "receipt_refused" => "名冊本身已被接受；請洽中央資料庫窗口重新產生收訖明細，再取回一次。",
        "build_failed" => "請把批次編號告知平臺維運人員，之後重新建立名冊。",
        "file_size" | "file_kind" => "請學生取消勾選這一件，改上傳合規的檔案並重新認證。",
        "workbook_hash"
        | "workbook_size"
        | "workbook_unreadable"
        | "sheet_order"
        | "column_order"
        | "cover_mismatch"
        | "yearly_term"
        | "link_format" => "名冊格式不被接受，請把批次編號告知平臺維運人員。",
        _ => "請依說明更正後重新建立名冊；仍有疑問請洽中央資料庫窗口。",
    }
}

impl Finding {
    pub(crate) fn of(trouble: Trouble, item: &Item, student: &Student) -> Self {
        Self {
            trouble,
            student: Some(student.id),
            item: Some(item.reference),
            label: item.label.clone(),
            place: String::new(),
        }
    }

    pub(crate) fn about_student(trouble: Trouble, student: &Student) -> Self {
        Self { trouble, student: Some(student.id), item: None, label: String::new(), place: String::new() }
    }

    pub(crate) fn general(trouble: Trouble) -> Self {
        Self { trouble, student: None, item: None, label: String::new(), place: String::new() }
    }

    pub(crate) fn in_column(mut self, sheet: &Sheet, column: &Column) -> Self {
        self.place = format!("{}／{}", sheet.name, column.title);
        self
    }
}

impl Finding {
    /// In the form in which a batch keeps what is wrong with it.
    pub(crate) fn as_error(&self) -> RowError {
        let (sheet, column) = self.place.split_once('／').unzip();
        RowError {
            sheet: sheet.map(str::to_owned),
            row: None,
            column: column.map(str::to_owned),
            code: self.trouble.code().to_owned(),
            message: self.trouble.message(),
            student: self.student.map(StudentId::get),
            item: self.item.map(|item| item.to_string()),
        }
    }
}

/// Takes those out whom this school does not submit this year, and says whom.
pub(crate) fn set_aside(facts: &mut Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for student in facts.students.values() {
        match student.standing {
            Standing::Here => {}
            Standing::Suspended { since } => {
                findings.push(Finding::about_student(Trouble::Suspended { since }, student));
            }
            Standing::Left { since } => findings.push(Finding::about_student(Trouble::Left { since }, student)),
        }
    }
    let students = &facts.students;
    facts.items.retain(|item| students.get(&item.student).is_some_and(|student| student.standing == Standing::Here));
    findings
}

/// What the rule says of submitting now, apart from what the rows themselves say. The open selection is a warning that
/// the submitter confirms: grade 3 and transfers make earlier submissions lawful (domain §4.3).
pub(crate) fn of_the_moment(
    code: RosterCode,
    role: Role,
    year: AcademicYear,
    windows: &Windows,
    now: OffsetDateTime,
) -> Result<Option<Finding>, Refusal> {
    let action = Action::Submit { part: code.roster.part(), role, year, grade: code.cohort.grade(), problems: 0 };
    match may(&action, &Ruleset::of(year), windows, now) {
        Ok(()) => Ok(None),
        Err(Refusal::SelectionNotOver { closes_at, .. }) => {
            Ok(Some(Finding::general(Trouble::SelectionOpen { closes_at })))
        }
        Err(Refusal::NotYetOpen { opens_at, .. }) => Ok(Some(Finding::general(Trouble::SelectionAhead { opens_at }))),
        Err(refusal) => Err(refusal),
    }
}
