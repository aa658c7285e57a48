//! The Socket.IO contracts (UPRed, REDUP) over the whole server: each test
//! quotes the row that it holds. [`transport`] is `upred.md` section 2 without
//! identity.
//!
//! [`example`] is section 7 of both, [`entering`] section 2 of both, [`rooms`],
//! [`sending`], [`marks`], [`history`] and [`later`] section 3 of UPRed,
//! [`files`] its links to files of ours, [`upload`] its call over HTTP, [`redup`] that of REDUP,
//! [`speaking`] the table "who is speaking?" of
//! contracts/README.md, [`mended_upred`] and [`mended_redup`] the two sections 6,
//! [`other_dialects`] what happens elsewhere.

mod entering;
mod example;
mod files;
mod history;
mod later;
mod marks;
mod mended_redup;
mod mended_upred;
mod other_dialects;
mod redup;
mod rooms;
mod sending;
mod speaking;
mod transport;
mod upload;

use std::sync::Arc;

use serde_json::{Value, json};
use tertulia_dialects::common::settings::TrustUserId;
use tertulia_domain::chat::RoomDraft;
use tertulia_domain::{Profile, Room, RoomKind, Visibility};
use tertulia_testkit::{SocketIoClient, TestServer, TestServerBuilder};

/// A client's clock, as the contracts' examples have it.
const WHEN: &str = "2026-03-01T09:00:00.000Z";

/// A server that believes a bare `user_id`, as UPRed and REDUP did.
async fn trusting() -> TestServer {
    believing(TestServer::builder()).spawn().await
}

fn believing(builder: TestServerBuilder) -> TestServerBuilder {
    builder.settings(|settings| settings.transport.trust_user_id = TrustUserId::OnLoopback)
}

/// The user of a bare `user_id`, made where there is none.
async fn person(server: &TestServer, user_id: &str) -> Arc<Profile> {
    let identity = server.chat().trust(user_id).await;
    identity.expect("the user may come in").profile
}

/// A registered group of these people; the first owns it.
async fn group(server: &TestServer, members: &[&str]) -> Arc<Room> {
    let mut people = Vec::new();
    for member in members {
        people.push(person(server, member).await);
    }
    let draft = RoomDraft {
        kind: RoomKind::Group,
        title: "Cafetal".to_owned(),
        description: None,
        visibility: Visibility::Private,
        open: false,
        members: people.iter().skip(1).map(|member| member.id).collect(),
    };
    let made = server.chat().create_room(&people[0], draft).await;
    made.expect("the group is made")
}

/// Opens the direct chat with somebody; its `sala_uuid`.
async fn open_direct(client: &mut SocketIoClient, other: &str) -> String {
    let other = json!({ "other_user_id": other });
    let joined = client
        .ask("join_direct_chat", other, "direct_chat_joined")
        .await;
    text(&joined["sala_uuid"])
}

/// Opens a group.
async fn open_group(client: &mut SocketIoClient, group: impl ToString) -> Value {
    let group = json!({ "group_id": group.to_string() });
    client.ask("join_group", group, "group_joined").await
}

/// UPRed's `send_message`.
fn to_room(room: &str, sender: &str, message: &str) -> Value {
    json!({
        "sala_uuid": room, "message": message, "sender_id": sender, "timestamp": WHEN,
        "type": "directo", "message_type": "texto",
    })
}

/// REDUP's.
fn to(to: &str, sender: &str, message: &str) -> Value {
    json!({ "to": to, "message": message, "sender_id": sender, "timestamp": WHEN, "type": "text" })
}

/// Sends, and takes the `ack` and, if it is to come, the sender's own message:
/// no known client depends on which comes first.
async fn send(client: &mut SocketIoClient, message: Value, echo: bool) -> Value {
    client.emit("send_message", &message).await;
    let mut ack = Value::Null;
    for _ in 0..=usize::from(echo) {
        let packet = client.packet().await;
        let event: Value = serde_json::from_str(&packet[2..]).expect("an event is JSON");
        match event[0].as_str() {
            Some("ack") => ack = event[1].clone(),
            Some("receive_message") if echo => {
                assert_eq!(event[1]["message"], message["message"]);
            }
            _ => panic!("{} received {packet}", client.name()),
        }
    }
    assert_eq!(ack["status"], "sent", "{ack}");
    ack
}

/// Proves that nothing came to these but what was looked at: somebody else
/// writes to each user, in REDUP's form, which reaches all sockets, and that is
/// the next that each one hears. Events reach all sockets in the order in which
/// they happened.
async fn nothing_else(server: &TestServer, clients: &mut [(&str, &mut SocketIoClient)]) {
    let mut postman = server.socketio("postman", "postman").await;
    let mut told: Vec<&str> = Vec::new();
    for (user, _) in clients.iter() {
        if !told.contains(user) {
            send(&mut postman, to(user, "postman", "nothing else?"), false).await;
            told.push(user);
        }
    }
    for (_, client) in clients {
        let heard = client.expect("receive_message").await;
        assert_eq!(heard["message"], "nothing else?", "{}", client.name());
    }
    postman.finish().await;
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("a string was expected, not {value}"))
        .to_owned()
}

/// Whether all that is said in the contract's example is said here, with these
/// values; further keys are allowed (contracts/README.md, "one object for both").
#[track_caller]
fn says(told: &Value, example: &Value) {
    for (key, value) in example.as_object().into_iter().flatten() {
        assert_eq!(&told[key], value, "{key} of {told}");
    }
}
