//! REDUP, section 3.

use serde_json::{Value, json};

use super::{group, nothing_else, open_group, says, send, text, to, trusting};

/// `join_group`: reply `group_joined` `{status, group_id, user_id}`; nobody else
/// is told. Ids are opaque.
#[tokio::test]
async fn join_group_makes_and_joins_an_ad_hoc_group() {
    let server = trusting().await;
    let mut a = server.socketio("A", "ana").await;
    let mut b = server.socketio("B", "beto").await;
    let joined = open_group(&mut a, "grupo_1").await;
    says(
        &joined,
        &json!({ "status": "ok", "group_id": "grupo_1", "user_id": "ana" }),
    );
    let other = open_group(&mut b, "grupo_1").await;
    says(
        &other,
        &json!({ "status": "ok", "group_id": "grupo_1", "user_id": "beto" }),
    );
    assert_eq!(joined["sala_uuid"], other["sala_uuid"]);
    nothing_else(&server, &mut [("ana", &mut a), ("beto", &mut b)]).await;
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

/// `send_message` to a person: every socket of the recipient, not the sender;
/// every key of `receive_message` and of `ack`.
#[tokio::test]
async fn a_direct_message() {
    let server = trusting().await;
    let mut a = server.socketio("A", "ana").await;
    let mut a2 = server.socketio("A2", "ana").await;
    let mut b = server.socketio("B", "beto").await;
    let mut b2 = server.socketio("B2", "beto").await;
    let ack = send(&mut a, to("beto", "ana", "hola"), false).await;
    let (uuid, room) = (&ack["mensaje_uuid"], &ack["sala_uuid"]);
    assert_eq!(
        ack,
        json!({
            "status": "sent", "to": "beto", "sender_id": "ana", "timestamp": super::WHEN,
            "type": "text", "message_type": "texto", "saved_to_db": true, "mensaje_id": "1",
            "mensaje_uuid": uuid, "sala_uuid": room, "sala_chat_id": "1", "offline": false,
            "message": "Mensaje enviado y guardado en BD",
        })
    );
    for client in [&mut b, &mut b2] {
        assert_eq!(
            client.expect("receive_message").await,
            json!({
                "from": "ana", "sender_id": "ana", "to": "beto", "message": "hola",
                "type": "text", "message_type": "texto", "timestamp": super::WHEN,
                "url_archivo": null, "mensaje_id": "1", "mensaje_uuid": uuid,
                "enviado_en": "2026-02-18T07:33:20+00:00", "sala_uuid": room,
                "sala_chat_id": "1", "sender_name": "ana", "sender_email": "",
                "offline": false,
            })
        );
    }
    nothing_else(&server, &mut [("ana", &mut a), ("ana", &mut a2)]).await;
    for client in [a, a2, b, b2] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// "With `to` equal to oneself the echo is the delivery."
#[tokio::test]
async fn a_message_to_oneself() {
    let server = trusting().await;
    let mut a = server.socketio("A", "ana").await;
    let mut a2 = server.socketio("A2", "ana").await;
    let mut b = server.socketio("B", "beto").await;
    for number in ["uno", "dos"] {
        send(&mut a, to("ana", "ana", number), true).await;
        let heard = a2.expect("receive_message").await;
        says(
            &heard,
            &json!({ "to": "ana", "from": "ana", "message": number, "type": "text" }),
        );
    }
    nothing_else(&server, &mut [("beto", &mut b)]).await;
    for client in [a, a2, b] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// The table of `type`: four words and `texto`/`imagen`, any case; `type` is told
/// in the form the sender used.
#[tokio::test]
async fn the_words_of_type() {
    let server = trusting().await;
    let mut a = server.socketio("A", "ana").await;
    let mut b = server.socketio("B", "beto").await;
    for (word, kind, shown) in [
        ("text", Value::Null, "texto"),
        ("Texto", json!("audio"), "audio"),
        ("image", Value::Null, "imagen"),
        ("IMAGEN", json!("archivo"), "imagen"),
        ("directo", Value::Null, "texto"),
        ("DIRECTO", json!("Archivo"), "archivo"),
    ] {
        let mut message = to("beto", "ana", "mira");
        message["type"] = word.into();
        message["message_type"] = kind;
        let ack = send(&mut a, message, false).await;
        let told = json!({ "type": word, "message_type": shown });
        says(&ack, &told);
        says(&b.expect("receive_message").await, &told);
    }
    let mut message = to("beto", "ana", "mira");
    for word in [json!("video"), json!(""), json!(7), json!(null)] {
        message["type"] = word;
        let text = "type debe ser 'directo' o 'grupal'";
        a.send_refused("send_message", message.clone(), text).await;
    }
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

/// "Group → every socket that joined, including the sender if it joined."
#[tokio::test]
async fn a_group_message_goes_to_whoever_joined() {
    let server = trusting().await;
    let mut a = server.socketio("A", "ana").await;
    let mut a2 = server.socketio("A2", "ana").await;
    let mut b = server.socketio("B", "beto").await;
    let mut c = server.socketio("C", "carla").await;
    for client in [&mut a, &mut b] {
        open_group(client, "grupo_1").await;
    }
    send(&mut a, to("grupo_1", "ana", "hola"), true).await;
    let heard = b.expect("receive_message").await;
    says(
        &heard,
        &json!({ "to": "grupo_1", "from": "ana", "message": "hola" }),
    );
    // A socket of a member that has not joined may send, and hears nothing.
    let mut message = to("grupo_1", "ana", "desde otro");
    message["type"] = "grupal".into();
    send(&mut a2, message, false).await;
    for client in [&mut a, &mut b] {
        assert_eq!(
            client.expect("receive_message").await["message"],
            "desde otro"
        );
    }
    nothing_else(
        &server,
        &mut [("ana", &mut a), ("ana", &mut a2), ("carla", &mut c)],
    )
    .await;
    for client in [a, a2, b, c] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// "Deciding what `to` names": with `grupal` a group, with `directo` a user;
/// otherwise the group wins only if the sender joined it on this connection.
#[tokio::test]
async fn what_to_names() {
    let server = trusting().await;
    let mut a = server.socketio("A", "ana").await;
    let room = group(&server, &["ana", "58"]).await;
    let number = room.id.to_string();
    // A user whose name is the group's number.
    let mut namesake = server.socketio("N", &number).await;
    let mut b = server.socketio("B", "58").await;
    open_group(&mut b, &number).await;

    let mut message = to(&number, "ana", "¿a quién?");
    send(&mut a, message.clone(), false).await;
    assert_eq!(
        namesake.expect("receive_message").await["message"],
        "¿a quién?"
    );
    message["type"] = "grupal".into();
    send(&mut a, message.clone(), false).await;
    assert_eq!(b.expect("receive_message").await["type"], "grupal");
    message["type"] = "directo".into();
    send(&mut a, message.clone(), false).await;
    namesake.expect("receive_message").await;

    open_group(&mut a, &number).await;
    b.expect("user_joined_group").await;
    message["type"] = "text".into();
    send(&mut a, message, true).await;
    b.expect("receive_message").await;
    nothing_else(&server, &mut [(number.as_str(), &mut namesake)]).await;
    for client in [a, b, namesake] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// "Otherwise a group the sender belongs to": a registered one needs no joining
/// to be written to; "an unregistered id is treated as a user id".
#[tokio::test]
async fn a_group_of_ones_own_and_somebody_unknown() {
    let server = trusting().await;
    let room = group(&server, &["ana", "58"]).await;
    let mut a = server.socketio("A", "ana").await;
    let mut b = server.socketio("B", "58").await;
    open_group(&mut b, room.id).await;
    let ack = send(&mut a, to(&room.id.to_string(), "ana", "hola"), false).await;
    assert_eq!(ack["sala_uuid"], room.uuid.to_string());
    b.expect("receive_message").await;

    // Nobody has come under this name yet: the message waits.
    let ack = send(&mut a, to("nueva", "ana", "bienvenida"), false).await;
    let mut late = server.socketio("L", "nueva").await;
    let history = json!({ "sala_uuid": ack["sala_uuid"] });
    let history = late
        .ask("load_message_history", history, "message_history_loaded")
        .await;
    assert_eq!(history["messages"][0]["message"], "bienvenida");
    for client in [a, b, late] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// "other keys the client sent": pass on unknown keys with scalar values.
#[tokio::test]
async fn unknown_keys_are_passed_on() {
    let server = trusting().await;
    let mut a = server.socketio("A", "ana").await;
    let mut b = server.socketio("B", "beto").await;
    let mut message = to("beto", "ana", "hola");
    let extra = json!({
        "color": "rojo", "n": 7, "si": true, "nada": null, "lista": [1], "objeto": { "a": 1 },
        "from": "eva", "mensaje_id": "99", "enviado_en": "ayer", "sender_name": "Eva",
        "sala_chat_id": "9",
    });
    for (key, value) in extra.as_object().unwrap() {
        message[key] = value.clone();
    }
    send(&mut a, message, false).await;
    let heard = b.expect("receive_message").await;
    says(
        &heard,
        &json!({ "color": "rojo", "n": 7, "si": true, "nada": null }),
    );
    says(
        &heard,
        &json!({ "from": "ana", "mensaje_id": "1", "sender_name": "ana" }),
    );
    assert!(heard.get("lista").is_none() && heard.get("objeto").is_none());
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

/// Ack errors, in their words and order.
#[tokio::test]
async fn errors_come_as_ack() {
    let server = trusting().await;
    let mut a = server.socketio("A", "ana").await;
    let body = json!({ "to": "beto" });
    let text = "Faltan campos: message, sender_id, timestamp, type";
    a.send_refused("send_message", body, text).await;
    // From now on the socket has spoken REDUP.
    let text = "Faltan campos: to, message, sender_id, timestamp, type";
    a.send_refused("send_message", json!({}), text).await;
    let mut message = to("beto", "ana", "x");
    message["message_type"] = "video".into();
    let text = "message_type debe ser uno de: texto, imagen, archivo, audio, sistema";
    a.send_refused("send_message", message, text).await;
    let long = to(&"x".repeat(101), "ana", "x");
    let text = "No se pudo crear/obtener sala de chat";
    a.send_refused("send_message", long, text).await;
    let forged = to("nadie", "eva", "x");
    let text = "sender_id no coincide con el usuario conectado";
    a.send_refused("send_message", forged, text).await;
    let made = server.chat().user_named("nadie").await;
    assert_eq!(
        made.expect("the store answers"),
        None,
        "a refused send makes nobody"
    );
    a.finish().await;
    server.shutdown().await;
}

/// `mark_delivered`, as in UPRed; ids are opaque.
#[tokio::test]
async fn mark_delivered() {
    let server = trusting().await;
    let mut a = server.socketio("A", "ana").await;
    let mut b = server.socketio("B", "beto").await;
    send(&mut a, to("beto", "ana", "hola"), false).await;
    let id = text(&b.expect("receive_message").await["mensaje_id"]);
    let mark = json!({ "mensaje_id": id, "user_id": "beto" });
    let told = b
        .ask("mark_delivered", mark.clone(), "delivery_confirmed")
        .await;
    let mut expected = mark;
    expected["status"] = "ok".into();
    assert_eq!(told, expected);
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}
