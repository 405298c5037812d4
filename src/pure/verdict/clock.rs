//! Can the times of a capture be believed? The sentences of the reason `clock_unsure`.
//!
//! One of the reasons that `gaps` lists.

use super::gaps::were;
use super::{CaptureFacts, SourceFacts, SystemClock};
use crate::pure::number::duration;
use crate::pure::sighting::OffStamps;

/// The clock here.
pub(super) fn unsure(facts: &CaptureFacts) -> Option<String> {
    let what = match facts.clock {
        SystemClock::Synchronised | SystemClock::Unknown => return None,
        SystemClock::Unsynchronised => {
            "the system clock is not synchronised, so times cannot be compared with reports: start NTP"
        }
        SystemClock::SetBack => {
            "the system clock was set back meanwhile, so nobody knows when packets came: find out what set it, \
             and run again"
        }
    };
    Some(what.to_string())
}

/// Packets that were stamped by a clock that is wrong.
pub(super) fn off_stamps(source: &SourceFacts) -> Option<String> {
    let OffStamps { packets, behind_s } = source.observation.coverage.off_stamps?;
    let side = if behind_s < 0 { "ahead of" } else { "behind" };
    Some(format!(
        "{} stamped up to {} {side} the time at which {} came, and count by that time: set the clock of the \
         machine that captures (NTP), and let it show packets as they come",
        were(packets),
        duration(behind_s.unsigned_abs()),
        if packets == 1 { "it" } else { "they" },
    ))
}
