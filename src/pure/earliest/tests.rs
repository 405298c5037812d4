//! When could a ticket be clean, by hand?

use super::*;
use crate::pure::playbook::{CaptureSettings, Keep};
use crate::pure::schedule::{Cron, Schedule};
use crate::pure::site::ClosedDays;
use jiff::civil::date;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time in UTC")
}

/// A Monday at noon in Chicago.
pub fn now() -> Timestamp {
    at("2026-11-23T18:00:00Z")
}

pub fn stage(cron: &str, length: Duration) -> Stage {
    Stage {
        schedule: Schedule::Cron(Cron::parse(cron).expect("a good expression")),
        jitter: Duration::from_secs(300),
        capture: CaptureSettings {
            length,
            packets_max: None,
            bytes_max: None,
            filter: None,
            keep: Keep::Hits,
        },
        watchlists: Vec::new(),
        has_listing: false,
    }
}

pub fn site(closed: &[ClosedDays]) -> Site {
    Site {
        name: "springfield".to_string(),
        title: "Springfield School District".to_string(),
        public: Vec::new(),
        inside: Vec::new(),
        resolvers: Vec::new(),
        nat64: Vec::new(),
        timezone: TimeZone::get("America/Chicago").expect("a zone of the bundled database"),
        timezone_name: "America/Chicago".to_string(),
        sources: Vec::new(),
        coordinator: "tech@springfield.example".to_string(),
        closed: closed.to_vec(),
    }
}

/// The defaults, with the interval of two hours that the conficker playbook states.
pub fn criteria() -> CleanCriteria {
    CleanCriteria {
        passes: 5,
        span: 7 * DAY,
        assurance: 0.99,
        contact_interval: Some(2 * HOUR),
        is_unlisted: false,
        watch: 30 * DAY,
    }
}

fn fresh(verify: &Stage, clean: &CleanCriteria) -> Earliest {
    earliest(&Way { verify, site: &site(&[]), clean, progress: &Progress::fresh(clean), now: now() })
}

/// The earliest by [`criteria`] at a site with these closed days.
fn with_closed(verify: &Stage, closed: ClosedDays) -> Earliest {
    let (site, clean) = (site(&[closed]), criteria());
    earliest(&Way { verify, site: &site, clean: &clean, progress: &Progress::fresh(&clean), now: now() })
}

fn expected(at_text: &str, nights: u32, limiting: Criterion) -> Earliest {
    Earliest { at: Some(at(at_text)), nights, limiting }
}

#[test]
fn six_hours_a_school_day_are_held_up_by_the_span() {
    // 9.2 h are needed and there on the second day, 5 passes on the next Monday; 7 days after
    // Tuesday's run comes the sixth.
    let found = fresh(&stage("30 8 * * 1-5", 6 * HOUR), &criteria());
    assert_eq!(found, expected("2026-12-01T20:30:00Z", 6, Criterion::Span));
}

#[test]
fn each_criterion_can_be_the_last() {
    let nightly = |hours| stage("0 22 * * *", hours * HOUR);
    let passes = CleanCriteria { passes: 12, ..criteria() };
    assert_eq!(fresh(&nightly(6), &passes), expected("2026-12-05T10:00:00Z", 12, Criterion::Passes));
    // 27.6 h in nights of two hours.
    let slow = CleanCriteria { contact_interval: Some(6 * HOUR), ..criteria() };
    assert_eq!(fresh(&nightly(2), &slow), expected("2026-12-07T06:00:00Z", 14, Criterion::Assurance));
    let nothing = CleanCriteria { passes: 1, span: Duration::ZERO, assurance: 0.0, ..criteria() };
    assert_eq!(fresh(&nightly(2), &nothing), expected("2026-11-24T06:00:00Z", 1, Criterion::Passes));
}

#[test]
fn half_hour_nights_against_six_hours_take_56() {
    let clean = CleanCriteria { contact_interval: Some(6 * HOUR), ..criteria() };
    let found = fresh(&stage("0 2 * * *", HOUR / 2), &clean);
    assert_eq!(found, expected("2027-01-18T08:30:00Z", 56, Criterion::Assurance));
}

#[test]
fn school_breaks_are_waited_for() {
    let closed = ClosedDays { first: date(2026, 11, 26), last: date(2026, 12, 6) };
    let verify = stage("30 8 * * 1-5", 6 * HOUR);
    let found = with_closed(&verify, closed);
    // Tuesday and Wednesday before, Monday to Wednesday after.
    assert_eq!(found, expected("2026-12-09T20:30:00Z", 5, Criterion::Passes));
    // The night of Wednesday reaches into Thursday.
    let nightly = stage("0 22 * * *", 6 * HOUR);
    let found = with_closed(&nightly, closed);
    assert_eq!(found, expected("2026-12-10T10:00:00Z", 6, Criterion::Passes));
}

