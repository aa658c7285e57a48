//! The one seam between databases: statements are written once, with `?`, in
//! SQL that SQLite, PostgreSQL 14+ and MySQL 8 / MariaDB 10.6+ accept, and run
//! through [`Connection`]. What differs between databases is here and nowhere
//! else; one name that they say, `room_messages`, is explained in [`places`].
//! `docs/adr/0001-sqlite-through-rusqlite.md` says why.
//!
//! On SQLite the futures of this module never wait: they do their work inline,
//! on a thread of [`Pool`](crate::pool::Pool). Servers are spoken to through
//! [`session`], which takes care of lost connections and lost answers.

pub(crate) mod address;
mod failure;
pub(crate) mod hints;
mod places;
pub(crate) mod session;
mod wire;

use std::borrow::Cow;
use std::time::Instant;

use tertulia_domain::Timestamp;
use tertulia_domain::error::BoxError;

use self::session::Session;
use self::wire::ServerRow;
use crate::value::{FromValue, Value};

/// The result of a statement.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// The most placeholders that one expanded list gets; longer ones run in turns.
const LIST: usize = 512;

/// The most pairs that a server looks up in one turn.
const PAIRS: usize = 64;

/// The most rows that a server is given in one `INSERT`: PostgreSQL takes 65,535
/// parameters.
const ROWS: usize = 512;

/// Statements over as few rows stay prepared, one for each number of rows.
const KEPT_ROWS: usize = 16;

/// The most rows that a statement may walk over without the help of an index:
/// those of a page, held in memory.
const MOST_WALKED: i32 = 1_000;

/// What went wrong in a database. Leaves this crate only inside
/// [`Unavailable`](tertulia_domain::Error::Unavailable), for the log.
#[derive(Debug, thiserror::Error)]
#[error("{kind}: {source}")]
pub(crate) struct Error {
    /// What to do about it.
    pub(crate) kind: ErrorKind,
    source: BoxError,
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ErrorKind {
    /// This statement cannot be carried out; others may.
    #[error("statement failed")]
    Statement,
    /// Another writer was in the way (a deadlock, the same key): undone and run
    /// again, it will do.
    #[error("writers collided")]
    Collision,
    /// The database does not answer or take writes now.
    #[error("database away")]
    Away,
    /// The database is broken, or is no such database.
    #[error("database damaged")]
    Damaged,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, source: impl Into<BoxError>) -> Self {
        let source = source.into();
        Self { kind, source }
    }

    /// A row that no version of this program can have written.
    pub(crate) fn damaged(what: impl Into<BoxError>) -> Self {
        Self::new(ErrorKind::Damaged, what)
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let kind = match error.sqlite_error_code() {
            Some(
                Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::SystemIoFailure
                | Code::CannotOpen
                | Code::ReadOnly
                | Code::PermissionDenied
                | Code::FileLockingProtocolFailed
                | Code::DiskFull
                | Code::OutOfMemory,
            ) => ErrorKind::Away,
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => ErrorKind::Damaged,
            _ => ErrorKind::Statement,
        };
        Self::new(kind, error)
    }
}

impl From<Error> for tertulia_domain::Error {
    fn from(error: Error) -> Self {
        Self::unavailable(error)
    }
}

impl From<Error> for tertulia_domain::command::StoreError {
    fn from(error: Error) -> Self {
        Self::Failed(error.into())
    }
}

/// One connection to a database.
pub(crate) enum Connection {
    /// SQLite, in this process.
    Sqlite(rusqlite::Connection),
    /// PostgreSQL, MySQL or MariaDB.
    Server(Box<Session>),
}

impl Connection {
    /// Statements that another process keeps waiting fail at `moment`.
    pub(crate) fn wait_until(&mut self, moment: Instant) -> Result<()> {
        match self {
            Self::Sqlite(connection) => {
                Ok(connection.busy_timeout(moment.saturating_duration_since(Instant::now()))?)
            }
            Self::Server(session) => {
                session.wait_until(moment);
                Ok(())
            }
        }
    }

