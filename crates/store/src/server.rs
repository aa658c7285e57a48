//! Opening a database of a server: what is made there, what is refused.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tertulia_domain::ports::IdKind;

use crate::migrate;
use crate::open::{Mode, OpenError, number, refused};
use crate::sql::session::{Session, Target};
use crate::sql::{self, Connection, params};
use crate::transfer::mark;

/// Rows of `pulse` that are kept of processes that may have ended.
const KEPT_WRITERS: i64 = 1_000;

/// How long opening may take, but for changes of the schema.
const PATIENCE: Duration = Duration::from_secs(30);

/// As [`open`](crate::open::open).
pub(crate) async fn open(
    target: &Arc<Target>,
    fresh_key: &[u8; 16],
) -> Result<(Connection, [u8; 16]), OpenError> {
    let place = target.address.to_string();
    let failed = |error| refused(&place, error);
    let mut connection = open_as_it_is(target, true).await?;
    migrate::run(&place, &mut connection).await?;
    mark::refuse_marked(&place, &mut connection).await?;
    patient(&mut connection).map_err(failed)?;
    let key = migrate::message_uuid_key(&mut connection, fresh_key);
    let key = key.await.map_err(failed)?;
    let writer = begin_writing(&mut connection).await.map_err(failed)?;
    target.use_writer(writer);
    Ok((connection, key))
}

/// Opens a database that no other program has, in whatever state it is: to write,
/// and to make it where it is not there, with `make`; else to read, since only a
/// connection that reads sees one state of it on MySQL.
pub(crate) async fn open_as_it_is(
    target: &Arc<Target>,
    make: bool,
) -> Result<Connection, OpenError> {
    let place = target.address.to_string();
    let mode = if make { Mode::Write } else { Mode::Read };
    let mut session = Session::new(Arc::clone(target), mode);
    if make {
        let made = session.make_database().await;
        made.map_err(|error| refused(&place, error))?;
    }
    let mut connection = Connection::Server(Box::new(session));
    check_version(target, &mut connection, &place).await?;
    check_owner(&mut connection, &place).await?;
    Ok(connection)
}

fn patient(connection: &mut Connection) -> sql::Result<()> {
    connection.wait_until(Instant::now() + PATIENCE)
}

async fn check_version(
    target: &Target,
    connection: &mut Connection,
    place: &str,
) -> Result<(), OpenError> {
    let found = read(connection, async |connection| {
        connection
            .query_one("SELECT VERSION()", &[], |row| row.take::<String>())
            .await
    });
    let found = found.await.map_err(|error| refused(place, error))?;
    let found = found.unwrap_or_default();
    let needed = match Version::of(&found) {
        Version::Postgres(major) if major < 14 => "PostgreSQL 14",
        Version::MariaDb(major, minor) if (major, minor) < (10, 6) => "MariaDB 10.6",
        Version::MySql(major) if major < 8 => "MySQL 8",
        known => {
            let is_mariadb = matches!(known, Version::MariaDb(..));
            target.is_mariadb.store(is_mariadb, Ordering::Relaxed);
            return Ok(());
        }
    };
    Err(OpenError::TooOld {
        place: place.to_owned(),
        found,
        needed,
    })
}

/// What a server says of itself.
#[derive(Debug, PartialEq, Eq)]
enum Version {
    Postgres(u32),
    MariaDb(u32, u32),
    MySql(u32),
}

impl Version {
    /// `PostgreSQL 15.18 (Debian …`, `10.11.19-MariaDB-0+deb12u1`, `8.0.36`.
    /// Older MariaDB says `5.5.5-10.6…` to those who know MySQL only.
    fn of(text: &str) -> Self {
        if let Some(rest) = text.strip_prefix("PostgreSQL ") {
            return Self::Postgres(leading(rest).0);
        }
        let text = text.strip_prefix("5.5.5-").unwrap_or(text);
        let (major, minor) = leading(text);
        if text.contains("MariaDB") {
            Self::MariaDb(major, minor)
        } else {
            Self::MySql(major)
        }
    }
}

fn leading(text: &str) -> (u32, u32) {
    let mut numbers = text
        .split(|c: char| !c.is_ascii_digit())
        .map(|number| number.parse().unwrap_or(0));
    (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    )
}

