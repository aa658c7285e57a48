//! Engine.IO over HTTP polling, and the change from there to a WebSocket.
//!
//! A session that polls is a connection of the hub like any other; only its
//! socket is not one. [`wire`] is what the connection reads and writes, and
//! [`Polling`] stands between it and the requests:
//!
//! ```text
//!   POST ──► incoming ──► Wire ──► Connection
//!   GET  ◄── outgoing ◄── Wire ◄── Connection
//! ```
//!
//! Both hold whole WebSocket frames, so that nothing has to be translated when
//! [`probe`] puts a WebSocket in their place: what waits is written to it first,
//! what was read stays in front of what it brings.
//!
//! What waits to be fetched is bounded by [`wire::WAITING_BYTES`] and a message,
//! beyond which the connection waits as for a socket that takes no more, with
//! the same end if that takes too long (`reliability.md` G12). What was posted
//! is bounded by one body: the next one waits until it is read.

mod frames;
pub(super) mod probe;
pub(super) mod wire;

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tertulia_hub::Outbox;
use tertulia_hub::ws::code;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use self::frames::Noted;
use super::packet::{self, Packet, Payload};
use super::session::EngineSettings;

/// How long a poll waits that comes while a WebSocket is being tried: the client
/// is about to change over, and this one is late.
const LATE_POLL: Duration = Duration::from_millis(100);

/// No ping is fetched and answered in less.
const ROUND_TRIP: Duration = Duration::from_millis(10);

/// The WebSocket after an upgrade.
pub(super) type Socket = TokioIo<Upgraded>;

/// A session that began over polling.
pub(super) struct Polling {
    state: Mutex<State>,
    /// Told to the requests, which then look again.
    changed: Notify,
    max_payload: usize,
    ping_timeout: Duration,
    /// The connection's.
    outbox: Arc<Outbox>,
}

struct State {
    phase: Phase,
    /// When the first ping was sent after which nothing was posted.
    pinged: Option<Instant>,
    /// Messages that no poll has fetched, as frames.
    outgoing: BytesMut,
    /// What the connection has not read, as frames.
    incoming: Bytes,
    /// The connection waits for something to read.
    reader: Option<Waker>,
    /// The connection waits until it may write.
    writer: Option<Waker>,
    is_polled: bool,
    is_posted: bool,
}

/// How a session's packets travel.
enum Phase {
    /// By polling.
    Polling,
    /// By polling, while a WebSocket is tried.
    Probing {
        /// The client has asked over it.
        asked: bool,
    },
    /// What waits is written to the WebSocket.
    Moving,
    /// Over the WebSocket, which lies here until the wire takes it.
    Moved(Option<Socket>),
    /// No more, but for this last packet.
    Closing(&'static str),
    /// No more.
    Over,
}

/// Why a request of a session is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The session is over.
    Unknown,
    /// The request does not fit the session.
    Misplaced,
}

