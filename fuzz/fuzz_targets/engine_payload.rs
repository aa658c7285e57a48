//! A polling body. What can be read is written again, and read as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tertulia_dialects::socketio::engine::packet::{Packet, Payload, SEPARATOR, decode_payload};

fuzz_target!(|body: &str| {
    let Ok(packets) = decode_payload(body).collect::<Result<Vec<_>, _>>() else {
        return;
    };
    let mut payload = Payload::default();
    for (text, packet) in body.split(SEPARATOR).zip(&packets) {
        match packet {
            Packet::Binary(bytes) => payload.push_binary(bytes),
            _ => payload.push_text(text),
        }
    }
    let written = payload.into_body();
    let again: Result<Vec<_>, _> = decode_payload(&written).collect();
    assert_eq!(again, Ok(packets));
});
