//! Section 2 of both contracts: who comes in, what it is told, what every event
//! is answered.

use std::time::Duration;

use http::header;
use serde_json::{Value, json};
use tertulia_domain::UserState;
use tertulia_domain::chat::NewAccount;
use tertulia_testkit::{Closed, PASSWORD, SocketIoClient, TestServer};

use super::{open_direct, person, send, to_room, trusting};

const REFUSAL: &str = r#"44{"message":"Connection rejected by server"}"#;

/// Enters with this query and is refused.
async fn refused(server: &TestServer, query: &str) {
    let mut client = server.socketio_visitor("A", query).await;
    client.send_text("40").await;
    assert_eq!(client.packet().await, REFUSAL, "{query}");
    client.finish().await;
}

/// "identity": query `user_id`, required, trimmed, 1 to 100 characters, any
/// string. "refusal": missing, blank or too long.
#[tokio::test]
async fn identity_is_a_user_id_of_1_to_100_characters() {
    let server = trusting().await;
    let long = "x".repeat(101);
    for query in ["", "user_id=", "user_id=%20%20", &format!("user_id={long}")] {
        refused(&server, query).await;
    }
    let longest = "ñ".repeat(100);
    for (query, user) in [
        ("user_id=+31+", "31"),
        ("user_id=usuario123", "usuario123"),
        ("user_id=due%C3%B1a%20%231", "dueña #1"),
        (&format!("user_id={}", "%C3%B1".repeat(100)), &longest),
    ] {
        let mut client = server.socketio_visitor("A", query).await;
        let connected = client.enter(&Value::Null).await;
        assert_eq!(connected["user_id"], user);
        client.finish().await;
    }
    server.shutdown().await;
}

/// "welcome": `connected` `{status, user_id, sid}`, the sid being that of `40`;
/// "order": `40` comes first. Both are what `enter` takes.
#[tokio::test]
async fn the_welcome_follows_the_namespace() {
    let server = trusting().await;
    let mut client = server.socketio_visitor("A", "user_id=31").await;
    let connected = client.enter(&Value::Null).await;
    assert_eq!(
        connected,
        json!({ "status": "connected", "user_id": "31", "sid": connected["sid"] })
    );
    client.finish().await;
    server.shutdown().await;
}

/// "Socket.IO `auth` payload": accepted and ignored, as far as it proves nothing.
#[tokio::test]
async fn an_auth_payload_is_ignored() {
    let server = trusting().await;
    let mut client = server.socketio_visitor("A", "user_id=31").await;
    let auth = json!({ "user_id": "58", "x": [1] });
    assert_eq!(client.enter(&auth).await["user_id"], "31");
    client.finish().await;
    server.shutdown().await;
}

