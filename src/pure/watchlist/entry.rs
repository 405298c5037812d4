//! What does one line of a watchlist name? Text in, typed entries out.
//!
//! Used by `file`, by the playbook reader and by the command line. It must never guess: what it
//! does not understand is refused with the reason.

use super::{Entry, PortRange, Target, Transport, domain};
use crate::pure::address;
use crate::pure::protocol::has_ports;
use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

/// Why a text is no entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryFault {
    /// An indicator that packets cannot be looked up by (a URL with a path, a file hash): its kind.
    Unusable(&'static str),
    /// It is wrong, and how to write it.
    Wrong(String),
}

impl fmt::Display for EntryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EntryFault::Unusable(kind) => write!(f, "{kind} is not usable here: name its address or host"),
            EntryFault::Wrong(why) => f.write_str(why),
        }
    }
}

impl Entry {
    /// Reads one entry in the plain format: address, network, either with `:port`, range of
    /// addresses, domain, or ports anywhere (`tcp/25`). A range becomes the networks that it
    /// consists of, each with the range's spelling; everything else is exactly one entry.
    ///
    /// Fails with a sentence that says what is wrong and how to write it.
    pub fn parse(text: &str) -> Result<Vec<Entry>, String> {
        read(text).map_err(|fault| fault.to_string())
    }
}

/// As [`Entry::parse`], telling what is wrong from what is merely of no use.
pub fn read(text: &str) -> Result<Vec<Entry>, EntryFault> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        let target = Target::Address(address::canonical(address));
        return Ok(vec![Entry { text: text.to_owned(), target, ports: None }]);
    }
    let plain = refang(text);
    let plain = without_scheme(&plain)?;
    if is_hash(plain) {
        return Err(EntryFault::Unusable("a file hash"));
    }
    let (targets, ports) = targets(plain).map_err(EntryFault::Wrong)?;
    Ok(targets.into_iter().map(|target| Entry { text: text.to_owned(), target, ports }).collect())
}

type Targets = (Vec<Target>, Option<PortRange>);

fn targets(text: &str) -> Result<Targets, String> {
    if let Some(targets) = ports_anywhere(text)? {
        return Ok(targets);
    }
    if let Some((first, last)) = text.split_once('-')
        && let (Ok(first), Ok(last)) = (first.trim().parse(), last.trim().parse())
    {
        return Ok((range(address::canonical(first), address::canonical(last))?, None));
    }
    let (place, port) = split_port(text)?;
    let ports = port.map(PortRange::parse).transpose()?;
    let target = match (address_or_network(place)?, ports) {
        (Some(target), _) => target,
        (None, None) => Target::Domain(domain::normalise(place)?),
        (None, Some(_)) => return Err(format!("'{text}' is a name with a port: write the name alone")),
    };
    Ok((vec![target], ports))
}

/// `tcp/25`, `udp/4000-4010`, `4152-4177`; a number alone could be anything and is none.
fn ports_anywhere(text: &str) -> Result<Option<Targets>, String> {
    let has_protocol = ["tcp/", "udp/"].iter().any(|prefix| has_prefix(text, prefix));
    let is_number_range =
        text.contains('-') && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if !has_protocol && !is_number_range {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let fault = format!("'{text}' is a number alone: write tcp/{text} or udp/{text} for a port");
        return if is_number { Err(fault) } else { Ok(None) };
    }
    Ok(Some((vec![Target::Anywhere], Some(PortRange::parse(text)?))))
}

fn has_prefix(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

/// Parts `216.66.15.109:80`, `[2001:db8::1]:443` and `10.0.0.0/8:80`; a lone IPv6 address has no port.
fn split_port(text: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inner, after) =
            rest.split_once(']').ok_or_else(|| format!("'{text}' lacks its ']': write [2001:db8::1]:443"))?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((inner, Some(port))),
            None if after.is_empty() => Ok((inner, None)),
            None => Err(format!("'{after}' after ']' is no port: write [2001:db8::1]:443")),
        };
    }
    match text.split_once(':') {
        Some((place, port)) if !port.contains(':') => Ok((place, Some(port))),
        _ => Ok((text, None)),
    }
}

