//! What is told now or never: presence, typing, call signals.

use std::sync::Arc;

use serde_json::Value;

use super::Chat;
use crate::event::{Signal, Visit};
use crate::ports::RoomKey;
use crate::{
    Entity, Error, Event, PresenceCause, Profile, Reason, Result, RoomId, Status, UserId, policy,
};

/// The longest kind or mode of a signal.
const WORD_BYTES: usize = 32;

/// The most bytes of a signal's payload as JSON: several times what describes a
/// call, and far less than may wait for one socket (G12), so that nobody can
/// have the other members cut off.
const PAYLOAD_BYTES: usize = 64 * 1024;

/// A call signal as a client asks for it.
#[derive(Clone, Debug)]
pub struct SignalDraft {
    /// For one member; none for every other member.
    pub to: Option<UserId>,
    /// `offer`, `answer`, `ice`, `end`, or another word of at most 32 bytes.
    pub kind: String,
    /// The app's own words, at most 64 KiB as JSON.
    pub payload: Value,
    /// `audio` or `video`, when said; at most 32 bytes.
    pub mode: Option<String>,
}

impl SignalDraft {
    fn validate(&self) -> Result<()> {
        if self.kind.is_empty() || self.kind.len() > WORD_BYTES {
            return Err(Error::invalid("type", Reason::Malformed));
        }
        if self
            .mode
            .as_ref()
            .is_some_and(|mode| mode.len() > WORD_BYTES)
        {
            return Err(Error::invalid("mode", Reason::TooLong { max: WORD_BYTES }));
        }
        if self.payload.to_string().len() > PAYLOAD_BYTES {
            let reason = Reason::TooLong { max: PAYLOAD_BYTES };
            return Err(Error::invalid("payload", reason));
        }
        Ok(())
    }
}

impl Chat {
    /// The user's first live connection came (on any of the user's devices).
    /// Told to everyone who shares a room with the user.
    pub async fn arrived(&self, user: &Arc<Profile>) {
        if self.presence.arrived(user.id) {
            self.announce(user, Status::Online, PresenceCause::Connection)
                .await;
        }
    }

    /// The user's last live connection went, and none came within the grace.
    pub async fn went(&self, user: &Arc<Profile>) {
        let Some(before) = self.presence.went(user.id) else {
            return;
        };
        if let Err(error) = self.store().touch_last_seen(&[(user.id, self.now())]).await {
            tracing::warn!(%error, user = user.id.0, "could not note when a user was last seen");
        }
        if before != Status::Offline {
            self.announce(user, Status::Offline, PresenceCause::Connection)
                .await;
        }
    }

    /// The user chose a status; it holds while it has a live connection.
    pub async fn choose_status(&self, user: &Arc<Profile>, status: Status) {
        if self.presence.choose(user.id, status) {
            self.announce(user, status, PresenceCause::Chosen).await;
        }
    }

    /// Whether a user is there.
    #[must_use]
    pub fn status(&self, user: UserId) -> Status {
        self.presence.status(user)
    }

    /// How many users have a live connection.
    #[must_use]
    pub fn present_users(&self) -> usize {
        self.presence.count()
    }

    /// Tells the others that the user is writing, or stopped.
    ///
    /// # Errors
    /// By [`policy::may_signal`].
    pub async fn typing(
        &self,
        user: &Arc<Profile>,
        room: impl Into<RoomKey>,
        on: bool,
    ) -> Result<()> {
        let authority = self.authority(room, user.id).await?;
        let permit = policy::may_signal(&authority, user.id)?;
        self.publish(Event::Typing {
            room: Arc::clone(permit.room()),
            user: Arc::clone(user),
            on,
            at: self.now(),
        })
        .await;
        Ok(())
    }

    /// Tells those who have the room in front of them that a connection of the
    /// user has opened it, or put it away.
    ///
    /// # Errors
    /// By [`policy::may_signal`].
    pub async fn visit(
        &self,
        user: &Arc<Profile>,
        room: impl Into<RoomKey>,
        on: bool,
        connection: u64,
    ) -> Result<()> {
        let authority = self.authority(room, user.id).await?;
        let permit = policy::may_signal(&authority, user.id)?;
        self.publish(Event::Visit(Visit {
            room: Arc::clone(permit.room()),
            user: Arc::clone(user),
            on,
            connection,
        }))
        .await;
        Ok(())
    }

    /// The user opened a room in a connection of its own, or closed the last one
    /// (on any of the user's devices). Told to the others who listen there.
    pub async fn attends(&self, user: &Arc<Profile>, room: RoomId, here: bool) {
        self.publish(Event::Attendance {
            room,
            user: Arc::clone(user),
            here,
            at: self.now(),
        })
        .await;
    }

    /// Passes a call signal on, between members of one room only (S8).
    ///
    /// # Errors
    /// By [`policy::may_signal`]; [`Entity::Member`] not found when the receiver
    /// is no member of the room; [`Error::Invalid`] for an odd kind, and for a
    /// mode or payload that is too long.
    pub async fn signal(
        &self,
        from: &Arc<Profile>,
        room: impl Into<RoomKey>,
        draft: SignalDraft,
    ) -> Result<()> {
        draft.validate()?;
        let authority = self.authority(room, from.id).await?;
        let permit = policy::may_signal(&authority, from.id)?;
        let room = Arc::clone(permit.room());
        let to = match draft.to {
            Some(to) => Some(self.signal_receiver(room.id.into(), to).await?),
            None => None,
        };
        let SignalDraft {
            kind,
            payload,
            mode,
            ..
        } = draft;
        self.publish(Event::Signal(Signal {
            room,
            from: Arc::clone(from),
            to,
            kind,
            payload,
            mode,
        }))
        .await;
        Ok(())
    }

    async fn signal_receiver(&self, room: RoomKey, to: UserId) -> Result<Arc<Profile>> {
        let receiver = self.authority(room, to).await?;
        policy::may_signal(&receiver, to).map_err(|_| Error::NotFound(Entity::Member))?;
        self.profile(to).await
    }

    async fn announce(&self, user: &Arc<Profile>, status: Status, cause: PresenceCause) {
        self.publish(Event::Presence {
            user: Arc::clone(user),
            status,
            cause,
        })
        .await;
    }
}
