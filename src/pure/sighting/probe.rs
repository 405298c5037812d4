//! Is a packet a probe, sent by allclear itself to see whether a capture shows it?
//!
//! A probe is none of what a source shows: it counts as heard for nobody, makes nobody present and is
//! never a hit. `observer` asks before anything else is told of it, and what was counted is taken back.

use crate::pure::packet::Packet;
use crate::pure::protocol::UDP;
use crate::pure::watchlist::{CompiledList, Entry, Index, Target, Watchlist};
use std::net::SocketAddr;

/// What every probe begins with, so that whoever finds one on a network knows whose it is.
const GREETING: &str = "allclear probe ";

/// What to look for.
#[derive(Debug)]
pub struct Probe {
    to: SocketAddr,
    /// The word of the process that sends; `None` where another process may have sent, as in recordings.
    word: Option<String>,
    /// The address as a list, for the gate that nearly all packets are held back by.
    index: Index,
    /// The last that was seen, so that copies by a mirror count once.
    last: Vec<u8>,
}

/// What a probe tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    /// It is one that was waited for, and not a copy.
    New,
    /// Another process's, or a copy.
    Other,
}

/// What a probe carries.
pub fn payload(word: &str, number: u64) -> String {
    format!("{GREETING}{word} {number}")
}

impl Probe {
    /// Probes to this address and port, with this word in them.
    pub fn new(to: SocketAddr, word: Option<String>) -> Probe {
        let target = Target::Address(to.ip());
        let entry = Entry { text: to.ip().to_string(), target, ports: None };
        let list = Watchlist { name: "probe".to_owned(), entries: vec![entry], ..Watchlist::default() };
        let index = Index::compile(&[CompiledList { watchlist: &list, file: None }]);
        Probe { to, word, index, last: Vec::new() }
    }

    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// What the packet tells, if it is a probe; through whatever tunnels it came.
    pub(super) fn recognise(&mut self, packet: &Packet<'_>) -> Option<Probed> {
        let is_meant = packet.protocol == UDP
            && packet.destination == self.to.ip()
            && packet.ports.is_some_and(|ports| ports.destination == self.to.port());
        if !is_meant {
            return None;
        }
        // A row of a text table shows nothing of what was sent.
        let is_unreadable = packet.payload.is_empty() && packet.payload_truncated;
        let rest = packet.payload.strip_prefix(GREETING.as_bytes());
        if rest.is_none() && !(is_unreadable && self.word.is_none()) {
            return None;
        }
        let is_ours = match &self.word {
            Some(word) => rest.and_then(|rest| rest.strip_prefix(word.as_bytes())).is_some(),
            None => true,
        };
        let is_copy = !is_unreadable && self.last == packet.payload;
        if is_ours && !is_copy {
            self.last = packet.payload.to_vec();
        }
        Some(if is_ours && !is_copy { Probed::New } else { Probed::Other })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Observer, Scope, Watch};
    use super::*;
    use crate::pure::packet::Frame;
    use etherparse::PacketBuilder;
    use ipnet::IpNet;

    fn frame(tags: usize, to: [u8; 4], port: u16, payload: &str) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]);
        let mut bytes = Vec::new();
        match tags {
            0 => builder.ipv4([10, 0, 0, 1], to, 64).udp(4000, port).write(&mut bytes, payload.as_bytes()),
            _ => {
                let tagged = builder.single_vlan(7.try_into().expect("an id"));
                tagged.ipv4([10, 0, 0, 1], to, 64).udp(4000, port).write(&mut bytes, payload.as_bytes())
            }
        }
        .expect("it fits");
        bytes
    }

    /// Probes told, packets heard, hosts inside and contacts.
    type Told = (usize, u64, u64, u64);

    /// What is told of a run that looks for the probe's address.
    fn seen(frames: &[Vec<u8>]) -> Told {
        let to = "192.0.2.1:9".parse().expect("a place");
        let entries = Entry::parse("192.0.2.1").expect("an address");
        let list = Watchlist { name: "a".to_owned(), entries, ..Watchlist::default() };
        let index = Index::compile(&[CompiledList { watchlist: &list, file: None }]);
        let inside: IpNet = "10.0.0.0/8".parse().expect("a network");
        let mut observer = Observer::default();
        observer.look_for_probe(Some(Probe::new(to, Some("word".to_owned()))));
        let id = observer.join(Watch::new(index, &[inside]), i64::MIN);
        let told = frames.iter().enumerate().filter(|(second, bytes)| {
            let time_ns = *second as i64 * 1_000_000_000;
            let frame = Frame { time_ns, bytes, wire_length: bytes.len() as u32, link_type: 1 };
            observer.see(&frame, |_| Scope::Matched).is_probe
        });
        let told = told.count();
        let left = observer.leave(id, &[]).expect("it joined");
        let coverage = left.observation.coverage;
        let has_probe = left.ledger.buckets().any(|(_, bucket)| bucket.has_probe);
        assert_eq!(has_probe, told > 0);
        let contacts = left.observation.hosts.iter().map(|host| host.contacts).sum();
        (told, coverage.heard_packets, coverage.inside_hosts, contacts)
    }

    #[test]
    fn a_probe_counts_for_nothing_but_itself() {
        let probe = |number| payload("word", number);
        let rows: [(&str, Vec<Vec<u8>>, Told); 7] = [
            ("a probe", vec![frame(0, [192, 0, 2, 1], 9, &probe(1))], (1, 0, 0, 0)),
            ("tagged", vec![frame(1, [192, 0, 2, 1], 9, &probe(1))], (1, 0, 0, 0)),
            (
                "two",
                vec![frame(0, [192, 0, 2, 1], 9, &probe(1)), frame(0, [192, 0, 2, 1], 9, &probe(2))],
                (2, 0, 0, 0),
            ),
            (
                "a copy",
                vec![frame(0, [192, 0, 2, 1], 9, &probe(1)), frame(1, [192, 0, 2, 1], 9, &probe(1))],
                (1, 0, 0, 0),
            ),
            ("of another process", vec![frame(0, [192, 0, 2, 1], 9, &payload("other", 1))], (0, 0, 0, 0)),
            ("something else to the same place", vec![frame(0, [192, 0, 2, 1], 9, "bot")], (0, 1, 1, 1)),
            ("to another port", vec![frame(0, [192, 0, 2, 1], 10, &probe(1))], (0, 1, 1, 1)),
        ];
        for (row, frames, wanted) in rows {
            assert_eq!(seen(&frames), wanted, "{row}");
        }
    }
}
