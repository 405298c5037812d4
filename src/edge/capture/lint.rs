//! What is wrong with a filter, before it is ever used?
//!
//! The text of a filter in, warnings or one error with its cure out: what `pure/filter` sees in its words, and what
//! libpcap says of it.

use super::filter::{ETHERNET, program};
use crate::pure::filter::{advice, checked, explained};

/// Reads a filter as `check` does, for Ethernet. Warnings are whole sentences without a final stop.
///
/// # Errors
/// What makes the filter unusable, and what to do about it.
pub fn lint(text: &str) -> Result<Vec<String>, String> {
    let found = checked(text)?;
    let program = program(text, ETHERNET).map_err(|fault| explained(text, &fault, is_compilable))?;
    advice(&found, program.get_instructions().len())
}

/// Whether the text is well formed, though perhaps no packet fits it.
fn is_compilable(text: &str) -> bool {
    match program(text, ETHERNET) {
        Ok(_) => true,
        Err(fault) => fault.contains("rejects all packets"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_filters_pass_without_a_word() {
        let filters = [
            "tcp port 80",
            "port http or port domain",
            "portrange 4152-4177",
            "host 10.16.24.93 and host 216.66.15.109",
            "src host 8.8.8.8 and dst host 8.8.4.4",
            "net 10.0.0.0/8 and not net 2001:db8::/32",
            "net 10.1",
            "ether host 00:11:22:33:44:55",
            "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not src and dst net 192.168.0.0/16",
            "ip proto \\tcp and tcp[13:1] = 0x12",
            "udp port 123",
            "vlan 7 && (arp or icmp6)",
            "greater 100",
        ];
        for text in filters {
            assert_eq!(lint(text), Ok(vec![]), "'{text}'");
        }
    }

    #[test]
    fn faults_say_where_and_what_to_do() {
        let faults = [
            ("", "filter is empty: leave it out, or write what to let pass"),
            (" \t", "filter is empty: leave it out, or write what to let pass"),
            ("tcp\0", "filter holds a NUL character: take it out"),
            (
                "host 192.0.2.1 and host 192.0.2.2 and host 192.0.2.3",
                "filter can never match: one packet has only two ends; join the hosts with 'or', or use a watchlist",
            ),
            (
                "tcp port 25 and udp",
                "filter can never match, its parts exclude each other: join them with 'or'",
            ),
            (
                "host www.example.com",
                "'www.example.com' at character 6 of the filter is neither a filter word nor an address, and names \
                 are not looked up: write the address, or put a domain into a watchlist",
            ),
            (
                "tcp and not inbound",
                "'inbound' is known to the kernel that captures alone, and no packet would pass: write the networks, \
                 as 'dst net 10.0.0.0/8', or leave it out",
            ),
            ("tcp prot 80", "'prot' at character 5 of the filter is no filter word: did you mean 'port'?"),
            (
                "tcp port 80 and and host 10.0.0.1",
                "syntax error near 'and' at character 13 of the filter: see pcap-filter(7)",
            ),
        ];
        for (text, wanted) in faults {
            assert_eq!(lint(text), Err(wanted.to_owned()), "'{text}'");
        }
    }

    #[test]
    fn whatever_libpcap_would_look_up_is_refused() {
        let names = [
            "localhost",
            "host 10.0.0.256",
            "host 010.0.0.1",
            "host 10.0.0.1-10.0.0.9",
            "src www",
            "port http or host http",
            "port http and src http",
            "net loopback",
            "gateway router",
            "ether host printer",
            "tcp lab7",
            "ip[0:1] = 4 or lab7",
            "len-4 > 7",
            "host 1.2.3.4.5",
            "host 10.0.0.1.",
            "TCP port 80",
        ];
        for text in names {
            let fault = lint(text).expect_err(text);
            assert!(fault.contains("of the filter is n"), "'{text}' gave: {fault}");
            assert!(
                crate::edge::capture::filter::Filter::compile(text, ETHERNET).is_err(),
                "'{text}' was compiled"
            );
        }
    }

    #[test]
    fn lists_belong_into_watchlists() {
        let hosts = |count: usize| {
            let terms: Vec<String> = (0..count).map(|n| format!("port {}", n + 1)).collect();
            terms.join(" or ")
        };
        assert_eq!(lint(&hosts(64)), Ok(vec![]));
        let advice = "filter has 65 terms: put more than 64 into a watchlist, which stays fast";
        assert_eq!(lint(&hosts(65)), Ok(vec![advice.to_owned()]));
        let fault = "filter has 201 terms, at most 200 are allowed: use a watchlist";
        assert_eq!(lint(&hosts(201)), Err(fault.to_owned()));
    }

    #[test]
    fn suspicious_filters_are_warned_of() {
        let warned = [
            ("host 8.8.8.8 and host 8.8.4.4", "filter keeps only traffic between 8.8.8.8 and 8.8.4.4"),
            ("tcp and (host 8.8.8.8 && 8.8.4.4)", "filter keeps only traffic between 8.8.8.8 and 8.8.4.4"),
            ("ip or not ip", "filter lets every packet pass"),
        ];
        for (text, wanted) in warned {
            let warnings = lint(text).expect(text);
            assert!(warnings.len() == 1 && warnings[0].starts_with(wanted), "'{text}' gave: {warnings:?}");
        }
    }
}
