//! A hundred clients in pairs, each of which speaks as fast as its words come
//! back.

use anyhow::{Context, Result};

use super::fanout::{chart, faultless};
use super::{Effort, find, heading, in_turn, row};
use crate::child::Tools;
use crate::load::{Figures, Pace, Shape};
use crate::report::{Goal, Section, show};
use crate::target::Target;
use crate::wire::Wire;

const PAIRS: usize = 50;

/// The section of the page.
pub(crate) async fn sections(tools: &Tools, effort: Effort) -> Result<Vec<Section>> {
    let targets = [
        Target::Limit,
        Target::Node,
        Target::NodePostgres,
        Target::Tertulia(Wire::KaapehChat),
        Target::Tertulia(Wire::SocketIo),
        Target::Tertulia(Wire::V1),
        Target::TertuliaPostgres(Wire::KaapehChat),
    ];
    let shape = Shape {
        rooms: PAIRS,
        members: 2,
        senders: 2,
        pace: Pace::Closed { window: 1 },
        time: effort.time,
    };
    // An aim in seconds of CPU: where the machine's neighbours slow it down for a
    // minute, no other server of the same round evens that out.
    let all = in_turn(tools, &targets, shape, effort.more_rounds()).await?;
    let limit = find(&all, Target::Limit).context("the limit server is always measured")?;
    let mut goals = Vec::new();
    for wire in [Wire::KaapehChat, Wire::SocketIo] {
        let Some(own) = find(&all, Target::Tertulia(wire)) else {
            continue;
        };
        let cost = own.median(Figures::cpu_per_message);
        let what = format!("pairs, {}: CPU s for a million messages", wire.name());
        goals.push(Goal::at_most(3, what, 30.0, cost));
        if let Some(node) = find(&all, Target::Node) {
            let rate = own.ratio(node, Figures::messages_per_second);
            let what = format!("pairs, {}: messages/s to Node's in memory", wire.name());
            goals.push(Goal::at_least(3, what, 1.3, rate));
        }
    }
    let over_postgres = Target::TertuliaPostgres(Wire::KaapehChat);
    if let Some((own, node)) = find(&all, over_postgres).zip(find(&all, Target::NodePostgres)) {
        let rate = own.ratio(node, Figures::messages_per_second);
        goals.push(Goal::at_least(
            3,
            "pairs, both over PostgreSQL: messages/s to Node's",
            2.5,
            rate,
        ));
    }
    goals.push(faultless("pairs", &all));
    let section = Section {
        title: format!("{} clients in pairs", 2 * PAIRS),
        text: "Closed loop, everybody writes; each message goes to two.".to_owned(),
        heading: heading(),
        rows: all.iter().map(|measured| row(measured, limit)).collect(),
        charts: vec![
            chart(
                &all,
                "pairs-cost",
                "Pairs: CPU s for a million messages".to_owned(),
                Figures::cpu_per_message,
            ),
            chart(
                &all,
                "pairs-rate",
                "Pairs: messages a second".to_owned(),
                Figures::messages_per_second,
            ),
        ],
        goals,
    };
    show(&section);
    Ok(vec![section])
}
