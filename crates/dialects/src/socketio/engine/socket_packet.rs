//! Socket.IO 5 packets, as the default (JSON) parser of the official library
//! reads and writes them.
//!
//! ```text
//! <type>[<attachments>-][<namespace>,][<ack id>][<JSON>]
//! ```
//!
//! A packet with attachments is a text and as many binary messages right after
//! it; in its JSON `{"_placeholder":true,"num":<n>}` stands for each.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Map, Value};
use tertulia_hub::ws::frame;

use super::Invalid;
use crate::common::json::{self, Bounds};
use crate::common::settings::TransportSettings;

mod decode;

pub use decode::Decoder;

/// The namespace that need not be named.
pub const MAIN_NAMESPACE: &str = "/";

/// Names that mean something to the libraries themselves, and can be no events.
const RESERVED: &[&str] = &[
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// How much one packet may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of its JSON.
    pub json: Bounds,
    /// Binary messages that may follow it.
    pub attachments: usize,
    /// Bytes of its text and its attachments together.
    pub bytes: usize,
}

impl From<&TransportSettings> for Limits {
    fn from(settings: &TransportSettings) -> Self {
        Self {
            json: Bounds::from(settings),
            attachments: settings.socketio_attachments,
            bytes: settings.socketio_bytes,
        }
    }
}

/// One whole packet, its attachments included.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    /// Where it belongs: [`MAIN_NAMESPACE`], or another that begins with a slash.
    pub namespace: Cow<'static, str>,
    /// What it says.
    pub body: Body,
}

/// What a packet says.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// From a client: let me in, with what proves who I am. From a server: you
    /// are in.
    Connect(Option<Map<String, Value>>),
    /// The sender leaves the namespace.
    Disconnect,
    /// An event. The first argument is its name, or a number.
    Event {
        /// Under which number an answer is awaited.
        id: Option<u64>,
        /// Its name and what else it carries.
        arguments: Arguments,
    },
    /// The answer to an event.
    Ack {
        /// The number under which it was asked for.
        id: u64,
        /// The answer.
        arguments: Arguments,
    },
    /// The namespace stays closed to a client.
    ConnectError(Value),
}

/// The values of an event or an answer. In `values` each placeholder names one
/// of the attachments that there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    /// JSON, placeholders among it.
    pub values: Vec<Value>,
    /// The bytes that the placeholders stand for.
    pub attachments: Vec<Bytes>,
}

impl From<Vec<Value>> for Arguments {
    fn from(values: Vec<Value>) -> Self {
        Self {
            values,
            attachments: Vec::new(),
        }
    }
}

impl Arguments {
    /// The first value, if it is a text: the name of an event.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.values.first()?.as_str()
    }
}

impl Packet {
    /// The packet's text, without its attachments.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    /// The packet on a WebSocket: Engine.IO messages as whole frames, one after
    /// the other, so that nothing can come between a text and its attachments.
    #[must_use]
    pub fn frames(&self) -> Bytes {
        let mut text = String::from("4");
        self.write(&mut text);
        let first = frame::text(&text);
        let attachments = self.attachments();
        if attachments.is_empty() {
            return first;
        }
        let mut frames = Vec::from(first);
        for attachment in attachments {
            frames.extend_from_slice(&frame::binary(attachment));
        }
        frames.into()
    }

    /// The binary messages that follow the text.
    #[must_use]
    pub fn attachments(&self) -> &[Bytes] {
        match &self.body {
            Body::Event { arguments, .. } | Body::Ack { arguments, .. } => &arguments.attachments,
            Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => &[],
        }
    }

    fn write(&self, text: &mut String) {
        let attachments = self.attachments().len();
        text.push(self.kind());
        if attachments > 0 {
            text.push_str(&attachments.to_string());
            text.push('-');
        }
        if self.namespace != MAIN_NAMESPACE {
            text.push_str(&self.namespace);
            text.push(',');
        }
        match &self.body {
            Body::Connect(None) | Body::Disconnect => {}
            Body::Connect(Some(data)) => push_json(text, data),
            Body::ConnectError(data) => push_json(text, data),
            Body::Event { id, arguments } => {
                if let Some(id) = id {
                    text.push_str(&id.to_string());
                }
                push_json(text, &arguments.values);
            }
            Body::Ack { id, arguments } => {
                text.push_str(&id.to_string());
                push_json(text, &arguments.values);
            }
        }
    }

    fn kind(&self) -> char {
        let is_plain = self.attachments().is_empty();
        match self.body {
            Body::Connect(_) => '0',
            Body::Disconnect => '1',
            Body::Event { .. } if is_plain => '2',
            Body::Ack { .. } if is_plain => '3',
            Body::ConnectError(_) => '4',
            Body::Event { .. } => '5',
            Body::Ack { .. } => '6',
        }
    }
}

fn push_json(text: &mut String, value: &impl serde::Serialize) {
    let json = serde_json::to_string(value).expect("a JSON value has a text");
    text.push_str(&json);
}

#[cfg(test)]
mod tests;
