//! How many clients are let in at the same moment.
//!
//! When a server or a network comes back, everybody comes back at once. Each
//! login reads where the rooms stand and what was missed, and holds it until it
//! is said; five thousand of them side by side would hold five thousand times as
//! much, and none would be done sooner: the database has a few readers only. So
//! a few clients are let in at a time, first come, first served. Who waits holds
//! its request and no more.
//!
//! An [`Entry`] lasts while the server is at work for a client, never while it
//! waits for one: not for its socket, nor for its rate. So a client that does not
//! read what it missed keeps nobody out.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The way in, for so many clients at a time.
#[derive(Clone, Debug)]
pub struct Entering(Arc<Semaphore>);

/// A client's turn. It ends when this is dropped.
#[derive(Debug)]
pub struct Entry {
    entering: Entering,
    /// None while it gives way to others.
    permit: Option<OwnedSemaphorePermit>,
}

impl Entering {
    /// For so many at a time, at least one.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        let at_once = at_once.clamp(1, Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(at_once)))
    }

    /// Waits for a turn, behind those who came before.
    pub async fn begin(&self) -> Entry {
        let mut entry = self.later();
        entry.go_on().await;
        entry
    }

    /// A turn that has not come yet: [`Entry::go_on`] waits for it.
    #[must_use]
    pub fn later(&self) -> Entry {
        Entry {
            entering: self.clone(),
            permit: None,
        }
    }
}

impl Entry {
    /// Waits for a turn, behind those who came before, unless this is one.
    pub async fn go_on(&mut self) {
        if self.permit.is_none() {
            // It fails only when closed, which it never is.
            self.permit = Arc::clone(&self.entering.0).acquire_owned().await.ok();
        }
    }

    /// Lets others in while the client itself is waited for.
    pub fn give_way(&mut self) {
        self.permit = None;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn so_many_enter_and_the_next_is_who_came_first() {
        let entering = Entering::new(2);
        let (first, _second) = (entering.begin().await, entering.begin().await);
        let mut third = Box::pin(entering.begin());
        let mut fourth = Box::pin(entering.begin());
        assert!(poll!(&mut third).is_pending());
        assert!(poll!(&mut fourth).is_pending());
        drop(first);
        assert!(poll!(&mut fourth).is_pending(), "the third came before");
        assert!(poll!(&mut third).is_ready());
    }

    #[tokio::test]
    async fn who_gives_way_lets_the_next_in_and_queues_anew() {
        let entering = Entering::new(1);
        let mut slow = entering.begin().await;
        slow.go_on().now_or_never().expect("this is its turn");
        let mut next = Box::pin(entering.begin());
        assert!(poll!(&mut next).is_pending());
        slow.give_way();
        let entered = next.await;
        {
            let mut again = Box::pin(slow.go_on());
            assert!(poll!(&mut again).is_pending());
            drop(entered);
            again.await;
        }
        assert!(
            entering.begin().now_or_never().is_none(),
            "it is at it again"
        );
    }

    #[tokio::test]
    async fn who_goes_away_while_waiting_takes_no_turn() {
        let entering = Entering::new(1);
        let entry = entering.begin().await;
        let mut gone = Box::pin(entering.begin());
        assert!(poll!(&mut gone).is_pending());
        drop(gone);
        drop(entry);
        assert!(entering.begin().now_or_never().is_some());
    }
}
