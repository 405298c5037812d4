//! What does a CBL look-up page claim? The pasted page in, a [`Report`] out.
//!
//! Left of it is `pasted`, right of it `ticket`. The page is that of cbl.abuseat.org as people saw it
//! until 2021; the sample at the end of the Ecessa guide is one wording, the "Detection Information
//! Summary" of later pages another. It must never take the sinkhole's address for ours.

use super::pasted::Pasted;
use super::{IntakeError, Report, TEXT_BYTES_MAX};
use crate::pure::watchlist::Transport;
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use std::net::IpAddr;

/// What the page says of its exact times: "accurate within one second".
const EXACT_ERROR_S: u64 = 1;

/// What the page says of "last detected at", where it does not say it itself: "+/- 30 minutes".
const ROUNDED_ERROR_S: u64 = 30 * 60;

/// The longest malware name that is believed, in bytes; beyond it, it is a sentence.
const NAME_BYTES_MAX: usize = 64;

/// The longest text form of an address, in bytes (RFC 4291, with an embedded IPv4 address).
const ADDRESS_BYTES_MAX: usize = 45;

/// The longest sentence in which a port belongs to the connection spoken of, in bytes.
const SENTENCE_BYTES_MAX: usize = 120;

/// How much of a time that cannot be read is shown, in signs.
const SHOWN_CHARS_MAX: usize = 24;

// Phrases as they stand in the compact text: lower case, without blanks.

/// Before exact times, in the order of trust.
const EXACT: [&str; 4] = ["atexactly", "connectionat", "time:", "time"];

/// Before the rounded time.
const ROUNDED: &str = "lastdetectedat";

/// A text without any of these is about something else, whatever times it states.
const SUBJECT: [&str; 5] = ["lastdetectedat", "listedinthe", "sinkhole", "botnet", "detectioninformation"];

/// Before the malware's name. "infected with a spam sending trojan" names none.
const INFECTED: [&str; 4] = ["infected)withthe", "infected)with", "machineinfectedwith", "infectedwiththe"];

/// Behind the malware's name.
const NAME_ENDS: [&str; 7] = ["malicious", "botnet", "trojan", "virus", "malware", ",", "("];

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Zones that a person may have written instead of the page's UTC.
const OTHER_ZONES: [&str; 14] =
    ["est", "edt", "cst", "cdt", "mst", "mdt", "pst", "pdt", "akst", "akdt", "hst", "cet", "cest", "bst"];

/// Reads a pasted page.
///
/// # Errors
///
/// The text is too long, says that the address is not listed, states no time, or states one that is
/// not UTC.
pub fn read(text: &str) -> Result<Report, IntakeError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(IntakeError::TooLong { bytes: text.len() });
    }
    let page = Pasted::of(text);
    refuse_unlisted(&page)?;
    if !SUBJECT.iter().any(|subject| page.compact().contains(subject)) {
        return Err(IntakeError::NoReport);
    }
    let (seen, clock_error_s) = seen(&page)?.ok_or(IntakeError::NoReport)?;
    Ok(Report {
        malware: malware(&page),
        seen,
        clock_error_s,
        public: public(&page),
        remote: remote(&page),
        port: destination_port(&page),
        source_port: source_port(&page),
        protocol: protocol(&page),
        origin: "cbl-text".to_string(),
    })
}

/// Refuses a page whose first statement is "not listed"; a listed one may still speak of lists
/// further down.
fn refuse_unlisted(page: &Pasted) -> Result<(), IntakeError> {
    let text = page.compact();
    let Some(unlisted) = ["isnotlistedin", "isnotcurrentlylisted"].iter().filter_map(|p| text.find(p)).min()
    else {
        return Ok(());
    };
    match text.find("islistedin") {
        Some(listed) if listed < unlisted => Ok(()),
        _ => Err(IntakeError::NotListed { address: address_before(page, unlisted) }),
    }
}

