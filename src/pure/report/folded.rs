//! How are mails told that waited, and are told in another one? Of each ticket the newest, by its first two
//! lines, which say what is wrong and what to do; of those before it only what was wrong.
//!
//! It must never repeat an order that a later mail, or what happened since, has overtaken.

use super::machines::machine_label;
use super::view::all_true;
use crate::pure::ticket::outbox::address;
use crate::pure::ticket::{Lines, Mail, Now, Phase, Ticket, TicketId};
use crate::pure::words::{self, capitalised, clean_value, count, local_time, with_todo};
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

/// Why mails come together, in a mail that tells several; and why one comes that its ticket has overtaken.
const WHY: &str = "together, so that they do not fill your mailbox";
const WHY_ALONE: &str = "as the ticket stands now: it had to wait, so that mails do not fill your mailbox";

/// So many earlier mails are told of one ticket, the newest.
const EARLIER_MAX: usize = 3;

/// A mail that is told in another one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FoldedRow {
    /// When it was decided upon, in its site's zone.
    pub when: String,
    pub subject: String,
    /// Its first two lines.
    pub first: String,
    pub second: String,
    /// Whether it says that somebody was not reached; then with the mailbox, and what its server said.
    pub is_unreached: bool,
    pub answer: String,
    /// What else is told of its ticket, a sentence each.
    pub notes: Vec<String>,
    #[serde(skip)]
    now: Option<Now>,
}

/// What the templates know of a mail that tells several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FoldedView {
    pub title: String,
    /// `80 mails about 80 tickets`.
    pub what: String,
    /// `[allclear #7]` when all are about one ticket, else `[allclear]`.
    pub mark: String,
    /// Whether all say that one person was not reached.
    pub is_unreached: bool,
    /// The subject of the most urgent one, without its mark; or who was not reached. Likewise the next three.
    pub urgent: String,
    /// The first two lines of the most urgent one.
    pub first: String,
    pub second: String,
    /// What else is told of its ticket, a sentence each.
    pub notes: Vec<String>,
    /// The mailbox that was not reached, and what its server said; nothing where that is not all.
    pub answer: String,
    pub has_answer: bool,
    /// `ticket 7, the most urgent of 80 mails about 80 tickets`.
    pub lead: String,
    /// Of the oldest one, in its site's zone.
    pub since: String,
    pub why: String,
    pub has_more: bool,
    /// `79 more tickets`.
    pub more: String,
    /// The other tickets, the most urgent first; all of them where one person was not reached.
    pub rows: Vec<FoldedRow>,
}

/// A mail of that ticket in short; `ticket` is as it stands when that is written.
pub fn in_short(ticket: &Ticket, mail: &Mail, zone: &TimeZone, subject: String, text: &str) -> Lines {
    let mut lines = text.lines().map(str::to_owned);
    let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let (when, answer) = (local_time(mail.at, zone), answer(ticket, mail));
    let now = has_gone_on(ticket, mail).then(|| as_it_is_now(ticket, zone));
    Lines { when, subject, first, second, answer, now }
}

/// Whether what a mail says of its ticket has been overtaken. What is decided together with a change of phase is
/// of the same instant; that somebody was not reached stays so.
pub fn has_gone_on(ticket: &Ticket, mail: &Mail) -> bool {
    ticket.phase_since > mail.at && mail.unreached.is_none()
}

/// How a ticket stands that went on after a mail was decided upon.
fn as_it_is_now(ticket: &Ticket, zone: &TimeZone) -> Now {
    let deed = match ticket.phase {
        Phase::Reported => "find the machine",
        Phase::Located => "take what calls off the network, and clean it",
        Phase::Verifying => "leave what was cleaned switched on while the network is watched",
        Phase::Clean | Phase::Closed | Phase::Rejected | Phase::AcceptedRisk => "nothing",
    };
    let (machines, phase) = (machine_label(ticket), words::phase(ticket.phase));
    let since = local_time(ticket.phase_since, zone);
    Now {
        subject: format!("[allclear #{}] {machines}: {phase}", ticket.id),
        first: capitalised(&format!("{machines}: {phase}, since {since}.")),
        second: format!("TO DO: {deed}."),
    }
}

/// The mailbox that it says was not reached, and why; nothing where it says no such thing.
fn answer(ticket: &Ticket, mail: &Mail) -> String {
    let Some(mailbox) = &mail.unreached else { return String::new() };
    let is_it = |to: &str| address(to) == address(mailbox);
    let troubles = ticket.outbox.iter().flat_map(|mail| &mail.troubles);
    let last =
        troubles.filter(|trouble| trouble.end.is_some() && is_it(&trouble.to)).max_by_key(|last| last.at);
    format!("{mailbox}: {}", last.map_or("it is tried again", |last| last.error.as_str()))
}

impl FoldedRow {
    /// A mail that was put down in short.
    pub fn of(Lines { when, subject, first, second, answer, now }: Lines) -> FoldedRow {
        let is_unreached = !answer.is_empty();
        FoldedRow { when, subject, first, second, is_unreached, answer, notes: Vec::new(), now }
    }

    /// The same of a ticket that went on since, as it stands now.
    fn updated(self) -> FoldedRow {
        let Some(Now { subject, first, second }) = self.now.clone() else { return self };
        let first = format!("{first} Before that, {}: {}", self.when, self.first);
        FoldedRow { subject, first, second, ..self }
    }

