//! Finding people, and changing one's own account.

use std::sync::Arc;

use super::Chat;
use super::accounts::{validate_display_name, validate_email, validate_username};
use crate::ports::UserKey;
use crate::user::UserPatch;
use crate::{Entity, Error, Event, Profile, Reason, Result, User, UserId, UserState};

impl Chat {
    /// What others may see of a user.
    ///
    /// # Errors
    /// [`Entity::User`] not found.
    pub async fn profile(&self, id: UserId) -> Result<Arc<Profile>> {
        if let Some(profile) = self.profiles.get(&id) {
            return Ok(profile);
        }
        let mut read = self.store().profiles(&[id]).await?;
        read.pop()
            .map(|profile| self.remember(profile))
            .ok_or(Error::NotFound(Entity::User))
    }

    /// The same profile as it is by now: whoever keeps one for long, such as a
    /// connection, asks before each use. Waits for the store only when it has
    /// not been used for long, and gives back `known` when that fails.
    pub async fn current(&self, known: &Arc<Profile>) -> Arc<Profile> {
        let current = self.profile(known.id).await;
        current.unwrap_or_else(|error| {
            tracing::warn!(%error, user = known.id.0, "a profile could not be read anew");
            Arc::clone(known)
        })
    }

    /// What others may see of users; those that do not exist are left out.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn profiles(&self, ids: &[UserId]) -> Result<Vec<Arc<Profile>>> {
        let mut found = Vec::with_capacity(ids.len());
        let mut missing = Vec::new();
        for id in ids {
            match self.profiles.get(id) {
                Some(profile) => found.push(profile),
                None => missing.push(*id),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        for profile in self.store().profiles(&missing).await? {
            found.push(self.remember(profile));
        }
        Ok(found)
    }

    /// An active user by any of its names.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn find_user(&self, key: UserKey) -> Result<Option<Arc<Profile>>> {
        let user = self.store().user(key).await?;
        Ok(user
            .filter(|user| user.state == UserState::Active)
            .map(|user| self.remember(user.profile)))
    }

    /// Active users whose username or display name starts with `prefix`, by
    /// number, after `after`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an over-long prefix.
    pub async fn search_users(
        &self,
        prefix: &str,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<User>> {
        let most = self.limits.display_name_chars;
        if prefix.chars().count() > most {
            return Err(Error::invalid("query", Reason::TooLong { max: most }));
        }
        self.store()
            .search_users(prefix.trim(), after, limit.clamp(1, self.limits.page_size))
            .await
    }

    /// Users in any state as their owners may see them; what a dialect shows of them
    /// to others is no more than [`Profile`] and times. Those that do not exist are
    /// left out.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn users(&self, ids: &[UserId]) -> Result<Vec<User>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.store().users(ids).await
    }

    /// Active users by number: `limit` of them after `skip`. The limit is brought
    /// within 1 and [`Limits::page_size`](crate::Limits::page_size).
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn users_by_number(&self, skip: usize, limit: usize) -> Result<Vec<User>> {
        let limit = limit.clamp(1, self.limits.page_size);
        self.store().users_by_number(skip, limit).await
    }

    /// A user by any of its names, in whatever state, as an administrator sees
    /// it.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn user(&self, key: UserKey) -> Result<Option<User>> {
        self.store().user(key).await
    }

    /// One's own account.
    ///
    /// # Errors
    /// [`Entity::User`] not found.
    pub async fn account(&self, id: UserId) -> Result<User> {
        self.store()
            .user(UserKey::Id(id))
            .await?
            .ok_or(Error::NotFound(Entity::User))
    }

    /// Changes one's own account.
    ///
    /// # Errors
    /// [`Error::Invalid`] by field;
    /// [`Conflict::UsernameTaken`](crate::Conflict::UsernameTaken),
    /// [`Conflict::EmailTaken`](crate::Conflict::EmailTaken).
    pub async fn update_account(&self, id: UserId, patch: UserPatch) -> Result<User> {
        let patch = self.validate_patch(patch)?;
        let (now, profiles) = (self.now(), Arc::clone(&self.profiles));
        self.store_and_tell(move |store| async move {
            let user = store.update_user(id, patch, now).await?;
            let profile = Arc::new(user.profile.clone());
            profiles.insert(id, Arc::clone(&profile));
            Ok((user, Some(Event::ProfileChanged(profile))))
        })
        .await
    }

    fn validate_patch(&self, patch: UserPatch) -> Result<UserPatch> {
        let email = match patch.email {
            Some(Some(email)) => Some(Some(validate_email(&email, &self.limits)?)),
            other => other,
        };
        if let Some(Some(url)) = &patch.avatar_url {
            validate_url("avatar_url", url)?;
        }
        Ok(UserPatch {
            username: patch
                .username
                .map(|name| validate_username(&name, &self.limits))
                .transpose()?,
            display_name: patch
                .display_name
                .map(|name| validate_display_name(&name, &self.limits))
                .transpose()?,
            email,
            avatar_url: patch.avatar_url,
        })
    }

    pub(super) fn remember(&self, profile: Profile) -> Arc<Profile> {
        if let Some(known) = self
            .profiles
            .get(&profile.id)
            .filter(|known| **known == profile)
        {
            return known;
        }
        let profile = Arc::new(profile);
        self.profiles.insert(profile.id, Arc::clone(&profile));
        profile
    }
}

/// An address that a browser may load: `http`, `https` or our own path.
fn validate_url(field: &'static str, url: &str) -> Result<()> {
    const MOST: usize = 2_048;
    if url.len() > MOST {
        return Err(Error::invalid(field, Reason::TooLong { max: MOST }));
    }
    let known = ["https://", "http://", "/"]
        .iter()
        .any(|start| url.starts_with(start));
    if !known || url.starts_with("//") || url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Error::invalid(field, Reason::Malformed));
    }
    Ok(())
}
