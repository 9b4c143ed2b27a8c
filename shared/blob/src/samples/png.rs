//! A PNG of the same landscape as the JPEG, with soft tiles.

use super::tile;

/// A colour picture of `width` × `height` pixels.
#[must_use]
pub fn png(width: u32, height: u32, seed: u64) -> Vec<u8> {
    const TILE: usize = 6;
    let (columns, rows) = ((width as usize).div_ceil(TILE), (height as usize).div_ceil(TILE));
    let pixels: Vec<u8> = (0..height as usize)
        .flat_map(|y| (0..width as usize).flat_map(move |x| tile(x / TILE, y / TILE, (columns, rows), seed)))
        .collect();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&pixels)?;
        writer.finish()
    });
    written.expect("a vector takes every write, and the size is the announced one");
    out
}
