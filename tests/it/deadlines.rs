//! What are people told about their part of the work, and when? Reminders, due dates, escalations,
//! holds and school breaks, over weeks.

use crate::world::{LAB, World, at, calls_every_two_hours, ip, silent, switched_off};
use allclear::pure::interval::Interval;
use allclear::pure::playbook::{Escalation, MailEvent, Notify, Playbook, Recipient, StageName};
use allclear::pure::site::ClosedDays;
use allclear::pure::ticket::{Act, Event, Input, Phase, stand};
use jiff::civil::date;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// Everybody is told of everything, and the boss of what is late by a day and by three.
fn strict(playbook: &mut Playbook) {
    use MailEvent::{Clean, Closed, Inconclusive, Located, Opened, Overdue, Relapsed, Reminder};
    let boss = || vec![Recipient::Mailbox("boss@dis.example".to_owned())];
    let events = vec![Opened, Located, Reminder, Overdue, Relapsed, Inconclusive, Clean, Closed];
    playbook.notify = vec![Notify { events, to: vec![Recipient::Coordinator] }];
    playbook.due.escalate =
        vec![Escalation { after: 24 * HOUR, to: boss() }, Escalation { after: 72 * HOUR, to: boss() }];
}

/// When which mails were decided upon, and to how many people, but for those of `quiet` kinds.
fn told(world: &World, quiet: &[MailEvent]) -> Vec<(String, MailEvent, usize)> {
    let mails = world.ticket().outbox.iter().filter(|mail| !quiet.contains(&mail.event));
    mails.map(|mail| (mail.at.strftime("%d %H:%M").to_string(), mail.event, mail.to.len())).collect()
}

fn rows(rows: &[(&str, MailEvent, usize)]) -> Vec<(String, MailEvent, usize)> {
    rows.iter().map(|(at, event, to)| ((*at).to_owned(), *event, *to)).collect()
}

fn hold(world: &mut World, time: &str, until: Option<&str>) {
    let until = until.map(at);
    world.act(time, Act::Hold { reason: "exams".to_owned(), until }).expect("it is held");
}

fn flags(world: &World) -> (bool, bool) {
    let context = world.engine.context(world.ticket, world.now).expect("the playbook is there");
    let standing = stand(world.ticket(), &context);
    (standing.is_overdue, standing.is_on_hold)
}

const QUIET: [MailEvent; 2] = [MailEvent::Opened, MailEvent::Located];

#[test]
fn a_host_that_nobody_finds_is_reminded_of_then_overdue_then_escalated_each_once() {
    let mut world = World::with(strict);
    world.live_until("2015-05-30T00:00:00Z", silent);
    let expected = [
        ("05 09:00", MailEvent::Reminder, 1),
        ("06 09:00", MailEvent::Overdue, 1),
        ("07 09:00", MailEvent::Overdue, 2),
        ("09 09:00", MailEvent::Overdue, 2),
    ];
    assert_eq!(told(&world, &QUIET), rows(&expected));
}

#[test]
fn locating_it_begins_a_due_date_of_its_own() {
    let mut world = World::with(strict);
    world.live_until("2015-05-04T20:00:00Z", silent);
    world.live_until("2015-05-20T00:00:00Z", |window| calls_every_two_hours(window, ip(LAB), None));
    let expected = [
        ("04 22:00", MailEvent::Located, 1),
        ("08 22:00", MailEvent::Reminder, 1),
        ("09 22:00", MailEvent::Overdue, 1),
        ("10 22:00", MailEvent::Overdue, 2),
        ("12 22:00", MailEvent::Overdue, 2),
    ];
    assert_eq!(told(&world, &QUIET[..1]), rows(&expected), "and no stale reminder of the search");
}

#[test]
fn a_limit_shorter_than_two_days_is_reminded_of_at_its_half() {
    for (hours, reminded, row) in
        [(50, "05 11:00", "a day before"), (48, "05 09:00", "both alike"), (46, "05 08:00", "at its half")]
    {
        let mut world = World::with(|playbook| {
            strict(playbook);
            playbook.due.located = Some(hours * HOUR);
        });
        world.live_until("2015-05-06T00:00:00Z", silent);
        assert_eq!(told(&world, &QUIET), rows(&[(reminded, MailEvent::Reminder, 1)]), "{row}");
    }
}

