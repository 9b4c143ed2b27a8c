//! A private PgBouncer between a test's rooms and the database.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};

/// The account `nobody` of every Debian: PgBouncer refuses to run as root.
const NOBODY: u32 = 65_534;
/// How long it may take to listen on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// PgBouncer in transaction mode on a port of its own; it ends with this value.
pub struct Pooler {
    _child: Child,
    folder: PathBuf,
    port: u16,
    secret: String,
}

impl Pooler {
    /// Starts it before the server of `LICHENG_DATABASE_URL`, whose rooms share one password, with at most so many
    /// connections to the server for each role and database.
    ///
    /// # Panics
    /// `pgbouncer` is not installed, or does not start.
    pub async fn up(server_connections: u32) -> Self {
        let template = crate::city::required("LICHENG_DATABASE_URL");
        let (secret, server) = template
            .split_once("://{role}:")
            .and_then(|(_, rest)| rest.rsplit_once('@'))
            .expect("a URL like postgres://{role}:secret@host:port/database");
        let (host, server_port) =
            server.split('/').next().and_then(|address| address.split_once(':')).expect("a host and a port");
        let port = free_port().await;
        let folder = private_folder();
        let users: String = store::migrate::ROLES.iter().map(|role| format!("\"{role}\" \"{secret}\"\n")).collect();
        let users = write(&folder, "users.txt", &users);
        let settings = format!(
            "[databases]\n* = host={host} port={server_port}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = scram-sha-256\nauth_file = {users}\npool_mode = transaction\n\
             default_pool_size = {server_connections}\nmax_client_conn = 500\n\
             ignore_startup_parameters = extra_float_digits\n",
            users = users.display()
        );
        let settings = write(&folder, "pgbouncer.ini", &settings);
        let mut command = Command::new("/usr/sbin/pgbouncer");
        command.arg(&settings).stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let log = fs::File::create(folder.join("log")).expect("a writable folder");
        command.stderr(log);
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let child = command.spawn().expect("pgbouncer is installed (Debian package pgbouncer)");
        let pooler = Self { _child: child, folder, port, secret: secret.to_owned() };
        pooler.until_it_listens().await;
        pooler
    }

    /// `LICHENG_DATABASE_URL` through the pooler, for [`crate::City::with`]; without the word that tells the rooms to
    /// keep no statements.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://{{role}}:{}@127.0.0.1:{}/{{database}}", self.secret, self.port)
    }

    /// The same with that word: the supported way.
    #[must_use]
    pub fn supported_url(&self) -> String {
        format!("{}?statement-cache-capacity=0", self.url())
    }

    async fn until_it_listens(&self) {
        let listening = async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, listening).await.is_err() {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            panic!("pgbouncer does not listen:\n{log}");
        }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _left_to_the_system = fs::remove_dir_all(&self.folder);
    }
}

/// A port that nobody listens on now.
pub async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("a bound port").port()
}

/// A new folder that only we, or `nobody` in our place, can look into.
fn private_folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("licheng-pooler-{}", hex::encode(crate::template::nonce())));
    fs::create_dir(&folder).expect("a writable temporary folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("our own folder");
    give(&folder);
    folder
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("a writable folder");
    give(&path);
    path
}

fn give(path: &Path) {
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}
