//! How is an interface opened through libpcap, and what does the open handle give?
//!
//! `interface` opens one, and another when the interface was gone and is back. What libpcap did
//! otherwise than it was asked is told in words: it says so on standard error, or nowhere. Nobody may
//! hold back frames in silence: a filter goes to the kernel by our own call, which either holds or
//! fails, while libpcap's would fall back to filtering by itself.

use super::filter;
use super::link;
use super::losses::Losses;
use super::unclaimed::Unclaimed;
use crate::pure::packet::Frame;
use pcap::{Active, BpfProgram, Capture, Packet, Precision};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::thread;
use std::time::Duration;

/// Whole frames: evidence and names need their payload. libpcap's MAXIMUM_SNAPLEN.
pub const SNAP_BYTES: i32 = 262_144;

/// libpcap hands out a block of the ring when it is this old, in milliseconds, even if not full.
pub(super) const BLOCK_AGE_MS: i32 = 50;

/// How long one wait for packets may last: stop, window and link are looked at after each.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Openings of an interface that is there each time, and was not in between.
const OPENINGS_MAX: u32 = 3;

/// So long after the last packet its block was handed out, whatever became of the interface.
const LAST_BLOCK: Duration = Duration::from_millis(2 * BLOCK_AGE_MS as u64);

/// Frames handed out at a time at most, so that the link is looked at however busy it is.
const FRAMES_MAX: usize = 4096;

/// The smallest ring that is tried: libpcap's own default.
const RING_BYTES_MIN: u64 = 2 * 1024 * 1024;

/// Why an interface cannot be opened.
pub(super) enum Refusal {
    /// It is not there, or switched off; that may change by itself.
    Absent(String),
    /// A person has to do something.
    Final(String),
}

impl Refusal {
    pub(super) fn text(self) -> String {
        match self {
            Refusal::Absent(text) | Refusal::Final(text) => text,
        }
    }
}

/// One open handle.
pub(super) struct Tap {
    handle: Capture<Active>,
    link_type: u16,
    /// The number of the interface that the handle was opened on, and what its socket says of it.
    index: Option<u32>,
    bound: Option<i32>,
    losses: Losses,
    unclaimed: Unclaimed,
    /// The text of the filter that was last asked for, and whether the kernel applies it.
    kernel_filter: Option<String>,
    is_filtered: bool,
    /// What is otherwise than it was asked, in sentences.
    notes: Vec<String>,
}

impl Tap {
    /// Opens `interface` with a capture ring of `ring_bytes`, or a smaller one when memory is short. One that
    /// is switched off and on again at that moment is tried again.
    pub(super) fn open(interface: &str, ring_bytes: u64) -> Result<Tap, Refusal> {
        for _ in 1..OPENINGS_MAX {
            match Tap::open_once(interface, ring_bytes) {
                Err(Refusal::Absent(_)) if link::state(interface).is_on() => {}
                opened => return opened,
            }
        }
        Tap::open_once(interface, ring_bytes)
    }

    fn open_once(interface: &str, ring_bytes: u64) -> Result<Tap, Refusal> {
        let state = link::state(interface);
        if !state.is_on() {
            return Err(Refusal::Absent(state.advice(interface)));
        }
        let index = link::index(interface);
        let (handle, notes) = open(interface, ring_bytes)?;
        let bound = link::bound_index(handle.as_raw_fd());
        let link = handle.get_datalink();
        let link_type = filter::link_type_of(link).ok_or_else(|| {
            Refusal::Final(format!("interface {interface} has the unknown link type {}: use another", link.0))
        })?;
        Ok(Tap {
            handle,
            link_type,
            index,
            bound,
            losses: Losses::since(link::dropped_packets(interface)),
            unclaimed: Unclaimed::on(interface),
            kernel_filter: None,
            is_filtered: false,
            notes,
        })
    }

    /// Whether the interface was deleted since, or moved to another network namespace, even if there is one
    /// of that name (and number) again: the handle is deaf then, and its socket bound to nothing.
    pub(super) fn is_deaf(&self, interface: &str) -> bool {
        link::index(interface) != self.index || link::bound_index(self.handle.as_raw_fd()) != self.bound
    }

