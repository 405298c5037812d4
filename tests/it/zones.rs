//! Do schedules fire as people are told, in every zone of the tz database, whatever its clocks do? Held
//! against the second implementation of `almanac`; by a sample in the suite, by all of it on request.

use crate::almanac::{self, Day, Fields, Piece};
use crate::dice::Dice;
use crate::thorough::is_thorough;
use allclear::pure::schedule::{Cron, Schedule};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::time::Duration;

/// Expressions with a history of trouble.
const HARD: [&str; 20] = [
    "*/15 * * * *",
    "0 */3 * * *",
    "30 2 * * *",
    "*/20 0-3 * * *",
    "0 0 * * *",
    "59 23 * * *",
    "15 0 L * *",
    "30 1 29 2 *",
    "15 1 13 * 5",
    "30 2 */2 * 0",
    "0 2 1-7 * 7",
    "0 0 1 1 *",
    "30 0,1,2,3,23 * * *",
    "0 1 * * 5L",
    "0 3 * 3,4,9-11 0#1",
    "0 1 15W * *",
    "0 3 31 * *",
    "10-50/20 1-3/2 * * 6,7",
    "0 0 28-31 2 1-5",
    "1 */2 * * *",
];

/// Zones whose rules, or history, are odd: half an hour, Ramadan, a skipped day, two hours, a gap
/// at midnight, an offset of seconds, changes of rule.
const ODD: [&str; 14] = [
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "Asia/Gaza",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "Pacific/Kiritimati",
    "Antarctica/Troll",
    "America/Scoresbysund",
    "America/Sao_Paulo",
    "Asia/Tehran",
    "Asia/Beirut",
    "Africa/Monrovia",
    "America/Chicago",
];

/// The ten years that are looked at in whole, and all those of which odd nights are taken.
const DECADE: [&str; 2] = ["2026-01-01T00:00:00Z", "2036-01-01T00:00:00Z"];
const MEMORY: [&str; 2] = ["1968-01-01T00:00:00Z", "2038-01-01T00:00:00Z"];

/// So many seconds before and after a change of the clocks belong to its night; a skipped day fits.
const NIGHT_SECONDS: i64 = 26 * 3600;

fn seconds(text: &str) -> i64 {
    text.parse::<Timestamp>().expect("a time").as_second()
}

/// A field that is open in so many of ten cases.
fn field(dice: &mut Dice, low: usize, high: usize, open: usize) -> String {
    if dice.roll(10) < open {
        return "*".to_owned();
    }
    let (one, other) = (dice.between(low, high), dice.between(low, high));
    match dice.roll(5) {
        0 => format!("*/{}", dice.between(2, 17)),
        1 => format!("{}-{}", one.min(other), one.max(other)),
        2 => format!("{}-{}/{}", one.min(other), one.max(other), dice.between(2, 5)),
        3 => format!("{one},{other}"),
        _ => one.to_string(),
    }
}

/// An expression that fires: a day that no month has is rolled again. It leans to the small hours,
/// where the clocks change.
fn expression(dice: &mut Dice) -> String {
    loop {
        let hours = if dice.roll(3) == 0 { 23 } else { 4 };
        let (minute, hour) = (field(dice, 0, 59, 1), field(dice, 0, hours, 3));
        let (day, month) = (field(dice, 1, 31, 6), field(dice, 1, 12, 8));
        let text = format!("{minute} {hour} {day} {month} {}", field(dice, 0, 7, 6));
        if Cron::parse(&text).is_ok() {
            return text;
        }
    }
}

/// One zone as both implementations see it.
struct Place {
    name: String,
    zone: TimeZone,
    pieces: Vec<Piece>,
}

impl Place {
    fn of(name: &str) -> Place {
        let zone = TimeZone::get(name).expect("a zone of the database");
        let offset = |second| {
            let instant = Timestamp::from_second(second).expect("in range");
            i64::from(zone.to_offset(instant).seconds())
        };
        let pieces = almanac::pieces(seconds(MEMORY[0]), seconds(MEMORY[1]), offset);
        Place { name: name.to_owned(), zone, pieces }
    }

    /// The instants at which its clocks change, from the first to before the last.
    fn changes(&self, first: i64, last: i64) -> Vec<i64> {
        self.pieces[1..].iter().map(|piece| piece.from).filter(|from| (first..last).contains(from)).collect()
    }

    /// Both implementations, side by side, from `first` to before `last`.
    fn check(&self, calendar: &[Day], text: &str, first: i64, last: i64) {
        let cron = Cron::parse(text).unwrap_or_else(|error| panic!("{error}"));
        let before = Timestamp::new(first - 1, 999_999_999).expect("in range");
        let fired = std::iter::successors(cron.next_after(before, &self.zone), |fired| {
            cron.next_after(*fired, &self.zone)
        });
        let fired: Vec<i64> = fired
            .inspect(|fired| assert_eq!(fired.subsec_nanosecond(), 0))
            .map(|fired| fired.as_second())
            .take_while(|fired| *fired < last)
            .collect();
        let wanted = almanac::fires(&Fields::read(text), calendar, &self.pieces, first, last);
        let odd = fired.iter().zip(&wanted).position(|(one, other)| one != other);
        let odd = odd.unwrap_or(fired.len().min(wanted.len()));
        let told = |times: &[i64]| times.get(odd).map(|at| Timestamp::from_second(*at).expect("in range"));
        assert!(
            fired == wanted,
            "'{text}' in {}: fires at {:?} where {:?} is meant (firing {odd} since {})",
            self.name,
            told(&fired),
            told(&wanted),
            Timestamp::from_second(first).expect("in range"),
        );
    }

