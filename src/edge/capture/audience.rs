//! Who listens to one source, and what has each run heard when it leaves? The frames of a source in,
//! once for all runs; findings, coverage and evidence of each run out.
//!
//! A run costs its hits, not the traffic: of a frame that nobody looks for, none is asked, unless it
//! counts its frames or keeps all. What a run hears must be what it would hear alone: its window
//! begins and ends between the same two frames. `hub` and the readers of files feed it.

use super::listener::Listener;
use super::member::{Guest, Member, State};
use super::screen::Screen;
use super::session::Look;
use super::stop::Stop;
use super::tap::BLOCK_AGE_MS;
use crate::pure::filter;
use crate::pure::interval::Interval;
use crate::pure::moment::nanoseconds;
use crate::pure::packet::Frame;
use crate::pure::sighting::{BUCKET_SECONDS, Left, Observer, Probe, Scope, Seen, WatchId};
use crate::pure::verdict::{BlamedHost, Control, Ending, Listened, SourceFacts};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Once seen, the positive control is looked for again after so long: each ten seconds of the coverage
/// ledger say whether it was there.
const CONTROL_PAUSE_NS: i64 = BUCKET_SECONDS * 1_000_000_000 / 2;

/// So long after the end of a window, an empty ring holds nothing from before it, and what was lost is known:
/// a block is handed out when it is as old as this, the ring was waited on for twice that, and some losses are
/// counted two such looks late.
const SETTLE: SignedDuration = SignedDuration::from_millis(6 * BLOCK_AGE_MS as i64);

/// So long after its window a run ends however much is still in the ring: it was read for so long.
const OVERTIME_MAX: SignedDuration = SignedDuration::from_secs(60);

/// A run that is alone with what it listens to.
pub struct Alone(Audience);

impl Alone {
    /// Listens from the first frame on.
    pub fn new(listener: Listener) -> Alone {
        let control = listener.source().positive_control.as_deref();
        let mut audience = Audience::new(control).with_probe(listener.probe());
        let always = Interval::new(Timestamp::MIN, Timestamp::MAX);
        audience.let_in(Member::new(listener, always, Stop::new(), None), i64::MIN);
        audience.plan_turns();
        Alone(audience)
    }

    /// Takes the next frame; breaks when a limit is reached or the filter cannot be applied.
    pub fn take(&mut self, frame: &Frame<'_>) -> ControlFlow<Ending> {
        self.0.take(frame);
        match self.0.leaving.first() {
            Some((_, ending, _)) => ControlFlow::Break(ending.clone()),
            None => ControlFlow::Continue(()),
        }
    }

    /// What came of it, and what went wrong with the evidence, if anything did.
    pub fn finish(mut self, listened: Listened) -> (SourceFacts, Vec<String>) {
        if !self.0.members.is_empty() {
            self.0.end(0, listened.ending.clone());
        }
        let (member, _, left) = self.0.leaving.pop().expect("it was let in, and ended once");
        member.listener.finish(left, listened)
    }
}

/// Everybody who listens to one source.
pub struct Audience {
    observer: Observer,
    control: Option<Screen>,
    control_state: Control,
    /// Before this time of a frame the control is not looked for again.
    next_control_ns: i64,
    /// In the order of their `WatchId`.
    members: Vec<Member>,
    /// Those whose window has not begun.
    waiting: Vec<Member>,
    /// Those that have left and wait for the next look to be told their losses.
    leaving: Vec<(Member, Ending, Left)>,
    /// A frame of this time or later begins or ends somebody's window.
    next_turn_ns: i64,
    /// Whether somebody counts frames or keeps all.
    has_eager: bool,
    link_type: Option<u16>,
    state: State,
}

impl Audience {
    /// Nobody yet, at a source with this positive control.
    pub fn new(positive_control: Option<&str>) -> Audience {
        Audience {
            observer: Observer::default(),
            control: positive_control.map(Screen::new),
            control_state: if positive_control.is_some() { Control::Missing } else { Control::NotAsked },
            next_control_ns: i64::MIN,
            members: Vec::new(),
            waiting: Vec::new(),
            leaving: Vec::new(),
            next_turn_ns: i64::MAX,
            has_eager: false,
            link_type: None,
            state: State::default(),
        }
    }

    /// The same, who wait for this probe.
    pub fn with_probe(mut self, probe: Option<Probe>) -> Audience {
        self.observer.look_for_probe(probe);
        self
    }

