//! Which nights went how? One cell for each, the newest last.
//!
//! Colour, sign and frame each tell them apart: what was watched is filled, what never ran is only framed.

use super::night::{Night, Sign};
use super::shape::{Colour, Pen, Place};
use super::sheet::{HEAD, NAME, NOTE, NOTE_TO, Sheet};
use super::{Picture, sentence};
use crate::pure::words::{count, local};
use jiff::tz::TimeZone;

/// Nights that are shown: four weeks, in two rows on a phone.
pub const NIGHTS_MAX: usize = 28;

/// Cells in a row at most, and their measures.
const ROW_CELLS: usize = 14;
const PITCH: f64 = 22.0;
const CELL: (f64, f64) = (18.0, 22.0);
const MARGIN: f64 = 9.5;

/// From one row of cells to the next, its dates between them.
const ROW_HEIGHT: u32 = 44;
const HEAD_HEIGHT: u32 = 26;

/// The legend has as many words a line as fit.
const LEGEND_COLUMNS: usize = 3;
const LEGEND_HEIGHT: u32 = 17;

/// The nights of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strip {
    /// Oldest first; at most [`NIGHTS_MAX`].
    pub nights: Vec<Night>,
    /// How many came before them.
    pub earlier: usize,
}

impl Strip {
    /// The newest of these nights. A missed one may have gone on record long after its time.
    pub fn new(mut nights: Vec<Night>) -> Strip {
        nights.sort_by_key(|night| night.begin);
        let earlier = nights.len().saturating_sub(NIGHTS_MAX);
        Strip { nights: nights[earlier..].to_vec(), earlier }
    }

    /// One sign a night: `+ + ? -`.
    pub fn signs(&self) -> String {
        self.nights.iter().map(|night| night.sign.mark()).collect::<Vec<_>>().join(" ")
    }

    /// What it shows: `4 nights, Tue 2015-05-05 to Fri 2015-05-08: 1 pass, 3 inconclusive; the last one:
    /// inconclusive`. Empty without nights.
    pub fn words(&self, zone: &TimeZone) -> String {
        let (Some(first), Some(last)) = (self.nights.first(), self.nights.last()) else {
            return String::new();
        };
        let day = |night: &Night| local(night.begin, zone, "%a %Y-%m-%d");
        let number = |sign| self.nights.iter().filter(|night| night.sign == sign).count();
        let mut parts: Vec<String> = Sign::ALL
            .into_iter()
            .map(|sign| (number(sign), sign.word()))
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| format!("{number} {word}"))
            .collect();
        let late = self.nights.iter().filter(|night| night.is_late).count();
        parts.extend((late > 0).then(|| format!("{late} of them begun late")));
        let dates =
            if self.nights.len() == 1 { day(first) } else { format!("{} to {}", day(first), day(last)) };
        let (head, parts) = (self.head(), parts.join(", "));
        format!("{head}, {dates}: {parts}; the last one: {}", last.sign.word())
    }

    /// `14 nights`, or `the last 28 of 40 nights`.
    fn head(&self) -> String {
        let nights = |number: usize| count(number as u64, "night");
        match self.earlier {
            0 => nights(self.nights.len()),
            earlier => format!("the last {} of {}", self.nights.len(), nights(self.nights.len() + earlier)),
        }
    }

    /// The drawing; `None` without nights.
    pub fn draw(&self, id: &str, zone: &TimeZone) -> Option<Picture> {
        if self.nights.is_empty() {
            return None;
        }
        let rows = self.nights.len().div_ceil(ROW_CELLS) as u32;
        let legend = self.legend();
        let legend_top = HEAD_HEIGHT + rows * ROW_HEIGHT;
        let mut sheet =
            Sheet::new(legend_top + legend.len().div_ceil(LEGEND_COLUMNS) as u32 * LEGEND_HEIGHT + 7);
        let newest = if self.nights.len() > 1 { ", the newest last" } else { "" };
        sheet.text((MARGIN, 17.0), HEAD, &format!("{}{newest}", self.head()));
        let row_cells = self.nights.len().div_ceil(rows as usize);
        for (at, row) in self.nights.chunks(row_cells).enumerate() {
            draw_row(&mut sheet, f64::from(HEAD_HEIGHT + at as u32 * ROW_HEIGHT), row, zone);
        }
        for (at, entry) in legend.iter().enumerate() {
            let x = MARGIN + (at % LEGEND_COLUMNS) as f64 * 104.0;
            let y = f64::from(legend_top) + (at / LEGEND_COLUMNS) as f64 * f64::from(LEGEND_HEIGHT);
            entry.draw(&mut sheet, (x, y));
        }
        Some(sheet.finish(id, sentence(&self.words(zone))))
    }

    /// The signs that it shows.
    pub fn signs_shown(&self) -> impl Iterator<Item = Sign> {
        Sign::ALL.into_iter().filter(|sign| self.nights.iter().any(|night| night.sign == *sign))
    }

    /// What has to be explained.
    fn legend(&self) -> Vec<Entry> {
        let late = self.nights.iter().any(|night| night.is_late).then_some(Entry::Late);
        self.signs_shown().map(Entry::Sign).chain(late).collect()
    }
}

