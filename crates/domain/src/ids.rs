//! Identifiers and positions. Users and rooms stay below 2^31 (Android clients
//! hold them in an `int`), messages below 2^53 (JavaScript numbers); all start
//! at 1 in a fresh database (`design.md` §3).

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A user's number: 1 to 2^31 - 1.
    UserId
);
id!(
    /// A room's number: 1 to 2^31 - 1.
    RoomId
);
id!(
    /// A message's number over all rooms: 1 to 2^53 - 1. Says nothing about
    /// order; order is [`Seq`].
    MessageId
);
id!(
    /// A file's number: 1 to 2^31 - 1.
    FileId
);
id!(
    /// A login on a device.
    SessionId
);
id!(
    /// The number of a row that an SQL client inserted; any number. See
    /// [`outbox`](crate::outbox).
    OutboxId
);
id!(
    /// A message's number in its room: 1, 2, 3, without holes.
    Seq
);
id!(
    /// A room's counter of changes to what was already sent: edits, deletions,
    /// reactions, receipts, members, the room itself. Each change takes the
    /// next number, so that a position in this order is exact.
    Revision
);

impl Seq {
    /// Before the first message.
    pub const ZERO: Self = Self(0);

    /// The next message's number.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Revision {
    /// Before the first change.
    pub const ZERO: Self = Self(0);

    /// The next change's number.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Where a room stands, or how far a client has followed it: the last message
/// and the last change. Every stored event raises exactly one of the two by
/// one, so events of a room have one order and none can be missed unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The last message.
    pub seq: Seq,
    /// The last change.
    pub revision: Revision,
}

impl Position {
    /// Before everything.
    pub const START: Self = Self {
        seq: Seq::ZERO,
        revision: Revision::ZERO,
    };

    /// Whether everything up to `other` is included here.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.seq >= other.seq && self.revision >= other.revision
    }

    /// How many stored events a room has seen at this position.
    #[must_use]
    pub fn step(self) -> i64 {
        self.seq.0 + self.revision.0
    }
}