fn address_or_network(text: &str) -> Result<Option<Target>, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Some(Target::Address(address::canonical(address))));
    }
    if text.contains('/') {
        return network(text).map(Some);
    }
    let is_numeric = text.contains('.') && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_numeric || text.contains(':') {
        return Err(format!("'{text}' is no address: write four numbers from 0 to 255, or an IPv6 address"));
    }
    Ok(None)
}

fn network(text: &str) -> Result<Target, String> {
    let wrong = || format!("'{text}' is no network: write it as 38.229.128.0/18");
    let network: IpNet = text.parse().map_err(|_| wrong())?;
    let corrected = network.trunc();
    if corrected != network {
        return Err(format!(
            "'{text}' has host bits set: write {corrected} for the network, or the address alone"
        ));
    }
    let canonical = address::canonical_network(network);
    if canonical.prefix_len() == 0 && network.prefix_len() > 0 {
        return Err(format!("'{text}' stands for all addresses of IPv4: write those that are meant"));
    }
    Ok(narrowest(canonical))
}

/// A network of one address is that address.
fn narrowest(network: IpNet) -> Target {
    if network.prefix_len() == network.max_prefix_len() {
        Target::Address(network.addr())
    } else {
        Target::Network(network)
    }
}

fn range(first: IpAddr, last: IpAddr) -> Result<Vec<Target>, String> {
    if first > last {
        return Err(format!("the range {first}-{last} ends before it begins: write {last}-{first}"));
    }
    match (first, last) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            Ok(Ipv4Subnets::new(a, b, 0).map(|network| narrowest(IpNet::V4(network))).collect())
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            Ok(Ipv6Subnets::new(a, b, 0).map(|network| narrowest(IpNet::V6(network))).collect())
        }
        _ => Err(format!("the range {first}-{last} mixes IPv4 and IPv6: write two ranges")),
    }
}

/// Undoes the spellings that keep people from clicking: `hxxp`, `[.]`, `(.)`, `[:]`, `[dot]`.
fn refang(text: &str) -> Cow<'_, str> {
    let is_hxxp = has_prefix(text, "hxxp");
    if !is_hxxp && !text.contains(['[', '(']) {
        return Cow::Borrowed(text);
    }
    let dotted = text.replace("[.]", ".").replace("(.)", ".").replace("[dot]", ".").replace("[:]", ":");
    Cow::Owned(if is_hxxp { format!("http{}", &dotted[4..]) } else { dotted })
}

