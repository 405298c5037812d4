//! How do the shapes of a drawing get onto a canvas? Each where the drawing's SVG has it, and looking the same.
//!
//! Left of it are `stamp` and `canvas`, right of it `drawing`. It must never take longer than a drawing of ours
//! needs, whatever the shapes.

use super::canvas::{Area, Canvas};
use super::stamp::{self, Form, SCALE, Stamps};
use crate::pure::picture::Picture;
use crate::pure::picture::shape::{
    Anchor, CORNER_RADIUS, Colour, DASH, DASH_GAP, LABEL_SIZE, LINE_WIDTH, Length, PEN_WIDTH, Pen, Place,
    Shape,
};
use std::cell::RefCell;

/// Signs of a line of text that are drawn: several times what fits.
const SIGNS_MAX: usize = 256;

/// A line lies as much on one side of its place as on the other.
const HALF_LINE: i32 = LINE_WIDTH.in_tenths() / 2;

thread_local! {
    /// Each thread has its own, so that none waits for another one.
    static STAMPS: RefCell<Stamps> = RefCell::new(Stamps::new());
}

/// The drawing, painted.
pub fn painted(picture: &Picture) -> Canvas {
    let mut canvas = Canvas::new(picture.width * SCALE, picture.height * SCALE);
    STAMPS.with_borrow_mut(|stamps| {
        let mut painter = Painter { canvas: &mut canvas, stamps };
        painter.ground(picture.width, picture.height);
        picture.shapes.iter().for_each(|shape| painter.shape(shape));
    });
    canvas
}

struct Painter<'a> {
    canvas: &'a mut Canvas,
    stamps: &'a mut Stamps,
}

impl Painter<'_> {
    /// The frame of the ground: four lines, and a corner between each two of them.
    fn ground(&mut self, width: u32, height: u32) {
        let (width, height) = (10 * width as i32, 10 * height as i32);
        let (line, round) = (2 * HALF_LINE, CORNER_RADIUS.in_tenths() + HALF_LINE);
        let (inner_x, inner_y) = (round..width - round, round..height - round);
        let colour = Colour::Guide;
        for y in [0..line, height - line..height] {
            self.canvas.fill(&Area { x: inner_x.clone(), y }, colour);
        }
        for x in [0..line, width - line..width] {
            self.canvas.fill(&Area { x, y: inner_y.clone() }, colour);
        }
        let (right, bottom) = (width - HALF_LINE, height - HALF_LINE);
        for (pen, x, y) in [
            (UPPER_LEFT, HALF_LINE, HALF_LINE),
            (UPPER_RIGHT, right, HALF_LINE),
            (LOWER_LEFT, HALF_LINE, bottom),
            (LOWER_RIGHT, right, bottom),
        ] {
            self.press(Form::Mark { pen, width: LINE_WIDTH }, Place::tenths(x, y), colour);
        }
    }

    fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Cell { place, size, fill, frame } => self.cell(*place, *size, *fill, *frame),
            Shape::Mark { place, pen, colour } => {
                self.press(Form::Mark { pen, width: PEN_WIDTH }, *place, *colour);
            }
            Shape::Level { from, to, y, colour, is_dashed } => {
                let dashes = is_dashed.then_some((DASH.in_tenths(), DASH_GAP.in_tenths()));
                self.level((*from, *to), *y, *colour, dashes);
            }
            Shape::Polyline { places, colour } => {
                if let Some(stamp) = stamp::polyline(places, PEN_WIDTH) {
                    self.canvas.press(&stamp, (0, 0), *colour);
                }
            }
            Shape::Dot { place, colour } => self.press(Form::Dot, *place, *colour),
            Shape::Text { place, size, anchor, colour, text } => {
                for (sign, place) in self.signs(*place, *size, *anchor, text) {
                    self.press(Form::Letter { sign, size: *size }, place, *colour);
                }
            }
            Shape::Label { place, text } => {
                let (size, signs) = (LABEL_SIZE, self.signs(*place, LABEL_SIZE, Anchor::End, text));
                for (sign, place) in &signs {
                    self.press(Form::Halo { sign: *sign, size }, *place, Colour::Ground);
                }
                for (sign, place) in &signs {
                    self.press(Form::Letter { sign: *sign, size }, *place, Colour::Ink);
                }
            }
        }
    }

    fn cell(&mut self, place: Place, size: Place, fill: Colour, frame: Colour) {
        let (x, y) = (place.x.in_tenths(), place.y.in_tenths());
        let (width, height) = (size.x.in_tenths(), size.y.in_tenths());
        let area = |more: i32| Area { x: x - more..x + width + more, y: y - more..y + height + more };
        self.canvas.fill(&area(HALF_LINE), frame);
        if fill != frame {
            self.canvas.fill(&area(-HALF_LINE), fill);
        }
    }

    /// A level line, whole or in dashes with gaps.
    fn level(&mut self, (from, to): (Length, Length), y: Length, colour: Colour, dashes: Option<(i32, i32)>) {
        let (from, to, y) = (from.in_tenths(), to.in_tenths(), y.in_tenths());
        let (dash, gap) = dashes.unwrap_or(((to - from).max(1), 0));
        for at in (from..to).step_by((dash + gap) as usize) {
            self.canvas.fill(&Area { x: at..to.min(at + dash), y: y - HALF_LINE..y + HALF_LINE }, colour);
        }
    }

    /// Each sign of a line of text, and where it stands.
    fn signs(&self, place: Place, size: u32, anchor: Anchor, text: &str) -> Vec<(char, Place)> {
        let advance = |sign| f64::from(self.stamps.advance(sign, size));
        let mut x = place.x.pixels();
        if anchor == Anchor::End {
            x -= text.chars().map(advance).sum::<f64>();
        }
        let next = |sign| {
            let stands = Place { x: Length::of(x), y: place.y };
            x += advance(sign);
            (sign, stands)
        };
        text.chars().take(SIGNS_MAX).map(next).collect()
    }

    fn press(&mut self, form: Form, place: Place, colour: Colour) {
        if let Some((stamp, pixel)) = self.stamps.at(form, place) {
            self.canvas.press(&stamp, pixel, colour);
        }
    }
}

