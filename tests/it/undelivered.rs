//! What becomes of a mail that does not arrive? It is tried again for days, shown, told to somebody else, and
//! sent after all when a person wants that.

use crate::world::World;
use allclear::pure::playbook::{MailEvent, Notify, Recipient};
use allclear::pure::report::unsent::{MailState, unsent};
use allclear::pure::ticket::{Act, Effect, Event, Input, Mail, Never, due};
use jiff::{SignedDuration, Timestamp};

const TECH: &str = "Tech Coordinator <tech@springfield.example>";
const ENGINEER: &str = "engineer@dis.example";
const BOSS: &str = "boss@dis.example";
const POSTMASTER: &str = "Postmaster <post@dis.example>";

/// A ticket whose `opened` goes to these, where these others hear of `overdue`.
fn world(opened: &[&str], overdue: &[&str], postmaster: Option<&str>) -> World {
    let to = |all: &[&str]| all.iter().map(|to| Recipient::Mailbox((*to).to_owned())).collect();
    let mut world = World::with(|playbook| {
        playbook.due = Default::default();
        playbook.notify = vec![
            Notify { events: vec![MailEvent::Opened], to: to(opened) },
            Notify { events: vec![MailEvent::Overdue], to: to(overdue) },
        ];
    });
    let mut library = world.engine.library().clone();
    library.site_file.mail.as_mut().expect("there is mail").postmaster = postmaster.map(str::to_owned);
    world.engine = world.reopened_with(library);
    world
}

fn failed(mail: u64, to: &str, is_refused: bool) -> Input {
    let never = is_refused.then_some(Never::Refused);
    Input::MailFailed { mail, to: to.to_owned(), error: "550 no such user".to_owned(), never }
}

fn outbox(world: &World) -> &[Mail] {
    &world.ticket().outbox
}

/// To whom something is handed over now, in order.
fn due_to(world: &World) -> Vec<String> {
    let effects = due(world.ticket(), world.now).into_iter();
    effects
        .filter_map(|effect| match effect {
            Effect::SendMail { to, .. } => Some(to),
            _ => None,
        })
        .collect()
}

#[test]
fn whoever_else_is_named_hears_of_a_mail_that_reached_nobody() {
    const SAME: &str = "TECH@springfield.example";
    type Names = &'static [&'static str];
    let rows: &[(&str, Names, Names, Option<&str>, Names)] = &[
        ("who hears of overdue tickets", &[TECH], &[ENGINEER], Some(POSTMASTER), &[ENGINEER]),
        ("who hears of anything", &[TECH, BOSS], &[], Some(POSTMASTER), &[BOSS]),
        ("both, those of overdue first", &[BOSS, TECH], &[ENGINEER], None, &[ENGINEER, BOSS]),
        (
            "the same person under another name is nobody else",
            &[TECH],
            &[SAME],
            Some(POSTMASTER),
            &[POSTMASTER],
        ),
        ("nobody else, and no postmaster", &[TECH], &[TECH], None, &[]),
        ("the postmaster is the one who failed", &[TECH], &[], Some(SAME), &[]),
    ];
    for (row, opened, overdue, postmaster, expected) in rows {
        let mut world = world(opened, overdue, *postmaster);
        let mail = outbox(&world)[0].seq;
        world.input(&failed(mail, TECH, true));
        let told: Vec<Mail> = outbox(&world)[1..].to_vec();
        assert_eq!(told.len(), usize::from(!expected.is_empty()), "{row}");
        for told in &told {
            assert_eq!(told.event, MailEvent::Undeliverable, "{row}");
            assert_eq!(told.to, *expected, "{row}");
            world.input(&failed(told.seq, &told.to[0], true));
        }
        assert_eq!(outbox(&world).len(), 1 + told.len(), "{row}: it does not go round in circles");
    }
}

#[test]
fn a_mail_is_tried_for_five_days_at_growing_pauses_and_then_given_up() {
    let mut world = world(&[TECH], &[ENGINEER], None);
    let (mail, begin) = (outbox(&world)[0].seq, outbox(&world)[0].at);
    let mut pauses: Vec<SignedDuration> = Vec::new();
    while outbox(&world)[0].pending().next().is_some() {
        assert_eq!(due_to(&world), [TECH], "try {}", pauses.len() + 1);
        world.input(&failed(mail, TECH, false));
        let trouble = outbox(&world)[0].trouble(TECH).expect("it failed").clone();
        pauses.push(trouble.not_before.duration_since(world.now));
        world.now = trouble.not_before - SignedDuration::from_nanos(1);
        assert_eq!(due_to(&world), [] as [String; 0], "not before its time");
        world.now = trouble.not_before;
        assert!(pauses.len() < 60, "it is given up some day");
    }
    for (number, pause) in pauses.iter().enumerate() {
        let least = SignedDuration::from_mins((1i64 << number.min(20)).min(240));
        assert!((least..=least * 5 / 4).contains(pause), "pause {number}: {pause}");
    }
    let end = outbox(&world)[0].trouble(TECH).expect("it failed").clone();
    let (last, before) = (end.not_before - *pauses.last().expect("pauses"), pauses[pauses.len() - 2]);
    let days = SignedDuration::from_hours(5 * 24);
    assert!(last.duration_since(begin) >= days && (last - before).duration_since(begin) < days);
    assert_eq!(unsent(world.ticket(), world.now)[0].state, MailState::GivenUp);
    assert_eq!(outbox(&world)[1].event, MailEvent::Undeliverable);
}

