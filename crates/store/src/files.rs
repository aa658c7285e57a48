//! Files and the messages that have them. Uploads that are not complete are in
//! [`uploads`](crate::uploads).

use std::collections::HashMap;
use std::sync::Arc;

use tertulia_domain::file::{BlobKey, Dimensions, FileType, StoredThumbnail};
use tertulia_domain::policy::{Authority, FileAuthority, MayDiscard};
use tertulia_domain::ports::{FilesPage, RoomKey};
use tertulia_domain::{
    File, FileId, MembershipState, Message, MessageId, RoomId, Timestamp, UserId,
};

use crate::rooms;
use crate::sql::{self, Columns, Connection, params};
use crate::value::Value;

/// The columns of a [`File`], in its order.
macro_rules! file_columns {
    () => {
        "f.id, f.uuid, f.owner_id, f.name, f.content_type, f.size, f.width, f.height, \
         f.thumbnail, f.thumbnail_size, f.blob_key, f.created_at"
    };
}

fn read_file(row: &mut Columns<'_>) -> sql::Result<File> {
    Ok(File {
        id: row.take()?,
        uuid: row.take()?,
        owner: row.take()?,
        name: row.take()?,
        content_type: row.take()?,
        size: row.take()?,
        dimensions: read_dimensions(row.take()?, row.take()?),
        thumbnail: read_thumbnail(row.take()?, row.take()?),
        key: row.take()?,
        created_at: row.take()?,
    })
}

fn read_dimensions(width: Option<u32>, height: Option<u32>) -> Option<Dimensions> {
    let (width, height) = (width?, height?);
    Some(Dimensions { width, height })
}

fn read_thumbnail(kind: Option<FileType>, size: Option<u64>) -> Option<StoredThumbnail> {
    let (kind, size) = (kind?, size?);
    Some(StoredThumbnail { kind, size })
}

/// Rooms in which a file is looked for, at most, on a user's behalf. One that
/// the user may read is enough.
const ROOMS: usize = 8;

pub(crate) async fn find(connection: &mut Connection, id: FileId) -> sql::Result<Option<File>> {
    connection
        .query_one(
            concat!("SELECT ", file_columns!(), " FROM files f WHERE f.id = ?"),
            params![id],
            read_file,
        )
        .await
}

/// What a permission for a file rests on. In a transaction that writes, the
/// file stays until its end.
pub(crate) async fn authority(
    connection: &mut Connection,
    id: FileId,
    user: UserId,
) -> sql::Result<Option<FileAuthority>> {
    const FILE: &str = concat!("SELECT ", file_columns!(), " FROM files f WHERE f.id = ?");
    let sql = format!("{FILE}{}", connection.lock_suffix());
    let Some(file) = connection.query_one(&sql, params![id], read_file).await? else {
        return Ok(None);
    };
    let seen_in = match file.owner == user {
        true => Vec::new(),
        false => seen_in(connection, id, user).await?,
    };
    let file = Arc::new(file);
    Ok(Some(FileAuthority { file, seen_in }))
}

/// How the user stands to rooms where the file is, those left out that say
/// nothing: of which the user is no member and which are not open.
async fn seen_in(
    connection: &mut Connection,
    file: FileId,
    user: UserId,
) -> sql::Result<Vec<Authority>> {
    let found: Vec<RoomId> = connection
        .query(
            "SELECT DISTINCT r.id FROM message_files x JOIN rooms r ON r.id = x.room_id \
             LEFT JOIN memberships m ON m.room_id = x.room_id AND m.user_id = ? \
             WHERE x.file_id = ? AND r.closed_at IS NULL \
             AND (m.state = ? OR (r.open_to_all = 1 AND (m.state IS NULL OR m.state <> ?))) LIMIT ?",
            params![
                user,
                file,
                MembershipState::Active,
                MembershipState::Banned,
                ROOMS
            ],
            |row| row.take(),
        )
        .await?;
    let mut all = Vec::with_capacity(found.len());
    for room in found {
        all.extend(rooms::authority(connection, RoomKey::Id(room), user).await?);
    }
    Ok(all)
}

pub(crate) async fn of_owner(
    connection: &mut Connection,
    owner: UserId,
    page: FilesPage,
) -> sql::Result<Vec<File>> {
    let before = page.before.unwrap_or(FileId(i64::MAX));
    connection
        .query(
            concat!(
                "SELECT ",
                file_columns!(),
                " FROM files f WHERE f.owner_id = ? AND f.id < ? ORDER BY f.id DESC LIMIT ? OFFSET ?"
            ),
            params![owner, before, page.limit, page.skip],
            read_file,
        )
        .await
}

