//! Section 2: the socket itself.

use std::time::Duration;

use http::Method;
use http::header::{self, HeaderName};
use serde_json::json;
use tertulia_testkit::{Closed, HttpResponse, TestServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{ask, member, refused};

/// The example of RFC 6455 §1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const HANDSHAKE: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The answer to an upgrade request with a further header.
async fn upgrade(server: &TestServer, path: &str, name: HeaderName, value: &str) -> HttpResponse {
    server
        .http()
        .request(Method::GET, path)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, KEY)
        .header(name, value)
        .send()
        .await
}

fn code(closed: &Closed) -> u16 {
    match closed {
        Closed::Frame(code, _) => *code,
        Closed::Lost(how) => panic!("a close frame was expected, not {how}"),
    }
}

/// §2 "other paths": any path that no other dialect's prefix claims.
#[tokio::test]
async fn any_path_leads_here() {
    let server = TestServer::spawn().await;
    for path in [
        "/",
        "/?x=1",
        "/chat",
        "/some/where/else?y",
        "/wsx",
        "/v1x/ws",
    ] {
        let mut socket = server.socket(path, path, &[]).await;
        socket.send_text("nonsense").await;
        assert_eq!(
            socket.recv_text().await,
            r#"{"type":"error","data":{"message":"JSON inválido"}}"#,
            "{path}"
        );
        socket.finish().await;
    }
    server.shutdown().await;
}

/// §2 "other paths": `/ws/`, `/api/`, `/v1/` and `/socket.io/` are claimed.
#[tokio::test]
async fn paths_of_other_dialects_do_not() {
    let server = TestServer::spawn().await;
    for path in ["/ws/chat", "/api/x", "/v1/nothing", "/socket.io/nothing"] {
        let answer = upgrade(&server, path, header::ACCEPT, "*/*").await;
        assert_eq!(answer.status, 404, "{path}");
    }
    server.shutdown().await;
}

/// §2 "subprotocol": none asked, none answered. §2 "Origin / CORS": not
/// checked while no list is set.
#[tokio::test]
async fn no_subprotocol_and_any_origin() {
    let server = TestServer::spawn().await;
    let answer = upgrade(&server, "/", header::SEC_WEBSOCKET_PROTOCOL, "chat").await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-protocol"), "");
    let origin = "http://10.0.0.7:5173";
    let answer = upgrade(&server, "/", header::ORIGIN, origin).await;
    assert_eq!(answer.status, 101);
    server.shutdown().await;
}

/// §2 "Origin / CORS", with a list set (`reliability.md` S10).
#[tokio::test]
async fn a_list_of_origins_is_kept() {
    let server = TestServer::builder()
        .variable("TERTULIA_ALLOWED_ORIGINS", "http://app.test")
        .spawn()
        .await;
    for (origin, status) in [("http://app.test", 101), ("http://app.test.evil.test", 403)] {
        let answer = upgrade(&server, "/", header::ORIGIN, origin).await;
        assert_eq!(answer.status, status, "{origin}");
    }
    server.shutdown().await;
}

