//! Which occurrences fall due between two instants, in a zone?
//!
//! Left of it is `playbook`, right of it `plan` and `ticket`. It reads no clock, and an occurrence
//! that it has named once it names again, at the same instant, for the same question.

use std::time::Duration;

/// When a stage fires.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// Five-field cron in the site's zone, as typed and checked.
    Cron(Cron),
    /// At the multiples of this duration since 1970-01-01T00:00Z, whatever the zone.
    Every(Duration),
}

/// A checked five-field cron expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Cron {
    /// As the person typed it.
    pub text: String,
}
