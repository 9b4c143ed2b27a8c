//! The audit: every change leaves a row, and a changed row is found (issue 2 §1.5).

use sqlx::{AssertSqlSafe, PgConnection};
use std::time::Duration;
use store::{
    Audit, Error,
    chain::{self, Verdict},
};
use testkit::City;

const SCHOOL: &str = "343303";

/// Makes `count` changes at a school, a transaction each.
async fn change(city: &City, school: &str, count: i64) {
    for n in 0..count {
        let mut tx = city.db("portfolio").write(&city.system(school), "test.change").await.expect("a transaction");
        tx.audit(Audit::new("test.change", "thing", n).before(n).after(n + 1));
        tx.commit().await.expect("the change");
    }
}

/// Seals until nothing is left: rows can only be sealed when no older transaction of the whole server runs any
/// more, and other tests run theirs.
async fn seal_all(city: &City) {
    let db = city.db("worker");
    let mut admin = city.admin().await;
    let sealing = async {
        loop {
            chain::seal(&db, &city.clock).await.expect("sealing");
            let open: i64 = sqlx::query_scalar(
                "select (select count(*) from app.audit) - (select coalesce(sum(row_count), 0) from app.audit_seal)",
            )
            .fetch_one(&mut admin)
            .await
            .expect("the audit");
            if open == 0 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), sealing).await.expect("all is sealed within a minute");
}

async fn verdict(city: &City, school: &str) -> Verdict {
    chain::verify(&city.db("worker"), school.parse().expect("a code")).await.expect("the audit")
}

async fn tamper(admin: &mut PgConnection, statement: &str) -> String {
    let row = sqlx::query_scalar::<_, i64>(AssertSqlSafe(statement.to_owned())).fetch_one(admin).await;
    row.unwrap_or_else(|error| panic!("{statement}: {error}")).to_string()
}

#[tokio::test]
async fn a_change_without_an_entry_is_not_committed() {
    let city = City::up().await;
    let tx = city.db("portfolio").write(&city.system(SCHOOL), "test.silent").await.expect("a transaction");
    assert!(matches!(tx.commit().await, Err(Error::Unaudited("test.silent"))));
}

#[tokio::test]
async fn an_entry_says_who_when_what_and_why_it_can_be_found() {
    let city = City::up().await;
    change(&city, SCHOOL, 1).await;
    let row: (String, String, String, String, Option<i64>, String, time::OffsetDateTime) = sqlx::query_as(
        "select actor_subject, transaction, action, entity, entity_id, request_id, at from app.audit
         where action = 'test.change'",
    )
    .fetch_one(&mut city.admin().await)
    .await
    .expect("the entry");
    let at = row.6;
    let texts = [row.0, row.1, row.2, row.3, row.5];
    assert_eq!(texts, ["system", "test.change", "test.change", "thing", "test"]);
    assert_eq!((row.4, at.unix_timestamp()), (Some(0), city.now().unix_timestamp()));
}

#[tokio::test]
async fn tampering_is_named() {
    let city = City::up().await;
    let schools = [SCHOOL, "353302", "393401", "413401"];
    for school in schools {
        change(&city, school, 6).await;
    }
    seal_all(&city).await;
    change(&city, SCHOOL, 3).await;
    seal_all(&city).await;
    for (school, rows, links) in [(SCHOOL, 9, 2), ("353302", 6, 1), ("393401", 6, 1), ("413401", 6, 1)] {
        let Verdict::Whole { rows: found, links: chained } = verdict(&city, school).await else { panic!("{school}") };
        assert!(found >= rows && chained >= links, "{school}: {found} rows in {chained} links");
    }
    assert_eq!(chain::sealed_schools(&city.db("worker")).await.expect("the audit").len(), schools.len());

    let admin = &mut city.admin().await;
    let third =
        |school: &str| format!("(select id from app.audit where school_code = '{school}' and entity_id = 3 limit 1)");
    let changed = tamper(
        admin,
        &format!(
            "update app.audit set after = '99' where school_code = '{SCHOOL}' and id = {} returning id",
            third(SCHOOL)
        ),
    )
    .await;
    let removed = tamper(
        admin,
        &format!("delete from app.audit where school_code = '353302' and id = {} returning id + 1", third("353302")),
    )
    .await;
    let added = tamper(
        admin,
        &format!(
            "insert into app.audit (school_code, at, xid, actor_subject, transaction, action, entity, request_id)
             select school_code, at, xid, actor_subject, transaction, action, entity, request_id
             from app.audit where id = {} and school_code = '393401' returning id",
            third("393401")
        ),
    )
    .await;
    for (school, named) in [(SCHOOL, &changed), ("393401", &added)] {
        let Verdict::Broken { what, .. } = verdict(&city, school).await else { panic!("{school} is not whole") };
        assert!(what.contains(&format!("row {named} ")), "{school}: {what}, wanted row {named}");
    }
    let Verdict::Broken { what, .. } = verdict(&city, "353302").await else { panic!("a row is missing") };
    assert!(what.contains("a row was removed before"), "{what} (before {removed})");
    assert!(matches!(verdict(&city, "413401").await, Verdict::Whole { .. }), "the neighbour is untouched");
}

/// Who removes a link removes the proof: that is found, too.
#[tokio::test]
async fn a_changed_or_missing_seal_is_found() {
    let city = City::up().await;
    for _ in 0..2 {
        change(&city, SCHOOL, 2).await;
        seal_all(&city).await;
    }
    let mut admin = city.admin().await;
    sqlx::query("delete from app.audit_seal where school_code = $1 and seq = 1")
        .bind(SCHOOL)
        .execute(&mut admin)
        .await
        .expect("the administrator may");
    let Verdict::Broken { link: 2, what } = verdict(&city, SCHOOL).await else { panic!("a link is missing") };
    assert!(what.contains("link 1 is missing"), "{what}");
}

/// The grants: a service adds entries, it neither changes nor removes nor reads any.
#[tokio::test]
async fn no_service_can_change_the_audit() {
    let city = City::up().await;
    for service in ["identity", "school", "portfolio", "certification", "counseling", "submission", "worker"] {
        for statement in ["update app.audit set action = 'x'", "delete from app.audit", "delete from app.audit_seal"] {
            let mut tx = city.db(service).write(&city.system(SCHOOL), "test").await.expect("a transaction");
            let refused = sqlx::query(statement).execute(tx.conn()).await.expect_err("no such grant");
            assert!(refused.to_string().contains("permission denied"), "{service}: {statement}: {refused}");
        }
    }
}
