//! Engine.IO on a connection of the hub.
//!
//! An [`EngineSession`] is a hub session around another one: it takes Engine.IO
//! packets, and the session inside sees the messages in them. What goes out is
//! not touched, so that frames of the fan-out stay shared: the session inside
//! writes its text messages with the `4` in front.
//!
//! The heartbeat is the connection's own, with the ping of this protocol
//! ([`EngineSettings::connection`]): the first one comes an interval after the
//! handshake, and all that arrives is a sign of life.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use tertulia_domain::Event;
use tertulia_hub::ws::{Close, code, frame};
use tertulia_hub::{ConnectionSettings, Flow, FollowUp, Message, Replies, Session};
use tokio::time::Instant;
use uuid::Uuid;

use super::packet::{self, Packet};

/// What a client is told about a session when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineSettings {
    /// The server asks for a sign of life this often.
    pub ping_interval: Duration,
    /// How long the answer may take.
    pub ping_timeout: Duration,
    /// The largest message or polling body, in bytes.
    pub max_payload: usize,
}

impl Default for EngineSettings {
    /// As the existing clients were told (`reliability.md` §2).
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            max_payload: 1_000_000,
        }
    }
}

impl EngineSettings {
    /// The bounds and times of a connection that speaks Engine.IO, the others
    /// as in `base`.
    #[must_use]
    pub fn connection(&self, base: &ConnectionSettings) -> ConnectionSettings {
        ConnectionSettings {
            message_bytes: self.max_payload,
            ping_interval: self.ping_interval,
            ping_frame: frame::text(packet::PING),
            ping_timeout: self.ping_timeout,
            ..base.clone()
        }
    }

    /// The packet that opens a session, in the order of members of
    /// `contracts/upred.md` §2.
    #[must_use]
    pub fn open_packet(&self, sid: &str, upgrades: &[&str]) -> String {
        let open = Open {
            sid,
            upgrades,
            ping_timeout: self.ping_timeout.as_millis(),
            ping_interval: self.ping_interval.as_millis(),
            max_payload: self.max_payload,
        };
        let json = serde_json::to_string(&open).expect("texts and numbers have a JSON form");
        format!("0{json}")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Open<'a> {
    sid: &'a str,
    upgrades: &'a [&'a str],
    ping_timeout: u128,
    ping_interval: u128,
    max_payload: usize,
}

/// A new name for a session, which nobody can guess.
#[must_use]
pub fn new_sid() -> String {
    URL_SAFE_NO_PAD.encode(Uuid::new_v4())
}

/// The close frame for a client that broke the protocol.
pub(super) fn parse_error() -> Close {
    Close::new(code::POLICY, "parse error")
}

/// One Engine.IO session whose transport is a connection of the hub.
pub struct EngineSession<S> {
    inner: S,
}

/// A packet of the client.
pub enum Request<R> {
    /// A message, as the session inside understands it.
    Message(R),
    /// A sign of life, or a packet that means nothing here.
    Nothing,
    /// The client ends the session.
    Close,
    /// It breaks the protocol.
    Invalid,
}

impl<S: Session> EngineSession<S> {
    /// Engine.IO around `inner`.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S: Session> Session for EngineSession<S> {
    type Request = Request<S::Request>;

    fn decode(&mut self, message: Message<'_>) -> Self::Request {
        match packet::decode(message) {
            Ok(Packet::Text(text)) => Request::Message(self.inner.decode(Message::Text(text))),
            Ok(Packet::Binary(bytes)) => {
                Request::Message(self.inner.decode(Message::Binary(&bytes)))
            }
            Ok(Packet::Close) => Request::Close,
            Ok(Packet::Pong(_) | Packet::Open(_) | Packet::Upgrade | Packet::Noop) => {
                Request::Nothing
            }
            // In this version of the protocol only the server asks.
            Ok(Packet::Ping(_)) | Err(_) => Request::Invalid,
        }
    }

    fn is_pipelined(&self, request: &Self::Request) -> bool {
        match request {
            Request::Message(request) => self.inner.is_pipelined(request),
            Request::Nothing => true,
            Request::Close | Request::Invalid => false,
        }
    }

    async fn on_request(&mut self, request: Self::Request, replies: &mut Replies) -> Flow {
        match request {
            Request::Message(request) => self.inner.on_request(request, replies).await,
            Request::Nothing => Flow::Continue,
            Request::Close => Flow::Close(Close::new(code::NORMAL, "")),
            Request::Invalid => Flow::Close(parse_error()),
        }
    }

    fn on_event(&mut self, event: Arc<Event>) -> impl Future<Output = Flow> + Send {
        self.inner.on_event(event)
    }

    fn follow_up(&mut self) -> FollowUp {
        self.inner.follow_up()
    }

    fn deadline(&self) -> Option<Instant> {
        self.inner.deadline()
    }

    fn on_deadline(&mut self) -> impl Future<Output = Flow> + Send {
        self.inner.on_deadline()
    }
}
