//! In which ways could a ticket be called clean that is not? Stories that once ended so, or nearly.

use crate::world::{LAB, OFFICE, World, at, calls_at, calls_every_two_hours, ip, report, silent};
use allclear::engine::Opening;
use allclear::pure::packet::Mac;
use allclear::pure::playbook::StageName;
use allclear::pure::site::ClosedDays;
use allclear::pure::ticket::{Act, Blame, Event, HostState, Input, Phase, stand};
use allclear::pure::verdict::{Outcome, Verdict};
use jiff::civil::date;
use std::time::Duration;

const OTHER: &str = "10.16.40.4";

fn sign(world: &mut World, time: &str) {
    world.act(time, Act::Sign { item: "patch".to_owned() }).expect("the item is signed");
}

fn missing(world: &World) -> String {
    let context = world.engine.context(world.ticket, world.now).expect("the playbook is there");
    stand(world.ticket(), &context).missing.join("; ")
}

/// Cleaned on Tuesday the 5th and found clean on the 13th.
fn clean_world() -> World {
    let mut world = World::new();
    world.cleaned_at("2015-05-05T10:00:00Z");
    sign(&mut world, "2015-05-05T11:00:00Z");
    world.live_until("2015-05-14T12:00:00Z", silent);
    assert_eq!(world.phase(), Phase::Clean);
    world
}

#[test]
fn a_ticket_whose_last_named_host_is_withdrawn_is_reported_whatever_its_phase() {
    for is_clean in [false, true] {
        let mut world = World::new();
        world.act("2015-05-04T10:00:00Z", Act::Clean { host: Some(ip(LAB)), at: None }).expect("cleaned");
        sign(&mut world, "2015-05-04T11:00:00Z");
        let day = if is_clean { "2015-05-25T12:00:00Z" } else { "2015-05-06T12:00:00Z" };
        world.live_until(day, silent);
        assert_eq!(world.phase(), if is_clean { Phase::Clean } else { Phase::Verifying });
        let withdraw = Act::WithdrawHost { host: ip(LAB), reason: "the wrong machine".to_owned() };
        world.act(day, withdraw).expect("no run has seen it");
        assert_eq!(world.phase(), Phase::Reported, "nobody is blamed any more");
        world.live_until("2015-06-10T12:00:00Z", silent);
        assert_eq!(world.phase(), Phase::Reported, "and silence of nobody proves nothing");
    }
}

#[test]
fn a_night_that_reaches_into_a_school_break_counts_no_more_than_one_within() {
    let school_break = ClosedDays { first: date(2015, 5, 7), last: date(2015, 5, 7) };
    let passes = |closed: Vec<ClosedDays>| {
        let mut world = World::where_school_is(|site| site.closed = closed, |_| {});
        world.cleaned_at("2015-05-05T10:00:00Z");
        world.live_until("2015-05-10T12:00:00Z", silent);
        let begun = world.ticket().passes.iter().filter_map(|run| world.ticket().run(*run));
        begun.map(|run| run.started.strftime("%d").to_string()).collect::<Vec<_>>()
    };
    assert_eq!(passes(Vec::new()), ["05", "06", "07", "08", "09"]);
    assert_eq!(passes(vec![school_break]), ["05", "08", "09"], "its first hours are of the night before");
}

/// The lab machine is cleaned, and its nights pass; in one of them the office machine makes a single contact.
fn is_kept_out_of_clean_by_a_contact(world: &mut World) {
    world.act("2015-05-05T10:00:00Z", Act::Clean { host: Some(ip(LAB)), at: None }).expect("cleaned");
    sign(world, "2015-05-05T11:00:00Z");
    world.live_until("2015-05-20T12:00:00Z", calls_at("2015-05-07T23:00:00Z", OFFICE, None));
    assert!(world.ticket().passes.len() >= 15, "one contact a night is allowed to pass");
    assert_eq!(world.phase(), Phase::Verifying, "but something else inside has made contact");
    assert!(missing(world).contains("10.16.30.7 made contact at 2015-05-07T23:00:00Z"), "{}", missing(world));
}

