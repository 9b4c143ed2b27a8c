//! An MP3 of silence: MPEG-1 layer III, 32 kbit/s, 44.1 kHz, mono.

/// Header, 17 bytes of empty side information, and nothing to play.
const FRAME_LENGTH: usize = 104;
const HEADER: [u8; 4] = [0xff, 0xfb, 0x10, 0xc0];

/// A recording of so many seconds, with title tag and frame count.
#[must_use]
pub fn mp3(seconds: u32) -> Vec<u8> {
    let frames = (seconds * 44_100).div_ceil(1152).max(3);
    let silence: Vec<u8> = HEADER.into_iter().chain([0; FRAME_LENGTH - 4]).collect();
    let mut out = title(&format!("Recording of {seconds} s"));
    let mut first = silence.clone();
    first[21..25].copy_from_slice(b"Info");
    first[25..29].copy_from_slice(&3u32.to_be_bytes());
    first[29..33].copy_from_slice(&frames.to_be_bytes());
    let total = u32::try_from(FRAME_LENGTH).expect("104") * (frames + 1);
    first[33..37].copy_from_slice(&total.to_be_bytes());
    out.extend(first);
    out.extend(silence.repeat(frames as usize));
    out
}

/// An ID3v2.3 tag with the title alone.
fn title(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len() + 1).expect("a short title");
    let frame = [b"TIT2\0\0\0".as_slice(), &[length], b"\0\0\0", text.as_bytes()].concat();
    let size = u8::try_from(frame.len()).expect("a short tag fits seven bits");
    [b"ID3\x03\0\0\0\0\0".as_slice(), &[size], &frame].concat()
}
