//! The rules that the public conformance suites check over WebSocket, each
//! named as there, with the small echo applications that they expect.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tertulia_domain::Event;
use tertulia_hub::ws::frame;
use tertulia_hub::{
    Codecs, Connection, ConnectionSettings, Ended, Flow, Hub, HubSettings, Link, Message, Replies,
    Session,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::session::{EngineSession, EngineSettings, new_sid};
use super::socket_packet::{Arguments, Limits};
use super::socket_session::{Client as SocketClient, Socket, SocketSession, invalid_namespace};
use crate::common::json::Bounds;

mod engine_io;
mod socket_io;

/// The settings of the public suites.
const SETTINGS: EngineSettings = EngineSettings {
    ping_interval: Duration::from_millis(300),
    ping_timeout: Duration::from_millis(200),
    max_payload: 1_000_000,
};

const LIMITS: Limits = Limits {
    json: Bounds {
        depth: 32,
        members: 256,
        values: 10_000,
    },
    attachments: 10,
    bytes: 1_000_000,
};

/// What the Engine.IO suite expects of messages: they come back.
struct Echo {
    _link: Link,
}

impl Session for Echo {
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
struct EchoClient {
    _link: Link,
}

impl SocketClient for EchoClient {
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
        replies.frame(socket.event(values.into()).frames());
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

/// What comes to a client.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    Text(String),
    Binary(Vec<u8>),
    Close(u16, String),
}

fn text(text: &str) -> Read {
    Read::Text(text.to_owned())
}

fn parse_error() -> Read {
    Read::Close(1008, "parse error".to_owned())
}

fn no_pong() -> Read {
    Read::Close(1011, "no pong".to_owned())
}

/// A client of an echo server, on a paused clock.
struct Client {
    socket: DuplexStream,
    task: JoinHandle<Ended>,
}

impl Client {
    /// A client of the Engine.IO echo.
    fn of_engine() -> Self {
        Self::of(|link| Echo { _link: link })
    }

    /// A client of the Socket.IO echo, in no namespace.
    fn of_socket() -> Self {
        let patience = Duration::from_secs(1);
        Self::of(|link| SocketSession::new(EchoClient { _link: link }, LIMITS, patience))
    }

    /// A client of the Socket.IO echo, in the main namespace.
    async fn connected() -> Self {
        let mut client = Self::of_socket();
        client.send("40").await;
        assert!(matches!(client.read().await, Read::Text(welcome) if welcome.starts_with("40{")));
        assert_eq!(client.read().await, text(r#"42["auth",{}]"#));
        client
    }

    fn of<S: Session>(session: impl FnOnce(Link) -> S) -> Self {
        let hub = Hub::new(HubSettings::default(), Codecs::default());
        let link = hub.link().expect("the hub is not stopping");
        let outbox = Arc::clone(link.outbox());
        let (socket, server) = duplex(1 << 16);
        let connection = Connection::new(
            server,
            &Bytes::new(),
            false,
            outbox,
            EngineSession::new(session(link)),
            Arc::new(SETTINGS.connection(&ConnectionSettings::default())),
        );
        let task = tokio::spawn(connection);
        Self { socket, task }
    }

    async fn send(&mut self, text: &str) {
        self.send_frame(0x81, text.as_bytes()).await;
    }

    async fn send_binary(&mut self, bytes: &[u8]) {
        self.send_frame(0x82, bytes).await;
    }

    /// Sends a short frame, masked with zeros.
    async fn send_frame(&mut self, first: u8, payload: &[u8]) {
        let length = u8::try_from(payload.len()).expect("the test's message is short");
        assert!(length < 126);
        let mut bytes = vec![first, 0x80 | length, 0, 0, 0, 0];
        bytes.extend_from_slice(payload);
        self.socket
            .write_all(&bytes)
            .await
            .expect("the server reads");
    }

    async fn read(&mut self) -> Read {
        timeout(Duration::from_secs(60), self.read_frame())
            .await
            .expect("a frame comes")
    }

    async fn read_frame(&mut self) -> Read {
        let mut header = [0; 2];
        let read = self.socket.read_exact(&mut header).await;
        read.expect("the server writes");
        assert!(header[1] < 126, "the test's frames are short");
        let mut payload = vec![0; usize::from(header[1])];
        let read = self.socket.read_exact(&mut payload).await;
        read.expect("the frame is whole");
        let utf8 = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it is UTF-8");
        match header[0] {
            0x81 => Read::Text(utf8(&payload)),
            0x82 => Read::Binary(payload),
            0x88 => {
                let (code, reason) = payload.split_at(2);
                Read::Close(u16::from_be_bytes([code[0], code[1]]), utf8(reason))
            }
            other => panic!("a frame of kind {other:#x}"),
        }
    }

    /// The server closes, and its task ends.
    async fn expect_close(mut self, close: Read) {
        assert_eq!(self.read().await, close);
        drop(self.socket);
        let ended = self.task.await.expect("the task does not panic");
        assert!(matches!(ended, Ended::ByServer(_)), "{ended:?}");
    }
}
