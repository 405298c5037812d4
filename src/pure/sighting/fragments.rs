//! What holds for a later fragment? What held for the first one of its datagram, which alone bears the ports.
//!
//! Only fragments come here. Of what came before the first one, or after that was forgotten, nothing is known: it has
//! no ports and is matched by its addresses alone; ports only ever add to what matches.

use super::hash::Folded;
use crate::pure::packet::{Packet, Ports};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

/// How many datagrams are remembered of a source, in sets of [`WAYS`]; more than a busy network has under way. A
/// flood of fragments takes the place of others and no memory.
const DATAGRAMS_MAX: usize = 4_096;
const WAYS: usize = 4;
/// How long a datagram of IPv6 may be under way, in nanoseconds: what RFC 8200 (4.5) allows for reassembly.
const AGE_NS_MAX: u64 = 60_000_000_000;
/// The same of IPv4, whose numbers of 16 bits are used again so soon that a longer wait joins what does not belong
/// together (RFC 4963): a second at 65,536 datagrams in it. Fragments of one datagram come one behind the other.
const AGE_NS_MAX_V4: u64 = 1_000_000_000;

/// What is known of the first fragments of the last moments, of at most so many; without memory until there is one.
#[derive(Debug)]
pub struct Fragments<V = Transport, const MAX: usize = DATAGRAMS_MAX> {
    slots: Vec<Option<First<V>>>,
}

/// What a first fragment alone tells: its ports, and of which protocol they are. Those behind it name the header
/// that follows theirs, be it one of options.
#[derive(Clone, Copy, Debug)]
pub struct Transport {
    protocol: u8,
    ports: Ports,
}

/// What all fragments of one datagram have in common (RFC 791, 3.2; RFC 8200, 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Datagram {
    source: IpAddr,
    destination: IpAddr,
    /// Zero in IPv6, where it tells no datagrams apart.
    protocol: u8,
    id: u32,
}

#[derive(Clone, Copy, Debug)]
struct First<V> {
    datagram: Datagram,
    value: V,
    time_ns: i64,
}

impl Datagram {
    /// That of a fragment; `None` of what is whole.
    fn of(packet: &Packet<'_>) -> Option<Datagram> {
        let &Packet { source, destination, protocol, fragment_id, ip_bytes, .. } = packet;
        let is_v6 = ip_bytes.first().is_some_and(|first| first >> 4 == 6);
        let protocol = if is_v6 { 0 } else { protocol };
        Some(Datagram { source, destination, protocol, id: fragment_id? })
    }
}

impl<V, const MAX: usize> Default for Fragments<V, MAX> {
    fn default() -> Fragments<V, MAX> {
        Fragments { slots: Vec::new() }
    }
}

impl Fragments {
    /// The packet with the ports of its datagram: a first fragment as it is, and remembered; a later one
    /// with the ports of its first one, where that is known.
    pub(super) fn attribute<'a>(&mut self, packet: Packet<'a>) -> Packet<'a> {
        match packet.ports {
            Some(ports) => {
                self.note_first(&packet, Transport { protocol: packet.protocol, ports });
                packet
            }
            None if packet.is_later_fragment => match self.of_first(&packet) {
                Some(Transport { protocol, ports }) => Packet { protocol, ports: Some(ports), ..packet },
                None => packet,
            },
            None => packet,
        }
    }
}

impl<V: Copy, const MAX: usize> Fragments<V, MAX> {
    /// Remembers what holds for the datagram that a packet is the first fragment of, if it is one. The newest one
    /// counts: its number is used again before long.
    pub fn note_first(&mut self, packet: &Packet<'_>, value: V) {
        let Some(datagram) = Datagram::of(packet).filter(|_| !packet.is_later_fragment) else { return };
        self.remember(First { datagram, value, time_ns: packet.time_ns });
    }

    /// What holds for the datagram that a packet is a later fragment of; `None` where its first one is not known.
    pub fn of_first(&self, packet: &Packet<'_>) -> Option<V> {
        let datagram = Datagram::of(packet)?;
        let known = self.slots.get(set::<MAX>(&datagram))?.iter().flatten();
        let mut same = known.filter(|first| first.datagram == datagram);
        let age_ns_max = if datagram.source.is_ipv4() { AGE_NS_MAX_V4 } else { AGE_NS_MAX };
        same.find(|first| first.time_ns.abs_diff(packet.time_ns) <= age_ns_max).map(|first| first.value)
    }

