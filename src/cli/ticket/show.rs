//! How does a person, or a program, look at tickets?

use super::{Format, looked};
use crate::cli::desk::Desk;
use crate::cli::print::{Reader, json_text, spelt_out};
use crate::cli::{Exit, Fault, print};
use crate::edge::bundle::{Bundle, BundleError, Documents};
use crate::edge::capture::vault;
use crate::edge::clock;
use crate::edge::store::Line;
use crate::edge::template::Form;
use crate::engine::EngineError;
use crate::pure::packet::Mac;
use crate::pure::problem::Problem;
use crate::pure::report::{Looked, Material, TicketJson, kind, report as report_json};
use crate::pure::ticket::{
    Context, Host, PastTicket, Recorded, Run, Standing, Ticket, TicketId, chain, ledger, stand, stand_now,
};
use crate::pure::words::{clean_text, count};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

/// Which tickets somebody wants to see.
pub struct Wanted<'a> {
    /// Closed ones too.
    pub is_all: bool,
    /// Those that blame this host, closed ones too.
    pub host: Option<&'a str>,
    pub site: Option<&'a str>,
}

/// A table of tickets, or their documents as a JSON list. One that cannot be worked (its playbook is gone) hides no
/// other: it is told, and fails the command.
pub fn list(desk: &Desk, wanted: &Wanted<'_>, reader: Reader) -> Result<Exit, Fault> {
    let Wanted { is_all, host, site } = *wanted;
    if let Some(site) = site.filter(|site| !desk.engine.library().site_file.sites.contains_key(*site)) {
        return Err(Fault::Usage(format!("there is no site '{site}': `allclear check` shows them")));
    }
    let is_wanted = |ticket: &&Ticket| match host {
        _ if site.is_some_and(|site| ticket.site != site) => false,
        Some(host) => ticket.hosts.iter().any(|blamed| is_called(blamed, host)),
        None => is_all || ticket.phase.is_open(),
    };
    let now = clock::now();
    let (mut tickets, mut faults) = (Vec::new(), Vec::new());
    for ticket in desk.engine.tickets().filter(is_wanted) {
        match desk.engine.context(ticket.id, now) {
            Ok(context) => tickets.push((ticket, Some(context))),
            Err(fault) => {
                faults.push(fault);
                tickets.push((ticket, None));
            }
        }
    }
    let printed = match reader {
        Reader::Program => {
            let whole = tickets.iter().filter(|(_, context)| context.is_some());
            let documents: Result<Vec<_>, Fault> = whole.map(|(ticket, _)| document(desk, ticket)).collect();
            print::out(&json_text(&json!({"schema": "allclear.tickets/1", "tickets": documents?})))
        }
        Reader::Person => print::out(&format!("{}\n", table(&tickets))),
    };
    faults
        .iter()
        .for_each(|fault| print::note(&format!("allclear: {}", print::harmless(&fault.to_string()))));
    Ok(if faults.is_empty() { printed } else { Exit::Failed })
}

