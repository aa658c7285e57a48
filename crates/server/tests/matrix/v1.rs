//! Our own socket: it has a form for everything. A mark is about a place in the
//! room, not about a message's id.

use std::collections::HashMap;

use async_trait::async_trait;
use serde_json::{Value, json};
use tertulia_testkit::{HttpClient, TestServer, V1Client};

use super::{Event, Member, Names, Place, Sort, Told, text, upload};

pub(super) struct V1 {
    client: V1Client,
    http: HttpClient,
    room: String,
    /// Which message stands where.
    places: HashMap<i64, String>,
}

const ALL: &[Sort] = &[
    Sort::Said,
    Sort::Shared,
    Sort::Edited,
    Sort::Reacted,
    Sort::Read,
    Sort::Deleted,
];

impl V1 {
    pub(super) async fn open(server: &TestServer, token: &str, place: &Place) -> Self {
        Self {
            client: server.v1_socket("v1", token).await,
            http: server.http().bearer(token),
            room: place.id.clone(),
            places: HashMap::new(),
        }
    }

    fn seq(&self, message: &str) -> i64 {
        let found = self.places.iter().find(|(_, known)| *known == message);
        *found.unwrap_or_else(|| panic!("where is {message}?")).0
    }
}

#[async_trait]
impl Member for V1 {
    fn name(&self) -> &'static str {
        "v1"
    }

    fn hears(&self) -> &'static [Sort] {
        ALL
    }

    fn does(&self) -> &'static [Sort] {
        ALL
    }

    async fn act(&mut self, event: &Event, message: Option<String>) {
        let mut fields = json!({ "room_id": self.room });
        if let Some(id) = &message {
            fields["id"] = id.as_str().into();
        }
        let op = match event {
            Event::Said { text, .. } => {
                fields["text"] = text.as_str().into();
                "send"
            }
            Event::Shared { text, .. } => {
                fields["text"] = text.as_str().into();
                fields["file_ids"] = json!([upload(&self.http).await["id"]]);
                "send"
            }
            Event::Edited { now, .. } => {
                fields["text"] = now.as_str().into();
                "edit"
            }
            Event::Reacted { word, .. } => {
                fields["emoji"] = word.as_str().into();
                fields["on"] = true.into();
                "react"
            }
            Event::Read { .. } => {
                let seq = self.seq(&message.unwrap_or_default());
                fields = json!({ "room_id": self.room, "read": seq });
                "receipt"
            }
            Event::Deleted { .. } => "delete",
        };
        self.client.request(op, &fields).await;
    }

    async fn next(&mut self, names: &Names) -> (Told, String) {
        loop {
            let frame = self.client.recv().await;
            let message = &frame["message"];
            let told = match frame["ev"].as_str() {
                Some("ok" | "presence") => continue,
                Some("message") => {
                    let id = text(&message["id"]);
                    let seq = message["seq"].as_i64().unwrap_or_default();
                    self.places.insert(seq, id.clone());
                    let by = names.of(&message["sender"]["username"]);
                    let said = text(&message["text"]);
                    let told = match message["files"][0]["url"].as_str() {
                        None => Told::Said { by, text: said },
                        Some(path) => Told::Shared {
                            by,
                            text: said,
                            path: path.to_owned(),
                        },
                    };
                    return (told, id);
                }
                Some("message.edited") => {
                    let now = text(&message["text"]);
                    return (Told::Edited { now }, text(&message["id"]));
                }
                Some("reaction") => {
                    assert_eq!(frame["on"], true);
                    let word = text(&frame["emoji"]);
                    let by = names.of(&frame["user_id"]);
                    Told::Reacted { by, word }
                }
                Some("receipt") => {
                    let by = names.of(&frame["user_id"]);
                    return (Told::Read { by }, self.marked(&frame));
                }
                Some("message.deleted") => Told::Deleted,
                _ => panic!("/v1 was told {frame}"),
            };
            return (told, text(&frame["id"]));
        }
    }

    async fn history(&mut self) -> Option<Vec<String>> {
        let path = format!("/v1/rooms/{}/messages", self.room);
        let page = self.http.get(&path).await.json();
        let items = page["items"].as_array().into_iter().flatten();
        let shown = items.filter(|message| message["deleted_at"].is_null());
        Some(shown.map(|message| text(&message["text"])).collect())
    }

    /// Those who are still there may be told that others have gone.
    async fn finish(self: Box<Self>) {
        self.client.vanish();
    }
}

impl V1 {
    /// The one message that a receipt says was read.
    fn marked(&self, frame: &Value) -> String {
        let marks = frame["marks"].as_array().into_iter().flatten();
        let read: Vec<_> = marks.filter(|mark| mark["kind"] == "read").collect();
        let [read] = read.as_slice() else {
            panic!("one stretch was read: {frame}");
        };
        assert_eq!(read["from"], read["to"], "{frame}");
        let seq = read["from"].as_i64().unwrap_or_default();
        self.places[&seq].clone()
    }
}
