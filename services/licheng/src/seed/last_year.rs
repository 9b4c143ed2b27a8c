//! The demo city's last year, submitted, confirmed and disputed: walked over the served pages by the people whose work
//! it is, so that nothing in it is made up.

use anyhow::{Context as _, Result, bail, ensure};
use kernel::{
    calendar::{AcademicYear, taipei_date},
    clock::Clock,
};
use ops::config::{Admin, Config};
use reqwest::{Client, StatusCode, header};
use sqlx::{Connection as _, PgConnection};
use std::time::{Duration, Instant};

use super::DEMO_PASSWORD;

/// The school whose year is walked: the first of the demo page.
const SCHOOL: &str = "343303";
/// Who submits its outcomes.
const OFFICER: &str = "s343303o01";
/// The central database fetches and checks every file.
const PATIENCE: Duration = Duration::from_secs(180);

/// Walks it; the city has to be served, and its people known to the directory.
pub(super) async fn walk() -> Result<()> {
    let (config, admin) = (Config::from_env()?, Admin::from_env()?);
    let year = AcademicYear::of_date(taipei_date(Clock::System.now())).previous();
    let mut admin = PgConnection::connect(admin.database_url.expose()).await.context("connecting")?;
    let students = chosen(&mut admin, year).await?;
    submit(&config, &mut admin, year).await?;
    for (nth, login) in students.iter().enumerate() {
        let student = Person::log_in(&config, login).await?;
        if nth == 0 { student.dispute(year).await? } else { student.confirm(year).await? }
    }
    println!("{SCHOOL}: last year submitted, 1 receipt disputed, {} confirmed", students.len().saturating_sub(1));
    Ok(())
}

/// Some who have a selection of that year.
async fn chosen(admin: &mut PgConnection, year: AcademicYear) -> Result<Vec<String>> {
    let students = sqlx::query_scalar(
        "select a.login from identity.account a join identity.membership m on m.person_id = a.person_id
         where m.school_code = $1 and m.role = 'student' and exists (
           select from portfolio.outcome_selection s
           where s.school_code = $1 and s.student_id = m.subject_id and s.academic_year = $2)
         order by a.login limit 9",
    );
    let students: Vec<String> = students.bind(SCHOOL).bind(year.get()).fetch_all(admin).await?;
    ensure!(!students.is_empty(), "nobody has a selection of {year}");
    Ok(students)
}

async fn submit(config: &Config, admin: &mut PgConnection, year: AcademicYear) -> Result<()> {
    let officer = Person::log_in(config, OFFICER).await?;
    let wanted = year.to_string();
    let form = [("roster", "26"), ("year", wanted.as_str()), ("adapter", "api")];
    let batch = officer.send("/submission/batches", &form).await?;
    let path = batch.split_once(SCHOOL).context("a batch of the school")?.1;
    let begun = Instant::now();
    let mut told = false;
    loop {
        let newest = "select state from submission.batch where school_code = $1 order by id desc limit 1";
        let state: String = sqlx::query_scalar(newest).bind(SCHOOL).fetch_one(&mut *admin).await?;
        match state.as_str() {
            "receipt_ready" => {
                officer.send(&format!("{path}/receipt"), &[]).await?;
                return imported(admin, begun).await;
            }
            "rejected" => bail!("the central database rejected last year's roster"),
            "built" if !told => {
                officer.send(&format!("{path}/notice"), &[]).await?;
                told = true;
            }
            _ => {}
        }
        ensure!(begun.elapsed() < PATIENCE, "last year's roster is still {state}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// The worker fetches the receipt and compares each row.
async fn imported(admin: &mut PgConnection, begun: Instant) -> Result<()> {
    let there = "select exists (select from submission.receipt_batch where school_code = $1)";
    while !sqlx::query_scalar::<_, bool>(there).bind(SCHOOL).fetch_one(&mut *admin).await? {
        ensure!(begun.elapsed() < PATIENCE, "last year's receipt was not imported");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    Ok(())
}

/// Somebody logged in over the directory, as in a browser.
struct Person {
    client: Client,
    origin: String,
    cookie: String,
}

impl Person {
    async fn log_in(config: &Config, login: &str) -> Result<Self> {
        let client = Client::builder().redirect(reqwest::redirect::Policy::none());
        let client = client.resolve("localhost", config.http.listen).build()?;
        let mut person = Self { client, origin: config.http.origin.as_str().to_owned(), cookie: String::new() };
        let form = [("login", login), ("password", DEMO_PASSWORD)];
        let answer = person.post("/login/ldap", &form).await?;
        let cookie = answer.headers().get(header::SET_COOKIE).and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next());
        person.cookie = cookie.with_context(|| format!("{login} was not let in"))?.to_owned();
        Ok(person)
    }

    async fn confirm(&self, year: AcademicYear) -> Result<()> {
        let page = self.page(&format!("/receipt?year={year}")).await?;
        let hash = value_after(&page, "name=\"hash\" value=\"").context("a receipt to confirm")?;
        let year = year.to_string();
        self.send("/receipt/confirmations", &[("year", &year), ("kind", "outcome"), ("hash", hash)]).await?;
        Ok(())
    }

    async fn dispute(&self, year: AcademicYear) -> Result<()> {
        let page = self.page(&format!("/receipt?year={year}")).await?;
        let sheet = value_after(&page, "value=\"outcome/").context("a sheet to report")?;
        let codes = page.split_once("name=\"error_code\"").context("a choice of errors")?.1;
        let code =
            codes.split("value=\"").skip(1).filter_map(|rest| rest.split('"').next()).find(|code| code.len() > 1);
        let (year, place) = (year.to_string(), format!("outcome/{sheet}"));
        let form = [
            ("year", year.as_str()),
            ("place", &place),
            ("error_code", code.context("an error to report")?),
            ("body", "我勾選的是改過的版本，收訖明細上的檔案是舊的。"),
        ];
        self.send("/receipt/disputes", &form).await?;
        Ok(())
    }

    async fn page(&self, path: &str) -> Result<String> {
        let url = format!("{}/s/{SCHOOL}{path}", self.origin);
        let answer = self.client.get(url).header("cookie", &self.cookie).send().await?;
        ensure!(answer.status() == StatusCode::OK, "{path} answered {}", answer.status());
        Ok(answer.text().await?)
    }

    /// Sends a form of the school's pages; says where its answer leads.
    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Result<String> {
        let answer = self.post(&format!("/s/{SCHOOL}{path}"), fields).await?;
        let status = answer.status();
        let location = answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
        let location = location.filter(|_| status == StatusCode::SEE_OTHER).map(str::to_owned);
        location.with_context(|| format!("{path} answered {status}"))
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<reqwest::Response> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.client.post(format!("{}{path}", self.origin)).header("origin", &self.origin);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        Ok(request.header("cookie", &self.cookie).send().await?)
    }
}

/// The attribute's value that begins after this text.
fn value_after<'a>(page: &'a str, text: &str) -> Option<&'a str> {
    page.split_once(text)?.1.split('"').next()
}
