//! Invites: codes that let their bearer into a room.

use tertulia_domain::command::StoreError;
use tertulia_domain::policy::MayInvite;
use tertulia_domain::room::Invite;
use tertulia_domain::{RoomId, Timestamp};

use crate::rooms;
use crate::sql::{self, Connection, params};

pub(crate) async fn create(
    connection: &mut Connection,
    permit: &MayInvite,
    invite: &Invite,
) -> Result<(), StoreError> {
    rooms::check(connection, permit).await?;
    let room = permit.room().id;
    connection
        .execute(
            "DELETE FROM invites WHERE room_id = ? AND expires_at <= ?",
            params![room, invite.created_at],
        )
        .await?;
    connection
        .execute(
            "INSERT INTO invites (code, room_id, created_by, created_at, expires_at, uses_left) \
             VALUES (?, ?, ?, ?, ?, ?)",
            params![
                &invite.code,
                room,
                permit.actor(),
                invite.created_at,
                invite.expires_at,
                invite.uses_left,
            ],
        )
        .await?;
    Ok(())
}

pub(crate) async fn find(
    connection: &mut Connection,
    code: &str,
    at: Timestamp,
) -> sql::Result<Option<Invite>> {
    connection
        .query_one(
            "SELECT code, room_id, created_by, created_at, expires_at, uses_left FROM invites \
             WHERE code = ? AND expires_at > ? AND (uses_left IS NULL OR uses_left > 0)",
            params![code, at],
            |row| {
                Ok(Invite {
                    code: row.take()?,
                    room: row.take()?,
                    created_by: row.take()?,
                    created_at: row.take()?,
                    expires_at: row.take()?,
                    uses_left: row.take()?,
                })
            },
        )
        .await
}

/// Spends one use of an invite; false when it leads elsewhere, has ended or is
/// used up.
pub(crate) async fn spend(
    connection: &mut Connection,
    code: &str,
    room: RoomId,
    at: Timestamp,
) -> sql::Result<bool> {
    let spent = connection
        .execute(
            "UPDATE invites SET uses_left = uses_left - 1 WHERE code = ? AND room_id = ? \
             AND expires_at > ? AND (uses_left IS NULL OR uses_left > 0)",
            params![code, room, at],
        )
        .await?;
    Ok(spent > 0)
}
