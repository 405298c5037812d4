//! Do all runs on an interface share one capture, and does each hear its own? Real interfaces, in the
//! namespaces of `live`.

use crate::live::{Wire, carry_out_in, chatter, plan};
use allclear::edge::capture::hub::Hub;
use allclear::edge::capture::lists::Lists;
use allclear::edge::capture::run::{Captured, Means, capture};
use allclear::edge::capture::session::Absent;
use allclear::edge::capture::stop::Stop;
use allclear::edge::clock;
use allclear::pure::plan::CapturePlan;
use allclear::pure::sighting::{FilterPlace, OneWay};
use allclear::pure::site::SourceKind;
use allclear::pure::verdict::{Control, Ending, SourceFacts, SystemClock};
use jiff::Timestamp;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// More than the threads that a capture each would need could be had for.
const RUNS: usize = 130;

fn lan() -> SourceKind {
    SourceKind::Interface("v0".to_owned())
}

/// The packet sockets of this thread's network namespace, packet(7).
fn packet_sockets() -> usize {
    let table = fs::read_to_string("/proc/thread-self/net/packet").expect("Linux has it");
    table.lines().skip(1).count()
}

/// Carries out all plans at the same time with one hub, while the far end chatters; tells with how
/// many packet sockets at most, too.
fn carry_out_together(wire: &Wire, plans: &[CapturePlan], state_dir: &Path) -> (Vec<Captured>, usize) {
    let (is_over, most) = (AtomicBool::new(false), AtomicUsize::new(0));
    let captured = thread::scope(|scope| {
        wire.there(scope, |socket| chatter(&socket, &is_over));
        let captured = wire.here(|| {
            let hub = Hub::default();
            thread::scope(|scope| {
                let begin = |plan| {
                    let hub = &hub;
                    scope.spawn(move || carry_out_in(hub, plan, state_dir))
                };
                let runs: Vec<_> = plans.iter().map(begin).collect();
                while !runs.iter().all(thread::ScopedJoinHandle::is_finished) {
                    most.fetch_max(packet_sockets(), Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(50));
                }
                runs.into_iter().map(|run| run.join().expect("no run panics")).collect()
            })
        });
        is_over.store(true, Ordering::Relaxed);
        captured
    });
    (captured, most.into_inner())
}

fn only_source(captured: &Captured) -> &SourceFacts {
    let [source] = &captured.facts.sources[..] else { panic!("one source was planned") };
    source
}

#[test]
fn many_runs_share_one_capture_and_each_hears_its_own() {
    let Some(wire) = Wire::new() else { return };
    let state = tempfile::tempdir().expect("a directory");
    let plans: Vec<CapturePlan> = (0..RUNS)
        .map(|number| CapturePlan {
            filter: (number % 3 == 0).then(|| "udp dst port 9999".to_owned()),
            packets_max: (number % 10 == 1).then_some(20),
            evidence_stem: format!("evidence/7/{number}"),
            ..plan(lan(), Duration::from_millis(2000 + 20 * number as u64))
        })
        .collect();
    let (captured, sockets) = carry_out_together(&wire, &plans, state.path());
    assert_eq!(sockets, 1, "one capture for all");
    for (number, (captured, plan)) in captured.iter().zip(&plans).enumerate() {
        assert_eq!(captured.troubles, [""; 0], "run {number}");
        let lan = only_source(captured);
        let limit = plan.packets_max.map_or(Ending::TimeUp, Ending::PacketLimit);
        assert_eq!((&lan.ending, &lan.control), (&limit, &Control::Seen), "run {number}");
        let [host] = &lan.observation.hosts[..] else { panic!("run {number}: {:?}", lan.observation) };
        assert_eq!((host.host.to_string().as_str(), host.contacts), ("10.99.0.2", 1), "run {number}");
        let evidence = lan.evidence.as_ref().unwrap_or_else(|| panic!("run {number} keeps its hits"));
        assert_eq!(evidence.packets, host.sightings, "run {number}");
        if limit == Ending::TimeUp {
            let unwatched = plan.window.seconds() - lan.watched.seconds();
            assert!(unwatched < 1.0, "run {number}: {unwatched} s were not watched");
        }
    }
}

#[test]
fn the_kernel_filters_for_runs_that_all_want_it_and_lets_coverage_through() {
    let Some(wire) = Wire::new() else { return };
    let state = tempfile::tempdir().expect("a directory");
    let filtered = |stem: &str, text: &str| CapturePlan {
        filter: Some(text.to_owned()),
        evidence_stem: stem.to_owned(),
        blamed: Vec::new(),
        ..plan(lan(), Duration::from_secs(2))
    };
    // Two runs with one filter: the far end sends to two ports, and the answers say that they are shut.
    let same = [filtered("e/1", "udp dst port 9999"), filtered("e/2", "udp dst port 9999")];
    let (captured, sockets) = carry_out_together(&wire, &same, state.path());
    assert_eq!(sockets, 1);
    for captured in &captured {
        let lan = only_source(captured);
        assert_eq!(lan.observation.coverage.filter, Some(FilterPlace::Kernel));
        assert_eq!(lan.control, Control::Seen, "it passes the filter of the kernel");
        assert_eq!(lan.observation.hosts.len(), 1);
        let [host] = &lan.presences[..] else { panic!("{:?}", lan.presences) };
        assert_eq!(host.present.intersection(&lan.watched), lan.watched, "taken to be there throughout");
    }
    let other = [filtered("e/3", "udp dst port 9999"), filtered("e/4", "icmp")];
    let (captured, _) = carry_out_together(&wire, &other, state.path());
    for captured in &captured {
        assert_eq!(only_source(captured).observation.coverage.filter, Some(FilterPlace::User));
    }
}

