//! Delivered and read marks.

use std::sync::Arc;

use super::{ATTEMPTS, Chat, authorized, changing, unexpected};
use crate::command::{Command, Outcome, StoreError};
use crate::ports::RoomKey;
use crate::receipt::{Mark, MessageReceipt};
use crate::{MessageId, Profile, Result, UserId, policy};

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
