//! What packets make of an observer, by tables of packets built byte for byte.

use super::{Observation, Observer, Scope, Watch};
use crate::pure::packet::{Frame, Mac};
use crate::pure::protocol::RST;
pub(super) use crate::pure::protocol::{ACK, SYN};
use crate::pure::watchlist::{CompiledList, Entry, Index, PortRange, Require, Watchlist};
use etherparse::PacketBuilder;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr};

pub(super) const SECOND: i64 = 1_000_000_000;
pub(super) const HOST: &str = "10.0.0.1";
pub(super) const OTHER: &str = "10.0.0.2";
pub(super) const SINK: &str = "216.66.15.109";
pub(super) const OTHER_SINK: &str = "203.0.113.80";
const NEIGHBOUR: &str = "216.66.15.110";

/// A packet of a test: when, from, to, and what it carries.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) time_ns: i64,
    pub(super) bytes: Vec<u8>,
}

pub(super) fn v4(text: &str) -> [u8; 4] {
    text.parse::<Ipv4Addr>().expect(text).octets()
}

/// The station that owns an address: its own for inside hosts, the gateway's for all others.
pub(super) fn mac(address: &str) -> [u8; 6] {
    let last = if address.starts_with("10.") { v4(address)[3] } else { 254 };
    [2, 0, 0, 0, 0, last]
}

pub(super) fn tcp(second: i64, from: (&str, u16), to: (&str, u16), flags: u8) -> Sent {
    tcp_with(second, from, to, flags, b"")
}

pub(super) fn tcp_with(second: i64, from: (&str, u16), to: (&str, u16), flags: u8, payload: &[u8]) -> Sent {
    let builder = PacketBuilder::ethernet2(mac(from.0), mac(to.0)).ipv4(v4(from.0), v4(to.0), 64);
    let mut builder = builder.tcp(from.1, to.1, second as u32, 1000);
    for (bit, set) in [(SYN, 0), (RST, 1), (ACK, 2)] {
        if flags & bit != 0 {
            builder = match set {
                0 => builder.syn(),
                1 => builder.rst(),
                _ => builder.ack(1),
            };
        }
    }
    let mut bytes = Vec::new();
    builder.write(&mut bytes, payload).expect("a packet");
    Sent { time_ns: second * SECOND, bytes }
}

pub(super) fn udp(second: i64, from: (&str, u16), to: (&str, u16), payload: &[u8]) -> Sent {
    let builder = PacketBuilder::ethernet2(mac(from.0), mac(to.0)).ipv4(v4(from.0), v4(to.0), 64);
    let mut bytes = Vec::new();
    builder.udp(from.1, to.1).write(&mut bytes, payload).expect("a packet");
    Sent { time_ns: second * SECOND, bytes }
}

pub(super) fn dns(name: &str, is_answer: bool) -> Vec<u8> {
    let mut message = vec![0, 7, if is_answer { 0x81 } else { 1 }, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).expect("a label"));
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    message
}

pub(super) fn list(name: &str, entries: &[&str]) -> Watchlist {
    let entries = entries.iter().flat_map(|text| Entry::parse(text).expect(text)).collect();
    Watchlist { name: name.to_owned(), entries, ..Watchlist::default() }
}

pub(super) fn index(lists: &[Watchlist]) -> Index {
    let lists: Vec<_> = lists.iter().map(|watchlist| CompiledList { watchlist, file: None }).collect();
    Index::compile(&lists)
}

pub(super) fn inside() -> Vec<IpNet> {
    vec!["10.0.0.0/8".parse().expect("a network")]
}

pub(super) fn feed(observer: &mut Observer, sent: &Sent, scope: Scope) -> bool {
    let wire_length = u32::try_from(sent.bytes.len()).expect("short");
    let frame = Frame { time_ns: sent.time_ns, bytes: &sent.bytes, wire_length, link_type: 1 };
    observer.see(&frame, |_| scope).is_sighting
}

pub(super) fn observe(lists: &[Watchlist], packets: &[Sent]) -> Observation {
    observe_at(lists, &[], packets)
}

/// The same at a site whose resolvers are these.
pub(super) fn observe_at(lists: &[Watchlist], resolvers: &[IpNet], packets: &[Sent]) -> Observation {
    let mut observer = Observer::default();
    let watch = Watch::new(index(lists), &inside()).with_resolvers(resolvers);
    let watch = observer.join(watch, i64::MIN);
    for sent in packets {
        feed(&mut observer, sent, Scope::Matched);
    }
    observer.leave(watch, &[]).expect("it is there").observation
}

