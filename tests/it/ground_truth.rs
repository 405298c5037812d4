//! Do reader and decoder see in real captures what tshark saw? Against the truth beside the captures,
//! which are not part of the project.

use crate::frames::read_frames;
use crate::skip::skipped;
use allclear::edge::capture::stream::FrameStream;
use allclear::pure::packet::{Decoded, NameKind, Names, Packet, decode, names};
use ipnet::IpNet;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Where the captures lie; `None`, and a line that says so, when they are not there.
pub fn data() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if path.join("ground_truth.json").is_file() {
        return Some(path);
    }
    skipped(&format!("{} is not there", path.display()));
    None
}

/// The truth of every capture of the kinds named.
fn truths(data: &Path, kinds: &[&str]) -> Vec<Value> {
    let text = std::fs::read_to_string(data.join("ground_truth.json")).expect("the truth is readable");
    let all: Value = serde_json::from_str(&text).expect("the truth is JSON");
    let files = all["files"].as_array().expect("a list of files").clone();
    files.into_iter().filter(|file| kinds.iter().any(|kind| file["kind"] == *kind)).collect()
}

/// A tuple of the truth: source, destination, protocol, destination port.
type Tuple = (IpAddr, IpAddr, u8, Option<u16>);

/// What we see of a capture.
#[derive(Default)]
struct Seen {
    frames: u64,
    wire_bytes: u64,
    captured_bytes: u64,
    cut_frames: u64,
    undecoded: BTreeSet<&'static str>,
    truncated: u64,
    packets: u64,
    least_ns: Option<i64>,
    greatest_ns: Option<i64>,
    sources: BTreeSet<IpAddr>,
    tuples: BTreeMap<Tuple, u64>,
    /// Sender, kind and text of each name asked for.
    names: BTreeMap<(IpAddr, &'static str, String), u64>,
}

impl Seen {
    fn of(path: &Path) -> Seen {
        let mut seen = Seen::default();
        read_frames(path, |frame| {
            seen.frames += 1;
            seen.wire_bytes += u64::from(frame.wire_length);
            seen.captured_bytes += frame.bytes.len() as u64;
            seen.cut_frames += u64::from(frame.wire_length as usize > frame.bytes.len());
            seen.least_ns = Some(seen.least_ns.map_or(frame.time_ns, |ns| ns.min(frame.time_ns)));
            seen.greatest_ns = Some(seen.greatest_ns.map_or(frame.time_ns, |ns| ns.max(frame.time_ns)));
            match decode(&frame) {
                Decoded::Packet(packet) => seen.add(&packet),
                Decoded::Undecoded(what) => _ = seen.undecoded.insert(what),
                Decoded::Truncated => seen.truncated += 1,
                Decoded::NotIp(_) | Decoded::UnknownType(_) => {}
            }
            ControlFlow::Continue(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
        seen
    }

    fn add(&mut self, packet: &Packet<'_>) {
        self.packets += 1;
        self.sources.insert(packet.source);
        let port = packet.ports.map(|ports| ports.destination).filter(|_| packet.protocol != 132);
        // The truth numbers later fragments of IPv6 by their fragment header, 44.
        let is_part = packet.is_later_fragment && packet.source.is_ipv6();
        let protocol = if is_part { 44 } else { packet.protocol };
        let tuple = (packet.source, packet.destination, protocol, port);
        *self.tuples.entry(tuple).or_default() += 1;
        let mut found = Names::default();
        names(packet, &mut found);
        for name in found.as_slice() {
            let kind = match name.kind {
                // The truth has those of DNS's own port alone, not of mDNS.
                NameKind::Dns { is_answer: false, .. } if port == Some(53) => "domain",
                NameKind::Dns { .. } => continue,
                NameKind::Tls => "tls",
                NameKind::Http => "http_host",
            };
            *self.names.entry((packet.source, kind, name.text.to_string())).or_default() += 1;
        }
    }

    /// Packets that `host` sent and that match an indicator of the truth.
    fn sent(&self, host: IpAddr, kind: &str, value: &str) -> u64 {
        let is_named = |name: &str| name == value || kind == "domain" && name.ends_with(&format!(".{value}"));
        if matches!(kind, "domain" | "http_host") {
            let ours = self
                .names
                .iter()
                .filter(|((from, k, name), _)| *from == host && *k == kind && is_named(name));
            return ours.map(|(_, count)| count).sum();
        }
        let is_ours = |tuple: &Tuple| tuple.0 == host && is_match(tuple, kind, value);
        self.tuples.iter().filter(|(tuple, _)| is_ours(tuple)).map(|(_, count)| count).sum()
    }
}

fn is_match((_, destination, protocol, port): &Tuple, kind: &str, value: &str) -> bool {
    match kind {
        "ip" => *destination == address(value),
        "cidr" => value.parse::<IpNet>().expect("a network").contains(destination),
        _ => {
            let (ports, name) = value.split_once('/').expect("port/protocol");
            let (low, high) = ports.split_once('-').unwrap_or((ports, ports));
            let range = low.parse::<u16>().expect("a port")..=high.parse::<u16>().expect("a port");
            *protocol == protocol_number(name) && port.is_some_and(|port| range.contains(&port))
        }
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| panic!("{text} is no address"))
}

fn protocol_number(name: &str) -> u8 {
    match name {
        "tcp" => 6,
        "udp" => 17,
        "icmp" => 1,
        "icmpv6" | "icmp6" => 58,
        number => number.parse().unwrap_or_else(|_| panic!("protocol {number}")),
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// What is no capture of a format that we read.
const NOT_READ: &[&str] = &["solaris.snoop"];

fn is_read(truth: &Value) -> bool {
    !NOT_READ.iter().any(|name| text(&truth["file"]).ends_with(name))
}

/// Calls `check` with every readable capture of the kinds named, its truth and what we see of it.
fn each(kinds: &[&str], check: impl Fn(&str, &Value, &Seen)) {
    let Some(data) = data() else { return };
    let truths = truths(&data, kinds);
    assert!(!truths.is_empty(), "no capture of {kinds:?} in the truth");
    for truth in truths.iter().filter(|truth| is_read(truth)) {
        let file = text(&truth["file"]);
        check(file, truth, &Seen::of(&data.join(file)));
    }
}

#[test]
fn every_frame_is_counted_with_its_lengths() {
    each(&["mal", "neg", "enc"], |file, truth, seen| {
        assert_eq!(seen.frames, number(&truth["packets"]), "frames of {file}");
        assert_eq!(seen.wire_bytes, number(&truth["wire_bytes"]), "bytes on the wire of {file}");
        assert_eq!(seen.captured_bytes, number(&truth["captured_bytes"]), "bytes captured of {file}");
        assert_eq!(seen.cut_frames, number(&truth["truncated_packets"]), "cut frames of {file}");
    });
}

#[test]
fn first_and_last_times_are_exact() {
    each(&["mal", "neg", "enc"], |file, truth, seen| {
        for (key, ours) in [("first_ts", seen.least_ns), ("last_ts", seen.greatest_ns)] {
            let Ok(theirs) = text(&truth[key]).parse::<Timestamp>() else { continue };
            // The negative times of this one stand before its first in the truth's reading.
            if !file.ends_with("snap128_multi.pcapng") {
                assert_eq!(ours.map(i128::from), Some(theirs.as_nanosecond()), "{key} of {file}");
            }
        }
    });
}

#[test]
fn every_packet_has_its_innermost_addresses_and_ports() {
    each(&["mal", "neg", "enc"], |file, truth, seen| {
        assert_eq!(seen.packets, number(&truth["ip_packets"]), "IP packets of {file}");
        assert_eq!(seen.truncated, 0, "packets cut before their addresses of {file}");
        assert_eq!(seen.undecoded, BTreeSet::new(), "undecoded layers of {file}");
        assert_eq!(seen.tuples.len() as u64, number(&truth["distinct_tuples"]), "tuples of {file}");
        for tuple in truth["top"].as_array().expect("a list") {
            let port = tuple["dport"].as_u64().map(|port| port as u16);
            let protocol = protocol_number(text(&tuple["proto"]));
            let key = (address(text(&tuple["src"])), address(text(&tuple["dst"])), protocol, port);
            let ours = seen.tuples.get(&key).copied().unwrap_or_default();
            assert_eq!(ours, number(&tuple["packets"]), "{key:?} of {file}");
        }
    });
}

#[test]
fn inside_hosts_are_all_seen() {
    each(&["mal", "neg", "enc"], |file, truth, seen| {
        let inside = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]
            .map(|net| net.parse::<IpNet>().expect("a network"));
        let ours = seen.sources.iter().filter(|source| inside.iter().any(|net| net.contains(*source)));
        let theirs = truth["inside_hosts"].as_array().expect("a list").iter().map(|host| address(text(host)));
        assert_eq!(ours.copied().collect::<BTreeSet<_>>(), theirs.collect(), "inside hosts of {file}");
    });
}

#[test]
fn indicators_are_met_as_often_as_in_the_truth() {
    each(&["mal", "neg", "enc"], |file, truth, seen| {
        for indicator in truth["indicators"].as_array().expect("a list") {
            let (kind, value) = (text(&indicator["type"]), text(&indicator["value"]));
            for host in indicator["hosts"].as_array().expect("a list") {
                let theirs = host.get("host_header_frames").unwrap_or(host);
                let ours = seen.sent(address(text(&host["ip"])), kind, value);
                assert_eq!(ours, number(&theirs["packets"]), "{} to {value} in {file}", host["ip"]);
            }
        }
    });
}

#[test]
fn dns_questions_are_those_of_the_truth() {
    each(&["mal", "neg", "enc"], |file, truth, seen| {
        let Some(theirs) = truth["dns_queries"].as_array() else { return };
        let mut expected = BTreeMap::new();
        for query in theirs {
            let key = (address(text(&query["host"])), text(&query["qname"]).to_lowercase());
            *expected.entry(key).or_default() += number(&query["packets"]);
        }
        let is_whole = theirs.len() as u64 == number(&truth["dns_queries_distinct"]);
        let ours = seen.names.iter().filter(|((_, kind, _), _)| *kind == "domain");
        let ours: BTreeMap<_, _> =
            ours.map(|((host, _, name), count)| ((*host, name.clone()), *count)).collect();
        if is_whole {
            assert_eq!(ours, expected, "questions of {file}");
        }
        for (key, count) in &expected {
            assert_eq!(ours.get(key), Some(count), "{key:?} of {file}");
        }
    });
}

#[test]
fn hostile_captures_are_survived_and_damage_is_told() {
    let Some(data) = data() else { return };
    for truth in truths(&data, &["robust"]) {
        let file = text(&truth["file"]);
        let mut frames = 0;
        let end = read_frames(&data.join(file), |frame| {
            frames += 1;
            if let Decoded::Packet(packet) = decode(&frame) {
                let line = allclear::pure::packet::info(&packet);
                assert!(line.chars().all(|c| (' '..='~').contains(&c)), "{line:?} of {file}");
            }
            ControlFlow::Continue(())
        });
        let is_whole = end.as_ref().is_ok_and(|end| end.incomplete.is_none());
        // A link layer that tshark does not know is no damage.
        let is_unknown = truth["reader_messages"].to_string().contains("unsupported");
        assert_eq!(is_whole, truth["tshark_exit"] == 0 || is_unknown, "{file}: {end:?}");
        // Behind damage tshark may go on by guessing; what is read before it must be no more than that.
        let theirs = number(&truth["packets"]);
        assert!(
            if is_whole && !is_unknown { frames == theirs } else { frames <= theirs.max(1) },
            "{frames} frames of {file}: {end:?}"
        );
    }
}

#[test]
fn a_real_capture_cut_anywhere_is_whole_only_between_records() {
    let Some(data) = data() else { return };
    let file = std::fs::read(data.join("A/pcap/enc/nano_be.pcap")).expect("it is readable");
    let mut whole_frames = Vec::new();
    for cut in 0..=file.len() {
        let mut frames = 0;
        let end = FrameStream::new(&file[..cut]).for_each(|frame| {
            frames += 1;
            _ = decode(&frame);
            ControlFlow::Continue(())
        });
        whole_frames.extend(end.incomplete.is_none().then_some(frames));
    }
    assert_eq!(whole_frames, (0..=10).collect::<Vec<_>>(), "one good place to end after each record");
}
