//! Why a command could not do its work, and which exit code that is.

use super::{Exit, print};
use crate::engine::EngineError;
use std::fmt::Display;
use std::path::Path;

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

/// What to do where a file that somebody named cannot be written.
pub const UNWRITABLE_CURE: &str = "choose a place with space where you may write";

/// What to do where the system gives no thread, pipe or handler of signals.
pub const LIMITS_CURE: &str = "raise the limits of this user (`ulimit -n`, `ulimit -u`), or free memory";

impl Fault {
    /// A file that somebody named cannot be written.
    pub fn unwritable(path: &Path, error: &dyn Display) -> Fault {
        Fault::Failed(format!("cannot write {}: {error}: {UNWRITABLE_CURE}", path.display()))
    }

    /// The system does not let us do what any program may: `what`, as in `cannot catch signals`.
    pub fn limited(what: &str, error: &dyn Display) -> Fault {
        Fault::Failed(format!("{what}: {error}: {LIMITS_CURE}"))
    }

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