/// Hosts in a line each: address, contacts, sightings, those sent.
pub(super) fn hosts(observation: &Observation) -> String {
    let line =
        |h: &super::HostFinding| format!("{} {} {} {}", h.host, h.contacts, h.sightings, h.sightings_out);
    let blamed = observation.hosts.iter().map(line);
    let received = observation.inbound_only.iter().map(|finding| format!("received only: {}", line(finding)));
    let indirect = observation.indirect.iter().map(|finding| format!("for others: {}", line(finding)));
    blamed.chain(received).chain(indirect).collect::<Vec<_>>().join(", ")
}

pub(super) fn out(second: i64) -> Sent {
    tcp(second, (HOST, 1025), (SINK, 80), SYN)
}

fn back(second: i64) -> Sent {
    tcp(second, (SINK, 80), (HOST, 1025), SYN | ACK)
}

#[test]
fn contacts_need_something_sent_and_end_after_the_gap() {
    let rows = [
        ("one SYN is enough", vec![out(0)], "10.0.0.1 1 1 1"),
        ("call and answer", vec![out(0), back(1)], "10.0.0.1 1 2 1"),
        ("again after 60 s", vec![out(0), out(60)], "10.0.0.1 1 2 2"),
        ("again after 61 s", vec![out(0), out(61)], "10.0.0.1 2 2 2"),
        ("bridged by an answer", vec![out(0), back(50), out(100)], "10.0.0.1 1 3 2"),
        ("out of order", vec![out(100), out(0), out(50)], "10.0.0.1 1 3 3"),
        ("only knocked at", vec![back(0), back(100)], "received only: 10.0.0.1 0 2 0"),
        ("knocked at later on", vec![out(0), back(500)], "10.0.0.1 1 2 1"),
        ("a neighbour of the sinkhole", vec![tcp(0, (HOST, 1025), (NEIGHBOUR, 80), SYN)], ""),
    ];
    for (row, packets, wanted) in rows {
        assert_eq!(hosts(&observe(&[list("s", &[SINK])], &packets)), wanted, "{row}");
    }
}

#[test]
fn one_packet_is_one_contact_however_many_entries_it_matches() {
    let lists = [list("a", &[SINK, "216.66.15.0/24", "tcp/80"]), list("b", &[SINK])];
    let observation = observe(&lists, &[out(0), back(1)]);
    assert_eq!(hosts(&observation), "10.0.0.1 1 2 1");
    let hits: Vec<String> = observation.hosts[0]
        .hits
        .iter()
        .map(|hit| format!("{}:{} {:?} {}", hit.watchlist, hit.entry, hit.matched, hit.contacts))
        .collect();
    assert_eq!(
        hits,
        [
            "a:216.66.15.109 Address 1",
            "b:216.66.15.109 Address 1",
            "a:216.66.15.0/24 Network 1",
            "a:tcp/80 Port 1"
        ]
    );
    let two = [list("a", &[SINK, NEIGHBOUR])];
    let packets = [out(0), tcp(1, (HOST, 1026), (NEIGHBOUR, 80), SYN)];
    let observation = observe(&two, &packets);
    assert_eq!(hosts(&observation), "10.0.0.1 2 2 2", "two entries are two attempts");
    assert_eq!(observation.hosts[0].spans.len(), 1, "which lie in one stretch of time");
}

#[test]
fn the_end_that_calls_is_blamed() {
    let lists = [list("s", &[SINK, OTHER, "tcp/4444"])];
    let rows = [
        ("both ends inside", tcp(0, (HOST, 1), (OTHER, 2), SYN), "10.0.0.1 1 1 1", 0),
        ("both inside, the answer", tcp(0, (OTHER, 2), (HOST, 1), ACK), "received only: 10.0.0.1 0 1 0", 0),
        ("a port between inside hosts", tcp(0, ("10.0.0.3", 1), (HOST, 4444), SYN), "", 0),
        ("a port outside", tcp(0, (HOST, 1), ("9.9.9.9", 4444), SYN), "10.0.0.1 1 1 1", 0),
        ("both ends outside", tcp(0, ("192.0.2.17", 1), (SINK, 80), SYN), "", 1),
        ("its answer", tcp(0, (SINK, 80), ("192.0.2.17", 1), ACK), "", 1),
    ];
    for (row, packet, wanted, unattributed) in rows {
        let observation = observe(&lists, &[packet]);
        assert_eq!(hosts(&observation), wanted, "{row}");
        assert_eq!(observation.unattributed_sightings, unattributed, "{row}");
    }
}

