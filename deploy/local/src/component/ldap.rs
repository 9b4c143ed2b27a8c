//! OpenLDAP: the city's directory, reached over StartTLS or LDAPS only, under a certificate
//! authority made for this data folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::Part;
use crate::people;
use crate::process::{Launch, Running, accepts_connections};
use crate::requirements::path_of;
use crate::site::{Site, write_private};
use crate::tools::{fingerprint, run};

const SUFFIX: &str = "dc=licheng,dc=test";
/// Where Debian keeps slapd's modules.
const MODULES: &str = "/usr/lib/ldap";

/// How to reach the directory, and the process that is it.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) ldaps_url: String,
    pub(crate) ca: PathBuf,
    pub(crate) base_dn: String,
    pub(crate) bind_dn: String,
    pub(crate) bind_password: String,
    admin_password: String,
    ldap_port: u16,
    ldaps_port: u16,
    data: PathBuf,
    running: Option<Running>,
}

impl Directory {
    /// What the directory of this site will be; nothing is started yet.
    pub(crate) fn of(site: &Site) -> Self {
        let (ldap_port, ldaps_port) = (site.port("ldap"), site.port("ldaps"));
        Self {
            ldaps_url: format!("ldaps://127.0.0.1:{ldaps_port}"),
            ca: site.data.join("ldap/ca.pem"),
            base_dn: format!("ou=people,{SUFFIX}"),
            bind_dn: format!("cn=licheng,ou=services,{SUFFIX}"),
            bind_password: site.secret("ldap-search").to_owned(),
            admin_password: site.secret("ldap-admin").to_owned(),
            ldap_port,
            ldaps_port,
            data: site.data.clone(),
            running: None,
        }
    }

    /// Starts it, with the people that were loaded last, or with none.
    pub(crate) async fn up(&mut self, site: &Site) -> Result<Part> {
        site.folder("ldap")?;
        self.make_certificates().await?;
        self.write_configuration()?;
        if !self.database().exists() {
            self.fill("").await?;
        }
        self.start().await?;
        site.progress.say(format_args!("LDAP on port {}", self.ldap_port));
        Ok(Part { running: Vec::new(), env: self.env() })
    }

    fn env(&self) -> Vec<(&'static str, String)> {
        vec![
            ("LICHENG_LDAP_URL", format!("ldap://127.0.0.1:{}", self.ldap_port)),
            ("LICHENG_LDAP_CA", self.ca.display().to_string()),
            ("LICHENG_LDAP_BASE_DN", self.base_dn.clone()),
            ("LICHENG_LDAP_BIND_DN", self.bind_dn.clone()),
            ("LICHENG_LDAP_BIND_PASSWORD", self.bind_password.clone()),
            ("LOCAL_LDAPS_URL", self.ldaps_url.clone()),
            ("LOCAL_LDAP_ADMIN_DN", format!("cn=admin,{SUFFIX}")),
            ("LOCAL_LDAP_ADMIN_PASSWORD", self.admin_password.clone()),
        ]
    }