#[test]
fn after_weeks_without_the_program_there_is_one_mail() {
    for (back, expected, row) in [
        ("2015-05-05T20:00:00Z", vec![("05 20:00", MailEvent::Reminder, 1)], "still in time"),
        ("2015-05-06T08:59:59Z", vec![("06 08:59", MailEvent::Reminder, 1)], "a second before it is due"),
        ("2015-05-06T09:00:00Z", vec![("06 09:00", MailEvent::Overdue, 1)], "just due"),
        ("2015-05-08T12:00:00Z", vec![("08 12:00", MailEvent::Overdue, 2)], "the first step reached"),
        ("2015-06-08T12:00:00Z", vec![("08 12:00", MailEvent::Overdue, 2)], "all steps passed"),
    ] {
        let mut world = World::with(strict);
        world.now = at(back);
        world.tick();
        world.tick();
        assert_eq!(told(&world, &QUIET), rows(&expected), "{row}");
        let next = world.engine.next_due(world.now).expect("the locate stage goes on");
        assert!(next > world.now, "{row}: nothing is left to be said");
    }
}

#[test]
fn a_hold_stops_the_clock_and_what_people_are_told() {
    let mut world = World::with(strict);
    hold(&mut world, "2015-05-05T21:00:00Z", None);
    world.live_until("2015-05-20T21:00:00Z", silent);
    assert_eq!(flags(&world), (false, true), "36 of 48 hours had passed");
    world.act("2015-05-20T21:00:00Z", Act::Resume).expect("resumed");
    world.live_until("2015-05-21T12:00:00Z", silent);
    let expected = [("05 09:00", MailEvent::Reminder, 1), ("21 09:00", MailEvent::Overdue, 1)];
    assert_eq!(told(&world, &QUIET)[1..], rows(&expected)[1..], "twelve hours after the hold");
}

#[test]
fn what_was_overdue_before_a_hold_stays_so_and_is_not_told_again() {
    let mut world = World::with(strict);
    world.live_until("2015-05-06T10:00:00Z", silent);
    hold(&mut world, "2015-05-06T10:00:00Z", Some("2015-05-16T10:00:00Z"));
    world.live_until("2015-05-16T09:00:00Z", silent);
    assert_eq!(flags(&world), (true, true));
    world.live_until("2015-05-18T00:00:00Z", silent);
    assert_eq!(flags(&world), (true, false));
    let expected = [
        ("05 09:00", MailEvent::Reminder, 1),
        ("06 09:00", MailEvent::Overdue, 1),
        ("17 09:00", MailEvent::Overdue, 2),
    ];
    assert_eq!(told(&world, &QUIET), rows(&expected), "the step of a day counts working time");
}

#[test]
fn a_hold_with_an_end_resumes_by_itself_on_record() {
    let mut world = World::with(strict);
    world.cleaned_at("2015-05-05T10:00:00Z");
    hold(&mut world, "2015-05-06T09:00:00Z", Some("2015-05-07T21:00:00Z"));
    // The program is down when it ends: the nights count as of the end all the same.
    world.now = at("2015-05-08T12:00:00Z");
    world.live_until("2015-05-09T12:00:00Z", silent);
    assert_eq!(world.ticket().hold, None);
    let resumed = world.events().into_iter().find(|recorded| recorded.event == Event::Resumed);
    assert_eq!(resumed.map(|recorded| recorded.by), Some("allclear".to_owned()));
    let held = world.ticket().held[0];
    assert_eq!((held.from, held.to), (at("2015-05-06T09:00:00Z"), at("2015-05-07T21:00:00Z")));
    let past = world.act(
        "2015-05-09T12:00:00Z",
        Act::Hold { reason: "late".to_owned(), until: Some(at("2015-05-09T12:00:00Z")) },
    );
    assert!(past.expect_err("it is refused").contains("is past: give a time that is still to come"));
}

