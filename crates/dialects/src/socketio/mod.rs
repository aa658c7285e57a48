//! Socket.IO, the wire of two older systems, UPRed and REDUP, and of most chat
//! clients there are.
//!
//! [`engine`] is the protocol itself and knows nothing of chats. The rest is
//! the application behind its door. [`decode`] says what clients send,
//! [`encode`] what they get, [`error`] what they are told when something is
//! refused. [`client`] is one socket: [`identity`] and [`enter`] are how it comes to speak for
//! a user, [`open`] which rooms it has opened, [`send`] and [`ask`] what it wants. [`recovery`] is how it goes on
//! on another connection, by the [`offset`] that it keeps.
//! The two systems share the one namespace; [`view`] is what tells a socket's
//! part of a message, [`form`] in which form a message was said, and [`codec`]
//! which events all sockets of one view get alike. [`upload`] is UPRed's one call over HTTP.

mod ask;
mod client;
mod codec;
mod decode;
mod encode;
pub mod engine;
mod enter;
mod error;
mod form;
pub mod identity;
mod offset;
mod open;
mod recovery;
mod send;
pub(crate) mod upload;
mod view;

use axum::Router;
use serde_json::Value;
use tertulia_hub::Message;

use self::client::Clients;
use self::engine::door::Door;
use self::engine::packet::{self, Packet};
use self::engine::socket_packet::{Body, Decoder, Limits};
use self::view::Spoken;
use crate::common::Context;

pub use self::codec::SocketIoCodec;

/// The path of the contracts, and of the libraries unless told otherwise.
const PATH: &str = "/socket.io";

/// Decodes a message that is a whole packet; none when it is no event of either system, or is
/// refused.
pub(crate) fn action_of(message: Message<'_>, limits: Limits) -> Option<impl Sized> {
    let Ok(Packet::Text(text)) = packet::decode(message) else {
        return None;
    };
    let packet = Decoder::new(limits).text(text).ok()??;
    let Body::Event { arguments, .. } = packet.body else {
        return None;
    };
    let mut values = arguments.values.into_iter();
    let Some(Value::String(name)) = values.next() else {
        return None;
    };
    let request = decode::decode(&name, values.next(), Spoken::Nothing)?;
    request.action.ok()
}

/// The routes of Socket.IO. They speak of origins for themselves.
pub fn router(context: &Context) -> Router {
    let clients = Clients::new(context.clone());
    Door::new(context.entrance(), clients).router(PATH)
}
