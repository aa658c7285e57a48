//! SOS-Habilidoso: it has a form for everything.

use async_trait::async_trait;
use http::Method;
use serde_json::json;
use tertulia_testkit::{Form, HttpClient, PNG, Socket, TestServer, path_of};

use super::{Event, Member, Names, Place, Sort, Told, text, words};

pub(super) struct Sos {
    socket: Socket,
    http: HttpClient,
    room: String,
}

const ALL: &[Sort] = &[
    Sort::Said,
    Sort::Shared,
    Sort::Edited,
    Sort::Reacted,
    Sort::Read,
    Sort::Deleted,
];

impl Sos {
    pub(super) async fn open(server: &TestServer, token: &str, place: &Place) -> Self {
        let path = format!("/ws/chat/{}/?token={token}", place.uuid);
        Self {
            socket: server.socket("sos", &path, &[]).await,
            http: server.http().bearer(token),
            room: place.uuid.clone(),
        }
    }
}

impl Sos {
    /// Media go over HTTP.
    async fn share(&self, text: &str) {
        let path = format!("/api/messaging/chats/{}/send_message/", self.room);
        let form = Form::default()
            .text("content", text)
            .text("message_type", "image")
            .file("image", "foto.png", PNG);
        let sent = self.http.request(Method::POST, &path).form(form);
        let sent = sent.send().await;
        assert_eq!(sent.status, 201, "{}", sent.text());
    }
}

#[async_trait]
impl Member for Sos {
    fn name(&self) -> &'static str {
        "sos"
    }

    fn hears(&self) -> &'static [Sort] {
        ALL
    }

    fn does(&self) -> &'static [Sort] {
        ALL
    }

    async fn act(&mut self, event: &Event, message: Option<String>) {
        let frame = match event {
            Event::Said { text, .. } => json!({ "type": "chat_message", "content": text }),
            Event::Shared { text, .. } => return self.share(text).await,
            Event::Edited { now, .. } => {
                json!({ "type": "edit_message", "message_id": message, "content": now })
            }
            Event::Reacted { word, .. } => {
                json!({ "type": "react_message", "message_id": message, "reaction_type": word })
            }
            Event::Read { .. } => json!({ "type": "read_message", "message_id": message }),
            Event::Deleted { .. } => json!({ "type": "delete_message", "message_id": message }),
        };
        self.socket.send(&frame).await;
    }

    async fn next(&mut self, names: &Names) -> (Told, String) {
        loop {
            let frame = self.socket.recv().await;
            let message = &frame["message"];
            let told = match frame["type"].as_str() {
                Some("user_status") => continue,
                Some("chat_message") => {
                    let by = names.of(&message["sender"]["id"]);
                    let said = text(&message["content"]);
                    let told = match message["image"].as_str() {
                        None => Told::Said { by, text: said },
                        Some(link) => Told::Shared {
                            by,
                            text: said,
                            path: path_of(link).to_owned(),
                        },
                    };
                    return (told, text(&message["id"]));
                }
                Some("message_edited") => {
                    let now = text(&message["content"]);
                    return (Told::Edited { now }, text(&message["id"]));
                }
                Some("message_reaction") => {
                    assert_eq!(frame["added"], true);
                    let word = text(&frame["reaction_type"]);
                    let by = names.of(&frame["user_id"]);
                    Told::Reacted { by, word }
                }
                Some("message_read") => Told::Read {
                    by: names.of(&frame["user_id"]),
                },
                Some("message_deleted") => Told::Deleted,
                _ => panic!("SOS-Habilidoso was told {frame}"),
            };
            return (told, text(&frame["message_id"]));
        }
    }

    async fn history(&mut self) -> Option<Vec<String>> {
        let path = format!("/api/messaging/chats/{}/messages/", self.room);
        let page = self.http.get(&path).await.json();
        let mut shown = words(&page["results"], "content");
        shown.reverse();
        Some(shown)
    }

    /// Those who are still there may be told that others have gone.
    async fn finish(self: Box<Self>) {
        self.socket.vanish();
    }
}
