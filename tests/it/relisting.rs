//! What does a listing do to a ticket? It keeps it from clean, makes it relapse, and counts by its own time.

use crate::world::{LAB, World, at, calls_at, silent};
use allclear::pure::playbook::{MailEvent, Notify, Playbook, Recipient};
use allclear::pure::ticket::{Act, Listing, Phase, stand};
use allclear::pure::verdict::Verdict;

/// A playbook that wants the address unlisted; the operator hears of listings, both of relapses.
fn wants_unlisted(playbook: &mut Playbook) {
    playbook.clean.is_unlisted = true;
    playbook.verify.has_listing = true;
    let soc = Recipient::Mailbox("soc@dis.example".to_owned());
    playbook.notify.push(Notify { events: vec![MailEvent::Listed, MailEvent::Relapsed], to: vec![soc] });
}

/// Cleaned and signed at a Tuesday noon; the list says this from then on.
fn cleaned(listing: Option<Listing>) -> World {
    let mut world = World::with(wants_unlisted);
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.act("2015-05-05T11:00:00Z", Act::Sign { item: "patch".to_owned() }).expect("signed");
    world.listing = listing;
    world
}

fn note(answer: Listing, seen: &str) -> Act {
    Act::NoteListing { answer, seen: at(seen), text: String::new() }
}

fn missing(world: &World) -> Vec<String> {
    let context = world.engine.context(world.ticket, world.now).expect("the playbook is there");
    stand(world.ticket(), &context).missing
}

const LONG_AFTER: &str = "2015-05-20T12:00:00Z";

#[test]
fn only_not_listed_at_the_last_pass_lets_a_ticket_become_clean() {
    use Listing::{Listed, NotListed, Unknown};
    for (row, said, phase, part) in [
        ("not listed", Some(NotListed), Phase::Clean, ""),
        ("listed", Some(Listed), Phase::Verifying, "it is listed"),
        ("unknown", Some(Unknown), Phase::Verifying, "unknown"),
        ("not asked", None, Phase::Verifying, "not asked yet"),
    ] {
        let mut world = cleaned(said);
        world.live_until(LONG_AFTER, silent);
        assert_eq!(world.phase(), phase, "{row}");
        assert!(missing(&world).concat().contains(part), "{row}: {:?}", missing(&world));
    }
    let mut world = cleaned(Some(Unknown));
    world.live_until("2015-05-07T12:00:00Z", silent);
    let verdicts = world.ticket().runs.iter().rev().take(2).map(|run| run.end.as_ref()?.verdict);
    assert_eq!(verdicts.collect::<Vec<_>>(), [Some(Verdict::Inconclusive); 2], "unknown is no pass");
}

#[test]
fn what_a_person_read_counts_by_its_own_time() {
    use Listing::{Listed, NotListed};
    let clean_by = |seen: &str| {
        let mut world = cleaned(Some(Listed));
        world.live_until(LONG_AFTER, silent);
        world.act(LONG_AFTER, note(NotListed, seen)).expect("it is on record");
        (world.phase(), missing(&world).concat())
    };
    // The last run of the list's own answer ended at 04:00.
    assert_eq!(clean_by("2015-05-20T04:00:01Z").0, Phase::Clean, "newer than the last answer");
    assert_eq!(clean_by("2015-05-20T03:59:59Z").0, Phase::Verifying, "older than the last answer");

    let mut world = cleaned(None);
    world.act("2015-05-05T12:00:00Z", note(NotListed, "2015-05-05T09:59:00Z")).expect("on record");
    assert!(missing(&world).concat().contains("before the last cleaning"), "{:?}", missing(&world));
    world.act("2015-05-05T12:00:00Z", note(NotListed, "2015-05-05T12:00:00Z")).expect("on record");
    assert!(!missing(&world).concat().contains("not listed"), "{:?}", missing(&world));
    world.live_until(LONG_AFTER, silent);
    assert_eq!(world.phase(), Phase::Verifying, "read before the nights");
    assert!(missing(&world).concat().contains("before the last pass"), "{:?}", missing(&world));
    // The window of the last night began at 20:00.
    world.act(LONG_AFTER, note(NotListed, "2015-05-19T20:00:00Z")).expect("on record");
    assert_eq!(world.phase(), Phase::Clean);

    let refused = world.act(LONG_AFTER, note(Listed, "2015-05-20T12:00:01Z")).expect_err("not yet");
    assert!(refused.contains("future"), "{refused}");
}

#[test]
fn relisting_after_clean_is_a_relapse_and_mailed_once_to_each() {
    let mut world = cleaned(Some(Listing::NotListed));
    world.live_until(LONG_AFTER, silent);
    assert_eq!(world.phase(), Phase::Clean);
    world.listing = Some(Listing::Unknown);
    world.live_until("2015-05-26T12:00:00Z", silent);
    assert_eq!(world.phase(), Phase::Clean, "unknown is no listing");
    world.listing = Some(Listing::Listed);
    world.live_until("2015-06-02T12:00:00Z", silent);
    assert_eq!((world.phase(), world.ticket().relapses), (Phase::Reported, 1));
    let told: Vec<(MailEvent, usize)> =
        world.ticket().outbox.iter().rev().take(2).map(|mail| (mail.event, mail.to.len())).collect();
    assert_eq!(told, [(MailEvent::Listed, 1), (MailEvent::Relapsed, 1)], "soc hears of the listing alone");
}

