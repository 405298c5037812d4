//! What becomes of a run whose interface goes down, or away, and comes back? And what holds the kernel
//! back when it filters? Real interfaces again, in the namespaces of `live`.

use crate::live::{LONG, MIB, Wire, ip, listen_to_chatter, window};
use allclear::edge::capture::interface;
use allclear::edge::capture::screen::kernel_filter_alone;
use allclear::edge::capture::session::{Absent, Listened, Moment, Session};
use allclear::edge::capture::stop::Stop;
use allclear::edge::clock;
use allclear::pure::interval::Interval;
use allclear::pure::verdict::Ending;
use std::ops::ControlFlow;
use std::time::Duration;

/// Runs `ip` commands in order, each at its millisecond after the first frame, while the near end
/// listens.
fn meddle(wire: &Wire, window: Interval, commands: &[(u64, String)]) -> (Listened, u64) {
    let mut heard = 0;
    let listened = std::thread::scope(|scope| {
        let mut first = true;
        listen_to_chatter(wire, window, &Stop::new(), |count| {
            heard = count;
            if std::mem::take(&mut first) {
                scope.spawn(move || {
                    let begun = clock::now();
                    for (millisecond, command) in commands {
                        let passed = clock::now().duration_since(begun).unsigned_abs();
                        std::thread::sleep(Duration::from_millis(*millisecond).saturating_sub(passed));
                        match command.as_str() {
                            "plug" => wire.plug().expect("both namespaces are there"),
                            command => ip(command).expect("it is there"),
                        }
                    }
                });
            }
            ControlFlow::Continue(())
        })
    });
    (listened, heard)
}

#[test]
fn what_a_link_that_comes_and_goes_showed_is_told() {
    let off = |wire: &Wire| format!("-n {} link set v1 down", wire.there);
    let on = |wire: &Wire| format!("-n {} link set v1 up", wire.there);
    let gone = |wire: &Wire| format!("-n {} link del v1", wire.there);
    let plug = |_: &Wire| "plug".to_owned();
    type Command = fn(&Wire) -> String;
    type Row<'a> = (&'a str, u64, &'a [(u64, Command)], Option<&'a str>, (f64, f64));
    let rows: [Row<'_>; 4] = [
        (
            "down to the end",
            4,
            &[(0, off)],
            Some("interface v0 has no carrier: plug in the cable"),
            (0.0, 3.0),
        ),
        ("down and up", 6, &[(0, off), (2500, on)], None, (2.0, 5.5)),
        ("gone to the end", 3, &[(0, gone)], Some("interface v0 was gone from "), (0.0, 2.0)),
        ("gone and back", 5, &[(500, gone), (1000, plug)], None, (1.5, 4.2)),
    ];
    let check = |(name, seconds, commands, broken, (least, most)): Row<'_>| {
        let Some(wire) = Wire::new() else { return };
        let commands: Vec<(u64, String)> =
            commands.iter().map(|(millisecond, command)| (*millisecond, command(&wire))).collect();
        let (listened, heard) = meddle(&wire, window(Duration::from_secs(seconds)), &commands);
        match broken {
            Some(start) => {
                let Ending::SourceGone(what) = &listened.ending else { panic!("{name}: {listened:?}") };
                assert!(what.starts_with(start), "{name}: {what}");
            }
            None => {
                assert_eq!(listened.ending, Ending::TimeUp, "{name}");
                let [note] = &listened.notes[..] else { panic!("{name}: {:?}", listened.notes) };
                assert!(note.starts_with("interface v0 showed nothing from "), "{name}: {note}");
                assert!(listened.watched.as_slice().len() == 2, "{name}: {:?}", listened.watched);
            }
        }
        let watched = listened.watched.seconds();
        assert!((least..=most).contains(&watched), "{name}: {watched} s were watched");
        assert!(heard > 0 && listened.lost_packets == Some(0), "{name}: {heard} {listened:?}");
    };
    std::thread::scope(|scope| rows.into_iter().for_each(|row| drop(scope.spawn(move || check(row)))));
}

#[test]
fn an_interface_that_is_not_there_yet_is_waited_for_where_nobody_looks_on() {
    let Some(wire) = Wire::new() else { return };
    ip(&format!("-n {} link set v0 down", wire.here)).expect("it is there");
    let listen = |name: &str, absent: Absent, seconds: u64| {
        wire.here(|| {
            let (stop, mut looks) = (Stop::new(), 0);
            let window = window(Duration::from_secs(seconds));
            let session = Session { window, stop: &stop, clock: clock::now, absent };
            interface::listen(name, MIB, &session, &mut |moment| {
                if let Moment::Look(_) = moment {
                    looks += 1;
                    if looks == 5 {
                        let _ = ip(&format!("-n {} link set v0 up", wire.here));
                    }
                }
                ControlFlow::Continue(())
            })
        })
    };
    let gone = |text: &str| Ending::SourceGone(text.to_owned());
    assert_eq!(listen("v0", Absent::GiveUp, 60).ending, gone("interface v0 is down: `ip link set v0 up`"));
    let absent = gone("there is no interface v9: `ip link` lists those there are");
    assert_eq!(listen("v9", Absent::GiveUp, 60).ending, absent);
    let late = listen("v0", Absent::Wait, 3);
    assert_eq!(late.ending, Ending::TimeUp);
    let watched = late.watched.seconds();
    assert!((0.8..2.5).contains(&watched), "{watched} s were watched");
    let never = listen("v9", Absent::Wait, 1);
    assert!(matches!(&never.ending, Ending::SourceGone(what) if what.contains("v9 was gone")), "{never:?}");
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
    let text = kernel_filter_alone("udp port 9999").expect("it is short");
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
    assert_eq!(
        listen(Some(text)),
        ([[1; 6], [0, 0, 0, 1, 1, 1]], true),
        "three tags and more are left to us"
    );
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
