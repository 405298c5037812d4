//! What do people read in the mails that they got, while a story goes on? The mails of the world, as they leave.

use crate::letters::undated;
use crate::storm::{Answer, deliver_each_until, deliver_until, never_tech, open, quiet, told_in, watched};
use crate::world::{LAB, OFFICE, World, calls_at, calls_every_two_hours, ip, silent, switched_off};
use allclear::edge::capture::recordings::Recordings;
use allclear::edge::capture::stop::Stop;
use allclear::edge::perform::{self, Captures, Edges, Listings, Post, Work};
use allclear::edge::template::Templates;
use allclear::pure::playbook::MailEvent;
use allclear::pure::report::Letter;
use allclear::pure::ticket::{Act, Effect, Listing, Mail, Phase, TicketId};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::path::PathBuf;
use std::sync::Mutex;
use tempfile::TempDir;

/// Edges that capture nothing and send nothing.
pub fn idle_edges() -> Edges {
    let directory = TempDir::new().expect("a temporary directory");
    let pattern = directory.path().join("*.pcap").display().to_string();
    let recordings = Recordings::open(&pattern, &TimeZone::UTC).expect("no captures");
    Edges {
        captures: Captures::Recorded(Box::new(Mutex::new(recordings))),
        post: Post::Nowhere,
        templates: Templates::load(None).expect("the shipped templates load"),
        state: PathBuf::new(),
        stop: Stop::new(),
        listings: Listings::Scripted(None),
    }
}

/// The mail as it leaves at once.
pub fn letter(world: &World, edges: &Edges, ticket: TicketId, mail: &Mail) -> Letter {
    letter_at(world, edges, ticket, mail, mail.at)
}

/// The mail as it leaves at that time.
pub fn letter_at(world: &World, edges: &Edges, ticket: TicketId, mail: &Mail, now: Timestamp) -> Letter {
    let to = mail.to.first().expect("somebody gets it").clone();
    let effect = Effect::SendMail { ticket, mail: mail.seq, to };
    match perform::prepare(&effect, &world.engine, edges, now).expect("it is prepared") {
        Work::Draft { draft, .. } => {
            edges.templates.write(*draft.expect("it is drawn up")).expect("it is written")
        }
        _ => panic!("a mail is drawn up"),
    }
}

/// Every mail of the ticket about that event, in order.
fn letters(world: &World, event: MailEvent) -> Vec<Letter> {
    let edges = idle_edges();
    let mails = world.ticket().outbox.iter().filter(|mail| mail.event == event);
    mails.map(|mail| letter(world, &edges, world.ticket, mail)).collect()
}

/// Subject and first two lines.
fn head(letter: &Letter) -> [&str; 3] {
    let mut lines = letter.text.lines();
    [&letter.subject, lines.next().unwrap_or_default(), lines.next().unwrap_or_default()]
}

/// What no night can give is not asked for by leaving a machine on, however many nights prove nothing.
#[test]
fn whose_silence_is_proved_is_asked_for_what_is_missing_and_nothing_else() {
    let unlisted = Some(Listing::Listed);
    let sign = "do and sign off what is open in the checklist below";
    let wait = "wait until 192.0.2.17 is off the blocklist, and do not ask for its removal";
    let (checklist, listed) =
        ("the checklist is not signed off", "192.0.2.17 must be found not listed; it is listed");
    for (row, listing, is_signed, brief, what, deed) in [
        ("a signature", None, false, "not signed off", checklist, sign.to_owned()),
        ("a listing", unlisted, true, "not off the blocklist", listed, wait.to_owned()),
        ("both", unlisted, false, "not off the blocklist", listed, format!("{wait}; {sign}")),
    ] {
        let mut world = World::with(|playbook| playbook.clean.is_unlisted = listing.is_some());
        world.listing = listing;
        world.cleaned_at("2015-05-05T10:00:00Z");
        if is_signed {
            world.act("2015-05-05T10:00:00Z", Act::Sign { item: "patch".to_owned() }).expect("signed");
        }
        world.live_until("2015-05-13T12:00:00Z", silent);
        assert_eq!(letters(&world, MailEvent::Inconclusive), [], "{row}");
        world.live_until("2015-05-20T12:00:00Z", switched_off);
        assert_eq!(world.phase(), Phase::Verifying, "{row}");
        let told = letters(&world, MailEvent::Inconclusive);
        assert_eq!(told.len(), 2, "{row}: three nights in a row are mailed");
        for letter in told {
            let [subject, first, second] = head(&letter);
            assert_eq!(
                subject,
                format!("[allclear #1] 10.16.24.93: silent for long enough, but {brief}"),
                "{row}"
            );
            assert!(
                first.contains("10.16.24.93 was silent for long enough, but") && first.contains(what),
                "{row}"
            );
            assert_eq!(second, format!("TO DO as soon as you can: {deed}."), "{row}");
            assert!(
                !letter.text.contains("no proof") && !letter.html.contains("no proof"),
                "{}",
                letter.text
            );
            assert!(letter.html.contains(&deed), "{row}");
        }
    }
}

