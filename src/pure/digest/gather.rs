//! Which digests go out, to whom, and what stands in them? Every ticket is looked at once for all, and once
//! for its coordinator.

use super::changes::{Change, changed};
use super::head::{self, Counts};
use super::needs::{Need, Work, need_row, needs};
use super::troubles::{Troubles, undelivered};
use super::{Digests, Due};
use crate::pure::detection::Detection;
use crate::pure::playbook::{Library, Playbook, StageName};
use crate::pure::schedule;
use crate::pure::site::{self, Site};
use crate::pure::ticket::outbox::address;
use crate::pure::ticket::{
    Absence, Context, DetectionId, Digest, Mail, Phase, Row, RunId, Section, Ticket, TicketId, due_date,
};
use crate::pure::words::{self, local_time};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

/// Lines of one part of a digest: what fits into a mail that somebody reads in the morning.
pub(super) const ROWS_MAX: usize = 25;

/// Planned times that are told.
const NEXT_MAX: usize = 10;

/// Everything that digests are made of.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    pub library: &'a Library,
    pub settings: &'a site::DigestSettings,
    pub digests: &'a Digests,
    pub tickets: &'a BTreeMap<TicketId, Ticket>,
    pub detections: &'a BTreeMap<DetectionId, Detection>,
    /// The mails of no ticket.
    pub rounds: &'a [Mail],
    pub now: Timestamp,
}

/// A ticket with the files that say how it is worked; neither is there when somebody took it away.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub ticket: &'a Ticket,
    pub files: Option<(&'a Playbook, &'a Site)>,
    /// Whether its site is closed now, or the ticket on hold.
    pub is_waiting: bool,
}

impl Case<'_> {
    /// The title of its site; its name where that is gone.
    pub(super) fn site_title(&self) -> String {
        words::title(self.files.map_or(self.ticket.site.as_str(), |(_, site)| site.title.as_str()))
    }
}

/// What one digest is about.
pub(super) struct Subject<'a> {
    pub desk: &'a Desk<'a>,
    pub due: Due,
    /// The coordinator's address; `None` when it is of all sites.
    pub coordinator: Option<&'a str>,
    pub zone: &'a TimeZone,
    pub zone_name: &'a str,
    /// The titles of its sites, where it is not of all.
    pub whose: String,
    /// The command that lists its tickets.
    pub list: String,
    pub cases: Vec<Case<'a>>,
}

/// The digests that go out, each with those who get it.
pub fn gather(desk: &Desk<'_>, due: Due) -> Vec<(Vec<String>, Digest)> {
    let mut closed: BTreeMap<&str, bool> = BTreeMap::new();
    for site in desk.library.site_file.sites.values() {
        closed.insert(&site.name, schedule::is_closed(&site.closed, &site.timezone, desk.now));
    }
    let is_told = |ticket: &&Ticket| ticket.phase.is_open() || ticket.phase_since > due.since;
    let cases = desk.tickets.values().filter(is_told).map(|ticket| {
        let playbook = desk.library.playbooks.get(&ticket.playbook);
        let site = desk.library.site_file.sites.get(&ticket.site);
        let is_closed = closed.get(ticket.site.as_str()).copied().unwrap_or(false);
        Case { ticket, files: playbook.zip(site), is_waiting: is_closed || ticket.hold.is_some() }
    });
    let cases: Vec<Case<'_>> = cases.collect();
    let mut digests: Vec<(Vec<String>, Digest)> = Vec::new();
    if !desk.settings.to.is_empty() {
        let digest = of_all(desk, due, &cases).write();
        digests.extend(digest.map(|digest| (desk.settings.to.clone(), digest)));
    }
    if desk.settings.has_coordinators {
        let told: BTreeSet<String> = desk.settings.to.iter().map(|to| address(to)).collect();
        let mut own: BTreeMap<String, Vec<Case<'_>>> = BTreeMap::new();
        for case in &cases {
            if let Some((_, site)) = case.files {
                own.entry(address(&site.coordinator)).or_default().push(*case);
            }
        }
        for (coordinator, cases) in own.iter().filter(|(coordinator, _)| !told.contains(*coordinator)) {
            let Some((mailbox, subject)) = of_coordinator(desk, due, coordinator, cases) else { continue };
            digests.extend(subject.write().map(|digest| (vec![mailbox], digest)));
        }
    }
    digests
}

fn of_all<'a>(desk: &'a Desk<'a>, due: Due, cases: &[Case<'a>]) -> Subject<'a> {
    Subject {
        desk,
        due,
        coordinator: None,
        zone: &desk.settings.timezone,
        zone_name: &desk.settings.timezone_name,
        whose: "all sites".to_owned(),
        list: "`allclear ticket list`".to_owned(),
        cases: cases.to_vec(),
    }
}

