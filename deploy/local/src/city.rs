//! The demo city: the application over running components, migrated, seeded and served.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::component::answers;
use crate::process::{Launch, Running, Stop};
use crate::{Components, Progress};

/// The file in the data folder that says that the city is seeded.
const SEEDED: &str = "seeded";
/// The same of its last year, which can be walked only when the city is served.
const WALKED: &str = "last-year";

/// A demo city over components that stay somebody else's to stop.
#[derive(Debug)]
pub struct City {
    program: PathBuf,
    progress: Progress,
}

impl City {
    /// The city that the program `licheng` in this folder runs.
    ///
    /// # Errors
    /// It is not built.
    pub fn new(programs: &Path, progress: &Progress) -> Result<Self> {
        let program = programs.join("licheng");
        if !program.exists() {
            bail!("{} is not built", program.display());
        }
        Ok(Self { program, progress: *progress })
    }

    /// Brings the database to the newest schema.
    ///
    /// # Errors
    /// `licheng migrate` says why.
    pub async fn migrate(&self, components: &Components) -> Result<()> {
        self.progress.say("licheng migrate");
        self.run(&["migrate"], &demo_variables(components)).await
    }

    /// Makes the city's schools, people and portfolios, once per data folder, and loads its people
    /// into the directory.
    ///
    /// # Errors
    /// `licheng seed` or the directory says why.
    pub async fn seed(&self, components: &mut Components) -> Result<()> {
        let mark = components.data().join(SEEDED);
        let people = components.data().join("people.ldif");
        if !mark.exists() {
            self.progress.say("licheng seed --demo: making the city");
            let path = people.to_str().context("the data folder's name is no text")?;
            self.run(&["seed", "--demo", "--ldif", path], &demo_variables(components)).await?;
            fs::write(mark, "")?;
        }
        let count = components.ldap_load(&people).await?;
        self.progress.say(format_args!("LDAP: {count} people"));
        Ok(())
    }

    /// Serves everything in one process and returns when it is ready.
    ///
    /// # Errors
    /// It ends, or does not become ready; the message quotes its log.
    pub async fn serve(&self, components: &Components) -> Result<Running> {
        self.progress.say("licheng serve --target all");
        let mut variables = demo_variables(components);
        // serving processes never hold the schema owner's login
        variables.remove("LICHENG_DATABASE_ADMIN_URL");
        let listen = variables.get("LICHENG_LISTEN").context("the components name no address")?;
        let port = listen.rsplit(':').next().and_then(|port| port.parse().ok());
        let port: u16 = port.with_context(|| format!("{listen} names no port"))?;
        let question = format!("GET /readyz HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n");
        let launch = Launch::new("licheng", &self.program)
            .with(|command| {
                command.args(["serve", "--target", "all"]).env_remove("LICHENG_DATABASE_ADMIN_URL").envs(&variables);
            })
            .stopped_by(Stop::Terminate, Duration::from_secs(25)); // it drains for 20 s at most
        let running = launch.start(components.data())?;
        running.ready(async || answers(port, question.as_bytes(), "HTTP/1.1 200").await).await
    }

    /// Submits last year at one of the schools of the served city, once per data folder.
    ///
    /// # Errors
    /// `licheng seed` says why.
    pub async fn walk_last_year(&self, components: &Components) -> Result<()> {
        let mark = components.data().join(WALKED);
        if mark.exists() {
            return Ok(());
        }
        self.run(&["seed", "--last-year"], &demo_variables(components)).await?;
        fs::write(mark, "")?;
        Ok(())
    }

    async fn run(&self, arguments: &[&str], variables: &BTreeMap<String, String>) -> Result<()> {
        let status = Command::new(&self.program)
            .args(arguments)
            .envs(variables)
            .kill_on_drop(true)
            .stdout(std::io::stderr())
            .status()
            .await?;
        if !status.success() {
            bail!("licheng {} ended with {status}", arguments.join(" "));
        }
        Ok(())
    }
}

fn demo_variables(components: &Components) -> BTreeMap<String, String> {
    let mut variables = components.env();
    variables.insert("LICHENG_DEMO".to_owned(), "true".to_owned());
    variables
}
