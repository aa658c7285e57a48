//! Uploads that are not complete: their room in the quota, their parts, and how
//! they end.

use tertulia_domain::file::{
    Announced, BlobKey, FileType, NewUpload, Reservation, ResumableUpload,
};
use tertulia_domain::{Entity, Error, File, FileId, Result, Timestamp, UploadRefusal, UserId};

use crate::files;
use crate::sql::{self, Connection, params};

/// Parts of one upload that are read; it may have no more.
const PARTS: usize = 1 << 16;

pub(crate) async fn begin(
    connection: &mut Connection,
    upload: &NewUpload,
    asks: Reservation,
) -> Result<u64> {
    let used = used_bytes(connection, upload.owner).await?;
    let used = used.ok_or(Error::NotFound(Entity::User))?;
    let left = asks.quota.saturating_sub(used);
    if left < asks.at_least {
        return Err(Error::Upload(UploadRefusal::OverQuota { max: asks.quota }));
    }
    if under_way(connection, upload.owner).await? >= asks.uploads as u64 {
        return Err(Error::Upload(UploadRefusal::TooManyUploads));
    }
    let granted = left.min(asks.at_most);
    connection
        .execute(
            "UPDATE users SET file_bytes = file_bytes + ? WHERE id = ?",
            params![granted, upload.owner],
        )
        .await?;
    insert(connection, upload, granted).await?;
    Ok(granted)
}

async fn used_bytes(connection: &mut Connection, user: UserId) -> sql::Result<Option<u64>> {
    const USED: &str = "SELECT file_bytes FROM users WHERE id = ?";
    let sql = format!("{USED}{}", connection.lock_suffix());
    connection
        .query_one(&sql, params![user], |row| row.take())
        .await
}

async fn under_way(connection: &mut Connection, user: UserId) -> sql::Result<u64> {
    let count = connection
        .query_one(
            "SELECT COUNT(*) FROM uploads WHERE owner_id = ?",
            params![user],
            |row| row.take(),
        )
        .await?;
    Ok(count.unwrap_or(0))
}

async fn insert(connection: &mut Connection, upload: &NewUpload, reserved: u64) -> sql::Result<()> {
    let announced = upload.resumable.as_ref();
    connection
        .execute(
            "INSERT INTO uploads (id, uuid, owner_id, name, blob_key, reserved, resumable, \
             length, received, metadata, started_at, expires_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)",
            params![
                upload.id,
                &upload.uuid,
                upload.owner,
                &upload.name,
                upload.key.as_ref(),
                reserved,
                announced.is_some(),
                announced.map_or(0, |announced| announced.length),
                announced.map_or("", |announced| &announced.metadata),
                upload.started_at,
                upload.expires_at,
            ],
        )
        .await
        .map(|_| ())
}

pub(crate) async fn keep(
    connection: &mut Connection,
    id: FileId,
    until: Timestamp,
) -> sql::Result<bool> {
    let kept = connection
        .execute(
            "UPDATE uploads SET expires_at = ? WHERE id = ?",
            params![until, id],
        )
        .await?;
    Ok(kept > 0)
}

pub(crate) async fn aim(
    connection: &mut Connection,
    id: FileId,
    key: &BlobKey,
    until: Timestamp,
) -> sql::Result<bool> {
    let aimed = connection
        .execute(
            "UPDATE uploads SET blob_key = ?, expires_at = ? WHERE id = ?",
            params![key, until, id],
        )
        .await?;
    Ok(aimed > 0)
}

pub(crate) async fn finish(connection: &mut Connection, file: &File) -> Result<()> {
    let under_way = row(connection, file.id).await?;
    let under_way = under_way.ok_or(Error::NotFound(Entity::File))?;
    files::release(connection, under_way.owner, under_way.reserved).await?;
    connection
        .execute(
            "UPDATE users SET file_bytes = file_bytes + ? WHERE id = ?",
            params![file.size, file.owner],
        )
        .await?;
    let parts = part_keys(connection, file.id).await?;
    files::doom(connection, parts.into_iter(), file.created_at).await?;
    remove(connection, file.id).await?;
    Ok(files::insert(connection, file).await?)
}

pub(crate) async fn abandon(
    connection: &mut Connection,
    id: FileId,
    at: Timestamp,
) -> sql::Result<bool> {
    let Some(upload) = row(connection, id).await? else {
        return Ok(false);
    };
    files::release(connection, upload.owner, upload.reserved).await?;
    let parts = part_keys(connection, id).await?;
    let content = upload.key.into_iter().flat_map(all_blobs);
    files::doom(connection, parts.into_iter().chain(content), at).await?;
    remove(connection, id).await?;
    Ok(true)
}

