//! Connections and the threads they work on: one writer, because SQLite has one
//! writer at a time, and a few readers beside it.
//!
//! An action runs as a whole, transaction and all, on one blocking thread: it
//! costs one change of thread, not one for each statement. Its future never
//! waits there (see [`sql`]), so one poll carries it out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::open::{self, Mode, Options};
use crate::sql::{self, Connection, Error, ErrorKind};

/// How long an action may wait, for a connection and for other processes that
/// write, before it is refused: a send is to be refused within 5 s (G13).
const WAIT: Duration = Duration::from_millis(4_500);

/// The connections of a store. The writer closes last: it tidies up the log.
pub(crate) struct Pool {
    readers: Arc<Lane>,
    writer: Arc<Lane>,
}

/// Connections of one sort.
struct Lane {
    options: Options,
    mode: Mode,
    turns: Arc<Semaphore>,
    /// Those that nobody uses now. One that broke, or whose action panicked, is
    /// not put back: the next action opens another.
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    /// Around the connection that opened the database.
    pub(crate) fn new(options: Options, writer: Connection) -> Self {
        let readers = options.readers.max(1);
        Self {
            readers: Arc::new(Lane::new(options.clone(), Mode::Read, readers, Vec::new())),
            writer: Arc::new(Lane::new(options, Mode::Write, 1, vec![writer])),
        }
    }

    /// Reads from one state of the database.
    pub(crate) async fn read<T, E, F>(&self, action: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        self.readers
            .run(move |connection| {
                async move {
                    connection.begin_read().await?;
                    let result = action(connection).await;
                    connection.rollback().await?;
                    result
                }
                .boxed()
            })
            .await
    }

    /// Writes in one transaction, which is undone when `action` fails.
    pub(crate) async fn write<T, E, F>(&self, action: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        self.with_writer(move |connection| {
            async move {
                connection.begin_write().await?;
                match action(connection).await {
                    Ok(done) => {
                        connection.commit().await?;
                        Ok(done)
                    }
                    Err(error) => {
                        connection.rollback().await?;
                        Err(error)
                    }
                }
            }
            .boxed()
        })
        .await
    }

    /// Lends the writer's connection, without a transaction.
    pub(crate) async fn with_writer<T, E, F>(&self, action: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        self.writer.run(action).await
    }
}

impl Lane {
    fn new(options: Options, mode: Mode, size: usize, idle: Vec<Connection>) -> Self {
        Self {
            options,
            mode,
            turns: Arc::new(Semaphore::new(size)),
            idle: Mutex::new(idle),
        }
    }

    async fn run<T, E, F>(self: &Arc<Self>, action: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        let refused_at = Instant::now() + WAIT;
        let turn = self.turn().await?;
        let lane = Arc::clone(self);
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let mut connection = lane.take()?;
            connection.wait_until(refused_at)?;
            let result = carry_out(action(&mut connection));
            lane.give_back(connection);
            result
        });
        // A panic inside is logged by its own thread.
        work.await
            .unwrap_or_else(|lost| Err(Error::new(ErrorKind::Away, lost).into()))
    }

    async fn turn(&self) -> sql::Result<OwnedSemaphorePermit> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        match tokio::time::timeout(WAIT, turn).await {
            Ok(turn) => turn.map_err(|closed| Error::new(ErrorKind::Away, closed)),
            Err(_) => Err(Error::new(ErrorKind::Away, "every connection is busy")),
        }
    }

    fn take(&self) -> sql::Result<Connection> {
        if let Some(connection) = self.idle.lock().pop() {
            return Ok(connection);
        }
        open::connect(&self.options, self.mode)
    }

    fn give_back(&self, connection: Connection) {
        // One that could not even end its transaction is of no more use.
        if !connection.in_transaction() {
            self.idle.lock().push(connection);
        }
    }
}

/// Runs a future that never waits.
fn carry_out<T>(action: BoxFuture<'_, T>) -> T {
    action
        .now_or_never()
        .expect("statements on SQLite run inline and never wait")
}