/// The corners of the ground, quarters of a circle about the places where its lines would meet.
const UPPER_LEFT: &[Pen] = &corner(1, 1);
const UPPER_RIGHT: &[Pen] = &corner(-1, 1);
const LOWER_LEFT: &[Pen] = &corner(1, -1);
const LOWER_RIGHT: &[Pen] = &corner(-1, -1);

const fn corner(right: i32, down: i32) -> [Pen; 2] {
    let radius = CORNER_RADIUS.in_tenths();
    // Where a cubic curve is next to a quarter of a circle: 0.5523 of the radius before its end.
    let bend = radius - radius * 5_523 / 10_000;
    [
        Pen::Move(Place::tenths(0, down * radius)),
        Pen::Curve(
            Place::tenths(0, down * bend),
            Place::tenths(right * bend, 0),
            Place::tenths(right * radius, 0),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::mailer::canvas::PALETTE;

    const BLANK: u32 = 40;

    /// The colour of a pixel of a drawing that holds nothing else.
    fn colour_at(shape: &Shape, (x, y): (usize, usize)) -> [u8; 3] {
        let shapes = vec![shape.clone()];
        let canvas = painted(&Picture { width: BLANK, height: BLANK, shapes, ..Picture::default() });
        PALETTE[usize::from(canvas.pixels()[y * canvas.width() + x])]
    }

    fn place(x: i32, y: i32) -> Place {
        Place::tenths(x, y)
    }

    /// Pixels are halves of a CSS pixel: the place (9.5, 12) of a drawing is the corner of the pixel (19, 24).
    #[test]
    fn each_shape_lies_where_its_svg_has_it() {
        use Colour::{Blue, Faint, Ground, Guide, Ink, Red, Yellow};
        const PLUS: &[Pen] = &[
            Pen::Move(Place::tenths(-40, 0)),
            Pen::Line(Place::tenths(40, 0)),
            Pen::Move(Place::tenths(0, -40)),
            Pen::Line(Place::tenths(0, 40)),
        ];
        let cell = Shape::Cell { place: place(95, 100), size: place(180, 220), fill: Yellow, frame: Ink };
        let mark = Shape::Mark { place: place(200, 200), pen: PLUS, colour: Red };
        let level = |is_dashed| Shape::Level {
            from: Length::tenths(105),
            to: Length::tenths(305),
            y: Length::tenths(205),
            colour: Faint,
            is_dashed,
        };
        let dot = Shape::Dot { place: place(200, 200), colour: Blue };
        let line = Shape::Polyline {
            places: vec![place(50, 300), place(200, 300), place(200, 100), place(400, 100)],
            colour: Blue,
        };
        type Pixels<'a> = &'a [(usize, usize, Colour)];
        let rows: [(&str, &Shape, Pixels<'_>); 6] = [
            (
                "a cell",
                &cell,
                &[
                    (17, 40, Ground),
                    (18, 40, Ink),
                    (19, 40, Ink),
                    (20, 40, Yellow),
                    (53, 40, Yellow),
                    (54, 40, Ink),
                    (55, 40, Ink),
                    (56, 40, Ground),
                    (30, 18, Ground),
                    (30, 19, Ink),
                    (30, 20, Ink),
                    (30, 21, Yellow),
                    (30, 62, Yellow),
                    (30, 63, Ink),
                    (30, 64, Ink),
                    (30, 65, Ground),
                ],
            ),
            (
                "a mark",
                &mark,
                &[
                    (31, 40, Ground),
                    (32, 40, Red),
                    (47, 39, Red),
                    (48, 40, Ground),
                    (40, 31, Ground),
                    (40, 32, Red),
                    (39, 47, Red),
                    (39, 48, Ground),
                    (42, 37, Ground),
                    (36, 42, Ground),
                    (41, 38, Red),
                ],
            ),
            (
                "a level line",
                &level(false),
                &[
                    (20, 40, Ground),
                    (21, 40, Faint),
                    (21, 41, Faint),
                    (21, 39, Ground),
                    (21, 42, Ground),
                    (60, 40, Faint),
                    (61, 40, Ground),
                ],
            ),
            (
                "a dashed one",
                &level(true),
                &[
                    (20, 40, Ground),
                    (21, 40, Faint),
                    (30, 41, Faint),
                    (31, 40, Ground),
                    (36, 40, Ground),
                    (37, 40, Faint),
                    (46, 40, Faint),
                    (47, 40, Ground),
                    (60, 40, Faint),
                    (61, 40, Ground),
                ],
            ),
            (
                "a dot",
                &dot,
                &[
                    (40, 40, Blue),
                    (34, 40, Blue),
                    (45, 40, Blue),
                    (40, 34, Blue),
                    (39, 45, Blue),
                    (32, 40, Ground),
                    (47, 40, Ground),
                    (40, 32, Ground),
                    (40, 47, Ground),
                    (34, 34, Ground),
                    (45, 45, Ground),
                ],
            ),
            (
                "a polyline",
                &line,
                &[
                    (9, 60, Ground),
                    (10, 60, Blue),
                    (10, 58, Blue),
                    (10, 61, Blue),
                    (10, 57, Ground),
                    (10, 62, Ground),
                    (40, 60, Blue),
                    (38, 40, Blue),
                    (41, 40, Blue),
                    (37, 40, Ground),
                    (42, 40, Ground),
                    (60, 19, Blue),
                    (60, 22, Ground),
                    (0, 40, Guide),
                    (2, 40, Ground),
                ],
            ),
        ];
        for (row, shape, pixels) in rows {
            for (x, y, colour) in pixels {
                assert_eq!(colour_at(shape, (*x, *y)), colour.parts(), "{row} at {x}, {y}");
            }
        }
    }

    /// The first and last column, and the first and last line, of pixels that are not as they would be without.
    fn extent(shape: Shape) -> [usize; 4] {
        let of = |shapes| painted(&Picture { width: 100, height: 30, shapes, ..Picture::default() });
        let (canvas, blank) = (of(vec![shape]), of(Vec::new()));
        let differ = |at: &usize| canvas.pixels()[*at] != blank.pixels()[*at];
        let changed: Vec<usize> = (0..canvas.pixels().len()).filter(differ).collect();
        let columns = || changed.iter().map(|at| at % canvas.width());
        let lines = || changed.iter().map(|at| at / canvas.width());
        let end = |end: Option<usize>| end.expect("something is painted");
        [end(columns().min()), end(columns().max()), end(lines().min()), end(lines().max())]
    }

    #[test]
    fn a_text_stands_on_its_line_and_begins_or_ends_at_its_place() {
        let text = |x, anchor, text: &str| Shape::Text {
            place: place(x, 200),
            size: 12,
            anchor,
            colour: Colour::Ink,
            text: text.to_string(),
        };
        // In shares of 24 pixels: an H is 0.74 wide with 0.1 beside it, and 0.71 high.
        assert_eq!(extent(text(100, Anchor::Start, "H")), [22, 35, 23, 39]);
        assert_eq!(extent(text(100, Anchor::Start, "HHHH")), [22, 88, 23, 39]);
        assert_eq!(extent(text(455, Anchor::End, "HHHH")), [22, 88, 23, 39]);
        assert_eq!(extent(text(101, Anchor::Start, "HHHH")), [22, 88, 23, 39], "a fifth of a pixel on");
        assert_eq!(extent(text(105, Anchor::Start, "HHHH")), [23, 89, 23, 39], "a pixel on");
        let [left, right, top, bottom] = extent(text(100, Anchor::Start, "gjpq|"));
        assert!(left >= 20 && right < 90 && top > 18 && bottom > 40, "{left} {right} {top} {bottom}");
    }

    #[test]
    fn a_label_keeps_other_lines_away_from_its_letters() {
        let guide = |y| Shape::Level {
            from: Length::tenths(0),
            to: Length::tenths(1_000),
            y: Length::tenths(y),
            colour: Colour::Guide,
            is_dashed: false,
        };
        let label = Shape::Label { place: place(900, 200), text: "HIH".to_string() };
        let of = |shapes| painted(&Picture { width: 100, height: 30, shapes, ..Picture::default() });
        let canvas = of((130..=210).step_by(10).map(guide).chain([label]).collect());
        let line = |y: usize| &canvas.pixels()[y * canvas.width()..][..canvas.width()];
        let (ink, guide) = (Colour::Ink as u8, Colour::Guide as u8);
        let first = line(30).iter().position(|colour| *colour == ink).expect("an H");
        assert_eq!(line(30)[first - 3..first - 1], [Colour::Ground as u8; 2], "the margin");
        assert_eq!(line(30)[first - 8..first - 4], [guide; 4], "the lines go on beside it");
        let last = line(30).iter().rposition(|colour| *colour == ink).expect("another H");
        assert!((172..180).contains(&last), "it ends at its place: {last}");
    }

    #[test]
    fn shapes_beyond_the_edge_are_cut_off_and_none_is_drawn_for_ever() {
        let far = i32::MAX;
        let hostile = [
            Shape::Cell {
                place: place(-50, -50),
                size: place(9_000, 9_000),
                fill: Colour::Red,
                frame: Colour::Ink,
            },
            Shape::Mark { place: place(-20, 4_000), pen: UPPER_LEFT, colour: Colour::Ink },
            Shape::Dot { place: place(-far, far), colour: Colour::Ink },
            Shape::Dot { place: place(-10, 395), colour: Colour::Ink },
            Shape::Level {
                from: Length::tenths(-far),
                to: Length::tenths(far),
                y: Length::tenths(100),
                colour: Colour::Ink,
                is_dashed: true,
            },
            Shape::Polyline { places: vec![place(-far, 0), place(far, far)], colour: Colour::Ink },
            Shape::Polyline { places: vec![place(10, 10)], colour: Colour::Ink },
            Shape::Polyline { places: Vec::new(), colour: Colour::Ink },
            Shape::Label { place: place(0, far), text: "beyond".to_string() },
        ];
        let canvas =
            painted(&Picture { width: BLANK, height: BLANK, shapes: hostile.to_vec(), ..Picture::default() });
        assert_eq!(canvas.pixels().len(), 80 * 80);
        assert!(canvas.pixels().iter().all(|colour| usize::from(*colour) < PALETTE.len()));
    }
}
