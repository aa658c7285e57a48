//! Our own API, version 1 (`design.md` §7): calls over HTTP, and one socket for
//! all that is live.

pub(crate) mod cursor;
pub(crate) mod decode;
pub(crate) mod model;
pub(crate) mod problem;
pub(crate) mod refusal;
pub(crate) mod texts;
pub(crate) mod tus;

mod asyncapi;
mod extract;
mod openapi;
mod rest;
mod socket;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::header;
use http::request::Parts;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;

pub use socket::V1Codec;
pub(crate) use socket::action_of;

use crate::common::Context;
use refusal::Refusal;

/// Everything under `/v1/`, and the documents that describe it and the calls of
/// `others`.
pub(crate) fn router(context: Context, others: OpenApi) -> Router {
    let (calls, mut document) = rest::calls().split_for_parts();
    socket::describe(&mut document);
    document.merge(others);
    let document = serde_json::to_vec(&document).expect("a document of texts is JSON");
    let document = Bytes::from(document);
    let events = Bytes::from(asyncapi::document().to_string());
    guarded(calls.route("/v1/ws", get(socket::open)))
        .route("/openapi.json", get(async move || show(document)))
        .route("/asyncapi.json", get(async move || show(events)))
        .with_state(context)
}

/// What a path answers that nothing is at.
pub(crate) fn unknown_path(request: &Parts) -> Response {
    problem::answer(&Refusal::UnknownPath, request)
}

/// Whatever goes wrong inside is answered as a problem.
fn guarded<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router.layer(
        ServiceBuilder::new()
            .layer(axum::middleware::from_fn(problem::render))
            .layer(CatchPanicLayer::custom(|_| {
                Refusal::Internal.into_response()
            })),
    )
}

fn show(document: Bytes) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use http_body_util::BodyExt;
    use tertulia_domain::Error;
    use tower::ServiceExt;

    use super::*;

    /// What is answered when a handler goes wrong: status, `Retry-After`, body.
    async fn answer(router: Router) -> (u16, Option<String>, String) {
        let request = Request::builder()
            .uri("/x")
            .header(header::ACCEPT_LANGUAGE, "en")
            .body(Body::empty())
            .expect("the test's request is well formed");
        let response = guarded(router)
            .oneshot(request)
            .await
            .expect("a router answers");
        let (parts, body) = response.into_parts();
        let wait = parts.headers.get(header::RETRY_AFTER);
        let wait = wait
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let body = body.collect().await.expect("the body is there").to_bytes();
        let mut body: serde_json::Value = serde_json::from_slice(&body).expect("the body is JSON");
        body["request_id"] = "[request_id]".into();
        (parts.status.as_u16(), wait, body.to_string())
    }

    #[tokio::test]
    async fn a_panic_is_a_problem_that_tells_nothing() {
        async fn broken() {
            panic!("a secret");
        }
        let (status, wait, body) = answer(Router::new().route("/x", get(broken))).await;
        assert_eq!((status, wait), (500, None));
        insta::assert_snapshot!(body, @r#"{"type":"urn:tertulia:error:internal_error","title":"Internal error","status":500,"detail":"Something went wrong here. Quote the request_id when you report it.","code":"internal_error","errors":[],"request_id":"[request_id]"}"#);
    }

    #[tokio::test]
    async fn a_failure_of_storage_is_not_told_either() {
        let away = async || Refusal::from(Error::unavailable("disk /var/secret is full"));
        let (status, wait, body) = answer(Router::new().route("/x", get(away))).await;
        assert_eq!((status, wait.as_deref()), (503, Some("1")));
        insta::assert_snapshot!(body, @r#"{"type":"urn:tertulia:error:unavailable","title":"Temporarily unavailable","status":503,"detail":"Nothing was done. Try again in a moment.","code":"unavailable","errors":[],"request_id":"[request_id]"}"#);
    }
}
