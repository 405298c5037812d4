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
}

/// Longer lines are no remark.
const REMARK_BYTES_MAX: usize = 200;

/// Words for what is not shown, and of what.
const LEFT_OUT: [&str; 5] = ["truncated", "omitted", "snipped", "snip", "suppressed"];
const OF_ROWS: [&str; 6] = ["row", "rows", "packets", "lines", "entries", "records"];

/// Words of a filter, behind which an address is one that was looked for and not one that was seen.
const FILTER: [&str; 6] = ["host", "net", "src", "dst", "or", "and"];

/// What a line tells.
pub(super) fn foreign(line: &str) -> Foreign {
    if is_left_out(line) {
        return Foreign::LeftOut;
    }
    let lower = line.to_ascii_lowercase();
    let mut before = "";
    for word in lower.split(|c: char| c.is_whitespace() || "<>|;,\"'()=[]{}".contains(c)) {
        if has_address(word) && !FILTER.contains(&before) {
            return Foreign::Address;
        }
        before = if word.is_empty() { before } else { word };
    }
    Foreign::Page
}

/// `... 200 more rows ...`, `[truncated]`, `--More--`, `...`.
fn is_left_out(line: &str) -> bool {
    if line.len() > REMARK_BYTES_MAX {
        return false;
    }
    let lower = line.to_ascii_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|it| !it.is_empty()).collect();
    match words.as_slice() {
        [] => lower.contains("...") || lower.contains('…'),
        ["more"] => true,
        words => {
            let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
            has(&LEFT_OUT) || has(&["more"]) && has(&OF_ROWS)
        }
    }
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
    bare.replace("&nbsp;", " ")
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
            ("...", Foreign::LeftOut),
            ("\u{2026}", Foreign::LeftOut),
            ("", Foreign::Page),
            ("-----------", Foreign::Page),
            ("ECESSA ShieldLink 100 Version 8.3.13", Foreign::Page),
            ("Main View Logout", Foreign::Page),
            ("More help", Foreign::Page),
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
