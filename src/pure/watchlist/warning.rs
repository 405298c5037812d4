//! Which entries are right in form and most likely a mistake?

use super::addresses::Addresses;
use super::part::{Part, Shelf};
use super::{Entry, Target};
use ipnet::IpNet;
use std::net::IpAddr;
use std::ops::Range;

/// So many odd entries of a file are shown; the others are counted.
pub const ODD_SHOWN_MAX: usize = 100;

/// Networks in which no outside machine is, and what an address there is (IANA's registries of special
/// addresses; RFC 6890).
const NOBODY: [(&str, &str); 13] = [
    ("10.0.0.0/8", "a private address"),
    ("172.16.0.0/12", "a private address"),
    ("192.168.0.0/16", "a private address"),
    ("100.64.0.0/10", "a private address"),
    ("fc00::/7", "a private address"),
    ("224.0.0.0/4", "a multicast address"),
    ("ff00::/8", "a multicast address"),
    ("127.0.0.0/8", "a loopback, link-local or broadcast address"),
    ("::1/128", "a loopback, link-local or broadcast address"),
    ("169.254.0.0/16", "a loopback, link-local or broadcast address"),
    ("fe80::/10", "a loopback, link-local or broadcast address"),
    ("255.255.255.255/32", "a loopback, link-local or broadcast address"),
    ("0.0.0.0/8", "an address of no network"),
];

/// The odd entries of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Odd {
    /// How many they are.
    pub count: u64,
    /// What is, as [`warnings`] says it; at most [`ODD_SHOWN_MAX`].
    pub shown: Vec<String>,
}

impl Odd {
    /// In one sentence, with an example; `None` when nothing is odd.
    pub fn in_short(&self) -> Option<String> {
        let first = self.shown.first()?;
        Some(match self.count {
            1 => format!("an entry is odd: {first}"),
            count => format!("{count} entries are odd, such as: {first}"),
        })
    }

    fn add(&mut self, entry: &Entry, suspect: &Suspect<'_>) {
        let found = suspect.faults(entry);
        self.count += u64::from(!found.is_empty());
        self.shown.extend(found.into_iter().take(ODD_SHOWN_MAX - self.shown.len()));
    }
}

/// What is odd about an entry, each as a sentence without a final stop; empty for nearly all.
/// `public` are the site's own public networks, empty when there is no site.
pub fn warnings(entry: &Entry, public: &[IpNet]) -> Vec<String> {
    Suspect::of(public).faults(entry)
}

/// Where no machine is that calls could go to.
struct Suspect<'a> {
    /// Networks of [`NOBODY`], and what an address there is.
    nobody: Vec<(IpNet, &'static str)>,
    public: &'a [IpNet],
}

impl Suspect<'_> {
    fn of(public: &[IpNet]) -> Suspect<'_> {
        let network = |text: &str| text.parse().expect("the table holds networks");
        Suspect { nobody: NOBODY.map(|(text, kind)| (network(text), kind)).to_vec(), public }
    }

    fn networks(&self) -> impl Iterator<Item = IpNet> {
        self.nobody.iter().map(|(network, _)| network).chain(self.public).copied()
    }

    fn faults(&self, entry: &Entry) -> Vec<String> {
        let network = match &entry.target {
            Target::Address(address) => IpNet::from(*address),
            Target::Network(network) => *network,
            Target::Domain(_) | Target::Anywhere => return Vec::new(),
        };
        let text = &entry.text;
        let mut found = Vec::new();
        if let Some((_, kind)) = self.nobody.iter().find(|(nobody, _)| nobody.contains(&network.network())) {
            found.push(format!("{text} is {kind}: no outside machine has it"));
        }
        if network.prefix_len() < 8 {
            found.push(format!("{text} covers a large part of the Internet: name smaller networks"));
        }
        if self.public.iter().any(|own| own.contains(&network) || network.contains(own)) {
            found.push(format!("{text} holds the site's own public address: every visitor would be blamed"));
        }
        found
    }
}

