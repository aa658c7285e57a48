//! What only a folder can be asked.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::TempDir;
use tertulia_blob::LocalBlobs;
use tertulia_domain::file::{BlobKey, FileType};
use tertulia_domain::ports::Blobs;
use tertulia_domain::{Error, Timestamp};
use uuid::Uuid;

const CONTENT: Bytes = Bytes::from_static(b"%PDF-");

fn blobs() -> (TempDir, PathBuf, LocalBlobs) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let root = folder.path().join("deep/files");
    let blobs = LocalBlobs::open(&root).expect("a folder for blobs");
    (folder, root, blobs)
}

fn key() -> BlobKey {
    BlobKey::new(Timestamp::from_secs(0), Uuid::nil(), FileType::Pdf)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => files(&path),
            path => vec![path],
        })
        .collect()
}

#[tokio::test]
async fn a_blob_is_one_file_under_its_key() {
    let (_folder, root, blobs) = blobs();
    let mut writer = blobs.create(&key(), FileType::Pdf).await.unwrap();
    writer.write(CONTENT).await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(files(&root), [root.join(key().as_str())]);
}

#[tokio::test]
async fn neither_abort_nor_drop_leaves_a_file() {
    let (_folder, root, blobs) = blobs();
    for is_dropped in [false, true] {
        let mut writer = blobs.create(&key(), FileType::Pdf).await.unwrap();
        writer.write(CONTENT).await.unwrap();
        match is_dropped {
            true => drop(writer),
            false => writer.abort().await.unwrap(),
        }
        assert!(files(&root).is_empty());
    }
}

/// As after a crash: the next start knows the key, and removes what is left.
#[tokio::test]
async fn delete_removes_what_a_crash_left() {
    let (_folder, root, blobs) = blobs();
    let mut writer = blobs.create(&key(), FileType::Pdf).await.unwrap();
    writer.write(CONTENT).await.unwrap();
    std::mem::forget(writer);
    assert_eq!(files(&root).len(), 1);
    LocalBlobs::open(&root)
        .unwrap()
        .delete(&key())
        .await
        .unwrap();
    assert!(files(&root).is_empty());
}

#[tokio::test]
async fn a_folder_that_is_gone_is_unavailable() {
    let (folder, _, blobs) = blobs();
    blobs.ping().await.unwrap();
    drop(folder);
    assert!(matches!(blobs.ping().await, Err(Error::Unavailable(_))));
    let created = blobs.create(&key(), FileType::Pdf).await;
    assert!(matches!(created.err(), Some(Error::Unavailable(_))));
}

/// A file that lost its end is an error, not a shorter file.
#[tokio::test]
async fn a_file_that_was_cut_is_unavailable() {
    use futures_util::TryStreamExt;

    let (_folder, root, blobs) = blobs();
    let mut writer = blobs.create(&key(), FileType::Pdf).await.unwrap();
    writer.write(CONTENT).await.unwrap();
    writer.finish().await.unwrap();
    fs::write(root.join(key().as_str()), b"%P").unwrap();
    let read = blobs.read(&key(), 0..5).await.unwrap();
    let read: Result<Vec<Bytes>, Error> = read.try_collect().await;
    assert!(matches!(read, Err(Error::Unavailable(_))));
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_look() {
    use std::os::unix::fs::PermissionsExt;

    let (_folder, root, _) = blobs();
    let mode = fs::metadata(root).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
