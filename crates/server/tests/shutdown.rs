//! G15: what is in progress is finished, clients are told to come back, and
//! the program ends well.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tertulia_testkit::checker::{check, check_reader};
use tertulia_testkit::{Closed, Sender, ServerProcess, TestServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixDatagram;
use tokio::sync::watch;

const BINARY: &str = env!("CARGO_BIN_EXE_tertulia");

/// Within how long it ends: 10 s, for a machine that does nothing else.
const SOON: Duration = Duration::from_secs(30);

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

/// What is in progress is waited for, if not for ever, and says so; idle connections
/// are not.
#[cfg(unix)]
#[tokio::test]
async fn idle_connections_do_not_hold_it_up() {
    const IDLE: &str = "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n";
    const BUSY: &str = "POST /v1/auth/register HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\
                        Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n";
    for (request, answer, is_waited_for) in [
        (IDLE, b"HTTP/1.1 200", false),
        (BUSY, b"HTTP/1.1 100", true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let program = ServerProcess::builder(BINARY, folder.path().join("data"));
        let mut server = program.spawn().await;
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, answer);
        server.stop().await;
        let log = server.stderr();
        let was_waited_for = log.contains("some requests took too long and were dropped");
        assert_eq!(was_waited_for, is_waited_for, "{log}");
    }
}

/// SIGTERM under load: what was confirmed is there, and what was sent and not
/// begun is not half there.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let program = ServerProcess::builder(BINARY, folder.path().join("data"))
        .variable("TERTULIA_LIMIT_MESSAGES_PER_SECOND", "100000")
        .variable("TERTULIA_LIMIT_MESSAGE_BURST", "100000");
    let mut server = program.spawn().await;
    let ines = server.http().v1_register("ines").await;
    let http = server.http().bearer(&ines.token);
    let room = json!({ "kind": "group", "title": "Cafetal" });
    let room = http.post("/v1/rooms", &room).await.json()["id"].clone();
    let room = room.as_str().unwrap();

    let (acked, mut confirmed) = watch::channel(0);
    let mut senders = Vec::new();
    for number in 0..8 {
        let sender = Sender::new(server.v1_socket("A", &ines.token).await, room);
        let acked = acked.clone();
        let client_ids = (0..100_000).map(move |message| format!("{number}-{message}"));
        senders.push(tokio::spawn(
            async move { sender.run(client_ids, &acked).await },
        ));
    }
    confirmed.wait_for(|count| *count >= 200).await.unwrap();
    let asked = Instant::now();
    server.terminate();
    let mut sends = Vec::new();
    let mut told = Vec::new();
    for seen in join_all(senders).await {
        let seen = seen.unwrap();
        assert!(
            matches!(seen.closed, Some(Closed::Frame(1012, _))),
            "{:?}",
            seen.closed
        );
        sends.extend(seen.sends);
        told.push(seen.told);
    }
    assert_eq!(server.wait().await.code(), Some(0), "{}", server.stderr());
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());

    let mut server = program.spawn().await;
    let history = server.http().bearer(&ines.token).v1_history(room).await;
    assert_eq!(check(&sends, &history), []);
    for told in told {
        assert_eq!(check_reader(&told, &history), []);
    }
    server.kill().await;
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

/// contracts/redup.md §2, "deployment": without this the unit as printed never
/// becomes active.
#[cfg(unix)]
#[tokio::test]
async fn a_supervisor_is_told_of_readiness_and_of_the_stop() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    supervised(socket, path.to_str().unwrap()).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_supervisor_may_have_an_abstract_socket() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram as StdDatagram};
    let name = format!("tertulia-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let socket = StdDatagram::bind_addr(&address).unwrap();
    socket.set_nonblocking(true).unwrap();
    let socket = UnixDatagram::from_std(socket).unwrap();
    supervised(socket, &format!("@{name}")).await;
}

#[cfg(unix)]
async fn supervised(socket: UnixDatagram, name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut server = ServerProcess::builder(BINARY, folder.path().join("data"))
        .variable("NOTIFY_SOCKET", name)
        .spawn()
        .await;
    assert_eq!(told(&socket).await, "READY=1");
    assert_eq!(server.http().get("/health/ready").await.status, 200);
    server.terminate();
    assert_eq!(told(&socket).await, "STOPPING=1");
    assert!(server.wait().await.success());
}

#[cfg(unix)]
async fn told(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 64];
    let received = tokio::time::timeout(Duration::from_secs(30), socket.recv(&mut buffer)).await;
    let length = received.expect("told in time").unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}
