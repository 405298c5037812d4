//! The life of a ticket, by design "The life of a ticket" and "When is it clean?".

use crate::world::{
    LAB, OFFICE, Seen, World, at, calls_at, calls_every_two_hours, ip, report, silent, switched_off,
};
use allclear::pure::packet::Mac;
use allclear::pure::playbook::MailEvent;
use allclear::pure::report::machine_label;
use allclear::pure::ticket::{Act, HostState, Phase, stand};
use allclear::pure::verdict::{Ending, Outcome, Verdict};

const MAC: Mac = Mac([0x00, 0x11, 0x22, 0x33, 0x44, 0x55]);
const OTHER_MAC: Mac = Mac([0x00, 0x11, 0x22, 0x33, 0x44, 0x66]);

fn sign(world: &mut World, time: &str) {
    world.act(time, Act::Sign { item: "patch".to_owned() }).expect("the item is signed");
}

fn missing(world: &World) -> Vec<String> {
    let context = world.engine.context(world.ticket, world.now).expect("the playbook is there");
    stand(world.ticket(), &context).missing
}

#[test]
fn from_the_report_to_confirmed_clean_and_closed() {
    let mut world = World::new();
    world.live_until("2015-05-04T12:00:00Z", silent);
    assert_eq!(world.phase(), Phase::Reported);
    world.cleaned_at("2015-05-05T10:00:00Z");
    sign(&mut world, "2015-05-05T11:00:00Z");
    world.live_until("2015-05-12T12:00:00Z", silent);
    assert_eq!(world.phase(), Phase::Verifying, "seven passes span only six days");
    world.live_until("2015-05-13T12:00:00Z", silent);
    assert_eq!(world.phase(), Phase::Clean, "the eighth pass begins seven days after the first");
    assert_eq!(world.ticket().hosts[0].state, HostState::Clean);
    world.live_until("2015-06-20T00:00:00Z", silent);
    assert_eq!(
        world.phases(),
        [Phase::Located, Phase::Verifying, Phase::Clean, Phase::Closed],
        "and nothing else"
    );
    let weekly = world.ticket().runs.iter().filter(|run| run.started > at("2015-05-13T12:00:00Z")).count();
    assert_eq!(weekly, 4, "one verify a week for thirty days: on Mondays from 18 May to 8 June");
    assert_eq!(world.mails(), [MailEvent::Opened, MailEvent::Located, MailEvent::Clean]);
}

#[test]
fn a_cleaned_host_that_calls_again_is_a_relapse() {
    let mut world = World::new();
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.live_until("2015-05-07T12:00:00Z", silent);
    assert_eq!(world.ticket().passes.len(), 2);
    world.live_until("2015-05-08T12:00:00Z", calls_at("2015-05-07T23:00:00Z", LAB, None));
    assert_eq!((world.phase(), world.ticket().relapses, world.ticket().passes.len()), (Phase::Located, 1, 0));
    assert_eq!(world.mails(), [MailEvent::Opened, MailEvent::Located, MailEvent::Relapsed]);
}

#[test]
fn another_host_that_calls_is_located_and_no_relapse() {
    let mut world = World::new();
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.live_until("2015-05-06T12:00:00Z", calls_at("2015-05-05T23:00:00Z", OFFICE, None));
    assert_eq!((world.phase(), world.ticket().relapses), (Phase::Located, 0));
    let states: Vec<HostState> = world.ticket().hosts.iter().map(|host| host.state).collect();
    assert_eq!(states, [HostState::Cleaned, HostState::Infected]);
    world.act("2015-05-06T13:00:00Z", Act::Clean { host: Some(ip(OFFICE)), at: None }).expect("cleaned");
    assert_eq!(world.phase(), Phase::Verifying);
    assert_eq!(world.mails(), [MailEvent::Opened, MailEvent::Located, MailEvent::Located]);
}

