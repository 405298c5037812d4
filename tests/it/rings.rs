//! What is read of a ring of recorded files while others write it? Only what a window needs, and never more
//! is taken as covered than was read.

use crate::capture_files::gzip;
use crate::recordings::pcap;
use allclear::edge::capture::inputs::Inputs;
use allclear::edge::capture::recordings::Recordings;
use allclear::edge::capture::stop::Stop;
use allclear::edge::capture::texts::Days;
use allclear::pure::interval::Interval;
use allclear::pure::verdict::{Ending, Listened};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};
use tempfile::TempDir;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

/// Writes a file and sets when it was changed.
fn write(directory: &TempDir, name: &str, bytes: &[u8], changed: u64) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, bytes).expect("writable");
    let file = File::options().write(true).open(&path).expect("it is there");
    file.set_modified(UNIX_EPOCH + Duration::from_secs(changed)).expect("times can be set");
    path
}

/// A capture with a small packet at each of these seconds.
fn packets(seconds: &[i32]) -> Vec<u8> {
    pcap(&seconds.iter().map(|second| (*second, &b"packet"[..])).collect::<Vec<_>>())
}

fn open(directory: &Path, (from, to): (i64, i64), now: i64) -> Recordings {
    let pattern = directory.join("*").display().to_string();
    Recordings::open_for(&pattern, &TimeZone::UTC, Interval::new(at(from), at(to)), at(now)).expect("listed")
}

/// What was listened to, and the seconds of the packets.
fn heard(recordings: &Recordings, (from, to): (i64, i64)) -> (Listened, Vec<i64>) {
    let mut seconds = Vec::new();
    let listened = recordings.listen(Interval::new(at(from), at(to)), &Stop::new(), &mut |frame| {
        seconds.push(frame.time_ns / 1_000_000_000);
        ControlFlow::Continue(())
    });
    (listened, seconds)
}

/// The watched seconds, rounded.
fn watched(listened: &Listened) -> Vec<(i64, i64)> {
    let second = |time: Timestamp| (time.as_millisecond() as f64 / 1000.0).round() as i64;
    listened.watched.as_slice().iter().map(|i| (second(i.from), second(i.to))).collect()
}

/// How many bytes this thread has read.
fn bytes_read() -> u64 {
    let io = fs::read_to_string("/proc/thread-self/io").expect("the kernel counts");
    let bytes = io.lines().find_map(|line| line.strip_prefix("rchar: "));
    bytes.and_then(|bytes| bytes.parse().ok()).expect("a number")
}

#[test]
fn of_a_thousand_files_only_those_of_the_window_are_read() {
    const FILE_BYTES: usize = 64 * 1024;
    let directory = tempfile::tempdir().expect("a directory");
    for number in 0..1000 {
        // A minute each; behind the first packet of those outside the window lies damage.
        let from = 1_000_000 + 60 * number;
        let is_near = (480..=510).contains(&number);
        let body = match is_near {
            true => packets(&(0..60).map(|second| from + second).collect::<Vec<_>>()),
            false => [packets(&[from]), vec![0xff; FILE_BYTES]].concat(),
        };
        let bytes = if number % 7 == 3 { gzip(&body) } else { body };
        write(&directory, &format!("{number:04}"), &bytes, from as u64 + 60);
    }
    let window = (1_000_000 + 60 * 500, 1_000_000 + 60 * 510);
    let before = bytes_read();
    let recordings = open(directory.path(), window, 2_000_000);
    let (listened, seconds) = heard(&recordings, window);
    let read = bytes_read() - before;
    assert_eq!(recordings.troubles(), [""; 0]);
    assert_eq!(seconds, (window.0..window.1).collect::<Vec<_>>());
    assert_eq!((watched(&listened), listened.ending), (vec![window], Ending::TimeUp));
    assert_eq!(listened.incomplete_files, [""; 0], "damage elsewhere");
    assert!(read < 1000 * 5000, "{read} bytes of {} were read", 1000 * FILE_BYTES);
}

