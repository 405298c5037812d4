//! Does every tunnel lead to the innermost packet, alone and in each other, and does one that does not
//! hold together leave its own ends? Frames are built by hand, as the standards draw them.

use crate::frames::{
    cat, check, ethernet, frame, inner, ipv4, ipv6, packet, plain, plain_6, tcp, to_access_point, udp,
};
use allclear::pure::packet::{Decoded, Frame, Names, Ports, decode, info, names, quoted};
use proptest::prelude::*;
use std::net::IpAddr;

/// Only the inner packets of the rows have the plainest packet's ends.
fn outer(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = ipv4(protocol, payload);
    bytes[12..20].copy_from_slice(&[172, 16, 0, 1, 172, 16, 0, 2]);
    bytes
}

fn gre(flags: u16, protocol: u16, rest: &[u8]) -> Vec<u8> {
    outer(47, &cat(&[&flags.to_be_bytes(), &protocol.to_be_bytes(), rest]))
}

fn over_udp(port: u16, payload: &[u8]) -> Vec<u8> {
    outer(17, &udp(50_000, port, payload))
}

/// What to wrap: IPv4 and IPv6 as they are, and IPv4 in Ethernet.
pub struct Content {
    v4: Vec<u8>,
    v6: Vec<u8>,
    ethernet: Vec<u8>,
}

impl Content {
    pub fn of(v4: Vec<u8>) -> Content {
        Content { v6: ipv6(4, &v4), ethernet: ethernet(0x0800, &v4), v4 }
    }
}

