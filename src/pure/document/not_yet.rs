//! Which keys are read and checked, and have no effect so far? This list, and no other.
//!
//! A criterion that is not acted on yet counts as unmet or unknown, never as met; its line says so.

/// A key, or a value of a key, without effect so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotYet {
    Listen,
    EvidenceKeep,
}

impl NotYet {
    /// What it is called, and what happens until it is acted on.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            NotYet::Listen => ("`listen`", "there is no dashboard until then"),
            NotYet::EvidenceKeep => ("`evidence.keep`", "evidence is kept for ever until then"),
        }
    }
}
