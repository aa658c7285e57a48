//! What is on its way to one socket, bounded in bytes.
//!
//! An outbox has two lanes. The *shared* lane is the fan-out: whole frames that many connections
//! share, and events that the session renders for its reader. It never makes a publisher wait: when
//! it is full, the connection is cut and comes back to catch up (`reliability.md` G12). The *own*
//! lane is what the session itself says, mostly replies. It goes first, and is bounded by the
//! connection, which reads no further request while it is full, and by [`Outbox::reply_when_room`].
//!
//! Bytes count from the moment they are pushed until the socket has taken them. One small lock
//! guards it all; it is never held while a frame is encoded or freed, and no other lock is taken
//! under it.
//!
//! A connection that sleeps with nothing in hand need not be woken for the fan-out: see [`direct`].

mod direct;
mod lanes;

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

pub use self::direct::DirectSocket;
pub(crate) use self::direct::Writing;
pub(crate) use self::lanes::{Item, Lanes};
use self::lanes::{Queue, frame_weight};
use crate::ws::Close;

/// The bounds of an outbox. Each queued item counts 64 bytes more than its frame, so that the
/// number of items is bounded too.
#[derive(Debug, Clone, Copy)]
pub struct OutboxLimits {
    /// Bytes of fan-out that may wait; beyond it the connection is cut with 1013 `slow_consumer`.
    pub shared_bytes: usize,
    /// Bytes of replies that may wait before the connection reads no further request.
    pub own_bytes: usize,
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self {
            shared_bytes: 1 << 20,
            own_bytes: 64 << 10,
        }
    }
}

/// The queue between everyone who has something to say to a connection and its task.
#[derive(Debug)]
pub struct Outbox {
    limits: OutboxLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    own: Queue<Bytes>,
    shared: Queue<Item>,
    own_bytes: usize,
    shared_bytes: usize,
    /// The connection's task, asleep.
    task: Option<Waker>,
    /// The connection's socket, if others than its task may write to it.
    socket: Option<Arc<dyn DirectSocket>>,
    /// The rest of a frame whose beginning others than the task have written.
    begun: Option<Bytes>,
    /// Among those that are about to be written to.
    listed: bool,
    /// What the task sleeps for.
    wants: Wants,
    /// Someone waits for room in the own lane.
    room: Option<Waker>,
    /// The last event that could come by several ways.
    last_serial: u64,
    order: Option<Box<CloseOrder>>,
    /// The session's deadline, changed in the middle of a call.
    moved_deadline: Option<Instant>,
    /// The connection is about to close: no more fan-out, only the replies still owed.
    closing: bool,
    /// Nothing more is accepted.
    shut: bool,
}

/// What a sleeping connection can use. One whose socket takes no more is only woken to close.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wants {
    pub(crate) own: bool,
    pub(crate) shared: bool,
    /// The task has nothing in hand, and would only write what comes out of the shared lane:
    /// others may do so for it.
    pub(crate) direct: bool,
}

/// The order to close a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CloseOrder {
    pub(crate) close: Close,
    pub(crate) when: When,
}

/// When a connection closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// At once; what waits is dropped.
    Now,
    /// After what waits, if that takes no longer.
    Drained { within: Duration },
    /// Then at the latest; meanwhile everything goes on.
    At(Instant),
}

/// What the connection learns when it takes from its outbox.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) order: Option<CloseOrder>,
    /// The own lane is full.
    pub(crate) replies_full: bool,
    /// Something came out of the shared lane.
    pub(crate) fan_out: bool,
}

/// Whether the connection sleeps now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rest {
    pub(crate) asleep: bool,
    /// The own lane is full.
    pub(crate) replies_full: bool,
}

/// The connection is gone, and nobody reads what was to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is gone")]
pub struct Gone;

/// Connections to be woken or written to when a batch is delivered: push everything first, then
/// see to each once.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    tasks: Vec<Waker>,
    /// Those that sleep on and are written to; none where all are woken.
    idle: Option<Vec<Arc<Outbox>>>,
}

impl Wakes {
    /// For whoever sees to it that idle connections are written to.
    pub(crate) fn with_writing() -> Self {
        Self {
            tasks: Vec::new(),
            idle: Some(Vec::new()),
        }
    }

    /// Wakes all tasks, and hands over the idle connections.
    pub(crate) fn finish(&mut self, writing: &Writing) {
        self.wake_all();
        if let Some(idle) = &mut self.idle {
            writing.add(idle);
        }
    }

