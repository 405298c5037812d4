//! Does every link layer lead to the packet that it carries, and is what carries none called by its name?
//! Frames are built by hand, as the standards draw them.

use crate::frames::{
    MACS, STATIONS, cat, check, ethernet, frame, inner, packet, plain, plain_6, snap, to_access_point,
    wireless,
};
use allclear::pure::packet::{Decoded, Frame, Mac, NotIp, decode};

#[test]
fn ethernet_and_what_stands_in_it() {
    let tags = |count: usize, inner: &[u8]| {
        (0..count).fold((0x0800, inner.to_vec()), |(ethertype, inner): (u16, _), _| {
            (0x8100, cat(&[&[0, 5], &ethertype.to_be_bytes(), &inner]))
        })
    };
    let tagged = |count: usize| ethernet(if count == 0 { 0x0800 } else { 0x8100 }, &tags(count, &plain()).1);
    let labels = [0, 0, 0x10, 0, 0, 0, 0x21, 1];
    let (word, raw) = ([0; 4], inner());
    let mac_4 = cat(&[&[0x45, 0, 0, 1, 2, 3], &raw[6..]]);
    let mac_0 = cat(&[&[0, 0, 0, 1, 2, 3], &raw[6..]]);
    let mac_1 = cat(&[&[0x10, 0, 0, 1, 2, 3], &raw[6..]]);
    let mpls = |parts: &[&[u8]]| ethernet(0x8847, &cat(&[&labels, &cat(parts)]));
    let point =
        |protocol: &[u8], rest: &[u8]| ethernet(0x8864, &cat(&[&[0x11, 0, 0, 1, 0, 9], protocol, rest]));
    let rows = [
        ("sixteen tags", tagged(16)),
        ("SNAP of a bridge", ethernet(60, &snap([0, 0, 0xf8], 0x0800, &plain()))),
        ("SNAP with a tag", ethernet(60, &snap([0; 3], 0x8100, &cat(&[&[0, 5, 8, 0], &plain()])))),
        ("SNAP with bridged Ethernet", ethernet(90, &snap([0, 0x80, 0xc2], 7, &inner()))),
        (
            "SNAP with padded bridged Ethernet",
            ethernet(90, &snap([0, 0x80, 0xc2], 1, &cat(&[&[0, 0], &inner()]))),
        ),
        ("ISO's identifier", ethernet(60, &cat(&[&[0xfe, 0xfe, 3, 0xcc], &plain()]))),
        ("long LLC", ethernet(0x8870, &snap([0; 3], 0x86dd, &plain_6()))),
        ("PPPoE, compressed protocol", point(&[0x21], &plain())),
        ("PPPoE with MPLS", point(&[2, 0x81], &cat(&[&labels, &plain_6()]))),
        ("a whole packet in multilink", point(&[0, 0x3d, 0xc0, 0, 0, 7, 0, 0x21], &plain())),
        ("MPLS, IPv6", mpls(&[&plain_6()])),
        ("MPLS, Ethernet behind a control word", mpls(&[&word, &inner()])),
        ("MPLS, Ethernet without one", mpls(&[&inner()])),
        ("MPLS, Ethernet to a MAC address like IPv4", mpls(&[&mac_4])),
        ("MPLS, Ethernet to a MAC address like a control word", mpls(&[&mac_0])),
        ("MPLS, Ethernet to a MAC address like control", mpls(&[&mac_1])),
        ("MPLS, IP behind a control word", mpls(&[&word, &plain()])),
        ("MPLS, a tagged pseudowire", mpls(&[&word, &tagged(2)])),
        ("MPLS over multicast", ethernet(0x8848, &cat(&[&labels, &plain()]))),
        ("MAC in MAC", ethernet(0x88a8, &cat(&[&[0, 5, 0x88, 0xe7], &word, &inner()]))),
        ("FabricPath", ethernet(0x8903, &cat(&[&[0, 5], &inner()]))),
        ("TRILL", ethernet(0x22f3, &cat(&[&[0, 0x3f, 0, 1, 0, 2], &inner()]))),
        ("TRILL with options", ethernet(0x22f3, &cat(&[&[0, 0x7f, 0, 1, 0, 2], &word, &inner()]))),
        ("VN-Tag", ethernet(0x8926, &cat(&[&word, &[0x81, 0, 0, 5, 8, 0], &plain()]))),
        ("HSR", ethernet(0x892f, &cat(&[&word, &[0x86, 0xdd], &plain_6()]))),
        ("Cisco metadata", ethernet(0x8909, &cat(&[&[1, 1, 0, 1, 0, 7, 8, 0], &plain()]))),
        ("a mirror's time stamp", ethernet(0xd28b, &cat(&[&[0, 1, 0, 0x10], &[7; 8], &[8, 0], &plain()]))),
        (
            "the same in 48 bits",
            ethernet(0xd28b, &cat(&[&[0, 1, 1, 0x21], &[7; 6], &[0x86, 0xdd], &plain_6()])),
        ),
        ("NSH with IP", ethernet(0x894f, &cat(&[&[0, 2, 1, 1], &word, &plain()]))),
        ("NSH with Ethernet", ethernet(0x894f, &cat(&[&[0, 2, 1, 3], &word, &inner()]))),
        ("MACsec that does not encrypt", ethernet(0x88e5, &cat(&[&[0x20, 0], &[7; 12], &[8, 0], &plain()]))),
        ("the same without a channel", ethernet(0x88e5, &cat(&[&[0x40, 0], &[7; 4], &[8, 0], &plain()]))),
    ];
    for (what, bytes) in rows {
        check(what, 1, &bytes);
    }
}

