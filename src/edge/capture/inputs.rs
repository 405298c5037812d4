//! Which captures are read as one, and in which order? Files, directories and patterns as a person names
//! them, each file once, by the times of their first packets.
//!
//! A file that a person names must be a capture. Of a directory or pattern, what is no capture is left out
//! and said, and what cannot be read, or is called a capture and is none, or is a directory with captures in
//! it, is said to be missing.

use super::files::{self, OpenError, Opened};
use super::glob::{self, Listing, has_capture};
use super::texts::Days;
use crate::pure::recording::{Series, is_called_capture};
use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// One capture.
pub struct Input {
    pub path: PathBuf,
    first_ns: Option<i64>,
    /// What can be read only once is open already: a pipe, standard input.
    opened: Option<Opened>,
}

/// The captures in the order in which they are read.
#[derive(Default)]
pub struct Inputs {
    pub inputs: Vec<Input>,
    /// What is to be said of files that were left out or named twice, in sentences.
    pub notes: Vec<String>,
    /// Files whose content is not known, and directories that hold captures and are not looked into, each
    /// with the reason in a sentence.
    pub unreadable: Vec<String>,
}

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("{0}")]
    Pattern(String),
    /// Directories or patterns without captures.
    #[error("{names} holds no capture: name files that `tcpdump -w` or Wireshark wrote{}", notes.iter().map(|note| format!("; {note}")).collect::<String>())]
    Nothing { names: String, notes: Vec<String> },
}

impl Input {
    /// Opens it, unless it is open.
    pub fn open(self, days: &Days) -> Result<Opened, OpenError> {
        match self.opened {
            Some(opened) => Ok(opened),
            None => files::open(&self.path, Some(days)),
        }
    }

    /// Whether it is a file, which is there as a whole, and not a pipe.
    pub fn is_file(&self) -> bool {
        self.opened.is_none()
    }

    /// Where it stands among the others: those without packets come last.
    fn place(&self) -> (bool, Option<i64>, &Path) {
        (self.first_ns.is_none(), self.first_ns, &self.path)
    }
}

impl Inputs {
    /// Looks at everything that `names` name.
    ///
    /// # Errors
    /// When a file that is named is no capture or cannot be read, and when nothing is left.
    pub fn gather(names: &[PathBuf], days: &Days) -> Result<Inputs, InputError> {
        let mut inputs = Inputs::default();
        let mut known = HashSet::new();
        let (mut passed_over, mut doubtful) = (Vec::new(), Vec::new());
        for name in names {
            let listed = listed(name).map_err(InputError::Pattern)?;
            let is_named = listed.is_none();
            let Listing { files, directories } =
                listed.unwrap_or_else(|| Listing { files: vec![name.clone()], ..Listing::default() });
            passed_over.extend(directories.into_iter().filter(|directory| !names.contains(directory)));
            for path in files {
                doubtful.extend(inputs.add(path, is_named, &mut known, days)?);
            }
        }
        inputs.tell_doubtful(doubtful);
        let (missing, others): (Vec<_>, Vec<_>) = passed_over.into_iter().partition(|it| has_capture(it));
        inputs.unreadable.extend(missing.iter().map(|directory| not_read(directory)));
        inputs.notes.extend(not_looked_into(&others));
        if inputs.inputs.is_empty() && inputs.unreadable.is_empty() {
            let names: Vec<String> = names.iter().map(|name| name.display().to_string()).collect();
            return Err(InputError::Nothing { names: names.join(", "), notes: inputs.notes });
        }
        inputs.inputs.sort_by(|a, b| a.place().cmp(&b.place()));
        Ok(inputs)
    }

    /// What is no capture, and why: it is one that is missing where others of its series are captures.
    fn tell_doubtful(&mut self, doubtful: Vec<(PathBuf, String)>) {
        let series = Series::of(self.inputs.iter().map(|input| input.path.as_path()));
        for (path, why) in doubtful {
            if series.has(&path) { &mut self.unreadable } else { &mut self.notes }.push(why);
        }
    }

    /// Adds a file, unless nobody knows yet whether it was to be a capture.
    fn add(
        &mut self,
        path: PathBuf,
        is_named: bool,
        known: &mut HashSet<Identity>,
        days: &Days,
    ) -> Result<Option<(PathBuf, String)>, OpenError> {
        if !known.insert(identity(&path)) {
            self.notes.push(format!("{} is named twice and read once", path.display()));
            return Ok(None);
        }
        if !is_named && !path.is_file() && path.exists() {
            self.notes.push(format!("{} is no file and left out", path.display()));
            return Ok(None);
        }
        let is_called_capture = is_called_capture(&path);
        match look_at(path.clone(), days) {
            Ok(input) => self.inputs.push(input),
            Err(error) if is_named => return Err(error),
            Err(error) if is_called_capture => self.unreadable.push(error.to_string()),
            Err(
                error @ (OpenError::Empty { .. } | OpenError::NoCapture { .. } | OpenError::Packed { .. }),
            ) => return Ok(Some((path, error.to_string()))),
            Err(error) => self.unreadable.push(error.to_string()),
        }
        Ok(None)
    }
}

/// The files of a directory or pattern; `None` for the name of one file.
fn listed(name: &Path) -> Result<Option<Listing>, String> {
    let text = name.to_string_lossy();
    let is_list = name.is_dir() || glob::is_pattern(&text) && !name.exists();
    if is_list { glob::list(&text).map(Some) } else { Ok(None) }
}

/// Nobody knows whether the captures in it were meant.
fn not_read(directory: &Path) -> String {
    format!(
        "the directory {} holds captures and is not looked into: name it too, or move it away",
        directory.display()
    )
}

/// One sentence on the directories below those that were named.
fn not_looked_into(directories: &[PathBuf]) -> Option<String> {
    let first = directories.first()?.display();
    Some(match directories.len() {
        1 => format!("the directory {first} is not looked into: name it too if it holds captures"),
        count => {
            format!("{count} directories are not looked into, such as {first}: name those that hold captures")
        }
    })
}

/// What makes a file the same as another.
#[derive(PartialEq, Eq, Hash)]
enum Identity {
    Inode(u64, u64),
    Path(PathBuf),
}

fn identity(path: &Path) -> Identity {
    match path.metadata() {
        Ok(metadata) if !files::is_stdin(path) => Identity::Inode(metadata.dev(), metadata.ino()),
        _ => Identity::Path(path.to_owned()),
    }
}

fn look_at(path: PathBuf, days: &Days) -> Result<Input, OpenError> {
    let mut opened = files::open(&path, Some(days))?;
    let first_ns = opened.frames.peek_time_ns();
    let is_file = !files::is_stdin(&path) && path.is_file();
    Ok(Input { path, first_ns, opened: (!is_file).then_some(opened) })
}
