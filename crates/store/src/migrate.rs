//! Bringing a database to the newest schema. Each migration is one transaction
//! that also notes its number, so it can be killed at any point and run again;
//! whoever comes second waits for the lock and finds it done (G16). MySQL knows
//! no transactions over tables: there each statement of a migration can be run
//! again after it was done.

use crate::open::{OpenError, refused};
use crate::sql::{self, Connection, Error, params};

/// One step of the schema.
struct Migration {
    name: &'static str,
    sql: &'static str,
}

/// All of them, in order; the first has number 1. Never changed once released.
const SQLITE: &[Migration] = &[
    Migration {
        name: "start",
        sql: include_str!("../migrations/sqlite/0001_start.sql"),
    },
    Migration {
        name: "places",
        sql: include_str!("../migrations/sqlite_only/0002_places.sql"),
    },
];

const POSTGRES: &[Migration] = &[Migration {
    name: "start",
    sql: concat!(
        include_str!("../migrations/postgres/0001_start.sql"),
        include_str!("../migrations/postgres_only/0001_outbox.sql"),
    ),
}];

const MYSQL: &[Migration] = &[Migration {
    name: "start",
    sql: include_str!("../migrations/mysql/0001_start.sql"),
}];

const UUID_KEY: &str = "message_uuid_key";

/// Runs the migrations that the database has not seen.
pub(crate) async fn run(place: &str, connection: &mut Connection) -> Result<(), OpenError> {
    let migrations = migrations(connection);
    run_all(place, connection, migrations).await
}

/// The number of the newest migration that this program knows, for this
/// database.
pub(crate) fn known(connection: &Connection) -> i64 {
    i64::try_from(migrations(connection).len()).expect("there are few migrations")
}

/// The number of the last migration that the database has seen; zero for none.
pub(crate) async fn found(connection: &mut Connection) -> sql::Result<i64> {
    connection.begin_read().await?;
    let found = version(connection).await;
    connection.rollback().await?;
    found
}

fn migrations(connection: &Connection) -> &'static [Migration] {
    match connection {
        Connection::Sqlite(_) => SQLITE,
        Connection::Server(session) if session.is_postgres() => POSTGRES,
        Connection::Server(_) => MYSQL,
    }
}

