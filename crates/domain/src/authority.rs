//! What permissions rest on, kept in memory: membership on the hot path without
//! a question to the store (`design.md` §3).
//!
//! An entry holds one version of a room's members. It may be out of date: every
//! write and every read of a room compares the permit's version in its own
//! transaction, and a stale one comes back here through [`Authorities::forget`].

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use uuid::Uuid;

use crate::cache::Cache;
use crate::policy::Authority;
use crate::ports::{ReadStore, RoomKey};
use crate::{Entity, Error, Membership, Result, Revision, Room, RoomEvent, RoomId, UserId};

/// Rooms whose members are remembered; the least recently used goes first.
const ROOMS: usize = 100_000;

/// Users that are remembered of one room, members or not.
const USERS: usize = 16_384;

pub(crate) struct Authorities {
    store: Arc<dyn ReadStore>,
    rooms: Cache<RoomId, Arc<Mutex<RoomEntry>>>,
    ids: Cache<Uuid, RoomId>,
}

/// The users of one room that somebody asked for, at one version.
#[derive(Default)]
struct RoomEntry {
    room: Option<Arc<Room>>,
    version: Option<Revision>,
    members: HashMap<UserId, Option<Membership>>,
}

impl RoomEntry {
    fn authority(&self, user: UserId) -> Option<Authority> {
        let membership = self.members.get(&user)?.clone();
        Some(Authority {
            room: Arc::clone(self.room.as_ref()?),
            version: self.version?,
            membership,
        })
    }

    fn remember(&mut self, authority: &Authority, user: UserId) {
        if self.version > Some(authority.version) {
            return;
        }
        if self.version < Some(authority.version) || self.room.is_none() {
            self.version = Some(authority.version);
            self.room = Some(Arc::clone(&authority.room));
            self.members.clear();
        }
        if self.members.len() >= USERS {
            self.members.clear();
        }
        self.members.insert(user, authority.membership.clone());
    }
}

impl Authorities {
    pub(crate) fn new(store: Arc<dyn ReadStore>) -> Self {
        Self {
            store,
            rooms: Cache::new(ROOMS),
            ids: Cache::new(ROOMS),
        }
    }

    /// What `user`'s permissions in the room rest on.
    pub(crate) async fn get(&self, key: RoomKey, user: UserId) -> Result<Authority> {
        if let Some(known) = self.known(key, user) {
            return Ok(known);
        }
        let authority = self
            .store
            .authority(key, user)
            .await?
            .ok_or(Error::NotFound(Entity::Room))?;
        let id = authority.room.id;
        self.ids.insert(authority.room.uuid, id);
        let entry = self.rooms.get_or_default(&id);
        entry.lock().remember(&authority, user);
        Ok(authority)
    }

    fn known(&self, key: RoomKey, user: UserId) -> Option<Authority> {
        let id = match key {
            RoomKey::Id(id) => id,
            RoomKey::Uuid(uuid) => self.ids.get(&uuid)?,
        };
        self.rooms.get(&id)?.lock().authority(user)
    }

    /// Drops what is known of a room: the store said it is out of date.
    pub(crate) fn forget(&self, room: RoomId) {
        self.rooms.remove(&room);
    }

    /// Takes in a committed event: from now on nobody is answered from an older
    /// version, also when an older answer of the store arrives later. Its permit
    /// may be older than the room's last change of words; then the event gets
    /// the room as it is now.
    pub(crate) fn observe(&self, event: &mut RoomEvent) {
        let entry = self.rooms.get_or_default(&event.room.id);
        let mut entry = entry.lock();
        if entry.version < Some(event.members_version) {
            entry.version = Some(event.members_version);
            entry.members.clear();
        }
        match &entry.room {
            Some(known) if known.updated_at > event.room.updated_at => {
                event.room = Arc::clone(known);
            }
            _ => entry.room = Some(Arc::clone(&event.room)),
        }
    }
}