#[test]
fn a_school_break_moves_the_due_date_and_puts_tickets_on_hold() {
    let closed = |first, last| ClosedDays { first: date(2015, 5, first), last: date(2015, 5, last) };
    for (first, last, expected, row) in [
        (7, 10, ("06 09:00", MailEvent::Overdue, 1), "begins after the due date"),
        (6, 10, ("11 09:00", MailEvent::Overdue, 1), "begins nine hours before it"),
        (5, 10, ("12 09:00", MailEvent::Overdue, 1), "begins before the reminder"),
    ] {
        let mut world = World::where_school_is(|site| site.closed = vec![closed(first, last)], strict);
        world.live_until("2015-05-12T10:00:00Z", silent);
        let overdue: Vec<_> =
            told(&world, &QUIET).into_iter().filter(|mail| mail.1 == MailEvent::Overdue).take(1).collect();
        assert_eq!(overdue, rows(&[expected]), "{row}");
        let is_in_break = |at: &jiff::Timestamp| {
            let day = jiff::tz::TimeZone::UTC.to_datetime(*at).date();
            closed(first, last).first <= day && day <= closed(first, last).last
        };
        let in_break: Vec<_> = world.ticket().outbox.iter().filter(|mail| is_in_break(&mail.at)).collect();
        assert!(in_break.is_empty(), "{row}: {in_break:?}");
        for (time, is_on_hold) in [(first - 1, false), (first, true), (last, true), (last + 1, false)] {
            world.now = at(&format!("2015-05-{time:02}T12:00:00Z"));
            assert_eq!(flags(&world).1, is_on_hold, "{row}: on day {time}");
        }
    }
}

#[test]
fn when_only_signatures_are_missing_that_is_told_once() {
    let mut world = World::with(strict);
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.live_until("2015-06-05T12:00:00Z", silent);
    assert_eq!(world.phase(), Phase::Verifying);
    let expected = [("13 04:00", MailEvent::Reminder, 1)];
    assert_eq!(told(&world, &QUIET), rows(&expected), "as the eighth night ends");
    world.act("2015-06-05T12:00:00Z", Act::Sign { item: "patch".to_owned() }).expect("signed");
    assert_eq!(world.phase(), Phase::Clean);
}

#[test]
fn signatures_are_asked_for_after_the_last_night_that_counts_and_that_is_none_of_a_break() {
    let closed = ClosedDays { first: date(2015, 5, 13), last: date(2015, 5, 17) };
    let mut world = World::where_school_is(|site| site.closed = vec![closed], strict);
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.live_until("2015-05-25T12:00:00Z", silent);
    assert_eq!(told(&world, &QUIET), rows(&[("19 04:00", MailEvent::Reminder, 1)]));
}

#[test]
fn the_end_of_the_watch_is_mailed_with_what_was_watched() {
    let mut world = World::with(strict);
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.act("2015-05-05T11:00:00Z", Act::Sign { item: "patch".to_owned() }).expect("signed");
    world.live_until("2015-06-20T00:00:00Z", silent);
    let expected = [("13 04:00", MailEvent::Clean, 1), ("12 04:00", MailEvent::Closed, 1)];
    assert_eq!(told(&world, &QUIET), rows(&expected));
    assert_eq!(world.ticket().watch(), (4, 4));
}

#[test]
fn a_name_withdrawn_does_not_begin_the_search_anew_and_a_relapse_does() {
    let mut world = World::with(strict);
    let named = Act::NameHost { host: ip(LAB), mac: None, name: None };
    world.act("2015-05-05T12:00:00Z", named).expect("named");
    let withdraw = Act::WithdrawHost { host: ip(LAB), reason: "typo".to_owned() };
    world.act("2015-05-05T13:00:00Z", withdraw).expect("withdrawn");
    assert_eq!(world.ticket().sought_since, at("2015-05-04T09:00:00Z"));
    world.cleaned_at("2015-05-06T08:00:00Z");
    let again = crate::world::report("2015-05-08T09:00:00Z");
    world.act("2015-05-08T10:00:00Z", Act::Report(again)).expect("added");
    assert_eq!((world.phase(), world.ticket().sought_since), (Phase::Reported, at("2015-05-08T10:00:00Z")));
}

#[test]
fn nobody_is_told_while_the_site_is_closed_though_it_fell_due() {
    let closed = ClosedDays { first: date(2015, 5, 6), last: date(2015, 5, 10) };
    for (hours, back, expected, row) in [
        (39, "2015-05-06T00:00:00Z", "11 00:00", "due as the break begins"),
        (38, "2015-05-07T12:00:00Z", "11 00:00", "due before it, with the program down until within it"),
        (38, "2015-05-05T23:00:00Z", "05 23:00", "due before it"),
    ] {
        let mut world = World::where_school_is(
            |site| site.closed = vec![closed],
            |playbook| {
                strict(playbook);
                playbook.due.located = Some(hours * HOUR);
                playbook.due.escalate.clear();
            },
        );
        world.now = at(back);
        world.live_until("2015-05-12T00:00:00Z", silent);
        let overdue: Vec<_> =
            told(&world, &QUIET).into_iter().filter(|mail| mail.1 == MailEvent::Overdue).collect();
        assert_eq!(overdue, rows(&[(expected, MailEvent::Overdue, 1)]), "{row}");
    }
}