    /// Replaces all people by those of an LDIF file, and says how many there are now. The same file
    /// again changes nothing, so that a warm start is quick.
    pub(crate) async fn load(&mut self, ldif: &Path) -> Result<usize> {
        let text = fs::read_to_string(ldif).with_context(|| format!("cannot read {}", ldif.display()))?;
        let loaded = self.data.join("ldap/loaded");
        let mark = format!("{:016x}", fingerprint(&text));
        if fs::read_to_string(&loaded).is_ok_and(|last| last == mark) {
            return Ok(people::count(&text));
        }
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
        self.fill(&text).await?;
        fs::write(loaded, mark)?;
        self.start().await?;
        Ok(people::count(&text))
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    fn database(&self) -> PathBuf {
        self.data.join("ldap/database")
    }

    fn configuration(&self) -> PathBuf {
        self.data.join("ldap/slapd.conf")
    }

    async fn start(&mut self) -> Result<()> {
        let listen = format!("ldap://127.0.0.1:{}/ ldaps://127.0.0.1:{}/", self.ldap_port, self.ldaps_port);
        let launch = Launch::new("slapd", path_of("slapd")?).with(|command| {
            // a debug level, even 0, keeps it in the foreground
            command.args(["-d", "0", "-h", &listen, "-f"]);
            command.arg(self.configuration());
        });
        let (plain, encrypted) = (self.ldap_port, self.ldaps_port);
        let running = launch
            .start(&self.data)?
            .ready(async || accepts_connections(plain).await && accepts_connections(encrypted).await)
            .await?;
        self.running = Some(running);
        Ok(())
    }

    fn write_configuration(&self) -> Result<()> {
        let folder = self.data.join("ldap");
        let folder = folder.display();
        let argon2 = if has_argon2() { "moduleload argon2\n" } else { "" };
        let text = format!(
            "include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath {MODULES}
moduleload back_mdb
{argon2}pidfile \"{folder}/slapd.pid\"
argsfile \"{folder}/slapd.args\"
TLSCACertificateFile \"{folder}/ca.pem\"
TLSCertificateFile \"{folder}/server.pem\"
TLSCertificateKeyFile \"{folder}/server.key\"
# no password travels in the clear
security simple_bind=128
sizelimit 500
database mdb
maxsize 1073741824
suffix \"{SUFFIX}\"
rootdn \"cn=admin,{SUFFIX}\"
rootpw {}
directory \"{folder}/database\"
index objectClass,uid eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact=\"{}\" read by self read by anonymous auth by * none
",
            self.admin_password, self.bind_dn
        );
        write_private(&self.configuration(), &text)
    }

    /// Fills an empty database offline, which takes thousands of entries a second.
    async fn fill(&self, people: &str) -> Result<()> {
        let database = self.database();
        if database.exists() {
            fs::remove_dir_all(&database)?;
        }
        fs::create_dir(&database)?;
        let entries = format!(
            "dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\ndc: licheng\no: Licheng\n\n\
             dn: ou=people,{SUFFIX}\nobjectClass: organizationalUnit\nou: people\n\n\
             dn: ou=services,{SUFFIX}\nobjectClass: organizationalUnit\nou: services\n\n\
             dn: {}\nobjectClass: simpleSecurityObject\nobjectClass: organizationalRole\n\
             cn: licheng\nuserPassword: {}\n\n{people}",
            self.bind_dn, self.bind_password
        );
        let entries = hash_passwords(&entries).await?;
        let file = self.data.join("ldap/entries.ldif");
        write_private(&file, &entries)?;
        let mut slapadd = Command::new(path_of("slapadd")?);
        slapadd.arg("-q").arg("-f").arg(self.configuration());
        slapadd.arg("-l").arg(&file);
        if let Err(error) = run(slapadd).await {
            fs::remove_dir_all(&database)?; // half a directory must not pass for a whole one
            return Err(error);
        }
        Ok(fs::remove_file(file)?)
    }

    /// An authority of our own, and a certificate of it for 127.0.0.1.
    async fn make_certificates(&self) -> Result<()> {
        let folder = self.data.join("ldap");
        if folder.join("server.pem").exists() {
            return Ok(());
        }
        let openssl = async |arguments: &str| {
            let mut openssl = Command::new(path_of("openssl")?);
            openssl.args(arguments.split(' ')).current_dir(&folder);
            run(openssl).await
        };
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        openssl(&format!(
            "req -x509 {key} -keyout ca.key -out ca.pem -days 3650 -subj /CN=Licheng-local \
             -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign"
        ))
        .await?;
        openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=127.0.0.1")).await?;
        fs::write(
            folder.join("server.ext"),
            "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n\
             basicConstraints=critical,CA:FALSE\n",
        )?;
        openssl(
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 \
             -extfile server.ext -out server.part",
        )
        .await?;
        Ok(fs::rename(folder.join("server.part"), folder.join("server.pem"))?)
    }
}

fn has_argon2() -> bool {
    Path::new(MODULES).join("argon2.so").exists()
}

/// Each password in the clear is hashed once: the people of a demo share one, and two of them with
/// the same salt harm nobody there.
async fn hash_passwords(ldif: &str) -> Result<String> {
    let mut hashes: Vec<(&str, String)> = Vec::new();
    let passwords = people::clear_passwords(ldif);
    // argon2 is slow by intent: many different passwords get the quick scheme
    let scheme = if has_argon2() && passwords.len() <= 20 { "{ARGON2}" } else { "{SSHA}" };
    for password in passwords {
        hashes.push((password, hash_password(password, scheme).await?));
    }
    Ok(people::with_hashes(ldif, |password| {
        let at = hashes.binary_search_by_key(&password, |(clear, _)| clear);
        at.ok().map(|at| hashes[at].1.as_str())
    }))
}

async fn hash_password(password: &str, scheme: &str) -> Result<String> {
    let mut slappasswd = Command::new(path_of("slappasswd")?);
    if scheme == "{ARGON2}" {
        slappasswd.args(["-o", &format!("module-path={MODULES}"), "-o", "module-load=argon2"]);
    }
    // the password comes through a pipe: arguments are visible to everybody of the machine
    let mut child = slappasswd
        .args(["-n", "-h", scheme, "-T", "/dev/stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("the pipe was asked for")?;
    stdin.write_all(password.as_bytes()).await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        bail!("slappasswd: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
