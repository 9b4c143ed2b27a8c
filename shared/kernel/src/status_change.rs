//! Codes of changes of a student's registration (學籍異動代碼, domain App. C) and what they do to the portfolio.

use std::fmt;
use std::str::FromStr;

/// A three-digit code of a change. Codes that the list doesn't know are kept: tables evolve.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "i16", into = "i16")]
pub struct StatusChange(i16);

/// Whether a student goes to the school after a change (domain §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Goes to the school, in whatever year or department.
    Enrolled,
    /// Away for a time, keeps the registration: selections are deferred.
    Suspended,
    /// No longer this school's.
    Left,
    /// Finished.
    Graduated,
}

impl Standing {
    /// The name that people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Enrolled => "在學",
            Self::Suspended => "休學",
            Self::Left => "離校",
            Self::Graduated => "畢業",
        }
    }
}

/// What a change means for the portfolio (domain App. C, "Product use").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeMeaning {
    /// 新生
    Enrol,
    /// 轉入: may bring an exchange package.
    TransferIn,
    /// 轉科: the old department's course codes stay on the items.
    ChangeDepartment,
    /// 跳級
    SkipGrade,
    /// 復學
    Resume,
    /// 重讀
    Repeat,
    /// 復學重讀
    ResumeAndRepeat,
    /// 延修
    Extend,
    /// 轉出: an exchange package may follow.
    TransferOut,
    /// 休學
    Suspend,
    /// 其他離校
    Leave,
    /// 資料更正: identity keys change, the person stays.
    Correct,
    /// 畢業
    Graduate,
    /// Not known to concern the portfolio.
    Other,
}

/// First and last code, meaning, name; the special before the general.
const MEANINGS: &[(i16, i16, ChangeMeaning, &str)] = &[
    (1, 11, ChangeMeaning::Enrol, "新生"),
    (99, 99, ChangeMeaning::Enrol, "新生"),
    (111, 114, ChangeMeaning::TransferIn, "轉入（公告招收）"),
    (115, 115, ChangeMeaning::TransferIn, "轉入（教育部分發）"),
    (121, 124, ChangeMeaning::TransferIn, "轉入（學生申請）"),
    (131, 131, ChangeMeaning::TransferIn, "轉入（適性轉學）"),
    (141, 144, ChangeMeaning::TransferIn, "轉入（法定轉學）"),
    (211, 211, ChangeMeaning::ChangeDepartment, "轉科（轉進）"),
    (213, 213, ChangeMeaning::SkipGrade, "跳級"),
    (221, 224, ChangeMeaning::Resume, "復學"),
    (225, 226, ChangeMeaning::Resume, "復學升級"),
    (231, 234, ChangeMeaning::Repeat, "重讀"),
    (235, 236, ChangeMeaning::Extend, "延修生"),
    (237, 240, ChangeMeaning::ResumeAndRepeat, "復學重讀"),
    (241, 241, ChangeMeaning::Repeat, "重讀（降級轉科）"),
    (242, 242, ChangeMeaning::ResumeAndRepeat, "復學重讀生"),
    (243, 244, ChangeMeaning::Extend, "延修生"),
    (301, 301, ChangeMeaning::ChangeDepartment, "轉科（轉出）"),
    (302, 302, ChangeMeaning::SkipGrade, "跳級（轉出）"),
    (310, 314, ChangeMeaning::TransferOut, "轉出"),
    (316, 316, ChangeMeaning::TransferOut, "轉出（休學）"),
    (340, 348, ChangeMeaning::Suspend, "休學"),
    (350, 350, ChangeMeaning::Suspend, "自動延長休學"),
    (351, 351, ChangeMeaning::Leave, "就讀軍校"),
    (361, 361, ChangeMeaning::Leave, "死亡"),
    (362, 362, ChangeMeaning::Leave, "越級考取大學"),
    (363, 363, ChangeMeaning::Repeat, "輔導重讀"),
    (364, 364, ChangeMeaning::Extend, "輔導延修"),
    (365, 365, ChangeMeaning::Leave, "修業年限期滿"),
    (366, 366, ChangeMeaning::Leave, "未達畢業標準"),
    // of the variants 367–372 the vendor's filter treats these two as extended study (domain §4.4)
    (368, 368, ChangeMeaning::Extend, "延修"),
    (370, 370, ChangeMeaning::Extend, "延修"),
    (374, 381, ChangeMeaning::Leave, "註銷、放棄或廢止學籍"),
    (401, 401, ChangeMeaning::Correct, "更正學號"),
    (402, 402, ChangeMeaning::Correct, "更正姓名"),
    (403, 403, ChangeMeaning::Correct, "更正性別"),
    (405, 405, ChangeMeaning::Correct, "更正生日"),
    (407, 407, ChangeMeaning::Correct, "更正身分證號"),
    (408, 408, ChangeMeaning::Correct, "更正入學資格學校"),
    (409, 409, ChangeMeaning::Correct, "更正特殊身分"),
    (410, 410, ChangeMeaning::Correct, "更正證書字號"),
    (499, 499, ChangeMeaning::Correct, "其他更正"),
    (501, 501, ChangeMeaning::Graduate, "畢業"),
];

