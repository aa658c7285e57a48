//! UPRed §6: each old bug is gone. Those that other modules hold are named
//! there: identity in `entering`, forged senders, `type`, `message` and
//! `sistema` in `sending`, marks in `marks`, the status document in `entering`,
//! histories in `history`.

use serde_json::json;
use tertulia_domain::{MessageId, Role};

use super::{group, nothing_else, open_direct, open_group, person, send, to_room, trusting};

/// "no direct message was ever delivered live".
#[tokio::test]
async fn direct_messages_reach_the_room_that_was_joined() {
    let server = trusting().await;
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    let room = open_direct(&mut a, "58").await;
    open_direct(&mut b, "31").await;
    send(&mut a, to_room(&room, "31", "hola"), true).await;
    b.expect("receive_message").await;
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

/// "a `user_id` of the form `group_<uuid>` joins that room".
#[tokio::test]
async fn a_user_id_is_no_room() {
    let server = trusting().await;
    let room = group(&server, &["31"]).await;
    let name = format!("group_{}", room.uuid);
    let mut eva = server.socketio("E", &name).await;
    let mut a = server.socketio("A", "31").await;
    open_group(&mut a, room.id).await;
    send(
        &mut a,
        to_room(&room.uuid.to_string(), "31", "secreto"),
        true,
    )
    .await;
    nothing_else(&server, &mut [(name.as_str(), &mut eva)]).await;
    a.finish().await;
    eva.finish().await;
    server.shutdown().await;
}

/// "any socket may send to any `sala_uuid`": outsiders write in no private chat.
#[tokio::test]
async fn only_participants_send() {
    let server = trusting().await;
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    let mut eva = server.socketio("E", "77").await;
    let room = open_direct(&mut a, "58").await;
    let message = to_room(&room, "77", "hola");
    let text = "No tienes acceso a esta sala";
    eva.send_refused("send_message", message, text).await;
    nothing_else(&server, &mut [("31", &mut a), ("58", &mut b)]).await;
    for client in [a, b, eva] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// "`sender_id` is believed": storage always uses the connection's user.
#[tokio::test]
async fn the_sender_is_who_is_connected() {
    let server = trusting().await;
    let mut a = server.socketio("A", "31").await;
    person(&server, "58").await;
    let room = open_direct(&mut a, "58").await;
    for forged in [json!("58"), json!(""), json!(null), json!([31])] {
        let mut message = to_room(&room, "", "hola");
        message["sender_id"] = forged;
        let text = "sender_id no coincide con el usuario conectado";
        a.send_refused("send_message", message, text).await;
    }
    a.finish().await;
    server.shutdown().await;
}

/// "no recipient rows on send": each other participant is a recipient.
#[tokio::test]
async fn every_other_participant_is_a_recipient() {
    let server = trusting().await;
    let room = group(&server, &["31", "58", "77"]).await;
    let mut a = server.socketio("A", "31").await;
    send(&mut a, to_room(&room.uuid.to_string(), "31", "hola"), false).await;
    let reader = person(&server, "31").await;
    let chat = server.chat();
    let receipts = chat
        .receipts(reader.id, room.id, MessageId(1), None, 10)
        .await
        .unwrap();
    let recipients: Vec<_> = receipts.iter().map(|receipt| receipt.user).collect();
    let expected = [
        person(&server, "58").await.id,
        person(&server, "77").await.id,
    ];
    assert_eq!(recipients, expected);
    a.finish().await;
    server.shutdown().await;
}

/// "chat with oneself; `leave_group` creates chats for any number".
#[tokio::test]
async fn nothing_is_made_of_nothing() {
    let server = trusting().await;
    let mut a = server.socketio("A", "31").await;
    let text = "No se pudo crear/obtener sala de chat";
    a.refused("join_direct_chat", json!({ "other_user_id": "31" }), text)
        .await;
    for group in [json!(999), json!("nadie"), json!("grupo_1")] {
        let body = json!({ "group_id": group });
        let left = a.ask("leave_group", body, "group_left").await;
        assert_eq!(left["status"], "ok");
    }
    let user = person(&server, "31").await;
    let rooms = server.chat().heads(user.id, 10).await.unwrap();
    assert!(rooms.is_empty(), "{rooms:?}");
    a.finish().await;
    server.shutdown().await;
}

/// "membership ended after joining still receives": sockets are dropped from the
/// room when membership ends, and come back into it only by joining again.
#[tokio::test]
async fn delivery_ends_with_membership() {
    let server = trusting().await;
    let room = group(&server, &["31", "58"]).await;
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    open_group(&mut a, room.id).await;
    open_group(&mut b, room.id).await;
    a.expect("user_joined_group").await;
    let (owner, other) = (person(&server, "31").await, person(&server, "58").await);
    let chat = server.chat();
    chat.remove(&owner, room.id, other.id, false).await.unwrap();
    let uuid = room.uuid.to_string();
    send(&mut a, to_room(&uuid, "31", "sin ti"), true).await;
    let text = "No tienes acceso a esta sala";
    b.send_refused("send_message", to_room(&uuid, "58", "¿y yo?"), text)
        .await;
    let body = json!({ "group_id": room.id.0 });
    b.refused("join_group", body, "No eres miembro de este grupo")
        .await;
    chat.admit(&owner, room.id, other.id, Role::Member)
        .await
        .unwrap();
    send(&mut a, to_room(&uuid, "31", "de vuelta"), true).await;
    nothing_else(&server, &mut [("58", &mut b)]).await;
    open_group(&mut b, room.id).await;
    a.expect("user_joined_group").await;
    send(&mut a, to_room(&uuid, "31", "aquí"), true).await;
    assert_eq!(b.expect("receive_message").await["message"], "aquí");
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

/// "later: unknown chat answered as sent with id `0`; same message emitted to
/// room and personal room": an error, and once per socket.
#[tokio::test]
async fn once_per_socket() {
    let server = trusting().await;
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    let room = open_direct(&mut a, "58").await;
    // It joined, and has not spoken UPRed by anything else; both rows name it.
    open_direct(&mut b, "31").await;
    for number in ["uno", "dos"] {
        send(&mut a, to_room(&room, "31", number), true).await;
        assert_eq!(b.expect("receive_message").await["message"], number);
    }
    nothing_else(&server, &mut [("31", &mut a), ("58", &mut b)]).await;
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}