/// The content in every tunnel, each an IPv4 packet.
pub fn wrapped(content: &Content) -> Vec<(&'static str, Vec<u8>)> {
    let Content { v4, v6, ethernet } = content;
    let zeros = [0; 20];
    let ppp = cat(&[&[0xff, 3, 0, 0x21], v4]);
    let label = [0, 0, 0x11, 1];
    let mobile = |head: &[u8]| over_udp(2152, &cat(&[head, v4]));
    let air = cat(&[&to_access_point(&[]), v4]);
    vec![
        ("IP in IP", outer(4, v4)),
        ("6in4", outer(41, v6)),
        ("GRE", gre(0, 0x0800, v4)),
        ("GRE with everything", gre(0xb000, 0x86dd, &cat(&[&zeros[..12], v6]))),
        (
            "GRE with routes",
            gre(0x4000, 0x0800, &cat(&[&zeros[..4], &[0, 2, 0, 4, 9, 9, 9, 9, 0, 0, 0, 0], v4])),
        ),
        ("GRE with Ethernet", gre(0x2000, 0x6558, &cat(&[&zeros[..4], ethernet]))),
        ("GRE with MPLS", gre(0, 0x8847, &cat(&[&label, v4]))),
        ("GRE with a tag", gre(0, 0x8100, &cat(&[&[0, 5, 8, 0], v4]))),
        ("PPTP", gre(0x3001, 0x880b, &cat(&[&zeros[..8], &ppp]))),
        ("PPTP, acknowledging", gre(0x3081, 0x880b, &cat(&[&zeros[..12], &ppp]))),
        ("PPTP, without address", gre(0x3001, 0x880b, &cat(&[&zeros[..8], &[0, 0x21], v4]))),
        ("PPTP, all compressed", gre(0x3001, 0x880b, &cat(&[&zeros[..8], &[0x21], v4]))),
        ("GRE with PPP", gre(0, 0x880b, &ppp)),
        ("GRE with 802.11", gre(0, 0x8200, &air)),
        ("GRE with 802.11, another queue", gre(0, 0x8370, &air)),
        ("GRE with NSH", gre(0, 0x894f, &cat(&[&[0, 2, 1, 1], &zeros[..4], v4]))),
        ("GRE to a web cache", gre(0, 0x883e, v4)),
        ("GRE to a web cache, version 2", gre(0, 0x883e, &cat(&[&zeros[..4], v4]))),
        (
            "GRE with a security group",
            gre(0x2000, 0x8909, &cat(&[&zeros[..4], &[8, 0, 1, 1, 0, 1, 0, 7], v4])),
        ),
        ("ERSPAN I", gre(0, 0x88be, ethernet)),
        ("ERSPAN II", gre(0x1000, 0x88be, &cat(&[&zeros[..12], ethernet]))),
        ("ERSPAN III", gre(0x1000, 0x22eb, &cat(&[&zeros[..16], ethernet]))),
        ("ERSPAN III of a platform", gre(0x1000, 0x22eb, &cat(&[&zeros[..15], &[1], &zeros[..8], ethernet]))),
        ("ERSPAN III, bare IP", gre(0x1000, 0x22eb, &cat(&[&zeros[..14], &[8, 0], v4]))),
        ("GRE in UDP", over_udp(4754, &cat(&[&[0x20, 0, 0x65, 0x58], &zeros[..4], ethernet]))),
        ("VXLAN", over_udp(4789, &cat(&[&[8, 0, 0, 0, 0, 0, 7, 0], ethernet]))),
        ("VXLAN with a policy", over_udp(4789, &cat(&[&[0x88, 0, 0, 9, 0, 0, 7, 0], ethernet]))),
        ("VXLAN on Linux' port", over_udp(8472, &cat(&[&[8, 0, 0, 0, 0, 0, 7, 0], ethernet]))),
        ("VXLAN-GPE", over_udp(4790, &cat(&[&[0x0c, 0, 0, 1, 0, 0, 7, 0], v4]))),
        ("VXLAN-GPE with Ethernet", over_udp(4790, &cat(&[&[0x0c, 0, 0, 3, 0, 0, 7, 0], ethernet]))),
        ("Geneve", over_udp(6081, &cat(&[&[0, 0, 0x65, 0x58, 0, 0, 7, 0], ethernet]))),
        ("Geneve with options", over_udp(6081, &cat(&[&[3, 0, 8, 0, 0, 0, 7, 0], &zeros[..12], v4]))),
        ("Teredo", over_udp(3544, v6)),
        ("Teredo with its indications", over_udp(3544, &cat(&[&[0, 1, 1, 1], &[7; 11], &zeros[..8], v6]))),
        ("L2TP", over_udp(1701, &cat(&[&[0, 2, 0, 1, 0, 2], &ppp]))),
        (
            "L2TP with everything",
            over_udp(1701, &cat(&[&[0x4a, 2, 0, 99], &zeros[..8], &[0, 2, 9, 9], &ppp])),
        ),
        ("L2TPv3", over_udp(1701, &cat(&[&[0, 3, 0, 0, 0, 0, 0, 5], ethernet]))),
        ("L2TPv3 with a cookie", over_udp(1701, &cat(&[&[0, 3, 0, 0, 0, 0, 0, 5], &[7; 8], ethernet]))),
        ("L2TPv3 with IP", over_udp(1701, &cat(&[&[0, 3, 0, 0, 0, 0, 0, 5], v4]))),
        ("L2TPv3 with IP behind a cookie", over_udp(1701, &cat(&[&[0, 3, 0, 0, 0, 0, 0, 5], &[7; 8], v4]))),
        ("L2TPv3 in IP", outer(115, &cat(&[&[0, 0, 0, 5], &[7; 4], ethernet]))),
        ("GTP", mobile(&[0x30, 0xff, 0, 9, 0, 0, 0, 1])),
        ("GTP with a number", mobile(&[0x32, 0xff, 0, 9, 0, 0, 0, 1, 0, 7, 0, 0])),
        (
            "GTP with extensions",
            mobile(&[0x34, 0xff, 0, 9, 0, 0, 0, 1, 0, 7, 0, 0x85, 1, 0, 9, 0xc0, 1, 0, 9, 0]),
        ),
        ("GTP with PPP", over_udp(2152, &cat(&[&[0x30, 0xff, 0, 9, 0, 0, 0, 1], &ppp]))),
        ("GTP with Ethernet", over_udp(2152, &cat(&[&[0x30, 0xff, 0, 9, 0, 0, 0, 1], ethernet]))),
        ("GTP of version 0", over_udp(3386, &cat(&[&[0x1e, 0xff], &zeros[..18], v4]))),
        ("GTP of version 0, coming back", {
            outer(17, &udp(3386, 50_000, &cat(&[&[0x1f, 0xff], &zeros[..18], v4])))
        }),
        ("LISP", over_udp(4341, &cat(&[&zeros[..8], v4]))),
        ("MPLS in IP", outer(137, &cat(&[&label, v4]))),
        ("MPLS in UDP", over_udp(6635, &cat(&[&label, v4]))),
        ("AYIYA", over_udp(5072, &cat(&[&[0x42, 0x52, 0x11, 41], &zeros[..4], &[7; 36], v6]))),
        ("AYIYA, coming back", {
            outer(17, &udp(5072, 50_000, &cat(&[&[0x42, 0x52, 0x11, 4], &zeros[..4], &[7; 36], v4])))
        }),
        ("EtherIP", outer(97, &cat(&[&[0x30, 0], ethernet]))),
        ("CAPWAP", over_udp(5247, &cat(&[&[0, 0x10, 2, 0, 0, 0, 0, 0], ethernet]))),
        ("CAPWAP with 802.11", over_udp(5247, &cat(&[&[0, 0x10, 3, 0, 0, 0, 0, 0], &air]))),
        ("CAPWAP with 802.11, swapped", {
            // Its number, 0x765, seems to be that of a fragment to those who do not swap it.
            let swapped = cat(&[&[air[1], air[0]], &air[2..22], &[0x76, 0x50], &air[24..]]);
            over_udp(5247, &cat(&[&[0, 0x10, 3, 0, 0, 0, 0, 0], &swapped]))
        }),
        ("TZSP", over_udp(37_008, &cat(&[&[1, 0, 0, 1, 0, 0x0a, 1, 9, 1], ethernet]))),
        ("TZSP with 802.11", over_udp(37_008, &cat(&[&[1, 0, 0, 0x12, 1], &air]))),
        ("an authenticated packet", outer(51, &cat(&[&[4, 4, 0, 0], &zeros[..20], v4]))),
    ]
}

