//! Does each run of an audience hear what it would hear alone?

use super::audience::{Alone, Audience};
use super::evidence::Pace;
use super::listener::Listener;
use super::member::{Departure, Guest};
use super::session::Look;
use super::stop::Stop;
use crate::pure::interval::{Interval, Intervals};
use crate::pure::lost::Lost;
use crate::pure::packet::{Frame, Mac};
use crate::pure::plan::CapturePlan;
use crate::pure::playbook::Keep;
use crate::pure::sighting::Presence;
use crate::pure::site::{Source, SourceKind};
use crate::pure::verdict::{Control, Ending, Listened, SourceFacts};
use crate::pure::watchlist::{CompiledList, Entry, Index, Watchlist};
use etherparse::PacketBuilder;
use jiff::Timestamp;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

const SECOND_NS: i64 = 1_000_000_000;
const SINKS: [[u8; 4]; 3] = [[203, 0, 113, 1], [203, 0, 113, 2], [203, 0, 113, 3]];

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

/// Each second two hosts call a sinkhole in turn, at a port in turn; at every fifth the control is
/// there, and at every seventh a copy of the packet before, as mirrors make them.
fn traffic() -> Vec<(i64, Vec<u8>)> {
    let mut frames = Vec::new();
    for second in 0..100_u8 {
        let (host, sink) = ([10, 0, 0, second % 2], SINKS[usize::from(second) % 3]);
        let ports = (1000 + u16::from(second), 80 + u16::from(second % 3));
        let mut bytes = Vec::new();
        let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, host[3]], [4; 6]).ipv4(host, sink, 64);
        builder.tcp(ports.0, ports.1, 7, 100).syn().write(&mut bytes, &[]).expect("a packet");
        let begin_ns = i64::from(second) * SECOND_NS;
        frames.push((begin_ns, bytes.clone()));
        if second % 7 == 0 {
            frames.push((begin_ns + 1000, bytes));
        }
        if second % 5 == 0 {
            let mut bytes = Vec::new();
            let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4([10, 0, 0, 9], [10, 0, 0, 8], 64);
            builder.udp(123, 123).write(&mut bytes, b"time").expect("a packet");
            frames.push((begin_ns + 2000, bytes));
        }
    }
    frames
}

/// A run: how many of the sinkholes it looks for, from which second to before which, its filter, its
/// packet limit, what it keeps, and when somebody stops it.
#[derive(Clone, Copy)]
struct Run {
    name: &'static str,
    sinks: usize,
    window: (i64, i64),
    filter: Option<&'static str>,
    packets_max: Option<u64>,
    keep: Keep,
    stopped: Option<i64>,
}

const RUN: Run = Run {
    name: "all the time",
    sinks: 1,
    window: (0, 100),
    filter: None,
    packets_max: None,
    keep: Keep::Hits,
    stopped: None,
};

const RUNS: [Run; 8] = [
    RUN,
    Run { name: "a part of the time", sinks: 2, window: (20, 70), ..RUN },
    Run { name: "with a filter", sinks: 3, window: (10, 90), filter: Some("tcp port 81"), ..RUN },
    Run { name: "another filter, all kept", sinks: 3, filter: Some("host 10.0.0.1"), keep: Keep::All, ..RUN },
    Run { name: "up to its limit", sinks: 3, window: (30, 80), packets_max: Some(25), ..RUN },
    Run { name: "a limit and a filter", filter: Some("tcp port 82"), packets_max: Some(4), ..RUN },
    Run { name: "one second", sinks: 3, window: (50, 51), keep: Keep::Nothing, ..RUN },
    Run { name: "stopped", sinks: 3, window: (5, 95), stopped: Some(60), ..RUN },
];

fn source() -> Source {
    Source {
        name: "lan".to_owned(),
        kind: SourceKind::Interface("v0".to_owned()),
        positive_control: Some("udp port 123".to_owned()),
        probe: None,
        ring_bytes: 1,
        runs_max: None,
    }
}

fn listener(run: Run, number: usize, state_dir: &Path) -> Listener {
    let addresses = SINKS[..run.sinks].iter().map(|[a, b, c, d]| format!("{a}.{b}.{c}.{d}"));
    let entries = addresses.flat_map(|text| Entry::parse(&text).expect("an address")).collect();
    let watchlist = Watchlist { name: "sinkholes".to_owned(), entries, ..Watchlist::default() };
    let index = Index::compile(&[CompiledList { watchlist: &watchlist, file: None }]);
    let plan = CapturePlan {
        window: Interval::new(at(run.window.0), at(run.window.1)),
        zone: jiff::tz::TimeZone::UTC,
        sources: vec![source()],
        filter: run.filter.map(str::to_owned),
        packets_max: run.packets_max,
        bytes_max: None,
        keep: run.keep,
        watchlists: vec![watchlist],
        remembered: Vec::new(),
        resolvers: Vec::new(),
        nat64: Vec::new(),
        inside: vec!["10.0.0.0/8".parse().expect("a network")],
        public: Vec::new(),
        blamed: Vec::new(),
        excepted: Vec::new(),
        evidence_stem: format!("evidence/7/{number}"),
    };
    Listener::new(&Arc::new(plan), &source(), &index, state_dir, Pace::Live)
}

