//! How does a mail read, before anybody gets it?

use super::sample;
use crate::cli::desk::Desk;
use crate::cli::ticket::with_material;
use crate::cli::{Exit, Fault, print};
use crate::edge::clock;
use crate::edge::mailer;
use crate::pure::digest;
use crate::pure::playbook::MailEvent;
use crate::pure::report::Letter;
use crate::pure::ticket::{Listing, Mail, Phase, Ticket, TicketId, drafted};
use crate::pure::words::clean_text;

/// The sender where the site file names none.
const NO_SENDER: &str = "allclear@localhost";

/// Mails that a mail about several tells in a preview.
const TOLD_MAX: usize = 5;

/// Which part of a mail is shown.
#[derive(Clone, Copy)]
pub enum Part {
    /// With its subject.
    Text,
    /// As a page, pictures and all.
    Page,
}

/// Prints it; nothing is sent, and nothing goes on record.
pub fn run(desk: &Desk, event: &str, ticket: Option<u32>, part: Part) -> Result<Exit, Fault> {
    let event = known(event)?;
    let letter = match ticket {
        _ if event == MailEvent::Digest => digest_now(desk)?,
        Some(ticket) if event == MailEvent::Folded => folded_of(desk, TicketId(ticket))?,
        None if event == MailEvent::Folded => folded_sample(desk)?,
        Some(ticket) => of_ticket(desk, event, TicketId(ticket))?,
        None => sample::letter(desk, event)?,
    };
    let settings = desk.engine.library().site_file.mail.as_ref();
    let reply_to = settings.and_then(|mail| mail.reply_to.clone());
    let letter = Letter { reply_to, ..letter };
    Ok(print::out(&match part {
        Part::Page => mailer::page(&letter),
        Part::Text => as_text(&letter)?,
    }))
}

/// The sender of the site file.
pub fn sender(desk: &Desk) -> &str {
    desk.engine.library().site_file.mail.as_ref().map_or(NO_SENDER, |mail| mail.from.as_str())
}

fn known(word: &str) -> Result<MailEvent, Fault> {
    let all = || MailEvent::of_tickets().chain(MailEvent::of_rounds());
    all().find(|event| event.word() == word).ok_or_else(|| {
        let known: Vec<&str> = all().map(MailEvent::word).collect();
        Fault::Usage(format!(
            "there is no mail about '{}': write one of {}",
            clean_text(word),
            known.join(", ")
        ))
    })
}

/// The digest of all sites as it would go out now, or that of a coordinator where nobody gets it.
fn digest_now(desk: &Desk) -> Result<Letter, Fault> {
    let now = clock::now();
    let (to, digest) = desk.engine.digests_now(now).into_iter().next().ok_or_else(|| {
        let cure = "add `digest: {cron: \"0 6 * * 1-5\", to: [ADDRESS]}` to its mail section";
        Fault::Failed(format!("the site file asks for no digest: {cure}"))
    })?;
    let mail = Mail::new(desk.engine.events_count() + 1, MailEvent::Digest, now, to);
    let letter = desk.templates()?.round_letter(digest::to_value(&digest), &mail, sender(desk));
    letter.map_err(|problem| Fault::Failed(problem.to_string()))
}

fn of_ticket(desk: &Desk, event: MailEvent, id: TicketId) -> Result<Letter, Fault> {
    let ticket = desk.engine.ticket(id)?;
    if !is_there(ticket, event) {
        print::note(&format!(
            "ticket {id} is '{}', and no mail about '{}' would be written of it now: not all that stands in it \
             is so",
            ticket.phase,
            event.word()
        ));
    }
    draft(desk, event, id)
}

