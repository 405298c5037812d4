//! Do the files fit together? One site file and its playbooks in, a [`Library`] out.
//!
//! Left of it are `site` and `playbook`. It sees what no single file shows: two playbooks of one
//! name, a malware that two of them claim.

use super::secret::masked;
use super::words::listed;
use crate::pure::playbook::{Library, Playbook};
use crate::pure::problem::{Place, Problem, Severity};
use crate::pure::site::SiteFile;
use std::collections::BTreeMap;

/// What could be read so far.
pub struct Draft<'a> {
    pub site_file: Option<SiteFile>,
    /// With the text of each, to show places in it.
    pub playbooks: Vec<(Playbook, &'a str)>,
}

/// Puts the files together, and adds what is wrong between them to `problems`. `None` when there is
/// no site file.
pub fn library(draft: Draft<'_>, problems: &mut Vec<Problem>) -> Option<Library> {
    let mut claims: BTreeMap<String, String> = BTreeMap::new();
    let mut playbooks: BTreeMap<String, Playbook> = BTreeMap::new();
    for (playbook, text) in draft.playbooks {
        for malware in &playbook.malware {
            if let Some(other) = claims.insert(malware.clone(), playbook.name.clone()) {
                let what = format!("the malware `{malware}` is claimed by the playbook `{other}` too");
                let place = place_below(text, "malware", malware);
                let cure = "name it in one playbook: its tickets get that one";
                problems.push(at(&playbook, place, what, cure));
            }
        }
        if let Some(other) = playbooks.get(&playbook.name) {
            let what =
                format!("the playbook `{}` is there twice, also in {}", playbook.name, other.path.display());
            let place = place_below(text, "playbook", &playbook.name);
            problems.push(at(&playbook, place, what, "give each its own name"));
            continue;
        }
        if let Some(site_file) = &draft.site_file {
            problems.extend(uncounted_losses(site_file, &playbook, text));
        }
        playbooks.insert(playbook.name.clone(), playbook);
    }
    let is_told = playbooks.values().any(|playbook| !playbook.notify.is_empty());
    // A `mail` that is faulty is missing from what was read, and told already.
    let is_faulty = |file: &SiteFile| {
        problems.iter().any(|found| found.path == file.path && found.severity == Severity::Error)
    };
    let untold = draft.site_file.as_ref().filter(|file| file.mail.is_none() && is_told && !is_faulty(file));
    problems.extend(untold.map(without_mail));
    problems.extend(draft.site_file.as_ref().and_then(|file| nobody_else(file, &playbooks)));
    draft.site_file.map(|site_file| Library { site_file, playbooks })
}

/// A stated `lost` makes every run inconclusive on a source that cannot count its losses.
fn uncounted_losses(site_file: &SiteFile, playbook: &Playbook, text: &str) -> Option<Problem> {
    playbook.judge.lost_max?;
    let used = site_file.sites.values().flat_map(|site| &site.sources);
    let source = used
        .filter_map(|name| site_file.sources.get(name))
        .find(|source| !source.kind.has_counted_losses())?;
    let what = format!("`lost` is wanted, and the source `{}` may not count its losses", source.name);
    let cure = "leave `lost` out, unless the captures say what was lost: a known loss above 0.1% is lossy all the same";
    Some(Problem { severity: Severity::Warning, ..at(playbook, place_of(text, "lost:"), what, cure) })
}

/// Where one person alone is told of everything, a mail which that one does not get is told to nobody.
fn nobody_else(site_file: &SiteFile, playbooks: &BTreeMap<String, Playbook>) -> Option<Problem> {
    site_file.mail.as_ref().filter(|mail| mail.postmaster.is_none())?;
    let alone: Vec<&str> =
        playbooks.values().filter(|of| is_told_alone(of)).map(|of| of.name.as_str()).collect();
    (!alone.is_empty()).then(|| Problem {
        severity: Severity::Warning,
        path: site_file.path.clone(),
        place: None,
        what: format!("nobody else is told when a mail of {} does not arrive", listed(&alone)),
        cure: Some("add `postmaster: ADDRESS` to `mail`, or another address to their `notify`".to_owned()),
    })
}

/// Whether its `notify` and `escalate` name somebody, and nobody besides.
fn is_told_alone(playbook: &Playbook) -> bool {
    let escalated = playbook.due.escalate.iter().flat_map(|step| &step.to);
    let mut told = playbook.notify.iter().flat_map(|rule| &rule.to).chain(escalated);
    told.next().is_some_and(|first| told.all(|other| other == first))
}

fn without_mail(site_file: &SiteFile) -> Problem {
    Problem {
        severity: Severity::Warning,
        path: site_file.path.clone(),
        place: None,
        what: "there is no `mail`, so nobody is told what the playbooks' `notify` promises".to_owned(),
        cure: Some("add `mail` with `smtp` or `directory`".to_owned()),
    }
}

fn at(playbook: &Playbook, place: Option<Place>, what: String, cure: &str) -> Problem {
    Problem {
        severity: Severity::Error,
        path: playbook.path.clone(),
        place,
        what,
        cure: Some(cure.to_owned()),
    }
}

/// Where a word stands first in a text, comments aside and whatever its case; for what is found out
/// after the places of the values are gone.
pub fn place_of(text: &str, word: &str) -> Option<Place> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#'));
    lines.into_iter().find_map(|(index, line)| {
        let at = line.to_ascii_lowercase().find(&word.to_ascii_lowercase())?;
        let column = line.get(..at)?.chars().count() + 1;
        Some(Place {
            line: index + 1,
            column,
            length: word.chars().count().max(1),
            source: masked(line).into_owned(),
        })
    })
}

/// Where a word stands as a whole, from the line on that begins with `key`.
fn place_below(text: &str, key: &str, word: &str) -> Option<Place> {
    let from = text.lines().position(|line| line.starts_with(key))?;
    let in_word = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    text.lines().enumerate().skip(from).find_map(|(index, line)| {
        let value_from = if index == from { key.len() } else { 0 };
        let lower = line.to_ascii_lowercase();
        let is_whole = |at: usize| {
            let (before, after) = (&lower[..at], &lower[at + word.len()..]);
            at >= value_from && !before.ends_with(in_word) && !after.starts_with(in_word)
        };
        let at =
            lower.match_indices(&word.to_ascii_lowercase()).map(|(at, _)| at).find(|at| is_whole(*at))?;
        let column = line.get(..at)?.chars().count() + 1;
        Some(Place { line: index + 1, column, length: word.chars().count().max(1), source: line.to_owned() })
    })
}
