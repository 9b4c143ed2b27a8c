//! When things may be done: opening and closing times by kind, year, term and grade (作業時間, domain §4.3).

use time::{Date, Duration, OffsetDateTime};

use super::{Refusal, Ruleset};
use crate::calendar::{AcademicYear, RosterTerm, Term, taipei_date};
use crate::code_table::word_codes;

word_codes! {
    /// What a window opens (domain §4.3).
    WindowKind("作業時間") {
        /// Uploading outcomes.
        OutcomeUpload = "outcome_upload", "課程學習成果上傳";
        /// Sending outcomes for certification, and certifying them.
        OutcomeCertify = "outcome_certify", "課程學習成果認證";
        /// Selecting outcomes for the year's submission.
        OutcomeSelect = "outcome_select", "課程學習成果勾選";
        /// Recording activities.
        ActivityUpload = "activity_upload", "多元表現上傳";
        /// Selecting activities for the year's submission.
        ActivitySelect = "activity_select", "多元表現勾選";
        /// Confirming or disputing receipts.
        ReceiptConfirm = "receipt_confirm", "收訖明細確認";
        /// Handing in plans for self-directed study.
        SelfStudyPlan = "self_study_plan", "自主學習計畫申請";
    }
}

/// A student's place in the calendar: what windows are looked up by. Taken from the item and the enrolment, never
/// from the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The academic year of the item.
    pub year: AcademicYear,
    /// Its term; the whole year for what is done yearly.
    pub term: RosterTerm,
    /// The student's grade in that year, from 1.
    pub grade: i16,
}

/// One row of opening times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// What it opens.
    pub kind: WindowKind,
    /// For which academic year.
    pub academic_year: AcademicYear,
    /// For which term, or the whole year.
    pub term: RosterTerm,
    /// For which grade, from 1; none: all.
    pub grade: Option<i16>,
    /// The first moment.
    pub opens_at: OffsetDateTime,
    /// The first moment that is too late.
    pub closes_at: OffsetDateTime,
}

/// Where a window stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowState {
    /// It was open and is no more.
    Closed {
        /// Since when it was open.
        opened: OffsetDateTime,
        /// When it closed.
        closed: OffsetDateTime,
    },
    /// It will open.
    NotYet {
        /// When.
        opens_at: OffsetDateTime,
    },
    /// It is open.
    Open {
        /// Until when.
        closes_at: OffsetDateTime,
    },
    /// The school has announced none.
    None,
}

/// All windows that may concern the person at hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Windows(pub Vec<Window>);

impl Windows {
    /// Where the window for a slot stands. The most specific rows decide: one for the grade before one for all,
    /// then one for the term before one for the year; of several stages the one that is open, next, or was last.
    pub fn state(&self, kind: WindowKind, slot: &Slot, now: OffsetDateTime) -> WindowState {
        let concerns = |window: &&Window| {
            window.kind == kind
                && window.academic_year == slot.year
                && (window.term == slot.term || window.term.is_year())
                && window.grade.is_none_or(|grade| grade == slot.grade)
        };
        let rank = |window: &Window| (window.grade.is_some(), !window.term.is_year());
        let Some(highest) = self.0.iter().filter(concerns).map(rank).max() else { return WindowState::None };
        let stages = || self.0.iter().filter(concerns).filter(|window| rank(window) == highest);

        let open = stages().filter(|stage| stage.opens_at <= now && now < stage.closes_at).max_by_key(|s| s.closes_at);
        if let Some(open) = open {
            return WindowState::Open { closes_at: open.closes_at };
        }
        if let Some(next) = stages().filter(|stage| now < stage.opens_at).min_by_key(|stage| stage.opens_at) {
            return WindowState::NotYet { opens_at: next.opens_at };
        }
        stages()
            .max_by_key(|stage| stage.closes_at)
            .map_or(WindowState::None, |last| WindowState::Closed { opened: last.opens_at, closed: last.closes_at })
    }

