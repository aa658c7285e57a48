//! The contract of the calls, made from the code: OpenAPI 3.1 at
//! `/openapi.json`. Each handler says what it answers; the refusals that many
//! share are named once here.

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi as _, ToSchema};

use super::problem::{FieldCode, FieldProblem, Problem};
use crate::common::openapi::refusals;

/// The name of the security scheme, as `security(…)` of each call says it.
pub(super) const BEARER: &str = "bearer";

/// The document before the calls are added.
pub(super) fn document() -> OpenApi {
    Document::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Tertulia",
        version = "1",
        description = "The chat server's own API, version 1. Ids are strings, times are \
            RFC 3339 in UTC with milliseconds, errors are problem details (RFC 9457) with a \
            stable `code`, lists are pages with `next_cursor`. Unknown fields are ignored. \
            Live events come over `/v1/ws`, described in `/asyncapi.json`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "auth", description = "Registering, logging in, staying logged in."),
        (name = "sessions", description = "One's logins on all devices."),
        (name = "me", description = "One's own account."),
        (name = "users", description = "Finding people."),
        (name = "rooms", description = "Direct rooms, groups and channels."),
        (name = "members", description = "Who belongs to a room, and how to get in."),
        (name = "files", description = "Uploading, downloading, removing."),
        (name = "messages", description = "Saying something, and what becomes of it."),
    ),
    components(schemas(Problem, FieldProblem, FieldCode)),
    modifiers(&Shared),
)]
struct Document;

/// Adds what every call shares.
struct Shared;

impl Modify for Shared {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(
            BEARER,
            SecurityScheme::Http(
                HttpBuilder::new()
                    .scheme(HttpAuthScheme::Bearer)
                    .bearer_format("JWT")
                    .description(Some("An access token from `/v1/auth`."))
                    .build(),
            ),
        );
        for refusal in Refused::ALL {
            components
                .responses
                .insert(refusal.name().to_owned(), refusal.response().into());
        }
    }
}

/// The refusals that calls share, one for each status.
#[derive(Clone, Copy)]
enum Refused {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    Timeout,
    Conflict,
    OtherVersion,
    TooLarge,
    UnsupportedMediaType,
    Invalid,
    Busy,
    SlowDown,
    Internal,
    Unavailable,
}

