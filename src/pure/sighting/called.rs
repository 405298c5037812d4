//! What do the inside hosts call themselves, by their DHCP messages?
//!
//! The newest name counts. What no longer fits is not remembered: a name is missing then, never wrong.

use super::heard::HEARD_HOSTS_MAX;
use crate::pure::packet::{DhcpClient, Mac};
use std::collections::HashMap;
use std::net::IpAddr;

/// Names by address and by hardware address; at most [`HEARD_HOSTS_MAX`] of each.
#[derive(Debug, Default)]
pub(super) struct Called {
    by_address: HashMap<IpAddr, String>,
    by_mac: HashMap<Mac, String>,
}

impl Called {
    /// Notes what a DHCP message tells; an acknowledgement without a name gives the client's address the
    /// name that it asked under.
    pub(super) fn note(&mut self, client: DhcpClient) {
        let DhcpClient { mac, address, name } = client;
        if let Some(name) = &name {
            put(&mut self.by_mac, mac, name);
        }
        let name = name.or_else(|| self.by_mac.get(&mac).cloned());
        if let (Some(address), Some(name)) = (address, name) {
            put(&mut self.by_address, address.into(), &name);
        }
    }

    /// What the host with this address, and this hardware address where it is known, calls itself.
    pub(super) fn of(&self, address: IpAddr, mac: Option<Mac>) -> Option<String> {
        self.by_address.get(&address).or_else(|| self.by_mac.get(&mac?)).cloned()
    }
}

fn put<K: Eq + std::hash::Hash>(names: &mut HashMap<K, String>, key: K, name: &str) {
    if names.len() < HEARD_HOSTS_MAX || names.contains_key(&key) {
        names.insert(key, name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_name_of_an_address_or_else_of_the_hardware_counts() {
        type Notes<'a> = &'a [(u8, Option<u8>, Option<&'a str>)];
        let rows: [(&str, Notes<'_>, Option<&str>); 6] = [
            ("by its address", &[(9, Some(1), Some("LAB-7"))], Some("LAB-7")),
            ("by its hardware address", &[(1, None, Some("LAB-7"))], Some("LAB-7")),
            ("an acknowledgement", &[(9, None, Some("LAB-7")), (9, Some(1), None)], Some("LAB-7")),
            ("renamed", &[(1, Some(1), Some("LAB-7")), (1, Some(1), Some("LAB-8"))], Some("LAB-8")),
            ("without a name", &[(1, Some(1), None)], None),
            ("another's", &[(9, Some(2), Some("LAB-7"))], None),
        ];
        for (row, notes, wanted) in rows {
            let mut called = Called::default();
            for (last, address, name) in notes {
                let address = address.map(|last| [10, 0, 0, last].into());
                let mac = Mac([2, 0, 0, 0, 0, *last]);
                called.note(DhcpClient { mac, address, name: name.map(str::to_owned) });
            }
            let found = called.of([10, 0, 0, 1].into(), Some(Mac([2, 0, 0, 0, 0, 1])));
            assert_eq!(found.as_deref(), wanted, "{row}");
        }
    }
}
