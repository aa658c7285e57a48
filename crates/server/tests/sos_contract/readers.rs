//! "`user_reaction`, `is_read` computed for the sender, sent to all: null/false in
//! broadcasts; per reader in REST" (§6); and so each event is encoded once,
//! whatever the number of readers.

use serde_json::{Value, json};
use tertulia_domain::chat::RoomDraft;
use tertulia_domain::ports::UserKey;
use tertulia_domain::{RoomKind, UserId, Visibility};
use tertulia_testkit::{Socket, TestServer};

use super::{Person, open, person, text};

const PEOPLE: usize = 50;
const SOCKETS_OF_EACH: usize = 20;

/// A chat with a thousand sockets on it, those of its maker first.
async fn crowd(server: &TestServer) -> (Vec<Person>, String, Vec<Socket>) {
    let mut people = Vec::new();
    let mut members: Vec<UserId> = Vec::new();
    for number in 0..PEOPLE {
        let someone = person(server, &format!("hincha{number}")).await;
        let key = UserKey::Username(someone.username.clone());
        members.push(server.chat().find_user(key).await.unwrap().unwrap().id);
        people.push(someone);
    }
    let maker = UserKey::Id(members[0]);
    let maker = server.chat().find_user(maker).await.unwrap().unwrap();
    let draft = RoomDraft {
        kind: RoomKind::Group,
        title: "Estadio".to_owned(),
        description: None,
        visibility: Visibility::Private,
        open: false,
        members: members[1..].to_vec(),
    };
    let room = server.chat().create_room(&maker, draft).await.unwrap();
    let chat = room.uuid.to_string();
    let mut sockets = Vec::new();
    for someone in &people {
        for _ in 0..SOCKETS_OF_EACH {
            sockets.push(open(server, someone, &chat).await);
        }
    }
    (people, chat, sockets)
}

/// What a socket is told next, but for who came.
async fn told(socket: &mut Socket) -> Value {
    loop {
        let frame = socket.recv().await;
        if frame["type"] != "user_status" {
            return frame;
        }
    }
}

/// The same frame for all; what was said.
async fn told_to_all(sockets: &mut [Socket], kind: &str) -> Value {
    let (first, others) = sockets.split_first_mut().unwrap();
    let frame = told(first).await;
    assert_eq!(frame["type"], kind, "{frame}");
    for other in others {
        assert_eq!(told(other).await, frame);
    }
    frame
}

#[tokio::test]
async fn a_thousand_readers_cost_one_encoding() {
    let server = TestServer::spawn().await;
    let (people, chat, mut sockets) = crowd(&server).await;
    assert_eq!(sockets.len(), 1_000);
    // Of who comes, rooms of more than 256 sockets are not told, and nothing is encoded
    // for them: what follows is all that counts.
    let figures = || server.server().hub().figures();
    let before = figures();
    let calls = format!("/api/messaging/chats/{chat}");

    let send = json!({ "type": "chat_message", "content": "¡Gol!" });
    sockets[0].send(&send).await;
    let said = told_to_all(&mut sockets, "chat_message").await;
    let id = text(&said["message"]["id"]);
    let answer = json!({ "content": "¡Golazo!", "reply_to": id });
    let path = format!("{calls}/send_message/");
    people[1].http.post(&path, &answer).await;
    told_to_all(&mut sockets, "chat_message").await;
    for (frame, kind) in [
        (
            json!({ "type": "react_message", "message_id": id, "reaction_type": "golazo" }),
            "message_reaction",
        ),
        (
            json!({ "type": "read_message", "message_id": id }),
            "message_read",
        ),
    ] {
        let last = sockets.last_mut().unwrap();
        last.send(&frame).await;
        told_to_all(&mut sockets, kind).await;
    }
    let edit = json!({ "type": "edit_message", "message_id": id, "content": "¡Gol de Vale!" });
    sockets[0].send(&edit).await;
    let edited = told_to_all(&mut sockets, "message_edited").await["message"].take();
    assert_eq!(
        (&edited["user_reaction"], &edited["is_read"]),
        (&Value::Null, &json!(false))
    );
    assert_eq!(edited["read_by_count"], 1);

    // What is so for one reader alone is said over HTTP.
    let path = format!("{calls}/messages/");
    for (reader, reaction, is_read) in [
        (people.last().unwrap(), json!("golazo"), true),
        (&people[1], Value::Null, false),
    ] {
        let shown = reader.http.get(&path).await.json()["results"][1].take();
        assert_eq!(shown["id"], id.as_str());
        assert_eq!(
            (&shown["user_reaction"], &shown["is_read"]),
            (&reaction, &json!(is_read))
        );
    }

    let delete = json!({ "type": "delete_message", "message_id": id });
    sockets[0].send(&delete).await;
    told_to_all(&mut sockets, "message_deleted").await;
    let after = figures();
    let events = 6;
    assert_eq!(after.deliveries - before.deliveries, events * 1_000);
    // The answer, the edit and the read mark are completed from the store, once
    // for all: one question to the form, and one rendering.
    let completed = 3;
    assert_eq!(after.encodings - before.encodings, events + completed);
    server.shutdown().await;
}
