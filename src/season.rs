//! What happens when weeks go by on a virtual clock? The same engine and the same edges; only the
//! clock is ours, and recorded captures take the place of the network.
//!
//! Used by `simulate`, `demo` and the tests. Nothing here decides: it only chooses the next instant
//! at which something can happen, and lets it happen.

use crate::edge::perform::{self, Edges, Reply};
use crate::engine::{Engine, EngineError};
use crate::pure::interval::Interval;
use crate::pure::playbook::StageName;
use crate::pure::script::{Scene, Step};
use crate::pure::ticket::{
    ALLCLEAR, Absence, Context, Effect, Event, Input, Mail, Phase, Run, TicketId, ledger,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How many instants a season may have: a quarter-hourly stage for five years, and some air.
const INSTANTS_MAX: u32 = 1_000_000;

/// A scene that could not be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub at: Timestamp,
    /// Its place in the script, from 0.
    pub scene: usize,
    pub why: String,
}

/// One ticket's life on a virtual clock.
pub struct Season {
    engine: Engine,
    edges: Edges,
    ticket: TicketId,
    now: Timestamp,
    end: Timestamp,
    scenes: Vec<Scene>,
    next_scene: usize,
    is_ticked: bool,
    /// What is under way, with the instant at which it comes back: a capture at the end of its
    /// window, a mail at once. Lost in a crash.
    under_way: BTreeMap<Effect, Timestamp>,
    /// What has come back and is not on record yet. Lost in a crash.
    replies: Vec<Reply>,
    refused: Vec<Refused>,
    instants: u32,
}

impl Season {
    /// The season of `ticket`, which is open already. Scenes are played in order of time.
    pub fn new(
        engine: Engine,
        edges: Edges,
        ticket: TicketId,
        time: Interval,
        mut scenes: Vec<Scene>,
    ) -> Season {
        scenes.sort_by_key(|scene| scene.at);
        Season {
            engine,
            edges,
            ticket,
            now: time.from,
            end: time.to,
            scenes,
            next_scene: 0,
            is_ticked: false,
            under_way: BTreeMap::new(),
            replies: Vec::new(),
            refused: Vec::new(),
            instants: 0,
        }
    }

    /// Lets at most one thing happen; `false` when nothing is left to happen.
    pub fn advance(&mut self) -> Result<bool, EngineError> {
        if let Some(reply) = self.replies.pop() {
            self.engine.step(self.now, ALLCLEAR, reply.ticket, &reply.input)?;
            return Ok(true);
        }
        self.begin_effects();
        if let Some(effect) = self.ripe_effect() {
            self.under_way.remove(&effect);
            self.replies.extend(perform::perform(&effect, &self.engine, &self.edges, self.now).map(Some)?);
            return Ok(true);
        }
        if self.play_scene()? {
            return Ok(true);
        }
        if !self.is_ticked {
            self.is_ticked = true;
            let (edges, now) = (&self.edges, self.now);
            self.engine.tick(now, Absence::Down, &|engine, mail| perform::lines(engine, edges, mail, now))?;
            return Ok(true);
        }
        Ok(self.go_on())
    }

    /// Lives it to its end.
    pub fn live(&mut self) -> Result<(), EngineError> {
        while self.advance()? {}
        Ok(())
    }

    /// The process dies: what was under way is lost, and `engine` has been opened again on the same
    /// log.
    pub fn restart(&mut self, engine: Engine) {
        self.engine = engine;
        self.under_way.clear();
        self.replies.clear();
        self.is_ticked = self.now > self.end;
    }

    /// The engine as it stands.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The edges.
    pub fn edges(&self) -> &Edges {
        &self.edges
    }

    /// The virtual time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// When it ends.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// The season's ticket.
    pub fn ticket(&self) -> TicketId {
        self.ticket
    }

    /// Scenes that could not be played, and why.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    fn begin_effects(&mut self) {
        for effect in self.engine.effects(self.now) {
            if !self.under_way.contains_key(&effect) {
                let back = self.back_at(&effect);
                self.under_way.insert(effect, back);
            }
        }
    }

    /// When an effect that begins now has come back.
    fn back_at(&self, effect: &Effect) -> Timestamp {
        match effect {
            Effect::SendMail { .. } => self.now,
            Effect::Capture { ticket, run } => {
                self.engine.run(*ticket, *run).map_or(self.now, |(_, run)| run.window_end)
            }
        }
    }

    fn ripe_effect(&self) -> Option<Effect> {
        let earliest = self.under_way.iter().min_by_key(|(_, back)| **back)?;
        (*earliest.1 <= self.now).then(|| earliest.0.clone())
    }

    fn play_scene(&mut self) -> Result<bool, EngineError> {
        let Some(scene) = self.scenes.get(self.next_scene).filter(|scene| scene.at <= self.now) else {
            return Ok(false);
        };
        let scene = scene.clone();
        match scene.step {
            Step::Listing(answer) => self.edges.answer_listing(answer),
            Step::Act(act) => match self.engine.step(self.now, &scene.by, self.ticket, &Input::Act(act)) {
                Ok(_) => {}
                Err(EngineError::Refused(why)) => {
                    self.refused.push(Refused { at: self.now, scene: self.next_scene, why: why.to_string() })
                }
                Err(error) => return Err(error),
            },
        }
        self.next_scene += 1;
        Ok(true)
    }

    /// Goes to the next instant at which something can happen. After the end of the season only
    /// what is under way comes back.
    fn go_on(&mut self) -> bool {
        let under_way = self.under_way.values().copied().min();
        let scene = self.scenes.get(self.next_scene).map(|scene| scene.at);
        let due = self.engine.next_due(self.now);
        let retry = self.engine.next_retry(self.now);
        let within = [scene, due, retry].into_iter().flatten().filter(|at| *at <= self.end).min();
        let next = [under_way, within].into_iter().flatten().min();
        self.instants += 1;
        match next {
            Some(next) if self.instants < INSTANTS_MAX => {
                self.is_ticked = next > self.end;
                self.now = self.now.max(next);
                true
            }
            _ => false,
        }
    }

    /// The subject of a mail of a ticket.
    pub fn subject(&self, ticket: TicketId, mail: &Mail) -> Result<String, EngineError> {
        perform::subject(&self.engine, &self.edges, ticket, mail.seq, self.now)
    }

    /// Every run and occurrence that had its time until the end of the season, those of `detect` stages
    /// among them, in order of planned time.
    pub fn occurrences(&self) -> Result<Vec<Run>, EngineError> {
        let end = self.end.max(self.now);
        let context = Context { now: end, ..self.engine.context(self.ticket, self.now)? };
        let mut runs = ledger(self.engine.ticket(self.ticket)?, &context);
        // A run of `detect` that the ticket holds is one of the stage's own.
        runs.retain(|run| run.stage != StageName::Detect);
        let detected = self.engine.detection_ledger(Timestamp::MIN, end)?.runs;
        runs.extend(detected.into_iter().map(|(_, run)| run));
        runs.sort_by_key(Run::planned);
        Ok(runs)
    }

    /// Every change of phase, in order: when, from, to, and why.
    pub fn phases(&self) -> Result<Vec<(Timestamp, Phase, Phase, String)>, EngineError> {
        let events = self.engine.history(self.ticket)?;
        let changes = events.into_iter().filter_map(|recorded| match recorded.event {
            Event::PhaseChanged { from, to, because } => Some((recorded.at, from, to, because)),
            _ => None,
        });
        Ok(changes.collect())
    }
}
