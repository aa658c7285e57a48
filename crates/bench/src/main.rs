//! The load program behind `cargo xtask bench`.
//!
//! It measures the real server from outside, as a process of its own on one
//! core, against the *limit server*: a program that only writes pre-encoded
//! frames to its sockets (`limit.rs`). Both get the same load in the same run,
//! so the ratio holds when the machine's speed drifts. The steadier figure is
//! the server's CPU time for each million deliveries.

mod append;
mod child;
mod client;
mod fanout;
mod idle;
mod latency;
mod limit;
mod setup;
mod wire;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask bench",
    about = "Measures the server against the limit of the machine"
)]
struct Arguments {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// One room: how many deliveries a second, and what they cost
    Fanout(fanout::Options),
    /// What idle connections cost in memory
    Idle(idle::Options),
    /// Durable messages a second, with group commit and without
    Append(append::Options),
    /// The server that only writes pre-encoded frames (started by `fanout`)
    #[command(hide = true)]
    LimitServer,
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match Arguments::parse().bench {
        Bench::Fanout(options) => runtime.block_on(fanout::run(options)),
        Bench::Idle(options) => runtime.block_on(idle::run(options)),
        Bench::Append(options) => append::run(options),
        Bench::LimitServer => {
            runtime.block_on(tokio::task::LocalSet::new().run_until(limit::serve()))
        }
    }
}
