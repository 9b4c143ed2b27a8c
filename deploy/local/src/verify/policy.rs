//! What may be depended on: licences, one crypto provider, the storage client in one crate, and no
//! service on another.

use anyhow::{Context, Result, bail};
use local::cargo;
use serde::Deserialize;

use crate::stage::{Outcome, Stage};

/// Licences that a school's authority can take without asking a lawyer.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0", // file-level copyleft: fine for a dependency that is not changed
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// ring is the one crypto provider; these are the others, and what would bring C libraries along.
const REFUSED: &[&str] = &["aws-lc-rs", "aws-lc-sys", "native-tls", "openssl", "openssl-sys"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    license: Option<String>,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
}

/// Reads what cargo resolved and lists every breach.
pub(crate) fn check(_: &mut Stage) -> Result<Outcome> {
    let output = cargo()
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        bail!("cargo metadata ended with {}", output.status);
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata cannot be read")?;
    let breaches = breaches(&metadata);
    for breach in &breaches {
        println!("{breach}");
    }
    match breaches.first() {
        None => Ok(Outcome::done()),
        Some(first) => Ok(Outcome::failure(format!("{} breaches, such as: {first}", breaches.len()))),
    }
}

fn breaches(metadata: &Metadata) -> Vec<String> {
    let is_member = |package: &Package| metadata.workspace_members.contains(&package.id);
    let is_used = |package: &Package| metadata.resolve.nodes.iter().any(|node| node.id == package.id);
    let services: Vec<&str> =
        metadata.packages.iter().filter(|package| is_service(package)).map(|package| package.name.as_str()).collect();
    let mut breaches = Vec::new();
    for package in metadata.packages.iter().filter(|package| is_used(package)) {
        if !is_member(package) {
            let licence = package.license.as_deref().unwrap_or("none");
            if !is_allowed(licence) {
                breaches.push(format!("{}: licence {licence}", package.name));
            }
            if REFUSED.contains(&package.name.as_str()) {
                breaches.push(format!("{}: ring is the one crypto provider", package.name));
            }
            continue;
        }
        for dependency in &package.dependencies {
            if dependency.name.starts_with("aws-") && package.name != "blob" {
                breaches.push(format!("{}: {} belongs under shared/blob only", package.name, dependency.name));
            }
            if is_service(package) && services.contains(&dependency.name.as_str()) {
                breaches.push(format!("{}: a service depends on the service {}", package.name, dependency.name));
            }
        }
    }
    breaches
}

/// The binary `licheng` puts the services together; it is none itself.
fn is_service(package: &Package) -> bool {
    package.manifest_path.contains("/services/") && package.name != "licheng"
}

/// Whether an SPDX expression can be satisfied with allowed licences. `/` is an old way to say OR.
fn is_allowed(expression: &str) -> bool {
    let spaced =
        expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ").replace(" WITH ", "\u{1}WITH\u{1}");
    let tokens: Vec<String> = spaced.split_whitespace().map(|token| token.replace('\u{1}', " ")).collect();
    let mut rest = tokens.as_slice();
    alternatives(&mut rest) && rest.is_empty()
}

fn alternatives(rest: &mut &[String]) -> bool {
    let mut good = conjunction(rest);
    while rest.first().is_some_and(|token| token == "OR") {
        *rest = &rest[1..];
        let other = conjunction(rest);
        good |= other;
    }
    good
}

fn conjunction(rest: &mut &[String]) -> bool {
    let mut good = licence(rest);
    while rest.first().is_some_and(|token| token == "AND") {
        *rest = &rest[1..];
        let other = licence(rest);
        good &= other;
    }
    good
}

fn licence(rest: &mut &[String]) -> bool {
    let Some((token, after)) = rest.split_first() else { return false };
    *rest = after;
    if token != "(" {
        return LICENCES.contains(&token.as_str());
    }
    let good = alternatives(rest);
    let closed = rest.first().is_some_and(|token| token == ")");
    if closed {
        *rest = &rest[1..];
    }
    good && closed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_allowed_when_one_way_through_it_is() {
        for (expression, allowed) in [
            ("MIT OR Apache-2.0", true),
            ("MIT/Apache-2.0", true),
            ("GPL-3.0 OR MIT", true),
            ("GPL-3.0 AND MIT", false),
            ("Apache-2.0 AND (MIT OR GPL-2.0)", true),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
            ("(MIT", false),
            ("AGPL-3.0", false),
            ("none", false),
        ] {
            assert_eq!(is_allowed(expression), allowed, "{expression}");
        }
    }

    fn package(name: &str, folder: &str, licence: &str, dependencies: &[&str]) -> serde_json::Value {
        let dependencies: Vec<_> = dependencies.iter().map(|name| serde_json::json!({ "name": name })).collect();
        serde_json::json!({
            "id": name, "name": name, "license": licence,
            "manifest_path": format!("/w/{folder}/{name}/Cargo.toml"), "dependencies": dependencies,
        })
    }

    #[test]
    fn each_rule_of_the_house_is_checked() {
        let metadata = serde_json::json!({
            "packages": [
                package("portfolio", "services", "MIT", &["school", "aws-sdk-s3"]),
                package("school", "services", "MIT", &["kernel"]),
                package("licheng", "services", "MIT", &["portfolio", "school"]),
                package("blob", "shared", "MIT", &["aws-sdk-s3"]),
                package("openssl", "registry", "MIT", &[]),
                package("copyleft", "registry", "GPL-3.0", &[]),
                package("unused", "registry", "GPL-3.0", &[]),
            ],
            "workspace_members": ["portfolio", "school", "licheng", "blob"],
            "resolve": { "nodes": [
                { "id": "portfolio" }, { "id": "school" }, { "id": "licheng" }, { "id": "blob" },
                { "id": "openssl" }, { "id": "copyleft" },
            ] },
        });
        let metadata: Metadata = serde_json::from_value(metadata).unwrap();
        assert_eq!(
            breaches(&metadata),
            [
                "portfolio: a service depends on the service school",
                "portfolio: aws-sdk-s3 belongs under shared/blob only",
                "openssl: ring is the one crypto provider",
                "copyleft: licence GPL-3.0",
            ]
        );
    }
}
