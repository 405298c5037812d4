//! What does `serve` do that starts after weeks, with hundreds of open tickets? The real process on a log
//! that ended long ago.

use crate::station::{Row, read_log};
use crate::stops::{OUTBOX, STEADY, station};
use crate::world::{ip, library, playbook, report};
use allclear::edge::store::{Durability, Store};
use allclear::engine::{Engine, Opening};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const TICKETS: usize = 300;
const WEEKS: u64 = 6;

/// Opens hundreds of tickets, weeks ago.
fn open_tickets(state: &std::path::Path) {
    let long_ago = Timestamp::now() - Duration::from_secs(WEEKS * 7 * 86_400);
    let mut library = library(playbook());
    library.playbooks.insert("quick".to_owned(), playbook());
    let store = Store::open(state, Durability::Fleeting).expect("a new log opens");
    let mut engine = Engine::open(store, library).expect("it folds");
    for number in 0..TICKETS {
        let public = ip(&format!("198.51.100.{}", number % 250));
        let (site, playbook) = ("springfield".to_owned(), "quick".to_owned());
        let reports = vec![report("2015-05-04T08:00:00Z")];
        let opening = Opening { reference: None, site, playbook, public, reports };
        engine.open_ticket(long_ago, "engineer", opening).expect("a ticket opens");
    }
}

fn of_ticket(log: &[Row], kinds: &[&str]) -> BTreeMap<i64, usize> {
    let mut counts = BTreeMap::new();
    for row in log.iter().filter(|row| kinds.contains(&row.kind.as_str())) {
        *counts.entry(row.ticket).or_default() += 1;
    }
    counts
}

#[test]
fn weeks_without_serve_are_on_record_in_a_few_entries_and_work_goes_on() {
    let station = station(STEADY, OUTBOX, "595s");
    open_tickets(&station.path("state"));
    let known = station.log().len();
    let begin = Instant::now();
    let mut serving = station.serve();
    let started = begin.elapsed();
    let passed = ["occurrence_passed", "occurrences_passed"];
    station.wait_for("all weeks are on record", || of_ticket(&station.log(), &passed).len() == TICKETS);
    let recorded = begin.elapsed();
    let begun = |log: &[Row]| of_ticket(log, &["run_started"]).len();
    station.wait_for("every ticket is worked", || begun(&station.log()) == TICKETS);
    let (status, took) = serving.stop();
    println!("serves after {started:?}, all on record after {recorded:?}, stopped in {took:?}");
    assert_eq!(status.code(), Some(0), "{}", station.told());
    assert!(took < Duration::from_secs(10), "{took:?}");
    let log = read_log(&station.path("state/allclear.db"));
    let most = of_ticket(&log, &passed).into_values().max().expect("entries");
    // Every ten minutes for six weeks are 6,048 occurrences a ticket.
    assert!(most <= 8, "{most} entries for one ticket");
    println!("{} events where there were {known}", log.len());
    let ends: Vec<&Row> = log.iter().filter(|row| row.kind == "run_ended").collect();
    assert_eq!(ends.len(), log.iter().filter(|row| row.kind == "run_started").count(), "a run is left open");
    let lost = ends.iter().filter(|end| end.body.to_string().contains("what it saw is lost")).count();
    println!("{lost} of {} runs were given up", ends.len());
}
