//! What arrived at a test socket and was not looked at yet.

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// How long a test waits for anything before it fails. Long, since it only
/// passes when something is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(45);

/// A data frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// With a close frame: its code and reason. A frame without a code is 1005
    /// (RFC 6455 §7.4.1).
    Frame(u16, String),
    /// Without one.
    Lost(String),
}

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Frame>,
    closed: Option<Closed>,
    /// How far a Socket.IO server says that the client is, told last.
    offset: Option<String>,
}

/// What a Socket.IO server says beside everything else, at moments of its own.
const OFFSET: &str = r#"42["tertulia:offset",""#;

impl Inbox {
    pub(crate) fn push(&self, frame: Frame) {
        let offset = match &frame {
            Frame::Text(text) => text.strip_prefix(OFFSET),
            Frame::Binary(_) => None,
        };
        let offset = offset.and_then(|rest| rest.strip_suffix(r#""]"#));
        let offset = offset.map(str::to_owned);
        let mut state = self.state.lock();
        match offset {
            Some(offset) => state.offset = Some(offset),
            None => state.frames.push_back(frame),
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// The newest offset that nobody has taken.
    pub(crate) async fn offset(&self) -> String {
        self.wait("an offset", |state| state.offset.take()).await
    }

    /// The first word counts: after a close frame the end of the stream says no
    /// more.
    pub(crate) fn close(&self, closed: Closed) {
        self.state.lock().closed.get_or_insert(closed);
        self.changed.notify_waiters();
    }

    pub(crate) fn take_unread(&self) -> Vec<Frame> {
        self.state.lock().frames.drain(..).collect()
    }

    pub(crate) fn forget(&self, is_uninteresting: impl Fn(&Frame) -> bool) {
        self.state.lock().frames.retain(|it| !is_uninteresting(it));
    }

    /// The next frame, or how the connection ended before one came.
    pub(crate) async fn next(&self) -> Result<Frame, Closed> {
        self.wait("a frame", |state| match state.frames.pop_front() {
            Some(frame) => Some(Ok(frame)),
            None => state.closed.clone().map(Err),
        })
        .await
    }

    /// How the connection ended; waits for it.
    pub(crate) async fn closed(&self) -> Closed {
        self.wait("the close", |state| state.closed.clone()).await
    }

    async fn wait<T>(&self, what: &str, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if let Some(found) = look(&mut self.state.lock()) {
                    return found;
                }
                changed.await;
            }
        };
        within_patience(what, wait).await
    }
}

/// Fails the test when something takes too long.
pub(crate) async fn within_patience<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {PATIENCE:?} in vain for {what}"),
    }
}
