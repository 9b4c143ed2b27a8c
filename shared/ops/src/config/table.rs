//! The table of all variables, taken from the docs of the configuration's own fields.

const SOURCES: [&str; 2] = [include_str!("../config.rs"), include_str!("providers.rs")];

/// A variable as its field documents it.
pub(super) struct Documented {
    pub(super) names: Vec<String>,
    /// `required`, `optional`, or the default.
    pub(super) default: String,
    meaning: String,
}

/// All variables as a Markdown table; the README carries it, a test compares.
pub fn table() -> String {
    let mut table = String::from("| variable | default | meaning |\n|---|---|---|\n");
    for variable in documented() {
        let names = variable.names.iter().map(|name| format!("`{name}`"));
        let default = match variable.default.as_str() {
            word @ ("required" | "optional") => word.to_owned(),
            value => format!("`{value}`"),
        };
        let names = names.collect::<Vec<_>>().join(", ");
        table.push_str(&format!("| {names} | {default} | {} |\n", variable.meaning));
    }
    table
}

/// Every doc comment of the configuration's structs that begins with a variable.
pub(super) fn documented() -> Vec<Documented> {
    let mut found = Vec::new();
    let mut doc = String::new();
    for line in SOURCES.iter().flat_map(|source| source.lines()) {
        match line.trim().strip_prefix("/// ") {
            Some(text) if doc.is_empty() && !text.starts_with("`LICHENG_") => {}
            Some(text) => {
                doc.push_str(text);
                doc.push(' ');
            }
            None => found.extend(parse(&std::mem::take(&mut doc))),
        }
    }
    found
}

/// Takes `` `NAME` and `NAME`, required: meaning `` apart.
fn parse(doc: &str) -> Option<Documented> {
    let (head, meaning) = doc.trim().split_once(": ")?;
    let (names, default) = head.split_once(", ")?;
    let unquoted = |text: &str| text.trim_matches('`').to_owned();
    Some(Documented {
        names: names.split(" and ").map(unquoted).collect(),
        default: unquoted(default.trim_start_matches("default ")),
        meaning: meaning.to_owned(),
    })
}
