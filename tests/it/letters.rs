//! What people get to read: every mail and report, whole.

use crate::sample::{Sample, at, sample};
use crate::world::mail_settings;
use allclear::edge::mailer::{Delivery, Mailer};
use allclear::edge::template::{Form, SHIPPED, Templates};
use allclear::pure::playbook::MailEvent;
use allclear::pure::report::{Letter, Material, TicketJson};
use allclear::pure::shown::is_shown;
use allclear::pure::site::{MailSettings, MailTransport};
use allclear::pure::ticket::{Blame, Event, HostState, KnownBy, PastTicket, Phase, Recorded, TicketId};
use allclear::pure::verdict::{Reason, ReasonCode};

pub const EVENTS: [(MailEvent, &str); 10] = [
    (MailEvent::Opened, "opened"),
    (MailEvent::Located, "located"),
    (MailEvent::Relapsed, "relapsed"),
    (MailEvent::Inconclusive, "inconclusive"),
    (MailEvent::Clean, "clean"),
    (MailEvent::Reminder, "reminder"),
    (MailEvent::Overdue, "overdue"),
    (MailEvent::Listed, "listed"),
    (MailEvent::Closed, "closed"),
    (MailEvent::Undeliverable, "undeliverable"),
];

pub fn templates() -> Templates {
    Templates::load(None).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

pub fn letter(sample: &Sample) -> Letter {
    templates().letter(&sample.material(), &sample.mail, "allclear <allclear@dis.example>").expect("a letter")
}

/// The bytes of a letter, as they are written into a directory.
pub fn eml(letter: &Letter) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    let transport = MailTransport::Directory(directory.path().to_path_buf());
    let settings = MailSettings { from: letter.from.clone(), ..mail_settings(transport) };
    let mailer = Mailer::open(&settings).expect("a directory needs nothing");
    assert_eq!(mailer.deliver(letter, &letter.to[0]), Delivery::Accepted);
    let files: Vec<_> = std::fs::read_dir(directory.path()).expect("a directory").flatten().collect();
    assert_eq!(files.len(), 1, "no hidden file is left behind");
    std::fs::read_to_string(files[0].path()).expect("a mail")
}

