//! What becomes of contacts that a `detect` run sees, without anybody having complained? Seasons on a
//! virtual clock.

use crate::world::{LAB, OFFICE, Seen, World, at, calls_at, detect, ip, silent};
use allclear::pure::detection::TICKETS_MAX;
use allclear::pure::interval::Interval;
use allclear::pure::packet::Mac;
use allclear::pure::playbook::{MailEvent, Playbook, StageName};
use allclear::pure::schedule::Schedule;
use allclear::pure::ticket::{Act, Phase, Run, Ticket, stand};
use allclear::pure::verdict::{Ending, Outcome, ReasonCode, Verdict};
use jiff::Timestamp;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

const MAC: Mac = Mac([2, 0, 10, 16, 24, 93]);

fn with_detect(playbook: &mut Playbook) {
    playbook.detect = Some(detect());
}

/// A school that nobody complained of.
fn quiet_school() -> World {
    World::without_ticket(|_| {}, with_detect)
}

/// A school of which somebody complained.
fn school() -> World {
    World::with(with_detect)
}

/// Every host calls once in each quarter of an hour.
fn calling(hosts: &[IpAddr]) -> impl Fn(Interval) -> Seen + use<'_> {
    move |window| {
        let times = (window.from.as_second()..window.to.as_second()).step_by(900);
        let time = |second| Timestamp::from_second(second).expect("in range");
        let contacts = hosts.iter().flat_map(|host| times.clone().map(|second| (*host, None, time(second))));
        let present = hosts.iter().map(|host| (*host, None));
        Seen { contacts: contacts.collect(), present: present.collect(), ..Seen::default() }
    }
}

fn tickets(world: &World) -> Vec<&Ticket> {
    world.engine.tickets().collect()
}

fn hosts(ticket: &Ticket) -> Vec<String> {
    ticket.hosts.iter().map(|host| host.host.to_string()).collect()
}

fn ledger(world: &World) -> Vec<Run> {
    let ledger = world.engine.detection_ledger(Timestamp::MIN, world.now).expect("the log can be read");
    ledger.runs.into_iter().map(|(_, run)| run).collect()
}

fn outcomes(world: &World) -> Vec<(Outcome, ReasonCode, usize)> {
    let mut counts: Vec<(Outcome, ReasonCode, usize)> = Vec::new();
    for end in ledger(world).iter().filter_map(|run| run.end.as_ref()) {
        let code = end.reasons.first().map_or(ReasonCode::Contacts, |reason| reason.code);
        match counts.last_mut().filter(|(outcome, last, _)| (*outcome, *last) == (end.outcome, code)) {
            Some((_, _, count)) => *count += 1,
            None => counts.push((end.outcome, code, 1)),
        }
    }
    counts
}

#[test]
fn a_host_that_calls_all_night_opens_one_ticket() {
    let mut world = quiet_school();
    let lab = [ip(LAB)];
    world.live_until("2015-05-05T09:00:00Z", calling(&lab));
    let [ticket] = tickets(&world)[..] else { panic!("{} tickets", tickets(&world).len()) };
    assert_eq!((ticket.phase, hosts(ticket)), (Phase::Located, vec![LAB.to_owned()]));
    let [report] = &ticket.reports[..] else { panic!("{:?}", ticket.reports) };
    assert_eq!((report.origin.as_str(), report.malware.as_deref()), ("detect", Some("conficker")));
    assert_eq!(report.seen, at("2015-05-04T09:30:00Z"), "the first contact's own time");
    assert_eq!((ticket.public, report.public), (ip("192.0.2.17"), Some(ip("192.0.2.17"))));
    let detected = ticket.runs.iter().filter(|run| run.stage == StageName::Detect).count();
    assert_eq!(detected, 47, "every run from 09:30 on that saw it");
    assert_eq!(ticket.hosts[0].contacts.len(), 94, "seen by both stages, counted once");
    assert_eq!(world.mails(), [MailEvent::Located], "who is told that it is located needs no other mail");
}

#[test]
fn each_of_two_hosts_gets_a_ticket_that_knows_nothing_of_the_other() {
    let mut world = quiet_school();
    let both = [ip(LAB), ip(OFFICE)];
    world.live_until("2015-05-04T20:00:00Z", calling(&both));
    let [one, two] = tickets(&world)[..] else { panic!("{} tickets", tickets(&world).len()) };
    assert_eq!((hosts(one), hosts(two)), (vec![LAB.to_owned()], vec![OFFICE.to_owned()]));
    for ticket in [one, two] {
        let own = ticket.hosts[0].host;
        let ends = ticket.runs.iter().filter_map(|run| run.end.as_ref());
        assert!(ends.clone().all(|end| end.exposures.iter().all(|seen| seen.host == own)));
        let located = ticket.runs.iter().filter(|run| run.stage == StageName::Locate);
        let verdicts: Vec<_> = located.filter_map(|run| run.end.as_ref()?.verdict).collect();
        assert_eq!(verdicts, [Verdict::Fail; 4], "what others do is no pass");
        let context = world.engine.context(ticket.id, world.now).expect("the playbook is there");
        let missing = stand(ticket, &context).missing;
        assert!(missing.iter().all(|missing| !missing.contains("is not blamed")), "{missing:?}");
    }
}

