//! Why is the ticket clean, or why not yet? Each criterion with what was wanted and what there is, and the
//! numbers behind the assurance in sentences that can be computed again.
//!
//! A school principal and a network engineer who believes nothing read the same sentences. It must never
//! say more than the numbers do.

use super::nights::together;
use super::parts::{self, NOT_KNOWN};
use super::view::Material;
use crate::pure::assurance::{LEARNED_CONTACTS_MIN, LEARNED_GAPS_MIN};
use crate::pure::ticket::{Basis, Host, HostState, Phase, Rule, basis, listing_gap};
use crate::pure::words::{self, count, duration, local_time, share};
use serde::Serialize;

/// One criterion of `clean`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CriterionView {
    pub name: String,
    pub wanted: String,
    pub had: String,
    pub is_met: bool,
    /// `met` or `NOT met`.
    pub word: String,
    /// A name of a colour.
    pub colour: String,
}

/// Every criterion that the playbook sets.
pub fn criteria(material: &Material) -> Vec<CriterionView> {
    let (stands, ticket) = (material.standing, material.ticket);
    let of = |name: &str, wanted: String, had: String, is_met: bool| CriterionView {
        name: name.to_string(),
        wanted,
        had,
        is_met,
        word: if is_met { "met" } else { "NOT met" }.to_string(),
        colour: if is_met { "pass" } else { "fail" }.to_string(),
    };
    let cleaned = ticket.watched_hosts().filter(|host| host.state != HostState::Infected).count();
    let watched = ticket.watched_hosts().count();
    let has_hosts = !ticket.hosts.is_empty();
    let assured = stands.assurance.map_or(NOT_KNOWN.to_string(), share);
    let mut rows = vec![
        of(
            "every blamed machine reported as cleaned",
            if has_hosts { format!("all of {watched}") } else { "at least 1".to_string() },
            cleaned.to_string(),
            has_hosts && cleaned == watched,
        ),
        of(
            "passes in a row, no fail between",
            stands.passes_wanted.to_string(),
            stands.passes.to_string(),
            stands.passes >= stands.passes_wanted,
        ),
        of(
            "from the first of them to the last",
            duration(stands.span_wanted_s),
            duration(stands.span_s),
            stands.span_s >= stands.span_wanted_s,
        ),
        of(
            "assurance, of each machine",
            share(stands.assurance_wanted),
            assured,
            stands.assurance.is_some_and(|reached| reached >= stands.assurance_wanted),
        ),
    ];
    let said = parts::clean(material).listing;
    if material.playbook.clean.is_unlisted {
        rows.push(of("blocklist entry", "not listed".to_string(), said, listing_gap(ticket).is_none()));
    }
    let items = &material.playbook.checklist;
    let signed = items.iter().filter(|item| ticket.signed.contains_key(&item.item)).count();
    let wanted = format!("{} signed", count(items.len() as u64, "item"));
    rows.push(of("checklist", wanted, signed.to_string(), signed == items.len()));
    rows
}

/// The reasoning in whole sentences.
pub fn sentences(material: &Material) -> Vec<String> {
    let mut told = vec![conclusion(material)];
    let zone = &material.site.timezone;
    told.push(together(material.ticket, zone).unwrap_or("No night counts so far.".to_string()));
    told.extend(material.ticket.hosts.iter().map(|host| of_host(host, material)));
    if material.ticket.hosts.is_empty() {
        told.push("No machine is blamed yet, so there is none whose silence could be counted.".to_string());
    }
    told.extend(listing(material));
    told.push(
        "What this does not prove: runs look for calls to the entries of the watchlists, through the sources \
         that are named, in the times that stand here. A machine that calls elsewhere, by another way or at \
         other times is not seen."
            .to_string(),
    );
    told
}

