//! Which hosts are drawn? Gaps with mean 1, from the strict timer to bursts with long sleeps, and the
//! generator of chance that draws them: the same for the same seed everywhere.

use std::fmt;
use std::str::FromStr;

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Between 0 and 1, neither of them.
    pub fn share(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    pub fn exponential(&mut self) -> f64 {
        -self.share().ln()
    }

    fn normal(&mut self) -> f64 {
        (2.0 * self.exponential()).sqrt() * (std::f64::consts::TAU * self.share()).cos()
    }

    /// Marsaglia and Tsang, "A simple method for generating gamma variables", 2000.
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.gamma(shape + 1.0) * self.share().powf(1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        loop {
            let x = self.normal();
            let v = (1.0 + x / (9.0 * d).sqrt()).powi(3);
            if v > 0.0 && self.share().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
}

/// How the gaps of a host are distributed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Family {
    Exponential,
    /// Even jitter of this share to each side; 0 is a strict timer.
    Uniform(f64),
    Lognormal(f64),
    /// With a shortest gap, and this exponent.
    Pareto(f64),
    /// Pareto moved to begin at zero (Lomax).
    Lomax(f64),
    Weibull(f64),
    Gamma(f64),
    /// Two timers in turn, by chance: 0.45 and 1.55.
    Bimodal,
    /// Four of five gaps a quarter of the mean, the fifth four times it, both ±50 %.
    Bursts,
}

/// What the design asks for.
pub const PROMISED: [Family; 6] = [
    Family::Exponential,
    Family::Uniform(0.3),
    Family::Uniform(0.5),
    Family::Lognormal(1.0),
    Family::Lognormal(1.5),
    Family::Pareto(2.0),
];

impl Family {
    pub fn draw(self, random: &mut Random) -> f64 {
        match self {
            Family::Exponential => random.exponential(),
            Family::Uniform(jitter) => 1.0 + jitter * (2.0 * random.share() - 1.0),
            Family::Lognormal(spread) => (spread * random.normal() - spread * spread / 2.0).exp(),
            Family::Pareto(exponent) => (exponent - 1.0) / exponent * random.share().powf(-1.0 / exponent),
            Family::Lomax(exponent) => (exponent - 1.0) * (random.share().powf(-1.0 / exponent) - 1.0),
            Family::Weibull(shape) => random.exponential().powf(1.0 / shape) / factorial(1.0 / shape),
            Family::Gamma(shape) => random.gamma(shape) / shape,
            Family::Bimodal if random.share() < 0.5 => 0.4 + 0.1 * random.share(),
            Family::Bimodal => 1.5 + 0.1 * random.share(),
            Family::Bursts if random.share() < 0.8 => 0.25 * (0.5 + random.share()),
            Family::Bursts => 4.0 * (0.5 + random.share()),
        }
    }
}

/// x! by Stirling's series, from where it has all digits.
fn factorial(x: f64) -> f64 {
    if x < 20.0 {
        return factorial(x + 1.0) / (x + 1.0);
    }
    let y = x + 1.0;
    ((y - 0.5) * y.ln() - y + 0.5 * std::f64::consts::TAU.ln() + 1.0 / (12.0 * y)).exp()
}

impl FromStr for Family {
    type Err = String;

    fn from_str(text: &str) -> Result<Family, String> {
        let (name, number) = text.split_once(':').unwrap_or((text, "1"));
        let number: f64 = number.parse().map_err(|_| format!("`{number}` is no number"))?;
        let family = match name {
            "exponential" => Family::Exponential,
            "strict" => Family::Uniform(0.0),
            "uniform" if number < 1.0 => Family::Uniform(number),
            "lognormal" => Family::Lognormal(number),
            "pareto" if number > 1.0 => Family::Pareto(number),
            "lomax" if number > 1.0 => Family::Lomax(number),
            "weibull" => Family::Weibull(number),
            "gamma" => Family::Gamma(number),
            "bimodal" => Family::Bimodal,
            "bursts" => Family::Bursts,
            _ => return Err(format!("`{text}` is no family: give `lognormal:1.5` or the like")),
        };
        if number >= 0.0 { Ok(family) } else { Err(format!("`{text}` is no family")) }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Family::Exponential => f.write_str("exponential"),
            Family::Uniform(0.0) => f.write_str("strict"),
            Family::Uniform(jitter) => write!(f, "uniform:{jitter}"),
            Family::Lognormal(spread) => write!(f, "lognormal:{spread}"),
            Family::Pareto(exponent) => write!(f, "pareto:{exponent}"),
            Family::Lomax(exponent) => write!(f, "lomax:{exponent}"),
            Family::Weibull(shape) => write!(f, "weibull:{shape}"),
            Family::Gamma(shape) => write!(f, "gamma:{shape}"),
            Family::Bimodal => f.write_str("bimodal"),
            Family::Bursts => f.write_str("bursts"),
        }
    }
}
