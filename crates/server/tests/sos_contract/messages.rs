//! Section 3, "REST": messages.

use serde_json::{Value, json};
use tertulia_testkit::TestServer;
use uuid::Uuid;

use super::{answers, expect, nothing_else, open, pair, person, private_chat, say, text};

/// "GET `…/messages/` … page of Message, **newest first**", 20 to a page;
/// "`since` … was ignored".
#[tokio::test]
async fn the_history_is_paged_newest_first() {
    const MESSAGES: usize = 50;
    let server = TestServer::spawn().await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let chat = private_chat(&vale, &memo).await;
    let mut a = open(&server, &vale, &chat).await;
    let mut said = Vec::new();
    for number in 0..MESSAGES {
        said.push(say(&mut a, &mut [], &number.to_string()).await);
    }
    for gone in [0, 10, 29, 30, 49] {
        let delete = json!({ "type": "delete_message", "message_id": said[gone] });
        a.send(&delete).await;
        expect(&mut a, "message_deleted").await;
    }
    for gone in [49, 30, 29, 10, 0] {
        said.remove(gone);
    }
    said.reverse();
    let mut listed = Vec::new();
    for page in 1..=3 {
        let path = format!("/api/messaging/chats/{chat}/messages/?page={page}&since=2020");
        let answer = memo.http.get(&path).await.json();
        assert_eq!(answer["count"], 45);
        assert_eq!(answer["next"].is_null(), page == 3);
        let results = answer["results"].as_array().unwrap();
        listed.extend(results.iter().map(|message| text(&message["id"])));
    }
    assert_eq!(listed, said);
    let path = format!("/api/messaging/chats/{chat}/messages/?page=4");
    answers(
        &memo.http.get(&path).await,
        404,
        &json!({ "detail": "Página inválida." }),
    );
    server.shutdown().await;
}

/// "POST `…/send_message/` … 201 Message"; "REST sends must be broadcast as
/// `chat_message`"; "`reply_to` over REST: compare properly".
#[tokio::test]
async fn a_message_sent_over_http_is_told_on_the_sockets() {
    let server = TestServer::spawn().await;
    let (_, memo, chat, mut a, mut b) = pair(&server).await;
    let first = say(&mut a, &mut [&mut b], "¿Va?").await;
    let path = format!("/api/messaging/chats/{chat}/send_message/");
    let body = json!({
        "content": "mira", "message_type": "file", "file_url": "https://liga.test/a.pdf",
        "file_name": "a.pdf", "file_size": 7, "reply_to": first,
    });
    let sent = memo.http.post(&path, &body).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    let sent = sent.json();
    assert_eq!(sent["reply_to"]["content"], "¿Va?");
    assert_eq!(
        (&sent["file_url"], &sent["file_name"], &sent["file_size"]),
        (
            &json!("https://liga.test/a.pdf"),
            &json!("a.pdf"),
            &json!(7)
        )
    );
    for socket in [&mut a, &mut b] {
        let mut told = expect(socket, "chat_message").await["message"].take();
        told["is_read"] = json!(true);
        assert_eq!(told, sent, "but for what is the reader's own");
    }
    let names: Vec<_> = sent.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "id",
            "chat_room",
            "sender",
            "content",
            "message_type",
            "image",
            "video",
            "audio",
            "file_url",
            "file_name",
            "file_size",
            "reply_to",
            "is_edited",
            "is_deleted",
            "is_reply",
            "created_at",
            "updated_at",
            "reactions",
            "user_reaction",
            "is_read",
            "read_by_count",
            "story_id",
            "story_preview",
        ]
    );
    server.shutdown().await;
}

/// "400 by field: `content` …"; the bounds are those of the socket.
#[tokio::test]
async fn a_wrong_message_is_refused_by_field() {
    let server = TestServer::spawn().await;
    let (vale, _, chat, mut a, mut b) = pair(&server).await;
    let path = format!("/api/messaging/chats/{chat}/send_message/");
    let foreign = json!({ "reply_to": ["El mensaje de respuesta debe pertenecer al mismo chat."] });
    for (body, expected) in [
        (
            json!({}),
            json!({ "content": ["Este campo es requerido."] }),
        ),
        (
            json!({ "content": " " }),
            json!({ "content": ["Este campo no puede estar en blanco."] }),
        ),
        (
            json!({ "content": "x".repeat(2_001) }),
            json!({ "content": ["Asegúrese de que este campo no tenga más de 2000 caracteres."] }),
        ),
        (
            json!({ "content": "x", "message_type": "system" }),
            json!({ "message_type": ["Tipo de mensaje inválido"] }),
        ),
        (json!({ "content": "x", "reply_to": "x" }), foreign.clone()),
        (
            json!({ "content": "x", "reply_to": Uuid::nil().to_string() }),
            foreign.clone(),
        ),
    ] {
        answers(&vale.http.post(&path, &body).await, 400, &expected);
    }
    nothing_else(&mut a, &mut [&mut b]).await;
    server.shutdown().await;
}

