//! What people do: one method for each use case, for every dialect alike.
//!
//! A method authorizes first ([`policy`](crate::policy)), then validates, then
//! has it stored. Where the store answers that a permit is out of date, the
//! method authorizes anew (at most [`ATTEMPTS`] times).

mod accounts;
mod app_users;
mod erasure;
mod files;
mod live;
mod member_settings;
mod members;
mod messages;
mod named_rooms;
mod names;
mod outbox;
mod receipts;
mod recovery;
mod revocation;
mod rooms;
mod sessions;
mod trusted;
mod users;

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use uuid::{Builder, Uuid};

pub use accounts::{Device, NewAccount, SignedIn};
pub use erasure::{Erased, Words};
pub use files::{Resumable, ResumingUpload, Upload};
pub use live::SignalDraft;
pub use members::InviteOptions;
pub use messages::{PendingMessage, Sent};
pub use named_rooms::GroupName;
pub use outbox::Relayed;
pub use recovery::Recovery;
pub use rooms::{RoomDraft, RoomPosition};

use self::files::FileKeeper;
use crate::authority::Authorities;
use crate::cache::Cache;
use crate::command::{Command, Outcome, StoreError};
use crate::id_blocks::IdBlocks;
use crate::login_guard::LoginGuard;
use crate::policy::Authority;
use crate::ports::{LinkSigner, RoomKey, WriteStore};
use crate::presence::PresenceBoard;
use crate::writer::Writer;
use crate::{
    Blobs, Bus, Clock, Error, Event, Limits, Media, Passwords, Profile, Random, Result, RoomId,
    Store, Timestamp, Tokens, UserId,
};

/// How often something is authorized anew because the room's members changed
/// meanwhile, before the caller is told to try again.
const ATTEMPTS: usize = 4;

/// Profiles that are remembered; the least recently used goes first.
const PROFILES: usize = 100_000;

/// What the domain needs from outside.
#[derive(Clone)]
pub struct Ports {
    /// Storage.
    pub store: Arc<dyn Store>,
    /// The same storage, as the writer uses it.
    pub writes: Arc<dyn WriteStore>,
    /// Where files' bytes are.
    pub blobs: Arc<dyn Blobs>,
    /// What tells files apart.
    pub media: Arc<dyn Media>,
    /// How events travel.
    pub bus: Arc<dyn Bus>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Password hashing.
    pub passwords: Arc<dyn Passwords>,
    /// Signatures of links.
    pub links: Arc<dyn LinkSigner>,
    /// Access tokens.
    pub tokens: Arc<dyn Tokens>,
}

/// The one chat behind every dialect.
pub struct Chat {
    ports: Ports,
    limits: Limits,
    ids: IdBlocks,
    files: Arc<FileKeeper>,
    authorities: Arc<Authorities>,
    profiles: Arc<Cache<UserId, Arc<Profile>>>,
    presence: PresenceBoard,
    login_guard: LoginGuard,
    writer: parking_lot::RwLock<Option<Arc<Writer>>>,
    writer_task: Mutex<Option<JoinHandle<()>>>,
}

impl Chat {
    /// Starts the chat and its writer. Needs a Tokio runtime.
    #[must_use]
    pub fn start(ports: Ports, limits: Limits) -> Arc<Self> {
        let authorities = Arc::new(Authorities::new(Arc::clone(&ports.store) as _));
        let (writer, task) = Writer::start(
            Arc::clone(&ports.writes),
            Arc::clone(&ports.bus),
            Arc::clone(&authorities),
            &limits,
        );
        Arc::new(Self {
            ids: IdBlocks::new(Arc::clone(&ports.store)),
            files: Arc::new(FileKeeper::new(ports.clone(), limits.clone())),
            login_guard: LoginGuard::new(Arc::clone(&ports.clock), &limits),
            authorities,
            profiles: Arc::new(Cache::new(PROFILES)),
            presence: PresenceBoard::default(),
            writer: parking_lot::RwLock::new(Some(Arc::new(writer))),
            writer_task: Mutex::new(Some(task)),
            ports,
            limits,
        })
    }

