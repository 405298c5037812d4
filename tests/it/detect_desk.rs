//! What do people see of a `detect` stage? By hand, in a rehearsal, and in the real `serve`.

use crate::station::Station;
use crate::traffic::Stretch;
use serde_json::Value;
use std::fs;
use std::process::Output;

const LAB: [u8; 4] = [10, 16, 24, 93];
const OFFICE: [u8; 4] = [10, 16, 30, 7];

/// `{source}` is to be filled in.
const SITE: &str = "\
state: state
sources:
  lan: {source}
sites:
  springfield:
    public: [192.0.2.17, 198.51.100.0/29]
    inside: [10.16.0.0/16]
    timezone: UTC
    source: lan
    coordinator: tech@springfield.example
mail: {from: allclear@dis.example, directory: state/outbox}
";

const PLAYBOOK: &str = "\
playbook: quick
title: Quick
malware: [conficker]
watchlists:
  sinkholes: {addresses: [216.66.15.109]}
locate: {every: 1h, capture: {for: 1h}, match: [reported]}
verify: {every: 1d, capture: {for: 6h}, match: [reported]}
detect: {stage}
judge: {heard: 50}
clean: {passes: 2, span: 1d, assurance: 50%, contact_interval: 2h}
notify: [{events: [opened, located], to: [coordinator]}]
";

const PAGE: &str = "It was last detected at 2015-05-04 08:00 GMT (+/- 30 minutes). This IP is infected with \
    the Conficker botnet. Your IP was observed making connections to TCP/IP IP address 216.66.15.109 (a \
    conficker sinkhole) with a destination port 80, source port (for this detection) of 1701 at exactly \
    2015-05-04 07:52:14 (UTC).";

fn station(source: &str, stage: &str) -> Station {
    Station::new(&SITE.replace("{source}", source), &PLAYBOOK.replace("{stage}", stage))
}

/// A school whose captures are files: `calls`, `silence`, and `nothing` with too few packets.
pub fn school() -> Station {
    let station = station(
        "{files: \"{here}/lan-*.pcap\"}",
        "{cron: \"0 10 * * *\", capture: {for: 30m}, match: [sinkholes]}",
    );
    let present = || Stretch::at("2015-05-04T10:00:00Z", 1800).present(&[LAB, OFFICE]);
    present().calls(LAB, 100, 600).calls(OFFICE, 700, 9000).write(&station.path("calls.pcap"));
    present().write(&station.path("silence.pcap"));
    Stretch::at("2015-05-04T10:00:00Z", 60).present(&[LAB]).write(&station.path("nothing.pcap"));
    station
}