/// When it was seen and how far that may be off in seconds: the exact time where the page has one.
fn seen(page: &Pasted) -> Result<Option<(Timestamp, u64)>, IntakeError> {
    for after in EXACT {
        if let Some((time, zone)) = page.after(&[after], time) {
            return is_utc(after, zone).map(|()| Some((time, EXACT_ERROR_S)));
        }
    }
    match page.after(&[ROUNDED], time) {
        Some((time, zone)) => {
            is_utc(ROUNDED, zone).map(|()| Some((time, stated_error(zone).unwrap_or(ROUNDED_ERROR_S))))
        }
        None => Ok(None),
    }
}

/// Reads `2015-04-2918:52:14`, `2015-04-29t18:52` or `wedmar2317:47:162016`.
fn time(text: &str) -> Option<(Timestamp, &str)> {
    let (date, time, rest) = numeric_time(text).or_else(|| unix_time(text))?;
    let instant = TimeZone::UTC.to_timestamp(date.to_datetime(time)).ok()?;
    Some((instant, rest))
}

fn numeric_time(text: &str) -> Option<(Date, Time, &str)> {
    let date = text.get(..10)?.parse().ok()?;
    let text = text[10..].strip_prefix(['t', ',']).unwrap_or(&text[10..]);
    let (time, rest) = clock(text)?;
    Some((date, time, rest))
}

/// The form of date(1), as on later pages. The day may have one digit, so the two before the first
/// colon are the hour.
fn unix_time(text: &str) -> Option<(Date, Time, &str)> {
    let text = text.get(3..).filter(|_| WEEKDAYS.contains(&&text[..3]))?;
    let month = MONTHS.iter().position(|month| text.starts_with(month))?;
    let colon = floor(text, 8).find(':').filter(|colon| (6..=7).contains(colon))?;
    let day: i8 = text.get(3..colon - 2)?.parse().ok()?;
    let (time, rest) = clock(&text[colon - 2..])?;
    let year: i16 = rest.get(..4).and_then(|digits| digits.parse().ok())?;
    let month = i8::try_from(month + 1).ok()?;
    Some((Date::new(year, month, day).ok()?, time, &rest[4..]))
}

/// Reads `18:52:14` or `18:52`.
fn clock(text: &str) -> Option<(Time, &str)> {
    let seconds = text.get(..8).and_then(|digits| digits.parse::<Time>().ok());
    match seconds {
        Some(time) => Some((time, &text[8..])),
        None => Some((text.get(..5)?.parse().ok()?, &text[5..])),
    }
}

/// Refuses a time that is followed by another zone than UTC; with none, it is the page's own UTC.
fn is_utc(after: &'static str, rest: &str) -> Result<(), IntakeError> {
    let zone = rest.trim_start_matches('(');
    let is_offset = zone.starts_with(['+', '-']) && zone[1..].starts_with(|sign: char| sign.is_ascii_digit());
    let is_other = OTHER_ZONES.iter().any(|other| zone.starts_with(other));
    if !is_offset && !is_other {
        return Ok(());
    }
    Err(IntakeError::BadTime { after, text: zone.chars().take(SHOWN_CHARS_MAX).collect() })
}

/// The seconds of `(+/-30minutes)` behind a time.
fn stated_error(rest: &str) -> Option<u64> {
    let rest = rest.trim_start_matches(|sign: char| sign.is_ascii_alphabetic() || sign == '(');
    let amount = rest.strip_prefix("+/-").or_else(|| rest.strip_prefix('±'))?;
    let (count, unit) = leading_number(amount)?;
    let seconds =
        [("second", 1), ("minute", 60), ("hour", 3600)].iter().find(|(word, _)| unit.starts_with(word));
    seconds.map(|(_, seconds)| u64::from(count) * seconds)
}

