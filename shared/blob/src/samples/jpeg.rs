//! A baseline JPEG of flat 8 × 8 tiles: only the mean of each block is coded, so that no
//! transform is needed.

use super::{bits::Bits, tile};

/// Number of codes of each length (1–16 bits) and the symbols, of the usual luminance table (T.81 K.3).
const DC_LENGTHS: [u8; 16] = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
const DC_CODES: [(u32, u8); 12] = [
    (0b00, 2),
    (0b010, 3),
    (0b011, 3),
    (0b100, 3),
    (0b101, 3),
    (0b110, 3),
    (0b1110, 4),
    (0b1_1110, 5),
    (0b11_1110, 6),
    (0b111_1110, 7),
    (0b1111_1110, 8),
    (0b1_1111_1110, 9),
];

/// A colour picture of `width` × `height` pixels.
#[must_use]
pub fn jpeg(width: u16, height: u16, seed: u64) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    segment(&mut out, 0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    segment(&mut out, 0xdb, &[[0].as_slice(), &[8; 64]].concat());
    let (w, h) = (width.to_be_bytes(), height.to_be_bytes());
    let components = [1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0];
    segment(&mut out, 0xc0, &[[8, h[0], h[1], w[0], w[1], 3].as_slice(), &components].concat());
    let symbols: Vec<u8> = (0..12).collect();
    segment(&mut out, 0xc4, &[[0x00].as_slice(), &DC_LENGTHS, &symbols].concat());
    // one symbol, "end of block", coded as a single zero
    segment(&mut out, 0xc4, &[[0x10, 1].as_slice(), &[0; 15], &[0x00]].concat());
    segment(&mut out, 0xda, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
    out.extend(scan(width, height, seed));
    out.extend([0xff, 0xd9]);
    out
}

fn segment(out: &mut Vec<u8>, marker: u8, body: &[u8]) {
    let length = u16::try_from(body.len() + 2).expect("our segments are short");
    out.extend([0xff, marker]);
    out.extend(length.to_be_bytes());
    out.extend(body);
}

fn scan(width: u16, height: u16, seed: u64) -> Vec<u8> {
    let (columns, rows) = (usize::from(width).div_ceil(8), usize::from(height).div_ceil(8));
    let mut bits = Bits::default();
    let mut previous = [0i32; 3];
    for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
        let levels = luminance_and_chroma(tile(x, y, (columns, rows), seed));
        for (level, before) in levels.into_iter().zip(&mut previous) {
            put_difference(&mut bits, level - *before);
            *before = level;
        }
    }
    bits.align(1);
    // a byte of ones in the data is told from a marker by a zero after it
    bits.bytes.into_iter().flat_map(|byte| [Some(byte), (byte == 0xff).then_some(0)]).flatten().collect()
}

/// YCbCr around zero, in quantized units: 8 × mean divided by a step of 8.
fn luminance_and_chroma([red, green, blue]: [u8; 3]) -> [i32; 3] {
    let (red, green, blue) = (i32::from(red), i32::from(green), i32::from(blue));
    [
        (299 * red + 587 * green + 114 * blue) / 1000 - 128,
        (-169 * red - 331 * green + 500 * blue) / 1000,
        (500 * red - 419 * green - 81 * blue) / 1000,
    ]
}

fn put_difference(bits: &mut Bits, difference: i32) {
    let size = u8::try_from(32 - difference.unsigned_abs().leading_zeros()).expect("at most 11 bits");
    let (code, length) = DC_CODES[usize::from(size)];
    bits.put(code, length);
    // a negative number is written as itself less one, in as many bits
    let value = if difference < 0 { difference - 1 } else { difference };
    bits.put(value.cast_unsigned(), size);
    bits.put(0, 1);
}
