//! Ids in blocks, so that they are known before the insert and unique over
//! nodes.

use std::ops::Range;

use tertulia_domain::ports::IdKind;

use crate::sql::{self, Connection, Error, ErrorKind, params};
use crate::users;

/// Takes `count` ids out of circulation.
pub(crate) async fn reserve(
    connection: &mut Connection,
    kind: IdKind,
    count: i64,
) -> sql::Result<Range<i64>> {
    let block = advance(connection, kind, count).await?;
    if kind != IdKind::User {
        return Ok(block);
    }
    // A number that is somebody's handle already would be two users' name.
    let mut start = block.start;
    while users::is_handle(connection, &start.to_string()).await? {
        start += 1;
    }
    match start - block.start {
        0 => Ok(block),
        passed => Ok(start..advance(connection, kind, passed).await?.end),
    }
}

async fn advance(connection: &mut Connection, kind: IdKind, count: i64) -> sql::Result<Range<i64>> {
    connection
        .execute(
            "UPDATE id_blocks SET next_id = next_id + ? WHERE kind = ?",
            params![count, kind],
        )
        .await?;
    let end: i64 = connection
        .query_one(
            "SELECT next_id FROM id_blocks WHERE kind = ?",
            params![kind],
            |row| row.take(),
        )
        .await?
        .ok_or_else(|| Error::damaged("a counter of ids is gone"))?;
    if end > first_too_large(kind) {
        return Err(Error::new(ErrorKind::Statement, "the ids are used up"));
    }
    Ok(end - count..end)
}

/// What follows the greatest id of a block. Android clients hold users and rooms
/// in 31 bits, JavaScript holds numbers in 53 (`design.md` §3).
pub(crate) fn first_too_large(kind: IdKind) -> i64 {
    match kind {
        IdKind::User | IdKind::File => 1 << 31,
        IdKind::Room | IdKind::Message => kind.promised().start,
        IdKind::Session => 1 << 53,
    }
}
