//! What does the log know that a report does not tell? Every event there is, looked for in every form.

use crate::letters::{templates, undated};
use crate::sample::{at, sample};
use allclear::edge::template::Form;
use allclear::pure::intake::Report;
use allclear::pure::interval::{Interval, Intervals};
use allclear::pure::listing::Lookup;
use allclear::pure::playbook::{MailEvent, StageName};
use allclear::pure::report::{Looked, Material, report};
use allclear::pure::ticket::{
    Blame, DetectionEvent, DetectionId, Event, HeldBack, HoldReason, LapsedRecord, Listing, ListingAnswer,
    OccurrenceRecord, Phase, Recorded, RunEnd, RunId, RunStart, Schedules, Step, Ticket, TicketId,
};
use allclear::pure::verdict::{EvidenceFile, Outcome, Reason, ReasonCode, Verdict};
use allclear::pure::watchlist::Transport;
use std::net::IpAddr;

const OTHER: [u8; 4] = [10, 16, 30, 7];

/// What a reader must find of an event, in pages and in JSON. A new event does not compile here until
/// somebody has said what the report tells of it.
fn marks(event: &Event) -> &'static [&'static str] {
    match event {
        Event::Opened { .. } => &["MARK-REF", "192.0.2.99", "springfield", "conficker"],
        Event::ReportAdded { .. } => &["MARK-MALWARE", "203.0.113.9", "4177", "1702", "MARK-ORIGIN"],
        Event::SearchWidened { .. } => &["203.0.113.99"],
        Event::HostBlamed { .. } => &["10.16.30.7", "MARK-NAME", "02:00:0a:10:1e:07", "a person named it"],
        Event::HostCleaned { .. } => &["2015-06-01 07:07"],
        Event::HostWithdrawn { .. } => &["10.16.30.8", "mark withdrawn"],
        Event::HostRetired { .. } => &["10.16.30.7", "mark retired"],
        Event::RunStarted(_) => &["2015-06-02 03:31"],
        Event::RunDelayed { .. } => &["began late"],
        Event::RunEnded(_) => &[
            "mark reason",
            "5 h 55 min",
            "77,077 packets",
            "evidence/7/901-hits.pcapng",
            "5e5e5e5e5e5e5e5e",
            "evidence/7/901-coverage.tsv",
            "6f6f6f6f6f6f6f6f",
            "mark gap",
        ],
        Event::OccurrencePassed(_) => &["mark missed", "2015-06-03 03:32"],
        Event::OccurrencesPassed(_) => &["mark suppressed", "2015-06-04 03:33", "2015-06-05 03:33"],
        Event::SchedulesRead(_) | Event::Detection { .. } | Event::RoundQueued { .. } => &[],
        Event::DigestPlanned(_) | Event::DigestDue { .. } => &[],
        Event::Relapsed { .. } => &["mark relapse"],
        Event::PhaseChanged { .. } => &["mark rejected", "mark clean"],
        Event::Signed { .. } => &["Install MS08-067", "2015-06-06 07:08"],
        Event::SignatureWithdrawn { .. } => &["mark unsigned"],
        Event::RiskAccepted { .. } => &["mark risk", "2015-09-01 07:00"],
        Event::Noted { .. } => &["mark note"],
        Event::Held { .. } => &["mark hold", "2015-07-01 07:00"],
        Event::Resumed => &["Taken up again"],
        Event::Overdue { .. } => &["2015-06-07 07:09"],
        Event::ListingAnswered(_) => &[
            "xbl.mark.example",
            "192.0.2.53:5353",
            "127.0.0.4",
            "127.0.0.2",
            "mark text",
            "mark raw",
            "4711",
            "2015-06-08 07:10:11",
        ],
        Event::MailQueued { .. } => &["relapsed", "queued@mark.example", "after one of the same kind"],
        Event::MailReleased { .. } => &["released@mark.example"],
        Event::MailFolded { .. } => &["folded@mark.example", "in mail 4712"],
        Event::MailWithdrawn { .. } => &["withdrawn@mark.example", "reached"],
        Event::MailAccepted { .. } => &["2015-06-10 07:00"],
        Event::MailRetried { .. } => &["retried@mark.example"],
        Event::MailFailed { .. } => &["mark greylisted", "2015-06-11 07:12", "mark unknown user"],
    }
}

fn reason(text: &str) -> Reason {
    Reason { code: ReasonCode::ProgramDown, text: text.to_string() }
}

fn evidence(path: &str, sum: &str) -> EvidenceFile {
    EvidenceFile { path: path.to_string(), sha256: sum.repeat(32), bytes: 4_760, packets: 36 }
}

fn run_end() -> RunEnd {
    let from = at("2015-06-02T08:31:00Z");
    RunEnd {
        run: RunId(901),
        outcome: Outcome::Late,
        verdict: Some(Verdict::Inconclusive),
        reasons: vec![reason("mark reason")],
        watched: Intervals::of([Interval::new(from, at("2015-06-02T14:26:00Z"))]),
        coverage: allclear::pure::sighting::Coverage { heard_packets: 77_077, ..Default::default() },
        lost_share: 0.0,
        is_healthy: false,
        is_attentive: false,
        exposures: Vec::new(),
        evidence: vec![evidence("evidence/7/901-hits.pcapng", "5e")],
        ledgers: vec![evidence("evidence/7/901-coverage.tsv", "6f")],
        evidence_gaps: vec!["mark gap".to_string()],
        controls: Vec::new(),
        contacts: 0,
        is_in_break: false,
    }
}

