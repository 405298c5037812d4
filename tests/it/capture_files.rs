//! Do files give up all their frames, packed or not, and only those of a window when asked so?

use crate::frames::read_frames;
use crate::recordings::pcap;
use allclear::edge::capture::files::{OpenError, frames_of};
use allclear::edge::capture::indexed::Indexed;
use allclear::edge::capture::inputs::{InputError, Inputs};
use allclear::edge::capture::stream::{FrameStream, ReadEnd};
use allclear::edge::capture::texts::Days;
use allclear::pure::interval::Interval;
use allclear::pure::lost::Lost;
use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A gzip of these bytes.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory takes everything")
}

fn write(dir: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).expect("a file can be written");
    path
}

/// Seconds of the frames of a file, and how it ended.
fn seconds(path: &std::path::Path) -> Result<(Vec<i64>, ReadEnd), OpenError> {
    let mut seconds = Vec::new();
    let end = read_frames(path, |frame| {
        seconds.push(frame.time_ns / 1_000_000_000);
        ControlFlow::Continue(())
    })?;
    Ok((seconds, end))
}

fn three() -> Vec<u8> {
    pcap(&[(1, b"one"), (2, b"two"), (3, b"three")])
}

#[test]
fn packed_files_are_known_by_their_content() {
    let dir = TempDir::new().expect("a directory");
    let file = three();
    let (first, second) = file.split_at(30);
    let rows = [
        ("plain", three()),
        ("gzip", gzip(&three())),
        ("gzip of two members", [gzip(first), gzip(second)].concat()),
        ("zstd", zstd(&three())),
        ("zstd of two frames", [zstd(first), zstd(second)].concat()),
        (
            "zstd behind a frame to be skipped",
            [&b"\x50\x2a\x4d\x18\x04\0\0\0note"[..], &zstd(&three())].concat(),
        ),
    ];
    for (name, bytes) in rows {
        let (frames, end) = seconds(&write(&dir, "capture.txt", &bytes)).expect(name);
        assert_eq!((frames, end.incomplete), (vec![1, 2, 3], None), "{name}");
    }
}

#[test]
fn damaged_packing_gives_what_could_be_read() {
    let dir = TempDir::new().expect("a directory");
    let whole = gzip(&three());
    for cut in 24..whole.len() {
        match seconds(&write(&dir, "cut.gz", &whole[..cut])) {
            Ok((_, end)) => assert!(end.incomplete.is_some(), "cut at byte {cut} was taken for whole"),
            Err(error) => assert!(error.to_string().contains("gzip"), "cut at byte {cut}: {error}"),
        }
    }
    let mut wrong_checksum = whole.clone();
    let checksum = wrong_checksum.len() - 8;
    wrong_checksum[checksum] ^= 1;
    let (frames, end) = seconds(&write(&dir, "wrong.gz", &wrong_checksum)).expect("it begins well");
    assert_eq!(frames, [1, 2, 3]);
    assert!(end.incomplete.expect("it is damaged").contains("gzip"));
    let whole = zstd(&three());
    match seconds(&write(&dir, "cut.zst", &whole[..whole.len() - 1])) {
        Ok((_, end)) => assert!(end.incomplete.expect("it is cut").contains("zstd")),
        Err(error) => assert!(error.to_string().contains("zstd"), "{error}"),
    }
}

#[test]
fn what_is_no_capture_is_an_error_that_says_what_to_do() {
    let dir = TempDir::new().expect("a directory");
    let rows: [(&str, &[u8], &str); 6] = [
        ("nothing", b"", "is empty"),
        ("a text", b"not a capture\n", "it looks like a text"),
        ("snoop", b"snoop\0\0\0\0\0\0\x02", "editcap -F pcap"),
        ("a packed text", &gzip(b"not a capture"), "it looks like a text"),
        ("packed twice", &gzip(&gzip(&three())), "packed twice"),
        ("three bytes", b"\xd4\xc3\xb2", "neither pcap nor pcapng"),
    ];
    for (name, bytes, part) in rows {
        let error = seconds(&write(&dir, "file", bytes)).expect_err(name).to_string();
        assert!(error.contains(part), "{name}: {error}");
    }
    let error = seconds(&dir.path().join("absent")).expect_err("it is not there").to_string();
    assert!(error.contains("absent"), "{error}");
    assert!(seconds(dir.path()).is_err(), "a directory was read as a capture");
}

