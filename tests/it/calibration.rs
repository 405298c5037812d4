//! Is a host that is still infected called clean more often than once in a hundred times? A few hosts of
//! each family, drawn alike every time; `cargo bench --bench calibration` draws thousands.

// The bench uses more of both.
#[allow(dead_code)]
#[path = "../../benches/calibration/family.rs"]
mod family;
#[allow(dead_code)]
#[path = "../../benches/calibration/host.rs"]
mod host;

use crate::world::{LAB, Seen, World, at, ip, silent};
use allclear::pure::assurance::{Callers, Past};
use allclear::pure::ticket::{Act, stand};
use family::{Family, PROMISED, Random};
use host::{Before, Fate, Restart, Setting};
use jiff::Timestamp;
use std::time::Duration;

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

/// Hosts with these gaps, in minutes, from ten past ten on; located around the clock, cleaned the next morning.
#[test]
fn a_ticket_shows_what_the_simulation_reckons_with() {
    for gaps_min in [
        vec![60, 61, 59, 60, 60, 60],
        vec![20, 95, 7, 130, 41, 66, 12, 180],
        vec![5, 8, 4, 300, 6, 11, 4, 240, 9],
    ] {
        let ends = gaps_min.iter().scan(0.0, |at, gap| {
            *at += f64::from(*gap) * 60.0;
            Some(*at)
        });
        let contacts: Vec<f64> = [0.0].into_iter().chain(ends).collect();
        let mut callers =
            Callers::of(&Past::of(&contacts, &[(0.0, 1e6)]), None).expect("six contacts are enough");
        let (world, shown) = lived(&contacts);
        // The locate run that has begun goes on for two hours.
        callers.watch(0.0, 7_200.0);
        for (night, shown) in shown.iter().enumerate() {
            // The nights begin ten hours after the cleaning and take eight.
            let from_s = 36_000.0 + night as f64 * host::DAY_S;
            callers.watch(from_s, from_s + 28_800.0);
            let reckoned = callers.assurance();
            assert!((shown - reckoned).abs() < 1e-5, "{gaps_min:?}, night {night}: {shown}, not {reckoned}");
        }
        assert_eq!(world.ticket().hosts[0].contacts.len(), contacts.len());
    }
}

/// The assurance that the ticket of such a host shows after each of three nights.
fn lived(contacts: &[f64]) -> (World, Vec<f64>) {
    let mut world = World::with(|playbook| playbook.clean.contact_interval = None);
    let begin = at("2015-05-04T10:10:00Z");
    let calls: Vec<Timestamp> =
        contacts.iter().map(|after_s| begin + Duration::from_secs_f64(*after_s)).collect();
    world.live_until("2015-05-05T10:00:00Z", |window| Seen {
        contacts: calls.iter().filter(|at| window.contains(**at)).map(|at| (ip(LAB), None, *at)).collect(),
        ..silent(window)
    });
    world.act("2015-05-05T10:00:00Z", Act::Clean { host: None, at: None }).expect("cleaned");
    let nights = ["2015-05-06T10:00:00Z", "2015-05-07T10:00:00Z", "2015-05-08T10:00:00Z"];
    let shown = nights.map(|morning| {
        world.live_until(morning, silent);
        let context = world.engine.context(world.ticket, world.now).expect("the playbook is there");
        stand(world.ticket(), &context).assurance.expect("known")
    });
    (world, shown.to_vec())
}