#[test]
fn contacts_below_the_limit_of_a_host_that_nobody_blames_keep_a_ticket_out_of_clean() {
    let mut world = World::with(|playbook| playbook.judge.fail_at = 2);
    is_kept_out_of_clean_by_a_contact(&mut world);
    world.act("2015-05-20T13:00:00Z", Act::Clean { host: Some(ip(OFFICE)), at: None }).expect("cleaned");
    world.live_until("2015-05-29T12:00:00Z", silent);
    assert_eq!(world.phase(), Phase::Clean, "named, cleaned and silent since: {}", missing(&world));
}

#[test]
fn contacts_below_the_limit_of_a_host_that_another_ticket_works_on_keep_a_ticket_out_of_clean() {
    let mut world = World::with(|playbook| playbook.judge.fail_at = 2);
    let opening = Opening {
        reference: None,
        site: "springfield".to_owned(),
        playbook: "conficker".to_owned(),
        public: ip("192.0.2.17"),
        reports: vec![report("2015-05-04T08:30:00Z")],
    };
    let other = world.engine.open_ticket(world.now, "engineer", opening).expect("a ticket opens");
    let named = Act::NameHost { host: ip(OFFICE), mac: None, name: None };
    world.engine.step(world.now, "tech", other, &Input::Act(named)).expect("named there");
    is_kept_out_of_clean_by_a_contact(&mut world);
}

#[test]
fn a_contact_below_the_limit_after_clean_is_a_relapse() {
    let mut world = World::with(|playbook| playbook.judge.fail_at = 2);
    world.act("2015-05-05T10:00:00Z", Act::Clean { host: Some(ip(LAB)), at: None }).expect("cleaned");
    sign(&mut world, "2015-05-05T11:00:00Z");
    world.live_until("2015-05-14T12:00:00Z", silent);
    assert_eq!(world.phase(), Phase::Clean);
    world.live_until("2015-05-19T12:00:00Z", calls_at("2015-05-18T23:00:00Z", OFFICE, None));
    assert_eq!((world.phase(), world.ticket().relapses), (Phase::Located, 1));
}

#[test]
fn contacts_from_before_a_host_was_blamed_are_not_forgotten() {
    let mut world = World::with(|playbook| playbook.judge.fail_at = 2);
    world.live_until("2015-05-04T14:00:00Z", calls_at("2015-05-04T13:00:00Z", LAB, None));
    assert_eq!(world.phase(), Phase::Reported, "one contact is below the limit");
    let early = Act::Clean { host: Some(ip(LAB)), at: Some(at("2015-05-04T12:00:00Z")) };
    let refused = world.act("2015-05-04T15:00:00Z", early).expect_err("it called after that");
    assert!(refused.contains("called again at 2015-05-04T13:00:00Z"), "{refused}");
    world.act("2015-05-04T15:00:00Z", Act::NameHost { host: ip(LAB), mac: None, name: None }).expect("named");
    let host = &world.ticket().hosts[0];
    assert_eq!((host.contacts.len(), host.blame), (1, Blame::Seen));
    let withdraw = Act::WithdrawHost { host: ip(LAB), reason: "wrong".to_owned() };
    assert!(world.act("2015-05-04T15:00:00Z", withdraw).is_err(), "a run has seen it");
}

#[test]
fn a_cleaning_from_before_the_last_report_is_none() {
    let mut world = World::new();
    world.live_until("2015-05-06T10:00:00Z", |window| calls_every_two_hours(window, ip(LAB), None));
    world.act("2015-05-08T10:00:00Z", Act::Report(report("2015-05-08T09:00:00Z"))).expect("added");
    let cleaned = |time: &str| Act::Clean { host: Some(ip(LAB)), at: Some(at(time)) };
    let refused = world.act("2015-05-08T11:00:00Z", cleaned("2015-05-08T08:00:00Z")).expect_err("too early");
    assert!(refused.contains("a report says it was seen at 2015-05-08T09:00:00Z"), "{refused}");
    world.act("2015-05-08T11:00:00Z", cleaned("2015-05-08T09:30:00Z")).expect("after the report");
    assert_eq!(world.phase(), Phase::Verifying);
}

