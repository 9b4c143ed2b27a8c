//! The people of a load: who comes, with which session, to do what. Sessions are begun in Redis directly, so that the
//! log-ins of the mix are the only ones that cost.

use crate::city::{City, variable};
use anyhow::{Context as _, Result, ensure};
use kernel::role::Role;
use licheng::seed::DEMO_PASSWORD;
use std::{
    collections::HashMap,
    fmt::Write as _,
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

/// Somebody logged in.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) school: String,
    pub(crate) cookie: String,
    /// What they have to do with: an activity, or a request.
    pub(crate) thing: i64,
}

/// Things that are taken in turn.
pub(crate) struct Turns<T> {
    all: Vec<T>,
    next: AtomicUsize,
}

impl<T> Turns<T> {
    fn new(all: Vec<T>) -> Self {
        Self { all, next: AtomicUsize::new(0) }
    }

    /// The next one, around and around.
    pub(crate) fn next(&self) -> (usize, &T) {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        (turn / self.all.len(), &self.all[turn % self.all.len()])
    }

    /// The next one, each once.
    pub(crate) fn once(&self) -> Option<&T> {
        self.all.get(self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// Everybody who takes part.
pub(crate) struct Crowd {
    pub(crate) students: Turns<Person>,
    pub(crate) teachers: Turns<Person>,
    /// With an activity that is not selected.
    pub(crate) uploaders: Turns<Person>,
    /// With an activity that they choose and leave out in turns.
    pub(crate) choosers: Turns<Person>,
    /// Teachers, once for each request that waits.
    pub(crate) deciders: Turns<Person>,
    /// Login names in the directory.
    pub(crate) logins: Turns<String>,
}

/// How many of each are wanted.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) each: i64,
    pub(crate) decisions: i64,
}

/// The same order in every run, without regard to schools.
const STUDENTS: &str = "select m.person_id, m.school_code, 0::bigint from identity.membership m
     where m.role = 'student' order by hashint8(m.person_id) limit $1";
const TEACHERS: &str = "select m.person_id, m.school_code, 0::bigint from identity.membership m
     where m.role = 'course_teacher' and exists (select from school.section_teacher t
           where t.school_code = m.school_code and t.staff_id = m.subject_id and t.certifies)
     order by hashint8(m.person_id) limit $1";
const UPLOADERS: &str = "select m.person_id, a.school_code, a.id from portfolio.activity a
     join identity.membership m on m.school_code = a.school_code and m.subject_id = a.student_id and m.role = 'student'
    where a.cadre_id is null and hashint8(a.id) & 1 = 0
      and not exists (select from portfolio.activity_selection s where s.school_code = a.school_code and s.activity_id = a.id)
    order by hashint8(a.id) limit $1";
const CHOOSERS: &str = "select m.person_id, a.school_code, a.id from portfolio.activity a
     join identity.membership m on m.school_code = a.school_code and m.subject_id = a.student_id and m.role = 'student'
    where a.cadre_id is null and hashint8(a.id) & 1 = 1 order by hashint8(a.id) limit $1";
const DECIDERS: &str = "select m.person_id, q.school_code, q.id from portfolio.certification_request q
     join school.section_teacher t on t.school_code = q.school_code and t.section_id = q.section_id and t.certifies
     join identity.membership m on m.school_code = t.school_code and m.subject_id = t.staff_id and m.role = 'course_teacher'
    where q.withdrawn_at is null and not exists (select from certification.decision d
          where d.school_code = q.school_code and d.request_id = q.id and d.revoked_at is null)
    order by hashint8(q.id) limit $1";
const LOGINS: &str = "select a.login from identity.account a join identity.membership m on m.person_id = a.person_id
     where m.role = 'student' order by hashint8(a.person_id) limit $1";
/// Enough that the limit of attempts per name and minute is not met.
const NAMES: i64 = 400;

impl Crowd {
    /// Chooses them and begins their sessions.
    pub(crate) async fn gather(city: &mut City, wanted: Wanted) -> Result<Self> {
        let mut sessions = Sessions { city: &mut *city, known: HashMap::new() };
        let students = sessions.people(STUDENTS, Role::Student, wanted.each).await?;
        let teachers = sessions.people(TEACHERS, Role::CourseTeacher, (wanted.each / 4).max(1)).await?;
        let uploaders = sessions.people(UPLOADERS, Role::Student, wanted.each).await?;
        let choosers = sessions.people(CHOOSERS, Role::Student, wanted.each).await?;
        let deciders = sessions.people(DECIDERS, Role::CourseTeacher, wanted.decisions).await?;
        let logins: Vec<String> =
            sqlx::query_scalar(LOGINS).bind(NAMES.min(wanted.each)).fetch_all(&mut city.admin).await?;
        enrol(&logins).await?;
        for (what, count) in
            [("students", students.len()), ("teachers", teachers.len()), ("uploaders", uploaders.len())]
        {
            ensure!(count > 0, "the city has no {what}");
        }
        ensure!(!choosers.is_empty() && !logins.is_empty(), "the city has nobody who may choose or log in");
        Ok(Self {
            students: Turns::new(students),
            teachers: Turns::new(teachers),
            uploaders: Turns::new(uploaders),
            choosers: Turns::new(choosers),
            deciders: Turns::new(deciders),
            logins: Turns::new(logins),
        })
    }
}

struct Sessions<'c> {
    city: &'c mut City,
    known: HashMap<(i64, &'static str, String), String>,
}

impl Sessions<'_> {
    async fn people(&mut self, query: &'static str, role: Role, count: i64) -> Result<Vec<Person>> {
        let rows: Vec<(i64, String, i64)> =
            sqlx::query_as(query).bind(count).fetch_all(&mut self.city.admin).await.context(query)?;
        let mut people = Vec::with_capacity(rows.len());
        for (person, school, thing) in rows {
            let key = (person, role.code(), school.clone());
            let cookie = match self.known.get(&key) {
                Some(cookie) => cookie.clone(),
                None => {
                    let who = (person, role, school.parse()?);
                    let city = &mut *self.city;
                    let (_, cookie) = testkit::people::log_in(&city.house.web, &mut city.admin, who).await;
                    self.known.insert(key, cookie.clone());
                    cookie
                }
            };
            people.push(Person { school, cookie, thing });
        }
        Ok(people)
    }
}

/// Adds people to the directory; who is there already stays.
async fn enrol(logins: &[String]) -> Result<()> {
    let of = |name: &str| variable(name).with_context(|| format!("{name} is not set: the directory is a component"));
    let (url, base) = (of("LICHENG_LDAP_URL")?, of("LICHENG_LDAP_BASE_DN")?);
    let (authority, admin) = (of("LICHENG_LDAP_CA")?, of("LOCAL_LDAP_ADMIN_DN")?);
    let mut people = String::new();
    for login in logins {
        write!(
            people,
            "dn: uid={login},{base}\nobjectClass: inetOrgPerson\nuid: {login}\ncn: {login}\nsn: {login}\n\
             userPassword: {DEMO_PASSWORD}\n\n"
        )?;
    }
    let folder = std::env::temp_dir();
    let (ldif, secret) = (
        folder.join(format!("deadline-{}.ldif", std::process::id())),
        folder.join(format!("deadline-{}.secret", std::process::id())),
    );
    write_private(&ldif, &people)?;
    // a password on the command line would be everybody's to see
    write_private(&secret, &of("LOCAL_LDAP_ADMIN_PASSWORD")?)?;
    let added = Command::new("ldapadd")
        .args(["-x", "-ZZ", "-c", "-H", &url, "-D", &admin, "-y"])
        .arg(&secret)
        .arg("-f")
        .arg(&ldif)
        .env("LDAPTLS_CACERT", authority)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output();
    for file in [&ldif, &secret] {
        std::fs::remove_file(file)?;
    }
    let added = added.context("ldapadd (Debian: ldap-utils)")?;
    // 68: some were there already
    let fine = matches!(added.status.code(), Some(0 | 68));
    ensure!(fine, "ldapadd: {}", String::from_utf8_lossy(&added.stderr));
    Ok(())
}

fn write_private(path: &std::path::Path, text: &str) -> Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut file = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}
