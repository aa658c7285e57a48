//! IzpoChat: it says and hears, and no more. Its history is newest first.

use async_trait::async_trait;
use http::Method;
use serde_json::{Value, json};
use tertulia_testkit::{Form, HttpClient, PNG, Socket, TestServer, path_of};

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

impl Izpo {
    async fn upload(&self) -> Value {
        let form = Form::default().file("file", "foto.png", PNG);
        let made = self.http.request(Method::POST, "/api/uploads/").form(form);
        let made = made.send().await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["id"].take()
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
        &[Sort::Said, Sort::Shared]
    }

    async fn act(&mut self, event: &Event, _: Option<String>) {
        let (text, file) = match event {
            Event::Said { text, .. } => (text, Value::Null),
            Event::Shared { text, .. } => (text, self.upload().await),
            other => panic!("IzpoChat has no form for {other:?}"),
        };
        let said = json!({ "type": "message", "content": text, "file_id": file });
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
                    let told = match frame["file"]["public_url"].as_str() {
                        None => Told::Said { by, text: said },
                        Some(link) => Told::Shared {
                            by,
                            text: said,
                            path: path_of(link).to_owned(),
                        },
                    };
                    return (told, frame["id"].to_string());
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

    /// Those who are still there may be told that others have gone.
    async fn finish(self: Box<Self>) {
        self.socket.vanish();
    }
}
