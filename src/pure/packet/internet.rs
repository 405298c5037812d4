//! Who talks to whom? IPv4 and IPv6 with their options and extension headers, and the ports of what
//! they carry.

use super::layer::{Layer, TOO_MANY_LAYERS};
use super::tunnel;
use super::{Decoded, Packet, Ports};
use crate::pure::address;
use crate::pure::protocol::{TCP, UDP, has_ports};
use std::net::{IpAddr, Ipv4Addr};

pub(super) const IPV4_HEADER_BYTES: usize = 20;
pub(super) const IPV6_HEADER_BYTES: usize = 40;

/// How many IPv6 extension headers are walked; RFC 8200 knows seven, each of them once or twice.
pub(super) const EXTENSIONS_MAX: usize = 16;

/// The fragment header of IPv6, of eight bytes.
const FRAGMENT: u8 = 44;
/// The authentication header (RFC 4302), which IPv4 may have too; it counts its length in four bytes.
const AUTHENTICATION: u8 = 51;

/// An IP packet whose version only its first byte tells.
pub(super) fn any_ip(layer: Layer<'_>) -> Decoded<'_> {
    match layer.bytes.first().map(|first| first >> 4) {
        Some(4) => ipv4(layer),
        Some(6) => ipv6(layer),
        _ => layer.unreadable("IP version"),
    }
}

/// What stands in an IP header, with the bytes after it.
struct Header<'a> {
    /// The header itself and what follows, without padding.
    ip_bytes: &'a [u8],
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    /// What IP carries, without padding; its `is_cut` says whether bytes of it are missing.
    payload: Layer<'a>,
    is_later_fragment: bool,
    fragment_id: Option<u32>,
}

/// Why a header tells nothing.
enum Unread {
    Truncated,
    Undecoded(&'static str),
}

impl Unread {
    #[cold]
    fn of(layer: &Layer<'_>, what: &'static str) -> Unread {
        if layer.is_cut { Unread::Truncated } else { Unread::Undecoded(what) }
    }
}

impl From<Unread> for Decoded<'_> {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Truncated => Decoded::Truncated,
            Unread::Undecoded(what) => Decoded::Undecoded(what),
        }
    }
}

