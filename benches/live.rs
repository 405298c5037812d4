//! What does a packet cost when it is captured live, beside the least that a capturing program can do?
//!
//! `cargo bench --bench live`: `allclear scan -i`, a bare reader of the kernel's ring (`vrecv` of
//! `../shared/bench`) and tcpdump in turns at one end of a veth pair, a sender of captured packets at the
//! other; then at rates up to the sender's own, of which packets are lost. It needs root, `ip` and
//! `../shared/bench`, and says so when it cannot run. It fails when packets are missing that were not told
//! as lost.

mod common;

use common::figures::{Figures, Goal};
use common::inputs::{self, Kind};
use common::timing::{Argv, Cores, argv, command, cost};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const NAMESPACES: [&str; 2] = ["allclear-bench-send", "allclear-bench-take"];
const PACKETS: u64 = 2_000_000;
/// A rate that all hold.
const RATE: u64 = 200_000;
/// Packets a second at which losses are counted; 0 is as fast as the sender goes.
const RATES: [u64; 5] = [200_000, 300_000, 400_000, 600_000, 0];
const SETTLE: Duration = Duration::from_secs(2);
const MICROSECONDS: f64 = 0.35;
/// What the bare reader took where the goal was set (facts: performance).
const MICROSECONDS_BARE: f64 = 0.23;

fn main() -> ExitCode {
    let (Some(send), Some(bare)) = (inputs::program("vsend"), inputs::program("vrecv")) else {
        println!("live: left out, since ../shared/bench or a C compiler is not here");
        return ExitCode::SUCCESS;
    };
    // SAFETY: asks for a number.
    if unsafe { libc::geteuid() } != 0 || !pair() {
        unpair();
        println!("live: left out, since it needs root and network namespaces (ip netns)");
        return ExitCode::SUCCESS;
    }
    let outcome = measure(&send, &bare);
    unpair();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("live: {what}");
            ExitCode::FAILURE
        }
    }
}

/// A veth pair, an end in each namespace.
fn pair() -> bool {
    unpair();
    let [send, take] = NAMESPACES;
    [
        format!("netns add {send}"),
        format!("netns add {take}"),
        format!("-n {send} link add name sender type veth peer name taker netns {take}"),
        format!("-n {send} link set dev sender up"),
        format!("-n {take} link set dev taker up"),
    ]
    .iter()
    .all(|words| ip(words))
}

fn unpair() {
    for namespace in NAMESPACES {
        ip(&format!("netns del {namespace}"));
    }
}

