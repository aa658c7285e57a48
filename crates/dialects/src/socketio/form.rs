//! The form in which a message was said, kept with it so that every reader, now
//! and in any history, is told as the contracts say.

use serde_json::{Map, Value};
use tertulia_domain::{Message, MessageKind, Metadata, Room, RoomKind};

use super::view::Dialect;

/// Which of the two said it; nothing for other dialects.
const DIALECT: &str = "socketio.dialect";
/// The sender's own `type`.
const WORD: &str = "socketio.type";
/// REDUP's `to`.
const TO: &str = "socketio.to";
/// The client's `timestamp`, any JSON value.
const TIMESTAMP: &str = "socketio.timestamp";
/// `url_archivo`.
const URL: &str = "socketio.url_archivo";
/// There was no `message` beside the file: the text that is stored is for the
/// other dialects.
const NO_TEXT: &str = "socketio.no_text";
/// Further keys that REDUP passes on.
const EXTRA: &str = "socketio.extra";

/// What the sender said besides the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Form {
    pub(super) dialect: Dialect,
    /// The sender's own `type`, where it is told to others.
    pub(super) word: Option<String>,
    /// REDUP's `to`.
    pub(super) to: Option<String>,
    pub(super) timestamp: Option<Value>,
    pub(super) url: Option<String>,
    pub(super) extra: Map<String, Value>,
}

impl Form {
    /// As it is kept with a message of this text, and the text to keep: a file
    /// without words is its address to whom cannot be shown a file.
    pub(super) fn keep(self, text: String) -> (String, Metadata) {
        let mut kept = Map::with_capacity(4);
        let mut keep = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                kept.insert(key.to_owned(), value);
            }
        };
        let dialect = match self.dialect {
            Dialect::Upred => "upred",
            Dialect::Redup => "redup",
        };
        keep(DIALECT, Some(dialect.into()));
        keep(WORD, self.word.map(Value::from));
        keep(TO, self.to.map(Value::from));
        keep(TIMESTAMP, self.timestamp);
        keep(URL, self.url.clone().map(Value::from));
        let extra = (!self.extra.is_empty()).then_some(Value::Object(self.extra));
        keep(EXTRA, extra);
        let text = match self.url {
            Some(url) if text.trim().is_empty() => {
                keep(NO_TEXT, Some(true.into()));
                url
            }
            _ => text,
        };
        (text, Metadata::from_map(kept))
    }
}

/// The form of a stored message.
#[derive(Clone, Copy)]
pub(super) struct Kept<'a> {
    message: &'a Message,
}

impl<'a> Kept<'a> {
    pub(super) fn of(message: &'a Message) -> Self {
        Self { message }
    }

    /// Who said it; none for another dialect.
    pub(super) fn dialect(self) -> Option<Dialect> {
        match self.message.metadata.text(DIALECT)? {
            "upred" => Some(Dialect::Upred),
            _ => Some(Dialect::Redup),
        }
    }

    pub(super) fn word(self) -> Option<&'a str> {
        self.message.metadata.text(WORD)
    }

    pub(super) fn to(self) -> Option<&'a str> {
        self.message.metadata.text(TO)
    }

    pub(super) fn timestamp(self) -> Option<&'a Value> {
        self.message.metadata.get(TIMESTAMP)
    }

    pub(super) fn url(self) -> Option<&'a str> {
        self.message.metadata.text(URL)
    }

    /// What was said; a new text that it was given since counts.
    pub(super) fn text(self) -> &'a str {
        let message = self.message;
        let had_none = message.metadata.get(NO_TEXT).is_some();
        if had_none && message.edited_at.is_none() {
            return "";
        }
        &message.text
    }

    pub(super) fn extra(self) -> Option<&'a Map<String, Value>> {
        self.message.metadata.get(EXTRA)?.as_object()
    }
}

/// The contract's word for a kind of message. A film is a file to clients that
/// know no films.
pub(super) fn kind_word(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Text => "texto",
        MessageKind::Image => "imagen",
        MessageKind::File | MessageKind::Video => "archivo",
        MessageKind::Audio => "audio",
        MessageKind::System => "sistema",
    }
}

/// Whether a room is a chat of one person with another, or with oneself.
pub(super) fn is_direct(room: &Room) -> bool {
    room.kind == RoomKind::Direct || room.own_of().is_some()
}

/// The contract's word for a kind of chat.
pub(super) fn chat_word(room: &Room) -> &'static str {
    if is_direct(room) { "directo" } else { "grupal" }
}
