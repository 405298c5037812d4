//! What does a line tell that stands in a text table and is no row? That rows are left out, or that it may be
//! a row after all; nearly always nothing.
//!
//! `rows` asks it only within a table: the page before it has addresses too. In doubt a line counts.

use std::net::Ipv6Addr;

/// What such a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    /// Something of the page around.
    Page,
    /// An address, and so perhaps a packet.
    Address,
    /// Rows are not shown.
    LeftOut,
    /// Three dots: rows that are not shown, if rows stand on both sides.
    Dots,
}

/// Longer lines are no remark.
const REMARK_BYTES_MAX: usize = 200;

/// Words for what is not shown, and of what.
const LEFT_OUT: [&str; 5] = ["truncated", "omitted", "snipped", "snip", "suppressed"];
const OF_ROWS: [&str; 6] = ["row", "rows", "packets", "lines", "entries", "records"];

/// Words of a count of pages.
const OF_PAGES: [&str; 5] = ["page", "showing", "displaying", "results", "items"];

/// Words of a filter, behind which an address is one that was looked for and not one that was seen.
const FILTER: [&str; 6] = ["host", "net", "src", "dst", "or", "and"];

/// Words before a number of a program in four parts, which looks like an address.
const VERSION: [&str; 8] = ["version", "ver", "ver.", "v", "release", "firmware", "build", "revision"];

/// Words that a row has beside its addresses.
const OF_A_ROW: [&str; 8] = ["tcp", "udp", "icmp", "icmpv6", "ip", "arp", "port", "flags"];

/// What a line tells.
pub(super) fn foreign(line: &str) -> Foreign {
    if is_left_out(line) {
        return Foreign::LeftOut;
    }
    let lower = line.to_ascii_lowercase();
    if has_packet(&lower) {
        Foreign::Address
    } else if is_dots(line) {
        Foreign::Dots
    } else {
        Foreign::Page
    }
}

/// Whether a line has an address that may be a packet's.
fn has_packet(lower: &str) -> bool {
    let is_between = |c: char| c.is_whitespace() || "<>|;,\"'()=[]{}".contains(c);
    let words = || lower.split(is_between).filter(|word| !word.is_empty());
    let (mut before, mut versions) = ("", 0);
    for word in words() {
        if has_address(word) && !FILTER.contains(&before) {
            if !is_version(before.trim_end_matches(':'), word) {
                return true;
            }
            versions += 1;
        }
        before = word;
    }
    versions > 0 && words().any(|word| OF_A_ROW.contains(&word))
}

/// Whether a number in four parts is a program's; not where a port stands behind it.
fn is_version(before: &str, word: &str) -> bool {
    let number = word.strip_prefix('v').unwrap_or(word);
    let is_bare = number.chars().all(|c| c.is_ascii_digit() || c == '.');
    is_bare && (VERSION.contains(&before) || number.len() < word.len())
}

/// `...` and nothing else that is a word.
fn is_dots(line: &str) -> bool {
    line.len() <= REMARK_BYTES_MAX
        && !line.contains(char::is_alphanumeric)
        && (line.contains("...") || line.contains('\u{2026}'))
}

/// `... 200 more rows ...`, `[truncated]`, and a pager's `--More--` with its dashes.
fn is_left_out(line: &str) -> bool {
    if line.len() > REMARK_BYTES_MAX {
        return false;
    }
    let lower = line.to_ascii_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|it| !it.is_empty()).collect();
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
    let is_pager = || lower.split_whitespace().collect::<String>().contains("--more--");
    has(&LEFT_OUT)
        || has(&["more"]) && (has(&OF_ROWS) || is_pager())
        || has(&OF_ROWS) && has(&["filtered"])
        || (has(&OF_ROWS) || has(&OF_PAGES)) && is_part(&lower)
}

/// Whether a line counts a part of a whole, as in `1 to 20 of 1,220` or `1201-1220 of 1220`.
fn is_part(lower: &str) -> bool {
    let is_between = |c: char| c.is_whitespace() || "-\u{2013}/()[]:".contains(c);
    let words: Vec<&str> = lower.split(is_between).filter(|word| !word.is_empty()).collect();
    let at = |place: Option<usize>| words.get(place?).copied().and_then(number);
    let places = words.iter().enumerate().filter(|(_, word)| **word == "of");
    places.map(|(place, _)| place).any(|place| {
        let (Some(last), Some(whole)) = (at(place.checked_sub(1)), at(Some(place + 1))) else { return false };
        let before =
            place.checked_sub(2).map(|place| words[..=place].iter().rev().filter(|word| **word != "to"));
        let before = before.and_then(|mut words| words.next());
        let is_page = before.is_some_and(|word| *word == "page");
        let is_behind = before.and_then(|word| number(word)).is_some_and(|first| first > 1 && first <= last);
        last < whole || whole > 1 && is_page || is_behind
    })
}

/// A number, with or without marks between its thousands.
fn number(word: &str) -> Option<u64> {
    let figures: String = word.chars().filter(|c| !matches!(c, ',' | '.' | '\'')).collect();
    figures.parse().ok()
}

/// Whether an address stands in a word, perhaps with a port behind it or something else around it.
fn has_address(word: &str) -> bool {
    let is_octet = |part: &&str| !part.is_empty() && part.len() <= 3 && part.parse::<u8>().is_ok();
    let has_four = |run: &str| {
        let parts: Vec<&str> = run.split('.').collect();
        parts.windows(4).any(|four| four.iter().all(is_octet))
    };
    let is_v6 = |text: &str| text.parse::<Ipv6Addr>().is_ok_and(|address| !address.is_unspecified());
    word.split(|c: char| !c.is_ascii_digit() && c != '.').any(has_four)
        || is_v6(word.split('%').next().unwrap_or_default())
}

