//! A request's body, piece by piece: no more of it is in memory than one piece,
//! and it must get on.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout, timeout_at};

/// How long a body may bring nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is still read of a body that is of no more use, so that its sender gets
/// to hear why.
const DRAINED_BYTES: usize = 16 * 1024 * 1024;

/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Why a body ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// It brought nothing for too long.
    #[error("the body came too slowly")]
    Timeout,
    /// The connection broke.
    #[error("the body was cut")]
    Cut,
}

/// The pieces of a body.
pub(crate) struct Pieces {
    body: BodyDataStream,
    /// Whether the next poll waits for its turn, so that whoever polls until
    /// nothing is ready gets one piece at a time.
    rests: bool,
}

impl Pieces {
    pub(crate) fn of(body: Body) -> Self {
        Self {
            body: body.into_data_stream(),
            rests: false,
        }
    }

    /// The next piece; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        in_time(self.body.next())
            .await?
            .transpose()
            .map_err(|_| Broken::Cut)
    }

    /// Reads on for a while and lets it all fall.
    pub(crate) async fn drain(mut self) {
        let until = Instant::now() + DRAIN_TIME;
        let mut left = DRAINED_BYTES;
        while let Ok(Some(Ok(piece))) = timeout_at(until, self.body.next()).await {
            left = left.saturating_sub(piece.len());
            if left == 0 {
                return;
            }
        }
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.rests) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = self.body.poll_next_unpin(context);
        self.rests = polled.is_ready();
        polled
    }
}

/// Waits for something of a body.
pub(super) async fn in_time<T>(next: impl Future<Output = T>) -> Result<T, Broken> {
    timeout(PATIENCE, next).await.map_err(|_| Broken::Timeout)
}
