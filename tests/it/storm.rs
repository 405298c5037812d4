//! Does nobody get a storm of mail, and is nothing lost in the calm? Repeats wait for a quarter of an hour,
//! what is more than an hour may have waits for its turn, and each mail is told once.

use crate::inbox::idle_edges;
use crate::world::{World, at, ip, report};
use allclear::edge::perform;
use allclear::engine::Opening;
use allclear::pure::playbook::{MailEvent, Notify, Recipient};
use allclear::pure::ticket::{ALLCLEAR, Act, Effect, Event, HoldReason, Input, Mail, Never, Round, TicketId};
use jiff::{SignedDuration, Timestamp};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

/// What a mail server says of a mail.
#[derive(Clone, Copy, PartialEq)]
pub enum Answer {
    Yes,
    Later,
    Never,
}

/// Everything that a mail server took: when, of which ticket, and which mail.
pub type Taken = Vec<(Timestamp, TicketId, u64)>;

/// Lets time pass and mail go out until `end`; captures come to nothing.
pub fn deliver_until(world: &mut World, end: &str, answer: impl Fn(Timestamp) -> Answer) -> Taken {
    deliver_each_until(world, end, |now, _| answer(now))
}

/// The same, where the answer is another one for each recipient.
pub fn deliver_each_until(world: &mut World, end: &str, answer: impl Fn(Timestamp, &str) -> Answer) -> Taken {
    let (mut taken, end) = (Taken::new(), at(end));
    loop {
        world.tick();
        let mut is_quiet = true;
        for effect in world.engine.effects(world.now) {
            let Effect::SendMail { ticket, mail, to } = effect else { continue };
            is_quiet = false;
            let failed = |never| Input::MailFailed { mail, to: to.clone(), error: "no".to_owned(), never };
            let said = answer(world.now, &to);
            let input = match said {
                Answer::Yes => Input::MailAccepted { mail, to: to.clone() },
                Answer::Later => failed(None),
                Answer::Never => failed(Some(Never::Refused)),
            };
            taken.extend((said == Answer::Yes).then_some((world.now, ticket, mail)));
            world.engine.step(world.now, ALLCLEAR, ticket, &input).expect("an answer is taken");
        }
        let due = [world.engine.next_due(world.now), world.engine.next_retry(world.now)];
        let next = due.into_iter().flatten().min().filter(|next| *next <= end);
        match next {
            _ if !is_quiet => {}
            Some(next) => world.now = world.now.max(next),
            None => break,
        }
    }
    world.now = end;
    taken
}

pub fn open(world: &mut World, tickets: usize) {
    for number in 0..tickets {
        let opening = Opening {
            reference: Some(format!("MARS-{number}")),
            site: "springfield".to_owned(),
            playbook: "conficker".to_owned(),
            public: ip("192.0.2.17"),
            reports: vec![report("2015-05-04T08:00:00Z")],
        };
        world.now += SignedDuration::from_millis(500);
        world.engine.open_ticket(world.now, "engineer", opening).expect("a ticket opens");
    }
}

pub fn quiet(limit: u32) -> World {
    let mut world = World::without_ticket(
        |_| {},
        |playbook| {
            playbook.notify[0].events = vec![MailEvent::Opened, MailEvent::Located, MailEvent::Relapsed];
            playbook.due = Default::default();
        },
    );
    let mut library = world.engine.library().clone();
    library.site_file.mail.as_mut().expect("there is mail").hourly_limit = limit;
    world.engine = world.reopened_with(library);
    world
}

/// Which mails each mail of no ticket tells.
pub fn told_in(world: &World) -> BTreeMap<u64, BTreeSet<(TicketId, u64)>> {
    let events = world.engine.history(TicketId::NONE).expect("the log can be read");
    let rounds = events.into_iter().filter_map(|recorded| match recorded.event {
        Event::RoundQueued { round: Round::Folded(folded), .. } => {
            Some((recorded.seq, folded.iter().map(|folded| (folded.ticket, folded.mail)).collect()))
        }
        _ => None,
    });
    rounds.collect()
}

