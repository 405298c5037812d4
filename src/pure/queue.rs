//! Whose turn is it? Runs that wait until a source can carry them, in a fair order.
//!
//! Sites come by turns, and of each site the run that waits longest: a site with a thousand tickets
//! does not starve one with a single ticket. It must never let more run than the limits allow.

use crate::pure::ticket::{NoTurn, RunId, TicketId};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A run that wants its turn. Of one site, the first in this order comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waiting {
    /// When its window begins: whose began first comes first.
    pub from: Timestamp,
    /// When its ticket last watched, if ever: a site's tickets begin at the same instant, and of those who has
    /// gone without for longest comes first. Else the same ones would lose every night.
    pub last_watch: Option<Timestamp>,
    pub ticket: TicketId,
    pub run: RunId,
    /// When its window is over and nothing is left to watch; `None` for recorded files, which can still be
    /// read afterwards.
    pub until: Option<Timestamp>,
}

/// How many runs there may be at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub total_max: usize,
    /// By source; one that is not named has no limit of its own.
    pub source_max: BTreeMap<String, usize>,
}

/// Runs that wait, and those under way. A site's runs all need the same sources.
#[derive(Debug, Default)]
pub struct Queue {
    limits: Limits,
    waiting: BTreeMap<String, BTreeSet<Waiting>>,
    /// The numbers of those that wait.
    known: BTreeSet<(TicketId, RunId)>,
    /// Those that wait and can miss their window, by its end.
    ends: BTreeSet<(Timestamp, String, Waiting)>,
    sources: BTreeMap<String, Vec<String>>,
    under_way: BTreeMap<(TicketId, RunId), String>,
    /// Runs under way by source.
    load: BTreeMap<String, usize>,
    last_site: Option<String>,
}

impl Queue {
    /// An empty queue.
    pub fn new(limits: Limits) -> Queue {
        Queue { limits, ..Queue::default() }
    }

    /// A run of `site`, which has these sources, begins to wait. One that waits or is under way already
    /// stays as it is.
    pub fn push(&mut self, site: &str, sources: &[String], run: Waiting) {
        let key = (run.ticket, run.run);
        if self.under_way.contains_key(&key) || !self.known.insert(key) {
            return;
        }
        if !self.sources.contains_key(site) {
            self.sources.insert(site.to_owned(), sources.to_vec());
        }
        self.ends.extend(run.until.map(|until| (until, site.to_owned(), run.clone())));
        self.waiting.entry(site.to_owned()).or_default().insert(run);
    }

    /// The run whose turn it is, which is under way from now on; `None` when nobody waits whose sources
    /// have room.
    pub fn admit(&mut self) -> Option<Waiting> {
        if self.under_way.len() >= self.limits.total_max {
            return None;
        }
        let has_room = |site: &&String| self.has_room(site);
        let after = |site: &&String| self.last_site.as_ref().is_none_or(|last| *site > last);
        let later = self.waiting.keys().filter(after).find(has_room);
        let site = later.or_else(|| self.waiting.keys().find(has_room))?.clone();
        let run = self.waiting.get(&site)?.first()?.clone();
        self.forget(&site, &run);
        for source in self.sources.get(&site).into_iter().flatten() {
            *self.load.entry(source.clone()).or_insert(0) += 1;
        }
        self.under_way.insert((run.ticket, run.run), site.clone());
        self.last_site = Some(site);
        Some(run)
    }

    /// A run is not under way any more.
    pub fn end(&mut self, ticket: TicketId, run: RunId) {
        let Some(site) = self.under_way.remove(&(ticket, run)) else { return };
        for source in self.sources.get(&site).into_iter().flatten() {
            if let Some(load) = self.load.get_mut(source) {
                *load = load.saturating_sub(1);
            }
        }
    }

    /// Takes out a run whose window was over by `now` before its turn came, and says what it waited for.
    pub fn expired(&mut self, now: Timestamp) -> Option<(Waiting, NoTurn)> {
        let (_, site, run) = self.ends.first().filter(|(until, ..)| *until <= now)?.clone();
        self.forget(&site, &run);
        Some((run, self.full(&site)))
    }

