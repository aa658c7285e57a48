//! Delivered and read marks, kept as stretches of seq that only grow: "who read
//! this message, and when" has an exact answer without a row for each message
//! and reader (`design.md` §3).

use crate::{RoomId, Seq, Timestamp, UserId};

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReceiptKind {
    /// It reached a device.
    Delivered,
    /// The person saw it. Implies delivered.
    Read,
}

/// Messages `from` to `to` of a room, both included, marked by one member at
/// one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// What the mark says.
    pub kind: ReceiptKind,
    /// The first message.
    pub from: Seq,
    /// The last message.
    pub to: Seq,
    /// When they were first marked.
    pub at: Timestamp,
}

/// What a member asks to mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Everything up to a message that is not marked yet (`/v1`).
    UpTo(ReceiptKind, Seq),
    /// One message (UPRed, REDUP, SOS).
    Only(ReceiptKind, Seq),
}

/// Who read one message, its sender aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readers {
    /// How many.
    pub count: i64,
    /// Whether the one who asks is among them.
    pub with_asker: bool,
}

/// How far a member has read a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Where.
    pub room: RoomId,
    /// Who.
    pub user: UserId,
    /// When the newest message that it has read was marked; none where it has
    /// read none.
    pub last_read_at: Option<Timestamp>,
    /// Messages of others, not deleted, after the highest that it has read and
    /// since it joined; counted among the newest 100.
    pub unread: i64,
}

/// One recipient's marks on one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageReceipt {
    /// The recipient.
    pub user: UserId,
    /// When it first reached a device.
    pub delivered_at: Option<Timestamp>,
    /// When it was first read.
    pub read_at: Option<Timestamp>,
}
