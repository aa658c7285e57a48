//! A client that comes back again and again while others write: at the end it
//! knows what the server knows; no message comes twice on a connection, and none
//! is left out (G4, G7, G8, G9).

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tertulia_domain::{Draft, RoomId, UserId};
use tertulia_server::config::Settings;
use tertulia_testkit::{TestServer, TestServerBuilder, V1Account};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::replica::{Replica, text_of};
use crate::world::World;

/// Numbers that are the same in every run (splitmix64).
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % sides
    }
}

/// A connection that reads only when it is asked to, and may be cut.
struct Wire(WebSocketStream<TcpStream>);

impl Wire {
    async fn open(world: &World) -> Self {
        let address = world.server.address();
        let socket = TcpSocket::new_v4().expect("there are sockets");
        // What is not read stays with the server.
        let small = socket.set_recv_buffer_size(16 * 1024);
        small.expect("a small buffer is a buffer");
        let stream = socket.connect(address).await;
        let stream = stream.expect("the server listens");
        let upgraded = client_async(format!("ws://{address}/v1/ws"), stream).await;
        Self(upgraded.expect("the server upgrades").0)
    }

    async fn send(&mut self, op: Value) {
        // A connection that was cut says so when it is read.
        let _ = self.0.send(Message::text(op.to_string())).await;
    }

    /// The next frame; none when the connection was cut, which must be said in
    /// the way that tells clients to come back.
    async fn next(&mut self) -> Option<Value> {
        while let Some(message) = self.0.next().await {
            match message {
                Ok(Message::Text(text)) => {
                    let frame: Value = serde_json::from_str(&text).expect("frames are JSON");
                    assert_ne!(frame["ev"], "error", "{frame}");
                    if frame["ev"] != "bye" {
                        return Some(frame);
                    }
                    assert_eq!(frame["reason"], "slow_consumer");
                }
                Ok(Message::Close(close)) => {
                    let code = close.map(|close| u16::from(close.code));
                    assert_eq!(code, Some(1013));
                }
                Ok(_) => {}
                Err(_) => return None,
            }
        }
        None
    }
}

/// The client under test.
struct Reader<'a> {
    world: &'a World,
    who: &'a V1Account,
    replica: Replica,
    dice: Dice,
    /// Whether the others have written all that they will.
    is_done: watch::Receiver<bool>,
    /// How often a connection was cut, or too much was missed.
    cuts: usize,
    resyncs: usize,
}

/// How a visit ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stay {
    /// After so many frames, wherever that is.
    Frames(usize),
    /// Once everything was told.
    UntilLive,
}

impl Reader<'_> {
    /// Comes, reads, goes without a word. True when it was live.
    async fn visit(&mut self, stay: Stay) -> bool {
        let mut wire = Wire::open(self.world).await;
        let cursor = json!({&self.replica.room: self.replica.cursor});
        // Now and then with a cursor for `resume`, not for `auth`.
        let resumes = self.dice.throw(4) == 0;
        let mut auth = json!({"op": "auth", "token": self.who.token});
        if !resumes {
            auth["cursor"] = cursor.clone();
        }
        wire.send(auth).await;
        let mut visit = Visit::default();
        let mut left = match stay {
            Stay::Frames(frames) => frames,
            Stay::UntilLive => usize::MAX,
        };
        while left > 0 {
            left -= 1;
            let frame = tokio::select! {
                frame = wire.next() => frame,
                // Nobody writes any more: what is waited for may never come.
                _ = self.is_done.wait_for(|done| *done), if stay != Stay::UntilLive => return false,
            };
            let Some(frame) = frame else {
                self.cuts += 1;
                return false;
            };
            match frame["ev"].as_str().expect("a word") {
                "live" if resumes => {
                    let op = json!({"op": "resume", "ref": "all", "cursor": cursor});
                    wire.send(op).await;
                }
                // By `live`, and by the `ok` of `resume`, there is no hole: the
                // client stands where the events say, and where `ready` said at
                // least. A change that a missed message came with has no event.
                "live" | "ok" => {
                    visit.is_whole = true;
                    self.replica.reach(visit.ready);
                    if std::mem::take(&mut visit.must_fetch) {
                        self.fetch().await;
                        visit.fetched = true;
                    }
                    self.replica.reach(visit.reached);
                    if stay == Stay::UntilLive {
                        return true;
                    }
                }
                "resync" => {
                    self.resyncs += 1;
                    visit.must_fetch = true;
                }
                "ready" => {
                    let place = frame["cursor"][&self.replica.room].clone();
                    visit.ready = serde_json::from_value(place).expect("a place");
                }
                "presence" | "typing" => {}
                _ => self.take(&frame, &mut visit, resumes),
            }
        }
        false
    }

    fn take(&mut self, event: &Value, visit: &mut Visit, resumes: bool) {
        let known = self.replica.cursor;
        let at = self.replica.apply(event).expect("a stored event");
        if event["ev"] == "message" {
            assert!(visit.seen.insert(at[0]), "twice on one connection: {event}");
        }
        visit.reached = [visit.reached[0].max(at[0]), visit.reached[1].max(at[1])];
        if visit.must_fetch || (resumes && !visit.is_whole) {
            return;
        }
        if event["ev"] == "message" && !visit.fetched {
            assert_eq!(at[0], known[0] + 1, "out of order: {event}");
        }
        self.replica.reach(at);
    }

    /// Too much was missed: reads the room over HTTP.
    async fn fetch(&mut self) {
        let place = self.world.place(self.who, &self.replica.room).await;
        for message in self.world.history(self.who, &self.replica.room).await {
            let seq = message["seq"].as_i64().expect("a number");
            self.replica.messages.insert(seq, message);
        }
        let path = format!("/v1/rooms/{}/members?limit=100", self.replica.room);
        let members = self.world.http(self.who).get(&path).await.json();
        for member in members["items"].as_array().expect("there are members") {
            let marks = ["delivered_seq", "read_seq"].map(|name| member[name].as_i64());
            let marks = marks.map(|mark| mark.expect("a number"));
            self.replica
                .marks
                .insert(text_of(&member["user"]["id"]), marks);
        }
        let place: [i64; 2] = serde_json::from_value(place).expect("a place");
        self.replica.reach(place);
    }
}

