//! UPRed and REDUP: they say and hear; what they mark is for the others, and told
//! to the marker alone.

use async_trait::async_trait;
use serde_json::{Value, json};
use tertulia_testkit::{HttpClient, SocketIoClient, TestServer, path_of};

use super::{Event, Member, Names, Place, Sort, Told, text, upload, words};

pub(super) struct SocketIo {
    client: SocketIoClient,
    name: &'static str,
    room: String,
    group: String,
    http: HttpClient,
}

impl SocketIo {
    pub(super) async fn upred(server: &TestServer, token: &str, place: &Place) -> Self {
        Self::open(server, "upred", token, place).await
    }

    pub(super) async fn redup(server: &TestServer, token: &str, place: &Place) -> Self {
        Self::open(server, "redup", token, place).await
    }

    async fn open(server: &TestServer, name: &'static str, token: &str, place: &Place) -> Self {
        let mut client = server.socketio(name, name).await;
        let group = json!({ "group_id": place.id });
        client.ask("join_group", group, "group_joined").await;
        Self {
            client,
            name,
            room: place.uuid.clone(),
            group: place.id.clone(),
            http: server.http().bearer(token),
        }
    }

    fn is_upred(&self) -> bool {
        self.name == "upred"
    }

    async fn say(&mut self, text: &str, kind: &str, link: &Value) {
        let mut said = json!({
            "message": text, "sender_id": self.name, "type": "grupal",
            "timestamp": "2026-03-01T09:00:00.000Z", "url_archivo": link,
        });
        match self.is_upred() {
            true => {
                said["sala_uuid"] = self.room.as_str().into();
                said["message_type"] = kind.into();
            }
            false => said["to"] = self.group.as_str().into(),
        }
        self.client.emit("send_message", &said).await;
    }

    /// The next event, but for what belongs to no message.
    async fn event(&mut self) -> (String, Value) {
        loop {
            let packet = self.client.packet().await;
            let event = packet.strip_prefix("42").map(serde_json::from_str);
            let Some(Ok::<Value, _>(mut event)) = event else {
                panic!("{} was told {packet}", self.name);
            };
            let name = text(&event[0]);
            match name.as_str() {
                "ack" | "user_joined_group" => {}
                _ => return (name, event[1].take()),
            }
        }
    }
}

#[async_trait]
impl Member for SocketIo {
    fn name(&self) -> &'static str {
        self.name
    }

    fn hears(&self) -> &'static [Sort] {
        &[Sort::Said, Sort::Shared]
    }

    fn does(&self) -> &'static [Sort] {
        match self.is_upred() {
            true => &[Sort::Said, Sort::Shared, Sort::Read],
            false => &[Sort::Said, Sort::Shared],
        }
    }

    async fn act(&mut self, event: &Event, message: Option<String>) {
        match event {
            Event::Said { text, .. } => self.say(text, "texto", &Value::Null).await,
            Event::Shared { text, .. } => {
                // These clients send a link to what they uploaded.
                let link = upload(&self.http).await["url"].take();
                self.say(text, "imagen", &link).await;
            }
            Event::Read { .. } => {
                let mark = json!({ "mensaje_id": message, "user_id": self.name });
                self.client.emit("mark_read", &mark).await;
                let (name, body) = self.event().await;
                assert_eq!(
                    (name.as_str(), &body["status"]),
                    ("read_confirmed", &json!("ok"))
                );
            }
            other => panic!("{} has no form for {other:?}", self.name),
        }
    }

    async fn next(&mut self, names: &Names) -> (Told, String) {
        let (name, body) = self.event().await;
        assert_eq!(name, "receive_message", "{} was told {body}", self.name);
        let by = names.of(&body["sender_id"]);
        let said = text(&body["message"]);
        let told = match body["url_archivo"].as_str() {
            None => Told::Said { by, text: said },
            Some(link) => Told::Shared {
                by,
                text: said,
                path: path_of(link).to_owned(),
            },
        };
        (told, text(&body["mensaje_id"]))
    }

    async fn history(&mut self) -> Option<Vec<String>> {
        if !self.is_upred() {
            return None;
        }
        let room = json!({ "sala_uuid": self.room });
        self.client.emit("load_message_history", &room).await;
        let (name, body) = self.event().await;
        assert_eq!(name, "message_history_loaded");
        Some(words(&body["messages"], "message"))
    }

    /// Those who are still there may be told that others have gone.
    async fn finish(self: Box<Self>) {
        self.client.vanish();
    }
}
