//! What goes to the central database this year: chosen by the student, changed freely until the windows close
//! (domain §4.1, §4.4).

pub(crate) mod pages;
pub(crate) mod store;

use kernel::{
    calendar::{AcademicYear, RosterTerm},
    ids::{ActivityId, OutcomeId},
    rules::{Action, Refusal, SelectPeriod},
};
use time::OffsetDateTime;

use crate::{activity::Activity, outcome::Outcome, student::Ground};

/// Everything of one year that may be chosen from, and the ground for it.
pub(crate) struct Year {
    pub(crate) year: AcademicYear,
    pub(crate) ground: Ground,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) activities: Vec<Activity>,
}

/// The set that the student wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) outcomes: Vec<OutcomeId>,
    pub(crate) activities: Vec<ActivityId>,
}

impl Chosen {
    fn has_outcome(&self, outcome: &Outcome) -> bool {
        self.outcomes.contains(&outcome.id)
    }

    fn has_activity(&self, activity: &Activity) -> bool {
        self.activities.contains(&activity.id)
    }
}

/// What separates the wanted set from the one that is in force.
pub(crate) struct Difference<'a> {
    pub(crate) remove_outcomes: Vec<&'a Outcome>,
    pub(crate) add_outcomes: Vec<&'a Outcome>,
    pub(crate) remove_activities: Vec<&'a Activity>,
    pub(crate) add_activities: Vec<&'a Activity>,
}

impl Difference<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.remove_outcomes.is_empty()
            && self.add_outcomes.is_empty()
            && self.remove_activities.is_empty()
            && self.add_activities.is_empty()
    }
}

impl Year {
    /// The set in force.
    pub(crate) fn current(&self) -> Chosen {
        Chosen {
            outcomes: self.outcomes.iter().filter(|outcome| outcome.is_selected).map(|outcome| outcome.id).collect(),
            activities: self.activities.iter().filter(|item| item.is_selected).map(|item| item.id).collect(),
        }
    }

    pub(crate) fn difference(&self, wanted: &Chosen) -> Difference<'_> {
        let outcomes = |add: bool| {
            let differs = move |outcome: &&Outcome| outcome.is_selected != add && wanted.has_outcome(outcome) == add;
            self.outcomes.iter().filter(differs).collect()
        };
        let activities = |add: bool| {
            let differs = move |item: &&Activity| item.is_selected != add && wanted.has_activity(item) == add;
            self.activities.iter().filter(differs).collect()
        };
        Difference {
            remove_outcomes: outcomes(false),
            add_outcomes: outcomes(true),
            remove_activities: activities(false),
            add_activities: activities(true),
        }
    }

    /// The term that an outcome's place is counted in: 0 where the limit is the year's.
    pub(crate) fn counted_in(&self, outcome: &Outcome) -> RosterTerm {
        match self.ground.rules.outcome_select_period {
            SelectPeriod::Year => RosterTerm::YEAR,
            SelectPeriod::Term => outcome.course.term.into(),
        }
    }

    /// Asks the rules about every change in turn, those that free a place first; names each refused item.
    pub(crate) fn check(&self, change: &Difference<'_>, now: OffsetDateTime) -> Vec<(String, Refusal)> {
        let mut refused = Vec::new();
        let mut ask = |title: &str, action: Action| match self.ground.may(&action, now) {
            Ok(()) => true,
            Err(refusal) => {
                refused.push((title.to_owned(), refusal));
                false
            }
        };
        let mut counts: Vec<(RosterTerm, i64)> = Vec::new();
        let mut count = |term: RosterTerm, by: i64| -> i64 {
            match counts.iter_mut().find(|(counted, _)| *counted == term) {
                Some((_, number)) => {
                    *number += by;
                    *number
                }
                None => {
                    counts.push((term, by));
                    by
                }
            }
        };
        for outcome in self.outcomes.iter().filter(|outcome| outcome.is_selected) {
            count(self.counted_in(outcome), 1);
        }
        for outcome in &change.remove_outcomes {
            if ask(&outcome.course.subject, self.unselect_outcome(outcome, now)) {
                count(self.counted_in(outcome), -1);
            }
        }
        for outcome in &change.add_outcomes {
            let term = self.counted_in(outcome);
            if ask(&outcome.course.subject, self.select_outcome(outcome, count(term, 0), now)) {
                count(term, 1);
            }
        }
        let mut activities = i64::try_from(self.current().activities.len()).unwrap_or(i64::MAX);
        for activity in &change.remove_activities {
            activities -= i64::from(ask(&activity.title, self.unselect_activity(activity)));
        }
        for activity in &change.add_activities {
            activities += i64::from(ask(&activity.title, self.select_activity(activity, activities)));
        }
        refused
    }

    /// Selecting one more beside `selected_count` others.
    pub(crate) fn select_outcome(&self, outcome: &Outcome, selected_count: i64, now: OffsetDateTime) -> Action {
        let slot = self.ground.student.slot(self.year, self.counted_in(outcome));
        Action::SelectOutcome { slot, state: outcome.state(now), uploaded_in: outcome.course.year, selected_count }
    }

    pub(crate) fn unselect_outcome(&self, outcome: &Outcome, now: OffsetDateTime) -> Action {
        let slot = self.ground.student.slot(self.year, self.counted_in(outcome));
        Action::UnselectOutcome { slot, state: outcome.state(now) }
    }

    /// Selecting one more beside `selected_count` others.
    pub(crate) fn select_activity(&self, activity: &Activity, selected_count: i64) -> Action {
        Action::SelectActivity {
            slot: self.ground.student.slot(self.year, RosterTerm::YEAR),
            state: activity.state(),
            uploaded_in: activity.year,
            during_high_school: activity.is_of_high_school(self.ground.student.entry_year),
            missing: activity.missing(),
            has_file: activity.has_file(),
            selected_count,
        }
    }

    pub(crate) fn unselect_activity(&self, activity: &Activity) -> Action {
        let slot = self.ground.student.slot(self.year, RosterTerm::YEAR);
        Action::UnselectActivity { slot, state: activity.state() }
    }
}
