//! A fixed pace, well below what the servers can do: how long things take.

use std::time::Duration;

use anyhow::{Context, Result};

use super::fanout::faultless;
use super::{Effort, Measured, find, heading, in_turn, row};
use crate::child::Tools;
use crate::latency::Latencies;
use crate::load::{Pace, Shape};
use crate::machine;
use crate::report::{Goal, Section, show};
use crate::target::Target;
use crate::wire::Wire;

const DELIVERIES: f64 = 20_000.0;
const ROOM: usize = 100;

/// The sections of the page.
pub(crate) async fn sections(tools: &Tools, effort: Effort) -> Result<Vec<Section>> {
    Ok(vec![room(tools, effort).await?, lone(tools, effort).await?])
}

fn targets() -> [Target; 4] {
    [
        Target::Limit,
        Target::Node,
        Target::Tertulia(Wire::KaapehChat),
        Target::Tertulia(Wire::SocketIo),
    ]
}

fn ms(measured: &Measured, share: f64) -> f64 {
    measured.median(|figures| in_ms(figures.latencies.at(share)))
}

fn in_ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Each server in turn, and how long a flush took before and after each round: a
/// disk has its better minutes.
async fn beside_flushes(
    tools: &Tools,
    shape: Shape,
    rounds: usize,
) -> Result<(Vec<Measured>, Latencies)> {
    let mut flushes = machine::flush_now()?;
    let mut all: Vec<Measured> = Vec::new();
    for _ in 0..rounds {
        let round = in_turn(tools, &targets(), shape, 1).await?;
        flushes.join(machine::flush_now()?);
        if all.is_empty() {
            all = round;
            continue;
        }
        for (known, new) in all.iter_mut().zip(round) {
            known.rounds.extend(new.rounds);
        }
    }
    Ok((all, flushes))
}

async fn room(tools: &Tools, effort: Effort) -> Result<Section> {
    let shape = Shape {
        rooms: 1,
        members: ROOM,
        senders: 10,
        pace: Pace::Fixed {
            messages: DELIVERIES / ROOM as f64,
        },
        // Long enough for SQLite to carry its log over while it is measured: a page is
        // written for each message and room, and 4,096 fill it.
        time: effort.time * 3,
    };
    let (all, flushes) = beside_flushes(tools, shape, effort.rounds).await?;
    let flush = in_ms(flushes.at(0.99));
    let limit = find(&all, Target::Limit).context("the limit server is always measured")?;
    let most = 2.0 * ms(limit, 0.99) + flush;
    let own = [Wire::KaapehChat, Wire::SocketIo].map(Target::Tertulia);
    let mut goals: Vec<_> = own
        .into_iter()
        .filter_map(|target| find(&all, target))
        .map(|own| {
            let what = format!("fixed pace, {}: p99 in ms", own.target.name());
            Goal::at_most(4, what, most, ms(own, 0.99))
        })
        .collect();
    goals.push(faultless("fixed pace", &all));
    let section = Section {
        title: "A fixed pace".to_owned(),
        text: format!(
            "{DELIVERIES} deliveries a second in a room of {ROOM}, 10 senders by the clock. Times are \
             from the send to each delivery. Before and after each round, a flush of 4 KiB from the \
             server's core took {flush:.2} ms at p99."
        ),
        heading: heading(),
        rows: all.iter().map(|measured| row(measured, limit)).collect(),
        goals,
        ..Section::default()
    };
    show(&section);
    Ok(section)
}

async fn lone(tools: &Tools, effort: Effort) -> Result<Section> {
    let shape = Shape {
        rooms: 1,
        members: 2,
        senders: 1,
        pace: Pace::Closed { window: 1 },
        time: effort.time,
    };
    let (all, flushes) = beside_flushes(tools, shape, effort.rounds).await?;
    let flush = in_ms(flushes.at(0.5));
    let limit = find(&all, Target::Limit).context("the limit server is always measured")?;
    let own = [Wire::KaapehChat, Wire::SocketIo].map(Target::Tertulia);
    let mut goals: Vec<_> = own
        .into_iter()
        .filter_map(|target| find(&all, target))
        .map(|own| {
            let what = format!(
                "one lone sender, {}: ms to its acknowledgement at the median, above the median flush",
                own.target.name()
            );
            Goal::at_most(4, what, 0.3, ms(own, 0.5) - flush)
        })
        .collect();
    goals.push(faultless("one lone sender", &all));
    let section = Section {
        title: "One lone sender".to_owned(),
        text: format!(
            "A room of two, one of whom writes. Times are from the send until the sender has it back, \
             which is after the flush. Before and after each round, a flush of 4 KiB from the server's core \
             took {flush:.2} ms at the median."
        ),
        heading: heading(),
        rows: all.iter().map(|measured| row(measured, limit)).collect(),
        goals,
        ..Section::default()
    };
    show(&section);
    Ok(section)
}
