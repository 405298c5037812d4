//! Which occurrences fall due between two instants, in a zone?
//!
//! Left of it is `site` (zones, school breaks), right of it `playbook`, `plan` and `ticket`. It reads
//! no clock, and an occurrence that it has named once it names again, at the same instant, for the
//! same question.

mod cron;

pub use cron::Cron;

use crate::pure::moment::start_of_day;
use crate::pure::site::ClosedDays;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use std::fmt;
use std::time::Duration;

/// At most this many occurrences come out of one call of [`occurrences`]: more than a year of
/// `every: 15m` (35,136).
pub const OCCURRENCES_MAX: usize = 40_000;

/// When a stage fires.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// Five-field cron in the site's zone, as typed and checked.
    Cron(Cron),
    /// At the multiples of this duration since 1970-01-01T00:00Z, whatever the zone.
    Every(Duration),
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schedule::Cron(cron) => write!(f, "cron {}", cron.text),
            Schedule::Every(period) => write!(f, "every {}s", period.as_secs()),
        }
    }
}

impl Schedule {
    /// The schedule that is written so; `None` when none is.
    pub fn read(text: &str) -> Option<Schedule> {
        match text.split_once(' ')? {
            ("cron", fields) => Cron::parse(fields).ok().map(Schedule::Cron),
            ("every", period) => {
                let seconds = period.strip_suffix('s')?.parse().ok()?;
                Some(Schedule::Every(Duration::from_secs(seconds)))
            }
            _ => None,
        }
    }

    /// The first planned time after `after`; `None` when there is none before the end of time, or
    /// when the duration is zero.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Schedule::Cron(cron) => cron.next_after(after, zone),
            Schedule::Every(period) => next_multiple(*period, after),
        }
    }
}

fn next_multiple(period: Duration, after: Timestamp) -> Option<Timestamp> {
    let period_ns = i128::try_from(period.as_nanos()).ok()?;
    let passed = after.as_nanosecond().checked_div_euclid(period_ns)?;
    Timestamp::from_nanosecond((passed + 1).checked_mul(period_ns)?).ok()
}

/// The planned times `p` with `after < p <= until`, in order; at most [`OCCURRENCES_MAX`] of them, so
/// whoever may meet that many asks again after the last one.
pub fn occurrences<'a>(
    schedule: &'a Schedule,
    zone: &'a TimeZone,
    after: Timestamp,
    until: Timestamp,
) -> impl Iterator<Item = Timestamp> + 'a {
    std::iter::successors(schedule.next_after(after, zone), |last| schedule.next_after(*last, zone))
        .take_while(move |planned| *planned <= until)
        .take(OCCURRENCES_MAX)
}

/// How much later than planned an occurrence begins: whole seconds from 0 to `jitter_max`, the same
/// for the same occurrence and key on every machine and in every version.
///
/// `key` names whose schedule it is (site, playbook and stage): the tickets of one begin together and share
/// their capture, and different ones do not all begin at once.
pub fn jitter(occurrence: Timestamp, key: &str, jitter_max: Duration) -> Duration {
    if jitter_max.is_zero() {
        return Duration::ZERO;
    }
    let mut hasher = Sha256::new();
    hasher.update(occurrence.as_nanosecond().to_be_bytes());
    hasher.update(key.as_bytes());
    let digest = hasher.finalize();
    let drawn = u64::from_be_bytes(*digest.first_chunk().expect("a SHA-256 digest has 32 bytes"));
    Duration::from_secs(drawn % jitter_max.as_secs().saturating_add(1))
}

/// Whether `instant` lies on one of the site's closed days.
pub fn is_closed(closed: &[ClosedDays], zone: &TimeZone, instant: Timestamp) -> bool {
    if closed.is_empty() {
        return false;
    }
    let today = zone.to_datetime(instant).date();
    closed.iter().any(|days| days.first <= today && today <= days.last)
}

