//! Socket.IO in an Engine.IO session: namespaces, events and their answers.

use std::borrow::Cow;
use std::future::{Future, ready};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tertulia_domain::Event;
use tertulia_hub::ws::{Close, code};
use tertulia_hub::{Flow, FollowUp, Message, Replies, Session};
use tokio::time::Instant;

use super::Invalid;
use super::session::{new_sid, parse_error};
use super::socket_packet::{Arguments, Body, Decoder, Limits, Packet};

/// Namespaces that one session may be in.
const MAX_NAMESPACES: usize = 16;

/// What an application makes of one client. It lives as long as the connection
/// and holds the connection's link to the hub; dropping it ends what it stands
/// for.
pub trait Client: Send + 'static {
    /// The client asks to be let into a namespace. An error is what it is told
    /// instead: an object with a `message`, or a text.
    fn connect(
        &mut self,
        socket: &Socket,
        auth: &Map<String, Value>,
    ) -> impl Future<Output = Result<(), Value>> + Send;

    /// What a client is told that was let in just now.
    fn welcome(&mut self) -> Welcome {
        Welcome::default()
    }

    /// The client has been told that it is in. What is said now follows that.
    fn connected(
        &mut self,
        socket: &Socket,
        auth: Map<String, Value>,
        replies: &mut Replies,
    ) -> impl Future<Output = Flow> + Send;

    /// An event of the client; with an `id` it awaits [`Socket::ack`].
    fn event(
        &mut self,
        socket: &Socket,
        id: Option<u64>,
        arguments: Arguments,
        replies: &mut Replies,
    ) -> impl Future<Output = Flow> + Send;

    /// Whether an event may be handled while earlier ones wait for their
    /// replies; see [`Session::is_pipelined`].
    fn is_pipelined(&self, arguments: &Arguments) -> bool {
        let _ = arguments;
        false
    }

    /// The client's answer to an event that asked for it.
    fn acked(
        &mut self,
        socket: &Socket,
        id: u64,
        arguments: Arguments,
    ) -> impl Future<Output = Flow> + Send {
        let _ = (socket, id, arguments);
        ready(Flow::Continue)
    }

    /// The client has left a namespace, and the connection goes on.
    fn disconnected(&mut self, socket: &Socket) {
        let _ = socket;
    }

    /// An event of the hub that is rendered for each reader.
    fn hub_event(&mut self, event: Arc<Event>) -> impl Future<Output = Flow> + Send;

    /// See [`Session::follow_up`].
    fn follow_up(&mut self) -> FollowUp {
        FollowUp::Never
    }

    /// See [`Session::deadline`].
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// See [`Session::on_deadline`].
    fn on_deadline(&mut self) -> impl Future<Output = Flow> + Send {
        ready(Flow::Continue)
    }
}

/// What the packet says that lets a client in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Welcome {
    /// The name that it had on the connection before, when it goes on from
    /// there; else it gets a new one.
    pub sid: Option<String>,
    /// The private name by which it may go on from here on another connection.
    pub pid: Option<String>,
}

/// A client in a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    namespace: Cow<'static, str>,
    sid: String,
}

impl Socket {
    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name that the client is given in this namespace.
    #[must_use]
    pub fn sid(&self) -> &str {
        &self.sid
    }

    /// An event for this client; the first value is its name.
    #[must_use]
    pub fn event(&self, arguments: Arguments) -> Packet {
        let id = None;
        self.packet(Body::Event { id, arguments })
    }

    /// The answer to an event of this client.
    #[must_use]
    pub fn ack(&self, id: u64, arguments: Arguments) -> Packet {
        self.packet(Body::Ack { id, arguments })
    }

    fn packet(&self, body: Body) -> Packet {
        let namespace = self.namespace.clone();
        Packet { namespace, body }
    }

    fn welcome(&self, pid: Option<String>) -> Packet {
        let sid = ("sid".to_owned(), Value::from(self.sid.as_str()));
        let pid = pid.map(|pid| ("pid".to_owned(), Value::from(pid)));
        let names = Map::from_iter([sid].into_iter().chain(pid));
        self.packet(Body::Connect(Some(names)))
    }
}

/// The refusal of a namespace that does not exist, in the words of the official
/// server.
#[must_use]
pub fn invalid_namespace() -> Value {
    json!({"message": "Invalid namespace"})
}

