//! Logins that somebody else ended: an administrator's command, another node.
//! This process hears nothing of it, and must close their connections all the
//! same (S4).

use std::sync::Arc;

use super::Chat;
use crate::event::{EndedSessions, SessionsEnded};
use crate::{Error, Event, Identity, Profile, Result, SessionId};

impl Chat {
    /// See [`Store::foreign_writes`](crate::Store::foreign_writes).
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn foreign_writes(&self) -> Result<i64> {
        self.store().foreign_writes().await
    }

    /// Reads every profile anew from now on: another process may have changed
    /// them, or erased whose they were, and nobody says which. Forgetting costs
    /// nothing by itself; each person who is spoken of afterwards is read once
    /// more, those of one answer together. So whoever hears of changes all the
    /// time calls this at most once a second.
    pub fn forget_profiles(&self) {
        self.profiles.clear();
    }

    /// Closes the connections of a login if it has ended, or its user may no
    /// longer sign in. `session` is none for a login that no session of ours
    /// admitted.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; nothing is closed then.
    pub async fn close_if_ended(
        &self,
        user: &Arc<Profile>,
        session: Option<SessionId>,
    ) -> Result<()> {
        let identity = Identity {
            profile: Arc::clone(user),
            session,
            expires_at: self.now(),
        };
        match self.recheck(&identity).await {
            Err(Error::InvalidToken) => {
                let ended = SessionsEnded {
                    user: user.id,
                    which: session.map_or(EndedSessions::All, EndedSessions::One),
                };
                self.publish(Event::SessionsEnded(ended)).await;
                Ok(())
            }
            other => other,
        }
    }
}
