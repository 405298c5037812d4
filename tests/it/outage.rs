//! Three days without a mail server, with a thousand mails that wait for it: when it is back each arrives, once, in as
//! few mails as were promised, and says of when it speaks. The server is a real one; the days are not.

use crate::inbox::idle_edges;
use crate::post_office::{Does, Office, mailer};
use crate::storm::{open, quiet};
use crate::world::{World, at};
use allclear::edge::perform::{self, Edges, Post};
use allclear::pure::playbook::{Escalation, MailEvent, Notify, Recipient};
use allclear::pure::schedule::{Cron, Schedule};
use allclear::pure::ticket::{ALLCLEAR, Absence, TicketId};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

const TICKETS: usize = 250;
const LIMIT: u32 = 20;
const TECH: &str = "tech@springfield.example";
const BOSS: &str = "boss@dis.example";

/// While the server is at fault, one mail tries so often; `serve` lets one try a minute.
const PAUSE: SignedDuration = SignedDuration::from_mins(30);

fn day() -> Duration {
    Duration::from_secs(86_400)
}

/// Tickets whose machines nobody finds: each is opened, a reminder comes after half a day, then it is overdue, and a
/// day later it is told to the boss as well.
fn world() -> World {
    let mut world = quiet(LIMIT);
    let mut library = world.engine.library().clone();
    let playbook = library.playbooks.get_mut("conficker").expect("the playbook is there");
    let events = vec![MailEvent::Opened, MailEvent::Reminder, MailEvent::Overdue];
    playbook.notify = vec![Notify { events, to: vec![Recipient::Coordinator] }];
    playbook.due.located = Some(day());
    playbook.due.remind = day() / 2;
    let to = vec![Recipient::Mailbox(BOSS.to_owned())];
    playbook.due.escalate = vec![Escalation { after: day(), to }];
    // Nobody looks for machines here: that would take longer than the mails.
    playbook.locate.schedule = Schedule::Cron(Cron::parse("0 0 1 1 *").expect("a good expression"));
    world.engine = world.reopened_with(library);
    open(&mut world, TICKETS);
    world
}

/// Lets time pass and hands over what can be handed over, as `serve` does; tells when each recipient got one.
fn live_until(world: &mut World, edges: &Edges, end: &str) -> Vec<(Timestamp, String)> {
    let (mut got, end, mut paused) = (Vec::new(), at(end), world.now);
    loop {
        let now = world.now;
        let scribe = |engine: &_, mail| perform::lines(engine, edges, mail, now);
        let faults = world.engine.tick(now, Absence::HeldUp, &scribe).expect("time passes");
        assert!(faults.is_empty(), "{faults:?}");
        let mut is_waiting = false;
        for effect in world.engine.effects(now) {
            if now < paused {
                is_waiting = true;
                break;
            }
            let allclear::pure::ticket::Effect::SendMail { ticket, to, .. } = &effect else { continue };
            let reply = perform::perform(&effect, &world.engine, edges, now).expect("it is carried out");
            let is_accepted = matches!(reply.input, allclear::pure::ticket::Input::MailAccepted { .. });
            got.extend(is_accepted.then(|| (now, to.clone())));
            world.engine.step(now, ALLCLEAR, *ticket, &reply.input).expect("it goes on record");
            is_waiting = true;
            if reply.is_post_down {
                paused = now + PAUSE;
            }
        }
        let due =
            [world.engine.next_due(now), world.engine.next_retry(now), is_waiting.then_some(paused.max(now))];
        match due.into_iter().flatten().min().filter(|next| *next <= end) {
            Some(next) => world.now = now.max(next),
            None => break,
        }
    }
    world.now = end;
    got
}

