//! The sessions that began over polling, by their names. One on a WebSocket
//! from the first has no need of it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::socketio::engine::polling::Polling;
use crate::socketio::engine::session::new_sid;

/// The sessions of one door.
pub(super) struct Sessions {
    most: usize,
    by_sid: Mutex<HashMap<Arc<str>, Arc<Polling>>>,
}

/// A session's entry; dropping it takes the session off the list.
pub(super) struct Entry {
    sessions: Arc<Sessions>,
    sid: Arc<str>,
}

impl Sessions {
    /// So many at once.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            by_sid: Mutex::default(),
        })
    }

    /// Puts a session on the list, under a new name; none when the list is full.
    pub(super) fn enter(self: &Arc<Self>, polling: &Arc<Polling>) -> Option<Entry> {
        let sid: Arc<str> = new_sid().into();
        let mut by_sid = self.by_sid.lock();
        if by_sid.len() >= self.most {
            return None;
        }
        by_sid.insert(Arc::clone(&sid), Arc::clone(polling));
        Some(Entry {
            sessions: Arc::clone(self),
            sid,
        })
    }

    /// The session of this name, unless it is over.
    pub(super) fn find(&self, sid: &str) -> Option<Arc<Polling>> {
        let polling = self.by_sid.lock().get(sid).map(Arc::clone)?;
        (!polling.is_over()).then_some(polling)
    }
}

impl Entry {
    pub(super) fn sid(&self) -> &str {
        &self.sid
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let removed = self.sessions.by_sid.lock().remove(&self.sid);
        drop(removed);
    }
}

#[cfg(test)]
mod tests {
    use tertulia_hub::{Outbox, OutboxLimits};

    use super::*;
    use crate::socketio::engine::session::EngineSettings;

    #[test]
    fn there_are_so_many_at_once_and_none_is_left_behind() {
        let sessions = Sessions::new(2);
        let outbox = Outbox::new(OutboxLimits::default());
        let polling = Polling::new(&EngineSettings::default(), outbox);
        let one = sessions.enter(&polling).expect("there is room");
        let two = sessions.enter(&polling).expect("there is room");
        assert_ne!(one.sid(), two.sid());
        assert!(sessions.enter(&polling).is_none());
        assert!(sessions.find(one.sid()).is_some());
        let sid = one.sid().to_owned();
        drop(one);
        assert!(sessions.find(&sid).is_none());
        assert!(sessions.enter(&polling).is_some());
        drop(two);
        assert!(sessions.by_sid.lock().is_empty());
    }
}