    /// Takes no further writes, and returns when all that were queued are
    /// stored, published and answered (G15).
    pub async fn shutdown(&self) {
        self.writer.write().take();
        let task = self.writer_task.lock().await.take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the writer ended badly");
        }
    }

    /// The bounds in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The time of day.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Whether storage, of rows and of files, answers and takes writes.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it does not.
    pub async fn ping(&self) -> Result<()> {
        self.ports.store.ping().await?;
        self.ports.blobs.ping().await
    }

    /// Whether the writer has ended although nobody stopped it: nothing can be
    /// changed any more until the server starts anew.
    #[must_use]
    pub fn has_lost_writer(&self) -> bool {
        let stopped = self.writer.read().is_none();
        let task = self.writer_task.try_lock();
        !stopped && task.is_ok_and(|task| task.as_ref().is_some_and(JoinHandle::is_finished))
    }

    fn store(&self) -> &dyn Store {
        &*self.ports.store
    }

    fn writer(&self) -> Result<Arc<Writer>> {
        self.writer
            .read()
            .clone()
            .ok_or_else(|| Error::unavailable("the server is stopping"))
    }

    /// Queues a command and waits for its outcome.
    async fn commit(&self, command: Command, actor: &Arc<Profile>) -> Result<Outcome, StoreError> {
        let writer = self.writer()?;
        let pending = writer.submit(command, Arc::clone(actor), writer.begins_by())?;
        pending.outcome().await
    }

    /// Changes something in the store and tells of it: both, also when the
    /// caller is dropped meanwhile, as it is when a client hangs up.
    async fn store_and_tell<T, F>(&self, work: impl FnOnce(Arc<dyn Store>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<(T, Option<Event>)>> + Send + 'static,
    {
        let work = work(Arc::clone(&self.ports.store));
        let bus = Arc::clone(&self.ports.bus);
        let task = tokio::spawn(async move {
            let (done, event) = work.await?;
            if let Some(event) = event {
                bus.publish(vec![Arc::new(event)]).await;
            }
            Ok(done)
        });
        task.await
            .unwrap_or_else(|lost| Err(Error::unavailable(lost)))
    }

    async fn publish(&self, event: Event) {
        self.ports.bus.publish(vec![Arc::new(event)]).await;
    }

    async fn authority(&self, room: impl Into<RoomKey>, user: UserId) -> Result<Authority> {
        self.authorities.get(room.into(), user).await
    }

    fn new_uuid(&self) -> Uuid {
        Builder::from_random_bytes(self.random_bytes()).into_uuid()
    }

    fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.ports.random.fill(&mut bytes);
        bytes
    }
}

impl std::fmt::Debug for Chat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chat")
    }
}

/// Does something that a permit allows, and authorizes anew while the answer is
/// that the permit is out of date. `$attempt` is an async block that takes an
/// [`Authority`] and ends in `Result<_, StoreError>`.
macro_rules! authorized {
    ($chat:expr, $room:expr, $user:expr, |$authority:ident| $attempt:block) => {{
        let key: $crate::ports::RoomKey = $room.into();
        let mut attempts = 0;
        loop {
            let $authority = $chat.authority(key, $user).await?;
            let room = $authority.room.id;
            let attempt: Result<_, StoreError> = async { $attempt }.await;
            attempts += 1;
            match attempt {
                Ok(done) => break Ok(done),
                Err(StoreError::Failed(error)) => break Err(error),
                Err(StoreError::Stale) if attempts < ATTEMPTS => $chat.authorities.forget(room),
                Err(StoreError::Stale) => break Err(changing(room)),
            }
        }
    }};
}
use authorized;

fn changing(room: RoomId) -> Error {
    Error::unavailable(format!("the members of room {room} keep changing"))
}

/// The store answered a command with what another command means.
fn unexpected(outcome: &Outcome) -> StoreError {
    StoreError::Failed(Error::unavailable(format!(
        "unexpected outcome: {outcome:?}"
    )))
}