#[test]
fn require_all_counts_only_hosts_that_contacted_every_entry() {
    let pair = Watchlist { require: Require::All, ..list("pair", &["8.8.8.8", "8.8.4.4"]) };
    let to = |host, server| udp(0, (host, 1025), (server, 53), b"");
    let from = |host, server| udp(0, (server, 53), (host, 1025), b"");
    let rows = [
        ("one of two", vec![to(HOST, "8.8.8.8")], ""),
        ("both", vec![to(HOST, "8.8.8.8"), to(HOST, "8.8.4.4")], "10.0.0.1 2 2 2"),
        ("each by another host", vec![to(HOST, "8.8.8.8"), to(OTHER, "8.8.4.4")], ""),
        ("the second only received", vec![to(HOST, "8.8.8.8"), from(HOST, "8.8.4.4")], ""),
    ];
    for (row, packets, wanted) in rows {
        assert_eq!(hosts(&observe(std::slice::from_ref(&pair), &packets)), wanted, "{row}");
    }
    let with_another = [pair, list("plain", &["8.8.8.0/24"])];
    assert_eq!(hosts(&observe(&with_another, &[to(HOST, "8.8.8.8")])), "10.0.0.1 1 1 1");
}

#[test]
fn excepted_ends_are_no_hits() {
    let except = vec!["192.0.2.25/32".parse().expect("one"), "10.0.0.25/32".parse().expect("one")];
    let spam =
        Watchlist { ports: vec![PortRange::parse("tcp/25").expect("one")], except, ..list("spam", &[]) };
    let rows = [
        ("to anywhere", HOST, "9.9.9.9", "10.0.0.1 1 1 1"),
        ("to the relay", HOST, "192.0.2.25", ""),
        ("by the mail server", "10.0.0.25", "9.9.9.9", ""),
    ];
    for (row, from, to, wanted) in rows {
        let observation = observe(std::slice::from_ref(&spam), &[tcp(0, (from, 1025), (to, 25), SYN)]);
        assert_eq!(hosts(&observation), wanted, "{row}");
    }
}

#[test]
fn the_handshake_says_how_far_it_got() {
    let refusal = || tcp(1, (SINK, 80), (HOST, 1025), RST | ACK);
    let data = || tcp(2, (HOST, 1025), (SINK, 80), ACK);
    let rows = [
        ("no answer", vec![out(0), out(3)], "Syn"),
        ("refused", vec![out(0), refusal()], "Refused"),
        ("accepted", vec![out(0), back(1)], "Established"),
        ("joined in the middle", vec![data()], "Established"),
        ("cut off by the server later", vec![out(0), back(1), data(), refusal()], "Established"),
        ("not TCP", vec![udp(0, (HOST, 1025), (SINK, 80), b"x")], "None"),
    ];
    for (row, packets, wanted) in rows {
        let observation = observe(&[list("s", &[SINK])], &packets);
        assert_eq!(format!("{:?}", observation.hosts[0].hits[0].handshake), wanted, "{row}");
    }
}

#[test]
fn copies_count_as_heard_and_as_copies_and_make_no_contacts() {
    let mut copy = out(0);
    copy.time_ns += 1_000_000;
    copy.bytes[..12].fill(9);
    copy.bytes[22] = 63;
    let observation = observe(&[list("s", &[SINK])], &[out(0), copy]);
    assert_eq!(hosts(&observation), "10.0.0.1 1 2 2");
    assert_eq!((observation.coverage.heard_packets, observation.coverage.duplicate_packets), (2, 1));
}

#[test]
fn what_the_filter_drops_is_heard_and_present_and_no_sighting() {
    let index = index(&[list("s", &[SINK])]);
    let (mut observer, watch) = Observer::alone(index, &inside());
    assert!(!feed(&mut observer, &out(0), Scope::CoverageOnly));
    assert!(feed(&mut observer, &back(1), Scope::Matched));
    let left = observer.leave(watch, &[(HOST.parse().expect("one"), None)]).expect("it is there");
    assert_eq!(left.presences.len(), 1);
    let observation = left.observation;
    assert_eq!(hosts(&observation), "received only: 10.0.0.1 0 1 0");
    assert_eq!((observation.coverage.heard_packets, observation.coverage.inside_hosts), (2, 1));
}

