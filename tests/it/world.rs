//! A small world to tell stories in: one site, one playbook, one ticket, and captures that show what
//! the story says. Time is what the story says, too.

use allclear::edge::store::{Durability, Store};
use allclear::engine::{Engine, EngineError, Opening};
use allclear::pure::intake::Report;
use allclear::pure::interval::{Interval, Intervals};
use allclear::pure::packet::Mac;
use allclear::pure::playbook::{
    CaptureSettings, ChecklistItem, CleanCriteria, Due, JudgeCriteria, Keep, Library, MailEvent, Notify,
    Playbook, Recipient, Stage,
};
use allclear::pure::schedule::{Cron, Schedule};
use allclear::pure::sighting::{ContactSpan, Coverage, HostFinding, Observation, Presence};
use allclear::pure::site::{MailSettings, MailTransport, Site, SiteFile, Source, SourceKind};
use allclear::pure::ticket::{
    ALLCLEAR, Absence, Act, Event, Input, Listing, ListingAnswer, Phase, Recorded, Run, RunId, Ticket,
    TicketId, ledger,
};
use allclear::pure::verdict::{
    CaptureFacts, Control, Ending, EvidenceFile, ListingFacts, SourceFacts, SystemClock, WatchlistFacts,
};
use allclear::pure::watchlist::{Entry, Target, Watchlist};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;
use tempfile::TempDir;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// The infected machine of the guide.
pub const LAB: &str = "10.16.24.93";
/// Another machine behind the same address.
pub const OFFICE: &str = "10.16.30.7";

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What a capture of the story shows.
#[derive(Clone, Default)]
pub struct Seen {
    /// Contacts: host, MAC, begin.
    pub contacts: Vec<(IpAddr, Option<Mac>, Timestamp)>,
    /// Hosts that were there throughout: address and MAC.
    pub present: Vec<(IpAddr, Option<Mac>)>,
    pub lost: Option<u64>,
    pub ending: Option<Ending>,
    /// Seconds from the begin of the window that were watched; all when `None`.
    pub watched_seconds: Option<u64>,
}

pub struct World {
    directory: TempDir,
    pub engine: Engine,
    pub ticket: TicketId,
    pub now: Timestamp,
    /// What the DNSBL says at the end of each run; `None`: it is not asked.
    pub listing: Option<Listing>,
}

impl World {
    /// A ticket about Conficker, opened on Monday 2015-05-04 at 09:00 UTC.
    pub fn new() -> World {
        World::with(|_| {})
    }

    /// The same, with a playbook that `change` has changed.
    pub fn with(change: impl FnOnce(&mut Playbook)) -> World {
        World::where_school_is(|_| {}, change)
    }

    /// The same, at a site that `change_site` has changed.
    pub fn where_school_is(change_site: impl FnOnce(&mut Site), change: impl FnOnce(&mut Playbook)) -> World {
        let mut world = World::without_ticket(change_site, change);
        world.open_first();
        world
    }

    /// Opens the ticket that is looked at.
    pub fn open_first(&mut self) {
        let opening = Opening {
            reference: Some("MARS-1234".to_owned()),
            site: "springfield".to_owned(),
            playbook: "conficker".to_owned(),
            public: ip("192.0.2.17"),
            reports: vec![report("2015-05-04T08:00:00Z")],
        };
        self.ticket = self.engine.open_ticket(self.now, "engineer", opening).expect("a ticket opens");
    }

    /// The same site and playbook, and no ticket; the first that opens is the one looked at.
    pub fn without_ticket(change_site: impl FnOnce(&mut Site), change: impl FnOnce(&mut Playbook)) -> World {
        let directory = TempDir::new().expect("a temporary directory");
        let mut playbook = playbook();
        change(&mut playbook);
        let mut library = library(playbook);
        change_site(library.site_file.sites.get_mut("springfield").expect("the site is there"));
        let engine = open(&directory, library).expect("a new log opens");
        let now = at("2015-05-04T09:00:00Z");
        World { directory, engine, ticket: TicketId(1), now, listing: None }
    }

    pub fn ticket(&self) -> &Ticket {
        self.engine.ticket(self.ticket).expect("the ticket is there")
    }

    pub fn phase(&self) -> Phase {
        self.ticket().phase
    }

