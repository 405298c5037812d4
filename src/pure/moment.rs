//! Which instant does a person mean? RFC 3339, or a local time where the zone is known. And how is a window
//! written, so that its two ends cannot be misread?

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ZonedDateTime};

/// Reads `2015-05-06T14:00:00Z`, `2015-05-06T14:00:00-05:00`, or `2015-05-06T14:00`, `2015-05-06 14:00`
/// and `2015-05-06` in `zone`. A local time that does not exist there (clocks go forward) is the
/// first instant after the gap; one that exists twice is the first.
///
/// # Errors
///
/// A sentence that shows how a time is written.
pub fn read(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let local = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|day| day.at(0, 0, 0, 0)));
    let local = local.map_err(|_| {
        format!("'{text}' is no time: write 2015-05-06T14:00 (in the site's zone) or 2015-05-06T19:00:00Z")
    })?;
    first_instant(zone, local)
        .ok_or_else(|| format!("'{text}' is out of range: write a time between the years 1 and 9998"))
}

/// The instant that a wall clock time stands for: the first of two when the clocks go back, the first
/// instant after the gap when they go forward over it; `None` beyond the end of time.
pub fn first_instant(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(wall);
    let AmbiguousOffset::Gap { after, .. } = ambiguous.offset() else {
        return ambiguous.earlier().ok();
    };
    // Read with the offset that holds after the gap, a time in the gap lies before its end.
    let before_end = after.to_timestamp(wall).ok()?;
    zone.following(before_end).next().map(|end| end.timestamp())
}

/// The first instant of a day: midnight, or the end of a gap that swallowed it; `None` beyond the end of time.
pub fn start_of_day(zone: &TimeZone, day: Date) -> Option<Timestamp> {
    first_instant(zone, day.at(0, 0, 0, 0))
}

/// A window shorter than this ends on its first day or in the night after it: its end needs no date.
const DAYLESS_MAX: SignedDuration = SignedDuration::from_hours(24);

/// `2015-04-29 19:00 to 01:00 CDT`: a window in the zone, each end in the form of strftime(3) `day` and its time. Where
/// clocks change within it both ends name their zone, or it would seem shorter or longer than it was; where it is a
/// day long or longer, both name their day.
pub fn window(from: Timestamp, to: Timestamp, zone: &TimeZone, day: &str) -> String {
    let local = |at: Timestamp, form: &str| ZonedDateTime::new(at, zone.clone()).strftime(form).to_string();
    let is_one_clock = zone.to_offset(from) == zone.to_offset(to);
    let begin = if is_one_clock { "%H:%M" } else { "%H:%M %Z" };
    let end = if to.duration_since(from) < DAYLESS_MAX { "%H:%M %Z" } else { &format!("{day} %H:%M %Z") };
    format!("{} to {}", local(from, &format!("{day} {begin}")), local(to, end))
}

/// The time in nanoseconds since 1970, as packets have it: the nearest that 64 bits can say (1677 to 2262).
pub fn nanoseconds(time: Timestamp) -> i64 {
    let ns = time.as_nanosecond();
    i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX })
}

/// The time of so many nanoseconds since 1970; every `i64` is one.
pub fn of_nanoseconds(ns: i64) -> Timestamp {
    Timestamp::from_nanosecond(ns.into()).expect("64 bits of nanoseconds reach from 1677 to 2262")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_says_of_each_end_what_the_other_one_does_not() {
        for (row, zone, from, to, expected) in [
            (
                "a night",
                "America/Chicago",
                "2015-04-30T00:00:00Z",
                "2015-04-30T06:00:00Z",
                "2015-04-29 19:00 to 01:00 CDT",
            ),
            (
                "clocks go back",
                "America/Chicago",
                "2015-11-01T05:00:00Z",
                "2015-11-01T08:00:00Z",
                "2015-11-01 00:00 CDT to 02:00 CST",
            ),
            (
                "clocks go forward",
                "America/Chicago",
                "2015-03-08T07:00:00Z",
                "2015-03-08T09:00:00Z",
                "2015-03-08 01:00 CST to 04:00 CDT",
            ),
            (
                "by half an hour",
                "Australia/Lord_Howe",
                "2026-04-04T14:00:00Z",
                "2026-04-04T16:00:00Z",
                "2026-04-05 01:00 +11 to 02:30 +1030",
            ),
            (
                "nearly a day",
                "Asia/Kolkata",
                "2015-04-29T03:00:00Z",
                "2015-04-30T02:59:00Z",
                "2015-04-29 08:30 to 08:29 IST",
            ),
            (
                "a day",
                "Asia/Kolkata",
                "2015-04-29T03:00:00Z",
                "2015-04-30T03:00:00Z",
                "2015-04-29 08:30 to 2015-04-30 08:30 IST",
            ),
        ] {
            let zone = TimeZone::get(zone).expect("a bundled zone");
            let at = |text: &str| text.parse().expect("a time");
            assert_eq!(window(at(from), at(to), &zone, "%Y-%m-%d"), expected, "{row}");
        }
    }

    #[test]
    fn a_time_is_read_as_its_writer_meant_it() {
        let chicago = TimeZone::get("America/Chicago").expect("a bundled zone");
        let rows = [
            ("2015-05-06T19:00:00Z", "2015-05-06T19:00:00Z"),
            ("2015-05-06T14:00:00-05:00", "2015-05-06T19:00:00Z"),
            ("2015-05-06T14:00", "2015-05-06T19:00:00Z"),
            (" 2015-05-06 14:00:30 ", "2015-05-06T19:00:30Z"),
            ("2015-05-06", "2015-05-06T05:00:00Z"),
            ("2015-03-08T02:30", "2015-03-08T08:00:00Z"),
            ("2015-11-01T01:30", "2015-11-01T06:30:00Z"),
        ];
        for (text, instant) in rows {
            assert_eq!(read(text, &chicago).map(|at| at.to_string()), Ok(instant.to_owned()), "{text}");
        }
        for wrong in ["", "yesterday", "14:00", "2015-13-01", "2015-05-06T25:00"] {
            assert!(read(wrong, &chicago).is_err(), "{wrong:?} was read as a time");
        }
    }
}
