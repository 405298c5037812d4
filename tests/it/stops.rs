//! How long does `serve` take to end? Ten seconds at most, whatever hangs; the real process, with real
//! things that hang.

use crate::skip::skipped;
use crate::station::{Row, Serving, Station};
use crate::traffic::Stretch;
use rusqlite::Connection;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

pub const LAB: [u8; 4] = [10, 16, 24, 93];

/// What is promised.
const END_MAX: Duration = Duration::from_secs(10);

/// A station whose source is the shell script, and whose mail goes to `smtp`.
pub fn station(script: &str, smtp: &str, length: &str) -> Station {
    let site = format!(
        "state: state\nsources:\n  lan:\n    command: [sh, -c, \"{script}\"]\nsites:\n  springfield:\n    \
         public: [198.51.100.0/24]\n    inside: [10.16.0.0/16]\n    timezone: UTC\n    source: lan\n    \
         coordinator: tech@springfield.example\nmail:\n  from: allclear@dis.example\n  {smtp}\n"
    );
    let every = match length {
        "1s" => "2s",
        "9s" => "10s",
        _ => "10m",
    };
    let playbook = format!(
        "playbook: quick\ntitle: Quick\nmalware: [conficker]\n\
         locate: {{every: {every}, capture: {{for: {length}}}, match: [reported]}}\n\
         verify: {{every: {every}, capture: {{for: {length}}}, match: [reported]}}\n\
         judge: {{heard: 1}}\n\
         clean: {{passes: 2, span: 1d, assurance: 50%, contact_interval: 5s}}\n\
         notify: [{{events: [opened], to: [coordinator]}}]\n"
    );
    let station = Station::new(&site, &playbook);
    let capture = Stretch::at("2015-05-04T08:00:00Z", 600).present(&[LAB]).calls(LAB, 10, 60);
    capture.write(&station.path("lan.pcap"));
    station
}

/// A source that shows a contact and then goes on in silence.
pub const STEADY: &str = "cat {here}/lan.pcap; exec sleep 600";
pub const OUTBOX: &str = "directory: state/outbox";

/// Whether a run is under way.
pub fn is_watching(log: &[Row]) -> bool {
    let count = |kind: &str| log.iter().filter(|row| row.kind == kind).count();
    count("run_started") > count("run_ended")
}

/// Opens a ticket, waits until a run is under way and `is_hanging`, and asks it to stop.
fn stop_when(station: &Station, is_hanging: impl Fn() -> bool) -> (ExitStatus, Duration) {
    let mut serving = station.serve();
    stop_this(station, &mut serving, is_hanging)
}

/// Whether a run is under way that began some time ago: one that has seen nothing yet is missed.
fn has_watched(log: &[Row]) -> bool {
    let now = jiff::Timestamp::now().as_nanosecond();
    let begun = log.iter().rfind(|row| row.kind == "run_started");
    is_watching(log) && begun.is_some_and(|row| now - i128::from(row.at_ns) > 500_000_000)
}

fn stop_this(
    station: &Station,
    serving: &mut Serving,
    is_hanging: impl Fn() -> bool,
) -> (ExitStatus, Duration) {
    assert!(station.open_ticket(1));
    station.wait_for("it hangs", is_hanging);
    station.wait_for("a run has watched for a while", || has_watched(&station.log()));
    serving.stop()
}

fn check(row: &str, (status, took): (ExitStatus, Duration), code: i32) {
    println!("{row}: ended after {took:?}");
    assert!(took < END_MAX, "{row}: it took {took:?}");
    assert_eq!(status.code(), Some(code), "{row}");
}

/// How the runs on record ended.
fn outcomes(station: &Station) -> Vec<String> {
    let log = station.log();
    assert!(!is_watching(&log), "a run is left open");
    let ends = log.iter().filter(|row| row.kind == "run_ended");
    ends.map(|row| row.body["outcome"].as_str().expect("a word").to_owned()).collect()
}

