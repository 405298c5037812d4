//! Do runs that share a source see what each of them would have seen alone?

use super::{Bucket, HEARD_HOSTS_MAX, Link, Observation, Observer, OneWay, Scope, Watch};
use crate::pure::packet::Frame;
use crate::pure::watchlist::{CompiledList, Entry, Index, Watchlist};
use etherparse::PacketBuilder;
use ipnet::IpNet;
use std::net::Ipv4Addr;

const SECOND: i64 = 1_000_000_000;
const SINKS: [&str; 3] = ["203.0.113.1", "203.0.113.2", "203.0.113.3"];

fn index(entries: &[&str]) -> Index {
    let entries = entries.iter().flat_map(|text| Entry::parse(text).expect(text)).collect();
    let watchlist = Watchlist { name: "s".to_owned(), entries, ..Watchlist::default() };
    Index::compile(&[CompiledList { watchlist: &watchlist, file: None }])
}

fn networks(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().expect(text)).collect()
}

/// A SYN of a second and its answer.
fn exchange(host: [u8; 4], remote: &str, port: u16) -> [Vec<u8>; 2] {
    let remote = remote.parse::<Ipv4Addr>().expect(remote).octets();
    [(host, 1025, remote, port), (remote, port, host, 1025)].map(|(from, from_port, to, to_port)| {
        let mut bytes = Vec::new();
        let builder = PacketBuilder::ethernet2([2, 0, from[0], from[1], from[2], from[3]], [4; 6]);
        let builder = builder.ipv4(from, to, 64).tcp(from_port, to_port, 7, 100);
        builder.syn().write(&mut bytes, &[]).expect("a packet");
        bytes
    })
}

/// What happens at each of a hundred seconds: three hosts of two sites call three sinkholes in turn.
fn traffic() -> Vec<(i64, Vec<u8>)> {
    let mut frames = Vec::new();
    for second in 0..100_u8 {
        let host = [10, second % 2, 0, second % 3];
        let packets = exchange(host, SINKS[usize::from(second) % 3], 80 + u16::from(second % 5));
        frames.extend(packets.map(|bytes| (i64::from(second) * SECOND, bytes)));
    }
    frames
}

fn see(observer: &mut Observer, frame: &(i64, Vec<u8>)) {
    let (time_ns, bytes) = frame;
    let wire_length = bytes.len() as u32;
    observer.see(&Frame { time_ns: *time_ns, bytes, wire_length, link_type: 1 }, |_| Scope::Matched);
}