/// One connection of the reader.
#[derive(Default)]
struct Visit {
    /// Messages that came on it.
    seen: HashSet<i64>,
    /// Where the room stood when it began.
    ready: [i64; 2],
    reached: [i64; 2],
    /// What came so far has no hole.
    is_whole: bool,
    must_fetch: bool,
    fetched: bool,
}

/// Someone who writes, and now and then changes what was written.
async fn write(world: &World, who: V1Account, room: String, size: usize, seed: u64) {
    let mut dice = Dice(seed);
    let http = world.http(&who);
    let messages = format!("/v1/rooms/{room}/messages");
    let mut own = Vec::new();
    for turn in 0..60 {
        let any: Option<&String> = own.get(dice.throw(own.len().max(1)));
        let one = any.map(|id| format!("{messages}/{id}"));
        let answer = match (dice.throw(10), one) {
            (0..=1, Some(path)) => http.patch(&path, &json!({"text": format!("{turn}")})).await,
            (2..=3, Some(path)) => {
                let path = format!("{path}/reactions/{}", ["golazo", "ay"][dice.throw(2)]);
                match dice.throw(3) {
                    0 => http.delete(&path).await,
                    _ => http.put(&path, &Value::Null).await,
                }
            }
            (4, Some(path)) => http.delete(&path).await,
            (5, Some(_)) => {
                let mark = ["delivered", "read"][dice.throw(2)];
                let marks = json!({mark: 1 + dice.throw(turn + 1)});
                http.put(&format!("/v1/rooms/{room}/receipts"), &marks)
                    .await
            }
            _ => {
                let text = "x".repeat(1 + dice.throw(size));
                let answer = http.post(&messages, &json!({"text": text})).await;
                own.push(text_of(&answer.json()["id"]));
                answer
            }
        };
        // One's own message may be deleted already; nothing else may fail.
        let done = answer.status.is_success() || answer.json()["code"] == "message_deleted";
        assert!(done, "{}", answer.text());
    }
}

fn fast(settings: &mut Settings) {
    settings.transport.messages_per_second = NonZeroU32::MAX;
    settings.transport.message_burst = NonZeroU32::MAX;
    settings.listener.connection_attempts_per_second = NonZeroU32::MAX;
}

/// What a run came through.
struct Run {
    visits: usize,
    cuts: usize,
    resyncs: usize,
}

/// Three write, one comes and goes.
async fn run(builder: TestServerBuilder, seed: u64, size: usize) -> Run {
    let world = Arc::new(World::with(builder).await);
    let reader = world.person("reader").await;
    let mut people = vec![reader.clone()];
    for number in 0..3 {
        people.push(world.person(&format!("writer{number}")).await);
    }
    let room = world.group(&people.iter().collect::<Vec<_>>()).await;
    let (done, is_done) = watch::channel(false);
    let mut writers = JoinSet::new();
    for (number, who) in people[1..].iter().cloned().enumerate() {
        let (world, room) = (Arc::clone(&world), room.clone());
        let seed = seed * 10 + number as u64;
        writers.spawn(async move {
            write(&world, who, room, size, seed).await;
        });
    }
    tokio::spawn(async move {
        while let Some(written) = writers.join_next().await {
            written.expect("a writer ends well");
        }
        let _ = done.send(true);
    });

    let mut client = Reader {
        world: &world,
        who: &reader,
        replica: Replica {
            room,
            ..Replica::default()
        },
        dice: Dice(seed),
        is_done,
        cuts: 0,
        resyncs: 0,
    };
    let mut visits = 0;
    while !*client.is_done.borrow() {
        let frames = client.dice.throw(40);
        client.visit(Stay::Frames(frames)).await;
        visits += 1;
    }
    while !client.visit(Stay::UntilLive).await {}
    client.replica.compare(&world, &reader).await;
    let (cuts, resyncs) = (client.cuts, client.resyncs);
    let world = Arc::into_inner(world).expect("the writers have ended");
    world.end([]).await;
    Run {
        visits,
        cuts,
        resyncs,
    }
}

