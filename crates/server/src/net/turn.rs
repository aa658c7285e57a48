//! How many connections are served their first request at the same moment.
//!
//! What HTTP needs for a connection, some 12 KiB of buffers and state, is gone again once it has
//! become a WebSocket. A crowd that comes back in the same second needs it one after the other,
//! instead of all at once, while their tokens are looked at.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

/// First requests that are served at the same moment.
const AT_ONCE: usize = 128;

/// How long a turn lasts at most: who speaks slowly, or whose answer takes long, keeps nobody out.
const LONGEST: Duration = Duration::from_millis(250);

/// Turns of a server's connections, first come, first served.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Semaphore>);

/// A connection's turn. It ends with the answer to its first request, with the connection, or when
/// it has lasted long enough.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turn(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Turns {
    /// Waits for a turn.
    pub(super) async fn next(&self) -> Turn {
        // It fails only when closed, which it never is.
        let permit = Arc::clone(&self.0).acquire_owned().await.ok();
        Turn(Arc::new(Mutex::new(permit)))
    }
}

impl Turn {
    /// Lets the next one in.
    pub(super) fn end(&self) {
        let permit = self.0.lock().take();
        drop(permit);
    }

    /// Serves a connection; the turn ends meanwhile, or with it.
    pub(super) async fn spend_on(self, serving: impl Future<Output = ()>) {
        let mut serving = std::pin::pin!(serving);
        tokio::select! {
            biased;
            () = &mut serving => return self.end(),
            () = sleep(LONGEST) => self.end(),
        }
        serving.await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures_util::FutureExt;
    use tokio::task::yield_now;

    use super::*;

    async fn all_taken() -> (Turns, Vec<Turn>) {
        let turns = Turns::default();
        let mut taken = Vec::new();
        while taken.len() < AT_ONCE {
            taken.push(turns.next().await);
        }
        assert!(!is_one_free(&turns).await);
        (turns, taken)
    }

    async fn is_one_free(turns: &Turns) -> bool {
        // A task that has taken so many is made to wait for what there is.
        yield_now().await;
        turns.next().now_or_never().is_some()
    }

    #[tokio::test]
    async fn a_turn_ends_with_the_first_answer() {
        let (turns, mut taken) = all_taken().await;
        let turn = taken.pop().expect("there is one");
        let serving = tokio::spawn(turn.clone().spend_on(pending()));
        turn.end();
        assert!(is_one_free(&turns).await);
        serving.abort();
    }

    #[tokio::test]
    async fn a_turn_ends_with_its_connection() {
        let (turns, mut taken) = all_taken().await;
        let turn = taken.pop().expect("there is one");
        turn.spend_on(async {}).await;
        assert!(is_one_free(&turns).await);
    }

    /// A client that says the beginning of a request and no more.
    #[tokio::test]
    async fn a_turn_that_lasts_long_ends() {
        let (turns, mut taken) = all_taken().await;
        let turn = taken.pop().expect("there is one");
        let serving = tokio::spawn(turn.spend_on(pending()));
        turns.next().await;
        assert!(!serving.is_finished(), "it is served on");
        serving.abort();
    }

    #[tokio::test]
    async fn who_is_dropped_leaves_its_turn() {
        let (turns, taken) = all_taken().await;
        drop(taken);
        assert!(is_one_free(&turns).await);
    }
}