fn frame((time_ns, bytes): &(i64, Vec<u8>)) -> Frame<'_> {
    Frame { time_ns: *time_ns, bytes, wire_length: bytes.len() as u32, link_type: 1 }
}

fn alone(run: Run, number: usize, state_dir: &Path) -> SourceFacts {
    let to = run.stopped.unwrap_or(run.window.1);
    let mut ending = if run.stopped.is_some() { Ending::Stopped } else { Ending::TimeUp };
    let mut alone = Alone::new(listener(run, number, state_dir));
    let frames = traffic();
    let window = run.window.0 * SECOND_NS..to * SECOND_NS;
    for heard in frames.iter().filter(|(time_ns, _)| window.contains(time_ns)) {
        if let ControlFlow::Break(why) = alone.take(&frame(heard)) {
            ending = why;
            break;
        }
    }
    let watched = Intervals::of([Interval::new(at(run.window.0), at(to))]);
    let listened = Listened { watched, lost: Lost::NONE, ..Listened::nothing(ending) };
    let (facts, troubles) = alone.finish(listened);
    assert_eq!(troubles, [""; 0], "{}", run.name);
    facts
}

fn facts(answer: &Receiver<Box<Departure>>) -> SourceFacts {
    let Departure { listener, left, listened } = *answer.try_recv().expect("it was told");
    listener.finish(left, listened).0
}

fn look(second: i64) -> Look {
    Look {
        at: at(second),
        over_since: None,
        off_stamps: None,
        fault: None,
        is_drained: true,
        lost_packets: Some(0),
        kernel_filter: None,
        is_filtered: false,
        handle_notes: Vec::new(),
        new_notes: Vec::new(),
    }
}

/// All runs together: each joins when its window begins.
fn together(state_dir: &Path) -> Vec<SourceFacts> {
    let mut audience = Audience::new(source().positive_control.as_deref());
    let mut answers: Vec<(usize, Stop, Receiver<Box<Departure>>)> = Vec::new();
    let mut frames = traffic();
    // What others say before and after is no run's.
    let foreign = frames[0].1.clone();
    frames.extend((100..110).map(|second| (second * SECOND_NS, foreign.clone())));
    let mut next = frames.iter().peekable();
    for second in 0..110 {
        for (number, run) in RUNS.iter().enumerate() {
            if run.window.0 == second {
                let (reply, answer) = sync_channel(1);
                let (listener, stop) = (listener(*run, number, state_dir), Stop::new());
                let window = Interval::new(at(run.window.0), at(run.window.1));
                audience.join(Guest { listener, window, stop: stop.clone(), reply }, at(second), Some(0));
                answers.push((number, stop, answer));
            }
        }
        let stopped = |number: usize| RUNS[number].stopped == Some(second);
        answers.iter().filter(|(number, ..)| stopped(*number)).for_each(|(_, stop, _)| stop.request());
        audience.look(&mut look(second));
        while let Some(heard) = next.next_if(|(time_ns, _)| *time_ns < (second + 1) * SECOND_NS) {
            audience.take(&frame(heard));
        }
    }
    assert!(audience.is_empty(), "all have left");
    answers.sort_by_key(|(number, ..)| *number);
    answers.iter().map(|(_, _, answer)| facts(answer)).collect()
}

#[test]
fn a_run_in_company_hears_what_it_would_hear_alone() {
    let (one, other) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let together = together(one.path());
    for (number, (run, shared)) in RUNS.iter().zip(together).enumerate() {
        let alone = alone(*run, number, other.path());
        let name = run.name;
        assert!(alone.observation.coverage.heard_packets > 0, "{name}");
        assert_eq!(shared.ending, alone.ending, "{name}");
        assert_eq!(shared.observation, alone.observation, "{name}");
        assert_eq!(present(&shared, *run), present(&alone, *run), "{name}");
        assert_eq!(shared.control, alone.control, "{name}");
        let packets = |facts: &SourceFacts| facts.evidence.as_ref().map(|file| (file.packets, file.bytes));
        assert_eq!(packets(&shared), packets(&alone), "{name}");
        if !matches!(alone.ending, Ending::PacketLimit(_)) {
            assert_eq!(shared.watched, alone.watched, "{name}");
            // The file says when it was watched.
            assert_eq!(shared.evidence, alone.evidence, "{name}: the same bytes in the file");
        }
        assert_eq!(heard_at(&shared), heard_at(&alone), "{name}");
    }
}

/// When each host was there in the window; what it sent before proves a little more.
fn present(facts: &SourceFacts, run: Run) -> Vec<(IpAddr, Option<Mac>, Intervals)> {
    let window = Interval::new(at(run.window.0), at(run.window.1));
    let within = |seen: &Presence| (seen.host, seen.mac, seen.present.within(window));
    facts.presences.iter().map(within).collect()
}

/// The beginnings of the ten-second buckets in which something was heard.
fn heard_at(facts: &SourceFacts) -> Vec<i64> {
    let heard = facts.ledger.buckets().filter(|(_, bucket)| bucket.heard_packets > 0);
    heard.map(|(begin, _)| begin).collect()
}

