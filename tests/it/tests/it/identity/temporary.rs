//! Temporary accounts.

use super::{SCHOOL, audited, is_in};
use crate::house::process;
use identity::temporary::{self, AccountError, NewAccount};
use kernel::{role::Role, school::SchoolCode};
use testkit::{Answer, City, Visitor};
use time::Duration;

const FIRST: &str = "first-password-22";
const OWN: &str = "my-own-password-33";

async fn give_out(city: &City, login: &str) {
    let account = NewAccount {
        login: login.to_owned(),
        name: "新來的管理者".to_owned(),
        school: SCHOOL.parse().unwrap(),
        role: Role::SchoolAdmin,
        roster_account: None,
        expires_at: Some(city.now() + Duration::days(30)),
    };
    temporary::create(&city.db("identity"), "test", city.now(), &account, FIRST).await.expect("an account");
}

async fn log_in(visitor: &Visitor, login: &str, password: &str) -> Answer {
    visitor.post_form("/login/account", &[("temporary_login", login), ("temporary_password", password)]).await
}

async fn change(visitor: &Visitor, current: &str, new: &str, again: &str) -> Answer {
    visitor.post_form("/account/password", &[("current", current), ("new", new), ("again", again)]).await
}

/// "temporary accounts with forced change, ≥12 characters".
#[tokio::test]
async fn the_first_password_is_changed_before_anything_else() {
    let city = City::up().await;
    give_out(&city, "temp.admin").await;
    let browser = city.visitor();
    let entered = log_in(&browser, "Temp.Admin", FIRST).await.expect(303);
    assert!(entered.location().starts_with("/account/password?next="), "{}", entered.location());
    // another hat would be a way round it
    assert_eq!(browser.post_form("/session/hat", &[("hat", "0")]).await.location(), "/account/password");
    assert_eq!(browser.get("/account/sessions").await.location(), "/account/password");
    let others = browser.post_form("/account/sessions/removal", &[("which", "others")]).await;
    assert_eq!(others.location(), "/account/password");
    for (current, new, again, field) in [
        (FIRST, "short", "short", "new"),
        (FIRST, "temp.admin-2026", "temp.admin-2026", "new"),
        (FIRST, FIRST, FIRST, "new"),
        (FIRST, OWN, "something else", "again"),
        ("not the first", OWN, OWN, "current"),
    ] {
        let page = change(&browser, current, new, again).await.expect(422);
        assert!(page.has(&format!("#{field}-error")), "{new}: {}", page.summary());
        assert!(!page.text().contains(OWN));
    }
    let old_session = browser.cookie("__Host-licheng").expect("a session");
    change(&browser, FIRST, OWN, OWN).await.expect(303);
    assert_ne!(browser.cookie("__Host-licheng").expect("a new session"), old_session);
    assert!(is_in(&browser).await);
    let other = city.visitor();
    log_in(&other, "temp.admin", FIRST).await.expect(422);
    let entered = log_in(&other, "temp.admin", OWN).await.expect(303);
    assert!(!entered.location().starts_with("/account/password"), "{}", entered.location());
    let trail = audited(&city, "account.change_password").await.expect("an audit row");
    assert!(!trail.contains(OWN), "{trail}");
}

/// ASVS 6.2.5 to 6.2.9: any characters, long, and judged as typed.
#[tokio::test]
async fn a_password_is_whatever_its_owner_types_and_is_judged_to_the_last_character() {
    let city = City::up().await;
    give_out(&city, "temp.long").await;
    let own = format!(" 我的密碼 with \u{1f511}, \"quotes\" & <signs> {} ", "x".repeat(64));
    let browser = city.visitor();
    log_in(&browser, "temp.long", FIRST).await.expect(303);
    change(&browser, FIRST, &own, &own).await.expect(303);
    for other in [own.trim(), &own.to_uppercase(), &own[..own.len() - 2], &format!("{own}x")] {
        log_in(&city.visitor(), "temp.long", other).await.expect(422);
    }
    log_in(&city.visitor(), "temp.long", &own).await.expect(303);
}

/// Issue 2 §3.2: "lock-out 15 minutes after 5 failures".
#[tokio::test]
async fn five_failures_lock_for_fifteen_minutes() {
    let city = City::up().await;
    give_out(&city, "temp.locked").await;
    let browser = city.visitor();
    let unknown = log_in(&browser, "temp.nobody", FIRST).await.expect(422);
    for _ in 0..4 {
        log_in(&browser, "temp.locked", "wrong-password-11").await.expect(422);
    }
    // four failures are forgiven by a success
    log_in(&browser, "temp.locked", FIRST).await.expect(303);
    let guesses = (0..8).map(|_| async { log_in(&city.visitor(), "temp.locked", "wrong-password-11").await.status() });
    let statuses = futures_util::future::join_all(guesses).await;
    assert!(statuses.iter().all(|status| *status == 422), "{statuses:?}");
    assert!(audited(&city, "account.lock").await.is_some());
    // eight at the same time were five that counted: the rest found it locked
    let failures: i16 =
        sqlx::query_scalar("select failures from identity.temporary_account where login = 'temp.locked'")
            .fetch_one(&mut city.admin().await)
            .await
            .unwrap();
    assert_eq!(failures, 5);
    let locked = log_in(&browser, "temp.locked", FIRST).await.expect(422);
    assert_eq!(locked.texts(".field__error"), unknown.texts(".field__error"), "an unknown name gets the same answer");
    city.pass(Duration::minutes(15) - Duration::seconds(1));
    log_in(&browser, "temp.locked", FIRST).await.expect(422);
    city.pass(Duration::seconds(1));
    log_in(&browser, "temp.locked", FIRST).await.expect(303);
}

