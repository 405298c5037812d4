//! Which hosts contacted every entry of a list that requires all, counted over all sources of a run?
//!
//! A source knows its own packets alone (`findings`): what it saw in part stays apart until all are together. It must
//! never take a part for the whole, nor forget one.

use super::{HostFinding, Observation};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What one source saw of a host that contacted some entries of a list that requires all, and not all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct InPart {
    /// The list's name.
    pub watchlist: String,
    /// How many entries it has.
    pub wanted: u32,
    /// What the host did with those that it contacted.
    pub finding: HostFinding,
}

/// Puts what the sources of one run saw in part among their hosts, where it is all together.
pub fn complete(observations: &mut [&mut Observation]) {
    let mut contacted: BTreeMap<(IpAddr, String), BTreeSet<String>> = BTreeMap::new();
    for observation in observations.iter() {
        let in_part = observation.in_part.iter().map(|part| &part.finding);
        for finding in observation.hosts.iter().chain(in_part) {
            for hit in finding.hits.iter().filter(|hit| hit.sightings_out > 0) {
                let entries = contacted.entry((finding.host, hit.watchlist.clone())).or_default();
                entries.insert(hit.entry.clone());
            }
        }
    }
    let is_whole = |part: &InPart| {
        let entries = contacted.get(&(part.finding.host, part.watchlist.clone()));
        entries.map_or(0, BTreeSet::len) >= part.wanted as usize
    };
    for observation in observations {
        let (whole, left): (Vec<_>, Vec<_>) = observation.in_part.drain(..).partition(is_whole);
        observation.in_part = left;
        observation.add_findings(whole.into_iter().map(|part| part.finding));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SYN, Sent, hosts, list, observe, tcp};
    use super::*;
    use crate::pure::watchlist::{Require, Watchlist};

    #[test]
    fn sources_show_together_what_none_shows_alone() {
        let lists = [
            Watchlist { require: Require::All, ..list("pair", &["8.8.8.8", "8.8.4.4"]) },
            Watchlist { require: Require::All, ..list("others", &["8.8.4.4", "9.9.9.9"]) },
        ];
        let to = |second, host, server| tcp(second, (host, 1025), (server, 53), SYN);
        let [one, other, third] = ["8.8.8.8", "8.8.4.4", "9.9.9.9"].map(|server| to(0, "10.0.0.1", server));
        let late = to(600, "10.0.0.1", "8.8.8.8");
        let of_another = to(0, "10.0.0.2", "8.8.4.4");
        let answer = tcp(0, ("8.8.4.4", 53), ("10.0.0.1", 1025), SYN);
        // What each source heard, and the hosts of each when they are put together.
        type Row<'a> = (&'a str, [Vec<&'a Sent>; 2], [&'a str; 2]);
        let rows: [Row<'_>; 7] = [
            ("one source alone", [vec![&one, &other], vec![]], ["10.0.0.1 2 2 2", ""]),
            ("an entry each", [vec![&one], vec![&other]], ["10.0.0.1 1 1 1", "10.0.0.1 1 1 1"]),
            ("the same entry", [vec![&one], vec![&late]], ["", ""]),
            ("another host", [vec![&one], vec![&of_another]], ["", ""]),
            ("the second only received", [vec![&one], vec![&answer]], ["", ""]),
            ("entries of two lists", [vec![&one], vec![&third]], ["", ""]),
            (
                "both, and one again by another",
                [vec![&one, &other], vec![&late]],
                ["10.0.0.1 2 2 2", "10.0.0.1 1 1 1"],
            ),
        ];
        for (row, [near, far], wanted) in rows {
            let heard =
                |packets: Vec<&Sent>| observe(&lists, &packets.into_iter().cloned().collect::<Vec<_>>());
            let (mut near, mut far) = (heard(near), heard(far));
            complete(&mut [&mut near, &mut far]);
            assert_eq!([hosts(&near), hosts(&far)], wanted, "{row}");
        }
    }
}
