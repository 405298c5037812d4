//! `allclear simulate`: a playbook over recorded captures and a virtual clock, to the rendered mails.
//!
//! The same engine on a throw-away state. Nothing leaves the machine: no packet is captured, no mail
//! is sent, nobody is asked.

use super::desk;
use super::ticket::{playbook_for, site_for};
use super::{Exit, Fault, input, print};
use crate::edge::capture::lint::lint;
use crate::edge::capture::recordings::Recordings;
use crate::edge::capture::stop::Stop;
use crate::edge::mailer::Mailer;
use crate::edge::perform::{Captures, Edges, Listings, Post};
use crate::edge::store::{Durability, Store};
use crate::engine::{Engine, EngineError, Opening};
use crate::pure::document::Outside;
use crate::pure::intake::{self, Report};
use crate::pure::interval::Interval;
use crate::pure::moment;
use crate::pure::playbook::Library;
use crate::pure::problem::has_error;
use crate::pure::report::{Material, TicketJson, file_name};
use crate::pure::script::{self, Scene};
use crate::pure::site::{HOURLY_LIMIT, MailSettings, MailTransport, Site};
use crate::pure::ticket::{Context, HostState, Phase, Ticket, TicketId, ledger, stand};
use crate::pure::words;
use crate::season::Season;
use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

