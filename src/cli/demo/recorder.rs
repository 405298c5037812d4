//! What does the demo's recorder write, and when? Captures of a made-up school, generated anew each
//! time: the same packets, byte for byte.
//!
//! It leaves gaps on purpose: one day it stops half way, and one day it does not record at all.

use super::school::{self, Machine};
use super::traffic::{self, Packets};
use crate::pure::moment;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::io;
use std::path::Path;

/// When the recorder runs, in the school's zone. On Friday 05-08 it stops half way, on Tuesday
/// 05-12 it does not run.
pub const SITTINGS: [(&str, &str); 9] = [
    ("2015-04-29T14:15", "2015-04-30T14:40"),
    ("2015-05-01T08:25", "2015-05-01T14:40"),
    ("2015-05-04T08:25", "2015-05-04T14:40"),
    ("2015-05-05T08:25", "2015-05-06T14:40"),
    ("2015-05-07T08:25", "2015-05-07T14:40"),
    ("2015-05-08T08:25", "2015-05-08T11:34"),
    ("2015-05-11T08:25", "2015-05-11T14:40"),
    ("2015-05-13T08:25", "2015-05-13T14:40"),
    ("2015-05-14T08:25", "2015-05-14T14:40"),
];

/// When the malware lives, in the school's zone: from its first call to the cleaning.
const INFECTIONS: [(&str, &str); 2] =
    [("2015-04-29T13:52:14", "2015-04-30T07:20"), ("2015-05-05T10:11:40", "2015-05-06T07:20")];

/// The mean time between two calls, and how far off it may be, in seconds.
const CALL_EVERY_S: i64 = 2 * 3600;
const CALL_JITTER_S: i64 = 15 * 60;

/// Which of the possible series of calls it is: one of which most fall into watches, so that the story
/// needs no more than two weeks.
const CALL_SERIES: u64 = 6;

/// Every machine that is on says something at least once in so many minutes.
const HEARTBEAT_MINUTES: i64 = 6;

/// Somebody visits a site once in so many minutes.
const VISIT_MINUTES: i64 = 2;

/// Hours of the school's day in which everything is on, `from <= hour < to`.
const DAY_HOURS: (i8, i8) = (7, 17);

const MINUTE_S: i64 = 60;
const MICROSECONDS: i64 = 1_000_000;

/// Writes one sitting to `directory` as `lan-2015-04-29.pcap`, and returns how many packets it has.
///
/// # Errors
///
/// The file cannot be written.
pub fn record(sitting: (&str, &str), zone: &TimeZone, directory: &Path) -> io::Result<usize> {
    let (from, to) = (instant(sitting.0, zone), instant(sitting.1, zone));
    let machines = school::machines();
    let mut packets = Packets::new();
    for minute in from.as_second().div_euclid(MINUTE_S)..to.as_second().div_euclid(MINUTE_S) {
        packets.extend(minute_of(minute, &machines, zone));
    }
    for (count, call) in calls(zone).into_iter().enumerate() {
        packets.extend(traffic::call_sinkhole(call * MICROSECONDS, &school::infected(), count));
    }
    let window = from.as_microsecond()..to.as_microsecond();
    packets.retain(|(at, _)| window.contains(at));
    packets.sort();
    let day = sitting.0.split('T').next().unwrap_or(sitting.0);
    std::fs::write(directory.join(format!("lan-{day}.pcap")), pcap(&packets))?;
    Ok(packets.len())
}

/// A minute of everyday life; minutes are counted since 1970.
fn minute_of(minute: i64, machines: &[Machine], zone: &TimeZone) -> Packets {
    let mut packets = Packets::new();
    let begin = minute * MINUTE_S * MICROSECONDS;
    let hour = zone.to_datetime(second(minute * MINUTE_S)).hour();
    let is_day = (DAY_HOURS.0..DAY_HOURS.1).contains(&hour);
    let on: Vec<&Machine> = machines.iter().filter(|machine| is_day || machine.is_always_on).collect();
    for machine in &on {
        let own = i64::from(machine.address.octets()[3]);
        let at = begin + own * 200_000;
        match (minute + own) % HEARTBEAT_MINUTES {
            0 if (minute + own) % (2 * HEARTBEAT_MINUTES) == 0 => {
                packets.extend(traffic::ask_around(at, machine))
            }
            0 => packets.extend(traffic::ask_time(at, machine)),
            _ => {}
        }
        // Once an hour, each in a minute of its own.
        if (minute + 46 - own) % 60 == 0 {
            packets.extend(traffic::renew_lease(at + 100_000, machine));
        }
    }
    if minute % VISIT_MINUTES == 0 {
        let chance = scrambled(minute as u64);
        let who = on[(chance % on.len() as u64) as usize];
        packets.extend(traffic::visit(begin + (chance >> 8) as i64 % (50 * MICROSECONDS), who, chance >> 16));
    }
    packets
}

/// Every call of the malware, in seconds since 1970.
fn calls(zone: &TimeZone) -> Vec<i64> {
    let mut calls = Vec::new();
    for (from, to) in INFECTIONS {
        let (mut next, end) = (instant(from, zone).as_second(), instant(to, zone).as_second());
        while next < end {
            calls.push(next);
            let chance = (scrambled(next as u64 ^ CALL_SERIES) % (2 * CALL_JITTER_S as u64)) as i64;
            next += CALL_EVERY_S - CALL_JITTER_S + chance;
        }
    }
    calls
}

/// A classic pcap file: little endian, microseconds, Ethernet
/// (<https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html>).
fn pcap(packets: &[(i64, Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(262_144_u32.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    for (at, bytes) in packets {
        let length = bytes.len() as u32;
        for field in [(at / MICROSECONDS) as u32, (at % MICROSECONDS) as u32, length, length] {
            file.extend(field.to_le_bytes());
        }
        file.extend(bytes);
    }
    file
}

/// A number that looks random and is always the same (SplitMix64; Steele, Lea and Flood, "Fast
/// splittable pseudorandom number generators", 2014).
fn scrambled(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn instant(local: &str, zone: &TimeZone) -> Timestamp {
    moment::read(local, zone).expect("the recorder's own times can be read")
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time of the year 2015")
}
