//! When did a packet of a live source come, whatever its stamp says?
//!
//! A machine that captures stamps packets by its own clock, which may be a day behind. Live packets are
//! heard when they come, so a stamp that cannot be true gives way to the time of arrival, and is
//! counted: it must never put a call before the cleaning that it followed, nor outside its window.

use serde::{Deserialize, Serialize};

/// A stamp may differ by so much from what the clock here allows, in seconds: more than a network and
/// two clocks with a time daemon ever do. As far as the clock here may itself be set back in a run.
pub const STAMP_ERROR_SECONDS_MAX: i64 = 60;

const ERROR_NS_MAX: i64 = STAMP_ERROR_SECONDS_MAX * 1_000_000_000;

/// The clock here is looked at again for a stamp that lies so far beyond what it last said.
const CLOCK_AGE_NS_MAX: i64 = 1_000_000_000;

/// Packets whose stamps could not be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffStamps {
    pub packets: u64,
    /// By how much at most, in seconds: the stamps lie so far behind the time of arrival, or, when it is
    /// negative, ahead of it.
    pub behind_s: i64,
}

impl OffStamps {
    /// Both together: the larger difference counts.
    pub fn and(self, other: OffStamps) -> OffStamps {
        let is_larger = other.behind_s.unsigned_abs() > self.behind_s.unsigned_abs();
        let behind_s = if is_larger { other.behind_s } else { self.behind_s };
        OffStamps { packets: self.packets + other.packets, behind_s }
    }

    /// The same where either may be missing.
    pub fn together(one: Option<OffStamps>, other: Option<OffStamps>) -> Option<OffStamps> {
        match (one, other) {
            (Some(one), Some(other)) => Some(one.and(other)),
            (one, other) => one.or(other),
        }
    }
}

/// The stamps of one live source. A packet may be told late (a program that writes when its buffer is
/// full), but not from before the listening began, nor from the future, nor from before one that was
/// told already.
#[derive(Clone, Debug)]
pub struct Stamps {
    /// The latest time that a packet came, or when the listening began.
    latest_ns: i64,
    /// The clock here, when it was last looked at.
    arrival_ns: i64,
    /// What is added to stamps: 0 while they can be true.
    offset_ns: i64,
    off: Option<OffStamps>,
}

impl Stamps {
    /// Those of a source that is listened to from `begun_ns` on.
    pub fn since(begun_ns: i64) -> Stamps {
        Stamps { latest_ns: begun_ns, arrival_ns: begun_ns, offset_ns: 0, off: None }
    }

    /// When the next packet came that is stamped `stamp_ns`. `arrival_ns` reads the clock here, and is asked
    /// only where the stamp goes beyond what it last said.
    #[inline]
    pub fn time(&mut self, stamp_ns: i64, arrival_ns: impl FnOnce() -> i64) -> i64 {
        let time_ns = stamp_ns.saturating_add(self.offset_ns);
        let is_plain = self.offset_ns == 0 && time_ns <= self.arrival_ns.saturating_add(CLOCK_AGE_NS_MAX);
        if is_plain && time_ns >= self.earliest_ns() {
            self.latest_ns = self.latest_ns.max(time_ns.min(self.arrival_ns));
            return time_ns;
        }
        self.true_time(stamp_ns, arrival_ns())
    }

    /// Packets since this was asked last whose stamps could not be true.
    pub fn take_off(&mut self) -> Option<OffStamps> {
        self.off.take()
    }

    #[cold]
    fn true_time(&mut self, stamp_ns: i64, arrival_ns: i64) -> i64 {
        self.arrival_ns = self.arrival_ns.max(arrival_ns);
        // While a clock that was found wrong can be as wrong as it was, it is: after a silence alone, its
        // stamps would look true.
        if !self.can_be(stamp_ns.saturating_add(self.offset_ns)) {
            let is_right = self.can_be(stamp_ns);
            self.offset_ns = if is_right { 0 } else { self.arrival_ns.saturating_sub(stamp_ns) };
        }
        let time_ns = stamp_ns.saturating_add(self.offset_ns);
        self.latest_ns = self.latest_ns.max(time_ns.min(self.arrival_ns));
        if self.offset_ns != 0 {
            let behind_s = self.offset_ns.saturating_add(500_000_000).div_euclid(1_000_000_000);
            self.off = OffStamps::together(self.off, Some(OffStamps { packets: 1, behind_s }));
        }
        time_ns
    }

