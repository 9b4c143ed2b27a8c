//! A PDF of plain text pages in Helvetica.

use std::fmt::Write as _;

const LINES_ON_A_PAGE: usize = 40;

/// A document with these lines (ASCII; other characters become `?`), forty on a page, the first
/// one as its heading.
#[must_use]
pub fn pdf(lines: &[&str]) -> Vec<u8> {
    let pages: Vec<&[&str]> = if lines.is_empty() { vec![&[]] } else { lines.chunks(LINES_ON_A_PAGE).collect() };
    // objects 1–3 are catalogue, page tree and font; then two for each page
    let kids: String = (0..pages.len()).fold(String::new(), |mut kids, page| {
        let _ = write!(kids, "{} 0 R ", 4 + page * 2);
        kids
    });
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Kids [ {kids}] /Count {} >>", pages.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    for (page, lines) in pages.iter().enumerate() {
        let content = content(lines, page == 0);
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents {} 0 R >>",
            5 + page * 2
        ));
        objects.push(format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()));
    }
    assemble(&objects)
}

/// A page that on opening and closing would run a script, start a program and hand over a file.
#[must_use]
pub fn active_pdf() -> Vec<u8> {
    let script = "<script>alert(document.cookie)</script>";
    assemble(&[
        "<< /Type /Catalog /Pages 2 0 R /OpenAction 4 0 R /AA << /WC 5 0 R >> /Names << \
         /JavaScript << /Names [(s) 4 0 R] >> /EmbeddedFiles << /Names [(a.html) 6 0 R] >> >> >>"
            .to_owned(),
        "<< /Type /Pages /Kids [ 3 0 R ] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>".to_owned(),
        "<< /Type /Action /S /JavaScript /JS (app.alert\\(document.cookie\\);) >>".to_owned(),
        "<< /Type /Action /S /Launch /F (calc.exe) >>".to_owned(),
        "<< /Type /Filespec /F (a.html) /EF << /F 7 0 R >> >>".to_owned(),
        format!("<< /Type /EmbeddedFile /Length {} >>\nstream\n{script}\nendstream", script.len()),
    ])
}

fn content(lines: &[&str], first_page: bool) -> String {
    let mut text = String::from("BT\n18 TL\n56 780 Td\n");
    for (index, line) in lines.iter().enumerate() {
        let size = if first_page && index == 0 { 18 } else { 11 };
        let _ = writeln!(text, "/F1 {size} Tf ({}) Tj T*", escaped(line));
    }
    text.push_str("ET");
    text
}

fn escaped(line: &str) -> String {
    line.chars().fold(String::new(), |mut text, character| {
        match character {
            '(' | ')' | '\\' => text.extend(['\\', character]),
            ' '..='~' => text.push(character),
            _ => text.push('?'),
        }
        text
    })
}

fn assemble(objects: &[String]) -> Vec<u8> {
    let mut out = String::from("%PDF-1.4\n");
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (index, object) in objects.iter().enumerate() {
        let _ = writeln!(table, "{:010} 00000 n ", out.len());
        let _ = write!(out, "{} 0 obj\n{object}\nendobj\n", index + 1);
    }
    let start = out.len();
    let size = objects.len() + 1;
    let _ = write!(out, "{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n");
    out.into_bytes()
}
