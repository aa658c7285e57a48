//! What a dialect brings to a connection: a [`Session`] for each socket.
//!
//! The connection calls its session for one thing at a time and never holds it up for the socket.
//! Requests are handled in the order in which they came. While one is handled, the connection goes
//! on writing and answering pings, but begins nothing new.

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tertulia_domain::Event;
use tokio::time::Instant;

use crate::{outbox::Outbox, ws::Close};

/// How long a session whose time is over may take to say so in its own words. With the close
/// handshake after it, its connection is gone within 5 s (`reliability.md` S4).
pub(crate) const GOODBYE: Duration = Duration::from_secs(2);

/// One complete message of the client, borrowed from the read buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// A text.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}

/// One client on one socket, as a dialect sees it.
///
/// The session holds the [`Outbox`] of its connection from the beginning, and whatever it attached
/// to the hub; dropping it ends both. It is dropped when the connection ends, after every request
/// that was begun has been finished (within a bound).
pub trait Session: Send + 'static {
    /// A decoded message. What could not be decoded is a request too: to be told so.
    type Request: Send;

    /// Decodes a message. Quick: it runs on the read buffer, between two reads.
    fn decode(&mut self, message: Message<'_>) -> Self::Request;

    /// Whether a request may be handled while earlier ones wait for their replies. Such a request
    /// (a send) submits its work in order, gives [`Replies::later`] what is to come of it, and
    /// returns. All others find every earlier reply given, and with it what they may build on.
    fn is_pipelined(&self, request: &Self::Request) -> bool {
        let _ = request;
        false
    }

    /// Handles a request.
    fn on_request(
        &mut self,
        request: Self::Request,
        replies: &mut Replies,
    ) -> impl Future<Output = Flow> + Send;

    /// Renders an event for this reader, with [`Outbox::reply`]: what is said here takes the
    /// event's place among the frames of the fan-out.
    fn on_event(&mut self, event: Arc<Event>) -> impl Future<Output = Flow> + Send;

    /// When [`on_deadline`](Self::on_deadline) wants to be called. Asked after each call above; a
    /// call that changes it and then goes on for long says so with [`Outbox::move_deadline`]. A
    /// call that is not over two seconds after the deadline ends with its connection: 1008
    /// `session_ended`.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// What follows the frames of the fan-out, such as how far the client has come with them. Asked
    /// a moment after such frames have come to this connection or one of the calls above was over,
    /// at most once a second, and only between two calls; what is given goes out behind everything
    /// that was delivered before.
    fn follow_up(&mut self) -> FollowUp {
        FollowUp::Never
    }

    /// The deadline has passed: no login came in time, or the token has ended. The next deadline
    /// counts only if it lies in the future.
    fn on_deadline(&mut self) -> impl Future<Output = Flow> + Send {
        std::future::ready(Flow::Continue)
    }
}

/// What follows the fan-out on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowUp {
    /// Nothing, now and later: the session is not asked again.
    Never,
    /// Nothing this time.
    Nothing,
    /// A whole frame.
    Frame(Bytes),
}

/// How a connection goes on after its session was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// As before.
    Continue,
    /// The next request is handled after this time: a client that sends too fast is read more
    /// slowly.
    Pause(Duration),
    /// The connection closes, after the replies that are owed.
    Close(Close),
}

/// What comes of a request later on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing to say.
    Nothing,
    /// A whole frame.
    Frame(Bytes),
    /// The connection closes, after the replies before this one.
    Close(Close),
}

/// The replies to one request. Replies go out in the order of the requests.
pub struct Replies {
    outbox: Arc<Outbox>,
    /// Earlier requests wait for their replies: what is said now must wait behind them.
    behind: bool,
    queued: Vec<Pending>,
}

/// A reply in the line of replies.
pub(crate) enum Pending {
    Ready(Bytes),
    Later(BoxFuture<'static, Reply>),
}

impl Replies {
    pub(crate) fn new(outbox: Arc<Outbox>, behind: bool) -> Self {
        Self {
            outbox,
            behind,
            queued: Vec::new(),
        }
    }

    /// Gives a reply, a whole frame.
    pub fn frame(&mut self, frame: Bytes) {
        if self.behind || !self.queued.is_empty() {
            self.queued.push(Pending::Ready(frame));
        } else {
            self.outbox.reply(frame);
        }
    }

    /// Promises a reply. The work behind it must be under way already: the connection polls only
    /// the first promise in line.
    pub fn later(&mut self, reply: impl Future<Output = Reply> + Send + 'static) {
        self.queued.push(Pending::Later(Box::pin(reply)));
    }

    pub(crate) fn into_queued(self) -> Vec<Pending> {
        self.queued
    }
}
