//! One task per socket: it reads, lets the session handle requests, and writes.
//!
//! A [`Connection`] is a future written by hand, so that an idle one costs little: no read buffer
//! (one per thread is lent), no handler's state (boxed while a call lasts), no queue's memory (freed
//! when empty), one timer. Each time it is polled it
//!
//! 1. takes what is new in its outbox, orders to close included, and looks at the clock;
//! 2. reads what the socket holds and has every complete message handled, several at a time where
//!    the session lets them overlap ([`Session::is_pipelined`]);
//! 3. writes everything that waits with as few system calls as the socket allows.
//!
//! While it sleeps with nothing in hand, others may write the fan-out to its socket in its place
//! ([`Outbox::set_socket`]); it is woken for what they cannot do.
//!
//! It stops reading while replies pile up, a request is being handled that others must not
//! overtake, or the session asked for a pause: that is all the flow control there is. Pings are
//! answered meanwhile, unless the peer does not take its replies.

mod closing;
mod read;
mod seat;
mod timers;
mod write;

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use self::{
    closing::Phase,
    read::Unread,
    seat::{Back, Call, Seat},
    timers::{Due, Timers},
};
use crate::{
    outbox::{CloseOrder, Lanes, Outbox, Wants, When},
    session::{Flow, FollowUp, Pending, Replies, Reply, Session},
    ws::{Close, Decoder, code, frame},
};

/// How often a connection goes round before it lets others run.
const MAX_TURNS: usize = 16;

/// Bounds and times of a connection.
#[derive(Debug, Clone)]
pub struct ConnectionSettings {
    /// The largest message from the client, in bytes, inflated; beyond it close 1009.
    pub message_bytes: usize,
    /// A ping goes out this often.
    pub ping_interval: Duration,
    /// The ping, a whole frame: WebSocket's own, or what another protocol asks with. Whatever
    /// arrives answers it.
    pub ping_frame: Bytes,
    /// Close 1011 when nothing arrives for this long after a ping.
    pub ping_timeout: Duration,
    /// Cut with 1013 `slow_consumer` when the socket takes nothing for this long.
    pub stall_timeout: Duration,
    /// Requests that may wait for their replies while further ones are handled.
    pub pending_replies: usize,
    /// How long the requests in progress and the frames that wait may take when a connection
    /// closes.
    pub drain_timeout: Duration,
    /// How long the peer has to answer a close frame.
    pub close_timeout: Duration,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self {
            message_bytes: 1 << 20,
            ping_interval: Duration::from_secs(25),
            ping_frame: frame::ping(),
            ping_timeout: Duration::from_secs(20),
            stall_timeout: Duration::from_secs(10),
            pending_replies: 128,
            drain_timeout: Duration::from_secs(5),
            close_timeout: Duration::from_secs(2),
        }
    }
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The peer closed, with this code if it gave one.
    ByPeer(Option<u16>),
    /// This side closed.
    ByServer(Close),
    /// The socket broke, or ended without a close frame.
    Lost,
}

/// A WebSocket after its handshake, and the session that speaks on it.
pub struct Connection<IO, S: Session> {
    io: Option<IO>,
    decoder: Decoder,
    unread: Unread,
    /// A request that must not overtake the earlier ones.
    next_request: Option<Box<S::Request>>,
    seat: Seat<S>,
    /// Replies owed, in the order of their requests.
    pending: VecDeque<Pending>,
    outbox: Arc<Outbox>,
    lanes: Lanes,
    replies_full: bool,
    /// The socket was asked for more and will wake this task.
    read_armed: bool,
    /// The socket was asked to take more and will wake this task.
    write_blocked: bool,
    unflushed: bool,
    /// The session may have something to say behind the fan-out.
    follows_up: bool,
    phase: Phase,
    ended: Option<Ended>,
    timers: Timers,
    settings: Arc<ConnectionSettings>,
}