/// A run: what it looks for, what is inside, from which second to before which.
type Run<'a> = (&'a [&'a str], &'a [&'a str], i64, i64);

const RUNS: [Run<'static>; 5] = [
    (&[SINKS[0]], &["10.0.0.0/16"], 0, 100),
    (&[SINKS[0], SINKS[1]], &["10.0.0.0/8"], 20, 70),
    (&["203.0.113.0/24", "tcp/82"], &["10.1.0.0/16"], 20, 100),
    (&["10.0.0.0/16"], &["10.1.0.0/16"], 50, 51),
    (&["198.51.100.9"], &["10.0.0.0/8"], 0, 90),
];

fn alone((lists, inside, from, to): Run<'_>, frames: &[(i64, Vec<u8>)]) -> Observation {
    let (mut observer, watch) = Observer::alone(index(lists), &networks(inside));
    let window = from * SECOND..to * SECOND;
    frames.iter().filter(|(time_ns, _)| window.contains(time_ns)).for_each(|frame| see(&mut observer, frame));
    observer.leave(watch, &[]).expect("it is there").observation
}

#[test]
fn a_run_in_company_sees_what_it_would_see_alone() {
    let frames = traffic();
    let mut observer = Observer::default();
    let mut joined = Vec::new();
    let mut seen = vec![None; RUNS.len()];
    for frame in &frames {
        for (number, (lists, inside, from, to)) in RUNS.iter().enumerate() {
            let is_new = joined.iter().all(|(known, _)| *known != number) && seen[number].is_none();
            if is_new && frame.0 >= from * SECOND {
                let watch = Watch::new(index(lists), &networks(inside));
                joined.push((number, observer.join(watch, from * SECOND)));
            }
            if let Some(place) =
                joined.iter().position(|(known, _)| *known == number && frame.0 >= to * SECOND)
            {
                let left = observer.leave(joined.remove(place).1, &[]).expect("it is there");
                seen[number] = Some(left.observation);
            }
        }
        see(&mut observer, frame);
    }
    for (number, id) in joined {
        seen[number] = Some(observer.leave(id, &[]).expect("it is there").observation);
    }
    for (number, run) in RUNS.into_iter().enumerate() {
        assert_eq!(seen[number].as_ref(), Some(&alone(run, &frames)), "run {number}");
    }
}

#[test]
fn only_those_are_told_whose_lists_matched() {
    let mut observer = Observer::default();
    let inside = networks(&["10.0.0.0/8"]);
    let first = observer.join(Watch::new(index(&[SINKS[0]]), &inside), 0);
    let second = observer.join(Watch::new(index(&[SINKS[0], SINKS[1]]), &inside), 0);
    let mut sighted = |remote: &str, scope: Scope| {
        let [bytes, _] = exchange([10, 0, 0, 1], remote, 80);
        let frame = Frame { time_ns: 0, bytes: &bytes, wire_length: bytes.len() as u32, link_type: 1 };
        let asked = observer.see(&frame, |id| if id == first { scope } else { Scope::Matched });
        let ids: Vec<_> = observer.sighted().map(|(id, _)| id).collect();
        assert_eq!(asked.is_sighting, !ids.is_empty());
        if asked.is_sighting { ids } else { Vec::new() }
    };
    assert_eq!(sighted(SINKS[0], Scope::Matched), [first, second]);
    assert_eq!(sighted(SINKS[0], Scope::CoverageOnly), [second]);
    assert_eq!(sighted(SINKS[1], Scope::Matched), [second]);
}

#[test]
fn the_ledger_tells_each_ten_seconds() {
    let frames = traffic();
    let (mut observer, watch) = Observer::alone(index(&[SINKS[0]]), &networks(&["10.0.0.0/8"]));
    [0, SECOND, 2 * SECOND].into_iter().for_each(|at| observer.look(at, true, Some(0)));
    // A host that is first heard by ARP is one of the ten seconds too, once.
    let arp = [&[0xff; 6][..], &[2; 6], &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &[2; 6], &[10, 9, 9, 9]].concat();
    [0, SECOND].into_iter().for_each(|time_ns| see(&mut observer, &(time_ns, arp.clone())));
    frames.iter().filter(|(time_ns, _)| *time_ns < 25 * SECOND).for_each(|frame| see(&mut observer, frame));
    observer.control_seen(12 * SECOND);
    observer.look(12 * SECOND, true, Some(3));
    observer.look(13 * SECOND, true, Some(3));
    observer.look(14 * SECOND, false, Some(5));
    // What was lost in one of two buckets counts once, and is doubted in both: all three looks before lie there.
    [15, 16].into_iter().for_each(|second| observer.look(second * SECOND, true, Some(5)));
    observer.look(17 * SECOND, true, Some(9));
    see(&mut observer, &(3 * SECOND, vec![0; 5]));
    let left = observer.leave(watch, &[]).expect("it is there");
    let lost = |bucket: &Bucket| (bucket.lost_packets, bucket.perhaps_lost_packets);
    let told: Vec<_> = left
        .ledger
        .buckets()
        .map(|(begin, b)| (begin, b.heard_packets, b.inside_hosts, lost(b), b.link, b.has_control))
        .collect();
    let wanted = [
        (0, 23, 7, (Some(0), 5), Some(Link::Up), false),
        (10, 20, 6, (Some(9), 0), Some(Link::Down), true),
        (20, 10, 5, (None, 0), None, false),
    ];
    assert_eq!(told, wanted);
}

#[test]
fn every_sender_counts_in_its_own_ten_seconds_however_many_there_are() {
    for senders in [1, 63, 64, 65, 200] {
        let (mut observer, watch) = Observer::alone(index(&[SINKS[0]]), &networks(&["10.0.0.0/8"]));
        for (second, hosts) in [(9, senders), (11, senders / 2)] {
            for host in 0..hosts {
                exchange([10, 0, 0, host], SINKS[1], 80)
                    .into_iter()
                    .for_each(|bytes| see(&mut observer, &(second * SECOND, bytes)));
            }
        }
        let left = observer.leave(watch, &[]).expect("it is there");
        let told: Vec<u64> = left.ledger.buckets().map(|(_, bucket)| bucket.inside_hosts).collect();
        let wanted = [u64::from(senders), u64::from(senders / 2)];
        assert_eq!(told, wanted[..if senders > 1 { 2 } else { 1 }], "{senders}");
        assert_eq!(left.observation.coverage.inside_hosts, u64::from(senders));
    }
}

#[test]
fn more_hosts_than_are_told_apart_are_told() {
    for (hosts, is_told) in [(HEARD_HOSTS_MAX - 1, false), (HEARD_HOSTS_MAX, true)] {
        let (mut observer, watch) = Observer::alone(index(&[SINKS[0]]), &networks(&["10.0.0.0/8"]));
        for host in 0..hosts as u32 {
            let [_, b, c, d] = host.to_be_bytes();
            see(&mut observer, &(0, exchange([10, b, c, d], SINKS[1], 80)[0].clone()));
        }
        let coverage = observer.leave(watch, &[]).expect("it is there").observation.coverage;
        assert_eq!((coverage.inside_hosts, coverage.notes.len() == 1), (hosts as u64, is_told));
    }
}

#[test]
fn a_mirror_of_one_direction_is_told() {
    const FLAGS: usize = 47;
    use crate::pure::protocol::ACK;
    let heard = |direction: usize, flags: u8| {
        let (mut observer, watch) = Observer::alone(index(&[SINKS[0]]), &networks(&["10.0.0.0/8"]));
        for second in 0..300 {
            let mut bytes = exchange([10, 0, 0, 1], SINKS[1], 80)[direction].clone();
            bytes[FLAGS] = flags;
            see(&mut observer, &(second * SECOND, bytes));
        }
        observer.leave(watch, &[]).expect("it is there").observation.coverage.one_way
    };
    assert_eq!(heard(0, ACK), Some(OneWay::Outbound));
    assert_eq!(heard(1, ACK), Some(OneWay::Inbound));
    assert_eq!(heard(1, 0), None, "knocks from outside need no answer");
}
