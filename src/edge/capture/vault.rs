//! Is the evidence on the disk what the log says, and what else lies there?
//!
//! Asked by `evidence verify`, and at each start, when what a killed run left is set aside. It reads
//! nothing but regular files below the evidence directory, follows no link out of it, and deletes
//! nothing.

use super::published::{is_abandoned, is_hidden_part, is_untrusted, set_aside, sha256};
use crate::pure::verdict::EvidenceFile;
use rustix::fs::{Mode, OFlags, openat};
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path};

/// The directory below the state directory; the event log names files with it.
const DIRECTORY: &str = "evidence";

/// Files and directories that are looked at: a hundred tickets' nights of ten years. More is told.
const ENTRIES_MAX: usize = 1_000_000;

/// What is wrong with a file on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    Missing,
    /// Its SHA-256 is another one.
    Changed(String),
    Unreadable(String),
}

/// What lies beside the files on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stray {
    /// Somebody writes it now.
    BeingWritten,
    /// A killed run left it hidden.
    Unfinished,
    /// It was set aside: nothing vouches for it.
    Untrusted,
    /// No event names it.
    Unknown,
}

/// Checks one file on record: that it is there, and that its SHA-256 is the recorded one.
pub fn check(state: &Path, recorded: &EvidenceFile) -> Result<(), Fault> {
    let file = open(state, &recorded.path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Fault::Missing,
        _ => Fault::Unreadable(error.to_string()),
    })?;
    match sha256(file) {
        Ok(found) if found == recorded.sha256 => Ok(()),
        Ok(found) => Err(Fault::Changed(found)),
        Err(error) => Err(Fault::Unreadable(error.to_string())),
    }
}

/// Opens a regular file below the evidence directory, step by step, so that no link is followed.
///
/// # Errors
/// It is not there, cannot be read, or is no regular file below it.
pub fn open(state: &Path, path: &str) -> io::Result<File> {
    let outside = || io::Error::other("the log names a path that is not below the evidence directory");
    let mut steps = Path::new(path).components();
    let is_below = steps.next() == Some(Component::Normal(DIRECTORY.as_ref()));
    let names: Vec<_> = steps
        .map(|step| if let Component::Normal(name) = step { Some(name) } else { None })
        .collect::<Option<_>>()
        .filter(|_| is_below)
        .ok_or_else(outside)?;
    let (name, directories) = names.split_last().ok_or_else(outside)?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut directory = File::open(state.join(DIRECTORY))?;
    for step in directories {
        directory = openat(&directory, *step, flags | OFlags::DIRECTORY, Mode::empty())?.into();
    }
    let file: File = openat(&directory, *name, flags, Mode::empty())?.into();
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    Ok(file)
}

/// Copies these files of evidence from one state directory below another; returns those that are not
/// there. Whether they are what was recorded is for [`check`] to say.
///
/// # Errors
/// One could not be read or written.
pub fn copy(state: &Path, into: &Path, files: &BTreeSet<String>) -> io::Result<Vec<String>> {
    let mut lacking = Vec::new();
    for path in files {
        let mut file = match open(state, path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                lacking.push(path.clone());
                continue;
            }
            opened => opened?,
        };
        let place = into.join(path);
        if let Some(directory) = place.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&place)?;
        io::copy(&mut file, &mut copy)?;
    }
    Ok(lacking)
}

/// What lies in the evidence directory of `ticket` (in all when `None`) and is not `named` by the log, by path in
/// order.
///
/// # Errors
/// A directory cannot be read.
pub fn strays(
    state: &Path,
    ticket: Option<&str>,
    named: &BTreeSet<&str>,
) -> io::Result<Vec<(String, Stray)>> {
    let mut strays = Vec::new();
    for path in paths(state, ticket)? {
        if named.contains(path.as_str()) {
            continue;
        }
        let whole = state.join(&path);
        let stray = if is_hidden_part(&whole) {
            if is_abandoned(&whole) { Stray::Unfinished } else { Stray::BeingWritten }
        } else if is_untrusted(&whole) {
            Stray::Untrusted
        } else {
            Stray::Unknown
        };
        strays.push((path, stray));
    }
    strays.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(strays)
}

/// Everything below the evidence directory that is no directory, relative to the state directory.
fn paths(state: &Path, ticket: Option<&str>) -> io::Result<Vec<String>> {
    let mut left = vec![match ticket {
        Some(ticket) => format!("{DIRECTORY}/{ticket}"),
        None => DIRECTORY.to_owned(),
    }];
    let mut found = Vec::new();
    let mut looked_at = 0;
    while let Some(directory) = left.pop() {
        let entries = match fs::read_dir(state.join(&directory)) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            looked_at += 1;
            if looked_at > ENTRIES_MAX {
                return Err(io::Error::other(format!("there are more than {ENTRIES_MAX} files")));
            }
            let path = format!("{directory}/{}", entry.file_name().to_string_lossy());
            // A link is no directory here, wherever it leads.
            if entry.file_type()?.is_dir() { left.push(path) } else { found.push(path) }
        }
    }
    Ok(found)
}

/// Captures of one run that were set aside, the first few: `stem` is its directory and number,
/// `evidence/7/41-`.
pub fn set_aside_of(state: &Path, stem: &str) -> Vec<String> {
    const NAMED_MAX: usize = 4;
    let directory = stem.trim_start_matches(DIRECTORY).trim_start_matches('/').rsplit_once('/');
    let ticket = directory.map(|(ticket, _)| ticket);
    // What cannot be read, `sweep` has told.
    let mut files = paths(state, ticket).unwrap_or_default();
    files.retain(|path| path.starts_with(stem) && path.ends_with(".pcapng") && is_untrusted(Path::new(path)));
    files.sort();
    files.truncate(NAMED_MAX);
    files
}

/// Sets aside what killed runs left hidden, and what has its final name already but is of a run whose
/// end is not on record: `unrecorded` holds their directories and numbers, `evidence/7/41-`. Says of
/// each file where it is now.
pub fn sweep(state: &Path, unrecorded: &BTreeSet<String>) -> Vec<String> {
    let paths = match paths(state, None) {
        Ok(paths) => paths,
        Err(error) => return vec![format!("the evidence directory cannot be looked through: {error}")],
    };
    let is_unrecorded = |path: &str| {
        let stem = path
            .rsplit_once('/')
            .and_then(|(directory, name)| Some(format!("{directory}/{}-", name.split_once('-')?.0)));
        stem.is_some_and(|stem| unrecorded.contains(&stem)) && !is_untrusted(Path::new(path))
    };
    let left = paths.into_iter().filter(|path| is_unrecorded(path) || is_abandoned(&state.join(path)));
    left.map(|path| match set_aside(&state.join(&path)) {
        Ok(aside) => {
            format!("a run that was killed left a file: it is in {}, untrusted", aside.display())
        }
        Err(error) => format!("a run that was killed left {path}, which cannot be renamed: {error}"),
    })
    .collect()
}
