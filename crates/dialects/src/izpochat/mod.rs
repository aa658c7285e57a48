//! IzpoChat: REST for accounts, rooms, history and files, and one WebSocket for
//! each open room (docs/protocols/izpochat.md).
//!
//! [`rest`] has the calls, a file for each resource; [`extract`] and [`form`] read
//! what they bring along, [`error`] refuses in FastAPI's form. [`socket`] opens a
//! WebSocket, [`session`] is one; [`decode`] says what its clients send, [`encode`]
//! what they get, [`codec`] which events have a frame.

mod codec;
mod decode;
mod encode;
mod error;
mod extract;
mod form;
mod openapi;
mod rest;
mod session;
mod socket;
mod time;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;

pub use codec::IzpoCodec;

use crate::common::{Context, cors};
use error::Refusal;

/// Everything under this dialect's paths, and what describes it.
pub(crate) fn router(context: Context) -> (Router, OpenApi) {
    let (calls, document) = rest::calls().split_for_parts();
    let router = calls
        .route("/api/ws/{room_id}", get(socket::open))
        .route("/api/ws/{room_id}/", get(socket::open))
        .layer(
            ServiceBuilder::new()
                .layer(cors::with_credentials(&context.settings.allowed_origins))
                .layer(from_fn(finish))
                .layer(CatchPanicLayer::custom(|_| {
                    Refusal::internal().into_response()
                })),
        )
        .with_state(context);
    (router, document)
}

/// What an unknown path under `/api/` answers (contract §2).
pub(crate) fn unknown_endpoint() -> Response {
    let error = json!({"error": "Endpoint no encontrado", "status_code": 404});
    (StatusCode::NOT_FOUND, Json(error)).into_response()
}

/// Says that nothing here is for caches, and gives a wrong method FastAPI's form.
async fn finish(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let allow = response.headers_mut().remove(header::ALLOW);
        response = Refusal::method_not_allowed().into_response();
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
