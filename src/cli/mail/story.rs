//! How does a made-up ticket come to where a mail is written about it? Its events, with the nights and contacts
//! that the site's calendar and the playbook would have brought.
//!
//! Nothing in it should be impossible: whoever looks at a preview takes it for what will come.

use crate::pure::intake::Report;
use crate::pure::interval::{Interval, Intervals};
use crate::pure::playbook::{MailEvent, Playbook, Stage, StageName};
use crate::pure::schedule::{is_closed, occurrences, weekly};
use crate::pure::sighting::{ContactSpan, Coverage};
use crate::pure::site::Site;
use crate::pure::ticket::{
    Absence, Blame, Context, Event, HostExposure, Listing, ListingAnswer, Phase, Recorded, RunEnd, RunId,
    RunStart, Ticket, TicketId, due_date, stand_now,
};
use crate::pure::verdict::{Outcome, Reason, ReasonCode, Verdict};
use crate::pure::words::{capitalised, count};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

const SINKHOLE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 66));

/// Runs in which the machine calls before it is cleaned: more than assurance asks for.
const CALLING_RUNS: usize = 12;

/// Nights after which it counts as clean even if a criterion asks for more.
const NIGHTS_MAX: usize = 130;

/// How far back planned times are looked for, in days.
const LOOK_BACK_DAYS_MAX: i64 = 512;

/// How long a cleaning takes after the last call, and a night to come after it.
const CLEANING: SignedDuration = SignedDuration::from_hours(3);

/// When it is due to be cleaned where the playbook does not say.
const DUE: Duration = Duration::from_secs(5 * 86_400);

/// What happened to it until a mail about `event` is written now.
pub fn events(event: MailEvent, site: &Site, playbook: &Playbook, now: Timestamp) -> Vec<Recorded> {
    let mut story = Story { site, playbook, now, events: Vec::new(), runs: 0 };
    let (due, before_due) = (playbook.due.cleaned.unwrap_or(DUE), playbook.due.remind);
    match event {
        MailEvent::Opened | MailEvent::Digest | MailEvent::Folded | MailEvent::Test => story.open(now),
        MailEvent::Located => story.locate(now, 1),
        MailEvent::Reminder => story.locate(before(now, due.saturating_sub(before_due.min(due / 2))), 1),
        MailEvent::Overdue => {
            story.locate(before(now, due), 1);
            story.fall_overdue();
        }
        MailEvent::Undeliverable => story.refuse(),
        MailEvent::Inconclusive => {
            story.verify(
                now,
                &[Verdict::Pass, Verdict::Inconclusive, Verdict::Inconclusive, Verdict::Inconclusive],
            );
        }
        MailEvent::Relapsed => {
            story.verify(now, &[Verdict::Pass, Verdict::Pass, Verdict::Pass, Verdict::Fail]);
            story.relapse();
        }
        MailEvent::Clean => story.confirm(now),
        MailEvent::Listed => {
            story.confirm(before(now, playbook.clean.watch / 2));
            story.watch();
            story.list_again();
        }
        MailEvent::Closed => {
            story.confirm(before(now, playbook.clean.watch));
            story.watch();
            story.change(now, Phase::Clean, Phase::Closed);
        }
    }
    story.events
}

/// What is known of it at that instant.
pub fn context<'a>(
    site: &'a Site,
    playbook: &'a Playbook,
    now: Timestamp,
    tickets: &'a BTreeMap<TicketId, Ticket>,
) -> Context<'a> {
    Context {
        playbook,
        site,
        now,
        next_run: RunId(10_000),
        has_mail: true,
        postmaster: None,
        absence: Absence::default(),
        since: Timestamp::MIN,
        tickets,
    }
}

/// Events, one after the other.
struct Story<'a> {
    site: &'a Site,
    playbook: &'a Playbook,
    now: Timestamp,
    events: Vec<Recorded>,
    runs: u64,
}

