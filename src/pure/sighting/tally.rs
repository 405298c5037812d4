//! How much was heard, and how much of it could not be used? Plain counts, so that what a run heard is
//! the difference between its end and its beginning.

/// What a source showed since it was opened, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) heard_packets: u64,
    /// Their lengths on the wire, in bytes.
    pub(super) heard_bytes: u64,
    /// Frames that should carry IP.
    pub(super) ip_packets: u64,
    /// Addresses or ports were cut away.
    pub(super) truncated_packets: u64,
    /// A name was cut away, and nothing else.
    pub(super) cut_names: u64,
    pub(super) undecoded_packets: u64,
    pub(super) duplicate_packets: u64,
    /// IP packets to one machine, not to all or to a group.
    pub(super) unicast_packets: u64,
    /// TCP segments from inside to outside that acknowledge others: what they acknowledge went the other
    /// way.
    pub(super) outbound_answers: u64,
    /// Those from outside to inside.
    pub(super) inbound_answers: u64,
    /// IPv6 between addresses that are routed: more than the neighbours' talk that every network has.
    pub(super) routed_ipv6_packets: u64,
    /// TCP streams and QUIC connections whose name spans several packets or cannot be opened.
    pub(super) split_names: u64,
    /// Of those, how many have a name that was never read.
    pub(super) unread_names: u64,
}

impl Tally {
    /// What was counted since `earlier`, a tally of the same source.
    pub(super) fn since(&self, earlier: &Tally) -> Tally {
        Tally {
            heard_packets: self.heard_packets - earlier.heard_packets,
            heard_bytes: self.heard_bytes - earlier.heard_bytes,
            ip_packets: self.ip_packets - earlier.ip_packets,
            truncated_packets: self.truncated_packets - earlier.truncated_packets,
            cut_names: self.cut_names - earlier.cut_names,
            undecoded_packets: self.undecoded_packets - earlier.undecoded_packets,
            duplicate_packets: self.duplicate_packets - earlier.duplicate_packets,
            unicast_packets: self.unicast_packets - earlier.unicast_packets,
            outbound_answers: self.outbound_answers - earlier.outbound_answers,
            inbound_answers: self.inbound_answers - earlier.inbound_answers,
            routed_ipv6_packets: self.routed_ipv6_packets - earlier.routed_ipv6_packets,
            // A stream that was waiting then may have been read since, or have turned out to bear no name.
            split_names: self.split_names.saturating_sub(earlier.split_names),
            unread_names: self.unread_names.saturating_sub(earlier.unread_names),
        }
    }
}
