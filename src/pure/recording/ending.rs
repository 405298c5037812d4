//! Was a text table cut where it ends? A row of which a part is missing looks like another row: port 25 cut
//! to port 2 is read well.
//!
//! So the last row must end as the rows before it do, or with flags, which are whole words: text that was
//! copied from a page often lacks the end of its last line. In doubt it was cut: whoever knows that it is
//! whole can end its line.

use super::fields::What;
use super::rows::{CELLS_MIN, Row, SEPARATORS};

/// Whether the text ends in the middle of a row; `ends_in_row` when nothing but blanks stands behind the last
/// of `rows`, and `is_table` when there are rows or a heading.
pub(super) fn is_cut(text: &str, rows: &[Row], is_table: bool, ends_in_row: bool) -> bool {
    let is_unended = !text.ends_with(['\n', '\r']);
    match rows {
        [before @ .., last] if ends_in_row => {
            let is_alone = !text.contains('\n') && is_understood(last);
            is_unended && !is_alone && !has_flags(last) || is_short(text, before, last)
        }
        _ => is_unended && is_table && is_time(text.lines().last().unwrap_or_default().trim()),
    }
}

fn is_understood(row: &Row) -> bool {
    matches!(row.told, Ok((_, None)))
}

/// Whether flags of TCP stand behind everything else, none of them cut.
fn has_flags(row: &Row) -> bool {
    matches!(&row.told, Ok((What::Packet(told), None)) if told.tcp_flags != 0)
}

/// The beginning of a row.
fn is_time(line: &str) -> bool {
    let is_of_time = |c: char| c.is_ascii_digit() || matches!(c, ':' | '.' | '-');
    line.starts_with(|c: char| c.is_ascii_digit()) && line.chars().all(is_of_time)
}

/// Whether it has fewer columns than any row before it. Between blanks, where protocols without ports have fewer
/// by nature, only a row that is not understood is short.
fn is_short(text: &str, before: &[Row], last: &Row) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    let line = |row: &Row| lines.get(row.line - 1).copied().unwrap_or_default();
    let Some(first) = before.first() else { return false };
    let separator = SEPARATORS.into_iter().find(|it| line(first).split(*it).count() >= CELLS_MIN);
    let columns = |row: &Row| match separator {
        Some(separator) => line(row).split(separator).count(),
        None => line(row).split_whitespace().count(),
    };
    let is_judged = separator.is_some() || !is_understood(last);
    is_judged && before.iter().map(columns).min().is_some_and(|least| columns(last) < least)
}

#[cfg(test)]
mod tests {
    use super::super::rows::Rows;

    #[test]
    fn a_text_that_ends_in_the_middle_of_a_row_is_cut() {
        let row = "08:02:03.871137\tTCP\t10.0.0.1\t1025\t192.0.2.9\t80\tACK";
        // What stands in the last line, whether it is cut without an end of the line, and with one.
        let cases = [
            ("whole", row, false, false),
            ("whole, and without flags", "08:02:03\tUDP\t10.0.0.1\t1025\t192.0.2.9\t53\t", true, false),
            ("in its flags", "08:02:03\tTCP\t10.0.0.1\t1025\t192.0.2.9\t80\tSY", true, false),
            ("behind its port", "08:02:03\tTCP\t10.0.0.1\t1025\t192.0.2.9\t80\t", true, false),
            ("in its port", "08:02:03\tTCP\t10.0.0.1\t1025\t192.0.2.9\t8", true, true),
            ("before its port", "08:02:03\tTCP\t10.0.0.1\t1025\t192.0.2.9", true, true),
            ("in an empty port", "08:02:03\tTCP\t10.0.0.1\t1025\t192.0.2.9\t", true, true),
            ("in an address", "08:02:03\tTCP\t10.0.0.1\t1025\t192.0", true, true),
            ("behind its source", "08:02:03 TCP 10.0.0.1", true, true),
            ("behind its time", "08:02:03", true, true),
            ("in its time", "08:0", true, false),
            ("a footer", "Main View Logout", false, false),
            ("a cell a line", "08:02:03\nTCP\n10.0.0.1\n1025\n192.0.2.9\n80", true, true),
        ];
        for (name, end, is_cut, is_cut_with_end) in cases {
            assert_eq!(Rows::read(&format!("{row}\n{end}")).is_cut, is_cut, "{name}");
            assert_eq!(Rows::read(&format!("{row}\n{end}\n")).is_cut, is_cut_with_end, "{name} with its end");
            let blank = format!("{row}\r\n{end}\r\n\r\n");
            assert_eq!(Rows::read(&blank).is_cut, is_cut_with_end, "{name} with blank lines");
        }
    }

    #[test]
    fn rows_between_blanks_may_have_fewer_words() {
        let row = "08:02:03.871137 TCP 10.0.0.1 1025 192.0.2.9 80 SYN\n";
        let cases = [
            ("alone, without an end", "08:02:03 TCP 10.0.0.1 1025 192.0.2.9 80 SYN".to_owned(), false),
            ("alone, and not understood", "08:02:03 TCP 10.0.0.1 1025 192.0.2.9".to_owned(), true),
            ("without ports", format!("{row}08:02:04 ICMP 10.0.0.1 192.0.2.9 echo\n"), false),
            ("without flags", format!("{row}08:02:04 UDP 10.0.0.1 1025 192.0.2.9 53\n"), false),
            ("without a destination", format!("{row}08:02:04 TCP 10.0.0.1 1025\n"), true),
            (
                "and a footer",
                format!("{row}08:02:04 TCP 10.0.0.1 1025 192.0.2.9 80\nMain View Logout\n"),
                false,
            ),
        ];
        for (name, text, is_cut) in cases {
            assert_eq!(Rows::read(&text).is_cut, is_cut, "{name}");
        }
    }
}
