//! How is a drawing put together? Shape after shape, on a light ground of its own, so that it reads on light and
//! dark pages.

use super::shape::{Anchor, Colour, Length, Pen, Place, Shape};
use super::{Picture, WIDTH};

/// Shapes of a large drawing: four weeks of cells with their marks, and a few texts.
const SHAPES: usize = 96;

/// How a line of text is written; `size` is that of its letters, in CSS pixels.
#[derive(Clone, Copy)]
pub struct Lettering {
    size: u32,
    anchor: Anchor,
    colour: Colour,
}

/// What stands above a drawing.
pub const HEAD: Lettering = Lettering { size: 12, anchor: Anchor::Start, colour: Colour::Ink };
/// What names a part of it.
pub const NAME: Lettering = Lettering { size: 11, ..HEAD };
/// What stands below or beside it, from its place on.
pub const NOTE: Lettering = Lettering { colour: Colour::Faint, ..NAME };
/// The same, up to its place.
pub const NOTE_TO: Lettering = Lettering { anchor: Anchor::End, ..NOTE };

/// A drawing under way; lengths are CSS pixels, from the upper left corner.
pub struct Sheet {
    height: u32,
    shapes: Vec<Shape>,
}

impl Sheet {
    /// An empty one.
    pub fn new(height: u32) -> Sheet {
        Sheet { height, shapes: Vec::with_capacity(SHAPES) }
    }

    /// A cell.
    pub fn cell(&mut self, place: (f64, f64), size: (f64, f64), fill: Colour, frame: Colour) {
        self.shapes.push(Shape::Cell { place: Place::of(place), size: Place::of(size), fill, frame });
    }

    /// What a pen draws about a place.
    pub fn mark(&mut self, place: (f64, f64), pen: &'static [Pen], colour: Colour) {
        self.shapes.push(Shape::Mark { place: Place::of(place), pen, colour });
    }

    /// A level line from one side to the other.
    pub fn level(&mut self, (from, to): (f64, f64), y: f64, colour: Colour, is_dashed: bool) {
        let (from, to, y) = (Length::of(from), Length::of(to), Length::of(y));
        self.shapes.push(Shape::Level { from, to, y, colour, is_dashed });
    }

    /// A line through all the places.
    pub fn polyline(&mut self, places: &[(f64, f64)], colour: Colour) {
        let places = places.iter().copied().map(Place::of).collect();
        self.shapes.push(Shape::Polyline { places, colour });
    }

    /// A dot.
    pub fn dot(&mut self, place: (f64, f64), colour: Colour) {
        self.shapes.push(Shape::Dot { place: Place::of(place), colour });
    }

    /// A line of text.
    pub fn text(&mut self, place: (f64, f64), lettering: Lettering, text: &str) {
        let Lettering { size, anchor, colour } = lettering;
        let (place, text) = (Place::of(place), text.to_string());
        self.shapes.push(Shape::Text { place, size, anchor, colour, text });
    }

    /// A line of text across other lines.
    pub fn label(&mut self, place: (f64, f64), text: &str) {
        self.shapes.push(Shape::Label { place: Place::of(place), text: text.to_string() });
    }

    /// The finished drawing.
    pub fn finish(self, id: &str, words: String) -> Picture {
        let Sheet { height, shapes } = self;
        Picture { id: id.to_string(), words, width: WIDTH, height, shapes }
    }
}
