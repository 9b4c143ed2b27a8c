//! The list of courses with their outcomes, and beginning a new one.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use kernel::{
    calendar::{AcademicYear, Term},
    ids::{CourseRecordId, OutcomeId, StudentId},
    rules::{Action, NewFiles, OutcomeState, WindowKind},
    text::Summary,
};
use serde::Deserialize;
use serde_json::json;
use store::{Audit, TenantTx};
use time::OffsetDateTime;
use web::{Answer, FieldErrors, Flash, Form, May, Page, Problem, Query, Tone, need};

use super::{Course, Outcome, store as rows, tone};
use crate::{
    file::storage,
    room::{Room, own},
    student::{Ground, Student},
    window::WindowView,
};

/// The windows whose year the list begins with.
const KINDS: [WindowKind; 3] = [WindowKind::OutcomeUpload, WindowKind::OutcomeCertify, WindowKind::OutcomeSelect];

#[derive(Template)]
#[template(path = "outcome/index.html")]
pub(crate) struct Index {
    page: Page,
    year: AcademicYear,
    years: Vec<AcademicYear>,
    term: Option<Term>,
    terms: Vec<TermView>,
}

struct TermView {
    term: Term,
    used: usize,
    limit: i64,
    windows: Vec<WindowView>,
    courses: Vec<CourseView>,
}

struct CourseView {
    subject: String,
    units: String,
    study_mode: &'static str,
    is_withdrawn: bool,
    /// Where to begin one.
    add: Option<String>,
    /// Why none can be begun, where the window isn't the reason: that is told once for the term.
    why_not: Option<String>,
    outcomes: Vec<Row>,
}

struct Row {
    id: OutcomeId,
    summary: String,
    tone: Tone,
    state: &'static str,
    files: Vec<&'static str>,
}

/// What the list is narrowed to.
#[derive(Deserialize)]
pub(crate) struct Filter {
    year: Option<String>,
    term: Option<String>,
}

pub(crate) async fn index(
    may: May<need::PortfolioView>,
    State(room): State<Arc<Room>>,
    Query(filter): Query<Filter>,
) -> Answer {
    let id = own(&may)?;
    let mut tx = room.db.read(&may, "portfolio.outcome.list").await?;
    let student = Student::load(&mut tx, id).await?.ok_or(Problem::NotFound)?;
    let asked = filter.year.as_deref().and_then(|year| year.parse().ok());
    let year = asked.unwrap_or_else(|| student.acting_year(&KINDS, may.now));
    let ground = Ground::of(&mut tx, student, year).await?;
    let courses = rows::courses(&mut tx, id, None).await?;
    let outcomes = rows::find(&mut tx, id, rows::Which::Of(year)).await?;
    drop(tx);

    let mut years: Vec<_> = courses.iter().map(|course| course.year).chain([year]).collect();
    years.sort_by_key(|year| std::cmp::Reverse(*year));
    years.dedup();
    let term = filter.term.as_deref().and_then(|term| term.parse().ok());
    let terms = terms(&ground, courses.into_iter().filter(|course| course.year == year).collect(), &outcomes, may.now);
    let terms = terms.into_iter().filter(|view| term.is_none_or(|term| view.term == term)).collect();
    web::html(&Index { page: may.page("課程學習成果"), year, years, term, terms })
}

fn terms(ground: &Ground, courses: Vec<Course>, outcomes: &[Outcome], now: OffsetDateTime) -> Vec<TermView> {
    let mut terms: Vec<Term> = courses.iter().map(|course| course.term).collect();
    terms.sort_by_key(|term| std::cmp::Reverse(*term));
    terms.dedup();
    let view = |term: Term| {
        let used = outcomes.iter().filter(|outcome| outcome.course.term == term).count();
        let of_term: Vec<&Course> = courses.iter().filter(|course| course.term == term).collect();
        let slot = of_term.first().map(|course| course.slot(&ground.student));
        let windows = slot.iter().flat_map(|slot| {
            [WindowKind::OutcomeUpload, WindowKind::OutcomeCertify].map(|kind| WindowView::of(ground, kind, slot, now))
        });
        TermView {
            term,
            used,
            limit: ground.rules.outcome_upload_per_term,
            windows: windows.collect(),
            courses: of_term.iter().map(|course| course_view(ground, course, (outcomes, used), now)).collect(),
        }
    };
    terms.into_iter().map(view).collect()
}

fn course_view(
    ground: &Ground,
    course: &Course,
    (outcomes, used_in_term): (&[Outcome], usize),
    now: OffsetDateTime,
) -> CourseView {
    let own: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.course.id == course.id).collect();
    let used = (i64::try_from(used_in_term).unwrap_or(i64::MAX), i64::try_from(own.len()).unwrap_or(i64::MAX));
    let answer = ground.may(&upload(ground, course, used), now);
    let slot = course.slot(&ground.student);
    let is_open = WindowView::of(ground, WindowKind::OutcomeUpload, &slot, now).is_open();
    CourseView {
        subject: course.subject.clone(),
        units: course.units(&ground.student),
        study_mode: course.study_mode(),
        is_withdrawn: course.is_withdrawn,
        add: answer.is_ok().then(|| format!("/outcomes/new?course_record={}", course.id)),
        why_not: answer
            .err()
            .filter(|_| !course.is_withdrawn && (is_open || !course.carries_outcomes()))
            .map(|refusal| refusal.to_string()),
        outcomes: own.into_iter().map(|outcome| row(outcome, now)).collect(),
    }
}

