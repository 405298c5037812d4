//! Is a loss that one file tells kept beside files that cannot count theirs? In a scan, and in a window of
//! recorded files.

use crate::recordings::{Order, block, enhanced, interface, option, pcap, section};
use allclear::edge::capture::recordings::Recordings;
use allclear::edge::capture::stop::Stop;
use allclear::pure::interval::Interval;
use allclear::pure::lost::Lost;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::fs;
use std::ops::ControlFlow;
use std::process::Command;
use tempfile::TempDir;

const ORDER: Order = Order::Little;

/// A frame of 10.0.0.1 that matches nothing.
fn frame() -> Vec<u8> {
    let builder = etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ipv4([10, 0, 0, 1], [9, 9, 9, 9], 64)
        .tcp(1025, 80, 1, 64);
    let mut frame = Vec::new();
    builder.write(&mut frame, b"hello").expect("written to memory");
    frame
}

/// A thousand packets from this second on, and what the file says that it lost of them.
fn pcapng(second: u64, lost: Option<u64>) -> Vec<u8> {
    let frame = frame();
    let head = [section(ORDER, u64::MAX), interface(ORDER, 1, 0, &[])].concat();
    let packets = (0..1000).map(|number| enhanced(ORDER, 0, second * 1_000_000 + number * 1000, &frame));
    let lost =
        lost.map(|lost| block(ORDER, 5, &[&[0; 12][..], &option(ORDER, 5, &ORDER.u64(lost))].concat()));
    [head, packets.collect::<Vec<_>>().concat(), lost.unwrap_or_default()].concat()
}

fn plain(second: i32) -> Vec<u8> {
    pcap(&vec![(second, &frame()[..]); 1000])
}

/// The files of each row, what is known of their losses, and whether a scan finds them lossy.
fn rows() -> Vec<(&'static str, Vec<Vec<u8>>, Lost, bool)> {
    let (told, part) = (|lost| Lost::told(Some(lost)), |lost| Lost::of(Some(lost), true));
    vec![
        ("alone", vec![pcapng(1000, Some(600))], told(600), true),
        ("beside a pcap", vec![plain(1001), pcapng(1000, Some(600))], part(600), true),
        ("before one that tells nothing", vec![pcapng(1000, Some(600)), pcapng(1001, None)], part(600), true),
        ("a little, and a part unknown", vec![plain(1001), pcapng(1000, Some(2))], part(2), false),
        ("none told", vec![plain(1001), pcapng(1000, Some(0))], Lost::UNKNOWN, false),
        ("both told", vec![pcapng(1001, Some(3)), pcapng(1000, Some(0))], told(3), true),
    ]
}

fn written(files: &[Vec<u8>]) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (number, bytes) in files.iter().enumerate() {
        fs::write(directory.path().join(format!("{number}.pcap")), bytes).expect("writable");
    }
    directory
}

#[test]
fn a_scan_of_several_files_is_lossy_when_one_of_them_lost_much() {
    for (name, files, lost, is_lossy) in rows() {
        let directory = written(&files);
        let mut scan = Command::new(env!("CARGO_BIN_EXE_allclear"));
        scan.args(["scan", "--json", "--address", "192.0.2.1"]).arg(directory.path());
        let output = scan.output().expect("it runs");
        let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let coverage = &result["coverage"];
        assert_eq!(coverage["lost_packets"], lost.packets().map_or(Value::Null, Value::from), "{name}");
        assert_eq!(coverage["is_lost_in_part"] == true, lost.is_in_part(), "{name}");
        let is_told =
            result["reasons"].as_array().is_some_and(|all| all.iter().any(|it| it["code"] == "lossy"));
        assert_eq!((is_told, output.status.code()), (is_lossy, Some(if is_lossy { 3 } else { 0 })), "{name}");
    }
}

#[test]
fn a_window_of_several_files_keeps_what_one_of_them_lost() {
    let at = |second| Timestamp::from_second(second).expect("in range");
    let window = Interval::new(at(1000), at(1002));
    for (name, files, lost, _) in rows() {
        let directory = written(&files);
        let pattern = directory.path().join("*.pcap").display().to_string();
        let recordings = Recordings::open(&pattern, &TimeZone::UTC).expect("readable");
        let listened = recordings.listen(window, &Stop::new(), &mut |_| ControlFlow::Continue(()));
        assert_eq!(listened.lost, lost, "{name}");
    }
}
