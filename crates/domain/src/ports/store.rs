//! The store: the truth. Methods are whole, atomic actions; transactions never
//! leak out. "Not found" in a lookup is `Ok(None)`.
//!
//! Methods that take a permit compare its version with the room's, in the same
//! transaction, and answer [`StoreError::Stale`] when the members have changed
//! since (S7).

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;
use uuid::Uuid;

use super::{FileStore, OutboxStore};
use crate::command::{Command, Outcome, StoreError};
use crate::event::{CatchUp, CatchUpCursor};
use crate::policy::{Authority, MayInvite, MayRead};
use crate::receipt::{MessageReceipt, Readers, Reading};
use crate::room::{Invite, Member, RoomSummary};
use crate::session::NewSession;
use crate::user::{Credentials, NewUser, UserPatch};
use crate::{
    Membership, Message, MessageId, Metadata, Position, Profile, Result, Revision, Room, RoomId,
    Seq, Session, SessionId, Timestamp, User, UserId, UserState,
};

/// The store as a whole.
#[async_trait]
pub trait Store: UserStore + ReadStore + WriteStore + FileStore + OutboxStore {
    /// Takes `count` unused ids out of circulation, for good. The first id of a
    /// fresh database is 1. Of a block of users, the first is no one's handle.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    async fn reserve_ids(&self, kind: IdKind, count: i64) -> Result<Range<i64>>;

    /// A number that is another one than before when somebody else has written
    /// to this storage meanwhile: an administrator's command, another node.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    async fn foreign_writes(&self) -> Result<i64>;

    /// Whether storage answers and takes writes.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable) when it does not.
    async fn ping(&self) -> Result<()>;
}

/// Changes of rooms: what the writer needs.
#[async_trait]
pub trait WriteStore: Send + Sync + 'static {
    /// Carries out commands in one durable transaction, in this order, and
    /// answers each in its place. Called by the writer only, one call at a
    /// time; the writer keeps the commands to announce what came of them.
    ///
    /// When a message's permit is out of date, every later message of the same
    /// sender in that room is answered [`StoreError::Stale`] too, so that none
    /// overtakes it.
    ///
    /// A command that is refused, or that fails alone, changes nothing and
    /// disturbs no other. When the transaction itself fails, all are answered
    /// with [`Error::Unavailable`](crate::Error::Unavailable) and nothing was
    /// done. So it ends too when its last step, from which on the outcome may be
    /// in doubt, has not begun at `begin_by` (G13).
    async fn commit(
        &self,
        commands: Arc<Vec<Command>>,
        begin_by: Instant,
    ) -> Vec<Result<Outcome, StoreError>>;
}

/// What ids are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdKind {
    /// Users.
    User,
    /// Rooms.
    Room,
    /// Messages.
    Message,
    /// Sessions.
    Session,
    /// Files, and uploads that become files.
    File,
}

impl IdKind {
    /// Ids that no block holds: those that are promised to rooms and messages
    /// before they are made (`docs/reference/outbox.md`, Functions). None for
    /// other kinds.
    #[must_use]
    pub const fn promised(self) -> Range<i64> {
        match self {
            Self::Room => 2_000_000_001..1 << 31,
            Self::Message => 1_000_000_000_000_001..1 << 53,
            Self::User | Self::Session | Self::File => 0..0,
        }
    }
}

/// What names a user. Names and addresses are compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserKey {
    /// By number.
    Id(UserId),
    /// By UUID.
    Uuid(Uuid),
    /// By username.
    Username(String),
    /// By e-mail address.
    Email(String),
    /// By the app's own id.
    External(String),
    /// By the name that Socket.IO clients know.
    Handle(String),
}

