//! What the steps share: the components, and the city over them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use local::{Components, Options, Progress, Tools, until_interrupted, workspace_folder};
use tokio::runtime::Runtime;

/// How a step went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Tests that passed, as their runner says.
    pub(crate) passed: u64,
    /// Tests that failed, as their runner says.
    pub(crate) failed: u64,
    /// Why the step failed, if it did.
    pub(crate) problem: Option<String>,
}

impl Outcome {
    /// Done; there was nothing to count.
    pub(crate) fn done() -> Self {
        Self::default()
    }

    /// It failed for this reason.
    pub(crate) fn failure(problem: impl Into<String>) -> Self {
        Self { problem: Some(problem.into()), ..Self::default() }
    }
}

/// The state of a verification.
pub(crate) struct Stage {
    pub(crate) progress: Progress,
    pub(crate) options: Options,
    pub(crate) runtime: Runtime,
    pub(crate) workspace: PathBuf,
    components: Option<Components>,
    interrupted: Arc<AtomicBool>,
}

impl Stage {
    pub(crate) fn new(progress: Progress) -> Result<Self> {
        let mut options = Options::in_target("verify")?;
        options.fresh = true;
        let runtime = Runtime::new()?;
        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&interrupted);
        runtime.spawn(async move {
            if until_interrupted().await.is_ok() {
                flag.store(true, Ordering::SeqCst);
            }
        });
        Ok(Self { progress, options, runtime, workspace: workspace_folder(), components: None, interrupted })
    }

    /// Whether somebody pressed Ctrl-C. The running step's commands get it too and end by it.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }

    /// The step that starts the private components for those that follow.
    pub(crate) fn bring_components_up(&mut self) -> Result<Outcome> {
        let up = Components::up(&self.options, &self.progress);
        self.components = Some(self.runtime.block_on(up)?);
        Ok(Outcome::done())
    }

    /// The components' variables.
    pub(crate) fn env(&self) -> Result<BTreeMap<String, String>> {
        self.components.as_ref().map(Components::env).context(NOT_UP)
    }

    /// The components with the runtime that drives them.
    pub(crate) fn components(&mut self) -> Result<(&Runtime, &mut Components)> {
        let components = self.components.as_mut().context(NOT_UP)?;
        Ok((&self.runtime, components))
    }

    /// The folder of downloaded tools.
    pub(crate) fn tools(&self) -> Result<Tools> {
        Tools::new(&self.options.tools, self.progress)
    }

    /// Stops what was started.
    pub(crate) fn end(&mut self) {
        if let Some(components) = self.components.take() {
            self.runtime.block_on(components.stop());
        }
    }
}

const NOT_UP: &str = "the components are not up";
