//! The contract of `Blobs`, once for every storage.

use bytes::Bytes;
use futures_util::TryStreamExt;
use tertulia_domain::file::{BlobKey, FileType};
use tertulia_domain::ports::Blobs;
use tertulia_domain::{Entity, Error, Result, Timestamp};
use uuid::Uuid;

/// Each test of the contract, on each storage.
macro_rules! on_every_storage {
    ($($test:ident),* $(,)?) => {
        mod on_a_folder {
            $(#[tokio::test]
            async fn $test() {
                if let Some(store) = crate::stores::local() {
                    super::$test(&*store.blobs).await;
                }
            })*
        }

        #[cfg(feature = "cloud")]
        mod on_s3 {
            $(#[tokio::test]
            async fn $test() {
                if let Some(store) = crate::stores::s3() {
                    super::$test(&*store.blobs).await;
                }
            })*
        }

        #[cfg(feature = "cloud")]
        mod on_gcs {
            $(#[tokio::test]
            async fn $test() {
                if let Some(store) = crate::stores::gcs() {
                    super::$test(&*store.blobs).await;
                }
            })*
        }
    };
}

on_every_storage!(
    a_blob_is_read_as_it_was_written,
    a_range_is_read_alone,
    a_long_blob_is_written_in_parts,
    a_blob_that_ends_with_a_part_is_whole,
    nothing_is_visible_before_the_end,
    what_was_given_up_is_not_there,
    what_was_dropped_is_not_there,
    a_deleted_blob_is_gone,
    blobs_are_written_side_by_side,
    the_storage_answers,
);

const MIB: usize = 1024 * 1024;

fn key() -> BlobKey {
    BlobKey::new(
        Timestamp::from_secs(1_768_003_200),
        Uuid::new_v4(),
        FileType::Pdf,
    )
}

/// Bytes of which no two stretches are alike.
fn content(length: usize) -> Bytes {
    let mut state = 1_u32;
    let bytes = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    bytes.take(length).collect::<Vec<_>>().into()
}

async fn write(blobs: &dyn Blobs, key: &BlobKey, content: &Bytes, piece: usize) {
    let mut writer = blobs.create(key, FileType::Pdf).await.expect("a writer");
    for piece in content.chunks(piece) {
        let piece = content.slice_ref(piece);
        writer.write(piece).await.expect("the storage takes bytes");
    }
    writer.finish().await.expect("the storage keeps them");
}

async fn read(blobs: &dyn Blobs, key: &BlobKey, range: std::ops::Range<u64>) -> Result<Vec<u8>> {
    let pieces: Vec<Bytes> = blobs.read(key, range).await?.try_collect().await?;
    Ok(pieces.concat())
}

async fn whole(blobs: &dyn Blobs, key: &BlobKey, content: &Bytes) -> Vec<u8> {
    let read = read(blobs, key, 0..content.len() as u64).await;
    read.expect("the blob is there")
}

async fn is_missing(blobs: &dyn Blobs, key: &BlobKey) -> bool {
    matches!(
        read(blobs, key, 0..1).await,
        Err(Error::NotFound(Entity::File))
    )
}

async fn a_blob_is_read_as_it_was_written(blobs: &dyn Blobs) {
    for length in [1, 5_000, 300_000] {
        let (key, content) = (key(), content(length));
        write(blobs, &key, &content, 4_096).await;
        assert!(whole(blobs, &key, &content).await == content, "{length}");
    }
}

async fn a_range_is_read_alone(blobs: &dyn Blobs) {
    let (key, content) = (key(), content(300_000));
    write(blobs, &key, &content, 300_000).await;
    for (start, end) in [(0, 1), (10, 200_010), (299_999, 300_000), (0, 300_000)] {
        let read = read(blobs, &key, start..end).await.expect("it is there");
        assert!(
            read == content[start as usize..end as usize],
            "{start}..{end}"
        );
    }
}

async fn a_long_blob_is_written_in_parts(blobs: &dyn Blobs) {
    // Longer than two parts of any storage, in pieces that fit no part.
    let (key, content) = (key(), content(11 * MIB + 17));
    write(blobs, &key, &content, 300_007).await;
    assert!(whole(blobs, &key, &content).await == content);
    let across = 5 * MIB as u64 - 3..5 * MIB as u64 + 4;
    let read = read(blobs, &key, across).await.expect("it is there");
    assert_eq!(read, content[5 * MIB - 3..5 * MIB + 4]);
}

async fn a_blob_that_ends_with_a_part_is_whole(blobs: &dyn Blobs) {
    let (key, content) = (key(), content(10 * MIB));
    write(blobs, &key, &content, 10 * MIB).await;
    assert!(whole(blobs, &key, &content).await == content);
}