#[test]
fn cut_packets_are_counted_where_they_hide_something() {
    let ask = udp(0, (HOST, 1025), ("8.8.8.8", 53), &dns("x.evil.example", false));
    let question = |bytes_kept: usize, lists: &[Watchlist]| {
        let index = index(lists);
        let (mut observer, watch) = Observer::alone(index, &inside());
        let bytes = &ask.bytes[..bytes_kept];
        let frame = Frame { time_ns: 0, bytes, wire_length: ask.bytes.len() as u32, link_type: 1 };
        observer.see(&frame, |_| Scope::Matched);
        observer.leave(watch, &[]).expect("it is there").observation.coverage.truncated_packets
    };
    let (addresses, names) = ([list("s", &[SINK])], [list("d", &["evil.example"])]);
    let rows = [
        ("addresses cut", 30, &addresses, 1),
        ("ports cut", 34, &addresses, 1),
        ("name cut, addresses wanted", 50, &addresses, 0),
        ("name cut, names wanted", 50, &names, 1),
        ("all behind the header cut, names wanted", 42, &names, 1),
        ("all behind the header cut, addresses wanted", 42, &addresses, 0),
        ("whole", ask.bytes.len(), &names, 0),
    ];
    for (row, bytes_kept, lists, wanted) in rows {
        assert_eq!(question(bytes_kept, lists), wanted, "{row}");
    }
}

#[test]
fn a_host_is_called_what_it_calls_itself_in_dhcp() {
    let mut discover = vec![0; 236];
    discover[..3].copy_from_slice(&[1, 1, 6]);
    discover[28..34].copy_from_slice(&mac(HOST));
    discover.extend(b"\x63\x82\x53\x63\x35\x01\x01\x0c\x05LAB-7\xff");
    let asked = udp(0, ("0.0.0.0", 68), ("255.255.255.255", 67), &discover);
    for (packets, wanted) in [(vec![out(0), asked], Some("LAB-7")), (vec![out(0)], None)] {
        let observation = observe(&[list("s", &[SINK])], &packets);
        assert_eq!(observation.hosts[0].name.as_deref(), wanted);
    }
}

#[test]
fn a_flood_from_outside_never_hides_the_host_that_answers() {
    let index = index(&[list("s", &["216.66.0.0/16"])]);
    let (mut observer, watch) = Observer::alone(index, &inside());
    for number in 0..=super::FINDING_HOSTS_MAX as u32 {
        let [a, b, c, d] = (0x0a80_0000 + number).to_be_bytes();
        let host = format!("{a}.{b}.{c}.{d}");
        feed(&mut observer, &tcp(0, (SINK, 80), (&host, 1025), SYN), Scope::Matched);
    }
    feed(&mut observer, &out(1), Scope::Matched);
    let observation = observer.leave(watch, &[]).expect("it is there").observation;
    assert_eq!(observation.hosts.len(), 1);
    assert_eq!(observation.hosts[0].hits.len(), 1);
    assert_eq!(observation.inbound_only.len(), super::FINDING_HOSTS_MAX);
    assert_eq!(observation.unlisted_sightings, 1, "the one beyond the limit is told");
}

#[test]
fn rows_filled_from_outside_leave_room_for_what_a_host_calls() {
    let index = index(&[list("s", &["216.0.0.0/8"])]);
    let (mut observer, watch) = Observer::alone(index, &inside());
    let mut knock = tcp(0, ("216.0.0.0", 80), (HOST, 1025), SYN);
    let knocks = 2 * super::HITS_MAX as u32 + 1;
    for number in 0..knocks {
        knock.bytes[26..30].copy_from_slice(&(0xd800_0000 + number).to_be_bytes());
        feed(&mut observer, &knock, Scope::Matched);
    }
    feed(&mut observer, &out(1), Scope::Matched);
    let observation = observer.leave(watch, &[]).expect("it is there").observation;
    assert_eq!(hosts(&observation), format!("10.0.0.1 1 {} 1", knocks + 1));
    assert_eq!(observation.hosts[0].hits[0].remote.to_string(), SINK, "the call has its row");
    assert_eq!(observation.unlisted_sightings, u64::from(knocks) - super::HITS_MAX as u64);
}

#[test]
fn merged_sources_count_a_contact_that_both_saw_once() {
    let lists = [list("s", &[SINK])];
    let mut merged = observe(&lists, &[out(0), out(100), back(101)]);
    merged.merge(observe(&lists, &[out(0), out(300), tcp(0, (OTHER, 1), (SINK, 80), SYN)]));
    merged.merge(observe(&lists, &[back(100)]));
    assert_eq!(hosts(&merged), "10.0.0.1 3 6 4, 10.0.0.2 1 1 1");
    assert_eq!(merged.hosts[0].spans.len(), 3);
    assert_eq!(merged.hosts[0].mac, Some(Mac(mac(HOST))));
    assert_eq!(merged.hosts[0].hits.len(), 1);
    let host: IpAddr = HOST.parse().expect("one");
    assert!(merged.inbound_only.iter().all(|finding| finding.host != host));
}
