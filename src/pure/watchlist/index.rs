//! Which entries of which lists does this end of a packet match? All lists of a run, put
//! together from compiled parts that other runs may share.
//!
//! Left of it are `part` and `file`, right of it `sighting`, which asks the `gate` first. It must never forget a list: an entry
//! that several lists name is there once for each of them.

use super::part::{Part, Place};
use super::{Entry, PortRange, Require, Target, Watchlist, lines};
use ipnet::IpNet;
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

/// A watchlist with what its file held.
#[derive(Clone, Debug)]
pub struct CompiledList<'a> {
    pub watchlist: &'a Watchlist,
    /// `None` when it names no file, or one that could not be used.
    pub file: Option<Arc<Part>>,
}

/// One entry of one list, by its number in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub u32);

/// An entry with the ports at which it is looked for; any where there are none.
pub type Sample = (Entry, Vec<PortRange>);

/// How many entries of each kind an index holds, over all lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub addresses: u64,
    pub networks: u64,
    pub ports: u64,
    pub domains: u64,
}

impl Counts {
    /// All kinds together.
    pub fn total(&self) -> u64 {
        let Counts { addresses, networks, ports, domains } = *self;
        addresses + networks + ports + domains
    }

    /// Counts entries of any source.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Counts {
        let mut counts = Counts::default();
        entries.into_iter().for_each(|entry| counts.add(&entry.target));
        counts
    }

    pub(super) fn add(&mut self, target: &Target) {
        match target {
            Target::Address(_) => self.addresses += 1,
            Target::Network(_) => self.networks += 1,
            Target::Anywhere => self.ports += 1,
            Target::Domain(_) => self.domains += 1,
        }
    }

    fn plus(self, other: Counts) -> Counts {
        let Counts { addresses, networks, ports, domains } = other;
        Counts {
            addresses: self.addresses + addresses,
            networks: self.networks + networks,
            ports: self.ports + ports,
            domains: self.domains + domains,
        }
    }
}

/// An entry that matched, and by what part of it. Sorts the most telling first: an address before
/// the networks around it, those before ports, and names last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Match {
    pub kind: MatchKind,
    pub entry: EntryId,
}

/// What kind of target matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchKind {
    Address,
    Network,
    Port,
    Domain,
}

/// The end of a packet that may be a watchlist entry.
#[derive(Clone, Copy, Debug)]
pub struct End {
    pub address: IpAddr,
    /// IANA protocol number of the packet.
    pub protocol: u8,
    /// Port at this end; `None` where there is none or it could not be read.
    pub port: Option<u16>,
    /// Whether entries that name ports alone may match here: only at ends outside the site.
    pub is_outside: bool,
}

#[derive(Debug)]
struct List {
    name: String,
    /// Narrow its addresses and networks; empty: no narrowing.
    ports: Vec<PortRange>,
    except: Vec<IpNet>,
    require: Require,
    /// How many entries it has, each range being one; 0 unless it requires all.
    distinct: u32,
}

/// A part in its list.
#[derive(Clone, Debug)]
struct Placed {
    part: Arc<Part>,
    list: u16,
    /// The number of its first entry in the index.
    first: u32,
}

/// All lists of a run, compiled; never changes, and is cheap to clone.
#[derive(Clone, Debug)]
pub struct Index {
    lists: Arc<[List]>,
    placed: Arc<[Placed]>,
}

impl Index {
    /// Puts the lists of a run together. At most 65,535 lists; a run's stage names a handful.
    pub fn compile(lists: &[CompiledList<'_>]) -> Index {
        let mut placed: Vec<Placed> = Vec::new();
        let mut first = 0_u32;
        let take = |(number, compiled): (usize, &CompiledList<'_>)| {
            let list = u16::try_from(number).expect("a stage names fewer than 65,536 watchlists");
            let own = Some(own_entries(compiled.watchlist)).filter(|entries| !entries.is_empty());
            let parts =
                own.map(|entries| Arc::new(Part::of(&entries))).into_iter().chain(compiled.file.clone());
            let mut distinct = 0;
            for part in parts {
                distinct += if compiled.watchlist.require == Require::All { part.distinct() } else { 0 };
                let places = part.places();
                placed.push(Placed { part, list, first });
                first = first.checked_add(places).expect("fewer than 2^32 entries fit in memory");
            }
            list_of(compiled.watchlist, distinct)
        };
        let lists = lists.iter().enumerate().map(take).collect();
        Index { lists, placed: placed.into() }
    }

    /// Whether an entry names the address, or a network around it, perhaps at certain ports only.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.parts().any(|part| part.holds(address))
    }

    /// Whether an entry names a port of the protocol, at any address outside.
    pub fn names_port_of(&self, protocol: u8) -> bool {
        self.parts().any(|part| part.ports.set().has_any(protocol))
    }