/// Whether `occurrence` is the schedule's first in its week, Monday to Sunday in the zone: the one
/// that is carried out while a clean ticket is watched.
pub fn is_first_of_week(schedule: &Schedule, zone: &TimeZone, occurrence: Timestamp) -> bool {
    let today = zone.to_datetime(occurrence).date();
    let monday = today.saturating_sub(jiff::Span::new().days(today.weekday().to_monday_zero_offset()));
    let Some(before_monday) = start_of_day(zone, monday).and_then(|start| start.checked_sub(NANOSECOND).ok())
    else {
        return true;
    };
    schedule.next_after(before_monday, zone) == Some(occurrence)
}

/// The planned times after `after` that are the first in their week, in order; bounded like
/// [`occurrences`].
pub fn weekly<'a>(
    schedule: &'a Schedule,
    zone: &'a TimeZone,
    after: Timestamp,
) -> impl Iterator<Item = Timestamp> + 'a {
    let next = move |after: Timestamp| {
        let next = schedule.next_after(after, zone)?;
        if is_first_of_week(schedule, zone, next) {
            return Some(next);
        }
        // Whatever comes first after the end of this week is the first of its own.
        schedule.next_after(next_monday(zone, next)?.checked_sub(NANOSECOND).ok()?, zone)
    };
    std::iter::successors(next(after), move |last| next(*last)).take(OCCURRENCES_MAX)
}

/// When the week after that of `instant` begins.
fn next_monday(zone: &TimeZone, instant: Timestamp) -> Option<Timestamp> {
    let today = zone.to_datetime(instant).date();
    let days = 7 - today.weekday().to_monday_zero_offset();
    start_of_day(zone, today.checked_add(jiff::Span::new().days(days)).ok()?)
}