    /// Refuses unless the window is open.
    pub fn require(&self, kind: WindowKind, slot: &Slot, now: OffsetDateTime) -> Result<(), Refusal> {
        match self.state(kind, slot, now) {
            WindowState::Open { .. } => Ok(()),
            WindowState::NotYet { opens_at } => Err(Refusal::NotYetOpen { kind, opens_at }),
            WindowState::Closed { opened, closed } => Err(Refusal::Closed { kind, opened, closed }),
            WindowState::None => Err(Refusal::NotAnnounced { kind }),
        }
    }
}

impl Window {
    /// Checks a row that a school wants to announce against the regulation (domain §4.9, A-16). `ceremony` is the day
    /// of the end-of-term ceremony, where the school has told it.
    pub fn check(&self, rules: &Ruleset, ceremony: Option<Date>) -> Result<(), WindowError> {
        let (opens_at, closes_at) = (self.opens_at, self.closes_at);
        if closes_at <= opens_at {
            return Err(WindowError::EndsBeforeStart);
        }
        let min_days = rules.receipt_confirm_min_days;
        if self.kind == WindowKind::ReceiptConfirm && closes_at - opens_at < Duration::days(min_days) {
            return Err(WindowError::ReceiptTooShort { min_days });
        }
        let graduating = self.grade == Some(3) && self.term == Term::SECOND.into();
        if let (WindowKind::OutcomeUpload, false, Some(ceremony)) = (self.kind, graduating, ceremony) {
            let days = rules.upload_days_after_ceremony;
            let earliest_end = ceremony + Duration::days(days);
            if taipei_date(closes_at) < earliest_end {
                return Err(WindowError::UploadTooShort { days, earliest_end });
            }
        }
        Ok(())
    }
}

