//! What is a drawing made of? A few shapes and texts in a few colours.
//!
//! `sheet` puts them together, `svg` writes them for pages, and the mailer paints them for mails: each shows the
//! same. A shape is plain data, so that drawings can be compared.

use std::fmt;

/// How far a drawing may reach, in tenths of a CSS pixel: thirty times as far as ours, and so near that no sum of
/// lengths overflows.
const TENTHS_MAX: i32 = 100_000;

/// A length of the drawing, in tenths of a CSS pixel: finer than anybody sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Length(i32);

impl Length {
    /// So many tenths of a CSS pixel, or as far as a drawing may reach.
    pub const fn tenths(tenths: i32) -> Length {
        // `clamp` is not for constants.
        if tenths > TENTHS_MAX {
            Length(TENTHS_MAX)
        } else if tenths < -TENTHS_MAX {
            Length(-TENTHS_MAX)
        } else {
            Length(tenths)
        }
    }

    /// The nearest to so many CSS pixels.
    pub fn of(pixels: f64) -> Length {
        // The cast of a float cannot wrap.
        Length::tenths((pixels * 10.0).round() as i32)
    }

    /// In tenths of a CSS pixel.
    pub const fn in_tenths(self) -> i32 {
        self.0
    }

    /// In CSS pixels.
    pub fn pixels(self) -> f64 {
        f64::from(self.0) / 10.0
    }
}

impl fmt::Display for Length {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.1}", self.pixels())
    }
}

/// A place on the drawing, from its upper left corner; or a way from one place to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    pub x: Length,
    pub y: Length,
}

impl Place {
    /// The nearest to so many CSS pixels.
    pub fn of((x, y): (f64, f64)) -> Place {
        Place { x: Length::of(x), y: Length::of(y) }
    }

    /// So many tenths of a CSS pixel.
    pub const fn tenths(x: i32, y: i32) -> Place {
        Place { x: Length::tenths(x), y: Length::tenths(y) }
    }
}

/// The colours of a drawing. They can be told apart by people who do not see red or green (after Okabe and Ito,
/// "Color universal design", 2008).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Colour {
    /// The drawing's own ground.
    Ground,
    /// What is written.
    Ink,
    /// What is written beside it.
    Faint,
    /// Lines that only guide the eye.
    Guide,
    /// What passed.
    Green,
    /// What failed.
    Red,
    /// What proves nothing.
    Yellow,
    /// How assurance rose.
    Blue,
}

impl Colour {
    /// All, each at its own number.
    pub const ALL: [Colour; 8] = [
        Colour::Ground,
        Colour::Ink,
        Colour::Faint,
        Colour::Guide,
        Colour::Green,
        Colour::Red,
        Colour::Yellow,
        Colour::Blue,
    ];

    /// Red, green and blue, as screens mix them.
    pub const fn parts(self) -> [u8; 3] {
        match self {
            Colour::Ground => [0xff, 0xff, 0xff],
            Colour::Ink => [0x21, 0x21, 0x21],
            Colour::Faint => [0x52, 0x52, 0x5a],
            Colour::Guide => [0xce, 0xd6, 0xde],
            Colour::Green => [0x00, 0x6b, 0x4a],
            Colour::Red => [0xbd, 0x39, 0x00],
            Colour::Yellow => [0xff, 0xc6, 0x00],
            Colour::Blue => [0x00, 0x63, 0xad],
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.parts();
        write!(out, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// Where a text stands about its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anchor {
    Start,
    End,
}

/// How a pen goes on, to places about the mark's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pen {
    /// Lifted to there.
    Move(Place),
    /// In a straight line.
    Line(Place),
    /// In a cubic curve with two places that draw it to them.
    Curve(Place, Place, Place),
}

/// The width of the pen that draws marks and polylines.
pub const PEN_WIDTH: Length = Length::tenths(20);
/// The width of level lines and frames.
pub const LINE_WIDTH: Length = Length::tenths(10);
/// The width of the pen about letters that keeps other lines off a label.
pub const HALO_WIDTH: Length = Length::tenths(30);
/// The radius of a dot.
pub const DOT_RADIUS: Length = Length::tenths(35);
/// The radius of the ground's corners.
pub const CORNER_RADIUS: Length = Length::tenths(60);

/// A dash of a level line.
pub const DASH: Length = Length::tenths(50);
/// The gap after it.
pub const DASH_GAP: Length = Length::tenths(30);

/// The size of letters of a label, in CSS pixels.
pub const LABEL_SIZE: u32 = 11;

/// One shape; later ones lie over earlier ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A filled box; its frame lies on its edge.
    Cell { place: Place, size: Place, fill: Colour, frame: Colour },
    /// Lines of a pen.
    Mark { place: Place, pen: &'static [Pen], colour: Colour },
    /// A level line; the dashed one is wanted, the others guide the eye.
    Level { from: Length, to: Length, y: Length, colour: Colour, is_dashed: bool },
    /// A line of a pen through all the places, its corners rounded.
    Polyline { places: Vec<Place>, colour: Colour },
    /// A dot.
    Dot { place: Place, colour: Colour },
    /// A line of text; `size` is that of its letters, in CSS pixels.
    Text { place: Place, size: u32, anchor: Anchor, colour: Colour, text: String },
    /// A line of text across other lines, which keep away from it; it ends at its place.
    Label { place: Place, text: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_the_nearest_tenth_and_stays_within_reach() {
        for (pixels, wanted) in [
            (9.5, "9.5"),
            (22.0, "22.0"),
            (42.92, "42.9"),
            (-0.04, "0.0"),
            (-2.66, "-2.7"),
            (10_000.0, "10000.0"),
            (10_000.1, "10000.0"),
            (f64::INFINITY, "10000.0"),
            (f64::NEG_INFINITY, "-10000.0"),
            (f64::NAN, "0.0"),
        ] {
            assert_eq!(Length::of(pixels).to_string(), wanted, "{pixels}");
        }
        assert_eq!(Length::tenths(i32::MIN), Length::of(-10_000.0));
    }

    #[test]
    fn each_colour_has_its_own_number_and_is_written_as_pages_want_it() {
        let numbers: Vec<usize> = Colour::ALL.iter().map(|colour| *colour as usize).collect();
        assert_eq!(numbers, (0..Colour::ALL.len()).collect::<Vec<_>>());
        assert_eq!(
            (Colour::Green.to_string(), Colour::Ground.to_string()),
            ("#006b4a".into(), "#ffffff".into())
        );
    }
}
