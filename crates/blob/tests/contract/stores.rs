//! The storages under test.

use std::sync::Arc;

use tempfile::TempDir;
use tertulia_blob::LocalBlobs;
use tertulia_domain::ports::Blobs;

/// An empty storage.
pub(crate) struct Store {
    pub(crate) blobs: Arc<dyn Blobs>,
    _folder: Option<TempDir>,
}

pub(crate) fn local() -> Option<Store> {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let blobs = LocalBlobs::open(folder.path().join("files")).expect("a folder for blobs");
    Some(Store {
        blobs: Arc::new(blobs),
        _folder: Some(folder),
    })
}

#[cfg(feature = "cloud")]
pub(crate) use cloud::{gcs, s3};

#[cfg(feature = "cloud")]
mod cloud {
    use std::sync::Arc;

    use tertulia_blob::{CloudBlobs, GcsSettings, S3Settings};
    use uuid::Uuid;

    use super::Store;

    const BUCKET: &str = "tertulia";

    pub(crate) fn s3() -> Option<Store> {
        let settings = S3Settings {
            bucket: BUCKET.to_owned(),
            // As a person may write it.
            prefix: format!("/contract/{}/", Uuid::new_v4()),
            endpoint: Some(address("TERTULIA_TEST_S3")?),
            access_key_id: Some("any".to_owned()),
            secret_access_key: Some("any".to_owned()),
            ..S3Settings::default()
        };
        Some(store(CloudBlobs::s3(&settings).expect("settings that fit")))
    }

    pub(crate) fn gcs() -> Option<Store> {
        let settings = GcsSettings {
            bucket: BUCKET.to_owned(),
            prefix: format!("contract/{}", Uuid::new_v4()),
            endpoint: Some(address("TERTULIA_TEST_GCS")?),
            anonymous: true,
            ..GcsSettings::default()
        };
        Some(store(
            CloudBlobs::gcs(&settings).expect("settings that fit"),
        ))
    }

    fn store(blobs: CloudBlobs) -> Store {
        Store {
            blobs: Arc::new(blobs),
            _folder: None,
        }
    }

    fn address(variable: &str) -> Option<String> {
        #[expect(clippy::disallowed_methods, reason = "the address comes this way")]
        let address = std::env::var(variable).ok();
        if address.is_none() {
            eprintln!("skipped: {variable} is not set; `cargo xtask test` sets it");
        }
        address
    }
}
