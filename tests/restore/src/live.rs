//! The city's own PostgreSQL, which archives its WAL, and the program run against it.

use anyhow::{Context as _, Result, bail, ensure};
use licheng::backup::{
    self,
    instance::Scratch,
    programs::{give, output, postgres, run_as},
    record,
};
use ops::config::Backup;
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::process::{Child, Command};

/// How long a server may take to open, replaying included.
const START: Duration = Duration::from_secs(120);

/// A running server over a data folder.
pub(crate) struct Server {
    child: Child,
    socket: PathBuf,
    port: u16,
}

impl Server {
    async fn start(scratch: &Scratch, data: &Path, port: u16, settings: &[&str], env: &Env) -> Result<Self> {
        let socket = scratch.path().to_owned();
        let log = fs::File::create(socket.join(format!("log-{port}")))?;
        let mut command = Command::new(postgres("postgres", None));
        command.arg("-D").arg(data).current_dir(&socket);
        let socket_setting = format!("unix_socket_directories={}", socket.display());
        for setting in [socket_setting.as_str(), &format!("port={port}"), "listen_addresses="].iter().chain(settings) {
            command.args(["-c", setting]);
        }
        command.envs(env).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        run_as(&mut command, scratch.account());
        let child = command.spawn().context("starting PostgreSQL")?;
        let mut server = Self { child, socket, port };
        server.ready().await?;
        Ok(server)
    }

    async fn ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + START;
        loop {
            if let Ok(mut connection) = PgConnection::connect(&self.url("postgres", "postgres")).await {
                let recovering = sqlx::query_scalar("select pg_is_in_recovery()").fetch_one(&mut connection).await;
                if !recovering.unwrap_or(true) {
                    return Ok(());
                }
            }
            if self.child.try_wait()?.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(self.socket.join(format!("log-{}", self.port))).unwrap_or_default();
                bail!("PostgreSQL does not open:\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn url(&self, role: &str, database: &str) -> String {
        let host = self.socket.display().to_string();
        format!("postgres://{role}@localhost/{database}?host={host}&port={}", self.port)
    }

    /// The administrator of the city's database.
    pub(crate) async fn admin(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.url("postgres", "licheng")).await?)
    }

    /// Ends it at once; its folder is thrown away.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}

type Env = BTreeMap<String, String>;

/// The city.
pub(crate) struct Live {
    server: Server,
    program: PathBuf,
    env: Env,
    backup: Backup,
    scratch: Scratch,
}

impl Live {
    /// An empty database, archiving.
    pub(crate) async fn start() -> Result<Self> {
        let scratch = Scratch::make(&std::env::temp_dir())?;
        // PostgreSQL's account runs it too, and may not be let into the folder where it was built
        let bin = scratch.path().join("bin");
        fs::create_dir(&bin)?;
        let program = bin.join("licheng");
        let built = std::env::current_exe()?.with_file_name("licheng");
        fs::copy(&built, &program).with_context(|| format!("{} is not built", built.display()))?;
        for path in [&bin, &program] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
            give(path, scratch.account())?;
        }
        let data = scratch.path().join("live");
        let mut initdb = Command::new(postgres("initdb", None));
        initdb.arg("--pgdata").arg(&data).args(["--username=postgres", "--auth=trust", "--encoding=UTF8"]);
        initdb.args(["--locale=C.UTF-8", "--no-instructions"]).current_dir(scratch.path());
        run_as(&mut initdb, scratch.account());
        output(initdb).await?;

        let mut env: Env = environment();
        env.insert("LICHENG_BACKUP_NAME".to_owned(), format!("restore-{}", name_of(&scratch)));
        env.insert("RUST_BACKTRACE".to_owned(), "0".to_owned());
        let path = env.get("PATH").cloned().unwrap_or_default();
        env.insert("PATH".to_owned(), format!("{}:{path}", bin.display()));
        let settings = ["archive_mode=on", "archive_command=licheng backup wal %p", "timezone=UTC"];
        let server = Server::start(&scratch, &data, 5432, &settings, &env).await?;
        let mut connection = PgConnection::connect(&server.url("postgres", "postgres")).await?;
        sqlx::query("create database licheng").execute(&mut connection).await?;
        env.insert("LICHENG_DATABASE_URL".to_owned(), server.url("{role}", "licheng"));
        env.insert("LICHENG_DATABASE_ADMIN_URL".to_owned(), server.url("postgres", "licheng"));
        let configured = Backup::from_lookup(&|name| env.get(name).cloned())?;
        let backup = configured.context("the components name no bucket for backups")?;
        Ok(Self { server, program, env, backup, scratch })
    }

    pub(crate) async fn admin(&self) -> Result<PgConnection> {
        self.server.admin().await
    }

    /// A folder's path that is free, and within PostgreSQL's reach.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// A server over a restored folder, beside the first.
    pub(crate) async fn second(&self, data: &Path) -> Result<Server> {
        Server::start(&self.scratch, data, 5433, &["archive_mode=off"], &self.env).await
    }

    fn licheng(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).envs(&self.env).current_dir(self.scratch.path()).stdin(Stdio::null());
        command.kill_on_drop(true);
        command
    }

    /// Runs a command of the program and gives what it said.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<String> {
        let done = self.licheng(arguments).output().await?;
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let errors = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "licheng {} ended with {}\n{said}{errors}", arguments.join(" "), done.status);
        Ok(said)
    }

    /// Runs a command that must fail, and gives its complaint.
    pub(crate) async fn refused(&self, arguments: &[&str]) -> Result<String> {
        let done = self.licheng(arguments).output().await?;
        ensure!(!done.status.success(), "licheng {} succeeded", arguments.join(" "));
        Ok(String::from_utf8_lossy(&done.stderr).into_owned())
    }

    /// The newest backup's record.
    pub(crate) async fn record(&self) -> Result<Value> {
        let record = record::newest(&backup::records(&self.backup), &self.backup, None).await?;
        Ok(serde_json::to_value(record)?)
    }

    pub(crate) async fn put_record(&self, record: &Value) -> Result<()> {
        let id = record["backup_id"].as_str().context("a record has its backup's id")?;
        let key = record::key(&self.backup, id);
        Ok(backup::records(&self.backup).put(&key, record.to_string().into_bytes()).await?)
    }

    pub(crate) async fn stop(&mut self) -> Result<()> {
        self.server.stop().await
    }
}

fn name_of(scratch: &Scratch) -> String {
    scratch.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "what the components said is handed on whole, with a few changes")]
fn environment() -> Env {
    std::env::vars().collect()
}
