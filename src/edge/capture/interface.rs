//! What does an interface show between now and the end of the window?
//!
//! Listens through libpcap in the thread that calls it, and hands every frame to the listener where
//! it lies in the capture ring. The watchlist never goes to the kernel; a filter does when the
//! listener asks for it. An interface that vanishes is opened again when it is back. It must never
//! take a quiet wire for a healthy one: the link is asked too.

use super::link::{self, LinkState};
use super::session::{Absent, Look, Moment, OnMoment, Session};
use super::tap::{Refusal, Tap};
use crate::pure::lost::Lost;
use crate::pure::moment::nanoseconds;
use crate::pure::packet::Frame;
use crate::pure::sighting::{OffStamps, Stamps};
use crate::pure::verdict::{Ending, Listened};
use crate::pure::watched::{LOOK_GAP_SECONDS_MAX, WatchedTime};
use jiff::{SignedDuration, Timestamp};
use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

/// The link is looked at so often: before, the last look stands.
const LOOK_PAUSE: SignedDuration = SignedDuration::from_millis(100);

/// An interface that is not there is tried so often.
const OPEN_PAUSE: SignedDuration = SignedDuration::from_secs(1);

/// How long to sleep while there is no handle to wait on.
const ABSENT_PAUSE: Duration = Duration::from_millis(50);

/// The ring is empty when so many waits after the end bring nothing from before it: each is longer
/// than a block's age.
const QUIET_TAKES: u32 = 2;

/// Waits after the end at most: each takes 4,096 frames out of a ring of 2 GiB at most.
const DRAIN_TAKES_MAX: u32 = 8192;

/// Sentences kept about one listening, the first: a link that comes and goes says the same again.
const NOTES_MAX: usize = 16;

/// Listens on `interface` until the window ends, somebody stops it, or the listener has enough.
/// `ring_bytes` is the size of the capture ring.
pub fn listen(
    interface: &str,
    ring_bytes: u64,
    session: &Session<'_>,
    on_moment: &mut OnMoment<'_>,
) -> Listened {
    match Listening::begin(interface, ring_bytes, session) {
        Ok(mut listening) => listening.go_on(on_moment),
        Err(what) => Listened::nothing(Ending::SourceGone(what)),
    }
}

/// Whether this process may capture on `interface` at all.
///
/// # Errors
/// Why not, and what to do.
pub fn try_out(interface: &str) -> Result<(), String> {
    const RING_BYTES: u64 = 1024 * 1024;
    Tap::open(interface, RING_BYTES).map(|_| ()).map_err(Refusal::text)
}

struct Listening<'a> {
    interface: &'a str,
    ring_bytes: u64,
    session: &'a Session<'a>,
    /// `None` while the interface is gone.
    tap: Option<Tap>,
    /// Frames from then on are not taken.
    end: Timestamp,
    watched: WatchedTime,
    /// Since when no packet could come in, and why.
    down_since: Option<(Timestamp, LinkState)>,
    looked: Option<Timestamp>,
    stamps: Stamps,
    off_stamps: Option<OffStamps>,
    tried: Timestamp,
    /// Why it could not be opened again, though it is there.
    refused: Option<String>,
    /// Lost by handles that were closed since.
    lost_before: u64,
    lost: u64,
    kernel_filter: Option<String>,
    was_filtered: bool,
    notes: Vec<String>,
    /// Those that no look has told yet.
    new_notes: Vec<String>,
}

impl<'a> Listening<'a> {
    fn begin(interface: &'a str, ring_bytes: u64, session: &'a Session<'a>) -> Result<Self, String> {
        let tap = match Tap::open(interface, ring_bytes) {
            Ok(tap) => Some(tap),
            Err(Refusal::Absent(_)) if session.absent == Absent::Wait => None,
            Err(refusal) => return Err(refusal.text()),
        };
        let mut listening = Listening {
            interface,
            ring_bytes,
            session,
            tap: None,
            end: session.window.to,
            watched: WatchedTime::new(LOOK_GAP_SECONDS_MAX),
            down_since: None,
            looked: None,
            stamps: Stamps::since(nanoseconds((session.clock)())),
            off_stamps: None,
            tried: (session.clock)(),
            refused: None,
            lost_before: 0,
            lost: 0,
            kernel_filter: None,
            was_filtered: false,
            notes: Vec::new(),
            new_notes: Vec::new(),
        };
        listening.use_tap(tap);
        Ok(listening)
    }

