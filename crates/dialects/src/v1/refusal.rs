//! Why `/v1` did not do as asked: what the domain says, and what only a
//! transport can say. One status, one stable code and one pair of texts for
//! each, here and in [`texts`](super::texts), exhaustively.

use std::time::Duration;

use http::StatusCode;
use tertulia_domain::{Conflict, Denial, Entity, Error, Reason, UploadRefusal};

/// An error of `/v1`, over HTTP or on the socket.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The domain's answer, as its reader may know it: see [`Refusal::from`].
    Domain(Error),
    /// No token where one is needed.
    Unauthenticated,
    /// The body is not JSON.
    MalformedJson,
    /// The body is no whole form, or was cut.
    MalformedForm,
    /// The body is no `multipart/form-data`.
    NotAForm,
    /// The request speaks another version of tus than 1.0.0, or none.
    WrongTusVersion,
    /// The body is nested too deeply, or holds too many values.
    TooComplex,
    /// The body is longer than allowed.
    TooLarge,
    /// The body is no `application/json`.
    UnsupportedMediaType,
    /// The body did not come in time.
    Timeout,
    /// There is nothing at this path.
    UnknownPath,
    /// The path does not know this method.
    MethodNotAllowed,
    /// A web page that is not on the list calls.
    OriginNotAllowed,
    /// A fault of ours. The log has more.
    Internal,
}

impl From<Error> for Refusal {
    /// To whoever may not know of a room, it is as if there were none (S7).
    fn from(error: Error) -> Self {
        Self::Domain(match error {
            Error::Forbidden(Denial::NotMember | Denial::InviteNeeded) => {
                Error::NotFound(Entity::Room)
            }
            // One answer for all who may not sign in (S6).
            Error::Forbidden(Denial::Suspended) => Error::InvalidCredentials,
            other => other,
        })
    }
}

impl Refusal {
    /// A wrong field of the request.
    #[must_use]
    pub(crate) fn invalid(field: &'static str, reason: Reason) -> Self {
        Self::Domain(Error::Invalid { field, reason })
    }

    /// The stable word; part of the contract.
    #[must_use]
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Domain(error) => error.code(),
            Self::Unauthenticated => "unauthenticated",
            Self::MalformedJson => "malformed_json",
            Self::MalformedForm => "malformed_form",
            Self::WrongTusVersion => "wrong_tus_version",
            Self::TooComplex => "too_complex",
            Self::TooLarge => "too_large",
            Self::UnsupportedMediaType | Self::NotAForm => "unsupported_media_type",
            Self::Timeout => "timeout",
            Self::UnknownPath => "unknown_path",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::Internal => "internal_error",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Domain(error) => domain_status(error),
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::MalformedJson | Self::MalformedForm => StatusCode::BAD_REQUEST,
            Self::WrongTusVersion => StatusCode::PRECONDITION_FAILED,
            Self::TooComplex | Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType | Self::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::UnknownPath => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::OriginNotAllowed => StatusCode::FORBIDDEN,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The wrong field and what is wrong with it, where one is to blame.
    #[must_use]
    pub(crate) fn field(&self) -> Option<(&'static str, Reason)> {
        match self {
            Self::Domain(Error::Invalid { field, reason }) => Some((field, *reason)),
            _ => None,
        }
    }

    /// When to try again, where waiting helps.
    #[must_use]
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Domain(Error::SlowDown { retry_after }) => Some(*retry_after),
            Self::Domain(Error::Unavailable(_)) => Some(Duration::from_secs(1)),
            _ => None,
        }
    }
}

fn domain_status(error: &Error) -> StatusCode {
    match error {
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Forbidden(denial) => match denial {
            Denial::NotMember | Denial::InviteNeeded => StatusCode::NOT_FOUND,
            Denial::Banned
            | Denial::RoleTooLow
            | Denial::NotAuthor
            | Denial::DirectRoom
            | Denial::Suspended => StatusCode::FORBIDDEN,
        },
        Error::InvalidCredentials | Error::InvalidToken => StatusCode::UNAUTHORIZED,
        Error::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Error::Conflict(conflict) => match conflict {
            Conflict::TooManyConnections => StatusCode::TOO_MANY_REQUESTS,
            Conflict::UsernameTaken
            | Conflict::EmailTaken
            | Conflict::RoomExists
            | Conflict::ClientIdReused
            | Conflict::AlreadyMember
            | Conflict::DirectWithSelf
            | Conflict::MessageDeleted => StatusCode::CONFLICT,
        },
        Error::Upload(refusal) => match refusal {
            UploadRefusal::Empty => StatusCode::UNPROCESSABLE_ENTITY,
            UploadRefusal::TooLarge { .. } | UploadRefusal::OverQuota { .. } => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            UploadRefusal::TooManyUploads => StatusCode::TOO_MANY_REQUESTS,
            UploadRefusal::Busy => StatusCode::LOCKED,
            UploadRefusal::WrongOffset => StatusCode::CONFLICT,
            UploadRefusal::TooManyParts => StatusCode::PAYLOAD_TOO_LARGE,
            UploadRefusal::TypeNotAllowed | UploadRefusal::TypeMismatch => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
        },
        Error::SlowDown { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
