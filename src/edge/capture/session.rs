//! What do all ways of listening share? The session that they are given, and whom they tell what they hear.
//!
//! `interface`, `command` and `recordings` listen, and hand back a `Listened`; behind [`OnFrame`] stands whoever takes
//! the frames.

use super::stop::Stop;
use crate::pure::interval::Interval;
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
