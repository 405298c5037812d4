//! Where do the packets go that prove something?
//!
//! `run` hands over hit packets; at the end there is one pcapng file with its hash, or none. It must
//! never show a half-written file under its final name, and never fill the disk.

use super::escape::escaped;
use super::pcapng::{self, Statistics};
use crate::pure::hexadecimal;
use crate::pure::packet::Frame;
use crate::pure::verdict::EvidenceFile;
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The most bytes kept of one source in one run.
pub const EVIDENCE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The most packets kept of one source in one run: more than anybody will read.
pub const EVIDENCE_PACKETS_MAX: u64 = 100_000;

/// Packets that are no hits (`keep: all`) may fill so much of the room; the rest is for hits.
const OTHERS_SHARE: u64 = 2;

/// How many link layers of one source are told apart.
const LINK_TYPES_MAX: usize = 64;

/// The evidence of one source, while it is being written. No file is made before the first packet.
pub struct Evidence {
    state_dir: PathBuf,
    /// Relative to the state directory.
    path: String,
    source: String,
    link_types: Vec<u16>,
    open: Option<Open>,
    kept_packets: u64,
    kept_bytes: u64,
    not_kept_packets: u64,
    fault: Option<String>,
}

struct Open {
    part: PathBuf,
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
    last_ns: i64,
}

/// Whether a packet proves something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    Hit,
    /// Kept only because the playbook keeps all.
    Other,
}

impl Evidence {
    /// Evidence of `source`, to lie at `path` below the state directory.
    pub fn new(state_dir: &Path, path: String, source: &str) -> Evidence {
        Evidence {
            state_dir: state_dir.to_owned(),
            path,
            source: source.to_owned(),
            link_types: Vec::new(),
            open: None,
            kept_packets: 0,
            kept_bytes: 0,
            not_kept_packets: 0,
            fault: None,
        }
    }

    /// Keeps a packet, with a comment unless it is empty; control characters in it are escaped.
    /// Past the limits, or after the disk failed, it is only counted.
    pub fn keep(&mut self, frame: &Frame<'_>, worth: Worth, comment: &str) {
        let part = if worth == Worth::Hit { 1 } else { OTHERS_SHARE };
        let bytes = frame.bytes.len() as u64;
        let has_room = self.kept_packets < EVIDENCE_PACKETS_MAX / part
            && self.kept_bytes + bytes <= EVIDENCE_BYTES_MAX / part
            && self.fault.is_none();
        if has_room && let Err(error) = self.write(frame, comment) {
            self.fault =
                Some(format!("evidence {} cannot be written: {error}: free or mend the disk", self.path));
        }
        if has_room && self.fault.is_none() {
            self.kept_packets += 1;
            self.kept_bytes += bytes;
        } else {
            self.not_kept_packets += 1;
        }
    }

    /// How many packets were handed over and not kept.
    pub fn not_kept_packets(&self) -> u64 {
        self.not_kept_packets
    }

    /// Ends the file and gives it its name; `None` when there was nothing to keep.
    ///
    /// # Errors
    /// When any of it could not be written: then there is no file.
    pub fn finish(
        mut self,
        heard_packets: u64,
        lost_packets: Option<u64>,
    ) -> Result<Option<EvidenceFile>, String> {
        let Some(open) = self.open.take() else { return self.fault.map_or(Ok(None), Err) };
        let part = open.part.clone();
        let finished = match self.fault.take() {
            Some(fault) => Err(fault),
            None => self.end(open, heard_packets, lost_packets).map_err(|error| {
                format!("evidence {} cannot be finished: {error}: free or mend the disk", self.path)
            }),
        };
        if finished.is_err() {
            // It holds nothing that can be relied on; should it stay, it is hidden and made anew.
            let _ = fs::remove_file(part);
        }
        finished.map(Some)
    }

    fn write(&mut self, frame: &Frame<'_>, comment: &str) -> io::Result<()> {
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(Open::create(&self.state_dir.join(&self.path))?),
        };
        let known = self.link_types.iter().position(|link_type| *link_type == frame.link_type);
        let interface = match known {
            Some(interface) => interface,
            None if self.link_types.len() == LINK_TYPES_MAX => {
                return Err(io::Error::other("too many link types in one source"));
            }
            None => {
                open.write(&pcapng::interface(&escaped(&self.source), frame.link_type))?;
                self.link_types.push(frame.link_type);
                self.link_types.len() - 1
            }
        };
        open.last_ns = open.last_ns.max(frame.time_ns);
        open.write(&pcapng::packet(interface as u32, frame, &escaped(comment)))
    }

    fn end(&self, mut open: Open, heard_packets: u64, lost_packets: Option<u64>) -> io::Result<EvidenceFile> {
        let comment = match self.not_kept_packets {
            0 => String::new(),
            count => format!(
                "{count} more packets were not kept: at most {EVIDENCE_PACKETS_MAX} packets and \
                 {EVIDENCE_BYTES_MAX} bytes are"
            ),
        };
        let kept_packets = self.kept_packets;
        for interface in 0..self.link_types.len() {
            // One source counts for all its link layers; it is told with the first.
            let statistics = if interface == 0 {
                Statistics { heard_packets, lost_packets, kept_packets, comment: comment.clone() }
            } else {
                Statistics { heard_packets: 0, lost_packets: None, kept_packets: 0, comment: String::new() }
            };
            open.write(&pcapng::statistics(interface as u32, open.last_ns, &statistics))?;
        }
        let (bytes, sha256) = open.publish(&self.state_dir.join(&self.path))?;
        Ok(EvidenceFile { path: self.path.clone(), sha256, bytes, packets: kept_packets })
    }
}

