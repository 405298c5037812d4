//! How does a drawing become an image that mail programs show? Shapes in, PNG out, always the same bytes.
//!
//! Mail programs show neither SVG nor images that are written into a page. `painting` puts the shapes on a
//! `canvas`, with a `stamp` for each letter, and `packing` makes the file. It must never look for a font or a file
//! of this machine: what a mail looks like would depend on where it was written.

use super::packing::packed;
use super::painting::painted;
use super::stamp::{PIXELS_MAX, SCALE};
use crate::pure::picture::Picture;
use crate::pure::picture::shape::Shape;
use crate::pure::report::Letter;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Images kept for the next recipients of a letter, some 16 KiB each with their drawings.
const KEPT_MAX: usize = 64;

/// An image, and of what it is one.
struct Kept {
    size: (u32, u32),
    shapes: Vec<Shape>,
    image: Arc<Vec<u8>>,
}

/// The image of a picture; each recipient of a letter gets the same one.
///
/// # Errors
///
/// What is wrong with the drawing.
pub fn image(picture: &Picture) -> Result<Arc<Vec<u8>>, String> {
    static KEPT: Mutex<VecDeque<Kept>> = Mutex::new(VecDeque::new());
    let size = (picture.width, picture.height);
    let is_same = |kept: &&Kept| kept.size == size && kept.shapes == picture.shapes;
    // A panic elsewhere cannot leave the list half made.
    let all_kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(kept) = all_kept().iter().find(is_same) {
        return Ok(kept.image.clone());
    }
    let image = Arc::new(draw(picture)?);
    let mut all_kept = all_kept();
    all_kept.truncate(KEPT_MAX - 1);
    all_kept.push_front(Kept { size, shapes: picture.shapes.clone(), image: image.clone() });
    Ok(image)
}

/// The HTML of a letter as a page of its own, for people who want to see it before anybody gets it: browsers
/// know no `cid:`, so that the drawings stand in their places.
pub fn page(letter: &Letter) -> String {
    letter.pictures.iter().fold(letter.html.clone(), |html, picture| {
        html.replace(
            &format!("cid:{}", picture.id),
            &format!("data:image/svg+xml,{}", in_address(&picture.svg())),
        )
    })
}

/// The text as a part of an address (RFC 3986, section 2.1).
fn in_address(text: &str) -> String {
    let mut address = String::with_capacity(2 * text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                address.push(char::from(byte))
            }
            other => address.push_str(&format!("%{other:02X}")),
        }
    }
    address
}

fn draw(picture: &Picture) -> Result<Vec<u8>, String> {
    let (width, height) = (picture.width.saturating_mul(SCALE), picture.height.saturating_mul(SCALE));
    if width.saturating_mul(height) > PIXELS_MAX {
        return Err(format!("it has {width} x {height} pixels, more than {PIXELS_MAX}"));
    }
    packed(&painted(picture)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::picture::shape::{Anchor, Colour, Place};

    fn picture(width: u32, height: u32, shapes: Vec<Shape>) -> Picture {
        Picture { width, height, shapes, ..Picture::default() }
    }

    fn written(text: &str) -> Shape {
        let (place, text) = (Place::tenths(40, 150), text.to_string());
        Shape::Text { place, size: 12, anchor: Anchor::Start, colour: Colour::Ink, text }
    }

    /// Width, height, and red, green and blue of each pixel.
    fn decoded(image: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(image));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a small image")];
        let info = reader.next_frame(&mut pixels).expect("a whole PNG");
        (info.width, info.height, pixels)
    }

    fn dark(picture: &Picture) -> usize {
        let (_, _, pixels) = decoded(&draw(picture).expect("an image"));
        pixels.chunks_exact(3).filter(|pixel| pixel[0] < 0x80).count()
    }

    #[test]
    fn every_sign_that_is_written_becomes_ink_and_others_a_question_mark() {
        for sign in (0x21..0x7f_u8).map(char::from) {
            let picture = picture(20, 20, vec![written(&sign.to_string())]);
            let (width, height, _) = decoded(&draw(&picture).expect("an image"));
            assert_eq!((width, height), (40, 40), "twice as sharp");
            assert!(dark(&picture) >= 4, "{sign}: {} dark pixels", dark(&picture));
        }
        let image = |text| draw(&picture(60, 20, vec![written(text)])).expect("an image");
        for (text, shown) in
            [("a\u{7}b", "a b"), ("\u{e9}\u{202e}x", "??x"), ("\u{1f4a9}", "?"), ("a\nb", "a b")]
        {
            assert_eq!(image(text), image(shown), "{text:?}");
        }
        assert_ne!(image("a"), image("b"));
    }

    #[test]
    fn colours_stay_and_odd_widths_lose_no_pixel() {
        for (at, colour) in (0..).zip(Colour::ALL) {
            let (place, size) = (Place::tenths(20, 20), Place::tenths(100, 100));
            let cell = Shape::Cell { place, size, fill: colour, frame: colour };
            let (width, _, pixels) = decoded(&draw(&picture(21, 21, vec![cell])).expect("an image"));
            let pixel = |x: u32, y: u32| &pixels[((y * width + x) * 3) as usize..][..3];
            assert_eq!((pixel(8, 8), pixel(30, 30)), (&colour.parts()[..], &[0xff; 3][..]), "{at}: {colour}");
            assert_eq!(pixel(41, 20), Colour::Guide.parts(), "the frame of the ground");
        }
    }

    #[test]
    fn what_is_too_large_or_has_no_size_is_no_image() {
        let told = |width, height| draw(&picture(width, height, vec![])).err().unwrap_or_default();
        assert_eq!(told(13_107, 20), "", "just below 2^20 pixels");
        assert!(told(13_108, 20).contains("more than 1048576"), "{}", told(13_108, 20));
        assert!(told(u32::MAX, u32::MAX).contains("more than 1048576"));
        assert!(!told(0, 0).is_empty() && !told(8, 0).is_empty());
    }

    #[test]
    fn the_same_drawing_is_the_same_bytes_and_is_drawn_once() {
        let (one, other) = (picture(30, 20, vec![written("one")]), picture(30, 20, vec![written("two")]));
        let kept = image(&one).expect("an image");
        assert_eq!(Ok(kept.to_vec()), draw(&one));
        let again = Picture { id: "strip-2".to_string(), ..one.clone() };
        assert!(Arc::ptr_eq(&kept, &image(&again).expect("an image")), "it is drawn once");
        assert_ne!(image(&other), Ok(kept.clone()));
        assert_ne!(image(&picture(30, 21, one.shapes)), Ok(kept), "another size is another image");
    }
}
