//! An MP4 of two seconds with one H.264 track, index first.

use super::h264;

const SECONDS: u32 = 2;
const FRAMES_A_SECOND: u32 = 5;
const FRAMES: u32 = SECONDS * FRAMES_A_SECOND;
const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// A film that differs by seed.
#[must_use]
pub fn mp4(seed: u64) -> Vec<u8> {
    let samples: Vec<Vec<u8>> = (0..FRAMES).map(|frame| with_length(picture(frame, seed))).collect();
    let kind = part(b"ftyp", &[b"isom\0\0\x02\0isomavc1mp41"]);
    // the length of the index does not depend on the offset in it
    let offset = kind.len() + index(&samples, 0).len() + 8;
    let index = index(&samples, u32::try_from(offset).expect("a small file"));
    [kind, index, part(b"mdat", &[&samples.concat()])].concat()
}

fn picture(frame: u32, seed: u64) -> Vec<u8> {
    match frame % FRAMES_A_SECOND {
        0 => h264::key_picture(seed.wrapping_add(u64::from(frame / FRAMES_A_SECOND))),
        number => h264::still_picture(number),
    }
}

fn with_length(unit: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(unit.len()).expect("a small picture");
    [length.to_be_bytes().to_vec(), unit].concat()
}

fn part(kind: &[u8; 4], bodies: &[&[u8]]) -> Vec<u8> {
    let body = bodies.concat();
    let length = u32::try_from(body.len() + 8).expect("a small box");
    [length.to_be_bytes().as_slice(), kind, &body].concat()
}

fn numbers(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

fn index(samples: &[Vec<u8>], offset: u32) -> Vec<u8> {
    let duration = SECONDS * 1000;
    let movie = [&[0, 0, 0, 1000, duration, 0x1_0000, 0x0100_0000, 0, 0][..], &MATRIX, &[0; 6], &[2]].concat();
    part(b"moov", &[&part(b"mvhd", &[&numbers(&movie)]), &track(samples, offset)])
}

fn track(samples: &[Vec<u8>], offset: u32) -> Vec<u8> {
    let (width, height) = (h264::SIZE.0 as u32 * 16, h264::SIZE.1 as u32 * 16);
    let duration = SECONDS * 1000;
    let header = [&[3, 0, 0, 1, 0, duration, 0, 0, 0, 0][..], &MATRIX, &[width << 16, height << 16]].concat();
    let handler = [numbers(&[0, 0]), b"vide".to_vec(), numbers(&[0, 0, 0]), b"video\0".to_vec()].concat();
    let reference = part(b"dref", &[&numbers(&[0, 1]), &part(b"url ", &[&numbers(&[1])])]);
    let media = part(
        b"minf",
        &[
            &part(b"vmhd", &[&numbers(&[1, 0, 0])]),
            &part(b"dinf", &[&reference]),
            &part(b"stbl", &[&sample_table(samples, offset)]),
        ],
    );
    // language "und"
    let media_header = numbers(&[0, 0, 0, 1000, duration, 0x55c4_0000]);
    let media = part(b"mdia", &[&part(b"mdhd", &[&media_header]), &part(b"hdlr", &[&handler]), &media]);
    part(b"trak", &[&part(b"tkhd", &[&numbers(&header)]), &media])
}

/// One chunk with all samples, a key sample each second.
fn sample_table(samples: &[Vec<u8>], offset: u32) -> Vec<u8> {
    let sizes: Vec<u32> = samples.iter().map(|sample| u32::try_from(sample.len()).expect("small")).collect();
    let keys: Vec<u32> = (0..SECONDS).map(|second| second * FRAMES_A_SECOND + 1).collect();
    [
        part(b"stsd", &[&numbers(&[0, 1]), &description()]),
        part(b"stts", &[&numbers(&[0, 1, FRAMES, 1000 / FRAMES_A_SECOND])]),
        part(b"stss", &[&numbers(&[0, SECONDS]), &numbers(&keys)]),
        part(b"stsc", &[&numbers(&[0, 1, 1, FRAMES, 1])]),
        part(b"stsz", &[&numbers(&[0, 0, FRAMES]), &numbers(&sizes)]),
        part(b"stco", &[&numbers(&[0, 1, offset])]),
    ]
    .concat()
}

fn description() -> Vec<u8> {
    let (width, height) = (h264::SIZE.0 as u32 * 16, h264::SIZE.1 as u32 * 16);
    // reserved and data reference 1; then size, 72 dpi twice, one frame a sample, no name, 24 bits
    let fixed = numbers(&[0, 1, 0, 0, 0, 0, width << 16 | height, 0x48_0000, 0x48_0000, 0]);
    let rest = [&[0, 1][..], &[0; 32], &[0, 24, 0xff, 0xff]].concat();
    let (sequence, picture) = (h264::sequence_parameters(), h264::picture_parameters());
    let length = |unit: &[u8]| u16::try_from(unit.len()).expect("a few bytes").to_be_bytes();
    let configuration = [
        &[1, sequence[1], sequence[2], sequence[3], 0xff, 0xe1][..],
        &length(&sequence),
        &sequence,
        &[1],
        &length(&picture),
        &picture,
    ]
    .concat();
    part(b"avc1", &[&fixed, &rest, &part(b"avcC", &[&configuration])])
}
