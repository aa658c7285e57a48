//! The load: people in rooms, some of whom write, all of whom read everything.
//!
//! In a closed loop a sender says the next thing when an earlier one has come
//! back; at a fixed pace it speaks by the clock, whatever comes back. Every
//! delivery is checked: it must be there, once, and in the order in which its
//! sender said it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use memchr::memmem;

use crate::child::{Server, Usage};
use crate::client::{Client, Mouth};
use crate::latency::{Latencies, note};
use crate::target::{Running, Speech};
use crate::world::{Person, Room};

/// How long what is on its way may take to arrive once nobody speaks any more.
const DRAIN: Duration = Duration::from_secs(10);

/// Sockets that are opened at once.
const OPENING: usize = 32;

/// Who speaks, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Rooms in which people speak.
    pub(crate) rooms: usize,
    /// People in each.
    pub(crate) members: usize,
    /// How many of them write.
    pub(crate) senders: usize,
    /// How they take their turns.
    pub(crate) pace: Pace,
    /// How long is measured, after [`Shape::warm_up`].
    pub(crate) time: Duration,
}

/// When a sender speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// With this many messages on their way at once.
    Closed { window: usize },
    /// So many messages in a second, of all senders together.
    Fixed { messages: f64 },
}

impl Shape {
    /// How long is not measured.
    fn warm_up(&self) -> Duration {
        Duration::from_secs(1)
    }
}

/// What came of a load.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    /// What the server has used, its database included.
    pub(crate) cpu: Duration,
    /// The server's memory at the end.
    pub(crate) resident_kib: u64,
    pub(crate) took: Duration,
    pub(crate) deliveries: u64,
    pub(crate) messages: u64,
    /// In a closed loop from a message's send until its sender has it back; at a
    /// fixed pace until anybody has it.
    pub(crate) latencies: Latencies,
    pub(crate) faults: Faults,
}

/// Deliveries that were not as they must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) disordered: u64,
}

impl Figures {
    /// CPU seconds for a million deliveries.
    pub(crate) fn cpu_per_delivery(&self) -> f64 {
        self.cpu.as_secs_f64() / (self.deliveries as f64 / 1e6)
    }

    /// CPU seconds for a million messages.
    pub(crate) fn cpu_per_message(&self) -> f64 {
        self.cpu.as_secs_f64() / (self.messages as f64 / 1e6)
    }

    pub(crate) fn deliveries_per_second(&self) -> f64 {
        self.deliveries as f64 / self.took.as_secs_f64()
    }

    pub(crate) fn messages_per_second(&self) -> f64 {
        self.messages as f64 / self.took.as_secs_f64()
    }
}

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.lost, self.doubled, self.disordered)
    }
}

/// Puts the load on a server. Within a [`LocalSet`](tokio::task::LocalSet).
pub(crate) async fn run(shape: Shape, running: &Running) -> Result<Figures> {
    Ready::new(shape, running).await?.run().await
}

/// Puts the load on two servers at the same moment. Within a
/// [`LocalSet`](tokio::task::LocalSet).
pub(crate) async fn run_both(
    shape: Shape,
    one: &Running,
    other: &Running,
) -> Result<(Figures, Figures)> {
    let one = Ready::new(shape, one).await?;
    let other = Ready::new(shape, other).await?;
    tokio::try_join!(one.run(), other.run())
}

/// Everybody's socket is open, and nobody speaks yet.
struct Ready<'a> {
    load: Load,
    clients: Vec<(Seat, Client)>,
    server: &'a Server,
}

impl<'a> Ready<'a> {
    async fn new(shape: Shape, running: &'a Running) -> Result<Self> {
        let world = &running.world;
        let mut load = Load::new(shape, running.speech());
        let mut members = Vec::new();
        for (index, room) in world.rooms.iter().take(shape.rooms).enumerate() {
            for (place, person) in room.members.iter().take(shape.members).enumerate() {
                members.push((index, place, room.clone(), world.people[*person].clone()));
            }
        }
        let clients = open(running, members).await?;
        load.expect_everybody(shape);
        Ok(Self {
            load,
            clients,
            server: &running.server,
        })
    }