/// The page without what keeps its dates whole.
pub fn undated(html: &str) -> String {
    let mut undated = String::new();
    let mut pieces = html.split(r#"<span class="date">"#);
    undated.push_str(pieces.next().unwrap_or_default());
    pieces.for_each(|piece| undated.push_str(&piece.replacen("</span>", "", 1)));
    undated
}

/// The mail without the bytes of its images, in which nobody would see a change.
fn without_images(mail: &str) -> String {
    let mut parts = mail.split("Content-Type: image/png\n");
    let first = parts.next().unwrap_or_default().to_string();
    parts.fold(first, |mail, part| {
        let (head, body) = part.split_once("\n\n").expect("a head and a body");
        let rest = body.split_once("\n--").expect("a boundary").1;
        format!("{mail}Content-Type: image/png\n{head}\n\n(image)\n--{rest}")
    })
}

#[test]
fn every_mail_reads_as_it_should() {
    for (event, name) in EVENTS {
        let letter = letter(&sample(event));
        insta::assert_snapshot!(format!("{name}.txt"), format!("{}\n\n{}", letter.subject, letter.text));
        insta::assert_snapshot!(format!("{name}.html"), letter.html);
        let mail = eml(&letter).replace("\r\n", "\n");
        insta::assert_snapshot!(format!("{name}.eml"), without_images(&mail));
    }
}

#[test]
fn every_report_reads_as_it_should() {
    let sample = sample(MailEvent::Clean);
    let templates = templates();
    for (form, name) in
        [(Form::Html, "report.html"), (Form::Text, "report.txt"), (Form::Markdown, "report.md")]
    {
        insta::assert_snapshot!(name, templates.report(&sample.material(), form).expect(name));
    }
    let json = TicketJson::of(&sample.material());
    insta::assert_snapshot!("ticket.json", serde_json::to_string_pretty(&json).expect("plain data"));
}

/// `allclear mail retry` by itself is a slip.
#[test]
fn a_mail_that_names_mail_retry_says_of_what() {
    for (name, text) in SHIPPED {
        for rest in text.split("allclear mail retry").skip(1) {
            let is_said = [" --all", " {{unreached.mail}}"].iter().any(|which| rest.starts_with(which));
            assert!(is_said, "{name}");
        }
    }
}

#[test]
fn the_first_two_lines_of_a_mail_say_what_to_do_and_the_rest_fits_72_columns() {
    for (event, name) in EVENTS {
        let mut sample = sample(event);
        sample.ticket.reports[0].malware = Some("Win32.Worm.Downadup.Conficker.Generation.C".to_string());
        let letter = letter(&sample);
        assert!(letter.subject.starts_with("[allclear #7] "), "{name}: {}", letter.subject);
        let head: Vec<&str> = letter.text.lines().take(2).collect();
        assert!(head[0].ends_with(['.', '!']) && head[1].starts_with("TO DO"), "{name}: {head:?}");
        assert!(head[1].ends_with('.') && letter.text.lines().nth(2) == Some(""), "{name}: {head:?}");
        assert!(head[0].starts_with(|sign: char| !sign.is_lowercase()), "{name}: {head:?}");
        let rest = letter.text.lines().skip(2);
        let longest = rest.max_by_key(|line| line.chars().count()).expect("lines");
        assert!(longest.chars().count() <= 72, "{name}: {longest}");
    }
}

#[test]
fn a_hostile_name_stays_text_wherever_it_is_shown() {
    let mut hostile = sample(MailEvent::Clean);
    let evil =
        "<script>alert(1)</script>\r\nBcc: all@springfield.example\u{202e}\u{0}|[x](http://evil.example)";
    hostile.ticket.hosts[0].name = Some(format!("{evil}{}", "long".repeat(500)));
    hostile.ticket.reports[0].malware = Some(evil.to_string());
    hostile.ticket.reference = Some(evil.to_string());
    hostile.ticket.signed.values_mut().for_each(|signed| signed.by = evil.to_string());
    hostile.ticket.runs.iter_mut().flat_map(|run| &mut run.end).for_each(|end| {
        end.reasons = vec![Reason { code: ReasonCode::Interrupted, text: evil.to_string() }];
    });
    hostile.standing.missing = vec![evil.repeat(300)];
    let letter = letter(&hostile);
    assert!(!letter.subject.contains(['\r', '\n', '\u{202e}', '\u{0}']), "{:?}", letter.subject);
    assert!(letter.subject.chars().count() <= 200);
    let raw = eml(&letter);
    let head = raw.split("\r\n\r\n").next().expect("headers");
    assert!(!head.lines().any(|line| line.starts_with("Bcc:")), "{head}");
    let templates = templates();
    for (form, name) in [(Form::Html, "html"), (Form::Markdown, "markdown")] {
        let report = templates.report(&hostile.material(), form).expect(name);
        assert!(!report.contains("<script>") && !report.contains(['\u{202e}', '\u{0}']), "{name}");
    }
    assert!(!letter.html.contains("<script>"));
    let markdown = templates.report(&hostile.material(), Form::Markdown).expect("markdown");
    assert!(!markdown.contains("[x](http"), "a link was made of a name");
}

#[test]
fn the_same_letter_is_the_same_bytes_and_a_reply_to_the_first() {
    let located = letter(&sample(MailEvent::Located));
    assert_eq!(eml(&located), eml(&located));
    let first = eml(&letter(&sample(MailEvent::Opened)));
    assert!(
        first.contains("Message-ID: <allclear.7.2@dis.example>") && !first.contains("In-Reply-To"),
        "{first}"
    );
    for wanted in [
        "Message-ID: <allclear.7.9@dis.example>",
        "In-Reply-To: <allclear.7.2@dis.example>",
        "References: <allclear.7.2@dis.example>",
        "Auto-Submitted: auto-generated",
        "X-Allclear-Ticket: 7",
        "X-Allclear-Event: located",
        "Date: Fri, 01 May 2015 08:30:00 +0000",
    ] {
        assert!(eml(&located).contains(wanted), "{wanted} is not in {}", eml(&located));
    }
}

#[test]
fn a_slip_in_a_template_is_found_when_it_is_loaded() {
    for (case, file, text, wanted) in [
        ("an unknown name", "located.txt.hbs", "Subject: x\n\n{{machine}}\n", "3:1: 'machine' is not known"),
        (
            "an unknown condition",
            "foot.txt.hbs",
            "a\n{{#if has_ref}}b{{/if}}\n",
            "2:1: 'has_ref' is not known",
        ),
        (
            "an unknown name under a condition",
            "foot.html.hbs",
            "{{#unless is_on_hold}}{{x}}{{/unless}}",
            "'x' is not known",
        ),
        ("an open block", "clean.html.hbs", "{{#if has_hosts}}a", "1:1: {{#if}} is never closed"),
        ("an unknown partial", "clean.html.hbs", "{{> nobody}}", "there is no template 'nobody'"),
        ("an unknown helper", "clean.html.hbs", "{{upper id}}", "there is no helper 'upper'"),
        ("no subject", "clean.txt.hbs", "Hello\n", "1:1: its first line does not begin with 'Subject:'"),
        ("an empty subject", "clean.txt.hbs", "Subject:  \n\nHello\n", "1:1: its subject is empty"),
        (
            "no subject in one branch",
            "located.txt.hbs",
            "Subject: {{#if is_found}}x{{else}}{{#unless has_past}}y{{/unless}}{{/if}}\n\nHello\n",
            "1:1: its subject is empty",
        ),
        (
            "no subject where a branch ends the line",
            "located.txt.hbs",
            "Subject: {{#if is_found}}\n\n{{/if}}x\n\nHello\n",
            "1:1: its subject is empty",
        ),
        (
            "a subject of a remark",
            "folded.txt.hbs",
            "Subject: {{! later }}\n\nHello\n",
            "1:1: its subject is empty",
        ),
        ("an empty text", "clean.txt.hbs", "Subject: x\n\n  \n", "1:1: its text is empty"),
        ("an empty text of a digest", "digest.txt.hbs", "Subject: x\n", "1:1: its text is empty"),
        ("an empty page", "clean.html.hbs", "\n", "its page is empty"),
        ("a page of a frame", "clean.html.hbs", "{{#> layout}}\n{{/layout}}\n", "1:1: its page is empty"),
        ("a misspelled file", "locatd.txt.hbs", "Subject: x\n", "no shipped template has this name"),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join(file), text).expect("a file");
        let problems = Templates::load(Some(directory.path())).err().unwrap_or_default();
        let told: Vec<String> = problems
            .iter()
            .map(|problem| {
                let place =
                    problem.place.as_ref().map_or(String::new(), |p| format!("{}:{}: ", p.line, p.column));
                format!(
                    "{}: {place}{} ({})",
                    problem.path.display(),
                    problem.what,
                    problem.cure.clone().unwrap_or_default()
                )
            })
            .collect();
        assert!(told.iter().any(|line| line.contains(wanted) && line.contains(file)), "{case}: {told:#?}");
        assert!(problems.iter().all(|problem| problem.cure.is_some()), "{case}");
    }
}

