//! Adding, changing and deleting activities; supplementing a post that the school recorded.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{
    calendar::{AcademicYear, RosterTerm},
    codes::ActivityKind,
    ids::{ActivityId, CadreId, StudentId},
    rules::{Action, NewFiles},
};
use serde::Deserialize;
use serde_json::json;
use store::{Audit, TenantTx};
use web::{Answer, FieldErrors, Flash, Form, May, Page, Problem, Query, need};

use super::{
    Fields,
    form::{self, Checked, FieldView, Typed},
    kinds::Kind,
    lines,
    pages::WINDOWS,
    show::Standing,
    store::{self as rows, Cadre, Content, NewActivity},
};
use crate::{
    file::storage,
    room::{Room, own},
    student::{Ground, Student},
};

#[derive(Template)]
#[template(path = "activity/form.html")]
pub(crate) struct FormPage {
    page: Page,
    /// Where the form goes, below the school.
    action: String,
    /// Where giving up leads.
    back: String,
    kind: &'static str,
    slug: &'static str,
    hint: &'static str,
    cadre: Option<CadreId>,
    version: i32,
    /// Read only, from the school.
    core: Vec<(&'static str, String)>,
    fields: Vec<FieldView>,
    summary: String,
    summary_max: i64,
    external_url: String,
    has_media: bool,
    refusal: Option<String>,
    errors: FieldErrors,
}

/// What kind of row, or which post it supplements.
#[derive(Deserialize)]
pub(crate) struct Of {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    cadre: String,
}

/// A row that is about to be added.
struct Beginning {
    ground: Ground,
    year: AcademicYear,
    kind: &'static Kind,
    cadre: Option<Cadre>,
    used: i64,
}

impl Beginning {
    async fn load(tx: &mut TenantTx, student: StudentId, of: &Of) -> Answer<Self> {
        let now = tx.now();
        let known = Student::load(tx, student).await?.ok_or(Problem::NotFound)?;
        let year = known.acting_year(&WINDOWS[..1], now);
        let ground = Ground::of(tx, known, year).await?;
        let used = rows::used(tx, student, year).await?;
        let (kind, cadre) = match of.cadre.as_str() {
            "" => (ActivityKind::from_slug(&of.kind).ok_or(Problem::NotFound)?, None),
            id => {
                let id = id.parse().map_err(|_| Problem::NotFound)?;
                let cadre = rows::cadres(tx, student, Some(id)).await?.pop().ok_or(Problem::NotFound)?;
                (ActivityKind::Cadre, Some(cadre))
            }
        };
        Ok(Self { ground, year, kind: Kind::of(kind), cadre, used })
    }

    /// A supplement of the school's row takes none of the places that a school may limit.
    fn action(&self) -> Action {
        let slot = self.ground.student.slot(self.year, RosterTerm::YEAR);
        let used_in_year = if self.cadre.is_some() { 0 } else { self.used };
        Action::AddActivity { slot, used_in_year, files: NewFiles::default() }
    }

    fn page(&self, may: &May<need::PortfolioEdit>, typed: &Typed, errors: FieldErrors) -> FormPage {
        let title = match self.cadre {
            Some(_) => "補充幹部經歷".to_owned(),
            None => format!("新增{}", self.kind.kind.label()),
        };
        let core = self.cadre.as_ref().map(|cadre| lines(self.kind, &cadre.fields()));
        FormPage {
            page: may.page(title),
            action: "/activities".to_owned(),
            back: "/activities".to_owned(),
            kind: self.kind.kind.label(),
            slug: self.kind.kind.slug(),
            hint: self.kind.hint,
            cadre: self.cadre.as_ref().map(|cadre| cadre.id),
            version: 0,
            fields: if core.is_none() { form::views(self.kind, typed, self.year) } else { Vec::new() },
            core: core.unwrap_or_default(),
            summary: typed.get("summary").to_owned(),
            summary_max: self.ground.rules.summary_max_chars,
            external_url: String::new(),
            has_media: false,
            refusal: self.ground.may(&self.action(), may.now).err().map(|refusal| refusal.to_string()),
            errors,
        }
    }