/// An IPv4 packet (RFC 791).
#[inline]
pub(super) fn ipv4(layer: Layer<'_>) -> Decoded<'_> {
    ipv4_header(layer).map_or_else(Decoded::from, finish)
}

#[inline]
fn ipv4_header(layer: Layer<'_>) -> Result<Header<'_>, Unread> {
    let Some(header) = layer.bytes.first_chunk::<IPV4_HEADER_BYTES>() else {
        return Err(Unread::of(&layer, "IPv4 header"));
    };
    let [first, _, l0, l1, i0, i1, f0, f1, _, protocol, _, _, a, b, c, d, e, f, g, h] = *header;
    let header_bytes = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || header_bytes < IPV4_HEADER_BYTES {
        return Err(Unread::Undecoded("IPv4 header"));
    }
    // A length of 0 is left by segmentation offload, where the card fills it in later.
    let stated = match u16::from_be_bytes([l0, l1]) {
        0 => None,
        length => Some(usize::from(length)),
    };
    let Some(payload) = payload(&layer, header_bytes, stated) else {
        return Err(Unread::Undecoded(TOO_MANY_LAYERS));
    };
    let part = u16::from_be_bytes([f0, f1]) & 0x3fff;
    let header = Header {
        ip_bytes: without_padding(&layer, stated),
        source: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        destination: IpAddr::V4(Ipv4Addr::new(e, f, g, h)),
        protocol,
        payload,
        is_later_fragment: part & 0x1fff != 0,
        fragment_id: (part != 0).then(|| u16::from_be_bytes([i0, i1]).into()),
    };
    Ok(if protocol == AUTHENTICATION { past_extensions(header) } else { header })
}

/// An IPv6 packet (RFC 8200).
#[inline]
pub(super) fn ipv6(layer: Layer<'_>) -> Decoded<'_> {
    ipv6_header(layer).map_or_else(Decoded::from, finish)
}

#[inline]
fn ipv6_header(layer: Layer<'_>) -> Result<Header<'_>, Unread> {
    let Some(header) = layer.bytes.first_chunk::<IPV6_HEADER_BYTES>() else {
        return Err(Unread::of(&layer, "IPv6 header"));
    };
    let [first, _, _, _, l0, l1, next, _, addresses @ ..] = header;
    let (source, rest) = addresses.split_first_chunk::<16>().expect("32 bytes hold two addresses");
    let destination = rest.first_chunk::<16>().expect("32 bytes hold two addresses");
    if first >> 4 != 6 {
        return Err(Unread::Undecoded("IPv6 header"));
    }
    // A length of 0 is that of a jumbogram (RFC 2675) or left by segmentation offload.
    let stated = match u16::from_be_bytes([*l0, *l1]) {
        0 => None,
        length => Some(IPV6_HEADER_BYTES + usize::from(length)),
    };
    let Some(payload) = payload(&layer, IPV6_HEADER_BYTES, stated) else {
        return Err(Unread::Undecoded(TOO_MANY_LAYERS));
    };
    Ok(past_extensions(Header {
        ip_bytes: without_padding(&layer, stated),
        source: address::of_bytes(source),
        destination: address::of_bytes(destination),
        protocol: *next,
        payload,
        is_later_fragment: false,
        fragment_id: None,
    }))
}

/// What an IP packet carries behind its headers, those of extensions among them; nothing of what is none.
pub(super) fn carried(ip_bytes: &[u8]) -> &[u8] {
    let layer = Layer::of_ip(ip_bytes);
    let header = match ip_bytes.first().map(|first| first >> 4) {
        Some(4) => ipv4_header(layer),
        _ => ipv6_header(layer),
    };
    header.map_or(&[], |header| header.payload.bytes)
}

/// What an IP packet of `stated` bytes (`None`: all there is) carries after its header, without padding;
/// `None` when it lies too deep.
#[inline]
fn payload<'a>(layer: &Layer<'a>, header_bytes: usize, stated: Option<usize>) -> Option<Layer<'a>> {
    let available = layer.bytes.len();
    let end = stated.unwrap_or(available);
    let mut inner = layer.inside(header_bytes.min(available))?;
    inner.bytes = layer.bytes.get(header_bytes..end.min(available)).unwrap_or_default();
    inner.is_cut = match stated {
        Some(stated) => stated.max(header_bytes) > available,
        None => layer.is_cut,
    };
    Some(inner)
}

/// The IP packet without what Ethernet adds to reach its least length.
#[inline]
fn without_padding<'a>(layer: &Layer<'a>, stated: Option<usize>) -> &'a [u8] {
    let available = layer.bytes.len();
    layer.bytes.get(..stated.unwrap_or(available).min(available)).unwrap_or_default()
}

/// Whether the protocol is an extension header, with its length where all have it (RFC 7045). What is
/// encrypted (ESP) and no next header (59) end the chain.
pub fn is_extension(protocol: u8) -> bool {
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    const OPTIONS: u8 = 60;
    const MOBILITY: u8 = 135;
    const HOST_IDENTITY: u8 = 139;
    const SHIM6: u8 = 140;
    matches!(
        protocol,
        HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | OPTIONS | MOBILITY | HOST_IDENTITY | SHIM6
    )
}

/// How long an extension header is that states this length.
#[inline]
pub(super) fn extension_bytes(protocol: u8, length: u8) -> usize {
    match protocol {
        FRAGMENT => 8,
        AUTHENTICATION => (usize::from(length) + 2) * 4,
        _ => (usize::from(length) + 1) * 8,
    }
}