    /// Begins a transaction that only reads, all of it from one state of the
    /// database.
    pub(crate) async fn begin_read(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(_) => self.run("BEGIN").await,
            Self::Server(session) => session.begin_read().await,
        }
    }

    /// Begins a transaction that writes. On servers others may write beside it:
    /// it locks what it rests on.
    pub(crate) async fn begin_write(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(_) => self.run("BEGIN IMMEDIATE").await,
            Self::Server(session) => session.begin_write(false).await,
        }
    }

    /// Begins a transaction that writes, alone among all that are begun so, on
    /// every node: what it has looked up stays so.
    pub(crate) async fn begin_write_alone(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(_) => self.run("BEGIN IMMEDIATE").await,
            Self::Server(session) => session.begin_write(true).await,
        }
    }

    /// Begins a transaction that changes the schema; others that do so wait.
    pub(crate) async fn begin_migration(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(_) => self.begin_write().await,
            Self::Server(session) => session.begin_migration().await,
        }
    }

    /// Lets the next one change the schema, after the transaction's end.
    pub(crate) async fn end_migration(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Server(session) => session.end_migration().await,
        }
    }

    /// A migration as this server takes it.
    pub(crate) fn migration_text<'m>(&self, sql: &'m str) -> Cow<'m, str> {
        match self {
            Self::Server(session) if !session.is_postgres() => {
                sql.replace("{collation}", session.collation()).into()
            }
            Self::Sqlite(_) | Self::Server(_) => sql.into(),
        }
    }

    /// Makes the transaction durable. When that fails, nothing of it is done.
    pub(crate) async fn commit(&mut self) -> Result<()> {
        if let Self::Server(session) = self {
            return session.commit().await;
        }
        let Err(error) = self.run("COMMIT").await else {
            return Ok(());
        };
        self.rollback().await?;
        self.cover_failed_commit().await;
        Err(error)
    }

    /// Undoes the transaction, if there is one.
    pub(crate) async fn rollback(&mut self) -> Result<()> {
        if let Self::Server(session) = self {
            return session.rollback().await;
        }
        if self.in_transaction() {
            self.run("ROLLBACK").await?;
        }
        Ok(())
    }

    /// Whether a transaction is under way.
    pub(crate) fn in_transaction(&self) -> bool {
        match self {
            Self::Sqlite(connection) => !connection.is_autocommit(),
            Self::Server(session) => session.in_transaction(),
        }
    }

    /// A flush that failed may leave the whole transaction at the end of
    /// SQLite's log, where a start after a crash would find it and take it for
    /// committed: what was refused would appear after all (G3). Whatever is
    /// written next takes its place, so write something harmless at once.
    async fn cover_failed_commit(&mut self) {
        // If this fails as well, there is nothing better to be done.
        let _ = self.touch().await;
        let _ = self.rollback().await;
    }

    /// Writes something that means nothing, and makes it durable.
    pub(crate) async fn touch(&mut self) -> Result<()> {
        self.begin_write().await?;
        match self {
            Self::Sqlite(_) => {
                self.run("UPDATE pulse SET beat = beat + 1").await?;
                self.run("COMMIT").await
            }
            // Every commit writes there.
            Self::Server(session) => {
                session.make_sure_of_room().await?;
                session.commit().await
            }
        }
    }

    /// A number that changes when another connection than this one has
    /// committed something.
    pub(crate) async fn foreign_writes(&mut self) -> Result<i64> {
        match self {
            Self::Sqlite(connection) => {
                Ok(connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
            }
            Self::Server(session) => session.foreign_writes().await,
        }
    }

    /// What time it is on the server, for all nodes alike; none on SQLite, where
    /// there is one node.
    pub(crate) async fn server_time(&mut self) -> Result<Option<Timestamp>> {
        let sql = match self {
            Self::Sqlite(_) => return Ok(None),
            Self::Server(session) if session.is_postgres() => {
                "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
            }
            Self::Server(_) => {
                "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6))"
            }
        };
        self.query_one(sql, &[], |row| row.take()).await
    }

    /// What a `SELECT` says to keep its rows from other writers: nothing where
    /// only reading goes on, nor on SQLite, which has one writer at a time.
    pub(crate) fn lock_suffix(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Server(session) if session.reads_only() => "",
            Self::Server(_) => " FOR UPDATE",
        }
    }

    /// What a `SELECT` says to keep its rows from other writers and to pass over
    /// those that another writer keeps.
    pub(crate) fn free_rows_suffix(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Server(_) => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Runs several statements that have no parameters and give no rows.
    pub(crate) async fn run_script(&mut self, sql: &str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch(sql)?),
            Self::Server(session) => session.run(sql).await,
        }
    }

    async fn run(&mut self, sql: &str) -> Result<()> {
        self.execute(sql, &[]).await.map(|_| ())
    }

    /// Runs a statement that gives no rows; answers how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<usize> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                let touched = statement.execute(rusqlite::params_from_iter(params))?;
                check_plan(&statement, sql);
                Ok(touched)
            }
            Self::Server(session) => {
                let touched = session.execute(sql, params, true).await?;
                Ok(usize::try_from(touched).unwrap_or(usize::MAX))
            }
        }
    }

    /// Runs an `INSERT … VALUES (?, …)` of one row for each of `rows`. Databases
    /// with a network between get them in one statement.
    pub(crate) async fn insert_many<'a, const N: usize>(
        &mut self,
        sql: &'static str,
        rows: impl Iterator<Item = [Value<'a>; N]> + Send,
    ) -> Result<()> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                for row in rows {
                    statement.execute(rusqlite::params_from_iter(&row))?;
                }
                Ok(())
            }
            Self::Server(_) => {
                let values: Vec<_> = rows.flatten().collect();
                self.insert_rows(sql, N, &values).await
            }
        }
    }

    /// The same for rows of `columns` values each, one row after the other.
    pub(crate) async fn insert_rows(
        &mut self,
        sql: &str,
        columns: usize,
        values: &[Value<'_>],
    ) -> Result<()> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                for row in values.chunks(columns) {
                    statement.execute(rusqlite::params_from_iter(row))?;
                }
                Ok(())
            }
            Self::Server(session) => {
                for part in values.chunks(ROWS * columns) {
                    let rows = part.len() / columns;
                    let text = with_rows(sql, columns, rows);
                    session.execute(&text, part, rows <= KEPT_ROWS).await?;
                }
                Ok(())
            }
        }
    }

    /// Sets columns of many rows of a table, each found by its number in `id`.
    pub(crate) async fn update_many<const N: usize>(
        &mut self,
        table: &str,
        columns: [&str; N],
        rows: &[(i64, [Value<'_>; N])],
    ) -> Result<()> {
        match self {
            Self::Sqlite(_) => {
                let set = columns.map(|column| format!("{column} = ?")).join(", ");
                let sql = format!("UPDATE {table} SET {set} WHERE id = ?");
                for (id, row) in rows {
                    let mut values = row.to_vec();
                    values.push(Value::Integer(*id));
                    self.execute(&sql, &values).await?;
                }
            }
            Self::Server(session) => {
                for part in rows.chunks(PAIRS) {
                    let (sql, values) = update_of_rows(table, columns, part);
                    session.execute(&sql, &values, true).await?;
                }
            }
        }
        Ok(())
    }

    /// Runs a query and reads each row with `read`.
    pub(crate) async fn query<T: Send>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        mut read: impl FnMut(&mut Columns<'_>) -> Result<T> + Send,
    ) -> Result<Vec<T>> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                let mut rows = statement.query(rusqlite::params_from_iter(params))?;
                let mut all = Vec::new();
                while let Some(row) = rows.next()? {
                    all.push(read(&mut Columns::of(Row::Sqlite(row)))?);
                }
                drop(rows);
                check_plan(&statement, sql);
                Ok(all)
            }
            Self::Server(session) => {
                let rows = session.fetch(sql, params, true).await?;
                let rows = rows.iter();
                rows.map(|row| read(&mut Columns::of(Row::Server(row))))
                    .collect()
            }
        }
    }

    /// Runs a query that gives one row at most; more are not looked at.
    pub(crate) async fn query_one<T: Send>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        read: impl FnOnce(&mut Columns<'_>) -> Result<T> + Send,
    ) -> Result<Option<T>> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                let mut rows = statement.query(rusqlite::params_from_iter(params))?;
                let found = match rows.next()? {
                    Some(row) => Some(read(&mut Columns::of(Row::Sqlite(row)))?),
                    None => None,
                };
                drop(rows);
                check_plan(&statement, sql);
                Ok(found)
            }
            Self::Server(session) => {
                let rows = session.fetch(sql, params, true).await?;
                let first = rows.get(0);
                first
                    .map(|row| read(&mut Columns::of(Row::Server(row))))
                    .transpose()
            }
        }
    }

    /// Runs a query that says `IN ({list})`, with the parameters `before` and
    /// `after` the list. A long list runs in several turns, so the order of the
    /// rows is the query's only within each turn.
    pub(crate) async fn query_in<T: Send>(
        &mut self,
        sql: &str,
        before: &[Value<'_>],
        list: &[Value<'_>],
        after: &[Value<'_>],
        mut read: impl FnMut(&mut Columns<'_>) -> Result<T> + Send,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        for part in list.chunks(LIST) {
            let text = sql.replace("{list}", &placeholders(part.len()));
            let mut values = before.to_vec();
            fill(&mut values, part);
            values.extend_from_slice(after);
            all.append(&mut self.query(&text, &values, &mut read).await?);
        }
        Ok(all)
    }

    /// Runs a query that says `{pairs}` where two columns must be one of many
    /// pairs of values.
    pub(crate) async fn query_pairs<T: Send>(
        &mut self,
        sql: &str,
        columns: (&str, &str),
        pairs: &[[Value<'_>; 2]],
        mut read: impl FnMut(&mut Columns<'_>) -> Result<T> + Send,
    ) -> Result<Vec<T>> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        match self {
            // SQLite would walk through the whole index for a list of pairs;
            // here, where no network is between, it looks up one by one.
            Self::Sqlite(connection) => {
                let (first, second) = columns;
                let sql = sql.replace("{pairs}", &format!("{first} = ? AND {second} = ?"));
                let mut statement = connection.prepare_cached(&sql)?;
                let mut all = Vec::new();
                for pair in pairs {
                    let mut rows = statement.query(rusqlite::params_from_iter(pair))?;
                    while let Some(row) = rows.next()? {
                        all.push(read(&mut Columns::of(Row::Sqlite(row)))?);
                    }
                }
                check_plan(&statement, &sql);
                Ok(all)
            }
            Self::Server(session) => {
                let mut all = Vec::new();
                for part in pairs.chunks(PAIRS) {
                    let mut values = Vec::new();
                    let list: Vec<_> = part.iter().flatten().copied().collect();
                    values.extend_from_slice(&list);
                    let places = part.len().next_power_of_two();
                    for _ in part.len()..places {
                        values.extend_from_slice(&list[list.len() - 2..]);
                    }
                    let pair = format!("({} = ? AND {} = ?)", columns.0, columns.1);
                    let pairs = format!("({})", vec![pair; places].join(" OR "));
                    let text = sql.replace("{pairs}", &pairs);
                    let rows = session.fetch(&text, &values, true).await?;
                    for row in rows.iter() {
                        all.push(read(&mut Columns::of(Row::Server(row)))?);
                    }
                }
                Ok(all)
            }
        }
    }
}

/// An `UPDATE` that gives each row values of its own; filled up to a power of two
/// by repeating the last row, which changes nothing.
fn update_of_rows<'v, const N: usize>(
    table: &str,
    columns: [&str; N],
    rows: &[(i64, [Value<'v>; N])],
) -> (String, Vec<Value<'v>>) {
    let places = rows.len().next_power_of_two();
    let last = rows.len().saturating_sub(1);
    let filled = || (0..places).map(|place| &rows[place.min(last)]);
    let cases = " WHEN ? THEN ?".repeat(places);
    let mut values = Vec::with_capacity(places * (2 * N + 1));
    for column in 0..N {
        for (id, row) in filled() {
            values.extend([Value::Integer(*id), row[column]]);
        }
    }
    values.extend(filled().map(|(id, _)| Value::Integer(*id)));
    // The last branch is never taken, and tells the type.
    let set = columns.map(|column| format!("{column} = CASE id{cases} ELSE {column} END"));
    let (set, list) = (set.join(", "), placeholders(places));
    let sql = format!("UPDATE {table} SET {set} WHERE id IN ({list})");
    (sql, values)
}

/// An `INSERT` of one row as one of several.
fn with_rows(sql: &str, columns: usize, rows: usize) -> String {
    let row = format!(", ({})", vec!["?"; columns].join(", "));
    let mut text = sql.to_owned();
    for _ in 1..rows {
        text.push_str(&row);
    }
    text
}

/// Placeholders for a list, filled up to a power of two, so that few different
/// statements are prepared.
fn placeholders(len: usize) -> String {
    vec!["?"; len.next_power_of_two()].join(", ")
}

/// Adds the list, filled up by repeating its last item, which changes no `IN`.
fn fill<'a>(values: &mut Vec<Value<'a>>, list: &[Value<'a>]) {
    values.extend_from_slice(list);
    let missing = list.len().next_power_of_two() - list.len();
    values.extend(list.last().into_iter().cycle().take(missing));
}

/// In debug builds, and so in every test: no statement may walk through a whole
/// table or index, however little a test has put into it.
fn check_plan(statement: &rusqlite::Statement<'_>, sql: &str) {
    let walked = statement.reset_status(rusqlite::StatementStatus::FullscanStep);
    debug_assert!(walked <= MOST_WALKED, "walks through a table: {sql}");
}

/// A row while it is being read.
#[derive(Clone, Copy)]
enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Server(ServerRow<'r>),
}

/// Reads a row's columns from left to right.
pub(crate) struct Columns<'r> {
    row: Row<'r>,
    next: usize,
}

impl<'r> Columns<'r> {
    fn of(row: Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column.
    pub(crate) fn take<T: FromValue>(&mut self) -> Result<T> {
        let index = self.next;
        self.next += 1;
        let value = self.value(index)?;
        if let (Row::Server(ServerRow::Postgres(_)), Value::Text(text)) = (self.row, value)
            && let Some(text) = wire::unescaped(text)
        {
            return T::from_value(Value::Text(&text));
        }
        T::from_value(value)
    }

    fn value(&self, index: usize) -> Result<Value<'_>> {
        match self.row {
            Row::Sqlite(row) => Value::of_sqlite(row.get_ref(index)?),
            Row::Server(row) => row.value(index),
        }
    }
}

/// The parameters of a statement.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::value::Value::from($value)),*]
    };
}
pub(crate) use params;
