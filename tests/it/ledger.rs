//! Is every planned occurrence in the ledger, exactly once, with an outcome and a true reason?

use crate::world::{World, at, calls_every_two_hours, ip, silent};
use allclear::pure::schedule;
use allclear::pure::ticket::{Act, Event, Input, Phase, Recorded, Run};
use allclear::pure::verdict::{Outcome, ReasonCode};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Everything that was planned up to now, by the phases of the ticket: stage and time. Each phase has
/// what is planned after its begin, up to its end.
fn planned(world: &World) -> Vec<(String, Timestamp)> {
    let ticket = world.ticket();
    let mut phases = vec![(Phase::Reported, ticket.opened)];
    for recorded in world.events() {
        if let Event::PhaseChanged { to, .. } = recorded.event {
            phases.push((to, recorded.at));
        }
    }
    let ends: Vec<Timestamp> = phases.iter().skip(1).map(|(_, at)| *at).chain([world.now]).collect();
    let mut planned = Vec::new();
    let context = world.engine.context(world.ticket, world.now).expect("the playbook is there");
    for ((phase, from), to) in phases.into_iter().zip(ends) {
        let Some(name) = phase.stage() else { continue };
        let stage = context.playbook.stage(name).expect("a stage");
        let zone = &context.site.timezone;
        let watch_end = from + context.playbook.clean.watch;
        let counts = |time: &Timestamp| {
            phase != Phase::Clean
                || (*time < watch_end && schedule::is_first_of_week(&stage.schedule, zone, *time))
        };
        let times = schedule::occurrences(&stage.schedule, zone, from, to).filter(counts);
        planned.extend(times.map(|time| (name.to_string(), time)));
    }
    planned.sort();
    planned
}

/// Fails unless the ledger holds exactly what was planned.
fn check_ledger(world: &World, row: &str) -> Vec<Run> {
    let ledger = world.ledger();
    let of_schedule = ledger.iter().filter_map(|run| Some((run.stage.to_string(), run.occurrence?)));
    let mut found: Vec<(String, Timestamp)> = of_schedule.collect();
    found.sort();
    assert_eq!(found, planned(world), "{row}");
    let has_outcome = |run: &&Run| run.end.is_some() || run.window_end > world.now;
    assert_eq!(ledger.iter().filter(|run| !has_outcome(run)).count(), 0, "{row}: each has an outcome");
    ledger
}

fn outcomes(ledger: &[Run]) -> BTreeMap<(Outcome, ReasonCode), usize> {
    let mut counts = BTreeMap::new();
    for end in ledger.iter().filter_map(|run| run.end.as_ref()) {
        for reason in &end.reasons {
            *counts.entry((end.outcome, reason.code)).or_insert(0) += 1;
        }
    }
    counts
}

/// The process is gone, and so is what was under way.
fn restart(world: &mut World) {
    let open = world.ticket().open.clone();
    if !open.is_empty() {
        world.input(&Input::Abandoned(open));
    }
}

fn hold(world: &mut World, time: &str) {
    world.act(time, Act::Hold { reason: "exams".to_owned(), until: None }).expect("held");
}

#[test]
fn a_month_in_which_the_program_was_down_is_one_event_and_all_of_its_nights() {
    let mut world = World::with(|playbook| {
        playbook.locate.schedule = schedule::Schedule::Every(std::time::Duration::from_secs(900));
        playbook.locate.capture.length = std::time::Duration::from_secs(600);
    });
    world.tick();
    let before = world.events().len();
    world.now = at("2015-06-04T09:05:00Z");
    world.tick();
    let events = world.events();
    let of_schedule = |recorded: &&Recorded| {
        matches!(
            recorded.event,
            Event::OccurrencesPassed(_) | Event::OccurrencePassed(_) | Event::RunStarted(_)
        )
    };
    let new = events[before..].iter().filter(of_schedule).count();
    assert_eq!(new, 2, "what was missed in one event, and the run that begins late");
    let ledger = check_ledger(&world, "a month of quarters of an hour");
    assert_eq!(
        outcomes(&ledger),
        BTreeMap::from([((Outcome::Missed, ReasonCode::ProgramDown), 31 * 96 - 1)])
    );
    let numbers: Vec<u64> = ledger.iter().map(|run| run.id.0).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "numbered one after the other");
    assert_eq!(world.reopened().ticket(world.ticket).expect("it is there"), world.ticket());
}

#[test]
fn what_was_planned_before_a_change_of_phase_is_on_record_after_it() {
    // Nobody ticks: `serve` is down, and people go on with `allclear ticket`.
    let mut world = World::new();
    world.live_until("2015-05-04T13:00:00Z", |window| {
        calls_every_two_hours(window, ip(crate::world::LAB), None)
    });
    restart(&mut world);
    world.act("2015-05-05T09:30:00Z", Act::Clean { host: None, at: None }).expect("cleaned");
    assert_eq!(world.phase(), Phase::Verifying);
    let counts = outcomes(&check_ledger(&world, "cleaned while the program was down"));
    assert_eq!(counts[&(Outcome::Missed, ReasonCode::ProgramDown)], 9, "14:00 to 06:00");
    assert_eq!(counts[&(Outcome::Suppressed, ReasonCode::PhaseChanged)], 1, "that of 08:00 could have begun");
    world.act("2015-05-07T09:00:00Z", Act::Reject { reason: "not ours".to_owned() }).expect("rejected");
    world.act("2015-05-09T09:00:00Z", Act::Reopen { reason: "ours".to_owned() }).expect("reopened");
    world.tick();
    let counts = outcomes(&check_ledger(&world, "rejected, and reopened two days later"));
    assert_eq!(
        counts[&(Outcome::Missed, ReasonCode::ProgramDown)],
        9 + 2,
        "two nights, and none of the pause"
    );
}

#[test]
fn occurrences_of_a_hold_are_suppressed_even_if_nobody_was_there_to_see_it() {
    for is_running in [true, false] {
        let mut world = World::new();
        hold(&mut world, "2015-05-04T15:00:00Z");
        if is_running {
            world.live_until("2015-05-06T11:00:00Z", silent);
        }
        world.act("2015-05-06T11:00:00Z", Act::Resume).expect("resumed");
        world.now = at("2015-05-06T15:00:00Z");
        world.tick();
        let counts = outcomes(&check_ledger(&world, "a hold of two days"));
        assert_eq!(
            counts[&(Outcome::Suppressed, ReasonCode::OnHold)],
            22,
            "16:00 to 10:00, running: {is_running}"
        );
        let missed = counts.get(&(Outcome::Missed, ReasonCode::ProgramDown)).copied().unwrap_or(0);
        assert_eq!(missed, if is_running { 3 } else { 4 }, "12:00, and 10:00 to 14:00 before the hold");
    }
}

#[test]
fn a_long_hold_is_written_once_a_day_and_shown_at_any_time() {
    let mut world = World::new();
    hold(&mut world, "2015-05-04T09:00:00Z");
    let before = world.events().len();
    for (time, events, shown) in [
        ("2015-05-04T10:00:00Z", 0, 1),
        ("2015-05-05T09:59:59Z", 0, 12),
        ("2015-05-05T10:00:00Z", 1, 13),
        ("2015-05-06T11:59:00Z", 1, 25),
        ("2015-05-06T12:00:00Z", 2, 26),
    ] {
        world.live_until(time, silent);
        world.tick();
        assert_eq!(world.events().len() - before, events, "events at {time}");
        assert_eq!(check_ledger(&world, time).len(), shown, "shown at {time}");
    }
}
