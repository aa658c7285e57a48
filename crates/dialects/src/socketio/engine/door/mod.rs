//! The HTTP door of Engine.IO: which request begins a session, which belongs to
//! one, and which is refused.
//!
//! Behind the door stands an [`Application`], which makes a session for each
//! client and does not see by which transport it came.

mod cors;
mod query;
mod refusal;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::Method;
use http::request::Parts;
use tertulia_hub::ws::{frame, handshake};
use tertulia_hub::{ConnectionSettings, Session};

use self::query::{Parameters, Transport};
use self::refusal::Refusal;
use super::session::{EngineSession, EngineSettings, new_sid};
use crate::common::settings::TransportSettings;
use crate::common::upgrade::{Entrance, Opened};

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
        if parameters.sid.is_some() {
            return Err(Refusal::UnknownSession);
        }
        if request.method() != Method::GET {
            return Err(Refusal::Method);
        }
        match transport {
            Transport::WebSocket => self.begin_socket(request),
            Transport::Polling => Err(Refusal::Transport),
        }
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

impl<A> Clone for Door<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
