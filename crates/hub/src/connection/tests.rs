//! A connection over an in-memory socket, with a scripted session and time that stands still.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use parking_lot::Mutex;
use tertulia_domain::{
    Event, UserId,
    event::{EndedSessions, SessionsEnded},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::Notify,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::*;
use crate::{
    outbox::{Item, OutboxLimits, Wakes},
    session::Message,
    ws::frame,
};

/// What a test and its session share: gates that requests wait at, and a log of calls.
#[derive(Default)]
struct Stage {
    gates: Mutex<HashMap<String, Arc<Notify>>>,
    log: Mutex<Vec<String>>,
}

impl Stage {
    fn gate(&self, name: &str) -> Arc<Notify> {
        Arc::clone(self.gates.lock().entry(name.to_owned()).or_default())
    }

    fn open(&self, name: &str) {
        self.gate(name).notify_one();
    }

    fn note(&self, what: impl Into<String>) {
        self.log.lock().push(what.into());
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().clone()
    }
}

/// Does what each message says: `word argument`.
struct Script {
    stage: Arc<Stage>,
    outbox: Arc<Outbox>,
    deadline: Option<Instant>,
}

impl Drop for Script {
    fn drop(&mut self) {
        self.stage.note("dropped");
    }
}

impl Session for Script {
    type Request = (String, String);

    fn decode(&mut self, message: Message<'_>) -> Self::Request {
        let Message::Text(text) = message else {
            return ("binary".into(), String::new());
        };
        let (word, argument) = text.split_once(' ').unwrap_or((text, ""));
        (word.to_owned(), argument.to_owned())
    }

    fn is_pipelined(&self, request: &Self::Request) -> bool {
        request.0 == "send" || request.0 == "quick"
    }

    async fn on_request(&mut self, (word, argument): Self::Request, replies: &mut Replies) -> Flow {
        self.stage.note(format!("{word} {argument}"));
        let number = argument.parse::<u64>().unwrap_or(0);
        match word.as_str() {
            "say" | "quick" => replies.frame(frame::text(&argument)),
            "send" => {
                let (stage, gate) = (Arc::clone(&self.stage), self.stage.gate(&argument));
                replies.later(async move {
                    gate.notified().await;
                    stage.note(format!("sent {argument}"));
                    Reply::Frame(frame::text(&argument))
                });
            }
            "wait" => {
                self.stage.gate(&argument).notified().await;
                replies.frame(frame::text(&argument));
            }
            "big" => replies.frame(frame::binary(&vec![7; number as usize])),
            "pages" => {
                for page in 0..number {
                    let text = format!("{page:01000}");
                    if self
                        .outbox
                        .reply_when_room(frame::text(&text))
                        .await
                        .is_err()
                    {
                        self.stage.note("gone");
                        break;
                    }
                }
            }
            "pause" => return Flow::Pause(Duration::from_millis(number)),
            "deadline" => self.deadline = Some(Instant::now() + Duration::from_millis(number)),
            "close" => {
                replies.frame(frame::text("bye"));
                return Flow::Close(Close::new(number as u16, "asked"));
            }
            "later-close" => {
                let gate = self.stage.gate("close");
                replies.later(async move {
                    gate.notified().await;
                    Reply::Close(Close::new(code::POLICY, "later"))
                });
            }
            _ => replies.frame(frame::text("what?")),
        }
        Flow::Continue
    }

    async fn on_event(&mut self, event: Arc<Event>) -> Flow {
        let Event::SessionsEnded(ended) = &*event else {
            return Flow::Continue;
        };
        if ended.user == UserId(0) {
            self.stage.gate("event").notified().await;
        }
        self.outbox
            .reply(frame::text(&format!("event {}", ended.user)));
        Flow::Continue
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    async fn on_deadline(&mut self) -> Flow {
        self.outbox.reply(frame::text("too late"));
        Flow::Close(Close::new(code::POLICY, "deadline"))
    }
}

/// What the client reads.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    Text(String),
    Binary(usize),
    Ping,
    Pong(Vec<u8>),
    Close(u16, String),
    CloseWithoutCode,
    End,
}

fn text(text: &str) -> Read {
    Read::Text(text.to_owned())
}

fn closed(code: u16, reason: &str) -> Read {
    Read::Close(code, reason.to_owned())
}

/// A masked client frame.
fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [1, 2, 3, 4];
    let mut frame = vec![first];
    if payload.len() < 126 {
        frame.push(0x80 | payload.len() as u8);
    } else {
        frame.push(0x80 | 126);
        frame.extend((payload.len() as u16).to_be_bytes());
    }
    frame.extend(key);
    frame.extend(
        payload
            .iter()
            .enumerate()
            .map(|(at, byte)| byte ^ key[at % 4]),
    );
    frame
}

