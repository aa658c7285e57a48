//! IzpoChat: it says and hears, and no more. Its history is newest first.

use async_trait::async_trait;
use serde_json::json;
use tertulia_testkit::{HttpClient, Socket, TestServer};

use super::{Event, Member, Names, Place, Sort, Told, text, words};

pub(super) struct Izpo {
    socket: Socket,
    http: HttpClient,
    room: String,
}

impl Izpo {
    pub(super) async fn open(server: &TestServer, token: &str, place: &Place) -> Self {
        let path = format!("/api/ws/{}?token={token}", place.id);
        let mut socket = server.socket("izpo", &path, &[]).await;
        for expected in ["welcome", "users_online"] {
            assert_eq!(socket.recv().await["type"], expected);
        }
        Self {
            socket,
            http: server.http().bearer(token),
            room: place.id.clone(),
        }
    }
}

#[async_trait]
impl Member for Izpo {
    fn name(&self) -> &'static str {
        "izpo"
    }

    fn hears(&self) -> &'static [Sort] {
        &[Sort::Said, Sort::Shared]
    }

    fn does(&self) -> &'static [Sort] {
        &[Sort::Said]
    }

    fn shows_pictures(&self) -> bool {
        false
    }

    async fn act(&mut self, event: &Event, _: Option<String>) {
        let Event::Said { text, .. } = event else {
            panic!("IzpoChat has no form for {event:?}");
        };
        let said = json!({ "type": "message", "content": text, "file_id": null });
        self.socket.send(&said).await;
    }

    async fn next(&mut self, names: &Names) -> (Told, String) {
        loop {
            let frame = self.socket.recv().await;
            match frame["type"].as_str() {
                Some("user_joined" | "user_left") => {}
                Some("message") => {
                    let by = names.of(&frame["sender"]["id"]);
                    let said = text(&frame["content"]);
                    return (Told::Said { by, text: said }, frame["id"].to_string());
                }
                _ => panic!("IzpoChat was told {frame}"),
            }
        }
    }

    async fn history(&mut self) -> Option<Vec<String>> {
        let path = format!("/api/rooms/{}/messages", self.room);
        let mut shown = words(&self.http.get(&path).await.json(), "content");
        shown.reverse();
        Some(shown)
    }

    async fn finish(self: Box<Self>) {
        let mut socket = self.socket;
        socket.forget_unread();
        socket.finish().await;
    }
}
