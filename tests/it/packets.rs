//! Are addresses and ports read through every link layer and tunnel, and is everything that cannot be
//! read called by its name? Frames are built by hand, or by etherparse as a second opinion.

use crate::frames::{MACS, ethernet, frame, ipv4, ipv6, packet, plain, plain_6, tcp, udp};
use allclear::pure::packet::{Decoded, Frame, Mac, Names, NotIp, Packet, Ports, decode, info, names};
use etherparse::PacketBuilder;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv6Addr};

fn is_plain(packet: &Packet<'_>, what: &str) {
    let pair = [packet.source.to_string(), packet.destination.to_string()];
    let is_expected = pair == ["10.0.0.1", "192.0.2.9"] || pair == ["fd00::1", "2001:db8::9"];
    assert!(is_expected, "{what}: {pair:?}");
    assert_eq!(packet.ports, Some(Ports { source: 1000, destination: 7 }), "{what}");
    assert_eq!((packet.protocol, packet.payload), (17, &b"hello"[..]), "{what}");
    assert!(!packet.ports_truncated && !packet.payload_truncated && !packet.is_later_fragment, "{what}");
}

#[test]
fn every_link_layer_leads_to_the_same_packet() {
    let tag = |ethertype: u16, inner: &[u8]| [&[0, 5][..], &ethertype.to_be_bytes(), inner].concat();
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &plain()].concat();
    let length = snap.len() as u16;
    let cooked = |protocol: [u8; 2], inner: &[u8]| {
        [&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0][..], &protocol, inner].concat()
    };
    let cooked_2 = [&[8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0][..], &plain()].concat();
    let eight = (0..7).fold(tag(0x0800, &plain()), |inner, _| tag(0x8100, &inner));
    let batman = |kind: u8, header_bytes: usize| {
        let header = [&[kind, 15][..], &vec![7; header_bytes - 2]].concat();
        ethernet(0x4305, &[header, ethernet(0x0800, &plain())].concat())
    };
    let mesh = [&[0x88, 3][..], &[0x20; 28], &[0, 1], &[0; 6], &snap].concat();
    let virtual_router = [&[0, 0, 0x5e, 0, 1, 9][..], &[2; 6], &[8, 0], &plain()].concat();
    let frame_relay = |frame: &[u8]| [&[0x18, 0x41, 3, 0, 0x80, 0, 0x80, 0xc2, 0, 7][..], frame].concat();
    let atm = &[0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7][..];
    let rows = [
        ("Ethernet", 1, ethernet(0x0800, &plain())),
        ("Ethernet, IPv6", 1, ethernet(0x86dd, &plain_6())),
        ("802.1Q", 1, ethernet(0x8100, &tag(0x0800, &plain()))),
        ("802.1ad", 1, ethernet(0x88a8, &tag(0x8100, &tag(0x86dd, &plain_6())))),
        ("0x9100", 1, ethernet(0x9100, &tag(0x8100, &tag(0x0800, &plain())))),
        ("eight tags", 1, ethernet(0x8100, &eight)),
        ("802.1ah", 1, ethernet(0x88e7, &[&[0; 4][..], &ethernet(0x0800, &plain())].concat())),
        ("802.3 SNAP", 1, ethernet(length, &snap)),
        ("a tag, then SNAP", 1, ethernet(0x8100, &tag(length, &snap))),
        ("802.3 LLC", 1, ethernet(60, &[&[6, 6, 3][..], &plain()].concat())),
        ("PPPoE", 1, ethernet(0x8864, &[&[0x11, 0, 0, 1, 0, 9, 0, 0x21][..], &plain()].concat())),
        ("PPPoE, IPv6", 1, ethernet(0x8864, &[&[0x11, 0, 0, 1, 0, 9, 0, 0x57][..], &plain_6()].concat())),
        ("MPLS", 1, ethernet(0x8847, &[&[0, 0, 0, 1, 0, 0, 1, 1][..], &plain()].concat())),
        (
            "pseudowire",
            1,
            ethernet(0x8847, &[&[0, 0, 1, 1, 0, 0, 0, 0][..], &ethernet(0x0800, &plain())].concat()),
        ),
        ("cooked", 113, cooked([8, 0], &plain())),
        ("cooked with tag", 113, cooked([0x81, 0], &tag(0x0800, &plain()))),
        ("cooked with LLC", 113, cooked([0, 4], &snap)),
        ("cooked 2", 276, cooked_2),
        ("raw", 101, plain()),
        ("raw as on OpenBSD", 14, plain_6()),
        ("raw as on others", 12, plain_6()),
        ("raw IPv4", 228, plain()),
        ("raw IPv6", 229, plain_6()),
        ("loopback, little", 0, [&[2, 0, 0, 0][..], &plain()].concat()),
        ("loopback, big", 0, [&[0, 0, 0, 2][..], &plain()].concat()),
        ("loopback of macOS", 0, [&[30, 0, 0, 0][..], &plain_6()].concat()),
        ("loopback of FreeBSD", 0, [&[0, 0, 0, 28][..], &plain_6()].concat()),
        ("loopback of NetBSD", 108, [&[0, 0, 0, 24][..], &plain_6()].concat()),
        ("loopback of Linux", 0, [&[10, 0, 0, 0][..], &plain_6()].concat()),
        ("PPP", 9, [&[0, 0x21][..], &plain()].concat()),
        ("PPP with framing", 50, [&[0xff, 3, 0, 0x21][..], &plain()].concat()),
        ("PPP, compressed protocol", 9, [&[0x21][..], &plain()].concat()),
        ("Cisco HDLC", 104, [&[0x0f, 0, 8, 0][..], &plain()].concat()),
        ("cooked with Ethernet", 113, cooked([0, 3], &ethernet(0x0800, &plain()))),
        ("cooked with PPP", 113, cooked([0, 7], &[&[0, 0x21][..], &plain()].concat())),
        ("802.1BR", 1, ethernet(0x893f, &[&[0; 6][..], &[8, 0], &plain()].concat())),
        ("B.A.T.M.A.N., one", 1, batman(0x40, 10)),
        ("B.A.T.M.A.N., all", 1, batman(0x01, 14)),
        ("B.A.T.M.A.N., four addresses", 1, batman(0x42, 18)),
        ("802.11 in a mesh", 105, mesh),
        ("Frame Relay, bridged, from a router's virtual address", 107, frame_relay(&virtual_router)),
        ("ATM, bridged, with its padding", 100, [atm, &[0, 0], &virtual_router].concat()),
        ("ATM, bridged, without", 100, [atm, &virtual_router].concat()),
    ];
    for (what, link_type, bytes) in rows {
        is_plain(&packet(&frame(link_type, &bytes), what), what);
    }
}

