//! Is it sure as soon as it may be, and never sooner?

use super::*;
use proptest::prelude::*;

const HOUR_S: f64 = 3600.0;
const DAY_S: f64 = 24.0 * HOUR_S;
const SIX_HOURS: Option<Duration> = Some(Duration::from_secs(6 * 3600));

/// Contacts with these gaps, watched throughout.
fn past(gaps_s: &[f64]) -> Past {
    let mut contacts = vec![0.0];
    gaps_s.iter().for_each(|gap_s| contacts.push(contacts[contacts.len() - 1] + gap_s));
    Past::of(&contacts, &[(0.0, contacts[contacts.len() - 1])])
}

fn after(past: &Past, interval: Option<Duration>, stretches: &[(f64, f64)]) -> Option<f64> {
    let mut callers = Callers::of(past, interval)?;
    stretches.iter().for_each(|(from_s, to_s)| callers.watch(*from_s, *to_s));
    Some(callers.assurance())
}

fn nights(count: u32, hours: f64) -> Vec<(f64, f64)> {
    (0..count).map(f64::from).map(|night| (night * DAY_S, night * DAY_S + hours * HOUR_S)).collect()
}

/// The first night after which 99 % is reached.
fn confirmed(past: &Past, hours: f64) -> Option<u32> {
    let mut callers = Callers::of(past, None)?;
    (1..=400).find(|night| {
        let from_s = f64::from(*night) * DAY_S;
        callers.watch(from_s, from_s + hours * HOUR_S);
        callers.assurance() >= 0.99
    })
}

#[test]
fn what_is_known_of_the_calling_decides() {
    let unseen = Past { gaps: 5, ..Past::default() };
    let hourly = |gaps| past(&vec![HOUR_S; gaps]);
    for (row, past, interval, is_known, is_stated) in [
        ("6 contacts, 5 gaps", hourly(5), SIX_HOURS, true, false),
        ("6 contacts, nothing stated", hourly(5), None, true, false),
        ("5 contacts, 4 gaps: as stated", hourly(4), SIX_HOURS, true, true),
        ("5 contacts, nothing stated", hourly(4), None, false, false),
        ("none", Past::default(), None, false, false),
        ("none, as stated", Past::default(), SIX_HOURS, true, true),
        ("6 contacts of which none was watched", unseen.clone(), SIX_HOURS, true, true),
        ("the same, nothing stated", unseen, None, false, false),
        ("an interval of zero states nothing", hourly(4), Some(Duration::ZERO), false, false),
    ] {
        let found = after(&past, interval, &[(0.0, 12.0 * HOUR_S)]);
        assert_eq!(found.is_some(), is_known, "{row}");
        let stated = 1.0 - (-2.0f64).exp();
        assert_eq!(found.is_some_and(|found| (found - stated).abs() < 1e-9), is_stated, "{row}: {found:?}");
    }
}

#[test]
fn half_hour_nights_against_six_hours_take_56() {
    for (count, is_enough) in [(55, false), (56, true)] {
        let reached = after(&Past::default(), SIX_HOURS, &nights(count, 0.5)).expect("an interval is stated");
        assert_eq!(reached >= 0.99, is_enough, "{count} nights give {reached}");
    }
}

#[test]
fn no_exposure_gives_no_assurance() {
    let known = past(&[HOUR_S; 6]);
    for stretches in [vec![], vec![(5.0, 5.0)], vec![(9.0, 3.0)]] {
        let found = after(&known, None, &stretches).expect("learned");
        assert!((0.0..1e-6).contains(&found), "{stretches:?}: {found}");
    }
    let found = after(&known, None, &[(f64::NAN, 7.0), (8.0, f64::NAN)]).expect("learned");
    assert!((0.0..=1.0).contains(&found), "no numbers: {found}");
}

