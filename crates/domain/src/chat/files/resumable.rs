//! Uploads that can be resumed: their bytes come in several requests, also
//! after a restart. What has come is stored in parts; when all is there, the
//! parts become one file, checked like any other.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;

use super::upload::named_type;
use super::{FileKeeper, Upload};
use crate::chat::Chat;
use crate::file::clean_name;
use crate::file::{Announced, BlobKey, FileType, NewUpload, Reservation, ResumableUpload};
use crate::ports::BlobWriter;
use crate::{Entity, Error, File, FileId, Result, UploadRefusal, UserId};

/// Bytes of a part. An interruption that nobody notices in time costs so many
/// at most.
const PART_BYTES: u64 = 4 * 1024 * 1024;

/// Parts of one upload.
const PARTS: usize = 10_000;

/// Where a resumable upload stands.
#[derive(Debug)]
pub enum Resumable {
    /// More is to come.
    UnderWay(ResumableUpload),
    /// It is a file.
    Complete(File),
}

/// A request that brings more of an upload.
pub struct ResumingUpload {
    keeper: Arc<FileKeeper>,
    /// None once it is over.
    open: Option<Open>,
}

struct Open {
    upload: ResumableUpload,
    part: Option<Part>,
    _turn: Turn,
}

/// A part being written.
struct Part {
    key: BlobKey,
    writer: Box<dyn BlobWriter>,
    size: u64,
}

/// The one request of this process that may change an upload now.
struct Turn {
    keeper: Arc<FileKeeper>,
    id: FileId,
}

impl Turn {
    fn take(keeper: &Arc<FileKeeper>, id: FileId) -> Result<Self> {
        if !keeper.resuming.lock().insert(id) {
            return Err(Error::Upload(UploadRefusal::Busy));
        }
        let keeper = Arc::clone(keeper);
        Ok(Self { keeper, id })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.keeper.resuming.lock().remove(&self.id);
    }
}

impl Chat {
    /// Begins an upload that can be resumed. Its bytes count at once.
    ///
    /// # Errors
    /// [`Error::Upload`] as [`begin_upload`](Self::begin_upload), and when it
    /// is empty or too large, or the quota has no room for it.
    pub async fn begin_resumable(
        &self,
        owner: UserId,
        name: &str,
        announced: Announced,
    ) -> Result<ResumableUpload> {
        let name = clean_name(name);
        named_type(&name)?;
        let (length, max) = (announced.length, self.limits.file_bytes as u64);
        if length == 0 {
            return Err(Error::Upload(UploadRefusal::Empty));
        }
        if length > max {
            return Err(Error::Upload(UploadRefusal::TooLarge { max }));
        }
        let (id, now) = (self.files.new_id().await?, self.now());
        let upload = ResumableUpload {
            id,
            uuid: self.files.new_uuid(),
            owner,
            name,
            announced,
            received: 0,
            parts: Vec::new(),
            started_at: now,
            expires_at: now.after(self.limits.upload_lifetime),
        };
        let asks = Reservation {
            at_least: length,
            at_most: length,
            quota: self.limits.file_quota_bytes as u64,
            uploads: self.limits.uploads_per_user,
        };
        let new = NewUpload {
            id,
            uuid: upload.uuid,
            owner,
            name: upload.name.clone(),
            key: None,
            resumable: Some(upload.announced.clone()),
            started_at: upload.started_at,
            expires_at: upload.expires_at,
        };
        self.store().begin_upload(new, asks).await?;
        Ok(upload)
    }

    /// Where an upload of the user stands. One whose bytes are all there and
    /// that could not become a file before, becomes one now.
    ///
    /// # Errors
    /// [`Entity::File`] not found when it was given up or is another user's.
    pub async fn resumable(&self, owner: UserId, id: FileId) -> Result<Resumable> {
        let found = self.store().resumable_upload(id, owner).await?;
        let Some(upload) = found else {
            return self.completed(owner, id).await;
        };
        if upload.received < upload.announced.length {
            return Ok(Resumable::UnderWay(upload));
        }
        let turn = Turn::take(&self.files, id)?;
        complete(&self.files, upload, turn)
            .await
            .map(Resumable::Complete)
    }

    async fn completed(&self, owner: UserId, id: FileId) -> Result<Resumable> {
        let file = self.store().file(id).await?;
        file.filter(|file| file.owner == owner)
            .map(Resumable::Complete)
            .ok_or(Error::NotFound(Entity::File))
    }

    /// Goes on with an upload of the user, from the byte `offset` on.
    ///
    /// # Errors
    /// [`UploadRefusal::WrongOffset`] when it does not stand there,
    /// [`UploadRefusal::Busy`] while another request brings some of it; as
    /// [`resumable`](Self::resumable).
    pub async fn resume_upload(
        &self,
        owner: UserId,
        id: FileId,
        offset: u64,
    ) -> Result<ResumingUpload> {
        let turn = Turn::take(&self.files, id)?;
        let found = self.store().resumable_upload(id, owner).await?;
        let upload = found.ok_or(Error::NotFound(Entity::File))?;
        if upload.received != offset {
            return Err(Error::Upload(UploadRefusal::WrongOffset));
        }
        if upload.parts.len() >= PARTS {
            return Err(Error::Upload(UploadRefusal::TooManyParts));
        }
        Ok(ResumingUpload {
            keeper: Arc::clone(&self.files),
            open: Some(Open {
                upload,
                part: None,
                _turn: turn,
            }),
        })
    }