fn ip(words: &str) -> bool {
    let mut command = Command::new("ip");
    command.args(words.split(' ')).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What a receiver took, and what it said.
struct Taken {
    microseconds: f64,
    told: String,
}

fn measure(send: &Path, bare: &Path) -> Result<(), String> {
    let capture = inputs::capture(Kind::Full, 400_000, true).path;
    let list = inputs::list(Kind::Full, 1_000_000, true);
    let bare_argv = [argv([], &[bare]), argv(["taker"], &[&list]), argv(["64"], &[])].concat();
    let mut ours_argv = argv([env!("CARGO_BIN_EXE_allclear"), "scan", "--json", "-i", "taker"], &[]);
    ours_argv.extend(argv(["-w"], &[&list]));
    let tcpdump = argv(["tcpdump", "-i", "taker", "-w", "/dev/null", "-B", "65536"], &[]);
    let bare = taken(send, &capture, &bare_argv)?;
    let ours = taken(send, &capture, &ours_argv)?;
    let mut figures = Figures::new();
    let (tell, work) =
        (|taken: &Taken| format!("{:.2} µs a packet", taken.microseconds), "live, 1 M addresses");
    let goal = MICROSECONDS / MICROSECONDS_BARE;
    let ratio = ours.microseconds / bare.microseconds;
    figures.hold(work, &tell(&ours), &format!("bare reader {}", tell(&bare)), ratio, Goal::AtMost(goal));
    if let Ok(tcpdump) = taken(send, &capture, &tcpdump) {
        figures.tell(work, &format!("tcpdump -w, 64 MiB: {}", tell(&tcpdump)));
    }
    check(&ours.told)?;
    for rate in RATES {
        lose(send, &capture, [&bare_argv, &ours_argv], rate, &mut figures)?;
    }
    figures.print();
    Ok(())
}

/// Where the bare reader loses nothing, neither may we.
fn lose(
    send: &Path,
    capture: &Path,
    [bare, ours]: [&Argv; 2],
    rate: u64,
    figures: &mut Figures,
) -> Result<(), String> {
    let lost = |receiver: &Argv| {
        let mut reached = 0;
        let (_, told) = received(receiver, || {
            reached = sent(send, capture, rate)?;
            Ok(())
        })?;
        let lost = lost_packets(&told).ok_or_else(|| format!("this tells no losses: {told}"))?;
        Ok::<_, String>((lost, format!("{lost} of {PACKETS} lost at {reached} packets/s")))
    };
    let ((bare, of_bare), (ours, of_ours)) = (lost(bare)?, lost(ours)?);
    let missed = if bare == 0 && ours > 0 { ": goal missed" } else { "" };
    figures.tell("live, 1 M addresses", &format!("{of_ours}; bare reader {of_bare}{missed}"));
    Ok(())
}

/// What a receiver says of its losses: ours in JSON, the bare reader in words.
fn lost_packets(told: &str) -> Option<u64> {
    match serde_json::from_str::<serde_json::Value>(told) {
        Ok(told) => told["coverage"]["lost_packets"].as_u64(),
        Err(_) => told.lines().find_map(|line| line.strip_suffix(" packets dropped by kernel"))?.parse().ok(),
    }
}

/// Every packet was heard or is told as lost.
fn check(told: &str) -> Result<(), String> {
    let told: serde_json::Value = serde_json::from_str(told).map_err(|error| error.to_string())?;
    let coverage = &told["coverage"];
    let (heard, lost) = (coverage["heard_packets"].as_u64(), coverage["lost_packets"].as_u64());
    match (heard, lost) {
        // The interface itself sends a few, such as neighbour discovery.
        (Some(heard), Some(lost)) if heard + lost >= PACKETS => Ok(()),
        other => Err(format!("of {PACKETS} packets heard and lost: {other:?}")),
    }
}

/// Runs a receiver while packets are sent, and as long without any; the difference is what they cost.
fn taken(send: &Path, capture: &Path, receiver: &Argv) -> Result<Taken, String> {
    let (idle, _) = received(receiver, || {
        sleep(Duration::from_secs(PACKETS / RATE));
        Ok(())
    })?;
    let (busy, told) = received(receiver, || sent(send, capture, RATE).map(drop))?;
    let microseconds = busy.saturating_sub(idle).as_secs_f64() * 1e6 / PACKETS as f64;
    Ok(Taken { microseconds, told })
}

/// Sends all packets of the bench, so many a second, and answers how many those were in the end.
fn sent(send: &Path, capture: &Path, rate: u64) -> Result<u64, String> {
    let sender = [
        argv(["ip", "netns", "exec", NAMESPACES[0]], &[send]),
        argv(["sender"], &[capture]),
        argv([&rate.to_string(), &PACKETS.to_string()], &[]),
    ]
    .concat();
    let output = command(&sender, Cores::All).output().map_err(|error| error.to_string())?;
    let told: serde_json::Value =
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    told["pps"].as_u64().ok_or_else(|| format!("the sender tells no rate: {told}"))
}

/// The processor time of a receiver that listens during `during`, and what it printed.
fn received(
    receiver: &Argv,
    during: impl FnOnce() -> Result<(), String>,
) -> Result<(Duration, String), String> {
    let out = inputs::directory().join("live.out");
    let file = std::fs::File::create(&out).map_err(|error| error.to_string())?;
    let words = [argv(["ip", "netns", "exec", NAMESPACES[1]], &[]), receiver.clone()].concat();
    let mut listening = command(&words, Cores::All);
    let child = listening.stdout(file).stderr(Stdio::null()).spawn().map_err(|error| error.to_string())?;
    // Long enough to load the list and open the ring, then to take the last packets out of it.
    sleep(SETTLE);
    let outcome = during();
    sleep(SETTLE);
    let pid = i32::try_from(child.id()).expect("process ids are small");
    // SAFETY: asks our own child to stop.
    unsafe { libc::kill(pid, libc::SIGINT) };
    let spent = cost(child.id(), Instant::now()).processor;
    outcome?;
    Ok((spent, std::fs::read_to_string(&out).map_err(|error| error.to_string())?))
}
