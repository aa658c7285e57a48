//! Sends that a client makes twice, on two transports
//! ([`tertulia_domain::pairing`]): the second of a pair is found among the sends
//! that have no partner yet, stored before or in this batch.

use std::collections::HashMap;

use tertulia_domain::command::Command;
use tertulia_domain::message::NewMessage;
use tertulia_domain::pairing::{Transport, within_window};
use tertulia_domain::{MessageId, RoomId, Seq, Timestamp, UserId};

use crate::sql::{self, Connection, params};

/// One send that may have a partner on the other transport.
#[derive(Clone, Copy)]
pub(super) struct Half {
    message: MessageId,
    over: Transport,
    /// See [`Draft::pairing_print`](tertulia_domain::Draft::pairing_print).
    content: i64,
}

impl Half {
    /// None for a message that was not sent twice.
    pub(super) fn of(new: &NewMessage) -> Option<Self> {
        let pairing = new.draft.pairing?;
        Some(Self {
            message: new.id,
            over: pairing.over,
            content: new.draft.pairing_print()?,
        })
    }
}

/// A half without a partner.
struct Unpaired {
    half: Half,
    seq: Seq,
    sent_at: Timestamp,
    /// It stands in the database.
    stored: bool,
}

/// Where a pair can be: in one room, of one sender.
type Place = (RoomId, UserId);

/// The halves without a partner, of each place in the order in which they were
/// sent; and what is to be written about them.
#[derive(Default)]
pub(super) struct Pairs {
    unpaired: HashMap<Place, Vec<Unpaired>>,
    /// Stored halves that are no longer without a partner, or too old for one.
    done: Vec<(Place, Seq)>,
    /// The time of the database, once it was asked.
    server_time: Option<Timestamp>,
}

impl Pairs {
    /// Reads the stored halves that the commands may be the partners of.
    pub(super) async fn of(connection: &mut Connection, commands: &[Command]) -> sql::Result<Self> {
        let mut places: Vec<Place> = commands.iter().filter_map(place).collect();
        places.sort_unstable();
        places.dedup();
        let mut unpaired: HashMap<_, _> = places
            .iter()
            .map(|place| (*place, Vec::<Unpaired>::new()))
            .collect();
        let keys: Vec<_> = places
            .iter()
            .map(|(room, sender)| [(*room).into(), (*sender).into()])
            .collect();
        let found = connection
            .query_pairs(
                "SELECT room_id, sender_id, seq, message_id, transport, content, sent_at \
                 FROM unpaired_sends WHERE {pairs}",
                ("room_id", "sender_id"),
                &keys,
                |row| {
                    let place = (row.take()?, row.take()?);
                    let seq = row.take()?;
                    let half = Half {
                        message: row.take()?,
                        over: row.take()?,
                        content: row.take()?,
                    };
                    let send = Unpaired {
                        half,
                        seq,
                        sent_at: row.take()?,
                        stored: true,
                    };
                    Ok((place, send))
                },
            )
            .await?;
        for (place, send) in found {
            unpaired.entry(place).or_default().push(send);
        }
        for sends in unpaired.values_mut() {
            sends.sort_unstable_by_key(|send| send.seq);
        }
        Ok(Self {
            unpaired,
            done: Vec::new(),
            server_time: None,
        })
    }

    /// The time by which pairs are told: the database's, asked once for all of a
    /// batch; `here` where the database has none of its own.
    pub(super) async fn now(
        &mut self,
        connection: &mut Connection,
        here: Timestamp,
    ) -> sql::Result<Timestamp> {
        if self.server_time.is_none() {
            self.server_time = connection.server_time().await?;
        }
        Ok(self.server_time.unwrap_or(here))
    }

    /// The message of the oldest send on the other transport that is this one's
    /// partner; it has a partner from now on.
    pub(super) fn take_other(
        &mut self,
        room: RoomId,
        sender: UserId,
        half: Half,
        now: Timestamp,
    ) -> Option<MessageId> {
        self.drop_old((room, sender), now);
        let sends = self.unpaired.get_mut(&(room, sender))?;
        let index = sends
            .iter()
            .position(|send| send.half.over != half.over && send.half.content == half.content)?;
        let other = sends.remove(index);
        if other.stored {
            self.done.push(((room, sender), other.seq));
        }
        Some(other.half.message)
    }

    /// A send that has no partner yet and has become a message.
    pub(super) fn add(
        &mut self,
        room: RoomId,
        sender: UserId,
        half: Half,
        seq: Seq,
        now: Timestamp,
    ) {
        let sends = self.unpaired.entry((room, sender)).or_default();
        sends.push(Unpaired {
            half,
            seq,
            sent_at: now,
            stored: false,
        });
    }

    fn drop_old(&mut self, place: Place, now: Timestamp) {
        let Some(sends) = self.unpaired.get_mut(&place) else {
            return;
        };
        let done = &mut self.done;
        sends.retain(|send| {
            let kept = within_window(send.sent_at, now);
            if !kept && send.stored {
                done.push((place, send.seq));
            }
            kept
        });
    }

    /// Writes what has changed.
    pub(super) async fn store(&mut self, connection: &mut Connection) -> sql::Result<()> {
        for ((room, sender), seq) in std::mem::take(&mut self.done) {
            connection
                .execute(
                    "DELETE FROM unpaired_sends WHERE room_id = ? AND sender_id = ? AND seq = ?",
                    params![room, sender, seq],
                )
                .await?;
        }
        let mut rows = Vec::new();
        for (&(room, sender), sends) in &self.unpaired {
            for send in sends.iter().filter(|send| !send.stored) {
                rows.push([
                    room.into(),
                    sender.into(),
                    send.seq.into(),
                    send.half.message.into(),
                    send.half.over.into(),
                    send.half.content.into(),
                    send.sent_at.into(),
                ]);
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        connection
            .insert_many(
                "INSERT INTO unpaired_sends \
                 (room_id, sender_id, seq, message_id, transport, content, sent_at) \
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
                rows.into_iter(),
            )
            .await
    }
}

fn place(command: &Command) -> Option<Place> {
    match command {
        Command::Append { permit, message } => {
            message.draft.pairing?;
            Some((permit.room().id, permit.actor()))
        }
        _ => None,
    }
}
