//! The least H.264 that plays: pictures sent as plain samples, and "nothing moved" between them.

use super::{bits::Bits, scramble, tile};

/// Macroblocks across and down (16 pixels each).
pub(super) const SIZE: (usize, usize) = (8, 6);
/// Both are four bits in the slice header.
const FRAME_NUMBERS: u32 = 16;

/// Sequence parameters: baseline, level 3, frames only, no reordering.
pub(super) fn sequence_parameters() -> Vec<u8> {
    let mut bits = Bits::default();
    for (value, count) in [(66, 8), (0xc0, 8), (30, 8)] {
        bits.put(value, count);
    }
    // set id, frame numbers of 4 bits, order as decoded, one reference
    for value in [0, 0, 2, 1] {
        bits.golomb(value);
    }
    bits.put(0, 1);
    bits.golomb(SIZE.0 as u32 - 1);
    bits.golomb(SIZE.1 as u32 - 1);
    // frames only, 8x8 inference, no cropping, no usability information
    bits.put(0b1100, 4);
    unit(0x67, bits)
}

/// Picture parameters: variable-length codes, deblocking under control of the slice.
pub(super) fn picture_parameters() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.golomb(0);
    bits.golomb(0);
    bits.put(0, 2);
    // slice groups, references of either list
    for value in [0, 0, 0] {
        bits.golomb(value);
    }
    bits.put(0, 3);
    // quantizers (signed zeros are coded alike)
    for value in [0, 0, 0] {
        bits.golomb(value);
    }
    bits.put(0b100, 3);
    unit(0x68, bits)
}

/// A picture that stands alone: every macroblock as 384 plain samples.
pub(super) fn key_picture(seed: u64) -> Vec<u8> {
    let mut bits = Bits::default();
    for value in [0, 7, 0] {
        bits.golomb(value);
    }
    bits.put(0, 4);
    bits.golomb(u32::try_from(seed % 2).expect("0 or 1"));
    bits.put(0, 2);
    bits.golomb(0);
    bits.golomb(1);
    for (y, x) in (0..SIZE.1).flat_map(|y| (0..SIZE.0).map(move |x| (y, x))) {
        bits.golomb(25);
        bits.align(0);
        let [red, green, blue] = tile(x, y, SIZE, seed).map(i32::from);
        let level = (77 * red + 150 * green + 29 * blue) / 256;
        let chroma = |colour: i32, weight: i32| clamp(128 + (colour - level) * weight / 100);
        let grain = |sample: u64| (scramble(seed ^ sample) % 5) as i32;
        bits.bytes.extend((0..256).map(|sample| clamp(level + grain(sample))));
        bits.bytes.extend([chroma(blue, 56); 64]);
        bits.bytes.extend([chroma(red, 71); 64]);
    }
    unit(0x65, bits)
}

/// The `number`th picture after a key picture, the same as the one before it.
pub(super) fn still_picture(number: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    for value in [0, 5, 0] {
        bits.golomb(value);
    }
    bits.put(number % FRAME_NUMBERS, 4);
    bits.put(0, 3);
    bits.golomb(0);
    bits.golomb(1);
    bits.golomb((SIZE.0 * SIZE.1) as u32);
    unit(0x41, bits)
}

/// Samples 0 and 255 are reserved.
fn clamp(level: i32) -> u8 {
    u8::try_from(level.clamp(16, 235)).expect("clamped to a byte")
}

/// Closes the bits and keeps start codes from appearing within them.
fn unit(header: u8, mut bits: Bits) -> Vec<u8> {
    bits.put(1, 1);
    bits.align(0);
    let mut out = vec![header];
    let mut zeros = 0;
    for byte in bits.bytes {
        if zeros == 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}
