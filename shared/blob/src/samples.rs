//! Small real files, made in code: the demo city's outcomes and the tests' uploads.
//!
//! Each opens in an ordinary viewer; the same arguments give the same bytes.

mod bits;
mod h264;
mod jpeg;
mod mp3;
mod mp4;
mod pdf;
mod png;

pub use self::{
    jpeg::jpeg,
    mp3::mp3,
    mp4::mp4,
    pdf::{active_pdf, pdf},
    png::png,
};

/// The harmless file that every virus scanner knows. Put together here, so that no scanner
/// finds it in our own sources.
#[must_use]
pub fn eicar() -> String {
    ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!$H+H*"].concat()
}

/// Colours of a mosaic tile: a sky, hills and a field that differ by seed.
fn tile(x: usize, y: usize, (columns, rows): (usize, usize), seed: u64) -> [u8; 3] {
    let phase = (seed % 97) as usize;
    let horizon = rows * 2 / 5 + ((x * 5 + phase) % 7) * rows / 40;
    let noise = (scramble(seed ^ (x as u64) << 32 ^ y as u64) % 24) as u8;
    let slope = |from: usize, to: usize| u8::try_from(from + (to - from) * x / columns.max(1)).unwrap_or(u8::MAX);
    if y < horizon {
        [slope(120, 200) - noise / 2, slope(160, 210), 230 - noise]
    } else if y < horizon + rows / 4 {
        [70 + noise, slope(90, 130) + noise, 60 + u8::try_from(phase).unwrap_or_default() / 2]
    } else {
        [slope(150, 190) + noise, 140 + noise * 2, 60 + noise]
    }
}

/// A number that looks random and is the same every time (SplitMix64).
fn scramble(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
