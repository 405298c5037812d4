//! How sure is it that silence means clean, and since when? The assurance of one host since its cleaning.
//!
//! It must never draw a line where nothing is known: that is said in words.

use super::shape::Colour;
use super::sheet::{HEAD, NOTE, NOTE_TO, Sheet};
use super::{Picture, sentence};
use crate::pure::assurance::LEARNED_CONTACTS_MIN;
use crate::pure::ticket::{Rise, RiseStep};
use crate::pure::words::{local, local_time, share};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The measures of the drawing: its height, and where 100 %, 0 %, the first and the last day lie.
const HEIGHT: u32 = 164;
const TOP: f64 = 42.0;
const BOTTOM: f64 = 134.0;
const LEFT: f64 = 46.5;
const RIGHT: f64 = 306.0;

/// So far the curve may end above the wanted line and still lie below the words; from the second on, it is over them.
const LABEL_FREE_MAX: f64 = 2.0;
const LABEL_HEIGHT: f64 = 16.0;

/// How assurance rose, and what is wanted of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    pub rise: Rise,
    /// 0 to 1.
    pub wanted: f64,
    /// When the last night ended, whether it was watched or not: until then the curve is drawn.
    pub until: Timestamp,
}

impl Curve {
    /// What it shows, or why there is nothing to show, as half a sentence.
    pub fn words(&self, zone: &TimeZone) -> String {
        let wanted = share(self.wanted);
        let (cleaned, steps) = match &self.rise {
            Rise::Infected => return "no assurance while it is infected".to_string(),
            Rise::Unknown { .. } => {
                return format!(
                    "assurance not known, wanted {wanted}: that takes at least {LEARNED_CONTACTS_MIN} contacts seen before the \
                     cleaning, or contact_interval in the playbook"
                );
            }
            Rise::Known { cleaned, steps } => (local_time(*cleaned, zone), steps),
        };
        let Some(last) = steps.last() else {
            return format!("assurance 0 %, wanted {wanted}: not watched since it was cleaned {cleaned}");
        };
        let reached = match steps.iter().find(|step| step.assurance >= self.wanted) {
            Some(step) => format!("reached {}", local_time(step.watched.to, zone)),
            None => "not reached yet".to_string(),
        };
        let (now, at) = (share(last.assurance), local_time(self.end(last), zone));
        format!(
            "assurance {now} as of {at} (wanted: {wanted}, {reached}), counted from the cleaning {cleaned}"
        )
    }

    /// The drawing; `None` while no assurance has been gained.
    pub fn draw(&self, id: &str, zone: &TimeZone) -> Option<Picture> {
        let Rise::Known { cleaned, steps } = &self.rise else { return None };
        let last = steps.last()?;
        let mut sheet = Sheet::new(HEIGHT);
        let head = format!("Assurance since the cleaning: {}", share(last.assurance));
        sheet.text((9.5, 17.0), HEAD, &head);
        for (level, label) in [(1.0, "100 %"), (0.5, "50 %"), (0.0, "0 %")] {
            sheet.level((LEFT, RIGHT), height(level), Colour::Guide, false);
            sheet.text((LEFT - 5.0, height(level) + 4.0), NOTE_TO, label);
        }
        sheet.level((LEFT, RIGHT), height(self.wanted), Colour::Ink, true);
        sheet.polyline(&places(*cleaned, steps, self.end(last)), Colour::Blue);
        sheet.dot((RIGHT, height(last.assurance)), Colour::Blue);
        let label = (RIGHT, label_height(self.wanted, last.assurance));
        sheet.label(label, &format!("wanted: {}", share(self.wanted)));
        let (first_day, last_day) =
            (local(*cleaned, zone, "%Y-%m-%d %H:%M"), local(self.end(last), zone, "%Y-%m-%d %H:%M %Z"));
        sheet.text((9.5, BOTTOM + 20.0), NOTE, &first_day);
        sheet.text((RIGHT + 4.0, BOTTOM + 20.0), NOTE_TO, &last_day);
        Some(sheet.finish(id, sentence(&self.words(zone))))
    }

    fn end(&self, last: &RiseStep) -> Timestamp {
        self.until.max(last.watched.to)
    }
}

