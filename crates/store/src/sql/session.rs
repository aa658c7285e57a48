//! One connection to a database server, which is made when it is first needed
//! and made again after it was lost.
//!
//! Whatever a server does or fails to do, a statement ends in time: one that is
//! not answered by the deadline costs the connection, and with it the
//! transaction, which was not committed. Only when a COMMIT gets no answer it is
//! unknown what became of it; then the session asks the database until it knows
//! (G13). For that every transaction that writes raises this process's own row
//! of `pulse` in the same turn as its COMMIT.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::time::{sleep, timeout_at};

use super::address::{Server, ServerAddress};
use super::wire::{Rows, ServerRow, Wire};
use super::{Error, ErrorKind, Result};
use crate::open::Mode;
use crate::value::Value;

/// How long a statement may take where nobody has set a moment.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait, while starting, for a server that starts too.
const START_PATIENCE: Duration = Duration::from_secs(10);

/// How long a change of the schema may wait for others and take.
const MIGRATION_PATIENCE: Duration = Duration::from_secs(120);

/// How long a COMMIT may take before the session asks over another connection.
const COMMIT_PATIENCE: Duration = Duration::from_secs(10);

/// How long one such question may take.
const QUESTION_PATIENCE: Duration = Duration::from_secs(8);

/// More than any page that a server still has: to write it, the server must find
/// new room.
const PROBE_BYTES: usize = 64 * 1024;

/// How long nothing is believed of a disk that was full: a server may still have
/// room for the probe where it has none for what it refuses (InnoDB keeps some
/// of the last back from indexes, and not from long values).
const FULL_FOR: Duration = Duration::from_secs(5);

/// Pauses between such questions.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// A server, as all connections of a store share it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) address: ServerAddress,
    /// This process's row in `pulse`; zero before it has one.
    writer: AtomicI64,
    /// The `beat` of that row, as far as known.
    beat: AtomicI64,
    /// MariaDB, not MySQL.
    pub(crate) is_mariadb: AtomicBool,
    /// When the server's disk was last too full for what was to be written, until
    /// it has room again.
    full_at: Mutex<Option<Instant>>,
}

impl Target {
    pub(crate) fn new(address: ServerAddress) -> Self {
        Self {
            address,
            writer: AtomicI64::new(0),
            beat: AtomicI64::new(0),
            is_mariadb: AtomicBool::new(false),
            full_at: Mutex::new(None),
        }
    }

    /// The disk has room, which it had not at `full_at`.
    fn has_room_since(&self, full_at: Instant) {
        self.full_at.lock().take_if(|last| *last == full_at);
    }

    /// From now on transactions raise this row of `pulse`, which stands at 0.
    pub(crate) fn use_writer(&self, writer: i64) {
        self.writer.store(writer, Ordering::Relaxed);
    }

    fn writer(&self) -> i64 {
        self.writer.load(Ordering::Relaxed)
    }
}

/// A connection to a server.
pub(crate) struct Session {
    target: Arc<Target>,
    mode: Mode,
    wire: Option<Wire>,
    in_transaction: bool,
    reads_only: bool,
    deadline: Instant,
}

impl Session {
    /// Not connected yet.
    pub(crate) fn new(target: Arc<Target>, mode: Mode) -> Self {
        Self {
            target,
            mode,
            wire: None,
            in_transaction: false,
            reads_only: false,
            deadline: Instant::now() + PATIENCE,
        }
    }

