//! What a returning client missed in a room (G8): first the messages that it
//! does not know, as they are now, then the changes after the revision that it
//! knows, by rising revision. Both are read as states, not from a log.
//!
//! A message that is told includes every edit, deletion and reaction up to the
//! moment when the catch-up began; of these, only later ones are told again.

use std::collections::HashMap;
use std::sync::Arc;

use tertulia_domain::command::StoreError;
use tertulia_domain::event::{CatchUp, CatchUpCursor};
use tertulia_domain::policy::MayRead;
use tertulia_domain::room::Member;
use tertulia_domain::{
    Change, Membership, Message, MessageId, MessageUuids, Position, Profile, Revision, Room,
    RoomEvent, RoomId, Seq, Stretch, Timestamp, UserId,
};

use crate::members::{membership_columns, read_membership};
use crate::messages;
use crate::rooms::{self, Head};
use crate::sql::{self, Connection, Error, params};
use crate::users::{Profiles, known, profiles_by_id};

/// The revision at which every room was made.
const MADE: Revision = Revision(1);

/// A change, before the people and messages in it are looked up.
enum Found {
    Message(MessageId, UserId),
    Reaction {
        message: MessageId,
        seq: Seq,
        user: UserId,
        emoji: String,
        on: bool,
        at: Timestamp,
    },
    Receipt(UserId, Vec<Stretch>),
    Hidden(MessageId, Seq),
    Member(Membership, UserId),
    Created(Vec<Membership>, UserId),
    Updated(UserId),
}

/// Which changes are asked for.
struct Wanted {
    room: RoomId,
    reader: UserId,
    /// Only later ones.
    after: Revision,
    /// Messages after this one were told in this catch-up.
    known: Seq,
    /// Of changes to those, only later ones.
    snapshot: Revision,
    limit: usize,
}

pub(crate) async fn page(
    connection: &mut Connection,
    uuids: &MessageUuids,
    permit: &MayRead,
    cursor: CatchUpCursor,
    limit: usize,
) -> Result<CatchUp, StoreError> {
    let head = rooms::check(connection, permit).await?;
    if !head.position.covers(cursor.known) || !head.position.covers(cursor.reached) {
        return Ok(nothing(cursor, &head));
    }
    let room = rooms::find(connection, permit.room().id).await?;
    let room = room.ok_or_else(|| Error::damaged("a room has a head only"))?;
    let page = Page {
        room: Arc::new(room),
        head,
        reader: permit.actor(),
        limit: limit.max(1),
    };
    Ok(page.read(connection, uuids, cursor).await?)
}

/// For a client from the future, which knows more than there is: the database
/// was restored from a backup. It goes on from where the room stands.
fn nothing(cursor: CatchUpCursor, head: &Head) -> CatchUp {
    CatchUp {
        events: Vec::new(),
        next: CatchUpCursor {
            reached: head.position,
            snapshot: Some(cursor.snapshot.unwrap_or(head.position.revision)),
            ..cursor
        },
        complete: true,
    }
}

/// One page about to be read.
struct Page {
    room: Arc<Room>,
    head: Head,
    reader: UserId,
    limit: usize,
}

impl Page {
    async fn read(
        &self,
        connection: &mut Connection,
        uuids: &MessageUuids,
        cursor: CatchUpCursor,
    ) -> sql::Result<CatchUp> {
        let snapshot = cursor.snapshot.unwrap_or(self.head.position.revision);
        let mut reached = cursor.reached;
        let mut events = self.messages(connection, uuids, &mut reached).await?;
        let left = self.limit - events.len();
        if left > 0 {
            let wanted = Wanted {
                room: self.room.id,
                reader: self.reader,
                after: reached.revision,
                known: cursor.known.seq,
                snapshot,
                limit: left,
            };
            let changes = self
                .changes(connection, uuids, &wanted, &mut reached)
                .await?;
            events.extend(changes);
        }
        let complete = events.len() < self.limit;
        if complete {
            reached = self.head.position;
        }
        let next = CatchUpCursor {
            known: cursor.known,
            reached,
            snapshot: Some(snapshot),
        };
        Ok(CatchUp {
            events,
            next,
            complete,
        })
    }

    fn event(&self, at: Position, change: Change) -> RoomEvent {
        RoomEvent {
            room: Arc::clone(&self.room),
            at,
            members_version: self.head.members_version,
            change,
        }
    }

    async fn messages(
        &self,
        connection: &mut Connection,
        uuids: &MessageUuids,
        reached: &mut Position,
    ) -> sql::Result<Vec<RoomEvent>> {
        let found =
            messages::after(connection, uuids, self.room.id, reached.seq, self.limit).await?;
        let senders = found.iter().filter_map(|message| message.sender);
        let profiles = profiles_by_id(connection, senders).await?;
        let mut events = Vec::with_capacity(found.len());
        for message in found {
            reached.seq = message.seq;
            let sender = sender(&profiles, &message)?;
            let message = Arc::new(message);
            events.push(self.event(*reached, Change::Message { message, sender }));
        }
        Ok(events)
    }

