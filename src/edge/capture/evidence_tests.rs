//! Tests of `evidence`: what is kept, what is lacking, and what the file says of both.

use super::*;
use crate::edge::capture::account::{HITS_ROOM, Room};
use crate::pure::recording::{Next, Reader};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::PathBuf;

const PATH: &str = "evidence/7/41-hits.pcapng";

fn frame(bytes: &[u8]) -> Frame<'_> {
    Frame { time_ns: 1_430_333_534_123_456_789, bytes, wire_length: 60, link_type: 1 }
}

fn origin(pace: Pace) -> Origin {
    Origin {
        source: "lan".to_owned(),
        interface: "eth1".to_owned(),
        snap_bytes: 262_144,
        filter: Some("tcp port 80".to_owned()),
        pace,
    }
}

fn evidence(state: &Path, pace: Pace, keep: Keep) -> Evidence {
    Evidence::of_run(state, PATH.to_owned(), origin(pace), keep)
}

fn with_room(state: &Path, hits: Room, others: Room) -> Evidence {
    let pen = Pen::new(&state.join(PATH), Taken::SetAside);
    Evidence::new(PATH.to_owned(), origin(Pace::Recorded), pen, 1, (hits, others))
}

fn hit(evidence: &mut Evidence, bytes: &[u8]) {
    evidence.keep_hit(&frame(bytes), [("sinkholes", "192.0.2.1")].into_iter());
}

fn contains(bytes: &[u8], wanted: &str) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes())
}

/// What our own reader finds: frames, and packets lost.
fn read(path: &PathBuf) -> (u64, Option<u64>) {
    let bytes = fs::read(path).expect("readable");
    let (mut reader, mut at, mut frames) = (Reader::new(), 0, 0);
    loop {
        match reader.next(&bytes[at..]) {
            Next::Frame { used, .. } => {
                frames += 1;
                at += used;
            }
            Next::Skip { used } => at += used,
            Next::NeedMore(_) if at == bytes.len() => return (frames, reader.lost().packets()),
            _ => panic!("the file is damaged or cut at {at}"),
        }
    }
}

#[test]
fn nothing_kept_leaves_no_file() {
    for pace in [Pace::Live, Pace::Recorded] {
        let state = tempfile::tempdir().expect("a directory");
        let kept = evidence(state.path(), pace, Keep::All).finish(&Counted::default());
        assert_eq!(kept, Kept::default());
        assert_eq!(fs::read_dir(state.path()).expect("readable").count(), 0);
    }
}

#[test]
fn the_file_is_hashed_and_says_where_it_comes_from() {
    for pace in [Pace::Live, Pace::Recorded] {
        let state = tempfile::tempdir().expect("a directory");
        let mut evidence = evidence(state.path(), pace, Keep::Hits);
        let matches = [("sinkholes", "evil\u{1b}[31m\n"), ("feed", "192.0.2.0/24")];
        evidence.keep_hit(&frame(b"abc"), matches.into_iter());
        let counted =
            Counted { heard_packets: 10, passed_packets: Some(5), lost_packets: Some(3), watched: None };
        let Kept { file, gaps } = evidence.finish(&counted);
        let (file, path) = (file.expect("one packet"), state.path().join(PATH));
        let bytes = fs::read(&path).expect("readable");
        let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((file.sha256, file.bytes, file.packets), (hash, bytes.len() as u64, 1));
        assert_eq!((read(&path), gaps), ((1, Some(3)), Vec::new()));
        for wanted in ["sinkholes: evil\\u{1b}[31m\\n, feed: 192.0.2.0/24", "eth1", "lan", "\0tcp port 80"] {
            assert!(contains(&bytes, wanted), "{wanted:?}");
        }
        assert_eq!(contains(&bytes, "Linux "), pace == Pace::Live, "who recorded a file is not known");
    }
}

#[test]
fn the_same_packets_of_files_make_the_same_file() {
    let file = || {
        let state = tempfile::tempdir().expect("a directory");
        let mut evidence = evidence(state.path(), Pace::Recorded, Keep::All);
        for number in 0..3000_u32 {
            evidence.keep_other(&frame(&number.to_le_bytes()));
            hit(&mut evidence, &[7; 1500]);
        }
        evidence.finish(&Counted::default())
    };
    let one = file();
    assert_eq!(one, file());
    assert_eq!(one.file.expect("kept").packets, 6000);
}