/// A mail server that takes a mail and never says so; its port, and how many it has.
fn mute_server() -> (u16, std::sync::mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let (sender, taken) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.expect("a client");
            let mut lines = BufReader::new(client.try_clone().expect("a second handle")).lines();
            client.write_all(b"220 x\r\n").expect("an open connection");
            for answer in ["250 x", "250 ok", "250 ok", "354 go"] {
                let _ = lines.next();
                client.write_all(format!("{answer}\r\n").as_bytes()).expect("an open connection");
            }
            while lines.next().is_some_and(|line| line.is_ok_and(|line| line != ".")) {}
            let _ = sender.send(());
            let _ = lines.next();
        }
    });
    (port, taken)
}

#[test]
fn a_mail_server_that_never_answers_holds_up_nothing_and_a_second_signal_ends_at_once() {
    let (port, taken) = mute_server();
    let station = station(STEADY, &format!("smtp: smtp://127.0.0.1:{port}"), "9s");
    let ended = stop_when(&station, || taken.try_recv().is_ok());
    check("a mail without an answer", ended, 0);
    assert_eq!(outcomes(&station), ["interrupted"]);
    let mut serving = station.serve();
    station.wait_for("the mail is tried again", || taken.try_recv().is_ok());
    serving.signal(libc::SIGTERM);
    thread::sleep(Duration::from_millis(200));
    serving.signal(libc::SIGINT);
    let (status, took) = serving.wait();
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(status.code(), Some(1));
}

#[test]
fn a_command_that_will_not_end_is_ended_and_what_it_showed_counts() {
    let rows = [
        (
            "deaf to signals",
            "trap '' TERM INT; cat {here}/lan.pcap; touch {here}/begun; while :; do sleep 1; done",
        ),
        (
            "a child that holds the pipes",
            "trap '' TERM; cat {here}/lan.pcap; touch {here}/begun; sleep 600 & wait",
        ),
        ("a daemon that holds the pipes", "cat {here}/lan.pcap; touch {here}/begun; setsid -f sleep 20"),
        ("it floods", "trap '' TERM; cat {here}/lan.pcap; touch {here}/begun; cat /dev/zero"),
        ("it floods its errors", "trap '' TERM; cat {here}/lan.pcap; touch {here}/begun; yes trouble >&2"),
        (
            "a daemon that floods its errors",
            "cat {here}/lan.pcap; touch {here}/begun; setsid -f timeout 20 sh -c 'yes trouble >&2; :'",
        ),
    ];
    thread::scope(|scope| {
        for (row, script) in rows {
            scope.spawn(move || {
                let station = station(script, OUTBOX, "9s");
                check(row, stop_when(&station, || station.path("begun").exists()), 0);
                let log = station.log();
                let end = log.iter().find(|row| row.kind == "run_ended").expect("its run has ended");
                assert_eq!(end.body["contacts"], 1, "{row}: {:#}", end.body);
            });
        }
    });
}

#[test]
fn a_log_that_another_process_holds_is_given_up_in_time() {
    let station = station(STEADY, OUTBOX, "1s");
    let mut serving = station.serve();
    assert!(station.open_ticket(1));
    station.wait_for("a run is under way", || is_watching(&station.log()));
    let other = Connection::open(station.path("state/allclear.db")).expect("it opens");
    other.busy_timeout(Duration::from_secs(10)).expect("a time");
    other.execute_batch("BEGIN IMMEDIATE").expect("the other process writes");
    station.wait_for("it is told", || station.told().contains("database is locked"));
    check("a locked log", serving.stop(), 1);
    other.execute_batch("ROLLBACK").expect("it ends");
    assert!(station.told().contains("could not be recorded"), "{}", station.told());
    let mut serving = station.serve();
    station.wait_for("the run is named", || {
        station.log().iter().any(|row| row.kind == "run_ended" && row.body["outcome"] == "interrupted")
    });
    check("free again", serving.stop(), 0);
}

