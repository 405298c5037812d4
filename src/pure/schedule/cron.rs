//! When does a five-field cron expression fire, in a zone whose clocks go forward and back?
//!
//! croner knows the calendar and is asked about wall clock times alone, without a zone; the zone
//! rules are ours: a local time that does not exist fires at the first instant after the gap, one
//! that exists twice fires once, at the first. Several that one gap swallows fall on one instant and
//! are one firing. Its own rules for such nights must never be reached.

use crate::pure::moment::first_instant;
use croner::errors::CronError;
use croner::time::{CivilDate, CivilDateTime, CivilTime, CronDateTime, Resolution, Weekday};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::cmp::Ordering;
use std::fmt;

/// Wall clock times that are passed over in a search for one later instant: a day of minutes. Only a
/// stretch that the clocks repeat is passed over, and none was ever longer (Alaska, 1867).
const REPEATED_MAX: usize = 24 * 60 + 1;

/// A checked five-field cron expression; it fires at least once in 400 years.
#[derive(Clone, PartialEq)]
pub struct Cron {
    /// As the person typed it.
    pub text: String,
    /// Boxed: its tables are large beside the rest of a playbook.
    pattern: Box<croner::Cron>,
}

impl Cron {
    /// Reads minute, hour, day of month, month and day of week; names of months and days are
    /// understood. Where both day fields are restricted, a day that meets either is meant.
    ///
    /// The error says what is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<Cron, String> {
        check_fields(text)?;
        let pattern = text.parse::<croner::Cron>().map_err(|error| unreadable(text, &error))?;
        let cron = Cron { text: text.to_string(), pattern: Box::new(pattern) };
        match cron.next_wall_clock(Wall(DateTime::constant(2000, 1, 1, 0, 0, 0, 0))) {
            Some(_) => Ok(cron),
            None => Err(format!("cron '{text}' never fires: no such day comes in any year")),
        }
    }

    /// The first instant after `after` at which it fires in `zone`; `None` at the end of time.
    ///
    /// Later wall clock times never mean earlier instants ([`first_instant`]), so the first one that
    /// lies ahead is the next.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let start = Wall(zone.to_datetime(after));
        std::iter::successors(self.next_wall_clock(start), |wall| self.next_wall_clock(*wall))
            .take(REPEATED_MAX)
            .filter_map(|wall| first_instant(zone, wall.0))
            .find(|instant| *instant > after)
    }

    /// The next wall clock time after `wall` that matches; `None` when there is none.
    fn next_wall_clock(&self, wall: Wall) -> Option<Wall> {
        self.pattern.find_next_occurrence(&wall, false).ok()
    }
}

impl fmt::Debug for Cron {
    /// Without croner's tables, which fill pages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cron").field(&self.text).finish()
    }
}

fn check_fields(text: &str) -> Result<(), String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if text.trim_start().starts_with('@') {
        return Err(format!("cron '{text}' is a nickname: {}", instead_of_nickname(text.trim())));
    }
    if fields.len() != 5 {
        let cure = match fields.len() {
            6 => "leave out the seconds, the first of them",
            _ => "write minute, hour, day of month, month and day of week, as in '30 8 * * 1-5'",
        };
        return Err(format!("cron '{text}' has {} fields where five are wanted: {cure}", fields.len()));
    }
    for field in fields {
        let Some((start, step)) = field.split_once('/') else { continue };
        if !start.is_empty() && start.bytes().all(|byte| byte.is_ascii_digit()) {
            let cure = if start == "0" { format!("*/{step}") } else { "a range, as in 10-50/10".to_string() };
            return Err(format!("cron '{text}' has a step without a range in '{field}': write {cure}"));
        }
    }
    Ok(())
}

fn instead_of_nickname(nickname: &str) -> &'static str {
    match nickname.to_ascii_lowercase().as_str() {
        "@hourly" => "write '0 * * * *', or `every: 1h`",
        "@daily" | "@midnight" => "write '0 0 * * *'",
        "@weekly" => "write '0 0 * * 0'",
        "@monthly" => "write '0 0 1 * *'",
        _ => "write the five fields, as in '30 8 * * 1-5'",
    }
}

fn unreadable(text: &str, error: &CronError) -> String {
    let detail = match error {
        CronError::InvalidPattern(detail)
        | CronError::IllegalCharacters(detail)
        | CronError::ComponentError(detail) => {
            detail.trim_start_matches("CronPattern contains ").trim_end_matches('.')
        }
        _ => "not understood",
    };
    format!(
        "cron '{text}' cannot be read ({detail}): write minute 0-59, hour 0-23, day 1-31, month 1-12, weekday 0-7 (0 and 7 are Sunday), as in '30 8 * * 1-5'"
    )
}

/// A wall clock time, as croner wants it. Without a zone every one exists exactly once.
#[derive(Clone, Copy)]
struct Wall(DateTime);

