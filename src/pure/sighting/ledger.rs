//! What could a capture see, ten seconds for ten seconds? The coverage ledger of a source.
//!
//! `hearing` fills it, `verdict` reads it. It must never make a stretch look better than it was: what
//! no longer fits is not in it, and what is not in it was not seen to be well.

use super::PRESENCE_SECONDS;
use crate::pure::interval::{Interval, Intervals};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a bucket is, in seconds; buckets begin at its multiples since 1970.
pub const BUCKET_SECONDS: i64 = 10;

/// Buckets kept of one capture, the newest: a month.
const BUCKETS_MAX: usize = 31 * 24 * 360;

/// The first line of a ledger's table.
const COLUMNS: &str = "#begin\theard\tlost\ttruncated\tundecoded\tip\tunicast\tinside_hosts\tlink\tcontrol\tprobe\tperhaps_lost\n";

/// Ten seconds of one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    pub heard_packets: u64,
    /// Found lost in these seconds; `None` when the source does not tell it second for second. Summed up, it
    /// is what was lost.
    pub lost_packets: Option<u64>,
    /// Found lost later, when the source was next looked at, and perhaps of these seconds: counted there, and
    /// doubted here too.
    pub perhaps_lost_packets: u64,
    pub truncated_packets: u64,
    pub undecoded_packets: u64,
    /// Frames that should carry IP, those undecoded and truncated among them.
    pub ip_packets: u64,
    /// IP packets to one machine, not to all or to a group.
    pub unicast_packets: u64,
    /// Inside hosts that sent something.
    pub inside_hosts: u64,
    /// What was found of the link; `None` where there is none to look at (recorded files).
    pub link: Option<Link>,
    /// Whether the positive control was seen.
    pub has_control: bool,
    /// Whether a probe of our own was seen.
    pub has_probe: bool,
}

/// What a link was found to be in ten seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Up,
    /// Down, gone or not looked at for a part of the time.
    Down,
}

/// The buckets of a capture, by their beginning in seconds since 1970; times without a bucket showed
/// nothing at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    buckets: BTreeMap<i64, Bucket>,
}

impl Ledger {
    /// The bucket of this second, made when it is not there; the oldest makes room.
    pub fn at(&mut self, second: i64) -> &mut Bucket {
        let begin = begin_of(second);
        if self.buckets.len() >= BUCKETS_MAX && !self.buckets.contains_key(&begin) {
            self.buckets.pop_first();
        }
        self.buckets.entry(begin).or_default()
    }

    /// The buckets in order of time, each with its beginning in seconds since 1970.
    pub fn buckets(&self) -> impl Iterator<Item = (i64, &Bucket)> {
        self.buckets.iter().map(|(begin, bucket)| (*begin, bucket))
    }

    /// Whether it holds nothing, as of a source that keeps none.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// The buckets from the one of this second on.
    pub fn since(&self, second: i64) -> Ledger {
        let buckets = self.buckets.range(begin_of(second)..);
        Ledger { buckets: buckets.map(|(begin, bucket)| (*begin, *bucket)).collect() }
    }

    /// The buckets that share an instant with `window`.
    pub fn within(&self, window: Interval) -> Ledger {
        let mut buckets = self.since(window.from.as_second()).buckets;
        buckets.retain(|begin, _| instant(*begin) < window.to);
        Ledger { buckets }
    }

    /// Drops what lies before this second.
    pub fn forget_before(&mut self, second: i64) {
        self.buckets = self.buckets.split_off(&begin_of(second));
    }

    /// The seconds of the buckets that `holds` is true of.
    pub fn seconds_of(&self, holds: impl Fn(&Bucket) -> bool) -> Intervals {
        let held = self.buckets().filter(|(_, bucket)| holds(bucket));
        Intervals::of(held.map(|(begin, _)| Interval::new(instant(begin), instant(begin + BUCKET_SECONDS))))
    }

    /// The ledger as a table: a line a bucket, columns divided by tabs; `-` where something is not known.
    pub fn table(&self) -> String {
        let mut table = String::from(COLUMNS);
        for (begin, bucket) in self.buckets() {
            let Bucket { heard_packets, truncated_packets, undecoded_packets, ip_packets, .. } = bucket;
            let Bucket { lost_packets, unicast_packets, inside_hosts, link, has_control, has_probe, .. } =
                bucket;
            let lost = lost_packets.map_or_else(|| "-".to_owned(), |lost| lost.to_string());
            let link = link.map_or("-", |link| if link == Link::Up { "up" } else { "down" });
            let [control, probe] = [has_control, has_probe].map(|has| if *has { "seen" } else { "-" });
            table.push_str(&format!(
                "{}\t{heard_packets}\t{lost}\t{truncated_packets}\t{undecoded_packets}\t{ip_packets}\t\
                 {unicast_packets}\t{inside_hosts}\t{link}\t{control}\t{probe}\t{}\n",
                instant(begin),
                bucket.perhaps_lost_packets
            ));
        }
        table
    }

