//! One ticket in each of its states, without running anything.

use allclear::pure::intake::Report;
use allclear::pure::interval::{Interval, Intervals};
use allclear::pure::playbook::{
    CaptureSettings, ChecklistItem, CleanCriteria, Due, JudgeCriteria, Keep, MailEvent, Notify, Playbook,
    Recipient, Stage, StageName,
};
use allclear::pure::report::Material;
use allclear::pure::schedule::Schedule;
use allclear::pure::sighting::ContactSpan;
use allclear::pure::sighting::Coverage;
use allclear::pure::site::Site;
use allclear::pure::ticket::{
    Blame, Event, Host, HostExposure, HostStanding, HostState, Listing, ListingAnswer, Mail, NewlyListed,
    Phase, Recorded, Run, RunEnd, RunId, SignOff, Standing, Ticket, TicketId, Told,
};
use allclear::pure::verdict::{ControlRecord, EvidenceFile, Outcome, Reason, ReasonCode, Verdict};
use allclear::pure::watchlist::Transport;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// A ticket with all that belongs to it, as it stands when a mail is written.
pub struct Sample {
    pub ticket: Life,
    pub playbook: Playbook,
    pub site: Site,
    pub standing: Standing,
    pub mail: Mail,
}

/// A ticket and what happened to it.
pub struct Life {
    ticket: Ticket,
    pub events: Vec<Recorded>,
}

impl std::ops::Deref for Life {
    type Target = Ticket;

    fn deref(&self) -> &Ticket {
        &self.ticket
    }
}

impl std::ops::DerefMut for Life {
    fn deref_mut(&mut self) -> &mut Ticket {
        &mut self.ticket
    }
}

impl Sample {
    pub fn material(&self) -> Material<'_> {
        Material {
            ticket: &self.ticket.ticket,
            runs: &self.ticket.ticket.runs,
            past: &[],
            events: &self.ticket.events,
            playbook: &self.playbook,
            site: &self.site,
            standing: &self.standing,
            at: self.mail.at,
        }
    }
}

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a time in RFC 3339")
}

pub fn host() -> IpAddr {
    IpAddr::from([10, 16, 24, 93])
}

/// The story of ticket 7 as it stands when mail about `event` is written.
pub fn sample(event: MailEvent) -> Sample {
    let (seq, when) = match event {
        MailEvent::Opened => (2, "2015-04-30T15:00:00Z"),
        MailEvent::Located => (9, "2015-05-01T08:30:00Z"),
        MailEvent::Inconclusive => (31, "2015-05-08T14:30:00Z"),
        MailEvent::Relapsed => (38, "2015-05-11T16:02:00Z"),
        MailEvent::Reminder => (10, "2015-05-05T08:30:00Z"),
        MailEvent::Overdue => (12, "2015-05-06T08:30:00Z"),
        MailEvent::Listed => (88, "2015-06-22T14:30:00Z"),
        MailEvent::Closed => (90, "2015-06-25T14:30:00Z"),
        MailEvent::Undeliverable => (11, "2015-05-01T08:31:00Z"),
        _ => (77, "2015-05-26T14:30:00Z"),
    };
    let coordinator = "Tech Coordinator <tech@springfield.example>".to_string();
    let mail = |seq, event, when: &str| Mail::new(seq, event, at(when), vec![coordinator.clone()]);
    let mail_now = mail(seq, event, when);
    let mut ticket = reported();
    ticket.outbox = vec![mail(2, MailEvent::Opened, "2015-04-30T15:00:00Z"), mail_now.clone()];
    ticket.outbox.dedup();
    let mut standing = Standing {
        passes_wanted: 5,
        span_wanted_s: 7 * 86_400,
        assurance_wanted: 0.99,
        due: Some(at("2015-05-02T15:00:00Z")),
        ..Standing::default()
    };
    match event {
        MailEvent::Opened => {}
        MailEvent::Located | MailEvent::Reminder => locate(&mut ticket, &mut standing),
        MailEvent::Overdue => {
            locate(&mut ticket, &mut standing);
            standing.is_overdue = true;
            ticket.told.overdue = Some(0);
        }
        MailEvent::Undeliverable => {
            locate(&mut ticket, &mut standing);
            ticket.outbox.insert(1, mail(9, MailEvent::Located, "2015-05-01T08:30:00Z"));
            refuse(&mut ticket, when);
        }
        MailEvent::Listed => list_again(&mut ticket, &mut standing),
        MailEvent::Closed => close(&mut ticket, &mut standing),
        MailEvent::Inconclusive => doubt(&mut ticket, &mut standing),
        MailEvent::Relapsed => relapse(&mut ticket, &mut standing),
        _ => confirm(&mut ticket, &mut standing),
    }
    Sample { ticket, playbook: playbook(), site: site(), standing, mail: mail_now }
}

