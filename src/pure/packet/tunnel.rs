//! What does a packet carry inside another? MPLS, GRE (with PPTP and ERSPAN), IP in IP, VXLAN,
//! Geneve, Teredo.
//!
//! The innermost packet is the one to blame. A tunnel that does not hold what its header announces is
//! left closed, and the outer packet stands.

use super::internet::{any_ip, ipv4, ipv6};
use super::layer::{Layer, not_ip};
use super::link::{by_ethertype, ethernet, ppp};
use super::{Decoded, Packet};

/// How many MPLS labels may be stacked.
const LABELS_MAX: usize = 16;

const UDP: u8 = 17;
const VXLAN_PORT: u16 = 4789;
const GENEVE_PORT: u16 = 6081;
const TEREDO_PORT: u16 = 3544;

/// Whether the packet may hold another one; cheap, since it is asked of every packet.
#[inline]
pub(super) fn is_possible(packet: &Packet<'_>) -> bool {
    match packet.protocol {
        UDP => packet.ports.is_some_and(|ports| {
            matches!(ports.destination, VXLAN_PORT | GENEVE_PORT | TEREDO_PORT) || ports.source == TEREDO_PORT
        }),
        4 | 41 | 47 | 137 => true,
        _ => false,
    }
}

/// What the packet holds inside; `None` when it is no tunnel after all. `payload` is what IP carries.
#[cold]
pub(super) fn inner<'a>(packet: &Packet<'a>, payload: &Layer<'a>) -> Option<Decoded<'a>> {
    let layer = payload.inside(0)?;
    match (packet.protocol, packet.ports) {
        (4, _) => Some(ipv4(layer)),
        (41, _) => Some(ipv6(layer)),
        (47, _) => generic(layer),
        (137, _) => Some(mpls(layer)),
        (UDP, Some(ports)) if ports.destination == VXLAN_PORT => vxlan(layer.inside(8)?),
        (UDP, Some(ports)) if ports.destination == GENEVE_PORT => geneve(layer.inside(8)?),
        (UDP, Some(_)) => teredo(layer.inside(8)?),
        _ => None,
    }
}

/// MPLS (RFC 3032): labels up to the one marked as the last, then IP or a pseudowire (RFC 4448).
pub(super) fn mpls(layer: Layer<'_>) -> Decoded<'_> {
    let labels = layer.bytes.chunks_exact(4).take(LABELS_MAX);
    let Some(last) = labels.map(|label| label.get(2)).position(|byte| byte.is_some_and(|b| b & 1 == 1))
    else {
        return layer.unreadable("MPLS");
    };
    let header_bytes = (last + 1) * 4;
    match layer.bytes.get(header_bytes).map(|byte| byte >> 4) {
        Some(0) => layer.open(header_bytes + 4, "MPLS", ethernet),
        Some(4 | 6) => layer.open(header_bytes, "MPLS", any_ip),
        Some(1) => not_ip(0x8847),
        Some(_) => Decoded::Undecoded("MPLS"),
        None => layer.unreadable("MPLS"),
    }
}

/// GRE (RFC 2784, 2890) and its version 1 (RFC 2637, PPTP).
fn generic(layer: Layer<'_>) -> Option<Decoded<'_>> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ACKNOWLEDGEMENT: u16 = 0x0080;
    let (Some(flags), Some(protocol)) = (layer.u16_at(0), layer.u16_at(2)) else {
        return Some(layer.unreadable("GRE"));
    };
    let version = flags & 7;
    if flags & ROUTING != 0 || version > 1 {
        return None;
    }
    let optional = if version == 1 { KEY | SEQUENCE | ACKNOWLEDGEMENT } else { CHECKSUM | KEY | SEQUENCE };
    let header_bytes = 4 + (flags & optional).count_ones() as usize * 4;
    let Some(inner) = layer.inside(header_bytes) else { return Some(layer.beyond(header_bytes, "GRE")) };
    match (version, protocol) {
        (1, 0x880b) => Some(ppp(inner)),
        (1, _) => None,
        (_, 0x88be) => mirrored(inner, flags & SEQUENCE != 0),
        // ERSPAN type III: 12 bytes, and 8 more when its last bit says so.
        (_, 0x22eb) => {
            let has_more = inner.bytes.get(11).is_some_and(|byte| byte & 1 == 1);
            inner.inside(if has_more { 20 } else { 12 }).map(ethernet)
        }
        (_, protocol) => Some(by_ethertype(protocol, inner)),
    }
}

/// ERSPAN type I is bare Ethernet; type II, told by the sequence number, has eight bytes before it.
fn mirrored(layer: Layer<'_>, has_sequence: bool) -> Option<Decoded<'_>> {
    layer.inside(if has_sequence { 8 } else { 0 }).map(ethernet)
}

/// VXLAN (RFC 7348): eight bytes, then Ethernet.
fn vxlan(layer: Layer<'_>) -> Option<Decoded<'_>> {
    match layer.bytes {
        [flags, ..] if flags & 0x08 != 0 => Some(layer.open(8, "VXLAN", ethernet)),
        [] => Some(layer.unreadable("VXLAN")),
        _ => None,
    }
}

/// Geneve (RFC 8926): eight bytes and options, then what its protocol field says.
fn geneve(layer: Layer<'_>) -> Option<Decoded<'_>> {
    let Some(first) = layer.bytes.first() else { return Some(layer.unreadable("Geneve")) };
    if first >> 6 != 0 {
        return None;
    }
    let Some(protocol) = layer.u16_at(2) else { return Some(layer.unreadable("Geneve")) };
    let header_bytes = 8 + usize::from(first & 0x3f) * 4;
    Some(layer.open(header_bytes, "Geneve", |inner| by_ethertype(protocol, inner)))
}

/// Teredo (RFC 4380, 5.1.1): IPv6, perhaps behind an authentication and an origin indication.
fn teredo(layer: Layer<'_>) -> Option<Decoded<'_>> {
    let authentication_bytes = match layer.bytes {
        [0, 1, client, value, ..] => 13 + usize::from(*client) + usize::from(*value),
        _ => 0,
    };
    let origin_bytes = match layer.bytes.get(authentication_bytes..)? {
        [0, 0, ..] => 8,
        _ => 0,
    };
    let inner = layer.inside(authentication_bytes + origin_bytes)?;
    inner.bytes.first().is_some_and(|byte| byte >> 4 == 6).then(|| ipv6(inner))
}