fn answer() -> ListingAnswer {
    let (address, resolver) = (IpAddr::from([192, 0, 2, 99]), "192.0.2.53:5353".parse().expect("an address"));
    let seen = at("2015-06-08T12:10:11Z");
    let unknown = Lookup::unknown(address, "xbl.mark.example", resolver, seen, "mark raw");
    ListingAnswer::of(
        Lookup {
            answer: Listing::Listed,
            ttl_s: Some(4711),
            codes: vec![[127, 0, 0, 4].into()],
            texts: vec!["mark text".to_string()],
            test_codes: vec![[127, 0, 0, 2].into()],
            ..unknown
        },
        RunId(901),
    )
}

fn mailed() -> Vec<Event> {
    let to = |name: &str| format!("{name}@mark.example");
    let failed = |name: &str, error: &str, is_refused| Event::MailFailed {
        mail: 20,
        to: to(name),
        error: error.to_string(),
        not_before: at("2015-06-11T12:12:00Z"),
        is_refused,
        is_given_up: false,
        is_unfit: false,
    };
    vec![
        Event::MailQueued {
            event: MailEvent::Relapsed,
            to: ["accepted", "deferred", "refused", "queued", "released", "folded", "held", "withdrawn"]
                .map(to)
                .to_vec(),
            held: ["released", "folded", "held", "withdrawn"]
                .map(|name| HeldBack { to: to(name), why: HoldReason::Repeat })
                .to_vec(),
            folds: Vec::new(),
            unreached: None,
        },
        Event::MailReleased { mail: 20, to: to("released") },
        Event::MailFolded { mail: 20, to: to("folded"), into: 4712 },
        Event::MailWithdrawn { mail: 20, to: to("withdrawn") },
        Event::MailAccepted { mail: 20, to: to("accepted") },
        failed("deferred", "mark greylisted", false),
        failed("refused", "mark unknown user", true),
        Event::MailRetried { mail: 20, to: vec![to("retried")], of: None },
    ]
}

/// One ticket to which everything has happened.
fn life() -> Vec<Event> {
    let report = Report {
        malware: Some("MARK-MALWARE".to_string()),
        seen: at("2015-05-31T18:52:14Z"),
        clock_error_s: 1,
        public: Some(IpAddr::from([192, 0, 2, 99])),
        remote: Some(IpAddr::from([203, 0, 113, 9])),
        port: Some(4177),
        source_port: Some(1702),
        protocol: Some(Transport::Tcp),
        origin: "MARK-ORIGIN".to_string(),
    };
    let phase = |from, to, because: &str| Event::PhaseChanged { from, to, because: because.to_string() };
    let named = |last: u8, name: Option<&str>| Event::HostBlamed {
        host: [10, 16, 30, last].into(),
        mac: name.and_then(|_| "02:00:0a:10:1e:07".parse().ok()),
        name: name.map(str::to_string),
        blame: Blame::Named,
    };
    let text = str::to_string;
    let mut events = vec![
        Event::Opened {
            reference: Some(text("MARK-REF")),
            site: text("springfield"),
            playbook: text("conficker"),
            public: [192, 0, 2, 99].into(),
        },
        Event::ReportAdded { report },
        named(7, Some("MARK-NAME")),
        named(8, None),
        phase(Phase::Reported, Phase::Located, "named"),
        Event::HostWithdrawn { host: [10, 16, 30, 8].into(), reason: text("mark withdrawn") },
        Event::HostCleaned { host: OTHER.into(), cleaned: at("2015-06-01T12:07:00Z") },
        phase(Phase::Located, Phase::Verifying, "cleaned"),
        Event::Signed { item: text("patch") },
        Event::Signed { item: text("scan") },
        Event::SignatureWithdrawn { item: text("scan"), reason: text("mark unsigned") },
        Event::RunStarted(RunStart {
            run: RunId(901),
            stage: StageName::Verify,
            occurrence: Some(at("2015-06-02T08:31:00Z")),
            window_start: at("2015-06-02T08:31:00Z"),
            window_end: at("2015-06-02T14:31:00Z"),
            is_late: false,
        }),
        Event::RunDelayed { run: RunId(901) },
        Event::ListingAnswered(answer()),
        Event::RunEnded(Box::new(run_end())),
        Event::OccurrencePassed(OccurrenceRecord {
            run: RunId(902),
            stage: StageName::Verify,
            occurrence: at("2015-06-03T08:32:00Z"),
            window_end: at("2015-06-03T14:32:00Z"),
            outcome: Outcome::Missed,
            reason: reason("mark missed"),
        }),
        Event::OccurrencesPassed(LapsedRecord {
            run: RunId(903),
            stage: StageName::Verify,
            occurrence: at("2015-06-04T08:33:00Z"),
            steps: vec![Step { seconds: 86_400, times: 1 }],
            window_s: 21_600,
            outcome: Outcome::Suppressed,
            reason: reason("mark suppressed"),
        }),
        Event::Relapsed { because: text("mark relapse") },
        Event::Overdue { due: at("2015-06-07T12:09:00Z"), step: 0 },
    ];
    events.extend(mailed());
    events.extend([
        Event::Noted { text: text("mark note") },
        Event::SearchWidened { what: text("203.0.113.99") },
        phase(Phase::Verifying, Phase::Clean, "mark clean"),
        phase(Phase::Clean, Phase::Rejected, "mark rejected"),
        phase(Phase::Rejected, Phase::Reported, "reopened"),
        Event::Held { reason: text("mark hold"), until: Some(at("2015-07-01T12:00:00Z")) },
        Event::Resumed,
        Event::HostRetired { host: OTHER.into(), reason: text("mark retired") },
        phase(Phase::Reported, Phase::AcceptedRisk, "mark risk"),
        Event::RiskAccepted { reason: text("mark risk"), until: Some(at("2015-09-01T12:00:00Z")) },
    ]);
    events
}