impl<IO, S> Connection<IO, S>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send,
    S: Session,
{
    /// Takes over a socket after the handshake. `leftover` is what was read of it beyond the
    /// request, `deflate` whether compression was negotiated. The session should hold the same
    /// `outbox`.
    pub fn new(
        io: IO,
        leftover: &Bytes,
        deflate: bool,
        outbox: Arc<Outbox>,
        session: S,
        settings: Arc<ConnectionSettings>,
    ) -> Self {
        let mut timers = Timers::new(Instant::now(), &settings);
        timers.session_is_back(session.deadline());
        Self {
            io: Some(io),
            decoder: Decoder::new(settings.message_bytes, deflate),
            unread: Unread::new(leftover.to_vec()),
            next_request: None,
            seat: Seat::Home(Box::new(session)),
            pending: VecDeque::new(),
            outbox,
            lanes: Lanes::default(),
            replies_full: false,
            read_armed: false,
            write_blocked: false,
            unflushed: false,
            follows_up: true,
            phase: Phase::Open,
            ended: None,
            timers,
            settings,
        }
    }

    /// One round. True when another may be useful at once.
    fn turn(&mut self, context: &mut Context<'_>) -> bool {
        let now = Instant::now();
        self.read_armed = false;
        self.write_blocked = false;
        let taken = self.outbox.take(&mut self.lanes);
        self.replies_full = taken.replies_full;
        if taken.fan_out {
            self.something_happened(now);
        }
        if let Some(order) = taken.order {
            self.obey(order, now);
        }
        self.look_at_clock(now);
        self.work(context, now);
        self.write(context, now);
        self.move_on(context, now)
    }

    /// Something that the session may have a word to follow.
    fn something_happened(&mut self, now: Instant) {
        if self.follows_up {
            self.timers.happened(now);
        }
    }

    /// Asks the session, at home, for what follows the fan-out.
    fn follow_up(&mut self, now: Instant) {
        if !self.is_open() || !self.timers.follow_up_is_due(now) {
            return;
        }
        let Some(session) = self.seat.session() else {
            return;
        };
        self.timers.followed_up(now);
        match session.follow_up() {
            FollowUp::Never => self.follows_up = false,
            FollowUp::Nothing => {}
            FollowUp::Frame(frame) => self.outbox.follow(frame),
        }
    }

    fn obey(&mut self, order: CloseOrder, now: Instant) {
        match order.when {
            When::Now => self.cut(order.close, now),
            When::Drained { within } => self.drain(order.close, false, now + within),
            When::At(at) => self.timers.expel_at(at, order.close),
        }
    }

    fn look_at_clock(&mut self, now: Instant) {
        if !self.may_read() {
            self.timers.not_listening(now);
        }
        while let Some(due) = self.timers.due(now, self.is_open(), &self.settings) {
            match due {
                Due::Ping => self.lanes.push_own(self.settings.ping_frame.clone()),
                Due::Silent => self.cut(Close::new(code::INTERNAL_ERROR, "no pong"), now),
                Due::Stalled => self.cut(Close::slow_consumer(), now),
                Due::Expelled(close) => self.cut(close, now),
                Due::Overdue => self.cut(Close::session_ended(), now),
                Due::PhaseOver => self.end_phase(now),
            }
        }
    }

    /// Calls the session, reads, and collects replies, until all of them wait for something.
    fn work(&mut self, context: &mut Context<'_>, now: Instant) {
        loop {
            self.attend(context, now);
            self.follow_up(now);
            self.read(context, now);
            self.collect_replies(context, now);
            let request_waits = self
                .next_request
                .as_ref()
                .is_some_and(|next| self.can_begin(next));
            let may_read = self.may_read() && !self.read_armed;
            if !request_waits && !may_read {
                return;
            }
        }
    }

    /// Brings the session home and gives it the next thing to do.
    fn attend(&mut self, context: &mut Context<'_>, now: Instant) {
        loop {
            match self.seat.poll(context) {
                Poll::Ready(back) => self.welcome(back, now),
                Poll::Pending if self.seat.is_away() => {
                    if let Some(deadline) = self.outbox.take_moved_deadline() {
                        self.timers.session_goes_on_until(deadline);
                    }
                }
                Poll::Pending => {}
            }
            if !self.seat.is_home() || !self.call_session(now) {
                return;
            }
        }
    }

    fn welcome(&mut self, back: Back<S>, now: Instant) {
        let handled = (back.from == Call::Deadline).then_some(now);
        let deadline = back.session.deadline();
        self.timers
            .session_is_back(deadline.filter(|at| Some(*at) > handled));
        self.something_happened(now);
        // What was said of it meanwhile is known now.
        self.outbox.take_moved_deadline();
        self.replies_full = self.outbox.take_own(&mut self.lanes);
        if back.from == Call::Event {
            self.lanes.rendered();
        }
        self.seat = Seat::Home(back.session);
        if self.pending.is_empty() {
            self.pending = back.queued.into();
        } else {
            self.pending.extend(back.queued);
        }
        match back.flow {
            Flow::Continue => {}
            Flow::Pause(time) => self.timers.pause_until(now + time),
            Flow::Close(close) => self.drain(close, false, now + self.settings.drain_timeout),
        }
        if self.phase == Phase::Gone {
            self.seat.dismiss();
        }
    }

    /// Sends the session, at home, to whatever is next; false when there is nothing.
    fn call_session(&mut self, now: Instant) -> bool {
        if self.is_open() && self.timers.session_is_due(now) {
            self.timers.session_leaves(now);
            self.seat.send_deadline();
            return true;
        }
        if let Some(event) = self.lanes.take_event() {
            self.timers.session_leaves(now);
            self.seat.send_event(event);
            return true;
        }
        match self.next_request.take() {
            Some(request) if self.can_begin(&request) => {
                self.begin(*request, now);
                true
            }
            waiting => {
                self.next_request = waiting;
                false
            }
        }
    }

    fn can_begin(&self, request: &S::Request) -> bool {
        let Seat::Home(session) = &self.seat else {
            return false;
        };
        let in_order = self.pending.is_empty() || session.is_pipelined(request);
        in_order && self.is_open() && self.has_room() && !self.timers.is_paused()
    }

    fn begin(&mut self, request: S::Request, now: Instant) {
        self.timers.session_leaves(now);
        let replies = Replies::new(Arc::clone(&self.outbox), !self.pending.is_empty());
        self.seat.send_request(request, replies);
    }

    fn has_room(&self) -> bool {
        self.pending.len() < self.settings.pending_replies && !self.replies_full
    }

    /// Passes on the replies that are ready, in order.
    fn collect_replies(&mut self, context: &mut Context<'_>, now: Instant) {
        while let Some(first) = self.pending.front_mut() {
            let reply = match first {
                Pending::Ready(frame) => Reply::Frame(std::mem::take(frame)),
                Pending::Later(reply) => match reply.as_mut().poll(context) {
                    Poll::Ready(reply) => reply,
                    Poll::Pending => return,
                },
            };
            self.pending.pop_front();
            match reply {
                Reply::Nothing => {}
                Reply::Frame(frame) => self.reply(frame),
                Reply::Close(close) => {
                    self.drain(close, false, now + self.settings.drain_timeout);
                }
            }
        }
        if self.pending.capacity() > 0 {
            self.pending = VecDeque::new();
        }
    }

    fn reply(&mut self, frame: Bytes) {
        self.outbox.reply(frame);
        self.replies_full = self.outbox.take_own(&mut self.lanes);
    }

    /// Whether something can be done that nothing will wake this task for.
    fn is_unfinished(&self) -> bool {
        let can_render = self.seat.is_home() && self.lanes.has_event_next();
        let can_write = self.lanes.can_write() && !self.write_blocked;
        can_render || can_write
    }

    fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// What new items in the outbox would be good for.
    fn wants(&self) -> Wants {
        let writing = matches!(self.phase, Phase::Open | Phase::Draining { .. });
        let own = writing && !self.write_blocked;
        let shared = own && self.lanes.is_empty();
        let asks = !self.follows_up || self.timers.follow_up_is_set();
        Wants {
            own,
            shared,
            direct: shared && !self.unflushed && asks,
        }
    }

    /// Lets the task sleep until something happens. False when something has.
    fn sleep(&mut self, context: &mut Context<'_>) -> bool {
        let wants = self.wants();
        let rest = self.outbox.sleep(&mut self.lanes, context.waker(), wants);
        let resumes = self.replies_full && !rest.replies_full;
        self.replies_full = rest.replies_full;
        let open = self.is_open();
        rest.asleep && !resumes && !self.timers.arm(context, open, &self.settings)
    }
}

impl<IO, S> Future for Connection<IO, S>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send,
    S: Session,
{
    type Output = Ended;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ended> {
        let this = self.get_mut();
        for _ in 0..MAX_TURNS {
            let again = this.turn(context);
            if this.is_over() {
                return Poll::Ready(this.ended.take().unwrap_or(Ended::Lost));
            }
            if !again && this.sleep(context) {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
