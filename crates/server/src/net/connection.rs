//! One connection, from the accepted socket to its last response.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Extensions, HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tertulia_dialects::common::client::PeerAddress;
use tertulia_dialects::common::upgrade::PlainSocket;
use tertulia_hub::DirectSocket;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt;

use super::admission::{Admitted, Refused};
use super::passage::Passage;
use super::strict::{StrictHeads, ends_connection};
use super::turn::Turn;
use crate::stop::Stop;

/// The largest head of a request; beyond it 431.
const HEAD_BYTES: usize = 32 * 1024;
const MOST_HEADERS: usize = 100;

/// What is read or written of a connection at once: a body comes in pieces that
/// are no longer.
const BUFFER_BYTES: usize = 64 * 1024;

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For a TLS handshake, and for the head of each request; an idle connection
    /// ends after it too.
    pub(crate) head: Duration,
    /// Without reading anything of what is sent to it.
    pub(crate) stall: Duration,
}

/// Who is at the other end of a connection.
#[derive(Clone)]
pub(crate) struct Caller {
    address: PeerAddress,
    turn: Turn,
    socket: Option<PlainSocket>,
}

impl Caller {
    /// On a socket that others than its task may write to.
    pub(crate) fn plain(peer: SocketAddr, turn: Turn, socket: Weak<dyn DirectSocket>) -> Self {
        Self {
            address: PeerAddress(peer),
            turn,
            socket: Some(PlainSocket(socket)),
        }
    }

    /// Under TLS, where what goes out depends on what went out before.
    pub(crate) fn encrypted(peer: SocketAddr, turn: Turn) -> Self {
        Self {
            address: PeerAddress(peer),
            turn,
            socket: None,
        }
    }

    /// Tells the dialects of it.
    fn introduce(&self, extensions: &mut Extensions) {
        extensions.insert(self.address);
        if let Some(socket) = &self.socket {
            extensions.insert(socket.clone());
        }
    }
}

/// What every connection of the server shares.
pub(crate) struct Front {
    http: http1::Builder,
    service: Router,
    pub(super) patience: Patience,
    pub(super) stop: Stop,
}

impl Front {
    pub(crate) fn new(service: Router, patience: Patience, stop: Stop) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(patience.head)
            .max_header_size(HEAD_BYTES)
            .max_buf_size(BUFFER_BYTES)
            .max_headers(MOST_HEADERS);
        Self {
            http,
            service,
            patience,
            stop,
        }
    }

    /// Serves a plain connection until it ends.
    pub(crate) async fn serve<IO>(&self, io: IO, caller: Caller, admitted: Admitted)
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Admitted { place, seat } = admitted;
        let passage = Arc::new(Passage::new(seat));
        let io = StrictHeads::new(io, Some(place), Arc::clone(&passage), self.patience.stall);
        let answer = |request| {
            respond(
                self.service.clone(),
                request,
                caller.clone(),
                Arc::clone(&passage),
            )
        };
        self.exchange(io, answer).await;
    }

    /// Tells a client why it is not let in, in answer to its first request.
    pub(crate) async fn refuse<IO>(&self, io: IO, refused: Refused)
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let io = StrictHeads::new(io, None, Arc::default(), self.patience.stall);
        let answer = |_request| std::future::ready(Ok(refusal(refused)));
        self.exchange(io, answer).await;
    }

    async fn exchange<IO, F>(&self, io: StrictHeads<IO>, answer: impl Fn(Request<Incoming>) -> F)
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        F: Future<Output = Result<Response<Body>, Infallible>>,
    {
        let connection = self
            .http
            .serve_connection(TokioIo::new(io), service_fn(answer));
        let mut connection = pin!(connection.with_upgrades());
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = self.stop.requested() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection broke");
        }
    }
}

async fn respond(
    service: Router,
    request: Request<Incoming>,
    caller: Caller,
    passage: Arc<Passage>,
) -> Result<Response<Body>, Infallible> {
    if !names_one_host(&request) {
        return Ok(closing(StatusCode::BAD_REQUEST));
    }
    let mut request = request.map(Body::new);
    caller.introduce(request.extensions_mut());
    let headers = request.headers().clone();
    let mut response = service.oneshot(request).await?;
    caller.turn.end();
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        passage.end();
    }
    if ends_connection(&headers, response.status()) {
        close_after(&mut response);
    }
    Ok(response)
}

/// RFC 9112 §3.2: a request of HTTP/1.1 names its host exactly once.
fn names_one_host<B>(request: &Request<B>) -> bool {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    hosts == 1 || (hosts == 0 && request.version() < http::Version::HTTP_11)
}

/// What a client is told that is not let in.
pub(crate) fn refusal(refused: Refused) -> Response<Body> {
    let mut response = closing(match refused {
        Refused::Full | Refused::AddressFull => StatusCode::SERVICE_UNAVAILABLE,
        Refused::TooOften => StatusCode::TOO_MANY_REQUESTS,
    });
    let soon = HeaderValue::from_static("1");
    response.headers_mut().insert(header::RETRY_AFTER, soon);
    response
}

fn closing(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    close_after(&mut response);
    response
}

fn close_after(response: &mut Response<Body>) {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
}
