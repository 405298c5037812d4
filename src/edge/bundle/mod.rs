//! How is a ticket handed over? One zip archive with the report, the events and the packets, that can
//! be checked without allclear.
//!
//! Left of it are `template`, which wrote the reports, and `store`, which gave the events. The same
//! ticket makes the same bytes. It must never leave a file out without saying so, and never let a name
//! from a ticket become the name of a file.

mod guide;

pub use guide::Kept;

use crate::pure::hexadecimal;
use crate::pure::ticket::Recorded;
use crate::pure::verdict::EvidenceFile;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// How much of a file is held in memory at a time, in bytes.
const BLOCK_BYTES: usize = 64 * 1024;

/// The longest path within an archive: with the directory that it is unpacked into, Windows takes 260
/// signs.
const PATH_BYTES_MAX: usize = 120;

/// Names that are devices on Windows, whatever ending they have.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// The program that checks an unpacked bundle.
pub const VERIFY: &str = include_str!("verify.py");

/// What goes into a bundle beside the evidence.
#[derive(Clone, Copy, Debug)]
pub struct Documents<'a> {
    pub report_html: &'a str,
    pub report_text: &'a str,
    /// The same for programs.
    pub report_json: &'a str,
    /// `ticket show --json`.
    pub ticket_json: &'a str,
    /// Every event as stored, one JSON object a line.
    pub events: &'a str,
    /// The last of them.
    pub last: Option<&'a Recorded>,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("the bundle {} cannot be written: {error}: choose a place with space where you may write", path.display())]
    Write { path: PathBuf, error: io::Error },
}

/// A bundle that is being written, under a hidden name; dropped before [`Bundle::finish`], nothing of it
/// is left.
pub struct Bundle {
    path: PathBuf,
    hidden: Hidden,
    archive: Archive<File>,
    kept: Vec<Kept>,
}

impl Bundle {
    /// Begins the archive `path`, whose files lie in `folder`. Only its owner can read it: it holds traffic.
    ///
    /// # Errors
    ///
    /// It cannot be written there.
    pub fn begin(path: &Path, folder: &str) -> Result<Bundle, BundleError> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let hidden = path.with_file_name(format!(".{name}.part"));
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&hidden);
        let file = file.map_err(|error| BundleError::Write { path: path.to_path_buf(), error })?;
        let archive = Archive { zip: ZipWriter::new(file), folder: folder.to_owned(), sums: String::new() };
        let (path, hidden) = (path.to_path_buf(), Hidden(hidden));
        Ok(Bundle { path, hidden, archive, kept: Vec::new() })
    }

    /// Adds the evidence on record, each file once; `open` opens one below the state directory. What is
    /// missing, or is not what was recorded, becomes a remark.
    ///
    /// # Errors
    ///
    /// The archive cannot be written.
    pub fn add_evidence(
        &mut self,
        evidence: &[EvidenceFile],
        open: impl Fn(&str) -> io::Result<File>,
    ) -> Result<(), BundleError> {
        let mut paths = BTreeSet::new();
        for file in evidence.iter().filter(|file| paths.insert(file.path.as_str())) {
            let added = self.add_one(file, &open);
            let remark = added.map_err(|error| BundleError::Write { path: self.path.clone(), error })?;
            self.kept.push(Kept { file: file.clone(), remark });
        }
        Ok(())
    }

    /// What a reader must know: evidence that is missing or is not what was recorded, each in a sentence.
    pub fn remarks(&self) -> impl Iterator<Item = &str> {
        self.kept.iter().filter_map(|kept| kept.remark.as_deref())
    }

    /// The same by path.
    pub fn faults(&self) -> BTreeMap<String, String> {
        let faults = self.kept.iter().filter_map(|kept| Some((kept.file.path.clone(), kept.remark.clone()?)));
        faults.collect()
    }

    /// Adds all else and gives the archive its name.
    ///
    /// # Errors
    ///
    /// The archive cannot be written.
    pub fn finish(self, documents: &Documents) -> Result<(), BundleError> {
        let Bundle { path, hidden, mut archive, kept, .. } = self;
        let finished = fill(&mut archive, &kept, documents).and_then(|()| {
            archive.zip.finish()?.sync_all()?;
            fs::rename(&hidden.0, &path)
        });
        finished.map_err(|error| BundleError::Write { path, error })
    }

    /// Adds one file of evidence; returns a remark when it is not there or not as recorded.
    fn add_one(
        &mut self,
        file: &EvidenceFile,
        open: impl Fn(&str) -> io::Result<File>,
    ) -> io::Result<Option<String>> {
        let shown = file.path.escape_debug();
        if !is_portable(&file.path) {
            return Ok(Some(format!("{shown} is left out: it is no path that each system can unpack")));
        }
        let mut packets = match open(&file.path) {
            Ok(packets) => packets,
            Err(error) => return Ok(Some(format!("{shown} is missing: {error}"))),
        };
        let sha256 = self.archive.add(&file.path, &mut packets)?;
        let is_same = sha256 == file.sha256;
        Ok((!is_same).then(|| format!("{shown} was changed: the event log has SHA-256 {}", file.sha256)))
    }
}

