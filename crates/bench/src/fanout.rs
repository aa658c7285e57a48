//! One room: some of its members write as fast as their messages come back,
//! everybody reads everything.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, ValueEnum};
use futures_util::future::try_join_all;
use memchr::memmem;
use tokio::task::LocalSet;

use crate::child::{self, Server, Usage};
use crate::client::Client;
use crate::latency::{self, Latencies};
use crate::setup;
use crate::wire::Wire;

/// What to measure.
#[derive(Args, Clone, Copy)]
pub(crate) struct Options {
    /// People in the room
    #[arg(long, default_value_t = 500)]
    room: usize,
    /// How many of them write
    #[arg(long, default_value_t = 1)]
    senders: usize,
    /// Messages that a sender has on their way at once
    #[arg(long, default_value_t = 1)]
    window: usize,
    /// Seconds that are measured, after one that is not
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How often, in turn, each server is measured
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// A text of 100 bytes, its sender and number in front.
fn words(sender: usize, number: u64) -> String {
    format!("{:.<100}", format!("#{sender}:{number}#"))
}

/// Measures the limit server and Tertulia's wire protocols in turn.
pub(crate) async fn run(options: Options) -> Result<()> {
    child::pin_load();
    println!(
        "Room of {}, {} sender(s), {} message(s) on their way each, {} s a round",
        options.room, options.senders, options.window, options.seconds
    );
    println!(
        "{:<10} {:>14} {:>22} {:>24} {:>10} {:>24}",
        "server",
        "deliveries/s",
        "CPU s/M deliveries",
        latency::HEADING,
        "RSS MiB",
        "lost/doubled/disordered"
    );
    let mut costs: Vec<Vec<f64>> = Vec::new();
    for _ in 0..options.rounds {
        let limit = LocalSet::new().run_until(limit_server(options)).await?;
        println!("{}", limit.row("limit"));
        let mut round = vec![limit.cpu_per_million()];
        for wire in Wire::value_variants() {
            let ours = LocalSet::new().run_until(tertulia(options, *wire)).await?;
            println!("{}", ours.row(wire.name()));
            round.push(ours.cpu_per_million());
        }
        costs.push(round);
    }
    println!("CPU for each delivery:");
    ratio(
        "websocket to limit",
        costs.iter().map(|round| round[1] / round[0]),
    );
    ratio(
        "socket.io to limit",
        costs.iter().map(|round| round[2] / round[0]),
    );
    ratio(
        "socket.io to websocket",
        costs.iter().map(|round| round[2] / round[1]),
    );
    Ok(())
}

fn ratio(what: &str, ratios: impl Iterator<Item = f64>) {
    let mut ratios: Vec<_> = ratios.collect();
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    println!("{what:<24} median {median:.2}, all {ratios:.2?}");
}

async fn limit_server(options: Options) -> Result<Figures> {
    let server = Server::start(&std::env::current_exe()?, &["limit-server"], &[]).await?;
    let clients = (0..options.room).map(|_| Client::connect(&server.address, "/"));
    let clients = try_join_all(clients).await?;
    let load = Load::new(options, None);
    let clients = clients.into_iter().map(|client| (String::new(), client));
    let figures = load.run(&server, clients.collect()).await?;
    server.stop().await?;
    Ok(figures)
}

async fn tertulia(options: Options, wire: Wire) -> Result<Figures> {
    let data = tempfile::tempdir()?;
    let server = child::tertulia(data.path()).await?;
    let room = setup::room(&server.address, wire, options.room).await?;
    let load = Load::new(options, Some((wire, room.uuid)));
    let members = room.members.into_iter();
    let clients = members.map(|(person, client)| (person.id, client));
    let figures = load.run(&server, clients.collect()).await?;
    server.stop().await?;
    Ok(figures)
}

/// What every task of a run shares.
struct Load {
    options: Options,
    /// How to write, and to which room; none for the limit server, whose frames
    /// say nothing.
    room: Option<(Wire, String)>,
    stop: Cell<bool>,
    sent: Cell<u64>,
    deliveries: Cell<u64>,
    lost: Cell<u64>,
    doubled: Cell<u64>,
    disordered: Cell<u64>,
    latencies: RefCell<Latencies>,
}

impl Load {
    fn new(options: Options, room: Option<(Wire, String)>) -> Rc<Self> {
        Rc::new(Self {
            options,
            room,
            stop: Cell::new(false),
            sent: Cell::new(0),
            deliveries: Cell::new(0),
            lost: Cell::new(0),
            doubled: Cell::new(0),
            disordered: Cell::new(0),
            latencies: RefCell::default(),
        })
    }

