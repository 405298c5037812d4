//! How often did a packet match a watchlist without an inside host to blame, and when?

use super::findings::{CONTACT_GAP_NS, contact_spans};
use super::spans::Spans;
use super::{CONTACT_SPANS_MAX, ContactSpan};

/// Packets that are nobody's.
#[derive(Debug, Default)]
pub(super) struct Unattributed {
    sightings: u64,
    spans: Spans,
}

impl Unattributed {
    /// Notes one.
    pub(super) fn note(&mut self, time_ns: i64) {
        self.sightings += 1;
        self.spans.add(time_ns, true, CONTACT_GAP_NS, CONTACT_SPANS_MAX);
    }

    /// How many there were.
    pub(super) fn sightings(&self) -> u64 {
        self.sightings
    }

    /// When, as if they were contacts.
    pub(super) fn spans(&self) -> Vec<ContactSpan> {
        contact_spans(&self.spans)
    }
}