#[test]
fn a_report_from_after_the_last_cleaning_keeps_a_ticket_out_of_clean_however_it_got_there() {
    let mut world = World::new();
    world.live_until("2015-05-06T10:00:00Z", |window| calls_every_two_hours(window, ip(LAB), None));
    let name = Act::NameHost { host: ip(OTHER), mac: None, name: None };
    world.act("2015-05-06T10:00:00Z", name).expect("named");
    world.act("2015-05-08T10:00:00Z", Act::Report(report("2015-05-08T09:00:00Z"))).expect("added");
    let cleaned = Act::Clean { host: Some(ip(LAB)), at: Some(at("2015-05-07T08:00:00Z")) };
    world.act("2015-05-08T11:00:00Z", cleaned).expect("the report may be about the other one");
    let withdraw = Act::WithdrawHost { host: ip(OTHER), reason: "wrong".to_owned() };
    world.act("2015-05-08T11:00:00Z", withdraw).expect("withdrawn");
    sign(&mut world, "2015-05-08T11:00:00Z");
    world.live_until("2015-05-25T12:00:00Z", silent);
    assert_ne!(world.phase(), Phase::Clean);
    assert!(
        missing(&world).contains("a report says it was seen at 2015-05-08T09:00:00Z"),
        "{}",
        missing(&world)
    );
    world.act("2015-05-25T13:00:00Z", Act::Clean { host: Some(ip(LAB)), at: None }).expect("cleaned again");
    world.live_until("2015-06-04T12:00:00Z", silent);
    assert_eq!(world.phase(), Phase::Clean, "{}", missing(&world));
}

#[test]
fn a_report_from_before_the_cleaning_does_not_reopen_a_closed_ticket() {
    for (row, seen, phase) in [
        ("before the cleaning", "2015-05-05T09:00:00Z", Phase::Closed),
        ("after it", "2015-05-05T11:00:00Z", Phase::Reported),
    ] {
        let mut world = clean_world();
        world.live_until("2015-06-20T00:00:00Z", silent);
        assert_eq!(world.phase(), Phase::Closed);
        world.act("2015-06-20T10:00:00Z", Act::Report(report(seen))).expect("added");
        assert_eq!((world.phase(), world.ticket().reports.len()), (phase, 2), "{row}");
    }
}

#[test]
fn a_watch_in_which_the_program_was_down_is_on_record_before_the_ticket_closes() {
    let mut world = clean_world();
    world.now = at("2015-07-01T12:00:00Z");
    world.tick();
    assert_eq!(world.phase(), Phase::Closed);
    let missed: Vec<Outcome> = world
        .ledger()
        .iter()
        .filter(|run| run.started > at("2015-05-14T12:00:00Z"))
        .filter_map(|run| Some(run.end.as_ref()?.outcome))
        .collect();
    assert_eq!(missed, [Outcome::Missed; 4], "18 May to 8 June; nothing planned is without an outcome");
    let because = world.events().iter().rev().find_map(|recorded| match &recorded.event {
        Event::PhaseChanged { to: Phase::Closed, because, .. } => Some(because.clone()),
        _ => None,
    });
    assert_eq!(because.as_deref(), Some("the watch period is over: 0 of 4 planned runs passed"));
}

#[test]
fn two_machines_that_had_one_address_are_cleaned_one_by_one() {
    let (first, second) = (Mac([0, 0x11, 0x22, 0x33, 0x44, 1]), Mac([0, 0x11, 0x22, 0x33, 0x44, 2]));
    let mut world = World::new();
    world.live_until("2015-05-05T10:00:00Z", |window| calls_every_two_hours(window, ip(LAB), Some(first)));
    world.live_until("2015-05-06T10:00:00Z", |window| calls_every_two_hours(window, ip(LAB), Some(second)));
    let states = |world: &World| world.ticket().hosts.iter().map(|host| host.state).collect::<Vec<_>>();
    assert_eq!(states(&world), [HostState::Infected; 2]);
    world.act("2015-05-06T10:00:00Z", Act::Clean { host: Some(ip(LAB)), at: None }).expect("cleaned");
    assert_eq!(states(&world), [HostState::Cleaned, HostState::Infected]);
    world.act("2015-05-06T11:00:00Z", Act::Clean { host: Some(ip(LAB)), at: None }).expect("cleaned");
    assert_eq!((states(&world), world.phase()), (vec![HostState::Cleaned; 2], Phase::Verifying));
    let mut at_once = World::new();
    at_once.live_until("2015-05-05T10:00:00Z", |window| calls_every_two_hours(window, ip(LAB), Some(first)));
    at_once.live_until("2015-05-06T10:00:00Z", |window| calls_every_two_hours(window, ip(LAB), Some(second)));
    at_once.act("2015-05-06T10:00:00Z", Act::Clean { host: None, at: None }).expect("all are cleaned");
    assert_eq!(states(&at_once), [HostState::Cleaned; 2]);
}

