//! What a call brings along: the caller, the path, the query, the body. Each
//! refuses in our own form.

use std::collections::HashMap;

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use http::request::Parts;
use http::{HeaderMap, header};
use serde_json::{Map, Value};
use tertulia_domain::{
    Entity, Error, FileId, Identity, MessageId, Reason, Result, RoomId, SessionId, UserId,
};
use utoipa::IntoParams;

use super::cursor::{self, Cursor};
use super::decode::{Decode, Fields, parse_id};
use super::refusal::Refusal;
use crate::common::json::{self, Bounds};
use crate::common::{Context, body, client};

/// Who calls, proved by the bearer token (S1).
pub(crate) struct Caller(pub Identity);

impl FromRequestParts<Context> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        context: &Context,
    ) -> std::result::Result<Self, Refusal> {
        authenticate(&parts.headers, context).await
    }
}

/// Who calls, by the request's headers.
///
/// # Errors
/// [`Refusal::Unauthenticated`] without a token, [`Error::InvalidToken`] with a
/// wrong one.
pub(crate) async fn authenticate(
    headers: &HeaderMap,
    context: &Context,
) -> std::result::Result<Caller, Refusal> {
    let token = client::bearer_token(headers).ok_or(Refusal::Unauthenticated)?;
    Ok(Caller(context.chat.authenticate(token).await?))
}

/// A JSON body.
pub(crate) struct Body<T>(pub T);

impl<T: Decode> FromRequest<Context> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(
        request: Request,
        context: &Context,
    ) -> std::result::Result<Self, Refusal> {
        let (parts, content) = request.into_parts();
        let bytes = body::read(content, context.settings.body_bytes).await?;
        let value = if T::MAY_BE_ABSENT && bytes.is_empty() {
            Value::Null
        } else {
            require_json(&parts.headers)?;
            json::parse(&bytes, Bounds::from(&*context.settings))?
        };
        let value = match value {
            Value::Null if T::MAY_BE_ABSENT => Value::Object(Map::new()),
            value => value,
        };
        let mut fields = Fields::new(value)?;
        Ok(Self(T::decode(&mut fields)?))
    }
}

impl From<body::Refusal> for Refusal {
    fn from(refusal: body::Refusal) -> Self {
        match refusal {
            body::Refusal::TooLarge => Self::TooLarge,
            body::Refusal::Timeout => Self::Timeout,
            body::Refusal::Broken => Self::MalformedJson,
        }
    }
}

/// RFC 8259 §11: `application/json`; what stands after it changes nothing.
fn require_json(headers: &HeaderMap) -> std::result::Result<(), Refusal> {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .filter(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
        .map(|_| ())
        .ok_or(Refusal::UnsupportedMediaType)
}

impl From<json::Refusal> for Refusal {
    fn from(refusal: json::Refusal) -> Self {
        match refusal {
            json::Refusal::Malformed => Self::MalformedJson,
            json::Refusal::TooComplex => Self::TooComplex,
        }
    }
}

/// What the path names.
pub(crate) struct Named<T>(pub T);

impl<T: PathPart> FromRequestParts<Context> for Named<T> {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        context: &Context,
    ) -> std::result::Result<Self, Refusal> {
        let values = RawPathParams::from_request_parts(parts, context)
            .await
            .map_err(|_| Refusal::UnknownPath)?;
        Ok(Self(T::read(&values)?))
    }
}

/// Something that stands in a path under a fixed name. What cannot be an id
/// names nothing.
pub(crate) trait PathPart: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    fn read(values: &RawPathParams) -> Result<Self>;
}

fn value<'a>(values: &'a RawPathParams, name: &str) -> &'a str {
    values
        .iter()
        .find(|(known, _)| *known == name)
        .map_or("", |(_, value)| value)
}

fn path_id(values: &RawPathParams, name: &str, entity: Entity) -> Result<i64> {
    parse_id(value(values, name)).ok_or(Error::NotFound(entity))
}

impl PathPart for RoomId {
    fn read(values: &RawPathParams) -> Result<Self> {
        path_id(values, "room_id", Entity::Room).map(Self)
    }
}

