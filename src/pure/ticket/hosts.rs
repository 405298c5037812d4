//! Which hosts does a ticket blame, and which of them is this one? An inside address is a lease, not a machine.
//!
//! A host is known by its MAC address where the evidence has it, and by its address otherwise.

use super::HostExposure;
use crate::pure::packet::{Mac, is_same_machine};
use crate::pure::sighting::ContactSpan;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// An inside host that a ticket blames.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    pub host: IpAddr,
    pub mac: Option<Mac>,
    pub name: Option<String>,
    pub state: HostState,
    pub blame: Blame,
    /// When it was blamed.
    pub located: Timestamp,
    /// When it was last cleaned.
    pub cleaned: Option<Timestamp>,
    /// When it was last confirmed clean.
    pub confirmed: Option<Timestamp>,
    /// Its contacts over all runs, merged, in order of time.
    pub contacts: Vec<ContactSpan>,
}

/// The state of a blamed host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostState {
    Infected,
    Cleaned,
    Clean,
    Retired,
}

/// Why a host is blamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// A run saw its contacts.
    Seen,
    /// A person named it and no run has seen it.
    Named,
}

/// How many contacts are kept of one host over all runs: one a minute for half a year.
const CONTACTS_MAX: usize = 262_144;

/// The blamed host that `address` with `mac` is, as an index; `None` when it is none of them.
///
/// One with that very MAC address comes before one that is only known by the address.
pub fn find(hosts: &[Host], address: IpAddr, mac: Option<Mac>) -> Option<usize> {
    let by_mac = mac.and_then(|mac| hosts.iter().position(|host| host.mac == Some(mac)));
    by_mac.or_else(|| hosts.iter().position(|host| is_same_machine((host.host, host.mac), (address, mac))))
}

/// The blamed host that a person means by an address, as an index. Two machines may have had it one
/// after the other: then it is the one that still waits for cleaning.
pub fn meant(hosts: &[Host], address: IpAddr) -> Option<usize> {
    let is_waiting = |host: &Host| host.host == address && host.state == HostState::Infected;
    hosts.iter().position(is_waiting).or_else(|| find(hosts, address, None))
}

impl Host {
    /// Whether it was once taken for cured, so that a contact now is a relapse.
    pub fn is_taken_for_cured(&self) -> bool {
        self.state != HostState::Infected
    }

    /// Whether any of `contacts` went on after the host was cleaned; a host that never was counts
    /// them all.
    pub fn called_since_cleaned(&self, contacts: &[ContactSpan]) -> bool {
        match self.cleaned {
            Some(cleaned) => contacts.iter().any(|contact| contact.last > cleaned),
            None => !contacts.is_empty(),
        }
    }

    /// Adds what a run saw of it.
    pub(super) fn learn(&mut self, seen: &HostExposure) {
        self.mac = self.mac.or(seen.mac);
        if seen.name.is_some() {
            self.name.clone_from(&seen.name);
        }
        if !seen.contacts.is_empty() {
            self.blame = Blame::Seen;
            self.contacts = merge(&self.contacts, &seen.contacts);
        }
    }
}

/// Both lists as one, as [`ContactSpan::joined`] puts them together.
pub fn merge(known: &[ContactSpan], new: &[ContactSpan]) -> Vec<ContactSpan> {
    let mut merged = ContactSpan::joined(known.iter().chain(new).copied());
    // The newest are what a cleaning is compared with.
    merged.drain(..merged.len().saturating_sub(CONTACTS_MAX));
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn span(first: i64, last: i64) -> ContactSpan {
        let at = |second| Timestamp::from_second(second).expect("in range");
        ContactSpan { first: at(first), last: at(last) }
    }

    #[test]
    fn contacts_of_two_runs_merge_up_to_the_gap() {
        let merged = merge(&[span(0, 10), span(200, 210)], &[span(70, 80), span(5, 12)]);
        assert_eq!(merged, [span(0, 80), span(200, 210)]);
        assert_eq!(merge(&[span(0, 10)], &[span(71, 80)]).len(), 2, "61 s apart are two contacts");
        assert_eq!(merge(&[span(0, 10)], &[span(70, 80)]).len(), 1, "60 s apart are one contact");
    }
}
