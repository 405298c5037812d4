//! Which entries of the watchlists can no packet show that passes the filter? `pure/filter` asks the compiled one
//! with made-up packets of each entry.

use super::filter::{ETHERNET, Filter};
use crate::pure::address::Translator;
use crate::pure::filter;
use crate::pure::packet::Frame;
use crate::pure::watchlist::{Index, ListFault};
use ipnet::IpNet;

/// Lists of whose entries more than a few can never be seen, each with how many and the first of them;
/// none of a filter that cannot be compiled, which is another fault.
pub fn shut_out(text: &str, inside: &[IpNet], nat64: &[Translator], index: &Index) -> Vec<ListFault> {
    let Ok(mut compiled) = Filter::compile(text, ETHERNET) else { return Vec::new() };
    filter::shut_out(text, inside, nat64, index, |bytes| {
        compiled.matches(&Frame { time_ns: 0, bytes, wire_length: bytes.len() as u32, link_type: ETHERNET })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::watchlist::{CompiledList, Entry, Watchlist};

    fn told(filter: &str, entries: &[&str]) -> Vec<ListFault> {
        told_at(&[], filter, entries)
    }

    /// What is told at a site whose translators have these prefixes.
    fn told_at(nat64: &[&str], filter: &str, entries: &[&str]) -> Vec<ListFault> {
        let nat64: Vec<Translator> = nat64.iter().map(|text| Translator::parse(text).expect(text)).collect();
        let entries = entries.iter().flat_map(|text| Entry::parse(text).expect(text)).collect();
        let watchlist = Watchlist { name: "sinkholes".to_owned(), entries, ..Watchlist::default() };
        let inside: Vec<IpNet> = ["10.16.0.0/16", "fd00::/8"].map(|text| text.parse().expect(text)).to_vec();
        shut_out(
            filter,
            &inside,
            &nat64,
            &Index::compile(&[CompiledList { watchlist: &watchlist, file: None }]),
        )
    }

    #[test]
    fn only_what_surely_never_passes_is_shut_out() {
        let rows: [(&str, &[&str], usize); 26] = [
            ("port 80", &["192.0.2.9:443"], 1),
            ("port 80", &["192.0.2.9:80"], 0),
            ("port 80", &["192.0.2.9"], 0),
            ("port 80 or portrange 440-450", &["192.0.2.9:443"], 0),
            ("portrange 440-450", &["tcp/451"], 1),
            ("portrange 440-450", &["tcp/445-460"], 0),
            ("udp port 53", &["tcp/53"], 1),
            ("udp port 53", &["evil.example"], 0),
            ("udp", &["192.0.2.9:443"], 0),
            ("host 198.51.100.7", &["192.0.2.9"], 1),
            ("host 198.51.100.7", &["198.51.100.0/24"], 0),
            ("host 198.51.100.7", &["evil.example"], 0),
            ("host 10.16.24.93", &["192.0.2.9"], 0),
            ("net 10.16", &["192.0.2.9"], 0),
            ("net 10.17", &["192.0.2.9"], 1),
            ("net 10.16.0.0/16 and tcp dst port 25", &["192.0.2.9", "tcp/25"], 0),
            ("not net 10.0.0.0/8", &["192.0.2.9"], 1),
            ("not port 80", &["192.0.2.9"], 0),
            ("ip6", &["192.0.2.9"], 1),
            ("ip6", &["2001:db8::9"], 0),
            ("icmp", &["192.0.2.9"], 0),
            ("icmp", &["evil.example"], 1),
            ("src net 10.16.0.0/16 and src port 25", &["192.0.2.9"], 1),
            ("tcp[tcpflags] & tcp-syn != 0 and port 80", &["192.0.2.9:443"], 0),
            ("greater 100 and port 80", &["192.0.2.9:443"], 0),
            ("vlan and port 80", &["192.0.2.9:443"], 0),
        ];
        for (filter, entries, lists) in rows {
            assert_eq!(told(filter, entries).len(), lists, "{filter}: {entries:?}");
        }
    }

    #[test]
    fn what_a_translator_shows_in_ipv6_is_not_shut_out() {
        for (nat64, filter, entry, lists) in [
            ("2001:db8:64::/96", "ip6", "192.0.2.9", 0),
            ("2001:db8:64::/96", "net 2001:db8:64::/96 and tcp", "192.0.2.0/24", 0),
            ("2001:db8:64::/96", "host 2001:db8:64::c000:209", "192.0.2.9", 0),
            ("2001:db8:64::/96", "host 2001:db8:64::c000:20a", "192.0.2.9", 1),
            ("2001:db8:64::/96", "host 2001:db8:64::c000:209", "192.0.2.0/24", 0),
            ("2001:db8:64::/48", "host 2001:db8:64:c000:2:900::", "192.0.2.9", 0),
            ("2001:db8:64::/96", "port 80", "192.0.2.9:443", 1),
        ] {
            assert_eq!(told_at(&[nat64], filter, &[entry]).len(), lists, "{nat64}, {filter}: {entry}");
        }
    }

    #[test]
    fn a_few_of_many_may_be_shut_out() {
        let entries: Vec<String> = (0..200).map(|number| format!("192.0.2.{number}:80")).collect();
        for (others, lists) in [(1, 0), (2, 0), (3, 1)] {
            let mut entries: Vec<&str> = entries.iter().map(String::as_str).collect();
            entries[..others].copy_from_slice(&["192.0.2.9:443", "192.0.2.8:443", "192.0.2.7:443"][..others]);
            assert_eq!(told("port 80", &entries).len(), lists, "{others} of 200");
        }
        let [ListFault { list, what }] = &told("port 80", &["192.0.2.9:80", "192.0.2.9:443"])[..] else {
            panic!("one")
        };
        assert_eq!(
            (list.as_str(), what.as_str()),
            ("sinkholes", "1 of 2 entries can be in no packet that passes the filter, such as 192.0.2.9:443")
        );
    }

    #[test]
    fn what_would_take_too_long_is_not_told() {
        let ports: Vec<String> = (1..60).map(|number| format!("port {}", 10 * number)).collect();
        let filter = format!("host 198.51.100.7 and ({})", ports.join(" or "));
        let spelled = |number: u32| format!("192.0.{}.{}", number >> 8, number & 0xff);
        let entries: Vec<String> = (0..4_000).map(spelled).collect();
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        assert_eq!(told(&filter, &entries), []);
    }
}
