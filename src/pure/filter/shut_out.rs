//! Which entries of the watchlists can no packet show that passes the filter? A run that looks for
//! `192.0.2.9:443` behind `port 80` would pass for ever.
//!
//! The compiled filter is asked with made-up packets of each entry. Nothing is said unless it is sure: of filters
//! made of hosts, networks, ports and protocols alone, all that they can tell apart is tried.

use super::words::words;
use crate::pure::address::{Translator, translated};
use crate::pure::protocol::{ICMP, ICMP_6, TCP, UDP};
use crate::pure::watchlist::{Entry, Index, ListFault, PortRange, Target};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// So many entries of a list are looked at, spread over all.
const ENTRIES_MAX: usize = 4_096;

/// So many packets are made up for all lists of a run, a tenth of a second; beyond, nothing is said.
const PACKETS_MAX: u32 = 500_000;

/// A filter with more addresses or ports, or a site with more networks, is not asked.
const MARKS_MAX: usize = 64;

/// Up to so many of a hundred entries may be shut out, as of lines that could not be applied.
const SHUT_OUT_PERCENT_MAX: usize = 1;

/// What a filter may be made of so that addresses, protocol and ports decide.
const WORDS: [&str; 17] = [
    "host",
    "net",
    "src",
    "dst",
    "port",
    "portrange",
    "tcp",
    "udp",
    "ip",
    "ip6",
    "icmp",
    "icmp6",
    "and",
    "or",
    "not",
    "(",
    ")",
];

/// Ports that hosts call from lie above.
const CLIENT_PORT_MIN: u16 = 32_768;
const CLIENT_PORT: u16 = 40_001;

/// Ends that no list and no filter names, unless it names all.
const ANYWHERE: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(223, 255, 255, 77)),
    IpAddr::V6(Ipv6Addr::new(0x3fff, 0xfff, 0x77, 0, 0, 0, 0, 0x77)),
];

/// Lists of whose entries more than a few can never be seen, each with how many and the first of them.
/// `nat64` are the translators of the site, which show an address of IPv4 as one of IPv6; `passes` tells whether the
/// filter lets a frame of Ethernet pass.
pub fn shut_out(
    filter: &str,
    inside: &[IpNet],
    nat64: &[Translator],
    index: &Index,
    passes: impl FnMut(&[u8]) -> bool,
) -> Vec<ListFault> {
    let Some(marks) = Marks::of(filter, inside) else { return Vec::new() };
    let mut asking = Asking { passes, marks, nat64, bytes: Vec::new(), packets_left: PACKETS_MAX };
    let samples = index.samples(ENTRIES_MAX);
    let told = samples.iter().filter_map(|(name, entries)| {
        let shut: Vec<&Entry> = entries
            .iter()
            .filter(|(entry, ports)| !asking.can_show(entry, ports))
            .map(|(entry, _)| entry)
            .collect();
        let first = shut.first().filter(|_| shut.len() * 100 > entries.len() * SHUT_OUT_PERCENT_MAX)?;
        let many = if entries.len() == 1 {
            "the entry".to_owned()
        } else {
            format!("{} of {} entries", shut.len(), entries.len())
        };
        let what = format!("{many} can be in no packet that passes the filter, such as {}", first.text);
        Some(ListFault { list: (*name).to_owned(), what })
    });
    let told: Vec<_> = told.collect();
    if asking.packets_left == 0 { Vec::new() } else { told }
}

/// What a filter tells apart.
struct Marks {
    /// Addresses inside, each end of a network.
    inside: Vec<IpAddr>,
    /// The ends of what the filter names, and one that nobody names.
    others: Vec<IpAddr>,
    ports: BTreeSet<u16>,
    /// Those of them that hosts may call from.
    clients: Vec<u16>,
}

impl Marks {
    /// `None` where the filter asks for more than addresses, protocols and ports, or for too many.
    fn of(filter: &str, inside: &[IpNet]) -> Option<Marks> {
        let (mut networks, mut ports) = (Vec::new(), BTreeSet::from([53, 80, 443, CLIENT_PORT]));
        let words: Vec<&str> = words(filter).into_iter().map(|word| word.text).collect();
        for (place, word) in words.iter().enumerate() {
            let bits = words.get(place + 1).filter(|next| **next == "/").and_then(|_| words.get(place + 2));
            if let Some(network) = network(word, bits.copied()) {
                networks.push(network);
            } else if let Some((first, last)) = port_range(word) {
                ports.extend([first.saturating_sub(1), first, last, last.saturating_add(1)]);
            } else if !WORDS.contains(word) && !["/", "!", "&", "|"].contains(word) {
                return None;
            }
        }
        if networks.len().max(inside.len()) > MARKS_MAX || ports.len() > 4 * MARKS_MAX {
            return None;
        }
        let named: Vec<IpAddr> = networks.iter().copied().flat_map(ends).collect();
        let is_inside = |address: &IpAddr| inside.iter().any(|network| network.contains(address));
        // Of a family without a network inside, any host may be the one.
        let is_of_none =
            |end: &IpAddr| inside.iter().all(|network| network.addr().is_ipv4() != end.is_ipv4());
        let of_site = inside.iter().copied().flat_map(ends).chain(ANYWHERE.into_iter().filter(is_of_none));
        Some(Marks {
            inside: of_site.chain(named.iter().copied().filter(is_inside)).collect(),
            others: named.into_iter().chain(ANYWHERE).collect(),
            clients: ports.range(CLIENT_PORT_MIN..).copied().collect(),
            ports,
        })
    }
}

