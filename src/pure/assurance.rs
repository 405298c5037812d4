//! How likely is it that silence means clean? Contacts and exposure in, a chance out.
//!
//! Left of it is `verdict`, right of it `ticket`. It must never be surer than the contacts that were
//! really seen allow: what was not learned and is not stated is unknown, and unknown is not enough.
//!
//! Two ways to the chance that a host that is still infected would have stayed silent, S and T being
//! its exposure before and since the cleaning:
//!
//! - *Learned.* n gaps between n + 1 contacts took S of watched time. For a memoryless caller of rate
//!   λ these say as much as n events of a Poisson process in time S; with the flat prior on log λ, λ
//!   is gamma distributed with shape n and rate S, and the mean of exp(-λT) over it is the Laplace
//!   transform of that distribution, (S / (S + T))^n. It is larger than exp(-nT/S), which takes the
//!   rate for certain: few gaps make it doubt longer.
//! - *Stated.* Where fewer gaps were seen and the playbook states the mean interval μ: exp(-T / μ),
//!   the Poisson probability of no event.
//!
//! For contacts more regular than memoryless both are slow, which is safe; for more irregular ones
//! they are too fast. Source: design "When is it clean?"; the stated form also in Hanley and
//! Lippman-Hand, "If nothing goes wrong, is everything all right?", JAMA 249 (1983).

use std::time::Duration;

/// Gaps between contacts from which a host's own rate is learned (design: n >= 5); it takes one
/// contact more.
pub const LEARNED_GAPS_MIN: u64 = 5;

/// The chance, 0 to 1, that at least one contact would have been seen, were the host still infected.
///
/// `contacts` counts those before the cleaning, `exposed_before_s` is the exposure between the first
/// and the last of them, `exposed_since_s` that since the cleaning, both in seconds of watched time.
/// `contact_interval` is what the playbook states. `None`: unknown, since nothing tells how often the
/// host calls; it needs at least 6 contacts seen before the cleaning, or `contact_interval`.
pub fn assurance(
    contacts: u64,
    exposed_before_s: f64,
    exposed_since_s: f64,
    contact_interval: Option<Duration>,
) -> Option<f64> {
    let since_s = exposed_since_s.max(0.0);
    let silence = match Rate::of(contacts, exposed_before_s, contact_interval)? {
        Rate::Learned { gaps, before_s } => (before_s / (before_s + since_s)).powf(gaps),
        Rate::Stated { interval_s } => (-since_s / interval_s).exp(),
    };
    Some(1.0 - silence)
}

/// The exposure since the cleaning, in seconds, at which [`assurance`] reaches `wanted` (0 to 1).
///
/// `None`: it never does, because the assurance is unknown, or because a certainty is wanted.
pub fn exposure_needed(
    contacts: u64,
    exposed_before_s: f64,
    contact_interval: Option<Duration>,
    wanted: f64,
) -> Option<f64> {
    let rate = Rate::of(contacts, exposed_before_s, contact_interval)?;
    let silence_max = 1.0 - wanted.max(0.0);
    if silence_max <= 0.0 {
        return None;
    }
    Some(match rate {
        Rate::Learned { gaps, before_s } => before_s * (silence_max.powf(-1.0 / gaps) - 1.0),
        Rate::Stated { interval_s } => -interval_s * silence_max.ln(),
    })
}

/// What is known of how often a host makes contact.
enum Rate {
    Learned { gaps: f64, before_s: f64 },
    Stated { interval_s: f64 },
}

