//! Logins, and who a connection speaks for.

use std::sync::Arc;

use uuid::Uuid;

use crate::{Profile, SessionId, Timestamp, UserId};

/// A login on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The session's number; `sid` in tokens.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// What the client called itself, at most 200 characters; shown to its
    /// owner in the list of sessions.
    pub device: String,
    /// When the user logged in.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When its refresh token ends.
    pub expires_at: Timestamp,
}

/// A session about to be stored.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// What is shown of it.
    pub session: Session,
    /// SHA-256 of its refresh token.
    pub refresh_hash: [u8; 32],
}

/// What an access token says (`design.md` §5). Made and read by the
/// [`Tokens`](crate::Tokens) port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// `uid`.
    pub user: UserId,
    /// `sub` and `user_id`.
    pub user_uuid: Uuid,
    /// `usr`.
    pub username: String,
    /// `sid`.
    pub session: SessionId,
    /// `iat`, whole seconds.
    pub issued_at: Timestamp,
    /// `exp`, whole seconds.
    pub expires_at: Timestamp,
}

/// What a refresh token says where it has the form of a signed token
/// (SOS-Habilidoso). Made and read by the [`Tokens`](crate::Tokens) port.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshClaims {
    /// The refresh token itself.
    pub token: String,
    /// Whose.
    pub user_uuid: Uuid,
    /// When it was made, whole seconds.
    pub issued_at: Timestamp,
    /// When it ends, whole seconds.
    pub expires_at: Timestamp,
}

/// A token of an older installation, verified with that installation's key. It
/// names no session of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallationClaims {
    /// Whom it names.
    pub user: Bearer,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// How a token of an older installation names its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// By UUID.
    Uuid(Uuid),
    /// By a name that may have become somebody else's since.
    Username {
        /// The name.
        name: String,
        /// When the token was issued.
        issued_at: Timestamp,
    },
}

/// A token that the app signed itself (`design.md` §5). It names no session of
/// ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppClaims {
    /// The app's own id of the user: 1 to 100 characters, trimmed, without
    /// control characters.
    pub external_id: String,
    /// What the app calls the user, as it stands in the token.
    pub name: Option<String>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Who speaks, proved by a token or a login, or taken at its word where a setting
/// says so.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who.
    pub profile: Arc<Profile>,
    /// The login, none for a token of an older installation or of the app, and
    /// where nothing was proved.
    pub session: Option<SessionId>,
    /// When this proof ends; the connection ends then unless it is renewed.
    /// [`Timestamp::NEVER`] where nothing was proved.
    pub expires_at: Timestamp,
}

impl Identity {
    /// Who, as a number.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.profile.id
    }
}
