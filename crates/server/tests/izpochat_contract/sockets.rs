//! Section 3, "WebSocket", and section 2, "WebSocket refusals".

use http::HeaderValue;
use http::header::{AUTHORIZATION, ORIGIN};
use serde_json::{Value, json};
use tertulia_domain::{RoomId, UserId, UserState};
use tertulia_testkit::{Closed, TestServer};

use crate::{
    check, check_detail, enter, enter_as, expect, nothing_else, person, refused, refused_with,
    room, say,
};

/// On connect: the others get `user_joined`, the new socket `welcome`, then
/// `users_online`, oneself included. On leaving, the others get `user_left`.
#[tokio::test]
async fn coming_and_going() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let id = room(&lidia, "Ensayo", false).await;
    let other = room(&lidia, "Otra", false).await;
    let (mut elsewhere, _) = enter_as(&server, "elsewhere", &lidia, other).await;
    let (mut a, online) = enter(&server, &lidia, id).await;
    assert_eq!(online, [lidia.id]);
    let (b, online) = enter(&server, &bruno, id).await;
    assert_eq!(online, [lidia.id, bruno.id]);
    let joined = expect(&mut a, "user_joined").await;
    assert_eq!(joined["user_id"], bruno.id);
    // An unclean end is an end too.
    b.vanish();
    let left = expect(&mut a, "user_left").await;
    assert_eq!(left["user_id"], bruno.id);
    nothing_else(&mut a).await;
    nothing_else(&mut elsewhere).await;
    server.shutdown().await;
}

/// Section 6: "one socket per user and room" → all sockets; joined and left on first
/// and last.
#[tokio::test]
async fn a_second_tab_is_no_second_person() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let id = room(&lidia, "Ensayo", false).await;
    let (mut a, _) = enter(&server, &lidia, id).await;
    let (mut first, _) = enter_as(&server, "first", &bruno, id).await;
    expect(&mut a, "user_joined").await;
    let (mut second, online) = enter_as(&server, "second", &bruno, id).await;
    assert_eq!(online, [lidia.id, bruno.id]);
    nothing_else(&mut a).await;
    nothing_else(&mut first).await;

    say(&mut second, "hola").await;
    let heard = expect(&mut a, "message").await;
    for tab in [&mut first, &mut second] {
        assert_eq!(
            expect(tab, "message").await,
            heard,
            "every socket, the sender's too"
        );
    }
    first.finish().await;
    nothing_else(&mut a).await;
    say(&mut a, "sigue").await;
    expect(&mut a, "message").await;
    expect(&mut second, "message").await;
    second.finish().await;
    expect(&mut a, "user_left").await;
    a.finish().await;
    server.shutdown().await;
}

