//! Section 6: what the original did and we do not. Items with a test elsewhere:
//! REST messages and empty ones in [`messages`](crate::messages), private rooms in
//! [`rooms`](crate::rooms), second tabs in [`sockets`](crate::sockets), `is_active` in
//! [`users`](crate::users), tokens that name users in [`settings`](crate::settings),
//! types, sizes and removal of files in [`files`](crate::files), `file_id` in
//! [`attached`](crate::attached).

use std::time::Duration;

use serde_json::json;
use tertulia_testkit::{ServerProcess, TestServer};

use crate::{check_detail, enter, expect, nothing_else, person, room, say, text};

/// "every 404 became 500 text" → proper 404 JSON.
#[tokio::test]
async fn what_is_not_there_is_404() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    check_detail(&lidia.get("/api/rooms/777").await, 404, "Room not found");
    check_detail(&lidia.get("/api/users/777").await, 404, "User not found");
    let unknown = lidia.get("/api/nada").await;
    let body = json!({"error": "Endpoint no encontrado", "status_code": 404});
    crate::check(&unknown, 404, &body);
    server.shutdown().await;
}

/// "`timestamp` of a live message is frozen" → real time, in UTC with offset.
#[tokio::test]
async fn times_go_on() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let id = room(&lidia, "Ensayo", false).await;
    let (mut socket, _) = enter(&server, &lidia, id).await;
    let mut times = Vec::new();
    for _ in 0..2 {
        say(&mut socket, "hola").await;
        times.push(text(&expect(&mut socket, "message").await["timestamp"]));
        server.advance(Duration::from_secs(61));
    }
    assert_eq!(
        times,
        [
            "2026-02-18T07:33:20.123000+00:00",
            "2026-02-18T07:34:21.123000+00:00"
        ]
    );
    socket.finish().await;
    server.shutdown().await;
}

/// "e-mail addresses in every User" → an empty string to strangers.
#[tokio::test]
async fn addresses_are_ones_own() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let id = room(&lidia, "Ensayo", false).await;
    bruno
        .post(&format!("/api/rooms/{id}/join"), &json!({}))
        .await;
    let said = json!({"content": "hola"});
    bruno
        .post(&format!("/api/rooms/{id}/messages"), &said)
        .await;
    for path in [
        "/api/users/".to_owned(),
        format!("/api/users/{}", lidia.id),
        "/api/users/username/lidia".to_owned(),
        "/api/rooms/".to_owned(),
        format!("/api/rooms/{id}"),
        format!("/api/rooms/{id}/members"),
        format!("/api/rooms/{id}/messages"),
        "/api/users/me/rooms".to_owned(),
    ] {
        let seen = bruno.get(&path).await;
        assert_eq!(seen.status, 200, "{path}");
        assert!(seen.text().contains(r#""email":"""#), "{path}");
        assert!(!seen.text().contains("lidia@"), "{path}: {}", seen.text());
    }
    let anonymous = server.http().get("/api/rooms/").await.text();
    assert!(!anonymous.contains('@'), "{anonymous}");
    let me = lidia.get("/api/users/me").await.json();
    assert_eq!(me["email"], "lidia@mail.example.com");
    server.shutdown().await;
}

/// "`limit` unbounded; negative `skip` → 500" → clamp.
#[tokio::test]
async fn pages_are_clamped() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let id = room(&lidia, "Ensayo", false).await;
    let path = format!("/api/rooms/{id}/messages");
    for number in 0..101 {
        let said = json!({"content": number.to_string()});
        assert_eq!(lidia.post(&path, &said).await.status, 201);
    }
    for (query, count) in [
        ("?limit=1000000", 100),
        ("?limit=99999999999999999999", 100),
        ("?limit=0", 1),
        ("?limit=-5", 1),
        ("?skip=-5", 50),
        ("?skip=99999999999999999999", 0),
        ("?skip=100", 1),
    ] {
        let page = lidia.get(&format!("{path}{query}")).await;
        assert_eq!(page.status, 200, "{query}");
        assert_eq!(page.json().as_array().unwrap().len(), count, "{query}");
    }
    server.shutdown().await;
}

/// "token in the query string" → queries are not logged.
#[tokio::test]
async fn tokens_in_queries_are_not_logged() {
    let folder = tempfile::tempdir().unwrap();
    let binary = env!("CARGO_BIN_EXE_tertulia");
    let mut server = ServerProcess::builder(binary, folder.path().join("data"))
        .variable("TERTULIA_LOG", "trace")
        .spawn()
        .await;
    let token = server.http().v1_register("lidia").await.token;
    let lidia = server.http().bearer(&token);
    let made = lidia.post("/api/rooms/", &json!({"name": "Ensayo"})).await;
    let id = &made.json()["id"];
    let mut socket = server
        .socket("A", &format!("/api/ws/{id}?token={token}"))
        .await;
    expect(&mut socket, "welcome").await;
    expect(&mut socket, "users_online").await;
    let path = format!("/api/ws/rooms/{id}/online?token={token}");
    assert_eq!(server.http().get(&path).await.status, 200);
    for route in ["/api/ws/{room_id}", "/api/ws/rooms/{room_id}/online"] {
        server.wait_for_log(route).await;
    }
    socket.finish().await;
    server.stop().await;
    let signature = token.rsplit('.').next().unwrap();
    assert!(!server.stderr().contains(signature));
}

/// "one database error spoils the socket's session" → each message is for itself.
#[tokio::test]
async fn a_refused_message_costs_no_other() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let id = room(&lidia, "Ensayo", false).await;
    let (mut socket, _) = enter(&server, &lidia, id).await;
    say(&mut socket, "uno").await;
    say(&mut socket, &"x".repeat(20_001)).await;
    say(&mut socket, "dos").await;
    let mut heard = Vec::new();
    for _ in 0..3 {
        let frame = socket.recv().await;
        heard.push(format!("{} {}", text(&frame["type"]), frame["content"]));
    }
    heard.sort_unstable();
    assert_eq!(heard, ["error null", "message \"dos\"", "message \"uno\""]);
    nothing_else(&mut socket).await;
    socket.finish().await;
    server.shutdown().await;
}
