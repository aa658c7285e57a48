//! What every dialect needs and no dialect owns: the shared context, the way
//! from a request to a connection, bounded JSON, rates, origins, the client's
//! address, times.

pub mod body;
pub mod called;
pub mod catch_up;
pub mod client;
pub mod cors;
pub mod entering;
pub mod files;
pub mod json;
pub mod live;
pub(crate) mod openapi;
pub mod origin;
pub mod rates;
pub mod rendered;
pub mod request_id;
pub mod seats;
pub mod settings;
pub mod time;
pub mod upgrade;

use std::fmt;
use std::sync::Arc;

use tertulia_domain::{Chat, Error, Result, UserId};
use tertulia_hub::{CodecId, Hub};

use self::entering::Entry;
use self::files::FileLinks;
use self::rates::Rates;
use self::seats::Seats;
use self::settings::TransportSettings;
use self::upgrade::Entrance;

/// What a handler or a session works with. Cheap to clone; the state of every
/// router here.
#[derive(Clone)]
pub struct Context {
    /// The one chat behind every dialect.
    pub chat: Arc<Chat>,
    /// This node's live connections.
    pub hub: Arc<Hub>,
    /// Under which name the hub knows each dialect's wire form.
    pub codecs: CodecIds,
    /// Bounds and times of the transports.
    pub settings: Arc<TransportSettings>,
    /// Links to files.
    pub files: Arc<FileLinks>,
    /// How fast each user may send, and how many are let in at once.
    pub rates: Arc<Rates>,
    /// Sockets without a login.
    pub seats: Arc<Seats>,
}

/// The dialects' wire forms, as the hub was told them.
#[derive(Clone, Copy, Debug)]
pub struct CodecIds {
    /// KaapehChat.
    pub kaapehchat: CodecId,
    /// UPRed and REDUP.
    pub socketio: CodecId,
    /// SOS-Habilidoso.
    pub sos: CodecId,
    /// Our own socket.
    pub v1: CodecId,
    /// IzpoChat.
    pub izpochat: CodecId,
}

impl Context {
    /// A context over a started chat and a hub that knows these wire forms.
    #[must_use]
    pub fn new(
        chat: Arc<Chat>,
        hub: Arc<Hub>,
        codecs: CodecIds,
        files: Arc<FileLinks>,
        settings: TransportSettings,
    ) -> Self {
        Self {
            chat,
            hub,
            codecs,
            files,
            rates: Arc::new(Rates::new(&settings)),
            seats: Seats::new(settings.unauthenticated_per_address),
            settings: Arc::new(settings),
        }
    }

    /// The way in for new connections.
    #[must_use]
    pub fn entrance(&self) -> Entrance {
        Entrance {
            hub: Arc::clone(&self.hub),
            settings: Arc::clone(&self.settings),
            seats: Arc::clone(&self.seats),
        }
    }

    /// Counts one message of a user, where too many are refused.
    ///
    /// # Errors
    /// [`Error::SlowDown`].
    pub fn count_message(&self, user: UserId) -> Result<()> {
        self.rates
            .check_message(user)
            .map_err(|retry_after| Error::SlowDown { retry_after })
    }

    /// Counts one message of a user, where too many are not refused but come
    /// more slowly.
    pub async fn wait_for_turn(&self, user: UserId) {
        while let Err(wait) = self.rates.check_message(user) {
            tokio::time::sleep(wait).await;
        }
    }

    /// As [`wait_for_turn`](Self::wait_for_turn), for a user who is just being
    /// let in: others are, meanwhile.
    pub async fn wait_while_entering(&self, user: UserId, entry: &mut Entry) {
        while let Err(wait) = self.rates.check_message(user) {
            entry.give_way();
            tokio::time::sleep(wait).await;
        }
        entry.go_on().await;
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context")
    }
}
