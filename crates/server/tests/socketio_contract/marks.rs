//! UPRed §3, "Delivery and read marks", and REDUP's `mark_delivered`.

use serde_json::json;
use tertulia_domain::{MessageId, UserId};
use tertulia_testkit::TestServer;

use super::{group, nothing_else, open_direct, open_group, person, send, text, to_room, trusting};

/// When somebody got and read a message, in seconds after the start.
async fn marks(server: &TestServer, reader: UserId, message: i64) -> (Option<i64>, Option<i64>) {
    let chat = server.chat();
    let rooms = chat.heads(reader, 10).await.unwrap();
    for (room, ..) in rooms {
        let found = chat
            .receipts(reader, room, MessageId(message), None, 10)
            .await;
        if let Ok(receipts) = found {
            let own = receipts.iter().find(|receipt| receipt.user == reader);
            let own = own.expect("the reader is a recipient");
            let start = tertulia_testkit::START.as_secs();
            return (
                own.delivered_at.map(|at| at.as_secs() - start),
                own.read_at.map(|at| at.as_secs() - start),
            );
        }
    }
    panic!("no room of the reader has this message");
}

/// The confirmations echo the JSON values they got; nobody else is told.
#[tokio::test]
async fn a_mark_is_confirmed_with_the_values_it_had() {
    let server = trusting().await;
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    let room = open_direct(&mut a, "58").await;
    let message = to_room(&room, "31", "hola");
    let id = text(&send(&mut a, message, true).await["mensaje_id"]);
    b.expect("receive_message").await;
    let number: i64 = id.parse().unwrap();
    for (name, reply) in [
        ("mark_delivered", "delivery_confirmed"),
        ("mark_read", "read_confirmed"),
    ] {
        for (message, user) in [(json!(id), json!("58")), (json!(number), json!(58))] {
            let mark = json!({ "mensaje_id": message, "user_id": user });
            let told = b.ask(name, mark, reply).await;
            let expected = json!({ "status": "ok", "mensaje_id": message, "user_id": user });
            assert_eq!(told, expected);
        }
    }
    nothing_else(&server, &mut [("31", &mut a)]).await;
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

/// "A message read before any delivery mark is also delivered"; "keep the first
/// time". A mark is about its one message.
#[tokio::test]
async fn the_first_time_stands_and_only_for_that_message() {
    use std::time::Duration;
    let server = trusting().await;
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    let room = open_direct(&mut a, "58").await;
    for number in 1..=3 {
        send(&mut a, to_room(&room, "31", &number.to_string()), true).await;
        b.expect("receive_message").await;
    }
    let reader = person(&server, "58").await.id;
    server.advance(Duration::from_secs(10));
    let mark = |message: i64| json!({ "mensaje_id": message, "user_id": "58" });
    b.ask("mark_read", mark(2), "read_confirmed").await;
    server.advance(Duration::from_secs(10));
    b.ask("mark_delivered", mark(2), "delivery_confirmed").await;
    b.ask("mark_read", mark(2), "read_confirmed").await;
    b.ask("mark_delivered", mark(3), "delivery_confirmed").await;
    assert_eq!(marks(&server, reader, 1).await, (None, None));
    assert_eq!(marks(&server, reader, 2).await, (Some(10), Some(10)));
    assert_eq!(marks(&server, reader, 3).await, (Some(20), None));
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

/// The errors; §6: only for oneself, and only for what was sent to one.
#[tokio::test]
async fn marks_are_refused() {
    let server = trusting().await;
    let room = group(&server, &["31", "58"]).await;
    let strangers = group(&server, &["77"]).await;
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    let mut stranger = server.socketio("C", "77").await;
    open_group(&mut a, room.id).await;
    let own = send(&mut a, to_room(&room.uuid.to_string(), "31", "1"), true).await;
    let theirs = to_room(&strangers.uuid.to_string(), "77", "2");
    let theirs = send(&mut stranger, theirs, false).await;
    for (name, text) in [
        (
            "mark_delivered",
            "No se pudo marcar el mensaje como entregado",
        ),
        ("mark_read", "No se pudo marcar el mensaje como leído"),
    ] {
        let required = "mensaje_id y user_id son requeridos";
        for body in [
            json!({}),
            json!({ "mensaje_id": "1" }),
            json!({ "user_id": "58" }),
            json!({ "mensaje_id": 0, "user_id": "58" }),
            json!({ "mensaje_id": "1", "user_id": "" }),
        ] {
            b.refused(name, body, required).await;
        }
        let (own, theirs) = (&own["mensaje_id"], &theirs["mensaje_id"]);
        for (message, user) in [
            // Somebody else's mark.
            (own.clone(), json!("31")),
            (own.clone(), json!("999")),
            // Not in that room.
            (theirs.clone(), json!("58")),
            // No message.
            (json!("999"), json!("58")),
            (json!("uno"), json!("58")),
            (json!([1]), json!("58")),
        ] {
            let body = json!({ "mensaje_id": message, "user_id": user });
            b.refused(name, body, text).await;
        }
        // The sender is no recipient.
        let body = json!({ "mensaje_id": own, "user_id": "31" });
        a.refused(name, body, text).await;
    }
    // Who came later was not sent it.
    let owner = person(&server, "31").await;
    let late = person(&server, "99").await;
    let chat = server.chat();
    chat.admit(&owner, room.id, late.id, tertulia_domain::Role::Member)
        .await
        .unwrap();
    let mut late = server.socketio("D", "99").await;
    let body = json!({ "mensaje_id": own["mensaje_id"], "user_id": "99" });
    late.refused("mark_read", body, "No se pudo marcar el mensaje como leído")
        .await;
    for client in [a, b, stranger, late] {
        client.finish().await;
    }
    server.shutdown().await;
}
