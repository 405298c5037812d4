//! What does an interface show? Real packets through libpcap, in network namespaces made for the test;
//! no packet leaves them.

use crate::frames::read_frames;
use crate::skip::skipped;
use allclear::edge::capture::hub::Hub;
use allclear::edge::capture::interface;
use allclear::edge::capture::lists::Lists;
use allclear::edge::capture::run::{Captured, Means, capture};
use allclear::edge::capture::session::{Absent, Moment, Session};
use allclear::edge::capture::stop::Stop;
use allclear::edge::clock;
use allclear::pure::interval::Interval;
use allclear::pure::plan::CapturePlan;
use allclear::pure::playbook::Keep;
use allclear::pure::site::{Source, SourceKind};
use allclear::pure::verdict::{BlamedHost, Control, Ending, Listened, SystemClock};
use allclear::pure::watchlist::{Entry, Watchlist};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::fs::{self, File};
use std::net::UdpSocket;
use std::ops::ControlFlow;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

pub const MIB: u64 = 1024 * 1024;
/// Longer than any test needs; reaching it is a failure, not a wait.
pub const LONG: Duration = Duration::from_secs(60);

/// Two namespaces with a veth pair between them: the test listens at 10.99.0.1, others send from
/// 10.99.0.2. Gone when dropped.
pub struct Wire {
    pub here: String,
    pub there: String,
}

impl Wire {
    /// `None`, and why on standard error, where namespaces cannot be made.
    pub fn new() -> Option<Wire> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = |end| format!("allclear-live-{}-{number}-{end}", std::process::id());
        let wire = Wire { here: name("a"), there: name("b") };
        let (here, there) = (&wire.here, &wire.there);
        let spaces = [format!("netns add {here}"), format!("netns add {there}")];
        match spaces.iter().try_for_each(|command| ip(command)).and_then(|()| wire.plug()) {
            Ok(()) => Some(wire),
            Err(why) => {
                skipped(&format!("network namespaces need root and iproute2: {why}"));
                None
            }
        }
    }

    /// Lays the pair between the namespaces, switched on at both ends.
    pub fn plug(&self) -> Result<(), String> {
        let Wire { here, there } = self;
        let commands = [
            format!("-n {here} link add v0 type veth peer name v1 netns {there}"),
            format!("-n {here} addr add 10.99.0.1/24 dev v0"),
            format!("-n {there} addr add 10.99.0.2/24 dev v1"),
            format!("-n {here} link set v0 up"),
            format!("-n {there} link set v1 up"),
        ];
        commands.iter().try_for_each(|command| ip(command))
    }

    /// Runs `work` in a thread at the listening end.
    pub fn here<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        at(&self.here, work)
    }

    /// Runs `work` in a thread at the sending end, and waits for it.
    pub fn far<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        at(&self.there, work)
    }

    /// Runs `work` in a thread at the sending end, given a socket, while the caller goes on.
    pub fn there<'scope>(
        &'scope self,
        scope: &'scope thread::Scope<'scope, '_>,
        work: impl FnOnce(UdpSocket) + Send + 'scope,
    ) {
        scope.spawn(move || {
            inside(&self.there, || work(UdpSocket::bind("10.99.0.2:4000").expect("an address of ours")))
        });
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        for name in [&self.here, &self.there] {
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

pub fn ip(arguments: &str) -> Result<(), String> {
    let run = Command::new("ip").args(arguments.split(' ')).output().map_err(|error| error.to_string())?;
    if run.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&run.stderr).into_owned()) }
}

fn at<T: Send>(namespace: &str, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let done = scope.spawn(|| inside(namespace, work)).join();
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn inside<T>(namespace: &str, work: impl FnOnce() -> T) -> T {
    let file = File::open(format!("/run/netns/{namespace}")).expect("the namespace was made");
    // SAFETY: the descriptor is open; only this thread, which was made for it, changes its namespace.
    let moved = unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) };
    assert_eq!(moved, 0, "setns failed: {}", std::io::Error::last_os_error());
    work()
}

/// Sends until told to stop: to the port under test, and to the one of the positive control.
pub fn chatter(socket: &UdpSocket, is_over: &AtomicBool) {
    socket.set_read_timeout(Some(Duration::from_millis(1))).expect("not zero");
    while !is_over.load(Ordering::Relaxed) {
        // Errors tell of refused ports and of interfaces taken away by the test.
        let _ = socket.send_to(b"bot", "10.99.0.1:9999");
        let _ = socket.send_to(b"time", "10.99.0.1:123");
        let _ = socket.recv(&mut [0; 16]);
    }
}

pub fn window(length: Duration) -> Interval {
    Interval::lasting(clock::now(), length)
}

/// Listens on the near end while the far end chatters; `on_frame` is given the count of frames.
pub fn listen_to_chatter(
    wire: &Wire,
    window: Interval,
    stop: &Stop,
    mut on_frame: impl FnMut(u64) -> ControlFlow<Ending> + Send,
) -> Listened {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        wire.there(scope, |socket| chatter(&socket, &is_over));
        let listened = wire.here(|| {
            let session = Session { window, stop, clock: clock::now, absent: Absent::GiveUp };
            let mut count = 0;
            interface::listen("v0", MIB, &session, &mut |moment| match moment {
                Moment::Frame(_) => {
                    count += 1;
                    on_frame(count)
                }
                Moment::Look(_) => ControlFlow::Continue(()),
            })
        });
        is_over.store(true, Ordering::Relaxed);
        listened
    })
}

