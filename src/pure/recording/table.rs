//! Which packets does a text table show? The appliance's Traffic Dump in, a capture of bare headers out,
//! and what such a table cannot tell.
//!
//! `rows` finds the rows, `days` their times, `row_frame` makes frames of them. A table that is as long as its
//! packet limit was cut there; when in doubt it is taken to be, since silence after the limit proves nothing.

use super::days::{instants, is_newest_first};
use super::fields::{Ports, Question, Stamp, What};
use super::foreign::without_tags;
use super::limit::Stated;
use super::row_frame;
use super::rows::{Row, Rows};
use crate::pure::moment::of_nanoseconds;
use crate::pure::number::count;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// The largest text that is looked through: a million rows.
pub const TABLE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// People type round limits (the guide: 250): a table whose length is a multiple of this has reached one,
/// unless the page says that its limit is another.
const ROUND_LIMIT: u64 = 50;

/// A table is saved within this time of its last row, in seconds, when the time of its file tells its day.
const SAVED_SECONDS_MAX: i64 = 600;

/// How many rows that could not be read are told one by one.
const UNREAD_TOLD_MAX: usize = 10;

/// Between two headings the capture went on when no more time lies between their rows, in nanoseconds.
const SEAM_NS_MAX: i64 = 10_000_000_000;

/// A text table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    rows: Vec<Row>,
    /// How many rows stand before each heading but the first.
    breaks: Vec<usize>,
    /// What the page says of its packet limit.
    stated: Stated,
    /// Whether it ends in the middle of a row.
    is_cut: bool,
    /// The line that says that rows are not shown.
    left_out: Option<usize>,
}

/// What a table tells besides its packets, and what it cannot tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableFacts {
    pub rows: u64,
    /// Of those, rows of TCP or UDP that may hide a name: their bytes are not shown.
    pub nameless_rows: u64,
    /// The packet limit that it has reached; `None` when it has not.
    pub limit_reached: Option<u64>,
    /// Whether it holds several tables with time between them that nobody watched.
    pub has_gap: bool,
    /// Rows and ports that could not be read, with their lines; when there are many, the first of them.
    pub unread: Vec<String>,
}

impl Table {
    /// Reads a text in UTF-8 or UTF-16; `None` when it holds no table.
    pub fn read(bytes: &[u8]) -> Option<Table> {
        let text = without_tags(decoded(bytes));
        let Rows { mut rows, headings, is_cut, left_out } = Rows::read(&text);
        if headings.is_empty() && !rows.iter().any(|row| row.told.is_ok()) {
            return None;
        }
        let count = rows.len();
        let inner = |place: &usize| (1..count).contains(place);
        let mut breaks: Vec<usize> = headings.into_iter().filter(inner).collect();
        if is_newest_first(&rows) {
            rows.reverse();
            breaks = breaks.into_iter().rev().map(|place| count - place).collect();
        }
        Some(Table { rows, breaks, stated: Stated::read(&text), is_cut, left_out })
    }

    /// Whether the day of its first row must be known.
    pub fn needs_day(&self) -> bool {
        self.rows.iter().any(|row| matches!(row.stamp, Stamp::TimeOfDay(_)))
    }

    /// The day of its first row, when the last change of its file was made within minutes of its last row:
    /// whoever saved it did so at once. `None` when the change tells nothing.
    pub fn day_by_change(&self, changed: Timestamp, zone: &TimeZone) -> Option<Date> {
        let last_day = changed.to_zoned_datetime(zone.clone()).date();
        // A table that passes midnight, or ends before it, began earlier.
        let days = [0, 1, 2].into_iter().filter_map(|back| last_day.checked_sub(back.days()).ok());
        days.into_iter().find(|day| {
            let last = instants(&self.rows, *day, zone).ok().and_then(|instants| instants.last().copied());
            let last = last.map(of_nanoseconds);
            last.is_some_and(|last| (0..=SAVED_SECONDS_MAX).contains(&changed.duration_since(last).as_secs()))
        })
    }

