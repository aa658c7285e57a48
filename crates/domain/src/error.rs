//! One error type for everything that can go wrong; each dialect translates it
//! once, exhaustively, in its `error.rs`.

use std::time::Duration;

/// Any error of the domain's ports, kept for the log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The domain's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing, or none that the caller may know of.
    #[error("{} not found", .0.name())]
    NotFound(Entity),
    /// The caller may not do this.
    #[error("not allowed: {}", .0.code())]
    Forbidden(Denial),
    /// Unknown account, wrong password, or an account that may not sign in:
    /// one answer for all (S6).
    #[error("invalid credentials")]
    InvalidCredentials,
    /// The token is wrong, expired, revoked, or names nobody.
    #[error("invalid token")]
    InvalidToken,
    /// A field of the request is wrong.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field, by its name in `/v1`.
        field: &'static str,
        /// What is wrong with it.
        reason: Reason,
    },
    /// It collides with what is there.
    #[error("conflict: {}", .0.code())]
    Conflict(Conflict),
    /// An upload was refused; nothing of it is kept.
    #[error("upload refused: {}", .0.code())]
    Upload(UploadRefusal),
    /// Too many requests.
    #[error("too many requests")]
    SlowDown {
        /// When to try again.
        retry_after: Duration,
    },
    /// Storage or another part is away; nothing was done; a retry may succeed.
    #[error("temporarily unavailable")]
    Unavailable(#[source] BoxError),
}

impl Error {
    /// A wrong field.
    #[must_use]
    pub fn invalid(field: &'static str, reason: Reason) -> Self {
        Self::Invalid { field, reason }
    }

    /// Wraps a failure of a port.
    #[must_use]
    pub fn unavailable(error: impl Into<BoxError>) -> Self {
        Self::Unavailable(error.into())
    }

    /// The stable word for this error; texts may change, this may not.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(entity) => entity.code(),
            Self::Forbidden(denial) => denial.code(),
            Self::InvalidCredentials => "invalid_credentials",
            Self::InvalidToken => "invalid_token",
            Self::Invalid { .. } => "invalid_field",
            Self::Conflict(conflict) => conflict.code(),
            Self::Upload(refusal) => refusal.code(),
            Self::SlowDown { .. } => "slow_down",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

/// What was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entity {
    /// A user.
    User,
    /// A room.
    Room,
    /// A message.
    Message,
    /// A member of a room.
    Member,
    /// A session.
    Session,
    /// An invite.
    Invite,
    /// A file.
    File,
}

impl Entity {
    fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Room => "room",
            Self::Message => "message",
            Self::Member => "member",
            Self::Session => "session",
            Self::Invite => "invite",
            Self::File => "file",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::User => "user_not_found",
            Self::Room => "room_not_found",
            Self::Message => "message_not_found",
            Self::Member => "member_not_found",
            Self::Session => "session_not_found",
            Self::Invite => "invite_not_found",
            Self::File => "file_not_found",
        }
    }
}

/// Why the caller may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Not a member of the room. Most dialects answer as if there were no room.
    NotMember,
    /// Banned from the room.
    Banned,
    /// Only members with a higher role may.
    RoleTooLow,
    /// Only the author may.
    NotAuthor,
    /// A direct room has no title, no roles and no further members.
    DirectRoom,
    /// The room is private: an invitation is needed.
    InviteNeeded,
    /// The account may not sign in until an administrator restores it. Told only
    /// to whoever has proved to own it, by dialects that have a word for it.
    Suspended,
}

impl Denial {
    fn code(self) -> &'static str {
        match self {
            Self::NotMember => "not_a_member",
            Self::Banned => "banned",
            Self::RoleTooLow => "role_too_low",
            Self::NotAuthor => "not_the_author",
            Self::DirectRoom => "direct_room",
            Self::InviteNeeded => "invite_needed",
            Self::Suspended => "suspended",
        }
    }
}

/// What it collides with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Another user has that username.
    UsernameTaken,
    /// Another user has that e-mail address.
    EmailTaken,
    /// Another room has that external id.
    RoomExists,
    /// The same `client_id` was used for another content (G6).
    ClientIdReused,
    /// Already a member.
    AlreadyMember,
    /// A direct room needs another person.
    DirectWithSelf,
    /// The message was deleted.
    MessageDeleted,
    /// Too many live connections of this user.
    TooManyConnections,
}

impl Conflict {
    fn code(self) -> &'static str {
        match self {
            Self::UsernameTaken => "username_taken",
            Self::EmailTaken => "email_taken",
            Self::RoomExists => "room_exists",
            Self::ClientIdReused => "client_id_reused",
            Self::AlreadyMember => "already_member",
            Self::DirectWithSelf => "direct_with_self",
            Self::MessageDeleted => "message_deleted",
            Self::TooManyConnections => "too_many_connections",
        }
    }
}

/// Why an upload was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadRefusal {
    /// There is nothing in it.
    Empty,
    /// Larger than a file may be.
    TooLarge {
        /// The most, in bytes.
        max: u64,
    },
    /// With it the user's files would take more room than they may.
    OverQuota {
        /// The most that all files of a user may take, in bytes.
        max: u64,
    },
    /// Too many uploads of this user are under way.
    TooManyUploads,
    /// Another request brings some of the same upload right now.
    Busy,
    /// A resumed upload does not stand where the request goes on.
    WrongOffset,
    /// A resumable upload came in too many pieces.
    TooManyParts,
    /// No accepted type: by its content, or by the ending of its name.
    TypeNotAllowed,
    /// The ending of its name speaks of another type than its content.
    TypeMismatch,
}

impl UploadRefusal {
    fn code(self) -> &'static str {
        match self {
            Self::Empty => "file_empty",
            Self::TooLarge { .. } => "file_too_large",
            Self::OverQuota { .. } => "quota_exceeded",
            Self::TooManyUploads => "too_many_uploads",
            Self::Busy => "upload_busy",
            Self::WrongOffset => "wrong_offset",
            Self::TooManyParts => "too_many_parts",
            Self::TypeNotAllowed => "file_type_not_allowed",
            Self::TypeMismatch => "file_type_mismatch",
        }
    }
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It is missing.
    #[error("is required")]
    Missing,
    /// It is there, with nothing in it.
    #[error("must not be empty")]
    Empty,
    /// Longer than this many characters, bytes or items, as its field says.
    #[error("is longer than {max}")]
    TooLong {
        /// The most.
        max: usize,
    },
    /// Shorter than this many characters.
    #[error("is shorter than {min}")]
    TooShort {
        /// The least.
        min: usize,
    },
    /// Not of the form that the field asks for.
    #[error("has the wrong form")]
    Malformed,
    /// Known, but not for the caller to use.
    #[error("is not allowed here")]
    NotAllowed,
    /// A password that everybody uses.
    #[error("is too common")]
    TooCommon,
}