#[test]
fn a_file_beside_the_site_file_takes_the_place_of_a_shipped_template() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("foot.txt.hbs"), "Bye from {{site}}\n").expect("a file");
    let templates =
        Templates::load(Some(directory.path())).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let sample = sample(MailEvent::Located);
    let letter = templates.letter(&sample.material(), &sample.mail, "a@dis.example").expect("a letter");
    assert!(letter.text.ends_with("Bye from Springfield School District\n"), "{}", letter.text);
    assert!(Templates::load(Some(&directory.path().join("nothing"))).is_ok());
}

#[test]
fn a_machine_that_was_on_another_ticket_is_shown_with_its_past() {
    let evil = "<b>MARS</b>\r\nBcc: x@y.example".to_string();
    let past = vec![vec![PastTicket {
        ticket: TicketId(3),
        reference: Some(evil),
        malware: Some("Zeus".to_string()),
        playbook: "sinkhole".to_string(),
        phase: Phase::Closed,
        known_by: KnownBy::Mac,
        host: [10, 16, 24, 80].into(),
        state: HostState::Clean,
        located: at("2014-11-03T15:00:00Z"),
        cleaned: Some(at("2014-11-04T15:00:00Z")),
        confirmed: Some(at("2014-11-12T15:00:00Z")),
        relapses: 1,
    }]];
    let told = "ticket 3 (\"<b>MARS</b>  Bcc: x[@]y.example\"), Zeus: 10.16.24.80 located Mon 2014-11-03 09:00 CST, \
        cleaned Tue 2014-11-04 09:00 CST, confirmed clean Wed 2014-11-12 09:00 CST, 1 relapse; now closed; \
        known by its MAC address";
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for event in [MailEvent::Located, MailEvent::Relapsed] {
        let sample = sample(event);
        let material = Material { past: &past, ..sample.material() };
        let letter = templates().letter(&material, &sample.mail, "a@dis.example").expect("a letter");
        let first = words(&format!("10.16.24.93 (LAB-7) is known: {told}."));
        assert!(words(&letter.text).contains(&first), "{}", letter.text);
        assert!(!letter.html.contains("<b>MARS"), "{}", letter.html);
        assert!(words(&letter.html).contains("known by its MAC address.</p>"), "{}", letter.html);
    }
    let sample = sample(MailEvent::Clean);
    let material = Material { past: &past, ..sample.material() };
    for form in [Form::Text, Form::Html, Form::Markdown] {
        let report = templates().report(&material, form).expect("a report");
        assert!(words(&report).contains("Zeus: 10.16.24.80 located"), "{report}");
    }
    let json = serde_json::to_value(TicketJson::of(&material)).expect("plain data");
    let history = &json["hosts"][0]["history"][0];
    assert_eq!((&history["ticket"], &history["known_by"]), (&3.into(), &"mac".into()));
    assert_eq!(history["confirmed"], "2014-11-12T15:00:00Z");
}

