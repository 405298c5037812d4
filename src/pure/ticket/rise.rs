//! How did a host's assurance rise since its cleaning? One step for each stretch that was watched.
//!
//! Its neighbours are `exposure`, which says when the host could have been seen, and `standing`, whose
//! assurance is that of the last step. It must never say more than `standing` does.

use super::exposure::{cleaned, exposure_since, past};
use super::{Host, Ticket};
use crate::pure::assurance::Callers;
use crate::pure::interval::Interval;
use jiff::Timestamp;
use std::time::Duration;

/// Steps of one host: a bit more than a curve has pixels to show. Of more stretches, several make a step.
pub const RISE_STEPS_MAX: usize = 240;

/// What can be said of a host's assurance over time.
#[derive(Clone, Debug, PartialEq)]
pub enum Rise {
    /// It is infected: nothing counts.
    Infected,
    /// Nothing tells how often it calls, so that no silence says anything.
    Unknown { cleaned: Timestamp },
    /// It was cleaned, and stayed silent since; without steps, it was not watched yet.
    Known { cleaned: Timestamp, steps: Vec<RiseStep> },
}

/// The assurance at the end of a stretch that was watched, or of several.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RiseStep {
    pub watched: Interval,
    /// 0 to 1.
    pub assurance: f64,
}

/// How the assurance of a host of this ticket rose, by what is known now of how it called.
pub fn rise(ticket: &Ticket, host: &Host, contact_interval: Option<Duration>) -> Rise {
    let Some(cleaned) = cleaned(host) else { return Rise::Infected };
    let Some(mut callers) = Callers::of(&past(ticket, host), contact_interval) else {
        return Rise::Unknown { cleaned };
    };
    let exposure = exposure_since(ticket, host);
    let since_s = |at: Timestamp| at.duration_since(cleaned).as_secs_f64();
    let together = exposure.as_slice().len().div_ceil(RISE_STEPS_MAX).max(1);
    let mut step = |stretches: &[Interval]| {
        for stretch in stretches {
            callers.watch(since_s(stretch.from), since_s(stretch.to));
        }
        let (first, last) = (stretches.first()?, stretches.last()?);
        Some(RiseStep { watched: Interval::new(first.from, last.to), assurance: callers.assurance() })
    };
    let steps = exposure.as_slice().chunks(together).filter_map(&mut step).collect();
    Rise::Known { cleaned, steps }
}
