//! What is painted on? Pixels that are numbers of a palette of sixteen colours.
//!
//! A drawing has a few flat colours, and where one of them ends on another, a few shades between: more nobody can
//! tell apart at the size of a letter's edge. With the colours known before, an image is half as large, and
//! nothing has to look for them when it is painted. Left of it is `stamp`, right of it `painting`.

use super::stamp::{FINE, LEVEL_MAX, Line, Stamp};
use crate::pure::picture::shape::Colour;
use std::ops::Range;
use std::sync::LazyLock;

/// Colours of an image, so that each pixel takes four bits.
pub const COLOURS: usize = 16;

/// The colours of a drawing at their own numbers, then shades.
pub const PALETTE: [[u8; 3]; COLOURS] = [
    Colour::Ground.parts(),
    Colour::Ink.parts(),
    Colour::Faint.parts(),
    Colour::Guide.parts(),
    Colour::Green.parts(),
    Colour::Red.parts(),
    Colour::Yellow.parts(),
    Colour::Blue.parts(),
    // Edges of what is written, and of lines.
    [0x70, 0x70, 0x72],
    [0x8e, 0x8e, 0x90],
    [0xac, 0xad, 0xae],
    [0xe7, 0xe8, 0xea],
    // Of ink on yellow.
    [0x6b, 0x58, 0x16],
    [0xb5, 0x8f, 0x0b],
    // Of blue.
    [0x55, 0x97, 0xc9],
    [0xaa, 0xcb, 0xe4],
];

/// The number of each colour.
const NUMBERS: Range<u8> = 0..COLOURS as u8;

/// An image under way.
pub struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// Lengths in tenths of a CSS pixel, ends excluded.
pub struct Area {
    pub x: Range<i32>,
    pub y: Range<i32>,
}

impl Canvas {
    /// An empty ground.
    pub fn new(width: u32, height: u32) -> Canvas {
        let (width, height) = (width as usize, height as usize);
        Canvas { width, height, pixels: vec![Colour::Ground as u8; width * height] }
    }

    /// In pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// In pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The number of each pixel's colour, line by line.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Fills an area; a pixel at its edge takes as much colour as it has area.
    pub fn fill(&mut self, area: &Area, colour: Colour) {
        let (some, whole) = (pixels_of(&area.x, self.width), whole_pixels_of(&area.x, self.width));
        let over = over(colour);
        for y in pixels_of(&area.y, self.height) {
            let share_y = share(&area.y, y);
            let line = &mut self.pixels[y * self.width..][..self.width];
            let is_whole_line = share_y == FINE;
            if is_whole_line {
                line[whole.clone()].fill(colour as u8);
            }
            let middle = if is_whole_line { whole.end..whole.end } else { whole.clone() };
            for x in (some.start..whole.start).chain(middle).chain(whole.end..some.end) {
                let over = over[usize::from(level(share(&area.x, x) * share_y))];
                line[x] = over[usize::from(line[x])];
            }
        }
    }

    /// Presses a stamp on, its own place at that pixel; what lies beyond the edge is left out.
    pub fn press(&mut self, stamp: &Stamp, (x, y): (i32, i32), colour: Colour) {
        let over = over(colour);
        for Line { left, top, levels } in &stamp.lines {
            let Some(line) = index(y.saturating_add(*top), self.height) else { continue };
            let left = x.saturating_add(*left);
            let before = usize::try_from(left.saturating_neg()).unwrap_or(0).min(levels.len());
            let from = usize::try_from(left).unwrap_or(0).min(self.width);
            let line = &mut self.pixels[line * self.width..][from..self.width];
            for (pixel, level) in line.iter_mut().zip(&levels[before..]) {
                *pixel = over[usize::from(*level)][usize::from(*pixel)];
            }
        }
    }
}

fn index(at: i32, length: usize) -> Option<usize> {
    usize::try_from(at).ok().filter(|at| *at < length)
}

/// The pixels that have a part in it.
fn pixels_of(range: &Range<i32>, length: usize) -> Range<usize> {
    let inside = |at: i32| usize::try_from(at).unwrap_or(0).min(length);
    inside(range.start.div_euclid(FINE))..inside(range.end.saturating_add(FINE - 1).div_euclid(FINE))
}

/// The pixels that are wholly in it, among those that have a part in it.
fn whole_pixels_of(range: &Range<i32>, length: usize) -> Range<usize> {
    let some = pixels_of(range, length);
    let start = if share(range, some.start) < FINE { some.start + 1 } else { some.start };
    let start = start.min(some.end);
    let end =
        if share(range, some.end.saturating_sub(1)) < FINE { some.end.saturating_sub(1) } else { some.end };
    start..end.max(start)
}

/// How much of the pixel is in it, of [`FINE`].
fn share(range: &Range<i32>, pixel: usize) -> i32 {
    let from = pixel as i32 * FINE;
    (range.end.min(from + FINE) - range.start.max(from)).max(0)
}