#[test]
fn the_innermost_packet_of_a_tunnel_counts() {
    let inner = ethernet(0x0800, &plain());
    let gre = |flags: u16, protocol: u16, rest: &[u8]| {
        ipv4(47, &[&flags.to_be_bytes()[..], &protocol.to_be_bytes(), rest].concat())
    };
    let with = |zeros: usize, rest: &[u8]| [vec![0; zeros], rest.to_vec()].concat();
    let vxlan = |inner: &[u8]| ipv4(17, &udp(5, 4789, &[&[8, 0, 0, 0, 0, 0, 7, 0][..], inner].concat()));
    let geneve = [&[1, 0, 0x65, 0x58, 0, 0, 7, 0, 0, 0, 0, 0][..], &inner].concat();
    let deep = (0..8).fold(inner.clone(), |inner, _| ethernet(0x0800, &vxlan(&inner)));
    let rows = [
        ("IP in IP", ipv4(4, &plain())),
        ("IP in IP of KA9Q", ipv4(94, &plain())),
        ("GUE", ipv4(17, &udp(5, 6080, &[&[1, 4, 0, 0, 0, 0, 0, 0][..], &plain()].concat()))),
        ("GUE without its header", ipv4(17, &udp(5, 6080, &plain_6()))),
        ("6in4", ipv4(41, &plain_6())),
        ("4in6", ipv6(4, &plain())),
        ("GRE", gre(0, 0x0800, &plain())),
        ("GRE, checksum, key and number", gre(0xb000, 0x86dd, &with(12, &plain_6()))),
        ("GRE with Ethernet", gre(0, 0x6558, &inner)),
        ("GRE with MPLS", gre(0, 0x8847, &[&[0, 0, 1, 1][..], &plain()].concat())),
        ("PPTP", gre(0x3081, 0x880b, &with(12, &[&[0xff, 3, 0, 0x21][..], &plain()].concat()))),
        ("ERSPAN I", gre(0, 0x88be, &inner)),
        ("ERSPAN II", gre(0x1000, 0x88be, &with(12, &inner))),
        ("ERSPAN III", gre(0x1000, 0x22eb, &with(16, &inner))),
        ("VXLAN", vxlan(&inner)),
        ("Geneve", ipv4(17, &udp(5, 6081, &geneve))),
        ("Teredo", ipv4(17, &udp(3544, 5, &plain_6()))),
        (
            "Teredo with its indications",
            ipv4(17, &udp(5, 3544, &[&[0, 1, 1, 1][..], &[7; 11], &[0; 8], &plain_6()].concat())),
        ),
        ("GRE in VXLAN in IPv6", ipv6(4, &vxlan(&ethernet(0x0800, &gre(0, 0x0800, &plain()))))),
    ];
    for (what, bytes) in rows {
        let bytes = ethernet(if bytes[0] >> 4 == 4 { 0x0800 } else { 0x86dd }, &bytes);
        is_plain(&packet(&frame(1, &bytes), what), what);
    }
    is_plain(&packet(&frame(1, &deep), "eight tunnels"), "eight tunnels");
    let deeper = (0..40).fold(deep, |inner, _| ethernet(0x0800, &vxlan(&inner)));
    let ports = packet(&frame(1, &deeper), "forty-eight tunnels").ports;
    assert_eq!(ports, Some(Ports { source: 5, destination: 4789 }), "the depth is not bounded");
}