    fn check_night(&self, calendar: &[Day], text: &str, change: i64) {
        self.check(calendar, text, change - NIGHT_SECONDS, change + NIGHT_SECONDS);
    }
}

/// Every name of the database, aliases too.
fn names() -> Vec<String> {
    let mut names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    names.sort();
    names.dedup();
    assert!(names.len() > 500, "{} zones", names.len());
    names
}

#[test]
fn odd_nights_of_every_zone() {
    let calendar = almanac::calendar();
    let rolled = if is_thorough() { 2 } else { 1 };
    for (number, name) in names().iter().enumerate() {
        let place = Place::of(name);
        let mut dice = Dice(number as u64);
        let coming = place.changes(seconds(DECADE[0]), seconds(DECADE[1]));
        let ever = place.changes(seconds(MEMORY[0]) + NIGHT_SECONDS, seconds(MEMORY[1]) - NIGHT_SECONDS);
        let mut chosen = vec![seconds(DECADE[0]) + dice.roll(3650) as i64 * 86_400];
        if is_thorough() {
            chosen.extend(&ever);
        } else {
            let some = [&coming, &ever].into_iter().filter(|changes| !changes.is_empty());
            chosen.extend(some.flat_map(|changes| [(); 3].map(|()| dice.pick(changes))).collect::<Vec<_>>());
        }
        for change in chosen {
            (0..rolled).for_each(|_| place.check_night(&calendar, &expression(&mut dice), change));
            place.check_night(&calendar, dice.pick(&HARD), change);
        }
    }
}

#[test]
fn every_hard_expression_in_odd_zones_whatever_night() {
    let calendar = almanac::calendar();
    for name in ODD {
        let place = Place::of(name);
        let ever = place.changes(seconds(MEMORY[0]) + NIGHT_SECONDS, seconds(MEMORY[1]) - NIGHT_SECONDS);
        let mut dice = Dice(ever.len() as u64);
        for text in HARD.iter().chain(["* * * * *"].iter().filter(|_| is_thorough())) {
            let nights = if is_thorough() { ever.clone() } else { vec![dice.pick(&ever), dice.pick(&ever)] };
            nights.into_iter().for_each(|change| place.check_night(&calendar, text, change));
        }
        let minute = dice.pick(&ever);
        place.check(&calendar, "* * * * *", minute - 2 * 3600, minute + 3 * 3600);
    }
}

#[test]
fn ten_years_on_end() {
    let calendar = almanac::calendar();
    let all = names();
    let mut dice = Dice(2026);
    let chosen: Vec<String> = if is_thorough() {
        all
    } else {
        ODD.into_iter().map(str::to_owned).chain((0..10).map(|_| all[dice.roll(all.len())].clone())).collect()
    };
    // Those that fire at most a few times a day; the others are compared night by night.
    let rare: Vec<&str> = HARD.into_iter().filter(|text| !text.contains('/')).collect();
    for name in chosen {
        let place = Place::of(&name);
        for text in [dice.pick(&rare), dice.pick(&rare)] {
            place.check(&calendar, text, seconds(DECADE[0]), seconds(DECADE[1]));
        }
    }
}

#[test]
fn leap_days_come_every_four_years_and_not_in_2100() {
    let cron = Cron::parse("30 8 29 2 *").expect("a good expression");
    let chicago = TimeZone::get("America/Chicago").expect("a zone");
    let from: Timestamp = "2094-01-01T00:00:00Z".parse().expect("a time");
    let days = std::iter::successors(cron.next_after(from, &chicago), |day| cron.next_after(*day, &chicago));
    let days: Vec<String> = days.take(3).map(|day| day.to_string()).collect();
    assert_eq!(days, ["2096-02-29T14:30:00Z", "2104-02-29T14:30:00Z", "2108-02-29T14:30:00Z"]);
}

#[test]
fn multiples_since_the_epoch_are_the_same_in_every_zone() {
    for (number, name) in names().iter().enumerate() {
        let zone = TimeZone::get(name).expect("a zone of the database");
        let mut dice = Dice(number as u64);
        let period = dice.pick(&[60, 900, 3600, 5 * 3600, 86_400, 7 * 86_400, 7919]);
        let every = Schedule::Every(Duration::from_secs(period as u64));
        let after = seconds(DECADE[0]) + dice.roll(315_000_000) as i64;
        // By trying one second after the other.
        let wanted = (after + 1..=after + period).find(|second| second % period == 0);
        let found = every.next_after(Timestamp::from_second(after).expect("in range"), &zone);
        assert_eq!(found.map(|found| found.as_second()), wanted, "every {period} s in {name}");
    }
}