#[test]
fn a_capture_without_packets_is_whole() {
    let dir = TempDir::new().expect("a directory");
    let (frames, end) = seconds(&write(&dir, "empty.pcap", &pcap(&[]))).expect("a header is enough");
    assert_eq!((frames.len(), end.incomplete), (0, None));
}

#[test]
fn frames_before_a_fault_count() {
    let dir = TempDir::new().expect("a directory");
    let file = three();
    let (frames, end) = seconds(&write(&dir, "cut.pcap", &file[..file.len() - 1])).expect("it begins well");
    assert_eq!(frames, [1, 2]);
    assert_eq!(end.incomplete.as_deref(), Some("ended in the middle of a record at byte 82"));
}

#[test]
fn files_are_sorted_by_their_first_frames() {
    let dir = TempDir::new().expect("a directory");
    let late = write(&dir, "a", &pcap(&[(9, b"x"), (1, b"x")]));
    let none = write(&dir, "b", &pcap(&[]));
    let early = write(&dir, "c", &gzip(&pcap(&[(3, b"x")])));
    let sorted = gathered(&[late.clone(), none.clone(), early.clone()]).expect("all are captures");
    assert_eq!(sorted, [early, late, none]);
}

#[test]
fn an_archive_in_a_directory_is_a_capture_only_by_its_name() {
    let dir = TempDir::new().expect("a directory");
    write(&dir, "a.pcap", &three());
    let (document, capture) =
        (write(&dir, "notes.docx", b"PK\x03\x04"), write(&dir, "b.pcap.zip", b"PK\x03\x04"));
    let inputs = Inputs::gather(&[dir.path().to_owned()], &days()).expect("a capture is there");
    assert!(
        matches!(&inputs.notes[..], [note] if note.contains("notes.docx is not read")),
        "{:?}",
        inputs.notes
    );
    assert!(matches!(&inputs.unreadable[..], [one] if one.contains("b.pcap.zip")), "{:?}", inputs.unreadable);
    for named in [document, capture] {
        assert!(Inputs::gather(&[named], &days()).is_err(), "a file that a person names must be a capture");
    }
}

fn days() -> Days {
    Days::of_scan(None, TimeZone::UTC)
}

fn index(path: &Path) -> Result<Indexed, OpenError> {
    Indexed::index(path, &days(), u64::MAX)
}

/// The files that are read, in their order.
fn gathered(names: &[PathBuf]) -> Result<Vec<PathBuf>, InputError> {
    let inputs = Inputs::gather(names, &days())?;
    Ok(inputs.inputs.into_iter().map(|input| input.path).collect())
}

/// Gives one byte at a time and is interrupted before each.
struct Dribble<'a>(&'a [u8], bool);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { self.0.read(&mut buffer[..1]) }
    }
}

#[test]
fn a_slow_pipe_gives_the_same_frames() {
    let file = three();
    let mut frames = Vec::new();
    let end = FrameStream::new(Dribble(&file, false)).for_each(|frame| {
        frames.push(frame.bytes.to_vec());
        ControlFlow::Continue(())
    });
    assert_eq!(frames, [&b"one"[..], b"two", b"three"]);
    assert_eq!(end, ReadEnd { incomplete: None, lost: Lost::UNKNOWN, timeless_packets: 0 });
}

#[test]
fn a_stream_goes_on_after_a_break() {
    let mut stream = frames_of("pipe", io::Cursor::new(gzip(&three()))).expect("a capture");
    for expected in [b"one".to_vec(), b"two".to_vec()] {
        let mut seen = Vec::new();
        let end = stream.for_each(|frame| {
            seen = frame.bytes.to_vec();
            ControlFlow::Break(())
        });
        assert_eq!((seen, end.incomplete), (expected, None));
    }
}

#[test]
fn frames_larger_than_the_buffer_are_read() {
    let large = vec![7; 262_144];
    let file = pcap(&[(1, &large), (2, b"x"), (3, &large)]);
    let mut lengths = Vec::new();
    let end = FrameStream::new(&file[..]).for_each(|frame| {
        lengths.push(frame.bytes.len());
        ControlFlow::Continue(())
    });
    assert_eq!((lengths, end.incomplete), (vec![262_144, 1, 262_144], None));
}

fn window(from: i64, to: i64) -> Interval {
    let at = |second| Timestamp::from_second(second).expect("a time");
    Interval::new(at(from), at(to))
}

