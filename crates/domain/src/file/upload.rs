//! Uploads: files that are not complete yet. An upload holds room of its
//! owner's quota from its first byte on, and leaves nothing behind when it is
//! given up.

use uuid::Uuid;

use super::BlobKey;
use crate::{FileId, Timestamp, UserId};

/// An upload about to begin.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// Becomes the file's number.
    pub id: FileId,
    /// Becomes the file's UUID.
    pub uuid: Uuid,
    /// Who uploads.
    pub owner: UserId,
    /// See [`File::name`](super::File::name).
    pub name: String,
    /// Where its content goes. A resumable upload learns it when it is complete
    /// ([`FileStore::aim_upload`](crate::ports::FileStore::aim_upload)).
    pub key: Option<BlobKey>,
    /// With how many bytes and with which words of the client it can be
    /// resumed; none for one that cannot.
    pub resumable: Option<Announced>,
    /// When.
    pub started_at: Timestamp,
    /// When it counts as given up, unless it is kept alive.
    pub expires_at: Timestamp,
}

/// What was said of a resumable upload when it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Its bytes.
    pub length: u64,
    /// The client's words about it, as they came, to be said again; at most
    /// 1 KiB.
    pub metadata: String,
}

/// How much of its owner's quota an upload asks for.
#[derive(Clone, Copy, Debug)]
pub struct Reservation {
    /// With less it is refused.
    pub at_least: u64,
    /// It needs no more.
    pub at_most: u64,
    /// What all files and uploads of the owner may take.
    pub quota: u64,
    /// How many uploads of the owner may be under way.
    pub uploads: usize,
}

/// A resumable upload that is not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumableUpload {
    /// Its number; the file's, once it is complete.
    pub id: FileId,
    /// See [`NewUpload::uuid`].
    pub uuid: Uuid,
    /// Who uploads.
    pub owner: UserId,
    /// See [`NewUpload::name`].
    pub name: String,
    /// What was said of it.
    pub announced: Announced,
    /// How many bytes are stored for good.
    pub received: u64,
    /// Where they are, in their order, with the bytes of each.
    pub parts: Vec<(BlobKey, u64)>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it is given up if nothing more comes.
    pub expires_at: Timestamp,
}
