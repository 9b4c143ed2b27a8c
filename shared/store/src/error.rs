//! What can go wrong between a room and the database, in the room's terms.

/// A failed database action.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database is away, overloaded or shutting down: nothing was changed, the same may succeed later.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// The row was changed or removed since the person saw it (409).
    #[error("the row is no longer in the expected state")]
    Stale,
    /// A constraint of the schema refused the row; the name tells which rule it was.
    #[error("constraint {0} refused the row")]
    Constraint(String),
    /// A write transaction was about to commit without an audit entry: a fault of ours.
    #[error("transaction {0} changed something without an audit entry")]
    Unaudited(&'static str),
    /// Anything else: a fault of ours.
    #[error("database error")]
    Database(#[source] sqlx::Error),
}

impl Error {
    /// Whether the named constraint refused the row.
    #[must_use]
    pub fn is_constraint(&self, name: &str) -> bool {
        matches!(self, Self::Constraint(violated) if violated == name)
    }
}

/// SQLSTATE classes and codes that mean "later", not "never": connection, resources,
/// operator intervention (shutdown, timeouts), lock timeout, serialization.
const LATER: [&str; 6] = ["08", "53", "57", "55P03", "40001", "40P01"];

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) | sqlx::Error::Tls(_) => {
                Self::Unavailable(error)
            }
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                if LATER.iter().any(|later| code.starts_with(later)) {
                    return Self::Unavailable(error);
                }
                match database.constraint() {
                    Some(name) => Self::Constraint(name.to_owned()),
                    None => Self::Database(error),
                }
            }
            _ => Self::Database(error),
        }
    }
}
