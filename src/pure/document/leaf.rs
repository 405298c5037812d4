//! What do the smallest values mean? `30m`, `99%`, `64MiB`, `tcp/445`, `America/Chicago`.
//!
//! Left of it is `read`; right of it the raw types. Each type reads one text, and its error says what
//! is wrong and, after a line break, what to write instead. Nothing is rounded or guessed.

use super::words::{clipped, nearest};
use crate::pure::address::Translator;
use crate::pure::schedule::Cron;
use crate::pure::shown::{is_blank, unreadable};
use crate::pure::site::{ClosedDays, MailSecurity};
use crate::pure::watchlist::{Entry, PortRange, Target, normalise_domain};
use ipnet::IpNet;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Longer durations are taken for a slip, in seconds: a hundred years.
const LENGTH_SECONDS_MAX: u64 = 100 * 31_536_000;

macro_rules! leaf {
    ($(#[$doc:meta])* $name:ident($inner:ty), $parse:expr, $schema:tt) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(pub $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                $parse(text.trim()).map($name).map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

leaf!(
    /// A duration such as `30m`.
    Length(Duration), length, {"type": "string", "pattern": "^[0-9]+[smhdwy]$", "examples": ["90s", "30m", "6h", "7d", "2w"]}
);
leaf!(
    /// A share from 0 to 1, written `99%`.
    Share(f64), share, {"type": "string", "pattern": "^0*(100(\\.0*)?|[0-9]{1,2}(\\.[0-9]*)?|\\.[0-9]+) *%$", "examples": ["99%", "0.1%"]}
);
leaf!(
    /// A number of bytes such as `64MiB`.
    Size(u64), size, {"type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB|TiB)$", "examples": ["256KiB", "64MiB", "1GiB"]}
);
leaf!(
    /// A network, or one address.
    Network(IpNet), network, {"type": "string", "examples": ["192.0.2.17", "10.16.0.0/16"]}
);
leaf!(
    /// A prefix of a translator between IPv6 and IPv4.
    Prefix(Translator), prefix, {"type": "string", "pattern": "/(32|40|48|56|64|96)$", "examples": ["2001:db8:64::/96"]}
);
leaf!(
    /// A time zone by its IANA name.
    Zone(TimeZone), zone, {"type": "string", "examples": ["America/Chicago"]}
);
leaf!(
    /// `address` or `Name <address>`.
    Mailbox(String), mailbox, {"type": "string", "examples": ["Tech Coordinator <tech@springfield.example>"]}
);
leaf!(
    /// A text that people read, in one line.
    Title(String), title, {"type": "string", "pattern": "\\S"}
);
leaf!(
    /// A text that people read, whose line breaks mean no more than blanks.
    Sentence(String), sentence, {"type": "string", "pattern": "\\S"}
);
leaf!(
    /// First and last day, both included.
    Days(ClosedDays), days, {"type": "string", "examples": ["2026-12-21..2027-01-03"]}
);
leaf!(
    /// Ports of a protocol.
    Ports(PortRange), ports, {"type": ["string", "integer"], "pattern": "^\\s*(([tT][cC][pP]|[uU][dD][pP])\\s*/)?[0-9\\s-]+$", "minimum": 1, "maximum": 65535, "examples": ["tcp/445", "tcp/4152-4177", "udp/53"]}
);
leaf!(
    /// An address, a network or a range of addresses (which becomes several entries), perhaps with a port.
    Indicator(Vec<Entry>), indicator, {"type": "string", "examples": ["149.93.23.110", "38.229.128.0/18", "216.66.15.109:80"]}
);
leaf!(
    /// A domain name; it and every name below it match.
    Name(Entry), domain, {"type": "string", "examples": ["conficker-sinkhole.example"]}
);
leaf!(
    /// Five-field cron in the site's time zone.
    CronText(Cron), cron, {"type": "string", "pattern": "^\\s*\\S+(\\s+\\S+){4}\\s*$", "examples": ["30 8 * * 1-5"]}
);
leaf!(
    /// An address and a port.
    Socket(SocketAddr), socket, {"type": "string", "examples": ["127.0.0.1:53", "[::1]:8080"]}
);
leaf!(
    /// Where a probe goes.
    ProbeTarget(SocketAddr), probe_target, {"type": "string", "examples": ["192.0.2.1:9"]}
);
leaf!(
    /// A mail server.
    Smtp((String, u16, MailSecurity)), smtp,
    {"type": "string", "pattern": "^smtp(s|\\+starttls)?://", "examples": ["smtp://127.0.0.1:25", "smtps://mail.example", "smtp+starttls://mail.example:587"]}
);

fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.split_at(end)
}

/// Reads `90s`, `30m`, `6h`, `7d`, `2w`.
///
/// # Errors
///
/// What is wrong and, after a line break, what to write instead.
pub fn length(text: &str) -> Result<Duration, String> {
    let (number, unit) = split_unit(text);
    let unit_seconds: Option<u64> = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3_600),
        "d" => Some(86_400),
        "w" => Some(604_800),
        "y" => Some(31_536_000),
        _ => None,
    };
    let number: Option<u64> = number.parse().ok();
    let (number, unit_seconds) = number.zip(unit_seconds).ok_or_else(|| {
        let cure = "write a whole number and a unit: `90s`, `30m`, `6h`, `7d` or `2w`";
        format!("`{}` is not a duration\n{cure}", clipped(text))
    })?;
    let seconds = number.checked_mul(unit_seconds).filter(|seconds| *seconds <= LENGTH_SECONDS_MAX);
    let seconds = seconds
        .ok_or_else(|| format!("`{}` is longer than a hundred years\ngive `100y` at most", clipped(text)))?;
    Ok(Duration::from_secs(seconds))
}

