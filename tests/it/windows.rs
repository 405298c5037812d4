//! What do recorded files show of a window of time? Files in, coverage out: gaps, seams and faults.

use crate::recordings::pcap;
use allclear::edge::capture::recordings::Recordings;
use allclear::edge::capture::run::Captured;
use allclear::pure::interval::Interval;
use allclear::pure::plan::CapturePlan;
use allclear::pure::playbook::{JudgeCriteria, Keep};
use allclear::pure::site::{Source, SourceKind};
use allclear::pure::verdict::{Control, Ending, ReasonCode, SystemClock, WatchlistFacts, judge};
use allclear::pure::watchlist::{Entry, Require, Watchlist};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::fs;
use std::time::{Duration, UNIX_EPOCH};
use tempfile::TempDir;

/// An ARP request of 10.0.0.1: a frame that decodes and matches nothing.
fn arp() -> Vec<u8> {
    let mut frame = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6];
    frame.extend([0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2]);
    frame
}

/// A directory with one capture for each list of packet times, in seconds.
fn files(times: &[&[i32]]) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (number, seconds) in times.iter().enumerate() {
        let frame = arp();
        let frames: Vec<(i32, &[u8])> = seconds.iter().map(|second| (*second, &frame[..])).collect();
        fs::write(directory.path().join(format!("{number}.pcap")), pcap(&frames)).expect("writable");
    }
    directory
}

fn plan(from: i64, to: i64) -> CapturePlan {
    let at = |second| Timestamp::from_second(second).expect("in range");
    let source = Source {
        name: "ring".to_owned(),
        kind: SourceKind::Files(String::new()),
        positive_control: Some("arp".to_owned()),
        probe: None,
        ring_bytes: 0,
        runs_max: None,
    };
    let watchlist = Watchlist {
        name: "sinkholes".to_owned(),
        entries: Entry::parse("192.0.2.1").expect("an address"),
        ..Watchlist::default()
    };
    CapturePlan {
        window: Interval::new(at(from), at(to)),
        zone: TimeZone::UTC,
        sources: vec![source],
        filter: None,
        packets_max: None,
        bytes_max: None,
        keep: Keep::Nothing,
        watchlists: vec![watchlist],
        resolvers: Vec::new(),
        nat64: Vec::new(),
        inside: vec!["10.0.0.0/8".parse().expect("a network")],
        public: Vec::new(),
        blamed: Vec::new(),
        excepted: Vec::new(),
        remembered: Vec::new(),
        evidence_stem: "evidence/1/1".to_owned(),
    }
}

fn carry_out(directory: &TempDir, plan: &CapturePlan) -> Captured {
    let pattern = directory.path().join("*.pcap");
    let mut recordings = Recordings::open(&pattern.to_string_lossy(), &TimeZone::UTC).expect("readable");
    recordings.facts(plan, directory.path(), plan.window.to)
}

/// The watched seconds, rounded, and the packets heard.
fn shown(captured: &Captured) -> (Vec<(i64, i64)>, u64) {
    let [source] = &captured.facts.sources[..] else { panic!("one source") };
    let second = |time: Timestamp| (time.as_millisecond() as f64 / 1000.0).round() as i64;
    let watched = source.watched.as_slice().iter().map(|i| (second(i.from), second(i.to))).collect();
    (watched, source.observation.coverage.heard_packets)
}

const TEN_SECONDS: &[i32] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/// Of a moment, nothing is left in whole seconds.
const STRAYS: &[(i64, i64)] = &[(5000, 5001), (9000, 9001)];
const BOTH: &[(i64, i64)] = &[(1000, 1001), (5000, 5000), (9000, 9000), (13_000, 13_001)];

