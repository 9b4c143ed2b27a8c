//! Where one is logged in (ASVS 7.5.2).

use super::{PASSWORD, SCHOOL, audited, by_directory, in_directory, is_in, login_of};
use kernel::role::Role;
use testkit::{City, Visitor};

const PAGE: &str = "/account/sessions";
const PHONE: &str = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36";

async fn by_phone(phone: &Visitor, login: &str) {
    let form = format!("login={login}&password={PASSWORD}&next=");
    let request = phone.request(reqwest::Method::POST, "/login/ldap").header("user-agent", PHONE);
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    phone.send(request).await.expect(303);
}

async fn end(browser: &Visitor, which: &str) -> String {
    let sent = browser.post_form("/account/sessions/removal", &[("which", which)]).await.expect(303);
    browser.get(sent.location()).await.expect(200).texts(".notice").concat()
}

#[tokio::test]
async fn one_sees_where_one_is_logged_in_and_ends_what_was_left_open() {
    let city = City::up().await;
    let login = login_of(&city, Role::Student).await;
    in_directory(&login).await;
    let [desk, left_open, phone] = [city.visitor(), city.visitor(), city.visitor()];
    for browser in [&desk, &left_open] {
        by_directory(browser, &login, PASSWORD, "").await.expect(303);
    }
    by_phone(&phone, &login).await;

    let page = phone.get(PAGE).await.expect(200);
    assert_eq!(page.texts(".row__title"), ["Android・Chrome", "不明的裝置", "不明的裝置"], "this one first");
    assert_eq!(page.texts(".row .badge"), ["這個裝置"]);
    assert!(page.texts(".row__meta")[0].contains("單一身分驗證帳號"), "{}", page.summary());
    assert_eq!(page.attributes(".row button", "value").len(), 2, "this one ends by the log-out");
    let desk_page = desk.get(PAGE).await.expect(200);
    let seen_from_desk = desk_page.attributes(".row button", "value");
    let marks = page.attributes(".row button", "value");
    let of_left_open = marks.iter().find(|mark| seen_from_desk.contains(mark)).expect("both see it");

    assert!(end(&phone, of_left_open).await.contains("已登出 1 個裝置"));
    assert!(!is_in(&left_open).await);
    assert!(is_in(&desk).await && is_in(&phone).await);
    let trail = audited(&city, "session.end").await.expect("an audit row");
    assert!(trail.contains("wearer elsewhere") && !trail.contains(&login), "{trail}");
    assert!(end(&phone, of_left_open).await.contains("可能已經登出了"), "twice is once");

    by_directory(&left_open, &login, PASSWORD, "").await.expect(303);
    assert!(end(&phone, "others").await.contains("已登出 2 個裝置"));
    assert!(!is_in(&desk).await && !is_in(&left_open).await);
    assert!(is_in(&phone).await);
}

#[tokio::test]
async fn nobody_ends_the_session_of_somebody_else() {
    let city = City::up().await;
    let student = city.login_as(Role::Student, SCHOOL).await;
    let teacher = city.login_as(Role::CourseTeacher, SCHOOL).await;
    let other = city.login_as(Role::Student, SCHOOL).await;
    let page = student.get(PAGE).await.expect(200);
    let of_student = page.attributes(".row button", "value");
    assert_eq!(of_student.len(), 1, "the student's other browser");
    for which in [of_student[0].as_str(), "others", ""] {
        end(&teacher, which).await;
    }
    assert!(is_in(&other).await && is_in(&student).await);
    city.visitor().post_form("/account/sessions/removal", &[("which", "others")]).await.expect(401);
}
