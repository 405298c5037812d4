//! What does the commonest frame of all carry: Ethernet without tags, IPv4 without options, TCP or UDP?
//!
//! A short way for nine frames out of ten. It must see exactly what the long way (`link`, `internet`)
//! sees, and leaves to it whatever is unusual.

use super::internet::{TCP, UDP, ports, tcp, udp_payload};
use super::{Frame, Mac, Packet, tunnel};
use std::net::{IpAddr, Ipv4Addr};

const ETHERNET: u16 = 1;
const IPV4_HEADER_BYTES: usize = 20;
const ETHERNET_BYTES: usize = 14;
const HEADERS_BYTES: usize = ETHERNET_BYTES + IPV4_HEADER_BYTES;

/// The offset of a fragment; the first one, at 0, has ports.
const FRAGMENT_OFFSET: u16 = 0x1fff;

/// The packet of a plain frame; `None` when the long way must be taken.
#[inline(always)]
pub(super) fn plain<'a>(frame: &Frame<'a>) -> Option<Packet<'a>> {
    let (headers, rest) = frame.bytes.split_first_chunk::<HEADERS_BYTES>()?;
    let (macs, ip) = headers.split_first_chunk::<12>()?;
    let [8, 0, 0x45, _, l0, l1, _, _, f0, f1, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *ip else {
        return None;
    };
    let stated = usize::from(u16::from_be_bytes([l0, l1])).checked_sub(IPV4_HEADER_BYTES)?;
    if frame.link_type != ETHERNET || u16::from_be_bytes([f0, f1]) & FRAGMENT_OFFSET != 0 {
        return None;
    }
    let bytes = rest.get(..stated).unwrap_or(rest);
    let (tcp_flags, payload) = match protocol {
        TCP => tcp(bytes),
        UDP => (0, udp_payload(bytes)),
        _ => return None,
    };
    let packet = Packet {
        time_ns: frame.time_ns,
        wire_length: frame.wire_length,
        source: IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3)),
        destination: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
        source_mac: macs.last_chunk().map(|mac| Mac(*mac)),
        destination_mac: macs.first_chunk().map(|mac| Mac(*mac)),
        protocol,
        ports: Some(ports(bytes)?),
        tcp_flags,
        ip_bytes: frame.bytes.get(ETHERNET_BYTES..HEADERS_BYTES + bytes.len()).unwrap_or_default(),
        payload,
        ports_truncated: false,
        payload_truncated: stated > rest.len(),
        is_later_fragment: false,
    };
    if tunnel::is_possible(&packet) { None } else { Some(packet) }
}
