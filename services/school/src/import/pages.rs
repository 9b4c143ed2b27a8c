//! The office's pages of imports.

use super::{
    File, Import, Kind, NotImported, NotRecognised, Stage,
    findings::{Finding, Severity},
    flow::Choice,
    kind::{LAYOUTS, Layout},
    store as rows,
};
use crate::Room;
use askama::Template;
use axum::{
    extract::{Multipart, Path, State, multipart::MultipartRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use blob::{Accept, NotStored};
use bytes::Bytes;
use kernel::{
    calendar::{AcademicYear, Term, taipei_date},
    ids::ImportId,
};
use rust_xlsxwriter::{Format, Workbook};
use serde::Deserialize;
use std::sync::Arc;
use web::{Answer, FieldErrors, Flash, Form, May, Page, Problem, Query, Tone, need};

/// Imports on the list.
const LISTED: i64 = 50;
/// Findings on one page.
const FINDINGS_PER_PAGE: usize = 100;

#[derive(Template)]
#[template(path = "import/index.html")]
struct Index {
    page: Page,
    imports: Vec<Import>,
    revertible: Option<ImportId>,
    typed: Typed,
    errors: FieldErrors,
}

impl Index {
    fn is_revertible(&self, import: &Import) -> bool {
        self.revertible == Some(import.id)
    }

    /// What each kind of file is made of, for the explanation below the form.
    fn kinds(&self) -> Vec<(Kind, Vec<&'static Layout>)> {
        let of = |kind: Kind| LAYOUTS.iter().filter(|layout| layout.kind == kind).collect();
        Kind::ALL.into_iter().map(|kind| (kind, of(kind))).collect()
    }
}

/// The form beside the file, as typed.
#[derive(Default)]
struct Typed {
    year: String,
    term: String,
}

/// All imports and the form for another.
pub(super) async fn index(may: May<need::RoleAssign>, State(room): State<Arc<Room>>) -> Answer {
    draw_index(&may, &room, None, FieldErrors::new()).await
}

async fn draw_index(may: &May<need::RoleAssign>, room: &Room, typed: Option<Typed>, errors: FieldErrors) -> Answer {
    let mut tx = room.db.read(may, "school.import.list").await?;
    let imports = rows::list(&mut tx, LISTED).await?;
    let revertible = rows::last_applied(&mut tx).await?;
    drop(tx);
    let today = taipei_date(may.now);
    let typed = typed.unwrap_or_else(|| Typed {
        year: AcademicYear::of_date(today).to_string(),
        term: Term::of_date(today).to_string(),
    });
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    web::html_with(status, &Index { page: may.page("名冊匯入"), imports, revertible, typed, errors })
}

/// The parts of the upload form.
#[derive(Default)]
struct Received {
    typed: Typed,
    file_name: String,
    bytes: Bytes,
}

async fn receive(form: Result<Multipart, MultipartRejection>) -> Result<Received, Problem> {
    let mut form = form.map_err(|_| Problem::unprocessable("表單的格式不是這個網頁送出的格式"))?;
    let broken = |error: axum::extract::multipart::MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge,
        _ => Problem::unprocessable("檔案沒有完整送達，請再上傳一次"),
    };
    let mut received = Received::default();
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name().unwrap_or_default() {
            "year" => received.typed.year = field.text().await.map_err(broken)?,
            "term" => received.typed.term = field.text().await.map_err(broken)?,
            "file" => {
                let name = field.file_name().unwrap_or_default();
                received.file_name = name.chars().filter(|c| !c.is_control()).take(120).collect();
                received.bytes = field.bytes().await.map_err(broken)?;
            }
            _ => {}
        }
    }
    Ok(received)
}

