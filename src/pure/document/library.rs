//! Do the files fit together? One site file and its playbooks in, a [`Library`] out.
//!
//! Left of it are `site` and `playbook`. It sees what no single file shows: two playbooks of one
//! name, a malware that two of them claim.

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
                problems.push(at(
                    &playbook,
                    text,
                    malware,
                    what,
                    "name it in one playbook: its tickets get that one",
                ));
            }
        }
        if let Some(other) = playbooks.get(&playbook.name) {
            let what =
                format!("the playbook `{}` is there twice, also in {}", playbook.name, other.path.display());
            problems.push(at(&playbook, text, &playbook.name, what, "give each its own name"));
            continue;
        }
        playbooks.insert(playbook.name.clone(), playbook);
    }
    let is_told = playbooks.values().any(|playbook| !playbook.notify.is_empty());
    problems.extend(draft.site_file.as_ref().filter(|file| file.mail.is_none() && is_told).map(without_mail));
    draft.site_file.map(|site_file| Library { site_file, playbooks })
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

fn at(playbook: &Playbook, text: &str, word: &str, what: String, cure: &str) -> Problem {
    Problem {
        severity: Severity::Error,
        path: playbook.path.clone(),
        place: place_of(text, word),
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
        Some(Place { line: index + 1, column, length: word.chars().count().max(1), source: line.to_owned() })
    })
}
