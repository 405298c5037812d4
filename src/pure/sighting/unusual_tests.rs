//! What becomes of frames that are no plain packets: fragments, ICMP errors, and what cannot be read.

use super::tests::{
    ACK, HOST, OTHER, SECOND, SINK, SYN, Sent, feed, hosts, index, inside, list, observe, observe_at, out,
    tcp, tcp_with, udp,
};
use super::{Coverage, Handshake, LayerCount, Observer, Scope, Watch};
use crate::pure::packet::{Frame, Mac};
use crate::pure::watchlist::{CompiledList, Index, Watchlist};
use std::net::Ipv4Addr;
use std::slice::from_ref;

/// The part of a packet in Ethernet that begins after `offset` bytes of what IPv4 carries.
fn part(whole: &Sent, from: usize, to: Option<usize>) -> Sent {
    let (header, content) = whole.bytes.split_at(34);
    let mut header = header.to_vec();
    let field = (from / 8) as u16 | if to.is_some() { 0x2000 } else { 0 };
    let content = &content[from..to.unwrap_or(content.len())];
    header[16..18].copy_from_slice(&(20 + content.len() as u16).to_be_bytes());
    header[18..20].copy_from_slice(&7_u16.to_be_bytes());
    header[20..22].copy_from_slice(&field.to_be_bytes());
    Sent { time_ns: whole.time_ns, bytes: [&header[..], content].concat() }
}

#[test]
fn later_fragments_count_for_the_port_of_their_first() {
    let whole = udp(0, (HOST, 1025), (SINK, 4152), &[b'G'; 100]);
    let at = |second: i64, sent: Sent| Sent { time_ns: second * SECOND, ..sent };
    let first = part(&whole, 0, Some(40));
    let [second, last] = [part(&whole, 40, Some(80)), part(&whole, 80, None)];
    let port = [format!("{SINK}:4152")];
    let (by_port, by_address) = (&[port[0].as_str()][..], &[SINK][..]);
    let rows = [
        ("in order", by_port, vec![first.clone(), second.clone(), last.clone()], "10.0.0.1 1 3 3"),
        ("before the first", by_port, vec![last.clone(), first.clone(), second.clone()], "10.0.0.1 1 2 2"),
        ("without the first", by_port, vec![second.clone(), last.clone()], ""),
        ("in time", by_port, vec![first.clone(), at(1, last.clone())], "10.0.0.1 1 2 2"),
        ("after its time", by_port, vec![first.clone(), at(2, last.clone())], "10.0.0.1 1 1 1"),
        (
            "matched by address",
            by_address,
            vec![last.clone(), first.clone(), second.clone()],
            "10.0.0.1 1 3 3",
        ),
        ("in spite of another port", by_address, vec![first, second, last], "10.0.0.1 1 3 3"),
    ];
    for (row, entries, packets, wanted) in rows {
        let observation = observe(&[list("s", entries)], &packets);
        assert_eq!(hosts(&observation), wanted, "{row}");
        let is_blind = row == "without the first" || row == "before the first" || row == "after its time";
        assert_eq!(observation.coverage.truncated_packets > 0, is_blind, "{row}");
    }
}

#[test]
fn a_later_fragment_without_its_first_is_doubt_where_its_port_may_be_listed() {
    let later = |from: &str, to: &str| part(&udp(0, (from, 1025), (to, 4152), &[b'G'; 100]), 40, None);
    let rows = [
        ("of its protocol", "udp/25", later(HOST, SINK), 1),
        ("of another one", "tcp/25", later(HOST, SINK), 0),
        ("on the way in", "udp/25", later(SINK, HOST), 1),
        ("that stays inside", "udp/25", later(HOST, OTHER), 0),
        ("at another address", "192.0.2.77:4152", later(HOST, SINK), 0),
    ];
    for (row, entry, sent, wanted) in rows {
        let coverage = observe(&[list("s", &[entry])], from_ref(&sent)).coverage;
        assert_eq!(coverage.portless_fragments, wanted, "{row}: {entry}");
    }
}

