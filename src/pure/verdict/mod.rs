//! Does what a run saw count as pass, fail or inconclusive? Criteria and evidence in,
//! [`Judgement`] out.
//!
//! Left of it is `sighting`, right of it `ticket`. It must never let a gap in coverage pass: a
//! criterion that could not be applied is unmet.

mod clock;
mod control;
mod facts;
mod gaps;
mod hidden;
mod judge;
mod judgement;
mod listened;
mod lists;
mod reason;
mod rows;
mod seconds;

#[cfg(test)]
mod gap_tests;
#[cfg(test)]
mod hidden_tests;
#[cfg(test)]
mod tests;

pub use facts::{
    BlamedHost, CaptureFacts, Control, ControlRecord, Ending, EvidenceFile, Excepted, ListingFacts,
    ProbeFacts, SourceFacts, SystemClock, WatchlistFacts,
};
pub use judge::{contacts_reason, is_attentive, is_healthy, judge};
pub use judgement::{Judgement, Outcome, Reason, Verdict};
pub use listened::{Asked, Listened, RowsHeard};
pub use reason::{Mender, ReasonCode, ReasonFacts};
pub use seconds::{doubtful, watched};
