//! A pooler in transaction mode between the rooms and the database (issue 3 §6.3): a real PgBouncer.

use crate::portfolio::Pupil;
use identity::temporary::{self, NewAccount};
use kernel::{actor::Context, role::Role};
use std::{collections::BTreeSet, time::Instant};
use store::Db;
use testkit::{City, Pooler};
use time::Duration;

const SCHOOLS: [&str; 2] = ["343303", "353302"];
const DATABASE: &str = "LICHENG_DATABASE_URL";

async fn city_behind(pooler: &Pooler) -> City {
    City::with(&[(DATABASE, &pooler.supported_url())]).await
}

/// Log-in, upload, request, decision, selection, jobs and the worker's rounds, over two connections for each room.
#[tokio::test(flavor = "multi_thread")]
async fn the_yearly_loop_goes_through_a_pooler() {
    let pooler = Pooler::up(2).await;
    let pupil = Pupil::in_city(city_behind(&pooler).await).await;
    let city = &pupil.city;
    log_in(city, &pupil.school).await;

    let outcome = pupil.ready(0).await;
    pupil.me.post_form(&format!("outcomes/{outcome}/certification-request"), &[]).await.expect(303);
    city.drain_jobs().await;
    let (request, teacher): (i64, i64) = sqlx::query_as(
        "select q.id, t.staff_id from portfolio.certification_request q
           join school.section_teacher t on t.school_code = q.school_code and t.section_id = q.section_id
          where q.school_code = $1 and q.outcome_id = $2 and t.certifies",
    )
    .bind(&pupil.school)
    .bind(outcome)
    .fetch_one(&mut pupil.admin().await)
    .await
    .expect("the request");
    let teacher = city.login_staff(Role::CourseTeacher, &pupil.school, teacher.into()).await;
    teacher.post_form(&format!("certification/{request}/opening"), &[]).await.expect(303);
    let decision = format!("certification/{request}/decision");
    teacher.post_form(&decision, &[("result", "pass"), ("publish", "now")]).await.expect(303);
    city.drain_jobs().await;
    pupil.me.post_form("selection", &[("outcome", &outcome.to_string())]).await.expect(303);
    let selected = "select count(*) from portfolio.outcome_selection where school_code = $1 and student_id = $2
                       and outcome_id = (select max(id) from portfolio.outcome where school_code = $1 and student_id = $2)";
    assert_eq!(pupil.number(selected).await, 1);
    city.round("audit.seal").await;
    city.round("bureau.progress").await;
}

async fn log_in(city: &City, school: &str) {
    let account = NewAccount {
        login: "temp.pooled".to_owned(),
        name: "新來的管理者".to_owned(),
        school: school.parse().expect("a school code"),
        role: Role::SchoolAdmin,
        roster_account: None,
        expires_at: Some(city.now() + Duration::days(30)),
    };
    let password = "first-password-22";
    temporary::create(&city.db("identity"), "test", city.now(), &account, password).await.expect("an account");
    let fields = [("temporary_login", "temp.pooled"), ("temporary_password", password)];
    city.visitor().post_form("/login/account", &fields).await.expect(303);
}

/// What a transaction sees of itself: its school, rows of other schools, the server process that did it.
type Seen = (String, i64, i32);

const LOOK: &str = "select coalesce(current_setting('app.school_code', true), ''),
    (select count(*) from school.student where school_code is distinct from $1), pg_backend_pid()";

async fn look(db: &Db, school: Option<&Context>) -> Seen {
    let Some(ctx) = school else {
        let mut tx = db.bureau("test.look").await.expect("a transaction");
        return sqlx::query_as(LOOK).bind("").fetch_one(tx.conn()).await.expect("an answer");
    };
    let mut tx = db.read(ctx, "test.look").await.expect("a transaction");
    sqlx::query_as(LOOK).bind(ctx.school().as_str()).fetch_one(tx.conn()).await.expect("an answer")
}

