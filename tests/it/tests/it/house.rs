//! What holds for the whole house: tenancy in the catalog, sessions, jobs, audit.

use kernel::role::Role;
use testkit::City;

#[tokio::test]
async fn a_session_reaches_its_own_school_and_no_other() {
    let city = City::up().await;
    let student = city.login_as(Role::Student, "343303").await;
    assert_eq!(student.get("/s/353302/home").await.status(), 404);
}
