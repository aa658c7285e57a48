//! Live connections: the hub between the bus and the dialects.

use std::sync::Arc;
use std::time::Duration;

use tertulia_domain::ports::Subscription;
use tertulia_domain::{Chat, Result};
use tertulia_hub::{Codecs, Hub, HubSettings};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// How often to look whether somebody else has ended logins. With the goodbye
/// that the hub grants, connections are closed within 5 s (S4).
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A hub, with what feeds it.
pub(crate) struct Live {
    pub(crate) hub: Arc<Hub>,
    delivery: JoinHandle<()>,
    presence: JoinHandle<()>,
    revocation: JoinHandle<()>,
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
        let revocation = tokio::spawn(close_ended(Arc::clone(chat), Arc::clone(&hub)));
        Self {
            hub,
            delivery,
            presence,
            revocation,
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
        self.revocation.abort();
    }
}

/// Reads on whatever happens: who publishes waits for it.
async fn deliver(hub: Arc<Hub>, mut events: Subscription) {
    while let Some(batch) = events.recv().await {
        hub.deliver(&batch);
    }
}

/// Closes the connections of logins that an administrator's command has ended,
/// in another process. Looks at them only when another process has written.
async fn close_ended(chat: Arc<Chat>, hub: Arc<Hub>) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = None;
    loop {
        looks.tick().await;
        match chat.foreign_writes().await {
            Ok(now) if known.is_none_or(|known| known == now) => known = Some(now),
            Ok(now) => {
                if close_those_that_ended(&chat, &hub).await.is_ok() {
                    known = Some(now);
                }
            }
            // Whoever asks for readiness is told that storage is away.
            Err(error) => tracing::debug!(%error, "could not look for ended logins"),
        }
    }
}

async fn close_those_that_ended(chat: &Chat, hub: &Hub) -> Result<()> {
    for (user, session) in hub.logins() {
        chat.close_if_ended(&user, session).await?;
    }
    Ok(())
}
