//! Who belongs to which room.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use tertulia_domain::receipt::Reading;
use tertulia_domain::room::Member;
use tertulia_domain::{Membership, MembershipState, ReceiptKind, RoomId, Seq, UserId};

use crate::sql::{self, Columns, Connection, params};
use crate::users::{profile_columns, read_profile};
use crate::value::Value;

/// The columns of a [`Membership`], in its order.
macro_rules! membership_columns {
    () => {
        "m.room_id, m.user_id, m.role, m.state, m.joined_at, m.since_seq, m.until_seq, \
         m.delivered_seq, m.read_seq, m.revision"
    };
}
pub(crate) use membership_columns;

pub(crate) fn read_membership(row: &mut Columns<'_>) -> sql::Result<Membership> {
    Ok(Membership {
        room: row.take()?,
        user: row.take()?,
        role: row.take()?,
        state: row.take()?,
        joined_at: row.take()?,
        since: row.take()?,
        until: row.take()?,
        delivered_seq: row.take()?,
        read_seq: row.take()?,
        revision: row.take()?,
    })
}

fn read_member(row: &mut Columns<'_>) -> sql::Result<Member> {
    Ok(Member {
        membership: read_membership(row)?,
        profile: Arc::new(read_profile(row)?),
    })
}

/// How a user stands to a room, in any state.
pub(crate) async fn find(
    connection: &mut Connection,
    room: RoomId,
    user: UserId,
) -> sql::Result<Option<Membership>> {
    connection
        .query_one(
            concat!(
                "SELECT ",
                membership_columns!(),
                " FROM memberships m WHERE m.room_id = ? AND m.user_id = ?"
            ),
            params![room, user],
            read_membership,
        )
        .await
}

/// Active members by user number.
pub(crate) async fn page(
    connection: &mut Connection,
    room: RoomId,
    after: Option<UserId>,
    limit: usize,
) -> sql::Result<Vec<Member>> {
    connection
        .query(
            concat!(
                "SELECT ",
                membership_columns!(),
                ", ",
                profile_columns!(),
                " FROM memberships m JOIN users u ON u.id = m.user_id \
                 WHERE m.room_id = ? AND m.user_id > ? AND m.state = ? \
                 ORDER BY m.user_id LIMIT ?"
            ),
            params![
                room,
                after.unwrap_or(UserId(0)),
                MembershipState::Active,
                limit
            ],
            read_member,
        )
        .await
}

/// Active members of those of the rooms that a reader may see, for
/// [`of_rooms`] and [`readings`]: with the parameters reader, active, banned,
/// active, the rooms, and how many of each.
macro_rules! shown_members {
    () => {
        "(SELECT x.*, ROW_NUMBER() OVER (PARTITION BY x.room_id \
                ORDER BY x.joined_at, x.role DESC, x.user_id) AS place \
          FROM rooms r JOIN memberships x ON x.room_id = r.id \
          LEFT JOIN memberships own ON own.room_id = r.id AND own.user_id = ? \
          WHERE (own.state = ? OR (r.open_to_all = 1 AND r.closed_at IS NULL \
           AND (own.state IS NULL OR own.state <> ?))) \
          AND x.state = ? AND r.id IN ({list})) m"
    };
}

/// Active members of those of the rooms in which `reader` is one, or which are open
/// and have not banned it, by room, then in the order in which they joined.
pub(crate) async fn of_rooms(
    connection: &mut Connection,
    reader: Option<UserId>,
    rooms: &[RoomId],
    limit: usize,
) -> sql::Result<Vec<Member>> {
    let mut rooms = rooms.to_vec();
    rooms.sort_unstable();
    let rooms: Vec<_> = rooms.into_iter().map(Value::from).collect();
    connection
        .query_in(
            concat!(
                "SELECT ",
                membership_columns!(),
                ", ",
                profile_columns!(),
                " FROM ",
                shown_members!(),
                " JOIN users u ON u.id = m.user_id WHERE m.place <= ? \
                 ORDER BY m.room_id, m.place"
            ),
            params![
                reader.unwrap_or(UserId(0)),
                MembershipState::Active,
                MembershipState::Banned,
                MembershipState::Active
            ],
            &rooms,
            params![limit],
            read_member,
        )
        .await
}

/// Of how many messages of a room it is told who has not read them.
const COUNTED: usize = 100;

/// How far the same members have read.
pub(crate) async fn readings(
    connection: &mut Connection,
    reader: UserId,
    rooms: &[RoomId],
    limit: usize,
) -> sql::Result<Vec<Reading>> {
    let rooms: Vec<_> = rooms.iter().copied().map(Value::from).collect();
    let mut found = connection
        .query_in(
            concat!(
                "SELECT m.room_id, m.user_id, m.since_seq, m.read_seq, \
                 (SELECT r.marked_at FROM receipts r WHERE r.room_id = m.room_id \
                  AND r.user_id = m.user_id AND r.kind = ? \
                  ORDER BY r.from_seq DESC LIMIT 1) FROM ",
                shown_members!(),
                " WHERE m.place <= ?"
            ),
            params![
                ReceiptKind::Read,
                reader,
                MembershipState::Active,
                MembershipState::Banned,
                MembershipState::Active
            ],
            &rooms,
            params![limit],
            |row| {
                let (room, user) = (row.take()?, row.take()?);
                let (since, read): (Seq, Seq) = (row.take()?, row.take()?);
                let reading = Reading {
                    room,
                    user,
                    last_read_at: row.take()?,
                    unread: 0,
                };
                Ok((reading, since.max(read)))
            },
        )
        .await?;
    let mut newest = HashMap::new();
    for (reading, from) in &mut found {
        let messages = match newest.entry(reading.room) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(newest_of(connection, reading.room).await?),
        };
        let unread = messages
            .iter()
            .filter(|(seq, sender)| *seq > *from && *sender != Some(reading.user));
        reading.unread = unread.count() as i64;
    }
    Ok(found.into_iter().map(|(reading, _)| reading).collect())
}

/// Where a room's newest messages stand, and who wrote them.
async fn newest_of(
    connection: &mut Connection,
    room: RoomId,
) -> sql::Result<Vec<(Seq, Option<UserId>)>> {
    connection
        .query(
            "SELECT seq, sender_id FROM room_messages WHERE room_id = ? AND deleted_at IS NULL \
             ORDER BY seq DESC LIMIT ?",
            params![room, COUNTED],
            |row| Ok((row.take()?, row.take()?)),
        )
        .await
}

/// How a user stands to each of the rooms to which it stands somehow.
pub(crate) async fn of_user(
    connection: &mut Connection,
    user: UserId,
    rooms: &[Value<'_>],
) -> sql::Result<HashMap<RoomId, Membership>> {
    let found = connection
        .query_in(
            concat!(
                "SELECT ",
                membership_columns!(),
                " FROM memberships m WHERE m.user_id = ? AND m.room_id IN ({list})"
            ),
            params![user],
            rooms,
            &[],
            read_membership,
        )
        .await?;
    Ok(found
        .into_iter()
        .map(|membership| (membership.room, membership))
        .collect())
}
