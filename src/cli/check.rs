//! `allclear check [PATH...]`: every fault of every file, then what the playbooks will do.
//!
//! Faults go to standard error, as a compiler's do; the forecast goes to standard output. The exit
//! code is 64 when any file is faulty, warnings aside.

use super::args::CheckArgs;
use super::forecast::{Forecast, forecasts, too_long, unasked};
use super::{Exit, explain, print, unmet};
use crate::edge::capture::lint::lint;
use crate::edge::clock;
use crate::edge::files::{self, Reading, SITE_FILE_NAME};
use crate::edge::template::Templates;
use crate::pure::digest;
use crate::pure::document::place_of;
use crate::pure::number::{count, duration};
use crate::pure::playbook::{Library, Playbook};
use crate::pure::problem::{Problem, Severity, has_error};
use crate::pure::watchlist::Watchlist;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many digests are shown.
const SHOWN: usize = 3;

/// How much is told of files that are in order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    Brief,
    /// With every value that holds, those that nobody wrote too.
    Explained,
}

/// Reads, checks, prints.
pub fn run(named: Option<&Path>, args: &CheckArgs) -> Exit {
    let now = clock::now();
    let mut readings: Vec<Reading> = match args.paths.as_slice() {
        [] => vec![reading_of_site(named)],
        paths => paths.iter().map(|path| reading_of(path, named)).collect(),
    };
    readings.iter_mut().for_each(|reading| add_forecast_problems(reading, now));
    let problems: Vec<&Problem> = readings.iter().flat_map(|reading| &reading.problems).collect();
    let is_faulty = readings.iter().any(|reading| has_error(&reading.problems));
    let libraries: Vec<&Library> = readings.iter().filter_map(|reading| reading.library.as_ref()).collect();
    let detail = if args.explain { Detail::Explained } else { Detail::Brief };
    let printed = if args.json {
        print::out(&print::json_text(&as_json(&problems, &libraries, now, detail)))
    } else {
        problems.iter().for_each(|problem| print::note(&problem.to_string()));
        print::out(&as_text(&problems, &libraries, now, detail))
    };
    if is_faulty { Exit::Usage } else { printed }
}

fn reading_of_site(named: Option<&Path>) -> Reading {
    match files::find_site_file(named) {
        Ok(path) => with_templates(files::read_all(&path, &lint), &path),
        Err(problem) => Reading { problems: vec![*problem], ..Reading::default() },
    }
}

/// A directory, a site file, or one playbook with the site file that is named, else the one beside its
/// directory.
fn reading_of(path: &Path, named: Option<&Path>) -> Reading {
    if path.is_dir() {
        let site_file = path.join(SITE_FILE_NAME);
        return with_templates(files::read_all(&site_file, &lint), &site_file);
    }
    let is_beside_templates = path.parent().is_some_and(|parent| parent.ends_with("templates"));
    if is_beside_templates || path.extension().is_some_and(|ending| ending == "hbs") {
        return reading_of_template(path);
    }
    let is_playbook = files::read_text(path).is_ok_and(|text| {
        text.lines().any(|line| ["playbook:", "locate:", "verify:"].iter().any(|key| line.starts_with(key)))
    });
    if is_playbook {
        return reading_of_playbook(path, named);
    }
    with_templates(files::read_all(path, &lint), path)
}

/// With the faults of the templates beside a site file.
fn with_templates(mut reading: Reading, site_file: &Path) -> Reading {
    let own = site_file.parent().unwrap_or(Path::new("")).join("templates");
    if own.is_dir() {
        reading.problems.extend(problems_of_templates(Some(&own)));
    }
    reading
}

fn problems_of_templates(directory: Option<&Path>) -> Vec<Problem> {
    Templates::load(directory).map_or_else(|problems| problems, |templates| templates.warnings)
}

/// One template, tried out with those beside it and those shipped.
fn reading_of_template(path: &Path) -> Reading {
    let name = path.file_name();
    let mut problems = problems_of_templates(path.parent());
    problems.retain(|problem| problem.path.file_name() == name);
    if let Err(problem) = files::read_text(path) {
        problems = vec![*problem];
    }
    Reading { problems, ..Reading::default() }
}

fn reading_of_playbook(path: &Path, named: Option<&Path>) -> Reading {
    let beside = || site_file_of(path).filter(|path| path.exists());
    let site_path = named.map(Path::to_owned).or_else(beside);
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
    let text_of = |path: &Path| {
        let found = reading.texts.iter().find(|(read, _)| read == path);
        found.map_or("", |(_, text)| text.as_str())
    };
    let mut found: Vec<Problem> = forecasts(library, now)
        .iter()
        .filter_map(|forecast| too_long(forecast, text_of(&forecast.playbook.path), now))
        .collect();
    for playbook in library.playbooks.values() {
        let text = text_of(&playbook.path);
        found.extend(playbook.watchlists.values().filter_map(|list| too_old(playbook, list, text, now)));
        found.extend(unasked(playbook, library, text));
        found.extend(unmet::hidden_entries(playbook, library, text));
    }
    found.extend(unmet::unmet(library, text_of(&library.site_file.path)));
    reading.problems.extend(found);
}

