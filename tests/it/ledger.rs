//! Is every planned occurrence in the ledger, exactly once, with an outcome and a true reason?

use crate::world::{LAB, OFFICE, Seen, World, at, calls_every_two_hours, ip, report, silent};
use allclear::pure::schedule::{self, Cron, Schedule};
use allclear::pure::site::ClosedDays;
use allclear::pure::ticket::{Act, Event, Input, NoTurn, Phase, Recorded, Run, RunId};
use allclear::pure::verdict::{Ending, Outcome, ReasonCode, Verdict};
use jiff::Timestamp;
use jiff::civil::date;
use std::collections::BTreeMap;
use std::time::Duration;

/// Every phase and its begin.
fn phases(world: &World) -> Vec<(Phase, Timestamp)> {
    let changes = world.events().into_iter().filter_map(|recorded| match recorded.event {
        Event::PhaseChanged { to, .. } => Some((to, recorded.at)),
        _ => None,
    });
    std::iter::once((Phase::Reported, world.ticket().opened)).chain(changes).collect()
}

/// Everything that was planned up to now, by the phases of the ticket: stage and time. Each phase has
/// what is planned after its begin, up to its end.
fn planned(world: &World) -> Vec<(String, Timestamp)> {
    let phases = phases(world);
    let ends: Vec<Timestamp> = phases.iter().skip(1).map(|(_, at)| *at).chain([world.now]).collect();
    let mut planned = Vec::new();
    let context = world.engine.context(world.ticket, world.now).expect("the playbook is there");
    let last = phases.len() - 1;
    for (number, ((phase, from), to)) in phases.into_iter().zip(ends).enumerate() {
        let Some(name) = phase.stage() else { continue };
        let stage = context.playbook.stage(name).expect("a stage");
        let zone = &context.site.timezone;
        let watch_end = from + context.playbook.clean.watch;
        let counts = |time: &Timestamp| {
            phase != Phase::Clean
                || (*time < watch_end && schedule::is_first_of_week(&stage.schedule, zone, *time))
        };
        // Of the phase that goes on, those whose time has come with their jitter.
        let key = format!("springfield/conficker/{name}");
        let has_come = |time: &Timestamp| {
            number < last || *time + schedule::jitter(*time, &key, stage.jitter) <= world.now
        };
        let times = schedule::occurrences(&stage.schedule, zone, from, to).filter(counts).filter(has_come);
        planned.extend(times.map(|time| (name.to_string(), time)));
    }
    planned.sort();
    planned
}

/// What is left of the sorted `all` when each of `others` takes out one.
fn without(all: &[(String, Timestamp)], others: &[(String, Timestamp)]) -> Vec<(String, Timestamp)> {
    let mut others = others.iter().peekable();
    let mut left = Vec::new();
    for one in all {
        while others.next_if(|other| *other < one).is_some() {}
        if others.next_if(|other| *other == one).is_none() {
            left.push(one.clone());
        }
    }
    left
}

/// Fails unless the ledger holds exactly what was planned.
fn check_ledger(world: &World, row: &str) -> Vec<Run> {
    let ledger = world.ledger();
    let of_schedule = ledger.iter().filter_map(|run| Some((run.stage.to_string(), run.occurrence?)));
    let mut found: Vec<(String, Timestamp)> = of_schedule.collect();
    found.sort();
    let planned = planned(world);
    let (lost, made_up) = (without(&planned, &found), without(&found, &planned));
    assert!(
        lost.is_empty() && made_up.is_empty(),
        "{row}: lost {lost:?}, made up or repeated {made_up:?}; {:?}, now {}",
        phases(world),
        world.now
    );
    let has_outcome = |run: &&Run| run.end.is_some() || world.ticket().open.contains(&run.id);
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
        world.input(&Input::Abandoned(open.into_iter().map(|run| (run, Vec::new())).collect()));
    }
}

fn hold(world: &mut World, time: &str) {
    world.act(time, Act::Hold { reason: "exams".to_owned(), until: None }).expect("held");
}

