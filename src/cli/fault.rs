//! Why a command could not do its work, and which exit code that is.

use super::{Exit, print};
use crate::engine::EngineError;

/// Why a command ended without a result.
#[derive(Debug)]
pub enum Fault {
    /// It could not be done (exit code 1): one sentence that says what to do.
    Failed(String),
    /// Wrong use of the command line (exit code 64).
    Usage(String),
    /// Faults in files that people wrote, shown already (exit code 64).
    Shown,
}

impl Fault {
    /// Prints the sentence and gives the exit code. It may repeat what was typed, so that it is made harmless.
    pub fn show(self) -> Exit {
        let tell = |text: &str| print::note(&format!("allclear: {}", print::harmless(text)));
        match self {
            Fault::Failed(text) => {
                tell(&text);
                Exit::Failed
            }
            Fault::Usage(text) => {
                tell(&text);
                Exit::Usage
            }
            Fault::Shown => Exit::Usage,
        }
    }
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Fault {
        Fault::Failed(error.to_string())
    }
}
