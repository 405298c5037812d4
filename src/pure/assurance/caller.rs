//! What kinds of callers are there? From the strict timer to one that sleeps for long: how likely a gap
//! of some length is, that a gap is longer than it, and that a look of that length sees nothing.
//!
//! Used by `learn` and `silence`. Lengths are in seconds; a caller's scale is the logarithm of its mean gap.

use super::normal::upper_tail;
use std::f64::consts::TAU;
use std::sync::OnceLock;

/// How regular the gaps of a caller are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Temper {
    /// Gaps whose logarithm is normally distributed with this standard deviation: below 0.1 nearly a clock,
    /// 0.18 and 0.3 as even jitter of ±30 % and ±50 %, from 1 on ever longer sleeps between bursts.
    Lognormal(f64),
    /// A Poisson process: what was before tells nothing of what comes.
    Memoryless,
    /// Pareto with exponent 2: never before half the mean gap, and now and then very late.
    Pareto,
}

/// Lognormal callers at least this irregular are looked up in a table: their curves are smooth enough.
const TABLED_MIN: f64 = 0.3;
const TABLED: [f64; 8] = [0.3, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0];

impl Temper {
    /// The logarithm of the chance that a gap lasts longer than `length_s`.
    pub fn ln_longer(self, length_s: f64, ln_mean: f64) -> f64 {
        match self {
            Temper::Lognormal(spread) => upper_tail((length_s.ln() - ln_mean) / spread + spread / 2.0).ln(),
            Temper::Memoryless => -length_s / ln_mean.exp(),
            Temper::Pareto => -2.0 * (length_s.ln() - ln_shortest(ln_mean)).max(0.0),
        }
    }

    /// The chance that a look of `length_s`, begun at any time, sees no contact: the mean of what is left
    /// of a gap beyond `length_s`, over the mean gap (the residual life of a renewal process).
    pub fn quiet(self, length_s: f64, ln_mean: f64) -> f64 {
        if length_s <= 0.0 {
            return 1.0;
        }
        let ln_share = length_s.ln() - ln_mean;
        match self {
            Temper::Lognormal(spread) if spread >= TABLED_MIN => tabled(spread, ln_share),
            Temper::Lognormal(spread) => quiet_lognormal(spread, ln_share),
            Temper::Memoryless => (-ln_share.exp()).exp(),
            Temper::Pareto if ln_share < 0.5f64.ln() => 1.0 - ln_share.exp(),
            Temper::Pareto => 0.25 / ln_share.exp(),
        }
    }
}

/// The logarithm of the shortest gap of a Pareto caller with exponent 2: half its mean.
pub fn ln_shortest(ln_mean: f64) -> f64 {
    ln_mean - 2f64.ln()
}

/// The constant of the lognormal density's logarithm.
pub fn ln_root_tau() -> f64 {
    0.5 * TAU.ln()
}

fn quiet_lognormal(spread: f64, ln_share: f64) -> f64 {
    let z = ln_share / spread + spread / 2.0;
    (upper_tail(z - spread) - ln_share.exp() * upper_tail(z)).clamp(0.0, 1.0)
}

/// A table runs over the logarithm of length over mean from here, in steps of 2 %.
const TABLE_FROM: f64 = -9.0;
const TABLE_STEP: f64 = 0.02;
const TABLE_ROWS: usize = 1101;

fn tabled(spread: f64, ln_share: f64) -> f64 {
    static TABLES: OnceLock<Vec<Vec<f64>>> = OnceLock::new();
    let tables = TABLES.get_or_init(|| TABLED.iter().map(|spread| table(*spread)).collect());
    let place = (ln_share - TABLE_FROM) / TABLE_STEP;
    let (row, Some(column)) = (place as usize, TABLED.iter().position(|tabled| *tabled == spread)) else {
        return quiet_lognormal(spread, ln_share);
    };
    match tables[column].get(row..row + 2) {
        _ if place < 0.0 => 1.0 - ln_share.exp(),
        Some(ends) => ends[0] + (ends[1] - ends[0]) * place.fract(),
        None => 0.0,
    }
}

fn table(spread: f64) -> Vec<f64> {
    (0..TABLE_ROWS).map(|row| quiet_lognormal(spread, TABLE_FROM + TABLE_STEP * row as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPERS: [Temper; 6] = [
        Temper::Lognormal(0.01),
        Temper::Lognormal(0.2),
        Temper::Lognormal(0.5),
        Temper::Lognormal(1.75),
        Temper::Memoryless,
        Temper::Pareto,
    ];

    #[test]
    fn a_look_is_quiet_as_often_as_gaps_outlast_it() {
        // The residual life summed up: 1 - ∫ P(gap > x) dx / mean from 0 to the length.
        let ln_mean = 3600f64.ln();
        for temper in TEMPERS {
            for share in [0.1, 0.5, 0.9, 2.0, 8.0] {
                let (length_s, steps) = (share * 3600.0, 20_000);
                let step = length_s / f64::from(steps);
                let middles = (0..steps).map(|index| (f64::from(index) + 0.5) * step);
                let sum: f64 = middles.map(|at| temper.ln_longer(at, ln_mean).exp() * step).sum();
                let (found, expected) = (temper.quiet(length_s, ln_mean), 1.0 - sum / 3600.0);
                assert!((found - expected).abs() < 2e-4, "{temper:?} {share}: {found} against {expected}");
            }
        }
    }

    #[test]
    fn longer_looks_are_never_quieter() {
        for temper in TEMPERS {
            let looks = (0..4000).map(|index| temper.quiet((f64::from(index) * 0.01 - 12.0).exp(), 1.0));
            let looks: Vec<f64> = looks.collect();
            assert!(looks.windows(2).all(|pair| pair[0] >= pair[1] - 1e-12), "{temper:?}");
            assert!(looks.iter().all(|quiet| (0.0..=1.0).contains(quiet)), "{temper:?}");
        }
        assert_eq!(Temper::Lognormal(0.5).quiet(0.0, 1.0), 1.0);
        assert_eq!(Temper::Lognormal(1.75).quiet(1e300, 1.0), 0.0);
    }
}
