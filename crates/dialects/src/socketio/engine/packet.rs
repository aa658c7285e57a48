//! Engine.IO 4 packets: one in each WebSocket message, several in a polling
//! body.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use tertulia_hub::Message;

use super::Invalid;

/// What stands between two packets of a polling body.
pub const SEPARATOR: char = '\x1e';

/// The packet that asks a client whether it lives.
pub const PING: &str = "2";

/// The packet with which a client changes over to the transport it has probed.
pub const UPGRADE: &str = "5";

/// The packet that ends a poll and means nothing.
pub const NOOP: &str = "6";

/// The packet that ends a session.
pub const CLOSE: &str = "1";

/// Clients write padding, and are understood without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One packet, borrowed from what was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The handshake. Only servers send it.
    Open(&'a str),
    /// The session ends.
    Close,
    /// A sign of life is asked for. Clients send it only to probe a transport.
    Ping(&'a str),
    /// The sign of life.
    Pong(&'a str),
    /// A message that is text.
    Text(&'a str),
    /// A message that is bytes.
    Binary(Cow<'a, [u8]>),
    /// The probed transport is used from now on.
    Upgrade,
    /// Nothing.
    Noop,
}

/// Reads the packet that one WebSocket message is.
///
/// # Errors
/// [`Invalid`] when it has no type, a type that does not exist, or bytes that
/// are no base64.
pub fn decode(message: Message<'_>) -> Result<Packet<'_>, Invalid> {
    match message {
        Message::Text(text) => decode_text(text),
        Message::Binary(bytes) => Ok(Packet::Binary(Cow::Borrowed(bytes))),
    }
}

/// Reads the packets of a polling body, one after the other. An empty body is
/// one packet without a type, and so invalid.
pub fn decode_payload(body: &str) -> impl Iterator<Item = Result<Packet<'_>, Invalid>> {
    body.split(SEPARATOR).map(decode_text)
}

fn decode_text(text: &str) -> Result<Packet<'_>, Invalid> {
    let mut characters = text.chars();
    let kind = characters.next().ok_or(Invalid("an empty packet"))?;
    let data = characters.as_str();
    Ok(match kind {
        '0' => Packet::Open(data),
        '1' => Packet::Close,
        '2' => Packet::Ping(data),
        '3' => Packet::Pong(data),
        '4' => Packet::Text(data),
        '5' => Packet::Upgrade,
        '6' => Packet::Noop,
        'b' => Packet::Binary(Cow::Owned(
            BASE64.decode(data).map_err(|_| Invalid("no base64"))?,
        )),
        _ => return Err(Invalid("an unknown Engine.IO packet")),
    })
}

/// Several packets in one polling body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload(String);

impl Payload {
    /// Adds a packet that is text, its type included.
    pub fn push_text(&mut self, packet: &str) {
        self.separate();
        self.0.push_str(packet);
    }

    /// Adds a message that is bytes.
    pub fn push_binary(&mut self, bytes: &[u8]) {
        self.separate();
        self.0.push('b');
        BASE64.encode_string(bytes, &mut self.0);
    }

    /// How long the body would be with another packet: text of so many bytes.
    #[must_use]
    pub fn len_with_text(&self, bytes: usize) -> usize {
        self.0.len() + self.gap() + bytes
    }

    /// How long the body would be with another message of so many bytes.
    #[must_use]
    pub fn len_with_binary(&self, bytes: usize) -> usize {
        self.0.len() + self.gap() + 1 + bytes.div_ceil(3) * 4
    }

    /// Whether there is no packet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The body.
    #[must_use]
    pub fn into_body(self) -> String {
        self.0
    }

    fn gap(&self) -> usize {
        usize::from(!self.is_empty()) * SEPARATOR.len_utf8()
    }

    fn separate(&mut self) {
        if !self.is_empty() {
            self.0.push(SEPARATOR);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Result<Packet<'_>, Invalid> {
        decode(Message::Text(text))
    }

    #[test]
    fn each_kind_is_known_by_its_first_character() {
        for (wire, packet) in [
            (r#"0{"sid":""}"#, Packet::Open(r#"{"sid":""}"#)),
            ("1", Packet::Close),
            ("2", Packet::Ping("")),
            ("2probe", Packet::Ping("probe")),
            ("3probe", Packet::Pong("probe")),
            ("4", Packet::Text("")),
            ("4hello", Packet::Text("hello")),
            ("4ñ\u{1e}", Packet::Text("ñ\u{1e}")),
            ("5", Packet::Upgrade),
            ("6", Packet::Noop),
            ("bAQIDBA==", Packet::Binary(vec![1, 2, 3, 4].into())),
            ("bAQIDBA", Packet::Binary(vec![1, 2, 3, 4].into())),
            ("b", Packet::Binary(vec![].into())),
        ] {
            assert_eq!(text(wire), Ok(packet), "{wire}");
        }
        let bytes = decode(Message::Binary(&[52, 1]));
        assert_eq!(bytes, Ok(Packet::Binary(vec![52, 1].into())));
    }

    #[test]
    fn what_is_no_packet_is_invalid() {
        for wire in ["", "abc", "7", "9hello", "ñ", " 4", "b!", "bA", "bAQ==="] {
            assert!(text(wire).is_err(), "{wire:?}");
        }
    }

    #[test]
    fn a_body_holds_packets_in_order() {
        let packets: Result<Vec<_>, _> = decode_payload("4hello\x1e2\x1e4\x1ebAQI=").collect();
        assert_eq!(
            packets,
            Ok(vec![
                Packet::Text("hello"),
                Packet::Ping(""),
                Packet::Text(""),
                Packet::Binary(vec![1, 2].into()),
            ])
        );
        for body in ["", "4a\x1e", "\x1e4a", "4a\x1e\x1e4b", "abc"] {
            assert!(
                decode_payload(body).any(|packet| packet.is_err()),
                "{body:?}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn a_body_is_read_as_it_was_written(
            messages in proptest::collection::vec(
                (proptest::bool::ANY, "[^\x1e]{0,20}"), 1..8,
            ),
        ) {
            let mut payload = Payload::default();
            for (is_text, data) in &messages {
                let expected = if *is_text {
                    payload.len_with_text(data.len() + 1)
                } else {
                    payload.len_with_binary(data.len())
                };
                if *is_text {
                    payload.push_text(&format!("4{data}"));
                } else {
                    payload.push_binary(data.as_bytes());
                }
                proptest::prop_assert_eq!(payload.0.len(), expected);
            }
            let body = payload.into_body();
            let packets: Vec<_> = decode_payload(&body).collect();
            proptest::prop_assert_eq!(packets.len(), messages.len());
            for (packet, (is_text, data)) in packets.into_iter().zip(&messages) {
                let expected = if *is_text {
                    Packet::Text(data)
                } else {
                    Packet::Binary(data.as_bytes().into())
                };
                proptest::prop_assert_eq!(packet, Ok(expected));
            }
        }

        /// Whatever comes is read or refused.
        #[test]
        fn no_text_is_too_strange(body in "[0-9b\x1e{}\"A-F=+/ñ]{0,40}|.{0,40}") {
            for packet in decode_payload(&body) {
                drop(packet);
            }
        }
    }
}