    /// Gives up an upload of the user; a file that it has become stays.
    ///
    /// # Errors
    /// [`Entity::File`] not found; [`UploadRefusal::Busy`].
    pub async fn abandon_resumable(&self, owner: UserId, id: FileId) -> Result<()> {
        let _turn = Turn::take(&self.files, id)?;
        let found = self.store().resumable_upload(id, owner).await?;
        found.ok_or(Error::NotFound(Entity::File))?;
        self.files.abandon(id).await;
        Ok(())
    }
}

impl ResumingUpload {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`UploadRefusal::TooLarge`] beyond the announced length; what came
    /// before stays. [`Error::Unavailable`].
    pub async fn write(&mut self, piece: Bytes) -> Result<()> {
        let Some(open) = &mut self.open else {
            return Err(Error::unavailable("this upload is over"));
        };
        open.write(&self.keeper, piece).await
    }

    /// Stores what has come, and makes a file of the upload when it is all
    /// there.
    ///
    /// # Errors
    /// [`Error::Upload`] for a file that is refused: the upload is given up.
    /// [`UploadRefusal::WrongOffset`], [`Error::Unavailable`].
    pub async fn finish(mut self) -> Result<Resumable> {
        let Some(mut open) = self.open.take() else {
            return Err(Error::unavailable("this upload is over"));
        };
        open.seal(&self.keeper).await?;
        if open.upload.received < open.upload.announced.length {
            return Ok(Resumable::UnderWay(open.upload));
        }
        complete(&self.keeper, open.upload, open._turn)
            .await
            .map(Resumable::Complete)
    }
}

impl Drop for ResumingUpload {
    /// What has come is kept, also when the client hangs up.
    fn drop(&mut self) {
        if let Some(mut open) = self.open.take() {
            let keeper = Arc::clone(&self.keeper);
            self.keeper.in_background(async move {
                if let Err(error) = open.seal(&keeper).await {
                    tracing::debug!(%error, "the end of an interrupted upload was lost");
                }
            });
        }
    }
}

impl Open {
    async fn write(&mut self, keeper: &FileKeeper, piece: Bytes) -> Result<()> {
        let max = self.upload.announced.length;
        let pending = self.part.as_ref().map_or(0, |part| part.size);
        if self.upload.received + pending + piece.len() as u64 > max {
            return Err(Error::Upload(UploadRefusal::TooLarge { max }));
        }
        let mut part = match self.part.take() {
            Some(part) => part,
            None => self.begin_part(keeper).await?,
        };
        part.size += piece.len() as u64;
        part.writer.write(piece).await?;
        let is_full = part.size >= PART_BYTES;
        self.part = Some(part);
        if is_full {
            self.seal(keeper).await?;
        }
        Ok(())
    }

    async fn begin_part(&mut self, keeper: &FileKeeper) -> Result<Part> {
        let mut number = [0; 4];
        keeper.ports.random.fill(&mut number);
        let (at, uuid) = (self.upload.started_at, self.upload.uuid);
        let key = BlobKey::part(at, uuid, u32::from_le_bytes(number));
        if !keeper.ports.store.begin_part(self.upload.id, &key).await? {
            return Err(Error::NotFound(Entity::File));
        }
        let kind = named_type(&self.upload.name)?.unwrap_or(FileType::Txt);
        let writer = keeper.ports.blobs.create(&key, kind).await?;
        Ok(Part {
            key,
            writer,
            size: 0,
        })
    }

    /// Makes the part durable and counts it.
    async fn seal(&mut self, keeper: &FileKeeper) -> Result<()> {
        let Some(part) = self.part.take() else {
            return Ok(());
        };
        part.writer.finish().await?;
        let upload = &mut self.upload;
        upload.expires_at = keeper.now().after(keeper.limits.upload_lifetime);
        let counted = keeper
            .ports
            .store
            .finish_part(
                upload.id,
                &part.key,
                upload.received,
                part.size,
                upload.expires_at,
            )
            .await?;
        if !counted {
            return Err(Error::Upload(UploadRefusal::WrongOffset));
        }
        upload.received += part.size;
        upload.parts.push((part.key, part.size));
        Ok(())
    }
}

/// Makes a file of an upload whose bytes are all there: to its end, also when
/// the client hangs up.
async fn complete(keeper: &Arc<FileKeeper>, upload: ResumableUpload, turn: Turn) -> Result<File> {
    let keeper = Arc::clone(keeper);
    let work = tokio::spawn(async move {
        let _turn = turn;
        let id = upload.id;
        let made = join(&keeper, upload).await;
        match &made {
            Ok(_) => keeper.purge_soon(),
            Err(Error::Upload(_)) => keeper.abandon(id).await,
            Err(_) => {}
        }
        made
    });
    work.await
        .unwrap_or_else(|lost| Err(Error::unavailable(lost)))
}

async fn join(keeper: &Arc<FileKeeper>, upload: ResumableUpload) -> Result<File> {
    let parts = upload.parts.clone();
    let mut whole = Upload::resume(Arc::clone(keeper), upload)?;
    for (key, size) in parts {
        let mut bytes = keeper.ports.blobs.read(&key, 0..size).await?;
        while let Some(piece) = bytes.try_next().await? {
            whole.write(piece).await?;
        }
    }
    whole.finish().await
}
