//! On which day was each row of a text table captured? The appliance tells times of day only: the day of
//! the first row is given, and the next begins where the times pass midnight.

use super::fields::Stamp;
use super::rows::Row;
use crate::pure::moment::nanoseconds;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// Rows may stand out of order by this much, in seconds; where times go back by more than half a day,
/// midnight has passed. In between nobody can tell, and a day too many would count as watched.
const DISORDER_SECONDS_MAX: i64 = 60;

const DAY_SECONDS: i64 = 24 * 3600;

/// So many steps back are no chance: the newest row stands first.
const STEPS_BACK_MIN: usize = 3;

/// The time of each row in nanoseconds since 1970, when the first that tells no day is of `day` in `zone`. A
/// row whose time is unknown gets that of the row before it.
///
/// # Errors
///
/// A sentence, when a time was there twice that day (clocks went back) or lies out of reach, or when rows are
/// not in order of time.
pub(super) fn instants(rows: &[Row], day: Date, zone: &TimeZone) -> Result<Vec<i64>, String> {
    let mut instants = Vec::with_capacity(rows.len());
    let (mut day, mut last): (Date, Option<Time>) = (day, None);
    for row in rows {
        let instant = match row.stamp {
            Stamp::Unknown => None,
            Stamp::Instant(instant) => Some(instant),
            Stamp::Local(local) => Some(instant(local, zone, row.line)?),
            Stamp::TimeOfDay(time) => {
                day = day_of(time, last, day).map_err(|why| format!("line {} {why}", row.line))?;
                last = Some(time);
                Some(instant(DateTime::from_parts(day, time), zone, row.line)?)
            }
        };
        instants.push(instant.map(nanoseconds));
    }
    let first = instants.iter().flatten().next().copied().unwrap_or_default();
    let mut known = first;
    Ok(instants
        .into_iter()
        .map(|instant| {
            known = instant.unwrap_or(known);
            known
        })
        .collect())
}

/// The day of a row at `time`, when the row before it was at `last` of `day`.
fn day_of(time: Time, last: Option<Time>, day: Date) -> Result<Date, &'static str> {
    // Parts of a second count: they decide on which side of a limit a step is.
    let step = last.map_or(SignedDuration::ZERO, |last| time.duration_since(last));
    let disorder = SignedDuration::from_secs(DISORDER_SECONDS_MAX);
    let whole_day = SignedDuration::from_secs(DAY_SECONDS);
    let day = if step < -whole_day / 2 {
        day.checked_add(1.day())
    } else if step < -disorder {
        return Err("is earlier than the row before it: its rows are not in order of time: \
                    sort them by time, or save each table to a file of its own");
    } else if step > whole_day - disorder {
        // The row before it stood too early, on the other side of midnight.
        day.checked_sub(1.day())
    } else {
        Ok(day)
    };
    day.map_err(|_| "is out of range")
}

fn instant(local: DateTime, zone: &TimeZone, line: usize) -> Result<Timestamp, String> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    if matches!(ambiguous.offset(), jiff::tz::AmbiguousOffset::Fold { .. }) {
        return Err(format!(
            "line {line}: {local} was there twice, since clocks went back: write times with their offset"
        ));
    }
    ambiguous.compatible().map_err(|error| format!("line {line}: {error}"))
}

/// Rows are listed newest first by some; then they must be turned round.
pub(super) fn is_newest_first(rows: &[Row]) -> bool {
    let times: Vec<Time> = rows
        .iter()
        .filter_map(|row| match row.stamp {
            Stamp::TimeOfDay(time) => Some(time),
            Stamp::Local(local) => Some(local.time()),
            Stamp::Instant(_) | Stamp::Unknown => None,
        })
        .collect();
    // Over midnight, the shorter way round is taken.
    let steps = times.windows(2).map(|pair| {
        let step = pair[1].duration_since(pair[0]);
        let half = SignedDuration::from_secs(DAY_SECONDS / 2);
        if step > half || step < -half { -step } else { step }
    });
    let (mut back, mut on) = (0, 0);
    for step in steps {
        back += usize::from(step.is_negative());
        on += usize::from(step.is_positive());
    }
    back >= STEPS_BACK_MIN && back > 4 * on
}