impl CronDateTime for Wall {
    fn to_civil(&self) -> CivilDateTime {
        let wall = self.0;
        CivilDateTime::new(
            CivilDate::from_parts_unchecked(wall.year().into(), number(wall.month()), number(wall.day())),
            CivilTime::from_parts_unchecked(
                number(wall.hour()),
                number(wall.minute()),
                number(wall.second()),
            ),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(number(self.0.weekday().to_sunday_zero_offset()))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Wall>, CronError> {
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        let (date, time) = (civil.date(), civil.time());
        DateTime::new(
            year,
            part(date.month())?,
            part(date.day())?,
            part(time.hour())?,
            part(time.minute())?,
            part(time.second())?,
            0,
        )
        .map(|wall| Resolution::Single(Wall(wall)))
        .map_err(|_| CronError::InvalidDate)
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Wall> {
        self.0.checked_add(SignedDuration::from_secs(seconds)).ok().map(Wall)
    }

    fn cmp_instant(&self, other: &Wall) -> Ordering {
        self.0.cmp(&other.0)
    }
}

fn number(part: i8) -> u32 {
    u32::from(part.unsigned_abs())
}

fn part(number: u32) -> Result<i8, CronError> {
    i8::try_from(number).map_err(|_| CronError::InvalidDate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).expect("a zone of the bundled database")
    }

    /// What fires on the days from the first up to, not including, the last, in UTC.
    fn fired(text: &str, zone: &TimeZone, first: Timestamp, last: Timestamp) -> Vec<Timestamp> {
        let cron = Cron::parse(text).expect("a good expression");
        let before = first - SignedDuration::from_nanos(1);
        std::iter::successors(cron.next_after(before, zone), |fired| cron.next_after(*fired, zone))
            .take_while(|fired| *fired < last)
            .collect()
    }

    #[test]
    fn a_bad_expression_is_refused_with_its_cure() {
        for (text, cure) in [
            ("30 8 * *", "has 4 fields where five are wanted: write minute, hour"),
            ("", "has 0 fields"),
            ("0 30 8 * * 1-5", "has 6 fields where five are wanted: leave out the seconds"),
            ("@daily", "write '0 0 * * *'"),
            ("@reboot", "write the five fields"),
            ("0/15 * * * *", "write */15"),
            ("5/15 * * * *", "write a range, as in 10-50/10"),
            ("0 30 8 * * 1-5 2027", "has 7 fields where five are wanted: write minute, hour"),
            ("0 0 30 2 *", "never fires"),
            ("0 0 31 4,6,9,11 *", "never fires"),
            ("60 0 * * *", "minute 0-59"),
            ("0 24 * * *", "hour 0-23"),
            ("0 0 0 * *", "day 1-31"),
            ("H 8 * * *", "illegal character 'H'"),
            ("30 8 * * mo", "write minute 0-59"),
        ] {
            let error = Cron::parse(text).expect_err(text);
            assert!(error.contains(cure), "{text:?} gave {error:?}, without {cure:?}");
        }
    }

    #[test]
    fn good_expressions_are_read() {
        for text in ["30 8 * * 1-5", "*/15 * * * *", "0 6 * JAN-jun mon,Wed", "0 0 29 2 *", " 5  4 1,15 * 7 "]
        {
            let cron = Cron::parse(text).expect(text);
            assert_eq!(cron.text, text);
        }
    }

    #[test]
    fn nights_when_the_clocks_change() {
        for (row, zone_name, text, day, expected) in [
            (
                "the skipped half hour fires after the gap",
                "America/Chicago",
                "30 2 * * *",
                (2026, 3, 8),
                vec!["08:00"],
            ),
            ("a night without change", "America/Chicago", "30 2 * * *", (2026, 3, 9), vec!["07:30"]),
            (
                "all skipped quarters are one",
                "America/Chicago",
                "*/15 2-3 * * *",
                (2026, 3, 8),
                vec!["08:00", "08:15", "08:30", "08:45"],
            ),
            (
                "a repeated time fires at its first",
                "America/Chicago",
                "30 1 * * *",
                (2026, 11, 1),
                vec!["06:30"],
            ),
            (
                "so does every one of a wildcard",
                "America/Chicago",
                "*/30 1-2 * * *",
                (2026, 11, 1),
                vec!["06:00", "06:30", "08:00", "08:30"],
            ),
            ("a midnight that is skipped", "America/Sao_Paulo", "0 0 * * *", (2018, 11, 4), vec!["03:00"]),
            ("half an hour is skipped", "Australia/Lord_Howe", "15 2 * * *", (2026, 10, 4), vec!["15:30"]),
        ] {
            let zone = zone(zone_name);
            let (year, month, day) = day;
            let day = date(year, month, day);
            let [first, last] = [day, day.tomorrow().expect("another day")]
                .map(|day| day.to_zoned_datetime(zone.clone()).expect("a day").timestamp());
            let times: Vec<String> = fired(text, &zone, first, last)
                .iter()
                .map(|fired| fired.strftime("%H:%M").to_string())
                .collect();
            assert_eq!(times, expected, "{row}");
        }
    }

    #[test]
    fn a_day_that_never_was_fires_when_the_next_begins() {
        let apia = zone("Pacific/Apia");
        let days = |text: &str| -> Vec<String> {
            let (first, last) = ("2011-12-29T10:00:00Z", "2011-12-31T10:00:00Z");
            fired(text, &apia, first.parse().expect("a time"), last.parse().expect("a time"))
                .iter()
                .map(|fired| apia.to_datetime(*fired).to_string())
                .collect()
        };
        // Friday 2011-12-30 was left out.
        assert_eq!(days("30 8 * * *"), ["2011-12-29T08:30:00", "2011-12-31T00:00:00", "2011-12-31T08:30:00"]);
    }

    #[test]
    fn the_longest_repeated_stretch_is_passed_over() {
        // Alaska had Friday 1867-10-18 twice when it came from Russia to America.
        let sitka = zone("America/Sitka");
        let purchase: Timestamp = "1867-10-01T00:00:00Z".parse().expect("a time");
        let turned_back = sitka.following(purchase).next().expect("a transition").timestamp();
        let next = Cron::parse("* * * * *").expect("a good expression").next_after(turned_back, &sitka);
        let silence = next.expect("it fires again").duration_since(turned_back);
        assert!((1439..=1441).contains(&silence.as_mins()), "{silence:?} without a new minute on the wall");
    }

    /// The second implementation: walks the instants minute by minute, reads the clock on the wall
    /// before and at each, and knows nothing of offsets and transitions.
    fn walked(text: &str, zone: &TimeZone, first: Timestamp, last: Timestamp) -> Vec<Timestamp> {
        let pattern: croner::Cron = text.parse().expect("a good expression");
        let matches = |wall: DateTime| pattern.is_time_matching(&Wall(wall)).expect("a date in range");
        let minute = SignedDuration::from_mins(1);
        // Wall clock times that were already there: two days back is further than any fold.
        let mut latest = zone.to_datetime(first - SignedDuration::from_hours(48));
        let mut now = first - SignedDuration::from_hours(48);
        let mut fired = BTreeSet::new();
        while now < last {
            let wall = zone.to_datetime(now);
            let mut passed = latest;
            while passed < wall {
                passed += minute;
                if matches(passed) {
                    fired.insert(now);
                }
            }
            latest = latest.max(wall);
            now += minute;
        }
        fired.into_iter().filter(|fired| *fired >= first).collect()
    }

    /// A zone and a whole minute shortly before one of its odd nights, in UTC.
    const ODD_NIGHTS: [(&str, &str); 14] = [
        ("America/Chicago", "2026-03-08T05:00:00Z"),
        ("America/Chicago", "2026-11-01T04:00:00Z"),
        ("Europe/London", "2026-03-28T23:00:00Z"),
        ("Europe/London", "2026-10-24T22:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T12:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T12:00:00Z"),
        ("Africa/Casablanca", "2026-02-15T00:00:00Z"),
        ("Africa/Casablanca", "2026-03-22T00:00:00Z"),
        ("Pacific/Apia", "2011-12-30T06:00:00Z"),
        ("America/Sao_Paulo", "2018-11-03T23:00:00Z"),
        ("America/Sao_Paulo", "2019-02-16T23:00:00Z"),
        ("Antarctica/Troll", "2026-03-28T22:00:00Z"),
        ("Asia/Kathmandu", "1985-12-31T15:00:00Z"),
        ("America/Anchorage", "1983-10-30T06:00:00Z"),
    ];

    const ANY_FIELDS: &str = "([0-9*/,LW#?+a-zA-Z-]{1,6} ){4}[0-9*/,LW#?+a-zA-Z-]{1,6}";
    const LIKELY_FIELDS: &str = "([0-9*/,-]{1,4} ){4}[0-7L#+]{1,3}";

    fn field(low: u32, high: u32) -> impl Strategy<Value = String> {
        prop_oneof![
            3 => Just("*".to_string()),
            2 => (low..=high).prop_map(|value| value.to_string()),
            1 => (2u32..20).prop_map(|step| format!("*/{step}")),
            1 => (low..=high, low..=high).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn it_agrees_with_a_walk_over_every_minute(
            night in 0..ODD_NIGHTS.len(),
            wait_minutes in 0i64..12 * 60,
            minute in field(0, 59),
            hour in field(0, 5),
            weekday in prop_oneof![4 => Just("*".to_string()), 1 => field(0, 6)],
        ) {
            let (name, from) = ODD_NIGHTS[night];
            let zone = zone(name);
            let text = format!("{minute} {hour} * * {weekday}");
            let first = from.parse::<Timestamp>().expect("a time in UTC") + SignedDuration::from_mins(wait_minutes);
            let last = first + SignedDuration::from_hours(30);
            prop_assert_eq!(fired(&text, &zone, first, last), walked(&text, &zone, first, last), "{} in {}", text, name);
        }

        #[test]
        fn any_text_is_read_or_refused(text in prop_oneof!["\\PC{0,30}", ANY_FIELDS, LIKELY_FIELDS]) {
            if let Err(error) = Cron::parse(&text) {
                prop_assert!(error.contains(": "), "no cure in {error:?}");
            }
        }
    }
}
