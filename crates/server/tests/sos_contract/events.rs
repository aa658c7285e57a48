//! Section 3, what happens on the socket: each row of "Client → server" and
//! "Server → client".

use serde_json::json;
use tertulia_testkit::TestServer;

use super::{expect, group, nothing_else, open, open_beside, pair, person, say, text};

/// "`chat_message` … trimmed; `message_type` default `text`; … to **all**
/// sockets of the chat, sender included".
#[tokio::test]
async fn a_message_reaches_every_socket_of_the_chat() {
    let server = TestServer::spawn().await;
    let (vale, _, chat, mut a, mut b) = pair(&server).await;
    let mut phone = open(&server, &vale, &chat).await;
    a.send(&json!({ "type": "chat_message", "content": "  ¡Gol!\n" }))
        .await;
    let said = expect(&mut a, "chat_message").await;
    let message = &said["message"];
    assert_eq!(message["content"], "¡Gol!");
    assert_eq!(message["message_type"], "text");
    assert_eq!(message["chat_room"], chat.as_str());
    assert_eq!(message["sender"]["id"], vale.id.as_str());
    assert_eq!(message["reactions"], json!([]));
    assert_eq!(message["created_at"], "2026-02-18T07:33:20.123Z");
    for socket in [&mut phone, &mut b] {
        assert_eq!(expect(socket, "chat_message").await, said);
    }
    nothing_else(&mut a, &mut [&mut b]).await;
    server.shutdown().await;
}

/// "`message_type`: text, image, video, audio, file, emoji".
#[tokio::test]
async fn every_kind_that_is_for_the_socket_is_kept() {
    let server = TestServer::spawn().await;
    let (vale, _, chat, mut a, mut b) = pair(&server).await;
    let kinds = ["text", "image", "video", "audio", "file", "emoji"];
    for kind in kinds {
        let frame = json!({ "type": "chat_message", "content": kind, "message_type": kind });
        a.send(&frame).await;
        for socket in [&mut a, &mut b] {
            let said = expect(socket, "chat_message").await;
            assert_eq!(said["message"]["message_type"], kind);
        }
    }
    let path = format!("/api/messaging/chats/{chat}/messages/");
    let history = vale.http.get(&path).await.json();
    let listed = history["results"].as_array().unwrap().iter().rev();
    let listed: Vec<_> = listed
        .map(|message| text(&message["message_type"]))
        .collect();
    assert_eq!(listed, kinds);
    server.shutdown().await;
}

/// "`reply_to` message UUID or null, optional (unknown or foreign id: ignored)".
#[tokio::test]
async fn a_reply_shows_what_it_answers() {
    let server = TestServer::spawn().await;
    let (vale, memo, _, mut a, mut b) = pair(&server).await;
    let long = "ñ".repeat(101);
    let answered = say(&mut a, &mut [&mut b], &long).await;
    let elsewhere = group(&[&vale, &memo, &person(&server, "ceci").await]).await;
    let mut c = open(&server, &vale, &elsewhere).await;
    let foreign = say(&mut c, &mut [], "otra cosa").await;

    b.send(&json!({ "type": "chat_message", "content": "¡Va!", "reply_to": answered }))
        .await;
    let said = expect(&mut a, "chat_message").await;
    assert_eq!(expect(&mut b, "chat_message").await, said);
    assert_eq!(said["message"]["is_reply"], true);
    assert_eq!(
        said["message"]["reply_to"],
        json!({
            "id": answered,
            "sender": { "username": "vale", "display_name": "Vale Ríos" },
            "content": format!("{}...", "ñ".repeat(100)),
            "message_type": "text",
        })
    );
    for ignored in [json!(foreign), json!("x"), json!(null), json!(7)] {
        b.send(&json!({ "type": "chat_message", "content": "¿?", "reply_to": ignored }))
            .await;
        for socket in [&mut a, &mut b] {
            let said = expect(socket, "chat_message").await;
            assert_eq!(said["message"]["reply_to"], json!(null), "{ignored}");
            assert_eq!(said["message"]["is_reply"], false);
        }
    }
    server.shutdown().await;
}

/// "`typing` … default false … to the **other** users".
#[tokio::test]
async fn typing_is_told_to_the_other_users() {
    let server = TestServer::spawn().await;
    let (vale, _, chat, mut a, mut b) = pair(&server).await;
    let mut phone = open(&server, &vale, &chat).await;
    for (frame, typing) in [
        (json!({ "type": "typing", "is_typing": true }), true),
        (json!({ "type": "typing" }), false),
        (json!({ "type": "typing", "is_typing": "yes" }), false),
    ] {
        a.send(&frame).await;
        assert_eq!(
            expect(&mut b, "typing_status").await,
            json!({
                "type": "typing_status", "user_id": vale.id, "username": "vale",
                "is_typing": typing,
            })
        );
    }
    let said = say(&mut b, &mut [&mut a, &mut phone], "ya").await;
    assert!(
        !said.is_empty(),
        "nothing came to the writer's own sockets before"
    );
    server.shutdown().await;
}

