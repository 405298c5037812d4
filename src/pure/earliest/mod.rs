//! When could a ticket be clean at the earliest, and which criterion makes it take that long?
//!
//! Left of it are `schedule`, `playbook` and `assurance`; `check` asks it of a fresh ticket, `ticket
//! show` of a real one. It is a promise in advance, so it assumes the best (every run passes, and
//! every host is there throughout) and must never name a night on which even that would not do.

mod sooner;

pub use sooner::{Sooner, sooner};

use crate::pure::assurance::{Callers, LEARNED_CONTACTS_MIN, Past};
use crate::pure::interval::{Interval, Intervals};
use crate::pure::playbook::{CleanCriteria, Stage};
use crate::pure::schedule::{is_closed, occurrences};
use crate::pure::site::Site;
use jiff::Timestamp;
use std::fmt;
use std::time::Duration;

/// No night further ahead than this is looked at: a playbook that needs longer is refused (design:
/// "The plan tells the truth in advance").
pub const HORIZON: Duration = Duration::from_secs(365 * 86_400);

/// A host whose calling was learned is followed through this many coming runs at most: more than a year of
/// nights. Each is weighed for every caller of the panel.
const FOLLOWED_MAX: u32 = 1_000;

/// The first night on which passes, span and assurance could all be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earliest {
    /// When the run ends that meets the last criterion; `now` when none is missing. `None` when that
    /// is beyond the [`HORIZON`], or never.
    pub at: Option<Timestamp>,
    /// Runs from now on, the last one included; without `at`, how many the horizon holds (0 when
    /// `limiting` is `Unknown`).
    pub nights: u32,
    /// The criterion that is met last, and of several the one that stands last in [`Criterion`];
    /// `Passes` when nothing is missing.
    pub limiting: Criterion,
}

/// What can keep a ticket from being clean for long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Criterion {
    Passes,
    Span,
    Assurance,
    /// The assurance cannot be reached: nothing tells how often the host calls.
    Unknown,
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Criterion::Passes => f.write_str("passes"),
            Criterion::Span => f.write_str("span"),
            Criterion::Assurance => f.write_str("assurance"),
            Criterion::Unknown => write!(
                f,
                "assurance (unknown: needs at least {LEARNED_CONTACTS_MIN} contacts seen before cleaning, or \
                 contact_interval)"
            ),
        }
    }
}

/// The way that lies before a ticket at a site.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    pub verify: &'a Stage,
    pub site: &'a Site,
    pub clean: &'a CleanCriteria,
    pub progress: &'a Progress,
    pub now: Timestamp,
}

/// How far a ticket has come.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Passes in the present row.
    pub passes: u32,
    /// When the first and the last of them began; `None` without a pass.
    pub first_pass: Option<Timestamp>,
    pub last_pass: Option<Timestamp>,
    /// Every blamed host that must become clean; none is without assurance to reach.
    pub hosts: Vec<HostProgress>,
}

/// What is known of one blamed host.
#[derive(Clone, Debug, Default)]
pub struct HostProgress {
    /// From when on its exposure counts; `None`: from now on.
    pub cleaned: Option<Timestamp>,
    /// Who it could be, having stayed unseen so far; `None` when nothing tells how often it calls.
    pub callers: Option<Callers>,
}

impl HostProgress {
    /// A host that called like this before it was cleaned and was exposed since then.
    pub fn of(
        past: &Past,
        cleaned: Option<Timestamp>,
        exposure: &Intervals,
        contact_interval: Option<Duration>,
    ) -> HostProgress {
        let mut callers = Callers::of(past, contact_interval);
        if let (Some(callers), Some(cleaned)) = (&mut callers, cleaned) {
            exposure.as_slice().iter().for_each(|stretch| watch(callers, cleaned, *stretch));
        }
        HostProgress { cleaned, callers }
    }

    /// A host that is cleaned now and of whose contacts nothing is known but what the playbook states.
    pub fn fresh(contact_interval: Option<Duration>) -> HostProgress {
        HostProgress::of(&Past::default(), None, &Intervals::default(), contact_interval)
    }
}

fn watch(callers: &mut Callers, cleaned: Timestamp, stretch: Interval) {
    let since_s = |at: Timestamp| at.duration_since(cleaned).as_secs_f64();
    callers.watch(since_s(stretch.from), since_s(stretch.to));
}