/// Lets one run of ten seconds listen, with looks that `change` alters, and no frame after the first.
fn looked_at(change: impl Fn(i64, &mut Look)) -> SourceFacts {
    looked_at_since(0, change)
}

/// The same where so many packets were lost before it came.
fn looked_at_since(lost_packets: u64, change: impl Fn(i64, &mut Look)) -> SourceFacts {
    let state = tempfile::tempdir().expect("a directory");
    let run = Run { window: (0, 10), ..RUN };
    let mut audience = Audience::new(source().positive_control.as_deref());
    let (reply, answer) = sync_channel(1);
    let window = Interval::new(at(0), at(10));
    let guest = Guest { listener: listener(run, 0, state.path()), window, stop: Stop::new(), reply };
    audience.join(guest, at(0), Some(lost_packets));
    let frames = traffic();
    for second in 0..100 {
        let mut look = look(second);
        change(second, &mut look);
        audience.look(&mut look);
        if second == 0 {
            audience.take(&frame(&frames[0]));
        }
        if audience.is_empty() {
            break;
        }
    }
    facts(&answer)
}

#[test]
fn a_run_leaves_with_what_was_found_of_its_source() {
    let quiet = looked_at(|_, _| {});
    assert_eq!(
        (quiet.ending, quiet.watched.seconds()),
        (Ending::TimeUp, 10.0),
        "no frame tells that it is over"
    );
    assert_eq!(quiet.control, Control::Missing, "it was never there");

    let lossy = looked_at(|second, look| look.lost_packets = Some(if second < 3 { 5 } else { 12 }));
    assert_eq!(lossy.observation.coverage.lost_packets, Some(12));
    let lost: u64 = lossy.ledger.buckets().filter_map(|(_, bucket)| bucket.lost_packets).sum();
    assert_eq!(lost, 12, "the ledger says when");

    let late = looked_at_since(4, |second, look| look.lost_packets = Some(if second < 3 { 5 } else { 12 }));
    assert_eq!(late.observation.coverage.lost_packets, Some(8), "what was lost before it came is none of it");

    let down = looked_at(|second, look| {
        look.fault = (second >= 4).then(|| "interface v0 was gone".to_owned());
        look.new_notes = if second == 4 { vec!["it went".to_owned()] } else { Vec::new() };
    });
    assert_eq!(down.ending, Ending::SourceGone("interface v0 was gone".to_owned()));
    assert_eq!(down.watched.seconds(), 3.0);
    assert_eq!(down.observation.coverage.notes, ["it went"]);

    let back = looked_at(|second, look| look.fault = (4..6).contains(&second).then(String::new));
    assert_eq!((back.ending, back.watched.seconds()), (Ending::TimeUp, 7.0));

    let busy = looked_at(|_, look| look.is_drained = false);
    assert_eq!(busy.ending, Ending::TimeUp, "it ends though its ring is never empty");
}

#[test]
fn the_kernel_filters_while_all_want_the_same_from_their_beginning() {
    let mail = Run { filter: Some("tcp port 25"), keep: Keep::Nothing, ..RUN };
    let all = Run { filter: None, ..mail };
    let web = Run { filter: Some("tcp port 80"), ..mail };
    type Row<'a> = (&'a str, &'a [(Run, i64, i64)], &'a [(i64, bool)]);
    let rows: [Row<'_>; 6] = [
        ("one with a filter", &[(mail, 0, 50)], &[(0, true), (40, true)]),
        ("one without", &[(all, 0, 50)], &[(0, false), (40, false)]),
        ("two with the same", &[(mail, 0, 50), (mail, 20, 40)], &[(0, true), (30, true), (45, true)]),
        ("another filter", &[(mail, 0, 50), (web, 20, 40)], &[(0, true), (30, false)]),
        (
            "one without comes and goes",
            &[(mail, 0, 90), (all, 20, 40)],
            &[(0, true), (30, false), (60, true)],
        ),
        ("one with comes second", &[(all, 0, 40), (mail, 20, 90)], &[(0, false), (30, false), (60, false)]),
    ];
    let state = tempfile::tempdir().expect("a directory");
    for (name, runs, wanted) in rows {
        let mut audience = Audience::new(None);
        let (reply, _answers) = sync_channel(runs.len());
        let mut is_filtered = false;
        let mut seen = Vec::new();
        for second in 0..100 {
            for (number, (run, from, to)) in runs.iter().enumerate() {
                if *from == second {
                    let run = Run { window: (*from, *to), ..*run };
                    let window = Interval::new(at(*from), at(*to));
                    let listener = listener(run, number, state.path());
                    let guest = Guest { listener, window, stop: Stop::new(), reply: reply.clone() };
                    audience.join(guest, at(second), Some(0));
                }
            }
            let mut look = Look { is_filtered, ..look(second) };
            audience.look(&mut look);
            is_filtered = look.kernel_filter.is_some();
            seen.push(is_filtered);
        }
        for (second, wanted) in wanted {
            assert_eq!(seen[*second as usize], *wanted, "{name}, second {second}");
        }
    }
}
