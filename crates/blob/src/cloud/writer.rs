//! An object being written.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, MultipartUpload, ObjectStore, PutMultipartOptions, PutOptions,
    PutPayload,
};
use tertulia_domain::file::FileType;
use tertulia_domain::ports::BlobWriter;
use tertulia_domain::{Error, Result};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::failed;

/// Bytes of every part but the last: the least that S3 takes. All of one size,
/// as some storages demand. One is in memory: filled, then sent.
const PART: usize = 5 * 1024 * 1024;

/// A blob being written.
pub(super) struct CloudWriter {
    store: Arc<dyn ObjectStore>,
    path: Path,
    attributes: Attributes,
    /// The part being filled; shorter than one part between two calls. The
    /// pieces that it comes in are copied: each may keep far more memory than
    /// its own bytes, and thousands of them, freed by other threads, leave holes.
    part: BytesMut,
    /// There once a part is full.
    upload: Option<Box<dyn MultipartUpload>>,
    /// The part that is on its way.
    sending: Option<JoinHandle<object_store::Result<()>>>,
}

impl CloudWriter {
    pub(super) fn new(store: Arc<dyn ObjectStore>, path: Path, kind: FileType) -> Self {
        let attributes = [(Attribute::ContentType, kind.mime())];
        Self {
            store,
            path,
            attributes: attributes.into_iter().collect(),
            part: BytesMut::new(),
            upload: None,
            sending: None,
        }
    }

    /// Sends the part that was filled, and waits until it has arrived.
    async fn send_part(&mut self) -> Result<()> {
        let part = PutPayload::from(self.part.split().freeze());
        let sending = self.upload().await?.put_part(part);
        self.sending = Some(tokio::spawn(sending));
        self.sent().await
    }

    /// Whoever gives up waiting leaves the part on its way to [`Drop`].
    async fn sent(&mut self) -> Result<()> {
        let Some(sending) = &mut self.sending else {
            return Ok(());
        };
        let sent = sending.await;
        self.sending = None;
        match sent {
            Ok(sent) => sent.map_err(failed),
            Err(stopped) => Err(Error::unavailable(stopped)),
        }
    }

    async fn upload(&mut self) -> Result<&mut Box<dyn MultipartUpload>> {
        let begun = match self.upload.take() {
            Some(upload) => upload,
            None => {
                let options = PutMultipartOptions::from(self.attributes.clone());
                let begun = self.store.put_multipart_opts(&self.path, options).await;
                begun.map_err(failed)?
            }
        };
        Ok(self.upload.insert(begun))
    }

    async fn put_whole(&mut self) -> Result<()> {
        let whole = PutPayload::from(self.part.split().freeze());
        let options = PutOptions::from(self.attributes.clone());
        let put = self.store.put_opts(&self.path, whole, options).await;
        put.map(drop).map_err(failed)
    }

    async fn complete(&mut self) -> Result<()> {
        if !self.part.is_empty() {
            self.send_part().await?;
        }
        let Some(mut upload) = self.upload.take() else {
            return Ok(());
        };
        let completed = upload.complete().await;
        if completed.is_err() {
            // To be aborted by whoever drops this.
            self.upload = Some(upload);
        }
        completed.map(drop).map_err(failed)
    }
}

#[async_trait]
impl BlobWriter for CloudWriter {
    async fn write(&mut self, mut piece: Bytes) -> Result<()> {
        while !piece.is_empty() {
            let room = PART - self.part.len();
            // Memory that nothing is written to takes none.
            self.part.reserve(room);
            let next = piece.split_to(room.min(piece.len()));
            self.part.extend_from_slice(&next);
            if self.part.len() == PART {
                self.send_part().await?;
            }
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<()> {
        if self.upload.is_none() {
            return self.put_whole().await;
        }
        self.complete().await
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        // A part that arrives after the abort would stay, and cost.
        let _ = self.sent().await;
        match self.upload.take() {
            Some(mut upload) => upload.abort().await.map_err(failed),
            None => Ok(()),
        }
    }
}

impl Drop for CloudWriter {
    fn drop(&mut self) {
        let sending = self.sending.take();
        let (Some(mut upload), Ok(runtime)) = (self.upload.take(), Handle::try_current()) else {
            return;
        };
        runtime.spawn(async move {
            if let Some(sending) = sending {
                let _ = sending.await;
            }
            let aborted = upload.abort().await;
            // What was swept meanwhile is gone.
            let gone = matches!(aborted, Err(object_store::Error::NotFound { .. }));
            if let Err(error) = aborted
                && !gone
            {
                tracing::warn!(%error, "parts of an upload that was cut off may be left in the bucket");
            }
        });
    }
}

impl fmt::Debug for CloudWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudWriter").finish_non_exhaustive()
    }
}
