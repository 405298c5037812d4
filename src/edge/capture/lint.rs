//! What is wrong with a filter, before it is ever used?
//!
//! The text of a filter in, warnings or one error with its cure out; `check` shows them and
//! `filter` refuses to compile what is wrong here. It must never hand libpcap a word that libpcap
//! would look up over the network, nor a list so long that compiling it takes minutes.

use super::filter::{self, ETHERNET};
use super::words::{self, Word};
use std::net::IpAddr;

/// The longest filter, in bytes: the longest that a person would paste.
const FILTER_BYTES_MAX: usize = 16 * 1024;

/// Terms in one filter: compiling takes time that grows with their square, 10 s for 500 hosts
/// (libpcap issue 1255).
const TERMS_MAX: usize = 200;

/// More terms than this belong into a watchlist.
const TERMS_ADVISED_MAX: usize = 64;

/// Instructions that Linux accepts in one program (BPF_MAXINSNS); compiling for the kernel ends here.
const INSTRUCTIONS_MAX: usize = 4096;

/// Reads a filter as `check` does, for Ethernet. Warnings are whole sentences without a final stop.
///
/// # Errors
/// What makes the filter unusable, and what to do about it.
pub fn lint(text: &str) -> Result<Vec<String>, String> {
    let found = checked(text)?;
    let program = filter::program(text, ETHERNET).map_err(|fault| explain(text, &found, &fault))?;
    let instructions = program.get_instructions().len();
    let terms = terms(&found);
    if instructions > INSTRUCTIONS_MAX {
        return Err(format!(
            "filter takes {instructions} instructions, at most {INSTRUCTIONS_MAX} are allowed: use a watchlist"
        ));
    }
    let mut warnings = Vec::new();
    if instructions == 1 {
        warnings.push("filter lets every packet pass: leave it out".to_owned());
    }
    if terms > TERMS_ADVISED_MAX {
        warnings.push(format!(
            "filter has {terms} terms: put more than {TERMS_ADVISED_MAX} into a watchlist, which stays fast"
        ));
    }
    warnings.extend(joined_hosts(&found));
    Ok(warnings)
}

/// The words of a filter that is safe to compile on any link layer.
pub(super) fn check(text: &str) -> Result<Vec<&str>, String> {
    Ok(checked(text)?.into_iter().map(|word| word.text).collect())
}

fn checked(text: &str) -> Result<Vec<Word<'_>>, String> {
    if text.contains('\0') {
        return Err("filter holds a NUL character: take it out".to_owned());
    }
    if text.len() > FILTER_BYTES_MAX {
        return Err(format!("filter is longer than {FILTER_BYTES_MAX} bytes: use a watchlist"));
    }
    let found = words::words(text);
    if found.is_empty() {
        return Err("filter is empty: leave it out, or write what to let pass".to_owned());
    }
    if let Some(name) = words::first_name(&found) {
        return Err(refused_name(name));
    }
    let terms = terms(&found);
    if terms > TERMS_MAX {
        return Err(format!("filter has {terms} terms, at most {TERMS_MAX} are allowed: use a watchlist"));
    }
    if found.windows(2).any(|pair| pair[0].text == "ip" && pair[1].text == "broadcast") {
        return Err("'ip broadcast' needs a netmask that is not known here: write 'dst host 10.0.0.255', \
                    or 'ether broadcast'"
            .to_owned());
    }
    Ok(found)
}

fn refused_name(name: Word<'_>) -> String {
    let word = name.text.escape_default();
    let place = name.at + 1;
    match words::nearest_keyword(name.text) {
        Some(keyword) => format!(
            "'{word}' at character {place} of the filter is no filter word: did you mean '{keyword}'?"
        ),
        None => format!(
            "'{word}' at character {place} of the filter is neither a filter word nor an address, and names are \
             not looked up: write the address, or put a domain into a watchlist"
        ),
    }
}