impl Story<'_> {
    fn host(&self) -> IpAddr {
        let network = self.site.inside.first();
        network.and_then(|network| network.hosts().nth(92)).unwrap_or(IpAddr::from([10, 0, 0, 93]))
    }

    fn happen(&mut self, at: Timestamp, event: Event) {
        let (seq, by) = (self.events.len() as u64 + 1, "sample".to_owned());
        self.events.push(Recorded { seq, at, ticket: TicketId(1), by, event, hash: String::new() });
    }

    fn change(&mut self, at: Timestamp, from: Phase, to: Phase) {
        self.happen(at, Event::PhaseChanged { from, to, because: "a sample".to_owned() });
    }

    fn mail(&mut self, at: Timestamp, event: MailEvent) {
        let to = vec![self.site.coordinator.clone()];
        self.happen(at, Event::mail(event, to));
    }

    fn open(&mut self, at: Timestamp) {
        let public = self.site.public.first().map_or(IpAddr::from([192, 0, 2, 17]), |network| network.addr());
        let (site, playbook) = (self.site.name.clone(), self.playbook.name.clone());
        self.happen(at, Event::Opened { reference: Some("MARS-1234".to_owned()), site, playbook, public });
        let report = Report {
            malware: self.playbook.malware.first().map(|name| capitalised(name)),
            seen: before(at, Duration::from_secs(20 * 3_600)),
            clock_error_s: 1,
            public: Some(public),
            remote: Some(SINKHOLE),
            port: Some(80),
            source_port: Some(1701),
            protocol: None,
            origin: "sample".to_owned(),
        };
        self.happen(at, Event::ReportAdded { report });
        self.mail(at, MailEvent::Opened);
    }

    /// It calls in so many runs, the last of which ends by `until`; after the first it is located.
    fn locate(&mut self, until: Timestamp, runs: usize) {
        let mut windows = self.ended(StageName::Locate, until, runs);
        if windows.is_empty() {
            let length = self.playbook.locate.capture.length;
            windows.push(Interval::lasting(before(until, length), length));
        }
        self.open(before(windows[0].from, Duration::from_secs(3_600)));
        for (at, window) in windows.into_iter().enumerate() {
            self.run(StageName::Locate, window, Verdict::Fail);
            if at == 0 {
                self.blame(window.to);
                self.change(window.to, Phase::Reported, Phase::Located);
                self.mail(window.to, MailEvent::Located);
            }
        }
    }

    fn blame(&mut self, at: Timestamp) {
        let (host, name) = (self.host(), Some("LAB-7".to_owned()));
        let mac = "00:00:5e:00:53:07".parse().ok();
        self.happen(at, Event::HostBlamed { host, mac, name, blame: Blame::Seen });
    }

    fn fall_overdue(&mut self) {
        let tickets = BTreeMap::new();
        let context = context(self.site, self.playbook, self.now, &tickets);
        let due = Ticket::fold(&self.events).ok().and_then(|ticket| due_date(&ticket, &context));
        self.happen(self.now, Event::Overdue { due: due.unwrap_or(self.now), step: 0 });
    }

    fn refuse(&mut self) {
        self.locate(self.now, 1);
        let to = self.site.coordinator.clone();
        let (mail, not_before) = (self.events.len() as u64, self.now);
        let error = "the server answered 550 5.1.1 no such user".to_owned();
        let (is_refused, is_given_up, is_unfit) = (true, false, false);
        let failed = Event::MailFailed { mail, to, error, not_before, is_refused, is_given_up, is_unfit };
        self.happen(self.now, failed);
    }

    /// Nights that end so, the last of them by `until`, after it was located and cleaned.
    fn verify(&mut self, until: Timestamp, nights: &[Verdict]) {
        let windows = self.ended(StageName::Verify, until, nights.len());
        let first = windows.first().map_or(until, |first| first.from);
        let cleaned = first.checked_sub(CLEANING).unwrap_or(first);
        self.locate(cleaned.checked_sub(CLEANING).unwrap_or(cleaned), CALLING_RUNS);
        let host = self.host();
        self.happen(cleaned, Event::HostCleaned { host, cleaned });
        for item in &self.playbook.checklist {
            self.happen(cleaned, Event::Signed { item: item.item.clone() });
        }
        self.change(cleaned, Phase::Located, Phase::Verifying);
        for (window, verdict) in windows.into_iter().zip(nights) {
            self.run(StageName::Verify, window, *verdict);
        }
    }

    /// So many nights that all criteria hold, and no more.
    fn confirm(&mut self, until: Timestamp) {
        let wanted = self.playbook.clean.passes.max(1) as usize;
        let nights = (wanted..NIGHTS_MAX).find(|nights| self.is_confirmed_by(until, *nights));
        self.verify(until, &vec![Verdict::Pass; nights.unwrap_or(NIGHTS_MAX)]);
        self.answer(until, Listing::NotListed);
        self.change(until, Phase::Verifying, Phase::Clean);
    }

    fn is_confirmed_by(&self, until: Timestamp, nights: usize) -> bool {
        let mut trial = Story { events: Vec::new(), ..*self };
        trial.verify(until, &vec![Verdict::Pass; nights]);
        trial.answer(until, Listing::NotListed);
        let tickets = BTreeMap::new();
        let context = context(self.site, self.playbook, until, &tickets);
        Ticket::fold(&trial.events).is_ok_and(|ticket| stand_now(&ticket, &context).missing.is_empty())
    }

    /// The first night of each week since it was confirmed.
    fn watch(&mut self) {
        let since = self.events.last().map_or(self.now, |last| last.at);
        let (stage, zone) = (&self.playbook.verify, &self.site.timezone);
        let length = stage.capture.length;
        let planned = weekly(&stage.schedule, zone, since).take(NIGHTS_MAX);
        let windows = planned.map(|at| Interval::lasting(at, length));
        let mut nights: Vec<Interval> = windows.take_while(|window| window.to <= self.now).collect();
        if nights.is_empty() {
            // A watch shorter than a week may have none; then there is one by hand of its last minutes.
            nights.push(Interval::new(since.max(before(self.now, length)), self.now));
        }
        nights.into_iter().for_each(|night| self.run(StageName::Verify, night, Verdict::Pass));
    }

    fn relapse(&mut self) {
        let at = self.events.last().map_or(self.now, |last| last.at);
        self.blame(at);
        self.happen(at, Event::Relapsed { because: "a sample".to_owned() });
        self.change(at, Phase::Verifying, Phase::Located);
    }

    fn list_again(&mut self) {
        self.answer(self.now, Listing::Listed);
        self.happen(self.now, Event::Relapsed { because: "the address is listed again".to_owned() });
        self.change(self.now, Phase::Clean, Phase::Reported);
    }

    fn answer(&mut self, at: Timestamp, answer: Listing) {
        let unasked = ListingAnswer::unasked(answer, at, "", RunId(self.runs));
        self.happen(at, Event::ListingAnswered(ListingAnswer { is_read_by_person: true, ..unasked }));
    }

    fn run(&mut self, stage: StageName, window: Interval, verdict: Verdict) {
        self.runs += 1;
        let (run, occurrence) = (RunId(self.runs), Some(window.from));
        let (window_start, window_end, is_late) = (window.from, window.to, false);
        self.happen(
            window.from,
            Event::RunStarted(RunStart { run, stage, occurrence, window_start, window_end, is_late }),
        );
        let end = self.end(run, window, verdict);
        self.happen(window.to, Event::RunEnded(Box::new(end)));
    }

    fn end(&self, run: RunId, window: Interval, verdict: Verdict) -> RunEnd {
        let host = self.host();
        let contacts = if verdict == Verdict::Fail { contacts(window) } else { Vec::new() };
        let reason = |code, text| vec![Reason { code, text }];
        let reasons = match verdict {
            Verdict::Pass => Vec::new(),
            Verdict::Fail => reason(
                ReasonCode::Contacts,
                format!("1 inside host made {}", count(contacts.len() as u64, "contact")),
            ),
            Verdict::Inconclusive => reason(
                ReasonCode::HostAbsent,
                format!(
                    "{host} said nothing in the window: see that it is switched on and connected during the capture"
                ),
            ),
        };
        let exposure = HostExposure {
            host,
            mac: None,
            name: None,
            present: Intervals::of([window]),
            doubtful: Intervals::default(),
            contacts: contacts.clone(),
            called: Vec::new(),
        };
        RunEnd {
            verdict: Some(verdict),
            reasons,
            watched: Intervals::of([window]),
            coverage: Coverage {
                first: Some(window.from),
                last: Some(window.to),
                heard_packets: 1_204_311,
                lost_packets: Some(0),
                inside_hosts: 41,
                ..Coverage::default()
            },
            is_healthy: true,
            is_attentive: true,
            exposures: (verdict != Verdict::Inconclusive).then_some(exposure).into_iter().collect(),
            contacts: contacts.len() as u64,
            ..RunEnd::empty(run, Outcome::Ran)
        }
    }

    /// The last so many windows of a stage on school days that have ended by `until`, oldest first.
    fn ended(&self, stage: StageName, until: Timestamp, wanted: usize) -> Vec<Interval> {
        let Stage { schedule, capture, .. } =
            if stage == StageName::Verify { &self.playbook.verify } else { &self.playbook.locate };
        let zone = &self.site.timezone;
        let mut days = 1;
        loop {
            let after = before(until, Duration::from_secs(days as u64 * 86_400));
            let windows =
                occurrences(schedule, zone, after, until).map(|at| Interval::lasting(at, capture.length));
            let is_over =
                |window: &Interval| window.to <= until && !is_closed(&self.site.closed, zone, window.from);
            let windows: Vec<Interval> = windows.filter(is_over).collect();
            if windows.len() >= wanted || days >= LOOK_BACK_DAYS_MAX {
                return windows[windows.len().saturating_sub(wanted)..].to_vec();
            }
            days *= 2;
        }
    }
}

fn before(time: Timestamp, length: Duration) -> Timestamp {
    time.checked_sub(length).unwrap_or(time)
}

/// One at each quarter of the window, where they lie far enough apart to be several.
fn contacts(window: Interval) -> Vec<ContactSpan> {
    let quarter = SignedDuration::from_secs((window.seconds() / 4.0) as i64);
    let quarters: &[i32] = if quarter >= SignedDuration::from_mins(3) { &[1, 2, 3] } else { &[2] };
    let call = |number: &i32| {
        let first = window.from.checked_add(quarter * *number).unwrap_or(window.from);
        ContactSpan { first, last: first }
    };
    quarters.iter().map(call).collect()
}