/// How often each mail arrived at each address: the ticket and number of its Message-ID, the address, and the mail.
fn arrived(office: &Office) -> BTreeMap<(TicketId, u64, String), Vec<String>> {
    let mut arrived: BTreeMap<_, Vec<String>> = BTreeMap::new();
    let mut to = String::new();
    for command in &office.seen.lock().expect("nobody panics").commands {
        if let Some((_, rest)) = command.split_once("TO:<") {
            to = rest.split_once('>').expect("an address").0.to_owned();
        } else if let Some(mail) = command.strip_prefix("END ") {
            let (_, id) = mail.split_once("Message-ID: <allclear.").expect("a Message-ID");
            let mut numbers = id.split('.').map(|number| number.parse().expect("a number"));
            let ticket = TicketId(u32::try_from(numbers.next().expect("a ticket")).expect("a small number"));
            let id = (ticket, numbers.next().expect("a mail"), to.clone());
            arrived.entry(id).or_default().push(mail.to_owned());
        }
    }
    arrived
}

#[test]
fn after_three_days_without_a_server_each_of_a_thousand_mails_arrives_once() {
    let mut world = world();
    let patient = |port| Post::Mailer(mailer(port, Duration::from_secs(10), Duration::from_secs(30)));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let mut edges =
        Edges { post: patient(closed.expect("a port that nobody listens at").port()), ..idle_edges() };
    assert_eq!(live_until(&mut world, &edges, "2015-05-05T21:00:00Z"), []);
    // For the rest of the time there is one that turns everybody away.
    let busy = Office::open(&[("BANNER", 0, Does::Leaves("421 4.3.2 down for maintenance"))]);
    edges.post = patient(busy.port);
    assert_eq!(live_until(&mut world, &edges, "2015-05-07T09:00:00Z"), []);
    let queued: usize = world.engine.tickets().map(|ticket| ticket.outbox.len()).sum();
    assert_eq!(queued, 4 * TICKETS);
    let office = Office::open(&[]);
    edges.post = patient(office.port);
    let got = live_until(&mut world, &edges, "2015-05-08T09:00:00Z");

    let arrived = arrived(&office);
    let times = |id, mail, to: &str| arrived.get(&(id, mail, outbox_address(to))).map_or(0, Vec::len);
    for ticket in world.engine.tickets() {
        for mail in &ticket.outbox {
            assert_eq!(mail.missing().count(), 0, "ticket {}: {mail:?}", ticket.id);
            for to in &mail.to {
                let told = mail
                    .folded
                    .iter()
                    .filter(|(told, _)| told == to)
                    .map(|(_, into)| times(ticket.id, *into, to) + times(TicketId::NONE, *into, to));
                let told: usize = told.sum();
                assert_eq!(times(ticket.id, mail.seq, to) + told, 1, "ticket {}, {to}: {mail:?}", ticket.id);
            }
        }
    }
    assert!(arrived.values().all(|mails| mails.len() == 1), "none came twice");
    let mails: usize = arrived.len();
    assert!(mails <= 2 * (LIMIT as usize + 4 * TICKETS / 100 + 1), "{mails} mails tell them all");
    let hour = SignedDuration::from_hours(1);
    for address in [TECH, BOSS] {
        let times: Vec<Timestamp> =
            got.iter().filter(|(_, to)| to.contains(address)).map(|(at, _)| *at).collect();
        let most = times
            .iter()
            .map(|from| times.iter().filter(|at| at.duration_since(*from) < hour && *at >= from).count());
        let most = most.max().unwrap_or(0);
        assert!((1..=2 * LIMIT as usize).contains(&most), "{address} gets {most} mails within an hour");
    }
    for ((ticket, mail, _), mails) in arrived.iter().filter(|((ticket, ..), _)| *ticket != TicketId::NONE) {
        assert!(mails[0].contains("\r\n\r\nAs of "), "mail {mail} of ticket {ticket} is late: {}", mails[0]);
    }
}

fn outbox_address(mailbox: &str) -> String {
    allclear::pure::ticket::outbox::address(mailbox)
}
