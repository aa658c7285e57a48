//! What members keep for themselves about rooms.

use tertulia_domain::command::StoreError;
use tertulia_domain::policy::MayRead;
use tertulia_domain::{Metadata, RoomId, Timestamp, UserId};

use crate::messages::read_metadata;
use crate::rooms;
use crate::sql::{self, Connection, params};
use crate::value::Value;

pub(crate) async fn of_member(
    connection: &mut Connection,
    user: UserId,
    rooms: &[RoomId],
) -> sql::Result<Vec<(RoomId, Metadata)>> {
    let rooms: Vec<_> = rooms.iter().copied().map(Value::from).collect();
    connection
        .query_in(
            "SELECT room_id, settings FROM member_settings WHERE user_id = ? AND room_id IN ({list})",
            &[user.into()],
            &rooms,
            &[],
            |row| Ok((row.take()?, read_metadata(row.take()?)?)),
        )
        .await
}

pub(crate) async fn keep(
    connection: &mut Connection,
    permit: &MayRead,
    settings: &Metadata,
    at: Timestamp,
) -> Result<(), StoreError> {
    rooms::check(connection, permit).await?;
    let (room, user) = (permit.room().id, permit.actor());
    let text = settings.json();
    connection
        .execute(
            "DELETE FROM member_settings WHERE room_id = ? AND user_id = ?",
            params![room, user],
        )
        .await?;
    connection
        .execute(
            "INSERT INTO member_settings (room_id, user_id, settings, updated_at) \
             VALUES (?, ?, ?, ?)",
            params![room, user, text, at],
        )
        .await?;
    Ok(())
}
