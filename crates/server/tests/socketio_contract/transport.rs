//! `contracts/upred.md` §2: path, version, transports, origins.

use http::header::{self, HeaderName};
use http::{Method, StatusCode};
use serde_json::Value;
use tertulia_testkit::{HttpResponse, TestServer};

/// The example of RFC 6455 §1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const SOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

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

/// §2 "open packet", with WebSocket as first transport; §2 "path".
#[tokio::test]
async fn a_web_socket_is_opened_with_no_upgrades() {
    let server = TestServer::spawn().await;
    for path in [SOCKET, "/socket.io?EIO=4&transport=websocket&user_id=31"] {
        let mut socket = server.socket("A", path, &[]).await;
        let open = socket.recv_text().await;
        let sid = sid(&open);
        assert_eq!(
            open,
            format!(
                r#"0{{"sid":"{sid}","upgrades":[],"pingTimeout":20000,"pingInterval":25000,"maxPayload":1000000}}"#
            )
        );
        socket.finish().await;
    }
    server.shutdown().await;
}

/// §2 "Engine.IO": version 4 only.
#[tokio::test]
async fn another_version_of_engine_io_is_refused() {
    let server = TestServer::spawn().await;
    for query in ["", "?transport=polling", "?EIO=3&transport=websocket"] {
        let path = format!("/socket.io/{query}");
        let answer = server.http().get(&path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(
            answer.text(),
            r#""The client is using an unsupported version of the Socket.IO or Engine.IO protocols""#,
            "{path}"
        );
    }
    server.shutdown().await;
}

/// What the contract leaves open is answered as the official server does.
#[tokio::test]
async fn requests_that_begin_nothing_are_refused_in_the_official_words() {
    let server = TestServer::spawn().await;
    let get = Method::GET;
    for (method, query, body) in [
        (&get, "EIO=4", r#"{"code":0,"message":"Transport unknown"}"#),
        (
            &get,
            "EIO=4&transport=abc",
            r#"{"code":0,"message":"Transport unknown"}"#,
        ),
        (
            &get,
            "EIO=4&transport=polling&sid=abc",
            r#"{"code":1,"message":"Session ID unknown"}"#,
        ),
        (
            &get,
            "EIO=4&transport=websocket&sid=abc",
            r#"{"code":1,"message":"Session ID unknown"}"#,
        ),
        (
            &Method::POST,
            "EIO=4&transport=polling",
            r#"{"code":2,"message":"Bad handshake method"}"#,
        ),
        (
            &Method::PUT,
            "EIO=4&transport=polling",
            r#"{"code":2,"message":"Bad handshake method"}"#,
        ),
        (
            &get,
            "EIO=4&transport=websocket",
            r#"{"code":3,"message":"Bad request"}"#,
        ),
    ] {
        let path = format!("/socket.io/?{query}");
        let answer = server.http().request(method.clone(), &path).send().await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{method} {path}");
        assert_eq!(answer.text(), body, "{method} {path}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
    server.shutdown().await;
}

/// §2 "CORS": a refused origin, over either transport; none is always fine.
#[tokio::test]
async fn an_origin_that_is_not_on_the_list_is_refused() {
    let server = TestServer::builder()
        .variable("CORS_ALLOWED_ORIGINS", "https://app.test,https://b.test")
        .spawn()
        .await;
    let refused = upgrade(&server, SOCKET, header::ORIGIN, "https://evil.test").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.text(), r#""Not an accepted origin.""#);
    assert_eq!(refused.header("access-control-allow-origin"), "");
    for origin in ["https://app.test", "https://b.test"] {
        let taken = upgrade(&server, SOCKET, header::ORIGIN, origin).await;
        assert_eq!(taken.status, StatusCode::SWITCHING_PROTOCOLS);
    }
    let mut socket = server.socket("no browser", SOCKET, &[]).await;
    sid(&socket.recv_text().await);
    socket.finish().await;
    server.shutdown().await;
}

/// §2 "CORS": an allowed origin is echoed, with credentials; a preflight request
/// is answered. A configured `*` stays without credentials (`reliability.md` S10).
#[tokio::test]
async fn answers_say_which_pages_may_read_them() {
    for (configured, credentials) in [("https://app.test", "true"), ("", "true"), ("*", "")] {
        let server = TestServer::builder()
            .variable("CORS_ALLOWED_ORIGINS", configured)
            .spawn()
            .await;
        for method in [Method::GET, Method::OPTIONS] {
            let request = server
                .http()
                .request(method.clone(), "/socket.io/?EIO=4&transport=abc")
                .header(header::ORIGIN, "https://app.test")
                .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "content-type");
            let answer = request.send().await;
            let said = |name| answer.header(name);
            assert_eq!(said("access-control-allow-origin"), "https://app.test");
            assert_eq!(said("access-control-allow-credentials"), credentials);
            if method == Method::OPTIONS {
                assert_eq!(answer.status, StatusCode::NO_CONTENT);
                assert_eq!(said("access-control-allow-methods"), "OPTIONS, GET, POST");
                assert_eq!(said("access-control-allow-headers"), "content-type");
            }
        }
        server.shutdown().await;
    }
}

/// §2 "open packet", over polling; §2 "refusal".
#[tokio::test]
async fn a_session_begins_over_polling() {
    let server = TestServer::spawn().await;
    let http = server.http();
    let open = http.get("/socket.io/?EIO=4&transport=polling").await;
    let sid = sid(&open.text());
    assert_eq!(
        open.text(),
        format!(
            r#"0{{"sid":"{sid}","upgrades":["websocket"],"pingTimeout":20000,"pingInterval":25000,"maxPayload":1000000}}"#
        )
    );
    assert_eq!(open.header("content-type"), "text/plain; charset=UTF-8");
    assert_eq!(open.header("cache-control"), "no-store");
    let path = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    let posted = http.request(Method::POST, &path).body("40").send().await;
    assert_eq!(
        (posted.status, posted.text().as_str()),
        (StatusCode::OK, "ok")
    );
    assert_eq!(posted.header("content-type"), "text/html");
    let refusal = http.get(&path).await;
    assert_eq!(
        refusal.text(),
        r#"44{"message":"Connection rejected by server"}"#
    );
    server.shutdown().await;
}

/// A session that changes over keeps its heartbeat, which can be as quick as
/// 100 ms.
#[tokio::test]
async fn a_session_changes_over_to_a_web_socket() {
    let server = TestServer::builder()
        .variable("TERTULIA_LIMIT_PING_INTERVAL", "100ms")
        .spawn()
        .await;
    let open = server
        .http()
        .get("/socket.io/?EIO=4&transport=polling")
        .await;
    let sid = sid(&open.text());
    let path = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    assert_eq!(server.http().get(&path).await.text(), "2");
    let socket = path.replace("polling", "websocket");
    let mut socket = server.socket("A", &socket, &[]).await;
    socket.send_text("2probe").await;
    assert_eq!(socket.recv_text().await, "3probe");
    socket.send_text("5").await;
    assert_eq!(socket.recv_text().await, "2");
    socket.vanish();
    server.shutdown().await;
}

/// The session's name in an open packet.
fn sid(open: &str) -> String {
    let json = open.strip_prefix('0').expect("it is an open packet");
    let open: Value = serde_json::from_str(json).expect("it carries JSON");
    open["sid"].as_str().expect("the sid is a text").to_owned()
}