#[test]
fn when_a_file_was_changed_never_hides_its_packets() {
    let rows = [
        ("as it was recorded", 2_000),
        ("copied later", 900_000),
        ("set back before its packets", 500),
        ("set back to the start of all time", 0),
        ("set back to its first packet", 1_000),
    ];
    for (name, changed) in rows {
        let directory = tempfile::tempdir().expect("a directory");
        write(&directory, "a", &packets(&[1_000, 1_250, 1_500, 1_750, 2_000]), changed);
        for (window, wanted) in [((1_400, 1_600), vec![1_500]), ((900, 1_200), vec![1_000])] {
            let (listened, seconds) = heard(&open(directory.path(), window, 1_000_000), window);
            assert_eq!(seconds, wanted, "{name}");
            assert_eq!(watched(&listened), [(window.0.max(1_000), window.1)], "{name}");
        }
    }
}

#[test]
fn a_file_left_out_covers_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    // Recorded with a clock that is an hour off: its end looks closed long before the window.
    write(&directory, "a", &packets(&(5..46).map(|number| number * 200).collect::<Vec<_>>()), 5_000);
    for (window, wanted) in [((5_600, 6_000), vec![(5_600, 6_000)]), ((5_601, 6_000), vec![])] {
        let (listened, _) = heard(&open(directory.path(), window, 1_000_000), window);
        assert_eq!(watched(&listened), wanted);
    }
}

#[test]
fn the_end_of_a_file_that_is_being_written_is_no_damage() {
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() - 3].to_vec();
    let (old, new) = (packets(&[100, 200]), packets(&[205, 300, 310]));
    let mut damaged = new.clone();
    damaged.extend([0xff; 40]);
    let none: &[u8] = &[];
    // The older and the newer file, seconds since the newer was changed, how many are incomplete, troubles.
    type Row<'a> = (&'a str, &'a [u8], &'a [u8], i64, usize, usize);
    let rows: [Row<'_>; 10] = [
        ("whole", &old, &new, 0, 0, 0),
        ("a cut packet, young", &old, &cut(new.clone()), 60, 0, 0),
        ("a cut packet, old", &old, &cut(new.clone()), 61, 1, 0),
        ("packed and cut, young", &old, &gzip(&cut(new.clone())), 60, 0, 0),
        ("damage, young", &old, &damaged, 0, 1, 0),
        ("a cut packet in the older one", &cut(packets(&[100, 200, 204])), &new, 0, 1, 0),
        ("empty and young", &old, none, 60, 0, 0),
        ("empty and old", &old, none, 61, 0, 1),
        ("a cut first packet, young", &old, &new[..30], 60, 0, 0),
        ("a cut first packet, old", &old, &new[..30], 61, 1, 0),
    ];
    for (name, older, newer, age, incomplete, troubles) in rows {
        let directory = tempfile::tempdir().expect("a directory");
        write(&directory, "a", older, 320);
        write(&directory, "b", newer, 320);
        let recordings = open(directory.path(), (100, 320), 320 + age);
        let (listened, seconds) = heard(&recordings, (100, 320));
        assert_eq!(listened.incomplete_files.len(), incomplete, "{name}: {:?}", listened.incomplete_files);
        assert_eq!(recordings.troubles().len(), troubles, "{name}: {:?}", recordings.troubles());
        let last = seconds.iter().copied().max();
        assert_eq!(
            watched(&listened).last().map(|(_, to)| *to),
            last,
            "{name}: beyond its last whole packet"
        );
    }
}

