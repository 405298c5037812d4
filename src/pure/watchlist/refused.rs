//! How much of a watchlist file could not be applied: so much that silence proves nothing?
//!
//! A stray line of a large feed must not spoil each night, and the one line that matters of a short list must
//! not be missing in silence.

use super::file::{FileRead, Format};
use crate::pure::number::count;

/// Of all lines with something on them, so many may be rejected: of a list of fewer than a hundred none.
const REJECTED_SHARE_MAX: f64 = 0.01;

/// Feeds of several kinds of indicators have many URLs and file hashes, which packets cannot be looked up by;
/// so many of the lines of a plain list may be of those kinds. Formats with a column for the kind are not
/// meant for packets alone.
const UNUSABLE_SHARE_MAX: f64 = 0.25;

impl FileRead {
    /// In a sentence, how much could not be applied, with the first such line; `None` when all was.
    pub fn unapplied(&self) -> Option<String> {
        let lines = self.rejected_lines + self.unusable;
        let first = self.rejected.first().map(|first| format!(" (line {}: {})", first.line, first.why));
        let kinds = if self.rejected_lines == 0 { " (URLs with a path, or file hashes)" } else { "" };
        (lines > 0).then(|| {
            format!("{} could not be applied{kinds}{}", count(lines, "line"), first.unwrap_or_default())
        })
    }

    /// The same where that is too much for a verdict of pass.
    pub fn too_much_unapplied(&self) -> Option<String> {
        let FileRead { taken_lines, rejected_lines, unusable, .. } = *self;
        let lines = (taken_lines + rejected_lines + unusable) as f64;
        let is_plain = matches!(self.format, Format::Plain | Format::Hosts);
        let is_too_much = rejected_lines as f64 > lines * REJECTED_SHARE_MAX
            || is_plain && unusable as f64 > lines * UNUSABLE_SHARE_MAX;
        self.unapplied().filter(|_| is_too_much)
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::read;

    #[test]
    fn a_stray_line_is_told_and_more_than_one_in_a_hundred_is_too_much() {
        let addresses = |count: u32| (0..count).map(|n| format!("192.0.{}.{}\n", n / 250, n % 250)).collect();
        let list = |count, more: &str| -> String { [addresses(count), more.to_owned()].concat() };
        let hash = "d41d8cd98f00b204e9800998ecf8427e\n";
        let url = "http://evil.example/x\n";
        let names = |count: u32| (0..count).map(|n| format!("0.0.0.0 n{n}.example\n")).collect::<String>();
        let hosts = |count, more: &str| [&names(count), more].concat();
        // What is said at all, and whether it is too much.
        let rows = [
            ("whole", list(2, ""), None, false),
            ("host bits", list(1, "203.0.113.9/24\n"), Some("1 line could"), true),
            ("octal", list(98, "203.000.113.007\n"), Some("1 line could"), true),
            ("a stray line", list(99, "nonsense\n"), Some("line 100: "), false),
            ("two of them", list(99, "nonsense\nnonsense\n"), Some("2 lines could"), true),
            ("a URL beside an address", list(1, url), Some("URLs with a path"), true),
            ("a URL among four", list(3, url), Some("1 line could"), false),
            ("hashes among many", list(3, &[hash, hash].concat()), Some("2 lines could"), true),
            (
                "a line of a hundred repeats",
                ["evil.example\n".repeat(99), "nonsense\n".into()].concat(),
                Some("1"),
                false,
            ),
            ("of fewer", ["evil.example\n".repeat(98), "nonsense\n".into()].concat(), Some("1"), true),
            ("a range of many networks", "192.0.2.1-198.51.100.254\nnonsense\n".into(), Some("1 line"), true),
            ("a range as a line", list(98, "192.0.2.1-192.0.2.9\nnonsense\n"), Some("1 line"), false),
            (
                "a range of four networks as one line",
                list(97, "192.0.2.1-192.0.2.9\nnonsense\n"),
                Some("1"),
                true,
            ),
            ("a hosts file", hosts(99, "0.0.0.0 nonsense\n"), Some("1 line"), false),
            ("a short one", hosts(98, "0.0.0.0 nonsense\n"), Some("1 line"), true),
        ];
        for (row, text, wanted, is_too_much) in rows {
            let read = read(text.as_bytes()).expect("plain");
            let told = read.unapplied();
            assert_eq!(told.is_some(), wanted.is_some(), "{row}");
            assert!(told.unwrap_or_default().contains(wanted.unwrap_or_default()), "{row}");
            assert_eq!(read.too_much_unapplied().is_some(), is_too_much, "{row}");
        }
    }
}
