//! What is noted of every HTTP request, and what every answer carries.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use http::{HeaderValue, Method, Response, header};
use metrics::{counter, histogram};

/// Counts and logs a request by its route, never with its path or query, which
/// may hold secrets such as the code of an invitation (S11, S18), and makes the
/// answer say that its type is meant (S12).
pub(crate) async fn observe(request: Request, next: Next) -> Response<Body> {
    let started = Instant::now();
    let method = known_method(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();

    let mut response = next.run(request).await;

    let nosniff = HeaderValue::from_static("nosniff");
    response
        .headers_mut()
        .insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    let route = route.as_ref().map_or("other", |route| route.as_str());
    let status = response.status().as_u16();
    let elapsed = started.elapsed();
    let labels = [
        ("method", method.to_owned()),
        ("route", route.to_owned()),
        ("status", status.to_string()),
    ];
    counter!("tertulia_http_requests_total", &labels).increment(1);
    histogram!("tertulia_http_request_seconds", "route" => route.to_owned()).record(elapsed);
    tracing::debug!(method, route, status, ?elapsed, "an HTTP request");
    response
}

/// The method, or `other`: what clients make up does not become a metric.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