#[tokio::test]
async fn what_is_put_together_equals_what_is_stored() {
    let mut visits = 0;
    for seed in 1..=4 {
        visits += run(TestServer::builder().settings(fast), seed, 200)
            .await
            .visits;
    }
    assert!(
        visits > 8,
        "the reader was hardly ever interrupted: {visits}"
    );
}

/// The same on several threads, where more can happen at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_put_together_equals_what_is_stored_on_two_threads() {
    for seed in 11..=14 {
        run(TestServer::builder().settings(fast), seed, 200).await;
    }
}

/// What a gate may hold is so little that many messages do not fit: the store is
/// read again and again, and a connection that is live is cut.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn little_room_behind_the_gate_makes_no_hole() {
    let mut cuts = 0;
    for seed in 21..=24 {
        let builder = TestServer::builder().settings(|settings| {
            fast(settings);
            settings.transport.outbox_bytes = 4_096;
        });
        cuts += run(builder, seed, 6_000).await.cuts;
    }
    assert!(cuts > 0, "no connection was ever too slow");
}

/// Nothing is replayed: the client has to fetch the room each time.
#[tokio::test]
async fn fetching_what_is_too_much_makes_no_hole() {
    let mut resyncs = 0;
    for seed in 31..=34 {
        let builder = TestServer::builder().settings(|settings| {
            fast(settings);
            settings.limits.recovery_messages = 0;
        });
        resyncs += run(builder, seed, 200).await.resyncs;
    }
    assert!(resyncs > 0, "never was too much missed");
}

/// More than the buffers of a socket hold.
async fn fill(world: &World, who: &V1Account, room: &str, count: i64) {
    let chat = world.server.chat();
    let id = |text: &str| text.parse().expect("ids are numbers");
    let author = chat.profile(UserId(id(&who.id))).await;
    let author = author.expect("the author is there");
    let mut pending = Vec::new();
    for _ in 0..count {
        let draft = Draft::text("x".repeat(20_000));
        let queued = chat.submit(&author, RoomId(id(room)), draft).await;
        pending.push(queued.expect("the author may speak").sent());
    }
    for sent in pending {
        sent.await.expect("the message is stored");
    }
}

/// G9: the membership ends in the middle of a catch-up. The client either knows
/// everything up to the end, and the end, or is told to fetch the room; and
/// nothing that came later.
#[tokio::test]
async fn a_membership_that_ends_during_a_catch_up_ends_it() {
    const MESSAGES: i64 = 600;
    let world = World::with(TestServer::builder().settings(fast)).await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    for frames in [0, 1, 7, 150, 599] {
        let room = world.group(&[&ines, &luis]).await;
        fill(&world, &ines, &room, MESSAGES).await;
        let mut wire = Wire::open(&world).await;
        let cursor = json!({&room: [0, 1]});
        wire.send(json!({"op": "auth", "token": luis.token, "cursor": cursor}))
            .await;
        let mut told = Vec::new();
        while told.len() < frames {
            told.extend(wire.next().await.filter(|frame| frame["ev"] != "ready"));
        }
        world.remove(&ines, &room, &luis).await;
        world.say(&ines, &room, "después").await;
        wire.send(json!({"op": "ping", "ref": "end"})).await;
        loop {
            let frame = wire.next().await.expect("the connection lives");
            if frame["ref"] == "end" {
                break;
            }
            told.extend(
                Some(frame).filter(|frame| frame["room_id"] == *room || frame["ev"] == "resync"),
            );
        }
        let seqs: Vec<_> = told
            .iter()
            .filter(|frame| frame["ev"] == "message")
            .map(|frame| frame["seq"].as_i64().expect("a number"))
            .collect();
        assert_eq!(
            seqs,
            (1..=seqs.len() as i64).collect::<Vec<_>>(),
            "after {frames}"
        );
        let resync = json!({"ev": "resync", "room_ids": [room]});
        if !told.contains(&resync) {
            let end = told.last().expect("something was told");
            assert_eq!(end["member"]["state"], "left", "after {frames}");
            assert_eq!(seqs.len() as i64, MESSAGES, "after {frames}");
        }
    }
    world.end([]).await;
}