    fn go_on(&mut self, on_moment: &mut OnMoment<'_>) -> Listened {
        let mut is_drained = false;
        let ending = loop {
            if let Some(ending) = self.look(is_drained, on_moment) {
                break ending;
            }
            match self.take(on_moment) {
                ControlFlow::Continue(frames) => is_drained = frames == 0,
                ControlFlow::Break(ending) => {
                    // The limit was reached now, not when the link was last looked at.
                    self.note_link((self.session.clock)());
                    break ending;
                }
            }
        };
        Listened {
            watched: self.watched.intervals(),
            lost: Lost::told(Some(self.lost)),
            notes: std::mem::take(&mut self.notes),
            is_filtered: self.was_filtered,
            off_stamps: self.off_stamps,
            ..Listened::nothing(ending)
        }
    }

    /// Looks at clock, link and stop, and lets the listener look too; tells why it is over, if it is.
    fn look(&mut self, is_drained: bool, on_moment: &mut OnMoment<'_>) -> Option<Ending> {
        let now = (self.session.clock)();
        let is_over = now >= self.session.window.to || self.session.stop.is_requested();
        let is_recent = self.looked.is_some_and(|looked| now.duration_since(looked) < LOOK_PAUSE);
        if is_recent && !is_over && !is_drained {
            return None;
        }
        self.looked = Some(now);
        if self.tap.as_ref().is_some_and(|tap| tap.is_deaf(self.interface)) {
            // It is closed then, with all that came before. One that has another name now goes on without end.
            let end = self.end;
            self.end = end.min(now);
            self.empty_ring(on_moment);
            self.end = end;
        }
        self.note_link(now);
        if is_over {
            let ending = if now >= self.session.window.to { self.time_up() } else { Ending::Stopped };
            self.drain(on_moment);
            self.settle_losses();
            let _ = self.show((self.session.clock)(), true, Some(now), on_moment);
            return Some(ending);
        }
        self.show(now, is_drained, None, on_moment).break_value()
    }

    /// Lets the listener look, and does what it wishes.
    fn show(
        &mut self,
        at: Timestamp,
        is_drained: bool,
        over_since: Option<Timestamp>,
        on_moment: &mut OnMoment<'_>,
    ) -> ControlFlow<Ending> {
        let off_stamps = self.stamps.take_off();
        self.off_stamps = OffStamps::together(self.off_stamps, off_stamps);
        let mut look = Look {
            at,
            off_stamps,
            over_since,
            fault: self.fault(),
            is_drained,
            lost_packets: Some(self.lost),
            kernel_filter: self.kernel_filter.take(),
            is_filtered: self.tap.as_ref().is_some_and(Tap::is_filtered),
            handle_notes: self.tap.as_ref().map(|tap| tap.notes().to_vec()).unwrap_or_default(),
            new_notes: std::mem::take(&mut self.new_notes),
        };
        let flow = on_moment(Moment::Look(&mut look));
        self.kernel_filter = look.kernel_filter;
        self.apply_filter();
        flow
    }

    fn apply_filter(&mut self) {
        if let Some(tap) = &mut self.tap {
            tap.filter(self.kernel_filter.as_deref());
            self.was_filtered |= tap.is_filtered();
        }
    }

    /// Finds out what the link is like, and opens or closes the handle as it comes and goes.
    fn note_link(&mut self, now: Timestamp) {
        self.count_losses();
        if self.tap.as_ref().is_some_and(|tap| tap.is_deaf(self.interface)) {
            self.close();
        }
        if self.tap.is_none() && now.duration_since(self.tried) >= OPEN_PAUSE {
            self.tried = now;
            self.open();
        }
        let state = match (&self.tap, link::state(self.interface)) {
            (Some(_), state) | (None, state @ LinkState::Off) => state,
            (None, _) => LinkState::Gone,
        };
        self.watched.look(now, state.is_up());
        self.note_state(now, state);
    }