#[test]
fn ports_behind_options_are_those_of_all_fragments() {
    // From ::ffff:10.0.0.1 to 2001:db8::67: a header of options, then a SYN to port 4152, cut into two.
    let part = |at_and_more: u8, content: &[u8]| {
        let fragment = [60, 0, 0, at_and_more, 0, 0, 0, 9];
        let length = (fragment.len() + content.len()) as u8;
        let ethernet = [&[2; 12][..], &[0x86, 0xdd]].concat();
        let mut header = vec![0x60, 0, 0, 0, 0, length, 44, 64];
        header.extend([&[0; 10][..], &[0xff, 0xff, 10, 0, 0, 1]].concat());
        header.extend([&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[0x67]].concat());
        Sent { time_ns: 0, bytes: [&ethernet[..], &header, &fragment, content].concat() }
    };
    let content =
        [&[6, 0, 1, 4, 0, 0, 0, 0][..], &[4, 1, 16, 56, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2], &[0; 18]].concat();
    let (first, last) = (part(1, &content[..24]), part(24, &content[24..]));
    let rows = [
        ("in order", vec![first.clone(), last.clone()], "10.0.0.1 1 2 2", 0),
        ("without the first", vec![last.clone()], "", 1),
        ("alone", vec![first.clone()], "10.0.0.1 1 1 1", 0),
        ("all in one", vec![part(0, &content)], "10.0.0.1 1 1 1", 0),
    ];
    for (row, packets, wanted, doubted) in rows {
        let observation = observe(&[list("s", &["[2001:db8::67]:4152"])], &packets);
        assert_eq!(hosts(&observation), wanted, "{row}");
        assert_eq!(observation.coverage.portless_fragments, doubted, "{row}");
    }
}

#[test]
fn a_piece_that_may_pass_the_filter_is_doubt_where_a_list_may_be_about_it() {
    let whole = udp(0, (HOST, 1025), (SINK, 4152), &[b'G'; 100]);
    let later = part(&whole, 40, None);
    let rows = [
        ("a listed address", SINK, &later, 1),
        ("at a port", "216.66.15.109:25", &later, 1),
        ("another address", "192.0.2.77", &later, 0),
        ("no piece", SINK, &whole, 0),
    ];
    for (row, entry, sent, wanted) in rows {
        let mut observer = Observer::default();
        let id = observer.join(Watch::new(index(&[list("s", &[entry])]), &inside()), i64::MIN);
        assert!(!feed(&mut observer, sent, Scope::Doubtful), "{row}");
        let observation = observer.leave(id, &[]).expect("it is there").observation;
        assert_eq!(observation.coverage.portless_fragments, wanted, "{row}");
        assert_eq!(hosts(&observation), "", "{row}");
    }
}

#[test]
fn a_packet_cut_before_what_the_filter_asks_for_is_doubt_where_a_list_may_be_about_it() {
    let whole = tcp(0, (HOST, 1025), (SINK, 4152), SYN);
    let cut = Sent { bytes: whole.bytes[..40].to_vec(), ..whole.clone() };
    for (row, entry, sent, wanted) in [
        ("a listed address", SINK, &cut, 1),
        ("another address", "192.0.2.77", &cut, 0),
        ("not cut", SINK, &whole, 0),
    ] {
        let mut observer = Observer::default();
        let id = observer.join(Watch::new(index(&[list("s", &[entry])]), &inside()), i64::MIN);
        assert!(!feed(&mut observer, sent, Scope::Doubtful), "{row}");
        let coverage = observer.leave(id, &[]).expect("it is there").observation.coverage;
        assert_eq!((coverage.truncated_packets, coverage.portless_fragments), (wanted, 0), "{row}");
    }
}

#[test]
fn a_later_fragment_bears_no_name_and_no_lease() {
    // What looks like a question or a DHCP message stands in the middle of something.
    let question = [&[0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"\x04evil\x07example\0\0\x01\0\x01"].concat();
    let whole = udp(0, (HOST, 1025), (SINK, 53), &[&[0; 32][..], &question].concat());
    let packets = [part(&whole, 0, Some(40)), part(&whole, 40, None)];
    assert_eq!(hosts(&observe(&[list("s", &["evil.example"])], &packets)), "");
}

/// VXLAN between two addresses, of a frame.
fn vxlan(from: &str, to: &str, inner: &Sent) -> Sent {
    udp(0, (from, 5), (to, 4789), &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &inner.bytes].concat())
}