#[test]
fn a_ticket_taken_up_again_says_why_and_what_to_do() {
    let mut again = sample(MailEvent::Located);
    again.mail.event = MailEvent::Opened;
    let because = "the accepted risk of A. Boss expired (no money)".to_string();
    let (from, to) = (Phase::AcceptedRisk, Phase::Reported);
    let event = Event::PhaseChanged { from, to, because };
    let last = again.ticket.events.last().cloned().expect("there are events");
    again.ticket.events.push(Recorded { event, ..last });
    let mail = letter(&again);
    assert!(mail.subject.contains("10.16.24.93 (LAB-7) is taken up again: Conficker"), "{}", mail.subject);
    assert!(mail.text.starts_with("10.16.24.93 (LAB-7) is taken up again because of Conficker.\nTO DO by"));
    assert!(mail.text.contains("Why: the accepted risk of A. Boss expired (no money)."), "{}", mail.text);
}

#[test]
fn what_is_missing_but_signatures_and_what_is_escalated_reads_so() {
    let mut unsigned = sample(MailEvent::Clean);
    unsigned.mail.event = MailEvent::Reminder;
    unsigned.standing.is_unsigned_alone = true;
    unsigned.ticket.signed.remove("scan");
    let mail = letter(&unsigned);
    assert!(
        mail.subject.ends_with("Reminder: 10.16.24.93 (LAB-7) is waiting for signatures only"),
        "{}",
        mail.subject
    );
    assert!(mail.text.contains("[ ] Scan the host with two products: not signed off yet"), "{}", mail.text);
    let mut late = sample(MailEvent::Overdue);
    late.ticket.told.overdue = Some(1);
    late.mail.at = at("2015-05-08T10:30:00Z");
    let mail = letter(&late);
    assert!(mail.subject.contains("STILL OVERDUE"), "{}", mail.subject);
    assert!(mail.text.contains("overdue for 2 d 2 h"), "{}", mail.text);
    let mut unwatched = sample(MailEvent::Closed);
    unwatched.ticket.confirmed = Some(at("2015-06-20T14:30:00Z"));
    let mail = letter(&unwatched);
    assert!(mail.text.contains("0 of 1 planned run passed"), "{}", mail.text);
    assert_eq!(mail.subject, "[allclear #7] 10.16.24.93 (LAB-7): the ticket is closed without proof");
    let told =
        "10.16.24.93 (LAB-7): ticket 7 is closed without proof, since no run of the watch passed.\nTO DO";
    assert!(mail.text.starts_with(told), "{}", mail.text);
    assert!(
        mail.html.contains("closed without proof") && !mail.html.contains("not seen again"),
        "{}",
        mail.html
    );
    let mut held = sample(MailEvent::Located);
    (held.standing.is_on_hold, held.standing.break_end) = (true, Some(at("2015-05-11T05:00:00Z")));
    assert!(letter(&held).text.contains("On hold until Mon 2015-05-11 00:00 CDT: the site is closed"));
}

#[test]
fn every_shipped_template_is_in_the_binary() {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/templates")).expect("the folder");
    let mut names: Vec<String> =
        files.flatten().map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, SHIPPED.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>());
}

#[test]
fn what_is_due_says_by_when_and_what_is_overdue_says_now() {
    let mut late = sample(MailEvent::Located);
    assert!(letter(&late).text.contains("TO DO by Wed 2015-05-06 03:30 CDT:"));
    late.standing.is_overdue = true;
    late.mail.at = at("2015-05-07T08:30:00Z");
    assert!(letter(&late).text.contains("TO DO now (it was due Wed 2015-05-06 03:30 CDT):"));
    late.standing.due = None;
    assert!(letter(&late).text.contains("TO DO as soon as you can:"));
}

