//! One file while it comes in. Size, type and quota are checked on the way, so
//! that what will be refused costs no more than it must; nothing is kept of an
//! upload that is dropped before its end.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use uuid::Uuid;

use super::FileKeeper;
use crate::file::{
    BlobKey, Dimensions, FileType, NewUpload, Reservation, ResumableUpload, StoredThumbnail,
    clean_name, extension,
};
use crate::ports::{BlobWriter, Picture, SNIFFED_BYTES, Thumbnail};
use crate::{Entity, Error, File, FileId, Result, UploadRefusal, UserId};

/// How long an upload counts as alive after its last sign of life.
const LEASE: Duration = Duration::from_secs(10 * 60);

/// How often it gives one.
const RENEWAL: Duration = Duration::from_secs(2 * 60);

/// A file while it comes in.
pub struct Upload {
    keeper: Arc<FileKeeper>,
    owner: UserId,
    name: String,
    /// What the name's ending speaks of.
    named: Option<FileType>,
    announced: Option<u64>,
    /// The upload that is joined from its parts here, if it is one.
    resumed: Option<ResumableUpload>,
    /// Bytes so far.
    size: u64,
    stage: Stage,
}

enum Stage {
    /// Too little has come to tell its type; nothing is stored.
    Head(BytesMut),
    /// It is being stored.
    Body(Box<Body>),
    /// It is complete, or was refused.
    Over,
}

/// An upload that is being stored. Given up when dropped.
struct Body {
    keeper: Arc<FileKeeper>,
    id: FileId,
    uuid: Uuid,
    kind: FileType,
    key: BlobKey,
    /// Bytes that it may have.
    granted: u64,
    writer: Option<Box<dyn BlobWriter>>,
    /// When to give the next sign of life, by the clock that never jumps.
    renew_at: Duration,
    /// How long a sign of life holds.
    lease: Duration,
    /// Whether it is complete, or to be kept when this is dropped.
    is_over: bool,
}

impl Upload {
    pub(super) fn begin(
        keeper: Arc<FileKeeper>,
        owner: UserId,
        name: &str,
        announced: Option<u64>,
    ) -> Result<Self> {
        let name = clean_name(name);
        Ok(Self {
            named: named_type(&name)?,
            keeper,
            owner,
            name,
            announced,
            resumed: None,
            size: 0,
            stage: Stage::Head(BytesMut::new()),
        })
    }

