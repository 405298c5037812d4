//! How often is a host called clean that is still infected, and how many nights does it take?
//!
//! `cargo bench --bench calibration`, with `-- --seed 7 --trials 1000 --families lognormal:1.5,strict` and the
//! like. Hosts are drawn at random and put through the same `pure::assurance` that tickets are: 99 % is
//! wanted, asked after each night, and the first night that reaches it decides. It ends with 1 when one of
//! the promised families is above 1 in 100 by more than chance explains. `docs/assurance.md` shows the table.

mod family;
mod host;

use family::{Family, PROMISED, Random};
use host::{Before, Fate, NIGHTS_MAX, Restart, Setting};
use std::process::ExitCode;

const USAGE: &str = "\
options, each with a list or a value behind it:
  --families  exponential,strict,uniform:0.3,lognormal:1.5,pareto:2,lomax:2,weibull:0.6,gamma:0.5,bimodal,bursts
  --gaps      5,10,30             gaps seen before the cleaning
  --windows   0.5,2,8             hours watched a night
  --means     0.25,1,8            mean hours between two contacts
  --before    always|nights|quarters      when contacts before the cleaning could be seen
  --restart   never|cleaning|morning      when the host's timer begins anew
  --criteria  assurance|default           default: 5 passes over 7 days as well
  --trials    300                 hosts for each row
  --seed      1";

/// Of hosts that are still infected, no more than this share may be called clean.
const FALSE_MAX: f64 = 0.01;

/// A row, or a family, is above it when chance alone would do that less often than once in 4,000.
const ERRORS_MAX: f64 = 3.5;

struct Options {
    families: Vec<Family>,
    gaps: Vec<u64>,
    windows: Vec<f64>,
    means: Vec<f64>,
    before: Before,
    restart: Restart,
    nights_min: u32,
    trials: usize,
    seed: u64,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("{why}\n{USAGE}");
            return ExitCode::from(64);
        }
    };
    println!(
        "{:<14} {:>4} {:>6} {:>6} | {:>7} {:>5} {:>6} | {:>7} {:>6} | {:>6}",
        "family", "gaps", "h/night", "mean h", "false %", "error", "nights", "plain %", "nights", "oracle"
    );
    let too_high: Vec<String> = options.families.iter().flat_map(|family| run(&options, *family)).collect();
    too_high.iter().for_each(|row| println!("too high: {row}"));
    if too_high.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// All rows of a family; gives those that are too high, where it is promised that none is.
fn run(options: &Options, family: Family) -> Vec<String> {
    let (mut too_high, mut fates) = (Vec::new(), Vec::new());
    for &window in &options.windows {
        for &gaps in &options.gaps {
            for &mean in &options.means {
                let setting = Setting {
                    family,
                    mean_s: mean * 3600.0,
                    gaps,
                    window_s: window * 3600.0,
                    before: options.before,
                    restart: options.restart,
                    nights_min: options.nights_min,
                };
                let mut random = Random(options.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                let found: Vec<Fate> =
                    (0..options.trials).filter_map(|_| setting.fate(&mut random)).collect();
                let name = format!("{:<14} {gaps:>4} {window:>6} {mean:>6}", family.to_string());
                println!("{name} | {}", row(&found));
                too_high.extend(is_too_high(&found).then_some(name));
                fates.extend(found);
            }
        }
    }
    println!("{:<14} {:>4} {:>6} {:>6} | {}", family.to_string(), "all", "", "", share(&fates));
    too_high.extend(is_too_high(&fates).then(|| family.to_string()));
    if PROMISED.contains(&family) { too_high } else { Vec::new() }
}

fn row(fates: &[Fate]) -> String {
    let plain = fates.iter().filter(|fate| fate.is_false_clean_by_plain()).count();
    let plain = 100.0 * plain as f64 / fates.len().max(1) as f64;
    let confirmed = quantile(fates.iter().map(|fate| fate.confirmed), 0.5);
    let by_plain = quantile(fates.iter().map(|fate| fate.plain), 0.5);
    let oracle = quantile(fates.iter().map(|fate| fate.seen), 1.0 - FALSE_MAX);
    format!("{} {confirmed:>6} | {plain:>7.2} {by_plain:>6} | {oracle:>6}", share(fates))
}

fn share(fates: &[Fate]) -> String {
    let (share, error) = false_clean(fates);
    format!("{:>7.2} {:>5.2}", 100.0 * share, 100.0 * error)
}

/// The share of hosts called clean, with its standard error.
fn false_clean(fates: &[Fate]) -> (f64, f64) {
    let all = fates.len().max(1) as f64;
    let share = fates.iter().filter(|fate| fate.is_false_clean()).count() as f64 / all;
    (share, (share * (1.0 - share) / all).sqrt())
}

fn is_too_high(fates: &[Fate]) -> bool {
    let error = (FALSE_MAX * (1.0 - FALSE_MAX) / fates.len().max(1) as f64).sqrt();
    false_clean(fates).0 > FALSE_MAX + ERRORS_MAX * error
}

fn quantile(nights: impl Iterator<Item = u32>, share: f64) -> String {
    let mut nights: Vec<u32> = nights.collect();
    nights.sort_unstable();
    match nights.get((share * nights.len() as f64) as usize) {
        Some(night) if *night <= NIGHTS_MAX => night.to_string(),
        _ => format!(">{NIGHTS_MAX}"),
    }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        families: PROMISED.to_vec(),
        gaps: vec![5, 10, 30],
        windows: vec![0.5, 2.0, 8.0],
        means: vec![0.25, 1.0, 8.0],
        before: Before::Always,
        restart: Restart::Never,
        nights_min: 1,
        trials: 300,
        seed: 1,
    };
    while let Some(name) = arguments.next() {
        if name == "--bench" {
            continue;
        }
        let value = arguments.next().ok_or_else(|| format!("`{name}` wants a value"))?;
        match name.as_str() {
            "--families" => options.families = list(&value)?,
            "--gaps" => options.gaps = list(&value)?,
            "--windows" => options.windows = list(&value)?,
            "--means" => options.means = list(&value)?,
            "--trials" => options.trials = one(&value)?,
            "--seed" => options.seed = one(&value)?,
            "--before" => {
                options.before = named(
                    &value,
                    [("always", Before::Always), ("nights", Before::Nights), ("quarters", Before::Quarters)],
                )?;
            }
            "--restart" => {
                options.restart = named(
                    &value,
                    [
                        ("never", Restart::Never),
                        ("cleaning", Restart::Cleaning),
                        ("morning", Restart::Morning),
                    ],
                )?;
            }
            "--criteria" => {
                options.nights_min = named(&value, [("assurance", 1), ("default", 8), ("all", 8)])?
            }
            _ => return Err(format!("there is no option `{name}`")),
        }
    }
    Ok(options)
}

fn list<T: std::str::FromStr>(text: &str) -> Result<Vec<T>, String> {
    text.split(',').map(one).collect()
}

fn one<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is not understood"))
}

fn named<T: Copy>(text: &str, names: [(&str, T); 3]) -> Result<T, String> {
    let found = names.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| format!("`{text}` is not understood"))
}
