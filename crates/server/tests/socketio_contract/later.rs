//! UPRed §3, "Later additions": the two further sends and the extra keys.

use serde_json::json;

use super::{group, open_direct, open_group, person, says, trusting};

/// `send_direct_message`: like `send_message`.
#[tokio::test]
async fn send_direct_message() {
    let server = trusting().await;
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    open_direct(&mut b, "31").await;
    let body = json!({
        "sender_id": 31, "recipient_id": 58, "content": "hola",
        "file_url": "https://x.test/i.png", "type": "imagen", "timestamp": 5,
    });
    let ack = a.ask("send_direct_message", body, "ack").await;
    let told = json!({
        "type": "directo", "message_type": "imagen", "timestamp": 5, "to": "58",
        "sender_id": "31", "offline": false,
    });
    says(&ack, &told);
    says(&ack, &json!({ "status": "sent", "saved_to_db": true }));
    let heard = b.expect("receive_message").await;
    says(&heard, &told);
    says(
        &heard,
        &json!({ "message": "hola", "url_archivo": "https://x.test/i.png", "from": "31" }),
    );
    // Neither text nor kind nor time is required beside a file.
    let body = json!({
        "sender_id": "31", "recipient_id": "58", "file_url": "https://x.test/f",
    });
    let ack = a.ask("send_direct_message", body, "ack").await;
    assert_eq!(ack["timestamp"], "2026-02-18T07:33:20.123Z");
    assert_eq!(b.expect("receive_message").await["message"], "");
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

/// `send_direct_message`, ack errors.
#[tokio::test]
async fn send_direct_message_is_refused() {
    let server = trusting().await;
    person(&server, "58").await;
    let mut a = server.socketio("A", "31").await;
    let name = "send_direct_message";
    for body in [
        json!({}),
        json!({ "sender_id": "31", "content": "x" }),
        json!({ "recipient_id": "58", "content": "x" }),
        json!({ "sender_id": "31", "recipient_id": 0, "content": "x" }),
    ] {
        let text = "sender_id y recipient_id son requeridos";
        a.send_refused(name, body, text).await;
    }
    let body = json!({ "sender_id": "31", "recipient_id": "58", "content": "", "file_url": null });
    a.send_refused(name, body, "content o file_url es requerido")
        .await;
    for odd in [json!(7), json!({ "a": 1 })] {
        let body = json!({ "sender_id": "31", "recipient_id": "58", "content": odd });
        a.send_refused(name, body, "Payload inválido").await;
    }
    let body =
        json!({ "sender_id": "31", "recipient_id": "58", "content": "x", "type": "sistema" });
    let text = "message_type debe ser uno de: texto, imagen, archivo, audio, sistema";
    a.send_refused(name, body, text).await;
    for nobody in ["999", "31"] {
        let body = json!({ "sender_id": "31", "recipient_id": nobody, "content": "x" });
        let text = "No se pudo crear/obtener sala de chat";
        a.send_refused(name, body, text).await;
    }
    let body = json!({ "sender_id": "58", "recipient_id": "58", "content": "x" });
    let text = "sender_id no coincide con el usuario conectado";
    a.send_refused(name, body, text).await;
    a.finish().await;
    server.shutdown().await;
}

/// `send_group_message`: like `send_message`, and its ack error.
#[tokio::test]
async fn send_group_message() {
    let server = trusting().await;
    let room = group(&server, &["31", "58"]).await;
    let strangers = group(&server, &["77"]).await;
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    open_group(&mut b, room.id).await;
    let name = "send_group_message";
    let body = json!({ "sender_id": "31", "group_id": room.id.0, "content": "hola" });
    let ack = a.ask(name, body, "ack").await;
    let group = room.id.to_string();
    let told = json!({ "type": "grupal", "message_type": "texto", "to": group });
    says(&ack, &told);
    says(&b.expect("receive_message").await, &told);

    for body in [
        json!({ "sender_id": "31", "content": "x" }),
        json!({ "group_id": group, "content": "x" }),
    ] {
        let text = "sender_id y group_id son requeridos";
        a.send_refused(name, body, text).await;
    }
    let body = json!({ "sender_id": "31", "group_id": group });
    let text = "content o file_url es requerido";
    a.send_refused(name, body, text).await;
    for unknown in [json!(strangers.id.0), json!(999), json!("nadie")] {
        let body = json!({ "sender_id": "31", "group_id": unknown, "content": "x" });
        let text = "No eres miembro de este grupo";
        a.send_refused(name, body, text).await;
    }
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

/// "`send_message` with `to` in place of `sala_uuid`": on a shared port this form
/// belongs to REDUP; where both are there and empty, its words are kept.
#[tokio::test]
async fn a_send_that_names_no_room_with_empty_words() {
    let server = trusting().await;
    let mut a = server.socketio("A", "31").await;
    for (room, to) in [(json!(""), json!("")), (json!(null), json!(0))] {
        let body = json!({
            "sala_uuid": room, "to": to, "message": "x", "sender_id": "31", "timestamp": 1,
            "type": "directo",
        });
        let text = "sala_uuid o to es requerido";
        a.send_refused("send_message", body, text).await;
    }
    a.finish().await;
    server.shutdown().await;
}

/// "extra keys of `receive_message`": `sender_name`, `sender_email`, `offline`.
/// Nobody's address is told.
#[tokio::test]
async fn the_senders_name_is_told() {
    use tertulia_domain::user::UserPatch;
    let server = trusting().await;
    let ines = person(&server, "31").await;
    let patch = UserPatch {
        display_name: Some("Inés Mora".to_owned()),
        email: Some(Some("ines@lan.test".to_owned())),
        ..UserPatch::default()
    };
    server.chat().update_account(ines.id, patch).await.unwrap();
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    super::send(&mut a, super::to("58", "31", "hola"), false).await;
    let heard = b.expect("receive_message").await;
    let expected = json!({ "sender_name": "Inés Mora", "sender_email": "", "offline": false });
    says(&heard, &expected);
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}
