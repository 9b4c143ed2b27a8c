//! A request for certification as it lies on its teacher's desk.

pub(crate) mod pages;
pub(crate) mod store;

use kernel::{
    calendar::{AcademicYear, RosterTerm, taipei_date},
    ids::{CertificationRequestId, DecisionId, OutcomeId, StudentId},
    rules::{OutcomeState, Slot},
};
use time::{Duration, OffsetDateTime};

/// Where a request stands for its teacher: what the queue is filtered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Sent, and the file not opened.
    Waiting,
    /// The file opened, no decision yet.
    Opened,
    /// Decided; the student does not see it yet.
    Unpublished,
    /// Published.
    Passed,
    /// Published.
    Failed,
}

impl Status {
    pub(crate) const ALL: [Self; 5] = [Self::Waiting, Self::Opened, Self::Unpublished, Self::Passed, Self::Failed];

    /// The word in the URL and in the queue's SQL.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Opened => "opened",
            Self::Unpublished => "unpublished",
            Self::Passed => "passed",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Waiting => "待認證",
            Self::Opened => "已開啟",
            Self::Unpublished => "待發佈",
            Self::Passed => "通過",
            Self::Failed => "不通過",
        }
    }

    pub(crate) const fn tone(self) -> &'static str {
        match self {
            Self::Waiting => "wait",
            Self::Opened => "note",
            Self::Unpublished => "quiet",
            Self::Passed => "good",
            Self::Failed => "bad",
        }
    }
}

/// A decision that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) id: DecisionId,
    pub(crate) passed: bool,
    pub(crate) at: OffsetDateTime,
    /// From when on the student sees it; none: later, on the teacher's word.
    pub(crate) publish_at: Option<OffsetDateTime>,
    /// The student has selected the outcome on the strength of it.
    pub(crate) selected: bool,
}

impl Decided {
    /// before its publication a decision is the certifier's alone.
    pub(crate) fn is_public(&self, now: OffsetDateTime) -> bool {
        self.publish_at.is_some_and(|moment| moment <= now)
    }
}

/// What the rules need to know of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) id: CertificationRequestId,
    pub(crate) outcome: OutcomeId,
    pub(crate) student: StudentId,
    pub(crate) slot: Slot,
    pub(crate) opened_at: Option<OffsetDateTime>,
    pub(crate) decided: Option<Decided>,
}

impl Standing {
    /// The state that [`kernel::rules::may`] asks for.
    pub(crate) fn state(&self, now: OffsetDateTime) -> OutcomeState {
        match self.decided {
            None => OutcomeState::Sent,
            Some(decided) if !decided.is_public(now) => OutcomeState::Decided,
            Some(decided) if decided.selected => OutcomeState::Selected,
            Some(decided) if decided.passed => OutcomeState::Passed,
            Some(_) => OutcomeState::Failed,
        }
    }

    /// The same for the teacher, who knows whether the file was opened.
    pub(crate) fn status(&self, now: OffsetDateTime) -> Status {
        match self.decided {
            None if self.opened_at.is_none() => Status::Waiting,
            None => Status::Opened,
            Some(decided) if !decided.is_public(now) => Status::Unpublished,
            Some(decided) if decided.passed => Status::Passed,
            Some(_) => Status::Failed,
        }
    }
}

/// The slot of a request's columns; the schema's checks keep others out.
pub(crate) fn slot(year: i16, term: i16, grade: i16) -> Option<Slot> {
    Some(Slot { year: AcademicYear::new(year).ok()?, term: RosterTerm::new(term).ok()?, grade })
}

/// How long a request has waited, against the school's target (A-15: 48 hours by default, holidays count as well).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Age {
    waited: Duration,
    target: Duration,
}

impl Age {
    pub(crate) fn new(sent_at: OffsetDateTime, now: OffsetDateTime, target_hours: i64) -> Self {
        Self { waited: now - sent_at, target: Duration::hours(target_hours) }
    }

    pub(crate) fn is_overdue(&self) -> bool {
        self.waited > self.target
    }

    /// In the last quarter of its time.
    pub(crate) fn is_near(&self) -> bool {
        !self.is_overdue() && self.waited * 4 >= self.target * 3
    }

