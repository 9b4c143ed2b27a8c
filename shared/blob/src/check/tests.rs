use super::{encrypted::ENCRYPTED, *};
use crate::samples;

fn pdf() -> Vec<u8> {
    samples::pdf(&["Report", "A line (with brackets)"])
}

fn wrong(found: Found, accept: Accept) -> Refusal {
    Refusal::WrongType { found, accept }
}

/// A picture, a document, a film and a recording, with the place that takes each.
fn good() -> [(Vec<u8>, Accept, MediaType); 5] {
    [
        (pdf(), Accept::Document, MediaType::Pdf),
        (samples::jpeg(64, 40, 3), Accept::Document, MediaType::Jpeg),
        (samples::png(64, 40, 3), Accept::CounsellingFile, MediaType::Png),
        (samples::mp4(3), Accept::Media, MediaType::Mp4),
        (samples::mp3(2), Accept::Media, MediaType::Mp3),
    ]
}

#[test]
fn whole_files_are_taken_for_what_they_are() {
    for (bytes, accept, media) in good() {
        assert_eq!(check(&bytes, accept), Ok(media));
    }
}

/// Domain §4.2: documents and media have their own places; the content counts, not the name.
#[test]
fn a_file_in_the_wrong_place_is_named() {
    for (bytes, accept, media) in good() {
        let other = if accept == Accept::Media { Accept::Document } else { Accept::Media };
        assert_eq!(check(&bytes, other), Err(wrong(Found::Known(media), other)));
    }
}

/// Every truncation point: never a panic, never taken. (The last bytes of a PDF are a line end
/// that nobody misses; an MP3 may lack its last frame, which its header announces.)
#[test]
fn a_file_cut_anywhere_is_refused() {
    for (bytes, accept, media) in good() {
        let dispensable = match media {
            MediaType::Pdf => 1,
            MediaType::Mp3 => 1441 + 1,
            _ => 0,
        };
        for length in 0..bytes.len() - dispensable {
            let cut = check(&bytes[..length], accept);
            assert!(cut.is_err(), "{media} cut to {length} of {} bytes was taken", bytes.len());
        }
    }
}

/// Flipped bytes may pass (a pixel is a pixel) but never panic or hang.
#[test]
fn a_damaged_file_never_breaks_the_check() {
    for (bytes, accept, _) in good() {
        for at in 0..bytes.len().min(3000) {
            for flip in [0xff, 0x80, 0x01] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                let _ = check(&damaged, accept);
            }
        }
    }
}

#[test]
fn the_reason_of_a_cut_file_is_that_it_is_cut() {
    let cut = |bytes: &[u8], accept| check(&bytes[..bytes.len() * 3 / 4], accept);
    assert_eq!(cut(&pdf(), Accept::Document), Err(Refusal::Truncated(MediaType::Pdf)));
    assert_eq!(cut(&samples::jpeg(64, 40, 3), Accept::Document), Err(Refusal::Truncated(MediaType::Jpeg)));
    assert_eq!(cut(&samples::png(64, 40, 3), Accept::Document), Err(Refusal::Truncated(MediaType::Png)));
    assert_eq!(cut(&samples::mp4(3), Accept::Media), Err(Refusal::Truncated(MediaType::Mp4)));
    assert_eq!(cut(&samples::mp3(9), Accept::Media), Err(Refusal::Truncated(MediaType::Mp3)));
}

/// Issue 2 §3.4: "a renamed exe, a truncated PDF, an mp4 without moov, an HTML polyglot are refused
/// with a reason".
#[test]
fn renamed_files_are_named() {
    let cases: [(&[u8], Found); 9] = [
        (b"MZ\x90\0\x03\0\0\0", Found::Program),
        (b"\x7fELF\x02\x01\x01\0", Found::Program),
        (b"#!/bin/sh\nrm -rf /\n", Found::Program),
        (b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", Found::Archive),
        (b"  <!DOCTYPE html><script>alert(1)</script>", Found::WebPage),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Found::WebPage),
        (b"GIF89a\x01\0\x01\0", Found::OtherPicture),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Found::Heic),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", Found::OtherMedia),
    ];
    for (bytes, found) in cases {
        for accept in [Accept::Document, Accept::Media, Accept::CounsellingFile] {
            assert_eq!(check(bytes, accept), Err(wrong(found, accept)));
        }
    }
    assert_eq!(check(b"", Accept::Document), Err(Refusal::Empty));
    assert_eq!(check(b"just words", Accept::Document), Err(wrong(Found::Text, Accept::Document)));
}

