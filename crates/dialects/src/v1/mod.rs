//! Our own API, version 1 (`design.md` §7): calls over HTTP, and one socket for
//! all that is live.

pub(crate) mod cursor;
pub(crate) mod decode;
pub(crate) mod model;
pub(crate) mod problem;
pub(crate) mod refusal;
pub(crate) mod texts;

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

pub use socket::V1Codec;

use crate::common::Context;
use refusal::Refusal;

/// Everything under `/v1/`, and the documents that describe it.
pub fn router(context: Context) -> Router {
    let (calls, mut document) = rest::calls().split_for_parts();
    socket::describe(&mut document);
    let document = Bytes::from(serde_json::to_vec(&document).unwrap_or_default());
    let events = Bytes::from(asyncapi::document().to_string());
    calls
        .route("/v1/ws", get(socket::open))
        .layer(
            ServiceBuilder::new()
                .layer(axum::middleware::from_fn(problem::render))
                .layer(CatchPanicLayer::custom(|_| fault())),
        )
        .route("/openapi.json", get(async move || show(document)))
        .route("/asyncapi.json", get(async move || show(events)))
        .with_state(context)
}

/// What a path answers that nothing is at.
pub(crate) fn unknown_path(request: &Parts) -> Response {
    problem::answer(&Refusal::UnknownPath, request)
}

fn fault() -> Response {
    Refusal::Internal.into_response()
}

fn show(document: Bytes) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document)
}
