//! Saying something, and what happens to it afterwards.

use std::sync::Arc;

use tokio::time::Instant;
use uuid::Uuid;

use super::{ATTEMPTS, Chat, authorized, changing, unexpected};
use crate::command::{Command, Outcome, StoreError, Toggle};
use crate::message::{NewMessage, ValidDraft, validate_text};
use crate::policy::Authority;
use crate::ports::{MessagePage, RoomKey, ShownMessages};
use crate::writer::{Pending, in_time};
use crate::{
    Draft, Entity, Error, Message, MessageId, Profile, Reason, Result, RoomId, Seq, UserId, policy,
};

/// What came of a send.
#[derive(Clone, Debug)]
pub struct Sent {
    /// As stored: with its id and seq.
    pub message: Arc<Message>,
    /// Whether the same send was stored before (G6).
    pub repeated: bool,
}

/// A message that waits for its commit.
pub struct PendingMessage(Pending);

impl PendingMessage {
    /// Waits until the message is durable (G1).
    ///
    /// # Errors
    /// As [`Chat::send`].
    pub async fn sent(self) -> Result<Sent> {
        match self.0.outcome().await {
            Ok(Outcome::Appended { message, .. }) => Ok(Sent {
                message,
                repeated: false,
            }),
            Ok(Outcome::Repeated { message }) => Ok(Sent {
                message,
                repeated: true,
            }),
            Ok(other) => Err(failed(unexpected(&other))),
            Err(error) => Err(failed(error)),
        }
    }
}

fn failed(error: StoreError) -> Error {
    match error {
        StoreError::Failed(error) => error,
        StoreError::Stale => Error::unavailable("the room's members keep changing"),
    }
}

impl Chat {
    /// Says something: authorizes, validates and queues it. Messages submitted
    /// one after the other are stored in that order; nothing is acknowledged
    /// before [`PendingMessage::sent`] says so.
    ///
    /// # Errors
    /// As [`Chat::send`].
    pub async fn submit(
        &self,
        author: &Arc<Profile>,
        room: impl Into<RoomKey>,
        draft: Draft,
    ) -> Result<PendingMessage> {
        let begins_by = self.writer()?.begins_by();
        let authority = in_time(begins_by, self.authority(room, author.id)).await?;
        self.queue(author, &authority, draft, begins_by).await
    }

    /// The same for who has just asked how the author stands to the room
    /// ([`Chat::standing`]).
    ///
    /// # Errors
    /// As [`Chat::send`].
    pub async fn submit_as(
        &self,
        author: &Arc<Profile>,
        authority: &Authority,
        draft: Draft,
    ) -> Result<PendingMessage> {
        let begins_by = self.writer()?.begins_by();
        self.queue(author, authority, draft, begins_by).await
    }

    async fn queue(
        &self,
        author: &Arc<Profile>,
        authority: &Authority,
        draft: Draft,
        begins_by: Instant,
    ) -> Result<PendingMessage> {
        let permit = policy::may_speak(authority, author.id)?;
        let draft = draft.validate(&self.limits)?;
        let id = in_time(begins_by, self.ids.message()).await?;
        let message = self.new_message(permit.room().id, id, draft);
        let command = Command::Append { permit, message };
        self.writer()?
            .submit(command, Arc::clone(author), begins_by)
            .map(PendingMessage)
    }

    pub(super) fn new_message(&self, room: RoomId, id: MessageId, draft: ValidDraft) -> NewMessage {
        let client_id = draft.draft().client_id.as_ref();
        let fingerprint = client_id.map(|_| draft.fingerprint(room));
        NewMessage {
            id,
            draft: draft.into_draft(),
            fingerprint,
            created_at: self.now(),
            outbox: None,
        }
    }

    /// Says something, and waits until it is durable.
    ///
    /// # Errors
    /// [`Error::Forbidden`] or [`Error::NotFound`] by [`policy::may_speak`],
    /// [`Error::Invalid`] by [`Draft::validate`] and for a `reply_to` of another
    /// room, [`Conflict::ClientIdReused`](crate::Conflict::ClientIdReused), and
    /// [`Error::Unavailable`].
    pub async fn send(
        &self,
        author: &Arc<Profile>,
        room: impl Into<RoomKey>,
        draft: Draft,
    ) -> Result<Sent> {
        self.submit(author, room, draft).await?.sent().await
    }