fn reported() -> Life {
    let report = Report {
        malware: Some("Conficker".to_string()),
        seen: at("2015-04-29T18:52:14Z"),
        clock_error_s: 1,
        public: Some(IpAddr::from([192, 0, 2, 17])),
        remote: Some(IpAddr::from([216, 66, 15, 109])),
        port: Some(80),
        source_port: Some(1701),
        protocol: Some(Transport::Tcp),
        origin: "cbl-text".to_string(),
    };
    let opened = Event::Opened {
        reference: Some("MARS-1234".to_string()),
        site: "springfield".to_string(),
        playbook: "conficker".to_string(),
        public: IpAddr::from([192, 0, 2, 17]),
    };
    let ticket = Ticket {
        id: TicketId(7),
        reference: Some("MARS-1234".to_string()),
        site: "springfield".to_string(),
        playbook: "conficker".to_string(),
        public: IpAddr::from([192, 0, 2, 17]),
        opened: at("2015-04-30T15:00:00Z"),
        phase: Phase::Reported,
        phase_since: at("2015-04-30T15:00:00Z"),
        stage_since: at("2015-04-30T15:00:00Z"),
        planned_until: BTreeMap::new(),
        hold: None,
        sought_since: at("2015-04-30T15:00:00Z"),
        risk: None,
        told: Told::default(),
        held: Vec::new(),
        relapses: 0,
        relapsed: None,
        confirmed: None,
        widened: None,
        reports: vec![report.clone()],
        hosts: Vec::new(),
        signed: BTreeMap::new(),
        runs: Vec::new(),
        lapsed: Vec::new(),
        open: Vec::new(),
        listing: None,
        known_listing: None,
        newly_listed: None,
        relisted: None,
        passes: Vec::new(),
        inconclusive_row: 0,
        outbox: Vec::new(),
        last_event: at("2015-04-30T15:00:00Z"),
    };
    let mut ticket = Life { ticket, events: Vec::new() };
    record(&mut ticket, "2015-04-30T15:00:00Z", "jake", opened);
    record(&mut ticket, "2015-04-30T15:00:00Z", "jake", Event::ReportAdded { report });
    ticket
}

fn refuse(ticket: &mut Life, when: &str) {
    let failed = Event::MailFailed {
        mail: 9,
        to: "Tech Coordinator <tech@springfield.example>".to_string(),
        error: "mail.dis.example:25 answered RCPT TO with 550 5.1.1 no such user".to_string(),
        not_before: at(when),
        is_refused: true,
        is_given_up: false,
        is_unfit: false,
    };
    record(ticket, when, "allclear", failed);
}

fn record(ticket: &mut Life, when: &str, by: &str, event: Event) {
    let seq = ticket.events.len() as u64 + 1;
    let hash = format!("{seq:064x}");
    ticket.events.push(Recorded { seq, at: at(when), ticket: ticket.id, by: by.to_string(), event, hash });
}

fn phase(ticket: &mut Life, when: &str, to: Phase, because: &str, is_relapse: bool) {
    if is_relapse {
        record(ticket, when, "allclear", Event::Relapsed { because: because.to_string() });
    }
    let changed = Event::PhaseChanged { from: ticket.phase, to, because: because.to_string() };
    record(ticket, when, "allclear", changed);
    (ticket.phase, ticket.phase_since) = (to, at(when));
}

