//! Delivered and read marks.

use std::collections::HashMap;
use std::sync::Arc;

use super::{ATTEMPTS, Chat, authorized, changing, unexpected};
use crate::command::{Command, Outcome, StoreError};
use crate::ports::RoomKey;
use crate::receipt::{Mark, MessageReceipt, Readers, Reading};
use crate::{
    Entity, Error, Message, MessageId, Profile, ReceiptKind, Result, RoomId, UserId, policy,
};

impl Chat {
    /// Marks messages. What was marked before keeps its first time; marks only
    /// grow (G10). True when something was not marked before.
    ///
    /// # Errors
    /// By [`policy::may_read`].
    pub async fn mark(
        &self,
        reader: &Arc<Profile>,
        room: impl Into<RoomKey>,
        marks: &[Mark],
    ) -> Result<bool> {
        authorized!(self, room, reader.id, |authority| {
            let permit = policy::may_read(&authority, reader.id)?;
            let command = Command::Mark {
                permit,
                marks: marks.to_vec(),
                at: self.now(),
            };
            match self.commit(command, reader).await? {
                Outcome::Marked { .. } => Ok(true),
                Outcome::Unchanged => Ok(false),
                other => Err(unexpected(&other)),
            }
        })
    }

    /// Marks one message, wherever it stands. What was marked before keeps its
    /// first time; what is read was delivered.
    ///
    /// # Errors
    /// By [`policy::may_read`] of its room; [`Entity::Message`] not found, also
    /// when it was not sent to the reader.
    pub async fn mark_message(
        &self,
        reader: &Arc<Profile>,
        message: MessageId,
        kind: ReceiptKind,
    ) -> Result<()> {
        let not_found = || Error::NotFound(Entity::Message);
        let place = self.store().message_place(message).await?;
        let (room, seq) = place.ok_or_else(not_found)?;
        let before = UserId(reader.id.0 - 1);
        let own = self
            .receipts(reader.id, room, message, Some(before), 1)
            .await?;
        let own = own.first().filter(|receipt| receipt.user == reader.id);
        let own = own.ok_or_else(not_found)?;
        let marked = match kind {
            ReceiptKind::Delivered => own.delivered_at,
            ReceiptKind::Read => own.read_at,
        };
        if marked.is_none() {
            self.mark(reader, room, &[Mark::Only(kind, seq)]).await?;
        }
        Ok(())
    }

    /// Who read each of the messages, in the same order.
    ///
    /// # Errors
    /// By [`policy::may_read`].
    pub async fn readers(
        &self,
        reader: UserId,
        room: impl Into<RoomKey>,
        messages: &[Message],
    ) -> Result<Vec<Readers>> {
        let places: Vec<_> = messages
            .iter()
            .map(|message| (message.seq, message.sender))
            .collect();
        authorized!(self, room, reader, |authority| {
            let permit = policy::may_read(&authority, reader)?;
            self.store().readers(&permit, &places).await
        })
    }

    /// How far the members that
    /// [`members_of_rooms`](Self::members_of_rooms) finds have read.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn readings_of_rooms(
        &self,
        reader: UserId,
        rooms: &[RoomId],
        limit: usize,
    ) -> Result<HashMap<RoomId, HashMap<UserId, Reading>>> {
        let mut by_room: HashMap<_, HashMap<_, _>> = HashMap::new();
        for reading in self.store().readings_of_rooms(reader, rooms, limit).await? {
            let room = by_room.entry(reading.room).or_default();
            room.insert(reading.user, reading);
        }
        Ok(by_room)
    }

    /// Who a message reached and who read it, by user number, after `after`.
    ///
    /// # Errors
    /// By [`policy::may_read`]; not found.
    pub async fn receipts(
        &self,
        reader: UserId,
        room: impl Into<RoomKey>,
        message: MessageId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<MessageReceipt>> {
        let limit = limit.clamp(1, self.limits.page_size);
        authorized!(self, room, reader, |authority| {
            let permit = policy::may_read(&authority, reader)?;
            self.store().receipts(&permit, message, after, limit).await
        })
    }
}