    fn read(&self, typed: &Typed) -> Result<Content, FieldErrors> {
        read(self.kind, self.cadre.as_ref().map(Cadre::fields), typed, (&self.ground, false))
    }
}

/// Checks the form; with `core` from the school only summary and link are read.
fn read(
    kind: &Kind,
    core: Option<Fields>,
    typed: &Typed,
    (ground, has_media): (&Ground, bool),
) -> Result<Content, FieldErrors> {
    let checked = match core {
        None => form::read(kind, typed, &ground.rules, has_media)?,
        Some(fields) => {
            let mut errors = FieldErrors::new();
            let rest = form::read_rest(typed, &ground.rules, has_media, &mut errors);
            let Some((summary, external_url)) = rest.filter(|_| errors.is_empty()) else { return Err(errors) };
            Checked { fields, summary, external_url }
        }
    };
    let Checked { fields, summary, external_url } = checked;
    Ok(Content { title: kind.title(&fields), fields, summary: summary.as_str().to_owned(), external_url })
}

pub(crate) async fn new(may: May<need::PortfolioEdit>, State(room): State<Arc<Room>>, Query(of): Query<Of>) -> Answer {
    let mut tx = room.db.read(&may, "portfolio.activity.new").await?;
    let beginning = Beginning::load(&mut tx, own(&may)?, &of).await?;
    drop(tx);
    web::html(&beginning.page(&may, &Typed::default(), FieldErrors::new()))
}

pub(crate) async fn create(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Form(typed): Form<Vec<(String, String)>>,
) -> Answer {
    let (student, typed) = (own(&may)?, Typed::from(typed));
    let of = Of { kind: typed.get("of_kind").to_owned(), cadre: typed.get("of_cadre").to_owned() };
    let mut tx = room.db.write(&may, "portfolio.activity.create").await?;
    storage::take_turn(&mut tx, student).await?;
    let beginning = Beginning::load(&mut tx, student, &of).await?;
    let redraw = |errors| web::html_with(StatusCode::UNPROCESSABLE_ENTITY, &beginning.page(&may, &typed, errors));
    let content = match beginning.read(&typed) {
        Ok(content) => content,
        Err(errors) => return redraw(errors),
    };
    if let Err(refusal) = beginning.ground.may(&beginning.action(), may.now) {
        return redraw(FieldErrors::one("", refusal.to_string()));
    }
    let cadre = beginning.cadre.as_ref().map(|cadre| cadre.id);
    let new = NewActivity { kind: beginning.kind.kind, year: beginning.year, cadre, content };
    let id = rows::insert(&mut tx, student, &new).await?;
    let after =
        json!({ "kind": new.kind.slug(), "academic_year": new.year, "title": new.content.title, "cadre_id": cadre });
    tx.audit(Audit::new("activity.create", "activity", id.get()).after(after));
    tx.commit().await?;
    let note = Flash::good("已登錄。接著請上傳證明文件或影音檔。");
    Ok(web::redirect_with(may.url(format_args!("/activities/{id}#files")), &note))
}

fn edit_page(may: &May<need::PortfolioEdit>, standing: &Standing, typed: &Typed, errors: FieldErrors) -> FormPage {
    let Standing { activity, ground } = standing;
    let kind = Kind::of(activity.kind);
    let refusal = ground.may(&activity.edit(&ground.student, false, NewFiles::default()), may.now).err();
    let from_school = activity.is_from_school();
    FormPage {
        page: may.page(format!("修改{}", activity.kind.label())),
        action: format!("/activities/{}", activity.id),
        back: format!("/activities/{}", activity.id),
        kind: activity.kind.label(),
        slug: activity.kind.slug(),
        hint: kind.hint,
        cadre: None,
        version: activity.version,
        core: if from_school { lines(kind, &activity.fields) } else { Vec::new() },
        fields: if from_school { Vec::new() } else { form::views(kind, typed, activity.year) },
        summary: typed.get("summary").to_owned(),
        summary_max: ground.rules.summary_max_chars,
        external_url: typed.get("external_url").to_owned(),
        has_media: activity.has_media(),
        refusal: refusal.map(|refusal| refusal.to_string()),
        errors,
    }
}

pub(crate) async fn edit(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, ActivityId)>,
) -> Answer {
    let mut tx = room.db.read(&may, "portfolio.activity.edit").await?;
    let standing = Standing::load(&mut tx, own(&may)?, id).await?;
    drop(tx);
    let activity = &standing.activity;
    let typed = Typed::of(&activity.fields, &activity.summary, activity.external_url.as_deref());
    web::html(&edit_page(&may, &standing, &typed, FieldErrors::new()))
}