const NANOSECOND: Duration = Duration::from_nanos(1);

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{Date, date};

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).expect("a zone of the bundled database")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time in UTC")
    }

    fn cron(text: &str) -> Schedule {
        Schedule::Cron(Cron::parse(text).expect("a good expression"))
    }

    #[test]
    fn occurrences_lie_after_the_one_instant_and_up_to_the_other() {
        let hourly = Schedule::Every(Duration::from_secs(3600));
        let (after, until) = (at("2026-11-23T10:00:00Z"), at("2026-11-23T12:00:00Z"));
        let found: Vec<Timestamp> = occurrences(&hourly, &TimeZone::UTC, after, until).collect();
        assert_eq!(found, [at("2026-11-23T11:00:00Z"), until], "the first bound is out, the second in");
        assert_eq!(occurrences(&hourly, &TimeZone::UTC, until, after).count(), 0);
    }

    #[test]
    fn a_schedule_is_read_as_it_is_written() {
        for schedule in
            [cron("30 8 * * 1-5"), cron("*/7 0,12 1-15 * *"), Schedule::Every(Duration::from_secs(900))]
        {
            assert_eq!(Schedule::read(&schedule.to_string()), Some(schedule));
        }
        for wrong in ["", "cron", "cron 61 * * * *", "every 5", "every s", "daily 8"] {
            assert_eq!(Schedule::read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn every_counts_from_the_epoch_whatever_the_zone() {
        let weekly = Schedule::Every(Duration::from_secs(7 * 86_400));
        for (after, next) in [
            ("1970-01-01T00:00:00Z", "1970-01-08T00:00:00Z"),
            ("1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z"),
            ("2026-11-23T12:00:00Z", "2026-11-26T00:00:00Z"),
        ] {
            assert_eq!(
                weekly.next_after(at(after), &zone("Asia/Kathmandu")),
                Some(at(next)),
                "after {after}"
            );
        }
        assert_eq!(
            Schedule::Every(Duration::ZERO).next_after(at("2026-11-23T12:00:00Z"), &TimeZone::UTC),
            None
        );
        assert_eq!(weekly.next_after(Timestamp::MAX, &TimeZone::UTC), None, "the end of time");
    }

    #[test]
    fn a_year_of_minutes_is_cut_at_the_bound() {
        let every_minute = Schedule::Every(Duration::from_secs(60));
        let (after, until) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
        assert_eq!(occurrences(&every_minute, &TimeZone::UTC, after, until).count(), OCCURRENCES_MAX);
    }

    #[test]
    fn jitter_is_the_same_everywhere_and_within_its_limit() {
        let planned = at("2026-11-23T14:30:00Z");
        let key = "ticket 7 verify";
        assert_eq!(jitter(planned, key, Duration::from_secs(300)).as_secs(), PINNED_JITTER_S);
        assert_eq!(jitter(planned, key, Duration::ZERO), Duration::ZERO);
        let drawn: std::collections::BTreeSet<u64> = (0..200)
            .map(|night| planned + Duration::from_secs(night * 86_400))
            .map(|night| jitter(night, key, Duration::from_secs(9)).as_secs())
            .collect();
        assert_eq!(drawn, (0..=9).collect(), "both ends of the range are reached and none is passed");
        assert_ne!(jitter(planned, "ticket 8 verify", Duration::from_secs(300)).as_secs(), PINNED_JITTER_S);
    }

    /// The jitter of one occurrence, written down so that no later version draws another.
    const PINNED_JITTER_S: u64 = 254;

    #[test]
    fn closed_days_are_whole_days_of_the_sites_zone() {
        let closed = [ClosedDays { first: date(2026, 12, 21), last: date(2027, 1, 3) }];
        for (instant, expected, row) in [
            ("2026-12-21T05:59:59Z", false, "one second before the first day begins in Chicago"),
            ("2026-12-21T06:00:00Z", true, "its first second"),
            ("2027-01-04T05:59:59Z", true, "the last second of the last day"),
            ("2027-01-04T06:00:00Z", false, "the day after"),
        ] {
            assert_eq!(is_closed(&closed, &zone("America/Chicago"), at(instant)), expected, "{row}");
        }
        assert!(!is_closed(&[], &TimeZone::UTC, at("2026-12-25T00:00:00Z")));
    }

    #[test]
    fn one_occurrence_a_week_is_the_first() {
        let chicago = zone("America/Chicago");
        let mondays = ["2026-11-02", "2026-11-09", "2026-11-16", "2026-11-23"];
        for (schedule, first_day, time) in [
            (cron("30 8 * * 1-5"), 0, "08:30:00"),
            (cron("0 0 * * *"), 0, "00:00:00"),
            (cron("0 23 * * 0"), 6, "23:00:00"),
            (cron("15 9,12 * * 3,5"), 2, "09:15:00"),
            (Schedule::Every(Duration::from_secs(900)), 0, "00:00:00"),
        ] {
            // From the Monday after the clocks went back, four weeks.
            let (after, until) = (at("2026-11-02T05:59:59Z"), at("2026-11-30T05:59:59Z"));
            let firsts: Vec<String> = occurrences(&schedule, &chicago, after, until)
                .filter(|planned| is_first_of_week(&schedule, &chicago, *planned))
                .map(|first| chicago.to_datetime(first).to_string())
                .collect();
            let expected: Vec<String> = mondays
                .iter()
                .map(|monday| monday.parse::<Date>().expect("a day") + jiff::Span::new().days(first_day))
                .map(|day| format!("{day}T{time}"))
                .collect();
            assert_eq!(firsts, expected, "{schedule:?}");
        }
    }

    #[test]
    fn the_week_turns_at_midnight_of_the_zone() {
        let daily = cron("0 0 * * *");
        let chicago = zone("America/Chicago");
        for (planned, expected, row) in [
            ("2026-11-22T06:00:00Z", false, "Sunday"),
            ("2026-11-23T06:00:00Z", true, "Monday"),
            ("2026-11-24T06:00:00Z", false, "Tuesday"),
        ] {
            assert_eq!(is_first_of_week(&daily, &chicago, at(planned)), expected, "{row}");
        }
    }
}