#[test]
fn a_tunnel_that_holds_no_ip_leaves_its_own_ends() {
    let rows = [
        ("IP in IP with nonsense", ipv4(4, b"nonsense")),
        ("GRE with something else", ipv4(47, &[0, 0, 0x88, 0xcc, 1, 2, 3])),
        ("VXLAN without its flag", ipv4(17, &udp(5, 4789, &ethernet(0x0800, &plain())))),
        (
            "VXLAN with ARP",
            ipv4(17, &udp(5, 4789, &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &ethernet(0x0806, b"")].concat())),
        ),
    ];
    for (what, bytes) in rows {
        let packet = packet(&frame(101, &bytes), what);
        assert_eq!(packet.source, IpAddr::from([10, 0, 0, 1]), "{what}");
        assert!(!packet.ports_truncated, "{what}");
    }
    let whole = ipv4(4, &plain());
    let cut = Frame { bytes: &whole[..30], ..frame(101, &whole) };
    assert!(packet(&cut, "IP in IP, cut").ports_truncated, "the inner packet was cut away in silence");
}

#[test]
fn what_cannot_be_read_is_called_by_its_name() {
    let many = (0..17).fold(plain(), |inner, _| [&[0, 5, 0x81, 0][..], &inner].concat());
    let cooked_head = [0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
    let rows = [
        ("802.11", 105, plain(), "802.11"),
        ("no link type of ours", 999, plain(), "an unknown link type"),
        ("half an Ethernet header", 1, MACS.to_vec(), "Ethernet header"),
        ("IPv4 without version 4", 1, ethernet(0x0800, &plain_6()), "IPv4 header"),
        ("IPv6 without version 6", 1, ethernet(0x86dd, &[plain(), plain()].concat()), "IPv6 header"),
        ("an IPv4 header of 16 bytes", 101, [&[0x44][..], &plain()[1..]].concat(), "IPv4 header"),
        ("an IPv4 header that is not all there", 101, plain()[..19].to_vec(), "IPv4 header"),
        ("an IPv6 header that is not all there", 101, plain_6()[..39].to_vec(), "IPv6 header"),
        ("raw without a version", 101, vec![0], "IP version"),
        ("too many tags", 1, ethernet(0x8100, &many), "too many VLAN tags"),
        ("MACsec", 1, ethernet(0x88e5, &plain()), "MACsec"),
        ("labels without end", 1, ethernet(0x8847, &[0; 400]), "MPLS"),
        ("compressed PPP", 9, vec![0xfd, 1, 2], "PPP, compressed"),
        ("multiplexed PPP", 9, vec![0, 0x59, 2], "PPP, multiplexed"),
        ("PPP with a number of nobody", 9, vec![0, 0x7d, 2], "PPP, an unknown protocol"),
        (
            "a Linux protocol",
            113,
            [&cooked_head[..], &[0, 8], &plain()].concat(),
            "an unknown Linux protocol",
        ),
        ("a family of addresses", 0, [&[99, 0, 0, 0][..], &plain()].concat(), "loopback, an unknown family"),
        ("LLC to an address of nobody", 1, ethernet(60, &[0x6a, 0x6a, 3, 0, 0]), "LLC header"),
        ("SNAP of nobody", 1, ethernet(60, &[0xaa, 0xaa, 3, 9, 9, 9, 8, 0]), "SNAP, an unknown kind"),
        ("B.A.T.M.A.N. of another age", 1, ethernet(0x4305, &[0x40, 9, 0, 0]), "B.A.T.M.A.N."),
        (
            "a pseudowire of something",
            1,
            ethernet(0x8847, &[&[0, 0, 1, 1][..], &[0; 60]].concat()),
            "MPLS pseudowire",
        ),
    ];
    for (what, link_type, bytes, layer) in rows {
        match decode(&frame(link_type, &bytes)) {
            Decoded::Undecoded(name) => assert_eq!(name, layer, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn what_may_hold_ip_is_never_taken_for_something_harmless() {
    let unknown = ethernet(0x1234, &plain());
    assert!(matches!(decode(&frame(1, &unknown)), Decoded::UnknownType(0x1234)));
    let vxlan = ipv4(17, &udp(5, 4789, &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &unknown].concat()));
    let destinations = (0..17).fold(udp(1000, 7, b""), |inner, number| {
        let next = if number == 0 { 17 } else { 60 };
        [&[next, 0, 0, 0, 0, 0, 0, 0][..], &inner].concat()
    });
    let short = [&[0x45, 0, 0, 10][..], &ipv4(17, &udp(1000, 7, b""))[4..]].concat();
    let rows = [
        ("an unknown type in a tunnel", vxlan, Some("an unknown EtherType in a tunnel")),
        ("minimal encapsulation", ipv4(55, &plain()), Some("minimal encapsulation in IP")),
        ("compressed", ipv4(108, &plain()), Some("IP payload, compressed")),
        ("more headers than are walked", ipv6(60, &destinations), Some("IP payload")),
        ("a length without the header", short, Some("IP payload")),
        ("UDP, plainly", plain(), None),
    ];
    for (what, bytes, layer) in rows {
        let packet = packet(&frame(101, &bytes), what);
        assert_eq!(packet.unread_layer, layer, "{what}");
    }
}

/// A pseudowire without control word, cut anywhere, is no spanning tree and no test of anything.
#[test]
fn a_cut_frame_is_cut_whatever_it_seems_to_be() {
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &plain()].concat();
    let whole = [
        ethernet(0x8847, &[&[0, 0, 1, 1][..], &ethernet(snap.len() as u16, &snap)].concat()),
        ethernet(60, &[&[6, 6, 3][..], &plain()].concat()),
    ];
    for whole in whole {
        for cut in 0..whole.len() {
            match decode(&Frame { bytes: &whole[..cut], ..frame(1, &whole) }) {
                Decoded::Truncated => {}
                Decoded::Packet(packet) => is_cut_plain(&packet, cut),
                other => panic!("cut at {cut}: {other:?}"),
            }
        }
    }
}

fn is_cut_plain(packet: &Packet<'_>, cut: usize) {
    assert_eq!(packet.source, IpAddr::from([10, 0, 0, 1]), "cut at {cut}");
    assert!(packet.ports.is_some() || packet.ports_truncated, "cut at {cut}");
    assert!(packet.payload_truncated, "cut at {cut}");
}

/// Lists name addresses of IPv4, whatever translator they are called through.
#[test]
fn an_address_that_stands_for_one_of_ipv4_is_that_one() {
    let to = |destination: &str| {
        let mut bytes = plain_6();
        bytes[24..40].copy_from_slice(&destination.parse::<Ipv6Addr>().expect(destination).octets());
        ethernet(0x86dd, &bytes)
    };
    let rows = [
        ("64:ff9b::192.0.2.9", "192.0.2.9"),
        ("::ffff:192.0.2.9", "192.0.2.9"),
        ("64:ff9b:1::192.0.2.9", "64:ff9b:1::c000:209"),
        ("2001:db8::9", "2001:db8::9"),
    ];
    for (destination, wanted) in rows {
        let bytes = to(destination);
        assert_eq!(packet(&frame(1, &bytes), destination).destination.to_string(), wanted);
    }
}

#[test]
fn frames_without_ip_are_not_undecoded() {
    let arp = |sender: [u8; 4]| {
        let head = [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1];
        ethernet(0x0806, &[&head[..], &sender, &[0; 10]].concat())
    };
    let present = NotIp::Arp { sender: IpAddr::from([10, 0, 0, 1]), mac: Mac([2, 0, 0, 0, 0, 1]) };
    let rows = [
        ("ARP", arp([10, 0, 0, 1]), present),
        ("an ARP probe", arp([0, 0, 0, 0]), NotIp::Other("ARP")),
        ("LLDP", ethernet(0x88cc, &[0; 30]), NotIp::Other("LLDP")),
        ("spanning tree", ethernet(38, &[0x42; 38]), NotIp::Other("spanning tree")),
        ("PPPoE discovery", ethernet(0x8863, &[0x11, 9, 0, 0, 0, 0]), NotIp::Other("PPPoE discovery")),
    ];
    for (what, bytes, expected) in rows {
        match decode(&frame(1, &bytes)) {
            Decoded::NotIp(not_ip) => assert_eq!(not_ip, expected, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

/// Where a frame is cut and what can still be read: addresses, ports, payload.
#[test]
fn a_cut_frame_says_what_is_missing() {
    let whole = ethernet(0x0800, &ipv4(6, &tcp(0x12, b"payload")));
    for cut in 0..=whole.len() {
        let frame = Frame { bytes: &whole[..cut], ..frame(1, &whole) };
        match decode(&frame) {
            Decoded::Truncated => assert!(cut < 34, "addresses end at byte 34, cut at {cut}"),
            Decoded::Packet(packet) => {
                assert!(cut >= 34, "cut at {cut}");
                assert_eq!(packet.ports.is_some(), cut >= 38, "ports end at byte 38, cut at {cut}");
                assert_eq!(packet.ports_truncated, cut < 38, "cut at {cut}");
                assert_eq!(packet.payload_truncated, cut < whole.len(), "cut at {cut}");
                assert_eq!(packet.tcp_flags, if cut >= 48 { 0x12 } else { 0 }, "cut at {cut}");
            }
            other => panic!("cut at {cut}: {other:?}"),
        }
    }
}

#[test]
fn lengths_of_ip_decide_what_is_payload() {
    let stated = |length: u16, bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        bytes
    };
    let padded = [plain(), vec![0; 13]].concat();
    let rows = [
        ("padding is left out", padded.clone(), &b"hello"[..], false),
        ("length 0 means all of it", stated(0, &plain()), b"hello", false),
        ("a length that lies ahead", stated(900, &plain()), b"hello", true),
        ("a length that ends early", stated(31, &plain()), b"hel", false),
    ];
    for (what, bytes, payload, is_missing) in rows {
        let packet = packet(&frame(101, &bytes), what);
        assert_eq!((packet.payload, packet.payload_truncated), (payload, is_missing), "{what}");
    }
}

#[test]
fn ports_stand_in_the_first_fragment_only() {
    let fragment = |field: u16| {
        let mut bytes = plain();
        bytes[6..8].copy_from_slice(&field.to_be_bytes());
        bytes
    };
    let fragment_6 = |field: u16| {
        let field = field.to_be_bytes();
        ipv6(44, &[&[17, 0, field[0], field[1], 0, 0, 0, 1][..], &udp(1000, 7, b"hello")].concat())
    };
    let rows = [
        ("not to be fragmented", fragment(0x4000), false),
        ("the first", fragment(0x2000), false),
        ("the second", fragment(0x2001), true),
        ("the last", fragment(0x0001), true),
        ("the first, IPv6", fragment_6(0x0001), false),
        ("the second, IPv6", fragment_6(0x0009), true),
    ];
    for (what, bytes, is_later) in rows {
        let packet = packet(&frame(101, &bytes), what);
        assert_eq!((packet.is_later_fragment, packet.ports.is_none()), (is_later, is_later), "{what}");
        assert!(!packet.ports_truncated, "{what}");
        assert_eq!(packet.protocol, 17, "{what}");
    }
}

#[test]
fn extension_headers_are_walked() {
    let udp = udp(1000, 7, b"hello");
    let chain = [
        (0_u8, vec![43, 1], 16), // hop by hop, 16 bytes
        (43, vec![60, 0], 8),
        (60, vec![51, 0], 8),
        (51, vec![44, 2], 16), // authentication counts in four bytes
        (44, vec![17, 0], 8),
    ];
    let headers = chain.iter().flat_map(|(_, start, bytes)| [start.clone(), vec![0; bytes - 2]].concat());
    let bytes = ipv6(0, &headers.chain(udp.iter().copied()).collect::<Vec<u8>>());
    is_plain(&packet(&frame(101, &bytes), "all of them"), "all of them");
    let endless = ipv6(60, &[60, 0, 0, 0, 0, 0, 0, 0].repeat(200));
    assert_eq!(packet(&frame(101, &endless), "endless").ports, None);
    let cut = Frame { bytes: &bytes[..50], ..frame(101, &bytes) };
    assert!(packet(&cut, "cut").ports_truncated, "ports behind a cut header were lost in silence");
}

#[test]
fn sctp_has_ports_too() {
    let packet_bytes = ipv4(132, &udp(1000, 7, b"hello"));
    assert_eq!(
        packet(&frame(101, &packet_bytes), "SCTP").ports,
        Some(Ports { source: 1000, destination: 7 })
    );
}

#[test]
fn macs_are_those_of_the_innermost_frame() {
    let inner = [&[4, 0, 0, 0, 0, 9, 4, 0, 0, 0, 0, 1, 8, 0][..], &plain()].concat();
    let vxlan = ipv4(17, &udp(5, 4789, &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &inner].concat()));
    let rows = [
        ("Ethernet", 1, ethernet(0x0800, &plain()), Some(Mac([2, 0, 0, 0, 0, 1]))),
        ("VXLAN", 1, ethernet(0x0800, &vxlan), Some(Mac([4, 0, 0, 0, 0, 1]))),
        ("raw", 101, plain(), None),
    ];
    for (what, link_type, bytes, mac) in rows {
        assert_eq!(packet(&frame(link_type, &bytes), what).source_mac, mac, "{what}");
    }
}

/// A TCP or UDP packet that etherparse wrote.
fn built(v4: bool, tags: u8, is_tcp: bool, ends: ([u8; 16], [u8; 16], u16, u16), payload: &[u8]) -> Vec<u8> {
    let (source, destination, from, to) = ends;
    let [s0, s1, s2, s3, ..] = source;
    let [d0, d1, d2, d3, ..] = destination;
    let link = PacketBuilder::ethernet2([2; 6], [4; 6]);
    let vlan = |id| etherparse::VlanId::try_new(id).expect("below 4096");
    let mut out = Vec::new();
    macro_rules! finish {
        ($link:expr) => {{
            let ip = if v4 {
                $link.ipv4([s0, s1, s2, s3], [d0, d1, d2, d3], 64)
            } else {
                $link.ipv6(source, destination, 64)
            };
            if is_tcp {
                ip.tcp(from, to, 1, 1000).syn().write(&mut out, payload)
            } else {
                ip.udp(from, to).write(&mut out, payload)
            }
        }};
    }
    let written = match tags {
        0 => finish!(link),
        1 => finish!(link.single_vlan(vlan(5))),
        _ => finish!(link.double_vlan(vlan(5), vlan(6))),
    };
    written.expect("memory takes everything");
    out
}

proptest! {
    #[test]
    fn etherparse_reads_the_same(
        v4: bool, tags in 0_u8..3, is_tcp: bool,
        source: [u8; 16], destination: [u8; 16],
        // Ports of tunnels are opened by us and not by etherparse.
        from in 1_u16..1700, to in 1_u16..1700,
        payload in proptest::collection::vec(any::<u8>(), 0..100),
        padding in 0_usize..20,
    ) {
        let mut bytes = built(v4, tags, is_tcp, (source, destination, from, to), &payload);
        bytes.extend(vec![0; padding]);
        let ours = packet(&frame(1, &bytes), "built");
        let theirs = etherparse::SlicedPacket::from_ethernet(&bytes).expect("etherparse wrote it");
        let (their_source, their_destination) = match theirs.net.expect("it has IP") {
            etherparse::NetSlice::Ipv4(ip) => (IpAddr::V4(ip.header().source_addr()), IpAddr::V4(ip.header().destination_addr())),
            etherparse::NetSlice::Ipv6(ip) => (IpAddr::V6(ip.header().source_addr()), IpAddr::V6(ip.header().destination_addr())),
            other => panic!("{other:?}"),
        };
        prop_assert_eq!((ours.source, ours.destination), (their_source, their_destination));
        let (their_ports, their_payload) = match theirs.transport.expect("it has ports") {
            etherparse::TransportSlice::Tcp(tcp) => ((tcp.source_port(), tcp.destination_port()), tcp.payload()),
            etherparse::TransportSlice::Udp(udp) => ((udp.source_port(), udp.destination_port()), udp.payload()),
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(ours.ports, Some(Ports { source: their_ports.0, destination: their_ports.1 }));
        prop_assert_eq!(ours.payload, their_payload);
        prop_assert_eq!(ours.tcp_flags, if is_tcp { 2 } else { 0 });
        prop_assert_eq!(ours.source_mac, Some(Mac([2; 6])));
    }

    #[test]
    fn the_short_way_sees_what_the_long_way_sees(
        protocol in prop_oneof![Just(6_u8), Just(17), Just(4), any::<u8>()],
        fragment in prop_oneof![Just(0_u16), Just(0x4000), Just(0x2000), Just(7)],
        port in prop_oneof![Just(4789_u16), Just(53), any::<u16>()],
        mut rest in proptest::collection::vec(any::<u8>(), 0..60),
        surplus in -20_i32..20, cut in 0_usize..90, first in prop_oneof![Just(0x45_u8), any::<u8>()],
    ) {
        if let Some(field) = rest.get_mut(2..4) {
            field.copy_from_slice(&port.to_be_bytes());
        }
        let mut whole = ipv4(protocol, &rest);
        let stated = (whole.len() as i32 + surplus) as u16;
        whole[0] = first;
        whole[2..4].copy_from_slice(&stated.to_be_bytes());
        whole[6..8].copy_from_slice(&fragment.to_be_bytes());
        // A tag forces the long way.
        let [short, long] = [ethernet(0x0800, &whole), ethernet(0x8100, &[&[0, 5, 8, 0][..], &whole].concat())];
        let seen = [(&short, 14), (&long, 18)].map(|(bytes, link)| {
            let cut = Frame { bytes: &bytes[..(link + cut).min(bytes.len())], ..frame(1, bytes) };
            format!("{:?}", decode(&cut))
        });
        let long = seen[1].replace(&format!("wire_length: {}", 18 + whole.len()), &format!("wire_length: {}", 14 + whole.len()));
        prop_assert_eq!(&seen[0], &long);
    }

    #[test]
    fn no_bytes_do_harm(
        link_type in prop_oneof![Just(0_u16), Just(1), Just(9), Just(101), Just(104), Just(108), Just(113), Just(276), any::<u16>()],
        mut bytes in proptest::collection::vec(any::<u8>(), 0..300),
        ethertype in prop_oneof![Just(0x0800_u16), Just(0x86dd), Just(0x8847), Just(0x8864), Just(0x88e7), any::<u16>()],
        protocol in prop_oneof![Just(4_u8), Just(6), Just(17), Just(41), Just(47), Just(137), any::<u8>()],
        missing in 0_u32..100,
    ) {
        if let Some(field) = bytes.get_mut(12..15) {
            field[..2].copy_from_slice(&ethertype.to_be_bytes());
            field[2] = if ethertype == 0x86dd { 0x60 } else { 0x45 };
        }
        for at in [20, 23] {
            if let Some(field) = bytes.get_mut(at) {
                *field = protocol;
            }
        }
        let frame = Frame { wire_length: bytes.len() as u32 + missing, ..frame(link_type, &bytes) };
        if let Decoded::Packet(packet) = decode(&frame) {
            let line = info(&packet);
            prop_assert!(line.chars().all(|c| (' '..='~').contains(&c)), "{:?}", line);
            let mut found = Names::default();
            names(&packet, &mut found);
            for name in found.as_slice() {
                prop_assert!(name.text.as_str().bytes().all(|b| b.is_ascii_graphic()));
            }
        }
    }
}
