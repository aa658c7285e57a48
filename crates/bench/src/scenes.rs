//! What is measured, one module for each part of the page.

pub(crate) mod append;
pub(crate) mod fanout;
pub(crate) mod flat;
pub(crate) mod idle;
pub(crate) mod outbox;
pub(crate) mod pace;
pub(crate) mod pairs;
pub(crate) mod storm;

use std::time::Duration;

use anyhow::Result;
use tokio::task::LocalSet;

use crate::child::Tools;
use crate::latency::HEADING;
use crate::load::{self, Figures, Shape};
use crate::report::number;
use crate::tally::Faults;
use crate::target::Target;

/// How thoroughly everything is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// How long each load is measured.
    pub(crate) time: Duration,
    /// How often, in turn, each server is measured.
    pub(crate) rounds: usize,
    /// For large numbers of connections, people, rooms and messages: all of
    /// them, or a part for a try.
    pub(crate) share: f64,
}

impl Effort {
    /// How often what one bad minute of the machine would decide: an odd number,
    /// so that a median is one of them.
    pub(crate) fn more_rounds(self) -> usize {
        2 * self.rounds - 1
    }

    /// So many of something, for a try fewer.
    pub(crate) fn of(&self, count: usize) -> usize {
        ((count as f64 * self.share) as usize).max(1)
    }
}

/// One target's figures, round by round.
pub(crate) struct Measured {
    pub(crate) target: Target,
    pub(crate) rounds: Vec<Figures>,
}

impl Measured {
    /// The median of a figure.
    pub(crate) fn median(&self, figure: impl Fn(&Figures) -> f64) -> f64 {
        median(self.rounds.iter().map(figure).collect())
    }

    /// The median of its ratios to another target's, round by round.
    pub(crate) fn ratio(&self, other: &Self, figure: impl Fn(&Figures) -> f64) -> f64 {
        let pairs = self.rounds.iter().zip(&other.rounds);
        median(
            pairs
                .map(|(own, other)| figure(own) / figure(other))
                .collect(),
        )
    }
}

/// The one in the middle; of an even number, between the two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    let lower = values.len().saturating_sub(1) / 2;
    match (values.get(lower), values.get(upper)) {
        (Some(lower), Some(upper)) => f64::midpoint(*lower, *upper),
        _ => f64::NAN,
    }
}

/// Puts the same load on each target in turn, round after round.
pub(crate) async fn in_turn(
    tools: &Tools,
    targets: &[Target],
    shape: Shape,
    rounds: usize,
) -> Result<Vec<Measured>> {
    let targets = targets.iter().filter(|target| target.is_there(tools));
    let mut all: Vec<_> = targets
        .map(|target| Measured {
            target: *target,
            rounds: Vec::new(),
        })
        .collect();
    for _ in 0..rounds {
        for measured in &mut all {
            let figures = once(tools, measured.target, shape).await?;
            eprintln!(
                "{:<28} {:>12} deliveries/s {:>8} CPU s/M deliveries {:>8} /M messages  {}  {}",
                measured.target.name(),
                number(figures.deliveries_per_second()),
                number(figures.cpu_per_delivery()),
                number(figures.cpu_per_message()),
                figures.latencies,
                figures.faults
            );
            measured.rounds.push(figures);
        }
    }
    Ok(all)
}

/// Puts a load on a fresh server.
pub(crate) async fn once(tools: &Tools, target: Target, shape: Shape) -> Result<Figures> {
    let running = target.start(tools, shape.rooms, shape.members).await?;
    let figures = LocalSet::new()
        .run_until(load::run(shape, &running))
        .await?;
    running.server.stop().await?;
    Ok(figures)
}

/// The columns of [`row`].
pub(crate) fn heading() -> Vec<&'static str> {
    vec![
        "",
        "deliveries/s",
        "messages/s",
        "CPU s/M deliveries",
        "CPU s/M messages",
        "to the limit",
        HEADING,
        "MiB",
        "lost/doubled/disordered",
    ]
}

/// A target's row.
pub(crate) fn row(measured: &Measured, limit: &Measured) -> Vec<String> {
    let ms = |share: f64| {
        let at = |figures: &Figures| figures.latencies.at(share).as_secs_f64() * 1e3;
        format!("{:.2}", measured.median(at))
    };
    let faults = measured.rounds.iter().map(|figures| figures.faults);
    vec![
        measured.target.name(),
        number(measured.median(Figures::deliveries_per_second)),
        number(measured.median(Figures::messages_per_second)),
        number(measured.median(Figures::cpu_per_delivery)),
        number(measured.median(Figures::cpu_per_message)),
        number(measured.ratio(limit, Figures::cpu_per_delivery)),
        format!("{} / {} / {}", ms(0.5), ms(0.99), ms(0.999)),
        number(measured.median(|figures| figures.resident_kib as f64 / 1024.0)),
        faults.sum::<Faults>().to_string(),
    ]
}

/// The one of these that is this target.
pub(crate) fn find(all: &[Measured], target: Target) -> Option<&Measured> {
    all.iter().find(|measured| measured.target == target)
}