/// The host of a URL that names nothing but its host, or whose host is an address, at which the whole URL is
/// looked for; other text as it is. A name with a path is a URL
/// that lacks its scheme.
fn without_scheme(text: &str) -> Result<&str, EntryFault> {
    let is_scheme = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let Some((_, rest)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        if let Some((host, path)) = text.split_once('/')
            && is_literal(host)
            && path.starts_with(|c: char| c.is_ascii_alphabetic())
            && !has_columns(path)
        {
            return Ok(host);
        }
        let is_url = text.split_once('/').is_some_and(|(host, _)| domain::normalise(host).is_ok());
        return if is_url { Err(EntryFault::Unusable("a URL with a path")) } else { Ok(text) };
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let literal = authority.rsplit('@').next().filter(|host| is_literal(host));
    if let Some(host) = literal.filter(|_| !has_columns(rest)) {
        return Ok(host);
    }
    let host = rest.strip_suffix('/').unwrap_or(rest);
    if host.contains(['/', '?', '#', '@']) {
        Err(EntryFault::Unusable("a URL with a path"))
    } else {
        Ok(host)
    }
}

/// Whether what follows may be other columns of a table, and not the path of a URL.
fn has_columns(path: &str) -> bool {
    path.contains([' ', '\t', ',', ';', '"', '|'])
}

/// Whether it is an address, perhaps with a port.
fn is_literal(host: &str) -> bool {
    split_port(host).is_ok_and(|(place, _)| place.parse::<IpAddr>().is_ok())
}

/// MD5, SHA-1 or SHA-256 in hexadecimal.
fn is_hash(text: &str) -> bool {
    matches!(text.len(), 32 | 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl PortRange {
    /// Reads `tcp/25`, `udp/4000-4010`, `4152-4177` or `80`; without a protocol it is TCP and UDP.
    ///
    /// Fails with a sentence when the protocol is another, a number is not within 1 to 65535, or the
    /// range is backwards.
    pub fn parse(text: &str) -> Result<PortRange, String> {
        let (protocol, numbers) = match text.trim().split_once('/') {
            Some((protocol, numbers)) => (Some(Transport::parse(protocol)?), numbers),
            None => (None, text.trim()),
        };
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        let range = PortRange { protocol, first: port(first)?, last: port(last)? };
        if range.first > range.last {
            return Err(format!("the port range '{numbers}' ends before it begins: write {last}-{first}"));
        }
        Ok(range)
    }

    /// Whether a packet of that IANA protocol number with that port at its outside end lies in it.
    pub fn contains(&self, protocol: u8, port: u16) -> bool {
        let is_protocol = match self.protocol {
            Some(transport) => transport.number() == protocol,
            None => has_ports(protocol),
        };
        is_protocol && self.first <= port && port <= self.last
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            Some(Transport::Tcp) => f.write_str("tcp/")?,
            Some(Transport::Udp) => f.write_str("udp/")?,
            None => {}
        }
        write!(f, "{}", self.first)?;
        if self.last > self.first { write!(f, "-{}", self.last) } else { Ok(()) }
    }
}

impl Transport {
    /// Its IANA protocol number.
    pub fn number(self) -> u8 {
        match self {
            Transport::Tcp => 6,
            Transport::Udp => 17,
        }
    }

    fn parse(text: &str) -> Result<Transport, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "tcp" => Ok(Transport::Tcp),
            "udp" => Ok(Transport::Udp),
            _ => Err(format!("'{text}' is no protocol with ports: write tcp/25 or udp/53")),
        }
    }
}