/// With the mailbox that it goes to. A coordinator of several sites gets one, in the zone of the first.
fn of_coordinator<'a>(
    desk: &'a Desk<'a>,
    due: Due,
    coordinator: &'a str,
    cases: &[Case<'a>],
) -> Option<(String, Subject<'a>)> {
    let all = desk.library.site_file.sites.values();
    let mut sites: Vec<&Site> = all.filter(|site| address(&site.coordinator) == coordinator).collect();
    sites.retain(|site| cases.iter().any(|case| case.ticket.site == site.name));
    let (first, more) = sites.split_first()?;
    let whose = match more.len() {
        0 => words::title(&first.title),
        more => format!("{} and {}", words::title(&first.title), words::count(more as u64, "more site")),
    };
    let subject = Subject {
        desk,
        due,
        coordinator: Some(coordinator),
        zone: &first.timezone,
        zone_name: &first.timezone_name,
        whose,
        list: format!("`allclear ticket list --site {}`", first.name),
        cases: cases.to_vec(),
    };
    Some((first.coordinator.clone(), subject))
}

impl<'a> Subject<'a> {
    /// The digest; `None` when nothing is new in it and it is left out.
    fn write(&self) -> Option<Digest> {
        let coordinator = self.coordinator.unwrap_or_default();
        let (changes, is_changed) = changed(self);
        let troubles = Troubles::of(self);
        let is_newly_overdue = self.is_newly_overdue();
        let needs = needs(self);
        let (lost, is_newly_lost) = undelivered(self);
        let is_new = is_changed || troubles.is_news() || is_newly_overdue || is_newly_lost;
        let is_sign_of_life = self.desk.digests.is_sign_of_life(coordinator, self.desk.now);
        if self.desk.settings.is_skipped_unchanged && !is_new && !is_sign_of_life {
            return None;
        }
        let counts = Counts {
            changed: changes.len() as u64,
            unverified: troubles.tickets.len() as u64,
            unwatched: troubles.detections.len() as u64,
            missed: troubles.missed,
            undelivered: lost.len() as u64,
            is_school_free: self.coordinator.is_some() && !troubles.is_for_school(),
            ..Counts::of(self, &needs)
        };
        let lines = head::lines(self, &counts, &needs, &troubles);
        let sections = self.needed(&needs, changes).into_iter().chain([
            self.section("Could not be verified", ROWS_MAX, &troubles.rows(), Row::clone),
            self.section("Mail that could not be delivered", ROWS_MAX, &lost, Row::clone),
            self.section("Open tickets", ROWS_MAX, &head::phases(self), Row::clone),
            self.section("Next", NEXT_MAX, &self.next(), Row::clone),
        ]);
        Some(Digest {
            coordinator: coordinator.to_owned(),
            title: lines.subject.clone(),
            subject: lines.subject,
            first: lines.first,
            second: lines.second,
            rest: lines.rest,
            sections: sections.filter(|section| !section.rows.is_empty()).collect(),
            whose: self.whose.clone(),
            since: self.time(self.due.since),
            as_of: self.time(self.desk.now),
            zone: self.zone_name.to_owned(),
            late: if self.due.is_late { self.time(self.due.occurrence) } else { String::new() },
        })
    }

