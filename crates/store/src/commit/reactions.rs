//! Setting and taking back reactions.

use tertulia_domain::command::{Outcome, Toggle};
use tertulia_domain::policy::MayReact;
use tertulia_domain::{Conflict, Entity, Error, MessageId, Reason, Timestamp};

use super::batch::{Batch, Failure};
use crate::receipts::place_in;
use crate::sql::{self, params};

/// What is asked for.
pub(super) struct Wanted<'b> {
    pub(super) message: MessageId,
    pub(super) emoji: &'b str,
    pub(super) on: Toggle,
    pub(super) most: usize,
    pub(super) at: Timestamp,
}

pub(super) async fn react(
    batch: &mut Batch<'_>,
    permit: &MayReact,
    wanted: Wanted<'_>,
) -> Result<Outcome, Failure> {
    let (room, user, message) = (permit.room().id, permit.actor(), wanted.message);
    let place = place_in(batch.connection, room, message).await?;
    let place = place.ok_or(Error::NotFound(Entity::Message))?;
    if place.deleted {
        return Err(Error::Conflict(Conflict::MessageDeleted).into());
    }
    let known: Option<bool> = batch
        .connection
        .query_one(
            "SELECT active FROM reactions WHERE message_id = ? AND user_id = ? AND emoji = ?",
            params![message, user, wanted.emoji],
            |row| row.take(),
        )
        .await?;
    let stands = known == Some(true);
    let on = match wanted.on {
        Toggle::On => true,
        Toggle::Off => false,
        Toggle::Flip => !stands,
    };
    if on == stands {
        return Ok(Outcome::Unchanged);
    }
    if on && standing(batch, message).await? >= wanted.most {
        let max = wanted.most;
        return Err(Error::invalid("emoji", Reason::TooLong { max }).into());
    }
    let at = batch.next_change(room);
    let sql = if known.is_some() {
        "UPDATE reactions SET active = ?, changed_at = ?, revision = ? \
         WHERE message_id = ? AND user_id = ? AND emoji = ? AND room_id = ? AND seq = ?"
    } else {
        "INSERT INTO reactions \
         (active, changed_at, revision, message_id, user_id, emoji, room_id, seq) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    };
    batch
        .connection
        .execute(
            sql,
            params![
                on,
                wanted.at,
                at.revision,
                message,
                user,
                wanted.emoji,
                room,
                place.seq
            ],
        )
        .await?;
    let seq = place.seq;
    Ok(Outcome::Reacted {
        uuid: batch.uuids.uuid(message),
        seq,
        on,
        at,
    })
}

/// How many reactions stand on a message.
async fn standing(batch: &mut Batch<'_>, message: MessageId) -> sql::Result<usize> {
    let count: Option<i64> = batch
        .connection
        .query_one(
            "SELECT COUNT(*) FROM reactions WHERE message_id = ? AND active = 1",
            params![message],
            |row| row.take(),
        )
        .await?;
    Ok(count
        .and_then(|count| usize::try_from(count).ok())
        .unwrap_or(0))
}
