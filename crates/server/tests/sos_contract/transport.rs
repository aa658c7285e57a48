//! Section 2, transport.

use std::time::Duration;

use http::{Method, StatusCode, header};
use serde_json::json;
use tertulia_testkit::{Closed, HttpResponse, TestServer};
use uuid::Uuid;

use super::{expect, nothing_else, open, pair, person, private_chat, refused, socket_path};

/// Asks for a socket and takes the answer over HTTP.
async fn handshake(server: &TestServer, path: &str, origin: Option<&str>) -> HttpResponse {
    let mut request = server
        .http()
        .request(Method::GET, path)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==");
    if let Some(origin) = origin {
        request = request.header(header::ORIGIN, origin);
    }
    request.send().await
}

/// "path: UUID, lower-case hex with dashes … Accept it without [the final
/// slash], and upper case".
#[tokio::test]
async fn the_path_is_taken_without_its_slash_and_in_upper_case() {
    let server = TestServer::spawn().await;
    let (_, memo, chat, mut a, b) = pair(&server).await;
    b.finish().await;
    expect(&mut a, "user_status").await;
    let upper = chat.to_uppercase();
    for path in [
        format!("/ws/chat/{chat}?token={}", memo.access),
        format!("/ws/chat/{upper}/?token={}", memo.access),
    ] {
        let mut b = server.socket("memo", &path, &[]).await;
        expect(&mut a, "user_status").await;
        nothing_else(&mut a, &mut [&mut b]).await;
        b.finish().await;
        expect(&mut a, "user_status").await;
    }
    server.shutdown().await;
}

/// "unknown `/ws/…` path: ours 404"; a chat's id has dashes.
#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let server = TestServer::spawn().await;
    let vale = person(&server, "vale").await;
    let undashed = Uuid::nil().simple();
    for path in [
        "/ws/feed/".to_owned(),
        format!("/ws/chat/?token={}", vale.access),
        format!("/ws/chat/7/?token={}", vale.access),
        format!("/ws/chat/{undashed}/?token={}", vale.access),
    ] {
        assert_eq!(handshake(&server, &path, None).await.status, 404, "{path}");
    }
    server.shutdown().await;
}

/// "refusal: the client sees HTTP 403 for no token, bad token, unknown chat, not
/// a participant"; a refresh token is no access token (section 6).
#[tokio::test]
async fn who_may_not_is_refused_before_the_upgrade() {
    let server = TestServer::spawn().await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let stranger = person(&server, "ceci").await;
    let chat = private_chat(&vale, &memo).await;
    let nowhere = Uuid::nil().to_string();
    for (what, path) in [
        ("no token", format!("/ws/chat/{chat}/")),
        ("an empty token", socket_path(&chat, "")),
        ("a bad token", socket_path(&chat, "x.y.z")),
        ("a refresh token", socket_path(&chat, &vale.refresh)),
        ("an unknown chat", socket_path(&nowhere, &vale.access)),
        ("a stranger", socket_path(&chat, &stranger.access)),
    ] {
        let refused = handshake(&server, &path, None).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{what}");
    }
    let path = socket_path(&chat, &vale.access);
    let plain = server.http().get(&path).await;
    assert!(
        plain.status.is_client_error(),
        "no upgrade: {}",
        plain.status
    );
    server.shutdown().await;
}

/// "Origin | host must be in `ALLOWED_HOSTS`; a missing Origin was refused too";
/// the list of origins counts beside it.
#[tokio::test]
async fn a_pages_host_may_be_in_allowed_hosts() {
    let cases = [
        (Some("http://evil.test"), 403),
        (Some("http://localhost.evil.test"), 403),
        (Some("http://localhost:4000"), 101),
        (Some("https://app.liga.test"), 101),
        (None, 101),
    ];
    origins_get("ALLOWED_HOSTS", "localhost,.liga.test", &cases).await;
}

/// What a page from each origin is answered where this setting has this value.
async fn origins_get(variable: &str, value: &str, cases: &[(Option<&str>, u16)]) {
    let server = TestServer::builder()
        .variable(variable, value)
        .spawn()
        .await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let chat = private_chat(&vale, &memo).await;
    let path = socket_path(&chat, &vale.access);
    for (origin, status) in cases {
        let answer = handshake(&server, &path, *origin).await;
        assert_eq!(answer.status, *status, "{origin:?}");
    }
    server.shutdown().await;
}

/// "Origin": with a list only its pages; a missing Origin is no page.
#[tokio::test]
async fn an_origin_must_be_on_the_list_and_may_be_missing() {
    let cases = [
        (Some("http://evil.test"), 403),
        (Some("http://localhost:4000"), 101),
        (None, 101),
    ];
    origins_get("CORS_ALLOWED_ORIGINS", "http://localhost:4000", &cases).await;
}

/// "Binary frames … ours ignores them".
#[tokio::test]
async fn binary_frames_are_ignored() {
    let server = TestServer::spawn().await;
    let (_, _, _, mut a, mut b) = pair(&server).await;
    a.send_binary(br#"{"type":"chat_message","content":"hola"}"#)
        .await;
    nothing_else(&mut a, &mut [&mut b]).await;
    server.shutdown().await;
}

/// "token … 60 minutes": the socket ends with it.
#[tokio::test]
async fn a_socket_ends_with_its_token() {
    let server = TestServer::builder()
        .variable("TERTULIA_SOS_TOKEN_LIFETIME", "2s")
        .spawn()
        .await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let chat = private_chat(&vale, &memo).await;
    let mut a = open(&server, &vale, &chat).await;
    let last = expect(&mut a, "error").await;
    assert_eq!(last["message"], "Token inválido");
    let closed = a.recv_close().await;
    assert_eq!(closed, Closed::Frame(4401, "token_expired".to_owned()));
    server.advance(Duration::from_secs(2));
    let path = socket_path(&chat, &vale.access);
    assert_eq!(handshake(&server, &path, None).await.status, 403);
    server.shutdown().await;
}

/// Whoever logs out closes the sockets of that login at once (S4).
#[tokio::test]
async fn a_logout_closes_the_sockets() {
    let server = TestServer::spawn().await;
    let (vale, _, _, mut a, mut b) = pair(&server).await;
    let token = json!({ "refresh_token": vale.refresh });
    assert_eq!(
        vale.http.post("/api/auth/logout/", &token).await.status,
        200
    );
    expect(&mut a, "error").await;
    let closed = a.recv_close().await;
    assert_eq!(closed, Closed::Frame(4401, "session_ended".to_owned()));
    assert_eq!(expect(&mut b, "user_status").await["status"], "offline");
    server.shutdown().await;
}

/// "Formato JSON inválido"; whatever a frame is, the socket lives on (README,
/// rule 5).
#[tokio::test]
async fn a_malformed_frame_costs_nothing() {
    let server = TestServer::spawn().await;
    let (_, _, _, mut a, mut b) = pair(&server).await;
    for frame in ["{not json", "", "[]", "7", "\"x\"", "null"] {
        a.send_text(frame).await;
        let refusal = a.recv().await;
        assert_eq!(refusal["error"], "Formato JSON inválido", "{frame}");
    }
    let deep = "[".repeat(100) + &"]".repeat(100);
    a.send_text(&deep).await;
    assert_eq!(
        expect(&mut a, "error").await["error"],
        "JSON demasiado complejo"
    );
    refused(&mut a, json!({}), "Tipo de evento desconocido").await;
    nothing_else(&mut a, &mut [&mut b]).await;
    server.shutdown().await;
}
