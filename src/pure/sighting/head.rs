//! What is remembered of the beginning of a stream, while `heads` waits for the rest of it?

use super::pieces::{PIECES_BYTES_MAX, Pieces};
use super::streams::Kept;

/// What is remembered of a stream, or of a message in it.
#[derive(Debug)]
pub(super) struct Head {
    /// The sequence number at which it begins, by which a retransmission is known.
    pub(super) first: u32,
    /// So many bytes before it belong to a body, behind which it begins.
    pub(super) body_bytes: u32,
    /// What was sent so far.
    pub(super) pieces: Pieces,
    pub(super) state: State,
    /// Whether it is the first of a connection, so that a few letters are taken for the beginning of a request.
    pub(super) is_behind_syn: bool,
    /// Whether it counts as begun.
    pub(super) is_begun: bool,
    /// Whether a name of it was read.
    pub(super) has_name: bool,
    /// Whether other bytes came for the same place, so that nobody knows which were taken.
    pub(super) is_twofold: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A SYN announced it; nothing that it begins with came yet.
    Announced,
    /// It is not whole yet; so many of its names were told.
    Open { told: usize, has_more: bool },
    /// Its names were read, or it has none.
    Closed,
}

impl Head {
    pub(super) fn new(first: u32, pieces: Pieces, state: State) -> Head {
        Head {
            first,
            body_bytes: 0,
            pieces,
            state,
            is_behind_syn: false,
            is_begun: false,
            has_name: false,
            is_twofold: false,
        }
    }

    /// Whether it was read so far before this segment that the receiver takes no more of it. Sequence numbers are
    /// used again after 4 GiB, and a window is at most 1 GiB (RFC 7323, 2.3).
    pub(super) fn is_long_past(&self, sequence: u32) -> bool {
        const PAST: std::ops::Range<u32> = 1 << 30..1 << 31;
        self.state == State::Closed && PAST.contains(&sequence.wrapping_sub(self.first))
    }

    /// Where in a segment of so many bytes it begins, which begins within the body before it.
    pub(super) fn begins_within(&self, sequence: u32, bytes: usize) -> Option<usize> {
        let ahead = self.first.wrapping_sub(sequence) as usize;
        (self.is_in_body(sequence) && ahead < bytes).then_some(ahead)
    }

    /// Whether a segment begins within the body before it.
    pub(super) fn is_in_body(&self, sequence: u32) -> bool {
        (1..=self.body_bytes).contains(&self.first.wrapping_sub(sequence))
    }

    /// Where in it a segment begins; `None` when that is before it or too far behind.
    pub(super) fn place(&self, sequence: u32) -> Option<usize> {
        Some(sequence.wrapping_sub(self.first) as usize).filter(|at| *at < PIECES_BYTES_MAX)
    }
}

impl Kept for Head {
    /// What came before the first segment may go on with a name.
    fn is_waiting(&self) -> bool {
        match self.state {
            State::Announced => !self.pieces.is_empty(),
            State::Open { has_more, .. } => has_more,
            State::Closed => false,
        }
    }

    fn bytes(&self) -> usize {
        self.pieces.size()
    }
}
