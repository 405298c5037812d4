//! The exit codes, which are those of monitoring plugins (design: interfaces).

use super::print;
use crate::pure::verdict::Verdict;
use crate::pure::words::is_shown;
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Pass, or done.
    Done,
    /// It could not be done.
    Failed,
    /// Verdict fail.
    Fail,
    /// Verdict inconclusive.
    Inconclusive,
    /// Wrong use of the command line, or a fault in a file that a person wrote.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Fail => 2,
            Exit::Inconclusive => 3,
            Exit::Usage => 64,
        })
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Exit {
        match verdict {
            Verdict::Pass => Exit::Done,
            Verdict::Fail => Exit::Fail,
            Verdict::Inconclusive => Exit::Inconclusive,
        }
    }
}

/// Prints what clap has to say; help and version are no faults.
pub fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if text.chars().all(|sign| sign == '\n' || is_shown(sign)) {
        // Printing fails only when standard error is gone, and then nobody can be told.
        let _ = error.print();
    } else {
        print::note(&print::harmless(&text));
    }
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}
