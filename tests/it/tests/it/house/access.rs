//! The access matrix: every route × every role, asked of the real router (issue 2 §1.8).
//!
//! `✔` is any answer that lets the role do it or tells what is missing in the form (2xx, 3xx, 409, 413, 422);
//! `login` leads to the log-in. The other school's column is the set of answers that all roles together got.

use super::expect_file;
use kernel::{actor::Subject, role::Role, school::SchoolCode};
use reqwest::Method;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use testkit::{City, Visitor};
use web::RouteInfo;

pub(crate) const OWN: &str = "343303";
pub(crate) const FOREIGN: &str = "353302";

/// Ids that fill a path: what of it the role would meet in its own pages, else any of the school's.
/// `$1` is the school, `$2` the student (0: none), `$3` the member of staff (0: none).
const IDS: &[(&str, &str)] = &[
    (
        "outcome",
        "select id from portfolio.outcome where school_code = $1 and $3::bigint >= 0 order by (student_id = $2) desc, id limit 1",
    ),
    (
        "activity",
        "select id from portfolio.activity where school_code = $1 and $3::bigint >= 0 order by (student_id = $2) desc, id limit 1",
    ),
    (
        "file",
        "select id from portfolio.file where school_code = $1 and $3::bigint >= 0 and removed_at is null
         order by (student_id = $2) desc, id limit 1",
    ),
    (
        "course_record",
        "select id from school.course_record where school_code = $1 and $3::bigint >= 0 order by (student_id = $2) desc, id limit 1",
    ),
    (
        "cadre",
        "select id from school.cadre where school_code = $1 and $3::bigint >= 0 order by (student_id = $2) desc, id limit 1",
    ),
    (
        "student",
        "select id from school.student where school_code = $1 and $3::bigint >= 0 order by (id = $2) desc, id limit 1",
    ),
    (
        "request",
        "select request_id from certification.desk where school_code = $1 and $2::bigint >= 0
         order by (staff_id = $3) desc, (decision_id is null) desc, request_id limit 1",
    ),
    (
        "decision",
        "select id from certification.decision where school_code = $1 and $2::bigint >= 0
         order by (decided_by = $3) desc, id limit 1",
    ),
    (
        "section",
        "select section_id from school.section_teacher where school_code = $1 and $2::bigint >= 0
         order by (staff_id = $3) desc, section_id limit 1",
    ),
    (
        "window",
        "select id from school.window_period where school_code = $1 and $2::bigint >= 0 and $3::bigint >= 0 order by id limit 1",
    ),
    (
        "class",
        "select id from school.class where school_code = $1 and $2::bigint >= 0 order by (homeroom_staff_id = $3) desc nulls last, id limit 1",
    ),
    (
        "record",
        "select r.id from counseling.record r left join counseling.record_student s
           on s.school_code = r.school_code and s.record_id = r.id and s.student_id = $2
         where r.school_code = $1 and r.removed_at is null
         order by (s.student_id is not null) desc, (r.staff_id = $3) desc, r.id limit 1",
    ),
];

/// Where nothing else is said, an id that nobody has.
const NOBODYS: &str = "999999";

/// A hat to try doors with; somebody for every role, whether the seeded city has one or not.
pub(crate) async fn people(city: &City) -> Vec<(Role, Visitor)> {
    let mut people = Vec::new();
    for role in Role::ALL {
        let school = if role.is_city() { SchoolCode::CITY.to_string() } else { OWN.to_owned() };
        sqlx::query(
            "insert into identity.membership (person_id, school_code, role, subject_id, name)
             select person_id, school_code, $1, case when $1 = 'guardian' then null else subject_id end, name
             from identity.membership m
             where school_code = $2 and role = 'school_admin'
               and not exists (select from identity.membership o where o.school_code = $2 and o.role = $1)
             on conflict do nothing",
        )
        .bind(role.code())
        .bind(&school)
        .execute(&mut city.admin().await)
        .await
        .expect("a hat");
        people.push((*role, log_in(city, *role, &school).await));
    }
    people
}

pub(crate) async fn log_in(city: &City, role: Role, school: &str) -> Visitor {
    match role {
        Role::Student => log_in_with_files(city, school).await,
        role => city.login_as(role, school).await,
    }
}

/// A student who has something of everything to be found.
pub(crate) async fn log_in_with_files(city: &City, school: &str) -> Visitor {
    let student: i64 = sqlx::query_scalar(
        "select student_id from portfolio.file f join portfolio.outcome o using (school_code, student_id)
         where school_code = $1 and f.removed_at is null
         group by student_id
         order by exists (select from portfolio.activity a where a.school_code = $1 and a.student_id = f.student_id) desc,
           exists (select from counseling.record_student r where r.school_code = $1 and r.student_id = f.student_id) desc,
           count(*) desc, student_id limit 1",
    )
    .bind(school)
    .fetch_one(&mut city.admin().await)
    .await
    .expect("a student with files");
    city.login_student(school, student.into()).await
}

/// What the router says to one door.
async fn ask(visitor: &Visitor, route: &RouteInfo, path: &str) -> String {
    let method: Method = route.method.parse().expect("a method");
    let path = if path.starts_with("/f/") { files_url(visitor, path) } else { path.to_owned() };
    let mut request = visitor.request(method.clone(), &path);
    if method != Method::GET {
        request = request.header("content-type", "application/x-www-form-urlencoded").body("");
    }
    let answer = visitor.send(request).await;
    match answer.status() {
        303 if answer.location().starts_with("/login") => "login".to_owned(),
        200..=399 | 409 | 413 | 422 => "✔".to_owned(),
        status => status.to_string(),
    }
}