/// Socket.IO on one Engine.IO session.
pub struct SocketSession<C> {
    client: C,
    decoder: Decoder,
    sockets: Vec<Socket>,
    /// Until when the client must have entered its first namespace.
    enter_by: Option<Instant>,
}

impl<C: Client> SocketSession<C> {
    /// A session that is in no namespace yet, and ends when it is in none
    /// after `patience`.
    #[must_use]
    pub fn new(client: C, limits: Limits, patience: Duration) -> Self {
        Self {
            client,
            decoder: Decoder::new(limits),
            sockets: Vec::new(),
            enter_by: Some(Instant::now() + patience),
        }
    }

    fn place(&self, namespace: &str) -> Option<usize> {
        let mut sockets = self.sockets.iter();
        sockets.position(|socket| socket.namespace == namespace)
    }

    async fn on_packet(&mut self, packet: Packet, replies: &mut Replies) -> Flow {
        let Packet { namespace, body } = packet;
        let place = self.place(&namespace);
        match (body, place) {
            (Body::Connect(auth), None) if self.sockets.len() < MAX_NAMESPACES => {
                let auth = auth.unwrap_or_default();
                self.on_connect(namespace, auth, replies).await
            }
            (Body::Disconnect, Some(place)) => {
                let socket = self.sockets.swap_remove(place);
                self.client.disconnected(&socket);
                Flow::Continue
            }
            (Body::Event { id, arguments }, Some(place)) => {
                let socket = &self.sockets[place];
                self.client.event(socket, id, arguments, replies).await
            }
            (Body::Ack { id, arguments }, Some(place)) => {
                self.client.acked(&self.sockets[place], id, arguments).await
            }
            // Twice into the same namespace, out of none, or what only servers say.
            _ => Flow::Close(parse_error()),
        }
    }

    async fn on_connect(
        &mut self,
        namespace: Cow<'static, str>,
        auth: Map<String, Value>,
        replies: &mut Replies,
    ) -> Flow {
        let sid = new_sid();
        let mut socket = Socket { namespace, sid };
        if let Err(refusal) = self.client.connect(&socket, &auth).await {
            replies.frame(socket.packet(Body::ConnectError(refusal)).frames());
            return Flow::Continue;
        }
        self.enter_by = None;
        let welcome = self.client.welcome();
        socket.sid = welcome.sid.unwrap_or(socket.sid);
        replies.frame(socket.welcome(welcome.pid).frames());
        let flow = self.client.connected(&socket, auth, replies).await;
        self.sockets.push(socket);
        flow
    }
}

impl<C: Client> Session for SocketSession<C> {
    type Request = Result<Option<Packet>, Invalid>;

    fn decode(&mut self, message: Message<'_>) -> Self::Request {
        match message {
            Message::Text(text) => self.decoder.text(text),
            Message::Binary(bytes) => self.decoder.binary(bytes),
        }
    }

    fn is_pipelined(&self, request: &Self::Request) -> bool {
        match request {
            Ok(Some(Packet {
                body: Body::Event { arguments, .. },
                ..
            })) => self.client.is_pipelined(arguments),
            Ok(None) => true,
            Ok(Some(_)) | Err(_) => false,
        }
    }

    async fn on_request(&mut self, request: Self::Request, replies: &mut Replies) -> Flow {
        match request {
            Ok(Some(packet)) => self.on_packet(packet, replies).await,
            Ok(None) => Flow::Continue,
            Err(invalid) => {
                tracing::debug!(%invalid, "a Socket.IO client broke the protocol");
                Flow::Close(parse_error())
            }
        }
    }

    fn on_event(&mut self, event: Arc<Event>) -> impl Future<Output = Flow> + Send {
        self.client.hub_event(event)
    }

    fn follow_up(&mut self) -> FollowUp {
        self.client.follow_up()
    }

    fn deadline(&self) -> Option<Instant> {
        self.enter_by
            .into_iter()
            .chain(self.client.deadline())
            .min()
    }

    async fn on_deadline(&mut self) -> Flow {
        if self.enter_by.is_some_and(|by| by <= Instant::now()) {
            return Flow::Close(Close::new(code::POLICY, "no namespace entered"));
        }
        self.client.on_deadline().await
    }
}
