//! How does mail leave while everything else goes on? Some threads make letters ready ahead, words, pictures and all,
//! another hands them over, as fast as the mail server takes them, and nothing waits for any of them.
//!
//! When the server is at fault, one mail a minute tries whether it is well again, and the others wait
//! without an event each. It must never keep the loop busy with mail alone, nor lose one.

use super::{Message, Server};
use crate::edge::clock::Deadline;
use crate::edge::perform::{self, Edges, Reply, Work};
use crate::edge::precedence;
use crate::engine::EngineError;
use crate::pure::ticket::{Effect, Input};
use jiff::Timestamp;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Letters that are drawn up ahead of the mail server: it never waits for the next one, and no more than
/// these are in memory.
const LETTERS_AHEAD: usize = 128;

/// Mails that are ready and wait for the line: enough for a server that takes a few at a stroke. With all the
/// pictures that a mail may have they are 12 MB.
const SEALED_AHEAD: usize = 16;

/// Threads that make letters ready: to write a mail and draw its pictures takes longer than many a server takes for it.
const DRAWERS_MAX: usize = 4;

/// Letters that are drawn up in one go, and how long that may take: captures that fall due must not wait for
/// a pile of mail, nor for a few letters that are long.
const LETTERS_AT_ONCE: usize = 32;
const DRAWING_UP_MAX: Duration = Duration::from_millis(50);

/// Without another mail for so long, the connection is ended: servers hang up on the idle after minutes,
/// and count how many hold a line.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// When no mail can leave, the next one tries after so long.
const SERVER_PAUSE: Duration = Duration::from_secs(60);

/// So many mails in a row on which the line broke make a server that is at fault.
const BREAKS_MAX: u32 = 3;

/// What people are told of a mail over which a mail thread panicked.
const BROKEN: &str = "allclear broke off over the mail, which is a fault of allclear: \
                      report it with the log of `serve`; the mail is tried again";

/// What the thread of the engine knows of those that see to mail.
pub(super) struct MailThreads {
    /// To the threads that make them ready, by turns.
    letters: Vec<SyncSender<(Effect, Work)>>,
    turn: usize,
    /// Letters that the threads have and have not answered.
    ahead: usize,
    /// Until then no mail is begun.
    pause: Deadline,
    /// Why no mail leaves, if so.
    fault: Option<String>,
}

impl MailThreads {
    /// Begins the mail threads; what becomes of the mails comes back over `done`.
    pub(super) fn open(edges: Arc<Edges>, done: SyncSender<Message>) -> MailThreads {
        let drawers = thread::available_parallelism().map_or(1, |cores| cores.get().min(DRAWERS_MAX));
        let (mut letters, mut ready) = (Vec::new(), Vec::new());
        for _ in 0..drawers {
            let (writer, written) = sync_channel(LETTERS_AHEAD);
            let (sealed, made) = sync_channel(SEALED_AHEAD / drawers);
            let edges = Arc::clone(&edges);
            thread::spawn(move || make_ready(&edges, &written, &sealed));
            letters.push(writer);
            ready.push(made);
        }
        thread::spawn(move || hand_over(&edges, &ready, &done));
        MailThreads { letters, turn: 0, ahead: 0, pause: Deadline::after(Duration::ZERO), fault: None }
    }

    /// Gives a letter to the thread whose turn it is; `false` when that has no room.
    fn give(&mut self, effect: Effect, work: Work) -> bool {
        let is_given = self.letters[self.turn].try_send((effect, work)).is_ok();
        if is_given {
            self.ahead += 1;
            self.turn = (self.turn + 1) % self.letters.len();
        }
        is_given
    }

    /// A letter came back from the thread.
    pub(super) fn is_back(&mut self) {
        self.ahead = self.ahead.saturating_sub(1);
    }

    /// Tells once what is wrong with the mail server, and once that it is well again.
    pub(super) fn hear(&mut self, reply: &Reply) {
        match &reply.input {
            Input::MailFailed { error, .. } if reply.is_post_down => {
                self.pause = Deadline::after(SERVER_PAUSE);
                if self.fault.replace(error.clone()).as_ref() != Some(error) {
                    tracing::error!("no mail leaves, and none is lost; it is tried every minute: {error}");
                }
            }
            Input::MailAccepted { .. } if self.fault.take().is_some() => tracing::info!("mail leaves again"),
            _ => {}
        }
    }

    fn is_ready(&self) -> bool {
        // While the server is at fault, one mail tries; the others need not be written for nothing.
        let most = if self.fault.is_some() { 1 } else { LETTERS_AHEAD };
        self.ahead < most && self.pause.left().is_zero()
    }
}

/// A mail that can be handed over, or what came of making it ready.
type Ready = (Effect, Result<Work, Box<Reply>>);

/// A thread that makes letters ready, one after the other.
fn make_ready(edges: &Edges, letters: &Receiver<(Effect, Work)>, ready: &SyncSender<Ready>) {
    // Else the thread that has the line would wait for a processor with each answer of the server.
    precedence::stand_back();
    for (effect, work) in letters {
        // What is not begun any more need not be ready.
        let is_stopping = edges.stop.is_requested();
        let made = guarded(&effect, || if is_stopping { work } else { perform::seal(work, edges) });
        if ready.send((effect, made)).is_err() {
            return;
        }
    }
}

