//! The connections of each user.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tertulia_domain::UserId;

use crate::{
    hub::HubSettings,
    link::{Core, Refused},
};

/// The connections of every user that has any.
#[derive(Default)]
pub(crate) struct Users {
    connections: Mutex<HashMap<UserId, Vec<Arc<Core>>>>,
}

impl Users {
    pub(crate) fn add(
        &self,
        user: UserId,
        core: &Arc<Core>,
        settings: &HubSettings,
    ) -> Result<(), Refused> {
        let mut connections = self.connections.lock();
        let of_user = connections.entry(user).or_default();
        if of_user.len() >= settings.connections_per_user {
            return Err(Refused::TooManyConnections);
        }
        of_user.reserve_exact(1);
        of_user.push(Arc::clone(core));
        Ok(())
    }

    pub(crate) fn remove(&self, user: UserId, core: &Arc<Core>) {
        let mut connections = self.connections.lock();
        let Some(of_user) = connections.get_mut(&user) else {
            return;
        };
        of_user.retain(|known| !Arc::ptr_eq(known, core));
        if of_user.is_empty() {
            connections.remove(&user);
        }
    }

    pub(crate) fn get(&self, user: UserId) -> Vec<Arc<Core>> {
        self.connections
            .lock()
            .get(&user)
            .cloned()
            .unwrap_or_default()
    }

    pub(crate) fn count(&self) -> usize {
        self.connections.lock().len()
    }
}
