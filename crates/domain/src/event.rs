//! What the domain announces. Stored events belong to a room and carry its
//! position after them; ephemeral events are never stored or replayed (G10).
//!
//! Events are shared by all readers and all dialects: nothing in them depends
//! on who reads.

use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use crate::room::Member;
use crate::{
    Membership, Message, MessageId, Position, Profile, Revision, Room, RoomId, Seq, SessionId,
    Status, Stretch, Timestamp, UserId,
};

/// Something happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Something stored happened in a room.
    Room(RoomEvent),
    /// Somebody is writing, or stopped.
    Typing {
        /// Where.
        room: Arc<Room>,
        /// Who; is not told.
        user: Arc<Profile>,
        /// Writing, or no longer.
        on: bool,
        /// When.
        at: Timestamp,
    },
    /// Somebody opened a room in a connection of its own, or closed the last
    /// one. For the others who listen to that room.
    Attendance {
        /// Where.
        room: RoomId,
        /// Who; is not told.
        user: Arc<Profile>,
        /// Came, or went.
        here: bool,
        /// When.
        at: Timestamp,
    },
    /// A connection opened a room in front of its user, or put it away. Says
    /// nothing about who belongs to the room.
    Visit(Visit),
    /// Somebody came, went, or changed status. For everyone who shares a room
    /// with the user.
    Presence {
        /// Who.
        user: Arc<Profile>,
        /// The status now.
        status: Status,
        /// Why it is told; a chosen status is told to the user's own
        /// connections too.
        cause: PresenceCause,
    },
    /// A call signal, passed on and forgotten.
    Signal(Signal),
    /// A login ended: its connections must close.
    SessionsEnded(SessionsEnded),
    /// Somebody's name or picture changed.
    ProfileChanged(Arc<Profile>),
}

impl Event {
    /// The room it happened in, when it happened in one.
    #[must_use]
    pub fn room(&self) -> Option<RoomId> {
        match self {
            Self::Room(event) => Some(event.room.id),
            Self::Typing { room, .. } => Some(room.id),
            Self::Visit(visit) => Some(visit.room.id),
            Self::Attendance { room, .. } => Some(*room),
            Self::Signal(signal) => Some(signal.room.id),
            Self::Presence { .. } | Self::SessionsEnded(_) | Self::ProfileChanged(_) => None,
        }
    }
}

/// Something stored happened in a room.
#[derive(Clone, Debug)]
pub struct RoomEvent {
    /// Where.
    pub room: Arc<Room>,
    /// Where the room stands after it. Exactly one of seq and revision is one
    /// more than after the event before.
    pub at: Position,
    /// The revision of the room's last change of members: a node that knows an
    /// older one asks the store before it trusts its cache.
    pub members_version: Revision,
    /// What.
    pub change: Change,
}

/// What happened in a room.
#[derive(Clone, Debug)]
pub enum Change {
    /// Somebody said something.
    Message {
        /// What.
        message: Arc<Message>,
        /// Who; none for the server.
        sender: Option<Arc<Profile>>,
    },
    /// The author changed a message.
    Edited {
        /// As it is now.
        message: Arc<Message>,
        /// The author.
        sender: Option<Arc<Profile>>,
    },
    /// A message was taken back.
    Deleted {
        /// What is left of it.
        message: Arc<Message>,
        /// Who took it back.
        by: Arc<Profile>,
    },
    /// One reader put a message out of its own sight. Only for that reader's
    /// connections.
    Hidden {
        /// Which.
        message: MessageId,
        /// Its place.
        seq: Seq,
        /// The reader.
        user: UserId,
    },
    /// A reaction was set or taken back.
    Reaction {
        /// On which message.
        message: MessageId,
        /// Its UUID.
        uuid: Uuid,
        /// Its place.
        seq: Seq,
        /// Whose.
        user: Arc<Profile>,
        /// Which.
        emoji: String,
        /// Set, or taken back.
        on: bool,
        /// When.
        at: Timestamp,
    },
    /// A member marked messages.
    Receipt {
        /// Who.
        user: Arc<Profile>,
        /// What was not marked before.
        stretches: Vec<Stretch>,
    },
    /// Somebody's membership changed.
    Member {
        /// Who, and how it stands now.
        member: Member,
        /// Who changed it.
        by: UserId,
    },
    /// The room was made. For all its first members.
    Created {
        /// Who they are.
        members: Vec<Member>,
        /// Who made it.
        by: UserId,
    },
    /// Title, description or visibility changed.
    Updated {
        /// Who changed it.
        by: UserId,
    },
    /// The room is gone; nothing follows.
    Closed {
        /// Who closed it.
        by: UserId,
    },
}

