//! How likely is it that silence means clean? What a host was seen doing and when it was watched since, a
//! chance out.
//!
//! Left of it is `verdict`, right of it `earliest` and `ticket`. It must never be surer than the contacts
//! that were really seen allow: what was not learned and is not stated is unknown, and unknown is not enough.
//! `docs/assurance.md` derives it, and shows how often it errs.
//!
//! - *Learned*, from 5 gaps on. A panel of callers, from the strict timer to one that sleeps for days, is
//!   weighed by how well each explains the gaps that were seen (`learn`). For each, the chance is computed
//!   that it stayed unseen through the stretches that were watched since the cleaning (`silence`). The
//!   weighted mean of these is the chance of silence from a host that is still infected. For the memoryless
//!   caller it is (S / (S + T))^n: with n gaps in S seconds and the flat prior on its logarithm, the rate λ
//!   is gamma distributed, and the mean of exp(-λT) over it is that.
//! - *Stated.* Where fewer gaps were seen and the playbook states the mean interval μ: exp(-T / μ), the
//!   Poisson probability of no event (Hanley and Lippman-Hand, "If nothing goes wrong, is everything all
//!   right?", JAMA 249, 1983).

mod caller;
mod learn;
mod normal;
mod past;
mod silence;

pub use past::{Lengths, Past, Pieces, Rate};

use caller::Temper;
use learn::IRREGULAR_MIN;
use silence::Unseen;
use std::time::Duration;

/// Gaps between contacts from which a host's own calling is learned (design: n >= 5).
pub const LEARNED_GAPS_MIN: u64 = 5;

/// The contacts that have so many gaps between them.
pub const LEARNED_CONTACTS_MIN: u64 = LEARNED_GAPS_MIN + 1;

/// A caller that has less weight than this is not followed, and taken for one that is never seen.
const FOLLOWED_MIN: f64 = 1e-8;

/// Who the host could be, were it still infected, and how likely each has stayed unseen so far.
#[derive(Clone, Debug)]
pub struct Callers {
    memoryless: Memoryless,
    /// The weight of the memoryless caller; all weights add up to 1.
    memoryless_weight: f64,
    others: Vec<(f64, Temper, Unseen)>,
    /// Of those that are not followed.
    rest_weight: f64,
    exposed_s: f64,
    end_s: f64,
}

/// What is known of a memoryless caller's rate.
#[derive(Clone, Copy, Debug)]
enum Memoryless {
    Learned { gaps: f64, before_s: f64 },
    Stated { interval_s: f64 },
}

impl Callers {
    /// Whom a host's past makes likely, or else the interval that the playbook states. `None`: unknown, since
    /// nothing tells how often the host calls; it needs [`LEARNED_CONTACTS_MIN`] contacts seen before the cleaning, or
    /// `contact_interval`.
    pub fn of(past: &Past, contact_interval: Option<Duration>) -> Option<Callers> {
        // Contacts of which none lies in exposure teach nothing: by the formula, silence of a second would
        // then be proof.
        if past.gaps >= LEARNED_GAPS_MIN && past.exposed_s > 0.0 {
            return Some(Callers::learned(past));
        }
        let interval_s = contact_interval?.as_secs_f64();
        let stated = Callers::only(Memoryless::Stated { interval_s });
        (interval_s > 0.0).then_some(stated)
    }

    fn learned(past: &Past) -> Callers {
        let known = Memoryless::Learned { gaps: past.gaps as f64, before_s: past.exposed_s };
        let mut callers = Callers { memoryless_weight: 0.0, ..Callers::only(known) };
        for candidate in learn::learn(past) {
            match candidate.temper {
                Temper::Memoryless => callers.memoryless_weight += candidate.weight,
                _ if candidate.weight < FOLLOWED_MIN => callers.rest_weight += candidate.weight,
                temper => callers.others.push((candidate.weight, temper, Unseen::new(candidate))),
            }
        }
        callers
    }

    fn only(memoryless: Memoryless) -> Callers {
        let others = Vec::new();
        Callers { memoryless, memoryless_weight: 1.0, others, rest_weight: 0.0, exposed_s: 0.0, end_s: 0.0 }
    }

    /// Silence in one more watched stretch, in seconds since the cleaning. Stretches come in order of time;
    /// what lies before the end of the last one counts once.
    pub fn watch(&mut self, from_s: f64, to_s: f64) {
        let from_s = from_s.max(self.end_s);
        if to_s > from_s {
            self.end_s = to_s;
            self.exposed_s += to_s - from_s;
            self.others.iter_mut().for_each(|(_, _, unseen)| unseen.watch(from_s, to_s));
        }
    }

    /// The chance, 0 to 1, that at least one contact would have been seen by now, were the host still
    /// infected.
    pub fn assurance(&self) -> f64 {
        let memoryless = self.memoryless.silence(self.exposed_s);
        let silence = |temper: &Temper, unseen: &Unseen| match temper {
            Temper::Lognormal(spread) if *spread >= IRREGULAR_MIN => unseen.chance().max(memoryless),
            Temper::Lognormal(_) | Temper::Memoryless | Temper::Pareto => unseen.chance(),
        };
        let others: f64 =
            self.others.iter().map(|(weight, temper, unseen)| weight * silence(temper, unseen)).sum();
        (1.0 - self.memoryless_weight * memoryless - others - self.rest_weight).clamp(0.0, 1.0)
    }

    /// Whether the host's own contacts tell how it calls.
    pub fn is_learned(&self) -> bool {
        matches!(self.memoryless, Memoryless::Learned { .. })
    }
}

impl Memoryless {
    fn silence(self, since_s: f64) -> f64 {
        match self {
            Memoryless::Learned { gaps, before_s } => (before_s / (before_s + since_s)).powf(gaps),
            Memoryless::Stated { interval_s } => (-since_s / interval_s).exp(),
        }
    }
}

#[cfg(test)]
mod tests;
