//! The independent reader: the clients' journal on one side, the database and both buckets on the other. It asks as the
//! administrator and shares no query with the application.

use crate::{
    journal::{self, Act, Attempt, Said},
    objects::Bucket,
};
use anyhow::Result;
use sqlx::{Connection, PgConnection, Row as _};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};
use time::OffsetDateTime;

/// A bound: what is counted, how many were looked at, and those that should not be.
pub(crate) struct Finding {
    pub(crate) what: &'static str,
    pub(crate) of: usize,
    pub(crate) wrong: Vec<String>,
}

/// A row that a client may have caused.
struct Effect {
    act: Act,
    school: String,
    key: String,
    id: i64,
}

/// The rows since the beginning that clients can have caused: kind of action, key, id.
const EFFECTS: [(Act, &str); 5] = [
    (Act::Create, "select school_code, summary, id from portfolio.outcome where created_at >= $1"),
    (
        Act::Save,
        "select school_code, encode(sha256, 'hex'), id from portfolio.file where saved_at >= $1 and removed_at is null",
    ),
    (
        Act::Send,
        "select school_code, outcome_id::text, outcome_id from portfolio.certification_request where sent_at >= $1",
    ),
    (
        Act::Decide,
        "select school_code, reason, request_id from certification.decision where decided_at >= $1 and revoked_at is null",
    ),
    (Act::Submit, "select school_code, roster_code::text, id from submission.batch where created_at >= $1"),
];

/// Queries that must find nothing; each gives one text for each row that breaks the bound.
const BOUNDS: [(&str, &str); 10] = [
    (
        "limits: 6 outcomes a term, counter = rows",
        "select o.school_code || ' student ' || o.student_id || ': ' || count(*) || ' outcomes, counter ' || coalesce(max(c.uploaded), 0)
           from portfolio.outcome o left join portfolio.student_counter c using (school_code, student_id, academic_year, term)
          group by o.school_code, o.student_id, o.academic_year, o.term
         having count(*) > 6 or count(*) <> coalesce(max(c.uploaded), 0)",
    ),
    (
        "limits: 3 outcomes a subject",
        "select school_code || ' course record ' || course_record_id || ': ' || count(*) from portfolio.outcome
          group by school_code, course_record_id having count(*) > 3",
    ),
    (
        "limits: 200 MiB a student, counter = files",
        "select s.school_code || ' student ' || s.student_id || ': ' || s.bytes_used || ' counted, ' || coalesce(sum(coalesce(f.size, f.declared_size)), 0) || ' there'
           from portfolio.student_storage s
           left join portfolio.file f on f.school_code = s.school_code and f.student_id = s.student_id
                 and f.removed_at is null and f.refused_at is null
          group by s.school_code, s.student_id, s.bytes_used
         having s.bytes_used <> coalesce(sum(coalesce(f.size, f.declared_size)), 0) or s.bytes_used > 200 * 1024 * 1024",
    ),
    (
        "limits: 6 selected outcomes, 10 activities a year",
        "select school_code || ' student ' || student_id from portfolio.outcome_selection
          group by school_code, student_id, academic_year having count(*) > 6
         union all
         select school_code || ' student ' || student_id from portfolio.activity_selection
          group by school_code, student_id, academic_year having count(*) > 10",
    ),
    (
        "selections rest on published passes",
        "select s.school_code || ' outcome ' || s.outcome_id from portfolio.outcome_selection s
           left join certification.decision d on d.school_code = s.school_code and d.id = s.decision_id
                 and d.outcome_id = s.outcome_id and d.passed and d.revoked_at is null and d.publish_at is not null
          where d.id is null",
    ),
    (
        "certification counters = decisions",
        "select school_code || ' student ' || student_id from (
            select school_code, student_id, academic_year, term, passed::bigint, failed::bigint from certification.student_counter
             where passed + failed > 0
            except
            select school_code, student_id, academic_year, term, count(*) filter (where passed), count(*) filter (where not passed)
              from certification.decision where revoked_at is null group by 1, 2, 3, 4) as differing",
    ),
    (
        "every published decision was told once",
        "select d.school_code || ' decision ' || d.id || ': ' || count(m.id) from certification.decision d
           left join portfolio.message m on m.school_code = d.school_code and m.dedupe = 'certification:' || d.id
          where d.decided_at >= $1 and d.revoked_at is null and d.publish_at is not null
          group by d.school_code, d.id, d.announced_at having count(m.id) <> 1 or d.announced_at is null",
    ),
    (
        "jobs: none left, none given up",
        "select school_code || ' ' || kind || ' after ' || attempts || ' tries: ' || coalesce(last_error, '') from app.job
          where dead_at is not null or run_at < now() and created_at < now() - interval '5 seconds'",
    ),
    (
        "batches came to an end, one central job each",
        "select school_code || ' batch ' || id || ': ' || state from submission.batch
          where created_at >= $1 and state not in ('built', 'rejected', 'receipt_ready')
         union all
         select 'job ' || central_job_id from submission.batch where central_job_id is not null
          group by central_job_id having count(*) > 1",
    ),
    (
        "saved files have a receipt",
        "select f.school_code || ' file ' || f.id from portfolio.file f
           left join portfolio.upload_receipt r on r.school_code = f.school_code and r.file_id = f.id
          where f.saved_at >= $1 and (r.body is null or r.body->>'sha256' is distinct from encode(f.sha256, 'hex'))",
    ),
];