/// `story_reply` is for calls; its words are kept.
#[tokio::test]
async fn a_reply_to_a_story_keeps_its_kind() {
    let server = TestServer::spawn().await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let chat = private_chat(&vale, &memo).await;
    let path = format!("/api/messaging/chats/{chat}/send_message/");
    let story = Uuid::max().to_string();
    let body = json!({ "content": "¡Golazo!", "message_type": "story_reply", "story_id": story });
    let sent = vale.http.post(&path, &body).await.json();
    let path = format!("/api/messaging/chats/{chat}/messages/");
    let listed = vale.http.get(&path).await.json()["results"][0].take();
    assert_eq!(listed, sent);
    assert_eq!(
        (&sent["message_type"], &sent["story_id"]),
        (&json!("story_reply"), &json!(story))
    );
    server.shutdown().await;
}

/// "POST `…/messages/{mid}/react/` … `{message, reacted: bool, reaction_type?}`".
#[tokio::test]
async fn a_reaction_is_toggled_over_http() {
    let server = TestServer::spawn().await;
    let (_, memo, chat, mut a, mut b) = pair(&server).await;
    let message = say(&mut a, &mut [&mut b], "¡Gol!").await;
    let path = format!("/api/messaging/messages/{message}/react/");
    let long_path = format!("/api/messaging/chats/{chat}/messages/{message}/react");
    let react = async |path: &str, body: Value| memo.http.post(path, &body).await;
    let like = || json!({ "reaction_type": "golazo" });
    let on = react(&path, like()).await;
    answers(
        &on,
        200,
        &json!({ "message": "Reacción agregada", "reacted": true, "reaction_type": "golazo" }),
    );
    let off = react(&long_path, like()).await;
    answers(
        &off,
        200,
        &json!({ "message": "Reacción eliminada", "reacted": false }),
    );
    for socket in [&mut a, &mut b] {
        assert_eq!(expect(socket, "message_reaction").await["added"], true);
        assert_eq!(expect(socket, "message_reaction").await["added"], false);
    }
    let wrong = react(&path, json!({ "reaction_type": "👍" })).await;
    answers(
        &wrong,
        400,
        &json!({ "error": "Tipo de reacción inválido" }),
    );
    let missing = react(&path, json!({})).await;
    answers(
        &missing,
        400,
        &json!({ "error": "reaction_type es requerido" }),
    );
    server.shutdown().await;
}

/// "PATCH … Message … 403 … 400 … (key `error`)"; "answers with the new text,
/// then stores the old one back: store what was answered".
#[tokio::test]
async fn an_edit_over_http_is_stored_as_answered() {
    let server = TestServer::spawn().await;
    let (vale, memo, chat, mut a, mut b) = pair(&server).await;
    let message = say(&mut a, &mut [&mut b], "sábado").await;
    let path = format!("/api/messaging/messages/{message}/");
    let body = json!({ "content": "domingo" });
    let edited = vale.http.patch(&path, &body).await;
    assert_eq!(edited.status, 200);
    let edited = edited.json();
    assert_eq!(
        (&edited["content"], &edited["is_edited"]),
        (&json!("domingo"), &json!(true))
    );
    for socket in [&mut a, &mut b] {
        assert_eq!(
            expect(socket, "message_edited").await["message"]["content"],
            "domingo"
        );
    }
    let history = format!("/api/messaging/chats/{chat}/messages/");
    assert_eq!(vale.http.get(&history).await.json()["results"][0], edited);
    let foreign = memo.http.patch(&path, &body).await;
    answers(
        &foreign,
        403,
        &json!({ "error": "Solo puedes editar tus propios mensajes" }),
    );
    let send = format!("/api/messaging/chats/{chat}/send_message/");
    let image = json!({ "content": "foto", "message_type": "image" });
    let image = text(&vale.http.post(&send, &image).await.json()["id"]);
    for socket in [&mut a, &mut b] {
        expect(socket, "chat_message").await;
    }
    let refused = vale
        .http
        .patch(&format!("/api/messaging/messages/{image}/"), &body)
        .await;
    answers(
        &refused,
        400,
        &json!({ "error": "Solo los mensajes de texto pueden editarse" }),
    );
    server.shutdown().await;
}

/// "DELETE … 200 `{message:"Mensaje eliminado"}` … 403"; a stranger learns of
/// nothing.
#[tokio::test]
async fn a_message_is_deleted_over_http() {
    let server = TestServer::spawn().await;
    let (vale, memo, _, mut a, mut b) = pair(&server).await;
    let stranger = person(&server, "ceci").await;
    let message = say(&mut a, &mut [&mut b], "uy").await;
    let path = format!("/api/messaging/messages/{message}/");
    let hidden = json!({ "detail": "No encontrado." });
    answers(&stranger.http.delete(&path).await, 404, &hidden);
    let foreign = memo.http.delete(&path).await;
    answers(
        &foreign,
        403,
        &json!({ "error": "Solo puedes eliminar tus propios mensajes" }),
    );
    let deleted = vale.http.delete(&path).await;
    answers(&deleted, 200, &json!({ "message": "Mensaje eliminado" }));
    for socket in [&mut a, &mut b] {
        expect(socket, "message_deleted").await;
    }
    answers(&vale.http.delete(&path).await, 404, &hidden);
    let nowhere = format!("/api/messaging/messages/{}/", Uuid::nil());
    answers(&vale.http.delete(&nowhere).await, 404, &hidden);
    server.shutdown().await;
}
