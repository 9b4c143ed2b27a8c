//! Ports on loopback: chosen once, kept while they are free.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

/// Ports are taken from below the kernel's ephemeral range (32768 on Linux), or an outgoing
/// connection of any program could hold one of ours at the next start.
const FIRST: u16 = 15_000;
const LAST: u16 = 29_999;

/// Keeps each name's port where it is still free, and finds another one where it is not or where
/// the name is new.
pub(crate) fn assign(
    names: &[&str],
    kept: &BTreeMap<String, u16>,
    start: u16,
    is_free: impl Fn(u16) -> bool,
) -> Result<BTreeMap<String, u16>> {
    let mut assigned = BTreeMap::new();
    let mut used: BTreeSet<u16> = BTreeSet::new();
    for name in names {
        if let Some(&port) = kept.get(*name)
            && is_free(port)
            && used.insert(port)
        {
            assigned.insert((*name).to_owned(), port);
        }
    }
    let span = u32::from(LAST - FIRST) + 1;
    let mut candidates = (0..span).map(|step| {
        let offset = (u32::from(start) + step) % span;
        FIRST + u16::try_from(offset).expect("an offset below the span fits")
    });
    for name in names {
        if assigned.contains_key(*name) {
            continue;
        }
        let port =
            candidates.find(|&port| !used.contains(&port) && is_free(port)).context("no free loopback port is left")?;
        used.insert(port);
        assigned.insert((*name).to_owned(), port);
    }
    Ok(assigned)
}

/// Whether a server could listen on this loopback port now.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_port_stays_while_it_is_free() {
        let kept = BTreeMap::from([("redis".to_owned(), 16_000), ("ldap".to_owned(), 16_001)]);
        let ports = assign(&["redis", "ldap"], &kept, 0, |port| port != 16_001).unwrap();
        assert_eq!(ports["redis"], 16_000);
        assert_eq!(ports["ldap"], FIRST);
    }

    #[test]
    fn no_two_names_share_a_port() {
        let kept = BTreeMap::from([("redis".to_owned(), FIRST), ("ldap".to_owned(), FIRST)]);
        let ports = assign(&["new", "redis", "ldap"], &kept, 0, |_| true).unwrap();
        let distinct: BTreeSet<_> = ports.values().collect();
        assert_eq!(distinct.len(), 3);
        assert_eq!(ports["redis"], FIRST);
    }

    #[test]
    fn the_search_wraps_around_and_gives_up_when_nothing_is_free() {
        let ports = assign(&["one", "two"], &BTreeMap::new(), LAST - FIRST, |_| true).unwrap();
        assert_eq!(ports["one"], LAST);
        assert_eq!(ports["two"], FIRST);
        assert!(assign(&["one"], &BTreeMap::new(), 0, |_| false).is_err());
    }

    #[test]
    fn a_port_with_a_listener_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }
}
