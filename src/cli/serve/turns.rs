//! Whose turn is it to be carried out? Runs in a fair order and within the limits.

use super::{RECORD_BATCH, Server, is_planned};
use crate::edge::clock;
use crate::edge::perform;
use crate::engine::EngineError;
use crate::pure::queue::Waiting;
use crate::pure::ticket::{ALLCLEAR, Effect, Input, NoTurn, ON_TIME, RunId, Ticket, TicketId};
use jiff::Timestamp;

/// What became of a run whose turn it was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begun {
    Now,
    /// The log cannot be written, or no thread is to be had: it waits again, and so do the others.
    Later,
    /// Its playbook is gone.
    Never,
}

impl Server<'_> {
    /// Lets a run wait for its turn; one by hand belongs to the command that began it.
    pub(super) fn line_up(&mut self, ticket: TicketId, run: RunId) {
        let engine = &self.desk.engine;
        let Some((site, run)) = engine.run(ticket, run).filter(|(_, run)| is_planned(run)) else { return };
        let known = engine.library().site_file.sites.get(site);
        let sources = known.map_or(&[][..], |site| &site.sources);
        let until = self.is_live(site).then_some(run.window_end);
        let last_watch = engine.ticket(ticket).ok().and_then(Ticket::last_watch);
        let waiting = Waiting { from: run.started, last_watch, ticket, run: run.id, until };
        self.queue.push(site, sources, waiting);
    }

    /// Begins the runs whose turn it is.
    pub(super) fn begin_captures(&mut self, now: Timestamp) {
        while let Some(next) = self.queue.admit() {
            let effect = Effect::Capture { ticket: next.ticket, run: next.run };
            let begun = if self.delay(&next, now) {
                self.begin_run(&effect, now, next.until.is_none())
            } else {
                Begun::Later
            };
            if begun == Begun::Now {
                self.under_way.insert(effect);
                continue;
            }
            self.queue.end(next.ticket, next.run);
            if begun == Begun::Later {
                self.line_up(next.ticket, next.run);
                break;
            }
        }
    }

    /// `is_kept`: what it watches can be read again.
    fn begin_run(&mut self, effect: &Effect, now: Timestamp, is_kept: bool) -> Begun {
        match perform::prepare(effect, &self.desk.engine, &self.edges, now) {
            Ok(work) => match self.begin_capture(effect.clone(), work, is_kept) {
                true => Begun::Now,
                false => Begun::Later,
            },
            Err(error) => {
                self.tell(&error);
                Begun::Never
            }
        }
    }

    /// Puts on record that a run begins late, unless it is known as such; of recorded files nothing is lost
    /// by waiting. `false` when that could not be done.
    fn delay(&mut self, next: &Waiting, now: Timestamp) -> bool {
        let known = self.desk.engine.run(next.ticket, next.run);
        let is_known = known.is_none_or(|(_, run)| run.is_late);
        let is_late = next.until.is_some() && now.duration_since(next.from) > ON_TIME;
        !is_late || is_known || self.enter(next, &Input::Delayed(next.run))
    }

    /// Runs whose windows were over before their turn came were not watching.
    pub(super) fn pass_over(&mut self, now: Timestamp) {
        while let Some((late, why)) = self.queue.expired(now) {
            if !self.enter(&late, &Input::NoTurn { run: late.run, why }) {
                break;
            }
        }
    }

    /// Puts on record what became of a run; `false` when the log cannot be written, and then it waits again.
    /// What its ticket cannot take (its playbook is gone) is told, and holds up nobody.
    fn enter(&mut self, run: &Waiting, input: &Input) -> bool {
        let entered = self.desk.engine.step(clock::now(), ALLCLEAR, run.ticket, input);
        let Err(error) = entered else { return true };
        self.tell(&error);
        let is_hindered = matches!(error, EngineError::Store(_));
        if is_hindered {
            self.line_up(run.ticket, run.run);
        }
        !is_hindered
    }

    /// Runs that still wait when allclear is stopped were not watching. Recorded files the next start reads.
    pub(super) fn give_up_waiting(&mut self) {
        let waiting = std::iter::from_fn(|| self.queue.give_up()).filter(|run| run.until.is_some());
        let stopped = |run| Input::NoTurn { run, why: NoTurn::Stopped };
        let inputs: Vec<(TicketId, Input)> = waiting.map(|run| (run.ticket, stopped(run.run))).collect();
        for batch in inputs.chunks(RECORD_BATCH) {
            let inputs = batch.iter().map(|(id, input)| (*id, input));
            if let Err(error) = self.desk.engine.step_all(clock::now(), ALLCLEAR, inputs) {
                // Another batch would wait for the same log; what is left is interrupted.
                return self.tell(&error);
            }
        }
    }
}