#[test]
fn link_types_beside_ethernet() {
    let cooked = |hardware: u8, protocol: [u8; 2], inner: &[u8]| {
        cat(&[&[0, 4, 3, hardware, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], &protocol, inner])
    };
    let log = |order: fn(u16) -> [u8; 2]| {
        let field = |kind: u16, value: &[u8]| {
            let pad = vec![0; value.len().next_multiple_of(4) - value.len()];
            cat(&[&order(value.len() as u16 + 4), &order(kind), value, &pad])
        };
        cat(&[
            &[2, 0, 0, 5],
            &field(1, &[8, 0, 0, 0]),
            &field(10, b"odd"),
            &field(9, &plain()),
            &field(4, &[0; 4]),
        ])
    };
    let relay = |address: &[u8], rest: &[u8]| cat(&[address, rest]);
    let rows = [
        ("cooked with radiotap", 113, cooked(0x23, [0, 4], &cat(&[&RADIOTAP, &to_access_point(&plain())]))),
        ("loopback of Windows", 0, cat(&[&[23, 0, 0, 0], &plain_6()])),
        ("loopback of Solaris", 108, cat(&[&[0, 0, 0, 26], &plain_6()])),
        ("loopback with PPP", 0, cat(&[&[0xff, 3, 0, 0x21], &plain()])),
        ("loopback with an EtherType", 0, cat(&[&[0, 0, 8, 0], &plain()])),
        ("PPP, all compressed", 9, cat(&[&[0x57], &plain_6()])),
        ("HDLC where PPP was announced", 9, cat(&[&[0x0f, 0, 8, 0], &plain()])),
        ("HDLC on a synchronous line", 50, cat(&[&[0x0f, 0, 8, 0], &plain()])),
        ("PPP on a synchronous line", 50, cat(&[&[0xff, 3, 0, 0x21], &plain()])),
        ("PPP of pppd", 166, cat(&[&[1, 3, 0, 0x21], &plain()])),
        ("PPP with its direction", 204, cat(&[&[1, 0xff, 3, 0, 0x21], &plain()])),
        ("PPPoE alone", 51, cat(&[&[0x11, 0, 0, 1, 0, 9, 0, 0x21], &plain()])),
        ("HDLC with MPLS", 104, cat(&[&[0x0f, 0, 0x88, 0x47, 0, 0, 0x11, 1], &plain()])),
        ("HDLC with its direction", 205, cat(&[&[0, 0x8f, 0, 0x86, 0xdd], &plain_6()])),
        ("Frame Relay", 107, relay(&[0x18, 0x41, 3, 0xcc], &plain())),
        ("Frame Relay, IPv6, padded", 107, relay(&[0x18, 0x41, 3, 0, 0x8e], &plain_6())),
        ("Frame Relay, three bytes of address", 107, relay(&[0x18, 0x40, 0x11, 3, 0xcc], &plain())),
        ("Frame Relay, four bytes of address", 107, relay(&[0x18, 0x40, 0x10, 0x11, 3, 0xcc], &plain())),
        ("Frame Relay with SNAP", 107, relay(&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0], &plain())),
        ("Frame Relay, bridged", 107, relay(&[0x18, 0x41, 3, 0, 0x80, 0, 0x80, 0xc2, 0, 7], &inner())),
        ("Frame Relay with PPP", 107, relay(&[0x18, 0x41, 3, 0xcf, 0, 0x21], &plain())),
        ("Frame Relay of Cisco", 107, relay(&[0x18, 0x41, 8, 0], &plain())),
        ("Frame Relay with its direction", 206, relay(&[1, 0x18, 0x41, 3, 0xcc], &plain())),
        ("netfilter log", 239, log(u16::to_le_bytes)),
        ("netfilter log, big-endian", 239, log(u16::to_be_bytes)),
        ("log of OpenBSD's filter", 117, cat(&[&[61, 2], &[0; 62], &plain()])),
        ("a process of Apple's", 258, cat(&[&[16, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], &inner()])),
        ("IPsec as OpenBSD sees it", 109, cat(&[&[0; 12], &plain_6()])),
        ("FDDI", 10, cat(&[&[0x57], &MACS, &snap([0; 3], 0x0800, &plain())])),
        ("Token Ring", 6, cat(&[&[0x10, 0x40], &MACS, &snap([0; 3], 0x0800, &plain())])),
        ("Token Ring with a route", 6, {
            let routed = [2, 0, 0, 0, 0, 9, 0x82, 0, 0, 0, 0, 1, 6, 0x30, 0, 1, 0, 2];
            cat(&[&[0x10, 0x40], &routed, &snap([0; 3], 0x0800, &plain())])
        }),
        ("IP over Fibre Channel", 122, cat(&[&[0; 16], &snap([0; 3], 0x0800, &plain())])),
        ("ATM", 100, snap([0; 3], 0x0800, &plain())),
    ];
    for (what, link_type, bytes) in rows {
        check(what, link_type, &bytes);
    }
}