/// Every effect has exactly one audit row, and no audit row is without its effect.
const AUDITED: [(&str, &str); 5] = [
    ("outcome.create", "select school_code, id from portfolio.outcome where created_at >= $1"),
    ("file.save", "select school_code, id from portfolio.file where saved_at >= $1"),
    ("certification_request.create", "select school_code, id from portfolio.certification_request where sent_at >= $1"),
    ("decision.create", "select school_code, id from certification.decision where decided_at >= $1"),
    ("batch.create", "select school_code, id from submission.batch where created_at >= $1"),
];

/// Compares everything. `since`: when the first client began, by the database's clock.
pub(crate) async fn compare(
    env: &BTreeMap<String, String>,
    journal: &Path,
    since: OffsetDateTime,
) -> Result<Vec<Finding>> {
    let mut database = PgConnection::connect(&env["LICHENG_DATABASE_ADMIN_URL"]).await?;
    let attempts = journal::read(journal)?;
    let effects = effects(&mut database, since).await?;
    let mut findings = told_and_true(&attempts, &effects);
    findings.push(selections(&mut database, &attempts, since).await?);
    for (what, sql) in BOUNDS {
        let query = sqlx::query_scalar(sql);
        let query = if sql.contains("$1") { query.bind(since) } else { query };
        let wrong: Vec<String> = query.fetch_all(&mut database).await?;
        findings.push(Finding { what, of: effects.len(), wrong });
    }
    findings.push(audited(&mut database, since).await?);
    findings.push(copies(&mut database, env).await?);
    Ok(findings)
}

async fn effects(database: &mut PgConnection, since: OffsetDateTime) -> Result<Vec<Effect>> {
    let mut effects = Vec::new();
    for (act, sql) in EFFECTS {
        for row in sqlx::query(sql).bind(since).fetch_all(&mut *database).await? {
            effects.push(Effect { act, school: row.get(0), key: row.get(1), id: row.get(2) });
        }
    }
    Ok(effects)
}

/// What clients were told against what is there.
fn told_and_true(attempts: &[Attempt], effects: &[Effect]) -> Vec<Finding> {
    let mut there: HashMap<(Act, &str, &str), Vec<i64>> = HashMap::new();
    for effect in effects {
        there.entry((effect.act, &effect.school, &effect.key)).or_default().push(effect.id);
    }
    let mut said: HashMap<(Act, &str, &str), Vec<&Said>> = HashMap::new();
    for attempt in attempts {
        said.entry((attempt.act, &attempt.school, &attempt.key)).or_default().push(&attempt.said);
    }
    let name = |act: Act, school: &str, key: &str| format!("{act:?} at {school}: {key}");
    let (mut lost, mut acknowledged) = (Vec::new(), 0);
    for attempt in attempts.iter().filter(|attempt| !matches!(attempt.act, Act::Select | Act::HandOver)) {
        let Said::Done(id) = attempt.said else { continue };
        acknowledged += 1;
        let ids = there.get(&(attempt.act, attempt.school.as_str(), attempt.key.as_str()));
        if !ids.is_some_and(|ids| ids.contains(&id)) {
            lost.push(name(attempt.act, &attempt.school, &attempt.key));
        }
    }
    let (mut phantom, mut doubled, mut untrue) = (Vec::new(), Vec::new(), Vec::new());
    for ((act, school, key), ids) in &there {
        let answers = said.get(&(*act, *school, *key));
        let may_be = answers.map_or(0, |answers| answers.iter().filter(|said| ***said != Said::NotDone).count());
        match answers {
            None => phantom.push(name(*act, school, key)),
            Some(_) if may_be == 0 => untrue.push(name(*act, school, key)),
            // batches of one roster are alike: as many as were answered or are in doubt
            Some(_) if *act == Act::Submit && ids.len() > may_be => phantom.push(name(*act, school, key)),
            Some(_) if *act != Act::Submit && ids.len() > 1 => doubled.push(name(*act, school, key)),
            Some(_) => {}
        }
    }
    let ids: Vec<(Act, &str, i64)> = effects
        .iter()
        .filter(|effect| effect.act != Act::Create && effect.act != Act::Submit)
        .map(|effect| (effect.act, effect.school.as_str(), effect.id))
        .collect();
    let mut seen = BTreeSet::new();
    for (act, school, id) in ids {
        if !seen.insert((format!("{act:?}"), school, id)) {
            doubled.push(format!("{act:?} at {school}: {id} twice"));
        }
    }
    let refused = attempts.iter().filter(|attempt| attempt.said == Said::NotDone).count();
    vec![
        Finding { what: "acknowledged actions lost", of: acknowledged, wrong: lost },
        Finding { what: "phantom effects", of: effects.len(), wrong: phantom },
        Finding { what: "doubled effects", of: effects.len(), wrong: doubled },
        Finding { what: "told \"not done\", and done", of: refused, wrong: untrue },
    ]
}

