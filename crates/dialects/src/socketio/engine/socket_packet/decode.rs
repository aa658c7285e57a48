//! From Engine.IO messages to whole packets.

use std::borrow::Cow;

use super::{Arguments, Body, Bounds, Bytes, Invalid, Limits, MAIN_NAMESPACE, Packet, RESERVED};
use super::{Map, Value, json};

/// Puts packets together from the messages of one session.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    /// A packet whose attachments are still to come.
    unfinished: Option<Unfinished>,
}

/// A packet that waits for attachments.
#[derive(Debug)]
struct Unfinished {
    packet: Packet,
    /// How many are missing, at least one.
    missing: usize,
    /// How many bytes they may have together.
    bytes_left: usize,
}

impl Decoder {
    /// A decoder that takes packets within these limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            unfinished: None,
        }
    }

    /// Takes a message that is text. Nothing comes of it yet when attachments
    /// are to follow.
    ///
    /// # Errors
    /// [`Invalid`] when it is no packet within the limits, or stands where an
    /// attachment is expected.
    pub fn text(&mut self, text: &str) -> Result<Option<Packet>, Invalid> {
        if self.unfinished.is_some() {
            return Err(Invalid("a text where an attachment is due"));
        }
        let bytes_left = self.limits.bytes.checked_sub(text.len());
        let bytes_left = bytes_left.ok_or(Invalid("too large a packet"))?;
        let (packet, missing) = read(text, self.limits)?;
        if missing == 0 {
            return Ok(Some(packet));
        }
        self.unfinished = Some(Unfinished {
            packet,
            missing,
            bytes_left,
        });
        Ok(None)
    }

    /// Takes a message that is bytes: the next attachment. The packet comes
    /// with the last of them.
    ///
    /// # Errors
    /// [`Invalid`] when none is due, or the packet becomes too large.
    pub fn binary(&mut self, bytes: &[u8]) -> Result<Option<Packet>, Invalid> {
        let due = self.unfinished.take();
        let mut due = due.ok_or(Invalid("an attachment that belongs to nothing"))?;
        let bytes_left = due.bytes_left.checked_sub(bytes.len());
        due.bytes_left = bytes_left.ok_or(Invalid("too large a packet"))?;
        if let Body::Event { arguments, .. } | Body::Ack { arguments, .. } = &mut due.packet.body {
            arguments.attachments.push(Bytes::copy_from_slice(bytes));
        }
        due.missing -= 1;
        if due.missing == 0 {
            return Ok(Some(due.packet));
        }
        self.unfinished = Some(due);
        Ok(None)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Connect,
    Disconnect,
    Event,
    Ack,
    ConnectError,
}

/// Reads a packet's text, and how many attachments are to follow.
fn read(text: &str, limits: Limits) -> Result<(Packet, usize), Invalid> {
    let mut characters = text.chars();
    let (kind, is_binary) = match characters.next() {
        Some('0') => (Kind::Connect, false),
        Some('1') => (Kind::Disconnect, false),
        Some('2') => (Kind::Event, false),
        Some('3') => (Kind::Ack, false),
        Some('4') => (Kind::ConnectError, false),
        Some('5') => (Kind::Event, true),
        Some('6') => (Kind::Ack, true),
        _ => return Err(Invalid("an unknown Socket.IO packet")),
    };
    let rest = characters.as_str();
    let (attachments, rest) = if is_binary {
        read_attachments(rest, limits.attachments)?
    } else {
        (0, rest)
    };
    let (namespace, rest) = read_namespace(rest);
    let (id, rest) = read_id(rest)?;
    let data = read_json(rest, limits.json)?;
    let body = body(kind, id, data)?;
    if let Body::Event { arguments, .. } | Body::Ack { arguments, .. } = &body
        && is_binary
    {
        check_placeholders(&arguments.values, attachments)?;
    }
    Ok((Packet { namespace, body }, attachments))
}

fn read_attachments(text: &str, most: usize) -> Result<(usize, &str), Invalid> {
    let illegal = Invalid("an illegal number of attachments");
    let (number, rest) = text.split_once('-').ok_or(illegal)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(illegal);
    }
    let number: usize = number.parse().map_err(|_| illegal)?;
    if number > most {
        return Err(Invalid("too many attachments"));
    }
    Ok((number, rest))
}

/// A namespace begins with a slash and ends with a comma or the packet.
fn read_namespace(text: &str) -> (Cow<'static, str>, &str) {
    if !text.starts_with('/') {
        return (Cow::Borrowed(MAIN_NAMESPACE), text);
    }
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    (Cow::Owned(namespace.to_owned()), rest)
}

fn read_id(text: &str) -> Result<(Option<u64>, &str), Invalid> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Ok((None, text));
    }
    let (id, rest) = text.split_at(digits);
    let id = id
        .parse()
        .map_err(|_| Invalid("an id beyond all numbers"))?;
    Ok((Some(id), rest))
}

fn read_json(text: &str, bounds: Bounds) -> Result<Option<Value>, Invalid> {
    if text.is_empty() {
        return Ok(None);
    }
    match json::parse_text(text, bounds) {
        Ok(value) => Ok(Some(value)),
        Err(json::Refusal::Malformed) => Err(Invalid("a payload that is no JSON")),
        Err(json::Refusal::TooComplex) => Err(Invalid("too complex a payload")),
    }
}

/// Which payload belongs to which kind of packet. An id where none belongs
/// says nothing.
fn body(kind: Kind, id: Option<u64>, data: Option<Value>) -> Result<Body, Invalid> {
    let wrong = Invalid("a payload that does not belong to the packet");
    match (kind, data) {
        (Kind::Connect, None) => Ok(Body::Connect(None)),
        (Kind::Connect, Some(Value::Object(data))) => Ok(Body::Connect(Some(data))),
        (Kind::Disconnect, None) => Ok(Body::Disconnect),
        (Kind::Event, Some(Value::Array(values))) if is_event(values.first()) => Ok(Body::Event {
            id,
            arguments: values.into(),
        }),
        (Kind::Ack, Some(Value::Array(values))) => {
            let id = id.ok_or(Invalid("an answer to nothing"))?;
            let arguments = Arguments::from(values);
            Ok(Body::Ack { id, arguments })
        }
        (Kind::ConnectError, Some(data @ (Value::Object(_) | Value::String(_)))) => {
            Ok(Body::ConnectError(data))
        }
        _ => Err(wrong),
    }
}

fn is_event(first: Option<&Value>) -> bool {
    match first {
        Some(Value::String(name)) => !RESERVED.contains(&name.as_str()),
        Some(Value::Number(_)) => true,
        _ => false,
    }
}

/// Each placeholder must name an attachment that will be there.
fn check_placeholders(values: &[Value], attachments: usize) -> Result<(), Invalid> {
    values
        .iter()
        .try_for_each(|value| check_placeholder(value, attachments))
}

/// Goes as deep as the value is nested, which its bounds have limited.
fn check_placeholder(value: &Value, attachments: usize) -> Result<(), Invalid> {
    match value {
        Value::Array(values) => check_placeholders(values, attachments),
        Value::Object(members) if is_placeholder(members) => {
            let number = members.get("num").and_then(Value::as_u64);
            let exists = number.is_some_and(|number| number < attachments as u64);
            exists
                .then_some(())
                .ok_or(Invalid("a placeholder for nothing"))
        }
        Value::Object(members) => members
            .values()
            .try_for_each(|value| check_placeholder(value, attachments)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn is_placeholder(members: &Map<String, Value>) -> bool {
    members.get("_placeholder") == Some(&Value::Bool(true))
}
