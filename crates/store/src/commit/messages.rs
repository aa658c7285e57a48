//! Editing, deleting and hiding messages.

use std::sync::Arc;

use tertulia_domain::command::Outcome;
use tertulia_domain::policy::{MayDelete, MayEdit, MayRead};
use tertulia_domain::{
    Conflict, Entity, Error, Message, MessageId, Metadata, Revision, RoomId, Timestamp, UserId,
};

use super::batch::{Batch, Failure};
use crate::messages::find;
use crate::receipts::place_in;
use crate::sql::{self, params};

pub(super) async fn edit(
    batch: &mut Batch<'_>,
    permit: &MayEdit,
    text: &str,
    at: Timestamp,
) -> Result<Outcome, Failure> {
    let (id, permit) = (permit.message(), permit.permit());
    let message = existing(batch, permit.room().id, id).await?;
    if message.deleted_at.is_some() {
        return Err(Error::Conflict(Conflict::MessageDeleted).into());
    }
    if message.text == text {
        return Ok(Outcome::Unchanged);
    }
    let position = batch.next_change(message.room);
    batch
        .connection
        .execute(
            "UPDATE messages SET text = ?, edited_at = ?, revision = ? WHERE id = ?",
            params![text, at, position.revision, id],
        )
        .await?;
    note_change(batch, &message, position.revision, permit.actor()).await?;
    let message = Arc::new(Message {
        text: text.to_owned(),
        edited_at: Some(at),
        revision: position.revision,
        ..message
    });
    Ok(Outcome::Edited {
        message,
        at: position,
    })
}

pub(super) async fn delete(
    batch: &mut Batch<'_>,
    permit: &MayDelete,
    at: Timestamp,
) -> Result<Outcome, Failure> {
    let (id, permit) = (permit.message(), permit.permit());
    let message = existing(batch, permit.room().id, id).await?;
    if message.deleted_at.is_some() {
        return Ok(Outcome::Unchanged);
    }
    let position = batch.next_change(message.room);
    batch
        .connection
        .execute(
            "UPDATE messages SET text = '', metadata = NULL, deleted_at = ?, revision = ? \
             WHERE id = ?",
            params![at, position.revision, id],
        )
        .await?;
    for sql in [
        "DELETE FROM reactions WHERE message_id = ?",
        "DELETE FROM message_files WHERE message_id = ?",
    ] {
        batch.connection.execute(sql, params![id]).await?;
    }
    note_change(batch, &message, position.revision, permit.actor()).await?;
    batch.forget_answerable(id);
    let message = Arc::new(Message {
        text: String::new(),
        metadata: Metadata::default(),
        files: Vec::new(),
        reactions: Vec::new(),
        deleted_at: Some(at),
        revision: position.revision,
        ..message
    });
    Ok(Outcome::Deleted {
        message,
        at: position,
    })
}

pub(super) async fn hide(
    batch: &mut Batch<'_>,
    permit: &MayRead,
    id: MessageId,
) -> Result<Outcome, Failure> {
    let (room, reader) = (permit.room().id, permit.actor());
    let place = place_in(batch.connection, room, id).await?;
    let seq = place.ok_or(Error::NotFound(Entity::Message))?.seq;
    let hidden = batch
        .connection
        .query_one(
            "SELECT 1 FROM hidden_messages WHERE room_id = ? AND user_id = ? AND seq = ?",
            params![room, reader, seq],
            |_| Ok(()),
        )
        .await?;
    if hidden.is_some() {
        return Ok(Outcome::Unchanged);
    }
    let at = batch.next_change(room);
    batch
        .connection
        .execute(
            "INSERT INTO hidden_messages (room_id, user_id, seq, message_id, revision) \
             VALUES (?, ?, ?, ?, ?)",
            params![room, reader, seq, id, at.revision],
        )
        .await?;
    Ok(Outcome::Hidden { seq, at })
}

async fn existing(batch: &mut Batch<'_>, room: RoomId, id: MessageId) -> Result<Message, Failure> {
    let message = find(batch.connection, batch.uuids, room, id).await?;
    Ok(message.ok_or(Error::NotFound(Entity::Message))?)
}

/// Notes the message's last change, in place of the one before.
async fn note_change(
    batch: &mut Batch<'_>,
    message: &Message,
    revision: Revision,
    by: UserId,
) -> sql::Result<()> {
    batch
        .connection
        .execute(
            "DELETE FROM message_changes WHERE room_id = ? AND revision = ?",
            params![message.room, message.revision],
        )
        .await?;
    batch
        .connection
        .execute(
            "INSERT INTO message_changes (room_id, revision, message_id, seq, changed_by) \
             VALUES (?, ?, ?, ?, ?)",
            params![message.room, revision, message.id, message.seq, by],
        )
        .await
        .map(|_| ())
}
