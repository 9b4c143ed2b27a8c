//! Commands whose output is shown as it comes and counted by what test runners say at their end.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::stage::Outcome;

/// Runs a command to its end. Its standard output is passed on line by line and searched for the
/// summaries of test runners; it fails with the command, or when a runner says that a test failed.
pub(crate) fn run(command: &mut Command) -> Result<Outcome> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run {name}"))?;
    let output = child.stdout.take().context("the pipe was asked for")?;
    let mut outcome = Outcome::done();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let text = String::from_utf8_lossy(&line);
        println!("{text}");
        let counts = counts_of(&text);
        outcome.passed += counts.passed;
        outcome.failed += counts.failed;
    }
    let status = child.wait()?;
    if !status.success() {
        outcome.problem = Some(format!("{name} ended with {status}"));
    } else if outcome.failed > 0 {
        outcome.problem = Some(format!("{} tests failed", outcome.failed));
    }
    Ok(outcome)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
}

/// What one line of output says at the end of a runner: cargo's `test result: ok. 3 passed; 1
/// failed; …`, Playwright's `  3 passed (2.1s)` and `  1 failed`, Node's `ℹ pass 3` or `# fail 1`,
/// a check's `helm/check: 3 passed, 1 failed`.
fn counts_of(line: &str) -> Counts {
    if let Some(counts) = line.strip_prefix("test result: ") {
        return Counts { passed: number_before(counts, " passed;"), failed: number_before(counts, " failed;") };
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |word: &str| word.parse::<u64>().ok();
    match words[..] {
        ["#" | "ℹ", "pass", count] => Counts { passed: number(count).unwrap_or(0), failed: 0 },
        ["#" | "ℹ", "fail", count] => Counts { passed: 0, failed: number(count).unwrap_or(0) },
        [count, "passed", time] if line.starts_with(' ') && time.starts_with('(') => {
            Counts { passed: number(count).unwrap_or(0), failed: 0 }
        }
        [_, passed, "passed,", failed, "failed"] => {
            Counts { passed: number(passed).unwrap_or(0), failed: number(failed).unwrap_or(0) }
        }
        [count, "failed"] if line.starts_with(' ') => Counts { passed: 0, failed: number(count).unwrap_or(0) },
        _ => Counts::default(),
    }
}

fn number_before(text: &str, word: &str) -> u64 {
    let before = text.split(word).next().unwrap_or_default();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summaries_of_all_runners_are_counted() {
        for (line, passed, failed) in [
            ("test result: ok. 23 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out", 23, 0),
            ("test result: FAILED. 4 passed; 2 failed; 1 ignored; 0 measured", 4, 2),
            ("  12 passed (31.4s)", 12, 0),
            ("  1 failed", 0, 1),
            ("helm/check: 61 passed, 2 failed", 61, 2),
            ("ℹ pass 7", 7, 0),
            ("# fail 3", 0, 3),
            ("12 passed the exam (all)", 0, 0),
            ("test upload::it_passed ... ok", 0, 0),
        ] {
            assert_eq!(counts_of(line), Counts { passed, failed }, "{line}");
        }
    }

    #[test]
    fn a_command_that_fails_is_a_problem_even_when_no_test_did() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo 'test result: ok. 2 passed; 0 failed;'; exit 7"]);
        let outcome = run(&mut command).unwrap();
        assert_eq!((outcome.passed, outcome.failed), (2, 0));
        assert!(outcome.problem.unwrap().contains("exit status: 7"));
    }
}
