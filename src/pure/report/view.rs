//! What do the templates know of a ticket? One flat object of display strings.

use super::corrections;
use super::decided;
use super::doubt::{self, DoubtView};
use super::folded::FoldedRow;
use super::lack::{self, LackView};
use super::machines::{self, machine_label};
use super::parts::{self, CheckView, CleanView, EvidenceView, HostView, NightView, ReportView};
use super::pictures::{self, DrawingView, PicturesView};
use super::timeline::{EventView, newest};
use super::unsent::{self, UnreachedView};
use super::watch;
use crate::pure::picture::{NIGHTS_MAX, Picture};
use crate::pure::playbook::{MailEvent, Playbook, StageName};
use crate::pure::site::Site;
use crate::pure::ticket::{Listing, PastTicket, Phase, Recorded, Run, Standing, Ticket};
use crate::pure::verdict::Verdict;
use crate::pure::words::{self, clean_value, count, local_time, local_window};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// Runs listed one by one in a report: a school year of nights, and some.
const RUNS_MAX: usize = 400;

/// Events listed in a report; `events.jsonl` of the bundle holds all.
const EVENTS_MAX: usize = 1_000;

/// Runs listed one by one in a mail.
const RECENT_NIGHTS_MAX: usize = 7;

/// Everything a page or mail is made of.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    pub ticket: &'a Ticket,
    /// Every run and occurrence, as `ticket::ledger` has them.
    pub runs: &'a [Run],
    /// What other tickets say of each host, in the order of its hosts; empty where nobody has looked.
    pub past: &'a [Vec<PastTicket>],
    /// Its events, in order.
    pub events: &'a [Recorded],
    pub playbook: &'a Playbook,
    pub site: &'a Site,
    pub standing: &'a Standing,
    /// The instant that "now" means: the event of a mail, the asking for a page.
    pub at: Timestamp,
}

