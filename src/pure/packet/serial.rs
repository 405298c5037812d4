//! What does a serial line carry? PPP, also over Ethernet, HDLC and Frame Relay.

use super::Decoded;
use super::internet::{any_ip, ipv4, ipv6};
use super::layer::{Layer, not_ip};
use super::link::{ETHERTYPE_MIN, by_ethertype};
use super::logical::subnetwork;
use super::mpls::mpls;

/// PPP (RFC 1661, 1662), with or without address and control bytes, its protocol compressed or not.
pub(super) fn ppp(layer: Layer<'_>) -> Decoded<'_> {
    let framing = if layer.bytes.starts_with(&[0xff, 0x03]) { 2 } else { 0 };
    let rest = layer.bytes.get(framing..).unwrap_or_default();
    let (protocol, bytes) = match rest {
        [0xff] if framing == 0 => return layer.unreadable("PPP header"),
        // An odd first byte is a whole protocol number with its leading zero left out.
        [short, ..] if short & 1 == 1 => (u16::from(*short), 1),
        [p0, p1, ..] => (u16::from_be_bytes([*p0, *p1]), 2),
        _ => return layer.unreadable("PPP header"),
    };
    layer.open(framing + bytes, "PPP header", |inner| ppp_protocol(protocol, inner))
}

/// What a PPP protocol number announces (IANA's list).
fn ppp_protocol(protocol: u16, layer: Layer<'_>) -> Decoded<'_> {
    match protocol {
        0x0021 => ipv4(layer),
        0x0057 => ipv6(layer),
        0x0281 | 0x0283 => mpls(layer),
        0x003d => multilink(layer),
        0x0031 => Decoded::Undecoded("bridged PPP"),
        0x00fd | 0x00fb => Decoded::Undecoded("PPP, compressed"),
        0x0053 | 0x0055 => Decoded::Undecoded("PPP, encrypted"),
        0x002d | 0x002f | 0x0061 | 0x0063 | 0x0065 | 0x0067 | 0x0069 => {
            Decoded::Undecoded("PPP, headers compressed")
        }
        0x0059 => Decoded::Undecoded("PPP, multiplexed"),
        // Control and authentication, and network layers of other families (IANA's list).
        0x8000.. | 0x0023..=0x002b | 0x003f | 0x0041..=0x004d | 0x005b => not_ip("PPP control"),
        _ => Decoded::Undecoded("PPP, an unknown protocol"),
    }
}

/// A packet spread over several lines (RFC 1990): a number of four bytes; the first part has the header.
fn multilink(layer: Layer<'_>) -> Decoded<'_> {
    match layer.bytes.first() {
        Some(flags) if flags & 0x80 != 0 => layer.open(4, "multilink PPP", ppp),
        Some(_) => Decoded::Undecoded("multilink PPP, fragment"),
        None => layer.unreadable("multilink PPP"),
    }
}

/// PPPoE session (RFC 2516): six bytes, then PPP.
pub(super) fn pppoe(layer: Layer<'_>) -> Decoded<'_> {
    match layer.bytes {
        [0x11, 0x00, _, _, _, _, ..] => layer.open(6, "PPPoE", ppp),
        [0x11, _, _, _, _, _, ..] => not_ip("PPPoE discovery"),
        _ => layer.unreadable("PPPoE"),
    }
}

/// A synchronous line, on which PPP and Cisco's HDLC are told apart by their address.
pub(super) fn synchronous(layer: Layer<'_>) -> Decoded<'_> {
    match layer.bytes {
        [0x0f | 0x8f] | [0x0f | 0x8f, 0, ..] => cisco_hdlc(layer),
        _ => ppp(layer),
    }
}

/// Cisco HDLC: address, control and EtherType.
pub(super) fn cisco_hdlc(layer: Layer<'_>) -> Decoded<'_> {
    match layer.u16_at(2) {
        Some(ethertype) if ethertype >= ETHERTYPE_MIN => {
            layer.open(4, "Cisco HDLC header", |inner| by_ethertype(ethertype, inner))
        }
        // ISO's protocols, whose packets begin with a padding byte here.
        Some(_) => not_ip("Cisco HDLC without IP"),
        None => layer.unreadable("Cisco HDLC header"),
    }
}

/// Frame Relay (Q.922, RFC 2427): an address of two to four bytes, whose last one is odd, then ISO's
/// identifier of what follows; or, as Cisco has it, an EtherType at once.
pub(super) fn frame_relay(layer: Layer<'_>) -> Decoded<'_> {
    const ADDRESS_BYTES_MAX: usize = 4;
    const UNNUMBERED: u8 = 0x03;
    let last = layer.bytes.iter().take(ADDRESS_BYTES_MAX).position(|byte| byte & 1 == 1);
    let Some(address_bytes) = last.map(|last| last + 1).filter(|bytes| *bytes >= 2) else {
        return layer.unreadable("Frame Relay");
    };
    match layer.bytes.get(address_bytes) {
        Some(&UNNUMBERED) => {
            let pad = usize::from(layer.bytes.get(address_bytes + 1) == Some(&0));
            layer.open(address_bytes + 1 + pad, "Frame Relay", by_identifier)
        }
        _ => match layer.u16_at(address_bytes) {
            Some(ethertype) if ethertype >= ETHERTYPE_MIN => {
                layer.open(address_bytes + 2, "Frame Relay", |inner| by_ethertype(ethertype, inner))
            }
            Some(_) => not_ip("Frame Relay control"),
            None => layer.unreadable("Frame Relay"),
        },
    }
}

/// ISO's network layer protocol identifiers (RFC 2427, appendix A).
fn by_identifier(layer: Layer<'_>) -> Decoded<'_> {
    match layer.bytes {
        [0xcc | 0x8e, ..] => layer.open(1, "Frame Relay", any_ip),
        [0xcf, ..] => layer.open(1, "Frame Relay", ppp),
        [0x80, o0, o1, o2, t0, t1, ..] => {
            subnetwork(6, [*o0, *o1, *o2], u16::from_be_bytes([*t0, *t1]), layer)
        }
        [] | [0x80, ..] => layer.unreadable("Frame Relay"),
        [0xb1, ..] => Decoded::Undecoded("Frame Relay, fragment"),
        [0xb0, ..] => Decoded::Undecoded("Frame Relay, compressed"),
        _ => not_ip("Frame Relay control"),
    }
}
