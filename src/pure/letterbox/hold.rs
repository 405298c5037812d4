//! Which mail goes out now, which waits, and when is what waits told?
//!
//! The first mail of its kind about a ticket waits for nothing but the limit. Whatever [`Letterbox::release`]
//! does at an instant, [`Letterbox::next_release`] names that instant before.

use super::{About, FOLDED_MAX, GATHERING, HOUR, Letterbox, Letterboxes, MailId, REPEAT_PAUSE};
use crate::pure::playbook::MailEvent;
use crate::pure::ticket::outbox::address;
use crate::pure::ticket::{Event, HeldBack, HoldReason, TicketId};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What is recorded of a mail of a ticket that is to be sent: for whom it waits, and which mails that waited
/// it tells. Who stands in `to` under two names gets it once; recipients who are told of different ones get
/// a mail of their own.
pub fn queue(
    boxes: &Letterboxes,
    (now, hourly_limit): (Timestamp, u32),
    ticket: TicketId,
    about: &About,
    to: Vec<String>,
) -> Vec<Event> {
    let empty = Letterbox::default();
    let mut held: Vec<HeldBack> = Vec::new();
    let mut groups: BTreeMap<Vec<u64>, Vec<String>> = BTreeMap::new();
    let mut addresses: BTreeSet<String> = BTreeSet::new();
    for to in to {
        let address = address(&to);
        let known = boxes.get(&address).unwrap_or(&empty);
        if !addresses.insert(address) {
            continue;
        }
        let why = known.hindrance(ticket, about, now, hourly_limit);
        held.extend(why.map(|why| HeldBack { to: to.clone(), why }));
        let waiting = known.held_of(ticket).map(|((_, seq), _)| *seq);
        let folds = if why.is_some() { Vec::new() } else { waiting.take(FOLDED_MAX).collect() };
        groups.entry(folds).or_default().push(to);
    }
    let mail = |(folds, to): (Vec<u64>, Vec<String>)| {
        let held = if folds.is_empty() { held.clone() } else { Vec::new() };
        let unreached = about.unreached.clone();
        Event::MailQueued { event: about.event, to, held, folds, unreached }
    };
    groups.into_iter().map(mail).collect()
}

impl Letterbox {
    /// When the first of the mails that wait can go out; `None` when none waits, or when that depends on
    /// what becomes of others.
    pub fn next_release(&self, hourly_limit: u32) -> Option<Timestamp> {
        let ripe = self.held.iter().map(|((ticket, _), about)| self.ripe_at(*ticket, about)).min()?;
        Some(ripe.max(self.room_at(hourly_limit))).filter(|at| *at < Timestamp::MAX)
    }

    /// The mails that go out at `now` together; empty when none can. What waits for a while yet is told with
    /// those that need not. Of each ticket the newest leads, which says how it stands; tickets stand in the
    /// order of how urgent that is, and those that are equally so in the order in which they waited. A ticket of
    /// which not all fits is told in the next, unless it is the first.
    pub fn release(&self, now: Timestamp, hourly_limit: u32) -> Vec<MailId> {
        if self.next_release(hourly_limit).is_none_or(|at| at > now) {
            return Vec::new();
        }
        let mut tickets: BTreeMap<TicketId, Vec<(u64, MailEvent)>> = BTreeMap::new();
        for ((ticket, seq), about) in self.held.iter().rev() {
            tickets.entry(*ticket).or_default().push((*seq, about.event));
        }
        let mut told: Vec<(TicketId, Vec<(u64, MailEvent)>)> = tickets.into_iter().collect();
        told.sort_by_key(|(_, mails)| mails.first().map(|(newest, event)| (event.facts().urgency, *newest)));
        let mut room = FOLDED_MAX;
        let whole = told.into_iter().take_while(|(_, mails)| {
            let has_room = room == FOLDED_MAX || mails.len() <= room;
            room = room.saturating_sub(mails.len());
            has_room
        });
        let told = whole.flat_map(|(ticket, mails)| mails.into_iter().map(move |(seq, _)| (ticket, seq)));
        told.take(FOLDED_MAX).collect()
    }

    /// Why a mail does not go out at `now`, if so.
    fn hindrance(
        &self,
        ticket: TicketId,
        about: &About,
        now: Timestamp,
        hourly_limit: u32,
    ) -> Option<HoldReason> {
        if about.unreached.is_some() {
            return Some(HoldReason::Gathered);
        }
        let is_waiting = self.held_of(ticket).any(|(_, waiting)| about.repeats(waiting));
        if is_waiting || self.repeat_end(ticket, about) > now {
            Some(HoldReason::Repeat)
        } else {
            (self.room_at(hourly_limit) > now).then_some(HoldReason::Limit)
        }
    }

    /// From when on a mail that waits and tells this need not, but for the limit.
    fn ripe_at(&self, ticket: TicketId, about: &About) -> Timestamp {
        let Some(who) = &about.unreached else { return self.repeat_end(ticket, about) };
        let after = |at: Timestamp, pause| at.saturating_add(pause).unwrap_or(Timestamp::MAX);
        let last = self.told.get(&address(who)).map_or(Timestamp::MIN, |last| after(*last, HOUR));
        after(about.at, GATHERING).max(last)
    }

    /// From when on a mail that tells this about the ticket is no repeat; the end of time while one that it
    /// repeats is under way.
    fn repeat_end(&self, ticket: TicketId, about: &About) -> Timestamp {
        if self.under_way.iter().any(|((other, _), earlier)| *other == ticket && about.repeats(earlier)) {
            return Timestamp::MAX;
        }
        let last = self.sent.iter().rev().find(|sent| sent.ticket == ticket && about.repeats(&sent.about));
        last.map_or(Timestamp::MIN, |sent| sent.at.saturating_add(REPEAT_PAUSE).unwrap_or(Timestamp::MAX))
    }

    /// From when on one more mail is within the limit; the end of time while those under way fill it. Of
    /// those that were put off, only what is more than the limit counts.
    fn room_at(&self, hourly_limit: u32) -> Timestamp {
        let limit = hourly_limit as usize;
        let known = self.sent.len() + self.under_way.len() + self.put_off.len().saturating_sub(limit) + 1;
        match known.saturating_sub(limit) {
            0 => Timestamp::MIN,
            over => match self.sent.get(over - 1) {
                Some(sent) => sent.at.saturating_add(HOUR).unwrap_or(Timestamp::MAX),
                None => Timestamp::MAX,
            },
        }
    }

    fn held_of(&self, ticket: TicketId) -> impl Iterator<Item = (&MailId, &About)> {
        self.held.range((ticket, 0)..=(ticket, u64::MAX))
    }
}
