//! What is said of a run? Its verdict with what led to it, and what came of its occurrence.

use super::ReasonCode;
use serde::{Deserialize, Serialize};

/// The verdict of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Fail,
    Inconclusive,
}

/// One reason for a verdict, in a sentence that says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub code: ReasonCode,
    pub text: String,
}

/// A verdict with everything that led to it: a fail and an inconclusive run have at least one
/// reason, a pass has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    pub verdict: Verdict,
    pub reasons: Vec<Reason>,
}

/// What came of a planned occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Ran,
    Late,
    Missed,
    Skipped,
    Interrupted,
    Suppressed,
}

impl Outcome {
    /// Whether something was watched, in part at least: else nobody knows whether anything called.
    pub fn has_run(self) -> bool {
        match self {
            Outcome::Ran | Outcome::Late | Outcome::Interrupted => true,
            Outcome::Missed | Outcome::Skipped | Outcome::Suppressed => false,
        }
    }
}
