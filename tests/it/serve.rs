//! Does `serve` do its work, and what is left when it is killed? The real process, with a command as
//! its source and a directory as its mail server.

use crate::traffic::Stretch;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const LAB: [u8; 4] = [10, 16, 24, 93];

/// Longer than anything here takes, on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

const PAGE: &str = "IP Address 192.0.2.17 is listed in the CBL. It was last detected at 2015-04-29 19:00 GMT \
    (+/- 30 minutes). This IP is infected with the Conficker botnet. Your IP was observed making connections \
    to TCP/IP IP address 216.66.15.109 (a conficker sinkhole) with a destination port 80, source port (for \
    this detection) of 1701 at exactly 2015-04-29 18:52:14 (UTC).";

pub struct State {
    directory: TempDir,
}

impl State {
    /// A site whose source writes a capture with a contact and then waits, and a playbook that locates
    /// every two seconds for `length`.
    pub fn new(length: &str, every: &str) -> State {
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path();
        let capture = Stretch::at("2015-05-04T08:00:00Z", 600).present(&[LAB]).calls(LAB, 10, 3600);
        capture.write(&path.join("lan.pcap"));
        fs::create_dir(path.join("playbooks")).expect("a directory");
        let site = format!(
            "state: state\nsources:\n  lan:\n    command: [sh, -c, \"cat {}; exec sleep 600\"]\nsites:\n  \
             springfield:\n    public: [192.0.2.17]\n    inside: [10.16.0.0/16]\n    timezone: UTC\n    \
             source: lan\n    coordinator: tech@springfield.example\nmail:\n  from: allclear@dis.example\n  \
             directory: state/outbox\n",
            path.join("lan.pcap").display()
        );
        fs::write(path.join("allclear.yaml"), site).expect("the site file is written");
        let playbook = format!(
            "playbook: quick\ntitle: Quick\nmalware: [conficker]\n\
             locate: {{every: {every}, capture: {{for: {length}}}, match: [reported]}}\n\
             verify: {{every: {every}, capture: {{for: {length}}}, match: [reported]}}\n\
             judge: {{heard: 1}}\n\
             clean: {{passes: 2, span: 10s, assurance: 50%, contact_interval: 5s}}\n\
             notify: [{{events: [opened, located], to: [coordinator]}}]\n"
        );
        fs::write(path.join("playbooks/quick.yaml"), playbook).expect("the playbook is written");
        fs::write(path.join("page.txt"), PAGE).expect("the page is written");
        State { directory }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_allclear"));
        command.current_dir(self.path()).args(arguments).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    pub fn serve(&self) -> Server {
        let log = fs::File::create(self.path().join("serve.log")).expect("a log file");
        let process = self.command(&["serve"]).stderr(log).spawn().expect("serve starts");
        let server = Server(process);
        self.wait_for("serve is ready", || {
            fs::read_to_string(self.path().join("serve.log")).is_ok_and(|log| log.contains("serves"))
        });
        server
    }

    fn ticket(&self) -> Value {
        let shown = self.run(&["ticket", "show", "1", "--json"]);
        serde_json::from_slice(&shown.stdout).unwrap_or(Value::Null)
    }

    fn runs(&self) -> Vec<Value> {
        self.ticket()["runs"].as_array().cloned().unwrap_or_default()
    }

    fn mails(&self) -> Vec<String> {
        let Ok(files) = fs::read_dir(self.path().join("state/outbox")) else { return Vec::new() };
        let names = files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }

    pub fn wait_for(&self, what: &str, is_so: impl Fn() -> bool) {
        let begin = Instant::now();
        while !is_so() {
            let log = fs::read_to_string(self.path().join("serve.log")).unwrap_or_default();
            assert!(begin.elapsed() < PATIENCE, "waited in vain until {what}; the log says:\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A running `serve`, killed when dropped.
pub struct Server(Child);

impl Server {
    pub fn signal(&self, signal: i32) {
        let process = i32::try_from(self.0.id()).expect("a process number");
        // SAFETY: the process is our child and has not been waited for.
        let sent = unsafe { libc::kill(process, signal) };
        assert_eq!(sent, 0, "the signal is sent");
    }

    pub fn end(mut self) -> Option<i32> {
        self.0.wait().expect("serve ends").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn serve_locates_a_ticket_opened_beside_it_mails_and_stops_on_sigterm() {
    let state = State::new("1s", "2s");
    let server = state.serve();
    let second = state.run(&["serve"]);
    assert_eq!(second.status.code(), Some(1));
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains(&format!("process {}", server.0.id())), "it says who holds the state: {told}");

    let opened = state.run(&["ticket", "open", "--from", "page.txt", "--by", "engineer"]);
    assert_eq!(opened.status.code(), Some(0), "{}", String::from_utf8_lossy(&opened.stderr));
    state.wait_for("the host is located", || state.ticket()["phase"] == "located");
    state.wait_for("two mails are out", || state.mails().len() == 2);
    assert!(state.mails()[0].ends_with("opened.eml") && state.mails()[1].ends_with("located.eml"));
    assert_eq!(state.ticket()["hosts"][0]["host"], "10.16.24.93");

    server.signal(libc::SIGTERM);
    assert_eq!(server.end(), Some(0), "SIGTERM is a clean end");
    let runs = state.runs();
    assert!(runs.iter().all(|run| !run["outcome"].is_null()), "no run is left open: {runs:?}");
}

#[test]
fn a_killed_serve_names_its_run_interrupted_and_loses_no_event_and_no_mail() {
    let state = State::new("5s", "6s");
    let server = state.serve();
    state.run(&["ticket", "open", "--from", "page.txt", "--by", "engineer"]);
    state.wait_for("a run is under way", || state.runs().iter().any(|run| run["outcome"].is_null()));
    state.wait_for("a mail is out", || state.mails().len() == 1);
    let part = state.path().join("state/evidence/1/.1-hits.pcapng.part");
    state.wait_for("packets are kept", || part.exists());
    let before = state.ticket();
    server.signal(libc::SIGKILL);
    server.end();

    let server = state.serve();
    state.wait_for("the run has an outcome", || !state.runs()[0]["outcome"].is_null());
    let after = state.ticket();
    let events = before["events"].as_array().expect("events").len();
    assert_eq!(
        after["events"].as_array().expect("events")[..events],
        before["events"].as_array().expect("events")[..],
        "what was on record still is, hashes and all"
    );
    let interrupted = &state.runs()[0];
    assert_eq!(
        (&interrupted["outcome"], &interrupted["verdict"]),
        (&Value::from("interrupted"), &Value::from("inconclusive"))
    );
    assert_eq!(interrupted["reasons"][0]["code"], "interrupted");
    let text = interrupted["reasons"][0]["text"].as_str().expect("a sentence");
    assert!(
        text.contains(" in evidence/1/1-hits.untrusted.pcapng, "),
        "it says what was kept, and where: {text}"
    );
    assert_eq!(interrupted["evidence"], Value::Array(Vec::new()), "nothing that was lost counts");
    assert_eq!(
        state.mails().iter().filter(|name| name.ends_with("opened.eml")).count(),
        1,
        "the mail that was sent is not sent again"
    );
    server.signal(libc::SIGTERM);
    assert_eq!(server.end(), Some(0));
}

/// The processes that `parent` has started and that still live.
fn children(parent: u32) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    numbers.filter(|number| stat(*number).is_some_and(|(_, its_parent)| its_parent == parent)).collect()
}

/// State and parent of a process, after proc(5).
fn stat(process: u32) -> Option<(String, u32)> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = text.rsplit(')').next()?.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

#[test]
fn a_killed_serve_leaves_no_capture_command_behind() {
    let state = State::new("5s", "6s");
    let server = state.serve();
    state.run(&["ticket", "open", "--from", "page.txt", "--by", "engineer"]);
    state.wait_for("a capture is under way", || !children(server.0.id()).is_empty());
    let commands = children(server.0.id());
    server.signal(libc::SIGKILL);
    server.end();
    let lives = |process: &u32| stat(*process).is_some_and(|(state, _)| state != "Z");
    state.wait_for("its command is gone", || !commands.iter().any(lives));
}

#[test]
fn a_run_that_falls_due_as_serve_is_told_to_stop_is_not_left_open() {
    let state = State::new("1s", "1s");
    state.run(&["ticket", "open", "--from", "page.txt", "--by", "engineer"]);
    for _ in 0..3 {
        let server = state.serve();
        server.signal(libc::SIGTERM);
        assert_eq!(server.end(), Some(0));
        let runs = state.runs();
        assert!(runs.iter().all(|run| !run["outcome"].is_null()), "a run is left open: {runs:?}");
    }
}

#[test]
fn a_request_to_stop_loses_nothing_of_any_run_however_many_there_are() {
    const TICKETS: usize = 45;
    let state = State::new("30s", "30s");
    let site = fs::read_to_string(state.path().join("allclear.yaml")).expect("it was written");
    let site = site.replace("192.0.2.17", "198.51.100.0/24");
    fs::write(state.path().join("allclear.yaml"), site).expect("the site file is written");
    for number in 1..=TICKETS {
        let public = format!("198.51.100.{number}");
        let report =
            ["--malware", "conficker", "--remote", "216.66.15.109", "--seen", "2015-04-29T18:52:14Z"];
        let opened = state.run(&[&["ticket", "open", "--public", &public][..], &report].concat());
        assert_eq!(opened.status.code(), Some(0), "{}", String::from_utf8_lossy(&opened.stderr));
    }
    let server = state.serve();
    state.wait_for("all captures are under way", || children(server.0.id()).len() == TICKETS);
    server.signal(libc::SIGTERM);
    assert_eq!(server.end(), Some(0));
    for number in 1..=TICKETS {
        let shown = state.run(&["ticket", "show", &number.to_string(), "--json"]);
        let ticket: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
        let runs = ticket["runs"].as_array().expect("runs");
        assert!(!runs.is_empty(), "ticket {number}");
        // What serve says of a run that it gave up.
        let lost = runs.iter().filter(|run| run.to_string().contains("what it saw is lost"));
        assert_eq!(lost.count(), 0, "ticket {number}: {runs:?}");
    }
}
