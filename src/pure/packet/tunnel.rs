//! What does a packet carry inside another? IP in IP, MPLS, Ethernet and L2TP right in IP; GRE (`gre`),
//! and what is told by its port (`overlay`).
//!
//! The innermost packet is the one to blame. A tunnel that does not hold what its header announces is
//! left closed, and the outer packet stands.

use super::internet::{ipv4, ipv6};
use super::layer::{Layer, TOO_MANY_LAYERS};
use super::link::ethernet;
use super::mpls::{mpls, pseudowire};
use super::{Decoded, Packet, gre, overlay};
use crate::pure::protocol::UDP;

const IPV4: u8 = 4;
const IPV6: u8 = 41;
const GRE: u8 = 47;
const ETHERNET: u8 = 97;
const L2TP: u8 = 115;
const MPLS: u8 = 137;
/// Minimal encapsulation (RFC 2004), which hides the destination.
const MINIMAL: u8 = 55;
/// Of KA9Q, before IP in IP had a number of its own.
const IPV4_OLD: u8 = 94;
/// Compressed (RFC 3173).
const COMPRESSED: u8 = 108;
/// A segment of SRv6 may carry Ethernet so (RFC 8986, 4.9).
const BARE_ETHERNET: u8 = 143;

/// Whether the packet may hold another one; cheap, since it is asked of every packet.
#[inline(always)]
pub(super) fn is_possible(packet: &Packet<'_>) -> bool {
    match packet.protocol {
        UDP => packet.ports.is_some_and(overlay::is_possible),
        IPV4 | IPV6 | GRE | MINIMAL | IPV4_OLD | ETHERNET | COMPRESSED | L2TP | MPLS | BARE_ETHERNET => true,
        _ => false,
    }
}

/// What the packet holds inside; `None` when it is no tunnel after all. `payload` is what IP carries.
#[cold]
pub(super) fn inner<'a>(packet: &Packet<'a>, payload: &Layer<'a>) -> Option<Decoded<'a>> {
    let Some(layer) = payload.inside(0) else { return Some(Decoded::Undecoded(TOO_MANY_LAYERS)) };
    match packet.protocol {
        IPV4 | IPV4_OLD => Some(ipv4(layer)),
        IPV6 => Some(ipv6(layer)),
        GRE => gre::generic(layer),
        MINIMAL => Some(Decoded::Undecoded("minimal encapsulation in IP")),
        COMPRESSED => Some(Decoded::Undecoded("IP payload, compressed")),
        MPLS => Some(mpls(layer)),
        BARE_ETHERNET => Some(ethernet(layer)),
        // EtherIP (RFC 3378): version 3, then Ethernet.
        ETHERNET => match layer.bytes {
            [0x30, 0, ..] => layer.inside(2).map(ethernet),
            [_, _, ..] => None,
            _ => layer.no_tunnel(),
        },
        // L2TPv3 (RFC 3931, 4.1.1): session 0 is that of the control messages.
        L2TP => match layer.u32_at(0) {
            Some(0) => None,
            Some(_) => layer.inside(4).map_or_else(|| layer.no_tunnel(), pseudowire),
            None => layer.no_tunnel(),
        },
        UDP => match layer.inside(8) {
            Some(datagram) => overlay::inner(packet.ports?, datagram),
            None => layer.no_tunnel(),
        },
        _ => None,
    }
}
