//! How are times and states written for people? And how is a text from outside made
//! harmless? How numbers are written, says `number`.
//!
//! Left of it is `ticket`; right of it all that people read: `picture`, `report`, the templates.

use crate::pure::direction::isolated;
use crate::pure::moment;
pub use crate::pure::number::{count, duration, share, size};
use crate::pure::shown::is_blank;
pub use crate::pure::shown::is_shown;
use crate::pure::ticket::{HostState, Listing, Phase};
use crate::pure::verdict::{Outcome, Verdict};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use serde_json::Value;
use std::net::IpAddr;

/// The longest text of one value in a page or mail, in signs: a long note, not a book.
pub const TEXT_CHARS_MAX: usize = 2_000;

/// The longest name of a machine, malware or person, in signs (a DNS label has 63).
pub const NAME_CHARS_MAX: usize = 64;

/// The text as a sentence begins.
pub fn capitalised(text: &str) -> String {
    let mut signs = text.chars();
    signs.next().map_or_else(String::new, |first| first.to_uppercase().chain(signs).collect())
}

/// `Wed 2015-04-29 13:52 CDT`, in the site's zone.
pub fn local_time(time: Timestamp, zone: &TimeZone) -> String {
    local(time, zone, "%a %Y-%m-%d %H:%M %Z")
}

/// `Wed 2015-04-29 13:52:14 CDT`, in the site's zone.
pub fn local_time_exact(time: Timestamp, zone: &TimeZone) -> String {
    local(time, zone, "%a %Y-%m-%d %H:%M:%S %Z")
}

/// `Wed 2015-04-29 19:00 to 01:00 CDT`: a window, by its begin's day.
pub fn local_window(from: Timestamp, to: Timestamp, zone: &TimeZone) -> String {
    moment::window(from, to, zone, "%a %Y-%m-%d")
}

/// A time in the site's zone, in the form of strftime(3).
pub fn local(time: Timestamp, zone: &TimeZone, form: &str) -> String {
    ZonedDateTime::new(time, zone.clone()).strftime(form).to_string()
}

/// What the second line of a mail says, `TO DO by Friday: find it.`, as a page shows it: by when, and what.
pub fn todo(line: &str) -> (String, String) {
    let Some((when, deed)) = line.split_once(": ") else { return (String::new(), line.to_owned()) };
    let when = when.strip_prefix("TO DO").map_or_else(|| when.to_owned(), |rest| format!("To do{rest}"));
    (format!("{when}:"), deed.to_owned())
}

/// A view whose every `second` line stands in it once more, as `due` and `deed`.
pub fn with_todo(view: &mut Value) {
    match view {
        Value::Object(fields) => {
            if let Some(second) = fields.get("second").and_then(Value::as_str) {
                let (due, deed) = todo(second);
                fields.insert("due".to_owned(), due.into());
                fields.insert("deed".to_owned(), deed.into());
            }
            fields.values_mut().for_each(with_todo);
        }
        Value::Array(items) => items.iter_mut().for_each(with_todo),
        _ => {}
    }
}

/// A phase in words.
pub fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Reported => "reported, machine not found yet",
        Phase::Located => "located, not cleaned yet",
        Phase::Verifying => "cleaned, being verified",
        Phase::Clean => "confirmed clean, still watched",
        Phase::Closed => "closed",
        Phase::Rejected => "rejected",
        Phase::AcceptedRisk => "risk accepted",
    }
}

/// A host's state in words.
pub fn state(state: HostState) -> &'static str {
    match state {
        HostState::Infected => "infected",
        HostState::Cleaned => "cleaned, not confirmed yet",
        HostState::Clean => "confirmed clean",
        HostState::Retired => "left the network",
    }
}

/// A listing in words.
pub fn listing(listing: Option<Listing>) -> &'static str {
    match listing {
        Some(Listing::Listed) => "listed",
        Some(Listing::NotListed) => "not listed",
        Some(Listing::Unknown) => "unknown",
        None => "not asked",
    }
}

/// A verdict in one word.
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Inconclusive => "inconclusive",
    }
}

/// An outcome in one word.
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ran => "ran",
        Outcome::Late => "late",
        Outcome::Missed => "missed",
        Outcome::Skipped => "skipped",
        Outcome::Interrupted => "interrupted",
        Outcome::Suppressed => "suppressed",
    }
}

/// The name of a mailbox, or its address where it has none.
pub fn person(mailbox: &str) -> String {
    let text = mailbox.split('<').next().unwrap_or_default().trim().trim_matches('"');
    name(if is_blank(text) { mailbox } else { text })
}

