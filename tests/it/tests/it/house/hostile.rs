//! Clients that mean harm, or are just slow (issue 3 §4): against the program as it runs in production.

use super::process::Process;
use crate::portfolio::Pupil;
use blob::samples;
use kernel::role::Role;
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use std::{
    io::{Cursor, Read as _},
    net::SocketAddr,
    time::{Duration, Instant},
};
use testkit::{City, Visitor};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

const SCHOOL: &str = "343303";
/// Where the bureau's people are.
const CITY: &str = "000000";
/// Nobody reads the program's log here: a full pipe would stop it.
const QUIET: (&str, &str) = ("LICHENG_LOG", "warn,licheng=info");
/// Connections that say nothing.
const IDLE: usize = 1_000;
/// Clients that send a byte now and then.
const SLOW: usize = 40;
/// A head may take 75 s and a handler 90 s; a busy machine adds some.
const CUT_AFTER: Duration = Duration::from_secs(110);
/// How long somebody else may wait for a page meanwhile; the machine is shared.
const OTHERS_WAIT: Duration = Duration::from_secs(5);

/// Sends a request byte by byte, one in two seconds, until the server has had enough; how long that took.
async fn trickle(address: SocketAddr, begun: String) -> Duration {
    let from = Instant::now();
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    connection.write_all(begun.as_bytes()).await.expect("a writable connection");
    let (mut reader, mut writer) = connection.split();
    let dripping = async {
        loop {
            tokio::time::sleep(Duration::from_secs(2)).await;
            if writer.write_all(b"x").await.is_err() {
                return;
            }
        }
    };
    // an answer, then the end; or the end alone; or a reset
    let mut answer = Vec::new();
    tokio::select! {
        _closed = reader.read_to_end(&mut answer) => {}
        () = dripping => {}
    }
    from.elapsed()
}

fn half_a_head(port: u16) -> String {
    format!("GET /login HTTP/1.1\r\nhost: localhost:{port}\r\nx-slow: ")
}

fn half_a_body(port: u16) -> String {
    format!(
        "POST /login/account HTTP/1.1\r\nhost: localhost:{port}\r\norigin: http://localhost:{port}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: 1000\r\n\r\ntemporary_login="
    )
}

