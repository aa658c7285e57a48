//! contracts/README.md, "UPRed against REDUP": each socket starts undecided, and
//! each event decides by its own shape.

use serde_json::{Value, json};
use tertulia_domain::Draft;
use tertulia_testkit::{SocketIoClient, TestServer};

use super::{
    group, nothing_else, open_direct, open_group, person, says, send, to, to_room, trusting,
};

/// What a socket has spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoke {
    Nothing,
    Redup,
    Upred,
}

/// A socket of this user that has spoken so, and has opened nothing.
async fn speaker(server: &TestServer, name: &str, user: &str, spoke: Spoke) -> SocketIoClient {
    let mut client = server.socketio(name, user).await;
    let text = "sender_id no coincide con el usuario conectado";
    match spoke {
        Spoke::Nothing => {}
        Spoke::Redup => {
            let forged = to(user, "nobody at all", "x");
            client.send_refused("send_message", forged, text).await;
        }
        Spoke::Upred => {
            let body = json!({ "group_id": "nowhere" });
            client.ask("leave_group", body, "group_left").await;
        }
    }
    client
}

/// `send_message` with `sala_uuid` is UPRed's, with `to` and no `sala_uuid`
/// REDUP's; `ack` is the union of both.
#[tokio::test]
async fn a_send_is_decided_by_its_shape() {
    let server = trusting().await;
    person(&server, "58").await;
    let mut a = server.socketio("A", "31").await;
    let room = open_direct(&mut a, "58").await;
    let mut both = to_room(&room, "31", "uno");
    both["to"] = json!("somebody else");
    let echoed = send(&mut a, both, true).await;
    let silent = send(&mut a, to("58", "31", "dos"), false).await;
    for ack in [&echoed, &silent] {
        let keys = json!({ "to": "58", "sala_uuid": room, "saved_to_db": true });
        says(ack, &keys);
        assert!(ack["mensaje_uuid"].is_string());
    }
    a.finish().await;
    server.shutdown().await;
}

/// "neither": missing-field text of the dialect seen on this socket, else
/// UPRed's.
#[tokio::test]
async fn a_send_without_destination_is_refused_in_the_words_of_the_dialect_seen() {
    let server = trusting().await;
    for (spoke, first) in [
        (Spoke::Nothing, "sala_uuid"),
        (Spoke::Upred, "sala_uuid"),
        (Spoke::Redup, "to"),
    ] {
        let mut client = speaker(&server, "A", "31", spoke).await;
        let text = format!("Faltan campos: {first}, type");
        let body = json!({ "message": "x", "sender_id": "31", "timestamp": 1 });
        client.send_refused("send_message", body, &text).await;
        client.finish().await;
    }
    server.shutdown().await;
}

/// Each of UPRed's own events decides for UPRed, whatever it says; `join_group`
/// and `mark_delivered`, which both have, decide nothing.
#[tokio::test]
async fn which_events_decide() {
    let server = trusting().await;
    person(&server, "58").await;
    for (name, decides) in [
        ("join_direct_chat", true),
        ("leave_group", true),
        ("mark_read", true),
        ("load_message_history", true),
        ("send_direct_message", true),
        ("send_group_message", true),
        ("join_group", false),
        ("mark_delivered", false),
        ("baila", false),
    ] {
        let mut a = server.socketio("A", "31").await;
        a.emit(name, &json!({})).await;
        if name != "baila" {
            a.packet().await;
        }
        let mut b = server.socketio("B", "58").await;
        send(&mut b, to("31", "58", name), false).await;
        let heard = a.expect("receive_message").await;
        let (word, when) = if decides {
            ("directo", "2026-02-18T07:33:20")
        } else {
            ("text", "2026-02-18T07:33:20+00:00")
        };
        says(
            &heard,
            &json!({ "type": word, "enviado_en": when, "message": name }),
        );
        a.finish().await;
        b.finish().await;
    }
    server.shutdown().await;
}

