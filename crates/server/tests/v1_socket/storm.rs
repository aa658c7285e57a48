//! Many clients come back at once: a few are let in at a time
//! (`dialects/src/common/entering.rs`), and all of them in the end.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tertulia_testkit::{TestServer, TestServerBuilder, V1Account};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::world::World;

/// Connections that come back at once, of one person: as many as are allowed.
const RETURNING: usize = 20;

/// A server that lets in so many clients at a time, and nobody is too fast or
/// too slow for.
fn letting_in(at_once: &str) -> TestServerBuilder {
    TestServer::builder()
        .variable("TERTULIA_LIMIT_ENTERING_AT_ONCE", at_once)
        .variable("TERTULIA_LIMIT_MESSAGE_BURST", "100000")
        .settings(|settings| settings.transport.stall_timeout = Duration::from_secs(60 * 60))
}

#[tokio::test]
async fn everybody_who_returns_is_told_everything_though_two_enter_at_a_time() {
    let world = World::with(letting_in("2")).await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let room = world.group(&[&ines, &luis]).await;
    let cursor = json!({&room: world.place(&luis, &room).await});
    // More than a page.
    let mut writer = world.live("W", &ines).await;
    for _ in 0..130 {
        writer
            .ask(json!({"op": "send", "room_id": room, "text": "hola"}))
            .await;
    }
    writer.answers_and("message", 130).await;

    let names: Vec<_> = (0..RETURNING).map(|number| format!("A{number}")).collect();
    let coming = names
        .iter()
        .map(|name| world.returning(name, &luis, Some(&cursor)));
    let back = join_all(coming).await;
    let mut clients = Vec::new();
    for (client, missed) in back {
        let seqs: Vec<_> = missed
            .iter()
            .filter_map(|frame| frame["seq"].as_i64())
            .collect();
        assert_eq!(seqs, (1..=130).collect::<Vec<_>>());
        clients.push(client);
    }
    world.say(&ines, &room, "adiós").await;
    for client in &mut clients {
        assert_eq!(client.event("message").await["seq"], 131);
    }
    writer.vanish();
    world.end(clients).await;
}

/// It gives way as soon as its socket takes no more, and goes on when it does.
#[tokio::test]
async fn one_who_does_not_read_what_it_missed_keeps_nobody_out() {
    /// With as much text more than outbox and system hold for a socket.
    const MISSED: usize = 400;
    let world = World::with(letting_in("1")).await;
    let (ines, luis, ana) = (
        world.person("ines").await,
        world.person("luis").await,
        world.person("ana").await,
    );
    let room = world.group(&[&ines, &luis, &ana]).await;
    let cursor = json!({&room: world.place(&luis, &room).await});
    let mut writer = world.live("W", &ines).await;
    let text = "a".repeat(16 * 1024);
    for _ in 0..MISSED {
        writer
            .ask(json!({"op": "send", "room_id": room, "text": text}))
            .await;
        writer.answers_and("message", 1).await;
    }

    let mut slow = Slow::comes_back(&world, &luis, &cursor).await;
    // It is being let in now, or has been: whoever comes comes after it.
    assert_eq!(writer.event("presence").await["user_id"], *luis.id);
    let (mut other, missed) = world.returning("B", &ana, Some(&cursor)).await;
    assert_eq!(missed.len(), MISSED);
    let last = world.say(&ana, &room, "adiós").await;
    assert_eq!(other.event("message").await["seq"], last["seq"]);

    let told = slow.reads_up_to(&last["seq"]).await;
    assert_eq!(told, (1..=MISSED as i64 + 1).collect::<Vec<_>>());
    drop(slow);
    writer.vanish();
    world.end([other]).await;
}

/// A client with a small buffer that says who it is and where it stood, and does
/// not read.
struct Slow(WebSocketStream<TcpStream>);

impl Slow {
    async fn comes_back(world: &World, who: &V1Account, cursor: &Value) -> Self {
        let socket = TcpSocket::new_v4().expect("there is IPv4");
        socket
            .set_recv_buffer_size(4 * 1024)
            .expect("it may be small");
        let address = world.server.address();
        let stream = socket.connect(address).await.expect("it listens");
        let url = format!("ws://{address}/v1/ws");
        let (mut stream, _) = client_async(url, stream).await.expect("it is let in");
        let auth = json!({"op": "auth", "token": who.token, "cursor": cursor});
        let auth = Message::text(auth.to_string());
        stream.send(auth).await.expect("it takes that");
        Self(stream)
    }

    /// The seqs of all messages, up to this one.
    async fn reads_up_to(&mut self, last: &Value) -> Vec<i64> {
        let mut seqs = Vec::new();
        loop {
            let frame = self.0.next().await.expect("it goes on").expect("a frame");
            let text = frame.into_text().expect("a text");
            let event: Value = serde_json::from_str(&text).expect("JSON");
            if event["ev"] == "message" {
                seqs.extend(event["seq"].as_i64());
                if event["seq"] == *last {
                    return seqs;
                }
            }
        }
    }
}
