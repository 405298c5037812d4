//! Which address does an address stand for? IPv6 has spellings for all of IPv4, and lists, packets and people
//! use one or the other.
//!
//! Everything that is compared goes through here first, so that nothing is missed for its spelling.

use ipnet::{IpNet, Ipv4Net};
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

#[cfg(test)]
mod tests {
    use super::*;

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
