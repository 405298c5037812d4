//! What shows in the words of a filter, before and after it is compiled?
//!
//! The text of a filter in, warnings or one error with its cure out. It must never let pass a word that libpcap
//! would look up over the network, nor a list so long that compiling it takes minutes.

use super::words::{self, Word, words};
use crate::pure::address::is_private;
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

/// The words of a filter that is safe to compile on any link layer.
///
/// # Errors
/// What makes the filter unusable, and what to do about it.
pub fn checked(text: &str) -> Result<Vec<Word<'_>>, String> {
    if text.contains('\0') {
        return Err("filter holds a NUL character: take it out".to_owned());
    }
    if text.len() > FILTER_BYTES_MAX {
        return Err(format!("filter is longer than {FILTER_BYTES_MAX} bytes: use a watchlist"));
    }
    let found = words(text);
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
    if let Some(way) = found.iter().find(|word| matches!(word.text, "inbound" | "outbound")) {
        return Err(format!(
            "'{}' is known to the kernel that captures alone, and no packet would pass: write the networks, as \
             'dst net 10.0.0.0/8', or leave it out",
            way.text
        ));
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

/// What to say of a filter that compiles to so many instructions, in whole sentences without a final stop.
///
/// # Errors
/// Why it is too long all the same.
pub fn advice(found: &[Word<'_>], instructions: usize) -> Result<Vec<String>, String> {
    let terms = terms(found);
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
    warnings.extend(joined_hosts(found));
    Ok(warnings)
}

/// libpcap's complaint about a text that was checked, with the place and a cure; `is_compilable` asks it about the
/// beginning of the text.
pub fn explained(text: &str, fault: &str, is_compilable: impl Fn(&str) -> bool) -> String {
    let found = &words(text)[..];
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
