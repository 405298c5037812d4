//! On which side of each limit is each reason given? One table a group of reasons.

use super::judge::judge;
use super::tests::{Change, address, at, coverage, criteria, fault, good, lose, presence, watch};
use super::*;
use crate::pure::interval::{Interval, Intervals};
use crate::pure::packet::Mac;
use crate::pure::playbook::JudgeCriteria;
use crate::pure::sighting::{Coverage, FilterPlace, OffStamps, OneWay, Presence};

/// The codes that come of `good()` after one change, under criteria after another.
fn codes(change: impl FnOnce(&mut JudgeCriteria, &mut CaptureFacts)) -> Vec<ReasonCode> {
    let (mut criteria, mut facts) = (criteria(), good());
    change(&mut criteria, &mut facts);
    judge(&criteria, &facts).reasons.into_iter().map(|reason| reason.code).collect()
}

/// Each row under its change of criteria and facts.
pub(super) fn check(rows: &[(&str, Change, &[ReasonCode])]) {
    for (row, change, expected) in rows {
        assert_eq!(codes(change), *expected, "{row}");
    }
}

#[test]
fn captures_that_ended_early() {
    use ReasonCode::*;
    check(&[
        ("stopped", |_, f| f.sources[0].ending = Ending::Stopped, &[Interrupted]),
        ("command exited", |_, f| f.sources[0].ending = Ending::SourceGone("exit 1".into()), &[Interrupted]),
        ("damaged file", |_, f| coverage(f).incomplete_files = vec!["a.pcap".into()], &[Interrupted]),
        ("no file", |_, f| f.sources[0].ending = Ending::NothingRecorded, &[Interrupted]),
        ("no source", |_, f| f.sources.clear(), &[Interrupted, HostAbsent]),
        ("250 packets", |_, f| f.sources[0].ending = Ending::PacketLimit(250), &[CutShort]),
        ("1 GiB", |_, f| f.sources[0].ending = Ending::ByteLimit(1 << 30), &[CutShort]),
        ("94.97 % watched", |_, f| watch(f, 3419), &[TooShort]),
        ("95 % watched", |_, f| watch(f, 3420), &[]),
        (
            "time outside the plan does not count",
            |_, f| {
                f.sources[0].watched = Intervals::of([Interval::new(at(181), at(7200))]);
            },
            &[TooShort],
        ),
        (
            "nothing watched, nothing asked",
            |c, f| {
                c.watched_min = 0.0;
                watch(f, 0);
            },
            &[TooShort, HostAbsent],
        ),
        (
            "no length planned",
            |c, f| {
                f.planned = Interval::new(at(0), at(0));
                c.has_blamed_present = false;
            },
            &[],
        ),
    ]);
}

#[test]
fn captures_that_could_not_see() {
    use ReasonCode::*;
    check(&[
        ("999 heard", |_, f| coverage(f).heard_packets = 999, &[TooQuiet]),
        ("1000 heard", |_, f| coverage(f).heard_packets = 1000, &[]),
        (
            "1000 heard, one a copy",
            |_, f| {
                coverage(f).heard_packets = 1000;
                coverage(f).duplicate_packets = 1;
            },
            &[TooQuiet],
        ),
        ("nobody inside", |_, f| coverage(f).inside_hosts = 0, &[WrongSide]),
        ("one inside host", |_, f| coverage(f).inside_hosts = 1, &[]),
        (
            "silence is not the wrong side",
            |c, f| {
                c.heard_packets_min = 0;
                *coverage(f) = Coverage { lost_packets: Some(0), ..Coverage::default() };
            },
            &[],
        ),
        ("of one direction only", |_, f| coverage(f).one_way = Some(OneWay::Inbound), &[WrongSide]),
        ("without what is answered", |_, f| coverage(f).one_way = Some(OneWay::Outbound), &[]),
        ("nothing said to one machine", |_, f| coverage(f).unicast_packets = 0, &[WrongSide]),
        (
            "nothing but that, and a filter of ours",
            |_, f| (coverage(f).unicast_packets, coverage(f).filter) = (0, Some(FilterPlace::User)),
            &[WrongSide],
        ),
        (
            "nothing that passes a filter",
            |_, f| (coverage(f).unicast_packets, coverage(f).filter) = (0, Some(FilterPlace::Kernel)),
            &[],
        ),
        ("90 of 9000 undecoded", |_, f| coverage(f).undecoded_packets = 90, &[]),
        ("91 of 9000 undecoded", |_, f| coverage(f).undecoded_packets = 91, &[Undecoded]),
        (
            "of 10000 heard, where IP is not counted",
            |_, f| {
                coverage(f).ip_packets = 0;
                coverage(f).undecoded_packets = 101;
            },
            &[Undecoded],
        ),
    ]);
}

