//! Do mail programs see one conversation, one subject and nothing that somebody slipped in? The heads of
//! mails, read back by Python's email package.

use crate::inbox;
use crate::letters::{eml, letter, templates};
use crate::sample::sample;
use crate::skip::skipped;
use crate::world::{World, ip};
use allclear::pure::playbook::{MailEvent, Notify, Recipient};
use allclear::pure::report::Letter;
use allclear::pure::ticket::{Act, Input, Never};
use jiff::SignedDuration;
use std::io::Write;
use std::process::{Command, Stdio};

const READER: &str = r#"
import email, email.policy, json, sys
message = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
text = message.get_body(('plain',))
print(json.dumps({'names': sorted(message.keys()), 'defects': [str(d) for d in message.defects],
    'head': {name: str(value) for name, value in message.items()}, 'charset': text.get_content_charset(),
    'text': text.get_content()}))
"#;

/// What Python reads; `None`, with a message, where there is none.
fn read(letter: &Letter) -> Option<serde_json::Value> {
    let python = Command::new("/usr/bin/python3")
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut python) = python else {
        skipped("there is no /usr/bin/python3");
        return None;
    };
    python.stdin.take().expect("it is piped").write_all(eml(letter).as_bytes()).expect("it reads");
    let output = python.wait_with_output().expect("it ends");
    Some(serde_json::from_slice(&output.stdout).expect("a mail that can be read"))
}

#[test]
fn whatever_stands_in_a_subject_or_a_name_the_head_has_these_lines_and_no_more() {
    let long = "x".repeat(400);
    for (row, subject, from, to) in [
        ("plain", "[allclear #7] LAB-7", "allclear <a@dis.example>", "Tech <t@x.example>"),
        (
            "not ASCII",
            "[allclear #7] Schön-7 ruft 東京 an 🐛",
            "Störfälle <a@dis.example>",
            "Zoë Ångström <t@x.example>",
        ),
        (
            "line breaks",
            "[allclear #7] a\r\nBcc: all@x.example\r\n\r\nbody",
            "allclear <a@dis.example>",
            "Tech <t@x.example>",
        ),
        (
            "control and bidi signs",
            "[allclear #7] a\u{0}\u{7}\u{202e}b\u{85}c",
            "allclear <a@dis.example>",
            "Tech <t@x.example>",
        ),
        (
            "encoded words",
            "[allclear #7] =?utf-8?b?4oCuZ25wLmV4ZQ==?= =\u{0}?utf-8?q?a=0D=0ABcc=3A_e=40x.example?=",
            "allclear <a@dis.example>",
            "Tech <t@x.example>",
        ),
        ("very long", long.as_str(), "allclear <a@dis.example>", "Tech <t@x.example>"),
        (
            "an encoded word",
            "=?utf-8?q?Bcc:_x?= [allclear #7]",
            "allclear <a@dis.example>",
            "\"Tech, <b@x.example>\" <t@x.example>",
        ),
    ] {
        let letter = Letter {
            subject: subject.to_owned(),
            from: from.to_owned(),
            to: vec![to.to_owned()],
            reply_to: Some("Jake Ä <jake@dis.example>".to_owned()),
            text: "Größe\n".to_owned(),
            ..letter(&sample(MailEvent::Located))
        };
        let Some(mail) = read(&letter) else { return };
        let names: Vec<&str> =
            mail["names"].as_array().expect("names").iter().filter_map(|name| name.as_str()).collect();
        let expected = [
            "Auto-Submitted",
            "Content-Type",
            "Date",
            "From",
            "In-Reply-To",
            "List-Id",
            "MIME-Version",
            "Message-ID",
            "References",
            "Reply-To",
            "Subject",
            "Thread-Index",
            "Thread-Topic",
            "To",
            "X-Allclear-Event",
            "X-Allclear-Ticket",
            "X-Auto-Response-Suppress",
        ];
        assert_eq!(names, expected, "{row}");
        assert_eq!(mail["defects"], serde_json::json!([]), "{row}");
        assert!(
            mail["head"]["To"].as_str().is_some_and(|to| to.ends_with("<t@x.example>")),
            "{row}: {}",
            mail["head"]
        );
        assert_eq!(mail["head"]["Reply-To"], "Jake Ä <jake@dis.example>", "{row}");
        assert_eq!(
            (mail["charset"].as_str(), mail["text"].as_str().map(str::trim)),
            (Some("utf-8"), Some("Größe")),
            "{row}"
        );
        let subject = mail["head"]["Subject"].as_str().expect("a subject");
        assert!(!subject.contains(char::is_control), "{row}: {subject:?}");
        assert!(eml(&letter).lines().all(|line| line.len() < 998), "{row}");
    }
}

