//! Which rows of packets stand in a text? The Traffic Dump of the appliance as downloaded (columns between
//! tabs) or as copied from its page (between blanks, perhaps broken over lines, with the page around).
//!
//! `fields` says what the columns of a row mean, `table` makes packets of them. A row begins with a time;
//! what cannot be read of one is said, and no row is passed over, nor what may be one (`foreign`).

use super::ending;
use super::fields::{self, Columns, Stamp, What, stamp_at};
use super::foreign::{Foreign, foreign};
use super::heading::{Ends, heading};
use super::services;

/// Words kept of one row that is not whole yet; a row has nine columns at most.
const ROW_WORDS_MAX: usize = 16;

/// Cells that a line between separators has at least: the row without its last column.
pub(super) const CELLS_MIN: usize = 6;

/// What stands between cells, most telling first.
pub(super) const SEPARATORS: [char; 4] = ['\t', '|', ';', ','];

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) stamp: Stamp,
    /// What it tells of and what could not be read of it; or why it cannot be read at all.
    pub(super) told: Result<(What, Option<String>), String>,
}

/// Everything that stands in a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    /// How many rows stand before each heading.
    pub(super) headings: Vec<usize>,
    /// Whether the text ends in the middle of a row.
    pub(super) is_cut: bool,
    /// The first line that says of rows that they are not shown.
    pub(super) left_out: Option<usize>,
}

impl Rows {
    /// Reads a text, of which anything may be something else than a table.
    pub(super) fn read(text: &str) -> Rows {
        let mut reading = Reading::default();
        for (number, line) in text.lines().enumerate() {
            reading.line(number + 1, line);
        }
        let last_line = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).last();
        let last_line = last_line.map_or(0, |(number, _)| number + 1);
        let is_last = |row: &Row| row.line == last_line;
        let ends_in_row = reading.open.is_some() || reading.found.rows.last().is_some_and(is_last);
        reading.end_row();
        reading.judge_dots();
        reading.found.is_cut = ending::is_cut(text, &reading.found.rows, reading.is_in_table(), ends_in_row);
        reading.found
    }
}

#[derive(Default)]
struct Reading<'a> {
    found: Rows,
    /// A row without separators, which the next line may go on with.
    open: Option<Open<'a>>,
    /// The first line of dots behind a row, and how many rows stand before it.
    dots: Option<(usize, usize)>,
    /// As the last heading says.
    ends: Ends,
}

struct Open<'a> {
    line: usize,
    last_line: usize,
    stamp: Stamp,
    words: Vec<&'a str>,
}

impl<'a> Reading<'a> {
    fn line(&mut self, number: usize, line: &'a str) {
        if let Some(ends) = heading(line) {
            self.end_row();
            self.ends = ends;
            self.found.headings.push(self.found.rows.len());
        } else if let Some(cells) = cells(line) {
            self.end_row();
            self.row_of_cells(number, &cells);
        } else {
            self.words(number, line);
        }
    }

