//! Where messages stand in their rooms. Servers have an index for that,
//! `messages_by_seq`; statements say `room_messages` for `messages` when they look
//! for rooms and places, and mean that index.
//!
//! SQLite writes whole pages into its log. Messages of fifty rooms in one commit
//! would write a page of such an index for each of them, more than all else
//! together. So places go into a small table first, `fresh_places`, which takes a
//! few pages whatever the number of rooms, and over to `message_places` when
//! there are many. There `room_messages` is a view of messages with their places
//! in both (`migrations/sqlite_only/0002_places.sql`).

use std::borrow::Cow;

use super::{Connection, Result};
use crate::value::Value;

/// How many fresh places there may be before all of them go over. More would make
/// each commit write more pages of the small table, fewer would make pages of the
/// large one be written more often.
const FRESH: i64 = 1_000;

const ADD: &str = "INSERT INTO fresh_places (room_id, seq, message_id) VALUES (?, ?, ?)";
const KEEP: &str = "INSERT INTO message_places (room_id, seq, message_id) VALUES (?, ?, ?)";
const GO_OVER: &str = "INSERT INTO message_places (room_id, seq, message_id) \
     SELECT room_id, seq, message_id FROM fresh_places";

/// A room, a message's place in it, and the message.
pub(crate) type Place<'a> = [Value<'a>; 3];

impl Connection {
    /// Notes where messages stand that were inserted in this transaction.
    pub(crate) fn add_places<'a>(&mut self, places: impl Iterator<Item = Place<'a>>) -> Result<()> {
        let Self::Sqlite(connection) = self else {
            return Ok(());
        };
        insert(connection, ADD, places)?;
        let mut fresh = connection.prepare_cached("SELECT COUNT(*) FROM fresh_places")?;
        let fresh: i64 = fresh.query_row([], |row| row.get(0))?;
        match fresh > FRESH {
            true => go_over(connection),
            false => Ok(()),
        }
    }

    /// The same for many messages whose places another one may have: that is an
    /// error at once, as it is on servers.
    pub(crate) fn keep_places<'a>(
        &mut self,
        places: impl Iterator<Item = Place<'a>>,
    ) -> Result<()> {
        let Self::Sqlite(connection) = self else {
            return Ok(());
        };
        go_over(connection)?;
        insert(connection, KEEP, places)
    }

    /// Forgets all places, with all messages.
    pub(crate) fn forget_places(&mut self) -> Result<()> {
        let Self::Sqlite(connection) = self else {
            return Ok(());
        };
        let all = "DELETE FROM fresh_places; DELETE FROM message_places;";
        Ok(connection.execute_batch(all)?)
    }
}

fn insert<'a>(
    connection: &rusqlite::Connection,
    sql: &'static str,
    places: impl Iterator<Item = Place<'a>>,
) -> Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    for place in places {
        statement.execute(rusqlite::params_from_iter(&place))?;
    }
    Ok(())
}

fn go_over(connection: &rusqlite::Connection) -> Result<()> {
    connection.prepare_cached(GO_OVER)?.execute([])?;
    connection
        .prepare_cached("DELETE FROM fresh_places")?
        .execute([])?;
    Ok(())
}

/// A query as servers take it.
pub(super) fn on_servers(sql: &str) -> Cow<'_, str> {
    match sql.contains("room_messages") {
        true => sql.replace("room_messages", "messages").into(),
        false => sql.into(),
    }
}
