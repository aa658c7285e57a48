//! How a socket comes to speak for a user.

use std::time::Duration;

use serde_json::{Map, Value};
use tertulia_domain::ports::Heads;
use tertulia_domain::{Error, Identity};
use tertulia_hub::{Attachment, Follow, Refused};
use tokio::time::Instant;

use super::client::ChatClient;
use super::identity::{self, Admitted};
use super::recovery::{Brought, Returning};
use super::view::Spoken;
use crate::common::entering::Entry;

/// A connection lives no longer than this, whatever its token says.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Whom a socket speaks for.
pub(super) struct Bound {
    pub(super) who: Admitted,
    /// When the proof ends, and the connection with it.
    pub(super) ends_at: Instant,
}

/// What is known of a client that was let in, until it goes live.
pub(super) struct Entered {
    /// Where the user's rooms stand.
    pub(super) heads: Heads,
    /// What it missed, when it came back.
    pub(super) returning: Option<Returning>,
    /// Its turn, which lasts until it is told.
    pub(super) entry: Entry,
}

/// Why a client is not let in. It is told no reason; the log is.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unwelcome {
    /// Who it is is not accepted.
    #[error(transparent)]
    Identity(#[from] identity::Refused),
    /// There is no place for it.
    #[error(transparent)]
    NoPlace(#[from] Refused),
}

impl From<Error> for Unwelcome {
    fn from(error: Error) -> Self {
        Self::Identity(error.into())
    }
}

impl Unwelcome {
    /// Says it where an operator sees it.
    pub(super) fn note(&self) {
        match self {
            Self::Identity(refused) => refused.note(),
            Self::NoPlace(refused) => {
                tracing::info!(reason = %refused, "a Socket.IO client was refused");
            }
        }
    }
}

impl ChatClient {
    /// Lets the socket speak for the user that it says it is. The events of the
    /// user's rooms are held back until it goes live.
    pub(super) async fn enter(
        &mut self,
        auth: &Map<String, Value>,
        mut entry: Entry,
    ) -> Result<Entered, Unwelcome> {
        let who = self.caller.identify(&self.context, auth).await?;
        let identity = &who.identity;
        let user = identity.user();
        self.context.wait_while_entering(user, &mut entry).await;
        let back = match self.brought(user, auth) {
            Some(brought) => self.come_back(identity, brought).await?,
            None => None,
        };
        let (heads, returning) = match back {
            Some((heads, returning)) => (heads, Some(returning)),
            None => (self.come(identity).await?, None),
        };
        self.link.announced().await;
        let lifetime = self.context.chat.now().until(identity.expires_at);
        self.seat = None;
        self.bound = Some(Bound {
            ends_at: Instant::now() + lifetime.min(LONGEST),
            who,
        });
        Ok(Entered {
            heads,
            returning,
            entry,
        })
    }

    /// Comes for the first time.
    async fn come(&mut self, identity: &Identity) -> Result<Heads, Unwelcome> {
        self.attach(identity).await?;
        let heads = self.listen(identity).await?;
        self.keep(&heads);
        Ok(heads)
    }

    /// Comes back, unless what the client brought along is of no use by now.
    async fn come_back(
        &mut self,
        identity: &Identity,
        brought: Brought,
    ) -> Result<Option<(Heads, Returning)>, Unwelcome> {
        self.attach(identity).await?;
        self.speak_again(&brought);
        let heads = self.listen(identity).await?;
        let Some(returning) = self.take_up(identity.user(), brought, &heads).await? else {
            self.link.detach();
            self.set_spoken(Spoken::default());
            return Ok(None);
        };
        Ok(Some((heads, returning)))
    }

    async fn attach(&self, identity: &Identity) -> Result<(), Unwelcome> {
        let attachment = Attachment {
            user: identity.profile.clone(),
            session: identity.session,
            codec: self.context.codecs.socketio,
            deflate: self.deflate,
            follow: Follow::AllRooms,
        };
        self.link.attach(attachment)?;
        // A login that ended before the socket was attached is told to nobody.
        Ok(self.context.chat.recheck(identity).await?)
    }

    async fn listen(&self, identity: &Identity) -> Result<Heads, Unwelcome> {
        let most = self.context.settings.rooms_per_connection;
        let read = || self.context.chat.heads(identity.user(), most);
        Ok(self.link.follow(read).await?)
    }

    /// Whether the client means itself by this id.
    pub(super) fn is_self(&self, id: &str) -> bool {
        let bound = self.bound.as_ref();
        bound.is_some_and(|bound| bound.who.is_self(id))
    }
}