#[test]
fn nothing_is_said_of_a_machine_that_nobody_saw() {
    let mut named = sample(MailEvent::Located);
    named.ticket.hosts[0].blame = Blame::Named;
    let mail = letter(&named);
    assert!(
        mail.subject.ends_with("10.16.24.93 (LAB-7) is named as infected with Conficker"),
        "{}",
        mail.subject
    );
    assert!(mail.text.starts_with("10.16.24.93 (LAB-7) is named as infected"), "{}", mail.text);
    let mut again = sample(MailEvent::Relapsed);
    again.ticket.phase = Phase::Reported;
    again.ticket.hosts[0].state = HostState::Cleaned;
    let mail = letter(&again);
    assert!(mail.subject.ends_with("Conficker is back: a machine behind 192.0.2.17"), "{}", mail.subject);
    assert!(
        mail.text.starts_with("Conficker is back: 192.0.2.17 was reported again.\nTO DO by "),
        "{}",
        mail.text
    );
    let mut listed = sample(MailEvent::Listed);
    listed.mail.event = MailEvent::Relapsed;
    let mail = letter(&listed);
    assert!(
        mail.text.starts_with("Conficker is back: 192.0.2.17 is on the blocklist again.\nTO DO"),
        "{}",
        mail.text
    );
}

#[test]
fn several_machines_are_counted_and_retired_ones_left_out() {
    let mut many = sample(MailEvent::Located);
    let mut second = many.ticket.hosts[0].clone();
    second.name = None;
    second.host = [10, 16, 24, 94].into();
    many.ticket.hosts.push(second);
    let start = |many: &Sample| letter(many).text.replace('\n', " ");
    let both = "10.16.24.93 (LAB-7) and 1 more are infected and call a Conficker sinkhole. TO DO";
    assert!(start(&many).starts_with(both), "{}", start(&many));
    assert!(
        letter(&many).subject.ends_with("10.16.24.93 (LAB-7) and 1 more still call a Conficker sinkhole")
    );
    many.ticket.hosts[1].blame = Blame::Named;
    let one = "10.16.24.93 (LAB-7) is infected and calls a Conficker sinkhole; 1 more is named as infected with \
               Conficker; no run has seen it call. TO DO";
    assert!(start(&many).starts_with(one), "{}", start(&many));
    assert!(letter(&many).subject.ends_with("10.16.24.93 (LAB-7) still calls a Conficker sinkhole"));
    many.ticket.hosts[1].blame = Blame::Seen;
    many.ticket.hosts[0].state = HostState::Retired;
    assert!(start(&many).starts_with("10.16.24.94 is infected and calls a Conficker sinkhole. TO DO"));
    many.ticket.reports[0].remote = None;
    assert!(letter(&many).subject.ends_with("still calls an address on the watchlists of Conficker"));
}

/// The mail about three nights that had these reasons.
fn doubted(nights: [&[ReasonCode]; 3]) -> Letter {
    let mut doubted = sample(MailEvent::Inconclusive);
    let newest = doubted.ticket.runs.iter_mut().rev().filter_map(|run| run.end.as_mut());
    for (end, codes) in newest.zip(nights.iter().rev()) {
        let text = String::new();
        end.reasons = codes.iter().map(|code| Reason { code: *code, text: text.clone() }).collect();
    }
    letter(&doubted)
}

