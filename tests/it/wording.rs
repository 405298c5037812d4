//! Is what a mail says so? One machine or several, seen or named, cleaned before or not: in the very words that
//! its reader gets.

use crate::letters::{EVENTS, templates, undated};
use crate::sample::{Sample, at, sample};
use allclear::edge::template::Templates;
use allclear::pure::playbook::MailEvent;
use allclear::pure::report::Letter;
use allclear::pure::ticket::{Blame, Event, Host, HostState, Phase, Recorded};
use allclear::pure::verdict::{Reason, ReasonCode, Verdict};
use jiff::SignedDuration;
use std::sync::LazyLock;

fn letter(sample: &Sample) -> Letter {
    // Trying them all out takes longer than a letter.
    static TEMPLATES: LazyLock<Templates> = LazyLock::new(templates);
    TEMPLATES.letter(&sample.material(), &sample.mail, "allclear@dis.example").expect("a letter")
}

/// The same ticket with so many machines, all of them like the first.
fn with_machines(event: MailEvent, machines: u8) -> Sample {
    let mut sample = sample(event);
    if let Some(first) = sample.ticket.hosts.first().cloned() {
        for more in 1..machines {
            let (host, name) = ([10, 16, 24, 93 + more].into(), None);
            sample.ticket.hosts.push(Host { host, name, mac: None, ..first.clone() });
            let stands = sample.standing.hosts.first().cloned();
            sample
                .standing
                .hosts
                .extend(stands.map(|stands| allclear::pure::ticket::HostStanding { host, ..stands }));
        }
    }
    sample
}