    /// What needs somebody, each kind cut by itself, and then what changed about the other tickets: none is told
    /// twice.
    fn needed(&self, needs: &[Need<'_, '_>], changes: Vec<Change<'_, '_>>) -> Vec<Section> {
        let needed: BTreeSet<TicketId> = needs.iter().map(|need| need.case.ticket.id).collect();
        let (told, others): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|change| needed.contains(&change.case.ticket.id));
        let news: BTreeMap<TicketId, String> =
            told.into_iter().map(|change| (change.case.ticket.id, change.text)).collect();
        let of_work = Work::ALL.map(|(work, title)| {
            let meant: Vec<&Need<'_, '_>> = needs.iter().filter(|need| need.work == work).collect();
            self.section(title, ROWS_MAX, &meant, |need| need_row(self, need, &news))
        });
        let title = format!("Changed since {}", self.time(self.due.since));
        let row = |change: &Change<'_, '_>| self.row(change.case, change.text.clone());
        of_work.into_iter().chain([self.section(&title, ROWS_MAX, &others, row)]).collect()
    }

    pub(super) fn time(&self, at: Timestamp) -> String {
        local_time(at, self.zone)
    }

    /// Whether something happened after the last digest.
    pub(super) fn is_new(&self, at: Timestamp) -> bool {
        at > self.due.since
    }

    /// The `detect` stages of its sites.
    pub(super) fn detections(&self) -> impl Iterator<Item = &'a Detection> {
        let is_own = |detection: &&Detection| {
            let site = self.desk.library.site_file.sites.get(&detection.id.site);
            self.coordinator.is_none_or(|own| site.is_some_and(|site| address(&site.coordinator) == own))
        };
        self.desk.detections.values().filter(is_own)
    }

    /// The open ones among its tickets.
    pub(super) fn open(&self) -> impl Iterator<Item = &Case<'a>> {
        self.cases.iter().filter(|case| case.ticket.phase.is_open())
    }

    pub(super) fn row(&self, case: &Case<'_>, text: String) -> Row {
        let head = format!("#{} {}", case.ticket.id, crate::pure::report::machine_label(case.ticket));
        Row { head, text: format!("{}: {text}", case.site_title()) }
    }

    /// The machines of the first of these tickets, and its site.
    pub(super) fn named(&self, tickets: &BTreeSet<TicketId>) -> String {
        let case = self.cases.iter().find(|case| tickets.contains(&case.ticket.id));
        let machines = |case: &Case<'_>| words::capitalised(&crate::pure::report::machine_label(case.ticket));
        case.map_or_else(String::new, |case| format!("{} at {}", machines(case), case.site_title()))
    }

    /// So many rows, and how many are left out.
    fn section<T>(&self, title: &str, rows_max: usize, all: &[T], row: impl Fn(&T) -> Row) -> Section {
        let more = match all.len().saturating_sub(rows_max) {
            0 => String::new(),
            left_out => format!("and {left_out} more: {}", self.list),
        };
        Section { title: title.to_owned(), rows: all.iter().take(rows_max).map(row).collect(), more }
    }

    /// Whether something became overdue since the last one.
    fn is_newly_overdue(&self) -> bool {
        let is_late = |case: &&Case<'_>| case.ticket.told.overdue.is_some() && !case.is_waiting;
        let mut late = self.open().filter(is_late);
        late.any(|case| self.due_date(case).is_some_and(|due| self.is_new(due)))
    }

    /// When the work of its phase is, or was, due.
    pub(super) fn due_date(&self, case: &Case<'a>) -> Option<Timestamp> {
        due_date(case.ticket, &self.context(case)?)
    }

    fn context(&self, case: &Case<'a>) -> Option<Context<'a>> {
        let (playbook, site) = case.files?;
        Some(Context {
            playbook,
            site,
            now: self.desk.now,
            next_run: RunId(0),
            has_mail: true,
            postmaster: None,
            absence: Absence::Down,
            since: Timestamp::MIN,
            tickets: self.desk.tickets,
        })
    }

    /// When the next run of one of these tickets is planned; `None` where none is, as on hold or in a break.
    pub(super) fn next_run(&self, tickets: &BTreeSet<TicketId>) -> Option<Timestamp> {
        let planned = self.planned(|case| tickets.contains(&case.ticket.id) && !case.is_waiting);
        planned.into_iter().filter(|planned| !planned.is_closed).map(|planned| planned.at).min()
    }

    /// The next planned times, and for how many tickets each.
    fn next(&self) -> Vec<Row> {
        let planned = self.planned(|case| case.ticket.hold.is_none());
        let mut rows: Vec<(Timestamp, String)> =
            planned.into_iter().map(|planned| (planned.at, planned.words())).collect();
        rows.sort();
        rows.into_iter().map(|(at, text)| Row { head: self.time(at), text }).collect()
    }

    /// What is planned next for these tickets: asked once for all that share a stage at a site.
    fn planned(&self, is_meant: impl Fn(&Case<'a>) -> bool) -> Vec<Planned<'a>> {
        let mut shared: BTreeMap<Shared<'_>, (&Playbook, &Site, u64)> = BTreeMap::new();
        for case in self.open().filter(|case| is_meant(case)) {
            let (Some((playbook, site)), Some(stage)) = (case.files, case.ticket.phase.stage()) else {
                continue;
            };
            let is_weekly = case.ticket.phase == Phase::Clean;
            let run = Shared { site: &site.name, playbook: &playbook.name, stage, is_weekly };
            shared.entry(run).or_insert((playbook, site, 0)).2 += 1;
        }
        let planned = shared.into_iter().filter_map(|(run, (playbook, site, tickets))| {
            let Shared { stage, is_weekly, .. } = run;
            let schedule = &playbook.stage(stage)?.schedule;
            let at = match is_weekly {
                true => schedule::weekly(schedule, &site.timezone, self.desk.now).next(),
                false => schedule.next_after(self.desk.now, &site.timezone),
            }?;
            let is_closed = schedule::is_closed(&site.closed, &site.timezone, at);
            Some(Planned { at, stage, playbook, site, tickets, is_closed })
        });
        planned.collect()
    }
}

/// What tickets have in common whose next runs are at one time.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Shared<'a> {
    site: &'a str,
    playbook: &'a str,
    stage: StageName,
    /// A clean ticket is looked at once a week.
    is_weekly: bool,
}

/// The next run of a stage at a site.
struct Planned<'a> {
    at: Timestamp,
    stage: StageName,
    playbook: &'a Playbook,
    site: &'a Site,
    tickets: u64,
    /// Whether it falls into a break.
    is_closed: bool,
}

impl Planned<'_> {
    fn words(&self) -> String {
        let Planned { at: _, stage, playbook, site, tickets, is_closed } = self;
        let end = if *is_closed { "; the site is closed then, so that it is left out" } else { "" };
        let (name, title) = (words::name(&playbook.name), words::title(&site.title));
        format!("{stage} of {name} at {title}: {}{end}", words::count(*tickets, "ticket"))
    }
}
