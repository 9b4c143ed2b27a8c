//! Rows by COPY: the one way in that reaches tens of thousands of rows a second.
//!
//! Only the seed uses it, and only as the administrator: COPY refuses tables with row-level
//! security for anybody whom it binds.

use anyhow::Result;
use sqlx::PgConnection;
use std::fmt::{Display, Write as _};

/// Rows of one table on their way into it.
pub(super) struct Copy {
    statement: String,
    buffer: String,
    rows: usize,
}

/// One row being written; fields in the order of the columns.
pub(super) struct Row<'a> {
    buffer: &'a mut String,
    first: bool,
}

impl Copy {
    /// `table` and its `columns`, as COPY wants them.
    pub(super) fn new(table: &str, columns: &str) -> Self {
        Self { statement: format!("copy {table} ({columns}) from stdin"), buffer: String::new(), rows: 0 }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, fill: impl FnOnce(&mut Row<'_>)) {
        let mut row = Row { buffer: &mut self.buffer, first: true };
        fill(&mut row);
        self.buffer.push('\n');
        self.rows += 1;
    }

    /// Sends what has been collected; says how many rows.
    pub(super) async fn send(&mut self, connection: &mut PgConnection) -> Result<usize> {
        if self.rows > 0 {
            let mut copy = connection.copy_in_raw(&self.statement).await?;
            copy.send(std::mem::take(&mut self.buffer).into_bytes()).await?;
            copy.finish().await?;
        }
        Ok(std::mem::take(&mut self.rows))
    }
}

impl Row<'_> {
    /// Anything whose text is free of tabs, line breaks and backslashes: numbers, dates, codes.
    pub(super) fn plain(&mut self, value: impl Display) -> &mut Self {
        self.next();
        write!(self.buffer, "{value}").expect("a string takes any text");
        self
    }

    /// Free text.
    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        self.next();
        for c in value.chars() {
            match c {
                '\\' => self.buffer.push_str("\\\\"),
                '\n' => self.buffer.push_str("\\n"),
                '\t' => self.buffer.push_str("\\t"),
                '\r' => self.buffer.push_str("\\r"),
                other => self.buffer.push(other),
            }
        }
        self
    }

    /// JSON, whose strings may hold anything.
    pub(super) fn json(&mut self, value: &serde_json::Value) -> &mut Self {
        self.text(&value.to_string())
    }

    /// Bytes.
    pub(super) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.next();
        self.buffer.push_str("\\\\x");
        self.buffer.push_str(&hex::encode(value));
        self
    }

    /// A value or NULL.
    pub(super) fn maybe(&mut self, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.plain(value),
            None => self.null(),
        }
    }

    /// NULL.
    pub(super) fn null(&mut self) -> &mut Self {
        self.next();
        self.buffer.push_str("\\N");
        self
    }

    fn next(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.buffer.push('\t');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_written_as_copy_reads_it() {
        let mut copy = Copy::new("t", "a, b, c, d");
        copy.row(|row| {
            row.plain(1).text("tab\there\\").null().bytes(&[0xab, 1]);
        });
        assert_eq!(copy.buffer, "1\ttab\\there\\\\\t\\N\t\\\\xab01\n");
    }
}
