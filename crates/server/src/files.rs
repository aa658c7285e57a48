//! Opens the place of uploaded files that the settings name.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tertulia_blob::LocalBlobs;
use tertulia_domain::Blobs;

use crate::config::{FilesLocation, FilesSettings};

/// Opens it. Asks no other machine: readiness tells whether it answers.
pub(crate) fn open(settings: &FilesSettings, data_dir: &Path) -> anyhow::Result<Arc<dyn Blobs>> {
    if let Some(folder) = settings.folder(data_dir) {
        let opened = LocalBlobs::open(&folder);
        let opened = opened
            .with_context(|| format!("the folder of files {} cannot be used", folder.display()));
        return Ok(Arc::new(opened?));
    }
    bucket(settings).context("the storage of files cannot be used")
}

#[cfg(feature = "cloud")]
fn bucket(settings: &FilesSettings) -> anyhow::Result<Arc<dyn Blobs>> {
    use tertulia_blob::{CloudBlobs, GcsSettings, S3Settings};

    let blobs = match &settings.location {
        FilesLocation::Folder(_) => anyhow::bail!("a folder is no bucket"),
        FilesLocation::S3(bucket) => CloudBlobs::s3(&S3Settings {
            bucket: bucket.name.clone(),
            prefix: bucket.prefix.clone(),
            endpoint: settings.endpoint.clone(),
            region: settings.region.clone(),
            access_key_id: settings.access_key.clone(),
            secret_access_key: settings.secret_key.clone(),
            session_token: settings.session_token.clone(),
        }),
        FilesLocation::Gcs(bucket) => CloudBlobs::gcs(&GcsSettings {
            bucket: bucket.name.clone(),
            prefix: bucket.prefix.clone(),
            endpoint: settings.endpoint.clone(),
            credentials: settings.credentials.clone(),
            anonymous: settings.endpoint.is_some() && settings.credentials.is_none(),
        }),
    };
    Ok(Arc::new(blobs?))
}

#[cfg(not(feature = "cloud"))]
fn bucket(settings: &FilesSettings) -> anyhow::Result<Arc<dyn Blobs>> {
    // Reading the settings refuses buckets, with a word on the feature.
    match &settings.location {
        FilesLocation::Folder(_) | FilesLocation::S3(_) | FilesLocation::Gcs(_) => {
            anyhow::bail!("built without object storage")
        }
    }
}
