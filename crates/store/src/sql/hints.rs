//! Being told that a row came: PostgreSQL's NOTIFY. The other databases tell
//! nothing, and are asked now and then.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::address::Server;
use crate::open::Source;

/// What the trigger of `outbox` notifies.
const CHANNEL: &str = "tertulia_outbox";

/// How long until it is tried again to listen.
const PAUSE: Duration = Duration::from_secs(1);

/// What a database tells of rows that came.
pub(crate) struct Hints {
    database: Option<PgConnectOptions>,
    news: Arc<News>,
    listening: OnceLock<JoinHandle<()>>,
}

#[derive(Default)]
struct News {
    /// Whether somebody listens to the database now.
    are_told: AtomicBool,
    came: Notify,
}

impl Hints {
    pub(crate) fn of(source: &Source) -> Self {
        let database = match source {
            // Poolers that keep no prepared statements keep no listeners either.
            Source::Server(target) if target.address.prepare => match &target.address.server {
                Server::Postgres(options) => Some(PgConnectOptions::clone(options)),
                Server::MySql(_) => None,
            },
            Source::Server(_) | Source::Sqlite(_) => None,
        };
        Self {
            database,
            news: Arc::default(),
            listening: OnceLock::new(),
        }
    }

    /// Comes back when something may have come since the last time; never where
    /// the database tells nothing. Begins to listen at the first call.
    pub(crate) async fn next(&self) {
        let Some(database) = &self.database else {
            return std::future::pending().await;
        };
        self.listening
            .get_or_init(|| tokio::spawn(listen(database.clone(), Arc::clone(&self.news))));
        self.news.came.notified().await;
    }

    /// Whether the database tells now.
    pub(crate) fn are_told(&self) -> bool {
        self.news.are_told.load(Ordering::Relaxed)
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        if let Some(listening) = self.listening.get() {
            listening.abort();
        }
    }
}

/// Listens for ever, over one connection, and over another when that is lost.
async fn listen(database: PgConnectOptions, news: Arc<News>) {
    loop {
        if let Err(error) = listen_once(&database, &news).await {
            tracing::debug!(%error, "the database tells nothing");
        }
        news.are_told.store(false, Ordering::Relaxed);
        sleep(PAUSE).await;
    }
}

async fn listen_once(database: &PgConnectOptions, news: &News) -> Result<(), sqlx::Error> {
    let one = PgPoolOptions::new().max_connections(1);
    let connections = one.connect_lazy_with(database.clone());
    let mut listener = PgListener::connect_with(&connections).await?;
    listener.listen(CHANNEL).await?;
    news.are_told.store(true, Ordering::Relaxed);
    // Something may have come before.
    news.came.notify_one();
    while listener.try_recv().await?.is_some() {
        news.came.notify_one();
    }
    Ok(())
}