enum Entry {
    Sign(Sign),
    Late,
}

impl Entry {
    fn draw(&self, sheet: &mut Sheet, (x, y): (f64, f64)) {
        let word = match self {
            Entry::Sign(sign) => {
                draw_cell(sheet, (x, y), (14.0, 14.0), *sign);
                sign.word()
            }
            Entry::Late => {
                sheet.mark((x + 7.0, y + 12.0), LATE, Colour::Ink);
                "begun late"
            }
        };
        sheet.text((x + 19.0, y + 11.5), NAME, word);
    }
}

fn draw_row(sheet: &mut Sheet, top: f64, row: &[Night], zone: &TimeZone) {
    for (at, night) in row.iter().enumerate() {
        let x = MARGIN + at as f64 * PITCH;
        draw_cell(sheet, (x, top), CELL, night.sign);
        if night.is_late {
            sheet.mark((x + CELL.0 / 2.0, top + CELL.1 + 3.0), LATE, Colour::Ink);
        }
    }
    let (Some(first), Some(last)) = (row.first(), row.last()) else { return };
    let day = |night: &Night| local(night.begin, zone, "%Y-%m-%d");
    let (baseline, end) = (top + CELL.1 + 15.0, MARGIN + (row.len() - 1) as f64 * PITCH + CELL.0);
    if row.len() > ROW_CELLS / 2 {
        sheet.text((MARGIN, baseline), NOTE, &day(first));
        sheet.text((end, baseline), NOTE_TO, &day(last));
    } else {
        // Too short for a date at each end.
        let dates = if row.len() == 1 { day(first) } else { format!("{} to {}", day(first), day(last)) };
        sheet.text((MARGIN, baseline), NOTE, &dates);
    }
}

fn draw_cell(sheet: &mut Sheet, place: (f64, f64), size: (f64, f64), sign: Sign) {
    let (fill, frame, mark) = match sign {
        Sign::Pass => (Colour::Green, Colour::Green, Colour::Ground),
        Sign::Fail => (Colour::Red, Colour::Red, Colour::Ground),
        Sign::Inconclusive | Sign::Interrupted => (Colour::Yellow, Colour::Ink, Colour::Ink),
        Sign::Missed | Sign::Skipped | Sign::Suppressed | Sign::Running => {
            (Colour::Ground, Colour::Faint, Colour::Ink)
        }
    };
    sheet.cell(place, size, fill, frame);
    sheet.mark((place.0 + size.0 / 2.0, place.1 + size.1 / 2.0), pen(sign), mark);
}

/// The sign as lines about its middle, those of [`Sign::mark`].
fn pen(sign: Sign) -> &'static [Pen] {
    match sign {
        Sign::Pass => PLUS,
        Sign::Fail => EXCLAMATION,
        Sign::Inconclusive => QUESTION,
        Sign::Interrupted => CROSS,
        Sign::Missed => DASH,
        Sign::Skipped => SLASH,
        Sign::Suppressed => EQUALS,
        Sign::Running => POINT,
    }
}

