//! A client of our own socket, `/v1/ws` (`design.md` §7).

use std::ops::{Deref, DerefMut};

use serde_json::{Value, json};

use crate::{HttpClient, PASSWORD, Socket};

/// A socket that speaks `/v1/ws`.
#[derive(Debug)]
pub struct V1Client {
    socket: Socket,
    next_ref: u64,
}

/// An account made by [`HttpClient::v1_register`].
#[derive(Clone, Debug)]
pub struct V1Account {
    /// The user's number, as text.
    pub id: String,
    /// The access token.
    pub token: String,
    /// The refresh token.
    pub refresh_token: String,
}

impl V1Client {
    pub(crate) fn new(socket: Socket) -> Self {
        Self {
            socket,
            next_ref: 1,
        }
    }

    /// Signs in, and takes `ready` and `live`.
    pub(crate) async fn authenticate(&mut self, token: &str) {
        self.request("auth", &json!({ "token": token })).await;
        self.expect("ready").await;
        self.expect("live").await;
    }

    /// Sends an op with these fields and a `ref` of its own, which is returned.
    pub async fn request(&mut self, op: &str, fields: &Value) -> String {
        let reference = self.next_ref.to_string();
        self.next_ref += 1;
        let mut frame = json!({ "op": op, "ref": reference });
        for (name, value) in fields.as_object().into_iter().flatten() {
            frame[name] = value.clone();
        }
        self.socket.send(&frame).await;
        reference
    }

    /// The next frame, which must be this event.
    ///
    /// # Panics
    /// When it is another one.
    pub async fn expect(&mut self, event: &str) -> Value {
        let frame = self.socket.recv().await;
        assert_eq!(
            frame["ev"],
            event,
            "{} received {frame}",
            self.socket.name()
        );
        frame
    }

    /// Sends an op and takes its `ok`, which must be the next frame.
    pub async fn call(&mut self, op: &str, fields: &Value) -> Value {
        let reference = self.request(op, fields).await;
        let answer = self.expect("ok").await;
        assert_eq!(answer["ref"], reference.as_str());
        answer
    }

    /// Proves that nothing else came: sends a ping, and takes nothing but its
    /// answer.
    pub async fn expect_nothing_else(&mut self) {
        self.call("ping", &json!({})).await;
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

impl HttpClient {
    /// Makes an account of this name by `/v1`.
    ///
    /// # Panics
    /// When the server does not make it.
    pub async fn v1_register(&self, username: &str) -> V1Account {
        let account = json!({ "username": username, "password": PASSWORD });
        let response = self.post("/v1/auth/register", &account).await;
        assert_eq!(response.status, 201, "{}", response.text());
        let body = response.json();
        let text = |value: &Value| match value.as_str() {
            Some(text) => text.to_owned(),
            None => panic!("a string was expected in {body}"),
        };
        V1Account {
            id: text(&body["user"]["id"]),
            token: text(&body["access_token"]),
            refresh_token: text(&body["refresh_token"]),
        }
    }
}

impl Deref for V1Client {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        &self.socket
    }
}

impl DerefMut for V1Client {
    fn deref_mut(&mut self) -> &mut Socket {
        &mut self.socket
    }
}
