//! A few threads for work that takes a whole core for a while, and a bounded
//! queue before them.

use std::sync::Arc;
use std::time::Duration;

use tertulia_domain::{Error, Result};
use tokio::sync::Semaphore;
use tokio::task;

use super::PoolSize;

/// When to come back to a full queue.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Runs at most so many pieces of work at once, and lets so many wait, in the
/// order in which they came.
pub(super) struct Pool {
    /// A place for each that runs or waits.
    places: Arc<Semaphore>,
    /// A turn for each that runs.
    turns: Arc<Semaphore>,
}

impl Pool {
    pub(super) fn new(PoolSize { workers, waiting }: PoolSize) -> Self {
        let places = workers.get().saturating_add(waiting);
        Self {
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            turns: Arc::new(Semaphore::new(workers.get().min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Runs `work` when its turn comes. A caller that stops waiting frees its
    /// place; work that has begun keeps it to its end.
    ///
    /// # Errors
    /// [`Error::SlowDown`] when too many wait already; [`Error::Unavailable`]
    /// when the work panicked or the runtime is going down.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err(Error::SlowDown {
                retry_after: RETRY_AFTER,
            });
        };
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(Error::unavailable)?;
        task::spawn_blocking(move || {
            let _held = (place, turn);
            work()
        })
        .await
        .map_err(Error::unavailable)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::num::NonZeroUsize;
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::{Context, Waker};

    use tokio::sync::oneshot;

    use super::*;

    fn one_worker(waiting: usize) -> Arc<Pool> {
        Arc::new(Pool::new(PoolSize {
            workers: NonZeroUsize::MIN,
            waiting,
        }))
    }

    /// Has the pool's only worker wait for the sender that this gives.
    async fn occupy(pool: &Arc<Pool>) -> mpsc::SyncSender<()> {
        let (finish, finished) = mpsc::sync_channel(1);
        let (begin, begun) = oneshot::channel();
        let pool = Arc::clone(pool);
        tokio::spawn(async move {
            pool.run(move || {
                begin.send(()).unwrap();
                finished.recv().unwrap();
            })
            .await
        });
        begun.await.unwrap();
        finish
    }

    fn is_waiting(run: std::pin::Pin<&mut impl Future<Output = Result<u8>>>) -> bool {
        run.poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    }

    #[tokio::test]
    async fn whoever_finds_the_queue_full_is_told_to_slow_down() {
        let pool = one_worker(1);
        let finish = occupy(&pool).await;
        let mut waiting = pin!(pool.run(|| 1));
        assert!(is_waiting(waiting.as_mut()));

        let refused = pool.run(|| 2).await;
        assert!(
            matches!(refused, Err(Error::SlowDown { retry_after }) if retry_after > Duration::ZERO)
        );

        finish.send(()).unwrap();
        assert_eq!(waiting.await.unwrap(), 1);
        assert_eq!(pool.run(|| 3).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn whoever_stops_waiting_frees_the_place() {
        let pool = one_worker(1);
        let finish = occupy(&pool).await;
        {
            let mut abandoned = pin!(pool.run(|| 1));
            assert!(is_waiting(abandoned.as_mut()));
        }
        let mut next = pin!(pool.run(|| 2));
        assert!(is_waiting(next.as_mut()));

        finish.send(()).unwrap();
        assert_eq!(next.await.unwrap(), 2);
    }

    #[tokio::test]
    async fn work_that_panics_costs_the_pool_nothing() {
        let pool = one_worker(0);
        let broken = pool.run(|| panic!("on purpose")).await;
        assert!(matches!(broken, Err::<(), _>(Error::Unavailable(_))));
        assert_eq!(pool.run(|| 1).await.unwrap(), 1);
    }
}
