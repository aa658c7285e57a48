//! A KaapehChat client (`contracts/kaapehchat.md`).

use std::ops::{Deref, DerefMut};

use serde_json::{Value, json};

use crate::Socket;

/// A socket that speaks KaapehChat's envelope.
#[derive(Debug)]
pub struct KaapehClient(Socket);

/// An account made by [`KaapehClient::register`].
#[derive(Clone, Debug)]
pub struct KaapehAccount {
    /// The user's UUID.
    pub id: String,
    /// The access token.
    pub token: String,
}

/// The password of every account that the test kit makes.
pub const PASSWORD: &str = "clave-de-prueba-9";

impl KaapehClient {
    pub(crate) fn new(socket: Socket) -> Self {
        Self(socket)
    }

    /// Sends `{"type": kind, "data": data}`.
    pub async fn request(&mut self, kind: &str, data: &Value) {
        let kind = Value::from(kind);
        self.0
            .send_text(&format!(r#"{{"type":{kind},"data":{data}}}"#))
            .await;
    }

    /// The data of the next frame, which must be of this type.
    ///
    /// # Panics
    /// When it is of another one.
    pub async fn expect(&mut self, kind: &str) -> Value {
        let mut frame = self.0.recv().await;
        assert_eq!(frame["type"], kind, "{} received {frame}", self.0.name());
        frame["data"].take()
    }

    /// Makes an account of this name and signs in as it.
    pub async fn register(&mut self, username: &str) -> KaapehAccount {
        let account = json!({
            "username": username,
            "displayName": username,
            "password": PASSWORD,
        });
        self.request("auth:register", &account).await;
        let signed_in = self.expect("auth:ok").await;
        self.expect("hello:ok").await;
        KaapehAccount {
            id: text(&signed_in["user"]["id"]),
            token: text(&signed_in["token"]),
        }
    }

    /// Signs in with a token.
    pub async fn hello(&mut self, token: &str) {
        self.request("hello", &json!({ "token": token })).await;
        self.expect("hello:ok").await;
    }

    /// Proves that nothing else came: asks for a user that does not exist, and
    /// takes nothing but the answer.
    pub async fn expect_nothing_else(&mut self) {
        let nobody = json!({ "username": "" });
        self.request("user:findByUsername", &nobody).await;
        self.expect("user:notFound").await;
    }

    /// Closes and checks that nothing was left unread.
    pub async fn finish(self) {
        self.0.finish().await;
    }

    /// Drops the connection without a word.
    pub fn vanish(self) {
        self.0.vanish();
    }
}

fn text(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => panic!("a string was expected, not {value}"),
    }
}

impl Deref for KaapehClient {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        &self.0
    }
}

impl DerefMut for KaapehClient {
    fn deref_mut(&mut self) -> &mut Socket {
        &mut self.0
    }
}
