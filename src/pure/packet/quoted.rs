//! Whose packet is an ICMP error about? Routers and hosts quote the beginning of what they refused, and of what
//! should go another way.
//!
//! What is quoted was not sent here and counts nowhere as a packet; it only tells how another ended.

use super::internet::any_ip;
use super::layer::Layer;
use super::{Decoded, Frame, Packet};
use crate::pure::protocol::{ICMP, ICMP_6};

/// The packet that an ICMP error quotes.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a> {
    /// It as far as it was quoted; with the time of the error, and no link layer.
    pub packet: Packet<'a>,
    /// Whether the error says that the packet could not be delivered, for good: unreachable or
    /// prohibited, and not merely too big or too long under way.
    pub is_refused: bool,
}

/// The packet quoted by an ICMP error (RFC 792: 3 unreachable, 4 source quench, 5 redirect, 11 time exceeded, 12
/// parameter problem; RFC 4443: 1 unreachable, 2 too big, 3 time exceeded, 4 parameter problem; RFC 4861: 137
/// redirect); `None` for other packets, and where its addresses cannot be read.
pub fn quoted<'a>(packet: &Packet<'a>) -> Option<Quoted<'a>> {
    const FRAGMENTATION_NEEDED: u8 = 4;
    if packet.is_later_fragment {
        return None;
    }
    let ([kind, code, ..], quote) = packet.payload.split_first_chunk::<8>()?;
    let (quote, is_refused) = match (packet.protocol, *kind) {
        (ICMP, 3) => (quote, *code != FRAGMENTATION_NEEDED),
        (ICMP_6, 1) => (quote, true),
        (ICMP, 4 | 5 | 11 | 12) | (ICMP_6, 2..=4) => (quote, false),
        (ICMP_6, 137) => (redirected(quote)?, false),
        _ => return None,
    };
    match any_ip(Layer::outermost(&quote_frame(packet, quote), u8::MAX)) {
        Decoded::Packet(packet) => Some(Quoted { packet, is_refused }),
        _ => None,
    }
}

/// What a redirect of IPv6 quotes (RFC 4861, 4.5 and 4.6.3): in an option behind two addresses.
fn redirected(message: &[u8]) -> Option<&[u8]> {
    const ADDRESSES_BYTES: usize = 32;
    const OPTIONS_MAX: usize = 8;
    const REDIRECTED_HEADER: u8 = 4;
    const RESERVED_BYTES: usize = 8;
    let mut options = message.get(ADDRESSES_BYTES..)?;
    for _ in 0..OPTIONS_MAX {
        let ([kind, words], _) = options.split_first_chunk()?;
        if *kind == REDIRECTED_HEADER {
            return options.get(RESERVED_BYTES..);
        }
        options = options.get(usize::from(*words) * 8..).filter(|_| *words > 0)?;
    }
    None
}

/// The quote as a frame of its own: raw IP, of which the end is missing.
fn quote_frame<'a>(packet: &Packet<'a>, quote: &'a [u8]) -> Frame<'a> {
    const RAW: u16 = 101;
    Frame { time_ns: packet.time_ns, bytes: quote, wire_length: packet.wire_length, link_type: RAW }
}