/// A night before the last one that counts: then a machine that is off is what is missing.
#[test]
fn whose_silence_is_not_proved_yet_is_asked_to_be_left_on() {
    let mut world = World::new();
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.live_until("2015-05-12T12:00:00Z", silent);
    world.live_until("2015-05-20T12:00:00Z", switched_off);
    let told = letters(&world, MailEvent::Inconclusive);
    assert_eq!(told.len(), 2);
    for letter in told {
        let [_, first, second] = head(&letter);
        assert!(first.contains("no proof yet that Conficker is gone"), "{first}");
        assert!(second.contains("leave 10.16.24.93 switched on and connected"), "{second}");
    }
}

/// Every mail that tells others, in order.
fn folded(world: &World) -> Vec<Letter> {
    let edges = idle_edges();
    let told = told_in(world);
    let rounds = world.engine.rounds().iter().filter(|mail| told.contains_key(&mail.seq));
    rounds.map(|mail| letter(world, &edges, TicketId::NONE, mail)).collect()
}

fn act_on(world: &mut World, ticket: u32, time: &str, act: Act) {
    world.ticket = TicketId(ticket);
    world.act(time, act).expect("it is done");
}

fn named(host: &str) -> Act {
    Act::NameHost { host: ip(host), mac: None, name: None }
}

/// The first mail an hour goes by itself, and the others wait for the next hour.
fn with_tickets(tickets: usize) -> World {
    let mut world = quiet(1);
    open(&mut world, tickets);
    deliver_until(&mut world, "2015-05-04T09:05:00Z", |_| Answer::Yes);
    world
}

/// One mail that tells four tickets, of machines with this name where one is given.
pub fn told_together(name: Option<&str>) -> Letter {
    let mut told = folded(&with_told_together(name));
    assert_eq!(told.len(), 1);
    told.remove(0)
}

/// Four tickets that are told in one mail.
pub fn with_told_together(name: Option<&str>) -> World {
    let mut world = with_tickets(4);
    for (ticket, time, host) in
        [(3, "2015-05-04T09:20:00Z", "10.16.5.5"), (4, "2015-05-04T09:25:00Z", "10.16.6.6")]
    {
        let name = name.map(str::to_owned);
        act_on(&mut world, ticket, time, Act::NameHost { host: ip(host), mac: None, name });
    }
    deliver_until(&mut world, "2015-05-04T10:30:00Z", |_| Answer::Yes);
    world
}

