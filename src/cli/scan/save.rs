//! Where does a scan save what it found? In a file that somebody named, which is replaced whole.
//!
//! It must never put the file in the place of a capture that is being read, or of anything that is no
//! file.

use super::{ScanArgs, ScanError};
use crate::cli::print::note;
use crate::edge::capture::account::Counted;
use crate::edge::capture::evidence::{Evidence, Kept, Origin, Pace};
use crate::edge::capture::published::{Draft, Taken};
use crate::edge::capture::tap::SNAP_BYTES;
use crate::pure::number::count;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The name of the source in what a scan saves.
const SOURCE: &str = "scan";

/// What is being saved.
pub struct Save {
    pub evidence: Evidence,
    path: PathBuf,
    is_told: bool,
}

impl Save {
    /// Tells once, and at once, that nothing more can be saved: somebody may wait for hours.
    pub fn tell_if_broken(&mut self) {
        if !self.is_told && self.evidence.is_broken() {
            self.is_told = true;
            let path = self.path.display();
            note(&format!(
                "warning: nothing more can be saved to {path}: free or mend the disk; the scan goes on"
            ));
        }
    }
}

/// What will be saved, if the flags ask for that. A place that takes nothing is told before the scan.
pub fn begin(args: &ScanArgs) -> Result<Option<Save>, ScanError> {
    let Some(path) = &args.save else { return Ok(None) };
    check(args, path).map_err(|what| ScanError::Usage(format!("--save {} {what}", path.display())))?;
    let interface = args.interface.clone();
    let origin = Origin {
        source: SOURCE.to_owned(),
        snap_bytes: if interface.is_some() { SNAP_BYTES.unsigned_abs() } else { 0 },
        pace: if interface.is_some() { Pace::Live } else { Pace::Recorded },
        interface: interface.unwrap_or_else(|| SOURCE.to_owned()),
        filter: args.filter.clone(),
    };
    // A draft that stays empty leaves nothing behind.
    if let Err(error) = Draft::begin(path, Taken::Replace).and_then(|mut draft| draft.write(&[0])) {
        note(&format!("warning: nothing can be saved to {}: {error}; the scan goes on", path.display()));
    }
    let (evidence, path) = (Evidence::of_scan(path, origin), path.clone());
    Ok(Some(Save { evidence, path, is_told: false }))
}

fn check(args: &ScanArgs, path: &Path) -> Result<(), String> {
    if path.file_name().is_none() {
        return Err("names no file: name one".to_owned());
    }
    // A file that is not there yet is nothing that could be lost.
    let Ok(there) = fs::metadata(path) else { return Ok(()) };
    if !there.is_file() {
        return Err("is there and no file: name another".to_owned());
    }
    let is_same = |read: &Path| {
        fs::metadata(read).is_ok_and(|read| (read.dev(), read.ino()) == (there.dev(), there.ino()))
    };
    if args.files.iter().any(|read| is_same(read)) {
        return Err("is a capture that is read: name another".to_owned());
    }
    Ok(())
}

/// Saves it and tells; what is not there, and why.
pub fn finish(save: Save, counted: &Counted) -> Vec<String> {
    let Kept { file, gaps } = save.evidence.finish(counted);
    match &file {
        Some(file) => note(&format!(
            "saved {} to {} (sha256 {})",
            count(file.packets, "packet"),
            file.path,
            file.sha256
        )),
        None if gaps.is_empty() => note("no packet to save"),
        None => {}
    }
    gaps.iter().for_each(|gap| note(&format!("warning: {gap}")));
    gaps
}
