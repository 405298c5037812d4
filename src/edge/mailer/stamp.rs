//! What does a letter or mark cover of the pixels that it lies on? Worked out once, pressed many times.
//!
//! Letters come from a font of our own, never from one of this machine: what a mail looks like would depend on
//! where it was written. Left of it is `pure::picture::shape`, right of it `canvas`, which takes the stamps.

use crate::pure::picture::shape::{DOT_RADIUS, HALO_WIDTH, Length, Pen, Place};
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::{FontRef, GlyphId, MetadataProvider};
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::rc::Rc;
use tiny_skia::{FillRule, LineJoin, Mask, Path, PathBuilder, Stroke, Transform};

/// Pixels for each CSS pixel: sharp on a phone.
pub const SCALE: u32 = 2;

/// Tenths of a CSS pixel in a pixel.
pub const FINE: i32 = 10 / SCALE as i32;

/// How much of a pixel is covered goes from 0 to this.
pub const LEVEL_MAX: u8 = 16;

/// Stamps that are kept, some 300 bytes each: every sign of two sizes at every place within a pixel.
const KEPT_MAX: usize = 2_048;

/// The largest image, in pixels, and so the largest stamp: several times what a drawing of ours has.
pub const PIXELS_MAX: u32 = 1 << 20;

/// The signs of our own words, dates and numbers (its licence lies beside it).
const FONT: &[u8] = include_bytes!("noto_sans_ascii.ttf");

/// The signs that the font has, and what is written where it lacks one.
const SIGNS: RangeInclusive<char> = ' '..='~';
const UNKNOWN: char = '?';

/// Pixels of a line that are looked at in one go for anything that is covered.
const LOOK: usize = 32;

/// What a shape covers, line by line.
pub struct Stamp {
    pub lines: Vec<Line>,
}

/// Where a line of a stamp begins, in pixels from the place at which it is pressed, and how much of each pixel is
/// covered, from 0 to [`LEVEL_MAX`].
pub struct Line {
    pub left: i32,
    pub top: i32,
    pub levels: Vec<u8>,
}

/// What a stamp shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// A sign of so many CSS pixels.
    Letter { sign: char, size: u32 },
    /// The margin about it.
    Halo { sign: char, size: u32 },
    /// Lines of a pen so wide.
    Mark { pen: &'static [Pen], width: Length },
    /// A dot.
    Dot,
}

/// The stamps that were made so far, and the font.
pub struct Stamps {
    font: FontRef<'static>,
    /// From each of [`SIGNS`] to the next one, in shares of the size of letters.
    advances: Vec<f32>,
    kept: HashMap<(Form, i32, i32), Option<Rc<Stamp>>>,
}

impl Stamps {
    /// None yet.
    pub fn new() -> Stamps {
        let font = FontRef::new(FONT).expect("our own font");
        let metrics = font.glyph_metrics(Size::new(1.0), LocationRef::default());
        let advance = |sign| metrics.advance_width(glyph(&font, sign)).unwrap_or_default();
        Stamps { advances: SIGNS.map(advance).collect(), font, kept: HashMap::new() }
    }

    /// The stamp for a place, and the pixel at which it is pressed; `None` for one that covers nothing.
    pub fn at(&mut self, form: Form, place: Place) -> Option<(Rc<Stamp>, (i32, i32))> {
        let within = (place.x.in_tenths().rem_euclid(FINE), place.y.in_tenths().rem_euclid(FINE));
        let key = (form, within.0, within.1);
        if !self.kept.contains_key(&key) && self.kept.len() >= KEPT_MAX {
            self.kept.clear();
        }
        let Stamps { font, kept, .. } = self;
        let make = || outline(font, form).and_then(|path| stamp(path, within)).map(Rc::new);
        let stamp = kept.entry(key).or_insert_with(make).clone()?;
        Some((stamp, (place.x.in_tenths().div_euclid(FINE), place.y.in_tenths().div_euclid(FINE))))
    }

    /// The way from the sign to the next one, in CSS pixels.
    pub fn advance(&self, sign: char, size: u32) -> f32 {
        let number = known(sign) as usize - *SIGNS.start() as usize;
        self.advances.get(number).copied().unwrap_or_default() * size as f32
    }
}

/// A sign that the font has.
fn known(sign: char) -> char {
    match sign {
        sign if SIGNS.contains(&sign) => sign,
        sign if sign.is_control() => ' ',
        _ => UNKNOWN,
    }
}

fn glyph(font: &FontRef<'_>, sign: char) -> GlyphId {
    font.charmap().map(sign).unwrap_or_default()
}

