//! Whether the cost stays the same as everything grows: people in a room,
//! rooms, stored messages.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use super::Effort;
use super::fanout::none;
use crate::child::{self, Tools};
use crate::latency::Latencies;
use crate::load::{self, Pace, Shape};
use crate::report::{Goal, Section, number, show};
use crate::tally::Faults;
use crate::target::{Running, Target};
use crate::wire::Wire;
use crate::world::{Maker, Place, World};

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

/// A chat of some size, and what was seen of its server.
struct Grown {
    size: Size,
    place: Place,
    world: World,
    _folder: TempDir,
    /// The server's cost to the limit server's, round by round.
    ratios: Vec<f64>,
    /// Of the server's deliveries in all rounds.
    faults: Faults,
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
    let kinds = [
        ("people in the room", Size { members, ..base }, members),
        ("rooms, one of them active", Size { rooms, ..base }, rooms),
        ("stored messages", Size { messages, ..base }, messages),
    ];
    let mut before = Grown::of(base).await?;
    let mut after = Vec::new();
    for (_, size, _) in kinds {
        after.push(Grown::of(size).await?);
    }
    // Side by side, so that a change of the machine is no growth.
    for _ in 0..effort.more_rounds() {
        before.measure(tools, effort.time).await?;
        for grown in &mut after {
            grown.measure(tools, effort.time).await?;
        }
    }
    let mut section = Section {
        title: "Growth".to_owned(),
        text: format!(
            "One sender at a fixed pace of {DELIVERIES} deliveries a second, {}; from a room of {} people, \
             one of {} rooms (the others have one person each), with {} stored messages, one of the three \
             grows. The ratio is that of the \
             server's CPU to the limit server's, which has as many people in the room and the same load at \
             the same time, on the same core. All four are measured in turn, {} times; what it is to that \
             before is the median of as many quotients of one round.",
            WIRE.name(),
            base.members,
            base.rooms,
            base.messages,
            before.ratios.len()
        ),
        heading: vec![
            "grown to",
            "CPU to the limit's",
            "to that before",
            "lost/doubled/disordered",
        ],
        rows: vec![vec![
            "–".to_owned(),
            number(before.ratio()),
            "1".to_owned(),
            before.faults.to_string(),
        ]],
        ..Section::default()
    };
    for ((what, _, count), grown) in kinds.iter().zip(&after) {
        let change = grown.change(&before);
        section.rows.push(vec![
            format!("{} {what}", number(*count as f64)),
            number(grown.ratio()),
            number(change),
            grown.faults.to_string(),
        ]);
        let name = format!("{} {what}: cost to that before", number(*count as f64));
        section.goals.push(Goal::at_most(6, name, 1.15, change));
    }
    let faults = after.iter().map(|grown| grown.faults).sum::<Faults>() + before.faults;
    section.goals.push(none("growth", faults));
    if let Some(many) = after.pop() {
        many.read(tools, &mut section).await?;
    }
    show(&section);
    Ok(vec![section])
}

impl Grown {
    async fn of(size: Size) -> Result<Self> {
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
        Ok(Self {
            size,
            place,
            world: maker.close().await,
            _folder: folder,
            ratios: Vec::new(),
            faults: Faults::default(),
        })
    }

    /// One round more: a server that has just started, and the limit server. Both
    /// are measured at the same time, so that they share what else the machine does.
    async fn measure(&mut self, tools: &Tools, time: Duration) -> Result<()> {
        let size = self.size;
        let shape = Shape {
            rooms: 1,
            members: size.members,
            senders: 1,
            pace: Pace::Fixed {
                messages: DELIVERIES / size.members as f64,
            },
            time,
        };
        let limit = Target::Limit.start(tools, 1, size.members).await?;
        let server = child::tertulia(tools, &self.place).await?;
        let world = std::mem::take(&mut self.world);
        let running = Running::over(Target::Tertulia(WIRE), server, world);
        let (own, of_limit) = LocalSet::new()
            .run_until(load::run_both(shape, &running, &limit))
            .await?;
        limit.server.stop().await?;
        let Running { server, world, .. } = running;
        server.stop().await?;
        self.world = world;
        let (own_cost, limit_cost) = (own.cpu_per_delivery(), of_limit.cpu_per_delivery());
        eprintln!(
            "{} members, {} rooms, {} messages: {} to the limit's {} is {}  {}",
            size.members,
            size.rooms,
            size.messages,
            number(own_cost),
            number(limit_cost),
            number(own_cost / limit_cost),
            own.faults
        );
        self.ratios.push(own_cost / limit_cost);
        self.faults = self.faults + own.faults;
        Ok(())
    }

    /// The cost to the limit's.
    fn ratio(&self) -> f64 {
        super::median(self.ratios.clone())
    }

    /// What became of it by growing.
    fn change(&self, before: &Self) -> f64 {
        let pairs = self.ratios.iter().zip(&before.ratios);
        super::median(pairs.map(|(now, before)| now / before).collect())
    }

    /// How long it takes to start, and to read pages.
    async fn read(self, tools: &Tools, section: &mut Section) -> Result<()> {
        let count = self.size.messages;
        let server = child::tertulia(tools, &self.place).await?;
        let running = Running::over(Target::Tertulia(WIRE), server, self.world);
        let pages = read_pages(&running, count).await?;
        let start = running.server.start;
        running.server.stop().await?;
        let ms = |share| pages.at(share).as_secs_f64() * 1e3;
        let row = |what: &str, found| vec![what.to_owned(), found, String::new(), String::new()];
        section.rows.push(row(
            "a page of 50 at any depth there, p50 / p99 / the slowest",
            format!("{:.2} / {:.2} / {:.2} ms", ms(0.5), ms(0.99), ms(1.0)),
        ));
        section.rows.push(row(
            "start over them",
            format!("{:.0} ms", start.as_secs_f64() * 1e3),
        ));
        let name = format!("a page of the history at any depth of {count}: the slowest in ms");
        section.goals.push(Goal::at_most(6, name, 5.0, ms(1.0)));
        let name = format!("start over {count} messages, s");
        let start = start.as_secs_f64();
        section.goals.push(Goal::at_most(6, name, 0.5, start));
        Ok(())
    }
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
