//! How fast is `allclear scan` on large captures, beside other programs and the bare walk through memory in
//! the same run, and how much memory does it take?
//!
//! `cargo bench --bench scan [-- PACKETS]`: ten million packets (about 1 GB, in the target directory) and a
//! fifth as many whole ones (1.4 GB), unless said otherwise. It fails when anything is found but the truth;
//! goals that are missed are told. Only ratios travel from machine to machine.

mod common;

use common::figures::{Figures, Goal};
use common::inputs::{self, Capture, Kind};
use common::peers;
use common::timing::{Argv, Cores, Cost, argv, command, in_turns};
use common::truth::Infected;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const ROUNDS: usize = 5;
const ENTRIES: u64 = 1_000_000;
const ENTRIES_FEW: u64 = 15;
/// Where the generated hosts are.
const INSIDE: [&str; 2] = ["10.16.0.0/16", "2001:db8:16::/64"];

/// The goals (issue "The packet engine", "How fast").
const MALTRAIL_TIMES: f64 = 3.0;
const MALTRAIL_TIMES_NAMES: f64 = 1.5;
const LIMIT_SHARE: f64 = 0.5;
const SECOND_CORE_TIMES: f64 = 1.6;
const GROWTH_TIMES: f64 = 1.3;
const MEMORY_MIB: f64 = 64.0;

/// A capture and what is looked for in it.
struct Work {
    name: &'static str,
    kind: Kind,
    capture: Capture,
    list: PathBuf,
    few: PathBuf,
    /// Networks, ports, IPv6 and names, for a list beside the addresses.
    others: PathBuf,
}

fn main() -> ExitCode {
    // Cargo itself adds `--bench`.
    let packets = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(10_000_000);
    let small = Work::new("cut packets", Kind::Small, packets);
    let full = Work::new("whole packets", Kind::Full, packets / 5);
    if let Err(difference) = small.check().and_then(|()| full.check()) {
        eprintln!("what was found is not the truth: {difference}");
        return ExitCode::FAILURE;
    }
    let mut figures = Figures::new();
    small.one_core(&mut figures);
    full.one_core(&mut figures);
    full.names(&mut figures);
    small.two_cores(&mut figures);
    small.growth(&mut figures);
    figures.print();
    ExitCode::SUCCESS
}

fn ours(capture: &Path, lists: &[&Path]) -> Argv {
    let mut words = argv([env!("CARGO_BIN_EXE_allclear"), "scan", "--json"], &[capture]);
    words.extend(INSIDE.iter().flat_map(|network| ["--inside".to_owned(), (*network).to_owned()]));
    lists.iter().for_each(|list| words.extend(argv(["-w"], &[list])));
    words
}

fn is_address(infected: &Infected) -> bool {
    infected.kind == "ip4"
}

fn rate(packets: u64, cost: &Cost) -> String {
    format!("{:.1} M/s in {:.2} s, {} MiB", cost.rate(packets), cost.wall.as_secs_f64(), cost.peak_kib / 1024)
}

impl Work {
    fn new(name: &'static str, kind: Kind, packets: u64) -> Work {
        let capture = inputs::capture(kind, packets, false);
        // A name that nobody asks for keeps names looked for where the truth has none.
        let lines = [capture.truth.indicators.lines(), vec!["nobody.invalid".to_owned()]].concat();
        Work {
            name,
            kind,
            list: inputs::list(kind, ENTRIES, false),
            few: inputs::list(kind, ENTRIES_FEW, false),
            others: inputs::lines(&format!("others-{packets}.txt"), &lines),
            capture,
        }
    }

    /// Whether the truth is found, on one core and on all; names only in whole packets.
    fn check(&self) -> Result<(), String> {
        for cores in [Cores::One, Cores::All] {
            let found = |lists: &[&Path]| {
                let output = command(&ours(&self.capture.path, lists), cores).output();
                output.expect("the program runs").stdout
            };
            let truth = &self.capture.truth;
            truth.check(&found(&[&self.list]), is_address)?;
            if self.kind == Kind::Full {
                truth.check(&found(&[&self.list, &self.others]), |_| true)?;
            }
        }
        Ok(())
    }

    /// The scan for a million addresses, and the same of a capture without packets.
    fn scans(&self) -> [Argv; 2] {
        [ours(&self.capture.path, &[&self.list]), ours(&inputs::empty(), &[&self.list])]
    }

