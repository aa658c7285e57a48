//! The load program behind `cargo xtask bench`.
//!
//! It measures the real server from outside, as a process of its own on one
//! core, against the *limit server*: a program that only writes pre-encoded
//! frames to its sockets (`limit.rs`), and against Node.js with Socket.IO. All
//! get the same load in the same run, so the ratios hold when the machine's
//! speed drifts. The steadier figure is the server's CPU time for each million
//! deliveries.

mod child;
mod client;
mod latency;
mod limit;
mod load;
mod machine;
mod plot;
mod report;
mod scenes;
mod tally;
mod target;
mod wire;
mod world;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};

use crate::child::Tools;
use crate::machine::Machine;
use crate::report::{Made, Section};
use crate::scenes::{Effort, append, fanout, flat, idle, outbox, pace, pairs, storm};

#[derive(Parser)]
#[command(
    name = "cargo xtask bench",
    about = "Measures the server against the limit of the machine, and writes docs/performance.md"
)]
struct Arguments {
    #[command(subcommand)]
    bench: Option<Bench>,
    #[command(flatten)]
    means: Means,
}

#[derive(clap::Args)]
struct Means {
    /// Seconds that each load is measured, after one that is not
    #[arg(long, default_value_t = 5, global = true)]
    seconds: u64,
    /// How often, in turn, each server is measured
    #[arg(long, default_value_t = 3, global = true)]
    rounds: usize,
    /// For large numbers of connections and messages: this share of them, for a try
    #[arg(long, default_value_t = 1.0, global = true)]
    share: f64,
    /// Only these parts; the page is not written then
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Where the page is written: the folder of the documents
    #[arg(long, hide = true)]
    docs: Option<PathBuf>,
    /// The folder of the Node.js packages
    #[arg(long, hide = true, global = true)]
    node: Option<PathBuf>,
    /// A PostgreSQL: its address without a database
    #[arg(long, hide = true, global = true, requires = "postgres_pid")]
    postgres: Option<String>,
    /// Its first process
    #[arg(long, hide = true, global = true)]
    postgres_pid: Option<u32>,
}

#[derive(Subcommand)]
enum Bench {
    /// One room of one's own choice: how many deliveries a second, and what they cost
    Fanout(fanout::Options),
    /// Durable messages a second without a socket, with group commit and without
    Append(append::Options),
    /// From the commit of an app's row in `outbox` to the reader's socket
    Outbox(outbox::Options),
    /// The server that only writes pre-encoded frames (started by the others)
    #[command(hide = true)]
    LimitServer,
}

/// A part of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Fanout,
    Pairs,
    Pace,
    Idle,
    Growth,
    Storm,
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let Arguments { bench, means } = Arguments::parse();
    match bench {
        Some(Bench::Fanout(options)) => {
            child::pin_load();
            runtime.block_on(options.run(&means.tools()?, means.effort()))
        }
        Some(Bench::Append(options)) => append::run(options),
        Some(Bench::Outbox(options)) => {
            child::pin_load();
            runtime.block_on(outbox::run(options, &means.tools()?))
        }
        Some(Bench::LimitServer) => {
            runtime.block_on(tokio::task::LocalSet::new().run_until(limit::serve()))
        }
        None => runtime.block_on(page(&means)),
    }
}

/// Rounds below which a median says little: no page is written of them.
const LEAST_ROUNDS: usize = 3;

/// Measures everything and writes the page.
async fn page(means: &Means) -> Result<()> {
    child::pin_load();
    child::raise_file_limit();
    let (tools, effort) = (means.tools()?, means.effort());
    let made = Made {
        machine: Machine::look()?,
        versions: tools.versions().await?,
        effort,
    };
    println!("{made}");
    let docs = means.docs(&tools);
    let parts = match &means.only[..] {
        [] => Part::value_variants(),
        some => some,
    };
    let mut sections: Vec<Section> = Vec::new();
    for part in parts {
        sections.append(&mut match part {
            Part::Fanout => fanout::sections(&tools, effort).await?,
            Part::Pairs => pairs::sections(&tools, effort).await?,
            Part::Pace => pace::sections(&tools, effort).await?,
            Part::Idle => idle::sections(&tools, effort).await?,
            Part::Growth => flat::sections(&tools, effort).await?,
            Part::Storm => storm::sections(&tools, effort).await?,
        });
    }
    match docs {
        Some(docs) => report::write(docs, &made, &sections),
        None => Ok(()),
    }
}

impl Means {
    /// Where the page is to be written, if it will be a whole one.
    fn docs(&self, tools: &Tools) -> Option<&Path> {
        let docs = self.docs.as_deref()?;
        let part = !self.only.is_empty() || self.share < 1.0;
        let few = (self.rounds < LEAST_ROUNDS).then_some("there are fewer than three rounds");
        match few.or(tools.missing()) {
            _ if part => None,
            None => Some(docs),
            Some(why) => {
                println!("The page will not be written: {why}.");
                None
            }
        }
    }

    fn effort(&self) -> Effort {
        Effort {
            time: Duration::from_secs(self.seconds),
            rounds: self.rounds.max(1),
            share: self.share,
        }
    }

    /// The server lies beside this program.
    fn tools(&self) -> Result<Tools> {
        let own = std::env::current_exe()?;
        let beside = own.parent().context("a program lies in a folder")?;
        Ok(Tools {
            tertulia: beside.join("tertulia"),
            node: self.node.clone(),
            postgres: self.postgres.clone().zip(self.postgres_pid),
        })
    }
}
