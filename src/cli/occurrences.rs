//! `allclear occurrences`: every planned firing and what became of it, over all tickets and `detect` stages.

use super::desk::Desk;
use super::{Exit, Fault, print};
use crate::edge::clock;
use crate::pure::moment;
use crate::pure::playbook::StageName;
use crate::pure::ticket::{Run, TicketId, ledger};
use crate::pure::words;
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

/// One of them; one of a `detect` stage has no ticket.
struct Entry {
    at: Timestamp,
    ticket: Option<TicketId>,
    site: String,
    playbook: String,
    run: Run,
}

/// Lists them in order of their planned time.
pub fn run(desk: &mut Desk, args: &OccurrencesArgs) -> Result<Exit, Fault> {
    let since = args.since.as_deref().map(|text| moment::read(text, &TimeZone::UTC)).transpose();
    let since = since.map_err(Fault::Usage)?.unwrap_or(Timestamp::MIN);
    let entries = entries(desk, since)?;
    if args.json {
        let rows: Vec<Value> = entries.iter().map(as_json).collect();
        let value = json!({"schema": "allclear.occurrences/1", "occurrences": rows});
        return Ok(print::out(&print::json_text(&value)));
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["planned", "ticket", "site", "stage", "outcome", "why"]);
    for entry in &entries {
        table.add_row(row(desk, entry));
    }
    Ok(print::out(&format!("{table}\n")))
}

fn entries(desk: &Desk, since: Timestamp) -> Result<Vec<Entry>, Fault> {
    let now = clock::now();
    let mut entries: Vec<Entry> = Vec::new();
    for ticket in desk.engine.tickets() {
        // Without its playbook nobody knows what is planned; what is on record stays.
        let runs = match desk.engine.context(ticket.id, now) {
            Ok(context) => ledger(ticket, &context),
            Err(_) => ticket.all_runs(),
        };
        // A run of `detect` that the ticket holds is one of the stage's own.
        let own = runs.into_iter().filter(|run| run.stage != StageName::Detect);
        entries.extend(own.filter_map(|run| Entry::of(Some(ticket.id), &ticket.site, &ticket.playbook, run)));
    }
    let detected = desk.engine.detection_ledger(since, now)?.runs.into_iter();
    entries.extend(detected.filter_map(|(of, run)| Entry::of(None, &of.site, &of.playbook, run)));
    entries.retain(|entry| entry.at >= since);
    entries.sort_by_key(|entry| (entry.at, entry.ticket));
    Ok(entries)
}

impl Entry {
    /// `None` of a run by hand.
    fn of(ticket: Option<TicketId>, site: &str, playbook: &str, run: Run) -> Option<Entry> {
        let (site, playbook) = (site.to_owned(), playbook.to_owned());
        Some(Entry { at: run.occurrence?, ticket, site, playbook, run })
    }
}

fn row(desk: &Desk, Entry { at, ticket, site, run, .. }: &Entry) -> [String; 6] {
    let known = desk.engine.library().site_file.sites.get(site);
    let zone = known.map_or(TimeZone::UTC, |site| site.timezone.clone());
    let outcome = run
        .end
        .as_ref()
        .map_or("under way", |end| end.verdict.map_or(words::outcome(end.outcome), words::verdict));
    let reasons: Vec<&str> =
        run.end.iter().flat_map(|end| end.reasons.iter().map(|reason| reason.text.as_str())).collect();
    [
        words::local_time(*at, &zone),
        ticket.map_or("-".to_owned(), |id| id.to_string()),
        site.clone(),
        run.stage.to_string(),
        outcome.to_owned(),
        reasons.join("; "),
    ]
}

/// `ticket` is null of a `detect` stage; `run` and `recorded` of an occurrence whose fate is sealed and not
/// on record yet.
fn as_json(Entry { at, ticket, site, playbook, run }: &Entry) -> Value {
    let end = run.end.as_ref();
    let number = Some(run.id).filter(|id| id.0 > 0);
    json!({"ticket": ticket, "site": site, "playbook": playbook, "stage": run.stage,
        "planned": at, "run": number, "window_start": run.started, "window_end": run.window_end,
        "outcome": end.map(|end| end.outcome), "verdict": end.and_then(|end| end.verdict),
        "reasons": end.map_or(&[][..], |end| end.reasons.as_slice()), "recorded": run.ended})
}
