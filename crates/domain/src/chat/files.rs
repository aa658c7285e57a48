//! Files: uploading, reading, passing on by links, and removing them.
//!
//! Order of work, so that a crash at any moment leaves nothing for ever: a
//! blob's key is stored before its first byte, a file's row only after its last
//! one, and a blob is removed only after its key is noted as one to be removed.

mod keeper;
mod resumable;
mod upload;

use std::ops::Range;
use std::sync::Arc;

pub(crate) use keeper::FileKeeper;
pub use resumable::{Resumable, ResumingUpload};
pub use upload::Upload;

use super::Chat;
use crate::file::LinkedPart;
use crate::policy::MayFetch;
use crate::ports::{BlobStream, FilesPage};
use crate::{Entity, Error, File, FileId, Result, Timestamp, UserId, policy};

impl Chat {
    /// Begins to take a file. `announced` is the most bytes that it can have,
    /// where the client's request says so much; less of the quota is held then
    /// while it comes.
    ///
    /// # Errors
    /// [`UploadRefusal::TypeNotAllowed`](crate::UploadRefusal::TypeNotAllowed)
    /// for a name whose ending speaks of no accepted type.
    pub fn begin_upload(
        &self,
        owner: UserId,
        name: &str,
        announced: Option<u64>,
    ) -> Result<Upload> {
        Upload::begin(Arc::clone(&self.files), owner, name, announced)
    }

    /// A file that the user may see.
    ///
    /// # Errors
    /// By [`policy::may_fetch`].
    pub async fn file(&self, reader: UserId, id: FileId) -> Result<MayFetch> {
        let authority = self.store().file_authority(id, reader).await?;
        let authority = authority.ok_or(Error::NotFound(Entity::File))?;
        policy::may_fetch(&authority, reader)
    }

    /// A file that whoever has a link to it may read until the link ends (S16).
    ///
    /// # Errors
    /// [`Entity::File`] not found for a link that was not made here, has ended,
    /// or leads to a file that is gone: all the same to its bearer.
    pub async fn linked_file(
        &self,
        id: FileId,
        part: LinkedPart,
        expires_at: Timestamp,
        signature: &[u8],
    ) -> Result<MayFetch> {
        let missing = || Error::NotFound(Entity::File);
        let text = part.link_text(id, expires_at);
        if expires_at <= self.now() || !self.ports.links.is_signed(&text, signature) {
            return Err(missing());
        }
        let file = self.store().file(id).await?.ok_or_else(missing)?;
        Ok(policy::linked(file))
    }

    /// A file's bytes `range`, which is not empty and within its size.
    ///
    /// # Errors
    /// [`Entity::File`] not found when the bytes are gone.
    pub async fn read_file(&self, permit: &MayFetch, range: Range<u64>) -> Result<BlobStream> {
        self.ports.blobs.read(&permit.file().key, range).await
    }

    /// The bytes of a file's thumbnail.
    ///
    /// # Errors
    /// [`Entity::File`] not found when it has none.
    pub async fn read_thumbnail(&self, permit: &MayFetch) -> Result<BlobStream> {
        let file = permit.file();
        let thumbnail = file.thumbnail.as_ref().zip(file.thumbnail_key());
        let (thumbnail, key) = thumbnail.ok_or(Error::NotFound(Entity::File))?;
        self.ports.blobs.read(&key, 0..thumbnail.size).await
    }

    /// The user's own files, newest first; at most one more than
    /// [`Limits::page_size`](crate::Limits::page_size).
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn files_of(&self, owner: UserId, page: FilesPage) -> Result<Vec<File>> {
        let page = FilesPage {
            limit: page.limit.clamp(1, self.limits.page_size + 1),
            ..page
        };
        self.store().files_of(owner, page).await
    }

    /// Removes a file for good. Messages that have it stay, without it.
    ///
    /// # Errors
    /// By [`policy::may_discard`].
    pub async fn delete_file(&self, actor: UserId, id: FileId) -> Result<()> {
        let authority = self.store().file_authority(id, actor).await?;
        let authority = authority.ok_or(Error::NotFound(Entity::File))?;
        let permit = policy::may_discard(&authority, actor)?;
        self.store().discard_file(&permit, self.now()).await?;
        self.files.purge_soon();
        Ok(())
    }

    /// Gives up every upload that cannot be resumed: whoever carried it out is
    /// gone. For the start of the only node on this storage, before it takes
    /// uploads.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn abandon_orphaned_uploads(&self) -> Result<()> {
        self.files.abandon_expired(true).await
    }

    /// Gives up uploads whose time is over, and removes the blobs that nothing
    /// needs any more. To be called now and then.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; what is left is for the next time.
    pub async fn sweep_files(&self) -> Result<()> {
        self.files.abandon_expired(false).await?;
        self.files.purge().await
    }
}
