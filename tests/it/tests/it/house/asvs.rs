//! `tests/asvs.md` keeps its word: what it cites is there, and no requirement is listed twice.

use super::{rooms::crates, workspace};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Words that begin another answer of the same requirement.
const ANSWERS: [&str; 3] = ["test:", "reason:", "open:"];

/// How many requirements of levels 1 and 2 each section of each chapter has; within a section they come first.
const SECTIONS: [&[u8]; 17] = [
    &[2, 9, 11, 3, 2],
    &[3, 3, 4, 1],
    &[0, 2, 4, 6, 5, 0, 2],
    &[3, 1, 2, 4],
    &[1, 3, 2, 3],
    &[3, 12, 4, 4, 5, 3, 0, 4],
    &[3, 4, 2, 5, 2, 2],
    &[2, 3, 1, 1],
    &[3, 4],
    &[2, 2, 4, 11, 5, 2, 3],
    &[2, 3, 3, 4, 1, 1, 0],
    &[3, 2, 4],
    &[1, 5, 2, 5],
    &[2, 4, 3],
    &[3, 3, 7, 0],
    &[1, 5, 4, 3, 3],
    &[1, 4, 2],
];

/// A line of its tables.
struct Row {
    numbers: String,
    answer: String,
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(workspace().join("tests/asvs.md")).expect("the list of requirements");
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let lines = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| #")).map(cells);
    lines
        .map(|cells| match cells.as_slice() {
            [_, numbers, _, answer, _] => Row { numbers: numbers.clone(), answer: answer.clone() },
            other => panic!("a row has three cells: {other:?}"),
        })
        .collect()
}

/// `1.2.3, 1.4.1–1.4.3` one by one.
fn numbers(cell: &str) -> Vec<String> {
    let one = |part: &str| match part.split_once('–') {
        None => vec![part.to_owned()],
        Some((first, last)) => {
            let ((section, first), (same, last)) =
                (first.rsplit_once('.').expect("a number"), last.rsplit_once('.').expect("a number"));
            assert_eq!(section, same, "{part} goes beyond its section");
            let (first, last): (u8, u8) = (first.parse().expect("a number"), last.parse().expect("a number"));
            (first..=last).map(|n| format!("{section}.{n}")).collect()
        }
    };
    cell.split(", ").flat_map(one).collect()
}

/// The text without what stands in brackets.
fn without_remarks(text: &str) -> String {
    let mut depth = 0;
    let outside = |c: &char| {
        depth += i32::from(*c == '(');
        let outside = depth == 0;
        depth -= i32::from(*c == ')');
        outside
    };
    text.chars().filter(outside).collect()
}

/// Crate and path of every test that an answer cites.
fn citations(answer: &str) -> Vec<(String, String)> {
    let answer = without_remarks(answer);
    let mut found = Vec::new();
    for list in answer.split("test:").skip(1) {
        let end = ANSWERS.iter().filter_map(|word| list.find(word)).chain(list.find(';')).min().unwrap_or(list.len());
        let mut named = "";
        for citation in list[..end].split(", ") {
            let (name, path) = citation.trim().split_once('`').unwrap_or((citation, ""));
            named = if name.is_empty() { named } else { name.trim() };
            let path = path.strip_suffix('`').unwrap_or_default();
            assert!(!path.is_empty() && !named.is_empty(), "{citation:?} is no citation: {answer}");
            found.push((named.to_owned(), path.to_owned()));
        }
    }
    found
}

/// Where the modules of a crate and of its tests begin.
fn roots(folder: &Path) -> Vec<PathBuf> {
    let tests = folder.join("tests");
    let below = fs::read_dir(&tests).into_iter().flatten().map(|entry| entry.expect("an entry").path());
    let mut roots: Vec<PathBuf> = below.filter(|path| path.is_dir()).collect();
    roots.extend([folder.join("src"), tests]);
    roots
}

/// Whether the file holds a test of that name, in its module `tests` (here or in a file beside it) where the path says so.
fn holds(file: &Path, rest: &[&str]) -> bool {
    let Ok(text) = fs::read_to_string(file) else { return false };
    let name = match rest {
        [name] => name,
        ["tests", name] if text.contains("mod tests {") => name,
        ["tests", name] => {
            let stem = file.file_stem().expect("a name").to_string_lossy();
            return holds(&file.with_file_name(format!("{stem}_tests.rs")), &[name]);
        }
        _ => return false,
    };
    let mut lines = text.lines().map(str::trim_start);
    let head = format!("fn {name}(");
    let mut is_test = false;
    lines.any(|line| {
        let here = line.trim_start_matches("async ").starts_with(&head) && is_test;
        // attributes and comments may stand between the test's attribute and its function
        is_test =
            line.starts_with("#[test]") || line.starts_with("#[tokio::test") || is_test && line.starts_with(['#', '/']);
        here
    })
}