    async fn run(self) -> Result<Figures> {
        let load = Rc::new(self.load);
        let shape = load.shape;
        let mut tasks = Vec::new();
        for (seat, client) in self.clients {
            let mouth = client.mouth();
            if let Pace::Fixed { messages } = shape.pace
                && seat.place < shape.senders
            {
                let voice = Voice::new(&load, &seat, mouth);
                let speaks = speak(voice, seat.turn(shape), messages, shape);
                tasks.push(tokio::task::spawn_local(speaks));
            }
            let reads = read(Rc::clone(&load), seat, client);
            tasks.push(tokio::task::spawn_local(reads));
        }
        let figures = measure(&load, self.server).await;
        for task in tasks {
            task.abort();
        }
        figures
    }
}

async fn measure(load: &Load, server: &Server) -> Result<Figures> {
    tokio::time::sleep(load.shape.warm_up()).await;
    load.latencies.borrow_mut().clear();
    let Usage { cpu, .. } = server.usage()?;
    let (deliveries, messages, began) =
        (load.deliveries.get(), load.come_back.get(), Instant::now());
    tokio::time::sleep(load.shape.time).await;
    let (after, took) = (server.usage()?, began.elapsed());
    let deliveries = load.deliveries.get() - deliveries;
    let messages = load.come_back.get() - messages;
    let latencies = Latencies::new(load.latencies.take());
    load.stop.set(true);
    drain(load).await?;
    Ok(Figures {
        cpu: after.cpu - cpu,
        resident_kib: after.resident_kib,
        took,
        deliveries,
        messages,
        latencies,
        faults: load.faults(),
    })
}