#[test]
fn the_ends_of_every_tunnel_around_a_packet_are_looked_up_too() {
    let harmless = tcp(0, ("192.168.0.1", 1025), ("192.168.0.2", 80), SYN);
    let call = tcp(0, (OTHER, 1025), (SINK, 80), SYN);
    let (fabric, sink) = (("10.9.0.1", "10.9.0.2"), (HOST, SINK));
    let around = |(from, to): (&str, &str), inner: &Sent| vxlan(from, to, inner);
    let rows = [
        ("none listed", around(fabric, &harmless), ""),
        ("the tunnel", around(sink, &harmless), "10.0.0.1 1 1 1"),
        ("what is within", around(fabric, &call), "10.0.0.2 1 1 1"),
        ("both", around(sink, &call), "10.0.0.1 1 1 1, 10.0.0.2 1 1 1"),
        ("the tunnel in the middle", around(fabric, &around(sink, &harmless)), "10.0.0.1 1 1 1"),
        ("the one around it", around(sink, &around(fabric, &harmless)), "10.0.0.1 1 1 1"),
        ("what comes back", around((SINK, HOST), &harmless), "received only: 10.0.0.1 0 1 0"),
    ];
    for (row, sent, wanted) in rows {
        let observation = observe(&[list("s", &[SINK])], std::slice::from_ref(&sent));
        assert_eq!(hosts(&observation), wanted, "{row}");
        assert_eq!(observation.coverage.ip_packets, 1, "{row}: one packet was heard");
    }
}

#[test]
fn the_last_stop_of_a_route_is_looked_up_too() {
    let routed = |mut sent: Sent, pointer: u8, last: &str| {
        let last: Ipv4Addr = last.parse().expect("an address");
        let route = [&[131, 7, pointer][..], &last.octets(), &[0]].concat();
        sent.bytes.splice(34..34, route);
        (sent.bytes[14], sent.bytes[17]) = (0x47, sent.bytes[17] + 8);
        sent
    };
    let via = |pointer, last| routed(tcp(0, (HOST, 1025), ("192.0.2.77", 80), SYN), pointer, last);
    let harmless = tcp(0, ("192.168.0.1", 1025), ("192.168.0.2", 80), SYN);
    let tunnel = |last| routed(vxlan(HOST, "192.0.2.77", &harmless), 4, last);
    let rows = [
        ("of a tunnel, listed", tunnel(SINK), "10.0.0.1 1 1 1"),
        ("of a tunnel, not listed", tunnel("192.0.2.78"), ""),
        ("of the tunnel in the middle", vxlan("10.9.0.1", "10.9.0.2", &tunnel(SINK)), "10.0.0.1 1 1 1"),
        ("listed", via(4, SINK), "10.0.0.1 1 1 1"),
        ("not listed", via(4, "192.0.2.78"), ""),
        ("passed already", via(8, SINK), ""),
    ];
    for (row, sent, wanted) in rows {
        assert_eq!(hosts(&observe(&[list("s", &[SINK])], from_ref(&sent))), wanted, "{row}");
    }
}

#[test]
fn what_stands_behind_the_first_fragment_of_a_segment_may_be_a_name() {
    let request = b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    let whole = tcp_with(0, (HOST, 1025), (SINK, 80), ACK, &request.repeat(2));
    let behind_header = [part(&whole, 0, Some(24)), part(&whole, 24, None)];
    let bare = [part(&whole, 0, Some(20)), part(&whole, 20, None)];
    for (row, packets, is_cut) in [("in the segment", behind_header, true), ("behind its header", bare, true)]
    {
        let observation = observe(&[list("s", &["evil.example"])], &packets);
        assert_eq!(observation.coverage.truncated_packets > 0, is_cut, "{row}");
    }
}

/// An ICMP error of a router about a packet.
fn error(second: i64, to: &str, kind: u8, code: u8, about: &Sent) -> Sent {
    let mut sent = udp(second, ("192.0.2.1", 0), (to, 0), &[]);
    sent.bytes[23] = 1;
    sent.bytes.truncate(34);
    sent.bytes.extend([kind, code, 0, 0, 0, 0, 0, 0]);
    sent.bytes.extend(&about.bytes[14..42]);
    let length = (sent.bytes.len() - 14) as u16;
    sent.bytes[16..18].copy_from_slice(&length.to_be_bytes());
    sent
}

