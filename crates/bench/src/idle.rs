//! What a connection costs that is signed in and does nothing.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::child::{self, Server};
use crate::setup::{self, Person};
use crate::wire::Wire;

/// Connections of one person: what the registration of each costs is no matter
/// of this bench.
const EACH: usize = 20;

/// What to measure.
#[derive(Args, Clone, Copy)]
pub(crate) struct Options {
    /// Connections that are held
    #[arg(long, default_value_t = 5000)]
    connections: usize,
}

/// Measures each wire protocol on a server of its own.
pub(crate) async fn run(options: Options) -> Result<()> {
    println!("{} idle connections", options.connections);
    println!("{:<10} {:>14} {:>22}", "server", "RSS MiB", "bytes each");
    for wire in Wire::value_variants() {
        let data = tempfile::tempdir()?;
        // Hashing passwords leaves memory behind that connections would fill
        // unseen: another process does it.
        let signing_up = child::tertulia(data.path()).await?;
        let count = options.connections.div_ceil(EACH);
        let people = setup::people(&signing_up.address, count).await?;
        signing_up.stop().await?;
        let server = child::tertulia(data.path()).await?;
        measure(options, *wire, &server, &people).await?;
        server.stop().await?;
    }
    Ok(())
}

async fn measure(options: Options, wire: Wire, server: &Server, people: &[Person]) -> Result<()> {
    let address = &server.address;
    // What a first connection of each person brings is there before the count.
    let mut held = Vec::with_capacity(options.connections + people.len());
    for person in people {
        held.push(setup::sign_in(address, wire, person).await?);
    }
    settle().await;
    let before = server.usage()?.resident_kib;
    for person in people.iter().cycle().take(options.connections) {
        held.push(setup::sign_in(address, wire, person).await?);
    }
    settle().await;
    let after = server.usage()?.resident_kib;
    let each = after.saturating_sub(before) * 1024 / options.connections as u64;
    println!("{:<10} {:>14} {each:>22}", wire.name(), after / 1024);
    drop(held);
    Ok(())
}

/// Lets what the handshakes left behind be freed.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}
