//! Who is there, from live connections: the first one of a user brings an arrival, the last one a
//! departure after a short grace (`reliability.md` G11).
//!
//! The hub only notices. What it means is for the domain, by way of a [`PresenceSink`]; the events
//! come back through [`Hub::deliver`](crate::hub::Hub::deliver) like any other, so that several
//! nodes behave as one. A user's changes are passed on one after the other, and what came and went
//! in between is not told at all: a storm of reconnections is silent when it is over within the
//! grace.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::{
    StreamExt,
    future::{BoxFuture, FutureExt, join},
    stream::FuturesUnordered,
};
use parking_lot::Mutex;
use tertulia_domain::{Chat, Profile, RoomId, UserId};
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, sleep_until},
};

/// Changes that are passed on at the same time, of either sort.
const CONCURRENCY: usize = 32;

/// How long the rooms of a user who went are remembered, for the event that says so.
const MEMORY: Duration = Duration::from_secs(30);

/// How many of them.
const MAX_ROOMS: usize = 1000;

/// What the domain does when users come and go.
pub trait PresenceSink: Send + Sync + 'static {
    /// The first connection of a user has come.
    fn arrived<'a>(&'a self, user: &'a Arc<Profile>) -> BoxFuture<'a, ()>;

    /// The last connection of a user has gone, and none came within the grace.
    fn went<'a>(&'a self, user: &'a Arc<Profile>) -> BoxFuture<'a, ()>;

    /// The first connection of a user has opened a room for itself, or the last one has gone.
    fn attends<'a>(&'a self, user: &'a Arc<Profile>, room: RoomId, here: bool)
    -> BoxFuture<'a, ()>;
}

impl PresenceSink for Chat {
    fn arrived<'a>(&'a self, user: &'a Arc<Profile>) -> BoxFuture<'a, ()> {
        Self::arrived(self, user).boxed()
    }

    fn went<'a>(&'a self, user: &'a Arc<Profile>) -> BoxFuture<'a, ()> {
        Self::went(self, user).boxed()
    }

    fn attends<'a>(
        &'a self,
        user: &'a Arc<Profile>,
        room: RoomId,
        here: bool,
    ) -> BoxFuture<'a, ()> {
        Self::attends(self, user, room, here).boxed()
    }
}

/// Counts the connections of users and notices first and last ones.
pub(crate) struct Presence {
    grace: Duration,
    state: Mutex<State>,
    arrivals: Notify,
    departures: Notify,
}

#[derive(Default)]
struct State {
    users: HashMap<UserId, Entry>,
    /// Users to look at because a connection came.
    arrived: VecDeque<UserId>,
    /// Users to look at because the last connection went, and when. At most one valid entry for
    /// each user: [`Entry::look_at`].
    leaving: Leaving,
}

struct Entry {
    profile: Arc<Profile>,
    connections: usize,
    /// What the sink was told last.
    announced: bool,
    /// The sink is being told.
    busy: bool,
    /// Since when there is no connection.
    empty_since: Option<Instant>,
    /// When this user is to be looked at again.
    look_at: Option<Instant>,
    /// Rooms of connections that went, until the user is forgotten.
    rooms: Vec<RoomId>,
    waiting: Vec<oneshot::Sender<()>>,
}

#[derive(Clone, Copy)]
enum Direction {
    Arrival,
    Departure,
}

impl Presence {
    pub(crate) fn new(grace: Duration) -> Self {
        Self {
            grace,
            state: Mutex::default(),
            arrivals: Notify::new(),
            departures: Notify::new(),
        }
    }

    /// A connection of the user has come.
    pub(crate) fn came(&self, profile: &Arc<Profile>) {
        let mut state = self.state.lock();
        let entry = state
            .users
            .entry(profile.id)
            .or_insert_with(|| Entry::new(profile));
        entry.profile = Arc::clone(profile);
        entry.connections += 1;
        entry.empty_since = None;
        if entry.connections == 1 && !entry.announced {
            state.arrived.push_back(profile.id);
            self.arrivals.notify_one();
        }
    }

    /// A connection of the user, which listened to these rooms, has gone.
    pub(crate) fn went(&self, user: UserId, rooms: &[RoomId]) {
        let mut state = self.state.lock();
        let State { users, leaving, .. } = &mut *state;
        let Some(entry) = users.get_mut(&user) else {
            return;
        };
        entry.connections -= 1;
        entry.rooms.extend(rooms);
        entry.rooms.sort_unstable();
        entry.rooms.dedup();
        entry.rooms.truncate(MAX_ROOMS);
        if entry.connections == 0 {
            let now = Instant::now();
            entry.empty_since = Some(now);
            leaving.schedule(user, entry, now + self.grace);
            self.departures.notify_one();
        }
    }

    /// The user's membership in a room has ended.
    pub(crate) fn left_room(&self, user: UserId, room: RoomId) {
        if let Some(entry) = self.state.lock().users.get_mut(&user) {
            entry.rooms.retain(|known| *known != room);
        }
    }

    /// The rooms of the user's connections that went.
    pub(crate) fn rooms(&self, user: UserId) -> Vec<RoomId> {
        self.state
            .lock()
            .users
            .get(&user)
            .map(|entry| entry.rooms.clone())
            .unwrap_or_default()
    }

