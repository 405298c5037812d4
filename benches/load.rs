//! How long does a list of a million addresses take to load, and how much memory does it hold?
//!
//! `cargo bench --bench load`: scans of a capture without packets, with a million entries and with one, so
//! that the difference is the list's. It fails when the list is not read whole.

mod common;

use common::figures::{Figures, Goal};
use common::inputs::{self, Kind};
use common::timing::{Cores, argv, in_turns};
use std::process::ExitCode;

const ROUNDS: usize = 7;
const ENTRIES: u64 = 1_000_000;
const SECONDS: f64 = 0.3;
const MEMORY_MIB: f64 = 64.0;

fn main() -> ExitCode {
    let of = |size| inputs::list(Kind::Small, size, false);
    let (empty, list, one) = (inputs::empty(), of(ENTRIES), of(1));
    let scan = |list| {
        let mut words = argv([env!("CARGO_BIN_EXE_allclear"), "scan", "--json"], &[&empty]);
        words.extend(argv(["-w"], &[list]));
        words
    };
    let commands = [scan(&list), scan(&one)];
    let output = common::timing::command(&commands[0], Cores::All).output().expect("the program runs");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if told["watchlist"]["addresses"] != ENTRIES {
        eprintln!("of {ENTRIES} addresses {} were loaded", told["watchlist"]["addresses"]);
        return ExitCode::FAILURE;
    }
    let mut figures = Figures::new();
    let costs = in_turns(ROUNDS, Cores::All, &[&commands[0], &commands[1]]);
    let list = costs[0].beyond(&costs[1]);
    let (seconds, memory) = (list.wall.as_secs_f64(), list.peak_kib as f64 / 1024.0);
    let processor = format!("processor time {:.2} s", list.processor.as_secs_f64());
    figures.hold(
        "loading 1 M addresses, seconds",
        &format!("{seconds:.2} s"),
        &processor,
        seconds,
        Goal::AtMost(SECONDS),
    );
    figures.hold(
        "loading 1 M addresses, memory",
        &format!("{memory:.0} MiB"),
        "",
        memory,
        Goal::AtMost(MEMORY_MIB),
    );
    figures.print();
    ExitCode::SUCCESS
}
