//! What is remembered of the streams of late? A table of bounded size that forgets what was not asked
//! for in the longest time.

use super::hash::FastMap;
use crate::pure::packet::{Packet, Ports};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

/// So many streams are remembered in each of two generations. Nearly all of them wait for the time
/// between a SYN and its first segment, or between two segments, with nothing but a number.
pub(super) const STREAMS_MAX: usize = 1_024;

/// So many that must not be lost are taken over from one generation into the next.
const KEPT_MAX: usize = STREAMS_MAX / 2;

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    source: IpAddr,
    destination: IpAddr,
    ports: Ports,
}

impl Stream {
    /// The stream that a packet belongs to; `None` without ports.
    #[inline]
    pub(super) fn of(packet: &Packet<'_>) -> Option<Stream> {
        Some(Stream { source: packet.source, destination: packet.destination, ports: packet.ports? })
    }

    /// The other direction.
    pub(super) fn back(&self) -> Stream {
        let Ports { source, destination } = self.ports;
        Stream {
            source: self.destination,
            destination: self.source,
            ports: Ports { source: destination, destination: source },
        }
    }
}

impl Hash for Stream {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let number = |address| match address {
            IpAddr::V4(address) => u128::from(u32::from(address)),
            IpAddr::V6(address) => u128::from(address),
        };
        state.write_u128(number(self.source));
        state.write_u128(number(self.destination));
        state.write_u32(u32::from(self.ports.source) << 16 | u32::from(self.ports.destination));
    }
}

/// The table.
#[derive(Debug)]
pub(super) struct Streams<V> {
    new: FastMap<Stream, V>,
    old: FastMap<Stream, V>,
}

impl<V> Default for Streams<V> {
    fn default() -> Streams<V> {
        Streams { new: FastMap::default(), old: FastMap::default() }
    }
}

impl<V> Streams<V> {
    /// What is remembered of a stream; it becomes one of late.
    #[inline]
    pub(super) fn get_mut(&mut self, stream: &Stream) -> Option<&mut V> {
        if !self.old.is_empty()
            && let Some(value) = self.old.remove(stream)
        {
            return Some(self.new.entry(*stream).or_insert(value));
        }
        self.new.get_mut(stream)
    }

    /// Remembers a stream that is not yet; how many that `must_be_kept` had to be forgotten for it.
    pub(super) fn insert(&mut self, stream: Stream, value: V, must_be_kept: impl Fn(&V) -> bool) -> u64 {
        let forgotten = if self.new.len() >= STREAMS_MAX { self.turn(must_be_kept) } else { 0 };
        self.new.insert(stream, value);
        forgotten
    }

    /// Makes the new generation the old one.
    fn turn(&mut self, must_be_kept: impl Fn(&V) -> bool) -> u64 {
        let mut kept = std::mem::take(&mut self.old);
        kept.retain(|_, value| must_be_kept(value));
        let forgotten = kept.len();
        let is_too_much = forgotten > KEPT_MAX;
        let kept = if is_too_much { FastMap::default() } else { kept };
        self.old = std::mem::replace(&mut self.new, kept);
        if is_too_much { forgotten as u64 } else { 0 }
    }

    /// Forgets a stream.
    pub(super) fn remove(&mut self, stream: &Stream) {
        self.new.remove(stream);
        self.old.remove(stream);
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.new.is_empty() && self.old.is_empty()
    }
}