#[test]
fn only_what_files_cover_is_watched() {
    type Row = (&'static str, &'static [&'static [i32]], (i64, i64), &'static [(i64, i64)], u64);
    let rows: [Row; 17] = [
        ("within one file", &[&[0, 50, 100]], (20, 80), &[(20, 80)], 1),
        ("half covered", &[&[0, 50, 100]], (40, 200), &[(40, 100)], 2),
        ("a seam of 10 s", &[&[0, 100], &[110, 200]], (0, 200), &[(0, 200)], 3),
        ("a gap of 11 s", &[&[0, 100], &[111, 200]], (0, 200), &[(0, 100), (111, 200)], 3),
        ("a window within a seam", &[&[0, 100], &[110, 200]], (102, 108), &[(102, 108)], 0),
        ("files that overlap", &[&[0, 150], &[100, 200]], (0, 300), &[(0, 200)], 4),
        ("names in another order than times", &[&[100, 200], &[0, 95]], (0, 200), &[(0, 200)], 3),
        ("packets in another order than times", &[&[100, 0, 50]], (0, 101), &[(0, 100)], 3),
        ("the longest silence in a file", &[&[0, 3600]], (0, 3600), &[(0, 3600)], 1),
        ("a recorder that hung", &[&[0, 10, 4000, 4010]], (0, 4010), &[(0, 10), (4000, 4010)], 3),
        ("a seam as long as a silence", &[&[0, 5, 6], &[11, 12]], (0, 12), &[(0, 12)], 4),
        ("a seam longer than any silence", &[&[0, 4, 6], &[11, 12]], (0, 12), &[(0, 6), (11, 12)], 4),
        ("a seam that is short beside a file", &[TEN_SECONDS, &[12, 13]], (0, 13), &[(0, 13)], 12),
        ("one that is too long for it", &[TEN_SECONDS, &[13, 14]], (0, 14), &[(0, 10), (13, 14)], 12),
        ("a stray from 1970 before a gap", &[&[5000, 5001, 0], &[9000, 9001]], (5000, 9001), STRAYS, 3),
        ("a stray from the future", &[&[5000, 90_000, 5001], &[9000, 9001]], (5000, 9001), STRAYS, 3),
        ("at both sides", &[&[1000, 1001, 9000], &[5000, 13_000, 13_001]], (1000, 13_001), BOTH, 5),
    ];
    for (name, times, (from, to), watched, heard) in rows {
        let captured = carry_out(&files(times), &plan(from, to));
        assert_eq!(shown(&captured), (watched.to_vec(), heard), "{name}");
        assert_eq!(captured.facts.sources[0].ending, Ending::TimeUp, "{name}");
    }
}

#[test]
fn a_window_that_nothing_covers_is_missed() {
    for (name, times, window) in [
        ("before the files", &[&[100, 200][..]][..], (0, 99)),
        ("after the files", &[&[100, 200]], (201, 300)),
        ("in a gap", &[&[0, 100], &[200, 300]], (120, 180)),
        ("no files", &[], (0, 100)),
        ("a file without packets", &[&[]], (0, 100)),
    ] {
        let captured = carry_out(&files(times), &plan(window.0, window.1));
        assert_eq!(captured.facts.sources[0].ending, Ending::NothingRecorded, "{name}");
        assert_eq!(shown(&captured), (vec![], 0), "{name}");
        assert_eq!(captured.facts.sources[0].control, Control::Missing, "{name}");
    }
}

#[test]
fn behind_a_fault_nothing_is_covered() {
    let directory = files(&[&[0, 50, 100], &[105, 200]]);
    let path = directory.path().join("0.pcap");
    let bytes = fs::read(&path).expect("readable");
    fs::write(&path, &bytes[..bytes.len() - 5]).expect("writable");
    let captured = carry_out(&directory, &plan(0, 200));
    assert_eq!(shown(&captured), (vec![(0, 50), (105, 200)], 3));
    let incomplete = &captured.facts.sources[0].observation.coverage.incomplete_files;
    assert!(incomplete.len() == 1 && incomplete[0].contains("0.pcap"), "{incomplete:?}");
    let later = carry_out(&directory, &plan(110, 200));
    assert_eq!(later.facts.sources[0].observation.coverage.incomplete_files, [""; 0], "another night");
}

#[test]
fn a_fault_hides_a_seam_to_the_next_file() {
    let directory = files(&[&[0, 100, 101], &[105, 200]]);
    let path = directory.path().join("0.pcap");
    let bytes = fs::read(&path).expect("readable");
    fs::write(&path, &bytes[..bytes.len() - 5]).expect("writable");
    assert_eq!(shown(&carry_out(&directory, &plan(0, 200))).0, [(0, 100), (105, 200)]);
}

#[test]
fn a_limit_ends_the_watch_where_it_was_reached() {
    let directory = files(&[&[0, 50, 100], &[105, 200]]);
    let limited = CapturePlan { packets_max: Some(2), ..plan(0, 201) };
    let captured = carry_out(&directory, &limited);
    assert_eq!(captured.facts.sources[0].ending, Ending::PacketLimit(2));
    assert_eq!(shown(&captured), (vec![(0, 50)], 2));
    let limited = CapturePlan { bytes_max: Some(43), ..plan(0, 201) };
    assert_eq!(carry_out(&directory, &limited).facts.sources[0].ending, Ending::ByteLimit(43));
    assert_eq!(shown(&carry_out(&directory, &limited)).1, 2, "42 bytes are below the limit");
}

#[test]
fn a_limit_reached_in_one_file_leaves_the_time_of_the_next_unwatched() {
    // The second recorder ran beside the first one, and nobody looked at what it has.
    let directory = files(&[&[0, 30, 60, 90], &[20, 80, 100]]);
    let limited = CapturePlan { packets_max: Some(4), ..plan(0, 100) };
    assert_eq!(shown(&carry_out(&directory, &limited)).0, [(0, 20)]);
    let whole = CapturePlan { packets_max: Some(8), ..plan(0, 100) };
    assert_eq!(shown(&carry_out(&directory, &whole)).0, [(0, 100)]);
}

#[test]
fn the_control_is_looked_for_and_a_filter_that_fits_nothing_is_told() {
    let directory = files(&[&[0, 50, 100]]);
    let captured = carry_out(&directory, &plan(0, 100));
    assert_eq!(captured.facts.sources[0].control, Control::Seen);
    let mut other = plan(0, 100);
    other.sources[0].positive_control = Some("udp port 123".to_owned());
    assert_eq!(carry_out(&directory, &other).facts.sources[0].control, Control::Missing);
    other.sources[0].positive_control = Some("host ntp.example".to_owned());
    let Control::NotApplied(why) = &carry_out(&directory, &other).facts.sources[0].control else {
        panic!("a name was looked up")
    };
    assert!(why.starts_with("'ntp.example' at character 6 of the filter is neither"), "{why}");
    other.filter = Some("tcp and udp".to_owned());
    let Ending::SourceGone(why) = &carry_out(&directory, &other).facts.sources[0].ending else {
        panic!("a filter that cannot be applied was skipped")
    };
    assert!(why.starts_with("the filter cannot be applied: "), "{why}");
}

#[test]
fn a_filter_that_shuts_out_what_is_looked_for_is_told() {
    let directory = files(&[&[0, 50, 100]]);
    for (filter, lists) in [("arp or host 192.0.2.1", 0), ("host 192.0.2.2", 1), ("port 80", 0)] {
        let plan = CapturePlan { filter: Some(filter.to_owned()), ..plan(0, 100) };
        let facts = carry_out(&directory, &plan).facts;
        // A filter with words of another kind is not understood.
        assert_eq!(facts.watchlists.shut_out.len(), lists, "{filter}: {:?}", facts.watchlists.shut_out);
    }
}

#[test]
fn a_run_says_how_old_a_watchlist_file_is() {
    let directory = files(&[&[0, 50, 100]]);
    let file = directory.path().join("feed.txt");
    fs::write(&file, "192.0.2.1\n").expect("writable");
    // Eight days before the window ends.
    let old = UNIX_EPOCH + Duration::from_secs(100) - Duration::from_secs(8 * 86_400);
    fs::File::options()
        .append(true)
        .open(&file)
        .and_then(|file| file.set_modified(old))
        .expect("times can be set");
    let mut plan = plan(0, 100);
    let age_max = Some(Duration::from_secs(7 * 86_400));
    let name = "feed".to_owned();
    plan.watchlists = vec![Watchlist { name, file: Some(file.clone()), age_max, ..Watchlist::default() }];
    let reasons = judge(&JudgeCriteria::default(), &carry_out(&directory, &plan).facts).reasons;
    let stale =
        reasons.into_iter().find(|reason| reason.code == ReasonCode::WatchlistStale).expect("it is told");
    let file = file.display();
    let text = format!("watchlist feed is 8 d old, more than its `max_age` of 7 d ({file}): fetch it anew");
    assert_eq!(stale.text, text);
}

#[test]
fn files_that_are_no_captures_are_told() {
    let directory = files(&[&[0, 50, 100]]);
    fs::write(directory.path().join("9.pcap"), "hello").expect("writable");
    let captured = carry_out(&directory, &plan(0, 100));
    assert_eq!(shown(&captured), (vec![(0, 100)], 2));
    let incomplete = &captured.facts.sources[0].observation.coverage.incomplete_files;
    assert!(matches!(&incomplete[..], [one] if one.contains("9.pcap is no capture")), "{incomplete:?}");
    assert!(captured.troubles.is_empty(), "{:?}", captured.troubles);
    fs::rename(directory.path().join("9.pcap"), directory.path().join("notes.txt")).expect("renamed");
    let captured = carry_out(&directory, &plan(0, 100));
    assert!(
        captured.facts.sources[0].observation.coverage.incomplete_files.is_empty(),
        "that is no capture's name"
    );
}

#[test]
fn routed_ipv6_is_warned_of_where_inside_names_no_ipv6_network() {
    let frame = |source: &str, destination: &str| -> Vec<u8> {
        let octets = |text: &str| text.parse::<std::net::Ipv6Addr>().expect("an address").octets();
        let builder = etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
            .ipv6(octets(source), octets(destination), 64)
            .udp(5353, 443);
        let mut frame = Vec::new();
        builder.write(&mut frame, b"hello").expect("written to memory");
        frame
    };
    let rows = [
        ("routed, and not inside", "2001:db8:1::9", "2001:db8:2::1", "10.0.0.0/8", true),
        ("routed, and inside", "2001:db8:1::9", "2001:db8:2::1", "2001:db8:1::/64", false),
        ("what neighbours say to each other", "fe80::9", "ff02::fb", "10.0.0.0/8", false),
    ];
    for (name, source, destination, inside, is_warned) in rows {
        let directory = tempfile::tempdir().expect("a directory");
        let frame = frame(source, destination);
        fs::write(directory.path().join("0.pcap"), pcap(&[(0, &frame), (50, &frame)])).expect("writable");
        let plan = CapturePlan { inside: vec![inside.parse().expect("a network")], ..plan(0, 50) };
        let troubles = carry_out(&directory, &plan).troubles;
        assert_eq!(
            troubles.iter().any(|told| told.contains("hears IPv6")),
            is_warned,
            "{name}: {troubles:?}"
        );
    }
}

/// A network of two interfaces: a host that calls one server by each has called both.
#[test]
fn what_a_host_called_is_counted_over_all_sources() {
    let heard = |server: u8| {
        let mut frame = Vec::new();
        let builder = etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        let builder = builder.ipv4([10, 0, 0, 1], [192, 0, 2, server], 64).tcp(1025, 80, 1, 1024).syn();
        builder.write(&mut frame, &[]).expect("memory takes everything");
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("0.pcap"), pcap(&[(5, &frame)])).expect("writable");
        directory
    };
    let entries = ["192.0.2.1", "192.0.2.2"].iter().flat_map(|text| Entry::parse(text).expect("an address"));
    let pair = Watchlist {
        name: "pair".to_owned(),
        entries: entries.collect(),
        require: Require::All,
        ..Watchlist::default()
    };
    let plan = CapturePlan { watchlists: vec![pair], ..plan(0, 10) };
    let contacts = |servers: &[u8]| {
        let sources = servers.iter().flat_map(|server| carry_out(&heard(*server), &plan).facts.sources);
        let facts = plan.facts(sources.collect(), WatchlistFacts::default(), SystemClock::Unknown);
        facts.sources.iter().flat_map(|it| &it.observation.hosts).map(|host| host.contacts).sum::<u64>()
    };
    assert_eq!((contacts(&[1]), contacts(&[1, 1]), contacts(&[1, 2])), (0, 0, 2));
}