/// Streams whose name was never seen whole count among the truncated, too.
fn unread_names(facts: &mut CaptureFacts, unread: u64, names: u64) {
    let coverage = coverage(facts);
    (coverage.split_names, coverage.unread_names, coverage.truncated_packets) = (names, unread, unread);
}

#[test]
fn captures_that_could_not_read_or_control() {
    use ReasonCode::*;
    check(&[
        ("one packet cut", |_, f| coverage(f).truncated_packets = 1, &[Truncated]),
        (
            "a fragment without its port",
            |_, f| (coverage(f).truncated_packets, coverage(f).portless_fragments) = (1, 1),
            &[Truncated],
        ),
        ("5 of 500 names unread", |_, f| unread_names(f, 5, 500), &[]),
        ("6 of 500 names unread", |_, f| unread_names(f, 6, 500), &[Truncated]),
        ("the only name unread", |_, f| unread_names(f, 1, 1), &[Truncated]),
        (
            "one of 500 in two versions",
            |_, f| {
                unread_names(f, 1, 500);
                coverage(f).conflicting_names = 1;
            },
            &[Truncated],
        ),
        (
            "a packet cut among many names",
            |_, f| {
                unread_names(f, 5, 500);
                coverage(f).truncated_packets += 1;
            },
            &[Truncated],
        ),
        ("control missing", |_, f| f.sources[0].control = Control::Missing, &[ControlMissing]),
        (
            "control broken",
            |_, f| f.sources[0].control = Control::NotApplied("syntax".into()),
            &[ControlMissing],
        ),
        ("control not asked", |_, f| f.sources[0].control = Control::NotAsked, &[]),
    ]);
}

#[test]
fn captures_that_lost_packets() {
    use ReasonCode::*;
    check(&[
        ("10 of 10000", |_, f| lose(f, 9990, Some(10)), &[]),
        ("11 of 10000", |_, f| lose(f, 9989, Some(11)), &[Lossy]),
        (
            "11 of 10000, no limit stated",
            |c, f| {
                c.lost_max = None;
                lose(f, 9989, Some(11));
            },
            &[Lossy],
        ),
        (
            "11 of 10000, 1 % allowed",
            |c, f| {
                c.lost_max = Some(0.01);
                lose(f, 9989, Some(11));
            },
            &[],
        ),
        ("unknown, limit stated", |_, f| lose(f, 10_000, None), &[LossUnknown]),
        (
            "11 of 10000, and a part unknown",
            |_, f| {
                lose(f, 9989, Some(11));
                coverage(f).is_lost_in_part = true;
            },
            &[Lossy, LossUnknown],
        ),
        (
            "10 of 10000 and a part unknown, no limit",
            |c, f| {
                c.lost_max = None;
                lose(f, 9990, Some(10));
                coverage(f).is_lost_in_part = true;
            },
            &[],
        ),
        (
            "unknown, no limit",
            |c, f| {
                c.lost_max = None;
                lose(f, 10_000, None);
            },
            &[],
        ),
        (
            "all lost",
            |c, f| {
                c.heard_packets_min = 0;
                lose(f, 0, Some(1));
            },
            &[Lossy],
        ),
    ]);
}

/// A probe each minute, seen so often and the last time in the ten seconds from `last` on.
fn probed(facts: &mut CaptureFacts, seen: u64, sent: Option<u64>, last: Option<i64>) {
    let to = "192.0.2.1:9".parse().expect("a place");
    let every = std::time::Duration::from_secs(60);
    facts.sources[0].probe = Some(ProbeFacts { to, every, seen, sent, failure: None });
    for second in last.into_iter().flat_map(|last| (0..last).step_by(60).chain([last])) {
        facts.sources[0].ledger.at(second).has_probe = true;
    }
}

