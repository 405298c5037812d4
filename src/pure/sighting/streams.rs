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

/// What is kept of a stream.
pub(super) trait Kept {
    /// Whether a name may be in it that was not read, so that it must not be lost without a count.
    fn is_waiting(&self) -> bool;

    /// How many bytes of memory it holds.
    fn bytes(&self) -> usize;
}

/// The table, and the account of the names in it.
#[derive(Debug)]
pub(super) struct Streams<V> {
    new: FastMap<Stream, V>,
    old: FastMap<Stream, V>,
    /// What was ever added since it was last counted, and what was there then: at least what they hold now.
    bytes: usize,
    /// How many streams wait for the rest of a name.
    waiting: u64,
    /// How many never had theirs read, and are not waited for any more.
    lost: u64,
    /// How many of those had two versions.
    conflicting: u64,
    /// How many began with a name that goes on in their next packet, or that cannot be read.
    begun: u64,
}

impl<V> Default for Streams<V> {
    fn default() -> Streams<V> {
        let (new, old) = (FastMap::default(), FastMap::default());
        Streams { new, old, bytes: 0, waiting: 0, lost: 0, conflicting: 0, begun: 0 }
    }
}

impl<V: Kept> Streams<V> {
    /// What is remembered of a stream. It grows no younger by that: else those that are asked for again and again
    /// would make a generation as large as they are many.
    #[inline]
    pub(super) fn get(&self, stream: &Stream) -> Option<&V> {
        self.new.get(stream).or_else(|| self.old.get(stream))
    }

    /// Changes what is remembered of a stream; `None` where nothing is.
    #[inline]
    pub(super) fn change<R>(&mut self, stream: &Stream, change: impl FnOnce(&mut V) -> R) -> Option<R> {
        let known = match self.new.get_mut(stream) {
            Some(known) => known,
            None => self.old.get_mut(stream)?,
        };
        let (was_waiting, bytes) = (known.is_waiting(), known.bytes());
        let changed = change(known);
        self.waiting = self.waiting + u64::from(known.is_waiting()) - u64::from(was_waiting);
        self.bytes += known.bytes().saturating_sub(bytes);
        Some(changed)
    }

    /// Remembers a stream, in the place of what was known of it; whether that was waiting.
    pub(super) fn put(&mut self, stream: Stream, value: V) -> bool {
        let was_waiting = self.remove(&stream).is_some_and(|known| known.is_waiting());
        if self.new.len() >= STREAMS_MAX {
            self.turn();
        }
        self.bytes += value.bytes();
        self.waiting += u64::from(value.is_waiting());
        self.new.insert(stream, value);
        was_waiting
    }

    /// Makes the new generation the old one.
    fn turn(&mut self) {
        let mut kept = std::mem::take(&mut self.old);
        kept.retain(|_, value| value.is_waiting());
        if kept.len() > KEPT_MAX {
            self.forget(kept.len());
            kept = FastMap::default();
        }
        self.old = std::mem::replace(&mut self.new, kept);
    }

    #[cfg(test)]
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.new.values().chain(self.old.values())
    }

    /// Forgets a generation, and the other one if that is not enough, when they may hold more than
    /// [`STREAMS_BYTES_MAX`]. It is left half full, so that a count of all comes seldom.
    pub(super) fn make_room(&mut self) {
        if self.bytes < STREAMS_BYTES_MAX {
            return;
        }
        let held = |generation: &FastMap<Stream, V>| generation.values().map(V::bytes).sum::<usize>();
        let new = held(&self.new);
        self.bytes = new + held(&self.old);
        // Each turn forgets a generation.
        for left in [new, 0] {
            if self.bytes < STREAMS_BYTES_MAX / 2 {
                break;
            }
            let old = std::mem::replace(&mut self.old, std::mem::take(&mut self.new));
            self.forget(old.values().filter(|value| value.is_waiting()).count());
            self.bytes = left;
        }
    }

    /// Notes that so many that were waiting can never be read any more.
    fn forget(&mut self, waiting: usize) {
        self.waiting -= waiting as u64;
        self.lost += waiting as u64;
    }

    /// Forgets a stream; what was known of it.
    pub(super) fn remove(&mut self, stream: &Stream) -> Option<V> {
        let known = self.new.remove(stream).or_else(|| self.old.remove(stream))?;
        self.waiting -= u64::from(known.is_waiting());
        Some(known)
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.new.is_empty() && self.old.is_empty()
    }

    /// Notes that so many names began.
    pub(super) fn begin(&mut self, names: u64) {
        self.begun += names;
    }

    /// Takes back that so many began: it turned out that they are none.
    pub(super) fn take_back(&mut self, names: u64) {
        self.begun -= names;
    }

    /// Notes that a name that began can never be read.
    pub(super) fn lose(&mut self) {
        self.lost += 1;
    }

    /// Notes that other bytes came in the place of some that had come. Which of them the receiver took is not known,
    /// nor what else there may be: it counts as a name that could not be read.
    pub(super) fn note_conflict(&mut self) {
        self.begun += 1;
        self.lost += 1;
        self.conflicting += 1;
    }

    /// How many streams began with a name that goes on in their next packet, or that cannot be read.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// How many of them have a name that was never read.
    pub(super) fn unread(&self) -> u64 {
        self.lost + self.waiting
    }

    /// How many of these came with other bytes in the same place.
    pub(super) fn conflicting(&self) -> u64 {
        self.conflicting
    }
}
