//! The rows of a test's database, read beside the store.

use std::path::PathBuf;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, MySqlConnection, PgConnection, Row};
use tokio::time::timeout;
use uuid::Uuid;

use crate::world::PATIENCE;

/// Where the rows are.
pub(crate) enum Rows {
    OfFile(PathBuf),
    OfServer(String),
}

/// The address of a database of the server that is there for this test alone.
pub(crate) fn fresh(server: &str) -> String {
    let name = format!("t{}", Uuid::new_v4().simple());
    match server.rsplit_once('/') {
        Some((server, _)) if server.starts_with("mysql:") => format!("{server}/{name}"),
        _ if server.contains('?') => format!("{server}&schema={name}"),
        _ => format!("{server}?schema={name}"),
    }
}

impl Rows {
    /// Whether each query finds a row.
    pub(crate) fn find(&self, queries: Vec<(String, String)>) -> Vec<(String, bool)> {
        match self {
            Self::OfFile(path) => {
                let database = rusqlite::Connection::open(path).expect("the database opens");
                let sound: String = database
                    .query_row("PRAGMA integrity_check", [], |row| row.get(0))
                    .expect("the check runs");
                assert_eq!(sound, "ok");
                let find = |(what, sql): (String, String)| {
                    let mut query = database.prepare(&sql).expect("the query is right");
                    (what, query.exists([]).expect("the query runs"))
                };
                queries.into_iter().map(find).collect()
            }
            Self::OfServer(url) => {
                let url = url.clone();
                apart(async move { find_on_server(&url, queries).await })
            }
        }
    }

    /// How many rows a table has.
    pub(crate) fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        match self {
            Self::OfFile(path) => {
                let database = rusqlite::Connection::open(path).expect("the database opens");
                let count = database.query_row(&sql, [], |row| row.get(0));
                count.expect("the count is read")
            }
            Self::OfServer(url) => {
                let url = url.clone();
                apart(async move { count_on_server(&url, sql).await })
            }
        }
    }

    /// Whether they are on a database server.
    pub(crate) fn are_on_a_server(&self) -> bool {
        matches!(self, Self::OfServer(_))
    }

    /// Changes rows behind the store's back.
    pub(crate) fn change(&self, sql: String) {
        match self {
            Self::OfFile(path) => {
                let database = rusqlite::Connection::open(path).expect("the database opens");
                database.execute(&sql, []).expect("the rows are changed");
            }
            Self::OfServer(url) => {
                let url = url.clone();
                apart(async move { Server::connect(&url).await.numbers(&sql).await });
            }
        }
    }

    /// Makes a server's database out of such statements.
    pub(crate) fn make(&self, statements: &[&str]) {
        let Self::OfServer(url) = self else { return };
        let url = url.clone();
        let statements: Vec<_> = statements.iter().map(|&it| it.to_owned()).collect();
        apart(async move {
            let (server, name) = url.rsplit_once('/').expect("a name");
            let mut server = Server::connect(&format!("{server}/information_schema")).await;
            server.numbers(&format!("CREATE DATABASE {name}")).await;
            let mut server = Server::connect(&url).await;
            for statement in statements {
                server.numbers(&statement).await;
            }
        });
    }

    /// Removes a server's database; a file goes with its folder.
    pub(crate) fn remove(&self) {
        let Self::OfServer(url) = self else { return };
        let url = url.clone();
        apart(async move { remove_from_server(&url).await });
    }
}

/// For places that cannot wait: with a thread and a runtime of its own.
fn apart<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let asked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(work)
    });
    asked.join().expect("the queries run")
}

/// A connection to a test's database.
pub(crate) enum Server {
    /// With the schema, which each turn names anew: poolers hand connections
    /// from one client to the next.
    Postgres(PgConnection, String),
    MySql(MySqlConnection),
}

impl Server {
    pub(crate) async fn connect(url: &str) -> Self {
        let Some((server, schema)) = url.split_once("schema=") else {
            let options: MySqlConnectOptions = url.parse().expect("an address");
            return Self::MySql(run(options.connect()).await);
        };
        let server = server.split('?').next().expect("a part");
        let options: PgConnectOptions = server.parse().expect("an address");
        let options = options.extra_float_digits(None);
        Self::Postgres(run(options.connect()).await, schema.to_owned())
    }

    /// The numbers in the first column.
    async fn numbers(&mut self, sql: &str) -> Vec<i64> {
        match self {
            Self::Postgres(server, schema) => {
                let sql = format!("BEGIN; SET LOCAL search_path TO {schema}; {sql}; COMMIT");
                let query = sqlx::raw_sql(AssertSqlSafe(sql));
                let rows = run(query.fetch_all(server)).await;
                rows.iter().map(|row| row.get(0)).collect()
            }
            Self::MySql(server) => {
                let query = sqlx::raw_sql(AssertSqlSafe(sql));
                let rows = run(query.fetch_all(server)).await;
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }
}

async fn find_on_server(url: &str, queries: Vec<(String, String)>) -> Vec<(String, bool)> {
    let mut server = Server::connect(url).await;
    let mut found = Vec::new();
    for (what, sql) in queries {
        let sql = format!("SELECT COUNT(*) FROM (SELECT 1 AS one) AS once WHERE EXISTS ({sql})");
        found.push((what, server.numbers(&sql).await != [0]));
    }
    found
}

async fn count_on_server(url: &str, sql: String) -> i64 {
    Server::connect(url).await.numbers(&sql).await[0]
}

async fn remove_from_server(url: &str) {
    let mut server = Server::connect(url).await;
    let sql = match &server {
        Server::Postgres(_, schema) => format!("DROP SCHEMA {schema} CASCADE"),
        Server::MySql(_) => format!("DROP DATABASE {}", url.rsplit('/').next().expect("a name")),
    };
    server.numbers(&sql).await;
}

pub(crate) async fn run<T>(query: impl Future<Output = Result<T, sqlx::Error>>) -> T {
    let done = timeout(PATIENCE, query).await;
    done.expect("the database answers").expect("the query runs")
}
