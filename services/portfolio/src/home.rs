//! The cabinet: what is due until when, what is done, what comes next (design §7).

pub(crate) mod pages;
pub(crate) mod store;

use kernel::{
    calendar::{AcademicYear, RosterTerm},
    rules::{WindowKind, WindowState},
};
use time::{Duration, OffsetDateTime};

use crate::student::Student;
use store::Counts;

/// A window that concerns the student now or soon.
pub(crate) struct Due {
    pub(crate) kind: WindowKind,
    pub(crate) year: AcademicYear,
    pub(crate) term: RosterTerm,
    pub(crate) state: WindowState,
}

/// How far ahead windows are told.
const AHEAD: Duration = Duration::days(120);

/// The windows open now, then those that open soon; each by the time that matters.
pub(crate) fn due(student: &Student, now: OffsetDateTime) -> Vec<Due> {
    let mut places: Vec<_> = student.windows.0.iter().map(|row| (row.kind, row.academic_year, row.term)).collect();
    places.sort();
    places.dedup();
    let of_place = |(kind, year, term): (WindowKind, AcademicYear, RosterTerm)| {
        let state = student.windows.state(kind, &student.slot(year, term), now);
        Due { kind, year, term, state }
    };
    let when = |due: &Due| match due.state {
        WindowState::Open { closes_at } => Some((0, closes_at)),
        WindowState::NotYet { opens_at } if opens_at - now <= AHEAD => Some((1, opens_at)),
        _ => None,
    };
    let mut all: Vec<_> = places.into_iter().map(of_place).filter(|due| when(due).is_some()).collect();
    all.sort_by_key(|due| when(due));
    all
}

impl Due {
    /// 「115學年度第1學期」
    pub(crate) fn of(&self) -> String {
        if self.term.is_year() { self.year.label() } else { format!("{}{}", self.year.label(), self.term.label()) }
    }

    pub(crate) fn closes_at(&self) -> Option<OffsetDateTime> {
        if let WindowState::Open { closes_at } = self.state { Some(closes_at) } else { None }
    }

    pub(crate) fn opens_at(&self) -> Option<OffsetDateTime> {
        if let WindowState::NotYet { opens_at } = self.state { Some(opens_at) } else { None }
    }
}

/// One thing to do next, in plain words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) text: String,
    /// Below the school.
    pub(crate) url: &'static str,
    pub(crate) action: &'static str,
    pub(crate) until: Option<OffsetDateTime>,
}

/// What comes next: what somebody waits for first, then by the time it is due.
pub(crate) fn steps(due: &[Due], counts: &Counts, limits: (i64, i64)) -> Vec<Step> {
    let until = |kind| due.iter().filter(|due| due.kind == kind).find_map(Due::closes_at);
    let step = |text: String, url, action, until| Step { text, url, action, until };
    let mut steps = Vec::new();
    let confirm = until(WindowKind::ReceiptConfirm);
    if counts.receipts > 0 && confirm.is_some() {
        let text = format!("有 {} 類收訖明細等你確認。", counts.receipts);
        steps.push(step(text, "/receipt", "確認收訖明細", confirm));
    }
    let certify = until(WindowKind::OutcomeCertify);
    if counts.failed > 0 {
        let text = format!("有 {} 件成果認證不通過，可以看原因、修改後再送出。", counts.failed);
        steps.push(step(text, "/outcomes", "看原因並修改", certify));
    }
    if counts.ready > 0 && certify.is_some() {
        let text = format!("有 {} 件草稿已有檔案，還沒送出認證。", counts.ready);
        steps.push(step(text, "/outcomes", "送出認證", certify));
    }
    let upload = until(WindowKind::OutcomeUpload);
    let unfinished = counts.drafts - counts.ready;
    if unfinished > 0 && upload.is_some() {
        let text = format!("有 {unfinished} 件草稿還沒有檔案。");
        steps.push(step(text, "/outcomes", "上傳檔案", upload));
    } else if counts.outcomes_of_year == 0 && upload.is_some() {
        let text = "這學年還沒有課程學習成果，可以選一門課開始。".to_owned();
        steps.push(step(text, "/outcomes", "新增成果", upload));
    }
    let select = until(WindowKind::OutcomeSelect);
    let left = limits.0 - counts.selected_outcomes;
    if counts.selectable > 0 && left > 0 && select.is_some() {
        let text = format!("有 {} 件認證通過的成果可以勾選，這學年還能選 {left} 件。", counts.selectable);
        steps.push(step(text, "/selection", "勾選成果", select));
    }
    let select = until(WindowKind::ActivitySelect);
    let left = limits.1 - counts.selected_activities;
    if counts.selectable_activities > 0 && left > 0 && select.is_some() {
        let text = format!("有 {} 件多元表現可以勾選，這學年還能選 {left} 件。", counts.selectable_activities);
        steps.push(step(text, "/selection", "勾選多元表現", select));
    }
    // a sort that keeps the order of equals: what is due first comes first, what has no date last
    steps.sort_by_key(|step| step.until.map_or((1, None), |until| (0, Some(until))));
    steps
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 14:00 +8);

    fn open(kind: WindowKind, closes_at: OffsetDateTime) -> Due {
        let year = AcademicYear::new(115).unwrap();
        Due { kind, year, term: RosterTerm::YEAR, state: WindowState::Open { closes_at } }
    }

    fn texts(due: &[Due], counts: &Counts) -> Vec<&'static str> {
        steps(due, counts, (6, 10)).into_iter().map(|step| step.action).collect()
    }

    /// Design §7: "what is due, until when, what is done, what comes next"; the nearest end first.
    #[test]
    fn the_step_due_first_comes_first() {
        let counts = Counts { ready: 2, drafts: 3, selectable: 1, outcomes_of_year: 4, ..Counts::default() };
        let windows = [
            open(WindowKind::OutcomeSelect, NOW + Duration::days(1)),
            open(WindowKind::OutcomeCertify, NOW + Duration::days(3)),
            open(WindowKind::OutcomeUpload, NOW + Duration::days(2)),
        ];
        assert_eq!(texts(&windows, &counts), ["勾選成果", "上傳檔案", "送出認證"]);
        assert_eq!(texts(&[], &counts), Vec::<&str>::new(), "nothing is asked for while nothing is open");
    }

    /// §4.4: a failed outcome may be sent again; §4.1: never more than 6 and 10.
    #[test]
    fn a_full_selection_asks_for_nothing_more() {
        let windows = [open(WindowKind::OutcomeSelect, NOW), open(WindowKind::ActivitySelect, NOW)];
        let full = Counts {
            selectable: 3,
            selected_outcomes: 6,
            selectable_activities: 2,
            selected_activities: 10,
            outcomes_of_year: 9,
            ..Counts::default()
        };
        assert_eq!(texts(&windows, &full), Vec::<&str>::new());
        assert_eq!(texts(&[], &Counts { failed: 1, outcomes_of_year: 1, ..Counts::default() }), ["看原因並修改"]);
    }
}