fn share(text: &str) -> Result<f64, String> {
    let wrong = || {
        format!("`{}` is not a share\nwrite it in per cent, from 0 to 100: `99%` or `0.1%`", clipped(text))
    };
    let digits = text.strip_suffix('%').ok_or_else(wrong)?.trim_end();
    let is_plain = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    let percent: f64 = digits.parse().map_err(|_| wrong())?;
    if is_plain && (0.0..=100.0).contains(&percent) { Ok(percent / 100.0) } else { Err(wrong()) }
}

fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split_unit(text);
    let unit_bytes: Option<u64> = match unit {
        "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        "TiB" => Some(1 << 40),
        _ => None,
    };
    let number: Option<u64> = number.parse().ok();
    let bytes = number.zip(unit_bytes).and_then(|(number, unit_bytes)| number.checked_mul(unit_bytes));
    bytes.ok_or_else(|| {
        let cure = "write a whole number and `B`, `KiB`, `MiB`, `GiB` or `TiB`: `64MiB`";
        format!("`{}` is not a size\n{cure}", clipped(text))
    })
}

fn network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address));
    }
    let network: IpNet = text.parse().map_err(|_| {
        format!(
            "`{}` is neither an address nor a network\nwrite `192.0.2.17` or `10.16.0.0/16`",
            clipped(text)
        )
    })?;
    if network.addr() != network.network() {
        return Err(format!(
            "`{network}` has bits set to the right of its mask\nwrite `{}`",
            network.trunc()
        ));
    }
    Ok(network)
}

fn prefix(text: &str) -> Result<Translator, String> {
    Translator::parse(text).ok_or_else(|| {
        let wanted = Translator::WANTED;
        format!("`{}` is no prefix of a translator, {wanted}\nwrite `2001:db8:64::/96`", clipped(text))
    })
}

fn zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| {
        let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let cure = match nearest(text, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "give an IANA name such as `America/Chicago`".to_owned(),
        };
        format!("unknown time zone `{}`\n{cure}", clipped(text))
    })
}

fn title(text: &str) -> Result<String, String> {
    match unreadable(text) {
        Some(sign) => Err(format!("`{}` holds {sign}\nleave it out", clipped(text))),
        None if is_blank(text) => {
            Err("nothing stands here that anybody could read\nfill it, or leave it out".to_owned())
        }
        None => Ok(text.to_owned()),
    }
}

fn sentence(text: &str) -> Result<String, String> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    title(&lines.join(" "))
}