    /// Waits a little for packets and hands out those there are, in the ring's own memory; tells how
    /// many.
    ///
    /// # Errors
    /// When the handle gives nothing any more.
    pub(super) fn take(&mut self, mut on_frame: impl FnMut(&Frame<'_>)) -> Result<usize, String> {
        // SAFETY: the descriptor belongs to the handle, which outlives this borrow.
        let descriptor = unsafe { BorrowedFd::borrow_raw(self.handle.as_raw_fd()) };
        // An interrupted wait is a short one; what else is wrong, dispatch will say.
        let _ = poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&WAIT));
        match self.hand_out(&mut on_frame) {
            Err(_) => {
                // The interface is gone; what came last lies in a block that is not full, and not old enough.
                thread::sleep(LAST_BLOCK);
                self.hand_out(&mut on_frame)
            }
            taken => taken,
        }
    }

    fn hand_out(&mut self, on_frame: &mut impl FnMut(&Frame<'_>)) -> Result<usize, String> {
        let Tap { handle, link_type, unclaimed, .. } = self;
        let taken = handle.dispatch(Some(FRAMES_MAX), |packet| {
            let frame = frame(&packet, *link_type);
            unclaimed.note(&frame);
            on_frame(&frame);
        });
        taken.map_err(|error| error.to_string())
    }

    /// Packets lost since it was opened.
    pub(super) fn lost_packets(&mut self, interface: &str) -> u64 {
        // A handle whose interface is gone has no counters any more; those read before stand.
        if let Ok(stat) = self.handle.stats() {
            self.losses.add(stat.dropped, stat.if_dropped);
        }
        let dropped = link::dropped_packets(interface);
        self.unclaimed.look_again(interface);
        self.losses.add_dropped(dropped, self.unclaimed.packets());
        self.losses.total()
    }

    /// The same once nothing more is taken out of it, because its ring was emptied.
    pub(super) fn lost_packets_in_all(&mut self, interface: &str) -> u64 {
        self.lost_packets(interface);
        self.losses.settle(self.unclaimed.packets());
        self.losses.total()
    }

    /// Has the kernel apply the filter from now on, none if there is none, or none if it is too long.
    pub(super) fn filter(&mut self, text: Option<&str>) {
        if self.kernel_filter.as_deref() == text {
            return;
        }
        self.kernel_filter = text.map(str::to_owned);
        let program = text.and_then(|text| self.compile(text));
        let is_held_back = match &program {
            Some(program) => attach(&self.handle, program).is_ok(),
            None => false,
        };
        if !is_held_back && self.is_filtered {
            detach(&self.handle);
        }
        self.is_filtered = is_held_back;
    }

    /// The program for this very handle: on it, the kernel keeps tags beside the packet.
    fn compile(&self, text: &str) -> Option<BpfProgram> {
        let has_tags_in_place = self.link_type == filter::ETHERNET;
        let program = has_tags_in_place.then(|| self.handle.compile(text, true).ok()).flatten()?;
        (program.get_instructions().len() <= filter::KERNEL_INSTRUCTIONS_MAX).then_some(program)
    }

    /// Whether the kernel holds back frames.
    pub(super) fn is_filtered(&self) -> bool {
        self.is_filtered
    }

    /// What is otherwise than it was asked, in sentences.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }
}

fn frame<'a>(packet: &Packet<'a>, link_type: u16) -> Frame<'a> {
    // With nanosecond precision, `tv_usec` holds nanoseconds (pcap_set_tstamp_precision(3)).
    let time_ns = packet.header.ts.tv_sec * 1_000_000_000 + packet.header.ts.tv_usec;
    Frame { time_ns, bytes: packet.data, wire_length: packet.header.len, link_type }
}

/// Opens the interface as asked; where that fails, without what other machines say to each other, and
/// with a smaller ring. What had to be left out is told.
fn open(interface: &str, ring_bytes: u64) -> Result<(Capture<Active>, Vec<String>), Refusal> {
    let mut notes = Vec::new();
    // `any` cannot be promiscuous.
    let mut is_promiscuous = interface != "any";
    let mut bytes = ring_bytes;
    let handle = loop {
        let error = match activate(interface, bytes, is_promiscuous) {
            Ok(handle) => break handle,
            Err(error) => error,
        };
        if is_out_of_memory(&error) && bytes > RING_BYTES_MIN {
            bytes /= 2;
        } else if is_absent(&error) {
            // It was there just now. What is left out for such a moment would be lacking for good.
            return Err(Refusal::Absent(format!("interface {interface} went away or down as it was opened")));
        } else if is_promiscuous && !is_forbidden(&error) && !is_out_of_memory(&error) {
            is_promiscuous = false;
            notes.push(format!(
                "{interface} hears only what is sent to this machine: not promiscuous ({error})"
            ));
        } else {
            return Err(Refusal::Final(refusal(interface, &error)));
        }
    };
    notes.extend(warning(&handle).map(|what| format!("libpcap says of {interface}: {what}")));
    notes.extend(smaller_ring(interface, &handle, ring_bytes));
    Ok((handle, notes))
}