/// What templates may use. Sentences are whole, times are in the site's zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TicketView {
    /// The title of its page.
    pub title: String,
    /// The ticket's number.
    pub id: String,
    /// The outside number, or nothing.
    pub reference: String,
    pub has_reference: bool,
    /// The site's title.
    pub site: String,
    /// The public address.
    pub public: String,
    pub playbook: String,
    /// `Conficker`.
    pub malware: String,
    /// What the machines call: `a Conficker sinkhole`, or, where no report names one, `an address on the
    /// watchlists of Conficker`.
    pub called: String,
    /// The machines that have to be worked on, `10.16.24.93 (LAB-7) and 1 more`; while none is known,
    /// `a machine behind 192.0.2.17`.
    pub machines: String,
    /// Those of them that stand as the first does: seen calling, or only named.
    pub lead: String,
    /// The lead in a few words: `10.16.24.93 (LAB-7) still calls a Conficker sinkhole`; `calls`, where nobody was told
    /// before that something does.
    pub headline: String,
    /// How all of them stand, without a full stop: what a run saw, and what a person named.
    pub plight: String,
    /// Whether it is known which machines; false while a report has no machine yet.
    pub is_found: bool,
    /// Whether a run saw the traffic of the lead; false when people named it.
    pub is_seen: bool,
    /// Whether one of them was cleaned before.
    pub was_cleaned: bool,
    /// Whether each of them called after its cleaning, and since when the first did.
    pub is_back: bool,
    pub back_since: String,
    /// `calls`, or `call` when there are several machines; likewise the next: `is`, `was`,
    /// `it` (`them`), `it` (`they`), `the machine`.
    pub calls: String,
    pub is_are: String,
    pub was_were: String,
    pub it_them: String,
    pub it_they: String,
    pub the_machine: String,
    pub has_hosts: bool,
    /// `by Mon 2015-05-04 14:00 CDT`, or `as soon as you can`.
    pub by_when: String,
    pub phase: String,
    /// Whether it waits (school break).
    pub is_on_hold: bool,
    pub hold: String,
    /// What its readers were told in an earlier mail, and is so no longer; a sentence each.
    pub corrections: Vec<String>,
    /// Whether somebody answers for the infection.
    pub has_risk: bool,
    /// `by A. Boss until Mon 2015-06-01 00:00 CDT: no money`.
    pub risk: String,
    /// Whether it was taken up again after its end.
    pub is_reopened: bool,
    /// Why.
    pub reopened: String,
    pub is_overdue: bool,
    /// How long it has been overdue: `2 d 3 h`.
    pub overdue_for: String,
    /// Whether more people are told than at first.
    pub is_escalated: bool,
    /// Whether nothing but signatures is missing.
    pub is_unsigned_alone: bool,
    /// Whether its machines were silent for long enough, so that no night of watching is missing; and then what is.
    pub is_silent_enough: bool,
    pub lack: LackView,
    /// The tech coordinator's name, or address.
    pub coordinator: String,
    /// `4 of 5 planned runs passed`: of the watch after `clean`.
    pub watch: String,
    /// Whether at least one run of that watch passed, and whether all did.
    pub is_watch_kept: bool,
    pub is_watch_whole: bool,
    /// Whether no more runs of it passed than proved nothing.
    pub is_watch_mostly_blind: bool,
    /// `1 of 9 runs`: those of it that could have seen something.
    pub watch_able: String,
    /// `8 of 9 runs`: those of it that proved nothing.
    pub watch_blind: String,
    /// `8 proved nothing`.
    pub watch_unproved: String,
    /// When that watch ends.
    pub watch_end: String,
    /// Whether it is confirmed clean, and watched on.
    pub is_confirmed: bool,
    /// Until when the last `verify` run watched that passed.
    pub last_pass: String,
    pub has_relapses: bool,
    /// Whether a machine is looked for: the ticket is in `reported`.
    pub is_sought: bool,
    /// Whether it is listed since a time after the last report: so it is the listing that tells. Then with that
    /// time, and what was answered or read.
    pub is_listed: bool,
    pub listed_since: String,
    pub listed_because: String,
    /// `1 relapse`.
    pub relapses: String,
    pub opened: String,
    /// The instant of which all this is true.
    pub as_of: String,
    /// The IANA name of the site's zone.
    pub zone: String,
    /// `by Tue 2015-05-05 03:30 CDT`, or `before the next night`: until when causes must be removed.
    pub before_next: String,
    /// `Tue 2015-05-05 03:30 to 09:30 CDT`, when the machine must be switched on.
    pub next_window: String,
    pub has_next_window: bool,
    pub hosts: Vec<HostView>,
    /// Whether another ticket knows one of them.
    pub has_past: bool,
    /// The newest that is known of it, in a sentence.
    pub past: String,
    pub reports: Vec<ReportView>,
    /// The last `verify` runs, for a strip; oldest first.
    pub strip: Vec<NightView>,
    /// The same as one line of signs.
    pub strip_signs: String,
    pub has_strip: bool,
    /// What the signs of all strips mean: `+ pass, ? inconclusive`.
    pub legend: String,
    /// For each host with nights, what is drawn of it.
    pub pictures: Vec<PicturesView>,
    pub has_pictures: bool,
    /// How many hosts have nights and no pictures, in words; empty when none.
    pub unpictured: String,
    pub has_unpictured: bool,
    /// The drawings themselves, which reach pages and mails by other ways than texts.
    #[serde(skip)]
    pub drawings: Vec<Picture>,
    /// The newest of them, for a list.
    pub recent: Vec<NightView>,
    /// Every run worth a line in a report: all `verify` runs, and what `locate` runs found.
    pub runs: Vec<NightView>,
    pub has_runs: bool,
    /// Why the newest nights prove nothing.
    pub doubt: DoubtView,
    /// How many runs are not listed one by one, in words; empty when none.
    pub unlisted_runs: String,
    pub clean: CleanView,
    pub checklist: Vec<CheckView>,
    pub has_checklist: bool,
    /// Whom the last mail that failed for good did not reach.
    pub unreached: UnreachedView,
    pub timeline: Vec<EventView>,
    /// How many earlier events are not listed, in words; empty when none.
    pub unlisted_events: String,
    pub evidence: Vec<EvidenceView>,
    pub has_evidence: bool,
    /// Earlier mails that waited, and are told in this one.
    pub folded: Vec<FoldedRow>,
    pub has_folded: bool,
    /// When the first of them was decided upon.
    pub folded_since: String,
}

impl TicketView {
    /// Lists that are long, and that the shipped mails leave to reports.
    pub const LONG_LISTS: [&str; 3] = ["runs", "timeline", "evidence"];

    /// Everything about one ticket.
    pub fn of(material: &Material) -> TicketView {
        TicketView::about(None, material)
    }

