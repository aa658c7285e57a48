//! KaapehChat: it says and hears, and no more.

use async_trait::async_trait;
use serde_json::json;
use tertulia_testkit::{KaapehClient, TestServer, path_of};

use super::{Event, Member, Names, Place, Sort, Told, text, words};

pub(super) struct Kaapeh {
    client: KaapehClient,
    room: String,
}

impl Kaapeh {
    pub(super) async fn open(server: &TestServer, token: &str, place: &Place) -> Self {
        let mut client = server.kaapehchat("kaapeh").await;
        client.hello(token).await;
        Self {
            client,
            room: place.uuid.clone(),
        }
    }
}

#[async_trait]
impl Member for Kaapeh {
    fn name(&self) -> &'static str {
        "kaapeh"
    }

    fn hears(&self) -> &'static [Sort] {
        &[Sort::Said, Sort::Shared]
    }

    fn does(&self) -> &'static [Sort] {
        &[Sort::Said]
    }

    /// Where there are words, they are all that there is room for.
    fn shows_pictures(&self, words: &str) -> bool {
        words.is_empty()
    }

    async fn act(&mut self, event: &Event, _: Option<String>) {
        let Event::Said { text, .. } = event else {
            panic!("KaapehChat has no form for {event:?}");
        };
        let said = json!({ "chatId": self.room, "content": text });
        self.client.request("message:send", &said).await;
    }

    async fn next(&mut self, names: &Names) -> (Told, String) {
        loop {
            let frame = self.client.recv().await;
            let data = &frame["data"];
            match frame["type"].as_str() {
                Some("presence:update") => {}
                Some("message:receive") => {
                    let by = names.of(&data["senderId"]);
                    let said = text(&data["content"]);
                    let told = match said.starts_with("http") {
                        false => Told::Said { by, text: said },
                        true => Told::Shared {
                            by,
                            text: String::new(),
                            path: path_of(&said).to_owned(),
                        },
                    };
                    return (told, text(&data["id"]));
                }
                _ => panic!("KaapehChat was told {frame}"),
            }
        }
    }

    async fn history(&mut self) -> Option<Vec<String>> {
        let room = json!({ "chatId": self.room });
        self.client.request("message:list", &room).await;
        let list = self.client.expect("message:list:ok").await;
        Some(words(&list["messages"], "content"))
    }

    /// Those who are still there may be told that others have gone.
    async fn finish(self: Box<Self>) {
        self.client.vanish();
    }
}
