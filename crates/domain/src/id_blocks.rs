//! Ids in blocks reserved from the store: known before the insert, unique over
//! nodes (`design.md` §3). What is left of a block is lost at a restart, so the
//! blocks of ids that people see are of one.

use std::ops::Range;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::ports::IdKind;
use crate::{MessageId, Result, RoomId, SessionId, Store, UserId};

pub(crate) struct IdBlocks {
    store: Arc<dyn Store>,
    messages: Mutex<Range<i64>>,
    sessions: Mutex<Range<i64>>,
}

/// Each block costs a transaction, for which all senders wait.
const MESSAGE_BLOCK: i64 = 8_192;
const SESSION_BLOCK: i64 = 32;

impl IdBlocks {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            messages: Mutex::new(0..0),
            sessions: Mutex::new(0..0),
        }
    }

    pub(crate) async fn user(&self) -> Result<UserId> {
        Ok(UserId(self.store.reserve_ids(IdKind::User, 1).await?.start))
    }

    pub(crate) async fn room(&self) -> Result<RoomId> {
        Ok(RoomId(self.store.reserve_ids(IdKind::Room, 1).await?.start))
    }

    pub(crate) async fn session(&self) -> Result<SessionId> {
        self.next(&self.sessions, IdKind::Session, SESSION_BLOCK)
            .await
            .map(SessionId)
    }

    pub(crate) async fn message(&self) -> Result<MessageId> {
        self.next(&self.messages, IdKind::Message, MESSAGE_BLOCK)
            .await
            .map(MessageId)
    }

    async fn next(&self, block: &Mutex<Range<i64>>, kind: IdKind, size: i64) -> Result<i64> {
        let mut block = block.lock().await;
        if let Some(id) = block.next() {
            return Ok(id);
        }
        *block = self.store.reserve_ids(kind, size).await?;
        block
            .next()
            .ok_or_else(|| crate::Error::unavailable("the store reserved no ids"))
    }
}
