//! `allclear occurrences`: every planned firing and what became of it, over all tickets.

use super::desk::Desk;
use super::{Exit, Fault, print};
use crate::edge::clock;
use crate::pure::moment;
use crate::pure::report::words;
use crate::pure::ticket::{Run, Ticket, ledger};
use clap::Args;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// Which occurrences.
#[derive(Args, Debug)]
pub struct OccurrencesArgs {
    /// Only those planned from then on: RFC 3339, or a time in UTC
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// One of them, of a ticket.
struct Entry<'a> {
    at: Timestamp,
    ticket: &'a Ticket,
    run: Run,
}

/// Lists them in order of their planned time.
pub fn run(desk: &mut Desk, args: &OccurrencesArgs) -> Result<Exit, Fault> {
    let since = args.since.as_deref().map(|text| moment::read(text, &TimeZone::UTC)).transpose();
    let since = since.map_err(Fault::Usage)?.unwrap_or(Timestamp::MIN);
    let entries = entries(desk, since);
    if args.json {
        let rows: Vec<Value> = entries.iter().map(as_json).collect();
        let value = json!({"schema": "allclear.occurrences/1", "occurrences": rows});
        return Ok(print::out(&format!("{value:#}\n")));
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["planned", "ticket", "site", "stage", "outcome", "why"]);
    for entry in &entries {
        table.add_row(row(desk, entry));
    }
    Ok(print::out(&format!("{table}\n")))
}

fn entries(desk: &Desk, since: Timestamp) -> Vec<Entry<'_>> {
    let now = clock::now();
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for ticket in desk.engine.tickets() {
        // Without its playbook nobody knows what is planned; what is on record stays.
        let runs = match desk.engine.context(ticket.id, now) {
            Ok(context) => ledger(ticket, &context),
            Err(_) => ticket.all_runs(),
        };
        let planned = runs.into_iter().filter_map(|run| Some((run.occurrence?, run)));
        let wanted = planned.filter(|(at, _)| *at >= since);
        entries.extend(wanted.map(|(at, run)| Entry { at, ticket, run }));
    }
    entries.sort_by_key(|entry| (entry.at, entry.ticket.id));
    entries
}

fn row(desk: &Desk, Entry { at, ticket, run }: &Entry<'_>) -> [String; 6] {
    let site = desk.engine.library().site_file.sites.get(&ticket.site);
    let zone = site.map_or(TimeZone::UTC, |site| site.timezone.clone());
    let outcome = run
        .end
        .as_ref()
        .map_or("under way", |end| end.verdict.map_or(words::outcome(end.outcome), words::verdict));
    let reasons: Vec<&str> =
        run.end.iter().flat_map(|end| end.reasons.iter().map(|reason| reason.text.as_str())).collect();
    [
        words::local_time(*at, &zone),
        ticket.id.to_string(),
        ticket.site.clone(),
        run.stage.to_string(),
        outcome.to_owned(),
        reasons.join("; "),
    ]
}

/// `run` and `recorded` are null of an occurrence whose fate is sealed and not on record yet.
fn as_json(Entry { at, ticket, run }: &Entry<'_>) -> Value {
    let end = run.end.as_ref();
    let number = Some(run.id).filter(|id| id.0 > 0);
    json!({"ticket": ticket.id, "site": ticket.site, "playbook": ticket.playbook, "stage": run.stage,
        "planned": at, "run": number, "window_start": run.started, "window_end": run.window_end,
        "outcome": end.map(|end| end.outcome), "verdict": end.and_then(|end| end.verdict),
        "reasons": end.map_or(&[][..], |end| end.reasons.as_slice()), "recorded": run.ended})
}