    async fn run(
        self: Rc<Self>,
        server: &Server,
        clients: Vec<(String, Client)>,
    ) -> Result<Figures> {
        let mut tasks = Vec::new();
        for (index, (user, client)) in clients.into_iter().enumerate() {
            let task = member(Rc::clone(&self), index, user, client);
            tasks.push(tokio::task::spawn_local(task));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        *self.latencies.borrow_mut() = Latencies::default();
        let (before, deliveries, began) = (server.usage()?, self.deliveries.get(), Instant::now());
        tokio::time::sleep(Duration::from_secs(self.options.seconds)).await;
        let (after, took) = (server.usage()?, began.elapsed());
        let deliveries = self.deliveries.get() - deliveries;
        let latencies = self.latencies.borrow().clone();
        self.stop.set(true);
        self.drain(&tasks).await?;
        let expected = self.sent.get() * self.options.room as u64;
        self.lost
            .set(expected.saturating_sub(self.deliveries.get()));
        for task in tasks {
            task.abort();
        }
        let (lost, doubled, disordered) =
            (self.lost.get(), self.doubled.get(), self.disordered.get());
        Ok(Figures {
            before,
            after,
            took,
            deliveries,
            latencies,
            lost,
            doubled,
            disordered,
        })
    }

    /// Waits, for a bounded time, until everything sent has arrived everywhere.
    async fn drain(&self, tasks: &[tokio::task::JoinHandle<Result<()>>]) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.deliveries.get() < self.sent.get() * self.options.room as u64
            && Instant::now() < deadline
        {
            anyhow::ensure!(
                !tasks.iter().any(|task| task.is_finished()),
                "a client was cut off"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn note(&self, last: &mut [u64], payload: &[u8], own: usize, on_the_way: &OnTheWay) {
        if self.room.is_none() {
            self.deliveries.set(self.deliveries.get() + 1);
            on_the_way.arrived(self);
            return;
        }
        let Some((sender, number)) = count_of(payload) else {
            return;
        };
        self.deliveries.set(self.deliveries.get() + 1);
        let Some(last) = last.get_mut(sender) else {
            return;
        };
        match number {
            next if next == *last + 1 => *last = next,
            again if again == *last => self.doubled.set(self.doubled.get() + 1),
            other => {
                self.disordered.set(self.disordered.get() + 1);
                *last = other.max(*last);
            }
        }
        if sender == own {
            on_the_way.arrived(self);
        }
    }
}

/// One sender's messages that have not come back.
struct OnTheWay {
    free: Cell<usize>,
    times: RefCell<VecDeque<Instant>>,
}

impl OnTheWay {
    /// Whether one more may be sent now.
    fn take(&self) -> bool {
        let free = self.free.get();
        if free > 0 {
            self.free.set(free - 1);
            self.times.borrow_mut().push_back(Instant::now());
        }
        free > 0
    }

    fn arrived(&self, load: &Load) {
        let Some(sent) = self.times.borrow_mut().pop_front() else {
            return;
        };
        load.latencies.borrow_mut().add(sent.elapsed());
        self.free.set(self.free.get() + 1);
    }
}

/// One person: reads everything, and writes if it is one of the senders.
async fn member(load: Rc<Load>, index: usize, user: String, mut client: Client) -> Result<()> {
    let on_the_way = OnTheWay {
        free: Cell::new(load.options.window),
        times: RefCell::default(),
    };
    let mut number = 0;
    let mut buffer = vec![0; 64 * 1024];
    let mut last = vec![0; load.options.senders];
    loop {
        while index < load.options.senders && !load.stop.get() && on_the_way.take() {
            number += 1;
            load.sent.set(load.sent.get() + 1);
            client.send(&frame(&load, index, &user, number)).await?;
        }
        client
            .receive(&mut buffer, |payload| {
                load.note(&mut last, payload, index, &on_the_way)
            })
            .await?;
    }
}

fn frame(load: &Load, sender: usize, user: &str, number: u64) -> String {
    let words = words(sender, number);
    match &load.room {
        Some((wire, room)) => wire.message(room, user, &words),
        None => Wire::KaapehChat.message("00000000-0000-4000-8000-000000000000", user, &words),
    }
}

/// Whose message it is and its number, from the words in it.
fn count_of(payload: &[u8]) -> Option<(usize, u64)> {
    let start = memmem::find(payload, b"\"#")? + 2;
    let end = start + memchr::memchr(b'#', payload.get(start..)?)?;
    let (sender, number) = std::str::from_utf8(&payload[start..end])
        .ok()?
        .split_once(':')?;
    Some((sender.parse().ok()?, number.parse().ok()?))
}

struct Figures {
    before: Usage,
    after: Usage,
    took: Duration,
    deliveries: u64,
    latencies: Latencies,
    lost: u64,
    doubled: u64,
    disordered: u64,
}

impl Figures {
    fn cpu_per_million(&self) -> f64 {
        (self.after.cpu - self.before.cpu).as_secs_f64() / (self.deliveries as f64 / 1e6)
    }

    fn row(&self, name: &str) -> String {
        format!(
            "{name:<10} {:>14.0} {:>22.2} {:>24} {:>10} {:>24}",
            self.deliveries as f64 / self.took.as_secs_f64(),
            self.cpu_per_million(),
            self.latencies.to_string(),
            self.after.resident_kib / 1024,
            format!("{}/{}/{}", self.lost, self.doubled, self.disordered)
        )
    }
}