/// Seconds of the frames in a window.
fn seconds_in(recorded: &Indexed, window: Interval) -> Vec<i64> {
    let mut seconds = Vec::new();
    let take = |frame: allclear::pure::packet::Frame<'_>| {
        seconds.push(frame.time_ns / 1_000_000_000);
        ControlFlow::Continue(())
    };
    recorded.frames_in(window, take).expect("the file is still there");
    seconds
}

#[test]
fn a_window_gives_exactly_the_frames_whose_time_lies_in_it() {
    let dir = TempDir::new().expect("a directory");
    // Out of order: every hundredth frame is an hour early.
    let times: Vec<i32> = (0..5000).map(|i| if i % 100 == 99 { i + 6400 } else { i + 10_000 }).collect();
    let frames: Vec<(i32, &[u8])> = times.iter().map(|time| (*time, &b"frame"[..])).collect();
    let file = pcap(&frames);
    for (name, bytes) in [("plain", file.clone()), ("gzip", gzip(&file)), ("zstd", zstd(&file))] {
        let recorded = index(&write(&dir, name, &bytes)).expect(name);
        let span = recorded.span.expect("it holds frames");
        assert_eq!(span.from, Timestamp::from_second(6499).expect("a time"), "{name}");
        assert_eq!(span.to.as_nanosecond(), 14_998_000_000_001, "{name}");
        assert_eq!((recorded.frames, &recorded.incomplete), (5000, &None), "{name}");
        for (from, to) in
            [(0, 20_000), (6499, 6500), (6500, 6501), (10_000, 12_048), (14_998, 15_000), (15_000, 9)]
        {
            let expected: Vec<i64> =
                times.iter().map(|t| i64::from(*t)).filter(|t| from <= *t && *t < to).collect();
            assert_eq!(seconds_in(&recorded, window(from, to)), expected, "{name}, {from} to {to}");
        }
        let just = Interval::new(span.from, Timestamp::from_nanosecond(6_499_000_000_001).expect("a time"));
        assert_eq!(seconds_in(&recorded, just), [6499], "{name}, one nanosecond");
    }
}

#[test]
fn a_damaged_file_is_indexed_up_to_the_fault() {
    let dir = TempDir::new().expect("a directory");
    let file = three();
    let recorded = index(&write(&dir, "cut", &file[..file.len() - 1])).expect("it begins well");
    assert_eq!(seconds_in(&recorded, window(0, 9)), [1, 2]);
    assert!(recorded.incomplete.expect("it is cut").contains("byte 82"));
    let none = index(&write(&dir, "none", &pcap(&[]))).expect("a header is enough");
    assert_eq!((none.span, none.frames), (None, 0));
}

#[test]
fn a_file_that_changed_since_is_told() {
    let dir = TempDir::new().expect("a directory");
    let path = write(&dir, "file", &three());
    let recorded = index(&path).expect("a capture");
    write(&dir, "file", &three()[..50]);
    let error = recorded.frames_in(window(0, 9), |_| ControlFlow::Continue(())).expect_err("frames are gone");
    assert!(error.to_string().contains("has changed"), "{error}");
}

#[test]
fn standard_input_cannot_be_indexed() {
    assert!(matches!(index(&PathBuf::from("-")), Err(OpenError::OnceOnly)));
}

#[test]
fn the_index_of_a_long_file_stays_small_and_exact() {
    let dir = TempDir::new().expect("a directory");
    // More stretches than an index has at first, twice over.
    let count = 2 * 1024 * 1024 + 5000;
    let frames: Vec<(i32, &[u8])> = (0..count).map(|time| (time, &b"x"[..])).collect();
    let recorded = index(&write(&dir, "long", &pcap(&frames))).expect("a capture");
    assert_eq!(recorded.frames, count as u64);
    for (from, to) in [(0, 3), (1_048_570, 1_048_580), (i64::from(count) - 2, i64::from(count) + 9)] {
        let wanted: Vec<i64> = (from..to.min(i64::from(count))).collect();
        assert_eq!(seconds_in(&recorded, window(from, to)), wanted);
    }
}

#[test]
fn packed_files_are_kept_in_memory_only_where_there_is_room() {
    let dir = TempDir::new().expect("a directory");
    let path = write(&dir, "packed", &gzip(&three()));
    let bytes = three().len() as u64;
    for (room, kept) in [(bytes, bytes), (bytes - 1, 0), (0, 0)] {
        let recorded = Indexed::index(&path, &days(), room).expect("a capture");
        assert_eq!(recorded.kept_bytes(), kept, "room for {room}");
        assert_eq!(seconds_in(&recorded, window(2, 9)), [2, 3], "room for {room}");
    }
}