async fn run_all(
    place: &str,
    connection: &mut Connection,
    migrations: &[Migration],
) -> Result<(), OpenError> {
    let failed = |error| refused(place, error);
    let known = i64::try_from(migrations.len()).expect("there are few migrations");
    let found = found(connection).await.map_err(failed)?;
    if found > known {
        return Err(OpenError::Newer {
            place: place.to_owned(),
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
    connection.begin_migration().await?;
    let done = apply(connection, number, migration).await;
    let done = match done {
        Ok(()) => connection.commit().await,
        Err(error) => connection.rollback().await.and(Err(error)),
    };
    connection.end_migration().await?;
    done
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
    let sql = connection.migration_text(migration.sql);
    connection.run_script(&sql).await?;
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
        Connection::Server(session) if session.is_postgres() => {
            "SELECT 1 WHERE to_regclass('schema_migrations') IS NOT NULL"
        }
        Connection::Server(_) => {
            "SELECT 1 FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name = 'schema_migrations'"
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
    connection.begin_write_alone().await?;
    let key = find_or_keep(connection, fresh).await;
    if key.is_ok() {
        connection.commit().await?;
    } else {
        connection.rollback().await?;
    }
    key
}

/// The key of messages' UUIDs in a database that has one.
pub(crate) async fn kept_message_uuid_key(connection: &mut Connection) -> sql::Result<[u8; 16]> {
    find_key(connection)
        .await?
        .ok_or_else(|| Error::damaged("the key of the messages' UUIDs is gone"))
}

/// Makes this the key, in the transaction under way, unless there are messages
/// whose UUIDs come of another one; false then.
pub(crate) async fn use_message_uuid_key(
    connection: &mut Connection,
    key: &[u8; 16],
) -> sql::Result<bool> {
    if find_key(connection)
        .await?
        .is_some_and(|found| found == *key)
    {
        return Ok(true);
    }
    if has_messages(connection).await? {
        return Ok(false);
    }
    let sql = "DELETE FROM settings WHERE name = ?";
    connection.execute(sql, params![UUID_KEY]).await?;
    keep_key(connection, key).await?;
    Ok(true)
}

async fn find_or_keep(connection: &mut Connection, fresh: &[u8; 16]) -> sql::Result<[u8; 16]> {
    if let Some(key) = find_key(connection).await? {
        return Ok(key);
    }
    if has_messages(connection).await? {
        return Err(Error::damaged("the key of the messages' UUIDs is gone"));
    }
    keep_key(connection, fresh).await?;
    Ok(*fresh)
}

async fn find_key(connection: &mut Connection) -> sql::Result<Option<[u8; 16]>> {
    let sql = "SELECT value FROM settings WHERE name = ?";
    connection
        .query_one(sql, params![UUID_KEY], |row| row.take())
        .await
}

async fn has_messages(connection: &mut Connection) -> sql::Result<bool> {
    let sql = "SELECT 1 FROM messages LIMIT 1";
    let found = connection.query_one(sql, &[], |_| Ok(())).await?;
    Ok(found.is_some())
}

async fn keep_key(connection: &mut Connection, key: &[u8; 16]) -> sql::Result<()> {
    let sql = "INSERT INTO settings (name, value) VALUES (?, ?)";
    connection.execute(sql, params![UUID_KEY, key]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::{Mode, Source};

    const ONE: Migration = Migration {
        name: "one",
        sql: "CREATE TABLE one (id INTEGER); INSERT INTO one (id) VALUES (1);",
    };
    const TWO: Migration = Migration {
        name: "two",
        sql: "CREATE TABLE two (id INTEGER); UPDATE one SET id = 2;",
    };
    const BROKEN: Migration = Migration {
        name: "two",
        sql: "CREATE TABLE two (id INTEGER); UPDATE one SET id = 3; SELECT nonsense;",
    };

    fn empty() -> (Connection, &'static str, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("chat.db");
        std::fs::File::create(&path).expect("an empty file");
        let connection = Source::Sqlite(path).connect(Mode::Write);
        (connection.expect("it opens"), "chat.db", folder)
    }

    async fn one(connection: &mut Connection) -> Option<i64> {
        let found = connection.query_one("SELECT id FROM one", &[], |row| row.take());
        found.await.expect("the table is there")
    }

    #[tokio::test]
    async fn each_runs_once_and_in_order() {
        let (mut connection, path, _folder) = empty();
        for _ in 0..2 {
            run_all(path, &mut connection, &[ONE]).await.expect("done");
            assert_eq!(version(&mut connection).await.expect("read"), 1);
        }
        for _ in 0..2 {
            run_all(path, &mut connection, &[ONE, TWO])
                .await
                .expect("done");
            assert_eq!(one(&mut connection).await, Some(2));
        }
    }

    #[tokio::test]
    async fn one_that_breaks_off_in_the_middle_leaves_nothing_and_can_run_again() {
        let (mut connection, path, _folder) = empty();
        let broken = run_all(path, &mut connection, &[ONE, BROKEN]).await;
        assert!(broken.is_err());
        assert_eq!(version(&mut connection).await.expect("read"), 1);
        assert_eq!(one(&mut connection).await, Some(1));
        run_all(path, &mut connection, &[ONE, TWO])
            .await
            .expect("done");
        assert_eq!(one(&mut connection).await, Some(2));
    }

    #[tokio::test]
    async fn whoever_comes_second_finds_it_done() {
        let (mut connection, path, _folder) = empty();
        run_all(path, &mut connection, &[ONE]).await.expect("done");
        // As if both had read the version before either had begun.
        step(&mut connection, 1, &ONE)
            .await
            .expect("nothing left to do");
        assert_eq!(one(&mut connection).await, Some(1));
    }
}
