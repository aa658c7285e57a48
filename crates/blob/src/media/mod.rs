//! What files are, told from their content.

mod picture;
mod sniff;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::BytesMut;
use futures_util::TryStreamExt;
use tertulia_domain::file::FileType;
use tertulia_domain::ports::{BlobStream, Media, Picture};
use tertulia_domain::{Error, Result};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Images are decoded this many at a time: each may take as much memory as
/// [`picture::MOST_MEMORY`].
const PLACES: usize = 2;

/// Bytes of an image that is looked at. It is in memory as a whole.
const MOST_BYTES: usize = 12 * 1024 * 1024;

/// The `Media` port.
#[derive(Clone, Debug)]
pub struct FileMedia {
    places: Arc<Semaphore>,
}

impl Default for FileMedia {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(PLACES)),
        }
    }
}

#[async_trait]
impl Media for FileMedia {
    fn sniff(&self, head: &[u8]) -> Vec<FileType> {
        sniff::types(head)
    }

    async fn inspect(&self, kind: FileType, mut content: BlobStream) -> Result<Option<Picture>> {
        let Some(format) = picture::format(kind) else {
            return Ok(None);
        };
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(Error::unavailable)?;
        let mut bytes = BytesMut::new();
        while let Some(piece) = content.try_next().await? {
            if bytes.len() + piece.len() > MOST_BYTES {
                return Ok(None);
            }
            bytes.extend_from_slice(&piece);
        }
        let inspected = spawn_blocking(move || {
            let inspected = picture::inspect(format, &bytes);
            drop(place);
            inspected
        });
        // A decoder that panics has met a file that it cannot read.
        Ok(inspected.await.unwrap_or_else(|panicked| {
            tracing::warn!(%panicked, "an image could not be decoded");
            None
        }))
    }
}
