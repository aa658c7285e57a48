//! This dialect's part of `/openapi.json`: what its calls share.

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi as _, ToSchema};

use super::error::{ErrorBody, Place, ValidationBody, Wrong};
use crate::common::openapi::refusals;

/// The name of the security scheme, as `security(…)` of each call says it.
pub(super) const BEARER: &str = "izpochat";

/// The document before the calls are added.
pub(super) fn document() -> OpenApi {
    Document::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(
    tags((
        name = "izpochat",
        description = "IzpoChat's own calls, for its clients. Live messages come over \
            `/api/ws/{room_id}?token=`.",
    )),
    components(schemas(ErrorBody, ValidationBody, Wrong, Place)),
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
                    .description(Some(
                        "An access token from `/api/users/login`, or from any other login here.",
                    ))
                    .build(),
            ),
        );
        for refusal in Refused::ALL {
            components
                .responses
                .insert(refusal.name(), refusal.response().into());
        }
    }
}

/// The refusals that calls share, one for each status.
#[derive(Clone, Copy, Debug)]
enum Refused {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    Timeout,
    TooLarge,
    Invalid,
    SlowDown,
    Internal,
    Unavailable,
}

impl Refused {
    const ALL: [Self; 10] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::Timeout,
        Self::TooLarge,
        Self::Invalid,
        Self::SlowDown,
        Self::Internal,
        Self::Unavailable,
    ];

    fn name(self) -> String {
        format!("izpochat.{self:?}")
    }

    fn status(self) -> &'static str {
        match self {
            Self::BadRequest => "400",
            Self::Unauthorized => "401",
            Self::Forbidden => "403",
            Self::NotFound => "404",
            Self::Timeout => "408",
            Self::TooLarge => "413",
            Self::Invalid => "422",
            Self::SlowDown => "429",
            Self::Internal => "500",
            Self::Unavailable => "503",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::BadRequest => "It cannot be done as things are, or the account is suspended.",
            Self::Unauthorized => "The token or the credentials are wrong.",
            Self::Forbidden => "There is no token, or the caller may not.",
            Self::NotFound => "There is no such thing.",
            Self::Timeout => "The body did not arrive in time.",
            Self::TooLarge => "The body is larger, or holds more, than allowed.",
            Self::Invalid => "Fields, parameters or a number in the path are wrong.",
            Self::SlowDown => "Too many attempts.",
            Self::Internal => "A fault of the server.",
            Self::Unavailable => "Storage is away and nothing was done. A retry may succeed.",
        }
    }

    fn header(self) -> Option<(&'static str, Type)> {
        match self {
            Self::Unauthorized => Some(("WWW-Authenticate", Type::String)),
            Self::SlowDown | Self::Unavailable => Some(("Retry-After", Type::Integer)),
            _ => None,
        }
    }

    fn response(self) -> Response {
        let schema = match self {
            Self::Invalid => ValidationBody::name(),
            _ => ErrorBody::name(),
        };
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(schema)))
            .build();
        let response = ResponseBuilder::new()
            .description(self.description())
            .content("application/json", content);
        match self.header() {
            None => response.build(),
            Some((name, kind)) => {
                let schema = ObjectBuilder::new().schema_type(kind);
                let header = HeaderBuilder::new().schema(Some(schema)).build();
                response.header(name, header).build()
            }
        }
    }
}

refusals! {
    /// What any call may answer.
    Always = Internal | Unavailable;
    /// What a call answers that needs a token.
    NeedsToken = BadRequest | Unauthorized | Forbidden;
    /// What a call answers that reads a body.
    ReadsBody = BadRequest | Timeout | TooLarge | Invalid;
    /// What a call answers that reads a query.
    ReadsQuery = Invalid;
    /// What a call answers about something named in its path.
    NamesThing = NotFound | Invalid;
    /// What a call answers that compares credentials.
    ChecksPassword = Unauthorized;
    /// What a call answers that may be made only so often.
    IsLimited = SlowDown;
}
