//! How much of one source was kept, what is lacking, and why?
//!
//! `evidence` counts here, and writes from it the statistics that end a file and the sentences about
//! what is not in it.

use super::pcapng::Statistics;
use super::pen::RESERVE_BYTES;
use crate::pure::interval::Interval;
use crate::pure::moment::nanoseconds;
use crate::pure::number::count;
use crate::pure::verdict::SourceFacts;

/// How much may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub packets: u64,
    pub bytes: u64,
}

/// The hits of one source in one run: more packets than anybody will read.
pub const HITS_ROOM: Room = Room { packets: 100_000, bytes: 64 * 1024 * 1024 };

/// What one source may fill in one run with `keep: all`, and what a scan may save: a day of 6 Mb/s.
pub const ALL_ROOM: Room = Room { packets: 1_000_000_000, bytes: 64 * 1024 * 1024 * 1024 };

/// Nothing may be kept.
pub const NO_ROOM: Room = Room { packets: 0, bytes: 0 };

/// What was kept, out of what may be.
#[derive(Debug)]
pub struct Tally {
    room: Room,
    pub packets: u64,
    bytes: u64,
}

impl Tally {
    /// Nothing was kept yet.
    pub fn new(room: Room) -> Tally {
        Tally { room, packets: 0, bytes: 0 }
    }

    /// Whether a packet of so many bytes may be kept.
    pub fn has_room(&self, bytes: u64) -> bool {
        self.packets < self.room.packets && self.bytes + bytes <= self.room.bytes
    }

    /// Counts a packet that was kept.
    pub fn add(&mut self, bytes: u64) {
        self.packets += 1;
        self.bytes += bytes;
    }
}

/// Packets that were handed over and not kept, by what was in the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lacking {
    pub past_room: u64,
    pub below_reserve: u64,
    pub too_fast: u64,
    pub unwritten: u64,
}

impl Lacking {
    /// All of them.
    pub fn packets(&self) -> u64 {
        let Lacking { past_room, below_reserve, too_fast, unwritten } = self;
        past_room + below_reserve + too_fast + unwritten
    }

    /// A sentence for each thing that was in the way of the file at `path`; `fault` is what went wrong
    /// with its disk.
    pub fn gaps(&self, path: &str, fault: Option<&str>) -> Vec<String> {
        let Lacking { past_room, below_reserve, too_fast, unwritten } = *self;
        let lacks = |packets: u64, why: String| {
            (packets > 0).then(|| format!("evidence {path} lacks {} {why}", count(packets, "packet")))
        };
        let reserve = format!(
            "because less than {} MiB of its disk is free: free some, hits are kept until it is full",
            RESERVE_BYTES >> 20
        );
        let broken = match fault {
            Some(fault) if unwritten == 0 => Some(format!("evidence {path} has no end: {fault}")),
            fault => lacks(
                unwritten,
                format!(
                    "that could not be written ({}): free or mend the disk",
                    fault.unwrap_or("the disk fails")
                ),
            ),
        };
        let gaps = [
            lacks(past_room, "beyond what one run may keep: narrow `filter`".to_owned()),
            lacks(below_reserve, reserve),
            lacks(
                too_fast,
                "that came faster than the disk took them: keep `hits`, or use a faster disk".to_owned(),
            ),
            broken,
        ];
        gaps.into_iter().flatten().collect()
    }
}

/// What the source counted besides.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    pub heard_packets: u64,
    /// Those that passed the filter; `None` when they were not counted.
    pub passed_packets: Option<u64>,
    /// `None` when the source cannot count its losses.
    pub lost_packets: Option<u64>,
    /// From when to when; `None` when that is not known.
    pub watched: Option<Interval>,
}

impl Counted {
    /// What the facts of a source tell; so many packets passed its filter, as far as they were counted.
    pub fn of(facts: &SourceFacts, passed_packets: Option<u64>) -> Counted {
        let coverage = &facts.observation.coverage;
        Counted {
            heard_packets: coverage.heard_packets,
            passed_packets,
            lost_packets: coverage.lost_packets,
            watched: facts.watched.hull(),
        }
    }

    /// The statistics of one link layer of the source, of whose packets `kept` are in the file. One
    /// source counts for all its link layers: that is told with the first. Packets that the file
    /// lacks are lost to whoever reads it, so they stand beside those that the source lost.
    pub fn statistics(&self, kept: Option<u64>, lacking: u64, comment: Option<String>) -> Statistics {
        let watched_ns = self.watched.map(|watched| (nanoseconds(watched.from), nanoseconds(watched.to)));
        let Some(comment) = comment else {
            return Statistics { watched_ns, kept_packets: kept, ..Statistics::default() };
        };
        let lacked = (lacking > 0).then_some(lacking);
        Statistics {
            watched_ns,
            heard_packets: Some(self.heard_packets),
            passed_packets: self.passed_packets,
            lost_packets: self.lost_packets.map(|lost| lost + lacking).or(lacked),
            kept_packets: kept,
            comment,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_reached_exactly_and_never_passed() {
        let room = |packets, bytes| Room { packets, bytes };
        let rows = [
            ("nothing may be kept", NO_ROOM, [false; 4]),
            ("one packet less", room(2, 1000), [true, true, false, false]),
            ("as many packets", room(3, 1000), [true, true, true, false]),
            ("as many and one", room(4, 1000), [true, true, true, true]),
            ("one byte less", room(9, 299), [true, true, false, false]),
            ("as many bytes", room(9, 300), [true, true, true, false]),
            ("room for all", room(9, 400), [true; 4]),
        ];
        for (name, room, wanted) in rows {
            let mut tally = Tally::new(room);
            let kept = [100; 4].map(|bytes| {
                let has_room = tally.has_room(bytes);
                (0..u64::from(has_room)).for_each(|_| tally.add(bytes));
                has_room
            });
            assert_eq!(kept, wanted, "{name}");
        }
        // A small packet may fit where a large one does not.
        let mut tally = Tally::new(room(9, 100));
        tally.add(60);
        assert_eq!((tally.has_room(41), tally.has_room(40)), (false, true));
    }
}
