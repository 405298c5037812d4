//! How fast is `allclear scan` on a large capture, beside tcpdump on the same file in the same run, and
//! how much memory does it take?
//!
//! `cargo bench --bench scan [-- PACKETS [ADDRESSES]]`: ten million packets (about 1 GB, in the target
//! directory) against 100,000 addresses unless said otherwise. tcpdump is left out where it is not
//! installed. Only the ratio travels from machine to machine.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;
const HOSTS: u64 = 2_000;
const SERVERS: u64 = 20_000;
/// One packet in so many goes to a listed address.
const CALL_EVERY: u64 = 100_000;
const SINK: Ipv4Addr = Ipv4Addr::new(216, 66, 15, 109);

fn main() {
    // Cargo itself adds `--bench`.
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let packets = numbers.next().unwrap_or(10_000_000);
    let addresses = numbers.next().unwrap_or(100_000);
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let capture = directory.join(format!("scan-{packets}.pcap"));
    let list = directory.join(format!("scan-{addresses}.txt"));
    if !capture.is_file() {
        write_whole(&capture, |out| write_capture(out, packets)).expect("the capture can be written");
    }
    write_whole(&list, |out| write_list(out, addresses)).expect("the watchlist can be written");
    measure(&capture, &list, packets);
}

fn measure(capture: &Path, list: &Path, packets: u64) {
    let ours = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_allclear"));
        command.arg("scan").arg("--json").arg(capture).arg("-w").arg(list);
        command
    };
    let theirs = || {
        let mut command = Command::new("tcpdump");
        command.arg("-r").arg(capture).args(["-w", "/dev/null", "host", "203.0.113.1"]);
        command
    };
    let has_tcpdump = theirs().arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    // In turns, so that a busy machine slows both.
    let (mut scan, mut tcpdump) = (Duration::MAX, Duration::MAX);
    let mut peak_kib = 0;
    for _ in 0..ROUNDS {
        let (time, kib) = timed(ours());
        (scan, peak_kib) = (scan.min(time), peak_kib.max(kib));
        if has_tcpdump {
            tcpdump = tcpdump.min(timed(theirs()).0);
        }
    }
    let rate = |time: Duration| packets as f64 / time.as_secs_f64() / 1e6;
    println!(
        "scan:    {:.2} s, {:.1} million packets a second, {} MiB",
        scan.as_secs_f64(),
        rate(scan),
        peak_kib / 1024
    );
    if has_tcpdump {
        println!("tcpdump: {:.2} s, {:.1} million packets a second", tcpdump.as_secs_f64(), rate(tcpdump));
        println!("ratio:   {:.2} times as fast as tcpdump", tcpdump.as_secs_f64() / scan.as_secs_f64());
    } else {
        println!("tcpdump is not installed: nothing to compare with");
    }
}

/// Wall time of a command, and the most memory it held, in KiB.
#[expect(clippy::zombie_processes, reason = "wait4 waits for it, and tells its memory too")]
fn timed(mut command: Command) -> (Duration, i64) {
    let begin = Instant::now();
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command starts");
    let pid = i32::try_from(child.id()).expect("process ids are small");
    let mut status = 0;
    // SAFETY: `rusage` is plain numbers, and both pointers live through the call.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::wait4(pid, &mut status, 0, &mut usage), pid, "the child can be waited for");
        usage
    };
    (begin.elapsed(), usage.ru_maxrss)
}

/// Never leaves half a file under its name.
fn write_whole(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&part)?);
    fill(&mut out)?;
    out.flush()?;
    std::fs::rename(part, path)
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

/// Public addresses spread over the whole range, never listed ones: their last byte is odd.
fn server(number: u64) -> Ipv4Addr {
    Ipv4Addr::from((0x0b00_0000 + (number as u32).wrapping_mul(104_729) % 0x7000_0000) | 1)
}

fn write_list(out: &mut dyn Write, addresses: u64) -> io::Result<()> {
    writeln!(out, "{SINK}")?;
    for number in 1..addresses {
        let spread = (number as u32).wrapping_mul(0x9E37_79B1) & 0x7fff_fffe;
        writeln!(out, "{}", Ipv4Addr::from(0x0b00_0000 | spread))?;
    }
    Ok(())
}

/// Ethernet, IPv4, TCP and 26 bytes of payload: 80 bytes, as in a capture of headers.
fn write_capture(out: &mut dyn Write, packets: u64) -> io::Result<()> {
    out.write_all(&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0])?;
    let mut numbers = Numbers(1);
    for number in 0..packets {
        let host = Ipv4Addr::from(0x0a10_0000 + numbers.below(HOSTS) as u32 + 2);
        let remote = if number % CALL_EVERY == 7 { SINK } else { server(numbers.below(SERVERS)) };
        let is_out = number % CALL_EVERY == 7 || numbers.below(2) == 0;
        let mut record = [0; 96];
        let micros = number * 10;
        record[..4].copy_from_slice(&(1_430_300_000 + (micros / 1_000_000) as u32).to_le_bytes());
        record[4..8].copy_from_slice(&((micros % 1_000_000) as u32).to_le_bytes());
        record[8] = 80;
        record[12] = 80;
        fill_frame(&mut record[16..], number, host, remote, is_out);
        out.write_all(&record)?;
    }
    Ok(())
}

fn fill_frame(frame: &mut [u8], number: u64, host: Ipv4Addr, remote: Ipv4Addr, is_out: bool) {
    let (from, to) = if is_out { (host, remote) } else { (remote, host) };
    let gateway = [2, 0, 0, 0, 0, 1];
    let station = [2, 1, host.octets()[0], host.octets()[1], host.octets()[2], host.octets()[3]];
    frame[..6].copy_from_slice(if is_out { &gateway } else { &station });
    frame[6..12].copy_from_slice(if is_out { &station } else { &gateway });
    frame[12..18].copy_from_slice(&[8, 0, 0x45, 0, 0, 66]);
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
