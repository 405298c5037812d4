//! What is a drawing written in? SVG by hand: a few shapes and texts on a light ground.
//!
//! The same drawing stands in a page, where the browser has its own fonts, and becomes the picture of a
//! mail. Its colours can be told apart by people who do not see red or green (after Okabe and Ito, "Color
//! universal design", 2008), and its own ground makes it read on light and dark pages. It must never hold a
//! text that is not escaped, a script, or a reference to anything outside.

use super::{Picture, WIDTH};
use std::fmt::Write;

/// What is written.
pub const INK: &str = "#212121";
/// What is written beside it.
pub const FAINT: &str = "#52525a";
/// Lines that only guide the eye.
pub const GUIDE: &str = "#ced6de";
/// The drawing's own ground.
pub const GROUND: &str = "#ffffff";
/// What passed.
pub const GREEN: &str = "#006b4a";
/// What failed.
pub const RED: &str = "#bd3900";
/// What proves nothing.
pub const YELLOW: &str = "#ffc600";
/// How assurance rose.
pub const BLUE: &str = "#0063ad";

/// Where a text stands about its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    End,
}

/// A drawing under way; lengths are CSS pixels, from the upper left corner.
pub struct Sheet {
    height: u32,
    body: String,
}

impl Sheet {
    /// An empty one.
    pub fn new(height: u32) -> Sheet {
        let mut sheet = Sheet { height, body: String::with_capacity(4_096) };
        sheet.add(format_args!(
            r#"<rect x=".5" y=".5" width="{}" height="{}" rx="6" fill="{GROUND}" stroke="{GUIDE}"/>"#,
            WIDTH - 1,
            height - 1
        ));
        sheet
    }

    /// A cell whose fill and frame are named colours.
    pub fn cell(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), fill: &str, frame: &str) {
        self.add(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{fill}" stroke="{frame}"/>"#
        ));
    }

    /// A line along a path of SVG, about a place of its own.
    pub fn stroke(&mut self, (x, y): (f64, f64), path: &str, colour: &str) {
        self.add(format_args!(
            r#"<path transform="translate({x:.1} {y:.1})" d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>"#
        ));
    }

    /// A level line from one side to the other; the dashed one is wanted, the others guide the eye.
    pub fn level(&mut self, (from, to): (f64, f64), y: f64, colour: &str, is_dashed: bool) {
        let dashes = if is_dashed { r#" stroke-dasharray="5 3""# } else { "" };
        self.add(format_args!(
            r#"<path d="M{from:.1} {y:.1}H{to:.1}" fill="none" stroke="{colour}"{dashes}/>"#
        ));
    }

    /// A line through all the places.
    pub fn polyline(&mut self, places: &[(f64, f64)], colour: &str) {
        let mut points = String::with_capacity(places.len() * 12);
        for (x, y) in places {
            let _ = write!(points, "{x:.1},{y:.1} ");
        }
        let points = points.trim_end();
        self.add(format_args!(
            r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>"#
        ));
    }

    /// A dot.
    pub fn dot(&mut self, (x, y): (f64, f64), colour: &str) {
        self.add(format_args!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="3.5" fill="{colour}"/>"#));
    }

    /// A line of text.
    pub fn text(&mut self, (x, y): (f64, f64), size: u32, anchor: Anchor, colour: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{text}</text>"#
        ));
    }

    /// A line of text across other lines, which keep away from it; it ends at its place.
    pub fn label(&mut self, (x, y): (f64, f64), text: &str) {
        let text = escaped(text);
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" font-size="11" text-anchor="end" fill="{INK}" stroke="{GROUND}" stroke-width="3" paint-order="stroke">{text}</text>"#
        ));
    }

    /// The finished drawing.
    pub fn finish(self, id: &str, words: String) -> Picture {
        let (height, body, title) = (self.height, self.body, escaped(&words));
        let svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img" font-family="Noto Sans, Arial, sans-serif"><title>{title}</title>{body}</svg>"#
        );
        Picture { id: id.to_string(), words, width: WIDTH, height, svg }
    }

    fn add(&mut self, markup: std::fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        let _ = self.body.write_fmt(markup);
    }
}

/// The text as XML 1.0 and HTML show it; what neither may hold becomes a blank.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push(' '),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_text() {
        for (text, wanted) in [
            ("</title><script>x</script>", "&lt;/title&gt;&lt;script&gt;x&lt;/script&gt;"),
            ("a\"b'c&d", "a&quot;b&#39;c&amp;d"),
            ("a\r\nb\u{0}\u{1b}\u{ffff}", "a  b   "),
            ("plain 99.3 %", "plain 99.3 %"),
        ] {
            assert_eq!(escaped(text), wanted);
        }
        let mut sheet = Sheet::new(20);
        sheet.text((1.0, 2.0), 10, Anchor::Start, INK, "<b>");
        let picture = sheet.finish("strip-1", "]]><b a=\"1\">".to_string());
        assert!(!picture.svg.contains("<b"), "{}", picture.svg);
    }
}
