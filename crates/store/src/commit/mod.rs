//! Group commit: a batch of commands becomes one transaction with one flush
//! (`design.md` §3).
//!
//! The rooms are locked first, in ascending order. Each command is then checked
//! and carried out in its turn on top of those before it. A command that is
//! refused has written nothing, and the others go on. When the database itself
//! fails on a statement, all is undone and the commands run again, each in its
//! own transaction, so that one never fails its neighbours. When another node's
//! writer was in the way, all is undone and run again first.

mod appends;
mod asked;
mod batch;
mod marks;
mod members;
mod messages;
mod pairs;
mod reactions;
mod rooms;
mod stretches;

use tertulia_domain::command::{Command, Outcome, StoreError};
use tertulia_domain::{Error, MessageUuids};

use self::batch::{Batch, Failure};
use crate::sql::{self, Connection, ErrorKind};

/// How often a batch is run while other writers come in its way.
const ATTEMPTS: usize = 5;

type Outcomes = Vec<Result<Outcome, StoreError>>;

/// Carries out the commands and answers each in its place.
pub(crate) async fn run(
    connection: &mut Connection,
    uuids: &MessageUuids,
    commands: &[Command],
) -> Outcomes {
    match until_free(connection, uuids, commands).await {
        Ok(outcomes) => outcomes,
        Err(error) if concerns_one(error.kind) && commands.len() > 1 => {
            tracing::warn!(%error, commands = commands.len(), "a batch failed: one by one");
            one_by_one(connection, uuids, commands).await
        }
        Err(error) => all_failed(&error.into(), commands.len()),
    }
}

/// The answers when nothing was done.
pub(crate) fn all_failed(error: &Error, count: usize) -> Outcomes {
    let reason = match error {
        Error::Unavailable(source) => source.to_string(),
        other => other.to_string(),
    };
    let failed = || Err(Error::unavailable(reason.clone()).into());
    std::iter::repeat_with(failed).take(count).collect()
}

async fn one_by_one(
    connection: &mut Connection,
    uuids: &MessageUuids,
    commands: &[Command],
) -> Outcomes {
    let mut outcomes = Vec::with_capacity(commands.len());
    for command in commands {
        match until_free(connection, uuids, std::slice::from_ref(command)).await {
            Ok(outcome) => outcomes.extend(outcome),
            Err(error) => {
                let others = concerns_one(error.kind);
                let failed = if others {
                    1
                } else {
                    commands.len() - outcomes.len()
                };
                outcomes.extend(all_failed(&error.into(), failed));
                if !others {
                    break;
                }
            }
        }
    }
    outcomes
}

/// Whether other commands may fare better.
fn concerns_one(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Statement | ErrorKind::Collision)
}

/// Runs them again while other nodes' writers come in the way.
async fn until_free(
    connection: &mut Connection,
    uuids: &MessageUuids,
    commands: &[Command],
) -> sql::Result<Outcomes> {
    for _ in 1..ATTEMPTS {
        match transaction(connection, uuids, commands).await {
            Err(error) if error.kind == ErrorKind::Collision => {
                tracing::debug!(%error, commands = commands.len(), "running a batch again");
            }
            ended => return ended,
        }
    }
    transaction(connection, uuids, commands).await
}

/// All of them or, on an error, none.
async fn transaction(
    connection: &mut Connection,
    uuids: &MessageUuids,
    commands: &[Command],
) -> sql::Result<Outcomes> {
    connection.begin_write().await?;
    match carry_out(connection, uuids, commands).await {
        Ok(outcomes) => {
            connection.commit().await?;
            Ok(outcomes)
        }
        Err(error) => {
            connection.rollback().await?;
            Err(error)
        }
    }
}

async fn carry_out(
    connection: &mut Connection,
    uuids: &MessageUuids,
    commands: &[Command],
) -> sql::Result<Outcomes> {
    let mut batch = Batch::begin(connection, uuids, commands).await?;
    let mut outcomes = Vec::with_capacity(commands.len());
    for command in commands {
        outcomes.push(match apply(&mut batch, command).await {
            Ok(outcome) => Ok(outcome),
            Err(Failure::Refused(refused)) => Err(refused),
            Err(Failure::Database(error)) => return Err(error),
        });
    }
    batch.finish().await?;
    Ok(outcomes)
}

async fn apply<'b>(batch: &mut Batch<'b>, command: &'b Command) -> Result<Outcome, Failure> {
    batch.check(command)?;
    if !matches!(command, Command::Append { .. }) {
        batch.flush().await?;
    }
    match command {
        Command::CreateRoom { room, by } => rooms::create(batch, room, *by).await,
        Command::OpenDirect { room, by } => rooms::open_direct(batch, room, *by).await,
        Command::Append { permit, message } => appends::append(batch, permit, message).await,
        Command::Edit { permit, text, at } => messages::edit(batch, permit, text, *at).await,
        Command::Delete { permit, at } => messages::delete(batch, permit, *at).await,
        Command::Hide {
            permit, message, ..
        } => messages::hide(batch, permit, *message).await,
        Command::React {
            permit,
            message,
            emoji,
            on,
            most,
            at,
        } => {
            let reaction = reactions::Wanted {
                message: *message,
                emoji,
                on: *on,
                most: *most,
                at: *at,
            };
            reactions::react(batch, permit, reaction).await
        }
        Command::Mark { permit, marks, at } => marks::mark(batch, permit, marks, *at).await,
        Command::Join { permit, by, at } => members::join(batch, permit, by, *at).await,
        Command::AskIn { permit, at } => members::ask_in(batch, permit, *at).await,
        Command::Admit { permit, role, at } => members::admit(batch, permit, *role, *at).await,
        Command::Remove { permit, ban, at } => members::remove(batch, permit, *ban, *at).await,
        Command::Leave { permit, .. } => members::leave(batch, permit).await,
        Command::UpdateRoom { permit, patch, at } => rooms::update(batch, permit, patch, *at).await,
        Command::CloseRoom { permit, at } => rooms::close(batch, permit, *at).await,
    }
}