/// The name of what the machine is infected with: from the sentence that says so, else from what the
/// page calls the sinkhole.
fn malware(page: &Pasted) -> Option<String> {
    let text = page.compact();
    let sentence = page.after(&INFECTED, |rest| {
        let start = floor(rest, NAME_BYTES_MAX);
        let end = NAME_ENDS.iter().filter_map(|end| start.find(end)).min().or_else(|| start.find('.'))?;
        Some(&rest[..end])
    });
    let sinkhole = || {
        let (_, name) = text[..text.find("sinkhole)")?].rsplit_once('(')?;
        name.strip_prefix("the").or_else(|| name.strip_prefix('a')).or(Some(name))
    };
    let name = sentence.or_else(sinkhole).filter(|name| name.len() <= NAME_BYTES_MAX)?;
    let spelled = page.spelling(name).trim_matches(|sign: char| !sign.is_alphanumeric());
    Some(spelled.to_string()).filter(|name| !name.is_empty())
}

/// The address that was called: a sinkhole, or a machine that the malware attacks.
fn remote(page: &Pasted) -> Option<IpAddr> {
    page.after(&["connectionsto", "goingto", "destinationip"], |rest| {
        let rest = rest.strip_prefix("tcp/ip").or_else(|| rest.strip_prefix("udp/ip")).unwrap_or(rest);
        leading_address(rest.strip_prefix("ipaddress").unwrap_or(rest))
    })
}

/// The address that is listed.
fn public(page: &Pasted) -> Option<IpAddr> {
    let listed = ["islistedin", "hasbeenlistedin"].iter().find_map(|phrase| page.compact().find(phrase));
    listed
        .and_then(|at| address_before(page, at))
        .or_else(|| page.after(&["connectionfromipaddress", "connectionfrom", "sourceip"], leading_address))
}

fn source_port(page: &Pasted) -> Option<u16> {
    let stated = page.after(&["sourceport"], |rest| {
        let rest = rest.strip_prefix("(forthisdetection)").unwrap_or(rest);
        port(rest.strip_prefix("of").unwrap_or(rest))
    });
    stated.or_else(|| page.after(&["connectionfrom"], port_in_sentence))
}

/// The destination port. "on port" counts only where a connection is spoken of: pages say much about
/// "port 25".
fn destination_port(page: &Pasted) -> Option<u16> {
    page.after(&["destinationport"], port).or_else(|| page.after(&["goingto"], port_in_sentence))
}

fn port_in_sentence(rest: &str) -> Option<u16> {
    let (_, rest) = floor(rest, SENTENCE_BYTES_MAX).split_once("onport")?;
    port(rest)
}

fn protocol(page: &Pasted) -> Option<Transport> {
    page.after(&["connectionsto", "detectedbya", "protocol"], |rest| {
        let is = |name| rest.starts_with(name);
        if is("tcp") { Some(Transport::Tcp) } else { is("udp").then_some(Transport::Udp) }
    })
}

fn port(text: &str) -> Option<u16> {
    let (number, _) = leading_number(text.trim_start_matches(':'))?;
    u16::try_from(number).ok().filter(|port| *port > 0)
}

/// The decimal number at the start of `text`, and what follows it.
fn leading_number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// The address at the start of `text`.
fn leading_address(text: &str) -> Option<IpAddr> {
    let text = text.trim_start_matches(':');
    let end = text.find(|sign| !is_address_sign(sign)).unwrap_or(text.len()).min(ADDRESS_BYTES_MAX);
    // Letters of the next word may look like those of an address ("::1 a…"), so that less is tried too.
    (2..=end).rev().find_map(|end| text[..end].parse().ok())
}

/// The address that ends at `at` in the compact text: from the start of a word where one fits.
fn address_before(page: &Pasted, at: usize) -> Option<IpAddr> {
    let before = &page.compact()[..at];
    let run = before.len() - before.trim_end_matches(is_address_sign).len();
    let longest = before.len() - run.min(ADDRESS_BYTES_MAX);
    let parse = |from: usize| before[from..].parse::<IpAddr>().ok();
    let at_word = (longest..before.len()).filter(|&from| page.is_word_start(&before[from..])).find_map(parse);
    at_word.or_else(|| parse(before.len() - run))
}