#[test]
fn an_interface_shows_every_packet_tagged_ones_too() {
    let Some(wire) = Wire::new() else { return };
    static IS_OPEN: AtomicBool = AtomicBool::new(false);
    /// The listener asks for the time first when its handle is open.
    fn opening() -> Timestamp {
        IS_OPEN.store(true, Ordering::SeqCst);
        clock::now()
    }
    let vlan = [
        format!("-n {} link add link v1 name v7 type vlan id 7", wire.there),
        format!("-n {} addr add 10.99.7.2/24 dev v7", wire.there),
        format!("-n {} link set v7 up", wire.there),
        format!("-n {} neigh add 10.99.7.1 lladdr 02:00:00:00:00:01 dev v7", wire.there),
    ];
    let has_vlan = vlan.iter().try_for_each(|command| ip(command)).is_ok();
    let wanted = if has_vlan { 300 } else { 200 };
    let (mut plain, mut tagged) = (0, 0);
    let listened = thread::scope(|scope| {
        wire.there(scope, move |socket| {
            while !IS_OPEN.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            for _ in 0..200 {
                let _ = socket.send_to(b"bot", "10.99.0.1:9999");
            }
            let tagged = has_vlan.then(|| UdpSocket::bind("10.99.7.2:4000").expect("an address of ours"));
            for _ in 0..100 {
                let _ = tagged.as_ref().map(|tagged| tagged.send_to(b"bot", "10.99.7.1:9999"));
            }
        });
        wire.here(|| {
            let session =
                Session { window: window(LONG), stop: &Stop::new(), clock: opening, absent: Absent::GiveUp };
            interface::listen("v0", MIB, &session, &mut |moment| {
                let Moment::Frame(frame) = moment else { return ControlFlow::Continue(()) };
                let is_bot =
                    frame.bytes.ends_with(b"bot") || frame.bytes.windows(3).any(|bytes| bytes == b"bot");
                let is_udp = frame.bytes.windows(2).any(|bytes| bytes == 9999u16.to_be_bytes());
                let is_icmp = frame.bytes.get(23) == Some(&1);
                match frame.bytes.get(12..14) {
                    Some([0x81, 0]) if is_bot && is_udp => tagged += 1,
                    _ if is_bot && is_udp && !is_icmp => plain += 1,
                    _ => {}
                }
                assert_eq!(frame.wire_length as usize, frame.bytes.len(), "whole frames are captured");
                assert!((clock::now().as_nanosecond() - i128::from(frame.time_ns)).abs() < 60_000_000_000);
                if plain + tagged == wanted {
                    ControlFlow::Break(Ending::PacketLimit(wanted))
                } else {
                    ControlFlow::Continue(())
                }
            })
        })
    });
    assert_eq!(listened.ending, Ending::PacketLimit(wanted), "{plain} plain and {tagged} tagged were heard");
    assert_eq!((plain, tagged), (200, wanted - 200));
    assert_eq!(listened.lost.packets(), Some(0));
}

#[test]
fn listening_ends_with_its_window() {
    let Some(wire) = Wire::new() else { return };
    let window = window(Duration::from_secs(1));
    let listened = listen_to_chatter(&wire, window, &Stop::new(), |_| ControlFlow::Continue(()));
    assert_eq!(listened.ending, Ending::TimeUp);
    let seconds = listened.watched.within(window).seconds();
    assert!((0.8..=1.0).contains(&seconds), "{seconds} s of 1 s were watched");
}

#[test]
fn listening_ends_when_somebody_stops_it() {
    let Some(wire) = Wire::new() else { return };
    let stop = Stop::new();
    let listened = listen_to_chatter(&wire, window(LONG), &stop, |_| {
        stop.request();
        ControlFlow::Continue(())
    });
    assert_eq!(listened.ending, Ending::Stopped);
    assert!(listened.watched.seconds() < 30.0);
}

/// Sends a burst while the listener does not listen; returns what was heard and lost of it.
fn burst(ring_bytes: u64, datagrams: u64) -> Option<(u64, u64)> {
    let wire = Wire::new()?;
    let (sent, wait_for_sent) = mpsc::channel::<()>();
    let is_ready = AtomicBool::new(false);
    let is_ready = &is_ready;
    Some(thread::scope(|scope| {
        wire.there(scope, |socket| {
            while !is_ready.load(Ordering::SeqCst) {
                let _ = socket.send_to(b"first", "10.99.0.1:9999");
                thread::yield_now();
            }
            for _ in 0..datagrams {
                let _ = socket.send_to(&[7; 1400], "10.99.0.1:9999");
            }
            drop(sent);
        });
        wire.here(move || {
            let mut heard = 0;
            let (window, stop) = (window(Duration::from_secs(2)), Stop::new());
            let session = Session { window, stop: &stop, clock: clock::now, absent: Absent::GiveUp };
            let listened = interface::listen("v0", ring_bytes, &session, &mut |moment| {
                let Moment::Frame(frame) = moment else { return ControlFlow::Continue(()) };
                if !is_ready.swap(true, Ordering::SeqCst) {
                    let _ = wait_for_sent.recv();
                }
                heard += u64::from(frame.bytes.len() > 1400);
                ControlFlow::Continue(())
            });
            (heard, listened.lost.packets().expect("libpcap counts"))
        })
    }))
}