    /// Connects for the first time; a server that is about to start is waited
    /// for. Makes the server's database when there is none.
    pub(crate) async fn make_database(&mut self) -> Result<()> {
        let gives_up = Instant::now() + START_PATIENCE;
        let mut connected = self.connect().await;
        while let Err(error) = &connected
            && error.kind == ErrorKind::Away
            && !error.is_untrusted()
            && Instant::now() < gives_up
        {
            tracing::debug!(%error, "the database is not there yet");
            sleep(PAUSES.0 * 4).await;
            connected = self.connect().await;
        }
        let Err(error) = connected else { return Ok(()) };
        let missing = error.is_no_such_database();
        let Some(name) = self.target.address.database().filter(|_| missing) else {
            return Err(error);
        };
        tracing::info!(database = name, "making the database");
        let (server, sql) = self.target.address.to_make_it(name);
        let making = async {
            let mut wire = Wire::connect(&server).await?;
            wire.run(&sql).await
        };
        let made = timeout_at(self.deadline.into(), making).await;
        // Another node may have been first.
        let made = made.map_err(|_| not_answered()).and_then(|made| Ok(made?));
        self.connect().await.or(made)
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.target.address.server, Server::Postgres(_))
    }

    pub(crate) fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Whether the transaction is one that only reads.
    pub(crate) fn reads_only(&self) -> bool {
        self.reads_only
    }

    pub(crate) fn wait_until(&mut self, moment: Instant) {
        self.deadline = moment;
    }

    /// Begins a transaction that sees one state of the database.
    pub(crate) async fn begin_read(&mut self) -> Result<()> {
        let sql = if self.is_postgres() {
            format!(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                 SET LOCAL statement_timeout = 15000{}",
                self.postgres_settings()
            )
        } else {
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY".to_owned()
        };
        self.reads_only = true;
        self.begin(&sql).await
    }

    /// Begins a transaction in which each statement sees what is committed by
    /// then. `alone` keeps out all others that are begun so, on every node.
    pub(crate) async fn begin_write(&mut self, alone: bool) -> Result<()> {
        let mut sql = if self.is_postgres() {
            format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = 3000; \
                 SET LOCAL idle_in_transaction_session_timeout = 30000{}",
                self.postgres_settings()
            )
        } else {
            "START TRANSACTION".to_owned()
        };
        if alone {
            sql.push_str("; SELECT beat FROM pulse WHERE id = 0 FOR UPDATE");
        }
        self.reads_only = false;
        self.begin(&sql).await
    }

    /// Set for each transaction anew: poolers hand a connection from one client
    /// to the next between transactions.
    fn postgres_settings(&self) -> String {
        match &self.target.address.schema {
            Some(schema) => format!("; SET LOCAL search_path TO {schema}"),
            None => String::new(),
        }
    }

    /// A connection that the server has closed meanwhile shows it here, where
    /// nothing is lost by taking another.
    async fn begin(&mut self, sql: &str) -> Result<()> {
        let was_connected = self.wire.is_some();
        match self.begin_once(sql).await {
            Err(error) if was_connected && error.kind == ErrorKind::Away => {
                self.forget();
                self.begin_once(sql).await
            }
            begun => begun,
        }
    }

    async fn begin_once(&mut self, sql: &str) -> Result<()> {
        if self.wire.is_none() {
            self.connect().await?;
        }
        let begun = self.run(sql).await;
        if begun.is_err() {
            self.forget();
        }
        self.in_transaction = begun.is_ok();
        begun
    }

    async fn connect(&mut self) -> Result<()> {
        let connecting = Wire::connect(&self.target.address.server);
        let mut wire = match timeout_at(self.deadline.into(), connecting).await {
            Ok(wire) => wire?,
            Err(_) => return Err(not_answered()),
        };
        if let Wire::MySql(_) = &wire {
            let level = match self.mode {
                Mode::Read => "REPEATABLE READ",
                Mode::Write => "READ COMMITTED",
            };
            let sql = format!(
                "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
                 innodb_lock_wait_timeout = 3; SET SESSION TRANSACTION ISOLATION LEVEL {level}"
            );
            match timeout_at(self.deadline.into(), wire.run(&sql)).await {
                Ok(done) => done?,
                Err(_) => return Err(not_answered()),
            }
        }
        self.wire = Some(wire);
        Ok(())
    }

    /// Begins a transaction that changes the schema, once nobody else does.
    pub(crate) async fn begin_migration(&mut self) -> Result<()> {
        self.deadline = Instant::now() + MIGRATION_PATIENCE;
        self.begin_write(false).await?;
        if !self.is_postgres() {
            // Named after the database, as locks belong to the whole server.
            return self
                .run(&format!(
                    "DO GET_LOCK(LEFT(CONCAT('tertulia ', DATABASE()), 64), {})",
                    MIGRATION_PATIENCE.as_secs()
                ))
                .await;
        }
        let schema = self.target.address.schema.clone();
        let name = schema.as_deref().unwrap_or_default();
        self.run(&format!(
            "SET LOCAL lock_timeout = 0; SET LOCAL client_min_messages = warning; \
             SELECT pg_advisory_xact_lock(hashtextextended('tertulia schema {name}', 0))"
        ))
        .await?;
        match schema {
            Some(name) => {
                self.run(&format!("CREATE SCHEMA IF NOT EXISTS {name}"))
                    .await
            }
            None => Ok(()),
        }
    }

    /// After the end of that transaction.
    pub(crate) async fn end_migration(&mut self) -> Result<()> {
        if self.is_postgres() || self.wire.is_none() {
            return Ok(());
        }
        self.run("DO RELEASE_LOCK(LEFT(CONCAT('tertulia ', DATABASE()), 64))")
            .await
    }

    /// MySQL's and MariaDB's order of texts that is SQLite's: by their bytes,
    /// and spaces at the end count.
    pub(crate) fn collation(&self) -> &'static str {
        if self.target.is_mariadb.load(Ordering::Relaxed) {
            "utf8mb4_nopad_bin"
        } else {
            "utf8mb4_0900_bin"
        }
    }

    /// Where the server's disk was full: fails while it still is. Rows that a
    /// page has room for can be changed all the while, which says nothing.
    pub(crate) async fn make_sure_of_room(&mut self) -> Result<()> {
        let full_at = *self.target.full_at.lock();
        let Some(full_at) = full_at else {
            return Ok(());
        };
        if full_at.elapsed() < FULL_FOR {
            return Err(full());
        }
        let probe = incompressible();
        let row = [Value::Text("probe"), Value::Bytes(&probe)];
        let sql = "INSERT INTO settings (name, value) VALUES (?, ?)";
        self.execute(sql, &row, false).await?;
        self.rollback().await?;
        self.target.has_room_since(full_at);
        self.begin_write(false).await
    }

    /// Makes the transaction durable. When that fails, nothing of it is done,
    /// and never will be.
    pub(crate) async fn commit(&mut self) -> Result<()> {
        let writer = self.target.writer();
        if writer == 0 {
            return self.end("COMMIT").await;
        }
        let before = self.target.beat.load(Ordering::Relaxed);
        self.deadline = self.deadline.max(Instant::now() + COMMIT_PATIENCE);
        let committed = self.run(&commit_sql(writer, before)).await;
        match committed {
            Ok(()) => {
                self.in_transaction = false;
                self.target.beat.store(before + 1, Ordering::Relaxed);
                Ok(())
            }
            Err(error) if error.kind == ErrorKind::Away => self.find_out(before, error).await,
            Err(error) => {
                self.rollback().await?;
                self.read_beat_again().await;
                Err(error)
            }
        }
    }

    /// Undoes the transaction, if there is one.
    pub(crate) async fn rollback(&mut self) -> Result<()> {
        if self.in_transaction {
            self.end("ROLLBACK").await?;
        }
        Ok(())
    }

    async fn end(&mut self, sql: &str) -> Result<()> {
        let ended = self.run(sql).await;
        if ended.is_err() {
            self.forget();
        }
        self.in_transaction = false;
        ended
    }

    /// Asks the database whether the transaction that found `before` in this
    /// process's row is committed. Does not end before it knows.
    async fn find_out(&mut self, before: i64, lost: Error) -> Result<()> {
        tracing::warn!(error = %lost, "a commit got no answer; asking what became of it");
        let mut pause = PAUSES.0;
        loop {
            self.forget();
            self.deadline = Instant::now() + QUESTION_PATIENCE;
            match self.ask(before).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(lost),
                Err(error) => tracing::debug!(%error, "the database is still away"),
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Waits for the row, should the transaction still hold it. Where it has
    /// not come so far, its COMMIT may still lie before a server that stands
    /// still: the row is moved on, so that it can never succeed (G3).
    async fn ask(&mut self, before: i64) -> Result<bool> {
        let writer = self.target.writer();
        self.begin_write(false).await?;
        let Some(found) = self.beat(writer).await? else {
            self.rollback().await?;
            return Ok(false);
        };
        if found == before {
            self.run(&format!(
                "UPDATE pulse SET beat = {} WHERE id = {writer}; COMMIT",
                before + 2
            ))
            .await?;
            self.in_transaction = false;
            self.target.beat.store(before + 2, Ordering::Relaxed);
            return Ok(false);
        }
        self.rollback().await?;
        self.target.beat.store(found, Ordering::Relaxed);
        Ok(found == before + 1)
    }

    /// After a commit that was refused: its row may have been moved, by hand or
    /// by a backup that was put back.
    async fn read_beat_again(&mut self) {
        let writer = self.target.writer();
        if self.begin_write(false).await.is_err() {
            return;
        }
        if let Ok(Some(found)) = self.beat(writer).await {
            self.target.beat.store(found, Ordering::Relaxed);
        }
        let _ = self.rollback().await;
    }

    async fn beat(&mut self, writer: i64) -> Result<Option<i64>> {
        let sql = "SELECT beat FROM pulse WHERE id = ? FOR UPDATE";
        let rows = self.fetch(sql, &[Value::Integer(writer)], true).await?;
        rows.get(0).map(number).transpose()
    }

    /// A number that changes when another process has committed something.
    pub(crate) async fn foreign_writes(&mut self) -> Result<i64> {
        self.begin_read().await?;
        let sql = "SELECT beat FROM pulse WHERE id <> ?";
        let own = Value::Integer(self.target.writer());
        let rows = self.fetch(sql, &[own], true).await;
        self.rollback().await?;
        let rows = rows?;
        let mut sum = 0_i64;
        for row in rows.iter() {
            // A row that came or went counts too.
            sum = sum.wrapping_add(number(row)?).wrapping_add(1);
        }
        Ok(sum)
    }

    /// Runs statements that have no parameters, in one turn.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<()> {
        let wire = self.wire.as_mut().ok_or_else(lost)?;
        let done = timeout_at(self.deadline.into(), wire.run(sql)).await;
        self.settle(done)
    }

    pub(crate) async fn execute(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        keep: bool,
    ) -> Result<u64> {
        let keep = keep && self.target.address.prepare;
        let wire = self.wire.as_mut().ok_or_else(lost)?;
        let done = timeout_at(self.deadline.into(), wire.execute(sql, params, keep)).await;
        self.settle(done)
    }

    pub(crate) async fn fetch(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        keep: bool,
    ) -> Result<Rows> {
        let keep = keep && self.target.address.prepare;
        let wire = self.wire.as_mut().ok_or_else(lost)?;
        let done = timeout_at(self.deadline.into(), wire.fetch(sql, params, keep)).await;
        self.settle(done)
    }

    fn settle<T>(
        &mut self,
        done: std::result::Result<std::result::Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T> {
        let error = match done {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => Error::from(error),
            Err(_) => not_answered(),
        };
        if error.is_full() {
            *self.target.full_at.lock() = Some(Instant::now());
        }
        if error.kind == ErrorKind::Away {
            self.forget();
        }
        Err(error)
    }

    /// Lets the connection go; the server undoes what was under way.
    fn forget(&mut self) {
        self.wire = None;
        self.in_transaction = false;
    }
}

/// Bytes that servers cannot make fewer: the numbers of a simple generator
/// (xorshift).
fn incompressible() -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let numbers = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    numbers.flatten().take(PROBE_BYTES).collect()
}

/// Fails, and with it the COMMIT behind it, when the row does not stand where
/// this transaction expects it: the column takes no NULL.
fn commit_sql(writer: i64, before: i64) -> String {
    format!(
        "UPDATE pulse SET beat = CASE WHEN beat = {before} THEN {} ELSE NULL END \
         WHERE id = {writer}; COMMIT",
        before + 1
    )
}

fn number(row: ServerRow<'_>) -> Result<i64> {
    match row.value(0)? {
        Value::Integer(number) => Ok(number),
        _ => Err(Error::damaged("a beat is a number")),
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Away, "the connection to the database was lost")
}

fn full() -> Error {
    Error::new(ErrorKind::Away, "the database's disk was full a moment ago")
}

fn not_answered() -> Error {
    Error::new(ErrorKind::Away, "the database does not answer")
}