    /// The seconds near which the positive control was seen: as with presence, from five minutes before
    /// to five minutes after.
    pub fn controlled(&self) -> Intervals {
        self.near(PRESENCE_SECONDS as i64, |bucket| bucket.has_control)
    }

    /// The seconds near which a probe was seen, where one is sent every so often: as with the control, and
    /// as far as the next one where that is farther.
    pub fn probed(&self, every: Duration) -> Intervals {
        let every = i64::try_from(every.as_secs()).unwrap_or(i64::MAX / 2);
        self.near(every.max(PRESENCE_SECONDS as i64), |bucket| bucket.has_probe)
    }

    /// The seconds that lie no farther than `reach` from a bucket that `holds` is true of.
    fn near(&self, reach: i64, holds: impl Fn(&Bucket) -> bool) -> Intervals {
        let seen = self.buckets().filter(|(_, bucket)| holds(bucket));
        let near =
            |(begin, _)| Interval::new(instant(begin - reach), instant(begin + BUCKET_SECONDS + reach));
        Intervals::of(seen.map(near))
    }
}

fn begin_of(second: i64) -> i64 {
    second - second.rem_euclid(BUCKET_SECONDS)
}

/// The nearest instant that can be told.
fn instant(second: i64) -> Timestamp {
    let nearest = if second < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(second).unwrap_or(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(intervals: &Intervals) -> Vec<(i64, i64)> {
        intervals.as_slice().iter().map(|i| (i.from.as_second(), i.to.as_second())).collect()
    }

    #[test]
    fn a_second_belongs_to_the_ten_around_it() {
        let mut ledger = Ledger::default();
        for second in [-1, 0, 9, 10, 19] {
            ledger.at(second).heard_packets += 1;
        }
        let heard: Vec<(i64, u64)> = ledger.buckets().map(|(begin, b)| (begin, b.heard_packets)).collect();
        assert_eq!(heard, [(-10, 1), (0, 2), (10, 2)]);
        let window = Interval::new(instant(5), instant(10));
        assert_eq!(ledger.within(window).buckets().map(|(begin, _)| begin).collect::<Vec<_>>(), [0]);
        ledger.forget_before(10);
        assert_eq!(ledger.buckets().count(), 1);
    }

    #[test]
    fn the_control_holds_for_five_minutes_on_both_sides() {
        let mut ledger = Ledger::default();
        ledger.at(1000).has_control = true;
        ledger.at(1700).has_control = false;
        ledger.at(2000).has_control = true;
        assert_eq!(spans(&ledger.controlled()), [(700, 1310), (1700, 2310)]);
        assert_eq!(spans(&ledger.seconds_of(|bucket| !bucket.has_control)), [(1700, 1710)]);
    }

    #[test]
    fn a_table_says_what_is_known_and_what_is_not() {
        let mut ledger = Ledger::default();
        *ledger.at(0) = Bucket {
            heard_packets: 9,
            lost_packets: Some(1),
            perhaps_lost_packets: 6,
            truncated_packets: 2,
            undecoded_packets: 3,
            ip_packets: 8,
            unicast_packets: 7,
            inside_hosts: 4,
            link: Some(Link::Down),
            has_control: true,
            has_probe: false,
        };
        ledger.at(10);
        let wanted = "1970-01-01T00:00:00Z\t9\t1\t2\t3\t8\t7\t4\tdown\tseen\t-\t6\n\
                      1970-01-01T00:00:10Z\t0\t-\t0\t0\t0\t0\t0\t-\t-\t-\t0\n";
        assert_eq!(ledger.table(), format!("{COLUMNS}{wanted}"));
    }

    #[test]
    fn the_oldest_make_room() {
        let mut ledger = Ledger::default();
        for number in 0..=BUCKETS_MAX as i64 {
            ledger.at(number * BUCKET_SECONDS);
        }
        assert_eq!(ledger.buckets().count(), BUCKETS_MAX);
        assert_eq!(ledger.buckets().next().map(|(begin, _)| begin), Some(BUCKET_SECONDS));
    }
}
