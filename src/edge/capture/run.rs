//! What came of a planned capture? Carries out a [`CapturePlan`] on all its sources at once.
//!
//! Left of it is `plan`, right of it `verdict`. It decides nothing: what a source could not do is in
//! its [`SourceFacts`], in words.

use super::audience::Alone;
use super::command;
use super::evidence::Pace;
use super::hub::{Hub, Terms};
use super::listener::{Listener, path_of};
use super::lists::{Lists, Order};
use super::member::Departure;
use super::pen::leave_log_room;
use super::probes::Sent;
use super::published::{Published, Taken, publish};
use super::recordings::Recordings;
use super::session::{Absent, OnFrame, Session};
use super::stop::Stop;
use crate::pure::filter::for_command;
use crate::pure::plan::CapturePlan;
use crate::pure::sighting::{Ledger, Left};
use crate::pure::site::{Source, SourceKind};
use crate::pure::verdict::{
    Asked, CaptureFacts, Control, Ending, EvidenceFile, Listened, SourceFacts, SystemClock,
};
use crate::pure::watchlist::Index;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How often a source of recorded files looks whether its window is over.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// What a capture needs of the world besides the plan.
pub struct Means<'a> {
    /// Where runs share the capture of an interface.
    pub hub: &'a Hub,
    pub lists: &'a Lists,
    /// Evidence goes below it.
    pub state_dir: &'a Path,
    pub stop: &'a Stop,
    pub clock: fn() -> Timestamp,
    /// Whether a source that is not there yet is waited for.
    pub absent: Absent,
    /// Handed on to the judge.
    pub system_clock: SystemClock,
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
    let loaded = means.lists.load(&Order::of(plan, means.state_dir, (means.clock)()));
    let shared = Arc::new(plan.clone());
    let shown = thread::scope(|scope| {
        let (shared, index) = (&shared, &loaded.index);
        let threads: Vec<_> = plan
            .sources
            .iter()
            .map(|source| (source, scope.spawn(move || capture_source(shared, source, index, means))))
            .collect();
        threads
            .into_iter()
            .map(|(source, thread)| thread.join().unwrap_or_else(|_| blind(source)))
            .collect::<Vec<_>>()
    });
    let (sources, mut troubles): (Vec<_>, Vec<_>) = shown.into_iter().unzip();
    troubles.insert(0, loaded.troubles);
    let facts = plan.facts(sources, loaded.facts, means.system_clock);
    Captured { facts, troubles: troubles.concat() }
}

fn capture_source(
    plan: &Arc<CapturePlan>,
    source: &Source,
    index: &Index,
    means: &Means<'_>,
) -> (SourceFacts, Vec<String>) {
    // Of a window that is over, recordings are all there is.
    let is_to_come = plan.window.to > (means.clock)();
    let probing = if is_to_come { means.hub.probes().begin(source, means.clock) } else { None };
    let (mut facts, mut troubles) = hear_source(plan, source, index, means);
    if let (Some(probe), Some(probing)) = (&mut facts.probe, probing) {
        let Sent { sent, failure } = probing.sent(plan.window);
        (probe.sent, probe.failure) = (Some(sent), failure);
    }
    match keep_ledger(plan, source, &facts.ledger, means.state_dir) {
        Ok(file) => facts.ledger_file = file,
        Err(why) => troubles.push(why),
    }
    (facts, troubles)
}

fn hear_source(
    plan: &Arc<CapturePlan>,
    source: &Source,
    index: &Index,
    means: &Means<'_>,
) -> (SourceFacts, Vec<String>) {
    let pace = if source.kind.is_recorded() { Pace::Recorded } else { Pace::Live };
    let listener = Listener::new(plan, source, index, means.state_dir, pace);
    let session = Session { window: plan.window, stop: means.stop, clock: means.clock, absent: means.absent };
    match &source.kind {
        SourceKind::Interface(name) => {
            let terms = Terms {
                interface: name.clone(),
                window: plan.window,
                stop: means.stop.clone(),
                clock: means.clock,
                absent: means.absent,
            };
            match means.hub.hear(listener, terms) {
                Some(departure) => {
                    let Departure { listener, left, listened } = *departure;
                    listener.finish(left, listened)
                }
                None => blind(source),
            }
        }
        SourceKind::Command(argv) => {
            // Addresses that a translator made are told apart only here.
            let text = plan.filter.as_deref().filter(|_| plan.nat64.is_empty());
            let filter = text.map(|text| for_command(text, &plan.blamed, source)).unwrap_or_default();
            let mut alone = Alone::new(listener);
            let listened = command::listen(argv, &filter, &session, &mut |frame| alone.take(frame));
            alone.finish(listened)
        }
        SourceKind::Files(pattern) => {
            let mut alone = Alone::new(listener);
            let (listened, mut troubles) =
                listen_to_files(pattern, &plan.zone, &session, &mut |frame| alone.take(frame));
            let (facts, told) = alone.finish(listened);
            troubles.extend(told);
            (facts, troubles)
        }
    }
}

/// Keeps the coverage ledger beside the evidence: what could be seen can be looked at later.
fn keep_ledger(
    plan: &CapturePlan,
    source: &Source,
    ledger: &Ledger,
    state_dir: &Path,
) -> Result<Option<EvidenceFile>, String> {
    if ledger.is_empty() {
        return Ok(None);
    }
    let path = path_of(plan, source, "coverage.tsv");
    let table = ledger.table();
    let packets = ledger.buckets().map(|(_, bucket)| bucket.heard_packets).sum();
    let place = state_dir.join(&path);
    let published =
        leave_log_room(&place, table.len()).and_then(|()| publish(&place, table.as_bytes(), Taken::SetAside));
    match published {
        Ok(Published { sha256, bytes }) => Ok(Some(EvidenceFile { path, sha256, bytes, packets })),
        Err(error) => {
            Err(format!("the coverage ledger {path} cannot be kept: {error}: free or mend the disk"))
        }
    }
}

/// Waits until the window is over, since files are recorded while it lasts; then reads them.
fn listen_to_files(
    pattern: &str,
    zone: &TimeZone,
    session: &Session<'_>,
    on_frame: &mut OnFrame<'_>,
) -> (Listened, Vec<String>) {
    while (session.clock)() < session.window.to && !session.stop.is_requested() {
        thread::sleep(LOOK_PAUSE);
    }
    let is_stopped = session.stop.is_requested();
    match Recordings::open_for(pattern, zone, session.window, (session.clock)()) {
        Err(what) => (Listened::nothing(Ending::SourceGone(what)), Vec::new()),
        Ok(recordings) => {
            // What was recorded before somebody stopped us still counts.
            let stop = if is_stopped { Stop::new() } else { session.stop.clone() };
            let mut listened = recordings.listen(session.window, &stop, on_frame);
            // Its window was not over: nobody can say that nothing was going to be recorded.
            if is_stopped && matches!(listened.ending, Ending::TimeUp | Ending::NothingRecorded) {
                listened.ending = Ending::Stopped;
            }
            (listened, recordings.troubles().to_vec())
        }
    }
}

/// What is known of a source whose listener broke an invariant.
fn blind(source: &Source) -> (SourceFacts, Vec<String>) {
    let why = format!("listening to {} failed by a fault of allclear: report it", source.name);
    let listened = Listened::nothing(Ending::SourceGone(why));
    let facts = SourceFacts::of(&source.name, Left::default(), listened, &Asked::default());
    (SourceFacts { control: Control::Missing, ..facts }, Vec::new())
}
