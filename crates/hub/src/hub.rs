//! The hub itself: the tables, and what is done to all connections at once.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join;
use parking_lot::Mutex;
use tertulia_domain::{Profile, RoomId, SessionId, UserId};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Notify,
    time::timeout,
};

use crate::{
    attendance::Attendance,
    codec::{CodecId, Codecs, Farewell},
    connection::{Connection, ConnectionSettings},
    link::{Core, Link, Refused},
    outbox::{Outbox, OutboxLimits, Wakes, Writing},
    presence::{Presence, PresenceSink},
    rooms::Rooms,
    session::Session,
    users::Users,
    ws::{Close, code},
};

/// The bounds of a hub and of its connections.
#[derive(Debug, Clone)]
pub struct HubSettings {
    /// Of each connection's queue. Half its bound for the fan-out also bounds what all gates of
    /// one connection hold, so that opening them does not fill it.
    pub outbox: OutboxLimits,
    /// Of each connection.
    pub connection: ConnectionSettings,
    /// Live connections of one user.
    pub connections_per_user: usize,
    /// Rooms that one connection listens to.
    pub rooms_per_connection: usize,
    /// How long a user without connection still counts as present.
    pub presence_grace: Duration,
    /// A room with more listeners than this is not told who comes and goes.
    pub presence_listeners: usize,
    /// Over how long clients are asked to spread their return when the server stops.
    pub return_spread: Duration,
}

impl Default for HubSettings {
    fn default() -> Self {
        Self {
            outbox: OutboxLimits::default(),
            connection: ConnectionSettings::default(),
            connections_per_user: 20,
            rooms_per_connection: 500,
            presence_grace: Duration::from_millis(500),
            presence_listeners: 256,
            return_spread: Duration::from_secs(5),
        }
    }
}

/// This node's live connections.
pub struct Hub {
    settings: HubSettings,
    connection_settings: Arc<ConnectionSettings>,
    pub(crate) codecs: Codecs,
    pub(crate) rooms: Rooms,
    pub(crate) users: Users,
    pub(crate) presence: Presence,
    pub(crate) attendance: Attendance,
    links: Mutex<Links>,
    empty: Notify,
    /// One delivery at a time, so that events keep their order.
    pub(crate) delivery: Mutex<Wakes>,
    pub(crate) writing: Writing,
    pub(crate) serial: AtomicU64,
    pub(crate) deliveries: AtomicU64,
    pub(crate) encodings: AtomicU64,
}

struct Links {
    next_id: u64,
    stopping: bool,
    cores: HashMap<u64, Arc<Core>>,
}

impl Links {
    /// Numbers begin at random, so that connections of different nodes hardly ever have the same.
    fn starting_anywhere() -> Self {
        Self {
            next_id: RandomState::new().hash_one(0_u8) >> 1,
            stopping: false,
            cores: HashMap::new(),
        }
    }
}

/// What a hub can say about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Live connections, with and without a user.
    pub connections: usize,
    /// Users with a connection.
    pub users: usize,
    /// Frames and events put into outboxes by the fan-out since the start.
    pub deliveries: u64,
    /// How often an event was put into a wire form since the start: once for
    /// each form that was used, whatever the number of readers.
    pub encodings: u64,
}

impl Hub {
    /// A hub that speaks these wire forms.
    #[must_use]
    pub fn new(settings: HubSettings, codecs: Codecs) -> Arc<Self> {
        Arc::new(Self {
            connection_settings: Arc::new(settings.connection.clone()),
            codecs,
            rooms: Rooms::new(),
            users: Users::default(),
            presence: Presence::new(settings.presence_grace),
            attendance: Attendance::default(),
            links: Mutex::new(Links::starting_anywhere()),
            empty: Notify::new(),
            delivery: Mutex::new(Wakes::with_writing()),
            writing: Writing::default(),
            serial: AtomicU64::new(0),
            deliveries: AtomicU64::new(0),
            encodings: AtomicU64::new(0),
            settings,
        })
    }

    /// The bounds in force.
    #[must_use]
    pub fn settings(&self) -> &HubSettings {
        &self.settings
    }

    /// The bounds and times of each connection, unless its dialect has its own.
    #[must_use]
    pub fn connection_settings(&self) -> &Arc<ConnectionSettings> {
        &self.connection_settings
    }

    /// Counts an event that a session put into its wire form for all readers of
    /// it, because the event alone does not say enough
    /// ([`Encoded::PerReader`](crate::Encoded::PerReader)).
    pub fn count_encoding(&self) {
        self.encodings.fetch_add(1, Ordering::Relaxed);
    }