/// A network or address as a filter spells it: `10.16` is one of 16 bits.
fn network(word: &str, bits: Option<&str>) -> Option<IpNet> {
    let parts = word.split('.').count();
    let is_short = (2..4).contains(&parts) && word.split('.').all(|part| part.parse::<u8>().is_ok());
    let padded = if is_short { format!("{word}{}", ".0".repeat(4 - parts)) } else { word.to_owned() };
    let address: IpAddr = padded.parse().ok()?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let own = if is_short { 8 * parts as u8 } else { whole };
    IpNet::new(address, bits.and_then(|bits| bits.parse().ok()).unwrap_or(own)).ok()
}

fn port_range(word: &str) -> Option<(u16, u16)> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    Some((first.parse().ok()?, last.parse().ok()?))
}

fn ends(network: IpNet) -> [IpAddr; 2] {
    [network.network(), network.broadcast()]
}

/// A filter that is asked again and again.
struct Asking<'a, P> {
    passes: P,
    marks: Marks,
    nat64: &'a [Translator],
    bytes: Vec<u8>,
    packets_left: u32,
}

impl<P: FnMut(&[u8]) -> bool> Asking<'_, P> {
    /// Whether some packet between an inside host and the entry passes; in doubt one does.
    fn can_show(&mut self, entry: &Entry, ports: &[PortRange]) -> bool {
        let Marks { inside, others, .. } = &self.marks;
        let remotes: Vec<IpAddr> = match &entry.target {
            Target::Address(address) => vec![*address],
            Target::Network(network) => {
                let is_within = |address: &&IpAddr| network.contains(&translated(self.nat64, **address));
                let within = others.iter().filter(is_within);
                within.copied().chain(ends(*network)).collect()
            }
            Target::Domain(_) => others.iter().chain(inside).copied().collect(),
            Target::Anywhere => others.clone(),
        };
        let shown_else: Vec<IpAddr> = remotes.iter().flat_map(|remote| self.shown_as(*remote)).collect();
        let remotes: Vec<IpAddr> = remotes.into_iter().chain(shown_else).collect();
        let hosts = inside.clone();
        let services = self.services(entry, ports);
        let pairs = hosts.iter().flat_map(|host| remotes.iter().map(move |remote| (*host, *remote)));
        pairs
            .filter(|(host, remote)| host.is_ipv4() == remote.is_ipv4())
            .any(|(host, remote)| services.iter().any(|service| self.passes(host, remote, *service)))
    }

    /// As what else the translators show an address.
    fn shown_as(&self, remote: IpAddr) -> impl Iterator<Item = IpAddr> {
        let original = match remote {
            IpAddr::V4(original) => Some(original),
            IpAddr::V6(_) => None,
        };
        let made = |original| self.nat64.iter().map(move |translator| IpAddr::V6(translator.made(original)));
        original.into_iter().flat_map(made)
    }

    /// The protocols and ports at which an entry is looked for, as far as the filter tells them apart.
    fn services(&self, entry: &Entry, ports: &[PortRange]) -> Vec<(u8, u16)> {
        let marks = self.marks.ports.iter().copied();
        let tried: BTreeSet<u16> =
            marks.chain(ports.iter().flat_map(|range| [range.first, range.last])).collect();
        let is_wanted = |protocol: u8, port: u16| {
            ports.is_empty() || ports.iter().any(|range| range.contains(protocol, port))
        };
        // Names stand in what TCP and UDP carry.
        let has_none = ports.is_empty() && !matches!(entry.target, Target::Domain(_));
        let of = |protocol: u8| tried.iter().map(move |port| (protocol, *port));
        let with_ports = of(TCP).chain(of(UDP)).filter(|(protocol, port)| is_wanted(*protocol, *port));
        with_ports.chain([(ICMP, 0), (ICMP_6, 0)].into_iter().filter(|_| has_none)).collect()
    }

    /// Whether what a host says to a service, from any port that hosts use, or what comes back, passes.
    fn passes(&mut self, host: IpAddr, remote: IpAddr, (protocol, port): (u8, u16)) -> bool {
        (0..self.marks.clients.len()).any(|number| {
            let client = self.marks.clients[number];
            self.packets_left = self.packets_left.saturating_sub(2);
            self.packets_left == 0
                || self.asks((host, client), (remote, port), protocol)
                || self.asks((remote, port), (host, client), protocol)
        })
    }

    fn asks(&mut self, from: (IpAddr, u16), to: (IpAddr, u16), protocol: u8) -> bool {
        self.bytes.clear();
        write_frame(from, to, protocol, &mut self.bytes);
        (self.passes)(&self.bytes)
    }
}

/// Writes the smallest packet there is, in Ethernet; `from` and `to` are of one family.
fn write_frame(
    (source, from): (IpAddr, u16),
    (destination, to): (IpAddr, u16),
    protocol: u8,
    bytes: &mut Vec<u8>,
) {
    const SEGMENT_BYTES: u8 = 20;
    bytes.extend([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            bytes.extend([8, 0, 0x45, 0, 0, 20 + SEGMENT_BYTES, 0, 0, 0, 0, 64, protocol, 0, 0]);
            bytes.extend(source.octets().into_iter().chain(destination.octets()));
        }
        (source, destination) => {
            let octets = |address: IpAddr| match address {
                IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                IpAddr::V6(address) => address.octets(),
            };
            bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, SEGMENT_BYTES, protocol, 64]);
            bytes.extend(octets(source).into_iter().chain(octets(destination)));
        }
    }
    let (from, to) = if matches!(protocol, TCP | UDP) { (from, to) } else { (8 << 8, 0) };
    bytes.extend(from.to_be_bytes().into_iter().chain(to.to_be_bytes()));
    bytes.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0]);
}
