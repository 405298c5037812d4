//! What stands around a decision? Playbook, site and time, beside the tickets that there are.

use super::EngineError;
use super::log::Log;
use crate::pure::playbook::{Library, Playbook};
use crate::pure::site::Site;
use crate::pure::ticket::{Absence, Context, RunId, Ticket};
use jiff::Timestamp;

/// When a decision is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    pub now: Timestamp,
    /// Why nobody looked before.
    pub absence: Absence,
}

/// Around a ticket.
///
/// # Errors
/// Its playbook or site is not among the files any more.
pub(super) fn context<'a>(
    library: &'a Library,
    log: &'a Log,
    ticket: &Ticket,
    when: When,
) -> Result<Context<'a>, EngineError> {
    let (id, name) = (ticket.id, &ticket.playbook);
    let no_playbook = || EngineError::NoPlaybook { ticket: id, playbook: name.clone() };
    let no_site = || EngineError::NoSite { ticket: id, site: ticket.site.clone() };
    let playbook = library.playbooks.get(name).ok_or_else(no_playbook)?;
    let site = library.site_file.sites.get(&ticket.site).ok_or_else(no_site)?;
    Ok(around(library, log, (playbook, site), when))
}

/// Around whatever is decided for this playbook at this site.
pub(super) fn around<'a>(
    library: &'a Library,
    log: &'a Log,
    (playbook, site): (&'a Playbook, &'a Site),
    When { now, absence }: When,
) -> Context<'a> {
    // What stands in the files and is not in force yet has planned nothing until now.
    let since = log.schedules_in_force(&site.name, &playbook.name).map_or(Timestamp::MIN, |in_force| {
        if in_force.schedules.are_of(playbook, site) { in_force.since } else { now }
    });
    Context {
        playbook,
        site,
        now,
        next_run: RunId(log.end.last_run + 1),
        has_mail: library.site_file.mail.is_some(),
        postmaster: library.site_file.mail.as_ref().and_then(|mail| mail.postmaster.as_deref()),
        absence,
        since,
        tickets: &log.tickets,
    }
}