    pub(crate) fn tone(&self) -> &'static str {
        if self.is_overdue() {
            "bad"
        } else if self.is_near() {
            "wait"
        } else {
            "quiet"
        }
    }

    /// 已等 5 小時, 已逾時 2 天 3 小時, …
    pub(crate) fn text(&self) -> String {
        if self.is_overdue() {
            format!("已逾時 {}", span(self.waited - self.target))
        } else if self.is_near() {
            format!("剩 {}", span(self.target - self.waited))
        } else {
            format!("已等 {}", span(self.waited))
        }
    }
}

fn span(duration: Duration) -> String {
    let hours = duration.whole_hours();
    match (hours / 24, hours % 24) {
        (0, 0) => "不到 1 小時".to_owned(),
        (0, hours) => format!("{hours} 小時"),
        (days, 0) => format!("{days} 天"),
        (days, hours) => format!("{days} 天 {hours} 小時"),
    }
}

/// What a filter form or the link of a row narrows the queue to. The texts are as the browser sent them.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Filter {
    /// A status's word, or `all`; without it the queue shows what waits.
    pub(crate) status: String,
    /// The number of a class.
    pub(crate) class: String,
    /// The number of a section.
    pub(crate) course: String,
    /// An academic year, or `all`; without it the years in which something can be done.
    pub(crate) year: String,
    /// The page, from 1.
    pub(crate) page: String,
    /// The decision just made, which the next page offers to take back.
    pub(crate) done: String,
    /// The result that the form of a request begins with: `pass` or `fail`.
    pub(crate) result: String,
}

/// The word for a queue without a status, or of all years.
pub(crate) const ALL: &str = "all";

/// The years whose requests the queue holds. A desk grows with every year while the work of its teacher does not, so it
/// shows the running year and those that are still open for certification (domain §4.4: a request is decided within
/// its window), and earlier ones when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Years {
    /// The running year, and every year with an open window of certification.
    Acting,
    /// One year.
    One(AcademicYear),
    /// Everything that ever lay on the desk.
    All,
}

impl Years {
    /// The first year that is shown whatever its windows.
    pub(crate) fn first(self, now: OffsetDateTime) -> i16 {
        match self {
            Self::Acting => AcademicYear::of_date(taipei_date(now)).get(),
            Self::One(year) => year.get(),
            Self::All => 0,
        }
    }

    /// The last year that is shown.
    pub(crate) fn last(self) -> i16 {
        match self {
            Self::One(year) => year.get(),
            Self::Acting | Self::All => i16::MAX,
        }
    }
}

impl Filter {
    pub(crate) fn years(&self) -> Years {
        if self.year == ALL {
            return Years::All;
        }
        let year = self.year.parse().ok().and_then(|year| AcademicYear::new(year).ok());
        year.map_or(Years::Acting, Years::One)
    }

    pub(crate) fn status(&self) -> Option<Status> {
        if self.status == ALL { None } else { Some(Status::of(&self.status).unwrap_or(Status::Waiting)) }
    }

    pub(crate) fn class(&self) -> Option<i64> {
        self.class.parse().ok()
    }

    pub(crate) fn section(&self) -> Option<i64> {
        self.course.parse().ok()
    }

    pub(crate) fn page(&self) -> i64 {
        self.page.parse().ok().filter(|page| (1..=10_000).contains(page)).unwrap_or(1)
    }

    /// The query of a link that keeps year, class and course, e.g. `?class=3`; empty without any.
    pub(crate) fn kept(&self) -> String {
        self.query(Some(Status::Waiting), &[])
    }

    /// The query of a link to a status (none: all) with more parts; year, class and course are kept.
    pub(crate) fn query(&self, status: Option<Status>, more: &[(&str, i64)]) -> String {
        let mut parts = Vec::new();
        match status {
            Some(Status::Waiting) => {}
            status => parts.push(format!("status={}", status.map_or(ALL, Status::code))),
        }
        match self.years() {
            Years::Acting => {}
            Years::One(year) => parts.push(format!("year={year}")),
            Years::All => parts.push(format!("year={ALL}")),
        }
        let kept = [("class", self.class()), ("course", self.section())];
        let kept = kept.into_iter().filter_map(|(name, number)| Some((name, number?)));
        parts.extend(kept.chain(more.iter().copied()).map(|(name, number)| format!("{name}={number}")));
        if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use time::macros::datetime;

    pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-22 14:00 +8);