const PLUS: &[Pen] = &[to(-40, 0), line(40, 0), to(0, -40), line(0, 40)];
const EXCLAMATION: &[Pen] = &[to(0, -50), line(0, 15), to(0, 30), line(0, 50)];
const QUESTION: &[Pen] = &[
    to(-30, -26),
    curve((-30, -40), (-17, -52), (0, -52)),
    curve((17, -52), (30, -40), (30, -26)),
    curve((30, -17), (25, -9), (16, -4)),
    curve((5, 1), (0, 8), (0, 18)),
    to(0, 32),
    line(0, 52),
];
const CROSS: &[Pen] = &[to(-35, -35), line(35, 35), to(35, -35), line(-35, 35)];
const DASH: &[Pen] = &[to(-40, 0), line(40, 0)];
const SLASH: &[Pen] = &[to(-30, 45), line(30, -45)];
const EQUALS: &[Pen] = &[to(-40, -20), line(40, -20), to(-40, 20), line(40, 20)];
const POINT: &[Pen] = &[to(0, 30), line(0, 50)];
/// A bar below the cell of a night that was begun late.
const LATE: &[Pen] = &[to(-60, 0), line(60, 0)];

const fn to(x: i32, y: i32) -> Pen {
    Pen::Move(Place::tenths(x, y))
}

const fn line(x: i32, y: i32) -> Pen {
    Pen::Line(Place::tenths(x, y))
}

const fn curve(from: (i32, i32), past: (i32, i32), to: (i32, i32)) -> Pen {
    Pen::Curve(Place::tenths(from.0, from.1), Place::tenths(past.0, past.1), Place::tenths(to.0, to.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::picture::WIDTH;
    use jiff::{SignedDuration, Timestamp};

    fn strip(signs: &[Sign]) -> Strip {
        let start: Timestamp = "2015-05-05T08:30:00Z".parse().expect("a time");
        let night = |(at, sign): (usize, &Sign)| Night {
            begin: start + SignedDuration::from_hours(24 * at as i64),
            sign: *sign,
            is_late: at == 2,
        };
        Strip::new(signs.iter().enumerate().map(night).collect())
    }

    fn chicago() -> TimeZone {
        TimeZone::get("America/Chicago").expect("a bundled zone")
    }

    #[test]
    fn its_words_say_what_it_shows() {
        use Sign::{Fail, Inconclusive, Missed, Pass};
        for (row, signs, wanted, marks) in [
            ("none", vec![], "", ""),
            ("one", vec![Pass], "1 night, Tue 2015-05-05: 1 pass; the last one: pass", "+"),
            (
                "each its number, and those that were late",
                vec![Inconclusive, Pass, Missed, Pass, Fail],
                "5 nights, Tue 2015-05-05 to Sat 2015-05-09: 2 pass, 1 fail, 1 inconclusive, 1 missed, \
                 1 of them begun late; the last one: fail",
                "? + - + !",
            ),
        ] {
            assert_eq!(
                (strip(&signs).words(&chicago()).as_str(), strip(&signs).signs().as_str()),
                (wanted, marks),
                "{row}"
            );
        }
        for (nights, wanted) in [(28, "28 nights, "), (29, "the last 28 of 29 nights, Wed 2015-05-06 to ")] {
            let words = strip(&vec![Pass; nights]).words(&chicago());
            assert!(words.starts_with(wanted), "{words}");
        }
        let newest_first: Vec<Night> = strip(&[Pass, Missed]).nights.into_iter().rev().collect();
        assert_eq!(Strip::new(newest_first).signs(), "+ -", "in order of time");
        assert!(strip(&[]).draw("strip-1", &chicago()).is_none());
    }

    #[test]
    fn every_cell_lies_on_the_sheet_and_every_sign_shown_is_explained() {
        for nights in [1, 7, 8, 14, 15, 28, 400] {
            let signs: Vec<Sign> = Sign::ALL.into_iter().cycle().take(nights).collect();
            let strip = strip(&signs);
            let picture = strip.draw("strip-1", &chicago()).expect("nights");
            let svg = picture.svg();
            let number = |text: &str| svg.matches(text).count();
            let shown = strip.nights.len();
            assert_eq!(shown, nights.min(NIGHTS_MAX));
            let explained = strip.legend().len();
            let late = strip.nights.iter().filter(|night| night.is_late).count();
            assert_eq!(number("<path"), shown + explained + late, "{nights} nights");
            for sign in &strip.nights {
                assert!(svg.contains(&format!(">{}</text>", sign.sign.word())), "{nights}");
            }
            for y in svg.split(" y=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(y.parse::<f64>().expect("a number") < f64::from(picture.height), "{nights}: {y}");
            }
            assert!(MARGIN + 13.0 * PITCH + CELL.0 < f64::from(WIDTH) - MARGIN + 5.0);
        }
    }
}