const RADIOTAP: [u8; 8] = [0, 0, 8, 0, 0, 0, 0, 0];
#[test]
fn wireless_data_is_read_and_its_sender_is_known() {
    let [to, from, access, other] = STATIONS;
    let body = snap([0; 3], 0x0800, &plain());
    let data = |kind: u8, flags: u8, addresses, rest: &[u8]| {
        cat(&[&wireless(kind, flags, addresses, 0), rest, &body])
    };
    let part = |ip: &[u8]| {
        let content = snap([0; 3], 0x0800, ip);
        let length = (content.len() as u16).to_be_bytes();
        cat(&[&to, &from, &length, &content])
    };
    let qos = |flags: u8| cat(&[&wireless(0x88, flags, [access, from, to], 0), &[0, 0], &body]);
    let padded = cat(&[&wireless(0x88, 1, [access, from, to], 0), &[0; 4], &body]);
    let rows = [
        ("from a station", 105, data(0x08, 1, [access, from, to], &[])),
        ("to a station", 105, data(0x08, 2, [to, access, from], &[])),
        ("without access point", 105, data(0x08, 0, [to, from, access], &[])),
        ("between access points", 105, data(0x08, 3, [access, other, to], &from)),
        ("with quality", 105, qos(1)),
        (
            "between access points with quality",
            105,
            data(0x88, 3, [access, other, to], &cat(&[&from, &[0, 0]])),
        ),
        ("with high throughput", 105, data(0x88, 0x81, [access, from, to], &[0; 6])),
        (
            "an aggregate of one",
            105,
            cat(&[&wireless(0x88, 1, [access, from, to], 0), &[0x80, 0], &part(&plain())]),
        ),
        ("radiotap", 127, cat(&[&RADIOTAP, &qos(1)])),
        ("radiotap that pads", 127, cat(&[&[0, 0, 9, 0, 2, 0, 0, 0, 0x20], &padded])),
        ("radiotap with a time", 127, cat(&[&[0, 0, 17, 0, 3, 0, 0, 0], &[0xff; 8], &[0x20], &padded])),
        ("radiotap, two antennas", 127, cat(&[&[0, 0, 13, 0, 2, 0, 0, 0x80, 0, 0, 0, 0, 0x20], &padded])),
        ("Prism", 119, cat(&[&[0x44, 0, 0, 0, 144, 0, 0, 0], &[0; 136], &qos(2 - 1)])),
        ("Prism, big-endian", 119, cat(&[&[0, 0, 0, 0x44, 0, 0, 0, 144], &[0; 136], &qos(1)])),
        ("AVS", 163, cat(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56], &qos(1)])),
        ("AVS under Prism's number", 119, cat(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56], &qos(1)])),
        ("PPI", 192, cat(&[&[0, 0, 8, 0, 105, 0, 0, 0], &qos(1)])),
        ("PPI with Ethernet", 192, cat(&[&[0, 0, 8, 0, 1, 0, 0, 0], &inner()])),
    ];
    for (what, link_type, bytes) in rows {
        check(what, link_type, &bytes);
        let mac = packet(&frame(link_type, &bytes), what).source_mac;
        assert_eq!(mac, Some(Mac([2, 0, 0, 0, 0, 1])), "{what}");
    }
    let two = cat(&[
        &wireless(0x88, 1, [access, from, to], 0),
        &[0x80, 0],
        &part(&plain()),
        &[0; 3],
        &part(&plain()),
    ]);
    let unread = packet(&frame(105, &two), "an aggregate of two").unread_layer;
    assert_eq!(unread, Some("802.11, rest of an aggregate"));
    let cut = Frame { bytes: &two[..two.len() / 2], ..frame(105, &two) };
    let unread = packet(&cut, "an aggregate, cut in the first").unread_layer;
    assert_eq!(unread, Some("802.11, rest of an aggregate"), "cut in the first");
}

