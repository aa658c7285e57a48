//! Connections and where they work: one writer, because SQLite has one writer at
//! a time and because group commit wants one, and a few readers beside it.
//!
//! On SQLite an action runs as a whole, transaction and all, on one of the lane's
//! [`threads`]: it costs one change of thread, not one for each statement. Its future
//! never waits there (see [`sql`]), so one poll carries it out. On a server it is
//! a task of its own, so that it comes to its end though nobody waits for it.

mod threads;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::threads::Threads;
use crate::open::{Mode, Options, Source};
use crate::sql::{self, Connection, Error, ErrorKind};

/// The connections of a store. The writer closes last: it tidies up the log.
pub(crate) struct Pool {
    readers: Arc<Lane>,
    writer: Arc<Lane>,
}

/// Connections of one sort.
struct Lane {
    source: Source,
    patience: Duration,
    mode: Mode,
    /// Where SQLite works, one thread for each turn; a server needs none.
    threads: Option<Threads>,
    turns: Arc<Semaphore>,
    /// Those that nobody uses now. One that broke, or whose action panicked, is
    /// not put back: the next action opens another.
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    /// Around the connection that opened the database. Fails when no threads can
    /// be had.
    pub(crate) fn new(options: &Options, source: Source, writer: Connection) -> io::Result<Self> {
        let readers = options.readers.max(1);
        Ok(Self {
            readers: Lane::new(options, source.clone(), Mode::Read, readers, Vec::new())?,
            writer: Lane::new(options, source, Mode::Write, 1, vec![writer])?,
        })
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

    /// Writes in one transaction, which is undone when `action` fails, and beside
    /// which nobody else does so on any node.
    pub(crate) async fn write<T, E, F>(&self, action: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        self.transaction(true, action).await
    }

    /// As [`write`](Self::write), for what changes one row only: that row's own
    /// lock keeps others out.
    pub(crate) async fn write_one_row<T, E, F>(&self, action: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        self.transaction(false, action).await
    }

    async fn transaction<T, E, F>(&self, alone: bool, action: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        self.with_writer(move |connection| {
            async move {
                match alone {
                    true => connection.begin_write_alone().await?,
                    false => connection.begin_write().await?,
                }
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

    /// As [`with_writer`](Self::with_writer), and refused when it has come to no
    /// commit at a moment of the caller's.
    pub(crate) async fn with_writer_until<T, E, F>(
        &self,
        refused_at: Instant,
        action: F,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        self.writer.run_until(refused_at, action).await
    }
}

impl Lane {
    fn new(
        options: &Options,
        source: Source,
        mode: Mode,
        size: usize,
        idle: Vec<Connection>,
    ) -> io::Result<Arc<Self>> {
        let threads = match &source {
            Source::Sqlite(_) => Some(Threads::start(size)?),
            Source::Server(_) => None,
        };
        Ok(Arc::new(Self {
            source,
            patience: options.patience,
            mode,
            threads,
            turns: Arc::new(Semaphore::new(size)),
            idle: Mutex::new(idle),
        }))
    }

    async fn run<T, E, F>(self: &Arc<Self>, action: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        self.run_until(Instant::now() + self.patience, action).await
    }

    async fn run_until<T, E, F>(self: &Arc<Self>, refused_at: Instant, action: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        let turn = self.turn(refused_at).await?;
        let lane = Arc::clone(self);
        let work = async move {
            let _turn = turn;
            let mut connection = lane.take()?;
            connection.wait_until(refused_at)?;
            let result = action(&mut connection).await;
            lane.give_back(connection);
            result
        };
        // A panic inside is logged by its own thread.
        let done = match &self.threads {
            Some(threads) => threads
                .run(move || carry_out(work))
                .await
                .map_err(|lost| Error::new(ErrorKind::Away, lost)),
            None => tokio::spawn(work)
                .await
                .map_err(|lost| Error::new(ErrorKind::Away, lost)),
        };
        done.unwrap_or_else(|lost| Err(lost.into()))
    }

    async fn turn(&self, refused_at: Instant) -> sql::Result<OwnedSemaphorePermit> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        match tokio::time::timeout_at(refused_at.into(), turn).await {
            Ok(turn) => turn.map_err(|closed| Error::new(ErrorKind::Away, closed)),
            Err(_) => Err(Error::new(ErrorKind::Away, "every connection is busy")),
        }
    }

    fn take(&self) -> sql::Result<Connection> {
        if let Some(connection) = self.idle.lock().pop() {
            return Ok(connection);
        }
        self.source.connect(self.mode)
    }

    fn give_back(&self, connection: Connection) {
        // One that could not even end its transaction is of no more use.
        if !connection.in_transaction() {
            self.idle.lock().push(connection);
        }
    }
}

/// Runs a future that never waits.
fn carry_out<T>(action: impl Future<Output = T>) -> T {
    action
        .now_or_never()
        .expect("statements on SQLite run inline and never wait")
}

#[cfg(test)]
mod tests {
    use tertulia_domain::{Error, Result};

    use super::*;

    async fn pool() -> (Pool, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = Options::new(folder.path().join("chat.db"));
        let source = Source::of(&options.database);
        let opened = crate::open::open(&source, &[0; 16]).await;
        let (writer, _) = opened.expect("it opens");
        let pool = Pool::new(&options, source, writer).expect("threads start");
        (pool, folder)
    }

    async fn beats(pool: &Pool) -> Result<Option<i64>> {
        pool.read(|c| {
            async move {
                let sql = "SELECT beat FROM pulse";
                Ok(c.query_one(sql, &[], |row| row.take()).await?)
            }
            .boxed()
        })
        .await
    }

    async fn beat(pool: &Pool) -> Result<()> {
        pool.with_writer(|c| async move { Ok(c.touch().await?) }.boxed())
            .await
    }

    #[tokio::test]
    async fn a_panic_costs_its_own_action_only() {
        let (pool, _folder) = pool().await;
        let lost: Result<()> = pool
            .write(|c| {
                async move {
                    c.execute("UPDATE pulse SET beat = 7", &[]).await?;
                    panic!("a mistake in an action");
                }
                .boxed()
            })
            .await;
        assert!(matches!(lost, Err(Error::Unavailable(_))));
        beat(&pool)
            .await
            .expect("another connection takes its place");
        assert_eq!(beats(&pool).await.expect("answered"), Some(1));
    }

    #[tokio::test]
    async fn a_refusal_undoes_what_was_written() {
        let (pool, _folder) = pool().await;
        let refused: Result<()> = pool
            .write(|c| {
                async move {
                    c.execute("UPDATE pulse SET beat = 7", &[]).await?;
                    Err(Error::InvalidToken)
                }
                .boxed()
            })
            .await;
        assert!(matches!(refused, Err(Error::InvalidToken)));
        assert_eq!(beats(&pool).await.expect("answered"), Some(0));
    }

    #[tokio::test]
    async fn a_reader_cannot_write() {
        let (pool, _folder) = pool().await;
        let refused: Result<usize> = pool
            .read(|c| async move { Ok(c.execute("UPDATE pulse SET beat = 7", &[]).await?) }.boxed())
            .await;
        assert!(matches!(refused, Err(Error::Unavailable(_))));
    }

    #[tokio::test]
    async fn a_broken_transaction_is_not_handed_on() {
        let (pool, _folder) = pool().await;
        let left_open: Result<()> = pool
            .with_writer(|c| async move { Ok(c.begin_write().await?) }.boxed())
            .await;
        left_open.expect("begun, and never ended");
        beat(&pool)
            .await
            .expect("another connection takes its place");
    }
}