#[test]
fn a_router_tells_that_a_call_was_refused() {
    let answer = || tcp(1, (SINK, 80), (HOST, 1025), SYN | ACK);
    let other = || tcp(0, (HOST, 1025), (SINK, 81), SYN);
    let rows = [
        ("no answer", vec![], Handshake::Syn),
        ("unreachable", vec![error(1, HOST, 3, 1, &out(0))], Handshake::Refused),
        ("prohibited", vec![error(1, HOST, 3, 13, &out(0))], Handshake::Refused),
        ("too big", vec![error(1, HOST, 3, 4, &out(0))], Handshake::Syn),
        ("too long under way", vec![error(1, HOST, 11, 0, &out(0))], Handshake::Syn),
        ("about another port", vec![error(1, HOST, 3, 1, &other())], Handshake::Syn),
        ("to somebody else", vec![error(1, "10.0.0.2", 3, 1, &out(0))], Handshake::Syn),
        ("after it was accepted", vec![answer(), error(2, HOST, 3, 1, &out(0))], Handshake::Established),
        ("before it was accepted", vec![error(1, HOST, 3, 1, &out(0)), answer()], Handshake::Established),
    ];
    for (row, packets, wanted) in rows {
        let observation = observe(&[list("s", &[SINK])], &[vec![out(0)], packets].concat());
        assert_eq!(observation.hosts[0].hits[0].handshake, wanted, "{row}");
        assert_eq!(observation.hosts[0].sightings_out, 1, "{row}: what is quoted is no sighting");
    }
}

#[test]
fn an_error_alone_tells_of_a_call_that_was_not_seen() {
    let [listed, other] = [[SINK], ["192.0.2.77"]].map(|entries| list("s", &entries));
    let question = || udp(0, (HOST, 1025), (SINK, 53), b"\0");
    let network = "10.0.0.1/32".parse().expect("a network");
    let resolver = observe_at(from_ref(&listed), &[network], &[error(1, HOST, 3, 1, &question())]);
    let told = |about: &Sent, kind: u8, to: &str| observe(from_ref(&listed), &[error(1, to, kind, 1, about)]);
    let rows = [
        ("prohibited", told(&out(0), 3, HOST), 1),
        ("too long under way", told(&out(0), 11, HOST), 1),
        ("by UDP", told(&question(), 3, HOST), 1),
        ("to somebody else", told(&out(0), 3, "10.0.0.2"), 0),
        ("about what is on no list", observe(&[other], &[error(1, HOST, 3, 1, &out(0))]), 0),
        ("of a resolver that asks for others", resolver, 0),
    ];
    for (row, observation, wanted) in rows {
        assert_eq!(observation.inbound_only.len(), wanted, "{row}");
        assert_eq!(observation.unseen_calls, wanted as u64, "{row}");
        assert!(observation.hosts.is_empty(), "{row}: what came in blames nobody");
    }
}

#[test]
fn an_answer_alone_tells_of_a_call_that_was_not_seen() {
    let from_sink = |flags: u8| tcp(1, (SINK, 80), (HOST, 1025), flags);
    let dns = |second: i64, from: (&str, u16), to: (&str, u16), flags: [u8; 2]| {
        let head = [&[0, 7][..], &flags, &[0, 1, 0, 0, 0, 0, 0, 0]].concat();
        udp(second, from, to, &[&head[..], b"\x04evil\x07example\0\0\x01\0\x01"].concat())
    };
    let server = ("192.0.2.53", 53);
    let question = dns(0, (HOST, 1025), server, [1, 0]);
    let answer = dns(1, server, (HOST, 1025), [0x81, 0x80]);
    let asked_of_us = dns(0, ("192.0.2.77", 1025), (HOST, 53), [1, 0]);
    let rows = [
        ("a connection that is accepted", vec![from_sink(SYN | ACK)], (1, 1)),
        ("the same again", vec![from_sink(SYN | ACK), from_sink(SYN | ACK)], (1, 1)),
        ("one that was called for", vec![out(0), from_sink(SYN | ACK)], (0, 0)),
        ("a call from outside", vec![from_sink(SYN)], (1, 0)),
        ("what may be either", vec![from_sink(ACK)], (1, 0)),
        ("a name that is told", vec![answer.clone()], (1, 1)),
        ("one that was asked for", vec![question, answer], (0, 0)),
        ("a name that is asked of us", vec![asked_of_us], (1, 0)),
    ];
    for (row, packets, wanted) in rows {
        let observation = observe(&[list("s", &[SINK, "evil.example"])], &packets);
        assert_eq!((observation.inbound_only.len(), observation.unseen_calls), wanted, "{row}");
    }
}

