//! Which link layer does a frame begin with? The entrance of the decoder.

use super::internet::{any_ip, ipv4, ipv6};
use super::layer::Layer;
use super::link;
use super::plain::plain;
use super::{Decoded, Frame};

/// Reads a frame down to its innermost IP packet. Never panics, never allocates, opens a bounded number
/// of layers, and reads nothing outside the frame's bytes.
#[inline]
pub fn decode<'a>(frame: &Frame<'a>) -> Decoded<'a> {
    match plain(frame) {
        Some(packet) => Decoded::Packet(packet),
        None => any(frame),
    }
}

fn any<'a>(frame: &Frame<'a>) -> Decoded<'a> {
    let layer = Layer::outermost(frame);
    match frame.link_type {
        1 => link::ethernet(layer),
        other => other_link(other, layer),
    }
}

/// The link types beside Ethernet, by <https://www.tcpdump.org/linktypes.html>.
fn other_link(link_type: u16, layer: Layer<'_>) -> Decoded<'_> {
    match link_type {
        0 | 108 => link::loopback(layer),
        12 | 14 | 101 => any_ip(layer),
        228 => ipv4(layer),
        229 => ipv6(layer),
        113 => link::cooked(layer),
        276 => link::cooked_2(layer),
        9 | 50 => link::ppp(layer),
        51 => link::pppoe(layer),
        104 => link::cisco_hdlc(layer),
        _ if layer.bytes.is_empty() => layer.unreadable(link_name(link_type)),
        _ => Decoded::Undecoded(link_name(link_type)),
    }
}

/// What an unread link layer is called.
fn link_name(link_type: u16) -> &'static str {
    match link_type {
        6 => "Token Ring",
        7 => "ARCNET",
        8 => "SLIP",
        10 => "FDDI",
        105 => "802.11",
        107 => "Frame Relay",
        119 => "802.11 with Prism header",
        122 => "IP over Fibre Channel",
        127 => "802.11 with radiotap header",
        163 => "802.11 with AVS header",
        143 => "DOCSIS",
        147..=162 => "a private link type",
        187 | 201 | 251 | 254 => "Bluetooth",
        189 | 220 | 249 => "USB",
        192 => "PPI",
        195 | 230 | 283 => "802.15.4",
        239 => "NFLOG",
        _ => "an unknown link type",
    }
}
