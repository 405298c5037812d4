//! Is a mail that leaves late still true? What a server put off for days says of when it speaks; what its ticket has
//! overtaken, how that stands now.

use crate::digest::with_digest;
use crate::inbox::{idle_edges, letter_at, with_told_together};
use crate::letters::undated;
use crate::world::{World, at, ip};
use allclear::edge::perform::Edges;
use allclear::edge::template::Templates;
use allclear::pure::playbook::{MailEvent, Notify, Recipient};
use allclear::pure::report::Letter;
use allclear::pure::ticket::{Act, Input, Never, TicketId};
use jiff::SignedDuration;

const TECH: &str = "tech@springfield.example";

/// A ticket whose mails go to one person.
fn world() -> World {
    World::with(|playbook| {
        let events = vec![MailEvent::Opened, MailEvent::Located];
        playbook.notify = vec![Notify { events, to: vec![Recipient::Mailbox(TECH.to_owned())] }];
    })
}

fn name(world: &mut World, time: &str) {
    let named = Act::NameHost { host: ip("10.16.0.4"), mac: None, name: None };
    world.act(time, named).expect("a machine is named");
}

/// Subject, first two lines, and the heading of the page.
fn head(letter: &Letter) -> [String; 4] {
    let mut lines = letter.text.lines().map(str::to_owned);
    let (_, heading) = letter.html.split_once("<h1").expect("a heading");
    let heading = heading.split_once("</h1>").expect("its end").0;
    let heading = undated(heading.split_once('>').expect("its begin").1);
    let mut line = || lines.next().unwrap_or_default();
    [letter.subject.clone(), line(), line(), heading]
}

#[test]
fn a_mail_that_leaves_late_says_of_when_it_speaks_or_how_its_ticket_stands_now() {
    let opened = "A machine behind 192.0.2.17 is reported as infected with Conficker.";
    let subject = "[allclear #1] 192.0.2.17 was reported: Conficker at Springfield School District";
    let dated = format!("As of Mon 2015-05-04 09:00 UTC: {opened}");
    let find = "TO DO by Wed 2015-05-06 09:00 UTC: find it; leave all machines switched on.";
    let now = format!(
        "10.16.0.4: located, not cleaned yet, since Mon 2015-05-04 09:30 UTC. Before that, Mon 2015-05-04 09:00 UTC: {opened}"
    );
    let gone = [
        "[allclear #1] 10.16.0.4: located, not cleaned yet",
        &now,
        "TO DO: take what calls off the network, and clean it.",
        &now,
    ];
    for (row, located, leaves, expected) in [
        ("at once", None, "2015-05-04T09:00:00Z", [subject, opened, find, opened]),
        ("an hour later", None, "2015-05-04T10:00:00Z", [subject, opened, find, opened]),
        ("a second more", None, "2015-05-04T10:00:01Z", [subject, &dated, find, &dated]),
        ("days later", None, "2015-05-07T09:00:00Z", [subject, &dated, find, &dated]),
        (
            "soon, and its ticket has gone on",
            Some("2015-05-04T09:30:00Z"),
            "2015-05-04T10:00:00Z",
            [subject, opened, find, opened],
        ),
        ("late, and its ticket has gone on", Some("2015-05-04T09:30:00Z"), "2015-05-04T10:00:01Z", gone),
    ] {
        let mut world = world();
        located.into_iter().for_each(|time| name(&mut world, time));
        let mail = &world.ticket().outbox[0];
        let letter = letter_at(&world, &idle_edges(), world.ticket, mail, at(leaves));
        assert_eq!(head(&letter), expected, "{row}");
        assert_eq!((letter.seq, letter.event), (mail.seq, MailEvent::Opened), "{row}: the same mail");
        let why = "told as the ticket stands now: it could not leave before.";
        let text = letter.text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(text.contains(why), row.starts_with("late"), "{row}: {text}");
    }
}

