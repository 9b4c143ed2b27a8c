//! Reads variables and collects what is wrong with them, so that one start shows every mistake.

use std::fmt;

use super::values::Value;

/// A source of variables: name to text.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// The process environment: the only place where it is read.
#[expect(clippy::disallowed_methods, reason = "configuration is the door to the environment")]
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Every variable that is wrong, in one readable list. Values are never quoted: they may be secrets.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<(String, String)>,
}

impl ConfigError {
    pub(super) fn one(variable: &str, problem: &str) -> Self {
        Self { problems: vec![(variable.to_owned(), problem.to_owned())] }
    }

    /// Names of the wrong variables, in the order they were read.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.problems.iter().map(|(variable, _)| variable.as_str())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "configuration is wrong (all variables are explained in README.md):")?;
        for (variable, problem) in &self.problems {
            write!(f, "\n  {variable} {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Hands out variables and remembers problems.
pub(super) struct Reader<'a> {
    lookup: &'a Lookup<'a>,
    problems: Vec<(String, String)>,
    /// Name and default of each variable asked for: a test compares them with the docs.
    pub(super) asked: Vec<(String, Option<String>)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(lookup: &'a Lookup<'a>) -> Self {
        Self { lookup, problems: Vec::new(), asked: Vec::new() }
    }

    /// A variable without which the process can't run.
    pub(super) fn required<T: Value>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name, None);
        if text.is_none() {
            self.problem(name, "is missing");
        }
        self.parse(name, &text?)
    }

    /// A variable that may be absent; present and wrong is still a problem.
    pub(super) fn optional<T: Value>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name, None)?;
        self.parse(name, &text)
    }

    /// A variable with a default.
    pub(super) fn or_default<T: Value>(&mut self, name: &str, default: &str) -> Option<T> {
        let text = self.text(name, Some(default));
        self.parse(name, text.as_deref().unwrap_or(default))
    }

    /// Whether an optional concern is configured. Its other variables without its first are a mistake, not silence.
    pub(super) fn concern(&mut self, first: &str, rest: &[&str]) -> Option<()> {
        if self.text(first, None).is_some() {
            return Some(());
        }
        for name in rest {
            if self.text(name, None).is_some() {
                self.problem(name, &format!("is set, but {first} is not"));
            }
        }
        None
    }

    /// Notes what is wrong with a variable: a sentence that follows its name.
    pub(super) fn problem(&mut self, name: &str, problem: &str) {
        self.problems.push((name.to_owned(), problem.to_owned()));
    }

    fn text(&mut self, name: &str, default: Option<&str>) -> Option<String> {
        self.asked.push((name.to_owned(), default.map(str::to_owned)));
        (self.lookup)(name).filter(|text| !text.trim().is_empty())
    }

    fn parse<T: Value>(&mut self, name: &str, text: &str) -> Option<T> {
        let value = T::parse(text.trim());
        if value.is_none() {
            self.problem(name, &format!("must be {}", T::EXPECTED));
        }
        value
    }
}

/// Runs one concern's reading and turns its problems into the error.
pub(super) fn read<T>(lookup: &Lookup, concern: impl FnOnce(&mut Reader) -> Option<T>) -> Result<T, ConfigError> {
    let mut reader = Reader::new(lookup);
    match concern(&mut reader) {
        Some(value) if reader.problems.is_empty() => Ok(value),
        _ => Err(ConfigError { problems: reader.problems }),
    }
}