    /// The same in a mail about that event, which may put one machine before the others.
    pub fn about(event: Option<MailEvent>, material: &Material) -> TicketView {
        let mut view = facts(material);
        machines::add(&mut view, material, event);
        add_runs(&mut view, material);
        pictures::add(&mut view, material);
        add_lists(&mut view, material);
        watch::add(&mut view, material);
        view
    }

    /// The same in a mail that tells earlier ones, oldest first.
    pub fn telling(self, folded: Vec<FoldedRow>) -> TicketView {
        let folded_since = folded.first().map(|first| first.when.clone()).unwrap_or_default();
        TicketView { has_folded: !folded.is_empty(), folded, folded_since, ..self }
    }

    /// The same for templates that ask for none of [`TicketView::LONG_LISTS`].
    pub fn without_long_lists(self) -> TicketView {
        TicketView { runs: Vec::new(), timeline: Vec::new(), evidence: Vec::new(), ..self }
    }

    /// The view as templates get it: every string without control signs and of bounded length.
    pub fn to_value(&self) -> Value {
        clean_value(serde_json::to_value(self).expect("a view is made of strings, booleans and lists"))
    }

    /// Two views for trying out templates: every list with one entry and every condition true, then
    /// every list empty and every condition false.
    pub fn samples() -> [Value; 2] {
        let full = TicketView {
            hosts: vec![HostView { history: vec![String::new()], ..HostView::default() }],
            reports: vec![ReportView::default()],
            strip: vec![NightView::default()],
            pictures: vec![PicturesView { drawings: vec![DrawingView::default()], ..Default::default() }],
            recent: vec![NightView { reasons: vec![String::new()], ..NightView::default() }],
            runs: vec![NightView { reasons: vec![String::new()], ..NightView::default() }],
            clean: CleanView { missing: vec![String::new()], ..CleanView::default() },
            checklist: vec![CheckView::default()],
            timeline: vec![EventView::default()],
            evidence: vec![EvidenceView::default()],
            corrections: vec![String::new()],
            folded: vec![FoldedRow::default()],
            ..TicketView::default()
        };
        [all_true(full.to_value()), TicketView::default().to_value()]
    }
}

/// A sample in which every condition is true.
pub fn all_true(value: Value) -> Value {
    match value {
        Value::Bool(_) => Value::Bool(true),
        Value::Array(items) => Value::Array(items.into_iter().map(all_true).collect()),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, all_true(value))).collect(),
        other => other,
    }
}

/// The single facts.
fn facts(material: &Material) -> TicketView {
    let Material { ticket, playbook, site, standing, at, .. } = material;
    let zone = &site.timezone;
    TicketView {
        title: format!("Ticket {}: {}", ticket.id, machine_label(ticket)),
        id: ticket.id.to_string(),
        reference: words::name(ticket.reference.as_deref().unwrap_or("")),
        has_reference: ticket.reference.is_some(),
        site: words::title(&site.title),
        public: ticket.public.to_string(),
        playbook: words::title(&playbook.title),
        has_hosts: !ticket.hosts.is_empty(),
        by_when: by_when(material),
        phase: words::phase(ticket.phase).to_string(),
        is_on_hold: standing.is_on_hold,
        hold: decided::hold(material),
        has_risk: ticket.risk.is_some(),
        risk: decided::risk(material),
        is_reopened: decided::reopening(material.events).is_some(),
        reopened: decided::reopening(material.events).unwrap_or_default().to_string(),
        is_overdue: standing.is_overdue,
        overdue_for: duration_between(standing.due, *at),
        is_escalated: ticket.told.overdue.is_some_and(|step| step > 0),
        is_unsigned_alone: standing.is_unsigned_alone,
        is_silent_enough: standing.is_silent_enough,
        lack: lack::lack(material),
        coordinator: words::person(&site.coordinator),
        has_relapses: ticket.relapses > 0,
        is_sought: ticket.phase == Phase::Reported,
        is_listed: listed_since(ticket).is_some(),
        listed_since: listed_since(ticket).map_or_else(String::new, |at| local_time(at, zone)),
        listed_because: ticket.listing.as_ref().map_or_else(String::new, |last| last.raw.clone()),
        relapses: count(u64::from(ticket.relapses), "relapse"),
        opened: local_time(ticket.opened, zone),
        as_of: local_time(*at, zone),
        zone: site.timezone_name.clone(),
        before_next: standing.next_window.map_or("before the next night".to_string(), |(from, _)| {
            format!("by {}", local_time(from, zone))
        }),
        next_window: standing.next_window.map_or_else(String::new, |(from, to)| local_window(from, to, zone)),
        has_next_window: standing.next_window.is_some(),
        ..TicketView::default()
    }
}

