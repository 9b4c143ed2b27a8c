//! When the school opens what: windows by kind, year, term and grade (作業時間, domain §4.3, F-129).

pub(crate) mod pages;
pub(crate) mod store;

use crate::OfficeRoutes;
use kernel::{
    calendar::{AcademicYear, RosterTerm, TAIPEI, parse_date_time},
    rules::{Ruleset, Window, WindowError, WindowKind},
};
use serde::Deserialize;
use time::{Duration, OffsetDateTime};
use web::FieldErrors;

pub(crate) fn routes() -> OfficeRoutes {
    OfficeRoutes::new()
        .get("/s/{school}/office/windows", pages::index)
        .post("/s/{school}/office/windows", pages::create)
        .get("/s/{school}/office/windows/{window}", pages::edit)
        .post("/s/{school}/office/windows/{window}", pages::update)
        .post("/s/{school}/office/windows/{window}/closing", pages::close)
}

/// Upload must stay open two weeks beyond the ceremony (domain §4.9); a shorter window as a whole can't.
const UPLOAD_MIN: Duration = Duration::days(14);

/// The form as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    kind: String,
    year: String,
    term: String,
    grade: String,
    /// A window may open twice (domain §4.3: "stage 1 about end of January, stage 2 about early February").
    stage: String,
    opens: String,
    closes: String,
}

impl Typed {
    /// The form of an existing window.
    fn of(window: &Window, stage: i16) -> Self {
        Self {
            kind: window.kind.code().to_owned(),
            year: window.academic_year.to_string(),
            term: window.term.to_string(),
            grade: window.grade.unwrap_or(0).to_string(),
            stage: stage.to_string(),
            opens: field_value(window.opens_at),
            closes: field_value(window.closes_at),
        }
    }

    /// The window that the form describes and its stage, if the regulation allows it.
    fn read(&self) -> Result<(Window, i16), FieldErrors> {
        let mut errors = FieldErrors::new();
        let kind = self.kind.parse::<WindowKind>().map_err(|error| errors.add("kind", error.to_string()));
        let year = self.year.parse::<AcademicYear>().map_err(|error| errors.add("year", error.to_string()));
        let term = self.term.parse().ok().and_then(|term| RosterTerm::new(term).ok());
        let grade = self.grade.parse::<i16>().ok().filter(|grade| (0..=6).contains(grade));
        if term.is_none() {
            errors.add("term", "學期應為 0（全學年）到 4");
        }
        let stage = self.stage.parse::<i16>().ok().filter(|stage| (1..=9).contains(stage));
        if stage.is_none() {
            errors.add("stage", "梯次應為 1 到 9");
        }
        if grade.is_none() {
            errors.add("grade", "年級應為 0（全部）到 6");
        }
        let opens = parse_date_time(&self.opens).map_err(|error| errors.add("opens", error.to_string()));
        let closes = parse_date_time(&self.closes).map_err(|error| errors.add("closes", error.to_string()));
        let (Ok(kind), Ok(academic_year), Some(term), Some(grade), Some(stage), Ok(opens_at), Ok(closes_at)) =
            (kind, year, term, grade, stage, opens, closes)
        else {
            return Err(errors);
        };
        let grade = (grade != 0).then_some(grade);
        let window = Window { kind, academic_year, term, grade, opens_at, closes_at };
        lawful(&window).map(|()| (window, stage)).map_err(|error| FieldErrors::one("closes", error.to_string()))
    }
}

/// Whether the regulation allows the window, whoever wants it so: the form, or a proposal that is adopted.
pub(crate) fn lawful(window: &Window) -> Result<(), WindowError> {
    window.check(&Ruleset::of(window.academic_year), None)
}

/// What the school should think of, though the window is lawful: the system doesn't know the day of the ceremony.
fn advice(window: &Window) -> Option<&'static str> {
    let graduating = window.grade == Some(3) && window.term.get() == 2;
    let short = window.closes_at - window.opens_at < UPLOAD_MIN;
    (window.kind == WindowKind::OutcomeUpload && short && !graduating)
        .then_some("提醒：課程學習成果上傳應開放到休業式後至少兩週（三年級第 2 學期除外），這個時間不到兩週")
}

/// A moment as a browser's date-time field takes it, in Taiwan's time.
fn field_value(moment: OffsetDateTime) -> String {
    let local = moment.to_offset(TAIPEI);
    format!("{}T{:02}:{:02}", local.date(), local.hour(), local.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(kind: &str, opens: &str, closes: &str) -> Typed {
        let [kind, opens, closes] = [kind, opens, closes].map(str::to_owned);
        let [year, term, grade, stage] = ["115", "1", "0", "1"].map(str::to_owned);
        Typed { kind, year, term, grade, stage, opens, closes }
    }

    #[test]
    fn a_window_closes_after_it_opens() {
        let errors = typed("outcome_upload", "2026-11-22T08:00", "2026-11-22T08:00").read().unwrap_err();
        assert!(errors.has("closes"));
        let errors = typed("party", "yesterday", "").read().unwrap_err();
        assert!(errors.has("kind") && errors.has("opens") && errors.has("closes"));
    }

    /// Domain §4.9: "Receipt confirmation period ≥ 3 days".
    #[test]
    fn receipts_are_confirmed_in_three_days_at_least() {
        let errors = typed("receipt_confirm", "2026-11-20T08:00", "2026-11-22T08:00").read().unwrap_err();
        assert!(errors.get("closes").unwrap().contains("3 天"));
        assert!(typed("receipt_confirm", "2026-11-20T08:00", "2026-11-23T08:00").read().is_ok());
    }

    /// Domain §4.9: "Outcome upload open ≥ 2 weeks after end-of-term ceremony (not grade 3 term 2)".
    #[test]
    fn a_short_upload_window_is_advised_against_but_not_refused() {
        let (short, _) = typed("outcome_upload", "2026-11-20T08:00", "2026-11-27T17:00").read().unwrap();
        assert!(advice(&short).is_some());
        let graduating = Window { grade: Some(3), term: RosterTerm::new(2).unwrap(), ..short };
        assert_eq!(advice(&graduating), None);
        let (long, _) = typed("outcome_upload", "2026-11-20T08:00", "2026-12-20T17:00").read().unwrap();
        assert_eq!(advice(&long), None);
    }

    #[test]
    fn the_form_shows_taiwans_time() {
        let (window, stage) = typed("outcome_upload", "2026-11-20T08:00", "115/12/20 17:00").read().unwrap();
        let again = Typed::of(&window, stage);
        assert_eq!((again.opens.as_str(), again.closes.as_str()), ("2026-11-20T08:00", "2026-12-20T17:00"));
    }
}
