//! Writing to a connection's socket without waking its task.
//!
//! Most connections sleep with nothing in hand when the fan-out has something for them. To wake a
//! task, let it look at its socket, its clock and its outbox, and put it to sleep again costs more
//! than what it then does: one write. So a sleeping task may say that it would do no more than that
//! ([`Wants::direct`](super::Wants)), and whoever runs [`Writing::run`] does it in its place.
//!
//! What does not go into the socket at once is the task's again: it is woken, takes the rest of a
//! frame that was begun before anything else, and waits for the socket as ever.
//!
//! The state of the outbox is locked while the socket takes the bytes, so that they keep their
//! order whoever writes; a socket that does not take them at once says so at once.

use std::{collections::VecDeque, fmt, io, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;
use tertulia_domain::turn::let_others_run;
use tokio::sync::Notify;

use super::{Item, Outbox, State, lanes::Queue, wake};
use crate::scratch::{JOINED_BYTES, join, with_scratch};

/// A socket that takes bytes from anybody who holds it.
pub trait DirectSocket: fmt::Debug + Send + Sync {
    /// Writes as much as the socket takes at once, at least a byte.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when it takes nothing now; others when it is
    /// broken.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
}

/// How many connections are written to before others may run.
const AT_ONCE: usize = 64;

/// How many writes one connection gets; a longer queue is its task's.
const WRITES: usize = 4;

/// Idle connections that are to be written to, each named once, in the order in which something
/// came for them. Bounded by the number of connections.
#[derive(Debug, Default)]
pub(crate) struct Writing {
    idle: Mutex<VecDeque<Arc<Outbox>>>,
    news: Notify,
}

impl Writing {
    /// Adds connections, and leaves the list empty.
    pub(super) fn add(&self, idle: &mut Vec<Arc<Outbox>>) {
        if idle.is_empty() {
            return;
        }
        self.idle.lock().extend(idle.drain(..));
        self.news.notify_one();
    }

    /// Writes to idle connections, for ever. Several may run at once.
    pub(crate) async fn run(&self) {
        let mut taken = Vec::with_capacity(AT_ONCE);
        loop {
            if self.take(&mut taken) {
                // Those whose turn it is take what is theirs along with what they have to say: in
                // the first turn whoever published it answers its senders, in the second they go on.
                let_others_run().await;
                let_others_run().await;
                taken.drain(..).for_each(|outbox| outbox.write_directly());
            } else {
                self.news.notified().await;
            }
        }
    }

    /// Takes the first connections; false when there are none.
    fn take(&self, taken: &mut Vec<Arc<Outbox>>) -> bool {
        let mut idle = self.idle.lock();
        let count = idle.len().min(AT_ONCE);
        taken.extend(idle.drain(..count));
        if !idle.is_empty() {
            // For another one who runs this.
            self.news.notify_one();
        }
        count > 0
    }
}

impl Outbox {
    /// Lets others than the connection's task write to its socket, while the task has nothing in
    /// hand. Everything that the task writes must go to the same socket, byte for byte, and somebody
    /// must run [`Hub::run_writing`](crate::Hub::run_writing).
    pub fn set_socket(&self, socket: Arc<dyn DirectSocket>) {
        self.state.lock().socket = Some(socket);
    }

    /// Writes what waits in the shared lane, if the task still sleeps; wakes it when that leaves
    /// something to do.
    fn write_directly(&self) {
        let mut written = Queue::default();
        let mut state = self.state.lock();
        state.listed = false;
        let left = state.may_be_written_to() && !state.write(&mut written);
        let task = if left { state.task.take() } else { None };
        drop(state);
        drop(written);
        wake(task);
    }
}

impl State {
    /// Whether the task sleeps, and others may write in its place.
    pub(super) fn may_be_written_to(&self) -> bool {
        self.wants.direct && self.task.is_some() && self.socket.is_some()
    }

    /// Writes the shared lane; false when not all of it has gone out. What was written is to be
    /// freed by the caller.
    fn write(&mut self, written: &mut Queue<Item>) -> bool {
        for _ in 0..WRITES {
            if self.shared.is_empty() {
                return true;
            }
            if !self.write_once(written) {
                return false;
            }
        }
        self.shared.is_empty()
    }

    /// Writes some frames at once; false when not all of them have gone out, or the next thing is
    /// none.
    fn write_once(&mut self, written: &mut Queue<Item>) -> bool {
        let Some(socket) = &self.socket else {
            return false;
        };
        let (frames, bytes) = first_write(&self.shared);
        if frames == 0 {
            return false;
        }
        // A broken socket is the task's to see.
        let count = write(&**socket, &self.shared, frames).unwrap_or(0);
        self.advance(count, written);
        count == bytes
    }

    /// Takes so many bytes off the shared lane.
    fn advance(&mut self, mut count: usize, written: &mut Queue<Item>) {
        while count > 0 {
            let Some(Item::Frame(frame)) = self.shared.pop() else {
                return;
            };
            let rest = (count < frame.len()).then(|| frame.slice(count..));
            count = count.saturating_sub(frame.len());
            let item = Item::Frame(frame);
            self.shared_bytes = self.shared_bytes.saturating_sub(item.weight());
            written.push(item);
            self.begin(rest);
        }
    }

    /// Keeps the rest of a frame for the task.
    fn begin(&mut self, rest: Option<Bytes>) {
        if let Some(rest) = rest {
            self.shared_bytes += Item::Frame(rest.clone()).weight();
            self.begun = Some(rest);
        }
    }
}

/// The frames at the head of a queue, up to an event.
fn frames_of(queue: &Queue<Item>) -> impl Iterator<Item = &Bytes> {
    queue.iter().map_while(|item| match item {
        Item::Frame(frame) => Some(frame),
        Item::Event(_) => None,
    })
}

/// How many frames go into one write, and their bytes.
fn first_write(queue: &Queue<Item>) -> (usize, usize) {
    let (mut count, mut bytes) = (0, 0);
    for frame in frames_of(queue) {
        if count > 0 && bytes + frame.len() > JOINED_BYTES {
            break;
        }
        count += 1;
        bytes += frame.len();
    }
    (count, bytes)
}

/// Writes so many frames at once.
fn write(socket: &dyn DirectSocket, queue: &Queue<Item>, frames: usize) -> io::Result<usize> {
    let mut pieces = frames_of(queue).take(frames);
    match pieces.next() {
        Some(single) if frames == 1 => socket.try_write(single),
        first => with_scratch(|scratch| {
            let pieces = first.into_iter().chain(pieces);
            socket.try_write(join(pieces, scratch))
        }),
    }
}
