//! What becomes of a run whose interface goes down, or away, and comes back? And what holds the kernel
//! back when it filters? Real interfaces again, in the namespaces of `live`.

use crate::live::{LONG, MIB, Wire, chatter, ip, window};
use allclear::edge::capture::interface;
use allclear::edge::capture::link;
use allclear::edge::capture::session::{Absent, Moment, Session};
use allclear::edge::capture::stop::Stop;
use allclear::edge::clock;
use allclear::pure::filter::for_kernel_alone;
use allclear::pure::moment::nanoseconds;
use allclear::pure::verdict::{Ending, Listened};
use jiff::{SignedDuration, Timestamp};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What happens while the near end listens, one step after the other. Nothing waits for a time: a slow
/// machine only takes longer.
#[derive(Clone, Copy)]
enum Step {
    /// A look found the link well: two of them make watched time.
    Up,
    /// A look found it down, or the interface gone.
    Down,
    Frame,
    /// The far end is switched off, on, or taken away.
    Do(fn(&Wire) -> Result<(), String>),
}

thread_local! {
    static IS_OVER: Cell<bool> = const { Cell::new(false) };
}

/// The clock of this thread, which jumps beyond the window when the last step is done.
fn clock_until_over() -> Timestamp {
    if IS_OVER.get() { clock::now() + SignedDuration::from_secs(86_400) } else { clock::now() }
}

/// Listens at the near end while the far end chatters, until all steps are done; tells how many frames
/// there were, too.
fn listen(wire: &Wire, interface: &str, absent: Absent, mut steps: &[Step]) -> (Listened, u64) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        wire.there(scope, |socket| chatter(&socket, &is_over));
        wire.here(|| {
            let (stop, mut heard) = (Stop::new(), 0);
            let session = Session { window: window(LONG), stop: &stop, clock: clock_until_over, absent };
            let listened = interface::listen(interface, MIB, &session, &mut |moment| {
                heard += u64::from(matches!(moment, Moment::Frame(_)));
                let is_reached = match (steps.first(), &moment) {
                    (Some(Step::Up), Moment::Look(look)) => look.fault.is_none(),
                    (Some(Step::Down), Moment::Look(look)) => look.fault.is_some(),
                    (Some(Step::Frame), Moment::Frame(_)) => true,
                    _ => false,
                };
                steps = &steps[usize::from(is_reached)..];
                while let Some(Step::Do(act)) = steps.first() {
                    act(wire).expect("both namespaces are there");
                    steps = &steps[1..];
                }
                IS_OVER.set(steps.is_empty());
                // Else there would be something to drain until the window is over in truth.
                is_over.store(steps.is_empty(), Ordering::Relaxed);
                ControlFlow::Continue(())
            });
            is_over.store(true, Ordering::Relaxed);
            (listened, heard)
        })
    })
}

fn off(wire: &Wire) -> Result<(), String> {
    ip(&format!("-n {} link set v1 down", wire.there))
}

fn on(wire: &Wire) -> Result<(), String> {
    ip(&format!("-n {} link set v1 up", wire.there))
}

fn gone(wire: &Wire) -> Result<(), String> {
    ip(&format!("-n {} link del v1", wire.there))
}

/// The near end goes to the other namespace and comes back under its name and number, between two looks.
fn away_and_back(wire: &Wire) -> Result<(), String> {
    let Wire { here, there } = wire;
    let commands = [
        format!("-n {here} link set v0 netns {there}"),
        format!("-n {there} link set v0 netns {here}"),
        format!("-n {here} link set v0 up"),
    ];
    commands.iter().try_for_each(|command| ip(command))
}

/// The near end gets another name, and shows what it did.
fn renamed(wire: &Wire) -> Result<(), String> {
    let here = &wire.here;
    let commands = ["down", "name v7", "up"].iter().zip(["v0", "v0", "v7"]);
    commands.into_iter().try_for_each(|(what, name)| ip(&format!("-n {here} link set {name} {what}")))
}

fn source_gone(text: &str) -> Ending {
    Ending::SourceGone(text.to_owned())
}

