//! Who may come in, from where.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use crate::house::{APP, FILES, House, SCHOOL, student};

/// design §9: 401 to log in; people are led there and back.
#[tokio::test]
async fn a_stranger_is_led_to_the_log_in_and_back() {
    let house = House::up();
    let seen = house.stranger().get("/s/413301/outcomes?year=115").await;
    assert_eq!(seen.status, StatusCode::SEE_OTHER);
    assert_eq!(seen.header("location"), "/login?next=%2Fs%2F413301%2Foutcomes%3Fyear%3D115");
    // A form would lose its text in a redirect, a program can't follow one.
    assert_eq!(house.stranger().post("/s/413301/outcomes", "title=a").await.status, StatusCode::UNAUTHORIZED);
    let program = house.stranger().request("GET", "/s/413301/outcomes").header("accept", "application/json");
    assert_eq!(house.send(program.body(Body::empty()).unwrap()).await.status, StatusCode::UNAUTHORIZED);
}

/// design §9: 404 for anything of another school; 403 only when the thing is visibly there.
#[tokio::test]
async fn another_school_is_404_and_a_wrong_role_403() {
    let house = House::up();
    let browser = house.log_in(&student()).await;
    let own = browser.get("/s/413301/outcomes").await;
    assert_eq!((own.status, own.text("#school").as_deref()), (StatusCode::OK, Some(SCHOOL)));
    assert_eq!(browser.get("/s/353302/outcomes").await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get("/s/353302/certification").await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get("/s/413301/certification").await.status, StatusCode::FORBIDDEN);
}

/// Switching is explicit: the URL of a hat that is not on is as foreign as any.
#[tokio::test]
async fn another_hat_of_the_same_person_must_be_put_on_first() {
    let house = House::up();
    let mut session = student();
    session.hats[1].school = "353302".parse().unwrap();
    let browser = house.log_in(&session).await;
    assert_eq!(browser.get("/s/353302/certification").await.status, StatusCode::NOT_FOUND);
    session.active = 1;
    house.web.sessions().save(browser.token.as_ref().unwrap(), &session).await.unwrap();
    assert_eq!(browser.get("/s/353302/certification").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_temporary_password_opens_only_its_own_change() {
    let house = House::up();
    let browser = house.log_in(&web::Session { must_change_password: true, ..student() }).await;
    let seen = browser.get("/s/413301/outcomes").await;
    assert_eq!((seen.status, seen.header("location")), (StatusCode::SEE_OTHER, web::PASSWORD_PATH));
    assert_eq!(browser.get("/me").await.status, StatusCode::OK);
}

/// Unsafe requests come from our own pages: Sec-Fetch-Site, or Origin where a browser lacks it.
#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let house = House::up();
    let browser = house.log_in(&student()).await;
    let cases = [
        (&[("sec-fetch-site", "same-origin")][..], StatusCode::SEE_OTHER),
        (&[("sec-fetch-site", "cross-site")], StatusCode::FORBIDDEN),
        (&[("sec-fetch-site", "same-site")], StatusCode::FORBIDDEN),
        (&[("sec-fetch-site", "cross-site"), ("origin", "https://licheng.test")], StatusCode::FORBIDDEN),
        (&[("origin", "https://licheng.test")], StatusCode::SEE_OTHER),
        (&[("origin", "https://licheng.test.evil.example")], StatusCode::FORBIDDEN),
        (&[("origin", "null")], StatusCode::FORBIDDEN),
        (&[], StatusCode::FORBIDDEN),
    ];
    for (headers, expected) in cases {
        let form = ("content-type", "application/x-www-form-urlencoded");
        let mut request = browser.request("POST", "/s/413301/outcomes");
        for (name, value) in headers.iter().chain([&form]) {
            request = request.header(*name, *value);
        }
        let seen = house.send(request.body("title=a".into()).unwrap()).await;
        assert_eq!(seen.status, expected, "{headers:?}");
    }
    // A program without cookies lends nobody's authority: it meets the ordinary door.
    let program = house.stranger().request("POST", "/s/413301/outcomes").body(Body::empty()).unwrap();
    assert_eq!(house.send(program).await.status, StatusCode::UNAUTHORIZED);
}

/// design §7: user files come from a cookieless origin, and from there comes nothing else.
#[tokio::test]
async fn the_hosts_are_kept_apart() {
    let house = House::up();
    let ask = async |host: &str, path: &str| {
        let request = Request::get(path).header(header::HOST, host).body(Body::empty()).unwrap();
        house.send(request).await
    };
    let file = ask(FILES, "/f/token/a.pdf").await;
    assert_eq!(file.status, StatusCode::OK);
    assert_eq!(file.header("cross-origin-resource-policy"), "cross-origin");
    assert!(file.header("content-security-policy").ends_with("frame-ancestors https://licheng.test"));
    assert_eq!(ask(APP, "/f/token/a.pdf").await.status, StatusCode::NOT_FOUND);
    assert_eq!(ask(FILES, "/s/413301/outcomes").await.status, StatusCode::NOT_FOUND);
    assert_eq!(ask("10.0.0.7:8400", "/s/413301/outcomes").await.status, StatusCode::NOT_FOUND);
    assert_eq!(ask(APP, "/s/413301/outcomes").await.status, StatusCode::SEE_OTHER);
}
