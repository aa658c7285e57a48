//! Durable messages a second: the whole road from the use case to the disk,
//! with the writer's batches as they are and with one transaction for each
//! message, on the same database.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use tertulia_auth::{Argon2Passwords, HashCost, JwtTokens, PoolSize, SigningSecret, TokenKeys};
use tertulia_blob::{FileMedia, LocalBlobs};
use tertulia_bus::MemoryBus;
use tertulia_domain::chat::{Chat, NewAccount, Ports, RoomDraft};
use tertulia_domain::{
    Clock, Draft, Limits, Profile, Random, RoomId, RoomKind, Timestamp, Visibility,
};
use tertulia_store::{Options as StoreOptions, SqlStore};

use crate::latency::{self, Latencies};

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// How many send at once, each waiting for its message to be durable
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 64])]
    senders: Vec<usize>,
    /// Seconds for each line
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often, in turn, each way is measured
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// Measures group commit against one transaction for each message.
pub(crate) fn run(options: Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    println!(
        "{:<8} {:<24} {:>14} {:>24}",
        "senders",
        "transactions",
        "messages/s",
        latency::HEADING
    );
    for senders in options.senders {
        for _ in 0..options.rounds {
            for (name, batch) in [
                ("one for each message", 1),
                ("group commit", Limits::default().writer_batch),
            ] {
                let time = Duration::from_secs(options.seconds);
                let (messages, latencies) = runtime.block_on(measure(senders, batch, time))?;
                let rate = messages as f64 / time.as_secs_f64();
                println!(
                    "{senders:<8} {name:<24} {rate:>14.0} {:>24}",
                    latencies.to_string()
                );
            }
        }
    }
    Ok(())
}

async fn measure(
    senders: usize,
    writer_batch: usize,
    time: Duration,
) -> Result<(usize, Latencies)> {
    let folder = tempfile::tempdir()?;
    let random: Arc<dyn Random> = Arc::new(OsRandom);
    let store = SqlStore::open(StoreOptions::new(folder.path().join("bench.db")), &*random).await?;
    let chat = Chat::start(
        ports(Arc::new(store), folder.path(), &random)?,
        Limits {
            writer_batch,
            ..Limits::default()
        },
    );
    let (sender, room) = room(&chat).await?;
    let deadline = Instant::now() + time;
    let tasks: Vec<_> = (0..senders)
        .map(|_| {
            let (chat, sender) = (Arc::clone(&chat), Arc::clone(&sender));
            tokio::spawn(async move {
                let mut latencies = Latencies::default();
                let mut messages = 0;
                while Instant::now() < deadline {
                    let began = Instant::now();
                    chat.send(&sender, room, Draft::text("x".repeat(100)))
                        .await?;
                    latencies.add(began.elapsed());
                    messages += 1;
                }
                anyhow::Ok((messages, latencies))
            })
        })
        .collect();
    let (mut messages, mut latencies) = (0, Latencies::default());
    for task in tasks {
        let (count, times) = task.await??;
        messages += count;
        latencies.extend(times);
    }
    chat.shutdown().await;
    Ok((messages, latencies))
}

async fn room(chat: &Chat) -> Result<(Arc<Profile>, RoomId)> {
    let account = NewAccount {
        username: "bench".to_owned(),
        password: "correct horse battery".to_owned(),
        ..NewAccount::default()
    };
    let sender = Arc::new(chat.create_account(account).await?.profile);
    let draft = RoomDraft {
        kind: RoomKind::Group,
        title: "bench".to_owned(),
        description: None,
        visibility: Visibility::Private,
        open: false,
        members: Vec::new(),
    };
    let room = chat.create_room(&sender, draft).await?.id;
    Ok((sender, room))
}

fn ports(store: Arc<SqlStore>, folder: &Path, random: &Arc<dyn Random>) -> Result<Ports> {
    let cost = HashCost {
        memory_kib: 8,
        passes: 1,
    };
    let keys = TokenKeys {
        current: SigningSecret::generate(&**random),
        previous: None,
        kaapehchat: None,
    };
    let passwords =
        Argon2Passwords::new(cost, PoolSize::default(), Arc::clone(random)).context("hash cost")?;
    let tokens = Arc::new(JwtTokens::new(&keys, Arc::clone(random)));
    Ok(Ports {
        blobs: Arc::new(LocalBlobs::open(folder.join("files"))?),
        media: Arc::new(FileMedia::default()),
        links: Arc::clone(&tokens) as _,
        writes: Arc::clone(&store) as _,
        store,
        bus: Arc::new(MemoryBus::new(std::num::NonZeroUsize::MIN)),
        clock: Arc::new(SystemClock(Instant::now())),
        random: Arc::clone(random),
        passwords: Arc::new(passwords),
        tokens,
    })
}

struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the system has randomness");
    }
}

/// Times of day do not matter here: it counts from 1970.
struct SystemClock(Instant);

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(0).after(self.0.elapsed())
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}