/// Each mail of each ticket was taken once: by itself, or in one that was.
fn assert_all_told(world: &World, taken: &Taken) {
    let direct: BTreeSet<(TicketId, u64)> = taken.iter().map(|(_, ticket, mail)| (*ticket, *mail)).collect();
    assert_eq!(direct.len(), taken.len(), "none is taken twice");
    let mut told: BTreeMap<(TicketId, u64), usize> = BTreeMap::new();
    direct.iter().for_each(|id| *told.entry(*id).or_default() += 1);
    for (_, folded) in told_in(world).iter().filter(|(seq, _)| direct.contains(&(TicketId::NONE, **seq))) {
        folded.iter().for_each(|id| *told.entry(*id).or_default() += 1);
    }
    for ticket in world.engine.tickets() {
        for mail in &ticket.outbox {
            for folded in mail.folds.iter().filter(|_| direct.contains(&(ticket.id, mail.seq))) {
                *told.entry((ticket.id, *folded)).or_default() += 1;
            }
        }
        for mail in &ticket.outbox {
            assert_eq!(told.get(&(ticket.id, mail.seq)), Some(&1), "ticket {} {mail:?}", ticket.id);
        }
    }
}

fn most_in_an_hour(taken: &Taken) -> usize {
    let hour = SignedDuration::from_hours(1);
    let within = |from: &Timestamp| {
        let since = taken.iter().map(|(time, ..)| time.duration_since(*from));
        since.filter(|since| (SignedDuration::ZERO..hour).contains(since)).count()
    };
    taken.iter().map(|(time, ..)| within(time)).max().unwrap_or(0)
}

#[test]
fn a_hundred_tickets_in_a_minute_are_twenty_mails_and_one_that_tells_the_rest() {
    for (tickets, limit, by_themselves, together) in [
        (20, 20, 20, vec![]),
        (21, 20, 21, vec![]),
        (22, 20, 20, vec![2]),
        (100, 20, 20, vec![80]),
        (3, 1, 1, vec![2]),
    ] {
        let mut world = quiet(limit);
        open(&mut world, tickets);
        let taken = deliver_until(&mut world, "2015-05-04T10:30:00Z", |_| Answer::Yes);
        let (rounds, direct): (Taken, Taken) =
            taken.iter().partition(|(_, ticket, _)| *ticket == TicketId::NONE);
        assert_eq!(direct.len(), by_themselves, "{tickets} tickets, {limit} an hour");
        let sizes: Vec<usize> = told_in(&world).values().map(BTreeSet::len).collect();
        assert_eq!((sizes, rounds.len()), (together.clone(), together.len()), "{tickets} tickets");
        assert!(most_in_an_hour(&taken) <= limit as usize, "{tickets} tickets, {limit} an hour");
        assert_all_told(&world, &taken);
        assert_eq!(world.reopened().rounds(), world.engine.rounds(), "the log folds to the same");
    }
}

#[test]
fn more_than_one_mail_tells_go_on_in_the_next() {
    let mut world = quiet(20);
    open(&mut world, 250);
    let taken = deliver_until(&mut world, "2015-05-04T10:30:00Z", |_| Answer::Yes);
    let sizes: Vec<usize> = told_in(&world).values().map(BTreeSet::len).collect();
    assert_eq!(sizes, [100, 100, 30]);
    assert_all_told(&world, &taken);
}

#[test]
fn while_the_server_is_down_mails_wait_and_are_told_together_when_it_is_back() {
    let back = at("2015-05-04T14:00:00Z");
    let mut world = quiet(5);
    open(&mut world, 30);
    let answer = |now| if now < back { Answer::Later } else { Answer::Yes };
    let taken = deliver_until(&mut world, "2015-05-05T04:00:00Z", answer);
    assert!(most_in_an_hour(&taken) <= 5);
    assert_eq!((taken.len(), told_in(&world).len()), (6, 1));
    assert_all_told(&world, &taken);
}

#[test]
fn whom_the_server_refuses_nothing_waits_for() {
    let mut world = quiet(5);
    open(&mut world, 12);
    deliver_until(&mut world, "2015-05-04T10:30:00Z", |_| Answer::Never);
    let outboxes = world.engine.tickets().flat_map(|ticket| &ticket.outbox);
    let waiting = outboxes.filter(|mail| !mail.held.is_empty() || mail.pending().next().is_some());
    assert_eq!(waiting.count(), 0);
    assert_eq!(told_in(&world).values().map(BTreeSet::len).collect::<Vec<_>>(), [7]);
    assert_eq!(world.engine.rounds()[0].troubles.len(), 1, "shown as refused");
}