fn conclusion(material: &Material) -> String {
    let (ticket, zone) = (material.ticket, &material.site.timezone);
    let missing = material.standing.missing.len() as u64;
    let confirmed = ticket.confirmed.map(|at| local_time(at, zone));
    match (ticket.phase, confirmed) {
        (Phase::Clean | Phase::Closed, Some(at)) => format!(
            "allclear declared the ticket clean on {at}, when every criterion held; no person can. The figures \
             here are those of {}, with all that was watched since.",
            local_time(material.at, zone)
        ),
        (Phase::Rejected, _) => "The ticket was rejected: nobody says that anything is clean.".to_string(),
        (Phase::AcceptedRisk, _) => {
            "The risk was accepted: somebody answers for an infection that may still be there.".to_string()
        }
        _ => format!(
            "The ticket is not clean: {} missing, each of which stands here.",
            if missing == 1 { "1 thing is".to_string() } else { format!("{missing} things are") }
        ),
    }
}

fn of_host(host: &Host, material: &Material) -> String {
    let (label, zone) = (parts::label(host), &material.site.timezone);
    let stands = material.standing.hosts.iter().find(|stands| stands.host == host.host);
    let contacts = count(stands.map_or(0, |stands| stands.contacts), "contact");
    let seen =
        format!("{contacts} of {label} {} seen", if contacts.starts_with("1 ") { "was" } else { "were" });
    let Some(cleaned) = host.cleaned.filter(|_| host.state != HostState::Infected) else {
        return format!("{seen}; it counts as infected until somebody reports it as cleaned.");
    };
    if host.state == HostState::Retired {
        return format!(
            "{label} left the network {}: it is taken out of the assurance.",
            local_time(cleaned, zone)
        );
    }
    let basis = basis(material.ticket, host, material.playbook.clean.contact_interval);
    let assurance = stands.and_then(|stands| stands.assurance);
    let silence = format!(
        "Since the cleaning ({}) it was there and well watched for {} without a contact.",
        local_time(cleaned, zone),
        hours(basis.since_s)
    );
    format!("{seen}. {silence} {}", rule(&basis, assurance, material))
}

fn rule(basis: &Basis, assurance: Option<f64>, material: &Material) -> String {
    let wanted = share(material.standing.assurance_wanted);
    let reached = assurance.map_or(NOT_KNOWN.to_string(), share);
    let chance = format!(
        "Were it still infected, at least one contact would have been seen in that time with a chance of \
         {reached} (wanted: {wanted})."
    );
    match basis.rule {
        Rule::Learned => format!(
            "{chance} Rule: learned from {} between its own contacts before the cleaning, in {} in which it \
             was watched. (For a caller without memory that chance is 1 - (S / (S + T))^n with n = {}, \
             S = {}, T = {}: {}. The figure above also reckons with timers and with callers that sleep, \
             as docs/assurance.md derives.)",
            count(basis.gaps, "gap"),
            hours(basis.before_s),
            basis.gaps,
            hours(basis.before_s),
            hours(basis.since_s),
            share(1.0 - (basis.before_s / (basis.before_s + basis.since_s)).powf(basis.gaps as f64))
        ),
        Rule::Stated(interval) => format!(
            "{chance} Rule: contact_interval, since fewer than {LEARNED_CONTACTS_MIN} contacts were seen in runs to learn from \
             ({}): 1 - exp(-T / m) with m = {} as the playbook states it, T = {}.",
            count(basis.gaps, "gap"),
            duration(interval.as_secs()),
            hours(basis.since_s)
        ),
        Rule::Unknown => format!(
            "How sure that makes us is {reached} (wanted: {wanted}): {} between contacts were seen in runs to \
             learn from, {LEARNED_GAPS_MIN} are needed, and the playbook states no contact_interval, so nothing tells how often \
             it calls.",
            count(basis.gaps, "gap")
        ),
    }
}

/// `54.0 h`, rounded down.
fn hours(seconds: f64) -> String {
    format!("{:.1} h", (seconds / 360.0).floor() / 10.0)
}

fn listing(material: &Material) -> Option<String> {
    if !material.playbook.clean.is_unlisted {
        return Some("The playbook asks for no blocklist entry to be gone.".to_string());
    }
    let said = words::capitalised(&parts::clean(material).listing);
    let gap = listing_gap(material.ticket)
        .map_or_else(String::new, |gap| format!(" {}.", words::capitalised(&gap)));
    let weak = "Not listed is one condition and no proof: entries lapse after a week, and anybody can ask for removal.";
    Some(format!("Blocklist entry of {}: {said}.{gap} {weak}", material.ticket.public))
}