/// The addresses 10.16.0.0, 10.16.0.1 …
fn addresses(count: usize) -> Vec<IpAddr> {
    let first = u32::from(Ipv4Addr::new(10, 16, 0, 0));
    (0..count as u32).map(|index| IpAddr::V4(Ipv4Addr::from(first + index))).collect()
}

#[test]
fn an_outbreak_opens_a_ticket_a_host_up_to_a_limit_and_one_mail_each() {
    for (infected, wanted, of_last) in
        [(100, 100, 1), (TICKETS_MAX, TICKETS_MAX, 1), (TICKETS_MAX + 1, TICKETS_MAX, 2)]
    {
        let mut world = quiet_school();
        let infected_hosts = addresses(infected);
        world.live_until("2015-05-04T10:30:00Z", calling(&infected_hosts));
        let tickets = tickets(&world);
        assert_eq!(tickets.len(), wanted, "{infected} hosts");
        let blamed: usize = tickets.iter().map(|ticket| ticket.hosts.len()).sum();
        assert_eq!(blamed, infected, "none is lost, and none is in two tickets");
        assert_eq!(tickets.last().expect("tickets").hosts.len(), of_last, "{infected} hosts");
        assert!(tickets.iter().all(|ticket| ticket.outbox.len() == 1), "one mail a ticket");
        assert_eq!(world.reopened().tickets().collect::<Vec<_>>(), tickets, "the log folds to the same");
    }
}

#[test]
fn two_addresses_of_one_machine_are_one_host() {
    let mut world = quiet_school();
    world.live_until("2015-05-04T10:00:00Z", |window| Seen {
        contacts: vec![(ip(LAB), Some(MAC), window.from), (ip(OFFICE), Some(MAC), window.to)],
        ..Seen::default()
    });
    assert_eq!(tickets(&world).iter().map(|ticket| ticket.hosts.len()).collect::<Vec<_>>(), [1]);
}

/// One run of half an hour, in which `host` calls at `time`.
fn one_run(world: &mut World, end: &str, time: &str, host: &str) {
    world.live_until(end, calls_at(time, host, None));
}

#[test]
fn contacts_join_the_ticket_whose_matter_they_are() {
    let risk =
        |until: Option<&str>| Act::AcceptRisk { reason: "a museum piece".to_owned(), until: until.map(at) };
    let reject = || Act::Reject { reason: "a duplicate".to_owned() };
    let clean = |host| Act::Clean { host, at: None };
    type Acts = Vec<Act>;
    let name = || Act::NameHost { host: ip(LAB), mac: None, name: None };
    // What people do before, who calls afterwards, and then: tickets, phase and relapses of the first.
    let rows: Vec<(&str, Acts, &str, usize, Phase, u32)> = vec![
        ("a complaint that looks for its host", vec![], LAB, 1, Phase::Located, 0),
        ("a ticket that blames it", vec![name()], LAB, 1, Phase::Located, 0),
        ("a ticket that blames another", vec![name()], OFFICE, 2, Phase::Located, 0),
        ("it was cleaned", vec![name(), clean(None)], LAB, 1, Phase::Located, 1),
        ("another was cleaned", vec![name(), clean(None)], OFFICE, 2, Phase::Verifying, 0),
        ("its risk is accepted", vec![name(), risk(None)], LAB, 1, Phase::AcceptedRisk, 0),
        (
            "the acceptance of its risk was over",
            vec![name(), risk(Some("2015-05-04T09:20:00Z"))],
            LAB,
            1,
            Phase::Located,
            0,
        ),
        ("another's risk is accepted", vec![name(), risk(None)], OFFICE, 2, Phase::AcceptedRisk, 0),
        ("its ticket was rejected", vec![name(), reject()], LAB, 2, Phase::Rejected, 0),
    ];
    for (row, acts, host, count, phase, relapses) in rows {
        let mut world = school();
        for act in acts {
            world.act("2015-05-04T09:10:00Z", act).unwrap_or_else(|why| panic!("{row}: {why}"));
        }
        one_run(&mut world, "2015-05-04T10:00:00Z", "2015-05-04T09:45:00Z", host);
        assert_eq!(tickets(&world).len(), count, "{row}");
        let ticket = world.ticket();
        assert_eq!((ticket.phase, ticket.relapses), (phase, relapses), "{row}");
        let last = tickets(&world)[count - 1];
        assert_eq!(last.runs.iter().filter(|run| run.stage == StageName::Detect).count(), 1, "{row}");
        assert!(hosts(last).contains(&host.to_owned()), "{row}");
    }
}