fn files_url(visitor: &Visitor, path: &str) -> String {
    visitor.origin().replace("localhost", "127.0.0.1") + path
}

/// The ids that fill paths, found before anything is changed.
struct Ids {
    admin: PgConnection,
    found: BTreeMap<(&'static str, String, String), Option<i64>>,
}

impl Ids {
    /// The path of a route at a school, filled with what the subject would meet there.
    async fn fill(&mut self, template: &str, school: &str, subject: Subject) -> String {
        let mut parts = Vec::new();
        for part in template.split('/') {
            let name = part.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
            parts.push(match name {
                None => part.to_owned(),
                Some("school") => school.to_owned(),
                Some(name) => self.id(name, school, subject).await.map_or(NOBODYS.to_owned(), |id| id.to_string()),
            });
        }
        parts.join("/")
    }

    async fn id(&mut self, name: &str, school: &str, subject: Subject) -> Option<i64> {
        let (name, sql) = IDS.iter().find(|(known, _)| *known == name)?;
        let key = (*name, school.to_owned(), format!("{subject:?}"));
        if let Some(found) = self.found.get(&key) {
            return *found;
        }
        let (student, staff) = match subject {
            Subject::Student(id) => (id.get(), 0),
            Subject::Staff(id) => (0, id.get()),
            Subject::City | Subject::System => (0, 0),
        };
        let query = sqlx::query_scalar(*sql).bind(school).bind(student).bind(staff);
        let found = query.fetch_optional(&mut self.admin).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        self.found.insert(key, found);
        found
    }
}

/// Ends or changes the session that asks; done by somebody new each time.
pub(crate) fn spends_the_session(route: &RouteInfo) -> bool {
    route.method != "GET" && ["/logout", "/session/hat", "/account/password"].contains(&route.path)
}

/// Reads first, removals last, so that a thing is there as long as possible.
pub(crate) fn order(route: &RouteInfo) -> (u8, &'static str, &'static str) {
    let removes = route.method == "DELETE" || ["/deletion", "/removal"].iter().any(|end| route.path.ends_with(end));
    let turn = if route.method == "GET" { 0 } else { 1 + u8::from(removes) };
    (turn, route.path, route.method)
}

#[tokio::test]
async fn the_access_matrix_is_as_committed() {
    let city = City::up().await;
    let mut people = people(&city).await;
    let stranger = city.visitor();
    let mut ids = Ids { admin: city.admin().await, found: BTreeMap::new() };
    let mut routes = city.routes.clone();
    routes.sort_by_key(order);
    let mut rows = Vec::new();
    for route in &routes {
        let path = ids.fill(route.path, OWN, Subject::City).await;
        let mut cells = vec![ask(&stranger, route, &path).await];
        let mut foreign = BTreeSet::new();
        for (role, visitor) in &mut people {
            let subject = visitor.hat().subject;
            for (school, own) in [(OWN, true), (FOREIGN, false)] {
                if !own && !route.path.contains("{school}") {
                    continue;
                }
                let path = ids.fill(route.path, school, subject).await;
                let answer = ask(visitor, route, &path).await;
                let place = format!("{} {path} as {} at {school}: {answer}", route.method, role.code());
                assert!(!answer.starts_with('5'), "{place}");
                assert!(own || answer != "✔", "{place}");
                match own {
                    true => cells.push(answer),
                    false => drop(foreign.insert(answer)),
                }
                if spends_the_session(route) {
                    *visitor = log_in(&city, *role, &visitor.school().to_string()).await;
                }
            }
        }
        let foreign: Vec<String> = foreign.into_iter().collect();
        cells.push(if foreign.is_empty() { "-".to_owned() } else { foreign.join(" ") });
        rows.push((route.path, format!("{:<6} {}", route.method, route.path), cells));
    }
    rows.sort();
    expect_file("access.txt", &rendered(&rows));
}

fn rendered(rows: &[(&str, String, Vec<String>)]) -> String {
    let mut heads = vec!["nobody".to_owned()];
    heads.extend(Role::ALL.iter().map(|role| role.code().to_owned()));
    heads.push("other school".to_owned());
    let widest = rows.iter().map(|(_, route, _)| route.chars().count()).max().unwrap_or(0);
    let mut text = String::from(
        "# Who gets which answer where. Written by a test, see house/access.rs.\n\
         # ✔ may (or the form says what is missing), login: led to the log-in, - has no school in its path.\n\n",
    );
    for (n, head) in heads.iter().enumerate() {
        text.push_str(&format!("# {:>2} {head}\n", n));
    }
    let numbers: Vec<String> = (0..heads.len()).map(|n| n.to_string()).collect();
    text.push('\n');
    text.push_str(&line("route", &numbers, widest));
    for (_, route, cells) in rows {
        text.push_str(&line(route, cells, widest));
    }
    text
}

fn line(route: &str, cells: &[String], widest: usize) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:<5}")).collect();
    let line = format!("{route:<widest$}  {}", cells.join(" "));
    format!("{}\n", line.trim_end())
}
