//! What a returning client missed (G8).

use super::{ATTEMPTS, Chat, authorized, changing};
use crate::command::StoreError;
use crate::event::{CatchUp, CatchUpCursor};
use crate::ports::{Heads, RoomKey};
use crate::{Position, Result, UserId, policy};

/// What to do about a room that a client left at some position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Nothing was missed.
    Current,
    /// Replay from here.
    Replay(CatchUpCursor),
    /// Too much was missed: the client must read the history (`resync`).
    TooMuch,
}

impl Chat {
    /// Where the rooms of a user stand, at most `limit` of them.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    pub async fn heads(&self, user: UserId, limit: usize) -> Result<Heads> {
        self.store().heads(user, limit).await
    }

    /// How to bring a client from `known` to `head`. Of what a client claims to
    /// know beyond the head, nothing is believed: the database may be an older
    /// one, brought back.
    #[must_use]
    pub fn recovery(&self, known: Position, head: Position) -> Recovery {
        let known = Position {
            seq: known.seq.min(head.seq),
            revision: known.revision.min(head.revision),
        };
        if known.covers(head) {
            return Recovery::Current;
        }
        if head.step() - known.step() > self.limits.recovery_messages {
            return Recovery::TooMuch;
        }
        Recovery::Replay(CatchUpCursor::new(known))
    }

    /// A seal for what a client keeps for us; see
    /// [`Tokens::seal`](crate::Tokens::seal).
    #[must_use]
    pub fn seal(&self, purpose: &str, content: &[&[u8]]) -> [u8; 32] {
        self.ports.tokens.seal(purpose, content)
    }

    /// Whether this is such a seal.
    #[must_use]
    pub fn is_sealed(&self, purpose: &str, content: &[&[u8]], seal: &[u8]) -> bool {
        self.ports.tokens.is_sealed(purpose, content, seal)
    }

    /// The next page of what was missed, at most
    /// [`Limits::page_size`](crate::Limits::page_size) events.
    ///
    /// # Errors
    /// By [`policy::may_read`].
    pub async fn catch_up(
        &self,
        reader: UserId,
        room: impl Into<RoomKey>,
        cursor: CatchUpCursor,
    ) -> Result<CatchUp> {
        authorized!(self, room, reader, |authority| {
            let permit = policy::may_read(&authority, reader)?;
            self.store()
                .catch_up(&permit, cursor, self.limits.page_size)
                .await
        })
    }
}
