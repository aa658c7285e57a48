//! KaapehChat: one WebSocket, one JSON object in each frame, Spanish texts.
//!
//! [`decode`] says what clients send, [`encode`] what they get, [`error`] what
//! they are told when something is refused. [`session`] is one socket: [`enter`]
//! is how it comes to speak for a user, [`act`] what that user may ask.
//! [`codec`] says which events all readers get alike, [`announce`] tells of
//! chats that look different to each.

mod act;
mod announce;
mod chats;
mod codec;
mod decode;
mod encode;
mod enter;
mod error;
mod session;

use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use tertulia_domain::chat::Device;
use tertulia_hub::Message;

use self::announce::Announcements;
use self::session::{KaapehSession, Shared};
use crate::common::json::Bounds;
use crate::common::upgrade::upgrade;
use crate::common::{Context, client};

pub use codec::KaapehCodec;

/// Decodes a frame; none when it is no action of a known user.
pub(crate) fn action_of(message: Message<'_>, bounds: Bounds) -> Option<impl Sized> {
    let decode::Request::Action(action) = decode::decode(message, bounds) else {
        return None;
    };
    action.ok()
}

/// The dialect, ready to take sockets. Cheap to clone.
#[derive(Clone)]
pub struct KaapehChat(Arc<Shared>);

impl KaapehChat {
    /// The dialect over a context whose hub knows [`KaapehCodec`].
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self(Arc::new(Shared {
            context,
            announcements: Announcements::default(),
        }))
    }

    /// Takes a request that asks for a WebSocket, on whatever path it came
    /// (contract §2), or says why not.
    #[must_use]
    pub fn accept(&self, request: Request) -> Response {
        let shared = Arc::clone(&self.0);
        let context = &self.0.context;
        let trusted = &context.settings.trusted_proxies;
        let device = Device {
            name: client::device_name(request.headers()),
            address: client::address(request.extensions(), request.headers(), trusted),
            access_lifetime: context.settings.kaapehchat_access_lifetime,
        };
        let open = |opened| KaapehSession::new(shared, opened, device);
        upgrade(context, request, open).unwrap_or_else(IntoResponse::into_response)
    }
}