#[test]
fn a_packed_file_is_missing_only_where_its_name_and_time_say_so() {
    let (zip, xz, snoop) = (&b"PK\x03\x04rest"[..], &b"\xfd7zXZ\0rest"[..], &b"snoop\0\0\0\0\0\0\x02"[..]);
    // The file beside the ring, when it was changed, how many are incomplete, troubles. The window begins at 10,000.
    type Row<'a> = (&'a str, &'a str, &'a [u8], u64, usize, usize);
    let rows: [Row<'_>; 12] = [
        ("a document", "notes.docx", zip, 10_100, 0, 1),
        ("a log", "messages.xz", xz, 10_100, 0, 1),
        ("an archive of anything", "night.zip", zip, 10_100, 0, 1),
        ("a capture", "lan.pcap.xz", xz, 10_100, 1, 0),
        ("a capture in an archive", "lan.pcap.zip", zip, 10_100, 1, 0),
        ("a capture of months ago", "lan-2015-03.pcap.xz", xz, 100, 0, 1),
        ("of just before, clocks aside", "lan.pcap.xz", xz, 9_399, 0, 1),
        ("of nearly the window", "lan.pcap.xz", xz, 9_400, 1, 0),
        ("a capture that is being packed", "lan.pcap.xz", xz, 10_320, 0, 1),
        ("a capture of another kind, by its content", "night", snoop, 10_100, 1, 0),
        ("the same, however young", "night", snoop, 10_320, 1, 0),
        ("the same, of before", "night", snoop, 100, 0, 1),
    ];
    for (row, name, bytes, changed, incomplete, troubles) in rows {
        let directory = tempfile::tempdir().expect("a directory");
        write(&directory, "a.pcap", &packets(&[10_000, 10_300]), 10_320);
        write(&directory, name, bytes, changed);
        let recordings = open(directory.path(), (10_000, 10_320), 10_320);
        let (listened, _) = heard(&recordings, (10_000, 10_320));
        assert_eq!(listened.incomplete_files.len(), incomplete, "{row}: {:?}", listened.incomplete_files);
        assert_eq!(recordings.troubles().len(), troubles, "{row}: {:?}", recordings.troubles());
    }
}

#[test]
fn a_file_that_may_have_held_packets_of_the_window_is_missing_whatever_others_cover() {
    let whole = packets(&[9_000, 9_010, 9_020]);
    let cut = |bytes: usize| whole[..bytes].to_vec();
    let rubbish = [packets(&[9_000, 9_010]), vec![0xff; 40]].concat();
    let (header, none) = (packets(&[]), Vec::new());
    // The file beside the one that covers the window from 10,000 to 10,320, when it was changed, how many are
    // incomplete, troubles.
    type Row<'a> = (&'a str, &'a str, &'a Vec<u8>, u64, usize, usize);
    let rows: [Row<'_>; 15] = [
        ("cut within its first packet", "b.pcap", &cut(30), 10_100, 1, 0),
        ("whatever its name", "night", &cut(30), 10_100, 1, 0),
        ("cut within its header", "b.pcap", &cut(20), 10_100, 1, 0),
        ("empty", "b.pcap", &none, 10_100, 1, 0),
        ("empty, and no capture by its name", "b.lock", &none, 10_100, 0, 1),
        ("empty, and being written", "b.pcap", &none, 10_320, 0, 0),
        ("a capture without packets", "b.pcap", &header, 10_100, 0, 0),
        ("packed, and cut at its beginning", "b.pcap.gz", &gzip(&whole)[..20].to_vec(), 10_100, 1, 0),
        ("damaged before the window", "b.pcap", &rubbish, 10_100, 1, 0),
        ("cut before the window", "b.pcap", &cut(80), 10_100, 1, 0),
        ("whole", "b.pcap", &whole, 10_100, 0, 0),
        ("cut, of nearly the window", "b.pcap", &cut(30), 9_400, 1, 0),
        ("cut, of before", "b.pcap", &cut(30), 9_399, 0, 1),
        ("empty, of before", "b.pcap", &none, 9_399, 0, 1),
        ("damaged, of before", "b.pcap", &rubbish, 9_399, 0, 0),
    ];
    for (row, name, bytes, changed, incomplete, troubles) in rows {
        let directory = tempfile::tempdir().expect("a directory");
        write(&directory, "a.pcap", &packets(&[10_000, 10_300]), 10_320);
        write(&directory, name, bytes, changed);
        let recordings = open(directory.path(), (10_000, 10_300), 10_320);
        let (listened, _) = heard(&recordings, (10_000, 10_300));
        assert_eq!(watched(&listened), [(10_000, 10_300)], "{row}");
        assert_eq!(listened.incomplete_files.len(), incomplete, "{row}: {:?}", listened.incomplete_files);
        assert_eq!(recordings.troubles().len(), troubles, "{row}: {:?}", recordings.troubles());
    }
}