/// Tickets of a coordinator, where an engineer hears of what is overdue.
pub fn watched() -> World {
    let mut world = quiet(5);
    let mut library = world.engine.library().clone();
    let playbook = library.playbooks.get_mut("conficker").expect("the playbook is there");
    let engineer = vec![Recipient::Mailbox("engineer@dis.example".to_owned())];
    playbook.notify.push(Notify { events: vec![MailEvent::Overdue], to: engineer });
    world.engine = world.reopened_with(library);
    world
}

/// The coordinator's server never takes a mail, everybody else's does.
pub fn never_tech(_: Timestamp, to: &str) -> Answer {
    if to.contains("tech@") { Answer::Never } else { Answer::Yes }
}

/// Several tickets whose coordinator gets nothing are one mail to whoever else hears of that; the next that are
/// lost there are told an hour later.
#[test]
fn others_are_told_once_of_all_that_one_person_does_not_get() {
    for (tickets, own) in [(1, TicketId(1)), (2, TicketId::NONE), (100, TicketId::NONE)] {
        let mut world = watched();
        open(&mut world, tickets);
        let taken = deliver_each_until(&mut world, "2015-05-04T09:30:00Z", never_tech);
        let [(time, ticket, seq)] = taken[..] else { panic!("{tickets} tickets: {taken:?}") };
        assert_eq!(ticket, own, "{tickets} tickets");
        assert!(time < at("2015-05-04T09:10:00Z"), "{tickets} tickets: {time}");
        let told = told_in(&world).get(&seq).map_or(1, BTreeSet::len);
        assert_eq!(told, tickets, "all of them");
        open(&mut world, 3);
        let taken = deliver_each_until(&mut world, "2015-05-04T12:00:00Z", never_tech);
        let times: Vec<Timestamp> = taken.iter().map(|(time, ..)| *time).collect();
        assert_eq!(times, [time + SignedDuration::from_hours(1)], "{tickets} tickets");
        assert!(world.reopened().tickets().eq(world.engine.tickets()), "the log folds to the same");
    }
}

/// Three mails to a coordinator are lost, and a fourth is taken: nobody else is told, and the three go again,
/// once, in one mail. Where that one is refused too, others are told of them.
#[test]
fn what_a_person_missed_goes_again_when_that_one_is_reached() {
    type Row = (&'static str, &'static [Answer], &'static [(&'static str, u32)]);
    let rows: [Row; 3] = [
        ("reached", &[Answer::Yes; 3], &[("tech", 4), ("tech", 0), ("tech", 5)]),
        (
            "refused again",
            &[Answer::Yes, Answer::Never, Answer::Yes, Answer::Yes],
            &[("tech", 4), ("tech", 5), ("engineer", 0)],
        ),
        ("not reached", &[Answer::Never; 2], &[("engineer", 0)]),
    ];
    for (row, answers, expected) in rows {
        let mut world = watched();
        open(&mut world, 3);
        assert_eq!(deliver_each_until(&mut world, "2015-05-04T09:04:00Z", never_tech), [], "{row}: it waits");
        let (said, readers) = (Cell::new(0), RefCell::new(Vec::new()));
        let answer = |_: Timestamp, to: &str| {
            let is_tech = to.contains("tech@");
            let of_tech = || answers.get(said.replace(said.get() + 1)).copied().unwrap_or(Answer::Never);
            let answer = if is_tech { of_tech() } else { Answer::Yes };
            let reader = if is_tech { "tech" } else { "engineer" };
            readers.borrow_mut().extend((answer == Answer::Yes).then_some(reader));
            answer
        };
        let mut taken = Taken::new();
        for end in ["2015-05-04T09:04:30Z", "2015-05-04T12:30:00Z"] {
            open(&mut world, 1);
            taken.extend(deliver_each_until(&mut world, end, answer));
        }
        let tickets = taken.iter().map(|(_, ticket, _)| ticket.0);
        let got: Vec<(&str, u32)> = readers.take().into_iter().zip(tickets).collect();
        assert_eq!(got, expected, "{row}");
        let told = taken.iter().filter_map(|(_, _, seq)| told_in(&world).remove(seq)).flatten();
        let lost: BTreeSet<TicketId> = told.map(|(ticket, _)| ticket).collect();
        assert!((1..=3).all(|id| lost.contains(&TicketId(id))), "{row}: somebody hears of each: {lost:?}");
        let waiting = world.engine.tickets().flat_map(|ticket| &ticket.outbox);
        assert_eq!(waiting.filter(|mail| mail.hoping().next().is_some()).count(), 0, "{row}: nothing waits");
        assert!(world.reopened().tickets().eq(world.engine.tickets()), "{row}: the log folds to the same");
    }
}

