//! A reader that stops reading is cut within the bound of its queue, and nobody
//! else notices (`reliability.md` G12). With the real program, whose memory is
//! measured.
#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tertulia_testkit::{ServerProcess, V1Account, V1Client};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

const BINARY: &str = env!("CARGO_BIN_EXE_tertulia");
const MIB: u64 = 1024 * 1024;
/// The default bound of an outbox.
const OUTBOX: u64 = MIB;
/// What the server may grow by beside it.
const ALLOWANCE: u64 = 8 * MIB;
const TEXT_BYTES: usize = 16 * 1024;
const READERS: usize = 3;
/// Messages before the reader gets stuck, to compare with.
const CALM: usize = 400;
/// Far more than the bound and the buffers of the system hold.
const MOST: usize = 4_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_reader_is_cut_and_nobody_else_notices() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = ServerProcess::builder(BINARY, folder.path().join("data"))
        .variable("TERTULIA_LIMIT_MESSAGES_PER_SECOND", "100000")
        .variable("TERTULIA_LIMIT_MESSAGE_BURST", "100000")
        .variable("TERTULIA_PRESENCE_GRACE", "0s")
        .spawn()
        .await;
    let mut party = Party::gather(&server).await;

    let mut calm = Figures::default();
    for _ in 0..CALM {
        party.say(&server, &mut calm).await;
    }
    let stuck = StuckReader::connect(&server, &party.stuck).await;
    let deliveries = deliveries(&server).await;
    let mut filling = Figures::default();
    while !party.stuck_went && filling.latencies.len() < MOST {
        party.say(&server, &mut filling).await;
    }

    assert!(party.stuck_went, "the reader was never cut");
    let queued = self::deliveries(&server).await - deliveries - party.deliveries(&filling);
    let (queued, bound) = (queued * TEXT_BYTES as u64, OUTBOX + system_buffers());
    assert!(
        queued <= bound,
        "cut after {queued} bytes; {bound} may wait"
    );
    assert!(queued >= OUTBOX, "cut after {queued} bytes already");
    let grown = filling.memory.saturating_sub(calm.memory);
    assert!(grown <= OUTBOX + ALLOWANCE, "memory grew by {grown} bytes");
    // Every message reached every other reader before the next was said. How fast, a bench
    // measures; here it is only shown.
    let (before, during) = (calm.p99(), filling.p99());
    println!("delivered to all others, p99: {before:?} before, {during:?} beside a stuck reader");

    drop(stuck);
    party.catches_up(&server, filling.latencies.len()).await;
    server.kill().await;
}

/// What the kernel takes of a connection that nobody reads: the server's send
/// buffer at its largest, the reader's small receive buffer, and some overhead.
fn system_buffers() -> u64 {
    let limits = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_wmem").unwrap();
    let most = limits.split_whitespace().nth(2).unwrap();
    most.parse::<u64>().unwrap() + MIB / 2
}

/// Frames put into outboxes since the start.
async fn deliveries(server: &ServerProcess) -> u64 {
    let metrics = server.http().get("/metrics").await.text();
    let value = metrics
        .lines()
        .find_map(|line| line.strip_prefix("tertulia_deliveries_total "));
    value.unwrap().parse().unwrap()
}

/// What was measured while messages were said.
#[derive(Default)]
struct Figures {
    /// From sending a message until the last reader had it.
    latencies: Vec<Duration>,
    /// The most memory that the server held.
    memory: u64,
}

impl Figures {
    fn p99(&self) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        sorted[sorted.len() * 99 / 100]
    }
}

/// One writer, some readers, and one who will get stuck, in one room.
struct Party {
    room: String,
    writer: V1Client,
    readers: Vec<V1Client>,
    stuck: V1Account,
    stuck_went: bool,
    last_seq: u64,
}