#[test]
fn a_mail_that_tells_several_tickets_begins_with_the_most_urgent_and_tells_each_once() {
    let letter = &told_together(None);
    let [subject, first, second] = head(letter);
    assert_eq!(subject, "[allclear] 10.16.5.5 is named as infected with Conficker; 2 more tickets");
    assert_eq!(first, "10.16.5.5 is named by tech as infected with Conficker; no run has seen it call.");
    assert_eq!(second, "TO DO as soon as you can: take it off the network, clean it.");
    let text = letter.text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("This is ticket 3, the most urgent of 5 mails about 3 tickets since"), "{text}");
    assert_eq!(text.matches("10.16.5.5").count(), 1, "a ticket is told once: {text}");
    for mark in ["#2]", "#4]"] {
        assert_eq!(text.matches(mark).count(), 1, "{mark}: {text}");
    }
    assert_eq!(text.matches("find it").count(), 1, "the order to ticket 2, and to no other: {text}");
    assert_eq!(text.matches("Before that, Mon 2015-05-04 09:00 UTC: A machine behind").count(), 2, "{text}");
    assert!(
        letter.html.contains("<b>To do as soon as you can:</b> take it off the network, clean it."),
        "{}",
        letter.html
    );
}

/// Between the mail and its telling the machine was found, cleaned, or the ticket ended: then it says how it stands
/// now, and a ticket that has not gone on leads.
#[test]
fn what_has_happened_since_takes_the_place_of_an_order() {
    let clean = || Act::Clean { host: None, at: None };
    let end = || Act::Reject { reason: "not ours".to_owned() };
    let since = "since Mon 2015-05-04 09:40 UTC. Before that, Mon 2015-05-04 09:";
    for (row, act, leads, first, second) in [
        ("nothing", None, 2, "A machine behind 192.0.2.17 is reported", "TO DO as soon as you can: find it"),
        (
            "found",
            Some(named("10.16.5.5")),
            2,
            "10.16.5.5 is named by tech",
            "TO DO as soon as you can: take it off",
        ),
        (
            "cleaned",
            Some(clean()),
            3,
            "10.16.5.5: cleaned, being verified, ",
            "TO DO: leave what was cleaned switched on while the network is watched.",
        ),
        ("ended", Some(end()), 3, "A machine behind 192.0.2.17: rejected, ", "TO DO: nothing."),
    ] {
        let mut world = with_tickets(3);
        if row == "cleaned" {
            act_on(&mut world, 2, "2015-05-04T09:20:00Z", named("10.16.5.5"));
        }
        act.into_iter().for_each(|act| act_on(&mut world, 2, "2015-05-04T09:40:00Z", act));
        deliver_until(&mut world, "2015-05-04T10:30:00Z", |_| Answer::Yes);
        let told = folded(&world);
        let [letter] = &told[..] else { panic!("{row}: {told:?}") };
        let text = words(letter);
        assert!(text.contains(&format!("This is ticket {leads}, the most urgent")), "{row}: {text}");
        assert!(head(letter)[0].ends_with("; 1 more ticket"), "{row}: {}", letter.subject);
        let has_gone_on = leads == 3;
        let told = if has_gone_on { format!("{first}{since}") } else { first.to_owned() };
        assert!(text.contains(&told) && text.contains(second), "{row}: {text}");
        assert!(has_gone_on || head(letter)[1].starts_with(first), "{row}: {text}");
        assert!(has_gone_on || head(letter)[2].starts_with(second), "{row}: {text}");
        assert!(
            row != "cleaned" || text.contains("[allclear #2] 10.16.5.5: cleaned, being verified"),
            "{text}"
        );
    }
}

