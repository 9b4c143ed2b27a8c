//! Redis in cluster mode (issue 3 §6.3): a real one that holds all slots refuses every command whose keys lie in two.

use identity::temporary::{self, NewAccount};
use kernel::{ids::PersonId, role::Role};
use std::process::Stdio;
use std::time::Duration;
use store::{Audit, Job};
use testkit::{City, free_port};
use tokio::process::{Child, Command};

const SCHOOL: &str = "343303";

/// A Redis that is a whole cluster; it ends with this value and keeps nothing on disk.
struct Cluster {
    _child: Child,
    url: String,
    folder: std::path::PathBuf,
}

impl Cluster {
    async fn up() -> Self {
        let (port, bus) = (free_port().await, free_port().await);
        let folder = std::env::temp_dir().join(format!("licheng-redis-cluster-{}-{port}", std::process::id()));
        std::fs::create_dir(&folder).expect("a writable temporary folder");
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--cluster-port", &bus.to_string()])
            .args(["--cluster-enabled", "yes", "--save", "", "--appendonly", "no", "--dir"])
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("redis-server is installed");
        let cluster = Self { _child: child, url: format!("redis://127.0.0.1:{port}/0"), folder };
        tokio::time::timeout(Duration::from_secs(20), cluster.take_all_slots()).await.expect("a cluster within 20 s");
        cluster
    }

    async fn connection(&self) -> redis::RedisResult<redis::aio::MultiplexedConnection> {
        redis::Client::open(self.url.as_str())?.get_multiplexed_async_connection().await
    }

    async fn take_all_slots(&self) {
        let mut connection = loop {
            match self.connection().await {
                Ok(connection) => break connection,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let mut slots = redis::cmd("CLUSTER");
        slots.arg("ADDSLOTSRANGE").arg(0).arg(16_383).query_async::<()>(&mut connection).await.expect("the slots");
        loop {
            let info: String = redis::cmd("CLUSTER").arg("INFO").query_async(&mut connection).await.expect("its state");
            if info.contains("cluster_state:ok") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _left_to_the_system = std::fs::remove_dir_all(&self.folder);
    }
}

/// Sessions, limits and jobs: no command of ours has keys in two slots.
#[tokio::test(flavor = "multi_thread")]
async fn no_command_has_keys_in_two_slots() {
    let cluster = Cluster::up().await;
    let mut connection = cluster.connection().await.expect("a connection");
    let crossing: redis::RedisResult<()> =
        redis::cmd("DEL").arg("session:1").arg("sessions:person:1").query_async(&mut connection).await;
    assert_eq!(crossing.expect_err("this Redis is strict").code(), Some("CROSSSLOT"));

    let city = City::with(&[("LICHENG_REDIS_URL", &cluster.url), ("LICHENG_LOGIN_RATE", "20")]).await;
    let (first, second) = (city.login_as(Role::Student, SCHOOL).await, city.login_as(Role::Student, SCHOOL).await);
    first.get("home").await.expect(200);
    second.get("home").await.expect(200);
    let account = NewAccount {
        login: "temp.cluster".to_owned(),
        name: "新來的管理者".to_owned(),
        school: SCHOOL.parse().expect("a school code"),
        role: Role::SchoolAdmin,
        roster_account: None,
        expires_at: Some(city.now() + time::Duration::days(30)),
    };
    let password = "first-password-22";
    temporary::create(&city.db("identity"), "test", city.now(), &account, password).await.expect("an account");
    let visitor = city.visitor();
    let fields = [("temporary_login", "temp.cluster"), ("temporary_password", password)];
    visitor.post_form("/login/account", &fields).await.expect(303);
    let fields = [("current", password), ("new", "my-own-password-33"), ("again", "my-own-password-33")];
    visitor.post_form("/account/password", &fields).await.expect(303);
    visitor.post_form("/logout", &[]).await.expect(303);

    let mut tx = city.db("portfolio").write(&city.system(SCHOOL), "test.enqueue").await.expect("a transaction");
    tx.audit(Audit::general("test", "test"));
    tx.enqueue(Job::new(
        "portfolio.message",
        serde_json::json!({
            "student_id": first.subject(), "body": "訊息", "link": "/", "dedupe": "test.cluster"
        }),
    ));
    tx.commit().await.expect("a commit");
    assert!(city.drain_jobs().await >= 1);

    let person: i64 = sqlx::query_scalar(
        "select person_id from identity.membership where school_code = $1 and role = 'student' and subject_id = $2",
    )
    .bind(SCHOOL)
    .bind(first.subject())
    .fetch_one(&mut city.admin().await)
    .await
    .expect("the student");
    let ended = city.house.web.sessions().destroy_by_person(PersonId::from(person)).await.expect("no CROSSSLOT");
    assert_eq!(ended, 2);
    assert_ne!(first.get("home").await.status(), 200);
    assert_ne!(second.get("home").await.status(), 200);
}