/// The thread that hands mails over, in the order in which their letters were given to those threads.
fn hand_over(edges: &Edges, ready: &[Receiver<Ready>], done: &SyncSender<Message>) {
    let (mut pause, mut breaks, mut turn, mut next) = (Deadline::after(Duration::ZERO), 0, 0, None);
    loop {
        let following = &ready[(turn + 1) % ready.len()];
        let message = match next.take().map_or_else(|| ready[turn].recv_timeout(IDLE_MAX), Ok) {
            Err(RecvTimeoutError::Timeout) => {
                edges.rest_post();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
            Ok((effect, Err(broken))) => Message::Done(effect, broken),
            Ok((effect, _)) if edges.stop.is_requested() || !pause.left().is_zero() => Message::Left(effect),
            Ok((effect, Ok(work))) => {
                // Whoever made it ready begins another one as soon as it is taken: while the server works on this one,
                // rather than when it waits for the next one's sender.
                let mut take_next = || next = next.take().or_else(|| following.try_recv().ok());
                let carried = guarded(&effect, || Box::new(perform::hand_over(work, edges, &mut take_next)));
                let mut reply = carried.unwrap_or_else(|broken| broken);
                breaks = if reply.is_mail_lost { breaks + 1 } else { 0 };
                reply.is_post_down |= breaks >= BREAKS_MAX;
                if reply.is_post_down {
                    pause = Deadline::after(SERVER_PAUSE);
                }
                Message::Done(effect, reply)
            }
        };
        turn = (turn + 1) % ready.len();
        if done.send(message).is_err() {
            return;
        }
    }
}

/// What came of working on a mail. One that breaks allclear off has failed like any other, and the next one
/// leaves all the same.
fn guarded<T>(effect: &Effect, work: impl FnOnce() -> T) -> Result<T, Box<Reply>> {
    // The mailer takes its connection out of its place before it uses it: nothing is left half made.
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|broken| {
        let reply = failure(effect, BROKEN.to_owned()).unwrap_or_else(|| panic::resume_unwind(broken));
        tracing::error!("a mail of ticket {}: {BROKEN}", reply.ticket);
        reply
    })
}

/// A mail that cannot be written has failed like one that cannot be handed over: people see it, and it is
/// tried again.
fn failure(effect: &Effect, error: String) -> Option<Box<Reply>> {
    let Effect::SendMail { ticket, mail, to } = effect else { return None };
    let input = Input::MailFailed { mail: *mail, to: to.clone(), error, never: None };
    Some(Box::new(Reply::of_mail(*ticket, input)))
}

impl Server<'_> {
    /// Draws the next letters up, as far as the mail threads have room for them.
    pub(super) fn begin_mails(&mut self, now: Timestamp) {
        let end = Deadline::after(DRAWING_UP_MAX);
        for _ in 0..LETTERS_AT_ONCE {
            let is_enough = end.left().is_zero() || self.edges.stop.is_requested();
            if is_enough || !self.edges.has_post() || !self.mail_threads.is_ready() {
                break;
            }
            let Some(effect) = self.unsent.pop_first() else { break };
            if !self.begin_mail(effect, now) {
                break;
            }
        }
    }

    /// `false` when others need not try.
    fn begin_mail(&mut self, effect: Effect, now: Timestamp) -> bool {
        let work = match perform::prepare(&effect, &self.desk.engine, &self.edges, now) {
            Ok(work) => work,
            Err(error) => {
                self.tell(&error);
                let is_log = matches!(error, EngineError::Store(_));
                if is_log {
                    // The others wait for the same log.
                    self.unsent.insert(effect);
                } else if let Some(reply) = failure(&effect, error.to_string()) {
                    self.under_way.insert(effect.clone());
                    self.unrecorded.push_back((effect, reply));
                }
                return !is_log;
            }
        };
        let is_sent = self.mail_threads.give(effect.clone(), work);
        if is_sent {
            self.under_way.insert(effect);
        } else {
            self.unsent.insert(effect);
        }
        is_sent
    }

    /// A mail came back untried: it is the next one's turn when the pause is over.
    pub(super) fn take_back(&mut self, effect: Effect) {
        self.under_way.remove(&effect);
        if matches!(effect, Effect::SendMail { .. }) {
            self.mail_threads.is_back();
            self.unsent.insert(effect);
        }
    }

    /// Whether a letter could be written now; not while the log cannot be, which another look finds out.
    pub(super) fn has_mail_to_write(&self) -> bool {
        let is_log_well = self.unrecorded.is_empty() && self.hindrance.is_none();
        is_log_well && !self.unsent.is_empty() && self.edges.has_post() && self.mail_threads.is_ready()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::ticket::TicketId;

    #[test]
    fn a_mail_that_breaks_allclear_off_has_failed_and_is_tried_again() {
        let (ticket, to) = (TicketId(7), "tech@springfield.example".to_owned());
        let effect = Effect::SendMail { ticket, mail: 3, to: to.clone() };
        let accepted = Input::MailAccepted { mail: 3, to: to.clone() };
        let failed = Input::MailFailed { mail: 3, to, error: BROKEN.to_owned(), never: None };
        type Row<'a> = (&'a str, fn(Input) -> Reply, &'a Input);
        let rows: [Row<'_>; 2] = [
            ("carried out", |input| Reply::of_mail(TicketId(7), input), &accepted),
            ("broken off", |_| panic!("as if something was wrong"), &failed),
        ];
        for (row, carry_out, expected) in rows {
            let done = guarded(&effect, || Box::new(carry_out(accepted.clone())));
            let reply = done.unwrap_or_else(|broken| broken);
            assert_eq!(reply.ticket, ticket, "{row}");
            assert_eq!(format!("{:?}", reply.input), format!("{expected:?}"), "{row}");
            assert!(!reply.is_post_down, "{row}: it is not the server's fault");
        }
    }
}