#[test]
fn rooms_are_kept_and_said() {
    let room = |packets, bytes| Room { packets, bytes };
    let rows = [
        ("as many hits as may be", room(2, 100), room(0, 0), 2, 0, 0),
        ("one more", room(2, 100), room(0, 0), 3, 0, 1),
        ("as many bytes as may be", room(9, 100), room(0, 0), 2, 0, 0),
        ("a byte too much", room(9, 99), room(0, 0), 2, 0, 1),
        ("others have a room of their own", room(2, 100), room(1, 100), 2, 2, 1),
    ];
    for (name, hits, others, hit_count, other_count, lacking) in rows {
        let state = tempfile::tempdir().expect("a directory");
        let mut evidence = with_room(state.path(), hits, others);
        (0..hit_count).for_each(|_| hit(&mut evidence, &[1; 50]));
        (0..other_count).for_each(|_| evidence.keep_other(&frame(&[2; 50])));
        let Kept { file, gaps } = evidence.finish(&Counted::default());
        let packets = file.expect("kept").packets;
        assert_eq!(packets, hit_count + other_count - lacking, "{name}");
        let path = state.path().join(PATH);
        assert_eq!(read(&path), (packets, (lacking > 0).then_some(lacking)), "{name}: lost to its reader");
        let wanted: Vec<String> = (lacking > 0)
            .then(|| format!("evidence {PATH} lacks 1 packet beyond what one run may keep: narrow `filter`"))
            .into_iter()
            .collect();
        assert_eq!(gaps, wanted, "{name}");
        let is_said = wanted.iter().all(|gap| contains(&fs::read(&path).expect("readable"), gap));
        assert!(is_said, "{name}: the file says it too");
    }
}

#[test]
fn a_run_keeps_no_more_hits_than_its_room() {
    let state = tempfile::tempdir().expect("a directory");
    let mut evidence = evidence(state.path(), Pace::Live, Keep::Hits);
    (0..HITS_ROOM.packets + 2).for_each(|_| hit(&mut evidence, b"x"));
    let lacking = evidence.lacking;
    // A packet that a slow disk could not take leaves its room to another.
    assert_eq!(lacking.past_room, 2_u64.saturating_sub(lacking.too_fast));
    let Kept { file, .. } = evidence.finish(&Counted::default());
    let lacked = lacking.too_fast + lacking.past_room;
    assert_eq!(file.expect("kept").packets + lacked, HITS_ROOM.packets + 2);
}

#[test]
fn link_layers_are_told_apart_and_are_not_endless() {
    let state = tempfile::tempdir().expect("a directory");
    let mut evidence = evidence(state.path(), Pace::Recorded, Keep::All);
    for link_type in (0..=LINK_TYPES_MAX as u16).chain(0..2) {
        evidence.keep_other(&Frame { link_type, ..frame(b"x") });
    }
    let counted = Counted { heard_packets: 67, lost_packets: Some(0), ..Counted::default() };
    let Kept { file, gaps } = evidence.finish(&counted);
    assert_eq!((file.expect("kept").packets, gaps.len()), (66, 1));
    assert_eq!(read(&state.path().join(PATH)), (66, Some(1)));
}

#[test]
fn a_disk_that_fails_is_told_and_leaves_no_file() {
    for pace in [Pace::Live, Pace::Recorded] {
        let state = tempfile::tempdir().expect("a directory");
        fs::write(state.path().join("evidence"), "a file in the way").expect("writable");
        let mut evidence = evidence(state.path(), pace, Keep::Hits);
        hit(&mut evidence, b"x");
        hit(&mut evidence, b"x");
        let Kept { file, gaps } = evidence.finish(&Counted::default());
        assert_eq!(file, None);
        let [gap] = &gaps[..] else { panic!("{gaps:?}") };
        assert!(
            gap.starts_with(&format!("evidence {PATH} lacks 2 packets that could not be written (")),
            "{gap}"
        );
    }
}

#[test]
fn a_disk_that_is_slow_makes_nobody_wait() {
    let state = tempfile::tempdir().expect("a directory");
    // With a single batch there is never another one to go on with, as when all wait for the disk.
    let pen = Pen::new(&state.path().join(PATH), Taken::SetAside);
    let mut evidence = Evidence::new(PATH.to_owned(), origin(Pace::Live), pen, 1, (HITS_ROOM, ALL_ROOM));
    (0..7).for_each(|_| evidence.keep_other(&frame(&[1; BATCH_BYTES / 5])));
    hit(&mut evidence, b"x");
    let Kept { file, gaps } = evidence.finish(&Counted { lost_packets: Some(1), ..Counted::default() });
    assert_eq!(file.expect("kept").packets, 5, "four large ones and the small one");
    assert!(gaps[0].contains(" lacks 3 packets that came faster than the disk took them: "), "{gaps:?}");
    assert_eq!(read(&state.path().join(PATH)), (5, Some(4)), "the source lost one more");
}
