//! What a batch knows of its rooms and messages while it is carried out.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tertulia_domain::command::{Command, StoreError};
use tertulia_domain::{
    Entity, Error, Message, MessageId, MessageUuids, OutboxId, Position, RoomId, Timestamp, UserId,
};

use super::asked::Asked;
use super::pairs::Pairs;
use crate::files;
use crate::messages::metadata_text;
use crate::outbox::{self, Answer};
use crate::rooms::{Head, head_columns, read_head};
use crate::sql::{self, Connection, params};
use crate::value::Value;

/// Why a command was not carried out.
pub(super) enum Failure {
    /// It may not be, or cannot be; nothing was written for it.
    Refused(StoreError),
    /// The database failed: the whole batch is to be undone.
    Database(sql::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<sql::Error> for Failure {
    fn from(error: sql::Error) -> Self {
        Self::Database(error)
    }
}

/// A transaction under way.
pub(super) struct Batch<'b> {
    /// Where it is under way.
    pub(super) connection: &'b mut Connection,
    /// Makes messages' UUIDs.
    pub(super) uuids: &'b MessageUuids,
    /// The rooms, all locked.
    rooms: HashMap<RoomId, Standing>,
    /// Sends of the batch's senders under the batch's client ids, stored before
    /// or in this batch.
    sends: Sends<'b>,
    /// The messages that the batch's messages answer, if they can be answered.
    answerable: HashMap<MessageId, RoomId>,
    /// Sends of the batch's senders that may be one half of a pair.
    pub(super) pairs: Pairs,
    /// Messages that have their place and are not inserted yet.
    appended: Vec<Appended>,
    /// Who had a message refused as out of date, and where: what the same sender
    /// says there later in this batch must not overtake it.
    held_up: HashSet<(RoomId, UserId)>,
    /// What SQL clients asked for.
    asked: Asked,
}

/// Where a room stands after the commands so far.
struct Standing {
    head: Head,
    changed: bool,
}

/// A send under a client id.
#[derive(Clone, Copy)]
pub(super) struct EarlierSend {
    /// What it became.
    pub(super) message: MessageId,
    /// Tells it from another content.
    pub(super) fingerprint: Option<i64>,
}

/// Sends by sender and client id.
type Sends<'b> = HashMap<(UserId, Cow<'b, str>), EarlierSend>;

/// A message about to be inserted.
pub(super) struct Appended {
    pub(super) message: Arc<Message>,
    pub(super) fingerprint: Option<i64>,
}

impl<'b> Batch<'b> {
    /// Locks the rooms of the commands, then looks up, for all together, what
    /// appending needs to know.
    pub(super) async fn begin(
        connection: &'b mut Connection,
        uuids: &'b MessageUuids,
        commands: &'b [Command],
    ) -> sql::Result<Self> {
        Ok(Self {
            rooms: lock_rooms(connection, commands).await?,
            sends: earlier_sends(connection, commands).await?,
            answerable: answerable(connection, commands).await?,
            pairs: Pairs::of(connection, commands).await?,
            appended: Vec::new(),
            held_up: HashSet::new(),
            asked: Asked::of(connection, commands).await?,
            connection,
            uuids,
        })
    }

    /// Refuses a command whose permit is out of date, also when a command
    /// earlier in this batch changed the members; and with a message all later
    /// ones of its sender in that room, so that they keep their order.
    pub(super) fn check(&mut self, command: &Command) -> Result<(), StoreError> {
        let Some((room, version)) = command.permitted_room() else {
            return Ok(());
        };
        let standing = self
            .rooms
            .get(&room.id)
            .ok_or(Error::NotFound(Entity::Room))?;
        let is_stale = standing.head.members_version != version;
        if let Command::Append { permit, message } = command {
            let sender = (room.id, permit.actor());
            if is_stale {
                self.held_up.insert(sender);
            }
            if message.outbox.is_some() && !self.asked.keeps_order(room.id, is_stale) {
                return Err(StoreError::Stale);
            }
            if self.held_up.contains(&sender) {
                return Err(StoreError::Stale);
            }
        }
        if is_stale {
            return Err(StoreError::Stale);
        }
        Ok(())
    }

    /// Where a room stands now.
    pub(super) fn position(&mut self, room: RoomId) -> Position {
        self.standing(room).head.position
    }

    /// Takes the next place for a message.
    pub(super) fn next_message(&mut self, room: RoomId, at: Timestamp) -> Position {
        let standing = self.standing(room);
        standing.changed = true;
        standing.head.last_message_at = Some(at);
        standing.head.position.seq = standing.head.position.seq.next();
        standing.head.position
    }

    /// Takes the next place for a change.
    pub(super) fn next_change(&mut self, room: RoomId) -> Position {
        let standing = self.standing(room);
        standing.changed = true;
        standing.head.position.revision = standing.head.position.revision.next();
        standing.head.position
    }

    /// Takes the next place for a change of members: permits given before it
    /// are out of date from now on.
    pub(super) fn next_member_change(&mut self, room: RoomId) -> Position {
        let position = self.next_change(room);
        self.standing(room).head.members_version = position.revision;
        position
    }

    fn standing(&mut self, room: RoomId) -> &mut Standing {
        self.rooms
            .get_mut(&room)
            .expect("every command is checked against its locked room first")
    }

    /// What the sender sent before under this client id.
    pub(super) fn earlier_send(&self, sender: UserId, client_id: &'b str) -> Option<EarlierSend> {
        self.sends.get(&(sender, Cow::Borrowed(client_id))).copied()
    }

    /// Whether a message of this room can be answered.
    pub(super) fn can_answer(&self, room: RoomId, message: MessageId) -> bool {
        self.answerable.get(&message) == Some(&room)
    }

