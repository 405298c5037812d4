//! Which files does a pattern name? `*` and `?` in any part of a path; a directory stands for the files in it.

use super::files::cure_of_reading;
use crate::pure::recording::is_called_capture;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// So many entries of directories below are looked at for a capture.
const BELOW_MAX: usize = 10_000;

/// More files than this are refused: a year of files of five minutes each.
const FILES_MAX: usize = 105_120;

/// Whether a text is a pattern, and not just a path.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// The files that `pattern` names, sorted by name; hidden ones only when the pattern begins with a
/// dot. Without `*` and `?` it is one file, whether it is there or not; a directory stands for the files in
/// it, not for those in directories below.
///
/// # Errors
/// When a directory cannot be read or has too many files.
pub fn expand(pattern: &str) -> Result<Vec<PathBuf>, String> {
    Ok(list(pattern)?.files)
}

/// What a pattern names, each sorted by name.
#[derive(Debug, Default)]
pub struct Listing {
    pub files: Vec<PathBuf>,
    /// What fits too and is not looked into.
    pub directories: Vec<PathBuf>,
}

/// As [`expand`], with the directories that are passed over.
///
/// # Errors
/// As [`expand`].
pub fn list(pattern: &str) -> Result<Listing, String> {
    if pattern.is_empty() || pattern.ends_with("..") {
        return Err(format!("'{pattern}' names no files: write it as /var/capture/lan-*.pcap"));
    }
    let path = Path::new(pattern);
    if !is_pattern(pattern) && !path.is_dir() {
        return Ok(Listing { files: vec![path.to_owned()], directories: Vec::new() });
    }
    let mut found = vec![PathBuf::new()];
    for part in path.components() {
        match part.as_os_str().to_str().filter(|part| is_pattern(part)) {
            Some(part) => found = all_in(&found, part, pattern)?,
            None => found.iter_mut().for_each(|path| path.push(part)),
        }
    }
    if !is_pattern(pattern) {
        found = all_in(&found, "*", pattern)?;
    }
    found.retain(|path| path.symlink_metadata().is_ok());
    found.sort();
    let (directories, files) = found.into_iter().partition(|path| path.is_dir());
    Ok(Listing { files, directories })
}

/// What fits `part` in any of the directories.
fn all_in(directories: &[PathBuf], part: &str, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for directory in directories {
        let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        // A file among the directories that an earlier part named holds nothing.
        if directories.len() > 1 && !listed.is_dir() {
            continue;
        }
        let unreadable = |error: io::Error| {
            let cure = cure_of_reading(error.kind());
            format!("directory {} of '{pattern}' could not be read: {error}: {cure}", listed.display())
        };
        for entry in fs::read_dir(listed).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            let shown = name.to_string_lossy();
            if (!shown.starts_with('.') || part.starts_with('.')) && is_match(part, &shown) {
                found.push(directory.join(&name));
            }
            if found.len() > FILES_MAX {
                return Err(format!(
                    "'{pattern}' names more than {FILES_MAX} files: write a narrower pattern"
                ));
            }
        }
    }
    Ok(found)
}

/// Whether `text` fits `pattern`: on a mismatch, the last `*` takes one character more.
fn is_match(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == text[read] => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((star_at, star_read)) = star else { return false };
                star = Some((star_at, star_read + 1));
                (at, read) = (star_at + 1, star_read + 1);
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

/// Whether a file in the directory, or in one below, is called a capture; in doubt it is. Where the directory
/// itself is called one, every file in it may be.
pub(super) fn has_capture(directory: &Path) -> bool {
    let is_any_one = is_called_capture(directory);
    let mut open = vec![directory.to_owned()];
    let mut seen = 0;
    // Each turn takes a directory, and there are no more of them than entries.
    while let Some(next) = open.pop() {
        let Ok(entries) = fs::read_dir(&next) else { return true };
        for path in entries.flatten().map(|entry| entry.path()) {
            seen += 1;
            if (is_any_one || is_called_capture(&path)) && !path.is_dir() || seen > BELOW_MAX {
                return true;
            }
            if is_directory(&path) {
                open.push(path);
            }
        }
    }
    false
}

/// A link to a directory is none: it may lead back.
fn is_directory(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_in_a_shell() {
        let rows = [
            ("lan-*.pcap*", "lan-1.pcap", true),
            ("lan-*.pcap*", "lan-1.pcap.gz", true),
            ("lan-*.pcap*", "wan-1.pcap", false),
            ("*a*b", "xaxxab", true),
            ("*a*b", "xaxxabc", false),
            ("?.pcap", "1.pcap", true),
            ("?.pcap", "12.pcap", false),
            ("*", "", true),
            ("a*", "", false),
        ];
        for (pattern, text, wanted) in rows {
            assert_eq!(is_match(pattern, text), wanted, "{pattern} on {text}");
        }
    }

    #[test]
    fn files_are_found_sorted_and_without_hidden_ones() {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["b.pcap", "a.pcap", ".c.pcap", "d.txt"] {
            fs::write(directory.path().join(name), "").expect("writable");
        }
        fs::create_dir(directory.path().join("e.pcap")).expect("writable");
        let pattern = directory.path().join("*.pcap");
        let found = expand(&pattern.to_string_lossy()).expect("readable");
        assert_eq!(found, [directory.path().join("a.pcap"), directory.path().join("b.pcap")]);
        assert!(expand("/no/such/*.pcap").is_err() && expand("").is_err());
    }

    #[test]
    fn a_pattern_may_name_directories_too() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |path: &str| directory.path().join(path);
        for (folder, file) in [("2015-04-29", "a.pcap"), ("2015-04-30", "b.pcap"), ("other", "c.pcap")] {
            fs::create_dir(at(folder)).expect("writable");
            fs::write(at(folder).join(file), "").expect("writable");
        }
        fs::write(at("2015-04-31"), "").expect("writable");
        let rows: [(&str, &[&str]); 6] = [
            ("2015-*/*.pcap", &["2015-04-29/a.pcap", "2015-04-30/b.pcap"]),
            ("*/c.*", &["other/c.pcap"]),
            ("*", &["2015-04-31"]),
            ("other", &["other/c.pcap"]),
            ("other/", &["other/c.pcap"]),
            ("not/there.pcap", &["not/there.pcap"]),
        ];
        for (pattern, wanted) in rows {
            let found = expand(&at(pattern).to_string_lossy()).expect(pattern);
            let wanted: Vec<PathBuf> = wanted.iter().map(|path| at(path)).collect();
            assert_eq!(found, wanted, "{pattern}");
        }
    }
}
