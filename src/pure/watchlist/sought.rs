//! Which entries would match this address or name, whatever the port? For people who ask.

use super::index::{End, MatchKind};
use super::part::{Part, Place};
use super::{Entry, PortRange, Target, domain};
use crate::pure::address;
use std::net::IpAddr;

/// What a person looks up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sought {
    Address(IpAddr),
    /// Normalised as in [`super::normalise_domain`].
    Name(String),
}

impl Sought {
    /// Reads an address or a name; fails with a sentence when it is neither.
    pub fn parse(text: &str) -> Result<Sought, String> {
        match text.trim().parse::<IpAddr>() {
            Ok(address) => Ok(Sought::Address(address::canonical(address))),
            Err(_) => domain::normalise(text.trim()).map(Sought::Name),
        }
    }
}

/// An entry that a packet to what was sought would match, whatever the list adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// As the list spells it.
    pub text: String,
    pub kind: MatchKind,
    /// The only ports at which it matches; `None`: at all.
    pub ports: Option<PortRange>,
}

impl Part {
    /// The own ports of every entry here that has the spelling of this one and matches where it does.
    pub(super) fn spelt<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = Option<PortRange>> + 'a {
        let sought = match &entry.target {
            Target::Address(address) => Some(Sought::Address(*address)),
            Target::Network(network) => Some(Sought::Address(network.network())),
            Target::Domain(name) => Some(Sought::Name(name.clone())),
            Target::Anywhere => None,
        };
        let found = sought.map_or_else(Vec::new, |sought| self.matching(&sought));
        let is_anywhere = entry.target == Target::Anywhere;
        let ports = self.ports.rows().iter().map(|(range, _)| *range);
        let same_ports = ports.filter(move |range| is_anywhere && entry.ports == Some(*range)).map(Some);
        let same = found.into_iter().filter(|found| found.text == entry.text).map(|found| found.ports);
        same.chain(same_ports)
    }

    /// All entries that match, the most telling first; entries of ports alone match no one in particular.
    pub fn matching(&self, sought: &Sought) -> Vec<Found> {
        let mut found: Vec<(MatchKind, Place, Option<PortRange>)> = Vec::new();
        match sought {
            Sought::Address(address) => {
                let end = End { address: *address, protocol: 0, port: None, is_outside: false };
                self.look_up(end, |kind, place, ports| found.push((kind, place, ports)));
            }
            Sought::Name(name) => {
                self.look_up_name(name, |place| found.push((MatchKind::Domain, place, None)));
            }
        }
        found.sort_by_key(|&(kind, place, _)| (kind, place));
        found.dedup_by_key(|&mut (_, place, _)| place);
        let told = |(kind, place, ports)| Found { text: self.text(place).into_owned(), kind, ports };
        found.into_iter().map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Entry;
    use super::*;

    #[test]
    fn an_address_matches_its_networks_and_a_name_what_it_lies_below() {
        let texts = [
            "1.2.3.4:80",
            "1.2.3.4",
            "1.2.0.0/16",
            "1.2.3.0/24",
            "1.2.3.0-1.2.3.9",
            "tcp/25",
            "evil.example",
            "c2.evil.example",
            "2001:db8::/32",
        ];
        let entries: Vec<Entry> = texts.iter().flat_map(|text| Entry::parse(text).expect(text)).collect();
        let part = Part::of(&entries);
        let rows = [
            ("1.2.3.4", "1.2.3.4; 1.2.3.4:80 at 80; 1.2.3.0-1.2.3.9; 1.2.3.0/24; 1.2.0.0/16"),
            ("1.2.4.0", "1.2.0.0/16"),
            ("1.3.0.0", ""),
            ("::ffff:1.2.4.0", "1.2.0.0/16"),
            ("2001:db8::9", "2001:db8::/32"),
            ("A.C2.Evil.Example.", "c2.evil.example; evil.example"),
            ("notevil.example", ""),
        ];
        for (text, wanted) in rows {
            let sought = Sought::parse(text).expect(text);
            let told = |found: &Found| match found.ports {
                Some(ports) => format!("{} at {ports}", found.text),
                None => found.text.clone(),
            };
            let mut found: Vec<String> = part.matching(&sought).iter().map(told).collect();
            if matches!(sought, Sought::Name(_)) {
                found.sort();
            }
            assert_eq!(found.join("; "), wanted, "{text}");
        }
        assert!(Sought::parse("no name").is_err());
    }
}