async fn nothing_is_visible_before_the_end(blobs: &dyn Blobs) {
    let (key, content) = (key(), content(6 * MIB));
    let mut writer = blobs.create(&key, FileType::Pdf).await.expect("a writer");
    writer.write(content.clone()).await.expect("it takes bytes");
    assert!(is_missing(blobs, &key).await);
    writer.finish().await.expect("the storage keeps them");
    assert!(whole(blobs, &key, &content).await == content);
}

async fn what_was_given_up_is_not_there(blobs: &dyn Blobs) {
    for length in [0, 10, 6 * MIB] {
        let key = key();
        let mut writer = blobs.create(&key, FileType::Pdf).await.expect("a writer");
        writer.write(content(length)).await.expect("it takes bytes");
        writer.abort().await.expect("it can be given up");
        assert!(is_missing(blobs, &key).await, "{length}");
    }
}

async fn what_was_dropped_is_not_there(blobs: &dyn Blobs) {
    let (key, content) = (key(), content(6 * MIB));
    let mut writer = blobs.create(&key, FileType::Pdf).await.expect("a writer");
    writer.write(content.clone()).await.expect("it takes bytes");
    drop(writer);
    assert!(is_missing(blobs, &key).await);
    blobs
        .delete(&key)
        .await
        .expect("what is left can be removed");
    // The same key can be used, as by whoever tries again.
    write(blobs, &key, &content, MIB).await;
    assert!(whole(blobs, &key, &content).await == content);
}

async fn a_deleted_blob_is_gone(blobs: &dyn Blobs) {
    let (key, other, content) = (key(), key(), content(100));
    write(blobs, &key, &content, 100).await;
    write(blobs, &other, &content, 100).await;
    blobs.delete(&key).await.expect("it can be deleted");
    assert!(is_missing(blobs, &key).await);
    blobs.delete(&key).await.expect("none there is no error");
    assert!(whole(blobs, &other, &content).await == content);
}

async fn blobs_are_written_side_by_side(blobs: &dyn Blobs) {
    let contents = [content(6 * MIB), content(6 * MIB + 1), content(40)];
    let keys = [key(), key(), key()];
    let writes = keys.iter().zip(&contents);
    let writes = writes.map(|(key, content)| write(blobs, key, content, 100_000));
    futures_util::future::join_all(writes).await;
    for (key, content) in keys.iter().zip(&contents) {
        assert!(whole(blobs, key, content).await == *content);
    }
}

async fn the_storage_answers(blobs: &dyn Blobs) {
    blobs.ping().await.expect("it answers");
    blobs.ping().await.expect("it answers again");
}

/// A storage that is not there is a refusal for now, not for good.
#[cfg(feature = "cloud")]
#[tokio::test]
async fn a_storage_that_is_away_is_unavailable() {
    use tertulia_blob::{CloudBlobs, S3Settings};

    // A port that was free just now.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port();
    let settings = S3Settings {
        bucket: "tertulia".to_owned(),
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        access_key_id: Some("any".to_owned()),
        secret_access_key: Some("any".to_owned()),
        ..S3Settings::default()
    };
    let blobs = CloudBlobs::s3(&settings).expect("settings that fit");
    assert!(matches!(blobs.ping().await, Err(Error::Unavailable(_))));
    let read = blobs.read(&key(), 0..1).await;
    assert!(matches!(read.err(), Some(Error::Unavailable(_))));
}

/// Answers every list with this, and everything else with "no content", on a
/// port of its own.
#[cfg(feature = "cloud")]
async fn storage_that_lists(answer: &'static str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.expect("a request"));
            }
            let answer = match head.starts_with(b"GET ") {
                true => answer,
                false => "204 No Content\r\nConnection: close\r\n\r\n",
            };
            let answer = format!("HTTP/1.1 {answer}");
            socket.write_all(answer.as_bytes()).await.expect("answered");
        }
    });
    format!("http://{address}")
}

/// A bucket that may not be asked for its unfinished uploads, or has no word for
/// them, lets blobs be deleted; where it fails for now, deletion is tried again.
#[cfg(feature = "cloud")]
#[tokio::test]
async fn a_bucket_that_does_not_tell_its_unfinished_uploads_is_left_so() {
    use tertulia_blob::{CloudBlobs, GcsSettings};

    for (answer, is_deleted) in [
        ("403 Forbidden\r\nConnection: close\r\n\r\n", true),
        ("501 Not Implemented\r\nConnection: close\r\n\r\n", true),
        ("200 OK\r\nConnection: close\r\n\r\nNo list.", true),
        ("429 Too Many\r\nConnection: close\r\n\r\n", false),
        ("503 Unavailable\r\nConnection: close\r\n\r\n", false),
    ] {
        let settings = GcsSettings {
            bucket: "tertulia".to_owned(),
            endpoint: Some(storage_that_lists(answer).await),
            anonymous: true,
            ..GcsSettings::default()
        };
        let blobs = CloudBlobs::gcs(&settings).expect("settings that fit");
        let deleted = blobs.delete(&key()).await;
        assert_eq!(deleted.is_ok(), is_deleted, "{answer}: {deleted:?}");
    }
}
