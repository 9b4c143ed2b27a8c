//! Writing a record down and mending it.

use std::{collections::BTreeSet, sync::Arc};

use askama::Template;
use axum::{
    extract::{Multipart, Path, State},
    http::StatusCode,
};
use blob::{Accept, NotStored, Refusal};
use kernel::{
    calendar::{AcademicYear, taipei_date},
    ids::{CounsellingRecordId, StudentId},
    rules::Ruleset,
};
use store::{Audit, Error};
use web::{Answer, FieldErrors, Flash, May, Page, Problem, need};

use super::{
    Content, Record,
    roster::{Class, Roster, by_class},
    store as rows,
    typed::{Sent, Typed},
};
use crate::{
    file::File,
    room::{Room, reach, writer},
};

/// The largest body: more than any rule allows a file, so that one somewhat too large is told by its field.
pub(crate) const MOST_BYTES: usize = 12 * 1024 * 1024;

/// Shown as advice: what the other systems of the country take.
const ADVISED_BYTES: i64 = 2 * 1024 * 1024;

/// Classes that are shown open when nobody is ticked yet.
const OPEN_CLASSES: usize = 2;

#[derive(Template)]
#[template(path = "record/form.html")]
struct FormPage<'a> {
    page: Page,
    /// Where the form goes and where giving up leads, below the school.
    action: String,
    back: String,
    typed: &'a Typed,
    chosen: BTreeSet<StudentId>,
    classes: Vec<Class<'a>>,
    rules: &'a Ruleset,
    /// The name of the file that is there.
    file: Option<&'a str>,
    /// The record as it stands now, where somebody else was faster.
    newer: Option<String>,
    errors: FieldErrors,
}

impl FormPage<'_> {
    fn is_open(&self, class: &Class) -> bool {
        class.chosen(&self.chosen) > 0 || self.chosen.is_empty() && self.classes.len() <= OPEN_CLASSES
    }
}

/// What the form is checked against.
struct Desk {
    rules: Ruleset,
    roster: Roster,
    /// `None` for a new one.
    record: Option<Record>,
}

/// A form that was not taken: redrawn with this status.
struct Refused(StatusCode, FieldErrors);

impl From<FieldErrors> for Refused {
    fn from(errors: FieldErrors) -> Self {
        Self(StatusCode::UNPROCESSABLE_ENTITY, errors)
    }
}

impl Desk {
    async fn open(room: &Room, may: &May<need::CounsellingWrite>, id: Option<CounsellingRecordId>) -> Answer<Self> {
        let of = reach(may)?;
        let mut tx = room.db.read(may, "counseling.record.form").await?;
        let record = match id {
            Some(id) => Some(rows::find(&mut tx, of, id).await?.ok_or(Problem::NotFound)?),
            None => None,
        };
        let also: Vec<_> = record.iter().flat_map(|record| record.content.students.iter().copied()).collect();
        let roster = rows::roster(&mut tx, of, &also).await?;
        let (rules, _) = store::rules::load(&mut tx, AcademicYear::of_date(taipei_date(may.now))).await?;
        Ok(Self { rules, roster, record })
    }

    /// Checks all fields, and only then stores the file. No transaction is open meanwhile.
    async fn accept(
        &self,
        room: &Room,
        may: &May<need::CounsellingWrite>,
        typed: &Typed,
    ) -> Result<(Content, Option<File>), Refused> {
        let content = Content::check(typed, &self.roster, &self.rules, taipei_date(may.now));
        let fits = self.fits(typed);
        let content = match (content, fits) {
            (Ok(content), Ok(())) => content,
            (content, fits) => {
                let mut errors = content.err().unwrap_or_default();
                if let Err(refusal) = fits {
                    errors.add("file", refusal);
                }
                return Err(errors.into());
            }
        };
        let old = self.record.as_ref().and_then(|record| record.file.clone()).filter(|_| !typed.without_file);
        let Sent::File(name, bytes) = &typed.sent else { return Ok((content, old)) };
        let stored = room.vault.ingest(&may.school(), bytes.clone(), Accept::CounsellingFile).await;
        let stored = stored.map_err(not_stored)?;
        Ok((content, Some(File::new(name.clone(), &stored))))
    }

    /// The size that the rules allow (A-03, domain §4.2: 4 MB, a school may lower it).
    fn fits(&self, typed: &Typed) -> Result<(), String> {
        let most = u64::try_from(self.rules.counselling_max_bytes).unwrap_or_default();
        match &typed.sent {
            Sent::TooLarge => Err(format!("檔案太大，最大 {} MB", most / (1024 * 1024))),
            Sent::File(_, bytes) if bytes.len() as u64 > most => {
                Err(Refusal::TooLarge { bytes: bytes.len() as u64, most }.to_string())
            }
            _ => Ok(()),
        }
    }