    fn note_state(&mut self, now: Timestamp, state: LinkState) {
        let since = self.down_since.map(|(since, _)| since);
        match (since, state.is_up()) {
            (None, true) => {}
            (since, false) => self.down_since = Some((since.unwrap_or(now), state)),
            (Some(since), true) => {
                self.down_since = None;
                let note = format!(
                    "interface {} was not found to be up from {since} to {now}: that time does not count as watched",
                    self.interface
                );
                self.new_notes.push(note.clone());
                self.note(note);
            }
        }
    }

    fn use_tap(&mut self, tap: Option<Tap>) {
        self.tap = tap;
        let notes = self.tap.as_ref().map(|tap| tap.notes().to_vec()).unwrap_or_default();
        notes.into_iter().for_each(|note| self.note(note));
        self.apply_filter();
    }

    fn open(&mut self) {
        match Tap::open(self.interface, self.ring_bytes) {
            Ok(tap) => {
                self.refused = None;
                self.use_tap(Some(tap));
            }
            Err(Refusal::Absent(_)) => self.refused = None,
            Err(Refusal::Final(why)) => self.refused = Some(why),
        }
    }

    fn close(&mut self) {
        self.settle_losses();
        self.tap = None;
        self.lost_before = self.lost;
        self.tried = (self.session.clock)();
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < NOTES_MAX && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn time_up(&self) -> Ending {
        self.fault().map_or(Ending::TimeUp, Ending::SourceGone)
    }

    /// Why no packet can come in, and since when.
    fn fault(&self) -> Option<String> {
        let (since, state) = self.down_since?;
        Some(match (&self.refused, state) {
            (Some(why), _) => format!("{why} (since {since})"),
            (None, LinkState::Gone) => format!("interface {} was gone from {since} on", self.interface),
            (None, state) => format!("{} (since {since})", state.advice(self.interface)),
        })
    }

    /// Waits for packets and hands them out; tells how many there were.
    fn take(&mut self, on_moment: &mut OnMoment<'_>) -> ControlFlow<Ending, usize> {
        let Listening { tap, stamps, session, .. } = self;
        let Some(tap) = tap else {
            thread::sleep(ABSENT_PAUSE);
            return ControlFlow::Continue(0);
        };
        let end_ns = nanoseconds(self.end);
        let mut flow = ControlFlow::Continue(());
        let taken = tap.take(|frame| {
            let time_ns = stamps.time(frame.time_ns, || nanoseconds((session.clock)()));
            if flow.is_continue() && time_ns < end_ns {
                flow = on_moment(Moment::Frame(&Frame { time_ns, ..*frame }));
            }
        });
        match (flow, taken) {
            (ControlFlow::Break(ending), _) => ControlFlow::Break(ending),
            (_, Ok(frames)) => ControlFlow::Continue(frames),
            (_, Err(_)) => {
                // Most likely the interface is gone; it is opened again when there is one.
                self.close();
                ControlFlow::Continue(0)
            }
        }
    }

    /// Empties the ring after the end: what it holds from before was heard within the window.
    fn drain(&mut self, on_moment: &mut OnMoment<'_>) {
        self.end = self.end.min((self.session.clock)());
        self.empty_ring(on_moment);
    }

    /// Hands out what the ring holds.
    fn empty_ring(&mut self, on_moment: &mut OnMoment<'_>) {
        let mut quiet_takes = 0;
        for _ in 0..DRAIN_TAKES_MAX {
            if self.tap.is_none() {
                break;
            }
            let mut is_quiet = true;
            let flow = self.take(&mut |moment| {
                is_quiet = false;
                on_moment(moment)
            });
            quiet_takes = if is_quiet { quiet_takes + 1 } else { 0 };
            if flow.is_break() || quiet_takes == QUIET_TAKES {
                break;
            }
        }
    }

    /// The same once the ring is empty, and stays so.
    fn settle_losses(&mut self) {
        if let Some(tap) = &mut self.tap {
            self.lost = self.lost_before + tap.lost_packets_in_all(self.interface);
        }
    }

    fn count_losses(&mut self) {
        if let Some(tap) = &mut self.tap {
            self.lost = self.lost_before + tap.lost_packets(self.interface);
        }
    }
}
