//! Which address does an address stand for? IPv6 has spellings for all of IPv4, and lists, packets and people
//! use one or the other.
//!
//! Everything that is compared goes through here first, so that nothing is missed for its spelling.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// So many first bits say that the last 32 are an address of IPv4.
const PREFIX_BITS: u8 = 96;
/// Addresses of IPv4 behind a translator (RFC 6052, 2.1) and mapped ones (RFC 4291, 2.5.5.2).
const PREFIXES: [[u8; 12]; 2] =
    [[0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]];

/// The address in these 16 bytes: that of IPv4 which it stands for, else itself.
#[inline(always)]
pub fn of_bytes(bytes: &[u8; 16]) -> IpAddr {
    match bytes.split_first_chunk::<12>() {
        Some((start, &[a, b, c, d])) if PREFIXES.contains(start) => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        _ => IpAddr::V6(Ipv6Addr::from(*bytes)),
    }
}

/// The address that an address stands for.
pub fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => of_bytes(&address.octets()),
    }
}

/// The network that a network stands for.
pub fn canonical_network(network: IpNet) -> IpNet {
    match (canonical(network.addr()), network.prefix_len().checked_sub(PREFIX_BITS)) {
        (IpAddr::V4(address), Some(bits)) if network.addr().is_ipv6() => {
            Ipv4Net::new(address, bits).map_or(network, IpNet::V4)
        }
        _ => network,
    }
}

/// The octet that is zero behind every prefix but the longest (RFC 6052, 2.2).
const RESERVED: usize = 8;

/// A prefix with which a site's own translator makes addresses of IPv6 of those of IPv4 (RFC 6052).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translator(Ipv6Net);

impl Translator {
    /// What a text has to be that names one.
    pub const WANTED: &str = "a network of IPv6 with 32, 40, 48, 56, 64 or 96 bits";

    /// The translator with the prefix that a text names; `None` when none can have it (RFC 6052, 2.2).
    pub fn parse(text: &str) -> Option<Translator> {
        const BITS: [u8; 6] = [32, 40, 48, 56, 64, 96];
        let prefix: Ipv6Net = text.parse().ok()?;
        let is_whole = prefix.addr() == prefix.network();
        (is_whole && BITS.contains(&prefix.prefix_len())).then_some(Translator(prefix))
    }

    /// Its prefix.
    pub fn prefix(self) -> Ipv6Net {
        self.0
    }

    /// The address of IPv6 that it makes of one of IPv4, with nothing behind that (RFC 6052, 2.2).
    pub fn made(self, original: Ipv4Addr) -> Ipv6Addr {
        let mut octets = self.0.network().octets();
        let begin = usize::from(self.0.prefix_len()) / 8;
        let places = (begin..octets.len()).filter(|at| *at != RESERVED);
        places.zip(original.octets()).for_each(|(at, octet)| octets[at] = octet);
        octets.into()
    }

    /// The address of IPv4 that it made this one of. Behind the prefix stand its four bytes, but for [`RESERVED`],
    /// which only the longest prefix holds itself.
    fn original(self, address: Ipv6Addr) -> Option<Ipv4Addr> {
        let octets = address.octets();
        let begin = usize::from(self.0.prefix_len()) / 8;
        let is_whole = begin > RESERVED || octets[RESERVED] == 0;
        let mut behind = (begin..octets.len()).filter(|at| *at != RESERVED).map(|at| octets[at]);
        let original: [Option<u8>; 4] = std::array::from_fn(|_| behind.next());
        match original {
            [Some(a), Some(b), Some(c), Some(d)] if is_whole && self.0.contains(&address) => {
                Some(Ipv4Addr::new(a, b, c, d))
            }
            _ => None,
        }
    }
}

/// The address that one of these translators made this one of, else itself.
pub fn translated(translators: &[Translator], address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(made) => {
            translators.iter().find_map(|translator| translator.original(made)).map_or(address, IpAddr::V4)
        }
    }
}

/// Whether an address is one that networks give out inside: RFC 1918, RFC 6598 and RFC 4193.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || (v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 6052, 2.4, and what is beside them.
    #[test]
    fn a_site_s_own_translator_is_undone_and_imitated() {
        let rows = [
            ("2001:db8::/32", "2001:db8:c000:221::", "192.0.2.33"),
            ("2001:db8:100::/40", "2001:db8:1c0:2:21::", "192.0.2.33"),
            ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::", "192.0.2.33"),
            ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::", "192.0.2.33"),
            ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::", "192.0.2.33"),
            ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33", "192.0.2.33"),
            // The suffix is left for later extensions, and not looked at.
            ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:21ff:ffff", "192.0.2.33"),
            // The ninth byte of what was translated is zero.
            ("2001:db8:122:344::/64", "2001:db8:122:344:1c0:2:2100::", "2001:db8:122:344:1c0:2:2100::"),
            ("2001:db8:122:344:100::/96", "2001:db8:122:344:100:0:192.0.2.33", "192.0.2.33"),
            ("2001:db8:122:344::/96", "2001:db8:122:345::192.0.2.33", "2001:db8:122:345::c000:221"),
            ("2001:db8:122:344::/96", "198.51.100.7", "198.51.100.7"),
        ];
        for (prefix, text, wanted) in rows {
            let translator = Translator::parse(prefix).expect(prefix);
            let [address, wanted] = [text, wanted].map(|text| text.parse::<IpAddr>().expect(text));
            assert_eq!(translated(&[translator], address), wanted, "{text} by {prefix}");
            assert_eq!(translated(&[], address), address, "{text}");
        }
        for (prefix, text, wanted) in &rows[..6] {
            let translator = Translator::parse(prefix).expect(prefix);
            let made = translator.made(wanted.parse().expect("an address of IPv4"));
            assert_eq!(Ok(made), text.parse(), "{wanted} by {prefix}");
        }
        for prefix in
            ["2001:db8::/33", "2001:db8::/128", "2001:db8::1/96", "::/0", "10.0.0.0/32", "2001:db8::"]
        {
            assert_eq!(Translator::parse(prefix), None, "{prefix}");
        }
    }

    #[test]
    fn each_spelling_stands_for_one_address() {
        let rows = [
            ("192.0.2.9", "192.0.2.9"),
            ("::ffff:192.0.2.9", "192.0.2.9"),
            ("64:ff9b::192.0.2.9", "192.0.2.9"),
            ("64:ff9b:1::192.0.2.9", "64:ff9b:1::c000:209"),
            ("::192.0.2.9", "::192.0.2.9"),
            ("2001:db8::9", "2001:db8::9"),
        ];
        for (text, wanted) in rows {
            let [address, wanted] = [text, wanted].map(|text| text.parse::<IpAddr>().expect(text));
            assert_eq!(canonical(address), wanted, "{text}");
        }
        let rows = [
            ("198.51.100.0/24", "198.51.100.0/24"),
            ("::ffff:198.51.100.0/120", "198.51.100.0/24"),
            ("64:ff9b::198.51.100.0/120", "198.51.100.0/24"),
            ("64:ff9b::/96", "0.0.0.0/0"),
            ("64:ff9b::/64", "64:ff9b::/64"),
            ("2001:db8::/32", "2001:db8::/32"),
        ];
        for (text, wanted) in rows {
            let [network, wanted] = [text, wanted].map(|text| text.parse::<IpNet>().expect(text));
            assert_eq!(canonical_network(network), wanted, "{text}");
        }
    }
}
