//! What is a ticket like that nobody has? A made-up one at the first site, worked by the first playbook, as
//! it stands when a mail of the wanted kind is written.

use super::preview::sender;
use crate::cli::Fault;
use crate::cli::desk::Desk;
use crate::edge::clock;
use crate::pure::intake::Report;
use crate::pure::playbook::{MailEvent, Playbook, StageName};
use crate::pure::report::{Letter, Material};
use crate::pure::site::Site;
use crate::pure::ticket::{
    Absence, Blame, Context, Event, Listing, ListingAnswer, Phase, Recorded, RunEnd, RunId, RunStart, Ticket,
    TicketId, drafted, ledger, stand,
};
use crate::pure::verdict::{Outcome, Reason, ReasonCode, Verdict};
use crate::pure::words::capitalised;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::net::IpAddr;

const SINKHOLE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 66));

/// The mail about `event` of a made-up ticket.
pub fn letter(desk: &Desk, event: MailEvent) -> Result<Letter, Fault> {
    let library = desk.engine.library();
    let first = |what: &str| Fault::Failed(format!("there is no {what} yet: add one, or name a --ticket"));
    let site = library.site_file.sites.values().next().ok_or_else(|| first("site"))?;
    let playbook = library.playbooks.values().next().ok_or_else(|| first("playbook"))?;
    let now = clock::now();
    let events = Story::about(event, site, playbook, now);
    let ticket = Ticket::fold(&events).map_err(|error| Fault::Failed(error.to_string()))?;
    let tickets = BTreeMap::new();
    let context = Context {
        playbook,
        site,
        now,
        next_run: RunId(100),
        has_mail: true,
        postmaster: None,
        absence: Absence::default(),
        since: Timestamp::MIN,
        tickets: &tickets,
    };
    let (standing, runs) = (stand(&ticket, &context), ledger(&ticket, &context));
    let (ticket, runs, events, standing) = (&ticket, &runs[..], &events[..], &standing);
    let material = Material { ticket, runs, past: &[], events, playbook, site, standing, at: now };
    let next = events.last().map_or(1, |last| last.seq + 1);
    let mail = drafted(ticket, &context, event, next);
    let letter = desk.templates()?.letter(&material, &mail, sender(desk));
    letter.map_err(|problem| Fault::Failed(problem.to_string()))
}

/// Events, one after the other.
struct Story<'a> {
    site: &'a Site,
    now: Timestamp,
    events: Vec<Recorded>,
}