/// Level while nobody watches, rising while somebody does.
fn places(cleaned: Timestamp, steps: &[RiseStep], end: Timestamp) -> Vec<(f64, f64)> {
    let span_s = end.duration_since(cleaned).as_secs_f64().max(1.0);
    let x = |at: Timestamp| LEFT + (RIGHT - LEFT) * (at.duration_since(cleaned).as_secs_f64() / span_s);
    let mut places = vec![(LEFT, height(0.0))];
    let mut reached = 0.0;
    for step in steps {
        places.push((x(step.watched.from), height(reached)));
        reached = step.assurance;
        places.push((x(step.watched.to), height(reached)));
    }
    places.push((RIGHT, height(reached)));
    places
}

/// Where the words at the wanted line stand: above it, or below where the end of the curve runs through the place above.
fn label_height(wanted: f64, reached: f64) -> f64 {
    let above = height(wanted) - height(reached);
    if (LABEL_FREE_MAX..=LABEL_HEIGHT).contains(&above) {
        height(wanted) + 12.0
    } else {
        height(wanted) - 5.0
    }
}

fn height(assurance: f64) -> f64 {
    BOTTOM - (BOTTOM - TOP) * assurance.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::interval::Interval;

    fn at(day: u32, hour: u32) -> Timestamp {
        format!("2015-05-{day:02}T{hour:02}:00:00Z").parse().expect("a time")
    }

    fn curve(nights: &[(u32, f64)]) -> Curve {
        let step = |(day, assurance): &(u32, f64)| RiseStep {
            watched: Interval::new(at(*day, 1), at(*day, 7)),
            assurance: *assurance,
        };
        let steps = nights.iter().map(step).collect();
        Curve { rise: Rise::Known { cleaned: at(4, 12), steps }, wanted: 0.99, until: at(9, 7) }
    }

    #[test]
    fn its_words_say_how_far_it_came_and_round_nothing_up() {
        let cleaned = at(4, 12);
        for (row, curve, wanted) in [
            (
                "below",
                curve(&[(5, 0.5), (6, 0.98999)]),
                "assurance 98.9 % as of Sat 2015-05-09 07:00 UTC (wanted: 99 %, not reached yet), counted from the \
                 cleaning Mon 2015-05-04 12:00 UTC",
            ),
            (
                "reached",
                curve(&[(5, 0.5), (6, 0.99), (7, 0.999)]),
                "assurance 99.9 % as of Sat 2015-05-09 07:00 UTC (wanted: 99 %, reached Wed 2015-05-06 07:00 UTC), \
                 counted from the cleaning Mon 2015-05-04 12:00 UTC",
            ),
            (
                "not watched",
                curve(&[]),
                "assurance 0 %, wanted 99 %: not watched since it was cleaned Mon 2015-05-04 12:00 UTC",
            ),
            (
                "unknown",
                Curve { rise: Rise::Unknown { cleaned }, ..curve(&[]) },
                "assurance not known, wanted 99 %: that takes at least 6 contacts seen before the cleaning, or \
                 contact_interval in the playbook",
            ),
            ("infected", Curve { rise: Rise::Infected, ..curve(&[]) }, "no assurance while it is infected"),
        ] {
            assert_eq!(curve.words(&TimeZone::UTC), wanted, "{row}");
            let is_drawn = curve.draw("assurance-1", &TimeZone::UTC).is_some();
            assert_eq!(is_drawn, row == "below" || row == "reached", "{row}: no line where nothing is known");
        }
    }

    #[test]
    fn the_words_at_the_wanted_line_are_not_crossed_by_the_curve() {
        for (row, wanted, reached, is_above) in [
            ("not reached", 0.95, 0.5, true),
            ("reached as it is wanted", 0.95, 0.95, true),
            ("both at the top", 0.99, 0.9999, true),
            ("well above", 0.95, 0.999, false),
            ("as far above as the words are high", 0.85, 0.999, false),
            ("higher than the words", 0.8, 0.999, true),
        ] {
            assert_eq!(label_height(wanted, reached) < height(wanted), is_above, "{row}");
        }
    }

    #[test]
    fn it_rises_while_somebody_watches_and_stays_level_to_the_last_night() {
        let steps = [(5, 0.5), (8, 1.0)];
        let curve = curve(&steps);
        let Rise::Known { cleaned, steps } = &curve.rise else { panic!("it is known") };
        let places = places(*cleaned, steps, curve.until);
        let heights: Vec<f64> = places.iter().map(|(_, y)| (BOTTOM - y) / (BOTTOM - TOP)).collect();
        assert_eq!(heights, [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]);
        assert!(places.is_sorted_by(|a, b| a.0 <= b.0) && places[4].0 < RIGHT && places[5].0 == RIGHT);
    }
}
