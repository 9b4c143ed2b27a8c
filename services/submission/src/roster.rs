//! The rosters that this product owes the central database (domain §5.0, A-07): which there are,
//! who may submit them, whom they hold.

pub(crate) mod build;
pub(crate) mod facts;
pub(crate) mod store;
pub(crate) mod template;
pub(crate) mod workbook;

use kernel::{permission::Permission, rules::SubmissionPart};

/// A roster (名冊) with the students it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Roster {
    /// 校內幹部經歷名冊, each term.
    Cadres,
    /// 學生自填多元表現名冊, yearly.
    Activities,
    /// 學生課程學習成果名冊, yearly.
    Outcomes,
    /// 進修部(學校)學生課程學習成果名冊, yearly; counts periods (節數).
    EveningOutcomes,
}

/// Whom a batch holds: grade 3 may go ahead of the others, in two batches (domain §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cohort {
    /// All grades, without what went with a batch of grade 3.
    All,
    /// 三年級第一梯次
    ThirdFirst,
    /// 三年級第二梯次
    ThirdSecond,
}

/// A 名冊別 as the cover carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RosterCode {
    pub(crate) roster: Roster,
    pub(crate) cohort: Cohort,
}

impl Roster {
    pub(crate) const ALL: [Self; 4] = [Self::Outcomes, Self::EveningOutcomes, Self::Activities, Self::Cadres];

    /// The code of the roster of all grades; templates are kept under it.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Cadres => 24,
            Self::Activities => 25,
            Self::Outcomes => 26,
            Self::EveningOutcomes => 28,
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Cadres => "校內幹部經歷名冊",
            Self::Activities => "學生自填多元表現名冊",
            Self::Outcomes => "學生課程學習成果名冊",
            Self::EveningOutcomes => "進修部(學校)學生課程學習成果名冊",
        }
    }

    /// Yearly rosters carry term 0 on their cover (domain §5.0).
    pub(crate) const fn is_yearly(self) -> bool {
        !matches!(self, Self::Cadres)
    }

    pub(crate) const fn part(self) -> SubmissionPart {
        match self {
            Self::Cadres => SubmissionPart::Cadre,
            Self::Activities => SubmissionPart::Activities,
            Self::Outcomes | Self::EveningOutcomes => SubmissionPart::Outcomes,
        }
    }

    /// Who submits it (domain §2.4): never the school administrator.
    pub(crate) const fn permission(self) -> Permission {
        match self {
            Self::Cadres | Self::Activities => Permission::SubmissionActivity,
            Self::Outcomes | Self::EveningOutcomes => Permission::SubmissionOutcome,
        }
    }

    /// Rows of one student that a year may have (domain §4.1).
    pub(crate) const fn rows_of_a_student(self) -> Option<usize> {
        match self {
            Self::Cadres => None,
            Self::Activities => Some(10),
            Self::Outcomes | Self::EveningOutcomes => Some(6),
        }
    }
}

impl Cohort {
    pub(crate) const ALL: [Self; 3] = [Self::All, Self::ThirdFirst, Self::ThirdSecond];

    const fn offset(self) -> i16 {
        match self {
            Self::All => 0,
            Self::ThirdFirst => 10,
            Self::ThirdSecond => 50,
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::All => "全校",
            Self::ThirdFirst => "三年級第一梯次",
            Self::ThirdSecond => "三年級第二梯次",
        }
    }

    /// The only grade it holds.
    pub(crate) const fn grade(self) -> Option<i16> {
        match self {
            Self::All => None,
            Self::ThirdFirst | Self::ThirdSecond => Some(3),
        }
    }
}

impl RosterCode {
    /// Reads a 名冊別.
    pub(crate) fn new(code: i16) -> Option<Self> {
        let all = Roster::ALL.into_iter().flat_map(|roster| Cohort::ALL.map(|cohort| Self { roster, cohort }));
        all.into_iter().find(|known| known.get() == code)
    }

    /// The number on the cover.
    pub(crate) const fn get(self) -> i16 {
        self.roster.code() + self.cohort.offset()
    }

    /// The other 名冊別 of the same roster: what the central database took with them is not sent again.
    pub(crate) fn siblings(self) -> Vec<i16> {
        let others = Cohort::ALL.into_iter().filter(|cohort| *cohort != self.cohort);
        others.map(|cohort| Self { cohort, ..self }.get()).collect()
    }

    /// `26 學生課程學習成果名冊（三年級第一梯次）`
    pub(crate) fn label(self) -> String {
        match self.cohort {
            Cohort::All => format!("{} {}", self.get(), self.roster.label()),
            cohort => format!("{} {}（{}）", self.get(), self.roster.label(), cohort.label()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Domain §5.0: "24 … 34 … 74", "25 … 35 … 75", "26 … 36 … 76", "28 … 38 … 78"; 27 is "not used in practice".
    #[test]
    fn roster_codes_are_those_of_the_cover_table() {
        let known: Vec<i16> = (0..100).filter(|code| RosterCode::new(*code).is_some()).collect();
        assert_eq!(known, [24, 25, 26, 28, 34, 35, 36, 38, 74, 75, 76, 78]);
        assert_eq!(RosterCode::new(36).unwrap().siblings(), [26, 76]);
    }

    /// Domain §2.4: outcomes are the outcome submitter's; activities and cadre the activity submitter's.
    #[test]
    fn each_roster_has_its_submitter() {
        for roster in Roster::ALL {
            let activity = matches!(roster, Roster::Activities | Roster::Cadres);
            assert_eq!(roster.permission() == Permission::SubmissionActivity, activity, "{}", roster.label());
        }
    }

    /// Domain §5.0: "1/2 for term rosters; 0 for yearly rosters"; §5.7.1: cadre "each term".
    #[test]
    fn only_the_cadre_roster_is_of_a_term() {
        let of_a_term: Vec<i16> =
            Roster::ALL.into_iter().filter(|roster| !roster.is_yearly()).map(Roster::code).collect();
        assert_eq!(of_a_term, [24]);
    }
}
