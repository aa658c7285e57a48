//! Bringing a database to the newest schema. Each migration is one transaction
//! that also notes its number, so it can be killed at any point and run again;
//! whoever comes second waits for the lock and finds it done (G16).

use std::path::Path;

use crate::open::{OpenError, refused};
use crate::sql::{self, Connection, Error, params};

/// One step of the schema.
struct Migration {
    name: &'static str,
    sql: &'static str,
}

/// All of them, in order; the first has number 1. Never changed once released.
const SQLITE: &[Migration] = &[Migration {
    name: "start",
    sql: include_str!("../migrations/sqlite/0001_start.sql"),
}];

const UUID_KEY: &str = "message_uuid_key";

/// Runs the migrations that the database has not seen.
pub(crate) async fn run(path: &Path, connection: &mut Connection) -> Result<(), OpenError> {
    let migrations = migrations(connection);
    run_all(path, connection, migrations).await
}

fn migrations(connection: &Connection) -> &'static [Migration] {
    match connection {
        Connection::Sqlite(_) => SQLITE,
    }
}

async fn run_all(
    path: &Path,
    connection: &mut Connection,
    migrations: &[Migration],
) -> Result<(), OpenError> {
    let failed = |error| refused(path, error);
    let known = i64::try_from(migrations.len()).expect("there are few migrations");
    let found = version(connection).await.map_err(failed)?;
    if found > known {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    for (number, migration) in (1..).zip(migrations) {
        if number > found {
            step(connection, number, migration).await.map_err(failed)?;
        }
    }
    Ok(())
}

/// Runs one migration, unless somebody else has done so meanwhile.
async fn step(connection: &mut Connection, number: i64, migration: &Migration) -> sql::Result<()> {
    connection.begin_write().await?;
    let done = apply(connection, number, migration).await;
    if done.is_ok() {
        connection.commit().await
    } else {
        connection.rollback().await?;
        done
    }
}

async fn apply(connection: &mut Connection, number: i64, migration: &Migration) -> sql::Result<()> {
    if version(connection).await? >= number {
        return Ok(());
    }
    tracing::info!(number, name = migration.name, "migrating the database");
    connection
        .run_script(
            "CREATE TABLE IF NOT EXISTS schema_migrations (
                 number INTEGER NOT NULL PRIMARY KEY,
                 name   TEXT    NOT NULL
             )",
        )
        .await?;
    connection.run_script(migration.sql).await?;
    connection
        .execute(
            "INSERT INTO schema_migrations (number, name) VALUES (?, ?)",
            params![number, migration.name],
        )
        .await
        .map(|_| ())
}

/// The number of the last migration; zero for none.
async fn version(connection: &mut Connection) -> sql::Result<i64> {
    let exists = match connection {
        Connection::Sqlite(_) => {
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'"
        }
    };
    if connection
        .query_one(exists, &[], |_| Ok(()))
        .await?
        .is_none()
    {
        return Ok(0);
    }
    let number = connection
        .query_one("SELECT MAX(number) FROM schema_migrations", &[], |row| {
            row.take::<Option<i64>>()
        })
        .await?;
    Ok(number.flatten().unwrap_or(0))
}

/// The key of messages' UUIDs; `fresh` is kept when there is none yet.
pub(crate) async fn message_uuid_key(
    connection: &mut Connection,
    fresh: &[u8; 16],
) -> sql::Result<[u8; 16]> {
    connection.begin_write().await?;
    let key = find_or_keep(connection, fresh).await;
    if key.is_ok() {
        connection.commit().await?;
    } else {
        connection.rollback().await?;
    }
    key
}

async fn find_or_keep(connection: &mut Connection, fresh: &[u8; 16]) -> sql::Result<[u8; 16]> {
    let found = connection
        .query_one(
            "SELECT value FROM settings WHERE name = ?",
            params![UUID_KEY],
            |row| row.take(),
        )
        .await?;
    if let Some(key) = found {
        return Ok(key);
    }
    let messages = connection
        .query_one("SELECT 1 FROM messages LIMIT 1", &[], |_| Ok(()))
        .await?;
    if messages.is_some() {
        return Err(Error::damaged("the key of the messages' UUIDs is gone"));
    }
    connection
        .execute(
            "INSERT INTO settings (name, value) VALUES (?, ?)",
            params![UUID_KEY, fresh],
        )
        .await?;
    Ok(*fresh)
}
