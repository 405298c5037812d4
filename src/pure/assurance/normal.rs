//! What share of a normal distribution lies beyond a point? The one special function that callers with
//! lognormal gaps need.
//!
//! Used by `caller`. It must stay exact far out, where shares are small: weights are made of them.

use std::f64::consts::TAU;

/// Where the series gives way to the continued fraction; both have all digits that count there.
const FAR: f64 = 2.5;

/// Terms of the continued fraction, enough for 12 digits from [`FAR`] on.
const LEVELS: u32 = 60;

/// The chance that a standard normal variable is larger than `z`; 1 for minus infinity.
pub fn upper_tail(z: f64) -> f64 {
    match z {
        z if z < 0.0 => 1.0 - upper_tail(-z),
        z if z < FAR => 0.5 - central(z),
        z => density(z) / (1..=LEVELS).rev().fold(z, |fraction, level| z + f64::from(level) / fraction),
    }
}

fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / TAU.sqrt()
}

/// The chance of a value between 0 and `z`: density times z + z³/3 + z⁵/(3·5) + … (Abramowitz and Stegun,
/// "Handbook of Mathematical Functions", 26.2.11; the fraction is their 26.2.14).
fn central(z: f64) -> f64 {
    let (mut term, mut sum) = (z, z);
    for step in 1..LEVELS {
        term *= z * z / f64::from(2 * step + 1);
        sum += term;
    }
    density(z) * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_the_printed_tables() {
        for (z, share) in [
            (0.0, 0.5),
            (1.0, 0.158_655_253_931_457_05),
            (2.499_999, 0.006_209_682_854_1),
            (2.5, 0.006_209_665_325_776_13),
            (-1.959_963_984_540_054, 0.975),
            (6.0, 9.865_876_450_376_98e-10),
            (38.0, 2.885_428_35e-316),
            (f64::INFINITY, 0.0),
            (f64::NEG_INFINITY, 1.0),
        ] {
            let found = upper_tail(z);
            assert!((found - share).abs() <= 1e-9 * share, "beyond {z} lies {found}, not {share}");
        }
    }
}