    /// Joins a resumable upload from its parts, which are to be written next.
    pub(super) fn resume(keeper: Arc<FileKeeper>, upload: ResumableUpload) -> Result<Self> {
        let length = Some(upload.announced.length);
        let mut whole = Self::begin(keeper, upload.owner, &upload.name, length)?;
        whole.resumed = Some(upload);
        Ok(whole)
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Error::Upload`]: nothing of the file is kept, and nothing more is
    /// taken. [`Error::Unavailable`].
    pub async fn write(&mut self, piece: Bytes) -> Result<()> {
        let written = self.take(piece).await;
        if written.is_err() {
            self.stage = Stage::Over;
        }
        written
    }

    async fn take(&mut self, piece: Bytes) -> Result<()> {
        self.size += piece.len() as u64;
        let max = self.keeper.limits.file_bytes as u64;
        if self.size > max {
            return Err(Error::Upload(UploadRefusal::TooLarge { max }));
        }
        match &mut self.stage {
            Stage::Head(head) => {
                head.extend_from_slice(&piece);
                if head.len() < SNIFFED_BYTES {
                    return Ok(());
                }
                self.start().await
            }
            Stage::Body(body) => body.write(self.size, piece).await,
            Stage::Over => Err(over()),
        }
    }

    /// Begins to store it: its type is known now, and is accepted.
    async fn start(&mut self) -> Result<()> {
        let Stage::Head(head) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(over());
        };
        let kind = content_type(&self.keeper, self.named, &head)?;
        let mut body = match &self.resumed {
            Some(upload) => Body::resume(&self.keeper, upload, kind).await?,
            None => Body::reserve(&self.keeper, self.owner, &self.name, kind, self.asks()).await?,
        };
        body.write(self.size, head.freeze()).await?;
        self.stage = Stage::Body(body);
        Ok(())
    }

    fn asks(&self) -> Reservation {
        let max = self.keeper.limits.file_bytes as u64;
        Reservation {
            at_least: self.size,
            at_most: self.announced.unwrap_or(max).clamp(self.size, max),
            quota: self.keeper.limits.file_quota_bytes as u64,
            uploads: self.keeper.limits.uploads_per_user,
        }
    }

    /// Makes it a file.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn finish(mut self) -> Result<File> {
        if self.size == 0 {
            return Err(Error::Upload(UploadRefusal::Empty));
        }
        if matches!(self.stage, Stage::Head(_)) {
            self.start().await?;
        }
        let Stage::Body(body) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(over());
        };
        body.finish(self.owner, std::mem::take(&mut self.name), self.size)
            .await
    }
}

fn over() -> Error {
    Error::unavailable("this upload is over")
}

/// What a name's ending speaks of; none when it has no ending.
pub(super) fn named_type(name: &str) -> Result<Option<FileType>> {
    let Some(extension) = extension(name) else {
        return Ok(None);
    };
    let named = FileType::of_extension(extension);
    let refused = Error::Upload(UploadRefusal::TypeNotAllowed);
    named.ok_or(refused).map(Some)
}

/// The type of content that begins so: the one its name speaks of, if the
/// content agrees (S14).
fn content_type(keeper: &FileKeeper, named: Option<FileType>, head: &[u8]) -> Result<FileType> {
    let possible = keeper
        .ports
        .media
        .sniff(&head[..head.len().min(SNIFFED_BYTES)]);
    let likeliest = *possible
        .first()
        .ok_or(Error::Upload(UploadRefusal::TypeNotAllowed))?;
    match named {
        None => Ok(likeliest),
        Some(named) if possible.contains(&named) => Ok(named),
        Some(_) => Err(Error::Upload(UploadRefusal::TypeMismatch)),
    }
}

impl Body {
    /// Notes an upload, with its room in the quota, and opens its blob.
    async fn reserve(
        keeper: &Arc<FileKeeper>,
        owner: UserId,
        name: &str,
        kind: FileType,
        asks: Reservation,
    ) -> Result<Box<Self>> {
        let now = keeper.now();
        let (id, uuid) = (keeper.new_id().await?, keeper.new_uuid());
        let key = BlobKey::new(now, uuid, kind);
        let upload = NewUpload {
            id,
            uuid,
            owner,
            name: name.to_owned(),
            key: Some(key.clone()),
            resumable: None,
            started_at: now,
            expires_at: now.after(LEASE),
        };
        // From here on a drop gives the upload up: also while it is being noted.
        let mut body = Box::new(Self::new(keeper, id, uuid, kind, key));
        body.granted = keeper.ports.store.begin_upload(upload, asks).await?;
        body.open().await?;
        Ok(body)
    }

    /// Opens the blob of a resumable upload whose parts are complete.
    async fn resume(
        keeper: &Arc<FileKeeper>,
        upload: &ResumableUpload,
        kind: FileType,
    ) -> Result<Box<Self>> {
        let key = BlobKey::new(upload.started_at, upload.uuid, kind);
        let until = keeper.now().after(keeper.limits.upload_lifetime);
        if !keeper
            .ports
            .store
            .aim_upload(upload.id, &key, until)
            .await?
        {
            return Err(Error::NotFound(Entity::File));
        }
        let mut body = Box::new(Self::new(keeper, upload.id, upload.uuid, kind, key));
        body.lease = keeper.limits.upload_lifetime;
        // A failure is no reason to lose what has come: another try may succeed.
        body.is_over = true;
        body.granted = upload.announced.length;
        body.open().await?;
        Ok(body)
    }

    fn new(keeper: &Arc<FileKeeper>, id: FileId, uuid: Uuid, kind: FileType, key: BlobKey) -> Self {
        Self {
            keeper: Arc::clone(keeper),
            id,
            uuid,
            kind,
            key,
            granted: 0,
            writer: None,
            renew_at: keeper.ports.clock.monotonic() + RENEWAL,
            lease: LEASE,
            is_over: false,
        }
    }

    async fn open(&mut self) -> Result<()> {
        let writer = self.keeper.ports.blobs.create(&self.key, self.kind).await?;
        self.writer = Some(writer);
        Ok(())
    }

    /// Stores the next bytes; `size` counts all up to their end.
    async fn write(&mut self, size: u64, piece: Bytes) -> Result<()> {
        if size > self.granted {
            let max = self.keeper.limits.file_quota_bytes as u64;
            return Err(Error::Upload(UploadRefusal::OverQuota { max }));
        }
        self.give_sign_of_life().await?;
        match &mut self.writer {
            Some(writer) => writer.write(piece).await,
            None => Err(over()),
        }
    }

    async fn give_sign_of_life(&mut self) -> Result<()> {
        let now = self.keeper.ports.clock.monotonic();
        if now < self.renew_at {
            return Ok(());
        }
        self.renew_at = now + RENEWAL;
        let until = self.keeper.now().after(self.lease);
        match self.keeper.ports.store.keep_upload(self.id, until).await? {
            true => Ok(()),
            false => Err(over()),
        }
    }

    /// Makes the blob durable, looks at it if it is an image, and stores the
    /// file.
    async fn finish(mut self: Box<Self>, owner: UserId, name: String, size: u64) -> Result<File> {
        if let Some(writer) = self.writer.take() {
            writer.finish().await?;
        }
        let picture = self.picture(size).await?;
        let mut thumbnail = None;
        if let Some(small) = picture
            .as_ref()
            .and_then(|picture| picture.thumbnail.clone())
        {
            thumbnail = Some(self.store_thumbnail(small).await?);
        }
        let file = File {
            id: self.id,
            uuid: self.uuid,
            owner,
            name,
            content_type: self.kind,
            size,
            dimensions: picture.map(|picture| Dimensions {
                width: picture.width,
                height: picture.height,
            }),
            thumbnail,
            key: self.key.clone(),
            created_at: self.keeper.now(),
        };
        self.keeper.ports.store.finish_upload(&file).await?;
        self.is_over = true;
        Ok(file)
    }

    async fn picture(&mut self, size: u64) -> Result<Option<Picture>> {
        if !self.kind.is_raster() {
            return Ok(None);
        }
        let ports = &self.keeper.ports;
        let content = ports.blobs.read(&self.key, 0..size).await?;
        ports.media.inspect(self.kind, content).await
    }

    async fn store_thumbnail(&mut self, thumbnail: Thumbnail) -> Result<StoredThumbnail> {
        let kind = thumbnail.content_type;
        let size = thumbnail.bytes.len() as u64;
        let key = self.key.thumbnail(kind);
        let mut writer = self.keeper.ports.blobs.create(&key, kind).await?;
        writer.write(thumbnail.bytes).await?;
        writer.finish().await?;
        Ok(StoredThumbnail { kind, size })
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // The writer goes first: what is open cannot be removed everywhere.
        self.writer = None;
        if !self.is_over {
            self.keeper.abandon_soon(self.id);
        }
    }
}
