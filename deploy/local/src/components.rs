//! All components together.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::Result;
use tokio::task::JoinSet;

use crate::component::ldap::Directory;
use crate::component::{Part, central, clamd, mail, postgres, redis, s3, sso};
use crate::process::Running;
use crate::requirements::{PROGRAMS, install_missing};
use crate::site::{Site, write_private};
use crate::tools::target_folder;
use crate::{Progress, Tools};

/// Where the components live and what they use.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder; one process at a time uses it.
    pub data: PathBuf,
    /// The folder for downloaded tools, which data folders share.
    pub tools: PathBuf,
    /// The folder of our own built programs, for the central database's simulator.
    pub programs: PathBuf,
    /// The application's port; chosen and kept when not given.
    pub port: Option<u16>,
    /// Begin with an empty data folder.
    pub fresh: bool,
    /// The second copy lies on an S3 server of its own, as in production; otherwise one server holds every bucket.
    pub storage_apart: bool,
    /// The environment, in which `LICHENG_*` variables may name components to use instead.
    pub environment: BTreeMap<String, String>,
}

impl Options {
    /// A data folder of this name under the target folder of the running program.
    ///
    /// # Errors
    /// The running program was not built by cargo.
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment may name components to use; this crate depends on no other of ours"
    )]
    pub fn in_target(name: &str) -> Result<Self> {
        let target = target_folder()?;
        Ok(Self {
            data: target.join(name),
            tools: target.join("tools"),
            programs: target.join("debug"),
            port: None,
            fresh: false,
            storage_apart: false,
            environment: std::env::vars().collect(),
        })
    }

    /// Whether to start a private component: not when the environment names one by this variable.
    fn wants(&self, variable: &str) -> bool {
        !self.environment.contains_key(variable)
    }

    /// The variables of the environment that are about the application or its components.
    fn given(&self) -> impl Iterator<Item = (String, String)> {
        let is_ours = |name: &str| name.starts_with("LICHENG_") || name.starts_with("LOCAL_");
        self.environment
            .iter()
            .filter(move |(name, _)| is_ours(name))
            .map(|(name, value)| (name.clone(), value.clone()))
    }
}

/// Running components. Stop them with [`Components::stop`]; dropping them kills them.
#[derive(Debug)]
pub struct Components {
    site: Site,
    running: Vec<Running>,
    directory: Option<Directory>,
    env: BTreeMap<String, String>,
}

impl Components {
    /// Installs what is missing, then starts everything that the environment does not name, all at
    /// the same time, and returns when all of it answers.
    ///
    /// # Errors
    /// A program is missing and may not be installed, a component does not start (the message quotes
    /// its log), or the data folder is in use.
    pub async fn up(options: &Options, progress: &Progress) -> Result<Self> {
        install_missing(PROGRAMS, progress)?;
        let tools = Tools::new(&options.tools, *progress)?;
        let site = Site::open(options, tools, *progress).await?;
        let mut env = own_variables(&site);
        env.extend(options.given());
        let origin = env["LICHENG_ORIGIN"].clone();
        let mut directory = Directory::of(&site);

        let wanted = |variable| options.wants(variable);
        let (ldap, sso) = (wanted("LICHENG_LDAP_URL"), wanted("LICHENG_OIDC_ISSUER"));
        let single_sign_on = Directory::of(&site);
        let parts = tokio::try_join!(
            when(wanted("LICHENG_DATABASE_URL"), postgres::up(&site)),
            when(wanted("LICHENG_REDIS_URL"), redis::up(&site)),
            when(wanted("LICHENG_S3_ENDPOINT"), s3::up(&site, &origin, options.storage_apart)),
            when(ldap, directory.up(&site)),
            when(sso && ldap, sso::up(&site, &single_sign_on, &origin)),
            when(wanted("LICHENG_SMTP_URL"), mail::up(&site)),
            when(wanted("LICHENG_CLAMD_ADDRESS"), clamd::up(&site)),
            when(wanted("LICHENG_CENTRAL_URL"), central::up(&site, &options.programs)),
        )?;

        let mut components = Self { running: Vec::new(), directory: ldap.then_some(directory), env, site };
        let (a, b, c, d, e, f, g, h) = parts;
        for part in [a, b, c, d, e, f, g, h] {
            components.running.extend(part.running);
            let variables = part.env.into_iter();
            components.env.extend(variables.map(|(name, value)| (name.to_owned(), value)));
        }
        components.env.extend(options.given()); // what somebody says aloud wins
        let variables = serde_json::to_string_pretty(&components.env)?;
        write_private(&components.site.data.join(ENV_FILE), &variables)?;
        Ok(components)
    }

