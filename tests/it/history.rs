//! Is a machine that comes back shown with its past, across tickets?

use crate::world::{LAB, World, at, calls_every_two_hours, ip, report, silent};
use allclear::engine::Opening;
use allclear::pure::packet::Mac;
use allclear::pure::ticket::{Act, Input, KnownBy, PastTicket, Phase, TicketId};

const MAC: Mac = Mac([0x00, 0x11, 0x22, 0x33, 0x44, 0x55]);
const OTHER_MAC: Mac = Mac([0x00, 0x11, 0x22, 0x33, 0x44, 0x66]);
const NEW_LEASE: &str = "10.16.24.200";

/// Ticket 1 is about LAB, which was confirmed clean on 13 May and is closed since 12 June.
fn closed() -> World {
    let mut world = World::new();
    world.live_until("2015-05-05T10:00:00Z", |window| calls_every_two_hours(window, ip(LAB), Some(MAC)));
    world.act("2015-05-05T10:00:00Z", Act::Clean { host: None, at: None }).expect("cleaned");
    world.act("2015-05-05T11:00:00Z", Act::Sign { item: "patch".to_owned() }).expect("signed");
    world.live_until("2015-06-20T00:00:00Z", silent);
    assert_eq!(world.phase(), Phase::Closed);
    world
}

/// A second ticket at the same site.
fn open_another(world: &mut World, reference: &str) -> TicketId {
    let opening = Opening {
        reference: Some(reference.to_owned()),
        site: "springfield".to_owned(),
        playbook: "conficker".to_owned(),
        public: ip("192.0.2.17"),
        reports: vec![report("2015-06-19T08:00:00Z")],
    };
    world.engine.open_ticket(world.now, "engineer", opening).expect("a ticket opens")
}

fn name(world: &mut World, ticket: TicketId, host: &str, mac: Option<Mac>) {
    let act = Act::NameHost { host: ip(host), mac, name: None };
    world.engine.step(world.now, "tech", ticket, &Input::Act(act)).expect("named");
}

fn past(world: &World, ticket: TicketId) -> Vec<PastTicket> {
    let ticket = world.engine.ticket(ticket).expect("it is there");
    world.engine.past(ticket).into_iter().next().expect("it blames a host")
}

#[test]
fn a_machine_that_comes_back_is_shown_with_its_past() {
    for (host, mac, expected, row) in [
        (NEW_LEASE, Some(MAC), Some(KnownBy::Mac), "on another lease, by its MAC address"),
        (LAB, Some(MAC), Some(KnownBy::Mac), "on the same lease"),
        (LAB, None, Some(KnownBy::Address), "by its address alone"),
        (LAB, Some(OTHER_MAC), None, "another machine on its lease"),
        (NEW_LEASE, None, None, "another address"),
    ] {
        let mut world = closed();
        let second = open_another(&mut world, "MARS-2");
        name(&mut world, second, host, mac);
        let past = past(&world, second);
        assert_eq!(past.first().map(|past| past.known_by), expected, "{row}");
        let Some(told) = past.first() else { continue };
        assert_eq!((told.ticket, told.host, told.phase), (TicketId(1), ip(LAB), Phase::Closed), "{row}");
        assert_eq!(told.confirmed, Some(at("2015-05-13T04:00:00Z")), "{row}");
        assert_eq!(told.reference.as_deref(), Some("MARS-1234"), "{row}");
    }
}

#[test]
fn a_mac_of_two_infected_addresses_at_one_time_identifies_nobody() {
    let mut world = closed();
    let (second, third) = (open_another(&mut world, "MARS-2"), open_another(&mut world, "MARS-3"));
    name(&mut world, second, NEW_LEASE, Some(MAC));
    assert_eq!(past(&world, second).len(), 1);
    name(&mut world, third, "10.16.24.201", Some(MAC));
    assert_eq!(past(&world, second), [], "two addresses are infected under it now");
}

#[test]
fn a_mail_tells_the_past_as_it_was_known_then() {
    let mut world = closed();
    let second = open_another(&mut world, "MARS-2");
    name(&mut world, second, NEW_LEASE, Some(MAC));
    let ticket = world.engine.ticket(second).expect("it is there").clone();
    let seq = ticket.outbox.last().expect("located was mailed").seq;
    let then = world.engine.past_as_of(&ticket, seq).expect("the log can be read");
    let reopen = Act::Reopen { reason: "it is back".to_owned() };
    world.engine.step(world.now, "tech", TicketId(1), &Input::Act(reopen)).expect("reopened");
    assert_eq!(world.engine.past_as_of(&ticket, seq).expect("the log can be read"), then);
    assert_eq!(world.engine.past(&ticket)[0][0].phase, Phase::Reported, "and what is shown is of now");
}