pub fn detect(station: &Station, captures: &str) -> (Option<i32>, Value) {
    let begin = ["run", "detect", "--playbook", "quick", "--site", "springfield", "--by", "engineer"];
    let output = station.run(&[&begin[..], &["--captures", captures, "--json"]].concat());
    let value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", told(&output)));
    (output.status.code(), value)
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(station: &Station, arguments: &[&str]) -> Value {
    serde_json::from_str(&station.ask(arguments)).expect("JSON")
}

#[test]
fn by_hand_the_exit_code_is_the_verdict_and_contacts_open_tickets_once() {
    let station = school();
    for (captures, code, verdict) in [("silence.pcap", 0, "pass"), ("nothing.pcap", 3, "inconclusive")] {
        let (exit, value) = detect(&station, captures);
        assert_eq!((exit, &value["run"]["verdict"]), (Some(code), &Value::from(verdict)), "{captures}");
        assert_eq!((&value["ticket"], &value["tickets"]), (&Value::Null, &Value::Array(Vec::new())));
    }
    for row in ["the first time", "the same again"] {
        let (exit, value) = detect(&station, "calls.pcap");
        assert_eq!((exit, &value["tickets"]), (Some(2), &serde_json::json!([1, 2])), "{row}");
        assert_eq!(value["run"]["stage"], "detect");
    }
    let shown = json(&station, &["ticket", "show", "1", "--json"]);
    assert_eq!((&shown["phase"], &shown["public"]), (&Value::from("located"), &Value::from("192.0.2.17")));
    assert_eq!(shown["hosts"].as_array().map(Vec::len), Some(1));
    assert_eq!(shown["hosts"][0]["contacts"], 3, "two runs saw the same three");
    let report = &shown["reports"][0];
    assert_eq!(
        [&report["origin"], &report["malware"], &report["seen"], &report["remote"], &report["protocol"]],
        ["detect", "conficker", "2015-05-04T10:01:40Z", "216.66.15.109", "tcp"],
    );
    assert_eq!((&report["port"], shown["reports"].as_array().map(Vec::len)), (&Value::from(80), Some(1)));
    assert_eq!(shown["runs"][0]["reasons"][0]["text"], "1 inside host made 3 contacts", "its own");
    let mails = fs::read_dir(station.path("state/outbox")).expect("an outbox").count();
    assert_eq!(mails, 2, "one a ticket");
}

#[test]
fn the_evidence_is_checked_and_goes_with_the_ticket() {
    let station = school();
    detect(&station, "calls.pcap");
    let shown = json(&station, &["ticket", "show", "2", "--json"]);
    let file = "evidence/detect/1-hits.pcapng";
    assert_eq!(shown["runs"][0]["evidence"][0], file);
    let checked = json(&station, &["evidence", "verify", "--json"]);
    let paths: Vec<_> =
        checked["files"].as_array().expect("files").iter().map(|file| &file["path"]).collect();
    assert_eq!(paths, [file], "once, whoever names it");
    assert_eq!((&checked["is_sound"], &checked["files"][0]["ticket"]), (&Value::from(true), &Value::Null));
    let bundled = station.ask(&["ticket", "bundle", "2", "two.zip"]);
    assert!(bundled.contains("1 evidence file"), "{bundled}");
    station.ask(&["backup", "whole", "--evidence"]);
    let copied = |base: &str| fs::read(station.path(base).join(file)).expect("the evidence is there");
    assert!(copied("whole") == copied("state"), "a backup holds it, too");
    fs::write(station.path("state").join(file), "another").expect("writable");
    for arguments in [&["evidence", "verify"][..], &["evidence", "verify", "1"], &["evidence", "verify", "2"]]
    {
        let output = station.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("CHANGED"), "{arguments:?}");
    }
}

#[test]
fn what_is_missing_on_the_command_line_is_told() {
    let station = school();
    let rows: [(&[&str], &str); 6] = [
        (&["detect"], "which one? add --playbook NAME and --site NAME"),
        (&["detect", "--playbook", "quick"], "which one? add --playbook NAME and --site NAME"),
        (&["detect", "--ticket", "1"], "detect has no ticket"),
        (&["locate", "--playbook", "quick", "--site", "springfield"], "which ticket?"),
        (&["detect", "--playbook", "quick", "--site", "shelbyville"], "detect of quick at shelbyville"),
        (&["detect", "--playbook", "slow", "--site", "springfield"], "detect of slow at springfield"),
    ];
    for (arguments, wanted) in rows {
        let output = station.run(&[&["run"], arguments].concat());
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(told(&output).contains(wanted), "{arguments:?}: {}", told(&output));
    }
}