fn say(text: &str) -> Vec<u8> {
    client_frame(0x81, text.as_bytes())
}

struct Client {
    socket: DuplexStream,
    received: BytesMut,
    outbox: Arc<Outbox>,
    stage: Arc<Stage>,
    task: JoinHandle<Ended>,
}

struct Options {
    socket: usize,
    outbox: OutboxLimits,
    settings: ConnectionSettings,
    leftover: Bytes,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            socket: 1 << 20,
            outbox: OutboxLimits::default(),
            settings: ConnectionSettings::default(),
            leftover: Bytes::new(),
        }
    }
}

impl Client {
    fn connect() -> Self {
        Self::connect_with(Options::default())
    }

    fn connect_with(options: Options) -> Self {
        let (socket, server) = duplex(options.socket);
        let outbox = Outbox::new(options.outbox);
        let stage = Arc::<Stage>::default();
        let session = Script {
            stage: Arc::clone(&stage),
            outbox: Arc::clone(&outbox),
            deadline: None,
        };
        let connection = Connection::new(
            server,
            &options.leftover,
            false,
            Arc::clone(&outbox),
            session,
            Arc::new(options.settings),
        );
        let task = tokio::spawn(connection);
        Self {
            socket,
            received: BytesMut::new(),
            outbox,
            stage,
            task,
        }
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket
            .write_all(bytes.as_ref())
            .await
            .expect("the server reads");
    }

    async fn say(&mut self, message: &str) {
        self.send(say(message)).await;
    }

    /// The next frame. Waits a minute of the paused clock at most.
    async fn read(&mut self) -> Read {
        timeout(Duration::from_secs(60), self.read_frame())
            .await
            .expect("a frame comes")
    }

    async fn read_frame(&mut self) -> Read {
        loop {
            if let Some(frame) = self.parse() {
                return frame;
            }
            if self
                .socket
                .read_buf(&mut self.received)
                .await
                .expect("the socket works")
                == 0
            {
                assert_eq!(self.received.len(), 0, "the last frame is whole");
                return Read::End;
            }
        }
    }

    fn parse(&mut self) -> Option<Read> {
        let mut bytes = &self.received[..];
        let first = bytes.try_get_u8().ok()?;
        let length = match bytes.try_get_u8().ok()? {
            126 => bytes.try_get_u16().ok()? as usize,
            127 => bytes.try_get_u64().ok()? as usize,
            short => short as usize,
        };
        let payload = bytes.get(..length)?.to_vec();
        let header = self.received.len() - bytes.len();
        self.received.advance(header + length);
        Some(match first {
            0x81 => Read::Text(String::from_utf8(payload).expect("texts are UTF-8")),
            0x82 => Read::Binary(payload.len()),
            0x88 if payload.is_empty() => Read::CloseWithoutCode,
            0x88 => Read::Close(
                u16::from_be_bytes([payload[0], payload[1]]),
                String::from_utf8(payload[2..].to_vec()).expect("reasons are UTF-8"),
            ),
            0x89 => Read::Ping,
            0x8a => Read::Pong(payload),
            other => panic!("unexpected first byte {other:#x}"),
        })
    }

