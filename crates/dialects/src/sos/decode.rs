//! What a client says on its socket: bytes to a closed [`Request`], as lenient as
//! contract §3 is and no more.

use serde_json::{Map, Value};
use tertulia_hub::session::Message;
use uuid::Uuid;

use super::error::Refusal;
use super::kind::{Kind, is_reaction};
use crate::common::json::{self, Bounds};

/// The most characters of a message (contract §3).
pub(super) const CONTENT_CHARS: usize = 2_000;

/// A frame of the client.
#[derive(Debug)]
pub(super) enum Request {
    /// Nothing to do and nothing to say: binary frames (contract §2).
    Ignored,
    /// Wrong in itself.
    Refused(Refusal),
    /// What somebody asks for.
    Action(Action),
}

/// What somebody asks for.
#[derive(Debug)]
pub(super) enum Action {
    /// `chat_message`.
    Send(Send),
    /// `typing`.
    Typing(bool),
    /// `read_message`.
    Read(Uuid),
    /// `react_message`.
    React { message: Uuid, reaction: String },
    /// `edit_message`.
    Edit { message: Uuid, content: String },
    /// `delete_message`.
    Delete(Uuid),
}

/// `chat_message`.
#[derive(Debug)]
pub(super) struct Send {
    pub(super) content: String,
    pub(super) kind: Kind,
    /// What it answers, if there is such a message in this chat.
    pub(super) reply_to: Option<Uuid>,
}

/// Reads a frame.
pub(super) fn decode(message: Message<'_>, bounds: Bounds) -> Request {
    let Message::Text(text) = message else {
        return Request::Ignored;
    };
    let fields = match json::parse(text.as_bytes(), bounds) {
        Ok(Value::Object(fields)) => Fields(fields),
        Ok(_) | Err(json::Refusal::Malformed) => return Request::Refused(Refusal::INVALID_JSON),
        Err(json::Refusal::TooComplex) => return Request::Refused(Refusal::COMPLEX_JSON),
    };
    match action(&fields) {
        Ok(action) => Request::Action(action),
        Err(refusal) => Request::Refused(refusal),
    }
}

fn action(fields: &Fields) -> Result<Action, Refusal> {
    Ok(match fields.text("type") {
        Some("chat_message") => Action::Send(Send {
            content: fields.content()?,
            kind: fields.kind()?,
            reply_to: fields
                .text("reply_to")
                .and_then(|id| Uuid::try_parse(id).ok()),
        }),
        Some("typing") => Action::Typing(fields.flag("is_typing")),
        Some("read_message") => Action::Read(fields.message()?),
        Some("react_message") => Action::React {
            message: fields.message()?,
            reaction: fields.reaction()?,
        },
        Some("edit_message") => Action::Edit {
            message: fields.message()?,
            content: fields.content()?,
        },
        Some("delete_message") => Action::Delete(fields.message()?),
        _ => return Err(Refusal::UNKNOWN_TYPE),
    })
}

/// Words within their bounds, without white space around them.
///
/// # Errors
/// `empty` when nothing is left; [`Refusal::LONG_CONTENT`].
pub(super) fn content(text: &str, empty: Refusal) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(empty);
    }
    if text.chars().nth(CONTENT_CHARS).is_some() {
        return Err(Refusal::LONG_CONTENT);
    }
    Ok(text.to_owned())
}

/// The fields of a frame.
struct Fields(Map<String, Value>);

impl Fields {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    fn content(&self) -> Result<String, Refusal> {
        content(
            self.text("content").unwrap_or_default(),
            Refusal::EMPTY_CONTENT,
        )
    }

    /// Contract §6: an unknown kind is refused, and so are those that are not
    /// for the socket.
    fn kind(&self) -> Result<Kind, Refusal> {
        let kind = match self.0.get("message_type") {
            None | Some(Value::Null) => Some(Kind::Text),
            Some(Value::String(word)) => Kind::parse(word),
            Some(_) => None,
        };
        kind.filter(|kind| !matches!(kind, Kind::System | Kind::StoryReply))
            .ok_or(Refusal::INVALID_KIND)
    }

    /// An id that is no UUID names nothing.
    fn message(&self) -> Result<Uuid, Refusal> {
        let id = self.text("message_id").filter(|id| !id.is_empty());
        let id = id.ok_or(Refusal::MISSING_MESSAGE)?;
        Uuid::try_parse(id).map_err(|_| Refusal::UNKNOWN_MESSAGE)
    }

    fn reaction(&self) -> Result<String, Refusal> {
        let word = self.text("reaction_type").filter(|word| is_reaction(word));
        word.map(str::to_owned).ok_or(Refusal::INVALID_REACTION)
    }
}
