//! What are people told about their part of the work, and when? Reminders, due dates, escalations,
//! holds and school breaks, over weeks.

use crate::world::{LAB, World, at, calls_every_two_hours, ip, silent};
use allclear::pure::playbook::{Escalation, MailEvent, Notify, Playbook, Recipient};
use allclear::pure::site::ClosedDays;
use allclear::pure::ticket::{Act, Event, Phase, stand};
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
fn signatures_are_not_asked_for_in_a_break_but_after_it() {
    let closed = ClosedDays { first: date(2015, 5, 13), last: date(2015, 5, 17) };
    let mut world = World::where_school_is(|site| site.closed = vec![closed], strict);
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.live_until("2015-05-25T12:00:00Z", silent);
    assert_eq!(told(&world, &QUIET), rows(&[("18 00:00", MailEvent::Reminder, 1)]));
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