/// Users, passwords and sessions.
#[async_trait]
pub trait UserStore: Send + Sync + 'static {
    /// Makes a user.
    ///
    /// # Errors
    /// [`Conflict::UsernameTaken`](crate::Conflict::UsernameTaken),
    /// [`Conflict::EmailTaken`](crate::Conflict::EmailTaken);
    /// [`Invalid`](crate::Error::Invalid) `external_id` when another has it, and
    /// `handles` when all are taken.
    async fn create_user(&self, user: NewUser) -> Result<User>;

    /// Finds a user in any state.
    async fn user(&self, key: UserKey) -> Result<Option<User>>;

    /// Those of the users that exist, in any order.
    async fn profiles(&self, ids: &[UserId]) -> Result<Vec<Profile>>;

    /// Those of the users that exist, in any state and any order.
    async fn users(&self, ids: &[UserId]) -> Result<Vec<User>>;

    /// Active users by number, `limit` of them after `skip`.
    async fn users_by_number(&self, skip: usize, limit: usize) -> Result<Vec<User>>;

    /// Active users whose username or display name starts with `prefix`,
    /// without regard to case, by number, after `after`.
    async fn search_users(
        &self,
        prefix: &str,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<User>>;

    /// The user with its password hash.
    async fn credentials(&self, key: UserKey) -> Result<Option<Credentials>>;

    /// Changes an account.
    ///
    /// # Errors
    /// As [`create_user`](Self::create_user), and
    /// [`Entity::User`](crate::Entity::User) not found.
    async fn update_user(&self, id: UserId, patch: UserPatch, at: Timestamp) -> Result<User>;

    /// Sets a password hash and ends all sessions but `keep`, in one step.
    async fn set_password(
        &self,
        id: UserId,
        hash: String,
        keep: Option<SessionId>,
        at: Timestamp,
    ) -> Result<()>;

    /// Replaces an old hash by a new one of the same password, if it is still
    /// `old`; ends no session.
    async fn upgrade_password(&self, id: UserId, old: &str, new: String) -> Result<()>;

    /// Suspends, restores or deletes; all but restoring end every session. A
    /// deleted user keeps username, handle, number and external id, so that
    /// nobody else gets them, and loses e-mail address, picture and password.
    async fn set_user_state(&self, id: UserId, state: UserState, at: Timestamp) -> Result<()>;

    /// Takes from a user all that says who it is, ends every session, and removes
    /// what it kept for itself. It stays as a deleted one with the first free
    /// of these names; nothing leads from it to an app's own id any more.
    ///
    /// # Errors
    /// [`Entity::User`](crate::Entity::User) not found.
    async fn erase_user(&self, id: UserId, names: Pseudonyms, at: Timestamp) -> Result<User>;

    /// The next of a user's own messages that are not deleted, by number, after
    /// `after`.
    async fn own_messages(&self, user: UserId, after: MessageId) -> Result<OwnMessages>;

    /// Takes words, files and reactions from those of the messages that stand in
    /// closed rooms, which nobody sees and no command changes.
    async fn empty_in_closed_rooms(&self, ids: &[MessageId], at: Timestamp) -> Result<()>;

    /// Notes when users were last there; never moves backwards.
    async fn touch_last_seen(&self, seen: &[(UserId, Timestamp)]) -> Result<()>;

    /// Stores a login.
    async fn create_session(&self, session: NewSession) -> Result<()>;

    /// Exchanges a refresh token for a new one. A token that was exchanged
    /// before ends its session: somebody else has it.
    async fn rotate_session(
        &self,
        old_hash: [u8; 32],
        new_hash: [u8; 32],
        at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation>;

    /// The user of a session that has neither ended nor run out, if it is
    /// active.
    async fn session_user(&self, id: SessionId, at: Timestamp) -> Result<Option<User>>;

    /// The user's sessions that have neither ended nor run out, newest first, at
    /// most `limit`.
    async fn sessions(&self, user: UserId, at: Timestamp, limit: usize) -> Result<Vec<Session>>;

    /// Ends a session of the user; false when there was none to end.
    async fn end_session(&self, user: UserId, session: SessionId, at: Timestamp) -> Result<bool>;

    /// Ends a session by its refresh token; none when there was none to end.
    async fn end_session_by_token(
        &self,
        hash: [u8; 32],
        at: Timestamp,
    ) -> Result<Option<(UserId, SessionId)>>;
}

/// What an erased user may be called, the best first.
#[derive(Clone, Debug)]
pub struct Pseudonyms {
    /// Username and display name.
    pub usernames: Vec<String>,
    /// See [`Profile::handle`].
    pub handles: Vec<String>,
}

/// Some of a user's messages.
#[derive(Clone, Debug, Default)]
pub struct OwnMessages {
    /// Where and which; perhaps none, though there are more.
    pub found: Vec<(RoomId, MessageId)>,
    /// After which to go on; none when all were looked at.
    pub next: Option<MessageId>,
}

/// What came of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Exchanged.
    Rotated(Session, Box<User>),
    /// It had been exchanged before; the session is ended now.
    Reused(UserId, SessionId),
    /// No live session has it.
    Unknown,
}