impl Part {
    /// The entries that are most likely a mistake, as [`warnings`] tells them.
    pub fn odd(&self, public: &[IpNet]) -> Odd {
        let suspect = Suspect::of(public);
        let mut odd = Odd::default();
        for network in IpNet::aggregate(&suspect.networks().collect()) {
            match (network.network(), network.broadcast()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    let rows = within(&self.v4, first.into(), last.into());
                    self.add_rows(Shelf::V4, rows, &mut odd, &suspect);
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    let rows = within(&self.v6, first.into(), last.into());
                    self.add_rows(Shelf::V6, rows, &mut odd, &suspect);
                }
                _ => {}
            }
        }
        for shelf in [Shelf::NetworksV4, Shelf::NetworksV6] {
            self.add_rows(shelf, 0..self.len(shelf), &mut odd, &suspect);
        }
        odd
    }

    fn add_rows(&self, shelf: Shelf, rows: Range<usize>, odd: &mut Odd, suspect: &Suspect<'_>) {
        for position in rows {
            let (target, tag) = self.row(shelf, position);
            odd.add(&self.entry(target, tag), suspect);
        }
    }
}

/// The positions of the addresses from `first` to `last`.
fn within<K: Copy + Ord + Into<u128>>(addresses: &Addresses<K>, first: K, last: K) -> Range<usize> {
    let rows = addresses.rows();
    rows.partition_point(|row| row.0 < first)..rows.partition_point(|row| row.0 <= last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_odd_ones_are_warned_of() {
        let own: Vec<IpNet> = vec!["198.51.100.0/29".parse().expect("a network")];
        let rows = [
            ("216.66.15.109", ""),
            ("10.0.0.1", "private"),
            ("172.32.0.1", ""),
            ("100.64.0.1", "private"),
            ("fd00::1", "private"),
            ("239.1.2.3", "multicast"),
            ("127.0.0.1", "loopback"),
            ("0.1.2.3", "no network"),
            ("1.0.0.0", ""),
            ("fe80::1", "loopback"),
            ("198.51.100.7", "own public"),
            ("198.51.100.8", ""),
            ("198.51.100.0/24", "own public"),
            ("16.0.0.0/7", "large part"),
            ("evil.example", ""),
        ];
        for (text, wanted) in rows {
            let found = warnings(&Entry::parse(text).expect(text)[0], &own).join("; ");
            assert!(found.contains(wanted) && found.is_empty() == wanted.is_empty(), "{text}: {found}");
        }
    }

    #[test]
    fn the_odd_ones_of_a_file_are_counted_and_a_few_are_shown() {
        let own: Vec<IpNet> = vec!["198.51.100.0/29".parse().expect("a network")];
        let lines = |texts: &[&str]| {
            texts.iter().map(|text| Entry::parse(text).expect(text).remove(0)).collect::<Vec<_>>()
        };
        let rows: [(&[&str], u64, &str); 5] = [
            (&["216.66.15.109", "evil.example", "tcp/25", "2001:db8::1", "9.0.0.0/8"], 0, ""),
            (&["216.66.15.109", "10.1.2.3"], 1, "an entry is odd: 10.1.2.3 is a private address"),
            (&["10.1.2.3", "192.168.0.0/24", "10.1.2.4:80"], 3, "3 entries are odd, such as: 10.1.2.3 is"),
            (&["198.51.100.7", "198.51.100.8"], 1, "an entry is odd: 198.51.100.7 holds the site's own"),
            (&["::1", "ff02::1", "0.0.0.0/0"], 3, "3 entries are odd"),
        ];
        for (texts, count, short) in rows {
            let odd = Part::of(&lines(texts)).odd(&own);
            assert_eq!(odd.count, count, "{texts:?}");
            assert!(odd.in_short().unwrap_or_default().starts_with(short), "{:?}", odd.in_short());
        }
        let many: Vec<Entry> =
            (0..200).flat_map(|number| Entry::parse(&format!("10.0.0.{number}"))).flatten().collect();
        let odd = Part::of(&many).odd(&own);
        assert_eq!((odd.count, odd.shown.len()), (200, ODD_SHOWN_MAX));
    }
}
