//! Making, changing and closing rooms.

use std::sync::Arc;

use tertulia_domain::command::Outcome;
use tertulia_domain::policy::{MayClose, MayUpdate};
use tertulia_domain::room::{Member, NewRoom, RoomPatch};
use tertulia_domain::{
    Conflict, Entity, Error, Membership, MembershipState, Position, Revision, Role, Room, RoomId,
    Seq, Timestamp, UserId,
};

use super::batch::{Batch, Failure};
use super::members;
use crate::rooms::{direct, find, named};
use crate::sql::{self, Connection, params};
use crate::users::{Profiles, known, newcomers};

/// Where a room stands once it is made: its making is its first change.
const MADE: Position = Position {
    seq: Seq::ZERO,
    revision: Revision(1),
};

pub(super) async fn create(
    batch: &mut Batch<'_>,
    new: &NewRoom,
    by: UserId,
) -> Result<Outcome, Failure> {
    if let Some(external_id) = &new.room.external_id
        && named(batch.connection, external_id).await?.is_some()
    {
        return Err(Error::Conflict(Conflict::RoomExists).into());
    }
    let profiles = first_members(batch, new).await?;
    make(batch, new, by, &profiles).await
}

pub(super) async fn open_direct(
    batch: &mut Batch<'_>,
    new: &NewRoom,
    by: UserId,
) -> Result<Outcome, Failure> {
    let [(one, _), (other, _)] = new.members[..] else {
        return Err(Error::Conflict(Conflict::DirectWithSelf).into());
    };
    if one == other {
        return Err(Error::Conflict(Conflict::DirectWithSelf).into());
    }
    let (low, high) = (one.min(other), one.max(other));
    if let Some(room) = direct(batch.connection, low, high).await? {
        let room = Arc::new(room);
        return Ok(Outcome::Found { room });
    }
    let profiles = first_members(batch, new).await?;
    if let Some(promised) = promised(batch.connection, low, high).await? {
        let mut new = new.clone();
        new.room.id = promised;
        return make(batch, &new, by, &profiles).await;
    }
    batch
        .connection
        .execute(
            "INSERT INTO direct_rooms (low_user_id, high_user_id, room_id) VALUES (?, ?, ?)",
            params![low, high, new.room.id],
        )
        .await?;
    make(batch, new, by, &profiles).await
}

/// The number that an SQL function has promised to the direct room of two people.
async fn promised(
    connection: &mut Connection,
    low: UserId,
    high: UserId,
) -> sql::Result<Option<RoomId>> {
    connection
        .query_one(
            "SELECT room_id FROM direct_rooms WHERE low_user_id = ? AND high_user_id = ?",
            params![low, high],
            |row| row.take(),
        )
        .await
}

async fn first_members(batch: &mut Batch<'_>, new: &NewRoom) -> Result<Profiles, Failure> {
    let ids: Vec<_> = new.members.iter().map(|(user, _)| *user).collect();
    let found = newcomers(batch.connection, &ids).await?;
    Ok(found.ok_or(Error::NotFound(Entity::User))?)
}

async fn make(
    batch: &mut Batch<'_>,
    new: &NewRoom,
    by: UserId,
    profiles: &Profiles,
) -> Result<Outcome, Failure> {
    insert_room(batch, &new.room).await?;
    let mut first = Vec::with_capacity(new.members.len());
    for (user, role) in &new.members {
        let membership = first_membership(&new.room, *user, *role);
        members::insert(batch, &membership, by).await?;
        members::begin_period(batch, &membership).await?;
        first.push(Member {
            membership,
            profile: known(profiles, *user)?,
        });
    }
    Ok(Outcome::Created {
        room: Arc::new(new.room.clone()),
        members: first,
        at: MADE,
    })
}

