//! What does a ticket lack whose machines were silent for long enough, and who has to do what? Nothing that a
//! night of watching could give, so that mails must not ask for one.
//!
//! Left of it is the standing of a ticket.

use super::doubt;
use super::view::Material;
use crate::pure::ticket::{Listing, listing_gap};
use crate::pure::verdict::ReasonCode;
use serde::Serialize;

/// What keeps such a ticket from being confirmed clean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LackView {
    /// A clause: `the checklist is not signed off`.
    pub what: String,
    /// The same in a few words, for a subject.
    pub brief: String,
    /// What to do about it.
    pub deed: String,
}

/// Nothing where a night of watching may still be missing.
pub(super) fn lack(material: &Material) -> LackView {
    let (ticket, standing) = (material.ticket, material.standing);
    if !standing.is_silent_enough {
        return LackView::default();
    }
    let signing = "do and sign off what is open in the checklist below";
    if standing.is_unsigned_alone {
        let what = "the checklist is not signed off".to_owned();
        return LackView { brief: "not signed off".to_owned(), what, deed: signing.to_owned() };
    }
    let gap = listing_gap(ticket).filter(|_| material.playbook.clean.is_unlisted);
    let lack = match (gap, standing.missing.first()) {
        (Some(what), _) => {
            LackView { what, brief: "not off the blocklist".to_owned(), deed: unlisting(material) }
        }
        // What is missing besides names its own cure.
        (None, Some(missing)) => {
            let (what, deed) = missing.split_once(": ").unwrap_or((missing, "do what is named below"));
            LackView { what: what.to_owned(), brief: "not confirmed".to_owned(), deed: deed.to_owned() }
        }
        (None, None) => LackView::default(),
    };
    let is_signed = material.playbook.checklist.iter().all(|entry| ticket.signed.contains_key(&entry.item));
    let more = if is_signed { String::new() } else { format!("; {signing}") };
    LackView { deed: lack.deed + &more, ..lack }
}

/// What makes the address "not listed", or shows that it is.
fn unlisting(material: &Material) -> String {
    let public = material.ticket.public;
    match material.ticket.listing.as_ref().map(|last| last.answer) {
        Some(Listing::Listed) => {
            format!("wait until {public} is off the blocklist, and do not ask for its removal")
        }
        Some(Listing::Unknown) => doubt::for_engineer(ReasonCode::ListingUnknown, material.ticket),
        Some(Listing::NotListed) | None => "wait for the next night, which asks the blocklist".to_owned(),
    }
}
