//! Opening a database: what is refused, and how connections are set up.
//!
//! A file or a database that is damaged, belongs to another program, or was
//! written by a newer version of this one is refused and left as it is (G14).

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use tertulia_domain::error::BoxError;

use crate::sql::address::ServerAddress;
use crate::sql::session::{Session, Target};
use crate::sql::{self, Connection, ErrorKind};
use crate::transfer::mark;
use crate::{migrate, server, wal};

/// "Tert", as `0001_start.sql` sets it.
const APPLICATION_ID: i64 = 0x5465_7274;

/// How every SQLite file begins (<https://sqlite.org/fileformat2.html> §1.3).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// How long to wait for another process that writes, while starting.
const BUSY: Duration = Duration::from_secs(30);

/// How long to wait for others to close a file that is to be had alone.
const ALONE: Duration = Duration::from_secs(2);

/// How often to try for the write-ahead log while other processes start too,
/// which SQLite does not wait for by itself; a tenth of a second between.
const WAL_ATTEMPTS: usize = 50;

/// Prepared statements kept by each connection.
const STATEMENTS: usize = 256;

/// Where a database is.
#[derive(Clone, Debug)]
pub enum Database {
    /// A SQLite file; made when there is none, its folder is not.
    Sqlite(PathBuf),
    /// A database of a server; it and its schema are made when they are not
    /// there and the user may.
    Server(ServerAddress),
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Server(address) => address.fmt(f),
        }
    }
}

/// How to open a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the database is.
    pub database: Database,
    /// Connections that read beside the one that writes; at least one.
    pub readers: usize,
    /// How long an action may wait, for a connection and for other processes
    /// that write, before it is refused. On a server also how long all its
    /// statements together may take.
    pub patience: Duration,
}

impl Options {
    /// A file, with four readers; what waits is refused after 4.5 s, because a
    /// send is to be refused within 5 s (G13).
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::of(Database::Sqlite(path.into()))
    }

    /// Any database. Readers on a server wait for the network: it gets eight.
    #[must_use]
    pub fn of(database: Database) -> Self {
        Self {
            readers: match database {
                Database::Sqlite(_) => 4,
                Database::Server(_) => 8,
            },
            database,
            patience: Duration::from_millis(4_500),
        }
    }
}

/// Why a database was not opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file is no SQLite database.
    #[error("{place} is not a SQLite database")]
    NotADatabase {
        /// The file.
        place: String,
    },
    /// Another program's database.
    #[error("{place} belongs to another program")]
    Foreign {
        /// The file or the server's database.
        place: String,
    },
    /// A newer version of this program has changed the database.
    #[error(
        "{place} was written by a newer version (its schema is {found}, this program knows {known})"
    )]
    Newer {
        /// The file or the server's database.
        place: String,
        /// The schema found.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// A server that lacks what this program needs.
    #[error("{place} runs {found}; needed is {needed} or newer")]
    TooOld {
        /// The server's database.
        place: String,
        /// What the server says of itself.
        found: String,
        /// The oldest that does.
        needed: &'static str,
    },
    /// The database is broken: restore it from a backup.
    #[error("{place} is damaged")]
    Damaged {
        /// The file or the server's database.
        place: String,
        /// What was found.
        #[source]
        source: BoxError,
    },
    /// A copy into this database was broken off: it holds only a part.
    #[error("{place} holds a copy that was not finished; make the copy again")]
    Unfinished {
        /// The file or the server's database.
        place: String,
    },
    /// The database could not be reached.
    #[error("{place} cannot be opened")]
    Unavailable {
        /// The file or the server's database.
        place: String,
        /// Why.
        #[source]
        source: BoxError,
    },
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// To read.
    Read,
    /// To read and write.
    Write,
}

/// What connections are made from.
#[derive(Clone)]
pub(crate) enum Source {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A server.
    Server(Arc<Target>),
}

impl Source {
    pub(crate) fn of(database: &Database) -> Self {
        match database {
            Database::Sqlite(path) => Self::Sqlite(path.clone()),
            Database::Server(address) => Self::Server(Arc::new(Target::new(address.clone()))),
        }
    }

