//! What becomes of evidence when its disk is full or read-only? Real disks, small ones, mounted for the
//! test.

use crate::frames::read_frames;
use crate::skip::skipped;
use crate::traffic::Stretch;
use allclear::edge::capture::account::Counted;
use allclear::edge::capture::evidence::{Evidence, Kept, Origin, Pace};
use allclear::edge::capture::published::sha256;
use allclear::pure::packet::Frame;
use allclear::pure::playbook::Keep;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const PATH: &str = "evidence/7/41-hits.pcapng";

/// A disk of its own; unmounted when dropped.
struct Disk(TempDir);

impl Disk {
    /// `None`, and why on standard error, where nothing can be mounted.
    fn new(options: &str) -> Option<Disk> {
        let place = TempDir::new().expect("a directory");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "allclear"]).arg(place.path());
        let is_mounted = mount.status().is_ok_and(|status| status.success());
        if !is_mounted {
            skipped("mounting a small disk needs root");
        }
        is_mounted.then(|| Disk(place))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

fn evidence(state: &Path, pace: Pace, keep: Keep) -> Evidence {
    let origin =
        Origin { source: "lan".to_owned(), interface: "eth1".to_owned(), snap_bytes: 0, filter: None, pace };
    Evidence::of_run(state, PATH.to_owned(), origin, keep)
}

fn frame(bytes: &[u8]) -> Frame<'_> {
    Frame { time_ns: 1, bytes, wire_length: 1500, link_type: 1 }
}

/// The packets that can be read, up to the end of a sound file.
fn packets(path: &Path) -> u64 {
    let mut packets = 0;
    let end = read_frames(path, |_| {
        packets += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(end.expect("a capture").incomplete, None);
    packets
}

#[test]
fn a_disk_that_fills_ends_the_file_where_it_is_whole() {
    const HITS: u64 = 3000;
    for pace in [Pace::Live, Pace::Recorded] {
        let Some(disk) = Disk::new("size=2m") else { return };
        let mut evidence = evidence(disk.path(), pace, Keep::Hits);
        let hit = [("sinkholes", "192.0.2.1")];
        (0..HITS).for_each(|_| evidence.keep_hit(&frame(&[7; 1500]), hit.into_iter()));
        let Kept { file, gaps } = evidence.finish(&Counted::default());
        let (file, path) = (file.expect("what fitted is kept"), disk.path().join(PATH));
        assert_eq!(packets(&path), file.packets, "{pace:?}");
        assert_eq!(sha256(File::open(&path).expect("there")).expect("readable"), file.sha256, "{pace:?}");
        assert_eq!(fs::metadata(&path).expect("there").len(), file.bytes);
        assert!(
            gaps.iter()
                .any(|gap| gap.contains("could not be written (the last 1 MiB of the disk are for the log")),
            "{gaps:?}"
        );
        let taken = file.bytes..file.bytes + 64 * 1024;
        assert!(taken.contains(&(1024 * 1024)), "all but the room of the log: {} bytes", file.bytes);
        let lacking: u64 =
            gaps.iter().filter_map(|gap| gap.split(' ').nth(3)?.replace(',', "").parse::<u64>().ok()).sum();
        assert_eq!(file.packets + lacking, HITS, "{pace:?}: {gaps:?}");
        let names = fs::read_dir(path.parent().expect("it has one")).expect("readable").count();
        assert_eq!(names, 1, "nothing hidden is left");
    }
}

#[test]
fn a_scan_saves_what_fits_and_says_what_does_not() {
    let Some(disk) = Disk::new("size=64k") else { return };
    let place = TempDir::new().expect("a directory");
    let capture = place.path().join("lan.pcap");
    Stretch::at("2015-05-04T08:00:00Z", 2000).calls([10, 16, 24, 93], 0, 1).write(&capture);
    for (row, path, is_some_saved) in [
        ("a small disk", disk.path().join("hits.pcapng"), true),
        ("no place for files", Path::new("/proc/allclear-hits.pcapng").to_owned(), false),
    ] {
        let mut scan = Command::new(env!("CARGO_BIN_EXE_allclear"));
        scan.arg("scan").arg(&capture).args(["--address", "216.66.15.109", "--json", "--save"]).arg(&path);
        let output = scan.output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr);
        let result: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a result");
        let unsaved = result["unsaved"][0].as_str().expect("it is in the result");
        assert!(unsaved.contains("that could not be written"), "{row}: {unsaved}");
        assert_eq!(output.status.code(), Some(2), "{row}: {told}");
        if is_some_saved {
            assert!(packets(&path) > 250, "{row}: {} packets of 130 bytes", packets(&path));
            assert!(told.contains("lacks"), "{row}: {told}");
        } else {
            assert!(told.starts_with("warning: nothing can be saved to /proc/"), "{row}: {told}");
        }
    }
}

#[test]
fn near_the_end_of_a_disk_only_hits_are_kept() {
    let Some(disk) = Disk::new("size=16m") else { return };
    let mut evidence = evidence(disk.path(), Pace::Live, Keep::All);
    (0..10).for_each(|_| evidence.keep_other(&frame(&[7; 60])));
    evidence.keep_hit(&frame(&[7; 60]), [("sinkholes", "192.0.2.1")].into_iter());
    let Kept { file, gaps } = evidence.finish(&Counted::default());
    assert_eq!(file.expect("the hit is kept").packets, 1);
    let wanted = format!(
        "evidence {PATH} lacks 10 packets because less than 1024 MiB of its disk is free: free some, hits are \
         kept until it is full"
    );
    assert_eq!(gaps, [wanted]);
}

#[test]
fn the_reserve_is_found_while_all_is_kept() {
    // A little more than the reserve of 1 GiB is free; memory is used for what is written only.
    let Some(disk) = Disk::new("size=1028m") else { return };
    let mut evidence = evidence(disk.path(), Pace::Recorded, Keep::All);
    (0..8000).for_each(|_| evidence.keep_other(&frame(&[7; 1500])));
    let Kept { file, gaps } = evidence.finish(&Counted::default());
    let packets = file.expect("what fitted is kept").packets;
    assert!((2000..4000).contains(&packets), "{packets} of 4 MiB");
    assert!(gaps[0].contains("because less than 1024 MiB of its disk is free"), "{gaps:?}");
}

#[test]
fn a_disk_that_cannot_be_written_is_told() {
    let Some(disk) = Disk::new("size=4m,ro") else { return };
    let mut evidence = evidence(disk.path(), Pace::Live, Keep::Hits);
    evidence.keep_hit(&frame(&[7; 60]), [("sinkholes", "192.0.2.1")].into_iter());
    let Kept { file, gaps } = evidence.finish(&Counted::default());
    assert_eq!(file, None);
    let start = format!("evidence {PATH} lacks 1 packet that could not be written (Read-only file system");
    assert!(gaps[0].starts_with(&start), "{gaps:?}");
}