/// Walks the extension headers, as far as they can be read.
#[inline]
fn past_extensions(mut header: Header<'_>) -> Header<'_> {
    for _ in 0..EXTENSIONS_MAX {
        if !is_extension(header.protocol) || header.is_later_fragment {
            break;
        }
        let Some(([next, length], _)) = header.payload.bytes.split_first_chunk::<2>() else { break };
        let bytes = extension_bytes(header.protocol, *length);
        let Some(rest) = header.payload.bytes.get(bytes..) else {
            header.payload.bytes = &[];
            break;
        };
        if header.protocol == FRAGMENT {
            let part = header.payload.u16_at(2).unwrap_or_default() & 0xfff9;
            header.is_later_fragment = part & 0xfff8 != 0;
            header.fragment_id = header.payload.u32_at(4).filter(|_| part != 0);
        }
        header.protocol = *next;
        header.payload.bytes = rest;
    }
    header
}

/// Looks into a tunnel, and else makes the packet.
#[inline]
fn finish(header: Header<'_>) -> Decoded<'_> {
    let mut packet = transport(&header);
    if header.is_later_fragment || !tunnel::is_possible(&packet) {
        return Decoded::Packet(packet);
    }
    let Some(payload) = header.payload.in_tunnel() else { return Decoded::Packet(packet) };
    match tunnel::inner(&packet, &payload) {
        Some(Decoded::Packet(inner)) => return Decoded::Packet(inner),
        Some(Decoded::Truncated) => packet.ports_truncated = true,
        Some(Decoded::Undecoded(layer)) => packet.unread_layer = Some(layer),
        Some(Decoded::UnknownType(_)) => packet.unread_layer = Some("an unknown EtherType in a tunnel"),
        // What a tunnel carries beside IP leaves the tunnel's own ends to be blamed.
        Some(Decoded::NotIp(_)) | None => {}
    }
    Decoded::Packet(packet)
}

/// The packet with what its transport header tells.
#[inline]
fn transport<'a>(header: &Header<'a>) -> Packet<'a> {
    let layer = &header.payload;
    let has_ports = has_ports(header.protocol) && !header.is_later_fragment;
    let ports = if has_ports { ports(layer.bytes) } else { None };
    let is_behind_headers = is_extension(header.protocol) && !header.is_later_fragment;
    let lacks_ports = ports.is_none() && has_ports || is_behind_headers;
    let mut packet = Packet {
        time_ns: layer.time_ns,
        wire_length: layer.wire_length,
        source: header.source,
        destination: header.destination,
        source_mac: layer.source_mac,
        destination_mac: layer.destination_mac,
        protocol: header.protocol,
        ports,
        tcp_flags: 0,
        ip_bytes: header.ip_bytes,
        payload: layer.bytes,
        ports_truncated: layer.is_cut && lacks_ports,
        payload_truncated: layer.is_cut,
        is_later_fragment: header.is_later_fragment,
        fragment_id: header.fragment_id,
        tunnels: layer.tunnels,
        unread_layer: (!layer.is_cut && lacks_ports).then_some("IP payload"),
    };
    match header.protocol {
        TCP if has_ports => (packet.tcp_flags, packet.payload) = tcp(layer.bytes),
        UDP if has_ports => packet.payload = udp_payload(layer.bytes),
        _ => {}
    }
    packet
}

/// Four bytes tell the ports, however much of the header was cut away behind them.
#[inline]
pub(super) fn ports(bytes: &[u8]) -> Option<Ports> {
    let [s0, s1, d0, d1] = *bytes.first_chunk()?;
    Some(Ports { source: u16::from_be_bytes([s0, s1]), destination: u16::from_be_bytes([d0, d1]) })
}

/// The flags and what follows the header; no flags and nothing where they were cut away.
#[inline]
pub(super) fn tcp(bytes: &[u8]) -> (u8, &[u8]) {
    let flags = bytes.get(13).copied().unwrap_or_default();
    let header_bytes = bytes.get(12).map_or(0, |byte| usize::from(byte >> 4) * 4);
    let payload = if header_bytes < 20 { &[] } else { bytes.get(header_bytes..).unwrap_or_default() };
    (flags, payload)
}

/// What follows the header, within the length that it states.
#[inline]
pub(super) fn udp_payload(bytes: &[u8]) -> &[u8] {
    let stated = bytes.get(4..6).and_then(|field| field.first_chunk()).map_or(0, |f| u16::from_be_bytes(*f));
    let end = if stated < 8 { bytes.len() } else { usize::from(stated).min(bytes.len()) };
    bytes.get(8..end).unwrap_or_default()
}
