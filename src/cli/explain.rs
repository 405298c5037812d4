//! Which values do the files have, defaults included? For `check --explain`.

use crate::pure::filter::{is_tag_word, words};
use crate::pure::number::typed;
use crate::pure::playbook::{
    CleanCriteria, Due, Escalation, JudgeCriteria, Keep, Notify, Playbook, Recipient, Stage, StageName,
};
use crate::pure::schedule::Schedule;
use crate::pure::site::{
    DigestSettings, MailSecurity, MailSettings, MailTransport, Site, SiteFile, Source, SourceKind,
};
use crate::pure::watchlist::{Require, Watchlist};
use std::time::Duration;

/// Every value, as `key` and `value`, in the order of the file.
pub fn values(playbook: &Playbook) -> Vec<(String, String)> {
    let mut rows = vec![("title".to_owned(), playbook.title.clone())];
    rows.push(("malware".to_owned(), or_none(playbook.malware.join(", "))));
    rows.extend(playbook.watchlists.values().flat_map(watchlist_rows));
    for name in [StageName::Locate, StageName::Verify, StageName::Detect] {
        if let Some(stage) = playbook.stage(name) {
            rows.extend(stage_rows(name, stage));
        }
    }
    rows.extend(judge_rows(&playbook.judge));
    rows.extend(clean_rows(&playbook.clean));
    rows.extend(due_rows(&playbook.due));
    let items = playbook.checklist.iter();
    rows.extend(items.map(|entry| (format!("checklist.{}", entry.item), entry.text.clone())));
    let rules = playbook.notify.iter().enumerate();
    rows.extend(rules.map(|(index, rule)| (format!("notify.{}", index + 1), notify_words(rule))));
    rows
}

/// Every value of the site file, likewise.
pub fn site_values(file: &SiteFile) -> Vec<(String, String)> {
    let mut rows = vec![("state".to_owned(), file.state.display().to_string())];
    rows.push((
        "listen".to_owned(),
        file.listen.map_or("none: no dashboard".to_owned(), |at| at.to_string()),
    ));
    rows.extend(file.sources.values().flat_map(source_rows));
    rows.extend(file.sites.values().flat_map(site_rows));
    let keep = file.evidence_keep.map_or("for ever".to_owned(), typed);
    rows.push(("evidence.keep".to_owned(), keep));
    rows.push(("mail".to_owned(), file.mail.as_ref().map_or("none: no mail leaves".to_owned(), mail_words)));
    let digest = file.mail.as_ref().and_then(|mail| mail.digest.as_ref());
    rows.push(("mail.digest".to_owned(), digest.map_or("none".to_owned(), digest_words)));
    let listing = file.listing.as_ref().map(|list| format!("{} through {}", list.zone, list.resolver));
    rows.push(("listing".to_owned(), listing.unwrap_or("none: nothing is looked up".to_owned())));
    rows
}

fn source_rows(source: &Source) -> Vec<(String, String)> {
    let Source { name, kind, positive_control, probe, ring_bytes, runs_max } = source;
    let kind = match kind {
        SourceKind::Interface(interface) => format!("interface {interface}"),
        SourceKind::Command(command) => format!("command {}", command.join(" ")),
        SourceKind::Files(glob) => format!("files {glob}"),
    };
    [
        ("kind", kind),
        ("positive_control", positive_control.clone().unwrap_or("none".to_owned())),
        (
            "probe",
            probe
                .as_ref()
                .map_or("none".to_owned(), |probe| format!("to {} every {}", probe.to, typed(probe.every))),
        ),
        ("ring", format!("{ring_bytes} bytes")),
        ("runs_max", runs_max.map_or("no limit of its own".to_owned(), |most| most.to_string())),
    ]
    .map(|(key, value)| (format!("sources.{name}.{key}"), value))
    .to_vec()
}

fn site_rows(site: &Site) -> Vec<(String, String)> {
    let Site {
        name,
        title,
        public,
        inside,
        resolvers,
        nat64,
        timezone: _,
        timezone_name,
        sources,
        coordinator,
        closed,
    } = site;
    let closed: Vec<String> = closed.iter().map(|days| format!("{}..{}", days.first, days.last)).collect();
    [
        ("title", title.clone()),
        ("public", listed(public)),
        ("inside", listed(inside)),
        ("resolvers", or_none(listed(resolvers))),
        ("nat64", or_none(listed(&nat64.iter().map(|translator| translator.prefix()).collect::<Vec<_>>()))),
        ("timezone", timezone_name.clone()),
        ("source", sources.join(", ")),
        ("coordinator", coordinator.clone()),
        ("closed", or_none(closed.join(", "))),
    ]
    .map(|(key, value)| (format!("sites.{name}.{key}"), value))
    .to_vec()
}

