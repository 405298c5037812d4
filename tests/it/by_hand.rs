//! What can people do to tickets on the command line, and what do they read afterwards?

use crate::simulate::{LAB, SITE};
use crate::traffic::Stretch;
use serde_json::Value;
use std::fs;
use std::process::Command;
use tempfile::TempDir;

const PLAYBOOK: &str = "\
playbook: nightly
malware: [conficker]
locate: {every: 30m, capture: {for: 30m}, match: [reported]}
verify: {cron: \"0 20 * * *\", capture: {for: 6h}, match: [reported]}
clean: {contact_interval: 2h}
checklist:
  - patch: Install MS08-067 on the host
due: {located: 2d, cleaned: 5d, remind: 1d, escalate: [{after: 2d, to: [boss@dis.example]}]}
notify: [{events: [opened, reminder, overdue, closed], to: [coordinator]}]
";

struct Office {
    directory: TempDir,
}

impl Office {
    fn new() -> Office {
        let directory = TempDir::new().expect("a temporary directory");
        fs::create_dir(directory.path().join("playbooks")).expect("a directory");
        let site = format!("{SITE}    closed: [2020-01-01..2020-01-05]\n");
        fs::write(directory.path().join("allclear.yaml"), site).expect("the site file is written");
        fs::write(directory.path().join("playbooks/nightly.yaml"), PLAYBOOK)
            .expect("the playbook is written");
        Office { directory }
    }

    /// Exit code, standard output and standard error of `allclear ticket …`.
    fn ticket(&self, line: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_allclear"))
            .current_dir(self.directory.path())
            .arg("ticket")
            .args(line)
            .output()
            .expect("the program runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    fn done(&self, line: &[&str]) -> String {
        let (code, out, told) = self.ticket(line);
        assert_eq!(code, 0, "{line:?}: {out}{told}");
        out
    }

    fn open(&self, malware: &str) {
        let seen = ["--seen", "2019-12-01T10:00", "--malware", malware, "--playbook", "nightly"];
        self.done(&[&["open", "--public", "192.0.2.17", "--by", "jake"], &seen[..]].concat());
    }

    fn shown(&self, ticket: &str) -> Value {
        serde_json::from_str(&self.done(&["show", ticket, "--json"])).expect("JSON")
    }
}

/// The text without its line breaks.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_capture_whose_packets_are_of_the_future_is_no_night() {
    let office = Office::new();
    let opened =
        ["open", "--public", "192.0.2.17", "--seen", "2019-12-01T10:00", "--remote", "216.66.15.109"];
    office.done(&[&opened[..], &["--malware", "conficker", "--by", "jake"]].concat());
    office.done(&["cleaned", "1", "--host", "10.16.24.93", "--by", "tech"]);
    let everybody = [LAB, [10, 16, 30, 7], [10, 16, 20, 1]];
    let night = Stretch::at("2037-12-01T02:00:00Z", 6 * 3600).present(&everybody);
    night.write(&office.directory.path().join("ahead.pcap"));
    let output = Command::new(env!("CARGO_BIN_EXE_allclear"))
        .current_dir(office.directory.path())
        .args(["run", "verify", "--ticket", "1", "--captures", "ahead.pcap", "--json"])
        .output()
        .expect("the program runs");
    let run: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let codes: Vec<&str> = run["run"]["reasons"]
        .as_array()
        .expect("reasons")
        .iter()
        .filter_map(|reason| reason["code"].as_str())
        .collect();
    assert_eq!((output.status.code(), codes), (Some(3), vec!["clock_unsure"]), "{run}");
    let ticket = office.shown("1");
    assert_eq!((&ticket["clean"]["passes"], &ticket["hosts"][0]["exposure_s"]), (&0.into(), &0.into()));
}

#[test]
fn a_ticket_whose_playbook_is_gone_hides_no_other() {
    let office = Office::new();
    office.open("conficker");
    let playbooks = office.directory.path().join("playbooks");
    let other = PLAYBOOK.replace("nightly", "other").replace("conficker", "zbot");
    fs::write(playbooks.join("other.yaml"), other).expect("a second playbook");
    let seen = ["open", "--public", "192.0.2.17", "--seen", "2019-12-01T10:00", "--malware", "zbot"];
    office.done(&[&seen[..], &["--by", "jake"]].concat());
    fs::remove_file(playbooks.join("nightly.yaml")).expect("the first one goes");
    let (code, listed, told) = office.ticket(&["list"]);
    let rows: Vec<String> = listed.lines().map(words).collect();
    assert!(rows.iter().any(|row| row.starts_with("1 ") && row.ends_with("cannot be worked")), "{listed}");
    assert!(rows.iter().any(|row| row.starts_with("2 ") && !row.contains("cannot")), "{listed}");
    assert_eq!((code, told.contains("'nightly', which is gone: put its file back")), (1, true), "{told}");
    let (code, listed, _) = office.ticket(&["list", "--json"]);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(
        (code, listed["tickets"].as_array().map(Vec::len), &listed["tickets"][0]["id"]),
        (1, Some(1), &2.into())
    );
}

#[test]
fn holds_signatures_and_risks_are_on_record_with_their_ends() {
    let office = Office::new();
    office.open("conficker");
    office.done(&["hold", "1", "--reason", "exams", "--until", "14d", "--by", "A. Tech"]);
    let shown = office.shown("1");
    assert_eq!((&shown["flags"][0], &shown["hold"]["by"]), (&"on_hold".into(), &"A. Tech".into()));
    assert!(shown["hold"]["until"].is_string() && shown["due"].is_string(), "{shown}");
    office.done(&["resume", "1"]);
    office.done(&["sign", "1", "patch", "--by", "A. Tech"]);
    let signed = &office.shown("1")["checklist"][0];
    assert_eq!((&signed["signed_by"], &signed["before_relapse"]), (&"A. Tech".into(), &false.into()));
    assert!(words(&office.done(&["show", "1"])).contains("signed by A. Tech, "));
    assert_eq!(office.ticket(&["sign", "1", "patch", "--withdraw"]).0, 64, "without a reason");
    office.done(&["sign", "1", "patch", "--withdraw", "--reason", "the wrong ticket", "--by", "B. Tech"]);
    assert!(office.shown("1")["checklist"][0]["signed_by"].is_null());
    assert!(words(&office.done(&["show", "1"])).contains("'patch' withdrawn: the wrong ticket"));
    assert_eq!(office.ticket(&["accept-risk", "1", "--reason", "no money"]).0, 64, "without an end");
    let (code, _, told) =
        office.ticket(&["accept-risk", "1", "--reason", "no money", "--until", "2020-01-01"]);
    assert!(code != 0 && told.contains("is past: give a time that is still to come"), "{code}: {told}");
    office.done(&["accept-risk", "1", "--reason", "no money", "--until", "90d", "--by", "A. Boss"]);
    let shown = office.shown("1");
    assert_eq!((&shown["phase"], &shown["risk"]["by"]), (&"accepted_risk".into(), &"A. Boss".into()));
    assert!(shown["risk"]["until"].is_string());
    let text = words(&office.done(&["show", "1"]));
    assert!(text.contains("Risk accepted by A. Boss until ") && text.contains(": no money"), "{text}");
    office.done(&["accept-risk", "1", "--reason", "still none", "--for-ever", "--by", "A. Boss"]);
    assert!(office.shown("1")["risk"]["until"].is_null());
}

#[test]
fn a_machine_is_found_across_tickets_by_address_mac_and_name() {
    let office = Office::new();
    office.open("conficker");
    office.done(&["host", "1", "10.16.24.93", "--mac", "00:11:22:33:44:55", "--name", "LAB-7"]);
    office.done(&["reject", "1", "--reason", "a test"]);
    office.open("zeus");
    office.done(&["host", "2", "10.16.24.200", "--mac", "00:11:22:33:44:55"]);
    for (host, found, row) in [
        ("10.16.24.93", vec![1], "its address then; the ticket is closed"),
        ("10.16.24.200", vec![2], "its address now"),
        ("00:11:22:33:44:55", vec![1, 2], "its MAC address"),
        ("lab-7", vec![1], "its name"),
        ("10.16.24.9", vec![], "another address"),
    ] {
        let list: Value =
            serde_json::from_str(&office.done(&["list", "--host", host, "--json"])).expect("JSON");
        let tickets: Vec<i64> = list["tickets"]
            .as_array()
            .expect("a list")
            .iter()
            .flat_map(|ticket| ticket["id"].as_i64())
            .collect();
        assert_eq!(tickets, found, "{row}");
    }
    let history = &office.shown("2")["hosts"][0]["history"][0];
    assert_eq!((&history["ticket"], &history["host"]), (&1.into(), &"10.16.24.93".into()));
    assert_eq!((&history["known_by"], &history["phase"]), (&"mac".into(), &"rejected".into()));
    let text = words(&office.done(&["show", "2"]));
    assert!(text.contains("on other tickets: - ticket 1, conficker: 10.16.24.93 located"), "{text}");
}

#[test]
fn who_acts_has_a_name_that_can_be_read() {
    let office = Office::new();
    office.open("conficker");
    for (name, row) in [
        ("A\nTech", "a line break"),
        ("A\u{1b}[2JTech", "an escape"),
        ("allclear", "the program"),
        (" ", "nothing"),
        ("\u{202e}hceT", "written backwards"),
    ] {
        let (code, _, told) = office.ticket(&["note", "1", "seen", "--by", name]);
        assert_eq!(code, 64, "{row}: {told}");
    }
    office.done(&["note", "1", "two\nlines", "--by", "<b>A. Tech</b>"]);
    let (_, _, told) = office.ticket(&["note", "1", "bell\u{7}"]);
    assert!(told.contains("a sign that does not show (U+0007)"), "{told}");
    let html = office.done(&["report", "1", "--format", "html"]);
    assert!(html.contains("&lt;b&gt;A. Tech&lt;/b&gt;") && !html.contains("<b>A. Tech"));
}

#[test]
fn what_people_type_is_turned_down_with_a_cure_or_goes_on_record_as_one_line() {
    let office = Office::new();
    office.open("conficker");
    let seen = ["--seen", "2019-12-01T10:00", "--public", "192.0.2.17", "--playbook", "nightly"];
    let opened = |flags: &[&str]| office.ticket(&[&["open"][..], &seen, flags].concat());
    let (long, longer) = ("x".repeat(65), "x".repeat(501));
    for (flags, code, piece) in [
        (&["--malware", "zeus\nBcc: x"][..], 64, "--malware holds a line break (U+000A): leave it out"),
        (&["--malware", "\u{202e}suez"], 64, "--malware holds a sign that turns the direction of writing"),
        (&["--malware", " "], 64, "--malware is empty"),
        (
            &["--malware", "zeus", "--ref", "\u{1b}[31mMARS"],
            64,
            "--ref holds a sign that does not show (U+001B)",
        ),
        (&["--malware", "zeus", "--ref", &long], 64, "--ref has 65 signs: write at most 64"),
        (&["--malware", "zeus", "--site", "\u{1b}[31mx"], 64, "there is no site '"),
        (&["--malware", "zeus<b>", "--ref", " MARS-1 "], 0, ""),
    ] {
        let (found, _, told) = opened(flags);
        assert_eq!(found, code, "{flags:?}: {told}");
        assert!(told.contains(piece) && !told.contains(['\u{1b}', '\u{202e}']), "{flags:?}: {told}");
    }
    assert_eq!(office.shown("2")["ref"], "MARS-1");
    let listing = ["--listing", "listed", "--seen", "2019-12-01T10:00"];
    for (line, piece) in [
        (&["note", "1", "\u{2066}a"][..], "turns the direction of writing"),
        (&["note", "1", &longer], "a word of 501 signs: write at most 500"),
        (&[&["note", "1", "\u{7}"][..], &listing].concat(), "does not show (U+0007)"),
        (&["host", "1", "10.16.24.93", "--name", "LAB\n7"], "holds a line break"),
        (&["sign", "1", "\u{1b}[31m"], "has no item"),
        (&["reject", "1", "--reason", "\u{200b}no"], "does not show (U+200B): leave it out"),
    ] {
        let (code, _, told) = office.ticket(line);
        assert!(code != 0 && told.contains(piece) && !told.contains('\u{1b}'), "{line:?}: {code} {told}");
    }
    office.done(&["reject", "1", "--reason", "not ours\r\n- 2020-01-01, allclear: confirmed clean"]);
    office.done(&["reopen", "1", "--reason", "ours\nafter all"]);
    let shown = office.done(&["show", "1"]);
    assert!(words(&shown).contains("not ours - 2020-01-01, allclear: confirmed clean"), "{shown}");
    assert!(!shown.lines().any(|line| line.trim_start().starts_with("- 2020-01-01, allclear")), "{shown}");
    assert!(words(&shown).contains("ours after all"), "{shown}");
}