#[test]
fn more_than_a_year_is_never() {
    let monthly = stage("0 2 1 * *", HOUR / 2);
    let found = fresh(&monthly, &criteria());
    assert_eq!(found, Earliest { at: None, nights: 12, limiting: Criterion::Assurance });
    let long = CleanCriteria { span: 400 * DAY, ..criteria() };
    assert_eq!(fresh(&stage("0 22 * * *", 6 * HOUR), &long).limiting, Criterion::Span);
    let certain = CleanCriteria { assurance: 1.0, ..criteria() };
    let found = fresh(&stage("0 22 * * *", 6 * HOUR), &certain);
    assert_eq!(found, Earliest { at: None, nights: 365, limiting: Criterion::Assurance });
    let always_closed = ClosedDays { first: date(2026, 1, 1), last: date(2030, 1, 1) };
    let found = with_closed(&monthly, always_closed);
    assert_eq!((found.at, found.nights), (None, 0));
}

#[test]
fn a_rate_that_nobody_knows_is_named() {
    let silent = CleanCriteria { contact_interval: None, ..criteria() };
    let nightly = stage("0 22 * * *", 6 * HOUR);
    assert_eq!(fresh(&nightly, &silent), Earliest { at: None, nights: 0, limiting: Criterion::Unknown });
    let of = |contacts: u32| {
        let contacts: Vec<f64> = (0..contacts).map(|index| f64::from(index) * 7200.0).collect();
        let past = Past::of(&contacts, &[(0.0, 1e6)]);
        let host = HostProgress::of(&past, None, &Intervals::default(), None);
        let progress = Progress { hosts: vec![host], ..Progress::fresh(&silent) };
        let (site, verify) = (site(&[]), &nightly);
        earliest(&Way { verify, site: &site, clean: &silent, progress: &progress, now: now() }).limiting
    };
    assert_eq!((of(5), of(6)), (Criterion::Unknown, Criterion::Span));
}

#[test]
fn what_is_reached_already_counts() {
    let cleaned = at("2026-11-20T04:00:00Z");
    let exposure = Intervals::of([Interval::lasting(cleaned, Duration::from_secs(40_000))]);
    let interval = criteria().contact_interval;
    let enough = HostProgress::of(&Past::default(), Some(cleaned), &exposure, interval);
    let nightly = stage("0 22 * * *", 6 * HOUR);
    let progress = |hosts: &[HostProgress], passes| Progress {
        passes,
        first_pass: Some(at("2026-11-15T04:00:00Z")),
        last_pass: Some(at("2026-11-23T04:00:00Z")),
        hosts: hosts.to_vec(),
    };
    let (verify, site, clean) = (&nightly, &site(&[]), &criteria());
    let of = |progress| earliest(&Way { verify, site, clean, progress: &progress, now: now() });
    assert_eq!(
        of(progress(std::slice::from_ref(&enough), 5)),
        Earliest { at: Some(now()), nights: 0, limiting: Criterion::Passes }
    );
    assert_eq!(of(progress(&[], 5)).nights, 0, "all hosts have left the network");
    assert_eq!(
        of(progress(std::slice::from_ref(&enough), 4)),
        expected("2026-11-24T10:00:00Z", 1, Criterion::Passes)
    );
    let behind = [enough, HostProgress::fresh(interval)];
    assert_eq!(of(progress(&behind, 5)), expected("2026-11-25T10:00:00Z", 2, Criterion::Assurance));
}

#[test]
fn windows_that_overlap_are_watched_once() {
    let hourly = stage("0 * * * *", 2 * HOUR);
    let clean = CleanCriteria { passes: 1, span: Duration::ZERO, ..criteria() };
    // 9.2 h from 19:00 on: the runs that begin at 19:00 to 03:00 watch ten hours between them.
    assert_eq!(fresh(&hourly, &clean), expected("2026-11-24T05:00:00Z", 9, Criterion::Assurance));
}

#[test]
fn the_walk_is_bounded() {
    let mut often = stage("0 0 * * *", Duration::from_secs(1));
    often.schedule = Schedule::Every(Duration::from_secs(60));
    let certain = CleanCriteria { assurance: 1.0, ..criteria() };
    assert_eq!(fresh(&often, &certain).nights as usize, crate::pure::schedule::OCCURRENCES_MAX);
    let names: BTreeSet<String> =
        [Criterion::Passes, Criterion::Span, Criterion::Assurance, Criterion::Unknown]
            .iter()
            .map(Criterion::to_string)
            .collect();
    assert_eq!(names.len(), 4, "each criterion has a name of its own");
}
