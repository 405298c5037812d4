//! Which callers fit what was seen? Every kind of caller at every scale gets a weight.
//!
//! Left of it is `past`, right of it `silence`. The weight of a caller is its prior times the chance of
//! what was seen, were it the one (Bayes); its scale is not known beforehand at all (flat in the logarithm).

use super::caller::{Temper, ln_root_tau, ln_shortest};
use super::past::{Lengths, Past, Rate};

/// The kinds of callers that are reckoned with, and how many of each are, before anything is seen. The
/// numbers are not observed: they are what `benches/calibration` needs in order to stay below 1 in 100, and
/// few gaps tell a memoryless caller from one that sleeps for long only slowly.
pub const TEMPERS: [(Temper, f64); 15] = [
    (Temper::Memoryless, 4.0),
    (Temper::Pareto, 2.0),
    (Temper::Lognormal(0.003), 1.0),
    (Temper::Lognormal(0.01), 1.0),
    (Temper::Lognormal(0.03), 1.0),
    (Temper::Lognormal(0.06), 1.0),
    (Temper::Lognormal(0.12), 1.0),
    (Temper::Lognormal(0.2), 1.0),
    (Temper::Lognormal(0.3), 1.0),
    (Temper::Lognormal(0.5), 1.0),
    (Temper::Lognormal(0.75), 1.0),
    (Temper::Lognormal(1.0), 3.0),
    (Temper::Lognormal(1.25), 3.0),
    (Temper::Lognormal(1.5), 3.0),
    (Temper::Lognormal(1.75), 3.0),
];

/// Lognormal callers at least this irregular may sleep: they are never believed to be silent sooner than a
/// memoryless one, and gaps with holes tell nothing of their temper.
pub const IRREGULAR_MIN: f64 = 0.5;

/// One caller that may be the host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    pub temper: Temper,
    /// The logarithm of its mean gap in seconds.
    pub ln_mean: f64,
    /// How far to each side the scales reach that it stands for.
    pub ln_reach: f64,
    /// All weights add up to 1.
    pub weight: f64,
}

/// Every caller that could be the host, with its weight.
pub fn learn(past: &Past) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> =
        TEMPERS.iter().flat_map(|(temper, prior)| scales(past, *temper, prior.ln())).collect();
    let top = candidates.iter().map(|each| each.weight).fold(f64::NEG_INFINITY, f64::max);
    candidates.iter_mut().for_each(|each| each.weight = (each.weight - top).exp());
    let all: f64 = candidates.iter().map(|each| each.weight).sum();
    candidates.iter_mut().for_each(|each| each.weight /= all);
    candidates
}

/// Scales are looked at this many at a time.
const GRID: usize = 13;

/// Scales from a fraction of a second to millions of years.
const LN_MEANS: (f64, f64) = (-2.0, 32.0);

/// A scale that is less likely than the best one by this factor (e to the 7th, 1 to 1,100) is out.
const LN_NEGLIGIBLE: f64 = 7.0;

/// Each round narrows the grid to a third at most, so that it ends on the likely scales of even a quarter
/// of a million equal gaps.
const ROUNDS: u32 = 24;

/// The likely scales of one temper; `weight` is a logarithm still.
fn scales(past: &Past, temper: Temper, ln_prior: f64) -> Vec<Candidate> {
    let (mut low, mut high) = LN_MEANS;
    for round in 1..=ROUNDS {
        let step = (high - low) / (GRID - 1) as f64;
        let grid: [(f64, f64); GRID] = std::array::from_fn(|index| {
            let ln_mean = low + step * index as f64;
            (ln_mean, ln_likelihood(past, temper, ln_mean))
        });
        let top = grid.iter().map(|(_, ln)| *ln).fold(f64::NEG_INFINITY, f64::max);
        let is_likely = |(_, ln): &(f64, f64)| *ln > top - LN_NEGLIGIBLE;
        let (Some(first), Some(last)) = (grid.iter().position(is_likely), grid.iter().rposition(is_likely))
        else {
            return Vec::new();
        };
        let likely = &grid[first.saturating_sub(1)..(last + 2).min(GRID)];
        if likely.len() > GRID / 2 + 2 || round == ROUNDS {
            let candidate = |(ln_mean, ln): &(f64, f64)| Candidate {
                temper,
                ln_mean: *ln_mean,
                ln_reach: step / 2.0,
                weight: ln + step.ln() + ln_prior,
            };
            return likely.iter().filter(|(_, ln)| ln.is_finite()).map(candidate).collect();
        }
        (low, high) = (likely[0].0, likely[likely.len() - 1].0);
    }
    Vec::new()
}

/// The logarithm of the chance (density) of what was seen, were this the caller.
///
/// Gaps with holes may hide contacts, which makes irregular callers look more regular than they are: of
/// those, only the rate counts, as for a memoryless caller, and for less where their rate is less certain.
fn ln_likelihood(past: &Past, temper: Temper, ln_mean: f64) -> f64 {
    let tails = past.tails.classes().map(|(count, length_s)| count * temper.ln_longer(length_s, ln_mean));
    let tails: f64 = tails.sum();
    let ln_rate = |rate: &Rate| ln_rate(rate, temper, ln_mean);
    match temper {
        Temper::Memoryless => {
            tails + ln_rate(&past.whole.rate) + ln_rate(&past.mostly.rate) + ln_rate(&past.seldom)
        }
        Temper::Lognormal(spread) if spread >= IRREGULAR_MIN => {
            let whole = ln_lengths(&past.whole, temper, ln_mean);
            tails + whole + ln_rate(&past.mostly.rate) + ln_rate(&past.seldom)
        }
        Temper::Lognormal(_) | Temper::Pareto => {
            let whole = ln_lengths(&past.whole, temper, ln_mean);
            tails + whole + ln_lengths(&past.mostly, temper, ln_mean) + ln_rate(&past.seldom)
        }
    }
}

