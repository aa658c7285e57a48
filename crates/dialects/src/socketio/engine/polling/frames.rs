//! Between the frames of a WebSocket, which a connection of the hub reads and
//! writes, and the packets of polling bodies.

use bytes::{Buf, BytesMut};
use tertulia_hub::ws::code;

use crate::socketio::engine::packet::{self, Packet, Payload};

const FIN: u8 = 0x80;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;

/// Adds a message of a client as a whole frame. Its mask is zero: nothing lies
/// between us and ourselves.
fn push_client_frame(frames: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    const MASKED: u8 = 0x80;
    const NO_MASK: [u8; 4] = [0; 4];
    frames.push(FIN | opcode);
    if let Ok(short @ ..126) = u8::try_from(payload.len()) {
        frames.push(MASKED | short);
    } else if let Ok(medium) = u16::try_from(payload.len()) {
        frames.push(MASKED | 126);
        frames.extend_from_slice(&medium.to_be_bytes());
    } else {
        frames.push(MASKED | 127);
        frames.extend_from_slice(&(payload.len() as u64).to_be_bytes());
    }
    frames.extend_from_slice(&NO_MASK);
    frames.extend_from_slice(payload);
}

/// Adds a packet of a client, as its text says it.
pub(super) fn push_client_packet(frames: &mut Vec<u8>, text: &str, packet: &Packet<'_>) {
    match packet {
        Packet::Binary(bytes) => push_client_frame(frames, BINARY, bytes),
        Packet::Open(_)
        | Packet::Close
        | Packet::Ping(_)
        | Packet::Pong(_)
        | Packet::Text(_)
        | Packet::Upgrade
        | Packet::Noop => push_client_frame(frames, TEXT, text.as_bytes()),
    }
}

/// A frame of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ServerFrame<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    /// With its code.
    Close(u16),
    /// One that says nothing to a client that polls.
    Other,
}

/// Splits the first frame off, and says how long it is. The server's frames are
/// whole, unmasked and not compressed; anything else is no frame.
fn split_server_frame(bytes: &[u8]) -> Option<(ServerFrame<'_>, usize)> {
    let (&[first, short], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match short {
        126 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::try_from(u64::from_be_bytes(*length)).ok()?, rest)
        }
        short => (usize::from(short), rest),
    };
    let payload = rest.get(..length)?;
    let whole = bytes.len() - rest.len() + length;
    let frame = match first & 0xF {
        TEXT => ServerFrame::Text(std::str::from_utf8(payload).ok()?),
        BINARY => ServerFrame::Binary(payload),
        CLOSE => ServerFrame::Close(match payload.split_first_chunk() {
            Some((code, _)) => u16::from_be_bytes(*code),
            None => code::NORMAL,
        }),
        _ => ServerFrame::Other,
    };
    Some((frame, whole))
}

/// Whether it is a close frame that stands first.
pub(super) fn is_close(frames: &[u8]) -> bool {
    frames.first() == Some(&(FIN | CLOSE))
}

/// What was among frames of the server beside its messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Noted {
    /// A ping.
    pub(super) has_ping: bool,
    /// The code of the close frame, after which nothing comes.
    pub(super) close: Option<u16>,
}

/// Takes whole frames of the server, whose messages are added to `messages`.
pub(super) fn take_server_frames(mut frames: &[u8], messages: &mut BytesMut) -> Noted {
    let mut noted = Noted::default();
    while let Some((frame, length)) = split_server_frame(frames) {
        match frame {
            ServerFrame::Text(text) => {
                noted.has_ping |= text == packet::PING;
                messages.extend_from_slice(&frames[..length]);
            }
            ServerFrame::Binary(_) => messages.extend_from_slice(&frames[..length]),
            ServerFrame::Close(code) => {
                noted.close = Some(code);
                break;
            }
            ServerFrame::Other => {}
        }
        frames = &frames[length..];
    }
    noted
}

/// Moves messages into a polling body, as many as fit, but at least one if there
/// is any.
pub(super) fn fill(payload: &mut Payload, messages: &mut BytesMut, most: usize) {
    while let Some((frame, length)) = split_server_frame(messages) {
        let would_be = match frame {
            ServerFrame::Text(text) => payload.len_with_text(text.len()),
            ServerFrame::Binary(bytes) => payload.len_with_binary(bytes.len()),
            ServerFrame::Close(_) | ServerFrame::Other => 0,
        };
        if would_be > most && !payload.is_empty() {
            return;
        }
        match frame {
            ServerFrame::Text(text) => payload.push_text(text),
            ServerFrame::Binary(bytes) => payload.push_binary(bytes),
            ServerFrame::Close(_) | ServerFrame::Other => {}
        }
        messages.advance(length);
    }
    *messages = BytesMut::new();
}

#[cfg(test)]
mod tests {
    use tertulia_hub::ws::{Close, Decoder, Frame, frame};

    use super::*;
    use crate::socketio::engine::packet::decode_payload;

    #[test]
    fn packets_of_a_client_are_frames_that_a_server_reads() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let text = format!("4{}", "ñ".repeat(length / 2));
            let mut frames = Vec::new();
            push_client_packet(&mut frames, &text, &Packet::Text(&text[1..]));
            let bytes = vec![7; length];
            push_client_packet(&mut frames, "", &Packet::Binary(bytes.as_slice().into()));
            let mut decoder = Decoder::new(1 << 20, false);
            let mut at = 0;
            let read = decoder.next(&mut frames, &mut at);
            assert_eq!(read, Ok(Some(Frame::Text(&text))));
            let read = decoder.next(&mut frames, &mut at);
            assert_eq!(read, Ok(Some(Frame::Binary(&bytes))));
            assert_eq!(at, frames.len());
        }
    }

    #[test]
    fn frames_of_the_server_become_bodies_within_their_bound() {
        let long = "x".repeat(200);
        let mut frames = Vec::new();
        for part in [
            frame::text("2"),
            frame::pong(b"nothing"),
            frame::text(&format!("4{long}")),
            frame::binary(&[1, 2, 3, 4]),
            frame::close(&Close::new(1012, "restart")),
        ] {
            frames.extend_from_slice(&part);
        }
        let mut messages = BytesMut::new();
        let noted = Noted {
            has_ping: true,
            close: Some(1012),
        };
        assert_eq!(take_server_frames(&frames, &mut messages), noted);
        let mut bodies = Vec::new();
        while !messages.is_empty() {
            let mut payload = Payload::default();
            fill(&mut payload, &mut messages, 20);
            bodies.push(payload.into_body());
        }
        assert_eq!(
            bodies,
            ["2".to_owned(), format!("4{long}"), "bAQIDBA==".to_owned()]
        );
        take_server_frames(&frames, &mut messages);
        let mut payload = Payload::default();
        fill(&mut payload, &mut messages, 1_000);
        let body = payload.into_body();
        assert_eq!(decode_payload(&body).count(), 3);
    }

    #[test]
    fn a_close_without_a_code_and_a_frame_that_is_cut() {
        let mut messages = BytesMut::new();
        let close = frame::close_without_code();
        assert_eq!(take_server_frames(&close, &mut messages).close, Some(1000));
        let whole = frame::text("4hello");
        assert_eq!(split_server_frame(&whole[..3]), None);
        assert_eq!(split_server_frame(&whole[..1]), None);
    }
}