fn locate(ticket: &mut Life, standing: &mut Standing) {
    run(
        ticket,
        StageName::Locate,
        "2015-05-01T08:15:00Z",
        10,
        Some(Verdict::Fail),
        "1 inside host made 3 contacts",
    );
    ticket.hosts.push(Host {
        host: host(),
        mac: "00:11:22:33:44:55".parse().ok(),
        name: Some("LAB-7".to_string()),
        state: HostState::Infected,
        blame: Blame::Seen,
        located: at("2015-05-01T08:30:00Z"),
        cleaned: None,
        confirmed: None,
        contacts: vec![ContactSpan { first: at("2015-05-01T08:17:00Z"), last: at("2015-05-01T08:17:02Z") }],
    });
    let blamed =
        Event::HostBlamed { host: host(), mac: None, name: Some("LAB-7".to_string()), blame: Blame::Seen };
    record(ticket, "2015-05-01T08:30:00Z", "allclear", blamed);
    phase(ticket, "2015-05-01T08:30:00Z", Phase::Located, "10.16.24.93 made 3 contacts", false);
    standing.hosts = vec![HostStanding { host: host(), contacts: 9, exposure_s: 0, assurance: None }];
    standing.due = Some(at("2015-05-06T08:30:00Z"));
    standing.missing = vec!["10.16.24.93 is not reported as cleaned".to_string()];
}

fn doubt(ticket: &mut Life, standing: &mut Standing) {
    locate(ticket, standing);
    ticket.hosts[0].state = HostState::Cleaned;
    ticket.hosts[0].cleaned = Some(at("2015-05-04T19:00:00Z"));
    let cleaned = Event::HostCleaned { host: host(), cleaned: at("2015-05-04T19:00:00Z") };
    record(ticket, "2015-05-04T19:05:00Z", "tech", cleaned);
    phase(
        ticket,
        "2015-05-04T19:05:00Z",
        Phase::Verifying,
        "every blamed host is reported as cleaned",
        false,
    );
    ticket
        .signed
        .insert("patch".to_string(), SignOff { by: "tech".to_string(), at: at("2015-05-04T19:05:00Z") });
    run(ticket, StageName::Verify, "2015-05-05T08:30:00Z", 360, Some(Verdict::Pass), "");
    let absent =
        "10.16.24.93 said nothing at all in the window, so its silence proves nothing: leave it switched on";
    for day in 6..=8 {
        let start = format!("2015-05-{day:02}T08:30:00Z");
        run(ticket, StageName::Verify, &start, 360, Some(Verdict::Inconclusive), absent);
    }
    standing.hosts[0].exposure_s = 21_600;
    standing.hosts[0].assurance = Some(0.424);
    (standing.passes, standing.assurance, standing.due) = (1, Some(0.424), None);
    standing.missing = vec![
        "4 more passes".to_string(),
        "7 more days between the first and the last pass".to_string(),
        "assurance 99 % for 10.16.24.93 (42.4 % so far)".to_string(),
        "checklist: scan".to_string(),
    ];
    standing.earliest = Some(at("2015-05-21T14:30:00Z"));
    standing.next_window = Some((at("2015-05-11T08:30:00Z"), at("2015-05-11T14:30:00Z")));
    standing.listing = Some(Listing::Listed);
}

fn relapse(ticket: &mut Life, standing: &mut Standing) {
    doubt(ticket, standing);
    run(
        ticket,
        StageName::Verify,
        "2015-05-11T08:30:00Z",
        360,
        Some(Verdict::Fail),
        "1 inside host made 3 contacts",
    );
    ticket.hosts[0].state = HostState::Infected;
    let first = at("2015-05-11T08:32:00Z");
    ticket.hosts[0].contacts.push(ContactSpan { first, last: at("2015-05-11T08:32:02Z") });
    ticket.relapses = 1;
    phase(ticket, "2015-05-11T16:02:00Z", Phase::Located, "10.16.24.93 made 3 contacts", true);
    standing.hosts[0].contacts = 12;
    (standing.passes, standing.earliest) = (0, None);
    standing.due = Some(at("2015-05-16T16:02:00Z"));
}

