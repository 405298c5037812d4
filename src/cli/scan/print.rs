//! The result of a scan, for programs and for people.

use super::ScanArgs;
use super::flags::Wanted;
use crate::cli::print::{note, spelt_out, tell};
use crate::pure::number::{count, grouped};
use crate::pure::sighting::{
    Coverage, Handshake, Hit, HostFinding, LayerCount, Matched, Observation, OneWay,
};
use crate::pure::verdict::{Judgement, Reason, Verdict};
use crate::pure::watchlist::{Counts, Index};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use std::io::{self, Write};

/// So many rows of a table are shown to a person; JSON has them all.
const ROWS_SHOWN_MAX: usize = 200;

/// What there is to print.
pub struct Result<'a> {
    pub judgement: &'a Judgement,
    pub observation: &'a Observation,
    pub index: &'a Index,
    pub wanted: &'a Wanted,
    /// What was to be saved and is not, in sentences.
    pub unsaved: &'a [String],
}

/// `allclear.scan/1`, as in design "What other programs may rely on".
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    verdict: Verdict,
    reasons: &'a [Reason],
    coverage: &'a Coverage,
    watchlist: WatchlistReport,
    hosts: &'a [HostFinding],
    inbound_only: &'a [HostFinding],
    indirect: &'a [HostFinding],
    unattributed_sightings: u64,
    unseen_calls: u64,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    unsaved: &'a [String],
}

#[derive(Serialize)]
struct WatchlistReport {
    sha256: String,
    addresses: u64,
    networks: u64,
    ports: u64,
    domains: u64,
    rejected: u64,
    unusable: u64,
}

/// Prints to standard output, in the way that was asked for.
pub fn print(result: &Result<'_>, args: &ScanArgs) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if result.observation.unlisted_sightings > 0 {
        let sightings = result.observation.unlisted_sightings;
        note(&format!(
            "warning: {sightings} sightings have no row of their own, because there are too many hosts or hits"
        ));
    }
    if args.json {
        return writeln!(out, "{}", spelt_out(&serde_json::to_string_pretty(&report(result))?));
    }
    if args.dump && result.index.counts().total() == 0 {
        return tell(&mut io::stderr().lock(), |out| coverage(out, &result.observation.coverage));
    }
    tell(&mut out, |out| people(out, result))
}

fn report<'a>(result: &Result<'a>) -> Report<'a> {
    let Counts { addresses, networks, ports, domains } = result.index.counts();
    let Observation { coverage, hosts, inbound_only, indirect, unattributed_sightings, unseen_calls, .. } =
        result.observation;
    let sha256 = result.index.sha256();
    Report {
        schema: "allclear.scan/1",
        verdict: result.judgement.verdict,
        reasons: &result.judgement.reasons,
        coverage,
        watchlist: WatchlistReport {
            sha256,
            addresses,
            networks,
            ports,
            domains,
            rejected: result.wanted.rejected(),
            unusable: result.wanted.unusable(),
        },
        hosts,
        inbound_only,
        indirect,
        unattributed_sightings: *unattributed_sightings,
        unseen_calls: *unseen_calls,
        unsaved: result.unsaved,
    }
}

fn people(out: &mut impl Write, result: &Result<'_>) -> io::Result<()> {
    let observation = result.observation;
    let verdict = match result.judgement.verdict {
        Verdict::Pass => "PASS: no inside host made contact",
        Verdict::Fail => "FAIL",
        Verdict::Inconclusive => "INCONCLUSIVE",
    };
    writeln!(out, "{verdict}")?;
    for reason in &result.judgement.reasons {
        writeln!(out, "  {}", reason.text)?;
    }
    hosts(out, "Inside hosts that made contact", &observation.hosts)?;
    hosts(out, "Inside hosts that only received", &observation.inbound_only)?;
    hosts(out, "Resolvers that asked for others", &observation.indirect)?;
    if observation.unattributed_sightings > 0 {
        let sightings = observation.unattributed_sightings;
        writeln!(
            out,
            "\n{} with a watchlist entry and no inside host: is this the inside of the NAT?",
            count(sightings, "packet")
        )?;
    }
    writeln!(out)?;
    result.unsaved.iter().try_for_each(|gap| writeln!(out, "Not saved: {gap}."))?;
    coverage(out, &observation.coverage)?;
    let Counts { addresses, networks, ports, domains } = result.index.counts();
    writeln!(
        out,
        "Looked for {}, {}, {}, {}.",
        count(addresses, "address"),
        count(networks, "network"),
        count(ports, "port range"),
        count(domains, "domain")
    )
}

