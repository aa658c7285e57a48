//! Server frames, whole: header and payload in one buffer, so that a frame which many connections
//! share is one cheap clone each and one slice of a vectored write.
//!
//! Server frames are never masked (RFC 6455 §5.1) and never fragmented.

use bytes::Bytes;

use super::close::Close;

const FIN: u8 = 0x80;
const COMPRESSED: u8 = 0x40;

/// The longest payload of a control frame (RFC 6455 §5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// What a message frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
}

impl Kind {
    fn opcode(self) -> u8 {
        match self {
            Self::Text => 0x1,
            Self::Binary => 0x2,
        }
    }
}

/// A text frame.
#[must_use]
pub fn text(payload: &str) -> Bytes {
    message(Kind::Text, payload.as_bytes())
}

/// A binary frame.
#[must_use]
pub fn binary(payload: &[u8]) -> Bytes {
    message(Kind::Binary, payload)
}

/// A message frame. The payload of a text frame must be UTF-8.
#[must_use]
pub fn message(kind: Kind, payload: &[u8]) -> Bytes {
    build(FIN | kind.opcode(), payload)
}

/// A message frame with a payload compressed by [`super::deflate::compress`] (RFC 7692 §6).
#[must_use]
pub fn compressed(kind: Kind, payload: &[u8]) -> Bytes {
    build(FIN | COMPRESSED | kind.opcode(), payload)
}

/// A ping without payload.
#[must_use]
pub fn ping() -> Bytes {
    Bytes::from_static(&[FIN | 0x9, 0])
}

/// The pong that answers a ping, with the ping's payload (at most 125 bytes; more is cut).
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    let end = payload.len().min(MAX_CONTROL_PAYLOAD);
    build(FIN | 0xA, &payload[..end])
}

/// A close frame with code and reason.
#[must_use]
pub fn close(close: &Close) -> Bytes {
    let mut payload = Vec::with_capacity(2 + close.reason().len());
    payload.extend_from_slice(&close.code().to_be_bytes());
    payload.extend_from_slice(close.reason().as_bytes());
    build(FIN | 0x8, &payload)
}

/// A close frame without a code, the answer to a peer's close without a code.
#[must_use]
pub fn close_without_code() -> Bytes {
    Bytes::from_static(&[FIN | 0x8, 0])
}

/// A vector of exactly the frame's length: [`Bytes`] takes it over as it is.
fn build(first: u8, payload: &[u8]) -> Bytes {
    let length = payload.len();
    let mut header = [first, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let header = if let Ok(short) = u8::try_from(length)
        && short < 126
    {
        header[1] = short;
        &header[..2]
    } else if let Ok(medium) = u16::try_from(length) {
        header[1] = 126;
        header[2..4].copy_from_slice(&medium.to_be_bytes());
        &header[..4]
    } else {
        header[1] = 127;
        header[2..].copy_from_slice(&(length as u64).to_be_bytes());
        &header[..]
    };
    let mut frame = Vec::with_capacity(header.len() + length);
    frame.extend_from_slice(header);
    frame.extend_from_slice(payload);
    Bytes::from(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::code;

    /// RFC 6455 §5.7, the unmasked examples.
    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(
            text("Hello")[..],
            [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]
        );
        assert_eq!(
            pong(b"Hello")[..],
            [0x8a, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]
        );
        assert_eq!(binary(&[7; 256])[..4], [0x82, 0x7E, 0x01, 0x00]);
        assert_eq!(
            binary(&[7; 65536])[..10],
            [0x82, 0x7F, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00]
        );
    }

    #[test]
    fn lengths_use_the_shortest_form() {
        for (length, header) in [(0, 2), (125, 2), (126, 4), (65535, 4), (65536, 10)] {
            assert_eq!(binary(&vec![0; length]).len(), header + length, "{length}");
        }
    }

    #[test]
    fn control_frames() {
        assert_eq!(ping()[..], [0x89, 0]);
        assert_eq!(pong(&[1; 200]).len(), 2 + 125);
        assert_eq!(
            close(&Close::new(code::NORMAL, "ok"))[..],
            [0x88, 4, 0x03, 0xe8, b'o', b'k']
        );
        assert_eq!(close_without_code()[..], [0x88, 0]);
    }

    #[test]
    fn a_compressed_frame_has_the_first_reserved_bit() {
        assert_eq!(compressed(Kind::Text, &[1, 2])[..], [0xc1, 2, 1, 2]);
    }
}