impl StatusChange {
    /// Accepts 1 to 999.
    pub fn new(code: i16) -> Result<Self, NotAStatusChange> {
        if (1..=999).contains(&code) { Ok(Self(code)) } else { Err(NotAStatusChange { found: code.to_string() }) }
    }

    /// The number, for storage.
    pub fn get(self) -> i16 {
        self.0
    }

    /// What it means for the portfolio.
    pub fn meaning(self) -> ChangeMeaning {
        self.entry().map_or(ChangeMeaning::Other, |(_, _, meaning, _)| *meaning)
    }

    /// The name that people read.
    pub fn label(self) -> &'static str {
        self.entry().map_or("其他異動", |(_, _, _, label)| label)
    }

    /// Whether the student goes to the school from then on; none: as before.
    pub fn standing(self) -> Option<Standing> {
        match self.meaning() {
            ChangeMeaning::Enrol
            | ChangeMeaning::TransferIn
            | ChangeMeaning::ChangeDepartment
            | ChangeMeaning::SkipGrade
            | ChangeMeaning::Resume
            | ChangeMeaning::Repeat
            | ChangeMeaning::ResumeAndRepeat
            | ChangeMeaning::Extend => Some(Standing::Enrolled),
            ChangeMeaning::Suspend => Some(Standing::Suspended),
            ChangeMeaning::TransferOut | ChangeMeaning::Leave => Some(Standing::Left),
            ChangeMeaning::Graduate => Some(Standing::Graduated),
            ChangeMeaning::Correct | ChangeMeaning::Other => None,
        }
    }

    fn entry(self) -> Option<&'static (i16, i16, ChangeMeaning, &'static str)> {
        MEANINGS.iter().find(|(first, last, ..)| (*first..=*last).contains(&self.0))
    }
}

impl TryFrom<i16> for StatusChange {
    type Error = NotAStatusChange;
    fn try_from(code: i16) -> Result<Self, NotAStatusChange> {
        Self::new(code)
    }
}

impl From<StatusChange> for i16 {
    fn from(change: StatusChange) -> i16 {
        change.0
    }
}

impl FromStr for StatusChange {
    type Err = NotAStatusChange;
    fn from_str(text: &str) -> Result<Self, NotAStatusChange> {
        let plain = crate::text::half_width(text);
        let code = plain.trim().parse().ok().and_then(|code| Self::new(code).ok());
        code.ok_or_else(|| NotAStatusChange { found: text.trim().to_owned() })
    }
}

impl fmt::Display for StatusChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

impl fmt::Debug for StatusChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Not a code of a change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("「{found}」不是學籍異動代碼；代碼是三位數字，例如 341")]
pub struct NotAStatusChange {
    /// What was written.
    pub found: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(code: i16) -> Option<Standing> {
        StatusChange::new(code).unwrap().standing()
    }

    /// §6.3: "on status 341–348, 350 … freeze until status 221–226, 237–242 restores the student".
    #[test]
    fn suspension_and_return() {
        for code in (340..=348).chain([350]) {
            assert_eq!(standing(code), Some(Standing::Suspended), "{code}");
        }
        for code in (221..=226).chain(237..=242) {
            assert_eq!(standing(code), Some(Standing::Enrolled), "{code}");
        }
    }

    /// App. C: "310–314 → exchange export"; "111–144 → new enrolment"; "231–234, 241 → repeat"; "301/211 → department change".
    #[test]
    fn meanings_for_the_product() {
        let meaning = |code| StatusChange::new(code).unwrap().meaning();
        assert_eq!((meaning(310), standing(313)), (ChangeMeaning::TransferOut, Some(Standing::Left)));
        assert_eq!((meaning(111), meaning(144)), (ChangeMeaning::TransferIn, ChangeMeaning::TransferIn));
        assert_eq!((meaning(234), meaning(241), meaning(242)), {
            (ChangeMeaning::Repeat, ChangeMeaning::Repeat, ChangeMeaning::ResumeAndRepeat)
        });
        assert_eq!((meaning(301), standing(301)), (ChangeMeaning::ChangeDepartment, Some(Standing::Enrolled)));
        assert_eq!((standing(501), standing(407)), (Some(Standing::Graduated), None));
    }

    /// §4.4: the vendor's filter lets "extended study (364, 368, 370)" carry outcomes.
    #[test]
    fn extended_study_is_enrolled() {
        assert!([364, 368, 370].iter().all(|code| standing(*code) == Some(Standing::Enrolled)));
    }

    #[test]
    fn codes_are_three_digits_and_unknown_ones_change_nothing() {
        assert_eq!("001".parse::<StatusChange>().unwrap().to_string(), "001");
        assert_eq!("３４１".parse::<StatusChange>().unwrap().label(), "休學");
        assert_eq!((standing(349), standing(703)), (None, None));
        assert_eq!("休學".parse::<StatusChange>().unwrap_err().found, "休學");
    }

    #[test]
    fn no_code_has_two_meanings() {
        assert!(MEANINGS.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }
}
