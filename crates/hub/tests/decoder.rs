//! The frame decoder against an encoder written for this test only: every split, every rule.

use proptest::prelude::*;
use tertulia_hub::ws::{self, Decoder, Frame, Violation, deflate};

const LIMIT: usize = 300_000;
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A decoded frame that owns its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Got {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Frame<'_>> for Got {
    fn from(frame: Frame<'_>) -> Self {
        match frame {
            Frame::Text(text) => Self::Text(text.to_owned()),
            Frame::Binary(bytes) => Self::Binary(bytes.to_vec()),
            Frame::Ping(bytes) => Self::Ping(bytes.to_vec()),
            Frame::Pong(bytes) => Self::Pong(bytes.to_vec()),
            Frame::Close(close) => Self::Close(close.map(|(code, text)| (code, text.to_owned()))),
        }
    }
}

/// A masked client frame. `first` is the first byte: FIN, reserved bits and opcode.
fn client(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length @ 126..65536 => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(KEY);
    frame.extend(
        payload
            .iter()
            .enumerate()
            .map(|(at, byte)| byte ^ KEY[at % 4]),
    );
    frame
}

/// Feeds the pieces one after the other and collects what comes out.
fn decode<'a>(
    decoder: &mut Decoder,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Got>, Option<Violation>) {
    let mut got = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut at = 0;
        loop {
            match decoder.next(&mut piece, &mut at) {
                Ok(Some(frame)) => got.push(frame.into()),
                Ok(None) => break,
                Err(violation) => return (got, Some(violation)),
            }
        }
        assert_eq!(at, piece.len(), "a decoder that waits has taken everything");
    }
    (got, None)
}

/// Decodes a stream whole, split in two at every byte, and byte by byte; all must agree.
#[track_caller]
fn check_with(
    deflate: bool,
    limit: usize,
    stream: &[u8],
    frames: &[Got],
    violation: Option<Violation>,
) {
    let expected = (frames.to_vec(), violation);
    assert_eq!(
        decode(&mut Decoder::new(limit, deflate), [stream]),
        expected,
        "whole"
    );
    let splits = if stream.len() < 2000 { 1 } else { 997 };
    for split in (0..=stream.len()).step_by(splits) {
        let (head, tail) = stream.split_at(split);
        let got = decode(&mut Decoder::new(limit, deflate), [head, tail]);
        assert_eq!(got, expected, "split at {split}");
    }
    let got = decode(&mut Decoder::new(limit, deflate), stream.chunks(1));
    assert_eq!(got, expected, "byte by byte");
}

#[track_caller]
fn check(stream: &[u8], frames: &[Got], violation: Option<Violation>) {
    check_with(false, LIMIT, stream, frames, violation);
}

#[track_caller]
fn check_broken(stream: &[u8], code: u16) {
    let (got, violation) = decode(&mut Decoder::new(LIMIT, false), [stream]);
    assert_eq!(got, []);
    let violation = violation.expect("the stream is broken");
    assert_eq!(violation.close().code(), code, "{violation}");
    check(stream, &[], Some(violation));
}

fn text(text: &str) -> Got {
    Got::Text(text.to_owned())
}