/// What a person names at the instant of the mail.
fn name(sample: &mut Sample, host: [u8; 4], by: &str) {
    let last = sample.ticket.events.last().cloned().expect("there are events");
    let blame = Blame::Named;
    let event = Event::HostBlamed { host: host.into(), mac: None, name: None, blame };
    let at = sample.mail.at;
    sample.ticket.events.push(Recorded { event, at, by: by.to_string(), seq: last.seq + 1, ..last });
    let known = sample.ticket.hosts.iter_mut().find(|known| known.host == std::net::IpAddr::from(host));
    if let Some(known) = known {
        known.state = HostState::Infected;
        return;
    }
    let first = sample.ticket.hosts[0].clone();
    let (state, contacts) = (HostState::Infected, Vec::new());
    let host = host.into();
    let named =
        Host { host, name: None, mac: None, blame, state, located: at, cleaned: None, contacts, ..first };
    sample.ticket.hosts.push(named);
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a page, without its style and tags.
fn page_words(html: &str) -> String {
    let html = &undated(html);
    let body = html.split_once("<body").map_or(html.as_str(), |(_, body)| body);
    let mut words = String::new();
    let mut is_tag = false;
    for sign in body.chars() {
        match sign {
            '<' => is_tag = true,
            '>' => {
                is_tag = false;
                words.push(' ');
            }
            sign if !is_tag => words.push(sign),
            _ => {}
        }
    }
    plain(&words.replace("&#x27;", "'"))
}

/// Subject, text and page.
fn forms(letter: &Letter) -> [String; 3] {
    [letter.subject.clone(), plain(&letter.text), page_words(&letter.html)]
}

#[test]
fn a_mail_about_several_machines_speaks_of_several() {
    // Of one machine there is none of the second list, of several none of the first.
    let of_one = [
        "take it off",
        "clean it",
        "it is cleaned",
        "seen it call",
        " the machine switched",
        "watch the machine ",
        "against the machine.",
        "on the machine;",
        "waits ",
        "is not cleaned",
        "is confirmed clean",
        "since it was confirmed",
        "calls a ",
        "calls an ",
        "is still not reported",
        "is to be cleaned",
    ];
    let of_several = [
        "take them off",
        "clean them",
        "they are cleaned",
        "the machines switched",
        "watch the machines",
        "against the machines",
        "on the machines",
        " are not cleaned",
        "are infected",
        " are confirmed clean",
        "they were confirmed",
        " call a",
        "are to be cleaned",
        "are waiting",
    ];
    for (event, name) in EVENTS {
        for machines in 1..=3 {
            let mut sample = with_machines(event, machines);
            let is_about_machines = !sample.ticket.hosts.is_empty() && sample.ticket.phase != Phase::Reported;
            if !is_about_machines {
                continue;
            }
            for is_unsigned_alone in [false, true] {
                sample.standing.is_unsigned_alone = is_unsigned_alone;
                let wrong: &[&str] = if machines == 1 { &of_several } else { &of_one };
                for form in forms(&letter(&sample)) {
                    for words in wrong {
                        assert!(!form.contains(words), "{name}, {machines}: '{words}' is in {form}");
                    }
                }
            }
        }
    }
}

#[test]
fn each_mail_has_its_word_for_one_and_for_several_machines() {
    for (event, one, several) in [
        (MailEvent::Located, "take it off the network, clean it.", "take them off the network, clean them."),
        (MailEvent::Located, "When it is cleaned", "When they are cleaned"),
        (MailEvent::Located, "Leave the machine switched on", "Leave the machines switched on"),
        (MailEvent::Relapsed, "clean it again.", "clean them again."),
        (
            MailEvent::Relapsed,
            "calls a Conficker sinkhole again",
            "and 1 more call a Conficker sinkhole again",
        ),
        (MailEvent::Reminder, "(LAB-7) is still not", "and 1 more are still not"),
        (MailEvent::Reminder, "when it is cleaned", "when they are cleaned"),
        (MailEvent::Overdue, "(LAB-7) is not cleaned", "and 1 more are not cleaned"),
        (MailEvent::Clean, "(LAB-7) is confirmed clean", "and 1 more are confirmed clean"),
        (MailEvent::Closed, "does not watch the machine any", "does not watch the machines any"),
        (MailEvent::Closed, "since it was confirmed", "since they were confirmed"),
        (MailEvent::Inconclusive, "nor against the machine.", "nor against the machines."),
        (
            MailEvent::Undeliverable,
            "take it off the network and clean it",
            "take them off the network and clean them",
        ),
    ] {
        for (machines, words) in [(1, one), (2, several)] {
            let [_, text, page] = forms(&letter(&with_machines(event, machines)));
            for form in [text, page] {
                assert!(form.contains(words), "{event:?}, {machines}: '{words}' is not in {form}");
            }
        }
    }
}

#[test]
fn a_machine_that_was_just_named_stands_first_and_is_not_said_to_call() {
    let (seen, named) = ("10.16.24.93 (LAB-7)", "10.16.24.94");
    let mut located = sample(MailEvent::Located);
    located.mail.at = at("2015-05-01T12:00:00Z");
    name(&mut located, [10, 16, 24, 94], "tech");
    let mail = letter(&located);
    assert_eq!(mail.subject, format!("[allclear #7] {named} is named as infected with Conficker"));
    let first = format!(
        "{named} is named by tech as infected with Conficker; no run has seen it call; 1 more is infected and \
         calls a Conficker sinkhole."
    );
    assert_eq!(mail.text.lines().next(), Some(first.as_str()));
    assert!(mail.text.contains("take them off the network, clean them."), "{}", mail.text);
    assert!(page_words(&mail.html).contains(&first), "{}", mail.html);
    // The same ticket a day later: who calls stands first, and the one that is only named does not call.
    located.mail.event = MailEvent::Overdue;
    assert!(letter(&located).text.starts_with(&format!("{seen} and 1 more are not cleaned")));
    // A run sees it call after all.
    located.mail.event = MailEvent::Located;
    located.ticket.hosts[1].blame = Blame::Seen;
    assert_eq!(
        letter(&located).subject,
        format!("[allclear #7] {named} and 1 more call a Conficker sinkhole")
    );
    // Two that are named, beside one that calls.
    located.ticket.hosts[1].blame = Blame::Named;
    name(&mut located, [10, 16, 24, 95], "jake");
    let text = letter(&located).text;
    let first = format!(
        "{named} and 1 more are named by jake and tech as infected with Conficker; no run has seen them call; "
    );
    assert!(text.starts_with(&first), "{text}");
}

#[test]
fn a_cleaning_that_no_longer_holds_is_not_passed_over() {
    for (event, words) in [
        (
            MailEvent::Reminder,
            "calls a Conficker sinkhole again since Mon 2015-05-11 03:32 CDT, and is not reported as cleaned again.",
        ),
        (
            MailEvent::Overdue,
            "calls a Conficker sinkhole again since Mon 2015-05-11 03:32 CDT, and is not cleaned again: overdue.",
        ),
    ] {
        let mut back = sample(MailEvent::Relapsed);
        back.mail.event = event;
        let card =
            "Mon 2015-05-04 14:00 CDT; that no longer holds: it calls again since Mon 2015-05-11 03:32 CDT";
        let mail = letter(&back);
        assert!(mail.subject.contains("cleaned again"), "{}", mail.subject);
        for form in &forms(&mail)[1..] {
            assert!(form.contains(words) && form.contains(card) && !form.contains("still not"), "{form}");
        }
        // One contact that began before the cleaning and went on after it.
        let cleaned = back.ticket.hosts[0].cleaned.expect("it was cleaned");
        if let Some(contact) = back.ticket.hosts[0].contacts.last_mut() {
            contact.first = cleaned - SignedDuration::from_hours(1);
        }
        for form in &forms(&letter(&back))[1..] {
            assert!(
                form.contains("calls a Conficker sinkhole again since Mon 2015-05-04 14:00 CDT"),
                "{form}"
            );
        }
        // Named again, and no run has seen it since.
        back.ticket.hosts[0].contacts.pop();
        for form in &forms(&letter(&back))[1..] {
            assert!(form.contains("that no longer holds: it was named again"), "{form}");
            assert!(!form.contains("calls"), "{form}");
        }
    }
    let mut named = sample(MailEvent::Relapsed);
    named.ticket.hosts[0].contacts.pop();
    name(&mut named, [10, 16, 24, 93], "tech");
    let text = plain(&letter(&named).text);
    let first = "10.16.24.93 (LAB-7) is named again by tech as infected with Conficker; no run has seen it call since \
                 the cleaning. TO DO";
    assert!(text.starts_with(first), "{text}");
}

#[test]
fn what_is_confirmed_clean_is_not_said_to_be_without_proof() {
    let mut watch = sample(MailEvent::Clean);
    watch.mail.event = MailEvent::Inconclusive;
    let mail = letter(&watch);
    let since = "not watched well enough since Tue 2015-05-26 09:30 CDT";
    assert!(mail.subject.ends_with(&format!("(LAB-7): clean, but {since}")), "{}", mail.subject);
    assert!(mail.subject.len() <= 110, "{}", mail.subject);
    for form in &forms(&mail)[1..] {
        assert!(
            form.contains("is confirmed clean of Conficker, but not watched well enough since"),
            "{form}"
        );
        assert!(!form.contains("no proof yet") && !form.contains("Still missing"), "{form}");
    }
    let verifying = letter(&sample(MailEvent::Inconclusive));
    assert!(verifying.text.contains("no proof yet that Conficker is gone"), "{}", verifying.text);
}

/// A machine is sought since its address is listed again: the old report is not why.
#[test]
fn what_a_ticket_is_sought_for_after_a_relisting_is_the_listing() {
    for event in [MailEvent::Relapsed, MailEvent::Reminder, MailEvent::Overdue] {
        let mut listed = sample(MailEvent::Listed);
        listed.mail.event = event;
        let [_, text, page] = forms(&letter(&listed));
        for form in [text, page] {
            for words in [
                "192.0.2.17 is on the blocklist since Mon 2015-06-22 09:29 CDT",
                "listed in xbl.spamhaus.org: 127.0.0.4 (XBL, infected machines)",
                "give or take 1 s (before the last cleaning)",
            ] {
                assert!(form.contains(words), "{event:?}: '{words}' is not in {form}");
            }
        }
    }
    let [_, text, _] = forms(&letter(&sample(MailEvent::Reminder)));
    assert!(!text.contains("before the last cleaning") && !text.contains("blocklist since"), "{text}");
}

#[test]
fn a_host_name_that_reads_like_our_words_is_told_from_them() {
    for (name, expected) in [
        ("X) (LAB-7", "10.16.24.93 (\"X) (LAB-7\") still calls"),
        ("LAB-7) is confirmed clean (", "10.16.24.93 (\"LAB-7) is confirmed clean (\") still calls"),
        ("cleaned", "10.16.24.93 (\"cleaned\") still calls"),
        ("LAB-7", "10.16.24.93 (LAB-7) still calls"),
    ] {
        let mut located = sample(MailEvent::Located);
        located.ticket.hosts[0].name = Some(name.to_string());
        let mail = letter(&located);
        assert!(mail.subject.starts_with(&format!("[allclear #7] {expected}")), "{}", mail.subject);
    }
}

/// Two machines, and doubtful nights for these reasons; the first machine was heard in them, or not.
fn in_doubt(reasons: &[ReasonCode], is_first_heard: bool) -> Sample {
    let mut sample = with_machines(MailEvent::Inconclusive, 2);
    let mut heard = Vec::new();
    for end in sample.ticket.runs.iter_mut().filter_map(|run| run.end.as_mut()) {
        if end.verdict != Some(Verdict::Inconclusive) {
            heard = end.exposures.clone();
            continue;
        }
        end.reasons = reasons.iter().map(|code| Reason { code: *code, text: "why".to_string() }).collect();
        end.exposures = if is_first_heard { heard.clone() } else { Vec::new() };
    }
    sample
}

#[test]
fn a_doubt_names_the_machine_that_was_not_heard_and_who_mends_what() {
    use ReasonCode::{HostAbsent, Lossy, ScheduleChanged};
    let (first, second) = ("10.16.24.93 (LAB-7)", "10.16.24.94");
    let off = "not heard at all and may be switched off";
    let on = "switched on and connected while the network is watched (next: Mon 2015-05-11 03:30 to 09:30 CDT); \
              tell the network support engineer";
    let ring = "the network support engineer has to raise `ring`";
    for (reasons, is_first_heard, subject, to_do) in [
        (&[HostAbsent][..], true, format!("{second} was "), format!("leave {second} {on} if it has left")),
        (
            &[HostAbsent],
            false,
            format!("{first} and 1 more were "),
            format!("leave {first} and 1 more {on} of one that has left"),
        ),
        (&[Lossy], true, format!("{first} and 1 more: "), format!("nothing for the school; {ring}")),
        (
            &[Lossy, HostAbsent],
            true,
            format!("{first} and 1 more: "),
            format!("leave {second} {on} if it has left the network; {ring}"),
        ),
        (&[ScheduleChanged], true, format!("{first} and 1 more: "), "wait for the nights".to_string()),
    ] {
        let mail = letter(&in_doubt(reasons, is_first_heard));
        let row = format!("{reasons:?}, {is_first_heard}");
        assert!(mail.subject.starts_with(&format!("[allclear #7] {subject}")), "{row}: {}", mail.subject);
        let [_, text, page] = forms(&mail);
        let cause = if subject.ends_with(": ") { String::new() } else { format!("{off}: ") };
        let led = format!("{subject}{cause}no proof yet that Conficker is gone");
        assert!(text.starts_with(&led) && page.contains(&led), "{row}: {text}");
        let told = format!("by Mon 2015-05-11 03:30 CDT: {to_do}");
        assert!(text.contains(&told), "{row}: {text}");
        assert!(page.replace("&#x60;", "`").replace("CDT: </b>", "CDT:").contains(&to_do), "{row}: {page}");
    }
    // One that has left the network is not asked for.
    let mut left = in_doubt(&[HostAbsent], false);
    left.ticket.hosts[0].state = HostState::Retired;
    assert!(
        letter(&left).subject.contains(&format!("] {second} was not heard: ")),
        "{}",
        letter(&left).subject
    );
    // While it is confirmed clean: the machine of the doubt leads too.
    let mut watch = in_doubt(&[HostAbsent], true);
    watch.ticket.phase = Phase::Clean;
    let mail = letter(&watch);
    assert!(mail.subject.starts_with(&format!("[allclear #7] {second}: clean, but")), "{}", mail.subject);
    assert!(plain(&mail.text).contains(&format!(": {second} was {off}.")), "{}", mail.text);
}

#[test]
fn the_mail_about_clean_promises_no_silence() {
    for form in &forms(&letter(&sample(MailEvent::Clean)))[1..] {
        assert!(!form.contains("only if"), "{form}");
        assert!(form.contains("The watch goes on until Thu 2015-06-25 09:30 CDT."), "{form}");
    }
}

#[test]
fn a_report_shows_what_it_states_and_no_more() {
    for (seen, error, port, told, source) in [
        (
            "2015-04-29T18:52:14Z",
            1,
            Some(1701),
            "Wed 2015-04-29 13:52:14 CDT, give or take 1 s",
            "port 1701 of 192.0.2.17",
        ),
        (
            "2015-04-29T18:52:14Z",
            0,
            None,
            "seen Wed 2015-04-29 13:52:14 CDT called",
            "192.0.2.17, port not stated",
        ),
        (
            "2015-04-29T18:52:00Z",
            0,
            None,
            "seen Wed 2015-04-29 13:52 CDT called",
            "192.0.2.17, port not stated",
        ),
        (
            "2015-04-29T19:00:00Z",
            1800,
            None,
            "Wed 2015-04-29 14:00:00 CDT, give or take 30 min",
            "192.0.2.17, port not stated",
        ),
    ] {
        let mut opened = sample(MailEvent::Opened);
        let report = &mut opened.ticket.reports[0];
        (report.seen, report.clock_error_s, report.source_port) = (at(seen), error, port);
        for form in &forms(&letter(&opened))[1..] {
            let form =
                form.replace("Seen ", "seen ").replace("Called ", "called ").replace("called: ", "called ");
            assert!(form.contains(told) && form.contains(source), "{told}, {source}: {form}");
        }
    }
}

#[test]
fn a_refusal_of_our_own_is_not_put_into_the_mouth_of_a_server() {
    let server = "mail.dis.example:25 answered RCPT TO with 550 5.1.1 no such user";
    let own = "no mail server was asked: 'tech@' is no mail address: write it as user@host";
    for (error, end, wanted, unwanted) in [
        (server, (true, false, false), "the mail server refused it for good", "no mail server was asked"),
        (server, (false, true, false), "gave up after trying for days", "The answer was"),
        (
            own,
            (true, false, true),
            "This is why: no mail server was asked: 'tech@' is no mail address",
            "refused",
        ),
    ] {
        let mut lost = sample(MailEvent::Undeliverable);
        let failed = lost.ticket.events.last_mut().map(|last| &mut last.event);
        let Some(Event::MailFailed { error: why, is_refused, is_given_up, is_unfit, .. }) = failed else {
            panic!("the mail has failed last");
        };
        *why = error.to_string();
        (*is_refused, *is_given_up, *is_unfit) = end;
        for form in &forms(&letter(&lost))[1..] {
            assert!(form.contains(wanted) && !form.contains(unwanted), "{wanted}: {form}");
        }
    }
}

#[test]
fn a_name_from_right_to_left_turns_nothing_around_and_ascii_stays_ascii() {
    let school = "مدرسة الأمل";
    for (title, is_marked) in [("Springfield School", false), (school, true), ("\u{202e}Springfield", false)]
    {
        let mut opened = sample(MailEvent::Opened);
        opened.site.title = title.to_string();
        let mail = letter(&opened);
        for form in [&mail.subject, &mail.text, &mail.html] {
            assert_eq!(form.contains(&format!("\u{2068}{school}\u{2069}")), is_marked, "{title}: {form}");
            assert!(is_marked || form.is_ascii(), "{title}: {form}");
            assert!(!form.contains('\u{202e}'), "{form}");
        }
    }
}

#[test]
fn no_line_of_a_text_mail_ends_before_it_is_full() {
    let mut samples: Vec<Sample> = Vec::new();
    for (event, _) in EVENTS {
        for machines in 1..=3 {
            samples.push(with_machines(event, machines));
        }
    }
    let mut unwatched = sample(MailEvent::Closed);
    unwatched.ticket.confirmed = Some(at("2015-06-20T14:30:00Z"));
    let mut sought = sample(MailEvent::Listed);
    sought.mail.event = MailEvent::Relapsed;
    let mut watch = sample(MailEvent::Clean);
    watch.mail.event = MailEvent::Inconclusive;
    let mut unsigned = sample(MailEvent::Clean);
    unsigned.mail.event = MailEvent::Reminder;
    unsigned.standing.is_unsigned_alone = true;
    samples.extend([unwatched, sought, watch, unsigned]);
    for sample in &samples {
        let letter = letter(sample);
        let lines: Vec<&str> = letter.text.lines().skip(2).collect();
        for pair in lines.windows(2) {
            assert!(!is_broken_early(pair[0], pair[1]), "{:?}: {pair:#?}\n{}", letter.event, letter.text);
        }
    }
}

/// Whether a sentence goes on in the next line although its first word would have fitted.
fn is_broken_early(line: &str, next: &str) -> bool {
    let word = next.split_whitespace().next().unwrap_or_default();
    let is_label = next.trim_start().split_once(": ").is_some_and(|(label, _)| label.len() < 24);
    let body = line.trim_start();
    let mark =
        ["- ", "[x] ", "[ ] "].iter().find(|mark| body.starts_with(**mark)).map_or(0, |mark| mark.len());
    let is_under_it = next.len() - next.trim_start().len() == line.len() - body.len() + mark;
    let goes_on = word.starts_with(char::is_lowercase) && is_under_it && !is_label;
    goes_on && !line.trim().is_empty() && line.chars().count() + 1 + word.chars().count() <= 72
}

#[test]
fn a_watch_of_which_runs_proved_nothing_does_not_read_as_one_that_was_kept() {
    let (kept, blind) = ("the watch is over, the ticket is closed", " of 4 runs of the watch proved nothing");
    let unproved = |passed: usize, not: usize| {
        format!(
            "Conficker was not seen in the {passed} of 4 runs of the watch that could have seen it; {not} proved \
             nothing. Ticket 7 is closed."
        )
    };
    for (passed, subject, first, is_looked_at) in [
        (4, kept.to_string(), "Conficker was not seen again, and ticket 7 is closed.".to_string(), false),
        (3, kept.to_string(), unproved(3, 1), false),
        (2, format!("the ticket is closed, but 2{blind}"), unproved(2, 2), true),
        (1, format!("the ticket is closed, but 3{blind}"), unproved(1, 3), true),
        (
            0,
            "the ticket is closed without proof".to_string(),
            "ticket 7 is closed without proof, since no run of the watch passed.".to_string(),
            true,
        ),
    ] {
        let mut sample = sample(MailEvent::Closed);
        let confirmed = sample.ticket.confirmed;
        let watch = sample.ticket.runs.iter_mut().filter(|run| run.occurrence > confirmed);
        for (at, end) in watch.filter_map(|run| run.end.as_mut()).enumerate() {
            end.verdict = Some(if at < passed { Verdict::Pass } else { Verdict::Inconclusive });
        }
        let letter = letter(&sample);
        assert!(letter.subject.ends_with(&format!("(LAB-7): {subject}")), "{passed}: {}", letter.subject);
        for form in [plain(&letter.text), page_words(&letter.html)] {
            assert!(form.contains(&first), "{passed}: {form}");
            assert_eq!(form.contains("have the capture looked at"), is_looked_at, "{passed}: {form}");
        }
    }
}

/// Who reads the page and who reads the text is told the same first.
#[test]
fn text_and_page_begin_with_the_same_two_sentences() {
    for (event, name) in EVENTS {
        for machines in 1..=2 {
            let letter = letter(&with_machines(event, machines));
            let mut lines = letter.text.lines();
            let head = [lines.next().unwrap_or_default(), lines.next().unwrap_or_default()].join(" ");
            let begin = letter.html.find("<h1").expect("a heading");
            let page = page_words(&letter.html[begin..]).replace("To do", "TO DO").replace("&#x60;", "`");
            assert!(page.starts_with(&plain(&head)), "{name}: {head}\n{page}");
        }
    }
}
