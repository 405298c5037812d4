//! What does one look at a frame tell, whatever came before it? Who sent it, and whether anybody's lists
//! may be about it.
//!
//! `observer` takes it from there, in the order of the capture; a glance may be taken earlier and by any
//! thread. It must never pass a packet over that a list or a name may be about.

use super::duplicates;
use super::flow::Flow;
use super::heard::{HostKey, MacKey, host_key};
use super::inside::Inside;
use super::kind::Kind;
use crate::pure::packet::{self, Frame, Name, Packet, Plain};
use crate::pure::watchlist::{End, Gate};
use ipnet::IpNet;
use std::net::IpAddr;

/// What has to be known to glance at frames; changes only when a run joins or leaves.
#[derive(Clone, Debug, Default)]
pub struct Lookout {
    inside: Inside,
    /// What all runs look for together.
    gate: Gate,
    /// Whether runs differ in what is inside.
    has_several_sites: bool,
}

/// What a glance told: everything that counts of a plain packet that no list and no name is about ([`Traits`]);
/// nothing of any other frame.
// Four words, which go to memory and back each in one piece: a processor waits for what was written in parts
// and is read as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct Glance {
    source: [u64; 2],
    hash: u64,
    /// The MAC address, above it the kind, and above that whether there is anything.
    sender: u64,
}

const HAS_TRAITS: u64 = 1 << 63;
const KIND_SHIFT: u32 = 56;
const MAC_MASK: u64 = (1 << KIND_SHIFT) - 1;

impl Glance {
    const NOTHING: Glance = Glance { source: [0; 2], hash: 0, sender: 0 };

    #[inline(always)]
    fn of(Traits { source, hash, source_mac, kind }: Traits) -> Glance {
        let sender = HAS_TRAITS | u64::from(kind.bits()) << KIND_SHIFT | source_mac.bits();
        Glance { source: [(source >> 64) as u64, source as u64], hash, sender }
    }

    #[inline(always)]
    pub(super) fn traits(self) -> Option<Traits> {
        let Glance { source: [high, low], hash, sender } = self;
        (sender & HAS_TRAITS != 0).then(|| Traits {
            source: u128::from(high) << 64 | u128::from(low),
            hash,
            source_mac: MacKey::of_bits(sender & MAC_MASK),
            kind: Kind::of_bits((sender >> KIND_SHIFT) as u8),
        })
    }
}

/// What counts of a packet for coverage and presence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traits {
    pub(super) source: HostKey,
    /// Of what a mirror's copies have in common.
    pub(super) hash: u64,
    pub(super) source_mac: MacKey,
    pub(super) kind: Kind,
}

/// Which ends of a packet are inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) from_inside: bool,
    pub(super) to_inside: bool,
}

impl Traits {
    pub(super) fn of(packet: &Packet<'_>, ends: Ends) -> Traits {
        Traits {
            source: host_key(packet.source),
            hash: duplicates::packet_hash(packet.ip_bytes),
            source_mac: packet.source_mac.into(),
            kind: Kind::of(Flow::of(packet), ends, packet.tcp_flags, is_unicast(packet)),
        }
    }
}

impl Lookout {
    pub(super) fn new(inside: &[IpNet], gate: Gate, has_several_sites: bool) -> Lookout {
        Lookout { inside: Inside::new(inside), gate, has_several_sites }
    }

    /// Glances at a frame.
    #[inline(always)]
    pub fn glance(&self, frame: &Frame<'_>) -> Glance {
        if self.reads_names() {
            return Glance::NOTHING;
        }
        match packet::plain_ipv4(frame) {
            Some(plain) => self.glance_at_plain(&plain),
            None => {
                let Glance { source: [high, low], hash, sender } = self.glance_at_other(frame);
                Glance { source: [high, low], hash, sender }
            }
        }
    }

    #[inline(never)]
    fn glance_at_other(&self, frame: &Frame<'_>) -> Glance {
        packet::plain_ipv6(frame).map_or(Glance::NOTHING, |plain| self.glance_at_plain(&plain))
    }

    /// Nothing when the packet may tell more than what counts of any.
    #[inline(always)]
    fn glance_at_plain<A: Copy + Into<IpAddr>>(&self, plain: &Plain<'_, A>) -> Glance {
        let flow = Flow::of_plain(plain);
        let ends = self.ends(flow);
        if self.has_listed_end(flow, ends) | plain.may_begin_request() {
            return Glance::NOTHING;
        }
        Glance::of(Traits {
            source: host_key(flow.source),
            hash: duplicates::packet_hash(plain.ip_bytes),
            source_mac: MacKey::of(plain.source_mac()),
            kind: Kind::of(flow, ends, plain.tcp_flags(), plain.destination_mac().is_unicast()),
        })
    }

    #[inline(always)]
    pub(super) fn ends(&self, flow: Flow) -> Ends {
        Ends {
            from_inside: self.inside.contains(flow.source),
            to_inside: self.inside.contains(flow.destination),
        }
    }

    pub(super) fn is_inside(&self, address: IpAddr) -> bool {
        self.inside.contains(address)
    }

