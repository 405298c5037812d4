//! Who wants attention, and when? Tickets and `detect` stages in order of time.
//!
//! So that a look costs what is due, not what exists. It can be made again from the tickets at any
//! moment.

use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// At most one instant of each.
#[derive(Debug)]
pub struct Agenda<K> {
    order: BTreeSet<(Timestamp, K)>,
    of: BTreeMap<K, Timestamp>,
}

impl<K> Default for Agenda<K> {
    fn default() -> Agenda<K> {
        Agenda { order: BTreeSet::new(), of: BTreeMap::new() }
    }
}

impl<K: Ord + Clone> Agenda<K> {
    /// Enters when it wants attention next, in the place of what stood there; `None` when it wants none.
    pub fn set(&mut self, id: K, at: Option<Timestamp>) {
        let before = match at {
            Some(at) => self.of.insert(id.clone(), at),
            None => self.of.remove(&id),
        };
        if let Some(before) = before {
            self.order.remove(&(before, id.clone()));
        }
        self.order.extend(at.map(|at| (at, id)));
    }

    /// The first instant.
    pub fn first(&self) -> Option<Timestamp> {
        self.order.first().map(|(at, _)| *at)
    }

    /// The first instant after `now`.
    pub fn first_after(&self, now: Timestamp) -> Option<Timestamp> {
        self.order.iter().map(|(at, _)| *at).find(|at| *at > now)
    }

    /// Those whose time has come by `now`, the longest waiting first.
    pub fn due(&self, now: Timestamp) -> Vec<K> {
        self.order.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| id.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::ticket::TicketId;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn a_ticket_stands_in_it_once() {
        let mut agenda = Agenda::default();
        let [one, two, last] = [TicketId(1), TicketId(2), TicketId(u32::MAX)];
        for (id, second) in [(one, 10), (two, 5), (last, 10), (one, 20)] {
            agenda.set(id, Some(at(second)));
        }
        assert_eq!(agenda.due(at(4)), []);
        assert_eq!(agenda.due(at(10)), [two, last]);
        assert_eq!(agenda.due(at(20)), [two, last, one]);
        assert_eq!((agenda.first(), agenda.first_after(at(10))), (Some(at(5)), Some(at(20))));
        agenda.set(two, None);
        assert_eq!(agenda.first_after(at(4)), Some(at(10)));
        assert_eq!((agenda.first(), agenda.first_after(at(20))), (Some(at(10)), None));
    }
}
