//! Whether the storage still holds every file of a roster.

use super::{Finding, Trouble};
use crate::roster::facts::{Facts, File};
use blob::{BlobError, Copy, Vault};
use kernel::school::SchoolCode;
use std::collections::{BTreeMap, BTreeSet};

/// Names the items of which a file has no copy of the right size. A listing a copy, not a question a file: a school of
/// 1,000 students has 8,000 of them. The bytes themselves are the scrubber's (design §5), and are verified again when
/// the central database fetches them.
pub(crate) async fn lost(vault: &Vault, school: SchoolCode, facts: &Facts) -> Result<Vec<Finding>, BlobError> {
    let wanted = |file: &File| (file.hex(), u64::try_from(file.size).unwrap_or_default());
    let files = facts.items.iter().flat_map(|item| item.document.iter().chain(&item.media));
    let mut missing: BTreeSet<(String, u64)> = files.map(wanted).collect();
    for copy in [Copy::Primary, Copy::Replica] {
        if missing.is_empty() {
            break;
        }
        let held = held(vault, copy, school).await?;
        missing.retain(|(hash, size)| held.get(hash) != Some(size));
    }
    let is_missing = |file: &File| missing.contains(&wanted(file));
    let findings = facts.items.iter().filter(|item| item.document.iter().chain(&item.media).any(is_missing));
    Ok(findings
        .filter_map(|item| Some(Finding::of(Trouble::FileLost, item, facts.students.get(&item.student)?)))
        .collect())
}

/// Hash and size of everything that one copy holds of the school.
async fn held(vault: &Vault, copy: Copy, school: SchoolCode) -> Result<BTreeMap<String, u64>, BlobError> {
    let (prefix, mut after, mut held) = (format!("{school}/"), None::<String>, BTreeMap::new());
    loop {
        let page = vault.list(copy, &prefix, after.as_deref()).await?;
        after = page.objects.last().map(|object| object.key.clone());
        held.extend(page.objects.into_iter().filter_map(|object| {
            let hash = object.key.strip_prefix(&prefix)?;
            (hash.len() == 64).then(|| (hash.to_owned(), object.size))
        }));
        if !page.more || after.is_none() {
            return Ok(held);
        }
    }
}
