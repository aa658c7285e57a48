//! Connections that are signed in and do nothing: what they cost, and how fast
//! they are opened.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::stream::{StreamExt, TryStreamExt};

use super::Effort;
use crate::child::{self, Tools};
use crate::client::Client;
use crate::plot::Bars;
use crate::report::{Goal, Section, number, show};
use crate::target::Target;
use crate::wire::Wire;
use crate::world::{self, Person, Place};

/// Connections of one person.
const EACH: usize = 20;

/// Connections that are opened at once.
const OPENING: usize = 64;

/// Files that a process has open beside its connections. The server keeps a
/// reserve of 128.
const BESIDE: usize = 150;

/// What came of it.
struct Found {
    target: Target,
    /// All that are open in the end.
    connections: usize,
    per_second: f64,
    kib_each: f64,
    mib: f64,
}

/// The section of the page.
pub(crate) async fn sections(tools: &Tools, effort: Effort) -> Result<Vec<Section>> {
    let files = child::file_limit();
    let fitting = |wished: usize| wished.min(files.saturating_sub(BESIDE));
    let few = fitting(effort.of(5_000));
    let wished = effort.of(20_000);
    let many = fitting(wished);
    let mut note = String::new();
    if many < wished {
        note = format!(
            " {many} stand for {wished}, since a process may have {files} files open here."
        );
        eprintln!("note:{note}");
    }
    let raw = Target::Tertulia(Wire::KaapehChat);
    let socket_io = Target::Tertulia(Wire::SocketIo);
    let v1 = Target::Tertulia(Wire::V1);
    let wanted = [
        (Target::Limit, few),
        (Target::Node, few),
        (raw, few),
        (socket_io, few),
        (v1, few),
        (raw, many),
        (socket_io, many),
    ];
    let mut all = Vec::new();
    for (target, connections) in wanted {
        if target.is_there(tools) {
            let found = measure(tools, target, connections).await?;
            eprintln!(
                "{:<28} {connections} connections: {}/s, {} KiB each, {} MiB in all",
                target.name(),
                number(found.per_second),
                number(found.kib_each),
                number(found.mib)
            );
            all.push(found);
        }
    }
    let mut goals = Vec::new();
    for found in &all {
        let (name, count) = (found.target.name(), found.connections);
        let most_kib = match found.target {
            target if target == raw => 6.0,
            target if target == socket_io => 8.0,
            _ => continue,
        };
        if count == few {
            let what = format!("{name}: KiB for each of {count} idle connections");
            goals.push(Goal::at_most(5, what, most_kib, found.kib_each));
        } else {
            let what = format!("{name}: {count} connections opened, each second");
            goals.push(Goal::at_least(5, what, 3_000.0, found.per_second));
            let what = format!("{name}: MiB with {count} connections");
            let most = 250.0 * count as f64 / wished as f64;
            goals.push(Goal::at_most(5, what, most, found.mib));
        }
    }
    let bar = |found: &Found| (found.target.name(), found.kib_each);
    let section = Section {
        title: "Idle connections".to_owned(),
        text: format!(
            "Signed in, {EACH} of each person, who is in no room, {OPENING} opened at once; opened counts the sign-in. What \
             each costs is the server's memory after, less that before, when each person had one already.{note}"
        ),
        heading: vec!["", "connections", "opened/s", "KiB each", "MiB in all"],
        rows: all
            .iter()
            .map(|found| {
                vec![
                    found.target.name(),
                    found.connections.to_string(),
                    number(found.per_second),
                    number(found.kib_each),
                    number(found.mib),
                ]
            })
            .collect(),
        charts: vec![Bars {
            file: "idle",
            title: format!("KiB for each of {few} idle connections"),
            bars: all
                .iter()
                .filter(|found| found.connections == few)
                .map(bar)
                .collect(),
            aim: None,
        }],
        goals,
    };
    show(&section);
    Ok(vec![section])
}

async fn measure(tools: &Tools, target: Target, connections: usize) -> Result<Found> {
    let folder = tempfile::tempdir()?;
    let place = Place::folder(folder.path());
    let count = connections.div_ceil(EACH);
    let people = match target {
        Target::Tertulia(_) => {
            let mut maker = world::Maker::open(&place).await?;
            maker.people(count).await?;
            maker.close().await.people
        }
        _ => world::strangers(count),
    };
    let server = target.serve(tools, &place).await?;
    let address = server.address.clone();
    let open = async |people: Vec<&Person>| {
        futures_util::stream::iter(people)
            .map(|person| target.speech().connect(&address, person, None))
            .buffer_unordered(OPENING)
            .try_collect::<Vec<Client>>()
            .await
    };
    // What a first connection of each person brings is there before the count.
    let firsts = open(people.iter().collect()).await?;
    settle().await;
    let before = server.usage()?.resident_kib;
    let further = connections - count;
    let began = Instant::now();
    let held = open(people.iter().cycle().take(further).collect()).await?;
    let took = began.elapsed();
    settle().await;
    let after = server.usage()?.resident_kib;
    drop((firsts, held));
    server.stop().await?;
    Ok(Found {
        target,
        connections,
        per_second: further as f64 / took.as_secs_f64(),
        kib_each: after.saturating_sub(before) as f64 / further as f64,
        mib: after as f64 / 1024.0,
    })
}

/// Lets what the handshakes left behind be freed.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}