    /// What of `list` is not looked for by one of its name here: nothing when all is. Of a list that counts only as
    /// a whole, all or nothing.
    pub fn lacking(&self, list: &Watchlist) -> Option<Watchlist> {
        let lacks = |entry: &&Entry| !self.holds_entry(&list.name, entry);
        let lacking: Vec<Entry> = list.entries.iter().filter(lacks).cloned().collect();
        let entries = match (lacking.is_empty(), list.require) {
            (true, _) => return None,
            (false, Require::Any) => lacking,
            (false, Require::All) => list.entries.clone(),
        };
        Some(Watchlist { entries, ..list.clone() })
    }

    /// Whether a list of that name has the entry, as it is spelt here, at no fewer ports.
    fn holds_entry(&self, name: &str, entry: &Entry) -> bool {
        self.placed.iter().any(|placed| {
            let list = &self.lists[usize::from(placed.list)];
            let is_as_wide = |own: Option<PortRange>| match (entry.ports, own) {
                (Some(wanted), Some(own)) => own == wanted,
                (Some(wanted), None) => list.ports.is_empty() || list.ports.contains(&wanted),
                (None, own) => own.is_none() && list.ports.is_empty(),
            };
            let is_name = matches!(entry.target, Target::Domain(_));
            list.name == name && placed.part.spelt(entry).any(|own| is_name || is_as_wide(own))
        })
    }

    /// The parts that it is made of.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Arc<Part>> + Clone {
        self.placed.iter().map(|placed| &placed.part)
    }

    /// How many entries there are of each kind.
    pub fn counts(&self) -> Counts {
        self.parts().map(|part| part.counts()).fold(Counts::default(), Counts::plus)
    }

    /// SHA-256 over the sorted, distinct entries in their plain spelling, a line each; hexadecimal.
    /// Two files with the same entries in another order or spelling have the same. Worked out anew each
    /// time.
    pub fn sha256(&self) -> String {
        lines::sha256(self.parts().map(Arc::as_ref))
    }

    /// Of each list the name and at most so many entries, spread over all.
    pub fn samples(&self, entries_max: usize) -> Vec<(&str, Vec<Sample>)> {
        let numbered = self.lists.iter().enumerate();
        numbered.map(|(number, list)| (list.name.as_str(), self.sample(number, list, entries_max))).collect()
    }

    fn sample(&self, number: usize, list: &List, entries_max: usize) -> Vec<Sample> {
        let of_list = self.placed.iter().filter(|placed| usize::from(placed.list) == number);
        let parts: Vec<&Part> = of_list.map(|placed| placed.part.as_ref()).collect();
        let all: u64 = parts.iter().map(|part| part.counts().total()).sum();
        let step = usize::try_from(all).unwrap_or(usize::MAX) / entries_max.max(1) + 1;
        let entries = parts.into_iter().flat_map(Part::entries).step_by(step);
        entries.map(|entry| with_ports(entry, list)).collect()
    }

    /// Whether any entry is a name, so that payloads have to be looked into.
    pub fn has_domains(&self) -> bool {
        self.parts().any(|part| part.has_domains())
    }

    /// The entry as its list spells it.
    pub fn text(&self, entry: EntryId) -> Cow<'_, str> {
        let placed = self.placed(entry);
        placed.part.text(placed.place(entry))
    }

    /// The name of the list that the entry stands in.
    pub fn list_name(&self, entry: EntryId) -> &str {
        &self.lists[self.list(entry)].name
    }

    /// Number of the list that the entry stands in.
    pub fn list(&self, entry: EntryId) -> usize {
        usize::from(self.placed(entry).list)
    }

    /// Whether only hosts count that contacted every entry of the list that `entry` stands in, and
    /// how many distinct entries those are.
    pub fn required(&self, entry: EntryId) -> Option<u32> {
        let list = &self.lists[self.list(entry)];
        (list.require == Require::All).then_some(list.distinct)
    }

    fn placed(&self, entry: EntryId) -> &Placed {
        let after = self.placed.partition_point(|placed| placed.first <= entry.0);
        &self.placed[after - 1]
    }

    /// Adds every entry that `end` matches to `found`; `other` is the packet's other end, which an
    /// `except` may name too.
    pub fn look_up(&self, end: End, other: IpAddr, found: &mut Vec<Match>) {
        for placed in self.placed.iter() {
            let start = found.len();
            let list = &self.lists[usize::from(placed.list)];
            placed.part.look_up(end, |kind, place, ports| {
                if has_ports(ports, list, end) {
                    found.push(Match { kind, entry: placed.entry(place) });
                }
            });
            keep(start, found, !is_excepted(list, end.address, other));
        }
    }

    /// Adds every domain entry that `name` is, or lies below, to `found`. `name` is in lower case,
    /// without a final dot; the two addresses are the packet's ends.
    pub fn look_up_name(&self, name: &str, ends: (IpAddr, IpAddr), found: &mut Vec<Match>) {
        for placed in self.placed.iter() {
            let start = found.len();
            let list = &self.lists[usize::from(placed.list)];
            placed.part.look_up_name(name, |place| {
                found.push(Match { kind: MatchKind::Domain, entry: placed.entry(place) });
            });
            keep(start, found, !is_excepted(list, ends.0, ends.1));
        }
    }
}

