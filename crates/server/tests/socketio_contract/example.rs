//! Section 7 of both contracts: the example sessions, frame by frame. The
//! transcripts show what every client of one port is told: the keys of both.

use serde_json::{Value, json};
use tertulia_testkit::SocketIoClient;

use super::{group, says, text, trusting};

/// A received frame that a send's echo and `ack` may come in either order.
async fn two(client: &mut SocketIoClient) -> (Value, Value) {
    let mut told = Vec::new();
    for _ in 0..2 {
        let packet = client.packet().await;
        let event: Value = serde_json::from_str(&packet[2..]).expect("an event is JSON");
        told.push((text(&event[0]), event[1].clone()));
    }
    told.sort_by(|one, other| other.0.cmp(&one.0));
    let [(first, received), (second, ack)] = &told[..] else {
        unreachable!("two were taken");
    };
    assert_eq!(
        (first.as_str(), second.as_str()),
        ("receive_message", "ack")
    );
    (received.clone(), ack.clone())
}

#[tokio::test]
async fn upred() {
    let server = trusting().await;
    let group = group(&server, &["31", "58"]).await.id.to_string();
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;

    let other = json!({"other_user_id": "58"});
    let joined = a.ask("join_direct_chat", other, "direct_chat_joined").await;
    let room = text(&joined["sala_uuid"]);
    says(
        &joined,
        &json!({
            "status": "ok", "other_user_id": "58", "sala_chat_id": 2, "sala_uuid": room,
            "room": format!("chat_{room}"),
        }),
    );
    let other = json!({"other_user_id": 31});
    let joined = b.ask("join_direct_chat", other, "direct_chat_joined").await;
    says(
        &joined,
        &json!({
            "status": "ok", "other_user_id": "31", "sala_chat_id": 2, "sala_uuid": room,
            "room": format!("chat_{room}"),
        }),
    );

    let message = json!({
        "sala_uuid": room, "message": "¿Pasas los apuntes?", "sender_id": "31",
        "timestamp": "2026-03-01T09:00:00.000Z", "type": "directo", "message_type": "texto",
    });
    a.emit("send_message", &message).await;
    let (received, ack) = two(&mut a).await;
    let (id, uuid) = (&received["mensaje_id"], &received["mensaje_uuid"]);
    assert_eq!(id, "1");
    says(
        &received,
        &json!({
            "from": "31", "message": "¿Pasas los apuntes?", "type": "directo",
            "message_type": "texto", "timestamp": "2026-03-01T09:00:00.000Z", "url_archivo": null,
            "mensaje_id": id, "mensaje_uuid": uuid, "enviado_en": "2026-02-18T07:33:20",
            "sala_uuid": room,
        }),
    );
    says(
        &ack,
        &json!({
            "status": "sent", "sender_id": "31", "timestamp": "2026-03-01T09:00:00.000Z",
            "type": "directo", "message_type": "texto", "mensaje_id": id, "mensaje_uuid": uuid,
            "sala_uuid": room, "message": "Mensaje enviado y guardado en BD",
        }),
    );
    assert_eq!(b.expect("receive_message").await, received, "the same");

    for (mark, confirmed) in [
        ("mark_delivered", "delivery_confirmed"),
        ("mark_read", "read_confirmed"),
    ] {
        let told = b
            .ask(mark, json!({"mensaje_id": id, "user_id": "58"}), confirmed)
            .await;
        let expected = json!({"status": "ok", "mensaje_id": id, "user_id": "58"});
        assert_eq!(told, expected);
    }

    let asked = json!({ "group_id": group });
    let joined = a.ask("join_group", asked.clone(), "group_joined").await;
    let room = text(&joined["sala_uuid"]);
    says(
        &joined,
        &json!({
            "status": "ok", "group_id": group, "sala_chat_id": 1, "sala_uuid": room,
            "room": format!("group_{room}"),
        }),
    );
    b.ask("join_group", asked.clone(), "group_joined").await;
    let visit = json!({"user_id": "58", "group_id": group, "sala_uuid": room});
    assert_eq!(a.expect("user_joined_group").await, visit);

    let message = json!({
        "sala_uuid": room, "message": "foto", "sender_id": "58", "timestamp": "1772355700000",
        "type": "grupal", "message_type": "imagen", "url_archivo": "https://files.test/p.jpg",
    });
    b.emit("send_message", &message).await;
    let (received, ack) = two(&mut b).await;
    says(
        &received,
        &json!({
            "from": "58", "type": "grupal", "message_type": "imagen", "message": "foto",
            "url_archivo": "https://files.test/p.jpg", "timestamp": "1772355700000",
        }),
    );
    assert_eq!(ack["status"], "sent");
    assert_eq!(a.expect("receive_message").await, received);

    let left = b.ask("leave_group", asked, "group_left").await;
    assert_eq!(left, json!({ "status": "ok", "group_id": group }));
    let gone = json!({ "user_id": "58", "group_id": group });
    assert_eq!(a.expect("user_left_group").await, gone);
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

#[tokio::test]
async fn redup() {
    let server = trusting().await;
    let mut a = server.socketio("A", "ana").await;
    let mut b = server.socketio("B", "beto").await;
    server.transcript().clear();

    a.send_text(r#"42["send_message",{"to":"beto","message":"Traje las llaves","sender_id":"ana","timestamp":"2026-02-22T18:00:00Z","type":"text"}]"#).await;
    a.expect("ack").await;
    let received = b.expect("receive_message").await;

    for client in [&mut a, &mut b] {
        let group = json!({"group_id": "grupo_lab"});
        client.ask("join_group", group, "group_joined").await;
    }
    let message = json!({
        "to": "grupo_lab", "message": "https://files.test/plano.png", "sender_id": "beto",
        "timestamp": "2026-02-22T18:05:00Z", "type": "image",
    });
    b.emit("send_message", &message).await;
    let (heard, ack) = two(&mut b).await;
    let example = json!({"to": "grupo_lab", "type": "image", "message_type": "imagen"});
    says(&ack, &example);
    says(&heard, &example);
    says(&heard, &json!({"sender_id": "beto", "from": "beto"}));
    assert_eq!(a.expect("receive_message").await, heard);

    let message = json!({
        "to": "beto", "message": "y esto", "sender_id": "ana", "timestamp": "1771783500000",
        "type": "directo", "message_type": "texto",
    });
    a.ask("send_message", message, "ack").await;
    let direct = b.expect("receive_message").await;
    says(
        &direct,
        &json!({"type": "directo", "message_type": "texto", "message": "y esto"}),
    );

    let mark = json!({ "mensaje_id": received["mensaje_id"], "user_id": "beto" });
    b.ask("mark_delivered", mark, "delivery_confirmed").await;

    let mut c = server.socketio("C", "carla").await;
    let group = json!({"group_id": "beto"});
    c.ask("join_group", group, "group_joined").await;
    let message = json!({
        "to": "beto", "message": "solo tú", "sender_id": "ana", "timestamp": "1",
        "type": "text",
    });
    a.ask("send_message", message, "ack").await;
    b.expect("receive_message").await;

    let message = json!({"to": "beto", "message": "x"});
    a.ask("send_message", message, "ack").await;
    insta::assert_snapshot!(server.transcript().text_of("A"), @r#"
    → 42["send_message",{"to":"beto","message":"Traje las llaves","sender_id":"ana","timestamp":"2026-02-22T18:00:00Z","type":"text"}]
    ← 42["ack",{"status":"sent","to":"beto","sender_id":"ana","timestamp":"2026-02-22T18:00:00Z","type":"text","message_type":"texto","saved_to_db":true,"mensaje_id":"1","mensaje_uuid":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","sala_uuid":"c05daa4b-8acf-4674-8aa2-d790d641b387","sala_chat_id":"1","offline":false,"message":"Mensaje enviado y guardado en BD"}]
    → 42["join_group",{"group_id":"grupo_lab"}]
    ← 42["group_joined",{"status":"ok","group_id":"grupo_lab","user_id":"ana","sala_chat_id":2,"sala_uuid":"a8574c6f-ae6d-4b6f-bb4a-79a517cec22a","room":"group_a8574c6f-ae6d-4b6f-bb4a-79a517cec22a"}]
    ← 42["receive_message",{"from":"beto","sender_id":"beto","to":"grupo_lab","message":"https://files.test/plano.png","type":"image","message_type":"imagen","timestamp":"2026-02-22T18:05:00Z","url_archivo":null,"mensaje_id":"2","mensaje_uuid":"15058de0-a51d-4852-aaed-f8e6ea8b6bb7","enviado_en":"2026-02-18T07:33:20+00:00","sala_uuid":"a8574c6f-ae6d-4b6f-bb4a-79a517cec22a","sala_chat_id":"2","sender_name":"beto","sender_email":"","offline":false}]
    → 42["send_message",{"to":"beto","message":"y esto","sender_id":"ana","timestamp":"1771783500000","type":"directo","message_type":"texto"}]
    ← 42["ack",{"status":"sent","to":"beto","sender_id":"ana","timestamp":"1771783500000","type":"directo","message_type":"texto","saved_to_db":true,"mensaje_id":"3","mensaje_uuid":"922649b8-79a7-41be-9f71-b2bba7fb223a","sala_uuid":"c05daa4b-8acf-4674-8aa2-d790d641b387","sala_chat_id":"1","offline":false,"message":"Mensaje enviado y guardado en BD"}]
    → 42["send_message",{"to":"beto","message":"solo tú","sender_id":"ana","timestamp":"1","type":"text"}]
    ← 42["ack",{"status":"sent","to":"beto","sender_id":"ana","timestamp":"1","type":"text","message_type":"texto","saved_to_db":true,"mensaje_id":"4","mensaje_uuid":"a9d1027b-422a-43c7-9078-4822d52b3a7f","sala_uuid":"c05daa4b-8acf-4674-8aa2-d790d641b387","sala_chat_id":"1","offline":false,"message":"Mensaje enviado y guardado en BD"}]
    → 42["send_message",{"to":"beto","message":"x"}]
    ← 42["ack",{"status":"error","message":"Faltan campos: sender_id, timestamp, type"}]
    "#);
    super::nothing_else(&server, &mut [("carla", &mut c)]).await;
    a.finish().await;
    b.finish().await;
    c.finish().await;
    server.shutdown().await;
}