#[test]
fn one_broken_recipient_holds_up_nobody_and_a_mail_is_delayed_from_four_hours_on() {
    let mut world = world(&[TECH, BOSS], &[], None);
    let mail = outbox(&world)[0].seq;
    world.input(&failed(mail, TECH, false));
    assert_eq!(due_to(&world), [BOSS]);
    world.input(&Input::MailAccepted { mail, to: BOSS.to_owned() });
    assert_eq!(due_to(&world), [] as [String; 0]);
    let begin: Timestamp = outbox(&world)[0].at;
    for (seconds, expected) in [(4 * 3600 - 1, MailState::Waiting), (4 * 3600, MailState::Delayed)] {
        let rows = unsent(world.ticket(), begin + SignedDuration::from_secs(seconds));
        assert_eq!((rows.len(), rows[0].to, rows[0].state, rows[0].tries), (1, TECH, expected, 1));
    }
}

#[test]
fn a_person_has_a_mail_sent_again_to_the_address_that_the_files_name_now() {
    let mut world = world(&[TECH], &[ENGINEER], None);
    let mail = outbox(&world)[0].seq;
    let retry = |mail| Act::RetryMail { mail };
    world.input(&failed(mail, TECH, true));
    assert!(!due_to(&world).contains(&TECH.to_owned()));
    world.act("2015-05-04T10:00:00Z", retry(Some(mail))).expect("a refused mail is sent again");
    assert!(due_to(&world).contains(&TECH.to_owned()), "as it was, while nobody else is named");
    world.input(&failed(mail, TECH, true));
    let mended = "New Coordinator <new@springfield.example>";
    let mut library = world.engine.library().clone();
    let playbook = library.playbooks.values_mut().next().expect("a playbook");
    playbook.notify[0].to = vec![Recipient::Mailbox(mended.to_owned())];
    world.engine = world.reopened_with(library);
    world.act("2015-05-04T11:00:00Z", retry(None)).expect("all are sent again");
    assert_eq!(outbox(&world)[0].to, [mended]);
    assert!(due_to(&world).contains(&mended.to_owned()));
    world.input(&Input::MailAccepted { mail, to: mended.to_owned() });
    let refusal = world.act("2015-05-04T12:00:00Z", retry(Some(mail))).expect_err("nothing is left to do");
    assert!(refusal.contains("accepted"), "{refusal}");
    let refusal = world.act("2015-05-04T12:00:00Z", retry(Some(99_999))).expect_err("there is none");
    assert!(refusal.contains("mail queue"), "{refusal}");
    let by: Vec<String> = world
        .events()
        .into_iter()
        .filter(|recorded| matches!(recorded.event, Event::MailRetried { .. }))
        .map(|recorded| recorded.by)
        .collect();
    assert!(!by.is_empty() && by.iter().all(|by| by != "allclear"), "{by:?}");
}

#[test]
fn who_did_not_let_a_mail_through_is_on_record_and_an_old_record_says_it_was_the_server() {
    for (never, expected) in
        [(None, (false, false)), (Some(Never::Refused), (true, false)), (Some(Never::Unfit), (true, true))]
    {
        let mut world = world(&[TECH], &[], None);
        let (mail, error) = (outbox(&world)[0].seq, "no such user".to_owned());
        world.input(&Input::MailFailed { mail, to: TECH.to_owned(), error, never });
        let events = world.events();
        let failed = events.iter().map(|recorded| &recorded.event).find(|event| said(event).is_some());
        let failed = failed.expect("it has failed");
        assert_eq!(said(failed), Some(expected), "{never:?}");
        let mut old = serde_json::to_value(failed).expect("it can be stored");
        let fields = old.as_object_mut().and_then(|event| event.values_mut().next()?.as_object_mut());
        fields.expect("an event with fields").remove("is_unfit");
        let old: Event = serde_json::from_value(old).expect("an old record is read");
        assert_eq!(said(&old), Some((expected.0, false)), "{never:?}");
    }
}

/// Whether a mail was refused for good, and whether by ourselves.
fn said(event: &Event) -> Option<(bool, bool)> {
    let Event::MailFailed { is_refused, is_unfit, .. } = event else { return None };
    Some((*is_refused, *is_unfit))
}