impl Placed {
    fn entry(&self, place: Place) -> EntryId {
        EntryId(self.first + place.0)
    }

    fn place(&self, entry: EntryId) -> Place {
        Place(entry.0 - self.first)
    }
}

/// The entries that the list's keys say directly; ports with nothing to narrow are entries too. A list
/// with a file has something to narrow, even when the file turned out empty: else an unreadable file
/// would blame whoever uses the port.
fn own_entries(watchlist: &Watchlist) -> Vec<Entry> {
    let mut entries = watchlist.entries.clone();
    if has_ports_alone(watchlist) {
        let port = |&range: &PortRange| Entry {
            text: range.to_string(),
            target: Target::Anywhere,
            ports: Some(range),
        };
        entries.extend(watchlist.ports.iter().map(port));
    }
    entries
}

fn has_ports_alone(watchlist: &Watchlist) -> bool {
    let is_place = |entry: &Entry| matches!(entry.target, Target::Address(_) | Target::Network(_));
    watchlist.file.is_none() && !watchlist.entries.iter().any(is_place)
}

fn list_of(watchlist: &Watchlist, distinct: u32) -> List {
    List {
        name: watchlist.name.clone(),
        ports: if has_ports_alone(watchlist) { Vec::new() } else { watchlist.ports.clone() },
        except: watchlist.except.clone(),
        require: watchlist.require,
        distinct,
    }
}

/// Drops all from `start` on unless they hold, and repetitions: a range is several networks.
fn keep(start: usize, found: &mut Vec<Match>, holds: bool) {
    if !holds {
        found.truncate(start);
    }
    if found.len() > start + 1 {
        found[start..].sort_unstable_by_key(|matched| (matched.entry, matched.kind));
        let mut kept = start;
        for position in start + 1..found.len() {
            if found[position].entry != found[kept].entry {
                kept += 1;
                found[kept] = found[position];
            }
        }
        found.truncate(kept + 1);
    }
}

fn has_ports(own: Option<PortRange>, list: &List, end: End) -> bool {
    let holds = |range: &PortRange| end.port.is_some_and(|port| range.contains(end.protocol, port));
    match &own {
        Some(own) => holds(own),
        None => list.ports.is_empty() || list.ports.iter().any(holds),
    }
}

fn with_ports(entry: Entry, list: &List) -> (Entry, Vec<PortRange>) {
    let ports = match (&entry.target, entry.ports) {
        // Names are read at any port.
        (Target::Domain(_), _) => Vec::new(),
        (_, Some(own)) => vec![own],
        (_, None) => list.ports.clone(),
    };
    (entry, ports)
}

fn is_excepted(list: &List, one: IpAddr, other: IpAddr) -> bool {
    list.except.iter().any(|network| network.contains(&one) || network.contains(&other))
}

#[cfg(test)]
mod tests {
    use super::super::Gate;
    use super::*;

    fn list(name: &str, entries: &[&str]) -> Watchlist {
        let entries = entries.iter().flat_map(|text| Entry::parse(text).expect(text)).collect();
        Watchlist { name: name.to_owned(), entries, ..Watchlist::default() }
    }

    fn ports(texts: &[&str]) -> Vec<PortRange> {
        texts.iter().map(|text| PortRange::parse(text).expect(text)).collect()
    }

    fn compile(lists: &[Watchlist]) -> Index {
        let lists: Vec<_> = lists.iter().map(|watchlist| CompiledList { watchlist, file: None }).collect();
        Index::compile(&lists)
    }

    /// The entries that match the outside end `address`, as "list:entry", in the order of telling.
    fn found(index: &Index, address: &str, protocol: u8, port: u16, other: &str) -> String {
        let address = address.parse().expect("an address");
        let end = End { address, protocol, port: Some(port), is_outside: true };
        let mut found = Vec::new();
        index.look_up(end, other.parse().expect("an address"), &mut found);
        found.sort_unstable();
        assert!(found.is_empty() || Gate::of([index]).may_match(end), "the fast path must never miss");
        let name = |m: &Match| format!("{}:{}", index.list_name(m.entry), index.text(m.entry));
        found.iter().map(name).collect::<Vec<_>>().join(" ")
    }

    const HOST: &str = "10.0.0.1";