/// A student's selection is the last acknowledged one, or one that was asked for later and is in doubt.
async fn selections(database: &mut PgConnection, attempts: &[Attempt], since: OffsetDateTime) -> Result<Finding> {
    let rows = sqlx::query(
        "select school_code, student_id, string_agg(outcome_id::text, ',' order by outcome_id)
           from portfolio.outcome_selection
          where (school_code, student_id, academic_year) in (
                select school_code, student_id, max(academic_year) from portfolio.outcome_selection group by 1, 2)
          group by 1, 2",
    );
    let mut held: HashMap<(String, i64), String> = HashMap::new();
    for row in rows.fetch_all(&mut *database).await? {
        held.insert((row.get(0), row.get(1)), row.get(2));
    }
    let mut of_student: BTreeMap<(&str, i64), Vec<&Attempt>> = BTreeMap::new();
    for attempt in attempts.iter().filter(|attempt| attempt.act == Act::Select) {
        of_student.entry((&attempt.school, attempt.whose)).or_default().push(attempt);
    }
    let mut wrong = Vec::new();
    for ((school, student), tried) in &of_student {
        let Some(last) = tried.iter().rposition(|attempt| matches!(attempt.said, Said::Done(_))) else { continue };
        let found = held.get(&((*school).to_owned(), *student)).cloned().unwrap_or_default();
        // one in doubt before the acknowledged one can't have come later: its client waited for an answer, but a frozen
        // room may hold it, so it is asked to be among what was tried and not refused
        let allowed = tried[last..].iter().filter(|attempt| attempt.said != Said::NotDone);
        if !allowed.clone().any(|attempt| attempt.key == found) {
            wrong.push(format!("{school} student {student}: {found} instead of {}", tried[last].key));
        }
    }
    let audits: Vec<String> = sqlx::query_scalar(
        "select school_code || ' student ' || student_id from portfolio.outcome_selection s where selected_at >= $1
            and not exists (select from app.audit a where a.school_code = s.school_code and a.action = 'selection.update'
                               and a.entity_id = s.student_id and a.at = s.selected_at)",
    )
    .bind(since)
    .fetch_all(database)
    .await?;
    wrong.extend(audits.into_iter().map(|row| format!("{row}: selected without an audit row")));
    Ok(Finding { what: "selections are what was acknowledged", of: of_student.len(), wrong })
}

async fn audited(database: &mut PgConnection, since: OffsetDateTime) -> Result<Finding> {
    let mut finding = Finding { what: "one audit row for each effect", of: 0, wrong: Vec::new() };
    for (action, effects) in AUDITED {
        let mut rows: HashMap<(String, i64), usize> = HashMap::new();
        let audit = "select school_code, entity_id from app.audit where action = $2 and at >= $1";
        for row in sqlx::query(audit).bind(since).bind(action).fetch_all(&mut *database).await? {
            *rows.entry((row.get(0), row.get(1))).or_default() += 1;
        }
        for row in sqlx::query(effects).bind(since).fetch_all(&mut *database).await? {
            finding.of += 1;
            let count = rows.remove(&(row.get(0), row.get(1))).unwrap_or(0);
            if count != 1 {
                finding.wrong.push(format!("{action} {} {}: {count}", row.get::<String, _>(0), row.get::<i64, _>(1)));
            }
        }
        let without =
            rows.into_keys().map(|(school, id)| format!("{action} {school} {id}: an audit row and no effect"));
        finding.wrong.extend(without);
    }
    Ok(finding)
}

/// Every saved file, read from both buckets and hashed.
async fn copies(database: &mut PgConnection, env: &BTreeMap<String, String>) -> Result<Finding> {
    let mut finding = Finding { what: "saved files in both copies, right SHA-256", of: 0, wrong: Vec::new() };
    for problems in problems_of_copies(database, env).await? {
        finding.of += problems.len();
        finding.wrong.extend(problems.into_iter().flatten());
    }
    Ok(finding)
}

