//! What is wrong in a file that a person wrote, where, and what cures it?
//!
//! All faults of all files are collected as [`Problem`]s and shown at once. Nothing else in
//! allclear prints a fault of a person's file.

use std::fmt;
use std::path::PathBuf;

/// One fault, or one warning, in a file that a person wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    pub path: PathBuf,
    /// Where in the file; `None` when it concerns the file as a whole (it cannot be read).
    pub place: Option<Place>,
    /// What is wrong, lower case, without a final stop.
    pub what: String,
    /// What to do about it.
    pub cure: Option<String>,
}

/// Whether the file can be used in spite of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file is not used; exit code 64.
    Error,
    /// Worth a look; the file is used.
    Warning,
    /// "accepted, not acted on yet": read and checked, without effect so far.
    NotYet,
}

/// A place in a text file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// How many characters the caret underlines; at least 1.
    pub length: usize,
    /// The whole source line, without its line break; empty where it is better not shown.
    pub source: String,
}

/// How many characters of a source line are shown; longer ones are cut around the caret.
const SHOWN_MAX: usize = 120;

/// As people read it: `path:line:column: what`, the source line, a caret, the cure.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { severity, path, place, what, cure } = self;
        // Both may quote the file.
        let what: String = what.chars().map(printable).collect();
        let cure: Option<String> = cure.as_ref().map(|cure| cure.chars().map(printable).collect());
        write!(f, "{}:", path.display())?;
        if let Some(place) = place {
            write!(f, "{}:{}:", place.line, place.column)?;
        }
        match severity {
            Severity::Warning => write!(f, " warning: {what}")?,
            Severity::Error | Severity::NotYet => write!(f, " {what}")?,
        }
        // What is only not acted on yet takes one line: nothing has to be found and cured.
        let shown = place.as_ref().filter(|place| !place.source.is_empty());
        if let (Some(place), Severity::Error | Severity::Warning) = (shown, severity) {
            write!(f, "\n{}", underlined(place))?;
        }
        match cure {
            Some(cure) if place.is_some() => write!(f, "\n     = {cure}"),
            Some(cure) => write!(f, ": {cure}"),
            None => Ok(()),
        }
    }
}

fn underlined(place: &Place) -> String {
    let from = if place.column > SHOWN_MAX { place.column - SHOWN_MAX / 2 } else { 0 };
    let shown: String = place.source.chars().skip(from).take(SHOWN_MAX).map(printable).collect();
    let indent = place.column.saturating_sub(1 + from);
    let length = place.length.min(SHOWN_MAX.saturating_sub(indent)).max(1);
    let line = place.line;
    format!("{line:>4} | {}\n     | {}{}", shown.trim_end(), " ".repeat(indent), "^".repeat(length))
}

/// Tabs take one column, as the caret counts them; other control characters never reach a terminal.
fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// Whether any of them keeps a file from being used.
pub fn has_error(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.severity == Severity::Error)
}