/// Gaps drawn like these are what hosts were seen with; the nights are those that each needs.
#[test]
fn the_more_regular_the_sooner() {
    let jittered = |jitter: f64, count: u32| -> Vec<f64> {
        // Even steps over the range, in an order that is not sorted; 7 has no factor with the counts.
        let share = |index: u32| f64::from(index * 7 % count) / f64::from(count - 1) * 2.0 - 1.0;
        (0..count).map(|index| HOUR_S * (1.0 + jitter * share(index))).collect()
    };
    let memoryless: Vec<f64> =
        (0..30).map(|index| -HOUR_S * (1.0 - (f64::from(index) + 0.5) / 30.0).ln()).collect();
    let sleepy: Vec<f64> =
        (0..30).map(|index| (f64::from(index) / 29.0 * 6.0 - 3.0).exp() * 0.4 * HOUR_S).collect();
    for (row, gaps, hours, nights) in [
        ("a clock, longer nights", vec![HOUR_S; 5], 2.0, 1..=1),
        ("a clock that the night misses for ever", vec![HOUR_S; 5], 0.5, 401..=401),
        ("±30 %, 10 gaps", jittered(0.3, 10), 2.0, 1..=2),
        ("±50 %, 10 gaps", jittered(0.5, 10), 2.0, 1..=3),
        ("±50 %, 30 gaps", jittered(0.5, 30), 2.0, 1..=1),
        ("memoryless, 30 gaps", memoryless, 2.0, 3..=4),
        ("sleepy, 30 gaps", sleepy, 2.0, 5..=20),
    ] {
        let found = confirmed(&past(&gaps), hours).unwrap_or(401);
        assert!(nights.contains(&found), "{row}: {found} nights, not {nights:?}");
    }
}

#[test]
fn hostile_gaps_give_a_sane_answer() {
    for gaps_s in [
        vec![0.0; 5],
        vec![1e9; 5],
        vec![f64::MIN_POSITIVE, 1e9, 0.0, 1e9, 1e-9],
        vec![60.0; 262_143],
        (0..262_143).map(|index| 60.0 + f64::from(index % 1000)).collect(),
    ] {
        let (past, count) = (past(&gaps_s), gaps_s.len());
        let Some(mut callers) = Callers::of(&past, None) else { continue };
        let mut last = 0.0;
        for night in 0..40 {
            let from_s = f64::from(night) * DAY_S;
            callers.watch(from_s, from_s + HOUR_S);
            let found = callers.assurance();
            assert!(
                (0.0..=1.0).contains(&found) && found >= last - 1e-9,
                "{count} gaps: {last} then {found}"
            );
            last = found;
        }
    }
}

fn any_past() -> impl Strategy<Value = Past> {
    let gap = prop_oneof![60.0f64..1e5, Just(3600.0), 0.0f64..1e9, 3000.0f64..4000.0];
    (prop::collection::vec(gap, 5..40), 0.01f64..1.0, 60.0f64..1e5).prop_map(|(gaps_s, share, period_s)| {
        let mut contacts = vec![0.0];
        gaps_s.iter().for_each(|gap_s| contacts.push(contacts[contacts.len() - 1] + gap_s));
        let end = contacts[contacts.len() - 1];
        let period_s = period_s.max(end / 500.0);
        let watched: Vec<(f64, f64)> =
            (0..=500).map(f64::from).map(|index| (index * period_s, (index + share) * period_s)).collect();
        Past::of(&contacts, &watched)
    })
}

fn any_stretches() -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop::collection::vec((0.0f64..1e5, 1.0f64..4e4), 1..30).prop_map(|holes| {
        let mut end_s = 0.0;
        let stretch = |(hole_s, length_s)| {
            let from_s = end_s + hole_s;
            end_s = from_s + length_s;
            (from_s, end_s)
        };
        holes.into_iter().map(stretch).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn more_exposure_never_lowers_it(past in any_past(), stretches in any_stretches(), cut in 0.0f64..1.0) {
        let Some(mut callers) = Callers::of(&past, None) else { return Ok(()) };
        let mut last = callers.assurance();
        for (from_s, to_s) in stretches {
            let mut shorter = callers.clone();
            shorter.watch(from_s, from_s + cut * (to_s - from_s));
            let less = shorter.assurance();
            callers.watch(from_s, to_s);
            let found = callers.assurance();
            prop_assert!((0.0..=1.0).contains(&found));
            prop_assert!(last <= less + 1e-6 && less <= found + 1e-6, "{last}, {less}, {found}");
            last = found;
        }
    }

    #[test]
    fn it_is_never_surer_than_the_rate_known_for_certain(
        gaps in 5usize..30, gap_s in 60.0f64..1e5, since_s in 1.0f64..1e6,
    ) {
        // Of a memoryless caller; a panel of nothing but it is the plain formula.
        let plain = Memoryless::Learned { gaps: gaps as f64, before_s: gaps as f64 * gap_s };
        prop_assert!(plain.silence(since_s) >= (-since_s / gap_s).exp() - 1e-12);
    }
}