#[test]
fn each_tunnel_leads_to_the_packet_within() {
    let content = Content { v6: plain_6(), ..Content::of(plain()) };
    for (what, bytes) in wrapped(&content) {
        check(what, 1, &ethernet(0x0800, &bytes));
        // Over IPv6 too.
        check(what, 101, &ipv6(bytes[9], &bytes[20..]));
    }
}

#[test]
fn tunnels_in_tunnels_lead_to_the_innermost() {
    let content = Content { v6: plain_6(), ..Content::of(plain()) };
    for (what, bytes) in wrapped(&content) {
        for (around, bytes) in wrapped(&Content::of(bytes)) {
            check(&format!("{what} in {around}"), 101, &bytes);
            let tagged = cat(&[&[0, 5, 0x81, 0, 0, 6, 0x88, 0x47, 0, 0, 0x11, 1], &bytes]);
            check(&format!("{what} in {around} in MPLS in two tags"), 1, &ethernet(0x8100, &tagged));
        }
    }
}

/// What looks like a tunnel and is none, and what is one and can be read no further.
#[test]
fn a_tunnel_that_stays_closed_leaves_its_own_ends() {
    let broken = ethernet(0x0800, b"nonsense");
    let secret = cat(&[&[0x88, 0x41], &[0; 60]]);
    let rows = [
        ("GRE to find a neighbour", gre(0, 0x2001, &[1; 40]), None),
        ("GRE to say that it lives", gre(0, 0, &[]), None),
        ("GRE of another version", gre(2, 0x0800, &plain()), None),
        ("GRE with routes without end", gre(0x4000, 0x0800, &[1; 400]), None),
        ("PPTP, only acknowledging", gre(0x2081, 0x880b, &[0; 8]), None),
        ("PPTP, encrypted", gre(0x3001, 0x880b, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfd, 9, 9]), None),
        ("GRE with ARP", gre(0, 0x6558, &ethernet(0x0806, &[0; 28])), None),
        ("GRE with broken IP", gre(0, 0x6558, &broken), Some("IPv4 header")),
        ("GRE with encrypted 802.11", gre(0, 0x8200, &secret), Some("802.11, encrypted")),
        ("ERSPAN with MACsec", gre(0, 0x88be, &ethernet(0x88e5, &[0x0c; 40])), Some("MACsec")),
        ("VXLAN without its flag", over_udp(4789, &cat(&[&[0; 8], &inner()])), None),
        ("VXLAN without content", over_udp(4789, &[8]), Some("VXLAN")),
        ("a datagram on Linux' port of VXLAN", over_udp(8472, &[8; 60]), None),
        ("Geneve of another version", over_udp(6081, &cat(&[&[0x40, 0, 8, 0, 0, 0, 7, 0], &plain()])), None),
        ("L2TP control", over_udp(1701, &cat(&[&[0xc8, 2, 0, 99], &[0; 8], &plain()])), None),
        (
            "L2TPv3 with something unknown",
            over_udp(1701, &cat(&[&[0, 3, 0, 0, 0, 0, 0, 5], &[0x77; 60]])),
            None,
        ),
        ("GTP echo", over_udp(2152, &cat(&[&[0x30, 1, 0, 0, 0, 0, 0, 0], &plain()])), None),
        (
            "GTP with an empty extension",
            over_udp(2152, &cat(&[&[0x34, 0xff, 0, 9, 0, 0, 0, 1, 0, 7, 0, 0x85, 0], &plain()])),
            None,
        ),
        (
            "GTP with something unknown",
            over_udp(2152, &cat(&[&[0x30, 0xff, 0, 9, 0, 0, 0, 1], &[0x77; 60]])),
            Some("GTP, neither IP nor Ethernet"),
        ),
        ("a record of charges", over_udp(3386, &cat(&[&[0x0e, 0xff], &[0; 18], &plain()])), None),
        ("a datagram on the port of GRE", over_udp(4754, &[0x47; 60]), None),
        ("a datagram on the port of AYIYA", over_udp(5072, &[0x41; 60]), None),
        ("CAPWAP, encrypted", over_udp(5247, &cat(&[&[1, 0, 0, 0], &[9; 60]])), None),
        ("CAPWAP, keeping alive", over_udp(5247, &cat(&[&[0, 0x10, 2, 8, 0, 0, 0, 0], &inner()])), None),
        ("a Teredo bubble cut by itself", over_udp(3544, &[0, 1, 200, 200]), None),
        ("TZSP, configuration", over_udp(37_008, &[1, 4, 0, 0]), None),
        ("ESP", outer(50, &plain()), None),
        ("L2TPv3 control in IP", outer(115, &cat(&[&[0; 4], &inner()])), None),
    ];
    for (what, bytes, unread) in rows {
        let packet = packet(&frame(101, &bytes), what);
        assert_eq!(packet.source, IpAddr::from([172, 16, 0, 1]), "{what}");
        assert_eq!((packet.unread_layer, packet.ports_truncated), (unread, false), "{what}");
    }
}

