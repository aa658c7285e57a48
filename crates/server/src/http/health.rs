//! Whether the server lives, and whether it is ready for requests.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use http::{Response, StatusCode};
use serde_json::json;
use tertulia_domain::Chat;
use tokio::time::timeout;

use super::reply;
use crate::stop::Stop;
use crate::vitals::Vitals;

/// Storage that takes longer is not there.
const PATIENCE: Duration = Duration::from_secs(2);

/// What readiness rests on.
#[derive(Clone)]
pub(crate) struct Readiness {
    pub(crate) chat: Arc<Chat>,
    pub(crate) stop: Stop,
    pub(crate) vitals: Vitals,
    /// What the service is called.
    pub(crate) name: Arc<str>,
}

impl Readiness {
    pub(crate) async fn is_ready(&self) -> bool {
        let ends = self.stop.is_requested() || self.vitals.have_failed();
        !ends && matches!(timeout(PATIENCE, self.chat.ping()).await, Ok(Ok(())))
    }
}

/// `/health/live`, `/health/ready`, and the document at `/health` that serves
/// the clients of IzpoChat and, with a slash, SOS-Habilidoso
/// (`contracts/README.md`).
pub(crate) fn routes(readiness: Readiness) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/health", get(union))
        .route("/health/", get(union))
        .with_state(readiness)
}

async fn live() -> Response<Body> {
    reply::json(StatusCode::OK, &json!({ "status": "live" }))
}

async fn ready(State(readiness): State<Readiness>) -> Response<Body> {
    if readiness.is_ready().await {
        reply::json(StatusCode::OK, &json!({ "status": "ready" }))
    } else {
        let not_ready = json!({ "status": "not_ready" });
        reply::json(StatusCode::SERVICE_UNAVAILABLE, &not_ready)
    }
}

async fn union(State(readiness): State<Readiness>) -> Response<Body> {
    let (status, word, message) = if readiness.is_ready().await {
        (StatusCode::OK, "healthy", "Tertulia is running")
    } else {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        (status, "unhealthy", "Tertulia is not ready")
    };
    let body = json!({ "status": word, "service": &*readiness.name, "message": message });
    reply::json(status, &body)
}