/// tcpdump's `-G` and `-w lan-%F` give files no ending.
#[test]
fn of_a_series_of_captures_each_one_was_to_hold_packets() {
    let zeros = vec![0; 4_096];
    let rows: [(&str, &str, &[u8], u64, usize); 6] = [
        ("empty", "lan-2015-04-30", b"", 10_100, 1),
        ("what a crash left", "lan-2015-04-30", &zeros, 10_100, 1),
        ("an archive", "lan-2015-04-30", b"BZh91AY&SY", 10_100, 1),
        ("empty, and being written", "lan-2015-04-30", b"", 10_320, 0),
        ("of no series", "lan-2015-04", &zeros, 10_100, 0),
        ("with another ending", "lan-2015-04-30.lock", b"", 10_100, 0),
    ];
    for (row, name, bytes, changed, incomplete) in rows {
        let directory = tempfile::tempdir().expect("a directory");
        write(&directory, "lan-2015-04-28", &packets(&[9_990, 10_150]), 10_150);
        write(&directory, "lan-2015-04-29", &packets(&[10_150, 10_310]), 10_320);
        write(&directory, name, bytes, changed);
        let recordings = open(directory.path(), (10_000, 10_300), 10_320);
        let (listened, _) = heard(&recordings, (10_000, 10_300));
        assert_eq!(watched(&listened), [(10_000, 10_300)], "{row}");
        assert_eq!(listened.incomplete_files.len(), incomplete, "{row}: {:?}", recordings.troubles());
        let scanned = Inputs::gather(&[directory.path().to_owned()], &Days::of_scan(None, TimeZone::UTC))
            .expect("captures");
        let is_missing = usize::from(name == "lan-2015-04-30");
        assert_eq!(scanned.unreadable.len(), is_missing, "{row}: {:?}", scanned.notes);
    }
}

#[test]
fn of_many_nights_only_that_of_a_damaged_file_is_spoilt() {
    let night = |from: i32| packets(&[from, from + 100, from + 200]);
    let rows = [("cut", 80), ("cut at its first packet", 30), ("empty", 0)];
    for (row, bytes) in rows {
        let directory = tempfile::tempdir().expect("a directory");
        for (number, from) in [(1, 1_000), (2, 11_000), (3, 21_000)] {
            let whole = night(from);
            let bytes = if number == 2 { &whole[..bytes] } else { &whole[..] };
            // Copied since, all of them.
            write(&directory, &format!("lan-2015-04-{number:02}.pcap"), bytes, 90_000);
        }
        // Another recorder covers all of them.
        write(&directory, "wan.pcap", &packets(&(0..22).map(|it| it * 1_000).collect::<Vec<_>>()), 90_000);
        let pattern = directory.path().join("*").display().to_string();
        let recordings = Recordings::open(&pattern, &TimeZone::UTC).expect("listed");
        for (window, incomplete) in [((900, 1_200), 0), ((11_000, 11_200), 1), ((21_000, 21_201), 0)] {
            let files = heard(&recordings, window).0.incomplete_files;
            assert_eq!(files.len(), incomplete, "{row}, {window:?}: {files:?}");
        }
    }
}

#[test]
fn a_lone_empty_file_is_told_however_young() {
    let directory = tempfile::tempdir().expect("a directory");
    write(&directory, "a", &[], 100);
    assert_eq!(open(directory.path(), (0, 100), 100).troubles().len(), 1);
}

