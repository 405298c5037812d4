//! How does a canvas become the bytes of an image? PNG with a palette, four bits a pixel.

use super::canvas::{COLOURS, Canvas, PALETTE};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use png::chunk::IDAT;
use png::{BitDepth, ColorType, Encoder, EncodingError};
use std::io::Write;

/// An image of some nights, in bytes.
const BYTES: usize = 16_384;

/// How a line is filtered (PNG, third edition, section 9.2: types 0 and 2).
const AS_IT_IS: u8 = 0;
const LIKE_ABOVE: u8 = 2;

/// The image, always the same bytes.
///
/// # Errors
///
/// The image has no pixels.
pub fn packed(canvas: &Canvas) -> Result<Vec<u8>, EncodingError> {
    let mut bytes = Vec::with_capacity(BYTES);
    let mut encoder = Encoder::new(&mut bytes, canvas.width() as u32, canvas.height() as u32);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Four);
    encoder.set_palette(PALETTE.as_flattened());
    let mut writer = encoder.write_header()?;
    writer.write_chunk(IDAT, &squeezed(&lines(canvas))?)?;
    writer.finish()?;
    Ok(bytes)
}

/// The lines, each its filter, then two pixels in one byte, the left one in the upper bits. Most are like the one above
/// them, which needs but zeros; where anything is written, the pixels themselves repeat better than what they
/// differ by.
fn lines(canvas: &Canvas) -> Vec<u8> {
    let length = canvas.width().div_ceil(2);
    let mut lines = Vec::with_capacity((length + 1) * canvas.height());
    let mut above: &[u8] = &[];
    for line in canvas.pixels().chunks_exact(canvas.width().max(1)) {
        if line == above {
            lines.push(LIKE_ABOVE);
            lines.resize(lines.len() + length, 0);
        } else {
            let (pairs, last) = line.as_chunks();
            lines.push(AS_IT_IS);
            lines.extend(pairs.iter().map(|pair| two_in_one(u16::from_le_bytes(*pair))));
            lines.extend(last.iter().map(|left| left << 4));
        }
        above = line;
    }
    lines
}

/// Both of them are turned at a time, which processors do with eight pairs at once.
fn two_in_one(pair: u16) -> u8 {
    const { assert!(COLOURS <= 1 << 4) };
    (pair << 4 | pair >> 8) as u8
}

/// In half of the time that the next level takes, for a fifth more of bytes: still less than eight bits a pixel
/// take at any level.
fn squeezed(lines: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut squeezer = ZlibEncoder::new(Vec::with_capacity(BYTES), Compression::new(1));
    squeezer.write_all(lines)?;
    squeezer.finish()
}

#[cfg(test)]
mod tests {
    use super::super::canvas::Area;
    use super::*;
    use crate::pure::picture::shape::Colour;

    #[test]
    fn every_pixel_comes_out_in_its_colour_also_the_last_one_of_an_odd_line() {
        for width in 1..=5 {
            let mut canvas = Canvas::new(width, 3);
            // Tenths of a CSS pixel, two pixels for each.
            canvas.fill(&Area { x: 5..5 * width as i32, y: 5..10 }, Colour::Ink);
            canvas.fill(&Area { x: 5 * (width as i32 - 1)..5 * width as i32, y: 10..15 }, Colour::Red);
            let image = packed(&canvas).expect("an image");
            let mut decoder = png::Decoder::new(std::io::Cursor::new(image));
            decoder.set_transformations(png::Transformations::EXPAND);
            let mut reader = decoder.read_info().expect("a PNG");
            let mut parts = vec![0; reader.output_buffer_size().expect("a small image")];
            reader.next_frame(&mut parts).expect("a whole PNG");
            let meant = canvas.pixels().iter().map(|number| PALETTE[usize::from(*number)]);
            assert_eq!(parts, meant.collect::<Vec<_>>().as_flattened(), "{width} pixels wide");
        }
    }
}