impl Rate {
    /// Contacts of which none lies in exposure (S = 0) teach nothing: by the formula, silence of a
    /// second would then be proof.
    fn of(contacts: u64, exposed_before_s: f64, contact_interval: Option<Duration>) -> Option<Rate> {
        let gaps = contacts.saturating_sub(1);
        if gaps >= LEARNED_GAPS_MIN && exposed_before_s > 0.0 {
            return Some(Rate::Learned { gaps: gaps as f64, before_s: exposed_before_s });
        }
        let interval_s = contact_interval?.as_secs_f64();
        (interval_s > 0.0).then_some(Rate::Stated { interval_s })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR_S: f64 = 3600.0;
    const SIX_HOURS: Option<Duration> = Some(Duration::from_secs(6 * 3600));

    fn close(found: Option<f64>, expected: f64) -> bool {
        found.is_some_and(|found| (found - expected).abs() < 1e-9)
    }

    #[test]
    fn what_is_known_of_the_rate_decides() {
        // After as much exposure as the contacts took: 1 - (1/2)^n, or 1 - 1/e^2 for two intervals.
        let (before_s, since_s) = (12.0 * HOUR_S, 12.0 * HOUR_S);
        let stated = 1.0 - (-2.0f64).exp();
        for (row, contacts, before_s, interval, expected) in [
            ("6 contacts, 5 gaps", 6, before_s, SIX_HOURS, Some(1.0 - 1.0 / 32.0)),
            ("7 contacts, nothing stated", 7, before_s, None, Some(1.0 - 1.0 / 64.0)),
            ("5 contacts, 4 gaps: as stated", 5, before_s, SIX_HOURS, Some(stated)),
            ("5 contacts, nothing stated", 5, before_s, None, None),
            ("none", 0, 0.0, None, None),
            ("none, as stated", 0, 0.0, SIX_HOURS, Some(stated)),
            ("6 contacts that taught nothing", 6, 0.0, SIX_HOURS, Some(stated)),
            ("6 contacts that taught nothing, nothing stated", 6, 0.0, None, None),
            ("an interval of zero states nothing", 0, 0.0, Some(Duration::ZERO), None),
        ] {
            match (assurance(contacts, before_s, since_s, interval), expected) {
                (found @ Some(_), Some(expected)) => assert!(close(found, expected), "{row}: {found:?}"),
                (found, expected) => assert_eq!(found, expected, "{row}"),
            }
        }
    }

    #[test]
    fn no_exposure_gives_no_assurance() {
        assert_eq!(assurance(6, HOUR_S, 0.0, None), Some(0.0));
        assert_eq!(assurance(0, 0.0, 0.0, SIX_HOURS), Some(0.0));
        assert_eq!(assurance(6, HOUR_S, -1.0, None), Some(0.0));
    }

    #[test]
    fn half_hour_nights_against_six_hours_take_56() {
        let needed_s = exposure_needed(0, 0.0, SIX_HOURS, 0.99).expect("an interval is stated");
        assert_eq!((needed_s / (0.5 * HOUR_S)).ceil(), 56.0);
        for (nights, is_enough) in [(55.0, false), (56.0, true)] {
            let reached = assurance(0, 0.0, nights * 0.5 * HOUR_S, SIX_HOURS).expect("an interval is stated");
            assert_eq!(reached >= 0.99, is_enough, "{nights} nights give {reached}");
        }
    }

    #[test]
    fn what_can_never_be_reached_needs_no_number() {
        assert_eq!(exposure_needed(5, HOUR_S, None, 0.99), None, "unknown");
        assert_eq!(exposure_needed(6, HOUR_S, None, 1.0), None, "a certainty");
        assert_eq!(exposure_needed(6, HOUR_S, None, 0.0), Some(0.0), "nothing wanted");
    }

    #[test]
    fn it_is_the_mean_silence_over_every_rate_that_fits() {
        // The integral that the module's comment solves, summed up in small steps of λ.
        let (gaps, before_s, since_s) = (5, 10.0f64, 4.0f64);
        let (step, factorial) = (1e-4, 24.0);
        let silence: f64 = (1..200_000)
            .map(|index| f64::from(index) * step)
            .map(|rate| {
                before_s.powi(gaps) * rate.powi(gaps - 1) * (-rate * before_s).exp() / factorial
                    * (-rate * since_s).exp()
                    * step
            })
            .sum();
        let found = assurance(6, before_s, since_s, None).expect("learned");
        assert!((found - (1.0 - silence)).abs() < 1e-6, "{found} against {}", 1.0 - silence);
    }

    proptest! {
        #[test]
        fn needed_exposure_is_where_the_assurance_is_reached(
            contacts in 0u64..40,
            before_s in 1.0f64..1e7,
            interval_s in 1u64..1_000_000,
            wanted in 0.01f64..0.9999,
        ) {
            let interval = Some(Duration::from_secs(interval_s));
            let needed_s = exposure_needed(contacts, before_s, interval, wanted).expect("an interval is stated");
            let less = assurance(contacts, before_s, needed_s * 0.999, interval).expect("known");
            let more = assurance(contacts, before_s, needed_s * 1.001, interval).expect("known");
            prop_assert!(less < wanted && wanted < more, "{less} < {wanted} < {more}");
        }

        #[test]
        fn fewer_gaps_never_make_surer(gaps in 5u64..30, gap_s in 1.0f64..1e5, since_s in 1.0f64..1e6) {
            let few = assurance(gaps + 1, gaps as f64 * gap_s, since_s, None).expect("learned");
            let more = assurance(gaps + 2, (gaps + 1) as f64 * gap_s, since_s, None).expect("learned");
            prop_assert!(few <= more);
            prop_assert!(more <= 1.0 - (-since_s / gap_s).exp() + 1e-12, "never surer than a rate known for certain");
        }
    }
}