/// §2 "frame" and "encoding": both keys, in this order, and UTF-8 that is not
/// escaped.
#[tokio::test]
async fn frames_have_type_and_data() {
    let server = TestServer::spawn().await;
    let mut socket = server.socket("A", "/", &[]).await;
    socket
        .send_text(r#"{"data":{"x":"ñ"},"type":"café"}"#)
        .await;
    assert_eq!(
        socket.recv_text().await,
        r#"{"type":"error","data":{"message":"No autenticado"}}"#
    );
    let (mut ines, _) = member(&server, "ines").await;
    ines.send_text(r#"{"data":{},"type":"café ☕"}"#).await;
    assert_eq!(
        ines.recv_text().await,
        r#"{"type":"error","data":{"message":"Evento no soportado: café ☕"}}"#
    );
    socket.finish().await;
    ines.finish().await;
    server.shutdown().await;
}

/// §2 "binary frames": parsed the same way.
#[tokio::test]
async fn binary_frames_are_parsed_the_same_way() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    ines.send_binary(br#"{"type":"chat:list","data":{}}"#).await;
    assert_eq!(ines.expect("chat:list:ok").await, json!({ "chats": [] }));
    ines.send_binary(b"\xff\x00").await;
    assert_eq!(
        ines.expect("error").await,
        json!({ "message": "JSON inválido" })
    );
    ines.finish().await;
    server.shutdown().await;
}

/// §2 "size limit": 1 MiB per message, then close 1009.
#[tokio::test]
async fn a_message_has_at_most_a_mebibyte() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let frame = |bytes: usize| {
        let rest = r#"{"type":"x","data":""}"#.len();
        format!(r#"{{"type":"x","data":"{}"}}"#, "a".repeat(bytes - rest))
    };
    ines.send_text(&frame(1 << 20)).await;
    assert_eq!(
        ines.expect("error").await,
        json!({ "message": "Evento no soportado: x" })
    );
    ines.send_text(&frame((1 << 20) + 1)).await;
    assert_eq!(code(&ines.recv_close().await), 1009);
    server.shutdown().await;
}

/// §2 "handshake auth": none, authentication happens in-band. §2 "close codes":
/// an application error never closes.
#[tokio::test]
async fn errors_do_not_cost_the_socket() {
    let server = TestServer::spawn().await;
    let mut ines = server.kaapehchat("A").await;
    refused(&mut ines, "chat:list", json!({}), "No autenticado").await;
    refused(&mut ines, "hello", json!({"token": "x"}), "Token inválido").await;
    ines.register("ines").await;
    refused(
        &mut ines,
        "nothing",
        json!({}),
        "Evento no soportado: nothing",
    )
    .await;
    ask(&mut ines, "chat:list", json!({}), "chat:list:ok").await;
    ines.finish().await;
    server.shutdown().await;
}

/// §2 "close codes": 1001 at shutdown.
#[tokio::test]
async fn shutdown_says_going_away() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let mut nobody = server.kaapehchat("nobody").await;
    server.shutdown().await;
    for socket in [&mut ines, &mut nobody] {
        assert_eq!(code(&socket.recv_close().await), 1001);
    }
}

/// §2 "keepalive": the server pings, and drops a peer without a pong with 1011.
#[tokio::test]
async fn a_silent_peer_is_dropped() {
    let server = TestServer::builder()
        .settings(|settings| {
            settings.transport.ping_interval = Duration::from_millis(100);
            settings.transport.ping_timeout = Duration::from_millis(100);
        })
        .spawn()
        .await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(HANDSHAKE).await.unwrap();
    // Reads, and answers no ping, until the server closes.
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.unwrap();
    let end = b"\r\n\r\n";
    let head = said.windows(4).position(|bytes| bytes == end).unwrap();
    let frames = &said[head + 4..];
    let ping = [0x89, 0];
    assert_eq!(frames[..2], ping);
    assert_eq!(frames[2], 0x88, "a close frame");
    assert_eq!(frames[4..6], 1011_u16.to_be_bytes());
    server.shutdown().await;
}

/// §2 "compression": by setting, off by default.
#[tokio::test]
async fn compression_is_off_unless_set() {
    for (setting, answer) in [("false", false), ("true", true)] {
        let server = TestServer::builder()
            .variable("TERTULIA_WEBSOCKET_COMPRESSION", setting)
            .spawn()
            .await;
        let offer = "permessage-deflate";
        let response = upgrade(&server, "/", header::SEC_WEBSOCKET_EXTENSIONS, offer).await;
        let negotiated = !response.header("sec-websocket-extensions").is_empty();
        assert_eq!(negotiated, answer, "{setting}");
        server.shutdown().await;
    }
}

/// §2 "plain `GET /`": only the upgrade request is ours.
#[tokio::test]
async fn a_plain_get_is_not_ours() {
    let server = TestServer::spawn().await;
    let page = server.http().get("/").await;
    assert_eq!(page.status, 200);
    server.shutdown().await;
}
