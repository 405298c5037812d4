//! Can what was recorded be checked, listed and copied? `evidence verify`, `occurrences`, `backup`.

use crate::traffic::Stretch;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const LAB: [u8; 4] = [10, 16, 24, 93];

/// A state with one ticket and one run by hand that found the lab machine.
fn located() -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path();
    assert_eq!(allclear(path, &["init", "."]).status.code(), Some(0));
    Stretch::at("2015-05-04T08:00:00Z", 600)
        .present(&[LAB])
        .calls(LAB, 10, 3600)
        .write(&path.join("lan.pcap"));
    let flags = ["--public", "192.0.2.17", "--malware", "conficker", "--seen", "2015-05-04T08:00:00Z"];
    let open = [&["ticket", "open", "--remote", "216.66.15.109"][..], &flags[..]].concat();
    assert_eq!(allclear(path, &open).status.code(), Some(0));
    let run = allclear(path, &["run", "locate", "--ticket", "1", "--captures", "lan.pcap"]);
    assert_eq!(run.status.code(), Some(2), "{}", String::from_utf8_lossy(&run.stderr));
    directory
}

fn allclear(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_allclear"));
    command.current_dir(directory).args(arguments).output().expect("the program runs")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn evidence_is_checked_against_the_log() {
    let directory = located();
    let path = directory.path();
    let sound = allclear(path, &["evidence", "verify"]);
    assert_eq!(sound.status.code(), Some(0));
    assert!(text(&sound).contains("evidence/1/1-hits.pcapng  ok"), "{}", text(&sound));

    let file = path.join("state/evidence/1/1-hits.pcapng");
    let mut bytes = fs::read(&file).expect("the evidence is there");
    bytes[40] ^= 1;
    fs::write(&file, bytes).expect("it is changed");
    let changed = allclear(path, &["evidence", "verify", "1", "--json"]);
    let value: Value = serde_json::from_slice(&changed.stdout).expect("JSON");
    assert_eq!((changed.status.code(), &value["files"][0]["is_sound"]), (Some(1), &Value::from(false)));

    fs::remove_file(&file).expect("it is removed");
    assert!(text(&allclear(path, &["evidence", "verify"])).contains("MISSING"));
}

#[test]
fn evidence_and_what_lies_beside_it_is_told_apart() {
    use std::os::unix::fs::symlink;
    const FILE: &str = "state/evidence/1/1-hits.pcapng";
    let elsewhere = |path: &Path| {
        fs::rename(path.join(FILE), path.join("elsewhere")).expect("moved");
        symlink(path.join("elsewhere"), path.join(FILE)).expect("linked");
    };
    let linked_directory = |path: &Path| {
        fs::rename(path.join("state/evidence/1"), path.join("elsewhere")).expect("moved");
        symlink(path.join("elsewhere"), path.join("state/evidence/1")).expect("linked");
    };
    let beside = |name: &'static str| {
        move |path: &Path| fs::write(path.join("state/evidence/1").join(name), "x").expect("written")
    };
    type Row<'a> = (&'a str, Box<dyn Fn(&Path) + 'a>, i32, &'a str);
    let rows: [Row<'_>; 9] = [
        ("as it was", Box::new(|_| ()), 0, "1-hits.pcapng  ok"),
        ("missing", Box::new(|path| fs::remove_file(path.join(FILE)).expect("there")), 1, "MISSING: "),
        ("changed", Box::new(|path| fs::write(path.join(FILE), "x").expect("written")), 1, "CHANGED: "),
        ("a link, though to the same bytes", Box::new(elsewhere), 1, "UNREADABLE: "),
        ("a linked directory", Box::new(linked_directory), 1, "UNREADABLE: "),
        (
            "a pipe",
            Box::new(|path| {
                fs::remove_file(path.join(FILE)).expect("there");
                assert!(
                    Command::new("mkfifo").arg(path.join(FILE)).status().is_ok_and(|made| made.success())
                );
            }),
            1,
            "UNREADABLE: it is no regular file",
        ),
        ("a stranger", Box::new(beside("1-other.pcapng")), 1, "1-other.pcapng  UNKNOWN: "),
        ("left by a killed run", Box::new(beside(".2-hits.pcapng.part")), 0, "part  unfinished: "),
        ("set aside", Box::new(beside("2-hits.untrusted.pcapng")), 0, "untrusted.pcapng  untrusted: "),
    ];
    for (name, change, code, wanted) in rows {
        let directory = located();
        let path = directory.path();
        change(path);
        let verified = allclear(path, &["evidence", "verify"]);
        assert!(text(&verified).contains(wanted), "{name}: {}", text(&verified));
        assert_eq!(verified.status.code(), Some(code), "{name}");
        let json = allclear(path, &["evidence", "verify", "1", "--json"]);
        let value: Value = serde_json::from_slice(&json.stdout).expect("JSON");
        assert_eq!((json.status.code(), &value["is_sound"]), (Some(code), &(code == 0).into()), "{name}");
    }
}

#[test]
fn what_a_killed_run_left_is_set_aside_and_kept() {
    let directory = located();
    let path = directory.path();
    fs::write(path.join("state/evidence/1/.2-hits.pcapng.part"), "half").expect("written");
    let run = allclear(path, &["run", "locate", "--ticket", "1", "--captures", "lan.pcap"]);
    assert_eq!(run.status.code(), Some(2));
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(told.contains("2-hits.untrusted.pcapng, untrusted"), "{told}");
    let kept = fs::read_to_string(path.join("state/evidence/1/2-hits.untrusted.pcapng"));
    assert_eq!(kept.expect("it is kept"), "half");
    assert_eq!(allclear(path, &["evidence", "verify"]).status.code(), Some(0));
}

#[test]
fn a_log_that_somebody_changed_is_refused_with_the_event() {
    let directory = located();
    let database = directory.path().join("state/allclear.db");
    let connection = rusqlite::Connection::open(database).expect("the database opens");
    let changed = connection.execute("UPDATE event SET body = replace(body, '192.0.2.17', '192.0.2.18')", []);
    assert!(changed.expect("rows are changed") > 0);
    drop(connection);
    let output = allclear(directory.path(), &["ticket", "list"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("event 1 ") && told.contains("restore the state from a backup"), "{told}");
}

#[test]
fn a_backup_is_a_whole_log_and_never_overwrites() {
    let directory = located();
    let path = directory.path();
    assert_eq!(allclear(path, &["backup", "copy.db"]).status.code(), Some(0));
    assert_eq!(allclear(path, &["backup", "copy.db"]).status.code(), Some(1), "the file is there already");
    let before = text(&allclear(path, &["ticket", "show", "1", "--json"]));
    for file in ["allclear.db", "allclear.db-wal", "allclear.db-shm"] {
        let _ = fs::remove_file(path.join("state").join(file));
    }
    fs::copy(path.join("copy.db"), path.join("state/allclear.db")).expect("the copy takes its place");
    let events = |text: &str| serde_json::from_str::<Value>(text).expect("JSON")["events"].clone();
    let after = text(&allclear(path, &["ticket", "show", "1", "--json"]));
    assert_eq!(events(&after), events(&before));
}

#[test]
fn runs_by_hand_are_no_occurrences() {
    let directory = located();
    let listed = allclear(directory.path(), &["occurrences", "--json"]);
    let value: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert_eq!(value["occurrences"], Value::Array(Vec::new()));
}