impl Refused {
    const ALL: [Self; 14] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::Timeout,
        Self::Conflict,
        Self::OtherVersion,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::Invalid,
        Self::Busy,
        Self::SlowDown,
        Self::Internal,
        Self::Unavailable,
    ];

    fn status(self) -> &'static str {
        match self {
            Self::BadRequest => "400",
            Self::Unauthorized => "401",
            Self::Forbidden => "403",
            Self::NotFound => "404",
            Self::Timeout => "408",
            Self::Conflict => "409",
            Self::OtherVersion => "412",
            Self::TooLarge => "413",
            Self::UnsupportedMediaType => "415",
            Self::Invalid => "422",
            Self::Busy => "423",
            Self::SlowDown => "429",
            Self::Internal => "500",
            Self::Unavailable => "503",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "BadRequest",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "NotFound",
            Self::Timeout => "Timeout",
            Self::Conflict => "Conflict",
            Self::OtherVersion => "OtherVersion",
            Self::TooLarge => "TooLarge",
            Self::UnsupportedMediaType => "UnsupportedMediaType",
            Self::Invalid => "Invalid",
            Self::Busy => "Busy",
            Self::SlowDown => "SlowDown",
            Self::Internal => "Internal",
            Self::Unavailable => "Unavailable",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::BadRequest => {
                "The body is not JSON (`malformed_json`) or no whole form (`malformed_form`)."
            }
            Self::Unauthorized => {
                "No token (`unauthenticated`), a token that is wrong, has ended or was revoked \
                 (`invalid_token`), or wrong credentials (`invalid_credentials`)."
            }
            Self::Forbidden => {
                "Known to the caller, but not allowed: `banned`, `role_too_low`, \
                 `not_the_author`, `direct_room`."
            }
            Self::NotFound => {
                "There is no such thing, or none that the caller may know of: \
                 `room_not_found`, `user_not_found`, `message_not_found`, …"
            }
            Self::Timeout => "The body did not arrive in time: `timeout`.",
            Self::Conflict => {
                "It collides with what is there: `username_taken`, `email_taken`, \
                 `client_id_reused`, `already_member`, `direct_with_self`, `message_deleted`; a \
                 resumed upload stands elsewhere: `wrong_offset`."
            }
            Self::OtherVersion => "The request speaks no tus 1.0.0: `wrong_tus_version`.",
            Self::TooLarge => {
                "The body is longer (`too_large`) or holds more (`too_complex`) than allowed; a \
                 file is too large (`file_too_large`) or finds no room (`quota_exceeded`)."
            }
            Self::UnsupportedMediaType => {
                "The body has another type than documented: `unsupported_media_type`. A file \
                 is none of the accepted types (`file_type_not_allowed`), or its name says \
                 another than its content (`file_type_mismatch`)."
            }
            Self::Invalid => {
                "A field is wrong: `invalid_field`; `errors` says which. A file is empty: \
                 `file_empty`."
            }
            Self::Busy => {
                "Another request brings some of the same upload right now: `upload_busy`."
            }
            Self::SlowDown => {
                "Too many requests (`slow_down`) or uploads at once (`too_many_uploads`)."
            }
            Self::Internal => "A fault of the server: `internal_error`.",
            Self::Unavailable => {
                "Storage is away and nothing was done: `unavailable`. A retry may succeed."
            }
        }
    }

    /// A header that this refusal carries besides the body.
    fn header(self) -> Option<(&'static str, Type, &'static str)> {
        match self {
            Self::Unauthorized => Some((
                "WWW-Authenticate",
                Type::String,
                "The scheme to use (RFC 6750).",
            )),
            Self::SlowDown | Self::Unavailable => {
                Some(("Retry-After", Type::Integer, "Seconds to wait."))
            }
            Self::OtherVersion => Some((
                "Tus-Version",
                Type::String,
                "The version that is spoken here.",
            )),
            Self::BadRequest
            | Self::Forbidden
            | Self::NotFound
            | Self::Timeout
            | Self::Conflict
            | Self::TooLarge
            | Self::UnsupportedMediaType
            | Self::Invalid
            | Self::Busy
            | Self::Internal => None,
        }
    }

    fn response(self) -> Response {
        let problem = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(Problem::name())))
            .build();
        let response = ResponseBuilder::new()
            .description(self.description())
            .content("application/problem+json", problem);
        match self.header() {
            None => response.build(),
            Some((name, kind, description)) => {
                let header = HeaderBuilder::new()
                    .schema(Some(ObjectBuilder::new().schema_type(kind)))
                    .description(Some(description))
                    .build();
                response.header(name, header).build()
            }
        }
    }
}

refusals! {
    /// What any call may answer.
    Always = Internal | Unavailable;
    /// What a call answers that needs a token.
    NeedsToken = Unauthorized;
    /// What a call answers that reads a body.
    ReadsBody = BadRequest | Timeout | TooLarge | UnsupportedMediaType | Invalid;
    /// What a call answers that reads a query or a header.
    ReadsQuery = Invalid;
    /// What a call answers about something named in its path.
    NamesThing = NotFound;
    /// What a call answers that not everyone may do who sees the thing.
    NeedsRight = Forbidden;
    /// What a call answers that can collide with what is there.
    MayCollide = Conflict;
    /// What a call answers that may be made only so often.
    IsLimited = SlowDown;
    /// What a call answers that speaks the tus protocol.
    SpeaksTus = OtherVersion;
    /// What a call answers that says what file is to come.
    AnnouncesFile = TooLarge | UnsupportedMediaType | Invalid;
    /// What a call answers that asks where an upload stands: one whose bytes are
    /// all there may turn out to be none of the accepted types.
    AsksProgress = UnsupportedMediaType | Busy;
    /// What a call answers that changes an upload.
    ChangesUpload = Busy;
}

#[cfg(test)]
mod tests;
