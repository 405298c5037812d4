//! Which address of IPv4 stands behind one of IPv6 at a site with translators of its own (NAT64)?
//!
//! `watch` asks it of the packets that it sees; that it sees all that were translated, its list for the gate sees to.

use crate::pure::address::{self, Translator};
use crate::pure::packet::Packet;
use crate::pure::watchlist::{CompiledList, Entry, Index, Target, Watchlist};
use ipnet::IpNet;
use std::net::IpAddr;

/// What a site's translators do; by default there are none.
#[derive(Debug, Default)]
pub(super) struct Translation {
    translators: Vec<Translator>,
    /// Their prefixes as a list, for the gate that nearly all packets are held back by; `None` without any.
    index: Option<Index>,
}

impl Translation {
    pub(super) fn by(translators: &[Translator]) -> Translation {
        let entry = |translator: &Translator| {
            let prefix = IpNet::V6(translator.prefix());
            Entry { text: prefix.to_string(), target: Target::Network(prefix), ports: None }
        };
        let entries: Vec<Entry> = translators.iter().map(entry).collect();
        let list = Watchlist { name: "translators".to_owned(), entries, ..Watchlist::default() };
        let index = || Index::compile(&[CompiledList { watchlist: &list, file: None }]);
        Translation { translators: translators.to_vec(), index: (!translators.is_empty()).then(index) }
    }

    pub(super) fn index(&self) -> Option<&Index> {
        self.index.as_ref()
    }

    /// The packet between the ends that they stand for; `None` where none was translated.
    pub(super) fn of_packet<'a>(&self, packet: &Packet<'a>) -> Option<Packet<'a>> {
        packet.translated(&self.translators)
    }

    pub(super) fn of_address(&self, address: IpAddr) -> IpAddr {
        address::translated(&self.translators, address)
    }
}
