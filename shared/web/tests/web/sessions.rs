//! Sessions and limits in Redis.

use axum::http::StatusCode;
use time::Duration;
use web::{Problem, Session, session::Token};

use crate::house::{House, NOW, student};

#[tokio::test]
async fn a_session_is_what_was_put_in_until_it_is_destroyed() {
    let house = House::up();
    let sessions = house.web.sessions();
    let token = sessions.create(&student()).await.unwrap();
    let loaded = sessions.load(&token).await.unwrap().unwrap();
    assert_eq!((loaded.person, loaded.hats, loaded.id_token), (student().person, student().hats, student().id_token));
    sessions.destroy(&token).await.unwrap();
    assert!(sessions.load(&token).await.unwrap().is_none());
    // What has ended is not brought back by a late write.
    sessions.save(&token, &student()).await.unwrap();
    assert!(sessions.load(&token).await.unwrap().is_none());
}

/// 30 minutes idle, sliding; Redis keeps the time.
#[tokio::test]
async fn a_request_gives_the_session_another_half_hour() {
    let house = House::up();
    let browser = house.log_in(&Session { person: 78.into(), ..student() }).await;
    let mut redis = house.web.redis();
    let keys: Vec<String> = redis::cmd("SMEMBERS").arg("sessions:person:78").query_async(&mut redis).await.unwrap();
    for key in &keys {
        redis::cmd("EXPIRE").arg(key).arg(60).query_async::<()>(&mut redis).await.unwrap();
    }
    assert_eq!(browser.get("/me").await.status, StatusCode::OK);
    let mut longest = 0;
    for key in &keys {
        longest = longest.max(redis::cmd("TTL").arg(key).query_async::<i64>(&mut redis).await.unwrap());
    }
    assert!((1700..=1800).contains(&longest), "{longest}");
}

/// 12 hours absolute, however busy.
#[tokio::test]
async fn a_session_ends_after_twelve_hours() {
    let house = House::up();
    let browser = house.log_in(&student()).await;
    house.clock.set(NOW + Duration::hours(12) - Duration::SECOND);
    assert_eq!(browser.get("/me").await.status, StatusCode::OK);
    house.clock.set(NOW + Duration::hours(12));
    assert_eq!(browser.get("/me").await.status, StatusCode::SEE_OTHER);
}

/// A temporary account that ends takes its sessions along.
#[tokio::test]
async fn a_session_ends_with_its_account() {
    let house = House::up();
    let browser = house.log_in(&Session { expires_at: Some(NOW + Duration::hours(1)), ..student() }).await;
    house.clock.set(NOW + Duration::hours(1) - Duration::SECOND);
    assert_eq!(browser.get("/me").await.status, StatusCode::OK);
    house.clock.set(NOW + Duration::hours(1));
    assert_eq!(browser.get("/me").await.status, StatusCode::SEE_OTHER);
}

/// The provider logs its people out of here too, and nobody else.
#[tokio::test]
async fn the_back_channel_ends_the_sessions_of_its_sid() {
    let house = House::up();
    let sid = |sid: &str| Session { oidc_sid: Some(sid.to_owned()), ..student() };
    let [here, there] = [house.log_in(&sid("back-channel-a")).await, house.log_in(&sid("back-channel-b")).await];
    assert_eq!(house.web.sessions().destroy_by_sid("oidc", "back-channel-a").await.unwrap(), 1);
    assert_eq!(here.get("/me").await.status, StatusCode::SEE_OTHER);
    assert_eq!(there.get("/me").await.status, StatusCode::OK);
    assert_eq!(house.web.sessions().destroy_by_sid("ldap", "back-channel-b").await.unwrap(), 0);
}

