//! Files' bytes: the domain's `Blobs` port over a folder ([`LocalBlobs`]) and,
//! with the feature `cloud`, over object storage (`CloudBlobs`); and its
//! `Media` port, which tells what files are ([`FileMedia`]).
//!
//! Nothing here knows of users, quotas or links: a blob is bytes under a key
//! that the server made.

#[cfg(feature = "cloud")]
mod cloud;
mod local;
mod media;

#[cfg(feature = "cloud")]
pub use cloud::{CloudBlobs, GcsSettings, S3Settings, UnusableStorage};
pub use local::LocalBlobs;
pub use media::FileMedia;