impl Open {
    /// Begins the hidden file beside `path`; directories are made for their owner alone.
    fn create(path: &Path) -> io::Result<Open> {
        let missing = || io::Error::other("evidence path has no directory and file name");
        let (directory, name) = (path.parent().ok_or_else(missing)?, path.file_name().ok_or_else(missing)?);
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let part = directory.join(format!(".{}.part", name.to_string_lossy()));
        // Left by a run that was killed.
        let _ = fs::remove_file(&part);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
        let mut open = Open { part, file: BufWriter::new(file), hash: Sha256::new(), bytes: 0, last_ns: 0 };
        open.write(&pcapng::section_header())?;
        Ok(open)
    }

    fn write(&mut self, block: &[u8]) -> io::Result<()> {
        self.file.write_all(block)?;
        self.hash.update(block);
        self.bytes += block.len() as u64;
        Ok(())
    }

    /// Gives the file its name once all of it is on the disk: its length and its hash.
    fn publish(self, path: &Path) -> io::Result<(u64, String)> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&self.part, path)?;
        if let Some(directory) = path.parent() {
            File::open(directory)?.sync_all()?;
        }
        let sha256 = hexadecimal::text(&self.hash.finalize());
        Ok((self.bytes, sha256))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn frame(bytes: &[u8]) -> Frame<'_> {
        Frame { time_ns: 1_430_333_534_123_456_789, bytes, wire_length: 60, link_type: 1 }
    }

    #[test]
    fn nothing_kept_leaves_no_file() {
        let state = tempfile::tempdir().expect("a directory");
        let evidence = Evidence::new(state.path(), "evidence/7/41-hits.pcapng".to_owned(), "lan");
        assert_eq!(evidence.finish(10, Some(0)), Ok(None));
        assert_eq!(fs::read_dir(state.path()).expect("readable").count(), 0);
    }

    #[test]
    fn the_file_is_private_hashed_and_alone() {
        let state = tempfile::tempdir().expect("a directory");
        let mut evidence = Evidence::new(state.path(), "evidence/7/41-hits.pcapng".to_owned(), "lan");
        evidence.keep(&frame(b"abc"), Worth::Hit, "sinkholes: evil\u{1b}[31m\n");
        let file = evidence.finish(10, None).expect("written").expect("one packet");
        let path = state.path().join(&file.path);
        let bytes = fs::read(&path).expect("readable");
        let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((file.sha256, file.bytes, file.packets), (hash, bytes.len() as u64, 1));
        let comment = b"sinkholes: evil\\u{1b}[31m\\n";
        assert!(bytes.windows(comment.len()).any(|window| window == comment), "the comment is escaped");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        let directory = path.parent().expect("it has one");
        assert_eq!((mode(&path), mode(directory)), (0o600, 0o700));
        assert_eq!(fs::read_dir(directory).expect("readable").count(), 1, "no hidden part is left");
    }

    #[test]
    fn limits_are_kept_and_said() {
        let state = tempfile::tempdir().expect("a directory");
        let mut evidence = Evidence::new(state.path(), "e/1-hits.pcapng".to_owned(), "lan");
        for _ in 0..EVIDENCE_PACKETS_MAX {
            evidence.keep(&frame(b"x"), Worth::Other, "");
        }
        assert_eq!(evidence.not_kept_packets(), EVIDENCE_PACKETS_MAX / 2, "half of the room is for hits");
        for _ in 0..=EVIDENCE_PACKETS_MAX / 2 {
            evidence.keep(&frame(b"x"), Worth::Hit, "");
        }
        assert_eq!(evidence.not_kept_packets(), EVIDENCE_PACKETS_MAX / 2 + 1);
        let file = evidence.finish(0, None).expect("written").expect("many packets");
        assert_eq!(file.packets, EVIDENCE_PACKETS_MAX);
        let bytes = fs::read(state.path().join(file.path)).expect("readable");
        let words = b"50001 more packets were not kept";
        assert!(bytes.windows(words.len()).any(|window| window == words));
    }

    #[test]
    fn a_disk_that_fails_is_told_and_leaves_no_file() {
        let state = tempfile::tempdir().expect("a directory");
        fs::write(state.path().join("evidence"), "a file in the way").expect("writable");
        let mut evidence = Evidence::new(state.path(), "evidence/1-hits.pcapng".to_owned(), "lan");
        evidence.keep(&frame(b"x"), Worth::Hit, "");
        evidence.keep(&frame(b"x"), Worth::Hit, "");
        assert_eq!(evidence.not_kept_packets(), 2);
        let fault = evidence.finish(2, None).expect_err("nothing was written");
        assert!(fault.starts_with("evidence evidence/1-hits.pcapng cannot be written: "), "{fault}");
    }
}