    fn row_of_cells(&mut self, line: usize, cells: &[&'a str]) {
        let stamp_words: Vec<&str> = cells[0].split_whitespace().collect();
        // What stands behind a time may change it, as an offset does: it must be understood too.
        let whole = stamp_at(&stamp_words).filter(|(_, used)| *used == stamp_words.len());
        let stamp = whole.map_or(Stamp::Unknown, |(stamp, _)| stamp);
        let told = match stamp {
            Stamp::Unknown => Err(no_time(cells[0])),
            _ => fields::meaning(&self.ordered(columns_of(cells))),
        };
        self.found.rows.push(Row { line, stamp, told });
    }

    /// A line without separators: rows, the rest of one, or something else.
    fn words(&mut self, number: usize, line: &'a str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (mut at, mut is_of_row) = (0, false);
        while let Some(word) = words.get(at) {
            let rest = words.get(at..).unwrap_or_default();
            if let Some((stamp, used)) =
                stamp_at(rest).filter(|(_, used)| at == 0 || has_protocol(rest, *used))
            {
                self.end_row();
                self.open = Some(Open { line: number, last_line: number, stamp, words: Vec::new() });
                (at, is_of_row) = (at + used, true);
            } else if let Some(open) = self.open.as_mut().filter(|open| open.goes_on(number, word)) {
                open.push(number, word);
                (at, is_of_row) = (at + 1, true);
            } else {
                self.end_row();
                at += 1;
            }
        }
        if let Some(first) = words.first().filter(|_| !is_of_row && self.is_in_table()) {
            self.no_row(number, line, first);
        }
    }

    fn end_row(&mut self) {
        let Some(Open { line, stamp, words, .. }) = self.open.take() else { return };
        let told = fields::meaning(&self.ordered(fields::columns(&words)));
        // Before the table begins, a time at the beginning of a line is part of the page.
        if told.is_ok() || self.is_in_table() {
            self.found.rows.push(Row { line, stamp, told });
        }
    }

    /// The columns in the order that the heading tells.
    fn ordered(&self, columns: Columns<'a>) -> Columns<'a> {
        match self.ends {
            Ends::SourceFirst => columns,
            Ends::DestinationFirst => Columns {
                source: columns.destination,
                source_port: columns.destination_port,
                destination: columns.source,
                destination_port: columns.source_port,
                ..columns
            },
        }
    }

    fn is_in_table(&self) -> bool {
        !self.found.rows.is_empty() || !self.found.headings.is_empty()
    }

    /// Notes what a line in the table tells that does not begin with a time.
    fn no_row(&mut self, number: usize, line: &str, first: &str) {
        match foreign(line) {
            Foreign::Page => {}
            Foreign::Address => {
                let told = Err(no_time(first));
                self.found.rows.push(Row { line: number, stamp: Stamp::Unknown, told });
            }
            Foreign::LeftOut => {
                self.found.left_out.get_or_insert(number);
            }
            Foreign::Dots if !self.found.rows.is_empty() => {
                self.dots.get_or_insert((number, self.found.rows.len()));
            }
            Foreign::Dots => {}
        }
    }

    /// Dots with rows on both sides stand for rows; others are a button of the page.
    fn judge_dots(&mut self) {
        if let Some((line, before)) = self.dots
            && self.found.rows.len() > before
        {
            let first = self.found.left_out.map_or(line, |other| other.min(line));
            self.found.left_out = Some(first);
        }
    }
}

impl<'a> Open<'a> {
    /// Whether `word` may belong to the row: while columns are missing, to the end of the line, and flags
    /// that stand on the next one.
    fn goes_on(&self, number: usize, word: &str) -> bool {
        let lacks_info =
            || self.words.last().is_none_or(|last| last.ends_with(',') || !fields::is_info(last));
        number == self.last_line
            || !fields::has_all_columns(&self.words)
            || lacks_info() && fields::is_info(word)
    }

    fn push(&mut self, number: usize, word: &'a str) {
        self.last_line = number;
        if self.words.len() < ROW_WORDS_MAX {
            self.words.push(word);
        }
    }
}

fn has_protocol(words: &[&str], at: usize) -> bool {
    words.get(at).is_some_and(|word| services::protocol(word).is_some())
}

/// The cells of a line that is a row between separators, bare of quotes.
fn cells(line: &str) -> Option<Vec<&str>> {
    SEPARATORS.iter().find_map(|separator| {
        let line = if *separator == '|' { line.trim().trim_matches('|') } else { line };
        let cells: Vec<&str> =
            line.split(*separator).map(|cell| cell.trim().trim_matches('"').trim()).collect();
        let first: Vec<&str> = cells.first()?.split_whitespace().collect();
        let is_row = stamp_at(&first).is_some_and(|(_, used)| used == first.len())
            || has_protocol(&cells, 1) && cells.get(2).is_some_and(|cell| fields::address(cell).is_ok());
        (cells.len() >= CELLS_MIN && is_row).then_some(cells)
    })
}

/// The columns of cells; what has separators in its last column is put together again.
fn columns_of<'a>(cells: &[&'a str]) -> Columns<'a> {
    let at = |place: usize| cells.get(place).copied().unwrap_or_default();
    Columns {
        protocol: at(1),
        source: at(2),
        source_port: at(3),
        destination: at(4),
        destination_port: at(5),
        info: cells.get(CELLS_MIN..).unwrap_or_default().join(","),
    }
}

