//! A connection over an in-memory socket, with a scripted session and time that stands still.

mod closing;
mod direct;
mod fan_out;
mod requests;
mod time;

use std::{collections::HashMap, io, sync::Arc, task::Waker, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use parking_lot::Mutex;
use tertulia_domain::{
    Event, UserId,
    event::{EndedSessions, SessionsEnded},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    sync::Notify,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::*;
use crate::{
    outbox::{DirectSocket, Item, OutboxLimits, Wakes, Writing},
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
    /// What it says behind the fan-out, one after the other; none for a session that never does.
    follow_ups: Option<Vec<FollowUp>>,
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
            "stay" => {
                let later = Instant::now() + Duration::from_millis(number);
                self.deadline = Some(later);
                self.outbox.move_deadline(later);
                self.stage.gate("stay").notified().await;
                replies.frame(frame::text("stayed"));
            }
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

    fn follow_up(&mut self) -> FollowUp {
        let Some(left) = &mut self.follow_ups else {
            return FollowUp::Never;
        };
        self.stage.note("asked");
        match left.is_empty() {
            true => FollowUp::Nothing,
            false => left.remove(0),
        }
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

/// The server's end of a socket, which others than the connection may write to.
#[derive(Clone, Debug)]
struct SharedSocket {
    socket: Arc<Mutex<DuplexStream>>,
    /// How often others have tried, and how much that brought.
    direct_writes: Arc<Mutex<Vec<io::Result<usize>>>>,
}

impl SharedSocket {
    fn new(socket: DuplexStream) -> Self {
        Self {
            socket: Arc::new(Mutex::new(socket)),
            direct_writes: Arc::default(),
        }
    }
}

impl DirectSocket for SharedSocket {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut context = Context::from_waker(Waker::noop());
        let attempt = Pin::new(&mut *self.socket.lock()).poll_write(&mut context, bytes);
        let (result, noted) = match attempt {
            Poll::Ready(Ok(count)) => (Ok(count), Ok(count)),
            Poll::Ready(Err(error)) => (Err(error.kind().into()), Err(error)),
            Poll::Pending => {
                let blocked = || io::Error::from(io::ErrorKind::WouldBlock);
                (Err(blocked()), Err(blocked()))
            }
        };
        self.direct_writes.lock().push(noted);
        result
    }
}

impl AsyncRead for SharedSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.socket.lock()).poll_read(context, buffer)
    }
}

impl AsyncWrite for SharedSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.socket.lock()).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.socket.lock()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.socket.lock()).poll_shutdown(context)
    }
}

struct Client {
    socket: DuplexStream,
    server: SharedSocket,
    writing: Arc<Writing>,
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
    follow_ups: Option<Vec<FollowUp>>,
    /// Whether others than the connection write to its socket, as to all that are plain.
    direct: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            socket: 1 << 20,
            outbox: OutboxLimits::default(),
            settings: ConnectionSettings::default(),
            leftover: Bytes::new(),
            follow_ups: None,
            direct: true,
        }
    }
}

impl Client {
    fn connect() -> Self {
        Self::connect_with(Options::default())
    }

    fn connect_with(options: Options) -> Self {
        let (socket, server) = duplex(options.socket);
        let server = SharedSocket::new(server);
        let outbox = Outbox::new(options.outbox);
        if options.direct {
            outbox.set_socket(Arc::new(server.clone()));
        }
        let writing = Arc::<Writing>::default();
        let runs = Arc::clone(&writing);
        tokio::spawn(async move { runs.run().await });
        let stage = Arc::<Stage>::default();
        let session = Script {
            stage: Arc::clone(&stage),
            outbox: Arc::clone(&outbox),
            deadline: None,
            follow_ups: options.follow_ups,
        };
        let connection = Connection::new(
            server.clone(),
            &options.leftover,
            false,
            Arc::clone(&outbox),
            session,
            Arc::new(options.settings),
        );
        let task = tokio::spawn(connection);
        Self {
            socket,
            server,
            writing,
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
        let mut wakes = Wakes::with_writing();
        for item in items {
            self.outbox.push(item, &mut wakes);
        }
        wakes.finish(&self.writing);
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