fn hosts(out: &mut impl Write, title: &str, findings: &[HostFinding]) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let head = [
        "Host",
        "MAC",
        "Contacts",
        "Entry",
        "Watchlist",
        "Matched",
        "Remote",
        "Port",
        "State",
        "Out",
        "In",
        "First",
        "Last",
    ];
    table.set_header(head);
    let rows = findings.iter().flat_map(|finding| finding.hits.iter().map(move |hit| (finding, hit)));
    let mut left_out = 0;
    for (number, (finding, hit)) in rows.enumerate() {
        if number < ROWS_SHOWN_MAX {
            table.add_row(row(finding, hit));
        } else {
            left_out += 1;
        }
    }
    writeln!(out, "\n{title}:\n{}", table.trim_fmt())?;
    if left_out > 0 { writeln!(out, "… and {left_out} more rows; --json has them all") } else { Ok(()) }
}

fn row(finding: &HostFinding, hit: &Hit) -> [String; 13] {
    let port = hit.port.map(|port| format!("{}/{port}", hit.protocol));
    [
        finding.name.as_ref().map_or(finding.host.to_string(), |name| format!("{} ({name})", finding.host)),
        finding.mac.map(|mac| mac.to_string()).unwrap_or_default(),
        hit.contacts.to_string(),
        hit.entry.clone(),
        hit.watchlist.clone(),
        matched(hit.matched).to_owned(),
        hit.remote.to_string(),
        port.unwrap_or_else(|| hit.protocol.clone()),
        handshake(hit.handshake).to_owned(),
        hit.sightings_out.to_string(),
        (hit.sightings - hit.sightings_out).to_string(),
        format!("{:.0}", hit.first),
        format!("{:.0}", hit.last),
    ]
}

fn matched(matched: Matched) -> &'static str {
    match matched {
        Matched::Address => "address",
        Matched::Network => "network",
        Matched::Port => "port",
        Matched::Dns => "dns",
        Matched::Tls => "tls",
        Matched::Http => "http",
    }
}

fn handshake(handshake: Handshake) -> &'static str {
    match handshake {
        Handshake::None => "",
        Handshake::Syn => "no answer",
        Handshake::Refused => "refused",
        Handshake::Established => "established",
    }
}

fn coverage(out: &mut impl Write, coverage: &Coverage) -> io::Result<()> {
    let time = coverage.first.zip(coverage.last);
    let time = time.map(|(first, last)| format!(" from {first:.0} to {last:.0}")).unwrap_or_default();
    let bytes = coverage.heard_bytes.map_or_else(|| "unknown bytes".to_owned(), |bytes| count(bytes, "byte"));
    let lost = coverage.lost();
    let at_least = if lost.is_in_part() { "at least " } else { "" };
    let lost =
        lost.packets().map_or_else(|| "unknown".to_owned(), |lost| format!("{at_least}{}", grouped(lost)));
    writeln!(
        out,
        "Heard {} ({bytes}) of {}{time}; lost {lost}, cut short {}, unreadable {}, copies {}.",
        count(coverage.heard_packets, "packet"),
        count(coverage.inside_hosts, "inside host"),
        grouped(coverage.truncated_packets),
        grouped(coverage.undecoded_packets),
        grouped(coverage.duplicate_packets),
    )?;
    if let Some(one_way) = coverage.one_way {
        let (shown, missing) = match one_way {
            OneWay::Outbound => ("inside hosts send", "what they are sent"),
            OneWay::Inbound => ("inside hosts are sent", "what they send"),
        };
        writeln!(out, "Only what {shown} was heard: the mirror does not show {missing}.")?;
    }
    layers(out, "Unreadable", &coverage.undecoded)
}

fn layers(out: &mut impl Write, what: &str, rows: &[LayerCount]) -> io::Result<()> {
    let rows: Vec<String> =
        rows.iter().map(|row| format!("{} of {}", grouped(row.packets), row.layer)).collect();
    if rows.is_empty() { Ok(()) } else { writeln!(out, "{what}: {}.", rows.join("; ")) }
}
