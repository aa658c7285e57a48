//! Messages, to read. Every query begins at a place in a room (`room_messages`)
//! or at an id: the depth of a page costs nothing.

use std::collections::HashMap;

use tertulia_domain::ports::{MessagePage, ShownMessages};
use tertulia_domain::{
    ClientId, Message, MessageId, MessageUuids, Metadata, Reaction, RoomId, Seq, UserId,
};

use crate::files;
use crate::sql::{self, Columns, Connection, Error, params};
use crate::stored_json;
use crate::value::Value;

/// The columns of a [`Message`], in its order; files and reactions are loaded
/// apart, by [`with_parts`].
macro_rules! message_columns {
    () => {
        "m.id, m.room_id, m.seq, m.sender_id, m.client_id, m.kind, m.text, m.reply_to, \
         m.metadata, m.created_at, m.edited_at, m.deleted_at, m.revision"
    };
}
pub(crate) use message_columns;

pub(crate) fn read_message(uuids: &MessageUuids, row: &mut Columns<'_>) -> sql::Result<Message> {
    let id = row.take()?;
    Ok(Message {
        id,
        uuid: uuids.uuid(id),
        room: row.take()?,
        seq: row.take()?,
        sender: row.take()?,
        client_id: read_client_id(row.take()?)?,
        kind: row.take()?,
        text: row.take()?,
        reply_to: row.take()?,
        metadata: read_metadata(row.take()?)?,
        files: Vec::new(),
        reactions: Vec::new(),
        created_at: row.take()?,
        edited_at: row.take()?,
        deleted_at: row.take()?,
        revision: row.take()?,
    })
}

fn read_client_id(text: Option<String>) -> sql::Result<Option<ClientId>> {
    text.map(ClientId::new).transpose().map_err(Error::damaged)
}

pub(crate) fn read_metadata(text: Option<String>) -> sql::Result<Metadata> {
    let Some(text) = text else {
        return Ok(Metadata::default());
    };
    stored_json::object(&text)
        .map(Metadata::from_map)
        .map_err(Error::damaged)
}

/// How metadata is stored; none when there is none.
pub(crate) fn metadata_text(metadata: &Metadata) -> Option<&str> {
    (!metadata.is_empty()).then(|| metadata.json())
}

/// A message of a room, with files and reactions.
pub(crate) async fn find(
    connection: &mut Connection,
    uuids: &MessageUuids,
    room: RoomId,
    id: MessageId,
) -> sql::Result<Option<Message>> {
    let messages = by_id(connection, uuids, &[id]).await?;
    Ok(messages.into_iter().find(|message| message.room == room))
}

/// Messages with files and reactions, in any order.
pub(crate) async fn by_id(
    connection: &mut Connection,
    uuids: &MessageUuids,
    ids: &[MessageId],
) -> sql::Result<Vec<Message>> {
    let ids: Vec<_> = ids.iter().copied().map(Value::from).collect();
    let messages = connection
        .query_in(
            concat!(
                "SELECT ",
                message_columns!(),
                " FROM messages m WHERE m.id IN ({list})"
            ),
            &[],
            &ids,
            &[],
            |row| read_message(uuids, row),
        )
        .await?;
    with_parts(connection, messages).await
}

/// How many messages of a room the reader is shown, and where they go on after
/// the newest `skip` of them. Costs a walk over what is not shown, whatever the
/// depth: the messages of a room are numbered without a hole.
pub(crate) async fn shown(
    connection: &mut Connection,
    room: RoomId,
    reader: UserId,
    last: Seq,
    skip: i64,
) -> sql::Result<ShownMessages> {
    let mut count = last.0;
    let mut before = last.0.saturating_add(1).saturating_sub(skip.max(0));
    connection
        .query(
            "SELECT m.seq AS place FROM message_changes c JOIN messages m ON m.id = c.message_id \
             WHERE c.room_id = ? AND m.deleted_at IS NOT NULL \
             UNION SELECT h.seq AS place FROM hidden_messages h \
             WHERE h.room_id = ? AND h.user_id = ? ORDER BY place DESC",
            params![room, room, reader],
            |row| {
                let gone: i64 = row.take()?;
                count -= 1;
                before -= i64::from(gone >= before);
                Ok(())
            },
        )
        .await?;
    Ok(ShownMessages {
        count,
        before: Seq(before.max(1)),
    })
}

