//! What does `serve` do when it cannot write its log? Full, read-only and locked: the real process, on
//! real disks.

use crate::skip::skipped;
use crate::station::{Row, Station};
use crate::stops::{LAB, OUTBOX, STEADY, is_watching, station};
use crate::traffic::Stretch;
use rusqlite::Connection;
use serde_json::Value;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Something mounted; unmounted when dropped.
pub struct Mounted(PathBuf);

impl Mounted {
    /// `None`, and why on standard error, where nothing can be mounted.
    pub fn new(arguments: &[&str], place: &Path) -> Option<Mounted> {
        fs::create_dir_all(place).expect("a directory");
        let mut mount = Command::new("mount");
        let done = mount.args(arguments).arg(place).stderr(Stdio::null()).status();
        let is_mounted = done.is_ok_and(|status| status.success());
        if !is_mounted {
            skipped("mounting a disk needs root");
        }
        is_mounted.then(|| Mounted(place.to_owned()))
    }

    fn again(&self, options: &str) {
        let done = Command::new("mount").args(["-o", options]).arg(&self.0).status();
        assert!(done.is_ok_and(|status| status.success()), "mount -o {options}");
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn ends(log: &[Row]) -> Vec<&Row> {
    log.iter().filter(|row| row.kind == "run_ended").collect()
}

#[test]
fn on_a_full_disk_serve_says_so_and_records_what_came_once_there_is_room() {
    let station = station(STEADY, "directory: outbox", "1s");
    let disk = Mounted::new(&["-t", "tmpfs", "-o", "size=3m", "allclear"], &station.path("state"));
    let Some(_disk) = disk else { return };
    let mut serving = station.serve();
    (1..=3).for_each(|number| assert!(station.open_ticket(number)));
    station.wait_for("runs have ended", || ends(&station.log()).len() >= 3);
    let mut filler = File::create(station.path("state/filler")).expect("there is room");
    while filler.write_all(&[7; 1024]).is_ok() {}
    station.wait_for("it is told", || station.told().contains("database or disk is full"));
    let refused = station.run(&["ticket", "note", "1", "no room", "--by", "tech"]);
    assert_eq!(refused.status.code(), Some(1), "nobody is told that it was recorded");
    let held = ends(&station.log()).len();
    std::thread::sleep(Duration::from_secs(3));
    drop(filler);
    fs::remove_file(station.path("state/filler")).expect("room again");
    station.wait_for("it is told", || station.told().contains("the log can be written again"));
    station.wait_for("it goes on", || ends(&station.log()).len() > held + 3);
    assert_eq!(serving.stop().0.code(), Some(0), "{}", station.told());
    let told = station.told();
    assert_eq!(told.matches("database or disk is full").count(), 1, "a lasting fault is told once: {told}");
    assert!(!station.log().iter().any(|row| row.kind == "noted"));
    let log = station.log();
    let last = ends(&log).len() - log.iter().filter(|row| row.kind == "opened").count();
    for end in &ends(&log)[..last] {
        assert_eq!(end.body["outcome"], "ran", "{:#}", end.body);
    }
    station.ask(&["evidence", "verify"]);
}

#[test]
fn a_run_by_hand_tells_what_it_saw_whatever_becomes_of_the_disk() {
    let rows = [
        ("its own hits leave the log its room", "cat {here}/many.pcap; exec sleep 600", true),
        (
            "somebody else takes the last byte",
            "cat {here}/many.pcap; cat /dev/zero > {here}/state/filler; exec sleep 600",
            false,
        ),
    ];
    for (row, script, is_recorded) in rows {
        let station = station(script, "directory: outbox", "2s");
        Stretch::at("2015-05-04T08:00:00Z", 20_000).calls(LAB, 0, 1).write(&station.path("many.pcap"));
        let place = station.path("state");
        let Some(_disk) = Mounted::new(&["-t", "tmpfs", "-o", "size=2m", "allclear"], &place) else { return };
        assert!(station.open_ticket(1));
        let ran = station.run(&["run", "locate", "--ticket", "1", "--for", "3s", "--json"]);
        let told = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{row}: {told}");
        let result: Value = serde_json::from_slice(&ran.stdout).expect("a result");
        assert_eq!(result["recorded"], is_recorded, "{row}: {result:#}");
        assert_eq!(result["run"]["verdict"], "fail", "{row}: {result:#}");
        assert_eq!(ends(&station.log()).len(), usize::from(is_recorded), "{row}");
        if is_recorded {
            assert!(told.contains("the last 1 MiB of the disk are for the log"), "{row}: {told}");
            station.ask(&["evidence", "verify"]);
        } else {
            assert!(told.contains("is not on record: cannot use the database"), "{row}: {told}");
            assert_eq!(result["run"]["hosts"][0]["host"], "10.16.24.93", "{row}: {result:#}");
        }
    }
}

#[test]
fn a_log_that_is_locked_for_long_delays_its_entries_and_nothing_else() {
    let station = station(STEADY, OUTBOX, "1s");
    let mut serving = station.serve();
    (1..=4).for_each(|number| assert!(station.open_ticket(number)));
    station.wait_for("runs are under way", || is_watching(&station.log()));
    let other = Connection::open(station.path("state/allclear.db")).expect("it opens");
    other.busy_timeout(Duration::from_secs(10)).expect("a time");
    other.execute_batch("BEGIN IMMEDIATE").expect("the other process writes");
    station.wait_for("it is told", || station.told().contains("database is locked"));
    std::thread::sleep(Duration::from_secs(5));
    other.execute_batch("ROLLBACK").expect("it ends");
    station.wait_for("it is told", || station.told().contains("the log can be written again"));
    let held = ends(&station.log()).len();
    assert!(held >= 4, "what had waited is on record");
    station.wait_for("it goes on", || ends(&station.log()).len() > held + 4);
    station.wait_for("no run is under way", || !is_watching(&station.log()));
    assert_eq!(serving.stop().0.code(), Some(0), "{}", station.told());
    let log = station.log();
    assert!(ends(&log)[..held].iter().all(|end| end.body["outcome"] == "ran"));
}

#[test]
fn a_read_only_state_directory_is_told_at_the_start() {
    let station = station(STEADY, OUTBOX, "1s");
    let Some(disk) = Mounted::new(&["-t", "tmpfs", "allclear"], &station.path("state")) else { return };
    for row in ["nothing in it", "a log in it"] {
        disk.again("remount,ro");
        let refused = station.run(&["serve"]);
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        println!("{told}");
        assert_eq!(refused.status.code(), Some(1), "{row}: {told}");
        assert!(told.to_lowercase().contains("read-only") && told.contains("state"), "{row}: {told}");
        disk.again("remount,rw");
        if row == "nothing in it" {
            assert!(station.open_ticket(1));
        }
    }
}

/// What only reads, and succeeds where there is evidence; what the first say does not change with time.
const READING: [&[&str]; 5] = [
    &["evidence", "verify"],
    &["ticket", "list"],
    &["ticket", "show", "1", "--json"],
    &["occurrences", "--json"],
    &["mail", "queue"],
];
const STEADY_TEXTS: usize = 2;
const LOG: [&str; 3] = ["allclear.db", "allclear.db-wal", "allclear.db-shm"];

fn read_all(station: &Station) -> Vec<String> {
    READING.map(|command| station.ask(command))[..STEADY_TEXTS].to_vec()
}

/// A station that has worked on a disk of its own, and what its reading commands say. After a kill, its newest
/// events lie beside its log.
fn worked(is_killed: bool) -> Option<(Station, Mounted, Vec<String>)> {
    let station = station(STEADY, "directory: outbox", "1s");
    let disk = Mounted::new(&["-t", "tmpfs", "allclear"], &station.path("state"))?;
    let mut serving = station.serve();
    assert!(station.open_ticket(1));
    station.wait_for("a run has ended", || !ends(&station.log()).is_empty());
    if !is_killed {
        assert_eq!(serving.stop().0.code(), Some(0), "{}", station.told());
        assert!(!station.path("state").join(LOG[1]).exists());
        let said = read_all(&station);
        return Some((station, disk, said));
    }
    let keeper = Connection::open(station.path("state").join(LOG[0])).expect("it opens");
    let count = |sql| keeper.query_row(sql, [], |row| row.get::<_, i64>(0));
    // Who has the log open keeps others from putting it in order when they close it.
    assert!(count("SELECT count(*) FROM event").is_ok_and(|count| count > 0));
    serving.signal(libc::SIGKILL);
    serving.wait();
    let said = read_all(&station);
    let left = LOG.map(|part| fs::read(station.path("state").join(part)).expect("it is there"));
    assert!(!left[1].is_empty());
    drop(keeper);
    for (part, bytes) in LOG.iter().zip(left) {
        fs::write(station.path("state").join(part), bytes).expect("room");
    }
    Some((station, disk, said))
}

#[test]
fn a_state_that_cannot_be_written_can_be_read_to_its_last_event() {
    for is_killed in [false, true] {
        let Some((station, disk, said)) = worked(is_killed) else { return };
        disk.again("remount,ro");
        assert_eq!(read_all(&station), said, "killed: {is_killed}");
        let refused = station.run(&["ticket", "note", "1", "no room", "--by", "tech"]);
        let told = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{told}");
        assert!(told.contains("readonly database") && told.contains("read-only"), "{told}");
        disk.again("remount,rw");
    }
}

#[test]
fn a_state_whose_newest_events_cannot_be_read_is_not_read_at_all() {
    let Some((station, disk, _)) = worked(true) else { return };
    fs::remove_file(station.path("state/allclear.db-shm")).expect("it is there");
    disk.again("remount,ro");
    let refused = station.run(&["evidence", "verify"]);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("lie in its write-ahead log") && told.contains("copy all allclear.db*"), "{told}");
    disk.again("remount,rw");
    station.ask(&["evidence", "verify"]);
}

#[test]
fn a_state_of_somebody_else_can_be_read_where_it_may_be_read() {
    let Some((station, _disk, said)) = worked(false) else { return };
    let opened = Command::new("chmod").args(["-R", "a+rX"]).arg(station.path("")).status();
    assert!(opened.is_ok_and(|status| status.success()));
    let mut texts = Vec::new();
    for command in READING {
        let mut other = Command::new("setpriv");
        other.args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_allclear")]);
        let output = other.args(command).current_dir(station.path("")).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{command:?}: {told}");
        texts.push(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    assert_eq!(texts[..STEADY_TEXTS], said);
}

#[test]
fn a_limit_on_the_size_of_files_is_a_full_disk_and_no_end() {
    let station = station("cat {here}/many.pcap; exec sleep 600", "directory: outbox", "2s");
    Stretch::at("2015-05-04T08:00:00Z", 20_000).calls(LAB, 0, 1).write(&station.path("many.pcap"));
    assert!(station.open_ticket(1));
    let mut limited = Command::new("prlimit");
    limited.args(["--fsize=1000000", env!("CARGO_BIN_EXE_allclear")]);
    limited.args(["run", "locate", "--ticket", "1", "--for", "3s", "--json"]);
    let ran = limited.current_dir(station.path("")).output().expect("it runs");
    let told = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(2), "{told}");
    assert!(told.contains("that could not be written (File too large"), "{told}");
    station.ask(&["evidence", "verify"]);
}

#[test]
fn a_disk_that_fails_under_it_is_told_and_the_next_start_goes_on() {
    let station = station(STEADY, "directory: outbox", "1s");
    let image = station.path("disk.img");
    File::create(&image).and_then(|file| file.set_len(16 << 20)).expect("room");
    let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image).stderr(Stdio::null()).status();
    if !made.is_ok_and(|status| status.success()) {
        return skipped("the program mkfs.ext4 is not there");
    }
    let image = image.display().to_string();
    let Some(disk) = Mounted::new(&["-o", "loop", &image], &station.path("state")) else { return };
    let mut serving = station.serve();
    assert!(station.open_ticket(1));
    station.wait_for("a run has ended", || !ends(&station.log()).is_empty());
    // As the kernel does when it finds the disk damaged.
    disk.again("remount,abort");
    station.wait_for("it is told", || station.told().contains("cannot use the database"));
    println!("{}", station.told());
    let (_, took) = serving.stop();
    assert!(took < Duration::from_secs(10), "{took:?}");
    drop(disk);
    let Some(_disk) = Mounted::new(&["-o", "loop", &image], &station.path("state")) else { return };
    let mut serving = station.serve();
    let known = ends(&station.log()).len();
    station.wait_for("it goes on", || ends(&station.log()).len() > known);
    assert_eq!(serving.stop().0.code(), Some(0), "{}", station.told());
    assert!(!is_watching(&station.log()));
    station.ask(&["evidence", "verify"]);
}

#[test]
fn one_serve_at_a_time_by_whatever_path_and_however_many_start_at_once() {
    let station = station(STEADY, OUTBOX, "1s");
    let mut all: Vec<_> = (0..6).map(|_| station.start()).collect();
    station.wait_for("the others have left", || {
        station.told().matches("another allclear works this state directory").count() == 5
    });
    station.wait_for("one serves", || station.told().contains("serves"));
    let told = station.told();
    let named = |serving: &crate::station::Serving| told.contains(&format!("(process {} on ", serving.id()));
    assert_eq!(all.iter().filter(|serving| named(serving)).count(), 1, "{told}");
    let first = all.iter().position(named).expect("one");
    let Some(_other) =
        Mounted::new(&["--bind", &station.path("state").display().to_string()], &station.path("elsewhere"))
    else {
        return;
    };
    let site = fs::read_to_string(station.path("allclear.yaml")).expect("it was written");
    station.write("other.yaml", &site.replace("state: state\n", "state: elsewhere\n"));
    let second = station.run(&["--site-file", "other.yaml", "serve"]);
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains(&format!("(process {} on ", all[first].id())), "{told}");
    assert!(told.contains(" since 20"), "{told}");
    assert_eq!(all[first].stop().0.code(), Some(0));
}