    pub(crate) fn standing(decided: Option<Decided>) -> Standing {
        Standing {
            id: 7.into(),
            outcome: 8.into(),
            student: 9.into(),
            slot: slot(115, 1, 2).unwrap(),
            opened_at: Some(NOW - Duration::hours(1)),
            decided,
        }
    }

    pub(crate) fn decided(passed: bool, publish_at: Option<OffsetDateTime>, selected: bool) -> Decided {
        Decided { id: 5.into(), passed, at: NOW - Duration::minutes(5), publish_at, selected }
    }

    /// Domain §4.4: "Result hidden until publish"; A-29: an unpublished decision is the certifier's alone.
    #[test]
    fn a_decision_is_public_from_its_moment_on() {
        let soon = NOW + Duration::minutes(5);
        let states =
            [(None, OutcomeState::Decided), (Some(soon), OutcomeState::Decided), (Some(NOW), OutcomeState::Passed)];
        for (publish_at, state) in states {
            assert_eq!(standing(Some(decided(true, publish_at, false))).state(NOW), state, "{publish_at:?}");
        }
        assert_eq!(standing(Some(decided(false, Some(NOW), false))).state(NOW), OutcomeState::Failed);
        assert_eq!(standing(Some(decided(true, Some(NOW), true))).state(NOW), OutcomeState::Selected);
        assert_eq!(standing(None).state(NOW), OutcomeState::Sent);
    }

    #[test]
    fn the_teacher_tells_opened_from_waiting() {
        assert_eq!(standing(None).status(NOW), Status::Opened);
        assert_eq!(Standing { opened_at: None, ..standing(None) }.status(NOW), Status::Waiting);
    }

    /// "default 48, school parameter, working hours ignored".
    #[test]
    fn the_age_is_told_against_the_target() {
        let age = |hours| Age::new(NOW - Duration::hours(hours), NOW, 48);
        let told: Vec<_> =
            [0, 5, 30, 36, 48, 49, 99].into_iter().map(|hours| (age(hours).text(), age(hours).tone())).collect();
        let expected = [
            ("已等 不到 1 小時", "quiet"),
            ("已等 5 小時", "quiet"),
            ("已等 1 天 6 小時", "quiet"),
            ("剩 12 小時", "wait"),
            ("剩 不到 1 小時", "wait"),
            ("已逾時 1 小時", "bad"),
            ("已逾時 2 天 3 小時", "bad"),
        ];
        assert_eq!(told, expected.map(|(text, tone)| (text.to_owned(), tone)));
    }

    #[test]
    fn a_filter_keeps_what_it_understands() {
        let filter = Filter { status: "nonsense".into(), class: "3".into(), course: "x".into(), ..Filter::default() };
        assert_eq!((filter.status(), filter.class(), filter.section()), (Some(Status::Waiting), Some(3), None));
        assert_eq!(filter.kept(), "?class=3");
        assert_eq!(filter.query(Some(Status::Passed), &[("page", 2)]), "?status=passed&class=3&page=2");
        assert_eq!(filter.query(None, &[]), "?status=all&class=3");
        assert_eq!((Filter::default().kept(), Filter::default().page()), (String::new(), 1));
        let of_year = |year: &str| Filter { year: year.into(), ..Filter::default() };
        assert_eq!((of_year("114").kept(), of_year("all").kept()), ("?year=114".to_owned(), "?year=all".to_owned()));
        assert_eq!((of_year("0").years(), of_year("x").kept()), (Years::Acting, String::new()));
    }

    /// Domain §4.4: a request is decided within its window; the year runs from August to July.
    #[test]
    fn the_queue_begins_with_the_running_year() {
        let bounds = |years: Years| (years.first(NOW), years.last());
        assert_eq!(bounds(Years::Acting), (115, i16::MAX));
        assert_eq!(bounds(Years::One(AcademicYear::new(113).unwrap())), (113, 113));
        assert_eq!(bounds(Years::All), (0, i16::MAX));
        assert_eq!(Years::Acting.first(datetime!(2026-07-31 23:59 +8)), 114);
    }
}