/// What the form looks like, in CSS pixels about its place.
fn outline(font: &FontRef<'_>, form: Form) -> Option<Path> {
    match form {
        Form::Letter { sign, size } => letter(font, sign, size),
        Form::Halo { sign, size } => stroked(&letter(font, sign, size)?, HALO_WIDTH, LineJoin::Miter),
        Form::Mark { pen, width } => stroked(&drawn(pen)?, width, LineJoin::Miter),
        Form::Dot => PathBuilder::from_circle(0.0, 0.0, pixels(DOT_RADIUS)),
    }
}

fn letter(font: &FontRef<'_>, sign: char, size: u32) -> Option<Path> {
    let mut outline = Outline(PathBuilder::new());
    let glyph = font.outline_glyphs().get(glyph(font, known(sign)))?;
    let size = Size::new(size as f32);
    glyph.draw(DrawSettings::unhinted(size, LocationRef::default()), &mut outline).ok()?;
    outline.0.finish()
}

/// What a line of a pen through the places covers.
pub fn polyline(places: &[Place], width: Length) -> Option<Stamp> {
    let mut path = PathBuilder::new();
    let (first, rest) = places.split_first()?;
    path.move_to(pixels(first.x), pixels(first.y));
    for place in rest {
        path.line_to(pixels(place.x), pixels(place.y));
    }
    stamp(stroked(&path.finish()?, width, LineJoin::Round)?, (0, 0))
}

fn drawn(pen: &[Pen]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for step in pen {
        match step {
            Pen::Move(to) => path.move_to(pixels(to.x), pixels(to.y)),
            Pen::Line(to) => path.line_to(pixels(to.x), pixels(to.y)),
            Pen::Curve(from, past, to) => path.cubic_to(
                pixels(from.x),
                pixels(from.y),
                pixels(past.x),
                pixels(past.y),
                pixels(to.x),
                pixels(to.y),
            ),
        }
    }
    path.finish()
}

fn stroked(path: &Path, width: Length, line_join: LineJoin) -> Option<Path> {
    let stroke = Stroke { width: pixels(width), line_join, ..Stroke::default() };
    path.stroke(&stroke, SCALE as f32)
}

/// The outline, so many tenths of a CSS pixel to the right and down, as a stamp.
fn stamp(path: Path, within: (i32, i32)) -> Option<Stamp> {
    let (scale, shift) = (SCALE as f32, |part: i32| part as f32 / FINE as f32);
    let path =
        path.transform(Transform::from_row(scale, 0.0, 0.0, scale, shift(within.0), shift(within.1)))?;
    let bounds = path.bounds();
    let (left, top) = (bounds.left().floor(), bounds.top().floor());
    let (width, height) = ((bounds.right().ceil() - left) as u32, (bounds.bottom().ceil() - top) as u32);
    if width.saturating_mul(height) > PIXELS_MAX {
        return None;
    }
    let mut mask = Mask::new(width, height)?;
    mask.fill_path(&path, FillRule::Winding, true, Transform::from_translate(-left, -top));
    let rows = (top as i32..).zip(mask.data().chunks_exact(width as usize));
    Some(Stamp { lines: rows.filter_map(|(top, row)| line(row, left as i32, top)).collect() })
}

/// A row from about where anything is covered to about where nothing is any more: much of a large stamp is empty.
fn line(row: &[u8], left: i32, top: i32) -> Option<Line> {
    let is_covered = |part: &[u8]| part.iter().fold(0, |all, covered| all | covered) > 0;
    let first = row.chunks(LOOK).position(is_covered)? * LOOK;
    let last = (row.chunks(LOOK).rposition(is_covered)? + 1) * LOOK;
    let levels = row[first..last.min(row.len())].iter().map(|covered| level(*covered)).collect();
    Some(Line { left: left + first as i32, top, levels })
}

/// 0 to 255 as a level.
fn level(covered: u8) -> u8 {
    ((u16::from(covered) * u16::from(LEVEL_MAX) + 127) / 255) as u8
}

fn pixels(length: Length) -> f32 {
    length.pixels() as f32
}

/// Takes an outline from the font, whose y goes up.
struct Outline(PathBuilder);

impl OutlinePen for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, -y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, -y);
    }

    fn quad_to(&mut self, by_x: f32, by_y: f32, x: f32, y: f32) {
        self.0.quad_to(by_x, -by_y, x, -y);
    }

    fn curve_to(&mut self, from_x: f32, from_y: f32, by_x: f32, by_y: f32, x: f32, y: f32) {
        self.0.cubic_to(from_x, -from_y, by_x, -by_y, x, -y);
    }

    fn close(&mut self) {
        self.0.close();
    }
}
