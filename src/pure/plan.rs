//! What does a run capture and look for? Playbook, site, ticket and window in, [`CapturePlan`] out.

use crate::pure::address::Translator;
use crate::pure::intake::DETECTED;
use crate::pure::interval::Interval;
use crate::pure::playbook::{Keep, Library, Playbook, REPORTED, Stage, StageName};
use crate::pure::sighting;
use crate::pure::site::{Site, Source};
use crate::pure::ticket::{self, Run, RunId, Ticket, TicketId};
use crate::pure::verdict::{BlamedHost, CaptureFacts, Excepted, SourceFacts, SystemClock, WatchlistFacts};
use crate::pure::watchlist::{Entry, PortRange, Target, Transport, Watchlist};
use ipnet::IpNet;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// One run's order to the capture edge.
#[derive(Clone, Debug, PartialEq)]
pub struct CapturePlan {
    pub window: Interval,
    /// The site's, in which local times stand in what is captured.
    pub zone: TimeZone,
    /// All of them are captured at once.
    pub sources: Vec<Source>,
    /// pcap-filter(7), as the person typed it.
    pub filter: Option<String>,
    pub packets_max: Option<u64>,
    pub bytes_max: Option<u64>,
    pub keep: Keep,
    /// Those that the stage names, and `reported`; files are not read yet.
    pub watchlists: Vec<Watchlist>,
    /// What blamed hosts called: of it, everything is looked for besides that `watchlists` do not hold.
    pub remembered: Vec<Watchlist>,
    pub inside: Vec<IpNet>,
    /// Hosts inside that ask DNS for others.
    pub resolvers: Vec<IpNet>,
    /// What makes addresses of IPv6 of those of IPv4 there.
    pub nat64: Vec<Translator>,
    pub public: Vec<IpNet>,
    /// Hosts whose presence must be known.
    pub blamed: Vec<BlamedHost>,
    /// The lists that take out a blamed host, where it matters.
    pub excepted: Vec<Excepted>,
    /// Where evidence goes, relative to the state directory and without its ending: `evidence/7/41`, or
    /// `evidence/detect/41`; `-hits.pcapng` or, where all is kept, `-all.pcapng` is added, and before it the
    /// source's name when there are several.
    pub evidence_stem: String,
}

impl CapturePlan {
    /// What came of it, for the judge; the answer of a DNSBL is left for the one who asked it.
    pub fn facts(
        &self,
        sources: Vec<SourceFacts>,
        watchlists: WatchlistFacts,
        clock: SystemClock,
    ) -> CaptureFacts {
        let (planned, blamed) = (self.window, self.blamed.clone());
        let watchlists = WatchlistFacts { excepted: self.excepted.clone(), ..watchlists };
        let mut sources = sources;
        let mut observations: Vec<_> = sources.iter_mut().map(|source| &mut source.observation).collect();
        sighting::complete(&mut observations);
        CaptureFacts { planned, sources, watchlists, blamed, listing: None, clock }
    }

    /// What is to be said of a source that heard IPv6 go to or come from outside, where `inside` names no network of
    /// it: hosts that call over IPv6 cannot be blamed then. In a sentence.
    pub fn trouble_with_ipv6(&self, source: &str, has_routed_ipv6: bool) -> Option<String> {
        let has_network = self.inside.iter().any(|network| network.network().is_ipv6());
        (has_routed_ipv6 && !has_network).then(|| {
            format!(
                "source {source} hears IPv6, and `inside` names no IPv6 network: add it, else nobody is blamed for \
                 what is called over IPv6"
            )
        })
    }
}

/// The order of a run that has begun; a run of a `detect` stage has no ticket. Sources, watchlists and
/// stages that people have taken out of their files since then are left out; the judge counts what is
/// missing as unmet.
pub fn draw(
    library: &Library,
    site: &Site,
    playbook: &Playbook,
    ticket: Option<&Ticket>,
    run: &Run,
) -> CapturePlan {
    let stage = playbook.stage(run.stage).unwrap_or(&playbook.verify);
    let names =
        stage.watchlists.iter().chain(ticket.into_iter().flat_map(|ticket| detected(playbook, ticket)));
    let named = distinct(names).map(|name| watchlist(playbook, ticket, name));
    let watchlists: Vec<Watchlist> = named.chain(unnamed_report(stage, ticket)).collect();
    CapturePlan {
        window: run.window(),
        zone: site.timezone.clone(),
        sources: library.sources_of(site).cloned().collect(),
        filter: stage.capture.filter.clone(),
        packets_max: stage.capture.packets_max,
        bytes_max: stage.capture.bytes_max,
        keep: stage.capture.keep,
        excepted: ticket.map_or_else(Vec::new, |ticket| excepted(&watchlists, ticket)),
        watchlists,
        remembered: ticket.map_or_else(Vec::new, |ticket| ticket::remembered(ticket, playbook)),
        inside: site.inside.clone(),
        resolvers: site.resolvers.clone(),
        nat64: site.nat64.clone(),
        public: site.public.clone(),
        blamed: ticket.map_or_else(Vec::new, ticket::blamed),
        evidence_stem: evidence_stem(ticket.map_or(TicketId::NONE, |ticket| ticket.id), run.id),
    }
}

