//! What the store knows of files. Their bytes are with [`Blobs`](super::Blobs);
//! every blob that exists is named here by a file, by an upload, or as one to
//! be removed, so that a crash at any moment leaves none behind for ever.

use async_trait::async_trait;

use crate::file::{BlobKey, NewUpload, Reservation, ResumableUpload};
use crate::policy::{FileAuthority, MayDiscard};
use crate::{File, FileId, Result, Timestamp, UserId};

/// A stretch of a list of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilesPage {
    /// Only files before this one in the list: older ones.
    pub before: Option<FileId>,
    /// Without the first so many.
    pub skip: usize,
    /// At most so many.
    pub limit: usize,
}

/// Files and uploads.
#[async_trait]
pub trait FileStore: Send + Sync + 'static {
    /// Begins an upload and reserves room of its owner's quota for it, in one
    /// step. Answers how many bytes it may have.
    ///
    /// # Errors
    /// [`UploadRefusal::OverQuota`](crate::UploadRefusal::OverQuota) when there
    /// is less left than it needs,
    /// [`UploadRefusal::TooManyUploads`](crate::UploadRefusal::TooManyUploads).
    async fn begin_upload(&self, upload: NewUpload, asks: Reservation) -> Result<u64>;

    /// Keeps an upload alive until then; false when it was given up meanwhile.
    async fn keep_upload(&self, id: FileId, until: Timestamp) -> Result<bool>;

    /// Says where the content of a resumable upload goes, and keeps it alive
    /// until then; false when it was given up meanwhile.
    async fn aim_upload(&self, id: FileId, key: &BlobKey, until: Timestamp) -> Result<bool>;

    /// Makes an upload a file, which takes as much of the quota as it has
    /// bytes. Its parts are to be removed.
    ///
    /// # Errors
    /// [`Entity::File`](crate::Entity::File) not found when the upload was
    /// given up meanwhile.
    async fn finish_upload(&self, file: &File) -> Result<()>;

    /// Gives an upload up: its quota is free and its blobs are to be removed.
    /// False when there was none.
    async fn abandon_upload(&self, id: FileId, at: Timestamp) -> Result<bool>;

    /// Gives up uploads whose time is over, at most `limit`; with `orphaned`
    /// also every upload that cannot be resumed, because whoever carried them
    /// out is gone. Answers how many.
    async fn abandon_expired(&self, at: Timestamp, orphaned: bool, limit: usize) -> Result<usize>;

    /// A resumable upload of the user that is not complete.
    async fn resumable_upload(&self, id: FileId, owner: UserId) -> Result<Option<ResumableUpload>>;

    /// Notes a part of a resumable upload before it is written; false when the
    /// upload was given up meanwhile.
    async fn begin_part(&self, id: FileId, part: &BlobKey) -> Result<bool>;

    /// Counts a part that is written: it holds `size` bytes from `from` on.
    /// False, and nothing done, when the upload does not stand at `from` any
    /// more.
    async fn finish_part(
        &self,
        id: FileId,
        part: &BlobKey,
        from: u64,
        size: u64,
        until: Timestamp,
    ) -> Result<bool>;

    /// A file.
    async fn file(&self, id: FileId) -> Result<Option<File>>;

    /// What a permission for a file rests on; none when there is no such file.
    async fn file_authority(&self, id: FileId, user: UserId) -> Result<Option<FileAuthority>>;

    /// The user's own files, newest first.
    async fn files_of(&self, owner: UserId, page: FilesPage) -> Result<Vec<File>>;

    /// Removes a file, also from the messages that have it; its blobs are to be
    /// removed. No error when it is gone already.
    async fn discard_file(&self, permit: &MayDiscard, at: Timestamp) -> Result<()>;

    /// Blobs that are to be removed, the oldest first.
    async fn doomed_blobs(&self, limit: usize) -> Result<Vec<BlobKey>>;

    /// Forgets blobs that are removed.
    async fn forget_blobs(&self, keys: &[BlobKey]) -> Result<()>;
}