    /// A message was deleted.
    pub(super) fn forget_answerable(&mut self, message: MessageId) {
        self.answerable.remove(&message);
    }

    /// Whether an SQL client's row waits for its message.
    pub(super) fn is_asked_for(&self, row: OutboxId) -> bool {
        self.asked.waiting.contains(&row)
    }

    /// Whether a message that an SQL client asked for has a number that another
    /// one has.
    pub(super) fn is_taken(&self, message: MessageId) -> bool {
        self.asked.taken.contains(&message)
    }

    /// An SQL client's row became a message.
    pub(super) fn settle(&mut self, row: OutboxId, message: &Message, at: Timestamp) {
        self.asked.waiting.remove(&row);
        self.asked.taken.insert(message.id);
        self.asked.settled.push(Answer {
            row,
            room: message.room,
            message: message.id,
            seq: message.seq,
            at,
        });
    }

    /// Inserts a message before the next command that is not an append.
    pub(super) fn append(&mut self, sender: UserId, client_id: Option<&'b str>, new: Appended) {
        if let Some(client_id) = client_id {
            let send = EarlierSend {
                message: new.message.id,
                fingerprint: new.fingerprint,
            };
            self.sends.insert((sender, Cow::Borrowed(client_id)), send);
        }
        self.appended.push(new);
    }

    /// Inserts what was appended.
    pub(super) async fn flush(&mut self) -> sql::Result<()> {
        if self.appended.is_empty() {
            return Ok(());
        }
        let appended = std::mem::take(&mut self.appended);
        let rows = appended.iter().map(|new| {
            let message = &*new.message;
            let client_id = message.client_id.as_ref();
            [
                message.id.into(),
                message.room.into(),
                message.seq.into(),
                message.sender.into(),
                client_id.map(|id| id.as_str()).into(),
                new.fingerprint.into(),
                message.kind.into(),
                Value::from(&message.text),
                message.reply_to.into(),
                metadata_text(&message.metadata).into(),
                message.created_at.into(),
                message.revision.into(),
            ]
        });
        self.connection
            .insert_many(
                "INSERT INTO messages (id, room_id, seq, sender_id, client_id, fingerprint, kind, \
                 text, reply_to, metadata, created_at, revision) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            .await?;
        let places = appended.iter().map(|new| {
            let message = &*new.message;
            [message.room.into(), message.seq.into(), message.id.into()]
        });
        self.connection.add_places(places)?;
        let messages = appended.iter().map(|new| &*new.message);
        let attachments = messages.flat_map(files::attachments).collect();
        files::attach(self.connection, attachments).await
    }

    /// Writes where the rooms stand now.
    pub(super) async fn finish(mut self) -> sql::Result<()> {
        self.flush().await?;
        self.pairs.store(self.connection).await?;
        outbox::answer(self.connection, &self.asked.settled).await?;
        for (room, standing) in &self.rooms {
            if !standing.changed {
                continue;
            }
            let head = &standing.head;
            self.connection
                .execute(
                    "UPDATE room_heads SET last_seq = ?, revision = ?, members_version = ?, \
                     last_message_at = ? WHERE room_id = ?",
                    params![
                        head.position.seq,
                        head.position.revision,
                        head.members_version,
                        head.last_message_at,
                        *room,
                    ],
                )
                .await?;
        }
        Ok(())
    }
}

async fn lock_rooms(
    connection: &mut Connection,
    commands: &[Command],
) -> sql::Result<HashMap<RoomId, Standing>> {
    let mut rooms: Vec<_> = commands
        .iter()
        .filter_map(|command| command.permitted_room().map(|(room, _)| room.id))
        .collect();
    rooms.sort_unstable();
    rooms.dedup();
    let rooms: Vec<_> = rooms.into_iter().map(Value::from).collect();
    let sql = concat!(
        "SELECT h.room_id, ",
        head_columns!(),
        " FROM room_heads h WHERE h.room_id IN ({list}) ORDER BY h.room_id"
    );
    let sql = format!("{sql}{}", connection.lock_suffix());
    let found = connection
        .query_in(&sql, &[], &rooms, &[], |row| {
            let room = row.take()?;
            let head = read_head(row)?;
            let changed = false;
            Ok((room, Standing { head, changed }))
        })
        .await?;
    Ok(found.into_iter().collect())
}

async fn earlier_sends<'b>(
    connection: &mut Connection,
    commands: &[Command],
) -> sql::Result<Sends<'b>> {
    let sends: Vec<_> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Append { permit, message } => {
                let client_id = message.draft.client_id.as_ref()?;
                Some([permit.actor().into(), client_id.as_str().into()])
            }
            _ => None,
        })
        .collect();
    let found = connection
        .query_pairs(
            "SELECT sender_id, client_id, id, fingerprint FROM messages WHERE {pairs}",
            ("sender_id", "client_id"),
            &sends,
            |row| {
                let sender = row.take()?;
                let client_id: String = row.take()?;
                let send = EarlierSend {
                    message: row.take()?,
                    fingerprint: row.take()?,
                };
                Ok(((sender, Cow::Owned(client_id)), send))
            },
        )
        .await?;
    Ok(found.into_iter().collect())
}

async fn answerable(
    connection: &mut Connection,
    commands: &[Command],
) -> sql::Result<HashMap<MessageId, RoomId>> {
    let targets: Vec<_> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Append { message, .. } => message.draft.reply_to.map(Value::from),
            _ => None,
        })
        .collect();
    let found = connection
        .query_in(
            "SELECT id, room_id FROM messages WHERE deleted_at IS NULL AND id IN ({list})",
            &[],
            &targets,
            &[],
            |row| Ok((row.take()?, row.take()?)),
        )
        .await?;
    Ok(found.into_iter().collect())
}
