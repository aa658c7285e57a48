//! The incremental decoder of client frames.
//!
//! It is strict: whatever RFC 6455 forbids ends the connection with the code the RFC names. It
//! spends memory only for bytes that have arrived, and hands out a message that lies whole in the
//! input without copying it.

use std::ops::Range;

use super::{
    close::{Close, code, may_travel},
    deflate,
    header::{self, Header, MAX_HEADER, Opcode},
    mask::Mask,
};

/// A complete message or control frame from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A text message, put together from its fragments and inflated.
    Text(&'a str),
    /// A binary message, put together from its fragments and inflated.
    Binary(&'a [u8]),
    /// A ping, to be answered with a pong of the same payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// The peer closes, perhaps with a code and a reason. Nothing after it counts.
    Close(Option<(u16, &'a str)>),
}

/// What the peer did wrong. The connection ends with [`Violation::close`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// RFC 6455 was broken: close 1002.
    #[error("{0}")]
    Protocol(&'static str),
    /// A text or a close reason was not UTF-8: close 1007.
    #[error("text is not UTF-8")]
    Utf8,
    /// A compressed message could not be inflated: close 1007.
    #[error("compressed data is broken")]
    Deflate,
    /// The message was larger than the limit, before or after inflating: close 1009.
    #[error("message is too big")]
    TooBig,
}

impl Violation {
    /// The close frame for it.
    #[must_use]
    pub fn close(self) -> Close {
        match self {
            Self::Protocol(what) => Close::new(code::PROTOCOL_ERROR, what),
            Self::Utf8 => Close::new(code::INVALID_DATA, "text is not UTF-8"),
            Self::Deflate => Close::new(code::INVALID_DATA, "compressed data is broken"),
            Self::TooBig => Close::new(code::TOO_BIG, "message is too big"),
        }
    }
}

/// Decodes the byte stream of one client.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    deflate: bool,
    /// A header that has not arrived whole.
    header: [u8; MAX_HEADER],
    header_length: u8,
    /// The frame whose payload has not arrived whole.
    current: Option<Current>,
    /// The message whose last fragment has not arrived.
    open: Option<Open>,
    /// Payload that could not be handed out in place: pieces and fragments of a message.
    message: Vec<u8>,
    /// Payload of a control frame that came in pieces.
    control: Vec<u8>,
    /// `message` was handed out and belongs to the past.
    spent: bool,
}

#[derive(Debug, Clone, Copy)]
struct Current {
    opcode: Opcode,
    fin: bool,
    mask: Mask,
    missing: usize,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    text: bool,
    compressed: bool,
}

/// A frame that is complete, and where its payload lies.
struct Complete {
    what: What,
    place: Place,
}

#[derive(Clone, Copy)]
enum What {
    Text,
    Binary,
    Control(Opcode),
}

enum Place {
    Input(Range<usize>),
    Message,
    Control,
}

impl Decoder {
    /// A decoder that refuses messages above `limit` bytes, counted over all fragments and after
    /// inflating. `deflate` says whether permessage-deflate was negotiated.
    #[must_use]
    pub fn new(limit: usize, deflate: bool) -> Self {
        Self {
            limit,
            deflate,
            header: [0; MAX_HEADER],
            header_length: 0,
            current: None,
            open: None,
            message: Vec::new(),
            control: Vec::new(),
            spent: false,
        }
    }

    /// Takes bytes from `input`, starting at `*at` and moving it forward, until a message or
    /// control frame is complete; `None` means that all of `input` was taken. Payload is unmasked
    /// in place.
    ///
    /// # Errors
    ///
    /// The stream is broken for good; the decoder must not be used again.
    pub fn next<'a>(
        &'a mut self,
        input: &'a mut [u8],
        at: &mut usize,
    ) -> Result<Option<Frame<'a>>, Violation> {
        self.forget_spent();
        match self.advance(input, at)? {
            Some(complete) => self.view(&complete, input).map(Some),
            None => Ok(None),
        }
    }

    /// Whether the stream goes on with a control frame at the front of `input`.
    pub(crate) fn is_control_next(&self, input: &[u8]) -> bool {
        match self.current {
            Some(current) => current.opcode.is_control(),
            None => {
                let held = (self.header_length > 0).then(|| &self.header[0]);
                held.or(input.first())
                    .is_some_and(|first| first & 0x08 != 0)
            }
        }
    }

    /// Whether a part of a message's frame has come, and the rest of it comes next.
    pub(crate) fn is_inside_message_frame(&self) -> bool {
        (self.current.is_some() || self.header_length > 0) && !self.is_control_next(&[])
    }

    /// Frees the buffers of what was handed out before.
    fn forget_spent(&mut self) {
        if self.spent {
            self.message = Vec::new();
            self.spent = false;
        }
        let in_control = self
            .current
            .is_some_and(|current| current.opcode.is_control());
        if !in_control && !self.control.is_empty() {
            self.control = Vec::new();
        }
    }

    fn advance(&mut self, input: &mut [u8], at: &mut usize) -> Result<Option<Complete>, Violation> {
        loop {
            let complete = match self.current.take() {
                Some(current) => self.take_piece(current, input, at)?,
                None => match self.take_header(input, at)? {
                    Some(header) => self.begin(&header, input, at)?,
                    None => return Ok(None),
                },
            };
            if complete.is_some() || self.current.is_some() {
                return Ok(complete);
            }
        }
    }

    /// Reads a header from the input, or from what is left of earlier input and this one.
    fn take_header(&mut self, input: &[u8], at: &mut usize) -> Result<Option<Header>, Violation> {
        let held = usize::from(self.header_length);
        if held == 0
            && let Some((header, size)) = header::parse(&input[*at..], self.deflate)?
        {
            *at += size;
            return Ok(Some(header));
        }
        let wanted = (MAX_HEADER - held).min(input.len() - *at);
        let known = held + wanted;
        self.header[held..known].copy_from_slice(&input[*at..*at + wanted]);
        match header::parse(&self.header[..known], self.deflate)? {
            Some((header, size)) => {
                *at += size - held;
                self.header_length = 0;
                Ok(Some(header))
            }
            None => {
                *at += wanted;
                self.header_length = u8::try_from(known).unwrap_or(u8::MAX);
                Ok(None)
            }
        }
    }

    /// A header has arrived: checks it against what came before, and takes its payload at once
    /// when all of it is there.
    fn begin(
        &mut self,
        header: &Header,
        input: &mut [u8],
        at: &mut usize,
    ) -> Result<Option<Complete>, Violation> {
        let control = header.opcode.is_control();
        if !control {
            self.check_sequence(header)?;
        }
        let length = self.check_size(header, control)?;
        let whole = input.len() - *at >= length;
        let alone = header.fin && header.opcode != Opcode::Continuation && !header.compressed;
        if whole && alone {
            let range = *at..*at + length;
            *at += length;
            let mut mask = header.mask;
            mask.remove(&mut input[range.clone()]);
            let what = match header.opcode {
                Opcode::Text => What::Text,
                Opcode::Binary => What::Binary,
                control => What::Control(control),
            };
            return Ok(Some(Complete {
                what,
                place: Place::Input(range),
            }));
        }
        if matches!(header.opcode, Opcode::Text | Opcode::Binary) {
            let text = header.opcode == Opcode::Text;
            self.open = Some(Open {
                text,
                compressed: header.compressed,
            });
        }
        let current = Current {
            opcode: header.opcode,
            fin: header.fin,
            mask: header.mask,
            missing: length,
        };
        self.take_piece(current, input, at)
    }

    fn check_sequence(&self, header: &Header) -> Result<(), Violation> {
        match (header.opcode, self.open) {
            (Opcode::Continuation, None) => {
                Err(Violation::Protocol("a continuation of no message"))
            }
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                Err(Violation::Protocol("a new message inside a fragmented one"))
            }
            _ => Ok(()),
        }
    }

    fn check_size(&self, header: &Header, control: bool) -> Result<usize, Violation> {
        let length = usize::try_from(header.length).map_err(|_| Violation::TooBig)?;
        if !control && length > self.limit.saturating_sub(self.message.len()) {
            return Err(Violation::TooBig);
        }
        Ok(length)
    }

    /// Takes as much of the current frame's payload as the input holds.
    fn take_piece(
        &mut self,
        mut current: Current,
        input: &mut [u8],
        at: &mut usize,
    ) -> Result<Option<Complete>, Violation> {
        let taken = current.missing.min(input.len() - *at);
        let piece = &mut input[*at..*at + taken];
        current.mask.remove(piece);
        let control = current.opcode.is_control();
        let buffer = if control {
            &mut self.control
        } else {
            &mut self.message
        };
        buffer.extend_from_slice(piece);
        *at += taken;
        current.missing -= taken;
        if current.missing > 0 {
            self.current = Some(current);
            return Ok(None);
        }
        if control {
            return Ok(Some(Complete {
                what: What::Control(current.opcode),
                place: Place::Control,
            }));
        }
        if current.fin {
            self.finish_message().map(Some)
        } else {
            Ok(None)
        }
    }

    fn finish_message(&mut self) -> Result<Complete, Violation> {
        let open = self.open.take().unwrap_or(Open {
            text: false,
            compressed: false,
        });
        if open.compressed {
            self.message = deflate::inflate(&self.message, self.limit)?;
        }
        self.spent = true;
        let what = if open.text { What::Text } else { What::Binary };
        Ok(Complete {
            what,
            place: Place::Message,
        })
    }

    fn view<'a>(&'a self, complete: &Complete, input: &'a [u8]) -> Result<Frame<'a>, Violation> {
        let payload = match &complete.place {
            Place::Input(range) => &input[range.clone()],
            Place::Message => &self.message,
            Place::Control => &self.control,
        };
        match complete.what {
            What::Text => utf8(payload).map(Frame::Text),
            What::Binary => Ok(Frame::Binary(payload)),
            What::Control(Opcode::Ping) => Ok(Frame::Ping(payload)),
            What::Control(Opcode::Pong) => Ok(Frame::Pong(payload)),
            What::Control(_) => close_payload(payload).map(Frame::Close),
        }
    }
}

fn utf8(payload: &[u8]) -> Result<&str, Violation> {
    std::str::from_utf8(payload).map_err(|_| Violation::Utf8)
}

/// The payload of a close frame (RFC 6455 §5.5.1): nothing, or a code that may travel and a UTF-8
/// reason.
fn close_payload(payload: &[u8]) -> Result<Option<(u16, &str)>, Violation> {
    let Some((&code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() {
            Ok(None)
        } else {
            Err(Violation::Protocol("a close frame of one byte"))
        };
    };
    let code = u16::from_be_bytes(code);
    if !may_travel(code) {
        return Err(Violation::Protocol("a close code that may not travel"));
    }
    Ok(Some((code, utf8(reason)?)))
}
