//! Does `allclear demo` tell its story, leave what it says it leaves, and touch nothing else?

use allclear::edge::store::{Durability, Store, StoreError};
use allclear::pure::ticket::{Event, chain};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

fn demo(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_allclear"));
    command.arg0("allclear").arg("demo").args(arguments).current_dir(home);
    command.output().expect("the program starts")
}

fn home() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Every file below `directory`, by its path in there, with its SHA-256.
fn files(directory: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(&next).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                left.push(path);
            } else {
                let sum = sha256(&fs::read(&path).expect("readable"));
                found.insert(path.strip_prefix(directory).expect("below it").to_owned(), sum);
            }
        }
    }
    found
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn subjects(mails: &Path) -> Vec<String> {
    let mut names: Vec<PathBuf> =
        fs::read_dir(mails).expect("mails").map(|entry| entry.expect("a mail").path()).collect();
    names.sort();
    let subject = |path: &PathBuf| {
        let mail = fs::read_to_string(path).expect("readable").replace("\r\n ", " ");
        let line = mail.lines().find_map(|line| line.strip_prefix("Subject: ").map(str::to_owned));
        line.expect("a subject")
    };
    names.iter().map(subject).collect()
}

#[test]
fn the_story_is_told_and_ends_clean() {
    let home = home();
    let output = demo(home.path(), &[]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    insta::assert_snapshot!("story", text(&output.stdout));
    let written: Vec<_> = fs::read_dir(home.path()).expect("home").flatten().map(|e| e.file_name()).collect();
    assert_eq!(written, ["allclear-demo"], "nothing is written beside the demo's own directory");
}

#[test]
fn mails_report_and_evidence_are_there_as_the_story_says() {
    let home = home();
    assert_eq!(demo(home.path(), &["--dir", "it"]).status.code(), Some(0));
    let directory = home.path().join("it");
    assert_eq!(
        subjects(&directory.join("mail")),
        [
            "[allclear #1] 192.0.2.17 was reported: Conficker at Springfield School District",
            "[allclear #1] 10.16.24.93 (LAB-7) still calls a Conficker sinkhole",
            "[allclear #1] Conficker is back: 10.16.24.93 (LAB-7)",
            "[allclear #1] 10.16.24.93 (LAB-7): confirmed clean of Conficker",
        ]
    );
    let report = fs::read_to_string(directory.join("report.html")).expect("a report");
    assert!(
        report.contains("10.16.24.93 (LAB-7) at Springfield School District: confirmed clean"),
        "{report}"
    );

    let store = Store::open(&directory.join("state"), Durability::Full).expect("a log");
    let mut events = Vec::new();
    let read = store.read_after(0, chain::GENESIS, |event| {
        events.push(event.clone());
        Ok::<(), StoreError>(())
    });
    read.expect("an unbroken chain");
    let recorded = events.iter().filter_map(|recorded| match &recorded.event {
        Event::RunEnded(end) => Some(end.evidence.clone()),
        _ => None,
    });
    let recorded: BTreeMap<PathBuf, String> =
        recorded.flatten().map(|file| (file.path.into(), file.sha256)).collect();
    let kept = files(&directory.join("state")).into_iter().filter(|(path, _)| path.starts_with("evidence"));
    assert_eq!(kept.collect::<BTreeMap<_, _>>(), recorded, "the evidence is what the log says");
    assert!(recorded.len() > 10, "every run with a contact keeps it: {}", recorded.len());
}

#[test]
fn the_ticket_is_an_ordinary_one() {
    let home = home();
    assert_eq!(demo(home.path(), &["--dir", "it"]).status.code(), Some(0));
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_allclear"));
        command.args(arguments).current_dir(home.path()).output().expect("the program starts")
    };
    let site_file = ["--site-file", "it/allclear.yaml"];
    let check = run(&[&site_file[..], &["check"]].concat());
    assert_eq!(check.status.code(), Some(0), "{}", text(&check.stderr));
    let show = run(&[&site_file[..], &["ticket", "show", "1", "--json"]].concat());
    let ticket: serde_json::Value = serde_json::from_slice(&show.stdout).expect("JSON");
    assert_eq!((&ticket["phase"], &ticket["relapses"]), (&"clean".into(), &1.into()));
    assert_eq!(
        (&ticket["hosts"][0]["host"], &ticket["hosts"][0]["name"]),
        (&"10.16.24.93".into(), &"LAB-7".into())
    );

    // What the story tells to try.
    let first = "it/captures/lan-2015-04-29.pcap";
    let scan = run(&["scan", first, "--address", "216.66.15.109", "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&scan.stdout).expect("JSON");
    assert_eq!(scan.status.code(), Some(2));
    assert_eq!(found["hosts"].as_array().map(Vec::len), Some(1), "no decoy is taken for a hit");
    let (coverage, host) = (&found["coverage"], &found["hosts"][0]);
    assert_eq!((&coverage["inside_hosts"], &coverage["undecoded_packets"]), (&41.into(), &0.into()));
    let neighbour = run(&["scan", first, "--address", "216.66.15.110", "--json"]);
    assert_eq!(neighbour.status.code(), Some(2), "the decoy beside the sinkhole is there to be told apart");
    assert_eq!((&host["name"], &host["mac"]), (&"LAB-7".into(), &"02:00:0a:10:18:5d".into()));
}

#[test]
fn simulate_lives_the_same_weeks_from_the_same_files() {
    let home = home();
    assert_eq!(demo(home.path(), &[]).status.code(), Some(0));
    let directory = home.path().join("allclear-demo");
    let mut command = Command::new(env!("CARGO_BIN_EXE_allclear"));
    command.args([
        "simulate",
        "--playbook",
        "conficker",
        "--report",
        "complaint.txt",
        "--script",
        "script.yaml",
    ]);
    command.args([
        "--captures",
        "captures/lan-*.pcap",
        "--start",
        "2015-04-29T14:20",
        "--for",
        "16d",
        "--json",
    ]);
    let output = command.current_dir(&directory).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let season: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mails = season["mails"].as_array().expect("a list").iter();
    let simulated: Vec<&str> = mails.filter_map(|mail| mail["subject"].as_str()).collect();
    assert_eq!(simulated, subjects(&directory.join("mail")));
    let of_verify = |occurrence: &&serde_json::Value| occurrence["stage"] == "verify";
    let occurrences = season["occurrences"].as_array().expect("a list").iter().filter(of_verify);
    let words = |occurrence: &serde_json::Value| {
        let word = &occurrence[if occurrence["verdict"].is_null() { "outcome" } else { "verdict" }];
        word.as_str().expect("a word").to_owned()
    };
    assert_eq!(
        occurrences.map(words).collect::<Vec<_>>().join(" "),
        "pass pass pass fail pass pass inconclusive pass missed pass pass"
    );
}

#[test]
fn a_second_demo_replaces_the_first_and_spares_what_it_did_not_write() {
    let home = home();
    assert_eq!(demo(home.path(), &[]).status.code(), Some(0));
    let directory = home.path().join("allclear-demo");
    let database = Path::new("state/allclear.db");
    let stable = |mut files: BTreeMap<PathBuf, String>| {
        files.remove(database);
        files
    };
    let first = files(&directory);
    assert!(first.contains_key(database));
    fs::write(directory.join("notes.txt"), "mine").expect("writable");
    fs::write(directory.join("captures/lan-2015-05-12.pcap"), "of an earlier demo").expect("writable");
    fs::write(directory.join("complaint.txt"), "changed").expect("writable");
    assert_eq!(demo(home.path(), &[]).status.code(), Some(0));
    let mut second = files(&directory);
    assert_eq!(second.remove(Path::new("notes.txt")), Some(sha256(b"mine")));
    assert_eq!(stable(second), stable(first), "the same files, byte for byte");
}

#[test]
fn a_directory_with_anything_else_in_it_is_left_alone() {
    let rows: [(&str, &str); 3] = [
        ("a person's site file", "allclear.yaml"),
        ("a hidden file", ".profile"),
        ("a folder", "state/allclear.db"),
    ];
    for (row, name) in rows {
        let home = home();
        let path = home.path().join("mine").join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("writable");
        fs::write(&path, "mine").expect("writable");
        let before = files(home.path());
        let output = demo(home.path(), &["--dir", "mine"]);
        assert_eq!(output.status.code(), Some(64), "{row}");
        assert_eq!(
            text(&output.stderr),
            "allclear: mine is not empty and not an earlier demo, so nothing was written: name another with --dir\n",
            "{row}"
        );
        assert_eq!((text(&output.stdout), files(home.path())), (String::new(), before), "{row}");
    }
    let home = home();
    fs::create_dir(home.path().join("empty")).expect("writable");
    assert_eq!(demo(home.path(), &["--dir", "empty"]).status.code(), Some(0), "an empty one will do");
}