    async fn expect(&mut self, frames: impl IntoIterator<Item = Read>) {
        for expected in frames {
            assert_eq!(self.read().await, expected);
        }
    }

    /// Nothing comes, for a moment in which every ready task has run.
    async fn expect_silence(&mut self) {
        let more = timeout(Duration::from_millis(1), self.read_frame()).await;
        assert!(more.is_err(), "unexpected {more:?}");
    }

    fn deliver(&self, items: impl IntoIterator<Item = Item>) {
        let mut wakes = Wakes::default();
        for item in items {
            self.outbox.push(item, &mut wakes);
        }
        wakes.wake_all();
    }

    async fn ended(self) -> Ended {
        drop(self.socket);
        timeout(Duration::from_secs(60), self.task)
            .await
            .expect("the connection ends")
            .expect("the connection does not panic")
    }
}

fn shared(text: &str) -> Item {
    Item::Frame(frame::text(text))
}

/// An event that the session renders as `event <number>`; number 0 waits at the gate `event`.
fn event(number: i64) -> Item {
    let ended = SessionsEnded {
        user: UserId(number),
        which: EndedSessions::All,
    };
    Item::Event(Arc::new(Event::SessionsEnded(ended)))
}

#[test]
fn an_idle_connection_is_small() {
    let connection = size_of::<Connection<tokio::net::TcpStream, Script>>();
    let outbox = size_of::<Outbox>();
    assert!(connection <= 900, "{connection} bytes for a connection");
    assert!(outbox <= 300, "{outbox} bytes for an outbox");
}

#[tokio::test(start_paused = true)]
async fn many_messages_in_one_write_are_answered_in_order() {
    let mut client = Client::connect();
    let words: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    let burst: Vec<u8> = words
        .iter()
        .flat_map(|word| say(&format!("say {word}")))
        .collect();
    client.send(burst).await;
    client.expect(words.iter().map(|word| text(word))).await;
}

#[tokio::test(start_paused = true)]
async fn what_came_with_the_handshake_is_handled_first() {
    let leftover = [say("say one"), say("say two")[..3].to_vec()].concat();
    let options = Options {
        leftover: leftover.into(),
        ..Options::default()
    };
    let mut client = Client::connect_with(options);
    client.send(&say("say two")[3..]).await;
    client.expect([text("one"), text("two")]).await;
}

#[tokio::test(start_paused = true)]
async fn bytes_one_at_a_time_both_ways() {
    let client = Client::connect_with(Options {
        socket: 1,
        ..Options::default()
    });
    client.deliver([shared("shared")]);
    let stream = [say("say one"), client_frame(0x89, b"?"), say("say two")].concat();
    let (mut reader, mut writer) = tokio::io::split(client.socket);
    let writing = tokio::spawn(async move {
        for byte in stream {
            writer.write_all(&[byte]).await.expect("the server reads");
        }
        writer
    });
    let expected = [
        frame::text("shared"),
        frame::text("one"),
        frame::pong(b"?"),
        frame::text("two"),
    ]
    .concat();
    let mut got = vec![0; expected.len()];
    reader
        .read_exact(&mut got)
        .await
        .expect("the server writes");
    assert_eq!(got, expected);
    writing.await.expect("the writer does not panic");
}

#[tokio::test(start_paused = true)]
async fn sends_overlap_and_replies_keep_the_order_of_requests() {
    let mut client = Client::connect();
    client
        .send([say("send a"), say("send b"), say("quick c"), say("send d")].concat())
        .await;
    client.expect_silence().await;
    assert_eq!(
        client.stage.log(),
        ["send a", "send b", "quick c", "send d"]
    );
    client.stage.open("b");
    client.stage.open("d");
    client.expect_silence().await;
    client.stage.open("a");
    client
        .expect([text("a"), text("b"), text("c"), text("d")])
        .await;
}