#[test]
fn each_mail_of_a_ticket_names_the_first_and_the_one_before_it() {
    let _ = templates();
    let id = |seq: u64| format!("<allclear.7.{seq}@dis.example>");
    for (row, first, answers, answered, references) in [
        ("the first", None, None, None, None),
        ("the second", Some(2), Some(2), Some(id(2)), Some(id(2))),
        ("the third", Some(2), Some(9), Some(id(9)), Some(format!("{} {}", id(2), id(9)))),
        ("whose first nobody got", Some(2), None, None, Some(id(2))),
    ] {
        let sample = sample(MailEvent::Located);
        let at = sample.ticket.opened + SignedDuration::from_hours(24 * i64::from(first.is_some()));
        let letter = Letter { first, answers, at, ..letter(&sample) };
        let Some(mail) = read(&letter) else { return };
        let header = |name: &str| {
            mail["head"][name].as_str().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        assert_eq!(header("In-Reply-To"), answered, "{row}");
        assert_eq!(header("References"), references, "{row}");
        assert_eq!(header("Thread-Topic").as_deref(), Some("allclear ticket 7"), "{row}");
        let index = header("Thread-Index").expect("an index");
        // 22 bytes that all share, and in those behind the first five more: it is written a day later.
        let expected = if first.is_some() {
            "AQHQg1ZUzzU2s8Bm6EGkG0SNogEr5gAySpoA"
        } else {
            "AQHQg1ZUzzU2s8Bm6EGkG0SNogEr5g=="
        };
        assert_eq!(index, expected, "{row}");
    }
}

/// The value of a header in the bytes of the mail.
fn header(letter: &Letter, name: &str) -> String {
    let mail = eml(letter).replace("\r\n ", " ");
    let line = mail.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned));
    line.unwrap_or_default()
}

/// The first mail of a state whose ticket was opened so much later than that of others.
fn first_mail(later: SignedDuration) -> (World, Letter) {
    let mut world = World::without_ticket(|_| {}, |_| {});
    world.now += later;
    world.open_first();
    let letter = written(&world, 0);
    (world, letter)
}

/// The ticket's so many-th mail as it leaves.
fn written(world: &World, number: usize) -> Letter {
    inbox::letter(world, &inbox::idle_edges(), world.ticket, &world.ticket().outbox[number])
}

#[test]
fn mails_of_two_states_are_no_repeats_of_each_other_and_an_older_state_keeps_its_names() {
    let names = |letter: &Letter| ["Message-ID", "Thread-Index"].map(|name| header(letter, name));
    let (mut world, mail) = first_mail(SignedDuration::ZERO);
    let (_, other) = first_mail(SignedDuration::from_nanos(1));
    let [id, index] = names(&mail);
    let [other_id, other_index] = names(&other);
    assert!(id.starts_with("<allclear.1.") && id.ends_with("@dis.example>"), "{id}");
    assert_ne!(id, other_id);
    assert_ne!(index, other_index, "they are two conversations");
    world.engine = world.reopened();
    assert_eq!(names(&written(&world, 0)), [id.clone(), index], "the same after a restart");
    world.engine = world.older_than_marks();
    let seq = mail.seq;
    assert_eq!(
        names(&written(&world, 0))[0],
        format!("<allclear.1.{seq}@dis.example>"),
        "as it was sent then"
    );
}

/// Each row: what becomes of the first mail, and whether the next one answers it.
#[test]
fn a_mail_answers_no_mail_that_nobody_got() {
    const TECH: &str = "tech@springfield.example";
    let answers = |world: &World, number: usize| {
        let letter = written(world, number);
        (letter.first, letter.answers, header(&letter, "In-Reply-To"))
    };
    let failed = |mail, never| Input::MailFailed { mail, to: TECH.to_owned(), error: "no".to_owned(), never };
    for (row, is_named) in [("taken", true), ("not tried yet", true), ("put off", true), ("refused", false)] {
        let mut world = World::with(|playbook| {
            let events = vec![MailEvent::Opened, MailEvent::Located];
            playbook.notify = vec![Notify { events, to: vec![Recipient::Mailbox(TECH.to_owned())] }];
        });
        let first = world.ticket().outbox[0].seq;
        match row {
            "taken" => world.input(&Input::MailAccepted { mail: first, to: TECH.to_owned() }),
            "put off" => world.input(&failed(first, None)),
            "refused" => world.input(&failed(first, Some(Never::Refused))),
            _ => {}
        }
        let name = Act::NameHost { host: ip("10.16.0.4"), mac: None, name: None };
        world.act("2015-05-04T09:01:00Z", name).expect("a machine is named");
        let last = world.ticket().outbox.len() - 1;
        let expected = is_named.then_some(first);
        let (named, answered, header) = answers(&world, last);
        assert_eq!(
            (named, answered, header.is_empty()),
            (Some(first), expected, !is_named),
            "{row}: {header}"
        );
    }
    // One that was held back is told in the next, which answers the one before it.
    let mut world = World::with(|playbook| {
        let events = vec![MailEvent::Opened, MailEvent::Located];
        playbook.notify = vec![Notify { events, to: vec![Recipient::Mailbox(TECH.to_owned())] }];
    });
    let first = world.ticket().outbox[0].seq;
    world.input(&Input::MailAccepted { mail: first, to: TECH.to_owned() });
    world.act("2015-05-04T09:01:00Z", Act::Reject { reason: "not ours".to_owned() }).expect("rejected");
    world.act("2015-05-04T09:02:00Z", Act::Reopen { reason: "ours".to_owned() }).expect("reopened");
    let name = Act::NameHost { host: ip("10.16.0.4"), mac: None, name: None };
    world.act("2015-05-04T09:03:00Z", name).expect("a machine is named");
    let outbox = &world.ticket().outbox;
    assert_eq!((outbox.len(), outbox[1].folded.len()), (3, 1), "the second is told in the third: {outbox:?}");
    assert_eq!(answers(&world, 2).1, Some(first));
}