    fn full(&self, site: &str) -> NoTurn {
        let mut sources = self.sources.get(site).into_iter().flatten();
        let is_limited = sources.any(|source| self.limits.source_max.contains_key(source));
        let is_total_full = self.under_way.len() >= self.limits.total_max;
        if is_limited && !(is_total_full && self.has_room(site)) {
            NoTurn::SourceFull
        } else {
            NoTurn::AllFull
        }
    }

    /// Takes out any run that still waits for its turn.
    pub fn give_up(&mut self) -> Option<Waiting> {
        let (site, runs) = self.waiting.first_key_value()?;
        let (site, run) = (site.clone(), runs.first()?.clone());
        self.forget(&site, &run);
        Some(run)
    }

    fn has_room(&self, site: &str) -> bool {
        let is_free = |source: &String| match self.limits.source_max.get(source) {
            Some(most) => self.load.get(source).copied().unwrap_or(0) < *most,
            None => true,
        };
        self.sources.get(site).into_iter().flatten().all(is_free)
    }

    fn forget(&mut self, site: &str, run: &Waiting) {
        self.known.remove(&(run.ticket, run.run));
        if let Some(until) = run.until {
            self.ends.remove(&(until, site.to_owned(), run.clone()));
        }
        if let Some(runs) = self.waiting.get_mut(site) {
            runs.remove(run);
            if runs.is_empty() {
                self.waiting.remove(site);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn run(ticket: u32, from: i64, until: i64) -> Waiting {
        let run = RunId(u64::from(ticket));
        Waiting { from: at(from), last_watch: None, ticket: TicketId(ticket), run, until: Some(at(until)) }
    }

    fn queue(total_max: usize, lan_max: usize) -> Queue {
        let source_max = BTreeMap::from([("lan".to_owned(), lan_max)]);
        Queue::new(Limits { total_max, source_max })
    }

    fn lan() -> Vec<String> {
        vec!["lan".to_owned()]
    }

    fn turns(queue: &mut Queue) -> Vec<u32> {
        std::iter::from_fn(|| queue.admit()).map(|run| run.ticket.0).collect()
    }

    #[test]
    fn sites_come_by_turns_and_their_oldest_first() {
        let mut queue = queue(10, 10);
        for (ticket, site, from) in [(1, "a", 30), (2, "a", 10), (3, "a", 20), (4, "b", 90), (5, "c", 50)] {
            queue.push(site, &lan(), run(ticket, from, 100));
        }
        assert_eq!(turns(&mut queue), [2, 4, 5, 3, 1]);
    }

    #[test]
    fn nobody_is_starved_by_a_site_that_always_has_more() {
        let mut queue = queue(1, 10);
        (0..50).for_each(|number| queue.push("big", &lan(), run(number, 0, 100)));
        queue.push("small", &lan(), run(90, 5, 100));
        let first = queue.admit().expect("its turn");
        assert_eq!(queue.admit(), None, "one at a time");
        queue.end(first.ticket, first.run);
        assert_eq!(queue.admit().map(|run| run.ticket), Some(TicketId(90)), "the second turn, not the last");
    }

    #[test]
    fn no_ticket_of_a_site_goes_without_for_long() {
        let mut queue = queue(9, 2);
        let mut last_watch: BTreeMap<u32, Option<Timestamp>> = (1..=5).map(|ticket| (ticket, None)).collect();
        let mut nights = Vec::new();
        for night in 0..5 {
            let (from, until) = (night * 100, night * 100 + 90);
            for ticket in 1..=5 {
                let number = RunId((night * 5) as u64 + u64::from(ticket));
                let last_watch = last_watch[&ticket];
                queue.push("a", &lan(), Waiting { run: number, last_watch, ..run(ticket, from, until) });
            }
            let mut admitted = Vec::new();
            while let Some(run) = queue.admit() {
                last_watch.insert(run.ticket.0, run.until);
                admitted.push(run);
            }
            nights.push(admitted.iter().map(|run| run.ticket.0).collect::<Vec<_>>());
            admitted.iter().for_each(|run| queue.end(run.ticket, run.run));
            while queue.expired(at(until)).is_some() {}
        }
        assert_eq!(nights, [[1, 2], [3, 4], [5, 1], [2, 3], [4, 1]]);
    }

    #[test]
    fn a_run_that_waits_is_not_lined_up_again_when_its_ticket_has_watched_meanwhile() {
        let mut queue = queue(9, 9);
        queue.push("a", &lan(), run(1, 0, 100));
        queue.push("a", &lan(), Waiting { last_watch: Some(at(50)), ..run(1, 0, 100) });
        assert_eq!(turns(&mut queue), [1]);
    }

    #[test]
    fn what_is_full_is_told_truly() {
        let lan_is_limited = BTreeMap::from([("lan".to_owned(), 1)]);
        for (total_max, source_max, others, expected, row) in [
            (1, BTreeMap::new(), 1, NoTurn::AllFull, "no source has a limit"),
            (1, lan_is_limited.clone(), 0, NoTurn::AllFull, "the source has room, all of allclear has not"),
            (9, lan_is_limited.clone(), 1, NoTurn::SourceFull, "the source has no room"),
            (1, lan_is_limited, 1, NoTurn::SourceFull, "neither has: raising the total alone helps nobody"),
        ] {
            let mut queue = Queue::new(Limits { total_max, source_max });
            let site = if others == 0 { ("b", "wan") } else { ("a", "lan") };
            queue.push(site.0, &[site.1.to_owned()], run(9, 0, 900));
            assert!(queue.admit().is_some(), "{row}");
            queue.push("a", &lan(), run(1, 0, 100));
            assert_eq!(queue.expired(at(100)).map(|(_, full)| full), Some(expected), "{row}");
        }
    }

    #[test]
    fn limits_hold_for_each_source_and_in_total() {
        for (total_max, lan_max, expected, row) in [
            (9, 2, vec![1, 4, 2], "two of the source"),
            (2, 9, vec![1, 4], "two in total"),
            (9, 0, vec![4], "none of the source"),
            (9, 3, vec![1, 4, 2, 3], "as many as there are"),
        ] {
            let mut queue = queue(total_max, lan_max);
            for ticket in 1..=3 {
                queue.push("a", &lan(), run(ticket, 0, 100));
            }
            queue.push("b", &["wan".to_owned()], run(4, 0, 100));
            assert_eq!(turns(&mut queue), expected, "{row}");
        }
        let mut queue = queue(9, 1);
        queue.push("both", &["wan".to_owned(), "lan".to_owned()], run(1, 0, 100));
        queue.push("one", &lan(), run(2, 0, 100));
        assert_eq!(turns(&mut queue), [1], "a run needs room at all of its sources");
        queue.end(TicketId(1), RunId(1));
        queue.end(TicketId(1), RunId(1));
        assert_eq!(turns(&mut queue), [2]);
    }

    #[test]
    fn a_run_waits_until_its_window_is_over() {
        let mut queue = queue(0, 0);
        queue.push("a", &lan(), run(1, 0, 100));
        queue.push("a", &lan(), run(1, 0, 100));
        queue.push("b", &lan(), Waiting { until: None, ..run(2, 0, 0) });
        assert_eq!(queue.expired(at(99)), None);
        assert_eq!(queue.expired(at(100)).map(|(run, _)| run.ticket), Some(TicketId(1)));
        assert_eq!(queue.expired(at(1000)), None, "each once, and recorded files never");
        assert_eq!(queue.give_up().map(|run| run.ticket), Some(TicketId(2)));
        assert_eq!(queue.give_up(), None);
    }

    #[test]
    fn what_is_under_way_does_not_wait_again() {
        let mut queue = queue(9, 9);
        queue.push("a", &lan(), run(1, 0, 100));
        assert_eq!(turns(&mut queue), [1]);
        queue.push("a", &lan(), run(1, 0, 100));
        assert_eq!(queue.admit(), None);
    }
}