/// A name from outside: harmless, and no longer than [`NAME_CHARS_MAX`].
pub fn name(text: &str) -> String {
    shortened(&clean_text(text), NAME_CHARS_MAX)
}

/// The title that a file gives to a site or a playbook: harmless, and no longer than two names.
pub fn title(text: &str) -> String {
    shortened(&clean_text(text), 2 * NAME_CHARS_MAX)
}

/// A name from outside as it stands in a sentence of ours: one that is more than letters and digits, dots,
/// hyphens and underscores, that is an address, or that holds a word with which we say how a machine stands, in
/// quotation marks. So `X) is clean (` neither closes our brackets nor says what we say.
pub fn quoted(name: &str) -> String {
    let is_plain = name.chars().all(|sign| sign.is_alphanumeric() || ".-_".contains(sign));
    set_apart(name, is_plain && name.parse::<IpAddr>().is_err())
}

/// The same of what malware is called, `Trojan:Win32/Zeus variant`: in quotation marks where it could pass for the
/// end of a sentence of ours.
pub fn term(name: &str) -> String {
    let is_plain = |sign: char| sign.is_alphanumeric() || ".-_/+:! ".contains(sign);
    let is_sentence = [". ", ": ", "! "].iter().any(|end| name.contains(end));
    set_apart(name, name.chars().all(is_plain) && !is_sentence)
}

fn set_apart(name: &str, is_plain: bool) -> String {
    let is_own = |word: &str| OWN_WORDS.iter().any(|own| own.eq_ignore_ascii_case(word));
    let name = unlinked(name);
    if is_plain && !name.split(|sign: char| !sign.is_alphanumeric()).any(is_own) {
        return name;
    }
    format!("\"{}\"", name.replace('"', "'"))
}

/// Ends of names that mail programs make links of without `www.`, as far as strangers like to use them.
const LINKED_ENDS: [&str; 28] = [
    "app", "biz", "click", "cn", "co", "com", "de", "dev", "edu", "eu", "gov", "info", "io", "link", "live",
    "mil", "net", "online", "org", "ru", "shop", "site", "store", "top", "uk", "us", "xyz", "zip",
];

/// The same as no mail program makes a link of: `http[:]//x`, `www[.]x`, `x[@]y`, `evil[.]com`, as people write it
/// who must not be followed.
fn unlinked(name: &str) -> String {
    let name = name.replace("://", "[:]//").replace('@', "[@]").replace(r"\\", r"[\\]");
    let words = name.split_inclusive(|sign: char| sign.is_whitespace() || "\"'<>()|,;:".contains(sign));
    words.map(unlinked_word).collect()
}

fn unlinked_word(word: &str) -> String {
    let is_www = |at: usize| word.get(at..at + 4).is_some_and(|four| four.eq_ignore_ascii_case("www."));
    if let Some(at) = (0..word.len()).find(|at| is_www(*at)) {
        return format!("{}[.]{}", &word[..at + 3], unlinked_word(&word[at + 4..]));
    }
    let is_name = |sign: char| sign.is_alphanumeric() || ".-_".contains(sign);
    let end = word.find(|sign| !is_name(sign)).unwrap_or(word.len());
    let (host, rest) = word.split_at(end);
    let host_end = host.trim_end_matches('.').len();
    let Some((before, last)) = host[..host_end].rsplit_once('.').filter(|(before, _)| !before.is_empty())
    else {
        return word.to_owned();
    };
    // Families of malware begin in capitals: `Backdoor.IRC/x` is no address.
    let has_path = rest.starts_with('/') && last.chars().all(char::is_lowercase);
    let is_linked = has_path || LINKED_ENDS.iter().any(|end| end.eq_ignore_ascii_case(last));
    if is_linked { format!("{before}[.]{last}{}{rest}", &host[host_end..]) } else { word.to_owned() }
}

/// Words that say in our mails how a machine, ticket or mail stands.
const OWN_WORDS: [&str; 18] = [
    "allclear",
    "clean",
    "cleaned",
    "cleared",
    "closed",
    "confirmed",
    "fail",
    "found",
    "infected",
    "listed",
    "located",
    "overdue",
    "pass",
    "reached",
    "rejected",
    "reminder",
    "retired",
    "signed",
];

/// A text from outside without anything that could leave its place: control signs and line breaks
/// become blanks; signs that are invisible or turn the direction of writing are dropped (Unicode
/// Standard Annex 9; default ignorable signs; tag characters of block E0000).
pub fn clean_text(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '\u{2028}' | '\u{2029}' => clean.push(' '),
            control if control.is_control() => clean.push(' '),
            hidden if !is_shown(hidden) => {}
            other => clean.push(other),
        }
    }
    clean.trim().to_string()
}