    fn page<'a>(&'a self, may: &May<need::CounsellingWrite>, typed: &'a Typed, errors: FieldErrors) -> FormPage<'a> {
        let (title, action, back) = match &self.record {
            Some(Record { id, .. }) => {
                ("修改諮詢紀錄", format!("/counselling-records/{id}"), format!("/counselling-records/{id}"))
            }
            None => ("新增諮詢紀錄", "/counselling-records".to_owned(), "/counselling-records".to_owned()),
        };
        FormPage {
            page: may.page(title),
            action,
            back,
            typed,
            chosen: typed.students.iter().filter_map(|id| id.parse().ok()).collect(),
            classes: by_class(self.roster.pupils()),
            rules: &self.rules,
            file: self.record.as_ref().and_then(|record| record.file.as_ref()).map(|file| file.name.as_str()),
            newer: None,
            errors,
        }
    }

    fn redraw(&self, may: &May<need::CounsellingWrite>, typed: &Typed, Refused(status, errors): Refused) -> Answer {
        web::html_with(status, &self.page(may, typed, errors))
    }

    /// 409 with the typed text kept: it is not lost, and it does not overwrite what somebody else wrote.
    fn stale(&self, may: &May<need::CounsellingWrite>, typed: &Typed) -> Answer {
        let mut page = self.page(may, typed, FieldErrors::new());
        page.newer = Some(page.page.url(&page.back));
        web::html_with(StatusCode::CONFLICT, &page)
    }
}

/// The file itself is at fault, or storage is; the text is kept either way.
fn not_stored(error: NotStored) -> Refused {
    match error {
        NotStored::Refused(refusal) => FieldErrors::one("file", refusal.to_string()).into(),
        NotStored::Incomplete { .. } => FieldErrors::one("file", "檔案沒有完整送達，請再選一次").into(),
        NotStored::Failed(error) => {
            tracing::warn!(%error, "file storage did not answer");
            let message = "檔案暫時無法儲存，這筆紀錄還沒有存；請稍後再試，或先不附檔案";
            Refused(StatusCode::SERVICE_UNAVAILABLE, FieldErrors::one("file", message))
        }
    }
}

pub(crate) async fn new(may: May<need::CounsellingWrite>, State(room): State<Arc<Room>>) -> Answer {
    // asked before anything is typed: what can't be saved must not be written
    writer(&may)?;
    let desk = Desk::open(&room, &may, None).await?;
    web::html(&desk.page(&may, &Typed::today(taipei_date(may.now)), FieldErrors::new()))
}

pub(crate) async fn create(may: May<need::CounsellingWrite>, State(room): State<Arc<Room>>, form: Multipart) -> Answer {
    let who = (writer(&may)?, reach(&may)?);
    let typed = Typed::read(form).await?;
    let desk = Desk::open(&room, &may, None).await?;
    let (content, file) = match desk.accept(&room, &may, &typed).await {
        Ok(accepted) => accepted,
        Err(refused) => return desk.redraw(&may, &typed, refused),
    };
    let mut tx = room.db.write(&may, "counseling.record.create").await?;
    let id = rows::insert(&mut tx, who, &content, file.as_ref()).await?;
    let after = content.snapshot(file.as_ref());
    tx.audit(Audit::new("counselling.create", "counselling_record", id.get()).after(after));
    tx.commit().await?;
    Ok(web::redirect_with(may.url(format_args!("/counselling-records/{id}")), &Flash::good("已儲存諮詢紀錄。")))
}

pub(crate) async fn edit(
    may: May<need::CounsellingWrite>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, CounsellingRecordId)>,
) -> Answer {
    let desk = Desk::open(&room, &may, Some(id)).await?;
    let typed = desk.record.as_ref().map(Typed::of).unwrap_or_default();
    web::html(&desk.page(&may, &typed, FieldErrors::new()))
}

pub(crate) async fn update(
    may: May<need::CounsellingWrite>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, CounsellingRecordId)>,
    form: Multipart,
) -> Answer {
    let typed = Typed::read(form).await?;
    let desk = Desk::open(&room, &may, Some(id)).await?;
    let record = desk.record.as_ref().ok_or(Problem::NotFound)?;
    let version: i32 = typed.version.parse().map_err(|_| Problem::Stale)?;
    if version != record.version {
        return desk.stale(&may, &typed);
    }
    let (content, file) = match desk.accept(&room, &may, &typed).await {
        Ok(accepted) => accepted,
        Err(refused) => return desk.redraw(&may, &typed, refused),
    };
    let mut tx = room.db.write(&may, "counseling.record.update").await?;
    match rows::update(&mut tx, reach(&may)?, (record, version), (&content, file.as_ref())).await {
        Err(Error::Stale) => return desk.stale(&may, &typed),
        done => done?,
    }
    let (before, after) = (record.content.snapshot(record.file.as_ref()), content.snapshot(file.as_ref()));
    tx.audit(Audit::new("counselling.update", "counselling_record", id.get()).before(before).after(after));
    tx.commit().await?;
    Ok(web::redirect_with(may.url(format_args!("/counselling-records/{id}")), &Flash::good("已儲存修改。")))
}