#[test]
fn a_mail_about_nights_that_proved_nothing_says_first_what_was_missing_and_what_mends_it() {
    use ReasonCode::*;
    let mut heads = Vec::new();
    for code in [
        Interrupted,
        TooShort,
        TooQuiet,
        WrongSide,
        Undecoded,
        Lossy,
        LossUnknown,
        CutShort,
        Truncated,
        ControlMissing,
        HostAbsent,
        WatchlistEmpty,
        WatchlistIncomplete,
        EntriesShutOut,
        WatchlistStale,
        ListingUnknown,
        ClockUnsure,
        ProgramDown,
        ClockJumped,
        HeldUp,
        NoTurn,
        SourceGone,
        NothingRecorded,
        StillRunning,
        ScheduleChanged,
        PhaseChanged,
        SiteClosed,
        OnHold,
    ] {
        let letter = doubted([&[code], &[code], &[code]]);
        let head: Vec<&str> = letter.text.lines().take(2).collect();
        // A machine that was not heard is the cause itself, and leads.
        let (before, after, since, ending) = if code == HostAbsent {
            (
                "[allclear #7] 10.16.24.93 (LAB-7) ",
                ": the last 3 nights proved nothing",
                "",
                ": no proof yet that Conficker is gone.",
            )
        } else {
            let before = "[allclear #7] 10.16.24.93 (LAB-7): the last 3 nights proved nothing (";
            (before, ")", "10.16.24.93 (LAB-7): no proof yet that Conficker is gone, since ", ".")
        };
        let brief = letter.subject.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        let brief = brief.unwrap_or_else(|| panic!("{code:?}: {}", letter.subject));
        // With another machine and a ticket of five figures it still fits beside the sender.
        let more = " and 9 more".len() + "1234".len();
        assert!(letter.subject.chars().count() + more <= 110, "{code:?}: {}", letter.subject);
        let cause = head[0].strip_prefix(since).and_then(|rest| rest.strip_suffix(ending));
        let cause = cause.unwrap_or_else(|| panic!("{code:?}: {}", head[0]));
        let deed = head[1].strip_prefix("TO DO by Mon 2015-05-11 03:30 CDT: ").expect("what to do");
        assert!(!deed.contains("below") && !deed.contains(['{', '}']), "{code:?}: {deed}");
        assert!(letter.html.contains("</b> ") && letter.html.contains("is gone"), "{}", letter.html);
        heads.push([brief.to_string(), cause.to_string(), deed.to_string()]);
    }
    for part in 0..3 {
        let mut all: Vec<&String> = heads.iter().map(|head| &head[part]).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), heads.len(), "each reason has words of its own");
    }
    let mixed = doubted([&[ProgramDown], &[ControlMissing, HostAbsent, TooQuiet], &[ControlMissing]]);
    assert!(mixed.subject.ends_with("(the capture was blind)"), "{}", mixed.subject);
    assert!(mixed.text.lines().nth(1).is_some_and(|line| line.ends_with("looked at; below 1 more cause.")));
}

#[test]
fn a_subject_fits_beside_the_sender_however_long_the_names_in_it_are() {
    for name in ["a.".repeat(32), "LAB OF THE OLD LIBRARY ".repeat(5), "مدرسة-".repeat(20)] {
        for (event, word) in EVENTS {
            let mut sample = sample(event);
            sample.ticket.hosts.iter_mut().for_each(|host| host.name = Some(name.clone()));
            sample.ticket.reports[0].malware = Some(format!("Trojan:{name}"));
            let letter = letter(&sample);
            // The marks around what goes from right to left do not show.
            let length = letter.subject.chars().filter(|sign| is_shown(*sign)).count();
            assert!(length <= 110, "{word}: {length}: {}", letter.subject);
            let said = [
                "reported",
                "calls",
                "cleaned",
                "back",
                "not heard",
                "clean",
                "blocklist",
                "watch",
                "REACHED",
            ];
            assert!(said.iter().any(|said| letter.subject.contains(said)), "{word}: {}", letter.subject);
        }
    }
}

/// The headings of a report, as its page has them.
fn headings(page: &str) -> Vec<String> {
    let rest = page.split("<h2>").skip(1);
    rest.filter_map(|rest| rest.split_once("</h2>")).map(|(heading, _)| heading.to_string()).collect()
}

#[test]
fn no_two_parts_of_a_report_have_one_heading() {
    for event in [MailEvent::Clean, MailEvent::Inconclusive, MailEvent::Located] {
        let sample = sample(event);
        let report = |form| templates().report(&sample.material(), form).expect("a report");
        let (page, text, markdown) = (report(Form::Html), report(Form::Text), report(Form::Markdown));
        let of_markdown = markdown.lines().filter_map(|line| line.strip_prefix("## ").map(str::to_string));
        let of_page = headings(&page);
        for heading in of_page.iter().cloned().chain(of_markdown.clone()) {
            let times = |all: &mut dyn Iterator<Item = String>| all.filter(|other| *other == heading).count();
            assert!(times(&mut of_page.iter().cloned()) <= 1, "{heading} on the page");
            assert!(times(&mut of_markdown.clone()) <= 1, "{heading} in Markdown");
            assert!(times(&mut text.lines().map(str::to_string)) <= 1, "{heading} in text");
        }
        for heading in ["Nights of each machine", "Nights"] {
            let is_there = headings(&page).iter().any(|other| other == heading);
            assert_eq!(text.lines().any(|line| line == heading), is_there, "{heading}");
        }
    }
}