    async fn changes(
        &self,
        connection: &mut Connection,
        uuids: &MessageUuids,
        wanted: &Wanted,
        reached: &mut Position,
    ) -> sql::Result<Vec<RoomEvent>> {
        let found = find_changes(connection, wanted).await?;
        let lookups = Lookups::of(connection, uuids, &found).await?;
        let mut events = Vec::with_capacity(found.len());
        for (revision, found) in found {
            reached.revision = revision;
            let change = lookups.change(found, self.reader)?;
            events.push(self.event(*reached, change));
        }
        Ok(events)
    }
}

fn sender(profiles: &Profiles, message: &Message) -> sql::Result<Option<Arc<Profile>>> {
    message.sender.map(|user| known(profiles, user)).transpose()
}

/// The first of the changes that are wanted, by revision.
async fn find_changes(
    connection: &mut Connection,
    wanted: &Wanted,
) -> sql::Result<Vec<(Revision, Found)>> {
    let mut found = created(connection, wanted).await?;
    found.append(&mut message_changes(connection, wanted).await?);
    found.append(&mut reactions(connection, wanted).await?);
    found.append(&mut receipts(connection, wanted).await?);
    found.append(&mut hidden(connection, wanted).await?);
    found.append(&mut members(connection, wanted).await?);
    found.append(&mut updated(connection, wanted).await?);
    found.sort_by_key(|(revision, _)| *revision);
    found.truncate(wanted.limit);
    Ok(found)
}

async fn message_changes(
    connection: &mut Connection,
    wanted: &Wanted,
) -> sql::Result<Vec<(Revision, Found)>> {
    connection
        .query(
            "SELECT revision, message_id, changed_by FROM message_changes \
             WHERE room_id = ? AND revision > ? AND (seq <= ? OR revision > ?) \
             ORDER BY revision LIMIT ?",
            params![
                wanted.room,
                wanted.after,
                wanted.known,
                wanted.snapshot,
                wanted.limit
            ],
            |row| Ok((row.take()?, Found::Message(row.take()?, row.take()?))),
        )
        .await
}

async fn reactions(
    connection: &mut Connection,
    wanted: &Wanted,
) -> sql::Result<Vec<(Revision, Found)>> {
    connection
        .query(
            "SELECT revision, message_id, seq, user_id, emoji, active, changed_at FROM reactions \
             WHERE room_id = ? AND revision > ? AND (seq <= ? OR revision > ?) \
             ORDER BY revision LIMIT ?",
            params![
                wanted.room,
                wanted.after,
                wanted.known,
                wanted.snapshot,
                wanted.limit
            ],
            |row| {
                let revision = row.take()?;
                let found = Found::Reaction {
                    message: row.take()?,
                    seq: row.take()?,
                    user: row.take()?,
                    emoji: row.take()?,
                    on: row.take()?,
                    at: row.take()?,
                };
                Ok((revision, found))
            },
        )
        .await
}

/// Receipts are no part of a message: all of them are told. Those of one
/// revision are one change.
async fn receipts(
    connection: &mut Connection,
    wanted: &Wanted,
) -> sql::Result<Vec<(Revision, Found)>> {
    let last: Option<Option<Revision>> = connection
        .query_one(
            "SELECT MAX(page.revision) FROM (SELECT DISTINCT revision FROM receipts \
             WHERE room_id = ? AND revision > ? ORDER BY revision LIMIT ?) page",
            params![wanted.room, wanted.after, wanted.limit],
            |row| row.take(),
        )
        .await?;
    let Some(last) = last.flatten() else {
        return Ok(Vec::new());
    };
    let rows = connection
        .query(
            "SELECT revision, user_id, kind, from_seq, to_seq, marked_at FROM receipts \
             WHERE room_id = ? AND revision > ? AND revision <= ? \
             ORDER BY revision, kind, from_seq",
            params![wanted.room, wanted.after, last],
            |row| {
                let revision: Revision = row.take()?;
                let user: UserId = row.take()?;
                let stretch = Stretch {
                    kind: row.take()?,
                    from: row.take()?,
                    to: row.take()?,
                    at: row.take()?,
                };
                Ok((revision, user, stretch))
            },
        )
        .await?;
    let mut found: Vec<(Revision, Found)> = Vec::new();
    for (revision, user, stretch) in rows {
        match found.last_mut() {
            Some((last, Found::Receipt(_, stretches))) if *last == revision => {
                stretches.push(stretch);
            }
            _ => found.push((revision, Found::Receipt(user, vec![stretch]))),
        }
    }
    Ok(found)
}

/// What the reader itself put out of its sight.
async fn hidden(
    connection: &mut Connection,
    wanted: &Wanted,
) -> sql::Result<Vec<(Revision, Found)>> {
    connection
        .query(
            "SELECT revision, message_id, seq FROM hidden_messages \
             WHERE room_id = ? AND user_id = ? AND revision > ? ORDER BY revision LIMIT ?",
            params![wanted.room, wanted.reader, wanted.after, wanted.limit],
            |row| Ok((row.take()?, Found::Hidden(row.take()?, row.take()?))),
        )
        .await
}

