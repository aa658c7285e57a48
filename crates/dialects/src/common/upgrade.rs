//! From an HTTP request to a running WebSocket.

use std::sync::{Arc, Weak};

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{Extensions, HeaderMap, StatusCode, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use metrics::counter;
use tertulia_hub::ws::{Close, handshake};
use tertulia_hub::{
    Connection, ConnectionSettings, DirectSocket, Ended, Hub, Link, Outbox, Session,
};

use super::seats::{Seat, Seats};
use super::settings::TransportSettings;
use super::{Context, client};

/// The log's target for WebSockets that break off without a close frame, which
/// a setting can ask for (KaapehChat's `LOG_WS_DISCONNECTS`).
pub const DISCONNECTS: &str = "tertulia::disconnects";

/// The socket of a request, where its bytes go out as they are. `server` puts it
/// into the extensions of such requests. It holds nothing open.
#[derive(Clone, Debug)]
pub struct PlainSocket(pub Weak<dyn DirectSocket>);

impl PlainSocket {
    /// That of a request; none where bytes are changed on their way.
    pub(crate) fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get().cloned()
    }

    /// Lets the fan-out of this outbox be written to the socket directly; see
    /// [`Outbox::set_socket`].
    pub(crate) fn lend_to(&self, outbox: &Outbox) {
        if let Some(socket) = self.0.upgrade() {
            outbox.set_socket(socket);
        }
    }
}

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

/// What stands between a request and a connection of the hub. Cheap to clone.
#[derive(Clone)]
pub struct Entrance {
    /// This node's live connections.
    pub hub: Arc<Hub>,
    /// Bounds and times of the transports.
    pub settings: Arc<TransportSettings>,
    /// Sockets without a login.
    pub seats: Arc<Seats>,
}

impl Entrance {
    /// An entrance to this hub, with seats of its own.
    #[must_use]
    pub fn new(hub: Arc<Hub>, settings: TransportSettings) -> Self {
        Self {
            hub,
            seats: Seats::new(settings.unauthenticated_per_address),
            settings: Arc::new(settings),
        }
    }

    /// Takes a new client in, as far as there is room.
    ///
    /// # Errors
    /// [`Refused::TooMany`] or [`Refused::Stopping`].
    pub fn admit(&self, parts: &Parts, deflate: bool) -> Result<Opened, Refused> {
        let seat = self.take_seat(parts)?;
        let link = self.hub.link().map_err(|_| Refused::Stopping)?;
        Ok(Opened {
            link,
            deflate,
            seat,
        })
    }

    /// Makes a WebSocket of a request, and runs the session that `open` makes
    /// for it. The answer is 101; the connection runs in a task of its own,
    /// which the hub can end.
    ///
    /// # Errors
    /// See [`Refused`], which is an answer in itself for dialects that have no
    /// other words for it.
    pub fn upgrade<S: Session>(
        &self,
        request: Request,
        open: impl FnOnce(Opened) -> S + Send + 'static,
    ) -> Result<Response, Refused> {
        let settings = Arc::clone(self.hub.connection_settings());
        self.upgrade_with(request, settings, open)
    }

    /// As [`upgrade`](Self::upgrade), for a dialect with bounds and times of its
    /// own.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn upgrade_with<S: Session>(
        &self,
        request: Request,
        settings: Arc<ConnectionSettings>,
        open: impl FnOnce(Opened) -> S + Send + 'static,
    ) -> Result<Response, Refused> {
        let (opened, accepted) = self.accept(request)?;
        Ok(accepted.run(opened, open, settings))
    }

    /// Takes a request in that is to become a WebSocket, for a dialect that has
    /// something to do before it answers 101: from that answer on its client
    /// hears whatever happens.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn accept(&self, request: Request) -> Result<(Opened, Accepted), Refused> {
        let origins = &self.settings.allowed_origins;
        self.accept_from(request, |headers| origins.permit_headers(headers))
    }

    /// As [`accept`](Self::accept), for a dialect that has a word of its own in
    /// which pages may call.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn accept_from(
        &self,
        request: Request,
        permits: impl FnOnce(&HeaderMap) -> bool,
    ) -> Result<(Opened, Accepted), Refused> {
        let (parts, body) = request.into_parts();
        let handshake =
            handshake::check(&parts, self.settings.compression).map_err(Refused::Handshake)?;
        if !permits(&parts.headers) {
            return Err(Refused::Origin);
        }
        let opened = self.admit(&parts, handshake.deflate())?;
        let accepted = Accepted {
            socket: PlainSocket::of(&parts.extensions),
            upgraded: hyper::upgrade::on(Request::from_parts(parts, body)),
            answer: handshake.response().map(|()| Body::empty()),
        };
        Ok((opened, accepted))
    }

    fn take_seat(&self, parts: &Parts) -> Result<Option<Seat>, Refused> {
        let trusted = &self.settings.trusted_proxies;
        let Some(address) = client::address(&parts.extensions, &parts.headers, trusted) else {
            return Ok(None);
        };
        match self.seats.take(address) {
            Some(seat) => Ok(Some(seat)),
            None => {
                tracing::info!(%address, "too many sockets without a login");
                Err(Refused::TooMany)
            }
        }
    }
}

/// A request that becomes a WebSocket once its answer has gone out.
pub struct Accepted {
    socket: Option<PlainSocket>,
    upgraded: OnUpgrade,
    answer: Response,
}

impl Accepted {
    /// Runs the session that `open` makes, in a task of its own; the answer is
    /// 101.
    pub fn run<S: Session>(
        self,
        opened: Opened,
        open: impl FnOnce(Opened) -> S + Send + 'static,
        settings: Arc<ConnectionSettings>,
    ) -> Response {
        tokio::spawn(async move {
            if let Some(socket) = socket(self.upgraded).await {
                let (deflate, outbox) = (opened.deflate, Arc::clone(opened.link.outbox()));
                let session = open(opened);
                if let Some(plain) = &self.socket {
                    plain.lend_to(&outbox);
                }
                // What was read beyond the request comes out of the socket itself.
                let leftover = Bytes::new();
                let connection =
                    Connection::new(socket, &leftover, deflate, outbox, session, settings);
                note_end(&connection.await);
            }
        });
        self.answer
    }
}

/// [`Entrance::upgrade`] for a dialect that has the whole context.
///
/// # Errors
/// See [`Refused`].
pub fn upgrade<S: Session>(
    context: &Context,
    request: Request,
    open: impl FnOnce(Opened) -> S + Send + 'static,
) -> Result<Response, Refused> {
    context.entrance().upgrade(request, open)
}

impl std::fmt::Debug for Entrance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entrance")
    }
}

/// The socket, once the answer 101 has gone out; none when the client went away
/// before.
pub(crate) async fn socket(upgraded: OnUpgrade) -> Option<TokioIo<Upgraded>> {
    match upgraded.await {
        Ok(socket) => Some(TokioIo::new(socket)),
        Err(error) => {
            tracing::debug!(%error, "a client went away during its handshake");
            None
        }
    }
}

/// Notes how a connection ended.
pub(crate) fn note_end(ended: &Ended) {
    counter!("tertulia_connections_ended_total", "by" => ended_by(ended)).increment(1);
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
