//! The rows that SQL clients insert, and what came of them. Others write these
//! rows, so nothing about them is taken for granted.

use std::collections::HashSet;

use tertulia_domain::outbox::{OutboxRow, Settled, Settlement};
use tertulia_domain::ports::OutboxPage;
use tertulia_domain::{MessageId, OutboxId, RoomId, Seq, Timestamp};

use crate::sql::{self, Columns, Connection, Error, params};
use crate::value::{FromValue, Value};

const SENT: &str = "sent";
const REFUSED: &str = "refused";

/// Characters of a name, a word or a list of files that matter.
const WORD_CHARS: usize = 512;

/// What is set when a row is settled.
const ANSWER: [&str; 7] = [
    "state",
    "reason",
    "detail",
    "room_id",
    "message_id",
    "seq",
    "settled_at",
];

/// A row became this message.
pub(crate) struct Answer {
    pub(crate) row: OutboxId,
    pub(crate) room: RoomId,
    pub(crate) message: MessageId,
    pub(crate) seq: Seq,
    pub(crate) at: Timestamp,
}

/// A text that somebody else has written: in a SQLite file it may be no UTF-8,
/// and then says so wherever it is read.
struct Foreign(String);

impl FromValue for Foreign {
    fn from_value(value: Value<'_>) -> sql::Result<Self> {
        match value {
            Value::Text(text) => Ok(Self(text.to_owned())),
            Value::Bytes(bytes) => Ok(Self(String::from_utf8_lossy(bytes).into_owned())),
            Value::Null | Value::Integer(_) => Err(Error::damaged("a column holds no text")),
        }
    }
}

/// Rows that wait, by number. Of long texts only as much as shows that they are
/// too long.
pub(crate) async fn waiting(
    connection: &mut Connection,
    page: OutboxPage,
) -> sql::Result<Vec<OutboxRow>> {
    let cut = |column: &str, chars: usize| format!("SUBSTR({column}, 1, {})", chars + 1);
    let word = |column| cut(column, WORD_CHARS);
    let columns = [
        "id".to_owned(),
        word("action"),
        "sender_id".to_owned(),
        word("sender"),
        "room_id".to_owned(),
        word("room"),
        "recipient_id".to_owned(),
        word("recipient"),
        word("kind"),
        cut("text", page.text_chars),
        "reply_to".to_owned(),
        word("file_ids"),
        word("client_id"),
        cut("metadata", page.metadata_chars),
        "target_id".to_owned(),
        "message_id".to_owned(),
    ];
    let sql = format!(
        "SELECT {} FROM outbox WHERE state = 'waiting' AND id > ? ORDER BY id LIMIT ?",
        columns.join(", ")
    );
    connection
        .query(&sql, params![page.after, page.limit], read_row)
        .await
}

fn read_row(row: &mut Columns<'_>) -> sql::Result<OutboxRow> {
    fn text(row: &mut Columns<'_>) -> sql::Result<Option<String>> {
        Ok(row.take::<Option<Foreign>>()?.map(|text| text.0))
    }
    Ok(OutboxRow {
        id: row.take()?,
        action: text(row)?,
        sender_id: row.take()?,
        sender: text(row)?,
        room_id: row.take()?,
        room: text(row)?,
        recipient_id: row.take()?,
        recipient: text(row)?,
        kind: text(row)?,
        text: text(row)?,
        reply_to: row.take()?,
        file_ids: text(row)?,
        client_id: text(row)?,
        metadata: text(row)?,
        target_id: row.take()?,
        message_id: row.take()?,
    })
}

/// Keeps those of the rows that still wait from everybody else, until the
/// transaction's end; passes over those that somebody else keeps, so that no app
/// can hold up the writer.
pub(crate) async fn lock(
    connection: &mut Connection,
    rows: &[OutboxId],
) -> sql::Result<HashSet<OutboxId>> {
    let waiting = lock_those(connection, rows, "state = 'waiting'").await?;
    Ok(waiting.into_iter().collect())
}

async fn lock_those(
    connection: &mut Connection,
    rows: &[OutboxId],
    condition: &str,
) -> sql::Result<Vec<OutboxId>> {
    let rows: Vec<_> = rows.iter().map(|row| Value::from(*row)).collect();
    let sql = format!(
        "SELECT id FROM outbox WHERE id IN ({{list}}) AND {condition}{}",
        connection.free_rows_suffix()
    );
    connection
        .query_in(&sql, &[], &rows, &[], |row| row.take())
        .await
}

/// Notes what locked rows became.
pub(crate) async fn answer(connection: &mut Connection, answers: &[Answer]) -> sql::Result<()> {
    let rows: Vec<_> = answers
        .iter()
        .map(|it| {
            let message = Some((it.message, it.seq));
            (it.row.0, done(Some(it.room), message, it.at))
        })
        .collect();
    connection.update_many("outbox", ANSWER, &rows).await
}

/// Notes what came of rows, of those that still wait and that nobody else keeps.
pub(crate) async fn settle(
    connection: &mut Connection,
    settled: &[Settlement],
    at: Timestamp,
) -> sql::Result<()> {
    let rows: Vec<_> = settled.iter().map(|row| row.id).collect();
    let locked = lock(connection, &rows).await?;
    let (mut done_rows, mut refused_rows) = (Vec::new(), Vec::new());
    for row in settled.iter().filter(|row| locked.contains(&row.id)) {
        match &row.result {
            Settled::Done { room, message } => {
                done_rows.push((row.id.0, done(*room, *message, at)));
            }
            Settled::Refused { reason, detail } => {
                let values = [REFUSED.into(), (*reason).into(), detail.into(), at.into()];
                refused_rows.push((row.id.0, values));
            }
        }
    }
    connection.update_many("outbox", ANSWER, &done_rows).await?;
    let columns = ["state", "reason", "detail", "settled_at"];
    connection
        .update_many("outbox", columns, &refused_rows)
        .await
}

fn done(
    room: Option<RoomId>,
    message: Option<(MessageId, Seq)>,
    at: Timestamp,
) -> [Value<'static>; ANSWER.len()] {
    [
        SENT.into(),
        Value::Null,
        Value::Null,
        room.into(),
        message.map(|(id, _)| id).into(),
        message.map(|(_, seq)| seq).into(),
        at.into(),
    ]
}

/// Rows that were settled before.
pub(crate) async fn settled_before(
    connection: &mut Connection,
    before: Timestamp,
    limit: usize,
) -> sql::Result<Vec<OutboxId>> {
    connection
        .query(
            "SELECT id FROM outbox WHERE settled_at < ? ORDER BY settled_at LIMIT ?",
            params![before, limit],
            |row| row.take(),
        )
        .await
}

/// Removes those of the settled rows that nobody else keeps; answers how many.
pub(crate) async fn remove(connection: &mut Connection, rows: &[OutboxId]) -> sql::Result<usize> {
    let settled = lock_those(connection, rows, "settled_at IS NOT NULL").await?;
    let rows: Vec<_> = settled.into_iter().map(Value::from).collect();
    let sql = "DELETE FROM outbox WHERE id IN ({list})";
    connection
        .query_in(sql, &[], &rows, &[], |_| Ok(()))
        .await?;
    Ok(rows.len())
}