/// Components, Citus and PgBouncer: `SET LOCAL` only. Sixteen clients of two schools and of none share one connection to
/// the server: each sees its own school, and who names none sees nothing.
#[tokio::test(flavor = "multi_thread")]
async fn no_school_is_left_behind_on_a_shared_connection() {
    let pooler = Pooler::up(1).await;
    let city = city_behind(&pooler).await;
    let contexts = SCHOOLS.map(|school| city.system(school));
    let db = city.db("portfolio");
    let looks = (0..480).map(|n| {
        let (db, ctx) = (db.clone(), contexts.get(n % 3).cloned());
        async move {
            let (school, foreign, server) = look(&db, ctx.as_ref()).await;
            assert_eq!(school, ctx.map_or(String::new(), |ctx| ctx.school().to_string()));
            assert_eq!(foreign, 0, "rows of other schools");
            server
        }
    });
    let mut servers = BTreeSet::new();
    let mut looks = looks.collect::<Vec<_>>().into_iter();
    loop {
        let round: Vec<_> = looks.by_ref().take(16).collect();
        if round.is_empty() {
            break;
        }
        servers.extend(futures_util::future::join_all(round).await);
    }
    assert_eq!(servers.len(), 1, "the pooler has one connection for this role, or the test shows nothing");
    let own: i64 = {
        let mut tx = db.read(&contexts[0], "test.own").await.expect("a transaction");
        sqlx::query_scalar("select count(*) from school.student").fetch_one(tx.conn()).await.expect("a count")
    };
    assert!(own > 0, "one's own school is seen");
}

/// Why the URL has to say so: without it the statements of one client meet those of another.
#[tokio::test(flavor = "multi_thread")]
async fn kept_statements_of_two_clients_collide_behind_a_pooler() {
    let pooler = Pooler::up(1).await;
    let city = City::with(&[(DATABASE, &pooler.url())]).await;
    let ctx = city.system(SCHOOLS[0]);
    // two processes' pools: each gives its first statement the same name
    let mut refused = 0;
    for (n, db) in [city.db("portfolio"), city.db("portfolio")].iter().enumerate() {
        let mut tx = db.read(&ctx, "test.collide").await.expect("a transaction");
        let sql = if n == 0 { "select 1 + $1::bigint" } else { "select 2 + $1::bigint" };
        let answer = sqlx::query_scalar::<_, i64>(sql).bind(1_i64).fetch_one(tx.conn()).await;
        refused += usize::from(answer.is_err_and(|error| error.to_string().contains("already exists")));
    }
    assert_eq!(refused, 1);
}

/// What it costs to keep no statements, and what the pooler itself costs: prints transactions a second of a student's
/// home page and of a small query; the machine should be otherwise idle.
///
/// `cargo run -q -p local --bin components -- cargo test -p it cost_of_a_pooler -- --nocapture`
#[tokio::test(flavor = "multi_thread")]
async fn cost_of_a_pooler() {
    let pooler = Pooler::up(8).await;
    let direct = City::up().await;
    let direct_url = {
        let url = direct.house.config.database.url("portfolio").expect("a role").expose().to_owned();
        url.replace("svc_portfolio", "{role}")
    };
    let nameless = City::with(&[(DATABASE, &format!("{direct_url}?statement-cache-capacity=0"))]).await;
    let pooled = city_behind(&pooler).await;
    println!("{:<34} {:>12} {:>12}", "", "home ms", "query µs");
    let mut homes = Vec::new();
    for (name, city) in
        [("direct, statements kept", &direct), ("direct, none kept", &nameless), ("PgBouncer, none kept", &pooled)]
    {
        let student = city.login_as(Role::Student, SCHOOLS[0]).await;
        let db = city.db("portfolio");
        let ctx = city.system(SCHOOLS[0]);
        for _ in 0..10 {
            student.get("home").await.expect(200);
            look(&db, Some(&ctx)).await;
        }
        let begun = Instant::now();
        for _ in 0..100 {
            student.get("home").await.expect(200);
        }
        let home = begun.elapsed().as_secs_f64() * 10.0;
        let begun = Instant::now();
        for _ in 0..500 {
            look(&db, Some(&ctx)).await;
        }
        let query = begun.elapsed().as_secs_f64() * 2_000.0;
        println!("{name:<34} {home:>12.2} {query:>12.0}");
        homes.push(home);
    }
    assert!(homes[2] < homes[0] * 10.0, "a page behind a pooler is slower, but not out of all proportion: {homes:?}");
}
