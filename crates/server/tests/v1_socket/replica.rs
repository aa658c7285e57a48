//! What a client puts together of a room from the events that it is told.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};
use tertulia_testkit::V1Account;

use crate::world::World;

/// What a client has put together of one room.
#[derive(Default)]
pub(crate) struct Replica {
    pub(crate) room: String,
    /// `[seq, revision]`, from the events and from `ready`.
    pub(crate) cursor: [i64; 2],
    pub(crate) messages: BTreeMap<i64, Value>,
    /// `[delivered, read]`, by user.
    pub(crate) marks: BTreeMap<String, [i64; 2]>,
}

impl Replica {
    /// Takes in an event; answers where the room stood after it.
    pub(crate) fn apply(&mut self, event: &Value) -> Option<[i64; 2]> {
        let number = |name: &str| event[name].as_i64();
        match event["ev"].as_str()? {
            "message" | "message.edited" => {
                let message = &event["message"];
                self.messages
                    .insert(message["seq"].as_i64()?, message.clone());
            }
            "message.deleted" => {
                if let Some(message) = self.messages.get_mut(&number("message_seq")?) {
                    message["text"] = json!("");
                    message["reactions"] = json!([]);
                    message["deleted_at"] = event["deleted_at"].clone();
                }
            }
            "reaction" => self.react(event),
            "receipt" => self.mark(event),
            "member" | "room" => {}
            _ => return None,
        }
        Some([number("seq")?, number("revision")?])
    }

    /// A reaction to a message that is not known yet comes with the message.
    fn react(&mut self, event: &Value) {
        let seq = event["message_seq"].as_i64().expect("a number");
        let Some(message) = self.messages.get_mut(&seq) else {
            return;
        };
        let mut standing = reactions(message);
        let reaction = (text_of(&event["emoji"]), text_of(&event["user_id"]));
        if event["on"] == true {
            standing.insert(reaction);
        } else {
            standing.remove(&reaction);
        }
        let mut grouped: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (emoji, user) in standing {
            grouped.entry(emoji).or_default().push(user);
        }
        message["reactions"] = grouped
            .into_iter()
            .map(|(emoji, users)| json!({"emoji": emoji, "count": users.len(), "user_ids": users}))
            .collect();
    }

    fn mark(&mut self, event: &Value) {
        let marks = self.marks.entry(text_of(&event["user_id"])).or_default();
        for mark in event["marks"].as_array().expect("there are marks") {
            let to = mark["to"].as_i64().expect("a number");
            // What was read was delivered, too.
            marks[0] = marks[0].max(to);
            if mark["kind"] == "read" {
                marks[1] = marks[1].max(to);
            }
        }
    }

    pub(crate) fn reach(&mut self, at: [i64; 2]) {
        self.cursor = [self.cursor[0].max(at[0]), self.cursor[1].max(at[1])];
    }

    /// Compares with what the server says over HTTP.
    pub(crate) async fn compare(&self, world: &World, reader: &V1Account) {
        let history = world.history(reader, &self.room).await;
        let seqs: Vec<_> = self.messages.keys().copied().collect();
        assert_eq!(seqs, (1..=history.len() as i64).collect::<Vec<_>>());
        for (stored, ours) in history.iter().zip(self.messages.values()) {
            assert_eq!(reactions(stored), reactions(ours), "{stored}");
            assert_eq!(words(stored), words(ours));
        }
        let path = format!("/v1/rooms/{}/members?limit=100", self.room);
        let members = world.http(reader).get(&path).await.json();
        for member in members["items"].as_array().expect("there are members") {
            let ours = self.marks.get(&text_of(&member["user"]["id"])).copied();
            let stored = ["delivered_seq", "read_seq"].map(|name| member[name].as_i64());
            assert_eq!(ours.unwrap_or_default().map(Some), stored, "{member}");
        }
        assert_eq!(json!(self.cursor), world.place(reader, &self.room).await);
    }
}

/// A message without its reactions. Whether it was edited before it was deleted
/// is of no interest any more.
fn words(message: &Value) -> Value {
    let mut message = message.clone();
    message["reactions"] = Value::Null;
    if message["deleted_at"].is_string() {
        message["edited_at"] = Value::Null;
    }
    message
}

fn reactions(message: &Value) -> HashSet<(String, String)> {
    let groups = message["reactions"]
        .as_array()
        .expect("there are reactions");
    let of = |group: &Value| {
        let users = group["user_ids"].as_array().cloned().unwrap_or_default();
        let emoji = text_of(&group["emoji"]);
        users
            .into_iter()
            .map(move |user| (emoji.clone(), text_of(&user)))
    };
    groups.iter().flat_map(of).collect()
}

pub(crate) fn text_of(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
