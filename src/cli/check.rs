//! `allclear check [PATH...]`: every fault of every file, then what the playbooks will do.
//!
//! Faults go to standard error, as a compiler's do; the forecast goes to standard output. The exit
//! code is 64 when any file is faulty, warnings aside.

use super::args::CheckArgs;
use super::forecast::{Forecast, forecasts, too_long};
use super::{Exit, explain, print};
use crate::edge::capture::lint::lint;
use crate::edge::clock;
use crate::edge::files::{self, Reading, SITE_FILE_NAME};
use crate::pure::playbook::Library;
use crate::pure::problem::{Problem, Severity, has_error};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Reads, checks, prints.
pub fn run(named: Option<&Path>, args: &CheckArgs) -> Exit {
    let now = clock::now();
    let mut readings: Vec<Reading> = match args.paths.as_slice() {
        [] => vec![reading_of_site(named)],
        paths => paths.iter().map(|path| reading_of(path)).collect(),
    };
    readings.iter_mut().for_each(|reading| add_forecast_problems(reading, now));
    let problems: Vec<&Problem> = readings.iter().flat_map(|reading| &reading.problems).collect();
    let is_faulty = readings.iter().any(|reading| has_error(&reading.problems));
    let libraries: Vec<&Library> = readings.iter().filter_map(|reading| reading.library.as_ref()).collect();
    let printed = if args.json {
        print::out(&format!("{:#}\n", as_json(&problems, &libraries, now, args.explain)))
    } else {
        problems.iter().for_each(|problem| print::note(&problem.to_string()));
        print::out(&as_text(&problems, &libraries, now, args.explain))
    };
    if is_faulty { Exit::Usage } else { printed }
}

fn reading_of_site(named: Option<&Path>) -> Reading {
    match files::find_site_file(named) {
        Ok(path) => files::read_all(&path, &lint),
        Err(problem) => Reading { problems: vec![*problem], ..Reading::default() },
    }
}

/// A directory, a site file, or one playbook with the site file beside its directory.
fn reading_of(path: &Path) -> Reading {
    if path.is_dir() {
        return files::read_all(&path.join(SITE_FILE_NAME), &lint);
    }
    let is_playbook = files::read_text(path).is_ok_and(|text| {
        text.lines().any(|line| ["playbook:", "locate:", "verify:"].iter().any(|key| line.starts_with(key)))
    });
    if is_playbook { reading_of_playbook(path) } else { files::read_all(path, &lint) }
}

fn reading_of_playbook(path: &Path) -> Reading {
    let site_path = site_file_of(path).filter(|path| path.exists());
    let mut reading = site_path.map(|site| files::read_all(&site, &lint)).unwrap_or_default();
    let site_file = reading.library.as_ref().map(|library| &library.site_file);
    let (playbook, problems) = files::read_playbook(path, site_file, &lint);
    // What is wrong between files was found while all were read; what is wrong in others is not asked.
    let is_between = |problem: &Problem| problem.path == path && !problems.contains(problem);
    reading.problems.retain(is_between);
    reading.problems.splice(0..0, problems);
    if let Some(library) = &mut reading.library {
        library.playbooks = playbook.into_iter().map(|playbook| (playbook.name.clone(), playbook)).collect();
    }
    reading
}

fn site_file_of(playbook: &Path) -> Option<PathBuf> {
    let directory = playbook.parent()?;
    let above = if directory.as_os_str().is_empty() { Path::new("..") } else { directory.parent()? };
    Some(above.join(SITE_FILE_NAME))
}

fn add_forecast_problems(reading: &mut Reading, now: Timestamp) {
    let Some(library) = &reading.library else { return };
    let found: Vec<Problem> = forecasts(library, now)
        .iter()
        .filter_map(|forecast| {
            let path = &forecast.playbook.path;
            let text = reading.texts.iter().find(|(read, _)| read == path).map_or("", |(_, text)| text);
            too_long(forecast, text, now)
        })
        .collect();
    reading.problems.extend(found);
}

