//! What came of a planned capture? Carries out a [`CapturePlan`] on all its sources at once.
//!
//! Left of it is `plan`, right of it `verdict`. It decides nothing: what a source could not do is in
//! its [`SourceFacts`], in words.

use super::command;
use super::evidence::Pace;
use super::filter;
use super::interface;
use super::listener::Listener;
use super::lists;
use super::recordings::Recordings;
use super::session::{Listened, OnFrame, Session};
use super::stop::Stop;
use crate::pure::interval::Intervals;
use crate::pure::plan::CapturePlan;
use crate::pure::sighting::{Ledger, Observation};
use crate::pure::site::{Source, SourceKind};
use crate::pure::verdict::{CaptureFacts, Control, Ending, SourceFacts};
use crate::pure::watchlist::Index;
use jiff::Timestamp;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Blamed hosts that a remote filter lets through at most; with more, nothing is filtered there.
const BLAMED_IN_FILTER_MAX: usize = 32;

/// Who must be let through a filter that runs elsewhere, so that coverage can be judged.
const ALWAYS_THROUGH: [&str; 2] = ["arp", "udp port 67 or udp port 68 or udp port 546 or udp port 547"];

/// How often a source of recorded files looks whether its window is over.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// What a capture needs of the world besides the plan.
pub struct Means<'a> {
    /// Evidence goes below it.
    pub state_dir: &'a Path,
    pub stop: &'a Stop,
    pub clock: fn() -> Timestamp,
    /// Handed on to the judge.
    pub is_clock_synchronised: Option<bool>,
}

/// What came of a capture.
#[derive(Clone, Debug, PartialEq)]
pub struct Captured {
    /// For the judge; `listing` is left for the one who asked the DNSBL.
    pub facts: CaptureFacts,
    /// What else a person should know, in sentences: evidence that could not be written, files that
    /// are no captures.
    pub troubles: Vec<String>,
}

/// Captures until the plan's window is over, on all sources at once, each in a thread of its own. A
/// source of recorded files is read when the window is over.
pub fn capture(plan: &CapturePlan, means: &Means<'_>) -> Captured {
    let loaded = lists::load(&plan.watchlists, (means.clock)());
    let shown = thread::scope(|scope| {
        let index = &loaded.index;
        let threads: Vec<_> = plan
            .sources
            .iter()
            .map(|source| (source, scope.spawn(move || capture_source(plan, source, index, means))))
            .collect();
        threads
            .into_iter()
            .map(|(source, thread)| thread.join().unwrap_or_else(|_| (blind(source), Vec::new())))
            .collect::<Vec<_>>()
    });
    let (sources, troubles): (Vec<_>, Vec<_>) = shown.into_iter().unzip();
    let facts = CaptureFacts {
        planned: plan.window,
        sources,
        watchlists: loaded.facts,
        blamed: plan.blamed.clone(),
        listing: None,
        is_clock_synchronised: means.is_clock_synchronised,
    };
    Captured { facts, troubles: troubles.concat() }
}

fn capture_source(
    plan: &CapturePlan,
    source: &Source,
    index: &Arc<Index>,
    means: &Means<'_>,
) -> (SourceFacts, Vec<String>) {
    let pace = match source.kind {
        SourceKind::Interface(_) | SourceKind::Command(_) => Pace::Live,
        SourceKind::Files(_) => Pace::Recorded,
    };
    let mut listener = Listener::new(plan, source, index, means.state_dir, pace);
    let session = Session { window: plan.window, stop: means.stop, clock: means.clock };
    let on_frame: &mut OnFrame<'_> = &mut |frame| listener.take(frame);
    let (listened, mut troubles) = match &source.kind {
        SourceKind::Interface(name) => {
            (interface::listen(name, source.ring_bytes, &session, on_frame), Vec::new())
        }
        SourceKind::Command(argv) => {
            (command::listen(argv, &remote_filter(plan, source), &session, on_frame), Vec::new())
        }
        SourceKind::Files(pattern) => listen_to_files(pattern, &session, on_frame),
    };
    let (facts, told) = listener.finish(listened);
    troubles.extend(told);
    (facts, troubles)
}

/// Waits until the window is over, since files are recorded while it lasts; then reads them.
fn listen_to_files(
    pattern: &str,
    session: &Session<'_>,
    on_frame: &mut OnFrame<'_>,
) -> (Listened, Vec<String>) {
    while (session.clock)() < session.window.to && !session.stop.is_requested() {
        thread::sleep(LOOK_PAUSE);
    }
    let is_stopped = session.stop.is_requested();
    match Recordings::open(pattern) {
        Err(what) => (Listened::nothing(Ending::SourceGone(what)), Vec::new()),
        Ok(recordings) => {
            // What was recorded before somebody stopped us still counts.
            let stop = if is_stopped { Stop::new() } else { session.stop.clone() };
            let mut listened = recordings.listen(session.window, &stop, on_frame);
            if is_stopped && listened.ending == Ending::TimeUp {
                listened.ending = Ending::Stopped;
            }
            (listened, recordings.troubles().to_vec())
        }
    }
}

/// What a command may filter by itself; empty when it must not filter. Coverage needs the control
/// and the blamed hosts, whatever the run's filter is.
fn remote_filter(plan: &CapturePlan, source: &Source) -> String {
    match &plan.filter {
        Some(filter) if plan.blamed.len() <= BLAMED_IN_FILTER_MAX => {
            let always = ALWAYS_THROUGH.map(str::to_owned);
            let blamed = plan.blamed.iter().map(|blamed| format!("host {}", blamed.host));
            let others: Vec<String> =
                always.into_iter().chain(source.positive_control.clone()).chain(blamed).collect();
            filter::superset(filter, &others)
        }
        _ => String::new(),
    }
}

/// What is known of a source whose listener broke an invariant.
fn blind(source: &Source) -> SourceFacts {
    SourceFacts {
        name: source.name.clone(),
        watched: Intervals::default(),
        ending: Ending::SourceGone(format!(
            "listening to {} failed by a fault of allclear: report it",
            source.name
        )),
        observation: Observation::default(),
        control: Control::Missing,
        presences: Vec::new(),
        ledger: Ledger::default(),
        evidence: None,
        evidence_gaps: Vec::new(),
    }
}