    /// Lets a run in; it hears the frames of its window from `now` on. What the source had lost by then, `None` where
    /// it cannot tell, was none of it.
    pub fn join(&mut self, guest: Guest, now: Timestamp, lost_packets: Option<u64>) {
        let Guest { listener, window, stop, reply } = guest;
        let mut member = Member::new(listener, window, stop, Some(reply));
        // What the kernel holds back now it lets through after the next look.
        member.from_ns = (!self.state.is_filtered).then(|| nanoseconds(window.from.max(now)));
        member.lost_before = lost_packets;
        self.waiting.push(member);
        self.plan_turns();
    }

    /// Whether nobody is here, not even to be told what it heard.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.waiting.is_empty() && self.leaving.is_empty()
    }

    /// Takes the next frame.
    #[inline]
    pub fn take(&mut self, frame: &Frame<'_>) {
        if frame.time_ns >= self.next_turn_ns {
            self.turn(frame.time_ns);
        }
        if self.link_type != Some(frame.link_type) {
            self.meet(frame.link_type);
        }
        if frame.time_ns >= self.next_control_ns {
            self.look_for_control(frame);
        }
        if self.has_eager {
            self.take_eagerly(frame);
        } else {
            let Audience { observer, members, .. } = self;
            let seen = observer.see(frame, |id| scope(members, id, frame));
            if seen.is_sighting {
                self.keep_hits(frame);
            } else if seen.is_probe {
                self.note_probe();
            }
        }
    }

    #[cold]
    fn note_probe(&mut self) {
        self.members.iter_mut().for_each(|member| member.listener.note_probe());
    }

    /// Looks at the source, and tells who has left what it heard.
    pub fn look(&mut self, look: &mut Look) {
        let at_ns = nanoseconds(look.at);
        self.observer.look(at_ns, look.fault.is_none(), look.lost_packets);
        self.state.fault.clone_from(&look.fault);
        self.state.lost_packets = look.lost_packets;
        self.state.is_filtered = look.is_filtered;
        self.waiting.iter_mut().chain(&mut self.members).for_each(|member| member.look(look));
        self.leaving.iter_mut().for_each(|(member, _, _)| member.look(look));
        let settled = if look.is_drained { SETTLE } else { OVERTIME_MAX };
        self.turn(nanoseconds(look.at.checked_sub(settled).unwrap_or(look.at)));
        self.see_off();
        look.kernel_filter = self.kernel_filter();
    }

    /// Ends everybody's listening, because the source is gone for good.
    pub fn disperse(&mut self, ending: &Ending) {
        for member in std::mem::take(&mut self.waiting) {
            self.let_in(member, i64::MIN);
        }
        for number in (0..self.members.len()).rev() {
            self.end(number, ending.clone());
        }
        self.see_off();
    }

    /// What the kernel may hold back: something only when all want the same, and have from their
    /// beginning, so that what a run counts as heard does not change with who else is there.
    fn kernel_filter(&self) -> Option<String> {
        if self.members.iter().chain(&self.waiting).any(|member| member.is_unfiltered) {
            return None;
        }
        let present = || self.members.iter().chain(&self.waiting).map(|member| &member.listener);
        if !present().all(Listener::is_filtered_by_others) {
            return None;
        }
        let texts: BTreeSet<Option<&str>> = present().map(Listener::filter_text).collect();
        let (1, Some(Some(text))) = (texts.len(), texts.first()) else { return None };
        let mut blamed: Vec<BlamedHost> = Vec::new();
        for host in present().flat_map(Listener::blamed) {
            if !blamed.contains(host) {
                blamed.push(host.clone());
            }
        }
        let source = present().next()?.source();
        filter::for_kernel(text, &blamed, source)
    }

    /// Lets in those whose window has begun at this time of a frame, and ends those whose is over.
    #[cold]
    fn turn(&mut self, time_ns: i64) {
        for number in (0..self.members.len()).rev() {
            if self.members[number].is_over(time_ns) {
                self.end_in_time(number);
            }
        }
        self.admit(time_ns);
        self.plan_turns();
    }

    fn admit(&mut self, time_ns: i64) {
        let (begun, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|member: &Member| member.has_begun(time_ns));
        self.waiting = waiting;
        for member in begun {
            self.let_in(member, time_ns);
        }
    }

    fn let_in(&mut self, mut member: Member, time_ns: i64) {
        let from_ns = member.from_ns.unwrap_or(time_ns);
        member.id = Some(self.observer.join(member.listener.watch(), from_ns));
        // Each run sees the control for itself.
        self.next_control_ns = i64::MIN;
        if self.control.is_none() {
            member.listener.note_control(&self.control_state);
        }
        let prepared = self.link_type.map_or(Ok(()), |link_type| member.listener.prepare(link_type));
        let is_over = member.is_over(time_ns);
        self.members.push(member);
        let number = self.members.len() - 1;
        if let Err(why) = prepared {
            self.end(number, unfiltered(&why));
        } else if is_over {
            self.end_in_time(number);
        }
    }

    fn plan_turns(&mut self) {
        let begins = self.waiting.iter().filter_map(|member| member.from_ns);
        let ends = self.members.iter().map(|member| member.to_ns);
        self.next_turn_ns = begins.chain(ends).min().unwrap_or(i64::MAX);
        self.has_eager = self.members.iter().any(|member| member.listener.is_eager());
    }

    /// Prepares for frames of another link layer.
    #[cold]
    fn meet(&mut self, link_type: u16) {
        self.link_type = Some(link_type);
        for number in (0..self.members.len()).rev() {
            if let Err(why) = self.members[number].listener.prepare(link_type) {
                self.end(number, unfiltered(&why));
            }
        }
        self.plan_turns();
    }

    fn look_for_control(&mut self, frame: &Frame<'_>) {
        let Some(control) = &mut self.control else {
            self.next_control_ns = i64::MAX;
            return;
        };
        let state = match control.passes(frame) {
            Ok(false) => return,
            Ok(true) => Control::Seen,
            Err(why) => Control::NotApplied(why),
        };
        if state == Control::Seen {
            self.observer.control_seen(frame.time_ns);
            self.next_control_ns = frame.time_ns.saturating_add(CONTROL_PAUSE_NS);
        } else {
            self.control = None;
        }
        self.members.iter_mut().for_each(|member| member.listener.note_control(&state));
        self.control_state = state;
    }

    fn keep_hits(&mut self, frame: &Frame<'_>) {
        let Audience { observer, members, .. } = self;
        for (id, watch) in observer.sighted() {
            if let Some(member) = find(members, id) {
                member.listener.keep_hit(frame, watch);
            }
        }
    }

    /// The way of a frame while somebody counts frames, or keeps them all.
    #[inline(never)]
    fn take_eagerly(&mut self, frame: &Frame<'_>) {
        let Audience { observer, members, .. } = self;
        for member in members.iter_mut().filter(|member| member.listener.is_eager()) {
            member.listener.screen(frame);
        }
        let Seen { is_sighting, is_probe } = observer.see(frame, |id| scope(members, id, frame));
        let sighted: Vec<WatchId> =
            if is_sighting { observer.sighted().map(|(id, _)| id).collect() } else { Vec::new() };
        if is_sighting {
            self.keep_hits(frame);
        } else if is_probe {
            self.note_probe();
        }
        for number in (0..self.members.len()).rev() {
            let member = &mut self.members[number];
            let is_hit = member.id.is_some_and(|id| sighted.contains(&id));
            if member.listener.is_eager()
                && let Some(ending) = member.listener.count(frame, is_hit)
            {
                self.end(number, ending);
                self.plan_turns();
            }
        }
    }

    fn end_in_time(&mut self, number: usize) {
        let ending = match (&self.members[number].ending, &self.state.fault) {
            (Ending::TimeUp, Some(fault)) => Ending::SourceGone(fault.clone()),
            (ending, _) => ending.clone(),
        };
        self.end(number, ending);
    }

    fn end(&mut self, number: usize, ending: Ending) {
        let member = self.members.remove(number);
        let id = member.id.expect("it was let in");
        let left = self.observer.leave(id, &member.listener.wanted()).expect("it leaves once");
        self.leaving.push((member, ending, left));
    }

    fn see_off(&mut self) {
        for (member, ending, left) in self.leaving.drain(..) {
            member.depart(ending, left, &self.state);
        }
    }
}

fn find(members: &mut [Member], id: WatchId) -> Option<&mut Member> {
    let place = members.binary_search_by_key(&Some(id), |member| member.id).ok()?;
    members.get_mut(place)
}

fn scope(members: &mut [Member], id: WatchId, frame: &Frame<'_>) -> Scope {
    find(members, id).map_or(Scope::CoverageOnly, |member| member.listener.scope(frame))
}

fn unfiltered(why: &str) -> Ending {
    Ending::SourceGone(format!("the filter cannot be applied: {why}"))
}