#[test]
fn a_month_in_which_the_program_was_down_is_one_event_and_all_of_its_nights() {
    let mut world = World::with(|playbook| {
        playbook.locate.schedule = Schedule::Every(Duration::from_secs(900));
        playbook.locate.capture.length = Duration::from_secs(600);
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
    world.live_until("2015-05-04T13:00:00Z", |window| calls_every_two_hours(window, ip(LAB), None));
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

/// Numbers that look drawn by lot, the same in each run (splitmix64).
struct Lot(u64);

impl Lot {
    fn draw(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}

/// A site with a break in the middle of the week, two stages of odd rhythm, and everything that happens by
/// time alone switched on.
fn abused_world() -> World {
    let mut world = World::where_school_is(
        |site| {
            site.timezone = jiff::tz::TimeZone::get("America/Chicago").expect("a zone");
            site.closed = vec![ClosedDays { first: date(2015, 5, 6), last: date(2015, 5, 7) }];
        },
        |playbook| {
            let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
            playbook.locate.schedule = Schedule::Every(15 * minute);
            playbook.locate.capture.length = 10 * minute;
            playbook.locate.jitter = 4 * minute;
            let cron = Cron::parse("30 2,8,14,20 * * *").expect("a good expression");
            playbook.verify.schedule = Schedule::Cron(cron);
            playbook.verify.capture.length = 5 * hour;
            playbook.verify.jitter = 30 * minute;
            playbook.clean.watch = 20 * 24 * hour;
            playbook.clean.span = 24 * hour;
            playbook.due.located = Some(5 * hour);
            playbook.due.cleaned = Some(9 * hour);
        },
    );
    sign(&mut world);
    world
}

fn sign(world: &mut World) {
    world.act("2015-05-04T09:00:00Z", Act::Sign { item: "patch".to_owned() }).expect("signed");
}

/// One thing that happens to the ticket: most are turned down in most states, and that is well.
fn abuse(world: &mut World, lot: &mut Lot) {
    let reason = || "drawn by lot".to_owned();
    let until = (lot.draw(3) == 0).then(|| world.now + Duration::from_secs(3600 * (1 + lot.draw(40))));
    let act = match lot.draw(12) {
        0 | 1 => Act::Hold { reason: reason(), until },
        2..=4 => Act::Resume,
        5 | 6 => Act::Clean { host: None, at: None },
        7 => Act::Clean { host: Some(ip(LAB)), at: None },
        8 => Act::NameHost { host: ip(OFFICE), mac: None, name: None },
        9 => Act::Report(report(&world.now.to_string())),
        10 => Act::Reject { reason: reason() },
        _ => Act::Reopen { reason: reason() },
    };
    let now = world.now.to_string();
    let _ = world.act(&now, act);
}

/// Ends a run that is over, or one that is not; some see a contact, some last far beyond their window.
fn end_a_run(world: &mut World, lot: &mut Lot) {
    let open = world.ticket().open_runs().map(|run| (run.id, run.window())).next();
    let Some((run, window)) = open else { return };
    if lot.draw(4) == 0 {
        return world.input(&Input::NoTurn { run, why: NoTurn::Stopped });
    }
    let seen = if lot.draw(6) == 0 { calls_every_two_hours(window, ip(LAB), None) } else { silent(window) };
    let facts = Box::new(crate::world::facts(window, seen));
    world.input(&Input::Captured { run, facts, listing: None });
}

fn step(world: &mut World, lot: &mut Lot) {
    match lot.draw(16) {
        0..=5 => world.now += Duration::from_secs(lot.draw(3_000)),
        6 => world.now += Duration::from_secs(lot.draw(3 * 86_400)),
        // The clock is set back: the log goes on from where it was.
        7 => {
            world.now = world.now.max(at("2015-05-04T09:00:00Z") + Duration::from_secs(7200))
                - Duration::from_secs(3600)
        }
        8..=10 => end_a_run(world, lot),
        11 => restart(world),
        12 => world.engine = world.reopened(),
        13 => abuse(world, lot),
        _ => world.tick(),
    }
}

#[test]
fn after_any_abuse_every_planned_occurrence_is_in_the_ledger_once() {
    for seed in 0..60 {
        let mut lot = Lot(seed);
        let mut world = abused_world();
        for _ in 0..250 {
            step(&mut world, &mut lot);
        }
        world.now = world.now.max(world.events().last().expect("events").at);
        world.tick();
        check_ledger(&world, &format!("seed {seed}"));
        assert_eq!(world.reopened().ticket(world.ticket).expect("there"), world.ticket(), "seed {seed}");
    }
}

/// What happened, without numbers of the log.
fn story(world: &World) -> Vec<(Timestamp, String, Event)> {
    world.events().into_iter().map(|recorded| (recorded.at, recorded.by, recorded.event)).collect()
}

/// Lets time pass up to `to`; with `is_asked`, the ticket is also asked every minute whether anything is due.
fn pass_time(world: &mut World, to: Timestamp, is_asked: bool) {
    let mut minute = world.now;
    loop {
        let due = world.engine.next_due(world.now).map(|due| due.max(world.now)).filter(|due| *due <= to);
        minute = minute.max(world.now);
        while is_asked && minute < due.unwrap_or(to) {
            world.now = minute;
            world.input(&Input::Tick);
            minute += Duration::from_secs(60);
        }
        let Some(due) = due else { break };
        world.now = due;
        world.tick();
        if world.engine.next_due(due) == Some(due) {
            world.now = due + Duration::from_secs(60);
        }
    }
    world.now = to;
}

#[test]
fn asking_every_minute_finds_nothing_that_the_agenda_did_not_name() {
    for seed in 100..112 {
        let (mut lot, mut other_lot) = (Lot(seed), Lot(seed));
        let (mut world, mut asked) = (abused_world(), abused_world());
        for _ in 0..40 {
            for (world, lot, is_asked) in [(&mut world, &mut lot, false), (&mut asked, &mut other_lot, true)]
            {
                let to = world.now + Duration::from_secs(60 * lot.draw(900));
                pass_time(world, to, is_asked);
                if lot.draw(2) == 0 { end_a_run(world, lot) } else { abuse(world, lot) }
            }
        }
        let (told, asked) = (story(&world), story(&asked));
        let first = told.iter().zip(&asked).position(|(one, other)| one != other);
        assert_eq!(first.map(|at| (&told[at], &asked[at])), None, "seed {seed}: the first difference");
        assert_eq!(told.len(), asked.len(), "seed {seed}");
    }
}

#[test]
fn a_run_whose_turn_comes_late_is_late_and_one_whose_turn_never_comes_is_missed() {
    for (input, outcome, verdict) in [
        (None, Outcome::Ran, Some(Verdict::Pass)),
        (Some(Input::Delayed as fn(RunId) -> Input), Outcome::Late, Some(Verdict::Pass)),
        (Some(|run| Input::NoTurn { run, why: NoTurn::SourceFull }), Outcome::Missed, None),
    ] {
        let mut world = World::new();
        world.now = at("2015-05-04T10:00:00Z");
        world.tick();
        let run = world.ticket().open[0];
        let _ = input.map(|input| world.input(&input(run)));
        world.live_until("2015-05-04T12:00:00Z", silent);
        let end = world.ledger()[0].end.clone().expect("it has ended");
        assert_eq!((end.outcome, end.verdict), (outcome, verdict));
        assert_eq!(end.reasons.iter().any(|reason| reason.code == ReasonCode::NoTurn), verdict.is_none());
    }
}

#[test]
fn a_source_that_was_never_there_is_a_missed_night_and_one_that_went_an_interrupted_one() {
    let gone = || Some(Ending::SourceGone("interface eth1 is gone".to_owned()));
    for (watched_seconds, calls, outcome, reason) in [
        (0, false, Outcome::Missed, ReasonCode::SourceGone),
        (1, false, Outcome::Interrupted, ReasonCode::Interrupted),
        (0, true, Outcome::Interrupted, ReasonCode::Contacts),
    ] {
        let mut world = World::new();
        world.live_until("2015-05-04T12:00:00Z", |window| Seen {
            contacts: if calls { calls_every_two_hours(window, ip(LAB), None).contacts } else { Vec::new() },
            ending: gone(),
            watched_seconds: Some(watched_seconds),
            ..silent(window)
        });
        let end = world.ledger()[0].end.clone().expect("it has ended");
        let has_reason = end.reasons.iter().any(|found| found.code == reason);
        assert!(end.outcome == outcome && has_reason, "{watched_seconds} s, calls: {calls}: {end:?}");
        assert_eq!(end.ledgers.len(), 1, "what lies in the evidence directory is named by an event");
    }
}

#[test]
fn a_changed_schedule_plans_nothing_before_it_was_read_and_the_old_one_until_then() {
    // Every two hours until 2015-05-05T09:30; then every hour, at the half.
    let mut world = World::new();
    world.engine.read_schedules(world.now).expect("read for the first time");
    world.live_until("2015-05-04T16:30:00Z", silent);
    restart(&mut world);
    let mut library = world.engine.library().clone();
    let stage = &mut library.playbooks.get_mut("conficker").expect("it is there").locate;
    stage.schedule = Schedule::Cron(Cron::parse("30 * * * *").expect("a good expression"));
    stage.capture.length = Duration::from_secs(3600);
    world.engine = world.reopened_with(library);
    world.now = at("2015-05-05T09:15:00Z");
    for _ in 0..2 {
        world.engine.read_schedules(world.now).expect("read again");
    }
    world.now = at("2015-05-05T11:40:00Z");
    world.tick();
    let planned: Vec<Timestamp> = world.ledger().iter().filter_map(|run| run.occurrence).collect();
    let (old, new): (Vec<_>, Vec<_>) =
        planned.into_iter().partition(|time| *time <= at("2015-05-05T09:15:00Z"));
    let every_two_hours: Vec<Timestamp> =
        (0..12).map(|number| at("2015-05-04T10:00:00Z") + Duration::from_secs(7200 * number)).collect();
    assert_eq!(old, every_two_hours, "to 08:00, by the old one");
    assert_eq!(
        new,
        ["09", "10", "11"].map(|hour| at(&format!("2015-05-05T{hour}:30:00Z"))),
        "by the new one"
    );
    let counts = outcomes(&world.ledger());
    assert_eq!(
        counts[&(Outcome::Suppressed, ReasonCode::ScheduleChanged)],
        1,
        "that of 08:00 could have begun"
    );
    assert_eq!(world.reopened().ticket(world.ticket).expect("there"), world.ticket());
}

#[test]
fn a_command_that_has_read_newer_files_goes_by_the_schedules_in_force() {
    let mut world = World::new();
    world.engine.read_schedules(world.now).expect("read for the first time");
    world.live_until("2015-05-04T16:30:00Z", silent);
    // Somebody edits the playbook, and `serve`, which works by the old one, is not started anew.
    let mut library = world.engine.library().clone();
    let playbook = library.playbooks.get_mut("conficker").expect("it is there");
    for stage in [&mut playbook.locate, &mut playbook.verify] {
        stage.schedule = Schedule::Cron(Cron::parse("* * * * *").expect("a good expression"));
        stage.capture.length = Duration::from_secs(60);
    }
    world.engine = world.reopened_with(library);
    world.now = at("2015-05-04T18:30:00Z");
    let planned = |world: &World| -> Vec<Timestamp> {
        let ledger = world.ledger();
        let planned: Vec<Timestamp> = ledger.iter().filter_map(|run| run.occurrence).collect();
        planned.into_iter().filter(|planned| *planned > at("2015-05-04T16:30:00Z")).collect()
    };
    assert_eq!(planned(&world), [], "it shows nothing that nobody planned");
    world.act("2015-05-04T18:30:00Z", Act::NameHost { host: ip(LAB), mac: None, name: None }).expect("named");
    world.act("2015-05-04T18:30:00Z", Act::Clean { host: None, at: None }).expect("cleaned");
    assert_eq!(world.phase(), Phase::Verifying);
    assert_eq!(planned(&world), [at("2015-05-04T18:00:00Z")], "by the one in force, and by no other");
}

#[test]
fn a_long_log_is_checked_to_its_last_row() {
    let mut world = World::new();
    for number in 0..3_000 {
        world.act("2015-05-04T09:00:00Z", Act::Note { text: format!("note {number}") }).expect("noted");
    }
    assert_eq!(world.reopened().ticket(world.ticket).expect("there"), world.ticket());
    let last = world.events().last().expect("events").seq;
    for damaged in [1, 1_024, 1_025, 2_500, last] {
        let fault = world.damaged(damaged).expect_err("it is noticed").to_string();
        assert!(fault.contains(&format!("event {damaged} ")), "{damaged}: {fault}");
    }
}

#[test]
fn a_row_in_front_of_the_first_event_is_noticed() {
    let world = World::new();
    let forged =
        "INSERT INTO event SELECT 0, at_ns, ticket, by, version, body, hash FROM event WHERE seq = 1";
    let forged = world.changed_by(forged).expect("what follows the last known event is in order");
    let fault = forged.history(world.ticket).expect_err("it is noticed").to_string();
    assert!(fault.contains("event 0 in ") && fault.contains("no event has that number"), "{fault}");
}
