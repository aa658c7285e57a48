//! The small applications that the public conformance suites expect: messages
//! of Engine.IO come back, and events of Socket.IO are answered.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use serde_json::{Map, Value, json};
use tertulia_dialects::common::json::Bounds;
use tertulia_dialects::common::settings::TransportSettings;
use tertulia_dialects::common::upgrade::Opened;
use tertulia_dialects::socketio::engine::door::Application;
use tertulia_dialects::socketio::engine::socket_packet::{Arguments, Limits};
use tertulia_dialects::socketio::engine::socket_session::{
    Client, Socket, SocketSession, invalid_namespace,
};
use tertulia_domain::Event;
use tertulia_hub::ws::frame;
use tertulia_hub::{Flow, Message, Replies, Reply, Session};

/// Bounds of the packets that the Socket.IO echo takes.
pub(crate) const LIMITS: Limits = Limits {
    json: Bounds {
        depth: 32,
        members: 256,
        values: 10_000,
    },
    attachments: 10,
    bytes: 1_000_000,
};

/// How long a Socket.IO client may be in no namespace.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// How long after its welcome a client gets the event `auth`. The suite listens
/// for one message after the other, and misses the second of two that it reads
/// at once.
const BREATH: Duration = Duration::from_millis(20);

/// The times that the suites are written for.
#[must_use]
pub(crate) fn settings() -> TransportSettings {
    TransportSettings {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        socketio_bytes: 1_000_000,
        ..TransportSettings::default()
    }
}

/// What the Engine.IO suite expects of messages: they come back.
pub(crate) struct EngineEcho;

/// One client of it.
pub(crate) struct EngineEchoClient {
    _opened: Opened,
}

impl Application for EngineEcho {
    type Session = EngineEchoClient;

    fn open(&self, opened: Opened, _first: &Parts) -> Self::Session {
        EngineEchoClient { _opened: opened }
    }
}

impl Session for EngineEchoClient {
    type Request = Bytes;

    fn decode(&mut self, message: Message<'_>) -> Bytes {
        match message {
            Message::Text(text) => frame::text(&format!("4{text}")),
            Message::Binary(bytes) => frame::binary(bytes),
        }
    }

    async fn on_request(&mut self, echo: Bytes, replies: &mut Replies) -> Flow {
        replies.frame(echo);
        Flow::Continue
    }

    async fn on_event(&mut self, _event: Arc<Event>) -> Flow {
        Flow::Continue
    }
}

/// What the Socket.IO suite expects of namespaces and events.
pub(crate) struct SocketEcho;

/// One client of it.
pub(crate) struct SocketEchoClient {
    _opened: Opened,
}

impl Application for SocketEcho {
    type Session = SocketSession<SocketEchoClient>;

    fn open(&self, opened: Opened, _first: &Parts) -> Self::Session {
        SocketSession::new(SocketEchoClient { _opened: opened }, LIMITS, PATIENCE)
    }
}

impl Client for SocketEchoClient {
    async fn connect(&mut self, socket: &Socket, _auth: &Map<String, Value>) -> Result<(), Value> {
        match socket.namespace() {
            "/" | "/custom" => Ok(()),
            _ => Err(invalid_namespace()),
        }
    }

    async fn connected(
        &mut self,
        socket: &Socket,
        auth: Map<String, Value>,
        replies: &mut Replies,
    ) -> Flow {
        let values = vec![json!("auth"), Value::Object(auth)];
        let event = socket.event(values.into()).frames();
        replies.later(async {
            tokio::time::sleep(BREATH).await;
            Reply::Frame(event)
        });
        Flow::Continue
    }

    async fn event(
        &mut self,
        socket: &Socket,
        id: Option<u64>,
        mut arguments: Arguments,
        replies: &mut Replies,
    ) -> Flow {
        match (arguments.name(), id) {
            (Some("message"), None) => {
                arguments.values[0] = json!("message-back");
                replies.frame(socket.event(arguments).frames());
            }
            (Some("message-with-ack"), Some(id)) => {
                arguments.values.remove(0);
                replies.frame(socket.ack(id, arguments).frames());
            }
            _ => {}
        }
        Flow::Continue
    }

    async fn hub_event(&mut self, _event: Arc<Event>) -> Flow {
        Flow::Continue
    }
}
