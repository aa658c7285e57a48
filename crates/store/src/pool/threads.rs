//! Threads on which SQLite works: one for each connection, as long as the store
//! lives.
//!
//! Tokio's threads for blocking work are no match for this: a new one is started
//! whenever the last one is still on its way back, so that under load dozens
//! share the work of five, each with memory of its own.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// A few threads with one queue. They end when this is dropped and what was
/// queued is done.
pub(super) struct Threads(Arc<Queue>);

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    closed: bool,
}

/// The work has panicked, which its thread has logged.
#[derive(Debug, thiserror::Error)]
#[error("the work on the database was broken off")]
pub(super) struct Lost;

impl Threads {
    pub(super) fn start(count: usize) -> io::Result<Self> {
        let threads = Self(Arc::default());
        for _ in 0..count {
            let queue = Arc::clone(&threads.0);
            thread::Builder::new()
                .name("tertulia-store".to_owned())
                .spawn(move || queue.work())?;
        }
        Ok(threads)
    }

    /// Has one of the threads do it, also when the caller does not wait for it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Lost> {
        let (answer, result) = oneshot::channel();
        self.0.push(Box::new(move || {
            // Whoever is gone does not need it.
            let _ = answer.send(work());
        }));
        result.await.map_err(|_| Lost)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.0.state.lock().closed = true;
        self.0.changed.notify_all();
    }
}

impl Queue {
    fn push(&self, job: Job) {
        self.state.lock().jobs.push_back(job);
        self.changed.notify_one();
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            self.changed.wait(&mut state);
        }
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            // Its caller learns of a panic: nobody answers.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_comes_back_from_one_of_a_few_threads() {
        let threads = Threads::start(2).expect("threads start");
        let mut seen = std::collections::HashSet::new();
        for number in 0..100 {
            let work = move || (number, thread::current().id());
            let (back, thread) = threads.run(work).await.expect("done");
            assert_eq!(back, number);
            seen.insert(thread);
        }
        assert!((1..=2).contains(&seen.len()));
    }

    #[tokio::test]
    async fn a_panic_costs_no_thread() {
        let threads = Threads::start(1).expect("threads start");
        let lost: Result<(), Lost> = threads.run(|| panic!("a mistake in an action")).await;
        assert!(lost.is_err());
        assert_eq!(threads.run(|| 7).await.expect("the thread goes on"), 7);
    }

    #[tokio::test]
    async fn what_was_queued_is_done_though_nobody_waits() {
        let (sender, done) = oneshot::channel();
        let threads = Threads::start(1).expect("threads start");
        let mut unawaited = Box::pin(threads.run(move || sender.send(7)));
        assert!(futures_util::poll!(&mut unawaited).is_pending());
        drop(unawaited);
        drop(threads);
        assert_eq!(done.await.expect("it was done"), 7);
    }
}