async fn members(
    connection: &mut Connection,
    wanted: &Wanted,
) -> sql::Result<Vec<(Revision, Found)>> {
    connection
        .query(
            concat!(
                "SELECT ",
                membership_columns!(),
                ", m.changed_by FROM memberships m WHERE m.room_id = ? AND m.revision > ? \
                 ORDER BY m.revision LIMIT ?"
            ),
            params![wanted.room, wanted.after.max(MADE), wanted.limit],
            |row| {
                let membership = read_membership(row)?;
                let revision = membership.revision;
                Ok((revision, Found::Member(membership, row.take()?)))
            },
        )
        .await
}

/// The making of the room, with those of its first members whose membership has
/// not changed since; the others come with their last change.
async fn created(
    connection: &mut Connection,
    wanted: &Wanted,
) -> sql::Result<Vec<(Revision, Found)>> {
    if wanted.after >= MADE {
        return Ok(Vec::new());
    }
    let first = connection
        .query(
            concat!(
                "SELECT ",
                membership_columns!(),
                ", m.changed_by FROM memberships m WHERE m.room_id = ? AND m.revision = ? \
                 ORDER BY m.user_id"
            ),
            params![wanted.room, MADE],
            |row| Ok((read_membership(row)?, row.take()?)),
        )
        .await?;
    let Some(by) = first.first().map(|(_, by)| *by) else {
        return Ok(Vec::new());
    };
    let members = first.into_iter().map(|(member, _)| member).collect();
    Ok(vec![(MADE, Found::Created(members, by))])
}

async fn updated(
    connection: &mut Connection,
    wanted: &Wanted,
) -> sql::Result<Vec<(Revision, Found)>> {
    connection
        .query(
            "SELECT updated_revision, updated_by FROM rooms WHERE id = ? AND updated_revision > ?",
            params![wanted.room, wanted.after],
            |row| Ok((row.take()?, Found::Updated(row.take()?))),
        )
        .await
}

/// The people and messages of a page of changes.
struct Lookups {
    uuids: MessageUuids,
    profiles: Profiles,
    messages: HashMap<MessageId, Message>,
}

impl Lookups {
    async fn of(
        connection: &mut Connection,
        uuids: &MessageUuids,
        found: &[(Revision, Found)],
    ) -> sql::Result<Self> {
        let mut users = Vec::new();
        let mut ids = Vec::new();
        for (_, found) in found {
            match found {
                Found::Message(message, by) => {
                    ids.push(*message);
                    users.push(*by);
                }
                Found::Reaction { user, .. } | Found::Receipt(user, _) => users.push(*user),
                Found::Member(membership, _) => users.push(membership.user),
                Found::Created(members, _) => users.extend(members.iter().map(|m| m.user)),
                Found::Hidden(..) | Found::Updated(_) => {}
            }
        }
        let messages = messages::by_id(connection, uuids, &ids).await?;
        users.extend(messages.iter().filter_map(|message| message.sender));
        Ok(Self {
            uuids: uuids.clone(),
            profiles: profiles_by_id(connection, users).await?,
            messages: messages
                .into_iter()
                .map(|message| (message.id, message))
                .collect(),
        })
    }

    fn change(&self, found: Found, reader: UserId) -> sql::Result<Change> {
        Ok(match found {
            Found::Message(id, by) => self.message_change(id, by)?,
            Found::Reaction {
                message,
                seq,
                user,
                emoji,
                on,
                at,
            } => Change::Reaction {
                message,
                uuid: self.uuids.uuid(message),
                seq,
                user: known(&self.profiles, user)?,
                emoji,
                on,
                at,
            },
            Found::Receipt(user, stretches) => Change::Receipt {
                user: known(&self.profiles, user)?,
                stretches,
            },
            Found::Hidden(message, seq) => Change::Hidden {
                message,
                seq,
                user: reader,
            },
            Found::Member(membership, by) => Change::Member {
                member: self.member(membership)?,
                by,
            },
            Found::Created(members, by) => Change::Created {
                members: members
                    .into_iter()
                    .map(|membership| self.member(membership))
                    .collect::<sql::Result<_>>()?,
                by,
            },
            Found::Updated(by) => Change::Updated { by },
        })
    }

    fn message_change(&self, id: MessageId, by: UserId) -> sql::Result<Change> {
        let message = self.messages.get(&id);
        let message = message.ok_or_else(|| Error::damaged("a change without its message"))?;
        let shared = Arc::new(message.clone());
        if message.deleted_at.is_some() {
            return Ok(Change::Deleted {
                message: shared,
                by: known(&self.profiles, by)?,
            });
        }
        Ok(Change::Edited {
            sender: sender(&self.profiles, message)?,
            message: shared,
        })
    }

    fn member(&self, membership: Membership) -> sql::Result<Member> {
        Ok(Member {
            profile: known(&self.profiles, membership.user)?,
            membership,
        })
    }
}