#[test]
fn what_a_link_that_comes_and_goes_showed_is_told() {
    use Step::{Do, Down, Frame, Up};
    type Row<'a> = (&'a str, &'a [Step], Option<&'a str>);
    let rows: [Row<'_>; 5] = [
        (
            "down to the end",
            &[Up, Up, Frame, Do(off), Down],
            Some("interface v0 has no carrier: plug in the cable"),
        ),
        ("down and up", &[Up, Up, Frame, Do(off), Down, Do(on), Up, Up], None),
        ("gone to the end", &[Up, Up, Frame, Do(gone), Down], Some("interface v0 was gone from ")),
        (
            "in another namespace and back at once",
            &[Up, Up, Frame, Do(away_and_back), Down, Up, Up, Frame],
            None,
        ),
        ("gone and back", &[Up, Up, Frame, Do(gone), Down, Do(Wire::plug), Up, Up, Frame], None),
    ];
    let check = |(name, steps, broken): Row<'_>| {
        let Some(wire) = Wire::new() else { return };
        let (listened, heard) = listen(&wire, "v0", Absent::GiveUp, steps);
        let stretches = match broken {
            Some(start) => {
                let Ending::SourceGone(what) = &listened.ending else { panic!("{name}: {listened:?}") };
                assert!(what.starts_with(start), "{name}: {what}");
                1
            }
            None => {
                assert_eq!(listened.ending, Ending::TimeUp, "{name}");
                let [note] = &listened.notes[..] else { panic!("{name}: {:?}", listened.notes) };
                assert!(note.starts_with("interface v0 was not found to be up from "), "{name}: {note}");
                2
            }
        };
        assert_eq!(listened.watched.as_slice().len(), stretches, "{name}: {:?}", listened.watched);
        assert!(heard > 0 && listened.lost.packets().is_some(), "{name}: {heard} {listened:?}");
    };
    std::thread::scope(|scope| rows.into_iter().for_each(|row| drop(scope.spawn(move || check(row)))));
}

#[test]
fn an_interface_of_another_name_is_let_go_however_much_it_shows() {
    let Some(wire) = Wire::new() else { return };
    let is_over = AtomicBool::new(false);
    let (mut heard_since, mut last_ns, mut gone_at) = (None, i64::MIN, None);
    std::thread::scope(|scope| {
        wire.there(scope, |socket| chatter(&socket, &is_over));
        wire.here(|| {
            let stop = Stop::new();
            let session =
                Session { window: window(LONG), stop: &stop, clock: clock::now, absent: Absent::GiveUp };
            interface::listen("v0", MIB, &session, &mut |moment| {
                match moment {
                    Moment::Look(look) if look.fault.is_some() => {
                        gone_at = Some(nanoseconds(look.at));
                        return ControlFlow::Break(Ending::Stopped);
                    }
                    Moment::Look(_) if last_ns > i64::MIN && heard_since.is_none() => {
                        renamed(&wire).expect("it is there");
                        heard_since = Some(0);
                    }
                    Moment::Look(_) => {}
                    Moment::Frame(frame) => {
                        last_ns = last_ns.max(frame.time_ns);
                        heard_since = heard_since.map(|heard: u32| heard + 1);
                        // Enough for a listener that waits for a silence.
                        is_over.fetch_or(heard_since > Some(1_000), Ordering::Relaxed);
                    }
                }
                ControlFlow::Continue(())
            })
        });
        is_over.store(true, Ordering::Relaxed);
    });
    let gone_at = gone_at.expect("it was found to be gone");
    assert!(
        heard_since > Some(0) && last_ns < gone_at,
        "{heard_since:?}: {last_ns}, found gone at {gone_at}"
    );
}

#[test]
fn an_interface_that_is_not_there_yet_is_waited_for_where_nobody_looks_on() {
    use Step::{Do, Down, Up};
    let Some(wire) = Wire::new() else { return };
    ip(&format!("-n {} link set v0 down", wire.here)).expect("it is there");
    let ending = |name: &str| listen(&wire, name, Absent::GiveUp, &[Down]).0.ending;
    assert_eq!(ending("v0"), source_gone("interface v0 is down: `ip link set v0 up`"));
    assert_eq!(ending("v9"), source_gone("there is no interface v9: `ip link` lists those there are"));
    let near_on = |wire: &Wire| ip(&format!("-n {} link set v0 up", wire.here));
    let (late, _) = listen(&wire, "v0", Absent::Wait, &[Down, Do(near_on), Up, Up]);
    assert_eq!((late.ending, late.watched.as_slice().len()), (Ending::TimeUp, 1));
    let (never, _) = listen(&wire, "v9", Absent::Wait, &[Down]);
    assert!(matches!(&never.ending, Ending::SourceGone(what) if what.contains("v9 was gone")), "{never:?}");
}

#[test]
fn an_interface_of_two_names_counts_its_losses_by_either() {
    let Some(wire) = Wire::new() else { return };
    ip(&format!("-n {} link property add dev v0 altname wan", wire.here))
        .expect("the kernel is of 2019 or later");
    let dropped = wire.here(|| ["v0", "wan", "v9"].map(link::dropped_packets));
    assert!(dropped[0].is_some() && dropped[2].is_none(), "{dropped:?}");
    assert_eq!(dropped[1].is_some(), dropped[0].is_some(), "{dropped:?}");
}

#[test]
fn what_the_ring_holds_is_read_before_it_is_closed() {
    // More than are handed out between two looks, and a few that came just before the interface was gone: their
    // block is handed out when it is old enough.
    for (frames, pause) in [(6_000, Duration::from_millis(200)), (10, Duration::ZERO)] {
        let Some(wire) = Wire::new() else { return };
        assert_eq!(heard_of(&wire, frames, pause), frames);
    }
}

