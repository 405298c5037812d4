//! Small captures of a school's network, as files: who is there, and who calls the sinkhole.

use crate::recordings::pcap;
use etherparse::PacketBuilder;
use jiff::Timestamp;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

/// The sinkhole of the guide's report.
pub const SINKHOLE: [u8; 4] = [216, 66, 15, 109];
const OUTSIDE: [u8; 4] = [203, 0, 113, 80];

/// One recorded stretch of time.
#[derive(Clone, Default)]
pub struct Stretch {
    /// Begin and length in seconds.
    pub from: i64,
    pub seconds: i64,
    /// Hosts that say something every minute.
    pub present: Vec<[u8; 4]>,
    /// Who calls the sinkhole, and when.
    pub calls: Vec<([u8; 4], i64)>,
}

impl Stretch {
    pub fn at(from: &str, seconds: i64) -> Stretch {
        let from: Timestamp = from.parse().expect("a time");
        Stretch { from: from.as_second(), seconds, ..Stretch::default() }
    }

    pub fn present(mut self, hosts: &[[u8; 4]]) -> Stretch {
        self.present = hosts.to_vec();
        self
    }

    /// `host` calls every `period` seconds, first after `after` seconds.
    pub fn calls(mut self, host: [u8; 4], after: i64, period: i64) -> Stretch {
        let times = (after..self.seconds).step_by(period as usize);
        self.calls.extend(times.map(|time| (host, self.from + time)));
        self
    }

    /// Writes it as a pcap file.
    pub fn write(&self, path: &Path) {
        let mut frames: Vec<(i64, Vec<u8>)> = Vec::new();
        for second in (self.from..=self.from + self.seconds).step_by(60) {
            frames.extend(self.present.iter().map(|host| (second, syn(*host, OUTSIDE, 443))));
        }
        frames.extend(self.calls.iter().map(|(host, second)| (*second, syn(*host, SINKHOLE, 80))));
        frames.sort_by_key(|(second, _)| *second);
        let records: Vec<(i32, &[u8])> =
            frames.iter().map(|(second, frame)| (*second as i32, frame.as_slice())).collect();
        fs::write(path, pcap(&records)).expect("the capture is written");
    }
}

/// A first SYN; every host has a MAC address of its own, and no two packets are copies.
fn syn(from: [u8; 4], to: [u8; 4], port: u16) -> Vec<u8> {
    let mac = [2, 0, from[0], from[1], from[2], from[3]];
    let builder = PacketBuilder::ethernet2(mac, [2, 0, 0, 0, 0, 1])
        .ipv4(Ipv4Addr::from(from).octets(), to, 64)
        .tcp(1701, port, 1000, 1024)
        .syn();
    let mut frame = Vec::with_capacity(builder.size(0));
    builder.write(&mut frame, &[]).expect("a SYN fits into memory");
    frame
}