impl Progress {
    /// One host that was cleaned just now and of whose contacts nothing is known but what `clean` states.
    pub fn fresh(clean: &CleanCriteria) -> Progress {
        let hosts = vec![HostProgress::fresh(clean.contact_interval)];
        Progress { passes: 0, first_pass: None, last_pass: None, hosts }
    }
}

/// Walks the coming occurrences of `verify` as if each passed with every host present throughout.
///
/// Occurrences on closed days are suppressed, and a run that reaches into such a day is no pass, as it will
/// be. Jitter is left out, and so is a run that is under way at `now`. A schedule with more than
/// [`OCCURRENCES_MAX`](crate::pure::schedule::OCCURRENCES_MAX) occurrences within the horizon is walked no
/// further than that.
pub fn earliest(way: &Way<'_>) -> Earliest {
    let Way { verify, site, clean, progress, now } = *way;
    let Some(hosts) = waiting(clean, progress, now) else {
        return Earliest { at: None, nights: 0, limiting: Criterion::Unknown };
    };
    let mut walk = Walk {
        passes: progress.passes,
        span: progress.first_pass.zip(progress.last_pass),
        hosts,
        at: now,
        nights: 0,
    };
    let mut limiting = Criterion::Passes;
    let horizon = now.checked_add(HORIZON).unwrap_or(Timestamp::MAX);
    let planned = occurrences(&verify.schedule, &site.timezone, now, horizon);
    let closed = site.closed_intervals();
    let mut open = planned.filter(|planned| !is_closed(&site.closed, &site.timezone, *planned));
    while let Some(missing) = walk.missing(clean) {
        limiting = missing;
        let is_lost = missing == Criterion::Assurance && walk.nights >= FOLLOWED_MAX && walk.is_learned();
        let Some(planned) = open.next().filter(|_| !is_lost) else {
            return Earliest { at: None, nights: walk.nights, limiting };
        };
        let window = Interval::lasting(planned, verify.capture.length);
        walk.watch(window, clean.assurance);
        if !closed.iter().any(|closed| closed.overlaps(window)) {
            walk.count(window.from);
        }
    }
    Earliest { at: Some(walk.at), nights: walk.nights, limiting }
}

/// How far the imagined nights have come.
struct Walk {
    passes: u32,
    /// Begin of the first and of the last pass.
    span: Option<(Timestamp, Timestamp)>,
    /// The hosts whose assurance is not reached, with the instant of their cleaning.
    hosts: Vec<(Timestamp, Callers)>,
    /// When the last run ended.
    at: Timestamp,
    nights: u32,
}

impl Walk {
    /// One more run in which nobody calls. Time that the run before it has watched counts once.
    fn watch(&mut self, window: Interval, wanted: f64) {
        for (cleaned, callers) in &mut self.hosts {
            watch(callers, *cleaned, window);
        }
        self.hosts.retain(|(_, callers)| !is_reached(callers, wanted));
        self.at = self.at.max(window.to);
        self.nights += 1;
    }

    /// It is a pass.
    fn count(&mut self, begun: Timestamp) {
        self.span = Some((self.span.map_or(begun, |(first, _)| first), begun));
        self.passes = self.passes.saturating_add(1);
    }

    fn is_learned(&self) -> bool {
        self.hosts.iter().any(|(_, callers)| callers.is_learned())
    }

    /// The last criterion that is not met; `None` when all are.
    fn missing(&self, clean: &CleanCriteria) -> Option<Criterion> {
        let span_s = self.span.map_or(0.0, |(first, last)| last.duration_since(first).as_secs_f64());
        if !self.hosts.is_empty() {
            Some(Criterion::Assurance)
        } else if span_s < clean.span.as_secs_f64() {
            Some(Criterion::Span)
        } else if self.passes < clean.passes {
            Some(Criterion::Passes)
        } else {
            None
        }
    }
}

/// The hosts whose assurance is not reached yet. `None` when it is unknown for any of them.
fn waiting(clean: &CleanCriteria, progress: &Progress, now: Timestamp) -> Option<Vec<(Timestamp, Callers)>> {
    let callers = |host: &HostProgress| Some((host.cleaned.unwrap_or(now), host.callers.clone()?));
    let mut hosts: Vec<(Timestamp, Callers)> = progress.hosts.iter().map(callers).collect::<Option<_>>()?;
    hosts.retain(|(_, callers)| !is_reached(callers, clean.assurance));
    Some(hosts)
}

/// A certainty is never reached, even where the last digit says so.
fn is_reached(callers: &Callers, wanted: f64) -> bool {
    wanted < 1.0 && callers.assurance() >= wanted
}

#[cfg(test)]
mod tests;