#[test]
fn a_contact_from_before_the_cleaning_is_no_relapse_though_its_run_ends_later() {
    let mut world = World::new();
    world.cleaned_at("2015-05-05T10:00:00Z");
    let run = allclear::pure::ticket::Input::HandRun {
        stage: allclear::pure::playbook::StageName::Verify,
        window_start: at("2015-05-05T09:00:00Z"),
        length: std::time::Duration::from_secs(7200),
    };
    world.input(&run);
    world.live_until("2015-05-05T12:00:00Z", calls_at("2015-05-05T09:30:00Z", LAB, None));
    assert_eq!((world.phase(), world.ticket().relapses), (Phase::Verifying, 0));
    assert_eq!(world.ticket().runs.last().and_then(|run| run.end.as_ref()?.verdict), Some(Verdict::Fail));
    assert_eq!(world.ticket().passes.len(), 0);
}

#[test]
fn reports_count_by_their_own_time() {
    let mut world = World::new();
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.act("2015-05-06T12:00:00Z", Act::Report(report("2015-05-05T09:00:00Z"))).expect("added");
    assert_eq!((world.phase(), world.ticket().relapses), (Phase::Verifying, 0), "seen before the cleaning");
    world.act("2015-05-06T13:00:00Z", Act::Report(report("2015-05-05T11:00:00Z"))).expect("added");
    assert_eq!((world.phase(), world.ticket().relapses), (Phase::Reported, 1), "seen after the cleaning");
    world.live_until("2015-05-06T16:00:00Z", silent);
    assert_eq!(world.phase(), Phase::Reported, "it must be located again");
    world.act("2015-05-06T17:00:00Z", Act::Clean { host: Some(ip(LAB)), at: None }).expect("cleaned again");
    assert_eq!(world.phase(), Phase::Verifying);
}

#[test]
fn a_contact_after_clean_is_a_relapse_whoever_calls() {
    for host in [LAB, OFFICE] {
        let mut world = World::new();
        world.cleaned_at("2015-05-05T10:00:00Z");
        sign(&mut world, "2015-05-05T11:00:00Z");
        world.live_until("2015-05-18T12:00:00Z", silent);
        assert_eq!(world.phase(), Phase::Clean);
        world.live_until("2015-05-19T12:00:00Z", calls_at("2015-05-18T23:00:00Z", host, None));
        assert_eq!((world.phase(), world.ticket().relapses), (Phase::Located, 1), "{host} called");
        assert_eq!(world.mails().last(), Some(&MailEvent::Relapsed));
    }
}

#[test]
fn a_machine_that_is_off_at_night_is_never_clean_and_that_is_mailed() {
    let mut world = World::new();
    world.cleaned_at("2015-05-05T10:00:00Z");
    sign(&mut world, "2015-05-05T11:00:00Z");
    world.live_until("2015-07-05T12:00:00Z", switched_off);
    assert_eq!((world.phase(), world.ticket().passes.len()), (Phase::Verifying, 0));
    let mails = world.mails();
    let row = mails.iter().filter(|event| **event == MailEvent::Inconclusive).count();
    assert_eq!(row, 20, "one mail for each three of 61 nights");
}

#[test]
fn inconclusive_nights_neither_count_nor_break_the_row() {
    let mut world = World::new();
    world.cleaned_at("2015-05-05T10:00:00Z");
    sign(&mut world, "2015-05-05T11:00:00Z");
    let mut night = 0;
    world.live_until("2015-05-13T12:00:00Z", |window| {
        night += 1;
        if night == 3 {
            Seen { ending: Some(Ending::PacketLimit(250)), ..silent(window) }
        } else {
            silent(window)
        }
    });
    assert_eq!(world.ticket().passes.len(), 8 - 1, "eight nights, one of them cut short");
    assert_eq!(world.phase(), Phase::Clean, "seven passes over seven days");
}

#[test]
fn nothing_but_the_missing_signature_keeps_it_from_clean() {
    let mut world = World::new();
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.live_until("2015-05-20T12:00:00Z", silent);
    assert_eq!(world.phase(), Phase::Verifying);
    assert_eq!(missing(&world), ["checklist item 'patch' is not signed"]);
    sign(&mut world, "2015-05-20T13:00:00Z");
    assert_eq!(world.phase(), Phase::Clean);
}

