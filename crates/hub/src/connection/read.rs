//! Reading: from the socket to requests of the session.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::{Connection, closing::Phase, seat::Seat};
use crate::{
    scratch::with_scratch,
    session::{Message, Session},
    ws::{Decoder, Frame, Violation, frame},
};

/// Bytes that were read and could not be handled yet; at most one read's worth.
#[derive(Default)]
pub(super) struct Unread {
    bytes: Vec<u8>,
    at: usize,
}

impl Unread {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }
}

/// What a frame asks for.
enum Step<R> {
    Request(R),
    Answer(Bytes),
    Nothing,
    PeerClosed(Option<u16>),
}

/// What the socket gave.
enum Got {
    Bytes(usize),
    Nothing,
    End,
}

impl<IO, S> Connection<IO, S>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send,
    S: Session,
{
    /// Handles what is there, until the socket holds nothing more or no more may be read.
    pub(super) fn read(&mut self, context: &mut Context<'_>, now: Instant) {
        self.handle_unread(context, now);
        while self.may_read() && !self.read_armed {
            with_scratch(|scratch| self.read_once(scratch, context, now));
        }
    }

    /// Whether bytes from the socket could be of use now.
    pub(super) fn may_read(&self) -> bool {
        match self.phase {
            Phase::Open => {
                let only_control = self.is_busy();
                self.listens()
                    && self.unread.is_empty()
                    && !(only_control && self.decoder.is_inside_message_frame())
            }
            Phase::Draining { .. } | Phase::Gone => false,
            Phase::Closing { answered, .. } => !answered,
        }
    }

    /// Whether control frames are handled, at least. A peer that does not take its replies is not
    /// heard, and nothing overtakes a request that waits.
    fn listens(&self) -> bool {
        !self.replies_full && self.next_request.is_none()
    }

    /// Whether messages have to wait.
    fn is_busy(&self) -> bool {
        !self.seat.is_home() || !self.has_room() || self.timers.is_paused()
    }

    fn read_once(&mut self, scratch: &mut [u8], context: &mut Context<'_>, now: Instant) {
        match self.poll_read(scratch, context) {
            Got::Nothing => self.read_armed = true,
            Got::End => self.gone(now),
            Got::Bytes(count) => {
                self.timers.heard();
                let input = &mut scratch[..count];
                let handled = self.handle(input, context, now);
                if self.phase == Phase::Open && handled < count {
                    self.unread = Unread::new(input[handled..].to_vec());
                }
            }
        }
    }

    fn poll_read(&mut self, scratch: &mut [u8], context: &mut Context<'_>) -> Got {
        let Some(io) = &mut self.io else {
            return Got::End;
        };
        let mut buffer = ReadBuf::new(scratch);
        match Pin::new(io).poll_read(context, &mut buffer) {
            Poll::Pending => Got::Nothing,
            Poll::Ready(Ok(())) if !buffer.filled().is_empty() => Got::Bytes(buffer.filled().len()),
            Poll::Ready(_) => Got::End,
        }
    }

    fn handle_unread(&mut self, context: &mut Context<'_>, now: Instant) {
        if self.unread.is_empty() {
            return;
        }
        let mut unread = std::mem::take(&mut self.unread);
        unread.at += self.handle(&mut unread.bytes[unread.at..], context, now);
        if self.phase == Phase::Open && !unread.is_empty() {
            self.unread = unread;
        }
    }

    /// Handles frames from the front of `input` and says how many bytes that took.
    fn handle(&mut self, input: &mut [u8], context: &mut Context<'_>, now: Instant) -> usize {
        let mut at = 0;
        while self.may_handle(&input[at..]) {
            match next_step(&mut self.decoder, &mut self.seat, input, &mut at) {
                Ok(Some(step)) => self.take_step(step, context, now),
                Ok(None) => break,
                Err(violation) => self.broken(violation, now),
            }
        }
        at
    }

    fn may_handle(&self, input: &[u8]) -> bool {
        match self.phase {
            Phase::Open => {
                self.listens() && (!self.is_busy() || self.decoder.is_control_next(input))
            }
            Phase::Closing { answered, deaf } => !answered && !deaf,
            Phase::Draining { .. } | Phase::Gone => false,
        }
    }

    fn take_step(&mut self, step: Step<S::Request>, context: &mut Context<'_>, now: Instant) {
        match step {
            Step::Nothing => {}
            Step::Answer(frame) if self.phase == Phase::Open => self.reply(frame),
            Step::PeerClosed(code) => self.peer_closed(code, now),
            Step::Request(request) if self.can_begin(&request) => {
                self.begin(request, now);
                self.attend(context, now);
            }
            Step::Request(request) if self.phase == Phase::Open => {
                self.next_request = Some(Box::new(request));
            }
            Step::Answer(_) | Step::Request(_) => {}
        }
    }

    fn broken(&mut self, violation: Violation, now: Instant) {
        if let Phase::Closing { deaf, .. } = &mut self.phase {
            *deaf = true;
        } else {
            self.drain(violation.close(), true, now + self.settings.drain_timeout);
        }
    }
}

/// The next frame, decoded by the session as long as it lies in the buffer.
fn next_step<S: Session>(
    decoder: &mut Decoder,
    seat: &mut Seat<S>,
    input: &mut [u8],
    at: &mut usize,
) -> Result<Option<Step<S::Request>>, Violation> {
    let Some(decoded) = decoder.next(input, at)? else {
        return Ok(None);
    };
    let message = match decoded {
        Frame::Text(text) => Message::Text(text),
        Frame::Binary(bytes) => Message::Binary(bytes),
        Frame::Ping(payload) => return Ok(Some(Step::Answer(frame::pong(payload)))),
        Frame::Pong(_) => return Ok(Some(Step::Nothing)),
        Frame::Close(close) => return Ok(Some(Step::PeerClosed(close.map(|(code, _)| code)))),
    };
    Ok(Some(match seat.session() {
        Some(session) => Step::Request(session.decode(message)),
        None => Step::Nothing,
    }))
}
