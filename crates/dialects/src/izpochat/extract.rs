//! What a call brings along: the caller, the path, the query, the body. Each
//! refuses in FastAPI's form.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Uri, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};
use tertulia_domain::ports::Installation;
use tertulia_domain::{Entity, Error, FileId, Identity, RoomId, UserId};
use tokio::time::timeout;
use utoipa::IntoParams;

use super::error::{Place, Refusal, Wrong};
use super::form::Form;
use crate::common::Context;
use crate::common::json::{self, Bounds};

/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// Who calls, proved by the bearer token.
pub(super) struct Caller(pub(super) Identity);

impl FromRequestParts<Context> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Refusal> {
        let token = header_token(&parts.headers)?;
        Ok(Self(authenticate(context, token).await?))
    }
}

/// Who calls, where nobody has to say so: nobody without a good token.
pub(super) struct MaybeCaller(pub(super) Option<Identity>);

impl FromRequestParts<Context> for MaybeCaller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Refusal> {
        let Ok(token) = header_token(&parts.headers) else {
            return Ok(Self(None));
        };
        match context
            .chat
            .authenticate_with(Installation::IzpoChat, token)
            .await
        {
            Ok(identity) => Ok(Self(Some(identity))),
            Err(error @ Error::Unavailable(_)) => Err(error.into()),
            Err(_) => Ok(Self(None)),
        }
    }
}

/// Who calls, by a token in the header, or in the query where there is none.
pub(super) struct EitherCaller(pub(super) Identity);

impl FromRequestParts<Context> for EitherCaller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Refusal> {
        let in_query = query_value(&parts.uri, "token");
        let token = match (header_token(&parts.headers), &in_query) {
            (Ok(token), _) => token,
            (Err(_), Some(token)) => token,
            (Err(refusal), None) => return Err(refusal),
        };
        Ok(Self(authenticate(context, token).await?))
    }
}

/// Contract §2, "REST errors".
fn header_token(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Refusal::not_authenticated());
    };
    let value = value.to_str().unwrap_or_default().trim();
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    match token.trim() {
        "" => Err(Refusal::not_authenticated()),
        token if scheme.eq_ignore_ascii_case("bearer") => Ok(token),
        _ => Err(Refusal::wrong_scheme()),
    }
}

/// Who a token speaks for: one of ours, or of an older IzpoChat installation.
pub(super) async fn authenticate(context: &Context, token: &str) -> Result<Identity, Refusal> {
    let chat = &context.chat;
    match chat.authenticate_with(Installation::IzpoChat, token).await {
        Err(Error::InvalidToken) if chat.is_of_suspended(token).await? => Err(Refusal::inactive()),
        other => Ok(other?),
    }
}

/// A parameter of the query; of several with this name the last one.
pub(super) fn query_value(uri: &Uri, name: &str) -> Option<String> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?.0;
    let mut found = pairs.into_iter().rev().filter(|(known, _)| known == name);
    found.next().map(|(_, value)| value)
}

/// What stands in the path under a name.
pub(super) fn path_value<'a>(path: &'a RawPathParams, name: &str) -> Option<&'a str> {
    let mut found = path.iter().filter(|(known, _)| *known == name);
    found.next().map(|(_, value)| value)
}

/// A number in the path.
pub(super) struct Number<T>(pub(super) T);

/// What a number in a path can name, and what that is called there.
pub(super) trait Numbered {
    /// Its name in the path.
    const NAME: &'static str;

    /// By its number.
    fn of(number: i64) -> Self;
}

macro_rules! numbered {
    ($($name:ident = $parameter:literal;)*) => {
        $(impl Numbered for $name {
            const NAME: &'static str = $parameter;

            fn of(number: i64) -> Self {
                Self(number)
            }
        })*
    };
}

numbered! {
    UserId = "user_id";
    RoomId = "room_id";
    FileId = "file_id";
}

impl<T: Numbered> FromRequestParts<Context> for Number<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Refusal> {
        let path = RawPathParams::from_request_parts(parts, context).await.ok();
        let text = path.as_ref().and_then(|path| path_value(path, T::NAME));
        let text = text.unwrap_or_default();
        let number = integer(text).ok_or_else(|| {
            let loc = vec![Place::Name("path"), Place::Name(T::NAME)];
            Refusal::fields(vec![not_an_integer(loc, text)])
        })?;
        Ok(Self(T::of(number)))
    }
}

/// A username in the path; what is no text is nobody's.
pub(super) struct Username(pub(super) String);

impl FromRequestParts<Context> for Username {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Refusal> {
        let path = RawPathParams::from_request_parts(parts, context).await;
        let path = path.map_err(|_| Refusal::from(Error::NotFound(Entity::User)))?;
        let name = path_value(&path, "username").unwrap_or_default();
        Ok(Self(name.to_owned()))
    }
}

/// A whole number; one that is too large names nothing.
pub(super) fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let limit = if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    Some(text.parse().unwrap_or(limit))
}