fn table(tickets: &[(&Ticket, Option<Context<'_>>)]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["#", "ref", "site", "public", "phase", "since", "hosts", "flags"]);
    for (ticket, context) in tickets {
        table.add_row(row(ticket, context.as_ref()));
    }
    table
}

/// Whether that is the host's address, MAC address or name.
fn is_called(host: &Host, text: &str) -> bool {
    let text = text.trim();
    match (text.parse::<IpAddr>(), text.parse::<Mac>()) {
        (Ok(address), _) => host.host == address,
        (_, Ok(mac)) => host.mac == Some(mac),
        _ => host.name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(text)),
    }
}

/// What the log alone knows of one without playbook or site: its time is that of UTC.
fn row(ticket: &Ticket, context: Option<&Context<'_>>) -> Vec<String> {
    let standing = context.map(|context| stand_now(ticket, context));
    let is = |flag: fn(&Standing) -> bool| standing.as_ref().is_some_and(flag);
    let hosts: Vec<String> = ticket.hosts.iter().map(|host| host.host.to_string()).collect();
    let is_lost = ticket.outbox.iter().flat_map(|mail| &mail.troubles).any(|trouble| trouble.end.is_some());
    let flags = [
        (context.is_none(), "cannot be worked"),
        (is(|standing| standing.is_overdue), "overdue"),
        (is(|standing| standing.is_on_hold), "on hold"),
        (is_lost, "mail not delivered"),
    ];
    let flags: Vec<&str> = flags.into_iter().filter_map(|(is_set, word)| is_set.then_some(word)).collect();
    let zone = context.map_or(TimeZone::UTC, |context| context.site.timezone.clone());
    let since = ticket.phase_since.to_zoned_datetime(zone);
    vec![
        ticket.id.to_string(),
        clean_text(ticket.reference.as_deref().unwrap_or_default()),
        ticket.site.clone(),
        ticket.public.to_string(),
        ticket.phase.to_string(),
        since.strftime("%Y-%m-%d %H:%M").to_string(),
        hosts.join(" "),
        flags.join(" "),
    ]
}

/// One ticket, for people or as the document of the contract.
pub fn show(desk: &Desk, id: u32, reader: Reader) -> Result<Exit, Fault> {
    let ticket = desk.engine.ticket(TicketId(id))?;
    match reader {
        Reader::Program => Ok(print::out(&json_text(&document(desk, ticket)?))),
        Reader::Person => report(desk, id, Format::Text, None),
    }
}

/// The whole story of a ticket.
pub fn report(desk: &Desk, id: u32, format: Format, output: Option<&Path>) -> Result<Exit, Fault> {
    let ticket = desk.engine.ticket(TicketId(id))?;
    let looked = looked::look(desk.state(), ticket);
    let text = Reports::of(desk, ticket, clock::now(), &looked)?.text(format)?;
    let Some(path) = output else { return Ok(print::out(&text)) };
    std::fs::write(path, text).map_err(|error| Fault::unwritable(path, &error))?;
    Ok(Exit::Done)
}

/// A zip for somebody who distrusts us. What lacks or was changed is told, and fails the command although
/// the zip is written: somebody must know.
pub fn bundle(desk: &Desk, id: u32, path: &Path) -> Result<Exit, Fault> {
    let ticket = desk.engine.ticket(TicketId(id))?;
    let failed = |error: BundleError| Fault::Failed(error.to_string());
    let evidence: Vec<_> = looked::on_record(ticket).cloned().collect();
    let mut bundle = Bundle::begin(path, &format!("ticket-{id}")).map_err(failed)?;
    bundle.add_evidence(&evidence, |name| vault::open(desk.state(), name)).map_err(failed)?;
    let remarks: Vec<String> = bundle.remarks().map(str::to_owned).collect();
    let looked = Looked { has_looked: true, is_hashed: true, faults: bundle.faults() };
    let reports = Reports::of(desk, ticket, as_of(ticket), &looked)?;
    let lines = desk.engine.lines(ticket.id)?;
    let documents = Documents {
        report_html: &reports.text(Format::Html)?,
        report_text: &reports.text(Format::Text)?,
        report_json: &reports.text(Format::Json)?,
        ticket_json: &json_text(&reports.document()?),
        events: &events(&lines),
        last: lines.last().map(|line| &line.recorded),
    };
    bundle.finish(&documents).map_err(failed)?;
    remarks.iter().for_each(|remark| print::note(remark));
    let number = looked::on_record(ticket).map(|file| &file.path).collect::<BTreeSet<_>>().len();
    let printed =
        print::out(&format!("{} written, {}\n", path.display(), count(number as u64, "evidence file")));
    Ok(if remarks.is_empty() { printed } else { Exit::Failed })
}

/// Of when a bundle is: of a ticket that time alone does not change, of its last event, so that the same
/// ticket makes the same bytes whenever it is asked for.
fn as_of(ticket: &Ticket) -> Timestamp {
    if ticket.is_moved_by_time() { clock::now() } else { ticket.last_event }
}

/// Every event as stored, one JSON object a line, with all that its hash is made of.
fn events(lines: &[Line]) -> String {
    let line = |line: &Line| {
        let Line { recorded, previous, body } = line;
        let Recorded { seq, at, ticket, by, event, hash } = recorded;
        let (kind, at_ns) = (kind(event), at.as_nanosecond() as i64);
        let value = json!({"seq": seq, "at": at, "at_ns": at_ns, "ticket": ticket, "by": by, "kind": kind,
            "version": chain::EVENT_VERSION, "previous": previous, "body": body, "hash": hash});
        spelt_out(&format!("{value}\n"))
    };
    lines.iter().map(line).collect()
}

/// The document of one ticket, as in `ticket show --json`.
pub fn document(desk: &Desk, ticket: &Ticket) -> Result<Value, Fault> {
    Reports::of(desk, ticket, clock::now(), &Looked::default())?.document()
}

/// Lets `tell` make something of all that is known of the ticket.
pub fn with_material<T>(
    desk: &Desk,
    ticket: &Ticket,
    tell: impl FnOnce(&Material<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    tell(&Reports::of(desk, ticket, clock::now(), &Looked::default())?.material())
}

/// All that is known of a ticket at one instant, to be told in any form.
struct Reports<'a> {
    ticket: &'a Ticket,
    context: Context<'a>,
    standing: Standing,
    runs: Vec<Run>,
    past: Vec<Vec<PastTicket>>,
    events: Vec<Recorded>,
    looked: &'a Looked,
    desk: &'a Desk,
}

impl<'a> Reports<'a> {
    fn of(
        desk: &'a Desk,
        ticket: &'a Ticket,
        now: Timestamp,
        looked: &'a Looked,
    ) -> Result<Reports<'a>, EngineError> {
        let context = desk.engine.context(ticket.id, now)?;
        Ok(Reports {
            ticket,
            standing: stand(ticket, &context),
            runs: ledger(ticket, &context),
            past: desk.engine.past(ticket),
            events: desk.engine.history(ticket.id)?,
            context,
            looked,
            desk,
        })
    }

    fn material(&self) -> Material<'_> {
        let Reports { ticket, context, standing, runs, past, events, .. } = self;
        let Context { playbook, site, now, .. } = *context;
        Material { ticket, runs, past, events, playbook, site, standing, at: now }
    }

    fn document(&self) -> Result<Value, Fault> {
        let document = serde_json::to_value(TicketJson::of(&self.material()));
        document.map_err(|error| Fault::Failed(error.to_string()))
    }

    fn text(&self, format: Format) -> Result<String, Fault> {
        let form = match format {
            Format::Json => return Ok(json_text(&report_json(&self.material(), self.looked))),
            Format::Text => Form::Text,
            Format::Html => Form::Html,
            Format::Markdown => Form::Markdown,
        };
        let shown = |problem: Box<Problem>| Fault::Failed(problem.to_string());
        self.desk.templates()?.report_on(&self.material(), self.looked, form).map_err(shown)
    }
}