    /// How many users are remembered.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.state.lock().users.len()
    }

    /// Waits until the sink knows of the user's arrival.
    pub(crate) async fn announced(&self, user: UserId) {
        let told = {
            let mut state = self.state.lock();
            let Some(entry) = state.users.get_mut(&user) else {
                return;
            };
            if entry.announced && !entry.busy {
                return;
            }
            let (tell, told) = oneshot::channel();
            entry.waiting.push(tell);
            told
        };
        // A sender that is gone means that the user is gone too: nothing to wait for.
        let _ = told.await;
    }

    /// Tells the sink what happens, for ever.
    pub(crate) async fn run(&self, sink: &dyn PresenceSink) {
        let arrivals = self.run_direction(sink, Direction::Arrival);
        let departures = self.run_direction(sink, Direction::Departure);
        join(arrivals, departures).await;
    }

    async fn run_direction(&self, sink: &dyn PresenceSink, direction: Direction) {
        let news = match direction {
            Direction::Arrival => &self.arrivals,
            Direction::Departure => &self.departures,
        };
        let mut telling = FuturesUnordered::new();
        loop {
            while telling.len() < CONCURRENCY
                && let Some(profile) = self.next(direction)
            {
                telling.push(async move {
                    match direction {
                        Direction::Arrival => sink.arrived(&profile).await,
                        Direction::Departure => sink.went(&profile).await,
                    }
                    profile.id
                });
            }
            let due = self
                .next_departure()
                .filter(|_| telling.len() < CONCURRENCY);
            let wait = async {
                match (direction, due) {
                    (Direction::Departure, Some(at)) => sleep_until(at).await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(user) = telling.next() => self.told(user, direction),
                () = news.notified() => {}
                () = wait => {}
            }
        }
    }

    /// The next user of whom the sink must be told.
    fn next(&self, direction: Direction) -> Option<Arc<Profile>> {
        let mut state = self.state.lock();
        match direction {
            Direction::Arrival => state.next_arrival(),
            Direction::Departure => state.next_departure(Instant::now(), self.grace),
        }
    }

    fn next_departure(&self) -> Option<Instant> {
        self.state
            .lock()
            .leaving
            .0
            .peek()
            .map(|Reverse((at, _))| *at)
    }

    fn told(&self, user: UserId, direction: Direction) {
        let mut state = self.state.lock();
        let State {
            users,
            arrived,
            leaving,
        } = &mut *state;
        let Some(entry) = users.get_mut(&user) else {
            return;
        };
        entry.busy = false;
        entry.announced = matches!(direction, Direction::Arrival);
        if entry.announced {
            entry.waiting.drain(..).for_each(|tell| {
                // Who no longer waits need not be told.
                let _ = tell.send(());
            });
        }
        // What happened meanwhile is looked at now.
        if entry.connections > 0 {
            arrived.push_back(user);
            self.arrivals.notify_one();
        } else {
            let due = entry.due(self.grace).unwrap_or_else(Instant::now);
            leaving.schedule(user, entry, due);
            self.departures.notify_one();
        }
    }
}

impl State {
    fn next_arrival(&mut self) -> Option<Arc<Profile>> {
        while let Some(user) = self.arrived.pop_front() {
            let Some(entry) = self.users.get_mut(&user) else {
                continue;
            };
            if entry.connections > 0 && !entry.announced && !entry.busy {
                entry.busy = true;
                return Some(Arc::clone(&entry.profile));
            }
        }
        None
    }

    fn next_departure(&mut self, now: Instant, grace: Duration) -> Option<Arc<Profile>> {
        while let Some((at, user)) = self.leaving.pop(now) {
            let Some(entry) = self.users.get_mut(&user) else {
                continue;
            };
            if entry.look_at.take_if(|look_at| *look_at == at).is_none() || entry.busy {
                continue;
            }
            match entry.due(grace) {
                None => {}
                Some(due) if due > now => self.leaving.schedule(user, entry, due),
                Some(_) if entry.announced => {
                    entry.busy = true;
                    return Some(Arc::clone(&entry.profile));
                }
                Some(_) => {
                    self.users.remove(&user);
                }
            }
        }
        None
    }
}

/// Users to look at, the earliest first.
#[derive(Default)]
struct Leaving(BinaryHeap<Reverse<(Instant, UserId)>>);

impl Leaving {
    /// Has the user looked at then, unless that happens earlier anyway.
    fn schedule(&mut self, user: UserId, entry: &mut Entry, at: Instant) {
        if entry.look_at.is_none_or(|earlier| at < earlier) {
            entry.look_at = Some(at);
            self.0.push(Reverse((at, user)));
        }
    }

    fn pop(&mut self, now: Instant) -> Option<(Instant, UserId)> {
        self.0.peek().filter(|Reverse((at, _))| *at <= now)?;
        self.0.pop().map(|Reverse(next)| next)
    }
}

impl Entry {
    /// When something is to be done about a user without connections: say so, then forget.
    fn due(&self, grace: Duration) -> Option<Instant> {
        let wait = if self.announced { grace } else { MEMORY };
        Some(self.empty_since? + wait)
    }

    fn new(profile: &Arc<Profile>) -> Self {
        Self {
            profile: Arc::clone(profile),
            connections: 0,
            announced: false,
            busy: false,
            empty_since: None,
            look_at: None,
            rooms: Vec::new(),
            waiting: Vec::new(),
        }
    }
}
