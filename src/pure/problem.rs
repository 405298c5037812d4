//! What is wrong in a file that a person wrote, where, and what cures it?
//!
//! All faults of all files are collected as [`Problem`]s and shown at once. Nothing else in
//! allclear prints a fault of a person's file.

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
    /// The whole source line, without its line break.
    pub source: String,
}