/// Tables of our names that we have not made are somebody else's.
async fn check_owner(connection: &mut Connection, place: &str) -> Result<(), OpenError> {
    let own_schema = match connection {
        Connection::Server(session) if session.is_postgres() => "current_schema()",
        _ => "DATABASE()",
    };
    let count = |condition: &str| {
        format!(
            "SELECT COUNT(*) FROM information_schema.tables \
             WHERE table_schema = {own_schema} AND table_name {condition}"
        )
    };
    let (ours, taken) = (
        count("= 'schema_migrations'"),
        count("IN ('users', 'rooms', 'messages', 'memberships')"),
    );
    let found = read(connection, async |connection| {
        Ok((
            number(connection, &ours).await?,
            number(connection, &taken).await?,
        ))
    });
    match found.await.map_err(|error| refused(place, error))? {
        (0, taken) if taken > 0 => Err(OpenError::Foreign {
            place: place.to_owned(),
        }),
        _ => Ok(()),
    }
}

async fn read<T>(
    connection: &mut Connection,
    action: impl AsyncFnOnce(&mut Connection) -> sql::Result<T>,
) -> sql::Result<T> {
    patient(connection)?;
    connection.begin_read().await?;
    let found = action(connection).await;
    connection.rollback().await?;
    found
}

/// Has the database make only greater ids than those that were copied here from
/// another one, part of a transaction under way. SQLite and MySQL do so by
/// themselves.
pub(crate) async fn raise_counters(connection: &mut Connection) -> sql::Result<()> {
    match connection {
        Connection::Server(session) if session.is_postgres() => {}
        Connection::Server(_) | Connection::Sqlite(_) => return Ok(()),
    }
    let greatest = |column: &str, table: &str, kind: IdKind| {
        let Range { start, end } = kind.promised();
        format!(
            "(SELECT MAX({column}) FROM {table} WHERE {column} >= {start} AND {column} < {end})"
        )
    };
    // Apps write in `outbox`: what nobody can have promised counts for nothing.
    let rooms = greatest("room_id", "direct_rooms", IdKind::Room);
    let messages = greatest("id", "messages", IdKind::Message);
    let asked = greatest("message_id", "outbox", IdKind::Message);
    for (counter, used) in [
        ("outbox_id_seq", "(SELECT MAX(id) FROM outbox)"),
        ("outbox_room_numbers", &rooms),
        (
            "outbox_message_numbers",
            &format!("GREATEST({messages}, {asked})"),
        ),
    ] {
        // Elsewhere than after a copy it is beyond them, and stays.
        let raise = format!(
            "SELECT setval('{counter}', t.n) FROM {counter} s, (SELECT {used} AS n) t \
             WHERE t.n > s.last_value OR (t.n = s.last_value AND NOT s.is_called)"
        );
        connection.run_script(&raise).await?;
    }
    Ok(())
}

/// Makes a row of `pulse` for this process alone.
async fn begin_writing(connection: &mut Connection) -> sql::Result<i64> {
    connection.begin_write_alone().await?;
    let begun = async {
        raise_counters(connection).await?;
        new_writer(connection).await
    };
    let writer = begun.await;
    match writer {
        Ok(_) => connection.commit().await?,
        Err(_) => connection.rollback().await?,
    }
    writer
}

async fn new_writer(connection: &mut Connection) -> sql::Result<i64> {
    let writer = number(connection, "SELECT MAX(id) FROM pulse").await? + 1;
    connection
        .execute(
            "INSERT INTO pulse (id, beat) VALUES (?, 0)",
            params![writer],
        )
        .await?;
    connection
        .execute(
            "DELETE FROM pulse WHERE id > 0 AND id <= ?",
            params![writer - KEPT_WRITERS],
        )
        .await?;
    Ok(writer)
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn servers_say_what_they_are() {
        let said = "PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64";
        assert_eq!(Version::of(said), Version::Postgres(15));
        let mariadb = Version::MariaDb(10, 11);
        assert_eq!(Version::of("10.11.19-MariaDB-0+deb12u1"), mariadb);
        assert_eq!(Version::of("5.5.5-10.11.2-MariaDB"), mariadb);
        assert_eq!(Version::of("8.0.36-0ubuntu0.22.04.1"), Version::MySql(8));
    }
}