#[test]
fn a_night_that_a_hold_touches_is_no_pass() {
    let hold = || Act::Hold { reason: "exams".to_owned(), until: None };
    for (row, from, to, passes) in [
        ("before the night", "2015-05-05T18:00:00Z", "2015-05-05T19:59:00Z", 1),
        ("within it", "2015-05-05T21:00:00Z", "2015-05-05T22:00:00Z", 0),
        ("still on hold when it ends", "2015-05-05T21:00:00Z", "2015-05-06T09:00:00Z", 0),
        ("after it", "2015-05-06T04:00:00Z", "2015-05-06T05:00:00Z", 1),
    ] {
        let mut world = World::new();
        world.cleaned_at("2015-05-05T10:00:00Z");
        world.live_until(from, silent);
        world.act(from, hold()).expect("held");
        world.live_until(to, silent);
        world.act(to, Act::Resume).expect("resumed");
        world.live_until("2015-05-06T12:00:00Z", silent);
        assert_eq!(world.ticket().passes.len(), passes, "{row}");
    }
}

#[test]
fn in_clean_nobody_slips_a_host_past_the_criteria_by_reporting_it_as_cleaned() {
    for host in [LAB, OTHER] {
        let mut world = clean_world();
        let cleaned = Act::Clean { host: Some(ip(host)), at: None };
        let refused = world.act("2015-05-14T13:00:00Z", cleaned).expect_err("the ticket is clean");
        assert!(refused.contains("allclear ticket host"), "{refused}");
        world
            .act("2015-05-14T13:00:00Z", Act::NameHost { host: ip(host), mac: None, name: None })
            .expect("named");
        assert_eq!((world.phase(), world.ticket().relapses), (Phase::Located, 1), "{host}");
    }
}

#[test]
fn a_short_run_by_hand_is_no_night() {
    for (row, minutes, reason) in [
        ("as long as the stage", 480, None),
        ("95 % of it", 456, None),
        ("a minute less", 455, Some("it was to watch 7 h 35 min, and a night of this playbook has 8 h")),
        ("one minute", 1, Some("it was to watch 1 min, and a night of this playbook has 8 h")),
    ] {
        let mut world = World::new();
        world.cleaned_at("2015-05-05T10:00:00Z");
        let length = Duration::from_secs(60 * minutes);
        world.input(&Input::HandRun {
            stage: StageName::Verify,
            window_start: at("2015-05-05T11:00:00Z"),
            length,
        });
        world.live_until("2015-05-05T19:30:00Z", silent);
        let end = world.ticket().runs.last().and_then(|run| run.end.clone()).expect("it has ended");
        let told: Vec<&str> =
            end.reasons.iter().filter_map(|reason| Some(reason.text.split_once(": ")?.0)).collect();
        assert_eq!(told, Vec::from_iter(reason), "{row}");
        let expected = if reason.is_none() { (Verdict::Pass, 1) } else { (Verdict::Inconclusive, 0) };
        assert_eq!((end.verdict, world.ticket().passes.len()), (Some(expected.0), expected.1), "{row}");
    }
}

#[test]
fn a_report_of_a_time_that_has_not_come_is_refused() {
    let mut world = World::new();
    for (seen, is_taken) in [("2015-05-05T10:00:00Z", true), ("2015-05-05T10:00:01Z", false)] {
        let taken = world.act("2015-05-04T10:00:00Z", Act::Report(report(seen)));
        assert_eq!(taken.is_ok(), is_taken, "{seen}: {taken:?}");
    }
}