/// RFC 6455 §5.7.
#[test]
fn the_masked_example_of_the_rfc() {
    let stream = [
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    check(&stream, &[text("Hello")], None);
}

#[test]
fn every_length_form() {
    for length in [0, 1, 125, 126, 127, 65535, 65536, 70_000] {
        let payload: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let stream = client(0x82, &payload);
        let expected = (vec![Got::Binary(payload)], None);
        assert_eq!(
            decode(&mut Decoder::new(LIMIT, false), [&stream[..]]),
            expected,
            "{length}"
        );
        let pieces = stream.chunks(4093);
        assert_eq!(
            decode(&mut Decoder::new(LIMIT, false), pieces),
            expected,
            "{length}"
        );
    }
}

#[test]
fn many_frames_in_one_piece() {
    let mut stream = Vec::new();
    let mut expected = Vec::new();
    for number in 0..20 {
        stream.extend(client(0x81, number.to_string().as_bytes()));
        expected.push(text(&number.to_string()));
    }
    check(&stream, &expected, None);
}

#[test]
fn control_frames_between_the_fragments() {
    let stream = [
        client(0x01, "caf".as_bytes()),
        client(0x89, b"one"),
        client(0x00, "é".as_bytes()),
        client(0x89, b"two"),
        client(0x8a, b""),
        client(0x00, b""),
        client(0x80, "!".as_bytes()),
        client(0x89, b"three"),
        client(0x81, b"next"),
    ]
    .concat();
    let expected = [
        Got::Ping(b"one".to_vec()),
        Got::Ping(b"two".to_vec()),
        Got::Pong(Vec::new()),
        text("café!"),
        Got::Ping(b"three".to_vec()),
        text("next"),
    ];
    check(&stream, &expected, None);
}

#[test]
fn a_character_may_be_cut_by_a_fragment_but_not_by_the_message() {
    let cup = "☕".as_bytes();
    let whole = [client(0x01, &cup[..1]), client(0x80, &cup[1..])].concat();
    check(&whole, &[text("☕")], None);
    let cut = [client(0x01, &cup[..1]), client(0x80, &cup[1..2])].concat();
    check_broken(&cut, 1007);
}

#[test]
fn invalid_text_ends_with_1007() {
    for bad in [
        &b"\xff"[..],
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"ok\xe2\x82",
    ] {
        check_broken(&client(0x81, bad), 1007);
    }
    check(&client(0x82, b"\xff"), &[Got::Binary(vec![0xff])], None);
}

#[test]
fn what_the_rfc_forbids_ends_with_1002() {
    // Unmasked (§5.1).
    check_broken(&[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f], 1002);
    // Reserved bits (§5.2), with or without payload.
    for bit in [0x40, 0x20, 0x10] {
        check_broken(&client(0x81 | bit, b"x"), 1002);
        check_broken(&client(0x89 | bit, b""), 1002);
    }
    // Reserved opcodes (§5.2).
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        check_broken(&client(0x80 | opcode, b""), 1002);
    }
    // Fragmented or long control frames (§5.5).
    for opcode in [0x8, 0x9, 0xa] {
        check_broken(&client(opcode, b""), 1002);
        check_broken(&client(0x80 | opcode, &[0; 126]), 1002);
    }
    // A continuation of nothing (§5.4).
    check_broken(&client(0x80, b"x"), 1002);
    check_broken(&client(0x00, b"x"), 1002);
    // A second message inside the first (§5.4).
    check_broken(&[client(0x01, b"a"), client(0x81, b"b")].concat(), 1002);
    check_broken(&[client(0x02, b"a"), client(0x02, b"b")].concat(), 1002);
    // Lengths in a longer form than needed, and above 2^63 (§5.2).
    check_broken(&[0x82, 0x80 | 126, 0, 125, 0, 0, 0, 0], 1002);
    check_broken(
        &[0x82, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0],
        1002,
    );
    check_broken(
        &[0x82, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        1002,
    );
}

#[test]
fn close_frames() {
    check(&client(0x88, b""), &[Got::Close(None)], None);
    for code in [1000_u16, 1001, 1003, 1011, 1014, 3000, 4999] {
        let payload = [&code.to_be_bytes()[..], "adiós".as_bytes()].concat();
        let expected = [Got::Close(Some((code, "adiós".to_owned())))];
        check(&client(0x88, &payload), &expected, None);
    }
    check_broken(&client(0x88, b"x"), 1002);
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        check_broken(&client(0x88, &code.to_be_bytes()), 1002);
    }
    check_broken(&client(0x88, b"\x03\xe8\xff"), 1007);
}

#[test]
fn the_limit_counts_all_fragments() {
    let too_big = Some(Violation::TooBig);
    check_with(false, 5, &client(0x81, b"12345"), &[text("12345")], None);
    check_with(false, 5, &client(0x81, b"123456"), &[], too_big);
    let fits = [client(0x01, b"123"), client(0x80, b"45")].concat();
    check_with(false, 5, &fits, &[text("12345")], None);
    let over = [
        client(0x01, b"123"),
        client(0x00, b"45"),
        client(0x80, b"6"),
    ]
    .concat();
    check_with(false, 5, &over, &[], too_big);
    // The count starts anew with each message, and control frames do not count.
    let two = [client(0x89, b"123456"), fits.clone(), fits].concat();
    let expected = [Got::Ping(b"123456".to_vec()), text("12345"), text("12345")];
    check_with(false, 5, &two, &expected, None);
}

#[test]
fn a_long_announcement_is_refused_at_once_and_costs_nothing() {
    for length in [LIMIT as u64 + 1, 1 << 40, i64::MAX as u64] {
        let stream = [&[0x82, 0x80 | 127][..], &length.to_be_bytes(), &KEY].concat();
        check(&stream, &[], Some(Violation::TooBig));
    }
    assert_eq!(Violation::TooBig.close().code(), 1009);
}

#[test]
fn an_idle_decoder_is_small() {
    let size = size_of::<Decoder>();
    assert!(size <= 160, "{size} bytes");
}

