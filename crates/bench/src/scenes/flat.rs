//! Whether the cost stays the same as everything grows: people in a room,
//! rooms, stored messages.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use super::Effort;
use crate::child::{self, Tools};
use crate::latency::Latencies;
use crate::load::{self, Figures, Pace, Shape};
use crate::report::{Goal, Section, number, show};
use crate::target::{Running, Target};
use crate::wire::Wire;
use crate::world::{Maker, Place};

/// Deliveries a second, whatever has grown.
const DELIVERIES: f64 = 20_000.0;

/// Pages read at random depths of the history.
const PAGES: usize = 500;

const WIRE: Wire = Wire::KaapehChat;

/// What has grown.
#[derive(Clone, Copy)]
struct Size {
    members: usize,
    rooms: usize,
    messages: usize,
}

/// The section of the page.
pub(crate) async fn sections(tools: &Tools, effort: Effort) -> Result<Vec<Section>> {
    let base = Size {
        members: 100,
        rooms: 10,
        messages: 1_000,
    };
    let members = effort.of(5_000).max(200);
    let rooms = effort.of(10_000).max(20);
    let messages = effort.of(1_000_000).max(2_000);
    let grown = [
        ("people in the room", Size { members, ..base }, members),
        ("rooms, one of them active", Size { rooms, ..base }, rooms),
        ("stored messages", Size { messages, ..base }, messages),
    ];
    let (at_base, _) = ratio(tools, effort, base).await?;
    let mut section = Section {
        title: "Growth".to_owned(),
        text: format!(
            "One sender at a fixed pace of {DELIVERIES} deliveries a second, {}; from a room of {} people, \
             one of {} rooms, with {} stored messages, one of the three grows. The ratio is that of the \
             server's CPU to the limit server's, with as many people in the room.",
            WIRE.name(),
            base.members,
            base.rooms,
            base.messages
        ),
        heading: vec!["grown to", "CPU to the limit's", "to that before"],
        rows: vec![vec!["–".to_owned(), number(at_base), "1".to_owned()]],
        ..Section::default()
    };
    for (what, size, count) in grown {
        let (found, start) = ratio(tools, effort, size).await?;
        let change = found / at_base;
        section.rows.push(vec![
            format!("{} {what}", number(count as f64)),
            number(found),
            number(change),
        ]);
        let name = format!("{} {what}: cost to that before", number(count as f64));
        section.goals.push(Goal::at_most(6, name, 1.15, change));
        if let Some((start, pages)) = start {
            let ms = |share| pages.at(share).as_secs_f64() * 1e3;
            let row = |what: &str, found: String| vec![what.to_owned(), found, String::new()];
            let text = format!("{:.2} / {:.2} ms", ms(0.5), ms(0.99));
            section
                .rows
                .push(row("a page of 50 at any depth there, p50 / p99", text));
            let text = format!("{:.0} ms", start.as_secs_f64() * 1e3);
            section.rows.push(row("start over them", text));
            let name = format!("a page of the history at any depth of {count}: p99 in ms");
            section.goals.push(Goal::at_most(6, name, 5.0, ms(0.99)));
            let name = format!("start over {count} messages, s");
            section
                .goals
                .push(Goal::at_most(6, name, 0.5, start.as_secs_f64()));
        }
    }
    show(&section);
    Ok(vec![section])
}

/// The server's cost to the limit server's; and for many messages how long it
/// took to start, and to read pages.
async fn ratio(
    tools: &Tools,
    effort: Effort,
    size: Size,
) -> Result<(f64, Option<(Duration, Latencies)>)> {
    let shape = Shape {
        rooms: 1,
        members: size.members,
        senders: 1,
        pace: Pace::Fixed {
            messages: DELIVERIES / size.members as f64,
        },
        time: effort.time,
    };
    let folder = tempfile::tempdir()?;
    let place = Place::folder(folder.path());
    let mut maker = Maker::open(&place).await?;
    maker.people(size.members).await?;
    let everybody = (0..size.members).collect();
    let others = (1..size.rooms).map(|room| vec![room % size.members]);
    maker
        .rooms(std::iter::once(everybody).chain(others).collect())
        .await?;
    maker.messages(0, size.messages).await?;
    let world = maker.close().await;
    let mut own = Vec::new();
    let mut limits = Vec::new();
    let mut read = None;
    let mut running = Running::over(
        Target::Tertulia(WIRE),
        child::tertulia(tools, &place).await?,
        world,
    );
    for round in 0..effort.rounds {
        let limit = super::once(tools, Target::Limit, shape).await?;
        if round > 0 {
            let Running { server, world, .. } = running;
            server.stop().await?;
            let server = child::tertulia(tools, &place).await?;
            running = Running::over(Target::Tertulia(WIRE), server, world);
        }
        let figures = LocalSet::new()
            .run_until(load::run(shape, &running))
            .await?;
        eprintln!(
            "{} members, {} rooms, {} messages: {} to the limit's {}  {}",
            size.members,
            size.rooms,
            size.messages,
            number(figures.cpu_per_delivery()),
            number(limit.cpu_per_delivery()),
            figures.faults
        );
        own.push(figures);
        limits.push(limit);
    }
    if size.messages > 10_000 || effort.share < 1.0 && size.messages > 1_000 {
        let pages = read_pages(&running, size.messages).await?;
        read = Some((running.server.start, pages));
    }
    running.server.stop().await?;
    let ratios = own.iter().zip(&limits).map(|(own, limit): (&Figures, _)| {
        own.cpu_per_delivery() / Figures::cpu_per_delivery(limit)
    });
    Ok((super::median(ratios.collect()), read))
}

/// Pages at depths spread over the whole history, one after the other.
async fn read_pages(running: &Running, messages: usize) -> Result<Latencies> {
    let room = &running.world.rooms[0];
    let token = &running.world.people[room.members[0]].token;
    let mut socket = TcpStream::connect(&running.server.address).await?;
    socket.set_nodelay(true)?;
    let mut times = Vec::with_capacity(PAGES);
    let mut answer = vec![0; 256 * 1024];
    for page in 0..PAGES {
        // A step that shares no factor with the number of pages visits them all, out of order.
        let before = (page * 317 % PAGES + 1) * messages / PAGES + 1;
        let request = format!(
            "GET /v1/rooms/{}/messages?before={before}&limit=50 HTTP/1.1\r\nHost: bench\r\n\
             Authorization: Bearer {token}\r\n\r\n",
            room.id.0
        );
        let began = Instant::now();
        socket.write_all(request.as_bytes()).await?;
        let mut filled = 0;
        while !is_whole(&answer[..filled])? {
            let read = socket.read(&mut answer[filled..]).await?;
            anyhow::ensure!(read > 0, "the server hung up");
            filled += read;
        }
        times.push(began.elapsed());
    }
    Ok(Latencies::new(times))
}

/// Whether an answer is there to its last byte.
fn is_whole(answer: &[u8]) -> Result<bool> {
    let Some(end) = memchr::memmem::find(answer, b"\r\n\r\n") else {
        return Ok(false);
    };
    let head = std::str::from_utf8(&answer[..end])?.to_ascii_lowercase();
    anyhow::ensure!(head.starts_with("http/1.1 200"), "{head}");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.context("no length")?.trim().parse()?;
    Ok(answer.len() >= end + 4 + length)
}
