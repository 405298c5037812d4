//! How does a person, or a program, look at tickets?

use super::Format;
use crate::cli::desk::Desk;
use crate::cli::{Exit, Fault, print};
use crate::edge::bundle::{Bundle, BundleError, Documents};
use crate::edge::capture::vault;
use crate::edge::clock;
use crate::edge::store::Line;
use crate::edge::template::Form;
use crate::engine::EngineError;
use crate::pure::packet::Mac;
use crate::pure::problem::Problem;
use crate::pure::report::words::clean_text;
use crate::pure::report::{Material, TicketJson, kind};
use crate::pure::ticket::{
    Context, Host, Recorded, Standing, Ticket, TicketId, chain, ledger, stand, stand_now,
};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::json;
use std::net::IpAddr;
use std::path::Path;

/// A table of tickets, or their documents as a JSON list: the open ones, all, or all that blame `host`.
pub fn list(desk: &Desk, is_all: bool, host: Option<&str>, is_json: bool) -> Result<Exit, Fault> {
    let is_wanted = |ticket: &&Ticket| match host {
        Some(host) => ticket.hosts.iter().any(|blamed| is_called(blamed, host)),
        None => is_all || ticket.phase.is_open(),
    };
    let tickets = desk.engine.tickets().filter(is_wanted);
    if is_json {
        let documents: Result<Vec<_>, Fault> = tickets.map(|ticket| document(desk, ticket)).collect();
        let value = json!({"schema": "allclear.tickets/1", "tickets": documents?});
        return Ok(print::out(&format!("{value:#}\n")));
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["#", "ref", "site", "public", "phase", "since", "hosts", "flags"]);
    for ticket in tickets {
        table.add_row(row(desk, ticket)?);
    }
    Ok(print::out(&format!("{table}\n")))
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

fn row(desk: &Desk, ticket: &Ticket) -> Result<Vec<String>, EngineError> {
    let context = desk.engine.context(ticket.id, clock::now())?;
    let standing = stand_now(ticket, &context);
    let hosts: Vec<String> = ticket.hosts.iter().map(|host| host.host.to_string()).collect();
    let overdue = standing.is_overdue.then_some("overdue");
    let flags: Vec<&str> = overdue.into_iter().chain(standing.is_on_hold.then_some("on hold")).collect();
    let since = ticket.phase_since.to_zoned_datetime(context.site.timezone.clone());
    Ok(vec![
        ticket.id.to_string(),
        clean_text(ticket.reference.as_deref().unwrap_or_default()),
        ticket.site.clone(),
        ticket.public.to_string(),
        ticket.phase.to_string(),
        since.strftime("%Y-%m-%d %H:%M").to_string(),
        hosts.join(" "),
        flags.join(" "),
    ])
}

/// One ticket, for people or as the document of the contract.
pub fn show(desk: &Desk, id: u32, is_json: bool) -> Result<Exit, Fault> {
    report(desk, id, if is_json { Format::Json } else { Format::Text }, None)
}

/// The whole story of a ticket.
pub fn report(desk: &Desk, id: u32, format: Format, output: Option<&Path>) -> Result<Exit, Fault> {
    let ticket = desk.engine.ticket(TicketId(id))?;
    let text = match format {
        Format::Json => format!("{:#}\n", document(desk, ticket)?),
        Format::Text => rendered(desk, ticket, Form::Text)?,
        Format::Html => rendered(desk, ticket, Form::Html)?,
        Format::Markdown => rendered(desk, ticket, Form::Markdown)?,
    };
    let Some(path) = output else { return Ok(print::out(&text)) };
    std::fs::write(path, text)
        .map_err(|error| Fault::Failed(format!("cannot write {}: {error}", path.display())))?;
    Ok(Exit::Done)
}

/// A zip for somebody who distrusts us. What lacks or was changed is told, and fails the command although
/// the zip is written: somebody must know.
pub fn bundle(desk: &Desk, id: u32, path: &Path) -> Result<Exit, Fault> {
    let ticket = desk.engine.ticket(TicketId(id))?;
    let failed = |error: BundleError| Fault::Failed(error.to_string());
    let evidence: Vec<_> =
        ticket.runs.iter().filter_map(|run| run.end.as_ref()).flat_map(|end| end.files().cloned()).collect();
    let mut bundle = Bundle::begin(path, &format!("ticket-{id}")).map_err(failed)?;
    bundle.add_evidence(&evidence, |name| vault::open(desk.state(), name)).map_err(failed)?;
    let remarks = bundle.remarks().to_vec();
    let ticket_json = format!("{:#}\n", document(desk, ticket)?);
    let documents = Documents {
        report_html: &rendered(desk, ticket, Form::Html)?,
        report_text: &rendered(desk, ticket, Form::Text)?,
        report_json: &ticket_json,
        ticket_json: &ticket_json,
        events: &events(&desk.engine.lines(ticket.id)?),
    };
    bundle.finish(&documents).map_err(failed)?;
    remarks.iter().for_each(|remark| print::note(remark));
    let printed = print::out(&format!("{} written, {} evidence files\n", path.display(), evidence.len()));
    Ok(if remarks.is_empty() { printed } else { Exit::Failed })
}

/// Every event as stored, one JSON object a line, with all that its hash is made of.
fn events(lines: &[Line]) -> String {
    let line = |line: &Line| {
        let Line { recorded, previous, body } = line;
        let Recorded { seq, at, ticket, by, event, hash } = recorded;
        let (kind, at_ns) = (kind(event), at.as_nanosecond() as i64);
        let value = json!({"seq": seq, "at": at, "at_ns": at_ns, "ticket": ticket, "by": by, "kind": kind,
            "version": chain::EVENT_VERSION, "previous": previous, "body": body, "hash": hash});
        format!("{value}\n")
    };
    lines.iter().map(line).collect()
}

fn standing<'a>(desk: &'a Desk, ticket: &Ticket) -> Result<(Context<'a>, Standing), EngineError> {
    let context = desk.engine.context(ticket.id, clock::now())?;
    Ok((context, stand(ticket, &context)))
}

/// The document of one ticket, as in `ticket show --json`.
pub fn document(desk: &Desk, ticket: &Ticket) -> Result<serde_json::Value, Fault> {
    with_material(desk, ticket, |material| {
        serde_json::to_value(TicketJson::of(material)).map_err(|error| Fault::Failed(error.to_string()))
    })
}

/// Lets `tell` make something of all that is known of the ticket.
fn with_material<T>(
    desk: &Desk,
    ticket: &Ticket,
    tell: impl FnOnce(&Material<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let (context, standing) = standing(desk, ticket)?;
    let (runs, events) = (ledger(ticket, &context), desk.engine.history(ticket.id)?);
    let Context { playbook, site, now, .. } = context;
    let (runs, past, events, standing) = (&runs, &desk.engine.past(ticket), &events, &standing);
    tell(&Material { ticket, runs, past, events, playbook, site, standing, at: now })
}

fn rendered(desk: &Desk, ticket: &Ticket, form: Form) -> Result<String, Fault> {
    let shown = |problem: Box<Problem>| Fault::Failed(problem.to_string());
    let templates = desk.templates()?;
    with_material(desk, ticket, |material| templates.report(material, form).map_err(shown))
}
