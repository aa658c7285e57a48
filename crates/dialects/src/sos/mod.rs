//! SOS-Habilidoso: one WebSocket for each open chat, and the calls over HTTP by
//! which its web client gets a token, its chats and their history
//! (contracts/sos-habilidoso.md).
//!
//! [`decode`] says what clients send on a socket, [`encode`] what they get,
//! [`error`] what they are told when something is refused. [`enter`] is how a
//! socket opens, [`session`] what it is told, [`act`] what it may ask. [`codec`]
//! says which events all readers get alike from the event itself; [`render`] makes
//! the frames of those that must be completed from the store, once for all
//! readers. [`media`] is what messages carry. [`rest`] has the calls.

mod act;
mod codec;
mod decode;
mod encode;
mod enter;
mod error;
mod kind;
mod media;
mod openapi;
mod read;
mod render;
mod rest;
mod session;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tertulia_hub::Message;

use self::session::Shared;
use crate::common::Context;
use crate::common::json::Bounds;
use crate::common::rendered::Rendered;

pub use codec::SosCodec;

/// Decodes a frame; none when it asks for nothing or is wrong.
pub(crate) fn action_of(message: Message<'_>, bounds: Bounds) -> Option<impl Sized> {
    let decode::Request::Action(action) = decode::decode(message, bounds) else {
        return None;
    };
    Some(action)
}

/// What describes the dialect's calls.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    openapi::document()
}

/// The dialect's socket and its calls, over a context whose hub knows
/// [`SosCodec`].
pub fn router(context: &Context) -> Router {
    let shared = Arc::new(Shared {
        context: context.clone(),
        rendered: Rendered::default(),
    });
    let socket = Router::new()
        .route("/ws/chat/{chat}", get(enter::open))
        .route("/ws/chat/{chat}/", get(enter::open))
        .with_state(shared);
    socket.merge(rest::router(context))
}
