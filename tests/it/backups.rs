//! Is a copy of the state what a person needs when the state is gone? Made by the real program while
//! `serve` works, put in the place of the state, and worked on.

use crate::disks::Mounted;
use crate::station::{Station, read_log};
use crate::stops::{STEADY, is_watching, station};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const TICKETS: usize = 6;

fn at_work() -> (Station, crate::station::Serving) {
    let station = station(STEADY, "directory: outbox", "1s");
    let serving = station.serve();
    (1..=TICKETS).for_each(|number| assert!(station.open_ticket(number)));
    station.wait_for("runs have ended", || {
        station.log().iter().filter(|row| row.kind == "run_ended").count() > TICKETS
    });
    (station, serving)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

/// Works on a copy in place of the state that is gone: it is sound, and `serve` goes on with it.
fn check_restored(station: &Station, events: u64) {
    let verified: Value =
        serde_json::from_str(&station.ask(&["evidence", "verify", "--json"])).expect("JSON");
    assert_eq!((&verified["is_sound"], &verified["events"]), (&true.into(), &events.into()));
    let known = station.log().len();
    let mut serving = station.serve();
    station.wait_for("it goes on", || station.log().len() > known + TICKETS);
    assert_eq!(serving.stop().0.code(), Some(0));
    assert!(!is_watching(&station.log()));
}

#[test]
fn a_copy_made_under_load_is_whole_private_and_can_take_the_place_of_the_state() {
    let (station, mut serving) = at_work();
    let mut known = Vec::new();
    for number in 0..5 {
        let name = format!("copy-{number}.db");
        let told: Value = serde_json::from_str(&station.ask(&["backup", &name, "--json"])).expect("JSON");
        let log = read_log(&station.path(&name));
        assert_eq!(told["events"], log.len());
        assert!(log.starts_with(&known) && log.len() >= known.len(), "each holds the one before");
        assert_eq!(mode(&station.path(&name)), 0o600);
        known = log;
    }
    let again = station.run(&["backup", "copy-0.db"]);
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(again.status.code() == Some(1) && told.contains("nothing is overwritten"), "{told}");

    let whole: Value =
        serde_json::from_str(&station.ask(&["backup", "whole", "--evidence", "--json"])).expect("JSON");
    assert_eq!((mode(&station.path("whole")), mode(&station.path("whole/allclear.db"))), (0o700, 0o600));
    assert!(whole["files"].as_u64() > Some(TICKETS as u64), "{whole}");
    assert_eq!(whole["missing"], Value::Array(Vec::new()));
    assert_eq!(serving.stop().0.code(), Some(0));

    fs::remove_dir_all(station.path("state")).expect("the state is gone");
    fs::rename(station.path("whole"), station.path("state")).expect("the copy takes its place");
    check_restored(&station, whole["events"].as_u64().expect("a number"));
    let left = fs::read_dir(station.path("")).expect("readable").filter_map(|entry| entry.ok());
    let hidden: Vec<_> =
        left.map(|entry| entry.file_name()).filter(|name| name.to_string_lossy().starts_with('.')).collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}

#[test]
fn a_copy_that_does_not_fit_leaves_nothing_behind() {
    let (station, _serving) = at_work();
    for (row, size, options) in [
        ("no room for the log", "48k", &["full/copy"][..]),
        ("no room for the evidence", "400k", &["full/copy", "--evidence"]),
    ] {
        let size = format!("size={size}");
        let Some(_disk) = Mounted::new(&["-t", "tmpfs", "-o", &size, "allclear"], &station.path("full"))
        else {
            return;
        };
        if options.len() > 1 {
            // More than fits.
            let evidence = station.path("state/evidence/1");
            let file = fs::read_dir(evidence).expect("there is some").find_map(|entry| {
                let path = entry.expect("an entry").path();
                path.to_string_lossy().ends_with("-hits.pcapng").then_some(path)
            });
            let file = fs::OpenOptions::new().write(true).open(file.expect("a file")).expect("writable");
            file.set_len(1 << 20).expect("room");
        }
        let refused = station.run(&[&["backup"][..], options].concat());
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        println!("{row}: {told}");
        assert_eq!(refused.status.code(), Some(1), "{row}: {told}");
        assert!(told.contains("full") || told.contains("No space left"), "{row}: {told}");
        assert_eq!(fs::read_dir(station.path("full")).expect("readable").count(), 0, "{row}");
    }
}
