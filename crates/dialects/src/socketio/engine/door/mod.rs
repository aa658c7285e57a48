//! The HTTP door of Engine.IO: which request begins a session, which belongs to
//! one, and which is refused.
//!
//! Behind the door stands an [`Application`], which makes a session for each
//! client and does not see by which transport it came.

mod cors;
mod query;
mod refusal;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, Method, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tertulia_hub::ws::{frame, handshake};
use tertulia_hub::{Connection, ConnectionSettings, Session};
use tokio::time::timeout;

use self::query::{Parameters, Transport};
use self::refusal::Refusal;
use self::sessions::Sessions;
use super::polling::wire::Wire;
use super::polling::{Polling, probe};
use super::session::{EngineSession, EngineSettings, new_sid};
use crate::common::settings::TransportSettings;
use crate::common::upgrade::{self, Entrance, Opened, PlainSocket};

/// How long the body of a POST may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// What polling answers are, and that nobody keeps them.
const PACKETS: [(HeaderName, &str); 2] = [
    (header::CONTENT_TYPE, "text/plain; charset=UTF-8"),
    (header::CACHE_CONTROL, "no-store"),
];
const POSTED: [(HeaderName, &str); 2] = [
    (header::CONTENT_TYPE, "text/html"),
    (header::CACHE_CONTROL, "no-store"),
];

/// Whoever speaks with the clients that come in.
pub trait Application: Send + Sync + 'static {
    /// One client. For Socket.IO it is a
    /// [`SocketSession`](super::socket_session::SocketSession).
    type Session: Session;

    /// Makes the session of a client that has just come. `first` is its first
    /// request, with query, headers and address; what an upgrade says later does
    /// not count.
    fn open(&self, opened: Opened, first: &Parts) -> Self::Session;
}

/// The door to one application.
pub struct Door<A>(Arc<Inside<A>>);

struct Inside<A> {
    entrance: Entrance,
    application: A,
    engine: EngineSettings,
    connection: Arc<ConnectionSettings>,
    sessions: Arc<Sessions>,
}

impl From<&TransportSettings> for EngineSettings {
    fn from(settings: &TransportSettings) -> Self {
        Self {
            ping_interval: settings.ping_interval,
            ping_timeout: settings.ping_timeout,
            max_payload: settings.socketio_bytes,
        }
    }
}

impl<A: Application> Door<A> {
    /// A door to this application.
    #[must_use]
    pub fn new(entrance: Entrance, application: A) -> Self {
        let engine = EngineSettings::from(&*entrance.settings);
        let connection = engine.connection(&entrance.hub.settings().connection);
        Self(Arc::new(Inside {
            sessions: Sessions::new(entrance.settings.polling_sessions),
            entrance,
            application,
            engine,
            connection: Arc::new(connection),
        }))
    }

    /// The door at this path, which has no slash at its end, and at the same
    /// with one. It speaks of origins for itself.
    pub fn router(self, path: &str) -> Router {
        let door = any(enter::<A>);
        Router::new()
            .route(path, door.clone())
            .route(&format!("{path}/"), door)
            .with_state(self)
    }
}

async fn enter<A: Application>(State(door): State<Door<A>>, request: Request) -> Response {
    let headers = request.headers().clone();
    let allowed = &door.0.entrance.settings.allowed_origins;
    if !allowed.permit_headers(&headers) {
        return Refusal::Origin.into_response();
    }
    let mut answer = if request.method() == Method::OPTIONS {
        cors::preflight(&headers)
    } else {
        let answer = door.0.answer(request).await;
        answer.unwrap_or_else(IntoResponse::into_response)
    };
    cors::mark(&mut answer, &headers, allowed);
    answer
}