/// Why a window must not be announced so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// It would close before or when it opens.
    #[error("結束時間應晚於開始時間")]
    EndsBeforeStart,
    /// Receipts need some days (domain §4.9).
    #[error("收訖明細確認至少要開放 {min_days} 天")]
    ReceiptTooShort {
        /// The least.
        min_days: i64,
    },
    /// Upload must stay open after the ceremony.
    #[error(
        "課程學習成果上傳應開放到休業式後至少 {days} 天，也就是 {} 以後（三年級第2學期除外）",
        crate::calendar::roc_date(*.earliest_end)
    )]
    UploadTooShort {
        /// Days after the ceremony.
        days: i64,
        /// The first day on which it may close.
        earliest_end: Date,
    },
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    const OPENS: OffsetDateTime = datetime!(2026-11-20 08:00 +8);
    const CLOSES: OffsetDateTime = datetime!(2026-11-30 17:00 +8);
    const NOW: OffsetDateTime = datetime!(2026-11-22 14:00 +8);

    fn slot(term: i16, grade: i16) -> Slot {
        Slot { year: AcademicYear::new(115).unwrap(), term: RosterTerm::new(term).unwrap(), grade }
    }

    fn window(term: i16, grade: Option<i16>, opens_at: OffsetDateTime, closes_at: OffsetDateTime) -> Window {
        let Slot { year, term, .. } = slot(term, 1);
        Window { kind: WindowKind::OutcomeUpload, academic_year: year, term, grade, opens_at, closes_at }
    }

    fn state(rows: Vec<Window>, slot: Slot, now: OffsetDateTime) -> WindowState {
        Windows(rows).state(WindowKind::OutcomeUpload, &slot, now)
    }

    #[test]
    fn a_window_opens_at_its_first_and_closes_at_its_last_moment() {
        let rows = || vec![window(1, None, OPENS, CLOSES)];
        let second = Duration::seconds(1);
        assert_eq!(state(rows(), slot(1, 2), OPENS - second), WindowState::NotYet { opens_at: OPENS });
        assert_eq!(state(rows(), slot(1, 2), OPENS), WindowState::Open { closes_at: CLOSES });
        assert_eq!(state(rows(), slot(1, 2), CLOSES - second), WindowState::Open { closes_at: CLOSES });
        assert_eq!(state(rows(), slot(1, 2), CLOSES), WindowState::Closed { opened: OPENS, closed: CLOSES });
    }

    #[test]
    fn a_row_of_another_kind_year_term_or_grade_does_not_count() {
        let mut other = window(1, None, OPENS, CLOSES);
        other.kind = WindowKind::OutcomeSelect;
        let mut earlier = window(1, None, OPENS, CLOSES);
        earlier.academic_year = earlier.academic_year.previous();
        let rows = vec![other, earlier, window(2, None, OPENS, CLOSES), window(1, Some(3), OPENS, CLOSES)];
        assert_eq!(state(rows, slot(1, 2), NOW), WindowState::None);
        assert_eq!(state(vec![window(1, None, OPENS, CLOSES)], slot(0, 2), NOW), WindowState::None);
    }

    /// The most specific row wins: grade before all, then term before year; even when it is closed.
    #[test]
    fn the_most_specific_row_wins() {
        let for_year = window(0, None, OPENS, CLOSES);
        let for_term = window(1, None, OPENS, NOW);
        let for_grade = window(0, Some(3), OPENS, CLOSES + Duration::DAY);
        let for_both = window(1, Some(3), CLOSES, CLOSES + Duration::DAY);
        let open_until = |closes_at| WindowState::Open { closes_at };
        assert_eq!(state(vec![for_year.clone()], slot(1, 2), NOW), open_until(CLOSES));
        let rows = vec![for_year.clone(), for_term.clone()];
        assert_eq!(state(rows, slot(1, 2), NOW), WindowState::Closed { opened: OPENS, closed: NOW });
        let rows = vec![for_grade.clone(), for_term.clone(), for_year.clone()];
        assert_eq!(state(rows, slot(1, 3), NOW), open_until(CLOSES + Duration::DAY));
        let rows = vec![for_both, for_grade, for_term, for_year];
        assert_eq!(state(rows, slot(1, 3), NOW), WindowState::NotYet { opens_at: CLOSES });
    }

    /// §4.3, Huajiang: "term 1: stage 1 about end of January, stage 2 about early February".
    #[test]
    fn a_term_may_have_stages() {
        let rows = || vec![window(1, None, OPENS, NOW), window(1, None, CLOSES, CLOSES + Duration::DAY)];
        assert_eq!(state(rows(), slot(1, 1), OPENS), WindowState::Open { closes_at: NOW });
        assert_eq!(state(rows(), slot(1, 1), NOW), WindowState::NotYet { opens_at: CLOSES });
        let after = CLOSES + Duration::DAY;
        assert_eq!(state(rows(), slot(1, 1), after), WindowState::Closed { opened: CLOSES, closed: after });
    }

    /// the city's rule set refuses a window that ends less than two weeks after the ceremony, except grade 3 term 2.
    #[test]
    fn upload_stays_open_two_weeks_after_the_ceremony() {
        let rules = Ruleset::of(AcademicYear::new(115).unwrap());
        let error = window(1, None, OPENS, CLOSES).check(&rules, Some(date!(2026 - 11 - 20))).unwrap_err();
        assert_eq!(error, WindowError::UploadTooShort { days: 14, earliest_end: date!(2026 - 12 - 04) });
        assert!(error.to_string().contains("115/12/04"));
        assert_eq!(window(2, Some(3), OPENS, CLOSES).check(&rules, Some(date!(2026 - 11 - 20))), Ok(()));
        assert_eq!(window(1, None, OPENS, CLOSES).check(&rules, Some(date!(2026 - 11 - 16))), Ok(()));
        assert_eq!(window(1, None, CLOSES, OPENS).check(&rules, None), Err(WindowError::EndsBeforeStart));
    }

    /// §4.9: "Receipt confirmation period ≥ 3 days".
    #[test]
    fn receipts_stay_open_three_days() {
        let rules = Ruleset::of(AcademicYear::new(115).unwrap());
        let mut receipt = window(0, None, OPENS, OPENS + Duration::days(3));
        receipt.kind = WindowKind::ReceiptConfirm;
        assert_eq!(receipt.check(&rules, None), Ok(()));
        receipt.closes_at -= Duration::MINUTE;
        assert_eq!(receipt.check(&rules, None), Err(WindowError::ReceiptTooShort { min_days: 3 }));
    }
}
