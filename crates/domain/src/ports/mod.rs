//! What the domain needs from outside. `server` brings the implementations.

mod blobs;
mod bus;
mod file_store;
mod identity;
mod outbox_store;
mod store;

pub use blobs::{
    BlobStream, BlobWriter, Blobs, Media, Picture, SNIFFED_BYTES, THUMBNAIL_SIDE, Thumbnail,
};
pub use bus::{Bus, Subscription};
pub use file_store::{FileStore, FilesPage};
pub use identity::{Installation, LinkSigner, PasswordCheck, Passwords, Tokens};
pub use outbox_store::{OutboxPage, OutboxStore};
pub use store::{
    Heads, IdKind, MessagePage, OwnMessages, Pseudonyms, ReadStore, RoomKey, RoomPage, RoomsCursor,
    Rotation, ShownMessages, Store, UserKey, UserStore, WriteStore,
};

use crate::Timestamp;

/// The only source of time.
pub trait Clock: Send + Sync + 'static {
    /// The time of day. May jump; orders nothing (G18).
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment; never jumps.
    fn monotonic(&self) -> std::time::Duration;
}

/// The only source of randomness; must be unpredictable, save in tests.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}