#[test]
fn wireless_without_readable_ip() {
    let [to, from, access, _] = STATIONS;
    let row = |kind: u8, flags: u8, fragment: u8| {
        let bytes = cat(&[&wireless(kind, flags, [access, from, to], fragment), &[0; 40]]);
        match decode(&frame(105, &bytes)) {
            Decoded::NotIp(NotIp::Other(name)) | Decoded::Undecoded(name) => name,
            other => panic!("{other:?}"),
        }
    };
    let rows = [
        ("a beacon", row(0x80, 0, 0), "802.11 management"),
        ("an acknowledgement", row(0xd4, 0, 0), "802.11 management"),
        ("data without content", row(0x48, 1, 0), "802.11 data without content"),
        ("quality without content", row(0xc8, 1, 0), "802.11 data without content"),
        ("encrypted", row(0x88, 0x41, 0), "802.11, encrypted"),
        ("a later fragment", row(0x08, 1, 1), "802.11, fragment"),
        ("another version", row(0x09, 1, 0), "802.11"),
    ];
    for (what, name, expected) in rows {
        assert_eq!(name, expected, "{what}");
    }
    let cut = Frame { wire_length: 100, ..frame(105, &[0x08, 1, 0]) };
    assert!(matches!(decode(&cut), Decoded::Truncated), "a cut header");
}