fn duration_between(from: Option<Timestamp>, to: Timestamp) -> String {
    let seconds = from.map_or(0, |from| to.duration_since(from).as_secs());
    words::duration(u64::try_from(seconds).unwrap_or(0))
}

/// Since when it is listed, if that is news to whoever knows the reports.
fn listed_since(ticket: &Ticket) -> Option<Timestamp> {
    ticket.listing.as_ref().filter(|last| last.answer == Listing::Listed)?;
    let newly = ticket.newly_listed.map(|newly| newly.at)?;
    ticket.last_seen().is_none_or(|seen| newly > seen).then_some(newly)
}

fn by_when(material: &Material) -> String {
    match material.standing.due {
        Some(due) if material.standing.is_overdue => {
            format!("now (it was due {})", local_time(due, &material.site.timezone))
        }
        Some(due) => format!("by {}", local_time(due, &material.site.timezone)),
        None => "as soon as you can".to_string(),
    }
}

fn add_runs(view: &mut TicketView, material: &Material) {
    let zone = &material.site.timezone;
    let is_verify = |run: &Run| run.stage == StageName::Verify;
    let listed: Vec<&Run> =
        material.runs.iter().filter(|run| is_verify(run) || parts::is_telling(run)).collect();
    let mut told: Vec<NightView> = listed.iter().map(|run| parts::night(run, zone)).collect();
    let of_verify = listed.iter().zip(&told).filter(|(run, _)| is_verify(run));
    let nights: Vec<&NightView> = of_verify.map(|(_, night)| night).collect();
    let newest = nights.len().saturating_sub(NIGHTS_MAX);
    view.strip = nights[newest..].iter().copied().cloned().collect();
    view.strip_signs = view.strip.iter().map(|night| night.mark.as_str()).collect::<Vec<_>>().join(" ");
    view.has_strip = !view.strip.is_empty();
    view.recent = nights.iter().rev().take(RECENT_NIGHTS_MAX).copied().cloned().collect();
    parts::tell_once(&mut view.recent);
    view.runs = told.split_off(told.len().saturating_sub(RUNS_MAX));
    view.has_runs = !view.runs.is_empty();
    view.doubt = doubt::doubt(material);
    view.unlisted_runs = not_listed(material.runs.len() - view.runs.len(), "run");
}

fn add_lists(view: &mut TicketView, material: &Material) {
    let (ticket, zone) = (material.ticket, &material.site.timezone);
    view.hosts = ticket.hosts.iter().enumerate().map(|(at, host)| parts::host(at, host, material)).collect();
    let known = view.hosts.iter().find_map(|host| Some((&host.label, host.history.last()?)));
    let past = known.map(|(label, last)| format!("{label} is known: {last}."));
    view.has_past = past.is_some();
    view.past = past.unwrap_or_default();
    view.reports = ticket.reports.iter().map(|report| parts::report(report, ticket, zone)).collect();
    view.clean = parts::clean(material);
    view.corrections = corrections::corrections(material);
    view.checklist = parts::checklist(material);
    view.has_checklist = !view.checklist.is_empty();
    view.evidence = ticket.runs.iter().flat_map(parts::evidence).collect();
    view.has_evidence = !view.evidence.is_empty();
    view.unreached = unsent::unreached(material, view);
    view.is_confirmed = ticket.phase == Phase::Clean;
    let has_passed = |run: &&Run| run.end.as_ref().is_some_and(|end| end.verdict == Some(Verdict::Pass));
    let mut verified = material.runs.iter().rev().filter(|run| run.stage == StageName::Verify);
    let last = verified.find(has_passed).map(|run| run.window_end).or(ticket.confirmed);
    view.last_pass = last.map_or_else(String::new, |at| local_time(at, zone));
    let (events, hidden) = newest(material.events, ticket, zone, EVENTS_MAX);
    view.timeline = events;
    view.unlisted_events = not_listed(hidden, "event");
}

fn not_listed(number: usize, noun: &str) -> String {
    if number == 0 { String::new() } else { format!("{} not listed here", count(number as u64, noun)) }
}
