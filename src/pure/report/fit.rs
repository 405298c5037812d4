//! How does a subject with long names in it fit into what mail programs show of one? By what stands in the middle
//! of the longest names; the mail itself has them whole.
//!
//! It must never shorten an address, nor leave out what is said about a machine for the sake of its name.

use crate::pure::words::{middle_shortened, shortened};
use std::net::IpAddr;

/// What a list of mails on a wide screen shows beside sender and date, in signs.
const SUBJECT_FIT_MAX: usize = 110;

/// What is left of a name at least, in signs: no word of ours is longer.
const NAME_CHARS_MIN: usize = 16;

/// The subject, its longest names shortened as far as it takes. `known` are names that may have blanks in them.
pub fn fitted(subject: &str, known: &[String]) -> String {
    let mut fit = subject.to_owned();
    for name in names(subject, known) {
        let over = fit.chars().count().saturating_sub(SUBJECT_FIT_MAX);
        if over == 0 {
            break;
        }
        let times = fit.matches(name).count().max(1);
        let length = name.chars().count().saturating_sub(over.div_ceil(times)).max(NAME_CHARS_MIN);
        // What was cut at its end before is cut there once more, and not twice.
        let short = match name.strip_suffix("...") {
            Some(begun) => shortened(begun, length),
            None => middle_shortened(name, length),
        };
        fit = fit.replace(name, &short);
    }
    fit
}

/// What may be shortened, the longest first: what is known as a name, what stands in quotation marks, and words.
fn names<'a>(subject: &'a str, known: &'a [String]) -> Vec<&'a str> {
    let quoted = subject.split('"').skip(1).step_by(2);
    let words = subject.split([' ', '"']).map(|word| word.trim_matches(|sign: char| !sign.is_alphanumeric()));
    let is_name = |name: &&str| {
        name.chars().count() > NAME_CHARS_MIN && name.parse::<IpAddr>().is_err() && subject.contains(*name)
    };
    let mut names: Vec<&str> =
        known.iter().map(String::as_str).chain(quoted).chain(words).filter(is_name).collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.chars().count()));
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_way_to_what_is_said_of_them() {
        let host = format!("{}.lab.school.example", "x".repeat(44));
        let address = "2001:db8:1234:5678:9abc:def0:1234:5678";
        let malware = "Trojan:Win32/Zeus variant of a very long family name that goes on";
        let said = "is to be cleaned again by Wed 2015-05-06 03:30 CDT";
        for (row, subject, expected) in [
            ("short", "[allclear #7] 10.16.24.93 (LAB-7) calls".to_owned(), None),
            (
                "a name that was cut at its end",
                format!(
                    "[allclear #7] 192.0.2.17 was reported: Conficker at {} ...",
                    "School of ".repeat(9).trim()
                )
                .replace(" ...", "..."),
                Some(format!(
                    "[allclear #7] 192.0.2.17 was reported: Conficker at {}Schoo...",
                    "School of ".repeat(5)
                )),
            ),
            (
                "a name that stands there twice",
                format!("[allclear #7] 10.16.24.93 ({host}) is named as infected with {host}"),
                Some(
                    "[allclear #7] 10.16.24.93 (xxxxxxxxxxxx...hool.example) is named as infected with \
                     xxxxxxxxxxxx...hool.example"
                        .to_owned(),
                ),
            ),
            ("as long as it may be", format!("{host} {}", "a ".repeat(22)), None),
            (
                "a name of 64 signs",
                format!("[allclear #7] Reminder: 10.16.24.93 ({host}) {said}"),
                Some(format!("[allclear #7] Reminder: 10.16.24.93 (xxxxxxxxx...l.example) {said}")),
            ),
            (
                "a name in quotation marks",
                format!("[allclear #7] 10.16.24.93 (\"{} is clean\"): {said} {said}", "y ".repeat(30).trim()),
                Some(format!("[allclear #7] 10.16.24.93 (\"y y y y... clean\"): {said} {said}")),
            ),
            (
                "malware with blanks, and an address that stays",
                format!("[allclear #7] {address} still calls a {malware} sinkhole"),
                Some(format!(
                    "[allclear #7] {address} still calls a Trojan:Win32/Zeu...me that goes on sinkhole"
                )),
            ),
        ] {
            let title = format!("{}...", "School of ".repeat(9).trim());
            let fit = fitted(&subject, &[malware, "Zeus", &title].map(str::to_owned));
            assert_eq!(fit, expected.unwrap_or(subject), "{row}");
        }
    }
}
