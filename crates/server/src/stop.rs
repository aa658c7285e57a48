//! The order to stop, as everything that runs hears it, and the count of what
//! still runs.

use tokio::sync::watch;

/// Hears the order to stop. Whoever holds a clone counts as still running.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<Phase>);

/// Gives the order.
#[derive(Debug)]
pub(crate) struct StopOrder(watch::Sender<Phase>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    Finish,
    Drop,
}

/// An order not yet given, and who hears it.
pub(crate) fn channel() -> (StopOrder, Stop) {
    let (order, stop) = watch::channel(Phase::Running);
    (StopOrder(order), Stop(stop))
}

impl Stop {
    /// Waits until what is in progress should be finished and nothing begun.
    pub(crate) async fn requested(&self) {
        self.wait(Phase::Finish).await;
    }

    /// Waits until there is no more time to finish anything.
    pub(crate) async fn overdue(&self) {
        self.wait(Phase::Drop).await;
    }

    /// Whether the order was given.
    pub(crate) fn is_requested(&self) -> bool {
        *self.0.borrow() >= Phase::Finish
    }

    async fn wait(&self, phase: Phase) {
        // An order that nobody can give any more counts as given.
        let _ = self.0.clone().wait_for(|now| *now >= phase).await;
    }
}

impl StopOrder {
    /// Asks everything to finish.
    pub(crate) fn request(&self) {
        self.0.send_replace(Phase::Finish);
    }

    /// Ends whatever still runs.
    pub(crate) fn insist(&self) {
        self.0.send_replace(Phase::Drop);
    }

    /// Waits until nothing runs any more.
    pub(crate) async fn finished(&self) {
        self.0.closed().await;
    }
}
