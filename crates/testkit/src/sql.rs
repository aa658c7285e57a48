//! An app that has a connection of its own to a server's database, and writes
//! there with plain SQL.

use std::path::Path;
use std::time::Duration;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, MySqlConnection, PgConnection, Row};

use crate::database;

/// A connection with transactions of its own.
pub struct SqlClient(Database);

enum Database {
    Sqlite(rusqlite::Connection),
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

/// A row, each column as text; none for NULL.
pub type SqlRow = Vec<Option<String>>;

impl SqlClient {
    /// To the database of a test's server over this data folder.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn open(data_dir: &Path) -> Self {
        let Some((_, url)) = database::variable_for(data_dir, &[]) else {
            return Self::of_file(&data_dir.join("tertulia.db"));
        };
        let Some((server, schema)) = url.split_once("?schema=") else {
            let options: MySqlConnectOptions = done(url.parse());
            return Self(Database::MySql(done(options.connect().await)));
        };
        let wire = done(PgConnection::connect(server).await);
        let mut client = Self(Database::Postgres(wire));
        client.run(&format!("SET search_path TO {schema}")).await;
        client
    }

    /// To a SQLite file.
    ///
    /// # Panics
    /// When it cannot be opened.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        let file = done(rusqlite::Connection::open(path));
        done(file.busy_timeout(Duration::from_secs(20)));
        Self(Database::Sqlite(file))
    }

    /// Whether the servers of tests have their data in PostgreSQL.
    #[must_use]
    pub fn is_on_postgres() -> bool {
        database::is_postgres()
    }

    /// Runs statements.
    ///
    /// # Panics
    /// When one is refused.
    pub async fn run(&mut self, sql: &str) {
        done(self.try_run(sql).await);
    }

    /// Runs statements.
    ///
    /// # Errors
    /// What the database says.
    pub async fn try_run(&mut self, sql: &str) -> Result<(), String> {
        let script = sqlx::raw_sql(AssertSqlSafe(sql));
        match &mut self.0 {
            Database::Sqlite(file) => file.execute_batch(sql).map_err(|error| error.to_string()),
            Database::Postgres(wire) => said(script.execute(wire).await),
            Database::MySql(wire) => said(script.execute(wire).await),
        }
    }

    /// The rows of a query.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn rows(&mut self, sql: &str) -> Vec<SqlRow> {
        let script = sqlx::raw_sql(AssertSqlSafe(sql));
        match &mut self.0 {
            Database::Sqlite(file) => done(rows_of_file(file, sql)),
            Database::Postgres(wire) => {
                let rows = done(script.fetch_all(wire).await);
                let text = |row: &sqlx::postgres::PgRow| {
                    (0..row.len())
                        .map(|index| done(row.try_get_unchecked(index)))
                        .collect()
                };
                rows.iter().map(text).collect()
            }
            Database::MySql(wire) => {
                let rows = done(script.fetch_all(wire).await);
                let text = |row: &sqlx::mysql::MySqlRow| {
                    (0..row.len())
                        .map(|index| done(row.try_get_unchecked(index)))
                        .collect()
                };
                rows.iter().map(text).collect()
            }
        }
    }

    /// The first column of a query's only row.
    ///
    /// # Panics
    /// When there is another number of rows, or nothing in it.
    pub async fn value(&mut self, sql: &str) -> String {
        let rows = self.rows(sql).await;
        match &rows[..] {
            [row] => match row.first() {
                Some(Some(value)) => value.clone(),
                other => panic!("{sql}: {other:?}"),
            },
            rows => panic!("{sql}: {} rows", rows.len()),
        }
    }
}

impl std::fmt::Debug for SqlClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SqlClient")
    }
}

fn rows_of_file(file: &rusqlite::Connection, sql: &str) -> rusqlite::Result<Vec<SqlRow>> {
    use rusqlite::types::Value;

    let mut query = file.prepare(sql)?;
    let columns = query.column_count();
    let mut rows = query.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let text = |index| {
            Ok(match row.get(index)? {
                Value::Null => None,
                Value::Integer(number) => Some(number.to_string()),
                Value::Real(number) => Some(number.to_string()),
                Value::Text(text) => Some(text),
                Value::Blob(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            })
        };
        all.push((0..columns).map(text).collect::<rusqlite::Result<_>>()?);
    }
    Ok(all)
}

fn said<T>(result: Result<T, sqlx::Error>) -> Result<(), String> {
    result.map(|_| ()).map_err(|error| match &error {
        sqlx::Error::Database(database) => database.message().to_owned(),
        other => other.to_string(),
    })
}

fn done<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    match result {
        Ok(done) => done,
        Err(error) => panic!("the app's SQL failed: {error}"),
    }
}
