//! The names by which Socket.IO clients know people (`design.md` §5).
//!
//! Those clients know one text for each person, `user_id`, and the app made it
//! up. Two people must never share one, and nobody may come into somebody
//! else's: so everybody has a handle, chosen when the user is made and never
//! changed, and no two have the same (`docs/adr/0007-handles.md`).

use uuid::Uuid;

use super::Chat;
use crate::ports::UserKey;
use crate::{Profile, Result, User, UserId};

impl Chat {
    /// Whom a Socket.IO id names, in whatever state: by its handle, else a user
    /// of ours by its username (only what is no number), else by its external
    /// id.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    pub async fn user_named(&self, name: &str) -> Result<Option<User>> {
        let name = name.trim();
        let by_handle = self.store().user(UserKey::Handle(name.to_owned())).await?;
        if by_handle.is_some() {
            return Ok(by_handle);
        }
        let by_username = self.named_by_username(name).await?;
        if by_username.is_some() {
            return Ok(by_username);
        }
        self.store().user(UserKey::External(name.to_owned())).await
    }

    /// Whether somebody may be called so by an app that has proved who it is:
    /// any of its names, also one that is another's for everybody else.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    pub async fn is_called(&self, user: &Profile, name: &str) -> Result<bool> {
        let name = name.trim();
        let is_known = name == user.handle
            || name == user.id.to_string()
            || name.eq_ignore_ascii_case(&user.uuid.to_string())
            || name.to_lowercase() == user.username.to_lowercase();
        if is_known {
            return Ok(true);
        }
        let account = self.store().user(UserKey::Id(user.id)).await?;
        let external_id = account.and_then(|account| account.external_id);
        Ok(external_id.as_deref() == Some(name))
    }

    /// What may become the handle of a user about to be made, the best first:
    /// the app's own id unless it names somebody already, else the number. The
    /// UUID is for the moment in which somebody else gets that number as a name.
    pub(super) async fn handles(
        &self,
        id: UserId,
        uuid: Uuid,
        external_id: Option<&str>,
    ) -> Result<Vec<String>> {
        let mut handles = Vec::with_capacity(3);
        if let Some(external_id) = external_id
            && self.named_by_username(external_id).await?.is_none()
        {
            handles.push(external_id.to_owned());
        }
        handles.extend([id.to_string(), uuid.to_string()]);
        Ok(handles)
    }

    /// A user whom no app brought along. What such users are called among people
    /// names them as long as nobody's handle says the same.
    async fn named_by_username(&self, name: &str) -> Result<Option<User>> {
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(None);
        }
        let user = self
            .store()
            .user(UserKey::Username(name.to_owned()))
            .await?;
        Ok(user.filter(|user| user.external_id.is_none()))
    }
}