#[test]
fn contacts_count_by_their_own_time() {
    let cases = [
        ("before the cleaning", "2015-05-04T09:40:00Z", Phase::Verifying, 0),
        ("after it", "2015-05-04T09:50:00Z", Phase::Located, 1),
    ];
    for (row, time, phase, relapses) in cases {
        let mut world = school();
        world.tick();
        world
            .act("2015-05-04T09:10:00Z", Act::NameHost { host: ip(LAB), mac: None, name: None })
            .expect("named");
        world.live_until("2015-05-04T09:45:00Z", silent);
        world.act("2015-05-04T09:45:00Z", Act::Clean { host: None, at: None }).expect("cleaned");
        one_run(&mut world, "2015-05-04T10:00:00Z", time, LAB);
        assert_eq!((world.ticket().phase, world.ticket().relapses), (phase, relapses), "{row}");
        assert_eq!(tickets(&world).len(), 1, "{row}");
        assert_eq!(world.ticket().hosts[0].contacts.len(), 1, "{row}: it is on record all the same");
    }
}

#[test]
fn every_complaint_that_looks_for_its_host_hears_of_it() {
    let mut world = school();
    let opening = allclear::engine::Opening {
        reference: None,
        site: "springfield".to_owned(),
        playbook: "conficker".to_owned(),
        public: ip("192.0.2.18"),
        reports: vec![crate::world::report("2015-05-04T08:30:00Z")],
    };
    world.engine.open_ticket(world.now, "engineer", opening).expect("a second public address");
    one_run(&mut world, "2015-05-04T10:00:00Z", "2015-05-04T09:45:00Z", LAB);
    let located: Vec<_> = tickets(&world).iter().map(|ticket| (ticket.phase, hosts(ticket))).collect();
    assert_eq!(located, vec![(Phase::Located, vec![LAB.to_owned()]); 2]);
}

#[test]
fn an_accepted_risk_takes_note_once_a_day() {
    let mut world = school();
    world.act("2015-05-04T09:10:00Z", Act::NameHost { host: ip(LAB), mac: None, name: None }).expect("named");
    world
        .act("2015-05-04T09:10:00Z", Act::AcceptRisk { reason: "a museum piece".to_owned(), until: None })
        .expect("accepted");
    let lab = [ip(LAB)];
    world.live_until("2015-05-06T09:15:00Z", calling(&lab));
    assert_eq!(tickets(&world).len(), 1);
    let noted: Vec<Timestamp> = world.ticket().runs.iter().filter_map(|run| run.occurrence).collect();
    assert_eq!(noted, [at("2015-05-04T09:30:00Z"), at("2015-05-05T09:30:00Z")]);
}

#[test]
fn below_the_limit_of_the_playbook_only_a_cured_host_is_news() {
    for (fail_at, is_known, count, relapses) in [(2, false, 0, 0), (1, false, 1, 0), (2, true, 1, 1)] {
        let change = |playbook: &mut Playbook| {
            with_detect(playbook);
            playbook.judge.fail_at = fail_at;
        };
        let mut world = if is_known { World::with(change) } else { World::without_ticket(|_| {}, change) };
        if is_known {
            world.act("2015-05-04T09:10:00Z", Act::Clean { host: Some(ip(LAB)), at: None }).expect("cleaned");
        }
        one_run(&mut world, "2015-05-04T10:00:00Z", "2015-05-04T09:45:00Z", LAB);
        let relapsed: u32 = tickets(&world).iter().map(|ticket| ticket.relapses).sum();
        assert_eq!((tickets(&world).len(), relapsed), (count, relapses), "fail_at {fail_at}, {is_known}");
    }
}

#[test]
fn a_contact_in_a_bad_capture_opens_a_ticket_and_silence_in_one_is_never_a_pass() {
    for (calls, verdict, count) in [(true, Verdict::Fail, 1), (false, Verdict::Inconclusive, 0)] {
        let mut world = quiet_school();
        let half = |window: Interval| Seen {
            contacts: if calls { vec![(ip(LAB), None, window.from)] } else { Vec::new() },
            watched_seconds: Some(60),
            ending: Some(Ending::SourceGone("the interface vanished".to_owned())),
            ..Seen::default()
        };
        world.live_until("2015-05-04T10:00:00Z", half);
        let ends: Vec<_> = ledger(&world).into_iter().filter_map(|run| run.end).collect();
        assert_eq!(ends.iter().map(|end| end.verdict).collect::<Vec<_>>(), [Some(verdict)]);
        assert_eq!((ends[0].outcome, tickets(&world).len()), (Outcome::Interrupted, count));
    }
}

