//! What does `serve` say of what happened, to whoever reads its log?

use crate::pure::report::unsent::DELAYED_AFTER;
use crate::pure::ticket::{DetectionEvent, Event, Mail, Recorded, TicketId};
use crate::pure::verdict::Verdict;
use crate::pure::words;

/// Whose run it is, in words.
pub fn whose(ticket: TicketId) -> String {
    if ticket == TicketId::NONE { "detect".to_owned() } else { format!("ticket {ticket}") }
}

/// What went wrong with a mail, in a sentence: at its first failure, when it has waited for long, and at its
/// end. `mail` is how it stands now.
pub fn mail_trouble(recorded: &Recorded, mail: Option<&Mail>) -> Option<String> {
    let Event::MailFailed { mail: seq, to, error, is_refused, is_given_up, .. } = &recorded.event else {
        return None;
    };
    let trouble = mail.and_then(|mail| mail.trouble(to))?;
    let age = recorded.at.duration_since(mail?.waits_since());
    let again = format!("`allclear mail retry {seq}` sends it when the cause is mended");
    let told = match (is_refused, is_given_up, trouble.tries) {
        (true, _, _) => format!("was refused for good: {again}"),
        (_, true, _) => format!("is given up after days: {again}"),
        (_, _, 1) => "is not accepted yet, and is tried again".to_owned(),
        _ if age >= DELAYED_AFTER => "is delayed for hours, and is tried again".to_owned(),
        _ => return None,
    };
    let (to, error) = (words::clean_text(to), words::clean_text(error));
    Some(format!("{}: mail {seq} to {to} {told}: {error}", whose_mail(recorded.ticket)))
}

fn whose_mail(ticket: TicketId) -> String {
    if ticket == TicketId::NONE { "desk".to_owned() } else { format!("ticket {ticket}") }
}

/// A run of a `detect` stage that did not see enough, in a sentence: it has no ticket that shows it.
pub fn blind_detection(recorded: &Recorded) -> Option<String> {
    let Event::Detection { of, event: DetectionEvent::RunEnded(end) } = &recorded.event else { return None };
    let is_blind = !matches!(end.verdict, Some(Verdict::Pass | Verdict::Fail));
    let reasons: Vec<&str> = end.reasons.iter().map(|reason| reason.text.as_str()).collect();
    let verdict = end.verdict.map_or(words::outcome(end.outcome), words::verdict);
    is_blind.then(|| {
        format!("{of}: run {} is {verdict}, nothing is known of it: {}", end.run, reasons.join("; "))
    })
}
