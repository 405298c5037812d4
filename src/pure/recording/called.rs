//! Does a name promise packets? Then something is amiss where none can be read.
//!
//! Only names are looked at here: what a file is, its first bytes say (`kind`).

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Endings of captures by the programs that write them; a ring numbers its files behind them (`lan.pcap12`).
const ENDINGS: [&str; 8] = ["pcap", "pcapng", "ntar", "cap", "erf", "snoop", "tr1", "bfr"];

/// What packers and careful people put behind a name; numbers too. Archives, traces and dumps of other things
/// end so as well, so that these endings promise nothing by themselves.
const FURTHER_ENDINGS: [&str; 24] = [
    "gz", "zst", "bz2", "xz", "lz4", "lzma", "lz", "z", "7z", "br", "old", "bak", "part", "zip", "rar",
    "tar", "tgz", "tbz2", "txz", "etl", "dmp", "enc", "trc", "pkt",
];

/// Whether a file's name promises packets: `lan.pcap`, `LAN.CAP`, `lan.pcap12`, `lan.erf`, `lan.pcap.bz2`.
pub fn is_called_capture(path: &Path) -> bool {
    let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default().to_ascii_lowercase();
    let Some((_, endings)) = name.split_once('.') else { return false };
    let bare = |ending: &str| ending.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    let is_further = |ending: &&str| FURTHER_ENDINGS.contains(ending) || bare(ending).is_empty();
    let ending = endings.rsplit('.').find(|ending| !is_further(ending));
    ending.is_some_and(|ending| ENDINGS.contains(&ending) || ENDINGS.contains(&bare(ending).as_str()))
}

/// The endings that names of files get when they are packed in a way that is read.
pub const PACKED_ENDINGS: [&str; 2] = ["gz", "zst"];

/// What a packed file was, by its name: while it is being packed, both are there.
pub fn unpacked(path: &Path) -> Option<PathBuf> {
    let ending = path.extension()?.to_str()?;
    PACKED_ENDINGS.contains(&ending).then(|| path.with_extension(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_captures_promise_packets() {
        let rows = [
            ("lan.pcap", true),
            ("LAN.CAP", true),
            ("lan.pcapng", true),
            ("lan.pcap12", true),
            ("lan.cap.1", true),
            ("lan.pcap.gz", true),
            ("lan.pcap.bz2", true),
            ("lan.pcap.Z", true),
            ("lan.erf", true),
            ("lan.snoop", true),
            ("lan.pcap.zip", true),
            ("lan.pcap.tar.gz", true),
            ("lan.pcap.tgz", true),
            ("lan.pcap.enc", true),
            ("night.zip", false),
            ("night.tar.gz", false),
            ("night.tgz", false),
            ("trace.etl", false),
            ("core.dmp", false),
            ("secret.enc", false),
            ("topology.pkt", false),
            ("db.trc", false),
            ("lan.2015-04-29.pcap.old", true),
            ("lan.tr1", true),
            ("tool.pcap.txt", false),
            ("pcap", false),
            ("readme.txt", false),
            ("capabilities.txt", false),
            ("messages.1.gz", false),
            ("lan.captions", false),
            ("", false),
        ];
        for (name, wanted) in rows {
            assert_eq!(is_called_capture(Path::new(name)), wanted, "{name}");
        }
    }
}
