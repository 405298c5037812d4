//! `allclear occurrences`: every planned firing and what became of it, over all tickets.

use super::desk::Desk;
use super::{Exit, Fault, print};
use crate::pure::moment;
use crate::pure::report::words;
use crate::pure::ticket::{Run, Ticket};
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

/// Lists them in order of their planned time.
pub fn run(desk: &mut Desk, args: &OccurrencesArgs) -> Result<Exit, Fault> {
    let since = args.since.as_deref().map(|text| moment::read(text, &TimeZone::UTC)).transpose();
    let since = since.map_err(Fault::Usage)?.unwrap_or(Timestamp::MIN);
    let mut planned: Vec<(Timestamp, &Ticket, &Run)> = desk
        .engine
        .tickets()
        .flat_map(|ticket| ticket.runs.iter().map(move |run| (ticket, run)))
        .filter_map(|(ticket, run)| Some((run.occurrence?, ticket, run)))
        .filter(|(at, _, _)| *at >= since)
        .collect();
    planned.sort_by_key(|(at, ticket, _)| (*at, ticket.id));
    if args.json {
        let rows: Vec<Value> = planned.iter().map(|(at, ticket, run)| as_json(*at, ticket, run)).collect();
        let value = json!({"schema": "allclear.occurrences/1", "occurrences": rows});
        return Ok(print::out(&format!("{value:#}\n")));
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["planned", "ticket", "site", "stage", "outcome", "why"]);
    for (at, ticket, run) in planned {
        table.add_row(row(desk, at, ticket, run));
    }
    Ok(print::out(&format!("{table}\n")))
}

fn row(desk: &Desk, at: Timestamp, ticket: &Ticket, run: &Run) -> [String; 6] {
    let site = desk.engine.library().site_file.sites.get(&ticket.site);
    let zone = site.map_or(TimeZone::UTC, |site| site.timezone.clone());
    let outcome = run
        .end
        .as_ref()
        .map_or("under way", |end| end.verdict.map_or(words::outcome(end.outcome), words::verdict));
    let reasons: Vec<&str> =
        run.end.iter().flat_map(|end| end.reasons.iter().map(|reason| reason.text.as_str())).collect();
    [
        words::local_time(at, &zone),
        ticket.id.to_string(),
        ticket.site.clone(),
        run.stage.to_string(),
        outcome.to_owned(),
        reasons.join("; "),
    ]
}

fn as_json(at: Timestamp, ticket: &Ticket, run: &Run) -> Value {
    let end = run.end.as_ref();
    json!({"ticket": ticket.id, "site": ticket.site, "stage": run.stage, "planned": at, "run": run.id,
        "outcome": end.map(|end| end.outcome), "verdict": end.and_then(|end| end.verdict),
        "reasons": end.map_or(&[][..], |end| end.reasons.as_slice())})
}
