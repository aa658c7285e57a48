//! People.

use uuid::Uuid;

use crate::{Timestamp, UserId};

/// A user as its owner may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// What others may see.
    pub profile: Profile,
    /// Unique when given; compared without regard to case.
    pub email: Option<String>,
    /// The app's own id for this person, where the app brings its users along.
    pub external_id: Option<String>,
    /// Whether the user may sign in.
    pub state: UserState,
    /// When the last live connection ended; none before the first one did.
    pub last_seen_at: Option<Timestamp>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When the account's data last changed.
    pub updated_at: Timestamp,
    /// When the username last changed; none while it is the first one.
    pub renamed_at: Option<Timestamp>,
}

impl User {
    /// The user's number.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.profile.id
    }
}

/// What anyone who shares a room with a user may see of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The user's number.
    pub id: UserId,
    /// The user's UUID, for the dialects that show one.
    pub uuid: Uuid,
    /// Unique, compared without regard to case.
    pub username: String,
    /// How Socket.IO clients name the user: the app's own id for it where that
    /// names nobody else, else the number as text. Unique, given once and never
    /// changed; see [`Chat::user_named`](crate::Chat::user_named).
    pub handle: String,
    /// What people call the user; never empty.
    pub display_name: String,
    /// An absolute address of a picture.
    pub avatar_url: Option<String>,
}

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserState {
    /// Yes.
    Active,
    /// Not until an administrator restores it.
    Suspended,
    /// Never again; the name stays on old messages.
    Deleted,
}

/// Whether a user is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// At least one live connection.
    Online,
    /// Connected, and asks not to be disturbed.
    Busy,
    /// No live connection, or connected and wishing to look absent.
    Offline,
}

/// A user about to be made; already validated and without a number.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Becomes the profile's number.
    pub id: UserId,
    /// Becomes the profile's UUID.
    pub uuid: Uuid,
    /// See [`Profile::username`].
    pub username: String,
    /// What may become the profile's handle, the best first: the first of them
    /// that nobody has.
    pub handles: Vec<String>,
    /// See [`Profile::display_name`].
    pub display_name: String,
    /// See [`User::email`].
    pub email: Option<String>,
    /// See [`User::external_id`].
    pub external_id: Option<String>,
    /// A password hash in PHC or modular crypt form; none for users that only
    /// an app's own token admits.
    pub password_hash: Option<String>,
    /// When.
    pub created_at: Timestamp,
}

/// What may be changed in one's own account. `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    /// A new username.
    pub username: Option<String>,
    /// A new display name.
    pub display_name: Option<String>,
    /// A new e-mail address; `Some(None)` removes it.
    pub email: Option<Option<String>>,
    /// A new picture; `Some(None)` removes it.
    pub avatar_url: Option<Option<String>>,
}

/// What a login is checked against.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Whose.
    pub user: User,
    /// See [`NewUser::password_hash`].
    pub password_hash: Option<String>,
}
