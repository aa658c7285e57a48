//! Who listens to which room.
//!
//! The lists are spread over shards, each behind its own short lock. Whatever changes a list, and
//! the connection's own note of it, happens under the room's lock.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tertulia_domain::{Position, RoomId};

use crate::{
    codec::Facet,
    gate::{Listener, Released},
    link::{Core, Enlisted, Refused},
    outbox::Wakes,
};

const SHARDS: usize = 64;

/// The listeners of every room that has any.
pub(crate) struct Rooms {
    shards: Vec<Mutex<Shard>>,
}

type Shard = HashMap<RoomId, Entry>;

/// A room that has listeners.
#[derive(Default)]
struct Entry {
    listeners: Vec<Listener>,
    /// Where the room stood after the last stored event that was delivered while it had any.
    delivered: Option<Position>,
}

impl Rooms {
    pub(crate) fn new() -> Self {
        Self {
            shards: std::iter::repeat_with(Mutex::default)
                .take(SHARDS)
                .collect(),
        }
    }

    fn shard(&self, room: RoomId) -> &Mutex<Shard> {
        &self.shards[room.0.unsigned_abs() as usize % SHARDS]
    }

    /// Runs `change` on the room's list under its lock. A room without listeners is passed over
    /// unless `create`, and does not stay.
    pub(crate) fn with<T: Default>(
        &self,
        room: RoomId,
        create: bool,
        change: impl FnOnce(&mut Vec<Listener>) -> T,
    ) -> T {
        let mut shard = self.shard(room).lock();
        if !create && !shard.contains_key(&room) {
            return T::default();
        }
        let entry = shard.entry(room).or_default();
        let result = change(&mut entry.listeners);
        if entry.listeners.is_empty() {
            shard.remove(&room);
        }
        result
    }

    /// As [`with`](Self::with), for the delivery of a stored event that brings the room to `at`.
    pub(crate) fn deliver(
        &self,
        room: RoomId,
        at: Position,
        create: bool,
        deliver: impl FnOnce(&mut Vec<Listener>),
    ) {
        let mut shard = self.shard(room).lock();
        if !create && !shard.contains_key(&room) {
            return;
        }
        let entry = shard.entry(room).or_default();
        let is_news = |known: Position| known.step() < at.step();
        if entry.delivered.is_none_or(is_news) {
            entry.delivered = Some(at);
        }
        deliver(&mut entry.listeners);
        if entry.listeners.is_empty() {
            shard.remove(&room);
        }
    }

    /// See [`Link::delivered`](crate::link::Link::delivered).
    pub(crate) fn delivered(&self, room: RoomId) -> Option<Position> {
        let shard = self.shard(room).lock();
        shard.get(&room)?.delivered
    }

    /// See [`Link::subscribe`](crate::link::Link::subscribe).
    pub(crate) fn subscribe(
        &self,
        room: RoomId,
        core: &Arc<Core>,
        most: usize,
    ) -> Result<(), Refused> {
        self.listen(room, core, most, |new| {
            Listener::held(core, new.user, new.wire)
        })
    }

    /// Listens to a room from a known position on, unless the connection listens already.
    pub(crate) fn listen_from(
        &self,
        room: RoomId,
        core: &Arc<Core>,
        known: Position,
        most: usize,
    ) -> Result<(), Refused> {
        self.listen(room, core, most, |new| {
            Listener::live(core, new.user, new.wire, known)
        })
    }

    fn listen(
        &self,
        room: RoomId,
        core: &Core,
        most: usize,
        listener: impl FnOnce(&Enlisted) -> Listener,
    ) -> Result<(), Refused> {
        self.with(room, true, |listeners| {
            let new = core.enlist(room, most);
            let new = new.map(|new| listeners.extend(new.as_ref().map(listener)));
            Some(new)
        })
        .unwrap_or(Ok(()))
    }

    /// See [`Link::unsubscribe`](crate::link::Link::unsubscribe).
    pub(crate) fn unsubscribe(&self, room: RoomId, core: &Arc<Core>) {
        self.with(room, false, |listeners| {
            if let Some(at) = find(listeners, core) {
                listeners.swap_remove(at);
                core.strike(room);
            }
        });
    }

    /// Takes a connection off the list that has forgotten the room already.
    pub(crate) fn remove_listener(&self, room: RoomId, core: &Arc<Core>) {
        self.with(room, false, |listeners| {
            if let Some(at) = find(listeners, core) {
                listeners.swap_remove(at);
            }
        });
    }

