//! What does the commonest frame of all carry: Ethernet with one tag at most, IPv4 without options or
//! IPv6 without extensions, TCP or UDP?
//!
//! A short way for nine frames out of ten. It must see exactly what the long way (`link`, `internet`)
//! sees, and leaves to it whatever is unusual.

use super::internet::{TCP, UDP, ports, tcp, udp_payload};
use super::{Frame, Mac, Packet, tunnel};
use crate::pure::address;
use std::net::{IpAddr, Ipv4Addr};

const ETHERNET: u16 = 1;
const IPV4_HEADER_BYTES: usize = 20;
const IPV6_HEADER_BYTES: usize = 40;

/// Whether more fragments follow, and where this one belongs: 0 in a datagram that came whole.
const FRAGMENTED: u16 = 0x3fff;

/// The packet of a plain frame with IPv4; `None` when it is none, and the long way, [`super::decode`],
/// must be taken.
// Always, here and below: the packet must not travel through memory, which costs more than reading it.
#[inline(always)]
pub fn plain_ipv4<'a>(frame: &Frame<'a>) -> Option<Packet<'a>> {
    let (macs, rest) = frame.bytes.split_first_chunk::<12>()?;
    match rest {
        [8, 0, ip @ ..] | [0x81, 0, _, _, 8, 0, ip @ ..] => packet(frame, macs, ipv4(ip)?),
        _ => None,
    }
}

/// The same for a plain frame with IPv6.
#[inline(always)]
pub fn plain_ipv6<'a>(frame: &Frame<'a>) -> Option<Packet<'a>> {
    let (macs, rest) = frame.bytes.split_first_chunk::<12>()?;
    match rest {
        [0x86, 0xdd, ip @ ..] | [0x81, 0, _, _, 0x86, 0xdd, ip @ ..] => packet(frame, macs, ipv6(ip)?),
        _ => None,
    }
}

#[inline(always)]
fn packet<'a>(frame: &Frame<'a>, macs: &[u8; 12], header: Header<'a>) -> Option<Packet<'a>> {
    let Header { source, destination, protocol, ip, bytes, is_cut } = header;
    let (tcp_flags, payload) = match protocol {
        TCP => tcp(bytes),
        UDP => (0, udp_payload(bytes)),
        _ => return None,
    };
    let packet = Packet {
        time_ns: frame.time_ns,
        wire_length: frame.wire_length,
        source,
        destination,
        source_mac: macs.last_chunk().map(|mac| Mac(*mac)),
        destination_mac: macs.first_chunk().map(|mac| Mac(*mac)),
        protocol,
        ports: Some(ports(bytes)?),
        tcp_flags,
        ip_bytes: ip,
        payload,
        ports_truncated: false,
        payload_truncated: is_cut,
        is_later_fragment: false,
        fragment_id: None,
        unread_layer: None,
    };
    (frame.link_type == ETHERNET && !tunnel::is_possible(&packet)).then_some(packet)
}

/// What an IP header says.
struct Header<'a> {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    /// The header and what follows, without padding.
    ip: &'a [u8],
    /// What follows.
    bytes: &'a [u8],
    /// Whether some of it was cut away by the capture length.
    is_cut: bool,
}

#[inline(always)]
fn ipv4(ip: &[u8]) -> Option<Header<'_>> {
    let (header, rest) = ip.split_first_chunk::<IPV4_HEADER_BYTES>()?;
    let [0x45, _, l0, l1, _, _, f0, f1, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header else {
        return None;
    };
    let stated = usize::from(u16::from_be_bytes([l0, l1])).checked_sub(IPV4_HEADER_BYTES)?;
    if u16::from_be_bytes([f0, f1]) & FRAGMENTED != 0 {
        return None;
    }
    Some(Header {
        source: IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3)),
        destination: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
        protocol,
        ip: ip.get(..IPV4_HEADER_BYTES + stated).unwrap_or(ip),
        bytes: rest.get(..stated).unwrap_or(rest),
        is_cut: stated > rest.len(),
    })
}

#[inline(always)]
fn ipv6(ip: &[u8]) -> Option<Header<'_>> {
    let (header, rest) = ip.split_first_chunk::<IPV6_HEADER_BYTES>()?;
    let [0x60..=0x6f, _, _, _, l0, l1, protocol, _, addresses @ ..] = header else { return None };
    let (source, destination) = addresses.split_first_chunk::<16>()?;
    // A length of 0 is none at all.
    let stated = match usize::from(u16::from_be_bytes([*l0, *l1])) {
        0 => return None,
        stated => stated,
    };
    Some(Header {
        source: address::of_bytes(source),
        destination: address::of_bytes(destination.first_chunk::<16>()?),
        protocol: *protocol,
        ip: ip.get(..IPV6_HEADER_BYTES + stated).unwrap_or(ip),
        bytes: rest.get(..stated).unwrap_or(rest),
        is_cut: stated > rest.len(),
    })
}