    fn one_core(&self, figures: &mut Figures) {
        let (packets, name) = (self.capture.truth.packets, self.name);
        let path = &self.capture.path;
        let (maltrail, tcpdump) = (peers::maltrail(path, &self.list, &[]), peers::tcpdump(path, &self.few));
        let scans = self.scans();
        let peers = [maltrail.as_ref(), tcpdump.as_ref()];
        let commands: Vec<&Argv> = scans.iter().chain(peers.into_iter().flatten()).collect();
        let costs = in_turns(ROUNDS, Cores::One, &commands);
        let (whole, scan) = (costs[0], costs[0].beyond(&costs[1]));
        let (all, aside) = (format!("{name}, one core"), format!("{name}, one core, list aside"));
        figures.tell(&all, &rate(packets, &whole));
        let mut peers = costs[2..].iter();
        if let Some(cost) = maltrail.and_then(|_| peers.next()) {
            let beside = format!("Maltrail {}", rate(packets, cost));
            let ratio = whole.rate(packets) / cost.rate(packets);
            figures.hold(&all, "", &beside, ratio, Goal::AtLeast(MALTRAIL_TIMES));
        }
        if let Some(cost) = tcpdump.and_then(|_| peers.next()) {
            let beside = format!("tcpdump, 15 hosts, {}", rate(packets, cost));
            let ratio = scan.rate(packets) / cost.rate(packets);
            figures.hold(&aside, &rate(packets, &scan), &beside, ratio, Goal::AtLeast(1.0));
        }
        for (lookup, limit) in peers::limits(ROUNDS, path, &self.list) {
            let ratio = scan.rate(packets) / limit;
            let beside = format!("limit, {lookup}: {limit:.1} M/s");
            figures.hold(&aside, &rate(packets, &scan), &beside, ratio, Goal::AtLeast(LIMIT_SHARE));
        }
        let memory = scan.peak_kib as f64 / 1024.0;
        let told = format!("{memory:.0} MiB");
        figures.hold(&format!("{aside}, memory"), &told, "", memory, Goal::AtMost(MEMORY_MIB));
    }

    fn names(&self, figures: &mut Figures) {
        let packets = self.capture.truth.packets;
        let mine = ours(&self.capture.path, &[&self.list, &self.others]);
        let domains = &self.capture.truth.indicators.domain;
        let maltrail = peers::maltrail(&self.capture.path, &self.list, domains);
        let commands: Vec<&Argv> = [Some(&mine), maltrail.as_ref()].into_iter().flatten().collect();
        let costs = in_turns(ROUNDS, Cores::One, &commands);
        let work = format!("{}, names too, one core", self.name);
        figures.tell(&work, &rate(packets, &costs[0]));
        if let Some(cost) = costs.get(1) {
            let beside = format!("Maltrail {}", rate(packets, cost));
            let ratio = costs[0].rate(packets) / cost.rate(packets);
            figures.hold(&work, "", &beside, ratio, Goal::AtLeast(MALTRAIL_TIMES_NAMES));
        }
    }

    fn two_cores(&self, figures: &mut Figures) {
        let (packets, [scan, empty]) = (self.capture.truth.packets, self.scans());
        let cost = |cores| {
            let costs = in_turns(ROUNDS, cores, &[&scan, &empty]);
            costs[0].beyond(&costs[1])
        };
        let (one, all) = (cost(Cores::One), cost(Cores::All));
        let ratio = all.rate(packets) / one.rate(packets);
        let beside = format!("one core {}", rate(packets, &one));
        let work = format!("{}, all cores, list aside", self.name);
        figures.hold(&work, &rate(packets, &all), &beside, ratio, Goal::AtLeast(SECOND_CORE_TIMES));
    }

    fn growth(&self, figures: &mut Figures) {
        let packets = self.capture.truth.packets;
        let [many, few] = [&self.list, &self.few].map(|list| ours(&self.capture.path, &[list]));
        let costs = in_turns(ROUNDS, Cores::One, &[&many, &few]);
        let ratio = costs[0].wall.as_secs_f64() / costs[1].wall.as_secs_f64();
        let beside = format!("15 addresses {}", rate(packets, &costs[1]));
        let work = format!("{}, growth to 1 M addresses", self.name);
        figures.hold(&work, &rate(packets, &costs[0]), &beside, ratio, Goal::AtMost(GROWTH_TIMES));
    }
}
