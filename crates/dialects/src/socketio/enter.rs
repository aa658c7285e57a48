//! How a socket comes to speak for a user.

use std::time::Duration;

use serde_json::{Map, Value};
use tertulia_domain::Error;
use tertulia_domain::ports::Heads;
use tertulia_hub::{Attachment, Follow, Refused};
use tokio::time::Instant;

use super::client::ChatClient;
use super::identity::{self, Admitted};

/// A connection lives no longer than this, whatever its token says.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Whom a socket speaks for.
pub(super) struct Bound {
    pub(super) who: Admitted,
    /// When the proof ends, and the connection with it.
    pub(super) ends_at: Instant,
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
    /// Lets the socket speak for the user that it says it is. Returns where the
    /// user's rooms stand; their events are held back until it goes live.
    pub(super) async fn enter(&mut self, auth: &Map<String, Value>) -> Result<Heads, Unwelcome> {
        let context = &self.context;
        let who = self.caller.identify(context, auth).await?;
        let identity = &who.identity;
        context.wait_for_turn(identity.user()).await;
        let attachment = Attachment {
            user: identity.profile.clone(),
            session: identity.session,
            codec: context.codecs.socketio,
            deflate: self.deflate,
            follow: Follow::AllRooms,
        };
        self.link.attach(attachment)?;
        // A login that ended before the socket was attached is told to nobody.
        context.chat.recheck(identity).await?;
        let most = context.settings.rooms_per_connection;
        let read = || context.chat.heads(identity.user(), most);
        let heads = self.link.follow(read).await?;
        self.link.announced().await;
        let lifetime = context.chat.now().until(identity.expires_at);
        self.seat = None;
        self.bound = Some(Bound {
            ends_at: Instant::now() + lifetime.min(LONGEST),
            who,
        });
        Ok(heads)
    }

    /// Whether the client means itself by this id.
    pub(super) fn is_self(&self, id: &str) -> bool {
        let bound = self.bound.as_ref();
        bound.is_some_and(|bound| bound.who.is_self(id))
    }
}