/// `join_group`: one reply serves both.
#[tokio::test]
async fn one_reply_to_join_group_serves_both() {
    let server = trusting().await;
    let room = group(&server, &["31"]).await;
    let mut a = server.socketio("A", "31").await;
    for name in [room.id.to_string(), "grupo_1".to_owned()] {
        let joined = open_group(&mut a, &name).await;
        let uuid = &joined["sala_uuid"];
        assert_eq!(
            joined,
            json!({
                "status": "ok", "group_id": name, "user_id": "31",
                "sala_chat_id": joined["sala_chat_id"].as_i64().unwrap(),
                "sala_uuid": uuid, "room": format!("group_{}", uuid.as_str().unwrap()),
            })
        );
    }
    a.finish().await;
    server.shutdown().await;
}

/// `type` and `enviado_en` follow the receiving socket; one that only sent
/// `join_group` gets `grupal` until it speaks REDUP.
#[tokio::test]
async fn a_group_message_in_the_receiving_sockets_words() {
    let server = trusting().await;
    let mut sender = server.socketio("S", "31").await;
    open_group(&mut sender, "grupo_1").await;
    let mut readers = Vec::new();
    for (name, spoke, word, offset) in [
        ("N", Spoke::Nothing, "grupal", "+00:00"),
        ("R", Spoke::Redup, "Text", "+00:00"),
        ("U", Spoke::Upred, "grupal", ""),
    ] {
        let mut client = speaker(&server, name, name, spoke).await;
        open_group(&mut client, "grupo_1").await;
        readers.push((client, word, offset));
    }
    let mut message = to("grupo_1", "31", "hola");
    message["type"] = "Text".into();
    send(&mut sender, message.clone(), true).await;
    for (client, word, offset) in &mut readers {
        let heard = client.expect("receive_message").await;
        let when = format!("2026-02-18T07:33:20{offset}");
        says(&heard, &json!({ "type": word, "enviado_en": when }));
    }
    // The undecided one speaks REDUP.
    let undecided = &mut readers[0].0;
    send(undecided, to("grupo_1", "N", "yo también"), true).await;
    for (client, ..) in &mut readers[1..] {
        client.expect("receive_message").await;
    }
    sender.expect("receive_message").await;
    send(&mut sender, message, true).await;
    for (client, word, _) in &mut readers {
        let expected = if *word == "Text" || client.name() == "N" {
            "Text"
        } else {
            "grupal"
        };
        assert_eq!(client.expect("receive_message").await["type"], expected);
    }
    sender.finish().await;
    for (client, ..) in readers {
        client.finish().await;
    }
    server.shutdown().await;
}

/// Sockets of one user in every state, and whether each hears a message.
struct Sockets(Vec<(Spoke, bool, SocketIoClient)>);

impl Sockets {
    async fn of(server: &TestServer, user: &str, open: &[&str], is_group: bool) -> Self {
        let mut sockets = Vec::new();
        for spoke in [Spoke::Nothing, Spoke::Redup, Spoke::Upred] {
            for joined in [false, true] {
                // Opening a direct chat is speaking UPRed.
                if joined && !is_group && spoke != Spoke::Upred {
                    continue;
                }
                let name = format!("{user} {spoke:?} {joined}");
                let mut client = speaker(server, &name, user, spoke).await;
                for room in open.iter().filter(|_| joined) {
                    if is_group {
                        open_group(&mut client, room).await;
                    } else {
                        open_direct(&mut client, room).await;
                    }
                }
                sockets.push((spoke, joined, client));
            }
        }
        Self(sockets)
    }

    /// Takes `message` from those who are to hear it, and then from all what
    /// proves that nobody else heard it.
    async fn expect(&mut self, message: &str, hears: impl Fn(Spoke, bool) -> bool) {
        for (spoke, joined, client) in &mut self.0 {
            if hears(*spoke, *joined) {
                let heard = client.expect("receive_message").await;
                assert_eq!(heard["message"], message, "{}", client.name());
            }
        }
    }

    async fn nothing_else(&mut self, server: &TestServer, user: &str) {
        let mut clients: Vec<_> = self
            .0
            .iter_mut()
            .map(|(_, _, client)| (user, client))
            .collect();
        nothing_else(server, &mut clients).await;
    }