/// The text, or its beginning with `...`, so that it has at most `chars_max` signs.
pub fn shortened(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_string(),
        Some(_) => {
            let begin: String = text.chars().take(chars_max.saturating_sub(3)).collect();
            format!("{}...", begin.trim_end_matches(BEFORE_A_CUT))
        }
    }
}

/// What does not stand beside the dots of a cut: it would be taken for one of them, or is half of something.
const BEFORE_A_CUT: [char; 3] = ['.', ' ', '['];
const BEHIND_A_CUT: [char; 2] = ['.', ']'];

/// The text, or its beginning and its end with `...` between, so that it has at most `chars_max` signs.
pub fn middle_shortened(text: &str, chars_max: usize) -> String {
    let length = text.chars().count();
    if length <= chars_max {
        return text.to_string();
    }
    let kept = chars_max.saturating_sub(3);
    let begin: String = text.chars().take(kept.div_ceil(2)).collect();
    let end: String = text.chars().skip(length - kept / 2).collect();
    let (begin, end) = (begin.trim_end_matches(BEFORE_A_CUT), end.trim_start_matches(BEHIND_A_CUT));
    format!("{begin}...{end}")
}

/// [`clean_text`] for every string within a value, each at most [`TEXT_CHARS_MAX`] long, and [`isolated`]. All that
/// reaches a template passes through here, so that no single place can forget it.
pub fn clean_value(mut value: Value) -> Value {
    clean_within(&mut value);
    value
}

fn clean_within(value: &mut Value) {
    match value {
        Value::String(text) if !is_plain(text) => {
            *text = isolated(&shortened(&clean_text(text), TEXT_CHARS_MAX));
        }
        Value::Array(items) => items.iter_mut().for_each(clean_within),
        Value::Object(fields) => fields.values_mut().for_each(clean_within),
        _ => {}
    }
}

/// Whether a text is certainly clean, short and in one direction, as nearly all are.
fn is_plain(text: &str) -> bool {
    let is_printed = |byte: &u8| matches!(byte, b' '..=b'~');
    text.len() <= TEXT_CHARS_MAX && text.as_bytes().iter().all(is_printed) && text.trim() == text
}

