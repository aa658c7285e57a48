//! The documentation pages, as FastAPI has them: Swagger UI at `/docs`, ReDoc at
//! `/redoc`, and the events of the socket at `/docs/events`.
//!
//! All is in the program (`assets/docs/` says whence); nothing is loaded from
//! elsewhere, and each page's policy forbids it.

mod asset;

use axum::Router;
use axum::body::Body;
use axum::response::Redirect;
use axum::routing::{MethodRouter, get};
use http::{HeaderMap, HeaderValue, Response, header};

use asset::{ASSETS, Asset};

/// Shows its document with scripts and styles of our own.
const SWAGGER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// ReDoc fills a `<style>` by script, which must be admitted while it is empty
/// (the first hash is that of no text, the second that of a rule it brings), and
/// searches in a worker that it makes itself.
const REDOC_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' \
    'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='; \
    img-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// Our own page needs least.
const EVENTS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

static SWAGGER: Asset = html(include_str!("swagger.html"));
static REDOC: Asset = html(include_str!("redoc.html"));
static EVENTS: Asset = html(include_str!("events.html"));

const fn html(text: &'static str) -> Asset {
    Asset::plain("page", "text/html; charset=utf-8", text)
}

/// The three pages and what they load.
pub(crate) fn routes() -> Router {
    let router = Router::new()
        .route("/docs", page(&SWAGGER, SWAGGER_POLICY))
        .route("/redoc", page(&REDOC, REDOC_POLICY))
        .route("/docs/events", page(&EVENTS, EVENTS_POLICY))
        .route("/docs/", get(async || Redirect::permanent("/docs")))
        .route("/redoc/", get(async || Redirect::permanent("/redoc")))
        .route(
            "/docs/events/",
            get(async || Redirect::permanent("/docs/events")),
        );
    ASSETS.iter().fold(router, |router, asset| {
        let path = format!("/docs/assets/{}", asset.name);
        router.route(
            &path,
            get(async move |headers: HeaderMap| asset.answer(&headers)),
        )
    })
}

fn page(page: &'static Asset, policy: &'static str) -> MethodRouter {
    get(async move |headers: HeaderMap| with_policy(page.answer(&headers), policy))
}

fn with_policy(mut response: Response<Body>, policy: &'static str) -> Response<Body> {
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    response
}