    fn remember(&mut self, first: First<V>) {
        if self.slots.is_empty() {
            self.slots = vec![None; MAX];
        }
        let set = &mut self.slots[set::<MAX>(&first.datagram)];
        let is_same = |slot: &Option<First<V>>| slot.is_some_and(|known| known.datagram == first.datagram);
        let place = set.iter().position(is_same).or_else(|| {
            let oldest = |place: &usize| set[*place].map_or(i64::MIN, |known| known.time_ns);
            (0..WAYS).min_by_key(oldest)
        });
        if let Some(place) = place {
            set[place] = Some(first);
        }
    }
}

/// Where a datagram is looked for.
fn set<const MAX: usize>(datagram: &Datagram) -> std::ops::Range<usize> {
    let mut hasher = Folded::default();
    datagram.hash(&mut hasher);
    let set = hasher.finish() as usize % (MAX / WAYS) * WAYS;
    set..set + WAYS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::packet::{Decoded, Frame, decode};

    const SECOND: i64 = 1_000_000_000;

    /// A part of a UDP datagram from a host of 10/8: its time, host, number and whether it is the first.
    type Part = (i64, u32, u16, bool);

    fn bytes((_, host, id, is_first): Part) -> Vec<u8> {
        let ([i0, i1], [_, b, c, d]) = (id.to_be_bytes(), host.to_be_bytes());
        let fragment = if is_first { [0x20, 0] } else { [0, 2] };
        let header = [&[0x45, 0, 0, 36, i0, i1], &fragment[..], &[64, 17, 0, 0, 10, b, c, d, 192, 0, 2, 9]];
        [&header.concat()[..], &[4, 1, 0, 53, 0, 32, 0, 0], &[0; 8]].concat()
    }

    /// The destination port of each, 0 where there is none.
    fn ports(parts: &[Part]) -> Vec<u16> {
        let mut fragments: Fragments = Fragments::default();
        let port = |part: &Part| {
            let bytes = bytes(*part);
            let frame = Frame { time_ns: part.0, bytes: &bytes, wire_length: 36, link_type: 101 };
            let Decoded::Packet(packet) = decode(&frame) else { panic!("no packet") };
            fragments.attribute(packet).ports.map_or(0, |ports| ports.destination)
        };
        parts.iter().map(port).collect()
    }

    #[test]
    fn a_later_fragment_has_the_ports_of_its_first() {
        let limit = AGE_NS_MAX_V4 as i64;
        let rows: [(&str, &[Part], &[u16]); 8] = [
            ("in order", &[(0, 1, 7, true), (1, 1, 7, false), (2, 1, 7, false)], &[53, 53, 53]),
            ("before the first", &[(0, 1, 7, false), (1, 1, 7, true)], &[0, 53]),
            ("stamped earlier", &[(SECOND, 1, 7, true), (0, 1, 7, false)], &[53, 53]),
            ("of another datagram", &[(0, 1, 7, true), (1, 1, 8, false)], &[53, 0]),
            ("of another host", &[(0, 1, 7, true), (1, 2, 7, false)], &[53, 0]),
            ("at the limit", &[(0, 1, 7, true), (limit, 1, 7, false)], &[53, 53]),
            ("beyond it", &[(0, 1, 7, true), (limit + 1, 1, 7, false)], &[53, 0]),
            ("far beyond it", &[(i64::MIN, 1, 7, true), (i64::MAX, 1, 7, false)], &[53, 0]),
        ];
        for (row, parts, wanted) in rows {
            assert_eq!(ports(parts), wanted, "{row}");
        }
    }

    #[test]
    fn a_flood_of_fragments_takes_no_memory_and_harms_only_others_ports() {
        let flood = (0..100_000).map(|host| (i64::from(host), host, 7, true));
        let newest = [(SECOND, 1 << 20, 7, true), (SECOND, 1 << 20, 7, false), (SECOND, 0, 7, false)];
        let found = ports(&flood.chain(newest).collect::<Vec<_>>());
        assert_eq!(found[found.len() - 2..], [53, 0], "the newest is known, the oldest forgotten");
        let mut fragments: Fragments = Fragments::default();
        assert_eq!(fragments.slots.capacity(), 0, "memory without a fragment");
        for host in 0..100_000 {
            let bytes = bytes((0, host, 7, true));
            let frame = Frame { time_ns: 0, bytes: &bytes, wire_length: 36, link_type: 101 };
            let Decoded::Packet(packet) = decode(&frame) else { panic!("no packet") };
            fragments.attribute(packet);
        }
        assert_eq!(fragments.slots.len(), DATAGRAMS_MAX);
    }
}
