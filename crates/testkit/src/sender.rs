//! Senders that go on until the server goes, and remember what they saw, for
//! the [`checker`](crate::checker).

use std::collections::HashMap;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::checker::{Outcome, Send, Stored};
use crate::{Closed, HttpClient, V1Client};

/// Messages of one sender that wait for their answers at the same time.
const WINDOW: usize = 4;

/// What one connection saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Its sends, in order.
    pub sends: Vec<Send>,
    /// What it was told of everybody's, in order.
    pub told: Vec<Stored>,
    /// How it ended; none when all was answered.
    pub closed: Option<Closed>,
}

/// One sender's connection.
#[derive(Debug)]
pub struct Sender {
    socket: V1Client,
    room: String,
    /// Sends that wait, by their `ref`.
    waiting: HashMap<String, usize>,
    seen: Seen,
}

impl Sender {
    /// Sends into this room.
    #[must_use]
    pub fn new(socket: V1Client, room: &str) -> Self {
        Self {
            socket,
            room: room.to_owned(),
            waiting: HashMap::new(),
            seen: Seen::default(),
        }
    }

    /// Sends a message for each of these ids, a few at a time, until all are
    /// answered or the server goes. Counts confirmations in `acked`.
    pub async fn run(
        mut self,
        client_ids: impl IntoIterator<Item = String>,
        acked: &watch::Sender<usize>,
    ) -> Seen {
        let mut client_ids = client_ids.into_iter();
        loop {
            while self.waiting.len() < WINDOW
                && let Some(client_id) = client_ids.next()
            {
                self.send(client_id).await;
            }
            if self.waiting.is_empty() {
                break;
            }
            match self.socket.try_recv_text().await {
                Ok(frame) => self.take(&frame, acked),
                Err(closed) => {
                    self.seen.closed = Some(closed);
                    break;
                }
            }
        }
        self.socket.vanish();
        self.seen
    }

    async fn send(&mut self, client_id: String) {
        let index = self.seen.sends.len();
        let reference = index.to_string();
        let frame = json!({
            "op": "send",
            "ref": reference,
            "room_id": self.room,
            "text": format!("text of {client_id}"),
            "client_id": client_id,
        });
        self.seen.sends.push(Send {
            client_id,
            sent_at: Instant::now(),
            outcome: Outcome::Unanswered,
        });
        self.waiting.insert(reference, index);
        // A server that is gone is noticed when the answer is read.
        let _ = self.socket.try_send_text(&frame.to_string()).await;
    }

    fn take(&mut self, frame: &str, acked: &watch::Sender<usize>) {
        let frame: Value = serde_json::from_str(frame).unwrap_or_default();
        let outcome = match frame["ev"].as_str() {
            Some("message") => {
                self.seen.told.push(stored(&frame["message"]));
                return;
            }
            Some("ok") => {
                acked.send_modify(|count| *count += 1);
                Outcome::Acked {
                    id: text(&frame["id"]),
                    seq: number(&frame["seq"]),
                    at: Instant::now(),
                }
            }
            Some("error") => Outcome::Refused,
            _ => return,
        };
        if let Some(index) = self.waiting.remove(&text(&frame["ref"])) {
            self.seen.sends[index].outcome = outcome;
        }
    }
}

impl HttpClient {
    /// The whole history of a room by `/v1`, in its order there.
    ///
    /// # Panics
    /// When the server does not give it.
    pub async fn v1_history(&self, room: &str) -> Vec<Stored> {
        let mut history: Vec<Stored> = Vec::new();
        loop {
            let after = history.last().map_or(0, |last| last.seq);
            let path = format!("/v1/rooms/{room}/messages?after={after}&limit=100");
            let page = self.get(&path).await;
            assert_eq!(page.status, 200, "{}", page.text());
            let page = page.json();
            let messages = page["items"].as_array().map_or(&[][..], Vec::as_slice);
            if messages.is_empty() {
                return history;
            }
            history.extend(messages.iter().map(stored));
        }
    }
}

fn stored(message: &Value) -> Stored {
    Stored {
        id: text(&message["id"]),
        seq: number(&message["seq"]),
        client_id: text(&message["client_id"]),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}
