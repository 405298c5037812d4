//! A second implementation of when a cron expression fires, to hold against the first. It shares
//! nothing with it: it reads the fields by itself, counts the days of its own calendar, walks the
//! minutes of the clock on the wall one by one, and knows of a zone only its offset at an instant.

use std::collections::BTreeSet;

const DAY: i64 = 86_400;

/// The years that the calendar knows.
pub const YEARS: std::ops::RangeInclusive<i64> = 1966..=2040;

/// One day, as people count it.
#[derive(Clone, Copy)]
pub struct Day {
    /// Days since 1970-01-01.
    number: i64,
    month: usize,
    day: i64,
    /// Days of its month.
    length: i64,
    /// From Sunday, 0.
    weekday: usize,
}

/// Every day of the years, counted one by one from a Saturday, 1966-01-01.
pub fn calendar() -> Vec<Day> {
    let mut days = Vec::new();
    let (mut number, mut weekday) = (-1461, 6);
    for year in YEARS {
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let february = if is_leap { 29 } else { 28 };
        for (month, length) in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].into_iter().enumerate()
        {
            for day in 1..=length {
                days.push(Day { number, month: month + 1, day, length, weekday });
                (number, weekday) = (number + 1, (weekday + 1) % 7);
            }
        }
    }
    days
}

/// An expression, taken apart: what each field allows, by number.
pub struct Fields {
    minutes: Vec<bool>,
    hours: Vec<bool>,
    days: String,
    months: Vec<bool>,
    weekdays: String,
}

impl Fields {
    pub fn read(text: &str) -> Fields {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else { panic!("five fields: {text}") };
        Fields {
            minutes: allowed(minute, 0, 59),
            hours: allowed(hour, 0, 23),
            days: day.to_owned(),
            months: allowed(month, 1, 12),
            weekdays: weekday.to_owned(),
        }
    }

    /// A day that both fields leave open, or that the restricted one means; where both are
    /// restricted, a day that either means.
    fn has_day(&self, day: &Day) -> bool {
        let by_day = self.days.split(',').any(|part| is_day(part, day));
        let by_weekday = self.weekdays.split(',').any(|part| is_weekday(part, day));
        self.months[day.month]
            && match (self.days.as_str(), self.weekdays.as_str()) {
                ("*", _) => by_weekday,
                (_, "*") => by_day,
                _ => by_day || by_weekday,
            }
    }
}

fn is_day(part: &str, day: &Day) -> bool {
    match part.strip_suffix('W') {
        _ if part == "L" => day.day == day.length,
        Some(near) => day.day == nearest_weekday(near.parse().expect("a day"), day),
        None => allowed(part, 1, 31)[day.day as usize],
    }
}

/// Monday to Friday, as near as can be to a day of this day's month, and in it.
fn nearest_weekday(wanted: i64, day: &Day) -> i64 {
    let weekday = (day.weekday as i64 + wanted - day.day).rem_euclid(7);
    match weekday {
        _ if wanted > day.length => 0,
        6 if wanted == 1 => 3,
        6 => wanted - 1,
        0 if wanted == day.length => wanted - 2,
        0 => wanted + 1,
        _ => wanted,
    }
}

fn is_weekday(part: &str, day: &Day) -> bool {
    let is = |text: &str| text.parse::<usize>().expect("a weekday") % 7 == day.weekday;
    if let Some(last) = part.strip_suffix('L') {
        return is(last) && day.day + 7 > day.length;
    }
    if let Some((weekday, nth)) = part.split_once('#') {
        return is(weekday) && (day.day - 1) / 7 + 1 == nth.parse::<i64>().expect("a number");
    }
    let allowed = allowed(part, 0, 7);
    allowed[day.weekday] || (day.weekday == 0 && allowed[7])
}

/// The numbers that a list of `*`, `3`, `1-5`, `*/2` and `1-9/2` means.
fn allowed(field: &str, low: usize, high: usize) -> Vec<bool> {
    let mut numbers = vec![false; high + 1];
    for part in field.split(',') {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let number = |text: &str| text.parse::<usize>().expect("a number");
        let (from, to) = match (range, range.split_once('-')) {
            ("*", _) => (low, high),
            (_, Some((from, to))) => (number(from), number(to)),
            _ => (number(range), number(range)),
        };
        (from..=to).step_by(number(step)).for_each(|number| numbers[number] = true);
    }
    numbers
}

/// A stretch of time with one offset, in seconds since 1970: from the first to before the last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    pub from: i64,
    pub to: i64,
    pub offset: i64,
}

/// The pieces of a zone of which only the offset at an instant is known: looked at twice a day, and
/// halved to the second where it has changed.
pub fn pieces(from: i64, to: i64, offset: impl Fn(i64) -> i64) -> Vec<Piece> {
    let mut pieces = vec![Piece { from, to, offset: offset(from) }];
    let mut known = from;
    while known < to {
        let last = pieces.last_mut().expect("there is one");
        let (mut before, mut after) = (known, (known + DAY / 2).min(to));
        known = after;
        if offset(after) == last.offset {
            continue;
        }
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if offset(middle) == last.offset { before = middle } else { after = middle }
        }
        last.to = after;
        (known, pieces) = (after, [pieces, vec![Piece { from: after, to, offset: offset(after) }]].concat());
    }
    pieces
}

/// When it fires from `first` to before `last`, in seconds since 1970.
pub fn fires(fields: &Fields, calendar: &[Day], pieces: &[Piece], first: i64, last: i64) -> Vec<i64> {
    let near: Vec<Piece> = pieces
        .iter()
        .filter(|piece| piece.to > first - 2 * DAY && piece.from < last + 2 * DAY)
        .copied()
        .collect();
    let offsets = near.iter().map(|piece| piece.offset);
    let (earliest, latest) = (offsets.clone().min().unwrap_or(0), offsets.max().unwrap_or(0));
    let days = (first + earliest).div_euclid(DAY)..=(last + latest).div_euclid(DAY);
    let mut fired = BTreeSet::new();
    for number in days {
        let day = &calendar[(number - calendar[0].number) as usize];
        if !fields.has_day(day) {
            continue;
        }
        for minute in 0..1440 {
            if fields.hours[minute / 60] && fields.minutes[minute % 60] {
                fired.extend(meant(&near, number * DAY + minute as i64 * 60));
            }
        }
    }
    fired.into_iter().filter(|instant| (first..last).contains(instant)).collect()
}

/// The first instant at which the clock on the wall shows this time; if it never does, the first at
/// which it shows a later one.
fn meant(pieces: &[Piece], wall: i64) -> Option<i64> {
    let shown = pieces.iter().find(|piece| (piece.from..piece.to).contains(&(wall - piece.offset)));
    let passed_over = || {
        let ends = pieces.windows(2).map(|pair| (pair[0], pair[1]));
        let mut gaps = ends.filter(|(before, after)| {
            (after.from + before.offset..after.from + after.offset).contains(&wall)
        });
        gaps.next().map(|(_, after)| after.from)
    };
    shown.map(|piece| wall - piece.offset).or_else(passed_over)
}
