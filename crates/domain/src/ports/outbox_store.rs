//! The rows that SQL clients insert ([`outbox`](crate::outbox)).

use async_trait::async_trait;

use crate::outbox::{OutboxRow, Settlement};
use crate::{OutboxId, Result, Timestamp};

/// A stretch of the rows that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxPage {
    /// After this row.
    pub after: OutboxId,
    /// At most so many.
    pub limit: usize,
    /// Characters of a text that matter; of a longer one, one more is read.
    pub text_chars: usize,
    /// The same for metadata.
    pub metadata_chars: usize,
}

/// Rows to read and to mark. Those that ask for a message are marked with it, in
/// [`WriteStore::commit`](super::WriteStore::commit).
#[async_trait]
pub trait OutboxStore: Send + Sync + 'static {
    /// Rows that wait, by their numbers. Those of a transaction that is not
    /// committed yet are not among them, whatever their numbers.
    async fn outbox_waiting(&self, page: OutboxPage) -> Result<Vec<OutboxRow>>;

    /// Notes what came of rows, of those that still wait.
    async fn outbox_settle(&self, settled: Vec<Settlement>, at: Timestamp) -> Result<()>;

    /// Removes rows that were settled before, at most `limit`; how many it were.
    async fn outbox_prune(&self, before: Timestamp, limit: usize) -> Result<usize>;

    /// Comes back when a row may have been inserted since the last time; never
    /// where the database does not tell. A hint: one may be lost.
    async fn outbox_hint(&self);

    /// Whether the database tells of rows now.
    fn outbox_hints(&self) -> bool;
}
