//! Which seconds of a capture may count? The coverage ledger read closely: a run as a whole may be fine
//! and still have minutes in which a contact could have gone unseen.

use super::gaps::{LOST_UNSTATED_MAX, UNDECODED_MAX, part_of};
use super::{CaptureFacts, Control, SourceFacts};
use crate::pure::interval::{Interval, Intervals};
use crate::pure::playbook::JudgeCriteria;
use crate::pure::sighting::{Bucket, FilterPlace};

/// A network of which no packet from one machine to another is heard for so long is not mirrored any more,
/// in seconds.
const SILENCE_SECONDS_MAX: f64 = 300.0;

impl SourceFacts {
    /// When it was watched in truth: without stretches of silence that no network keeps. What is sent to
    /// all does not count, since a port that mirrors nothing shows it too; where the kernel filters, it is
    /// all that always passes. Recorded files, which have no link, cover from their first to their last
    /// packet (design: interfaces, simulate).
    pub fn attended(&self) -> Intervals {
        let is_filtered = self.observation.coverage.filter == Some(FilterPlace::Kernel);
        let heard = |bucket: &Bucket| if is_filtered { bucket.heard_packets } else { bucket.unicast_packets };
        let silent = self.ledger.seconds_of(|bucket| bucket.link.is_some() && heard(bucket) == 0);
        let long = silent.as_slice().iter().filter(|stretch| stretch.seconds() > SILENCE_SECONDS_MAX);
        self.watched.without(&Intervals::of(long.copied()))
    }
}

/// When every source was watched: a run is blind when any of them is.
pub fn watched(facts: &CaptureFacts) -> Intervals {
    let mut all = facts.sources.iter().map(SourceFacts::attended);
    let first = all.next().unwrap_or_default();
    all.fold(first, |common, next| common.intersection(&next))
}

/// The seconds of the window in which a contact could have gone unseen by any source: packets were lost,
/// cut or unreadable, or the positive control or the last probe was far.
pub fn doubtful(criteria: &JudgeCriteria, facts: &CaptureFacts) -> Intervals {
    let of = |source| doubtful_of(criteria, facts.planned, source);
    facts.sources.iter().map(of).fold(Intervals::default(), |all, more| all.union(&more))
}

fn doubtful_of(criteria: &JudgeCriteria, planned: Interval, source: &SourceFacts) -> Intervals {
    let poor = source.ledger.seconds_of(|bucket| is_poor(criteria, bucket));
    let is_asked = source.control != Control::NotAsked && !source.ledger.is_empty();
    let uncontrolled = is_asked.then(|| Intervals::of([planned]).without(&source.ledger.controlled()));
    let probe = source.probe.as_ref().filter(|_| !source.ledger.is_empty());
    let unprobed = probe.map(|probe| Intervals::of([planned]).without(&source.ledger.probed(probe.every)));
    poor.union(&uncontrolled.unwrap_or_default()).union(&unprobed.unwrap_or_default())
}

fn is_poor(criteria: &JudgeCriteria, bucket: &Bucket) -> bool {
    let lost = bucket.lost_packets.unwrap_or(0).saturating_add(bucket.perhaps_lost_packets);
    let lost_share = part_of(lost, lost.saturating_add(bucket.heard_packets));
    lost_share > criteria.lost_max.unwrap_or(LOST_UNSTATED_MAX)
        || part_of(bucket.undecoded_packets, bucket.ip_packets) > UNDECODED_MAX
        || bucket.truncated_packets > 0
}

#[cfg(test)]
mod tests {
    use super::super::ProbeFacts;
    use super::super::tests::{at, criteria, good};
    use super::*;
    use crate::pure::sighting::Link;

    fn spans(intervals: &Intervals) -> Vec<(i64, i64)> {
        intervals.as_slice().iter().map(|i| (i.from.as_second(), i.to.as_second())).collect()
    }

    /// An hour of which each bucket is well, after one change to those of some seconds.
    fn hour(seconds: std::ops::Range<i64>, change: fn(&mut Bucket)) -> CaptureFacts {
        let mut facts = good();
        for second in (0..3600).step_by(10) {
            let bucket = facts.sources[0].ledger.at(second);
            *bucket = Bucket {
                heard_packets: 1000,
                lost_packets: Some(0),
                ip_packets: 1000,
                unicast_packets: 500,
                link: Some(Link::Up),
                has_control: true,
                ..Bucket::default()
            };
            if seconds.contains(&second) {
                change(bucket);
            }
        }
        facts
    }

