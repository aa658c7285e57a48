//! Rooms, their members, and the invites that lead to them.

use serde::Serialize;
use tertulia_domain::room::RoomSummary;
use tertulia_domain::{Membership, Position, Profile};
use utoipa::ToSchema;

use super::{Id, Message, Time, UserBrief};
use crate::common::files::FileLinks;

/// A room, the same for every reader.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct RoomInfo {
    /// Names the room for good.
    pub id: Id,
    /// The same for the dialects that show a UUID.
    #[schema(format = "uuid")]
    pub uuid: String,
    /// What sort of place.
    pub kind: RoomKind,
    /// Its name; `null` in a direct room, which is called after the other
    /// person.
    #[schema(required, example = "Cafetal")]
    pub title: Option<String>,
    /// What it is about.
    #[schema(required)]
    pub description: Option<String>,
    /// Who may find it.
    pub visibility: Visibility,
    /// Whether anyone signed in may read and write without being a member.
    pub open: bool,
    /// When it was made.
    pub created_at: Time,
    /// When title, description or visibility last changed.
    pub updated_at: Time,
}

/// A room as its reader sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Room {
    /// Names the room for good.
    pub id: Id,
    /// The same for the dialects that show a UUID.
    #[schema(format = "uuid")]
    pub uuid: String,
    /// What sort of place.
    pub kind: RoomKind,
    /// Its name; `null` in a direct room, which is called after the other
    /// person: see `peer`.
    #[schema(required, example = "Cafetal")]
    pub title: Option<String>,
    /// What it is about.
    #[schema(required)]
    pub description: Option<String>,
    /// Who may find it.
    pub visibility: Visibility,
    /// Whether anyone signed in may read and write without being a member.
    pub open: bool,
    /// When it was made.
    pub created_at: Time,
    /// When title, description or visibility last changed.
    pub updated_at: Time,
    /// The other person in a direct room.
    #[schema(required)]
    pub peer: Option<UserBrief>,
    /// What the reader may do there; `null` for those who are not members.
    #[schema(required)]
    pub role: Option<Role>,
    /// The number of the last message; 0 in an empty room, and for those who
    /// may not read.
    #[schema(minimum = 0)]
    pub last_seq: i64,
    /// The number of the last change to what was already sent; 0 for those who
    /// may not read. With `last_seq` it is the room's entry in a cursor for
    /// `/v1/ws`.
    #[schema(minimum = 0)]
    pub revision: i64,
    /// The highest message that the reader has read; 0 for none.
    #[schema(minimum = 0)]
    pub read_seq: i64,
    /// Messages of others after `read_seq`, counted up to 1,000.
    #[schema(minimum = 0, maximum = 1000)]
    pub unread: i64,
    /// The newest message that is neither deleted nor hidden by the reader.
    #[schema(required)]
    pub last_message: Option<Message>,
}

/// The sorts of room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RoomKind {
    /// Two people; one room for each pair.
    Direct,
    /// Members talk to each other.
    Group,
    /// Owner and admins write, members read.
    Channel,
}

/// Who may find a room and enter it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Visibility {
    /// Listed for everyone; anyone may join.
    Public,
    /// Members only; entered by invitation.
    Private,
}

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Everything. A room has one owner.
    Owner,
    /// Keeps order.
    Admin,
    /// Takes part.
    Member,
}

/// How a user stands to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MemberState {
    /// Belongs to it.
    Active,
    /// Does not belong to it yet.
    Pending,
    /// Belonged to it.
    Left,
    /// May not come back until an admin says so.
    Banned,
}

/// A user in a room.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Member {
    /// Who.
    pub user: UserBrief,
    /// What the member may do.
    pub role: Role,
    /// Whether the user belongs to the room now. Lists hold active members
    /// only.
    pub state: MemberState,
    /// When this membership began.
    pub joined_at: Time,
    /// The highest message that reached the member; 0 for none.
    #[schema(minimum = 0)]
    pub delivered_seq: i64,
    /// The highest message that the member read; 0 for none.
    #[schema(minimum = 0)]
    pub read_seq: i64,
}

/// A code that lets its bearer into a room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Invite {
    /// Goes into `POST /v1/invites/{code}`.
    #[schema(example = "0Zk3bQ1tT9mB6w2yq3xX7A")]
    pub code: String,
    /// Where it leads.
    pub room_id: Id,
    /// How many more may use it; `null` for any number.
    #[schema(required)]
    pub uses_left: Option<i64>,
    /// When it was made.
    pub created_at: Time,
    /// When it ends.
    pub expires_at: Time,
}

impl From<&tertulia_domain::Room> for RoomInfo {
    fn from(room: &tertulia_domain::Room) -> Self {
        Self {
            id: room.id.into(),
            uuid: room.uuid.to_string(),
            kind: room.kind.into(),
            title: room.title.clone(),
            description: room.description.clone(),
            visibility: room.visibility.into(),
            open: room.open,
            created_at: room.created_at.into(),
            updated_at: room.updated_at.into(),
        }
    }
}