#[test]
fn a_later_fragment_of_a_tunnel_is_not_looked_into() {
    for (what, mut bytes) in wrapped(&Content { v6: plain_6(), ..Content::of(plain()) }) {
        bytes[7] = 1;
        let packet = packet(&frame(101, &bytes), what);
        assert_eq!(packet.source, IpAddr::from([172, 16, 0, 1]), "{what}");
        assert_eq!((packet.fragment_id, packet.unread_layer), (Some(0), None), "{what}");
    }
}

/// However short a frame is cut, the packet is there: the inner one, the outer one, or a frame too short
/// for any; and whatever is missing is said.
#[test]
fn a_tunnel_cut_anywhere_is_never_lost() {
    let mut silent = Vec::new();
    for (what, bytes) in wrapped(&Content { v6: plain_6(), ..Content::of(plain()) }) {
        let whole = ethernet(0x0800, &bytes);
        let mut was_inner = false;
        for length in 0..=whole.len() {
            let cut = Frame { bytes: &whole[..length], ..frame(1, &whole) };
            let Decoded::Packet(packet) = decode(&cut) else {
                assert!(length < 34, "{what}, {length} bytes");
                continue;
            };
            let is_inner = packet.source != IpAddr::from([172, 16, 0, 1]);
            was_inner |= is_inner;
            assert_eq!(is_inner, was_inner, "{what}, {length} bytes");
            if !is_inner && !packet.ports_truncated {
                silent.push(format!("{what}, {length} bytes"));
            }
        }
        assert!(was_inner, "{what}");
    }
    assert_eq!(silent, Vec::<String>::new(), "the packet within was cut away in silence");
}

