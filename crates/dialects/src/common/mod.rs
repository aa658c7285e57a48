//! What every dialect needs and no dialect owns: the shared context, bounded
//! JSON, rates, origins, the client's address, times.

pub mod client;
pub mod json;
pub mod origin;
pub mod rates;
pub mod request_id;
pub mod settings;
pub mod time;

use std::sync::Arc;

use tertulia_domain::Chat;

use self::rates::Rates;
use self::settings::TransportSettings;

/// What a handler or a session works with. Cheap to clone; the state of every
/// router here.
#[derive(Clone, Debug)]
pub struct Context {
    /// The one chat behind every dialect.
    pub chat: Arc<Chat>,
    /// Bounds and times of the transports.
    pub settings: Arc<TransportSettings>,
    /// How fast each user may send.
    pub rates: Arc<Rates>,
}

impl Context {
    /// A context over a started chat.
    #[must_use]
    pub fn new(chat: Arc<Chat>, settings: TransportSettings) -> Self {
        let rates = Arc::new(Rates::new(&settings));
        Self {
            chat,
            settings: Arc::new(settings),
            rates,
        }
    }
}