fn first_membership(room: &Room, user: UserId, role: Role) -> Membership {
    Membership {
        room: room.id,
        user,
        role,
        state: MembershipState::Active,
        joined_at: room.created_at,
        since: MADE.seq,
        until: None,
        delivered_seq: Seq::ZERO,
        read_seq: Seq::ZERO,
        revision: MADE.revision,
    }
}

async fn insert_room(batch: &mut Batch<'_>, room: &Room) -> sql::Result<()> {
    batch
        .connection
        .execute(
            "INSERT INTO rooms (id, uuid, kind, visibility, open_to_all, title, description, \
             external_id, created_by, created_at, updated_at, updated_revision) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            params![
                room.id,
                &room.uuid,
                room.kind,
                room.visibility,
                room.open,
                room.title.as_deref(),
                room.description.as_deref(),
                room.external_id.as_deref(),
                room.created_by,
                room.created_at,
                room.updated_at,
            ],
        )
        .await?;
    batch
        .connection
        .execute(
            "INSERT INTO room_heads (room_id, last_seq, revision, members_version) \
             VALUES (?, ?, ?, ?)",
            params![room.id, MADE.seq, MADE.revision, MADE.revision],
        )
        .await
        .map(|_| ())
}

pub(super) async fn update(
    batch: &mut Batch<'_>,
    permit: &MayUpdate,
    patch: &RoomPatch,
    at: Timestamp,
) -> Result<Outcome, Failure> {
    let id = permit.room().id;
    let room = find(batch.connection, id).await?;
    let room = room.ok_or_else(|| sql::Error::damaged("a room has a head only"))?;
    let mut updated = room.clone();
    if let Some(title) = &patch.title {
        updated.title = Some(title.clone());
    }
    if let Some(description) = &patch.description {
        updated.description.clone_from(description);
    }
    if let Some(visibility) = patch.visibility {
        updated.visibility = visibility;
    }
    if let Some(open) = patch.open {
        updated.open = open;
    }
    if updated == room {
        return Ok(Outcome::Unchanged);
    }
    updated.updated_at = at;
    let shut = room.open && !updated.open;
    let position = if shut {
        batch.next_member_change(id)
    } else {
        batch.next_change(id)
    };
    batch
        .connection
        .execute(
            "UPDATE rooms SET title = ?, description = ?, visibility = ?, open_to_all = ?, \
             updated_at = ?, updated_revision = ?, updated_by = ? WHERE id = ?",
            params![
                updated.title.as_deref(),
                updated.description.as_deref(),
                updated.visibility,
                updated.open,
                at,
                position.revision,
                permit.actor(),
                id,
            ],
        )
        .await?;
    Ok(Outcome::Updated {
        room: Arc::new(updated),
        at: position,
        shut,
    })
}

pub(super) async fn close(
    batch: &mut Batch<'_>,
    permit: &MayClose,
    at: Timestamp,
) -> Result<Outcome, Failure> {
    let id = permit.room().id;
    let position = batch.next_member_change(id);
    let connection = &mut *batch.connection;
    // The name under which an app knows it is free for another room.
    connection
        .execute(
            "UPDATE rooms SET closed_at = ?, external_id = NULL WHERE id = ?",
            params![at, id],
        )
        .await?;
    connection
        .execute(
            "UPDATE memberships SET state = ?, role = ?, until_seq = COALESCE(until_seq, ?), \
             revision = ?, changed_by = ? WHERE room_id = ? AND state IN (?, ?)",
            params![
                MembershipState::Left,
                Role::Member,
                position.seq,
                position.revision,
                permit.actor(),
                id,
                MembershipState::Active,
                MembershipState::Pending,
            ],
        )
        .await?;
    connection
        .execute(
            "UPDATE membership_periods SET until_seq = ? \
             WHERE room_id = ? AND until_seq IS NULL",
            params![position.seq, id],
        )
        .await?;
    connection
        .execute("DELETE FROM invites WHERE room_id = ?", params![id])
        .await?;
    Ok(Outcome::Closed { at: position })
}