/// `message` (also when `type` is absent), `typing` to the others, `ping` → `pong`,
/// `error` with the socket open.
#[tokio::test]
async fn what_a_client_sends() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let id = room(&lidia, "Ensayo", false).await;
    let (mut a, _) = enter(&server, &lidia, id).await;
    let (mut b, _) = enter(&server, &bruno, id).await;
    expect(&mut a, "user_joined").await;

    a.send(&json!({"content": "  sin tipo  "})).await;
    for socket in [&mut a, &mut b] {
        let heard = expect(socket, "message").await;
        assert_eq!(heard["content"], "sin tipo", "trimmed");
    }
    a.send(&json!({"type": "typing"})).await;
    assert_eq!(expect(&mut b, "typing").await["typing"], false);
    a.send(&json!({"type": "typing", "typing": true})).await;
    let typing = expect(&mut b, "typing").await;
    assert_eq!(typing["user_id"], lidia.id);
    assert_eq!(typing["username"], "lidia");

    for (frame, message) in [
        (
            r#"{"type":"message","content":"","file_id":null}"#,
            "Mensaje vacío",
        ),
        (r#"{"type":"message"}"#, "Mensaje vacío"),
        ("{", "Formato de mensaje inválido"),
        ("[]", "Error procesando mensaje: revisa los campos"),
        (
            r#"{"content":7}"#,
            "Error procesando mensaje: revisa los campos",
        ),
        (r#"{"type":"x"}"#, "Tipo de mensaje desconocido: x"),
    ] {
        a.send_text(frame).await;
        let error = a.recv().await;
        assert_eq!(
            error,
            json!({"type": "error", "message": message}),
            "{frame}"
        );
    }
    a.send_binary(b"{}").await;
    assert_eq!(a.recv().await["message"], "Formato de mensaje inválido");
    say(&mut a, &"x".repeat(20_001)).await;
    let error = expect(&mut a, "error").await;
    assert_eq!(
        error["message"],
        "Error enviando mensaje: admite 20000 caracteres como máximo"
    );
    nothing_else(&mut a).await;
    nothing_else(&mut b).await;
    server.shutdown().await;
}

/// "the client sees HTTP 403, whatever the cause: bad or expired token, inactive user,
/// unknown room, private room without membership. A missing `token` or a non-integer
/// room also gives 403."
#[tokio::test]
async fn refusals_come_before_the_upgrade() {
    let server = TestServer::builder()
        .variable("ALLOWED_ORIGINS", r#"["http://localhost:3000"]"#)
        .spawn()
        .await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let id = room(&lidia, "Ensayo", false).await;
    let private = room(&lidia, "Plan", true).await;
    let token = &bruno.token;
    for path in [
        format!("/api/ws/{id}?token=garbage"),
        format!("/api/ws/{id}?token="),
        format!("/api/ws/{id}"),
        format!("/api/ws/777?token={token}"),
        format!("/api/ws/{private}?token={token}"),
        format!("/api/ws/x?token={token}"),
        format!("/api/ws/%ff?token={token}"),
        format!("/api/ws/-1?token={token}"),
    ] {
        assert_eq!(refused(&server, &path).await, 403, "{path}");
    }
    let path = format!("/api/ws/{id}?token={token}");
    let elsewhere = [(ORIGIN, HeaderValue::from_static("http://evil.test"))];
    assert_eq!(refused_with(&server, &path, &elsewhere).await, 403);
    let page = bruno.get(&path).await;
    let unknown = json!({"error": "Endpoint no encontrado", "status_code": 404});
    check(&page, 404, &unknown);

    let suspended = server
        .chat()
        .set_user_state(UserId(bruno.id), UserState::Suspended);
    suspended.await.unwrap();
    assert_eq!(refused(&server, &path).await, 403);
    server.advance(std::time::Duration::from_secs(30 * 60));
    let path = format!("/api/ws/{id}?token={}", lidia.token);
    assert_eq!(refused(&server, &path).await, 403);
    server.shutdown().await;
}

/// GET `/api/ws/rooms/{id}/online`: by header or by query; 401, 403, 404.
#[tokio::test]
async fn who_is_online() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let id = room(&lidia, "Ensayo", false).await;
    let path = format!("/api/ws/rooms/{id}/online");
    let nobody = json!({"room_id": id, "online_users": [], "count": 0});
    check(&lidia.get(&path).await, 200, &nobody);
    let (mut a, _) = enter(&server, &lidia, id).await;
    let (second, _) = enter_as(&server, "second", &lidia, id).await;
    let online = json!({
        "room_id": id,
        "online_users": [{"id": lidia.id, "username": "lidia", "full_name": "lidia Ruiz"}],
        "count": 1,
    });
    check(&bruno.get(&path).await, 200, &online);
    let by_query = format!("{path}?token={}", bruno.token);
    check(&server.http().get(&by_query).await, 200, &online);
    let bad = server.http().get(&format!("{path}?token=x")).await;
    check_detail(&bad, 401, "Could not validate credentials");
    check_detail(&server.http().get(&path).await, 403, "Not authenticated");
    let missing = bruno.get("/api/ws/rooms/777/online").await;
    check_detail(&missing, 404, "Room not found");
    let private = room(&lidia, "Plan", true).await;
    let denied = bruno.get(&format!("/api/ws/rooms/{private}/online")).await;
    check_detail(&denied, 403, "Access denied to this room");
    second.finish().await;
    nothing_else(&mut a).await;
    check(&bruno.get(&path).await, 200, &online);
    a.finish().await;
    server.shutdown().await;
}

/// A guest of a public room stops listening when the room becomes private, and
/// members go on; whoever is put out stops too (contracts/README.md, rule 2; G9).
#[tokio::test]
async fn access_that_ends_closes_the_socket() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let carla = person(&server, "carla").await;
    let id = room(&lidia, "Ensayo", false).await;
    carla
        .post(&format!("/api/rooms/{id}/join"), &json!({}))
        .await;
    let (mut a, _) = enter(&server, &lidia, id).await;
    let (mut guest, _) = enter(&server, &bruno, id).await;
    expect(&mut a, "user_joined").await;
    let (mut member, _) = enter(&server, &carla, id).await;
    expect(&mut a, "user_joined").await;
    expect(&mut guest, "user_joined").await;

    let ended = Closed::Frame(1008, "access_ended".to_owned());
    let shut = lidia
        .put(&format!("/api/rooms/{id}"), &json!({"is_private": true}))
        .await;
    assert_eq!(shut.status, 200);
    assert_eq!(guest.recv_close().await, ended);
    for socket in [&mut a, &mut member] {
        assert_eq!(expect(socket, "user_left").await["user_id"], bruno.id);
    }
    say(&mut a, "solo nosotras").await;
    expect(&mut a, "message").await;
    expect(&mut member, "message").await;
    let path = format!("/api/ws/{id}?token={}", bruno.token);
    assert_eq!(refused(&server, &path).await, 403);

    let owner = server.chat().profile(UserId(lidia.id)).await.unwrap();
    let (room, out) = (RoomId(id), UserId(carla.id));
    server
        .chat()
        .remove(&owner, room, out, false)
        .await
        .unwrap();
    assert_eq!(member.recv_close().await, ended);
    assert_eq!(expect(&mut a, "user_left").await["user_id"], carla.id);
    server.chat().close_room(&owner, room).await.unwrap();
    assert_eq!(a.recv_close().await, ended);
    server.shutdown().await;
}

