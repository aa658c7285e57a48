//! Who got and who read a message, and when.

use tertulia_domain::command::StoreError;
use tertulia_domain::policy::MayRead;
use tertulia_domain::receipt::{MessageReceipt, Readers};
use tertulia_domain::{Entity, Error, MessageId, ReceiptKind, RoomId, Seq, UserId};

use crate::rooms;
use crate::sql::{self, Connection, params};

/// Where a message stands and who wrote it.
pub(crate) struct Place {
    /// Its room.
    pub(crate) room: RoomId,
    /// Its place there.
    pub(crate) seq: Seq,
    /// Who wrote it.
    pub(crate) sender: Option<UserId>,
    /// Whether it was taken back.
    pub(crate) deleted: bool,
}

/// The marks of a message's recipients, by user number.
pub(crate) async fn of_message(
    connection: &mut Connection,
    permit: &MayRead,
    message: MessageId,
    after: Option<UserId>,
    limit: usize,
) -> Result<Vec<MessageReceipt>, StoreError> {
    rooms::check(connection, permit).await?;
    let room = permit.room().id;
    let place = place_in(connection, room, message).await?;
    let place = place.ok_or(Error::NotFound(Entity::Message))?;
    // Of each recipient and kind only the stretch that begins last before the
    // message can hold it.
    let found = connection
        .query(
            "SELECT p.user_id, \
             (SELECT CASE WHEN d.to_seq >= ? THEN d.marked_at END FROM receipts d \
              WHERE d.room_id = p.room_id AND d.user_id = p.user_id AND d.kind = ? \
              AND d.from_seq <= ? ORDER BY d.from_seq DESC LIMIT 1), \
             (SELECT CASE WHEN r.to_seq >= ? THEN r.marked_at END FROM receipts r \
              WHERE r.room_id = p.room_id AND r.user_id = p.user_id AND r.kind = ? \
              AND r.from_seq <= ? ORDER BY r.from_seq DESC LIMIT 1) \
             FROM membership_periods p WHERE p.room_id = ? AND p.user_id > ? AND p.user_id <> ? \
             AND p.since_seq < ? AND (p.until_seq IS NULL OR p.until_seq >= ?) \
             ORDER BY p.user_id LIMIT ?",
            params![
                place.seq,
                ReceiptKind::Delivered,
                place.seq,
                place.seq,
                ReceiptKind::Read,
                place.seq,
                room,
                after.unwrap_or(UserId(0)),
                place.sender.unwrap_or(UserId(0)),
                place.seq,
                place.seq,
                limit,
            ],
            |row| {
                Ok(MessageReceipt {
                    user: row.take()?,
                    delivered_at: row.take()?,
                    read_at: row.take()?,
                })
            },
        )
        .await?;
    Ok(found)
}

/// Who read each of the messages, their senders aside.
pub(crate) async fn readers(
    connection: &mut Connection,
    permit: &MayRead,
    messages: &[(Seq, Option<UserId>)],
) -> Result<Vec<Readers>, StoreError> {
    rooms::check(connection, permit).await?;
    let mut all = Vec::with_capacity(messages.len());
    for (seq, sender) in messages {
        let found = connection
            .query_one(
                "SELECT COUNT(*), COALESCE(SUM(CASE WHEN m.user_id = ? THEN 1 ELSE 0 END), 0) \
                 FROM memberships m WHERE m.room_id = ? AND m.user_id <> ? AND m.read_seq >= ? \
                 AND (SELECT r.to_seq FROM receipts r WHERE r.room_id = m.room_id \
                  AND r.user_id = m.user_id AND r.kind = ? AND r.from_seq <= ? \
                  ORDER BY r.from_seq DESC LIMIT 1) >= ?",
                params![
                    permit.actor(),
                    permit.room().id,
                    sender.unwrap_or(UserId(0)),
                    *seq,
                    ReceiptKind::Read,
                    *seq,
                    *seq,
                ],
                |row| {
                    let count = row.take()?;
                    let own: i64 = row.take()?;
                    Ok(Readers {
                        count,
                        with_asker: own > 0,
                    })
                },
            )
            .await?;
        all.push(found.ok_or_else(|| sql::Error::damaged("a count has no row"))?);
    }
    Ok(all)
}

/// Finds a message of a room.
pub(crate) async fn place_in(
    connection: &mut Connection,
    room: RoomId,
    message: MessageId,
) -> sql::Result<Option<Place>> {
    let found = place(connection, message).await?;
    Ok(found.filter(|place| place.room == room))
}

/// Finds a message.
pub(crate) async fn place(
    connection: &mut Connection,
    message: MessageId,
) -> sql::Result<Option<Place>> {
    connection
        .query_one(
            "SELECT room_id, seq, sender_id, deleted_at IS NOT NULL FROM messages WHERE id = ?",
            params![message],
            |row| {
                Ok(Place {
                    room: row.take()?,
                    seq: row.take()?,
                    sender: row.take()?,
                    deleted: row.take()?,
                })
            },
        )
        .await
}
