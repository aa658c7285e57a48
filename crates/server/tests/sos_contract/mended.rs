//! Section 6, what must not be reproduced, as far as no other module holds it.

use std::sync::Arc;

use serde_json::json;
use tertulia_domain::chat::RoomDraft;
use tertulia_domain::ports::UserKey;
use tertulia_domain::{Profile, RoomKind, Visibility};
use tertulia_testkit::{Closed, ServerProcess, TestServer};

use super::{
    Person, answers, expect, group, nothing_else, open, open_beside, pair, person, refused, say,
    socket_path, text,
};

async fn profile(server: &TestServer, person: &Person) -> Arc<Profile> {
    let key = UserKey::Username(person.username.clone());
    server.chat().find_user(key).await.unwrap().unwrap()
}

/// "participation checked only on opening: close their sockets with 4403 on
/// removal".
#[tokio::test]
async fn whoever_is_removed_is_shown_out() {
    let server = TestServer::spawn().await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let ceci = person(&server, "ceci").await;
    let chat = group(&[&vale, &memo, &ceci]).await;
    let mut a = open(&server, &vale, &chat).await;
    let mut b = open_beside(&server, &memo, &chat, &mut [&mut a]).await;
    let mut c = open_beside(&server, &ceci, &chat, &mut [&mut a, &mut b]).await;

    let (owner, removed) = (profile(&server, &vale).await, profile(&server, &memo).await);
    let room: uuid::Uuid = chat.parse().unwrap();
    server
        .chat()
        .remove(&owner, room, removed.id, false)
        .await
        .unwrap();
    let out = Closed::Frame(4403, "not_a_participant".to_owned());
    assert_eq!(b.recv_close().await, out);
    for socket in [&mut a, &mut c] {
        assert_eq!(expect(socket, "user_status").await["status"], "offline");
    }
    let path = format!("/api/messaging/chats/{chat}/leave/");
    assert_eq!(ceci.http.post(&path, &json!({})).await.status, 200);
    assert_eq!(c.recv_close().await, out);
    assert_eq!(expect(&mut a, "user_status").await["status"], "offline");
    server.chat().close_room(&owner, room).await.unwrap();
    assert_eq!(a.recv_close().await, out);
    server.shutdown().await;
}

