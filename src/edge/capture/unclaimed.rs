//! Which packets does the machine drop after we have heard them, and count as dropped?
//!
//! What comes under a tag that is no VLAN of this machine goes on to whoever wants its inner type; a type
//! that nobody wants (a second tag, PPPoE, MPLS) is dropped, and counts in the interface's `rx_dropped`
//! though a capture has it (`__netif_receive_skb_core` of net/core/dev.c; libpcap issue 828). `tap` takes
//! these off the kernel's count, since drivers count there too what nobody has heard.

use super::filter::ETHERNET;
use super::link;
use crate::pure::packet::Frame;
use std::collections::BTreeSet;
use std::fs;

/// Types of which a socket or a protocol of this machine takes all packets; there are few.
const TYPES_MAX: usize = 256;

/// What stands in the place of a type where the frame has a length (ETH_P_802_2).
const LENGTH: u16 = 4;
const LENGTH_MAX: u16 = 1535;

const TAGS: [u16; 2] = [0x8100, 0x88a8];

/// What this machine wants of what comes under a tag.
#[derive(Debug)]
pub(super) struct Unclaimed {
    /// `None` where that is not known, or where tags are sorted out by VLANs of its own: nothing counts as
    /// dropped after it was heard.
    claimed: Option<BTreeSet<u16>>,
    packets: u64,
}

impl Unclaimed {
    /// As the machine is set up now, in the namespace of this thread.
    pub(super) fn on(interface: &str) -> Unclaimed {
        let types = fs::read_to_string("/proc/thread-self/net/ptype").ok();
        // Where VLANs are not known at all, there is no such file.
        let vlans = fs::read_to_string("/proc/thread-self/net/vlan/config").unwrap_or_default();
        Unclaimed::told(&link::listed_name(interface), types.as_deref(), &vlans)
    }

    /// By the tables of packet types and of VLANs.
    fn told(interface: &str, types: Option<&str>, vlans: &str) -> Unclaimed {
        let is_sorted = vlans.lines().any(|line| line.rsplit('|').next().map(str::trim) == Some(interface));
        let claimed = types.filter(|_| !is_sorted).map(|table| {
            // Those for one device only, and those for all types, have it in their second column or no number.
            let firsts = table.lines().filter_map(|line| line.split_whitespace().next());
            firsts.filter_map(|first| u16::from_str_radix(first, 16).ok()).take(TYPES_MAX).collect()
        });
        Unclaimed { claimed, packets: 0 }
    }

    /// Looks again. Where the machine is set up in another way by now, nobody knows since when, and from the
    /// beginning nothing counts as dropped after it was heard: a loss that is none rather than a hidden one.
    pub(super) fn look_again(&mut self, interface: &str) {
        if self.claimed.is_some() {
            self.compare(Unclaimed::on(interface));
        }
    }

    fn compare(&mut self, now: Unclaimed) {
        if now.claimed != self.claimed {
            *self = Unclaimed { claimed: None, packets: 0 };
        }
    }

    /// How many such packets were heard.
    pub(super) fn packets(&self) -> u64 {
        self.packets
    }

    /// Notes a packet that was heard.
    #[inline]
    pub(super) fn note(&mut self, frame: &Frame<'_>) {
        let Some(&[high @ (0x81 | 0x88), low, priority, vlan, one, other]) = frame.bytes.get(12..18) else {
            return;
        };
        if frame.link_type == ETHERNET && TAGS.contains(&u16::from_be_bytes([high, low])) {
            self.note_tagged(priority & 0x0f != 0 || vlan != 0, u16::from_be_bytes([one, other]));
        }
    }

