//! What can go wrong between a room and the database, in the room's terms.

/// A failed database action.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database is away, overloaded or shutting down: nothing was changed, the same may succeed later.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// The connection was lost while a commit was under way: it was made, or it was not, and nobody can say.
    #[error("the database did not say whether it committed")]
    InDoubt(#[source] sqlx::Error),
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

    /// What a commit that failed means: refused by the server, or never answered.
    pub(crate) fn of_commit(error: sqlx::Error) -> Self {
        match Self::from(error) {
            Self::Unavailable(source) if !is_refusal(&source) => Self::InDoubt(source),
            Self::Database(source) if source.as_database_error().is_none() => Self::InDoubt(source),
            answered => answered,
        }
    }
}

/// SQLSTATE classes and codes that mean "later", not "never": connection, resources,
/// operator intervention (shutdown, timeouts), lock timeout, serialization.
const LATER: [&str; 6] = ["08", "53", "57", "55P03", "40001", "40P01"];

/// Whether the server itself said no; one that shuts down or crashes (57) may have committed before it said so.
fn is_refusal(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|database| database.code());
    code.is_some_and(|code| !code.starts_with("57") && !code.starts_with("08"))
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            // a connection that breaks off in the middle of its greeting is told as a breach of the protocol
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_) => Self::Unavailable(error),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn a_commit_without_an_answer_is_in_doubt() {
        let lost = || sqlx::Error::Io(io::Error::from(io::ErrorKind::ConnectionReset));
        assert!(matches!(Error::from(lost()), Error::Unavailable(_)), "before the commit nothing was changed");
        assert!(matches!(Error::of_commit(lost()), Error::InDoubt(_)));
        let broken_off = || sqlx::Error::Protocol("unexpected response from SSLRequest: 0x00".to_owned());
        assert!(matches!(Error::from(broken_off()), Error::Unavailable(_)), "later, and never a dead letter");
        assert!(matches!(Error::of_commit(broken_off()), Error::InDoubt(_)));
    }
}