impl Room {
    /// A room as its reader sees it.
    #[must_use]
    pub(crate) fn new(summary: &RoomSummary, links: &FileLinks) -> Self {
        let RoomInfo {
            id,
            uuid,
            kind,
            title,
            description,
            visibility,
            open,
            created_at,
            updated_at,
        } = (&*summary.room).into();
        let membership = summary
            .membership
            .as_ref()
            .filter(|membership| membership.is_active());
        // Whoever may not read does not learn how much was said either.
        let position = match membership {
            None if !open => Position::START,
            _ => summary.position,
        };
        Self {
            id,
            uuid,
            kind,
            title,
            description,
            visibility,
            open,
            created_at,
            updated_at,
            peer: summary
                .peer
                .as_deref()
                .map(|peer| UserBrief::new(peer, links)),
            role: membership.map(|membership| membership.role.into()),
            last_seq: position.seq.0,
            revision: position.revision.0,
            read_seq: membership.map_or(0, |membership| membership.read_seq.0),
            unread: summary.unread,
            last_message: summary
                .last_message
                .as_ref()
                .map(|message| Message::new(message, summary.last_sender.as_deref(), links)),
        }
    }
}

impl Member {
    /// A membership with its user.
    #[must_use]
    pub(crate) fn new(membership: &Membership, profile: &Profile, links: &FileLinks) -> Self {
        Self {
            user: UserBrief::new(profile, links),
            role: membership.role.into(),
            state: membership.state.into(),
            joined_at: membership.joined_at.into(),
            delivered_seq: membership.delivered_seq.0,
            read_seq: membership.read_seq.0,
        }
    }
}

impl From<&tertulia_domain::room::Invite> for Invite {
    fn from(invite: &tertulia_domain::room::Invite) -> Self {
        Self {
            code: invite.code.clone(),
            room_id: invite.room.into(),
            uses_left: invite.uses_left,
            created_at: invite.created_at.into(),
            expires_at: invite.expires_at.into(),
        }
    }
}

impl From<tertulia_domain::RoomKind> for RoomKind {
    fn from(kind: tertulia_domain::RoomKind) -> Self {
        match kind {
            tertulia_domain::RoomKind::Direct => Self::Direct,
            tertulia_domain::RoomKind::Group => Self::Group,
            tertulia_domain::RoomKind::Channel => Self::Channel,
        }
    }
}

impl RoomKind {
    /// From its word on the wire.
    #[must_use]
    pub(crate) fn read(word: &str) -> Option<Self> {
        match word {
            "direct" => Some(Self::Direct),
            "group" => Some(Self::Group),
            "channel" => Some(Self::Channel),
            _ => None,
        }
    }
}

impl From<tertulia_domain::Visibility> for Visibility {
    fn from(visibility: tertulia_domain::Visibility) -> Self {
        match visibility {
            tertulia_domain::Visibility::Public => Self::Public,
            tertulia_domain::Visibility::Private => Self::Private,
        }
    }
}

impl From<Visibility> for tertulia_domain::Visibility {
    fn from(visibility: Visibility) -> Self {
        match visibility {
            Visibility::Public => Self::Public,
            Visibility::Private => Self::Private,
        }
    }
}

impl Visibility {
    /// From its word on the wire.
    #[must_use]
    pub(crate) fn read(word: &str) -> Option<Self> {
        match word {
            "public" => Some(Self::Public),
            "private" => Some(Self::Private),
            _ => None,
        }
    }
}

impl From<tertulia_domain::Role> for Role {
    fn from(role: tertulia_domain::Role) -> Self {
        match role {
            tertulia_domain::Role::Owner => Self::Owner,
            tertulia_domain::Role::Admin => Self::Admin,
            tertulia_domain::Role::Member => Self::Member,
        }
    }
}

impl From<Role> for tertulia_domain::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Admin => Self::Admin,
            Role::Member => Self::Member,
        }
    }
}

impl Role {
    /// From its word on the wire.
    #[must_use]
    pub(crate) fn read(word: &str) -> Option<Self> {
        match word {
            "owner" => Some(Self::Owner),
            "admin" => Some(Self::Admin),
            "member" => Some(Self::Member),
            _ => None,
        }
    }
}

impl From<tertulia_domain::MembershipState> for MemberState {
    fn from(state: tertulia_domain::MembershipState) -> Self {
        match state {
            tertulia_domain::MembershipState::Active => Self::Active,
            tertulia_domain::MembershipState::Pending => Self::Pending,
            tertulia_domain::MembershipState::Left => Self::Left,
            tertulia_domain::MembershipState::Banned => Self::Banned,
        }
    }
}