/// Takes a file, keeps it, and checks it.
pub(super) async fn create(
    may: May<need::RoleAssign>,
    State(room): State<Arc<Room>>,
    form: Result<Multipart, MultipartRejection>,
) -> Answer {
    let Received { typed, file_name, bytes } = receive(form).await?;
    let choice = match choice(&typed) {
        Ok(choice) => choice,
        Err(errors) => return draw_index(&may, &room, Some(typed), errors).await,
    };
    let sealed_sha256 = match keep_sealed(&may, &room, &bytes).await {
        Ok(sealed_sha256) => sealed_sha256,
        Err(NotStored::Refused(refusal)) => {
            return draw_index(&may, &room, Some(typed), FieldErrors::one("file", refusal.to_string())).await;
        }
        Err(other) => return Err(storage_problem(other)),
    };
    match room.importer.check(&may, File { name: &file_name, bytes, sealed_sha256 }, choice).await {
        Ok(import) => Ok(web::redirect(may.url(format_args!("/office/imports/{import}")))),
        Err(error) => {
            let (field, message) = field_error(error)?;
            draw_index(&may, &room, Some(typed), FieldErrors::one(field, message)).await
        }
    }
}

/// Examines the file as it is and keeps it sealed: a roster is full of national ids, which are stored encrypted.
async fn keep_sealed(may: &May<need::RoleAssign>, room: &Room, bytes: &Bytes) -> Result<[u8; 32], NotStored> {
    room.vault.examine(&may.school(), bytes, Accept::Workbook).await?;
    let sealed = room.importer.keys.seal_bytes(may.school(), bytes);
    Ok(room.vault.keep_opaque(&may.school(), sealed.into()).await?)
}

fn choice(typed: &Typed) -> Result<(i16, i16), FieldErrors> {
    let mut errors = FieldErrors::new();
    let year = typed.year.parse::<AcademicYear>().map_err(|error| errors.add("year", error.to_string()));
    let term = typed.term.parse::<Term>().map_err(|error| errors.add("term", error.to_string()));
    match (year, term) {
        (Ok(year), Ok(term)) => Ok((year.get(), term.get())),
        _ => Err(errors),
    }
}

/// Storage is away, or a part of the house is wrong.
fn storage_problem(error: NotStored) -> Problem {
    tracing::warn!(%error, "a roster could not be kept");
    Problem::Unavailable {
        kept: "檔案沒有存下來，資料沒有任何更動，請稍後再上傳一次。".into()
    }
}

/// What the person can mend, and beside which field; anything else is a problem.
fn field_error(error: NotImported) -> Result<(&'static str, String), Problem> {
    match error {
        NotImported::Store(error) => Err(error.into()),
        NotImported::Year => Ok(("year", error.to_string())),
        NotImported::OtherTerm { .. } => Ok(("term", error.to_string())),
        NotImported::NotRecognised(NotRecognised::Mixed(..) | NotRecognised::Unknown { .. })
        | NotImported::NotRecognised(_)
        | NotImported::OtherSchool { .. }
        | NotImported::NoAdministrator => Ok(("file", error.to_string())),
    }
}

#[derive(Template)]
#[template(path = "import/show.html")]
struct Show {
    page: Page,
    import: Import,
    findings: Vec<Finding>,
    findings_total: usize,
    /// From 0.
    findings_page: usize,
    may_revert: bool,
    stale: bool,
    errors: FieldErrors,
}

impl Show {
    fn url(&self) -> String {
        self.page.url(&format!("/office/imports/{}", self.import.id))
    }

    fn page_url(&self, step: isize) -> String {
        let last = self.findings_total.saturating_sub(1) / FINDINGS_PER_PAGE;
        match self.findings_page.checked_add_signed(step) {
            Some(page) if page <= last => format!("{}?page={page}#findings", self.url()),
            _ => String::new(),
        }
    }

    fn summary(&self) -> String {
        let first = self.findings_page * FINDINGS_PER_PAGE;
        format!("第 {}–{} 筆，共 {} 筆", first + 1, first + self.findings.len(), self.findings_total)
    }

    fn term_label(&self) -> String {
        term_label(&self.import)
    }
}

fn term_label(import: &Import) -> String {
    format!("{}學年度第{}學期", import.academic_year, import.term)
}

/// The number of a page of findings.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Paging {
    page: usize,
}

/// One import: what it would do or did, and what is wrong with the file.
pub(super) async fn show(
    may: May<need::RoleAssign>,
    State(room): State<Arc<Room>>,
    Path((_, import)): Path<(String, ImportId)>,
    Query(paging): Query<Paging>,
) -> Answer {
    let show = read_show(&may, &room, import, paging.page).await?;
    web::html(&show)
}