    /// What is told of it beside a newer one of its ticket: that somebody was not reached stays an order.
    fn note(&self) -> String {
        match self.is_unreached {
            true => format!("{} {} ({})", self.first, self.second, self.answer),
            false => format!("Before that, {}: {}", self.when, self.first),
        }
    }
}

impl FoldedView {
    /// Rows with the number of the ticket of each, the most urgent first; `since` is the oldest one's time.
    /// Where all say that one mailbox was not reached, that one is `unreached`.
    pub fn of(rows: Vec<(TicketId, FoldedRow)>, since: String, unreached: Option<String>) -> FoldedView {
        let (mails, is_alone) = (count(rows.len() as u64, "mail"), rows.len() == 1);
        let mut rows = by_ticket(rows);
        rows.sort_by_key(|(_, row)| row.now.is_some());
        let tickets = count(rows.len() as u64, "ticket");
        let what = match rows[..] {
            [(one, _)] => format!("{mails} about ticket {one}"),
            _ => format!("{mails} about {tickets}"),
        };
        let view = FoldedView {
            title: what.clone(),
            mark: match rows[..] {
                [(one, _)] => format!("[allclear #{one}]"),
                _ => "[allclear]".to_owned(),
            },
            lead: match rows[..] {
                [(one, _)] if is_alone => format!("the one mail about ticket {one}"),
                [_] | [] => format!("the newest of {what}"),
                [(first, _), ..] => format!("ticket {first}, the most urgent of {what}"),
            },
            what,
            since,
            why: if is_alone { WHY_ALONE } else { WHY }.to_owned(),
            has_more: rows.len() > 1,
            more: count(rows.len().saturating_sub(1) as u64, "more ticket"),
            ..FoldedView::default()
        };
        let rows = rows.into_iter().map(|(_, row)| row);
        match unreached {
            Some(mailbox) => view.about_unreached(&mailbox, &tickets, rows.collect()),
            None => view.led_by(rows.collect()),
        }
    }

    /// The first row stands above, and nowhere else.
    fn led_by(self, mut rows: Vec<FoldedRow>) -> FoldedView {
        let lead = if rows.is_empty() { FoldedRow::default() } else { rows.remove(0) };
        let FoldedRow { subject, first, second, notes, answer, .. } = lead;
        let urgent = subject.split_once("] ").map_or(subject.as_str(), |(_, rest)| rest).to_owned();
        FoldedView { urgent, first, second, notes, has_answer: !answer.is_empty(), answer, rows, ..self }
    }

    /// What the server said is told once, and with a ticket only where it was something else.
    fn about_unreached(self, mailbox: &str, tickets: &str, mut rows: Vec<FoldedRow>) -> FoldedView {
        let person = words::person(mailbox);
        let answer = rows.first().map_or_else(String::new, |first| first.answer.clone());
        rows.iter_mut().filter(|row| row.answer == answer).for_each(|row| row.is_unreached = false);
        FoldedView {
            is_unreached: true,
            urgent: format!("NOT REACHED: {person}, about {tickets}"),
            first: format!("{person} was not reached about {tickets}."),
            second: "TO DO now: tell them by telephone or in person what stands below.".to_owned(),
            has_answer: !answer.is_empty(),
            answer,
            has_more: false,
            rows,
            ..self
        }
    }

    /// As templates get it.
    pub fn to_value(&self) -> Value {
        let mut value = clean_value(serde_json::to_value(self).expect("a view is made of strings and lists"));
        with_todo(&mut value);
        value
    }

    /// Two views for trying out templates: full and empty.
    pub fn samples() -> [Value; 2] {
        let row = FoldedRow { notes: vec![String::new()], ..FoldedRow::default() };
        let full = FoldedView { rows: vec![row], notes: vec![String::new()], ..FoldedView::default() };
        [all_true(full.to_value()), FoldedView::default().to_value()]
    }
}

/// One row a ticket, in the order in which tickets come first: its newest mail that asks for work on it, and in
/// notes what else there is.
fn by_ticket(rows: Vec<(TicketId, FoldedRow)>) -> Vec<(TicketId, FoldedRow)> {
    let mut tickets: Vec<(TicketId, Vec<FoldedRow>)> = Vec::new();
    for (ticket, row) in rows {
        match tickets.iter_mut().find(|(known, _)| *known == ticket) {
            Some((_, rows)) => rows.push(row),
            None => tickets.push((ticket, vec![row])),
        }
    }
    tickets.into_iter().map(|(ticket, rows)| (ticket, together(rows))).collect()
}

fn together(mut rows: Vec<FoldedRow>) -> FoldedRow {
    let at = rows.iter().position(|row| !row.is_unreached).unwrap_or(0);
    let mut lead = rows.remove(at);
    let others = rows.iter().filter(|row| row.is_unreached && row.first != lead.first);
    let mut notes: Vec<String> = others.map(FoldedRow::note).collect();
    notes.dedup();
    let mut earlier: Vec<String> = rows.iter().filter(|row| !row.is_unreached).map(FoldedRow::note).collect();
    earlier.dedup();
    notes.extend(earlier.iter().take(EARLIER_MAX).cloned());
    let left_out = earlier.len().saturating_sub(EARLIER_MAX);
    notes.extend((left_out > 0).then(|| format!("Before those: {}.", count(left_out as u64, "more mail"))));
    lead.notes = notes;
    lead.updated()
}