    /// Goes on to `time`, letting everything fall due on the way, and ends every run that began with
    /// what `seen` shows in its window.
    pub fn live_until(&mut self, time: &str, mut seen: impl FnMut(Interval) -> Seen) {
        let end = at(time);
        loop {
            self.tick();
            let open = self.engine.open_runs().map(|(ticket, _, run)| (ticket, run.id, run.window()));
            let open: Option<(TicketId, RunId, Interval)> = open.min_by_key(|(_, _, window)| window.to);
            let due = self.engine.next_due(self.now).filter(|due| *due <= end);
            let is_next = |window: &Interval| due.is_none_or(|due| window.to <= due);
            let ripe = open.filter(|(_, _, window)| window.to <= end && is_next(window));
            if let Some((ticket, run, window)) = ripe {
                self.now = self.now.max(window.to);
                let mut facts = facts(window, seen(window));
                let said = self.listing.map(|said| ListingAnswer::unasked(said, self.now, "", run));
                facts.listing = self.listing.map(|said| ListingFacts {
                    is_known: said != Listing::Unknown,
                    why: "no answer: ask again".to_owned(),
                });
                let input = Input::Captured { run, facts: Box::new(facts), listing: said };
                self.engine.step(self.now, ALLCLEAR, ticket, &input).expect("a capture is taken");
                continue;
            }
            match due {
                Some(due) => self.now = self.now.max(due),
                None => break,
            }
        }
        self.now = end;
    }

    pub fn tick(&mut self) {
        self.engine.tick(self.now, Absence::Down, &|_, _| None).expect("time passes");
    }

    pub fn input(&mut self, input: &Input) {
        self.engine.step(self.now, ALLCLEAR, self.ticket, input).expect("an input is taken");
    }

    /// A person acts at `time`.
    pub fn act(&mut self, time: &str, act: Act) -> Result<(), String> {
        self.now = self.now.max(at(time));
        match self.engine.step(self.now, "tech", self.ticket, &Input::Act(act)) {
            Ok(_) => Ok(()),
            Err(EngineError::Refused(why)) => Err(why.to_string()),
            Err(error) => panic!("{error}"),
        }
    }

    /// A located ticket whose host is reported as cleaned at `time`, one contact every two hours before.
    pub fn cleaned_at(&mut self, time: &str) {
        self.live_until(time, |window| calls_every_two_hours(window, ip(LAB), None));
        assert_eq!(self.phase(), Phase::Located);
        self.act(time, Act::Clean { host: None, at: None }).expect("the host is cleaned");
        assert_eq!(self.phase(), Phase::Verifying);
    }

    /// The kinds of mail so far, in order.
    pub fn mails(&self) -> Vec<MailEvent> {
        self.ticket().outbox.iter().map(|mail| mail.event).collect()
    }

    /// Every change of phase so far.
    pub fn phases(&self) -> Vec<Phase> {
        let events = self.events();
        let changes = events.iter().filter_map(|recorded| match &recorded.event {
            Event::PhaseChanged { to, .. } => Some(*to),
            _ => None,
        });
        changes.collect()
    }

    /// Everything that happened to the ticket.
    pub fn events(&self) -> Vec<Recorded> {
        self.engine.history(self.ticket).expect("the log can be read")
    }

    /// Every run and occurrence, as people are shown them.
    pub fn ledger(&self) -> Vec<Run> {
        let context = self.engine.context(self.ticket, self.now).expect("the playbook is there");
        ledger(self.ticket(), &context)
    }

    /// The same log, read again with other files.
    pub fn reopened_with(&self, library: Library) -> Engine {
        open(&self.directory, library).expect("the log opens again")
    }

    /// What comes of reading a copy of the log in which somebody changed one row.
    pub fn damaged(&self, seq: u64) -> Result<Engine, EngineError> {
        self.changed_by(&format!("UPDATE event SET by = by || 'x' WHERE seq = {seq}"))
    }

    /// What comes of reading a copy of the log after that SQL.
    pub fn changed_by(&self, sql: &str) -> Result<Engine, EngineError> {
        let copy = TempDir::new().expect("a temporary directory");
        let path = copy.path().join("allclear.db");
        self.engine.back_up(&path).expect("a copy");
        let database = rusqlite::Connection::open(&path).expect("it opens");
        database.execute(sql, []).expect("it is changed");
        drop(database);
        open(&copy, self.engine.library().clone())
    }

    /// The same log, as if it had been made before mails had a mark.
    pub fn older_than_marks(&self) -> Engine {
        let database = rusqlite::Connection::open(self.directory.path().join("allclear.db"));
        database
            .and_then(|database| database.pragma_update(None, "application_id", 0))
            .expect("it is changed");
        self.reopened()
    }

    /// The same log, read again by another process.
    pub fn reopened(&self) -> Engine {
        self.reopened_with(self.engine.library().clone())
    }