/// A mail that waited alone: as it was written, or, where its ticket went on in the meantime, as that stands.
#[test]
fn what_waited_alone_gives_no_order_that_was_overtaken() {
    let clean = || Act::Clean { host: None, at: None };
    for (row, act, expected) in [
        ("nothing", None, None),
        (
            "cleaned",
            Some(clean()),
            Some([
                "[allclear #2] 10.16.5.5: cleaned, being verified",
                "10.16.5.5: cleaned, being verified, since Mon 2015-05-04 09:40 UTC. Before that, Mon 2015-05-04 09:20 \
                 UTC: 10.16.5.5 is named by tech as infected with Conficker; no run has seen it call.",
                "TO DO: leave what was cleaned switched on while the network is watched.",
            ]),
        ),
    ] {
        let mut world = quiet(2);
        open(&mut world, 2);
        deliver_until(&mut world, "2015-05-04T09:05:00Z", |_| Answer::Yes);
        act_on(&mut world, 2, "2015-05-04T09:20:00Z", named("10.16.5.5"));
        act.into_iter().for_each(|act| act_on(&mut world, 2, "2015-05-04T09:40:00Z", act));
        deliver_until(&mut world, "2015-05-04T10:30:00Z", |_| Answer::Yes);
        let told = folded(&world);
        let Some(expected) = expected else {
            assert_eq!(told, [], "{row}");
            assert!(world.ticket().outbox.iter().all(|mail| mail.is_out()), "{row}");
            continue;
        };
        let [letter] = &told[..] else { panic!("{row}: {told:?}") };
        assert_eq!(head(letter), expected, "{row}");
        let why = "This is the one mail about ticket 2 since Mon 2015-05-04 09:20 UTC, told as the ticket stands now";
        assert!(words(letter).contains(why), "{row}: {}", letter.text);
        assert_eq!((letter.thread, letter.answers.is_some()), (TicketId(2), true), "{row}: its conversation");
    }
}

#[test]
fn who_was_not_reached_is_told_with_the_address_and_the_answer() {
    let mut world = watched();
    open(&mut world, 3);
    deliver_each_until(&mut world, "2015-05-04T09:30:00Z", never_tech);
    let told = folded(&world);
    let [letter] = &told[..] else { panic!("{told:?}") };
    let answer = "Not reached: Tech Coordinator <tech@springfield.example>: no";
    assert_eq!(head(letter)[1], "Tech Coordinator was not reached about 3 tickets.");
    assert_eq!(letter.text.matches(answer).count(), 1, "once for all: {}", letter.text);
    assert!(letter.html.contains("Not reached: Tech Coordinator &lt;tech@springfield.example&gt;: no"));
    for ticket in ["#1]", "#2]", "#3]"] {
        assert_eq!(letter.text.matches(ticket).count(), 1, "{ticket}: {}", letter.text);
    }
}