    /// The table as a pcapng capture of bare headers with a length on the wire of 0, which is unknown, when its
    /// first row is of `day` in `zone`.
    ///
    /// # Errors
    ///
    /// A sentence, when it cannot be said when its rows were captured.
    pub fn capture(&self, day: Date, zone: &TimeZone) -> Result<(Vec<u8>, TableFacts), String> {
        let instants = instants(&self.rows, day, zone)?;
        let mut capture = row_frame::head();
        for (number, (row, instant)) in self.rows.iter().zip(&instants).enumerate() {
            let what = row.told.as_ref().ok().map(|(what, _)| what);
            capture.extend(row_frame::packet(number, *instant, what));
        }
        if self.is_cut || self.left_out.is_some() {
            capture.extend(row_frame::CUT);
        }
        let facts = TableFacts {
            rows: self.rows.len() as u64,
            nameless_rows: self.rows.iter().filter(|row| is_nameless(row)).count() as u64,
            limit_reached: self.limit_reached(),
            has_gap: self.has_gap(&instants)?,
            unread: self.unread(),
        };
        Ok((capture, facts))
    }

    /// Whether the capture paused at a heading; where the times go back there, it cannot be said for how long.
    fn has_gap(&self, instants: &[i64]) -> Result<bool, String> {
        let mut has_gap = false;
        for place in &self.breaks {
            let gap_ns = instants[*place].saturating_sub(instants[place - 1]);
            let (before, after) = (&self.rows[place - 1], &self.rows[*place]);
            let is_gap = gap_ns.saturating_abs() > SEAM_NS_MAX;
            match (before.stamp, after.stamp) {
                (Stamp::TimeOfDay(one), Stamp::TimeOfDay(next)) if is_gap && next < one => {
                    return Err(format!(
                        "at line {} another table begins, with earlier times: save each to a file of its own",
                        after.line
                    ));
                }
                _ => has_gap |= is_gap,
            }
        }
        Ok(has_gap)
    }

    /// By what the page states; where that is not clear, also by a round number of rows.
    fn limit_reached(&self) -> Option<u64> {
        let rows = self.rows.len() as u64;
        if self.stated.numbers.contains(&rows) {
            return Some(rows).filter(|rows| *rows > 0);
        }
        if let Some(limit) = self.stated.limit {
            return (rows >= limit).then_some(limit);
        }
        let ends = self.breaks.iter().copied().chain([self.rows.len()]);
        let begins = [0].into_iter().chain(self.breaks.iter().copied());
        let parts = begins.zip(ends).map(|(begin, end)| (end - begin) as u64);
        [rows].into_iter().chain(parts).find(|count| *count > 0 && count.is_multiple_of(ROUND_LIMIT))
    }

    fn unread(&self) -> Vec<String> {
        let mut unread: Vec<String> = self
            .rows
            .iter()
            .filter_map(|row| match &row.told {
                Err(why) => Some(format!("line {} is not read: {why}", row.line)),
                Ok((_, note)) => note.as_ref().map(|note| format!("line {}: {note}", row.line)),
            })
            .collect();
        let more = unread.len().saturating_sub(UNREAD_TOLD_MAX);
        unread.truncate(UNREAD_TOLD_MAX);
        if more > 0 {
            unread.push(format!("{} could not be read", count(more as u64, "more line")));
        }
        unread.extend(self.left_out.map(|line| {
            format!(
                "line {line} says that rows are left out: save the whole table, and not a part of its page"
            )
        }));
        if self.is_cut {
            unread.push("its last line does not end as those before it do, so that it may be cut there: save the table again, \
                 or end the line if it is whole".to_owned());
        }
        unread
    }
}

/// Whether a row may hide a name. A question shows its own; an answer leads to others besides, as of a CNAME.
fn is_nameless(row: &Row) -> bool {
    let Ok((What::Packet(told), _)) = &row.told else { return false };
    let is_shown =
        |question: &Question| !question.is_answer && row_frame::question_message(question).is_some();
    matches!(told.ports, Ports::Told(..) | Ports::Unread) && !told.question.as_ref().is_some_and(is_shown)
}

