//! G15: what is in progress is finished, clients are told to come back, and
//! the program ends well.

use std::time::Duration;

use tertulia_testkit::{Closed, ServerProcess, TestServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BINARY: &str = env!("CARGO_BIN_EXE_tertulia");

/// KaapehChat's contract §2, "close codes".
#[tokio::test]
async fn a_kaapehchat_socket_is_closed_with_1001() {
    let server = TestServer::spawn().await;
    let mut silent = server.kaapehchat("A").await;
    let mut known = server.kaapehchat("B").await;
    known.register("ines").await;
    let (_, silent, known) =
        tokio::join!(server.shutdown(), silent.recv_close(), known.recv_close());
    assert!(matches!(known, Closed::Frame(1001, _)), "{known:?}");
    assert!(
        matches!(silent, Closed::Frame(1001 | 1012, _)),
        "{silent:?}"
    );
}

#[tokio::test]
async fn a_request_in_progress_is_answered() {
    let server = TestServer::spawn().await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let body = r#"{"username":"ines","password":"clave-de-prueba-9"}"#;
    let head = format!(
        "POST /v1/auth/register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body: the request is in progress.
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");

    let address = server.address();
    let finish = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let (_, answer) = tokio::join!(server.shutdown(), finish);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn idle_connections_do_not_hold_it_up() {
    let server = TestServer::spawn().await;
    let mut idle = TcpStream::connect(server.address()).await.unwrap();
    let request = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n";
    idle.write_all(request).await.unwrap();
    let mut start = [0; 15];
    idle.read_exact(&mut start).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), server.shutdown())
        .await
        .expect("nothing is in progress");
}

#[cfg(unix)]
#[tokio::test]
async fn sigterm_ends_the_program_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = ServerProcess::builder(BINARY, folder.path().join("data"))
        .spawn()
        .await;
    let mut socket = server.socket("A", "/").await;
    server.terminate();
    let closed = socket.recv_close().await;
    assert!(
        matches!(closed, Closed::Frame(1001 | 1012, _)),
        "{closed:?}"
    );
    assert_eq!(server.wait().await.code(), Some(0), "{}", server.stderr());
}