/// "a refused socket still announces `offline`: nothing before acceptance".
#[tokio::test]
async fn a_refused_socket_announces_nothing() {
    let server = TestServer::spawn().await;
    let (_, _, chat, mut a, mut b) = pair(&server).await;
    let stranger = person(&server, "ceci").await;
    for token in [&stranger.access, "x"] {
        let path = super::socket_path(&chat, token);
        let refused = server
            .http()
            .request(http::Method::GET, &path)
            .header(http::header::CONNECTION, "upgrade")
            .header(http::header::UPGRADE, "websocket")
            .header(http::header::SEC_WEBSOCKET_VERSION, "13")
            .header(http::header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(refused.send().await.status, 403);
    }
    nothing_else(&mut a, &mut [&mut b]).await;
    server.shutdown().await;
}

/// "`is_blocked` is never consulted: `error` `No puedes enviar mensajes en este
/// chat`, REST 403": whoever may read a chat and not write in it.
#[tokio::test]
async fn who_may_not_write_is_told_so() {
    let server = TestServer::spawn().await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let owner = profile(&server, &vale).await;
    let draft = RoomDraft {
        kind: RoomKind::Channel,
        title: "Avisos".to_owned(),
        description: None,
        visibility: Visibility::Private,
        open: false,
        members: vec![profile(&server, &memo).await.id],
    };
    let room = server.chat().create_room(&owner, draft).await.unwrap();
    let chat = room.uuid.to_string();
    let mut a = open(&server, &vale, &chat).await;
    let mut b = open_beside(&server, &memo, &chat, &mut [&mut a]).await;
    let message = json!({ "type": "chat_message", "content": "hola" });
    refused(&mut b, message, "No puedes enviar mensajes en este chat").await;
    let path = format!("/api/messaging/chats/{chat}/send_message/");
    let sent = memo.http.post(&path, &json!({ "content": "hola" })).await;
    answers(
        &sent,
        403,
        &json!({ "error": "No puedes enviar mensajes en este chat" }),
    );
    say(&mut a, &mut [&mut b], "aviso").await;
    server.shutdown().await;
}

/// "full profile with e-mail and telephone in each message: short profile; the
/// other keys null/empty".
#[tokio::test]
async fn a_message_does_not_tell_an_address() {
    let server = TestServer::spawn().await;
    let (_, _, _, mut a, mut b) = pair(&server).await;
    a.send(&json!({ "type": "chat_message", "content": "hola" }))
        .await;
    let said = expect(&mut a, "chat_message").await;
    expect(&mut b, "chat_message").await;
    assert!(!said.to_string().contains("@liga.test"));
    let sender = said["message"]["sender"].as_object().unwrap();
    let told: Vec<_> = sender
        .iter()
        .filter(|(_, value)| {
            let empty = [
                json!(null),
                json!(""),
                json!(0),
                json!(false),
                json!([]),
                json!({}),
            ];
            !empty.contains(value)
        })
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(told, ["id", "username", "display_name"]);
    assert_eq!(sender.len(), 28, "clients expect every key");
    server.shutdown().await;
}

/// "sender with a cover photo: serialising fails: absolute addresses": whoever has
/// a picture says something as anybody does.
#[tokio::test]
async fn who_has_a_picture_is_heard() {
    let server = TestServer::spawn().await;
    let (vale, _, _, mut a, mut b) = pair(&server).await;
    let picture = "https://liga.test/vale.png";
    let patch = json!({ "avatar_url": picture });
    assert_eq!(vale.http.patch("/v1/me", &patch).await.status, 200);
    a.send(&json!({ "type": "chat_message", "content": "hola" }))
        .await;
    for socket in [&mut a, &mut b] {
        let said = expect(socket, "chat_message").await;
        assert_eq!(said["message"]["sender"]["avatar_url"], picture);
        assert_eq!(said["message"]["sender"]["cover_photo_url"], json!(null));
    }
    server.shutdown().await;
}

/// "token in the address is logged: never log queries".
#[tokio::test]
async fn a_token_in_the_address_is_not_logged() {
    let folder = tempfile::tempdir().unwrap();
    let binary = env!("CARGO_BIN_EXE_tertulia");
    let mut server = ServerProcess::builder(binary, folder.path().join("data"))
        .variable("TERTULIA_LOG", "trace")
        .spawn()
        .await;
    let token = server.http().v1_register("vale").await.token;
    server.http().v1_register("memo").await;
    let vale = server.http().bearer(&token);
    let opened = vale.post("/api/users/chat/memo/", &json!({})).await;
    let chat = text(&opened.json()["chat"]["id"]);
    let mut socket = server.socket("A", &socket_path(&chat, &token)).await;
    socket.send(&json!({ "type": "typing" })).await;
    server.wait_for_log("/ws/chat/{chat}").await;
    socket.finish().await;
    server.stop().await;
    let signature = token.rsplit('.').next().unwrap();
    assert!(!server.stderr().contains(signature));
}

/// A socket that was open before speaks under the new name.
#[tokio::test]
async fn a_new_name_stands_on_what_is_said_afterwards() {
    let server = TestServer::spawn().await;
    let (vale, _, _, mut a, mut b) = pair(&server).await;
    let renamed = json!({ "display_name": "Vale R." });
    assert_eq!(
        vale.http.patch("/api/auth/profile/", &renamed).await.status,
        200
    );
    a.send(&json!({ "type": "chat_message", "content": "hola" }))
        .await;
    for socket in [&mut a, &mut b] {
        let said = expect(socket, "chat_message").await;
        assert_eq!(text(&said["message"]["sender"]["display_name"]), "Vale R.");
    }
    server.shutdown().await;
}
