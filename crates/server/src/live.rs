//! Live connections: the hub between the bus and the dialects.

use std::sync::Arc;
use std::time::Duration;

use tertulia_domain::chat::Relayed;
use tertulia_domain::ports::Subscription;
use tertulia_domain::{Chat, Result};
use tertulia_hub::{Codecs, Hub, HubSettings};
use tokio::runtime::Handle;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::OutboxSettings;
use crate::vitals::{Supervisor, VitalTasks, Vitals};

/// How often it is looked whether the chat still writes.
const WRITER_CHECK: Duration = Duration::from_secs(1);

/// How often to look whether somebody else has ended logins. With the goodbye
/// that the hub grants, connections are closed within 5 s (S4).
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often to look for uploads that expired, and for old rows of the outbox.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Batches of events that are delivered at once, at most.
const BATCHES: usize = 16;

/// A hub, with what feeds it.
pub(crate) struct Live {
    pub(crate) hub: Arc<Hub>,
    pub(crate) vitals: Vitals,
    _supervisor: Supervisor,
}

impl Live {
    /// Starts delivering what comes over the bus, and telling the chat who comes
    /// and goes.
    pub(crate) fn start(
        settings: HubSettings,
        codecs: Codecs,
        outbox: OutboxSettings,
        chat: &Arc<Chat>,
        events: Subscription,
    ) -> Self {
        let hub = Hub::new(settings, codecs);
        let mut tasks = VitalTasks::default();
        tasks.start("delivery", deliver(Arc::clone(&hub), events));
        for _ in 0..Handle::current().metrics().num_workers() {
            tasks.start("writing", write_to_idle(Arc::clone(&hub)));
        }
        tasks.start(
            "presence",
            tell_presence(Arc::clone(&hub), Arc::clone(chat)),
        );
        tasks.start(
            "revocation",
            close_ended(Arc::clone(chat), Arc::clone(&hub)),
        );
        tasks.start("writer", writes(Arc::clone(chat)));
        tasks.start("sweep", sweep(Arc::clone(chat)));
        if !outbox.poll_interval.is_zero() {
            let chat = Arc::clone(chat);
            tasks.start("outbox", relay(chat, outbox.poll_interval));
        }
        tasks.start("pruning", prune(Arc::clone(chat), outbox.kept));
        let (supervisor, vitals) = tasks.supervise();
        Self {
            hub,
            vitals,
            _supervisor: supervisor,
        }
    }

    /// Closes all connections, and waits for them no longer than this.
    pub(crate) async fn close_connections(&self, within: Duration) {
        self.hub.shutdown(within).await;
    }
}

/// Reads on whatever happens: who publishes waits for it. What several commits
/// have brought meanwhile goes out together, with one wake-up for each reader.
async fn deliver(hub: Arc<Hub>, mut events: Subscription) {
    let mut batches = Vec::new();
    while events.recv_many(&mut batches, BATCHES).await > 0 {
        let mut batches = batches.drain(..);
        let mut events = batches.next().unwrap_or_default();
        events.extend(batches.flatten());
        hub.deliver(&events);
    }
}

/// Writes what was delivered to connections that sleep.
async fn write_to_idle(hub: Arc<Hub>) {
    hub.run_writing().await;
}

/// Closes the connections of logins that an administrator's command has ended,
/// in another process, and calls people as it does. Looks at them only when
/// another process has written; each such moment costs a read for every login
/// here, and one for every person who is spoken of afterwards.
async fn close_ended(chat: Arc<Chat>, hub: Arc<Hub>) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut known, mut forgotten) = (None, None);
    loop {
        looks.tick().await;
        match chat.foreign_writes().await {
            Ok(now) if known.is_none_or(|known| known == now) => known = Some(now),
            Ok(now) => {
                // Once, also while the store fails to say who is still welcome:
                // it could not say who people are either.
                if forgotten.replace(now) != Some(now) {
                    chat.forget_profiles();
                }
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

async fn tell_presence(hub: Arc<Hub>, chat: Arc<Chat>) {
    hub.run_presence(&*chat).await;
}

/// Removes what uploads and deleted files left behind.
async fn sweep(chat: Arc<Chat>) {
    let mut sweeps = interval(SWEEP_EVERY);
    sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        sweeps.tick().await;
        if let Err(error) = chat.sweep_files().await {
            tracing::warn!(%error, "what files left behind could not be removed");
        }
    }
}

/// Sees to the rows that SQL clients insert.
async fn relay(chat: Arc<Chat>, poll_interval: Duration) {
    loop {
        match chat.relay_outbox().await {
            Ok(Relayed::Some) => continue,
            Ok(Relayed::All) => {}
            // Whoever asks for readiness is told that storage is away.
            Err(error) => tracing::debug!(%error, "the outbox could not be seen to"),
        }
        chat.outbox_wake(poll_interval).await;
    }
}

/// Removes rows that were seen to long ago.
async fn prune(chat: Arc<Chat>, kept: Duration) {
    let mut looks = interval(SWEEP_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        if let Err(error) = chat.prune_outbox(kept).await {
            tracing::warn!(%error, "old rows of the outbox could not be removed");
        }
    }
}

/// Ends when the chat's writer has ended before its time.
async fn writes(chat: Arc<Chat>) {
    let mut checks = interval(WRITER_CHECK);
    while !chat.has_lost_writer() {
        checks.tick().await;
    }
}

#[cfg(test)]
mod tests;
