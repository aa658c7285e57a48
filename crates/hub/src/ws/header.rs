//! The header of a client frame (RFC 6455 §5.2), read strictly.

use super::{decode::Violation, mask::Mask};

/// The longest header: two bytes, eight of length, four of mask.
pub(super) const MAX_HEADER: usize = 14;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    pub(super) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    fn starts_message(self) -> bool {
        matches!(self, Self::Text | Self::Binary)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    pub(super) fin: bool,
    /// The message is compressed (RFC 7692 §6).
    pub(super) compressed: bool,
    /// Payload bytes as announced. Nothing is allocated from it.
    pub(super) length: u64,
    pub(super) mask: Mask,
}

/// Reads a header from the front of `bytes` and says how long it was; `None` when more bytes are
/// needed. Errors are found as soon as the bytes that show them are there.
pub(super) fn parse(bytes: &[u8], deflate: bool) -> Result<Option<(Header, usize)>, Violation> {
    let &[first, second, ref rest @ ..] = bytes else {
        return first_byte(bytes, deflate);
    };
    let (opcode, fin, compressed) = parse_first(first, deflate)?;
    if second & 0x80 == 0 {
        return Err(Violation::Protocol("a client frame must be masked"));
    }
    let short = second & 0x7f;
    if opcode.is_control() && (short > 125 || !fin) {
        return Err(Violation::Protocol(
            "a control frame must be short and whole",
        ));
    }
    let Some((length, length_size)) = parse_length(short, rest)? else {
        return Ok(None);
    };
    let Some(&key) = rest[length_size..].first_chunk::<4>() else {
        return Ok(None);
    };
    let header = Header {
        opcode,
        fin,
        compressed,
        length,
        mask: Mask::new(key),
    };
    Ok(Some((header, 2 + length_size + 4)))
}

/// With a single byte only its own errors can be found.
fn first_byte(bytes: &[u8], deflate: bool) -> Result<Option<(Header, usize)>, Violation> {
    if let Some(&first) = bytes.first() {
        parse_first(first, deflate)?;
    }
    Ok(None)
}

fn parse_first(first: u8, deflate: bool) -> Result<(Opcode, bool, bool), Violation> {
    let opcode = match first & 0x0f {
        0x0 => Opcode::Continuation,
        0x1 => Opcode::Text,
        0x2 => Opcode::Binary,
        0x8 => Opcode::Close,
        0x9 => Opcode::Ping,
        0xA => Opcode::Pong,
        _ => return Err(Violation::Protocol("reserved opcode")),
    };
    let compressed = first & 0x40 != 0;
    let may_compress = deflate && opcode.starts_message();
    if first & 0x30 != 0 || (compressed && !may_compress) {
        return Err(Violation::Protocol("reserved bit"));
    }
    Ok((opcode, first & 0x80 != 0, compressed))
}

/// The payload length and the bytes its long forms took. The shortest form is demanded (RFC 6455
/// §5.2).
fn parse_length(short: u8, rest: &[u8]) -> Result<Option<(u64, usize)>, Violation> {
    let (length, size, least) = match short {
        126 => match rest.first_chunk::<2>() {
            Some(&bytes) => (u64::from(u16::from_be_bytes(bytes)), 2, 126),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(&bytes) => (u64::from_be_bytes(bytes), 8, 65536),
            None => return Ok(None),
        },
        short => (u64::from(short), 0, 0),
    };
    if length < least || length > i64::MAX as u64 {
        return Err(Violation::Protocol("a length in the wrong form"));
    }
    Ok(Some((length, size)))
}
