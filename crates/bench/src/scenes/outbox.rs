//! From an app's commit to the reader's socket: rows inserted into `outbox` one at
//! a time, each in a transaction of its own, on a server that has nothing else to
//! do.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection};

use crate::child::{self, Tools};
use crate::latency::{HEADING, Latencies};
use crate::target::Target;
use crate::wire::Wire;
use crate::world::{self, Place, Room};

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// The database, which is made: `postgres://…/bench`, `mysql://…/bench`; SQLite when not given
    #[arg(long)]
    database: Option<String>,
    /// How many rows
    #[arg(long, default_value_t = 500)]
    rows: usize,
}

/// The app, with a connection of its own.
enum App {
    Sqlite(rusqlite::Connection),
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

impl App {
    async fn connect(place: &Place) -> Result<Self> {
        Ok(match &place.database {
            None => {
                let file = PathBuf::from(&place.folder).join("tertulia.db");
                let file = rusqlite::Connection::open(file)?;
                file.busy_timeout(Duration::from_secs(20))?;
                Self::Sqlite(file)
            }
            Some(url) if url.starts_with("mysql:") => {
                Self::MySql(MySqlConnection::connect(url).await?)
            }
            Some(url) => Self::Postgres(PgConnection::connect(url).await?),
        })
    }

    /// Comes back once it is committed.
    async fn insert(&mut self, row: usize, sender: i64, room: &Room) -> Result<()> {
        let sql = format!(
            "INSERT INTO outbox (sender_id, room_id, text) VALUES ({sender}, {}, 'row {row}.')",
            room.id
        );
        let query = sqlx::raw_sql(AssertSqlSafe(&*sql));
        match self {
            Self::Sqlite(file) => file.execute_batch(&sql)?,
            Self::Postgres(server) => {
                query.execute(server).await?;
            }
            Self::MySql(server) => {
                query.execute(server).await?;
            }
        }
        Ok(())
    }
}

/// Measures one row after the other.
pub(crate) async fn run(options: Options, tools: &Tools) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let place = Place {
        folder: folder.path().to_path_buf(),
        database: options.database.clone(),
    };
    let world = world::of_rooms(&place, 1, 2).await?;
    let (room, sender) = (&world.rooms[0], world.people[0].id.0);
    let server = child::tertulia(tools, &place).await?;
    let speech = Target::Tertulia(Wire::V1).speech();
    let mut reader = speech
        .enter(&server.address, &world.people[1], room)
        .await?;
    let mut app = App::connect(&place).await?;
    let mut waits = Vec::with_capacity(options.rows);
    for row in 1..=options.rows {
        // At no fixed step with a server that looks now and then.
        tokio::time::sleep(Duration::from_micros((row as u64 * 7_919) % 200_000)).await;
        app.insert(row, sender, room).await?;
        let committed = Instant::now();
        reader.expect(&format!("\"row {row}.\"")).await?;
        waits.push(committed.elapsed());
    }
    server.stop().await?;
    println!("rows {}, from commit to delivery, {HEADING}", options.rows);
    println!("{}", Latencies::new(waits));
    Ok(())
}
