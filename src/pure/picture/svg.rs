//! How is a drawing written for a page? As SVG by hand, where the browser has its own fonts.
//!
//! Left of it is `shape`, which says what lies where. It must never hold a text that is not escaped, a script, or
//! a reference to anything outside.

use super::shape::{
    Anchor, CORNER_RADIUS, Colour, DASH, DASH_GAP, DOT_RADIUS, HALO_WIDTH, LABEL_SIZE, PEN_WIDTH, Pen, Place,
    Shape,
};
use super::{Picture, WIDTH};
use std::fmt::{Result, Write};

/// The whole document (SVG 1.1).
pub fn document(picture: &Picture) -> String {
    let mut svg = String::with_capacity(16_384);
    // Writing into a String cannot fail.
    let _ = write_document(&mut svg, picture);
    svg
}

fn write_document(svg: &mut String, picture: &Picture) -> Result {
    let (height, title) = (picture.height, escaped(&picture.words));
    write!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img" font-family="Noto Sans, Arial, sans-serif"><title>{title}</title>"#
    )?;
    write!(
        svg,
        r#"<rect x=".5" y=".5" width="{}" height="{}" rx="{}" fill="{}" stroke="{}"/>"#,
        WIDTH - 1,
        height.saturating_sub(1),
        CORNER_RADIUS.pixels(),
        Colour::Ground,
        Colour::Guide
    )?;
    for shape in &picture.shapes {
        write_shape(svg, shape)?;
    }
    svg.write_str("</svg>")
}

fn write_shape(svg: &mut String, shape: &Shape) -> Result {
    match shape {
        Shape::Cell { place: Place { x, y }, size, fill, frame } => {
            let (width, height) = (size.x, size.y);
            write!(
                svg,
                r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}" stroke="{frame}"/>"#
            )
        }
        Shape::Mark { place: Place { x, y }, pen, colour } => {
            write!(svg, r#"<path transform="translate({x} {y})" d=""#)?;
            pen.iter().try_for_each(|step| write_step(svg, step))?;
            let width = PEN_WIDTH.pixels();
            write!(svg, r#"" fill="none" stroke="{colour}" stroke-width="{width}"/>"#)
        }
        Shape::Level { from, to, y, colour, is_dashed } => {
            write!(svg, r#"<path d="M{from} {y}H{to}" fill="none" stroke="{colour}""#)?;
            if *is_dashed {
                write!(svg, r#" stroke-dasharray="{} {}""#, DASH.pixels(), DASH_GAP.pixels())?;
            }
            svg.write_str("/>")
        }
        Shape::Polyline { places, colour } => write_polyline(svg, places, *colour),
        Shape::Dot { place: Place { x, y }, colour } => {
            write!(svg, r#"<circle cx="{x}" cy="{y}" r="{}" fill="{colour}"/>"#, DOT_RADIUS.pixels())
        }
        Shape::Text { place: Place { x, y }, size, anchor, colour, text } => {
            let (anchor, text) = (anchor_word(*anchor), escaped(text));
            write!(
                svg,
                r#"<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{text}</text>"#
            )
        }
        Shape::Label { place: Place { x, y }, text } => {
            let (ink, ground) = (Colour::Ink, Colour::Ground);
            let (halo, text) = (HALO_WIDTH.pixels(), escaped(text));
            write!(
                svg,
                r#"<text x="{x}" y="{y}" font-size="{LABEL_SIZE}" text-anchor="end" fill="{ink}" stroke="{ground}" stroke-width="{halo}" paint-order="stroke">{text}</text>"#
            )
        }
    }
}

fn write_step(svg: &mut String, step: &Pen) -> Result {
    let place = |Place { x, y }: Place| format!("{} {}", x.pixels(), y.pixels());
    match *step {
        Pen::Move(to) => write!(svg, "M{}", place(to)),
        Pen::Line(to) => write!(svg, "L{}", place(to)),
        Pen::Curve(from, past, to) => write!(svg, "C{} {} {}", place(from), place(past), place(to)),
    }
}

fn write_polyline(svg: &mut String, places: &[Place], colour: Colour) -> Result {
    svg.write_str(r#"<polyline points=""#)?;
    for (at, Place { x, y }) in places.iter().enumerate() {
        let gap = if at == 0 { "" } else { " " };
        write!(svg, "{gap}{x},{y}")?;
    }
    let width = PEN_WIDTH.pixels();
    write!(svg, r#"" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"/>"#)
}

fn anchor_word(anchor: Anchor) -> &'static str {
    match anchor {
        Anchor::Start => "start",
        Anchor::End => "end",
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
        let (place, words) = (Place::tenths(10, 20), "]]><b a=\"1\">".to_string());
        let text = Shape::Text {
            place,
            size: 10,
            anchor: Anchor::Start,
            colour: Colour::Ink,
            text: "<b>".to_string(),
        };
        let label = Shape::Label { place, text: "<b>".to_string() };
        let svg = document(&Picture { words, shapes: vec![text, label], ..Picture::default() });
        assert!(!svg.contains("<b") && svg.matches("&lt;b").count() == 3, "{svg}");
    }
}
