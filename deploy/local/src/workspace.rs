//! The workspace that this crate belongs to.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the workspace.
pub fn workspace_folder() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = package.ancestors().nth(2).expect("the package lies two folders below the workspace");
    folder.to_owned()
}

/// The cargo that built this program, in the workspace. Queries are checked against the committed
/// descriptions, whatever database the environment names.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(workspace_folder()).env("SQLX_OFFLINE", "true").env_remove("DATABASE_URL");
    // build scripts (ring's) watch these variables: told about this package, they and everything
    // above them would be built anew
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            cargo.env_remove(name);
        }
    }
    cargo
}
