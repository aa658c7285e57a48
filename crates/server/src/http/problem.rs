//! Errors that no dialect answers for, as RFC 9457 problems.

use std::any::Any;

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Nothing is at this address.
pub(crate) fn not_found() -> Response<Body> {
    problem(StatusCode::NOT_FOUND, "not_found", "Not Found")
}

/// A handler panicked. What it said stays in the log.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the layer that catches panics hands them over"
)]
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Response<Body> {
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no text");
    tracing::error!(said, "a handler panicked");
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    problem(status, "internal_error", "Internal Server Error")
}

fn problem(status: StatusCode, code: &str, title: &str) -> Response<Body> {
    let body = json!({
        "type": "about:blank",
        "title": title,
        "status": status.as_u16(),
        "code": code,
    });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, PROBLEM_JSON);
    response
}
