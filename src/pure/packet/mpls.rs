//! What is switched by labels? MPLS announces nothing of what it carries: the first bytes have to tell.

use super::Decoded;
use super::internet::any_ip;
use super::layer::{Layer, not_ip};
use super::link::{ETHERNET_HEADER_BYTES, ethernet, is_ethernet_like};
use super::serial::ppp;

/// How many MPLS labels may be stacked.
const LABELS_MAX: usize = 16;

/// MPLS (RFC 3032): labels up to the one marked as the last, then IP or a pseudowire.
pub(super) fn mpls(layer: Layer<'_>) -> Decoded<'_> {
    let labels = layer.bytes.chunks_exact(4).take(LABELS_MAX);
    let last = labels.map(|label| label[2]).position(|byte| byte & 1 == 1);
    let Some(last) = last else { return layer.unreadable("MPLS") };
    layer.open((last + 1) * 4, "MPLS", labelled)
}

/// What stands behind the labels: IP by its version; else Ethernet, with a control word (RFC 4448, 4.6,
/// which begins with 0) or without one.
fn labelled(layer: Layer<'_>) -> Decoded<'_> {
    const CONTROL_WORD_BYTES: usize = 4;
    const NAME: &str = "MPLS pseudowire";
    let behind_word = layer.inside(CONTROL_WORD_BYTES);
    match layer.bytes.first().map(|byte| byte >> 4) {
        None => layer.unreadable("MPLS"),
        Some(4 | 6) if is_ip_like(&layer) || !is_ethernet_like(&layer) => any_ip(layer),
        Some(0) if behind_word.is_some_and(|inner| is_ethernet_like(&inner)) => {
            layer.open(CONTROL_WORD_BYTES, NAME, ethernet)
        }
        Some(_) if is_ethernet_like(&layer) => ethernet(layer),
        Some(0) if behind_word.is_some_and(|inner| is_ip_like(&inner)) => {
            layer.open(CONTROL_WORD_BYTES, NAME, any_ip)
        }
        // A guess, which may be wrong: nothing is taken for harmless by it.
        Some(0) => match layer.open(CONTROL_WORD_BYTES, NAME, ethernet) {
            decoded @ (Decoded::Packet(_) | Decoded::Truncated) => decoded,
            _ => layer.unreadable(NAME),
        },
        // The associated channel (RFC 5586) carries the switches' own messages.
        Some(1) => not_ip("MPLS control"),
        Some(_) => layer.unreadable(NAME),
    }
}

/// Whether the bytes begin like IP: a header of a length that there is, and a packet no shorter than it.
fn is_ip_like(layer: &Layer<'_>) -> bool {
    match *layer.bytes {
        [first @ 0x45..=0x4f, _, l0, l1, _, _, _, _, ttl, ..] => {
            let stated = usize::from(u16::from_be_bytes([l0, l1]));
            stated >= usize::from(first & 0x0f) * 4 && ttl > 0
        }
        [0x60..=0x6f, _, _, _, _, _, _, _, ..] => !is_ethernet_like(layer),
        _ => false,
    }
}

/// How long the cookie of an L2TPv3 session and its sublayer may be together, in bytes.
const SESSION_BYTES: [usize; 4] = [0, 4, 8, SESSION_BYTES_MAX];
const SESSION_BYTES_MAX: usize = 12;

/// Whether the bytes are a packet of IPv4 without options, or one of IPv6, from the first to the last.
fn is_whole_ip(layer: &Layer<'_>) -> bool {
    let stated = match *layer.bytes {
        [0x45, _, l0, l1, ..] => usize::from(u16::from_be_bytes([l0, l1])),
        [0x60..=0x6f, _, _, _, l0, l1, ..] => 40 + usize::from(u16::from_be_bytes([l0, l1])),
        _ => return false,
    };
    if layer.is_cut { stated > layer.bytes.len() } else { stated == layer.bytes.len() }
}

/// A pseudowire behind a header whose length only its two ends know (RFC 3931, 4.1): what certainly is
/// Ethernet, PPP or IP; `None` when nothing is.
pub(super) fn pseudowire(layer: Layer<'_>) -> Option<Decoded<'_>> {
    let likely = SESSION_BYTES.into_iter().find_map(|bytes| {
        let inner = layer.inside(bytes)?;
        match inner.bytes {
            [0xff, 0x03, 0, 0x21, 0x45..=0x4f, ..] | [0xff, 0x03, 0, 0x57, 0x60..=0x6f, ..] => {
                Some(ppp(inner))
            }
            _ if is_whole_ip(&inner) => Some(any_ip(inner)),
            _ => is_ethernet_like(&inner).then(|| ethernet(inner)),
        }
    });
    let is_short = layer.bytes.len() <= SESSION_BYTES_MAX + ETHERNET_HEADER_BYTES;
    likely.or_else(|| if is_short { layer.no_tunnel() } else { None })
}
