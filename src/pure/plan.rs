//! What does a run capture and look for? Playbook, site, ticket and window in, [`CapturePlan`] out.

use crate::pure::interval::Interval;
use crate::pure::playbook::{Keep, Library, Playbook, REPORTED};
use crate::pure::site::{Site, Source};
use crate::pure::ticket::{self, Run, Ticket};
use crate::pure::verdict::BlamedHost;
use crate::pure::watchlist::{Entry, PortRange, Target, Transport, Watchlist};
use ipnet::IpNet;
use jiff::tz::TimeZone;

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
    /// Those that the stage names, `reported` among them; files are not read yet.
    pub watchlists: Vec<Watchlist>,
    pub inside: Vec<IpNet>,
    /// Hosts inside that ask DNS for others.
    pub resolvers: Vec<IpNet>,
    pub public: Vec<IpNet>,
    /// Hosts whose presence must be known.
    pub blamed: Vec<BlamedHost>,
    /// Where evidence goes, relative to the state directory and without its ending:
    /// `evidence/7/41`; `-hits.pcapng` or, where all is kept, `-all.pcapng` is added, and the source's name
    /// when there are several.
    pub evidence_stem: String,
}

/// The order of a run that has begun. Sources, watchlists and stages that people have taken out of
/// their files since then are left out; the judge counts what is missing as unmet.
pub fn draw(library: &Library, site: &Site, playbook: &Playbook, ticket: &Ticket, run: &Run) -> CapturePlan {
    let stage = playbook.stage(run.stage).unwrap_or(&playbook.verify);
    let names = stage.watchlists.iter();
    CapturePlan {
        window: run.window(),
        zone: site.timezone.clone(),
        sources: library.sources_of(site).cloned().collect(),
        filter: stage.capture.filter.clone(),
        packets_max: stage.capture.packets_max,
        bytes_max: stage.capture.bytes_max,
        keep: stage.capture.keep,
        watchlists: names.map(|name| watchlist(playbook, ticket, name)).collect(),
        inside: site.inside.clone(),
        resolvers: site.resolvers.clone(),
        public: site.public.clone(),
        blamed: ticket::blamed(ticket),
        evidence_stem: format!("evidence/{}/{}", ticket.id, run.id),
    }
}

fn watchlist(playbook: &Playbook, ticket: &Ticket, name: &str) -> Watchlist {
    match playbook.watchlists.get(name) {
        Some(list) => list.clone(),
        None if name == REPORTED => reported(ticket),
        None => Watchlist { name: name.to_owned(), ..Watchlist::default() },
    }
}

/// What the ticket's own reports name: each address at any port, since a bot changes its ports and
/// keeps its sinkhole. A report without address gives its port, at any address.
pub fn reported(ticket: &Ticket) -> Watchlist {
    let mut list = Watchlist { name: REPORTED.to_owned(), ..Watchlist::default() };
    for report in &ticket.reports {
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