fn accept(world: &mut World, time: &str, until: Option<&str>) -> Result<(), String> {
    world.act(time, Act::AcceptRisk { reason: "no spare parts".to_owned(), until: until.map(at) })
}

#[test]
fn an_accepted_risk_ends_by_itself_and_that_is_mailed() {
    let mut world = World::with(strict);
    world.live_until("2015-05-04T18:00:00Z", |window| calls_every_two_hours(window, ip(LAB), None));
    accept(&mut world, "2015-05-04T18:00:00Z", Some("2015-06-01T05:00:00Z")).expect("accepted");
    let risk = world.ticket().risk.clone().expect("a risk");
    assert_eq!((risk.by.as_str(), risk.until), ("tech", Some(at("2015-06-01T05:00:00Z"))));
    world.live_until("2015-06-01T04:59:59Z", silent);
    assert_eq!(world.phase(), Phase::AcceptedRisk);
    world.live_until("2015-06-01T05:00:00Z", silent);
    world.tick();
    assert_eq!((world.phase(), &world.ticket().risk), (Phase::Located, &None), "its host is infected still");
    let because = world.events().into_iter().find_map(|recorded| match recorded.event {
        Event::PhaseChanged { from: Phase::AcceptedRisk, because, .. } => Some(because),
        _ => None,
    });
    assert_eq!(because.as_deref(), Some("the accepted risk of tech expired (no spare parts)"));
    let mails = told(&world, &[]);
    assert_eq!(mails[2..], rows(&[("01 05:00", MailEvent::Opened, 1)]), "after opened and located");
    assert_eq!(world.reopened().ticket(world.ticket).expect("it is there"), world.ticket());
}

#[test]
fn an_accepted_risk_may_have_no_end_and_may_get_another_one() {
    let mut world = World::with(strict);
    let past = accept(&mut world, "2015-05-04T18:00:00Z", Some("2015-05-04T18:00:00Z"));
    assert!(past.expect_err("it is refused").contains("is past"));
    accept(&mut world, "2015-05-04T18:00:00Z", None).expect("accepted");
    assert_eq!(world.engine.next_due(world.now), None, "nothing will happen by itself");
    accept(&mut world, "2015-05-05T18:00:00Z", Some("2015-05-06T00:00:00Z")).expect("with an end now");
    world.live_until("2015-05-06T00:00:00Z", silent);
    world.tick();
    assert_eq!(world.phase(), Phase::Reported);
}

#[test]
fn a_signature_can_be_withdrawn_and_given_again() {
    let mut world = World::with(strict);
    let sign = || Act::Sign { item: "patch".to_owned() };
    let withdraw =
        |reason: &str| Act::WithdrawSignature { item: "patch".to_owned(), reason: reason.to_owned() };
    let refused = world.act("2015-05-04T10:00:00Z", withdraw("typo")).expect_err("not signed yet");
    assert_eq!(refused, "'patch' is not signed: nothing is, so that there is nothing to withdraw");
    world.act("2015-05-04T10:00:00Z", sign()).expect("signed");
    assert!(world.act("2015-05-04T10:00:00Z", sign()).is_err(), "twice");
    assert!(world.act("2015-05-04T10:00:00Z", withdraw(" ")).is_err(), "without a reason");
    world.act("2015-05-04T11:00:00Z", withdraw("it was another machine")).expect("withdrawn");
    assert!(world.ticket().signed.is_empty());
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.live_until("2015-05-14T12:00:00Z", silent);
    assert_eq!(world.phase(), Phase::Verifying);
    world.act("2015-05-14T12:00:00Z", sign()).expect("signed again");
    assert_eq!(world.phase(), Phase::Clean);
    assert!(world.act("2015-05-14T13:00:00Z", withdraw("late")).expect_err("too late").contains("is clean"));
}

