//! What does a run say of recorded files that it could not use, and of packets that have no time?

use crate::detect_desk::school;
use crate::recordings::{Order, block, enhanced, interface, section};
use crate::station::Station;
use serde_json::Value;
use std::fs;

const TABLE: &str = "Time Stamp\tProtocol\tSource\tPort\tDestination\tPort\tInfo\n\
                     10:00:01\tTCP\t10.16.24.93\t1025\t9.9.9.9\t80\tACK\n";

/// A pcapng of packets without a time, behind those of some microseconds.
fn timeless(times: &[u64]) -> Vec<u8> {
    let order = Order::Little;
    let frame = [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0][..], &[0x45; 46]].concat();
    let head = [section(order, u64::MAX), interface(order, 1, 0, &[])].concat();
    let timed: Vec<u8> = times.iter().flat_map(|time| enhanced(order, 0, *time, &frame)).collect();
    let simple = block(order, 3, &[&order.u32(frame.len() as u32)[..], &frame].concat());
    [head, timed, simple.repeat(3)].concat()
}

/// Exit code, outcome and the text of the first reason of half an hour of recorded files.
fn detect(station: &Station) -> (Option<i32>, String, String) {
    let begin = ["run", "detect", "--playbook", "quick", "--site", "springfield", "--by", "engineer"];
    let window = ["--from", "2015-05-04T10:00:00Z", "--for", "30m", "--json"];
    let output = station.run(&[&begin[..], &window].concat());
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let run = &value["run"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (output.status.code(), text(&run["outcome"]), text(&run["reasons"][0]["text"]))
}

#[test]
fn a_window_without_a_usable_file_says_which_were_refused_and_what_to_do() {
    type Row = (&'static str, Option<Vec<u8>>, &'static str);
    let rows: [Row; 3] = [
        ("no file", None, ": check that the recorder ran"),
        ("a table without a day", Some(TABLE.into()), "put the day into its name"),
        ("packets without a time", Some(timeless(&[])), "the time of 3 packets is not known"),
    ];
    for (name, file, wanted) in rows {
        let station = school();
        if let Some(bytes) = &file {
            fs::write(station.path("lan-x.pcap"), bytes).expect("writable");
        }
        let (code, outcome, text) = detect(&station);
        assert_eq!((code, outcome.as_str()), (Some(3), "missed"), "{name}: {text}");
        assert!(text.contains(wanted), "{name}: {text}");
        let is_named = text.contains("1 file could not be used: /") && text.contains("lan-x.pcap");
        assert_eq!(is_named, file.is_some(), "{name}: {text}");
    }
}

#[test]
fn packets_without_a_time_beside_a_whole_recording_are_told() {
    let station = school();
    fs::copy(station.path("silence.pcap"), station.path("lan-1.pcap")).expect("copied");
    assert_eq!(detect(&station).0, Some(0), "the recording alone");
    let at = 1_430_733_600_000_000;
    for (name, bytes) in [("alone", timeless(&[])), ("behind others", timeless(&[at, at + 1_000_000]))] {
        fs::write(station.path("lan-2.pcapng.pcap"), bytes).expect("writable");
        let (code, outcome, text) = detect(&station);
        assert_eq!((code, outcome.as_str()), (Some(3), "ran"), "{name}: {text}");
        assert!(text.contains("lan-2.pcapng.pcap: the time of 3 packets is not known"), "{name}: {text}");
    }
}

#[test]
fn a_scan_knows_no_time_of_packets_without_one() {
    let station = school();
    let at = 1_430_733_600_000_000;
    for (times, first) in [(vec![], Value::Null), (vec![at], "2015-05-04T10:00:00Z".into())] {
        fs::write(station.path("x.pcapng"), timeless(&times)).expect("writable");
        let output = station.run(&["scan", "--json", "--address", "192.0.2.1", "x.pcapng"]);
        let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let coverage = &value["coverage"];
        assert_eq!((&coverage["first"], &coverage["last"]), (&first, &first));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("x.pcapng: the time of 3 packets is not known"), "{told}");
        assert!(
            coverage["notes"][0].as_str().is_some_and(|note| note.contains("is not known")),
            "{coverage}"
        );
    }
}
