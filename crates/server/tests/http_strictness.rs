//! HTTP/1.1 as strictly as `reliability.md` §3 asks, and the limits of §2 that
//! hold before a request is read.

use std::time::Duration;

use http::header;
use tertulia_testkit::{TestServer, exchange_until_closed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// How long what must come may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until there is room: a connection gives back its place a moment after its end
/// is seen.
async fn until_let_in(server: &TestServer) {
    let let_in = async { while server.http().get("/health/live").await.status != 200 {} };
    let in_time = timeout(PATIENCE, let_in).await;
    assert!(in_time.is_ok(), "no place becomes free");
}

/// Sends a request made of these lines and gives the status of each answer.
async fn statuses(server: &TestServer, request: &str) -> Vec<String> {
    let answer = exchange_until_closed(server.address(), request.as_bytes()).await;
    answer
        .lines()
        .filter_map(|line| line.strip_prefix("HTTP/1.1 "))
        .map(|status| status[..3].to_owned())
        .collect()
}

fn post(headers: &[&str], body: &str) -> String {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    format!("POST /health HTTP/1.1\r\nHost: a\r\n{lines}\r\n{body}")
}

#[tokio::test]
async fn an_ambiguous_length_or_coding_is_refused_with_400() {
    let server = TestServer::spawn().await;
    for headers in [
        &["Content-Length: 5", "Transfer-Encoding: chunked"][..],
        &["Transfer-Encoding: chunked", "Content-Length: 5"],
        &["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
        &["Transfer-Encoding: chunked, chunked"],
        &["Transfer-Encoding: gzip, chunked"],
        &["Transfer-Encoding: identity"],
        &["Transfer-Encoding : chunked"],
        &["Transfer-Encoding:\u{b}chunked"],
        &["Content-Length: 5", "Content-Length: 6"],
        &["Content-Length: 5, 5"],
        &["Content-Length: +5"],
        &["Content-Length: 0x5"],
        &["Content-Length: -5"],
        &["Content-Length:"],
        &["Content-Length : 5"],
        &["X: a", " folded: b"],
    ] {
        let answers = statuses(&server, &post(headers, "0\r\n\r\n")).await;
        assert_eq!(answers, ["400"], "{headers:?}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_request_hidden_behind_another_is_not_answered() {
    let server = TestServer::spawn().await;
    let hidden = "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n";
    let headers = ["Transfer-Encoding: chunked", "Content-Length: 5"];
    let smuggled = post(&headers, &format!("0\r\n\r\n{hidden}"));
    assert_eq!(statuses(&server, &smuggled).await, ["400"]);

    let second = format!("{}{smuggled}", post(&["Content-Length: 3"], "abc"));
    assert_eq!(statuses(&server, &second).await, ["405", "400"]);
    server.shutdown().await;
}

#[tokio::test]
async fn a_connection_ends_after_a_chunked_request() {
    let server = TestServer::spawn().await;
    let chunked = post(&["Transfer-Encoding: chunked"], "3\r\nabc\r\n0\r\n\r\n");
    let another = "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n";
    let answers = statuses(&server, &format!("{chunked}{another}")).await;
    assert_eq!(answers, ["405"]);
    server.shutdown().await;
}

#[tokio::test]
async fn every_request_names_one_host() {
    let server = TestServer::spawn().await;
    for (request, status) in [
        ("GET /health/live HTTP/1.1\r\n\r\n", "400"),
        (
            "GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "400",
        ),
        (
            "GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "200",
        ),
        ("GET /health/live HTTP/2.0\r\nHost: a\r\n\r\n", "400"),
        ("GET /health/live\r\nHost: a\r\n\r\n", "400"),
        ("nonsense\r\n\r\n", "400"),
    ] {
        assert_eq!(statuses(&server, request).await, [status], "{request:?}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_with_431() {
    let server = TestServer::spawn().await;
    let long = format!("X: {}", "x".repeat(64 * 1024));
    assert_eq!(statuses(&server, &post(&[&long], "")).await, ["431"]);
    let many: Vec<String> = (0..200).map(|number| format!("X-{number}: x")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(statuses(&server, &post(&many, "")).await, ["431"]);
    server.shutdown().await;
}

#[tokio::test]
async fn a_head_that_does_not_come_to_its_end_is_cut_off() {
    let server = TestServer::builder()
        .settings(|settings| settings.listener.header_timeout = Duration::from_millis(50))
        .spawn()
        .await;
    for start in ["", "GET /health/live HTTP/1.1\r\nHost: a\r\n"] {
        let answer = exchange_until_closed(server.address(), start.as_bytes()).await;
        assert!(!answer.contains(" 200 "), "{answer}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn too_many_attempts_of_one_address_are_told_to_wait() {
    let server = TestServer::builder()
        .variable("TERTULIA_LIMIT_CONNECTION_ATTEMPTS_PER_SECOND", "1")
        .spawn()
        .await;
    assert_eq!(server.http().get("/health/live").await.status, 200);
    let mut refused = None;
    for _ in 0..50 {
        let answer = server.http().get("/health/live").await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("nobody connects fifty times within their second");
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header(header::RETRY_AFTER.as_str()), "1");
    server.shutdown().await;
}

#[tokio::test]
async fn a_full_server_says_so_and_has_room_again_when_someone_goes() {
    let server = TestServer::builder()
        .variable("TERTULIA_LIMIT_CONNECTIONS", "1")
        .spawn()
        .await;
    let mut only = TcpStream::connect(server.address()).await.unwrap();
    only.write_all(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut start = [0; 15];
    only.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");

    let refused = server.http().get("/health/live").await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header(header::RETRY_AFTER.as_str()), "1");

    only.shutdown().await.unwrap();
    only.read_to_end(&mut Vec::new()).await.unwrap();
    until_let_in(&server).await;
    server.shutdown().await;
}

/// G12: whoever takes nothing for so long is cut, and gives back its place.
#[tokio::test]
async fn a_client_that_never_reads_its_answers_is_cut() {
    const CLIENTS: usize = 2;
    let server = TestServer::builder()
        .variable("TERTULIA_LIMIT_STALL_TIMEOUT", "200ms")
        .variable("TERTULIA_LIMIT_CONNECTIONS", "2")
        .spawn()
        .await;
    let mut stuck = Vec::new();
    for _ in 0..CLIENTS {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 * 1024).unwrap();
        stuck.push(socket.connect(server.address()).await.unwrap());
    }
    let asking = stuck.iter_mut().map(async |stream| {
        let requests = "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100);
        // Until the server has gone: it reads no more once its answers wait.
        while stream.write_all(requests.as_bytes()).await.is_ok() {}
    });
    let asking = futures_util::future::join_all(asking);
    let cut = timeout(PATIENCE, asking).await;
    assert!(cut.is_ok(), "they hold their places");
    until_let_in(&server).await;
    server.shutdown().await;
}

#[tokio::test]
async fn an_address_has_a_bounded_number_of_connections_that_are_no_websockets() {
    let server = TestServer::builder()
        .variable("TERTULIA_LIMIT_UNAUTHENTICATED_PER_ADDRESS", "1")
        .spawn()
        .await;
    // A WebSocket without a login is counted by its dialect.
    let socket = server.kaapehchat("A").await;
    let mut idle = TcpStream::connect(server.address()).await.unwrap();
    idle.write_all(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut start = [0; 15];
    idle.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");

    let refused = server.http().get("/health/live").await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header(header::RETRY_AFTER.as_str()), "1");

    idle.shutdown().await.unwrap();
    idle.read_to_end(&mut Vec::new()).await.unwrap();
    until_let_in(&server).await;
    socket.finish().await;
    server.shutdown().await;
}
