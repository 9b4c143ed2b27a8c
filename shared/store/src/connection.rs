//! The connection of a transaction: with prepared statements, or behind a pooler without them.

use futures_util::{future::BoxFuture, stream::BoxStream};
use sqlx::{
    Database, Describe, Either, Error, Execute, Executor, PgConnection, Postgres, SqlStr, Transaction,
    error::BoxDynError,
};

type TypeInfo = <Postgres as Database>::TypeInfo;
type Statement = <Postgres as Database>::Statement;
type Step = Either<<Postgres as Database>::QueryResult, <Postgres as Database>::Row>;

/// The connection of one transaction, for `sqlx::query!(…).fetch_…(tx.conn())`.
///
/// A pooler in transaction mode gives every transaction whichever connection is free, where a statement
/// of that name may be another client's. So behind one each query is a statement without a name, which
/// is gone with the next: the plan is made anew every time.
#[derive(Debug)]
pub struct Conn {
    tx: Transaction<'static, Postgres>,
    statements: Statements,
}

/// Whether statements are prepared once for each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statements {
    /// Parsed once for each connection and then named.
    Kept,
    /// Parsed anew each time.
    Nameless,
}

impl Statements {
    /// As the database's URL says: `statement-cache-capacity=0` is sqlx's own word for "keep none".
    pub(crate) fn of(url: &str) -> Self {
        let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
        let keeps_none = parameters
            .split('&')
            .filter_map(|parameter| parameter.split_once('='))
            .any(|(name, value)| name.replace('_', "-") == "statement-cache-capacity" && value == "0");
        if keeps_none { Self::Nameless } else { Self::Kept }
    }
}

impl Conn {
    pub(crate) fn new(tx: Transaction<'static, Postgres>, statements: Statements) -> Self {
        Self { tx, statements }
    }

    pub(crate) async fn commit(self) -> Result<(), Error> {
        self.tx.commit().await
    }
}

impl<'c> Executor<'c> for &'c mut Conn {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let connection: &'c mut PgConnection = &mut self.tx;
        match self.statements {
            Statements::Kept => connection.fetch_many(query),
            Statements::Nameless => connection.fetch_many(Nameless(query)),
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<<Postgres as Database>::Row>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let connection: &'c mut PgConnection = &mut self.tx;
        match self.statements {
            Statements::Kept => connection.fetch_optional(query),
            Statements::Nameless => connection.fetch_optional(Nameless(query)),
        }
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [TypeInfo]) -> BoxFuture<'e, Result<Statement, Error>>
    where
        'c: 'e,
    {
        let connection: &'c mut PgConnection = &mut self.tx;
        connection.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        let connection: &'c mut PgConnection = &mut self.tx;
        connection.describe(sql)
    }
}

/// A query whose statement gets no name.
struct Nameless<E>(E);

impl<'q, E: Execute<'q, Postgres>> Execute<'q, Postgres> for Nameless<E> {
    fn sql(self) -> SqlStr {
        self.0.sql()
    }

    fn statement(&self) -> Option<&Statement> {
        self.0.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<<Postgres as Database>::Arguments>, BoxDynError> {
        self.0.take_arguments()
    }

    fn persistent(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_says_whether_statements_are_kept() {
        for kept in
            ["postgres://a:b@c/d", "postgres://a:b@c/d?sslmode=require", "postgres://c/d?statement-cache-capacity=64"]
        {
            assert_eq!(Statements::of(kept), Statements::Kept, "{kept}");
        }
        for nameless in
            ["postgres://c/d?statement-cache-capacity=0", "postgres://c/d?sslmode=require&statement_cache_capacity=0"]
        {
            assert_eq!(Statements::of(nameless), Statements::Nameless, "{nameless}");
        }
    }
}