/// A guest who is banned from a public room.
#[tokio::test]
async fn a_ban_closes_the_guests_socket() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let id = room(&lidia, "Ensayo", false).await;
    let (mut guest, _) = enter(&server, &bruno, id).await;
    let owner = server.chat().profile(UserId(lidia.id)).await.unwrap();
    let banned = server
        .chat()
        .remove(&owner, RoomId(id), UserId(bruno.id), true);
    banned.await.unwrap();
    let ended = Closed::Frame(1008, "access_ended".to_owned());
    assert_eq!(guest.recv_close().await, ended);
    let join = bruno
        .post(&format!("/api/rooms/{id}/join"), &json!({}))
        .await;
    check_detail(&join, 403, "Access denied to this room");
    server.shutdown().await;
}

/// S4: a session that ends closes its sockets.
#[tokio::test]
async fn a_suspended_users_socket_is_closed() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let id = room(&lidia, "Ensayo", false).await;
    let (mut socket, _) = enter(&server, &lidia, id).await;
    let suspended = server
        .chat()
        .set_user_state(UserId(lidia.id), UserState::Suspended);
    suspended.await.unwrap();
    let ended = Closed::Frame(1008, "session_ended".to_owned());
    assert_eq!(socket.recv_close().await, ended);
    server.shutdown().await;
}

/// A token may come in the header too, for clients that can send one.
#[tokio::test]
async fn the_header_does_as_well() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let id = room(&lidia, "Ensayo", false).await;
    let bearer = HeaderValue::from_str(&format!("Bearer {}", lidia.token)).unwrap();
    let path = format!("/api/ws/{id}/");
    let mut socket = server.socket("A", &path, &[(AUTHORIZATION, bearer)]).await;
    expect(&mut socket, "welcome").await;
    let online: Value = expect(&mut socket, "users_online").await;
    assert_eq!(online["users"], json!([lidia.id]));
    socket.finish().await;
    server.shutdown().await;
}