#[test]
fn compressed_messages() {
    let long = "una tertulia larga, ".repeat(50);
    let small = deflate::compress(long.as_bytes()).expect("it gets smaller");
    let (head, tail) = small.split_at(7);
    let stream = [
        client(0xc1, &small),
        client(0x81, b"plain"),
        client(0x41, head),
        client(0x89, b"ping"),
        client(0x80, tail),
    ]
    .concat();
    let expected = [
        text(&long),
        text("plain"),
        Got::Ping(b"ping".to_vec()),
        text(&long),
    ];
    check_with(true, LIMIT, &stream, &expected, None);
    check_with(
        true,
        long.len() - 1,
        &client(0xc1, &small),
        &[],
        Some(Violation::TooBig),
    );
    check_with(
        true,
        LIMIT,
        &client(0xc1, b"\xff\xff"),
        &[],
        Some(Violation::Deflate),
    );
    // The compressed bit belongs to the first fragment of a message only (RFC 7692 §6.1).
    let broken = [client(0x41, head), client(0xc0, tail)].concat();
    let violation = Violation::Protocol("reserved bit");
    check_with(true, LIMIT, &broken, &[], Some(violation));
    check_with(true, LIMIT, &client(0xc9, b""), &[], Some(violation));
}

/// One message as the property tests send it: cut into fragments, with pings between them.
#[derive(Debug, Clone)]
struct Sent {
    text: bool,
    fragments: Vec<Vec<u8>>,
    ping: Option<Vec<u8>>,
}

fn sent() -> impl Strategy<Value = Sent> {
    let fragment = prop::collection::vec(0x20_u8..0x7f, 0..300);
    let ping = prop::option::of(prop::collection::vec(any::<u8>(), 0..=125));
    (any::<bool>(), prop::collection::vec(fragment, 1..4), ping).prop_map(
        |(text, fragments, ping)| Sent {
            text,
            fragments,
            ping,
        },
    )
}

fn encode(messages: &[Sent]) -> (Vec<u8>, Vec<Got>) {
    let (mut stream, mut expected) = (Vec::new(), Vec::new());
    for message in messages {
        let last = message.fragments.len() - 1;
        for (at, fragment) in message.fragments.iter().enumerate() {
            let opcode = match (at, message.text) {
                (0, true) => 0x1,
                (0, false) => 0x2,
                _ => 0x0,
            };
            let fin = if at == last { 0x80 } else { 0 };
            stream.extend(client(fin | opcode, fragment));
            if let (true, Some(ping)) = (at < last, &message.ping) {
                stream.extend(client(0x89, ping));
                expected.push(Got::Ping(ping.clone()));
            }
        }
        let payload = message.fragments.concat();
        expected.push(match message.text {
            true => Got::Text(String::from_utf8(payload).expect("the strategy makes ASCII")),
            false => Got::Binary(payload),
        });
    }
    (stream, expected)
}

/// Cuts a stream at arbitrary places.
fn cut<'a>(stream: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = stream;
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at((*size).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_conversation_survives_any_cut(
        messages in prop::collection::vec(sent(), 0..8),
        sizes in prop::collection::vec(1_usize..500, 1..20),
    ) {
        let (stream, expected) = encode(&messages);
        let got = decode(&mut Decoder::new(LIMIT, false), cut(&stream, &sizes));
        prop_assert_eq!(got, (expected, None));
    }

    #[test]
    fn a_damaged_conversation_decodes_alike_however_it_is_cut(
        messages in prop::collection::vec(sent(), 1..4),
        at in any::<prop::sample::Index>(),
        damage in 1_u8..,
        sizes in prop::collection::vec(1_usize..60, 1..20),
        deflate in any::<bool>(),
    ) {
        let (mut stream, _) = encode(&messages);
        let at = at.index(stream.len());
        stream[at] ^= damage;
        let whole = decode(&mut Decoder::new(1000, deflate), [&stream[..]]);
        let pieces = decode(&mut Decoder::new(1000, deflate), cut(&stream, &sizes));
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn any_bytes_decode_alike_however_they_are_cut(
        stream in prop::collection::vec(any::<u8>(), 0..400),
        sizes in prop::collection::vec(1_usize..20, 1..20),
        deflate in any::<bool>(),
    ) {
        let whole = decode(&mut Decoder::new(1000, deflate), [&stream[..]]);
        let pieces = decode(&mut Decoder::new(1000, deflate), cut(&stream, &sizes));
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn server_frames_are_whole_and_unmasked(payload in prop::collection::vec(any::<u8>(), 0..70_000)) {
        let frame = ws::frame::binary(&payload);
        let header = frame.len() - payload.len();
        prop_assert_eq!(frame[0], 0x82);
        prop_assert_eq!(frame[1] & 0x80, 0);
        prop_assert_eq!(header, match payload.len() { 0..126 => 2, 126..65536 => 4, _ => 10 });
        prop_assert_eq!(&frame[header..], &payload[..]);
    }
}