/// Twelve tickets whose coordinator is refused: five mails by themselves, and the one that tells seven. With
/// the lost mail, and what it told.
fn lost() -> (World, u64, BTreeSet<(TicketId, u64)>) {
    let mut world = watched();
    open(&mut world, 12);
    deliver_each_until(&mut world, "2015-05-04T09:30:00Z", never_tech);
    let (seq, told) = told_in(&world).into_iter().next().expect("some are told together");
    assert_eq!(told.len(), 7);
    (world, seq, told)
}

#[test]
fn what_a_lost_mail_told_is_lost_on_its_tickets_and_told_to_others() {
    let (world, _, _) = lost();
    for ticket in world.engine.tickets() {
        let kinds: Vec<MailEvent> = ticket.outbox.iter().map(|mail| mail.event).collect();
        assert_eq!(kinds, [MailEvent::Opened, MailEvent::Undeliverable], "ticket {}", ticket.id);
        assert!(ticket.outbox[0].missing().next().is_some(), "ticket {}: shown as lost", ticket.id);
    }
    assert!(world.reopened().tickets().eq(world.engine.tickets()), "the log folds to the same");
}

/// Whoever is named now gets what a lost mail told, once more in one mail.
#[test]
fn what_a_lost_mail_told_goes_again_together_to_whom_the_files_name_now() {
    type Row = (&'static str, fn(&mut World, u64));
    let rows: [Row; 2] = [
        ("the lost mail", |world, seq| retry(world, TicketId::NONE, Some(seq))),
        ("everything", |world, _| {
            (1..=12).for_each(|id| retry(world, TicketId(id), None));
            retry(world, TicketId::NONE, None);
        }),
    ];
    for (row, again) in rows {
        let (mut world, seq, told) = lost();
        tell(&mut world, "new@springfield.example");
        world.now = at("2015-05-04T12:00:00Z");
        again(&mut world, seq);
        assert!(
            world.engine.rounds().iter().all(|mail| mail.missing().next().is_none()),
            "{row}: it is over"
        );
        let taken = deliver_until(&mut world, "2015-05-04T13:30:00Z", |_| Answer::Yes);
        let again: Vec<u64> =
            told_in(&world).into_iter().filter(|(_, mails)| *mails == told).map(|(seq, _)| seq).collect();
        assert_eq!((again.len(), again[0]), (2, seq), "{row}: once more, in one");
        assert!(
            taken.iter().any(|(_, ticket, mail)| *ticket == TicketId::NONE && *mail == again[1]),
            "{row}"
        );
        for (ticket, mail) in &told {
            let mail = world.engine.mail(*ticket, *mail).expect("it is there");
            assert_eq!(mail.to, ["new@springfield.example"], "{row}");
            assert_eq!(mail.missing().next(), None, "{row}: ticket {ticket} is told");
        }
        assert!(world.reopened().tickets().eq(world.engine.tickets()), "{row}: the log folds to the same");
    }
}

/// Of three recipients two get nothing, and the third waits for the limit: what the lost mail told one of them goes
/// again to that one, and to no other.
#[test]
fn what_a_lost_mail_told_goes_again_to_its_own_recipient_alone() {
    let [tech, gone, boss] =
        ["tech@springfield.example", "gone@springfield.example", "boss@springfield.example"];
    let mut world = watched();
    let mut library = world.engine.library().clone();
    let playbook = library.playbooks.get_mut("conficker").expect("the playbook is there");
    playbook.notify[0].to = [tech, gone, boss].map(|to| Recipient::Mailbox(to.to_owned())).to_vec();
    world.engine = world.reopened_with(library);
    open(&mut world, 12);
    let answer =
        |_: Timestamp, to: &str| if [tech, gone].contains(&to) { Answer::Never } else { Answer::Yes };
    deliver_each_until(&mut world, "2015-05-04T09:30:00Z", answer);
    let lost = world.engine.rounds().iter().find(|mail| mail.to == [tech] && mail.is_lost(tech));
    let lost = lost.expect("a mail that told others is lost").seq;
    let held = |world: &World| {
        let mails = world.engine.tickets().flat_map(|ticket| &ticket.outbox);
        mails.flat_map(|mail| &mail.held).filter(|held| held.to == boss).count()
    };
    let before = held(&world);
    assert!(before >= 7, "{before}");
    retry(&mut world, TicketId::NONE, Some(lost));
    assert_eq!(held(&world), before, "nothing is let go");
    let to = |effect| if let Effect::SendMail { to, .. } = effect { Some(to) } else { None };
    assert_eq!(world.engine.effects(world.now).into_iter().find_map(to), None);
    let mut readers = BTreeMap::<String, usize>::new();
    world.tick();
    for to in world.engine.effects(world.now).into_iter().filter_map(to) {
        *readers.entry(to).or_default() += 1;
    }
    assert_eq!(readers, BTreeMap::from([(tech.to_owned(), 1)]), "together");
    let opened: Vec<&Mail> = world.engine.tickets().map(|ticket| &ticket.outbox[0]).collect();
    assert!(opened.iter().all(|mail| mail.is_lost(gone)), "of that one nothing goes again");
    assert_eq!(opened.iter().filter(|mail| !mail.is_lost(tech)).count(), 7);
}

/// A playbook that is away while somebody writes it is no text of a mail.
#[test]
fn what_cannot_be_written_now_is_written_when_it_is_sent() {
    let edges = idle_edges();
    for (row, is_there) in [("there", true), ("away", false)] {
        let mut world = quiet(5);
        open(&mut world, 1);
        let mut library = world.engine.library().clone();
        library.playbooks.retain(|_, _| is_there);
        world.engine = world.reopened_with(library);
        let seq = world.ticket().outbox[0].seq;
        let lines = perform::lines(&world.engine, &edges, (TicketId(1), seq), world.now);
        assert_eq!(lines.is_some(), is_there, "{row}: {lines:?}");
    }
}

fn retry(world: &mut World, ticket: TicketId, mail: Option<u64>) {
    let retry = Input::Act(Act::RetryMail { mail });
    world.engine.step(world.now, "tech", ticket, &retry).expect("it is sent again");
}

fn name(world: &mut World, time: &str, host: &str) {
    let act = Act::NameHost { host: ip(host), mac: None, name: None };
    world.act(time, act).expect("a host is named");
}

/// One ticket, whose first machine is named at ten and told of.
fn located() -> World {
    located_within(20)
}

fn located_within(limit: u32) -> World {
    let mut world = quiet(limit);
    open(&mut world, 1);
    deliver_until(&mut world, "2015-05-04T09:30:00Z", |_| Answer::Yes);
    name(&mut world, "2015-05-04T10:00:00Z", "10.16.0.1");
    assert_eq!(deliver_until(&mut world, "2015-05-04T10:00:01Z", |_| Answer::Yes).len(), 1, "at once");
    world
}

/// Nothing new: the machine that was named is taken back and named once more.
fn name_again(world: &mut World, time: &str) {
    let (host, reason) = (ip("10.16.0.1"), "a slip".to_owned());
    world.act(time, Act::WithdrawHost { host, reason }).expect("it is taken back");
    name(world, time, "10.16.0.1");
}

#[test]
fn a_machine_that_the_last_mail_did_not_name_waits_for_nothing_but_the_limit() {
    type Row = (&'static str, u32, fn(&mut World), Option<HoldReason>);
    let rows: [Row; 4] = [
        ("one more", 20, |world| name(world, "2015-05-04T10:01:00Z", "10.16.0.2"), None),
        (
            "beyond the limit",
            2,
            |world| {
                name(world, "2015-05-04T10:01:00Z", "10.16.0.2");
                name(world, "2015-05-04T10:02:00Z", "10.16.0.3");
            },
            Some(HoldReason::Limit),
        ),
        ("the same", 20, |world| name_again(world, "2015-05-04T10:01:00Z"), Some(HoldReason::Repeat)),
        (
            "fewer",
            20,
            |world| {
                name(world, "2015-05-04T10:01:00Z", "10.16.0.2");
                let (host, reason) = (ip("10.16.0.2"), "a slip".to_owned());
                world
                    .act("2015-05-04T10:02:00Z", Act::WithdrawHost { host, reason })
                    .expect("it is taken back");
                name_again(world, "2015-05-04T10:03:00Z");
            },
            Some(HoldReason::Repeat),
        ),
    ];
    for (row, limit, happen, expected) in rows {
        let mut world = located_within(limit);
        happen(&mut world);
        let last = world.ticket().outbox.last().expect("a mail");
        let held: Vec<HoldReason> = last.held.iter().map(|held| held.why).collect();
        assert_eq!((last.event, held), (MailEvent::Located, expected.into_iter().collect()), "{row}");
    }
}

#[test]
fn a_repeat_within_a_quarter_of_an_hour_waits_for_its_end() {
    for (row, named, expected) in [
        ("at once", "2015-05-04T10:00:01Z", "2015-05-04T10:15:00Z"),
        ("a second before", "2015-05-04T10:14:59Z", "2015-05-04T10:15:00Z"),
        ("just then", "2015-05-04T10:15:00Z", "2015-05-04T10:15:00Z"),
        ("later", "2015-05-04T10:20:00Z", "2015-05-04T10:20:00Z"),
    ] {
        let mut world = located();
        name_again(&mut world, named);
        let is_held = at(named) < at("2015-05-04T10:15:00Z");
        let held: Vec<HoldReason> = world.ticket().outbox[2].held.iter().map(|held| held.why).collect();
        assert_eq!(held, vec![HoldReason::Repeat; usize::from(is_held)], "{row}");
        let taken = deliver_until(&mut world, "2015-05-04T11:00:00Z", |_| Answer::Yes);
        let times: Vec<Timestamp> = taken.iter().map(|(time, ..)| *time).collect();
        assert_eq!((times, taken[0].1), (vec![at(expected)], TicketId(1)), "{row}: by itself");
    }
}

#[test]
fn several_repeats_are_one_mail() {
    let mut world = located();
    for time in ["2015-05-04T10:01:00Z", "2015-05-04T10:02:00Z"] {
        name_again(&mut world, time);
    }
    let taken = deliver_until(&mut world, "2015-05-04T10:30:00Z", |_| Answer::Yes);
    let [(time, ticket, _)] = taken[..] else { panic!("{taken:?}") };
    assert_eq!((time, ticket), (at("2015-05-04T10:15:00Z"), TicketId::NONE));
    assert_eq!(told_in(&world).values().map(BTreeSet::len).collect::<Vec<_>>(), [2]);
}

#[test]
fn what_waits_is_told_in_the_next_mail_about_its_ticket() {
    let mut world = located();
    name_again(&mut world, "2015-05-04T10:01:00Z");
    let waiting = world.ticket().outbox.last().expect("a mail").seq;
    let because = |reason: &str| reason.to_owned();
    world.act("2015-05-04T10:02:00Z", Act::Reject { reason: because("not ours") }).expect("rejected");
    world.act("2015-05-04T10:03:00Z", Act::Reopen { reason: because("ours") }).expect("reopened");
    let last = world.ticket().outbox.last().expect("a mail");
    assert_eq!((last.event, &last.folds[..], last.held.len()), (MailEvent::Opened, &[waiting][..], 0));
    let taken = deliver_until(&mut world, "2015-05-04T11:00:00Z", |_| Answer::Yes);
    assert_eq!(taken.len(), 1, "and in no other");
    assert!(told_in(&world).is_empty());
}

/// Three tickets wait for one person: the first is located after it is opened, the last taken up again after
/// it is located.
#[test]
fn of_each_ticket_the_newest_leads_and_tickets_stand_in_order_of_urgency() {
    let mut world = quiet(1);
    open(&mut world, 4);
    deliver_until(&mut world, "2015-05-04T09:10:00Z", |_| Answer::Yes);
    let mut act = |ticket, act| {
        world.now += SignedDuration::from_secs(1);
        world.engine.step(world.now, "tech", TicketId(ticket), &Input::Act(act)).expect("it is done");
    };
    let located = Act::NameHost { host: ip("10.16.0.1"), mac: None, name: None };
    act(4, located.clone());
    act(4, Act::Reject { reason: "not ours".to_owned() });
    act(4, Act::Reopen { reason: "ours".to_owned() });
    act(3, located);
    deliver_until(&mut world, "2015-05-04T10:30:00Z", |_| Answer::Yes);
    let events = world.engine.history(TicketId::NONE).expect("the log can be read");
    let folded = events.iter().find_map(|recorded| match &recorded.event {
        Event::RoundQueued { round: Round::Folded(folded), .. } => Some(folded),
        _ => None,
    });
    let told: Vec<(u32, MailEvent)> = folded
        .expect("they are told together")
        .iter()
        .map(|told| (told.ticket.0, world.engine.mail(told.ticket, told.mail).expect("a mail").event))
        .collect();
    use MailEvent::{Located, Opened};
    assert_eq!(told, [(3, Located), (3, Opened), (2, Opened), (4, Opened), (4, Located), (4, Opened)]);
}

/// Forty tickets with three mails each, of which one mail tells a hundred: whole tickets, and the rest in the next.
#[test]
fn what_is_told_of_a_ticket_is_told_in_one_mail() {
    let mut world = quiet(1);
    open(&mut world, 1);
    deliver_until(&mut world, "2015-05-04T09:05:00Z", |_| Answer::Yes);
    open(&mut world, 40);
    for id in 2..=41 {
        world.ticket = TicketId(id);
        name(&mut world, "2015-05-04T09:06:00Z", "10.16.5.5");
        for act in [Act::Reject { reason: "not ours".to_owned() }, Act::Reopen { reason: "ours".to_owned() }]
        {
            world.act("2015-05-04T09:07:00Z", act).expect("it is done");
        }
    }
    deliver_until(&mut world, "2015-05-04T13:00:00Z", |_| Answer::Yes);
    let told: Vec<usize> = told_in(&world).values().map(BTreeSet::len).collect();
    assert_eq!(told, [99, 21], "33 tickets, then 7");
    let of_tickets =
        |told: &BTreeSet<(TicketId, u64)>| told.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>();
    let tickets: Vec<usize> = told_in(&world).values().map(|told| of_tickets(told).len()).collect();
    assert_eq!(tickets, [33, 7]);
}

#[test]
fn one_person_under_two_names_has_one_letterbox() {
    let mut world = quiet(2);
    let mut library = world.engine.library().clone();
    let playbook = library.playbooks.get_mut("conficker").expect("the playbook is there");
    let other = "SOC <TECH@springfield.example>".to_owned();
    playbook.notify[0].to.push(Recipient::Mailbox(other));
    world.engine = world.reopened_with(library);
    open(&mut world, 3);
    let taken = deliver_until(&mut world, "2015-05-04T09:59:00Z", |_| Answer::Yes);
    assert_eq!(taken.len(), 2, "{taken:?}");
}

/// Mails that a server puts off fill up no limit for the days until they are given up; what comes on top of
/// twice the limit waits, so that the end of an outage is no storm.
#[test]
fn what_a_server_puts_off_holds_up_others_only_beyond_twice_the_limit() {
    for (put_off, expected) in [(5, 0), (9, 0), (10, 1)] {
        let mut world = quiet(5);
        let morning = ["2015-05-04T10:00:00Z", "2015-05-04T11:00:00Z"];
        for (end, tickets) in morning.into_iter().zip([5, put_off - 5]) {
            open(&mut world, tickets);
            assert_eq!(deliver_until(&mut world, end, |_| Answer::Later), [], "put off");
        }
        open(&mut world, 1);
        let last = world.engine.tickets().last().expect("a ticket");
        assert_eq!(last.outbox[0].held.len(), expected, "{put_off} are put off");
    }
}

#[test]
fn what_a_server_puts_off_makes_no_repeats() {
    for (row, is_tried, expected) in [("not tried yet", false, 1), ("put off", true, 0)] {
        let mut world = located();
        name(&mut world, "2015-05-04T10:30:00Z", "10.16.0.2");
        if is_tried {
            deliver_until(&mut world, "2015-05-04T10:30:30Z", |_| Answer::Later);
        }
        name_again(&mut world, "2015-05-04T10:31:00Z");
        assert_eq!(world.ticket().outbox.last().expect("a mail").held.len(), expected, "{row}");
    }
}

/// From now on the playbook tells this mailbox, and no other.
fn tell(world: &mut World, mailbox: &str) {
    let mut library = world.engine.library().clone();
    let playbook = library.playbooks.get_mut("conficker").expect("the playbook is there");
    playbook.notify[0].to = vec![Recipient::Mailbox(mailbox.to_owned())];
    world.engine = world.reopened_with(library);
}

/// A mail to an address that is mended leaves nothing behind at the old one: not a place of the limit, and
/// nothing that later mails are repeats of.
#[test]
fn a_mail_that_is_readdressed_is_under_way_to_its_old_recipient_no_more() {
    let mut world = quiet(1);
    for end in ["2015-05-04T09:30:00Z", "2015-05-04T10:00:00Z"] {
        open(&mut world, 1);
        deliver_until(&mut world, end, |_| Answer::Later);
    }
    let old = world.ticket().outbox[0].to[0].clone();
    tell(&mut world, "new@springfield.example");
    for id in [TicketId(1), TicketId(2)] {
        let retry = Input::Act(Act::RetryMail { mail: None });
        world.engine.step(world.now, "tech", id, &retry).expect("it is readdressed");
    }
    assert_eq!(deliver_until(&mut world, "2015-05-04T10:10:00Z", |_| Answer::Yes).len(), 2);
    tell(&mut world, &old);
    open(&mut world, 1);
    let taken = deliver_until(&mut world, "2015-05-04T10:30:00Z", |_| Answer::Yes);
    assert_eq!(taken.iter().map(|(_, ticket, _)| *ticket).collect::<Vec<_>>(), [TicketId(3)]);
}

/// Who is held back from a mail gets it at once when a person asks for that mail, whatever the limit; asking for
/// all of them lets none go. Nothing is forgotten of it, and nobody gets it twice.
#[test]
fn a_held_mail_goes_when_a_person_asks_for_it_and_no_other_does() {
    for (row, tickets, mail_of, expected) in
        [("by its number", 3, Some(TicketId(3)), &[TicketId(3)][..]), ("all of them", 3, None, &[])]
    {
        let mut world = quiet(1);
        open(&mut world, tickets);
        deliver_until(&mut world, "2015-05-04T09:10:00Z", |_| Answer::Yes);
        let held: Vec<(TicketId, u64, String)> = world
            .engine
            .tickets()
            .flat_map(|ticket| ticket.outbox.iter().map(|mail| (ticket.id, mail)))
            .flat_map(|(id, mail)| mail.held.iter().map(move |held| (id, mail.seq, held.to.clone())))
            .collect();
        assert_eq!(held.len(), 2, "{row}");
        let until = world.engine.held_until(&held[0].2).expect("the first one is out");
        assert!(until > world.now && until <= world.now + SignedDuration::from_hours(1), "{row}: {until}");
        for (id, mail, _) in held.iter().filter(|(id, ..)| mail_of.is_none_or(|wanted| wanted == *id)) {
            let before = world.engine.mail(*id, *mail).cloned().expect("a mail");
            let act = Input::Act(Act::RetryMail { mail: mail_of.map(|_| *mail) });
            let asked = world.engine.step(world.now, "tech", *id, &act);
            assert_eq!(asked.is_ok(), mail_of.is_some(), "{row}: {asked:?}");
            let after = world.engine.mail(*id, *mail).cloned().expect("a mail");
            assert_eq!((before.waits_since(), before.retried), (after.waits_since(), after.retried), "{row}");
        }
        let taken = deliver_until(&mut world, "2015-05-04T09:10:01Z", |_| Answer::Yes);
        assert_eq!(taken.iter().map(|(_, ticket, _)| *ticket).collect::<Vec<_>>(), expected, "{row}");
        let rest = deliver_until(&mut world, "2015-05-04T12:00:00Z", |_| Answer::Yes);
        assert_eq!(rest.len(), 1, "{row}: what is left goes at its time, alone or together");
    }
}