impl Story<'_> {
    fn about(event: MailEvent, site: &Site, playbook: &Playbook, now: Timestamp) -> Vec<Recorded> {
        let mut story = Story { site, now, events: Vec::new() };
        story.open(playbook);
        match event {
            MailEvent::Opened | MailEvent::Folded | MailEvent::Digest | MailEvent::Test => {}
            MailEvent::Located | MailEvent::Reminder => story.locate(),
            MailEvent::Overdue => {
                story.locate();
                story.happen(Event::Overdue { due: story.at(SignedDuration::from_hours(1)), step: 0 });
            }
            MailEvent::Undeliverable => story.refuse(),
            MailEvent::Relapsed => {
                story.clean();
                story.happen(Event::Relapsed { because: "a sample".to_owned() });
                story.blame();
                story.change(Phase::Verifying, Phase::Located);
            }
            MailEvent::Inconclusive => story.doubt(),
            MailEvent::Clean => story.confirm(),
            MailEvent::Listed => story.list_again(),
            MailEvent::Closed => {
                story.confirm();
                story.watch(1, 1, Verdict::Pass, Vec::new());
                story.change(Phase::Clean, Phase::Closed);
            }
        }
        story.events
    }

    /// So long before now.
    fn at(&self, before: SignedDuration) -> Timestamp {
        self.now.checked_sub(before).unwrap_or(self.now)
    }

    fn host(&self) -> IpAddr {
        let network = self.site.inside.first();
        network.and_then(|network| network.hosts().nth(92)).unwrap_or(IpAddr::from([10, 0, 0, 93]))
    }

    fn happen(&mut self, event: Event) {
        let seq = self.events.len() as u64 + 1;
        let (at, by) = (self.at(SignedDuration::from_hours(2)), "sample".to_owned());
        self.events.push(Recorded { seq, at, ticket: TicketId(1), by, event, hash: String::new() });
    }

    fn change(&mut self, from: Phase, to: Phase) {
        self.happen(Event::PhaseChanged { from, to, because: "a sample".to_owned() });
    }

    fn open(&mut self, playbook: &Playbook) {
        let public = self.site.public.first().map_or(IpAddr::from([192, 0, 2, 17]), |network| network.addr());
        let (site, name) = (self.site.name.clone(), playbook.name.clone());
        self.happen(Event::Opened { reference: Some("MARS-1234".to_owned()), site, playbook: name, public });
        let report = Report {
            malware: playbook.malware.first().map(|name| capitalised(name)),
            seen: self.at(SignedDuration::from_hours(20)),
            clock_error_s: 1,
            public: Some(public),
            remote: Some(SINKHOLE),
            port: Some(80),
            source_port: Some(1701),
            protocol: None,
            origin: "sample".to_owned(),
        };
        self.happen(Event::ReportAdded { report });
    }

    fn blame(&mut self) {
        let (host, name) = (self.host(), Some("LAB-7".to_owned()));
        self.happen(Event::HostBlamed { host, mac: None, name, blame: Blame::Seen });
    }

    fn locate(&mut self) {
        self.happen(Event::mail(MailEvent::Opened, vec![self.site.coordinator.clone()]));
        self.blame();
        self.change(Phase::Reported, Phase::Located);
    }

    fn refuse(&mut self) {
        self.locate();
        let to = self.site.coordinator.clone();
        self.happen(Event::mail(MailEvent::Located, vec![to.clone()]));
        let (mail, error) =
            (self.events.len() as u64, "the server answered 550 5.1.1 no such user".to_owned());
        let not_before = self.now;
        self.happen(Event::MailFailed { mail, to, error, not_before, is_refused: true, is_given_up: false });
    }

    fn clean(&mut self) {
        self.locate();
        let (host, cleaned) = (self.host(), self.at(SignedDuration::from_hours(2)));
        self.happen(Event::HostCleaned { host, cleaned });
        self.change(Phase::Located, Phase::Verifying);
    }

    fn doubt(&mut self) {
        self.clean();
        for night in 1..=3 {
            let text = format!("{} said nothing: switch it on at night", self.host());
            let reasons = vec![Reason { code: ReasonCode::HostAbsent, text }];
            self.watch(night, 24 * (4 - night as i64), Verdict::Inconclusive, reasons);
        }
    }

    /// A run of eight hours, or until now, that began so many hours ago.
    fn watch(&mut self, run: u64, hours: i64, verdict: Verdict, reasons: Vec<Reason>) {
        let window_start = self.at(SignedDuration::from_hours(hours));
        let window_end = self.at(SignedDuration::from_hours((hours - 8).max(0)));
        let (run, occurrence, stage) = (RunId(run), Some(window_start), StageName::Verify);
        let is_late = false;
        self.happen(Event::RunStarted(RunStart {
            run,
            stage,
            occurrence,
            window_start,
            window_end,
            is_late,
        }));
        let verdict = Some(verdict);
        let end = RunEnd { verdict, reasons, ..RunEnd::empty(run, Outcome::Ran) };
        self.happen(Event::RunEnded(Box::new(end)));
    }

    fn confirm(&mut self) {
        self.clean();
        self.change(Phase::Verifying, Phase::Clean);
    }

    fn list_again(&mut self) {
        self.confirm();
        let at = self.at(SignedDuration::from_hours(1));
        let answer = |answer| ListingAnswer {
            is_read_by_person: true,
            ..ListingAnswer::unasked(answer, at, "", RunId(1))
        };
        self.happen(Event::ListingAnswered(answer(Listing::NotListed)));
        self.happen(Event::ListingAnswered(answer(Listing::Listed)));
        self.happen(Event::Relapsed { because: "the address is listed again".to_owned() });
        self.change(Phase::Clean, Phase::Reported);
    }
}