fn mailbox(text: &str) -> Result<String, String> {
    if let Some(sign) = unreadable(text) {
        return Err(format!("`{}` holds {sign}\nleave it out", clipped(text)));
    }
    let address = match text.rsplit_once('<') {
        Some((_, rest)) => rest.strip_suffix('>').unwrap_or_default(),
        None => text,
    };
    if is_address(address) {
        return Ok(text.to_owned());
    }
    let cure = "write `tech@springfield.example` or `Tech Coordinator <tech@springfield.example>`";
    Err(format!("`{}` is not a mail address\n{cure}", clipped(text)))
}

fn is_address(text: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let has_dots_inside = |part: &str| !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
    text.rsplit_once('@').is_some_and(|(local, host)| {
        let is_host = host.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '.');
        (1..=LOCAL_BYTES_MAX).contains(&local.len())
            && !host.is_empty()
            && is_host
            && is_domain(host)
            && local.chars().all(is_plain)
            && has_dots_inside(local)
            && has_dots_inside(host)
    })
}

/// What stands before the @ of an address, in bytes (RFC 5321, 4.5.3.1.1).
const LOCAL_BYTES_MAX: usize = 64;

/// Whether DNS can know the name: labels of at most 63 bytes, 253 in all (RFC 1035, 2.3.4), in ASCII.
fn is_domain(host: &str) -> bool {
    let is_label =
        |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    idna::domain_to_ascii(host).is_ok_and(|host| host.len() <= 253 && host.split('.').all(is_label))
}

fn days(text: &str) -> Result<ClosedDays, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let day = |day: &str| {
        day.trim().parse::<Date>().map_err(|_| {
            let cure = "write first and last day: `2026-12-21..2027-01-03`";
            format!("`{}` is not a day\n{cure}", clipped(day))
        })
    };
    let closed = ClosedDays { first: day(first)?, last: day(last)? };
    if closed.first > closed.last {
        let cure = format!("write `{}..{}`", closed.last, closed.first);
        return Err(format!(
            "the break ends on {} before it begins on {}\n{cure}",
            closed.last, closed.first
        ));
    }
    Ok(closed)
}

/// Parts what is wrong from what to do, as the readers elsewhere write it.
fn parted(message: String) -> String {
    message.replacen(": ", "\n", 1)
}

fn ports(text: &str) -> Result<PortRange, String> {
    PortRange::parse(text).map_err(parted)
}

fn indicator(text: &str) -> Result<Vec<Entry>, String> {
    let entries = Entry::parse(text).map_err(parted)?;
    match entries.first().map(|entry| &entry.target) {
        Some(Target::Domain(_)) => Err(format!("`{}` is a name\nnames stand under `domains`", clipped(text))),
        Some(Target::Anywhere) => Err(format!("`{}` is a port\nports stand under `ports`", clipped(text))),
        _ => Ok(entries),
    }
}

fn domain(text: &str) -> Result<Entry, String> {
    if text.parse::<IpAddr>().is_ok() {
        return Err(format!("`{}` is an address\naddresses stand under `addresses`", clipped(text)));
    }
    let name = normalise_domain(text).map_err(parted)?;
    Ok(Entry { text: text.to_owned(), target: Target::Domain(name), ports: None })
}

fn cron(text: &str) -> Result<Cron, String> {
    Cron::parse(text).map_err(parted)
}

fn socket(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("`{}` is not an address with a port\nwrite `127.0.0.1:53` or `[::1]:53`", clipped(text))
    })
}

fn probe_target(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        let cure = match text.parse::<IpAddr>() {
            Ok(address) => format!("write `{}`, say", SocketAddr::new(address, 9)),
            Err(_) => "write `192.0.2.1:9`".to_owned(),
        };
        format!("`{}` is not an address with a port\n{cure}", clipped(text))
    })
}