/// Copies that the storage has damaged while it was killed and filled, and the files of which no copy is good. Before
/// the scrubber has healed anything.
pub(crate) async fn damage(env: &BTreeMap<String, String>) -> Result<(usize, Finding)> {
    let mut database = PgConnection::connect(&env["LICHENG_DATABASE_ADMIN_URL"]).await?;
    let (mut damaged, mut finding) = (0, Finding { what: "saved files with a good copy", of: 0, wrong: Vec::new() });
    for problems in problems_of_copies(&mut database, env).await? {
        finding.of += 1;
        damaged += problems.iter().flatten().count();
        if let [Some(first), Some(second)] = problems {
            finding.wrong.push(format!("{first}; {second}"));
        }
    }
    Ok((damaged, finding))
}

/// What is wrong with either copy of each saved file.
async fn problems_of_copies(
    database: &mut PgConnection,
    env: &BTreeMap<String, String>,
) -> Result<Vec<[Option<String>; 2]>> {
    let (first, second) = (Bucket::of(env, "LICHENG_S3")?, Bucket::of(env, "LICHENG_S3_REPLICA")?);
    let saved = "select distinct school_code, encode(sha256, 'hex') from portfolio.file
                  where saved_at is not null and removed_at is null";
    let mut files = Vec::new();
    for row in sqlx::query(saved).fetch_all(database).await? {
        let (school, sha256): (String, String) = (row.get(0), row.get(1));
        let key = format!("{school}/{sha256}");
        files.push([problem("first", &first, &key, &sha256).await, problem("second", &second, &key, &sha256).await]);
    }
    Ok(files)
}

async fn problem(copy: &str, bucket: &Bucket, key: &str, sha256: &str) -> Option<String> {
    match bucket.sha256(key).await {
        Ok(Some(found)) if found == sha256 => None,
        Ok(Some(_)) => Some(format!("{key}: the {copy} copy is another content")),
        Ok(None) => Some(format!("{key}: the {copy} copy is missing")),
        Err(error) => Some(format!("{key}: the {copy} copy: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(act: Act, key: &str, said: Said) -> Attempt {
        Attempt { act, school: "343303".to_owned(), whose: 1, key: key.to_owned(), said }
    }

    fn effect(act: Act, key: &str, id: i64) -> Effect {
        Effect { act, school: "343303".to_owned(), key: key.to_owned(), id }
    }

    fn wrong(attempts: &[Attempt], effects: &[Effect]) -> Vec<(&'static str, usize)> {
        let findings = told_and_true(attempts, effects).into_iter();
        findings
            .filter(|finding| !finding.wrong.is_empty())
            .map(|finding| (finding.what, finding.wrong.len()))
            .collect()
    }

    #[test]
    fn the_reader_notices_what_is_lost_phantom_doubled_and_untrue() {
        let done = [attempt(Act::Create, "a", Said::Done(7))];
        assert_eq!(wrong(&done, &[effect(Act::Create, "a", 7)]), []);
        assert_eq!(wrong(&done, &[]), [("acknowledged actions lost", 1)]);
        assert_eq!(wrong(&done, &[effect(Act::Create, "a", 7), effect(Act::Create, "b", 8)]), [("phantom effects", 1)]);
        assert_eq!(wrong(&done, &[effect(Act::Create, "a", 7), effect(Act::Create, "a", 8)]), [("doubled effects", 1)]);
        let not_done = [attempt(Act::Create, "a", Said::NotDone)];
        assert_eq!(wrong(&not_done, &[effect(Act::Create, "a", 7)]), [("told \"not done\", and done", 1)]);
        let doubt = [attempt(Act::Create, "a", Said::Doubt)];
        assert_eq!(wrong(&doubt, &[effect(Act::Create, "a", 7)]), []);
        assert_eq!(wrong(&doubt, &[]), []);
    }

    #[test]
    fn a_request_decided_twice_is_noticed_whatever_the_reasons() {
        let attempts = [attempt(Act::Decide, "x", Said::Done(5)), attempt(Act::Decide, "y", Said::Doubt)];
        let effects = [effect(Act::Decide, "x", 5), effect(Act::Decide, "y", 5)];
        assert_eq!(wrong(&attempts, &effects), [("doubled effects", 1)]);
    }

    #[test]
    fn batches_are_counted() {
        let attempts = [attempt(Act::Submit, "26", Said::Done(1)), attempt(Act::Submit, "26", Said::Doubt)];
        let effects = [1, 2, 3].map(|id| effect(Act::Submit, "26", id));
        assert_eq!(wrong(&attempts, &effects[..2]), []);
        assert_eq!(wrong(&attempts, &effects), [("phantom effects", 1)]);
    }
}
