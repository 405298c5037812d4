//! Watchlist files from the disk, for the commands that take them by name.

use crate::edge::capture::files::cure_of_reading;
use crate::pure::watchlist::{FILE_BYTES_MAX, FileRead, read_file};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Why a watchlist file gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The operating system refused.
    #[error("could not read the watchlist {}: {source}: {}", path.display(), cure_of_reading(source.kind()))]
    Unreadable { path: PathBuf, source: io::Error },
    /// Its content cannot be used as a whole.
    #[error("could not use the watchlist {}: {why}", path.display())]
    Refused { path: PathBuf, why: String },
}

/// Reads a watchlist file in any format that is known.
pub fn read(path: &Path) -> Result<FileRead, ListError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|source| ListError::Unreadable { path: path.to_owned(), source })?;
    let refused = |why| ListError::Refused { path: path.to_owned(), why };
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(refused(format!("more than {FILE_BYTES_MAX} bytes: split it")));
    }
    read_file(&bytes).map_err(refused)
}

/// What a list from a file is called: the file's name without its ending.
pub fn name(path: &Path) -> String {
    path.file_stem().map_or_else(|| path.display().to_string(), |stem| stem.to_string_lossy().into_owned())
}
