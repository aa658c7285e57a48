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

use crate::child::{Server, Usage};
use crate::client::{Client, Mouth};
use crate::latency::{Latencies, note};
use crate::tally::{Faults, Tally, Words};
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
    /// How long is not measured. At a fixed pace the time begins and ends in the
    /// middle between two messages.
    fn warm_up(&self) -> Duration {
        let half = match self.pace {
            Pace::Closed { .. } => 0.0,
            Pace::Fixed { messages } => 0.5 / messages,
        };
        Duration::from_secs_f64(1.0 + half)
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
        let load = Load::new(shape, running.speech());
        let mut members = Vec::new();
        for (index, room) in world.rooms.iter().take(shape.rooms).enumerate() {
            for (place, person) in room.members.iter().take(shape.members).enumerate() {
                members.push((index, place, room.clone(), world.people[*person].clone()));
            }
        }
        let clients = open(running, members).await?;
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
    latencies: RefCell<Vec<Duration>>,
    /// Why a client ended.
    cut: RefCell<Option<anyhow::Error>>,
}

/// What was said and heard in a room.
struct RoomLog {
    /// When, in the order of the sends.
    said: RefCell<Vec<Instant>>,
    /// When, by sender and number.
    by_sender: RefCell<Vec<Vec<Instant>>>,
    /// What each reader has heard, by place.
    heard: Vec<RefCell<Heard>>,
}

/// What a reader has heard.
enum Heard {
    /// Of frames that say whose they are.
    Messages(Tally),
    /// Of others: how many.
    Frames(u64),
}

impl RoomLog {
    fn new(index: usize, shape: Shape, speech: Speech) -> Self {
        let heard = || {
            RefCell::new(if speech.is_telling() {
                Heard::Messages(Tally::new(index, shape.senders))
            } else {
                Heard::Frames(0)
            })
        };
        Self {
            said: RefCell::default(),
            by_sender: RefCell::new(vec![Vec::new(); shape.senders]),
            heard: (0..shape.members).map(|_| heard()).collect(),
        }
    }

    /// How many a sender has said.
    fn said_by(&self, sender: usize) -> usize {
        self.by_sender.borrow().get(sender).map_or(0, Vec::len)
    }

    fn faults(&self) -> Faults {
        let said = self.said.borrow().len() as u64;
        let of_one = |heard: &RefCell<Heard>| match &*heard.borrow() {
            Heard::Messages(tally) => tally.faults(|sender| self.said_by(sender)),
            Heard::Frames(count) => Faults {
                lost: said.saturating_sub(*count),
                doubled: count.saturating_sub(said),
                disordered: None,
            },
        };
        self.heard.iter().map(of_one).sum()
    }
}

impl Load {
    fn new(shape: Shape, speech: Speech) -> Self {
        Self {
            shape,
            speech,
            rooms: (0..shape.rooms)
                .map(|index| RoomLog::new(index, shape, speech))
                .collect(),
            stop: Cell::new(false),
            deliveries: Cell::new(0),
            come_back: Cell::new(0),
            latencies: RefCell::default(),
            cut: RefCell::default(),
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
        self.rooms.iter().map(RoomLog::faults).sum()
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

    /// Says the next thing.
    async fn say(&mut self) -> Result<()> {
        self.number += 1;
        let words = Words {
            room: self.index,
            sender: self.place,
            number: self.number,
        };
        let speech = self.load.speech;
        let message = speech.message(&self.room, &self.person, &words.text());
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

/// One person's.
struct Ear<'l> {
    load: &'l Load,
    log: &'l RoomLog,
    place: usize,
    own: u64,
}

impl<'l> Ear<'l> {
    fn new(load: &'l Load, seat: &Seat) -> Self {
        Self {
            load,
            log: &load.rooms[seat.index],
            place: seat.place,
            own: 0,
        }
    }

    fn hear(&mut self, payload: &[u8]) {
        let log = self.log;
        let words = match &mut *log.heard[self.place].borrow_mut() {
            Heard::Messages(tally) => tally.hear(payload, |sender| log.said_by(sender)),
            Heard::Frames(count) => {
                *count += 1;
                return self.hear_something(*count);
            }
        };
        let Some(Words { sender, number, .. }) = words else {
            return;
        };
        Load::add(&self.load.deliveries);
        let is_own = sender == self.place;
        if self.load.shape.is_fixed() || is_own {
            let said = log.by_sender.borrow()[sender][number as usize - 1];
            note(&mut self.load.latencies.borrow_mut(), said.elapsed());
        }
        if is_own {
            self.own += 1;
            Load::add(&self.load.come_back);
        }
    }

    /// A frame that does not say whose it is: the next one, of so many.
    fn hear_something(&mut self, heard: u64) {
        Load::add(&self.load.deliveries);
        let Shape { senders, pace, .. } = self.load.shape;
        match pace {
            Pace::Fixed { .. } => {
                let said = self.log.said.borrow().get(heard as usize - 1).copied();
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
                if self.place < senders as usize && heard % senders == self.place as u64 {
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
