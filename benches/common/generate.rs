//! What is measured where no other generator is at hand? Ethernet, IPv4 and TCP between inside hosts and
//! servers; one packet in so many calls a listed address.

use super::truth::{Indicators, Infected, Truth};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::net::Ipv4Addr;
use std::path::Path;

const HOSTS: u64 = 2_000;
const SERVERS: u64 = 20_000;
/// One packet in so many goes to a listed address.
const CALL_EVERY: u64 = 100_000;
/// So many hosts call, by turns.
const CALLERS: u64 = 20;
const SINK: Ipv4Addr = Ipv4Addr::new(216, 66, 15, 109);
const BEGIN_SECOND: u64 = 1_430_300_000;
/// Ethernet, IPv4, TCP and some payload, as in a capture of headers.
const SMALL_BYTES: usize = 80;
const FULL_BYTES: usize = 680;

/// A pcap file of Ethernet, in microseconds and little-endian.
pub const FILE_HEADER: [u8; 24] =
    [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];

/// Writes a capture and its truth.
pub fn capture(path: &Path, truth_path: &Path, packets: u64, is_full: bool) {
    let frame_bytes = if is_full { FULL_BYTES } else { SMALL_BYTES };
    write_whole(path, |out| write_capture(out, packets, frame_bytes)).expect("the capture can be written");
    let truth = serde_json::to_vec(&truth(packets, frame_bytes as u64)).expect("the truth is JSON");
    fs::write(truth_path, truth).expect("the truth can be written");
}

/// Writes a list of addresses of which only the first is called.
pub fn list(path: &Path, size: u64) {
    write_whole(path, |out| {
        writeln!(out, "{SINK}")?;
        (1..size).try_for_each(|number| {
            let spread = (number as u32).wrapping_mul(0x9E37_79B1) & 0x7fff_fffe;
            writeln!(out, "{}", Ipv4Addr::from(0x0b00_0000 | spread))
        })
    })
    .expect("the list can be written");
}

/// Never leaves half a file under its name.
fn write_whole(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&part)?);
    fill(&mut out)?;
    out.flush()?;
    fs::rename(part, path)
}

/// splitmix64: every run writes the same file.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

fn host(number: u64) -> Ipv4Addr {
    Ipv4Addr::from(0x0a10_0000 + number as u32 + 2)
}

/// Public addresses spread over the whole range, never listed ones: their last byte is odd.
fn server(number: u64) -> Ipv4Addr {
    Ipv4Addr::from((0x0b00_0000 + (number as u32).wrapping_mul(104_729) % 0x7000_0000) | 1)
}

/// The host that calls with this packet.
fn caller(number: u64) -> Option<u64> {
    (number % CALL_EVERY == 7).then_some(number / CALL_EVERY % CALLERS)
}

fn micros(number: u64) -> u64 {
    BEGIN_SECOND * 1_000_000 + number * 10
}

fn truth(packets: u64, frame_bytes: u64) -> Truth {
    let calls: Vec<(u64, u64)> = (7..packets)
        .step_by(CALL_EVERY as usize)
        .filter_map(|number| caller(number).map(|caller| (caller, number)))
        .collect();
    let infected = (0..CALLERS).filter_map(|caller| {
        let own: Vec<u64> = calls.iter().filter(|(by, _)| *by == caller).map(|(_, number)| *number).collect();
        let time_ns = |number: &u64| micros(*number) as i64 * 1000;
        Some(Infected {
            host: host(caller).to_string(),
            kind: "ip4".to_owned(),
            indicator: SINK.to_string(),
            packets_out: own.len() as u64,
            packets_in: 0,
            bytes_out: own.len() as u64 * frame_bytes,
            bytes_in: 0,
            first_ns: time_ns(own.first()?),
            last_ns: time_ns(own.last()?),
        })
    });
    let infected = infected.collect();
    Truth { packets, wire_bytes: packets * frame_bytes, indicators: Indicators::default(), infected }
}

fn write_capture(out: &mut dyn Write, packets: u64, frame_bytes: usize) -> io::Result<()> {
    out.write_all(&FILE_HEADER)?;
    let mut numbers = Numbers(1);
    let mut record = vec![0; 16 + frame_bytes];
    for number in 0..packets {
        let (from, to) = match caller(number) {
            Some(caller) => (host(caller), SINK),
            None => {
                let (inside, outside) = (host(numbers.below(HOSTS)), server(numbers.below(SERVERS)));
                if numbers.below(2) == 0 { (inside, outside) } else { (outside, inside) }
            }
        };
        let length = frame_bytes as u32;
        let fields =
            [(micros(number) / 1_000_000) as u32, (micros(number) % 1_000_000) as u32, length, length];
        for (at, field) in fields.into_iter().enumerate() {
            record[at * 4..at * 4 + 4].copy_from_slice(&field.to_le_bytes());
        }
        fill_frame(&mut record[16..], number, from, to);
        out.write_all(&record)?;
    }
    Ok(())
}

fn fill_frame(frame: &mut [u8], number: u64, from: Ipv4Addr, to: Ipv4Addr) {
    let is_out = from.octets()[0] == 10;
    let inside = if is_out { from } else { to }.octets();
    let (gateway, station) = ([2, 0, 0, 0, 0, 1], [2, 1, inside[0], inside[1], inside[2], inside[3]]);
    let ip_bytes = (frame.len() as u16 - 14).to_be_bytes();
    frame[..6].copy_from_slice(if is_out { &gateway } else { &station });
    frame[6..12].copy_from_slice(if is_out { &station } else { &gateway });
    frame[12..18].copy_from_slice(&[8, 0, 0x45, 0, ip_bytes[0], ip_bytes[1]]);
    frame[18..20].copy_from_slice(&(number as u16).to_be_bytes());
    frame[22..24].copy_from_slice(&[64, 6]);
    frame[26..30].copy_from_slice(&from.octets());
    frame[30..34].copy_from_slice(&to.octets());
    let port = (1024 + number % 60_000) as u16;
    let ports = if is_out { [port, 443] } else { [443, port] };
    frame[34..36].copy_from_slice(&ports[0].to_be_bytes());
    frame[36..38].copy_from_slice(&ports[1].to_be_bytes());
    frame[38..42].copy_from_slice(&(number as u32).to_be_bytes());
    frame[46..48].copy_from_slice(&[0x50, 0x18]);
}
