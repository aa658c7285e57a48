//! Which request goes where: the dialects on every port, and beside them what
//! is for operations.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::routing::get;
use http::{Response, header};
use tertulia_dialects::common::{CodecIds, Context};
use tertulia_domain::Chat;
use tertulia_hub::Hub;
use tower_http::catch_panic::CatchPanicLayer;

use crate::config::Settings;
use crate::http::{Readiness, health_routes, home_page, not_found, observe, panicked};
use crate::measure;
use crate::net::{Admission, refusal};
use crate::stop::Stop;
use crate::vitals::Vitals;

/// What the routes lead to.
pub(crate) struct Parts {
    pub(crate) chat: Arc<Chat>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) codecs: CodecIds,
    pub(crate) stop: Stop,
    pub(crate) vitals: Vitals,
    /// What the service is called.
    pub(crate) name: Arc<str>,
}

/// Everything that a listener serves.
pub(crate) fn public(
    settings: &Settings,
    context: Context,
    parts: &Parts,
    admission: &Arc<Admission>,
) -> Router {
    let home = home_page(&settings.network);
    let mut router = tertulia_dialects::router(context, home).merge(health(parts));
    #[cfg(feature = "docs")]
    {
        router = router.merge(crate::http::docs_routes());
    }
    if settings.network.metrics_listen.is_none() {
        router = router.merge(metrics(parts));
    }
    finish(router.layer(from_fn_with_state(Arc::clone(admission), admit)))
}

/// What the address of `metrics_listen` serves.
pub(crate) fn internal(parts: &Parts) -> Router {
    let router = health(parts).merge(metrics(parts));
    finish(router.fallback(async || not_found()))
}

fn health(parts: &Parts) -> Router {
    health_routes(Readiness {
        chat: Arc::clone(&parts.chat),
        stop: parts.stop.clone(),
        vitals: parts.vitals.clone(),
        name: Arc::clone(&parts.name),
    })
}

fn metrics(parts: &Parts) -> Router {
    let (chat, hub, codecs) = (
        Arc::clone(&parts.chat),
        Arc::clone(&parts.hub),
        parts.codecs,
    );
    let metrics = async move || measure::render(&chat, &hub, codecs);
    Router::new().route("/metrics", get(metrics))
}

fn finish(router: Router) -> Router {
    router
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(observe))
}

async fn admit(
    State(admission): State<Arc<Admission>>,
    request: Request,
    next: Next,
) -> Response<Body> {
    if !request.headers().contains_key(header::UPGRADE) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    match admission.admit_upgrade(&parts) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(refused) => refusal(refused),
    }
}
