//! What did the hosts that a ticket blames call? The entries of their contacts, as they were looked for.
//!
//! Watchlists change, and a `verify` may look for less than the `locate` that found the host. Silence towards what
//! nobody looks for any more proves nothing, so that `plan` goes on looking for what is on record here. It must
//! never forget an entry because a file did.

use super::{HostExposure, Ticket};
use crate::pure::packet::is_same_machine;
use crate::pure::playbook::Playbook;
use crate::pure::sighting::{Hit, HostFinding};
use crate::pure::watchlist::{Entry, PortRange, Require, Target, Watchlist};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// So many entries are kept of one host in one run, those with most contacts first: a host that calls more is told
/// by these as well.
const CALLED_MAX: usize = 64;

/// So many are looked for on record, over all runs of a ticket.
const REMEMBERED_MAX: usize = 4096;

/// An entry that a host called, and how it was looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Called {
    pub watchlist: String,
    /// As its list spelt it.
    pub entry: String,
    /// The ports of the list, which narrowed it; none where it was looked for at any, or has its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<String>,
    /// Whether it counts only together with the others of its list.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_in_tandem: bool,
}

/// What a host called in a run by this playbook.
pub(super) fn called(finding: &HostFinding, playbook: &Playbook) -> Vec<Called> {
    let mut contacts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for hit in finding.hits.iter().filter(|hit| hit.contacts > 0) {
        let Hit { watchlist, entry, .. } = hit;
        *contacts.entry((watchlist, entry)).or_default() += hit.contacts;
    }
    let mut called: Vec<((&str, &str), u64)> = contacts.into_iter().collect();
    called.sort_by_key(|(_, contacts)| std::cmp::Reverse(*contacts));
    called.truncate(CALLED_MAX);
    called.into_iter().map(|((list, entry), _)| as_looked_for(playbook, list, entry)).collect()
}

fn as_looked_for(playbook: &Playbook, list: &str, entry: &str) -> Called {
    let known = playbook.watchlists.get(list);
    Called {
        watchlist: list.to_owned(),
        entry: entry.to_owned(),
        ports: known.into_iter().flat_map(|list| &list.ports).map(ToString::to_string).collect(),
        is_in_tandem: known.is_some_and(|list| list.require == Require::All),
    }
}

/// What the hosts called that must be found silent, by list; with what the playbook excepts of that list today.
pub fn remembered(ticket: &Ticket, playbook: &Playbook) -> Vec<Watchlist> {
    let mut lists: BTreeMap<(&str, bool), Watchlist> = BTreeMap::new();
    for Called { watchlist, entry, ports, is_in_tandem } in called_by_blamed(ticket) {
        let list = lists.entry((watchlist, *is_in_tandem)).or_insert_with(|| Watchlist {
            name: watchlist.clone(),
            except: playbook.watchlists.get(watchlist).map_or_else(Vec::new, |list| list.except.clone()),
            require: if *is_in_tandem { Require::All } else { Require::Any },
            ..Watchlist::default()
        });
        list.entries.extend(entries(entry, ports));
    }
    lists.into_values().collect()
}

/// Whether a host that must be found silent called anything of this list.
pub fn is_called(ticket: &Ticket, list: &str) -> bool {
    called_by_blamed(ticket).iter().any(|called| called.watchlist == list)
}

fn called_by_blamed(ticket: &Ticket) -> BTreeSet<&Called> {
    let is_blamed = |seen: &&HostExposure| {
        let same = |host: &super::Host| is_same_machine((host.host, host.mac), (seen.host, seen.mac));
        ticket.watched_hosts().any(same)
    };
    let seen = ticket.runs.iter().filter_map(|run| run.end.as_ref()).flat_map(|end| &end.exposures);
    let with_any = seen.filter(|seen| !seen.called.is_empty());
    with_any.filter(is_blamed).flat_map(|seen| &seen.called).take(REMEMBERED_MAX).collect()
}

/// The entry with the ports at which it was looked for.
fn entries(text: &str, ports: &[String]) -> Vec<Entry> {
    let ports: Vec<PortRange> = ports.iter().filter_map(|ports| PortRange::parse(ports).ok()).collect();
    let anywhere =
        |range| vec![Entry { text: text.to_owned(), target: Target::Anywhere, ports: Some(range) }];
    // A port of both protocols is a number alone, which is no entry of a file.
    let read = PortRange::parse(text).map(anywhere).or_else(|_| Entry::parse(text)).unwrap_or_default();
    let narrowed = |entry: Entry| match (&entry.target, entry.ports) {
        (Target::Address(_) | Target::Network(_), None) if !ports.is_empty() => {
            ports.iter().map(|&range| Entry { ports: Some(range), ..entry.clone() }).collect()
        }
        _ => vec![entry],
    };
    read.into_iter().flat_map(narrowed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_remembered_with_the_ports_at_which_it_was_looked_for() {
        let range = |text| PortRange::parse(text).expect("ports");
        type Row<'a> = (&'a str, &'a [&'a str], usize, &'a [Option<PortRange>]);
        let rows: [Row<'_>; 8] = [
            ("216.66.15.109", &[], 1, &[None]),
            ("216.66.15.109", &["tcp/80", "tcp/443"], 2, &[Some(range("tcp/80")), Some(range("tcp/443"))]),
            ("216.66.15.109:8080", &["tcp/80"], 1, &[Some(range("8080"))]),
            ("38.229.128.0/18", &["udp/53"], 1, &[Some(range("udp/53"))]),
            ("10.0.0.1-10.0.0.2", &[], 2, &[None, None]),
            ("evil.example", &["tcp/80"], 1, &[None]),
            ("tcp/4152-4177", &["tcp/4152-4177"], 1, &[Some(range("tcp/4152-4177"))]),
            ("25", &["25"], 1, &[Some(range("25"))]),
        ];
        for (text, ports, count, wanted) in rows {
            let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
            let read = entries(text, &ports);
            assert!(read.iter().all(|entry| entry.text == text), "{text}");
            let own: Vec<Option<PortRange>> = read.iter().map(|entry| entry.ports).collect();
            assert_eq!((own.len(), own.as_slice()), (count, wanted), "{text} {ports:?}");
        }
    }
}
