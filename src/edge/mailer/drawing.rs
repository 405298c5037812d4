//! How does a drawing become an image that mail programs show? SVG in, PNG out, always the same bytes.
//!
//! Mail programs show neither SVG nor images that are written into a page. It must never look for a font or
//! a file of this machine: what a mail looks like would depend on where it was written.

use crate::pure::hexadecimal;
use crate::pure::picture::Picture;
use crate::pure::report::Letter;
use png::{BitDepth, ColorType, DeflateCompression, Encoder, Filter};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb::Database};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Pixels for each CSS pixel: sharp on a phone.
const SCALE: u32 = 2;

/// The largest image, in pixels: several times what a drawing of ours has.
const PIXELS_MAX: u32 = 1 << 20;

/// Colours of an image, as a palette holds them.
const COLOURS_MAX: usize = 256;

/// Images kept for the next recipients of a letter, some 6 KiB each.
const KEPT_MAX: usize = 64;

/// The signs of our own words, dates and numbers (its licence lies beside it).
const FONT: &[u8] = include_bytes!("noto_sans_ascii.ttf");
const FONT_NAME: &str = "Noto Sans";

/// The image of a picture; each recipient of a letter gets the same one.
///
/// # Errors
///
/// What is wrong with the drawing.
pub fn image(picture: &Picture) -> Result<Arc<Vec<u8>>, String> {
    static KEPT: Mutex<VecDeque<(String, Arc<Vec<u8>>)>> = Mutex::new(VecDeque::new());
    let key = hexadecimal::text(&Sha256::digest(picture.svg.as_bytes()));
    // A panic elsewhere cannot leave the list half made.
    let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, image)) = kept().iter().find(|(known, _)| *known == key) {
        return Ok(image.clone());
    }
    let image = Arc::new(draw(&picture.svg)?);
    let mut kept = kept();
    kept.truncate(KEPT_MAX - 1);
    kept.push_front((key, image.clone()));
    Ok(image)
}

