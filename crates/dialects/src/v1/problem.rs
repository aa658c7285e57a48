//! Errors over HTTP: `application/problem+json` (RFC 9457).
//!
//! A handler returns a [`Refusal`]. What it becomes depends on the request: its
//! language, its id. So the refusal travels in the response's extensions, and
//! [`render`], the outermost layer, writes the body.

use std::sync::Arc;

use axum::Json;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use tertulia_domain::{Error, Reason};
use utoipa::ToSchema;

use super::refusal::Refusal;
use super::texts::{self, Language};
use crate::common::request_id::RequestId;
use crate::common::time::whole_seconds;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Why a call was refused (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "urn:tertulia:error:invalid_field",
    "title": "A field is not valid",
    "status": 422,
    "detail": "title must not be empty.",
    "code": "invalid_field",
    "errors": [{"pointer": "/title", "code": "empty"}],
    "request_id": "5f0c1f9e-6a0b-4a43-9a6e-0d7f0c1b2a3d"
}))]
pub(crate) struct Problem {
    /// `urn:tertulia:error:` and the code.
    #[serde(rename = "type")]
    #[schema(format = "uri")]
    pub kind: String,
    /// A short text, the same for each error with this code, in the caller's
    /// language (`Accept-Language`; Spanish if none).
    pub title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What to do about this one error, in the caller's language.
    pub detail: String,
    /// The stable word for the error. Texts may change, this may not.
    #[schema(pattern = "^[a-z_]+$")]
    pub code: &'static str,
    /// The fields to blame; empty where none is.
    pub errors: Vec<FieldProblem>,
    /// Names this request in the server's log; also in the header
    /// `x-request-id`.
    #[schema(format = "uuid")]
    pub request_id: String,
}

/// A field to blame.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// A JSON Pointer (RFC 6901) into the body, or `/` and the name of a query
    /// parameter or header.
    #[schema(example = "/title")]
    pub pointer: String,
    /// What is wrong with it.
    pub code: FieldCode,
    /// With `too_long`: the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub max: Option<usize>,
    /// With `too_short`: the least.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub min: Option<usize>,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FieldCode {
    /// It is required.
    Missing,
    /// There is nothing in it.
    Empty,
    /// See `max`: characters, bytes or items, as the field says.
    TooLong,
    /// See `min`: characters.
    TooShort,
    /// It has another type or form than the field asks for.
    Malformed,
    /// Known, but not for the caller to use, or not here.
    NotAllowed,
    /// A password that everybody uses.
    TooCommon,
}

impl FieldProblem {
    fn new(field: &str, reason: Reason) -> Self {
        let (max, min) = match reason {
            Reason::TooLong { max } => (Some(max), None),
            Reason::TooShort { min } => (None, Some(min)),
            Reason::Missing
            | Reason::Empty
            | Reason::Malformed
            | Reason::NotAllowed
            | Reason::TooCommon => (None, None),
        };
        let pointer = match field {
            "" => String::new(),
            field => format!("/{field}"),
        };
        Self {
            pointer,
            code: reason.into(),
            max,
            min,
        }
    }
}

impl From<Reason> for FieldCode {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Missing => Self::Missing,
            Reason::Empty => Self::Empty,
            Reason::TooLong { .. } => Self::TooLong,
            Reason::TooShort { .. } => Self::TooShort,
            Reason::Malformed => Self::Malformed,
            Reason::NotAllowed => Self::NotAllowed,
            Reason::TooCommon => Self::TooCommon,
        }
    }
}

impl Refusal {
    /// The fields to blame; empty where none is.
    #[must_use]
    pub(crate) fn field_problems(&self) -> Vec<FieldProblem> {
        let wrong = self.field();
        wrong
            .map(|(field, reason)| FieldProblem::new(field, reason))
            .into_iter()
            .collect()
    }
}

impl Problem {
    /// What a refusal looks like to the caller.
    #[must_use]
    pub(crate) fn new(refusal: &Refusal, language: Language, request: RequestId) -> Self {
        let code = refusal.code();
        Self {
            kind: format!("urn:tertulia:error:{code}"),
            title: texts::title(refusal, language),
            status: refusal.status().as_u16(),
            detail: texts::detail(refusal, language),
            code,
            errors: refusal.field_problems(),
            request_id: request.0.to_string(),
        }
    }
}

impl IntoResponse for Refusal {
    /// A response that [`render`] has yet to write.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Writes the problems of everything inside it, and says that nothing here is
/// for caches, but what says otherwise itself.
pub(crate) async fn render(request: Request, next: Next) -> Response {
    let language = Language::preferred(request.headers());
    let id = RequestId::of(request.extensions());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    let refusal = match response.extensions_mut().remove::<Arc<Refusal>>() {
        Some(refusal) => refusal,
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => {
            Arc::new(Refusal::MethodNotAllowed)
        }
        None => return response,
    };
    note(&refusal, id);
    write(response, &refusal, language, id)
}

/// A whole answer for a request that [`render`] does not see.
pub(crate) fn answer(refusal: &Refusal, request: &Parts) -> Response {
    let language = Language::preferred(&request.headers);
    let id = RequestId::of(&request.extensions);
    write(Response::default(), refusal, language, id)
}

/// Keeps the headers that the response has already (`Allow`).
fn write(empty: Response, refusal: &Refusal, language: Language, id: RequestId) -> Response {
    let (parts, _) = empty.into_parts();
    let mut response = Json(Problem::new(refusal, language, id)).into_response();
    *response.status_mut() = refusal.status();
    let headers = response.headers_mut();
    headers.extend(parts.headers);
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(
        header::CONTENT_LANGUAGE,
        HeaderValue::from_static(language.tag()),
    );
    headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    if let Some(challenge) = challenge(refusal) {
        headers.insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(challenge),
        );
    }
    if let Some(wait) = refusal.retry_after() {
        headers.insert(header::RETRY_AFTER, whole_seconds(wait).into());
    }
    response
}

/// RFC 6750 §3: no error code where the request has no token.
fn challenge(refusal: &Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::Domain(Error::InvalidToken) => Some(r#"Bearer error="invalid_token""#),
        refusal if refusal.status() == StatusCode::UNAUTHORIZED => Some("Bearer"),
        _ => None,
    }
}

/// Failures with their cause, and what the log has to know of refusals (S18).
fn note(refusal: &Refusal, id: RequestId) {
    match refusal {
        Refusal::Domain(Error::Unavailable(cause)) => {
            tracing::error!(request_id = %id.0, %cause, "a request could not be served");
        }
        Refusal::Internal => tracing::error!(request_id = %id.0, "a request met a fault"),
        refusal => match refusal.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
                tracing::info!(request_id = %id.0, code = refusal.code(), "a request was refused");
            }
            _ => tracing::debug!(request_id = %id.0, code = refusal.code(), "a request was wrong"),
        },
    }
}
