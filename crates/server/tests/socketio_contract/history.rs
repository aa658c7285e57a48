//! UPRed §3, "Later additions": `load_message_history`.

use serde_json::{Value, json};
use tertulia_domain::{Draft, MessageId};
use tertulia_testkit::SocketIoClient;

use super::{group, open_direct, person, send, to, to_room, trusting};

async fn history(client: &mut SocketIoClient, body: Value) -> Value {
    client
        .ask("load_message_history", body, "message_history_loaded")
        .await
}

/// Every key of the answer and of a message, oldest first; `mensaje_id` besides
/// `id`.
#[tokio::test]
async fn a_history_has_what_was_said() {
    let server = trusting().await;
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    let room = open_direct(&mut a, "58").await;
    let first = send(&mut a, to_room(&room, "31", "uno"), true).await;
    b.expect("receive_message").await;
    let second = send(&mut b, to_room(&room, "58", "dos"), false).await;
    let entry = |ack: &Value, from: &str, to: &str, message: &str| {
        json!({
            "id": ack["mensaje_id"], "from": from, "sender_id": from, "to": to,
            "message": message, "type": "directo", "message_type": "texto",
            "timestamp": super::WHEN, "url_archivo": null, "mensaje_id": ack["mensaje_id"],
            "mensaje_uuid": ack["mensaje_uuid"], "enviado_en": "2026-02-18T07:33:20",
            "sala_uuid": room, "sala_chat_id": "1", "sender_name": from, "sender_email": "",
            "offline": false,
        })
    };
    let expected = json!({
        "status": "ok", "sala_uuid": room, "message_count": 2,
        "messages": [entry(&first, "31", "58", "uno"), entry(&second, "58", "31", "dos")],
    });
    for client in [&mut a, &mut b] {
        client.forget_unread();
        assert_eq!(
            history(client, json!({ "sala_uuid": room })).await,
            expected
        );
    }
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

/// `limit`: default 50, at most 200.
#[tokio::test]
async fn a_history_has_its_bounds() {
    let server = trusting().await;
    let room = group(&server, &["31"]).await;
    let author = person(&server, "31").await;
    for number in 1..=210 {
        let draft = Draft::text(number.to_string());
        server.chat().send(&author, room.id, draft).await.unwrap();
    }
    let mut a = server.socketio("A", "31").await;
    for (limit, count) in [
        (json!(null), 50),
        (json!(0), 50),
        (json!("x"), 50),
        (json!(3), 3),
        (json!("7"), 7),
        (json!(200), 200),
        (json!(1_000_000_000_000_u64), 200),
        (json!(-5), 1),
    ] {
        let body = json!({ "sala_uuid": room.uuid.to_string(), "limit": limit });
        let loaded = history(&mut a, body).await;
        assert_eq!(loaded["message_count"], count, "{limit}");
        let messages = loaded["messages"].as_array().unwrap();
        assert_eq!(messages.len(), count);
        assert_eq!(messages[count - 1]["message"], "210", "the last ones");
        assert_eq!(messages[0]["message"], (211 - count).to_string());
    }
    a.finish().await;
    server.shutdown().await;
}

/// Errors: `sala_uuid es requerido`, `Sala no encontrada`; §6: participants only.
#[tokio::test]
async fn a_history_is_for_participants_only() {
    let server = trusting().await;
    let room = group(&server, &["58"]).await.uuid.to_string();
    let mut a = server.socketio("A", "31").await;
    let name = "load_message_history";
    for body in [json!({}), json!({ "sala_uuid": "" })] {
        a.refused(name, body, "sala_uuid es requerido").await;
    }
    for odd in [
        json!("x"),
        json!(7),
        json!("00000000-0000-4000-8000-000000000000"),
    ] {
        let body = json!({ "sala_uuid": odd });
        a.refused(name, body, "Sala no encontrada").await;
    }
    let body = json!({ "sala_uuid": room });
    a.refused(name, body, "No tienes acceso a esta sala").await;
    a.finish().await;
    server.shutdown().await;
}

/// What was deleted is gone, what was edited has its new words, what another
/// dialect said is there; REDUP's form keeps its keys, with UPRed's `type`.
#[tokio::test]
async fn a_history_shows_what_stands() {
    let server = trusting().await;
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    let mut message = to("58", "31", "uno");
    message["prioridad"] = json!(2);
    let room = send(&mut a, message, false).await["sala_uuid"].clone();
    b.expect("receive_message").await;
    let uuid: uuid::Uuid = room.as_str().unwrap().parse().unwrap();
    let chat = server.chat();
    let author = person(&server, "58").await;
    for text in ["dos", "tres", "cuatro"] {
        chat.send(&author, uuid, Draft::text(text)).await.unwrap();
        a.expect("receive_message").await;
    }
    chat.edit(&author, uuid, MessageId(2), "DOS").await.unwrap();
    chat.delete(&author, uuid, MessageId(3)).await.unwrap();
    b.forget_unread();
    let loaded = history(&mut a, json!({ "sala_uuid": room })).await;
    let said: Vec<_> = loaded["messages"].as_array().unwrap().iter().collect();
    let texts: Vec<_> = said.iter().map(|message| &message["message"]).collect();
    assert_eq!(texts, ["uno", "DOS", "cuatro"]);
    assert_eq!(said[0]["prioridad"], 2);
    assert_eq!(said[0]["type"], "directo");
    assert_eq!(said[1]["timestamp"], "2026-02-18T07:33:20.123Z");
    a.finish().await;
    b.forget_unread();
    b.finish().await;
    server.shutdown().await;
}
