//! What does a UDP datagram carry that is a tunnel by its port? Overlay networks, mirrors, mobile
//! networks, and IPv6 through IPv4.
//!
//! A port proves nothing: each header must hold together, or the datagram is taken for what it is.

use super::gre;
use super::internet::{any_ip, ipv4, ipv6};
use super::layer::Layer;
use super::link::{by_ethertype, ethernet, likely_ethernet, service_header};
use super::mpls::{mpls, pseudowire};
use super::serial::ppp;
use super::wireless::{avs, prism, swapped, wireless};
use super::{Decoded, Ports};

const L2TP: u16 = 1701;
const GTP: u16 = 2152;
const TEREDO: u16 = 3544;
/// Of GTP before its version 1.
const GTP_OLD: u16 = 3386;
const LISP: u16 = 4341;
const GRE: u16 = 4754;
const VXLAN: u16 = 4789;
const VXLAN_GPE: u16 = 4790;
const AYIYA: u16 = 5072;
const CAPWAP: u16 = 5247;
/// Generic UDP encapsulation (draft-ietf-intarea-gue), which Linux knows as such.
const GUE: u16 = 6080;
const GENEVE: u16 = 6081;
const MPLS: u16 = 6635;
/// Of Linux, before VXLAN had a port of its own.
const VXLAN_OLD: u16 = 8472;
const TZSP: u16 = 37_008;

/// Ports that a tunnel is sent to; its answers come from none but these either.
pub const DESTINATIONS: [u16; 15] = [
    L2TP, GTP, GTP_OLD, TEREDO, LISP, GRE, VXLAN, VXLAN_GPE, AYIYA, CAPWAP, GUE, GENEVE, MPLS, VXLAN_OLD,
    TZSP,
];
/// Those that its answers come from: the others answer from a port that hides the flow within.
pub(super) const SOURCES: [u16; 6] = [L2TP, GTP, GTP_OLD, TEREDO, AYIYA, CAPWAP];

/// Whether these may be the ports of a tunnel.
pub(super) fn is_possible(ports: Ports) -> bool {
    DESTINATIONS.contains(&ports.destination) || SOURCES.contains(&ports.source)
}

/// What the payload of a datagram holds; `None` when it is no tunnel after all.
pub(super) fn inner<'a>(ports: Ports, layer: Layer<'a>) -> Option<Decoded<'a>> {
    by_port(ports.destination, layer).or_else(|| match SOURCES.contains(&ports.source) {
        true => by_port(ports.source, layer),
        false => None,
    })
}