    /// Changes the words of one's own message.
    ///
    /// # Errors
    /// By [`policy::may_edit`] and [`validate_text`];
    /// [`Conflict::MessageDeleted`](crate::Conflict::MessageDeleted).
    pub async fn edit(
        &self,
        author: &Arc<Profile>,
        room: impl Into<RoomKey>,
        id: MessageId,
        text: &str,
    ) -> Result<Arc<Message>> {
        authorized!(self, room, author.id, |authority| {
            let message = self.find(&authority, author.id, id).await?;
            let permit = policy::may_edit(&authority, author.id, &message)?;
            validate_text(text, !message.files.is_empty(), &self.limits)?;
            let command = Command::Edit {
                permit,
                text: text.to_owned(),
                at: self.now(),
            };
            match self.commit(command, author).await? {
                Outcome::Edited { message, .. } => Ok(message),
                Outcome::Unchanged => Ok(Arc::new(message)),
                other => Err(unexpected(&other)),
            }
        })
    }

    /// Takes a message back for everybody. Doing it twice is no error.
    ///
    /// # Errors
    /// By [`policy::may_delete`].
    pub async fn delete(
        &self,
        actor: &Arc<Profile>,
        room: impl Into<RoomKey>,
        id: MessageId,
    ) -> Result<()> {
        authorized!(self, room, actor.id, |authority| {
            let message = self.find(&authority, actor.id, id).await?;
            let permit = policy::may_delete(&authority, actor.id, &message)?;
            match self
                .commit(
                    Command::Delete {
                        permit,
                        at: self.now(),
                    },
                    actor,
                )
                .await?
            {
                Outcome::Deleted { .. } | Outcome::Unchanged => Ok(()),
                other => Err(unexpected(&other)),
            }
        })
    }

    /// Puts a message out of one's own sight. Doing it twice is no error.
    ///
    /// # Errors
    /// By [`policy::may_read`]; not found.
    pub async fn hide(
        &self,
        reader: &Arc<Profile>,
        room: impl Into<RoomKey>,
        id: MessageId,
    ) -> Result<()> {
        authorized!(self, room, reader.id, |authority| {
            let permit = policy::may_read(&authority, reader.id)?;
            match self
                .commit(
                    Command::Hide {
                        permit,
                        message: id,
                        at: self.now(),
                    },
                    reader,
                )
                .await?
            {
                Outcome::Hidden { .. } | Outcome::Unchanged => Ok(()),
                other => Err(unexpected(&other)),
            }
        })
    }

    /// Sets or takes back a reaction; answers whether it stands now.
    ///
    /// # Errors
    /// By [`policy::may_react`]; [`Error::Invalid`] for an emoji that is empty,
    /// longer than 64 bytes or has control characters, and when too many stand.
    pub async fn react(
        &self,
        actor: &Arc<Profile>,
        room: impl Into<RoomKey>,
        id: MessageId,
        emoji: &str,
        on: Toggle,
    ) -> Result<bool> {
        validate_emoji(emoji)?;
        authorized!(self, room, actor.id, |authority| {
            let permit = policy::may_react(&authority, actor.id)?;
            let command = Command::React {
                permit,
                message: id,
                emoji: emoji.to_owned(),
                on,
                most: self.limits.reactions_per_message,
                at: self.now(),
            };
            match self.commit(command, actor).await? {
                Outcome::Reacted { on, .. } => Ok(on),
                Outcome::Unchanged => Ok(on == Toggle::On),
                other => Err(unexpected(&other)),
            }
        })
    }

    /// One message.
    ///
    /// # Errors
    /// By [`policy::may_read`]; not found.
    pub async fn message(
        &self,
        reader: UserId,
        room: impl Into<RoomKey>,
        id: MessageId,
    ) -> Result<Message> {
        authorized!(self, room, reader, |authority| {
            self.find(&authority, reader, id).await
        })
    }