#[test]
fn a_large_ring_holds_what_a_small_one_loses_and_the_loss_is_counted() {
    let Some((heard, lost)) = burst(64 * MIB, 5000) else { return };
    assert_eq!((heard, lost), (5000, 0), "a ring of 64 MiB");
    let Some((heard, lost)) = burst(MIB, 5000) else { return };
    assert!(heard < 5000 && heard + lost >= 5000, "a ring of 1 MiB: {heard} heard and {lost} lost");
}

/// A run that looks for 10.99.0.1 and filters for the bot's port.
pub fn plan(kind: SourceKind, length: Duration) -> CapturePlan {
    let source = Source {
        name: "lan".to_owned(),
        kind,
        positive_control: Some("udp port 123".to_owned()),
        probe: None,
        ring_bytes: 8 * MIB,
        runs_max: None,
    };
    let watchlist = Watchlist {
        name: "sinkholes".to_owned(),
        entries: Entry::parse("10.99.0.1").expect("an address"),
        ..Watchlist::default()
    };
    CapturePlan {
        excepted: Vec::new(),
        remembered: Vec::new(),
        window: window(length),
        zone: TimeZone::UTC,
        sources: vec![source],
        filter: Some("udp dst port 9999".to_owned()),
        packets_max: None,
        bytes_max: None,
        keep: Keep::Hits,
        watchlists: vec![watchlist],
        resolvers: Vec::new(),
        nat64: Vec::new(),
        inside: vec!["10.99.0.2/32".parse().expect("a network")],
        public: Vec::new(),
        blamed: vec![BlamedHost { host: "10.99.0.2".parse().expect("an address"), mac: None }],
        evidence_stem: "evidence/7/41".to_owned(),
    }
}

/// Carries out a plan by the real clock.
pub fn carry_out(plan: &CapturePlan, state_dir: &Path) -> Captured {
    carry_out_in(&Hub::default(), plan, state_dir)
}

/// The same, sharing the captures of the hub.
pub fn carry_out_in(hub: &Hub, plan: &CapturePlan, state_dir: &Path) -> Captured {
    let means = Means {
        hub,
        lists: &Lists::default(),
        state_dir,
        stop: &Stop::new(),
        clock: clock::now,
        absent: Absent::GiveUp,
        system_clock: SystemClock::Unknown,
    };
    capture(plan, &means)
}

#[test]
fn a_plan_on_an_interface_gives_contacts_control_and_evidence() {
    let Some(wire) = Wire::new() else { return };
    let state = tempfile::tempdir().expect("a directory");
    let plan = CapturePlan { packets_max: Some(50), ..plan(SourceKind::Interface("v0".to_owned()), LONG) };
    let is_over = AtomicBool::new(false);
    let captured = thread::scope(|scope| {
        wire.there(scope, |socket| chatter(&socket, &is_over));
        let captured = wire.here(|| carry_out(&plan, state.path()));
        is_over.store(true, Ordering::Relaxed);
        captured
    });
    assert_eq!(captured.troubles, [""; 0]);
    let [lan] = &captured.facts.sources[..] else { panic!("one source was planned") };
    assert_eq!(lan.ending, Ending::PacketLimit(50), "packets that pass the filter are counted");
    assert!(lan.observation.coverage.heard_packets > 50, "coverage counts the others too");
    assert_eq!(lan.control, Control::Seen, "though the filter does not let it pass");
    assert_eq!(lan.presences.len(), 1);
    let [host] = &lan.observation.hosts[..] else { panic!("one host calls: {:?}", lan.observation.hosts) };
    assert_eq!((host.host.to_string().as_str(), host.contacts, host.sightings), ("10.99.0.2", 1, 50));
    let evidence = lan.evidence.as_ref().expect("hits are kept");
    assert_eq!((evidence.path.as_str(), evidence.packets), ("evidence/7/41-hits.pcapng", 50));
    let path = state.path().join(&evidence.path);
    let mut frames = 0;
    let end = read_frames(&path, |frame| {
        frames +=
            u64::from(frame.bytes.ends_with(b"bot") || frame.bytes.windows(3).any(|bytes| bytes == b"bot"));
        ControlFlow::Continue(())
    });
    assert_eq!((frames, end.expect("readable").incomplete), (50, None));
    let sum = Command::new("sha256sum").arg(&path).output().expect("coreutils are there").stdout;
    assert!(String::from_utf8_lossy(&sum).starts_with(&evidence.sha256));
    assert_eq!(fs::metadata(&path).expect("there").len(), evidence.bytes);
}
