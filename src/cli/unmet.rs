//! What beyond the words of the files would make each run worthless? Secrets that cannot be read, a probe that a
//! watchlist takes for a contact, and a filter that hides what is looked for.
//!
//! Only `check` asks: a service goes on without them, and says so in each run.

use crate::edge::capture::shut_out::shut_out;
use crate::edge::files::watchlist_part;
use crate::edge::health::is_out_of_reach;
use crate::edge::mailer::check_password;
use crate::edge::resolver::read_key;
use crate::pure::address::Translator;
use crate::pure::document::{PROBE_CURE, place_of};
use crate::pure::playbook::{Library, Playbook};
use crate::pure::problem::{Problem, Severity};
use crate::pure::site::{ProbeSettings, SiteFile};
use crate::pure::watchlist::{CompiledList, End, Index, ListFault, Transport, Watchlist};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

/// All that is found; `text` is the site file's.
pub fn unmet(library: &Library, text: &str) -> Vec<Problem> {
    let file = &library.site_file;
    let key = file.listing.as_ref().and_then(|listing| listing.key_file.as_deref());
    let key = key.and_then(|path| secret(file, text, "key_file:", path, read_key(path).err()?));
    let password = file.mail.as_ref().and_then(|mail| mail.password_file.as_deref());
    let password =
        password.and_then(|path| secret(file, text, "password_file:", path, check_password(path).err()?));
    key.into_iter().chain(password).chain(watched_probes(library, text)).collect()
}

/// A secret that cannot be used: `why` is `what: what to do`. Whether the service can use it is not decided
/// here when this user may not look, or when only the service is given it.
fn secret(file: &SiteFile, text: &str, key: &str, path: &Path, why: String) -> Option<Problem> {
    let (what, cure) = why.rsplit_once(": ").unwrap_or((&why, "make it, for this user alone"));
    let (severity, cure) = match is_out_of_reach(path) {
        true => (
            Severity::Warning,
            "make sure that the service can: `allclear doctor`, run as it, tells".to_owned(),
        ),
        false => (Severity::Error, cure.to_owned()),
    };
    let place = place_of(text, key);
    Some(Problem { severity, path: file.path.clone(), place, what: what.to_owned(), cure: Some(cure) })
}

/// Probes to what a watchlist names: allclear itself would call it, each minute.
fn watched_probes(library: &Library, text: &str) -> Vec<Problem> {
    let file = &library.site_file;
    let probes: Vec<&ProbeSettings> = file.sources.values().filter_map(|of| of.probe.as_ref()).collect();
    if probes.is_empty() {
        return Vec::new();
    }
    let named = library.playbooks.values().flat_map(|playbook| {
        let index = index_of(playbook);
        let named =
            probes.iter().filter_map(move |probe| Some((probe.to, playbook, name_of(&index, probe)?)));
        named.collect::<Vec<_>>()
    });
    named
        .map(|(to, playbook, (list, entry))| Problem {
            severity: Severity::Error,
            path: file.path.clone(),
            place: place_of(text, &to.to_string()).or_else(|| place_of(text, "probe:")),
            what: format!(
                "a probe to `{to}` is a contact with `{entry}` of `{list}` in {}: allclear itself would make it",
                playbook.path.display()
            ),
            cure: Some(PROBE_CURE.to_owned()),
        })
        .collect()
}

/// Entries that no run of a stage could see for its filter, at any site; `text` is the playbook's.
pub fn hidden_entries(playbook: &Playbook, library: &Library, text: &str) -> Vec<Problem> {
    let filtered = playbook.stages().filter_map(|(_, stage)| Some((stage.capture.filter.as_deref()?, stage)));
    let mut told: Vec<Problem> = Vec::new();
    for (filter, stage) in filtered {
        let index = compiled(stage.watchlists.iter().filter_map(|name| playbook.watchlists.get(name)));
        let sites = || library.site_file.sites.values();
        let inside: Vec<IpNet> = sites().flat_map(|site| site.inside.iter().copied()).collect();
        let nat64: Vec<Translator> = sites().flat_map(|site| site.nat64.iter().copied()).collect();
        let problems =
            shut_out(filter, &inside, &nat64, &index).into_iter().map(|ListFault { list, what }| Problem {
                severity: Severity::Warning,
                path: playbook.path.clone(),
                place: place_of(text, filter).or_else(|| place_of(text, "filter:")),
                what: format!("of `{list}` {what}: runs with this filter cannot pass"),
                cure: Some("widen `filter`, or leave it out: what is looked for needs none".to_owned()),
            });
        told.extend(problems);
    }
    told.dedup();
    told
}

fn index_of(playbook: &Playbook) -> Index {
    compiled(playbook.watchlists.values())
}

fn compiled<'a>(watchlists: impl Iterator<Item = &'a Watchlist>) -> Index {
    let lists = watchlists.map(|watchlist| CompiledList {
        watchlist,
        file: watchlist.file.as_deref().and_then(watchlist_part).map(Arc::new),
    });
    Index::compile(&lists.collect::<Vec<_>>())
}

/// The list and the entry that a probe would meet.
fn name_of(index: &Index, probe: &ProbeSettings) -> Option<(String, String)> {
    let end = End {
        address: probe.to.ip(),
        protocol: Transport::Udp.number(),
        port: Some(probe.to.port()),
        is_outside: true,
    };
    let mut found = Vec::new();
    index.look_up(end, IpAddr::V4(Ipv4Addr::UNSPECIFIED), &mut found);
    let first = found.into_iter().min()?;
    Some((index.list_name(first.entry).to_owned(), index.text(first.entry).into_owned()))
}
