//! How did it go, at a glance? A ticket's hosts in, for each a strip of nights and a curve of assurance out:
//! as drawings, and in words that say the same.
//!
//! Left of it are `ticket` and `words`; right of it `report`, which puts them into pages and mails. It must
//! never show a night as better than it was, and never draw a text that came from outside.

mod curve;
mod night;
pub mod shape;
mod sheet;
mod strip;
mod svg;

pub use curve::Curve;
pub use night::{Night, Sign};
pub use strip::{NIGHTS_MAX, Strip};

use crate::pure::playbook::{CleanCriteria, StageName};
use crate::pure::ticket::{Host, Run, Ticket, rise};
use crate::pure::words::capitalised;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use shape::Shape;

/// Hosts of a ticket that get pictures: a mail with twice as many drawings stays well below a megabyte. The
/// words on all others stand in the list of machines.
pub const HOSTS_MAX: usize = 20;

/// The width of every drawing in CSS pixels: what a phone of 360 shows beside its margins.
pub const WIDTH: u32 = 320;

/// One drawing, and what it shows in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// By which a page or mail finds it, in our own words alone: `strip-1.7.42@allclear`.
    pub id: String,
    /// A sentence without names from outside.
    pub words: String,
    /// In CSS pixels.
    pub width: u32,
    pub height: u32,
    /// In the order in which they are drawn, over a ground of the whole size.
    pub shapes: Vec<Shape>,
}

/// What is drawn of one host.
#[derive(Clone, Debug, PartialEq)]
pub struct HostPictures {
    pub strip: Strip,
    pub curve: Curve,
}

/// The pictures of a host of the ticket; `runs` are those of `ticket::ledger`, its days those of `zone`.
pub fn of_host(
    ticket: &Ticket,
    host: &Host,
    runs: &[Run],
    clean: &CleanCriteria,
    zone: &TimeZone,
) -> HostPictures {
    let verifying = || runs.iter().filter(|run| run.stage == StageName::Verify);
    let nights = night::nights(runs, host, zone);
    let over = verifying().filter(|run| run.end.is_some()).map(|run| run.window_end);
    let rise = rise(ticket, host, clean.contact_interval);
    let until = over.max().unwrap_or(Timestamp::MIN);
    HostPictures { strip: Strip::new(nights), curve: Curve { rise, wanted: clean.assurance, until } }
}

impl HostPictures {
    /// The drawings: the strip when there are nights, the curve when assurance has begun to rise. `id` makes
    /// their ids out of a word.
    pub fn draw(&self, id: impl Fn(&str) -> String, zone: &TimeZone) -> Vec<Picture> {
        let (strip, curve) = (self.strip.draw(&id("strip"), zone), self.curve.draw(&id("assurance"), zone));
        strip.into_iter().chain(curve).collect()
    }
}

impl Picture {
    /// A whole SVG document (SVG 1.1), without references to anything outside.
    pub fn svg(&self) -> String {
        svg::document(self)
    }

    /// `strip-1.png`: the id up to its first point.
    pub fn file_name(&self) -> String {
        format!("{}.png", self.id.split('.').next().unwrap_or_default())
    }
}

/// Half a sentence as a whole one.
fn sentence(words: &str) -> String {
    format!("{}.", capitalised(words))
}