    /// One message by its UUID.
    ///
    /// # Errors
    /// By [`policy::may_read`]; not found.
    pub async fn message_by_uuid(
        &self,
        reader: UserId,
        room: impl Into<RoomKey>,
        uuid: Uuid,
    ) -> Result<Message> {
        authorized!(self, room, reader, |authority| {
            let permit = policy::may_read(&authority, reader)?;
            let message = self.store().message_by_uuid(&permit, uuid).await?;
            message.ok_or(StoreError::Failed(Error::NotFound(Entity::Message)))
        })
    }

    /// In which room a message stands, and where there, by its UUID. Whether
    /// anybody may know of it is not said.
    ///
    /// # Errors
    /// [`Entity::Message`] not found.
    pub async fn message_place(&self, uuid: Uuid) -> Result<(RoomId, Seq)> {
        let id = self.store().message_id(uuid).await?;
        let place = match id {
            Some(id) => self.store().message_place(id).await?,
            None => None,
        };
        place.ok_or(Error::NotFound(Entity::Message))
    }

    /// Those of the messages that are in the room, also deleted ones, in any
    /// order.
    ///
    /// # Errors
    /// By [`policy::may_read`].
    pub async fn messages_by_id(
        &self,
        reader: UserId,
        room: impl Into<RoomKey>,
        ids: &[MessageId],
    ) -> Result<Vec<Message>> {
        authorized!(self, room, reader, |authority| {
            let permit = policy::may_read(&authority, reader)?;
            self.store().messages_by_id(&permit, ids).await
        })
    }

    /// How many messages the reader is shown, and where its history goes on after
    /// the newest `skip` of them: for lists with numbered pages.
    ///
    /// # Errors
    /// By [`policy::may_read`].
    pub async fn shown_messages(
        &self,
        reader: UserId,
        room: impl Into<RoomKey>,
        skip: i64,
    ) -> Result<ShownMessages> {
        authorized!(self, room, reader, |authority| {
            let permit = policy::may_read(&authority, reader)?;
            self.store().shown_messages(&permit, skip).await
        })
    }

    /// A stretch of a room's messages, in rising seq. The limit is brought
    /// within 1 and `most`, the dialect's own page size.
    ///
    /// # Errors
    /// By [`policy::may_read`].
    pub async fn history(
        &self,
        reader: UserId,
        room: impl Into<RoomKey>,
        page: MessagePage,
        most: usize,
    ) -> Result<Vec<Message>> {
        let page = MessagePage {
            limit: page.limit.clamp(1, most),
            ..page
        };
        authorized!(self, room, reader, |authority| {
            let permit = policy::may_read(&authority, reader)?;
            self.store().messages(&permit, page).await
        })
    }

    /// The newest messages that are neither deleted nor hidden by the reader: `limit`
    /// of them after `skip`, the newest first. The limit is brought within 1 and
    /// [`Limits::page_size`](crate::Limits::page_size).
    ///
    /// # Errors
    /// By [`policy::may_read`].
    pub async fn newest_messages(
        &self,
        reader: UserId,
        room: impl Into<RoomKey>,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<Message>> {
        let limit = limit.clamp(1, self.limits.page_size);
        authorized!(self, room, reader, |authority| {
            let permit = policy::may_read(&authority, reader)?;
            self.store().newest_messages(&permit, skip, limit).await
        })
    }

    async fn find(
        &self,
        authority: &policy::Authority,
        reader: UserId,
        id: MessageId,
    ) -> Result<Message, StoreError> {
        let permit = policy::may_read(authority, reader)?;
        let message = self.store().message(&permit, id).await?;
        message.ok_or(StoreError::Failed(Error::NotFound(Entity::Message)))
    }
}

fn validate_emoji(emoji: &str) -> Result<()> {
    const MOST: usize = 64;
    let reason = match emoji {
        "" => Reason::Empty,
        long if long.len() > MOST => Reason::TooLong { max: MOST },
        odd if odd.chars().any(char::is_control) => Reason::Malformed,
        _ => return Ok(()),
    };
    Err(Error::invalid("emoji", reason))
}