impl Polling {
    /// A session that has just begun. No polling body is larger than is said
    /// there, unless one message is.
    pub(super) fn new(settings: &EngineSettings, outbox: Arc<Outbox>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                phase: Phase::Polling,
                pinged: None,
                outgoing: BytesMut::new(),
                incoming: Bytes::new(),
                reader: None,
                writer: None,
                is_polled: false,
                is_posted: false,
            }),
            changed: Notify::new(),
            max_payload: settings.max_payload,
            ping_timeout: settings.ping_timeout,
            outbox,
        })
    }

    /// Whether nothing more can come of the session.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Over)
    }

    /// Waits for something to tell the client: the body of a poll. The session
    /// ends when the poll is broken off, since nobody knows what has arrived,
    /// and when there are two at once.
    ///
    /// # Errors
    /// See [`Refused`].
    pub(super) async fn poll(&self) -> Result<String, Refused> {
        let is_late = self.begin_poll()?;
        let patience = is_late.then(|| Instant::now() + LATE_POLL);
        let mut turn = Turn::of_poll(self);
        loop {
            let changed = self.changed.notified();
            let has_waited = patience.is_none_or(|until| until <= Instant::now());
            let fetched = self.state.lock().fetch(self.max_payload, has_waited);
            if let Some(body) = fetched.transpose() {
                turn.end();
                return body;
            }
            match patience.filter(|_| !has_waited) {
                Some(until) => drop(timeout_at(until, changed).await),
                None => changed.await,
            }
        }
    }

    /// True when a WebSocket is being tried already.
    fn begin_poll(&self) -> Result<bool, Refused> {
        let mut state = self.state.lock();
        state.end_if_silent(self.ping_timeout);
        let is_late = match state.phase {
            Phase::Over => return Err(Refused::Unknown),
            Phase::Moving | Phase::Moved(_) => return Err(Refused::Misplaced),
            Phase::Polling | Phase::Closing(_) => false,
            Phase::Probing { asked } => asked,
        };
        if std::mem::replace(&mut state.is_polled, true) {
            state.end();
            drop(state);
            self.changed.notify_waiters();
            return Err(Refused::Misplaced);
        }
        Ok(is_late)
    }

    /// Takes the body of a POST, which `read` brings. The session ends when it is
    /// broken off or holds what is no packet, and when there are two at once.
    ///
    /// # Errors
    /// See [`Refused`]; what `read` fails with leaves the session as it is.
    pub(super) async fn post<E: From<Refused>>(
        &self,
        read: impl Future<Output = Result<Option<Bytes>, E>>,
    ) -> Result<(), E> {
        self.begin_post()?;
        let mut turn = Turn::of_post(self);
        let body = match read.await {
            Ok(Some(body)) => body,
            Ok(None) => return Err(Refused::Misplaced.into()),
            Err(error) => {
                turn.end();
                return Err(error);
            }
        };
        // Dropping the turn ends the session.
        let posted = Posted::read(&body).ok_or(Refused::Misplaced)?;
        drop(body);
        self.wait_for_reader().await;
        turn.end();
        self.feed(posted)?;
        Ok(())
    }

    fn begin_post(&self) -> Result<(), Refused> {
        let mut state = self.state.lock();
        match state.phase {
            Phase::Over | Phase::Closing(_) => return Err(Refused::Unknown),
            Phase::Moving | Phase::Moved(_) => return Err(Refused::Misplaced),
            Phase::Polling | Phase::Probing { .. } => {}
        }
        if std::mem::replace(&mut state.is_posted, true) {
            state.end();
            drop(state);
            self.changed.notify_waiters();
            return Err(Refused::Misplaced);
        }
        Ok(())
    }

    /// Waits until the connection has read what was posted before, or the
    /// session ends.
    async fn wait_for_reader(&self) {
        loop {
            let changed = self.changed.notified();
            {
                let state = self.state.lock();
                let polls = matches!(state.phase, Phase::Polling | Phase::Probing { .. });
                if state.incoming.is_empty() || !polls {
                    return;
                }
            }
            changed.await;
        }
    }

    fn feed(&self, posted: Posted) -> Result<(), Refused> {
        let mut state = self.state.lock();
        if !matches!(state.phase, Phase::Polling | Phase::Probing { .. }) {
            return Err(Refused::Unknown);
        }
        state.incoming = posted.frames.into();
        state.pinged = None;
        if posted.closes {
            state.closed_by_client();
        }
        wake(&mut state.reader);
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }
}

/// What a POST brought.
struct Posted {
    frames: Vec<u8>,
    /// The last packet ends the session.
    closes: bool,
}

impl Posted {
    /// Reads a body; none if anything in it is no packet that a client may send.
    fn read(body: &[u8]) -> Option<Self> {
        let body = std::str::from_utf8(body).ok()?;
        let mut frames = Vec::with_capacity(body.len() + 16);
        for (text, packet) in body
            .split(packet::SEPARATOR)
            .zip(packet::decode_payload(body))
        {
            let packet = packet.ok()?;
            if matches!(packet, Packet::Ping(_)) {
                return None;
            }
            frames::push_client_packet(&mut frames, text, &packet);
            if packet == Packet::Close {
                return Some(Self {
                    frames,
                    closes: true,
                });
            }
        }
        Some(Self {
            frames,
            closes: false,
        })
    }
}