    /// A new connection; one to a server is made when it is first used.
    pub(crate) fn connect(&self, mode: Mode) -> sql::Result<Connection> {
        match self {
            Self::Sqlite(path) => connect_sqlite(path, mode),
            Self::Server(target) => Ok(Connection::Server(Box::new(Session::new(
                Arc::clone(target),
                mode,
            )))),
        }
    }
}

/// Opens the database, brings it to the newest schema and comes back with the
/// connection that writes and the key of messages' UUIDs. `fresh_key` becomes
/// that key in a database that has none.
pub(crate) async fn open(
    source: &Source,
    fresh_key: &[u8; 16],
) -> Result<(Connection, [u8; 16]), OpenError> {
    match source {
        Source::Sqlite(path) => open_sqlite(path, fresh_key).await,
        Source::Server(target) => server::open(target, fresh_key).await,
    }
}

async fn open_sqlite(
    path: &Path,
    fresh_key: &[u8; 16],
) -> Result<(Connection, [u8; 16]), OpenError> {
    let place = path.display().to_string();
    let failed = |error| refused(&place, error);
    check_file(path)?;
    let mut connection = connect_sqlite(path, Mode::Write).map_err(failed)?;
    check_owner(&place, &mut connection).await?;
    use_wal(&mut connection).await.map_err(failed)?;
    migrate::run(&place, &mut connection).await?;
    check_tables(&mut connection).await.map_err(failed)?;
    mark::refuse_marked(&place, &mut connection).await?;
    let key = migrate::message_uuid_key(&mut connection, fresh_key)
        .await
        .map_err(failed)?;
    if let Connection::Sqlite(connection) = &connection {
        wal::make_room(connection, path).map_err(failed)?;
    }
    Ok((connection, key))
}

/// Opens a file that no other process has open, and keeps all others out. With
/// `make`, one that is not there is made.
pub(crate) async fn open_sqlite_alone(path: &Path, make: bool) -> Result<Connection, OpenError> {
    let place = path.display().to_string();
    let failed = |error| refused(&place, error);
    if !make {
        std::fs::metadata(path).map_err(|source| OpenError::Unavailable {
            place: place.clone(),
            source: source.into(),
        })?;
    }
    check_file(path)?;
    let mut connection = connect_sqlite_alone(path).map_err(failed)?;
    check_owner(&place, &mut connection).await?;
    Ok(connection)
}

/// Opens one connection to a file that exists.
fn connect_sqlite(path: &Path, mode: Mode) -> sql::Result<Connection> {
    let connection = connect_file(path)?;
    set_up(&connection, mode)?;
    Ok(Connection::Sqlite(connection))
}

/// Opens the only connection to a file, which is refused while any other is
/// open, and refuses all others as long as it lasts.
fn connect_sqlite_alone(path: &Path) -> sql::Result<Connection> {
    let connection = connect_file(path)?;
    connection.busy_timeout(ALONE)?;
    // Before anything is read: a write-ahead log that is first used in this mode
    // needs the whole file's lock, which every other connection holds a share of.
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;")?;
    set_up(&connection, Mode::Write)?;
    Ok(Connection::Sqlite(connection))
}

fn connect_file(path: &Path) -> sql::Result<rusqlite::Connection> {
    // No creation: should the file vanish under a running server, an empty one
    // must not take its place.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(rusqlite::Connection::open_with_flags(path, flags)?)
}

fn set_up(connection: &rusqlite::Connection, mode: Mode) -> sql::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(BUSY)?;
    // Plans do not depend on parameters: else every `LIMIT ?` is planned anew each
    // time it is asked.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // The log is flushed at every commit (G1). Reads go through SQLite's cache,
    // not through mapped memory, where a failing disk would end the process.
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = OFF;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA mmap_size = 0;
         PRAGMA wal_autocheckpoint = {};
         PRAGMA journal_size_limit = 67108864;",
        wal::PAGES
    ))?;
    connection.execute_batch(match mode {
        Mode::Read => "PRAGMA cache_size = -16384; PRAGMA query_only = ON;",
        Mode::Write => "PRAGMA cache_size = -65536;",
    })?;
    Ok(())
}