/// Waits, for a bounded time, until everything said has arrived everywhere.
async fn drain(load: &Load) -> Result<()> {
    let deadline = Instant::now() + DRAIN;
    while load.deliveries.get() < load.expected() && Instant::now() < deadline {
        load.check_cut()?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Whatever would come too often comes now.
    tokio::time::sleep(Duration::from_millis(100)).await;
    load.check_cut()
}

impl Shape {
    fn is_fixed(&self) -> bool {
        matches!(self.pace, Pace::Fixed { .. })
    }
}

/// Opens everybody's socket, several at once.
async fn open(
    running: &Running,
    members: Vec<(usize, usize, Room, Person)>,
) -> Result<Vec<(Seat, Client)>> {
    use futures_util::stream::{StreamExt, TryStreamExt};
    let speech = running.speech();
    let address = &running.server.address;
    futures_util::stream::iter(members)
        .map(|(index, place, room, person)| async move {
            let client = speech.enter(address, &person, &room).await?;
            anyhow::Ok((Seat::new(index, place, room, person), client))
        })
        .buffered(OPENING)
        .try_collect()
        .await
}

/// Somebody's place.
struct Seat {
    index: usize,
    place: usize,
    room: Room,
    person: Person,
}

impl Seat {
    fn new(index: usize, place: usize, room: Room, person: Person) -> Self {
        Self {
            index,
            place,
            room,
            person,
        }
    }

    /// Its turn among all senders.
    fn turn(&self, shape: Shape) -> usize {
        self.index * shape.senders + self.place
    }
}

/// What every task of a run shares.
struct Load {
    shape: Shape,
    speech: Speech,
    rooms: Vec<RoomLog>,
    stop: Cell<bool>,
    deliveries: Cell<u64>,
    /// Messages that their senders have back.
    come_back: Cell<u64>,
    doubled: Cell<u64>,
    disordered: Cell<u64>,
    latencies: RefCell<Vec<Duration>>,
    /// Why a client ended.
    cut: RefCell<Option<anyhow::Error>>,
}

/// What was said in a room.
#[derive(Default)]
struct RoomLog {
    /// When, in the order of the sends.
    said: RefCell<Vec<Instant>>,
    /// When, by sender and number.
    by_sender: RefCell<Vec<Vec<Instant>>>,
}

impl Load {
    fn new(shape: Shape, speech: Speech) -> Self {
        Self {
            shape,
            speech,
            rooms: Vec::new(),
            stop: Cell::new(false),
            deliveries: Cell::new(0),
            come_back: Cell::new(0),
            doubled: Cell::new(0),
            disordered: Cell::new(0),
            latencies: RefCell::default(),
            cut: RefCell::default(),
        }
    }

    fn expect_everybody(&mut self, shape: Shape) {
        self.rooms.resize_with(shape.rooms, RoomLog::default);
        for room in &self.rooms {
            room.by_sender
                .borrow_mut()
                .resize(shape.senders, Vec::new());
        }
    }

    /// Deliveries when everything has arrived everywhere.
    fn expected(&self) -> u64 {
        let said = self.rooms.iter().map(|room| room.said.borrow().len());
        (said.sum::<usize>() * self.shape.members) as u64
    }

    fn check_cut(&self) -> Result<()> {
        match self.cut.borrow_mut().take() {
            Some(error) => Err(error.context("a client was cut off")),
            None => Ok(()),
        }
    }

    fn faults(&self) -> Faults {
        let once = self.deliveries.get() - self.doubled.get();
        Faults {
            lost: self.expected().saturating_sub(once),
            doubled: self.doubled.get() + once.saturating_sub(self.expected()),
            disordered: self.disordered.get(),
        }
    }

    fn add(cell: &Cell<u64>) {
        cell.set(cell.get() + 1);
    }
}

/// Somebody who says something.
struct Voice {
    load: Rc<Load>,
    room: Room,
    index: usize,
    place: usize,
    person: Person,
    mouth: Mouth,
    number: u64,
}

impl Voice {
    fn new(load: &Rc<Load>, seat: &Seat, mouth: Mouth) -> Self {
        Self {
            load: Rc::clone(load),
            room: seat.room.clone(),
            index: seat.index,
            place: seat.place,
            person: seat.person.clone(),
            mouth,
            number: 0,
        }
    }

    /// Says the next thing: a text of 100 bytes, its sender and number in front.
    async fn say(&mut self) -> Result<()> {
        self.number += 1;
        let words = format!("{:.<100}", format!("#{}:{}#", self.place, self.number));
        let message = self.load.speech.message(&self.room, &self.person, &words);
        let log = &self.load.rooms[self.index];
        let now = Instant::now();
        log.said.borrow_mut().push(now);
        log.by_sender.borrow_mut()[self.place].push(now);
        self.mouth.send(&message).await
    }
}

/// Speaks by the clock.
async fn speak(mut voice: Voice, turn: usize, messages: f64, shape: Shape) -> Result<()> {
    let senders = (shape.rooms * shape.senders) as f64;
    let between = Duration::from_secs_f64(senders / messages);
    let first = Duration::from_secs_f64(turn as f64 / messages);
    let mut next = tokio::time::Instant::now() + first;
    loop {
        tokio::time::sleep_until(next).await;
        if voice.load.stop.get() {
            return Ok(());
        }
        voice.say().await?;
        next += between;
    }
}

/// One person: reads everything and, in a closed loop, writes if it is one of
/// the senders.
async fn read(load: Rc<Load>, seat: Seat, mut client: Client) -> Result<()> {
    let voice = Voice::new(&load, &seat, client.mouth());
    let read = listen(&load, seat, voice, &mut client).await;
    if let Err(error) = read {
        load.cut.borrow_mut().get_or_insert(error);
    }
    Ok(())
}

async fn listen(load: &Load, seat: Seat, mut voice: Voice, client: &mut Client) -> Result<()> {
    let Shape { pace, senders, .. } = load.shape;
    let window = match pace {
        Pace::Closed { window } if seat.place < senders => window,
        _ => 0,
    };
    let mut buffer = vec![0; 64 * 1024];
    let mut ear = Ear::new(load, &seat);
    loop {
        // At a fixed pace another voice speaks.
        let on_the_way = voice.number.saturating_sub(ear.own);
        for _ in on_the_way..window as u64 {
            if !load.stop.get() {
                voice.say().await?;
            }
        }
        client
            .receive(&mut buffer, |payload| ear.hear(payload))
            .await?;
    }
}

/// What one person has heard.
struct Ear<'l> {
    load: &'l Load,
    log: &'l RoomLog,
    place: usize,
    /// The highest number of each sender.
    last: Vec<u64>,
    /// Numbers that were passed over.
    missing: Vec<(usize, u64)>,
    heard: u64,
    own: u64,
}

