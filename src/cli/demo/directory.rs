//! Where may the demo write? In a directory of its own: a fresh one, or that of an earlier demo.
//!
//! It must never touch what a person wrote: of an earlier demo only the files that a demo writes are
//! removed.

use crate::cli::Fault;
use std::fs;
use std::io;
use std::path::Path;

/// By this file a later demo knows the directory of an earlier one.
const MARKER: &str = ".allclear-demo";

const MARKER_TEXT: &str = "\
Written by `allclear demo`. As long as this file is here, the next demo replaces what it wrote: the
directories captures, mail and state, and the files of the same names beside them.
";

/// What a demo writes, besides the marker.
const DIRECTORIES: [&str; 3] = ["captures", "mail", "state"];

/// Every file outside those directories, by its name.
const FILES: [&str; 5] =
    ["allclear.yaml", "playbooks/conficker.yaml", "complaint.txt", "script.yaml", "report.html"];

/// Makes the directory ready: what an earlier demo wrote is gone.
///
/// # Errors
///
/// The directory holds something that is no demo's (then nothing was touched), or cannot be written.
pub fn prepare(directory: &Path) -> Result<(), Fault> {
    let shown = directory.display();
    let cannot = |what: &str, error: &io::Error| {
        Fault::Failed(format!("cannot {what} {shown}: {error}: choose another place with --dir"))
    };
    if is_foreign(directory).map_err(|error| cannot("look into", &error))? {
        return Err(Fault::Usage(format!(
            "{shown} is not empty and not an earlier demo, so nothing was written: name another with --dir"
        )));
    }
    clear(directory).map_err(|error| cannot("write into", &error))
}

fn is_foreign(directory: &Path) -> io::Result<bool> {
    let mut entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let is_marked = directory.join(MARKER).symlink_metadata().is_ok_and(|about| about.is_file());
    Ok(!is_marked && entries.next().is_some())
}

fn clear(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory.join("playbooks"))?;
    fs::write(directory.join(MARKER), MARKER_TEXT)?;
    for name in DIRECTORIES {
        gone(fs::remove_dir_all(directory.join(name)))?;
    }
    for name in FILES {
        gone(fs::remove_file(directory.join(name)))?;
    }
    fs::create_dir(directory.join("captures"))
}

/// What is not there need not be removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
