//! What does a system clock do that is set forward and back by hours? No occurrence may come twice or be
//! lost, the log keeps its order, and a run under way ends after its time.

use crate::dice::Dice;
use crate::skip::skipped;
use crate::station::Row;
use crate::stops::{OUTBOX, STEADY, station};
use crate::traffic::Stretch;
use crate::world::World;
use allclear::pure::playbook::StageName;
use allclear::pure::schedule::{Cron, Schedule, occurrences};
use allclear::pure::ticket::{Input, RunId};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const HOUR: i64 = 3600;

/// A process that looks at a clock, and may be started again.
struct Clock {
    /// How much the system clock is wrong.
    error_s: i64,
    /// What this process was told last: its own clock never goes back.
    told: Timestamp,
}

impl Clock {
    fn read(&mut self, truth: Timestamp) -> Timestamp {
        let raw = truth + SignedDuration::from_secs(self.error_s);
        self.told = raw.max(self.told + Duration::from_nanos(1));
        self.told
    }
}

/// Lives two days with a clock that is set now and then, and ends all runs whose window is over.
fn live(world: &mut World, dice: &mut Dice, begin: Timestamp) {
    let mut clock = Clock { error_s: 0, told: begin };
    let (mut truth, end) = (begin, begin + Duration::from_secs(48 * 3600));
    while truth < end {
        truth += Duration::from_secs(dice.between(1, 1200) as u64);
        match dice.roll(12) {
            0 => clock.error_s = dice.between(0, 12) as i64 * HOUR - 6 * HOUR,
            1 => clock.error_s = 0,
            // Started again: it knows nothing of what it told before.
            2 => clock.told = truth + SignedDuration::from_secs(clock.error_s),
            _ => {}
        }
        world.now = clock.read(truth);
        world.tick();
        let over = |world: &World| -> Vec<RunId> {
            let runs = world.ticket().open_runs().filter(|run| run.window_end <= world.now);
            runs.map(|run| run.id).collect()
        };
        let ended = over(world);
        if !ended.is_empty() {
            world.input(&Input::Abandoned(ended.into_iter().map(|run| (run, Vec::new())).collect()));
        }
    }
    // The clock is right again, and all that it ever showed lies behind.
    world.now = end + Duration::from_secs(24 * 3600);
    world.tick();
}

#[test]
fn every_occurrence_is_on_record_once_and_the_log_in_order_however_the_clock_is_set() {
    let cron = || Schedule::Cron(Cron::parse("*/20 * * * *").expect("a good expression"));
    let every = || Schedule::Every(Duration::from_secs(900));
    for (row, schedule) in [("cron", cron as fn() -> Schedule), ("every", every)] {
        for seed in 0..6 {
            let mut world = World::with(|playbook| playbook.locate.schedule = schedule());
            let begin = world.now;
            live(&mut world, &mut Dice(seed), begin);
            let runs = world.ledger();
            let found: Vec<Timestamp> = runs
                .iter()
                .filter(|run| run.stage == StageName::Locate)
                .filter_map(|run| run.occurrence)
                .collect();
            let once: BTreeSet<Timestamp> = found.iter().copied().collect();
            assert_eq!(found.len(), once.len(), "{row} {seed}: an occurrence is there twice");
            let last = *once.last().expect("there are some");
            let zone = world.engine.library().site_file.sites["springfield"].timezone.clone();
            let schedule = schedule();
            let wanted: BTreeSet<Timestamp> = occurrences(&schedule, &zone, begin, last).collect();
            assert_eq!(once, wanted, "{row} {seed}");
            assert!(last >= begin + Duration::from_secs(71 * 3600), "{row} {seed}: {last}");
            let events = world.events();
            assert!(events.is_sorted_by_key(|event| event.at), "{row} {seed}: the log is out of order");
        }
    }
}

/// The library that lies to a program about the time; a file tells it by how much.
fn lying_library() -> Option<String> {
    let found = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"]
        .map(|directory| format!("{directory}/faketime/libfaketime.so.1"));
    let found = found.into_iter().find(|library| Path::new(library).exists());
    if found.is_none() {
        skipped("the package libfaketime is not installed");
    }
    found
}

fn set_clock(file: &Path, hours: i64) {
    let part = file.with_extension("part");
    fs::write(&part, format!("{:+}\n", hours * HOUR)).expect("the file is written");
    fs::rename(&part, file).expect("renamed");
}

fn ends(log: &[Row]) -> Vec<&Row> {
    log.iter().filter(|row| row.kind == "run_ended").collect()
}

#[test]
fn a_run_under_way_ends_after_its_time_when_the_clock_is_set_back_and_passes_nothing() {
    let Some(library) = lying_library() else { return };
    for (hours, reason) in [(-3, "clock_unsure"), (3, "too_short")] {
        let station = station(STEADY, OUTBOX, "9s");
        // Nobody calls: but for the clock, and the time of its packets, silence.
        Stretch::at("2015-05-04T08:00:00Z", 600)
            .present(&[[10, 16, 24, 93]])
            .write(&station.path("lan.pcap"));
        let clock = station.path("clock");
        set_clock(&clock, 0);
        let mut command = Command::new(env!("CARGO_BIN_EXE_allclear"));
        command.arg("serve").current_dir(station.path("")).stdin(Stdio::null());
        command.env("LD_PRELOAD", &library).env("FAKETIME_TIMESTAMP_FILE", &clock);
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let mut serving = station.start_as(command);
        station.wait_for("it serves", || station.told().contains("serves"));
        assert!(station.open_ticket(1));
        let begun = |log: &[Row]| log.iter().filter(|row| row.kind == "run_started").count();
        station.wait_for("a run is under way", || begun(&station.log()) == 1);
        std::thread::sleep(Duration::from_secs(2));
        set_clock(&clock, hours);
        station.wait_for("the run has ended", || !ends(&station.log()).is_empty());
        let log = station.log();
        let end = ends(&log)[0].body.clone();
        let codes: Vec<&str> = end["reasons"]
            .as_array()
            .expect("reasons")
            .iter()
            .filter_map(|reason| reason["code"].as_str())
            .collect();
        println!("{hours:+} h: {} {codes:?}", end["verdict"]);
        assert_eq!(end["verdict"], "inconclusive", "{end:#}");
        assert!(codes.contains(&reason), "{end:#}");
        assert!(log.is_sorted_by_key(|row| row.at_ns), "the log is out of order");
        let planned: Vec<String> = log.iter().map(|row| row.body["occurrence"].to_string()).collect();
        let planned: Vec<&String> = planned.iter().filter(|planned| *planned != "null").collect();
        assert_eq!(planned.iter().collect::<BTreeSet<_>>().len(), planned.len(), "{planned:?}");
        let (status, took) = serving.stop();
        assert_eq!(status.code(), Some(0), "{}", station.told());
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
}