    /// A link for a new connection, which speaks for nobody yet. Its session keeps it.
    ///
    /// # Errors
    ///
    /// [`Refused::Stopping`].
    pub fn link(self: &Arc<Self>) -> Result<Link, Refused> {
        let outbox = Outbox::new(self.settings.outbox);
        let mut links = self.links.lock();
        if links.stopping {
            return Err(Refused::Stopping);
        }
        let id = links.next_id;
        links.next_id += 1;
        let core = Core::new(id, outbox, self.settings.outbox.shared_bytes / 2);
        links.cores.insert(id, Arc::clone(&core));
        drop(links);
        Ok(Link::new(Arc::clone(self), core))
    }

    /// The task of a connection whose session holds a link with this outbox; see
    /// [`Connection::new`].
    pub fn connection<IO, S>(
        &self,
        io: IO,
        leftover: &Bytes,
        deflate: bool,
        outbox: Arc<Outbox>,
        session: S,
    ) -> Connection<IO, S>
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send,
        S: Session,
    {
        let settings = Arc::clone(&self.connection_settings);
        Connection::new(io, leftover, deflate, outbox, session, settings)
    }

    /// Passes on who comes and goes, for ever. Run it once, as a task.
    pub async fn run_presence(&self, sink: &dyn PresenceSink) {
        join(self.presence.run(sink), self.attendance.run(sink)).await;
    }

    /// Writes what was delivered to idle connections whose socket others than their task may write
    /// to ([`Outbox::set_socket`]), for ever. Run it as a task, once for each thread at most.
    pub async fn run_writing(&self) {
        self.writing.run().await;
    }

    /// Says goodbye to all connections and waits until they are gone, for this long at most.
    /// Requests in progress are answered and frames that wait are written first. New connections
    /// are refused from now on.
    pub async fn shutdown(&self, within: Duration) {
        let cores: Vec<_> = {
            let mut links = self.links.lock();
            links.stopping = true;
            links.cores.values().cloned().collect()
        };
        let count = u32::try_from(cores.len()).unwrap_or(u32::MAX);
        let drain = within.saturating_sub(self.settings.connection.close_timeout);
        for (core, number) in cores.iter().zip(0..) {
            let farewell = self.farewell(core, self.settings.return_spread * number / count);
            if let Some(frame) = farewell.frame {
                core.outbox().reply(frame);
            }
            core.outbox().close(drain, farewell.close);
        }
        drop(cores);
        if timeout(within, self.all_gone()).await.is_err() {
            tracing::warn!(
                left = self.links.lock().cores.len(),
                "connections outlived the server"
            );
        }
    }

    /// Users who have opened the room in a connection of its own, by number.
    #[must_use]
    pub fn attending(&self, room: RoomId) -> Vec<UserId> {
        self.attendance.users(room)
    }

    /// What the hub holds and has done.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures {
            connections: self.links.lock().cores.len(),
            users: self.users.count(),
            deliveries: self.deliveries.load(Ordering::Relaxed),
            encodings: self.encodings.load(Ordering::Relaxed),
        }
    }

    /// Live connections that speak this wire form for a user. Looks at each: for a report now and
    /// then.
    #[must_use]
    pub fn connections_with(&self, codec: CodecId) -> usize {
        let links = self.links.lock();
        let speaks = |core: &&Arc<Core>| core.codec() == Some(codec);
        links.cores.values().filter(speaks).count()
    }

    /// The logins that have a live connection, each once.
    #[must_use]
    pub fn logins(&self) -> Vec<(Arc<Profile>, Option<SessionId>)> {
        let links = self.links.lock();
        let speakers = links.cores.values().filter_map(|core| core.speaker());
        let logins: HashMap<_, _> = speakers
            .map(|(user, session)| ((user.id, session), user))
            .collect();
        let logins = logins.into_iter();
        logins.map(|((_, session), user)| (user, session)).collect()
    }

    fn farewell(&self, core: &Core, retry_after: Duration) -> Farewell {
        match core.codec() {
            Some(codec) => self.codecs.get(codec).farewell(retry_after),
            None => Farewell {
                frame: None,
                close: Close::new(code::GOING_AWAY, "restart"),
            },
        }
    }

    async fn all_gone(&self) {
        loop {
            let gone = self.empty.notified();
            if self.links.lock().cores.is_empty() {
                return;
            }
            gone.await;
        }
    }

    pub(crate) fn forget(&self, core: &Core) {
        let mut links = self.links.lock();
        links.cores.remove(&core.id);
        if links.stopping && links.cores.is_empty() {
            self.empty.notify_one();
        }
    }
}