/// A TCP packet between an inside host and 10.99.0.1, number so and so.
fn segment(number: u16, is_out: bool) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 8, 0];
    let (low, high) = (number.to_be_bytes()[1], number.to_be_bytes()[0]);
    bytes.extend([0x45, 0, 0, 40, high, low, 0, 0, 64, 6, 0, 0]);
    let (inside, sink) = ([10, 99, 0, 2], [10, 99, 0, 1]);
    let (from, to) = if is_out { (inside, sink) } else { (sink, inside) };
    bytes.extend(from);
    bytes.extend(to);
    let (here, there) = ([4, 1], [0, 80]);
    let (from, to) = if is_out { (here, there) } else { (there, here) };
    bytes.extend(from);
    bytes.extend(to);
    bytes.extend([0, 0, high, low, 0, 0, 0, 1, 0x50, 0x10, 0, 0, 0, 0, 0, 0]);
    bytes.resize(60, 0);
    bytes
}

#[test]
fn what_a_mirror_doubles_or_leaves_out_is_told() {
    let rows: [(&str, &[bool], usize, Option<OneWay>); 4] = [
        ("both directions", &[true, false], 1, None),
        ("each packet twice", &[true, false], 2, None),
        ("only what hosts send", &[true], 1, Some(OneWay::Outbound)),
        ("only what they are sent", &[false], 1, Some(OneWay::Inbound)),
    ];
    for (name, directions, copies, one_way) in rows {
        let Some(wire) = Wire::new() else { return };
        let state = tempfile::tempdir().expect("a directory");
        let plan = CapturePlan { filter: None, blamed: Vec::new(), ..plan(lan(), Duration::from_secs(2)) };
        let is_listening = AtomicBool::new(false);
        let captured = thread::scope(|scope| {
            wire.there(scope, |_| mirror(directions, copies, &is_listening));
            wire.here(|| {
                thread::scope(|scope| {
                    let run = scope.spawn(|| carry_out_in(&Hub::default(), &plan, state.path()));
                    while packet_sockets() == 0 {
                        thread::yield_now();
                    }
                    is_listening.store(true, Ordering::SeqCst);
                    run.join().expect("no run panics")
                })
            })
        });
        let observation = &only_source(&captured).observation;
        let sent = (MIRRORED * directions.len() * copies) as u64;
        let sightings: u64 =
            observation.hosts.iter().chain(&observation.inbound_only).map(|host| host.sightings).sum();
        assert_eq!(sightings, sent, "{name}: sightings stay as captured");
        // A copy that a busy machine sends late is none.
        let (copied, duplicates) = (sent - sent / copies as u64, observation.coverage.duplicate_packets);
        assert!((copied * 9 / 10..=copied).contains(&duplicates), "{name}: {duplicates} of {copied} copies");
        assert_eq!(observation.coverage.one_way, one_way, "{name}");
        let contacts: u64 = observation.hosts.iter().map(|host| host.contacts).sum();
        assert_eq!(contacts, u64::from(directions.contains(&true)), "{name}");
    }
}

const MIRRORED: usize = 300;

/// Sends once the capture has its socket, and has looked once.
fn mirror(directions: &[bool], copies: usize, is_listening: &AtomicBool) {
    while !is_listening.load(Ordering::SeqCst) {
        thread::yield_now();
    }
    thread::sleep(Duration::from_millis(200));
    let handle = pcap::Capture::from_device("v1").and_then(pcap::Capture::open);
    let mut handle = handle.expect("it is there");
    for number in 0..MIRRORED {
        for is_out in directions {
            for _ in 0..copies {
                handle.sendpacket(segment(number as u16, *is_out)).expect("it is up");
            }
        }
    }
}

#[test]
fn a_capture_that_breaks_off_by_a_fault_passes_nobody() {
    /// Broken in the thread that listens, and nowhere else.
    fn broken() -> Timestamp {
        let is_listening = thread::current().name() == Some("listen");
        assert!(!is_listening, "a fault for the test");
        clock::now()
    }
    let Some(wire) = Wire::new() else { return };
    let state = tempfile::tempdir().expect("a directory");
    let hub = Hub::default();
    for _ in 0..2 {
        let means = Means {
            hub: &hub,
            lists: &Lists::default(),
            state_dir: state.path(),
            stop: &Stop::new(),
            clock: broken,
            absent: Absent::GiveUp,
            system_clock: SystemClock::Unknown,
        };
        let captured = wire.here(|| capture(&plan(lan(), Duration::from_secs(60)), &means));
        let ending = &only_source(&captured).ending;
        assert!(
            matches!(ending, Ending::SourceGone(what) if what.contains("a fault of allclear")),
            "{ending:?}"
        );
    }
    let captured = wire.here(|| carry_out_in(&hub, &plan(lan(), Duration::from_secs(1)), state.path()));
    assert_eq!(only_source(&captured).ending, Ending::TimeUp, "the next run begins a capture of its own");
}