fn mail_words(mail: &MailSettings) -> String {
    let MailSettings {
        from,
        transport,
        username,
        password_file: _,
        digest: _,
        hourly_limit,
        reply_to,
        postmaster,
    } = mail;
    let by = username.as_ref().map(|name| format!(", logged in as {name}")).unwrap_or_default();
    let by = format!("{by}, at most {hourly_limit} an hour to one address");
    let answers = reply_to.as_ref().map(|to| format!(", answers to {to}")).unwrap_or_default();
    let told =
        postmaster.as_ref().map(|to| format!(", {to} hears of what reaches nobody")).unwrap_or_default();
    let way = match transport {
        MailTransport::Directory(directory) => format!("from {from}, written to {}{by}", directory.display()),
        MailTransport::Smtp { host, port, security } => {
            let protection = match security {
                MailSecurity::Plain => "unprotected",
                MailSecurity::Tls => "over TLS",
                MailSecurity::StartTls => "after STARTTLS",
            };
            format!("from {from}, sent to {host} port {port} {protection}{by}")
        }
    };
    format!("{way}{answers}{told}")
}

fn digest_words(digest: &DigestSettings) -> String {
    let DigestSettings { cron, to, is_skipped_unchanged, has_coordinators, timezone: _, timezone_name } =
        digest;
    let own = if *has_coordinators { ", and each coordinator's to them" } else { "" };
    let skipped = if *is_skipped_unchanged { ", left out when nothing changed" } else { "" };
    format!("cron {cron} in {timezone_name}, that of all sites to {}{own}{skipped}", or_none(to.join(", ")))
}

fn watchlist_rows(list: &Watchlist) -> Vec<(String, String)> {
    let Watchlist { name, entries, ports, file, age_max, except, require } = list;
    let entries: Vec<&str> = entries.iter().map(|entry| entry.text.as_str()).collect();
    let require = match require {
        Require::Any => "any",
        Require::All => "all",
    };
    [
        ("entries", or_none(entries.join(", "))),
        ("ports", or_none(listed(ports))),
        ("file", file.as_ref().map_or("none".to_owned(), |file| file.display().to_string())),
        ("max_age", age_max.map_or("any".to_owned(), typed)),
        ("except", or_none(listed(except))),
        ("require", require.to_owned()),
    ]
    .map(|(key, value)| (format!("watchlists.{name}.{key}"), value))
    .to_vec()
}

fn due_rows(due: &Due) -> Vec<(String, String)> {
    let Due { located, cleaned, remind, escalate } = due;
    let limit = |limit: &Option<Duration>| limit.map_or("never".to_owned(), typed);
    let before = format!("{} before, or half of the limit where that is shorter", typed(*remind));
    let mut rows = vec![
        ("due.located".to_owned(), limit(located)),
        ("due.cleaned".to_owned(), limit(cleaned)),
        ("due.remind".to_owned(), before),
    ];
    rows.extend(escalate.iter().enumerate().map(|(index, Escalation { after, to })| {
        let to = recipient_words(to);
        (format!("due.escalate.{}", index + 1), format!("{} after the due date, to {to}", typed(*after)))
    }));
    rows
}

fn notify_words(rule: &Notify) -> String {
    let events: Vec<String> = rule.events.iter().map(|event| format!("{event:?}").to_lowercase()).collect();
    format!("{} to {}", events.join(", "), recipient_words(&rule.to))
}

fn recipient_words(recipients: &[Recipient]) -> String {
    let words = recipients.iter().map(|to| match to {
        Recipient::Coordinator => "coordinator",
        Recipient::Mailbox(mailbox) => mailbox,
    });
    words.collect::<Vec<_>>().join(", ")
}

fn listed<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// How a schedule is written.
pub fn schedule(schedule: &Schedule) -> String {
    match schedule {
        Schedule::Cron(cron) => format!("cron \"{}\"", cron.text),
        Schedule::Every(period) => format!("every {}", typed(*period)),
    }
}

/// A filter so that it means the same on tagged frames: plain, in one tag, in two (pcap-filter(7):
/// `vlan` moves the offsets of everything after it). One that speaks of tags itself is run as it is.
fn filter_as_run(filter: &str) -> String {
    if words(filter).iter().any(|word| is_tag_word(word.text)) {
        return filter.to_owned();
    }
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
        ("jitter", typed(*jitter)),
        ("capture.for", typed(capture.length)),
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
    let interval = contact_interval.map_or("not stated: the ticket's own contacts tell".to_owned(), typed);
    [
        ("passes", passes.to_string()),
        ("span", typed(*span)),
        ("assurance", percent(*assurance)),
        ("contact_interval", interval),
        ("unlisted", is_unlisted.to_string()),
        ("watch", typed(*watch)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_shown_as_it_is_run() {
        for (filter, expected) in [
            ("tcp port 25", "(tcp port 25) or (vlan and ((tcp port 25) or (vlan and (tcp port 25))))"),
            ("vlan 7 and tcp port 25", "vlan 7 and tcp port 25"),
            ("ether proto 0x8100", "ether proto 0x8100"),
        ] {
            assert_eq!(filter_as_run(filter), expected);
        }
    }
}
