//! Does a text from outside stay text, wherever a report shows it? Packets, pages, people and the DNS say what
//! they like.

use crate::letters::templates;
use crate::sample::{Sample, sample};
use allclear::edge::template::{Form, Templates};
use allclear::pure::listing::Lookup;
use allclear::pure::playbook::MailEvent;
use allclear::pure::report::{Looked, Material, report};
use allclear::pure::ticket::{
    Blame, Event, Hold, KnownBy, Listing, ListingAnswer, PastTicket, Phase, Recorded, Risk, RunId, TicketId,
};
use allclear::pure::verdict::{Reason, ReasonCode};

const EVIL: [&str; 22] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "&lt;b&gt; &amp; &#60;",
    "[x](http://evil.example)",
    "![x](http://evil.example/pixel.png)",
    "http://evil.example/ and https://evil.example",
    "www.evil.example",
    "<http://evil.example>",
    "a | b || c",
    "`code` ``` fence",
    "# heading *bold* _it_ ~~gone~~ $math$",
    "1. one",
    "- item",
    "=== + ---",
    "line\r\nBcc: all@springfield.example\n\n# heading",
    "\u{202e}txt.exe\u{2066}\u{200b}\u{ad}\u{feff}",
    "nul\u{0}esc\u{1b}[31m\u{9b}31m del\u{7f}\u{8}",
    "\u{2028}\u{2029}\u{85}\u{b}\u{c}",
    "{{machines}} {{{site}}} {{/if}}",
    "\\",
    "\u{e0041}\u{3164}\u{fe0f}é😀",
];

/// The sample with that text everywhere a text can come from outside.
fn hostile(text: &str) -> (Sample, Vec<Vec<PastTicket>>) {
    let mut hostile = sample(MailEvent::Clean);
    let text = || text.to_string();
    hostile.site.title = text();
    hostile.playbook.title = text();
    hostile.playbook.checklist.iter_mut().for_each(|item| item.text = text());
    let ticket = &mut hostile.ticket;
    ticket.reference = Some(text());
    ticket.hosts[0].name = Some(text());
    ticket.reports[0].malware = Some(text());
    ticket.reports[0].origin = text();
    ticket.signed.values_mut().for_each(|signed| signed.by = text());
    let now = ticket.opened;
    ticket.hold = Some(Hold { since: now, by: text(), reason: text(), until: None });
    ticket.risk = Some(Risk { by: text(), at: now, reason: text(), until: None });
    ticket.runs.iter_mut().flat_map(|run| &mut run.end).for_each(|end| {
        end.reasons = vec![Reason { code: ReasonCode::Interrupted, text: text() }];
        end.evidence_gaps = vec![text()];
        end.controls.iter_mut().for_each(|control| control.source = text());
        end.evidence.iter_mut().for_each(|file| file.path = text());
    });
    let answer = Lookup {
        answer: Listing::Listed,
        texts: vec![text()],
        zone: text(),
        ..Lookup::unknown(ticket.public, "", ([192, 0, 2, 53], 53).into(), now, text())
    };
    let person = ListingAnswer { is_read_by_person: true, ..ListingAnswer::of(answer.clone(), RunId(41)) };
    let mail = 900;
    let to = vec![text()];
    let mut events = vec![
        Event::Noted { text: text() },
        Event::HostRetired { host: [10, 16, 24, 93].into(), reason: text() },
        Event::Held { reason: text(), until: None },
        Event::RiskAccepted { reason: text(), until: None },
        Event::Relapsed { because: text() },
        Event::Signed { item: text() },
        Event::SignatureWithdrawn { item: text(), reason: text() },
        Event::ListingAnswered(ListingAnswer::of(answer, RunId(41))),
        Event::ListingAnswered(person),
        Event::MailFailed {
            mail,
            to: text(),
            error: text(),
            not_before: now,
            is_refused: true,
            is_given_up: false,
            is_unfit: false,
        },
        Event::HostBlamed {
            host: [10, 16, 24, 93].into(),
            mac: None,
            name: Some(text()),
            blame: Blame::Named,
        },
        Event::PhaseChanged { from: Phase::Clean, to: Phase::Rejected, because: text() },
        Event::Opened {
            reference: Some(text()),
            site: text(),
            playbook: text(),
            public: [192, 0, 2, 17].into(),
        },
    ];
    events.push(Event::mail(MailEvent::Clean, to));
    for event in events {
        let seq = if matches!(event, Event::MailQueued { .. }) { mail } else { 901 };
        let (by, hash) = (text(), String::new());
        hostile.ticket.events.push(Recorded { seq, at: now, ticket: TicketId(7), by, event, hash });
    }
    hostile.standing.missing = vec![text()];
    hostile.standing.is_on_hold = true;
    let past = PastTicket {
        ticket: TicketId(3),
        reference: Some(text()),
        malware: Some(text()),
        playbook: text(),
        phase: Phase::Closed,
        known_by: KnownBy::Mac,
        host: [10, 16, 24, 80].into(),
        state: allclear::pure::ticket::HostState::Clean,
        located: now,
        cleaned: None,
        confirmed: None,
        relapses: 0,
    };
    (hostile, vec![vec![past]])
}

