//! One room: everybody reads, some write in a closed loop.

use anyhow::{Context, Result};
use clap::Args;

use super::{Effort, Measured, find, heading, in_turn, row};
use crate::child::Tools;
use crate::load::{Figures, Pace, Shape};
use crate::plot::Bars;
use crate::report::{Goal, Section, show};
use crate::tally::Faults;
use crate::target::Target;
use crate::wire::Wire;

/// A room of one's own choice.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// People in the room
    #[arg(long, default_value_t = 100)]
    room: usize,
    /// How many of them write
    #[arg(long, default_value_t = 1)]
    senders: usize,
    /// Messages that a sender has on their way at once
    #[arg(long, default_value_t = 1)]
    window: usize,
    /// Messages a second of all senders together, by the clock, in place of a closed loop
    #[arg(long, conflicts_with = "window")]
    pace: Option<f64>,
    /// Tertulia's wire protocols
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Wire::KaapehChat, Wire::SocketIo])]
    wires: Vec<Wire>,
    /// Leave the Node.js peer out
    #[arg(long)]
    without_node: bool,
}

impl Options {
    /// Measures it and shows what came of it.
    pub(crate) async fn run(self, tools: &Tools, effort: Effort) -> Result<()> {
        let mut shape = shape(effort, self.room, self.senders, self.window);
        if let Some(messages) = self.pace {
            anyhow::ensure!(messages > 0.0, "a pace is more than none");
            shape.pace = Pace::Fixed { messages };
        }
        let mut targets = vec![Target::Limit];
        if !self.without_node {
            targets.push(Target::Node);
        }
        targets.extend(self.wires.into_iter().map(Target::Tertulia));
        let all = in_turn(tools, &targets, shape, effort.rounds).await?;
        let mut section = section(&all, "fan-out", "A room of one's own choice.")?;
        section.charts.clear();
        show(&section);
        Ok(())
    }
}

fn shape(effort: Effort, room: usize, senders: usize, window: usize) -> Shape {
    Shape {
        rooms: 1,
        members: room,
        senders,
        pace: Pace::Closed { window },
        time: effort.time,
    }
}

fn section(all: &[Measured], title: &str, text: &str) -> Result<Section> {
    let limit = find(all, Target::Limit).context("the limit server is always measured")?;
    Ok(Section {
        title: title.to_owned(),
        text: text.to_owned(),
        heading: heading(),
        rows: all.iter().map(|measured| row(measured, limit)).collect(),
        ..Section::default()
    })
}

/// The sections of the page.
pub(crate) async fn sections(tools: &Tools, effort: Effort) -> Result<Vec<Section>> {
    let two = [
        Target::Limit,
        Target::Node,
        Target::Tertulia(Wire::KaapehChat),
        Target::Tertulia(Wire::SocketIo),
    ];
    let every = [
        Target::Limit,
        Target::Node,
        Target::Tertulia(Wire::KaapehChat),
        Target::Tertulia(Wire::SocketIo),
        Target::Tertulia(Wire::Redup),
        Target::Tertulia(Wire::V1),
        Target::Tertulia(Wire::IzpoChat),
        Target::Tertulia(Wire::Sos),
    ];
    let rooms: [(_, _, &[Target], _); 3] = [
        (100, 1, &every, "fanout-100-1"),
        (1000, 1, &two, "fanout-1000-1"),
        (100, 10, &two, "fanout-100-10"),
    ];
    let mut sections = Vec::new();
    for (members, senders, targets, file) in rooms {
        let all = in_turn(
            tools,
            targets,
            shape(effort, members, senders, 1),
            effort.rounds,
        )
        .await?;
        let title = format!("Room of {members}, {senders} sender(s)");
        let mut section = section(
            &all,
            &title,
            "Closed loop, one message on its way for each sender.",
        )?;
        section.charts = vec![chart(
            &all,
            file,
            format!("{title}: CPU s for a million deliveries"),
            Figures::cpu_per_delivery,
        )];
        section.goals = goals(&all, members, senders);
        show(&section);
        sections.push(section);
    }
    Ok(sections)
}

/// A bar for each target.
pub(super) fn chart(
    all: &[Measured],
    file: &'static str,
    title: String,
    figure: impl Fn(&Figures) -> f64,
) -> Bars {
    let bar = |measured: &Measured| (measured.target.name(), measured.median(&figure));
    Bars {
        file,
        title,
        bars: all.iter().map(bar).collect(),
        aim: None,
    }
}

fn goals(all: &[Measured], members: usize, senders: usize) -> Vec<Goal> {
    let limit = find(all, Target::Limit);
    let node = find(all, Target::Node);
    let mut goals = Vec::new();
    for wire in [Wire::KaapehChat, Wire::SocketIo] {
        let Some((own, limit)) = find(all, Target::Tertulia(wire)).zip(limit) else {
            continue;
        };
        let cost = own.ratio(limit, Figures::cpu_per_delivery);
        let most = match (senders, members, wire) {
            (1, 100, Wire::SocketIo) => 1.4,
            (1, 100, _) => 1.3,
            (1, _, _) => 1.25,
            (_, _, _) => 1.7,
        };
        let line = if senders == 1 { 1 } else { 2 };
        let what = format!(
            "room of {members}, {senders} sender(s), {}: CPU to the limit's",
            wire.name()
        );
        goals.push(Goal::at_most(line, what, most, cost));
        if let Some(node) = node.filter(|_| senders > 1) {
            let rate = own.ratio(node, Figures::deliveries_per_second);
            let what = "the same: deliveries/s to Node's";
            goals.push(Goal::at_least(2, what, 4.0, rate));
        }
    }
    if let Some((limit, node)) = limit.zip(node).filter(|_| senders > 1) {
        let rate = limit.ratio(node, Figures::deliveries_per_second);
        goals.push(Goal::at_least(
            2,
            "that the run counts: the limit's deliveries/s to Node's",
            6.0,
            rate,
        ));
    }
    let what = format!("room of {members}, {senders} sender(s)");
    goals.push(faultless(&what, all));
    goals
}

/// Nothing lost, doubled or disordered by us.
pub(super) fn faultless(what: &str, all: &[Measured]) -> Goal {
    let own = all.iter().filter(|measured| {
        matches!(
            measured.target,
            Target::Tertulia(_) | Target::TertuliaPostgres(_)
        )
    });
    let rounds = own.flat_map(|measured| &measured.rounds);
    none(what, rounds.map(|figures| figures.faults).sum())
}

/// That there are none.
pub(super) fn none(what: &str, faults: Faults) -> Goal {
    let what = format!("{what}: deliveries lost, doubled or disordered");
    Goal::at_most(8, what, 0.0, faults.count() as f64)
}