/// When one was last used is told by what is left of its half hour; another person's are none of one's own.
#[tokio::test]
async fn the_open_sessions_of_a_person_are_listed_and_chosen_ones_ended() {
    let house = House::up();
    let sessions = house.web.sessions();
    // nobody of an earlier run
    let [person, other] = [0, 1].map(|n| i64::from(u32::from_le_bytes(house.web.keys().random::<4>())) * 2 + n);
    let create = async |person: i64| sessions.create(&Session { person: person.into(), ..student() }).await.unwrap();
    let (used, resting, over) = (create(person).await, create(person).await, create(person).await);
    let strangers = create(other).await;
    let mut redis = house.web.redis();
    for key in redis::cmd("SMEMBERS")
        .arg(format!("sessions:person:{person}"))
        .query_async::<Vec<String>>(&mut redis)
        .await
        .unwrap()
    {
        if key.contains(&resting.mark()) {
            redis::cmd("EXPIRE").arg(key).arg(600).query_async::<()>(&mut redis).await.unwrap();
        }
    }
    sessions.destroy(&over).await.unwrap();
    let open = sessions.of_person(person.into()).await.unwrap();
    let marks: Vec<&str> = open.iter().map(|open| open.mark.as_str()).collect();
    assert_eq!(marks, [used.mark(), resting.mark()], "the one used last is first, what has ended is gone");
    let rested = NOW - open[1].used_at;
    assert!((rested - Duration::minutes(20)).abs() < Duration::minutes(1), "{rested}");

    assert_eq!(sessions.destroy_of_person(person.into(), |mark| mark == strangers.mark()).await.unwrap(), 0);
    assert_eq!(sessions.destroy_of_person(person.into(), |mark| mark == resting.mark()).await.unwrap(), 1);
    assert!(sessions.load(&resting).await.unwrap().is_none());
    assert!(sessions.load(&used).await.unwrap().is_some() && sessions.load(&strangers).await.unwrap().is_some());
    house.clock.set(NOW + Duration::hours(12));
    assert!(sessions.of_person(person.into()).await.unwrap().is_empty(), "over, only not asked for yet");
}

#[tokio::test]
async fn all_sessions_of_a_person_can_be_ended() {
    let house = House::up();
    let other = Session { person: 77.into(), ..student() };
    let [first, second] = [house.log_in(&other).await, house.log_in(&other).await];
    assert_eq!(house.web.sessions().destroy_by_person(77.into()).await.unwrap(), 2);
    assert_eq!(first.get("/me").await.status, StatusCode::SEE_OTHER);
    assert_eq!(second.get("/me").await.status, StatusCode::SEE_OTHER);
}

/// Who reads Redis can't become anybody: the token is not in it.
#[tokio::test]
async fn redis_holds_no_token() {
    let house = House::up();
    let token = house.web.sessions().create(&student()).await.unwrap();
    let cookie = token.set_cookie().to_str().unwrap().to_owned();
    let secret = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
    let mut redis = house.web.redis();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await.unwrap();
    assert!(!keys.is_empty() && keys.iter().all(|key| !key.contains(&secret)));
    assert!(cookie.starts_with("__Host-licheng="));
    for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.contains(attribute), "{attribute}");
    }
    assert_eq!(format!("{token:?}"), "Token(…)");
}

#[tokio::test]
async fn a_forged_cookie_is_nobody() {
    let house = House::up();
    let mut headers = axum::http::HeaderMap::new();
    headers.insert("cookie", "__Host-licheng=AAAA".parse().unwrap());
    assert_eq!(Token::of(&headers), None);
    headers.insert("cookie", "__Host-licheng=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".parse().unwrap());
    let token = Token::of(&headers).unwrap();
    assert!(house.web.sessions().load(&token).await.unwrap().is_none());
}

/// Redis away: 503 that says nothing is lost; pages for nobody in particular stand all the same.
#[tokio::test]
async fn without_redis_people_are_told_that_nothing_is_lost() {
    let house = House::up();
    let token = house.web.sessions().create(&student()).await.unwrap();
    let lame = House::with_redis("redis://127.0.0.1:1");
    let mut browser = lame.stranger();
    browser.token = Some(token);
    let seen = browser.get("/s/413301/outcomes").await;
    assert_eq!((seen.status, seen.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "10"));
    assert!(seen.text(".problem__detail").unwrap().contains("已經儲存的資料都還在"));
    assert_eq!(lame.stranger().get("/styleguide").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_limit_counts_by_minute_and_by_person() {
    let house = House::up();
    let whom = format!("10.0.0.{}", hex::encode(house.web.keys().random::<4>()));
    let log_in = async || house.web.limit("login", &whom, 2).await;
    assert!(log_in().await.is_ok() && log_in().await.is_ok());
    house.clock.set(NOW + Duration::seconds(48));
    let refused = log_in().await;
    assert!(matches!(&refused, Err(Problem::TooMany { retry_after }) if retry_after.as_secs() == 12), "{refused:?}");
    assert!(house.web.limit("login", &format!("{whom}1"), 2).await.is_ok(), "another address");
    house.clock.set(NOW + Duration::seconds(60));
    assert!(log_in().await.is_ok(), "the next minute");
}
