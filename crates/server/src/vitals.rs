//! Tasks that the server cannot do without. When one of them ends while the
//! server runs, the server is of no more use: it says so, is not ready any
//! more, and stops, so that whoever supervises it starts it anew.

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Starts tasks that must not end.
#[derive(Default)]
pub(crate) struct VitalTasks(JoinSet<&'static str>);

/// Ends the tasks when dropped.
pub(crate) struct Supervisor(JoinHandle<()>);

/// Tells whether all the tasks still run.
#[derive(Clone, Debug)]
pub(crate) struct Vitals(watch::Receiver<bool>);

impl VitalTasks {
    pub(crate) fn start(&mut self, name: &'static str, task: impl Future + Send + 'static) {
        self.0.spawn(async move {
            task.await;
            name
        });
    }

    /// Watches over those that were started.
    pub(crate) fn supervise(self) -> (Supervisor, Vitals) {
        let (failed, vitals) = watch::channel(false);
        let supervisor = tokio::spawn(supervise(self.0, failed));
        (Supervisor(supervisor), Vitals(vitals))
    }
}

impl Vitals {
    /// Whether one of the tasks has ended.
    pub(crate) fn have_failed(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until one of the tasks ends; for ever when they are ended in order.
    pub(crate) async fn failure(&self) {
        if self.0.clone().wait_for(|failed| *failed).await.is_err() {
            std::future::pending().await
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn supervise(mut tasks: JoinSet<&'static str>, failed: watch::Sender<bool>) {
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(name) => tracing::error!(name, "a task ended that the server cannot do without"),
            Err(error) => {
                tracing::error!(%error, "a task broke that the server cannot do without");
            }
        }
        failed.send_replace(true);
    }
}