#[test]
fn a_note_makes_a_clean_ticket_relapse_only_when_it_is_news() {
    use Listing::{Listed, NotListed};
    for (row, before, seen, phase) in [
        ("news", Some(NotListed), "2015-05-20T11:00:00Z", Phase::Reported),
        ("older than the last answer", Some(NotListed), "2015-05-13T03:00:00Z", Phase::Clean),
        ("from before the cleaning", None, "2015-05-05T09:00:00Z", Phase::Clean),
    ] {
        let mut world = World::with(|playbook| playbook.verify.has_listing = true);
        world.cleaned_at("2015-05-05T10:00:00Z");
        world.act("2015-05-05T11:00:00Z", Act::Sign { item: "patch".to_owned() }).expect("signed");
        world.listing = before;
        world.live_until(LONG_AFTER, silent);
        assert_eq!(world.phase(), Phase::Clean, "{row}: nothing asks for unlisted");
        world.act(LONG_AFTER, note(Listed, seen)).expect("on record");
        assert_eq!(world.phase(), phase, "{row}");
    }
}

/// Clean since the night of May 13th or so, and found not listed in each night up to May 20th.
fn clean_and_unlisted() -> World {
    let mut world = cleaned(Some(Listing::NotListed));
    world.live_until(LONG_AFTER, silent);
    assert_eq!(world.phase(), Phase::Clean);
    world
}

#[test]
fn what_a_person_read_before_the_last_answer_is_a_relapse_of_a_clean_ticket() {
    let confirmed = clean_and_unlisted().ticket().confirmed.expect("clean");
    for (row, after_s, phase) in
        [("after it was clean", 1, Phase::Reported), ("when it was clean", 0, Phase::Clean)]
    {
        let mut world = clean_and_unlisted();
        let last = world.ticket().listing.clone();
        let seen = (confirmed + jiff::SignedDuration::from_secs(after_s)).to_string();
        assert!(last.as_ref().is_some_and(|last| last.at > at(&seen)), "{row}: an answer is newer");
        world.act(LONG_AFTER, note(Listing::Listed, &seen)).expect("on record");
        assert_eq!(world.phase(), phase, "{row}");
        assert_eq!(world.ticket().listing, last, "{row}: the newer answer stands");
        world.act(LONG_AFTER, note(Listing::Listed, &seen)).expect("on record");
        assert_eq!(world.ticket().relapses, u32::from(phase == Phase::Reported), "{row}: told twice");
    }
}

#[test]
fn a_relisting_asks_for_a_cleaning_after_it() {
    let mut world = clean_and_unlisted();
    let relisted = "2015-05-20T11:00:00Z";
    world.act(LONG_AFTER, note(Listing::Listed, relisted)).expect("on record");
    assert_eq!(world.phase(), Phase::Reported);
    let clean = |host, seen: &str| Act::Clean { host, at: Some(at(seen)) };
    let refused =
        world.act(LONG_AFTER, clean(LAB.parse().ok(), "2015-05-20T10:59:59Z")).expect_err("too early");
    assert!(refused.contains("listed again at 2015-05-20T11:00:00Z"), "{refused}");
    world.act(LONG_AFTER, clean(LAB.parse().ok(), "2015-05-20T11:00:01Z")).expect("after it");
    assert_eq!(world.phase(), Phase::Verifying);
    assert!(!missing(&world).concat().contains("listed again"), "{:?}", missing(&world));
    world.live_until("2015-06-10T12:00:00Z", silent);
    assert_eq!((world.phase(), world.ticket().relapses), (Phase::Clean, 1));
    world.act("2015-06-10T12:00:00Z", note(Listing::Listed, relisted)).expect("on record");
    assert_eq!(world.phase(), Phase::Clean, "the old listing once more is no news");
}

#[test]
fn a_listing_that_was_there_all_the_time_is_no_relapse() {
    let mut world = World::with(|playbook| playbook.verify.has_listing = true);
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.act("2015-05-05T11:00:00Z", Act::Sign { item: "patch".to_owned() }).expect("signed");
    world.listing = Some(Listing::Listed);
    world.live_until("2015-06-02T12:00:00Z", silent);
    assert_eq!((world.phase(), world.ticket().relapses), (Phase::Clean, 0));
}

#[test]
fn becoming_listed_again_while_verifying_is_mailed_and_keeps_from_clean() {
    let mut world = cleaned(Some(Listing::NotListed));
    world.live_until("2015-05-08T12:00:00Z", silent);
    world.listing = Some(Listing::Listed);
    world.live_until(LONG_AFTER, silent);
    assert_eq!((world.phase(), world.ticket().relapses), (Phase::Verifying, 0));
    let mails: Vec<MailEvent> = world.mails();
    assert_eq!(mails.iter().filter(|event| **event == MailEvent::Listed).count(), 1, "{mails:?}");
    world.live_until("2015-05-21T12:00:00Z", calls_at("2015-05-20T22:00:00Z", LAB, None));
    assert_eq!(world.phase(), Phase::Located, "a contact is still a relapse");
    assert_eq!(
        world.reopened().ticket(world.ticket).expect("there"),
        world.ticket(),
        "the log says the same"
    );
}
