//! Lists of rooms as one reader sees them: a few statements for a whole page,
//! however many rooms are on it.

use std::collections::HashMap;
use std::sync::Arc;

use tertulia_domain::command::StoreError;
use tertulia_domain::policy::MayRead;
use tertulia_domain::ports::{RoomPage, RoomsCursor};
use tertulia_domain::room::RoomSummary;
use tertulia_domain::{
    Membership, MembershipState, Message, MessageUuids, Room, RoomId, RoomKind, Seq, Timestamp,
    UserId, Visibility,
};

use crate::members;
use crate::messages::{message_columns, read_message, with_parts};
use crate::rooms::{self, Head, head_columns, read_head, read_room, room_columns};
use crate::sql::{self, Columns, Connection, params};
use crate::users::profiles_by_id;
use crate::value::Value;

/// Up to where unread messages are counted.
const UNREAD: usize = 1_000;

/// Rooms counted by one statement.
const COUNTED_AT_ONCE: usize = 16;

/// One room on the list.
struct Entry {
    room: Room,
    head: Head,
    membership: Option<Membership>,
}

/// Where a page begins, as the two columns by which lists are sorted: an empty
/// room stands behind every other.
fn start(after: Option<RoomsCursor>) -> (i64, RoomId) {
    after.map_or((i64::MAX, RoomId(i64::MAX)), |cursor| {
        let at = cursor
            .last_message_at
            .map_or(i64::MIN, Timestamp::as_micros);
        (at, cursor.room)
    })
}

/// The rooms of which a user is an active member.
pub(crate) async fn of_member(
    connection: &mut Connection,
    uuids: &MessageUuids,
    user: UserId,
    page: RoomPage,
) -> sql::Result<Vec<RoomSummary>> {
    let (at, room) = start(page.after);
    let found = connection
        .query(
            concat!(
                "SELECT ",
                room_columns!(),
                ", ",
                head_columns!(),
                " FROM memberships own JOIN room_heads h ON h.room_id = own.room_id \
                 JOIN rooms r ON r.id = own.room_id \
                 WHERE own.user_id = ? AND own.state = ? AND r.closed_at IS NULL \
                 AND (COALESCE(h.last_message_at, ?) < ? \
                  OR (COALESCE(h.last_message_at, ?) = ? AND h.room_id < ?)) \
                 ORDER BY COALESCE(h.last_message_at, ?) DESC, h.room_id DESC LIMIT ?"
            ),
            params![
                user,
                MembershipState::Active,
                i64::MIN,
                at,
                i64::MIN,
                at,
                room,
                i64::MIN,
                page.limit,
            ],
            read_entry,
        )
        .await?;
    let entries = with_membership(connection, user, found).await?;
    summaries(connection, uuids, user, entries, page.unread).await
}

/// Public rooms, without their messages.
pub(crate) async fn public(
    connection: &mut Connection,
    reader: UserId,
    page: RoomPage,
) -> sql::Result<Vec<RoomSummary>> {
    let (at, room) = start(page.after);
    let found = connection
        .query(
            concat!(
                "SELECT ",
                room_columns!(),
                ", ",
                head_columns!(),
                " FROM rooms r JOIN room_heads h ON h.room_id = r.id \
                 WHERE r.visibility = ? AND r.closed_at IS NULL \
                 AND (COALESCE(h.last_message_at, ?) < ? \
                  OR (COALESCE(h.last_message_at, ?) = ? AND h.room_id < ?)) \
                 ORDER BY COALESCE(h.last_message_at, ?) DESC, h.room_id DESC LIMIT ?"
            ),
            params![
                Visibility::Public,
                i64::MIN,
                at,
                i64::MIN,
                at,
                room,
                i64::MIN,
                page.limit,
            ],
            read_entry,
        )
        .await?;
    let entries = with_membership(connection, reader, found).await?;
    Ok(entries.into_iter().map(bare).collect())
}

/// Public rooms by number.
pub(crate) async fn public_by_number(
    connection: &mut Connection,
    skip: usize,
    limit: usize,
) -> sql::Result<Vec<Room>> {
    connection
        .query(
            concat!(
                "SELECT ",
                room_columns!(),
                " FROM rooms r WHERE r.visibility = ? AND r.closed_at IS NULL \
                 ORDER BY r.id LIMIT ? OFFSET ?"
            ),
            params![Visibility::Public, limit, skip],
            read_room,
        )
        .await
}

/// One room as the permit's actor sees it.
pub(crate) async fn one(
    connection: &mut Connection,
    uuids: &MessageUuids,
    permit: &MayRead,
) -> Result<RoomSummary, StoreError> {
    let head = rooms::check(connection, permit).await?;
    let id = permit.room().id;
    let room = rooms::find(connection, id).await?;
    let entry = Entry {
        room: room.ok_or_else(|| sql::Error::damaged("a room has a head only"))?,
        head,
        membership: members::find(connection, id, permit.actor()).await?,
    };
    let mut all = summaries(connection, uuids, permit.actor(), vec![entry], true).await?;
    let summary = all.pop();
    Ok(summary.ok_or_else(|| sql::Error::damaged("a room without a summary"))?)
}

fn read_entry(row: &mut Columns<'_>) -> sql::Result<(Room, Head)> {
    Ok((read_room(row)?, read_head(row)?))
}

async fn with_membership(
    connection: &mut Connection,
    user: UserId,
    found: Vec<(Room, Head)>,
) -> sql::Result<Vec<Entry>> {
    let ids: Vec<_> = found.iter().map(|(room, _)| Value::from(room.id)).collect();
    let mut memberships = members::of_user(connection, user, &ids).await?;
    let entry = |(room, head): (Room, Head)| Entry {
        membership: memberships.remove(&room.id),
        room,
        head,
    };
    Ok(found.into_iter().map(entry).collect())
}