impl State {
    /// What a poll gets now, if anything.
    fn fetch(&mut self, most: usize, has_waited: bool) -> Result<Option<String>, Refused> {
        match self.phase {
            Phase::Over => return Err(Refused::Unknown),
            Phase::Moving | Phase::Moved(_) => return Err(Refused::Misplaced),
            Phase::Polling | Phase::Probing { .. } | Phase::Closing(_) => {}
        }
        let mut payload = Payload::default();
        if !self.outgoing.is_empty() {
            frames::fill(&mut payload, &mut self.outgoing, most);
            wake(&mut self.writer);
        }
        match self.phase {
            Phase::Closing(farewell) if self.outgoing.is_empty() => {
                payload.push_text(farewell);
                self.over();
            }
            Phase::Probing { asked: true } if payload.is_empty() && has_waited => {
                payload.push_text(packet::NOOP);
            }
            _ => {}
        }
        Ok((!payload.is_empty()).then(|| payload.into_body()))
    }

    /// Ends the session of a client that comes back only when it should have
    /// answered a ping: the ping cannot be fetched and answered any more, and
    /// the connection is about to find out. One that is not heard, since what it
    /// has posted waits, is not silent.
    fn end_if_silent(&mut self, ping_timeout: Duration) {
        let patience = ping_timeout.saturating_sub(ROUND_TRIP);
        let polls = matches!(self.phase, Phase::Polling | Phase::Probing { .. });
        let is_heard = !self.is_posted && self.incoming.is_empty();
        let is_late = self.pinged.is_some_and(|at| at.elapsed() >= patience);
        if polls && is_heard && is_late {
            self.end();
        }
    }

    /// Looks at what the connection has written.
    fn note(&mut self, noted: Noted) {
        if noted.has_ping {
            self.pinged.get_or_insert_with(Instant::now);
        }
        if let Some(code) = noted.close {
            self.closed_by_server(code);
        }
    }

    /// The server closes. The client hears of it with its next poll, unless it
    /// has not been heard of for too long.
    fn closed_by_server(&mut self, code: u16) {
        if code == code::INTERNAL_ERROR {
            self.end();
        } else {
            self.phase = Phase::Closing(packet::CLOSE);
        }
    }

    /// The client closes. A poll of it is released, also one that is still on
    /// its way.
    fn closed_by_client(&mut self) {
        self.outgoing = BytesMut::new();
        self.phase = Phase::Closing(packet::NOOP);
    }

    /// Ends the session. Only a poll that waits hears of it.
    fn end(&mut self) {
        if self.is_polled {
            self.phase = Phase::Closing(packet::CLOSE);
        } else {
            self.over();
        }
    }

    fn over(&mut self) {
        self.phase = Phase::Over;
        self.outgoing = BytesMut::new();
        wake(&mut self.reader);
        wake(&mut self.writer);
    }
}

/// A request's turn with its session, which is over when the request does not
/// come to its end.
struct Turn<'a> {
    polling: &'a Polling,
    is_poll: bool,
    has_ended: bool,
}

impl<'a> Turn<'a> {
    fn of_poll(polling: &'a Polling) -> Self {
        Self {
            polling,
            is_poll: true,
            has_ended: false,
        }
    }

    fn of_post(polling: &'a Polling) -> Self {
        Self {
            polling,
            is_poll: false,
            has_ended: false,
        }
    }

    fn end(&mut self) {
        self.has_ended = true;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.polling.state.lock();
        if self.is_poll {
            state.is_polled = false;
        } else {
            state.is_posted = false;
        }
        let travels = !matches!(state.phase, Phase::Moving | Phase::Moved(_));
        if !self.has_ended && travels {
            state.end();
        }
        drop(state);
        self.polling.changed.notify_waiters();
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

fn keep_waker(place: &mut Option<Waker>, context: &Context<'_>) {
    let known = place.as_ref();
    if !known.is_some_and(|known| known.will_wake(context.waker())) {
        *place = Some(context.waker().clone());
    }
}
