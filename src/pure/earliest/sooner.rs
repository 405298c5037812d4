//! What would make a ticket clean sooner, and by how much?
//!
//! Beside `earliest`, which it asks about plans that are a little different. It must name only what really
//! helps, and never a criterion below its default.

use super::{Criterion, Earliest, Way, earliest};
use crate::pure::number::{count, typed};
use crate::pure::playbook::{CleanCriteria, Stage};
use crate::pure::schedule::{Cron, Schedule, occurrences};
use crate::pure::site::Site;
use jiff::Timestamp;
use std::time::Duration;

/// Lengths of a capture that are tried, in hours: what a night or a school day has.
const CAPTURE_HOURS: [u64; 4] = [8, 6, 4, 2];

/// Coming occurrences that are looked at for the shortest time between two: more than a year of nights.
const PLANNED_MAX: usize = 400;

/// A change that helps by less is not worth a word.
const GAIN_MIN: Duration = Duration::from_secs(86_400);

/// One change of the plan, and what it leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Sooner {
    /// The key of the playbook, such as `verify.capture.for`.
    pub key: &'static str,
    /// What it is now, and what it would be, as a person writes it.
    pub from: String,
    pub to: String,
    pub earliest: Earliest,
    /// The nights that it takes as it is; `None` when it is not reached within a year.
    pub nights_now: Option<u32>,
    /// When that is.
    pub at_now: Option<Timestamp>,
}

impl Sooner {
    /// `8h in place of 30m: 4 nights in place of 56`; `..., 3 days sooner`, where it takes as many nights.
    pub fn words(&self) -> String {
        let nights = count(u64::from(self.earliest.nights), "night");
        let gain = match self.nights_now {
            None => "in place of more than a year".to_owned(),
            Some(now) if now == self.earliest.nights => {
                let gained = self.at_now.zip(self.earliest.at).map(|(now, at)| now.duration_since(at));
                let days = gained.map_or(0, |gained| gained.as_hours() / 24);
                format!("as now, {} sooner", count(days.unsigned_abs(), "day"))
            }
            Some(now) => format!("in place of {now}"),
        };
        format!("`{}` {} in place of {}: {nights} {gain}", self.key, self.to, self.from)
    }
}

/// The changes that help beside `today`, the earliest as it is planned, one of a kind; none when it is as soon
/// as it can be, or unknown.
pub fn sooner(today: &Earliest, way: &Way<'_>) -> Vec<Sooner> {
    let Way { verify, site, clean, now, .. } = *way;
    let walk = |verify: &Stage, clean: &CleanCriteria| earliest(&Way { verify, clean, ..*way });
    // Nothing but more runs helps where another criterion is met last: the way along a year of them is long.
    let is_last = |criterion| today.limiting == criterion;
    let longer = is_last(Criterion::Assurance).then(|| longer(verify, site, now)).flatten().map(|stage| {
        let (from, to) = (typed(verify.capture.length), typed(stage.capture.length));
        ("verify.capture.for", from, to, walk(&stage, clean))
    });
    let daily =
        daily(verify).into_iter().map(|(from, to, stage)| ("verify.cron", from, to, walk(&stage, clean)));
    // Nobody is told to be satisfied with less than the defaults.
    let least = CleanCriteria::default();
    let passes = (is_last(Criterion::Passes) && clean.passes > least.passes).then(|| {
        let fewer = CleanCriteria { passes: (clean.passes / 2).max(least.passes), ..clean.clone() };
        ("clean.passes", clean.passes.to_string(), fewer.passes.to_string(), walk(verify, &fewer))
    });
    let span = (is_last(Criterion::Span) && clean.span > least.span).then(|| {
        let shorter = CleanCriteria { span: least.span, ..clean.clone() };
        ("clean.span", typed(clean.span), typed(least.span), walk(verify, &shorter))
    });
    let tried = longer.into_iter().chain(daily).chain(passes).chain(span);
    let helpful = tried.filter(|(.., changed)| is_sooner(changed, today, now));
    let nights_now = today.at.map(|_| today.nights);
    helpful
        .map(|(key, from, to, earliest)| Sooner { key, from, to, earliest, nights_now, at_now: today.at })
        .collect()
}

fn is_sooner(changed: &Earliest, today: &Earliest, now: Timestamp) -> bool {
    let Some(at) = changed.at else { return false };
    let today_at = today.at.unwrap_or(now.checked_add(super::HORIZON).unwrap_or(Timestamp::MAX));
    at.checked_add(GAIN_MIN).is_ok_and(|at| at <= today_at)
}

/// The same with the longest capture that fits between two occurrences; `None` when none is longer.
fn longer(verify: &Stage, site: &Site, now: Timestamp) -> Option<Stage> {
    let horizon = now.checked_add(super::HORIZON).unwrap_or(Timestamp::MAX);
    let planned: Vec<Timestamp> =
        occurrences(&verify.schedule, &site.timezone, now, horizon).take(PLANNED_MAX).collect();
    let gap = planned.windows(2).map(|pair| pair[1].duration_since(pair[0]).unsigned_abs()).min()?;
    let room = gap.saturating_sub(verify.jitter);
    let lengths = CAPTURE_HOURS.iter().map(|hours| Duration::from_secs(hours * 3600));
    let length = lengths.filter(|length| *length > verify.capture.length && *length <= room).max()?;
    let mut stage = verify.clone();
    stage.capture.length = length;
    Some(stage)
}