fn activate(interface: &str, ring_bytes: u64, is_promiscuous: bool) -> Result<Capture<Active>, pcap::Error> {
    Capture::from_device(interface)?
        .promisc(is_promiscuous)
        .snaplen(SNAP_BYTES)
        .timeout(BLOCK_AGE_MS)
        .buffer_size(i32::try_from(ring_bytes).unwrap_or(i32::MAX))
        .precision(Precision::Nano)
        .open()?
        .setnonblock()
}

fn is_forbidden(error: &pcap::Error) -> bool {
    let text = error.to_string().to_lowercase();
    ["permission", "not permitted"].iter().any(|word| text.contains(word))
}

fn is_out_of_memory(error: &pcap::Error) -> bool {
    error.to_string().to_lowercase().contains("memory")
}

/// Whether it went down, or away, between our look at it and this.
fn is_absent(error: &pcap::Error) -> bool {
    let text = error.to_string().to_lowercase();
    ["not up", "network is down", "no such device", "disappeared"].iter().any(|word| text.contains(word))
}

fn refusal(interface: &str, error: &pcap::Error) -> String {
    if is_forbidden(error) {
        format!(
            "no right to capture on {interface}: run as root, or `setcap cap_net_raw+ep` the program \
             (and again after each upgrade)"
        )
    } else {
        format!("cannot capture on {interface}: {error}: `tcpdump -D` lists what can be captured on")
    }
}

unsafe extern "C" {
    /// The text of the last error or warning of a handle; of libpcap, which is linked in.
    fn pcap_geterr(handle: *mut libc::c_void) -> *const libc::c_char;
}

/// What libpcap has to say of a handle that it opened all the same.
fn warning(handle: &Capture<Active>) -> Option<String> {
    // SAFETY: the handle is open, and its text ends with NUL and is copied before anything else is
    // done with the handle.
    let text = unsafe { CStr::from_ptr(pcap_geterr(handle.as_ptr().cast())) };
    let text = text.to_string_lossy().trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// libpcap makes the ring smaller without a word when memory is short (create_ring in pcap-linux.c).
fn smaller_ring(interface: &str, handle: &Capture<Active>, wanted: u64) -> Option<String> {
    let bytes = link::mapped_bytes(handle.as_raw_fd())?;
    (bytes < wanted).then(|| {
        format!(
            "the capture ring of {interface} has {bytes} bytes instead of {wanted}: free memory, or make `ring` smaller"
        )
    })
}

/// Gives the kernel a filter in the place of the one that it has, between two packets (socket(7)).
fn attach(handle: &Capture<Active>, program: &BpfProgram) -> Result<(), std::io::Error> {
    let instructions = program.get_instructions();
    let length = u16::try_from(instructions.len()).map_err(std::io::Error::other)?;
    // `bpf_insn` of libpcap and the kernel's `sock_filter` are the same: code, two jumps, a number.
    let filter = libc::sock_fprog { len: length, filter: instructions.as_ptr().cast_mut().cast() };
    set_option(handle, libc::SO_ATTACH_FILTER, &filter)
}

fn detach(handle: &Capture<Active>) {
    // It fails when there is none, which is what is wanted.
    let _ = set_option(handle, libc::SO_DETACH_FILTER, &0);
}

fn set_option<T>(handle: &Capture<Active>, name: libc::c_int, value: &T) -> Result<(), std::io::Error> {
    let length = libc::socklen_t::try_from(size_of::<T>()).map_err(std::io::Error::other)?;
    let value = std::ptr::from_ref(value).cast();
    // SAFETY: the descriptor is open, and the kernel copies `length` bytes of a value that outlives
    // the call, and the instructions that it points to.
    let result = unsafe { libc::setsockopt(handle.as_raw_fd(), libc::SOL_SOCKET, name, value, length) };
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_away_for_a_moment_is_told_from_what_a_person_has_to_mend() {
        let rows = [
            ("v0: That device is not up", true, false),
            ("v0: No such device exists (SIOCGIFHWADDR: No such device)", true, false),
            ("The interface disappeared", true, false),
            ("v0: You don't have permission to perform this capture on that device", false, true),
            ("v0: socket: Operation not permitted", false, true),
            ("v0: can't create rx ring on packet socket: Cannot allocate memory", false, false),
            ("v0: That device doesn't support promiscuous mode", false, false),
        ];
        for (text, absent, forbidden) in rows {
            let error = pcap::Error::PcapError(text.to_owned());
            assert_eq!((is_absent(&error), is_forbidden(&error)), (absent, forbidden), "{text}");
        }
    }
}
