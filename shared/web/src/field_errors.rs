//! What is wrong with a form, field by field.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// Messages for people by the name of the field, in the order they were found. The empty name is the whole form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<(String, String)>);

impl FieldErrors {
    /// Nothing wrong yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a message; the first one of a field is the one shown.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push((field.into(), message.into()));
    }

    /// One message alone.
    #[must_use]
    pub fn one(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self(vec![(field.into(), message.into())])
    }

    /// The message of a field.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, message)| message.as_str())
    }

    /// Whether a field is wrong.
    pub fn has(&self, field: &str) -> bool {
        self.get(field).is_some()
    }

    /// Whether all is well.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Field and message, in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(field, message)| (field.as_str(), message.as_str()))
    }
}

impl Serialize for FieldErrors {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for (index, (field, message)) in self.0.iter().enumerate() {
            if self.0[..index].iter().all(|(earlier, _)| earlier != field) {
                map.serialize_entry(field, message)?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_of_a_field_is_shown() {
        let mut errors = FieldErrors::new();
        assert!(errors.is_empty());
        errors.add("summary", "簡述最多 100 字");
        errors.add("summary", "second");
        errors.add("", "整份表單");
        assert_eq!(errors.get("summary"), Some("簡述最多 100 字"));
        assert_eq!(errors.get("name"), None);
        assert_eq!(serde_json::to_string(&errors).unwrap(), r#"{"summary":"簡述最多 100 字","":"整份表單"}"#);
    }
}