/// Terms are what `and` and `or` join.
fn terms(found: &[Word<'_>]) -> usize {
    let joins = found.iter().filter(|word| matches!(word.text, "and" | "or"));
    let doubled =
        found.windows(2).filter(|pair| matches!((pair[0].text, pair[1].text), ("&", "&") | ("|", "|")));
    1 + joins.count() + doubled.count()
}

/// libpcap's complaint, with the place and a cure.
fn explain(text: &str, found: &[Word<'_>], fault: &str) -> String {
    if fault.contains("rejects all packets") {
        let hosts = hosts_joined_by_and(found).len();
        return if hosts > 0 {
            "filter can never match: one packet has only two ends; join the hosts with 'or', or use a watchlist"
                .to_owned()
        } else {
            "filter can never match, its parts exclude each other: join them with 'or'".to_owned()
        };
    }
    let good = (1..found.len()).rev().find(|&count| is_compilable(&text[..found[count - 1].end()]));
    let wrong = found[good.unwrap_or(0)];
    // libpcap words this differently from version to version.
    let fault = if fault.contains("syntax error") { "syntax error" } else { fault.trim_end_matches('.') };
    let (word, place) = (wrong.text.escape_default(), wrong.at + 1);
    format!("{fault} near '{word}' at character {place} of the filter: see pcap-filter(7)")
}

/// Whether the text is well formed, though perhaps no packet fits it.
fn is_compilable(text: &str) -> bool {
    match filter::program(text, ETHERNET) {
        Ok(_) => true,
        Err(fault) => fault.contains("rejects all packets"),
    }
}

/// Warns of `host A and host B`: traffic between the two, where most people mean either.
fn joined_hosts(found: &[Word<'_>]) -> Option<String> {
    let outside = |&(a, b): &(IpAddr, IpAddr)| !is_private(a) && !is_private(b);
    let (a, b) = hosts_joined_by_and(found).into_iter().find(outside)?;
    Some(format!(
        "filter keeps only traffic between {a} and {b}: to see what either of them does, write 'or', or use a watchlist"
    ))
}

/// Pairs of addresses with `and` between them and no direction before either.
fn hosts_joined_by_and(found: &[Word<'_>]) -> Vec<(IpAddr, IpAddr)> {
    let plain: Vec<&str> = found
        .iter()
        .map(|word| word.text)
        .filter(|text| !matches!(*text, "host" | "(" | ")" | "ip" | "ip6"))
        .collect();
    let joined: Vec<&str> = plain.iter().map(|text| if *text == "&" { "and" } else { *text }).collect();
    let mut tokens = joined;
    tokens.dedup_by(|a, b| *a == "and" && *b == "and");
    let is_directed = |index: usize| index > 0 && matches!(tokens[index - 1], "src" | "dst" | "not" | "!");
    (0..tokens.len().saturating_sub(2))
        .filter(|&index| tokens[index + 1] == "and" && !is_directed(index))
        .filter_map(|index| Some((words::address(tokens[index])?, words::address(tokens[index + 2])?)))
        .collect()
}

/// RFC 1918, RFC 6598 and RFC 4193: inside, whatever the site.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || (v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64),
        IpAddr::V6(v6) => v6.is_unique_local(),
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
            assert!(filter::Filter::compile(text, ETHERNET).is_err(), "'{text}' was compiled");
        }
    }

    #[test]
    fn lists_belong_into_watchlists() {
        let hosts = |count: usize| {
            let terms: Vec<String> = (0..count).map(|n| format!("port {}", n + 1)).collect();
            terms.join(" or ")
        };
        assert_eq!(lint(&hosts(TERMS_ADVISED_MAX)), Ok(vec![]));
        let advice = "filter has 65 terms: put more than 64 into a watchlist, which stays fast";
        assert_eq!(lint(&hosts(TERMS_ADVISED_MAX + 1)), Ok(vec![advice.to_owned()]));
        let fault = "filter has 201 terms, at most 200 are allowed: use a watchlist";
        assert_eq!(lint(&hosts(TERMS_MAX + 1)), Err(fault.to_owned()));
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