fn words(letter: &Letter) -> String {
    letter.text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The checklist was signed for the first machine; then another one is found.
#[test]
fn a_checklist_signed_before_a_machine_was_found_is_open_for_it() {
    let sign = || Act::Sign { item: "patch".to_owned() };
    let mut world = World::new();
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.act("2015-05-05T11:00:00Z", sign()).expect("signed");
    assert!(world.act("2015-05-05T11:00:00Z", sign()).is_err(), "once is enough");
    world.live_until("2015-05-06T12:00:00Z", calls_at("2015-05-05T23:00:00Z", OFFICE, None));
    let located = letters(&world, MailEvent::Located);
    let [first, second] = &located[..] else { panic!("{located:?}") };
    assert_eq!(
        first.subject,
        format!("[allclear #1] {LAB} still calls a Conficker sinkhole"),
        "as was reported"
    );
    assert_eq!(
        second.subject,
        format!("[allclear #1] {OFFICE} calls a Conficker sinkhole"),
        "nobody reported it"
    );
    let open = format!(
        "[ ] Install MS08-067: signed by tech, Tue 2015-05-05 11:00 UTC, before {OFFICE} was found: do it there too"
    );
    assert!(words(second).contains(&open), "{}", second.text);
    assert!(second.html.contains("&#9744;") && !second.html.contains("&#9745;"), "{}", second.html);
    world.act("2015-05-06T13:00:00Z", Act::Clean { host: None, at: None }).expect("cleaned");
    world.act("2015-05-06T13:00:00Z", sign()).expect("signed for that machine too");
    world.live_until("2015-05-20T12:00:00Z", silent);
    let clean = letters(&world, MailEvent::Clean);
    assert!(words(&clean[0]).contains("[x] Install MS08-067: signed by tech, Wed 2015-05-06 13:00 UTC"));
}

#[test]
fn a_checklist_signed_before_a_relapse_is_open_again() {
    let mut world = World::new();
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.act("2015-05-05T11:00:00Z", Act::Sign { item: "patch".to_owned() }).expect("signed");
    world.live_until("2015-05-06T12:00:00Z", calls_at("2015-05-05T23:00:00Z", LAB, None));
    let relapsed = letters(&world, MailEvent::Relapsed);
    let open = "[ ] Install MS08-067: signed by tech, Tue 2015-05-05 11:00 UTC, before it came back: see to it again";
    assert!(words(&relapsed[0]).contains(open), "{}", relapsed[0].text);
}

/// The address is a lease: the machine that got it next does not hide that the first one calls from elsewhere.
#[test]
fn a_machine_that_moved_is_corrected_although_another_one_has_its_address() {
    let mac = |text: &str| text.parse().ok();
    let (first, second) = (mac("02:00:00:00:00:07"), mac("02:00:00:00:00:08"));
    let mut world = World::new();
    world.live_until("2015-05-04T12:05:00Z", |window| calls_every_two_hours(window, ip(LAB), first));
    world
        .live_until("2015-05-04T14:05:00Z", |window| calls_every_two_hours(window, ip("10.16.24.80"), first));
    world.live_until("2015-05-04T16:05:00Z", |window| calls_every_two_hours(window, ip(LAB), second));
    let located = letters(&world, MailEvent::Located);
    let [.., last] = &located[..] else { panic!("{located:?}") };
    let expected = "Not any more: 10.16.24.93 has another address now: 10.16.24.80";
    assert!(words(last).contains(expected), "{}", last.text);
}

/// Who was sent to a machine hears in the next mail that it is not the one, or not there.
#[test]
fn what_an_earlier_mail_said_of_a_machine_is_corrected_in_the_next() {
    let mac = "02:00:00:00:00:07".parse().ok();
    let moved = ip("10.16.24.80");
    for (row, expected) in [
        (
            "withdrawn",
            "10.16.24.93 was named by mistake, as tech says (Mon 2015-05-04 14:30 UTC: wrong room)",
        ),
        ("retired", "10.16.24.93 has left the network, as tech says (Mon 2015-05-04 14:30 UTC: scrapped)"),
        (
            "moved",
            "10.16.24.93 has another address now: 10.16.24.80 (it called from there Mon 2015-05-04 12:00 UTC)",
        ),
        ("nothing", ""),
    ] {
        let mut world = World::new();
        let (host, reason) = (ip(LAB), "wrong room".to_owned());
        if row == "withdrawn" {
            world.act("2015-05-04T10:30:00Z", named(LAB)).expect("named");
            world.act("2015-05-04T10:30:00Z", named("10.16.7.7")).expect("named");
        } else {
            world.live_until("2015-05-04T12:05:00Z", |window| calls_every_two_hours(window, ip(LAB), mac));
        }
        if row == "moved" {
            world.live_until("2015-05-04T14:05:00Z", |window| calls_every_two_hours(window, moved, mac));
        }
        let act = match row {
            "withdrawn" => Some(Act::WithdrawHost { host, reason }),
            "retired" => Some(Act::RetireHost { host, reason: "scrapped".to_owned() }),
            _ => None,
        };
        act.into_iter().for_each(|act| act_on(&mut world, 1, "2015-05-04T14:30:00Z", act));
        act_on(&mut world, 1, "2015-05-04T15:00:00Z", named("10.16.9.9"));
        act_on(&mut world, 1, "2015-05-04T16:00:00Z", named("10.16.9.10"));
        let located = letters(&world, MailEvent::Located);
        let [.., next, after] = &located[..] else { panic!("{row}: {located:?}") };
        assert_eq!(
            words(next).contains(&format!("Not any more: {expected}")),
            row != "nothing",
            "{row}: {}",
            next.text
        );
        assert!(words(next).contains("the network, clean"), "{row}: {}", next.text);
        assert!(row == "nothing" || undated(&next.html).contains(expected), "{row}: {}", next.html);
        assert!(!words(after).contains("Not any more"), "{row}, once: {}", after.text);
        assert!(
            located.iter().rev().skip(2).all(|earlier| !words(earlier).contains("Not any more")),
            "{row}"
        );
    }
}