fn page(templates: &Templates, text: &str, form: Form) -> String {
    let (sample, past) = hostile(text);
    let material = Material { past: &past, ..sample.material() };
    let faults = [(text.to_string(), text.to_string())].into();
    let looked = Looked { has_looked: true, is_hashed: true, faults };
    templates.report_on(&material, &looked, form).expect("a report")
}

/// What stands between `<` and `>`, in order.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).filter_map(|rest| rest.split('>').next()).collect()
}

/// The shape of Markdown: of each line its mark, and how many cells it has.
fn shape(markdown: &str) -> Vec<(String, usize)> {
    let line = |line: &str| {
        let mark: String = line.chars().take_while(|sign| "#-|*".contains(*sign)).collect();
        (mark, line.replace("\\\\", "").replace("\\|", "").matches('|').count())
    };
    markdown.lines().map(line).collect()
}

/// Markdown with a mark in the place of each sign that is escaped, and without the marks of a checklist.
fn unescaped(markdown: &str) -> String {
    let mut signs = markdown.chars();
    let mut plain = String::new();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => plain.extend(signs.next().map(|_| '\u{fffd}')),
            other => plain.push(other),
        }
    }
    plain.replace("- [x] ", "- ").replace("- [ ] ", "- ")
}

fn check_signs(page: &str, case: &str) {
    let is_steering = |sign: char| {
        sign != '\n' && sign.is_control()
            || matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}' | '\u{e0041}')
    };
    let found = page.chars().find(|sign| is_steering(*sign));
    assert_eq!(found, None, "{case}");
}

#[test]
fn a_hostile_text_changes_no_shape() {
    let (all, long) = (templates(), "x".repeat(10_000));
    let (tame_html, tame_markdown) = (page(&all, "x", Form::Html), page(&all, "x", Form::Markdown));
    for evil in EVIL.into_iter().chain([long.as_str()]) {
        let case = evil.chars().take(40).collect::<String>().escape_debug().to_string();
        let html = page(&all, evil, Form::Html);
        assert_eq!(tags(&html), tags(&tame_html), "{case}");
        check_signs(&html, &case);
        let markdown = page(&all, evil, Form::Markdown);
        assert_eq!(shape(&markdown), shape(&tame_markdown), "{case}");
        let plain = unescaped(&markdown);
        assert!(!plain.contains(['[', ']', '`', '<', '$', '@', '{']), "{case}: {plain}");
        assert!(!plain.contains("://") && !plain.to_lowercase().contains("www."), "{case}: {plain}");
        check_signs(&markdown, &case);
        let text = page(&all, evil, Form::Text);
        check_signs(&text, &case);
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(72), "{case}: {longest:?}");
    }
}

#[test]
fn in_json_a_hostile_text_is_whole() {
    for evil in EVIL {
        let (sample, past) = hostile(evil);
        let material = Material { past: &past, ..sample.material() };
        let json = report(&material, &Looked::default()).to_string();
        let back: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(back["ref"], evil);
        assert_eq!(back["files"][0]["path"], evil);
    }
}
