//! How is plain text laid out in lines? What stands in a text mail and in a text report, and the breaking of lines.
//!
//! Left of it are `words` and `direction`; right of it the templates, which hand in what they rendered. It must never
//! break the first lines of a mail, nor lose a word.

use crate::pure::direction::closed_in_lines;
use crate::pure::words::capitalised;

/// The columns of a text mail or report.
const TEXT_COLUMNS: usize = 72;

/// The first lines of a mail, which are never broken.
pub const HEAD_LINES: usize = 2;

/// The text of a mail: as [`tidy`], but for the first two lines. They say what is wrong and what to do by when, are all
/// that many programs show, and stay lines of their own however long the names in them are.
pub fn mail(text: &str) -> String {
    let mut rest = text.trim_start();
    let mut head = String::new();
    for _ in 0..HEAD_LINES {
        let (line, more) = rest.split_once('\n').unwrap_or((rest, ""));
        let begins_with_address = line.split(' ').next().is_some_and(|word| word.contains('@'));
        let line = line.trim_end();
        head.push_str(&if begins_with_address { line.to_owned() } else { capitalised(line) });
        head.push('\n');
        rest = more;
    }
    let is_parted = rest.starts_with('\n');
    closed_in_lines(&(head + if is_parted { "\n" } else { "" } + &tidy(rest)))
}

/// The text of a report: as [`tidy`], and no line is longer, whatever stands in it.
pub fn report(text: &str) -> String {
    closed_in_lines(&broken_up(&tidy(text)))
}

/// At most 72 columns as far as words allow, no more than one empty line in a row, none at the ends.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    for line in wrap(text, TEXT_COLUMNS).lines() {
        if !line.is_empty() || !(tidy.is_empty() || tidy.ends_with("\n\n")) {
            tidy.push_str(line);
            tidy.push('\n');
        }
    }
    tidy.truncate(tidy.trim_end().len());
    tidy.push('\n');
    tidy
}

/// The same lines, those that are still too long cut, as a name of hundreds of signs is.
fn broken_up(text: &str) -> String {
    let mut broken = String::with_capacity(text.len());
    for line in text.lines() {
        let signs: Vec<char> = line.chars().collect();
        for (at, piece) in signs.chunks(TEXT_COLUMNS).enumerate() {
            broken.extend((at > 0).then_some('\n').into_iter().chain(piece.iter().copied()));
        }
        broken.push('\n');
    }
    broken
}

/// Breaks lines of plain text at blanks so that each has at most `columns` signs, as far as words
/// allow; what is broken off is indented like its line, and two more behind a list mark.
pub fn wrap(text: &str, columns: usize) -> String {
    let mut wrapped = String::with_capacity(text.len() + text.len() / 8);
    for line in text.lines() {
        wrap_line(line.trim_end(), columns, &mut wrapped);
    }
    wrapped
}

fn wrap_line(line: &str, columns: usize, wrapped: &mut String) {
    let body = line.trim_start();
    let list_mark = ["- ", "[x] ", "[ ] ", "* "].iter().find(|mark| body.starts_with(**mark));
    let indent = line.len() - body.len() + list_mark.map_or(0, |mark| mark.len());
    let mut width = 0;
    for (at, word) in words(line).enumerate() {
        let length = word.chars().count();
        if at > 0 && width > indent && width + 1 + length > columns {
            wrapped.push('\n');
            wrapped.extend(std::iter::repeat_n(' ', indent));
            width = indent;
        } else if at > 0 {
            wrapped.push(' ');
            width += 1;
        }
        wrapped.push_str(word);
        width += length;
    }
    wrapped.push('\n');
}

/// What stands between the blanks of a line; a number and the `%` behind it stay together.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut begin = 0;
    let blanks = line.match_indices(' ').map(|(at, _)| at).filter(|at| !line[at + 1..].starts_with('%'));
    blanks.chain([line.len()]).map(move |end| &line[std::mem::replace(&mut begin, end + 1)..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_at_blanks_and_hang_under_their_text() {
        assert_eq!(wrap("aaa bbb ccc", 7), "aaa bbb\nccc\n");
        assert_eq!(wrap("  - aaa bbb ccc", 11), "  - aaa bbb\n    ccc\n");
        assert_eq!(wrap("abcdefghij", 4), "abcdefghij\n", "a word is never broken");
        assert_eq!(wrap("a\n\nb  ", 4), "a\n\nb\n");
        assert_eq!(wrap("aaaa 9 % b", 6), "aaaa\n9 % b\n", "a number has its unit beside it");
    }

    #[test]
    fn the_first_two_lines_of_a_mail_are_whole_and_the_rest_fits() {
        let long = "word ".repeat(20);
        let broken = format!("{}word\n{}word\n", "word ".repeat(13), "word ".repeat(5));
        for (row, text, expected) in [
            ("as sentences begin", "one\ntwo\nthree", "One\nTwo\nthree\n".to_owned()),
            ("but an address", "a@b.example is\n\nrest\n", "a@b.example is\n\nrest\n".to_owned()),
            ("empty lines", "\n\none\ntwo\n\n\n\nthree\n\n", "One\nTwo\n\nthree\n".to_owned()),
            (
                "long ones",
                &format!("{long}\n{long}\n{long}"),
                format!("W{}\nW{}\n{broken}", &long.trim()[1..], &long.trim()[1..]),
            ),
            ("right to left, broken", &format!("a\nb\n\u{2068}{long}\u{2069}"), {
                let (first, last) = ("word ".repeat(13), "word ".repeat(5));
                format!("A\nB\n\u{2068}{first}word\u{2069}\n\u{2068}{last}word \u{2069}\n")
            }),
        ] {
            assert_eq!(mail(text), expected, "{row}");
        }
    }

    #[test]
    fn no_line_of_a_report_is_longer_than_its_columns() {
        let name = "x".repeat(TEXT_COLUMNS + 1);
        assert_eq!(report("one\n\n\ntwo\n"), "one\n\ntwo\n");
        assert_eq!(report(&name[1..]), format!("{}\n", &name[1..]));
        assert_eq!(report(&name), format!("{}\nx\n", &name[1..]));
        assert_eq!(mail(&format!("a\nb\n{name}")), format!("A\nB\n{name}\n"), "in a mail, words stay whole");
    }
}