    #[test]
    fn poor_seconds_are_doubtful_and_no_others() {
        type Row<'a> = (&'a str, fn(&mut Bucket), &'a [(i64, i64)]);
        let rows: [Row<'_>; 8] = [
            ("all is well", |_| {}, &[]),
            ("lossy", |b| b.lost_packets = Some(2), &[(600, 620)]),
            ("perhaps lossy", |b| b.perhaps_lost_packets = 2, &[(600, 620)]),
            ("as lossy as allowed", |b| (b.heard_packets, b.lost_packets) = (999, Some(1)), &[]),
            ("cut", |b| b.truncated_packets = 1, &[(600, 620)]),
            ("unreadable", |b| b.undecoded_packets = 11, &[(600, 620)]),
            ("as unreadable as allowed", |b| b.undecoded_packets = 10, &[]),
            ("losses not told", |b| b.lost_packets = None, &[]),
        ];
        for (row, change, wanted) in rows {
            assert_eq!(spans(&doubtful(&criteria(), &hour(600..620, change))), wanted, "{row}");
        }
    }

    #[test]
    fn seconds_far_from_the_control_are_doubtful() {
        let mut facts = hour(1000..3600, |bucket| bucket.has_control = false);
        assert_eq!(spans(&doubtful(&criteria(), &facts)), [(1300, 3600)]);
        facts.sources[0].control = Control::NotAsked;
        assert_eq!(spans(&doubtful(&criteria(), &facts)), []);
        facts.sources[0].control = Control::Seen;
        facts.sources[0].ledger = Default::default();
        assert_eq!(spans(&doubtful(&criteria(), &facts)), [], "without a ledger the run as a whole counts");
    }

    #[test]
    fn seconds_far_from_a_probe_are_doubtful() {
        let mut facts = hour(1000..3600, |_| {});
        for second in (0..1000).step_by(60) {
            facts.sources[0].ledger.at(second).has_probe = true;
        }
        let probe = |minutes: u64| ProbeFacts {
            to: "192.0.2.1:9".parse().expect("a place"),
            every: std::time::Duration::from_secs(60 * minutes),
            seen: 17,
            sent: Some(60),
            failure: None,
        };
        assert_eq!(spans(&doubtful(&criteria(), &facts)), [], "not asked");
        facts.sources[0].probe = Some(probe(1));
        assert_eq!(spans(&doubtful(&criteria(), &facts)), [(1270, 3600)], "the last one at 960 s");
        facts.sources[0].probe = Some(probe(10));
        assert_eq!(spans(&doubtful(&criteria(), &facts)), [(1570, 3600)], "it holds as far as the next");
    }

    #[test]
    fn long_silence_on_a_link_that_is_up_is_not_watched() {
        let silent = |bucket: &mut Bucket| (bucket.heard_packets, bucket.unicast_packets) = (0, 0);
        let rows = [
            ("short", hour(600..900, silent), vec![(0, 3600)]),
            ("long", hour(600..910, silent), vec![(0, 600), (910, 3600)]),
            ("of a file", hour(600..910, |b| (b.unicast_packets, b.link) = (0, None)), vec![(0, 3600)]),
            (
                "only what is sent to all",
                hour(600..910, |b| b.unicast_packets = 0),
                vec![(0, 600), (910, 3600)],
            ),
            (
                "the link down in the middle of it",
                hour(600..910, |b| (b.unicast_packets, b.link) = (0, Some(Link::Down))),
                vec![(0, 600), (910, 3600)],
            ),
        ];
        for (row, facts, wanted) in rows {
            assert_eq!(spans(&watched(&facts)), wanted, "{row}");
        }
        let mut facts = hour(600..910, |bucket| bucket.unicast_packets = 0);
        facts.sources[0].observation.coverage.filter = Some(FilterPlace::Kernel);
        assert_eq!(spans(&watched(&facts)), [(0, 3600)], "the kernel held back what was there");
        let mut facts = hour(600..910, silent);
        facts.sources[0].observation.coverage.filter = Some(FilterPlace::User);
        facts.sources[0].watched = Intervals::of([Interval::new(at(0), at(700))]);
        assert_eq!(spans(&watched(&facts)), [(0, 600)]);
    }
}