#[test]
fn assurance_counts_only_time_since_the_cleaning_in_which_the_host_was_there() {
    let mut world = World::with(|playbook| playbook.clean.contact_interval = None);
    world.live_until("2015-05-04T18:00:00Z", |window| calls_every_two_hours(window, ip(LAB), None));
    world.act("2015-05-04T18:00:00Z", Act::Clean { host: None, at: None }).expect("cleaned");
    let contacts = world.ticket().hosts[0].contacts.len();
    assert_eq!(contacts, 4, "10, 12, 14 and 16 o'clock");
    sign(&mut world, "2015-05-04T18:00:00Z");
    world.live_until("2015-06-04T18:00:00Z", silent);
    assert_eq!(world.phase(), Phase::Verifying, "four contacts tell too little of how often it calls");
    assert!(
        missing(&world).iter().any(|what| what.contains("assurance is unknown")),
        "{:?}",
        missing(&world)
    );
}

#[test]
fn a_hold_suppresses_nights_and_stops_the_due_clock() {
    let mut world = World::new();
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.live_until("2015-05-06T09:00:00Z", silent);
    world.act("2015-05-06T09:00:00Z", Act::Hold { reason: "exams".to_owned(), until: None }).expect("held");
    world.live_until("2015-05-08T09:00:00Z", silent);
    world.act("2015-05-08T09:00:00Z", Act::Resume).expect("resumed");
    world.live_until("2015-05-09T09:00:00Z", silent);
    let outcomes: Vec<Outcome> = world
        .ledger()
        .iter()
        .filter(|run| run.started > at("2015-05-05T10:00:00Z"))
        .filter_map(|run| Some(run.end.as_ref()?.outcome))
        .collect();
    assert_eq!(outcomes, [Outcome::Ran, Outcome::Suppressed, Outcome::Suppressed, Outcome::Ran]);
    assert_eq!(world.ticket().inconclusive_row, 0, "suppressed nights are not inconclusive");
}

#[test]
fn nights_while_the_program_was_down_are_missed_and_a_late_one_is_judged_on_the_whole_window() {
    let mut world = World::new();
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.now = at("2015-05-07T21:00:00Z");
    world.live_until("2015-05-08T09:00:00Z", |window| Seen {
        watched_seconds: Some(7 * 3600),
        ..silent(window)
    });
    let ended: Vec<(Outcome, Option<Verdict>)> = world
        .ledger()
        .iter()
        .filter(|run| run.started > at("2015-05-05T10:00:00Z"))
        .filter_map(|run| run.end.as_ref().map(|end| (end.outcome, end.verdict)))
        .collect();
    assert_eq!(
        ended,
        [(Outcome::Missed, None), (Outcome::Missed, None), (Outcome::Late, Some(Verdict::Inconclusive))]
    );
    assert_eq!(world.mails().last(), Some(&MailEvent::Inconclusive), "three in a row are mailed");
}

#[test]
fn a_host_is_a_machine_and_its_address_a_lease() {
    let mut world = World::new();
    world.live_until("2015-05-05T10:00:00Z", |window| calls_every_two_hours(window, ip(LAB), Some(MAC)));
    world.act("2015-05-05T10:00:00Z", Act::Clean { host: None, at: None }).expect("cleaned");
    // Its address belongs to another machine now: that one's silence proves nothing.
    world.live_until("2015-05-06T12:00:00Z", |_| Seen {
        present: vec![(ip(LAB), Some(OTHER_MAC))],
        ..Seen::default()
    });
    assert_eq!(world.ticket().passes.len(), 0, "the blamed machine was not there");
    // It calls from another address: that is a relapse, not another host.
    world.live_until("2015-05-07T12:00:00Z", calls_at("2015-05-06T23:00:00Z", "10.16.24.200", Some(MAC)));
    assert_eq!((world.ticket().hosts.len(), world.ticket().relapses), (1, 1));
    assert_eq!(world.ticket().hosts[0].host, ip("10.16.24.200"));
}

