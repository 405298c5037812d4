//! How is a ticket handed over? One zip archive with the report, the events and the packets, that can
//! be checked without allclear.
//!
//! Left of it is `template`, which wrote the reports. The same ticket makes the same bytes. It must
//! never leave a file out without saying so.

use crate::pure::hexadecimal;
use crate::pure::verdict::EvidenceFile;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Component, Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// How much of a file is held in memory at a time, in bytes.
const BLOCK_BYTES: usize = 64 * 1024;

/// What goes into a bundle beside the evidence.
#[derive(Clone, Copy, Debug)]
pub struct Contents<'a> {
    /// The folder within the archive: `ticket-7`.
    pub folder: &'a str,
    pub report_html: &'a str,
    pub report_text: &'a str,
    /// `ticket show --json`.
    pub ticket_json: &'a str,
    /// Every event as stored, one JSON object a line.
    pub events: &'a str,
    /// The evidence on record; its files lie under the state directory.
    pub evidence: &'a [EvidenceFile],
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("the bundle {} cannot be written: {error}: choose a place with space where you may write", path.display())]
    Write { path: PathBuf, error: io::Error },
}

/// Writes the archive under a hidden name and renames it to `path`. Returns what a reader must know:
/// evidence that is missing or is not what was recorded, each in a sentence that also stands in the
/// archive's README.
///
/// # Errors
///
/// The archive cannot be written.
pub fn write(path: &Path, state: &Path, contents: &Contents) -> Result<Vec<String>, BundleError> {
    let fault = |error: io::Error| BundleError::Write { path: path.to_path_buf(), error };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let hidden = path.with_file_name(format!(".{name}.part"));
    let remarks = fill(&hidden, state, contents).map_err(fault)?;
    fs::rename(&hidden, path).map_err(fault)?;
    Ok(remarks)
}

fn fill(hidden: &Path, state: &Path, contents: &Contents) -> io::Result<Vec<String>> {
    let mut archive =
        Archive { zip: ZipWriter::new(File::create(hidden)?), folder: contents.folder, sums: String::new() };
    archive.add("report.html", &mut contents.report_html.as_bytes())?;
    archive.add("report.txt", &mut contents.report_text.as_bytes())?;
    archive.add("ticket.json", &mut contents.ticket_json.as_bytes())?;
    archive.add("events.jsonl", &mut contents.events.as_bytes())?;
    let mut remarks = Vec::new();
    for file in contents.evidence {
        remarks.extend(add_evidence(&mut archive, state, file)?);
    }
    archive.add("README.txt", &mut readme(&remarks).as_bytes())?;
    let sums = std::mem::take(&mut archive.sums);
    archive.add("SHA256SUMS", &mut sums.as_bytes())?;
    archive.zip.finish()?.sync_all()?;
    Ok(remarks)
}

/// Adds one file of packets; returns a remark when it is not there or not as recorded.
fn add_evidence(
    archive: &mut Archive<File>,
    state: &Path,
    file: &EvidenceFile,
) -> io::Result<Option<String>> {
    let relative = Path::new(&file.path);
    if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return Ok(Some(format!("{} is left out: it is no path below the state directory", file.path)));
    }
    let mut packets = match File::open(state.join(relative)) {
        Ok(packets) => packets,
        Err(error) => return Ok(Some(format!("{} is missing: {error}", file.path))),
    };
    let sha256 = archive.add(&file.path, &mut packets)?;
    let is_same = sha256 == file.sha256;
    Ok((!is_same).then(|| format!("{} was changed: the event log has SHA-256 {}", file.path, file.sha256)))
}

/// A zip archive that keeps the sums of what went in.
struct Archive<'a, W: Write + Seek> {
    zip: ZipWriter<W>,
    folder: &'a str,
    sums: String,
}

impl<W: Write + Seek> Archive<'_, W> {
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

fn readme(remarks: &[String]) -> String {
    let remarks = match remarks {
        [] => "All evidence on record is here and is as it was recorded.\n".to_string(),
        some => some.iter().map(|remark| format!("- {remark}\n")).collect(),
    };
    format!(
        "What this is: one ticket of allclear, with everything that led to its verdicts.\n\
         \n\
         report.html, report.txt  the report, for people\n\
         ticket.json              the same, for programs (schema allclear.ticket/1)\n\
         events.jsonl             every event as stored, one JSON object a line\n\
         evidence/                the packets that were seen (pcapng; read them with tshark or Wireshark)\n\
         SHA256SUMS               the sum of every file\n\
         \n\
         To check it without allclear, in this folder:\n\
         \n\
         \x20   sha256sum -c SHA256SUMS\n\
         \n\
         The sums of the packet files also stand in events.jsonl (events run_ended), where each event\n\
         carries a hash over itself and the one before it.\n\
         \n\
         Evidence\n\
         \n\
         {remarks}"
    )
}