/// "`user_status` … online/offline … other users"; section 6: "first and last
/// socket of a user in the chat".
#[tokio::test]
async fn the_first_and_the_last_socket_of_a_user_are_told() {
    let server = TestServer::spawn().await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let ceci = person(&server, "ceci").await;
    let chat = group(&[&vale, &memo, &ceci]).await;
    let elsewhere = group(&[&memo, &vale, &ceci]).await;
    let mut a = open(&server, &vale, &chat).await;
    let mut other = open(&server, &vale, &elsewhere).await;
    let tab = open_beside(&server, &memo, &chat, &mut [&mut a]).await;
    let second = open(&server, &memo, &chat).await;
    // In another chat it is another first.
    let third = open_beside(&server, &memo, &elsewhere, &mut [&mut other]).await;
    tab.finish().await;
    second.finish().await;
    assert_eq!(
        expect(&mut a, "user_status").await,
        json!({
            "type": "user_status", "user_id": memo.id, "username": "memo", "status": "offline",
        })
    );
    third.finish().await;
    assert_eq!(expect(&mut other, "user_status").await["status"], "offline");
    nothing_else(&mut a, &mut []).await;
    server.shutdown().await;
}

/// "`read_message` … `message_read` to all, reader included".
#[tokio::test]
async fn a_read_mark_is_told_to_all_and_once() {
    let server = TestServer::spawn().await;
    let (_, memo, chat, mut a, mut b) = pair(&server).await;
    let first = say(&mut a, &mut [&mut b], "uno").await;
    let second = say(&mut a, &mut [&mut b], "dos").await;
    let read = json!({ "type": "read_message", "message_id": second });
    b.send(&read).await;
    for socket in [&mut a, &mut b] {
        assert_eq!(
            expect(socket, "message_read").await,
            json!({
                "type": "message_read", "message_id": second, "user_id": memo.id,
                "username": "memo",
            })
        );
    }
    // What is read is read; the mark covers its one message.
    b.send(&read).await;
    nothing_else(&mut b, &mut [&mut a]).await;
    let path = format!("/api/messaging/chats/{chat}/messages/");
    let history = memo.http.get(&path).await.json();
    let marks: Vec<_> = [0, 1]
        .map(|at| &history["results"][at])
        .map(|message| (text(&message["id"]), message["is_read"].as_bool().unwrap()))
        .into();
    assert_eq!(marks, [(second, true), (first, false)]);
    server.shutdown().await;
}

/// "toggle; `message_reaction` to all"; "one person may hold several different
/// reactions on a message".
#[tokio::test]
async fn reactions_are_toggled_by_their_names() {
    let server = TestServer::spawn().await;
    let (_, memo, chat, mut a, mut b) = pair(&server).await;
    let message = say(&mut a, &mut [&mut b], "¡Gol!").await;
    let all = [
        "like", "love", "laugh", "wow", "sad", "angry", "fire", "golazo",
    ];
    for reaction in all.iter().chain(&["like"]) {
        let frame = json!({
            "type": "react_message", "message_id": message, "reaction_type": reaction,
        });
        b.send(&frame).await;
        let told = expect(&mut a, "message_reaction").await;
        assert_eq!(expect(&mut b, "message_reaction").await, told);
        assert_eq!(told["reaction_type"], *reaction);
        assert_eq!(told["user_id"], memo.id.as_str());
    }
    let path = format!("/api/messaging/chats/{chat}/messages/");
    let history = memo.http.get(&path).await.json();
    let shown = &history["results"][0];
    let stand = shown["reactions"].as_array().unwrap();
    let stand: Vec<_> = stand
        .iter()
        .map(|one| text(&one["reaction_type"]))
        .collect();
    assert_eq!(stand, all[1..], "the second `like` took the first one back");
    assert_eq!(shown["reactions"][0]["user"]["username"], "memo");
    assert_eq!(shown["user_reaction"], "love");
    server.shutdown().await;
}

/// "`edit_message` … `message_edited` to all"; "`delete_message` … soft;
/// `message_deleted` to all".
#[tokio::test]
async fn edits_and_deletions_are_told_to_all() {
    let server = TestServer::spawn().await;
    let (vale, _, chat, mut a, mut b) = pair(&server).await;
    let message = say(&mut a, &mut [&mut b], "sábado").await;
    let like = json!({
        "type": "react_message", "message_id": message, "reaction_type": "like",
    });
    b.send(&like).await;
    for socket in [&mut a, &mut b] {
        expect(socket, "message_reaction").await;
    }
    b.send(&json!({ "type": "read_message", "message_id": message }))
        .await;
    for socket in [&mut a, &mut b] {
        expect(socket, "message_read").await;
    }
    let edit = json!({ "type": "edit_message", "message_id": message, "content": " domingo " });
    a.send(&edit).await;
    let edited = expect(&mut a, "message_edited").await;
    assert_eq!(expect(&mut b, "message_edited").await, edited);
    let edited = &edited["message"];
    assert_eq!(
        (&edited["content"], &edited["is_edited"]),
        (&json!("domingo"), &json!(true))
    );
    assert_eq!(edited["reactions"][0]["reaction_type"], "like");
    assert_eq!(edited["read_by_count"], 1);
    // Section 6: nothing in a broadcast is for one reader alone.
    assert_eq!(
        (&edited["user_reaction"], &edited["is_read"]),
        (&json!(null), &json!(false))
    );

    a.send(&json!({ "type": "delete_message", "message_id": message }))
        .await;
    for socket in [&mut a, &mut b] {
        assert_eq!(
            expect(socket, "message_deleted").await,
            json!({ "type": "message_deleted", "message_id": message, "user_id": vale.id })
        );
    }
    let path = format!("/api/messaging/chats/{chat}/messages/");
    let history = vale.http.get(&path).await.json();
    assert_eq!(
        (&history["count"], &history["results"]),
        (&json!(0), &json!([]))
    );
    server.shutdown().await;
}