#[test]
fn nothing_may_stand_before_or_after_a_document() {
    let polyglot = [b"\0<script>alert(1)</script>".as_slice(), &pdf()].concat();
    assert_eq!(check(&polyglot, Accept::Document), Err(Refusal::PdfHeaderNotFirst));
    let page = [b"<html>".as_slice(), &pdf()].concat();
    assert_eq!(check(&page, Accept::Document), Err(Refusal::PdfHeaderNotFirst));
    for (bytes, accept, media) in good() {
        let followed = [bytes.as_slice(), b"<script>alert(1)</script>"].concat();
        let refused = check(&followed, accept).expect_err("a page hides after the end");
        let expected = [Refusal::TrailingData(media), Refusal::Truncated(media)];
        assert!(expected.contains(&refused), "{media}: {refused:?}");
    }
}

#[test]
fn a_pdf_must_lead_to_its_catalogue() {
    let text = String::from_utf8(pdf()).unwrap();
    let check = |text: &str| check(text.as_bytes(), Accept::Document);
    let start = text.find("\nxref").unwrap() + 1;
    assert_eq!(
        check(&text.replace(&format!("startxref\n{start}"), "startxref\n20")),
        Err(Refusal::PdfNoCrossReference)
    );
    assert_eq!(check(&text.replace("/Root 1 0 R", "")), Err(Refusal::PdfNoRoot));
    assert_eq!(check(&text.replace("0000000009 00000 n", "0000000010 00000 n")), Err(Refusal::PdfNoRoot));
    assert_eq!(check(&text.replace("%PDF-1.4", "%PDF-9.9")), Err(Refusal::Damaged(MediaType::Pdf)));
}

/// PDF 1.5 and later: the table is a stream, and a linearized file has an end marker in its middle.
#[test]
fn a_pdf_with_a_cross_reference_stream_is_taken() {
    let head = "%PDF-1.5\n1 0 obj\n<< /Type /Catalog /Names (a \\) >> b) >>\nendobj\n%%EOF\n";
    let object = "7 0 obj\n<< /Type /XRef /Size 8 /W [1 2 1] /Info << /Root 9 >> /Root 1 0 R /Length 0 >>\nstream\n\nendstream\nendobj\n";
    let whole = format!("{head}{object}startxref\n{}\n%%EOF\r\n", head.len());
    assert_eq!(check(whole.as_bytes(), Accept::Document), Ok(MediaType::Pdf));
    let cut = &whole[..whole.len() - 12];
    assert_eq!(check(cut.as_bytes(), Accept::Document), Err(Refusal::Truncated(MediaType::Pdf)));
    let not_a_table = whole.replace("/Type /XRef", "/Type /Misc");
    assert_eq!(check(not_a_table.as_bytes(), Accept::Document), Err(Refusal::PdfNoCrossReference));
}

/// Issue 3 §4: a PDF with script. It is taken by design; see `pdf::check`, and `tests/it` for how it is served.
#[test]
fn a_pdf_with_a_script_is_a_document() {
    assert_eq!(check(&samples::active_pdf(), Accept::Document), Ok(MediaType::Pdf));
    assert_eq!(check(&samples::active_pdf(), Accept::CounsellingFile), Ok(MediaType::Pdf));
}

