//! Which instant does a person mean? RFC 3339, or a local time where the zone is known.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

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
    let zoned = local.to_zoned_datetime(zone.clone());
    zoned.map(|zoned| zoned.timestamp()).map_err(|error| format!("'{text}' is out of range: {error}"))
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
    fn a_time_is_read_as_its_writer_meant_it() {
        let chicago = TimeZone::get("America/Chicago").expect("a bundled zone");
        let rows = [
            ("2015-05-06T19:00:00Z", "2015-05-06T19:00:00Z"),
            ("2015-05-06T14:00:00-05:00", "2015-05-06T19:00:00Z"),
            ("2015-05-06T14:00", "2015-05-06T19:00:00Z"),
            (" 2015-05-06 14:00:30 ", "2015-05-06T19:00:30Z"),
            ("2015-05-06", "2015-05-06T05:00:00Z"),
            ("2015-03-08T02:30", "2015-03-08T08:30:00Z"),
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
