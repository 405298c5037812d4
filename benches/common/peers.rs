//! What else is measured in the same turns? tcpdump where it is installed; Maltrail's sensor where
//! `ALLCLEAR_BENCH_MALTRAIL` names it; the bare walks through memory of `../shared/bench`.

use super::inputs;
use super::timing::{Argv, Cores, argv, command};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// The addresses that tcpdump looks for; with a thousand it is ninety times as slow.
const HOSTS: usize = 15;

/// tcpdump looking for the first addresses of a list.
pub fn tcpdump(capture: &Path, list: &Path) -> Option<Argv> {
    let is_there =
        Command::new("tcpdump").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    is_there.ok()?;
    let hosts: Vec<String> = lines(list).take(HOSTS).map(|address| format!("host {address}")).collect();
    let mut words = argv(["tcpdump", "-w", "/dev/null", "-r"], &[capture]);
    words.push(hosts.join(" or "));
    Some(words)
}

/// One after the other: what this program itself holds would count as the memory of those it starts.
fn lines(list: &Path) -> impl Iterator<Item = String> {
    BufReader::new(File::open(list).expect("the list can be read")).lines().map_while(Result::ok)
}

/// Maltrail's sensor on all packets, without its filter; its trails are the addresses of a list and some
/// further lines.
pub fn maltrail(capture: &Path, list: &Path, more: &[String]) -> Option<Argv> {
    let sensor = std::env::var("ALLCLEAR_BENCH_MALTRAIL").ok()?;
    let home = inputs::directory().join("maltrail");
    let name = list.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let trails = home.join(format!("{name}-{}.csv", more.len()));
    let configuration = trails.with_extension("conf");
    fs::create_dir_all(home.join("log")).expect("the target directory can be written");
    let mut out = BufWriter::new(File::create(&trails).expect("the target directory can be written"));
    for trail in lines(list).chain(more.iter().cloned()) {
        writeln!(out, "{trail},bench (malware),(static)").expect("the target directory can be written");
    }
    drop(out);
    let settings = format!(
        "MONITOR_INTERFACE none\nCAPTURE_BUFFER 64MB\nPROCESS_COUNT 1\nDISABLE_CPU_AFFINITY true\n\
         DISABLE_TRAIL_UPDATES true\nUSE_FEED_UPDATES false\nUPDATE_PERIOD 86400\nUSE_HEURISTICS true\n\
         SENSOR_NAME bench\nTRAILS_FILE {}\nLOG_DIR {}\n",
        trails.display(),
        home.join("log").display()
    );
    fs::write(&configuration, settings).expect("the target directory can be written");
    let mut words = vec![sensor];
    words.extend(argv(["--offline", "-q", "-c"], &[&configuration]));
    words.extend(argv(["-r"], &[capture]));
    Some(words)
}

/// The bare walks with a lookup of both addresses that the goals are of: in a hash table, and with a filter in
/// front of it; each in the ways to read the file.
const WALKS: [(&str, &str, &[&str]); 2] =
    [("a hash", "hash", &["read", "mmap"]), ("a filter before the hash", "two", &["read", "mmap"])];

/// Million packets a second of each bare walk on one core, its best; loading the list is not part of it.
pub fn limits(rounds: usize, capture: &Path, list: &Path) -> Vec<(&'static str, f64)> {
    let Some(program) = inputs::program("limits") else { return Vec::new() };
    let rate = |mode: &str, way: &str| {
        let mut words = argv([], &[&program, capture]);
        words.extend(argv([mode], &[list]));
        words.extend(argv(["1", way], &[]));
        let output = command(&words, Cores::One).output().ok()?;
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        told["Mpps"].as_f64()
    };
    let best = |&(name, mode, ways): &(&'static str, &str, &[&str])| {
        let rates = (0..rounds).flat_map(|_| ways.iter().filter_map(|way| rate(mode, way)));
        rates.reduce(f64::max).map(|best| (name, best))
    };
    WALKS.iter().filter_map(best).collect()
}