fn port(text: &str) -> Result<u16, String> {
    let number = text.trim().parse::<u16>().ok().filter(|&number| number > 0);
    number.ok_or_else(|| format!("'{text}' is no port: write a number from 1 to 65535"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::watchlist::spelling::{push_canonical, spell};

    #[test]
    fn every_plain_spelling_is_read_as_what_it_names() {
        let rows = [
            ("149.93.23.110", "149.93.23.110"),
            ("38.229.128.0/18", "38.229.128.0/18"),
            ("1.2.3.4/32", "1.2.3.4"),
            ("216.66.15.109:80", "216.66.15.109 80"),
            ("38.229.128.0/18:80", "38.229.128.0/18 80"),
            ("[2001:db8::1]:443", "2001:db8::1 443"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:82.165.177.154", "82.165.177.154"),
            ("64:ff9b::82.165.177.154", "82.165.177.154"),
            ("[64:ff9b::82.165.177.154]:80", "82.165.177.154 80"),
            ("64:ff9b::82.165.177.0/120", "82.165.177.0/24"),
            ("Evil.Example.", "evil.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("*.evil.example", "evil.example"),
            ("tcp/25", "* tcp/25"),
            ("udp/4000-4010", "* udp/4000-4010"),
            ("4152-4177", "* 4152-4177"),
            ("hxxp://1[.]2[.]3[.]4", "1.2.3.4"),
            ("hxxps://evil[.]example/", "evil.example"),
            ("http://203.0.113.7/x", "203.0.113.7"),
            ("http://203.0.113.7?x", "203.0.113.7"),
            ("http://u:p@203.0.113.7:8080/a@b/c", "203.0.113.7 8080"),
            ("hxxp://203[.]0[.]113[.]7/gate.php", "203.0.113.7"),
            ("http://[2001:db8::1]:80/x", "2001:db8::1 80"),
            ("203.0.113.7:81/gate.php", "203.0.113.7 81"),
            ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
            ("::ffff:203.0.113.7/128", "203.0.113.7"),
            ("::/0", "::/0"),
            ("10.0.0.1-10.0.0.4", "10.0.0.1, 10.0.0.2/31, 10.0.0.4"),
            ("::ffff:10.0.0.1-64:ff9b::10.0.0.4", "10.0.0.1, 10.0.0.2/31, 10.0.0.4"),
        ];
        for (text, wanted) in rows {
            let entries = Entry::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            let read: Vec<String> = entries.iter().map(canonical).collect();
            assert_eq!(read.join(", "), wanted, "{text}");
            assert!(entries.iter().all(|entry| entry.text == text), "{text} keeps its spelling");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_does_harm(text in "(https?://|hxxp://|[0-9]{1,3}|[a-f:]{1,4}|[./:?#@,-]|::ffff:|\\PC){0,16}") {
            for entry in Entry::parse(&text).unwrap_or_default() {
                let (target, ports) = (&entry.target, entry.ports);
                let mut spelt = String::new();
                spell(target, ports, &mut spelt);
                let again = Entry::parse(&spelt).map(|mut entries| entries.remove(0));
                proptest::prop_assert!(again.is_ok_and(|it| it.target == *target && it.ports == ports), "{}", spelt);
            }
        }
    }

    fn canonical(entry: &Entry) -> String {
        let mut text = String::new();
        push_canonical(&entry.target, entry.ports, &mut text);
        text
    }

    #[test]
    fn what_is_no_entry_is_refused_with_its_cure() {
        let rows = [
            ("38.229.131.151/18", "has host bits set: write 38.229.128.0/18"),
            ("1.2.3.256", "is no address"),
            ("1.2.3.0/33", "is no network"),
            ("10.0.0.9-10.0.0.1", "write 10.0.0.1-10.0.0.9"),
            ("tcp/0", "from 1 to 65535"),
            ("tcp/65536", "from 1 to 65535"),
            ("tcp/30-20", "write 20-30"),
            ("445", "write tcp/445"),
            ("localhost", "one word"),
            ("evil.example:443", "write the name alone"),
            ("[2001:db8::1", "lacks its ']'"),
            ("http://evil.example/a.exe", "not usable here"),
            ("evil.example/a.exe", "not usable here"),
            ("http://evil.example/203.0.113.7", "not usable here"),
            ("1.2.3.4/255.255.255.0", "is no network"),
            ("1.2.3.4/24x", "is no network"),
            ("1.2.3.4/x,y", "is no network"),
            ("http://1.2.3.4/x,http://a.example", "not usable here"),
            ("http://203.0.113.7:0/x", "from 1 to 65535"),
            ("d41d8cd98f00b204e9800998ecf8427e", "not usable here"),
        ];
        for (text, wanted) in rows {
            let fault = Entry::parse(text).expect_err(text);
            assert!(fault.contains(wanted), "{text}: {fault}");
        }
    }

    #[test]
    fn a_port_range_holds_both_its_ends_and_only_its_protocol() {
        let range = PortRange::parse("tcp/4152-4177").expect("a range");
        for (protocol, port, wanted) in
            [(6, 4151, false), (6, 4152, true), (6, 4177, true), (6, 4178, false), (17, 4152, false)]
        {
            assert_eq!(range.contains(protocol, port), wanted, "{protocol}/{port}");
        }
        let both = PortRange::parse("53").expect("a port");
        let contains = |protocol: &u8| both.contains(*protocol, 53);
        assert!([6, 17, 33, 132, 136].iter().all(contains) && !contains(&1));
    }
}