#[test]
fn an_error_that_tells_of_a_call_is_evidence() {
    let entries = [list("s", &[SINK, "192.0.2.1"])];
    let [quoted, both] = [&entries[0].entries[..1], &entries[0].entries[..]].map(|entries| {
        let watchlist = Watchlist { entries: entries.to_vec(), ..list("s", &[]) };
        Index::compile(&[CompiledList { watchlist: &watchlist, file: None }])
    });
    let about = error(1, HOST, 3, 1, &out(0));
    let frame = Frame { time_ns: 0, bytes: &about.bytes, wire_length: 70, link_type: 1 };
    for (row, index, wanted) in
        [("what it quotes", quoted, vec![SINK]), ("who sent it too", both, vec![SINK, "192.0.2.1"])]
    {
        let (mut observer, id) = Observer::alone(index, &["10.0.0.0/8".parse().expect("a network")]);
        assert!(observer.see(&frame, |_| Scope::Matched).is_sighting, "{row}");
        let watch = observer.watch(id).expect("it is there");
        let matches: Vec<String> = watch.last_matches().map(|(_, entry)| entry.into_owned()).collect();
        assert_eq!(matches, wanted, "{row}");
    }
}

fn frame(second: i64, ethertype: u16, content: &[u8]) -> Sent {
    let bytes = [&[2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1][..], &ethertype.to_be_bytes(), content].concat();
    Sent { time_ns: second * SECOND, bytes }
}

fn told(rows: &[LayerCount]) -> String {
    rows.iter().map(|row| format!("{} {}", row.layer, row.packets)).collect::<Vec<_>>().join(", ")
}

#[test]
fn every_frame_is_a_packet_or_has_the_name_of_what_it_is() {
    let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[2, 0, 0, 0, 0, 1], &[10, 0, 0, 1], &[0; 10]].concat();
    let inner = frame(0, 0x88e5, &[0x0c; 40]).bytes;
    let mirrored = [&out(5).bytes[14..34], &[0, 0, 0x88, 0xbe], &inner].concat();
    let mut mirrored = frame(5, 0x0800, &mirrored);
    mirrored.bytes[23] = 47;
    mirrored.bytes[16..18].copy_from_slice(&78_u16.to_be_bytes());
    let packets = [
        out(0),
        frame(1, 0x88e5, &[0x0c; 40]),
        frame(2, 0x88e5, &[0x0c; 41]),
        frame(3, 0x0800, b"no IP at all, for all its type"),
        frame(4, 0x0806, &arp),
        mirrored,
        frame(6, 0x88b5, &[1; 40]),
        frame(7, 0x88b5, &[2; 40]),
    ];
    let observation = observe(&[list("s", &[SINK])], &packets);
    let Coverage { heard_packets, ip_packets, undecoded_packets, undecoded, without_ip, .. } =
        observation.coverage;
    assert_eq!(told(&undecoded), "MACsec 3, EtherType 0x88b5 2, IPv4 header 1");
    assert_eq!(told(&without_ip), "ARP 1");
    let sum = |rows: &[LayerCount]| rows.iter().map(|row| row.packets).sum::<u64>();
    assert_eq!((undecoded_packets, ip_packets), (sum(&undecoded), 7));
    assert_eq!(ip_packets + sum(&without_ip), heard_packets, "a frame went uncounted");
    // The ends of the mirror's own packet stand.
    assert_eq!(
        (observation.hosts[0].sightings, observation.hosts[0].mac),
        (2, Some(Mac([2, 0, 0, 0, 0, 1])))
    );
}