fn row(outcome: &Outcome, now: OffsetDateTime) -> Row {
    let state = outcome.state(now);
    Row {
        id: outcome.id,
        summary: outcome.summary.clone(),
        tone: tone(state),
        state: state.seen_by_student().label(),
        files: outcome.saved().map(|file| file.place().label()).collect(),
    }
}

/// Beginning one more, without files yet. `used`: of the term and of the course.
fn upload(ground: &Ground, course: &Course, used: (i64, i64)) -> Action {
    Action::UploadOutcome {
        slot: course.slot(&ground.student),
        carries_outcomes: course.carries_outcomes(),
        used_in_term: used.0,
        used_in_subject: used.1,
        files: NewFiles::default(),
    }
}

#[derive(Template)]
#[template(path = "outcome/new.html")]
pub(crate) struct New {
    page: Page,
    subject: String,
    when: String,
    units: String,
    course_record: CourseRecordId,
    summary: String,
    summary_max: i64,
    left_in_term: i64,
    left_in_subject: i64,
    refusal: Option<String>,
    errors: FieldErrors,
}

/// Which course.
#[derive(Deserialize)]
pub(crate) struct OfCourse {
    course_record: String,
}

/// The form of a new outcome.
#[derive(Deserialize)]
pub(crate) struct Draft {
    course_record: String,
    #[serde(default)]
    summary: String,
}

/// A course with what is used up at it.
struct Beginning {
    ground: Ground,
    course: Course,
    used: (i64, i64),
}

impl Beginning {
    async fn load(tx: &mut TenantTx, student: StudentId, course_record: &str) -> Answer<Self> {
        let id: CourseRecordId = course_record.parse().map_err(|_| Problem::NotFound)?;
        let course = rows::courses(tx, student, Some(id)).await?.pop();
        let course = course.filter(|course| !course.is_withdrawn).ok_or(Problem::NotFound)?;
        let ground = Ground::load(tx, student, course.year).await?.ok_or(Problem::NotFound)?;
        let used = rows::used(tx, student, &course).await?;
        Ok(Self { ground, course, used })
    }

    fn page(&self, may: &May<need::PortfolioEdit>, summary: String, errors: FieldErrors) -> New {
        let (ground, course) = (&self.ground, &self.course);
        let rules = &ground.rules;
        New {
            page: may.page("新增課程學習成果"),
            subject: course.subject.clone(),
            when: course.when(),
            units: course.units(&ground.student),
            course_record: course.id,
            summary,
            summary_max: rules.summary_max_chars,
            left_in_term: (rules.outcome_upload_per_term - self.used.0).max(0),
            left_in_subject: (rules.outcome_per_subject - self.used.1).max(0),
            refusal: ground.may(&upload(ground, course, self.used), may.now).err().map(|refusal| refusal.to_string()),
            errors,
        }
    }
}

pub(crate) async fn new(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Query(of): Query<OfCourse>,
) -> Answer {
    let mut tx = room.db.read(&may, "portfolio.outcome.new").await?;
    let beginning = Beginning::load(&mut tx, own(&may)?, &of.course_record).await?;
    drop(tx);
    web::html(&beginning.page(&may, String::new(), FieldErrors::new()))
}

pub(crate) async fn create(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Form(draft): Form<Draft>,
) -> Answer {
    let student = own(&may)?;
    let mut tx = room.db.write(&may, "portfolio.outcome.create").await?;
    storage::take_turn(&mut tx, student).await?;
    let beginning = Beginning::load(&mut tx, student, &draft.course_record).await?;
    let (ground, course) = (&beginning.ground, &beginning.course);
    let redraw = |errors| -> Answer<Response> {
        web::html_with(StatusCode::UNPROCESSABLE_ENTITY, &beginning.page(&may, draft.summary.clone(), errors))
    };
    let summary = match Summary::parse(&draft.summary, ground.summary_max()) {
        Ok(summary) => summary,
        Err(error) => return redraw(FieldErrors::one("summary", error.to_string())),
    };
    if let Err(refusal) = ground.may(&upload(ground, course, beginning.used), may.now) {
        return redraw(FieldErrors::one("", refusal.to_string()));
    }
    let id = rows::insert(&mut tx, student, course, summary.as_str(), ground.rules.outcome_per_subject).await?;
    let id = id.ok_or(Problem::Stale)?;
    if !rows::count_up(&mut tx, student, course, ground.rules.outcome_upload_per_term).await? {
        return Err(Problem::Stale);
    }
    let after = json!({ "course_record_id": course.id, "summary": summary, "state": OutcomeState::Draft });
    tx.audit(Audit::new("outcome.create", "outcome", id.get()).after(after));
    tx.commit().await?;
    let note = Flash::good("已建立草稿。接著請上傳檔案，再送出認證。");
    Ok(web::redirect_with(may.url(format_args!("/outcomes/{id}#files")), &note))
}
