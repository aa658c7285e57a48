//! Socket.IO, the wire of two older systems and of most chat clients there are.
//!
//! [`engine`] is the protocol itself and knows nothing of chats; [`lobby`] is
//! who stands behind its door.

pub mod engine;
pub mod identity;
mod lobby;

use axum::Router;

use self::engine::door::Door;
use self::lobby::Lobby;
use crate::common::Context;

/// The path of the contracts, and of the libraries unless told otherwise.
const PATH: &str = "/socket.io";

/// The routes of Socket.IO. They speak of origins for themselves.
pub fn router(context: &Context) -> Router {
    let lobby = Lobby {
        settings: context.settings.clone(),
    };
    Door::new(context.entrance(), lobby).router(PATH)
}
