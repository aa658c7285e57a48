//! Marking messages as delivered and read (`design.md` §3): stretches that only
//! grow. Only what was not marked before is stored, so the first time stands.

use tertulia_domain::command::Outcome;
use tertulia_domain::policy::MayRead;
use tertulia_domain::receipt::Mark;
use tertulia_domain::{
    MembershipState, ReceiptKind, Revision, RoomId, Seq, Stretch, Timestamp, UserId,
};

use super::batch::{Batch, Failure};
use super::stretches::{Span, difference, intersection, union, watermark};
use crate::sql::{self, params};

/// A member and what it has marked so far.
struct Reader {
    room: RoomId,
    user: UserId,
    since: i64,
    delivered: Progress,
    read: Progress,
}

/// How far a member has come with one kind of mark.
#[derive(Clone, Copy)]
struct Progress {
    /// The highest message marked.
    highest: i64,
    /// Up to here everything is marked that was sent to the member, and no
    /// stored stretch reaches over it.
    upto: i64,
}

pub(super) async fn mark(
    batch: &mut Batch<'_>,
    permit: &MayRead,
    marks: &[Mark],
    at: Timestamp,
) -> Result<Outcome, Failure> {
    let (room, user) = (permit.room().id, permit.actor());
    let Some(mut reader) = find(batch, room, user).await? else {
        return Ok(Outcome::Unchanged);
    };
    let last = batch.position(room).seq;
    let mut stretches = Vec::new();
    for kind in [ReceiptKind::Delivered, ReceiptKind::Read] {
        let fresh = advance(batch, &mut reader, kind, &wanted(marks, kind, last)).await?;
        stretches.extend(fresh.into_iter().map(|(from, to)| Stretch {
            kind,
            from: Seq(from),
            to: Seq(to),
            at,
        }));
    }
    if stretches.is_empty() {
        return Ok(Outcome::Unchanged);
    }
    let at = batch.next_change(room);
    store(batch, &reader, &stretches, at.revision).await?;
    Ok(Outcome::Marked { stretches, at })
}

async fn find(batch: &mut Batch<'_>, room: RoomId, user: UserId) -> sql::Result<Option<Reader>> {
    batch
        .connection
        .query_one(
            "SELECT since_seq, delivered_seq, delivered_upto, read_seq, read_upto \
             FROM memberships WHERE room_id = ? AND user_id = ? AND state = ?",
            params![room, user, MembershipState::Active],
            |row| {
                Ok(Reader {
                    room,
                    user,
                    since: row.take()?,
                    delivered: Progress {
                        highest: row.take()?,
                        upto: row.take()?,
                    },
                    read: Progress {
                        highest: row.take()?,
                        upto: row.take()?,
                    },
                })
            },
        )
        .await
}

/// The messages that the marks name, of those that there are. What is read was
/// delivered too.
fn wanted(marks: &[Mark], kind: ReceiptKind, last: Seq) -> Vec<Span> {
    let spans = marks.iter().filter_map(|mark| {
        let (marked, from, to) = match *mark {
            Mark::UpTo(marked, seq) => (marked, 1, seq.0),
            Mark::Only(marked, seq) => (marked, seq.0.max(1), seq.0),
        };
        (marked >= kind).then_some((from, to.min(last.0)))
    });
    union(spans.collect())
}

/// The messages that are newly marked; notes the progress.
async fn advance(
    batch: &mut Batch<'_>,
    reader: &mut Reader,
    kind: ReceiptKind,
    wanted: &[Span],
) -> sql::Result<Vec<Span>> {
    let before = match kind {
        ReceiptKind::Delivered => reader.delivered,
        ReceiptKind::Read => reader.read,
    };
    let open = difference(wanted, &[(i64::MIN + 1, before.upto)]);
    let (Some(first), Some(last)) = (open.first(), open.last()) else {
        return Ok(Vec::new());
    };
    let (first, last) = (first.0, last.1);
    let sent = intersection(&open, &periods(batch, reader, first).await?);
    let marked = if before.highest > before.upto {
        marked_before(batch, reader, kind, first, last).await?
    } else {
        Vec::new()
    };
    let fresh = difference(&sent, &marked);

    // Where everything wanted began right behind the watermark, all up to its
    // end is marked now or was never sent to this member.
    let upto = watermark(before.upto, &open);
    let all_marked = union(marked.iter().chain(&fresh).copied().collect());
    let progress = Progress {
        highest: fresh
            .last()
            .map_or(before.highest, |span| span.1.max(before.highest)),
        upto: watermark(upto, &all_marked),
    };
    match kind {
        ReceiptKind::Delivered => reader.delivered = progress,
        ReceiptKind::Read => reader.read = progress,
    }
    Ok(fresh)
}

/// When the user belonged to the room, at `first` or later.
async fn periods(batch: &mut Batch<'_>, reader: &Reader, first: i64) -> sql::Result<Vec<Span>> {
    if first > reader.since {
        return Ok(vec![(first, i64::MAX)]);
    }
    let spans = batch
        .connection
        .query(
            "SELECT since_seq, until_seq FROM membership_periods \
             WHERE room_id = ? AND user_id = ? AND (until_seq IS NULL OR until_seq >= ?)",
            params![reader.room, reader.user, first],
            |row| {
                let since: i64 = row.take()?;
                let until: Option<i64> = row.take()?;
                Ok((since + 1, until.unwrap_or(i64::MAX)))
            },
        )
        .await?;
    Ok(union(spans))
}

/// What is marked already between two messages.
async fn marked_before(
    batch: &mut Batch<'_>,
    reader: &Reader,
    kind: ReceiptKind,
    first: i64,
    last: i64,
) -> sql::Result<Vec<Span>> {
    let spans = batch
        .connection
        .query(
            "SELECT from_seq, to_seq FROM receipts \
             WHERE room_id = ? AND user_id = ? AND kind = ? AND from_seq <= ? AND from_seq >= \
             (SELECT COALESCE(MAX(x.from_seq), ?) FROM receipts x \
              WHERE x.room_id = ? AND x.user_id = ? AND x.kind = ? AND x.from_seq <= ?)",
            params![
                reader.room,
                reader.user,
                kind,
                last,
                first,
                reader.room,
                reader.user,
                kind,
                first,
            ],
            |row| Ok((row.take()?, row.take()?)),
        )
        .await?;
    Ok(union(spans))
}

async fn store(
    batch: &mut Batch<'_>,
    reader: &Reader,
    stretches: &[Stretch],
    revision: Revision,
) -> sql::Result<()> {
    let rows = stretches.iter().map(|stretch| {
        [
            reader.room.into(),
            reader.user.into(),
            stretch.kind.into(),
            stretch.from.into(),
            stretch.to.into(),
            stretch.at.into(),
            revision.into(),
        ]
    });
    batch
        .connection
        .insert_many(
            "INSERT INTO receipts (room_id, user_id, kind, from_seq, to_seq, marked_at, revision) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        .await?;
    batch
        .connection
        .execute(
            "UPDATE memberships SET delivered_seq = ?, delivered_upto = ?, read_seq = ?, \
             read_upto = ? WHERE room_id = ? AND user_id = ?",
            params![
                reader.delivered.highest,
                reader.delivered.upto,
                reader.read.highest,
                reader.read.upto,
                reader.room,
                reader.user,
            ],
        )
        .await
        .map(|_| ())
}