impl Party {
    async fn gather(server: &ServerProcess) -> Self {
        let http = server.http();
        let writer = http.v1_register("writer").await;
        let stuck = http.v1_register("stuck").await;
        let mut readers = Vec::new();
        for number in 0..READERS {
            readers.push(http.v1_register(&format!("reader{number}")).await);
        }
        let members: Vec<_> = readers.iter().chain([&stuck]).map(|it| &it.id).collect();
        let room = json!({ "kind": "group", "title": "Cafetal", "members": members });
        let made = http.bearer(&writer.token).post("/v1/rooms", &room).await;
        let mut sockets = Vec::new();
        for reader in &readers {
            sockets.push(server.v1_socket("reader", &reader.token).await);
        }
        Self {
            room: made.json()["id"].as_str().unwrap().to_owned(),
            writer: server.v1_socket("writer", &writer.token).await,
            readers: sockets,
            stuck,
            stuck_went: false,
            last_seq: 0,
        }
    }

    /// Frames for everybody but the stuck one: each message, and that one went.
    fn deliveries(&self, figures: &Figures) -> u64 {
        let others = self.readers.len() + 1;
        ((figures.latencies.len() + 1) * others) as u64
    }

    /// Says one message, and waits until every reader has it, once and in its
    /// place.
    async fn say(&mut self, server: &ServerProcess, figures: &mut Figures) {
        let began = Instant::now();
        let text = "x".repeat(TEXT_BYTES);
        let message = json!({ "room_id": self.room, "text": text });
        self.writer.request("send", &message).await;
        self.last_seq += 1;
        for reader in &mut self.readers {
            self.stuck_went |= next_message(reader, self.last_seq, &self.stuck.id).await;
        }
        figures.latencies.push(began.elapsed());
        figures.memory = figures.memory.max(server.resident_bytes());
        // The writer has its own message and the answer; their order is free.
        while frame(&mut self.writer).await["ev"] != "ok" {}
    }

    /// The reader that was cut comes back and gets all that it missed (G8).
    async fn catches_up(mut self, server: &ServerProcess, missed: usize) {
        for socket in self.readers.drain(..).chain([self.writer]) {
            socket.vanish();
        }
        let known = self.last_seq - missed as u64;
        let mut socket = server.socket("stuck", "/v1/ws").await;
        let cursor = json!({ self.room: [known, 1] });
        let auth = json!({ "op": "auth", "token": self.stuck.token, "cursor": cursor });
        socket.send(&auth).await;
        let mut next = known + 1;
        loop {
            let frame = socket.recv().await;
            match frame["ev"].as_str() {
                Some("message") => {
                    assert_eq!(frame["message"]["seq"], next);
                    next += 1;
                }
                Some("live") => break,
                _ => {}
            }
        }
        assert_eq!(next, self.last_seq + 1);
        socket.vanish();
    }
}

async fn frame(socket: &mut V1Client) -> Value {
    let text = socket
        .try_recv_text()
        .await
        .expect("only the stuck one is cut");
    serde_json::from_str(&text).unwrap()
}

/// Takes the next message, which must have this seq; true when the stuck user
/// went before it.
async fn next_message(reader: &mut V1Client, seq: u64, stuck: &str) -> bool {
    let mut went = false;
    loop {
        let frame = frame(reader).await;
        match frame["ev"].as_str() {
            Some("message") => {
                assert_eq!(frame["message"]["seq"], seq);
                return went;
            }
            Some("presence") if frame["user_id"] == stuck => {
                went |= frame["status"] == "offline";
            }
            _ => {}
        }
    }
}

/// A connection that is live and never read from again.
struct StuckReader(#[expect(dead_code, reason = "held open")] WebSocketStream<TcpStream>);

impl StuckReader {
    async fn connect(server: &ServerProcess, account: &V1Account) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 * 1024).unwrap();
        let stream = socket.connect(server.address()).await.unwrap();
        let url = format!("ws://{}/v1/ws", server.address());
        let (mut stream, _) = client_async(url, stream).await.unwrap();
        let auth = json!({ "op": "auth", "token": account.token }).to_string();
        stream.send(Message::text(auth)).await.unwrap();
        loop {
            let frame = stream.next().await.unwrap().unwrap().into_text().unwrap();
            if frame.contains(r#""ev":"live""#) {
                return Self(stream);
            }
        }
    }
}