fn confirm(ticket: &mut Life, standing: &mut Standing) {
    relapse(ticket, standing);
    ticket.hosts[0].cleaned = Some(at("2015-05-12T19:00:00Z"));
    for day in [13, 14, 15, 18, 19, 20, 21, 22] {
        let start = format!("2015-05-{day}T08:30:00Z");
        run(ticket, StageName::Verify, &start, 360, Some(Verdict::Pass), "");
    }
    run(ticket, StageName::Verify, "2015-05-25T08:30:00Z", 360, None, "the program was not running");
    run(ticket, StageName::Verify, "2015-05-26T08:30:00Z", 360, Some(Verdict::Pass), "");
    let passed = |run: &&Run| run.end.as_ref().is_some_and(|end| end.verdict == Some(Verdict::Pass));
    ticket.passes = ticket.runs.iter().filter(passed).skip(1).map(|run| run.id).collect();
    ticket.hosts[0].state = HostState::Clean;
    for item in ["patch", "scan"] {
        ticket
            .signed
            .insert(item.to_string(), SignOff { by: "tech".to_string(), at: at("2015-05-12T19:05:00Z") });
    }
    ticket.listing = Some(ListingAnswer {
        answer: Listing::NotListed,
        at: at("2015-05-26T14:30:00Z"),
        raw: "not listed in xbl.spamhaus.org".to_string(),
        run: None,
        lookup: None,
        is_read_by_person: false,
    });
    phase(ticket, "2015-05-26T14:30:00Z", Phase::Clean, "all criteria hold", false);
    ticket.confirmed = Some(at("2015-05-26T14:30:00Z"));
    ticket.hosts[0].confirmed = ticket.confirmed;
    let exposed = HostStanding { host: host(), contacts: 12, exposure_s: 194_400, assurance: Some(0.9931) };
    *standing = Standing {
        hosts: vec![exposed],
        passes: 9,
        passes_wanted: 5,
        span_s: 13 * 86_400,
        span_wanted_s: 7 * 86_400,
        assurance: Some(0.9931),
        assurance_wanted: 0.99,
        listing: Some(Listing::NotListed),
        next_window: Some((at("2015-06-01T08:30:00Z"), at("2015-06-01T14:30:00Z"))),
        ..Standing::default()
    };
}

fn list_again(ticket: &mut Life, standing: &mut Standing) {
    confirm(ticket, standing);
    run(ticket, StageName::Verify, "2015-06-22T08:30:00Z", 360, Some(Verdict::Pass), "");
    ticket.listing = Some(ListingAnswer {
        answer: Listing::Listed,
        at: at("2015-06-22T14:29:30Z"),
        raw: "listed in xbl.spamhaus.org: 127.0.0.4 (XBL, infected machines)".to_string(),
        run: None,
        lookup: None,
        is_read_by_person: false,
    });
    ticket.newly_listed = Some(NewlyListed { at: at("2015-06-22T14:29:30Z"), was_clear: true });
    standing.listing = Some(Listing::Listed);
    ticket.relapses = 1;
    phase(ticket, "2015-06-22T14:30:00Z", Phase::Reported, "192.0.2.17 is listed again", false);
    standing.due = Some(at("2015-06-24T14:30:00Z"));
}

fn close(ticket: &mut Life, standing: &mut Standing) {
    confirm(ticket, standing);
    for day in ["06-01", "06-08", "06-15"] {
        run(ticket, StageName::Verify, &format!("2015-{day}T08:30:00Z"), 360, Some(Verdict::Pass), "");
    }
    run(ticket, StageName::Verify, "2015-06-22T08:30:00Z", 360, None, "the program was not running");
    phase(ticket, "2015-06-25T14:30:00Z", Phase::Closed, "the watch period is over", false);
    standing.next_window = None;
}

fn run(ticket: &mut Life, stage: StageName, start: &str, minutes: u64, verdict: Option<Verdict>, why: &str) {
    let id = RunId(40 + ticket.runs.len() as u64);
    let window = Interval::lasting(at(start), Duration::from_secs(minutes * 60));
    let code = if verdict == Some(Verdict::Fail) { ReasonCode::Contacts } else { ReasonCode::HostAbsent };
    let reasons = if why.is_empty() { Vec::new() } else { vec![Reason { code, text: why.to_string() }] };
    let is_hit = verdict == Some(Verdict::Fail);
    let evidence = EvidenceFile {
        path: format!("evidence/7/{id}-hits.pcapng"),
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_string(),
        bytes: 4_760,
        packets: 36,
    };
    let end = RunEnd {
        run: id,
        outcome: if verdict.is_some() { Outcome::Ran } else { Outcome::Missed },
        verdict,
        reasons,
        watched: if verdict.is_some() { Intervals::of([window]) } else { Intervals::default() },
        coverage: Coverage {
            heard_packets: 1_204_311,
            lost_packets: Some(0),
            inside_hosts: 41,
            ..Default::default()
        },
        lost_share: 0.0,
        is_healthy: true,
        is_attentive: true,
        exposures: exposures(window, verdict),
        ledgers: Vec::new(),
        evidence: if is_hit { vec![evidence] } else { Vec::new() },
        evidence_gaps: Vec::new(),
        controls: vec![ControlRecord {
            source: "lan".to_string(),
            control: Some(true),
            probes_seen: None,
            probes_sent: None,
        }],
        contacts: if is_hit { 3 } else { 0 },
        is_in_break: false,
    };
    ticket.runs.push(Run {
        id,
        stage,
        occurrence: Some(window.from),
        started: window.from,
        window_end: window.to,
        is_late: false,
        begun: window.from,
        ended: Some(window.to),
        end: Some(end.clone()),
    });
    ticket.runs.sort_by_key(|run| run.started);
    record(ticket, &window.to.to_string(), "allclear", Event::RunEnded(Box::new(end)));
}