#[test]
fn a_rehearsal_detects_too_and_lists_the_tickets_that_it_opened() {
    let station = school();
    station.write("page.txt", PAGE);
    let day = Stretch::at("2015-05-04T08:00:00Z", 8 * 3600).present(&[LAB, OFFICE]);
    day.calls(LAB, 600, 3600).calls(OFFICE, 8000, 100_000).write(&station.path("lan-1.pcap"));
    let begin = ["simulate", "--report", "page.txt", "--public", "192.0.2.17", "--playbook", "quick"];
    let more = ["--captures", "lan-*.pcap", "--start", "2015-05-04T08:00:00Z", "--for", "1d", "--json"];
    let output = station.run(&[&begin[..], &more].concat());
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let hosts = |ticket: &Value| {
        ticket["hosts"].as_array().expect("hosts").iter().map(|host| host["host"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(hosts(&value["ticket"]), ["10.16.24.93"]);
    let others = value["other_tickets"].as_array().expect("tickets");
    assert_eq!(others.iter().map(hosts).collect::<Vec<_>>(), [["10.16.30.7"]]);
    let occurrences = value["occurrences"].as_array().expect("occurrences").iter();
    let detected: Vec<_> = occurrences.filter(|row| row["stage"] == "detect").collect();
    assert_eq!(detected.len(), 1);
    assert_eq!(
        [&detected[0]["planned"], &detected[0]["outcome"], &detected[0]["verdict"]],
        ["2015-05-04T10:00:00Z", "ran", "fail"]
    );
    let mails: Vec<_> =
        value["mails"].as_array().expect("mails").iter().map(|mail| &mail["ticket"]).collect();
    assert_eq!(mails, [1, 1, 2], "opened and located, and one of the second");
}

/// Every planned time of the stage once, each with an outcome but those under way.
fn occurrences(station: &Station) -> Vec<Value> {
    let listed = json(station, &["occurrences", "--json"]);
    let rows = listed["occurrences"].as_array().expect("rows").iter();
    let rows: Vec<Value> = rows.filter(|row| row["stage"] == "detect").cloned().collect();
    let mut planned: Vec<&str> = rows.iter().filter_map(|row| row["planned"].as_str()).collect();
    planned.dedup();
    assert_eq!(planned.len(), rows.len(), "none is there twice: {rows:#?}");
    rows
}

fn has(rows: &[Value], key: &str, word: &str) -> bool {
    rows.iter().any(|row| row[key] == word)
}

#[test]
fn serve_opens_one_ticket_of_many_runs_and_names_what_it_was_killed_in() {
    let command = "{command: [sh, -c, \"cat {here}/lan.pcap; exec sleep 600\"]}";
    let station = station(command, "{every: 2s, capture: {for: 2s}, match: [sinkholes]}");
    let lan = Stretch::at("2015-05-04T10:00:00Z", 1800).present(&[LAB, OFFICE]).calls(LAB, 100, 6000);
    lan.write(&station.path("lan.pcap"));
    let mut serving = station.serve();
    let fails = |rows: &[Value]| rows.iter().filter(|row| row["verdict"] == "fail").count();
    station.wait_for("three runs saw it", || fails(&occurrences(&station)) >= 3);
    station
        .wait_for("a run is under way", || occurrences(&station).iter().any(|row| row["outcome"].is_null()));
    serving.signal(libc::SIGKILL);
    serving.wait();
    let mut serving = station.serve();
    let rows = occurrences(&station);
    assert!(has(&rows, "outcome", "interrupted"), "{rows:#?}");
    assert!(
        station.told().contains("detect of quick at springfield: run")
            || station.told().contains("detect: 1 run interrupted"),
        "{}",
        station.told()
    );
    let (status, _) = serving.stop();
    assert!(status.success());
    let rows = occurrences(&station);
    assert!(rows.iter().all(|row| !row["outcome"].is_null() && row["ticket"].is_null()), "{rows:#?}");
    let listed = json(&station, &["ticket", "list", "--json"]);
    let tickets = listed["tickets"].as_array().expect("tickets");
    assert_eq!(tickets.len(), 1, "many runs, one host, one ticket");
    assert_eq!(tickets[0]["hosts"][0]["contacts"], 1, "the same contact each time");
}

#[test]
fn serve_warns_of_a_run_that_could_not_see_and_no_ticket_comes_of_it() {
    for (command, key, word) in [
        ("exit 3", "outcome", "missed"),
        ("cat {here}/nothing.pcap; exec sleep 600", "verdict", "inconclusive"),
    ] {
        let source = format!("{{command: [sh, -c, \"{command}\"]}}");
        let station = station(&source, "{every: 2s, capture: {for: 1s}, match: [sinkholes]}");
        let quiet = Stretch::at("2015-05-04T10:00:00Z", 60).present(&[LAB]);
        quiet.write(&station.path("nothing.pcap"));
        let mut serving = station.serve();
        let told = format!("is {word}, nothing is known of it");
        station.wait_for("it says so", || station.told().contains(&told));
        assert!(station.told().contains("detect of quick at springfield: run"), "{}", station.told());
        assert!(serving.stop().0.success());
        let rows = occurrences(&station);
        assert!(has(&rows, key, word) && !has(&rows, "verdict", "pass"), "{rows:#?}");
        assert_eq!(json(&station, &["ticket", "list", "--json"])["tickets"], Value::Array(Vec::new()));
    }
}