#[test]
fn what_an_overtaken_mail_tells_of_others_is_told_all_the_same() {
    let mut world = world();
    let first = world.ticket().outbox[0].seq;
    world.input(&Input::MailAccepted { mail: first, to: TECH.to_owned() });
    world.act("2015-05-04T09:01:00Z", Act::Reject { reason: "not ours".to_owned() }).expect("rejected");
    world.act("2015-05-04T09:02:00Z", Act::Reopen { reason: "ours".to_owned() }).expect("reopened");
    name(&mut world, "2015-05-04T09:03:00Z");
    world.act("2015-05-04T09:10:00Z", Act::Clean { host: None, at: None }).expect("it is cleaned");
    let mail = &world.ticket().outbox[2];
    assert_eq!(mail.folds.len(), 1);
    let letter = letter_at(&world, &idle_edges(), world.ticket, mail, at("2015-05-05T09:00:00Z"));
    let text = letter.text.split_whitespace().collect::<Vec<_>>().join(" ");
    for piece in [
        "10.16.0.4: cleaned, being verified, since Mon 2015-05-04 09:10 UTC. Before that, Mon 2015-05-04 09:03 UTC: 10.16.0.4 is named",
        "TO DO: leave what was cleaned switched on",
        "This is the newest of 2 mails about ticket 1 since Mon 2015-05-04 09:02 UTC, told as the ticket stands now",
        "Before that, Mon 2015-05-04 09:02 UTC: A machine behind 192.0.2.17 is sought again",
    ] {
        assert!(text.contains(piece), "'{piece}' is not in {text}");
    }
}

#[test]
fn that_somebody_was_not_reached_stays_so_whatever_its_ticket_does() {
    let mut world = World::with(|playbook| {
        let both =
            vec![Recipient::Mailbox(TECH.to_owned()), Recipient::Mailbox("soc@dis.example".to_owned())];
        playbook.notify = vec![Notify { events: vec![MailEvent::Opened], to: both }];
    });
    let mail = world.ticket().outbox[0].seq;
    let error = "550 no such user".to_owned();
    world.input(&Input::MailFailed { mail, to: TECH.to_owned(), error, never: Some(Never::Refused) });
    let lost = world.ticket().outbox.last().expect("others are told").clone();
    assert_eq!(lost.event, MailEvent::Undeliverable);
    name(&mut world, "2015-05-04T09:30:00Z");
    let letter = letter_at(&world, &idle_edges(), world.ticket, &lost, at("2015-05-05T09:00:00Z"));
    let first = letter.text.lines().next().unwrap_or_default();
    let expected =
        "As of Mon 2015-05-04 09:00 UTC: tech@springfield.example was not reached about Conficker on";
    assert!(first.starts_with(expected), "{first}");
}

#[test]
fn a_late_mail_without_a_heading_says_of_when_it_speaks() {
    let place = tempfile::tempdir().expect("a directory");
    let page = "{{#> layout}}<p>{{public}} {{malware}}: to do {{by_when}}</p>{{/layout}}";
    std::fs::write(place.path().join("opened.html.hbs"), page).expect("a file");
    let templates = Templates::load(Some(place.path())).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let (world, edges) = (world(), Edges { templates, ..idle_edges() });
    let mail = &world.ticket().outbox[0];
    let letter = letter_at(&world, &edges, world.ticket, mail, at("2015-05-05T09:00:00Z"));
    let body = letter.html.split_once("<body").expect("a body").1;
    let begin = body.find("As of Mon").expect("it says of when it speaks");
    assert!(begin < body.find("192.0.2.17").expect("it says where"), "{body}");
}

#[test]
fn a_mail_of_no_ticket_that_leaves_late_says_of_when_it_speaks() {
    for (row, world, when) in [
        ("mails told together", with_told_together(None), "Mon 2015-05-04 10:00 UTC"),
        ("a digest", with_digest(), "Tue 2015-05-05 06:00 UTC"),
    ] {
        let mail = world.engine.rounds().first().expect("there is one");
        let head = |later| {
            let leaves = mail.at + SignedDuration::from_secs(later);
            head(&letter_at(&world, &idle_edges(), TicketId::NONE, mail, leaves))
        };
        let (soon, late) = (head(3_600), head(3_601));
        assert!(!soon[1].is_empty() && !soon[1].starts_with("As of"), "{row}: {soon:?}");
        let dated = |line: &str| format!("As of {when}: {line}");
        let expected = [soon[0].clone(), dated(&soon[1]), soon[2].clone(), dated(&soon[3])];
        assert_eq!(late, expected, "{row}");
    }
}
