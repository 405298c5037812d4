//! Which values does a playbook have, defaults included? For `check --explain`.

use crate::pure::document::length_words;
use crate::pure::playbook::{CleanCriteria, JudgeCriteria, Keep, Playbook, Stage, StageName};
use crate::pure::schedule::Schedule;

/// Every value, as `key` and `value`, in the order of the file.
pub fn values(playbook: &Playbook) -> Vec<(String, String)> {
    let mut rows = vec![("title".to_owned(), playbook.title.clone())];
    rows.push(("malware".to_owned(), or_none(playbook.malware.join(", "))));
    for list in playbook.watchlists.values() {
        let key = format!("watchlists.{}", list.name);
        let file =
            list.file.as_ref().map(|file| format!(", and the file {}", file.display())).unwrap_or_default();
        let counts = format!("{} entries, {} port ranges{file}", list.entries.len(), list.ports.len());
        rows.push((key.clone(), counts));
        rows.push((format!("{key}.require"), format!("{:?}", list.require).to_lowercase()));
    }
    for name in [StageName::Locate, StageName::Verify, StageName::Detect] {
        if let Some(stage) = playbook.stage(name) {
            rows.extend(stage_rows(name, stage));
        }
    }
    rows.extend(judge_rows(&playbook.judge));
    rows.extend(clean_rows(&playbook.clean));
    let due = [("due.located", playbook.due.located), ("due.cleaned", playbook.due.cleaned)];
    rows.extend(due.map(|(key, length)| (key.to_owned(), length.map_or("never".to_owned(), length_words))));
    rows
}

/// How a schedule is written.
pub fn schedule(schedule: &Schedule) -> String {
    match schedule {
        Schedule::Cron(cron) => format!("cron \"{}\"", cron.text),
        Schedule::Every(period) => format!("every {}", length_words(*period)),
    }
}

/// A filter so that it means the same on tagged frames: plain, in one tag, in two (pcap-filter(7):
/// `vlan` moves the offsets of everything after it).
pub fn filter_as_run(filter: &str) -> String {
    format!("({filter}) or (vlan and (({filter}) or (vlan and ({filter}))))")
}

fn stage_rows(name: StageName, stage: &Stage) -> Vec<(String, String)> {
    let Stage { schedule: when, jitter, capture, watchlists, has_listing } = stage;
    let limit = |limit: Option<u64>| limit.map_or("no limit".to_owned(), |limit| limit.to_string());
    let filter = capture.filter.as_deref().map_or("none".to_owned(), filter_as_run);
    let keep = match capture.keep {
        Keep::Hits => "hits",
        Keep::All => "all",
        Keep::Nothing => "nothing",
    };
    [
        ("schedule", schedule(when)),
        ("jitter", length_words(*jitter)),
        ("capture.for", length_words(capture.length)),
        ("capture.packets", limit(capture.packets_max)),
        ("capture.bytes", limit(capture.bytes_max)),
        ("capture.filter", filter),
        ("capture.keep", keep.to_owned()),
        ("match", watchlists.join(", ")),
        ("listing", has_listing.to_string()),
    ]
    .map(|(key, value)| (format!("{name}.{key}"), value))
    .to_vec()
}

fn judge_rows(judge: &JudgeCriteria) -> Vec<(String, String)> {
    let JudgeCriteria {
        fail_at,
        watched_min,
        heard_packets_min,
        lost_max,
        has_blamed_present,
        inconclusive_row,
    } = judge;
    let lost = lost_max
        .map_or("a known loss above 0.1% is too much, an unknown one is accepted".to_owned(), percent);
    [
        ("fail_at", fail_at.to_string()),
        ("watched", percent(*watched_min)),
        ("heard", heard_packets_min.to_string()),
        ("lost", lost),
        ("blamed_present", has_blamed_present.to_string()),
        ("inconclusive_row", inconclusive_row.to_string()),
    ]
    .map(|(key, value)| (format!("judge.{key}"), value))
    .to_vec()
}

fn clean_rows(clean: &CleanCriteria) -> Vec<(String, String)> {
    let CleanCriteria { passes, span, assurance, contact_interval, is_unlisted, watch } = clean;
    let interval =
        contact_interval.map_or("not stated: the ticket's own contacts tell".to_owned(), length_words);
    [
        ("passes", passes.to_string()),
        ("span", length_words(*span)),
        ("assurance", percent(*assurance)),
        ("contact_interval", interval),
        ("unlisted", is_unlisted.to_string()),
        ("watch", length_words(*watch)),
    ]
    .map(|(key, value)| (format!("clean.{key}"), value))
    .to_vec()
}

/// A share in per cent, without the digits that binary fractions add.
fn percent(share: f64) -> String {
    format!("{}%", (share * 1e8).round() / 1e6)
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { text }
}
