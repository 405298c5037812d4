//! Which port and which protocol does a word in a text table mean? The names that IANA's registries,
//! `/etc/services` and `/etc/protocols` give to what is common.
//!
//! A word that is not here is told as unreadable, never guessed.

const PORTS: &[(&str, u16)] = &[
    ("ftp-data", 20),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("time", 37),
    ("nicname", 43),
    ("whois", 43),
    ("domain", 53),
    ("bootps", 67),
    ("bootpc", 68),
    ("tftp", 69),
    ("gopher", 70),
    ("finger", 79),
    ("http", 80),
    ("www", 80),
    ("kerberos", 88),
    ("pop3", 110),
    ("sunrpc", 111),
    ("auth", 113),
    ("ident", 113),
    ("nntp", 119),
    ("ntp", 123),
    ("epmap", 135),
    ("loc-srv", 135),
    ("msrpc", 135),
    ("netbios-ns", 137),
    ("netbios-dgm", 138),
    ("netbios-ssn", 139),
    ("imap", 143),
    ("imap2", 143),
    ("snmp", 161),
    ("snmp-trap", 162),
    ("snmptrap", 162),
    ("bgp", 179),
    ("irc", 194),
    ("ldap", 389),
    ("https", 443),
    ("microsoft-ds", 445),
    ("smtps", 465),
    ("submissions", 465),
    ("urd", 465),
    ("isakmp", 500),
    ("syslog", 514),
    ("printer", 515),
    ("rtsp", 554),
    ("submission", 587),
    ("ipp", 631),
    ("ldaps", 636),
    ("domain-s", 853),
    ("rsync", 873),
    ("ftps", 990),
    ("imaps", 993),
    ("pop3s", 995),
    ("socks", 1080),
    ("openvpn", 1194),
    ("ms-sql-s", 1433),
    ("ms-sql-m", 1434),
    ("l2f", 1701),
    ("l2tp", 1701),
    ("pptp", 1723),
    ("radius", 1812),
    ("radius-acct", 1813),
    ("ssdp", 1900),
    ("nfs", 2049),
    ("squid", 3128),
    ("mysql", 3306),
    ("ms-wbt-server", 3389),
    ("rdp", 3389),
    ("ipsec-nat-t", 4500),
    ("sip", 5060),
    ("sips", 5061),
    ("mdns", 5353),
    ("llmnr", 5355),
    ("hostmon", 5355),
    ("postgresql", 5432),
    ("http-alt", 8080),
    ("webcache", 8080),
    ("https-alt", 8443),
];

/// A port by number or name, in any case.
pub(super) fn port(word: &str) -> Option<u16> {
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        return word.parse().ok();
    }
    PORTS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, port)| *port)
}

/// What the protocol column says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Carried by IP, with IANA's number.
    Ip(u8),
    Arp,
    /// Carried by Ethernet, without IP: spanning tree and the like.
    NotIp,
}

/// Protocols of the table; some tools name what TCP or UDP carries instead.
const PROTOCOLS: &[(&str, Protocol)] = &[
    ("tcp", Protocol::Ip(6)),
    ("tcp6", Protocol::Ip(6)),
    ("udp", Protocol::Ip(17)),
    ("udp6", Protocol::Ip(17)),
    ("icmp", Protocol::Ip(1)),
    ("icmp4", Protocol::Ip(1)),
    ("igmp", Protocol::Ip(2)),
    ("ipip", Protocol::Ip(4)),
    ("ipv6", Protocol::Ip(41)),
    ("gre", Protocol::Ip(47)),
    ("esp", Protocol::Ip(50)),
    ("ah", Protocol::Ip(51)),
    ("icmp6", Protocol::Ip(58)),
    ("icmpv6", Protocol::Ip(58)),
    ("ipv6-icmp", Protocol::Ip(58)),
    ("eigrp", Protocol::Ip(88)),
    ("ospf", Protocol::Ip(89)),
    ("pim", Protocol::Ip(103)),
    ("vrrp", Protocol::Ip(112)),
    ("sctp", Protocol::Ip(132)),
    ("dns", Protocol::Ip(17)),
    ("mdns", Protocol::Ip(17)),
    ("llmnr", Protocol::Ip(17)),
    ("nbns", Protocol::Ip(17)),
    ("ntp", Protocol::Ip(17)),
    ("dhcp", Protocol::Ip(17)),
    ("snmp", Protocol::Ip(17)),
    ("quic", Protocol::Ip(17)),
    ("http", Protocol::Ip(6)),
    ("https", Protocol::Ip(6)),
    ("tls", Protocol::Ip(6)),
    ("ssl", Protocol::Ip(6)),
    ("smtp", Protocol::Ip(6)),
    ("ssh", Protocol::Ip(6)),
    ("arp", Protocol::Arp),
    ("rarp", Protocol::NotIp),
    ("stp", Protocol::NotIp),
    ("lldp", Protocol::NotIp),
    ("cdp", Protocol::NotIp),
    ("llc", Protocol::NotIp),
    ("ipx", Protocol::NotIp),
];

/// A protocol by name or IANA number, in any case.
pub(super) fn protocol(word: &str) -> Option<Protocol> {
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        return word.parse().ok().map(Protocol::Ip);
    }
    PROTOCOLS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, protocol)| *protocol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_numbers_or_well_known_words() {
        let rows = [
            ("80", Some(80)),
            ("HTTP", Some(80)),
            ("microsoft-ds", Some(445)),
            ("65535", Some(65_535)),
            ("65536", None),
            ("4152-4177", None),
            ("no-such-service", None),
            ("", None),
        ];
        for (word, wanted) in rows {
            assert_eq!(port(word), wanted, "{word:?}");
        }
    }

    #[test]
    fn protocols_are_numbers_or_words() {
        let rows = [
            ("TCP", Some(Protocol::Ip(6))),
            ("17", Some(Protocol::Ip(17))),
            ("ICMPv6", Some(Protocol::Ip(58))),
            ("Arp", Some(Protocol::Arp)),
            ("256", None),
            ("10.16.24.93", None),
        ];
        for (word, wanted) in rows {
            assert_eq!(protocol(word), wanted, "{word:?}");
        }
    }
}