fn as_text(problems: &[&Problem], libraries: &[&Library], now: Timestamp, is_explained: bool) -> String {
    let count = |severity| problems.iter().filter(|problem| problem.severity == severity).count();
    let mut text = String::new();
    for library in libraries {
        for playbook in library.playbooks.values() {
            text.push_str(&format!("{}: {}\n", playbook.path.display(), playbook.title));
            if is_explained {
                let rows = explain::values(playbook);
                rows.iter().for_each(|(key, value)| text.push_str(&format!("  {key:<26} {value}\n")));
            }
            let at_sites = forecasts(library, now);
            let own = at_sites.iter().filter(|forecast| forecast.playbook.name == playbook.name);
            own.for_each(|forecast| text.push_str(&forecast_text(forecast)));
        }
    }
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    text.push_str(&format!(
        "{}, {}, {} accepted, not acted on yet\n",
        plural(count(Severity::Error), "error"),
        plural(count(Severity::Warning), "warning"),
        count(Severity::NotYet)
    ));
    text
}

fn forecast_text(forecast: &Forecast<'_>) -> String {
    let zone = &forecast.site.timezone;
    let shown =
        |at: &Timestamp| at.to_zoned_datetime(zone.clone()).strftime("%a %Y-%m-%d %H:%M %:z").to_string();
    let mut text = format!("  {} ({})\n", forecast.site.name, forecast.site.timezone_name);
    for (name, stage, next) in &forecast.stages {
        let next: Vec<String> = next.iter().map(shown).collect();
        let next = if next.is_empty() { "never".to_owned() } else { next.join(", ") };
        text.push_str(&format!("    {name:<8} {}: {next}\n", explain::schedule(&stage.schedule)));
    }
    let nights = forecast.earliest.nights;
    match &forecast.earliest.at {
        Some(at) => {
            text.push_str(&format!("    clean at the earliest {}, after {nights} nights\n", shown(at)))
        }
        None => text.push_str("    clean at the earliest: not within a year\n"),
    }
    if forecast.is_assurance_open {
        text.push_str(
            "    the assurance is open until 6 contacts were seen; `clean.contact_interval` states how often it calls\n",
        );
    }
    text
}

fn as_json(problems: &[&Problem], libraries: &[&Library], now: Timestamp, is_explained: bool) -> Value {
    let forecasts: Vec<Value> = libraries
        .iter()
        .flat_map(|library| forecasts(library, now))
        .map(|forecast| forecast_json(&forecast, is_explained))
        .collect();
    let problems: Vec<Value> = problems.iter().map(|problem| problem_json(problem)).collect();
    json!({"schema": "allclear.check/1", "problems": problems, "forecasts": forecasts})
}

fn problem_json(problem: &Problem) -> Value {
    let Problem { severity, path, place, what, cure } = problem;
    let severity = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::NotYet => "not_yet",
    };
    let (line, column) = (place.as_ref().map(|place| place.line), place.as_ref().map(|place| place.column));
    json!({"severity": severity, "path": path, "line": line, "column": column, "what": what, "cure": cure})
}

fn forecast_json(forecast: &Forecast<'_>, is_explained: bool) -> Value {
    let Forecast { playbook, site, stages, earliest, is_assurance_open } = forecast;
    let stages: Vec<Value> = stages
        .iter()
        .map(|(name, stage, next)| json!({"stage": name, "schedule": explain::schedule(&stage.schedule), "next": next}))
        .collect();
    let mut value = json!({
        "playbook": playbook.name, "path": playbook.path, "site": site.name, "stages": stages,
        "earliest": earliest.at, "nights": earliest.nights, "limiting": earliest.limiting.to_string(),
        "is_assurance_open": is_assurance_open,
    });
    if is_explained {
        let values = explain::values(playbook).into_iter().map(|(key, text)| (key, Value::String(text)));
        value["values"] = Value::Object(values.collect());
    }
    value
}