    async fn finish(self) {
        for (_, _, client) in self.0 {
            client.finish().await;
        }
    }
}

/// "delivery scope", the three rows about direct chats. Once per socket.
#[tokio::test]
async fn the_scope_of_direct_messages() {
    let server = trusting().await;
    let (me, other) = (person(&server, "31").await, person(&server, "58").await);
    let room = server.chat().open_direct(&me, other.id).await.unwrap().room;
    let mut mine = Sockets::of(&server, "31", &["58"], false).await;
    let mut theirs = Sockets::of(&server, "58", &["31"], false).await;
    // What sends here has nothing open.
    let mut sender = speaker(&server, "S", "31", Spoke::Upred).await;

    let message = to_room(&room.uuid.to_string(), "31", "UPRed");
    send(&mut sender, message, false).await;
    mine.expect("UPRed", |_, joined| joined).await;
    theirs
        .expect("UPRed", |spoke, joined| joined || spoke != Spoke::Upred)
        .await;

    send(&mut sender, to("58", "31", "REDUP"), false).await;
    theirs.expect("REDUP", |_, _| true).await;

    let draft = Draft::text("otro dialecto");
    server.chat().send(&me, room.id, draft).await.unwrap();
    mine.expect("otro dialecto", |_, joined| joined).await;
    theirs.expect("otro dialecto", |_, _| true).await;

    mine.nothing_else(&server, "31").await;
    sender.expect("receive_message").await;
    theirs.nothing_else(&server, "58").await;
    mine.finish().await;
    theirs.finish().await;
    sender.finish().await;
    server.shutdown().await;
}

/// "delivery scope", the three rows about groups. Once per socket.
#[tokio::test]
async fn the_scope_of_group_messages() {
    let server = trusting().await;
    let room = group(&server, &["31", "58"]).await;
    let number = room.id.to_string();
    let mut readers = Sockets::of(&server, "58", &[&number], true).await;
    // Who joins later is a visitor to those who have not spoken REDUP only.
    for (_, _, client) in &mut readers.0 {
        client.forget_unread();
    }
    let mut sender = speaker(&server, "S", "31", Spoke::Upred).await;
    let uuid = room.uuid.to_string();

    send(&mut sender, to_room(&uuid, "31", "UPRed"), false).await;
    let with_redup = |spoke, joined| joined || spoke == Spoke::Redup;
    readers.expect("UPRed", with_redup).await;

    let mut message = to(&number, "31", "REDUP");
    message["type"] = "grupal".into();
    send(&mut sender, message, false).await;
    readers.expect("REDUP", |_, joined| joined).await;

    let me = person(&server, "31").await;
    let draft = Draft::text("otro dialecto");
    server.chat().send(&me, room.id, draft).await.unwrap();
    readers.expect("otro dialecto", with_redup).await;

    readers.nothing_else(&server, "58").await;
    readers.finish().await;
    sender.finish().await;
    server.shutdown().await;
}

/// A message of another dialect has REDUP's `type` of its room, and its own time.
#[tokio::test]
async fn a_message_of_another_dialect_has_all_keys() {
    let server = trusting().await;
    let me = person(&server, "31").await;
    let other = person(&server, "58").await;
    let mut reader = server.socketio("B", "58").await;
    let room = server.chat().open_direct(&me, other.id).await.unwrap().room;
    let draft = Draft::text("hola");
    server.chat().send(&me, room.id, draft).await.unwrap();
    let heard = reader.expect("receive_message").await;
    let uuid = heard["mensaje_uuid"].clone();
    assert_eq!(
        heard,
        json!({
            "from": "31", "sender_id": "31", "to": "58", "message": "hola", "type": "directo",
            "message_type": "texto", "timestamp": "2026-02-18T07:33:20.123Z",
            "url_archivo": Value::Null, "mensaje_id": "1", "mensaje_uuid": uuid,
            "enviado_en": "2026-02-18T07:33:20+00:00", "sala_uuid": room.uuid.to_string(),
            "sala_chat_id": "1", "sender_name": "31", "sender_email": "", "offline": false,
        })
    );
    reader.finish().await;
    server.shutdown().await;
}