    /// `serve` begins anew, after people have changed the playbook.
    pub fn restarted_with(&mut self, change: impl FnOnce(&mut Playbook)) {
        let mut library = self.engine.library().clone();
        change(library.playbooks.get_mut("conficker").expect("the playbook is there"));
        self.engine = self.reopened_with(library);
        self.engine.read_schedules(self.now).expect("the schedules are put in force");
    }
}

fn open(directory: &TempDir, library: Library) -> Result<Engine, EngineError> {
    Engine::open(Store::open(directory.path(), Durability::Fleeting)?, library)
}

pub fn report(seen: &str) -> Report {
    Report {
        malware: Some("Conficker".to_owned()),
        seen: at(seen),
        clock_error_s: 1,
        public: Some(ip("192.0.2.17")),
        remote: Some(ip("216.66.15.109")),
        port: Some(80),
        source_port: Some(1701),
        protocol: None,
        origin: "cbl-text".to_owned(),
    }
}

/// A capture in which nobody calls and the lab machine is there.
pub fn silent(_: Interval) -> Seen {
    Seen { present: vec![(ip(LAB), None), (ip(OFFICE), None)], ..Seen::default() }
}

/// A capture in which the lab machine is switched off.
pub fn switched_off(_: Interval) -> Seen {
    Seen { present: vec![(ip(OFFICE), None)], ..Seen::default() }
}

/// A capture in which `host` calls at every second full hour, and is there.
pub fn calls_every_two_hours(window: Interval, host: IpAddr, mac: Option<Mac>) -> Seen {
    let from = window.from.as_second();
    let first = from + (7200 - from.rem_euclid(7200)) % 7200;
    let times = (first..window.to.as_second()).step_by(7200);
    Seen {
        contacts: times
            .map(|second| (host, mac, Timestamp::from_second(second).expect("in range")))
            .collect(),
        present: vec![(host, mac), (ip(OFFICE), None)],
        ..Seen::default()
    }
}

/// A capture in which `host` calls once, at `time`.
pub fn calls_at(time: &str, host: &str, mac: Option<Mac>) -> impl Fn(Interval) -> Seen + use<> {
    let (time, host) = (at(time), ip(host));
    move |window| {
        let contacts = if window.contains(time) { vec![(host, mac, time)] } else { Vec::new() };
        Seen { contacts, present: vec![(host, mac), (ip(LAB), None)], ..Seen::default() }
    }
}

/// What is kept of a source that ended before its time.
fn ledger_file() -> EvidenceFile {
    let path = "evidence/1/1-coverage.tsv".to_owned();
    EvidenceFile { path, sha256: "0".repeat(64), bytes: 1, packets: 0 }
}

pub fn facts(planned: Interval, seen: Seen) -> CaptureFacts {
    let watched = match seen.watched_seconds {
        Some(seconds) => Interval::lasting(planned.from, Duration::from_secs(seconds)).intersection(planned),
        None => planned,
    };
    let presences = seen.present.iter().map(|(host, mac)| Presence {
        host: *host,
        mac: *mac,
        present: Intervals::of([planned]),
    });
    let source = SourceFacts {
        name: "lan".to_owned(),
        watched: Intervals::of([watched]),
        ending: seen.ending.clone().unwrap_or(Ending::TimeUp),
        control: Control::NotAsked,
        probe: None,
        ledger: Default::default(),
        ledger_file: seen.ending.as_ref().map(|_| ledger_file()),
        presences: presences.collect(),
        evidence: None,
        evidence_gaps: Vec::new(),
        observation: Observation {
            coverage: Coverage {
                first: Some(planned.from),
                last: Some(planned.to),
                heard_packets: 100_000,
                unicast_packets: 50_000,
                lost_packets: seen.lost,
                inside_hosts: 40,
                ..Coverage::default()
            },
            hosts: findings(&seen),
            ..Observation::default()
        },
    };
    CaptureFacts {
        planned,
        sources: vec![source],
        watchlists: WatchlistFacts { entries: 16, ..WatchlistFacts::default() },
        blamed: Vec::new(),
        listing: None,
        clock: SystemClock::Synchronised,
    }
}