/// Stores a file whose room in the quota is counted already.
pub(crate) async fn insert(connection: &mut Connection, file: &File) -> sql::Result<()> {
    connection
        .execute(
            "INSERT INTO files (id, uuid, owner_id, name, content_type, size, width, height, \
             thumbnail, thumbnail_size, blob_key, created_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                file.id,
                &file.uuid,
                file.owner,
                &file.name,
                file.content_type,
                file.size,
                file.dimensions.map(|size| size.width),
                file.dimensions.map(|size| size.height),
                file.thumbnail.map(|small| small.kind),
                file.thumbnail.map(|small| small.size),
                &file.key,
                file.created_at,
            ],
        )
        .await
        .map(|_| ())
}

/// Removes a file from everywhere; its messages stay.
pub(crate) async fn discard(
    connection: &mut Connection,
    permit: &MayDiscard,
    at: Timestamp,
) -> sql::Result<()> {
    let file = permit.file();
    connection
        .execute(
            "DELETE FROM message_files WHERE file_id = ?",
            params![file.id],
        )
        .await?;
    let gone = connection
        .execute("DELETE FROM files WHERE id = ?", params![file.id])
        .await?;
    if gone == 0 {
        return Ok(());
    }
    release(connection, file.owner, file.size).await?;
    let blobs = std::iter::once(file.key.clone()).chain(file.thumbnail_key());
    doom(connection, blobs, at).await
}

/// Gives room of a quota back.
pub(crate) async fn release(
    connection: &mut Connection,
    owner: UserId,
    bytes: u64,
) -> sql::Result<()> {
    connection
        .execute(
            "UPDATE users SET file_bytes = file_bytes - ? WHERE id = ?",
            params![bytes, owner],
        )
        .await
        .map(|_| ())
}

/// Notes blobs that nothing needs any more.
pub(crate) async fn doom(
    connection: &mut Connection,
    blobs: impl Iterator<Item = BlobKey>,
    at: Timestamp,
) -> sql::Result<()> {
    for key in blobs {
        connection
            .execute(
                "INSERT INTO doomed_blobs (blob_key, doomed_at) VALUES (?, ?)",
                params![&key, at],
            )
            .await?;
    }
    Ok(())
}

pub(crate) async fn doomed(connection: &mut Connection, limit: usize) -> sql::Result<Vec<BlobKey>> {
    connection
        .query(
            "SELECT blob_key FROM doomed_blobs ORDER BY doomed_at LIMIT ?",
            params![limit],
            |row| row.take(),
        )
        .await
}

pub(crate) async fn forget(connection: &mut Connection, keys: &[BlobKey]) -> sql::Result<()> {
    for key in keys {
        connection
            .execute("DELETE FROM doomed_blobs WHERE blob_key = ?", params![key])
            .await?;
    }
    Ok(())
}

/// Which files a new message has: message, place, file, room.
pub(crate) fn attachments(message: &Message) -> impl Iterator<Item = [Value<'static>; 4]> {
    let places = message.files.iter().enumerate();
    places.map(|(place, file)| {
        [
            message.id.into(),
            place.into(),
            file.id.into(),
            message.room.into(),
        ]
    })
}

/// Notes which files new messages have.
pub(crate) async fn attach(
    connection: &mut Connection,
    attachments: Vec<[Value<'static>; 4]>,
) -> sql::Result<()> {
    connection
        .insert_many(
            "INSERT INTO message_files (message_id, place, file_id, room_id) VALUES (?, ?, ?, ?)",
            attachments.into_iter(),
        )
        .await
}

/// Adds the files that messages have.
pub(crate) async fn with_files(
    connection: &mut Connection,
    mut messages: Vec<Message>,
) -> sql::Result<Vec<Message>> {
    let ids: Vec<_> = messages.iter().map(|message| message.id.into()).collect();
    let found = connection
        .query_in(
            concat!(
                "SELECT x.message_id, ",
                file_columns!(),
                " FROM message_files x JOIN files f ON f.id = x.file_id \
                 WHERE x.message_id IN ({list}) ORDER BY x.message_id, x.place"
            ),
            &[],
            &ids,
            &[],
            |row| Ok((row.take()?, Arc::new(read_file(row)?))),
        )
        .await?;
    if found.is_empty() {
        return Ok(messages);
    }
    let mut by_message: HashMap<MessageId, Vec<Arc<File>>> = HashMap::new();
    for (message, file) in found {
        by_message.entry(message).or_default().push(file);
    }
    for message in &mut messages {
        message.files = by_message.remove(&message.id).unwrap_or_default();
    }
    Ok(messages)
}
