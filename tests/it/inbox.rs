//! What do people read in the mails that they got, while a story goes on? The mails of the world, as they leave.

use crate::world::{World, silent, switched_off};
use allclear::edge::capture::recordings::Recordings;
use allclear::edge::capture::stop::Stop;
use allclear::edge::perform::{self, Captures, Edges, Listings, Post, Work};
use allclear::edge::template::Templates;
use allclear::pure::playbook::MailEvent;
use allclear::pure::report::Letter;
use allclear::pure::ticket::{Act, Effect, Listing, Mail, Phase, TicketId};
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

/// The mail as it leaves.
pub fn letter(world: &World, edges: &Edges, ticket: TicketId, mail: &Mail) -> Letter {
    let to = mail.to.first().expect("somebody gets it").clone();
    let effect = Effect::SendMail { ticket, mail: mail.seq, to };
    match perform::prepare(&effect, &world.engine, edges, world.now).expect("it is prepared") {
        Work::Letter { letter, .. } => *letter.expect("it is written"),
        _ => panic!("a mail is written as a letter"),
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
    for (row, listing, is_signed, what, deed) in [
        ("a signature", None, false, "the checklist is not signed off", sign.to_owned()),
        ("a listing", unlisted, true, "192.0.2.17 must be found not listed; it is listed", wait.to_owned()),
        (
            "both",
            unlisted,
            false,
            "192.0.2.17 must be found not listed; it is listed",
            format!("{wait}; {sign}"),
        ),
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
                format!("[allclear #1] 10.16.24.93: silent for long enough, but {what}"),
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