fn is_address_sign(sign: char) -> bool {
    sign.is_ascii_hexdigit() || matches!(sign, '.' | ':')
}

/// The first `bytes` of `text`, or a little less where a sign would be cut.
fn floor(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The sentences of the sample page that state facts.
    const PAGE: &str = "IP Address 192.0.2.17 is listed in the CBL. It appears to be infected with a \
        spam sending trojan, proxy or some other form of botnet.\n\nIt was last detected at 2015-04-29 \
        19:00 GMT (+/- 30 minutes), approximately 7 days, 21 hours ago.\n\nThis IP is infected (or \
        NATting for a computer that is infected) with the **Conficker** botnet.\n\nYour IP was observed \
        making connections to TCP/IP IP address 216.66.15.109 (a conficker [sinkhole](#)) with a \
        destination port 80, source port (for this detection) of 1701 at exactly 2015-04-29 18:52:14 \
        (UTC). All of our detection systems use NTP.\n\nIf you don't have full firewall logging, block \
        all access to IP address 216.66.15.109.";

    fn expected() -> Report {
        Report {
            malware: Some("Conficker".to_string()),
            seen: "2015-04-29T18:52:14Z".parse().expect("a time"),
            clock_error_s: 1,
            public: Some([192, 0, 2, 17].into()),
            remote: Some([216, 66, 15, 109].into()),
            port: Some(80),
            source_port: Some(1701),
            protocol: Some(Transport::Tcp),
            origin: "cbl-text".to_string(),
        }
    }

    #[test]
    fn the_page_is_read_however_it_was_pasted() {
        let hard_wrapped: String = PAGE
            .chars()
            .enumerate()
            .flat_map(|(at, sign)| [Some(sign), (at % 17 == 16).then_some('\n')])
            .flatten()
            .collect();
        let quoted: String = PAGE.lines().map(|line| format!("> {line}\r\n")).collect();
        for (case, text) in [
            ("as it is", PAGE.to_string()),
            ("a line break after every 17th sign", hard_wrapped),
            ("quoted in a mail with CRLF", quoted),
            ("no-break blanks", PAGE.replace(' ', "\u{a0}")),
            ("entities for blanks", PAGE.replace(' ', "&nbsp;")),
            ("tags", PAGE.replace("**Conficker**", "<strong>Conficker</strong>")),
            ("defanged", PAGE.replace("216.66.15.109", "216[.]66[.]15[.]109")),
            ("upper case", PAGE.to_uppercase()),
        ] {
            let mut wanted = expected();
            if case == "upper case" {
                wanted.malware = Some("CONFICKER".to_string());
            }
            assert_eq!(read(&text), Ok(wanted), "{case}");
        }
    }

    #[test]
    fn what_a_page_does_not_say_stays_unknown() {
        let rounded = "It was last detected at 2015-04-29 19:00 GMT (+/- 5 minutes), 7 days ago.";
        let report = read(rounded).expect("a time is enough");
        assert_eq!((report.seen.to_string().as_str(), report.clock_error_s), ("2015-04-29T19:00:00Z", 300));
        assert_eq!((report.malware, report.public, report.remote, report.port), (None, None, None, None));
        let nameless = PAGE.replace("192.0.2.17 ", "");
        assert_eq!(read(&nameless).expect("a report").public, None, "the sinkhole is not ours");
        assert_eq!(read(&PAGE.replace("(+/- 30 minutes)", "")).expect("a report"), expected());
        let default = read("last detected at 2015-04-29 19:00 GMT").expect("a report");
        assert_eq!(default.clock_error_s, 1800);
    }

    #[test]
    fn later_wordings_are_read() {
        let later = "IP Address 192.0.2.17 is listed in the CBL.\nIt was last detected at Wed Mar 23 18:00:00 \
            2016 UTC +/- 5 minutes.\nThis IP address is infected with, or is NATting for a machine infected \
            with Torpig, also known by Symantec as Anserin.\nThis was detected by a TCP/IP connection from \
            192.0.2.17 on port 1701 going to IP address 216.66.15.109 (the sinkhole) on port 80.\n\
            Detection Information Summary\nTime\tWed Mar 3 17:47:16 2016 UTC";
        let report = read(later).expect("a report");
        assert_eq!(report.malware.as_deref(), Some("Torpig"));
        assert_eq!(report.seen.to_string(), "2016-03-03T17:47:16Z");
        assert_eq!((report.port, report.source_port), (Some(80), Some(1701)));
        assert_eq!(report.public, Some([192, 0, 2, 17].into()));
        assert_eq!(report.protocol, Some(Transport::Tcp));
    }

    #[test]
    fn quotation_marks_around_what_a_page_names_change_nothing() {
        for (open, close) in [('"', '"'), ('\u{201c}', '\u{201d}')] {
            let q = |text: &str| format!("{open}{text}{close}");
            let text = format!(
                "IP Address {} is listed in the CBL. It was last detected at 2015-04-29 19:00 GMT. This IP is infected \
                 with, or is NATting for a machine infected with {} malicious botnet. This was detected by a TCP/IP \
                 connection from {} on port {} going to IP address {} (the sinkhole) on port {}.",
                q("192.0.2.17"),
                q("Conficker"),
                q("192.0.2.17"),
                q("1701"),
                q("216.66.15.109"),
                q("80")
            );
            let report = read(&text).expect("a report");
            let seen = "2015-04-29T19:00:00Z".parse().expect("a time");
            assert_eq!(report, Report { seen, clock_error_s: 1800, ..expected() }, "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_report_is_refused_with_what_to_do() {
        let unlisted =
            "IP Address 192.0.2.17 is not listed in the CBL. It was last detected at 2015-04-29 19:00 GMT";
        for (case, text, wanted) in [
            ("not listed", unlisted.to_string(), "the page says that 192.0.2.17 is not listed"),
            (
                "not listed, and others are spoken of further down",
                format!("{unlisted}. Your provider is listed in the CBL, not you."),
                "the page says that 192.0.2.17 is not listed",
            ),
            ("empty", String::new(), "this is no CBL page"),
            ("another text", "the printer is broken since 2015-04-29 18:52:14".to_string(), "--seen TIME"),
            (
                "another zone",
                PAGE.replace("14 \n(UTC)", "").replace("(UTC)", "(CDT)"),
                "state it with --seen",
            ),
            ("an offset", PAGE.replace("(UTC)", "-0500"), "state it with --seen"),
            ("one byte too long", "x".repeat(TEXT_BYTES_MAX + 1), "paste the page's text alone"),
        ] {
            let error = read(&text).expect_err(case).to_string();
            assert!(error.contains(wanted), "{case}: {error}");
        }
        let both = format!("{PAGE} If an address is not listed in the CBL, nothing is wrong with it.");
        assert_eq!(read(&both), Ok(expected()), "listed, and others are spoken of further down");
        assert_eq!(read(&"x".repeat(TEXT_BYTES_MAX)), Err(IntakeError::NoReport), "at the limit");
    }

    proptest! {
        #[test]
        fn no_text_can_stop_it(noise in "\\PC{0,12}", from in 0..800usize, cut in 0..60usize) {
            let from = PAGE.floor_char_boundary(from.min(PAGE.len()));
            let to = PAGE.floor_char_boundary((from + cut).min(PAGE.len()));
            let _ = read(&format!("{}{noise}{}", &PAGE[..from], &PAGE[to..]));
        }

        #[test]
        fn no_noise_can_stop_it(noise in "(.|\n|last detected at|at exactly|infected with the|2015-04-2|18:5|[&<\\[(é]){0,40}") {
            let _ = read(&noise);
        }
    }
}
