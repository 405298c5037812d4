//! `allclear serve`: the scheduler and the outbox, until told to stop.
//!
//! One thread owns the engine; captures and mail are carried out beside it, and what came of them
//! comes back over one channel. Everything that matters stands in the log, so that a kill at any
//! moment loses nothing but what was being watched.

use super::desk::Desk;
use super::{Exit, Fault, print};
use crate::edge::capture::session::Absent;
use crate::edge::capture::stop::Stop;
use crate::edge::capture::vault;
use crate::edge::clock;
use crate::edge::doorbell::Doorbell;
use crate::edge::lock::Lock;
use crate::edge::perform::{self, Edges, Reply, Work};
use crate::engine::EngineError;
use crate::pure::site::SourceKind;
use crate::pure::ticket::{ALLCLEAR, Effect, Input, Run, RunId, Ticket, TicketId};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Runs carried out at the same time; more wait for the next look. Those on one interface share its
/// capture, and each has two threads that wait.
const CAPTURES_MAX: usize = 1024;

/// Messages that wait for the engine; a full channel makes captures wait, never the network.
const MESSAGES_MAX: usize = 256;

/// The loop looks by itself after so much silence, in case the doorbell is out of order.
const LOOK_PAUSE: Duration = Duration::from_secs(60);

/// How long after its window a run by hand may still be reading.
const HAND_RUN_GRACE: Duration = Duration::from_secs(600);

/// After a request to stop, nothing may come to its end for so long before the rest is given up, in
/// looks of a quarter of a second.
const DRAIN_LOOKS: u32 = 40;
const DRAIN_PAUSE: Duration = Duration::from_millis(250);

/// What reaches the engine's thread.
enum Message {
    Ring,
    /// An effect was carried out.
    Done(Effect, Box<Reply>),
}

struct Server<'a> {
    desk: &'a mut Desk,
    edges: Arc<Edges>,
    sender: SyncSender<Message>,
    mail: SyncSender<(Effect, Work)>,
    under_way: BTreeSet<Effect>,
    /// Replies that could not be recorded yet (full disk, locked database).
    unrecorded: VecDeque<(Effect, Box<Reply>)>,
    /// Faults that were told already, so that a lasting one is told once.
    told: BTreeSet<String>,
}

/// Runs until a signal asks it to stop.
pub fn run(desk: &mut Desk) -> Result<Exit, Fault> {
    let lock = Lock::take(desk.state()).map_err(|error| Fault::Failed(error.to_string()))?;
    let stop = Stop::on_signals().map_err(|error| Fault::Failed(format!("cannot catch signals: {error}")))?;
    let edges = Arc::new(desk.edges(stop.clone(), Absent::Wait)?);
    let (sender, receiver) = sync_channel(MESSAGES_MAX);
    let bell = sender.clone();
    // A full channel wakes the loop as well as a ring does.
    let doorbell = Doorbell::ring(move || drop(bell.try_send(Message::Ring)));
    let _doorbell = doorbell.map_err(|error| Fault::Failed(format!("cannot start the doorbell: {error}")))?;
    let mail = mail_thread(Arc::clone(&edges), sender.clone());
    let mut server = Server {
        desk,
        edges,
        sender,
        mail,
        under_way: BTreeSet::new(),
        unrecorded: VecDeque::new(),
        told: BTreeSet::new(),
    };
    server.abandon(|_| true)?;
    vault::sweep(server.desk.state()).iter().for_each(|told| tracing::warn!("{told}"));
    print::note("allclear serves; stop it with SIGTERM or Ctrl-C");
    server.live(&receiver, &stop);
    server.drain(&receiver);
    // A run that fell due as the signal came, or that did not end in time, has seen nothing.
    let abandoned = server.abandon(is_planned);
    drop(lock);
    abandoned.map(|()| Exit::Done)
}

/// Hands mail over one by one, in order, so that a slow mail server holds up nothing else.
fn mail_thread(edges: Arc<Edges>, done: SyncSender<Message>) -> SyncSender<(Effect, Work)> {
    let (sender, receiver) = sync_channel::<(Effect, Work)>(MESSAGES_MAX);
    thread::spawn(move || {
        for (effect, work) in receiver {
            let reply = Box::new(perform::carry_out(work, &edges));
            if done.send(Message::Done(effect, reply)).is_err() {
                break;
            }
        }
    });
    sender
}

/// Whether a run by hand should have ended long ago: the command that carried it out is gone. What it
/// reads may be old, so its window alone does not tell.
fn is_overdue(run: &Run) -> bool {
    let end = run.begun.max(run.window_end);
    clock::now() > end.checked_add(HAND_RUN_GRACE).unwrap_or(end)
}

/// Whether `serve` carries the run out; one by hand belongs to a command that may still be at it.
fn is_planned(run: &Run) -> bool {
    run.occurrence.is_some()
}