#[test]
fn what_is_no_file_blocks_nothing_and_a_file_of_two_names_is_read_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = write(&directory, "a", &packets(&[100, 150, 200]), 200);
    std::os::unix::fs::symlink(&path, directory.path().join("b")).expect("a link");
    fs::hard_link(&path, directory.path().join("c")).expect("a link");
    let made = Command::new("mkfifo").arg(directory.path().join("d")).status().expect("it starts");
    assert!(made.success());
    std::os::unix::fs::symlink("/dev/zero", directory.path().join("e")).expect("a link");
    let recordings = open(directory.path(), (100, 200), 1_000);
    assert_eq!(heard(&recordings, (100, 200)).1, [100, 150]);
    let troubles = recordings.troubles();
    assert!(troubles.len() == 2 && troubles.iter().all(|told| told.contains("no regular file")));
    fs::create_dir(directory.path().join("f.pcap")).expect("a directory");
    fs::create_dir(directory.path().join("old")).expect("a directory");
    let told = open(directory.path(), (100, 200), 1_000).troubles().join("; ");
    assert!(told.contains("f.pcap is not looked into") && !told.contains("old"), "{told}");
    let pattern = directory.path().join("d").display().to_string();
    let whole = Recordings::open(&pattern, &TimeZone::UTC).expect("listed");
    assert_eq!((whole.span(), whole.troubles().len()), (None, 1), "a pipe by its own name");
}

#[test]
fn a_file_that_was_replaced_before_it_was_read_covers_nothing() {
    let new = |seconds: &[i32]| packets(seconds);
    let rows = [
        ("as it was", new(&[200, 250, 300]), vec![(100, 300)]),
        ("longer by now", new(&[200, 250, 300, 310]), vec![(100, 300)]),
        ("shorter by now", new(&[200, 250]), vec![(100, 200)]),
        ("written over in place", new(&[900, 950, 990, 999]), vec![(100, 200)]),
        ("another that is no capture", b"hello".to_vec(), vec![(100, 200)]),
    ];
    for (name, bytes, wanted) in rows {
        let directory = tempfile::tempdir().expect("a directory");
        // Another recorder ran beside it, whose packets must not stand for those that are gone.
        write(&directory, "a", &packets(&[100, 300]), 300);
        let path = write(&directory, "b", &packets(&[200, 250, 300]), 300);
        let recordings = open(directory.path(), (100, 301), 1_000);
        fs::write(path, bytes).expect("writable");
        let (listened, _) = heard(&recordings, (100, 301));
        assert_eq!(watched(&listened), wanted, "{name}");
        assert_eq!(listened.ending == Ending::TimeUp, wanted[0].1 == 300, "{name}: {:?}", listened.ending);
    }
}

#[test]
fn a_file_that_is_packed_meanwhile_is_read_once() {
    let whole = packets(&[100, 150, 200]);
    let packed = gzip(&whole);
    // Before it is opened and before it is read: is the original there, how much of the packed one is.
    let all = packed.len();
    let rows = [
        ("not packed yet", (true, 0), (true, 0)),
        ("being packed", (true, all / 2), (true, all - 1)),
        ("packed before it was read", (true, all / 2), (false, all)),
        ("packing began and ended before it was read", (true, 0), (false, all)),
        ("packed", (false, all), (false, all)),
    ];
    for (name, before, after) in rows {
        let directory = tempfile::tempdir().expect("a directory");
        let set = |(is_there, bytes): (bool, usize)| {
            let _ = fs::remove_file(directory.path().join("a.pcap"));
            if is_there {
                write(&directory, "a.pcap", &whole, 200);
            }
            if bytes > 0 {
                write(&directory, "a.pcap.gz", &packed[..bytes], 320);
            }
        };
        set(before);
        write(&directory, "b.pcap", &packets(&[205, 300]), 320);
        let recordings = open(directory.path(), (100, 301), 320);
        set(after);
        let (listened, seconds) = heard(&recordings, (100, 301));
        assert_eq!(seconds, [100, 150, 200, 205, 300], "{name}");
        assert_eq!((watched(&listened), listened.incomplete_files), (vec![(100, 300)], vec![]), "{name}");
    }
}