impl<'l> Ear<'l> {
    fn new(load: &'l Load, seat: &Seat) -> Self {
        Self {
            load,
            log: &load.rooms[seat.index],
            place: seat.place,
            last: vec![0; load.shape.senders],
            missing: Vec::new(),
            heard: 0,
            own: 0,
        }
    }

    fn hear(&mut self, payload: &[u8]) {
        if !self.load.speech.is_telling() {
            return self.hear_something();
        }
        let Some((sender, number)) = told(payload) else {
            return;
        };
        let Some(last) = self.last.get_mut(sender) else {
            return;
        };
        Load::add(&self.load.deliveries);
        if number > *last {
            self.missing
                .extend((*last + 1..number).map(|gone| (sender, gone)));
            *last = number;
        } else if let Some(at) = self.missing.iter().position(|it| *it == (sender, number)) {
            self.missing.swap_remove(at);
            Load::add(&self.load.disordered);
        } else {
            return Load::add(&self.load.doubled);
        }
        let is_own = sender == self.place;
        if self.load.shape.is_fixed() || is_own {
            let said = self.log.by_sender.borrow()[sender][number as usize - 1];
            note(&mut self.load.latencies.borrow_mut(), said.elapsed());
        }
        if is_own {
            self.own += 1;
            Load::add(&self.load.come_back);
        }
    }

    /// A frame that says nothing: the next one.
    fn hear_something(&mut self) {
        Load::add(&self.load.deliveries);
        self.heard += 1;
        let Shape { senders, pace, .. } = self.load.shape;
        match pace {
            Pace::Fixed { .. } => {
                let said = self.log.said.borrow().get(self.heard as usize - 1).copied();
                if let Some(said) = said {
                    note(&mut self.load.latencies.borrow_mut(), said.elapsed());
                }
                if self.place == 0 {
                    Load::add(&self.load.come_back);
                }
            }
            Pace::Closed { .. } => {
                // Somebody's: with all senders at the same pace as good as one's own.
                let senders = senders as u64;
                if self.place < senders as usize && self.heard % senders == self.place as u64 {
                    let said = self.log.by_sender.borrow()[self.place]
                        .get(self.own as usize)
                        .copied();
                    if let Some(said) = said {
                        note(&mut self.load.latencies.borrow_mut(), said.elapsed());
                        self.own += 1;
                        Load::add(&self.load.come_back);
                    }
                }
            }
        }
    }
}

/// Whose message it is and its number, from the words in it.
fn told(payload: &[u8]) -> Option<(usize, u64)> {
    let start = memmem::find(payload, b"\"#")? + 2;
    let end = start + memchr::memchr(b'#', payload.get(start..)?)?;
    let (sender, number) = std::str::from_utf8(&payload[start..end])
        .ok()?
        .split_once(':')?;
    let number = number.parse().ok().filter(|number| *number > 0)?;
    Some((sender.parse().ok()?, number))
}
