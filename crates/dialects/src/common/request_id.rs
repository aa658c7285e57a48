//! A name for each request, for the log and for whoever reports an error.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{Extensions, HeaderName, HeaderValue};
use uuid::Uuid;

/// Carries the id in every response.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The name of a request, in its extensions from [`assign`] on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(pub Uuid);

impl RequestId {
    /// The name that a request was given; a new one for a request that
    /// [`assign`] has not seen.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Self {
        let given = extensions.get::<Self>().copied();
        given.unwrap_or_else(|| Self(Uuid::new_v4()))
    }
}

/// Names the request and says the name in the answer. What a client calls its
/// request is not taken over: nobody else's request can be meant.
pub async fn assign(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.extensions());
    request.extensions_mut().insert(id);
    let mut response = next.run(request).await;
    let mut text = Uuid::encode_buffer();
    if let Ok(value) = HeaderValue::from_str(id.0.hyphenated().encode_lower(&mut text)) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    response
}
