//! How does each packet within a frame look where nothing is around it? A program that knows addresses and ports
//! only in their plainest place is asked about these.
//!
//! `decode` finds the packets; here they are written out bare, each as IP alone.

use super::decode::{around, decode};
use super::internet::{IPV4_HEADER_BYTES, carried};
use super::{Decoded, Frame, Packet, Plain, at_last_stop, plain_ipv4, plain_ipv6, quoted};
use std::net::{IpAddr, Ipv4Addr};

/// Whether any packet within the frame is as asked for: the innermost one, those of the tunnels around it, each of
/// them also as it is at the last stop of its route, and the one that an ICMP error quotes.
pub fn any_within<'a>(frame: &Frame<'a>, mut is_so: impl FnMut(&Packet<'a>) -> bool) -> bool {
    let Decoded::Packet(innermost) = decode(frame) else { return false };
    is_so(&innermost)
        || quoted(&innermost).is_some_and(|quoted| is_so(&quoted.packet))
        || besides(frame, &innermost).any(|packet| is_so(&packet))
}

/// What a frame shows besides its innermost packet, and besides what that quotes: the packets of the tunnels around
/// it, and each of them all as it is at the last stop of its route.
pub fn besides<'a>(frame: &Frame<'a>, innermost: &Packet<'a>) -> impl Iterator<Item = Packet<'a>> {
    let around = (0..innermost.tunnels).filter_map(|tunnels| around(frame, tunnels));
    let each = around.flat_map(|packet| [Some(packet), at_last_stop(&packet)]);
    at_last_stop(innermost).into_iter().chain(each.flatten())
}

/// Whether the frame is one in which nothing is around its packet, which is plain IP.
pub fn is_bare(frame: &Frame<'_>) -> bool {
    let is_of_ipv6 = |plain: Plain<'_, IpAddr>| plain.source.is_ipv6() && plain.destination.is_ipv6();
    plain_ipv4(frame).is_some() || plain_ipv6(frame).is_some_and(is_of_ipv6)
}

/// Appends the packet as plain IP: without extension headers, and with addresses that a translator made of those of
/// IPv4 as these. Of one that is IPv4 on one side only, the other end is 0.0.0.0.
pub fn write_bare(packet: &Packet<'_>, bytes: &mut Vec<u8>) {
    match (packet.source, packet.destination) {
        (IpAddr::V4(_), IpAddr::V4(to)) if is_said_by_header(packet, to) => {
            bytes.extend_from_slice(packet.ip_bytes)
        }
        // The middle of a datagram has no ports, which plain IPv6 cannot say.
        (IpAddr::V6(_), IpAddr::V6(_)) if packet.is_later_fragment => {
            bytes.extend_from_slice(packet.ip_bytes)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let carried = carried(packet.ip_bytes);
            let [l0, l1] = stated(carried.len());
            bytes.extend([0x60, 0, 0, 0, l0, l1, packet.protocol, 64]);
            bytes.extend(source.octets().into_iter().chain(destination.octets()));
            bytes.extend_from_slice(carried);
        }
        (source, destination) => {
            let carried = carried(packet.ip_bytes);
            let [l0, l1] = stated(IPV4_HEADER_BYTES + carried.len());
            let part = u8::from(packet.is_later_fragment);
            bytes.extend([0x45, 0, l0, l1, 0, 0, 0, part, 64, packet.protocol, 0, 0]);
            bytes.extend(octets(source).into_iter().chain(octets(destination)));
            bytes.extend_from_slice(carried);
        }
    }
}

/// Whether the header of IPv4 says what is known of the packet: that it goes there, and carries that protocol.
fn is_said_by_header(packet: &Packet<'_>, to: Ipv4Addr) -> bool {
    match packet.ip_bytes.first_chunk::<IPV4_HEADER_BYTES>() {
        Some([0x45..=0x4f, _, _, _, _, _, _, _, _, protocol, .., d0, d1, d2, d3]) => {
            *protocol == packet.protocol && [*d0, *d1, *d2, *d3] == to.octets()
        }
        _ => false,
    }
}

fn octets(address: IpAddr) -> [u8; 4] {
    match address {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED.octets(),
    }
}

fn stated(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}