/// The host was there in every night but those without proof, and called in those that fail.
fn exposures(window: Interval, verdict: Option<Verdict>) -> Vec<HostExposure> {
    let call = |minutes: i64| {
        let first = window.from + jiff::SignedDuration::from_mins(minutes);
        ContactSpan { first, last: first + jiff::SignedDuration::from_secs(2) }
    };
    let contacts = if verdict == Some(Verdict::Fail) { [2, 5].map(call).to_vec() } else { Vec::new() };
    let present = Intervals::of([window]);
    let (mac, name, doubtful, called) = (None, None, Intervals::default(), Vec::new());
    let exposure = HostExposure { host: host(), mac, name, present, doubtful, contacts, called };
    let is_there = matches!(verdict, Some(Verdict::Pass | Verdict::Fail));
    is_there.then_some(exposure).into_iter().collect()
}

fn site() -> Site {
    Site {
        name: "springfield".to_string(),
        title: "Springfield School District".to_string(),
        public: vec!["192.0.2.17/32".parse().expect("a network")],
        inside: vec!["10.16.0.0/16".parse().expect("a network")],
        resolvers: Vec::new(),
        nat64: Vec::new(),
        timezone: TimeZone::get("America/Chicago").expect("a bundled zone"),
        timezone_name: "America/Chicago".to_string(),
        sources: vec!["lan".to_string()],
        coordinator: "Tech Coordinator <tech@springfield.example>".to_string(),
        closed: Vec::new(),
    }
}

fn playbook() -> Playbook {
    let stage = |hours: u64, minutes: u64| Stage {
        schedule: Schedule::Every(Duration::from_secs(hours * 3_600)),
        jitter: Duration::ZERO,
        capture: CaptureSettings {
            length: Duration::from_secs(minutes * 60),
            packets_max: None,
            bytes_max: None,
            filter: None,
            keep: Keep::Hits,
        },
        watchlists: vec!["reported".to_string()],
        has_listing: false,
    };
    let item = |item: &str, text: &str| ChecklistItem { item: item.to_string(), text: text.to_string() };
    Playbook {
        path: "playbooks/conficker.yaml".into(),
        name: "conficker".to_string(),
        title: "Conficker calling its sinkholes".to_string(),
        malware: vec!["conficker".to_string()],
        watchlists: BTreeMap::new(),
        locate: stage(1, 10),
        verify: stage(24, 360),
        detect: None,
        judge: JudgeCriteria {
            fail_at: 1,
            watched_min: 0.95,
            heard_packets_min: 1_000,
            lost_max: None,
            has_blamed_present: true,
            inconclusive_row: 3,
        },
        clean: CleanCriteria {
            passes: 5,
            span: Duration::from_secs(7 * 86_400),
            assurance: 0.99,
            // As often as makes the assurance of the samples.
            contact_interval: Some(Duration::from_secs(39_064)),
            is_unlisted: true,
            watch: Duration::from_secs(30 * 86_400),
        },
        checklist: vec![
            item("patch", "Install MS08-067 on the host"),
            item("scan", "Scan the host with two products"),
        ],
        due: Due::default(),
        notify: vec![Notify { events: vec![MailEvent::Located], to: vec![Recipient::Coordinator] }],
    }
}
