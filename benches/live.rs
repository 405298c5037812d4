//! What does a packet cost when it is captured live, beside the least that a capturing program can do?
//!
//! `cargo bench --bench live`: `allclear scan -i`, a bare reader of the kernel's ring (`vrecv` of
//! `../shared/bench`) and tcpdump in turns at one end of a veth pair, a sender of captured packets at the
//! other. It needs root, `ip` and `../shared/bench`, and says so when it cannot run. It fails when packets
//! are missing that were not told as lost.

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
    let bare = [argv([], &[bare]), argv(["taker"], &[&list]), argv(["64"], &[])].concat();
    let mut ours = argv([env!("CARGO_BIN_EXE_allclear"), "scan", "--json", "-i", "taker"], &[]);
    ours.extend(argv(["-w"], &[&list]));
    let tcpdump = argv(["tcpdump", "-i", "taker", "-w", "/dev/null", "-B", "65536"], &[]);
    let bare = taken(send, &capture, &bare)?;
    let ours = taken(send, &capture, &ours)?;
    let mut figures = Figures::new();
    let (tell, work) =
        (|taken: &Taken| format!("{:.2} µs a packet", taken.microseconds), "live, 1 M addresses");
    let goal = MICROSECONDS / MICROSECONDS_BARE;
    let ratio = ours.microseconds / bare.microseconds;
    figures.hold(work, &tell(&ours), &format!("bare reader {}", tell(&bare)), ratio, Goal::AtMost(goal));
    if let Ok(tcpdump) = taken(send, &capture, &tcpdump) {
        figures.tell(work, &format!("tcpdump -w, 64 MiB: {}", tell(&tcpdump)));
    }
    figures.print();
    check(&ours.told)
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
    let sender = [
        argv(["ip", "netns", "exec", NAMESPACES[0]], &[send]),
        argv(["sender"], &[capture]),
        argv([&RATE.to_string(), &PACKETS.to_string()], &[]),
    ]
    .concat();
    let (busy, told) = received(receiver, || {
        let status = command(&sender, Cores::All).stdout(Stdio::null()).status();
        status.map_err(|error| error.to_string()).map(drop)
    })?;
    let microseconds = busy.saturating_sub(idle).as_secs_f64() * 1e6 / PACKETS as f64;
    Ok(Taken { microseconds, told })
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
