//! Can the times of a capture be believed? The sentences of the reason `clock_unsure`.
//!
//! One of the reasons that `gaps` lists.

use super::gaps::spelled;
use super::{CaptureFacts, SourceFacts};
use crate::pure::sighting::OffStamps;

/// The clock here.
pub(super) fn unsynchronised(facts: &CaptureFacts) -> Option<String> {
    (facts.is_clock_synchronised == Some(false)).then(|| {
        "the system clock is not synchronised, so times cannot be compared with reports: start NTP"
            .to_string()
    })
}

/// Packets that were stamped by a clock that is wrong.
pub(super) fn off_stamps(source: &SourceFacts) -> Option<String> {
    let OffStamps { packets, behind_s } = source.observation.coverage.off_stamps?;
    let side = if behind_s < 0 { "ahead of" } else { "behind" };
    Some(format!(
        "{} stamped up to {} {side} the time at which {} came, and count by that time: set the clock of the \
         machine that captures (NTP), and let it show packets as they come",
        if packets == 1 { "1 packet was".to_string() } else { format!("{packets} packets were") },
        spelled(behind_s.unsigned_abs() as f64),
        if packets == 1 { "it" } else { "they" },
    ))
}
