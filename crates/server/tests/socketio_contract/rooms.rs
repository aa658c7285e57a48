//! UPRed §3, "Joining and leaving".

use serde_json::json;
use tertulia_domain::{RoomKind, UserState};

use super::{group, nothing_else, open_group, person, trusting};

/// `join_direct_chat`: creates the chat when the pair has none; same chat for
/// both sides; nobody else is told. Ids may be numbers, rendered as strings.
#[tokio::test]
async fn join_direct_chat_is_one_chat_for_both() {
    let server = trusting().await;
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    let mut rooms = Vec::new();
    for (client, other) in [(&mut a, json!(58)), (&mut b, json!("31"))] {
        let body = json!({ "other_user_id": other });
        let joined = client
            .ask("join_direct_chat", body, "direct_chat_joined")
            .await;
        let uuid = joined["sala_uuid"].as_str().unwrap().to_owned();
        assert_eq!(
            joined,
            json!({
                "status": "ok",
                "other_user_id": if other.is_number() { "58" } else { "31" },
                "sala_chat_id": 1,
                "sala_uuid": uuid,
                "room": format!("chat_{uuid}"),
            })
        );
        rooms.push(uuid);
    }
    assert_eq!(rooms[0], rooms[1]);
    nothing_else(&server, &mut [("31", &mut a), ("58", &mut b)]).await;
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

/// `join_direct_chat`, errors: not an object (see `entering`) · required · not a
/// number or unknown user.
#[tokio::test]
async fn join_direct_chat_is_refused() {
    let server = trusting().await;
    let mut a = server.socketio("A", "31").await;
    // "Falsy values count as missing where a field is required."
    for body in [
        json!({}),
        json!({ "other_user_id": "" }),
        json!({ "other_user_id": 0 }),
        json!({ "other_user_id": null }),
        json!({ "other_user_id": false }),
    ] {
        let text = "other_user_id es requerido";
        a.refused("join_direct_chat", body, text).await;
    }
    let gone = person(&server, "77").await;
    let chat = server.chat();
    chat.set_user_state(gone.id, UserState::Deleted)
        .await
        .unwrap();
    for other in [
        json!("abc"),
        json!(99),
        json!([1]),
        json!(true),
        json!("77"),
    ] {
        let body = json!({ "other_user_id": other });
        let text = "No se pudo crear/obtener sala de chat";
        a.refused("join_direct_chat", body, text).await;
    }
    a.finish().await;
    server.shutdown().await;
}

/// `join_group`: needs membership; `user_joined_group` to sockets already in the
/// room, caller excluded.
#[tokio::test]
async fn join_group_tells_those_who_are_there() {
    let server = trusting().await;
    let room = group(&server, &["31", "58"]).await;
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    let mut b2 = server.socketio("B2", "58").await;
    let mut elsewhere = server.socketio("A2", "31").await;
    let joined = open_group(&mut a, room.id).await;
    assert_eq!(
        joined,
        json!({
            "status": "ok",
            "group_id": room.id.to_string(),
            "user_id": "31",
            "sala_chat_id": room.id.0,
            "sala_uuid": room.uuid.to_string(),
            "room": format!("group_{}", room.uuid),
        })
    );
    open_group(&mut b, room.id).await;
    let visit = json!({
        "user_id": "58", "group_id": room.id.to_string(), "sala_uuid": room.uuid.to_string(),
    });
    assert_eq!(a.expect("user_joined_group").await, visit);
    // Another socket of the same user is another one.
    open_group(&mut b2, room.id).await;
    assert_eq!(a.expect("user_joined_group").await, visit);
    assert_eq!(b.expect("user_joined_group").await, visit);
    // Who is in it already comes in no second time.
    open_group(&mut b2, room.id).await;

    let leave = json!({ "group_id": room.id.0 });
    let left = b2.ask("leave_group", leave, "group_left").await;
    let expected = json!({ "status": "ok", "group_id": room.id.to_string() });
    assert_eq!(left, expected);
    let gone = json!({ "user_id": "58", "group_id": room.id.to_string() });
    assert_eq!(a.expect("user_left_group").await, gone);
    assert_eq!(b.expect("user_left_group").await, gone);
    let told = &mut [
        ("31", &mut a),
        ("31", &mut elsewhere),
        ("58", &mut b),
        ("58", &mut b2),
    ];
    nothing_else(&server, told).await;
    for client in [a, b, b2, elsewhere] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// `join_group` and `leave_group`, errors.
#[tokio::test]
async fn join_group_is_refused() {
    let server = trusting().await;
    let room = group(&server, &["58"]).await;
    let mut a = server.socketio("A", "31").await;
    for name in ["join_group", "leave_group"] {
        for body in [
            json!({}),
            json!({ "group_id": "" }),
            json!({ "group_id": 0 }),
        ] {
            a.refused(name, body, "group_id es requerido").await;
        }
    }
    let other = person(&server, "77").await;
    let me = person(&server, "31").await;
    let direct = server.chat().open_direct(&me, other.id).await.unwrap();
    assert_eq!(direct.room.kind, RoomKind::Direct);
    for number in [room.id.0, 99, direct.room.id.0] {
        let body = json!({ "group_id": number });
        a.refused("join_group", body, "No eres miembro de este grupo")
            .await;
    }
    for odd in [json!("a\u{0}b"), json!("x".repeat(101)), json!({ "a": 1 })] {
        let text = "No se pudo crear/obtener sala de chat grupal";
        a.refused("join_group", json!({ "group_id": odd }), text)
            .await;
    }
    a.finish().await;
    server.shutdown().await;
}

/// `leave_group`: leaves the live room only, membership is untouched.
#[tokio::test]
async fn leave_group_ends_delivery_and_not_membership() {
    let server = trusting().await;
    let room = group(&server, &["31", "58"]).await;
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    open_group(&mut a, room.id).await;
    open_group(&mut b, room.id).await;
    a.expect("user_joined_group").await;
    b.ask(
        "leave_group",
        json!({ "group_id": room.id.to_string() }),
        "group_left",
    )
    .await;
    a.expect("user_left_group").await;
    let message = super::to_room(&room.uuid.to_string(), "31", "¿sigues?");
    super::send(&mut a, message, true).await;
    nothing_else(&server, &mut [("58", &mut b)]).await;
    open_group(&mut b, room.id).await;
    a.expect("user_joined_group").await;
    let history = json!({ "sala_uuid": room.uuid.to_string() });
    let history = b
        .ask("load_message_history", history, "message_history_loaded")
        .await;
    assert_eq!(history["message_count"], 1);
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

/// What happens in one room is told in no other.
#[tokio::test]
async fn only_the_room_that_was_opened_is_heard() {
    let server = trusting().await;
    let (one, other) = (
        group(&server, &["31", "58"]).await,
        group(&server, &["31", "58"]).await,
    );
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    open_group(&mut a, one.id).await;
    open_group(&mut b, other.id).await;
    let message = super::to_room(&one.uuid.to_string(), "31", "aquí");
    super::send(&mut a, message, true).await;
    nothing_else(&server, &mut [("58", &mut b)]).await;
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

/// `reliability.md` §2: rooms joined per connection. What is beyond the bound is
/// refused, and what was open stays so.
#[tokio::test]
async fn a_connection_opens_so_many_rooms_and_no_more() {
    let server = super::believing(tertulia_testkit::TestServer::builder())
        .variable("TERTULIA_LIMIT_ROOMS_PER_CONNECTION", "2")
        .spawn()
        .await;
    let mut a = server.socketio("A", "31").await;
    for name in ["uno", "dos"] {
        open_group(&mut a, name).await;
    }
    let text = "No se pudo crear/obtener sala de chat grupal";
    let third = json!({ "group_id": "tres" });
    a.refused("join_group", third, text).await;
    super::send(&mut a, super::to("dos", "31", "hola"), true).await;
    a.finish().await;
    server.shutdown().await;
}