    /// Whether names are looked for in every packet.
    pub(super) fn reads_names(&self) -> bool {
        self.gate.has_domains()
    }

    /// Whether the packet may carry a name that matters: any, while names are looked for; else literal
    /// addresses in requests.
    pub(super) fn may_have_name(&self, packet: &Packet<'_>) -> bool {
        self.reads_names() || packet.may_begin_request()
    }

    /// Whether a name, or the address that stands in its place, may be on a list.
    pub(super) fn is_listed_name(&self, packet: &Packet<'_>, name: &Name) -> bool {
        match name.text.literal() {
            Some(address) => {
                let port = name.port.or(packet.ports.map(|ports| ports.destination));
                let end = End { address, protocol: packet.protocol, port, is_outside: false };
                self.gate.may_match(end)
            }
            None => self.gate.may_match_name(name.text.as_str()),
        }
    }

    /// Whether the packet may have been sent to something on a list.
    pub(super) fn may_know_destination(&self, packet: &Packet<'_>) -> bool {
        self.gate.may_match(Flow::of(packet).destination(true))
    }

    /// Whether an address or a port may stand on a list: nearly always not.
    #[inline(always)]
    pub(super) fn has_listed_end(&self, flow: Flow, ends: Ends) -> bool {
        let Ends { from_inside, to_inside } = ends;
        if from_inside != to_inside && !self.has_several_sites {
            return self.gate.may_match(flow.remote(from_inside));
        }
        // What is inside one site is outside another.
        let is_outside = |is_inside: bool| !is_inside || self.has_several_sites;
        self.gate.may_match(flow.destination(is_outside(to_inside)))
            || self.gate.may_match(flow.source(is_outside(from_inside)))
    }
}

/// Told by the frame where it says so: a network's own broadcast address looks like any other.
fn is_unicast(packet: &Packet<'_>) -> bool {
    match (packet.destination_mac, packet.destination) {
        (Some(mac), _) => mac.is_unicast(),
        (None, IpAddr::V4(address)) => address.octets()[0] < 224,
        (None, IpAddr::V6(address)) => address.octets()[0] != 0xff,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::watchlist::{CompiledList, Entry, Index, Watchlist};
    use etherparse::PacketBuilder;

    fn lookout(entries: &[&str]) -> Lookout {
        let entries = entries.iter().flat_map(|text| Entry::parse(text).expect(text)).collect();
        let watchlist = Watchlist { name: "a".to_owned(), entries, ..Watchlist::default() };
        let index = Index::compile(&[CompiledList { watchlist: &watchlist, file: None }]);
        let inside: IpNet = "10.0.0.0/8".parse().expect("a network");
        Lookout::new(&[inside], Gate::of([&index]), false)
    }

    #[test]
    fn only_what_tells_no_more_is_passed_over() {
        let ethernet = || PacketBuilder::ethernet2([2; 6], [4; 6]);
        let tcp = |to: [u8; 4], payload: &[u8]| {
            let mut bytes = Vec::new();
            let builder = ethernet().ipv4([10, 0, 0, 1], to, 64).tcp(1, 80, 3, 4);
            builder.write(&mut bytes, payload).expect("fits");
            bytes
        };
        let (mut dhcp, mut ipv6) = (Vec::new(), Vec::new());
        ethernet().ipv4([10, 0, 0, 1], [9; 4], 64).udp(68, 67).write(&mut dhcp, &[0; 20]).expect("fits");
        ethernet().ipv6([1; 16], [2; 16], 64).udp(1, 2).write(&mut ipv6, &[0; 20]).expect("fits");
        let (listed, named) = (lookout(&["192.0.2.9"]), lookout(&["evil.example"]));
        let rows: [(&str, &Lookout, &[u8], bool); 12] = [
            ("on no list", &listed, &tcp([9; 4], b""), true),
            ("listed", &listed, &tcp([192, 0, 2, 9], b""), false),
            ("what may name a server", &listed, &tcp([9; 4], b"GET / HTTP/1.1"), false),
            ("the same behind an empty line", &listed, &tcp([9; 4], b"\r\nGET / HTTP/1.1"), false),
            ("its first letter alone", &listed, &tcp([9; 4], b"G"), false),
            ("no more of a word than a letter", &listed, &tcp([9; 4], b"G\x01ET"), true),
            (
                "a request to a SOCKS proxy",
                &listed,
                &tcp([9; 4], b"\x05\x01\0\x01\x09\x09\x09\x09\0\x50"),
                false,
            ),
            ("another version", &listed, &tcp([9; 4], b"\x06\x01\0\x01\x09\x09\x09\x09\0\x50"), true),
            ("other payload", &listed, &tcp([9; 4], b"get"), true),
            ("while names are looked for", &named, &tcp([9; 4], b"get"), false),
            ("DHCP", &listed, &dhcp, false),
            ("IPv6", &listed, &ipv6, true),
        ];
        for (row, lookout, bytes, wanted) in rows {
            let frame = Frame { time_ns: 0, bytes, wire_length: bytes.len() as u32, link_type: 1 };
            assert_eq!(lookout.glance(&frame).traits().is_some(), wanted, "{row}");
        }
    }
}