/// The text without the tags of a page that was saved as HTML; lines stay as they are.
pub(super) fn without_tags(text: String) -> String {
    /// Longer ones are none.
    const TAG_BYTES_MAX: usize = 400;
    if !text.contains("<td") && !text.contains("<TD") {
        return text;
    }
    let ends_in_page = ends_in_page(&text);
    let mut bare = String::with_capacity(text.len());
    let mut rest = text.as_str();
    // Each turn takes a tag, or a byte that begins none.
    while let Some((before, after)) = rest.split_once('<') {
        bare.push_str(before);
        let end = after.bytes().take(TAG_BYTES_MAX).position(|byte| matches!(byte, b'>' | b'\n'));
        let is_tag = after.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!'));
        rest = match end.filter(|end| is_tag && after.as_bytes()[*end] == b'>') {
            Some(end) => {
                bare.push(' ');
                &after[end + 1..]
            }
            None => {
                bare.push('<');
                after
            }
        };
    }
    bare.push_str(rest);
    let mut bare = bare.replace("&nbsp;", " ");
    if ends_in_page {
        bare.push('\n');
    }
    bare
}

/// Whether a page ends behind its rows, and not within the cells of one.
fn ends_in_page(text: &str) -> bool {
    let last = text.trim_end().rsplit_once('<').map_or("", |(_, tag)| tag).to_ascii_lowercase();
    last.ends_with('>') && last.starts_with('/') && !last.starts_with("/td")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_may_be_a_row_or_stands_for_rows_is_told_from_the_page() {
        let rows = [
            ("garbage here 203.0.113.7", Foreign::Address),
            ("TCP\t10.16.24.93\t5\t203.0.113.7\t80\tSYN", Foreign::Address),
            ("10.16.24.93.5 > 203.0.113.7.80: Flags [S]", Foreign::Address),
            ("to:203.0.113.7:80", Foreign::Address),
            ("UDP 2001:db8::7 53", Foreign::Address),
            ("fe80::1%eth0", Foreign::Address),
            ("... 200 more rows ...", Foreign::LeftOut),
            ("[truncated]", Foreign::LeftOut),
            ("12 packets omitted", Foreign::LeftOut),
            ("--More--", Foreign::LeftOut),
            ("-- More --", Foreign::LeftOut),
            ("--More--(12%)", Foreign::LeftOut),
            ("More", Foreign::Page),
            ("[More]", Foreign::Page),
            ("...", Foreign::Dots),
            ("[ ... ]", Foreign::Dots),
            ("\u{2026}", Foreign::Dots),
            ("Version 10.7.2.4", Foreign::Page),
            ("Firmware: v10.7.2.4 (Build 12)", Foreign::Page),
            ("v10.7.2.4", Foreign::Page),
            ("Version 10.7.2.4 203.0.113.7", Foreign::Address),
            ("Version 10.7.2.4 TCP", Foreign::Address),
            ("Version 10.7.2.4:80", Foreign::Address),
            ("Build 10.7.2.4 port 80", Foreign::Address),
            ("", Foreign::Page),
            ("-----------", Foreign::Page),
            ("ECESSA ShieldLink 100 Version 8.3.13", Foreign::Page),
            ("Main View Logout", Foreign::Page),
            ("More help", Foreign::Page),
            ("Showing 1 to 20 of 1,220 entries", Foreign::LeftOut),
            ("Showing 1 to 20 of 20 entries", Foreign::Page),
            ("Showing 1,201 to 1,220 of 1,220 entries", Foreign::LeftOut),
            ("Showing 1 to 20 of 20 entries (filtered from 1,220 total entries)", Foreign::LeftOut),
            ("1-50 of 1.220", Foreign::Page),
            ("1-50 of 1.220 packets", Foreign::LeftOut),
            ("1\u{2013}50 of 50 packets", Foreign::Page),
            ("51-100 of 100 rows", Foreign::LeftOut),
            ("Page 1 of 61", Foreign::LeftOut),
            ("Page 1 of 1", Foreign::Page),
            ("Page 2 of 2", Foreign::LeftOut),
            ("20 of 20 packets", Foreign::Page),
            ("Interface 1 of 4", Foreign::Page),
            ("Filter String: host 8.8.8.8 or host 8.8.4.4", Foreign::Page),
            ("host 8.8.8.8 or 8.8.4.4", Foreign::Page),
            ("03:04:05:06:07:08", Foreign::Page),
            ("256.1.1.1", Foreign::Page),
            ("08:02", Foreign::Page),
            ("::", Foreign::Page),
        ];
        for (line, wanted) in rows {
            assert_eq!(foreign(line), wanted, "{line}");
        }
    }

    #[test]
    fn tags_go_and_lines_stay() {
        let rows = [
            ("a < b and c > d", "a < b and c > d"),
            ("<tr><td>1</td><td class=\"x\">2&nbsp;3</td></tr>\n4", "  1  2 3  \n4"),
            ("<td>a < b <\n>", " a < b <\n>"),
            ("<td", "<td"),
            ("<td>\u{e4}<\u{e4}>", " \u{e4}<\u{e4}>"),
        ];
        for (text, wanted) in rows {
            assert_eq!(without_tags(text.to_owned()), wanted, "{text}");
        }
    }
}
