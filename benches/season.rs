//! How long do two weeks of a ticket take in `allclear simulate`, when its captures are small?
//!
//! `cargo bench --bench season`: a report, an infected day, a clean-up and a fortnight of silent nights,
//! made in the target directory. It fails when the quickest of three runs takes longer than the limit,
//! and when the story does not end as it must.

use etherparse::PacketBuilder;
use jiff::Timestamp;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

const NIGHTS: i64 = 14;
const ROUNDS: usize = 3;
/// A season must be as quick to try as a thought.
const TIME_MAX: Duration = Duration::from_secs(1);

const SINKHOLE: [u8; 4] = [216, 66, 15, 109];
const OUTSIDE: [u8; 4] = [203, 0, 113, 80];
const LAB: [u8; 4] = [10, 16, 24, 93];
const PRESENT: [[u8; 4]; 3] = [LAB, [10, 16, 30, 7], [10, 16, 20, 1]];

const SITE: &str = "\
state: state
sources:
  lan: {interface: eth1}
sites:
  springfield:
    title: Springfield School District
    public: [192.0.2.17]
    inside: [10.16.0.0/16]
    timezone: America/Chicago
    source: lan
    coordinator: tech@springfield.example
";

const PLAYBOOK: &str = "\
playbook: nightly
title: Conficker calling its sinkholes
malware: [conficker]
locate: {every: 30m, capture: {for: 30m}, match: [reported]}
verify: {cron: \"0 20 * * *\", capture: {for: 6h}, match: [reported]}
judge: {heard: 50}
clean: {passes: 5, span: 7d, assurance: 99%, contact_interval: 2h, watch: 30d}
checklist:
  - patch: Install MS08-067 on the host
notify: [{events: [opened, located, relapsed, clean, inconclusive], to: [coordinator]}]
";

const PAGE: &str = "It was last detected at 2015-04-29 19:00 GMT (+/- 30 minutes). This IP is infected with \
    the Conficker botnet. Your IP was observed making connections to TCP/IP IP address 216.66.15.109 (a \
    conficker sinkhole) with a destination port 80, source port (for this detection) of 1701 at exactly \
    2015-04-29 18:52:14 (UTC).";

const SCRIPT: &str = "\
- {at: 2015-04-30T15:00, do: cleaned, by: tech}
- {at: 2015-04-30T15:05, do: sign, item: patch, by: tech}
";

fn main() -> ExitCode {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("season");
    write_story(&directory).expect("the story can be written");
    let times: Vec<Duration> = (0..ROUNDS).map(|_| simulate(&directory)).collect();
    let quickest = times.iter().min().expect("at least one round");
    let limit = TIME_MAX.as_secs_f64();
    println!("season: {NIGHTS} nights in {:.3} s; the limit is {limit:.3} s", quickest.as_secs_f64());
    if *quickest > TIME_MAX { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Wall time of one simulation, which must confirm the ticket clean.
fn simulate(directory: &Path) -> Duration {
    let begin = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_allclear"))
        .current_dir(directory)
        .args(["simulate", "--playbook", "nightly", "--report", "page.txt", "--public", "192.0.2.17"])
        .args(["--captures", "captures/*.pcap", "--for", "14d", "--script", "script.yaml", "--json"])
        .output()
        .expect("the program runs");
    let time = begin.elapsed();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the ticket must end clean, not with {}: {told}", output.status);
    time
}

fn write_story(directory: &Path) -> io::Result<()> {
    let captures = directory.join("captures");
    fs::create_dir_all(&captures)?;
    fs::create_dir_all(directory.join("playbooks"))?;
    fs::write(directory.join("allclear.yaml"), SITE)?;
    fs::write(directory.join("playbooks/nightly.yaml"), PLAYBOOK)?;
    fs::write(directory.join("page.txt"), PAGE)?;
    fs::write(directory.join("script.yaml"), SCRIPT)?;
    let day = second("2015-04-29T18:30:00Z");
    let calls: Vec<i64> = (3_000..72_000).step_by(3_600).collect();
    fs::write(captures.join("day.pcap"), capture(day, 72_000, &calls))?;
    let first_night = second("2015-05-01T00:55:00Z");
    for number in 0..NIGHTS {
        let night = capture(first_night + number * 86_400, 6 * 3_600 + 600, &[]);
        fs::write(captures.join(format!("night-{number:02}.pcap")), night)?;
    }
    Ok(())
}

fn second(text: &str) -> i64 {
    text.parse::<Timestamp>().expect("a time").as_second()
}

/// A pcap file in which everybody says something every minute, and the lab machine `calls` the sinkhole
/// so many seconds after its begin.
fn capture(from: i64, seconds: i64, calls: &[i64]) -> Vec<u8> {
    let mut frames: Vec<(i64, Vec<u8>)> = Vec::new();
    for after in (0..=seconds).step_by(60) {
        frames.extend(PRESENT.iter().map(|host| (from + after, syn(*host, OUTSIDE, 443))));
    }
    frames.extend(calls.iter().map(|after| (from + after, syn(LAB, SINKHOLE, 80))));
    frames.sort_by_key(|(second, _)| *second);
    let header = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    let mut file = header.to_vec();
    for (second, frame) in &frames {
        let length = frame.len() as u32;
        for field in [*second as u32, 0, length, length] {
            file.extend(field.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

/// A first SYN from a host with a MAC address of its own.
fn syn(from: [u8; 4], to: [u8; 4], port: u16) -> Vec<u8> {
    let station = [2, 0, from[0], from[1], from[2], from[3]];
    let builder = PacketBuilder::ethernet2(station, [2, 0, 0, 0, 0, 1])
        .ipv4(from, to, 64)
        .tcp(1701, port, 1000, 1024)
        .syn();
    let mut frame = Vec::with_capacity(builder.size(0));
    builder.write(&mut frame, &[]).expect("a SYN fits into memory");
    frame
}
