//! What becomes of one host that is cleaned in name only? Its contacts before, the nights after, and the
//! first night on which it would be called clean.
//!
//! The cleaning is at second 0 and comes at any time, so that it falls into long gaps more often than into
//! short ones. Nights are of one length and begin at one hour of the day.

use super::family::{Family, Random};
use allclear::pure::assurance::{Callers, Past};

pub const DAY_S: f64 = 86_400.0;

/// Nobody waits for longer than this; a host that is still not confirmed then is not called clean.
pub const NIGHTS_MAX: u32 = 400;

/// The assurance that is wanted.
pub const WANTED: f64 = 0.99;

/// When contacts before the cleaning could be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Before {
    Always,
    /// In nights like those after it.
    Nights,
    /// Ten minutes of each quarter of an hour.
    Quarters,
}

/// When the host's timer begins anew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Restart {
    Never,
    Cleaning,
    /// Each day, seven hours after the nights end: the machine is switched on.
    Morning,
}

/// What hosts of a row of the table have in common.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub family: Family,
    pub mean_s: f64,
    pub gaps: u64,
    pub window_s: f64,
    pub before: Before,
    pub restart: Restart,
    /// Nights that the other criteria ask for.
    pub nights_min: u32,
}

/// What became of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fate {
    /// The night, from 1, on which it was first seen again; more than [`NIGHTS_MAX`] when never.
    pub seen: u32,
    /// The night after which it is called clean, unless it was seen.
    pub confirmed: u32,
    /// The same by the plain formula, (S / (S + T))^n.
    pub plain: u32,
}

/// Contacts are drawn from a stock of this many gaps: one in which the cleaning falls into a gap that is long.
const STOCK: usize = 400;

/// Steps back in time after which a host counts as one that is never seen before.
const STEPS_MAX: u32 = 200_000;

impl Setting {
    /// The fate of one host; `None` when it was not seen often enough to be learned from.
    pub fn fate(&self, random: &mut Random) -> Option<Fate> {
        let first_s = random.share() * (DAY_S - self.window_s).max(0.0);
        let (age_s, rest_s) = self.around(random);
        let contacts = self.contacts_before(age_s, first_s, random)?;
        let past = Past::of(&contacts, &self.watched(&contacts, first_s));
        let seen = self.seen(rest_s, first_s, random);
        Some(Fate { seen, confirmed: self.confirmed(&past, first_s), plain: self.plain(&past) })
    }

    /// How long before and after the cleaning the contacts next to it are.
    fn around(&self, random: &mut Random) -> (f64, f64) {
        let stock: Vec<f64> = (0..STOCK).map(|_| self.family.draw(random)).collect();
        let mut place = random.share() * stock.iter().sum::<f64>();
        let held = stock.iter().find(|gap| {
            place -= **gap;
            place < 0.0
        });
        let gap_s = held.unwrap_or(&stock[0]) * self.mean_s;
        let share = random.share();
        match self.restart {
            Restart::Cleaning => (share * gap_s, self.family.draw(random) * self.mean_s),
            Restart::Never | Restart::Morning => (share * gap_s, (1.0 - share) * gap_s),
        }
    }

    fn contacts_before(&self, age_s: f64, first_s: f64, random: &mut Random) -> Option<Vec<f64>> {
        let mut contacts = Vec::new();
        let mut at_s = -age_s;
        for _ in 0..STEPS_MAX {
            if self.is_watched(at_s, first_s) {
                contacts.push(at_s);
            }
            if contacts.len() as u64 > self.gaps {
                contacts.reverse();
                return Some(contacts);
            }
            at_s -= self.family.draw(random) * self.mean_s;
        }
        None
    }

    fn pattern(&self, first_s: f64) -> Option<(f64, f64, f64)> {
        match self.before {
            Before::Always => None,
            Before::Nights => Some((first_s, self.window_s, DAY_S)),
            Before::Quarters => Some((0.0, 600.0, 900.0)),
        }
    }

    fn is_watched(&self, at_s: f64, first_s: f64) -> bool {
        self.pattern(first_s).is_none_or(|(from, length, period)| (at_s - from).rem_euclid(period) < length)
    }

    fn watched(&self, contacts: &[f64], first_s: f64) -> Vec<(f64, f64)> {
        let (begin, end) = (contacts[0], contacts[contacts.len() - 1]);
        let Some((from, length, period)) = self.pattern(first_s) else { return vec![(begin, end)] };
        let first = ((begin - from) / period).floor() as i64;
        let last = ((end - from) / period).floor() as i64;
        let stretch = |index: i64| (from + index as f64 * period, from + index as f64 * period + length);
        (first..=last).map(stretch).map(|(from, to)| (from.max(begin), to.min(end))).collect()
    }

    /// The night on which the first contact falls into a window.
    fn seen(&self, rest_s: f64, first_s: f64, random: &mut Random) -> u32 {
        let mut at_s = rest_s;
        loop {
            let night = ((at_s - first_s) / DAY_S).floor();
            if night >= f64::from(NIGHTS_MAX) {
                return NIGHTS_MAX + 1;
            }
            if night >= 0.0 && at_s - first_s - night * DAY_S < self.window_s {
                return night as u32 + 1;
            }
            let next_s = at_s + self.family.draw(random) * self.mean_s;
            let morning_s = first_s + (night + 1.0) * DAY_S - (DAY_S - self.window_s) / 2.0;
            let is_restarted = self.restart == Restart::Morning && at_s < morning_s && next_s > morning_s;
            at_s = if is_restarted { morning_s + self.family.draw(random) * self.mean_s } else { next_s };
        }
    }

    fn confirmed(&self, past: &Past, first_s: f64) -> u32 {
        let Some(mut callers) = Callers::of(past, None) else { return NIGHTS_MAX + 1 };
        for night in 0..NIGHTS_MAX {
            let from_s = first_s + f64::from(night) * DAY_S;
            callers.watch(from_s, from_s + self.window_s);
            if night + 1 >= self.nights_min && callers.assurance() >= WANTED {
                return night + 1;
            }
        }
        NIGHTS_MAX + 1
    }

    fn plain(&self, past: &Past) -> u32 {
        let needed_s = past.exposed_s * ((1.0 - WANTED).powf(-1.0 / past.gaps as f64) - 1.0);
        let nights = (needed_s / self.window_s - 1e-9).ceil();
        (nights as u32).clamp(self.nights_min.max(1), NIGHTS_MAX + 1)
    }
}

impl Fate {
    pub fn is_false_clean(&self) -> bool {
        self.confirmed <= NIGHTS_MAX && self.seen > self.confirmed
    }

    pub fn is_false_clean_by_plain(&self) -> bool {
        self.plain <= NIGHTS_MAX && self.seen > self.plain
    }
}
