//! When does a playbook run next at a site, and when could it confirm at the earliest?
//!
//! Used by `check`. The answers come from `pure::schedule` and `pure::earliest`; this puts them into
//! words, and into a problem when it takes too long.

use crate::pure::document::place_of;
use crate::pure::earliest::{Criterion, Earliest, Progress, Sooner, Way, earliest, sooner};
use crate::pure::playbook::{CleanCriteria, Library, Playbook, Stage, StageName};
use crate::pure::problem::{Problem, Severity};
use crate::pure::schedule::is_closed;
use crate::pure::site::Site;
use jiff::Timestamp;
use std::time::Duration;

/// Longer than this to confirm is warned of (design: "The plan tells the truth in advance").
const LONG: Duration = Duration::from_secs(90 * 86_400);

/// How many occurrences are shown.
const SHOWN: usize = 3;

/// Occurrences passed over because the site is closed; more than a year of nights.
const CLOSED_MAX: usize = 2_000;

/// A playbook at a site.
pub struct Forecast<'a> {
    pub playbook: &'a Playbook,
    pub site: &'a Site,
    /// The next occurrences of each stage on days on which the site is not closed.
    pub stages: Vec<(StageName, &'a Stage, Vec<Timestamp>)>,
    pub earliest: Earliest,
    /// What would make that earlier.
    pub sooner: Vec<Sooner>,
    /// Whether the assurance stays unknown until the ticket's own contacts tell how often the host
    /// calls; then `earliest` is by passes and span alone.
    pub is_assurance_open: bool,
}

/// Every playbook at every site.
pub fn forecasts(library: &Library, now: Timestamp) -> Vec<Forecast<'_>> {
    let playbooks = library.playbooks.values();
    playbooks
        .flat_map(|playbook| library.site_file.sites.values().map(move |site| forecast(playbook, site, now)))
        .collect()
}

fn forecast<'a>(playbook: &'a Playbook, site: &'a Site, now: Timestamp) -> Forecast<'a> {
    let stages = playbook.stages().map(|(name, stage)| (name, stage, next(stage, site, now)));
    let is_assurance_open = is_assurance_open(&playbook.clean);
    let fresh = Progress::fresh(&playbook.clean);
    let progress = if is_assurance_open { Progress { hosts: Vec::new(), ..fresh } } else { fresh };
    let (verify, clean) = (&playbook.verify, &playbook.clean);
    let way = Way { verify, site, clean, progress: &progress, now };
    let earliest = earliest(&way);
    let sooner = sooner(&earliest, &way);
    Forecast { playbook, site, stages: stages.collect(), earliest, sooner, is_assurance_open }
}

fn is_assurance_open(clean: &CleanCriteria) -> bool {
    clean.contact_interval.is_none() && clean.assurance > 0.0
}

fn next(stage: &Stage, site: &Site, now: Timestamp) -> Vec<Timestamp> {
    let zone = &site.timezone;
    let planned = std::iter::successors(stage.schedule.next_after(now, zone), |last| {
        stage.schedule.next_after(*last, zone)
    });
    let open = planned.take(CLOSED_MAX).filter(|planned| !is_closed(&site.closed, zone, *planned));
    open.take(SHOWN).collect()
}

/// What is wrong with taking so long, at the key that makes it so.
pub fn too_long(forecast: &Forecast<'_>, text: &str, now: Timestamp) -> Option<Problem> {
    let Forecast { playbook, site, earliest, sooner, .. } = forecast;
    if playbook.clean.assurance >= 1.0 {
        return None; // told where the file was read
    }
    let (key, cure) = match earliest.limiting {
        Criterion::Passes => ("passes", "ask for fewer, or verify more often"),
        Criterion::Span => ("span", "shorten it, or verify more often"),
        Criterion::Assurance | Criterion::Unknown => {
            ("assurance", "capture for longer or more often, or ask for less")
        }
    };
    let cure = sooner.first().map_or(cure.to_owned(), |sooner| format!("{cure}; {}", sooner.words()));
    let (severity, what) = match earliest.at {
        None if earliest.nights == 0 && earliest.limiting != Criterion::Unknown => {
            return Some(never_runs(forecast, text));
        }
        None => {
            let what = format!(
                "`{}` cannot be confirmed at `{}` within a year: `{key}` is not met",
                playbook.name, site.name
            );
            (Severity::Error, what)
        }
        Some(at) if at.duration_since(now).unsigned_abs() > LONG => {
            let days = at.duration_since(now).unsigned_abs().as_secs().div_ceil(86_400);
            let what = format!(
                "`{}` takes {days} days to confirm at `{}`, {} nights: `{key}` is met last",
                playbook.name, site.name, earliest.nights
            );
            (Severity::Warning, what)
        }
        Some(_) => return None,
    };
    // A default stands nowhere; then the section, else the stage that is to be changed.
    let place = [&format!("{key}:"), "clean:", "verify:"].into_iter().find_map(|word| place_of(text, word));
    Some(Problem { severity, path: playbook.path.clone(), place, what, cure: Some(cure) })
}

/// No occurrence of `verify` is left within a year: all lie on closed days, or the cron names days that are rare.
fn never_runs(forecast: &Forecast<'_>, text: &str) -> Problem {
    let Forecast { playbook, site, .. } = forecast;
    Problem {
        severity: Severity::Error,
        path: playbook.path.clone(),
        place: place_of(text, "verify:"),
        what: format!(
            "`verify` never runs at `{}` within a year, so that nothing is ever confirmed",
            site.name
        ),
        cure: Some("verify on other days, or shorten `closed` in the site file".to_owned()),
    }
}

/// `unlisted` where nobody can be asked. Only `check` minds: a simulation asks its script.
pub fn unasked(playbook: &Playbook, library: &Library, text: &str) -> Option<Problem> {
    let is_unasked = playbook.clean.is_unlisted && !library.site_file.has_listing;
    is_unasked.then(|| Problem {
        severity: Severity::Error,
        path: playbook.path.clone(),
        place: place_of(text, "unlisted:"),
        what: "`unlisted` can never be met: the site file has no `listing` to ask".to_owned(),
        cure: Some("add a `listing` section to the site file, or leave `unlisted` out".to_owned()),
    })
}