/// A stretch of a room, without what `reader` has hidden, in rising seq.
pub(crate) async fn page(
    connection: &mut Connection,
    uuids: &MessageUuids,
    room: RoomId,
    reader: UserId,
    page: MessagePage,
) -> sql::Result<Vec<Message>> {
    const FIRST: &str = concat!(
        "SELECT ",
        message_columns!(),
        " FROM room_messages m WHERE m.room_id = ? AND m.seq > ? AND m.seq < ? \
         AND (m.deleted_at IS NULL OR ? = 1) AND NOT EXISTS (SELECT 1 FROM hidden_messages x \
         WHERE x.room_id = m.room_id AND x.user_id = ? AND x.seq = m.seq) \
         ORDER BY m.seq LIMIT ?"
    );
    const LAST: &str = concat!(
        "SELECT ",
        message_columns!(),
        " FROM room_messages m WHERE m.room_id = ? AND m.seq > ? AND m.seq < ? \
         AND (m.deleted_at IS NULL OR ? = 1) AND NOT EXISTS (SELECT 1 FROM hidden_messages x \
         WHERE x.room_id = m.room_id AND x.user_id = ? AND x.seq = m.seq) \
         ORDER BY m.seq DESC LIMIT ?"
    );
    let from_the_start = page.after.is_some() && page.before.is_none();
    let mut messages = connection
        .query(
            if from_the_start { FIRST } else { LAST },
            params![
                room,
                page.after.unwrap_or(Seq::ZERO),
                page.before.unwrap_or(Seq(i64::MAX)),
                page.deleted,
                reader,
                page.limit,
            ],
            |row| read_message(uuids, row),
        )
        .await?;
    if !from_the_start {
        messages.reverse();
    }
    with_parts(connection, messages).await
}

/// The newest messages without deleted ones and those that `reader` has hidden, the
/// newest first. Walks over those that are skipped.
pub(crate) async fn newest(
    connection: &mut Connection,
    uuids: &MessageUuids,
    room: RoomId,
    reader: UserId,
    skip: usize,
    limit: usize,
) -> sql::Result<Vec<Message>> {
    let messages = connection
        .query(
            concat!(
                "SELECT ",
                message_columns!(),
                " FROM room_messages m WHERE m.room_id = ? AND m.deleted_at IS NULL \
                 AND NOT EXISTS (SELECT 1 FROM hidden_messages x \
                 WHERE x.room_id = m.room_id AND x.user_id = ? AND x.seq = m.seq) \
                 ORDER BY m.seq DESC LIMIT ? OFFSET ?"
            ),
            params![room, reader, limit, skip],
            |row| read_message(uuids, row),
        )
        .await?;
    with_parts(connection, messages).await
}

/// All messages after a seq, also deleted and hidden ones, in rising seq.
pub(crate) async fn after(
    connection: &mut Connection,
    uuids: &MessageUuids,
    room: RoomId,
    seq: Seq,
    limit: usize,
) -> sql::Result<Vec<Message>> {
    let messages = connection
        .query(
            concat!(
                "SELECT ",
                message_columns!(),
                " FROM room_messages m WHERE m.room_id = ? AND m.seq > ? ORDER BY m.seq LIMIT ?"
            ),
            params![room, seq, limit],
            |row| read_message(uuids, row),
        )
        .await?;
    with_parts(connection, messages).await
}

/// Adds files and reactions.
pub(crate) async fn with_parts(
    connection: &mut Connection,
    messages: Vec<Message>,
) -> sql::Result<Vec<Message>> {
    let messages = with_reactions(connection, messages).await?;
    files::with_files(connection, messages).await
}

/// Adds the reactions that stand, oldest first.
async fn with_reactions(
    connection: &mut Connection,
    mut messages: Vec<Message>,
) -> sql::Result<Vec<Message>> {
    let ids: Vec<_> = messages.iter().map(|message| message.id.into()).collect();
    let found = connection
        .query_in(
            "SELECT message_id, user_id, emoji, changed_at FROM reactions \
             WHERE active = 1 AND message_id IN ({list}) ORDER BY revision",
            &[],
            &ids,
            &[],
            |row| {
                let message: MessageId = row.take()?;
                let reaction = Reaction {
                    user: row.take()?,
                    emoji: row.take()?,
                    created_at: row.take()?,
                };
                Ok((message, reaction))
            },
        )
        .await?;
    if found.is_empty() {
        return Ok(messages);
    }
    let mut by_message: HashMap<MessageId, Vec<Reaction>> = HashMap::new();
    for (message, reaction) in found {
        by_message.entry(message).or_default().push(reaction);
    }
    for message in &mut messages {
        message.reactions = by_message.remove(&message.id).unwrap_or_default();
    }
    Ok(messages)
}
