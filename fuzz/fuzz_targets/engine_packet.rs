//! An Engine.IO packet in a WebSocket message, of either kind.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tertulia_dialects::socketio::engine::packet::{Packet, decode};
use tertulia_hub::Message;

fuzz_target!(|data: &[u8]| {
    let packet = decode(Message::Binary(data));
    assert_eq!(packet, Ok(Packet::Binary(data.into())));
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(Packet::Binary(bytes)) = decode(Message::Text(text))
    {
        assert!(bytes.len() <= text.len() * 3 / 4);
    }
});