fn smtp(text: &str) -> Result<(String, u16, MailSecurity), String> {
    let wrong = || {
        let cure = "write `smtp://HOST:PORT`, `smtps://HOST` or `smtp+starttls://HOST`; a name and password have keys \
                    of their own";
        format!("`{}` is not a mail server\n{cure}", clipped(text))
    };
    // Default ports: RFC 5321 (25), RFC 8314 (465 and 587).
    let (security, default_port, rest) = match text.split_once("://") {
        Some(("smtp", rest)) => (MailSecurity::Plain, 25, rest),
        Some(("smtps", rest)) => (MailSecurity::Tls, 465, rest),
        Some(("smtp+starttls", rest)) => (MailSecurity::StartTls, 587, rest),
        _ => return Err(wrong()),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !rest.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
        _ => (rest, default_port),
    };
    let is_name = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_v6 = bare.is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok());
    if (is_name || is_v6) && port > 0 {
        Ok((bare.unwrap_or(host).to_owned(), port, security))
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<u64> {
        length(text).ok().map(|length| length.as_secs())
    }

    #[test]
    fn durations_have_a_whole_number_and_a_unit() {
        let rows = [
            ("90s", Some(90)),
            ("30m", Some(1_800)),
            ("6h", Some(21_600)),
            ("7d", Some(604_800)),
            ("2w", Some(1_209_600)),
            ("1y", Some(31_536_000)),
            ("0s", Some(0)),
            ("100y", Some(LENGTH_SECONDS_MAX)),
            ("101y", None),
            ("99999999999999999999s", None),
            ("1.5h", None),
            ("-1h", None),
            ("1 h", None),
            ("1H", None),
            ("h", None),
            ("30", None),
        ];
        rows.iter().for_each(|(text, wanted)| assert_eq!(seconds(text), *wanted, "{text}"));
    }

    #[test]
    fn shares_lie_between_none_and_all() {
        let rows = [("0%", Some(0.0)), ("100%", Some(1.0)), ("50%", Some(0.5)), ("12.5%", Some(0.125))];
        rows.iter().for_each(|(text, wanted)| assert_eq!(share(text).ok(), *wanted, "{text}"));
        for text in ["100.1%", "-1%", "0.5", "%", "1e1%", "inf%", "NaN%", "+5%"] {
            assert!(share(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        let rows = [
            ("0B", Some(0)),
            ("256KiB", Some(256 << 10)),
            ("64MiB", Some(64 << 20)),
            ("1GiB", Some(1 << 30)),
            ("1TiB", Some(1 << 40)),
            ("16777215TiB", Some(16_777_215 << 40)),
            ("16777216TiB", None),
            ("1KB", None),
            ("1", None),
            ("1.5MiB", None),
        ];
        rows.iter().for_each(|(text, wanted)| assert_eq!(size(text).ok(), *wanted, "{text}"));
    }

    #[test]
    fn mailboxes_have_a_name_or_none() {
        let longest = format!("{}@b.example", "a".repeat(LOCAL_BYTES_MAX));
        for text in [
            "a@b.example",
            "Tech <tech@b.example>",
            "o'neil+x@b-c.example",
            "Jürgen <j@b.example>",
            "Coordinator, Tech; (Unit 7) [LAB] @ school: <tech@b.example>",
            "tech@exämple.example",
            longest.as_str(),
        ] {
            assert_eq!(mailbox(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c.example",
            "a@b@c",
            "A <a@b",
            "A <>",
            "a@.b",
            "a..b@c",
            "a@b\nBcc: c@d",
            "\u{202e}hceT <a@b.example>",
            "T\u{200b} <a@b.example>",
            "a@-b.example",
            "a@b.example-",
            &format!("a{longest}"),
            &format!("a@{}.example", "b".repeat(64)),
            &format!("a@{}b.example", "b.".repeat(128)),
        ] {
            assert!(mailbox(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn mail_servers_have_the_usual_ports() {
        let rows = [
            ("smtp://h", ("h", 25, MailSecurity::Plain)),
            ("smtp://127.0.0.1:2525/", ("127.0.0.1", 2525, MailSecurity::Plain)),
            ("smtps://mail.example", ("mail.example", 465, MailSecurity::Tls)),
            ("smtp+starttls://[::1]", ("::1", 587, MailSecurity::StartTls)),
            ("smtp://[::1]:26", ("::1", 26, MailSecurity::Plain)),
        ];
        for (text, (host, port, security)) in rows {
            assert_eq!(smtp(text), Ok((host.to_owned(), port, security)), "{text}");
        }
        for text in
            ["h:25", "http://h", "smtp://", "smtp://h:0", "smtp://h:65536", "smtp://u:p@h", "smtp://::1"]
        {
            assert!(smtp(text).is_err(), "{text}");
        }
    }
}