#[test]
fn a_signature_survives_a_relapse_is_shown_as_old_and_may_be_given_anew() {
    let mut world = World::with(strict);
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.act("2015-05-05T11:00:00Z", Act::Sign { item: "patch".to_owned() }).expect("signed");
    let is_old = |world: &World| world.ticket().is_before_relapse(&world.ticket().signed["patch"]);
    assert!(!is_old(&world));
    let calls = crate::world::calls_at("2015-05-05T23:00:00Z", LAB, None);
    world.live_until("2015-05-06T12:00:00Z", calls);
    assert!(is_old(&world) && world.ticket().relapses == 1);
    world.act("2015-05-06T12:00:00Z", Act::Sign { item: "patch".to_owned() }).expect("signed anew");
    assert!(!is_old(&world));
}

#[test]
fn a_hold_ends_with_the_ticket_and_is_not_there_when_it_is_taken_up_again() {
    type End = fn() -> Act;
    let ends: [(&str, End); 2] = [
        ("rejected", || Act::Reject { reason: "a duplicate".to_owned() }),
        ("an accepted risk", || Act::AcceptRisk { reason: "no spare parts".to_owned(), until: None }),
    ];
    for (row, end) in ends {
        let mut world = World::with(strict);
        world
            .act("2015-05-04T12:00:00Z", Act::Hold { reason: "exams".to_owned(), until: None })
            .expect("held");
        world.act("2015-05-05T12:00:00Z", end()).expect("ended");
        world.act("2015-05-06T12:00:00Z", Act::Reopen { reason: "it calls".to_owned() }).expect("reopened");
        assert!(world.ticket().hold.is_none(), "{row}");
        let second = |time| Interval::new(at(time), at(time) + Duration::from_secs(1));
        assert!(world.ticket().is_held_in(second("2015-05-05T11:59:59Z")), "{row}: it was");
        assert!(!world.ticket().is_held_in(second("2015-05-05T12:00:00Z")), "{row}: it ended then");
    }
}

#[test]
fn an_act_finds_what_time_alone_has_ended() {
    let hold = |until: &str| Act::Hold { reason: "exams".to_owned(), until: Some(at(until)) };
    let accept = |until: &str| Act::AcceptRisk { reason: "no parts".to_owned(), until: Some(at(until)) };
    let (end, later) = ("2015-05-04T11:00:00Z", "2015-05-04T13:00:00Z");
    let sign = || Act::Sign { item: "patch".to_owned() };
    for (row, first, second, before, after) in [
        ("held again", hold(end), hold(later), "on hold already", Some(at(later))),
        ("signed after a risk", accept(end), sign(), "accepted risk", None),
    ] {
        let mut world = World::with(strict);
        world.act("2015-05-04T09:00:00Z", first).expect("on record");
        let refused = world.act("2015-05-04T10:59:59Z", second.clone()).expect_err("not over");
        assert!(refused.contains(before), "{row}: {refused}");
        world.act(end, second).expect("it is over");
        let held = world.ticket().hold.as_ref().and_then(|hold| hold.until);
        assert_eq!((world.phase().is_open(), held), (true, after), "{row}");
    }
    let mut world = World::with(strict);
    world.act("2015-05-04T09:00:00Z", hold(end)).expect("on hold");
    world.act(end, Act::Resume).expect("who ends it is not told that it is over");
    world.act(end, accept(later)).expect("accepted");
    world.act(later, Act::Reopen { reason: "parts came".to_owned() }).expect("nor here");
}

/// Three runs by hand that prove nothing, in each phase: only where nights are to prove something are they news.
#[test]
fn a_watch_by_hand_of_a_machine_that_nobody_has_cleaned_is_mailed_to_nobody() {
    for (row, is_cleaned, expected) in [("located", false, 0), ("cleaned", true, 1)] {
        let mut world = World::new();
        world.live_until("2015-05-05T10:00:00Z", |window| calls_every_two_hours(window, ip(LAB), None));
        if is_cleaned {
            world.act("2015-05-05T10:00:00Z", Act::Clean { host: None, at: None }).expect("it is cleaned");
        }
        for hour in [11, 12, 13] {
            let start = at(&format!("2015-05-05T{hour}:00:00Z"));
            world.now = start;
            let length = Duration::from_secs(600);
            world.input(&Input::HandRun { stage: StageName::Verify, window_start: start, length });
            world.live_until(&format!("2015-05-05T{hour}:30:00Z"), switched_off);
        }
        let verified = world.ledger().into_iter().filter(|run| run.stage == StageName::Verify);
        assert_eq!(verified.count(), 3, "{row}");
        let told = world.mails().into_iter().filter(|event| *event == MailEvent::Inconclusive).count();
        assert_eq!(told, expected, "{row}");
    }
}
