//! Live connections: the hub between the bus and the dialects.

use std::sync::Arc;
use std::time::Duration;

use tertulia_domain::Chat;
use tertulia_domain::ports::Subscription;
use tertulia_hub::{Codecs, Hub, HubSettings};
use tokio::task::JoinHandle;

/// A hub, with what feeds it.
pub(crate) struct Live {
    pub(crate) hub: Arc<Hub>,
    delivery: JoinHandle<()>,
    presence: JoinHandle<()>,
}

impl Live {
    /// Starts delivering what comes over the bus, and telling the chat who comes
    /// and goes.
    pub(crate) fn start(
        settings: HubSettings,
        codecs: Codecs,
        chat: &Arc<Chat>,
        events: Subscription,
    ) -> Self {
        let hub = Hub::new(settings, codecs);
        let delivery = tokio::spawn(deliver(Arc::clone(&hub), events));
        let presence = tokio::spawn({
            let (hub, chat) = (Arc::clone(&hub), Arc::clone(chat));
            async move { hub.run_presence(&*chat).await }
        });
        Self {
            hub,
            delivery,
            presence,
        }
    }

    /// Closes all connections, and waits for them no longer than this.
    pub(crate) async fn close_connections(&self, within: Duration) {
        self.hub.shutdown(within).await;
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.delivery.abort();
        self.presence.abort();
    }
}

/// Reads on whatever happens: who publishes waits for it.
async fn deliver(hub: Arc<Hub>, mut events: Subscription) {
    while let Some(batch) = events.recv().await {
        hub.deliver(&batch);
    }
}
