//! What does each address in a DNSBL's reply mean? The operators' code table, as data.
//!
//! From the operators' documentation of their zones. A code that does not stand here is unknown, never
//! listed and never clean.

use std::net::Ipv4Addr;

/// What a code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The address is listed as infected.
    Infected,
    /// A list of something else, no sign of an infection.
    Other,
    /// A list of something worse or near to it, which a person has to read about.
    ReadPage,
    /// No answer, but an error of the list; with what to do about it.
    Error(&'static str),
}

/// A code, or a range of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    pub first: Ipv4Addr,
    pub last: Ipv4Addr,
    pub meaning: Meaning,
    /// What it is called, for people.
    pub name: &'static str,
}

const fn code(first: [u8; 4], last: u8, meaning: Meaning, name: &'static str) -> Code {
    let [a, b, c, d] = first;
    Code { first: Ipv4Addr::new(a, b, c, d), last: Ipv4Addr::new(a, b, c, last), meaning, name }
}

/// The code that the test entry has to have, and that is looked for.
pub const WANTED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 4);

/// The code table.
pub const CODES: [Code; 13] = [
    code([127, 0, 0, 2], 2, Meaning::Other, "SBL, sources of spam"),
    code([127, 0, 0, 3], 3, Meaning::Other, "SBL CSS, sources of spam"),
    code([127, 0, 0, 4], 4, Meaning::Infected, "XBL, infected machines"),
    code([127, 0, 0, 5], 7, Meaning::Infected, "an old code of the XBL, infected machines"),
    code([127, 0, 0, 9], 9, Meaning::Other, "DROP, hijacked networks"),
    code([127, 0, 0, 10], 11, Meaning::Other, "PBL, a policy range and no sign of infection"),
    code([127, 0, 0, 20], 20, Meaning::ReadPage, "AuthBL, stolen mail passwords"),
    code([127, 0, 0, 30], 30, Meaning::ReadPage, "BCL, servers that command bots"),
    code(
        [127, 255, 255, 252],
        252,
        Meaning::Error("correct `zone` in the site file"),
        "the list has no such zone",
    ),
    code(
        [127, 255, 255, 253],
        253,
        Meaning::Error("read the list's documentation of its error codes"),
        "an error of the list",
    ),
    code(
        [127, 255, 255, 254],
        254,
        Meaning::Error("name a resolver of your own in `listing`, or ask with a key (`key_file`)"),
        "the list does not answer public resolvers",
    ),
    code(
        [127, 255, 255, 255],
        255,
        Meaning::Error("ask less often, or with a key (`key_file`)"),
        "too many queries",
    ),
    code(
        [127, 0, 1, 255],
        255,
        Meaning::Error("name a list of addresses as `zone`, not one of domains"),
        "a list of domains",
    ),
];

/// What is known of a code; `None` of one that nobody documents.
pub fn known(address: Ipv4Addr) -> Option<&'static Code> {
    CODES.iter().find(|code| (code.first..=code.last).contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_documented_codes_mean_something() {
        let documented: Vec<u8> =
            (0..=255).filter(|last| known(Ipv4Addr::new(127, 0, 0, *last)).is_some()).collect();
        assert_eq!(documented, [2, 3, 4, 5, 6, 7, 9, 10, 11, 20, 30]);
        let errors: Vec<u8> =
            (0..=255).filter(|last| known(Ipv4Addr::new(127, 255, 255, *last)).is_some()).collect();
        assert_eq!(errors, [252, 253, 254, 255]);
        assert_eq!(known(WANTED).map(|code| code.meaning), Some(Meaning::Infected));
    }
}
