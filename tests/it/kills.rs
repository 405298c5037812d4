//! What is lost when `serve` is killed at any moment? The real process under load, with recorded files
//! and commands as sources, people who act beside it, and a real mail server.

use crate::dice::Dice;
use crate::skip::skipped;
use crate::station::{Row, Station};
use crate::stops::is_watching;
use crate::thorough::is_thorough;
use crate::traffic::Stretch;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const LAB: [u8; 4] = [10, 16, 24, 93];

/// A mail server that prints its port, then each mail before it answers; what it is asked to, it
/// answers slowly, so that a kill comes between the mail and its answer.
const SERVER: &str = r#"
import asyncio, json, random, socket, sys
from aiosmtpd.controller import Controller
class Handler:
    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({'to': envelope.rcpt_tos, 'data': envelope.content.decode()}), flush=True)
        await asyncio.sleep(random.random() * 0.3)
        return '250 taken'
class Any(Controller):
    def _trigger_server(self):
        socket.create_connection(self.server.sockets[0].getsockname()).close()
controller = Any(Handler(), hostname='127.0.0.1', port=0, server_hostname='mx.x.example')
controller.start()
print(controller.server.sockets[0].getsockname()[1], flush=True)
sys.stdin.read()
"#;

struct PostOffice {
    child: Child,
    port: String,
    mails: Arc<Mutex<Vec<Value>>>,
}

impl PostOffice {
    /// `None`, with a message, when Debian's Python has no aiosmtpd.
    fn open() -> Option<PostOffice> {
        let python = "/usr/bin/python3";
        let found = Command::new(python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            skipped("the package python3-aiosmtpd is not installed");
            return None;
        }
        let mut command = Command::new(python);
        command.args(["-W", "ignore", "-c", SERVER]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python has just run");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut port = String::new();
        lines.read_line(&mut port).expect("the server starts and prints its port");
        let mails = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&mails);
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mail = serde_json::from_str(&line).expect("a mail as JSON");
                taken.lock().expect("no panic").push(mail);
            }
        });
        Some(PostOffice { child, port: port.trim().to_owned(), mails })
    }

    fn mails(&self) -> Vec<Value> {
        self.mails.lock().expect("no panic").clone()
    }
}

