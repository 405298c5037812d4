//! Frames built by hand, for tests of the decoder, and those of a file.

use allclear::edge::capture::files::{OpenError, open};
use allclear::edge::capture::stream::ReadEnd;
use allclear::pure::packet::{Decoded, Frame, Packet, Ports, decode};
use std::ops::ControlFlow;
use std::path::Path;

/// Gives all frames of a file to `take`, in their order, until that breaks off.
pub fn read_frames(
    path: &Path,
    take: impl FnMut(Frame<'_>) -> ControlFlow<()>,
) -> Result<ReadEnd, OpenError> {
    Ok(open(path, None)?.frames.for_each(take))
}

pub fn frame(link_type: u16, bytes: &[u8]) -> Frame<'_> {
    Frame { time_ns: 0, bytes, wire_length: bytes.len() as u32, link_type }
}

/// A UDP datagram of `payload` in IPv4, from 10.0.0.1:1000 to 192.0.2.9:53 unless built otherwise.
pub fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len() as u16).to_be_bytes();
    let header = [0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 192, 0, 2, 9];
    [&header[..], payload].concat()
}

pub fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let fields = [source, destination, 8 + payload.len() as u16, 0].map(u16::to_be_bytes).concat();
    [&fields[..], payload].concat()
}

pub fn tcp(flags: u8, payload: &[u8]) -> Vec<u8> {
    let header = [0x03, 0xe8, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0];
    [&header[..], payload].concat()
}

pub fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    let mut header = vec![0x60, 0, 0, 0, length[0], length[1], next, 64];
    header.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    header.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
    [header, payload.to_vec()].concat()
}

pub const MACS: [u8; 12] = [2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1];

pub fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&MACS[..], &ethertype.to_be_bytes(), payload].concat()
}

/// The plainest packet there is: 10.0.0.1:1000 to 192.0.2.9:7 over UDP.
pub fn plain() -> Vec<u8> {
    ipv4(17, &udp(1000, 7, b"hello"))
}

pub fn plain_6() -> Vec<u8> {
    ipv6(17, &udp(1000, 7, b"hello"))
}

pub fn packet<'a>(frame: &Frame<'a>, what: &str) -> Packet<'a> {
    match decode(frame) {
        Decoded::Packet(packet) => packet,
        other => panic!("{what}: {other:?}"),
    }
}

/// Parts of a frame, one behind the other.
pub fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// The packet of the frame must be the plainest one.
pub fn check(what: &str, link_type: u16, bytes: &[u8]) {
    let packet = packet(&frame(link_type, bytes), what);
    let pair = [packet.source.to_string(), packet.destination.to_string()];
    let is_expected = pair == ["10.0.0.1", "192.0.2.9"] || pair == ["fd00::1", "2001:db8::9"];
    assert!(is_expected, "{what}: {pair:?}");
    assert_eq!(packet.ports, Some(Ports { source: 1000, destination: 7 }), "{what}");
    assert_eq!((packet.protocol, packet.payload), (17, &b"hello"[..]), "{what}");
    assert_eq!((packet.ports_truncated, packet.unread_layer), (false, None), "{what}");
}

/// The plainest packet in an Ethernet frame.
pub fn inner() -> Vec<u8> {
    ethernet(0x0800, &plain())
}

/// LLC with SNAP, and what it carries.
pub fn snap(organisation: [u8; 3], ethertype: u16, rest: &[u8]) -> Vec<u8> {
    cat(&[&[0xaa, 0xaa, 3], &organisation, &ethertype.to_be_bytes(), rest])
}

/// Receiver, sender and two access points.
pub const STATIONS: [[u8; 6]; 4] =
    [[2, 0, 0, 0, 0, 9], [2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 0xaa], [2, 0, 0, 0, 0, 0xbb]];

/// An 802.11 header: control, three addresses, fragment number.
pub fn wireless(kind: u8, flags: u8, addresses: [[u8; 6]; 3], fragment: u8) -> Vec<u8> {
    cat(&[&[kind, flags, 0, 0], &addresses.concat(), &[fragment, 0]])
}

/// IP on its way from a station to its access point.
pub fn to_access_point(ip: &[u8]) -> Vec<u8> {
    let [to, from, access, _] = STATIONS;
    cat(&[&wireless(0x08, 1, [access, from, to], 0), &snap([0; 3], 0x0800, ip)])
}
