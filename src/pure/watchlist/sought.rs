//! Which entries would match this address or name, whatever the port? For people who ask.

use super::{Entry, Target, domain};
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
            Ok(address) => Ok(Sought::Address(address.to_canonical())),
            Err(_) => domain::normalise(text.trim()).map(Sought::Name),
        }
    }

    /// Whether a packet to it could match the entry; entries of ports alone match no one in
    /// particular.
    pub fn is_matched_by(&self, entry: &Entry) -> bool {
        match (self, &entry.target) {
            (Sought::Address(address), Target::Address(listed)) => address == listed,
            (Sought::Address(address), Target::Network(network)) => network.contains(address),
            (Sought::Name(name), Target::Domain(listed)) => {
                let above = name.strip_suffix(listed.as_str());
                above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_matches_its_networks_and_a_name_what_it_lies_below() {
        let rows = [
            ("1.2.3.4", "1.2.3.4:80", true),
            ("1.2.3.4", "1.2.3.0/24", true),
            ("1.2.4.0", "1.2.3.0/24", false),
            ("1.2.3.4", "tcp/25", false),
            ("A.Evil.Example.", "evil.example", true),
            ("notevil.example", "evil.example", false),
        ];
        for (sought, entry, wanted) in rows {
            let parsed = Sought::parse(sought).expect(sought);
            assert_eq!(
                parsed.is_matched_by(&Entry::parse(entry).expect(entry)[0]),
                wanted,
                "{sought} {entry}"
            );
        }
        assert!(Sought::parse("no name").is_err());
    }
}
