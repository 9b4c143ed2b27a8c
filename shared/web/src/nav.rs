//! Where each role can go, as one table.

use kernel::role::Role;

use crate::session::Hat;

/// One entry of the navigation: its name and its path under `/s/{school}` (city pages stand for themselves).
pub(crate) struct Entry {
    pub(crate) label: &'static str,
    pub(crate) path: &'static str,
}

const fn entry(label: &'static str, path: &'static str) -> Entry {
    Entry { label, path }
}

const STUDENT: &[Entry] = &[
    entry("我的檔案櫃", "/home"),
    entry("課程學習成果", "/outcomes"),
    entry("多元表現", "/activities"),
    entry("勾選", "/selection"),
    entry("課程諮詢紀錄", "/counselling"),
    entry("收訖明細", "/receipt"),
];
const COURSE_TEACHER: &[Entry] = &[entry("成果認證", "/certification")];
const COURSE_COUNSELLOR: &[Entry] =
    &[entry("課程諮詢紀錄", "/counselling-records"), entry("諮詢報表", "/counselling-report")];
const CLASS_READER: &[Entry] = &[entry("課程諮詢紀錄", "/counselling")];
const SUBMITTER: &[Entry] = &[entry("提交", "/submission"), entry("收訖明細", "/receipts")];
const SCHOOL_ADMIN: &[Entry] = &[
    entry("名冊匯入", "/office/imports"),
    entry("作業時間", "/office/windows"),
    entry("課程諮詢", "/counselling-records"),
    entry("收訖明細", "/receipts"),
];
const CITY: &[Entry] = &[
    entry("各校進度", "/bureau"),
    entry("截止時間", "/bureau/deadlines"),
    entry("改期建議", "/bureau/proposals"),
    entry("停機延長", "/bureau/outages"),
    entry("系統健康", "/bureau/health"),
];

/// The navigation of a role. The first entry is where its holder lands after logging in.
pub(crate) const fn entries(role: Role) -> &'static [Entry] {
    match role {
        Role::Student => STUDENT,
        Role::CourseTeacher => COURSE_TEACHER,
        Role::CourseCounsellor => COURSE_COUNSELLOR,
        Role::HomeroomTeacher | Role::GuidanceCounsellor => CLASS_READER,
        Role::OutcomeSubmitter | Role::ActivitySubmitter => SUBMITTER,
        Role::SchoolAdmin => SCHOOL_ADMIN,
        Role::Bureau | Role::Operator => CITY,
        // Their pages come with later issues; until then they land on the welcome page of identity.
        Role::Guardian | Role::ExchangeOperator | Role::WorkingGroup => &[],
    }
}

/// The URL of an entry for the wearer of a hat.
pub(crate) fn url(hat: &Hat, entry: &Entry) -> String {
    if hat.role.is_city() { entry.path.to_owned() } else { format!("/s/{}{}", hat.school, entry.path) }
}

/// Where the wearer of a hat lands after logging in; `/` for roles without pages of their own yet.
pub fn home_path(hat: &Hat) -> String {
    entries(hat.role).first().map_or_else(|| "/".to_owned(), |entry| url(hat, entry))
}
