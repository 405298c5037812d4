//! What is remembered of the streams of late? A table of bounded size that forgets what it has known for the
//! longest time, those last that must not be lost.

use super::hash::FastMap;
use crate::pure::packet::{Packet, Ports};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

/// So many streams are remembered in each of two generations. Nearly all of them wait for the time
/// between a SYN and its first segment, or between two segments, with nothing but a number.
pub(super) const STREAMS_MAX: usize = 1_024;

/// So many that must not be lost are taken over from one generation into the next.
const KEPT_MAX: usize = STREAMS_MAX / 2;

/// So many bytes may all that is remembered in a table hold, and one packet more: a quarter of the streams with
/// everything that is kept of one, or 6 KiB of each.
pub(super) const STREAMS_BYTES_MAX: usize = 12 * 1_024 * 1_024;

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
    /// What was ever added since it was last counted, and what was there then: at least what they hold now.
    bytes: usize,
}

impl<V> Default for Streams<V> {
    fn default() -> Streams<V> {
        Streams { new: FastMap::default(), old: FastMap::default(), bytes: 0 }
    }
}

impl<V> Streams<V> {
    /// What is remembered of a stream. It grows no younger by that: else those that are asked for again and again
    /// would make a generation as large as they are many.
    #[inline]
    pub(super) fn get_mut(&mut self, stream: &Stream) -> Option<&mut V> {
        match self.new.get_mut(stream) {
            Some(value) => Some(value),
            None => self.old.get_mut(stream),
        }
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

    #[cfg(test)]
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.new.values().chain(self.old.values())
    }

    /// Notes that what is remembered of a stream holds so many bytes more.
    #[inline]
    pub(super) fn note_growth(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Forgets a generation, and the other one if that is not enough, when they may hold more than
    /// [`STREAMS_BYTES_MAX`]; how many that `must_be_kept` were forgotten. It is left half full, so that a count of
    /// all comes seldom.
    pub(super) fn make_room(
        &mut self,
        bytes_of: impl Fn(&V) -> usize,
        must_be_kept: impl Fn(&V) -> bool,
    ) -> u64 {
        if self.bytes < STREAMS_BYTES_MAX {
            return 0;
        }
        let held = |generation: &FastMap<Stream, V>| generation.values().map(&bytes_of).sum::<usize>();
        let (new, mut forgotten) = (held(&self.new), 0);
        self.bytes = new + held(&self.old);
        // Each turn forgets a generation.
        for left in [new, 0] {
            if self.bytes < STREAMS_BYTES_MAX / 2 {
                break;
            }
            let old = std::mem::replace(&mut self.old, std::mem::take(&mut self.new));
            forgotten += old.values().filter(|value| must_be_kept(value)).count();
            self.bytes = left;
        }
        forgotten as u64
    }

    /// Forgets a stream; what was known of it.
    pub(super) fn remove(&mut self, stream: &Stream) -> Option<V> {
        self.new.remove(stream).or_else(|| self.old.remove(stream))
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.new.is_empty() && self.old.is_empty()
    }
}
