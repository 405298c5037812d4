//! Does an entry name this port, at any address outside the site?

use super::PortRange;
use super::index::End;
use super::tag::Tag;
use crate::pure::protocol::{DCCP, SCTP, TCP, UDP, UDP_LITE};

/// The protocols whose ports are told apart, in the order of their bits.
const PROTOCOLS: [u8; 5] = [TCP, UDP, SCTP, UDP_LITE, DCCP];
/// The ports of one of them, a bit each.
const WORDS_EACH: usize = 1024;

/// A set of ports; empty when no port was put in.
#[derive(Clone, Debug, Default)]
pub(super) struct PortSet(Vec<u64>);

impl PortSet {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert(&mut self, range: PortRange) {
        self.0.resize(PROTOCOLS.len() * WORDS_EACH, 0);
        for (words, protocol) in self.0.chunks_mut(WORDS_EACH).zip(PROTOCOLS) {
            if range.contains(protocol, range.first) {
                (range.first..=range.last)
                    .for_each(|port| words[usize::from(port / 64)] |= 1_u64 << (port % 64));
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
        let word = |port: u16| self.of(end.protocol).get(usize::from(port / 64));
        end.is_outside
            && end.port.is_some_and(|port| word(port).is_some_and(|word| word & (1 << (port % 64)) != 0))
    }

    /// Whether it may be, where the port is not known.
    #[inline]
    pub(super) fn may_contain(&self, end: End) -> bool {
        self.contains(end) || end.is_outside && end.port.is_none() && self.has_any(end.protocol)
    }

    /// Whether any port of the protocol is in it.
    pub(super) fn has_any(&self, protocol: u8) -> bool {
        self.of(protocol).iter().any(|word| *word != 0)
    }

    fn of(&self, protocol: u8) -> &[u64] {
        let number = PROTOCOLS.iter().position(|known| *known == protocol);
        number.and_then(|number| self.0.chunks(WORDS_EACH).nth(number)).unwrap_or_default()
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
