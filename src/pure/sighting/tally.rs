//! How much was heard, and how much of it could not be used? Plain counts, so that what a run heard is
//! the difference between its end and its beginning.

use super::kind::Kinds;

/// What a source showed since it was opened, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) heard_packets: u64,
    /// Their lengths on the wire, in bytes.
    pub(super) heard_bytes: u64,
    /// IP packets, however deep in the frame.
    pub(super) kinds: Kinds,
    /// Frames that should carry IP and could not be read down to its addresses.
    pub(super) unread_packets: u64,
    /// Addresses or ports were cut away.
    pub(super) truncated_packets: u64,
    /// A name was cut away, and nothing else.
    pub(super) cut_names: u64,
    /// Frames that could not be read down to what they carry, those with an IP packet around it among them.
    pub(super) undecoded_packets: u64,
    pub(super) duplicate_packets: u64,
    /// TCP streams and QUIC connections whose name spans several packets or cannot be opened.
    pub(super) split_names: u64,
    /// Of those, how many have a name that was never read.
    pub(super) unread_names: u64,
    /// Of those, how many came with other bytes in the same place.
    pub(super) conflicting_names: u64,
}

impl Tally {
    /// Frames that carry IP, or should.
    pub(super) fn ip_packets(&self) -> u64 {
        self.kinds.all() + self.unread_packets
    }

    /// What was counted since `earlier`, a tally of the same source.
    pub(super) fn since(&self, earlier: &Tally) -> Tally {
        Tally {
            heard_packets: self.heard_packets - earlier.heard_packets,
            heard_bytes: self.heard_bytes - earlier.heard_bytes,
            kinds: self.kinds.since(&earlier.kinds),
            unread_packets: self.unread_packets - earlier.unread_packets,
            truncated_packets: self.truncated_packets - earlier.truncated_packets,
            cut_names: self.cut_names - earlier.cut_names,
            undecoded_packets: self.undecoded_packets - earlier.undecoded_packets,
            duplicate_packets: self.duplicate_packets - earlier.duplicate_packets,
            // A stream that was waiting then may have been read since, or have turned out to bear no name.
            split_names: self.split_names.saturating_sub(earlier.split_names),
            unread_names: self.unread_names.saturating_sub(earlier.unread_names),
            conflicting_names: self.conflicting_names - earlier.conflicting_names,
        }
    }
}
