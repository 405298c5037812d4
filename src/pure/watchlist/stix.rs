//! What do the indicator patterns of a STIX 2.1 bundle name? Addresses, networks and domains that are
//! compared by `=`, `IN` or `ISSUBSET`, joined by `OR`; every other operator is rejected by its name.

use super::record::Record;
use serde_json::Value;

/// Longer patterns are rejected, in bytes; known feeds stay below a tenth of it.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// How much of a rejected pattern is shown, in characters.
const PATTERN_SHOWN_MAX: usize = 100;

/// One record or more for each indicator.
pub(super) fn records(bundle: &Value) -> Vec<Record> {
    let objects = bundle["objects"].as_array().into_iter().flatten();
    objects.filter(|object| object["type"] == "indicator").flat_map(indicator).collect()
}

fn indicator(object: &Value) -> Vec<Record> {
    let is_stix = object["pattern_type"].as_str().is_none_or(|kind| kind == "stix");
    match object["pattern"].as_str() {
        _ if object["revoked"] == true => vec![Record::Nothing],
        Some(pattern) if is_stix && pattern.len() <= PATTERN_BYTES_MAX => self::pattern(pattern)
            .unwrap_or_else(|why| {
                let shown: String = pattern.chars().take(PATTERN_SHOWN_MAX).collect();
                vec![Record::Wrong(format!("{why} ({shown})"))]
            }),
        Some(_) if is_stix => vec![Record::wrong("the pattern is too long")],
        _ => vec![Record::wrong("the pattern is not one of STIX")],
    }
}

fn pattern(text: &str) -> Result<Vec<Record>, String> {
    let words = words(text)?;
    let foreign = |word: &&Word| matches!(word, Word::Bare(bare) if OTHERS.contains(&bare.as_str()));
    if let Some(Word::Bare(operator)) = words.iter().find(foreign) {
        return Err(format!("the operator {operator} is not read: only =, IN, ISSUBSET and OR are"));
    }
    let mut records = Vec::new();
    let mut path: Option<String> = None;
    for word in words {
        match word {
            Word::Bare(bare) if bare.contains(':') => path = Some(bare),
            Word::Bare(_) => {}
            Word::Text(value) => records.push(match path.as_deref() {
                Some("ipv4-addr:value" | "ipv6-addr:value" | "domain-name:value") => Record::Entry(value),
                Some(_) => Record::Unusable,
                None => return Err("the pattern compares a text with nothing".to_owned()),
            }),
        }
    }
    if records.is_empty() { Err("the pattern compares with no text".to_owned()) } else { Ok(records) }
}

/// The operators of STIX patterns (2.1, section 9) that narrow or turn round what is compared.
const OTHERS: [&str; 17] = [
    "AND",
    "FOLLOWEDBY",
    "WITHIN",
    "REPEATS",
    "START",
    "STOP",
    "NOT",
    "LIKE",
    "MATCHES",
    "ISSUPERSET",
    "EXISTS",
    "!=",
    "<>",
    "<",
    ">",
    ">=",
    "<=",
];

enum Word {
    Bare(String),
    Text(String),
}

fn words(text: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if letter.is_whitespace() || "[](),".contains(letter) {
            rest = &rest[letter.len_utf8()..];
        } else if letter == '\'' {
            let end = closing_quote(rest).ok_or("a quote is not closed")?;
            words.push(Word::Text(rest[1..end].replace("\\'", "'").replace("\\\\", "\\")));
            rest = &rest[end + 1..];
        } else {
            let is_sign = |c: char| "=!<>".contains(c);
            let ends = |c: char| c.is_whitespace() || "[](),'".contains(c) || is_sign(c) != is_sign(letter);
            let end = rest.find(ends).unwrap_or(rest.len());
            words.push(Word::Bare(rest[..end].to_owned()));
            rest = &rest[end..];
        }
    }
    Ok(words)
}

/// Where the text that begins with a quote ends; a backslash escapes.
fn closing_quote(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.char_indices().skip(1).find_map(|(at, letter)| {
        let is_end = letter == '\'' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        is_end.then_some(at)
    })
}
