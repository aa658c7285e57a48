//! WebSocket frames. They are read the same however the network cuts them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tertulia_hub::ws::{Decoder, Frame, Violation};

const MESSAGE_BYTES: usize = 4_096;

#[derive(Debug, PartialEq)]
enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    Broken(Violation),
}

fuzz_target!(|data: &[u8]| {
    // The first byte says whether messages may be compressed, and where to cut.
    let Some((choice, stream)) = data.split_first() else {
        return;
    };
    let deflate = choice & 0x80 != 0;
    let step = usize::from(choice & 0x7F).max(1);
    let whole = read(stream, stream.len().max(1), deflate);
    let pieces = read(stream, step, deflate);
    assert_eq!(whole, pieces);
});

fn read(stream: &[u8], step: usize, deflate: bool) -> Vec<Seen> {
    let mut decoder = Decoder::new(MESSAGE_BYTES, deflate);
    let mut seen = Vec::new();
    for piece in stream.chunks(step) {
        let mut piece = piece.to_vec();
        let mut at = 0;
        loop {
            match decoder.next(&mut piece, &mut at) {
                Ok(None) => break,
                Ok(Some(frame)) => seen.push(note(frame)),
                Err(violation) => {
                    seen.push(Seen::Broken(violation));
                    return seen;
                }
            }
        }
    }
    seen
}

fn note(frame: Frame<'_>) -> Seen {
    match frame {
        Frame::Text(text) => {
            assert!(text.len() <= MESSAGE_BYTES);
            Seen::Text(text.to_owned())
        }
        Frame::Binary(bytes) => {
            assert!(bytes.len() <= MESSAGE_BYTES);
            Seen::Binary(bytes.to_vec())
        }
        Frame::Ping(payload) => Seen::Ping(payload.to_vec()),
        Frame::Pong(payload) => Seen::Pong(payload.to_vec()),
        Frame::Close(close) => Seen::Close(close.map(|(code, reason)| (code, reason.to_owned()))),
    }
}
