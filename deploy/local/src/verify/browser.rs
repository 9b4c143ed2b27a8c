//! The browser tests: the whole loop in Chromium over the demo city.

use anyhow::{Context, Result, bail};
use local::{City, NPM_CI};

use crate::runner::run;
use crate::stage::{Outcome, Stage};

/// Serves the demo city and runs `npm test` in `tests/browser`, with the components' variables and
/// the city's address in `BASE_URL`.
pub(crate) fn test(stage: &mut Stage) -> Result<Outcome> {
    let folder = stage.workspace.join("tests/browser");
    if !folder.join("package.json").is_file() {
        bail!("tests/browser/package.json is not there");
    }
    let tools = stage.tools()?;
    let env = stage.env()?;
    let origin = env.get("LICHENG_ORIGIN").context("the components name no origin")?;
    let city = City::new(&stage.options.programs, &stage.progress)?;
    let (runtime, components) = stage.components()?;

    let installed = run(runtime.block_on(tools.npm())?.args(NPM_CI).current_dir(&folder))?;
    if installed.problem.is_some() {
        return Ok(installed);
    }
    let running = runtime.block_on(city.serve(components))?;
    runtime.block_on(city.walk_last_year(components))?;
    let mut npm = runtime.block_on(tools.npm())?;
    npm.args(["test", "--silent"]).current_dir(&folder);
    let outcome = run(npm.envs(&env).env("BASE_URL", origin).env("CI", "true"));
    runtime.block_on(running.stop());
    outcome
}
