//! Rate limits (issue 2 §1.3).

use testkit::City;

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