#[tokio::test]
async fn an_account_ends_by_itself_and_a_reset_opens_it_for_one_change() {
    let city = City::up().await;
    give_out(&city, "temp.ends").await;
    temporary::reset(&city.db("identity"), "test", city.now(), "temp.ends", OWN).await.expect("another password");
    let browser = city.visitor();
    log_in(&browser, "temp.ends", FIRST).await.expect(422);
    let entered = log_in(&browser, "temp.ends", OWN).await.expect(303);
    assert!(entered.location().starts_with("/account/password"));
    city.pass(Duration::days(30));
    log_in(&city.visitor(), "temp.ends", OWN).await.expect(422);
    let unknown = temporary::reset(&city.db("identity"), "test", city.now(), "temp.other", OWN).await;
    assert!(matches!(unknown, Err(AccountError::Unknown)));
}

/// Who held the old password, or the account once it ended, is out.
#[tokio::test]
async fn a_reset_and_the_end_of_an_account_end_its_sessions() {
    let city = City::up().await;
    give_out(&city, "temp.passed-on").await;
    let former = city.visitor();
    log_in(&former, "temp.passed-on", FIRST).await.expect(303);
    change(&former, FIRST, "their-own-password-44", "their-own-password-44").await.expect(303);
    assert!(is_in(&former).await);
    let said = process::run(&city, &["account", "reset", "temp.passed-on"]).await;
    assert!(said.contains("sessions  1 ended"), "{said}");
    assert!(!is_in(&former).await);
    let password = said.lines().find_map(|line| line.strip_prefix("password  ")).expect("a password");
    let password = password.split(' ').next().expect("a word");

    let last_day = city.now() + Duration::hours(1);
    sqlx::query("update identity.temporary_account set expires_at = $1 where login = 'temp.passed-on'")
        .bind(last_day)
        .execute(&mut city.admin().await)
        .await
        .expect("an earlier end");
    let holder = city.visitor();
    log_in(&holder, "temp.passed-on", password).await.expect(303);
    city.pass(Duration::minutes(59));
    assert!(is_in(&holder).await);
    city.pass(Duration::minutes(1));
    assert!(!is_in(&holder).await);
}

#[tokio::test]
async fn accounts_are_given_out_only_for_roles_that_fit() {
    let city = City::up().await;
    let db = city.db("identity");
    let account = |login: &str, school: &str, role| NewAccount {
        login: login.to_owned(),
        name: "某人".to_owned(),
        school: school.parse().unwrap(),
        role,
        roster_account: None,
        expires_at: None,
    };
    let make = async |account: NewAccount| temporary::create(&db, "test", city.now(), &account, FIRST).await;
    let city_code = SchoolCode::CITY.as_str();
    make(account("temp.bureau", city_code, Role::Bureau)).await.expect("the city's own role");
    let taken = make(account("temp.bureau", city_code, Role::Bureau)).await;
    assert!(matches!(taken, Err(AccountError::Taken)), "{taken:?}");
    let of_school = make(account("temp.b2", SCHOOL, Role::Bureau)).await;
    assert!(matches!(of_school, Err(AccountError::NeedsRoster("bureau"))), "{of_school:?}");
    let rosterless = make(account("temp.t", SCHOOL, Role::CourseTeacher)).await;
    assert!(matches!(rosterless, Err(AccountError::NeedsRoster(_))), "{rosterless:?}");
    let nowhere = make(account("temp.a", "999999", Role::SchoolAdmin)).await;
    assert!(matches!(nowhere, Err(AccountError::NoSchool(_))), "{nowhere:?}");

    // a student whom the single sign-on has lost is the same person with the same hat
    let login = super::login_of(&city, Role::Student).await;
    let mut student = account("temp.student", SCHOOL, Role::Student);
    student.roster_account = Some(login);
    make(student).await.expect("an account for somebody of the roster");
    let browser = city.visitor();
    let entered = log_in(&browser, "temp.student", FIRST).await.expect(303);
    assert_eq!(entered.location(), format!("/account/password?next=%2Fs%2F{SCHOOL}%2Fhome"));
}

/// Issue 2 §1.3: rate limits on login.
#[tokio::test]
async fn hammering_is_slowed_down() {
    let city = City::with(&[("LICHENG_LOGIN_RATE", "3")]).await;
    let browser = city.visitor();
    for n in 0..3 {
        log_in(&browser, &format!("temp.{n}"), "wrong-password-11").await.expect(422);
    }
    let slowed = log_in(&browser, "temp.9", "wrong-password-11").await.expect(429);
    assert!(slowed.header("retry-after").is_some());
}
