//! What does generic routing encapsulation carry? RFC 2784 and 2890, PPTP, mirrored frames, 802.11.

use super::Decoded;
use super::internet::any_ip;
use super::layer::Layer;
use super::link::{by_ethertype, ethernet};
use super::serial::ppp;
use super::wireless::wireless;

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGEMENT: u16 = 0x0080;

/// GRE of version 0 and of version 1 (RFC 2637, PPTP); `None` when it holds no IP for certain.
pub(super) fn generic(layer: Layer<'_>) -> Option<Decoded<'_>> {
    let (Some(flags), Some(protocol)) = (layer.u16_at(0), layer.u16_at(2)) else {
        return layer.no_tunnel();
    };
    let Some(header_bytes) = header_bytes(&layer, flags) else { return layer.no_tunnel() };
    let Some(inner) = layer.inside(header_bytes) else { return Some(layer.beyond(header_bytes, "GRE")) };
    if inner.bytes.is_empty() {
        return layer.no_tunnel();
    }
    match (flags & 7, protocol) {
        // What two ends hide from all others is theirs, like any other encrypted connection.
        (_, 0x880b) => Some(ppp(inner)).filter(|decoded| !matches!(decoded, Decoded::Undecoded(_))),
        (1, _) => None,
        (_, 0x88be) => mirrored(inner, flags & SEQUENCE != 0),
        (_, 0x22eb) => mirrored_3(inner),
        (_, 0x883e) => redirected(inner),
        (_, 0x8909) => grouped(inner),
        // Access points of Aruba, whose number tells the queue.
        (_, 0x8200..=0x8370) if protocol & 0x0f == 0 => Some(wireless(inner)),
        (_, protocol) => Some(by_ethertype(protocol, inner)),
    }
}

/// How long the header is, by its flags; `None` when it is none that we know.
fn header_bytes(layer: &Layer<'_>, flags: u16) -> Option<usize> {
    let words = |optional: u16| 4 + (flags & optional).count_ones() as usize * 4;
    match flags & 7 {
        0 if flags & ROUTING != 0 => {
            // Checksum and offset are there together (RFC 1701).
            let fixed = words(KEY | SEQUENCE) + 4;
            Some(fixed + routing_bytes(layer.bytes.get(fixed..)?)?)
        }
        0 => Some(words(CHECKSUM | KEY | SEQUENCE)),
        1 => Some(words(KEY | SEQUENCE | ACKNOWLEDGEMENT)),
        _ => None,
    }
}

/// How many source routes are walked; they are long out of use.
const ROUTES_MAX: usize = 16;

/// The length of the source routes (RFC 1701): entries that state their own, up to an empty one.
fn routing_bytes(routes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for _ in 0..ROUTES_MAX {
        let [_, _, _, length] = *routes.get(at..)?.first_chunk()?;
        at += 4 + usize::from(length);
        if length == 0 {
            return Some(at);
        }
    }
    None
}

/// ERSPAN type I is bare Ethernet; type II, told by the sequence number, has eight bytes before it.
fn mirrored(layer: Layer<'_>, has_sequence: bool) -> Option<Decoded<'_>> {
    let header_bytes = if has_sequence { 8 } else { 0 };
    layer.inside(header_bytes).map(ethernet).or_else(|| layer.no_tunnel())
}

/// ERSPAN type III: 12 bytes, and 8 more when its last bit says so; then a frame, or a bare packet.
fn mirrored_3(layer: Layer<'_>) -> Option<Decoded<'_>> {
    const IP: u8 = 2;
    let Some([head @ .., kind]) = layer.bytes.first_chunk::<12>() else { return layer.no_tunnel() };
    let inner = layer.inside(if kind & 1 == 1 { 20 } else { 12 });
    let open = if head[10] >> 2 & 0x1f == IP { any_ip } else { ethernet };
    inner.map(open).or_else(|| layer.no_tunnel())
}

/// Cisco metadata, with a security group: here the EtherType stands before its six bytes.
fn grouped(layer: Layer<'_>) -> Option<Decoded<'_>> {
    let ethertype = layer.u16_at(0);
    let inner = ethertype.and_then(|ethertype| Some(by_ethertype(ethertype, layer.inside(8)?)));
    inner.or_else(|| layer.no_tunnel())
}

/// What a router sends to a web cache (WCCP): IP, in version 2 behind four bytes.
fn redirected(layer: Layer<'_>) -> Option<Decoded<'_>> {
    let is_version_1 = layer.bytes.first().is_some_and(|first| first >> 4 == 4);
    layer.inside(if is_version_1 { 0 } else { 4 }).map(any_ip).or_else(|| layer.no_tunnel())
}
