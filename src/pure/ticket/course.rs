//! Which occurrences of a stage are planned and not on record, and what becomes of each? Nothing
//! planned is ever without an outcome, and nothing has two.
//!
//! It knows schedules, breaks and holds, and no ticket: what needs no ticket is planned here, too.

use super::lapsed::{Lapsing, Unrun};
use super::{Absence, Event, LapsedRecord, Run, RunId, RunStart};
use crate::pure::interval::Interval;
use crate::pure::playbook::{Stage, StageName};
use crate::pure::schedule;
use crate::pure::site::ClosedDays;
use crate::pure::verdict::{Outcome, ReasonCode};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// How much later than planned a run may begin and still count as on time.
pub const ON_TIME: SignedDuration = SignedDuration::from_secs(60);

/// Occurrences in a break or hold go on record together, once in so long: each for itself, a stage of
/// every quarter of an hour would make 1,344 events of a ticket in two weeks in which nothing happens.
const IDLE_BATCH: SignedDuration = SignedDuration::from_hours(24);

/// The occurrences of a stage that are planned and not on record.
pub struct Course<'a> {
    pub name: StageName,
    pub stage: &'a Stage,
    pub zone: &'a TimeZone,
    /// What the jitter is drawn for.
    pub key: String,
    /// They are planned later than this.
    pub after: Timestamp,
    /// They are planned earlier than this.
    pub before: Timestamp,
    /// Whether only the first of each week counts.
    pub is_weekly: bool,
    pub closed: &'a [ClosedDays],
    pub held: Vec<Interval>,
}

/// What one look at a course may know besides.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub now: Timestamp,
    pub next_run: RunId,
    /// Whether a run of the stage has not ended.
    pub is_running: bool,
    /// Why there was no look before.
    pub absence: Absence,
}

/// What fell due.
pub struct Fallen {
    pub events: Vec<Event>,
    /// Whether nothing of the course is left.
    pub is_over: bool,
}

/// One occurrence that is not on record yet.
struct Planned {
    at: Timestamp,
    /// From the planned time and its jitter on.
    window: Interval,
}

/// What becomes of an occurrence that does not run, and why.
pub type Hindrance = (Outcome, ReasonCode, &'static str);

const HELD: Hindrance =
    (Outcome::Suppressed, ReasonCode::OnHold, "the ticket was on hold: a machine that is off proves nothing");
const CLOSED: Hindrance = (
    Outcome::Suppressed,
    ReasonCode::SiteClosed,
    "the site was closed: a machine that is off proves nothing",
);
const STILL_RUNNING: Hindrance = (
    Outcome::Skipped,
    ReasonCode::StillRunning,
    "the occurrence before it was still running: capture for a shorter time, or less often",
);
/// Why an occurrence that could still begin never does.
pub const RESCHEDULED: Hindrance = (
    Outcome::Suppressed,
    ReasonCode::ScheduleChanged,
    "the schedule was changed before it could begin: nothing to do, the new one goes on",
);
/// As [`RESCHEDULED`].
pub const GONE_ON: Hindrance = (
    Outcome::Suppressed,
    ReasonCode::PhaseChanged,
    "the ticket went on to another phase before it could begin: nothing to do",
);

/// Whether a stage is running at `now`, for as much as its next occurrence minds. One whose window is over is
/// only being judged: it stands in the way of nobody who watches without a pause, unless it is not alone.
pub fn is_running<'a>(open: impl Iterator<Item = &'a Run>, now: Timestamp) -> bool {
    let planned: Vec<&Run> = open.filter(|run| run.occurrence.is_some()).collect();
    planned.len() > 1 || planned.iter().any(|run| run.window_end > now)
}

/// What fell due since the last look: runs that begin, and occurrences that never run.
pub fn fall_due(course: &Course<'_>, look: &Look) -> Fallen {
    let mut lapsing = Lapsing::from(look.next_run);
    let mut is_running = look.is_running;
    let mut is_over = true;
    for planned in course.planned() {
        if planned.window.from > look.now {
            is_over = false;
            break;
        }
        match course.hindrance(&planned, look, is_running) {
            Some(hindrance) => lapsing.pass(course.unrun(&planned, hindrance)),
            None => {
                let run = lapsing.number();
                lapsing.push(Event::RunStarted(course.start(&planned, run, look.now)));
                is_running = true;
            }
        }
    }
    if !is_over && lapsing.tail().is_some_and(|first| is_withheld(first, look.now)) {
        lapsing.drop_tail();
    }
    Fallen { events: lapsing.finish(), is_over }
}

/// The events of every occurrence planned up to now, whether or not its time has come: the course ends,
/// which is what `end` says of those that could still begin.
pub fn settle(course: &Course<'_>, look: &Look, end: Hindrance) -> Vec<Event> {
    let mut lapsing = Lapsing::from(look.next_run);
    for planned in course.planned().take_while(|planned| planned.at <= look.now) {
        let hindrance = course.hindrance(&planned, look, look.is_running).unwrap_or(end);
        lapsing.pass(course.unrun(&planned, hindrance));
    }
    lapsing.finish()
}

