//! Rooms: where they stand, and what permissions in them rest on. Lists of
//! rooms are in [`room_lists`](crate::room_lists).

use std::sync::Arc;

use tertulia_domain::command::StoreError;
use tertulia_domain::policy::{Authority, Permit};
use tertulia_domain::ports::{Heads, RoomKey};
use tertulia_domain::{
    Entity, Error, MembershipState, Position, Revision, Room, RoomId, Timestamp, UserId,
};

use crate::sql::{self, Columns, Connection, params};
use crate::value::Value;

/// The columns of a [`Room`], in its order.
macro_rules! room_columns {
    () => {
        "r.id, r.uuid, r.kind, r.visibility, r.open_to_all, r.title, r.description, \
         r.external_id, r.created_by, r.created_at, r.updated_at"
    };
}
pub(crate) use room_columns;

pub(crate) fn read_room(row: &mut Columns<'_>) -> sql::Result<Room> {
    Ok(Room {
        id: row.take()?,
        uuid: row.take()?,
        kind: row.take()?,
        visibility: row.take()?,
        open: row.take()?,
        title: row.take()?,
        description: row.take()?,
        external_id: row.take()?,
        created_by: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

/// The columns of a [`Head`], in its order.
macro_rules! head_columns {
    () => {
        "h.last_seq, h.revision, h.members_version, h.last_message_at"
    };
}
pub(crate) use head_columns;

/// Where a room stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    /// The last message and the last change.
    pub(crate) position: Position,
    /// The revision of the last change of members.
    pub(crate) members_version: Revision,
    /// When the last message was stored.
    pub(crate) last_message_at: Option<Timestamp>,
}

pub(crate) fn read_head(row: &mut Columns<'_>) -> sql::Result<Head> {
    Ok(Head {
        position: Position {
            seq: row.take()?,
            revision: row.take()?,
        },
        members_version: row.take()?,
        last_message_at: row.take()?,
    })
}

/// Where the permit's room stands, if its members are still those on whom the
/// permission rested (S7).
pub(crate) async fn check<A>(
    connection: &mut Connection,
    permit: &Permit<A>,
) -> Result<Head, StoreError> {
    let head = head(connection, permit.room().id).await?;
    let head = head.ok_or(Error::NotFound(Entity::Room))?;
    if head.members_version != permit.version() {
        return Err(StoreError::Stale);
    }
    Ok(head)
}

async fn head(connection: &mut Connection, room: RoomId) -> sql::Result<Option<Head>> {
    connection
        .query_one(
            concat!(
                "SELECT ",
                head_columns!(),
                " FROM room_heads h WHERE h.room_id = ?"
            ),
            params![room],
            read_head,
        )
        .await
}

/// Finds a room, also a closed one.
pub(crate) async fn find(connection: &mut Connection, id: RoomId) -> sql::Result<Option<Room>> {
    connection
        .query_one(
            concat!("SELECT ", room_columns!(), " FROM rooms r WHERE r.id = ?"),
            params![id],
            read_room,
        )
        .await
}

/// The room with this external id; a closed room has none.
pub(crate) async fn named(
    connection: &mut Connection,
    external_id: &str,
) -> sql::Result<Option<RoomId>> {
    connection
        .query_one(
            "SELECT id FROM rooms WHERE external_id = ?",
            params![external_id],
            |row| row.take(),
        )
        .await
}

/// The direct room of two people.
pub(crate) async fn direct(
    connection: &mut Connection,
    one: UserId,
    other: UserId,
) -> sql::Result<Option<Room>> {
    connection
        .query_one(
            concat!(
                "SELECT ",
                room_columns!(),
                " FROM direct_rooms d JOIN rooms r ON r.id = d.room_id \
                 WHERE d.low_user_id = ? AND d.high_user_id = ?"
            ),
            params![one.min(other), one.max(other)],
            read_room,
        )
        .await
}

pub(crate) async fn authority(
    connection: &mut Connection,
    key: RoomKey,
    user: UserId,
) -> sql::Result<Option<Authority>> {
    const BY_ID: &str = concat!(
        "SELECT ",
        room_columns!(),
        ", h.members_version FROM rooms r JOIN room_heads h ON h.room_id = r.id \
         WHERE r.closed_at IS NULL AND r.id = ?"
    );
    const BY_UUID: &str = concat!(
        "SELECT ",
        room_columns!(),
        ", h.members_version FROM rooms r JOIN room_heads h ON h.room_id = r.id \
         WHERE r.closed_at IS NULL AND r.uuid = ?"
    );
    let (sql, value) = match &key {
        RoomKey::Id(id) => (BY_ID, Value::from(*id)),
        RoomKey::Uuid(uuid) => (BY_UUID, Value::from(uuid)),
    };
    let found = connection
        .query_one(sql, &[value], |row| Ok((read_room(row)?, row.take()?)))
        .await?;
    let Some((room, version)) = found else {
        return Ok(None);
    };
    let membership = crate::members::find(connection, room.id, user).await?;
    Ok(Some(Authority {
        room: Arc::new(room),
        version,
        membership,
    }))
}

pub(crate) async fn heads(
    connection: &mut Connection,
    user: UserId,
    limit: usize,
) -> sql::Result<Heads> {
    connection
        .query(
            "SELECT h.room_id, h.last_seq, h.revision, h.members_version \
             FROM memberships m JOIN room_heads h ON h.room_id = m.room_id \
             WHERE m.user_id = ? AND m.state = ? ORDER BY m.room_id LIMIT ?",
            params![user, MembershipState::Active, limit],
            |row| {
                let room = row.take()?;
                let position = Position {
                    seq: row.take()?,
                    revision: row.take()?,
                };
                Ok((room, position, row.take()?))
            },
        )
        .await
}
