//! `allclear doctor`: is everything there that a night needs? Each line is ok, or says what to do.

use super::{Exit, print};
use crate::edge::capture::recordings::Recordings;
use crate::edge::capture::{interface, link, lint, probes};
use crate::edge::clock;
use crate::edge::files;
use crate::edge::health::{self, Finding};
use crate::edge::mailer::Mailer;
use crate::edge::resolver::Resolver;
use crate::edge::store::{Durability, Store};
use crate::engine::Engine;
use crate::pure::playbook::Library;
use crate::pure::report::unsent::{MailState, UnsentMail, of_outbox, unsent};
use crate::pure::site::{MailSecurity, MailSettings, MailTransport, SiteFile, Source, SourceKind};
use crate::pure::ticket::TicketId;
use crate::pure::verdict::SystemClock;
use crate::pure::words::{clean_text, count};
use clap::Args;
use jiff::tz::TimeZone;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// The flags of `allclear doctor`.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// How long the mail server may take to let us in.
const PATIENCE: Duration = Duration::from_secs(10);

/// The interface that is always there, to try the right to capture on.
const LOOPBACK: &str = "lo";

/// Looks at everything and prints; done when all is well, else failed.
pub fn run(named: Option<&Path>, args: &DoctorArgs) -> Exit {
    let findings = findings(named);
    let printed = if args.json { print::out(&as_json(&findings)) } else { print::out(&as_text(&findings)) };
    if findings.iter().all(Result::is_ok) { printed } else { Exit::Failed }
}

fn findings(named: Option<&Path>) -> Vec<Finding> {
    let (site, library) = site_file(named);
    let mut findings = vec![site, capture_right(), clock()];
    match library {
        Some(library) => {
            findings.extend(of_site_file(&library.site_file));
            findings.extend(outbox(&library));
        }
        None => findings.push(health::disk(Path::new("."))),
    }
    findings
}

fn site_file(named: Option<&Path>) -> (Finding, Option<Library>) {
    let path = match files::find_site_file(named) {
        Ok(path) => path,
        Err(problem) => return (Ok(format!("{}, which scans do without", problem.what)), None),
    };
    match files::load(&path, &lint::lint) {
        Ok((library, _)) => (Ok(format!("site file {} is sound", path.display())), Some(library)),
        Err(problems) => {
            let text = format!(
                "site file {} has {}: `allclear check` shows them",
                path.display(),
                count(problems.len() as u64, "fault")
            );
            (Err(text), None)
        }
    }
}

fn capture_right() -> Finding {
    interface::try_out(LOOPBACK).map(|()| "this user may capture".to_owned())
}

fn clock() -> Finding {
    match clock::system_clock() {
        SystemClock::Synchronised => Ok("clock is synchronised".to_owned()),
        SystemClock::Unsynchronised | SystemClock::SetBack => {
            Err("clock is not synchronised: start chrony or systemd-timesyncd".to_owned())
        }
        SystemClock::Unknown => {
            Err("clock does not tell whether it is synchronised: run chrony or systemd-timesyncd".to_owned())
        }
    }
}

fn of_site_file(site_file: &SiteFile) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        site_file.sources.values().map(|of| source(of, zone(site_file, &of.name))).collect();
    findings.extend(site_file.sources.values().filter_map(probe));
    if let Some(mail) = &site_file.mail {
        findings.push(mail_server(mail));
        findings.extend(mail.password_file.as_deref().map(health::secret));
    }
    if let Some(listing) = &site_file.listing {
        findings.push(health::resolver(listing.resolver));
        let list = Resolver::new(listing.clone(), &site_file.state, clock::now);
        findings.push(list.check().map_err(|why| format!("list {}: {why}", listing.zone)));
    }
    findings.push(health::state_directory(&site_file.state));
    findings.push(health::disk(&site_file.state));
    findings
}

/// Whether the mail server is there, is the right one, and lets us in.
fn mail_server(mail: &MailSettings) -> Finding {
    let found = health::mail(&mail.transport)?;
    let is_checked = mail.username.is_some()
        || matches!(&mail.transport, MailTransport::Smtp { security, .. } if *security != MailSecurity::Plain);
    if !is_checked {
        return Ok(found);
    }
    let mailer = Mailer::open(mail).map_err(|error| error.to_string())?.with_patience(PATIENCE, PATIENCE);
    mailer.greet()
}

