//! What browsers are told about polling from other origins
//! (`contracts/upred.md` §2, `reliability.md` S10).
//!
//! Clients of the older systems may send their requests "with credentials", so
//! an origin is echoed and they are allowed. No credential of ours travels with
//! a request by itself: who a client is says its token. A configured `*` stays
//! without credentials.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::common::origin::AllowedOrigins;

/// Says on an answer who may read it. The request's origin, if there is one, is
/// an allowed one.
pub(super) fn mark(answer: &mut Response, request: &HeaderMap, allowed: &AllowedOrigins) {
    let headers = answer.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    let Some(origin) = request.get(header::ORIGIN) else {
        return;
    };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    if *allowed != AllowedOrigins::Any {
        let yes = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
    }
}

/// The answer to a preflight request.
pub(super) fn preflight(request: &HeaderMap) -> Response {
    const MAX_AGE: &str = "600";
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let mut say = |name: HeaderName, value| {
        answer.headers_mut().insert(name, value);
    };
    let methods = HeaderValue::from_static("OPTIONS, GET, POST");
    say(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    say(
        header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static(MAX_AGE),
    );
    if let Some(asked) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        say(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    answer
}