#[test]
fn a_machine_that_calls_on_its_lease_takes_no_presence_from_it() {
    let mut world = World::new();
    world.live_until("2015-05-05T10:00:00Z", |window| calls_every_two_hours(window, ip(LAB), Some(MAC)));
    world.act("2015-05-05T10:00:00Z", Act::Clean { host: None, at: None }).expect("cleaned");
    world.live_until("2015-05-06T12:00:00Z", |window| Seen {
        present: vec![(ip("10.16.24.200"), Some(MAC))],
        ..calls_every_two_hours(window, ip(LAB), Some(OTHER_MAC))
    });
    let runs = world.ledger();
    let last = runs.iter().rev().find_map(|run| run.end.as_ref()).expect("some ended");
    let own: Vec<_> = last.exposures.iter().filter(|seen| seen.mac == Some(MAC)).collect();
    assert_eq!((own.len(), own[0].contacts.len()), (1, 0), "{:?}", last.exposures);
    assert!(!own[0].present.is_empty());
}

#[test]
fn people_are_turned_down_with_what_to_do_instead() {
    let mut world = World::new();
    let refusals = [
        (Act::Clean { host: None, at: None }, "no host of ticket 1 waits for cleaning"),
        (Act::Sign { item: "pach".to_owned() }, "has no item 'pach': it has patch"),
        (Act::Resume, "not on hold"),
        (Act::Reject { reason: " ".to_owned() }, "give a reason"),
        (Act::Reopen { reason: "again".to_owned() }, "cannot become reported"),
        (Act::NameHost { host: ip("192.0.2.1"), mac: None, name: None }, "not inside site springfield"),
        (Act::WithdrawHost { host: ip(LAB), reason: "wrong".to_owned() }, "name the host first"),
        (Act::Report(report("2015-05-04T08:00:00Z")), "this very report already"),
    ];
    for (act, expected) in refusals {
        let refused = world.act("2015-05-04T09:30:00Z", act.clone()).expect_err("it is refused");
        assert!(refused.contains(expected), "{act:?}: {refused}");
        assert!(refused.contains(": "), "what to do instead: {refused}");
    }
    assert_eq!(world.events().len(), 3, "opened, reported, mailed: nothing refused is on record");
}

#[test]
fn a_person_names_withdraws_and_retires_hosts() {
    let mut world = World::new();
    world.act("2015-05-04T09:30:00Z", Act::NameHost { host: ip(LAB), mac: None, name: None }).expect("named");
    assert_eq!(world.phase(), Phase::Located);
    let withdraw = Act::WithdrawHost { host: ip(LAB), reason: "typo".to_owned() };
    world.act("2015-05-04T09:31:00Z", withdraw.clone()).expect("withdrawn");
    assert_eq!(world.phase(), Phase::Reported);
    world.live_until("2015-05-04T13:00:00Z", |window| calls_every_two_hours(window, ip(LAB), None));
    assert!(world.act("2015-05-04T13:00:00Z", withdraw).is_err(), "a run has seen it");
    let retire = Act::RetireHost { host: ip(LAB), reason: "scrapped".to_owned() };
    world.act("2015-05-04T13:01:00Z", retire).expect("retired");
    assert_eq!((world.phase(), world.ticket().hosts[0].state), (Phase::Verifying, HostState::Retired));
}

#[test]
fn a_reopened_log_is_the_same_ticket() {
    let mut world = World::new();
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.live_until("2015-05-08T12:00:00Z", calls_at("2015-05-07T23:00:00Z", LAB, None));
    let again = world.reopened();
    assert_eq!(again.ticket(world.ticket).expect("it is there"), world.ticket());
}

/// A machine that a person named stands behind one that a run saw, and that behind one seen since.
#[test]
fn the_machine_that_was_seen_last_is_called_first() {
    let mut world = World::new();
    let named = Act::NameHost { host: ip("10.16.0.1"), mac: None, name: None };
    world.act("2015-05-04T09:00:00Z", named).expect("named");
    let rows = [
        ("2015-05-04T12:05:00Z", "10.16.24.93", "10.16.24.93 and 1 more"),
        ("2015-05-05T10:05:00Z", "10.16.0.9", "10.16.0.9 and 2 more"),
    ];
    for (time, host, expected) in rows {
        let until = at(time) + jiff::SignedDuration::from_hours(20);
        world.live_until(&until.to_string(), calls_at(time, host, None));
        assert_eq!(machine_label(world.ticket()), expected);
    }
}