fn not_an_integer(loc: Vec<Place>, text: &str) -> Wrong {
    Wrong {
        kind: "int_parsing",
        loc,
        msg: Cow::Borrowed("Input should be a valid integer, unable to parse string as an integer"),
        input: Value::from(text),
    }
}

/// Which part of a list, brought within its bounds (contract §6).
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// How many to leave out first; less than none is none.
    #[param(value_type = Option<i64>, default = 0)]
    pub(super) skip: usize,
    /// How many at most: 1 to 100, and the nearest of these for other numbers.
    #[param(value_type = Option<i64>)]
    pub(super) limit: Option<usize>,
}

impl Page {
    /// How many at most, where `usual` is meant if nothing is said.
    pub(super) fn limit(&self, usual: usize) -> usize {
        const MOST: usize = 100;
        self.limit.unwrap_or(usual).clamp(1, MOST)
    }
}

impl FromRequestParts<Context> for Page {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Context) -> Result<Self, Refusal> {
        let mut wrong = Vec::new();
        let mut number = |name: &'static str| {
            let text = query_value(&parts.uri, name)?;
            let found = integer(&text);
            if found.is_none() {
                let loc = vec![Place::Name("query"), Place::Name(name)];
                wrong.push(not_an_integer(loc, &text));
            }
            found.map(bounded)
        };
        let page = Self {
            skip: number("skip").unwrap_or_default(),
            limit: number("limit"),
        };
        if wrong.is_empty() {
            Ok(page)
        } else {
            Err(Refusal::fields(wrong))
        }
    }
}

/// A place in a list that any database can count to.
fn bounded(number: i64) -> usize {
    const MOST: i64 = 1_000_000_000;
    usize::try_from(number.clamp(0, MOST)).unwrap_or_default()
}

/// What can be read from the fields of a JSON body.
pub(super) trait FromForm: Sized {
    /// Takes what it needs; what is wrong is noted in the form.
    fn read(form: &mut Form) -> Self;

    /// From a body that is a bare text, where such a one is taken.
    fn from_text(_: String) -> Option<Self> {
        None
    }
}

/// A body.
pub(super) struct Sent<T>(pub(super) T);

impl<T: FromForm> FromRequest<Context> for Sent<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, context: &Context) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let bytes = read_body(body, context.settings.body_bytes).await?;
        if is_text(&parts.headers)
            && let Ok(text) = std::str::from_utf8(&bytes)
            && let Some(taken) = T::from_text(text.to_owned())
        {
            return Ok(Self(taken));
        }
        let members = members(&parts.headers, &bytes, Bounds::from(&*context.settings))?;
        let mut form = Form::new(members);
        let read = T::read(&mut form);
        form.finish()?;
        Ok(Self(read))
    }
}

async fn read_body(body: Body, most: usize) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > most as u64 {
        return Err(Refusal::too_large());
    }
    match timeout(BODY_PATIENCE, Limited::new(body, most).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::too_large()),
        Ok(Err(_)) => Err(Refusal::malformed_body()),
        Err(_) => Err(Refusal::timeout()),
    }
}

fn essence(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok());
    text.and_then(|text| text.split(';').next())
        .unwrap_or_default()
        .trim()
}

fn is_text(headers: &HeaderMap) -> bool {
    essence(headers).eq_ignore_ascii_case("text/plain")
}

/// The members of a body that must be a JSON object.
fn members(
    headers: &HeaderMap,
    bytes: &Bytes,
    bounds: Bounds,
) -> Result<Map<String, Value>, Refusal> {
    let wrong = |kind, msg: &'static str, at: Option<usize>| {
        let place = Some(Place::Name("body"));
        Refusal::fields(vec![Wrong {
            kind,
            loc: place.into_iter().chain(at.map(Place::At)).collect(),
            msg: msg.into(),
            input: Value::Null,
        }])
    };
    let no_object = || {
        let msg = "Input should be a valid dictionary or object to extract fields from";
        wrong("model_attributes_type", msg, None)
    };
    if bytes.is_empty() {
        return Err(wrong("missing", "Field required", None));
    }
    let essence = essence(headers).to_ascii_lowercase();
    let is_json = essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    if !is_json {
        return Err(no_object());
    }
    match json::parse(bytes, bounds) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(no_object()),
        Err(json::Refusal::Malformed) => Err(wrong("json_invalid", "JSON decode error", Some(0))),
        Err(json::Refusal::TooComplex) => Err(Refusal::too_large()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_as_fastapi_reads_them() {
        for (text, number) in [
            ("9", Some(9)),
            (" 9 ", Some(9)),
            ("-1", Some(-1)),
            ("+1", Some(1)),
            ("99999999999999999999", Some(i64::MAX)),
            ("-99999999999999999999", Some(i64::MIN)),
            ("", None),
            ("-", None),
            ("1.5", None),
            ("friends", None),
        ] {
            assert_eq!(integer(text), number, "{text}");
        }
    }
}
