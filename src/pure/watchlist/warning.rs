//! Which entries are right in form and most likely a mistake?

use super::{Entry, Target};
use ipnet::IpNet;
use std::net::IpAddr;

/// What is odd about an entry, each as a sentence without a final stop; empty for nearly all.
/// `public` are the site's own public networks, empty when there is no site.
pub fn warnings(entry: &Entry, public: &[IpNet]) -> Vec<String> {
    let network = match &entry.target {
        Target::Address(address) => IpNet::from(*address),
        Target::Network(network) => *network,
        Target::Domain(_) | Target::Anywhere => return Vec::new(),
    };
    let text = &entry.text;
    let mut found = Vec::new();
    if let Some(kind) = kind(network.addr()) {
        found.push(format!("{text} is {kind}: no outside machine has it"));
    }
    if network.prefix_len() < 8 {
        found.push(format!("{text} covers a large part of the Internet: name smaller networks"));
    }
    if public.iter().any(|own| own.contains(&network) || network.contains(own)) {
        found.push(format!("{text} holds the site's own public address: every visitor would be blamed"));
    }
    found
}

fn kind(address: IpAddr) -> Option<&'static str> {
    let is_private = match address {
        IpAddr::V4(v4) => v4.is_private() || (v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64),
        IpAddr::V6(v6) => v6.is_unique_local(),
    };
    let is_link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    if is_private {
        Some("a private address")
    } else if address.is_multicast() {
        Some("a multicast address")
    } else if address.is_loopback() || is_link_local {
        Some("a loopback, link-local or broadcast address")
    } else if address.is_unspecified() {
        Some("the unspecified address")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_odd_ones_are_warned_of() {
        let own: Vec<IpNet> = vec!["198.51.100.0/29".parse().expect("a network")];
        let rows = [
            ("216.66.15.109", ""),
            ("10.0.0.1", "private"),
            ("172.32.0.1", ""),
            ("100.64.0.1", "private"),
            ("fd00::1", "private"),
            ("239.1.2.3", "multicast"),
            ("127.0.0.1", "loopback"),
            ("198.51.100.7", "own public"),
            ("198.51.100.8", ""),
            ("198.51.100.0/24", "own public"),
            ("16.0.0.0/7", "large part"),
            ("evil.example", ""),
        ];
        for (text, wanted) in rows {
            let found = warnings(&Entry::parse(text).expect(text)[0], &own).join("; ");
            assert!(found.contains(wanted) && found.is_empty() == wanted.is_empty(), "{text}: {found}");
        }
    }
}
