//! Erasing a person: what it said, its files, and all that says who it was. What
//! others said stays, and so do the places of its messages, which others' cursors
//! and answers rest on (`docs/adr/0016-erasure.md`).

use std::sync::Arc;

use futures_util::future::try_join_all;

use super::{ATTEMPTS, Chat, unexpected};
use crate::command::{Command, Outcome, StoreError};
use crate::ports::{FilesPage, Pseudonyms, RoomKey, UserKey};
use crate::{Entity, Error, MessageId, Profile, Result, RoomId, User, UserId, UserState, policy};

/// Messages that are queued to the writer at once.
const AT_ONCE: usize = 64;

/// What becomes of what an erased person said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// Its messages become deleted ones.
    Erased,
    /// They stay, under the pseudonym.
    Kept,
}

/// What was erased.
#[derive(Clone, Debug)]
pub struct Erased {
    /// What is left of the account.
    pub user: User,
    /// Files removed.
    pub files: u64,
    /// Messages emptied.
    pub messages: u64,
}

impl Chat {
    /// Erases a person for good, as whoever runs the server does. Sessions end
    /// first, the name goes last: broken off in between, it is done again with
    /// the same name, and ends as if it had never been.
    ///
    /// # Errors
    /// [`Entity::User`] not found; [`Error::Unavailable`], when a part is done.
    pub async fn erase_user(&self, id: UserId, words: Words) -> Result<Erased> {
        self.set_user_state(id, UserState::Deleted).await?;
        let user = self.store().user(UserKey::Id(id)).await?;
        let user = user.ok_or(Error::NotFound(Entity::User))?;
        let files = self.erase_files(id).await?;
        let messages = match words {
            Words::Erased => self.erase_messages(&Arc::new(user.profile.clone())).await?,
            Words::Kept => 0,
        };
        let uuid = user.profile.uuid;
        let names = Pseudonyms {
            usernames: vec![format!("borrado-{id}"), format!("borrado-{uuid}")],
            handles: vec![id.to_string(), uuid.to_string()],
        };
        let user = self.store().erase_user(id, names, self.now()).await?;
        self.profiles.remove(&id);
        self.sweep_files().await?;
        tracing::info!(user = id.0, files, messages, "erased a user");
        Ok(Erased {
            user,
            files,
            messages,
        })
    }

    async fn erase_files(&self, id: UserId) -> Result<u64> {
        let page = FilesPage {
            before: None,
            skip: 0,
            limit: self.limits.page_size,
        };
        let mut count = 0;
        loop {
            let files = self.files_of(id, page).await?;
            if files.is_empty() {
                return Ok(count);
            }
            for file in &files {
                match self.delete_file(id, file.id).await {
                    Ok(()) | Err(Error::NotFound(Entity::File)) => count += 1,
                    Err(error) => return Err(error),
                }
            }
        }
    }

    async fn erase_messages(&self, author: &Arc<Profile>) -> Result<u64> {
        let mut count = 0;
        let mut after = MessageId(0);
        loop {
            let page = self.store().own_messages(author.id, after).await?;
            for some in page.found.chunks(AT_ONCE) {
                let each = some.iter().map(|place| self.erase_message(author, *place));
                let closed: Vec<_> = try_join_all(each).await?;
                let closed: Vec<_> = closed.into_iter().flatten().collect();
                if !closed.is_empty() {
                    let emptied = self.store().empty_in_closed_rooms(&closed, self.now());
                    emptied.await?;
                }
                count += some.len() as u64;
            }
            match page.next {
                Some(next) => after = next,
                None => return Ok(count),
            }
        }
    }

    /// Deletes a message as its author would; gives it back where its room is
    /// closed.
    async fn erase_message(
        &self,
        author: &Arc<Profile>,
        (room, message): (RoomId, MessageId),
    ) -> Result<Option<MessageId>> {
        for _ in 0..ATTEMPTS {
            let found = self.store().authority(RoomKey::Id(room), author.id).await?;
            let Some(authority) = found else {
                return Ok(Some(message));
            };
            let delete = Command::Delete {
                permit: policy::erased(&authority, author.id, message),
                at: self.now(),
            };
            match self.commit(delete, author).await {
                Ok(Outcome::Deleted { .. } | Outcome::Unchanged) => return Ok(None),
                Ok(other) => match unexpected(&other) {
                    StoreError::Failed(error) => return Err(error),
                    StoreError::Stale => {}
                },
                Err(StoreError::Failed(error)) => return Err(error),
                Err(StoreError::Stale) => self.authorities.forget(room),
            }
        }
        Err(super::changing(room))
    }
}
