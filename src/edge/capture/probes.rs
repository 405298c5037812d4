//! Who sends the datagrams that a capture has to show? One sender a source, for all runs that watch it.
//!
//! It sends nothing but them, and only while a run watches. What could not be sent is told, never left out.

use crate::pure::interval::Interval;
use crate::pure::sighting::probe_payload;
use crate::pure::site::{ProbeSettings, Source, SourceKind};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::Duration;

/// A run that begins is sent a probe after so long: by then its capture is open.
const LEAD: Duration = Duration::from_secs(1);

/// Runs that begin one after the other delay a probe by so many leads at most.
const LEADS_MAX: u32 = 5;

/// Attempts that are kept: eleven days of one each ten seconds.
const ATTEMPTS_MAX: usize = 100_000;

/// The word by which this process knows its own probes.
pub(super) fn word() -> &'static str {
    static WORD: OnceLock<String> = OnceLock::new();
    WORD.get_or_init(|| format!("{:016x}", RandomState::new().build_hasher().finish()))
}

/// The senders of this process; a clone is the same.
#[derive(Clone, Default)]
pub(super) struct Probes(Arc<Mutex<Vec<Entry>>>);

struct Entry {
    kind: SourceKind,
    settings: ProbeSettings,
    sender: Weak<Sender>,
}

/// One sender; it ends when nobody holds it.
struct Sender {
    attempts: Arc<Mutex<Attempts>>,
    begun: SyncSender<()>,
}

/// When one was sent, or could not be and why; the oldest first.
type Attempts = VecDeque<(Timestamp, Result<(), String>)>;

/// A run's share in a sender.
pub(super) struct Probing {
    sender: Arc<Sender>,
    since: Timestamp,
}

/// What was sent in a window.
pub(super) struct Sent {
    pub(super) sent: u64,
    /// Why one could not be sent, in the system's words.
    pub(super) failure: Option<String>,
}

impl Probes {
    /// Has the source probed from now on, until what this returns is dropped; `None` where the site file
    /// names no probe.
    pub(super) fn begin(&self, source: &Source, clock: fn() -> Timestamp) -> Option<Probing> {
        let settings = source.probe.as_ref()?;
        // Entries are put in and taken out at once, so that the list is whole at each moment.
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.sender.strong_count() > 0);
        let known = entries.iter().find(|entry| entry.kind == source.kind && entry.settings == *settings);
        let sender = known.and_then(|entry| entry.sender.upgrade()).unwrap_or_else(|| {
            let sender = Arc::new(Sender::start(settings.clone(), clock));
            let (kind, settings) = (source.kind.clone(), settings.clone());
            entries.push(Entry { kind, settings, sender: Arc::downgrade(&sender) });
            sender
        });
        // A full channel has the same effect.
        let _ = sender.begun.try_send(());
        Some(Probing { sender, since: clock() })
    }
}

impl Probing {
    /// What was sent within `window` since it began.
    pub(super) fn sent(&self, window: Interval) -> Sent {
        let attempts = self.sender.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let since = window.from.max(self.since);
        let within: Vec<_> = attempts.iter().filter(|(at, _)| since <= *at && *at <= window.to).collect();
        let failure = within.iter().rev().find_map(|(_, sent)| sent.clone().err());
        Sent { sent: within.iter().filter(|(_, sent)| sent.is_ok()).count() as u64, failure }
    }
}

impl Sender {
    fn start(settings: ProbeSettings, clock: fn() -> Timestamp) -> Sender {
        let attempts = Arc::new(Mutex::new(Attempts::default()));
        let (begun, runs) = sync_channel(1);
        let own = Arc::clone(&attempts);
        let started = thread::Builder::new()
            .name("probe".to_owned())
            .spawn(move || go_on(&settings, clock, &own, &runs));
        if let Err(error) = started {
            note(&attempts, clock(), Err(error.to_string()));
        }
        Sender { attempts, begun }
    }
}

/// Sends until nobody watches any more.
fn go_on(
    settings: &ProbeSettings,
    clock: fn() -> Timestamp,
    attempts: &Mutex<Attempts>,
    runs: &Receiver<()>,
) {
    let mut number = 0;
    while wait(settings.every, runs, number == 0) {
        number += 1;
        let sent = send(settings.to, &probe_payload(word(), number));
        note(attempts, clock(), sent.map_err(|error| error.to_string()));
    }
}

fn note(attempts: &Mutex<Attempts>, at: Timestamp, sent: Result<(), String>) {
    // Entries are put in and taken out at once, so that the list is whole at each moment.
    let mut attempts = attempts.lock().unwrap_or_else(PoisonError::into_inner);
    attempts.push_back((at, sent));
    if attempts.len() > ATTEMPTS_MAX {
        attempts.pop_front();
    }
}

/// Waits until the next is due: after `every`, or a little after a run began. `false` when it is over.
fn wait(every: Duration, runs: &Receiver<()>, is_first: bool) -> bool {
    let begun = if is_first { Ok(()) } else { runs.recv_timeout(every) };
    match begun {
        Err(RecvTimeoutError::Disconnected) => return false,
        Err(RecvTimeoutError::Timeout) => return true,
        Ok(()) => {}
    }
    for _ in 0..LEADS_MAX {
        match runs.recv_timeout(LEAD) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
    true
}

/// Sends one datagram, from a port of its own: what an earlier one met with is not told to this one.
pub(super) fn send(to: SocketAddr, payload: &str) -> io::Result<()> {
    UdpSocket::bind((any(to), 0))?.send_to(payload.as_bytes(), to).map(drop)
}

fn any(to: SocketAddr) -> IpAddr {
    if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

/// Why a probe proves nothing on `interface`, and what to do: it leaves there, where what this machine sends
/// is seen also when the mirror is dead. `None` when it leaves elsewhere, or nobody knows.
pub fn leaves_by_itself(to: SocketAddr, interface: &str) -> Option<String> {
    let from = local_address(to).ok()?;
    let devices = pcap::Device::list().ok()?;
    let device = devices.into_iter().find(|device| device.name == interface)?;
    let is_own = device.addresses.iter().any(|own| own.addr == from);
    is_own.then(|| {
        format!(
            "a probe to {to} leaves by {interface} itself, where it is seen also when the mirror is dead: \
             send it by another interface (a route), or leave `probe` out"
        )
    })
}

/// The address of this machine from which it would be sent; nothing is.
fn local_address(to: SocketAddr) -> io::Result<IpAddr> {
    let socket = UdpSocket::bind((any(to), 0))?;
    socket.connect(to)?;
    Ok(socket.local_addr()?.ip())
}

/// Whether a probe can be sent; sends one.
///
/// # Errors
/// Why not, and what to do.
pub fn try_out(to: SocketAddr) -> Result<String, String> {
    match send(to, &probe_payload(word(), 0)) {
        Ok(()) => Ok(format!("a probe to {to} can be sent")),
        Err(error) => Err(format!(
            "a probe to {to} cannot be sent ({error}): give this machine a way there, or change `probe`"
        )),
    }
}
