//! Which interfaces does this process listen to, and who wants to hear them? One capture for all runs
//! that want the same interface at the same time.
//!
//! The first run that comes starts the capture in a thread of its own, later ones join it between two
//! looks, and it ends with the last. What a run has to wait for (reading its watchlists, finishing its
//! evidence) happens in the run's own thread; the capture never waits for a run.

use super::audience::Audience;
use super::interface;
use super::listener::Listener;
use super::member::{Departure, Guest};
use super::probes::{Probes, word};
use super::session::{Absent, Look, Moment, Session};
use super::stop::Stop;
use crate::pure::interval::Interval;
use crate::pure::sighting::Probe;
use crate::pure::site::Source;
use crate::pure::verdict::Ending;
use jiff::Timestamp;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Runs that may stand at the door of one capture; it lets them in ten times a second.
const GUESTS_MAX: usize = 256;

/// A run that finds so many before it tries again after this.
const DOOR_PAUSE: Duration = Duration::from_millis(20);

/// The captures of this process; a clone is the same hub.
#[derive(Clone, Default)]
pub struct Hub {
    open: Arc<Mutex<Vec<Open>>>,
    /// How many captures were begun: the number of the next.
    begun: Arc<AtomicU64>,
    probes: Probes,
}

/// A capture that runs can join.
struct Open {
    number: u64,
    source: Source,
    door: SyncSender<Box<Guest>>,
}

/// On which interface a run listens, when and how.
pub(super) struct Terms {
    pub(super) interface: String,
    pub(super) window: Interval,
    pub(super) stop: Stop,
    pub(super) clock: fn() -> Timestamp,
    pub(super) absent: Absent,
}

impl Hub {
    /// Who sends the probes of the sources.
    pub(super) fn probes(&self) -> &Probes {
        &self.probes
    }

    /// Lets a run hear the interface of its source until its window is over, it has enough, or it is
    /// stopped. `None` when the capture broke an invariant.
    pub(super) fn hear(&self, listener: Listener, terms: Terms) -> Option<Box<Departure>> {
        let (reply, answer) = sync_channel(1);
        let mut guest = Box::new(Guest { listener, window: terms.window, stop: terms.stop.clone(), reply });
        while let Err(returned) = self.bring(guest, &terms) {
            thread::sleep(DOOR_PAUSE);
            guest = returned;
        }
        answer.recv().ok()
    }

    /// Brings a run to its capture, which is begun if there is none; gives it back when there are too
    /// many before it.
    fn bring(&self, mut guest: Box<Guest>, terms: &Terms) -> Result<(), Box<Guest>> {
        let mut open = self.open();
        let source = guest.listener.source().clone();
        if let Some(place) = open.iter().position(|capture| is_same(&capture.source, &source)) {
            guest = match open[place].door.try_send(guest) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(guest)) => return Err(guest),
                Err(TrySendError::Disconnected(guest)) => {
                    // Its thread has panicked.
                    open.remove(place);
                    guest
                }
            };
        }
        let (door, guests) = sync_channel(GUESTS_MAX);
        door.try_send(guest).unwrap_or_else(|_| unreachable!("the channel is new and has room"));
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let capture = Capture {
            hub: self.clone(),
            number,
            interface: terms.interface.clone(),
            source: source.clone(),
            guests,
            clock: terms.clock,
            absent: terms.absent,
        };
        match thread::Builder::new().name("listen".to_owned()).spawn(move || capture.listen()) {
            Ok(_) => open.push(Open { number, source, door }),
            // The guest's answer is gone with it, which tells the run.
            Err(error) => tracing::error!("cannot start a thread: {error}"),
        }
        Ok(())
    }

    fn open(&self) -> MutexGuard<'_, Vec<Open>> {
        // The list is whole at each moment: entries are put in and taken out at once.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A capture at work, in its own thread.
struct Capture {
    hub: Hub,
    number: u64,
    interface: String,
    source: Source,
    guests: Receiver<Box<Guest>>,
    clock: fn() -> Timestamp,
    absent: Absent,
}

impl Capture {
    fn listen(self) {
        let probe = self.source.probe.as_ref().map(|probe| Probe::new(probe.to, Some(word().to_owned())));
        let mut audience = Audience::new(self.source.positive_control.as_deref()).with_probe(probe);
        let window = Interval::new((self.clock)(), Timestamp::MAX);
        let session = Session { window, stop: &Stop::new(), clock: self.clock, absent: self.absent };
        let listened =
            interface::listen(
                &self.interface,
                self.source.ring_bytes,
                &session,
                &mut |moment| match moment {
                    Moment::Frame(frame) => {
                        audience.take(frame);
                        ControlFlow::Continue(())
                    }
                    Moment::Look(look) => self.look(look, &mut audience),
                },
            );
        // Without one more look: those who wait at the door of a source that cannot be opened.
        self.close();
        self.let_in(&mut audience, (self.clock)(), listened.lost.packets());
        audience.disperse(&listened.ending);
    }

    /// Lets in who waits at the door, and ends when nobody is there.
    fn look(&self, look: &mut Look, audience: &mut Audience) -> ControlFlow<Ending> {
        self.let_in(audience, look.at, look.lost_packets);
        audience.look(look);
        if audience.is_empty() && self.close_if_nobody_waits(audience, look) {
            ControlFlow::Break(Ending::Stopped)
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Shuts the door, unless somebody stands there. Whoever brings a run holds the same lock.
    fn close_if_nobody_waits(&self, audience: &mut Audience, look: &Look) -> bool {
        let mut open = self.hub.open();
        match self.guests.try_recv() {
            Ok(guest) => audience.join(*guest, look.at, look.lost_packets),
            Err(_) => open.retain(|capture| capture.number != self.number),
        }
        audience.is_empty()
    }

    fn let_in(&self, audience: &mut Audience, now: Timestamp, lost_packets: Option<u64>) {
        let guests = self.guests.try_iter().take(GUESTS_MAX);
        guests.for_each(|guest| audience.join(*guest, now, lost_packets));
    }

    /// Shuts the door: who comes from now on begins a capture of his own.
    fn close(&self) {
        self.hub.open().retain(|capture| capture.number != self.number);
    }
}

/// Whether two runs hear the same, in the same way; the name is only what people call it.
fn is_same(one: &Source, other: &Source) -> bool {
    let Source { name: _, kind, positive_control, probe, ring_bytes, runs_max: _ } = one;
    (kind, positive_control, probe, ring_bytes)
        == (&other.kind, &other.positive_control, &other.probe, &other.ring_bytes)
}