/// The share of a pixel's area as a level.
fn level(share: i32) -> u8 {
    let whole = FINE * FINE;
    u8::try_from((share * i32::from(LEVEL_MAX) + whole / 2) / whole).unwrap_or(LEVEL_MAX)
}

/// What each number becomes under each level of a colour.
type Over = [[u8; COLOURS]; LEVEL_MAX as usize + 1];

/// The same for each colour.
static OVER: LazyLock<Vec<Over>> = LazyLock::new(|| {
    let numbers = |colour, level| std::array::from_fn(|under| shade(under as u8, colour, level));
    let levels = |colour| std::array::from_fn(|level| numbers(colour, level as u8));
    Colour::ALL.map(levels).to_vec()
});

/// Colours that tell what became of a night, or of assurance: no mixture of others may look like one of them.
const TELLING: [Colour; 4] = [Colour::Green, Colour::Red, Colour::Yellow, Colour::Blue];

/// The number of the colour next to a mixture, of those that may stand there.
fn shade(under: u8, colour: Colour, level: u8) -> u8 {
    let mixed = mixed(PALETTE[usize::from(under)], colour.parts(), level);
    let distance =
        |other: [u8; 3]| mixed.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum::<u32>();
    let is_telling = |number: u8| TELLING.iter().any(|telling| *telling as u8 == number);
    let may_stand = |number: &u8| *number == under || *number == colour as u8 || !is_telling(*number);
    let nearest = NUMBERS.filter(may_stand).min_by_key(|number| distance(PALETTE[usize::from(*number)]));
    nearest.unwrap_or(under)
}

fn over(colour: Colour) -> &'static Over {
    &OVER[colour as usize]
}

/// The mean of the parts of two colours, as screens show it: as browsers do it.
fn mixed(under: [u8; 3], over: [u8; 3], level: u8) -> [u8; 3] {
    let (level, most) = (u16::from(level), u16::from(LEVEL_MAX));
    [0, 1, 2].map(|part| {
        let sum = u16::from(under[part]) * (most - level) + u16::from(over[part]) * level;
        u8::try_from((sum + most / 2) / most).unwrap_or(u8::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_goes_from_one_colour_to_the_other_and_by_no_colour_that_tells_something_else() {
        let distance =
            |a: [u8; 3], b: [u8; 3]| a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(b))).sum::<u32>();
        for colour in Colour::ALL {
            for under in NUMBERS {
                let shades: Vec<u8> = over(colour).iter().map(|over| over[usize::from(under)]).collect();
                assert_eq!((shades[0], shades[usize::from(LEVEL_MAX)]), (under, colour as u8));
                for shade in &shades {
                    let is_foreign = TELLING.iter().any(|telling| *telling as u8 == *shade);
                    assert!(
                        !is_foreign || [under, colour as u8].contains(shade),
                        "{under} under {colour}: {shade}"
                    );
                }
            }
            // Over its ground each step leads on.
            let parts =
                |level| PALETTE[usize::from(over(colour)[usize::from(level)][Colour::Ground as usize])];
            let far = |level| distance(parts(level), Colour::Ground.parts());
            assert!((1..=LEVEL_MAX).all(|level| far(level) >= far(level - 1)), "{colour}");
        }
    }

    #[test]
    fn what_is_written_has_soft_edges() {
        for (colour, under, shades_min) in [
            (Colour::Ink, Colour::Ground, 7),
            (Colour::Faint, Colour::Ground, 6),
            (Colour::Ink, Colour::Yellow, 3),
            (Colour::Blue, Colour::Ground, 3),
        ] {
            let shades = over(colour).iter().map(|over| over[under as usize]);
            let shades: std::collections::BTreeSet<u8> = shades.collect();
            assert!(shades.len() >= shades_min, "{colour} on {under}: {shades:?}");
        }
    }

    #[test]
    fn an_area_takes_as_much_of_a_pixel_as_it_has_of_it() {
        for (row, x, y, wanted) in [
            ("whole pixels", 5..15, 0..5, [0, 16, 16, 0]),
            ("a half at each end", 7..17, 0..5, [0, 10, 16, 6]),
            ("within one pixel", 6..8, 0..5, [0, 6, 0, 0]),
            ("part of a line", 5..15, 0..1, [0, 3, 3, 0]),
            ("from before the edge to beyond it", -100..100, -100..100, [16, 16, 16, 16]),
            ("nothing", 5..5, 0..5, [0; 4]),
            ("elsewhere", 20..90, 0..5, [0; 4]),
            ("below", 0..20, 5..50, [0; 4]),
        ] {
            let mut canvas = Canvas::new(4, 1);
            canvas.fill(&Area { x, y }, Colour::Ink);
            let levels = wanted.map(|level: usize| over(Colour::Ink)[level][Colour::Ground as usize]);
            assert_eq!(canvas.pixels(), levels, "{row}");
        }
    }
}