fn bare(entry: Entry) -> RoomSummary {
    RoomSummary {
        room: Arc::new(entry.room),
        position: entry.head.position,
        membership: entry.membership,
        peer: None,
        last_message: None,
        last_sender: None,
        last_message_at: entry.head.last_message_at,
        unread: 0,
    }
}

/// Adds what a reader of the rooms sees of them.
async fn summaries(
    connection: &mut Connection,
    uuids: &MessageUuids,
    reader: UserId,
    entries: Vec<Entry>,
    count_unread: bool,
) -> sql::Result<Vec<RoomSummary>> {
    let ids: Vec<_> = entries
        .iter()
        .map(|entry| Value::from(entry.room.id))
        .collect();
    let mut last = last_messages(connection, uuids, reader, &ids).await?;
    let peers = peers(connection, reader, &entries).await?;
    let unread = match count_unread {
        true => unread(connection, reader, &entries).await?,
        false => HashMap::new(),
    };
    let senders = last.values().filter_map(|message| message.sender);
    let people = peers.values().copied().chain(senders);
    let profiles = profiles_by_id(connection, people).await?;

    let summary = |entry: Entry| {
        let id = entry.room.id;
        let last_message = last.remove(&id);
        let sender = last_message.as_ref().and_then(|message| message.sender);
        RoomSummary {
            peer: peers.get(&id).and_then(|peer| profiles.get(peer)).cloned(),
            last_sender: sender.and_then(|sender| profiles.get(&sender)).cloned(),
            last_message,
            unread: unread.get(&id).copied().unwrap_or(0),
            ..bare(entry)
        }
    };
    Ok(entries.into_iter().map(summary).collect())
}

/// Each room's newest message that is neither deleted nor hidden by the reader.
async fn last_messages(
    connection: &mut Connection,
    uuids: &MessageUuids,
    reader: UserId,
    rooms: &[Value<'_>],
) -> sql::Result<HashMap<RoomId, Message>> {
    let messages = connection
        .query_in(
            concat!(
                "SELECT ",
                message_columns!(),
                " FROM room_heads h JOIN room_messages m ON m.room_id = h.room_id \
                 AND m.seq = (SELECT y.seq FROM room_messages y WHERE y.room_id = h.room_id \
                 AND y.deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM hidden_messages x \
                 WHERE x.room_id = y.room_id AND x.user_id = ? AND x.seq = y.seq) \
                 ORDER BY y.seq DESC LIMIT 1) WHERE h.room_id IN ({list})"
            ),
            params![reader],
            rooms,
            &[],
            |row| read_message(uuids, row),
        )
        .await?;
    let messages = with_parts(connection, messages).await?;
    Ok(messages
        .into_iter()
        .map(|message| (message.room, message))
        .collect())
}

/// The other person of each direct room.
async fn peers(
    connection: &mut Connection,
    reader: UserId,
    entries: &[Entry],
) -> sql::Result<HashMap<RoomId, UserId>> {
    let rooms: Vec<_> = entries
        .iter()
        .filter(|entry| entry.room.kind == RoomKind::Direct)
        .map(|entry| Value::from(entry.room.id))
        .collect();
    let found = connection
        .query_in(
            "SELECT room_id, CASE WHEN low_user_id = ? THEN high_user_id ELSE low_user_id END \
             FROM direct_rooms WHERE room_id IN ({list})",
            params![reader],
            &rooms,
            &[],
            |row| Ok((row.take()?, row.take()?)),
        )
        .await?;
    Ok(found.into_iter().collect())
}

/// Counts the messages of others that a member has not read: those that were
/// sent to it (after it joined), after the highest that it has read, without
/// deleted ones.
async fn unread(
    connection: &mut Connection,
    reader: UserId,
    entries: &[Entry],
) -> sql::Result<HashMap<RoomId, i64>> {
    // One bounded count for each room, several in one statement.
    const ONE: &str = "SELECT c.room_id, COUNT(*) FROM (SELECT m.room_id FROM room_messages m \
         WHERE m.room_id = ? AND m.seq > ? AND m.deleted_at IS NULL \
         AND (m.sender_id IS NULL OR m.sender_id <> ?) LIMIT ?) c GROUP BY c.room_id";
    let behind: Vec<_> = entries
        .iter()
        .filter_map(|entry| unread_from(entry).map(|seq| (entry.room.id, seq)))
        .collect();
    let mut counts = HashMap::with_capacity(behind.len());
    for part in behind.chunks(COUNTED_AT_ONCE) {
        // Few different statements: filled up with a room that does not exist.
        let size = part.len().next_power_of_two();
        let nothing = std::iter::repeat((RoomId(0), Seq::ZERO));
        let params: Vec<_> = part
            .iter()
            .copied()
            .chain(nothing)
            .take(size)
            .flat_map(|(room, seq)| [Value::from(room), seq.into(), reader.into(), UNREAD.into()])
            .collect();
        let sql = [ONE].repeat(size).join(" UNION ALL ");
        let found = connection
            .query(&sql, &params, |row| {
                Ok((row.take::<RoomId>()?, row.take::<i64>()?))
            })
            .await?;
        counts.extend(found);
    }
    Ok(counts)
}

/// After which message a member has something unread, if it may have.
fn unread_from(entry: &Entry) -> Option<Seq> {
    let membership = entry.membership.as_ref()?;
    let from = membership.read_seq.max(membership.since);
    (membership.is_active() && from < entry.head.position.seq).then_some(from)
}