/// What the name of a file says of its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayInName {
    None,
    One(Date),
    /// Several different ones.
    Several,
}

/// The days that stand in a name, as 2015-04-29, 2015_04_29 or 20150429, between 1990 and 2099.
pub fn day_in_name(name: &str) -> DayInName {
    let bytes = name.as_bytes();
    let is_figure = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut found = DayInName::None;
    for at in 0..bytes.len() {
        if at > 0 && is_figure(at - 1) {
            continue;
        }
        let Some(day) = day_at(&bytes[at..]) else { continue };
        found = match found {
            DayInName::None => DayInName::One(day),
            DayInName::One(known) if known == day => found,
            DayInName::One(_) | DayInName::Several => DayInName::Several,
        };
    }
    found
}

/// The day at the beginning of a text.
fn day_at(bytes: &[u8]) -> Option<Date> {
    let figures = |from: usize, to: usize| {
        let part = bytes.get(from..to)?;
        let is_number = part.iter().all(u8::is_ascii_digit);
        is_number.then(|| part.iter().fold(0_i16, |number, figure| number * 10 + i16::from(figure - b'0')))
    };
    let (month_at, day_at) = match (bytes.get(4)?, bytes.get(7)) {
        (b'-', Some(b'-')) | (b'_', Some(b'_')) | (b'.', Some(b'.')) => (5, 8),
        (b'0'..=b'9', _) => (4, 6),
        _ => return None,
    };
    let (year, month, day) = (figures(0, 4)?, figures(month_at, month_at + 2)?, figures(day_at, day_at + 2)?);
    // Six figures of a time may follow at once, but no ninth or tenth of another number.
    let follows = bytes[day_at + 2..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_day = (1990..2100).contains(&year) && matches!(follows, 0 | 4 | 6);
    is_day.then(|| Date::new(year, month as i8, day as i8).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(stamps: &[&str]) -> Vec<Row> {
        let stamp = |text: &str| match text {
            "?" => Stamp::Unknown,
            text if text.ends_with('Z') => Stamp::Instant(text.parse().expect(text)),
            text if text.contains('T') => Stamp::Local(text.parse().expect(text)),
            text => Stamp::TimeOfDay(text.parse().expect(text)),
        };
        let row = |(number, text): (usize, &&str)| Row {
            line: number + 1,
            stamp: stamp(text),
            told: Err(String::new()),
        };
        stamps.iter().enumerate().map(row).collect()
    }

    /// The instants of rows that begin on the last day of April, in Chicago: five hours behind.
    fn read(stamps: &[&str]) -> Vec<String> {
        let zone = TimeZone::get("America/Chicago").expect("a bundled zone");
        let instants = instants(&rows(stamps), "2015-04-30".parse().expect("a day"), &zone);
        let text = |ns: i64| Timestamp::from_nanosecond(ns.into()).expect("a time").to_string();
        instants.expect("times").into_iter().map(text).collect()
    }

    #[test]
    fn a_row_is_of_the_day_before_or_after_midnight() {
        type Case<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);
        let cases: [Case<'_>; 7] = [
            ("in order", &["08:00:00", "08:00:01"], &["2015-04-30T13:00:00Z", "2015-04-30T13:00:01Z"]),
            ("over midnight", &["23:59:59", "00:00:01"], &["2015-05-01T04:59:59Z", "2015-05-01T05:00:01Z"]),
            ("out of order", &["08:01:00", "08:00:00"], &["2015-04-30T13:01:00Z", "2015-04-30T13:00:00Z"]),
            (
                "back by more than half a day",
                &["20:00:01", "08:00:00"],
                &["2015-05-01T01:00:01Z", "2015-05-01T13:00:00Z"],
            ),
            (
                "out of order at midnight",
                &["23:59:59", "00:00:01", "23:59:59.5", "00:00:02"],
                &[
                    "2015-05-01T04:59:59Z",
                    "2015-05-01T05:00:01Z",
                    "2015-05-01T04:59:59.5Z",
                    "2015-05-01T05:00:02Z",
                ],
            ),
            (
                "unknown",
                &["?", "08:00:00", "?"],
                &["2015-04-30T13:00:00Z", "2015-04-30T13:00:00Z", "2015-04-30T13:00:00Z"],
            ),
            (
                "with their days",
                &["2016-01-02T03:04:05", "2016-01-02T03:04:05Z"],
                &["2016-01-02T09:04:05Z", "2016-01-02T03:04:05Z"],
            ),
        ];
        for (case, stamps, wanted) in cases {
            assert_eq!(read(stamps), wanted, "{case}");
        }
    }

    #[test]
    fn rows_that_are_not_in_order_of_time_are_refused() {
        let cases: [(&[&str], bool); 6] = [
            (&["08:01:00", "08:00:00"], true),
            (&["08:01:00.001", "08:00:00"], false),
            (&["20:00:00", "08:00:00"], false),
            (&["20:00:00.001", "08:00:00"], true),
            (&["08:00:00", "08:05:00", "08:10:00", "08:00:01", "08:05:01"], false),
            (&["00:00:01", "23:59:59"], true),
        ];
        for (stamps, is_read) in cases {
            let read = instants(&rows(stamps), "2015-04-30".parse().expect("a day"), &TimeZone::UTC);
            assert_eq!(read.is_ok(), is_read, "{stamps:?}");
            let why = read.err().unwrap_or_default();
            assert!(is_read || why.contains("not in order of time"), "{why}");
        }
    }

    #[test]
    fn an_hour_that_came_twice_is_refused() {
        let zone = TimeZone::get("America/Chicago").expect("a bundled zone");
        let day = "2015-11-01".parse().expect("a day");
        let is_known = |time| instants(&rows(&[time]), day, &zone).is_ok();
        assert!(is_known("00:59:59") && !is_known("01:30:00") && is_known("02:00:00"));
    }

    #[test]
    fn the_newest_first_is_known_by_its_steps() {
        let cases: [(&str, &[&str], bool); 6] = [
            ("in order", &["08:00:00", "08:00:01", "08:00:02", "08:00:03"], false),
            ("newest first", &["08:00:03", "08:00:02", "08:00:01", "08:00:00"], true),
            ("newest first over midnight", &["00:00:02", "00:00:01", "23:59:59", "23:59:58"], true),
            ("over midnight", &["23:59:58", "23:59:59", "00:00:01", "00:00:02"], false),
            ("too few to tell", &["08:00:03", "08:00:02", "08:00:01"], false),
            ("all at once", &["08:00:00"; 5], false),
        ];
        for (case, stamps, wanted) in cases {
            assert_eq!(is_newest_first(&rows(stamps)), wanted, "{case}");
        }
    }

    #[test]
    fn days_stand_in_names() {
        let day = |text: &str| DayInName::One(text.parse().expect(text));
        let cases = [
            ("dump-2015-04-29.tsv", day("2015-04-29")),
            ("dump_20150429.tsv", day("2015-04-29")),
            ("dump-20150429080203.tsv", day("2015-04-29")),
            ("2015_04_29 08.02.txt", day("2015-04-29")),
            ("2015.04.29.txt", day("2015-04-29")),
            ("2015-04-29-to-2015-04-29.tsv", day("2015-04-29")),
            ("2015-04-29-to-2015-04-30.tsv", DayInName::Several),
            ("dump-2015-13-29.tsv", DayInName::None),
            ("dump-2015-04-31.tsv", DayInName::None),
            ("ticket-120150429.tsv", DayInName::None),
            ("ticket-201504291.tsv", DayInName::None),
            ("dump-19891231.tsv", DayInName::None),
            ("ecessa_traffic_dump.tsv", DayInName::None),
            ("2015-04", DayInName::None),
            ("", DayInName::None),
        ];
        for (name, wanted) in cases {
            assert_eq!(day_in_name(name), wanted, "{name}");
        }
    }
}
