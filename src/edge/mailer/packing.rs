//! How does a canvas become the bytes of an image? PNG with a palette, four bits a pixel.

use super::canvas::{COLOURS, Canvas, PALETTE};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use png::chunk::IDAT;
use png::{BitDepth, ColorType, Encoder, EncodingError};
use std::io::Write;

/// An image of some nights, in bytes.
const BYTES: usize = 8_192;

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

/// The lines as PNG filters them: most are like the one above them, which needs but zeros; where anything is
/// written, the pixels themselves repeat better than what they differ by.
fn lines(canvas: &Canvas) -> Vec<u8> {
    let length = canvas.width().div_ceil(2);
    let mut lines = Vec::with_capacity((length + 1) * canvas.height());
    let mut above: &[u8] = &[];
    for line in canvas.pixels().chunks_exact(canvas.width().max(1)) {
        if line == above {
            lines.push(LIKE_ABOVE);
            lines.resize(lines.len() + length, 0);
        } else {
            lines.push(AS_IT_IS);
            lines.extend(line.chunks(2).map(two_in_one));
        }
        above = line;
    }
    lines
}

/// The left one in the upper bits.
fn two_in_one(pixels: &[u8]) -> u8 {
    const { assert!(COLOURS <= 1 << 4) };
    pixels[0] << 4 | pixels.get(1).copied().unwrap_or(0)
}

/// In half of the time that the next level takes, for a fifth more of bytes: still less than eight bits a pixel
/// take at any level.
fn squeezed(lines: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut squeezer = ZlibEncoder::new(Vec::with_capacity(BYTES), Compression::new(1));
    squeezer.write_all(lines)?;
    squeezer.finish()
}
