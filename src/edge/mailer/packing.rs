//! How does a canvas become the bytes of an image? PNG with a palette, four bits a pixel.

use super::canvas::{COLOURS, Canvas, PALETTE};
use super::deflate;
use png::chunk::IDAT;
use png::{BitDepth, ColorType, Encoder, EncodingError};

/// An image of some nights, in bytes.
const BYTES: usize = 16_384;

/// How a line is filtered (PNG, third edition, section 9.2): not at all. What is like the line above it,
/// `deflate` finds by itself.
const AS_IT_IS: u8 = 0;

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
    let length = 1 + canvas.width().div_ceil(2);
    writer.write_chunk(IDAT, &deflate::squeezed(&lines(canvas, length), length))?;
    writer.finish()?;
    Ok(bytes)
}

/// The lines, each of so many bytes: its filter, then two pixels in one, the left one in the upper bits.
fn lines(canvas: &Canvas, length: usize) -> Vec<u8> {
    let mut lines = Vec::with_capacity(length * canvas.height());
    for line in canvas.pixels().chunks_exact(canvas.width().max(1)) {
        let (pairs, last) = line.as_chunks();
        lines.push(AS_IT_IS);
        lines.extend(pairs.iter().map(|pair| two_in_one(u16::from_le_bytes(*pair))));
        lines.extend(last.iter().map(|left| left << 4));
    }
    lines
}

/// Both of them are turned at a time, which processors do with eight pairs at once.
fn two_in_one(pair: u16) -> u8 {
    const { assert!(COLOURS <= 1 << 4) };
    (pair << 4 | pair >> 8) as u8
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
