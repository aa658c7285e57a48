//! Durable messages a second: the whole road from the use case to the disk,
//! with the writer's batches as they are and with one transaction for each
//! message, on the same database and without any socket.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use tertulia_domain::Limits;

use crate::latency::{HEADING, Latencies};
use crate::report::number;
use crate::world::{Maker, Place};

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
        "{:<8} {:<24} {:>14} {HEADING:>24}",
        "senders", "transactions", "messages/s"
    );
    for senders in options.senders {
        for _ in 0..options.rounds {
            let whole = Limits::default().writer_batch;
            for (name, writer_batch) in [("one for each message", 1), ("group commit", whole)] {
                let time = Duration::from_secs(options.seconds);
                let waits = runtime.block_on(measure(senders, writer_batch, time))?;
                let rate = waits.len() as f64 / time.as_secs_f64();
                let waits = Latencies::new(waits).to_string();
                println!("{senders:<8} {name:<24} {:>14} {waits:>24}", number(rate));
            }
        }
    }
    Ok(())
}

async fn measure(senders: usize, writer_batch: usize, time: Duration) -> Result<Vec<Duration>> {
    let folder = tempfile::tempdir()?;
    let limits = Limits {
        writer_batch,
        ..Limits::default()
    };
    let mut maker = Maker::with_limits(&Place::folder(folder.path()), limits).await?;
    maker.people(1).await?;
    maker.rooms(vec![vec![0]]).await?;
    let waits = maker.append(senders, time).await?;
    maker.close().await;
    Ok(waits)
}