impl PathPart for MessageId {
    fn read(values: &RawPathParams) -> Result<Self> {
        path_id(values, "message_id", Entity::Message).map(Self)
    }
}

impl PathPart for FileId {
    fn read(values: &RawPathParams) -> Result<Self> {
        path_id(values, "file_id", Entity::File).map(Self)
    }
}

impl PathPart for UserId {
    fn read(values: &RawPathParams) -> Result<Self> {
        path_id(values, "user_id", Entity::User).map(Self)
    }
}

impl PathPart for SessionId {
    fn read(values: &RawPathParams) -> Result<Self> {
        path_id(values, "session_id", Entity::Session).map(Self)
    }
}

/// `{code}` of an invite.
pub(crate) struct InviteCode(pub String);

impl PathPart for InviteCode {
    fn read(values: &RawPathParams) -> Result<Self> {
        Ok(Self(value(values, "code").to_owned()))
    }
}

/// `{emoji}` of a reaction.
pub(crate) struct Emoji(pub String);

impl PathPart for Emoji {
    fn read(values: &RawPathParams) -> Result<Self> {
        Ok(Self(value(values, "emoji").to_owned()))
    }
}

impl<A: PathPart, B: PathPart> PathPart for (A, B) {
    fn read(values: &RawPathParams) -> Result<Self> {
        Ok((A::read(values)?, B::read(values)?))
    }
}

impl<A: PathPart, B: PathPart, C: PathPart> PathPart for (A, B, C) {
    fn read(values: &RawPathParams) -> Result<Self> {
        Ok((A::read(values)?, B::read(values)?, C::read(values)?))
    }
}

/// The query of a call, read as `T`. Of parameters with the same name the last
/// one counts; unknown ones are ignored.
pub(crate) struct Query<T>(pub T);

impl<T: FromQuery> FromRequestParts<Context> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        context: &Context,
    ) -> std::result::Result<Self, Refusal> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Refusal::invalid("query", Reason::Malformed))?;
        let parameters = Parameters(pairs.0.into_iter().collect());
        Ok(Self(T::read(&parameters, context)?))
    }
}

/// What can be read from a query.
pub(crate) trait FromQuery: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the first wrong parameter.
    fn read(parameters: &Parameters, context: &Context) -> Result<Self>;
}

/// The parameters of a query.
pub(crate) struct Parameters(HashMap<String, String>);

impl Parameters {
    /// A parameter that may be missing.
    #[must_use]
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A whole number from 0 on that may be missing.
    ///
    /// # Errors
    /// [`Error::Invalid`] for anything else.
    pub(crate) fn integer(&self, name: &'static str) -> Result<Option<i64>> {
        let malformed = || Error::invalid(name, Reason::Malformed);
        self.text(name)
            .map(|text| {
                let digits = text.bytes().all(|byte| byte.is_ascii_digit());
                text.parse().ok().filter(|_| digits).ok_or_else(malformed)
            })
            .transpose()
    }
}

/// Which page of a list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// `next_cursor` of the page before; the first page where it is missing.
    #[param(max_length = 64)]
    pub cursor: Option<String>,
    /// How many items at most.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 50)]
    pub limit: usize,
}

impl FromQuery for PageQuery {
    fn read(parameters: &Parameters, context: &Context) -> Result<Self> {
        const USUAL: usize = 50;
        const MOST: usize = 100;
        let limit = match parameters.integer("limit")? {
            None => USUAL,
            Some(limit) => usize::try_from(limit)
                .ok()
                .filter(|limit| (1..=MOST).contains(limit))
                .ok_or(Error::invalid("limit", Reason::Malformed))?,
        };
        Ok(Self {
            cursor: parameters.text("cursor").map(str::to_owned),
            limit: limit.min(context.chat.limits().page_size).max(1),
        })
    }
}

impl PageQuery {
    /// The place that the cursor names.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no cursor of this list.
    pub(crate) fn place<C: Cursor>(&self) -> Result<Option<C>> {
        cursor::read(self.cursor.as_deref())
    }
}
