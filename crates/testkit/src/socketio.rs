//! A Socket.IO client (`contracts/upred.md` §2), over the strict WebSocket of
//! the other clients. It writes and reads packets by itself, so that the tests
//! see them as they are.

use std::ops::{Deref, DerefMut};

use serde_json::{Value, json};

use crate::Socket;

/// A socket that speaks Socket.IO in the main namespace.
#[derive(Debug)]
pub struct SocketIoClient {
    socket: Socket,
    next_id: u64,
    /// What the packet said that let it in.
    welcome: Value,
}

impl SocketIoClient {
    /// Takes the packet that opens a session.
    pub(crate) async fn open(socket: Socket) -> Self {
        let mut client = Self {
            socket,
            next_id: 1,
            welcome: Value::Null,
        };
        let open = client.packet().await;
        assert!(open.starts_with(r#"0{"sid":""#), "no open packet: {open}");
        client
    }

    /// Enters the main namespace, and takes `40` and `connected`, whose body is
    /// returned.
    ///
    /// # Panics
    /// When it is not let in.
    pub async fn enter(&mut self, auth: &Value) -> Value {
        let auth = if auth.is_null() {
            String::new()
        } else {
            auth.to_string()
        };
        self.send_text(&format!("40{auth}")).await;
        let welcome = self.packet().await;
        let Some(welcome) = welcome.strip_prefix("40") else {
            panic!("{} was not let in: {welcome}", self.name());
        };
        let welcome: Value = serde_json::from_str(welcome).unwrap_or_default();
        let connected = self.expect("connected").await;
        assert_eq!(connected["sid"], welcome["sid"]);
        self.welcome = welcome;
        connected
    }

    /// The body of the packet that let it in: `sid` and `pid`.
    #[must_use]
    pub fn welcome(&self) -> &Value {
        &self.welcome
    }

    /// The next packet; the server's pings are answered and passed over.
    pub async fn packet(&mut self) -> String {
        loop {
            let packet = self.socket.recv_text().await;
            if packet != "2" {
                return packet;
            }
            self.socket.send_text("3").await;
        }
    }

    /// Sends an event.
    pub async fn emit(&mut self, name: &str, body: &Value) {
        let name = Value::from(name);
        self.send_text(&format!("42[{name},{body}]")).await;
    }

    /// Sends an event that asks for an answer, and returns its number.
    pub async fn emit_with_ack(&mut self, name: &str, body: &Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let name = Value::from(name);
        self.send_text(&format!("42{id}[{name},{body}]")).await;
        id
    }

    /// The body of the next packet, which must be this event.
    ///
    /// # Panics
    /// When it is another one.
    pub async fn expect(&mut self, name: &str) -> Value {
        let packet = self.packet().await;
        let event = packet.strip_prefix("42").map(serde_json::from_str::<Value>);
        let Some(Ok(mut event)) = event else {
            panic!("{} waits for {name} and got {packet}", self.name());
        };
        assert_eq!(event[0], name, "{} received {packet}", self.name());
        assert_eq!(event.as_array().map(Vec::len), Some(2), "{packet}");
        event[1].take()
    }

    /// Takes the answer to an event that asked for one: no arguments.
    ///
    /// # Panics
    /// When something else comes.
    pub async fn expect_ack(&mut self, id: u64) {
        let packet = self.packet().await;
        assert_eq!(packet, format!("43{id}[]"), "{}", self.name());
    }

    /// Sends an event and takes its one reply.
    pub async fn ask(&mut self, name: &str, body: Value, reply: &str) -> Value {
        self.emit(name, &body).await;
        self.expect(reply).await
    }

    /// Sends an event and is refused with the event `error` and this text.
    ///
    /// # Panics
    /// When it is not, or with another text.
    pub async fn refused(&mut self, name: &str, body: Value, text: &str) {
        let refusal = self.ask(name, body, "error").await;
        assert_eq!(refusal, json!({ "message": text }), "{name}");
    }

    /// The same where a send is refused, which `ack` says.
    ///
    /// # Panics
    /// When it is not, or with another text.
    pub async fn send_refused(&mut self, name: &str, body: Value, text: &str) {
        let refusal = self.ask(name, body, "ack").await;
        let expected = json!({ "status": "error", "message": text });
        assert_eq!(refusal, expected, "{name}");
    }

    /// Proves that no reply is on its way: an event that nobody knows is
    /// answered next.
    pub async fn expect_no_reply(&mut self) {
        let id = self.emit_with_ack("nada", &Value::Null).await;
        self.expect_ack(id).await;
    }

    /// Closes and checks that nothing was left unread.
    pub async fn finish(self) {
        self.socket.finish().await;
    }

    /// Drops the connection without a word.
    pub fn vanish(self) {
        self.socket.vanish();
    }
}

impl Deref for SocketIoClient {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        &self.socket
    }
}

impl DerefMut for SocketIoClient {
    fn deref_mut(&mut self) -> &mut Socket {
        &mut self.socket
    }
}