fn by_port(port: u16, layer: Layer<'_>) -> Option<Decoded<'_>> {
    match port {
        L2TP => layer_2_tunnel(layer),
        GTP => mobile(layer),
        GTP_OLD => mobile_old(layer),
        TEREDO => teredo(layer),
        LISP => located(layer),
        GRE => routed(layer),
        VXLAN => vxlan(layer),
        VXLAN_OLD => vxlan_unnumbered(layer),
        VXLAN_GPE => vxlan_generic(layer),
        AYIYA => signed(layer),
        CAPWAP => access_point(layer),
        GUE => generic(layer),
        GENEVE => geneve(layer),
        MPLS => Some(mpls(layer)),
        TZSP => sniffed(layer),
        _ => None,
    }
}

/// GUE: a header that counts its optional words and names what follows by its number in IP; or IP at once.
fn generic(layer: Layer<'_>) -> Option<Decoded<'_>> {
    match *layer.bytes {
        [0x45..=0x4f | 0x60..=0x6f, ..] => Some(any_ip(layer)),
        // Version 0, and no control message.
        [first @ 0..=0x1f, protocol, ..] => {
            let header_bytes = 4 + usize::from(first) * 4;
            match protocol {
                4 => Some(layer.open(header_bytes, "GUE", ipv4)),
                41 => Some(layer.open(header_bytes, "GUE", ipv6)),
                97 => likely_ethernet(layer.inside(header_bytes)?),
                _ => None,
            }
        }
        [] | [_] => layer.no_tunnel(),
        _ => None,
    }
}

/// GRE in UDP (RFC 8086, 3.1): version 0, and no flag but those of a checksum, a key and a number.
fn routed(layer: Layer<'_>) -> Option<Decoded<'_>> {
    match layer.u16_at(0) {
        Some(flags) if flags & 0x4fff == 0 => gre::generic(layer),
        Some(_) => None,
        None => layer.no_tunnel(),
    }
}

/// AYIYA (draft-massar-v6ops-ayiya): lengths of an identity (as a power of two) and a signature (in four
/// bytes), the number of the protocol that follows, and a time. It says much, since a port proves nothing.
fn signed(layer: Layer<'_>) -> Option<Decoded<'_>> {
    const FORWARD: u8 = 1;
    let Some([lengths @ .., action, next]) = layer.bytes.first_chunk::<4>() else { return layer.no_tunnel() };
    let (identity, signature) = (1_usize << (lengths[0] >> 4), usize::from(lengths[1] >> 4) * 4);
    let header_bytes = 8 + identity + signature;
    match (action & 0x0f, next, layer.bytes.get(header_bytes)) {
        (FORWARD, 4 | 41, None) => layer.no_tunnel(),
        (FORWARD, 4, Some(0x45..=0x4f)) | (FORWARD, 41, Some(0x60..=0x6f)) => {
            layer.inside(header_bytes).map(any_ip)
        }
        _ => None,
    }
}

/// VXLAN (RFC 7348): eight bytes, then Ethernet.
fn vxlan(layer: Layer<'_>) -> Option<Decoded<'_>> {
    match layer.bytes {
        [flags, ..] if flags & 0x08 != 0 => Some(layer.open(8, "VXLAN", ethernet)),
        [] => layer.no_tunnel(),
        _ => None,
    }
}

/// VXLAN on a port that others use too: nothing but the flag and the network's number may be set.
fn vxlan_unnumbered(layer: Layer<'_>) -> Option<Decoded<'_>> {
    match layer.bytes.first_chunk() {
        Some([8, 0, 0, 0, _, _, _, 0]) => likely_ethernet(layer.inside(8)?),
        Some(_) => None,
        None => layer.no_tunnel(),
    }
}

/// VXLAN with a protocol field (draft-ietf-nvo3-vxlan-gpe).
fn vxlan_generic(layer: Layer<'_>) -> Option<Decoded<'_>> {
    let Some([flags, _, _, next]) = layer.bytes.first_chunk() else { return layer.no_tunnel() };
    match (flags & 0x0c, next) {
        (0x08, _) | (0x0c, 3) => Some(layer.open(8, "VXLAN", ethernet)),
        (0x0c, 1) => Some(layer.open(8, "VXLAN", ipv4)),
        (0x0c, 2) => Some(layer.open(8, "VXLAN", ipv6)),
        (0x0c, 4) => Some(layer.open(8, "VXLAN", service_header)),
        (0x0c, 5) => Some(layer.open(8, "VXLAN", mpls)),
        _ => None,
    }
}

/// Geneve (RFC 8926): eight bytes and options, then what its protocol field says.
fn geneve(layer: Layer<'_>) -> Option<Decoded<'_>> {
    let Some([first, _, p0, p1]) = layer.bytes.first_chunk() else { return layer.no_tunnel() };
    if first >> 6 != 0 {
        return None;
    }
    let header_bytes = 8 + usize::from(first & 0x3f) * 4;
    let protocol = u16::from_be_bytes([*p0, *p1]);
    Some(layer.open(header_bytes, "Geneve", |inner| by_ethertype(protocol, inner)))
}

/// LISP (RFC 9300): eight bytes, then IP.
fn located(layer: Layer<'_>) -> Option<Decoded<'_>> {
    let inner = layer.inside(8);
    match inner.map(|inner| (inner, inner.bytes.first())) {
        Some((inner, Some(0x45..=0x4f | 0x60..=0x6f))) => Some(any_ip(inner)),
        Some((_, Some(_))) => None,
        Some((_, None)) | None => layer.no_tunnel(),
    }
}

/// Teredo (RFC 4380, 5.1.1): IPv6, perhaps behind an authentication and an origin indication.
fn teredo(layer: Layer<'_>) -> Option<Decoded<'_>> {
    let authentication_bytes = match layer.bytes {
        [0] | [0, 1] | [0, 1, _] => return layer.no_tunnel(),
        [0, 1, client, value, ..] => 13 + usize::from(*client) + usize::from(*value),
        _ => 0,
    };
    let origin_bytes = match layer.bytes.get(authentication_bytes..) {
        None | Some([0]) => return layer.no_tunnel(),
        Some([0, 0, ..]) => 8,
        Some(_) => 0,
    };
    let Some(inner) = layer.inside(authentication_bytes + origin_bytes) else { return layer.no_tunnel() };
    match inner.bytes.first() {
        Some(first) if first >> 4 == 6 => Some(ipv6(inner)),
        Some(_) => None,
        None => layer.no_tunnel(),
    }
}

/// L2TP (RFC 2661), of which data messages carry PPP; or version 3 over UDP (RFC 3931, 4.1.2.1).
fn layer_2_tunnel(layer: Layer<'_>) -> Option<Decoded<'_>> {
    const CONTROL: u16 = 0x8000;
    const LENGTH: u16 = 0x4000;
    const SEQUENCE: u16 = 0x0800;
    const OFFSET: u16 = 0x0200;
    let Some(flags) = layer.u16_at(0) else { return layer.no_tunnel() };
    match (flags & CONTROL, flags & 0x0f) {
        (0, 2) => {}
        (0, 3) => return layer.inside(8).map_or_else(|| layer.no_tunnel(), pseudowire),
        _ => return None,
    }
    let sized = |flag: u16, bytes: usize| if flags & flag == 0 { 0 } else { bytes };
    let fixed = 6 + sized(LENGTH, 2) + sized(SEQUENCE, 4);
    let padding = match (flags & OFFSET, layer.u16_at(fixed)) {
        (0, _) => 0,
        (_, Some(offset)) => 2 + usize::from(offset),
        (_, None) => return layer.no_tunnel(),
    };
    let Some(inner) = layer.inside(fixed + padding).filter(|inner| !inner.bytes.is_empty()) else {
        return layer.no_tunnel();
    };
    // As in PPTP: what its two ends hide is theirs.
    Some(ppp(inner)).filter(|decoded| !matches!(decoded, Decoded::Undecoded(_)))
}

/// How many extension headers of GTP are walked; 3GPP knows about ten.
const GTP_EXTENSIONS_MAX: usize = 16;

/// The message of GTP that carries a packet.
const GTP_PACKET: u8 = 0xff;

/// GTP-U version 1 (3GPP TS 29.281, 5.1): a packet of a mobile host, behind extension headers.
fn mobile(layer: Layer<'_>) -> Option<Decoded<'_>> {
    const VERSION_1: u8 = 0x30;
    const OPTIONAL: u8 = 0x07;
    const EXTENDED: u8 = 0x04;
    let Some([flags, kind]) = layer.bytes.first_chunk() else { return layer.no_tunnel() };
    if flags & 0xf0 != VERSION_1 || *kind != GTP_PACKET {
        return None;
    }
    let mut at = if flags & OPTIONAL == 0 { 8 } else { 12 };
    let mut next = if flags & EXTENDED == 0 { 0 } else { *layer.bytes.get(11).unwrap_or(&0) };
    for _ in 0..GTP_EXTENSIONS_MAX {
        if next == 0 {
            break;
        }
        let Some(words) = layer.bytes.get(at).filter(|words| **words > 0) else { return layer.no_tunnel() };
        at += usize::from(*words) * 4;
        let Some(byte) = layer.bytes.get(at - 1) else { return layer.no_tunnel() };
        next = *byte;
    }
    of_mobile(at, layer)
}

/// GTP version 0 (3GPP TS 09.60, 6): twenty bytes, then the packet.
fn mobile_old(layer: Layer<'_>) -> Option<Decoded<'_>> {
    match layer.bytes {
        // Version 0, and no charging record, which goes to the same port.
        [0x10..=0x1f, GTP_PACKET, ..] => of_mobile(20, layer),
        [] | [0x10..=0x1f] => layer.no_tunnel(),
        _ => None,
    }
}

/// What a mobile host sends behind `header_bytes`: nearly always IP, but a session may be one of PPP or of
/// Ethernet too (3GPP TS 23.501, 5.6.10), and nothing announces which.
fn of_mobile(header_bytes: usize, layer: Layer<'_>) -> Option<Decoded<'_>> {
    let inner = layer.inside(header_bytes).filter(|inner| !inner.bytes.is_empty());
    let Some(inner) = inner else { return layer.no_tunnel() };
    match *inner.bytes {
        [0x45..=0x4f | 0x60..=0x6f, ..] => Some(any_ip(inner)),
        [0xff, 0x03, ..] | [0x00, 0x21 | 0x57, ..] => Some(ppp(inner)),
        _ => likely_ethernet(inner).or(Some(Decoded::Undecoded("GTP, neither IP nor Ethernet"))),
    }
}

/// CAPWAP (RFC 5415, 4.3): a frame between an access point and its controller, 802.11 or Ethernet.
fn access_point(layer: Layer<'_>) -> Option<Decoded<'_>> {
    const NATIVE: u8 = 0x01;
    const FRAGMENT: u8 = 0x80;
    const KEEP_ALIVE: u8 = 0x08;
    let Some([preamble, length, binding, flags, _, _, o0, o1]) = layer.bytes.first_chunk() else {
        return layer.no_tunnel();
    };
    let is_later_fragment = flags & FRAGMENT != 0 && u16::from_be_bytes([*o0, *o1]) >> 3 != 0;
    // Another preamble is that of encryption.
    if *preamble != 0 || flags & KEEP_ALIVE != 0 || is_later_fragment {
        return None;
    }
    match layer.inside(usize::from(length >> 3) * 4) {
        Some(inner) if binding & NATIVE == 0 => likely_ethernet(inner),
        Some(inner) => Some(swapped(inner)),
        None => layer.no_tunnel(),
    }
}

/// How many tags stand in a frame that was streamed.
const SNIFFED_TAGS_MAX: usize = 32;

/// TZSP, in which access points and routers stream what they sniff: four bytes, tags, a frame.
fn sniffed(layer: Layer<'_>) -> Option<Decoded<'_>> {
    let Some([version, kind, p0, p1]) = layer.bytes.first_chunk() else { return layer.no_tunnel() };
    if *version != 1 || *kind > 1 {
        return None;
    }
    let mut at = 4;
    for _ in 0..SNIFFED_TAGS_MAX {
        match layer.bytes.get(at..) {
            Some([0, ..]) => at += 1,
            Some([1, ..]) => break,
            Some([_, length, ..]) => at += 2 + usize::from(*length),
            _ => return layer.no_tunnel(),
        }
    }
    let inner = layer.inside(at + 1)?;
    match u16::from_be_bytes([*p0, *p1]) {
        1 => Some(ethernet(inner)),
        0x12 => Some(wireless(inner)),
        119 => Some(prism(inner)),
        127 => Some(avs(inner)),
        _ => None,
    }
}
