//! What do all ways of listening share? The session that they are given, the time that they watched, and
//! what they hand back.
//!
//! `interface`, `command` and `recordings` listen; behind [`OnFrame`] stands whoever takes the frames. Time may
//! count as watched only between two looks that both found everything well.

use super::stop::Stop;
use crate::pure::interval::{Interval, Intervals};
use crate::pure::lost::Lost;
use crate::pure::packet::Frame;
use crate::pure::sighting::OffStamps;
use crate::pure::verdict::Ending;
use jiff::Timestamp;
use std::ops::ControlFlow;

/// What a live source is told.
pub struct Session<'a> {
    pub window: Interval,
    pub stop: &'a Stop,
    pub clock: fn() -> Timestamp,
    pub absent: Absent,
}

/// What to do about an interface that is not there, or is switched off, when the listening begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// Somebody is there to read why, and may have mistyped its name.
    GiveUp,
    /// It may come before the window ends; the time until then is not watched.
    Wait,
}

/// What a live source tells while it is listened to.
pub enum Moment<'m, 'a> {
    Frame(&'m Frame<'a>),
    Look(&'m mut Look),
}

/// The source was looked at: several times a second, between frames.
#[derive(Clone, Debug)]
pub struct Look {
    pub at: Timestamp,
    /// Since when the listening is over, at the last look: frames from later are not handed out.
    pub over_since: Option<Timestamp>,
    /// Why no packet can come in now, in words; `None` when all is well.
    pub fault: Option<String>,
    /// Whether all frames from before were handed out.
    pub is_drained: bool,
    /// Packets since the last look whose stamps could not be true; they were handed out with the time at
    /// which they came.
    pub off_stamps: Option<OffStamps>,
    /// Packets lost since the listening began; `None` when the source cannot count them.
    pub lost_packets: Option<u64>,
    /// The filter that the kernel should apply from now on, if it can; as set at the last look. What
    /// it lets pass must be filtered again.
    pub kernel_filter: Option<String>,
    /// Whether the kernel holds back frames now.
    pub is_filtered: bool,
    /// What the source does otherwise than it was asked, in sentences; the same at each look.
    pub handle_notes: Vec<String>,
    /// What happened to the source since the last look, in sentences.
    pub new_notes: Vec<String>,
}

/// Called with every moment; a break ends the listening.
pub type OnMoment<'a> = dyn FnMut(Moment<'_, '_>) -> ControlFlow<Ending> + 'a;

/// Called with every frame; a break ends the listening.
pub type OnFrame<'a> = dyn FnMut(&Frame<'_>) -> ControlFlow<Ending> + 'a;

/// What listening to a source came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Listened {
    /// When it was really watched; not clipped to the window.
    pub watched: Intervals,
    pub ending: Ending,
    pub lost: Lost,
    /// Files that could not be read to their end.
    pub incomplete_files: Vec<String>,
    /// What the source could not do as it was asked, in sentences.
    pub notes: Vec<String>,
    /// Whether the kernel held frames back for some of the time.
    pub is_filtered: bool,
    pub rows: RowsHeard,
    /// Packets whose stamps could not be true; they were handed out with the time at which they came.
    pub off_stamps: Option<OffStamps>,
}

/// How many of the packets were rows of text tables, which show no bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowsHeard {
    pub rows: u64,
    /// Of those, rows of TCP or UDP that show no name.
    pub nameless: u64,
}

impl Listened {
    /// Nothing was watched, because of `ending`.
    pub fn nothing(ending: Ending) -> Listened {
        Listened {
            watched: Intervals::default(),
            ending,
            lost: Lost::UNKNOWN,
            incomplete_files: Vec::new(),
            notes: Vec::new(),
            is_filtered: false,
            rows: RowsHeard::default(),
            off_stamps: None,
        }
    }
}

/// A loop looks many times a second; when it did not for so long, the machine slept. In seconds.
pub const LOOK_GAP_SECONDS_MAX: f64 = 10.0;

/// How many separate stretches of watched time are kept: a link that goes up and down every ten
/// seconds for a day. What comes later counts as unwatched.
const STRETCHES_MAX: usize = 8640;

/// The time watched so far.
pub struct WatchedTime {
    /// Two looks that lie further apart than this, in seconds, prove nothing about the time between
    /// them.
    gap_seconds_max: f64,
    stretches: Vec<Interval>,
    last_good_look: Option<Timestamp>,
}

impl WatchedTime {
    /// No time yet; looks further apart than `gap_seconds_max` prove nothing about
    /// the time between them.
    pub fn new(gap_seconds_max: f64) -> WatchedTime {
        WatchedTime { gap_seconds_max, stretches: Vec::new(), last_good_look: None }
    }

    /// Notes that the source was looked at, and whether all was well.
    pub fn look(&mut self, now: Timestamp, is_well: bool) {
        if let (true, Some(last)) = (is_well, self.last_good_look) {
            self.extend(Interval::new(last, now));
        }
        self.last_good_look = is_well.then_some(now);
    }

    /// The time between looks that found all well.
    pub fn intervals(&self) -> Intervals {
        Intervals::of(self.stretches.iter().copied())
    }

    fn extend(&mut self, next: Interval) {
        if next.seconds() > self.gap_seconds_max {
            return;
        }
        let has_room = self.stretches.len() < STRETCHES_MAX;
        match self.stretches.last_mut() {
            Some(last) if last.to == next.from => last.to = next.to,
            _ if has_room => self.stretches.push(next),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(looks: &[(i64, bool)]) -> Vec<(i64, i64)> {
        let mut watched = WatchedTime::new(LOOK_GAP_SECONDS_MAX);
        for &(second, is_well) in looks {
            watched.look(Timestamp::from_second(second).expect("in range"), is_well);
        }
        watched.intervals().as_slice().iter().map(|i| (i.from.as_second(), i.to.as_second())).collect()
    }

    #[test]
    fn only_time_between_two_good_looks_is_watched() {
        assert_eq!(watched(&[(0, true), (1, true), (2, true)]), [(0, 2)]);
        assert_eq!(watched(&[(0, true), (1, true), (2, false), (3, true), (4, true)]), [(0, 1), (3, 4)]);
        assert_eq!(watched(&[(0, false), (1, true)]), []);
        assert_eq!(
            watched(&[(0, true), (10, true), (21, true), (22, true)]),
            [(0, 10), (21, 22)],
            "it slept"
        );
    }
}
