//! Blobs as objects of S3-compatible storage or Google Cloud Storage.
//!
//! A blob of one part is one request; a longer one goes up in parts, one after
//! the other. Either way it becomes visible as a whole.

mod settings;
mod unfinished;
mod writer;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt, PutPayload};
use parking_lot::Mutex;
use tertulia_domain::file::{BlobKey, FileType};
use tertulia_domain::ports::{BlobStream, BlobWriter, Blobs};
use tertulia_domain::{Entity, Error, Result};
use tokio::time::Instant;

pub use settings::{GcsSettings, S3Settings, UnusableStorage};

use unfinished::Unfinished;
use writer::CloudWriter;

/// How long a write that went well stands for the next: readiness is asked
/// often, and each write costs money.
const PING_HOLDS: Duration = Duration::from_secs(30);

/// What a bucket is asked through.
type Bucket = (Arc<dyn ObjectStore>, Unfinished);

/// Blobs in a bucket.
#[derive(Clone, Debug)]
pub struct CloudBlobs {
    store: Arc<dyn ObjectStore>,
    unfinished: Arc<Unfinished>,
    prefix: Path,
    last_ping: Arc<Mutex<Option<Instant>>>,
}

impl CloudBlobs {
    /// In a bucket of S3 or of storage that speaks its language. Asks nobody.
    ///
    /// # Errors
    /// When the settings contradict each other.
    pub fn s3(settings: &S3Settings) -> Result<Self, UnusableStorage> {
        Ok(Self::new(settings.bucket()?, &settings.prefix))
    }

    /// In a bucket of Google Cloud Storage. Asks nobody.
    ///
    /// # Errors
    /// When the settings contradict each other, or the credentials cannot be
    /// read.
    pub fn gcs(settings: &GcsSettings) -> Result<Self, UnusableStorage> {
        Ok(Self::new(settings.bucket()?, &settings.prefix))
    }

    fn new((store, unfinished): Bucket, prefix: &str) -> Self {
        Self {
            store,
            unfinished: Arc::new(unfinished),
            prefix: Path::from(prefix),
            last_ping: Arc::default(),
        }
    }

    fn path(&self, key: &BlobKey) -> Path {
        let parts = self.prefix.parts();
        parts
            .chain(Path::from(key.as_str()).parts())
            .map(|part| part.as_ref().to_owned())
            .collect()
    }
}

#[async_trait]
impl Blobs for CloudBlobs {
    async fn create(&self, key: &BlobKey, content_type: FileType) -> Result<Box<dyn BlobWriter>> {
        Ok(Box::new(CloudWriter::new(
            Arc::clone(&self.store),
            self.path(key),
            content_type,
        )))
    }

    async fn read(&self, key: &BlobKey, range: Range<u64>) -> Result<BlobStream> {
        let options = GetOptions::new().with_range(Some(range));
        let found = self.store.get_opts(&self.path(key), options).await;
        Ok(found.map_err(failed)?.into_stream().map_err(failed).boxed())
    }

    async fn delete(&self, key: &BlobKey) -> Result<()> {
        let path = self.path(key);
        match self.store.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(failed(error)),
        }
        self.unfinished.end(&path).await
    }

    async fn ping(&self) -> Result<()> {
        let now = Instant::now();
        if self
            .last_ping
            .lock()
            .is_some_and(|last| now < last + PING_HOLDS)
        {
            return Ok(());
        }
        let probe: Path = self
            .prefix
            .parts()
            .map(|part| part.as_ref().to_owned())
            .chain(["ping".to_owned()])
            .collect();
        let written = self
            .store
            .put(&probe, PutPayload::from_static(b"ping"))
            .await;
        written.map_err(failed)?;
        *self.last_ping.lock() = Some(now);
        Ok(())
    }
}

fn failed(error: object_store::Error) -> Error {
    match error {
        object_store::Error::NotFound { .. } => Error::NotFound(Entity::File),
        other => Error::unavailable(other),
    }
}