/// How many of the frames are heard that come after the second look, and before the interface is gone. With the
/// first, a look is due while the ring holds more.
fn heard_of(wire: &Wire, frames: usize, pause: Duration) -> usize {
    let (mut heard, mut looks) = (0, 0);
    wire.here(|| {
        let stop = Stop::new();
        let session =
            Session { window: window(LONG), stop: &stop, clock: clock::now, absent: Absent::GiveUp };
        interface::listen("v0", 4 * MIB, &session, &mut |moment| {
            match moment {
                Moment::Look(look) if look.fault.is_some() => return ControlFlow::Break(Ending::Stopped),
                Moment::Look(_) => {
                    looks += 1;
                    if looks == 2 {
                        send_and_go(wire, frames);
                    }
                }
                Moment::Frame(frame) if frame.bytes.get(6..12) == Some(&[2, 0, 0, 0, 0, 9]) => {
                    std::thread::sleep(if heard == 0 { pause } else { Duration::ZERO });
                    heard += 1;
                }
                Moment::Frame(_) => {}
            }
            ControlFlow::Continue(())
        })
    });
    heard
}

/// Sends so many frames from the far end, and takes it away; comes back as soon as it is gone.
fn send_and_go(wire: &Wire, frames: usize) {
    wire.far(|| {
        let handle = pcap::Capture::from_device("v1").and_then(pcap::Capture::open);
        let mut handle = handle.expect("it is there");
        (0..frames).for_each(|_| handle.sendpacket(frame(9999, 0)).expect("it is up"));
    });
    let mut going = Command::new("ip");
    let going = going.args(["-n", &wire.there, "link", "del", "v1"]).spawn();
    while link::index("v0").is_some() {
        std::thread::yield_now();
    }
    // Its end takes longer than a block of the ring lasts.
    std::thread::spawn(|| going.expect("it runs").wait());
}

/// An Ethernet frame with IPv4 and UDP to a port, under so many tags.
fn frame(port: u16, tags: usize) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9];
    for _ in 0..tags {
        bytes.extend([0x81, 0, 0, 7]);
    }
    bytes.extend([8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 99, 0, 2, 192, 0, 2, 1]);
    bytes.extend([4, 1, port.to_be_bytes()[0], port.to_be_bytes()[1], 0, 8, 0, 0]);
    bytes.resize(60 + 4 * tags, 0);
    bytes
}

#[test]
fn the_kernel_lets_a_filter_pass_at_any_depth_of_tags() {
    let Some(wire) = Wire::new() else { return };
    let text = for_kernel_alone("udp port 9999").expect("it is short");
    let listen = |filter: Option<String>| {
        let mut heard = [[0; 6]; 2];
        let mut looks = 0;
        let listened = wire.here(|| {
            let (stop, window) = (Stop::new(), window(LONG));
            let session = Session { window, stop: &stop, clock: clock::now, absent: Absent::GiveUp };
            interface::listen("v0", MIB, &session, &mut |moment| match moment {
                Moment::Look(look) => {
                    look.kernel_filter.clone_from(&filter);
                    looks += 1;
                    // What was asked for at the first look holds at the second.
                    if looks == 2 {
                        send_all(&wire);
                    }
                    ControlFlow::Continue(())
                }
                Moment::Frame(frame) if frame.bytes.get(6..12) == Some(&[2, 0, 0, 0, 0, 9]) => {
                    let tags = (frame.bytes.len() - 60) / 4;
                    let port = &frame.bytes[4 * tags + 36..][..2];
                    if port == 7777_u16.to_be_bytes() {
                        return ControlFlow::Break(Ending::PacketLimit(0));
                    }
                    heard[usize::from(port != 9999_u16.to_be_bytes())][tags] += 1;
                    ControlFlow::Continue(())
                }
                Moment::Frame(_) => ControlFlow::Continue(()),
            })
        });
        assert_eq!(listened.ending, Ending::PacketLimit(0));
        (heard, listened.is_filtered)
    };
    assert_eq!(listen(None), ([[1; 6]; 2], false));
    assert_eq!(listen(Some(text)), ([[1; 6], [0, 0, 1, 1, 1, 1]], true), "two tags and more are left to us");
    let long: Vec<String> = (0..200).map(|port| format!("udp port {port}")).collect();
    assert_eq!(listen(Some(long.join(" or "))), ([[1; 6]; 2], false), "too long for the kernel");
}

/// Frames to port 9999 and to port 53 under up to five tags each, and one that ends the test.
fn send_all(wire: &Wire) {
    std::thread::scope(|scope| {
        wire.there(scope, |_| {
            let handle = pcap::Capture::from_device("v1").and_then(pcap::Capture::open);
            let mut handle = handle.expect("it is there");
            for (port, tags) in [9999, 53].into_iter().flat_map(|port| (0..6).map(move |tags| (port, tags))) {
                handle.sendpacket(frame(port, tags)).expect("it is up");
            }
            // ARP always passes; its port is read where nobody has one.
            let mut last = frame(7777, 0);
            last[12..14].copy_from_slice(&[8, 6]);
            handle.sendpacket(last).expect("it is up");
        });
    });
}
