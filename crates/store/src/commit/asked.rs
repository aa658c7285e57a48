//! What SQL clients asked for and this batch carries out: their rows are locked,
//! and marked in the same transaction.

use std::collections::HashSet;

use tertulia_domain::command::Command;
use tertulia_domain::message::NewMessage;
use tertulia_domain::{MessageId, OutboxId, RoomId};

use crate::outbox::{self, Answer};
use crate::sql::{self, Connection};
use crate::value::Value;

/// The rows of a batch.
#[derive(Default)]
pub(super) struct Asked {
    /// Those that still wait, locked. A row that another node carries out now, or
    /// that its app is taking back, is not among them.
    pub(super) waiting: HashSet<OutboxId>,
    /// The numbers that were promised to their messages and are others' already.
    pub(super) taken: HashSet<MessageId>,
    /// What came of them.
    pub(super) settled: Vec<Answer>,
    /// Rooms where one was refused as out of date: what comes after it there must
    /// not overtake it.
    held_up: HashSet<RoomId>,
}

impl Asked {
    /// The rooms are locked by now, so that whoever carries out the same rows has
    /// been waited for.
    pub(super) async fn of(connection: &mut Connection, commands: &[Command]) -> sql::Result<Self> {
        let asked: Vec<_> = commands.iter().filter_map(asked_for).collect();
        if asked.is_empty() {
            return Ok(Self::default());
        }
        let rows: Vec<_> = asked.iter().filter_map(|new| new.outbox).collect();
        let numbers: Vec<Value<'_>> = asked.iter().map(|new| new.id.into()).collect();
        let taken = "SELECT id FROM messages WHERE id IN ({list})";
        let taken = connection.query_in(taken, &[], &numbers, &[], |row| row.take());
        Ok(Self {
            taken: taken.await?.into_iter().collect(),
            waiting: outbox::lock(connection, &rows).await?,
            ..Self::default()
        })
    }

    /// Whether nothing that was asked for earlier waits on in this room.
    pub(super) fn keeps_order(&mut self, room: RoomId, is_stale: bool) -> bool {
        if is_stale {
            self.held_up.insert(room);
        }
        !self.held_up.contains(&room)
    }
}

fn asked_for(command: &Command) -> Option<&NewMessage> {
    match command {
        Command::Append { message, .. } if message.outbox.is_some() => Some(message),
        _ => None,
    }
}