#[tokio::test(start_paused = true)]
async fn other_requests_wait_for_the_replies_before_them() {
    let mut client = Client::connect();
    client
        .send([say("send a"), say("say b"), say("say c"), say("send d")].concat())
        .await;
    client.expect_silence().await;
    assert_eq!(client.stage.log(), ["send a"]);
    client.stage.open("a");
    client.expect([text("a"), text("b"), text("c")]).await;
    client.expect_silence().await;
    assert_eq!(
        client.stage.log(),
        ["send a", "sent a", "say b", "say c", "send d"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_number_of_pending_replies_is_bounded() {
    let settings = ConnectionSettings {
        pending_replies: 3,
        ..ConnectionSettings::default()
    };
    let mut client = Client::connect_with(Options {
        settings,
        ..Options::default()
    });
    let burst: Vec<u8> = (0..10)
        .flat_map(|number| say(&format!("send {number}")))
        .collect();
    client.send(burst).await;
    client.expect_silence().await;
    assert_eq!(client.stage.log().len(), 3);
    for number in 0..10 {
        client.stage.open(&number.to_string());
        client.expect([text(&number.to_string())]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn fan_out_and_pongs_go_on_while_a_request_is_handled() {
    let mut client = Client::connect();
    client.say("wait gate").await;
    client
        .send([client_frame(0x89, b"alive?"), say("say after")].concat())
        .await;
    client.expect([Read::Pong(b"alive?".to_vec())]).await;
    client.deliver([shared("news")]);
    client.expect([text("news")]).await;
    client.stage.open("gate");
    client.expect([text("gate"), text("after")]).await;
}

#[tokio::test(start_paused = true)]
async fn events_are_rendered_in_their_place() {
    let mut client = Client::connect();
    client.deliver([
        shared("one"),
        event(2),
        shared("three"),
        event(4),
        event(5),
        shared("six"),
    ]);
    let expected = ["one", "event 2", "three", "event 4", "event 5", "six"];
    client.expect(expected.map(text)).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_rendering_holds_back_the_fan_out_but_not_the_replies() {
    let mut client = Client::connect();
    client.say("send reply").await;
    client.expect_silence().await;
    client.deliver([event(0), shared("after")]);
    client.expect_silence().await;
    client.stage.open("reply");
    client.expect([text("reply")]).await;
    client.deliver([shared("later")]);
    client.expect_silence().await;
    client.stage.open("event");
    client
        .expect([text("event 0"), text("after"), text("later")])
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_event_waits_for_the_request_in_progress() {
    let mut client = Client::connect();
    client.say("wait gate").await;
    client.expect_silence().await;
    client.deliver([event(1)]);
    client.expect_silence().await;
    client.stage.open("gate");
    client.expect([text("gate"), text("event 1")]).await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_delays_the_next_request_but_not_a_pong() {
    let mut client = Client::connect();
    let start = Instant::now();
    client
        .send([say("pause 700"), client_frame(0x89, b""), say("say late")].concat())
        .await;
    client.expect([Read::Pong(Vec::new())]).await;
    assert!(start.elapsed() < Duration::from_millis(10));
    client.expect([text("late")]).await;
    let waited = start.elapsed();
    assert!((700..710).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn replies_wait_for_the_reader() {
    let mut client = Client::connect_with(Options {
        socket: 4096,
        ..Options::default()
    });
    let burst: Vec<u8> = (0..20).flat_map(|_| say("big 50000")).collect();
    client.send(burst).await;
    sleep(Duration::from_secs(1)).await;
    let begun = client.stage.log().len();
    assert!(
        begun <= 3,
        "{begun} requests were begun with 64 KiB of replies allowed to wait"
    );
    client.expect((0..20).map(|_| Read::Binary(50_000))).await;
}

#[tokio::test(start_paused = true)]
async fn a_catch_up_goes_at_the_pace_of_the_reader() {
    let outbox = OutboxLimits {
        own_bytes: 5_000,
        ..OutboxLimits::default()
    };
    let mut client = Client::connect_with(Options {
        socket: 2000,
        outbox,
        ..Options::default()
    });
    client.say("pages 200").await;
    for page in 0..200 {
        let (queued, _) = client.outbox.waiting_bytes();
        assert!(queued < 5_000 + 2_000, "{queued} bytes wait");
        client.expect([text(&format!("{page:01000}"))]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_catch_up_ends_with_its_connection() {
    let outbox = OutboxLimits {
        own_bytes: 5_000,
        ..OutboxLimits::default()
    };
    let mut client = Client::connect_with(Options {
        socket: 2000,
        outbox,
        ..Options::default()
    });
    client.say("pages 200").await;
    client.expect([text(&format!("{:01000}", 0))]).await;
    client.outbox.expel(Close::new(code::POLICY, "out"));
    let stage = Arc::clone(&client.stage);
    assert_eq!(
        client.ended().await,
        Ended::ByServer(Close::new(code::POLICY, "out"))
    );
    assert_eq!(stage.log(), ["pages 200", "gone", "dropped"]);
}

#[tokio::test(start_paused = true)]
async fn pings_are_sent_and_any_byte_is_a_sign_of_life() {
    let mut client = Client::connect();
    let start = Instant::now();
    for round in 1..=3 {
        client.expect([Read::Ping]).await;
        assert_eq!(start.elapsed().as_millis() / 100, round * 250);
        // Half a frame is enough.
        client
            .send(&client_frame(0x8a, b"")[..round as usize])
            .await;
        client
            .send(&client_frame(0x8a, b"")[round as usize..])
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_dropped_with_1011() {
    let mut client = Client::connect();
    let start = Instant::now();
    client.expect([Read::Ping, closed(1011, "no pong")]).await;
    assert_eq!(start.elapsed().as_secs(), 45);
    assert_eq!(
        client.ended().await,
        Ended::ByServer(Close::new(1011, "no pong"))
    );
}

#[tokio::test(start_paused = true)]
async fn short_intervals_ping_often_and_time_out_from_the_first_unanswered_ping() {
    let settings = ConnectionSettings {
        ping_interval: Duration::from_millis(100),
        ping_timeout: Duration::from_millis(250),
        ..ConnectionSettings::default()
    };
    let mut client = Client::connect_with(Options {
        settings,
        ..Options::default()
    });
    let start = Instant::now();
    client
        .expect([Read::Ping, Read::Ping, Read::Ping, closed(1011, "no pong")])
        .await;
    assert_eq!(start.elapsed().as_millis() / 10, 35);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_not_read_from_is_not_called_silent() {
    let settings = ConnectionSettings {
        ping_interval: Duration::from_secs(1),
        ping_timeout: Duration::from_secs(1),
        ..ConnectionSettings::default()
    };
    let mut client = Client::connect_with(Options {
        settings,
        ..Options::default()
    });
    client
        .send([say("wait gate"), say("say next")].concat())
        .await;
    sleep(Duration::from_secs(10)).await;
    client.stage.open("gate");
    while client.read().await != text("next") {}
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stops_is_cut_and_its_memory_freed() {
    let outbox = OutboxLimits {
        shared_bytes: 100_000,
        ..OutboxLimits::default()
    };
    let mut client = Client::connect_with(Options {
        socket: 1000,
        outbox,
        ..Options::default()
    });
    let news = Item::Frame(frame::binary(&[1; 936]));
    for _ in 0..99 {
        client.deliver([news.clone()]);
        tokio::task::yield_now().await;
    }
    assert_eq!(
        client.outbox.waiting_bytes().1,
        98 * 1_004,
        "one has gone out"
    );
    client.deliver([news.clone(), news.clone(), news.clone()]);
    assert!(client.outbox.is_empty(), "what waits is dropped at once");
    client.deliver([news]);
    let mut frames = 0;
    loop {
        match client.read().await {
            Read::Binary(936) => frames += 1,
            other => {
                assert_eq!(other, closed(1013, "slow_consumer"));
                break;
            }
        }
    }
    assert!(frames <= 2, "only what was on the wire came: {frames}");
    assert_eq!(
        client.ended().await,
        Ended::ByServer(Close::slow_consumer())
    );
}

#[tokio::test(start_paused = true)]
async fn a_socket_without_progress_is_cut_after_ten_seconds() {
    let mut client = Client::connect_with(Options {
        socket: 1000,
        ..Options::default()
    });
    let start = Instant::now();
    client.deliver((0..10).map(|_| Item::Frame(frame::binary(&[1; 900]))));
    sleep(Duration::from_secs(6)).await;
    client.expect([Read::Binary(900)]).await;
    let stage = Arc::clone(&client.stage);
    while stage.log().is_empty() {
        sleep(Duration::from_millis(100)).await;
    }
    // Ten seconds after the last progress, and two for the close frame that nobody reads.
    assert_eq!(start.elapsed().as_secs(), 6 + 10 + 2);
    assert_eq!(
        client.ended().await,
        Ended::ByServer(Close::slow_consumer())
    );
}

#[tokio::test(start_paused = true)]
async fn a_sleeping_connection_that_cannot_write_is_still_closed_in_time() {
    let client = Client::connect_with(Options {
        socket: 100,
        ..Options::default()
    });
    let start = Instant::now();
    client.deliver([Item::Frame(frame::binary(&[1; 900]))]);
    client.outbox.expel_after(
        Duration::from_secs(3),
        Close::new(code::POLICY, "session ended"),
    );
    let stage = Arc::clone(&client.stage);
    while stage.log().is_empty() {
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_order_to_close_waits_for_what_is_owed() {
    let mut client = Client::connect();
    client
        .send([say("send a"), say("say never")].concat())
        .await;
    client.expect_silence().await;
    client.deliver([shared("news"), event(3)]);
    client.outbox.close(
        Duration::from_secs(9),
        Close::new(code::SERVICE_RESTART, "restart"),
    );
    client.deliver([shared("too late")]);
    client.expect([text("news"), text("event 3")]).await;
    client.expect_silence().await;
    client.stage.open("a");
    client.expect([text("a"), closed(1012, "restart")]).await;
    client
        .send(client_frame(0x88, &1012_u16.to_be_bytes()))
        .await;
    client.expect([Read::End]).await;
    assert_eq!(client.stage.log(), ["send a", "sent a", "dropped"]);
}

#[tokio::test(start_paused = true)]
async fn an_order_to_close_does_not_wait_for_ever() {
    let mut client = Client::connect();
    let start = Instant::now();
    client.say("wait never").await;
    client.expect_silence().await;
    client
        .outbox
        .close(Duration::from_secs(5), Close::new(code::GOING_AWAY, ""));
    client.expect([closed(1001, "")]).await;
    assert_eq!(start.elapsed().as_secs(), 5);
    client.expect([Read::End]).await;
    assert_eq!(start.elapsed().as_secs(), 7);
    let stage = Arc::clone(&client.stage);
    assert_eq!(
        client.ended().await,
        Ended::ByServer(Close::new(code::GOING_AWAY, ""))
    );
    assert_eq!(start.elapsed().as_secs(), 12);
    assert_eq!(stage.log(), ["wait never", "dropped"]);
}

#[tokio::test(start_paused = true)]
async fn the_session_closes_after_its_last_words() {
    let mut client = Client::connect();
    client
        .send([say("say hi"), say("close 4001"), say("say never")].concat())
        .await;
    client
        .expect([text("hi"), text("bye"), closed(4001, "asked")])
        .await;
    // What the client still says is not heard; its close frame is.
    client.say("say never").await;
    client
        .send(client_frame(0x88, &4001_u16.to_be_bytes()))
        .await;
    client.expect([Read::End]).await;
    assert_eq!(client.stage.log(), ["say hi", "close 4001", "dropped"]);
}

#[tokio::test(start_paused = true)]
async fn a_promise_may_close() {
    let mut client = Client::connect();
    client
        .send([say("later-close"), say("quick a")].concat())
        .await;
    client.expect_silence().await;
    client.stage.open("close");
    client.expect([text("a"), closed(1008, "later")]).await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_kept_and_can_be_moved() {
    let mut client = Client::connect();
    let start = Instant::now();
    client.say("deadline 5000").await;
    sleep(Duration::from_secs(4)).await;
    client.say("deadline 3000").await;
    client
        .expect([text("too late"), closed(1008, "deadline")])
        .await;
    assert_eq!(start.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_during_a_request_comes_after_it() {
    let mut client = Client::connect();
    client
        .send([say("deadline 500"), say("wait gate")].concat())
        .await;
    sleep(Duration::from_secs(1)).await;
    client.stage.open("gate");
    client
        .expect([text("gate"), text("too late"), closed(1008, "deadline")])
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_close_frame_is_answered_with_the_same_code() {
    for (payload, answer, ended) in [
        (
            &b"\x03\xe8bye"[..],
            closed(1000, ""),
            Ended::ByPeer(Some(1000)),
        ),
        (b"\x0f\xa1", closed(4001, ""), Ended::ByPeer(Some(4001))),
        (b"", Read::CloseWithoutCode, Ended::ByPeer(None)),
    ] {
        let mut client = Client::connect();
        client.send(client_frame(0x88, payload)).await;
        client.expect([answer, Read::End]).await;
        assert_eq!(client.ended().await, ended);
    }
}

#[tokio::test(start_paused = true)]
async fn requests_in_progress_are_finished_when_the_client_leaves() {
    for farewell in [client_frame(0x88, b""), Vec::new()] {
        let mut client = Client::connect();
        client
            .send(
                [
                    say("send a"),
                    say("send b"),
                    say("wait c"),
                    farewell.clone(),
                ]
                .concat(),
            )
            .await;
        if farewell.is_empty() {
            client.socket.shutdown().await.expect("the socket shuts");
        }
        let stage = Arc::clone(&client.stage);
        sleep(Duration::from_secs(1)).await;
        ["a", "b", "c"].iter().for_each(|gate| stage.open(gate));
        client.ended().await;
        assert_eq!(
            stage.log(),
            ["send a", "send b", "sent a", "sent b", "wait c", "dropped"]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_socket_ends_the_connection() {
    let client = Client::connect();
    let stage = Arc::clone(&client.stage);
    assert_eq!(client.ended().await, Ended::Lost);
    assert_eq!(stage.log(), ["dropped"]);
}

#[tokio::test(start_paused = true)]
async fn violations_end_with_their_code_after_the_replies_owed() {
    let settings = ConnectionSettings {
        message_bytes: 20,
        ..ConnectionSettings::default()
    };
    for (bad, code) in [
        (client_frame(0x81, &[b'x'; 21]), 1009),
        (client_frame(0x81, b"\xff"), 1007),
        (client_frame(0xf1, b""), 1002),
        (client_frame(0x88, b"x"), 1002),
    ] {
        let options = Options {
            settings: settings.clone(),
            ..Options::default()
        };
        let mut client = Client::connect_with(options);
        client
            .send([say("say hi"), bad, say("say never")].concat())
            .await;
        client.expect([text("hi")]).await;
        let Read::Close(got, _) = client.read().await else {
            panic!("no close for {code}")
        };
        assert_eq!(got, code);
        // The socket is shut at once; what still comes is read and dropped.
        client.expect([Read::End]).await;
        client.say("say never").await;
        assert!(matches!(client.ended().await, Ended::ByServer(close) if close.code() == code));
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_becomes_one_write() {
    let mut client = Client::connect();
    client.expect_silence().await;
    client.deliver((0..60).map(|number| shared(&number.to_string())));
    let mut bytes = vec![0; 4096];
    let count = client
        .socket
        .read(&mut bytes)
        .await
        .expect("the server writes");
    let expected: Vec<u8> = (0..60)
        .flat_map(|number| frame::text(&number.to_string()).to_vec())
        .collect();
    assert_eq!(bytes[..count], expected);
}
