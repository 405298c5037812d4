//! `allclear serve`: the scheduler and the outbox, until told to stop.
//!
//! One thread owns the engine; captures and mail are carried out beside it, and what came of them
//! comes back over one channel. Everything that matters stands in the log, so that a kill at any
//! moment loses nothing but what was being watched.

mod lost;
mod mail_threads;
mod told;
mod turns;

use super::desk::Desk;
use super::{Exit, Fault, print};
use crate::edge::capture::session::Absent;
use crate::edge::capture::stop::Stop;
use crate::edge::capture::vault;
use crate::edge::clock::{self, Deadline, Pulse};
use crate::edge::doorbell::Doorbell;
use crate::edge::lock::Lock;
use crate::edge::perform::{self, Edges, Reply, Work};
use crate::engine::{Engine, EngineError};
use crate::pure::number::count;
use crate::pure::playbook::Library;
use crate::pure::queue::{Limits, Queue};
use crate::pure::ticket::{ALLCLEAR, Absence, Effect, Event, Input, Run};
use crate::pure::verdict::Ending;
use jiff::{SignedDuration, Timestamp};
use lost::HAND_RUN_LOOK;
use mail_threads::MailThreads;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;
use told::{blind_detection, mail_trouble};

/// Runs carried out at the same time; more wait for their turn. Those on one interface share its
/// capture, and each has two threads that wait.
const CAPTURES_MAX: usize = 1024;

/// How much further than the steady clock the wall clock must have gone to have leapt: more than a time
/// daemon corrects in one go without being told to.
const LEAP_MIN: SignedDuration = SignedDuration::from_secs(1);

/// How far the clock may lie behind before people are told that nothing falls due.
const LAG_MAX: SignedDuration = SignedDuration::from_secs(60);

/// Messages that wait for the engine; a full channel makes captures wait, never the network.
const MESSAGES_MAX: usize = 256;

/// The loop looks by itself after so much silence: the doorbell goes by the system clock, and is silent
/// for hours when that was set back. A request to stop is noticed then, too.
const LOOK_PAUSE: Duration = Duration::from_millis(1_500);

/// Something falls due so late at most; while the clock stands still, because it was set back, the loop does not
/// spin.
const PAUSE_MIN: Duration = Duration::from_millis(50);

/// How long the loop waits for another writer of the log. What cannot be recorded then is kept, and
/// tried again at the next ring; captures and signals must not wait for it.
const WRITER_WAIT: Duration = Duration::from_millis(250);

/// So many results are entered together: each transaction waits for the disk once.
const RECORD_BATCH: usize = 64;

/// After a request to stop, what comes to its end within this time is recorded, and the rest given up
/// as interrupted. Ten seconds are promised for all of it; a process that hangs is ended shortly before.
const DRAIN_MAX: Duration = Duration::from_secs(6);
const DRAIN_PAUSE: Duration = Duration::from_millis(250);
const END_MAX: Duration = Duration::from_millis(9_500);

/// What reaches the engine's thread.
enum Message {
    Ring,
    /// An effect was carried out.
    Done(Effect, Box<Reply>),
    /// An effect was left undone, since a request to stop came before its turn or its end.
    Left(Effect),
}

struct Server<'a> {
    desk: &'a mut Desk,
    edges: Arc<Edges>,
    sender: SyncSender<Message>,
    mail_threads: MailThreads,
    under_way: BTreeSet<Effect>,
    /// Runs that wait for their turn.
    queue: Queue,
    /// Mails for which the mail thread had no room.
    unsent: BTreeSet<Effect>,
    /// When everything that was due was last looked at; `None` before the first look.
    last_look: Option<Pulse>,
    /// Replies that could not be recorded yet (full disk, locked database).
    unrecorded: VecDeque<(Effect, Box<Reply>)>,
    /// Why the log cannot be written now, if so.
    hindrance: Option<String>,
    /// Other faults that were told already, so that a lasting one is told once.
    told: BTreeSet<String>,
    /// When runs by hand are looked at next.
    next_hand_look: Deadline,
}