#[test]
fn probes_that_were_not_seen() {
    use ReasonCode::*;
    check(&[
        ("not asked", |_, f| f.sources[0].probe = None, &[]),
        ("seen", |_, f| probed(f, 60, Some(60), None), &[]),
        ("sent, and seen once", |_, f| probed(f, 1, Some(60), None), &[]),
        ("sent, and never seen", |_, f| probed(f, 0, Some(60), None), &[ControlMissing]),
        ("none was sent", |_, f| probed(f, 0, Some(0), None), &[ControlMissing]),
        ("recorded, and not in it", |_, f| probed(f, 0, None, None), &[ControlMissing]),
        (
            "could not be sent",
            |_, f| {
                probed(f, 0, Some(0), None);
                f.sources[0].probe.as_mut().expect("set").failure = Some("no route".into());
            },
            &[ControlMissing],
        ),
        // The last one holds for its ten seconds and five minutes more: 3420 s are 95 %.
        ("seen near 95 % of the time", |_, f| probed(f, 52, Some(60), Some(3110)), &[]),
        ("seen near less", |_, f| probed(f, 52, Some(60), Some(3100)), &[ControlMissing]),
    ]);
}

#[test]
fn hosts_that_said_nothing() {
    use ReasonCode::*;
    let with = |blamed: Option<u8>, heard: Presence| {
        codes(|_, facts| {
            facts.blamed[0].mac = blamed.map(|last| Mac([2, 0, 0, 0, 0, last]));
            facts.sources[0].presences = vec![heard];
        })
    };
    assert_eq!(with(None, presence(None, 0, 600)), []);
    assert_eq!(with(None, presence(None, 3599, 9000)), [], "the last second of the window");
    assert_eq!(with(None, presence(None, 3600, 9000)), [HostAbsent], "after the window");
    assert_eq!(with(Some(1), presence(Some(2), 0, 600)), [HostAbsent], "its address, another machine");
    assert_eq!(with(Some(1), presence(None, 0, 600)), [], "its address, no machine known");
    let moved = Presence { host: address("10.16.9.9"), ..presence(Some(1), 0, 600) };
    assert_eq!(with(Some(1), moved.clone()), [], "the machine, at another address");
    assert_eq!(with(None, moved), [HostAbsent], "another address, no machine known");
    check(&[
        ("never heard", |_, f| f.sources[0].presences.clear(), &[HostAbsent]),
        (
            "not asked",
            |c, f| {
                c.has_blamed_present = false;
                f.sources[0].presences.clear();
            },
            &[],
        ),
        (
            "heard after the window, in a capture that went on",
            |_, f| {
                watch(f, 7200);
                f.sources[0].presences = vec![presence(None, 3600, 4200)];
            },
            &[HostAbsent],
        ),
        (
            "heard while not watched",
            |_, f| {
                f.sources[0].watched = Intervals::of([Interval::new(at(601), at(3600))]);
                f.sources[0].ending = Ending::Stopped;
            },
            &[Interrupted, TooShort, HostAbsent],
        ),
    ]);
}

#[test]
fn what_was_looked_for_and_asked() {
    use ReasonCode::*;
    check(&[
        ("nothing to look for", |_, f| f.watchlists.entries = 0, &[WatchlistEmpty]),
        (
            "one of two lists is empty",
            |_, f| {
                f.watchlists.empty = fault("feed", "no such file");
            },
            &[WatchlistEmpty],
        ),
        (
            "much of a list was refused",
            |_, f| f.watchlists.incomplete = fault("feed", "1 line could not be applied"),
            &[WatchlistIncomplete],
        ),
        (
            "entries that the filter shuts out",
            |_, f| f.watchlists.shut_out = fault("feed", "the entry can be in no packet"),
            &[EntriesShutOut],
        ),
        ("an old list", |_, f| f.watchlists.stale = fault("feed", "9 d"), &[WatchlistStale]),
        (
            "no answer",
            |_, f| {
                f.listing = Some(ListingFacts { is_known: false, why: "SERVFAIL".into() });
            },
            &[ListingUnknown],
        ),
        ("not asked", |_, f| f.listing = None, &[]),
        ("clock off", |_, f| f.clock = SystemClock::Unsynchronised, &[ClockUnsure]),
        (
            "the clock of the source off",
            |_, f| coverage(f).off_stamps = Some(OffStamps { packets: 1, behind_s: 61 }),
            &[ClockUnsure],
        ),
        ("clock set back", |_, f| f.clock = SystemClock::SetBack, &[ClockUnsure]),
        ("clock unknown", |_, f| f.clock = SystemClock::Unknown, &[]),
    ]);
}