fn exists(folder: &Path, path: &str) -> bool {
    let parts: Vec<&str> = path.split("::").collect();
    let file = |root: &Path, depth: usize| match depth {
        0 => root.join("main.rs"),
        _ => root.join(parts[..depth].join("/")).with_extension("rs"),
    };
    roots(folder).iter().any(|root| (0..parts.len()).any(|depth| holds(&file(root, depth), &parts[depth..])))
}

#[test]
fn every_cited_test_is_there() {
    let crates = crates();
    let mut cited = BTreeSet::new();
    for row in rows() {
        for (name, path) in citations(&row.answer) {
            let folder = crates.iter().find(|(known, _)| *known == name);
            let (_, folder) = folder.unwrap_or_else(|| panic!("{}: there is no crate {name:?}", row.numbers));
            assert!(exists(folder, &path), "{}: there is no test {name} `{path}`", row.numbers);
            cited.insert((name, path));
        }
    }
    assert!(cited.len() > 80, "{} tests are cited", cited.len());
}

#[test]
fn a_citation_of_nothing_is_found() {
    let it = workspace().join("tests/it");
    assert!(exists(&it, "house::asvs::a_citation_of_nothing_is_found"));
    for nothing in
        ["house::asvs::nobody_wrote_this", "house::asvs::citations", "house::asvs", "house::nowhere::nothing"]
    {
        assert!(!exists(&it, nothing), "{nothing}");
    }
    assert_eq!(
        citations("reason: why. test: it `a::b` (c, d), `e`; open: no"),
        [("it", "a::b"), ("it", "e")].map(owned)
    );
}

fn owned((name, path): (&str, &str)) -> (String, String) {
    (name.to_owned(), path.to_owned())
}

/// Every number of levels 1 and 2.
fn requirements() -> BTreeSet<String> {
    let chapters = SECTIONS.iter().enumerate();
    let sections = chapters.flat_map(|(chapter, sections)| {
        sections.iter().enumerate().map(move |(section, count)| (chapter + 1, section + 1, *count))
    });
    sections
        .flat_map(|(chapter, section, count)| (1..=count).map(move |n| format!("{chapter}.{section}.{n}")))
        .collect()
}

#[test]
fn every_requirement_is_answered_once() {
    let rows = rows();
    let mut listed = BTreeSet::new();
    for row in &rows {
        let answered = ANSWERS.iter().any(|word| row.answer.contains(word));
        assert!(answered, "{} has no answer: {}", row.numbers, row.answer);
        // in brackets: answered although only level 3 asks for it
        let numbers = if row.numbers.starts_with('(') { Vec::new() } else { numbers(&row.numbers) };
        for number in numbers {
            assert!(listed.insert(number.clone()), "{number} is listed twice");
        }
    }
    let wanted = requirements();
    assert_eq!(wanted.len(), 70 + 183, "of level 1 and of level 2");
    assert_eq!(listed.symmetric_difference(&wanted).collect::<Vec<_>>(), Vec::<&String>::new());
    let open: Vec<&Row> = rows.iter().filter(|row| row.answer.contains("open:")).collect();
    println!("{} requirements in {} rows, {} of them with something open:", listed.len(), rows.len(), open.len());
    for Row { numbers, answer } in open {
        println!("{numbers}: {}", answer.split_once("open:").map_or("", |(_, what)| what.trim()));
    }
}

/// What a script writes into a page is text (ASVS 3.2.2).
#[test]
fn modules_write_text_and_no_markup() {
    let folders = crates().into_iter().map(|(_, folder)| folder.join("assets"));
    let entries = folders.flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
    let files = entries.map(|entry| entry.expect("an entry").path());
    let modules: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|kind| kind == "js")).collect();
    assert!(modules.len() > 3, "{modules:?}");
    for module in modules {
        let text = fs::read_to_string(&module).expect("a readable module");
        for markup in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "createContextualFragment"] {
            assert!(!text.contains(markup), "{markup} in {}", module.display());
        }
    }
}