/// Runs until a signal asks it to stop.
pub fn run(desk: &mut Desk) -> Result<Exit, Fault> {
    let lock = Lock::take(desk.state(), clock::now()).map_err(|error| Fault::Failed(error.to_string()))?;
    let stop = Stop::on_signals().map_err(|error| Fault::limited("cannot catch signals", &error))?;
    stop.end_within(END_MAX).map_err(|error| Fault::limited("cannot start a thread", &error))?;
    let edges = Arc::new(desk.edges(stop.clone(), Absent::Wait)?);
    edges.templates.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let (sender, receiver) = sync_channel(MESSAGES_MAX);
    let bell = sender.clone();
    // A full channel wakes the loop as well as a ring does.
    let doorbell = Doorbell::ring(move || drop(bell.try_send(Message::Ring)));
    let _doorbell = doorbell.map_err(|error| Fault::limited("cannot start the doorbell", &error))?;
    let mail_threads = MailThreads::open(Arc::clone(&edges), sender.clone());
    let queue = Queue::new(limits(desk.engine.library()));
    let mut server = Server {
        desk,
        edges,
        sender,
        mail_threads,
        under_way: BTreeSet::new(),
        queue,
        unsent: BTreeSet::new(),
        last_look: None,
        unrecorded: VecDeque::new(),
        hindrance: None,
        told: BTreeSet::new(),
        next_hand_look: Deadline::after(HAND_RUN_LOOK),
    };
    // Before the runs that left them are ended: their ends name the files.
    let unrecorded = server.unrecorded_files();
    vault::sweep(server.desk.state(), &unrecorded).iter().for_each(|told| tracing::warn!("{told}"));
    server.abandon(|_| true)?;
    let unreadable = server.desk.engine.read_schedules(clock::now())?;
    unreadable.iter().for_each(|told| tracing::warn!("{told}"));
    server.desk.engine.wait_at_most(WRITER_WAIT)?;
    print::note("allclear serves; stop it with SIGTERM or Ctrl-C");
    server.live(&receiver, &stop);
    server.drain(&receiver);
    server.give_up_waiting();
    // A run that fell due as the signal came, or that did not end in time, has seen nothing.
    let abandoned = server.abandon(is_planned);
    drop(lock);
    Ok(abandoned.map(|()| Exit::Done)?)
}

/// How many runs there may be at the same time.
fn limits(library: &Library) -> Limits {
    let sources = library.site_file.sites.values().flat_map(|site| library.sources_of(site));
    let limited = sources.filter_map(|source| Some((source.name.clone(), source.runs_max? as usize)));
    Limits { total_max: CAPTURES_MAX, source_max: limited.collect() }
}

/// Whether `serve` carries the run out; one by hand belongs to a command that may still be at it.
fn is_planned(run: &Run) -> bool {
    run.occurrence.is_some()
}

/// Whether a capture ended by a request to stop.
fn is_stopped_short(input: &Input) -> bool {
    let Input::Captured { facts, .. } = input else { return false };
    facts.sources.iter().any(|source| source.ending == Ending::Stopped)
}

/// How long to wait for a message: no longer than until something falls due, since a run does not see what it
/// begins too late for. What is due and could not be done waits for the next look.
fn pause(now: Timestamp, due: Option<Timestamp>) -> Duration {
    let left = due.and_then(|due| Duration::try_from(due.duration_since(now)).ok());
    left.filter(|left| !left.is_zero()).map_or(LOOK_PAUSE, |left| left.clamp(PAUSE_MIN, LOOK_PAUSE))
}

