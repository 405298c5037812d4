//! How are mails told that waited, and are told in another one? Each with its subject and its first two
//! lines, which say what is wrong and what to do.

use super::view::all_true;
use super::words::{clean_value, count};
use crate::pure::ticket::Lines;
use serde::Serialize;
use serde_json::Value;

/// Why mails come together, in a mail that tells several.
const WHY: &str = "together, so that they do not fill your mailbox";

/// A mail that is told in another one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FoldedRow {
    /// When it was decided upon, in its site's zone.
    pub when: String,
    pub subject: String,
    /// Its first two lines.
    pub first: String,
    pub second: String,
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
    /// The subject of the most urgent one, without its mark; or who was not reached. Likewise the next two.
    pub urgent: String,
    /// The first line of the most urgent one.
    pub first: String,
    /// Of the oldest one, in its site's zone.
    pub since: String,
    pub why: String,
    pub has_more: bool,
    /// `and 79 more`.
    pub more: String,
    /// The most urgent first.
    pub rows: Vec<FoldedRow>,
}

impl FoldedRow {
    /// A mail that was put down in short.
    pub fn of(Lines { when, subject, first, second }: Lines) -> FoldedRow {
        FoldedRow { when, subject, first, second }
    }
}

impl FoldedView {
    /// Rows with the number of the ticket of each, the most urgent first; `since` is the oldest one's time.
    /// Where all say that one person was not reached, that one is `unreached`.
    pub fn of(rows: Vec<(u32, FoldedRow)>, since: String, unreached: Option<String>) -> FoldedView {
        let mut tickets: Vec<u32> = rows.iter().map(|(ticket, _)| *ticket).collect();
        tickets.sort_unstable();
        tickets.dedup();
        let mark = match tickets[..] {
            [one] => format!("[allclear #{one}]"),
            _ => "[allclear]".to_owned(),
        };
        let mails = count(rows.len() as u64, "mail");
        let what = match tickets[..] {
            [one] => format!("{mails} about ticket {one}"),
            _ => format!("{mails} about {}", count(tickets.len() as u64, "ticket")),
        };
        let first = rows.first().map(|(_, row)| row.clone()).unwrap_or_default();
        let urgent = first.subject.split_once("] ").map_or(first.subject.as_str(), |(_, rest)| rest);
        let tickets = count(tickets.len() as u64, "ticket");
        let (urgent, more, first) = match &unreached {
            Some(person) => (
                format!("NOT REACHED: {person},"),
                format!("about {tickets}"),
                format!("{person} was not reached about {tickets}."),
            ),
            None => (urgent.to_owned(), format!("and {} more", rows.len().saturating_sub(1)), first.first),
        };
        FoldedView {
            title: what.clone(),
            is_unreached: unreached.is_some(),
            what,
            mark,
            urgent,
            first,
            since,
            why: WHY.to_owned(),
            has_more: rows.len() > 1,
            more,
            rows: rows.into_iter().map(|(_, row)| row).collect(),
        }
    }

    /// As templates get it.
    pub fn to_value(&self) -> Value {
        clean_value(serde_json::to_value(self).expect("a view is made of strings and lists"))
    }

    /// Two views for trying out templates: full and empty.
    pub fn samples() -> [Value; 2] {
        let full = FoldedView { rows: vec![FoldedRow::default()], ..FoldedView::default() };
        [all_true(full.to_value()), FoldedView::default().to_value()]
    }
}