/// Looks at the file before SQLite does. Makes an empty one, for its owner's
/// eyes only, when there is none.
fn check_file(path: &Path) -> Result<(), OpenError> {
    let unavailable = |source: std::io::Error| OpenError::Unavailable {
        place: path.display().to_string(),
        source: source.into(),
    };
    let mut head = Vec::with_capacity(MAGIC.len());
    match File::open(path) {
        Ok(file) => {
            file.take(MAGIC.len() as u64)
                .read_to_end(&mut head)
                .map_err(unavailable)?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            create(path).map_err(unavailable)?;
        }
        Err(error) => return Err(unavailable(error)),
    }
    if head.is_empty() {
        return check_no_log(path);
    }
    if head != MAGIC {
        return Err(OpenError::NotADatabase {
            place: path.display().to_string(),
        });
    }
    Ok(())
}

fn create(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}

/// An empty file beside a log that is not: the file was lost, and SQLite would
/// throw away the log, the last that is left of it.
fn check_no_log(path: &Path) -> Result<(), OpenError> {
    match std::fs::metadata(wal::path_of(path)) {
        Ok(found) if found.len() > 0 => Err(OpenError::Damaged {
            place: path.display().to_string(),
            source: "the file is empty, but its log is not".into(),
        }),
        _ => Ok(()),
    }
}

async fn check_owner(place: &str, connection: &mut Connection) -> Result<(), OpenError> {
    let found = async {
        let tables = number(connection, "SELECT COUNT(*) FROM sqlite_schema").await?;
        let owner = number(connection, "PRAGMA application_id").await?;
        Ok((tables, owner))
    };
    match found.await.map_err(|error| refused(place, error))? {
        (0, 0) | (_, APPLICATION_ID) => Ok(()),
        _ => Err(OpenError::Foreign {
            place: place.to_owned(),
        }),
    }
}

pub(crate) async fn use_wal(connection: &mut Connection) -> sql::Result<()> {
    for attempt in 1.. {
        let mode = connection
            .query_one("PRAGMA journal_mode = WAL", &[], |row| row.take::<String>())
            .await;
        match mode {
            Ok(Some(mode)) if mode == "wal" => return Ok(()),
            Err(error) if error.kind == ErrorKind::Away && attempt < WAL_ATTEMPTS => {
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(error) => return Err(error),
            Ok(_) => break,
        }
    }
    Err(sql::Error::new(
        ErrorKind::Away,
        "the file system does not support SQLite's write-ahead log",
    ))
}

/// Reads both ends of every table: cheap, whatever the size, and finds a file
/// that was cut off or overwritten in part. A whole check would read it all.
async fn check_tables(connection: &mut Connection) -> sql::Result<()> {
    let tables = connection
        .query(
            "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c \
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND c.pk = 1",
            &[],
            |row| Ok((row.take::<String>()?, row.take::<String>()?)),
        )
        .await?;
    for (table, key) in tables {
        for order in ["ASC", "DESC"] {
            let sql = format!("SELECT * FROM {table} ORDER BY {key} {order} LIMIT 1");
            connection.query_one(&sql, &[], |_| Ok(())).await?;
        }
    }
    Ok(())
}

pub(crate) async fn number(connection: &mut Connection, sql: &str) -> sql::Result<i64> {
    connection
        .query_one(sql, &[], |row| row.take())
        .await?
        .ok_or_else(|| sql::Error::damaged("a query for one number gave none"))
}

/// What a failure while opening means for the database.
pub(crate) fn refused(place: &str, error: sql::Error) -> OpenError {
    let place = place.to_owned();
    match error.kind {
        ErrorKind::Damaged => OpenError::Damaged {
            place,
            source: error.into(),
        },
        ErrorKind::Statement | ErrorKind::Collision | ErrorKind::Away => OpenError::Unavailable {
            place,
            source: error.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_statement_is_planned_once_whatever_its_parameters() {
        let connection = rusqlite::Connection::open_in_memory().expect("there is memory");
        set_up(&connection, Mode::Write).expect("the settings are known");
        connection
            .execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
            .expect("the statement is right");
        let sql = "SELECT a FROM t WHERE a > ? AND b LIKE ? ORDER BY a LIMIT ?";
        let mut statement = connection.prepare(sql).expect("the statement is right");
        for limit in 1..9_i64 {
            let rows = statement.query_map((limit, "x%", limit), |_| Ok(()));
            assert_eq!(rows.expect("the query is right").count(), 0);
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
