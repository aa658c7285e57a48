//! What uploads and removals share: the ports, and the tidying up.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::Mutex;
use uuid::{Builder, Uuid};

use crate::chat::Ports;
use crate::ports::IdKind;
use crate::{FileId, Limits, Result, Timestamp};

/// Uploads and blobs that are dealt with in one transaction.
const BATCH: usize = 100;

/// The part of the chat that outlives the call that began an upload.
pub(crate) struct FileKeeper {
    pub(super) ports: Ports,
    pub(super) limits: Limits,
    /// Resumable uploads of which a request brings some right now.
    pub(super) resuming: parking_lot::Mutex<HashSet<FileId>>,
    /// Held while blobs are removed: one at a time is enough.
    purging: Mutex<()>,
}

impl FileKeeper {
    pub(crate) fn new(ports: Ports, limits: Limits) -> Self {
        Self {
            ports,
            limits,
            resuming: parking_lot::Mutex::default(),
            purging: Mutex::new(()),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    pub(super) async fn new_id(&self) -> Result<FileId> {
        let ids = self.ports.store.reserve_ids(IdKind::File, 1).await?;
        Ok(FileId(ids.start))
    }

    pub(super) fn new_uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.ports.random.fill(&mut bytes);
        Builder::from_random_bytes(bytes).into_uuid()
    }

    /// Gives an upload up and removes what is stored of it. What fails is left
    /// for the next sweep.
    pub(super) async fn abandon(&self, id: FileId) {
        let given_up = self.ports.store.abandon_upload(id, self.now()).await;
        let purged = match given_up {
            Ok(true) => self.purge().await,
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = purged {
            tracing::warn!(%error, upload = id.0, "an upload is left to be swept");
        }
    }

    /// The same in the background, also when the caller is being dropped.
    pub(super) fn abandon_soon(self: &Arc<Self>, id: FileId) {
        let keeper = Arc::clone(self);
        self.in_background(async move { keeper.abandon(id).await });
    }

    /// Removes in the background what nothing needs any more.
    pub(super) fn purge_soon(self: &Arc<Self>) {
        let keeper = Arc::clone(self);
        self.in_background(async move {
            if let Err(error) = keeper.purge().await {
                tracing::warn!(%error, "blobs are left to be swept");
            }
        });
    }

    pub(super) fn in_background(&self, work: impl Future<Output = ()> + Send + 'static) {
        // Without a runtime the process ends: the next start sweeps.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(work);
        }
    }

    pub(super) async fn abandon_expired(&self, orphaned: bool) -> Result<()> {
        let store = &self.ports.store;
        while store.abandon_expired(self.now(), orphaned, BATCH).await? >= BATCH {}
        Ok(())
    }

    /// Removes the blobs that are noted as to be removed.
    pub(super) async fn purge(&self) -> Result<()> {
        let _alone = self.purging.lock().await;
        loop {
            let doomed = self.ports.store.doomed_blobs(BATCH).await?;
            if doomed.is_empty() {
                return Ok(());
            }
            for key in &doomed {
                self.ports.blobs.delete(key).await?;
            }
            self.ports.store.forget_blobs(&doomed).await?;
        }
    }
}
