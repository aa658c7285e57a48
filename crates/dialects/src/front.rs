//! Who gets what on the one port (`design.md` §4): `/`, and the paths that no
//! dialect has a route for.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use serde_json::json;
use tertulia_hub::ws::handshake;

use crate::common::Context;

/// Makes the page that a browser gets at `/`, by the headers of its request.
pub type HomePage = Arc<dyn Fn(&HeaderMap) -> Response + Send + Sync>;

/// An upgrade on a path under one of these is not KaapehChat's, also where the
/// dialect itself has no such path (contracts/README.md, "One port").
const CLAIMED: [&str; 4] = ["/ws/", "/api/", "/v1/", "/socket.io/"];

/// What is answered here. It knows no dialect: whoever puts them together says
/// which one does what.
#[derive(Clone)]
pub(crate) struct Front {
    /// For the status document.
    pub(crate) context: Context,
    /// What a browser gets at `/`.
    pub(crate) home: HomePage,
    /// Takes every upgrade on a path that no dialect claims.
    pub(crate) upgrades: Arc<dyn Fn(Request) -> Response + Send + Sync>,
    /// Answers for a path that nothing is at.
    pub(crate) unknown_path: fn(&Parts) -> Response,
    /// The same for a path under `/api/`, which belongs to older systems.
    pub(crate) unknown_endpoint: fn() -> Response,
}

impl Front {
    /// `/`, and everything that nobody else answers.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/", get(root))
            .fallback(elsewhere)
            .with_state(self)
    }
}

async fn root(State(front): State<Front>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if handshake::is_upgrade(&parts) {
        return (front.upgrades)(Request::from_parts(parts, body));
    }
    let mut response = if wants_html(&parts.headers) {
        (front.home)(&parts.headers)
    } else {
        status_document(&front.context)
    };
    let vary = HeaderValue::from_static("accept, upgrade");
    response.headers_mut().append(header::VARY, vary);
    response
}

/// Only browsers name HTML; `*/*` is a program.
fn wants_html(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .any(|range| range.trim().eq_ignore_ascii_case("text/html"))
}

/// What UPRed's clients read at `/` (contracts/upred.md), word for word, and beside
/// it what IzpoChat's read there (contracts/izpochat.md §2), but for its `status`.
fn status_document(context: &Context) -> Response {
    let document = json!({
        "status": "ok",
        "service": "websocket_upred",
        "database": "MySQL",
        "connected_users": context.chat.present_users(),
        "message": "¡Bienvenido a IzpoChat API!",
        "version": "1.0.0",
        "docs": "/docs",
    });
    let mut response = Json(document).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn elsewhere(State(front): State<Front>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    if path.starts_with("/api/") {
        return (front.unknown_endpoint)();
    }
    let is_claimed = CLAIMED.iter().any(|prefix| path.starts_with(prefix));
    if !is_claimed && handshake::is_upgrade(&parts) {
        return (front.upgrades)(Request::from_parts(parts, body));
    }
    (front.unknown_path)(&parts)
}
