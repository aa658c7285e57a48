//! A WebSocket that may take the place of polling: the client asks `2probe`, is
//! answered `3probe`, and changes over with `5`. Until then the session polls
//! on, whatever becomes of the WebSocket.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tertulia_hub::ws::{Close, Decoder, Frame, code, frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{Phase, Polling, Socket, packet, wake};
use crate::common::upgrade::PlainSocket;

/// How long an attempt may take, as with the official server.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a client has to answer a close frame.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// The largest message of a client before it has changed over.
const MESSAGE_BYTES: usize = 64;

/// What a client says when it asks, and what it is answered.
const PROBE: &str = "probe";

impl Polling {
    /// Claims the session for an attempt; none when it is over, or has or tries
    /// another WebSocket.
    pub(in super::super) fn begin_probe(self: &Arc<Self>) -> Option<Probe> {
        let mut state = self.state.lock();
        if !matches!(state.phase, Phase::Polling) {
            return None;
        }
        state.phase = Phase::Probing { asked: false };
        Some(Probe(Arc::clone(self)))
    }
}

/// An attempt to change over. Dropping it leaves the session to polling.
pub(in super::super) struct Probe(Arc<Polling>);

impl Probe {
    /// Makes the attempt. `plain` is the same socket, if others than the
    /// connection may write to it.
    pub(in super::super) async fn run(self, mut socket: Socket, plain: Option<PlainSocket>) {
        let mut input = Input::default();
        match timeout(PATIENCE, self.ask(&mut socket, &mut input)).await {
            Ok(Some(())) => {}
            Ok(None) | Err(_) => {
                drop(self);
                return close(socket, "the upgrade failed").await;
            }
        }
        let waiting = self.0.begin_move();
        match timeout(PATIENCE, write(&mut socket, &waiting)).await {
            Ok(Some(())) => self.0.end_move(socket, plain, input.rest()),
            // Part of it may have arrived: neither transport can go on.
            Ok(None) | Err(_) => self.0.fail_move(),
        }
    }

    /// Speaks with the client until it changes over, and every request of it is
    /// at its end.
    async fn ask(&self, socket: &mut Socket, input: &mut Input) -> Option<()> {
        let question = input.next_text(socket).await?;
        if question.strip_prefix('2') != Some(PROBE) {
            return None;
        }
        self.0.note_question();
        write(socket, &frame::text(&format!("3{PROBE}"))).await?;
        let order = input.next_text(socket).await?;
        if order != packet::UPGRADE {
            return None;
        }
        self.0.posts_end().await
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        if matches!(state.phase, Phase::Probing { .. }) {
            state.phase = Phase::Polling;
        }
    }
}

impl Polling {
    /// The client has asked: a poll that waits is released, so that it may
    /// change over.
    fn note_question(&self) {
        let mut state = self.state.lock();
        if let Phase::Probing { asked } = &mut state.phase {
            *asked = true;
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Waits until no request brings anything; none when the session is not to
    /// change over any more.
    async fn posts_end(&self) -> Option<()> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state.lock();
                if !matches!(state.phase, Phase::Probing { .. }) {
                    return None;
                }
                if !state.is_posted {
                    state.phase = Phase::Moving;
                    return Some(());
                }
            }
            changed.await;
        }
    }

    /// What no poll has fetched. From now on none does, and the connection
    /// writes nothing more until the WebSocket is in place.
    fn begin_move(&self) -> BytesMut {
        let waiting = std::mem::take(&mut self.state.lock().outgoing);
        self.changed.notify_waiters();
        waiting
    }

    /// Puts the WebSocket in place, with what was read of it already.
    fn end_move(&self, socket: Socket, plain: Option<PlainSocket>, rest: &[u8]) {
        let mut state = self.state.lock();
        if !matches!(state.phase, Phase::Moving) {
            return;
        }
        state.phase = Phase::Moved(Some(socket));
        if let Some(plain) = plain {
            plain.lend_to(&self.outbox);
        }
        if !rest.is_empty() {
            let mut incoming = Vec::from(std::mem::take(&mut state.incoming));
            incoming.extend_from_slice(rest);
            state.incoming = incoming.into();
        }
        wake(&mut state.reader);
        wake(&mut state.writer);
    }

    fn fail_move(&self) {
        self.state.lock().over();
        self.changed.notify_waiters();
    }
}

/// What comes over the WebSocket before the client has changed over.
struct Input {
    decoder: Decoder,
    bytes: Vec<u8>,
    at: usize,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            decoder: Decoder::new(MESSAGE_BYTES, false),
            bytes: Vec::new(),
            at: 0,
        }
    }
}

impl Input {
    /// The next text; none when the client closes or says anything else.
    async fn next_text(&mut self, socket: &mut Socket) -> Option<String> {
        loop {
            let read = self.decoder.next(&mut self.bytes, &mut self.at);
            let answer = match read.ok()? {
                Some(Frame::Text(text)) => return Some(text.to_owned()),
                Some(Frame::Ping(payload)) => Some(frame::pong(payload)),
                Some(Frame::Pong(_)) => None,
                Some(Frame::Binary(_) | Frame::Close(_)) => return None,
                None => {
                    self.read(socket).await?;
                    None
                }
            };
            if let Some(answer) = answer {
                write(socket, &answer).await?;
            }
        }
    }

    /// Reads on until the client closes, or cannot be understood.
    async fn until_close(&mut self, socket: &mut Socket) -> Option<()> {
        loop {
            match self.decoder.next(&mut self.bytes, &mut self.at).ok()? {
                Some(Frame::Close(_)) => return Some(()),
                Some(_) => {}
                None => self.read(socket).await?,
            }
        }
    }

    async fn read(&mut self, socket: &mut Socket) -> Option<()> {
        const READ_BYTES: usize = 1024;
        self.bytes.clear();
        self.bytes.reserve_exact(READ_BYTES);
        self.at = 0;
        let count = socket.read_buf(&mut self.bytes).await.ok()?;
        (count > 0).then_some(())
    }

    /// What came after the last text.
    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }
}

async fn write(socket: &mut Socket, bytes: &[u8]) -> Option<()> {
    socket.write_all(bytes).await.ok()?;
    socket.flush().await.ok()
}

/// Closes a WebSocket that belongs to no session.
pub(in super::super) async fn close(mut socket: Socket, reason: &'static str) {
    let goodbye = async {
        write(
            &mut socket,
            &frame::close(&Close::new(code::POLICY, reason)),
        )
        .await?;
        Input::default().until_close(&mut socket).await
    };
    // Who does not answer is left.
    drop(timeout(CLOSE_PATIENCE, goodbye).await);
}