/// So many contacts in so much exposure, n ln λ - λE, which is best at λ = n / E. A caller whose gaps spread
/// more than those of a memoryless one tells its rate by 1 / spread² less certainly: its curve is as much
/// flatter about the same top.
fn ln_rate(rate: &Rate, temper: Temper, ln_mean: f64) -> f64 {
    let Rate { count, exposed_s } = *rate;
    let share = exposed_s.max(1.0) / ln_mean.exp();
    let top = if count > 0.0 { count * ((count / exposed_s.max(1.0)).ln() - 1.0) } else { 0.0 };
    let below = if count > 0.0 { count * (share / count).ln() - share + count } else { -share };
    let certainty = match temper {
        Temper::Lognormal(spread) => (1.0 / (spread * spread)).min(1.0),
        Temper::Memoryless | Temper::Pareto => 1.0,
    };
    if rate.count == 0.0 && exposed_s == 0.0 { 0.0 } else { top + certainty * below }
}

/// The logarithm of the density of gaps at their full length; their logarithms are all that matters.
fn ln_lengths(lengths: &Lengths, temper: Temper, ln_mean: f64) -> f64 {
    let count = lengths.rate.count;
    let ln_sum = count * lengths.ln_mean;
    match temper {
        _ if count == 0.0 => 0.0,
        Temper::Lognormal(spread) => {
            let distance = lengths.ln_mean - (ln_mean - spread * spread / 2.0);
            let squares = lengths.ln_squares + count * distance * distance;
            -ln_sum - count * (spread.ln() + ln_root_tau()) - squares / (2.0 * spread * spread)
        }
        Temper::Pareto if ln_shortest(ln_mean) > lengths.ln_least => f64::NEG_INFINITY,
        Temper::Pareto => count * (2f64.ln() + 2.0 * ln_shortest(ln_mean)) - 3.0 * ln_sum,
        Temper::Memoryless => ln_rate(&lengths.rate, temper, ln_mean),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(lengths_s: &[f64]) -> Past {
        let ends = lengths_s.iter().scan(0.0, |at, length_s| {
            *at += length_s;
            Some(*at)
        });
        let contacts: Vec<f64> = [0.0].into_iter().chain(ends).collect();
        Past::of(&contacts, &[(0.0, f64::INFINITY)])
    }

    fn likeliest(past: &Past) -> Temper {
        let mut tempers: Vec<(Temper, f64)> = TEMPERS.iter().map(|(temper, _)| (*temper, 0.0)).collect();
        for candidate in learn(past) {
            let found = tempers.iter_mut().find(|(temper, _)| *temper == candidate.temper);
            found.expect("a known temper").1 += candidate.weight;
        }
        tempers.into_iter().max_by(|one, other| one.1.total_cmp(&other.1)).expect("tempers").0
    }

    #[test]
    fn what_was_seen_tells_the_temper() {
        let clock = gaps(&[3600.0, 3600.0, 3600.5, 3599.5, 3600.0, 3600.0]);
        assert_eq!(likeliest(&clock), Temper::Lognormal(0.003));
        let jittered = gaps(&[3100.0, 4300.0, 3700.0, 2900.0, 4100.0, 3500.0, 3300.0, 4600.0]);
        assert_eq!(likeliest(&jittered), Temper::Lognormal(0.2));
        // The quantiles of an exponential distribution, twice.
        let quantile = |index: u32| -3600.0 * (1.0 - (f64::from(index) - 0.5) / 15.0).ln();
        let memoryless: Vec<f64> = (1..=15).chain(1..=15).map(quantile).collect();
        assert_eq!(likeliest(&gaps(&memoryless)), Temper::Memoryless);
        let sleepy: Vec<f64> =
            (1..=15).map(|index| (f64::from(index) - 8.0) * 0.4 + 8.0).map(f64::exp).collect();
        assert!(matches!(likeliest(&gaps(&sleepy)), Temper::Lognormal(spread) if spread >= 1.5));
    }

    #[test]
    fn weights_add_up_and_find_the_scale() {
        for lengths_s in [vec![1.0; 5], vec![1e9; 262_143], vec![60.0, 1e9, 61.0, 1e8, 60.0]] {
            let candidates = learn(&gaps(&lengths_s));
            let all: f64 = candidates.iter().map(|each| each.weight).sum();
            assert!((all - 1.0).abs() < 1e-9, "{all}");
            assert!(candidates.iter().all(|each| each.ln_mean.is_finite() && each.weight >= 0.0));
        }
        let candidates = learn(&gaps(&vec![1e9; 262_143]));
        let mean: f64 = candidates.iter().map(|each| each.weight * each.ln_mean).sum();
        assert!((mean - 1e9f64.ln()).abs() < 1e-3, "{mean}");
    }
}