/// The same at the same times of every day, with both ways in words; `None` when it is so already.
fn daily(verify: &Stage) -> Option<(String, String, Stage)> {
    let Schedule::Cron(cron) = &verify.schedule else { return None };
    let fields: Vec<&str> = cron.text.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields[..] else { return None };
    if [day, month, weekday] == ["*"; 3] {
        return None;
    }
    let text = format!("{minute} {hour} * * *");
    let stage = Stage { schedule: Schedule::Cron(Cron::parse(&text).ok()?), ..verify.clone() };
    Some((format!("\"{}\"", cron.text), format!("\"{text}\""), stage))
}

#[cfg(test)]
mod tests {
    use super::super::Progress;
    use super::super::tests::{criteria, now, site, stage};
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn told(verify: &Stage, clean: &CleanCriteria) -> Vec<String> {
        let (site, progress) = (site(&[]), Progress::fresh(clean));
        let way = Way { verify, site: &site, clean, progress: &progress, now: now() };
        sooner(&earliest(&way), &way).iter().map(Sooner::words).collect()
    }

    #[test]
    fn only_what_helps_is_named_with_what_it_leads_to() {
        let slow = CleanCriteria { contact_interval: Some(6 * HOUR), ..criteria() };
        assert_eq!(
            told(&stage("0 2 * * *", HOUR / 2), &slow),
            ["`verify.capture.for` 8h in place of 30m: 8 nights in place of 56"],
            "27.6 h are there in four nights, and the span asks for eight"
        );
        assert_eq!(
            told(&stage("0 2 * * 1", HOUR / 2), &slow),
            [
                "`verify.capture.for` 8h in place of 30m: 5 nights in place of more than a year",
                "`verify.cron` \"0 2 * * *\" in place of \"0 2 * * 1\": 56 nights in place of more than a year",
            ]
        );
        let strict = CleanCriteria { passes: 40, span: 30 * 24 * HOUR, ..criteria() };
        let nightly = stage("0 22 * * *", 8 * HOUR);
        assert_eq!(told(&nightly, &strict), ["`clean.passes` 20 in place of 40: 31 nights in place of 40"]);
        assert_eq!(told(&nightly, &criteria()), [""; 0], "the defaults are as short as it gets");
        let eight = CleanCriteria { passes: 8, ..criteria() };
        let weekend = told(&stage("0 2 * * 6,0", 8 * HOUR), &eight);
        let expected =
            "`verify.cron` \"0 2 * * *\" in place of \"0 2 * * 6,0\": 8 nights as now, 19 days sooner";
        assert!(weekend.iter().any(|words| words == expected), "{weekend:?}");
    }

    #[test]
    fn a_capture_is_no_longer_than_the_next_occurrence_allows() {
        let slow = CleanCriteria { contact_interval: Some(20 * HOUR), ..criteria() };
        let told = told(&stage("0 0,6 * * *", HOUR / 2), &slow);
        assert!(
            told.iter().any(|words| words.starts_with("`verify.capture.for` 4h in place of 30m")),
            "{told:?}"
        );
    }

    /// The other changes are not even tried: the plans here are all kinds of short, thin and strict.
    #[test]
    fn nothing_helps_but_a_change_of_what_is_met_last() {
        let site = site(&[]);
        let mut seen = std::collections::BTreeSet::new();
        for (cron, length) in [
            ("0 2 * * *", HOUR / 2),
            ("0 22 * * *", 8 * HOUR),
            ("0 22 * * 1-5", 2 * HOUR),
            ("0 2 * * 1", HOUR),
            ("0 0 1 1 *", HOUR),
        ] {
            for (passes, span_days, interval_hours) in
                [(5, 7, 2), (40, 7, 2), (12, 30, 2), (5, 7, 6), (40, 30, 6), (400, 7, 2), (5, 7, 100)]
            {
                let contact_interval = Some(interval_hours * HOUR);
                let span = span_days * 24 * HOUR;
                let clean = CleanCriteria { passes, span, contact_interval, ..criteria() };
                let (verify, progress) = (stage(cron, length), Progress::fresh(&clean));
                let way =
                    Way { verify: &verify, site: &site, clean: &clean, progress: &progress, now: now() };
                let walk = |verify: &Stage, clean: &CleanCriteria| earliest(&Way { verify, clean, ..way });
                let today = earliest(&way);
                let fewer = CleanCriteria { passes: CleanCriteria::default().passes, ..clean.clone() };
                let shorter = CleanCriteria { span: CleanCriteria::default().span, ..clean.clone() };
                let longest = longer(&verify, &site, now()).map(|stage| walk(&stage, &clean));
                for (criterion, changed) in [
                    (Criterion::Assurance, longest),
                    (Criterion::Passes, Some(walk(&verify, &fewer))),
                    (Criterion::Span, Some(walk(&verify, &shorter))),
                ] {
                    let helps = changed.is_some_and(|changed| is_sooner(&changed, &today, now()));
                    assert!(
                        !helps || today.limiting == criterion,
                        "{cron} {clean:?}: {criterion}, {today:?}"
                    );
                    seen.extend(helps.then_some(criterion));
                }
            }
        }
        assert_eq!(seen.len(), 3, "each of them helps somewhere");
    }
}
