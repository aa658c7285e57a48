//! People, accounts and logins.

use serde::Serialize;
use tertulia_domain::{Profile, SessionId, Timestamp};
use utoipa::ToSchema;

use super::{Id, Time};
use crate::common::files::FileLinks;

/// What everyone may see of a user, wherever one is named.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct UserBrief {
    /// Names the user for good.
    pub id: Id,
    /// The same for the dialects that show a UUID.
    #[schema(format = "uuid")]
    pub uuid: String,
    /// Unique, without regard to case.
    #[schema(example = "ines")]
    pub username: String,
    /// What people call the user.
    #[schema(example = "Inés Mora")]
    pub display_name: String,
    /// A picture.
    #[schema(required)]
    pub avatar_url: Option<String>,
}

/// A user.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct User {
    /// Names the user for good.
    pub id: Id,
    /// The same for the dialects that show a UUID.
    #[schema(format = "uuid")]
    pub uuid: String,
    /// Unique, without regard to case.
    #[schema(example = "ines")]
    pub username: String,
    /// What people call the user.
    #[schema(example = "Inés Mora")]
    pub display_name: String,
    /// A picture.
    #[schema(required)]
    pub avatar_url: Option<String>,
    /// Whether the user is there now.
    pub status: Status,
    /// When the user was last there.
    #[schema(required)]
    pub last_seen_at: Option<Time>,
}

/// One's own account: a user with what only its owner sees.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Account {
    /// Names the user for good.
    pub id: Id,
    /// The same for the dialects that show a UUID.
    #[schema(format = "uuid")]
    pub uuid: String,
    /// Unique, without regard to case.
    #[schema(example = "ines")]
    pub username: String,
    /// What people call the user.
    #[schema(example = "Inés Mora")]
    pub display_name: String,
    /// A picture.
    #[schema(required)]
    pub avatar_url: Option<String>,
    /// Whether the user is there now.
    pub status: Status,
    /// When the user was last there.
    #[schema(required)]
    pub last_seen_at: Option<Time>,
    /// The e-mail address.
    #[schema(required, example = "ines@example.org")]
    pub email: Option<String>,
    /// The app's own id for this person, where the app brings its users along.
    #[schema(required)]
    pub external_id: Option<String>,
    /// When the account was made.
    pub created_at: Time,
}

/// Whether a user is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// At least one live connection.
    Online,
    /// Connected, and asks not to be disturbed.
    Busy,
    /// Not connected, or wishing to look so.
    Offline,
}

/// A fresh login.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignedIn {
    /// Who.
    pub user: Account,
    /// Goes into the header `Authorization: Bearer …`.
    pub access_token: String,
    /// Good for one `POST /v1/auth/refresh`. One that is used twice ends the
    /// session: somebody else has it.
    pub refresh_token: String,
    /// Seconds that the access token lives.
    #[schema(minimum = 1, example = 900)]
    pub expires_in: u64,
}

/// A login on a device.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// Names the session.
    pub id: Id,
    /// What the client called itself (`User-Agent`).
    pub device: String,
    /// Whether this very call was made in it.
    pub current: bool,
    /// When the user logged in.
    pub created_at: Time,
    /// When it was last refreshed.
    pub last_used_at: Time,
    /// When its refresh token ends.
    pub expires_at: Time,
}

impl UserBrief {
    /// A person, with a fresh link to a picture that lies here.
    #[must_use]
    pub(crate) fn new(profile: &Profile, links: &FileLinks) -> Self {
        let avatar = profile.avatar_url.as_deref();
        Self {
            id: profile.id.into(),
            uuid: profile.uuid.to_string(),
            username: profile.username.clone(),
            display_name: profile.display_name.clone(),
            avatar_url: avatar.map(|url| links.renewed_reference(url).into_owned()),
        }
    }
}

impl User {
    /// A user with its presence.
    #[must_use]
    pub(crate) fn new(
        profile: &Profile,
        last_seen_at: Option<Timestamp>,
        status: tertulia_domain::Status,
        links: &FileLinks,
    ) -> Self {
        let UserBrief {
            id,
            uuid,
            username,
            display_name,
            avatar_url,
        } = UserBrief::new(profile, links);
        Self {
            id,
            uuid,
            username,
            display_name,
            avatar_url,
            status: status.into(),
            last_seen_at: last_seen_at.map(Time::from),
        }
    }
}

impl Account {
    /// One's own account with one's own presence.
    #[must_use]
    pub(crate) fn new(
        user: &tertulia_domain::User,
        status: tertulia_domain::Status,
        links: &FileLinks,
    ) -> Self {
        let User {
            id,
            uuid,
            username,
            display_name,
            avatar_url,
            status,
            last_seen_at,
        } = User::new(&user.profile, user.last_seen_at, status, links);
        Self {
            id,
            uuid,
            username,
            display_name,
            avatar_url,
            status,
            last_seen_at,
            email: user.email.clone(),
            external_id: user.external_id.clone(),
            created_at: user.created_at.into(),
        }
    }
}

impl From<tertulia_domain::Status> for Status {
    fn from(status: tertulia_domain::Status) -> Self {
        match status {
            tertulia_domain::Status::Online => Self::Online,
            tertulia_domain::Status::Busy => Self::Busy,
            tertulia_domain::Status::Offline => Self::Offline,
        }
    }
}

impl Session {
    /// A session, as seen from within `current`.
    #[must_use]
    pub(crate) fn new(session: &tertulia_domain::Session, current: Option<SessionId>) -> Self {
        Self {
            id: session.id.into(),
            device: session.device.clone(),
            current: current == Some(session.id),
            created_at: session.created_at.into(),
            last_used_at: session.last_used_at.into(),
            expires_at: session.expires_at.into(),
        }
    }
}