impl Drop for PostOffice {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn station(port: &str) -> Station {
    let site = format!(
        "state: state\n\
         sources:\n  probe:\n    command: [sh, -c, \"cat {{here}}/lan.pcap; exec sleep 600\"]\n  \
         ring:\n    files: \"{{here}}/ring/*.pcap\"\n\
         sites:\n  springfield:\n    public: [198.51.100.0/25]\n    inside: [10.16.0.0/16]\n    timezone: UTC\n    \
         source: probe\n    coordinator: tech@springfield.example\n  \
         shelbyville:\n    public: [198.51.100.128/25]\n    inside: [10.16.0.0/16]\n    timezone: UTC\n    \
         source: ring\n    coordinator: tech@shelbyville.example\n\
         mail:\n  from: allclear@dis.example\n  smtp: smtp://127.0.0.1:{port}\n  hourly_limit: 1000\n"
    );
    let playbook = "playbook: quick\ntitle: Quick\nmalware: [conficker]\n\
        locate: {every: 2s, capture: {for: 1s, keep: all}, match: [reported]}\n\
        verify: {every: 2s, capture: {for: 1s}, match: [reported]}\n\
        judge: {heard: 1}\n\
        clean: {passes: 2, span: 1d, assurance: 50%, contact_interval: 5s}\n\
        notify: [{events: [opened, located, relapsed], to: [coordinator, soc@dis.example]}]\n";
    let station = Station::new(&site, playbook);
    fs::create_dir(station.path("ring")).expect("a directory");
    let capture = Stretch::at("2015-05-04T08:00:00Z", 600).present(&[LAB]).calls(LAB, 10, 60);
    capture.write(&station.path("lan.pcap"));
    station
}

/// Writes the last seconds of a network with a calling host, over and over, as a recorder does.
fn record(ring: &Path, number: usize) {
    const KEPT: usize = 20;
    let place = tempfile::tempdir_in(ring).expect("a directory");
    let now = Timestamp::now().to_string();
    Stretch::at(&now, 1).present(&[LAB]).calls(LAB, 0, 1).write(&place.path().join("part"));
    fs::rename(place.path().join("part"), ring.join(format!("lan-{number}.pcap"))).expect("renamed");
    if number >= KEPT {
        let _ = fs::remove_file(ring.join(format!("lan-{}.pcap", number - KEPT)));
    }
}

/// What people were told is on record.
#[derive(Default)]
struct Confirmed {
    opened: BTreeSet<usize>,
    notes: BTreeSet<String>,
}

/// People at work beside `serve`, until they are told to go home.
fn act(station: &Station, is_over: &AtomicBool) -> Confirmed {
    let mut dice = Dice(7);
    let mut confirmed = Confirmed::default();
    for number in 0.. {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        let half = number % 2 * 128;
        match number {
            0..16 => {
                if station.open_ticket(half + 1 + number) {
                    confirmed.opened.insert(half + 1 + number);
                }
            }
            _ if dice.roll(3) == 0 => {
                let (ticket, text) = (dice.between(1, confirmed.opened.len()), format!("note-{number}"));
                let note = ["ticket", "note", &ticket.to_string(), &text, "--by", "tech"];
                if station.run(&note).status.code() == Some(0) {
                    confirmed.notes.insert(text);
                }
            }
            _ => {
                let ticket = dice.between(1, confirmed.opened.len()).to_string();
                // Turned down when no host is infected just now.
                let _ = station.run(&["ticket", "cleaned", &ticket, "--by", "tech"]);
            }
        }
        thread::sleep(Duration::from_millis(100));
    }
    confirmed
}

/// Kills it so many times; the instants of the kills.
fn kill_over_and_over(station: &Station, kills: usize) -> Vec<Timestamp> {
    let mut dice = Dice(2026);
    let mut known: Vec<Row> = Vec::new();
    let mut killed = Vec::new();
    for _ in 0..kills {
        // Some die while they start, some in the middle of runs, the others at any moment.
        let kind = dice.roll(4);
        let (mut serving, life) = match kind {
            0 => (station.start(), dice.roll(200)),
            _ => (station.serve(), dice.roll(900)),
        };
        if kind == 1 && known.iter().any(|row| row.kind == "opened") {
            station.wait_for("a run is under way", || is_watching(&station.log()));
        }
        thread::sleep(Duration::from_millis(life as u64));
        serving.signal(libc::SIGKILL);
        serving.wait();
        killed.push(Timestamp::now());
        let log = station.log();
        assert!(log.starts_with(&known), "what was on record still is");
        known = log;
    }
    killed
}

/// The recipients of a queued mail who get it now. Those for whom it waits for a quarter of an hour, as
/// repeats do here over and over, outlive the test.
fn told_now(row: &Row) -> Vec<String> {
    let held: Vec<&Value> =
        row.body["held"].as_array().into_iter().flatten().map(|held| &held["to"]).collect();
    let to = row.body["to"].as_array().expect("recipients").iter().filter(|to| !held.contains(to));
    to.map(|to| to.as_str().expect("an address").to_owned()).collect()
}

/// Recipients to whom a mail is still to be handed over.
fn pending(log: &[Row]) -> BTreeSet<(u64, String)> {
    let mut pending = BTreeSet::new();
    for (seq, row) in (1..).zip(log) {
        match row.kind.as_str() {
            "mail_queued" => {
                pending.extend(told_now(row).into_iter().map(|to| (seq, to)));
            }
            "mail_accepted" => {
                let mail = row.body["mail"].as_u64().expect("a number");
                pending.remove(&(mail, row.body["to"].as_str().expect("an address").to_owned()));
            }
            _ => {}
        }
    }
    pending
}

#[test]
fn a_serve_that_is_killed_at_any_moment_loses_nothing_and_repeats_nothing() {
    let Some(office) = PostOffice::open() else { return };
    let kills = if is_thorough() { 300 } else { 24 };
    let station = station(&office.port);
    let (is_over, is_recorded) = (AtomicBool::new(false), AtomicBool::new(false));
    let (killed, confirmed) = thread::scope(|scope| {
        let people = scope.spawn(|| act(&station, &is_over));
        scope.spawn(|| {
            for number in (0..).take_while(|_| !is_recorded.load(Ordering::SeqCst)) {
                record(&station.path("ring"), number);
                thread::sleep(Duration::from_millis(500));
            }
        });
        let killed = kill_over_and_over(&station, kills);
        is_over.store(true, Ordering::SeqCst);
        let confirmed = people.join().expect("people go home");
        let mut serving = station.serve();
        station.wait_for("all mail is out", || pending(&station.log()).is_empty());
        let (status, _) = serving.stop();
        is_recorded.store(true, Ordering::SeqCst);
        assert_eq!(status.code(), Some(0), "{}", station.told());
        (killed, confirmed)
    });
    let log = station.log();
    let later = finish(&station, &log);
    check_people(&log, &confirmed);
    let interrupted = check_runs(&log, &later, &killed);
    let (mails, repeats) = check_mails(&log, &later, &office.mails());
    let (files, untrusted) = check_evidence(&station);
    let summary = format!(
        "{} kills: {} events, {} acts, {interrupted} runs interrupted, {mails} mails, {repeats} of them repeated, \
         {files} files of evidence, {untrusted} untrusted",
        killed.len(),
        log.len(),
        confirmed.opened.len() + confirmed.notes.len(),
    );
    println!("{summary}");
    assert!(interrupted > 0 && mails > 20, "there was no load: {summary}");
}

/// A stop leaves windows of recorded files, and mails that were queued last, to the next start; the
/// log once all that was left by `log` is done.
fn finish(station: &Station, log: &[Row]) -> Vec<Row> {
    let (open, waiting) = (open_runs(log), pending(log));
    let mut serving = station.serve();
    station.wait_for("what the stop left is done", || {
        let later = station.log();
        open.is_disjoint(&open_runs(&later)) && waiting.is_disjoint(&pending(&later))
    });
    assert_eq!(serving.stop().0.code(), Some(0), "{}", station.told());
    station.log()
}

/// Runs that have begun and not ended.
fn open_runs(log: &[Row]) -> BTreeSet<u64> {
    let runs = |kind: &str| -> BTreeSet<u64> {
        let rows = log.iter().filter(|row| row.kind == kind);
        rows.map(|row| row.body["run"].as_u64().expect("a number")).collect()
    };
    &runs("run_started") - &runs("run_ended")
}

fn check_people(log: &[Row], confirmed: &Confirmed) {
    let texts = |kind: &str, field: &str| -> Vec<String> {
        let rows = log.iter().filter(|row| row.kind == kind);
        rows.filter_map(|row| row.body[field].as_str().map(str::to_owned)).collect()
    };
    let opened = texts("opened", "reference");
    let wanted: Vec<String> = confirmed.opened.iter().map(|number| format!("R-{number}")).collect();
    assert_eq!(opened.iter().collect::<BTreeSet<_>>().len(), opened.len(), "a ticket is there once");
    assert!(wanted.iter().all(|wanted| opened.contains(wanted)), "{opened:?} lacks some of {wanted:?}");
    let notes = texts("noted", "text");
    assert!(confirmed.notes.iter().all(|note| notes.contains(note)), "a confirmed note is lost");
}

/// Each run of `log` ends once, at the latest in `later`, what a kill cut through was interrupted, and
/// no occurrence is there twice; counts the interrupted ones.
fn check_runs(log: &[Row], later: &[Row], killed: &[Timestamp]) -> usize {
    let (mut begun, mut ended, mut planned) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    for row in log.iter().filter(|row| ["run_started", "occurrence_passed"].contains(&row.kind.as_str())) {
        let occurrence = (row.ticket, row.body["stage"].to_string(), row.body["occurrence"].to_string());
        assert!(planned.insert(occurrence), "an occurrence is there twice: {row:?}");
        if row.kind == "run_started" {
            begun.insert(row.body["run"].as_u64().expect("a number"), row);
        }
    }
    for row in later.iter().filter(|row| row.kind == "run_ended") {
        let run = row.body["run"].as_u64().expect("a number");
        assert!(ended.insert(run, row).is_none(), "run {run} ends twice");
    }
    let springfield: BTreeSet<i64> = log
        .iter()
        .filter(|row| row.kind == "opened" && row.body["site"] == "springfield")
        .map(|row| row.ticket)
        .collect();
    let mut interrupted = 0;
    for (run, row) in begun {
        let Some(end) = ended.get(&run) else { panic!("run {run} is left open") };
        let is_cut =
            killed.iter().map(|at| at.as_nanosecond() as i64).any(|at| row.at_ns < at && at < end.at_ns);
        // The window of recorded files can be read again.
        if is_cut && springfield.contains(&row.ticket) {
            assert_eq!(end.body["outcome"], "interrupted", "{end:?}");
            assert_eq!(end.body["verdict"], "inconclusive", "{end:?}");
            interrupted += 1;
        }
    }
    interrupted
}

/// Every mail that was queued in `log` is out, none that was not queued by `later`, and a repeat is the
/// same to the byte; counts mails and repeats.
fn check_mails(log: &[Row], later: &[Row], taken: &[Value]) -> (usize, usize) {
    let mut arrived: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    for mail in taken {
        let data = mail["data"].as_str().expect("text");
        let id = unmarked(&header(data, "Message-ID"));
        let to = mail["to"][0].as_str().expect("a recipient").to_owned();
        arrived.entry((id, to)).or_default().insert(data);
    }
    let (mut wanted, mut allowed, mut announced) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (seq, row) in (1..).zip(later).filter(|(_, row)| row.kind == "mail_queued") {
        let id = format!("<allclear.{}.{seq}@dis.example>", row.ticket);
        for mail in told_now(row).into_iter().map(|to| (id.clone(), to)) {
            if seq <= log.len() {
                wanted.insert(mail.clone());
            }
            allowed.insert(mail);
        }
        let is_opened = row.body["event"] == "opened";
        assert!(!is_opened || announced.insert(row.ticket), "ticket {} is announced twice", row.ticket);
    }
    let came: BTreeSet<_> = arrived.keys().cloned().collect();
    assert!(wanted.is_subset(&came), "queued, and lost: {:?}", &wanted - &came);
    assert!(came.is_subset(&allowed), "never queued: {:?}", &came - &allowed);
    for (mail, forms) in &arrived {
        assert_eq!(forms.len(), 1, "{mail:?} came in different forms");
    }
    (arrived.len(), taken.len() - arrived.len())
}

/// A Message-ID without what tells the mails of one state from those of others.
fn unmarked(id: &str) -> String {
    let (local, domain) = id.split_once('@').expect("a Message-ID");
    let (name, mark) = local.rsplit_once('.').expect("a mark");
    assert_eq!(mark.len(), 16, "{id}");
    format!("{name}@{domain}")
}

fn header(mail: &str, name: &str) -> String {
    let line = mail.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name} in {mail}")).trim().to_owned()
}

/// What the log vouches for is whole, and nothing else is taken for evidence; counts both.
fn check_evidence(station: &Station) -> (usize, usize) {
    let shown = station.run(&["evidence", "verify", "--json"]);
    let verified: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    assert_eq!(verified["is_sound"], true, "{verified:#}");
    let beside = verified["beside"].as_array().expect("a list");
    let untrusted = beside.iter().filter(|file| file["path"].to_string().contains(".untrusted."));
    assert!(beside.iter().all(|file| !file["path"].to_string().contains(".part")), "{beside:#?}");
    (verified["files"].as_array().expect("a list").len(), untrusted.count())
}
