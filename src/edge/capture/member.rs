//! What is known of one run while it listens in company, and what does it take along when it leaves?
//!
//! `audience` lets it in and ends it; here is its own time: since when it watches, what was found of
//! the source meanwhile, and whether its window is over.

use super::listener::Listener;
use super::session::Look;
use super::stop::Stop;
use crate::pure::interval::Interval;
use crate::pure::lost::Lost;
use crate::pure::moment::nanoseconds;
use crate::pure::sighting::{Left, OffStamps, WatchId};
use crate::pure::verdict::{Ending, Listened};
use crate::pure::watched::{LOOK_GAP_SECONDS_MAX, WatchedTime};
use std::sync::mpsc::SyncSender;

/// Sentences about the source that a run takes along at most.
const NOTES_MAX: usize = 16;

/// A run that wants to listen.
pub struct Guest {
    pub listener: Listener,
    pub window: Interval,
    pub stop: Stop,
    /// Where what it heard goes; takes one [`Departure`] and never waits.
    pub reply: SyncSender<Box<Departure>>,
}

/// A run that has heard enough, or all there was.
pub struct Departure {
    pub listener: Listener,
    pub left: Left,
    pub listened: Listened,
}

/// A run in the audience.
pub(super) struct Member {
    pub(super) id: Option<WatchId>,
    pub(super) listener: Listener,
    pub(super) window: Interval,
    /// Not known before the kernel lets through what it wants.
    pub(super) from_ns: Option<i64>,
    pub(super) to_ns: i64,
    /// Why it ends when its time is up.
    pub(super) ending: Ending,
    pub(super) stop: Stop,
    /// `None` for one that is alone.
    pub(super) reply: Option<SyncSender<Box<Departure>>>,
    pub(super) watched: WatchedTime,
    pub(super) looks: u64,
    pub(super) lost_before: Option<u64>,
    pub(super) is_filtered: bool,
    /// Whether all there is was heard for it from its beginning; it stays so.
    pub(super) is_unfiltered: bool,
    pub(super) notes: Vec<String>,
    pub(super) off_stamps: Option<OffStamps>,
}

/// The source as it was last looked at.
#[derive(Default)]
pub(super) struct State {
    pub(super) fault: Option<String>,
    pub(super) lost_packets: Option<u64>,
    pub(super) is_filtered: bool,
}

impl Member {
    /// One that joins when its window begins.
    pub(super) fn new(
        listener: Listener,
        window: Interval,
        stop: Stop,
        reply: Option<SyncSender<Box<Departure>>>,
    ) -> Member {
        Member {
            id: None,
            listener,
            window,
            from_ns: Some(nanoseconds(window.from)),
            to_ns: nanoseconds(window.to),
            ending: Ending::TimeUp,
            stop,
            reply,
            watched: WatchedTime::new(LOOK_GAP_SECONDS_MAX),
            looks: 0,
            lost_before: None,
            is_filtered: false,
            is_unfiltered: false,
            notes: Vec::new(),
            off_stamps: None,
        }
    }

    /// Whether its window has begun at this time of a frame.
    pub(super) fn has_begun(&self, time_ns: i64) -> bool {
        self.from_ns.is_some_and(|from_ns| from_ns <= time_ns)
    }

    /// A window that ends with time itself is never over, whatever a frame claims.
    pub(super) fn is_over(&self, time_ns: i64) -> bool {
        self.to_ns <= time_ns && self.to_ns != i64::MAX
    }

    /// Takes note of how its source was found.
    pub(super) fn look(&mut self, look: &Look) {
        self.watched.look(look.at, look.fault.is_none());
        self.looks += 1;
        if self.looks > 1 {
            // At its first look, the kernel did not know of it yet.
            self.is_unfiltered |= self.looks == 2 && !look.is_filtered;
            self.is_filtered |= look.is_filtered;
            self.from_ns.get_or_insert(nanoseconds(self.window.from.max(look.at)));
        }
        self.off_stamps = OffStamps::together(self.off_stamps, look.off_stamps);
        for note in look.handle_notes.iter().chain(&look.new_notes) {
            if self.notes.len() < NOTES_MAX && !self.notes.contains(note) {
                self.notes.push(note.clone());
            }
        }
        let at_ns = nanoseconds(look.at);
        if self.stop.is_requested() && self.ending == Ending::TimeUp && at_ns < self.to_ns {
            (self.window.to, self.to_ns, self.ending) = (look.at, at_ns, Ending::Stopped);
        }
    }

    /// Sends off what it heard.
    pub(super) fn depart(self, ending: Ending, left: Left, state: &State) {
        let lost_packets = state.lost_packets.map(|lost| lost.saturating_sub(self.lost_before.unwrap_or(0)));
        let listened = Listened {
            watched: self.watched.intervals().within(self.window),
            lost: Lost::told(lost_packets),
            notes: self.notes,
            is_filtered: self.is_filtered,
            off_stamps: self.off_stamps,
            ..Listened::nothing(ending)
        };
        let departure = Box::new(Departure { listener: self.listener, left, listened });
        // A run that does not wait for it any more has been given up.
        let _ = self.reply.map(|reply| reply.try_send(departure));
    }
}
