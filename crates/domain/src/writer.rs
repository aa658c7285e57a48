//! Group commit: commands queue here, and whatever waits becomes one
//! transaction (G1). It never waits for a batch to fill: one lone sender waits
//! only for its own flush.
//!
//! The writer also publishes what was committed, in the order of the commits,
//! before it answers. So the events of a room leave here in their order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, timeout_at};

use crate::authority::Authorities;
use crate::command::{Command, Outcome, StoreError};
use crate::policy::{self, MaySpeak};
use crate::ports::{RoomKey, WriteStore};
use crate::turn::let_others_run;
use crate::{
    Bus, Change, Error, Event, Limits, Position, Profile, Result, Revision, Room, RoomEvent,
};

/// How often a batch's out-of-date permits are renewed before the sender is
/// told to try again.
const RENEWALS: usize = 3;

/// What a batch gets at least, however long its commands have waited before: so
/// much later they are refused at most.
const LEAST_TURN: Duration = Duration::from_millis(500);

/// After so many looks in a row that brought nothing, a batch begins. Those who
/// were just delivered to write in the first, and are heard in the next ones. A
/// look without work costs about a microsecond.
const IDLE_LOOKS: usize = 3;

/// After so long a batch begins whatever comes: a look may let others work for
/// milliseconds, and there may always be one more who speaks.
const LONGEST_LOOKS: Duration = Duration::from_millis(2);

pub(crate) struct Writer {
    queue: mpsc::Sender<Queued>,
    wait: Duration,
}

/// A command that waits.
struct Queued {
    command: Command,
    caller: Caller,
}

/// Who waits for a command.
struct Caller {
    actor: Arc<Profile>,
    ticket: Arc<Ticket>,
    begins_by: Instant,
    answer: oneshot::Sender<Result<Outcome, StoreError>>,
}

impl Queued {
    fn split(self) -> (Command, Caller) {
        (self.command, self.caller)
    }
}

impl Caller {
    fn queue(self, command: Command) -> Queued {
        Queued {
            command,
            caller: self,
        }
    }
}

/// Settles, once, whether a command's transaction began or its caller gave up:
/// a command that was refused must never be carried out later (G3, G13).
#[derive(Default)]
struct Ticket(AtomicU8);

impl Ticket {
    const WAITING: u8 = 0;
    const BEGUN: u8 = 1;
    const GIVEN_UP: u8 = 2;