/// The occurrences whose fate is sealed although it is not on record yet: for those who read.
pub fn sealed(course: &Course<'_>, look: &Look) -> Vec<LapsedRecord> {
    let mut lapsing = Lapsing::from(look.next_run);
    for planned in course.planned().take_while(|planned| planned.window.from <= look.now) {
        if let Some(hindrance) = course.hindrance(&planned, look, look.is_running) {
            lapsing.pass(course.unrun(&planned, hindrance));
        }
    }
    lapsing.finish().iter().filter_map(Event::lapsed).collect()
}

/// The first instant at which [`fall_due`] has something to say; `None` when nothing is left.
pub fn next_due(course: &Course<'_>) -> Option<Timestamp> {
    let mut planned = course.planned();
    let first = planned.next()?.window.from;
    let Some(idle) = course.idle(first) else { return Some(first) };
    let full = first.saturating_add(IDLE_BATCH).unwrap_or(Timestamp::MAX);
    let mut last = first;
    for next in planned.map(|planned| planned.window.from) {
        if next >= full {
            return Some(full);
        }
        if course.idle(next) != Some(idle) {
            return Some(next);
        }
        last = next;
    }
    Some(last)
}

/// The window of the first occurrence that begins after `now`; `None` when none is planned.
pub fn next_window(course: &Course<'_>, now: Timestamp) -> Option<Interval> {
    course.planned().map(|planned| planned.window).find(|window| window.from > now)
}

/// Whether the last occurrences are of a break or hold that goes on: they wait until a day is full.
fn is_withheld(first: &Unrun, now: Timestamp) -> bool {
    first.code.is_idle() && now.duration_since(first.window.from) < IDLE_BATCH
}

impl Course<'_> {
    fn planned(&self) -> impl Iterator<Item = Planned> + '_ {
        let schedule = &self.stage.schedule;
        let every =
            (!self.is_weekly).then(|| schedule::occurrences(schedule, self.zone, self.after, Timestamp::MAX));
        let weekly = self.is_weekly.then(|| schedule::weekly(schedule, self.zone, self.after));
        let planned = every.into_iter().flatten().chain(weekly.into_iter().flatten());
        planned
            .take_while(|at| *at < self.before)
            .map(|at| Planned { at, window: window(self.stage, &self.key, at) })
    }

    /// Why nothing that begins at `time` runs, whatever happens.
    fn idle(&self, time: Timestamp) -> Option<Hindrance> {
        if self.held.iter().any(|held| held.contains(time)) {
            Some(HELD)
        } else {
            schedule::is_closed(self.closed, self.zone, time).then_some(CLOSED)
        }
    }

    /// Why it cannot run, if so.
    fn hindrance(&self, planned: &Planned, look: &Look, is_running: bool) -> Option<Hindrance> {
        let missed = || (look.now >= planned.window.to).then(|| look.absence.hindrance());
        let skipped = || is_running.then_some(STILL_RUNNING);
        self.idle(planned.window.from).or_else(missed).or_else(skipped)
    }

    fn unrun(&self, planned: &Planned, (outcome, code, text): Hindrance) -> Unrun {
        Unrun { stage: self.name, at: planned.at, window: planned.window, outcome, code, text }
    }

    fn start(&self, planned: &Planned, run: RunId, now: Timestamp) -> RunStart {
        RunStart {
            run,
            stage: self.name,
            occurrence: Some(planned.at),
            window_start: planned.window.from,
            window_end: planned.window.to,
            is_late: now.duration_since(planned.window.from) > ON_TIME,
        }
    }
}

/// The window of the occurrence planned at `planned`, from its jitter on.
pub fn window(stage: &Stage, key: &str, planned: Timestamp) -> Interval {
    let jitter = schedule::jitter(planned, key, stage.jitter);
    let begin = planned.saturating_add(jitter).unwrap_or(planned);
    Interval::lasting(begin, stage.capture.length)
}

impl Absence {
    fn hindrance(self) -> Hindrance {
        let (code, text) = match self {
            Absence::Down => (
                ReasonCode::ProgramDown,
                "allclear was not running in its whole window: keep `allclear serve` running",
            ),
            Absence::Leapt => (
                ReasonCode::ClockJumped,
                "the clock leapt over its whole window (it was set forward, or the machine slept): keep it \
                 synchronised and the machine awake",
            ),
            Absence::HeldUp => (
                ReasonCode::HeldUp,
                "allclear was held up for its whole window (a log that could not be written, or too much \
                 load): see what `allclear serve` says",
            ),
        };
        (Outcome::Missed, code, text)
    }
}
