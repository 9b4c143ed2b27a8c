//! Rate limits (issue 2 §1.3), and what is shed last when the house is full (issue 3 §5.3).

use testkit::City;
use web::admission::NAMED;

#[tokio::test]
async fn too_many_log_ins_from_one_address_have_to_wait() {
    let city = City::with(&[("LICHENG_LOGIN_RATE", "3")]).await;
    let visitor = city.visitor();
    let attempt = async |n: usize| {
        let name = format!("nobody{n}");
        visitor.post_form("/login/account", &[("temporary_login", &name), ("temporary_password", "wrong")]).await
    };
    for n in 0..3 {
        assert_eq!(attempt(n).await.status(), 422, "attempt {n}");
    }
    let refused = attempt(3).await.expect(429);
    let wait: i64 = refused.header("retry-after").expect("a 429 says when to come back").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    city.pass(time::Duration::seconds(wait));
    assert_eq!(attempt(4).await.status(), 422, "after the wait");
}

/// One that is misspelt would be shed like any page or form.
#[tokio::test]
async fn what_has_its_own_place_in_a_crowd_is_a_route_of_the_house() {
    let city = City::up().await;
    let is_known = |method, path| city.routes.iter().any(|route| (route.method, route.path) == (method, path));
    let unknown: Vec<_> = NAMED.into_iter().filter(|(method, path, _)| !is_known(*method, *path)).collect();
    assert!(unknown.is_empty(), "no such routes: {unknown:?}");
}
