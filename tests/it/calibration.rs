//! Is a host that is still infected called clean more often than once in a hundred times? A few hosts of
//! each family, drawn alike every time; `cargo bench --bench calibration` draws thousands.

// The bench uses more of both.
#[allow(dead_code)]
#[path = "../../benches/calibration/family.rs"]
mod family;
#[allow(dead_code)]
#[path = "../../benches/calibration/host.rs"]
mod host;

use family::{Family, PROMISED, Random};
use host::{Before, Fate, Restart, Setting};

const HOSTS: usize = 60;

fn setting(family: Family, gaps: u64, window_h: f64, mean_h: f64) -> Setting {
    Setting {
        family,
        mean_s: mean_h * 3600.0,
        gaps,
        window_s: window_h * 3600.0,
        before: Before::Always,
        restart: Restart::Never,
        nights_min: 1,
    }
}

fn fates(setting: Setting) -> Vec<Fate> {
    let mut random = Random(4);
    (0..HOSTS).filter_map(|_| setting.fate(&mut random)).collect()
}

fn median(nights: impl Iterator<Item = u32>) -> u32 {
    let mut nights: Vec<u32> = nights.collect();
    nights.sort_unstable();
    nights[nights.len() / 2]
}

#[test]
fn of_hosts_that_are_still_infected_hardly_any_is_called_clean() {
    let (mut plain, mut hosts) = (0, 0);
    for family in PROMISED {
        let rows = [(5, 0.5, 0.25), (8, 8.0, 8.0), (20, 2.0, 1.0)];
        let found: Vec<Fate> = rows
            .iter()
            .flat_map(|(gaps, window, mean)| fates(setting(family, *gaps, *window, *mean)))
            .collect();
        // 1 % of 180 is 1.8; more than 6 come by chance once in 300 times.
        let wrong = found.iter().filter(|fate| fate.is_false_clean()).count();
        assert!(wrong <= 6, "{family}: {wrong} of {}", found.len());
        plain += found.iter().filter(|fate| fate.is_false_clean_by_plain()).count();
        hosts += found.len();
    }
    assert!(plain * 100 > hosts, "the plain formula calls {plain} of {hosts} clean: this draws too kindly");
}

#[test]
fn timers_are_confirmed_sooner_than_by_the_plain_formula() {
    for (family, gaps) in [(Family::Uniform(0.3), 10), (Family::Uniform(0.5), 20)] {
        let found = fates(setting(family, gaps, 2.0, 1.0));
        let nights = median(found.iter().map(|fate| fate.confirmed));
        let plain = median(found.iter().map(|fate| fate.plain));
        assert!(nights <= 2 && nights < plain, "{family}: {nights} nights, {plain} by the plain formula");
    }
}

#[test]
fn memoryless_hosts_wait_at_most_a_quarter_longer_once_much_is_known_of_them() {
    let found = fates(setting(Family::Exponential, 30, 2.0, 3.0));
    let nights = median(found.iter().map(|fate| fate.confirmed));
    let plain = median(found.iter().map(|fate| fate.plain));
    assert!(f64::from(nights) <= 1.25 * f64::from(plain), "{nights} nights, {plain} by the plain formula");
}

#[test]
fn a_timer_that_the_same_hours_miss_is_never_confirmed_by_them() {
    let found = fates(Setting { restart: Restart::Cleaning, ..setting(Family::Uniform(0.0), 10, 0.5, 6.0) });
    assert_eq!(found.iter().filter(|fate| fate.is_false_clean()).count(), 0);
    let missed = found.iter().filter(|fate| fate.is_false_clean_by_plain()).count();
    assert!(missed > found.len() / 2, "the plain formula is fooled: {missed} of {}", found.len());
}

#[test]
fn contacts_seen_only_in_nights_or_quarters_of_an_hour_teach_safely() {
    for before in [Before::Nights, Before::Quarters] {
        for family in [Family::Exponential, Family::Lognormal(1.5), Family::Uniform(0.3)] {
            let found = fates(Setting { before, ..setting(family, 8, 2.0, 1.0) });
            let wrong = found.iter().filter(|fate| fate.is_false_clean()).count();
            assert!(wrong <= 3, "{family} {before:?}: {wrong} of {}", found.len());
        }
    }
}
