//! Sessions: renewing, listing and ending them. Whoever ends one also tells it,
//! so that its connections close (S4).

use std::time::Duration;

use super::accounts::{hash_token, validate_password};
use super::{Chat, SignedIn};
use crate::event::{EndedSessions, SessionsEnded};
use crate::ports::Rotation;
use crate::session::RefreshClaims;
use crate::{Entity, Error, Event, Result, Session, SessionId, UserId, UserState};

impl Chat {
    /// Exchanges a refresh token. One that was exchanged before ends its
    /// session: somebody else has it.
    ///
    /// # Errors
    /// [`Error::InvalidToken`].
    pub async fn refresh(
        &self,
        refresh_token: &str,
        access_lifetime: Duration,
    ) -> Result<SignedIn> {
        let now = self.now();
        let (new_token, new_hash) = self.new_refresh_token();
        let old_hash = hash_token(refresh_token);
        let expires_at = now.after(self.limits.session_lifetime);
        let rotation = self.store_and_tell(move |store| async move {
            let rotation = store
                .rotate_session(old_hash, new_hash, now, expires_at)
                .await?;
            let event = match &rotation {
                Rotation::Reused(user, session) => {
                    let (user, session) = (*user, *session);
                    tracing::warn!(%user, %session, "a refresh token was used twice");
                    Some(ended(user, EndedSessions::One(session)))
                }
                Rotation::Rotated(..) | Rotation::Unknown => None,
            };
            Ok((rotation, event))
        });
        match rotation.await? {
            Rotation::Rotated(session, user) => {
                self.signed_in(*user, session.id, new_token, access_lifetime)
            }
            Rotation::Reused(..) | Rotation::Unknown => Err(Error::InvalidToken),
        }
    }

    /// The refresh token of a login in the form of a JWT, for clients that know
    /// no other; good for as long as it says, and no longer than the session.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub fn refresh_jwt(&self, login: &SignedIn, lifetime: Duration) -> Result<String> {
        let now = self.now();
        self.ports.tokens.issue_refresh(&RefreshClaims {
            token: login.refresh_token.clone(),
            user_uuid: login.user.profile.uuid,
            issued_at: now,
            expires_at: now.after(lifetime),
        })
    }

    /// The refresh token in a JWT that [`refresh_jwt`](Self::refresh_jwt) made.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] for anything else, and once it has ended.
    pub fn refresh_token_of(&self, jwt: &str) -> Result<String> {
        let claims = self.ports.tokens.verify_refresh(jwt, self.now())?;
        Ok(claims.token)
    }

    /// Ends a session and closes its connections. Ending one that has ended is
    /// no error.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn logout(&self, user: UserId, session: SessionId) -> Result<()> {
        self.end(user, session).await.map(|_| ())
    }

    /// Ends the session of a refresh token; ending one that has ended is no
    /// error.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn logout_by_token(&self, refresh_token: &str) -> Result<()> {
        let (hash, now) = (hash_token(refresh_token), self.now());
        self.store_and_tell(move |store| async move {
            let found = store.end_session_by_token(hash, now).await?;
            let event = found.map(|(user, session)| ended(user, EndedSessions::One(session)));
            Ok(((), event))
        })
        .await
    }

    /// One's own sessions, newest first, at most
    /// [`Limits::page_size`](crate::Limits::page_size) of them.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn sessions(&self, user: UserId) -> Result<Vec<Session>> {
        self.store()
            .sessions(user, self.now(), self.limits.page_size)
            .await
    }

    /// Ends one of one's own sessions.
    ///
    /// # Errors
    /// [`Entity::Session`] not found.
    pub async fn end_session(&self, user: UserId, session: SessionId) -> Result<()> {
        match self.end(user, session).await? {
            true => Ok(()),
            false => Err(Error::NotFound(Entity::Session)),
        }
    }

    async fn end(&self, user: UserId, session: SessionId) -> Result<bool> {
        let now = self.now();
        self.store_and_tell(move |store| async move {
            let done = store.end_session(user, session, now).await?;
            Ok((done, done.then(|| ended(user, EndedSessions::One(session)))))
        })
        .await
    }

    /// Sets a password, as an administrator does; every session but `keep` ends.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a weak one; [`Entity::User`] not found.
    pub async fn set_password(
        &self,
        user: UserId,
        password: String,
        keep: Option<SessionId>,
    ) -> Result<()> {
        validate_password(&password, &self.limits)?;
        let hash = self.ports.passwords.hash(password).await?;
        let now = self.now();
        self.store_and_tell(move |store| async move {
            store.set_password(user, hash, keep, now).await?;
            let which = keep.map_or(EndedSessions::All, EndedSessions::AllBut);
            Ok(((), Some(ended(user, which))))
        })
        .await
    }

    /// Suspends, restores or deletes a user, as an administrator does. All but
    /// restoring end every session.
    ///
    /// # Errors
    /// [`Entity::User`] not found.
    pub async fn set_user_state(&self, user: UserId, state: UserState) -> Result<()> {
        let now = self.now();
        let done = self.store_and_tell(move |store| async move {
            store.set_user_state(user, state, now).await?;
            let ends = state != UserState::Active;
            Ok(((), ends.then(|| ended(user, EndedSessions::All))))
        });
        done.await?;
        self.profiles.remove(&user);
        Ok(())
    }
}

fn ended(user: UserId, which: EndedSessions) -> Event {
    Event::SessionsEnded(SessionsEnded { user, which })
}