    #[test]
    fn an_address_on_several_lists_keeps_all_their_names_and_covering_networks() {
        let index = compile(&[
            list("a", &["38.229.131.151", "38.229.128.0/18", "38.0.0.0/8"]),
            list("b", &["38.229.131.151", "2001:db8::/32"]),
        ]);
        let rows = [
            ("38.229.131.151", "a:38.229.131.151 b:38.229.131.151 a:38.229.128.0/18 a:38.0.0.0/8"),
            ("38.229.191.255", "a:38.229.128.0/18 a:38.0.0.0/8"),
            ("38.229.192.0", "a:38.0.0.0/8"),
            ("39.0.0.0", ""),
            ("2001:db8::7", "b:2001:db8::/32"),
            ("2001:db9::", ""),
        ];
        for (address, wanted) in rows {
            assert_eq!(found(&index, address, 6, 80, HOST), wanted, "{address}");
        }
    }

    #[test]
    fn a_range_is_one_entry() {
        let range = list("a", &["10.9.0.1-10.9.0.9"]);
        let index = compile(&[Watchlist { require: Require::All, ..range }]);
        assert_eq!(found(&index, "10.9.0.5", 6, 80, HOST), "a:10.9.0.1-10.9.0.9");
        assert_eq!(found(&index, "10.9.0.10", 6, 80, HOST), "");
        assert_eq!(index.lists[0].distinct, 1);
    }

    #[test]
    fn ports_narrow_addresses_and_stand_anywhere_only_when_alone() {
        let narrowed = Watchlist { ports: ports(&["tcp/80"]), ..list("n", &["1.2.3.4", "1.2.3.5:443"]) };
        let alone = Watchlist { ports: ports(&["tcp/4152-4177"]), ..list("p", &[]) };
        let unread = Watchlist { ports: ports(&["tcp/81"]), file: Some("gone.txt".into()), ..list("f", &[]) };
        let index = compile(&[narrowed, alone, unread]);
        let rows = [
            ("the port narrows", "1.2.3.4", 6, 80, "n:1.2.3.4"),
            ("another port", "1.2.3.4", 6, 81, ""),
            ("another protocol", "1.2.3.4", 17, 80, ""),
            ("an entry's own port", "1.2.3.5", 6, 443, "n:1.2.3.5:443"),
            ("not the list's", "1.2.3.5", 6, 80, ""),
            ("below the range", "9.9.9.9", 6, 4151, ""),
            ("its first port", "9.9.9.9", 6, 4152, "p:tcp/4152-4177"),
            ("its last port", "9.9.9.9", 6, 4177, "p:tcp/4152-4177"),
            ("above the range", "9.9.9.9", 6, 4178, ""),
            ("a list whose file is gone", "9.9.9.9", 6, 81, ""),
        ];
        for (row, address, protocol, port, wanted) in rows {
            assert_eq!(found(&index, address, protocol, port, HOST), wanted, "{row}");
        }
    }

    #[test]
    fn neither_end_of_an_excepted_packet_is_a_hit() {
        let except = vec!["192.0.2.25/32".parse().expect("a network"), "10.16.0.25/32".parse().expect("one")];
        let spam = Watchlist { except, ..list("spam", &["tcp/25"]) };
        let index = compile(&[spam, list("other", &["192.0.2.25"])]);
        assert_eq!(found(&index, "9.9.9.9", 6, 25, HOST), "spam:tcp/25");
        assert_eq!(found(&index, "9.9.9.9", 6, 25, "10.16.0.25"), "");
        assert_eq!(
            found(&index, "192.0.2.25", 6, 25, HOST),
            "other:192.0.2.25",
            "other lists do not except it"
        );
    }

    #[test]
    fn a_domain_matches_itself_and_names_below_it_only() {
        let index = compile(&[list("a", &["evil.example", "c2.evil.example"])]);
        let ends = (HOST.parse().expect("one"), "10.0.0.2".parse().expect("one"));
        for (name, wanted) in [
            ("evil.example", 1),
            ("x.c2.evil.example", 2),
            ("c2.evil.example", 2),
            ("notevil.example", 0),
            ("evil.example.test", 0),
            ("example", 0),
            ("", 0),
        ] {
            let mut found = Vec::new();
            index.look_up_name(name, ends, &mut found);
            assert_eq!(found.len(), wanted, "{name}");
        }
    }

    #[test]
    fn the_hash_is_of_what_is_looked_for_not_of_how_it_is_written() {
        let one = compile(&[list("a", &["1.2.3.4", "Evil.Example"])]);
        let same = compile(&[list("b", &["evil.example."]), list("c", &["hxxp://1[.]2[.]3[.]4", "1.2.3.4"])]);
        let other = compile(&[list("a", &["1.2.3.4:80", "evil.example"])]);
        assert_eq!(one.sha256(), same.sha256());
        assert_ne!(one.sha256(), other.sha256());
    }
}
