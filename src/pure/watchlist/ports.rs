//! Does an entry name this port, at any address outside the site?

use super::PortRange;
use super::index::End;
use super::tag::Tag;
use crate::pure::protocol::{TCP, UDP};

/// TCP's ports, then UDP's, a bit each.
const WORDS: usize = 2048;

/// A set of ports; empty when no port was put in.
#[derive(Clone, Debug, Default)]
pub(super) struct PortSet(Vec<u64>);

impl PortSet {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert(&mut self, range: PortRange) {
        self.0.resize(WORDS, 0);
        for (protocol, half) in [(TCP, 0), (UDP, WORDS / 2)] {
            if range.contains(protocol, range.first) {
                (range.first..=range.last)
                    .for_each(|port| self.0[half + usize::from(port / 64)] |= 1_u64 << (port % 64));
            }
        }
    }

    /// Adds the ports of another set.
    pub(super) fn unite(&mut self, other: &PortSet) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        self.0.iter_mut().zip(&other.0).for_each(|(word, others)| *word |= others);
    }

    /// Whether the port of the end is in it, at an end outside the site.
    #[inline]
    pub(super) fn contains(&self, end: End) -> bool {
        let (Some(port), true, true) = (end.port, matches!(end.protocol, TCP | UDP), end.is_outside) else {
            return false;
        };
        let half = if end.protocol == UDP { WORDS / 2 } else { 0 };
        self.0.get(half + usize::from(port / 64)).is_some_and(|word| word & (1 << (port % 64)) != 0)
    }
}

/// Entries of ports alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Ports {
    set: PortSet,
    rows: Vec<(PortRange, Tag)>,
}

impl Ports {
    /// Repetitions of a row beside itself are dropped.
    pub(super) fn new(mut rows: Vec<(PortRange, Tag)>) -> Ports {
        rows.sort_unstable_by_key(|&(range, tag)| (range.first, range.last, tag));
        rows.dedup();
        let mut set = PortSet::default();
        rows.iter().for_each(|&(range, _)| set.insert(range));
        Ports { set, rows }
    }

    pub(super) fn rows(&self) -> &[(PortRange, Tag)] {
        &self.rows
    }

    pub(super) fn set(&self) -> &PortSet {
        &self.set
    }

    /// The entries that name the end's port, each with its position.
    pub(super) fn entries(&self, end: End) -> impl Iterator<Item = (usize, Tag)> + '_ {
        let candidates = if self.set.contains(end) { self.rows.as_slice() } else { &[] };
        let holds = move |range: &PortRange| end.port.is_some_and(|port| range.contains(end.protocol, port));
        let rows = candidates.iter().enumerate();
        rows.filter(move |(_, (range, _))| holds(range)).map(|(position, &(_, tag))| (position, tag))
    }
}