#[test]
fn depth_is_bounded_and_the_rest_is_said() {
    let deep = |count: usize| {
        (0..count).fold(plain(), |inner, _| {
            over_udp(4789, &cat(&[&[8, 0, 0, 0, 0, 0, 7, 0], &ethernet(0x0800, &inner)]))
        })
    };
    check("eight tunnels", 101, &deep(8));
    let bytes = deep(200);
    let packet = packet(&frame(101, &bytes), "two hundred tunnels");
    assert_eq!(packet.source, IpAddr::from([172, 16, 0, 1]));
    assert_eq!(packet.unread_layer, Some("too many layers"));
}

#[test]
fn fragments_of_one_datagram_are_known_by_their_number() {
    let part = |field: u16, id: u16| {
        let mut bytes = plain();
        bytes[4..6].copy_from_slice(&id.to_be_bytes());
        bytes[6..8].copy_from_slice(&field.to_be_bytes());
        bytes
    };
    let part_6 = |field: u16| {
        let [high, low] = field.to_be_bytes();
        ipv6(60, &cat(&[&[44, 0, 1, 4, 0, 0, 0, 0, 17, 0, high, low, 1, 2, 3, 4], &udp(1000, 7, b"hello")]))
    };
    let rows = [
        ("whole", part(0, 7), None),
        ("whole, and to stay so", part(0x4000, 7), None),
        ("the first", part(0x2000, 7), Some(7)),
        ("one between", part(0x2001, 7), Some(7)),
        ("the last", part(0x0001, 0xffff), Some(0xffff)),
        ("whole in spite of its header", part_6(0), None),
        ("the first, IPv6", part_6(0x0001), Some(0x0102_0304)),
        ("the last, IPv6", part_6(0x0008), Some(0x0102_0304)),
    ];
    for (what, bytes, id) in rows {
        assert_eq!(packet(&frame(101, &bytes), what).fragment_id, id, "{what}");
        let is_v4 = bytes[0] == 0x45;
        let on_ethernet = ethernet(if is_v4 { 0x0800 } else { 0x86dd }, &bytes);
        assert_eq!(packet(&frame(1, &on_ethernet), what).fragment_id, id, "{what}, on Ethernet");
    }
}

#[test]
fn extension_headers_of_every_kind_are_walked() {
    for kind in [0_u8, 43, 51, 60, 135, 139, 140] {
        let bytes =
            ipv6(kind, &cat(&[&[17, if kind == 51 { 2 } else { 1 }], &[0; 14], &udp(1000, 7, b"hello")]));
        check(&format!("header {kind}"), 101, &bytes);
        let cut = Frame { bytes: &bytes[..50], ..frame(101, &bytes) };
        assert!(packet(&cut, "cut").ports_truncated, "header {kind}, cut");
    }
    for protocol in [50_u8, 59, 253] {
        let bytes = ipv6(protocol, &udp(1000, 7, b"hello"));
        let packet = packet(&frame(101, &bytes), "no ports");
        assert_eq!((packet.protocol, packet.ports, packet.ports_truncated), (protocol, None, false));
    }
}

