//! What does `scan -i` say of an interface that was not watched all the time? The real program, in the
//! namespaces of `live`.

use crate::live::{Wire, chatter, ip};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What happens to the scan, by its process id, once it listens.
type Act = fn(&Wire, u32);

/// Scans `v0` while the far end chatters and `act` happens; the exit code, and the result.
fn scan(wire: &Wire, flags: &[&str], act: Act) -> (Option<i32>, Value) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        wire.there(scope, |socket| chatter(&socket, &is_over));
        let _end = End(&is_over);
        let child = start(wire, &[&["--address", "203.0.113.9", "--json"], flags].concat());
        wait_until_open(child.id());
        act(wire, child.id());
        let output = child.wait_with_output().expect("it ends");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let result = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no result: {told}"));
        (output.status.code(), result)
    })
}

fn start(wire: &Wire, flags: &[&str]) -> Child {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &wire.here, env!("CARGO_BIN_EXE_allclear"), "scan", "-i", "v0"]);
    command.args(flags).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs")
}

/// Ends the chatter when dropped, also by a test that fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A scan listens once its ring is in its memory and it waits for packets: while libpcap still opens the
/// interface, and before it was looked at, going down is a refusal.
fn wait_until_open(pid: u32) {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    for _ in 0..60_000 {
        if read("maps").lines().any(|line| line.contains(" socket:[")) && read("wchan").contains("poll") {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("nobody listens");
}

fn codes(result: &Value) -> Vec<&str> {
    let reasons = result["reasons"].as_array().into_iter().flatten();
    reasons.filter_map(|reason| reason["code"].as_str()).collect()
}

fn send(pid: u32, signal: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "the scan is there");
}

#[test]
fn a_scan_passes_only_what_it_watched() {
    type Row<'a> = (&'a str, &'a [&'a str], Act, (i32, &'a [&'a str]));
    let rows: [Row<'_>; 6] = [
        ("whole", &["--for", "8s"], |_, _| (), (0, &[])),
        (
            "down for half of it",
            &["--for", "3s"],
            |wire, _| {
                ip(&format!("-n {} link set v0 down", wire.here)).expect("it is there");
                thread::sleep(Duration::from_millis(1500));
                ip(&format!("-n {} link set v0 up", wire.here)).expect("it is there");
            },
            (3, &["too_short"]),
        ),
        (
            "gone for half of it",
            &["--for", "4s"],
            |wire, _| {
                ip(&format!("-n {} link del v0", wire.here)).expect("it is there");
                thread::sleep(Duration::from_millis(1000));
                wire.plug().expect("there is room");
            },
            (3, &["too_short"]),
        ),
        ("interrupted", &["--for", "60s"], |_, pid| later(pid, "INT", 1), (3, &["interrupted", "too_short"])),
        ("its terminal is gone", &["--for", "60s"], |_, pid| later(pid, "HUP", 1), (3, &["interrupted"])),
        ("ended where no end was planned", &[], |_, pid| later(pid, "INT", 8), (0, &[])),
    ];
    let check = |(name, flags, act, wanted): Row<'_>| {
        let Some(wire) = Wire::new() else { return };
        let (exit, result) = scan(&wire, flags, act);
        assert_eq!(exit, Some(wanted.0), "{name}: {result:#}");
        // What else a link does that is switched off (it may count packets as dropped) is its own.
        let told = codes(&result);
        assert!(wanted.1.iter().all(|code| told.contains(code)), "{name}: {result:#}");
        assert!(!wanted.1.is_empty() || told.is_empty(), "{name}: {result:#}");
    };
    thread::scope(|scope| rows.into_iter().for_each(|row| drop(scope.spawn(move || check(row)))));
}

#[test]
fn a_dump_is_seen_while_it_listens() {
    let Some(wire) = Wire::new() else { return };
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        wire.there(scope, |socket| whisper(&socket, &is_over));
        let _end = End(&is_over);
        let began = Instant::now();
        let mut child = start(&wire, &["--dump", "--for", "20s"]);
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut head = String::new();
        out.read_line(&mut head).expect("it is text");
        assert!(head.starts_with("Time ") && began.elapsed() < Duration::from_secs(15), "{head}");
        send(child.id(), "INT");
        drop(out);
        child.wait().expect("it ends");
    });
}

/// Sends less in that time than is written at once.
fn whisper(socket: &UdpSocket, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let _ = socket.send_to(b"bot", "10.99.0.1:9999");
        thread::sleep(Duration::from_millis(500));
    }
}

/// A signal after the scan has heard something. Of a short time, how long it took to begin would be much.
fn later(pid: u32, signal: &str, seconds: u64) {
    thread::sleep(Duration::from_secs(seconds));
    send(pid, signal);
}

/// A datagram to a place that is no sinkhole, under two tags: no machine has a use for it.
fn stacked() -> Vec<u8> {
    let mut bytes = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 0x81, 0, 0, 5, 0x81, 0, 0, 7];
    bytes.extend([8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 99, 0, 2, 192, 0, 2, 1]);
    bytes.extend([4, 1, 0x27, 0x0f, 0, 8, 0, 0]);
    bytes.resize(68, 0);
    bytes
}

#[test]
fn what_the_machine_drops_after_it_was_heard_is_not_lost() {
    const FRAMES: u64 = 2000;
    let Some(wire) = Wire::new() else { return };
    let send_stacked: Act = |wire, _| {
        wire.far(|| {
            let handle = pcap::Capture::from_device("v1").and_then(pcap::Capture::open);
            let mut handle = handle.expect("it is there");
            (0..FRAMES).for_each(|_| handle.sendpacket(stacked()).expect("it is up"));
        });
    };
    let (exit, result) = scan(&wire, &["--for", "3s"], send_stacked);
    let count = "/sys/class/net/v0/statistics/rx_dropped";
    let dropped = Command::new("ip").args(["netns", "exec", &wire.here, "cat", count]).output();
    let dropped = String::from_utf8_lossy(&dropped.expect("it is there").stdout).trim().parse::<u64>();
    assert!(dropped.is_ok_and(|dropped| dropped >= FRAMES), "the kernel counts them");
    assert_eq!(result["coverage"]["lost_packets"], 0, "{result:#}");
    assert!(result["coverage"]["heard_packets"].as_u64() >= Some(FRAMES), "{result:#}");
    assert_eq!((exit, codes(&result)), (Some(0), vec![]), "{result:#}");
}
