//! What does an interface show between now and the end of the window?
//!
//! Listens through libpcap in the thread that calls it, and hands every frame to the listener where
//! it lies in the capture ring. No filter goes to the kernel: coverage counts all that is there,
//! and the watchlist must never depend on what a kernel filter kept. It must never take a quiet
//! wire for a healthy one: the link is asked too.

use super::filter;
use super::link::{self, LinkState};
use super::session::{LOOK_GAP_SECONDS_MAX, Ledger, Listened, OnFrame, Session};
use crate::pure::packet::Frame;
use crate::pure::verdict::Ending;
use jiff::Timestamp;
use pcap::{Active, Capture, Packet, Precision};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::ops::ControlFlow;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Whole frames: evidence and names need their payload. libpcap's MAXIMUM_SNAPLEN.
pub const SNAP_BYTES: i32 = 262_144;

/// libpcap hands out a block of the ring when it is this old, in milliseconds, even if not full.
const BLOCK_AGE_MS: i32 = 50;

/// How long one wait for packets may last; stop, window and link are looked at after each.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// The ring is empty when so many waits after the end bring nothing from before it: each is longer
/// than a block's age.
const QUIET_TAKES: u32 = 2;

/// Waits after the end at most: each takes a block of 256 KiB or more out of a ring of 2 GiB at most.
const DRAIN_TAKES_MAX: u32 = 8192;

/// Listens on `interface` until the window ends, somebody stops it, the listener has enough, or the
/// interface is gone. `ring_bytes` is the size of the capture ring.
pub fn listen(
    interface: &str,
    ring_bytes: u64,
    session: &Session<'_>,
    on_frame: &mut OnFrame<'_>,
) -> Listened {
    match Listening::begin(interface, ring_bytes, session) {
        Ok(mut listening) => listening.go_on(on_frame),
        Err(what) => Listened::nothing(Ending::SourceGone(what)),
    }
}

/// Whether this process may capture on `interface` at all.
///
/// # Errors
/// Why not, and what to do.
pub fn probe(interface: &str) -> Result<(), String> {
    const PROBE_RING_BYTES: u64 = 1024 * 1024;
    open(interface, PROBE_RING_BYTES).map(|_| ())
}

struct Listening<'a> {
    interface: &'a str,
    session: &'a Session<'a>,
    handle: Capture<Active>,
    link_type: u16,
    index: Option<u32>,
    /// Frames from then on are not taken.
    end: Timestamp,
    ledger: Ledger,
    losses: Losses,
    down_since: Option<(Timestamp, LinkState)>,
}

impl<'a> Listening<'a> {
    fn begin(interface: &'a str, ring_bytes: u64, session: &'a Session<'a>) -> Result<Self, String> {
        let handle = open(interface, ring_bytes)?;
        let link = handle.get_datalink();
        let link_type = filter::link_type_of(link).ok_or_else(|| {
            format!("interface {interface} has the unknown link type {}: use another", link.0)
        })?;
        let losses = Losses { driver_before: link::dropped_packets(interface), ..Losses::default() };
        let index = link::index(interface);
        let (end, ledger) = (session.window.to, Ledger::new(LOOK_GAP_SECONDS_MAX));
        Ok(Listening { interface, session, handle, link_type, index, end, ledger, losses, down_since: None })
    }

    fn go_on(&mut self, on_frame: &mut OnFrame<'_>) -> Listened {
        let ending = loop {
            if let Some(ending) = self.look() {
                break self.drain(ending, on_frame);
            }
            if let ControlFlow::Break(ending) = self.take(on_frame) {
                // The limit was reached now, not when the link was last looked at.
                self.look();
                break ending;
            }
        };
        self.count_losses();
        Listened {
            watched: self.ledger.watched(),
            ending,
            lost_packets: Some(self.losses.total(link::dropped_packets(self.interface))),
            incomplete_files: Vec::new(),
        }
    }

    /// Looks at clock, link and stop; tells why it is over, if it is.
    fn look(&mut self) -> Option<Ending> {
        let now = (self.session.clock)();
        let state = self.link_state();
        self.ledger.look(now, state.is_up());
        self.down_since = if state.is_up() { None } else { self.down_since.or(Some((now, state))) };
        self.count_losses();
        if state == LinkState::Gone {
            Some(Ending::SourceGone(format!("interface {} vanished at {now}", self.interface)))
        } else if now >= self.session.window.to {
            Some(self.time_up())
        } else if self.session.stop.is_requested() {
            Some(Ending::Stopped)
        } else {
            None
        }
    }

    fn time_up(&self) -> Ending {
        match self.down_since {
            None => Ending::TimeUp,
            Some((since, state)) => {
                Ending::SourceGone(format!("{} (since {since})", state.advice(self.interface)))
            }
        }
    }

    /// An interface that was deleted and made anew has another index: the handle is deaf then.
    fn link_state(&self) -> LinkState {
        if link::index(self.interface) == self.index { link::state(self.interface) } else { LinkState::Gone }
    }