/// What names a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoomKey {
    /// By number.
    Id(RoomId),
    /// By UUID.
    Uuid(Uuid),
}

impl From<RoomId> for RoomKey {
    fn from(id: RoomId) -> Self {
        Self::Id(id)
    }
}

impl From<Uuid> for RoomKey {
    fn from(uuid: Uuid) -> Self {
        Self::Uuid(uuid)
    }
}

/// A stretch of a room's messages. Always answered in rising seq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessagePage {
    /// Only messages before this one.
    pub before: Option<Seq>,
    /// Only messages after this one. Without `before` the page begins right
    /// after it; else, and without either, it is the last of what fits.
    pub after: Option<Seq>,
    /// At most so many.
    pub limit: usize,
    /// Whether deleted messages are shown, as what is left of them.
    pub deleted: bool,
}

/// A room's history as one reader is shown it: without deleted and hidden
/// messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownMessages {
    /// How many there are.
    pub count: i64,
    /// Those that come after the skipped ones are before this one.
    pub before: Seq,
}

/// Where a list of rooms goes on: after a room with this last message time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomsCursor {
    /// When the room's last message was stored; none for an empty room.
    pub last_message_at: Option<Timestamp>,
    /// The room.
    pub room: RoomId,
}

/// A stretch of a list of rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomPage {
    /// After this room.
    pub after: Option<RoomsCursor>,
    /// At most so many.
    pub limit: usize,
    /// Whether to count what is unread; it costs a walk over those messages.
    pub unread: bool,
}

/// Where the rooms of a user stand: room, position, version of its members.
pub type Heads = Vec<(RoomId, Position, Revision)>;

