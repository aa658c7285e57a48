//! How events reach every node's hub.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::Event;

/// Batches of events in the order in which they were published here.
pub type Subscription = mpsc::Receiver<Vec<Arc<Event>>>;

/// Carries events to every node, this one included. The store is the truth: a
/// stored event that is lost, doubled or reordered on the way changes nothing
/// that a user sees (`design.md` §2, invariant 4).
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Hands the events on in this order. Waits while subscribers are behind;
    /// never fails: what cannot be carried is logged by the implementation.
    async fn publish(&self, events: Vec<Arc<Event>>);

    /// Everything published from now on. Holds a bounded number of batches.
    fn subscribe(&self) -> Subscription;
}
