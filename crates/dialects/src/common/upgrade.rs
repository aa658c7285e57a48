//! From an HTTP request to a running WebSocket.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{StatusCode, header};
use hyper_util::rt::TokioIo;
use metrics::counter;
use tertulia_hub::ws::{Close, handshake};
use tertulia_hub::{Ended, Link, Session};

use super::seats::Seat;
use super::{Context, client};

/// The log's target for WebSockets that break off without a close frame, which
/// a setting can ask for (KaapehChat's `LOG_WS_DISCONNECTS`).
pub const DISCONNECTS: &str = "tertulia::disconnects";

/// What a new connection's session is made of.
pub struct Opened {
    /// Its link to the hub. The session keeps it.
    pub link: Link,
    /// Whether compression was negotiated; the hub asks for it when the link
    /// is attached.
    pub deflate: bool,
    /// Its place among the sockets without a login. The session drops it at
    /// the login.
    pub seat: Option<Seat>,
}

/// Why a request did not become a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is no proper handshake.
    Handshake(handshake::Refusal),
    /// It comes from a web page that is not on the list (S10).
    Origin,
    /// Its address has too many sockets without a login.
    TooMany,
    /// The server is stopping.
    Stopping,
}

/// Makes a WebSocket of a request, and runs the session that `open` makes for
/// it. The answer is 101; the connection runs in a task of its own, which the
/// hub can end.
///
/// # Errors
/// See [`Refused`], which is an answer in itself for dialects that have no other
/// words for it.
pub fn upgrade<S: Session>(
    context: &Context,
    request: Request,
    open: impl FnOnce(Opened) -> S + Send + 'static,
) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let handshake =
        handshake::check(&parts, context.settings.compression).map_err(Refused::Handshake)?;
    if !context
        .settings
        .allowed_origins
        .permit_headers(&parts.headers)
    {
        return Err(Refused::Origin);
    }
    let seat = take_seat(context, &parts)?;
    let link = context.hub.link().map_err(|_| Refused::Stopping)?;
    let opened = Opened {
        link,
        deflate: handshake.deflate(),
        seat,
    };
    let upgraded = hyper::upgrade::on(Request::from_parts(parts, body));
    tokio::spawn(run(context.clone(), upgraded, opened, open));
    Ok(handshake.response().map(|()| Body::empty()))
}

fn take_seat(context: &Context, parts: &http::request::Parts) -> Result<Option<Seat>, Refused> {
    let trusted = &context.settings.trusted_proxies;
    let Some(address) = client::address(&parts.extensions, &parts.headers, trusted) else {
        return Ok(None);
    };
    match context.seats.take(address) {
        Some(seat) => Ok(Some(seat)),
        None => {
            tracing::info!(%address, "too many sockets without a login");
            Err(Refused::TooMany)
        }
    }
}

async fn run<S: Session>(
    context: Context,
    upgraded: hyper::upgrade::OnUpgrade,
    opened: Opened,
    open: impl FnOnce(Opened) -> S,
) {
    let socket = match upgraded.await {
        Ok(socket) => TokioIo::new(socket),
        Err(error) => {
            tracing::debug!(%error, "a client went away during its handshake");
            return;
        }
    };
    let deflate = opened.deflate;
    let outbox = Arc::clone(opened.link.outbox());
    let session = open(opened);
    // What was read beyond the request comes out of the upgraded socket itself.
    let leftover = Bytes::new();
    let connection = context
        .hub
        .connection(socket, &leftover, deflate, outbox, session);
    drop(context);
    let ended = connection.await;
    counter!("tertulia_connections_ended_total", "by" => ended_by(&ended)).increment(1);
    match ended {
        Ended::Lost => {
            tracing::debug!(target: DISCONNECTS, "a WebSocket broke off without a goodbye");
        }
        ended => tracing::debug!(?ended, "a WebSocket ended"),
    }
}

/// Who or what ended a connection, as a label of a metric.
fn ended_by(ended: &Ended) -> &'static str {
    match ended {
        Ended::ByPeer(_) => "client",
        Ended::ByServer(close) if *close == Close::slow_consumer() => "slow_consumer",
        Ended::ByServer(_) => "server",
        Ended::Lost => "nobody",
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Handshake(refusal) => refusal.response().map(|()| Body::empty()),
            Self::Origin => StatusCode::FORBIDDEN.into_response(),
            Self::TooMany => {
                (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")]).into_response()
            }
            Self::Stopping => (
                StatusCode::SERVICE_UNAVAILABLE,
                [(header::RETRY_AFTER, "1")],
            )
                .into_response(),
        }
    }
}