/// Rooms and messages, to read.
#[async_trait]
pub trait ReadStore: Send + Sync + 'static {
    /// What a permission in a room rests on; none when there is no such room,
    /// or it was closed.
    async fn authority(&self, room: RoomKey, user: UserId) -> Result<Option<Authority>>;

    /// The room with this external id that is not closed. Says nothing about
    /// who may do what in it.
    async fn room_named(&self, external_id: &str) -> Result<Option<RoomId>>;

    /// The direct room of two people, when there is one.
    async fn direct_room(&self, one: UserId, other: UserId) -> Result<Option<Room>>;

    /// Where a message stands. Says nothing about who may read it.
    async fn message_place(&self, id: MessageId) -> Result<Option<(RoomId, Seq)>>;

    /// How a user stands to the room, in any state.
    async fn membership(
        &self,
        permit: &MayRead,
        user: UserId,
    ) -> Result<Option<Membership>, StoreError>;

    /// Where the rooms stand of which the user is an active member, by number,
    /// at most `limit`.
    async fn heads(&self, user: UserId, limit: usize) -> Result<Heads>;

    /// The rooms of which the user is an active member, the one with the newest
    /// message first, empty ones last (newest room first).
    async fn rooms_of(&self, user: UserId, page: RoomPage) -> Result<Vec<RoomSummary>>;

    /// Public rooms, in the same order. No last message, nothing unread: that
    /// is for members.
    async fn public_rooms(&self, reader: UserId, page: RoomPage) -> Result<Vec<RoomSummary>>;

    /// Public rooms by number, `limit` of them after `skip`.
    async fn public_rooms_by_number(&self, skip: usize, limit: usize) -> Result<Vec<Room>>;

    /// One room as the actor sees it.
    async fn room_summary(&self, permit: &MayRead) -> Result<RoomSummary, StoreError>;

    /// Active members by user number, after `after`.
    async fn members(
        &self,
        permit: &MayRead,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError>;

    /// Active members of those of the rooms in which the reader is an active
    /// member, or which are open and have not banned the reader, by room, then in
    /// the order in which they joined; at most `limit` for each room.
    async fn members_of_rooms(
        &self,
        reader: Option<UserId>,
        rooms: &[RoomId],
        limit: usize,
    ) -> Result<Vec<Member>>;

    /// How far the same members of the same rooms have read, in any order.
    async fn readings_of_rooms(
        &self,
        reader: UserId,
        rooms: &[RoomId],
        limit: usize,
    ) -> Result<Vec<Reading>>;

    /// One message with its reactions.
    async fn message(&self, permit: &MayRead, id: MessageId)
    -> Result<Option<Message>, StoreError>;

    /// The number that a message with this UUID would have.
    async fn message_id(&self, uuid: Uuid) -> Result<Option<MessageId>>;

    /// One message by its UUID, with its reactions.
    async fn message_by_uuid(
        &self,
        permit: &MayRead,
        uuid: Uuid,
    ) -> Result<Option<Message>, StoreError>;

    /// Those of the messages that are in the room, also deleted ones, with their
    /// reactions, in any order.
    async fn messages_by_id(
        &self,
        permit: &MayRead,
        ids: &[MessageId],
    ) -> Result<Vec<Message>, StoreError>;

    /// How many messages the actor is shown, and which come after the newest
    /// `skip` of them.
    async fn shown_messages(
        &self,
        permit: &MayRead,
        skip: i64,
    ) -> Result<ShownMessages, StoreError>;

    /// Messages with their reactions, without those the actor has hidden.
    async fn messages(
        &self,
        permit: &MayRead,
        page: MessagePage,
    ) -> Result<Vec<Message>, StoreError>;

    /// Messages that are neither deleted nor hidden by the actor, the newest first:
    /// `limit` of them after `skip`.
    async fn newest_messages(
        &self,
        permit: &MayRead,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError>;

    /// The marks of a message's recipients (members at its time, without its
    /// sender), by user number, after `after`.
    async fn receipts(
        &self,
        permit: &MayRead,
        message: MessageId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<MessageReceipt>, StoreError>;

    /// Who read each of the messages, which stand at these places and were
    /// written by these users; in the same order.
    async fn readers(
        &self,
        permit: &MayRead,
        messages: &[(Seq, Option<UserId>)],
    ) -> Result<Vec<Readers>, StoreError>;

    /// What the user keeps for itself about those of the rooms about which it
    /// keeps something.
    async fn member_settings(
        &self,
        user: UserId,
        rooms: &[RoomId],
    ) -> Result<Vec<(RoomId, Metadata)>>;

    /// Keeps something for the actor about the room, in place of what was kept.
    async fn set_member_settings(
        &self,
        permit: &MayRead,
        settings: Metadata,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// The next page of what a returning client missed, at most `limit` events:
    /// first messages, then changes. Nothing that is only for other readers.
    async fn catch_up(
        &self,
        permit: &MayRead,
        cursor: CatchUpCursor,
        limit: usize,
    ) -> Result<CatchUp, StoreError>;

    /// Stores an invite.
    async fn create_invite(&self, permit: &MayInvite, invite: Invite) -> Result<(), StoreError>;

    /// An invite that has neither ended nor been used up.
    async fn invite(&self, code: &str, at: Timestamp) -> Result<Option<Invite>>;
}