fn draft(desk: &Desk, event: MailEvent, id: TicketId) -> Result<Letter, Fault> {
    let ticket = desk.engine.ticket(id)?;
    let context = desk.engine.context(id, clock::now())?;
    let templates = desk.templates()?;
    with_material(desk, ticket, |material| {
        let next = material.events.last().map_or(1, |last| last.seq + 1);
        let mail = drafted(ticket, &context, event, next);
        templates.letter(material, &mail, sender(desk)).map_err(|problem| Fault::Failed(problem.to_string()))
    })
}

/// Whether a ticket that stands so has come to where such a mail is written.
fn is_there(ticket: &Ticket, event: MailEvent) -> bool {
    let is_sought_or_found = matches!(ticket.phase, Phase::Reported | Phase::Located);
    let is_listed = ticket.listing.as_ref().is_some_and(|last| last.answer == Listing::Listed);
    let is_lost = |mail: &Mail| mail.troubles.iter().any(|trouble| trouble.end.is_some());
    match event {
        MailEvent::Opened => ticket.phase == Phase::Reported,
        MailEvent::Located => ticket.phase == Phase::Located,
        MailEvent::Reminder => is_sought_or_found || ticket.phase == Phase::Verifying,
        MailEvent::Overdue => is_sought_or_found && ticket.told.overdue.is_some(),
        MailEvent::Relapsed => is_sought_or_found && ticket.relapses > 0,
        MailEvent::Inconclusive => matches!(ticket.phase, Phase::Verifying | Phase::Clean),
        MailEvent::Clean => ticket.phase == Phase::Clean,
        MailEvent::Listed => ticket.phase.is_open() && is_listed,
        MailEvent::Closed => ticket.phase == Phase::Closed,
        MailEvent::Undeliverable => ticket.outbox.iter().any(is_lost),
        MailEvent::Folded | MailEvent::Digest | MailEvent::Test => true,
    }
}

/// A mail that tells the last ones of the ticket, as they would read now.
fn folded_of(desk: &Desk, id: TicketId) -> Result<Letter, Fault> {
    let ticket = desk.engine.ticket(id)?;
    let mut events: Vec<MailEvent> = ticket.outbox.iter().rev().map(|mail| mail.event).collect();
    events.retain(|event| event.is_of_ticket());
    events.dedup();
    events.truncate(TOLD_MAX);
    if events.is_empty() {
        events.push(MailEvent::Opened);
    }
    let told: Result<Vec<Letter>, Fault> = events.into_iter().map(|event| draft(desk, event, id)).collect();
    sample::folded(desk, &told?)
}

/// A mail that tells two of made-up tickets.
fn folded_sample(desk: &Desk) -> Result<Letter, Fault> {
    let located = sample::letter(desk, MailEvent::Located)?;
    let subject = located.subject.replacen("#1]", "#2]", 1);
    let located = Letter { ticket: TicketId(2), subject, ..located };
    let told = [sample::letter(desk, MailEvent::Overdue)?, located];
    sample::folded(desk, &told)
}

/// The head as people see it, names outside ASCII readable, then the text.
fn as_text(letter: &Letter) -> Result<String, Fault> {
    let mut lines = Vec::new();
    // A head needs somebody to go to.
    let is_for_nobody = letter.to.is_empty();
    let to = if is_for_nobody { vec!["nobody@localhost".to_owned()] } else { letter.to.clone() };
    let whole = mailer::head(&Letter { to, ..letter.clone() }).map_err(Fault::Failed)?;
    for line in whole {
        let shown = match line.split_once(':').map_or("", |(name, _)| name) {
            "From" => format!("From: {}", letter.from),
            "To" if is_for_nobody => "To: nobody, as the playbook stands".to_owned(),
            "To" => format!("To: {}", letter.to.join(", ")),
            "Subject" => format!("Subject: {}", letter.subject),
            "MIME-Version" | "Content-Type" | "Content-Transfer-Encoding" => continue,
            _ => line,
        };
        lines.push(clean_text(&shown));
    }
    Ok(format!("{}\n\n{}", lines.join("\n"), letter.text))
}
