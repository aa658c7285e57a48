//! What every storage of blobs keeps to, checked on each: a folder, an S3
//! server, an emulator of Google Cloud Storage. The last two run where
//! `cargo xtask test` started them.

mod contract;
mod local;
mod media;
mod stores;