fn recorded(events: &[Event]) -> Vec<Recorded> {
    let record = |(index, event): (usize, &Event)| {
        let when = match event {
            Event::Signed { .. } => at("2015-06-06T12:08:00Z"),
            Event::MailAccepted { .. } => at("2015-06-10T12:00:00Z"),
            _ => at("2015-06-09T12:00:00Z"),
        };
        let (seq, hash) = (index as u64 + 1, format!("{index:064x}"));
        // The first mail is event 20: `mailed` names it so.
        Recorded { seq, at: when, ticket: TicketId(7), by: "MARK-BY".to_string(), event: event.clone(), hash }
    };
    events.iter().enumerate().map(record).collect()
}

/// Every kind of event must be among those that are looked for; those of no ticket cannot be.
fn check_all_kinds(events: &[Event]) {
    let none = || DetectionId { site: String::new(), playbook: String::new() };
    let of_no_ticket = Event::Detection { of: none(), event: DetectionEvent::Planned };
    let mut kinds: Vec<&str> = events.iter().map(allclear::pure::report::kind).collect();
    kinds.extend([allclear::pure::report::kind(&of_no_ticket), "schedules_read", "round_queued"]);
    kinds.extend(["digest_planned", "digest_due"]);
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), 34, "an event that this test does not know, or one that it forgot: {kinds:?}");
    let _ = |schedules: Schedules| Event::SchedulesRead(schedules);
}

#[test]
fn a_report_tells_everything_that_the_log_knows() {
    let events = life();
    check_all_kinds(&events);
    let events = recorded(&events);
    let queued = events.iter().find(|recorded| matches!(recorded.event, Event::MailQueued { .. }));
    assert_eq!(queued.map(|recorded| recorded.seq), Some(20), "the mails' events name it");
    let ticket = Ticket::fold(&events).unwrap_or_else(|error| panic!("{error}"));
    let sample = sample(MailEvent::Opened);
    let runs = ticket.all_runs();
    let material = Material {
        ticket: &ticket,
        runs: &runs,
        events: &events,
        at: at("2015-06-12T12:00:00Z"),
        ..sample.material()
    };
    let looked = Looked { has_looked: true, is_hashed: true, ..Looked::default() };
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for form in [Form::Text, Form::Html, Form::Markdown] {
        let page = templates().report_on(&material, &looked, form).expect("a report");
        let page = words(&undated(&page).replace('\\', "").replace("&lt;", "<"));
        for recorded in &events {
            for mark in marks(&recorded.event) {
                assert!(
                    page.contains(mark),
                    "{form:?} does not tell {mark} of {:?}:\n{page}",
                    recorded.event
                );
            }
        }
        assert!(page.contains("MARK-BY"), "{form:?} does not tell who did it");
    }
    let json = report(&material, &looked);
    let text = json.to_string();
    for recorded in &events {
        // Numbers and times are no words there.
        let is_word = |mark: &&&str| !mark.contains("2015-") && !mark.contains(',') && !mark.contains(" h ");
        for mark in marks(&recorded.event).iter().filter(is_word) {
            assert!(text.contains(mark), "JSON does not tell {mark} of {:?}:\n{json:#}", recorded.event);
        }
        let told = json["events"].as_array().expect("events").iter().find(|of| of["seq"] == recorded.seq);
        assert!(told.is_some_and(|of| of["what"].as_str().is_some_and(|what| !what.is_empty())));
    }
    assert_eq!((&json["schema"], &json["id"]), (&"allclear.report/1".into(), &7.into()));
    assert_eq!(json["nights"][0]["watched_s"], 21_300.0);
    for (list, key) in [("mails", "queued"), ("decisions", "when")] {
        let times: Vec<&str> =
            json[list].as_array().expect(list).iter().filter_map(|row| row[key].as_str()).collect();
        let is_exact = |time: &&str| time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok();
        assert!(!times.is_empty() && times.iter().all(is_exact), "{list}: {times:?}");
    }
}