    /// Waits for packets and hands them out.
    fn take(&mut self, on_frame: &mut OnFrame<'_>) -> ControlFlow<Ending> {
        // SAFETY: the descriptor belongs to the handle, which outlives this borrow.
        let descriptor = unsafe { BorrowedFd::borrow_raw(self.handle.as_raw_fd()) };
        // An interrupted wait is a short one; what else is wrong, dispatch will say.
        let _ = poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&WAIT));
        let (link_type, end) = (self.link_type, self.end);
        let mut flow = ControlFlow::Continue(());
        let read = self.handle.dispatch(None, |packet| {
            if flow.is_continue() {
                flow = hand_out(&packet, link_type, end, on_frame);
            }
        });
        match read {
            _ if flow.is_break() => flow,
            Ok(_) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Ending::SourceGone(format!(
                "interface {} cannot be read any more: {error}",
                self.interface
            ))),
        }
    }

    /// Empties the ring after the end: what it holds from before was heard within the window.
    fn drain(&mut self, ending: Ending, on_frame: &mut OnFrame<'_>) -> Ending {
        self.end = self.end.min((self.session.clock)());
        let mut quiet_takes = 0;
        for _ in 0..DRAIN_TAKES_MAX {
            let mut is_quiet = true;
            let flow = self.take(&mut |frame| {
                is_quiet = false;
                on_frame(frame)
            });
            quiet_takes = if is_quiet { quiet_takes + 1 } else { 0 };
            if flow.is_break() || quiet_takes == QUIET_TAKES {
                break;
            }
        }
        ending
    }

    fn count_losses(&mut self) {
        // A handle whose interface is gone has no counters any more; those read before stand.
        if let Ok(stat) = self.handle.stats() {
            self.losses.add(stat.dropped, stat.if_dropped);
        }
    }
}

fn hand_out(
    packet: &Packet<'_>,
    link_type: u16,
    end: Timestamp,
    on_frame: &mut OnFrame<'_>,
) -> ControlFlow<Ending> {
    // With nanosecond precision, `tv_usec` holds nanoseconds (pcap_set_tstamp_precision(3)).
    let time_ns = packet.header.ts.tv_sec * 1_000_000_000 + packet.header.ts.tv_usec;
    if i128::from(time_ns) >= end.as_nanosecond() {
        return ControlFlow::Continue(());
    }
    on_frame(&Frame { time_ns, bytes: packet.data, wire_length: packet.header.len, link_type })
}

fn open(interface: &str, ring_bytes: u64) -> Result<Capture<Active>, String> {
    let state = link::state(interface);
    if matches!(state, LinkState::Gone | LinkState::Off) {
        return Err(state.advice(interface));
    }
    // `any` cannot be promiscuous.
    let is_promiscuous = interface != "any";
    try_open(interface, ring_bytes, is_promiscuous)
        .or_else(|error| {
            let handle = try_open(interface, ring_bytes, false)?;
            tracing::warn!("{interface} hears only what is sent to this machine: not promiscuous ({error})");
            Ok(handle)
        })
        .and_then(Capture::setnonblock)
        .map_err(|error| refusal(interface, &error))
}

fn try_open(interface: &str, ring_bytes: u64, is_promiscuous: bool) -> Result<Capture<Active>, pcap::Error> {
    Capture::from_device(interface)?
        .promisc(is_promiscuous)
        .snaplen(SNAP_BYTES)
        .timeout(BLOCK_AGE_MS)
        .buffer_size(i32::try_from(ring_bytes).unwrap_or(i32::MAX))
        .precision(Precision::Nano)
        .open()
}

fn refusal(interface: &str, error: &pcap::Error) -> String {
    let text = error.to_string();
    let is_forbidden = ["permission", "not permitted"].iter().any(|word| text.to_lowercase().contains(word));
    if is_forbidden {
        format!(
            "no right to capture on {interface}: run as root, or `setcap cap_net_raw+ep` the program \
             (and again after each upgrade)"
        )
    } else {
        format!("cannot capture on {interface}: {text}")
    }
}

/// Packets lost since the handle was opened. libpcap's counters are 32 bits wide and wrap.
#[derive(Default)]
struct Losses {
    ring: u64,
    driver: u64,
    last: (u32, u32),
    driver_before: Option<u64>,
}

impl Losses {
    fn add(&mut self, ring: u32, driver: u32) {
        self.ring += u64::from(ring.wrapping_sub(self.last.0));
        self.driver += u64::from(driver.wrapping_sub(self.last.1));
        self.last = (ring, driver);
    }

    /// What the ring lost, and what the driver lost by whichever count is larger: libpcap leaves
    /// some drivers' drops out, and /sys may not be readable.
    fn total(&self, driver_after: Option<u64>) -> u64 {
        let by_kernel =
            driver_after.zip(self.driver_before).map_or(0, |(after, before)| after.saturating_sub(before));
        self.ring + self.driver.max(by_kernel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_counted_through_a_wrap() {
        let mut losses = Losses { driver_before: Some(100), ..Losses::default() };
        losses.add(u32::MAX, 5);
        losses.add(4, 7);
        assert_eq!(losses.total(None), u64::from(u32::MAX) + 5 + 7);
        assert_eq!(losses.total(Some(120)), u64::from(u32::MAX) + 5 + 20, "the driver's own count is larger");
        assert_eq!(losses.total(Some(3)), u64::from(u32::MAX) + 5 + 7, "the driver was loaded anew");
    }
}
