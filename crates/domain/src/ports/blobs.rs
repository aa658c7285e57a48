//! Files' bytes: where they are kept, and what can be told from them.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use crate::Result;
use crate::file::{BlobKey, FileType};

/// A blob's bytes, in pieces of at most a few hundred KiB. Ends after the
/// first error.
pub type BlobStream = BoxStream<'static, Result<Bytes>>;

/// Keeps blobs: bytes under a name that the server made. A blob is written
/// once, as a whole, and never changed.
#[async_trait]
pub trait Blobs: Send + Sync + 'static {
    /// Begins to write a blob. Nothing can be read under the key before
    /// [`BlobWriter::finish`] says so. `content_type` is for storages that keep
    /// one with an object; nothing here reads it back.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    async fn create(&self, key: &BlobKey, content_type: FileType) -> Result<Box<dyn BlobWriter>>;

    /// Reads the bytes `range` of a blob, without holding more of it than a
    /// piece in memory. The caller asks for no byte beyond the blob's end and
    /// not for an empty range.
    ///
    /// # Errors
    /// [`Entity::File`](crate::Entity::File) not found when there is no such
    /// blob, [`Error::Unavailable`](crate::Error::Unavailable).
    async fn read(&self, key: &BlobKey, range: Range<u64>) -> Result<BlobStream>;

    /// Removes a blob, and as far as the storage can tell what a writer of this
    /// key left behind that was never finished. None there is no error.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    async fn delete(&self, key: &BlobKey) -> Result<()>;

    /// Whether the storage answers and takes writes.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable) when it does not.
    async fn ping(&self) -> Result<()>;
}

/// A blob being written. Holds a bounded part of it in memory, however long it
/// is. One that is dropped without [`finish`](Self::finish) never becomes
/// visible, and leaves nothing behind but what [`Blobs::delete`] removes.
#[async_trait]
pub trait BlobWriter: Send {
    /// Appends; waits while the storage is slower than the caller.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable); the writer is of no
    /// more use then but to be aborted.
    async fn write(&mut self, piece: Bytes) -> Result<()>;

    /// Makes the blob durable and visible, as a whole.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable): nothing is visible.
    async fn finish(self: Box<Self>) -> Result<()>;

    /// Gives up and removes what was written.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable): something may be left
    /// for [`Blobs::delete`].
    async fn abort(self: Box<Self>) -> Result<()>;
}

/// Bytes from a file's beginning that [`Media::sniff`] wants to see, where the
/// file has so many.
pub const SNIFFED_BYTES: usize = 8 * 1024;

/// Tells what files are from their content, never from their name.
#[async_trait]
pub trait Media: Send + Sync + 'static {
    /// The accepted types that content with this beginning may have, the
    /// likeliest first; empty when it is none of them. Several where the
    /// content alone does not tell: plain text is `Txt` or `Csv`, a ZIP archive
    /// may be an Office document. Work of microseconds, done inline.
    fn sniff(&self, head: &[u8]) -> Vec<FileType>;

    /// Looks at an image: its size as shown (turned as its EXIF data says), and
    /// a thumbnail of at most [`THUMBNAIL_SIDE`] pixels each way. None when the
    /// content cannot be read as such an image, or has more bytes or pixels
    /// than the implementation's bounds; the file is then kept without. Reads
    /// and decodes on a bounded pool: whoever comes when all its places are
    /// taken waits.
    ///
    /// # Errors
    /// As `content` has them.
    async fn inspect(&self, kind: FileType, content: BlobStream) -> Result<Option<Picture>>;
}

/// The longer side of a thumbnail, at most, in pixels.
pub const THUMBNAIL_SIDE: u32 = 320;

/// What an image shows of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across; at least one.
    pub width: u32,
    /// Pixels down; at least one.
    pub height: u32,
    /// A small version; none where the image could be measured and not drawn.
    pub thumbnail: Option<Thumbnail>,
}

/// A small version of an image, made by the server: no byte of the original is
/// in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// [`FileType::Jpeg`] or [`FileType::Png`].
    pub content_type: FileType,
    /// The encoded image, at most some 200 KiB.
    pub bytes: Bytes,
}
