//! What the writer stores: every change of a room, as a value with the permit
//! that allows it, and what came of it.

use std::sync::Arc;

use uuid::Uuid;

use crate::message::NewMessage;
use crate::policy::{
    MayAdmit, MayClose, MayDelete, MayEdit, MayJoin, MayLeave, MayReact, MayRead, MayRemove,
    MaySpeak, MayUpdate, Permit,
};
use crate::receipt::Mark;
use crate::room::{Member, NewRoom, RoomPatch};
use crate::{
    Error, Message, MessageId, Position, Revision, Role, Room, Seq, Stretch, Timestamp, UserId,
};

/// A change of one room. All changes of rooms pass the writer, so that their
/// events are published in the order in which they were committed.
#[derive(Debug)]
pub enum Command {
    /// Makes a group or channel.
    CreateRoom {
        /// The room and its first members.
        room: NewRoom,
        /// Who makes it.
        by: UserId,
    },
    /// Finds the direct room of two people, or makes it.
    OpenDirect {
        /// The room to make when there is none; its members are the two.
        room: NewRoom,
        /// Who asks.
        by: UserId,
    },
    /// Appends a message.
    Append {
        /// The right to.
        permit: MaySpeak,
        /// What to append.
        message: NewMessage,
    },
    /// Changes a message's words.
    Edit {
        /// The right to.
        permit: MayEdit,
        /// The new words.
        text: String,
        /// When.
        at: Timestamp,
    },
    /// Takes a message back for everybody.
    Delete {
        /// The right to.
        permit: MayDelete,
        /// When.
        at: Timestamp,
    },
    /// Puts a message out of the actor's own sight.
    Hide {
        /// The right to.
        permit: MayRead,
        /// Which.
        message: MessageId,
        /// When.
        at: Timestamp,
    },
    /// Sets or takes back a reaction.
    React {
        /// The right to.
        permit: MayReact,
        /// On which message.
        message: MessageId,
        /// Which.
        emoji: String,
        /// Set, take back, or whichever it is not now.
        on: Toggle,
        /// The most that may stand on the message.
        most: usize,
        /// When.
        at: Timestamp,
    },
    /// Marks messages as delivered or read.
    Mark {
        /// The right to.
        permit: MayRead,
        /// What to mark.
        marks: Vec<Mark>,
        /// When.
        at: Timestamp,
    },
    /// Enters by oneself.
    Join {
        /// The right to.
        permit: MayJoin,
        /// What lets the actor in.
        by: Entrance,
        /// When.
        at: Timestamp,
    },
    /// Asks somebody in, who may enter then.
    AskIn {
        /// The right to.
        permit: MayAdmit,
        /// When.
        at: Timestamp,
    },
    /// Brings somebody in, or gives a member another role.
    Admit {
        /// The right to.
        permit: MayAdmit,
        /// The role. `Owner` passes ownership on: the owner becomes an admin.
        role: Role,
        /// When.
        at: Timestamp,
    },
    /// Puts somebody out.
    Remove {
        /// The right to.
        permit: MayRemove,
        /// Whether to keep them out.
        ban: bool,
        /// When.
        at: Timestamp,
    },
    /// Leaves. An owner's role passes to the longest-standing admin, else to
    /// the longest-standing member.
    Leave {
        /// The right to.
        permit: MayLeave,
        /// When.
        at: Timestamp,
    },
    /// Changes title, description or visibility.
    UpdateRoom {
        /// The right to.
        permit: MayUpdate,
        /// What to change.
        patch: RoomPatch,
        /// When.
        at: Timestamp,
    },
    /// Closes the room for good: nobody is a member any more.
    CloseRoom {
        /// The right to.
        permit: MayClose,
        /// When.
        at: Timestamp,
    },
}

/// What lets somebody into a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// It is public or entered by its name, or a member asked the actor in.
    Door,
    /// The invite that was shown; one use of it is spent.
    Invite(String),
    /// Private rooms are open to whoever knows their number
    /// ([`Limits::join_by_number`](crate::Limits::join_by_number)).
    Number,
}

