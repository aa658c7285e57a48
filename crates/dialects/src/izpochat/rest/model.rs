//! The objects of contract §3, key by key in its order.

use serde::Serialize;
use tertulia_domain::{User, UserId, UserState};
use utoipa::ToSchema;

use crate::izpochat::encode::full_name;
use crate::izpochat::time::Zulu;

/// A person.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = izpochat::User)]
pub(in crate::izpochat) struct UserObject {
    /// Unique, without regard to case.
    pub username: String,
    /// One's own address; empty for everybody else.
    pub email: String,
    /// None where the user gave none.
    pub full_name: Option<String>,
    /// The user's number.
    pub id: i64,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// When the account was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Zulu,
    /// When it last changed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Zulu>,
}

impl UserObject {
    /// A user as this reader may see it (contract §6).
    pub(super) fn new(user: &User, reader: Option<UserId>) -> Self {
        let own = reader == Some(user.id());
        let email = user.email.as_deref().filter(|_| own);
        Self {
            username: user.profile.username.clone(),
            email: email.unwrap_or_default().to_owned(),
            full_name: full_name(&user.profile).map(str::to_owned),
            id: user.id().0,
            is_active: user.state == UserState::Active,
            created_at: Zulu(user.created_at),
            updated_at: changed(user.created_at, user.updated_at),
        }
    }
}

/// Something that never changed has no time of its last change.
pub(super) fn changed(
    created_at: tertulia_domain::Timestamp,
    updated_at: tertulia_domain::Timestamp,
) -> Option<Zulu> {
    (updated_at != created_at).then_some(Zulu(updated_at))
}

/// A room.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = izpochat::Room)]
pub(in crate::izpochat) struct RoomObject {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// Whether it takes an invitation to enter it.
    pub is_private: bool,
    /// The room's number.
    pub id: i64,
    /// Whose it is; 0 for nobody's.
    pub owner_id: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Zulu,
    /// When it last changed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Zulu>,
    /// Whose it is.
    pub owner: UserObject,
    /// Those who belong to it, the first ones first; of large rooms not all.
    pub members: Vec<UserObject>,
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::Message)]
pub(super) struct MessageObject<'a> {
    /// Its words.
    #[schema(value_type = String)]
    pub content: &'a str,
    /// Where it was said.
    pub room_id: i64,
    /// The message's number.
    pub id: i64,
    /// Who said it; 0 for the server.
    pub sender_id: i64,
    /// The file that comes with it.
    pub file_id: Option<i64>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Zulu,
    /// Who said it.
    pub sender: UserObject,
    /// Where.
    #[schema(value_type = RoomObject)]
    pub room: &'a RoomObject,
    /// The file that comes with it.
    #[schema(value_type = Option<Object>)]
    pub file: Option<()>,
}

/// A login.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::Token)]
pub(super) struct TokenObject {
    /// For `Authorization: Bearer`, and for `?token=` of a socket.
    pub access_token: String,
    /// Always `bearer`.
    pub token_type: &'static str,
}

/// What became of joining or leaving.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::Done)]
pub(super) struct DoneObject {
    /// For people.
    pub message: &'static str,
    /// Which room.
    pub room_id: i64,
}

/// Who was asked in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::Invited)]
pub(super) struct InvitedObject {
    /// For people.
    pub message: &'static str,
    /// Into which room.
    pub room_id: i64,
    /// Who.
    pub user_id: i64,
}

/// Who has a room open.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::Online)]
pub(super) struct OnlineObject {
    /// Which room.
    pub room_id: i64,
    /// Who.
    pub online_users: Vec<OnlineUser>,
    /// How many they are.
    pub count: usize,
}

/// Somebody who has a room open.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::OnlineUser)]
pub(super) struct OnlineUser {
    /// The user's number.
    pub id: i64,
    /// See the user.
    pub username: String,
    /// See the user.
    pub full_name: Option<String>,
}