#[test]
fn a_name_that_nobody_resolves_holds_up_nothing() {
    let Ok(silent) = UdpSocket::bind("127.53.0.1:53") else {
        return skipped("a name server needs root");
    };
    silent.set_nonblocking(true).expect("a socket");
    let station = station(STEADY, "smtp: smtp://mx.springfield.example:25", "9s");
    station.write("resolv.conf", "nameserver 127.53.0.1\noptions timeout:30 attempts:3\n");
    let mut command = Command::new("unshare");
    let script = "mount --bind resolv.conf /etc/resolv.conf && exec \"$0\" serve";
    command.args(["-m", "sh", "-c", script, env!("CARGO_BIN_EXE_allclear")]);
    command.current_dir(station.path("")).stdin(Stdio::null());
    let mut serving = station.start_as(command);
    station.wait_for("it serves", || station.told().contains("serves"));
    let ended = stop_this(&station, &mut serving, || silent.recv(&mut [0; 512]).is_ok());
    check("a look-up without an answer", ended, 0);
    assert_eq!(outcomes(&station), ["interrupted"]);
}

#[test]
fn a_loop_that_hangs_is_ended_all_the_same() {
    // Nobody reads what it says, and it says a lot: the loop itself hangs in the pipe.
    let station = station(STEADY, OUTBOX, "1s");
    let mut reader = station.command(&["-vv", "serve"]);
    reader.stderr(Stdio::piped());
    let mut child = reader.spawn().expect("serve starts");
    let mut pipe = child.stderr.take().expect("it is piped");
    // A pipe of one page is full soon.
    // SAFETY: the descriptor is ours and open.
    unsafe { libc::fcntl(std::os::fd::AsRawFd::as_raw_fd(&pipe), libc::F_SETPIPE_SZ, 4096) };
    let mut serving = Serving::of(child);
    station.wait_for("it works", || station.path("state/serve.lock").exists());
    (1..=12).for_each(|number| assert!(station.open_ticket(number)));
    let mut known = usize::MAX;
    station.wait_for("it hangs while a run is under way", || {
        thread::sleep(Duration::from_secs(3));
        let log = station.log();
        let hangs = log.len() == std::mem::replace(&mut known, log.len());
        if hangs && !is_watching(&log) {
            // Between two runs: a page is read, so that it goes on to the next.
            let page = pipe.read(&mut [0; 4096]).expect("it can be read");
            assert!(page > 0, "the pipe is full");
        }
        hangs && is_watching(&log)
    });
    check("a pipe that nobody reads", serving.stop(), 1);
    drop(pipe);
    let mut serving = station.serve();
    check("the next one", serving.stop(), 0);
    assert!(outcomes(&station).contains(&"interrupted".to_owned()));
}

#[test]
fn a_window_of_recorded_files_is_read_by_the_next_start() {
    let site = "state: state\nsources:\n  ring: {files: \"{here}/ring-*.pcap\"}\nsites:\n  springfield:\n    \
                public: [198.51.100.0/24]\n    inside: [10.16.0.0/16]\n    timezone: UTC\n    source: ring\n    \
                coordinator: tech@springfield.example\n";
    let playbook = "playbook: quick\ntitle: Quick\nmalware: [conficker]\n\
                    locate: {every: 12s, capture: {for: 8s}, match: [reported]}\n\
                    verify: {every: 12s, capture: {for: 8s}, match: [reported]}\n\
                    judge: {heard: 1}\n\
                    clean: {passes: 2, span: 1d, assurance: 50%, contact_interval: 5s}\n";
    for is_recorded in [false, true] {
        let station = Station::new(site, playbook);
        let mut serving = station.serve();
        assert!(station.open_ticket(1));
        station.wait_for("a run is under way", || is_watching(&station.log()));
        check("in its window", serving.stop(), 0);
        assert!(is_watching(&station.log()), "its run stays open");
        if is_recorded {
            let from = jiff::Timestamp::now() - Duration::from_secs(30);
            Stretch::at(&from.to_string(), 60).present(&[LAB]).write(&station.path("ring-1.pcap"));
        }
        let mut serving = station.serve();
        station.wait_for("it is read", || !is_watching(&station.log()));
        let expected = if is_recorded { "ran" } else { "missed" };
        let log = station.log();
        let end = log.iter().find(|row| row.kind == "run_ended").expect("it has ended");
        assert_eq!(end.body["outcome"], expected, "{:?}", end.body);
        assert!(serving.stop().0.success());
    }
}