impl<A: Application> Inside<A> {
    async fn answer(self: &Arc<Self>, request: Request) -> Result<Response, Refusal> {
        let parameters = Parameters::read(request.uri());
        if parameters.sid.is_none() && !parameters.is_version_4() {
            return Err(Refusal::Version);
        }
        let transport = parameters.transport().ok_or(Refusal::Transport)?;
        if let Some(sid) = &parameters.sid {
            let polling = self.sessions.find(sid).ok_or(Refusal::UnknownSession)?;
            return self.go_on(polling, transport, request).await;
        }
        if request.method() != Method::GET {
            return Err(Refusal::Method);
        }
        match transport {
            Transport::WebSocket => self.begin_socket(request),
            Transport::Polling => self.begin_polling(request),
        }
    }

    /// A request of a session that there is.
    async fn go_on(
        &self,
        polling: Arc<Polling>,
        transport: Transport,
        request: Request,
    ) -> Result<Response, Refusal> {
        match (transport, request.method()) {
            (Transport::WebSocket, _) => change_over(&polling, request),
            (Transport::Polling, &Method::GET) => {
                let packets = polling.poll().await?;
                Ok((PACKETS, packets).into_response())
            }
            (Transport::Polling, &Method::POST) => {
                let body = read_body(request.into_body(), self.engine.max_payload);
                polling.post(body).await?;
                Ok((POSTED, "ok").into_response())
            }
            (Transport::Polling, _) => Err(Refusal::BadRequest),
        }
    }

    /// Begins a session whose client polls.
    fn begin_polling(&self, request: Request) -> Result<Response, Refusal> {
        let (first, _) = request.into_parts();
        let opened = self.entrance.admit(&first, false)?;
        let outbox = Arc::clone(opened.link.outbox());
        let polling = Polling::new(&self.engine, Arc::clone(&outbox));
        let entry = self.sessions.enter(&polling).ok_or(Refusal::Unavailable)?;
        let packet = self.engine.open_packet(entry.sid(), &["websocket"]);
        let connection = Connection::new(
            Wire::new(polling),
            &Bytes::new(),
            opened.deflate,
            outbox,
            EngineSession::new(self.application.open(opened, &first)),
            Arc::clone(&self.connection),
        );
        tokio::spawn(async move {
            upgrade::note_end(&connection.await);
            drop(entry);
        });
        Ok((PACKETS, packet).into_response())
    }

    /// Begins a session on a WebSocket.
    fn begin_socket(self: &Arc<Self>, request: Request) -> Result<Response, Refusal> {
        let (first, body) = request.into_parts();
        if !handshake::is_upgrade(&first) {
            return Err(Refusal::BadRequest);
        }
        let inside = Arc::clone(self);
        let settings = Arc::clone(&self.connection);
        let request = Request::from_parts(first.clone(), body);
        let open = move |opened: Opened| {
            let packet = inside.engine.open_packet(&new_sid(), &[]);
            opened.link.outbox().reply(frame::text(&packet));
            EngineSession::new(inside.application.open(opened, &first))
        };
        Ok(self.entrance.upgrade_with(request, settings, open)?)
    }
}

/// Lets a session change over to a WebSocket. One that cannot is told so on the
/// WebSocket, as by the official server.
fn change_over(polling: &Arc<Polling>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    if !handshake::is_upgrade(&parts) {
        return Err(Refusal::BadRequest);
    }
    let handshake = handshake::check(&parts, false).map_err(Refusal::Handshake)?;
    let plain = PlainSocket::of(&parts.extensions);
    let upgraded = hyper::upgrade::on(Request::from_parts(parts, body));
    let probe = polling.begin_probe();
    tokio::spawn(async move {
        let Some(socket) = upgrade::socket(upgraded).await else {
            return;
        };
        match probe {
            Some(probe) => probe.run(socket, plain).await,
            None => probe::close(socket, "the session has another transport").await,
        }
    });
    Ok(handshake.response().map(|()| Body::empty()))
}

/// Reads the body of a POST; none when it breaks off.
async fn read_body(body: Body, most: usize) -> Result<Option<Bytes>, Refusal> {
    match timeout(BODY_PATIENCE, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => Ok(Some(body.to_bytes())),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge),
        Ok(Err(_)) | Err(_) => Ok(None),
    }
}

impl<A> Clone for Door<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
