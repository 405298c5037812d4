//! What is done with each frame of a scan? Files (`recorded`) and interfaces give them to one [`Scanner`].

use super::ScanError;
use super::dump::Dump;
use super::save::Save;
use crate::cli::print::note;
use crate::edge::capture::interface::listen;
use crate::edge::capture::screen::Screen;
use crate::edge::capture::session::{Absent, Moment, Session};
use crate::edge::capture::stop::Stop;
use crate::edge::clock;
use crate::pure::filter::for_kernel_alone;
use crate::pure::interval::Interval;
use crate::pure::moment::nanoseconds;
use crate::pure::packet::{Frame, decode};
use crate::pure::sighting::{Glance, Observer, Scope};
use crate::pure::verdict::{Ending, Listened};
use jiff::Timestamp;
use std::ops::ControlFlow;
use std::time::Duration;

/// Opening an interface may take so long that is not missed of the time asked for.
const OPENING_MAX: Duration = Duration::from_secs(1);

/// How a capture was heard, but for its packets.
pub struct Heard {
    /// `None` for files: their packets say how long they are.
    pub window: Option<Interval>,
    pub listened: Listened,
}

/// Takes every frame of a scan.
pub struct Scanner {
    pub observer: Observer,
    pub filter: Option<Screen>,
    pub packets_max: Option<u64>,
    pub passed_packets: u64,
    pub dump: Option<Dump>,
    pub save: Option<Save>,
    pub has_watchlist: bool,
    /// What kept it from going on.
    pub fault: Option<ScanError>,
}

impl Scanner {
    /// Whether all that is wanted of a frame is to be seen.
    pub fn only_sees(&self) -> bool {
        let Scanner { filter, packets_max, dump, save, .. } = self;
        filter.is_none() && packets_max.is_none() && dump.is_none() && save.is_none()
    }

    /// Breaks off when the packet limit is reached, and when output fails.
    #[inline(never)]
    pub fn take(&mut self, frame: &Frame<'_>, glance: Glance) -> ControlFlow<Ending> {
        match self.try_take(frame, glance) {
            Ok(()) if self.packets_max.is_some_and(|max| self.passed_packets >= max) => {
                ControlFlow::Break(Ending::PacketLimit(self.passed_packets))
            }
            Ok(()) => ControlFlow::Continue(()),
            Err(fault) => self.break_off(fault),
        }
    }

    /// Hands on what was dumped until now; breaks off when output fails.
    pub fn flush(&mut self) -> ControlFlow<Ending> {
        match self.dump.as_mut().map_or(Ok(()), Dump::flush) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => self.break_off(error.into()),
        }
    }

    fn break_off(&mut self, fault: ScanError) -> ControlFlow<Ending> {
        self.fault = Some(fault);
        ControlFlow::Break(Ending::Stopped)
    }

    fn try_take(&mut self, frame: &Frame<'_>, glance: Glance) -> Result<(), ScanError> {
        let scope = self.filter.as_mut().map_or(Ok(Scope::Matched), |filter| filter.scope(frame));
        let scope = scope.map_err(ScanError::Usage)?;
        let seen = self.observer.see_glanced(frame, glance, |_| scope);
        if scope == Scope::Matched {
            self.passed_packets += 1;
            if let Some(dump) = &mut self.dump {
                dump.line(frame, &decode(frame))?;
            }
            match &mut self.save {
                Some(save) if seen.is_sighting => {
                    let matches = self.observer.sighted().flat_map(|(_, watch)| watch.last_matches());
                    save.evidence.keep_hit(frame, matches);
                    save.tell_if_broken();
                }
                Some(save) if !self.has_watchlist => save.evidence.keep_other(frame),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Listens on an interface for `length`, or until somebody stops it.
pub fn live(
    interface: &str,
    ring_bytes: u64,
    length: Option<Duration>,
    stop: &Stop,
    scanner: &mut Scanner,
) -> Heard {
    let window = Interval::lasting(clock::now(), length.unwrap_or(Duration::MAX));
    let lookout = scanner.observer.lookout();
    let session = Session { window, stop, clock: clock::now, absent: Absent::GiveUp };
    let filter = scanner.filter.as_ref().filter(|filter| filter.is_for_others());
    let kernel_filter = filter.and_then(|filter| for_kernel_alone(filter.text()));
    let (mut opened, mut over) = (None, None);
    let listened = listen(interface, ring_bytes, &session, &mut |moment| match moment {
        Moment::Frame(frame) => scanner.take(frame, lookout.glance(frame)),
        Moment::Look(look) => {
            if let Some(save) = &mut scanner.save {
                save.tell_if_broken();
            }
            opened.get_or_insert(look.at);
            over = look.over_since.or(over);
            scanner.observer.look(nanoseconds(look.at), look.fault.is_none(), look.lost_packets);
            look.kernel_filter.clone_from(&kernel_filter);
            scanner.flush()
        }
    });
    listened.notes.iter().for_each(|what| note(&format!("warning: {what}")));
    // Without a stated length, being stopped is the planned end.
    let ending = match (length, listened.ending.clone()) {
        (None, Ending::Stopped) => Ending::TimeUp,
        (_, ending) => ending,
    };
    let planned_end = if length.is_some() { window.to } else { over.unwrap_or_else(clock::now) };
    let window = Interval::new(begin(window.from, opened), planned_end);
    Heard { window: Some(window), listened: Listened { ending, ..listened } }
}

/// From when on a scan is answerable for what it saw: once the interface was open.
fn begin(asked: Timestamp, opened: Option<Timestamp>) -> Timestamp {
    let latest = asked.saturating_add(OPENING_MAX).unwrap_or(asked);
    opened.map_or(asked, |opened| opened.clamp(asked, latest))
}
