//! The receipt (收訖明細, F-124, domain §5.10): what the central database says it received, held against what was sent,
//! for the students to confirm.

pub(crate) mod answers;
pub(crate) mod archive;
pub(crate) mod compare;
pub(crate) mod import;
pub(crate) mod jobs;
pub(crate) mod mine;
mod notice;
pub(crate) mod pages;
pub(crate) mod store;

/// What a part of the receipt is about; students confirm kind by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    CourseRecord,
    Cadre,
    Outcome,
    Activity,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::CourseRecord, Self::Cadre, Self::Outcome, Self::Activity];

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::CourseRecord => "course_record",
            Self::Cadre => "cadre",
            Self::Outcome => "outcome",
            Self::Activity => "activity",
        }
    }

    /// As the receipt's files are named.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::CourseRecord => "修課紀錄",
            Self::Cadre => "校內幹部經歷",
            Self::Outcome => "課程學習成果",
            Self::Activity => "多元表現",
        }
    }

    pub(crate) fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// The errors that a student may name while the school has no list of its own.
pub(crate) const USUAL_ERROR_CODES: [(&str, &str); 5] =
    [("01", "少了一筆"), ("02", "多了一筆"), ("03", "文字內容不對"), ("04", "檔案不對"), ("99", "其他")];