/// A file under a hidden name, which is gone with it.
struct Hidden(PathBuf);

impl Drop for Hidden {
    fn drop(&mut self) {
        // With its final name it is not there any more; else nobody can be told.
        let _ = fs::remove_file(&self.0);
    }
}

fn fill(archive: &mut Archive<File>, kept: &[Kept], documents: &Documents) -> io::Result<()> {
    let Documents { report_html, report_text, report_json, ticket_json, events, last } = documents;
    let (readme, page) = (guide::readme(kept, *last), guide::page(kept, *last));
    for (name, text) in [
        ("report.html", *report_html),
        ("report.txt", report_text),
        ("report.json", report_json),
        ("ticket.json", ticket_json),
        ("events.jsonl", events),
        ("README.txt", &readme),
        ("VERIFY.html", &page),
        ("verify.py", VERIFY),
    ] {
        archive.add(name, &mut text.as_bytes())?;
    }
    let sums = std::mem::take(&mut archive.sums);
    archive.add("SHA256SUMS", &mut sums.as_bytes()).map(drop)
}

/// Whether every system can unpack it to a file below the folder: names of letters, digits, `-`, `_` and
/// dots, as those of evidence are, none hidden, none a device of Windows.
fn is_portable(path: &str) -> bool {
    let is_sign = |sign: char| sign.is_ascii_alphanumeric() || "-_.".contains(sign);
    let is_name = |name: &str| {
        let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
        let number = stem.strip_prefix("com").or(stem.strip_prefix("lpt"));
        let is_port = number.is_some_and(|number| number.len() == 1 && number.parse::<u8>().is_ok());
        !stem.is_empty()
            && name.chars().all(is_sign)
            && !name.ends_with('.')
            && !DEVICES.contains(&stem.as_str())
            && !is_port
    };
    path.len() <= PATH_BYTES_MAX && path.starts_with("evidence/") && path.split('/').all(is_name)
}

/// A zip archive that keeps the sums of what went in.
struct Archive<W: Write + Seek> {
    zip: ZipWriter<W>,
    folder: String,
    sums: String,
}

impl<W: Write + Seek> Archive<W> {
    /// Adds one file and returns its SHA-256, hexadecimal.
    fn add(&mut self, name: &str, source: &mut dyn Read) -> io::Result<String> {
        // The date is always the same, so that the same ticket makes the same archive.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .large_file(true);
        self.zip.start_file(format!("{}/{name}", self.folder), options)?;
        let mut hash = Sha256::new();
        let mut block = vec![0; BLOCK_BYTES];
        loop {
            let length = source.read(&mut block)?;
            if length == 0 {
                break;
            }
            hash.update(&block[..length]);
            self.zip.write_all(&block[..length])?;
        }
        let sha256 = hexadecimal::text(&hash.finalize());
        self.sums.push_str(&format!("{sha256}  {name}\n"));
        Ok(sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_each_system_can_unpack_go_in() {
        for (case, path, is_taken) in [
            ("hits", "evidence/7/41-hits.pcapng", true),
            ("a source's name", "evidence/7/41-lan_2-coverage.tsv", true),
            ("of a detect run", "evidence/detect/1-hits.pcapng", true),
            ("outside", "evidence/../../etc/passwd", false),
            ("absolute", "/etc/passwd", false),
            ("elsewhere", "allclear.db", false),
            ("a device", "evidence/7/con.pcapng", false),
            ("a port", "evidence/7/COM1", false),
            ("no port", "evidence/7/comb.pcapng", true),
            ("a stream", "evidence/7/a:b", false),
            ("a backslash", "evidence\\7\\a", false),
            ("a line break", "evidence/7/a\nb", false),
            ("turned about", "evidence/7/\u{202e}gnp", false),
            ("hidden", "evidence/7/.bashrc", false),
            ("an ending dot", "evidence/7/a.", false),
            ("nothing between", "evidence//a", false),
            ("as long as may be", &format!("evidence/{}", "a".repeat(111)), true),
            ("longer", &format!("evidence/{}", "a".repeat(112)), false),
        ] {
            assert_eq!(is_portable(path), is_taken, "{case}: {path}");
        }
    }
}