    pub(crate) fn wake_all(&mut self) {
        self.tasks.drain(..).for_each(Waker::wake);
    }
}

impl Outbox {
    /// An empty outbox.
    #[must_use]
    pub fn new(limits: OutboxLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            state: Mutex::default(),
        })
    }

    /// Says something to this connection alone, in the own lane. Never refused: the caller is the
    /// connection's session, which is asked nothing more while its replies wait.
    pub fn reply(&self, frame: Bytes) {
        let task = {
            let mut state = self.state.lock();
            if state.shut {
                return;
            }
            state.own_bytes += frame_weight(&frame);
            state.own.push(frame);
            if state.wants.own {
                state.task.take()
            } else {
                None
            }
        };
        wake(task);
    }

    /// Says something behind all of the fan-out that waits. For the connection's own task.
    pub(crate) fn follow(self: &Arc<Self>, frame: Bytes) {
        let mut wakes = Wakes::default();
        self.push(Item::Frame(frame), &mut wakes);
        wakes.wake_all();
    }

    /// As [`reply`](Self::reply), after waiting until the own lane has room: the socket's pace
    /// becomes the caller's. For a catch-up, page by page. One caller at a time.
    ///
    /// # Errors
    ///
    /// [`Gone`] when the connection has ended.
    pub async fn reply_when_room(&self, frame: Bytes) -> Result<(), Gone> {
        poll_fn(|context| {
            let mut state = self.state.lock();
            if state.shut {
                return Poll::Ready(Err(Gone));
            }
            if state.own_bytes < self.limits.own_bytes {
                return Poll::Ready(Ok(()));
            }
            state.room = Some(context.waker().clone());
            Poll::Pending
        })
        .await?;
        self.reply(frame);
        Ok(())
    }

    /// The session's [`deadline`](crate::Session::deadline) is another one from now on, although
    /// the call in which it changed goes on: a login, with all that is to be told after it.
    pub fn move_deadline(&self, at: Instant) {
        self.state.lock().moved_deadline = Some(at);
    }

    /// The deadline that was moved since this was asked last.
    pub(crate) fn take_moved_deadline(&self) -> Option<Instant> {
        self.state.lock().moved_deadline.take()
    }

    /// Closes the connection after what waits has been written, and within this time.
    pub fn close(&self, within: Duration, close: Close) {
        let when = When::Drained { within };
        self.order(CloseOrder { close, when });
    }

    /// Closes the connection at once and drops what waits.
    pub fn expel(&self, close: Close) {
        self.order(CloseOrder {
            close,
            when: When::Now,
        });
    }

    /// Closes the connection in this time at the latest. Until then everything goes on, so that
    /// the session can say goodbye in its own words.
    pub fn expel_after(&self, grace: Duration, close: Close) {
        self.order(CloseOrder {
            close,
            when: When::At(Instant::now() + grace),
        });
    }

    /// Puts an item in the shared lane, or cuts a connection that is too slow for it. True when it
    /// was put there.
    pub(crate) fn push(self: &Arc<Self>, item: Item, wakes: &mut Wakes) -> bool {
        let mut state = self.state.lock();
        if state.closing {
            return false;
        }
        state.shared_bytes += item.weight();
        if state.shared_bytes > self.limits.shared_bytes {
            let dropped = state.cut();
            wakes.tasks.extend(state.task.take());
            drop(state);
            drop(dropped);
            return false;
        }
        state.shared.push(item);
        let idle = wakes.idle.as_mut();
        if let Some(idle) = idle.filter(|_| state.may_be_written_to()) {
            if !std::mem::replace(&mut state.listed, true) {
                idle.push(Arc::clone(self));
            }
        } else if state.wants.shared {
            wakes.tasks.extend(state.task.take());
        }
        true
    }

    /// Whether this number of an event is new here. Numbers only grow.
    pub(crate) fn is_first(&self, serial: u64) -> bool {
        let mut state = self.state.lock();
        let first = state.last_serial < serial;
        state.last_serial = serial;
        first
    }

    fn order(&self, order: CloseOrder) {
        let task = {
            let mut state = self.state.lock();
            state.give(order);
            state.task.take()
        };
        wake(task);
    }

    /// Moves what waits into the connection's hands, and pays for what it has written.
    pub(crate) fn take(&self, lanes: &mut Lanes) -> Taken {
        let mut state = self.state.lock();
        let room = state.pay(lanes, self.limits.own_bytes);
        state.wants = Wants::default();
        lanes.own.append(&mut state.own);
        let fan_out = lanes.shared.is_empty() && !state.shared.is_empty();
        if let Some(rest) = state.begun.take() {
            lanes.begin_with(rest);
        }
        if fan_out {
            lanes.shared.append(&mut state.shared);
        }
        let replies_full = state.own_bytes >= self.limits.own_bytes;
        let order = state.order.take().map(|order| *order);
        drop(state);
        wake(room);
        Taken {
            order,
            replies_full,
            fan_out,
        }
    }

    /// Pays for what was written, and lets the task sleep unless there is something it wants.
    pub(crate) fn sleep(&self, lanes: &mut Lanes, task: &Waker, wants: Wants) -> Rest {
        let mut state = self.state.lock();
        let room = state.pay(lanes, self.limits.own_bytes);
        let news = (wants.own && !state.own.is_empty())
            || (wants.shared && !state.shared.is_empty())
            || state.order.is_some();
        if !news {
            state.wants = wants;
            if !state
                .task
                .as_ref()
                .is_some_and(|known| known.will_wake(task))
            {
                state.task = Some(task.clone());
            }
        }
        let replies_full = state.own_bytes >= self.limits.own_bytes;
        drop(state);
        wake(room);
        Rest {
            asleep: !news,
            replies_full,
        }
    }

    /// Moves what the session has said into the connection's hands; true when its lane is full.
    pub(crate) fn take_own(&self, lanes: &mut Lanes) -> bool {
        let mut state = self.state.lock();
        lanes.own.append(&mut state.own);
        state.own_bytes >= self.limits.own_bytes
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        let state = self.state.lock();
        state.own.is_empty() && state.shared.is_empty() && state.begun.is_none()
    }

    /// Bytes that count in the own and in the shared lane.
    #[cfg(test)]
    pub(crate) fn waiting_bytes(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.own_bytes, state.shared_bytes)
    }

    /// Accepts no more fan-out; replies still go out.
    pub(crate) fn end_fan_out(&self) {
        self.state.lock().closing = true;
    }

    /// Accepts nothing more and drops what waits.
    pub(crate) fn shut(&self) {
        let mut state = self.state.lock();
        state.closing = true;
        state.shut = true;
        let dropped = (
            std::mem::take(&mut state.own),
            std::mem::take(&mut state.shared),
            state.socket.take(),
        );
        let room = state.room.take();
        drop(state);
        drop(dropped);
        wake(room);
    }
}