impl Change {
    /// The membership that this changes, when it changes one.
    #[must_use]
    pub fn membership(&self) -> Option<&Membership> {
        match self {
            Self::Member { member, .. } => Some(&member.membership),
            _ => None,
        }
    }
}

/// Why a presence is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresenceCause {
    /// The first connection came, or the last one went.
    Connection,
    /// The user chose it.
    Chosen,
}

/// A call signal between members of one room.
#[derive(Clone, Debug)]
pub struct Signal {
    /// Where the call is.
    pub room: Arc<Room>,
    /// Who sends it: always the authenticated user (S8).
    pub from: Arc<Profile>,
    /// For whom: one member, or every other member.
    pub to: Option<Arc<Profile>>,
    /// What sort: `offer`, `answer`, `ice`, `end`, or another app's word.
    pub kind: String,
    /// The app's own words.
    pub payload: Value,
    /// `audio` or `video`, when said.
    pub mode: Option<String>,
}

/// A connection opened a room, or put it away (UPRed's `join_group` and
/// `leave_group`).
#[derive(Clone, Debug)]
pub struct Visit {
    /// Where.
    pub room: Arc<Room>,
    /// Whose connection.
    pub user: Arc<Profile>,
    /// Opened, or put away.
    pub on: bool,
    /// Which connection, as its node calls it; is not told. The user's others
    /// are.
    pub connection: u64,
}

/// Logins that ended before their time (S4).
#[derive(Clone, Debug)]
pub struct SessionsEnded {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub which: EndedSessions,
}

/// Which logins of a user ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedSessions {
    /// This one.
    One(SessionId),
    /// All but this one: the password was changed there.
    AllBut(SessionId),
    /// All: suspended, deleted, or the password was set by an administrator.
    All,
}

impl EndedSessions {
    /// Whether a connection admitted by `session` must close; `None` is a
    /// connection that no session of ours admitted.
    #[must_use]
    pub fn includes(self, session: Option<SessionId>) -> bool {
        match self {
            Self::One(ended) => session == Some(ended),
            Self::AllBut(kept) => session != Some(kept),
            Self::All => true,
        }
    }
}

/// What a returning client missed in one room, one page of it (G8).
#[derive(Clone, Debug)]
pub struct CatchUp {
    /// What it missed, in order. A message comes as it is now.
    pub events: Vec<RoomEvent>,
    /// Where the next page begins.
    pub next: CatchUpCursor,
    /// Whether everything up to the room's position at reading is told.
    pub complete: bool,
}

/// How far a catch-up has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatchUpCursor {
    /// What the client knew when it came back.
    pub known: Position,
    /// What it knows now.
    pub reached: Position,
    /// The room's revision when the catch-up began: messages told since then
    /// include every change up to it.
    pub snapshot: Option<Revision>,
}

impl CatchUpCursor {
    /// From what the client says it knows.
    #[must_use]
    pub fn new(known: Position) -> Self {
        Self {
            known,
            reached: known,
            snapshot: None,
        }
    }
}

/// Which rooms' worth of events a recovery may name: a room and where the
/// client stands in it.
pub type RoomCursor = (RoomId, Position);