fn no_time(word: &str) -> String {
    format!("'{}' is no time of day: it is written as 08:02:03.871137", fields::shown(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::recording::fields::{Ports, Told};

    /// Each row as line, time, and source, destination, flags or the reason; then the places of headings.
    fn read(text: &str) -> (Vec<String>, Vec<usize>) {
        let Rows { rows, headings, .. } = Rows::read(text);
        let row = |Row { line, stamp, told }| {
            let stamp = match stamp {
                Stamp::TimeOfDay(time) => time.to_string(),
                Stamp::Local(local) => local.to_string(),
                Stamp::Instant(instant) => instant.to_string(),
                Stamp::Unknown => "?".to_owned(),
            };
            let told = match told {
                Ok((What::Packet(Told { source, destination, ports, tcp_flags, .. }), _)) => match ports {
                    Ports::Told(from, to) => format!("{source}:{from} {destination}:{to} {tcp_flags}"),
                    ports => format!("{source} {destination} {ports:?}"),
                },
                Ok((what, _)) => format!("{what:?}"),
                Err(why) => why.split([':', '\'']).nth(1).unwrap_or(&why).to_owned(),
            };
            format!("{line} {stamp} {told}")
        };
        (rows.into_iter().map(row).collect(), headings)
    }

    const PLAIN: &str = "1 08:02:03.871137 10.0.0.1:1025 192.0.2.9:80 18";

    #[test]
    fn one_row_is_read_however_its_columns_are_parted() {
        let rows = [
            ("tabs", "08:02:03.871137\tTCP\t10.0.0.1\t1025\t192.0.2.9\t80\tSYN,ACK"),
            ("the morning", "08:02:03.871137 AM\tTCP\t10.0.0.1\t1025\t192.0.2.9\t80\tSYN,ACK"),
            ("the morning between blanks", "08:02:03.871137 AM TCP 10.0.0.1 1025 192.0.2.9 80 SYN,ACK"),
            ("blanks", "08:02:03.871137 TCP 10.0.0.1 1025 192.0.2.9 80 SYN,ACK"),
            ("many blanks", "  08:02:03.871137   TCP  10.0.0.1   1025  192.0.2.9   80   SYN,ACK  "),
            ("blanks and tabs", "08:02:03.871137 \tTCP \t10.0.0.1 \t1025 \t192.0.2.9 \t80 \tSYN,ACK"),
            (
                "hard blanks",
                "08:02:03.871137\u{a0}TCP\u{a0}10.0.0.1\u{a0}1025\u{a0}192.0.2.9\u{a0}80\u{a0}SYN,ACK",
            ),
            ("commas", "08:02:03.871137,TCP,10.0.0.1,1025,192.0.2.9,80,SYN,ACK"),
            (
                "commas and quotes",
                "\"08:02:03.871137\",\"TCP\",\"10.0.0.1\",\"1025\",\"192.0.2.9\",\"80\",\"SYN,ACK\"",
            ),
            ("semicolons", "08:02:03.871137;TCP;10.0.0.1;1025;192.0.2.9;80;SYN,ACK"),
            ("bars", "| 08:02:03.871137 | TCP | 10.0.0.1 | 1025 | 192.0.2.9 | 80 | SYN,ACK |"),
            ("carriage returns", "08:02:03.871137\tTCP\t10.0.0.1\t1025\t192.0.2.9\t80\tSYN,ACK\r\n"),
            ("broken once", "08:02:03.871137 TCP 10.0.0.1\n1025 192.0.2.9 80 SYN,ACK"),
            ("broken in the flags", "08:02:03.871137 TCP 10.0.0.1 1025 192.0.2.9 80 SYN,\nACK"),
            ("broken before the flags", "08:02:03.871137 TCP 10.0.0.1 1025 192.0.2.9 80\nSYN,ACK\nLogout"),
            ("a cell a line", "08:02:03.871137\nTCP\n10.0.0.1\n1025\n192.0.2.9\n80\nSYN,ACK\n"),
            (
                "a cell a line with tabs",
                "08:02:03.871137\t\nTCP\t\n10.0.0.1\t\n1025\t\n192.0.2.9\t\n80\t\nSYN,ACK",
            ),
        ];
        for (row, text) in rows {
            assert_eq!(read(text).0, [PLAIN], "{row}");
        }
    }

    #[test]
    fn rows_are_told_from_the_page_around_them() {
        let row = "08:02:03.871137 TCP 10.0.0.1 1025 192.0.2.9 80 SYN,ACK";
        let page = format!(
            "08:01:00 admin logged in\nInterface Port for: LAN Number of Packets to capture: 250\nFilter String: host \
             8.8.8.8 or host 8.8.4.4\nTime Stamp Protocol Source Port Destination Port Info\n{row}\n{row} {row}\n\nECESSA \
             ShieldLink 100 Version 8.3.13\nMain View Logout\n"
        );
        let found = [5, 6, 6].map(|line| PLAIN.replacen('1', &line.to_string(), 1));
        assert_eq!(read(&page), (found.to_vec(), vec![0]));
        let numbered = format!("Time Protocol Source Port Destination Port Info\n1 {row}\n2 {row}\n");
        assert_eq!(read(&numbered).0, [2, 3].map(|line| PLAIN.replacen('1', &line.to_string(), 1)));
    }

    #[test]
    fn a_row_that_cannot_be_read_is_not_passed_over() {
        let head = "Time Stamp\tProtocol\tSource\tPort\tDestination\tPort\tInfo\n";
        let rows = [
            ("a name", "08:02:03\tTCP\tlab-7\t1025\t192.0.2.9\t80\tACK", "2 08:02:03 lab-7"),
            ("a name between blanks", "08:02:03 TCP lab-7 1025 192.0.2.9 80 ACK", "2 08:02:03 lab-7"),
            ("half a row", "08:02:03 TCP 10.0.0.1", "2 08:02:03 it has no destination"),
            ("no time", "xx\tTCP\t10.0.0.1\t1025\t192.0.2.9\t80\tACK", "2 ? xx"),
            ("no time between blanks", "xx TCP 10.0.0.1 1025 192.0.2.9 80 ACK", "2 ? xx"),
            ("an offset", "08:02:03 -0500\tTCP\t10.0.0.1\t1025\t192.0.2.9\t80\tACK", "2 ? 08"),
            ("an offset between blanks", "08:02:03 -0500 TCP 10.0.0.1 1025 192.0.2.9 80", "2 08:02:03 -0500"),
            ("no afternoon", "13:02:03 PM\tTCP\t10.0.0.1\t1025\t192.0.2.9\t80\tACK", "2 ? 13"),
            ("without its time", "TCP\t10.0.0.1\t1025\t192.0.2.9\t80\tACK", "2 ? TCP"),
            ("in another order", "TCP\t08:02:03\t10.0.0.1\t1025\t192.0.2.9\t80\tACK", "2 ? TCP"),
            ("something with an address", "garbage here 192.0.2.9", "2 ? garbage"),
            ("another protocol", "08:02:03\tFOO\t10.0.0.1\t1025\t192.0.2.9\t80\tACK", "2 08:02:03 FOO"),
        ];
        for (row, text, wanted) in rows {
            assert_eq!(read(&format!("{head}{text}\n")).0, [wanted], "{row}");
        }
    }

    #[test]
    fn a_heading_with_the_destination_first_is_obeyed_until_the_next() {
        let (turned, plain) =
            ("Time Protocol Destination Port Source Port", "Time Protocol Source Port Destination Port");
        let cells = "08:02:03\tTCP\t192.0.2.9\t80\t10.0.0.1\t1025\tSYN\n";
        let rows = format!("{cells}{}", cells.replace('\t', " "));
        let found = read(&format!("{turned}\n{rows}{plain}\n{rows}")).0;
        let (there, back) = ("10.0.0.1:1025 192.0.2.9:80 2", "192.0.2.9:80 10.0.0.1:1025 2");
        let wanted = [(2, there), (3, there), (5, back), (6, back)];
        assert_eq!(found, wanted.map(|(line, ends)| format!("{line} 08:02:03 {ends}")));
    }

    #[test]
    fn rows_that_are_left_out_are_noticed_within_a_table() {
        let row = "08:02:03.871137\tTCP\t10.0.0.1\t1025\t192.0.2.9\t80\tACK\n";
        let cases = [
            ("between rows", format!("{row}... 200 more rows ...\n{row}"), Some(2)),
            ("behind them", format!("{row}{row}[truncated]\n"), Some(3)),
            ("before them", format!("[truncated]\n{row}"), None),
            ("none", format!("{row}Main View Logout\n"), None),
            ("dots between rows", format!("{row}...\n{row}"), Some(2)),
            ("dots behind them", format!("{row}{row}...\n"), None),
            ("dots before them", format!("...\n{row}{row}"), None),
            ("dots between, then words", format!("{row}...\n{row}[truncated]\n"), Some(2)),
            ("a pager", format!("{row}--More--\n{row}"), Some(2)),
            ("a link", format!("{row}{row}More\n"), None),
        ];
        for (name, text, wanted) in cases {
            assert_eq!(Rows::read(&text).left_out, wanted, "{name}");
        }
    }
}