/// The HTML of a letter as a page of its own, for people who want to see it before anybody gets it: browsers
/// know no `cid:`, so that the drawings stand in their places.
pub fn page(letter: &Letter) -> String {
    letter.pictures.iter().fold(letter.html.clone(), |html, picture| {
        html.replace(
            &format!("cid:{}", picture.id),
            &format!("data:image/svg+xml,{}", in_address(&picture.svg)),
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

fn draw(svg: &str) -> Result<Vec<u8>, String> {
    static OPTIONS: OnceLock<Options<'static>> = OnceLock::new();
    let tree = Tree::from_str(svg, OPTIONS.get_or_init(options)).map_err(|error| error.to_string())?;
    let size = tree.size().to_int_size();
    let (width, height) = (size.width().saturating_mul(SCALE), size.height().saturating_mul(SCALE));
    if width.saturating_mul(height) > PIXELS_MAX {
        return Err(format!("it has {width} x {height} pixels, more than {PIXELS_MAX}"));
    }
    let mut pixels = Pixmap::new(width, height).ok_or("it has no size")?;
    pixels.fill(Color::WHITE);
    let scale = SCALE as f32;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    encode(&pixels).map_err(|error| error.to_string())
}

fn options() -> Options<'static> {
    let mut fonts = Database::new();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family(FONT_NAME);
    Options { fontdb: Arc::new(fonts), font_family: FONT_NAME.to_string(), ..Options::default() }
}

/// PNG with a palette: flat areas and the edges of letters have few colours.
fn encode(pixels: &Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    let mut palette = Palette::default();
    let indices = palette.indices(pixels.data(), pixels.width() as usize);
    let mut bytes = Vec::with_capacity(8_192);
    let mut encoder = Encoder::new(&mut bytes, pixels.width(), pixels.height());
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(palette.colours.concat());
    // A tenth larger than what level 6 makes, in less than half of its time.
    encoder.set_deflate_compression(DeflateCompression::Level(2));
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&indices)?;
    writer.finish()?;
    Ok(bytes)
}

/// The colours of an image; those that differ by less than anybody sees are one.
#[derive(Default)]
struct Palette {
    colours: Vec<[u8; 3]>,
    known: BTreeMap<[u8; 3], u8>,
    last: Option<([u8; 3], u8)>,
}

impl Palette {
    /// The index of each pixel. Most lines of a drawing are like the one above them.
    fn indices(&mut self, pixels: &[u8], width: usize) -> Vec<u8> {
        let mut indices = Vec::with_capacity(pixels.len() / 4);
        let mut above: &[u8] = &[];
        for line in pixels.chunks_exact(4 * width) {
            if line == above {
                indices.extend_from_within(indices.len() - width..);
            } else {
                indices.extend(line.chunks_exact(4).map(|pixel| self.index([pixel[0], pixel[1], pixel[2]])));
            }
            above = line;
        }
        indices
    }

    fn index(&mut self, colour: [u8; 3]) -> u8 {
        if let Some((_, index)) = self.last.filter(|(last, _)| *last == colour) {
            return index;
        }
        let index = self.find(colour.map(coarse));
        self.last = Some((colour, index));
        index
    }

    fn find(&mut self, colour: [u8; 3]) -> u8 {
        if let Some(index) = self.known.get(&colour) {
            return *index;
        }
        let distance = |other: &[u8; 3]| {
            colour.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum::<u32>()
        };
        let index = if self.colours.len() < COLOURS_MAX {
            self.colours.push(colour);
            self.colours.len() - 1
        } else {
            let nearest = self.colours.iter().enumerate().min_by_key(|(_, other)| distance(other));
            nearest.map_or(0, |(index, _)| index)
        };
        let index = u8::try_from(index).unwrap_or(u8::MAX);
        self.known.insert(colour, index);
        index
    }
}

/// The nearest of 32 steps; 0 and 255 stay, and so do the colours of `picture::sheet`.
fn coarse(part: u8) -> u8 {
    let step = (u16::from(part) * 31 + 127) / 255;
    ((step << 3) | (step >> 2)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(width: u32, body: &str) -> String {
        format!(r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20">{body}</svg>"#)
    }

    fn decoded(image: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(image));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a small image")];
        let info = reader.next_frame(&mut pixels).expect("a whole PNG");
        (info.width, info.height, pixels)
    }

    #[test]
    fn every_sign_that_is_written_becomes_ink() {
        for sign in (0x21..0x7f_u8).map(char::from) {
            let sign = match sign {
                '<' => "&lt;".to_string(),
                '&' => "&amp;".to_string(),
                other => other.to_string(),
            };
            let text = format!(r##"<text x="4" y="15" font-size="12" fill="#212121">{sign}</text>"##);
            let (width, height, pixels) = decoded(&draw(&sheet(20, &text)).expect("an image"));
            assert_eq!((width, height), (40, 40), "twice as sharp");
            let dark = pixels.chunks_exact(3).filter(|pixel| pixel[0] < 0x80).count();
            assert!(dark >= 4, "{sign}: {dark} dark pixels");
        }
    }

    #[test]
    fn a_colour_of_ours_stays_and_many_are_few() {
        for colour in ["212121", "52525a", "ced6de", "ffffff", "006b4a", "bd3900", "ffc600", "0063ad"] {
            let part = |at: usize| u8::from_str_radix(&colour[at..at + 2], 16).expect("a colour");
            let given = [part(0), part(2), part(4)];
            assert_eq!(given.map(coarse), given, "{colour}");
        }
        let mut palette = Palette::default();
        for red in 0..=255 {
            for green in 0..=255 {
                palette.index([red, green, 0]);
            }
        }
        assert_eq!(palette.colours.len(), COLOURS_MAX);
    }

    #[test]
    fn what_is_too_large_or_no_drawing_is_no_image() {
        let told = |svg: &str| draw(svg).err().unwrap_or_default();
        assert!(draw(&sheet(13_107, "")).is_ok(), "just below 2^20 pixels");
        assert!(told(&sheet(13_108, "")).contains("more than 1048576"), "{}", told(&sheet(13_108, "")));
        assert!(!told("<svg").is_empty() && !told("").is_empty());
    }

    #[test]
    fn the_same_drawing_is_the_same_bytes_and_looks_for_nothing_outside() {
        let file = tempfile::NamedTempFile::with_suffix(".png").expect("a file");
        let black = draw(&sheet(8, r#"<rect width="8" height="20"/>"#)).expect("an image");
        std::fs::write(file.path(), &black).expect("a file");
        let reference = format!(r#"<image href="{}" width="8" height="20"/>"#, file.path().display());
        assert_eq!(draw(&sheet(8, &reference)), draw(&sheet(8, "")), "the file is not shown");
        let picture = Picture { svg: sheet(8, ""), ..Picture::default() };
        let kept = image(&picture).expect("an image");
        assert_eq!(Ok(kept.to_vec()), draw(&picture.svg));
        assert!(Arc::ptr_eq(&kept, &image(&picture).expect("an image")), "it is drawn once");
    }
}