/// The text, without marks that no reader sees.
fn decoded(bytes: &[u8]) -> String {
    let wide = |read: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).skip(1).map(|pair| read([pair[0], pair[1]]));
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    let text: String = match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    text.replace(['\u{feff}', '\u{200b}', '\u{200e}', '\u{2060}'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Time Stamp\tProtocol\tSource\tPort\tDestination\tPort\tInfo\n";

    /// So many rows, a second after the other, from this hour on.
    fn rows(hour: u32, count: u32) -> String {
        let row = |number: u32| {
            let (minute, second) = (number / 60 % 60, number % 60);
            format!("{hour:02}:{minute:02}:{second:02}.5\tTCP\t10.0.0.1\t1025\t192.0.2.9\t80\tACK\n")
        };
        (0..count).map(row).collect()
    }

    fn facts(text: &str) -> Result<TableFacts, String> {
        let table = Table::read(text.as_bytes()).expect("a table");
        table.capture(Date::constant(2015, 4, 29), &TimeZone::UTC).map(|(_, facts)| facts)
    }

    #[test]
    fn a_table_as_long_as_its_limit_was_cut_there() {
        let stated = |limit: &str| format!("Number of Packets to capture: {limit}\n");
        let (head, rows) = (HEAD.to_owned(), |count| rows(8, count));
        let texts = [
            ("the limit of the guide", format!("{head}{}", rows(250)), Some(250)),
            ("one less", format!("{head}{}", rows(249)), None),
            ("one more", format!("{head}{}", rows(251)), None),
            ("another round one", format!("{head}{}", rows(100)), Some(100)),
            ("without a heading", rows(50), Some(50)),
            ("a few", format!("{head}{}", rows(20)), None),
            ("none", head.clone(), None),
            ("stated and reached", format!("{}{head}{}", stated("137"), rows(137)), Some(137)),
            ("stated behind the table", format!("{head}{}{}", rows(137), stated("137")), Some(137)),
            ("stated among others", format!("{}{head}{}", stated("137 of 500"), rows(137)), Some(137)),
            ("stated in doubt", format!("{}{head}{}", stated("\n3600"), rows(250)), Some(250)),
            ("stated in doubt, one less", format!("{}{head}{}", stated("\n3600"), rows(249)), None),
            ("stated and not reached", format!("{}{head}{}", stated("500"), rows(250)), None),
            (
                "stated as the guide does",
                format!("(**number of packets to capture**) type **30**\n{head}{}", rows(30)),
                Some(30),
            ),
            (
                "a part of two",
                format!("{head}{}{head}09:00:00 UDP 10.0.0.1 1 192.0.2.9 2\n", rows(250)),
                Some(250),
            ),
        ];
        for (name, text, wanted) in texts {
            assert_eq!(facts(&text).expect(name).limit_reached, wanted, "{name}");
        }
    }

    #[test]
    fn tables_in_one_text_go_on_or_have_a_gap_or_are_refused() {
        let two = |one: &str, other: &str| {
            let row = |time| format!("{HEAD}{time} UDP 10.0.0.1 1 192.0.2.9 2\n");
            facts(&[row(one), row(other)].concat()).map(|facts| facts.has_gap).map_err(drop)
        };
        assert_eq!(two("08:00:00", "08:00:10"), Ok(false), "the next page");
        assert_eq!(two("08:00:00", "08:00:10.001"), Ok(true), "another capture");
        assert_eq!(two("23:59:59", "00:00:01"), Ok(false), "the next page over midnight");
        assert_eq!(two("08:00:10", "08:00:00"), Ok(false), "out of order");
        assert_eq!(two("09:00:00", "08:00:00"), Err(()), "an earlier one");
    }

    #[test]
    fn what_is_not_read_is_told_with_its_line() {
        let text = format!(
            "{HEAD}08:00:00\tTCP\tlab-7\t1\t192.0.2.9\t80\n08:00:00\tTCP\t10.0.0.1\tx\t192.0.2.9\t80\n"
        );
        let unread = facts(&text).expect("a table").unread;
        assert!(unread[0].starts_with("line 2 is not read: 'lab-7' is no address"), "{unread:?}");
        assert!(unread[1].starts_with("line 3: 'x' is no port"), "{unread:?}");
        let many = facts(&(HEAD.to_owned() + &"08:00:00 FOO\n".repeat(UNREAD_TOLD_MAX + 2)))
            .expect("a table")
            .unread;
        assert_eq!((many.len(), many.last().expect("some").as_str()), (11, "2 more lines could not be read"));
        let cut = facts(&format!("{}08:01:00\tTCP", rows(8, 3))).expect("a table").unread;
        assert!(cut.last().is_some_and(|last| last.contains("its last line does not end as")), "{cut:?}");
    }

    #[test]
    fn names_are_missing_where_packets_may_have_carried_them() {
        let text = "08:00:00 TCP 10.0.0.1 1 192.0.2.9 80 ACK\n08:00:00 UDP 10.0.0.1 1 192.0.2.9 53 A? evil.example\n\
                    08:00:00 ICMP 10.0.0.1 192.0.2.9 echo request\n08:00:00 ARP 10.0.0.1 10.0.0.2\n\
                    08:00:00 UDP 10.0.0.1 1 192.0.2.9 53\n";
        let facts = facts(text).expect("a table");
        assert_eq!((facts.rows, facts.nameless_rows), (5, 2));
    }

    #[test]
    fn a_day_is_taken_from_a_change_soon_after_the_last_row_only() {
        let zone = TimeZone::get("America/Chicago").expect("a bundled zone");
        let day = |rows: &str, changed: &str| {
            let table = Table::read(rows.as_bytes()).expect("a table");
            table.day_by_change(changed.parse().expect("a time"), &zone).map(|day| day.to_string())
        };
        let morning = "08:00:00 UDP 10.0.0.1 1 192.0.2.9 2\n";
        let night = "23:59:59 UDP 10.0.0.1 1 192.0.2.9 2\n00:00:01 UDP 10.0.0.1 1 192.0.2.9 2\n";
        let rows = [
            ("at once", morning, "2015-04-29T13:00:00Z", Some("2015-04-29")),
            ("ten minutes later", morning, "2015-04-29T13:10:00Z", Some("2015-04-29")),
            ("later", morning, "2015-04-29T13:10:01Z", None),
            ("before", morning, "2015-04-29T12:59:59Z", None),
            ("over midnight", night, "2015-04-29T05:05:00Z", Some("2015-04-28")),
            (
                "saved after midnight",
                "23:59:59 UDP 10.0.0.1 1 192.0.2.9 2\n",
                "2015-04-29T05:05:00Z",
                Some("2015-04-28"),
            ),
        ];
        for (name, rows, changed, wanted) in rows {
            assert_eq!(day(rows, changed).as_deref(), wanted, "{name}");
        }
    }

    #[test]
    fn texts_are_read_in_every_form_and_others_are_none() {
        let text = format!("{HEAD}{}", rows(8, 3));
        let wide = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            ['\u{feff}'].into_iter().chain(text.chars()).flat_map(|c| bytes(c as u16)).collect()
        };
        let texts = [
            ("UTF-8", text.clone().into_bytes()),
            ("with its mark", format!("\u{feff}{text}").into_bytes()),
            ("UTF-16", wide(u16::to_le_bytes)),
            ("UTF-16, the other way round", wide(u16::to_be_bytes)),
            (
                "HTML",
                format!(
                    "<tr><td>{}",
                    text.replace('\t', "</td><td class=a>").replace('\n', "</td></tr>\n<tr><td>")
                )
                .into_bytes(),
            ),
            ("Windows", text.replace('\n', "\r\n").into_bytes()),
            (
                "newest first",
                [
                    HEAD.to_owned(),
                    text.lines()
                        .skip(1)
                        .collect::<Vec<_>>()
                        .into_iter()
                        .rev()
                        .map(|line| format!("{line}\n"))
                        .collect(),
                ]
                .concat()
                .into_bytes(),
            ),
        ];
        for (name, bytes) in texts {
            let table = Table::read(&bytes).unwrap_or_else(|| panic!("{name} is no table"));
            assert_eq!(table.rows.len(), 3, "{name}");
        }
        for none in ["", "hello\n", "192.0.2.1\nevil.example\n", "08:02:03 up 3 days\n"] {
            assert_eq!(Table::read(none.as_bytes()), None, "{none:?}");
        }
    }
}