/// A document that forbids printing opens for everybody; one with a password opens for nobody else.
#[test]
fn a_pdf_opens_without_a_password() {
    for (kind, opens, id, encryption) in ENCRYPTED {
        let with_object = String::from_utf8(pdf()).unwrap();
        let (body, table) = with_object.split_once("xref\n").unwrap();
        let trailer = format!("/ID {id} /Encrypt 77 0 R /Root");
        let table = table.replace("/Root", &trailer).split("startxref").next().unwrap().to_owned();
        let body = format!("{body}77 0 obj\n{encryption}\nendobj\n");
        let whole = format!("{body}xref\n{table}startxref\n{}\n%%EOF", body.len());
        let expected = if opens { Ok(MediaType::Pdf) } else { Err(Refusal::PdfLocked) };
        assert_eq!(check(whole.as_bytes(), Accept::Document), expected, "{kind}");
        let inline = whole.replace("/Encrypt 77 0 R", &format!("/Encrypt {encryption}"));
        assert_eq!(check(inline.as_bytes(), Accept::Document), expected, "{kind}, in the trailer");
    }
}

#[test]
fn a_picture_of_more_than_a_hundred_megapixels_is_refused_before_it_is_decoded() {
    let mut bomb = samples::png(8, 8, 1);
    bomb[16..24].copy_from_slice(&[0, 0, 0x27, 0x11, 0, 0, 0x27, 0x11]);
    let refused = Refusal::TooManyPixels { width: 10_001, height: 10_001, most: 100_000_000 };
    assert_eq!(check(&bomb, Accept::Document), Err(refused));
    let mut bomb = samples::jpeg(8, 8, 1);
    let frame = memchr::memmem::find(&bomb, b"\xff\xc0").unwrap();
    bomb[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    let refused = Refusal::TooManyPixels { width: 65_535, height: 65_535, most: 100_000_000 };
    assert_eq!(check(&bomb, Accept::Document), Err(refused));
}

/// Telephones append previews and gain maps (whole pictures), and padding.
#[test]
fn what_cameras_append_is_taken() {
    let photo = samples::jpeg(64, 40, 3);
    for tail in [samples::jpeg(16, 16, 4), vec![0; 100], b"\0\0\x01\x0aImage_UTC_DataSEFT".to_vec()] {
        assert_eq!(check(&[photo.as_slice(), &tail].concat(), Accept::Document), Ok(MediaType::Jpeg));
    }
    let zip = [photo.as_slice(), b"PK\x03\x04"].concat();
    assert_eq!(check(&zip, Accept::Document), Err(Refusal::TrailingData(MediaType::Jpeg)));
}

/// A PNG whose checksum or compressed rows are wrong is not a picture.
#[test]
fn a_picture_is_decoded_to_its_last_row() {
    let mut picture = samples::png(64, 40, 3);
    let at = picture.len() / 2;
    picture[at] ^= 0x55;
    assert_eq!(check(&picture, Accept::Document), Err(Refusal::Damaged(MediaType::Png)));
}

#[test]
fn an_mp4_needs_its_index_a_track_and_media() {
    let film = samples::mp4(1);
    let renamed = |kind: &[u8; 4]| {
        let mut film = film.clone();
        let at = memchr::memmem::find(&film, kind).unwrap();
        film[at..at + 4].copy_from_slice(b"free");
        check(&film, Accept::Media)
    };
    assert_eq!(renamed(b"moov"), Err(Refusal::Mp4NoIndex));
    assert_eq!(renamed(b"trak"), Err(Refusal::Mp4NoMedia));
    assert_eq!(renamed(b"mdat"), Err(Refusal::Mp4NoMedia));
    assert_eq!(renamed(b"stbl"), Err(Refusal::Damaged(MediaType::Mp4)));
}

#[test]
fn an_mp3_needs_three_frames_in_a_row() {
    let frames = |count| [0xff, 0xfb, 0x10, 0xc0].into_iter().chain([0; 100]).collect::<Vec<u8>>().repeat(count);
    assert_eq!(check(&frames(2), Accept::Media), Err(Refusal::Mp3NoFrames));
    assert_eq!(check(&frames(3), Accept::Media), Ok(MediaType::Mp3));
    let tagged = [frames(9), b"TAG".to_vec(), vec![0; 125]].concat();
    assert_eq!(check(&tagged, Accept::Media), Ok(MediaType::Mp3));
    let rubbish_between = [frames(9), vec![7; 50], frames(9)].concat();
    assert_eq!(check(&rubbish_between, Accept::Media), Ok(MediaType::Mp3));
    assert_eq!(check(b"ID3\x04\0\0\0\0\0\x05hello<html>", Accept::Media), Err(Refusal::Mp3NoFrames));
}

/// A zip with empty stored parts of these names.
fn zip(names: &[&str]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for name in names {
        let offset = u32::try_from(out.len()).unwrap().to_le_bytes();
        let length = u8::try_from(name.len()).unwrap();
        directory
            .extend([b"PK\x01\x02".as_slice(), &[0; 24], &[length, 0], &[0; 12], &offset, name.as_bytes()].concat());
        out.extend([b"PK\x03\x04".as_slice(), &[0; 22], &[length, 0, 0, 0], name.as_bytes()].concat());
    }
    let count = u8::try_from(names.len()).unwrap();
    let (size, start) = (u32::try_from(directory.len()).unwrap(), u32::try_from(out.len()).unwrap());
    let end =
        [b"PK\x05\x06\0\0\0\0".as_slice(), &[count, 0, count, 0], &size.to_le_bytes(), &start.to_le_bytes(), &[0, 0]];
    [out, directory, end.concat()].concat()
}

#[test]
fn a_workbook_is_whole_and_harmless() {
    let xlsx = zip(&["[Content_Types].xml", "xl/workbook.xml"]);
    assert_eq!(check(&xlsx, Accept::Workbook), Ok(MediaType::Xlsx));
    // two letters alone are text
    for length in 3..xlsx.len() {
        assert!(check(&xlsx[..length], Accept::Workbook).is_err(), "cut to {length} bytes");
    }
    let check = |names: &[&str]| check(&zip(names), Accept::Workbook);
    let macros = check(&["[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin"]);
    assert_eq!(macros, Err(Refusal::WorkbookMacros));
    let traversal = check(&["[Content_Types].xml", "xl/workbook.xml", "../../etc/passwd"]);
    assert_eq!(traversal, Err(Refusal::WorkbookUnsafe));
    assert_eq!(check(&["word/document.xml"]), Err(wrong(Found::OfficeDocument, Accept::Workbook)));
    assert_eq!(check(&["a.txt"]), Err(wrong(Found::Archive, Accept::Workbook)));
}

/// An OLE container of one allocation sector and one directory sector with this stream.
fn ole(stream: &str) -> Vec<u8> {
    let mut file = vec![0u8; 512 * 3];
    file[..8].copy_from_slice(workbook::OLE);
    file[30] = 9;
    file[48] = 1;
    file[512..520].copy_from_slice(&[0xfd, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff]);
    for (index, unit) in stream.encode_utf16().enumerate() {
        file[1024 + index * 2..1026 + index * 2].copy_from_slice(&unit.to_le_bytes());
    }
    file[1024 + 64] = u8::try_from(stream.len() * 2 + 2).unwrap();
    file
}

#[test]
fn an_old_workbook_is_known_by_its_stream() {
    assert_eq!(check(&ole("Workbook"), Accept::Workbook), Ok(MediaType::Xls));
    assert_eq!(check(&ole("EncryptedPackage"), Accept::Workbook), Err(Refusal::WorkbookLocked));
    assert_eq!(check(&ole("WordDocument"), Accept::Document), Err(wrong(Found::OfficeDocument, Accept::Document)));
    assert_eq!(check(&ole("Workbook")[..600], Accept::Workbook), Err(Refusal::Truncated(MediaType::Xls)));
}

#[test]
fn a_table_as_text_is_utf_8_or_big5() {
    assert_eq!(check("學號,姓名\n1,王小明\n".as_bytes(), Accept::Workbook), Ok(MediaType::Csv));
    assert_eq!(check(b"\xbe\xc7\xb8\xb9,\xa9m\xa6W\r\n", Accept::Workbook), Ok(MediaType::Csv));
    assert_eq!(check(b"BM001,MZ\r\n", Accept::Workbook), Ok(MediaType::Csv));
    assert_eq!(check(b"\xff\xa0,1\n", Accept::Workbook), Err(Refusal::CsvNotText));
    assert_eq!(check(b"<table><tr>", Accept::Workbook), Err(Refusal::WorkbookIsWebPage));
}
