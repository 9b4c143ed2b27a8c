//! Who did what, when, and how the thing looked before and after.

use serde::Serialize;
use serde_json::Value;

/// One change of state, to be written by the transaction that makes it.
///
/// `before` and `after` hold what a later reader needs to understand the change; never a
/// national id, a password or the content of a file.
#[derive(Debug, Clone)]
pub struct Audit {
    pub(crate) action: &'static str,
    pub(crate) entity: &'static str,
    pub(crate) entity_id: Option<i64>,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

impl Audit {
    /// An `action` in the form `noun.verb` on the row `id` of `entity`.
    #[must_use]
    pub fn new(action: &'static str, entity: &'static str, id: i64) -> Self {
        Self { action, entity, entity_id: Some(id), before: None, after: None }
    }

    /// An action on something that is no single row, e.g. a whole import.
    #[must_use]
    pub fn general(action: &'static str, entity: &'static str) -> Self {
        Self { action, entity, entity_id: None, before: None, after: None }
    }

    /// How it looked.
    #[must_use]
    pub fn before(mut self, state: impl Serialize) -> Self {
        self.before = Some(plain(state));
        self
    }

    /// How it looks now.
    #[must_use]
    pub fn after(mut self, state: impl Serialize) -> Self {
        self.after = Some(plain(state));
        self
    }
}

/// A state that can't be written as JSON is still a change that happened: it is recorded as such.
fn plain(state: impl Serialize) -> Value {
    serde_json::to_value(state).unwrap_or_else(|error| Value::String(format!("unwritable: {error}")))
}

/// How many months ahead the audit has partitions.
const MONTHS_AHEAD: i32 = 12;

/// Makes the partitions of the coming months, so that pruning by age stays a matter of dropping one.
pub async fn ensure_partitions(db: &crate::Db) -> Result<(), crate::Error> {
    let mut tx = db.system("audit.partitions").await?;
    sqlx::query!("select app.ensure_audit_partitions($1)", MONTHS_AHEAD).execute(tx.conn()).await?;
    tx.commit().await
}