async fn read_show(may: &May<need::RoleAssign>, room: &Room, id: ImportId, page: usize) -> Result<Show, Problem> {
    let mut tx = room.db.read(may, "school.import.show").await?;
    let import = rows::find(&mut tx, id).await?.ok_or(Problem::NotFound)?;
    let all = rows::findings(&mut tx, id).await?;
    let may_revert = rows::last_applied(&mut tx).await? == Some(id);
    let findings_total = all.len();
    let findings_page = page.min(findings_total.saturating_sub(1) / FINDINGS_PER_PAGE);
    let findings = all.into_iter().skip(findings_page * FINDINGS_PER_PAGE).take(FINDINGS_PER_PAGE).collect();
    Ok(Show {
        page: may.page(format!("匯入{}", import.kind.label())),
        import,
        findings,
        findings_total,
        findings_page,
        may_revert,
        stale: false,
        errors: FieldErrors::new(),
    })
}

/// The whole table of findings as a workbook. Every cell is text: what a file says must not become a formula.
pub(super) async fn findings(
    may: May<need::RoleAssign>,
    State(room): State<Arc<Room>>,
    Path((_, import)): Path<(String, ImportId)>,
) -> Answer {
    let mut tx = room.db.read(&may, "school.import.findings").await?;
    rows::find(&mut tx, import).await?.ok_or(Problem::NotFound)?;
    let findings = rows::findings(&mut tx, import).await?;
    drop(tx);
    let book = workbook(&findings).map_err(Problem::internal)?;
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let disposition = format!("attachment; filename=\"import-{import}-findings.xlsx\"");
    Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], book).into_response())
}

fn workbook(findings: &[Finding]) -> Result<Vec<u8>, rust_xlsxwriter::XlsxError> {
    let text = Format::new().set_num_format("@");
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("檢查結果")?;
    for (column, heading) in (0..).zip(["類別", "工作表", "列", "欄位", "內容", "問題", "如何修正"]) {
        sheet.write_string_with_format(0, column, heading, &text)?;
    }
    for (row, finding) in (1..).zip(findings) {
        let number = if finding.row == 0 { String::new() } else { finding.row.to_string() };
        let cells = [
            finding.severity.label(),
            &finding.sheet,
            &number,
            &finding.column,
            &finding.value,
            &finding.what,
            &finding.mend,
        ];
        for (column, cell) in (0..).zip(cells) {
            sheet.write_string_with_format(row, column, cell, &text)?;
        }
    }
    book.save_to_buffer()
}

/// The box that a held import must have ticked.
#[derive(Deserialize)]
pub(super) struct Confirmation {
    #[serde(default)]
    confirm: String,
}

/// Applies a checked import.
pub(super) async fn apply(
    may: May<need::RoleAssign>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, ImportId)>,
    Form(form): Form<Confirmation>,
) -> Answer {
    let mut show = read_show(&may, &room, id, 0).await?;
    if show.import.held_reason.is_some() && form.confirm != "yes" {
        show.errors.add("confirm", "請確認上面的提醒，勾選後再套用");
        return web::html_with(StatusCode::UNPROCESSABLE_ENTITY, &show);
    }
    let bytes = kept_file(&may, &room, &show.import).await?;
    match room.importer.apply(&may, id, bytes).await {
        Ok(()) => {
            let done = Flash::good(format!("已套用{}，帳號與角色正在同步", show.import.kind.label()));
            Ok(web::redirect_with(show.url(), &done))
        }
        Err(NotImported::Store(store::Error::Stale)) => {
            show = read_show(&may, &room, id, 0).await?;
            show.stale = show.import.stage() == Stage::Checked;
            web::html_with(StatusCode::CONFLICT, &show)
        }
        Err(NotImported::Store(store::Error::Constraint(name))) => {
            tracing::warn!(constraint = name, "an import met a row that it did not expect");
            show.errors.add("", "檔案中的資料與現有資料衝突（例如兩位學生互換學號），沒有任何更動。請分兩次匯入");
            web::html_with(StatusCode::UNPROCESSABLE_ENTITY, &show)
        }
        Err(error) => {
            let (_, message) = field_error(error)?;
            show.errors.add("", message);
            web::html_with(StatusCode::UNPROCESSABLE_ENTITY, &show)
        }
    }
}

