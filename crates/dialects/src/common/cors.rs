//! What browsers are told about calls from other origins (`reliability.md`
//! S10). Identity is a token, which only the page that has it can send.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, header, request};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::origin::AllowedOrigins;
use super::request_id::X_REQUEST_ID;

/// How long a browser may remember the answer.
const MAX_AGE: Duration = Duration::from_secs(10 * 60);

/// The layer that answers preflight requests and marks the answers. The headers
/// are those that single dialects need besides.
pub fn layer(
    allowed: &AllowedOrigins,
    request_headers: &[HeaderName],
    answer_headers: &[HeaderName],
) -> CorsLayer {
    let mut requests = vec![
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::ACCEPT_LANGUAGE,
        header::IF_MATCH,
        header::RANGE,
        HeaderName::from_static("idempotency-key"),
    ];
    requests.extend_from_slice(request_headers);
    let mut answers = vec![
        header::ETAG,
        header::RETRY_AFTER,
        header::LOCATION,
        header::CONTENT_RANGE,
        X_REQUEST_ID,
    ];
    answers.extend_from_slice(answer_headers);
    CorsLayer::new()
        .allow_origin(allow_origin(allowed))
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers(requests)
        .expose_headers(answers)
        .max_age(MAX_AGE)
}

/// The same for a dialect whose clients were promised credentials and any header.
/// Credentials go with a list of origins only: a page that is on no list never
/// sends them. Nothing here is authenticated by what a browser sends by itself.
pub fn with_credentials(allowed: &AllowedOrigins) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(allow_origin(allowed))
        .allow_credentials(matches!(allowed, AllowedOrigins::List(_)))
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::OPTIONS,
        ])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([header::RETRY_AFTER, X_REQUEST_ID])
        .max_age(MAX_AGE)
}

fn allow_origin(allowed: &AllowedOrigins) -> AllowOrigin {
    match allowed {
        AllowedOrigins::Unset | AllowedOrigins::Any => AllowOrigin::any(),
        AllowedOrigins::List(_) => {
            let allowed = allowed.clone();
            AllowOrigin::predicate(move |origin: &HeaderValue, _: &request::Parts| {
                allowed.permit_or_note(Some(origin))
            })
        }
    }
}
