//! Which files did one recorder write, one after the other? By their names, which differ in numbers alone.
//!
//! Then something is amiss where one of them is no capture, whatever the name says.

use super::called::unpacked;
use std::collections::HashSet;
use std::path::Path;

/// The recorders that are known by files that could be read.
#[derive(Debug, Default)]
pub struct Series(HashSet<String>);

impl Series {
    /// Those that wrote these captures.
    pub fn of<'a>(captures: impl IntoIterator<Item = &'a Path>) -> Series {
        let numbered = captures.into_iter().map(place).filter(|(_, numbers)| !numbers.is_empty());
        Series(numbered.map(|(series, _)| series).collect())
    }

    /// Whether one of them wrote this file too, by its name.
    pub fn has(&self, path: &Path) -> bool {
        self.0.contains(&place(path).0)
    }
}

/// Which of its files a recorder wrote, by the name: `lan-2015-04-29.pcap.gz` is 2015, 4, 29 of `lan-?-?-?.pcap`.
pub(super) fn place(path: &Path) -> (String, Vec<u64>) {
    let unpacked = unpacked(path);
    let name = unpacked.as_deref().unwrap_or(path).to_string_lossy();
    let is_digit = |c: char| c.is_ascii_digit();
    let words: Vec<&str> = name.split(is_digit).filter(|word| !word.is_empty()).collect();
    let numbers = name.split(|c| !is_digit(c)).filter(|digits| !digits.is_empty());
    // Longer numbers are all the same, so that their order tells nothing.
    let numbers: Vec<u64> = numbers.map(|digits| digits.parse().unwrap_or(u64::MAX)).collect();
    (format!("{} of {}", words.join("?"), numbers.len()), numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_recorder_differ_in_numbers() {
        let captures = ["/c/lan-2015-04-29", "/c/ring7", "/c/notes", "/c/wan1.pcap.gz"].map(Path::new);
        let series = Series::of(captures);
        let rows = [
            ("/c/lan-2015-04-30", true),
            ("/c/lan-2015-04-30.gz", true),
            ("/c/lan-2015-04", false),
            ("/c/lan-2015-04-30.lock", false),
            ("/d/lan-2015-04-30", false),
            ("/c/ring1234", true),
            ("/c/ring", false),
            ("/c/notes", false),
            ("/c/wan2.pcap", true),
        ];
        for (path, wanted) in rows {
            assert_eq!(series.has(Path::new(path)), wanted, "{path}");
        }
    }
}