/// The directory of a ticket's evidence below `evidence`; that of `detect` stages under no ticket's number.
pub fn evidence_directory(ticket: TicketId) -> String {
    if ticket == TicketId::NONE { StageName::Detect.to_string() } else { ticket.to_string() }
}

/// How the paths of a run's evidence begin, relative to the state directory.
pub fn evidence_stem(ticket: TicketId, run: RunId) -> String {
    format!("evidence/{}/{run}", evidence_directory(ticket))
}

/// What the `detect` stage looks for, where it made a report of the ticket: those lists name what the host
/// called, with their exceptions, which the address of one contact would lose.
fn detected<'a>(playbook: &'a Playbook, ticket: &Ticket) -> &'a [String] {
    let is_detected = ticket.reports.iter().any(|report| report.origin == DETECTED);
    playbook.detect.as_ref().filter(|_| is_detected).map_or(&[], |stage| &stage.watchlists)
}

/// What the reports name is looked for also where `match` does not say so: else a run could pass that never looked
/// for what the ticket is about. A port without address, which others use too, only where it does.
fn unnamed_report(stage: &Stage, ticket: Option<&Ticket>) -> Option<Watchlist> {
    let is_named = stage.watchlists.iter().any(|name| name == REPORTED);
    let mut list = reported(ticket.filter(|_| !is_named)?);
    list.entries.retain(|entry| entry.target != Target::Anywhere);
    (!list.entries.is_empty()).then_some(list)
}

/// The lists that take out a blamed host, so that nothing it does could be seen by them: where it once called
/// something of the list, and where no other list sees it.
fn excepted(watchlists: &[Watchlist], ticket: &Ticket) -> Vec<Excepted> {
    let takes_out = |list: &Watchlist, host: IpAddr| list.except.iter().any(|net| net.contains(&host));
    let of_host = |host: IpAddr| {
        let is_hidden = watchlists.iter().all(|list| takes_out(list, host) || list.is_bare());
        let lists = watchlists.iter().filter(move |list| {
            takes_out(list, host) && (is_hidden || ticket::is_called(ticket, &list.name))
        });
        lists.map(move |list| Excepted { list: list.name.clone(), host })
    };
    ticket.watched_hosts().flat_map(|host| of_host(host.host)).collect()
}

fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> impl Iterator<Item = &'a String> {
    let mut told = BTreeSet::new();
    names.filter(move |name| told.insert(*name))
}

fn watchlist(playbook: &Playbook, ticket: Option<&Ticket>, name: &str) -> Watchlist {
    match playbook.watchlists.get(name) {
        Some(list) => list.clone(),
        None if name == REPORTED => ticket.map_or_else(Watchlist::default, reported),
        None => Watchlist { name: name.to_owned(), ..Watchlist::default() },
    }
}

/// What the ticket's own reports name: each address at any port, since a bot changes its ports and
/// keeps its sinkhole. A report without address gives its port, at any address. What a `detect` run reports
/// is looked for by the lists of that stage.
pub fn reported(ticket: &Ticket) -> Watchlist {
    let mut list = Watchlist { name: REPORTED.to_owned(), ..Watchlist::default() };
    for report in ticket.reports.iter().filter(|report| report.origin != DETECTED) {
        let entry = match (report.remote, report.port) {
            (Some(address), _) => {
                Entry { text: address.to_string(), target: Target::Address(address), ports: None }
            }
            (None, Some(port)) => anywhere(report.protocol, port),
            (None, None) => continue,
        };
        if !list.entries.contains(&entry) {
            list.entries.push(entry);
        }
    }
    list
}

fn anywhere(protocol: Option<Transport>, port: u16) -> Entry {
    let text = match protocol {
        Some(Transport::Tcp) => format!("tcp/{port}"),
        Some(Transport::Udp) => format!("udp/{port}"),
        None => port.to_string(),
    };
    Entry { text, target: Target::Anywhere, ports: Some(PortRange { protocol, first: port, last: port }) }
}
