//! UPRed §3, "Sending".

use serde_json::{Map, Value, json};
use tertulia_domain::Role;
use tertulia_testkit::SocketIoClient;

use super::{group, open_direct, open_group, person, send, text, to_room, trusting};

/// Sends and takes what the sender hears of it.
async fn said(client: &mut SocketIoClient, message: &Value) -> (Value, Value) {
    client.emit("send_message", message).await;
    let mut told = Map::new();
    for _ in 0..2 {
        let packet = client.packet().await;
        let event: Value = serde_json::from_str(&packet[2..]).unwrap();
        told.insert(text(&event[0]), event[1].clone());
    }
    (told["receive_message"].clone(), told["ack"].clone())
}

/// `receive_message` to every socket in the room, sender included; `ack` to the
/// sender's socket. Every key of both.
#[tokio::test]
async fn a_message_and_its_ack() {
    let server = trusting().await;
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    let room = open_direct(&mut a, "58").await;
    open_direct(&mut b, "31").await;
    let (received, ack) = said(&mut a, &to_room(&room, "31", "hola")).await;
    let uuid = text(&received["mensaje_uuid"]);
    assert_eq!(
        received,
        json!({
            "from": "31", "sender_id": "31", "to": "58", "message": "hola", "type": "directo",
            "message_type": "texto", "timestamp": super::WHEN, "url_archivo": null,
            "mensaje_id": "1", "mensaje_uuid": uuid, "enviado_en": "2026-02-18T07:33:20",
            "sala_uuid": room, "sala_chat_id": "1", "sender_name": "31", "sender_email": "",
            "offline": false,
        })
    );
    assert_eq!(
        ack,
        json!({
            "status": "sent", "to": "58", "sender_id": "31", "timestamp": super::WHEN,
            "type": "directo", "message_type": "texto", "saved_to_db": true, "mensaje_id": "1",
            "mensaje_uuid": uuid, "sala_uuid": room, "sala_chat_id": "1", "offline": false,
            "message": "Mensaje enviado y guardado en BD",
        })
    );
    assert_eq!(b.expect("receive_message").await, received);
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

/// `timestamp`: echoed unchanged with its JSON type.
#[tokio::test]
async fn a_timestamp_is_echoed_as_it_is() {
    let server = trusting().await;
    person(&server, "58").await;
    let mut a = server.socketio("A", "31").await;
    let room = open_direct(&mut a, "58").await;
    for when in [
        json!("1772355700000"),
        json!(1_772_355_700_000_u64),
        json!(1.5),
        json!(null),
        json!(false),
        json!({ "a": [1] }),
    ] {
        let mut message = to_room(&room, "31", "hola");
        message["timestamp"] = when.clone();
        let (received, ack) = said(&mut a, &message).await;
        assert_eq!(received["timestamp"], when);
        assert_eq!(ack["timestamp"], when);
    }
    a.finish().await;
    server.shutdown().await;
}

/// `message_type`: case ignored, default `texto`; `url_archivo`: string or null.
#[tokio::test]
async fn kinds_and_files() {
    let server = trusting().await;
    person(&server, "58").await;
    let mut a = server.socketio("A", "31").await;
    let room = open_direct(&mut a, "58").await;
    for (kind, url, shown, shown_url) in [
        (json!("texto"), json!(null), "texto", json!(null)),
        (json!(null), json!(null), "texto", json!(null)),
        (
            json!("IMAGEN"),
            json!("https://x.test/i.png"),
            "imagen",
            json!("https://x.test/i.png"),
        ),
        (
            json!("archivo"),
            json!("/f.pdf"),
            "archivo",
            json!("/f.pdf"),
        ),
        (json!("Audio"), json!(""), "audio", json!(null)),
    ] {
        let mut message = to_room(&room, "31", "mira");
        message["message_type"] = kind;
        message["url_archivo"] = url;
        let (received, ack) = said(&mut a, &message).await;
        assert_eq!(received["message_type"], shown);
        assert_eq!(ack["message_type"], shown);
        assert_eq!(received["url_archivo"], shown_url);
        assert_eq!(received["message"], "mira");
    }
    let mut message = to_room(&room, "31", "sin tipo");
    message.as_object_mut().unwrap().remove("message_type");
    assert_eq!(said(&mut a, &message).await.0["message_type"], "texto");

    // "text, or caption of a file": a file may have none.
    let mut message = to_room(&room, "31", "");
    message["message_type"] = json!("imagen");
    message["url_archivo"] = json!("https://x.test/i.png");
    let (received, _) = said(&mut a, &message).await;
    assert_eq!(received["message"], "");
    assert_eq!(received["url_archivo"], "https://x.test/i.png");
    a.finish().await;
    server.shutdown().await;
}

/// `type`: case ignored; `individual` is taken as `directo`. §6: it is derived
/// from the chat; a contradictory one is tolerated and the real one sent out.
#[tokio::test]
async fn the_chat_says_its_type() {
    let server = trusting().await;
    let group = group(&server, &["31"]).await;
    person(&server, "58").await;
    let mut a = server.socketio("A", "31").await;
    let direct = open_direct(&mut a, "58").await;
    open_group(&mut a, group.id).await;
    for word in ["directo", "GRUPAL", "Individual"] {
        for (room, real) in [
            (direct.clone(), "directo"),
            (group.uuid.to_string(), "grupal"),
        ] {
            let mut message = to_room(&room, "31", "hola");
            message["type"] = word.into();
            let (received, ack) = said(&mut a, &message).await;
            assert_eq!(
                (&received["type"], &ack["type"]),
                (&json!(real), &json!(real))
            );
        }
    }
    a.finish().await;
    server.shutdown().await;
}

/// The table of errors, which come as `ack`, checked in its order.
#[tokio::test]
async fn errors_come_as_ack_in_the_order_of_the_table() {
    let server = trusting().await;
    let strangers = group(&server, &["77"]).await;
    let channel = group(&server, &["31"]).await;
    let mut a = server.socketio("A", "31").await;
    let text = "Faltan campos: sala_uuid, message, sender_id, timestamp, type";
    a.send_refused("send_message", json!({}), text).await;
    let partly = json!({ "sala_uuid": "x", "sender_id": "31", "timestamp": 1 });
    let text = "Faltan campos: message, type";
    a.send_refused("send_message", partly, text).await;

    // Everything is wrong, and mended bit by bit.
    let mut message = json!({
        "sala_uuid": "no-such", "message": null, "sender_id": "58", "timestamp": 1,
        "type": "todos", "message_type": "video",
    });
    a.send_refused("send_message", message.clone(), "Payload inválido")
        .await;
    message["message"] = json!("hola");
    let text = "message_type debe ser uno de: texto, imagen, archivo, audio, sistema";
    for kind in [json!("video"), json!(7), json!("")] {
        message["message_type"] = kind;
        a.send_refused("send_message", message.clone(), text).await;
    }
    message["message_type"] = json!("texto");
    let text = "type debe ser 'directo' o 'grupal'";
    for word in [json!("todos"), json!(null), json!(1), json!("text")] {
        message["type"] = word;
        a.send_refused("send_message", message.clone(), text).await;
    }
    message["type"] = json!("grupal");
    let text = "Sala de chat no encontrada";
    for room in [
        json!("no-such"),
        json!(7),
        json!("00000000-0000-4000-8000-000000000000"),
    ] {
        message["sala_uuid"] = room;
        a.send_refused("send_message", message.clone(), text).await;
    }
    message["sala_uuid"] = json!(strangers.uuid.to_string());
    let text = "No tienes acceso a esta sala";
    a.send_refused("send_message", message.clone(), text).await;
    message["sala_uuid"] = json!(channel.uuid.to_string());
    let text = "sender_id no coincide con el usuario conectado";
    a.send_refused("send_message", message.clone(), text).await;
    message["sender_id"] = json!(31);
    a.emit("send_message", &message).await;
    assert_eq!(a.expect("ack").await["sender_id"], "31");
    a.finish().await;
    server.shutdown().await;
}

/// `message`: null or not text is refused (§6), and so is one with nothing in
/// it; one that is too long is told so, and nothing internal is.
#[tokio::test]
async fn odd_texts_are_refused() {
    let server = trusting().await;
    let room = group(&server, &["31"]).await.uuid.to_string();
    let mut a = server.socketio("A", "31").await;
    for odd in [
        json!(null),
        json!(7),
        json!(["a"]),
        json!({}),
        json!(""),
        json!(" \n"),
    ] {
        let mut message = to_room(&room, "31", "");
        message["message"] = odd;
        a.send_refused("send_message", message, "Payload inválido")
            .await;
    }
    let long = to_room(&room, "31", &"ñ".repeat(20_001));
    let text = "message admite 20000 caracteres como máximo";
    a.send_refused("send_message", long, text).await;
    let mut large = to_room(&room, "31", "hola");
    large["timestamp"] = json!("x".repeat(17_000));
    let text = "El mensaje es demasiado grande";
    a.send_refused("send_message", large, text).await;
    a.finish().await;
    server.shutdown().await;
}

/// `sistema` is refused for clients (§6).
#[tokio::test]
async fn nobody_speaks_for_the_server() {
    let server = trusting().await;
    let room = group(&server, &["31"]).await.uuid.to_string();
    let mut a = server.socketio("A", "31").await;
    let mut message = to_room(&room, "31", "El grupo se cierra");
    message["message_type"] = json!("sistema");
    let text = "message_type debe ser uno de: texto, imagen, archivo, audio, sistema";
    a.send_refused("send_message", message, text).await;
    a.finish().await;
    server.shutdown().await;
}

/// In a channel only the owner and admins write, here too.
#[tokio::test]
async fn rules_of_other_dialects_hold_here() {
    use tertulia_domain::chat::RoomDraft;
    use tertulia_domain::{RoomKind, Visibility};
    let server = trusting().await;
    let owner = person(&server, "58").await;
    let draft = RoomDraft {
        kind: RoomKind::Channel,
        title: "Avisos".to_owned(),
        description: None,
        visibility: Visibility::Private,
        open: false,
        members: vec![person(&server, "31").await.id],
    };
    let channel = server.chat().create_room(&owner, draft).await.unwrap();
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    open_group(&mut a, channel.id).await;
    let room = channel.uuid.to_string();
    let text = "No tienes acceso a esta sala";
    let message = to_room(&room, "31", "hola");
    a.send_refused("send_message", message.clone(), text).await;
    send(&mut b, to_room(&room, "58", "aviso"), false).await;
    assert_eq!(a.expect("receive_message").await["message"], "aviso");
    let admin = person(&server, "31").await;
    let chat = server.chat();
    chat.admit(&owner, channel.id, admin.id, Role::Admin)
        .await
        .unwrap();
    send(&mut a, message, true).await;
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

/// G6, ours: who sends the same `client_id` again gets the first result.
#[tokio::test]
async fn a_retry_with_a_client_id_is_harmless() {
    let server = trusting().await;
    let room = group(&server, &["31"]).await;
    let mut a = server.socketio("A", "31").await;
    let mut message = to_room(&room.uuid.to_string(), "31", "hola");
    message["client_id"] = json!("c-1");
    let first = send(&mut a, message.clone(), false).await;
    assert_eq!(send(&mut a, message.clone(), false).await, first);
    message["message"] = json!("otra cosa");
    let text = "Ese client_id ya se usó para otro mensaje";
    a.send_refused("send_message", message, text).await;
    a.finish().await;
    server.shutdown().await;
}