pub(crate) async fn update(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, ActivityId)>,
    Form(typed): Form<Vec<(String, String)>>,
) -> Answer {
    let (student, typed) = (own(&may)?, Typed::from(typed));
    let mut tx = room.db.write(&may, "portfolio.activity.update").await?;
    storage::take_turn(&mut tx, student).await?;
    let standing = Standing::load(&mut tx, student, id).await?;
    let Standing { activity, ground } = &standing;
    let redraw = |errors| web::html_with(StatusCode::UNPROCESSABLE_ENTITY, &edit_page(&may, &standing, &typed, errors));
    let core = activity.is_from_school().then(|| activity.fields.clone());
    let content = match read(Kind::of(activity.kind), core, &typed, (ground, activity.has_media())) {
        Ok(content) => content,
        Err(errors) => return redraw(errors),
    };
    let core_changed = content.fields != activity.fields;
    if let Err(refusal) = ground.may(&activity.edit(&ground.student, core_changed, NewFiles::default()), may.now) {
        return redraw(FieldErrors::one("", refusal.to_string()));
    }
    let version = typed.get("version").parse().map_err(|_| Problem::Stale)?;
    rows::update(&mut tx, id, version, &content).await?;
    let before =
        json!({ "fields": activity.fields, "summary": activity.summary, "external_url": activity.external_url });
    let after = json!({ "fields": content.fields, "summary": content.summary, "external_url": content.external_url });
    tx.audit(Audit::new("activity.update", "activity", id.get()).before(before).after(after));
    tx.commit().await?;
    Ok(web::redirect_with(may.url(format_args!("/activities/{id}")), &Flash::good("已儲存。")))
}

pub(crate) async fn delete(
    may: May<need::PortfolioEdit>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, ActivityId)>,
) -> Answer {
    let student = own(&may)?;
    let mut tx = room.db.write(&may, "portfolio.activity.delete").await?;
    storage::take_turn(&mut tx, student).await?;
    let Standing { activity, ground } = Standing::load(&mut tx, student, id).await?;
    if let Err(refusal) = ground.may(&activity.delete(), may.now) {
        return Ok(web::redirect_with(may.url(format_args!("/activities/{id}")), &Flash::bad(refusal.to_string())));
    }
    let bytes = rows::delete(&mut tx, id).await?;
    storage::give_back(&mut tx, student, bytes).await?;
    let files: Vec<_> = activity.saved().map(|file| json!({ "name": file.name, "sha256": file.sha256 })).collect();
    let before =
        json!({ "kind": activity.kind.slug(), "fields": activity.fields, "summary": activity.summary, "files": files });
    tx.audit(Audit::new("activity.delete", "activity", id.get()).before(before));
    tx.commit().await?;
    let list = may.url(format_args!("/activities?year={}", activity.year));
    Ok(web::redirect_with(list, &Flash::good("已刪除，儲存空間已歸還。")))
}