impl Server<'_> {
    /// Ends the runs of a process that is gone. A window of recorded files can still be read; what an
    /// interface showed is lost.
    fn abandon(&mut self, is_meant: fn(&Run) -> bool) -> Result<(), Fault> {
        let now = clock::now();
        let abandoned: Vec<(TicketId, Vec<RunId>)> = self
            .desk
            .engine
            .tickets()
            .map(|ticket| {
                let meant = ticket.open_runs().filter(|run| is_meant(run));
                let lost = meant.filter(|run| self.is_lost(ticket, run));
                (ticket.id, lost.map(|run| run.id).collect())
            })
            .collect();
        for (ticket, runs) in abandoned.into_iter().filter(|(_, runs)| !runs.is_empty()) {
            tracing::warn!("ticket {ticket}: {} runs were interrupted when allclear ended", runs.len());
            self.desk.engine.step(now, ALLCLEAR, ticket, &Input::Abandoned(runs))?;
        }
        Ok(())
    }

    fn is_lost(&self, ticket: &Ticket, run: &Run) -> bool {
        let library = self.desk.engine.library();
        let site = library.site_file.sites.get(&ticket.site);
        let is_live = site.is_none_or(|site| {
            library.sources_of(site).any(|source| !matches!(source.kind, SourceKind::Files(_)))
        });
        if is_planned(run) { is_live } else { is_overdue(run) }
    }

    fn live(&mut self, receiver: &Receiver<Message>, stop: &Stop) {
        while !stop.is_requested() {
            match receiver.recv_timeout(LOOK_PAUSE) {
                // Nothing new is begun for a ring that came after the signal.
                Ok(Message::Ring) if stop.is_requested() => break,
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => self.take(Message::Ring),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    }

    fn take(&mut self, message: Message) {
        // Asked once: a run that a tick opens is begun, even when the request to stop comes between.
        let is_stopping = self.edges.stop.is_requested();
        match message {
            Message::Done(effect, reply) => {
                reply.troubles.iter().for_each(|trouble| tracing::warn!("{trouble}"));
                self.record(effect, reply);
            }
            Message::Ring if is_stopping => {}
            Message::Ring => {
                for (effect, reply) in std::mem::take(&mut self.unrecorded) {
                    self.record(effect, reply);
                }
                self.tick();
            }
        }
        if !is_stopping {
            self.begin_effects();
        }
    }

    /// Enters what came of an effect. What the store cannot take now is kept for later. What the
    /// ticket cannot take (its playbook is gone) stays under way, so that it is not done over and over;
    /// the next start derives it again.
    fn record(&mut self, effect: Effect, reply: Box<Reply>) {
        match self.desk.engine.step(clock::now(), ALLCLEAR, reply.ticket, &reply.input) {
            Ok(happened) => {
                tracing::debug!("ticket {}: {} events", reply.ticket, happened.len());
                self.under_way.remove(&effect);
            }
            Err(error) => {
                self.tell(&error);
                if matches!(error, EngineError::Store(_)) {
                    self.unrecorded.push_back((effect, reply));
                }
            }
        }
    }

    fn tick(&mut self) {
        match self.desk.engine.tick(clock::now()) {
            Ok(faults) => faults.iter().for_each(|fault| self.tell(fault)),
            Err(error) => self.tell(&error),
        }
    }

    fn tell(&mut self, error: &EngineError) {
        let text = error.to_string();
        if self.told.insert(text.clone()) {
            tracing::error!("{text}");
        }
    }

    /// Begins what is due and not under way. While something could not be recorded nothing new is
    /// begun: it would only be lost, too.
    fn begin_effects(&mut self) {
        if !self.unrecorded.is_empty() {
            return;
        }
        for effect in self.desk.engine.effects(clock::now()) {
            if !self.under_way.contains(&effect) && self.may_begin(&effect) {
                match perform::prepare(&effect, &self.desk.engine, &self.edges, clock::now()) {
                    Ok(work) => self.begin(effect, work),
                    Err(error) => self.tell(&error),
                }
            }
        }
    }

    fn may_begin(&self, effect: &Effect) -> bool {
        match effect {
            Effect::SendMail { .. } => self.edges.has_post(),
            Effect::Capture { ticket, run } => {
                let captures =
                    self.under_way.iter().filter(|effect| matches!(effect, Effect::Capture { .. }));
                let run = self.desk.engine.ticket(*ticket).ok().and_then(|ticket| ticket.run(*run));
                captures.count() < CAPTURES_MAX && run.is_some_and(is_planned)
            }
        }
    }

    fn begin(&mut self, effect: Effect, work: Work) {
        let is_begun = match effect {
            Effect::SendMail { .. } => self.mail.try_send((effect.clone(), work)).is_ok(),
            Effect::Capture { .. } => self.begin_capture(effect.clone(), work),
        };
        if is_begun {
            self.under_way.insert(effect);
        }
    }

    fn begin_capture(&self, effect: Effect, work: Work) -> bool {
        let (edges, done) = (Arc::clone(&self.edges), self.sender.clone());
        let begun = thread::Builder::new().name("capture".to_owned()).spawn(move || {
            let reply = Box::new(perform::carry_out(work, &edges));
            // Without the engine's thread there is nobody to tell; the log knows the run as open.
            drop(done.send(Message::Done(effect, reply)));
        });
        begun.inspect_err(|error| tracing::error!("cannot start a thread: {error}")).is_ok()
    }

    /// Lets what is under way come to its end: captures have been asked to stop. Each ends once, so that
    /// the loop does too.
    fn drain(&mut self, receiver: &Receiver<Message>) {
        let mut idle_looks = 0;
        while !self.under_way.is_empty() && idle_looks < DRAIN_LOOKS {
            match receiver.recv_timeout(DRAIN_PAUSE) {
                Ok(message @ Message::Done(..)) => {
                    self.take(message);
                    idle_looks = 0;
                }
                Ok(Message::Ring) | Err(_) => idle_looks += 1,
            }
        }
    }
}