    fn settle(&self, as_state: u8) -> bool {
        self.0
            .compare_exchange(Self::WAITING, as_state, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

/// A queued command's outcome, still to come.
pub(crate) struct Pending {
    ticket: Arc<Ticket>,
    answer: oneshot::Receiver<Result<Outcome, StoreError>>,
    begins_by: Instant,
}

impl Pending {
    /// Waits for the commit. Fails when no batch has taken it by the moment that
    /// it was queued for; after that, waits until the outcome is known.
    pub(crate) async fn outcome(mut self) -> Result<Outcome, StoreError> {
        let answer = match timeout_at(self.begins_by, &mut self.answer).await {
            Ok(answer) => answer,
            Err(_) if self.ticket.settle(Ticket::GIVEN_UP) => {
                return Err(too_slow().into());
            }
            Err(_) => self.answer.await,
        };
        answer.unwrap_or_else(|_| Err(Error::unavailable("the writer has stopped").into()))
    }
}

/// The outcomes of commands that were queued one after the other, in their order.
/// The last is waited for first: an earlier one is never given up while a later
/// one may still begin.
pub(crate) async fn outcomes(queued: Vec<Pending>) -> Vec<Result<Outcome, StoreError>> {
    let mut outcomes = Vec::with_capacity(queued.len());
    for pending in queued.into_iter().rev() {
        outcomes.push(pending.outcome().await);
    }
    outcomes.reverse();
    outcomes
}

/// What a command needs of storage before it can be queued; refused at the same
/// moment as the command itself would be.
pub(crate) async fn in_time<T>(
    begins_by: Instant,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let done = timeout_at(begins_by, work).await;
    done.unwrap_or_else(|_| Err(too_slow()))
}

fn too_slow() -> Error {
    Error::unavailable("storage is too slow")
}

impl Writer {
    /// Starts the writer. It ends when every `Writer` is gone and all that was
    /// queued is answered.
    pub(crate) fn start(
        store: Arc<dyn WriteStore>,
        bus: Arc<dyn Bus>,
        authorities: Arc<Authorities>,
        limits: &Limits,
    ) -> (Self, JoinHandle<()>) {
        let (queue, queued) = mpsc::channel(limits.writer_queue);
        let task = WriterTask {
            store,
            bus,
            authorities,
            queued,
            batch: limits.writer_batch,
        };
        (
            Self {
                queue,
                wait: limits.writer_wait,
            },
            tokio::spawn(task.run()),
        )
    }

    /// The moment by which what is asked for now must begin.
    pub(crate) fn begins_by(&self) -> Instant {
        Instant::now() + self.wait
    }

    /// Queues a command, in the order of the calls.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the queue is full: nothing was done.
    pub(crate) fn submit(
        &self,
        command: Command,
        actor: Arc<Profile>,
        begins_by: Instant,
    ) -> Result<Pending> {
        let ticket = Arc::<Ticket>::default();
        let (sender, answer) = oneshot::channel();
        let caller = Caller {
            actor,
            ticket: Arc::clone(&ticket),
            begins_by,
            answer: sender,
        };
        self.queue
            .try_send(caller.queue(command))
            .map_err(|_| Error::unavailable("too many writes wait"))?;
        Ok(Pending {
            ticket,
            answer,
            begins_by,
        })
    }
}

struct WriterTask {
    store: Arc<dyn WriteStore>,
    bus: Arc<dyn Bus>,
    authorities: Arc<Authorities>,
    queued: mpsc::Receiver<Queued>,
    batch: usize,
}

impl WriterTask {
    async fn run(mut self) {
        let mut batch = Vec::new();
        while self.queued.recv_many(&mut batch, self.batch).await > 0 {
            self.take_what_comes_now(&mut batch).await;
            batch.retain(|queued| queued.caller.ticket.settle(Ticket::BEGUN));
            let mut renewals = 0;
            while !batch.is_empty() {
                batch = self
                    .commit(std::mem::take(&mut batch), renewals < RENEWALS)
                    .await;
                renewals += 1;
            }
        }
    }

    /// Lets those run who are ready to, and again while that brings more: what
    /// came to many sockets is one batch, not the first of it alone, and a flush
    /// costs as much for one as for all. Nobody is waited for.
    async fn take_what_comes_now(&mut self, batch: &mut Vec<Queued>) {
        let latest = Instant::now() + LONGEST_LOOKS;
        let mut idle_looks = 0;
        while idle_looks < IDLE_LOOKS && batch.len() < self.batch && Instant::now() < latest {
            yield_now().await;
            let before = batch.len();
            while batch.len() < self.batch
                && let Ok(queued) = self.queued.try_recv()
            {
                batch.push(queued);
            }
            idle_looks = if batch.len() > before {
                0
            } else {
                idle_looks + 1
            };
        }
    }

    /// Commits, publishes and answers a batch. Comes back with the messages
    /// whose permits were out of date and could be renewed: they go next, so
    /// that a sender's messages keep their order.
    async fn commit(&self, batch: Vec<Queued>, renew: bool) -> Vec<Queued> {
        let (commands, callers): (Vec<_>, Vec<_>) = batch.into_iter().map(Queued::split).unzip();
        let commands = Arc::new(commands);
        let begin_by = begin_by(&callers);
        let outcomes = self.store.commit(Arc::clone(&commands), begin_by).await;

        let mut events = Vec::with_capacity(outcomes.len());
        let mut answers = Vec::with_capacity(outcomes.len());
        let mut again = Vec::new();
        for ((command, caller), outcome) in commands.iter().zip(callers).zip(outcomes) {
            match (outcome, command) {
                (Err(StoreError::Stale), Command::Append { permit, message }) if renew => {
                    match self.renew(permit).await {
                        Ok(permit) => again.push(caller.queue(Command::Append {
                            permit,
                            message: message.clone(),
                        })),
                        Err(error) => answers.push((caller.answer, Err(error.into()))),
                    }
                }
                (outcome, command) => {
                    if let Ok(outcome) = &outcome {
                        announce(&mut events, command, &caller.actor, outcome);
                    }
                    answers.push((caller.answer, outcome));
                }
            }
        }
        if !events.is_empty() {
            self.publish(events).await;
            // Delivered before it is answered, so that a sender's answer does not cost a
            // `send` of its own in front of what everybody hears.
            let_others_run().await;
        }
        for (answer, outcome) in answers {
            // A caller that is gone does not need its answer; the message stays.
            let _ = answer.send(outcome);
        }
        again
    }

    async fn renew(&self, permit: &MaySpeak) -> Result<MaySpeak> {
        self.authorities.forget(permit.room().id);
        let authority = self
            .authorities
            .get(RoomKey::Id(permit.room().id), permit.actor())
            .await?;
        policy::may_speak(&authority, permit.actor())
    }

    async fn publish(&self, mut events: Vec<RoomEvent>) {
        for event in &mut events {
            self.authorities.observe(event);
        }
        self.bus
            .publish(
                events
                    .into_iter()
                    .map(|event| Arc::new(Event::Room(event)))
                    .collect(),
            )
            .await;
    }
}

/// By when a batch must begin its last step, so that none of its callers waits
/// too long.
fn begin_by(callers: &[Caller]) -> Instant {
    let least = Instant::now() + LEAST_TURN;
    let earliest = callers.iter().map(|caller| caller.begins_by).min();
    earliest.map_or(least, |earliest| earliest.max(least))
}

/// Says what a committed command means to those who listen.
fn announce(
    events: &mut Vec<RoomEvent>,
    command: &Command,
    actor: &Arc<Profile>,
    outcome: &Outcome,
) {
    if let Outcome::Created { room, members, at } = outcome {
        let change = Change::Created {
            members: members.clone(),
            by: actor.id,
        };
        events.push(RoomEvent {
            room: Arc::clone(room),
            at: *at,
            members_version: at.revision,
            change,
        });
        return;
    }
    let Some((room, version)) = command.permitted_room() else {
        return;
    };
    let mut push = |room: &Arc<Room>, at: Position, members_version: Revision, change: Change| {
        events.push(RoomEvent {
            room: Arc::clone(room),
            at,
            members_version,
            change,
        });
    };
    match (outcome, command) {
        (Outcome::Appended { message, at }, _) => {
            let change = Change::Message {
                message: Arc::clone(message),
                sender: Some(Arc::clone(actor)),
            };
            push(&room, *at, version, change);
        }
        (Outcome::Edited { message, at }, _) => {
            let change = Change::Edited {
                message: Arc::clone(message),
                sender: Some(Arc::clone(actor)),
            };
            push(&room, *at, version, change);
        }
        (Outcome::Deleted { message, at }, _) => {
            push(
                &room,
                *at,
                version,
                Change::Deleted {
                    message: Arc::clone(message),
                    by: Arc::clone(actor),
                },
            );
        }
        (Outcome::Hidden { seq, at }, Command::Hide { message, .. }) => {
            push(
                &room,
                *at,
                version,
                Change::Hidden {
                    message: *message,
                    seq: *seq,
                    user: actor.id,
                },
            );
        }
        (
            Outcome::Reacted { uuid, seq, on, at },
            Command::React {
                message,
                emoji,
                at: when,
                ..
            },
        ) => {
            let (user, emoji) = (Arc::clone(actor), emoji.clone());
            let change = Change::Reaction {
                message: *message,
                uuid: *uuid,
                seq: *seq,
                user,
                emoji,
                on: *on,
                at: *when,
            };
            push(&room, *at, version, change);
        }
        (Outcome::Marked { stretches, at }, _) => {
            let change = Change::Receipt {
                user: Arc::clone(actor),
                stretches: stretches.clone(),
            };
            push(&room, *at, version, change);
        }
        (Outcome::Members { changed }, _) => {
            for (member, at) in changed {
                let change = Change::Member {
                    member: member.clone(),
                    by: actor.id,
                };
                push(&room, *at, at.revision, change);
            }
        }
        (Outcome::Updated { room, at, shut }, _) => {
            let version = if *shut { at.revision } else { version };
            push(room, *at, version, Change::Updated { by: actor.id })
        }
        (Outcome::Closed { at }, _) => {
            push(&room, *at, at.revision, Change::Closed { by: actor.id })
        }
        // Nothing new happened; a room made is announced above.
        (
            Outcome::Hidden { .. }
            | Outcome::Reacted { .. }
            | Outcome::Created { .. }
            | Outcome::Repeated { .. }
            | Outcome::Found { .. }
            | Outcome::Unchanged,
            _,
        ) => {}
    }
}

#[cfg(test)]
mod tests;