/// The very file that was checked.
async fn kept_file(may: &May<need::RoleAssign>, room: &Room, import: &Import) -> Result<Bytes, Problem> {
    let sealed = room.vault.open(&may.school(), &import.sealed_sha256).await;
    let sealed = sealed.map_err(|error| storage_problem(error.into()))?;
    let bytes = room.importer.keys.open_bytes(may.school(), &sealed).map_err(Problem::internal)?;
    Ok(bytes.into())
}

/// Checks the same file again, against what the school has now.
pub(super) async fn renew(
    may: May<need::RoleAssign>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, ImportId)>,
) -> Answer {
    let mut show = read_show(&may, &room, id, 0).await?;
    let bytes = kept_file(&may, &room, &show.import).await?;
    let choice = Choice { year: show.import.academic_year, term: show.import.term };
    let file = File { name: &show.import.file_name, bytes, sealed_sha256: show.import.sealed_sha256 };
    match room.importer.check(&may, file, (choice.year, choice.term)).await {
        Ok(import) => Ok(web::redirect(may.url(format_args!("/office/imports/{import}")))),
        Err(error) => {
            let (_, message) = field_error(error)?;
            show.errors.add("", message);
            web::html_with(StatusCode::UNPROCESSABLE_ENTITY, &show)
        }
    }
}

/// Takes the last applied import back.
pub(super) async fn revert(
    may: May<need::RoleAssign>,
    State(room): State<Arc<Room>>,
    Path((_, id)): Path<(String, ImportId)>,
) -> Answer {
    let mut show = read_show(&may, &room, id, 0).await?;
    match room.importer.revert(&may, id).await {
        Ok(rows) => {
            let done = Flash::good(format!("已還原，{rows} 筆資料回到匯入前的樣子"));
            Ok::<Response, Problem>(web::redirect_with(show.url(), &done))
        }
        Err(store::Error::Constraint(_)) => {
            show.errors.add("", "這次匯入建立的資料已經有人使用（例如學生已上傳成果），不能還原，沒有任何更動");
            web::html_with(StatusCode::UNPROCESSABLE_ENTITY, &show)
        }
        Err(error) => Err(error.into()),
    }
}

/// The badge of an import.
fn badge(import: &Import) -> (Tone, &'static str) {
    match (import.stage(), import.held_reason.is_some()) {
        (Stage::Applied, _) => (Tone::Good, "已套用"),
        (Stage::Reverted, _) => (Tone::Quiet, "已還原"),
        (Stage::Checked, true) => (Tone::Wait, "待確認"),
        (Stage::Checked, false) => (Tone::Note, "待套用"),
    }
}

/// The badge of a finding.
fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::Reader;

    #[test]
    fn fuzz_multipart() {
        let fields = [("year", None, "115"), ("term", None, "1"), ("file", Some("名冊.csv"), "學號,姓名\n1,王小明\n")];
        fuzz::run_forms("multipart-import", &fields, |form| async {
            let Ok(received) = receive(form).await else { return };
            let name = &received.file_name;
            assert!(name.chars().count() <= 120 && !name.contains(char::is_control), "{name:?}");
        });
    }

    /// Issue 2 §3.1 and common sense: what a roster says must not run in the office's spreadsheet.
    #[test]
    fn a_formula_in_a_finding_stays_text() {
        let finding = |value: &str| Finding {
            severity: Severity::Warning,
            sheet: "學生資料".to_owned(),
            row: 2,
            column: "姓名".to_owned(),
            value: value.to_owned(),
            what: "@SUM(A1)".to_owned(),
            mend: "-1".to_owned(),
        };
        let bytes = workbook(&["=HYPERLINK(\"http://x\")", "+1", "-1", "@A"].map(finding)).unwrap();
        let mut book = calamine::Xlsx::new(std::io::Cursor::new(bytes)).unwrap();
        let formulas = book.worksheet_formula("檢查結果").unwrap();
        assert_eq!(formulas.used_cells().count(), 0);
        let cells = book.worksheet_range("檢查結果").unwrap();
        assert_eq!(cells.get_value((1, 4)), Some(&calamine::Data::String("=HYPERLINK(\"http://x\")".to_owned())));
    }
}
