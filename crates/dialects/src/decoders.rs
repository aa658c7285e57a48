//! The dialects' own decoders, for the fuzz targets and the benches alone. What comes out says no
//! more than whether a client's message was understood: what it asks for is its dialect's matter.

use tertulia_hub::Message;

use crate::common::json::Bounds;
use crate::common::settings::TransportSettings;
use crate::socketio::engine::socket_packet::Limits;

/// Decodes a message of a KaapehChat client.
pub fn kaapehchat(data: &[u8]) -> Option<impl Sized> {
    crate::kaapehchat::action_of(message(data), bounds())
}

/// Decodes a message of a Socket.IO client, from Engine.IO's packet to the event of UPRed or
/// REDUP.
pub fn socketio(data: &[u8]) -> Option<impl Sized> {
    let limits = Limits::from(&TransportSettings::default());
    crate::socketio::action_of(message(data), limits)
}

/// Decodes a frame of an SOS-Habilidoso client.
pub fn sos(data: &[u8]) -> Option<impl Sized> {
    crate::sos::action_of(message(data), bounds())
}

/// Decodes an op of `/v1/ws`.
pub fn v1_socket(data: &[u8]) -> Option<impl Sized> {
    crate::v1::action_of(message(data), bounds())
}

/// What is UTF-8 comes as text.
fn message(data: &[u8]) -> Message<'_> {
    match std::str::from_utf8(data) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(data),
    }
}

fn bounds() -> Bounds {
    Bounds::from(&TransportSettings::default())
}