/// What to simulate.
#[derive(Args, Debug)]
pub struct SimulateArgs {
    /// The playbook's name
    #[arg(long, value_name = "NAME")]
    pub playbook: Option<String>,
    /// The report: the text of a CBL page
    #[arg(long, value_name = "FILE")]
    pub report: PathBuf,
    /// The public address, where the report does not show it
    #[arg(long, value_name = "ADDRESS")]
    pub public: Option<IpAddr>,
    /// Recorded captures, in the place of the site's source
    #[arg(long, value_name = "GLOB")]
    pub captures: String,
    /// The site's name [default: the one with the public address]
    #[arg(long, value_name = "NAME")]
    pub site: Option<String>,
    /// When the ticket is opened [default: the report's own time]
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,
    /// For how long
    #[arg(long = "for", value_name = "DURATION", value_parser = super::duration)]
    pub length: Duration,
    /// A YAML list of what people do and when
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Where the mails go, as .eml files
    #[arg(long, value_name = "DIR")]
    pub mail_dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Lives the story and tells it.
pub fn run(site_file: Option<&Path>, args: &SimulateArgs) -> Result<Exit, Fault> {
    let mut library = desk::library(site_file)?;
    let home = library.site_file.path.parent().unwrap_or(Path::new("")).to_owned();
    let opening = opening(&library, args)?;
    let site = library.site_file.sites.get(&opening.site).cloned().ok_or(Fault::Shown)?;
    let scenes = scenes(args, &site)?;
    let start = start(args, &opening, &site)?;
    settle_mail(&mut library, args.mail_dir.as_deref());
    // Other playbooks and sites have `detect` stages of their own.
    library.playbooks.retain(|name, _| *name == opening.playbook);
    library.site_file.sites.retain(|name, _| *name == opening.site);
    let no_state = |error| {
        let what = "cannot make a directory for the simulation";
        Fault::Failed(format!("{what}: {error}: make room, or set TMPDIR to where there is some"))
    };
    let state = tempfile::tempdir().map_err(no_state)?;
    let edges = edges(&library, &home, state.path(), &site.timezone, args)?;
    let store = Store::open(state.path(), Durability::Fleeting).map_err(EngineError::from)?;
    let mut engine = Engine::open(store, library)?;
    let ticket = engine.open_ticket(start, "simulate", opening)?;
    let mut season = Season::new(engine, edges, ticket, Interval::lasting(start, args.length), scenes);
    season.live()?;
    tell(&season, args)
}

fn opening(library: &Library, args: &SimulateArgs) -> Result<Opening, Fault> {
    let text = input::read_text(&args.report)?;
    let shown = args.report.display();
    let report = intake::cbl::read(&text).map_err(|error| Fault::Usage(format!("{shown}: {error}")))?;
    let public = args.public.or(report.public).ok_or_else(|| {
        Fault::Usage(format!("{shown} does not say which address it is about: add --public ADDRESS"))
    })?;
    let site = site_for(library, args.site.as_deref(), public)?;
    let playbook = playbook_for(library, args.playbook.as_deref(), report.malware.as_deref())?;
    let reports = vec![Report { public: Some(public), ..report }];
    Ok(Opening { reference: None, site, playbook, public, reports })
}

fn scenes(args: &SimulateArgs, site: &Site) -> Result<Vec<Scene>, Fault> {
    let Some(path) = &args.script else { return Ok(Vec::new()) };
    let text = input::read_text(path)?;
    let outside = Outside { check_filter: &lint, check_watchlist_file: &|_| Ok(Vec::new()) };
    let (scenes, problems) = script::read_script(path, &text, &site.timezone, outside);
    if has_error(&problems) { Err(desk::show(&problems)) } else { Ok(scenes) }
}

fn start(args: &SimulateArgs, opening: &Opening, site: &Site) -> Result<Timestamp, Fault> {
    match &args.start {
        Some(start) => moment::read(start, &site.timezone).map_err(Fault::Usage),
        None => Ok(opening.reports.first().map_or(Timestamp::UNIX_EPOCH, |report| report.seen)),
    }
}

/// Mail goes where the command line says, whatever the site file says.
fn settle_mail(library: &mut Library, directory: Option<&Path>) {
    let known = library.site_file.mail.take();
    let (hourly_limit, digest) =
        known.as_ref().map_or((HOURLY_LIMIT, None), |mail| (mail.hourly_limit, mail.digest.clone()));
    let from = known.map(|mail| mail.from);
    library.site_file.mail = Some(MailSettings {
        from: from.unwrap_or("allclear <allclear@localhost.localdomain>".to_owned()),
        transport: MailTransport::Directory(directory.unwrap_or(Path::new("")).to_owned()),
        username: None,
        password_file: None,
        digest,
        hourly_limit,
        reply_to: None,
        postmaster: None,
    });
}

fn edges(
    library: &Library,
    home: &Path,
    state: &Path,
    zone: &TimeZone,
    args: &SimulateArgs,
) -> Result<Edges, Fault> {
    let recordings = Recordings::open(&args.captures, zone).map_err(Fault::Usage)?;
    recordings.troubles().iter().for_each(|trouble| print::note(trouble));
    if recordings.span().is_none() {
        print::note(&format!("{} holds no packets: every occurrence will be missed", args.captures));
    }
    let mailer = match (&args.mail_dir, &library.site_file.mail) {
        (Some(_), Some(settings)) => {
            Post::Mailer(Mailer::open(settings).map_err(|error| Fault::Failed(error.to_string()))?)
        }
        _ => Post::Nowhere,
    };
    Ok(Edges {
        captures: Captures::Recorded(Box::new(Mutex::new(recordings))),
        post: mailer,
        templates: desk::templates(home)?,
        state: state.to_owned(),
        stop: Stop::new(),
        listings: Listings::Scripted(None),
    })
}

fn tell(season: &Season, args: &SimulateArgs) -> Result<Exit, Fault> {
    let ticket = season.engine().ticket(season.ticket())?;
    for refused in season.refused() {
        print::note(&format!(
            "scene {} of the script, at {}, was refused: {}",
            refused.scene + 1,
            refused.at,
            refused.why
        ));
    }
    let text = if args.json { as_json(season, ticket, args)? } else { as_text(season, ticket)? };
    match print::out(&text) {
        Exit::Done => Ok(exit(season, ticket)),
        failed => Ok(failed),
    }
}

/// Any infected host fails, one of a ticket that a `detect` run opened too.
fn exit(season: &Season, ticket: &Ticket) -> Exit {
    let mut hosts = season.engine().tickets().flat_map(|ticket| &ticket.hosts);
    if hosts.any(|host| host.state == HostState::Infected) {
        Exit::Fail
    } else if matches!(ticket.phase, Phase::Clean | Phase::Closed) {
        Exit::Done
    } else {
        Exit::Inconclusive
    }
}

/// The tickets that `detect` runs opened.
fn others(season: &Season) -> impl Iterator<Item = &Ticket> {
    season.engine().tickets().filter(|ticket| ticket.id != season.ticket())
}

fn as_json(season: &Season, ticket: &Ticket, args: &SimulateArgs) -> Result<String, Fault> {
    let occurrences = season.occurrences()?;
    let occurrences: Vec<Value> = occurrences
        .iter()
        .filter_map(|run| run.end.as_ref().map(|end| (run, end)))
        .map(|(run, end)| {
            json!({"stage": run.stage, "planned": run.occurrence, "outcome": end.outcome,
                "verdict": end.verdict, "reasons": end.reasons})
        })
        .collect();
    let phases: Vec<Value> = season
        .phases()?
        .into_iter()
        .map(|(at, from, to, because)| json!({"at": at, "from": from, "to": to, "because": because}))
        .collect();
    let refused: Vec<Value> = season
        .refused()
        .iter()
        .map(|refused| json!({"at": refused.at, "scene": refused.scene, "why": refused.why}))
        .collect();
    let other_tickets: Result<Vec<Value>, Fault> =
        others(season).map(|ticket| document(season, ticket)).collect();
    let value = json!({
        "schema": "allclear.simulation/1",
        "ticket": document(season, ticket)?,
        "other_tickets": other_tickets?,
        "occurrences": occurrences,
        "phases": phases,
        "mails": mails(season, args)?,
        "refused": refused,
    });
    Ok(print::json_text(&value))
}

/// As `ticket show --json`, at the end.
fn document(season: &Season, ticket: &Ticket) -> Result<Value, Fault> {
    let context = season.engine().context(ticket.id, season.now())?;
    let standing = stand(ticket, &context);
    let events = season.engine().history(ticket.id)?;
    let runs = ledger(ticket, &Context { now: season.end().max(season.now()), ..context });
    let Context { playbook, site, now: at, .. } = context;
    let (runs, past, events) = (&runs[..], &season.engine().past(ticket)[..], &events[..]);
    let material = Material { ticket, runs, past, events, playbook, site, standing: &standing, at };
    serde_json::to_value(TicketJson::of(&material)).map_err(|error| Fault::Failed(error.to_string()))
}

/// Those of all tickets, in the order in which they were decided upon.
fn mails(season: &Season, args: &SimulateArgs) -> Result<Vec<Value>, Fault> {
    let tickets = season.engine().tickets();
    let mut mails: Vec<_> =
        tickets.flat_map(|ticket| ticket.outbox.iter().map(|mail| (ticket.id, mail))).collect();
    mails.extend(season.engine().rounds().iter().map(|mail| (TicketId::NONE, mail)));
    mails.sort_by_key(|(_, mail)| mail.seq);
    let told = mails.into_iter().map(|(ticket, mail)| {
        let name = file_name(ticket, mail.seq, mail.event);
        let file = args.mail_dir.as_ref().map(|directory| directory.join(name));
        let subject = season.subject(ticket, mail)?;
        let ticket = Some(ticket).filter(|ticket| *ticket != TicketId::NONE);
        Ok(json!({"at": mail.at, "event": mail.event, "to": mail.to, "subject": subject, "file": file,
            "ticket": ticket}))
    });
    told.collect()
}

/// The story in short, in the site's zone.
fn as_text(season: &Season, ticket: &Ticket) -> Result<String, Fault> {
    let context = season.engine().context(ticket.id, season.now())?;
    let zone = &context.site.timezone;
    let mut lines: Vec<(Timestamp, String)> = Vec::new();
    let runs = season.occurrences()?;
    for (run, end) in runs.iter().filter_map(|run| run.end.as_ref().map(|end| (run, end))) {
        let verdict = end.verdict.map_or(words::outcome(end.outcome), words::verdict);
        let reasons: Vec<&str> = end.reasons.iter().map(|reason| reason.text.as_str()).collect();
        let line = format!("{} {verdict} {}", run.stage, reasons.join("; "));
        lines.push((run.ended.unwrap_or(run.window_end), line.trim_end().to_owned()));
    }
    for (at, from, to, because) in season.phases()? {
        lines.push((at, format!("{from} -> {to}: {because}")));
    }
    let own = ticket.outbox.iter().map(|mail| (ticket.id, mail));
    for (id, mail) in own.chain(season.engine().rounds().iter().map(|mail| (TicketId::NONE, mail))) {
        lines.push((mail.at, format!("mail '{}': {}", mail.event.word(), season.subject(id, mail)?)));
    }
    for other in others(season) {
        let hosts: Vec<String> = other.hosts.iter().map(|host| host.host.to_string()).collect();
        lines.push((other.opened, format!("ticket {} opened for {}", other.id, hosts.join(", "))));
    }
    lines.sort_by_key(|(at, _)| *at);
    let mut text = String::new();
    for alike in lines.chunk_by(|(_, one), (_, next)| one == next) {
        let (at, line) = &alike[0];
        let times = if alike.len() > 1 { format!(" ({} times)", alike.len()) } else { String::new() };
        text.push_str(&format!("{}  {line}{times}\n", words::local_time(*at, zone)));
    }
    let standing = stand(ticket, &context);
    text.push_str(&format!("the ticket is {} at the end\n", ticket.phase));
    standing.missing.iter().for_each(|missing| text.push_str(&format!("  missing: {missing}\n")));
    Ok(text)
}
