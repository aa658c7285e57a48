//! A reconnect storm: everybody is cut off, much is said, and everybody comes
//! back at once for what they missed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::task::LocalSet;

use super::Effort;
use crate::child::{self, Tools};
use crate::client::Client;
use crate::report::{Goal, Section, number, show};
use crate::target::Target;
use crate::wire::Wire;
use crate::world::{self, Person, Place, World};

const CLIENTS: usize = 5_000;
const ROOM: usize = 100;
const MISSED: usize = 20;

/// How long one listens for what would come again.
const LISTENING: Duration = Duration::from_millis(100);

/// How long all may take to come back.
const PATIENCE: Duration = Duration::from_secs(60);

/// The section of the page.
pub(crate) async fn sections(tools: &Tools, effort: Effort) -> Result<Vec<Section>> {
    let rooms = (effort.of(CLIENTS) / ROOM).max(1);
    let folder = tempfile::tempdir()?;
    let place = Place::folder(folder.path());
    let world = world::of_rooms(&place, rooms, ROOM).await?;
    let found = LocalSet::new()
        .run_until(storm(tools, &place, &world))
        .await?;
    let clients = rooms * ROOM;
    let mib = |kib: u64| number(kib as f64 / 1024.0);
    let section = Section {
        title: "Reconnect storm".to_owned(),
        text: format!(
            "{clients} `/v1` clients of as many people, in rooms of {ROOM}, are cut off; {MISSED} messages \
             are said in each room; then all come back at the same moment with their cursors. Back is who \
             has every missed message, once and in order, and is live."
        ),
        heading: vec![
            "clients",
            "all back after s",
            "MiB before",
            "MiB at most",
            "CPU s",
            "clients with a fault",
        ],
        rows: vec![vec![
            clients.to_string(),
            number(found.took.as_secs_f64()),
            mib(found.before_kib),
            mib(found.peak_kib),
            number(found.cpu.as_secs_f64()),
            found.wrong.to_string(),
        ]],
        charts: Vec::new(),
        goals: vec![
            Goal::at_most(
                7,
                format!("{clients} clients back and complete, s"),
                10.0,
                found.took.as_secs_f64(),
            ),
            Goal::at_most(
                7,
                "the most memory meanwhile to that before",
                1.5,
                found.peak_kib as f64 / found.before_kib as f64,
            ),
            Goal::at_most(
                8,
                "reconnect storm: clients that lacked a message, or had one twice or in disorder",
                0.0,
                found.wrong as f64,
            ),
        ],
    };
    show(&section);
    Ok(vec![section])
}

struct Found {
    took: Duration,
    before_kib: u64,
    peak_kib: u64,
    cpu: Duration,
    wrong: usize,
}

async fn storm(tools: &Tools, place: &Place, world: &World) -> Result<Found> {
    let server = child::tertulia(tools, place).await?;
    let address = &server.address;
    let v1 = Target::Tertulia(Wire::V1).speech();
    let seats: Vec<_> = world
        .rooms
        .iter()
        .flat_map(|room| room.members.iter().map(move |person| (room.id.0, *person)))
        .collect();
    let mut clients = Vec::with_capacity(seats.len());
    for some in seats.chunks(64) {
        let connecting = some
            .iter()
            .map(|(_, person)| v1.connect(address, &world.people[*person], None));
        clients.extend(try_join_all(connecting).await?);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before_kib = server.usage()?.resident_kib;
    drop(clients);
    for room in &world.rooms {
        let author = &world.people[room.members[0]];
        let mut speaker = v1.connect(address, author, None).await?;
        for number in 1..=MISSED {
            let words = format!("{:.<100}", format!("#0:{number}#"));
            speaker
                .send(&Wire::V1.message(room, author, &words))
                .await?;
        }
        speaker.expect(&format!("#0:{MISSED}#")).await?;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.forget_peak()?;
    let (cpu, began) = (server.usage()?.cpu, Instant::now());
    let coming = seats
        .iter()
        .map(|(room, person)| come_back(address, &world.people[*person], *room));
    let back = tokio::time::timeout(PATIENCE, try_join_all(coming))
        .await
        .context("not everybody came back")??;
    let took = began.elapsed();
    let (peak_kib, cpu) = (server.peak_kib()?, server.usage()?.cpu - cpu);
    let whole = try_join_all(back.into_iter().map(Back::whole)).await?;
    server.stop().await?;
    Ok(Found {
        took,
        before_kib,
        peak_kib,
        cpu,
        wrong: whole.into_iter().filter(|whole| !whole).count(),
    })
}

/// Somebody who is live again.
struct Back {
    client: Client,
    /// The messages that came, by their place in the room.
    numbers: Vec<u64>,
    live: bool,
    odd: Option<String>,
}

/// Comes back to where nothing had been said yet.
async fn come_back(address: &str, person: &Person, room: i64) -> Result<Back> {
    let client = Client::connect(address, "/v1/ws").await?;
    // A room made with its members stands at revision 1 (`Change::Created`).
    let cursor = json!({room.to_string(): [0, 1]});
    let auth = json!({"op": "auth", "token": person.token, "cursor": cursor});
    client.send(&auth.to_string()).await?;
    let mut back = Back {
        client,
        numbers: Vec::with_capacity(MISSED),
        live: false,
        odd: None,
    };
    let mut buffer = vec![0; 16 * 1024];
    while !back.live {
        back.receive(&mut buffer).await?;
    }
    Ok(back)
}

impl Back {
    async fn receive(&mut self, buffer: &mut [u8]) -> Result<()> {
        let Self {
            client,
            numbers,
            live,
            odd,
        } = self;
        client
            .receive(buffer, |payload| {
                let event: Value = serde_json::from_slice(payload).unwrap_or_default();
                match event["ev"].as_str() {
                    Some("message") => numbers.extend(event["message"]["seq"].as_u64()),
                    Some("live") => *live = true,
                    Some("error" | "resync") => *odd = Some(event.to_string()),
                    _ => {}
                }
            })
            .await
    }

    /// Whether everything came, once and in order, and nothing more comes.
    async fn whole(mut self) -> Result<bool> {
        let mut buffer = vec![0; 4 * 1024];
        let cut = async {
            loop {
                if let Err(error) = self.receive(&mut buffer).await {
                    break error;
                }
            }
        };
        if let Ok(error) = tokio::time::timeout(LISTENING, cut).await {
            return Err(error.context("a client was cut off again"));
        }
        ensure!(self.odd.is_none(), "{:?}", self.odd);
        Ok(self.numbers.into_iter().eq(1..=MISSED as u64))
    }
}
