//! What a member keeps for itself about a room, such as its colours.

use std::collections::HashMap;
use std::sync::Arc;

use super::{ATTEMPTS, Chat, authorized, changing};
use crate::command::StoreError;
use crate::ports::RoomKey;
use crate::{Error, Metadata, Profile, Reason, Result, RoomId, UserId, policy};

impl Chat {
    /// What the user keeps about those of the rooms about which it keeps
    /// something.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn member_settings(
        &self,
        user: UserId,
        rooms: &[RoomId],
    ) -> Result<HashMap<RoomId, Metadata>> {
        let kept = self.store().member_settings(user, rooms).await?;
        Ok(kept.into_iter().collect())
    }

    /// Keeps something for the member about the room, in place of what was kept.
    ///
    /// # Errors
    /// By [`policy::may_read`]; [`Error::Invalid`] `settings` for more than
    /// [`Limits::metadata_bytes`](crate::Limits::metadata_bytes) of JSON.
    pub async fn set_member_settings(
        &self,
        member: &Arc<Profile>,
        room: impl Into<RoomKey>,
        settings: Metadata,
    ) -> Result<()> {
        let max = self.limits.metadata_bytes;
        if settings.json().len() > max {
            return Err(Error::invalid("settings", Reason::TooLong { max }));
        }
        authorized!(self, room, member.id, |authority| {
            let permit = policy::may_read(&authority, member.id)?;
            self.store()
                .set_member_settings(&permit, settings.clone(), self.now())
                .await
        })
    }
}
