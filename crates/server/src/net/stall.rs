//! Gives up on a client that does not read (`reliability.md` §2, G12): else it
//! would hold its place for as long as it likes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// Since when a socket takes nothing, against how long it may.
#[derive(Debug)]
pub(super) struct Stall {
    timeout: Duration,
    /// Runs while the socket takes nothing.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            timer: None,
        }
    }

    /// Passes on what came of an attempt to write. One that waits fails with
    /// [`io::ErrorKind::TimedOut`] when none has got on for too long.
    pub(super) fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        attempt: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if attempt.is_ready() {
            self.timer = None;
            return attempt;
        }
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep(self.timeout)));
        timer
            .as_mut()
            .poll(context)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn progress_stops_the_clock() {
        let mut stall = Stall::new(Duration::from_secs(60 * 60));
        poll_fn(|context| {
            let waits = Poll::<io::Result<usize>>::Pending;
            assert!(stall.watch(context, waits).is_pending());
            assert!(stall.timer.is_some());
            assert!(stall.watch(context, Poll::Ready(Ok(1))).is_ready());
            assert!(stall.timer.is_none());
            Poll::Ready(())
        })
        .await;
    }

    #[tokio::test]
    async fn a_socket_that_takes_nothing_is_given_up() {
        let mut stall = Stall::new(Duration::from_millis(1));
        let attempt = poll_fn(|context| stall.watch::<usize>(context, Poll::Pending));
        assert_eq!(attempt.await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