/// What the log says of mails, where there is a log: whether any does not arrive.
fn outbox(library: &Library) -> Option<Finding> {
    if !library.site_file.state.join("allclear.db").exists() {
        return None;
    }
    let store = Store::open(&library.site_file.state, Durability::Full).ok()?;
    let engine = Engine::open(store, library.clone()).ok()?;
    let now = clock::now();
    let mails: Vec<UnsentMail<'_>> = engine
        .tickets()
        .flat_map(|ticket| unsent(ticket, now))
        .chain(of_outbox(TicketId::NONE, engine.rounds(), now))
        .collect();
    let lost =
        mails.iter().filter(|mail| matches!(mail.state, MailState::Refused | MailState::GivenUp)).count();
    let failing = mails.iter().filter(|mail| mail.next_try.is_some()).count();
    let last = mails.iter().rev().find_map(|mail| mail.last_error).unwrap_or_default();
    Some(match (lost, failing) {
        (0, 0) => Ok(format!("mails: {} wait", mails.len())),
        _ => Err(format!(
            "mails: {} refused or given up, {failing} not accepted yet, the last one since '{}': `allclear mail \
             queue` shows them, `allclear mail retry --all` sends them when the cause is mended",
            lost,
            clean_text(last)
        )),
    })
}

/// The zone of a site that has the source.
fn zone(site_file: &SiteFile, source: &str) -> TimeZone {
    let mut sites = site_file.sites.values();
    let site = sites.find(|site| site.sources.iter().any(|name| name == source));
    site.map_or(TimeZone::UTC, |site| site.timezone.clone())
}

fn source(source: &Source, zone: TimeZone) -> Finding {
    let name = &source.name;
    let finding = match &source.kind {
        SourceKind::Interface(interface) => an_interface(interface),
        SourceKind::Command(argv) => health::program(argv.first().map_or("", String::as_str)),
        SourceKind::Files(pattern) => recorded(pattern, &zone),
    };
    finding.map(|text| format!("source {name}: {text}")).map_err(|text| format!("source {name}: {text}"))
}

/// Whether the source's probe can be sent.
fn probe(source: &Source) -> Option<Finding> {
    let name = &source.name;
    let to = source.probe.as_ref()?.to;
    let by_itself = match &source.kind {
        SourceKind::Interface(interface) => probes::leaves_by_itself(to, interface),
        SourceKind::Command(_) | SourceKind::Files(_) => None,
    };
    let finding = probes::try_out(to).and_then(|sent| by_itself.map_or(Ok(sent), Err));
    Some(
        finding.map(|text| format!("source {name}: {text}")).map_err(|text| format!("source {name}: {text}")),
    )
}

fn an_interface(name: &str) -> Finding {
    let state = link::state(name);
    if !state.is_up() {
        return Err(state.advice(name));
    }
    interface::try_out(name).map(|()| format!("interface {name} is up and can be captured on"))
}

fn recorded(pattern: &str, zone: &TimeZone) -> Finding {
    let recordings = Recordings::open(pattern, zone)?;
    match recordings.span() {
        Some(span) => Ok(format!("{pattern} holds packets from {} to {}", span.from, span.to)),
        None => Err(format!("{pattern} holds no packets: start what records them, or correct the pattern")),
    }
}

fn as_text(findings: &[Finding]) -> String {
    let line = |finding: &Finding| match finding {
        Ok(text) => format!("ok     {text}\n"),
        Err(text) => format!("TO DO  {text}\n"),
    };
    findings.iter().map(line).collect()
}

fn as_json(findings: &[Finding]) -> String {
    let checks: Vec<_> = findings
        .iter()
        .map(|finding| {
            let (Ok(text) | Err(text)) = finding;
            json!({"is_ok": finding.is_ok(), "text": text})
        })
        .collect();
    print::json_text(&json!({"schema": "allclear.doctor/1", "checks": checks}))
}
