//! Who is there: derived from live connections, never stored, so a crash leaves
//! nobody online.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::{Status, UserId};

/// The users with at least one live connection, and the status each chose.
#[derive(Default)]
pub(crate) struct PresenceBoard {
    present: Mutex<HashMap<UserId, Status>>,
}

impl PresenceBoard {
    /// The first connection came. False when the user was there already.
    pub(crate) fn arrived(&self, user: UserId) -> bool {
        let mut present = self.present.lock();
        if present.contains_key(&user) {
            return false;
        }
        present.insert(user, Status::Online);
        true
    }

    /// The last connection went; what the user looked like until then.
    pub(crate) fn went(&self, user: UserId) -> Option<Status> {
        self.present.lock().remove(&user)
    }

    /// The user chose a status. False when it is not there.
    pub(crate) fn choose(&self, user: UserId, status: Status) -> bool {
        match self.present.lock().get_mut(&user) {
            Some(chosen) => {
                *chosen = status;
                true
            }
            None => false,
        }
    }

    pub(crate) fn status(&self, user: UserId) -> Status {
        self.present
            .lock()
            .get(&user)
            .copied()
            .unwrap_or(Status::Offline)
    }

    pub(crate) fn count(&self) -> usize {
        self.present.lock().len()
    }
}