    /// Everything that the application needs to know, as environment variables: `LICHENG_*`, and
    /// `LOCAL_*` for what only tests and the demo look at (`LOCAL_MAIL_URL`, `LOCAL_LDAPS_URL`,
    /// `LOCAL_LDAP_ADMIN_DN`, `LOCAL_LDAP_ADMIN_PASSWORD`).
    pub fn env(&self) -> BTreeMap<String, String> {
        self.env.clone()
    }

    /// The variables of components that another process keeps running in this data folder.
    pub fn env_of_running(data: &Path) -> Option<BTreeMap<String, String>> {
        let lock = File::open(data.join("lock")).ok()?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {}
            _ => return None,
        }
        let text = fs::read_to_string(data.join(ENV_FILE)).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// The data folder, as an absolute path.
    pub fn data(&self) -> &Path {
        &self.site.data
    }

    /// Replaces the people of the private directory by those of an LDIF file and says how many there
    /// are. `userPassword` values in the clear are hashed. With a directory of somebody else's
    /// nothing is loaded.
    ///
    /// # Errors
    /// The file cannot be read, or slapd refuses an entry.
    pub async fn ldap_load(&mut self, ldif: &Path) -> Result<usize> {
        match &mut self.directory {
            Some(directory) => directory.load(ldif).await,
            None => Ok(0),
        }
    }

    /// What was started, to be killed, frozen and started again by name: how a test finds out what the application
    /// does then. The directory is not among them.
    pub fn running(&mut self) -> &mut [Running] {
        &mut self.running
    }

    /// Ends all components at the same time, each within its grace.
    pub async fn stop(mut self) {
        let _gone = fs::remove_file(self.site.data.join(ENV_FILE));
        let mut ending = JoinSet::new();
        for running in self.running.drain(..) {
            ending.spawn(running.stop());
        }
        if let Some(directory) = self.directory.take() {
            ending.spawn(directory.stop());
        }
        ending.join_all().await;
    }
}

/// The variables of running components, for others to find.
const ENV_FILE: &str = "env.json";

impl Drop for Components {
    fn drop(&mut self) {
        let _gone = fs::remove_file(self.site.data.join(ENV_FILE));
    }
}

async fn when(wanted: bool, up: impl Future<Output = Result<Part>>) -> Result<Part> {
    if wanted { up.await } else { Ok(Part::default()) }
}

/// The application's own variables. Pages and files have different host names, so that no cookie of
/// the one ever reaches the other.
fn own_variables(site: &Site) -> BTreeMap<String, String> {
    let port = site.port("app");
    let listen = format!("127.0.0.1:{port}");
    BTreeMap::from([
        ("LICHENG_SECRET".to_owned(), site.master_secret().to_owned()),
        ("LICHENG_ORIGIN".to_owned(), format!("http://localhost:{port}")),
        ("LICHENG_FILES_ORIGIN".to_owned(), format!("http://{listen}")),
        ("LICHENG_LISTEN".to_owned(), listen),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(environment: &[(&str, &str)]) -> Options {
        Options {
            data: PathBuf::new(),
            tools: PathBuf::new(),
            programs: PathBuf::new(),
            port: None,
            fresh: false,
            storage_apart: false,
            environment: environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    #[test]
    fn a_component_named_by_the_environment_is_used_with_all_its_variables() {
        let options =
            options(&[("LICHENG_S3_ENDPOINT", "https://s3.example"), ("LICHENG_S3_BUCKET", "b"), ("HOME", "/")]);
        assert!(!options.wants("LICHENG_S3_ENDPOINT"));
        assert!(options.wants("LICHENG_REDIS_URL"));
        let given: Vec<_> = options.given().map(|(name, _)| name).collect();
        assert_eq!(given, ["LICHENG_S3_BUCKET", "LICHENG_S3_ENDPOINT"]);
    }

    #[test]
    fn a_folder_that_nobody_uses_has_no_running_components() {
        let data = std::env::temp_dir().join(format!("local-running-{}", std::process::id()));
        fs::create_dir_all(&data).unwrap();
        assert_eq!(Components::env_of_running(&data), None);
        let lock = File::create(data.join("lock")).unwrap();
        fs::write(data.join(ENV_FILE), r#"{"LICHENG_LISTEN":"127.0.0.1:1"}"#).unwrap();
        assert_eq!(Components::env_of_running(&data), None);
        lock.lock().unwrap();
        let env = Components::env_of_running(&data).unwrap();
        assert_eq!(env["LICHENG_LISTEN"], "127.0.0.1:1");
        fs::remove_dir_all(data).unwrap();
    }
}
