//! The served city, and people in it.

use crate::process;
use anyhow::{Context as _, Result, ensure};
use kernel::{calendar::AcademicYear, clock::Clock, role::Role};
use licheng::House;
use ops::config::{Admin, Config};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use std::{fs, path::PathBuf, process::Child, time::Duration};

/// A running `licheng serve --target all`.
pub struct Site {
    house: House,
    admin: PgConnection,
    client: Client,
    origin: String,
    child: Child,
    log: PathBuf,
}

/// Somebody logged in.
pub struct Person {
    client: Client,
    origin: String,
    cookie: String,
}

impl Site {
    /// Starts it and waits until it is ready.
    pub async fn serve() -> Result<Self> {
        let (config, admin) = (Config::from_env()?, Admin::from_env()?);
        let admin = PgConnection::connect(admin.database_url.expose()).await?;
        let (origin, address) = (config.http.origin.as_str().to_owned(), config.http.listen);
        let house = House::build(config, Clock::System)?;
        let log = std::env::temp_dir().join(format!("licheng-figures-{}.log", std::process::id()));
        let child = process::serve(&log, &[("LICHENG_LOG", "warn,sqlx::query=debug")])?;
        let client =
            Client::builder().redirect(reqwest::redirect::Policy::none()).resolve("localhost", address).build()?;
        let site = Self { house, admin, client, origin, child, log };
        for _ in 0..200 {
            let ready = site.client.get(format!("{}/readyz", site.origin)).send().await;
            if ready.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                return Ok(site);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("licheng was not ready within 20 seconds: {}", fs::read_to_string(&site.log)?)
    }

    /// Ends it.
    pub fn stop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_file(&self.log));
    }

    /// Its resident memory, in MiB.
    pub fn memory(&self) -> Result<u64> {
        process::memory(self.child.id())
    }

    /// The n-th person with a role.
    pub async fn log_in(&mut self, role: Role, school: &str, nth: i64) -> Result<Person> {
        let person = testkit::people::nth(&mut self.admin, role, school, nth).await;
        let who = (person, role, school.parse()?);
        let (_, cookie) = testkit::people::log_in(&self.house.web, &mut self.admin, who).await;
        Ok(Person { client: self.client.clone(), origin: self.origin.clone(), cookie })
    }

    /// How many statements one request makes, BEGIN and COMMIT not counted.
    pub async fn statements<F: Future<Output = Result<()>>>(&self, request: impl FnOnce() -> F) -> Result<usize> {
        let count = || -> Result<usize> {
            let log = fs::read_to_string(&self.log)?;
            Ok(log.lines().filter(|line| line.contains("sqlx::query") && counts(line)).count())
        };
        let before = count()?;
        request().await?;
        Ok(count()? - before)
    }

    /// A new outcome of this student, made as the page makes it: its first course of this term.
    pub async fn new_outcome(&mut self, student: &Person, school: &str) -> Result<i64> {
        let path = student.first_link(&format!("/s/{school}/outcomes"), "/outcomes/new?").await?;
        let record = path.rsplit('=').next().context("a course record in the link")?.to_owned();
        let form = [("course_record", record.as_str()), ("summary", "量測用")];
        let location = student.form(&format!("/s/{school}/outcomes"), &form).await?;
        let id = location
            .split(['?', '#'])
            .next()
            .and_then(|path| path.rsplit('/').find(|part| part.parse::<i64>().is_ok()));
        Ok(id.context("an outcome in the redirect")?.parse()?)
    }

    /// Sends the parts of a plan to storage, as the browser does.
    pub async fn send_parts(&self, plan: &Value, content: &[u8]) -> Result<()> {
        let mut rest = content;
        for part in plan["parts"].as_array().context("parts in the plan")? {
            let size = usize::try_from(part["size"].as_u64().context("a part's size")?)?;
            let (bytes, after) = rest.split_at(size);
            let url = part["url"].as_str().context("a part's URL")?;
            let sent = self.client.put(url).body(bytes.to_vec()).send().await?;
            ensure!(sent.status().is_success(), "storage said {}", sent.status());
            rest = after;
        }
        Ok(())
    }

    /// Closes a school's windows of a kind, as its office would.
    pub async fn close_windows(&mut self, school: &str, kind: &str) -> Result<()> {
        sqlx::query(
            "update school.window_period set closes_at = now() - interval '1 minute'
             where school_code = $1 and kind = $2 and closes_at > now()",
        )
        .bind(school)
        .bind(kind)
        .execute(&mut self.admin)
        .await?;
        Ok(())
    }

    /// Begins this year's roster 26 by the interface; gives the path of its page.
    pub async fn begin_batch(&self, officer: &Person, school: &str) -> Result<String> {
        let year = AcademicYear::of_date(kernel::calendar::taipei_date(Clock::System.now())).to_string();
        let form = [("roster", "26"), ("year", year.as_str()), ("adapter", "api"), ("open_selection", "1")];
        officer.form(&format!("/s/{school}/submission/batches"), &form).await
    }

    /// State and rows of the school's newest submission.
    pub async fn newest_batch(&mut self, school: &str) -> Result<(String, i32)> {
        let newest = sqlx::query_as(
            "select state, coalesce(row_count, 0) from submission.batch where school_code = $1 order by id desc limit 1",
        );
        Ok(newest.bind(school).fetch_one(&mut self.admin).await?)
    }
}

/// Transaction control is a round trip, but no query.
fn counts(line: &str) -> bool {
    !["BEGIN", "COMMIT", "ROLLBACK"]
        .iter()
        .any(|word| line.contains(&format!("\"{word}")) || line.contains(&format!("/ {word}")))
}

impl Person {
    /// Opens a page.
    pub async fn page(&self, path: &str) -> Result<()> {
        self.text(path).await.map(|_| ())
    }

    async fn text(&self, path: &str) -> Result<String> {
        let answer = self.client.get(format!("{}{path}", self.origin)).header("cookie", &self.cookie).send().await?;
        ensure!(answer.status() == StatusCode::OK, "{path} answered {}", answer.status());
        Ok(answer.text().await?)
    }

    /// The first link of a page whose address contains a text.
    async fn first_link(&self, page: &str, containing: &str) -> Result<String> {
        let text = self.text(page).await?;
        let links = text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let link = links.into_iter().find(|link| link.contains(containing)).context("no such link on the page")?;
        Ok(link.replace("&amp;", "&"))
    }

    /// Sends JSON and reads JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request =
            self.client.post(format!("{}{path}", self.origin)).header("accept", "application/json").json(body);
        let answer = request.header("cookie", &self.cookie).header("origin", &self.origin).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{path} answered {status}: {text}");
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Sends a form; says where its answer leads.
    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Result<String> {
        let mut url = reqwest::Url::parse("http://form/")?;
        url.query_pairs_mut().extend_pairs(fields);
        let body = url.query().unwrap_or_default().to_owned();
        let request = self.client.post(format!("{}{path}", self.origin)).header("cookie", &self.cookie).body(body);
        let request =
            request.header("origin", &self.origin).header("content-type", "application/x-www-form-urlencoded");
        let answer = request.send().await?;
        let status = answer.status();
        let location = answer.headers().get("location").and_then(|to| to.to_str().ok()).map(str::to_owned);
        location.with_context(|| format!("{path} answered {status} and no redirect"))
    }
}