/// A text as Markdown that shows it as it is: tables, HTML, links (also those that GitHub makes of a bare
/// `http://` or `www.`), mathematics, and what would begin a list or a heading. Only a mail address becomes a
/// link all the same in some readers, which no escape prevents; it leads where it says.
pub fn markdown_escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, sign) in text.char_indices() {
        let rest = &text[at..];
        let is_www = |rest: &str| rest.get(..4).is_some_and(|four| four.eq_ignore_ascii_case("www."));
        match sign {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' | '!' | '$' | '@' => {
                escaped.extend(['\\', sign])
            }
            ':' if rest.starts_with("://") => escaped.push_str("\\:"),
            '.' if at >= 3 && text.get(at - 3..).is_some_and(is_www) => escaped.push_str("\\."),
            '.' | ')' if is_list_number(&text[..at], rest) => escaped.extend(['\\', sign]),
            '-' | '+' | '=' if at == 0 => escaped.extend(['\\', sign]),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Whether the sign that `rest` begins with makes an item of a numbered list of what stands before it.
fn is_list_number(before: &str, rest: &str) -> bool {
    let is_number = !before.is_empty() && before.chars().all(|sign| sign.is_ascii_digit());
    is_number && rest.chars().nth(1).is_none_or(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_is_told_apart_from_when() {
        for (line, due, deed) in [
            ("TO DO: nothing.", "To do:", "nothing."),
            (
                "TO DO by Sat 2015-05-09 12:00 UTC: clean it: now.",
                "To do by Sat 2015-05-09 12:00 UTC:",
                "clean it: now.",
            ),
            ("BITTE bis Montag: reinigen.", "BITTE bis Montag:", "reinigen."),
            ("Clean it.", "", "Clean it."),
        ] {
            assert_eq!(todo(line), (due.to_owned(), deed.to_owned()));
            let mut view = serde_json::json!({"rows": [{"second": line}]});
            with_todo(&mut view);
            assert_eq!(view["rows"][0], serde_json::json!({"second": line, "due": due, "deed": deed}));
        }
    }

    #[test]
    fn every_string_within_a_value_is_cleaned_whether_it_needs_it_or_not() {
        let long = "a".repeat(TEXT_CHARS_MAX);
        let texts = [
            "",
            " ",
            "a b",
            " a",
            "a ",
            "a\tb",
            "a\u{7f}",
            "~!",
            "é",
            "\u{202e}a",
            "שלום",
            &long,
            &format!("{long}b"),
        ];
        for text in texts {
            let wanted = isolated(&shortened(&clean_text(text), TEXT_CHARS_MAX));
            let within = serde_json::json!({"a": [text, 1, {"b": text}]});
            assert_eq!(clean_value(within), serde_json::json!({"a": [wanted, 1, {"b": wanted}]}), "{text:?}");
        }
    }

    #[test]
    fn a_hostile_text_stays_in_its_place() {
        assert_eq!(clean_text("LAB\r\nBcc: x@y.example\u{0}"), "LAB  Bcc: x@y.example");
        assert_eq!(clean_text("\u{202e}7-BAL\u{2066}\u{200b}"), "7-BAL");
        assert_eq!(name(&"x".repeat(64)).len(), 64);
        assert_eq!(name(&"x".repeat(65)), format!("{}...", "x".repeat(61)));
        assert_eq!(shortened("ab. cdefgh", 7), "ab...", "no dot or blank beside the cut");
        assert_eq!(middle_shortened("evil[.]com is x", 9), "evi...s x");
        assert_eq!(middle_shortened("evil[.]com is..xy", 11), "evil...xy");
        for (chars_max, shortened) in [(8, "abcdefgh"), (7, "ab...gh"), (6, "ab...h"), (3, "...")] {
            assert_eq!(middle_shortened("abcdefgh", chars_max), shortened);
        }
        for (text, escaped) in [
            ("a|b <i> [x](y)", "a\\|b &lt;i&gt; \\[x\\](y)"),
            ("see http://x.example: HTTPS://y", "see http\\://x.example: HTTPS\\://y"),
            ("www.x.example and WWW.y, wwww", "www\\.x.example and WWW\\.y, wwww"),
            ("2015-04-29 13:52", "2015-04-29 13:52"),
            ("- a - b", "\\- a - b"),
            ("1. a 2. b", "1\\. a 2. b"),
            ("10.16.24.93", "10.16.24.93"),
            ("1.", "1\\."),
            ("=== +", "\\=== +"),
            ("é.www", "é.www"),
            ("$x$ @you", "\\$x\\$ \\@you"),
        ] {
            assert_eq!(markdown_escape(text), escaped);
        }
    }

    #[test]
    fn a_name_that_could_pass_for_our_words_stands_in_quotation_marks() {
        for (name, expected) in [
            ("LAB-7", "LAB-7"),
            ("cleanroom-1.school.example", "cleanroom-1.school.example"),
            ("Jörgs_PC", "Jörgs_PC"),
            ("X) (LAB-7", "\"X) (LAB-7\""),
            ("LAB-7 is confirmed clean", "\"LAB-7 is confirmed clean\""),
            ("confirmed-clean", "\"confirmed-clean\""),
            ("OVERDUE", "\"OVERDUE\""),
            ("a\" or \"b", "\"a' or 'b\""),
            ("10.16.24.94", "\"10.16.24.94\""),
            ("2001:db8::94", "\"2001:db8::94\""),
            ("lab-10.16.24.94", "lab-10.16.24.94"),
            ("www.evil.example", "www[.]evil.example"),
        ] {
            assert_eq!(quoted(name), expected);
        }
        for (malware, expected) in [
            ("Trojan:Win32/Zeus variant", "Trojan:Win32/Zeus variant"),
            ("W32/Conficker.worm!inf", "W32/Conficker.worm!inf"),
            ("Zeus. TO DO: nothing", "\"Zeus. TO DO: nothing\""),
            ("Zeus, and is clean", "\"Zeus, and is clean\""),
            ("Zeus (gone)", "\"Zeus (gone)\""),
            ("see http://x.example/WWW.y www.z", "see http[:]//x.example/WWW[.]y www[.]z"),
            ("wwww.x éwww.", "wwww[.]x éwww[.]"),
            ("a evil.com b", "a evil[.]com b"),
            ("login.Evil.COM.", "login.Evil[.]COM."),
            ("evil.example/login", "evil[.]example/login"),
            ("Trojan.Zeus W32.Kido.ih", "Trojan.Zeus W32.Kido.ih"),
            ("Worm:Win32/Kido.gen!x", "Worm:Win32/Kido.gen!x"),
            ("10.0.0.1/x a.b/", "10.0.0.1/x a[.]b/"),
            (".com com .", ".com com ."),
            ("x@evil.example", "\"x[@]evil.example\""),
            ("Backdoor.IRC/SdBot see:evil.com", "Backdoor.IRC/SdBot see:evil[.]com"),
            (r"\\evil\share", r#""[\\]evil\share""#),
        ] {
            assert_eq!(term(malware), expected);
        }
    }
}