/// A thousand idle connections and eighty slow ones take nothing from others, and the slow ones are cut.
#[tokio::test(flavor = "multi_thread")]
async fn the_idle_and_the_slow_keep_nobody_waiting() {
    let city = City::up().await;
    let process = Process::start(&city, "identity", &[QUIET]).await.serving().await;
    let (address, port) = (process.address, process.address.port());
    let mut idle = Vec::with_capacity(IDLE);
    for _ in 0..IDLE {
        idle.push(TcpStream::connect(address).await.expect("a connection"));
    }
    let mut slow = JoinSet::new();
    for n in 0..2 * SLOW {
        slow.spawn(trickle(address, if n < SLOW { half_a_head(port) } else { half_a_body(port) }));
    }
    let begun = Instant::now();
    let (mut slowest, mut pages) = (Duration::ZERO, 0);
    let client = reqwest::Client::builder().resolve("localhost", address).build().expect("a client");
    while !slow.is_empty() && begun.elapsed() < CUT_AFTER {
        let asked = Instant::now();
        let answer = client.get(format!("http://localhost:{port}/login")).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        slowest = slowest.max(asked.elapsed());
        pages += 1;
        while let Some(ended) = slow.try_join_next() {
            assert!(ended.expect("no panic") < CUT_AFTER);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    println!("{IDLE} idle and {} slow connections: {pages} pages, the slowest in {slowest:?}", 2 * SLOW);
    assert!(slow.is_empty(), "{} slow clients still hold a connection after {:?}", slow.len(), begun.elapsed());
    assert!(pages > 20 && slowest < OTHERS_WAIT, "{pages} pages, the slowest in {slowest:?}");
    drop(idle);
}

/// Domain: a document has at most 4 MB, media 10 MB. One byte more is refused when it is announced, and when it is sent
/// beyond what was announced.
#[tokio::test(flavor = "multi_thread")]
async fn one_byte_too_many_is_refused() {
    let pupil = Pupil::up().await;
    let id = pupil.outcome(0).await;
    const MOST: usize = 10 * 1024 * 1024;
    pupil.announce(("outcome", id), "media", "影片.mp4", MOST + 1).await.expect(422);
    pupil.announce(("outcome", id), "media", "影片.mp4", MOST).await.expect(201);
    let pdf = samples::pdf(&["多一個位元組"]);
    let plan: Value = pupil.announce(("outcome", id), "document", "a.pdf", pdf.len()).await.expect(201).json();
    let longer = [pdf.as_slice(), b"\n"].concat();
    let url = plan["parts"][0]["url"].as_str().expect("a URL");
    let sent = reqwest::Client::new().put(url).body(longer).send().await.expect("an answer");
    let file = plan["file_id"].as_i64().expect("a number");
    // storage may take the byte, we do not
    let completed = pupil.complete(file).await;
    assert!(!sent.status().is_success() || completed.status() == 422, "{} {}", sent.status(), completed.summary());
    let saved = "select count(*) from portfolio.file where school_code = $1 and student_id = $2 and saved_at is not null
                    and outcome_id = (select max(id) from portfolio.outcome where school_code = $1 and student_id = $2)";
    assert_eq!(pupil.number(saved).await, 0);
}

/// What could run in a browser is no document, whatever it is called.
#[tokio::test(flavor = "multi_thread")]
async fn pages_and_drawings_with_script_are_no_documents() {
    let pupil = Pupil::up().await;
    let id = pupil.outcome(0).await;
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".as_slice();
    let html = b"<!doctype html><script>alert(document.cookie)</script>".as_slice();
    let marked = b"\xef\xbb\xbf  <html><body onload=alert(1)>".as_slice();
    for (name, bytes) in [("圖.svg", svg), ("圖.png", svg), ("報告.pdf", html), ("圖.jpg", marked), ("a.html", html)]
    {
        let announced = pupil.announce(("outcome", id), "document", name, bytes.len()).await;
        if announced.status() == 422 {
            continue;
        }
        let plan: Value = announced.expect(201).json();
        pupil.send_parts(&plan, bytes).await;
        pupil.complete(plan["file_id"].as_i64().expect("a number")).await.expect(422);
    }
    let saved = "select count(*) from portfolio.file where school_code = $1 and student_id = $2 and saved_at is not null
                    and outcome_id = (select max(id) from portfolio.outcome where school_code = $1 and student_id = $2)";
    assert_eq!(pupil.number(saved).await, 0);
}

/// A PDF may carry a script (`blob::check::pdf`), but the headers leave it nothing to run in and nothing to reach: not our
/// host, no cookie, no other type, a policy without scripts.
#[tokio::test(flavor = "multi_thread")]
async fn a_pdf_with_a_script_is_served_where_it_can_do_nothing() {
    let pupil = Pupil::up().await;
    let id = pupil.outcome(0).await;
    let pdf = samples::active_pdf();
    pupil.upload(("outcome", id), "document", "報告.pdf", &pdf).await.1.expect(200);
    let page = pupil.me.get(&format!("outcomes/{id}")).await.expect(200);
    let links: Vec<String> =
        page.attributes("main a", "href").into_iter().filter(|link| link.contains("/f/")).collect();
    assert!(!links.is_empty(), "{}", page.summary());
    for link in links {
        assert!(!link.starts_with(pupil.me.origin()), "{link}");
        let served = pupil.city.visitor().get(&link).await.expect(200);
        assert_eq!(served.bytes(), pdf);
        assert_eq!(served.header("content-type"), Some("application/pdf"));
        assert_eq!(served.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(served.header("set-cookie"), None);
        let policy = served.header("content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("script"), "{policy}");
        assert!(policy.contains("form-action 'none'") && policy.contains("base-uri 'none'"), "{policy}");
        let path = link.splitn(4, '/').nth(3).expect("a path");
        pupil.me.get(&format!("{}/{path}", pupil.me.origin())).await.expect(404);
    }
}

async fn hand_in(clerk: &Visitor, name: &str, bytes: Vec<u8>) -> testkit::Answer {
    let file = Part::bytes(bytes).file_name(name.to_owned());
    let form = Form::new().text("year", "115").text("term", "1").part("file", file);
    clerk.post_multipart("office/imports", form).await
}

/// A workbook whose sheet, or whose list of texts, is something else.
fn workbook_with(part: &str, content: &[u8]) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    book.add_worksheet().write(0, 0, "學號").expect("a cell");
    let whole = book.save_to_buffer().expect("a workbook");
    let mut from = zip::ZipArchive::new(Cursor::new(whole)).expect("a zip");
    let mut to = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..from.len() {
        let mut file = from.by_index(index).expect("a part");
        let name = file.name().expect("a name").into_owned();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("a readable part");
        to.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).expect("a part");
        std::io::Write::write_all(&mut to, if name == part { content } else { &bytes }).expect("room");
    }
    to.finish().expect("a zip").into_inner()
}

/// A workbook of 1997–2003 with these cells.
fn old_workbook(settings: &[u8], cells: &[u8]) -> Vec<u8> {
    let head = [b"\x09\x08\x10\0\0\x06\x05\0".as_slice(), &[0; 12], settings].concat();
    let begins = u32::try_from(head.len() + 13 + 4).expect("a small head").to_le_bytes();
    let end = b"\x0a\0\0\0".as_slice();
    let sheet = [b"\x85\0\x09\0".as_slice(), &begins, b"\0\0\x01\0a"].concat();
    let stream = [head.as_slice(), &sheet, end, b"\x09\x08\x10\0\0\x06\x10\0", &[0; 12], cells, end].concat();
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).expect("a compound file");
    let mut workbook = file.create_stream("/Workbook").expect("a stream");
    std::io::Write::write_all(&mut workbook, &stream).expect("room");
    drop(workbook);
    file.into_inner().into_inner()
}

/// Two cells with all of a sheet between them.
fn far_apart() -> Vec<u8> {
    let number = |row: [u8; 2], column| [b"\x03\x02\x0e\0".as_slice(), &row, &[column, 0], &[0; 10]].concat();
    old_workbook(&[], &[number([0, 0], 0), number([0xff, 0xff], 255)].concat())
}

/// One long text in sixty thousand cells.
fn shown_often() -> Vec<u8> {
    let texts = [b"\xfc\0\x0a\x20".as_slice(), &[1; 8], &[0xff, 0x1f, 0], &[b'x'; 8_191]].concat();
    let cell = |row: u16| [b"\xfd\0\x0a\0".as_slice(), &row.to_le_bytes(), &[0; 8]].concat();
    old_workbook(&texts, &(0..60_000).flat_map(cell).collect::<Vec<u8>>())
}

/// Bombs, promises and a million columns through the office's own door: 422 within seconds, and the house stands.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_rosters_are_refused_and_the_house_stands() {
    let city = City::up().await;
    let clerk = city.login_as(Role::SchoolAdmin, SCHOOL).await;
    let blank = vec![b' '; 100 << 20];
    let promise = b"<sst uniqueCount=\"9999999999999\"><si><t>x</t></si></sst>";
    let wide = format!("學號{}\n1\n", ",x".repeat(1_000_000)).into_bytes();
    for (name, bytes) in [
        ("bomb.xlsx", workbook_with("xl/worksheets/sheet1.xml", &blank)),
        ("texts.xlsx", workbook_with("xl/sharedStrings.xml", &blank)),
        ("promise.xlsx", workbook_with("xl/sharedStrings.xml", promise)),
        ("far.xls", far_apart()),
        ("often.xls", shown_often()),
        ("wide.csv", wide),
    ] {
        let begun = Instant::now();
        let answer = hand_in(&clerk, name, bytes).await.expect(422);
        assert!(answer.has("#file-error"), "{name}: {}", answer.summary());
        assert!(begun.elapsed() < Duration::from_secs(20), "{name} took {:?}", begun.elapsed());
        clerk.get("office/imports").await.expect(200);
    }
}