/// How a reaction changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toggle {
    /// It stands afterwards.
    On,
    /// It does not stand afterwards.
    Off,
    /// It stands if it did not.
    Flip,
}

impl Command {
    /// The room that it changes and the version at which it was permitted; none
    /// for a room about to be made.
    #[must_use]
    pub fn permitted_room(&self) -> Option<(Arc<Room>, Revision)> {
        fn of<A>(permit: &Permit<A>) -> Option<(Arc<Room>, Revision)> {
            Some((Arc::clone(permit.room()), permit.version()))
        }
        match self {
            Self::CreateRoom { .. } | Self::OpenDirect { .. } => None,
            Self::Append { permit, .. } => of(permit),
            Self::Edit { permit, .. } => of(permit.permit()),
            Self::Delete { permit, .. } => of(permit.permit()),
            Self::Hide { permit, .. } | Self::Mark { permit, .. } => of(permit),
            Self::React { permit, .. } => of(permit),
            Self::Join { permit, .. } => of(permit),
            Self::AskIn { permit, .. } | Self::Admit { permit, .. } => of(permit.permit()),
            Self::Remove { permit, .. } => of(permit.permit()),
            Self::Leave { permit, .. } => of(permit),
            Self::UpdateRoom { permit, .. } => of(permit),
            Self::CloseRoom { permit, .. } => of(permit),
        }
    }
}

/// What came of a command.
#[derive(Debug)]
pub enum Outcome {
    /// A message has its place.
    Appended {
        /// As stored.
        message: Arc<Message>,
        /// Where the room stands after it.
        at: Position,
    },
    /// The same send was stored before (G6, or the other half of a
    /// [pair](crate::pairing)): the first result, nothing new.
    Repeated {
        /// As stored; with its present words, if it was edited since.
        message: Arc<Message>,
    },
    /// A message has new words.
    Edited {
        /// As it is now.
        message: Arc<Message>,
        /// Where the room stands after it.
        at: Position,
    },
    /// A message was taken back.
    Deleted {
        /// What is left of it.
        message: Arc<Message>,
        /// Where the room stands after it.
        at: Position,
    },
    /// A message is out of one reader's sight.
    Hidden {
        /// Its place.
        seq: Seq,
        /// Where the room stands after it.
        at: Position,
    },
    /// A reaction changed.
    Reacted {
        /// The message's UUID.
        uuid: Uuid,
        /// The message's place.
        seq: Seq,
        /// Whether it stands now.
        on: bool,
        /// Where the room stands after it.
        at: Position,
    },
    /// Messages were marked that were not marked before.
    Marked {
        /// Which.
        stretches: Vec<Stretch>,
        /// Where the room stands after it.
        at: Position,
    },
    /// A room was made.
    Created {
        /// The room.
        room: Arc<Room>,
        /// Its members.
        members: Vec<Member>,
        /// Where it stands.
        at: Position,
    },
    /// The room was there already.
    Found {
        /// The room.
        room: Arc<Room>,
    },
    /// Memberships changed, in this order; each raised the revision by one.
    Members {
        /// As they are now, with the room's position after each.
        changed: Vec<(Member, Position)>,
    },
    /// The room has other words.
    Updated {
        /// As it is now.
        room: Arc<Room>,
        /// Where it stands after it.
        at: Position,
        /// It was open and is no longer: what was permitted to anyone is not any
        /// more, so that this counts as a change of members.
        shut: bool,
    },
    /// The room is gone.
    Closed {
        /// Where it stood at the end.
        at: Position,
    },
    /// Everything was as asked for already: no event. Also when the SQL client's
    /// row that asked for a message waits no longer.
    Unchanged,
}

/// Why the store did not do as asked.
#[derive(Debug)]
pub enum StoreError {
    /// The room's members changed since the permit was given: authorize again.
    Stale,
    /// It cannot be done, or storage is away.
    Failed(Error),
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