#[test]
fn icmp_errors_quote_the_packet_that_they_are_about() {
    let error = |kind: u8, code: u8, quote: &[u8]| outer(1, &cat(&[&[kind, code, 0, 0, 0, 0, 0, 0], quote]));
    let error_6 = |kind: u8, quote: &[u8]| ipv6(58, &cat(&[&[kind, 0, 0, 0, 0, 0, 0, 0], quote]));
    let redirect = |option: &[u8]| cat(&[&[0; 32], option, &[4, 8, 0, 0, 0, 0, 0, 0], &plain_6()]);
    let syn = ipv4(6, &tcp(2, b""));
    let later = {
        let mut bytes = syn.clone();
        bytes[7] = 9;
        bytes
    };
    let rows = [
        ("unreachable", error(3, 1, &syn), Some((true, Some((1000, 80))))),
        ("unreachable, only ports quoted", error(3, 1, &syn[..24]), Some((true, Some((1000, 80))))),
        ("unreachable, no ports quoted", error(3, 1, &syn[..20]), Some((true, None))),
        ("too big", error(3, 4, &syn), Some((false, Some((1000, 80))))),
        ("too long under way", error(11, 0, &syn), Some((false, Some((1000, 80))))),
        ("a wrong parameter", error(12, 0, &syn), Some((false, Some((1000, 80))))),
        ("a later fragment was refused", error(3, 1, &later), Some((true, None))),
        ("no addresses quoted", error(3, 1, &syn[..19]), None),
        ("another way", error(5, 1, &syn), Some((false, Some((1000, 80))))),
        ("too much", error(4, 0, &syn), Some((false, Some((1000, 80))))),
        ("an echo", error(8, 0, &syn), None),
        ("unreachable, IPv6", error_6(1, &plain_6()), Some((true, Some((1000, 7))))),
        ("too big, IPv6", error_6(2, &plain_6()), Some((false, Some((1000, 7))))),
        (
            "another way, IPv6",
            error_6(137, &redirect(&[2, 1, 0, 0, 0, 0, 0, 1])),
            Some((false, Some((1000, 7)))),
        ),
        ("another way, without an end", error_6(137, &redirect(&[2, 0, 0, 0, 0, 0, 0, 1])), None),
        ("an echo, IPv6", error_6(128, &plain_6()), None),
        ("no ICMP", outer(17, &cat(&[&[3, 1, 0, 0, 0, 0, 0, 0], &syn])), None),
        ("a quote in a tunnel", outer(4, &error(3, 1, &syn)), Some((true, Some((1000, 80))))),
    ];
    for (what, bytes, expected) in rows {
        let packet = packet(&frame(101, &bytes), what);
        let found = quoted(&packet).map(|quoted| {
            let ends = [quoted.packet.source.to_string(), quoted.packet.destination.to_string()];
            assert!(
                ends == ["10.0.0.1", "192.0.2.9"] || ends == ["fd00::1", "2001:db8::9"],
                "{what}: {ends:?}"
            );
            let ports = quoted.packet.ports.map(|Ports { source, destination }| (source, destination));
            (quoted.is_refused, ports)
        });
        assert_eq!(found, expected, "{what}");
    }
}

/// Every link type that is opened.
const LINK_TYPES: [u16; 35] = [
    0, 1, 6, 9, 10, 11, 12, 14, 50, 51, 100, 101, 104, 105, 107, 108, 109, 113, 117, 119, 122, 127, 163, 166,
    192, 204, 205, 206, 228, 229, 239, 276, 187, 189, 999,
];

proptest! {
    /// Tunnels in tunnels with bytes changed and an end cut away.
    #[test]
    fn no_damage_does_harm(
        layers in proptest::collection::vec(0_usize..53, 0..12),
        damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..6),
        kept in 0_usize..400, missing in 0_u32..100, link_type in proptest::sample::select(&LINK_TYPES[..]),
        in_ethernet: bool,
    ) {
        let mut bytes = layers.iter().fold(plain(), |inner, layer| {
            let mut all = wrapped(&Content::of(inner));
            let layer = layer % all.len();
            all.swap_remove(layer).1
        });
        bytes = if in_ethernet { ethernet(0x0800, &bytes) } else { bytes };
        for (at, byte) in damage {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(kept.max(1));
        let frame = Frame { wire_length: bytes.len() as u32 + missing, ..frame(link_type, &bytes) };
        if let Decoded::Packet(packet) = decode(&frame) {
            prop_assert!(packet.payload.len() <= packet.ip_bytes.len() && packet.ip_bytes.len() <= bytes.len());
            let line = info(&packet);
            prop_assert!(line.chars().all(|c| (' '..='~').contains(&c)), "{:?}", line);
            let _ = (names(&packet, &mut Names::default()), quoted(&packet).map(|quoted| info(&quoted.packet)));
        }
    }
}
