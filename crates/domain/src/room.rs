//! Rooms and who belongs to them.

use std::sync::Arc;

use uuid::Uuid;

use crate::{Message, Position, Profile, Revision, RoomId, Seq, Timestamp, UserId};

/// A place where people talk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// The room's number.
    pub id: RoomId,
    /// The room's UUID, for the dialects that show one.
    pub uuid: Uuid,
    /// What sort of place.
    pub kind: RoomKind,
    /// Who may find it.
    pub visibility: Visibility,
    /// Whether anyone signed in may read and write without membership
    /// (IzpoChat's public rooms).
    pub open: bool,
    /// None for direct rooms: each dialect names those for its reader.
    pub title: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// The free text by which an app names it (REDUP's ad-hoc groups); digits
    /// alone are a user's own room, see [`own_of`](Self::own_of).
    pub external_id: Option<String>,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
    /// When title, description or visibility last changed.
    pub updated_at: Timestamp,
}

impl Room {
    /// Whose notes to self these are, if they are somebody's: such a room has
    /// its user's number for a name.
    #[must_use]
    pub fn own_of(&self) -> Option<UserId> {
        let name = self.external_id.as_deref()?;
        let digits = name.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.then(|| name.parse().ok()).flatten();
        number.map(UserId)
    }
}

/// The sorts of room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoomKind {
    /// Two people; one room for each pair.
    Direct,
    /// Members talk to each other.
    Group,
    /// Owner and admins write, members read.
    Channel,
}

/// Who may find a room and enter it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Listed for everyone; anyone may join.
    Public,
    /// Members only; entered by invitation.
    Private,
}

/// What a member may do; see [`policy`](crate::policy).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Takes part.
    Member,
    /// Keeps order.
    Admin,
    /// Everything; a group has exactly one while it has members.
    Owner,
}

/// How a user stands to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MembershipState {
    /// Belongs to it.
    Active,
    /// Was asked in by a member; does not belong to it yet, and may enter.
    Pending,
    /// Belonged to it.
    Left,
    /// May not come back until an admin says so.
    Banned,
}

/// A user in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Where.
    pub room: RoomId,
    /// Who.
    pub user: UserId,
    /// What the user may do.
    pub role: Role,
    /// Whether the user belongs to it now.
    pub state: MembershipState,
    /// When this membership began.
    pub joined_at: Timestamp,
    /// The last message before this membership: later ones count as sent to
    /// this member.
    pub since: Seq,
    /// The last message of this membership, when it has ended.
    pub until: Option<Seq>,
    /// The highest message delivered to this member; zero for none.
    pub delivered_seq: Seq,
    /// The highest message read by this member; zero for none.
    pub read_seq: Seq,
    /// The change that made this row what it is, receipts aside.
    pub revision: Revision,
}

impl Membership {
    /// Whether the user belongs to the room now.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state == MembershipState::Active
    }
}

/// A membership with its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// How the user stands to the room.
    pub membership: Membership,
    /// Who it is.
    pub profile: Arc<Profile>,
}

/// A room as one reader sees it in a list.
#[derive(Clone, Debug)]
pub struct RoomSummary {
    /// The room.
    pub room: Arc<Room>,
    /// Where it stands.
    pub position: Position,
    /// The reader's own membership; none in a public room not joined.
    pub membership: Option<Membership>,
    /// The other person, in a direct room.
    pub peer: Option<Arc<Profile>>,
    /// The newest message that is not deleted and that the reader has not
    /// hidden.
    pub last_message: Option<Message>,
    /// Who wrote it.
    pub last_sender: Option<Arc<Profile>>,
    /// When the room's newest message was stored, whatever became of it: its
    /// place in a list of rooms.
    pub last_message_at: Option<Timestamp>,
    /// Messages of others, not deleted, after the reader's `read_seq` and since
    /// it joined; counted up to 1,000.
    /// Zero where the list was not asked to count.
    pub unread: i64,
}

/// A room about to be made; already validated.
#[derive(Clone, Debug)]
pub struct NewRoom {
    /// The room itself.
    pub room: Room,
    /// Its first members, the creator included, each once.
    pub members: Vec<(UserId, Role)>,
}

/// What may be changed of a room. `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct RoomPatch {
    /// A new title.
    pub title: Option<String>,
    /// A new description; `Some(None)` removes it.
    pub description: Option<Option<String>>,
    /// A new visibility; a private room is open to nobody.
    pub visibility: Option<Visibility>,
    /// Whether anyone may read and write; only together with `Public`.
    pub open: Option<bool>,
}

/// A code that lets its bearer into a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// 22 characters of URL-safe Base64: 128 random bits.
    pub code: String,
    /// Where it leads.
    pub room: RoomId,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// How many more may use it; none for any number.
    pub uses_left: Option<i64>,
}