/// Formula injection: what a file says stays text in what the house writes, whatever it begins with.
#[tokio::test(flavor = "multi_thread")]
async fn cells_that_look_like_formulas_stay_text() {
    let city = City::up().await;
    let clerk = city.login_as(Role::SchoolAdmin, SCHOOL).await;
    let names = ["=HYPERLINK(\"http://x\")", "+1+1", "-2+3", "@SUM(1)", "\t=1", "\r=1"];
    let rows: String =
        names.iter().map(|name| format!("A123456788,0991231,999001,\"{}\"\n", name.replace('"', "\"\""))).collect();
    let file = format!("national_id,birth_date,student_no,name\n{rows}");
    let import = hand_in(&clerk, "students.csv", file.into_bytes()).await.expect(303).location().to_owned();
    let book = clerk.get(&format!("{import}/findings.xlsx")).await.expect(200);
    let mut zip = zip::ZipArchive::new(Cursor::new(book.bytes().to_vec())).expect("a workbook");
    let mut sheet = String::new();
    zip.by_name("xl/worksheets/sheet1.xml").expect("the sheet").read_to_string(&mut sheet).expect("text");
    assert!(!sheet.contains("<f>"), "a formula");
    let cells = sheet.matches("<c ").count();
    let texts = sheet.matches("t=\"s\"").count() + sheet.matches("t=\"inlineStr\"").count();
    let empty = sheet.matches("<c ").count() - sheet.matches("</c>").count();
    assert!(cells > 7 && texts + empty == cells, "{cells} cells, {texts} texts, {empty} empty");

    // the bureau's CSV: the name of a school
    sqlx::query("update school.school set name = '=1+1', short_name = '=1+1' where school_code = $1")
        .bind(SCHOOL)
        .execute(&mut city.admin().await)
        .await
        .expect("a name");
    city.round("bureau.progress").await;
    let officer = city.login_as(Role::Bureau, CITY).await;
    let csv = officer.get("/bureau/progress.csv").await.expect(200).text();
    assert!(csv.contains("'=1+1") && !csv.contains(",=1+1"), "{csv}");
}
