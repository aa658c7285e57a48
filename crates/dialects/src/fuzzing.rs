//! The decoders that no other crate needs, for the fuzz targets alone. There is
//! no such module in any other build.

use tertulia_hub::Message;

use crate::common::json::Bounds;
use crate::common::settings::TransportSettings;

/// Decodes a message of a KaapehChat client.
pub fn kaapehchat(data: &[u8]) {
    crate::kaapehchat::decode_for_fuzzing(message(data), bounds());
}

/// Decodes a frame of an SOS-Habilidoso client.
pub fn sos(data: &[u8]) {
    crate::sos::decode_for_fuzzing(message(data), bounds());
}

/// Decodes an op of `/v1/ws`.
pub fn v1_socket(data: &[u8]) {
    crate::v1::decode_for_fuzzing(message(data), bounds());
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