    #[cold]
    fn note_tagged(&mut self, has_vlan: bool, inner: u16) {
        let inner = if inner <= LENGTH_MAX { LENGTH } else { inner };
        // Behind a tag that names no VLAN the kernel looks at the next tag.
        let is_looked_into = !has_vlan && TAGS.contains(&inner);
        let is_unclaimed = self.claimed.as_ref().is_some_and(|claimed| !claimed.contains(&inner));
        self.packets += u64::from(is_unclaimed && !is_looked_into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: &str = "Type Device      Function\nALL  v0          tpacket_rcv\n0800          ip_rcv\n\
                         0004          llc_rcv\n0806          arp_rcv\n86dd          ipv6_rcv\n";
    const VLANS: &str = "VLAN Dev name\t | VLAN ID\nName-Type: VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD\n\
                         v0.7           | 7  | v0\n";

    #[test]
    fn what_nobody_on_the_machine_wants_behind_a_tag_is_counted() {
        let rows: [(&str, &[u8], u64); 12] = [
            ("no tag", &[0x08, 0, 0x45, 0, 0, 0], 0),
            ("no tag, and a type that nobody knows", &[0x88, 0xcc, 0, 7, 0x88, 0xcc], 0),
            ("IPv4", &[0x81, 0, 0, 7, 0x08, 0], 0),
            ("IPv6 under a provider's tag", &[0x88, 0xa8, 0, 7, 0x86, 0xdd], 0),
            ("a second tag", &[0x81, 0, 0, 7, 0x81, 0], 1),
            ("a customer's under a provider's", &[0x88, 0xa8, 0xe0, 7, 0x81, 0], 1),
            ("MPLS", &[0x81, 0, 0x0f, 0, 0x88, 0x47], 1),
            ("PPPoE under a priority", &[0x81, 0, 0xe0, 0, 0x88, 0x64], 1),
            ("a tag under a priority", &[0x81, 0, 0xe0, 0, 0x81, 0], 0),
            ("a length: spanning tree", &[0x81, 0, 0, 7, 0, 39], 0),
            ("an old tag, which is none to the kernel", &[0x91, 0, 0, 7, 0x81, 0], 0),
            ("cut off", &[0x81, 0, 0, 7, 0x81], 0),
        ];
        let anothers = VLANS.replace("| v0", "| v01");
        for (name, rest, wanted) in rows {
            let bytes = [&[2; 12][..], rest].concat();
            let frame = Frame { time_ns: 0, bytes: &bytes, wire_length: 60, link_type: 1 };
            let count = |types, vlans| {
                let mut unclaimed = Unclaimed::told("v0", types, vlans);
                unclaimed.note(&frame);
                unclaimed.packets()
            };
            assert_eq!(count(Some(TYPES), ""), wanted, "{name}");
            assert_eq!(count(Some(TYPES), &anothers), wanted, "{name}: another's VLAN");
            assert_eq!(count(Some(TYPES), VLANS), 0, "{name}: sorted by VLANs");
            assert_eq!(count(None, ""), 0, "{name}: not known");
        }
    }

    #[test]
    fn a_machine_that_is_set_up_anew_has_no_such_packets() {
        let rows = [
            ("as it was", TYPES.to_owned(), 1),
            ("another capture", format!("{TYPES}ALL  v1          packet_rcv\n0800 v1 packet_rcv\n"), 1),
            ("MPLS is known now", format!("{TYPES}8847          mpls_forward\n"), 0),
            ("one is known no more", TYPES.replace("0004          llc_rcv\n", ""), 0),
        ];
        for (row, types, wanted) in rows {
            let mut unclaimed = Unclaimed::told("v0", Some(TYPES), "");
            let bytes = [&[2; 12][..], &[0x81, 0, 0, 7, 0x81, 0]].concat();
            let frame = Frame { time_ns: 0, bytes: &bytes, wire_length: 60, link_type: 1 };
            unclaimed.note(&frame);
            unclaimed.compare(Unclaimed::told("v0", Some(&types), ""));
            assert_eq!(unclaimed.packets(), wanted, "{row}");
            unclaimed.note(&frame);
            assert_eq!(unclaimed.packets(), 2 * wanted, "{row}, and from then on");
        }
    }
}