impl State {
    /// Notes an order. The more urgent one wins, and among equals the first.
    fn give(&mut self, order: CloseOrder) {
        self.closing |= !matches!(order.when, When::At(_));
        self.shut |= order.when == When::Now;
        if self
            .order
            .as_ref()
            .is_none_or(|known| order.when.is_before(known.when))
        {
            self.order = Some(Box::new(order));
        }
    }

    /// Gives up on a reader that is too slow; what waited is returned, to be freed.
    fn cut(&mut self) -> (Queue<Bytes>, Queue<Item>) {
        self.give(CloseOrder {
            close: Close::slow_consumer(),
            when: When::Now,
        });
        (
            std::mem::take(&mut self.own),
            std::mem::take(&mut self.shared),
        )
    }

    /// Takes the written bytes off the count; someone who waits for room is to be woken.
    fn pay(&mut self, lanes: &mut Lanes, own_limit: usize) -> Option<Waker> {
        let written = std::mem::take(&mut lanes.written);
        self.own_bytes = self.own_bytes.saturating_sub(written.own);
        self.shared_bytes = self.shared_bytes.saturating_sub(written.shared);
        if self.own_bytes < own_limit {
            self.room.take()
        } else {
            None
        }
    }
}

impl When {
    /// Whether this order comes before the other.
    pub(crate) fn is_before(self, other: Self) -> bool {
        match (self, other) {
            (Self::At(this), Self::At(other)) => this < other,
            (this, other) => this.urgency() > other.urgency(),
        }
    }

    fn urgency(self) -> u8 {
        match self {
            Self::Now => 2,
            Self::Drained { .. } => 1,
            Self::At(_) => 0,
        }
    }
}

fn wake(task: Option<Waker>) {
    if let Some(task) = task {
        task.wake();
    }
}
