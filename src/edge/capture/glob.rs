//! Which files does a pattern name? `*` and `?` in the last part of a path.

use std::fs;
use std::path::{Path, PathBuf};

/// More files than this are refused: a year of files of five minutes each.
const FILES_MAX: usize = 105_120;

/// The files that `pattern` names, sorted by name; hidden ones only when the pattern begins with a
/// dot. A pattern without `*` and `?` is one file, whether it is there or not.
///
/// # Errors
/// When the directory cannot be read, has too many files, or is itself a pattern.
pub fn expand(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let path = Path::new(pattern);
    let (directory, name) = match path.file_name().map(|name| name.to_string_lossy().into_owned()) {
        Some(name) => (path.parent().unwrap_or(Path::new("")), name),
        None => return Err(format!("'{pattern}' names no files: write it as /var/capture/lan-*.pcap")),
    };
    if directory.to_string_lossy().contains(['*', '?']) {
        return Err(format!(
            "'{pattern}' has a pattern in a directory's name: write one source for each directory"
        ));
    }
    if !name.contains(['*', '?']) {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = |error| format!("directory of '{pattern}' could not be read: {error}");
    let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let mut found = Vec::new();
    for entry in fs::read_dir(listed).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.file_name();
        let file_name = file.to_string_lossy();
        if (!file_name.starts_with('.') || name.starts_with('.')) && is_match(&name, &file_name) {
            found.push(directory.join(&file));
        }
        if found.len() > FILES_MAX {
            return Err(format!("'{pattern}' names more than {FILES_MAX} files: write a narrower pattern"));
        }
    }
    found.retain(|path| !path.is_dir());
    found.sort();
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
        assert!(expand("/no/such/*.pcap").is_err() && expand("/var/*/x.pcap").is_err());
    }
}
