//! Socket.IO packets with their attachments. The input is cut into messages at
//! bytes that stand in no text: 0xFE begins a text, 0xFF an attachment.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tertulia_dialects::common::json::Bounds;
use tertulia_dialects::socketio::engine::socket_packet::{Decoder, Limits, Packet};

const LIMITS: Limits = Limits {
    json: Bounds {
        depth: 32,
        members: 256,
        values: 1_000,
    },
    attachments: 10,
    bytes: 4_096,
};

fuzz_target!(|data: &[u8]| {
    let mut decoder = Decoder::new(LIMITS);
    let mut is_text = true;
    for message in data.split_inclusive(|byte| *byte >= 0xFE) {
        let (message, next_is_text) = match message.split_last() {
            Some((0xFE, message)) => (message, true),
            Some((0xFF, message)) => (message, false),
            _ => (message, true),
        };
        let read = match std::str::from_utf8(message) {
            Ok(text) if is_text => decoder.text(text),
            _ => decoder.binary(message),
        };
        match read {
            Ok(Some(packet)) => check(&packet),
            Ok(None) => {}
            Err(_) => return,
        }
        is_text = next_is_text;
    }
});

/// A packet keeps its bounds, and is read again as it is written.
fn check(packet: &Packet) {
    let attachments = packet.attachments();
    let bytes: usize = attachments.iter().map(|bytes| bytes.len()).sum();
    assert!(attachments.len() <= LIMITS.attachments && bytes <= LIMITS.bytes);
    let unbounded = Limits {
        bytes: usize::MAX,
        ..LIMITS
    };
    let mut decoder = Decoder::new(unbounded);
    let text = packet.text();
    let mut again = decoder.text(&text);
    for attachment in attachments {
        assert_eq!(again, Ok(None), "{text}");
        again = decoder.binary(attachment);
    }
    assert_eq!(again.as_ref(), Ok(&Some(packet.clone())), "{text}");
}