/// A file that is older than its `max_age` now, so that no run could pass.
fn too_old(playbook: &Playbook, list: &Watchlist, text: &str, now: Timestamp) -> Option<Problem> {
    let (file, age_max) = list.file.as_ref().zip(list.age_max)?;
    let written = Timestamp::try_from(file.metadata().ok()?.modified().ok()?).ok()?;
    let age = Duration::try_from(now.duration_since(written)).ok().filter(|age| *age > age_max)?;
    let age = duration(age.as_secs());
    Some(Problem {
        severity: Severity::Warning,
        path: playbook.path.clone(),
        place: place_of(text, "max_age:"),
        what: format!("{} is {age} old: runs with `{}` cannot pass", file.display(), list.name),
        cure: Some("fetch the file anew".to_owned()),
    })
}

fn as_text(problems: &[&Problem], libraries: &[&Library], now: Timestamp, detail: Detail) -> String {
    let of = |severity| problems.iter().filter(|problem| problem.severity == severity).count();
    let mut text = String::new();
    for library in libraries {
        if detail == Detail::Explained {
            text.push_str(&format!("{}\n", library.site_file.path.display()));
            text.push_str(&rows_text(&explain::site_values(&library.site_file)));
        }
        text.push_str(&digest_text(library, now));
        let at_sites = forecasts(library, now);
        for playbook in library.playbooks.values() {
            text.push_str(&format!("{}: {}\n", playbook.path.display(), playbook.title));
            if detail == Detail::Explained {
                text.push_str(&rows_text(&explain::values(playbook)));
            }
            let own = at_sites.iter().filter(|forecast| forecast.playbook.name == playbook.name);
            own.for_each(|forecast| text.push_str(&forecast_text(forecast)));
        }
    }
    text.push_str(&format!(
        "{}, {}, {} accepted, not acted on yet\n",
        count(of(Severity::Error) as u64, "error"),
        count(of(Severity::Warning) as u64, "warning"),
        of(Severity::NotYet)
    ));
    text
}

fn rows_text(rows: &[(String, String)]) -> String {
    rows.iter().map(|(key, value)| format!("  {key:<30} {value}\n")).collect()
}

/// When the next digests go out; nothing where there are none.
fn digest_text(library: &Library, now: Timestamp) -> String {
    let digest = library.site_file.mail.as_ref().and_then(|mail| mail.digest.as_ref());
    let Some(settings) = digest else { return String::new() };
    let next: Vec<String> =
        digest::next_times(settings, now, SHOWN).iter().map(|at| shown(*at, &settings.timezone)).collect();
    let next = if next.is_empty() { "never".to_owned() } else { next.join(", ") };
    format!("digest ({}): {next}\n", settings.timezone_name)
}

fn shown(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%a %Y-%m-%d %H:%M %:z").to_string()
}

fn forecast_text(forecast: &Forecast<'_>) -> String {
    let zone = &forecast.site.timezone;
    let shown = |at: &Timestamp| shown(*at, zone);
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
    for sooner in &forecast.sooner {
        text.push_str(&format!("    sooner: {}\n", sooner.words()));
    }
    if forecast.is_assurance_open {
        text.push_str(
            "    the assurance is open until 6 contacts were seen; `clean.contact_interval` states how often it calls\n",
        );
    }
    text
}

fn as_json(problems: &[&Problem], libraries: &[&Library], now: Timestamp, detail: Detail) -> Value {
    let forecasts: Vec<Value> = libraries
        .iter()
        .flat_map(|library| forecasts(library, now))
        .map(|forecast| forecast_json(&forecast, detail))
        .collect();
    let problems: Vec<Value> = problems.iter().map(|problem| problem_json(problem)).collect();
    let mut value = json!({"schema": "allclear.check/1", "problems": problems, "forecasts": forecasts});
    let settings = libraries.iter().filter_map(|library| library.site_file.mail.as_ref()?.digest.as_ref());
    value["digests"] =
        settings.map(|digest| json!({"next": digest::next_times(digest, now, SHOWN)})).collect();
    if detail == Detail::Explained {
        let site_files = libraries.iter().map(|library| rows_json(explain::site_values(&library.site_file)));
        value["site_files"] = site_files.collect();
    }
    value
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

fn forecast_json(forecast: &Forecast<'_>, detail: Detail) -> Value {
    let Forecast { playbook, site, stages, earliest, sooner, is_assurance_open } = forecast;
    let sooner: Vec<_> = sooner.iter().map(crate::pure::report::sooner).collect();
    let stages: Vec<Value> = stages
        .iter()
        .map(|(name, stage, next)| json!({"stage": name, "schedule": explain::schedule(&stage.schedule), "next": next}))
        .collect();
    let mut value = json!({
        "playbook": playbook.name, "path": playbook.path, "site": site.name, "stages": stages,
        "earliest": earliest.at, "nights": earliest.nights, "limiting": earliest.limiting.to_string(),
        "is_assurance_open": is_assurance_open, "sooner": sooner,
    });
    if detail == Detail::Explained {
        value["values"] = rows_json(explain::values(playbook));
    }
    value
}

fn rows_json(rows: Vec<(String, String)>) -> Value {
    Value::Object(rows.into_iter().map(|(key, text)| (key, Value::String(text))).collect())
}