pub(crate) async fn abandon_expired(
    connection: &mut Connection,
    at: Timestamp,
    orphaned: bool,
    limit: usize,
) -> sql::Result<usize> {
    let end_of_time = Timestamp::from_micros(i64::MAX);
    let direct_by = if orphaned { end_of_time } else { at };
    let mut given_up = 0;
    for (resumable, by) in [(false, direct_by), (true, at)] {
        let found: Vec<FileId> = connection
            .query(
                "SELECT id FROM uploads WHERE resumable = ? AND expires_at <= ? LIMIT ?",
                params![resumable, by, limit - given_up],
                |row| row.take(),
            )
            .await?;
        for id in found {
            abandon(connection, id, at).await?;
            given_up += 1;
        }
    }
    Ok(given_up)
}

/// What may lie around under an upload's key: content, and either thumbnail.
fn all_blobs(key: BlobKey) -> [BlobKey; 3] {
    let thumbnails = [FileType::Jpeg, FileType::Png].map(|kind| key.thumbnail(kind));
    let [jpeg, png] = thumbnails;
    [key, jpeg, png]
}

/// What the end of an upload needs to know of it.
struct Row {
    owner: UserId,
    reserved: u64,
    key: Option<BlobKey>,
}

/// Looks an upload up and keeps it from other transactions.
async fn row(connection: &mut Connection, id: FileId) -> sql::Result<Option<Row>> {
    const UPLOAD: &str = "SELECT owner_id, reserved, blob_key FROM uploads WHERE id = ?";
    let sql = format!("{UPLOAD}{}", connection.lock_suffix());
    connection
        .query_one(&sql, params![id], |row| {
            Ok(Row {
                owner: row.take()?,
                reserved: row.take()?,
                key: row.take()?,
            })
        })
        .await
}

async fn part_keys(connection: &mut Connection, id: FileId) -> sql::Result<Vec<BlobKey>> {
    connection
        .query(
            "SELECT blob_key FROM upload_parts WHERE upload_id = ?",
            params![id],
            |row| row.take(),
        )
        .await
}

async fn remove(connection: &mut Connection, id: FileId) -> sql::Result<()> {
    for sql in [
        "DELETE FROM upload_parts WHERE upload_id = ?",
        "DELETE FROM uploads WHERE id = ?",
    ] {
        connection.execute(sql, params![id]).await?;
    }
    Ok(())
}

pub(crate) async fn resumable(
    connection: &mut Connection,
    id: FileId,
    owner: UserId,
) -> sql::Result<Option<ResumableUpload>> {
    let found = connection
        .query_one(
            "SELECT uuid, name, length, metadata, received, started_at, expires_at FROM uploads \
             WHERE id = ? AND owner_id = ? AND resumable = 1",
            params![id, owner],
            |row| {
                Ok(ResumableUpload {
                    id,
                    owner,
                    uuid: row.take()?,
                    name: row.take()?,
                    announced: Announced {
                        length: row.take()?,
                        metadata: row.take()?,
                    },
                    received: row.take()?,
                    parts: Vec::new(),
                    started_at: row.take()?,
                    expires_at: row.take()?,
                })
            },
        )
        .await?;
    let Some(upload) = found else {
        return Ok(None);
    };
    let parts = connection
        .query(
            "SELECT blob_key, size FROM upload_parts WHERE upload_id = ? AND size IS NOT NULL \
             ORDER BY from_byte LIMIT ?",
            params![id, PARTS],
            |row| Ok((row.take()?, row.take()?)),
        )
        .await?;
    Ok(Some(ResumableUpload { parts, ..upload }))
}

pub(crate) async fn begin_part(
    connection: &mut Connection,
    id: FileId,
    part: &BlobKey,
) -> sql::Result<bool> {
    if row(connection, id).await?.is_none() {
        return Ok(false);
    }
    connection
        .execute(
            "INSERT INTO upload_parts (upload_id, blob_key) VALUES (?, ?)",
            params![id, part],
        )
        .await?;
    Ok(true)
}

pub(crate) async fn finish_part(
    connection: &mut Connection,
    id: FileId,
    part: &BlobKey,
    from: u64,
    size: u64,
    until: Timestamp,
) -> sql::Result<bool> {
    let counted = connection
        .execute(
            "UPDATE uploads SET received = ?, expires_at = ? WHERE id = ? AND received = ?",
            params![from + size, until, id, from],
        )
        .await?;
    if counted == 0 {
        return Ok(false);
    }
    connection
        .execute(
            "UPDATE upload_parts SET from_byte = ?, size = ? WHERE upload_id = ? AND blob_key = ?",
            params![from, size, id, part],
        )
        .await?;
    Ok(true)
}