impl Server<'_> {
    fn live(&mut self, receiver: &Receiver<Message>, stop: &Stop) {
        while !stop.is_requested() {
            let has_mail = self.has_mail_to_write();
            match receiver.recv_timeout(if has_mail { Duration::ZERO } else { self.pause() }) {
                // Nothing new is begun for a ring that came after the signal.
                Ok(Message::Ring) if stop.is_requested() => break,
                Ok(message) => self.take(message, receiver),
                Err(RecvTimeoutError::Timeout) if has_mail => self.begin_effects(),
                Err(RecvTimeoutError::Timeout) => self.take(Message::Ring, receiver),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    }

    fn pause(&mut self) -> Duration {
        let now = clock::now();
        pause(now, self.desk.engine.next_due(now))
    }

    /// Takes a message and those that wait behind it, so that what came of many runs is entered together.
    fn take(&mut self, first: Message, behind: &Receiver<Message>) {
        // Asked once: a run that a tick opens is begun, even when the request to stop comes between.
        let is_stopping = self.edges.stop.is_requested();
        let mut is_rung = false;
        for message in std::iter::once(first).chain(behind.try_iter().take(MESSAGES_MAX)) {
            match message {
                Message::Done(effect, reply) => {
                    reply.troubles.iter().for_each(|trouble| tracing::warn!("{trouble}"));
                    if matches!(effect, Effect::SendMail { .. }) {
                        self.mail_threads.is_back();
                        self.mail_threads.hear(&reply);
                    }
                    self.unrecorded.push_back((effect, reply));
                }
                Message::Left(effect) => self.take_back(effect),
                Message::Ring => is_rung = !is_stopping,
            }
        }
        // What waits for a log that cannot be written is tried again at the next ring.
        if is_rung || self.hindrance.is_none() {
            self.record();
        }
        if is_rung && self.unrecorded.is_empty() {
            self.tick();
        }
        if !is_stopping {
            self.begin_effects();
        }
    }

    /// Enters what came of effects, in order, as far as the store takes it; the rest is kept for later.
    fn record(&mut self) {
        while !self.unrecorded.is_empty() {
            let all = self.unrecorded.len().min(RECORD_BATCH);
            let entered = match self.put_on_record(all) {
                // One of them is to blame, and the others must not suffer for it.
                Err(error) if all > 1 && !matches!(error, EngineError::Store(_)) => self.put_on_record(1),
                entered => entered,
            };
            if let Err(error @ EngineError::Store(_)) = &entered {
                return self.tell(error);
            }
            if let Err(error) = entered {
                // What the ticket cannot take (its playbook is gone) stays under way, so that it is not
                // done over and over; the next start derives it again.
                self.tell(&error);
                if let Some((Effect::Capture { ticket, run }, _)) = self.unrecorded.pop_front() {
                    self.queue.end(ticket, run);
                }
            }
        }
    }

    /// Enters the first so many, all of them or none.
    fn put_on_record(&mut self, count: usize) -> Result<(), EngineError> {
        let inputs = self.unrecorded.iter().take(count).map(|(_, reply)| (reply.ticket, &reply.input));
        let happened = self.desk.engine.step_all(clock::now(), ALLCLEAR, inputs)?;
        tracing::debug!("{count} results: {} events", happened.len());
        happened.iter().filter_map(blind_detection).for_each(|told| tracing::warn!("{told}"));
        let troubles = happened.iter().filter_map(|recorded| {
            let Event::MailFailed { mail, .. } = &recorded.event else { return None };
            mail_trouble(recorded, self.desk.engine.mail(recorded.ticket, *mail))
        });
        troubles.for_each(|told| tracing::warn!("{told}"));
        for (effect, _) in self.unrecorded.drain(..count) {
            self.under_way.remove(&effect);
            if let Effect::Capture { ticket, run } = effect {
                self.queue.end(ticket, run);
            }
        }
        Ok(())
    }

    fn tick(&mut self) {
        let look = Pulse::take();
        let (edges, now, absence) = (&self.edges, look.wall(), self.absence(&look));
        let scribe = |engine: &Engine, mail| perform::lines(engine, edges, mail, now);
        match self.desk.engine.tick(now, absence, &scribe) {
            Ok(faults) => {
                if self.hindrance.take().is_some() {
                    tracing::info!("the log can be written again, and what had waited for it is on record");
                }
                self.last_look = Some(look);
                self.end_hand_runs();
                faults.iter().for_each(|fault| self.tell(fault));
            }
            Err(error) => self.tell(&error),
        }
        let log_end = self.desk.engine.last_event().unwrap_or(look.wall());
        if clock::lag() > LAG_MAX || log_end.duration_since(look.wall()) > LAG_MAX {
            let text = "the system clock was set back, or is wrong: nothing falls due until it has caught up";
            if self.told.insert(text.to_owned()) {
                tracing::error!("{text}");
            }
        }
    }

    /// Why nobody looked since the last time.
    fn absence(&self, look: &Pulse) -> Absence {
        match self.last_look {
            None => Absence::Down,
            Some(last) if last.leap_until(look) > LEAP_MIN => Absence::Leapt,
            Some(_) => Absence::HeldUp,
        }
    }

    fn tell(&mut self, error: &EngineError) {
        let text = error.to_string();
        let is_new = match error {
            EngineError::Store(_) => self.hindrance.replace(text.clone()).as_ref() != Some(&text),
            _ => self.told.insert(text.clone()),
        };
        if is_new {
            tracing::error!("{text}");
        }
    }

    /// Begins what is due and not under way. While something could not be recorded nothing new is
    /// begun: it would only be lost, too.
    fn begin_effects(&mut self) {
        if !self.unrecorded.is_empty() {
            return;
        }
        let now = clock::now();
        for effect in self.desk.engine.new_effects(now) {
            match effect {
                // One that is under way is not done twice.
                _ if self.under_way.contains(&effect) => {}
                Effect::SendMail { .. } => drop(self.unsent.insert(effect)),
                Effect::Capture { ticket, run } => self.line_up(ticket, run),
            }
        }
        self.pass_over(now);
        self.begin_captures(now);
        self.begin_mails(now);
    }

    /// `is_kept`: what it watches can be read again, and the next start does so when this one is stopped first.
    fn begin_capture(&self, effect: Effect, work: Work, is_kept: bool) -> bool {
        let (edges, done) = (Arc::clone(&self.edges), self.sender.clone());
        let begun = thread::Builder::new().name("capture".to_owned()).spawn(move || {
            let reply = Box::new(perform::carry_out(work, &edges));
            let is_left = is_kept && is_stopped_short(&reply.input);
            let message = if is_left { Message::Left(effect) } else { Message::Done(effect, reply) };
            // Without the engine's thread there is nobody to tell; the log knows the run as open.
            drop(done.send(message));
        });
        begun.inspect_err(|error| tracing::error!("cannot start a thread: {error}")).is_ok()
    }

    /// Lets what is under way come to its end, for as long as there is: captures have been asked to stop.
    fn drain(&mut self, receiver: &Receiver<Message>) {
        let end = Deadline::after(DRAIN_MAX);
        while !self.under_way.is_empty() && !end.left().is_zero() {
            match receiver.recv_timeout(DRAIN_PAUSE.min(end.left())) {
                Ok(message) => self.take(message, receiver),
                Err(_) => self.record(),
            }
        }
        if !self.unrecorded.is_empty() {
            let lost = self.unrecorded.len();
            tracing::error!(
                "{} could not be recorded: runs are named interrupted, mails sent again",
                count(lost as u64, "result")
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_wakes_when_something_falls_due() {
        let now = Timestamp::UNIX_EPOCH;
        let ms = SignedDuration::from_millis;
        let rows = [
            ("nothing will", None, LOOK_PAUSE),
            ("much later", Some(ms(3_600_000)), LOOK_PAUSE),
            ("soon", Some(ms(700)), Duration::from_millis(700)),
            ("at once, or while the clock stands still", Some(SignedDuration::from_nanos(1)), PAUSE_MIN),
            ("now, and it was not done", Some(ms(0)), LOOK_PAUSE),
            ("long ago, and it cannot be done", Some(ms(-5_000)), LOOK_PAUSE),
        ];
        for (row, left, wanted) in rows {
            assert_eq!(pause(now, left.map(|left| now + left)), wanted, "{row}");
        }
    }
}
