//! Who has opened which room in a connection of its own: the first connection of a user in a room
//! brings an arrival there, the last one a departure, however it ends.
//!
//! The hub only notices, as in [`presence`](crate::presence): the news goes to the domain and
//! comes back through [`Hub::deliver`](crate::hub::Hub::deliver). Only then does it count here, so
//! that whoever is told who is there, and then who comes and goes, misses nobody and hears of
//! nobody twice.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parking_lot::Mutex;
use tertulia_domain::{Profile, RoomId, UserId};
use tokio::sync::{Notify, oneshot};

use crate::presence::PresenceSink;

/// Counts the connections of users in rooms and notices first and last ones.
#[derive(Default)]
pub(crate) struct Attendance {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    rooms: HashMap<RoomId, HashMap<UserId, Place>>,
    /// Places to look at, in the order in which they changed.
    changed: VecDeque<(RoomId, UserId)>,
}

/// A user in a room.
struct Place {
    profile: Arc<Profile>,
    connections: usize,
    /// What the sink was told last.
    told: bool,
    /// What the readers were told last.
    seen: bool,
    waiting: Vec<oneshot::Sender<()>>,
}

/// What the sink is to be told.
type News = (RoomId, Arc<Profile>, bool);

impl Attendance {
    /// A connection of the user has opened the room.
    pub(crate) fn came(&self, room: RoomId, profile: &Arc<Profile>) {
        let mut state = self.state.lock();
        let places = state.rooms.entry(room).or_default();
        let place = places.entry(profile.id).or_insert_with(|| Place {
            profile: Arc::clone(profile),
            connections: 0,
            told: false,
            seen: false,
            waiting: Vec::new(),
        });
        place.profile = Arc::clone(profile);
        place.connections += 1;
        if place.connections == 1 {
            state.changed.push_back((room, profile.id));
            self.news.notify_one();
        }
    }

    /// A connection of the user that had opened the room has gone.
    pub(crate) fn went(&self, room: RoomId, user: UserId) {
        let mut state = self.state.lock();
        let Some(place) = state.place(room, user) else {
            return;
        };
        place.connections -= 1;
        if place.connections == 0 {
            state.changed.push_back((room, user));
            self.news.notify_one();
        }
    }

    /// The readers are being told.
    pub(crate) fn seen(&self, room: RoomId, user: UserId, here: bool) {
        let mut state = self.state.lock();
        let Some(place) = state.place(room, user) else {
            return;
        };
        place.seen = here;
        if here {
            place.waiting.drain(..).for_each(|tell| {
                // Who no longer waits need not be told.
                let _ = tell.send(());
            });
        }
        state.forget_if_gone(room, user);
    }

    /// Waits until the readers know that the user is in the room.
    pub(crate) async fn announced(&self, room: RoomId, user: UserId) {
        let told = {
            let mut state = self.state.lock();
            let Some(place) = state.place(room, user).filter(|place| !place.seen) else {
                return;
            };
            let (tell, told) = oneshot::channel();
            place.waiting.push(tell);
            told
        };
        // A sender that is gone means that the user is gone too: nothing to wait for.
        let _ = told.await;
    }

    /// Those of whom the readers know that they are in the room, by number.
    pub(crate) fn users(&self, room: RoomId) -> Vec<UserId> {
        let state = self.state.lock();
        let places = state.rooms.get(&room).into_iter().flatten();
        let mut users: Vec<_> = places
            .filter(|(_, place)| place.seen)
            .map(|(user, _)| *user)
            .collect();
        users.sort_unstable();
        users
    }

    /// Tells the sink what happens, one thing after the other, for ever.
    pub(crate) async fn run(&self, sink: &dyn PresenceSink) {
        loop {
            while let Some((room, profile, here)) = self.next() {
                sink.attends(&profile, room, here).await;
            }
            self.news.notified().await;
        }
    }

    fn next(&self) -> Option<News> {
        let mut state = self.state.lock();
        while let Some((room, user)) = state.changed.pop_front() {
            let Some(place) = state.place(room, user) else {
                continue;
            };
            let here = place.connections > 0;
            if place.told != here {
                place.told = here;
                return Some((room, Arc::clone(&place.profile), here));
            }
            state.forget_if_gone(room, user);
        }
        None
    }

    /// How many places are remembered.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.state.lock().rooms.values().map(HashMap::len).sum()
    }
}

impl State {
    fn place(&mut self, room: RoomId, user: UserId) -> Option<&mut Place> {
        self.rooms.get_mut(&room)?.get_mut(&user)
    }

    fn forget_if_gone(&mut self, room: RoomId, user: UserId) {
        let Some(places) = self.rooms.get_mut(&room) else {
            return;
        };
        let gone = |place: &Place| place.connections == 0 && !place.told && !place.seen;
        if places.get(&user).is_some_and(gone) {
            places.remove(&user);
        }
        if places.is_empty() {
            self.rooms.remove(&room);
        }
    }
}