fn findings(seen: &Seen) -> Vec<HostFinding> {
    let mut by_host: BTreeMap<IpAddr, (Option<Mac>, Vec<ContactSpan>)> = BTreeMap::new();
    for (host, mac, time) in &seen.contacts {
        let span = ContactSpan { first: *time, last: *time };
        by_host.entry(*host).or_insert((*mac, Vec::new())).1.push(span);
    }
    let finding = |(host, (mac, spans)): (IpAddr, (Option<Mac>, Vec<ContactSpan>))| HostFinding {
        host,
        mac,
        name: None,
        contacts: spans.len() as u64,
        sightings: 4 * spans.len() as u64,
        sightings_out: 2 * spans.len() as u64,
        first: spans.first().expect("a finding has a contact").first,
        last: spans.last().expect("a finding has a contact").last,
        hits: Vec::new(),
        spans,
    };
    by_host.into_iter().map(finding).collect()
}

/// A `detect` stage that watches all the time, in runs of half an hour.
pub fn detect() -> Stage {
    let half_hour = Duration::from_secs(1800);
    Stage { watchlists: vec!["sinkholes".to_owned()], ..stage(Schedule::Every(half_hour), half_hour) }
}

/// The watchlist that it matches: the sinkhole of the guide's report.
pub fn sinkholes() -> Watchlist {
    let address = ip("216.66.15.109");
    let entry = Entry { text: address.to_string(), target: Target::Address(address), ports: None };
    Watchlist { name: "sinkholes".to_owned(), entries: vec![entry], ..Watchlist::default() }
}

fn stage(schedule: Schedule, length: Duration) -> Stage {
    Stage {
        schedule,
        jitter: Duration::ZERO,
        capture: CaptureSettings {
            length,
            packets_max: None,
            bytes_max: None,
            filter: None,
            keep: Keep::Hits,
        },
        watchlists: vec!["reported".to_owned()],
        has_listing: false,
    }
}

/// Locates every two hours for all of them, verifies nightly from 20:00 UTC for eight hours.
pub fn playbook() -> Playbook {
    Playbook {
        path: "playbooks/conficker.yaml".into(),
        name: "conficker".to_owned(),
        title: "Conficker calling its sinkholes".to_owned(),
        malware: vec!["conficker".to_owned()],
        watchlists: BTreeMap::new(),
        locate: stage(Schedule::Every(2 * HOUR), 2 * HOUR),
        verify: stage(Schedule::Cron(Cron::parse("0 20 * * *").expect("a good expression")), 8 * HOUR),
        detect: None,
        judge: JudgeCriteria::default(),
        clean: CleanCriteria { contact_interval: Some(2 * HOUR), ..CleanCriteria::default() },
        checklist: vec![ChecklistItem { item: "patch".to_owned(), text: "Install MS08-067".to_owned() }],
        due: Due { located: Some(2 * DAY), cleaned: Some(5 * DAY), ..Due::default() },
        notify: vec![Notify {
            events: vec![
                MailEvent::Opened,
                MailEvent::Located,
                MailEvent::Relapsed,
                MailEvent::Inconclusive,
                MailEvent::Clean,
            ],
            to: vec![Recipient::Coordinator],
        }],
    }
}

/// How mail leaves, and nothing else of it.
pub fn mail_settings(transport: MailTransport) -> MailSettings {
    MailSettings {
        from: "allclear <allclear@dis.example>".to_owned(),
        transport,
        username: None,
        password_file: None,
        digest: None,
        hourly_limit: 20,
        reply_to: None,
        postmaster: None,
    }
}

pub fn library(playbook: Playbook) -> Library {
    let site = Site {
        name: "springfield".to_owned(),
        title: "Springfield School District".to_owned(),
        public: vec!["192.0.2.17/32".parse().expect("a network")],
        inside: vec!["10.16.0.0/16".parse().expect("a network")],
        resolvers: Vec::new(),
        nat64: Vec::new(),
        timezone: jiff::tz::TimeZone::UTC,
        timezone_name: "UTC".to_owned(),
        sources: vec!["lan".to_owned()],
        coordinator: "Tech Coordinator <tech@springfield.example>".to_owned(),
        closed: Vec::new(),
    };
    let source = Source {
        name: "lan".to_owned(),
        kind: SourceKind::Interface("eth1".to_owned()),
        positive_control: None,
        probe: None,
        ring_bytes: 64 << 20,
        runs_max: None,
    };
    let mail = mail_settings(MailTransport::Directory("outbox".into()));
    let site_file = SiteFile {
        path: "allclear.yaml".into(),
        state: "state".into(),
        listen: None,
        sources: BTreeMap::from([("lan".to_owned(), source)]),
        sites: BTreeMap::from([("springfield".to_owned(), site)]),
        evidence_keep: None,
        mail: Some(mail),
        listing: None,
        has_listing: false,
    };
    Library { site_file, playbooks: BTreeMap::from([("conficker".to_owned(), playbook)]) }
}
