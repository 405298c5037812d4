//! Of what kind is an IP packet: inside or out, an answer, to one machine, IPv6? A few yes and no together, so
//! that each packet is counted once and not once for each.

use super::flow::Flow;
use super::glance::Ends;
use crate::pure::protocol::ACK;
use std::net::IpAddr;

/// The kind of a packet, a bit for each trait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind(u8);

const FROM_INSIDE: u8 = 1;
const TO_INSIDE: u8 = 2;
/// A TCP segment that acknowledges what went the other way.
const ANSWER: u8 = 4;
/// To one machine, not to all or to a group.
const UNICAST: u8 = 8;
/// IPv6 between addresses that are routed: more than the neighbours' talk that every network has.
const ROUTED_IPV6: u8 = 16;
const KINDS: usize = 32;

impl Kind {
    #[inline(always)]
    pub(super) fn of(flow: Flow, ends: Ends, tcp_flags: u8, is_unicast: bool) -> Kind {
        // Multiplied, since a branch for each would cost more.
        let bit = |bit: u8, has: bool| u8::from(has) << bit.trailing_zeros();
        Kind(
            bit(FROM_INSIDE, ends.from_inside)
                | bit(TO_INSIDE, ends.to_inside)
                | bit(ANSWER, tcp_flags & ACK != 0)
                | bit(UNICAST, is_unicast)
                | bit(ROUTED_IPV6, is_routed_ipv6(flow.source, flow.destination)),
        )
    }

    #[inline(always)]
    pub(super) fn bits(self) -> u8 {
        self.0
    }

    /// What [`Kind::bits`] gave.
    #[inline(always)]
    pub(super) fn of_bits(bits: u8) -> Kind {
        Kind(bits)
    }

    #[inline(always)]
    pub(super) fn is_from_inside(self) -> bool {
        self.0 & FROM_INSIDE != 0
    }
}

/// Both ends are global or unique local addresses (RFC 4291, 2.4; RFC 4193), or one is and the other stands
/// for one of IPv4.
#[inline(always)]
fn is_routed_ipv6(source: IpAddr, destination: IpAddr) -> bool {
    let is_routed = |address: IpAddr| match address {
        IpAddr::V6(address) => matches!(address.segments()[0] & 0xe000, 0x2000) || address.is_unique_local(),
        IpAddr::V4(_) => source.is_ipv6() || destination.is_ipv6(),
    };
    is_routed(source) && is_routed(destination)
}

/// How many packets there were of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds([u64; KINDS]);

impl Kinds {
    #[inline(always)]
    pub(super) fn add(&mut self, kind: Kind) {
        self.0[usize::from(kind.0) % KINDS] += 1;
    }

    /// What was added since `earlier`.
    pub(super) fn since(&self, earlier: &Kinds) -> Kinds {
        Kinds(std::array::from_fn(|kind| self.0[kind] - earlier.0[kind]))
    }

    pub(super) fn all(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(super) fn unicast(&self) -> u64 {
        self.with(UNICAST, UNICAST)
    }

    /// Answers from inside to outside.
    pub(super) fn outbound_answers(&self) -> u64 {
        self.with(FROM_INSIDE | TO_INSIDE | ANSWER, FROM_INSIDE | ANSWER)
    }

    /// Answers from outside to inside.
    pub(super) fn inbound_answers(&self) -> u64 {
        self.with(FROM_INSIDE | TO_INSIDE | ANSWER, TO_INSIDE | ANSWER)
    }

    pub(super) fn has_routed_ipv6(&self) -> bool {
        self.with(ROUTED_IPV6, ROUTED_IPV6) > 0
    }

    /// The packets whose kinds have `wanted` among the bits of `mask`.
    fn with(&self, mask: u8, wanted: u8) -> u64 {
        (0_u8..).zip(self.0).filter(|(kind, _)| kind & mask == wanted).map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::packet::{Frame, plain_ipv4, plain_ipv6};
    use etherparse::PacketBuilder;

    #[test]
    fn each_trait_is_counted_of_the_packets_that_have_it() {
        let flow = |is_ipv6: bool| {
            let (mut bytes, builder) = (Vec::new(), PacketBuilder::ethernet2([2; 6], [4; 6]));
            let builder = match is_ipv6 {
                true => builder.ipv6([0x20; 16], [0x3f; 16], 9),
                false => builder.ipv4([10; 4], [9; 4], 9),
            };
            builder.tcp(1, 2, 3, 4).write(&mut bytes, b"").expect("fits");
            let frame = Frame { time_ns: 0, bytes: &bytes, wire_length: 0, link_type: 1 };
            let ipv4 = plain_ipv4(&frame).map(|plain| Flow::of_plain(&plain));
            ipv4.or_else(|| plain_ipv6(&frame).map(|plain| Flow::of_plain(&plain))).expect("plain")
        };
        let (out, inward) =
            (Ends { from_inside: true, to_inside: false }, Ends { from_inside: false, to_inside: true });
        let within = Ends { from_inside: true, to_inside: true };
        let mut kinds = Kinds::default();
        let rows = [
            (out, ACK | 2, true, false),
            (out, 2, true, false),
            (inward, ACK, false, false),
            (inward, ACK, true, false),
            (within, ACK, true, false),
        ];
        for (ends, tcp_flags, is_unicast, is_ipv6) in rows {
            kinds.add(Kind::of(flow(is_ipv6), ends, tcp_flags, is_unicast));
        }
        assert_eq!((kinds.all(), kinds.unicast()), (5, 4));
        assert_eq!((kinds.outbound_answers(), kinds.inbound_answers()), (1, 2));
        assert!(!kinds.has_routed_ipv6());
        let earlier = kinds;
        kinds.add(Kind::of(flow(true), out, 0, true));
        assert!(kinds.has_routed_ipv6());
        assert_eq!(kinds.since(&earlier).all(), 1);
    }
}