    /// See [`Link::change_facet`](crate::link::Link::change_facet).
    pub(crate) fn change_facet(
        &self,
        room: RoomId,
        core: &Arc<Core>,
        change: impl FnOnce(Facet) -> Facet,
    ) -> bool {
        self.with(room, false, |listeners| {
            let found = find(listeners, core).map(|at| &mut listeners[at]);
            found
                .map(|listener| listener.set_facet(change(listener.facet())))
                .is_some()
        })
    }

    /// See [`Link::hold`](crate::link::Link::hold).
    pub(crate) fn hold(&self, room: RoomId, core: &Arc<Core>) -> bool {
        self.with(room, false, |listeners| {
            let found = find(listeners, core);
            found.inspect(|at| listeners[*at].hold()).is_some()
        })
    }

    /// See [`Link::release`](crate::link::Link::release).
    pub(crate) fn release(
        &self,
        room: RoomId,
        core: &Arc<Core>,
        reached: Position,
        wakes: &mut Wakes,
    ) -> Released {
        self.open(room, core, |listener| {
            listener.release(Some(reached), wakes)
        })
    }

    /// See [`Link::enter`](crate::link::Link::enter).
    pub(crate) fn enter(
        &self,
        room: RoomId,
        core: &Arc<Core>,
        known: Position,
        guest: bool,
        wakes: &mut Wakes,
    ) -> Released {
        self.open(room, core, |listener| listener.enter(known, guest, wakes))
    }

    /// See [`Link::listens_to`](crate::link::Link::listens_to).
    pub(crate) fn has(&self, room: RoomId, core: &Arc<Core>) -> bool {
        self.with(room, false, |listeners| find(listeners, core).is_some())
    }

    /// See [`Link::release_ended`](crate::link::Link::release_ended).
    pub(crate) fn release_ended(
        &self,
        room: RoomId,
        core: &Arc<Core>,
        reached: Position,
        wakes: &mut Wakes,
    ) -> bool {
        self.with(room, false, |listeners| {
            let at = find(listeners, core)?;
            let ended = listeners[at].release_ended(reached, wakes);
            if ended {
                listeners.swap_remove(at);
                core.strike(room);
            }
            Some(ended)
        })
        .unwrap_or_default()
    }

    /// See [`Link::reopen`](crate::link::Link::reopen).
    pub(crate) fn reopen(&self, room: RoomId, core: &Arc<Core>, wakes: &mut Wakes) -> Released {
        self.open(room, core, |listener| listener.reopen(wakes))
    }

    fn open(
        &self,
        room: RoomId,
        core: &Arc<Core>,
        open: impl FnOnce(&mut Listener) -> Released,
    ) -> Released {
        self.with(room, false, |listeners| {
            let at = find(listeners, core)?;
            Some(open_at(listeners, at, room, open))
        })
        .unwrap_or(Released::Gone)
    }

    /// Opens a gate at the end of the login: at the room's head; or, where the user joined too
    /// late to stand in the list of heads, with everything that is held; else lets the room go.
    /// The same, without a head, when a catch-up finds that the membership has ended.
    pub(crate) fn settle(
        &self,
        room: RoomId,
        core: &Arc<Core>,
        head: Option<Position>,
        wakes: &mut Wakes,
    ) -> Released {
        self.with(room, false, |listeners| {
            let at = find(listeners, core)?;
            let listener = &listeners[at];
            if listener.is_held() && head.is_none() && !listener.has_joined() {
                listeners.swap_remove(at);
                core.strike(room);
                return None;
            }
            Some(open_at(listeners, at, room, |listener| {
                listener.release(head, wakes)
            }))
        })
        .unwrap_or(Released::Gone)
    }
}

fn open_at(
    listeners: &mut Vec<Listener>,
    at: usize,
    room: RoomId,
    open: impl FnOnce(&mut Listener) -> Released,
) -> Released {
    let released = open(&mut listeners[at]);
    if released == Released::Gone {
        let listener = listeners.swap_remove(at);
        listener.core.strike(room);
    }
    released
}

/// Looked for from the end, where those who came last stand: they are the ones that log in.
fn find(listeners: &[Listener], core: &Arc<Core>) -> Option<usize> {
    listeners
        .iter()
        .rposition(|listener| Arc::ptr_eq(&listener.core, core))
}