/// "other namespace": `44/name,"Unable to connect"`.
#[tokio::test]
async fn there_is_no_other_namespace() {
    let server = trusting().await;
    let mut client = server.socketio("A", "31").await;
    client.send_text("40/admin,").await;
    assert_eq!(client.packet().await, r#"44/admin,"Unable to connect""#);
    client.expect_no_reply().await;
    client.finish().await;
    server.shutdown().await;
}

/// "client acks": an event with an ack id is answered `43<id>[]`, besides its
/// reply event, and after it; "unknown event": ours answers an asked ack.
#[tokio::test]
async fn an_asked_ack_has_no_arguments() {
    let server = trusting().await;
    person(&server, "58").await;
    let mut client = server.socketio("A", "31").await;
    let other = json!({ "other_user_id": "58" });
    let id = client.emit_with_ack("join_direct_chat", &other).await;
    let joined = client.expect("direct_chat_joined").await;
    client.expect_ack(id).await;
    let id = client.emit_with_ack("join_direct_chat", &json!({})).await;
    client.expect("error").await;
    client.expect_ack(id).await;
    let message = to_room(joined["sala_uuid"].as_str().unwrap(), "58", "hola");
    let id = client.emit_with_ack("send_message", &message).await;
    client.expect("ack").await;
    client.expect_ack(id).await;
    client.emit("baila", &json!({})).await;
    client.expect_no_reply().await;
    client.finish().await;
    server.shutdown().await;
}

/// The ack of a send waits for it, and later events for both.
#[tokio::test]
async fn answers_come_in_the_order_of_the_events() {
    let server = trusting().await;
    person(&server, "58").await;
    let mut client = server.socketio("A", "31").await;
    let room = open_direct(&mut client, "58").await;
    let mut ids = Vec::new();
    for number in 0..20 {
        let message = to_room(&room, "31", &number.to_string());
        ids.push(client.emit_with_ack("send_message", &message).await);
    }
    let leave = json!({ "group_id": "999" });
    client.emit("leave_group", &leave).await;
    let mut told = Vec::new();
    let mut heard = 0;
    while told.len() < 2 * ids.len() + 1 {
        let packet = client.packet().await;
        if packet.starts_with(r#"42["receive_message""#) {
            assert!(
                packet.contains(&format!(r#""message":"{heard}""#)),
                "{packet}"
            );
            heard += 1;
        } else {
            told.push(packet);
        }
    }
    for (number, id) in ids.iter().enumerate() {
        let ack = &told[2 * number];
        assert!(
            ack.contains(&format!(r#""mensaje_id":"{}""#, number + 1)),
            "{ack}"
        );
        assert_eq!(told[2 * number + 1], format!("43{id}[]"));
    }
    assert!(told[2 * ids.len()].starts_with(r#"42["group_left""#));
    for _ in heard..20 {
        client.expect("receive_message").await;
    }
    client.finish().await;
    server.shutdown().await;
}

/// §3: an event with no argument at all is answered as one with a non-object.
#[tokio::test]
async fn an_event_without_argument_is_answered_as_a_non_object() {
    let server = trusting().await;
    let mut client = server.socketio("A", "31").await;
    for (name, reply, text) in [
        (
            "join_direct_chat",
            "error",
            "Payload inválido para join_direct_chat",
        ),
        ("join_group", "error", "Payload inválido para join_group"),
        ("leave_group", "error", "Payload inválido para leave_group"),
        (
            "mark_delivered",
            "error",
            "Payload inválido para mark_delivered",
        ),
        ("mark_read", "error", "Payload inválido para mark_read"),
        (
            "load_message_history",
            "error",
            "Payload inválido para load_message_history",
        ),
        ("send_message", "ack", "Payload inválido"),
        ("send_direct_message", "ack", "Payload inválido"),
        ("send_group_message", "ack", "Payload inválido"),
    ] {
        client.send_text(&format!(r#"42["{name}"]"#)).await;
        assert_eq!(client.expect(reply).await["message"], text);
        for body in [json!(null), json!("x"), json!([1]), json!(7)] {
            let refusal = client.ask(name, body, reply).await;
            assert_eq!(refusal["message"], text);
        }
    }
    client.finish().await;
    server.shutdown().await;
}

/// "GET /": the number counts distinct `user_id` values with a live socket (§6:
/// a second socket of a user, and its closing, change nothing).
#[tokio::test]
async fn the_status_document_counts_users_with_sockets() {
    let server = super::believing(TestServer::builder())
        .variable("TERTULIA_PRESENCE_GRACE", "0s")
        .spawn()
        .await;
    let status = async || server.http().get("/").await.json();
    let document = |users: u32| {
        json!({
            "status": "ok", "service": "websocket_upred", "database": "MySQL",
            "connected_users": users,
        })
    };
    let status = async || {
        let mut told = status().await;
        // IzpoChat's keys stand beside them (contracts/README.md).
        for key in ["message", "version", "docs"] {
            told.as_object_mut().and_then(|told| told.remove(key));
        }
        told
    };
    assert_eq!(status().await, document(0));
    let first = server.socketio("A", "31").await;
    let second = server.socketio("A2", "31").await;
    let other = server.socketio("B", "58").await;
    assert_eq!(status().await, document(2));
    second.finish().await;
    assert_eq!(status().await, document(2));
    first.finish().await;
    other.finish().await;
    while status().await != document(0) {
        tokio::task::yield_now().await;
    }
    server.shutdown().await;
}

/// Somebody with an account of ours, and its token.
async fn account(server: &TestServer, name: &str) -> (String, String) {
    let account = server.http().v1_register(name).await;
    (account.id, account.token)
}

/// `design.md` §5: a token in `auth.token`, in the query or in the header;
/// `user_id` must match its subject.
#[tokio::test]
async fn a_token_tells_who_it_is() {
    let server = TestServer::spawn().await;
    let (ines, token) = account(&server, "ines").await;
    let (tomas, _) = account(&server, "tomas").await;
    let mut client = server
        .socketio_visitor("A", &format!("user_id={ines}"))
        .await;
    let connected = client.enter(&json!({ "token": token })).await;
    assert_eq!(connected["user_id"], *ines);
    client.finish().await;

    let query = format!("user_id=ines&token={token}");
    let mut client = server.socketio_visitor("A", &query).await;
    assert_eq!(client.enter(&Value::Null).await["user_id"], *ines);
    client.finish().await;

    let path = "/socket.io/?EIO=4&transport=websocket";
    let bearer = format!("Bearer {token}").parse().unwrap();
    let mut socket = server
        .socket("A", path, &[(header::AUTHORIZATION, bearer)])
        .await;
    socket.recv_text().await;
    socket.send_text("40").await;
    assert!(socket.recv_text().await.starts_with("40{"));
    assert!(socket.recv_text().await.contains("connected"));
    socket.finish().await;

    refused(&server, &format!("user_id={tomas}&token={token}")).await;
    refused(&server, &format!("user_id={ines}&token={token}x")).await;
    // Without a token nobody is believed unless a setting says so.
    refused(&server, &format!("user_id={ines}")).await;
    server.shutdown().await;
}

/// §6: under trust an unknown user is created at first sight; suspended or
/// deleted ones are refused, and their sockets close.
#[tokio::test]
async fn a_suspended_user_is_refused_and_its_sockets_close() {
    let server = trusting().await;
    let mut client = server.socketio("A", "31").await;
    let user = person(&server, "31").await;
    let chat = server.chat();
    chat.set_user_state(user.id, UserState::Suspended)
        .await
        .unwrap();
    assert_eq!(client.packet().await, "41");
    let closed = client.recv_close().await;
    assert_eq!(closed, Closed::Frame(1008, "session_ended".to_owned()));
    refused(&server, "user_id=31").await;
    chat.set_user_state(user.id, UserState::Deleted)
        .await
        .unwrap();
    refused(&server, "user_id=31").await;
    server.shutdown().await;
}

/// S4: no connection outlives its token.
#[tokio::test]
async fn a_socket_ends_with_its_token() {
    let server = TestServer::builder()
        .settings(|settings| {
            settings.transport.v1_access_lifetime = Duration::from_secs(1);
        })
        .spawn()
        .await;
    let (_, token) = account(&server, "ines").await;
    let mut client = server.socketio_visitor("A", "").await;
    client.enter(&json!({ "token": token })).await;
    assert_eq!(client.packet().await, "41");
    let closed = client.recv_close().await;
    assert_eq!(closed, Closed::Frame(1008, "token_expired".to_owned()));
    server.shutdown().await;
}

/// A client may leave its namespace and come back on the same connection; what
/// it had opened is closed by then.
#[tokio::test]
async fn a_client_may_leave_and_come_back() {
    let server = trusting().await;
    let mut a = server.socketio("A", "31").await;
    let mut b = server.socketio("B", "58").await;
    let room = open_direct(&mut a, "58").await;
    open_direct(&mut b, "31").await;
    b.send_text("41").await;
    b.enter(&Value::Null).await;
    send(&mut a, to_room(&room, "31", "uno"), true).await;
    // It is undecided again, so that it hears what is for its user.
    assert_eq!(b.expect("receive_message").await["message"], "uno");
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

/// No account of ours is anybody's bare `user_id` by chance: a name is.
#[tokio::test]
async fn an_account_of_ours_is_named_by_its_number_or_username() {
    let server = trusting().await;
    let account = NewAccount {
        username: "ines".to_owned(),
        password: PASSWORD.to_owned(),
        ..NewAccount::default()
    };
    let ines = server.chat().create_account(account).await.unwrap();
    for name in ["ines", &ines.id().to_string()] {
        let mut client: SocketIoClient = server
            .socketio_visitor("A", &format!("user_id={name}"))
            .await;
        let connected = client.enter(&Value::Null).await;
        assert_eq!(connected["user_id"], ines.id().to_string());
        client.finish().await;
    }
    server.shutdown().await;
}