    fn can_be(&self, time_ns: i64) -> bool {
        time_ns >= self.earliest_ns() && time_ns <= self.arrival_ns.saturating_add(ERROR_NS_MAX)
    }

    fn earliest_ns(&self) -> i64 {
        self.latest_ns.saturating_sub(ERROR_NS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: i64 = 1_000_000_000;

    /// Arrival and stamp of each packet in, the times they count by out, and what was off; in seconds.
    fn times(packets: &[(i64, i64)]) -> (Vec<i64>, Option<(u64, i64)>) {
        let mut stamps = Stamps::since(1000 * SECOND_NS);
        let time = |&(arrival, stamp): &(i64, i64)| {
            stamps.time(stamp * SECOND_NS, || arrival * SECOND_NS) / SECOND_NS
        };
        let times = packets.iter().map(time).collect();
        (times, stamps.take_off().map(|off| (off.packets, off.behind_s)))
    }

    #[test]
    fn a_stamp_that_cannot_be_true_gives_way_to_the_arrival() {
        type Row<'a> = (&'a str, &'a [(i64, i64)], &'a [i64], Option<(u64, i64)>);
        let rows: [Row<'_>; 13] = [
            ("true", &[(1001, 1001), (1002, 1002)], &[1001, 1002], None),
            ("as far ahead as may be", &[(1001, 1061)], &[1061], None),
            ("farther ahead", &[(1001, 1062)], &[1001], Some((1, -61))),
            ("as far behind as may be", &[(1001, 940)], &[940], None),
            ("farther behind", &[(1001, 939)], &[1001], Some((1, 62))),
            (
                "two minutes behind, to the end",
                &[(1001, 881), (1100, 980), (1300, 1180)],
                &[1001, 1100, 1300],
                Some((3, 120)),
            ),
            (
                "written late, when the buffer was full",
                &[(1200, 1003), (1200, 1100), (1200, 1200)],
                &[1003, 1100, 1200],
                None,
            ),
            (
                "two minutes behind, and written late: as far apart as they were",
                &[(1200, 860), (1200, 870), (1200, 1080)],
                &[1200, 1210, 1200],
                Some((3, 340)),
            ),
            (
                "the clock is set right",
                &[(1001, 1001 - 86_400), (1002, 1002), (1003, 1003)],
                &[1001, 1002, 1003],
                Some((1, 86_400)),
            ),
            (
                "the clock is set back on the way",
                &[(1500, 1500), (1501, 1001), (1502, 1002)],
                &[1500, 1501, 1502],
                Some((2, 500)),
            ),
            (
                "the clock is set back by as little as is noticed",
                &[(1050, 1050), (1051, 990), (1052, 989)],
                &[1050, 990, 1052],
                Some((1, 63)),
            ),
            ("one old packet among others", &[(1700, 1700), (1701, 1100)], &[1700, 1701], Some((1, 601))),
            (
                "the end of time",
                &[(1001, i64::MAX / SECOND_NS)],
                &[1001],
                Some((1, 1001 - i64::MAX / SECOND_NS)),
            ),
        ];
        for (row, packets, wanted, off) in rows {
            assert_eq!(times(packets), (wanted.to_vec(), off), "{row}");
        }
    }

    #[test]
    fn of_two_sources_the_larger_difference_counts() {
        let off = |packets, behind_s| OffStamps { packets, behind_s };
        assert_eq!(off(1, 70).and(off(2, -80)), off(3, -80));
        assert_eq!(OffStamps::together(None, Some(off(1, 70))), Some(off(1, 70)));
    }
}