#[test]
fn habits_and_silence_are_not_learned_from_runs_that_came_because_of_a_contact() {
    let mut world = World::without_ticket(
        |_| {},
        |playbook| {
            with_detect(playbook);
            playbook.clean.contact_interval = None;
            // Nothing but `detect` runs.
            playbook.locate.schedule = playbook.verify.schedule.clone();
        },
    );
    let lab = [ip(LAB)];
    world.live_until("2015-05-04T19:00:00Z", calling(&lab));
    world.act("2015-05-04T19:00:00Z", Act::Clean { host: None, at: None }).expect("cleaned");
    assert!(world.ticket().hosts[0].contacts.len() > 20);
    world.live_until("2015-05-08T19:00:00Z", silent);
    let context = world.engine.context(world.ticket, world.now).expect("the playbook is there");
    assert_eq!(stand(world.ticket(), &context).assurance, None, "no run watched it whether it called or not");
}

#[test]
fn every_planned_occurrence_is_in_the_ledger_once() {
    let closed = |site: &mut allclear::pure::site::Site| {
        site.closed = vec![allclear::pure::site::ClosedDays {
            first: "2015-05-06".parse().expect("a date"),
            last: "2015-05-06".parse().expect("a date"),
        }];
    };
    let mut world = World::without_ticket(closed, with_detect);
    world.live_until("2015-05-05T00:00:00Z", silent);
    // Nobody looks for a day and a half, and the last window is still open.
    world.now = at("2015-05-07T12:10:00Z");
    world.live_until("2015-05-07T13:00:00Z", silent);
    let runs = ledger(&world);
    let planned: Vec<Timestamp> = runs.iter().filter_map(|run| run.occurrence).collect();
    let first = at("2015-05-04T09:30:00Z").as_second();
    let all: Vec<Timestamp> = (first..=at("2015-05-07T13:00:00Z").as_second())
        .step_by(1800)
        .map(|second| Timestamp::from_second(second).expect("in range"))
        .collect();
    assert_eq!(planned, all, "from half past nine on, when it began to be planned");
    assert_eq!(
        outcomes(&world),
        [
            (Outcome::Ran, ReasonCode::Contacts, 30),
            (Outcome::Missed, ReasonCode::ProgramDown, 47),
            (Outcome::Suppressed, ReasonCode::SiteClosed, 48),
            (Outcome::Missed, ReasonCode::ProgramDown, 24),
            (Outcome::Late, ReasonCode::Contacts, 1),
            (Outcome::Ran, ReasonCode::Contacts, 1),
        ],
        "passed runs have no reason"
    );
}

#[test]
fn a_stage_is_planned_from_when_it_is_first_read_to_when_it_is_gone() {
    let mut world = quiet_school();
    world.restarted_with(with_detect);
    world.live_until("2015-05-04T10:10:00Z", silent);
    // The program goes down in a run, and when it is back the stage is gone; later that comes back, too.
    world.now = at("2015-05-04T11:10:00Z");
    world.restarted_with(|playbook| playbook.detect = None);
    world.live_until("2015-05-04T12:10:00Z", silent);
    world.restarted_with(with_detect);
    world.live_until("2015-05-04T13:00:00Z", silent);
    let runs = ledger(&world);
    let told: Vec<(String, Outcome)> = runs
        .iter()
        .filter_map(|run| Some((run.occurrence?.to_string(), run.end.as_ref()?.outcome)))
        .collect();
    let row = |time: &str, outcome| (format!("2015-05-04T{time}:00Z"), outcome);
    assert_eq!(
        told,
        [
            row("09:30", Outcome::Ran),
            row("10:00", Outcome::Interrupted),
            row("10:30", Outcome::Missed),
            row("11:00", Outcome::Suppressed),
            row("12:30", Outcome::Ran)
        ]
    );
}

#[test]
fn what_the_old_schedule_planned_is_settled_before_a_new_one() {
    let mut world = quiet_school();
    world.restarted_with(with_detect);
    world.live_until("2015-05-04T10:00:00Z", silent);
    world.now = at("2015-05-04T11:10:00Z");
    world.restarted_with(|playbook| {
        let stage = playbook.detect.as_mut().expect("it was there");
        stage.schedule = Schedule::Every(Duration::from_secs(600));
        stage.capture.length = Duration::from_secs(600);
    });
    world.live_until("2015-05-04T11:35:00Z", silent);
    let planned: Vec<String> =
        ledger(&world).iter().filter_map(|run| Some(run.occurrence?.strftime("%H:%M").to_string())).collect();
    assert_eq!(planned, ["09:30", "10:00", "10:30", "11:00", "11:20", "11:30"]);
}
